/* cpu_page.h - the computed profile, between what is asked and its two forms.
 *
 *   cpu_page.c   groups, perhaps beside those of another file -> rows in order
 *   cpu_levels.c the call tree -> rows below rows
 *   cpu_calls.c  the call graph, callers and callees: rows and edges, in both forms
 *   cpu_about.c  what is told of the run of the sampler, in both forms
 *   cpu_text.c, cpu_json.c  rows
 */
#ifndef TN_CPU_PAGE_H
#define TN_CPU_PAGE_H

#include "analysis/cpu.h"
#include "view/view.h"

typedef struct tn_cpu_shown {
    const char *label;
    tn_cpu *table;                 /* that group is of */
    uint32_t group;                /* TN_NONE: of the total, or what is left out */
    const tn_cpu_sum *own, *total; /* never NULL */
    const tn_cpu_sum *old_own, *old_total;
    uint32_t depth; /* of the tree */
    size_t more;    /* of the tree: not a row, but the sum of so many that are not shown; 0: a row */
} tn_cpu_shown;

typedef struct tn_cpu_page_made {
    const tn_view_options *o;
    tn_cpu_options asked;
    tn_snapshot *snapshot, *old; /* old NULL: no comparison */
    tn_cpu now, before;
    tn_cpu_pairs pairs;
    tn_buf rows;  /* tn_cpu_shown */
    tn_buf nodes; /* tn_cpu_node: the tree */
    tn_arena labels;
    size_t n_more; /* rows that are not shown */
    tn_cpu_shown all;
} tn_cpu_page_made;

static inline size_t tn__cpu_n_shown(const tn_cpu_page_made *p)
{
    return p->rows.size / sizeof(tn_cpu_shown);
}
static inline const tn_cpu_shown *tn__cpu_shown_at(const tn_cpu_page_made *p, size_t i)
{
    return (const tn_cpu_shown *)(const void *)p->rows.data + i;
}

/* ---- cpu_page.c ---- */

double tn__cpu_pct(const tn_cpu *t, uint64_t weight); /* of all */
/* Seconds, or bytes with their unit; cap >= 32. */
const char *tn__cpu_unit(const tn_cpu *t); /* of weights: "ns" "bytes" "samples" */
const char *tn__cpu_amount(const tn_cpu *t, uint64_t weight, char *out, size_t cap);
const char *tn__cpu_change(const tn_cpu *t, uint64_t now, uint64_t old, char *out, size_t cap); /* with a sign */
/* 95 % of the change of a share of its own, from -1 to 1. */
tn_interval tn__cpu_share_change(const tn_cpu_page_made *p, const tn_cpu_shown *row);
/* "app.py load(): own=0.400 s (40.0 %), total=0.600 s (60.0 %), samples=40", into a buffer that is emptied first. */
int tn__cpu_words(const tn_cpu_page_made *p, const tn_cpu_shown *row, tn_buf *out, tn_error *err);
/* The label of a group, kept with the page. */
int tn__cpu_keep_label(tn_cpu_page_made *p, uint32_t group, const char **label, tn_error *err);
/* Bytes allocated for each second of processor time; below 0: of none. */
double tn__cpu_bytes_per_second(const tn_cpu_sum *sum);

/* ---- cpu_levels.c ---- */

int tn__cpu_levels(tn_cpu_page_made *p, tn_error *err);

/* ---- cpu_calls.c ---- */

/* The graph, callers or callees, written as text or, into an object that is open, JSON. */
int tn__cpu_calls_page(tn_cpu_page_made *p, tn_out *out, tn_json *j, tn_error *err);

/* ---- cpu_about.c ---- */

void tn__cpu_about_print(const tn_cpu_page_made *p, tn_out *out);
void tn__cpu_about_json(const tn_cpu_page_made *p, tn_json *j); /* "profile": {...} */

/* ---- cpu_text.c, cpu_json.c ---- */

int tn__cpu_text_page(tn_cpu_page_made *p, tn_out *out, tn_error *err);
int tn__cpu_json_page(tn_cpu_page_made *p, tn_json *j, tn_error *err); /* into an object that is open */
void tn__cpu_heading(const tn_cpu_page_made *p, tn_out *out);          /* what stands above the rows of any page */
/* "name", "file", "line", "function" of a group; TN_NONE: of none. */
int tn__cpu_place_json(const tn_cpu *t, uint32_t group, tn_json *j, tn_error *err);
void tn__cpu_frame_json(tn_cpu_page_made *p, tn_json *j); /* what every page begins with */

#endif
