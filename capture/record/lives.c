/* lives.c - see lives.h.
 *
 * Rows are in segments that never move; free ones are a list. The index is open addressing over numbers of rows, and doubled
 * when it is half full.
 */
#include "record/lives.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    SEGMENT_ROWS = 1 << 14,
    SEGMENTS = 1 << 14,
    FIRST_INDEX = 1 << 12,
    MIDDLE_BYTES = 8 << 12,
    LEAF_BYTES = 8 << 10
};

uint64_t **tn__lives_root[1 << TN_LIVES_ROOT_BITS];

static struct {
    tn_life *segments[SEGMENTS];
    uint32_t n_rows; /* ever used, from 1 on */
    uint32_t free;   /* the first that is free; its block is the next */
    uint32_t *index, index_mask, alive;
    uint32_t found; /* where the last search of the index ended: who asked for a life may end it next */
    uint64_t serial, dropped, mapped;
    uint32_t n_kinds;
    uint64_t types[TN_KINDS];
    tn_kind_lives *sums;
    bool logs[TN_KINDS];
    tn_death *deaths;
    uint64_t n_deaths;
    uint32_t free_kinds[TN_KINDS], n_free_kinds;
    struct {
        tn_death *rows;
        size_t first, n, room; /* first: not read yet */
    } log;
} lives;

/* ---- memory ---- */

static void *mapped(size_t bytes)
{
    int error = errno;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = error;
    if (p == MAP_FAILED)
        return NULL;
    lives.mapped += bytes;
    return p;
}

static void unmapped(void *p, size_t bytes)
{
    int error = errno;
    if (p && munmap(p, bytes) == 0)
        lives.mapped -= bytes;
    errno = error;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- bits ---- */

static __attribute__((noinline)) bool make_leaf(uint64_t block)
{
    uint64_t **middle = tn__lives_root[block >> 32];
    if (!middle) {
        middle = mapped(MIDDLE_BYTES);
        __atomic_store_n(&tn__lives_root[block >> 32], middle, __ATOMIC_RELEASE);
    }
    uint64_t *leaf = middle ? middle[block >> 20 & 0xfff] : NULL;
    if (middle && !leaf) {
        leaf = mapped(LEAF_BYTES);
        __atomic_store_n(&middle[block >> 20 & 0xfff], leaf, __ATOMIC_RELEASE);
    }
    return leaf != NULL;
}

/* The word with the bit of a block, which is there. */
static inline uint64_t *word_at(uint64_t block)
{
    return tn__lives_root[block >> 32][block >> 20 & 0xfff] + (block >> 10 & 0x3ff);
}

/* The same; makes it. NULL: no memory, or no address. */
static inline uint64_t *word_for(uint64_t block)
{
    if (block >> 48)
        return NULL;
    uint64_t **middle = tn__lives_root[block >> 32];
    return (middle && middle[block >> 20 & 0xfff]) || make_leaf(block) ? word_at(block) : NULL;
}

static inline uint64_t bit_of(uint64_t block)
{
    return 1ull << (block >> 4 & 63);
}

/* ---- rows and their index ---- */

static inline tn_life *row_at(uint32_t row)
{
    return lives.segments[row / SEGMENT_ROWS] + row % SEGMENT_ROWS;
}

static inline uint32_t home(uint64_t block, uint32_t mask)
{
    return (uint32_t)(block * 0x9e3779b97f4a7c15u >> 32) & mask;
}

static void index_put(uint32_t *index, uint32_t mask, uint32_t row)
{
    uint32_t at = home(row_at(row)->block, mask);
    while (index[at])
        at = (at + 1) & mask;
    index[at] = row;
}

static __attribute__((noinline)) bool index_grow(void)
{
    uint32_t size = lives.index ? lives.index_mask + 1 : 0, n = size ? 2 * size : FIRST_INDEX;
    uint32_t *index = n ? mapped(n * sizeof *index) : NULL;
    if (!index)
        return false;
    for (uint32_t i = 0; i < size; i++)
        if (lives.index[i])
            index_put(index, n - 1, lives.index[i]);
    unmapped(lives.index, size * sizeof *index);
    lives.index = index;
    lives.index_mask = n - 1;
    return true;
}

static inline bool index_room(void)
{
    return (lives.index && lives.alive <= lives.index_mask / 2) || index_grow();
}

/* Where the row of a block stands in the index; an empty place where there is none. */
static inline uint32_t index_find(uint64_t block)
{
    uint32_t at = home(block, lives.index_mask);
    while (lives.index[at] && row_at(lives.index[at])->block != block)
        at = (at + 1) & lives.index_mask;
    lives.found = at;
    return at;
}

/* Those behind that this place kept from theirs move up. */
static inline void index_remove(uint32_t at)
{
    uint32_t *index = lives.index, mask = lives.index_mask;
    for (uint32_t next = (at + 1) & mask; index[next]; next = (next + 1) & mask) {
        uint32_t from_home = (next - home(row_at(index[next])->block, mask)) & mask;
        if (from_home >= ((next - at) & mask)) {
            index[at] = index[next];
            at = next;
        }
    }
    index[at] = 0;
}

static inline uint32_t row_new(void)
{
    uint32_t row = lives.free;
    if (row) {
        lives.free = (uint32_t)row_at(row)->block;
        return row;
    }
    row = lives.n_rows ? lives.n_rows : 1;
    if (row / SEGMENT_ROWS >= SEGMENTS)
        return 0;
    tn_life **segment = &lives.segments[row / SEGMENT_ROWS];
    if (!*segment && !(*segment = mapped(SEGMENT_ROWS * sizeof **segment)))
        return 0;
    lives.n_rows = row + 1;
    return row;
}

static void row_free(uint32_t row)
{
    tn_life *life = row_at(row);
    life->block = lives.free;
    life->serial = 0;
    lives.free = row;
}

/* ---- births ---- */

uint32_t tn_lives_kind(uint64_t type)
{
    if (!lives.sums)
        lives.sums = mapped(TN_KINDS * sizeof *lives.sums);
    if (!lives.deaths)
        lives.deaths = mapped(TN_DEATHS * sizeof *lives.deaths);
    if (!lives.sums || !lives.deaths || (!lives.n_free_kinds && lives.n_kinds + 1 >= TN_KINDS))
        return 0;
    uint32_t kind = lives.n_free_kinds ? lives.free_kinds[--lives.n_free_kinds] : ++lives.n_kinds;
    lives.types[kind] = type;
    lives.sums[kind] = (tn_kind_lives){0};
    lives.logs[kind] = false;
    return kind;
}

void tn_lives_log_kind(uint32_t kind, bool log)
{
    lives.logs[kind] = log;
}

void tn_lives_single(const tn_life *life, bool single)
{
    row_at(lives.index[index_find(life->block)])->single = single;
}

static inline uint64_t follow(uint32_t kind, uint64_t block, uint32_t before, uint32_t stack, uint64_t *word)
{
    uint64_t now = now_ns();
    uint32_t row = word && index_room() ? row_new() : 0;
    if (!row) {
        lives.dropped++;
        return 0;
    }
    *row_at(row) = (tn_life){block, now, ++lives.serial, stack, (uint16_t)kind, before & 0x3fff, 0, lives.logs[kind]};
    index_put(lives.index, lives.index_mask, row);
    lives.alive++;
    lives.sums[kind].born++;
    __atomic_store_n(word, *word | bit_of(block), __ATOMIC_RELAXED);
    return lives.serial;
}

uint64_t tn_lives_born(uint32_t kind, uint64_t block, uint32_t before, uint32_t stack)
{
    uint64_t *word = word_for(block);
    if (word && __builtin_expect((*word & bit_of(block)) != 0, 0))
        tn_lives_end(tn_lives_at(block), 0);
    return follow(kind, block, before, stack, word);
}

uint64_t tn_lives_found(uint32_t kind, uint64_t block, uint32_t before)
{
    const tn_life *life = tn_lives_at(block);
    return life ? life->serial : follow(kind, block, before, 0, word_for(block));
}

/* ---- deaths ---- */

static unsigned age_class(uint64_t ns)
{
    uint64_t ms = ns / 1000000;
    unsigned n = ms ? 64 - (unsigned)__builtin_clzll(ms) : 0;
    return n < TN_LIFETIMES ? n : TN_LIFETIMES - 1;
}

static inline void forget(const tn_life *life)
{
    uint64_t block = life->block, *word = word_at(block);
    uint32_t at = lives.found <= lives.index_mask ? lives.found : 0, row = lives.index[at];
    if (__builtin_expect(!row || row_at(row) != life, 0))
        row = lives.index[at = index_find(block)];
    index_remove(at);
    __atomic_store_n(word, *word & ~bit_of(block), __ATOMIC_RELAXED);
    lives.alive--;
    row_free(row);
}

static __attribute__((noinline)) bool log_grow(void)
{
    size_t room = lives.log.room ? 2 * lives.log.room : TN_DEATHS;
    tn_death *rows = mapped(room * sizeof *rows);
    if (!rows)
        return false;
    if (lives.log.n)
        memcpy(rows, lives.log.rows, lives.log.n * sizeof *rows);
    unmapped(lives.log.rows, lives.log.room * sizeof *rows);
    lives.log.rows = rows;
    lives.log.room = room;
    return true;
}

/* Where a death is written. */
static inline tn_death *death_of(const tn_life *life)
{
    if (__builtin_expect(life->single | life->logged, 0)) {
        if (lives.log.n < lives.log.room || log_grow())
            return &lives.log.rows[lives.log.n++];
        lives.dropped++;
    }
    return &lives.deaths[lives.n_deaths++ % TN_DEATHS];
}

void tn_lives_end(const tn_life *life, uint64_t type)
{
    uint64_t now = now_ns(), age = now - life->birth_ns;
    tn_kind_lives *sums = &lives.sums[life->kind];
    bool morphed = type && type != lives.types[life->kind];
    *death_of(life) = (tn_death){*life, now, morphed};
    sums->died++;
    sums->morphed += morphed;
    sums->lifetime_ns += age;
    sums->deaths[age_class(age)]++;
    forget(life);
}

void tn_lives_move(const tn_life *life, uint64_t to)
{
    tn_life moved = *life;
    forget(life);
    if (__builtin_expect(tn_lives_maybe(to), 0))
        tn_lives_end(tn_lives_at(to), 0);
    uint64_t *word = word_for(to);
    uint32_t row = word ? row_new() : 0;
    if (!row) {
        lives.dropped++;
        return;
    }
    moved.block = to;
    *row_at(row) = moved;
    index_put(lives.index, lives.index_mask, row);
    lives.alive++;
    __atomic_store_n(word, *word | bit_of(to), __ATOMIC_RELAXED);
}

void tn_lives_forget(const tn_life *life)
{
    forget(life);
}

void tn_lives_forget_kind(uint32_t kind)
{
    for (uint32_t row = 1; row < lives.n_rows; row++)
        if (row_at(row)->serial && row_at(row)->kind == kind)
            forget(row_at(row));
}

bool tn_lives_release_kind(uint32_t kind)
{
    bool is_empty = true;
    for (uint32_t row = 1; row < lives.n_rows; row++) {
        const tn_life *life = row_at(row);
        if (life->serial && life->kind == kind && !life->single)
            forget(life);
        else
            is_empty &= !life->serial || life->kind != kind;
    }
    if (is_empty) {
        lives.types[kind] = 0;
        lives.free_kinds[lives.n_free_kinds++] = kind;
    }
    return is_empty;
}

/* ---- reading ---- */

const tn_life *tn_lives_at(uint64_t block)
{
    uint32_t row = lives.index ? lives.index[index_find(block)] : 0;
    return row ? row_at(row) : NULL;
}

void tn_lives_each(bool (*visit)(void *ctx, const tn_life *life), void *ctx)
{
    for (uint32_t row = 1; row < lives.n_rows; row++)
        if (row_at(row)->serial && !visit(ctx, row_at(row)))
            return;
}

bool tn_lives_sums(uint32_t kind, tn_kind_lives *out)
{
    if (!kind || kind > lives.n_kinds)
        return false;
    *out = lives.sums[kind];
    return true;
}

uint64_t tn_lives_death(uint64_t n, tn_death *out)
{
    uint64_t oldest = lives.n_deaths > TN_DEATHS ? lives.n_deaths - TN_DEATHS + 1 : 1;
    n = n < oldest ? oldest : n;
    if (n > lives.n_deaths)
        return 0;
    *out = lives.deaths[(n - 1) % TN_DEATHS];
    return n;
}

bool tn_lives_logged(tn_death *out)
{
    if (lives.log.first == lives.log.n)
        return false;
    *out = lives.log.rows[lives.log.first++];
    if (lives.log.first == lives.log.n)
        lives.log.first = lives.log.n = 0;
    return true;
}

void tn_lives_cost_now(tn_lives_cost *out)
{
    *out = (tn_lives_cost){lives.alive, lives.mapped, lives.dropped};
}
