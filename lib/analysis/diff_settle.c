/* diff_settle.c - what always holds the same objects, and holds another object than before, is another object.
 *
 * diff.c goes over objects once and leaves behind the pairs that it graded before all that they hold was. Their references are
 * read once more, in order: one to an object that is gone parts the pair, one to another open pair waits for it. From pair to
 * pair the news then goes through what waits, in memory: O(r log r) for r references between open pairs.
 */
#include "analysis/diff.h"

#include <stdlib.h>

typedef struct waiting { /* objects of old: the holder is gone if the held one is */
    uint32_t held, holder;
} waiting;

typedef struct settling {
    tn_diff *d;
    const tn_open_pair *open;
    size_t n;
    tn_set *is_open;                           /* and not known to be gone */
    tn_buf waiting;                            /* waiting */
    tn_buf gone;                               /* u32: objects of old */
    tn_stream references, shapes[2], sizes[2]; /* of old, of both */
} settling;

static int append(tn_buf *buf, const void *item, size_t n, tn_error *err)
{
    return tn__buf_append(buf, item, n) < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
}

/* ---- what is gone ---- */

static int look_at(settling *s, const tn_open_pair *o, tn_error *err)
{
    size_t n_waiting = s->waiting.size;
    for (uint32_t i = 0; i < o->n; i++) {
        uint64_t target;
        TN_TRY(tn__stream_at(&s->references, o->row + i, &target, err));
        if (!target || target > s->d->n_old)
            continue;
        waiting w = {(uint32_t)target - 1, o->old};
        if (s->d->survivor[w.held] == TN_NONE) {
            s->waiting.size = n_waiting; /* it waits for nothing more */
            return append(&s->gone, &o->old, sizeof o->old, err);
        }
        if (tn_set_has(s->is_open, w.held))
            TN_TRY(append(&s->waiting, &w, sizeof w, err));
    }
    return TN_OK;
}

static int by_held(const void *left, const void *right)
{
    const waiting *a = left, *b = right;
    return a->held != b->held ? (a->held < b->held ? -1 : 1) : (a->holder > b->holder) - (a->holder < b->holder);
}

static size_t first_of(const waiting *rows, size_t n, uint32_t held)
{
    size_t low = 0;
    for (size_t high = n; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].held < held)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int spread(settling *s, tn_error *err)
{
    waiting *rows = (void *)s->waiting.data;
    size_t n = s->waiting.size / sizeof *rows, n_first = s->gone.size / sizeof(uint32_t);
    if (n > 1 && n_first)
        qsort(rows, n, sizeof *rows, by_held);
    for (size_t i = 0; i < n_first; i++)
        tn_set_remove(s->is_open, ((const uint32_t *)(void *)s->gone.data)[i]);
    for (size_t at = 0; at < s->gone.size / sizeof(uint32_t); at++) {
        uint32_t held = ((const uint32_t *)(void *)s->gone.data)[at];
        for (size_t i = first_of(rows, n, held); i < n && rows[i].held == held; i++) {
            if (!tn_set_has(s->is_open, rows[i].holder))
                continue;
            tn_set_remove(s->is_open, rows[i].holder);
            TN_TRY(append(&s->gone, &rows[i].holder, sizeof rows[i].holder, err));
        }
    }
    return TN_OK;
}

/* ---- what becomes of it ---- */

static int recount(settling *s, int side, uint32_t node, tn_tally *shapes, tn_tally *total, tn_error *err)
{
    uint64_t shape, bytes;
    TN_TRY(tn__stream_at(&s->shapes[side], node, &shape, err));
    TN_TRY(tn__stream_at(&s->sizes[side], node, &bytes, err));
    shapes[shape].count++;
    shapes[shape].bytes += bytes;
    total->count++;
    total->bytes += bytes;
    return TN_OK;
}

static int part(settling *s, uint32_t old, tn_error *err)
{
    tn_diff *d = s->d;
    uint32_t new = d->survivor[old];
    d->survivor[old] = TN_NONE;
    bool was = tn_set_has(d->all_old, old), is = tn_set_has(d->all_new, new); /* selected, and not tonnage's */
    if (was || is) {
        d->graded[TN_DIFF_CERTAIN]--;
        d->graded[TN_DIFF_REUSED]++;
    }
    if (was) {
        tn__set_add(d->removed, old);
        TN_TRY(recount(s, 0, old, d->old_removed, &d->removed_total, err));
    }
    if (is) {
        tn__set_add(d->added, new);
        TN_TRY(recount(s, 1, new, d->new_added, &d->added_total, err));
    }
    return TN_OK;
}

static int settle(settling *s, tn_error *err)
{
    tn_snapshot *sides[] = {s->d->old, s->d->new};
    tn__stream_open(&s->references, s->d->old, TN_COL_REFS, 2);
    for (int i = 0; i < 2; i++) {
        tn__stream_open(&s->shapes[i], sides[i], TN_COL_SHAP, 0);
        tn__stream_open(&s->sizes[i], sides[i], TN_COL_SIZE, 1);
    }
    for (size_t i = 0; i < s->n; i++)
        TN_TRY(look_at(s, &s->open[i], err));
    TN_TRY(spread(s, err));
    for (size_t i = 0; i < s->n; i++)
        if (!tn_set_has(s->is_open, s->open[i].old))
            TN_TRY(part(s, s->open[i].old, err));
    return TN_OK;
}

int tn__diff_settle(tn_diff *d, const tn_buf *open, tn_set *is_open, tn_error *err)
{
    settling s = {.d = d, .open = (const void *)open->data, .n = open->size / sizeof(tn_open_pair), .is_open = is_open};
    tn__buf_init(&s.waiting, d->alloc);
    tn__buf_init(&s.gone, d->alloc);
    int status = s.n ? settle(&s, err) : TN_OK;
    tn__buf_free(&s.waiting);
    tn__buf_free(&s.gone);
    return status;
}
