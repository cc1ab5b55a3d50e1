/* sources.c - which of the unreachable containers nothing else unreachable leads to: a component is a source when no reference
 * enters it from another one.
 */
#include "analysis/components.h"
#include "analysis/dominators.h"

typedef struct tn_left {
    const tn_skeleton *skeleton;
    const uint32_t *left;
    uint32_t base;    /* a record's number is base + place in left */
    uint8_t *entered; /* by component */
} tn_left;

static uint32_t next(void *ctx, uint32_t node, uint64_t *at)
{
    const tn_left *l = ctx;
    const tn_skeleton *k = l->skeleton;
    const tn_record *r = &k->records[l->left[node]];
    while (*at < r->left) {
        uint32_t number = k->records[tn__record_edge(r, k->edges, (uint32_t)(*at)++)].number;
        if (number >= l->base) /* others are reached from an anchor */
            return number - l->base;
    }
    return TN_NONE;
}

static bool counts(void *ctx, uint32_t node)
{
    (void)ctx;
    (void)node;
    return true;
}

static void enter(void *ctx, uint32_t component)
{
    ((const tn_left *)ctx)->entered[component] = 1;
}

/* Sources first; what changes places is two ranks. */
static uint32_t gather(const tn_finder *f, const tn_left *l, uint32_t *left, uint32_t n)
{
    uint32_t n_sources = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (l->entered[tn__component_of(f, i)])
            continue;
        uint32_t rank = left[i];
        left[i] = left[n_sources];
        left[n_sources++] = rank;
    }
    return n_sources;
}

static int find(tn_skeleton *k, tn_finder *f, tn_left *l, uint32_t n)
{
    const tn_successors successors = {l, next, counts, enter};
    int status = TN_OK;
    for (uint32_t i = 0; i < n; i++)
        k->records[l->left[i]].number = l->base + i;
    for (uint32_t i = 0; i < n && status == TN_OK; i++)
        if (!f->marks[i])
            status = tn__finder_visit(f, i, &successors);
    for (uint32_t i = 0; i < n; i++)
        k->records[l->left[i]].number = 0;
    return status;
}

int tn__source_components(tn_skeleton *k, uint32_t *left, uint32_t n, uint32_t last_number, uint32_t *n_sources)
{
    tn_left l = {.skeleton = k, .left = left, .base = last_number + 1};
    uint32_t *marks = tn__alloc_zero(k->alloc, n * sizeof *marks);
    tn_finder f;
    l.entered = tn__alloc_zero(k->alloc, (size_t)n + 1);
    tn__finder_init(&f, k->alloc, marks, 0);
    int status = marks && l.entered ? find(k, &f, &l, n) : TN_ENOMEM;
    if (status == TN_OK)
        *n_sources = gather(&f, &l, left, n);
    tn__finder_free(&f);
    tn__free(k->alloc, marks, n * sizeof *marks);
    tn__free(k->alloc, l.entered, (size_t)n + 1);
    return status;
}
