/* nummap.c - from numbers to numbers: open addressing, at most half full. */
#include "analysis/partition.h"

enum { FIRST_SLOTS = 1024 };

static uint32_t place(uint64_t key, uint32_t n_slots)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 32) & (n_slots - 1);
}

static uint32_t find(const tn_map *map, uint64_t key)
{
    uint32_t at = place(key, map->n_slots);
    while (map->slots[at].value && map->slots[at].key != key)
        at = (at + 1) & (map->n_slots - 1);
    return at;
}

static int resize(tn_map *map, uint32_t n_slots, tn_error *err)
{
    tn_map more = {.alloc = map->alloc, .n = map->n, .n_slots = n_slots};
    if (!n_slots)
        return tn__error_set(err, TN_ELIMIT, 0, "more kinds than can be numbered");
    more.slots = tn__alloc_zero(map->alloc, n_slots * sizeof *more.slots);
    if (!more.slots)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (uint32_t i = 0; i < map->n_slots; i++)
        if (map->slots[i].value)
            more.slots[find(&more, map->slots[i].key)] = map->slots[i];
    tn__map_free(map);
    *map = more;
    return TN_OK;
}

int tn__map_reserve(tn_map *map, uint32_t n, tn_error *err)
{
    uint32_t n_slots = FIRST_SLOTS;
    while (n_slots && n_slots / 2 <= n)
        n_slots *= 2;
    return n_slots > map->n_slots || !n_slots ? resize(map, n_slots, err) : TN_OK;
}

void tn__map_fetch(const tn_map *map, uint64_t key)
{
    __builtin_prefetch(&map->slots[place(key, map->n_slots)]);
}

int tn__map_slot(tn_map *map, uint64_t key, uint32_t **value, tn_error *err)
{
    if (map->n >= map->n_slots / 2)
        TN_TRY(resize(map, map->n_slots ? 2 * map->n_slots : FIRST_SLOTS, err));
    tn_map_slot *slot = &map->slots[find(map, key)];
    if (!slot->value) {
        slot->key = key;
        map->n++;
    }
    *value = &slot->value;
    return TN_OK;
}

uint32_t tn__map_get(const tn_map *map, uint64_t key)
{
    return map->n_slots ? map->slots[find(map, key)].value : 0;
}

void tn__map_free(tn_map *map)
{
    tn__free(map->alloc, map->slots, map->n_slots * sizeof *map->slots);
    map->slots = NULL;
    map->n = map->n_slots = 0;
}
