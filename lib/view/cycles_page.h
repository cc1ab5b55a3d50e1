/* cycles_page.h - between cycles_page.c (what), cycle_words.c, cycles_text.c and cycles_json.c. */
#ifndef TN_CYCLES_PAGE_H
#define TN_CYCLES_PAGE_H

#include "analysis/components.h"
#include "view/sentences.h"

/* One component with what is told of it. */
typedef struct tn_cycle_row {
    uint32_t index;
    uint64_t retained; /* bytes; TN_UNKNOWN: too much to find out */
    uint64_t retained_count;
    tn_trail trail; /* to the member that is held */
    tn_content content;
} tn_cycle_row;

typedef struct tn_cycles_page {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_components *made, *components; /* made: NULL where the caller has made them */
    bool each;                        /* rows are components, not groups */
    tn_toplevel top;                  /* of these only */
    tn_order_key *order;
    uint32_t n_rows, n_shown;
    tn_cycle_row *rows;                              /* those that are shown, of components */
    tn_buf finalizers, weak, tables;                 /* tn_finalizer_row, tn_weak_row, tn_weak_table */
    bool part;                                       /* something is selected: what follows is of that alone */
    uint64_t cycles_waiting, waiting, waiting_bytes; /* components; all objects that wait */
    uint64_t cycles_listed, listed, listed_bytes;    /* the same of gc.garbage */
    tn_buf texts, scratch, label;                    /* of groups, when they are sorted by them; one text; one label */
} tn_cycles_page;

/* ---- cycle_words.c: into page->scratch, with a NUL ---- */

/* "app.Node.children[index] → app.Node.parent → app.Node" */
int tn__cycle_group_words(tn_cycles_page *page, uint32_t group, tn_error *err);
/* "app.Node.children[0] → app.Node.parent → app.Node" */
int tn__cycle_words(tn_cycles_page *page, const tn_reference *steps, uint32_t n, tn_error *err);

/* ---- the forms ---- */

const char *tn__cycle_state_name(enum tn_cycle_state state);
int tn__cycles_text(tn_cycles_page *page, const tn_view_options *o, tn_out *out, tn_error *err);
int tn__cycles_json(tn_cycles_page *page, const tn_view_options *o, tn_out *out, tn_error *err);
static inline uint32_t tn__cycles_limit(const tn_view_options *o, size_t n)
{
    return (uint32_t)(o->limit && o->limit < n ? o->limit : n);
}

#endif
