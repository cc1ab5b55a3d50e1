/* suspects_types.c - many objects of one type at the top of the dominator tree, none of them much by itself.
 *
 * They stand at the top because nothing single holds them. Where the shortest paths to them come together is the best answer
 * to who does.
 */
#include "analysis/suspects.h"

#include <stdlib.h>
#include <string.h>

typedef struct tn_type_row {
    const char *name;
    uint64_t count, bytes;
    uint64_t before; /* bytes in the older snapshot, if there is one */
    uint32_t example;
    bool program, standard;
} tn_type_row;

typedef struct tn_types {
    tn_suspects *all;
    uint64_t least;
    uint32_t n_types, n_groups;
    uint32_t *group_of; /* by type */
    tn_type_row *groups;
} tn_types;

/* ---- which types ---- */

typedef struct tn_named_type {
    const char *name;
    uint32_t row;
} tn_named_type;

static int by_name(const void *left, const void *right)
{
    return strcmp(((const tn_named_type *)left)->name, ((const tn_named_type *)right)->name);
}

/* Types of one name are one group. */
static int name_groups(tn_types *k, tn_error *err)
{
    tn_snapshot *s = k->all->top.snapshot;
    tn_named_type *rows = tn__alloc(k->all->alloc, k->n_types * sizeof *rows);
    if (!rows)
        return tn__no_memory(s, err);
    for (uint32_t i = 0; i < k->n_types; i++) {
        tn_type type;
        rows[i] = (tn_named_type){tn_snapshot_type(s, i, &type) == 0 ? type.full_name : "", i};
    }
    qsort(rows, k->n_types, sizeof *rows, by_name);
    for (uint32_t i = 0; i < k->n_types; i++) {
        if (i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0)
            k->groups[k->n_groups++] = (tn_type_row){.name = rows[i].name, .example = TN_NONE};
        k->group_of[rows[i].row] = k->n_groups - 1;
    }
    tn__free(k->all->alloc, rows, k->n_types * sizeof *rows);
    return TN_OK;
}

static tn_type_row *group_at(const tn_types *k, uint32_t node)
{
    const tn_graph *g = &k->all->top.graph;
    return &k->groups[k->group_of[g->table[g->shapes[node]].type]];
}

static void sum_up(tn_types *k)
{
    const tn_toplevel *t = &k->all->top;
    for (uint32_t id = 0; id < t->graph.n_objects; id++) {
        if (t->tree->retained[id] >= k->least || !tn__is_live_top(k->all, t, id))
            continue;
        tn_type_row *g = group_at(k, id);
        g->count++;
        g->bytes += t->tree->retained[id];
        g->program |= (tn__kind_of(t, id) & TN_KIND_PROGRAM) != 0;
        g->standard |= (tn__kind_of(t, id) & TN_KIND_STANDARD) != 0;
        if (g->example == TN_NONE || t->tree->retained[id] > t->tree->retained[g->example])
            g->example = id;
    }
}

static int compare_group(const void *key, const void *element)
{
    return strcmp(key, ((const tn_type_row *)element)->name);
}

static void sum_old(tn_types *k)
{
    const tn_toplevel *t = &k->all->old;
    for (uint32_t id = 0; t->snapshot && id < t->graph.n_objects; id++) {
        if (t->tree->retained[id] >= k->least || !tn__is_live_top(k->all, t, id))
            continue;
        tn_type_row *g =
            bsearch(tn__type_name(t->snapshot, id), k->groups, k->n_groups, sizeof *k->groups, compare_group);
        if (g)
            g->before += t->tree->retained[id];
    }
}

static bool is_enough(const tn_types *k, const tn_type_row *g)
{
    return !g->program && g->bytes >= g->before + k->least;
}

/* ---- where their paths come together ---- */

static int gather(const tn_types *k, const tn_type_row *g, tn_set *members)
{
    const tn_toplevel *t = &k->all->top;
    for (uint32_t id = 0; id < t->graph.n_objects; id++)
        if (t->tree->retained[id] < k->least && group_at(k, id) == g && tn__is_live_top(k->all, t, id))
            TN_TRY(tn_set_add(members, id));
    return TN_OK;
}

static int find_common(const tn_types *k, const tn_type_row *g, tn_common *out, tn_error *err)
{
    const tn_distances *d;
    tn_set *members;
    TN_TRY(tn__distances(k->all->top.snapshot, &d, err));
    TN_TRY(tn_set_new(k->all->top.snapshot, &members, err));
    int status = gather(k, g, members);
    if (status == TN_OK)
        status = tn__common_holder(&k->all->top, d, members, out, err);
    tn_set_free(members);
    return status;
}

/* ---- all ---- */

/* Values of the language are everywhere: without a common holder there is nothing to say of them. */
static int add(tn_types *k, const tn_type_row *g, tn_error *err)
{
    tn_suspect one = {.type = g->name,
                      .top = TN_NONE,
                      .example = g->example,
                      .count = g->count,
                      .bytes = g->bytes,
                      .before = k->all->old.snapshot ? g->before : TN_UNKNOWN};
    TN_TRY(find_common(k, g, &one.common, err));
    one.node = one.common.node;
    if (one.node == TN_NONE && g->standard)
        return TN_OK;
    TN_TRY(tn__trail_make(&k->all->top, one.node == TN_NONE ? one.example : one.node, NULL, &one.trail, err));
    if (tn__buf_append(&k->all->rows, &one, sizeof one) < 0) {
        tn__trail_free(&one.trail);
        return tn__no_memory(k->all->top.snapshot, err);
    }
    return TN_OK;
}

static int find(tn_types *k, tn_error *err)
{
    int status = name_groups(k, err);
    if (status == TN_OK) {
        sum_up(k);
        sum_old(k);
    }
    for (uint32_t i = 0; i < k->n_groups && status == TN_OK; i++)
        if (is_enough(k, &k->groups[i]))
            status = add(k, &k->groups[i], err);
    return status;
}

int tn__suspects_types(tn_suspects *all, uint64_t least_bytes, tn_error *err)
{
    tn_types k = {.all = all, .least = least_bytes, .n_types = tn_snapshot_n_types(all->top.snapshot)};
    k.group_of = tn__alloc_zero(all->alloc, k.n_types * sizeof *k.group_of);
    k.groups = tn__alloc_zero(all->alloc, k.n_types * sizeof *k.groups);
    int status = k.group_of && k.groups ? find(&k, err) : tn__no_memory(all->top.snapshot, err);
    tn__free(all->alloc, k.group_of, k.n_types * sizeof *k.group_of);
    tn__free(all->alloc, k.groups, k.n_types * sizeof *k.groups);
    return status;
}
