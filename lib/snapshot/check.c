/* check.c - reads every chunk of a snapshot and every rule of docs/format.md. */
#include "snapshot/snapshot.h"

#include <string.h>

typedef struct checker {
    tn_snapshot *s;
    tn_report report;
    void *ctx;
    tn_error first;
    size_t findings;
} checker;

/* Out of memory and read errors are no findings: they end the check. */
static bool found(checker *c, int status, const tn_error *err)
{
    if (status == 0)
        return false;
    if (c->report)
        c->report(c->ctx, err);
    if (c->findings++ == 0)
        c->first = *err;
    return status == TN_ENOMEM || status == TN_EIO || status == TN_ELIMIT;
}

static bool check_chunks(checker *c)
{
    for (size_t i = 0; i < c->s->n_chunks; i++) {
        tn_error err = {0};
        if (found(c, tn__chunk_payload(c->s, &c->s->chunks[i], &c->s->slots[4], &err), &err))
            return true;
    }
    return false;
}

static bool check_columns(checker *c)
{
    tn_snapshot *s = c->s;
    const uint64_t *wide;
    const uint32_t *narrow;
    uint64_t n;
    tn_error err = {0};
    static const enum tn_column wides[] = {TN_COL_SIZE, TN_COL_LENG, TN_COL_CAPA, TN_COL_BUFS, TN_COL_HASH, TN_COL_STKI};
    static const enum tn_column narrows[] = {TN_COL_SHAP, TN_COL_REFC, TN_COL_FLAG, TN_COL_DEGR, TN_COL_REFS, TN_COL_BUFK};
    for (size_t i = 0; i < sizeof wides / sizeof *wides; i++)
        if (found(c, tn__column_u64(s, wides[i], &wide, &n, &err), &err))
            return true;
    for (size_t i = 0; i < sizeof narrows / sizeof *narrows; i++)
        if (found(c, tn__column_u32(s, narrows[i], &narrow, &n, &err), &err))
            return true;
    if (found(c, tn__snapshot_addresses(s, &err), &err))
        return true;
    for (unsigned i = 0; i < TN_SPARSES; i++)
        if (found(c, tn__sparse_index(s, i, &err), &err))
            return true;
    return found(c, tn__previews_load(s, &err), &err) || found(c, tn__stacks_load(s, &err), &err);
}

static bool check_nodes(checker *c)
{
    tn_snapshot *s = c->s;
    const tn_loaded *kinds = &s->columns[TN_COL_BUFK], *sizes = &s->columns[TN_COL_BUFS];
    const tn_loaded *stacks = &s->columns[TN_COL_STKI];
    tn_csr csr;
    tn_error err = {0};
    if (kinds->n != sizes->n && found(c, tn__corrupt(&err, 0, "it has kinds for %llu of %llu buffers",
                                                     (unsigned long long)kinds->n, (unsigned long long)sizes->n), &err))
        return true;
    for (uint64_t i = 0; i < kinds->n; i++)
        if (kinds->u32[i] >= TN_BUFFER_KINDS) {
            found(c, tn__corrupt(&err, 0, "a buffer has the unknown kind %u", kinds->u32[i]), &err);
            break;
        }
    for (uint64_t i = 0; i < stacks->n; i++)
        if (stacks->u64[i] > s->n_stacks) {
            found(c, tn__corrupt(&err, 0, "a frame names an entry that the call tree does not have"), &err);
            break;
        }
    if (found(c, tn__snapshot_references(s, &csr, &err), &err))
        return true;
    const tn_loaded *flags = &s->columns[TN_COL_FLAG], *total = &s->columns[TN_COL_SIZE];
    for (uint64_t i = 0, row = 0; i < flags->n && sizes->n && total->n == flags->n; i++) {
        uint64_t sum = 0;
        for (uint32_t n = (flags->u32[i] & TN_NODE_BUFFERS) >> 8; n && row < sizes->n; n--)
            sum += sizes->u64[row++];
        if (sum > total->u64[i]) {
            found(c, tn__corrupt(&err, 0, "the buffers of node %llu are larger than the node", (unsigned long long)i), &err);
            break;
        }
    }
    return false;
}

int tn_snapshot_check(tn_snapshot *s, tn_report report, void *ctx, tn_error *err)
{
    checker c = {.s = s, .report = report, .ctx = ctx};
    bool stopped = check_chunks(&c);
    if (s->truncated) {
        tn_error end = {0};
        found(&c, tn__error_set(&end, TN_ETRUNCATED, s->file_bytes, "truncated snapshot: its end is missing"), &end);
    } else if (!stopped && c.findings == 0 && !check_columns(&c) && c.findings == 0) {
        check_nodes(&c);
    }
    if (c.findings && err)
        *err = c.first;
    return c.findings ? c.first.status : 0;
}
