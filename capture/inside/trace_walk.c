/* trace_walk.c - a stack that is not as it was: something is new on top of it, little is as it was, or depth is limited. */
#include "inside/trace_walk.h"

static const tn_walked truncated = {.code = TN_FRAME_TRUNCATED, .at = TN_FRAME_TRUNCATED, .frame = UINT64_MAX};

static inline const char *outwards(const char *frame)
{
    return TN_TRACE_AT(char *, frame, tn__trace.frame_previous);
}

/* The innermost frames that count, which are not looked for again: no frame is 0. */
static void walk_some(tn_tracer *t, const char *frame)
{
    const uint32_t depth = tn__trace.depth;
    uint32_t n = 0;
    for (; frame && n <= depth; frame = outwards(frame)) {
        tn_walked f = tn__trace_frame(frame);
        if (f.unseen)
            continue;
        f.frame = 0;
        if (!tn_walk_room(t, n))
            break;
        t->walk[n] = n == depth ? truncated : f;
        n++;
    }
    tn_walk_end(t, n);
}

static void walk_all(tn_tracer *t, const char *frame)
{
    uint32_t n = 0;
    for (; frame && tn_walk_room(t, n); frame = outwards(frame))
        t->walk[n++] = tn__trace_frame(frame);
    if (frame && n)
        t->walk[n - 1] = truncated;
    tn_walk_end(t, n);
}

/* Nearly always a few frames have ended, and a few are new. */
void tn__trace_follow(tn_tracer *t, const char *const first)
{
    enum { FEW = 8 };
    tn_walked *const path = t->path, *top = path + t->n_path;
    const char *frame = first, *fresh[FEW];
    uint32_t n = 0;
    if (tn__trace.depth != UINT32_MAX) {
        walk_some(t, first);
        return;
    }
    for (; frame && n < FEW; frame = outwards(frame)) {
        while (top > path && top[-1].frame > (uint64_t)(uintptr_t)frame) /* ended: frames go upwards, as a rule */
            top--;
        if (top > path + 1 && top[-2].frame == (uint64_t)(uintptr_t)frame) /* not so those of generators */
            top--;
        if (top > path && top[-1].frame == (uint64_t)(uintptr_t)frame)
            break;
        fresh[n++] = frame;
    }
    if (!frame || n == FEW || top + n > path + t->room || !tn__trace_stand(t, top - 1)) {
        walk_all(t, first);
        return;
    }
    for (; n; top++) {
        uint32_t i = (uint32_t)(top - path);
        if (tn__trace_put(top, fresh[--n]) && i < t->n_same)
            t->n_same = i;
    }
    t->n_path = (uint32_t)(top - path);
}
