/* owners.c - whose memory a block is. The map knows where objects begin; where private buffers are was noted when their nodes
 * were emitted, and is sorted here, once. Blocks come in ascending order too, so all is a matter of going along.
 */
#include "engine/crew.h"
#include "engine/walk.h"

enum { SLICE = 65536, MOST_HEADERS = 32, HEADER = 16, DIGIT = 11 };

/* ---- own blocks ---- */

/* 1 + the object that begins in a block, behind up to two headers (the collector's; dict and weak references); 0: none. A block
 * so small that another may begin that near holds no header: its bytes say how far to look. */
static uint32_t object_in(const tn_map *map, uint64_t address, uint64_t bytes)
{
    for (unsigned before = 0; before <= MOST_HEADERS && before < bytes; before += HEADER)
        if (tn_map_has(map, address + before))
            return tn_map_id(map, address + before) + 1;
    return 0;
}

/* The same where the headers end in the region, none of whose objects is odd. */
static inline uint32_t object_near(const tn_region *r, unsigned granule, uint64_t bytes)
{
    unsigned bit = granule & 63, cell = granule >> 6;
    uint64_t near = r->cells[cell].bits >> bit | (bit > 61 ? r->cells[cell + 1].bits << (64 - bit) : 0);
    near &= (1 << (MOST_HEADERS / HEADER + 1)) - 1;
    unsigned headers = near ? (unsigned)__builtin_ctzll(near) : 0;
    if (!near || headers * HEADER >= bytes)
        return 0;
    granule += headers;
    const tn_cell *at = &r->cells[granule >> 6];
    return at->rank + (uint32_t)__builtin_popcountll(at->bits & ((1ull << (granule & 63)) - 1)) + 1;
}

static inline uint32_t object_of(const tn_map *map, const tn_region *r, uint64_t address, uint64_t bytes)
{
    enum { LAST = (1 << (TN_REGION_SHIFT - 4)) - 1 };
    unsigned granule = address >> 4 & LAST;
    bool simple = r && !r->planes[TN_PLANE_ODD] && !(address & 15) && granule + MOST_HEADERS / HEADER <= LAST;
    return simple ? object_near(r, granule, bytes) : object_in(map, address, bytes);
}

typedef struct slices {
    const tn_map *map;
    tn_recorded_row *rows;
    uint64_t n, next;
} slices;

static void find_own(void *ctx, uint32_t thread)
{
    slices *s = ctx;
    const tn_region *r = NULL;
    (void)thread;
    for (uint64_t i; (i = __atomic_fetch_add(&s->next, SLICE, __ATOMIC_RELAXED)) < s->n;)
        for (uint64_t end = i + SLICE < s->n ? i + SLICE : s->n; i < end; i++) {
            tn_recorded_row *row = &s->rows[i];
            if (!r || row->address >> TN_REGION_SHIFT != r->key)
                r = tn_map_find(s->map, row->address);
            row->node = object_of(s->map, r, row->address, row->bytes);
            row->kind = row->node ? TN_TRACE_OWN : TN_TRACE_NONE;
        }
}

/* ---- private buffers ---- */

/* Tables of keys that instances of a class share: synthetic nodes, noted when they were made. */
static void add_shared_keys(tn_walk *w)
{
    for (size_t i = 0; i < w->reg->memos.count; i++) {
        const tn_memo *m = &TN_LIST(w->reg->memos, tn_memo)[i];
        tn_owned *place = m->type == TN_SYNTHETIC && !m->tag ? tn__list_add(w, &w->owned, sizeof *place, 1) : NULL;
        if (place)
            *place = (tn_owned){m->thing, w->map->n_objects + m->value, TN_BUFFER_KEYS};
    }
}

/* One pass of a radix sort, from into to. */
static void sort_digit(const tn_owned *from, tn_owned *to, size_t n, unsigned shift)
{
    size_t starts[1 << DIGIT] = {0}, at = 0;
    for (size_t i = 0; i < n; i++)
        starts[from[i].address >> shift & ((1 << DIGIT) - 1)]++;
    for (unsigned d = 0; d < 1 << DIGIT; d++) {
        size_t count = starts[d];
        starts[d] = at;
        at += count;
    }
    for (size_t i = 0; i < n; i++)
        to[starts[from[i].address >> shift & ((1 << DIGIT) - 1)]++] = from[i];
}

/* By address; equal ones stay in order. Digits in which no two differ are passed over. */
static int sort_owned(tn_walk *w, tn_error *err)
{
    size_t n = w->owned.count, bytes = n * sizeof(tn_owned);
    tn_owned *list = TN_LIST(w->owned, tn_owned), *spare = tn__alloc(w->alloc, bytes), *from = list, *to = spare;
    uint64_t differ = 0;
    if (!spare)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    for (size_t i = 0; i < n; i++)
        differ |= list[i].address ^ list[0].address;
    for (unsigned shift = 3; shift < 64; shift += DIGIT) {
        if (!(differ >> shift & ((1 << DIGIT) - 1)))
            continue;
        sort_digit(from, to, n, shift);
        tn_owned *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != list)
        memcpy(list, from, bytes);
    tn__free(w->alloc, spare, bytes);
    return 0;
}

/* ---- objects without a block ---- */

static void count_bundle(const tn_walk *w, uint32_t index, const uint64_t *joined, tn_unjoined *out)
{
    const tn_column_data *c = w->reg->bundles[index].columns, *size = &c[TN_WALK_SIZE];
    const uint16_t *flags = (const uint16_t *)(const void *)c[TN_WALK_FLAG].first->data;
    const tn_big *big = size->first_big;
    uint64_t first = (uint64_t)index * TN_NODE_BLOCK, n = tn__column_count(size);
    n = first + n < w->map->n_objects ? n : w->map->n_objects > first ? w->map->n_objects - first : 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t bytes = (uint64_t)size->first->data[i] * size->unit;
        if (big && big->row == i) {
            bytes = big->value;
            big = big->next;
        }
        bool counted = flags[i] >> 10 & 3 && !(flags[i] & TN_NODE_OWN);
        if (counted && !(joined[(first + i) >> 6] >> ((first + i) & 63) & 1)) {
            out->count++;
            out->bytes += bytes;
        }
    }
}

/* ---- one pass over the blocks ---- */

/* Blocks overlap where one is known to two domains: the first has the object, or is the buffer. */
static void settle(const tn_walk *w, tn_recorded_row *rows, uint64_t n, uint64_t *joined)
{
    const tn_owned *at = TN_LIST(w->owned, tn_owned), *end = at + w->owned.count;
    uint32_t last = 0;
    for (uint64_t i = 0; i < n; i++) {
        tn_recorded_row *row = &rows[i];
        if (row->node > last) {
            last = row->node;
            joined[(last - 1) >> 6] |= 1ull << ((last - 1) & 63);
            continue;
        }
        row->node = row->kind = TN_TRACE_NONE;
        while (at < end && at->address < row->address)
            at++;
        if (at < end && at->address == row->address) {
            row->node = at->node + 1;
            row->kind = (TN_TRACE_BUFFER + at->kind) & 0xff;
            at++;
        }
    }
}

int tn_walk_owners(tn_walk *w, tn_recorded_row *rows, uint64_t n, tn_unjoined *unjoined, tn_error *err)
{
    slices s = {w->map, rows, n, 0};
    size_t bytes = (w->map->n_objects / 64 + 1) * sizeof(uint64_t);
    *unjoined = (tn_unjoined){0, 0};
    add_shared_keys(w);
    if (w->status < 0)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    TN_TRY(sort_owned(w, err));
    uint64_t *joined = tn__alloc_zero(w->alloc, bytes);
    if (!joined)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    tn_crew_run(n > SLICE ? w->n_threads : 1, find_own, &s);
    settle(w, rows, n, joined);
    for (uint32_t k = 0; k < w->reg->n_bundles; k++)
        count_bundle(w, k, joined, unjoined);
    tn__free(w->alloc, joined, bytes);
    tn__list_free(w, &w->owned, sizeof(tn_owned));
    return 0;
}
