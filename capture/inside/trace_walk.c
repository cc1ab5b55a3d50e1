/* trace_walk.c - a stack from its innermost frame on, where the path before is no help. */
#include "inside/trace_walk.h"

void tn__trace_walk_all(tn_tracer *t, const char *frame)
{
    const uint32_t depth = tn__trace.depth;
    uint32_t n = 0;
    if (depth == 1 && t->room && frame) {
        bool other = tn__trace_put(t->path, frame);
        if (!t->path->unseen) {
            t->n_same = other ? 0 : t->n_same;
            t->n_path = 1;
            return;
        }
        t->n_same = 0;
    }
    for (; frame && n < depth; frame = TN_TRACE_AT(char *, frame, tn__trace.frame_previous)) {
        tn_walked f = tn__trace_frame(frame);
        if (f.unseen && depth != UINT32_MAX)
            continue;
        if (!tn_walk_room(t, n)) {
            if (n)
                t->walk[n - 1] = (tn_walked){.code = TN_FRAME_TRUNCATED, .at = TN_FRAME_TRUNCATED, .frame = UINT64_MAX};
            break;
        }
        t->walk[n++] = f;
    }
    tn_walk_end(t, n);
}
