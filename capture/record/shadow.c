/* shadow.c - exact: a word for each granule of 16 bytes of the address space.
 *
 *     address   47…32 ──> root ──> 31…20 ──> middle ──> 19…4 ──> leaf: one word for each granule of 1 MiB
 *     a block   the words of its first granule and its second, if it has one: shadow_words.h
 *
 * No lock: the words of a block belong to whoever owns the block. A leaf has one word more, for the second granule of a
 * block that begins in its last. Blocks at odd addresses, beyond 2^48 (only reached by programs that ask for it) and those
 * tracked by name, whose addresses are not ours to judge, are in the table of blocks.
 */
#include "record/usual.h"

#include <string.h>

uint64_t **tn__shadow[TN_SHADOW_ROOT];

static inline bool has_shadow(uint64_t address, unsigned domain)
{
    return tn__granule_of(address) < TN_GRANULES && (domain & (TN_DOMAIN_APART - 1)) < TN_DOMAIN_TRACKED;
}

/* Puts a new mapping where none is yet; of two threads that want to, one wins. */
static void *filled(void **place, size_t bytes)
{
    void *seen = tn_get_acquire(place), *made = seen ? NULL : tn__pages_map(TN_PART_SHADOW, bytes);
    if (!made)
        return seen;
    if (__atomic_compare_exchange_n(place, &seen, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    tn__pages_unmap(TN_PART_SHADOW, made, bytes);
    return seen;
}

enum { MIDDLE_BYTES = TN_SHADOW_MIDDLE * sizeof(void *), LEAF_BYTES = (TN_SHADOW_LEAF + 1) * sizeof(uint64_t) };

static __attribute__((noinline)) uint64_t *word_made(uint64_t granule)
{
    void **middle = filled((void **)&tn__shadow[granule >> 28], MIDDLE_BYTES);
    if (middle)
        filled(&middle[granule >> 16 & (TN_SHADOW_MIDDLE - 1)], LEAF_BYTES);
    uint64_t *word = tn__shadow_word(granule);
    if (!word)
        tn__drop(TN_DROP_MEMORY);
    return word;
}

/* ---- sums ---- */

static __attribute__((noinline)) void tally_apart(uint32_t site, bool grows, int64_t made, int64_t bytes, int64_t count)
{
    if (grows)
        tn__tally(site, true, true, made, count, bytes, count);
    else
        tn__tally(site, true, false, 0, 0, bytes, count);
}

static inline __attribute__((always_inline)) void tally(uint32_t site, bool apart, bool grows, int64_t made,
                                                        int64_t bytes, int64_t count)
{
    if (apart)
        tally_apart(site, grows, made, bytes, count);
    else
        tn__tally(site, false, grows, made, count, bytes, count);
}

/* The birth of a block of one granule with its thread, if it is among the recent ones of t. */
static __attribute__((noinline)) uint64_t small_birth_by(const tn_tracer *t, uint64_t word)
{
    uint64_t birth = tn__word_birth(word), recent = t->n_recent < TN_RECENT ? t->n_recent : TN_RECENT;
    if (birth >= t->recent[t->n_recent % TN_RECENT])
        for (uint64_t i = 1; i <= recent; i++)
            if (t->recent[(t->n_recent - i) % TN_RECENT] == birth)
                return birth | (uint64_t)t->number << 48;
    return birth | TN_BIRTH_TAG | (uint64_t)TN_NOBODY << 48;
}

void tn__block_forget(tn_tracer *t, const tn_block_row *b, bool is_free)
{
    int64_t bytes = tn__weighted_bytes(b->bytes, b->interval), count = tn__weighted_count(b->bytes, b->interval);
    enum {
        TEMPORARY_BYTES = 2048
    }; /* sampled: allocated by its thread since; the number of allocations is not known */
    bool soon = b->interval > 0
                    ? b->birth >> 48 == t->number && t->clock - (uint64_t)tn__gap - b->clock < TEMPORARY_BYTES
                    : tn__is_temporary(t, b->birth);
    if (is_free && soon)
        tn__temporary(b->site, true, bytes, count);
    tn__tally(b->site, true, false, 0, 0, -bytes, -count);
}

/* ---- blocks ---- */

/* A word that is still there at address is of a block whose end nobody told us of. */
static __attribute__((noinline)) void replaced(tn_tracer *t, uint64_t address, uint64_t word)
{
    uint32_t site = tn__word_site(word);
    tn_block_row b;
    tn__drop(TN_DROP_REPLACED);
    if (!tn__word_is_first(word))
        return;
    if (tn__word_bytes(word) != TN_HUGE_BLOCK)
        tally(site, tn__is_apart(tn__site_at(site)->domain), false, 0, -(int64_t)tn__word_bytes(word), -TN_COUNT_ONE);
    else if (tn__rows_take(address, &b))
        tn__block_forget(t, &b, false);
}

/* false: no memory. */
static bool put_row(tn_tracer *t, uint64_t address, uint64_t bytes, uint32_t site, uint64_t birth, unsigned domain)
{
    tn_block_row b = {.key = tn__block_key(address, domain), .bytes = bytes, .birth = birth, .site = site}, before;
    if (!tn__rows_put(&b, &before)) {
        tn__drop(TN_DROP_MEMORY);
        return false;
    }
    if (before.key) {
        tn__drop(TN_DROP_REPLACED);
        tn__block_forget(t, &before, false);
    }
    return true;
}

/* Where no slot can hold it. */
static __attribute__((noinline)) bool put_special(tn_tracer *t, uint64_t address, uint64_t bytes, uint32_t site,
                                                  uint64_t birth, unsigned domain)
{
    if (!put_row(t, address, bytes, site, birth, domain))
        return false;
    uint64_t *word = has_shadow(address, domain) ? word_made(tn__granule_of(address)) : NULL;
    if (!word)
        return true;
    uint64_t before = tn_get(word);
    tn_set(word, TN_HUGE_BLOCK << TN_WORD_SITE_BITS | site);
    if (before && before >> TN_WORD_SITE_BITS != TN_HUGE_BLOCK) /* else its row was there */
        replaced(t, address, before);
    return true;
}

static inline __attribute__((always_inline)) bool put(tn_tracer *t, uint64_t address, uint64_t bytes, uint32_t site,
                                                      uint64_t birth, unsigned domain)
{
    if (__builtin_expect(!has_shadow(address, domain) || bytes >= TN_HUGE_BLOCK, 0))
        return put_special(t, address, bytes, site, birth, domain);
    uint64_t *word = tn__shadow_word(tn__granule_of(address));
    if (__builtin_expect(!word, 0) && !(word = word_made(tn__granule_of(address))))
        return false;
    uint64_t before = tn_get(word);
    tn__words_put(word, bytes, site, birth);
    if (__builtin_expect(before != 0, 0))
        replaced(t, address, before);
    return true;
}

/* What stands in the words of a block is taken out; bytes TN_HUGE_BLOCK: the rest is in the table. Its site; 0: nothing did. */
static inline __attribute__((always_inline)) uint32_t take_words(const tn_tracer *t, uint64_t address, uint64_t *bytes,
                                                                 uint64_t *birth)
{
    uint64_t *word = tn__shadow_word(tn__granule_of(address)), seen = word ? tn_get(word) : 0;
    if (!tn__word_is_first(seen))
        return 0;
    tn_set(word, 0);
    *bytes = seen >> TN_WORD_SITE_BITS;
    *birth = 0;
    if (*bytes < TN_HUGE_BLOCK) {
        *birth = tn_get(word + 1);
        tn_set(word + 1, 0);
    } else if (*bytes > TN_HUGE_BLOCK) {
        *bytes = tn__word_bytes(seen);
        *birth = small_birth_by(t, seen);
    }
    return tn__word_site(seen);
}

static __attribute__((noinline)) bool take(const tn_tracer *t, uint64_t address, unsigned domain, tn_block_row *b)
{
    *b = (tn_block_row){.bytes = TN_HUGE_BLOCK};
    if (has_shadow(address, domain) && !(b->site = take_words(t, address, &b->bytes, &b->birth)))
        return false;
    return b->bytes != TN_HUGE_BLOCK || (tn__rows_count() && tn__rows_take(tn__block_key(address, domain), b));
}

/* ---- calls of the hooks ---- */

static inline __attribute__((always_inline)) void alloc(tn_tracer *t, uint64_t address, uint64_t bytes, unsigned domain,
                                                        bool apart)
{
    if (tn_get(&tn__rec.mode) != TN_RECORD_EXACT)
        return;
    uint32_t site = tn__site_of(t, domain);
    if (put(t, address, bytes, site, tn__birth(t, apart), domain))
        tally(site, apart, true, (int64_t)bytes, (int64_t)bytes, TN_COUNT_ONE);
}

static __attribute__((noinline)) void alloc_apart(tn_tracer *t, uint64_t address, uint64_t bytes, unsigned domain)
{
    if (!tn__apart_enter(t))
        return;
    alloc(t, address, bytes, domain, true);
    tn__apart_leave(t);
}

void tn_record_alloc(tn_tracer *t, uint64_t address, uint64_t bytes, unsigned domain)
{
    if (tn__is_apart(domain))
        alloc_apart(t, address, bytes, domain);
    else if (tn_get(&tn__rec.mode) == TN_RECORD_EXACT && !tn__usual_alloc(t, address, bytes, domain))
        alloc(t, address, bytes, domain, false);
}

static inline __attribute__((always_inline)) void forget(tn_tracer *t, uint32_t site, uint64_t bytes, uint64_t birth,
                                                         bool apart)
{
    if (tn__is_temporary(t, birth))
        tn__temporary(site, apart, (int64_t)bytes, TN_COUNT_ONE);
    tally(site, apart, false, 0, -(int64_t)bytes, -TN_COUNT_ONE);
}

static __attribute__((noinline)) void release_row(tn_tracer *t, uint64_t address, unsigned domain, bool apart)
{
    tn_block_row b;
    if (!tn__rows_count() || !tn__rows_take(tn__block_key(address, domain), &b))
        return;
    if (apart)
        forget(t, b.site, b.bytes, b.birth, true);
    else
        forget(t, b.site, b.bytes, b.birth, false);
}

static inline __attribute__((always_inline)) void release(tn_tracer *t, uint64_t address, unsigned domain, bool apart)
{
    uint64_t bytes = TN_HUGE_BLOCK, birth;
    uint32_t site = 0;
    if (__builtin_expect(has_shadow(address, domain), 1) && !(site = take_words(t, address, &bytes, &birth)))
        return;
    if (__builtin_expect(bytes == TN_HUGE_BLOCK, 0))
        release_row(t, address, domain, apart);
    else
        forget(t, site, bytes, birth, apart);
}

/* What was recorded exactly may be a sample when a call apart comes in that began before. */
static bool take_sample(uint64_t address, unsigned domain, tn_block_row *b)
{
    return tn_get(&tn__rec.mode) == TN_RECORD_SAMPLED && tn__rows_take(tn__block_key(address, domain), b);
}

static __attribute__((noinline)) void release_apart(tn_tracer *t, uint64_t address, unsigned domain)
{
    tn_block_row b;
    if (!tn__apart_enter(t))
        return;
    if (take_sample(address, domain, &b))
        tn__block_forget(t, &b, true);
    else
        release(t, address, domain, true);
    tn__apart_leave(t);
}

void tn_record_free(tn_tracer *t, uint64_t address, unsigned domain)
{
    if (tn__is_apart(domain))
        release_apart(t, address, domain);
    else if (!tn__usual_free(t, address))
        release(t, address, domain, false);
}

bool tn_record_take(tn_tracer *t, uint64_t address, unsigned domain, tn_taken *taken)
{
    tn_block_row b;
    bool apart = tn__is_apart(domain);
    if (apart && !tn__apart_enter(t))
        return false;
    if (apart && take_sample(address, domain, &b))
        tn__block_forget(t, &b, false);
    bool found = take(t, address, domain, &b);
    if (found)
        *taken = (tn_taken){b.bytes, b.birth, b.site, b.interval, b.clock, tn__rec.session};
    if (apart)
        tn__apart_leave(t);
    return found;
}

static void give(tn_tracer *t, const tn_taken *taken, uint64_t address, uint64_t bytes, unsigned domain, bool apart)
{
    if (taken->session != tn__rec.session || tn_get(&tn__rec.mode) != TN_RECORD_EXACT)
        return;
    int64_t change = (int64_t)(bytes - taken->bytes);
    if (!put(t, address, bytes, taken->site, taken->birth, domain))
        tally(taken->site, apart, false, 0, -(int64_t)taken->bytes, -TN_COUNT_ONE);
    else if (change > 0)
        tally(taken->site, apart, true, change, change, 0);
    else if (change < 0)
        tally(taken->site, apart, false, 0, change, 0);
}

void tn_record_give(tn_tracer *t, const tn_taken *taken, uint64_t address, uint64_t bytes, unsigned domain)
{
    bool apart = tn__is_apart(domain);
    if (apart && !tn__apart_enter(t))
        return;
    give(t, taken, address, bytes, domain, apart);
    if (apart)
        tn__apart_leave(t);
}

/* Only the site tells whose a block is. */
static bool is_of_raw(uint64_t address)
{
    tn_block_row b = {0};
    bool found = tn__shadow_find(address, &b.bytes, &b.birth, &b.site) || tn__rows_find(address, &b);
    return found && tn__site_at(b.site)->domain == TN_DOMAIN_RAW;
}

void tn_record_untrack(tn_tracer *t, uint64_t address)
{
    tn_block_row b;
    if (!tn__apart_enter(t))
        return;
    bool exact = tn_get(&tn__rec.mode) == TN_RECORD_EXACT;
    if (is_of_raw(address) && (exact ? take(t, address, TN_DOMAIN_RAW, &b) : tn__rows_take(address, &b))) {
        int64_t bytes = tn__weighted_bytes(b.bytes, b.interval), count = tn__weighted_count(b.bytes, b.interval);
        tn__tally(b.site, true, true, -bytes, -count, -bytes, -count);
    }
    tn__apart_leave(t);
}

/* ---- reading ---- */

/* Where the second word of a block is not there or is another's, what the block would cover is looked at, too. */
static inline bool no_word(const uint64_t *four)
{
    return !(tn_get(four) | tn_get(four + 1) | tn_get(four + 2) | tn_get(four + 3));
}

static uint64_t leaf_each(const uint64_t *leaf, uint64_t base, uint64_t from,
                          bool (*visit)(void *ctx, uint64_t address, uint64_t bytes, uint64_t birth, uint32_t site),
                          void *ctx)
{
    uint64_t i = from, birth;
    while (i < TN_SHADOW_LEAF) {
        uint64_t word = tn_get(&leaf[i]);
        if (!tn__word_is_first(word)) {
            for (i++; i % 4 == 0 && i < TN_SHADOW_LEAF && no_word(&leaf[i]); i += 4)
                ;
            continue;
        }
        uint64_t bytes = tn__words_read(&leaf[i], word, &birth);
        if (!visit(ctx, base + i * TN_GRANULE, bytes, birth, tn__word_site(word)))
            return UINT64_MAX;
        i += birth && bytes > TN_GRANULE ? (bytes + TN_GRANULE - 1) / TN_GRANULE : 1;
    }
    return i - TN_SHADOW_LEAF;
}

/* A block that crosses into the next leaf hides nothing there but what it covers itself, and not even that where another begins
 * at the leaf: then nobody told of its end. The second granule of a block in a leaf's last one is there. */
void tn__shadow_each(bool (*visit)(void *ctx, uint64_t address, uint64_t bytes, uint64_t birth, uint32_t site),
                     void *ctx)
{
    uint64_t covered = 0; /* granules of the next leaf */
    for (uint64_t high = 0; high < TN_SHADOW_ROOT; high++) {
        uint64_t **middle = tn_get_acquire(&tn__shadow[high]);
        if (!middle) {
            covered -= covered < (uint64_t)TN_SHADOW_MIDDLE * TN_SHADOW_LEAF
                           ? covered
                           : (uint64_t)TN_SHADOW_MIDDLE * TN_SHADOW_LEAF;
            continue;
        }
        for (uint64_t m = 0; m < TN_SHADOW_MIDDLE; m++) {
            const uint64_t *leaf = tn_get_acquire(&middle[m]);
            if (leaf && covered && tn__word_is_first(tn_get(leaf)))
                covered = 0;
            if (!leaf || covered >= TN_SHADOW_LEAF) {
                covered -= covered < TN_SHADOW_LEAF ? covered : TN_SHADOW_LEAF;
                continue;
            }
            covered = leaf_each(leaf, high << 32 | m << 20, covered, visit, ctx);
            if (covered == UINT64_MAX)
                return;
        }
    }
}

bool tn__shadow_find(uint64_t address, uint64_t *bytes, uint64_t *birth, uint32_t *site)
{
    const uint64_t *word = has_shadow(address, TN_DOMAIN_OBJ) ? tn__shadow_word(tn__granule_of(address)) : NULL;
    uint64_t seen = word ? tn_get(word) : 0;
    if (!tn__word_is_first(seen))
        return false;
    *bytes = tn__words_read(word, seen, birth);
    *site = tn__word_site(seen);
    return true;
}

static void leaves_each(void (*visit)(void *ctx, uint64_t *leaf), void *ctx)
{
    for (uint64_t high = 0; high < TN_SHADOW_ROOT; high++)
        for (uint64_t m = 0; tn_get_acquire(&tn__shadow[high]) && m < TN_SHADOW_MIDDLE; m++)
            if (tn_get_acquire(&tn__shadow[high][m]))
                visit(ctx, tn__shadow[high][m]);
}

typedef struct resident {
    int map;
    uint64_t bytes;
} resident;

static void add_resident(void *ctx, uint64_t *leaf)
{
    resident *r = ctx;
    r->bytes += tn__pages_resident_at(r->map, leaf, LEAF_BYTES);
}

uint64_t tn__shadow_resident(int map)
{
    resident r = {map, 0};
    leaves_each(add_resident, &r);
    return r.bytes;
}

static void unmap_leaf(void *ctx, uint64_t *leaf)
{
    (void)ctx;
    tn__pages_unmap(TN_PART_SHADOW, leaf, LEAF_BYTES);
}

void tn__shadow_free(void)
{
    leaves_each(unmap_leaf, NULL);
    for (uint64_t high = 0; high < TN_SHADOW_ROOT; high++) {
        if (!tn__shadow[high])
            continue;
        tn__pages_unmap(TN_PART_SHADOW, tn__shadow[high], MIDDLE_BYTES);
        tn__shadow[high] = NULL;
    }
}
