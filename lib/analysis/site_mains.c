/* site_mains.c - of each part of some objects the line that made most of it, in bytes.
 *
 *   an object that has a stack -> (part, line), bytes - sorted -> runs of one line - the largest run of each part
 */
#include "analysis/sites.h"
#include "analysis/stream.h"

typedef struct tn_mains {
    tn_groups *lines;
    tn_site_part *part_of;
    void *ctx;
    tn_sort_item *items; /* value: part, line; at: bytes */
    size_t n;
} tn_mains;

static int collect(tn_snapshot *s, tn_mains *m, const tn_set *set, tn_error *err)
{
    const uint32_t *births;
    tn_stream sizes;
    TN_TRY(tn__births(s, &births, err));
    tn__stream_open(&sizes, s, TN_COL_SIZE, 0);
    for (uint32_t id = births ? tn_set_next(set, 0) : TN_NONE; id != TN_NONE; id = tn_set_next(set, id + 1)) {
        uint32_t part = TN_NONE, line = TN_NONE;
        uint64_t bytes;
        if (births[id])
            TN_TRY(tn_groups_of(m->lines, id, &line, err));
        if (line != TN_NONE)
            TN_TRY(m->part_of(m->ctx, id, &part, err));
        if (part == TN_NONE)
            continue;
        TN_TRY(tn__stream_at(&sizes, id, &bytes, err));
        m->items[m->n++] = (tn_sort_item){(uint64_t)part << 32 | line, bytes};
    }
    return TN_OK;
}

/* Of lines with as much the one that comes first among the groups. */
static void choose(const tn_sort_item *items, size_t n, tn_site_main *out)
{
    for (size_t i = 0; i < n;) {
        uint64_t key = items[i].value;
        tn_site_main run = {.line = (uint32_t)key}, *best = &out[key >> 32];
        for (; i < n && items[i].value == key; i++) {
            run.count++;
            run.bytes += items[i].at;
        }
        if (best->line == TN_NONE || run.bytes > best->bytes)
            *best = run;
    }
}

int tn__site_mains(tn_snapshot *s, tn_groups *lines, const tn_set *set, tn_site_part *part_of, void *ctx,
                   uint32_t n_parts, tn_site_main *out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    size_t most = tn_set_count(set);
    tn_mains m = {.lines = lines, .part_of = part_of, .ctx = ctx};
    tn_sort_item *room = tn__alloc(a, most * sizeof *room);
    m.items = tn__alloc(a, most * sizeof *m.items);
    for (uint32_t i = 0; i < n_parts; i++)
        out[i] = (tn_site_main){.line = TN_NONE};
    int status = room && m.items ? collect(s, &m, set, err) : tn__no_memory(s, err);
    if (status == TN_OK && m.n)
        choose(tn__radix_sort(m.items, room, m.n, UINT64_MAX), m.n, out);
    tn__free(a, m.items, m.items ? most * sizeof *m.items : 0);
    tn__free(a, room, room ? most * sizeof *room : 0);
    return status;
}
