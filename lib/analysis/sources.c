/* sources.c - which of the unreachable containers nothing else unreachable leads to.
 *
 * Tarjan's strongly connected components with the stack of calls in the nodes (field up). A component is a source when no
 * reference enters it from another one: such references are seen when their target's component is closed already, as in
 * Tarjan's order a component closes before those that refer to it.
 */
#include "analysis/dominators.h"

typedef struct tn_visit {
    uint32_t index, low; /* from 1; index 0: not visited */
    uint32_t next;       /* reference to look at */
    uint32_t up;         /* caller, or TN_NONE */
    uint32_t component;  /* from 1; 0: open */
} tn_visit;

typedef struct tn_tarjan {
    const tn_skeleton *skeleton;
    const uint32_t *left;
    uint32_t n, base; /* a record's number is base + place in left */
    uint32_t n_visited, n_open, n_components;
    tn_visit *visits;
    uint32_t *open;
    uint8_t *entered; /* by component */
} tn_tarjan;

static void close_component(tn_tarjan *t, uint32_t at)
{
    uint32_t member;
    t->n_components++;
    do {
        member = t->open[--t->n_open];
        t->visits[member].component = t->n_components;
    } while (member != at);
}

/* A reference from an open node to one that has been visited. */
static void see(tn_tarjan *t, tn_visit *from, const tn_visit *to)
{
    if (to->component)
        t->entered[to->component] = 1;
    else if (to->low < from->low)
        from->low = to->low;
}

static void begin(tn_tarjan *t, uint32_t at, uint32_t up)
{
    uint32_t index = ++t->n_visited;
    t->visits[at] = (tn_visit){.index = index, .low = index, .up = up};
    t->open[t->n_open++] = at;
}

static void visit(tn_tarjan *t, uint32_t start)
{
    const tn_skeleton *k = t->skeleton;
    begin(t, start, TN_NONE);
    for (uint32_t at = start; at != TN_NONE;) {
        tn_visit *v = &t->visits[at];
        const tn_record *r = &k->records[t->left[at]];
        if (v->next < r->left) {
            uint32_t number = k->records[tn__record_edge(r, k->edges, v->next++)].number;
            uint32_t to = number - t->base;
            if (number < t->base) /* reached from an anchor */
                continue;
            if (t->visits[to].index) {
                see(t, v, &t->visits[to]);
                continue;
            }
            begin(t, to, at);
            at = to;
            continue;
        }
        if (v->low == v->index)
            close_component(t, at);
        if (v->up != TN_NONE)
            see(t, &t->visits[v->up], v);
        at = v->up;
    }
}

/* Sources first; what changes places is two ranks. */
static uint32_t gather(const tn_tarjan *t, uint32_t *left)
{
    uint32_t n_sources = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->entered[t->visits[i].component])
            continue;
        uint32_t rank = left[i];
        left[i] = left[n_sources];
        left[n_sources++] = rank;
    }
    return n_sources;
}

int tn__source_components(tn_skeleton *k, uint32_t *left, uint32_t n, uint32_t last_number, uint32_t *n_sources)
{
    tn_tarjan t = {.skeleton = k, .left = left, .n = n, .base = last_number + 1};
    t.visits = tn__alloc_zero(k->alloc, n * sizeof *t.visits);
    t.open = tn__alloc(k->alloc, n * sizeof *t.open);
    t.entered = tn__alloc_zero(k->alloc, (size_t)n + 1);
    int status = t.visits && t.open && t.entered ? TN_OK : TN_ENOMEM;
    if (status == TN_OK) {
        for (uint32_t i = 0; i < n; i++)
            k->records[left[i]].number = t.base + i;
        for (uint32_t i = 0; i < n; i++)
            if (!t.visits[i].index)
                visit(&t, i);
        for (uint32_t i = 0; i < n; i++)
            k->records[left[i]].number = 0;
        *n_sources = gather(&t, left);
    }
    tn__free(k->alloc, t.visits, n * sizeof *t.visits);
    tn__free(k->alloc, t.open, n * sizeof *t.open);
    tn__free(k->alloc, t.entered, (size_t)n + 1);
    return status;
}
