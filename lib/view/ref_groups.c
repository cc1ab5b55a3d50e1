/* ref_groups.c - references of a set, or to it, in groups: by the type at the other end and the label. */
#include "view/refs.h"

#include "analysis/lookup.h"
#include "analysis/partition.h"
#include "graph/graph.h"
#include "view/show.h"
#include "view/summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct tn_ref_group {
    uint32_t type; /* row of the type at the other end */
    enum tn_label_style style;
    enum tn_reference_kind kind;
    const char *text;                /* of the label; strings of a snapshot are distinct, so the pointer tells */
    uint64_t count, size;            /* references; bytes of the objects at the other end, each once */
    uint32_t objects, example, last; /* last: the object that was counted last */
} tn_ref_group;

typedef struct tn_ref_pair {
    uint32_t group, node;
} tn_ref_pair;

typedef struct tn_grouping {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    bool referrers;
    tn_set *set, *sources;
    const uint64_t *sizes;
    tn_graph graph;
    tn_buf groups; /* tn_ref_group */
    tn_map known;  /* hash -> group + 1 */
    tn_buf pairs;  /* refs only: objects at the other end by group, to be counted once */
    tn_buf text;
    uint32_t n_groups;
    tn_order_key *order;
    uint64_t count; /* references */
} tn_grouping;

static tn_ref_group *group_at(const tn_grouping *g, uint32_t i)
{
    return (tn_ref_group *)(void *)g->groups.data + i;
}

/* ---- groups ---- */

static uint64_t hash_of(const tn_ref_group *k)
{
    uint64_t h = (uint64_t)(uintptr_t)k->text * 0x9e3779b97f4a7c15 + k->type * 0xc2b2ae3d27d4eb4full +
                 (uint64_t)k->style * 31 + (uint64_t)k->kind;
    return h ^ h >> 29;
}

static bool is_same(const tn_ref_group *a, const tn_ref_group *b)
{
    return a->type == b->type && a->style == b->style && a->kind == b->kind && a->text == b->text;
}

static int group_of(tn_grouping *g, const tn_reference *r, uint32_t other, uint32_t *out)
{
    tn_ref_group key = {.type = g->graph.table[g->graph.shapes[other]].type,
                        .style = r->style,
                        .kind = r->kind,
                        .text = r->text,
                        .example = other,
                        .last = TN_NONE};
    uint32_t *known;
    for (uint64_t hash = hash_of(&key);; hash++) { /* other groups of this hash stand at the next ones */
        TN_TRY(tn__map_slot(&g->known, hash, &known, NULL));
        if (!*known || is_same(group_at(g, *known - 1), &key))
            break;
    }
    if (!*known) {
        TN_TRY(tn__buf_append(&g->groups, &key, sizeof key));
        *known = ++g->n_groups;
    }
    *out = *known - 1;
    return TN_OK;
}

static void count_object(tn_grouping *g, uint32_t group, uint32_t node)
{
    tn_ref_group *at = group_at(g, group);
    if (at->last == node)
        return;
    at->last = node;
    at->objects++;
    at->size += g->sizes[node];
}

/* ---- references ---- */

static int add_references(tn_grouping *g, uint32_t source)
{
    tn_reference_iter iter;
    tn_reference r;
    TN_TRY(tn_references(g->snapshot, source, &iter, NULL));
    while (tn_reference_next(&iter, &r)) {
        tn_ref_pair pair;
        if (g->referrers && !tn_set_has(g->set, r.target))
            continue;
        pair.node = g->referrers ? source : r.target;
        TN_TRY(group_of(g, &r, pair.node, &pair.group));
        group_at(g, pair.group)->count++;
        g->count++;
        if (g->referrers)
            count_object(g, pair.group, source);
        else
            TN_TRY(tn__buf_append(&g->pairs, &pair, sizeof pair));
    }
    return TN_OK;
}

static int by_node(const void *a, const void *b)
{
    const tn_ref_pair *x = a, *y = b;
    return x->node != y->node ? (x->node > y->node) - (x->node < y->node)
                              : (x->group > y->group) - (x->group < y->group);
}

static void count_pairs(tn_grouping *g)
{
    tn_ref_pair *pairs = (tn_ref_pair *)(void *)g->pairs.data;
    size_t n = g->pairs.size / sizeof *pairs;
    if (n > 1)
        qsort(pairs, n, sizeof *pairs, by_node);
    for (size_t i = 0; i < n; i++)
        count_object(g, pairs[i].group, pairs[i].node);
}

static int find_sources(tn_grouping *g, tn_error *err)
{
    const uint32_t *nodes;
    uint32_t n;
    TN_TRY(tn__set_new(g->alloc, g->graph.n_nodes, &g->sources, err));
    for (uint32_t id = 0; (id = tn_set_next(g->set, id)) != TN_NONE; id++) {
        TN_TRY(tn_referrers(g->snapshot, id, &nodes, &n, err));
        for (uint32_t i = 0; i < n; i++)
            tn__set_add(g->sources, nodes[i]);
    }
    return TN_OK;
}

static int collect(tn_grouping *g, const tn_view_options *o, tn_error *err)
{
    uint64_t n;
    TN_TRY(tn__graph(g->snapshot, &g->graph, err));
    TN_TRY(tn__column_u64(g->snapshot, TN_COL_SIZE, &g->sizes, &n, err));
    TN_TRY(tn__set_selected(g->snapshot, o, &g->set, err));
    if (g->referrers)
        TN_TRY(find_sources(g, err));
    const tn_set *from = g->referrers ? g->sources : g->set;
    for (uint32_t id = 0; (id = tn_set_next(from, id)) != TN_NONE; id++)
        if (add_references(g, id) < 0)
            return tn__no_memory(g->snapshot, err);
    count_pairs(g);
    return TN_OK;
}

/* ---- rows ---- */

void tn__label_write(enum tn_label_style style, const char *text, tn_text *t)
{
    text = text ? text : "?";
    switch (style) {
    case TN_LABEL_ATTRIBUTE: tn__text_format(t, "."); break;
    case TN_LABEL_LOCAL: tn__text_format(t, "local "); break;
    case TN_LABEL_FIELD: tn__text_format(t, "<"); break;
    case TN_LABEL_ROOT: break;
    case TN_LABEL_ITEM:
        tn__text_format(t, "[");
        tn__text_quoted(t, text, strlen(text));
        tn__text_format(t, "]");
        return;
    case TN_LABEL_INDEX: tn__text_format(t, "[index]"); return;
    case TN_LABEL_KEY: tn__text_format(t, "key"); return;
    case TN_LABEL_VALUE: tn__text_format(t, "[key]"); return;
    case TN_LABEL_MEMBER: tn__text_format(t, "member"); return;
    case TN_LABEL_STACK: tn__text_format(t, "<stack>"); return;
    default: tn__text_format(t, "<reference>"); return;
    }
    tn__text_escaped(t, text, strlen(text), 0);
    tn__text_format(t, "%s", style == TN_LABEL_FIELD ? ">" : "");
}

static int label_into(tn_grouping *g, const tn_ref_group *at, tn_error *err)
{
    tn_text t;
    tn__text_init(&t, NULL, 0);
    tn__label_write(at->style, at->text, &t);
    g->text.size = 0;
    if (tn__buf_reserve(&g->text, t.n + 1) < 0)
        return tn__no_memory(g->snapshot, err);
    size_t cap = t.n + 1;
    tn__text_init(&t, (char *)g->text.data, cap);
    tn__label_write(at->style, at->text, &t);
    tn__text_end(&t);
    return TN_OK;
}

static const char *type_of(const tn_grouping *g, const tn_ref_group *at)
{
    tn_type type;
    return tn_snapshot_type(g->snapshot, at->type, &type) == TN_OK ? type.full_name : "?";
}

enum tn_ref_column { BY_COUNT, BY_OBJECTS, BY_SIZE, BY_TYPE, BY_LABEL };

static int sort_groups(tn_grouping *g, const tn_view_options *o, tn_error *err)
{
    static const char *const names[] = {"count", "objects", "size", "type", "label"};
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(o->sort, names, sizeof names / sizeof *names, 3, &column, &descending, err));
    g->order = tn__alloc_zero(g->alloc, g->n_groups * sizeof *g->order);
    if (!g->order)
        return tn__no_memory(g->snapshot, err);
    for (uint32_t i = 0; i < g->n_groups; i++) {
        const tn_ref_group *at = group_at(g, i);
        g->order[i] = (tn_order_key){.text = "", .row = i};
        switch ((enum tn_ref_column)column) {
        case BY_COUNT: g->order[i].number = at->count; break;
        case BY_OBJECTS: g->order[i].number = at->objects; break;
        case BY_SIZE: g->order[i].number = at->size; break;
        case BY_TYPE: g->order[i].text = type_of(g, at); break;
        case BY_LABEL: g->order[i].text = at->text ? at->text : ""; break;
        }
    }
    tn__order_sort(g->order, g->n_groups, descending);
    return TN_OK;
}

static uint32_t n_shown(const tn_grouping *g, const tn_view_options *o)
{
    return o->limit && o->limit < g->n_groups ? o->limit : g->n_groups;
}

static int write_text(tn_grouping *g, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"References", true, 0}, {"Objects", true, 1}, {"Size", true, 0},
        {"at", false, 2},        {"Label", false, 0},  {"Type", false, 0},
    };
    tn_table t;
    int status = TN_OK;
    tn__table_init(&t, g->alloc, columns, sizeof columns / sizeof *columns);
    for (uint32_t i = 0; status == TN_OK && i < n_shown(g, o); i++) {
        const tn_ref_group *at = group_at(g, (uint32_t)g->order[i].row);
        status = label_into(g, at, err);
        tn__table_u64(&t, at->count);
        tn__table_u64(&t, at->objects);
        tn__table_bytes(&t, at->size);
        tn__table_hex(&t, at->example < g->graph.n_objects ? tn__snapshot_address(g->snapshot, at->example) : 0);
        tn__table_text(&t, status == TN_OK ? (const char *)g->text.data : "");
        tn__table_text(&t, type_of(g, at));
    }
    if (status == TN_OK && t.status < 0)
        status = tn__no_memory(g->snapshot, err);
    if (status == TN_OK) {
        tn__heading_print(g->snapshot, out, o);
        tn__out_format(out, "%" PRIu64 " reference%s %s %" PRIu32 " object%s\n\n", g->count, g->count == 1 ? "" : "s",
                       g->referrers ? "to" : "of", tn_set_count(g->set), tn_set_count(g->set) == 1 ? "" : "s");
        tn__table_print(&t, out, o);
        if (n_shown(g, o) < g->n_groups)
            tn__out_format(out, "<%" PRIu32 " more rows; use --limit N to see more, --limit 0 for all>\n",
                           g->n_groups - n_shown(g, o));
    }
    tn__table_free(&t);
    return status;
}

static int write_json(tn_grouping *g, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const char *const columns[] = {"count", "objects", "size", "address", "label", "kind", "type"};
    tn_json j;
    for (uint32_t i = 0; i < n_shown(g, o); i++) /* room for all labels */
        TN_TRY(label_into(g, group_at(g, (uint32_t)g->order[i].row), err));
    tn__json_start(&j, out, g->referrers ? "referrers" : "refs");
    tn__json_string(&j, "where", o->where);
    tn__against_json(o, &j);
    tn__json_strings(&j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "objects", "objects");
    tn__json_string(&j, "size", "bytes");
    tn__json_string(&j, "address", "address");
    tn__json_close(&j, '}');
    tn__json_open(&j, "rows", '[');
    for (uint32_t i = 0; i < n_shown(g, o); i++) {
        const tn_ref_group *at = group_at(g, (uint32_t)g->order[i].row);
        TN_TRY(label_into(g, at, err));
        tn__json_line(&j);
        tn__json_open(&j, NULL, '{');
        tn__json_u64(&j, "count", at->count);
        tn__json_u64(&j, "objects", at->objects);
        tn__json_u64(&j, "size", at->size);
        tn__json_hex(&j, "address",
                     at->example < g->graph.n_objects ? tn__snapshot_address(g->snapshot, at->example) : 0);
        tn__json_string(&j, "label", (const char *)g->text.data);
        tn__json_string(&j, "kind", tn__kind_name(at->kind));
        tn__json_string(&j, "type", type_of(g, at));
        tn__json_close(&j, '}');
    }
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__json_open(&j, "total", '{');
    tn__json_u64(&j, "count", g->count);
    tn__json_u64(&j, "selected", tn_set_count(g->set));
    tn__json_close(&j, '}');
    tn__json_u64(&j, "more", g->n_groups - n_shown(g, o));
    tn__info_json(&j, g->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

int tn__ref_groups(tn_snapshot *s, bool referrers, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_grouping g = {
        .snapshot = s, .alloc = tn__snapshot_alloc(s), .known.alloc = tn__snapshot_alloc(s), .referrers = referrers};
    if (o->depth > 1)
        return tn__error_set(err, TN_EINVAL, 0, "references of a set stand in groups, which have no depth");
    tn__buf_init(&g.groups, g.alloc);
    tn__buf_init(&g.pairs, g.alloc);
    tn__buf_init(&g.text, g.alloc);
    int status = tn__snapshot_addresses(s, err);
    if (status == TN_OK)
        status = collect(&g, o, err);
    if (status == TN_OK)
        status = sort_groups(&g, o, err);
    if (status == TN_OK)
        status = o->form == TN_JSON ? write_json(&g, o, out, err) : write_text(&g, o, out, err);
    tn__free(g.alloc, g.order, g.order ? g.n_groups * sizeof *g.order : 0);
    tn__buf_free(&g.groups);
    tn__map_free(&g.known);
    tn__buf_free(&g.pairs);
    tn__buf_free(&g.text);
    tn_set_free(g.set);
    tn_set_free(g.sources);
    return status;
}
