/* pools.c - pymalloc's pools: true block sizes, and the live blocks that nothing found so far explains.
 *
 *   arena (1 MiB, mapped) = pools of 16 KiB = header 48 B, then blocks of one size class (16 … 512 bytes)
 *
 * struct arena_object and struct pool_header: internal/pycore_obmalloc.h, the same from 3.10 to 3.15.
 */
#include "engine/describe.h"
#include "engine/references.h"

enum { POOL_BYTES = 16384, ARENA_ROW = 48, HEADER = 48, N_CLASSES = 32, MAPPED = 128 << 10 /* what malloc maps */ };

static void load_pool(tn_walk *w, uint64_t pool)
{
    const tn_memory *m = &w->target->memory;
    tn_pool_stats *s = &w->pools;
    uint32_t used = tn_load32(m, pool), class = tn_load32(m, pool + 36), next = tn_load32(m, pool + 40);
    uint32_t size = (class + 1) * 16;
    if (used == 0) {
        s->pools_free++;
        return;
    }
    tn_region *r = class < N_CLASSES ? tn_map_get(w->map, pool) : NULL;
    if (!r || tn_load32(m, pool + 44) != POOL_BYTES - size || next < HEADER || next > POOL_BYTES) {
        s->failed++;
        return;
    }
    uint32_t room = (POOL_BYTES - HEADER) / size;
    r->pool_class[pool >> 14 & 63] = (uint8_t) class;
    s->pools++;
    s->blocks += used;
    s->block_bytes += (uint64_t)used * size;
    s->free_bytes += (uint64_t)(room - used) * size;
    s->class_pools[class]++;
    s->class_blocks[class] += used;
    s->class_free[class] += room - used;
}

void tn__pools_load(tn_walk *w)
{
    const tn_memory *m = &w->target->memory;
    for (uint32_t i = 0; i < w->target->n_arenas; i++) {
        uint64_t row = w->target->arenas + (uint64_t)i * ARENA_ROW;
        uint64_t start = tn_load64(m, row), end = tn_load64(m, row + 8);
        if (!start || !tn_memory_readable(m, start, TN_ARENA_BYTES))
            continue;
        uint64_t *place = tn__list_add(w, &w->arenas, sizeof *place, 1);
        if (place)
            *place = start;
        w->pools.arenas++;
        w->pools.arena_bytes += TN_ARENA_BYTES;
        uint64_t pool = (start + POOL_BYTES - 1) & ~(uint64_t)(POOL_BYTES - 1);
        for (; pool < end && pool + POOL_BYTES <= start + TN_ARENA_BYTES; pool += POOL_BYTES)
            load_pool(w, pool);
        uint64_t last = start + TN_ARENA_BYTES;
        w->pools.pools_free += pool < last ? (last - pool) / POOL_BYTES : 0;
    }
}

/* ---- blocks nobody claimed ---- */

static bool bits_between(const tn_region *r, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at += 16) {
        uint64_t word = at >> 10 & 1023, bit = 1ull << (at >> 4 & 63);
        if (r->cells[word].bits & bit)
            return true;
    }
    return false;
}

static bool gc_head_sound(const tn_walk *w, uint64_t head)
{
    const tn_memory *m = &w->target->memory;
    uint64_t next = tn_load64(m, head) & ~3ull;
    return next == 0 ||
           ((next & 3) == 0 && tn_memory_readable(m, next, 16) && (tn_load64(m, next + 8) & ~3ull) == head);
}

/* Does a block of this size belong to an object of nominal bytes? In a pool its class is that of its size; a shrunk realloc
 * may stay in place while more than three quarters are used (Objects/obmalloc.c, pymalloc_realloc). malloc's blocks have
 * what is left of 16 bytes behind a word of 8, and up to 16 more; large ones, with 16 before them, whole pages. */
static bool fits(const tn_type_info *t, uint64_t nominal, uint64_t size, bool pooled)
{
    if (!pooled)
        return nominal <= size && (size - nominal < 32 || (size >= MAPPED && size - nominal < 4096 + 16));
    if (((nominal + 15) & ~15ull) == size || (t->kind == TN_KIND_INT && nominal + 32 >= size)) /* spare digits stay */
        return true;
    return (t->item_size || t->kind == TN_KIND_STR) && 4 * nominal >= 3 * size;
}

/* A text of ASCII ends with a zero, and has no other characters before it: a block that C code has not filled yet looks less
 * often like one. */
static bool text_sound(const tn_walk *w, uint64_t object, const tn_type_info *t, uint64_t nominal)
{
    enum { LAST = 16 };
    uint64_t at = object + w->layout->str_ascii_size, end = object + nominal - 1;
    if (!tn__plain_str(w, object, t))
        return true;
    for (at = end - at > LAST ? end - LAST : at; at < end; at++)
        if (tn_load8(&w->target->memory, at) > 0x7f)
            return false;
    return tn_load8(&w->target->memory, end) == 0;
}

/* Could an instance of t start here? */
static bool plausible(tn_walk *w, uint64_t object, uint64_t block, uint64_t size, bool pooled, const tn_type_info *t,
                      bool *dead)
{
    bool immortal;
    uint64_t refcount = tn__refcount(w, object, &immortal), word = tn_load64(&w->target->memory, object);
    /* 3.14+: free lists are linked through this word; above the count stand an overflow of at most 1 and a few flags */
    *dead = (refcount == 0 && !immortal) ||
            (w->layout->immortal_style == TN_IMMORTAL_HIGH_BIT && (word >> 32 & 0xffff) > 1);
    if (t->preheader != object - block || t->kind == TN_KIND_TYPE)
        return false;
    if (w->layout->immortal_style != TN_IMMORTAL_HIGH_BIT &&
        word >> 32) /* of a free list; half of it may look immortal */
        return false;
    if (object + tn__least(w, t) > block + size || (t->gc && !gc_head_sound(w, object - 16)))
        return false;
    uint64_t nominal = tn__nominal(w, object, t);
    return nominal <= size && fits(t, nominal, size, pooled) && text_sound(w, object, t, nominal);
}

static void check_referent(tn_walk *w, uint64_t referent)
{
    if (referent && !(referent >> 63) && !tn_map_has(w->map, referent) && !tn__seems_object(w, referent))
        w->unsound = true;
}

/* A block that C code asked for and has not filled yet may look like the object that it was: what that referred to is gone,
 * or its pointers are half overwritten. Code of the type is not run on that. */
static bool leads_to_objects(tn_walk *w, uint64_t object)
{
    tn_description d;
    tn_type_info *t = tn__type_get(w, tn_load64(&w->target->memory, object + 8));
    uint64_t unreadable = w->unreadable;
    if (t->simple || t->calls)
        return true;
    w->unsound = false;
    tn__describe(w, object, t, &d);
    tn__each_reference(w, &d, check_referent);
    w->unsound |= w->unreadable != unreadable;
    w->unreadable = unreadable;
    return !w->unsound;
}

static uint64_t classify(tn_walk *w, uint64_t block, uint64_t size, bool pooled, bool *dead)
{
    const tn_memory *m = &w->target->memory;
    for (uint64_t object = block; object < block + 48 && object + 16 <= block + size; object += 16) {
        uint64_t type = tn_load64(m, object + 8);
        if (!type || (type & 7) || !tn_map_has(w->map, type))
            continue;
        const tn_type_info *t = tn__type_get(w, type);
        if (t && plausible(w, object, block, size, pooled, t, dead))
            return object;
    }
    return 0;
}

/* A dict held by nothing, full of entries whose key is the value: 3.11's table of interned strings, a static variable. */
static bool is_interned_table(tn_walk *w, uint64_t object)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    if (w->interned || tn_load64(m, object + 8) != w->target->builtin_types[TN_BUILTIN_DICT] ||
        tn_load64(m, object + l->dict_used) < 64 || tn_load64(m, object + l->dict_values))
        return false;
    uint64_t keys = tn_load64(m, object + l->dict_keys);
    if (!tn_memory_readable(m, keys, l->keys_indices))
        return false;
    uint64_t at = keys + l->keys_indices + (1ull << tn_load8(m, keys + l->keys_log2_index_bytes));
    for (unsigned i = 0, same = 0; i < 64; i++) {
        if (!tn_memory_readable(m, at + 16ull * i, 16))
            return false;
        same += tn_load64(m, at + 16ull * i) == tn_load64(m, at + 16ull * i + 8);
        if (same + 8 < i + 1)
            return false;
    }
    return true;
}

static void found_interned(tn_walk *w, uint64_t table)
{
    w->interned = table;
    tn__mark(w, table);
    tn__drain(w);
}

static void found_hidden(tn_walk *w, uint64_t object)
{
    uint64_t *place = tn__list_add(w, &w->hidden, sizeof *place, 1);
    if (!place)
        return;
    *place = object;
    tn_map_set_plane(w->map, TN_PLANE_HIDDEN, object);
    tn__mark(w, object);
    tn__drain(w);
}

bool tn__block_try(tn_walk *w, uint64_t block, uint64_t bytes)
{
    bool dead = false;
    w->strict = true;
    uint64_t object = classify(w, block, bytes, false, &dead);
    bool is_one = object && !dead && leads_to_objects(w, object);
    if (is_one)
        found_hidden(w, object);
    w->strict = false;
    return is_one;
}

uint64_t tn__block_dead(tn_walk *w, uint64_t block, uint32_t size)
{
    bool dead = false;
    uint64_t object = classify(w, block, size, true, &dead);
    return dead ? object : 0;
}

uint32_t tn__pool_free(const tn_walk *w, uint64_t pool, uint32_t size, uint64_t free_bits[16])
{
    const tn_memory *m = &w->target->memory;
    uint32_t carved = (tn_load32(m, pool + 40) - HEADER) / size, n_free = 0;
    memset(free_bits, 0, 16 * sizeof *free_bits);
    for (uint64_t b = tn_load64(m, pool + 8); b && n_free <= carved; b = tn_load64(m, b), n_free++) {
        if (b < pool + HEADER || b >= pool + POOL_BYTES)
            break;
        free_bits[(b - pool) >> 10] |= 1ull << ((b - pool) >> 4 & 63);
    }
    return n_free;
}

static void look_at_pool(tn_walk *w, tn_region *r, uint64_t pool)
{
    uint32_t size = ((uint32_t)r->pool_class[pool >> 14 & 63] + 1) * 16, used = tn_load32(&w->target->memory, pool);
    uint32_t carved = (tn_load32(&w->target->memory, pool + 40) - HEADER) / size;
    uint64_t free_bits[16];
    uint32_t n_free = tn__pool_free(w, pool, size, free_bits);
    w->pools.failed += carved - n_free != used;
    for (uint32_t i = 0; i < carved; i++) {
        uint64_t block = pool + HEADER + (uint64_t)i * size, at = block - pool;
        bool dead = false;
        if ((free_bits[at >> 10] >> (at >> 4 & 63) & 1) || (r->claims[block >> 10 & 1023] >> (block >> 4 & 63) & 1) ||
            bits_between(r, block, block + size))
            continue;
        uint64_t object = classify(w, block, size, true, &dead);
        if (object && !dead && is_interned_table(w, object)) {
            found_interned(w, object);
            continue;
        }
        if (object && !dead && leads_to_objects(w, object)) {
            found_hidden(w, object);
            continue;
        }
        w->pools.unclaimed++;
        w->pools.unclaimed_bytes += size;
        w->pools.freelist += dead;
        w->pools.freelist_bytes += dead ? size : 0;
    }
}

static unsigned explained(const tn_region *r, unsigned page)
{
    unsigned n = 0;
    for (unsigned i = page * 16; i < page * 16 + 16; i++)
        n += (unsigned)(__builtin_popcountll(r->cells[i].bits) + __builtin_popcountll(r->claims[i]));
    return n;
}

static void clear_hidden(tn_walk *w, uint64_t referent)
{
    tn_region *r = referent && !(referent >> 63) ? tn_map_find(w->map, referent) : NULL;
    if (r && tn_region_plane(r, TN_PLANE_HIDDEN, referent))
        r->planes[TN_PLANE_HIDDEN][referent >> 10 & 1023] &= ~(1ull << (referent >> 4 & 63));
}

static void clear_referents(tn_walk *w, uint64_t object)
{
    tn_description d;
    tn_type_info *t = tn__type_get(w, tn_load64(&w->target->memory, object + 8));
    if (!t || t->simple)
        return;
    tn__describe(w, object, t, &d);
    tn__each_reference(w, &d, clear_hidden);
}

/* Of the doubtful objects of a region: hidden ones, and what only these lead to. */
static void clear_doubtful(tn_walk *w, const tn_region *r)
{
    const uint64_t *plane = r->planes[TN_PLANE_DOUBTFUL];
    for (uint64_t cell = 0; plane && cell < 1024; cell++)
        for (uint64_t left = plane[cell]; left; left &= left - 1) {
            uint64_t object = r->key << 20 | cell << 10 | (uint64_t)__builtin_ctzll(left) << 4;
            clear_referents(w, object | (tn_region_plane(r, TN_PLANE_ODD, object) ? 8 : 0));
        }
}

/* Objects that other ones, the table of interned strings or synthetic nodes refer to are not hidden after all: the scan has
 * come to them first. Called last. */
void tn__pools_settle(tn_walk *w)
{
    for (size_t i = 0; i < w->reg->synthetic_references.count; i++)
        clear_hidden(w, TN_LIST(w->reg->synthetic_references, uint64_t)[i]);
    if (w->interned && tn_map_has(w->map, w->interned))
        clear_referents(w, w->interned);
    w->strict = true;
    for (const tn_region *r = tn_map_next(w->map, 0); r; r = tn_map_next(w->map, r->key + 1))
        clear_doubtful(w, r);
    w->strict = false;
    for (size_t i = 0; i < w->hidden.count; i++) {
        uint64_t object = TN_LIST(w->hidden, uint64_t)[i];
        w->pools.hidden += tn_region_plane(tn_map_find(w->map, object), TN_PLANE_HIDDEN, object);
    }
}

void tn__pools_reconcile(tn_walk *w)
{
    w->strict = true; /* an object that nothing refers to may be half made */
    for (tn_region *r = tn_map_next(w->map, 0); r && w->status == 0; r = tn_map_next(w->map, r->key + 1))
        for (unsigned page = 0; page < 64; page++) {
            uint64_t pool = r->key << 20 | (uint64_t)page << 14;
            if (r->pool_class[page] != TN_NOT_POOL && explained(r, page) != tn_load32(&w->target->memory, pool))
                look_at_pool(w, r, pool);
        }
    w->strict = false;
}
