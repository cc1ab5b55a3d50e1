/* diff_page.h - the computed comparison, between diff_page.c (what) and its two forms. */
#ifndef TN_DIFF_PAGE_H
#define TN_DIFF_PAGE_H

#include "analysis/diff.h"
#include "view/made_at.h"
#include "view/summary.h"

/* An object in a few words, without what tn_node_get loads. */
typedef struct tn_brief {
    tn_type type;
    uint64_t address, bytes;
    tn_buf path; /* by which it is held, text; empty: by nothing */
    bool evaluable;
    tn_snapshot *of;
    uint32_t object, type_row;
    bool sited; /* the file knows who allocated: cells and JSON have where it was made */
} tn_brief;
int tn__brief(tn_snapshot *s, uint32_t object, bool many, tn_brief *out,
              tn_error *err); /* many: of others, too. out->path is made before, and used again */
enum { TN_BRIEF_MANY = 30 };

typedef struct tn_diff_view {
    tn_snapshot *old, *new;
    tn_diff *diff;
    tn_diff_info about;
    enum tn_by by;
    tn_diff_rows rows;
    tn_order_key *order; /* rows that changed */
    size_t n_changed, n_shown;
    tn_buf growing; /* tn_change */
    tn_diff_edges edges;
    tn_groups *made;     /* new objects by the line that made them; NULL: that was not recorded */
    tn_site_main *mains; /* of each of rows the line that made most of what is new; NULL: the same, or by SITE */
    tn_brief brief;
    bool apart_known;
    int64_t apart_ns;
} tn_diff_view;

enum { TN_DIFF_SECTION = 10 }; /* rows of the sections below the table, at most; --limit may make it fewer */
static inline size_t tn__diff_section(const tn_view_options *o, size_t n)
{
    size_t most = o->limit && o->limit < TN_DIFF_SECTION ? o->limit : TN_DIFF_SECTION;
    most = o->limit ? most : n;
    return n < most ? n : most;
}
static inline const tn_diff_row *tn__diff_row(const tn_diff_view *v, size_t i)
{
    return &v->rows.rows[v->order[i].row];
}
static inline const tn_site_main *tn__diff_main(const tn_diff_view *v, size_t i)
{
    return &v->mains[v->order[i].row];
}
const char *tn__diff_heading(enum tn_by by);         /* of the column that names rows */
const char *tn__diff_nouns(enum tn_by by, size_t n); /* "types", of one "type" */
void tn__diff_key_json(tn_json *j, enum tn_by by, const char *name, uint64_t number);

/* ---- growth_page.c: of three snapshots and more ---- */
int tn__growth_page(tn_snapshot *const *snapshots, size_t n, const tn_view_options *o, tn_out *out, tn_error *err);

/* "dict at 0x7f0a12345680, 1.5 KiB"; its path; where sited, a third cell: where it was made. */
int tn__brief_cells(tn_table *t, const tn_brief *b, tn_error *err);
int tn__brief_json(tn_json *j, const tn_brief *b, tn_error *err); /* address, type, size, path, evaluable, site */

int tn__diff_text(tn_diff_view *v, const tn_view_options *o, tn_out *out, tn_error *err);
int tn__diff_json(tn_diff_view *v, const tn_view_options *o, tn_out *out, tn_error *err);

#endif
