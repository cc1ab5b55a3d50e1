/* flame_tree.c - frames below frames: of all that could be shown next, always the widest.
 *
 * A node is a run of places in the call tree, those at which the same frames have been gone through:
 *
 *   inwards    place = an entry;                    next places are the entries that it called
 *   inverted   place = a stack, and how far out;    the next one is one step further out
 *
 * Only a node that is shown is looked into. So what is asked is linear in the call tree, or inverted in the stacks for each
 * level that is shown, however deep stacks are.
 */
#include "analysis/flame.h"
#include "base/heap.h"

#include <string.h>

/* A node that may be shown next: places first, … */
typedef struct tn_front {
    double weight;
    size_t first, n;
    uint32_t parent, group;
    size_t number; /* as the how many-th it was found */
} tn_front;

typedef struct tn_growth {
    tn_flame *flame;
    tn_flame_sum *subtrees; /* inwards: of stacks that go through an entry */
    uint32_t *child, *next; /* inwards: 1 + entry; child[0] of what nobody called */
    tn_buf places;          /* tn_sort_item: value: the group; at: place_of(stack, where it has been followed to) */
    tn_buf room;            /* as many, to sort them */
    tn_buf front;           /* tn_front: a heap */
    size_t n_found;
} tn_growth;

static size_t place_of(uint32_t stack, uint32_t at)
{
    return (size_t)stack << 32 | at;
}

static tn_sort_item *places(const tn_growth *g, size_t first)
{
    return (tn_sort_item *)(void *)g->places.data + first;
}

static bool empty(const tn_flame_sum *sum)
{
    return !(sum->weight > 0) && !(sum->count > 0);
}

static bool before(const void *a, const void *b)
{
    const tn_front *x = a, *y = b;
    return x->weight > y->weight || (!(x->weight < y->weight) && x->number < y->number);
}

/* What stacks have that go through a place. */
static const tn_flame_sum *sum_at(const tn_growth *g, size_t place)
{
    return g->flame->options.inverted ? &g->flame->sums[place >> 32] : &g->subtrees[(uint32_t)place];
}

static int add_place(tn_growth *g, uint32_t stack, uint32_t at, tn_error *err)
{
    tn_sort_item item = {g->flame->group_of[at], place_of(stack, at)};
    return tn__buf_append(&g->places, &item, sizeof item) < 0 ? tn__no_memory(g->flame->snapshot, err) : TN_OK;
}

/* ---- the call tree ---- */

static int alloc_tree(tn_growth *g, tn_error *err)
{
    const tn_flame *f = g->flame;
    g->child = tn__alloc_zero(f->alloc, ((size_t)f->n_entries + 1) * sizeof *g->child);
    g->next = tn__alloc_zero(f->alloc, f->n_entries * sizeof *g->next);
    g->subtrees = tn__alloc(f->alloc, f->n_entries * sizeof *g->subtrees);
    return g->child && g->next && g->subtrees ? TN_OK : tn__no_memory(f->snapshot, err);
}

/* An entry stands behind its parent. Entry 0, of no stack, hangs from no other and has none below it. */
static int link_tree(tn_growth *g, tn_error *err)
{
    const tn_flame *f = g->flame;
    TN_TRY(alloc_tree(g, err));
    memcpy(g->subtrees, f->sums, f->n_entries * sizeof *g->subtrees);
    for (uint32_t i = f->n_entries; i-- > 1;) {
        tn_stack_entry e;
        TN_TRY(tn__snapshot_stack(f->snapshot, i, &e, err));
        if (empty(&g->subtrees[i]))
            continue;
        g->next[i] = g->child[e.parent];
        g->child[e.parent] = i + 1;
        if (e.parent)
            tn__flame_add(&g->subtrees[e.parent], &g->subtrees[i]);
    }
    return TN_OK;
}

static int add_called(tn_growth *g, uint32_t entry, tn_error *err)
{
    for (uint32_t i = g->child[entry]; i; i = g->next[i - 1])
        TN_TRY(add_place(g, i - 1, i - 1, err));
    return TN_OK;
}

/* ---- runs of places ---- */

/* Same groups together. */
static int sort_places(tn_growth *g, size_t first, size_t n, tn_error *err)
{
    tn_sort_item *from = places(g, first), *to;
    uint64_t differing = 0;
    g->room.size = 0;
    if (tn__buf_reserve(&g->room, n * sizeof *to) < 0)
        return tn__no_memory(g->flame->snapshot, err);
    to = (tn_sort_item *)(void *)g->room.data;
    for (size_t i = 1; i < n; i++)
        differing |= from[i].value ^ from[0].value;
    if (differing && tn__radix_sort(from, to, n, differing) != from)
        memcpy(from, to, n * sizeof *from);
    return TN_OK;
}

/* Nodes below parent, of n places; all of them may be shown. */
static int add_front(tn_growth *g, uint32_t parent, size_t first, size_t n, tn_error *err)
{
    TN_TRY(sort_places(g, first, n, err));
    for (size_t i = first, end = first + n; i < end;) {
        tn_front node = {.first = i, .parent = parent, .group = (uint32_t)places(g, i)->value};
        node.number = g->n_found++;
        for (; i < end && places(g, i)->value == node.group; i++)
            node.weight += sum_at(g, places(g, i)->at)->weight;
        node.n = i - node.first;
        if (tn__heap_push(&g->front, &node, sizeof node, before) < 0)
            return tn__no_memory(g->flame->snapshot, err);
    }
    return TN_OK;
}

/* ---- a node ---- */

static int called_by(tn_growth *g, const tn_front *node, tn_flame_node *shown, size_t *first, tn_error *err)
{
    *first = g->places.size / sizeof(tn_sort_item);
    for (size_t i = node->first; i < node->first + node->n; i++) {
        uint32_t entry = (uint32_t)places(g, i)->at;
        tn__flame_add(&shown->own, &g->flame->sums[entry]);
        if (entry)
            TN_TRY(add_called(g, entry, err));
    }
    return TN_OK;
}

/* Takes the room of the node's own places, as there are no more of them further out. */
static int callers_of(tn_growth *g, const tn_front *node, tn_flame_node *shown, size_t *n, tn_error *err)
{
    *n = 0;
    for (size_t i = node->first; i < node->first + node->n; i++) {
        size_t place = places(g, i)->at;
        uint32_t stack = (uint32_t)(place >> 32);
        tn_stack_entry e = {0};
        if ((uint32_t)place)
            TN_TRY(tn__snapshot_stack(g->flame->snapshot, (uint32_t)place, &e, err));
        if (e.parent)
            *places(g, node->first + (*n)++) = (tn_sort_item){g->flame->group_of[e.parent], place_of(stack, e.parent)};
        else
            tn__flame_add(&shown->own, &g->flame->sums[stack]);
    }
    return TN_OK;
}

static int show(tn_growth *g, const tn_front *node, tn_error *err)
{
    tn_flame *f = g->flame;
    tn_flame_node shown = {.parent = node->parent, .group = node->group};
    size_t first = node->first, n;
    for (size_t i = node->first; i < node->first + node->n; i++)
        tn__flame_add(&shown.total, sum_at(g, places(g, i)->at));
    if (f->options.inverted) {
        TN_TRY(callers_of(g, node, &shown, &n, err));
    } else {
        TN_TRY(called_by(g, node, &shown, &first, err));
        n = g->places.size / sizeof(tn_sort_item) - first;
    }
    if (tn__buf_append(&f->nodes, &shown, sizeof shown) < 0)
        return tn__no_memory(f->snapshot, err);
    return add_front(g, tn__flame_n_nodes(f), first, n, err);
}

/* ---- all ---- */

/* Where the tree begins: at what nobody called, or at each stack that has something. */
static int plant(tn_growth *g, tn_error *err)
{
    tn_flame *f = g->flame;
    if (!f->options.inverted) {
        TN_TRY(link_tree(g, err));
        TN_TRY(add_called(g, 0, err));
        if (!empty(&f->sums[0]))
            TN_TRY(add_place(g, 0, 0, err));
    }
    for (uint32_t i = 0; f->options.inverted && i < f->n_entries; i++)
        if (!empty(&f->sums[i]))
            TN_TRY(add_place(g, i, i, err));
    return add_front(g, 0, 0, g->places.size / sizeof(tn_sort_item), err);
}

static int grow(tn_growth *g, uint32_t limit, tn_error *err)
{
    tn_flame *f = g->flame;
    tn_front node;
    TN_TRY(plant(g, err));
    while (g->front.size && tn__flame_n_nodes(f) < limit) {
        tn__heap_pop(&g->front, &node, sizeof node, before);
        TN_TRY(show(g, &node, err));
    }
    for (size_t i = 0; i < g->front.size / sizeof node; i++) {
        const tn_front *left = (const tn_front *)(void *)g->front.data + i;
        ++*(left->parent ? &tn__flame_node(f, left->parent - 1)->more : &f->n_more);
    }
    return TN_OK;
}

int tn__flame_nodes(tn_flame *f, uint32_t limit, tn_error *err)
{
    tn_growth g = {.flame = f};
    tn_buf *bufs[] = {&g.places, &g.room, &g.front};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        tn__buf_init(bufs[i], f->alloc);
    int status = grow(&g, limit && limit < TN_FLAME_MOST ? limit : TN_FLAME_MOST, err);
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        tn__buf_free(bufs[i]);
    tn__free(f->alloc, g.child, g.child ? ((size_t)f->n_entries + 1) * sizeof *g.child : 0);
    tn__free(f->alloc, g.next, g.next ? f->n_entries * sizeof *g.next : 0);
    tn__free(f->alloc, g.subtrees, g.subtrees ? f->n_entries * sizeof *g.subtrees : 0);
    return status;
}
