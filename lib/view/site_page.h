/* site_page.h - the computed table of sites, between site_page.c (what) and its two forms.
 *
 *   snapshots -> pairs of them -> rows in order, each with its numbers (tn_site_row_view) -> site_text.c, site_json.c
 */
#ifndef TN_SITE_PAGE_H
#define TN_SITE_PAGE_H

#include "analysis/sites.h"
#include "view/view.h"

typedef struct tn_site_shown {
    const tn_site_pair *pair;
    const char *label;
    int64_t bytes, old_bytes; /* of the page's kind; old: 0 without another snapshot */
    double count, old_count;
    tn_interval range, change; /* 95 %, where it is left to chance */
    bool significant;          /* the change is more than chance, or there is no chance in it */
    uint64_t retained;         /* TN_UNKNOWN: not asked for */
    const tn_site_ages *ages;  /* of survivors */
    uint32_t depth;            /* creators: of the tree */
    size_t more;               /* creators: not a row, but the sum of so many that are not shown; 0: a row */
    tn_stack_entry frame;      /* file "": the row has none; names NULL: it is of several functions */
    uint32_t entry;            /* of the traceback; 0: none */
    tn_sites *table;           /* that the example is of */
} tn_site_shown;

typedef struct tn_site_page {
    const tn_view_options *o;
    tn_sites_options asked;
    tn_snapshot *snapshot, *old; /* old NULL: no comparison */
    const char *old_name;        /* its file; NULL: not known */
    tn_sites now, before;
    tn_site_pairs pairs;
    tn_cohorts cohorts;
    bool sampled;
    tn_order_key *order;
    size_t n_rows, n_filtered; /* rows; of them below the threshold */
    bool ever;                 /* in order of what there ever was: rows of which nothing is alive are shown, too */
    tn_site_shown *shown;
    size_t n_shown, n_room, n_more; /* n_more: rows of the tables that are not shown */
    tn_site_shown total;
    tn_arena labels; /* creators */
} tn_site_page;

static inline bool tn__site_has_frames(const tn_site_page *p) /* a row is one place, not many */
{
    enum tn_sites_by by = p->asked.by;
    return by == TN_SITES_LINE || by == TN_SITES_FUNCTION || by == TN_SITES_TRACEBACK || by == TN_SITES_TYPE ||
           by == TN_SITES_FILE;
}
/* Bytes of an estimate or of an interval's end, which a file may put beyond what 64 bits hold. */
static inline uint64_t tn__site_whole(double bytes)
{
    return bytes > 0 ? bytes < 0x1p64 ? (uint64_t)bytes : UINT64_MAX : 0;
}
/* What was ever allocated is known by stack alone, of all blocks. */
static inline bool tn__site_knows_ever(const tn_site_page *p)
{
    return p->asked.page == TN_SITES_TABLE && !p->old && !p->now.within && p->asked.by != TN_SITES_TYPE &&
           !tn__fact_dump(p->snapshot); /* tracemalloc knows what is alive */
}
static inline int64_t tn__site_freed(const tn_site_sum *sum) /* bytes */
{
    int64_t freed = sum->bytes[TN_SITES_ALLOCATED] - sum->bytes[TN_SITES_LIVE];
    return freed > 0 ? freed : 0;
}
uint64_t tn__site_count(double count);                 /* rounded */
double tn__site_interval_bytes(const tn_site_page *p); /* of two snapshots the larger one */
bool tn__site_process_told(const tn_site_page *p);     /* by both snapshots */
/* "app.py:88: size=408 KiB (+408 KiB), count=5379 (+5379), average=77 B", into a buffer that is emptied first. */
int tn__site_words(const tn_site_page *p, const tn_site_shown *row, tn_buf *out, tn_error *err);
const char *tn__site_signed(double bytes, char *out, size_t cap); /* "+1.5 KiB"; cap >= 24 */

/* ---- site_peak.c ---- */

typedef struct tn_site_peak {
    uint64_t above;         /* bytes more than are alive now */
    uint64_t birth, births; /* allocations since the start: until then, until now */
    uint64_t before_ns;     /* before the snapshot, by the time line; TN_UNKNOWN: it does not tell */
} tn_site_peak;
bool tn__site_peak(tn_snapshot *s, tn_site_peak *out); /* false: not known */

/* ---- site_tree.c ---- */

/* The rows of creators, level by level below each other. */
int tn__site_tree(tn_site_page *p, tn_error *err);

int tn__site_text_page(tn_site_page *p, tn_out *out, tn_error *err);
int tn__site_json_page(tn_site_page *p, tn_json *j, tn_error *err); /* into an object that is open */

#endif
