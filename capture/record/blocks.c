/* blocks.c - a table of blocks by key, in shards: samples, and what has no place in the shadow.
 *
 * In front of it stands the filter: for each granule of 2 MiB the number of rows, and of code objects, whose address is there
 * modulo 2 MiB, in one byte that stays once it is 255. Shards are cut by the same bits, so that the lock of a shard guards its
 * part of the filter.
 *
 * Rows move back into the places of those removed, copied before the place is cleared: a reader, who takes no lock, may see a
 * row twice or not at all while that goes on, but no row made of two.
 */
#include "record/state.h"

#include <string.h>

enum { SHARD_BITS = 4, SHARDS = 1 << SHARD_BITS, FIRST_ROWS = 64, ROW_WORDS = sizeof(tn_block_row) / 8 };

typedef struct table {
    uint64_t mask;
    tn_block_row rows[];
} table;

static struct {
    uint32_t lock, count;
    table *table;
    uint64_t apart[6]; /* from the next shard's line */
} shards[SHARDS];

uint8_t tn__filter[1 << TN_FILTER_BITS] __attribute__((aligned(64)));

static unsigned shard_of(uint64_t key)
{
    return tn__filter_of(key) >> (TN_FILTER_BITS - SHARD_BITS);
}

static uint64_t home(const table *t, uint64_t key)
{
    return (key * 0x9e3779b97f4a7c15u ^ key >> 57) >> 20 & t->mask;
}

/* No key while the words are being written, each seen after the one before. */
static void row_set(tn_block_row *to, const tn_block_row *from)
{
    uint64_t words[ROW_WORDS];
    memcpy(words, from, sizeof words);
    tn_set(&to->key, 0);
    for (unsigned i = 1; i < ROW_WORDS; i++)
        tn_set_release((uint64_t *)to + i, words[i]);
    tn_set_release(&to->key, words[0]);
}

/* false: it is not key's, or not any more. */
static bool row_get(const tn_block_row *from, uint64_t key, tn_block_row *to)
{
    uint64_t words[ROW_WORDS];
    for (unsigned i = 0; i < ROW_WORDS; i++)
        words[i] = tn_get_acquire((const uint64_t *)from + i);
    memcpy(to, words, sizeof words);
    return words[0] == key && tn_get_acquire(&from->key) == key;
}

static bool grow(unsigned shard)
{
    table *old = shards[shard].table;
    uint64_t n = old ? 2 * (old->mask + 1) : FIRST_ROWS;
    table *t = tn__pages_get(TN_PART_BLOCKS, sizeof *t + n * sizeof *t->rows);
    if (!t)
        return false;
    t->mask = n - 1;
    for (uint64_t i = 0; old && i <= old->mask; i++) {
        if (!old->rows[i].key)
            continue;
        uint64_t at = home(t, old->rows[i].key);
        while (t->rows[at].key)
            at = (at + 1) & t->mask;
        t->rows[at] = old->rows[i];
    }
    tn_set_release(&shards[shard].table, t);
    tn__pages_retire(old);
    return true;
}

static void count_in_filter(uint64_t key, int change)
{
    uint8_t *cell = &tn__filter[tn__filter_of(key)], n = tn_get(cell);
    if (n < UINT8_MAX)
        tn_set(cell, (uint8_t)(n + change));
}

bool tn__rows_put(const tn_block_row *b, tn_block_row *replaced)
{
    unsigned shard = shard_of(b->key);
    tn__spin_lock(&shards[shard].lock);
    table *t = shards[shard].table;
    bool ok = (t && 2ull * shards[shard].count <= t->mask) || grow(shard);
    replaced->key = 0;
    if (ok) {
        t = shards[shard].table;
        uint64_t at = home(t, b->key);
        while (t->rows[at].key && t->rows[at].key != b->key)
            at = (at + 1) & t->mask;
        *replaced = t->rows[at];
        row_set(&t->rows[at], b);
        if (!replaced->key) {
            tn_set(&shards[shard].count, shards[shard].count + 1);
            count_in_filter(b->key, 1);
        }
    }
    tn__spin_unlock(&shards[shard].lock);
    return ok;
}

/* The row at a place goes; those after it that this place kept from theirs move up. */
static void row_remove(unsigned shard, uint64_t at)
{
    table *t = shards[shard].table;
    count_in_filter(t->rows[at].key, -1);
    tn_set(&shards[shard].count, shards[shard].count - 1);
    for (uint64_t next = (at + 1) & t->mask; t->rows[next].key; next = (next + 1) & t->mask) {
        uint64_t from_home = (next - home(t, t->rows[next].key)) & t->mask;
        if (from_home >= ((next - at) & t->mask)) {
            row_set(&t->rows[at], &t->rows[next]);
            at = next;
        }
    }
    tn_set(&t->rows[at].key, 0);
}

bool tn__rows_take(uint64_t key, tn_block_row *taken)
{
    unsigned shard = shard_of(key);
    bool found = false;
    tn__spin_lock(&shards[shard].lock);
    table *t = shards[shard].table;
    for (uint64_t at = t ? home(t, key) : 0; t && t->rows[at].key; at = (at + 1) & t->mask) {
        if (t->rows[at].key == key) {
            *taken = t->rows[at];
            row_remove(shard, at);
            found = true;
            break;
        }
    }
    tn__spin_unlock(&shards[shard].lock);
    return found;
}

bool tn__rows_find(uint64_t key, tn_block_row *found)
{
    const table *t = tn_get_acquire(&shards[shard_of(key)].table);
    uint64_t at = t ? home(t, key) : 0, tries = 0, seen;
    for (; t && tries <= t->mask && (seen = tn_get_acquire(&t->rows[at].key)); tries++, at = (at + 1) & t->mask)
        if (seen == key && row_get(&t->rows[at], key, found))
            return true;
    return false;
}

void tn__rows_each(bool (*visit)(void *ctx, const tn_block_row *b), void *ctx)
{
    for (unsigned shard = 0; shard < SHARDS; shard++) {
        const table *t = tn_get_acquire(&shards[shard].table);
        for (uint64_t i = 0; t && i <= t->mask; i++) {
            tn_block_row b;
            uint64_t key = tn_get_acquire(&t->rows[i].key);
            if (key && row_get(&t->rows[i], key, &b) && !visit(ctx, &b))
                return;
        }
    }
}

/* What moves up into a place is asked there; where rows run on from the end to the beginning, one may be asked twice. */
void tn__rows_filter(bool (*change)(void *ctx, tn_block_row *b), void *ctx)
{
    for (unsigned shard = 0; shard < SHARDS; shard++) {
        tn__spin_lock(&shards[shard].lock);
        table *t = shards[shard].table;
        for (uint64_t i = 0; t && i <= t->mask;) {
            tn_block_row b = t->rows[i];
            if (b.key && !change(ctx, &b)) {
                row_remove(shard, i);
                continue;
            }
            if (b.key)
                row_set(&t->rows[i], &b);
            i++;
        }
        tn__spin_unlock(&shards[shard].lock);
    }
}

uint32_t tn__rows_count(void)
{
    uint32_t n = 0;
    for (unsigned shard = 0; shard < SHARDS; shard++)
        n += tn_get(&shards[shard].count);
    return n;
}

void tn__filter_mark(uint64_t address, int change)
{
    unsigned shard = shard_of(address);
    tn__spin_lock(&shards[shard].lock);
    count_in_filter(address, change);
    tn__spin_unlock(&shards[shard].lock);
}

static void clear_filter(void)
{
    for (size_t i = 0; i < sizeof tn__filter; i += 8)
        tn_set((uint64_t *)(void *)(tn__filter + i), 0);
}

void tn__rows_clear(void)
{
    for (unsigned shard = 0; shard < SHARDS; shard++) {
        table *t = shards[shard].table;
        shards[shard].count = 0;
        if (t)
            memset(t->rows, 0, (t->mask + 1) * sizeof *t->rows);
    }
    clear_filter();
}

void tn__rows_free(void)
{
    for (unsigned shard = 0; shard < SHARDS; shard++) {
        shards[shard].table = NULL;
        shards[shard].count = 0;
    }
    tn__pages_put_all(TN_PART_BLOCKS);
    clear_filter();
}
