/* common.c - where the shortest paths to many objects come together: down the tree of these paths, while one node carries
 * more than 80 % of them.
 */
#include "analysis/suspects.h"

#include <stdlib.h>
#include <string.h>

static int compare_entries(const void *a, const void *b)
{
    const tn_entry *x = a, *y = b;
    if (x->carried != y->carried)
        return x->carried < y->carried ? 1 : -1;
    return (x->node > y->node) - (x->node < y->node);
}

/* Where paths leave what is looked through. */
static int find_entries(const tn_toplevel *t, const tn_merged *m, tn_buf *out, tn_error *err)
{
    tn_buf todo;
    uint32_t at = t->graph.root;
    int status = TN_OK;
    tn__buf_init(&todo, t->alloc);
    for (;;) {
        for (uint32_t child = m->child[at]; child != TN_NONE && status == TN_OK; child = m->sibling[child]) {
            tn_entry entry = {child, m->counts[child]};
            status = tn__is_through(t, child) ? tn__buf_append(&todo, &child, sizeof child)
                                              : tn__buf_append(out, &entry, sizeof entry);
        }
        if (status < 0 || !todo.size)
            break;
        todo.size -= sizeof at;
        at = *(const uint32_t *)(const void *)(todo.data + todo.size);
    }
    tn__buf_free(&todo);
    if (out->size)
        qsort(out->data, out->size / sizeof(tn_entry), sizeof(tn_entry), compare_entries);
    return status < 0 ? tn__no_memory(t->snapshot, err) : TN_OK;
}

static int take_entries(const tn_toplevel *t, const tn_merged *m, tn_common *out, tn_error *err)
{
    tn_buf entries;
    tn__buf_init(&entries, t->alloc);
    int status = find_entries(t, m, &entries, err);
    size_t n = status == TN_OK ? entries.size / sizeof(tn_entry) : 0;
    out->n_entries = n < TN_COMMON_ENTRIES ? (uint32_t)n : TN_COMMON_ENTRIES;
    if (out->n_entries)
        memcpy(out->entries, entries.data, out->n_entries * sizeof(tn_entry));
    tn__buf_free(&entries);
    return status;
}

static void find_node(const tn_toplevel *t, const tn_merged *m, tn_common *out)
{
    uint32_t at = t->graph.root, next = at;
    while (next != TN_NONE) {
        at = next;
        next = TN_NONE;
        for (uint32_t child = m->child[at]; child != TN_NONE && next == TN_NONE; child = m->sibling[child])
            if ((uint64_t)m->counts[child] * 10 > (uint64_t)out->sampled * 8)
                next = child;
    }
    out->carried = m->counts[at];
    if (!tn__is_through(t, at))
        out->node = tn__folded(t, at);
}

int tn__common_holder(const tn_toplevel *t, const tn_distances *d, const tn_set *set, tn_common *out, tn_error *err)
{
    tn_common found = {.node = TN_NONE};
    tn_merged m;
    tn_ways *w;
    TN_TRY(tn__ways(t->snapshot, &w, err));
    TN_TRY(tn__merged_paths(w, set, d, &m, err));
    found.sampled = m.counts[t->graph.root];
    int status = TN_OK;
    if (found.sampled) {
        find_node(t, &m, &found);
        status = take_entries(t, &m, &found, err);
    }
    tn__merged_free(&m);
    TN_TRY(status);
    *out = found;
    return TN_OK;
}

int tn__path_entries(const tn_toplevel *t, const tn_distances *d, const tn_set *set, tn_buf *out, tn_error *err)
{
    tn_merged m;
    tn_ways *w;
    TN_TRY(tn__ways(t->snapshot, &w, err));
    TN_TRY(tn__merged_paths(w, set, d, &m, err));
    int status = find_entries(t, &m, out, err);
    tn__merged_free(&m);
    return status;
}
