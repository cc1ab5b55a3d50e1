/* shadow_words.h - the words of the shadow: where they are (shadow.c has the picture), and what they say.
 *
 *     a block's first granule   63…58 zero · 57…24 bytes, all ones: they are in the table of blocks · 23…0 site
 *     or, up to 16 bytes        63 zero · 62…58 bytes + 1 · 57…24 birth, without what does not fit · 23…0 site
 *     its second, if it has one 63 one · 62…48 thread · 47…0 birth
 *
 * So no second word is ever taken for a block: one that stays, since nobody told of its block's end, nor one that a reader
 * sees while its block is put or taken.
 *
 * A word is stored as a whole: what it says by itself is right whoever reads it.
 */
#ifndef TN_SHADOW_WORDS_H
#define TN_SHADOW_WORDS_H

#include "record/state.h"

/* ---- where they are ---- */

enum { TN_SHADOW_ROOT = 1 << 16, TN_SHADOW_MIDDLE = 1 << 12, TN_SHADOW_LEAF = 1 << 16 };
extern uint64_t **tn__shadow[TN_SHADOW_ROOT]; /* no leaf is there but while recording is exact */
static const uint64_t TN_GRANULES = 1ull << 44;

/* The number of the granule that begins at address; at least TN_GRANULES where none does. */
static inline uint64_t tn__granule_of(uint64_t address)
{
    return address >> 4 | address << 60;
}

/* NULL: there is none yet. */
static inline uint64_t *tn__shadow_word(uint64_t granule)
{
    uint64_t **middle = tn_get_acquire(&tn__shadow[granule >> 28]);
    uint64_t *leaf = middle ? tn_get_acquire(&middle[granule >> 16 & (TN_SHADOW_MIDDLE - 1)]) : NULL;
    return leaf ? leaf + (granule & (TN_SHADOW_LEAF - 1)) : NULL;
}

/* ---- what they say ---- */

enum { TN_WORD_SITE_BITS = 24, TN_WORD_SIZE_BITS = 34, TN_GRANULE = 16 };
_Static_assert((uint64_t)SEGMENTS << SITE_SHIFT <= 1ull << TN_WORD_SITE_BITS, "a word has room for any site");

/* A first word less its site: below it are bytes, with the birth in a second word; itself: both are in the table of blocks;
 * above it: a block of one granule. */
static const uint64_t TN_HUGE_BLOCK = (1ull << TN_WORD_SIZE_BITS) - 1;

/* Of a block, and there is one. */
static inline bool tn__word_is_first(uint64_t word)
{
    return (int64_t)word > 0;
}

static inline uint32_t tn__word_site(uint64_t word)
{
    return word & ((1u << TN_WORD_SITE_BITS) - 1);
}

/* Of a first word; TN_HUGE_BLOCK: they are in the table. */
static inline uint64_t tn__word_bytes(uint64_t word)
{
    uint64_t bytes = word >> TN_WORD_SITE_BITS;
    return bytes > TN_HUGE_BLOCK ? (word >> (TN_WORD_SITE_BITS + TN_WORD_SIZE_BITS)) - 1 : bytes;
}

/* The birth of a block of one granule, if at most 2^33 came since. The count may be behind: threads apart go on while we look,
 * and what they add is lost where the locked side counts meanwhile. */
static inline uint64_t tn__word_birth(uint64_t word)
{
    enum { AHEAD = 1 << 30 };
    uint64_t now = tn_get(&tn__rec.births) + AHEAD;
    return now - ((now - (word >> TN_WORD_SITE_BITS)) & TN_HUGE_BLOCK);
}

static inline void tn__words_put(uint64_t *word, uint64_t bytes, uint32_t site, uint64_t birth)
{
    if (bytes > TN_GRANULE) {
        tn_set(word, bytes << TN_WORD_SITE_BITS | site);
        tn_set(word + 1, birth);
    } else {
        enum { LEFT = 64 - TN_WORD_SIZE_BITS };
        tn_set(word, (bytes + 1) << (TN_WORD_SITE_BITS + TN_WORD_SIZE_BITS) |
                         birth << LEFT >> (LEFT - TN_WORD_SITE_BITS) | site);
    }
}

/* The bytes of a block whose first word was seen, UINT64_MAX: they are in the table; and its birth, if that can be told. */
static inline uint64_t tn__words_read(const uint64_t *word, uint64_t seen, uint64_t *birth)
{
    uint64_t bytes = seen >> TN_WORD_SITE_BITS;
    if (bytes > TN_HUGE_BLOCK) {
        *birth = tn__word_birth(seen);
        return tn__word_bytes(seen);
    }
    uint64_t second = bytes < TN_HUGE_BLOCK ? tn_get(word + 1) : 0;
    *birth = tn__word_is_first(second) ? 0 : second;
    return bytes < TN_HUGE_BLOCK ? bytes : UINT64_MAX;
}

#endif
