/* set.c - a set of objects: one bit an object, and the algebra of such sets, 64 objects a step. */
#include "analysis/analysis.h"

#include <string.h>

static size_t n_words(uint32_t n)
{
    return ((size_t)n + 63) / 64;
}

int tn__set_new(const tn_alloc *a, uint32_t n, tn_set **out, tn_error *err)
{
    tn_set *set = tn__alloc_zero(a, sizeof *set);
    uint64_t *words = tn__alloc_zero(a, n_words(n) * sizeof *words);
    if (!set || !words) {
        tn__free(a, set, sizeof *set);
        tn__free(a, words, n_words(n) * sizeof *words);
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    }
    *set = (tn_set){.alloc = a, .n = n, .words = words};
    *out = set;
    return TN_OK;
}

int tn_set_new(tn_snapshot *s, tn_set **out, tn_error *err)
{
    return tn__memory_told(s, tn__set_new(tn__snapshot_alloc(s), tn_snapshot_n_objects(s), out, err), err);
}

void tn_set_free(tn_set *set)
{
    if (!set)
        return;
    const tn_alloc *a = set->alloc;
    tn__free(a, set->words, n_words(set->n) * sizeof *set->words);
    tn__free(a, set, sizeof *set);
}

int tn_set_copy(const tn_set *set, tn_set **out, tn_error *err)
{
    return tn_set_union(set, set, out, err);
}

/* ---- members ---- */

void tn__set_add(tn_set *set, uint32_t id)
{
    uint64_t bit = 1ull << (id % 64);
    set->count += !(set->words[id / 64] & bit);
    set->words[id / 64] |= bit;
}

int tn_set_add(tn_set *set, uint32_t id)
{
    if (id >= set->n)
        return TN_EINVAL;
    tn__set_add(set, id);
    return TN_OK;
}

void tn_set_remove(tn_set *set, uint32_t id)
{
    if (!tn_set_has(set, id))
        return;
    set->words[id / 64] &= ~(1ull << (id % 64));
    set->count--;
}

uint32_t tn_set_count(const tn_set *set)
{
    return set->count;
}

bool tn_set_has(const tn_set *set, uint32_t id)
{
    return id < set->n && (set->words[id / 64] >> (id % 64) & 1);
}

uint32_t tn_set_next(const tn_set *set, uint32_t from)
{
    if (from >= set->n)
        return TN_NONE;
    size_t w = from / 64;
    uint64_t word = set->words[w] & (UINT64_MAX << (from % 64));
    while (word == 0) {
        if (++w >= n_words(set->n))
            return TN_NONE;
        word = set->words[w];
    }
    return (uint32_t)(w * 64 + (size_t)__builtin_ctzll(word));
}

/* ---- algebra ---- */

/* The allocator is the snapshot's own: it tells whose a set is. */
static bool same_snapshot(const tn_set *a, const tn_set *b)
{
    return a->alloc == b->alloc && a->n == b->n;
}

int tn__set_check(tn_snapshot *s, const tn_set *set, tn_error *err)
{
    if (set && (set->alloc != tn__snapshot_alloc(s) || set->n != tn_snapshot_n_objects(s)))
        return tn__error_set(err, TN_EINVAL, 0, "the set is of another snapshot");
    return TN_OK;
}

enum operation { UNION, INTERSECT, MINUS, XOR };

static uint64_t combine(enum operation what, uint64_t a, uint64_t b)
{
    switch (what) {
    case UNION: return a | b;
    case INTERSECT: return a & b;
    case MINUS: return a & ~b;
    default: return a ^ b;
    }
}

static int combined(enum operation what, const tn_set *a, const tn_set *b, tn_set **out, tn_error *err)
{
    tn_set *set;
    if (!same_snapshot(a, b))
        return tn__error_set(err, TN_EINVAL, 0, "the two sets are of two snapshots");
    TN_TRY(tn__set_new(a->alloc, a->n, &set, err));
    for (size_t w = 0; w < n_words(a->n); w++) {
        set->words[w] = combine(what, a->words[w], b->words[w]);
        set->count += (uint32_t)__builtin_popcountll(set->words[w]);
    }
    *out = set;
    return TN_OK;
}

int tn_set_union(const tn_set *a, const tn_set *b, tn_set **out, tn_error *err)
{
    return combined(UNION, a, b, out, err);
}

int tn_set_intersect(const tn_set *a, const tn_set *b, tn_set **out, tn_error *err)
{
    return combined(INTERSECT, a, b, out, err);
}

int tn_set_minus(const tn_set *a, const tn_set *b, tn_set **out, tn_error *err)
{
    return combined(MINUS, a, b, out, err);
}

int tn_set_xor(const tn_set *a, const tn_set *b, tn_set **out, tn_error *err)
{
    return combined(XOR, a, b, out, err);
}

int tn_set_complement(tn_snapshot *s, const tn_set *set, tn_set **out, tn_error *err)
{
    const tn_set *all;
    TN_TRY(tn__set_of_all(s, &all, err));
    return combined(MINUS, all, set, out, err);
}

bool tn_set_equal(const tn_set *a, const tn_set *b)
{
    return same_snapshot(a, b) && a->count == b->count &&
           memcmp(a->words, b->words, n_words(a->n) * sizeof *a->words) == 0;
}

bool tn_set_subset(const tn_set *a, const tn_set *b)
{
    bool inside = same_snapshot(a, b);
    for (size_t w = 0; inside && w < n_words(a->n); w++)
        inside = (a->words[w] & ~b->words[w]) == 0;
    return inside;
}

int tn_set_bytes(tn_snapshot *s, const tn_set *set, uint64_t *bytes, tn_error *err)
{
    tn_block b;
    int status = TN_OK;
    uint64_t sum = 0;
    TN_TRY(tn__set_check(s, set, err));
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE && status == TN_OK;) {
        status = tn__column_block(s, TN_COL_SIZE, tn__column_block_of(s, TN_COL_SIZE, id), 0, &b, err);
        for (; status == TN_OK && id < b.first_row + b.n_rows; id = tn_set_next(set, id + 1))
            sum += tn__block_at(&b, (uint32_t)(id - b.first_row));
    }
    if (status < 0)
        return status == TN_ENOTFOUND ? tn__error_set(err, TN_ECORRUPT, 0, "sizes are missing") : status;
    *bytes = sum;
    return TN_OK;
}

/* ---- all objects but tonnage's own: kept with the snapshot ---- */

static void destroy_all(tn_snapshot *s, void *set)
{
    (void)s;
    tn_set_free(set);
}

int tn__set_of_all(tn_snapshot *s, const tn_set **out, tn_error *err)
{
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_ALL, destroy_all);
    tn_set *all;
    if (!*slot) {
        TN_TRY(tn_set_where(s, NULL, &all, err));
        *slot = all;
    }
    *out = *slot;
    return TN_OK;
}
