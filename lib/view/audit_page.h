/* audit_page.h - tonnage audit: docs/audit.md. Private to lib/view.
 *
 *   audit_page.c  what is shown, in what order, and who holds an object in words
 *   audit_text.c  sections of a page, one a grade
 *   audit_json.c  docs/view-json.md
 */
#ifndef TN_AUDIT_PAGE_H
#define TN_AUDIT_PAGE_H

#include "analysis/audit.h"
#include "view/dominator_tree.h"
#include "view/summary.h"

typedef struct tn_audit_page {
    tn_snapshot *snapshot;
    const tn_view_options *options;
    tn_audit_rows all;
    tn_order_key *order;                /* one a row: rows of a grade stand together */
    size_t starts[TN_AUDIT_GRADES + 1]; /* in order, by grade */
    tn_buf preview, holder;
} tn_audit_page;

static inline const tn_audit_row *tn__audit_shown(const tn_audit_page *p, size_t i)
{
    return tn__audit_row(&p->all, p->order[i].row);
}
static inline const char *tn__audit_label(const tn_audit_page *p, const tn_audit_row *row)
{
    return (const char *)p->all.labels.data + row->label;
}
/* Rows of a grade that the limit leaves. */
static inline size_t tn__audit_n_shown(const tn_audit_page *p, int grade)
{
    size_t n = p->starts[grade + 1] - p->starts[grade];
    return p->options->limit && p->options->limit < n ? p->options->limit : n;
}
/* Fills in preview and holder of the row's example; the holder is empty where nobody is known. */
int tn__audit_tell(tn_audit_page *p, const tn_audit_row *row, uint64_t *address, tn_error *err);

int tn__audit_text(tn_audit_page *p, tn_out *out, tn_error *err);
int tn__audit_json(tn_audit_page *p, tn_out *out, tn_error *err);

#endif
