/* summary.h - the computed summary, between summary.c (what) and its two forms. */
#ifndef TN_SUMMARY_H
#define TN_SUMMARY_H

#include "view/view.h"

typedef struct tn_summary_row {
    uint64_t count, bytes, largest, number; /* number: TN_UNKNOWN where the kind is a name */
    uint64_t address, head_address;         /* of the largest; of the head, 0 without one */
    uint64_t name;                          /* offset in texts */
} tn_summary_row;

typedef struct tn_summary {
    tn_groups *groups;
    size_t n_shown, n_filtered; /* rows printed; rows taken out by where_rows */
    size_t n_groups;            /* before where_rows */
    tn_summary_row *rows;       /* those that are shown */
    tn_buf texts;
    uint64_t skipped_bytes, more_bytes; /* in rows not shown: before the first, and because of the limit */
} tn_summary;

/* What a row of this kind is called, as a key of the JSON. */
const char *tn__by_key(enum tn_by by);
/* ... and as a heading. */
const char *tn__by_heading(enum tn_by by);
static inline const char *tn__summary_name(const tn_summary *sum, size_t i)
{
    return (const char *)sum->texts.data + sum->rows[i].name;
}
/* Puts groups in order of a column by name; NULL: as they stand. */
int tn__groups_order(tn_groups *g, const char *sort, tn_error *err);
/* Sorts and cuts off groups that are made; the groups stay the caller's. */
int tn__summary_of(tn_groups *g, const tn_view_options *o, tn_summary *out, tn_error *err);
void tn__summary_free(tn_summary *sum); /* but for its groups */
void tn__summary_text(tn_snapshot *s, const tn_summary *sum, const tn_view_options *o, tn_out *out, tn_table *table);
void tn__summary_json(tn_snapshot *s, const tn_summary *sum, const tn_view_options *o, tn_out *out);
void tn__heading_print(tn_snapshot *s, tn_out *out, const tn_view_options *o); /* program, interpreter, when; and: */
void tn__birthplaces_line(tn_snapshot *s, tn_out *out);         /* what of allocations was recorded, if anything */
void tn__reconnected_print(tn_snapshot *s, tn_out *out);        /* that much was forgotten, if it was */
void tn__filtered_print(tn_out *out, size_t n);                 /* rows below the threshold; nothing of none */
void tn__selected_print(tn_out *out, const tn_view_options *o); /* by what; nothing without a selection */

#endif
