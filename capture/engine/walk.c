/* walk.c - the order of a walk, and the small questions: one object's size, what it reaches. */
#include "engine/walk.h"

/* ---- begin and end ---- */

static int walk_new(const tn_target *target, const tn_walk_options *options, const tn_alloc *alloc, tn_walk **out)
{
    tn_walk *w = tn__alloc_zero(alloc, sizeof *w);
    if (!w)
        return TN_ENOMEM;
    w->target = target;
    w->layout = target->layout;
    w->options = *options;
    w->marking = true;
    w->interned = target->interned;
    w->n_threads = 1;
    int status = tn__registry_new(target, alloc, w);
    if (!w->reg) {
        tn__free(alloc, w, sizeof *w);
        return status;
    }
    *out = w;
    TN_TRY(status);
    tn__buf_init(&w->code_rows, w->alloc);
    TN_TRY(tn__types_init(w));
    return tn__synthetic_new(w, 0, NULL, 0) == TN_NONE ? TN_ENOMEM : 0;
}

/* What every thread has. */
static void lists_free(tn_walk *w)
{
    tn__list_free(w, &w->stack, sizeof(uint64_t));
    tn__list_free(w, &w->scratch, sizeof(uint64_t));
    tn__list_free(w, &w->own_seeds, sizeof(uint64_t));
    tn__list_free(w, &w->large, sizeof(tn_range));
    tn__list_free(w, &w->data, sizeof(tn_data));
    tn__list_free(w, &w->owned, sizeof(tn_owned));
}

void tn_walk_free(tn_walk *w)
{
    if (!w)
        return;
    const tn_alloc *alloc = w->reg->base_alloc;
    tn__bundles_free(w);
    for (uint32_t i = 0; i + 1 < w->n_threads; i++)
        lists_free(&w->helpers[i]);
    tn__free(w->alloc, w->helpers, (w->n_threads - 1) * sizeof *w->helpers);
    lists_free(w);
    tn__list_free(w, &w->stacks, sizeof(tn_stack_row));
    tn__list_free(w, &w->threads, sizeof(tn_thread_info));
    tn__list_free(w, &w->hidden, sizeof(uint64_t));
    tn__list_free(w, &w->seen, sizeof(tn_seen_row));
    tn__list_free(w, &w->arenas, sizeof(uint64_t));
    tn__buf_free(&w->code_rows);
    tn__registry_free(w->reg, w);
    tn__free(alloc, w, sizeof *w);
}

static int walk_status(const tn_walk *w, tn_error *err)
{
    if (w->status == TN_ELIMIT)
        return tn__error_set(err, TN_ELIMIT, 0, "more than %u kinds of objects: too many for one snapshot",
                             TN_SHAPE_BLOCK * TN_SHAPE_BLOCK);
    if (w->status < 0 || w->map->failed)
        return tn__error_set(
            err, TN_ENOMEM, 0,
            "not enough memory for the snapshot, which had taken %llu MiB: free some, or take it with previews=0",
            (unsigned long long)(w->reg->bytes_now >> 20));
    return 0;
}

/* ---- a whole capture ---- */

static void mark(tn_walk *w)
{
    tn__pools_load(w);
    if (w->options.from) {
        for (uint32_t i = 0; i < w->options.n_from; i++)
            tn__mark(w, w->options.from[i]);
        tn__sweep(w);
    } else {
        tn__helpers_get(w);
        tn__share(w, tn__lists_mark);
        tn__roots_mark(w);
        w->map->swept_below = w->n_threads > 1 ? UINT64_MAX : 0;
        tn__share(w, tn__sweep);
        tn__mark_rest(w);
        tn__pools_reconcile(w);
        if (w->options.scan)
            tn__search_hidden(w);
        tn__own_find(w);
    }
    w->marking = false;
}

int tn_walk_run(const tn_target *target, const tn_walk_options *options, const tn_alloc *alloc, tn_walk **out,
                tn_error *err)
{
    tn_walk *w = NULL;
    uint64_t start = tn__sys_monotonic_ns();
    if (walk_new(target, options, alloc, &w) < 0) {
        tn_walk_free(w);
        return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to begin a snapshot");
    }
    mark(w);
    int status = walk_status(w, err);
    if (status == 0) {
        tn__types_close(w);
        tn__roots_build(w);
        tn__pools_settle(w);
        status = walk_status(w, err);
    }
    uint64_t marked = tn__sys_monotonic_ns();
    if (status == 0)
        status = tn_map_rank(w->map, err);
    if (status == 0) {
        tn__emit(w);
        tn__data_read(w);
        if (w->options.scan && w->target->areas && !w->options.from)
            tn__search(w);
        tn__types_collect(w);
        status = walk_status(w, err);
    }
    w->mark_ns = marked - start;
    w->emit_ns = tn__sys_monotonic_ns() - marked;
    if (status < 0) {
        tn_walk_free(w);
        return status;
    }
    *out = w;
    return 0;
}

void tn_walk_get_report(const tn_walk *w, tn_walk_report *out)
{
    *out = (tn_walk_report){
        .objects = w->map->n_objects,
        .threads = w->n_there ? w->n_there : 1,
        .nodes = w->map->n_objects + w->reg->synthetic.count,
        .mark_ns = w->mark_ns,
        .emit_ns = w->emit_ns,
        .peak_bytes = w->reg->bytes_peak,
        .lists_failed = w->lists_failed,
        .unreadable = w->unreadable,
        .findings = w->findings,
        .types_unknown = w->reg->kinds_unknown,
        .pools = w->pools,
        .totals = w->totals,
        .n_threads = (uint32_t)w->threads.count,
    };
    memcpy(out->list_counts, w->list_counts, sizeof out->list_counts);
}

bool tn_walk_thread_at(const tn_walk *w, uint32_t index, tn_walk_thread *out)
{
    if (index >= w->threads.count)
        return false;
    const tn_thread_info *t = &TN_LIST(w->threads, tn_thread_info)[index];
    *out = (tn_walk_thread){t->ident, t->native, w->map->n_objects + t->synthetic, t->n_frames, t->name, t->current};
    return true;
}

bool tn_walk_failure_at(const tn_walk *w, uint32_t index, tn_walk_failure *out)
{
    if (index >= w->reg->failures.count)
        return false;
    *out = TN_LIST(w->reg->failures, tn_walk_failure)[index];
    return true;
}

uint64_t tn_walk_next_object(const tn_walk *w, uint64_t address)
{
    for (const tn_region *r = tn_map_next(w->map, address >> 20); r; r = tn_map_next(w->map, r->key + 1)) {
        uint64_t start = r->key << 20, from = address > start ? address : start;
        for (unsigned c = (from - start) >> 10 & 1023; c < 1024; c++)
            for (uint64_t left = r->cells[c].bits; left; left &= left - 1) {
                uint64_t object = start | (uint64_t)c << 10 | (uint64_t)__builtin_ctzll(left) << 4;
                object |= tn_region_plane(r, TN_PLANE_ODD, object) ? 8 : 0;
                if (object >= from)
                    return object;
            }
    }
    return 0;
}

const tn_range *tn_walk_large_blocks(const tn_walk *w, size_t *n)
{
    *n = w->large.count;
    return TN_LIST(w->large, tn_range);
}

const tn_range *tn_walk_own_memory(const tn_walk *w, size_t *n)
{
    *n = w->reg->n_pieces;
    return w->reg->pieces;
}

const uint64_t *tn_walk_arenas(const tn_walk *w, size_t *n)
{
    *n = w->arenas.count;
    return TN_LIST(w->arenas, uint64_t);
}

const tn_alloc *tn_walk_alloc(const tn_walk *w)
{
    return w->alloc;
}

tn_strtab *tn_walk_strings(tn_walk *w)
{
    return &w->reg->strings;
}

/* ---- small questions ---- */

static uint64_t own_block(tn_walk *w, uint64_t object, const tn_type_info *t)
{
    unsigned allocator;
    return tn_map_block(w->map, object - t->preheader, tn__nominal(w, object, t), &allocator);
}

static uint64_t size_of(tn_walk *w, uint64_t object, tn_object_size *out)
{
    tn_description d;
    tn_type_info *t = tn__type_get(w, tn_load64(&w->target->memory, object + 8));
    if (!t)
        return 0;
    w->strict = tn__doubtful(w, object);
    tn__describe(w, object, t, &d);
    *out = (tn_object_size){own_block(w, object, t), 1, {255}, {own_block(w, object, t)}};
    for (unsigned i = 0; i < d.n_buffers; i++) {
        unsigned allocator;
        const tn_buffer *b = &d.buffers[i];
        uint64_t bytes = b->address ? tn_map_block(w->map, b->address, b->nominal, &allocator) : b->nominal;
        out->kinds[out->n_parts] = b->kind;
        out->parts[out->n_parts++] = bytes;
        out->bytes += bytes;
    }
    return out->bytes;
}

int tn_walk_size(const tn_target *target, uint64_t object, const tn_alloc *alloc, tn_object_size *out, tn_error *err)
{
    tn_walk *w = NULL;
    tn_walk_options options = {.from = &object, .n_from = 1};
    int status = walk_new(target, &options, alloc, &w);
    if (status == 0) {
        tn__pools_load(w);
        w->marking = false;
        size_of(w, object, out);
        status = walk_status(w, err);
    }
    tn_walk_free(w);
    return status;
}

int tn_walk_reach(const tn_target *target, const tn_walk_options *options, const tn_alloc *alloc, uint64_t *count,
                  uint64_t *bytes, tn_error *err)
{
    tn_walk *w = NULL;
    int status = walk_new(target, options, alloc, &w);
    if (status == 0) {
        mark(w);
        status = walk_status(w, err);
    }
    uint64_t n = 0, sum = 0;
    for (tn_region *r = status == 0 ? tn_map_next(w->map, 0) : NULL; r; r = tn_map_next(w->map, r->key + 1))
        for (unsigned c = 0; c < 1024; c++)
            for (uint64_t left = r->cells[c].bits; left; left &= left - 1) {
                uint64_t object = r->key << 20 | (uint64_t)c << 10 | (uint64_t)__builtin_ctzll(left) << 4;
                tn_object_size size;
                object |= tn_region_plane(r, TN_PLANE_ODD, object) ? 8 : 0;
                sum += size_of(w, object, &size);
                n++;
            }
    if (status == 0) {
        *count = n;
        *bytes = sum;
    }
    tn_walk_free(w);
    return status;
}

int tn_walk_exists(const tn_target *target, uint64_t address, uint64_t type, uint64_t size, const tn_alloc *alloc,
                   bool *exists, tn_error *err)
{
    tn_walk *w = NULL;
    tn_walk_options options = {0};
    int status = walk_new(target, &options, alloc, &w);
    if (status == 0) {
        mark(w);
        status = walk_status(w, err);
    }
    if (status == 0) {
        tn_object_size now;
        bool immortal;
        *exists = tn_map_has(w->map, address) && tn_load64(&target->memory, address + 8) == type &&
                  size_of(w, address, &now) == size && (tn__refcount(w, address, &immortal) > 0 || immortal);
    }
    tn_walk_free(w);
    return status;
}
