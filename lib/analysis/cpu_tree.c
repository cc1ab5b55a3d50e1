/* cpu_tree.c - the call tree by group: entries whose groups are equal all the way out are one node. */
#include "analysis/cpu.h"

static tn_cpu_node *node_at(const tn_buf *nodes, uint32_t i)
{
    return (tn_cpu_node *)(void *)nodes->data + i;
}

static int node_of(tn_cpu *t, uint32_t parent, uint32_t group, tn_map *numbers, tn_buf *nodes, uint32_t *node,
                   tn_error *err)
{
    uint32_t *number;
    TN_TRY(tn__map_slot(numbers, (uint64_t)parent << 32 | group, &number, err));
    if (!*number) {
        const tn_cpu_node fresh = {.parent = parent, .group = group};
        if (tn__buf_append(nodes, &fresh, sizeof fresh) < 0)
            return tn__no_memory(t->snapshot, err);
        *number = numbers->n;
    }
    *node = *number;
    return TN_OK;
}

static int add_nodes(tn_cpu *t, uint32_t *node_by_entry, tn_map *numbers, tn_buf *nodes, tn_error *err)
{
    for (uint32_t i = 0; i < t->n_entries; i++) {
        tn_stack_entry e = {0};
        uint32_t node = 0;
        node_by_entry[i] = 0;
        if (tn__cpu_sum_empty(&t->subtrees[i]))
            continue;
        if (i)
            TN_TRY(tn__snapshot_stack(t->snapshot, i, &e, err));
        TN_TRY(node_of(t, e.parent ? node_by_entry[e.parent] : 0, t->keys.group_of[i], numbers, nodes, &node, err));
        node_by_entry[i] = node;
        tn__cpu_add(&node_at(nodes, node - 1)->own, &t->stacks[i]);
        tn__cpu_add(&node_at(nodes, node - 1)->total, &t->subtrees[i]);
    }
    return TN_OK;
}

int tn__cpu_nodes(tn_cpu *t, tn_buf *nodes, tn_error *err)
{
    tn_map numbers = {.alloc = t->alloc};
    uint32_t *node_by_entry = tn__alloc(t->alloc, t->n_entries * sizeof *node_by_entry);
    int status = node_by_entry ? add_nodes(t, node_by_entry, &numbers, nodes, err) : tn__no_memory(t->snapshot, err);
    tn__free(t->alloc, node_by_entry, node_by_entry ? t->n_entries * sizeof *node_by_entry : 0);
    tn__map_free(&numbers);
    return status;
}
