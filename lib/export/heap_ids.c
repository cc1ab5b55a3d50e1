/* heap_ids.c - ids of 32 bits for objects whose addresses have 48.
 *
 * Objects stand in regions of 1 MiB, one in 16 bytes at most (docs/format.md): 2^16 ids a region, 2^16 ranges of ids. The range
 * of a region is its number modulo 65 535, plus one, so that regions less than 64 GiB apart never meet; the second of two that
 * do takes the next free range. So the same object has the same id in all files of a process, but for what lies in such a
 * second region. Range 0, and then free ones from the last one down, are for nodes that are no object.
 */
#include "export/heapsnapshot.h"

enum { RANGES = 65536, IDS = 65536, GRANULE_SHIFT = 4, REGION_SHIFT = 20 };

typedef struct tn_heap_region {
    uint64_t region;
    uint32_t range;
} tn_heap_region;

static bool is_used(const tn_heap_ids *ids, uint32_t range)
{
    return ids->used[range / 8] >> (range % 8) & 1;
}

static void use(tn_heap_ids *ids, uint32_t range)
{
    ids->used[range / 8] |= (uint8_t)(1u << (range % 8));
}

static int add_region(tn_heap_ids *ids, uint64_t region, tn_error *err)
{
    tn_heap_region row = {region, 1 + (uint32_t)(region % (RANGES - 1))};
    if (ids->regions.size / sizeof row >= RANGES - 2)
        return tn__error_set(err, TN_ELIMIT, 0,
                             "objects lie in more than 64 GiB: too many for ids of 32 bits; --max-nodes keeps fewer");
    while (is_used(ids, row.range))
        row.range = 1 + row.range % (RANGES - 1);
    use(ids, row.range);
    return tn__buf_append(&ids->regions, &row, sizeof row) < 0 ? tn__no_memory(ids->snapshot, err) : TN_OK;
}

int tn__heap_ids_make(const tn_heap_plan *p, tn_heap_ids *out, tn_error *err)
{
    tn_heap_ids ids = {.snapshot = p->snapshot, .next = 1};
    uint64_t last = UINT64_MAX;
    int status = TN_OK;
    TN_TRY(tn__snapshot_addresses(p->snapshot, err));
    tn__buf_init(&ids.regions, p->alloc);
    use(&ids, 0);
    for (uint32_t id = 0; id < p->graph.n_objects && status == TN_OK; id++) {
        uint64_t region = tn__heap_kept(p, id) ? tn__snapshot_address(p->snapshot, id) >> REGION_SHIFT : last;
        if (region != last)
            status = add_region(&ids, region, err);
        last = region;
    }
    if (status < 0)
        tn__buf_free(&ids.regions);
    else
        *out = ids;
    return status;
}

void tn__heap_ids_free(tn_heap_ids *ids)
{
    tn__buf_free(&ids->regions);
}

uint32_t tn__heap_id_of(tn_heap_ids *ids, uint32_t object)
{
    uint64_t address = tn__snapshot_address(ids->snapshot, object);
    const tn_heap_region *rows = (const tn_heap_region *)(const void *)ids->regions.data;
    while (rows[ids->at].region != address >> REGION_SHIFT)
        ids->at++;
    return rows[ids->at].range * IDS + (uint32_t)(address >> GRANULE_SHIFT) % IDS;
}

int tn__heap_id_next(tn_heap_ids *ids, uint32_t *id, tn_error *err)
{
    if (ids->next == IDS) {
        uint32_t range = ids->range ? ids->range : RANGES;
        do
            range--;
        while (range && is_used(ids, range));
        if (!range)
            return tn__error_set(err, TN_ELIMIT, 0, "a heap snapshot has more nodes than ids of 32 bits");
        use(ids, range);
        ids->range = range;
        ids->next = 0;
    }
    *id = ids->range * IDS + ids->next++;
    return TN_OK;
}
