/* strtab.c - distinct strings, numbered in order of arrival. */
#include "base/base.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_SLOTS = 1024 };

static const uint32_t *starts(const tn_strtab *tab)
{
    return (const uint32_t *)(const void *)tab->offsets.data;
}

static uint32_t slot_of(const tn_strtab *tab, const char *text, size_t n)
{
    uint32_t mask = tab->n_slots - 1;
    for (uint32_t i = (uint32_t)XXH3_64bits(text, n) & mask;; i = (i + 1) & mask) {
        uint32_t index = tab->slots[i];
        if (!index)
            return i;
        uint32_t start = starts(tab)[index - 1], end = starts(tab)[index];
        if (end - start == n && memcmp(tab->bytes.data + start, text, n) == 0)
            return i;
    }
}

static int grow(tn_strtab *tab, const tn_alloc *a)
{
    uint32_t n = tab->n_slots ? 2 * tab->n_slots : FIRST_SLOTS;
    uint32_t *old = tab->slots, n_old = tab->n_slots;
    uint32_t *slots = tn__alloc_zero(a, n * sizeof *slots);
    if (!slots)
        return TN_ENOMEM;
    tab->slots = slots;
    tab->n_slots = n;
    for (uint32_t i = 0; i < tab->count; i++) {
        uint32_t start = starts(tab)[i], end = starts(tab)[i + 1];
        slots[slot_of(tab, (const char *)tab->bytes.data + start, end - start)] = i + 1;
    }
    tn__free(a, old, n_old * sizeof *old);
    return 0;
}

int tn__strtab_init(tn_strtab *tab, const tn_alloc *a)
{
    memset(tab, 0, sizeof *tab);
    tn__buf_init(&tab->bytes, a);
    tn__buf_init(&tab->offsets, a);
    TN_TRY(tn__buf_append(&tab->offsets, &(uint32_t){0}, sizeof(uint32_t)));
    TN_TRY(tn__buf_reserve(&tab->bytes, 1)); /* an empty text is compared with what stands there */
    return grow(tab, a);
}

void tn__strtab_free(tn_strtab *tab)
{
    if (!tab->bytes.alloc)
        return;
    tn__free(tab->bytes.alloc, tab->slots, tab->n_slots * sizeof *tab->slots);
    tn__buf_free(&tab->bytes);
    tn__buf_free(&tab->offsets);
    tab->slots = NULL;
    tab->n_slots = tab->count = 0;
}

int tn__strtab_add(tn_strtab *tab, const char *text, size_t n, uint32_t *index)
{
    uint32_t slot = slot_of(tab, text, n);
    if (tab->slots[slot]) {
        *index = tab->slots[slot] - 1;
        return 0;
    }
    if (tab->bytes.size + n > UINT32_MAX || tab->count == TN_NONE - 1)
        return TN_ELIMIT;
    uint32_t end = (uint32_t)(tab->bytes.size + n);
    TN_TRY(tn__buf_reserve(&tab->offsets, sizeof end));
    TN_TRY(tn__buf_append(&tab->bytes, text, n));
    TN_TRY(tn__buf_append(&tab->offsets, &end, sizeof end));
    tab->slots[slot] = ++tab->count;
    *index = tab->count - 1;
    return 2 * (uint64_t)tab->count > tab->n_slots ? grow(tab, tab->bytes.alloc) : 0;
}
