/* flame_page.h - the computed tree of stacks, between flame_page.c (what, in words) and its two forms, flame_text.c and
 * flame_json.c.
 */
#ifndef TN_FLAME_PAGE_H
#define TN_FLAME_PAGE_H

#include "analysis/flame.h"
#include "view/view.h"

typedef struct tn_flame_frame {
    const char *label, *file, *function; /* file and function NULL: it is of several */
    uint32_t line;                       /* 0: likewise, or not known */
} tn_flame_frame;

typedef struct tn_flame_page {
    const tn_view_options *o;
    tn_snapshot *snapshot;
    tn_flame flame;
    tn_arena labels;
    uint32_t *frame_of; /* n_groups: 1 + frame; 0: not shown */
    tn_buf frames;      /* tn_flame_frame, as they come in nodes */
} tn_flame_page;

static inline const tn_flame_frame *tn__flame_frame(const tn_flame_page *p, uint32_t group)
{
    return (const tn_flame_frame *)(const void *)p->frames.data + (p->frame_of[group] - 1);
}
const char *tn__flame_unit(const tn_flame *f); /* of weights: "bytes" "blocks" "ns" "samples" */
int tn__flame_text(tn_flame_page *p, tn_out *out, tn_error *err);
void tn__flame_json(tn_flame_page *p, tn_out *out);

#endif
