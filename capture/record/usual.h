/* usual.h - what is done at nearly each call while recording is exact, to be inlined into hooks of MEM and OBJ: for the locked
 * side only, of blocks of more than one granule when they end. Where something is not as usual, false is given, nothing has
 * been changed, and record.h's function does it.
 */
#ifndef TN_RECORD_USUAL_H
#define TN_RECORD_USUAL_H

#include "record/shadow_words.h"

static inline __attribute__((always_inline)) bool tn__usual_alloc(tn_tracer *t, uint64_t address, uint64_t bytes,
                                                                  unsigned domain)
{
    uint32_t site = tn__site_usual(t, domain);
    if (__builtin_expect(!site, 0))
        site = tn__site_of(t, domain);
    uint64_t granule = tn__granule_of(address);
    uint64_t *word = granule < TN_GRANULES && bytes < TN_HUGE_BLOCK ? tn__shadow_word(granule) : NULL;
    if (__builtin_expect(!word || tn_get(word), 0))
        return false;
    tn__words_put(word, bytes, site, tn__birth(t, false));
    tn__tally(site, false, true, (int64_t)bytes, TN_COUNT_ONE, (int64_t)bytes, TN_COUNT_ONE);
    return true;
}

static inline bool tn__is_temporary(const tn_tracer *t, uint64_t birth)
{
    return birth >> 48 == t->number && tn__birth_number(birth) >= t->recent[t->n_recent % TN_RECENT];
}

static inline __attribute__((always_inline)) bool tn__usual_free(tn_tracer *t, uint64_t address)
{
    uint64_t granule = tn__granule_of(address);
    if (granule >= TN_GRANULES)
        return false;
    uint64_t *word = tn__shadow_word(granule), seen = word ? tn_get(word) : 0;
    int64_t bytes = (int64_t)(seen >> TN_WORD_SITE_BITS);
    if (!seen)
        return true; /* not recorded */
    if (__builtin_expect((uint64_t)bytes >= TN_HUGE_BLOCK, 0))
        return false;
    uint32_t site = tn__word_site(seen);
    uint64_t birth = tn_get(word + 1);
    tn_set(word, 0);
    tn_set(word + 1, 0);
    if (tn__is_temporary(t, birth))
        tn__temporary(site, false, bytes, TN_COUNT_ONE);
    tn__tally(site, false, false, 0, 0, -bytes, -TN_COUNT_ONE);
    return true;
}

#endif
