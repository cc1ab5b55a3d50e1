/* map.c - see map.h. */
#include "engine/map.h"

bool tn_memory_readable(const tn_memory *m, uint64_t address, uint64_t bytes)
{
    uint32_t lo = 0, hi = m->n_ranges;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (m->ranges[mid].end <= address)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < m->n_ranges && m->ranges[lo].start <= address && bytes <= m->ranges[lo].end - address;
}

int tn_map_init(tn_map *map, const tn_target *target, const tn_alloc *alloc, pthread_mutex_t *lock)
{
    memset(map, 0, sizeof *map);
    map->target = target;
    map->lock = lock;
    tn__arena_init(&map->arena, alloc);
    map->top = tn__arena_get(&map->arena, TN_MAP_TOP * sizeof *map->top);
    if (!map->top)
        return TN_ENOMEM;
    memset(map->top, 0, TN_MAP_TOP * sizeof *map->top);
    return 0;
}

void tn_map_free(tn_map *map)
{
    tn__arena_free(&map->arena);
    map->top = NULL;
}

/* Marks which pages of the region are mapped; false when none is. */
static bool find_readable(tn_region *r, const tn_memory *m)
{
    uint64_t start = r->key << 20, end = start + (1 << 20);
    bool any = false;
    for (uint32_t i = 0; i < m->n_ranges && m->ranges[i].start < end; i++) {
        if (m->ranges[i].end <= start)
            continue;
        uint64_t from = m->ranges[i].start > start ? m->ranges[i].start : start;
        uint64_t to = m->ranges[i].end < end ? m->ranges[i].end : end;
        for (uint64_t page = (from - start) >> 12; page < (to - start) >> 12; page++)
            r->readable[page >> 6] |= 1ull << (page & 63);
        any = true;
    }
    return any;
}

static tn_region *region_new(tn_map *map, uint64_t key)
{
    tn_region *r = tn__arena_get(&map->arena, sizeof *r);
    if (!r) {
        map->failed = true;
        return NULL;
    }
    memset(r, 0, sizeof *r);
    memset(r->pool_class, TN_NOT_POOL, sizeof r->pool_class);
    r->key = key;
    for (uint32_t i = 0; i < map->target->n_statics; i++) {
        const tn_range *s = &map->target->statics[i];
        r->statics |= s->start < (key + 1) << 20 && s->end > key << 20;
    }
    return r;
}

static tn_region *region_make(tn_map *map, uint64_t address)
{
    tn_region ***second = &map->top[address >> 34];
    tn_region *r = tn_map_find(map, address);
    if (r)
        return r;
    if (!*second) {
        tn_region **made = tn__arena_get(&map->arena, 16384 * sizeof *made);
        if (!made) {
            map->failed = true;
            return NULL;
        }
        memset(made, 0, 16384 * sizeof *made);
        __atomic_store_n(second, made, __ATOMIC_RELEASE);
    }
    r = region_new(map, address >> 20);
    if (!r)
        return NULL;
    find_readable(r, &map->target->memory);
    r->swept = r->key < map->swept_below ? 1024 : 0;
    __atomic_store_n(&(*second)[address >> 20 & 16383], r, __ATOMIC_RELEASE);
    map->n_regions++;
    return r;
}

tn_region *tn_map_get(tn_map *map, uint64_t address)
{
    tn_region *r = tn_map_find(map, address);
    if (r)
        return r;
    if (address >> TN_ADDRESS_BITS || !tn_memory_readable(&map->target->memory, address, 16))
        return NULL;
    pthread_mutex_lock(map->lock);
    r = region_make(map, address);
    pthread_mutex_unlock(map->lock);
    return r;
}

tn_region *tn_map_next(const tn_map *map, uint64_t key)
{
    for (uint64_t t = key >> 14; t < TN_MAP_TOP; t++, key = t << 14) {
        tn_region **second = __atomic_load_n(&map->top[t], __ATOMIC_ACQUIRE);
        for (uint64_t s = key & 16383; second && s < 16384; s++) {
            tn_region *r = __atomic_load_n(&second[s], __ATOMIC_ACQUIRE);
            if (r)
                return r;
        }
    }
    return NULL;
}

static uint64_t *plane_make(tn_map *map, tn_region *r, enum tn_plane plane)
{
    if (r->planes[plane])
        return r->planes[plane];
    uint64_t *p = tn__arena_get(&map->arena, 1024 * sizeof *p);
    if (!p) {
        map->failed = true;
        return NULL;
    }
    memset(p, 0, 1024 * sizeof *p);
    __atomic_store_n(&r->planes[plane], p, __ATOMIC_RELEASE);
    r->marked |= plane == TN_PLANE_OWN || plane == TN_PLANE_HIDDEN || plane == TN_PLANE_DOUBTFUL;
    return p;
}

void tn_map_set_plane(tn_map *map, enum tn_plane plane, uint64_t address)
{
    tn_region *r = tn_map_find(map, address);
    uint64_t *p = r ? __atomic_load_n(&r->planes[plane], __ATOMIC_ACQUIRE) : NULL;
    if (r && !p) {
        pthread_mutex_lock(map->lock);
        p = plane_make(map, r, plane);
        pthread_mutex_unlock(map->lock);
    }
    if (p)
        tn_map_or(map, &p[address >> 10 & 1023], 1ull << (address >> 4 & 63));
}

int tn_map_rank(tn_map *map, tn_error *err)
{
    uint64_t rank = 0;
    for (tn_region *r = tn_map_next(map, 0); r; r = tn_map_next(map, r->key + 1))
        for (unsigned i = 0; i < 1024; i++) {
            r->cells[i].rank = (uint32_t)rank;
            rank += (unsigned)__builtin_popcountll(r->cells[i].bits);
        }
    if (rank >= TN_NONE - 1)
        return tn__error_set(err, TN_ELIMIT, 0, "more than 4 294 967 294 objects: too many for one snapshot");
    map->n_objects = (uint32_t)rank;
    return 0;
}

bool tn_map_static(const tn_map *map, uint64_t address)
{
    const tn_memory statics = {.ranges = map->target->statics, .n_ranges = map->target->n_statics};
    return tn_memory_readable(&statics, address, 1);
}

/* glibc keeps the size of a chunk in the word before it, flags in the low three bits (malloc/malloc.c, "Chunk
 * representation"). Believed only where it fits what was asked for; a shrunk realloc may leave up to half more. */
static uint64_t chunk_bytes(const tn_map *map, uint64_t address, uint64_t nominal, unsigned *allocator)
{
    const tn_memory *m = &map->target->memory;
    *allocator = TN_ALLOCATOR_UNKNOWN;
    uint64_t rounded = (nominal + 8 + 15) & ~15ull;
    if (!map->target->glibc || !tn_memory_readable(m, address - 16, 16))
        return rounded;
    uint64_t size = tn_load64(m, address - 8), bytes = size & ~7ull;
    if (bytes < nominal + 8 || bytes > nominal + nominal / 2 + 8192)
        return tn_memory_readable(m, address, nominal) ? rounded : 0;
    *allocator = TN_ALLOCATOR_MALLOC;
    return bytes;
}

uint64_t tn_map_block_outside(const tn_map *map, const tn_region *r, uint64_t address, uint64_t nominal,
                              unsigned *allocator)
{
    if ((!r || r->statics) && tn_map_static(map, address)) {
        *allocator = TN_ALLOCATOR_NONE;
        return 0;
    }
    return chunk_bytes(map, address, nominal, allocator);
}
