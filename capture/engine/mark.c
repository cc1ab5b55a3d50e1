/* mark.c - the first pass: a bit for every object that is tracked or reachable.
 *
 * Objects are visited in address order by sweeps of the map, each thread taking region after region. Before a sweep looks
 * at a cell it says so (region->swept); a reference first sets its bit and then asks. So a bit is seen by the sweep, or
 * the one who set it finds that the sweep has been there and puts the object on its own stack (both may happen; visiting
 * twice does no harm). Every object is visited, most of them sequentially, and no chain is too deep.
 */
#include "engine/describe.h"
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

/* True if nobody else marked it meanwhile. */
static bool mark_first(tn_walk *w, tn_region *r, uint64_t address)
{
    unsigned cell = address >> 10 & 1023;
    if ((address & 7) || !page_readable(r, address)) {
        w->findings++;
        return false;
    }
    if (address & 8) /* before the bit: who sees that must see this */
        tn_map_set_plane(w->map, TN_PLANE_ODD, address);
    if (!tn_map_or(w->map, &r->cells[cell].bits, 1ull << (address >> 4 & 63)))
        return false;
    if (__atomic_load_n(&r->swept, __ATOMIC_SEQ_CST) > cell && (address < w->cursor || address >= w->cell_end))
        push(w, address);
    return true;
}

static inline bool is_marked(const tn_cell *cell, uint64_t address)
{
    return __atomic_load_n(&cell->bits, __ATOMIC_RELAXED) >> (address >> 4 & 63) & 1;
}

bool tn__mark(tn_walk *w, uint64_t address)
{
    if (!address || address >> 63)
        return false;
    tn_region *r = tn_map_find(w->map, address);
    if (!r && !(r = tn_map_get(w->map, address))) {
        w->unreadable++;
        return false;
    }
    return !is_marked(&r->cells[address >> 10 & 1023], address) && mark_first(w, r, address);
}

/* Marks later: the map's cell of a reference is a likely cache miss, so it is fetched now and looked at when the queue
 * comes round. */
static inline void mark_due(tn_walk *w, tn_queued q)
{
    if (q.to_mark && !is_marked(q.to_mark, q.address))
        mark_first(w, tn_map_find(w->map, q.address), q.address);
}

static inline void mark_soon(tn_walk *w, uint64_t address)
{
    tn_region *r = tn_map_find(w->map, address);
    if (__builtin_expect(!r, 0)) {
        tn__mark(w, address);
        return;
    }
    tn_queued *place = &w->mark_queue[w->n_marked++ % TN_QUEUE], due = *place;
    *place = (tn_queued){.to_mark = &r->cells[address >> 10 & 1023], .address = address};
    __builtin_prefetch(place->to_mark);
    mark_due(w, due);
}

static void finish_queue(tn_walk *w)
{
    for (unsigned i = 0; i < TN_QUEUE; i++) {
        tn_queued due = w->mark_queue[i];
        w->mark_queue[i].to_mark = NULL;
        mark_due(w, due);
    }
}

static void unmark(tn_walk *w, uint64_t object)
{
    tn_region *r = tn_map_find(w->map, object);
    uint64_t keep = ~(1ull << (object >> 4 & 63));
    __atomic_fetch_and(&r->cells[object >> 10 & 1023].bits, keep, __ATOMIC_RELAXED);
    if (r->planes[TN_PLANE_ODD])
        __atomic_fetch_and(&r->planes[TN_PLANE_ODD][object >> 10 & 1023], keep, __ATOMIC_RELAXED);
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
    uint64_t fields = tn__fields_base(w, object, t);
    for (uint32_t i = 0; i < t->n_fixed && fields; i++)
        if (t->labels[2 * i + 1] >> 8 == TN_REF_OWNING)
            tn__mark(w, tn_load64(&w->target->memory, fields + t->offsets[i]));
}

/* Only the thread that holds the GIL may call tp_traverse. */
static void defer(tn_walk *w, uint64_t object)
{
    bool taken = tn__lock(w);
    uint64_t *place = tn__list_add(w, &w->reg->deferred, sizeof *place, 1);
    if (place)
        *place = object;
    tn__unlock(w, taken);
}

static inline void visit_quick(tn_walk *w, const tn_quick *q)
{
    const tn_memory *m = &w->target->memory;
    uint64_t at = q->at;
    if (q->buffer)
        tn_map_claim(w->map, q->buffer);
    for (uint64_t i = 0; i < q->count; i++, at += q->stride ? q->stride : 8) {
        uint64_t first = tn_load64(m, at), value = q->stride ? tn_load64(m, at + 8) : 0;
        if (value)
            mark_soon(w, value);
        if (value || !q->stride)
            mark_soon(w, first);
    }
}

static void visit(tn_walk *w, uint64_t object)
{
    tn_description d;
    tn_quick q;
    tn_type_info *t = tn__type_get(w, tn_load64(&w->target->memory, object + 8));
    if (!t || (w->options.from && t->stop && !is_start(w, object))) {
        w->findings += !t;
        unmark(w, object);
        return;
    }
    if (t->simple || tn__plain_str(w, object, t))
        return;
    if (tn__quick(w, object, t, &q)) {
        visit_quick(w, &q);
        return;
    }
    if (t->calls && w->helper) {
        defer(w, object);
        return;
    }
    if (w->strict)
        tn_map_set_plane(w->map, TN_PLANE_DOUBTFUL, object);
    tn__describe(w, object, t, &d);
    for (unsigned i = 0; i < d.n_buffers; i++)
        if (d.buffers[i].address)
            tn_map_claim(w->map, d.buffers[i].address);
    for (unsigned i = 0; i < d.n_spans; i++)
        if (w->options.from && d.spans[i].kind == TN_SPAN_FIELDS)
            mark_owned_fields(w, object, t);
        else
            tn__each_in_span(w, &d.spans[i], mark_soon);
    if (t->own) {
        uint64_t *place = tn__list_add(w, &w->own_seeds, sizeof *place, 1);
        if (place)
            *place = object;
    }
}

/* A few objects from the stack: their memory was asked for when they came there. */
static void visit_some(tn_walk *w)
{
    enum { SOME = 16 };
    uint64_t objects[SOME];
    unsigned n = w->stack.count < SOME ? (unsigned)w->stack.count : SOME;
    w->stack.count -= n;
    memcpy(objects, TN_LIST(w->stack, uint64_t) + w->stack.count, n * sizeof *objects);
    for (unsigned i = 0; i < n; i++)
        tn__fetch_buffer(w, objects[i]);
    for (unsigned i = 0; i < n; i++)
        visit(w, objects[i]);
}

void tn__drain(tn_walk *w)
{
    do {
        while (w->stack.count && w->status == 0)
            visit_some(w);
        finish_queue(w);
    } while (w->stack.count && w->status == 0);
}

static void sweep_cell(tn_walk *w, tn_region *r, unsigned c)
{
    uint64_t done = 0, left, base = r->key << 20 | (uint64_t)c << 10;
    w->cursor = base;
    w->cell_end = base + 1024;
    while ((left = tn_region_bits(r, c) & ~done)) {
        unsigned bit = (unsigned)__builtin_ctzll(left);
        uint64_t object = base | (uint64_t)bit << 4;
        object |= tn_region_plane(r, TN_PLANE_ODD, object) ? 8 : 0;
        done |= (2ull << bit) - 1;
        w->cursor = base + ((uint64_t)bit << 4) + 16;
        visit(w, object);
        if (w->stack.count >= BATCH)
            tn__drain(w);
    }
    w->cursor = w->cell_end = 0;
}

static void begin_cell(const tn_walk *w, tn_region *r, unsigned c)
{
    __atomic_store_n(&r->swept, c + 1, w->map->shared ? __ATOMIC_SEQ_CST : __ATOMIC_RELAXED);
}

static tn_region *next_region(tn_walk *w)
{
    bool taken = tn__lock(w);
    tn_region *r = tn_map_next(w->map, w->reg->next_region);
    w->reg->next_region = r ? r->key + 1 : UINT64_MAX;
    if (!w->map->shared)
        w->map->swept_below = r ? r->key : UINT64_MAX;
    tn__unlock(w, taken);
    return r;
}

void tn__sweep(tn_walk *w)
{
    for (tn_region *r = next_region(w); r && w->status == 0; r = next_region(w)) {
        for (unsigned c = 0; c < 1024; c++) {
            begin_cell(w, r, c);
            tn__look_ahead(w, r, c);
            if (tn_region_bits(r, c))
                sweep_cell(w, r, c);
        }
        tn__drain(w);
    }
    tn__drain(w);
}

void tn__mark_rest(tn_walk *w)
{
    for (size_t i = 0; i < w->reg->deferred.count && w->status == 0; i++) {
        visit(w, TN_LIST(w->reg->deferred, uint64_t)[i]);
        tn__drain(w);
    }
    w->reg->deferred.count = 0;
}
