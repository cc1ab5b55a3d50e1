/* audit.h - reference counts against references. Private to lib/.
 *
 *   audit.c       one object: what is counted, what was found, who holds the rest
 *   audit_rows.c  objects of a grade in groups
 *
 * Grades: docs/audit.md.
 */
#ifndef TN_AUDIT_H
#define TN_AUDIT_H

#include "analysis/analysis.h"
#include "graph/graph.h"

/* ---- audit.c ---- */

typedef struct tn_audit {
    tn_snapshot *snapshot;
    uint32_t n_nodes, n_objects;
    const uint32_t *refcounts; /* by node; NULL: none were recorded */
    uint32_t *found;           /* by node: owning references */
    uint8_t *grades;           /* by object: enum tn_audit_grade */
    const tn_seen_row *seen;   /* NULL: nobody has looked */
    uint32_t n_seen;
    uint32_t n_unseen; /* objects with an excess and references, and no pointer to them */
} tn_audit;
int tn__audit(tn_snapshot *s, const tn_audit **out,
              tn_error *err); /* made when first asked for, kept with the snapshot */
/* How many references are not accounted for; of a SHORT one, how many too many were found. */
static inline uint64_t tn__audit_excess(const tn_audit *a, uint32_t id)
{
    return a->refcounts[id] > a->found[id] ? a->refcounts[id] - a->found[id] : a->found[id] - a->refcounts[id];
}
/* Where pointers to the object were seen; *n may be 0. */
const tn_seen_row *tn__audit_seen(const tn_audit *a, uint32_t id, uint32_t *n);
/* Of LOST and LEAKED: how many of the excess have no pointer; else 0. */
uint64_t tn__audit_unseen(const tn_audit *a, uint32_t id);
/* Does the interpreter itself have these pointers, or tonnage, or a call that is under way? */
bool tn__audit_explains(const tn_audit *a, const tn_seen_row *seen);

/* ---- audit_rows.c ---- */

typedef struct tn_audit_row {
    enum tn_audit_grade grade;
    uint64_t count, excess, bytes;
    uint64_t unseen;   /* of LOST and LEAKED: the excess for which there is no pointer */
    uint64_t retained; /* of LOST and POSSIBLE: what would be freed with them, if all others stayed; else TN_UNKNOWN */
    uint32_t example;  /* with the largest excess (LEAKED: unseen), the largest and then the first of such */
    uint64_t example_bytes;
    uint64_t label; /* offset in labels */
} tn_audit_row;

typedef struct tn_audit_total {
    uint64_t count, excess, unseen, bytes;
} tn_audit_total;

typedef struct tn_audit_rows {
    const tn_audit *audit;
    tn_buf rows;                                   /* tn_audit_row, by grade */
    tn_buf labels;                                 /* NUL-terminated */
    tn_audit_total total, grades[TN_AUDIT_GRADES]; /* total: of all selected objects, excess 0 */
} tn_audit_rows;
int tn__audit_rows(tn_snapshot *s, const tn_set *set, enum tn_by by, tn_audit_rows *out, tn_error *err);
void tn__audit_rows_free(tn_audit_rows *r);
static inline tn_audit_row *tn__audit_row(const tn_audit_rows *r, size_t i)
{
    return (tn_audit_row *)(void *)r->rows.data + i;
}
static inline size_t tn__audit_n_rows(const tn_audit_rows *r)
{
    return r->rows.size / sizeof(tn_audit_row);
}

#endif
