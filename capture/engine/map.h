/* map.h - which addresses hold objects: one bit per 16 bytes, ids by rank.
 *
 *   address bits   47..34       33..20          19..10       9..4    3
 *                  top[16384] → second[16384] → cell[1024]   bit     odd plane
 *
 * Objects are 16 bytes or more, so a bit per granule of 16 is unambiguous; those in static data may start 8 bytes into a
 * granule and are listed in the odd plane. After tn_map_rank an object's id is its rank in address order: ids need no
 * table, the address column of the file is these bits, and looking up the target of a reference touches one cache line
 * (bits and rank side by side). About 2.5 bytes an object on ordinary heaps.
 *
 * Several threads may mark at once: bits are set atomically (map->shared), regions and planes are made under the lock and
 * never move.
 */
#ifndef TN_MAP_H
#define TN_MAP_H

#include <pthread.h>

#include "engine/target.h"
#include "snapshot/format.h"

/* Doubtful: hidden, or reached from hidden objects only, so perhaps half made. */
enum tn_plane {
    TN_PLANE_ODD,
    TN_PLANE_GEN0,
    TN_PLANE_GEN1,
    TN_PLANE_FROZEN,
    TN_PLANE_OWN,
    TN_PLANE_HIDDEN,
    TN_PLANE_DOUBTFUL,
    TN_PLANES
};

typedef struct tn_cell {
    uint64_t bits;
    uint32_t rank; /* id of the first object of this cell */
    uint32_t unused;
} tn_cell;

typedef struct tn_region {
    tn_cell cells[1024];
    uint64_t claims[1024];       /* granules where a private buffer starts (pymalloc only) */
    uint64_t *planes[TN_PLANES]; /* made when first needed: NULL means no bit */
    bool marked;                 /* some plane that emitting asks for is there */
    uint64_t key;                /* address >> 20 */
    uint32_t swept;              /* cells that a sweep has begun with or passed */
    uint64_t readable[4];        /* pages of 4 KiB */
    uint64_t known[4];           /* the same: of arenas and stacks of frames */
    uint8_t pool_class[64];      /* per 16 KiB: size class index, 255: no pool */
    bool statics;                /* some of it is program or library data */
} tn_region;

typedef struct tn_map {
    const tn_target *target;
    tn_arena arena;
    tn_region ***top;
    uint32_t n_regions;
    uint32_t n_objects;    /* after tn_map_rank */
    uint64_t swept_below;  /* regions with a lower key that are made from now on are not swept any more */
    bool shared;           /* more than one thread marks */
    bool failed;           /* out of memory */
    pthread_mutex_t *lock; /* held while something is made */
} tn_map;

#define TN_NOT_POOL 255
enum { TN_ADDRESS_BITS = 48, TN_MAP_TOP = 1 << (TN_ADDRESS_BITS - 34) }; /* x86-64 uses 47, aarch64 48 */

int tn_map_init(tn_map *map, const tn_target *target, const tn_alloc *alloc, pthread_mutex_t *lock);
void tn_map_free(tn_map *map);

/* The region of an address, or NULL. */
static inline tn_region *tn_map_find(const tn_map *map, uint64_t address)
{
    if (address >> TN_ADDRESS_BITS)
        return NULL;
    tn_region **second = __atomic_load_n(&map->top[address >> 34], __ATOMIC_ACQUIRE);
    return second ? __atomic_load_n(&second[address >> 20 & 16383], __ATOMIC_ACQUIRE) : NULL;
}
/* The same, made when missing; NULL when nothing is mapped there or memory ran out (map->failed). */
tn_region *tn_map_get(tn_map *map, uint64_t address);
/* Next region with key >= *key, in address order; NULL at the end. Also sees regions made meanwhile. */
tn_region *tn_map_next(const tn_map *map, uint64_t key);

static inline bool tn_region_plane(const tn_region *r, enum tn_plane plane, uint64_t address)
{
    const uint64_t *p = __atomic_load_n(&r->planes[plane], __ATOMIC_ACQUIRE);
    return p && (__atomic_load_n(&p[address >> 10 & 1023], __ATOMIC_RELAXED) >> (address >> 4 & 63) & 1);
}
void tn_map_set_plane(tn_map *map, enum tn_plane plane, uint64_t address);

static inline uint64_t tn_region_bits(const tn_region *r, unsigned cell)
{
    return __atomic_load_n(&r->cells[cell].bits, __ATOMIC_ACQUIRE);
}
/* Sets bits of a word; true if they were not set before. */
static inline bool tn_map_or(const tn_map *map, uint64_t *word, uint64_t bits)
{
    if (map->shared)
        return !(__atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST) & bits);
    bool fresh = !(*word & bits);
    *word |= bits;
    return fresh;
}
/* A private buffer starts there. */
static inline void tn_map_claim(tn_map *map, uint64_t address)
{
    tn_region *r = tn_map_find(map, address);
    if (r)
        tn_map_or(map, &r->claims[address >> 10 & 1023], 1ull << (address >> 4 & 63));
}

static inline bool tn_region_has(const tn_region *r, uint64_t address)
{
    return (tn_region_bits(r, address >> 10 & 1023) >> (address >> 4 & 63) & 1) &&
           ((address & 8) != 0) == tn_region_plane(r, TN_PLANE_ODD, address);
}
static inline bool tn_map_has(const tn_map *map, uint64_t address)
{
    const tn_region *r = (address & 7) ? NULL : tn_map_find(map, address);
    return r && tn_region_has(r, address);
}

/* Numbers the objects. TN_ELIMIT beyond 2^32 - 2. */
int tn_map_rank(tn_map *map, tn_error *err);

/* Id of the object at address, or TN_NONE. After tn_map_rank. */
static inline uint32_t tn_map_id(const tn_map *map, uint64_t address)
{
    const tn_region *r = tn_map_find(map, address);
    if (!r)
        return TN_NONE;
    const tn_cell *cell = &r->cells[address >> 10 & 1023];
    uint64_t bit = address >> 4 & 63;
    if (!(cell->bits >> bit & 1))
        return TN_NONE;
    return cell->rank + (uint32_t)__builtin_popcountll(cell->bits & ((1ull << bit) - 1));
}

/* Bytes the allocator took for the block that starts at address (nominal: what was asked for), and which allocator. */
uint64_t tn_map_block_outside(const tn_map *map, const tn_region *r, uint64_t address, uint64_t nominal,
                              unsigned *allocator); /* no pool there */
static inline uint64_t tn_map_block(const tn_map *map, uint64_t address, uint64_t nominal, unsigned *allocator)
{
    const tn_region *r = tn_map_find(map, address);
    uint8_t class = r ? r->pool_class[address >> 14 & 63] : TN_NOT_POOL;
    if (class == TN_NOT_POOL)
        return tn_map_block_outside(map, r, address, nominal, allocator);
    *allocator = TN_ALLOCATOR_PYMALLOC;
    return ((uint64_t) class + 1) << 4;
}
bool tn_map_static(const tn_map *map, uint64_t address);

#endif
