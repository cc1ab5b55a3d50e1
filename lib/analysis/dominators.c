/* dominators.c - dominators and retained sizes of all nodes, from what semi_nca.c found for the inner ones.
 *
 * The dominator of a leaf is the nearest common ancestor, in the dominator tree, of all that refer to it: one pass over the
 * references, with heavy paths so that a common ancestor takes O(log n) steps however deep the tree is. A dominator has a
 * lower number than what it dominates, so that retained sizes are sums in descending order of number.
 */
#include "analysis/dominators.h"

static void destroy(tn_snapshot *s, void *p)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_dominators *d = p;
    if (!d)
        return;
    tn__free(a, d->idom, d->n_nodes * sizeof *d->idom);
    tn__free(a, d->retained, d->n_nodes * sizeof *d->retained);
    tn__free(a, d->counts, d->n_nodes * sizeof *d->counts);
    tn__free(a, d, sizeof *d);
}

enum { AHEAD = 24 }; /* steps that memory is fetched before it is needed */

/* What the steps below share; each gives back what the next ones do not need. */
typedef struct tn_maker {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_graph graph;
    uint8_t *holds;
    tn_skeleton skeleton;
    tn_numbering tree; /* in the end by number: ranks are ids, parent is the dominator */
    uint32_t *numbers; /* by rank, n_numbers of them */
    uint32_t n_numbers;
    tn_dominators *out;
} tn_maker;

/* Of the records their numbers stay; ranks become ids. */
static int keep_numbers(tn_maker *m)
{
    tn_skeleton *k = &m->skeleton;
    uint32_t id, rank;
    m->tree.ranks[0] = TN_NONE; /* above the root */
    tn__free(m->alloc, k->edges, k->capacity * sizeof *k->edges);
    k->edges = NULL;
    k->capacity = 0;
    m->numbers = tn__alloc(m->alloc, k->n_inner * sizeof *m->numbers);
    if (!m->numbers)
        return TN_ENOMEM;
    m->n_numbers = k->n_inner;
    for (rank = 0; rank < k->n_inner; rank++)
        m->numbers[rank] = k->records[rank].number;
    tn__free(m->alloc, k->records, k->n_inner * sizeof *k->records);
    k->records = NULL;
    for (tn_inner_iter it = tn__inner_begin(k); tn__inner_next(k, &it, &id, &rank);)
        m->tree.ranks[m->numbers[rank]] = id;
    return TN_OK;
}

/* ---- leaves ---- */

/* Top of the heavy path of each number: a path goes on to the child with the most below it. */
static int find_heads(const tn_maker *m, uint32_t **out)
{
    const uint32_t *idom = m->tree.parent;
    uint32_t n = m->tree.n;
    size_t bytes = ((size_t)n + 1) * sizeof(uint32_t);
    uint32_t *counts = tn__alloc_zero(m->alloc, bytes), *heavy = tn__alloc_zero(m->alloc, bytes);
    if (!counts || !heavy) {
        tn__free(m->alloc, counts, bytes);
        tn__free(m->alloc, heavy, bytes);
        return TN_ENOMEM;
    }
    for (uint32_t w = n; w > 1; w--) { /* all below w has been added to it */
        uint32_t up = idom[w];
        counts[w]++;
        counts[up] += counts[w];
        if (!heavy[up] || counts[w] > counts[heavy[up]])
            heavy[up] = w;
    }
    uint32_t *heads = counts; /* counts are of no more use */
    heads[1] = 1;
    for (uint32_t w = 2; w <= n; w++)
        heads[w] = heavy[idom[w]] == w ? heads[idom[w]] : w;
    tn__free(m->alloc, heavy, bytes);
    *out = heads;
    return TN_OK;
}

/* The head with the higher number is not above the common ancestor, so its path is left upwards. */
static inline uint32_t common(const uint32_t *idom, const uint32_t *heads, uint32_t a, uint32_t b)
{
    while (heads[a] != heads[b]) {
        if (heads[a] > heads[b])
            a = idom[heads[a]];
        else
            b = idom[heads[b]];
    }
    return a < b ? a : b;
}

/* A leaf that has come up to the root is no open question any more: most references are to a few such ones. */
static void see_leaf(const tn_maker *m, const uint32_t *heads, uint32_t leaf, uint32_t number)
{
    uint32_t *found = &m->out->idom[leaf];
    if (!*found)
        *found = number;
    else if (*found != number)
        *found = common(m->tree.parent, heads, *found, number);
    if (*found == 1)
        m->skeleton.leaves[leaf / 64] &= ~(1ull << (leaf % 64));
}

/* Numbers of dominators into out->idom: 0 of leaves that nothing refers to. */
static void find_leaves(const tn_maker *m, const uint32_t *heads)
{
    const tn_graph *g = &m->graph;
    const uint64_t *leaves = m->skeleton.leaves;
    uint32_t id, rank;
    for (tn_inner_iter it = tn__inner_begin(&m->skeleton); tn__inner_next(&m->skeleton, &it, &id, &rank);) {
        bool all = tn__node_holding(g, id) == TN_HOLDS_ALL;
        uint32_t number = m->numbers[rank];
        if (m->n_numbers - rank >
            AHEAD) { /* the first two paths a climb looks at, in steps: each when the one before has come */
            const uint32_t *next = m->numbers + rank;
            __builtin_prefetch(&heads[next[AHEAD]]);
            __builtin_prefetch(&m->tree.parent[heads[next[AHEAD / 3 * 2]]]);
            __builtin_prefetch(&heads[m->tree.parent[heads[next[AHEAD / 3]]]]);
        }
        for (uint64_t e = g->offsets[id]; e < g->offsets[id + 1]; e++) {
            uint32_t target = g->targets[e];
            if (target != TN_NONE && tn__bit(leaves, target) && (all || tn__edge_holds(g, id, e)))
                see_leaf(m, heads, target, number);
        }
    }
}

/* ---- all nodes ---- */

/* Retained bytes and objects of a number. */
typedef struct tn_sum {
    uint64_t bytes;
    uint32_t count;
} tn_sum;

/* Of 64 nodes, whose sums are fetched together. */
typedef struct tn_batch {
    uint32_t n, numbers[64], counts[64];
    uint64_t bytes[64];
} tn_batch;

static void add_batch(const tn_batch *b, tn_sum *sums)
{
    for (uint32_t i = 0; i < b->n; i++)
        __builtin_prefetch(&sums[b->numbers[i]], 1);
    for (uint32_t i = 0; i < b->n; i++) {
        sums[b->numbers[i]].bytes += b->bytes[i];
        sums[b->numbers[i]].count += b->counts[i];
    }
}

/* Where the sums of a node begin: an inner one's own, or those of a leaf's dominator. Leaves that are anchored, or that
 * nothing refers to, hang from the root; what a leaf retains is known. */
typedef struct tn_place {
    tn_inner_iter it;
    uint32_t next, rank; /* the next inner node */
} tn_place;

static uint32_t number_of(const tn_maker *m, tn_place *p, uint32_t id, uint64_t bytes, uint32_t count)
{
    if (id == p->next) {
        uint32_t number = m->numbers[p->rank];
        tn__inner_next(&m->skeleton, &p->it, &p->next, &p->rank);
        return number;
    }
    uint32_t *idom = &m->out->idom[id];
    if (!*idom && m->holds[id] == TN_HOLD_REFERENCES)
        m->holds[id] = TN_HOLD_UNREACHABLE;
    *idom = *idom ? *idom : 1;
    m->out->retained[id] = bytes;
    m->out->counts[id] = count;
    return *idom;
}

static tn_place first_place(const tn_maker *m)
{
    tn_place p = {tn__inner_begin(&m->skeleton), TN_NONE, 0};
    tn__inner_next(&m->skeleton, &p.it, &p.next, &p.rank);
    return p;
}

/* Own sizes, to where they count first. */
static int add_sizes(const tn_maker *m, tn_sum *sums, tn_error *err)
{
    tn_sizes sizes;
    tn_batch batch = {0};
    uint64_t total = 0;
    int more;
    tn_place place = first_place(m);
    TN_TRY(tn__sizes_open(m->snapshot, &sizes, err));
    for (size_t k = 0; (more = tn__sizes_block(&sizes, k, err)) > 0; k++) {
        for (uint32_t i = 0; i < sizes.shap.n_rows; i++) {
            uint32_t id = (uint32_t)sizes.shap.first_row + i, at = batch.n++;
            bool own = tn__sizes_own(&sizes, i);
            batch.bytes[at] = own ? 0 : tn__block_at(&sizes.size, i);
            batch.counts[at] = !own && id < m->graph.n_objects;
            batch.numbers[at] = number_of(m, &place, id, batch.bytes[at], batch.counts[at]);
            if (__builtin_add_overflow(total, batch.bytes[at], &total)) {
                tn__sizes_close(&sizes);
                return tn__error_set(err, TN_ECORRUPT, 0, "the sizes up to node %u are larger than any memory", id);
            }
            if (batch.n == sizeof batch.numbers / sizeof *batch.numbers) {
                add_batch(&batch, sums);
                batch.n = 0;
            }
        }
    }
    add_batch(&batch, sums);
    tn__sizes_close(&sizes);
    return more;
}

static void add_up(const tn_maker *m, tn_sum *sums)
{
    for (uint32_t w = m->tree.n; w > 1; w--) {
        sums[m->tree.parent[w]].bytes += sums[w].bytes;
        sums[m->tree.parent[w]].count += sums[w].count;
    }
}

/* From numbers to ids. */
static void write_all(const tn_maker *m, const tn_sum *sums)
{
    tn_dominators *out = m->out;
    tn_place p = first_place(m);
    for (uint32_t id = 0; id < m->graph.n_nodes; id++) {
        uint32_t ahead = m->graph.n_nodes - id > AHEAD ? id + AHEAD : id;
        __builtin_prefetch(&m->tree.ranks[out->idom[ahead]]);
        if (id != p.next) {
            out->idom[id] = m->tree.ranks[out->idom[id]];
            continue;
        }
        uint32_t number = m->numbers[p.rank];
        uint32_t next = m->n_numbers - p.rank > AHEAD ? m->numbers[p.rank + AHEAD] : number;
        __builtin_prefetch(&m->tree.parent[next]);
        __builtin_prefetch(&sums[next]);
        out->idom[id] = m->tree.ranks[m->tree.parent[number]];
        out->retained[id] = sums[number].bytes;
        out->counts[id] = sums[number].count;
        tn__inner_next(&m->skeleton, &p.it, &p.next, &p.rank);
    }
}

static int write_result(tn_maker *m, tn_error *err)
{
    size_t n = (size_t)m->tree.n + 1, n_nodes = m->graph.n_nodes;
    tn_dominators *out = m->out;
    tn_sum *sums = tn__alloc_zero(m->alloc, n * sizeof *sums);
    out->retained = tn__alloc(m->alloc, n_nodes * sizeof *out->retained);
    out->counts = tn__alloc(m->alloc, n_nodes * sizeof *out->counts);
    int status = sums && out->retained && out->counts ? TN_OK : TN_ENOMEM;
    if (status == TN_OK)
        status = add_sizes(m, sums, err);
    if (status == TN_OK) {
        add_up(m, sums);
        write_all(m, sums);
    }
    tn__free(m->alloc, sums, n * sizeof *sums);
    return status;
}

static int make(tn_maker *m, tn_error *err)
{
    tn_dominators *out = m->out;
    uint32_t *heads;
    TN_TRY(tn__anchors(m->snapshot, &m->holds, err));
    TN_TRY(tn__skeleton_make(&m->skeleton, m->alloc, &m->graph, m->holds, err));
    TN_TRY(tn__numbering_make(&m->tree, &m->skeleton, m->holds));
    TN_TRY(keep_numbers(m));
    TN_TRY(tn__semi_nca(&m->tree));
    TN_TRY(find_heads(m, &heads));
    out->idom = tn__alloc_zero(m->alloc, out->n_nodes * sizeof *out->idom);
    if (out->idom)
        find_leaves(m, heads);
    tn__free(m->alloc, heads, ((size_t)m->tree.n + 1) * sizeof *heads);
    return out->idom ? write_result(m, err) : TN_ENOMEM;
}

static int build(tn_snapshot *s, void **slot, tn_error *err)
{
    tn_maker m = {.snapshot = s, .alloc = tn__snapshot_alloc(s)};
    m.skeleton.alloc = m.tree.alloc = m.alloc;
    TN_TRY(tn__graph(s, &m.graph, err));
    m.out = tn__alloc_zero(m.alloc, sizeof *m.out);
    if (!m.out)
        return tn__no_memory(s, err);
    m.out->n_nodes = m.graph.n_nodes;
    m.out->root = m.graph.root;
    int status = make(&m, err);
    m.out->holds = m.holds;
    tn__free(m.alloc, m.numbers, m.n_numbers * sizeof *m.numbers);
    tn__skeleton_free(&m.skeleton);
    tn__numbering_free(&m.tree);
    if (status < 0)
        destroy(s, m.out);
    else
        *slot = m.out;
    return status == TN_ENOMEM ? tn__no_memory(s, err) : status;
}

int tn__dominators(tn_snapshot *s, const tn_dominators **out, tn_error *err)
{
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_DOMINATORS, destroy);
    if (!*slot)
        TN_TRY(build(s, slot, err));
    *out = *slot;
    return TN_OK;
}

/* ---- from elsewhere ---- */

bool tn__dominators_known(tn_snapshot *s)
{
    return *tn__snapshot_attachment(s, TN_ATTACH_DOMINATORS, destroy) != NULL;
}

tn_dominators *tn__dominators_new(tn_snapshot *s)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_dominators *d = tn__alloc_zero(a, sizeof *d);
    if (!d)
        return NULL;
    d->n_nodes = tn_snapshot_n_nodes(s);
    d->root = tn_snapshot_n_objects(s);
    d->idom = tn__alloc(a, d->n_nodes * sizeof *d->idom);
    d->retained = tn__alloc(a, d->n_nodes * sizeof *d->retained);
    d->counts = tn__alloc(a, d->n_nodes * sizeof *d->counts);
    if (d->idom && d->retained && d->counts)
        return d;
    destroy(s, d);
    return NULL;
}

void tn__dominators_free(tn_snapshot *s, tn_dominators *d)
{
    destroy(s, d);
}

int tn__dominators_put(tn_snapshot *s, tn_dominators *d, tn_error *err)
{
    uint8_t *holds;
    int status = tn__anchors(s, &holds, err);
    if (status < 0) {
        destroy(s, d);
        return status;
    }
    d->holds = holds;
    *tn__snapshot_attachment(s, TN_ATTACH_DOMINATORS, destroy) = d;
    return TN_OK;
}

/* ---- one node ---- */

static int of_node(tn_snapshot *s, uint32_t id, const tn_dominators **d, tn_error *err)
{
    if (id >= tn_snapshot_n_nodes(s))
        return tn__error_set(err, TN_EINVAL, 0, "there is no node %u", (unsigned)id);
    return tn__dominators(s, d, err);
}

int tn_node_hold(tn_snapshot *s, uint32_t id, enum tn_hold *out, tn_error *err)
{
    const tn_dominators *d = NULL;
    TN_TRY(of_node(s, id, &d, err));
    *out = (enum tn_hold)d->holds[id];
    return TN_OK;
}

int tn_dominator(tn_snapshot *s, uint32_t id, uint32_t *out, tn_error *err)
{
    const tn_dominators *d = NULL;
    TN_TRY(of_node(s, id, &d, err));
    *out = d->idom[id];
    return TN_OK;
}

int tn_retained(tn_snapshot *s, uint32_t id, uint64_t *bytes, uint32_t *count, tn_error *err)
{
    const tn_dominators *d = NULL;
    TN_TRY(of_node(s, id, &d, err));
    *bytes = d->retained[id];
    *count = d->counts[id];
    return TN_OK;
}
