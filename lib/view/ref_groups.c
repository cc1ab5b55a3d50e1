/* ref_groups.c - references of a set, or to it, in groups: by the type at the other end and the label, or by any kind of what
 * is at the other end.
 *
 * Folded, what the dict of an object refers to the object refers to, and a reference to the dict is one to the object.
 */
#include "view/refs.h"

#include "analysis/lookup.h"
#include "analysis/partition.h"
#include "graph/graph.h"
#include "view/parting.h"
#include "view/python_names.h"
#include "view/show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct tn_ref_group {
    uint32_t type; /* row of the type at the other end, or its place in a parting */
    uint32_t key;  /* of an attribute in a folded dict: the node of its name; else TN_NONE */
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
    tn_set *only; /* what may stand at the other end; NULL: all */
    tn_set *ends; /* objects at the other end, to be parted */
    tn_parting parting;
    tn_fold *fold;
    uint32_t *owners; /* of each object: what it is folded into, or itself; NULL: nothing is folded */
    const uint64_t *sizes;
    tn_graph graph;
    tn_buf groups; /* tn_ref_group */
    tn_map known;  /* hash -> group + 1 */
    tn_buf pairs;  /* refs only: objects at the other end by group, to be counted once */
    tn_buf text;
    uint32_t n_groups;
    uint32_t n_listed; /* of them, in order: those that are not below the threshold */
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
                 k->key * 0x165667b19e3779f9ull + (uint64_t)k->style * 31 + (uint64_t)k->kind;
    return h ^ h >> 29;
}

static bool is_same(const tn_ref_group *a, const tn_ref_group *b)
{
    return a->type == b->type && a->key == b->key && a->style == b->style && a->kind == b->kind && a->text == b->text;
}

/* The object that a node counts as a part of; else itself. */
static uint32_t owner_of(const tn_grouping *g, uint32_t node)
{
    return g->owners && node < g->graph.n_objects ? g->owners[node] : node;
}

/* An entry of a folded dict that is an attribute of its owner. */
static bool is_attribute(const tn_grouping *g, const tn_reference *r)
{
    tn_preview name;
    return r->style == TN_LABEL_VALUE && owner_of(g, r->source) != r->source &&
           tn__snapshot_preview(g->snapshot, r->key, &name, NULL) == TN_OK && name.kind == TN_PREVIEW_TEXT &&
           tn__is_identifier((const char *)name.bytes, name.length);
}

static int key_of(tn_grouping *g, const tn_reference *r, uint32_t other, tn_ref_group *key)
{
    *key = (tn_ref_group){.style = TN_LABEL_UNKNOWN, .key = TN_NONE, .example = other, .last = TN_NONE};
    if (g->parting.groups)
        return tn__place_of(&g->parting, other, &key->type, NULL);
    key->type = g->graph.table[g->graph.shapes[other]].type;
    key->style = r->style;
    key->kind = r->kind;
    key->text = r->text;
    if (is_attribute(g, r))
        key->key = r->key;
    return TN_OK;
}

static int group_of(tn_grouping *g, const tn_reference *r, uint32_t other, uint32_t *out)
{
    tn_ref_group key;
    TN_TRY(key_of(g, r, other, &key));
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
    at->size += g->sizes[node] + (g->fold ? tn__fold_extra(g->fold, node) : 0);
}

/* ---- references ---- */

/* Whether the reference counts, and what stands at its other end. */
static bool is_asked_for(const tn_grouping *g, const tn_reference *r, uint32_t *other)
{
    uint32_t source = owner_of(g, r->source), target = owner_of(g, r->target), near = g->referrers ? target : source;
    *other = g->referrers ? source : target;
    if (source == target && r->source != r->target && (source != r->source || target != r->target))
        return false; /* an object and its dict */
    return (tn_set_has(g->set, near) || tn_set_has(g->set, g->referrers ? r->target : r->source)) &&
           (!g->only || tn_set_has(g->only, *other));
}

static int add_references(tn_grouping *g, uint32_t source)
{
    tn_reference_iter iter;
    tn_reference r;
    tn_ref_pair pair;
    TN_TRY(tn_references(g->snapshot, source, &iter, NULL));
    while (tn_reference_next(&iter, &r)) {
        if (!is_asked_for(g, &r, &pair.node))
            continue;
        if (g->ends) {
            if (pair.node < g->graph.n_objects)
                tn__set_add(g->ends, pair.node);
            continue;
        }
        TN_TRY(group_of(g, &r, pair.node, &pair.group));
        group_at(g, pair.group)->count++;
        g->count++;
        if (g->referrers && !g->fold)
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

/* Nodes with references to look at: members, what is folded into them, or what refers to either. */
static int find_sources(tn_grouping *g, tn_error *err)
{
    const uint32_t *nodes;
    tn_set *near;
    uint32_t n;
    TN_TRY(tn_set_copy(g->set, &near, err));
    if (g->fold)
        tn__fold_members(g->fold, near);
    if (!g->referrers) {
        g->sources = near;
        return TN_OK;
    }
    int status = tn__set_new(g->alloc, g->graph.n_nodes, &g->sources, err);
    for (uint32_t id = 0; status == TN_OK && (id = tn_set_next(near, id)) != TN_NONE; id++) {
        status = tn_referrers(g->snapshot, id, &nodes, &n, err);
        for (uint32_t i = 0; status == TN_OK && i < n; i++)
            tn__set_add(g->sources, nodes[i]);
    }
    tn_set_free(near);
    return status;
}

static int fold_all(tn_grouping *g, tn_error *err)
{
    TN_TRY(tn__fold_make(g->snapshot, NULL, &g->fold, err));
    g->owners = tn__alloc(g->alloc, g->graph.n_objects * sizeof *g->owners);
    if (!g->owners)
        return tn__no_memory(g->snapshot, err);
    for (uint32_t id = 0; id < g->graph.n_objects; id++)
        g->owners[id] = id;
    tn__fold_rows(g->fold, g->owners);
    return TN_OK;
}

static int add_all(tn_grouping *g, tn_error *err)
{
    for (uint32_t id = 0; (id = tn_set_next(g->sources, id)) != TN_NONE; id++)
        if (add_references(g, id) < 0)
            return tn__no_memory(g->snapshot, err);
    return TN_OK;
}

/* What stands at the other end is parted first. */
static int part(tn_grouping *g, enum tn_by by, tn_error *err)
{
    TN_TRY(tn_set_new(g->snapshot, &g->ends, err));
    TN_TRY(add_all(g, err));
    TN_TRY(tn__parting_open(g->snapshot, g->ends, by, false, &g->parting, err));
    tn_set_free(g->ends);
    g->ends = NULL;
    return TN_OK;
}

/* Of one object the selection is about the other end. */
static int choose(tn_grouping *g, uint32_t id, const tn_view_options *o, tn_error *err)
{
    tn_view_options objects = *o;
    objects.where_rows = NULL; /* it is about the groups */
    if (id == TN_NONE)
        return tn__set_selected(g->snapshot, &objects, &g->set, err);
    TN_TRY(tn_set_new(g->snapshot, &g->set, err));
    TN_TRY(tn_set_add(g->set, id));
    return (o->where && *o->where) || o->set ? tn__set_selected(g->snapshot, &objects, &g->only, err) : TN_OK;
}

static int collect(tn_grouping *g, uint32_t id, const tn_view_options *o, tn_error *err)
{
    uint64_t n;
    TN_TRY(tn__graph(g->snapshot, &g->graph, err));
    TN_TRY(tn__column_u64(g->snapshot, TN_COL_SIZE, &g->sizes, &n, err));
    TN_TRY(choose(g, id, o, err));
    if (o->fold)
        TN_TRY(fold_all(g, err));
    TN_TRY(find_sources(g, err));
    if (o->grouped)
        TN_TRY(part(g, o->by, err));
    TN_TRY(add_all(g, err));
    count_pairs(g);
    return TN_OK;
}

/* ---- rows ---- */

/* ".name" of 'name'. */
static int write_attribute(tn_grouping *g, const tn_ref_group *at, tn_error *err)
{
    TN_TRY(tn__preview_into(g->snapshot, at->key, &g->text, err));
    char *text = (char *)g->text.data;
    *text = '.';
    text[--g->text.size] = '\0';
    return TN_OK;
}

int tn__label_shared(tn_snapshot *s, enum tn_label_style style, const char *text, tn_buf *out, tn_error *err)
{
    static const char *const shared[] = {
        [TN_LABEL_INDEX] = "[index]", [TN_LABEL_KEY] = "key",       [TN_LABEL_VALUE] = "[key]",
        [TN_LABEL_MEMBER] = "member", [TN_LABEL_STACK] = "<stack>", [TN_LABEL_UNKNOWN] = "<reference>",
    };
    const tn_reference one = {.style = style, .text = text, .key = TN_NONE};
    const char *words = style < sizeof shared / sizeof *shared ? shared[style] : NULL;
    out->size = 0;
    if (words) {
        if (tn__buf_append(out, words, strlen(words) + 1) < 0)
            return tn__no_memory(s, err);
        out->size--;
        return TN_OK;
    }
    TN_TRY(tn__label_into(s, &one, out, err));
    if (*out->data == ' ') /* what stands behind an object in a line of its own */
        memmove(out->data, out->data + 1, out->size--);
    return TN_OK;
}

/* The label of a group; kind: say that behind it, where it is not owning. */
static int label_into(tn_grouping *g, const tn_ref_group *at, bool kind, tn_error *err)
{
    if (at->key != TN_NONE)
        return write_attribute(g, at, err);
    TN_TRY(tn__label_shared(g->snapshot, at->style, at->text, &g->text, err));
    const char *name = kind && at->kind != TN_REF_OWNING ? tn__kind_name(at->kind) : NULL;
    int status = TN_OK;
    if (name) {
        status = tn__buf_append(&g->text, "  (", 3);
        status = status == TN_OK ? tn__buf_append(&g->text, name, strlen(name)) : status;
        status = status == TN_OK ? tn__buf_append(&g->text, ")", 1) : status;
    }
    return status < 0 || tn__buf_append(&g->text, "", 1) < 0 ? tn__no_memory(g->snapshot, err) : TN_OK;
}

/* Until the next call. */
static const char *end_of(tn_grouping *g, const tn_ref_group *at)
{
    tn_type type;
    const char *label;
    if (g->parting.groups)
        return tn__place_label(&g->parting, at->type, &label, NULL) == TN_OK ? label : "?";
    return tn_snapshot_type(g->snapshot, at->type, &type) == TN_OK ? type.full_name : "?";
}

enum tn_ref_column { BY_COUNT, BY_OBJECTS, BY_SIZE, BY_TYPE, BY_LABEL };

static int group_holds(void *ctx, const tn_condition *c)
{
    const tn_ref_group *at = ctx;
    return tn__condition_number(c, c->kind == TN_COND_COUNT ? at->count : at->size);
}

static int filter_groups(tn_grouping *g, const char *where_rows, tn_error *err)
{
    tn_selection sel;
    TN_TRY(tn__selection_parse(g->alloc, where_rows, NULL, TN_SELECT_ROWS & ~(1u << TN_COND_LARGEST), &sel, err));
    for (uint32_t i = 0; i < g->n_groups; i++)
        if (tn__selection_decide(&sel, group_holds, group_at(g, (uint32_t)g->order[i].row)) > 0)
            g->order[g->n_listed++] = g->order[i];
    tn__selection_free(&sel);
    return TN_OK;
}

static int sort_groups(tn_grouping *g, const tn_view_options *o, tn_error *err)
{
    const char *const names[] = {"count", "objects", "size", o->grouped ? tn__by_key(o->by) : "type", "label"};
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(o->sort, names, o->grouped ? 4 : 5, 3, &column, &descending, err));
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
        case BY_TYPE:
            if (o->grouped)
                g->order[i].number = at->type; /* places are in order of kind */
            else
                g->order[i].text = end_of(g, at);
            break;
        case BY_LABEL: g->order[i].text = at->text ? at->text : ""; break;
        }
    }
    tn__order_sort(g->order, g->n_groups, descending);
    return filter_groups(g, o->where_rows, err);
}

static uint32_t n_shown(const tn_grouping *g, const tn_view_options *o)
{
    return o->limit && o->limit < g->n_listed ? o->limit : g->n_listed;
}

static uint64_t address_of(const tn_grouping *g, const tn_ref_group *at)
{
    return at->example < g->graph.n_objects ? tn__snapshot_address(g->snapshot, at->example) : 0;
}

static int fill_table(tn_grouping *g, const tn_view_options *o, tn_table *t, tn_error *err)
{
    for (uint32_t i = 0; i < n_shown(g, o); i++) {
        const tn_ref_group *at = group_at(g, (uint32_t)g->order[i].row);
        tn__table_u64(t, at->count);
        tn__table_u64(t, at->objects);
        tn__table_bytes(t, at->size);
        tn__table_hex(t, address_of(g, at));
        if (!o->grouped) {
            TN_TRY(label_into(g, at, true, err));
            tn__table_text(t, (const char *)g->text.data);
        }
        tn__table_text(t, end_of(g, at));
    }
    return TN_OK;
}

static int write_text(tn_grouping *g, const tn_view_options *o, tn_out *out, tn_error *err)
{
    const char *end = o->grouped ? tn__place_heading(o->by) : "Type";
    const tn_table_column columns[] = {
        {"References", true, 0}, {"Objects", true, 1}, {"Size", true, 0},
        {"at", false, 2},        {"Label", false, 0},  {end, false, 0},
    };
    const tn_table_column parted[] = {
        {"References", true, 0}, {"Objects", true, 1}, {"Size", true, 0}, {"at", false, 2}, {end, false, 0}};
    tn_table t;
    tn__table_init(&t, g->alloc, o->grouped ? parted : columns, o->grouped ? 5 : 6);
    int status = fill_table(g, o, &t, err);
    if (status == TN_OK && t.status < 0)
        status = tn__no_memory(g->snapshot, err);
    if (status == TN_OK) {
        tn__heading_print(g->snapshot, out, o);
        tn__out_format(out, "%" PRIu64 " reference%s %s %" PRIu32 " object%s\n\n", g->count, g->count == 1 ? "" : "s",
                       g->referrers ? "to" : "of", tn_set_count(g->set), tn_set_count(g->set) == 1 ? "" : "s");
        tn__table_print(&t, out, o);
        if (n_shown(g, o) < g->n_listed)
            tn__out_format(out, "<%" PRIu32 " more rows; use --limit N to see more, --limit 0 for all>\n",
                           g->n_listed - n_shown(g, o));
        tn__filtered_print(out, g->n_groups - g->n_listed);
    }
    tn__table_free(&t);
    return status;
}

static int row_json(tn_grouping *g, const tn_view_options *o, tn_json *j, const tn_ref_group *at, tn_error *err)
{
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "count", at->count);
    tn__json_u64(j, "objects", at->objects);
    tn__json_u64(j, "size", at->size);
    tn__json_hex(j, "address", address_of(g, at));
    if (o->grouped) {
        TN_TRY(tn__place_json(&g->parting, at->type, j, err));
    } else {
        TN_TRY(label_into(g, at, false, err));
        tn__json_string(j, "label", (const char *)g->text.data);
        tn__json_string(j, "kind", tn__kind_name(at->kind));
        tn__json_string(j, "type", end_of(g, at));
    }
    tn__json_close(j, '}');
    return TN_OK;
}

static int write_json(tn_grouping *g, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const char *const columns[] = {"count", "objects", "size", "address", "label", "kind", "type"};
    const char *const parted[] = {"count", "objects", "size", "address", tn__by_key(o->by)};
    tn_json j;
    for (uint32_t i = 0; !o->grouped && i < n_shown(g, o); i++) /* room for all labels */
        TN_TRY(label_into(g, group_at(g, (uint32_t)g->order[i].row), false, err));
    tn__json_start(&j, out, g->referrers ? "referrers" : "refs");
    tn__json_string(&j, "where", o->where);
    tn__against_json(o, &j);
    tn__json_string(&j, "by", o->grouped ? tn_by_names[o->by] : NULL);
    tn__json_bool(&j, "fold", o->fold);
    tn__json_strings(&j, "columns", o->grouped ? parted : columns,
                     o->grouped ? sizeof parted / sizeof *parted : sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "objects", "objects");
    tn__json_string(&j, "size", "bytes");
    tn__json_string(&j, "address", "address");
    tn__json_close(&j, '}');
    tn__json_open(&j, "rows", '[');
    for (uint32_t i = 0; i < n_shown(g, o); i++)
        TN_TRY(row_json(g, o, &j, group_at(g, (uint32_t)g->order[i].row), err));
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__json_open(&j, "total", '{');
    tn__json_u64(&j, "count", g->count);
    tn__json_u64(&j, "selected", tn_set_count(g->set));
    tn__json_close(&j, '}');
    tn__json_u64(&j, "more", g->n_listed - n_shown(g, o));
    tn__json_u64(&j, "filtered", g->n_groups - g->n_listed);
    tn__info_json(&j, g->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

int tn__ref_groups(tn_snapshot *s, uint32_t id, bool referrers, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_grouping g = {
        .snapshot = s, .alloc = tn__snapshot_alloc(s), .known.alloc = tn__snapshot_alloc(s), .referrers = referrers};
    if (o->depth > 1)
        return tn__error_set(err, TN_EINVAL, 0, "references in groups have no depth");
    tn__buf_init(&g.groups, g.alloc);
    tn__buf_init(&g.pairs, g.alloc);
    tn__buf_init(&g.text, g.alloc);
    int status = tn__snapshot_addresses(s, err);
    if (status == TN_OK)
        status = collect(&g, id, o, err);
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
    tn_set_free(g.only);
    tn_set_free(g.ends);
    tn__parting_close(&g.parting);
    tn__fold_free(g.fold);
    tn__free(g.alloc, g.owners, g.graph.n_objects * sizeof *g.owners);
    return status;
}
