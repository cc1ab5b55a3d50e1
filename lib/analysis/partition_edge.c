/* partition_edge.c - groups that references tell, in one pass over these.
 *
 *   clodo   the dicts of instances, by the references called __dict__
 *   rcs     of each object the set of kinds (clodo) of what holds it
 *   via     of each object the set of references that hold it: kind of the holder, and label
 *
 * Only references that hold count (docs/graph.md), and none out of tonnage's own objects.
 */
#include "analysis/partition.h"

#include <string.h>

static int no_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

static uint32_t *column(const tn_alloc *a, uint32_t n)
{
    uint32_t *values = tn__alloc(a, n * sizeof *values);
    return values ? memset(values, 0xff, n * sizeof *values) : NULL;
}

/* ---- clodo ---- */

/* Place of the reference __dict__ among the fixed ones of each shape; TN_NONE without one. */
static void find_dict_labels(tn_snapshot *s, const tn_graph *g, uint32_t *places)
{
    for (uint32_t i = 0; i < g->n_shapes; i++) {
        const tn_shape *shape = &g->table[i];
        places[i] = TN_NONE;
        for (uint32_t k = 0; k < shape->n_fixed; k++)
            if ((shape->labels[2 * k + 1] & 255) == TN_LABEL_ATTRIBUTE &&
                strcmp(tn__snapshot_string(s, shape->labels[2 * k]), "__dict__") == 0)
                places[i] = k;
    }
}

static int dict_types(tn_snapshot *s, uint8_t *is_dict, tn_error *err)
{
    for (uint32_t t = 0; t < tn_snapshot_n_types(s); t++) {
        tn_type type;
        if (tn_snapshot_type(s, t, &type) < 0)
            return tn__error_set(err, TN_ECORRUPT, 0, "type %u cannot be read", (unsigned)t);
        is_dict[t] = strcmp(type.full_name, "dict") == 0;
    }
    return TN_OK;
}

int tn__dicts_of_instances(tn_snapshot *s, void (*each)(void *ctx, uint32_t dict, uint32_t owner), void *ctx,
                           tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_graph g;
    TN_TRY(tn__graph(s, &g, err));
    uint32_t n_types = tn_snapshot_n_types(s), *places = tn__alloc(a, g.n_shapes * sizeof *places);
    uint8_t *is_dict = tn__alloc(a, n_types);
    int status = places && is_dict ? dict_types(s, is_dict, err) : no_memory(err);
    if (status == TN_OK)
        find_dict_labels(s, &g, places);
    for (uint32_t owner = 0; status == TN_OK && owner < g.n_objects; owner++) {
        uint32_t place = places[g.shapes[owner]];
        uint32_t dict = place != TN_NONE ? g.targets[g.offsets[owner] + place] : TN_NONE;
        if (dict < g.n_objects && is_dict[g.table[g.shapes[dict]].type])
            each(ctx, dict, owner);
    }
    tn__free(a, places, g.n_shapes * sizeof *places);
    tn__free(a, is_dict, n_types);
    return status;
}

typedef struct tn_clodo {
    tn_partition *partition;
    const uint32_t *dicts_of;
    tn_graph graph;
} tn_clodo;

static void mark_dict(void *ctx, uint32_t dict, uint32_t owner)
{
    tn_clodo *clodo = ctx;
    uint32_t *row = &clodo->partition->by_object[dict];
    if (*row == TN_NONE) /* the first one to refer to it is its owner */
        *row = clodo->dicts_of[clodo->graph.table[clodo->graph.shapes[owner]].type];
}

int tn__partition_clodo(tn_partition *p, tn_error *err)
{
    tn_clodo clodo = {.partition = p};
    TN_TRY(tn__graph(p->snapshot, &clodo.graph, err));
    TN_TRY(tn__partition_classes(p, &clodo.dicts_of, err));
    p->by_object = column(p->alloc, clodo.graph.n_nodes);
    if (!p->by_object)
        return no_memory(err);
    return tn__dicts_of_instances(p->snapshot, mark_dict, &clodo, err);
}

/* ---- holders ---- */

typedef struct tn_via {
    uint32_t kind; /* row of the kinds */
    uint32_t style;
    uint32_t text; /* string, or node of the key */
} tn_via;

typedef struct tn_met_key {
    uint32_t kind, key; /* node of the key */
    uint32_t number;    /* + 1; 0: none */
} tn_met_key;

struct tn_holders {
    tn_partition kinds; /* clodo, of all nodes */
    tn_bag bag;
    bool via;
    /* of VIA: */
    uint32_t *fixed;  /* number + 1 of each fixed reference of each shape, where its kind is the shape's; 0: not met */
    uint32_t *starts; /* of each shape in fixed; the end of all is the last */
    tn_map places;    /* (kind, label) -> number + 1 */
    tn_met_key
        *met_keys; /* the last ones, by a hash: names of attributes come again and again, keys of a big dict once */
    tn_buf vias;   /* tn_via by number */
};

enum { MOST_KINDS = 30, MOST_VIAS = 8, KEY_OF_OTHER_TYPE = 64, MET_KEYS = 1 << 14 };

static uint32_t kind_of(const tn_holders *h, const tn_graph *g, uint32_t node)
{
    uint32_t row = h->kinds.by_object[node];
    return row != TN_NONE ? row : h->kinds.by_shape[g->shapes[node]];
}

static int number_via(tn_holders *h, tn_map *map, uint64_t key, tn_via via, uint32_t *number, tn_error *err)
{
    uint32_t *value;
    TN_TRY(tn__map_slot(map, key, &value, err));
    if (!*value) {
        if (tn__buf_append(&h->vias, &via, sizeof via) < 0)
            return no_memory(err);
        *value = (uint32_t)(h->vias.size / sizeof via);
    }
    *number = *value - 1;
    return TN_OK;
}

/* Keys that are equal str are one label, whatever objects they are; keys of other types go by their type. */
static int number_key(tn_holders *h, const tn_graph *g, tn_snapshot *s, uint32_t kind, uint32_t key, uint32_t *number,
                      tn_error *err)
{
    uint32_t spot = (kind * 0x9e3779b9u ^ key * 0x85ebca6bu) >> 16;
    tn_met_key *met = &h->met_keys[spot % MET_KEYS];
    if (met->number && met->kind == kind && met->key == key) {
        *number = met->number - 1;
        return TN_OK;
    }
    tn_preview preview;
    tn_via via = {kind, TN_LABEL_VALUE, key};
    TN_TRY(tn__snapshot_preview(s, key, &preview, err));
    uint64_t hash = kind * 0x9e3779b97f4a7c15ull ^ 0xff51afd7ed558ccdull;
    bool text = preview.kind == TN_PREVIEW_TEXT;
    if (!text)
        via = (tn_via){kind, KEY_OF_OTHER_TYPE, g->table[g->shapes[key]].type};
    for (uint32_t i = 0; i < preview.length && text; i++)
        hash = (hash ^ preview.bytes[i]) * 0x100000001b3ull;
    hash ^= text ? 0 : ((uint64_t)via.text + 1) << 40;
    TN_TRY(number_via(h, &h->places, hash | 1ull << 63, via, number, err));
    *met = (tn_met_key){kind, key, *number + 1};
    return TN_OK;
}

static uint64_t place_key(const tn_via *via)
{
    return ((uint64_t)via->kind << 36 | (uint64_t)via->style << 32 | via->text) & ~(1ull << 63);
}

/* What stands before an edge in the run of a dict is its key. */
static int number_run(tn_holders *h, const tn_graph *g, tn_snapshot *s, uint32_t source, uint64_t edge, uint32_t kind,
                      uint32_t *number, tn_error *err)
{
    static const uint8_t styles[] = {
        [TN_RUN_ITEMS] = TN_LABEL_INDEX,        [TN_RUN_PAIRS] = TN_LABEL_KEY,   [TN_RUN_MEMBERS] = TN_LABEL_MEMBER,
        [TN_RUN_UNLABELLED] = TN_LABEL_UNKNOWN, [TN_RUN_STACK] = TN_LABEL_STACK,
    };
    const tn_shape *shape = &g->table[g->shapes[source]];
    unsigned style = shape->flags & TN_RUN_STYLE;
    uint64_t index = edge - g->offsets[source] - shape->n_fixed;
    if (style == TN_RUN_PAIRS && (index & 1) && g->targets[edge - 1] != TN_NONE)
        return number_key(h, g, s, kind, g->targets[edge - 1], number, err);
    tn_via via = {kind, styles[style], 0};
    return number_via(h, &h->places, place_key(&via), via, number, err);
}

static int number_fixed(tn_holders *h, const tn_graph *g, uint32_t source, uint64_t index, uint32_t kind,
                        uint32_t *number, tn_error *err)
{
    uint32_t shape = g->shapes[source];
    const uint32_t *label = &g->table[shape].labels[2 * index];
    uint32_t *met = kind == h->kinds.by_shape[shape] ? &h->fixed[h->starts[shape] + index] : NULL;
    if (met && *met) {
        *number = *met - 1;
        return TN_OK;
    }
    tn_via via = {kind, label[1] & 255, label[0]};
    TN_TRY(number_via(h, &h->places, place_key(&via), via, number, err));
    if (met)
        *met = *number + 1;
    return TN_OK;
}

static int number_edge(tn_holders *h, const tn_graph *g, tn_snapshot *s, uint32_t source, uint64_t edge, uint32_t kind,
                       uint32_t *number, tn_error *err)
{
    uint64_t index = edge - g->offsets[source];
    *number = kind;
    if (!h->via)
        return TN_OK;
    if (index < g->table[g->shapes[source]].n_fixed)
        return number_fixed(h, g, source, index, kind, number, err);
    return number_run(h, g, s, source, edge, kind, number, err);
}

/* Nothing is added to what is not wanted: one look less for every edge. */
static void close_unwanted(const tn_set *wanted, uint32_t *states)
{
    for (uint32_t id = 0; id < wanted->n; id++) {
        if (id % 64 == 0 && wanted->words[id / 64] == UINT64_MAX)
            id += 63;
        else if (!tn__set_test(wanted, id))
            states[id] = TN_BAG_MANY;
    }
}

/* Targets lie all over memory: what is needed of them is fetched some edges ahead. */
static int pass(tn_holders *h, const tn_graph *g, tn_snapshot *s, const tn_set *all, uint32_t *states, tn_error *err)
{
    enum { AHEAD = 24 };
    uint64_t n_edges = g->offsets[g->n_nodes];
    for (uint32_t source = 0; source < g->n_nodes; source++) {
        if (tn__node_holding(g, source) == TN_HOLDS_NONE || (source < g->n_objects && !tn__set_test(all, source)))
            continue;
        uint32_t kind = kind_of(h, g, source), number;
        for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1]; e++) {
            uint32_t target = g->targets[e], ahead = e + AHEAD < n_edges ? g->targets[e + AHEAD] : TN_NONE;
            if (ahead < g->n_objects)
                __builtin_prefetch(&states[ahead], 1);
            if (target >= g->n_objects || states[target] == TN_BAG_MANY || !tn__edge_holds(g, source, e))
                continue;
            TN_TRY(number_edge(h, g, s, source, e, kind, &number, err));
            TN_TRY(tn__bag_add(&h->bag, states[target], number, &states[target], err));
        }
    }
    return TN_OK;
}

static int open_via(tn_holders *h, const tn_graph *g, const tn_alloc *a, tn_error *err)
{
    uint32_t n = 0;
    h->starts = tn__alloc(a, ((size_t)g->n_shapes + 1) * sizeof *h->starts);
    if (!h->starts)
        return no_memory(err);
    for (uint32_t i = 0; i <= g->n_shapes; i++) {
        h->starts[i] = n;
        n += i < g->n_shapes ? g->table[i].n_fixed : 0;
    }
    h->fixed = tn__alloc_zero(a, n * sizeof *h->fixed);
    h->met_keys = tn__alloc_zero(a, MET_KEYS * sizeof *h->met_keys);
    return h->fixed && h->met_keys ? TN_OK : no_memory(err);
}

int tn__partition_holders(tn_partition *p, const tn_set *set, tn_error *err)
{
    tn_graph g;
    const tn_set *all;
    TN_TRY(tn__graph(p->snapshot, &g, err));
    TN_TRY(tn__set_of_all(p->snapshot, &all, err));
    tn_holders *h = p->holders = tn__alloc_zero(p->alloc, sizeof *h);
    if (!h)
        return no_memory(err);
    h->kinds.alloc = h->places.alloc = p->alloc;
    h->via = p->by == TN_BY_VIA;
    tn__buf_init(&h->vias, p->alloc);
    TN_TRY(tn__bag_init(&h->bag, p->alloc, h->via ? MOST_VIAS : MOST_KINDS, err));
    TN_TRY(tn__partition_make(p->snapshot, NULL, TN_BY_CLODO, NULL, &h->kinds, err));
    if (h->via)
        TN_TRY(open_via(h, &g, p->alloc, err));
    p->by_object = tn__alloc_zero(p->alloc, g.n_nodes * sizeof *p->by_object);
    if (!p->by_object)
        return no_memory(err);
    close_unwanted(set ? set : all, p->by_object);
    TN_TRY(pass(h, &g, p->snapshot, all, p->by_object, err));
    p->n_rows = h->bag.n;
    return TN_OK;
}

void tn__partition_holders_free(tn_partition *p)
{
    tn_holders *h = p->holders;
    if (!h)
        return;
    if (h->starts)
        tn__free(p->alloc, h->fixed, h->starts[tn__snapshot_n_shapes(p->snapshot)] * sizeof *h->fixed);
    tn__free(p->alloc, h->starts, ((size_t)tn__snapshot_n_shapes(p->snapshot) + 1) * sizeof *h->starts);
    if (h->kinds.snapshot)
        tn__partition_free(&h->kinds);
    tn__bag_free(&h->bag);
    tn__map_free(&h->places);
    tn__free(p->alloc, h->met_keys, MET_KEYS * sizeof *h->met_keys);
    tn__buf_free(&h->vias);
    tn__free(p->alloc, h, sizeof *h);
}

/* ---- labels ---- */

static int add(tn_buf *out, const char *text, tn_error *err)
{
    return tn__buf_append(out, text, strlen(text)) < 0 ? no_memory(err) : TN_OK;
}

/* As Python would write it behind the holder. */
static int add_label(tn_partition *p, const tn_via *via, tn_buf *out, tn_error *err)
{
    char text[256];
    tn_type type;
    tn_reference r = {.style = (enum tn_label_style)via->style, .key = TN_NONE};
    switch (via->style) {
    case TN_LABEL_INDEX: return add(out, "[…]", err);
    case TN_LABEL_KEY: return add(out, " key", err);
    case TN_LABEL_STACK: return add(out, " stack", err);
    case TN_LABEL_UNKNOWN: return TN_OK;
    case KEY_OF_OTHER_TYPE:
        TN_TRY(tn_snapshot_type(p->snapshot, via->text, &type));
        TN_TRY(add(out, "[<", err));
        TN_TRY(add(out, type.full_name, err));
        return add(out, ">]", err);
    case TN_LABEL_VALUE: r.key = via->text; break;
    case TN_LABEL_MEMBER: break;
    default: r.text = tn__snapshot_string(p->snapshot, via->text);
    }
    TN_TRY(tn_reference_label(p->snapshot, &r, text, sizeof text, err));
    return add(out, text, err);
}

int tn__partition_holders_label(tn_partition *p, uint32_t row, tn_buf *out, tn_error *err)
{
    const tn_holders *h = p->holders;
    uint32_t n;
    const uint32_t *members = tn__bag_members(&h->bag, row, &n);
    if (row == TN_BAG_EMPTY)
        TN_TRY(add(out, "(nothing)", err));
    if (row == TN_BAG_MANY)
        TN_TRY(add(out, h->via ? "(more than 8 references)" : "(more than 30 kinds)", err));
    for (uint32_t i = 0; i < n; i++) {
        const tn_via *via = h->via ? (const tn_via *)(const void *)h->vias.data + members[i] : NULL;
        TN_TRY(add(out, i ? ", " : "", err));
        TN_TRY(add(out, h->kinds.names[via ? via->kind : members[i]], err));
        if (via)
            TN_TRY(add_label(p, via, out, err));
    }
    return tn__buf_append(out, "", 1) < 0 ? no_memory(err) : TN_OK;
}
