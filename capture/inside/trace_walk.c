/* trace_walk.c - a stack from its innermost frame on: where the path before is no help, or depth is limited. */
#include "inside/trace_walk.h"

static const tn_walked truncated = {.code = TN_FRAME_TRUNCATED, .at = TN_FRAME_TRUNCATED, .frame = UINT64_MAX};

static inline const char *outwards(const char *frame)
{
    return TN_TRACE_AT(char *, frame, tn__trace.frame_previous);
}

static inline bool has_caller(const char *frame)
{
    while ((frame = outwards(frame)) && TN_TRACE_AT(uint8_t, frame, tn__trace.frame_owner) >= tn__trace.owner_skip)
        ;
    return frame != NULL;
}

/* Of depth 1, where the frame before had a caller, too. false: it is not so. */
static inline bool again_one_of_several(tn_tracer *t, const char *frame)
{
    if (t->n_path != 2 || t->path[0].code != TN_FRAME_TRUNCATED || !frame)
        return false;
    bool other = tn__trace_put(&t->path[1], frame);
    if (other && t->n_same > 1)
        t->n_same = 1;
    return !t->path[1].unseen && has_caller(frame);
}

void tn__trace_walk_all(tn_tracer *t, const char *frame)
{
    const uint32_t depth = tn__trace.depth;
    uint32_t n = 0;
    if (depth == 1 && again_one_of_several(t, frame))
        return;
    for (; frame && n <= depth; frame = outwards(frame)) {
        tn_walked f = tn__trace_frame(frame);
        if (f.unseen && depth != UINT32_MAX)
            continue;
        if (!tn_walk_room(t, n)) {
            if (n)
                t->walk[n - 1] = truncated;
            break;
        }
        t->walk[n] = n == depth ? truncated : f;
        n++;
    }
    tn_walk_end(t, n);
}
