/* check.c - reads every chunk of a snapshot and verifies every rule of docs/format.md. */
#include "snapshot/snapshot.h"
#include "snapshot/tracked.h"

#include <string.h>

typedef struct checker {
    tn_snapshot *s;
    tn_report report;
    void *ctx;
    tn_error first, last;
    size_t findings;
    bool stopped; /* memory or the file gave out: what follows would only say so again */
} checker;

static bool found(checker *c, int status, const tn_error *finding)
{
    if (status == 0)
        return false;
    /* A column that cannot be read is met again by each that is cut by it. */
    if (c->findings && finding->offset == c->last.offset && strcmp(finding->message, c->last.message) == 0)
        return true;
    if (c->findings++ == 0)
        c->first = *finding;
    c->last = *finding;
    c->stopped = c->stopped || status == TN_ENOMEM || status == TN_EIO || status == TN_ELIMIT;
    if (c->report)
        c->report(c->ctx, finding);
    return true;
}

/* ---- chunks ---- */

static void check_chunks(checker *c)
{
    for (size_t i = 0; i < c->s->n_chunks && !c->stopped; i++) {
        const tn_chunk *chunk = &c->s->chunks[i];
        const uint8_t *payload;
        tn_error err = {0};
        found(c, tn__chunk_load(c->s, chunk, TN_SLOT_LOAD, &payload, &err), &err);
        found(c, tn__chunk_check_padding(c->s, chunk, &err), &err);
    }
}

/* ---- columns ---- */

static void check_columns(checker *c)
{
    static const bool wide[TN_COLUMNS] = {
        [TN_COL_SIZE] = true, [TN_COL_LENG] = true, [TN_COL_CAPA] = true, [TN_COL_BUFS] = true, [TN_COL_HASH] = true,
    };
    for (unsigned i = 0; i < TN_COL_TADR && !c->stopped; i++) { /* those of traces come with them */
        const uint64_t *u64;
        const uint32_t *u32;
        uint64_t n;
        tn_error err = {0};
        if (wide[i])
            found(c, tn__column_u64(c->s, i, &u64, &n, &err), &err);
        else if (i != TN_COL_REFS) /* comes with the references */
            found(c, i == TN_COL_AODD ? tn__snapshot_addresses(c->s, &err) : tn__column_u32(c->s, i, &u32, &n, &err),
                  &err);
    }
}

/* Of each node: its buffers are not larger than itself. */
static int check_buffers(tn_snapshot *s, tn_error *err)
{
    const uint64_t *sizes, *buffers;
    const uint32_t *flags;
    uint64_t n, n_buffers, row = 0;
    TN_TRY(tn__column_u64(s, TN_COL_SIZE, &sizes, &n, err));
    TN_TRY(tn__column_u64(s, TN_COL_BUFS, &buffers, &n_buffers, err));
    TN_TRY(tn__column_u32(s, TN_COL_FLAG, &flags, &n, err));
    for (uint32_t i = 0; i < s->n_nodes && flags && buffers; i++) {
        uint64_t left = sizes[i];
        for (uint32_t k = (flags[i] & TN_NODE_BUFFERS) >> 8; k; k--, row++) {
            if (buffers[row] > left)
                return tn__corrupt(err, 0, "the buffers of node %u are larger than the node", i);
            left -= buffers[row];
        }
    }
    return 0;
}

/* Of each block that is an object's own: the object begins in it. */
static int check_owners(tn_snapshot *s, tn_error *err)
{
    tn_traces t;
    TN_TRY(tn__snapshot_traces(s, &t, err));
    TN_TRY(tn__snapshot_addresses(s, err));
    for (uint64_t i = 0; i < t.n; i++)
        if (t.kind[i] == TN_TRACE_OWN && tn__snapshot_address(s, t.node[i] - 1) - t.address[i] >= t.bytes[i])
            return tn__corrupt(err, 0, "node %u does not begin in block %llu, its own", t.node[i] - 1,
                               (unsigned long long)i);
    return 0;
}

static void check_records(checker *c)
{
    tn_csr csr;
    const tn_tracked *tracked;
    tn_error err = {0};
    found(c, check_buffers(c->s, &err), &err);
    if (!c->stopped)
        found(c, tn__snapshot_references(c->s, &csr, &err), &err);
    if (!c->stopped)
        found(c, tn__previews_load(c->s, &err), &err);
    if (!c->stopped)
        found(c, tn__stacks_load(c->s, &err), &err);
    if (!c->stopped)
        found(c, check_owners(c->s, &err), &err);
    if (!c->stopped && tn__tracked_there(c->s))
        found(c, tn__snapshot_tracked(c->s, &tracked, &err), &err);
}

int tn_snapshot_check(tn_snapshot *s, tn_report report, void *ctx, tn_error *err)
{
    checker c = {.s = s, .report = report, .ctx = ctx};
    if (s->truncated) {
        tn_error end = {0};
        found(&c,
              tn__error_set(&end, TN_ETRUNCATED, s->file_bytes,
                            "truncated snapshot: its end is missing, %zu chunks follow"
                            " one another from its beginning",
                            s->n_chunks),
              &end);
    }
    check_chunks(&c);
    /* Columns that cannot be read would be reported a second time. */
    if (c.findings == (s->truncated ? 1u : 0u) && s->n_nodes) {
        check_columns(&c);
        if (c.findings == (s->truncated ? 1u : 0u))
            check_records(&c);
    }
    if (c.findings && err)
        *err = c.first;
    return c.findings ? c.first.status : 0;
}
