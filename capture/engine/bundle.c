/* bundle.c - see bundle.h. */
#include "engine/bundle.h"

/* Width in memory and rows of a block. Memory first touched costs more than what is written into it, so numbers take one or
 * two bytes where nearly all fit; the others stand aside (big). unit: values are multiples of it, as block sizes are. */
static const struct {
    uint8_t width, unit;
    uint32_t block_rows;
} column_shapes[TN_WALK_COLUMNS] = {
    [TN_WALK_SHAP] = {2, 1, TN_NODE_BLOCK}, [TN_WALK_SIZE] = {1, 16, TN_NODE_BLOCK},
    [TN_WALK_REFC] = {1, 1, TN_NODE_BLOCK}, [TN_WALK_FLAG] = {2, 1, TN_NODE_BLOCK},
    [TN_WALK_DEGR] = {1, 1, 65536},         [TN_WALK_REFS] = {4, 1, 131072}, /* 3 where all ids fit */
    [TN_WALK_LENG] = {1, 1, 65536},         [TN_WALK_CAPA] = {1, 1, 65536},
    [TN_WALK_BUFS] = {1, 16, 65536},        [TN_WALK_BUFK] = {1, 1, 65536},
    [TN_WALK_HASH] = {8, 1, 65536},         [TN_WALK_STKI] = {4, 1, 4096},
    [TN_WALK_AODD] = {4, 1, 16384},         [TN_WALK_PREV_KIND] = {2, 1, 65536},
    [TN_WALK_PREV_BYTES] = {1, 1, 1 << 18},
};
static const enum tn_walk_column node_columns[4] = {TN_WALK_SHAP, TN_WALK_SIZE, TN_WALK_REFC, TN_WALK_FLAG};

enum { SLAB_BYTES = 8 << 20 };

static void columns_init(tn_column_data *columns, uint64_t n_nodes)
{
    for (unsigned i = 0; i < TN_WALK_COLUMNS; i++)
        columns[i] = (tn_column_data){
            .width = column_shapes[i].width, .unit = column_shapes[i].unit, .block_rows = column_shapes[i].block_rows};
    columns[TN_WALK_REFS].width = n_nodes < 1 << 24 ? 3 : 4;
}

/* Four bytes are stored even where a value takes three. */
static size_t block_bytes(const tn_column_data *c)
{
    return (size_t)c->block_rows * c->width + (c->width == 3 ? 8 : 0);
}

void tn__bundles_free(tn_walk *w)
{
    for (unsigned i = 0; w->reg->n_bundles && i < TN_WALK_COLUMNS; i++) {
        const tn_column_data *c = &w->reg->bundles[0].columns[i];
        if (c->first)
            tn__free(w->alloc, c->first->data, block_bytes(c));
    }
    tn__free(w->alloc, w->reg->bundles, w->reg->n_bundles * sizeof *w->reg->bundles);
    w->reg->bundles = NULL;
    w->reg->n_bundles = 0;
    for (uint32_t t = 0; t < w->n_threads; t++) {
        tn_walk *of = t ? &w->helpers[t - 1] : w;
        for (size_t i = 0; i < of->slabs.count; i++)
            tn__free(w->alloc, TN_LIST(of->slabs, void *)[i], SLAB_BYTES);
        tn__list_free(w, &of->slabs, sizeof(void *));
        tn__arena_free(&of->arena);
    }
}

/* The first block of a column of the first bundle is a mapping of its own, touched as far as it is used: small captures
 * stay small. The others are cut from slabs large enough for huge pages: a quarter of the page faults' time. */
static void *block_get(tn_walk *w, const tn_column_data *c, size_t bytes)
{
    if (w->rows.bundle == 0 && !c->first)
        return tn__alloc(w->alloc, bytes);
    if (w->slab_left < bytes) {
        void **slab = tn__list_add(w, &w->slabs, sizeof *slab, 1);
        if (!slab)
            return NULL;
        *slab = w->slab = tn__alloc(w->alloc, SLAB_BYTES);
        w->slab_left = w->slab ? SLAB_BYTES : 0;
        if (!w->slab)
            return NULL;
    }
    w->slab_left -= bytes;
    return w->slab + w->slab_left;
}

bool tn__next_block(tn_walk *w, tn_column_data *c)
{
    size_t bytes = block_bytes(c);
    tn_block *block = tn__arena_get(&w->arena, sizeof *block);
    uint8_t *data = block ? block_get(w, c, bytes) : NULL;
    if (!data) {
        w->status = TN_ENOMEM;
        return false;
    }
    *block = (tn_block){NULL, data};
    c->n_full += c->last ? c->block_rows : 0;
    if (c->last)
        c->last->next = block;
    else
        c->first = block;
    c->last = block;
    c->at = data;
    c->end = data + (size_t)c->block_rows * c->width;
    return true;
}

uint64_t tn__column_count(const tn_column_data *c)
{
    return c->last ? c->n_full + (uint64_t)(c->at - c->last->data) / c->width : 0;
}

void tn__note_big(tn_walk *w, tn_column_data *c, uint64_t row, uint64_t value)
{
    tn_big *big = tn__arena_get(&w->arena, sizeof *big);
    if (!big) {
        w->status = TN_ENOMEM;
        return;
    }
    *big = (tn_big){NULL, row, value};
    if (c->last_big)
        c->last_big->next = big;
    else
        c->first_big = big;
    c->last_big = big;
}

bool tn__bundle_begin(tn_walk *w, uint32_t index)
{
    w->columns = w->reg->bundles[index].columns;
    w->rows.bundle = index;
    w->rows.n = 0;
    w->noting = w->options.owners;
    w->n_references = 0;
    for (unsigned i = 0; i < 4; i++)
        if (!tn__next_block(w, &w->columns[node_columns[i]]))
            return false;
    w->rows.shapes = (uint16_t *)(void *)w->columns[TN_WALK_SHAP].at;
    w->rows.sizes = w->columns[TN_WALK_SIZE].at;
    w->rows.refcounts = w->columns[TN_WALK_REFC].at;
    w->rows.flags = (uint16_t *)(void *)w->columns[TN_WALK_FLAG].at;
    return true;
}

void tn__bundle_end(tn_walk *w)
{
    w->noting = false;
    for (unsigned i = 0; i < 4; i++)
        w->columns[node_columns[i]].at += (size_t)w->rows.n * column_shapes[node_columns[i]].width;
}

bool tn__bundles_make(tn_walk *w)
{
    tn_registry *reg = w->reg;
    uint64_t n_nodes = w->map->n_objects + reg->synthetic.count, next = 0;
    uint32_t n = (uint32_t)((n_nodes + TN_NODE_BLOCK - 1) / TN_NODE_BLOCK);
    reg->bundles = tn__alloc(w->alloc, n * sizeof *reg->bundles);
    if (!reg->bundles) {
        w->status = TN_ENOMEM;
        return false;
    }
    reg->n_bundles = n;
    for (uint32_t i = 0; i < n; i++)
        columns_init(reg->bundles[i].columns, n_nodes);
    for (const tn_region *r = tn_map_next(w->map, 0); r; r = tn_map_next(w->map, r->key + 1)) {
        uint64_t end = r->cells[1023].rank + (uint64_t)__builtin_popcountll(r->cells[1023].bits);
        for (; next * TN_NODE_BLOCK < end; next++)
            reg->bundles[next].region = r->key;
    }
    return true;
}
