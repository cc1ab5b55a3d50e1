/* summary.h - the computed summary, between summary.c (what) and its two forms. */
#ifndef TN_SUMMARY_H
#define TN_SUMMARY_H

#include "view/view.h"

typedef struct tn_summary {
    tn_census census;
    enum tn_by by;
    size_t n_shown, n_filtered; /* rows printed; rows taken out by where_rows */
    size_t n_groups;            /* before where_rows */
    uint64_t *addresses;        /* of the largest, one a shown row */
    uint64_t more_bytes;        /* in rows not shown because of the limit */
} tn_summary;

extern const char *const tn__summary_keys[]; /* by enum tn_by: type, each, module */
void tn__summary_text(tn_snapshot *s, const tn_summary *sum, const tn_view_options *o, tn_out *out, tn_table *table);
void tn__summary_json(tn_snapshot *s, const tn_summary *sum, const tn_view_options *o, tn_out *out);
void tn__heading_print(tn_snapshot *s, tn_out *out, const tn_view_options *o); /* program, interpreter, when */

#endif
