/* diff_edges.c - who holds what is new: references of survivors to objects that the old snapshot has not. Such a
 * reference cannot have been there before. Counted a shape and place, then folded by the type and label of the source.
 */
#include "analysis/diff.h"
#include "graph/graph.h"

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
    /* of new objects: how many before each word of their set, and the size of each */
    uint32_t *ranks;
    uint64_t *sizes;
} edges;

static size_t n_words(const edges *e)
{
    return ((size_t)e->d->added->n + 63) / 64;
}

static int load_sizes(edges *e, tn_error *err)
{
    const tn_set *added = e->d->added;
    uint32_t rank = 0, id = tn_set_next(added, 0);
    e->ranks = tn__alloc(e->d->alloc, n_words(e) * sizeof *e->ranks);
    e->sizes = tn__alloc(e->d->alloc, added->count * sizeof *e->sizes);
    if (!e->ranks || !e->sizes)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (size_t w = 0; w < n_words(e); w++) {
        e->ranks[w] = rank;
        rank += (uint32_t)__builtin_popcountll(added->words[w]);
    }
    tn_stream sizes;
    tn__stream_open(&sizes, e->s, TN_COL_SIZE, 1);
    for (uint32_t i = 0; id != TN_NONE; id = tn_set_next(added, id + 1))
        TN_TRY(tn__stream_at(&sizes, id, &e->sizes[i++], err));
    return TN_OK;
}

static void count_target(const edges *e, counter *c, uint32_t target)
{
    uint64_t before = e->d->added->words[target / 64] & ((1ull << (target % 64)) - 1);
    c->count++;
    c->bytes += e->sizes[e->ranks[target / 64] + (uint32_t)__builtin_popcountll(before)];
}

/* Goes on from a row of REFS to the next one that refers to a new object; TN_NONE as its target: there is none. */
typedef struct hit {
    uint64_t row;
    uint32_t target;
} hit;

static int find_hit(const edges *e, tn_stream *references, hit *h, tn_error *err)
{
    const tn_set *added = e->d->added;
    uint64_t n_rows = tn__column_rows(e->s, TN_COL_REFS), first;
    for (h->target = TN_NONE; h->row < n_rows; h->row = first + references->block.n_rows) {
        TN_TRY(tn__stream_at(references, h->row, &first, err));
        first = references->block.first_row;
        for (uint32_t i = (uint32_t)(h->row - first); i < references->block.n_rows; i++) {
            uint64_t target = tn__block_at(&references->block, i) - 1; /* absent: beyond all */
            if (target < added->n && added->words[target / 64] >> (target % 64) & 1) {
                *h = (hit){first + i, (uint32_t)target};
                return TN_OK;
            }
        }
    }
    return TN_OK;
}

/* The hits of one node, whose references begin at a row; the hit is the first behind them afterwards. */
static int count_node(edges *e, uint32_t id, uint32_t shape, uint64_t row, uint64_t end, tn_stream *references, hit *h,
                      tn_error *err)
{
    const tn_shape *sh = &tn__snapshot_shapes(e->s)[shape];
    counter *counters = e->counters + e->starts[shape];
    bool pairs = (sh->flags & TN_RUN_STYLE) == TN_RUN_PAIRS, survived = tn_set_has(e->d->survived, id);
    while (h->row < end && h->target != TN_NONE) {
        uint64_t i = h->row - row;
        uint64_t slot = i < sh->n_fixed ? i : sh->n_fixed + (pairs && (i - sh->n_fixed) % 2 == 0);
        if (survived)
            count_target(e, &counters[slot], h->target);
        h->row++;
        TN_TRY(find_hit(e, references, h, err));
    }
    return TN_OK;
}

/* References to new objects are looked for in the column as it stands; whose they are is counted along. Frames and threads
 * are not looked at: they are taken as they are now. */
static int count_all(edges *e, tn_error *err)
{
    const tn_shape *shapes = tn__snapshot_shapes(e->s);
    tn_stream shape_of, degrees, references;
    uint64_t row = 0, degree_row = 0, n_rows = tn__column_rows(e->s, TN_COL_REFS), shape, degree;
    hit h = {0};
    tn__stream_open(&shape_of, e->s, TN_COL_SHAP, 0);
    tn__stream_open(&degrees, e->s, TN_COL_DEGR, 2);
    tn__stream_open(&references, e->s, TN_COL_REFS, 3);
    TN_TRY(find_hit(e, &references, &h, err));
    for (uint32_t i = 0; i < e->d->n_new && references.present; i++) {
        degree = 0;
        TN_TRY(tn__stream_at(&shape_of, i, &shape, err));
        if ((shapes[shape].flags & TN_RUN_STYLE) && degrees.present)
            TN_TRY(tn__stream_at(&degrees, degree_row++, &degree, err));
        uint64_t end = row + shapes[shape].n_fixed + degree;
        if (end > n_rows)
            return tn__stream_turn(&references, end, err);
        if (h.row < end)
            TN_TRY(count_node(e, i, (uint32_t)shape, row, end, &references, &h, err));
        row = end;
    }
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
    return tn__kind_holds((enum tn_reference_kind)kind, false);
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
    int status = e.starts && e.counters ? load_sizes(&e, err) : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    if (status == TN_OK && d->added->count)
        status = count_all(&e, err);
    if (status == TN_OK)
        status = make_rows(&e, &r, err);
    tn__blocks_free(d->new);
    tn__free(d->alloc, e.ranks, n_words(&e) * sizeof *e.ranks);
    tn__free(d->alloc, e.sizes, d->added->count * sizeof *e.sizes);
    tn__free(d->alloc, e.starts, n_starts * sizeof *e.starts);
    tn__free(d->alloc, e.counters, n * sizeof *e.counters);
    if (status < 0)
        tn__diff_edges_free(&r);
    else
        *out = r;
    return status;
}

void tn__diff_edges_free(tn_diff_edges *found)
{
    tn__free(found->alloc, found->rows, found->capacity * sizeof *found->rows);
    tn__arena_free(&found->texts);
}
