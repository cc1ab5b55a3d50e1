/* nearest.c - one shortest path, searched backward from the object.
 *
 * Mostly few objects lie nearer to the target than the first name: the search stops at the first level that has an origin.
 * The path is then the same as in the tree of distance.c: the first origin of that level, and from each node on the first
 * reference that leads one nearer. What only a dearer path leads to, and an object for which the searches so far have looked
 * at as much as the tree costs, gets its path from the tree.
 */
#include "analysis/paths.h"

#include <string.h>

typedef struct tn_back_search {
    tn_ways *ways;
    const tn_shunned *no;
    tn_buf queue;   /* u32 */
    uint32_t first; /* index of the best origin found; TN_NONE */
    uint32_t depth; /* how far it is from the target */
} tn_back_search;

static int append(tn_buf *path, uint32_t node)
{
    return tn__buf_append(path, &node, sizeof node);
}

void tn__path_reverse(tn_buf *path, size_t start)
{
    uint32_t *nodes = (uint32_t *)(void *)(path->data + start);
    for (size_t i = 0, k = (path->size - start) / sizeof *nodes; i + 1 < k; i++) {
        uint32_t node = nodes[i];
        nodes[i] = nodes[--k];
        nodes[k] = node;
    }
}

static int append_origin(const tn_ways *w, uint32_t index, tn_buf *path)
{
    for (const tn_origin *o = tn__origin(w, index);; o = tn__origin(w, tn__origin_of(w, o->parent))) {
        TN_TRY(append(path, o->node));
        if (o->parent == TN_NONE)
            break;
    }
    tn__path_reverse(path, 0);
    return TN_OK;
}

static void look_at(tn_back_search *b, uint32_t node, uint32_t depth)
{
    uint32_t index = tn__is_origin(b->ways, node) ? tn__origin_of(b->ways, node) : TN_NONE;
    b->ways->marks[node] = b->ways->mark + depth;
    if (index != TN_NONE && index < b->first && tn__origin(b->ways, index)->cost == 0 &&
        tn__origin_allowed(b->ways, b->no, index)) {
        b->first = index;
        b->depth = depth;
    }
}

static int visit(tn_back_search *b, uint32_t node, uint32_t depth)
{
    tn_ways *w = b->ways;
    uint64_t first = w->back.starts[node], end = w->back.starts[node + 1];
    w->work += end - first;
    for (uint64_t i = first; i < end; i++) {
        uint32_t source = w->back.sources[i];
        if (w->marks[source] >= w->mark || tn__shuns(b->no, source) || tn__step_cost(w, b->no, source, node) != 1)
            continue;
        look_at(b, source, depth + 1);
        TN_TRY(append(&b->queue, source));
    }
    return TN_OK;
}

/* Levels of nodes farther and farther away, until one has an origin. */
static int search(tn_back_search *b, uint32_t target)
{
    look_at(b, target, 0);
    TN_TRY(append(&b->queue, target));
    for (uint32_t depth = 0, at = 0; b->first == TN_NONE; depth++) {
        uint32_t end = (uint32_t)(b->queue.size / sizeof(uint32_t));
        if (at == end)
            break;
        for (; at < end; at++)
            TN_TRY(visit(b, ((const uint32_t *)(const void *)b->queue.data)[at], depth));
    }
    return TN_OK;
}

/* From the origin on, the first reference that leads nearer, again and again. */
static int follow(const tn_back_search *b, tn_buf *path)
{
    tn_ways *w = b->ways;
    TN_TRY(append_origin(w, b->first, path));
    uint32_t node = tn__origin(w, b->first)->node;
    for (uint32_t depth = b->depth; depth-- > 0;) {
        uint64_t e = w->graph.offsets[node], end = w->graph.offsets[node + 1];
        for (; e < end; e++, w->work++) {
            uint32_t target = w->graph.targets[e];
            if (target == TN_NONE || w->marks[target] != w->mark + depth || tn__edge_cost(w, b->no, node, e) != 1)
                continue;
            node = target;
            break;
        }
        TN_TRY(append(path, node));
    }
    return TN_OK;
}

int tn__climb(const tn_distances *d, uint32_t target, tn_buf *path)
{
    if (d->cost[target] == TN_NO_WAY)
        return 0;
    for (uint32_t node = target; node != TN_NONE; node = d->parent[node])
        TN_TRY(append(path, node));
    tn__path_reverse(path, 0);
    return 1;
}

static int from_tree(tn_ways *w, const tn_shunned *no, uint32_t target, tn_buf *path, tn_error *err)
{
    if (!no->nodes && !no->kinds) {
        const tn_distances *kept;
        TN_TRY(tn__distances(w->snapshot, &kept, err));
        return tn__climb(kept, target, path);
    }
    tn_distances d;
    TN_TRY(tn__distances_without(w, no, &d, err));
    int status = tn__climb(&d, target, path);
    tn__distances_free(&d);
    return status;
}

static int prepare(tn_ways *w, tn_error *err)
{
    size_t bytes = (size_t)w->graph.n_nodes * sizeof *w->marks;
    TN_TRY(tn__ways_back(w, err));
    if (!w->marks)
        w->marks = tn__alloc(tn__snapshot_alloc(w->snapshot), bytes);
    else if (w->mark < UINT32_MAX - w->graph.n_nodes)
        return TN_OK;
    if (!w->marks)
        return tn__no_memory(w->snapshot, err);
    memset(w->marks, 0, bytes);
    w->mark = 1;
    return TN_OK;
}

int tn__nearest(tn_ways *w, const tn_shunned *no, uint32_t target, tn_buf *path, tn_error *err)
{
    tn_back_search b = {.ways = w, .no = no, .first = TN_NONE};
    bool tree = !no->nodes && !no->kinds && w->work > w->graph.offsets[w->graph.n_nodes];
    if (tree)
        return from_tree(w, no, target, path, err);
    TN_TRY(prepare(w, err));
    tn__buf_init(&b.queue, tn__snapshot_alloc(w->snapshot));
    int status = search(&b, target);
    if (status == TN_OK && b.first != TN_NONE) {
        status = follow(&b, path);
        status = status < 0 ? status : 1;
    }
    w->mark += (uint32_t)(b.queue.size / sizeof(uint32_t)) + 1; /* no distance is greater than nodes are visited */
    tn__buf_free(&b.queue);
    if (status == TN_OK)
        return from_tree(w, no, target, path, err);
    return status == TN_ENOMEM ? tn__no_memory(w->snapshot, err) : status;
}
