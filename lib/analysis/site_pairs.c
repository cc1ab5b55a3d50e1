/* site_pairs.c - groups of two snapshots side by side, by their names: a line is the same where file and number are.
 *
 * Of one process and sampled, a difference is made of the blocks that one of the two alone has. What both have, the same block
 * with the same birth, was sampled once and stands on both sides, so that it adds nothing to what is left to chance. That
 * holds while the interval is the same. Once samples were thinned a block that is missing need not be freed, and one that
 * stayed stands for more: then the two are as good as independent, which is wider than need be.
 */
#include "analysis/diff.h"
#include "analysis/sites.h"

#include <string.h>

static tn_site_pair *pair_at(tn_site_pairs *p, size_t i)
{
    return &p->rows[i];
}

static bool is_empty(const tn_site_sum *sum)
{
    for (int i = 0; i < TN_SITES_WHATS; i++)
        if (sum->bytes[i] || sum->count[i] > 0)
            return false;
    return !sum->live.n; /* a block may stand at a row that says nothing of it */
}

static int grow(tn_site_pairs *p, size_t n, tn_error *err)
{
    if (n <= p->capacity)
        return TN_OK;
    size_t capacity = 2 * n + 16;
    tn_site_pair *rows = tn__realloc(p->alloc, p->rows, p->capacity * sizeof *rows, capacity * sizeof *rows);
    if (!rows)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    memset(rows + p->capacity, 0, (capacity - p->capacity) * sizeof *rows);
    p->rows = rows;
    p->capacity = capacity;
    return TN_OK;
}

/* ---- rows ---- */

/* numbers: of stacks; NULL where the label says which row it is. */
static int find_row(tn_site_pairs *p, tn_sites *t, const tn_site_sum *sum, tn_naming *x, const uint32_t *numbers,
                    uint32_t *row, tn_error *err)
{
    uint32_t stack = tn__site_example(&t->keys, sum->group);
    x->label.size = 0;
    TN_TRY(tn__sites_label(t, sum, &x->label, err));
    if (x->alone)
        *row = (uint32_t)p->n;
    else
        TN_TRY(tn__naming_row(x, numbers ? &numbers[stack] : NULL, row, err));
    if (*row < p->n)
        return TN_OK;
    TN_TRY(grow(p, p->n + 1, err));
    tn_site_pair *pair = pair_at(p, p->n++);
    pair->label = tn__arena_text(&p->labels, (const char *)x->label.data, x->label.size - 1);
    return pair->label ? TN_OK : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

/* The row of each sum, by its index; TN_NONE where it is empty. */
static int join_named(tn_site_pairs *p, tn_sites *t, bool old, tn_naming *x, const uint32_t *numbers, uint32_t *rows,
                      tn_error *err)
{
    for (size_t i = 0; i < tn__sites_n(t); i++) {
        const tn_site_sum *sum = tn__sites_at(t, i);
        rows[i] = TN_NONE;
        if (is_empty(sum))
            continue;
        TN_TRY(find_row(p, t, sum, x, numbers, &rows[i], err));
        if (old)
            pair_at(p, rows[i])->old = sum;
        else
            pair_at(p, rows[i])->now = sum;
    }
    return TN_OK;
}

static int join(tn_site_pairs *p, tn_sites *t, bool old, tn_naming *x, uint32_t *rows, tn_error *err)
{
    size_t bytes = t->keys.n_entries * sizeof(uint32_t);
    bool by_stack = !x->alone && t->options.by == TN_SITES_TRACEBACK;
    uint32_t *numbers = by_stack ? tn__alloc(p->alloc, bytes) : NULL;
    if (by_stack && !numbers)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    int status = by_stack ? tn__naming_stacks(x, t->snapshot, numbers, err) : TN_OK;
    if (status == TN_OK)
        status = join_named(p, t, old, x, numbers, rows, err);
    tn__free(p->alloc, numbers, by_stack ? bytes : 0);
    return status;
}

/* ---- blocks that only one of the two has ---- */

typedef struct tn_side {
    tn_sites *table;
    uint32_t *rows;   /* of its sums; TN_NONE: none */
    uint32_t *sum_of; /* of its blocks; TN_NONE: they do not count */
} tn_side;

static uint32_t row_of(const tn_side *side, uint64_t block)
{
    return side->sum_of[block] == TN_NONE ? TN_NONE : side->rows[side->sum_of[block]];
}

static uint64_t interval_of(const tn_traces *t, uint64_t block)
{
    return t->interval ? t->interval[block] : 0;
}

static void add_alone(tn_site_pairs *p, const tn_side *side, const tn_side *other, bool removed)
{
    uint64_t k = 0;
    const tn_traces *x = &side->table->traces, *y = &other->table->traces;
    for (uint64_t i = 0; i < x->n; i++) {
        uint32_t row = row_of(side, i);
        if (row == TN_NONE)
            continue;
        while (k < y->n && y->address[k] < x->address[i])
            k++;
        bool in_row = false, in_total = false;
        for (uint64_t m = k; m < y->n && y->address[m] == x->address[i]; m++) {
            if (!x->birth[i] || y->birth[m] != x->birth[i] || y->bytes[m] != x->bytes[i])
                continue;
            p->same_samples &= interval_of(x, i) == interval_of(y, m);
            in_row |= row_of(other, m) == row;
            in_total |= row_of(other, m) != TN_NONE;
        }
        uint64_t bytes = x->bytes[i] ? x->bytes[i] : 1, interval = interval_of(x, i);
        tn_site_pair *pair = pair_at(p, row), *total = &p->total;
        if (!in_row)
            tn__spread_add(removed ? &pair->removed : &pair->added, bytes, interval);
        if (!in_total)
            tn__spread_add(removed ? &total->removed : &total->added, bytes, interval);
    }
}

static int find_blocks(tn_side *side, tn_error *err)
{
    tn_sites *t = side->table;
    side->sum_of = tn__alloc(t->alloc, t->traces.n * sizeof *side->sum_of);
    return side->sum_of ? tn__sites_of_blocks(t, side->sum_of, err) : tn__no_memory(t->snapshot, err);
}

static int compare_blocks(tn_site_pairs *p, tn_side *now, tn_side *old, tn_error *err)
{
    int status = find_blocks(now, err);
    if (status == TN_OK)
        status = find_blocks(old, err);
    if (status == TN_OK) {
        add_alone(p, now, old, false);
        add_alone(p, old, now, true);
    }
    tn__free(p->alloc, now->sum_of, now->sum_of ? now->table->traces.n * sizeof *now->sum_of : 0);
    tn__free(p->alloc, old->sum_of, old->sum_of ? old->table->traces.n * sizeof *old->sum_of : 0);
    return status;
}

/* ---- both ---- */

static int make(tn_site_pairs *p, tn_sites *now, tn_sites *old, tn_error *err)
{
    tn_naming x;
    size_t n_now = tn__sites_n(now), n_old = old ? tn__sites_n(old) : 0;
    uint32_t *of_now = tn__alloc(p->alloc, n_now * sizeof *of_now),
             *of_old = tn__alloc(p->alloc, n_old * sizeof *of_old);
    int status = tn__naming_init(&x, p->alloc, !old);
    if (!of_now || !of_old)
        status = TN_ENOMEM;
    if (status == TN_OK)
        status = join(p, now, false, &x, of_now, err);
    if (status == TN_OK && old)
        status = join(p, old, true, &x, of_old, err);
    if (status == TN_OK && p->same_samples && !now->options.cumulative && (now->sampled || old->sampled))
        status = compare_blocks(p, &(tn_side){now, of_now, NULL}, &(tn_side){old, of_old, NULL}, err);
    tn__free(p->alloc, of_now, of_now ? n_now * sizeof *of_now : 0);
    tn__free(p->alloc, of_old, of_old ? n_old * sizeof *of_old : 0);
    tn__naming_free(&x);
    return status;
}

int tn__site_pairs_make(tn_sites *now, tn_sites *old, tn_site_pairs *out, tn_error *err)
{
    *out = (tn_site_pairs){.alloc = now->alloc, .total = {.now = &now->total, .old = old ? &old->total : NULL}};
    tn__arena_init(&out->labels, out->alloc);
    out->same_process = old && !tn__other_process(old->snapshot, now->snapshot);
    out->same_samples =
        out->same_process && tn__sites_interval_of(old->snapshot) == tn__sites_interval_of(now->snapshot);
    int status = make(out, now, old, err);
    if (status < 0)
        tn__site_pairs_free(out);
    return status;
}

void tn__site_pairs_free(tn_site_pairs *p)
{
    tn__arena_free(&p->labels);
    tn__free(p->alloc, p->rows, p->capacity * sizeof *p->rows);
    p->rows = NULL;
    p->capacity = 0;
}

static double bytes_of(const tn_site_sum *sum, enum tn_sites_what what)
{
    return sum ? (double)sum->bytes[what] : 0;
}

/* That nothing was seen does not mean that there was nothing. */
static tn_interval of_table(const tn_sites *t, const tn_site_sum *sum, enum tn_sites_what what)
{
    static const tn_site_sum none;
    return tn__sites_interval(t, sum ? sum : &none, what);
}

tn_interval tn__site_pair_interval(const tn_site_pairs *p, const tn_site_pair *row, const tn_sites *now,
                                   const tn_sites *old, enum tn_sites_what what)
{
    double r = now->interval_bytes > old->interval_bytes ? now->interval_bytes : old->interval_bytes;
    if (what == TN_SITES_LIVE && p->same_samples && !now->options.cumulative) {
        const tn_spread *a = &row->added, *b = &row->removed;
        return tn__interval_minus(a->seen + a->unseen, tn__spread_interval(a, r), b->seen + b->unseen,
                                  tn__spread_interval(b, r));
    }
    return tn__interval_minus(bytes_of(row->now, what), of_table(now, row->now, what), bytes_of(row->old, what),
                              of_table(old, row->old, what));
}
