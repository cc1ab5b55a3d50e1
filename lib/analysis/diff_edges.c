/* diff_edges.c - who holds what is new: references of survivors to objects that the old snapshot has not. Such a
 * reference cannot have been there before. Counted a shape and place, then folded by the type and label of the source.
 */
#include "analysis/diff.h"

#include <stdlib.h>
#include <string.h>

typedef struct counter {
    uint64_t count, bytes;
} counter;

typedef struct edges {
    tn_diff *d;
    tn_snapshot *s;
    size_t *starts; /* of a shape's counters: one a fixed reference, one for the run, one for keys */
    counter *counters;
    uint32_t n_shapes;
    const uint64_t *sizes;
} edges;

static void count_node(edges *e, const tn_csr *csr, uint32_t node, uint32_t shape)
{
    const tn_shape *sh = &tn__snapshot_shapes(e->s)[shape];
    counter *counters = e->counters + e->starts[shape];
    bool pairs = (sh->flags & TN_RUN_STYLE) == TN_RUN_PAIRS;
    uint64_t first = csr->offsets[node];
    for (uint64_t at = first; at < csr->offsets[node + 1]; at++) {
        uint32_t target = csr->targets[at];
        if (target == TN_NONE || !tn_set_has(e->d->added, target))
            continue;
        uint64_t place = at - first, slot = place < sh->n_fixed ? place : sh->n_fixed;
        if (pairs && place >= sh->n_fixed && (place - sh->n_fixed) % 2 == 0)
            slot++;
        counters[slot].count++;
        counters[slot].bytes += e->sizes[target];
    }
}

/* Synthetic nodes stand for what is always there: frames and threads are taken as they are now. */
static int count_all(edges *e, tn_error *err)
{
    tn_csr csr;
    const uint32_t *shapes;
    uint64_t n;
    TN_TRY(tn__snapshot_references(e->s, &csr, err));
    TN_TRY(tn__column_u32(e->s, TN_COL_SHAP, &shapes, &n, err));
    TN_TRY(tn__column_u64(e->s, TN_COL_SIZE, &e->sizes, &n, err));
    for (uint32_t i = tn_set_next(e->d->survived, 0); i != TN_NONE; i = tn_set_next(e->d->survived, i + 1))
        count_node(e, &csr, i, shapes[i]);
    return TN_OK;
}

static const char *label_of(tn_snapshot *s, const tn_shape *shape, uint32_t slot, tn_arena *texts)
{
    static const char *const runs[] = {
        [TN_RUN_NONE] = "",       [TN_RUN_ITEMS] = "[…]",      [TN_RUN_PAIRS] = "[…]",
        [TN_RUN_MEMBERS] = "{…}", [TN_RUN_UNLABELLED] = "<…>", [TN_RUN_STACK] = " stack",
    };
    static const char *const styles[][2] = {
        [TN_LABEL_ATTRIBUTE] = {".", ""}, [TN_LABEL_ITEM] = {"['", "']"}, [TN_LABEL_LOCAL] = {" local ", ""},
        [TN_LABEL_FIELD] = {"<", ">"},    [TN_LABEL_ROOT] = {" ", ""},
    };
    if (slot > shape->n_fixed)
        return " key";
    if (slot == shape->n_fixed)
        return runs[shape->flags & TN_RUN_STYLE];
    const char *const *around = styles[shape->labels[2 * slot + 1] & 255];
    const char *name = tn__snapshot_string(s, shape->labels[2 * slot]);
    size_t before = strlen(around[0]), n = strlen(name), after = strlen(around[1]);
    char *text = tn__arena_get(texts, before + n + after + 1);
    if (!text)
        return NULL;
    memcpy(text, around[0], before);
    memcpy(text + before, name, n);
    memcpy(text + before + n, around[1], after + 1);
    return text;
}

static int compare_names(const void *left, const void *right)
{
    const tn_diff_edge *a = left, *b = right;
    int order = strcmp(a->type, b->type);
    return order ? order : strcmp(a->label, b->label);
}

static int compare_counts(const void *left, const void *right)
{
    const tn_diff_edge *a = left, *b = right;
    return a->count != b->count ? (a->count > b->count ? -1 : 1) : compare_names(left, right);
}

static void fold(tn_diff_edges *r)
{
    size_t last = 0;
    if (r->n == 0)
        return;
    qsort(r->rows, r->n, sizeof *r->rows, compare_names);
    for (size_t i = 1; i < r->n; i++) {
        if (compare_names(&r->rows[last], &r->rows[i]) != 0) {
            r->rows[++last] = r->rows[i];
            continue;
        }
        r->rows[last].count += r->rows[i].count;
        r->rows[last].bytes += r->rows[i].bytes;
    }
    r->n = last + 1;
    qsort(r->rows, r->n, sizeof *r->rows, compare_counts);
}

static bool holds(const tn_shape *shape, uint32_t slot)
{
    uint32_t kind = slot < shape->n_fixed ? shape->labels[2 * slot + 1] >> 8 : shape->flags >> TN_RUN_KIND_SHIFT & 15;
    return kind == TN_REF_OWNING || kind == TN_REF_BORROWED;
}

static int make_rows(edges *e, tn_diff_edges *r, tn_error *err)
{
    size_t n = e->starts[e->n_shapes];
    for (size_t i = 0; i < n; i++)
        r->capacity += e->counters[i].count > 0;
    r->rows = tn__alloc(r->alloc, r->capacity * sizeof *r->rows);
    if (!r->rows)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (uint32_t shape = 0; shape < e->n_shapes; shape++) {
        const tn_shape *sh = &tn__snapshot_shapes(e->s)[shape];
        for (uint32_t slot = 0; slot < sh->n_fixed + 2; slot++) {
            const counter *c = &e->counters[e->starts[shape] + slot];
            tn_type type;
            if (!c->count || !holds(sh, slot))
                continue;
            const char *label = label_of(e->s, sh, slot, &r->texts);
            if (!label)
                return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
            TN_TRY(tn_snapshot_type(e->s, sh->type, &type));
            r->rows[r->n++] = (tn_diff_edge){type.full_name, label, c->count, c->bytes};
        }
    }
    fold(r);
    return TN_OK;
}

int tn__diff_edges(tn_diff *d, tn_diff_edges *out, tn_error *err)
{
    edges e = {.d = d, .s = d->new, .n_shapes = d->n_new_shapes};
    tn_diff_edges r = {.alloc = d->alloc};
    size_t n_starts = (size_t)e.n_shapes + 1, n = 0;
    tn__arena_init(&r.texts, d->alloc);
    e.starts = tn__alloc(d->alloc, n_starts * sizeof *e.starts);
    for (uint32_t i = 0; e.starts && i <= e.n_shapes; i++) {
        e.starts[i] = n;
        n += i < e.n_shapes ? tn__snapshot_shapes(e.s)[i].n_fixed + 2 : 0;
    }
    e.counters = tn__alloc_zero(d->alloc, n * sizeof *e.counters);
    int status = e.starts && e.counters ? count_all(&e, err) : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    if (status == TN_OK)
        status = make_rows(&e, &r, err);
    tn__free(d->alloc, e.starts, n_starts * sizeof *e.starts);
    tn__free(d->alloc, e.counters, n * sizeof *e.counters);
    if (status < 0)
        tn__diff_edges_free(&r);
    else
        *out = r;
    return status;
}

void tn__diff_edges_free(tn_diff_edges *edges)
{
    tn__free(edges->alloc, edges->rows, edges->capacity * sizeof *edges->rows);
    tn__arena_free(&edges->texts);
}
