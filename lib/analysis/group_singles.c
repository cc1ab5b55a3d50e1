/* group_singles.c - every object for itself: eight bytes a group, as there may be as many as objects.
 *
 * Sizes of 4 GiB and more, of which there are few, are put in order by their true value afterwards.
 */
#include "analysis/partition.h"

#include <stdlib.h>
#include <string.h>

static uint64_t bytes_of(const tn_groups *g, uint32_t id)
{
    return g->sizes[id] + (g->fold ? tn__fold_extra(g->fold, id) : 0);
}

tn_group_sum tn__groups_sum(const tn_groups *g, size_t i)
{
    if (!g->singles)
        return g->sums[i];
    uint32_t id = g->singles[i].id;
    uint64_t bytes = bytes_of(g, id);
    return (tn_group_sum){.count = 1, .bytes = bytes, .top = bytes + 1, .largest_id = id, .key = id};
}

static int add_tile(tn_groups *g, const tn_scan *scan, size_t capacity, tn_error *err)
{
    for (uint32_t i = 0; i < scan->n; i++) {
        if (scan->state[i] == TN_ROW_OWN)
            tn__group_add(&g->own, scan->bytes[i], scan->first + i);
        if (scan->state[i] != TN_ROW_SELECTED)
            continue;
        if (g->n == capacity)
            return tn__error_set(err, TN_ECORRUPT, 0, "more objects than were counted");
        uint32_t size = scan->bytes[i] < UINT32_MAX ? (uint32_t)scan->bytes[i] : UINT32_MAX;
        g->singles[g->n++] = (tn_single){size, scan->first + i};
        tn__group_add(&g->total, scan->bytes[i], scan->first + i);
    }
    return TN_OK;
}

int tn__singles_make(tn_groups *g, tn_error *err)
{
    const tn_set *all = g->within;
    tn_scan *scan;
    uint32_t keys[TN_TILE];
    uint64_t n;
    int more;
    if (!all)
        TN_TRY(tn__set_of_all(g->snapshot, &all, err));
    TN_TRY(tn__column_u64(g->snapshot, TN_COL_SIZE, &g->sizes, &n, err));
    g->n_singles = tn_set_count(all);
    g->singles = tn__alloc(g->alloc, g->n_singles * sizeof *g->singles);
    if (!g->singles)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    TN_TRY(tn__groups_scan(g, &scan, err));
    while ((more = tn__groups_next_tile(g, scan, keys, err)) > 0) {
        more = add_tile(g, scan, g->n_singles, err);
        if (more < 0)
            break;
    }
    tn__scan_close(scan);
    return more;
}

/* ---- order ---- */

/* By size or by id, least significant byte first; the result is where it was. */
static void sort_pass(tn_single *from, tn_single *to, size_t n, unsigned shift, bool by_id, uint32_t flip)
{
    size_t starts[256] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++)
        starts[((by_id ? from[i].id : from[i].size) ^ flip) >> shift & 255]++;
    for (unsigned digit = 0; digit < 256; digit++) {
        size_t count = starts[digit];
        starts[digit] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        to[starts[((by_id ? from[i].id : from[i].size) ^ flip) >> shift & 255]++] = from[i];
}

static tn_single *sort(tn_single *from, tn_single *to, size_t n, bool by_id, bool descending)
{
    uint32_t differing = 0;
    bool sorted = true;
    for (size_t i = 1; i < n; i++) {
        uint32_t before = by_id ? from[i - 1].id : from[i - 1].size, now = by_id ? from[i].id : from[i].size;
        differing |= before ^ now;
        sorted &= descending ? before >= now : before <= now;
    }
    for (unsigned shift = 0; shift < 32 && !sorted; shift += 8) {
        if (!(differing >> shift & 255))
            continue;
        sort_pass(from, to, n, shift, by_id, descending ? UINT32_MAX : 0);
        tn_single *other = from;
        from = to;
        to = other;
    }
    return from;
}

/* Insertion: they are few. */
static void sort_huge(const tn_groups *g, tn_single *huge, size_t n, bool descending)
{
    for (size_t i = 1; i < n; i++) {
        tn_single one = huge[i];
        uint64_t bytes = bytes_of(g, one.id);
        size_t at = i;
        for (; at > 0; at--) {
            uint64_t before = bytes_of(g, huge[at - 1].id);
            if (descending ? before >= bytes : before <= bytes)
                break;
            huge[at] = huge[at - 1];
        }
        huge[at] = one;
    }
}

int tn__singles_sort(tn_groups *g, enum tn_groups_column column, bool descending, tn_error *err)
{
    tn_single *room = tn__alloc(g->alloc, g->n_singles * sizeof *room), *sorted = g->singles, *spare = room;
    bool by_id = column == TN_GROUPS_KIND;
    size_t n_huge = 0;
    if (!room)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    sorted = sort(sorted, spare, g->n, true, by_id && descending);
    spare = sorted == room ? g->singles : room;
    if (column == TN_GROUPS_SIZE || column == TN_GROUPS_LARGEST) {
        sorted = sort(sorted, spare, g->n, false, descending);
        for (size_t i = 0; i < g->n; i++)
            n_huge += sorted[i].size == UINT32_MAX;
        sort_huge(g, descending ? sorted : sorted + g->n - n_huge, n_huge, descending);
    }
    tn__free(g->alloc, sorted == room ? g->singles : room, g->n_singles * sizeof *room);
    g->singles = sorted;
    return TN_OK;
}
