/* mark.c - the first pass: a bit for every object that is tracked or reachable.
 *
 * Objects are visited in address order by a cursor that sweeps the map. A reference to an address ahead of the cursor only
 * sets a bit: the sweep will come by. One behind it goes on an explicit stack as well, with a prefetch. So every object is
 * visited once, most of them sequentially, and no chain is too deep.
 */
#include "engine/references.h"

enum { BATCH = 48 };

static inline bool page_readable(const tn_region *r, uint64_t address)
{
    uint64_t page = address >> 12 & 255;
    return r->readable[page >> 6] >> (page & 63) & 1;
}

static void push(tn_walk *w, uint64_t address)
{
    __builtin_prefetch(TN_AT(&w->target->memory, address));
    uint64_t *place = tn__list_add(w, &w->stack, sizeof *place, 1);
    if (place)
        *place = address;
}

static void mark_first(tn_walk *w, tn_region *r, uint64_t address)
{
    tn_cell *cell = &r->cells[address >> 10 & 1023];
    if ((address & 7) || !page_readable(r, address)) {
        w->findings++;
        return;
    }
    cell->bits |= 1ull << (address >> 4 & 63);
    if (address & 8)
        tn_map_set_plane(&w->map, TN_PLANE_ODD, address);
    if (address < w->cursor)
        push(w, address);
}

static inline void mark(tn_walk *w, uint64_t address)
{
    if (!address || address >> 63)
        return;
    tn_region *r = tn_map_find(&w->map, address);
    if (!r && !(r = tn_map_get(&w->map, address)))
        return;
    if (!(r->cells[address >> 10 & 1023].bits >> (address >> 4 & 63) & 1))
        mark_first(w, r, address);
}

void tn__mark(tn_walk *w, uint64_t address)
{
    mark(w, address);
}

/* Marks later: the map's cell of a reference is a likely cache miss, so it is fetched now and looked at when the queue
 * comes round. Whether an address is behind the cursor is asked then, which is what matters. */
static inline void mark_due(tn_walk *w, tn_queued q)
{
    if (q.region && !(q.region->cells[q.address >> 10 & 1023].bits >> (q.address >> 4 & 63) & 1))
        mark_first(w, q.region, q.address);
}

static inline void mark_soon(tn_walk *w, uint64_t address)
{
    tn_queued q = {.region = tn_map_find(&w->map, address), .address = address};
    if (__builtin_expect(!q.region, 0)) {
        mark(w, address);
        return;
    }
    __builtin_prefetch(&q.region->cells[address >> 10 & 1023]);
    uint64_t n = w->n_marked++ % TN_QUEUE;
    tn_queued due = w->mark_queue[n];
    w->mark_queue[n] = q;
    mark_due(w, due);
}

static void finish_queue(tn_walk *w)
{
    for (unsigned i = 0; i < TN_QUEUE; i++) {
        tn_queued due = w->mark_queue[i];
        w->mark_queue[i].region = NULL;
        mark_due(w, due);
    }
}

static void claim(tn_walk *w, uint64_t address)
{
    tn_region *r = tn_map_find(&w->map, address);
    if (r)
        r->claims[address >> 10 & 1023] |= 1ull << (address >> 4 & 63);
}

static void unmark(tn_walk *w, uint64_t object)
{
    tn_region *r = tn_map_find(&w->map, object);
    uint64_t keep = ~(1ull << (object >> 4 & 63));
    r->cells[object >> 10 & 1023].bits &= keep;
    if (r->planes[TN_PLANE_ODD])
        r->planes[TN_PLANE_ODD][object >> 10 & 1023] &= keep;
}

static bool is_start(const tn_walk *w, uint64_t object)
{
    for (uint32_t i = 0; i < w->options.n_from; i++)
        if (w->options.from[i] == object)
            return true;
    return false;
}

/* Of what given objects reach, weak references are no part. */
static void mark_owned_fields(tn_walk *w, uint64_t object, const tn_type_info *t)
{
    for (uint32_t i = 0; i < t->n_fixed; i++)
        if (t->labels[2 * i + 1] >> 8 == TN_REF_OWNING)
            mark(w, tn_load64(&w->target->memory, object + t->offsets[i]));
}

static void visit(tn_walk *w, uint64_t object)
{
    tn_description d;
    tn_type_info *t = tn__type_get(w, tn_load64(&w->target->memory, object + 8));
    if (!t || (w->options.from && t->stop && !is_start(w, object))) {
        w->findings += !t;
        unmark(w, object);
        return;
    }
    if (t->simple || tn__plain_str(w, object, t))
        return;
    if (w->strict)
        tn_map_set_plane(&w->map, TN_PLANE_DOUBTFUL, object);
    tn__describe(w, object, t, &d);
    for (unsigned i = 0; i < d.n_buffers; i++)
        if (d.buffers[i].address)
            claim(w, d.buffers[i].address);
    for (unsigned i = 0; i < d.n_spans; i++)
        if (w->options.from && d.spans[i].kind == TN_SPAN_FIELDS)
            mark_owned_fields(w, object, t);
        else
            tn__each_in_span(w, object, &d.spans[i], mark_soon);
    if (t->own) {
        uint64_t *place = tn__list_add(w, &w->own_seeds, sizeof *place, 1);
        if (place)
            *place = object;
    }
}

void tn__drain(tn_walk *w)
{
    do {
        while (w->stack.count && w->status == 0)
            visit(w, TN_LIST(w->stack, uint64_t)[--w->stack.count]);
        finish_queue(w);
    } while (w->stack.count && w->status == 0);
}

static void sweep_cell(tn_walk *w, tn_region *r, unsigned c)
{
    uint64_t done = 0, left;
    uint64_t base = r->key << 20 | (uint64_t)c << 10;
    while ((left = r->cells[c].bits & ~done)) {
        unsigned bit = (unsigned)__builtin_ctzll(left);
        uint64_t object = base | (uint64_t)bit << 4;
        object |= tn_region_plane(r, TN_PLANE_ODD, object) ? 8 : 0;
        done |= (2ull << bit) - 1;
        w->cursor = base + ((uint64_t)bit << 4) + 16;
        visit(w, object);
        if (w->stack.count >= BATCH)
            tn__drain(w);
    }
}

void tn__mark_all(tn_walk *w)
{
    for (tn_region *r = tn_map_next(&w->map, 0); r && w->status == 0 && !w->map.failed;
         r = tn_map_next(&w->map, r->key + 1)) {
        for (unsigned c = 0; c < 1024; c++)
            if (r->cells[c].bits)
                sweep_cell(w, r, c);
        w->cursor = (r->key + 1) << 20; /* all that is still marked in this region is behind */
        tn__drain(w);
    }
    w->cursor = UINT64_MAX;
    tn__drain(w);
}
