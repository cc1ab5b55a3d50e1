/* descent.c - down the dominator tree: where what a node retains comes together, and what it consists of. */
#include "analysis/suspects.h"

#include <stdlib.h>
#include <string.h>

/* ---- the accumulation point ---- */

/* Links of a chain are of one type, with containers of the language between them at most. A type of the program is what
 * makes a chain; without one a container in a container, so many deep, is one, too. */
enum { LEAST_LINKS = 8 };
typedef struct tn_chain {
    uint32_t head, type, links;
    bool standard;
} tn_chain;

static void extend(const tn_toplevel *t, tn_chain *chain, uint32_t node)
{
    uint32_t type = t->graph.table[t->graph.shapes[node]].type;
    bool standard = tn__kind_of(t, node) & TN_KIND_STANDARD;
    if (chain->links && type == chain->type)
        chain->links++;
    else if (!chain->links || !standard || chain->standard)
        *chain = (tn_chain){node, type, 1, standard};
}

static uint64_t amount(const tn_toplevel *t, const tn_past *past, uint32_t node)
{
    uint64_t bytes = t->tree->retained[node],
             before = past && node < t->graph.n_objects ? tn__past_bytes(past, node) : 0;
    return bytes > before ? bytes - before : 0;
}

static uint32_t biggest(const tn_toplevel *t, const tn_past *past, uint32_t above)
{
    uint32_t best = TN_NONE;
    uint64_t most = 0;
    for (uint32_t i = t->below.starts[above]; i < t->below.starts[above + 1]; i++) {
        uint64_t one = amount(t, past, t->below.nodes[i]);
        if (one > most) {
            best = t->below.nodes[i];
            most = one;
        }
    }
    return best;
}

/* The last links of a chain retain so little that one of them is much less than the one before. */
static uint32_t count_links(const tn_toplevel *t, const tn_chain *chain, uint32_t last)
{
    uint32_t links = chain->links;
    for (uint32_t at = biggest(t, NULL, last); at != TN_NONE; at = biggest(t, NULL, at))
        links += t->graph.table[t->graph.shapes[at]].type == chain->type;
    return links;
}

void tn__descend(const tn_toplevel *t, const tn_past *past, uint32_t top, uint32_t *node, uint32_t *links)
{
    tn_chain chain = {0};
    uint32_t at = top;
    for (;;) {
        extend(t, &chain, at);
        uint32_t next = biggest(t, past, at);
        if (next == TN_NONE || (double)amount(t, past, next) < 0.7 * (double)amount(t, past, at))
            break;
        at = next;
    }
    bool is_chain = chain.links >= LEAST_LINKS;
    *node = tn__folded(t, is_chain ? chain.head : at);
    *links = is_chain ? count_links(t, &chain, at) : 0;
}

/* ---- what is in it ---- */

typedef struct tn_inside {
    uint32_t node, type; /* row of the types its bytes go to */
} tn_inside;

typedef struct tn_sum {
    uint64_t count, bytes;
} tn_sum;

typedef struct tn_gather {
    const tn_toplevel *top;
    tn_sum *by_type;
    uint32_t n_types;
    uint32_t without; /* what is not in it: the node itself */
    tn_buf todo;      /* tn_inside */
} tn_gather;

static uint32_t type_of(const tn_toplevel *t, uint32_t node)
{
    return t->graph.table[t->graph.shapes[node]].type;
}

/* An object's own bytes are what it retains without what those below it do. A folded dict is no object of its own. */
static int take(tn_gather *g, tn_inside at, tn_error *err)
{
    const tn_toplevel *t = g->top;
    uint32_t first = t->below.starts[at.node], end = t->below.starts[at.node + 1],
             dict = t->fold ? tn__dict_of(t, at.node) : TN_NONE;
    uint64_t bytes = t->tree->retained[at.node], count = t->tree->counts[at.node];
    if (tn__buf_reserve(&g->todo, (end - first) * sizeof(tn_inside)) < 0)
        return tn__no_memory(t->snapshot, err);
    for (uint32_t i = first; i < end; i++) {
        uint32_t node = t->below.nodes[i];
        tn_inside one = {node, node == dict ? at.type : type_of(t, node)};
        bytes -= t->tree->retained[node];
        count -= t->tree->counts[node];
        if (t->below.starts[node] == t->below.starts[node + 1] && node != dict) { /* nothing below it */
            g->by_type[one.type].bytes += t->tree->retained[node];
            g->by_type[one.type].count += t->tree->counts[node];
        } else {
            (void)tn__buf_append(&g->todo, &one, sizeof one);
        }
    }
    if (tn__folded(t, at.node) == g->without)
        return TN_OK;
    g->by_type[at.type].bytes += bytes;
    if (tn__folded(t, at.node) == at.node)
        g->by_type[at.type].count += count;
    return TN_OK;
}

/* Two types of one name are one row. */
static void add_row(const tn_toplevel *t, uint32_t row, const tn_sum *sum, tn_content_row *rows, uint32_t *n)
{
    tn_type type;
    if (!sum->bytes || tn_snapshot_type(t->snapshot, row, &type) < 0)
        return;
    for (uint32_t i = 0; i < *n; i++) {
        if (strcmp(rows[i].type, type.full_name) == 0) {
            rows[i].count += sum->count;
            rows[i].bytes += sum->bytes;
            return;
        }
    }
    rows[(*n)++] = (tn_content_row){type.full_name, sum->count, sum->bytes};
}

static int compare(const void *left, const void *right)
{
    const tn_content_row *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return strcmp(a->type, b->type);
}

static void take_most(tn_content_row *rows, uint32_t n, tn_content *out)
{
    if (n > 1)
        qsort(rows, n, sizeof *rows, compare);
    out->n_rows = n < TN_CONTENT_ROWS ? n : TN_CONTENT_ROWS;
    memcpy(out->rows, rows, out->n_rows * sizeof *rows);
}

static int sum_up(tn_gather *g, tn_content *out, tn_error *err)
{
    tn_content_row *rows = tn__alloc(g->top->alloc, g->n_types * sizeof *rows);
    uint32_t n = 0;
    if (!rows)
        return tn__no_memory(g->top->snapshot, err);
    for (uint32_t row = 0; row < g->n_types; row++)
        add_row(g->top, row, &g->by_type[row], rows, &n);
    take_most(rows, n, out);
    tn__free(g->top->alloc, rows, g->n_types * sizeof *rows);
    return TN_OK;
}

static int gather(tn_gather *g, uint32_t node, tn_error *err)
{
    g->without = node;
    TN_TRY(take(g, (tn_inside){node, type_of(g->top, node)}, err));
    while (g->todo.size) {
        g->todo.size -= sizeof(tn_inside);
        TN_TRY(take(g, *(const tn_inside *)(const void *)(g->todo.data + g->todo.size), err));
    }
    return TN_OK;
}

static int gather_set(tn_gather *g, const tn_set *set, tn_error *err)
{
    tn_sizes sizes;
    int more;
    TN_TRY(tn__sizes_open(g->top->snapshot, &sizes, err));
    for (size_t k = 0; (more = tn__sizes_block(&sizes, k, err)) > 0; k++) {
        for (uint32_t i = 0; i < sizes.shap.n_rows; i++) {
            uint32_t id = (uint32_t)sizes.shap.first_row + i;
            if (!tn_set_has(set, id))
                continue;
            tn_sum *sum = &g->by_type[type_of(g->top, id)];
            sum->count++;
            sum->bytes += tn__block_at(&sizes.size, i);
        }
    }
    tn__sizes_close(&sizes);
    return more;
}

static int content(const tn_toplevel *t, uint32_t node, const tn_set *set, tn_content *out, tn_error *err)
{
    tn_gather g = {.top = t, .n_types = tn_snapshot_n_types(t->snapshot)};
    tn__buf_init(&g.todo, t->alloc);
    g.by_type = tn__alloc_zero(t->alloc, g.n_types * sizeof *g.by_type);
    int status = !g.by_type ? tn__no_memory(t->snapshot, err) : set ? gather_set(&g, set, err) : gather(&g, node, err);
    if (status == TN_OK)
        status = sum_up(&g, out, err);
    tn__buf_free(&g.todo);
    tn__free(t->alloc, g.by_type, g.n_types * sizeof *g.by_type);
    return status;
}

int tn__content(const tn_toplevel *t, uint32_t node, tn_content *out, tn_error *err)
{
    return content(t, node, NULL, out, err);
}

int tn__content_of_set(const tn_toplevel *t, const tn_set *set, tn_content *out, tn_error *err)
{
    return content(t, TN_NONE, set, out, err);
}

/* ---- of a few objects ---- */

int tn__tally_open(const tn_toplevel *t, tn_tally *out, tn_error *err)
{
    uint32_t n = tn_snapshot_n_types(t->snapshot);
    *out = (tn_tally){.top = t, .n_types = n};
    out->by_type = tn__alloc_zero(t->alloc, n * sizeof *out->by_type);
    out->types = tn__alloc(t->alloc, n * sizeof *out->types);
    out->rows = tn__alloc(t->alloc, n * sizeof *out->rows);
    return out->by_type && out->types && out->rows ? TN_OK : tn__no_memory(t->snapshot, err);
}

void tn__tally_close(tn_tally *tally)
{
    if (!tally->top)
        return;
    tn__free(tally->top->alloc, tally->by_type, tally->n_types * sizeof *tally->by_type);
    tn__free(tally->top->alloc, tally->types, tally->n_types * sizeof *tally->types);
    tn__free(tally->top->alloc, tally->rows, tally->n_types * sizeof *tally->rows);
}

/* What it retains without what is below it: sizes by number are in columns that are packed. */
static uint64_t own_bytes(const tn_toplevel *t, uint32_t node)
{
    uint64_t bytes = t->tree->retained[node];
    for (uint32_t i = t->below.starts[node]; i < t->below.starts[node + 1]; i++)
        bytes -= t->tree->retained[t->below.nodes[i]];
    return bytes;
}

void tn__tally_content(tn_tally *tally, const uint32_t *objects, uint32_t n, tn_content *out)
{
    const tn_toplevel *t = tally->top;
    uint32_t n_touched = 0, n_rows = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t type = type_of(t, objects[i]);
        if (tally->by_type[type].count++ == 0)
            tally->types[n_touched++] = type;
        tally->by_type[type].bytes += own_bytes(t, objects[i]);
    }
    for (uint32_t i = 0; i < n_touched; i++) {
        add_row(t, tally->types[i], &tally->by_type[tally->types[i]], tally->rows, &n_rows);
        tally->by_type[tally->types[i]] = (tn_sum){0};
    }
    take_most(tally->rows, n_rows, out);
}
