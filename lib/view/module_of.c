/* module_of.c - which module an object belongs to, where its type does not tell: a dict or a list belongs to the module that
 * the nearest of its dominators is of.
 *
 * From the object up the dominator tree, the first of: a module or the dict of one; a class, which is of the module it was
 * made in; an object of a type that is not builtin. Without any, the module of its type.
 */
#include "view/parting.h"

#include <stdlib.h>
#include <string.h>

typedef struct tn_modules {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    const tn_dominators *d;
    tn_graph graph;
    tn_strtab names;
    uint32_t *of_type; /* name of each type's module; TN_NONE: it does not tell */
    uint32_t *of_node; /* name + 2 of each node; ELSEWHERE: what dominates it tells; 0: not looked at */
    uint32_t n_types;
} tn_modules;

enum { UNSEEN, ELSEWHERE, FIRST_NAME };

static int add_name(tn_modules *m, const char *text, size_t n, uint32_t *out)
{
    return tn__strtab_add(&m->names, text, n, out);
}

static int add_types(tn_modules *m)
{
    for (uint32_t t = 0; t < m->n_types; t++) {
        tn_type type;
        uint32_t name;
        TN_TRY(tn_snapshot_type(m->snapshot, t, &type));
        const char *module = type.module ? type.module : "(unknown)";
        TN_TRY(add_name(m, module, strlen(module), &name));
        m->of_type[t] = !type.module || strcmp(module, "builtins") == 0 ? TN_NONE : name;
        if (type.module && type.node < m->graph.n_objects) /* the class itself */
            m->of_node[type.node] = name + FIRST_NAME;
    }
    return TN_OK;
}

static int add_modules(tn_modules *m, const tn_kinds *kinds, tn_error *err)
{
    for (uint32_t id = 0; id < m->graph.n_objects; id++) {
        tn_preview preview;
        uint32_t name, dict = tn__dict_at(kinds, &m->graph, id);
        if (!(kinds->by_shape[m->graph.shapes[id]] & TN_KIND_MODULE))
            continue;
        TN_TRY(tn__snapshot_preview(m->snapshot, id, &preview, err));
        if (!preview.length)
            continue;
        TN_TRY(add_name(m, (const char *)preview.bytes, preview.length, &name));
        m->of_node[id] = name + FIRST_NAME;
        if (dict < m->graph.n_objects)
            m->of_node[dict] = name + FIRST_NAME;
    }
    return TN_OK;
}

static uint32_t look_at(const tn_modules *m, uint32_t id)
{
    if (m->of_node[id] != UNSEEN)
        return m->of_node[id];
    uint32_t name = m->of_type[m->graph.table[m->graph.shapes[id]].type];
    bool end = id >= m->graph.n_objects || m->d->idom[id] == TN_NONE;
    return end ? ELSEWHERE : name == TN_NONE ? UNSEEN : name + FIRST_NAME;
}

/* Climbs to where it is known, and remembers it, so that no node is climbed over twice. */
static uint32_t climb(tn_modules *m, uint32_t id)
{
    uint32_t at = id, found;
    while ((found = look_at(m, at)) == UNSEEN)
        at = m->d->idom[at];
    for (uint32_t k = id; m->of_node[k] == UNSEEN && k != at; k = m->d->idom[k])
        m->of_node[k] = found;
    return found;
}

static int compare(const void *left, const void *right)
{
    return strcmp(((const tn_order_key *)left)->text, ((const tn_order_key *)right)->text);
}

/* Names in order, and the place of each. */
static int sort_names(tn_modules *m, tn_parting *p, uint32_t *places)
{
    uint32_t n = m->names.count;
    const uint32_t *offsets = (const uint32_t *)(const void *)m->names.offsets.data;
    tn_order_key *keys = tn__alloc(m->alloc, n * sizeof *keys);
    p->names = tn__arena_get(&p->arena, n * sizeof *p->names);
    bool enough = keys && p->names;
    for (uint32_t i = 0; enough && i < n; i++) {
        const char *bytes = (const char *)m->names.bytes.data + offsets[i];
        keys[i] = (tn_order_key){.text = tn__arena_text(&p->arena, bytes, offsets[i + 1] - offsets[i]), .row = i};
        enough = keys[i].text;
    }
    if (enough && n > 1)
        qsort(keys, n, sizeof *keys, compare);
    for (uint32_t i = 0; enough && i < n; i++) {
        p->names[i] = keys[i].text;
        places[keys[i].row] = i;
    }
    tn__free(m->alloc, keys, n * sizeof *keys);
    p->n_groups = n;
    return enough ? TN_OK : TN_ENOMEM;
}

/* Of each member of the set, into the parting. */
static int place_all(tn_modules *m, const tn_set *set, tn_parting *p)
{
    uint32_t n = m->names.count, *places = tn__alloc(m->alloc, n * sizeof *places);
    if (!places)
        return TN_ENOMEM;
    int status = sort_names(m, p, places);
    for (uint32_t id = 0; status == TN_OK && (id = tn_set_next(set, id)) != TN_NONE; id++) {
        uint32_t found = climb(m, id), name = found - FIRST_NAME;
        if (found == ELSEWHERE) {
            tn_type type;
            status = tn_snapshot_type(m->snapshot, m->graph.table[m->graph.shapes[id]].type, &type);
            const char *module = type.module ? type.module : "(unknown)";
            if (status == TN_OK)
                status = add_name(m, module, strlen(module), &name);
        }
        if (status == TN_OK)
            p->place_of[id] = places[name];
    }
    tn__free(m->alloc, places, n * sizeof *places);
    return status;
}

static int fill(tn_modules *m, const tn_set *set, tn_parting *p, tn_error *err)
{
    tn_kinds kinds;
    TN_TRY(tn__kinds_make(m->snapshot, &kinds, err));
    int status = add_types(m);
    if (status == TN_OK)
        status = add_modules(m, &kinds, err);
    tn__kinds_free(&kinds);
    return status == TN_OK ? place_all(m, set, p) : status;
}

int tn__parting_modules(tn_snapshot *s, const tn_set *set, tn_parting *p, tn_error *err)
{
    tn_modules m = {.snapshot = s, .alloc = tn__snapshot_alloc(s), .n_types = tn_snapshot_n_types(s)};
    TN_TRY(tn__graph(s, &m.graph, err));
    TN_TRY(tn__dominators(s, &m.d, err));
    size_t nodes = m.graph.n_nodes * sizeof *m.of_node, types = m.n_types * sizeof *m.of_type;
    int status = tn__strtab_init(&m.names, m.alloc);
    m.of_node = tn__alloc_zero(m.alloc, nodes);
    m.of_type = tn__alloc(m.alloc, types);
    p->place_of = tn__alloc(m.alloc, m.graph.n_objects * sizeof *p->place_of);
    if (!m.of_node || !m.of_type || !p->place_of)
        status = TN_ENOMEM;
    else
        memset(p->place_of, 0xff, m.graph.n_objects * sizeof *p->place_of);
    if (status == TN_OK)
        status = fill(&m, set, p, err);
    tn__free(m.alloc, m.of_node, nodes);
    tn__free(m.alloc, m.of_type, types);
    tn__strtab_free(&m.names);
    return status == TN_ENOMEM ? tn__no_memory(s, err) : status;
}
