/* set.c - a set of objects: one bit a node. */
#include "analysis/analysis.h"

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

void tn_set_free(tn_set *set)
{
    if (!set)
        return;
    const tn_alloc *a = set->alloc;
    tn__free(a, set->words, n_words(set->n) * sizeof *set->words);
    tn__free(a, set, sizeof *set);
}

void tn__set_add(tn_set *set, uint32_t id)
{
    uint64_t bit = 1ull << (id % 64);
    set->count += !(set->words[id / 64] & bit);
    set->words[id / 64] |= bit;
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
