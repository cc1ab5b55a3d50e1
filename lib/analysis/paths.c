/* paths.c - one path after another, without loops, the shortest first (J. Y. Yen 1971, in E. Lawler's form).
 *
 * The paths that were given out stand in a tree with the target as its root: a vertex is the end of a path, from some node to
 * the target, that all paths above it share. Each vertex stands for the paths with exactly that end that go on to another
 * node than its children do; a heap has one candidate of each. It begins as a lower bound, and only where that has become the
 * least of all is the cheapest such path searched (spur.c).
 */
#include "analysis/paths.h"

#include "base/heap.h"

#include <string.h>

enum { MAX_VERTICES = 1 << 24 };

typedef struct tn_vertex {
    uint32_t node, parent; /* parent: the vertex one nearer to the target */
    uint32_t child, sibling;
    uint64_t cost; /* from here to the target */
} tn_vertex;

typedef struct tn_detour {
    uint64_t total;
    uint32_t vertex, serial;
    bool found;
    size_t tail, n_tail; /* when found: nodes before the vertex's, nearest first, in tails */
} tn_detour;

struct tn_paths {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_ways *ways;
    tn_shunned no;
    uint32_t target, limit, n_given;
    bool all_shortest, ended;
    uint64_t first_cost;
    const tn_distances *distances;
    tn_distances own; /* when something is shunned */
    tn_spur *spur;
    tn_buf vertices;   /* tn_vertex */
    tn_buf candidates; /* tn_detour, the least first */
    tn_buf tails;      /* u32 */
    tn_buf nodes;      /* u32: the path that is given out, root first */
    tn_buf steps;      /* tn_reference */
    uint32_t n_vertices, serial;
};

static tn_vertex *vertex_at(const tn_paths *p, uint32_t i)
{
    return (tn_vertex *)(void *)p->vertices.data + i;
}

static const uint32_t *nodes_of(const tn_paths *p)
{
    return (const uint32_t *)(const void *)p->nodes.data;
}

/* ---- candidates ---- */

static bool before(const void *left, const void *right)
{
    const tn_detour *a = left, *b = right;
    if (a->total != b->total)
        return a->total < b->total;
    return a->found != b->found ? a->found : a->serial < b->serial;
}

static int push(tn_paths *p, tn_detour c)
{
    c.serial = p->serial++;
    return tn__heap_push(&p->candidates, &c, sizeof c, before);
}

/* ---- the tree of what was given out ---- */

static int add_vertex(tn_paths *p, uint32_t node, uint32_t parent, uint64_t cost)
{
    tn_vertex v = {node, parent, TN_NONE, TN_NONE, cost};
    if (p->n_vertices == MAX_VERTICES)
        return TN_ELIMIT;
    if (parent != TN_NONE) {
        v.sibling = vertex_at(p, parent)->child;
        vertex_at(p, parent)->child = p->n_vertices;
    }
    TN_TRY(tn__buf_append(&p->vertices, &v, sizeof v));
    p->n_vertices++;
    return TN_OK;
}

static void block_behind(tn_paths *p, uint32_t vertex)
{
    tn__spur_clear(p->spur);
    for (uint32_t v = vertex_at(p, vertex)->parent; v != TN_NONE; v = vertex_at(p, v)->parent)
        tn__spur_block(p->spur, vertex_at(p, v)->node);
}

static void ban_children(tn_paths *p, uint32_t vertex)
{
    tn__spur_unban(p->spur);
    for (uint32_t v = vertex_at(p, vertex)->child; v != TN_NONE; v = vertex_at(p, v)->sibling)
        tn__spur_ban(p->spur, vertex_at(p, v)->node);
}

/* What is behind the vertex must be blocked. */
static int propose(tn_paths *p, uint32_t vertex)
{
    const tn_vertex *v = vertex_at(p, vertex);
    ban_children(p, vertex);
    tn__spur_block(p->spur, v->node);
    uint64_t bound = tn__spur_bound(p->spur, v->node);
    if (bound == TN_NO_WAY)
        return TN_OK;
    return push(p, (tn_detour){.total = tn__cost_sum(v->cost, bound), .vertex = vertex});
}

static uint64_t cost_between(const tn_paths *p, uint32_t source, uint32_t target)
{
    if (source == p->ways->graph.root && tn__step_edge(p->ways, source, target) == UINT64_MAX)
        return tn__held_cost(p->ways, &p->no, target);
    return tn__step_cost(p->ways, &p->no, source, target);
}

/* The path in nodes becomes part of the tree above vertex, which is its node number at (counted from the root). */
static int split(tn_paths *p, uint32_t vertex, size_t at)
{
    uint32_t behind = vertex;
    block_behind(p, vertex);
    for (size_t i = at; i > 0; i--) {
        uint32_t node = nodes_of(p)[i - 1];
        uint64_t cost = cost_between(p, node, nodes_of(p)[i]);
        TN_TRY(add_vertex(p, node, behind, tn__cost_sum(vertex_at(p, behind)->cost, cost)));
        TN_TRY(propose(p, behind));
        behind = p->n_vertices - 1;
    }
    return TN_OK;
}

/* ---- giving out ---- */

const char *tn__hold_name(enum tn_hold hold)
{
    static const char *const names[] = {"root", "immortal", "static memory", "held by C", "garbage"};
    return names[hold];
}

static int held_step(tn_ways *w, uint32_t node, tn_reference *out, tn_error *err)
{
    TN_TRY(tn__ways_holds(w, err));
    *out = (tn_reference){.source = w->graph.root,
                          .target = node,
                          .style = TN_LABEL_ROOT,
                          .text = tn__hold_name((enum tn_hold)w->holds[node]),
                          .key = TN_NONE};
    return TN_OK;
}

int tn__path_steps(tn_ways *w, const uint32_t *nodes, size_t n, tn_buf *steps, tn_error *err)
{
    for (size_t i = 0; i + 1 < n; i++) {
        tn_reference step;
        int status = tn__step_reference(w, nodes[i], nodes[i + 1], &step, err);
        if (status == TN_ENOTFOUND)
            status = held_step(w, nodes[i + 1], &step, err);
        TN_TRY(status);
        if (tn__buf_append(steps, &step, sizeof step) < 0)
            return tn__no_memory(w->snapshot, err);
    }
    return TN_OK;
}

int tn__tree_steps(tn_ways *w, const tn_distances *d, uint32_t node, tn_buf *steps, tn_error *err)
{
    tn_buf nodes;
    tn__buf_init(&nodes, tn__snapshot_alloc(w->snapshot));
    int found = tn__climb(d, node, &nodes);
    int status = found == TN_ENOMEM ? tn__no_memory(w->snapshot, err) : found;
    if (found > 0)
        status =
            tn__path_steps(w, (const uint32_t *)(const void *)nodes.data, nodes.size / sizeof(uint32_t), steps, err);
    tn__buf_free(&nodes);
    return status < 0 ? status : found;
}

static int make_steps(tn_paths *p, tn_error *err)
{
    p->steps.size = 0;
    TN_TRY(tn__path_steps(p->ways, nodes_of(p), p->nodes.size / sizeof(uint32_t), &p->steps, err));
    p->n_given++;
    return 1;
}

static int first_path(tn_paths *p, tn_error *err)
{
    p->nodes.size = 0;
    int found = tn__nearest(p->ways, &p->no, p->target, &p->nodes, err);
    if (found <= 0)
        p->ended = true;
    return found <= 0 ? found : make_steps(p, err);
}

/* Distances and what the first path, which still stands in nodes, leaves. */
static int begin(tn_paths *p, tn_error *err)
{
    if (p->no.nodes || p->no.kinds) {
        TN_TRY(tn__distances_without(p->ways, &p->no, &p->own, err));
        p->distances = &p->own;
    } else {
        TN_TRY(tn__distances(p->snapshot, &p->distances, err));
    }
    TN_TRY(tn__spur_new(p->ways, &p->no, p->distances, &p->spur, err));
    p->first_cost = p->distances->cost[p->target];
    TN_TRY(add_vertex(p, p->target, TN_NONE, 0));
    return split(p, 0, p->nodes.size / sizeof(uint32_t) - 1);
}

/* Searches the candidate's path and puts it back with what it costs indeed. */
static int search(tn_paths *p, tn_detour c, tn_error *err)
{
    const tn_vertex *v = vertex_at(p, c.vertex);
    uint64_t cost;
    block_behind(p, c.vertex);
    ban_children(p, c.vertex);
    tn__spur_block(p->spur, v->node);
    c.tail = p->tails.size / sizeof(uint32_t);
    int found = tn__spur_search(p->spur, v->node, &p->tails, &cost, err);
    if (found <= 0)
        return found;
    c.n_tail = p->tails.size / sizeof(uint32_t) - c.tail;
    c.total = tn__cost_sum(v->cost, cost);
    c.found = true;
    if (p->tails.size / sizeof(uint32_t) > MAX_VERTICES)
        return TN_ELIMIT;
    return push(p, c);
}

static int give(tn_paths *p, const tn_detour *c, tn_error *err)
{
    const uint32_t *tail = (const uint32_t *)(const void *)p->tails.data + c->tail;
    p->nodes.size = 0;
    for (size_t i = c->n_tail; i > 0; i--)
        TN_TRY(tn__buf_append(&p->nodes, &tail[i - 1], sizeof *tail));
    for (uint32_t v = c->vertex; v != TN_NONE; v = vertex_at(p, v)->parent)
        TN_TRY(tn__buf_append(&p->nodes, &vertex_at(p, v)->node, sizeof(uint32_t)));
    TN_TRY(split(p, c->vertex, c->n_tail));
    return make_steps(p, err);
}

static int next_path(tn_paths *p, tn_error *err)
{
    if (!p->spur)
        TN_TRY(begin(p, err));
    while (p->candidates.size) {
        tn_detour c;
        tn__heap_pop(&p->candidates, &c, sizeof c, before);
        if (p->all_shortest && c.total > p->first_cost)
            return 0;
        if (c.found)
            return give(p, &c, err);
        TN_TRY(search(p, c, err));
    }
    return 0;
}

int tn_paths_next(tn_paths *p, const tn_reference **steps, uint32_t *n, tn_error *err)
{
    tn_error told = {0};
    if (p->ended || (p->limit && p->n_given >= p->limit))
        return 0;
    int status = p->n_given ? next_path(p, &told) : first_path(p, &told);
    p->ended = status <= 0;
    if (status == TN_ENOMEM && !told.status)
        tn__no_memory(p->snapshot, &told);
    if (status == TN_ELIMIT && !told.status)
        tn__error_set(&told, status, 0, "too many paths to remember: avoid some objects, or ask for fewer");
    if (status < 0 && err)
        *err = told;
    if (status > 0) {
        *steps = (const tn_reference *)(const void *)p->steps.data;
        *n = (uint32_t)(p->steps.size / sizeof **steps);
    }
    return status;
}

int tn_paths_open(tn_snapshot *s, uint32_t target, const tn_path_options *o, tn_paths **out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_ways *w;
    if (o)
        TN_TRY(tn__avoid_check(s, o->avoid, err));
    TN_TRY(tn__ways(s, &w, err));
    if (target >= w->graph.n_nodes)
        return tn__error_set(err, TN_EINVAL, 0, "there is no node %u", (unsigned)target);
    tn_paths *p = tn__alloc_zero(a, sizeof *p);
    if (!p)
        return tn__no_memory(s, err);
    *p = (tn_paths){.snapshot = s, .alloc = a, .ways = w, .target = target};
    if (o) {
        p->no = (tn_shunned){o->avoid, o->avoid_kinds, target};
        p->limit = o->limit;
        p->all_shortest = o->all_shortest;
    }
    tn_buf *const bufs[] = {&p->vertices, &p->candidates, &p->tails, &p->nodes, &p->steps};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        tn__buf_init(bufs[i], a);
    *out = p;
    return TN_OK;
}

void tn_paths_close(tn_paths *p)
{
    if (!p)
        return;
    tn_buf *const bufs[] = {&p->vertices, &p->candidates, &p->tails, &p->nodes, &p->steps};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        tn__buf_free(bufs[i]);
    tn__spur_free(p->spur);
    if (p->own.alloc)
        tn__distances_free(&p->own);
    tn__free(p->alloc, p, sizeof *p);
}
