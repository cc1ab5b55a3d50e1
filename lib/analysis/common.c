/* common.c - where the shortest paths to many objects come together: down the tree of these paths, while one node carries
 * more than 80 % of them.
 */
#include "analysis/suspects.h"

/* Keeps the entries that carry most, the most first. */
static void enter(const tn_merged *m, uint32_t node, tn_common *out)
{
    uint32_t carried = m->counts[node], i = out->n_entries;
    while (i > 0 && out->entries[i - 1].carried < carried)
        i--;
    if (i == TN_COMMON_ENTRIES)
        return;
    out->n_entries += out->n_entries < TN_COMMON_ENTRIES;
    for (uint32_t k = out->n_entries - 1; k > i; k--)
        out->entries[k] = out->entries[k - 1];
    out->entries[i].node = node;
    out->entries[i].carried = carried;
}

/* Where paths leave what is looked through. */
static int find_entries(const tn_toplevel *t, const tn_merged *m, tn_common *out, tn_error *err)
{
    tn_buf todo;
    uint32_t at = t->graph.root;
    int status = TN_OK;
    tn__buf_init(&todo, t->alloc);
    for (;;) {
        for (uint32_t child = m->child[at]; child != TN_NONE && status == TN_OK; child = m->sibling[child]) {
            if (!tn__is_through(t, child))
                enter(m, child, out);
            else
                status = tn__buf_append(&todo, &child, sizeof child);
        }
        if (status < 0 || !todo.size)
            break;
        todo.size -= sizeof at;
        at = *(const uint32_t *)(const void *)(todo.data + todo.size);
    }
    tn__buf_free(&todo);
    return status < 0 ? tn__no_memory(t->snapshot, err) : TN_OK;
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
        status = find_entries(t, &m, &found, err);
    }
    tn__merged_free(&m);
    TN_TRY(status);
    *out = found;
    return TN_OK;
}
