/* weakly.c - weak references: what they refer to, which of them call something when that dies, and weak tables.
 *
 * A weak reference is an object whose shape has a weak label; a dead one refers to nothing there, or to None.
 */
#include "analysis/components.h"
#include "analysis/lookup.h"
#include "analysis/suspects.h"

#include <stdlib.h>
#include <string.h>

typedef struct tn_weak_shape {
    uint32_t referent, callback; /* places among the fixed references; TN_NONE */
} tn_weak_shape;

typedef struct tn_weakly {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_graph graph;
    const tn_set *all, *within;
    tn_weak_shape *shapes;
    uint8_t *tables; /* by type: a weak dictionary or set */
    tn_set *seen;    /* referents that are counted */
    tn_weak_row *sums;
    uint32_t n_types;
} tn_weakly;

static tn_weak_shape look_at_shape(tn_snapshot *s, const tn_shape *shape)
{
    tn_weak_shape found = {TN_NONE, TN_NONE};
    for (uint32_t i = 0; i < shape->n_fixed; i++) {
        const char *text = tn__snapshot_string(s, shape->labels[2 * i]);
        if (shape->labels[2 * i + 1] >> 8 == TN_REF_WEAK && found.referent == TN_NONE)
            found.referent = i;
        else if (strcmp(text, "__callback__") == 0 || strcmp(text, "callback") == 0)
            found.callback = i;
    }
    return found;
}

static bool is_weak_table(tn_snapshot *s, uint32_t row)
{
    static const char *const names[] = {"weakref.WeakValueDictionary", "weakref.WeakKeyDictionary",
                                        "_weakrefset.WeakSet"};
    tn_type type, base;
    tn_snapshot_type(s, row, &type);
    for (uint32_t i = 0; i < type.n_mro; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (tn_snapshot_type(s, type.mro[i], &base) == TN_OK && strcmp(base.full_name, names[k]) == 0)
                return true;
    return false;
}

static bool is_nothing(const tn_weakly *w, uint32_t node)
{
    tn_type type;
    return node == TN_NONE ||
           (tn_snapshot_type(w->snapshot, w->graph.table[w->graph.shapes[node]].type, &type) == TN_OK &&
            strcmp(type.full_name, "NoneType") == 0);
}

static uint32_t fixed_target(const tn_weakly *w, uint32_t node, uint32_t place)
{
    uint32_t to = place == TN_NONE ? TN_NONE : w->graph.targets[w->graph.offsets[node] + place];
    return is_nothing(w, to) ? TN_NONE : to;
}

/* Rows by type of the referent, the last one of those that refer to nothing. */
static void count_reference(tn_weakly *w, uint32_t node, const tn_weak_shape *shape)
{
    uint32_t to = fixed_target(w, node, shape->referent);
    bool object = to != TN_NONE && to < w->graph.n_objects;
    if (w->within && !(object && tn_set_has(w->within, to)))
        return;
    tn_weak_row *row = &w->sums[object ? w->graph.table[w->graph.shapes[to]].type : w->n_types];
    row->references++;
    row->callbacks += fixed_target(w, node, shape->callback) != TN_NONE;
    if (object && !tn__set_test(w->seen, to)) {
        tn__set_add(w->seen, to);
        row->referents++;
    }
}

/* ---- weak tables ---- */

static int find_data(const tn_weakly *w, uint32_t node, uint32_t *data, tn_error *err)
{
    uint32_t dict;
    bool known = true;
    TN_TRY(tn__labelled_target(w->snapshot, node, "data", data, err));
    if (*data != TN_NONE)
        return TN_OK;
    TN_TRY(tn__labelled_target(w->snapshot, node, "__dict__", &dict, err));
    return dict == TN_NONE ? TN_OK : tn__dict_value(w->snapshot, dict, "data", strlen("data"), data, &known, err);
}

static int count_table(const tn_weakly *w, uint32_t node, tn_buf *tables, tn_error *err)
{
    const tn_graph *g = &w->graph;
    tn_weak_table table = {.node = node};
    uint32_t data;
    TN_TRY(find_data(w, node, &data, err));
    for (uint64_t e = data == TN_NONE ? 1 : g->offsets[data]; data != TN_NONE && e < g->offsets[data + 1]; e++) {
        uint32_t to = g->targets[e];
        const tn_weak_shape *shape = to == TN_NONE ? NULL : &w->shapes[g->shapes[to]];
        if (!shape || shape->referent == TN_NONE)
            continue;
        bool alive = fixed_target(w, to, shape->referent) != TN_NONE;
        table.alive += alive;
        table.dead += !alive;
    }
    return tn__buf_append(tables, &table, sizeof table) < 0 ? tn__no_memory(w->snapshot, err) : TN_OK;
}

/* ---- all ---- */

static int count_all(tn_weakly *w, tn_buf *tables, tn_error *err)
{
    for (uint32_t id = tn_set_next(w->all, 0); id != TN_NONE; id = tn_set_next(w->all, id + 1)) {
        uint32_t number = w->graph.shapes[id];
        if (w->shapes[number].referent != TN_NONE)
            count_reference(w, id, &w->shapes[number]);
        if (w->tables[w->graph.table[number].type] && (!w->within || tn_set_has(w->within, id)))
            TN_TRY(count_table(w, id, tables, err));
    }
    return TN_OK;
}

static int by_name(const void *left, const void *right)
{
    const tn_weak_row *a = left, *b = right;
    if (!a->type || !b->type)
        return !a->type - !b->type;
    return strcmp(a->type, b->type);
}

static int by_references(const void *left, const void *right)
{
    const tn_weak_row *a = left, *b = right;
    if (a->standard != b->standard)
        return a->standard - b->standard;
    if (a->references != b->references)
        return a->references < b->references ? 1 : -1;
    return by_name(a, b);
}

static int by_entries(const void *left, const void *right)
{
    const tn_weak_table *a = left, *b = right;
    uint64_t n_a = a->alive + a->dead, n_b = b->alive + b->dead;
    if (n_a != n_b)
        return n_a < n_b ? 1 : -1;
    return a->node < b->node ? -1 : a->node > b->node;
}

static void name_row(const tn_weakly *w, uint32_t i)
{
    tn_type type;
    if (i == w->n_types || tn_snapshot_type(w->snapshot, i, &type) < 0)
        type = (tn_type){0};
    w->sums[i].type = type.full_name;
    w->sums[i].standard = !type.module || tn__module_is_standard(type.module);
}

static int write_rows(tn_weakly *w, tn_buf *rows, tn_error *err)
{
    uint32_t n = 0, kept = 0;
    for (uint32_t i = 0; i <= w->n_types; i++) {
        name_row(w, i);
        if (w->sums[i].references)
            w->sums[n++] = w->sums[i];
    }
    if (n > 1)
        qsort(w->sums, n, sizeof *w->sums, by_name);
    for (uint32_t i = 0; i < n; i++) {
        tn_weak_row *last = kept ? &w->sums[kept - 1] : NULL;
        if (!last || by_name(last, &w->sums[i]) != 0) {
            w->sums[kept++] = w->sums[i];
            continue;
        }
        last->references += w->sums[i].references;
        last->callbacks += w->sums[i].callbacks;
        last->referents += w->sums[i].referents;
    }
    if (kept > 1)
        qsort(w->sums, kept, sizeof *w->sums, by_references);
    return tn__buf_append(rows, w->sums, kept * sizeof *w->sums) < 0 ? tn__no_memory(w->snapshot, err) : TN_OK;
}

static int fill(tn_weakly *w, tn_error *err)
{
    if (!w->shapes || !w->tables || !w->sums)
        return tn__no_memory(w->snapshot, err);
    for (uint32_t i = 0; i < w->graph.n_shapes; i++)
        w->shapes[i] = look_at_shape(w->snapshot, &w->graph.table[i]);
    for (uint32_t i = 0; i < w->n_types; i++)
        w->tables[i] = is_weak_table(w->snapshot, i);
    return tn_set_new(w->snapshot, &w->seen, err);
}

int tn__weak_references(tn_snapshot *s, const tn_set *within, tn_buf *rows, tn_buf *tables, tn_error *err)
{
    tn_weakly w = {.snapshot = s, .alloc = tn__snapshot_alloc(s), .within = within, .n_types = tn_snapshot_n_types(s)};
    TN_TRY(tn__graph(s, &w.graph, err));
    TN_TRY(tn__set_of_all(s, &w.all, err));
    size_t n = (size_t)w.n_types + 1;
    w.shapes = tn__alloc(w.alloc, w.graph.n_shapes * sizeof *w.shapes);
    w.tables = tn__alloc(w.alloc, w.n_types);
    w.sums = tn__alloc_zero(w.alloc, n * sizeof *w.sums);
    int status = fill(&w, err);
    if (status == TN_OK)
        status = count_all(&w, tables, err);
    if (status == TN_OK)
        status = write_rows(&w, rows, err);
    if (status == TN_OK && tables->size)
        qsort(tables->data, tables->size / sizeof(tn_weak_table), sizeof(tn_weak_table), by_entries);
    tn__free(w.alloc, w.shapes, w.graph.n_shapes * sizeof *w.shapes);
    tn__free(w.alloc, w.tables, w.n_types);
    tn__free(w.alloc, w.sums, n * sizeof *w.sums);
    tn_set_free(w.seen);
    return status;
}
