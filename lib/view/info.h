/* info.h - what stands between info.c (the page), info_rows.c (facts as rows), timeline_rows.c, birthplaces.c and cpu_about.c. */
#ifndef TN_INFO_H
#define TN_INFO_H

#include "analysis/sites.h"
#include "view/view.h"

typedef struct tn_info_rows {
    tn_snapshot *snapshot;
    tn_buf keys; /* tn_order_key: row is the index of the fact */
    size_t n, n_shown;
} tn_info_rows;

int tn__info_rows(tn_snapshot *s, const tn_view_options *o, tn_info_rows *rows, tn_error *err);
void tn__info_rows_free(tn_info_rows *rows); /* also after a failure */
int tn__info_rows_text(const tn_info_rows *rows, const tn_view_options *o, tn_out *out, tn_error *err);
void tn__info_rows_json(const tn_info_rows *rows, const tn_view_options *o, tn_json *j);

/* The time line, in timeline_rows.c; nothing of a file without one. */
void tn__timeline_print(tn_snapshot *s, const tn_view_options *o, tn_out *out);
void tn__timeline_json(tn_json *j, const char *key, tn_snapshot *s);

/* The run of the sampler of threads, in cpu_about.c; nothing, or null, of a file without samples. */
void tn__samples_print(tn_snapshot *s, tn_out *out);
void tn__samples_json(tn_json *j, tn_snapshot *s);

/* What is recorded of allocations, in birthplaces.c; nothing, or null, of a file without. */
void tn__birthplaces_print(tn_snapshot *s, const tn_joined *n, tn_out *out);
void tn__birthplaces_json(tn_json *j, tn_snapshot *s, const tn_joined *n);
/* Of how many objects; all 0 in a sampled file, of which no words are lost. */
int tn__joined_of(tn_snapshot *s, tn_joined *out, tn_error *err);
int tn__joined_print(tn_snapshot *s, tn_out *out, const tn_view_options *o, tn_error *err);

#endif
