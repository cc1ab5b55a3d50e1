/* sample_owner.c - whose a stack is: what the stacks of a thread stand on, its name, and the task it is at.
 *
 * Roots are those of the recorder (capture/inside/trace_threads.c): threads of one kind share one, digits are '#'. The name
 * beside it has them all.
 */
#include "record/sample_state.h"

#include <string.h>
#include <unistd.h>

static const tn_sample_places *places;

void tn__sample_owner_start(const tn_sample_places *p)
{
    places = p;
}

bool tn__sample_has_frames(uint64_t state)
{
    uint64_t at;
    return tn_sample_copy(state + places->thread_frame, &at, sizeof at) && at &&
           (!places->cframe || (tn_sample_copy(at + places->thread_cframe_frame, &at, sizeof at) && at));
}

void tn__sample_own(tn_watched *w, const tn_seen_frame *frames, uint32_t n_frames, bool truncated)
{
    char text[256] = "", root[260] = "<thread ";
    uint32_t n = 0, m = 8;
    const tn_seen_frame *outermost = NULL;
    for (uint32_t i = 0; i < n_frames; i++)
        outermost = frames[i].empty ? outermost : &frames[i];
    bool first = w->native == (uint64_t)getpid();
    if (first)
        n = 13, memcpy(text, "<main thread>", 13);
    else if (outermost && !truncated)
        n = places->thread_name(outermost->address, text, 200);
    w->named = first || outermost;
    w->name = tn__sample_name(text, n);
    for (uint32_t i = 0; i < n && !first; i++)
        if (text[i] < '0' || text[i] > '9')
            root[m++] = text[i];
        else if (root[m - 1] != '#')
            root[m++] = '#';
    if (first)
        w->root = tn__pseudo(0, TN_FRAME_PSEUDO, text, n);
    else
        w->root = n ? (root[m++] = '>', tn__pseudo(0, TN_FRAME_PSEUDO, root, m))
                    : tn__pseudo(0, TN_FRAME_PSEUDO, "<thread>", 8);
}

/* Is the coroutine still called from where it was? Else the name that was read meanwhile may be that of the next. */
static bool is_there(const tn_seen_frame *f)
{
    uint64_t previous;
    return tn_sample_copy(f->address + places->frame_previous, &previous, sizeof previous) &&
           (previous & ~3ull) == f->previous;
}

/* Where it is not to be had, the name of the task's coroutine. */
uint32_t tn__sample_task(const tn_seen_frame *frames, uint32_t n_frames)
{
    char text[256];
    const tn_seen_frame *called = NULL;
    for (uint32_t i = 0; i < n_frames; i++) {
        const tn_seen_frame *f = &frames[i];
        if (f->empty)
            continue;
        if (!f->handle) {
            called = f;
            continue;
        }
        uint32_t n = places->task_name(f->address, text, sizeof text);
        if (!called || called->owner != places->owner_generator)
            return tn__sample_name(text, n);
        if (n)
            return is_there(called) ? tn__sample_name(text, n) : 0;
        const tn_code_facts *facts = &tn__code_at(called->row)->facts;
        return tn__sample_name(facts->qualname, facts->n_qualname);
    }
    return 0;
}

uint32_t tn__sample_leaf(uint32_t stack, unsigned pseudo)
{
    switch (pseudo) {
    case TN_FRAME_GC: return tn__pseudo(stack, TN_FRAME_GC, "<gc>", 4);
    case TN_FRAME_CHANGING: return tn__pseudo(stack, TN_FRAME_CHANGING, "<changing>", 10);
    default: return tn__node(stack, TN_FRAME_NATIVE, 0);
    }
}
