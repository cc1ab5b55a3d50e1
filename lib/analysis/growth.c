/* growth.c - what grows from snapshot to snapshot.
 *
 *   each two neighbours -> diff -> totals by name, births handed on to survivors, lengths of collections handed on
 *
 * Births give the objects that a leak leaves: made after the first snapshot, so not the program's own beginning; not
 * younger than the last but one, so not work in hand; alive in the last.
 */
#include "analysis/growth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int out_of_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

/* ---- when ---- */

static void find_times(tn_growth *g, const char *key)
{
    uint64_t first = 0, time = 0;
    g->timed = tn__fact_u64(g->snapshots[0], key, &first);
    for (uint32_t i = 0; i < g->n && g->timed; i++) {
        g->timed = tn__fact_u64(g->snapshots[i], key, &time);
        g->seconds[i] = (double)(int64_t)(time - first) / 1e9;
        g->timed &= i == 0 || g->seconds[i] > g->seconds[i - 1];
    }
    for (uint32_t i = 0; i < g->n && !g->timed; i++)
        g->seconds[i] = i;
}

/* ---- totals by name ---- */

typedef struct entry {
    const char *name;
    uint64_t number;
    uint32_t snapshot;
    tn_tally tally;
} entry;

static int note_totals(tn_growth *g, tn_buf *entries, const tn_diff_rows *rows, uint32_t snapshot, bool old)
{
    for (size_t i = 0; i < rows->n; i++) {
        const tn_diff_row *r = &rows->rows[i];
        entry e = {r->name, r->number, snapshot, old ? r->old_whole : r->new_whole};
        if (e.tally.count == 0)
            continue;
        e.name = tn__arena_text(&g->names, r->name, strlen(r->name));
        if (!e.name)
            return TN_ENOMEM;
        TN_TRY(tn__buf_append(entries, &e, sizeof e));
    }
    return TN_OK;
}

static int compare_keys(const entry *a, const entry *b)
{
    if (a->number != b->number)
        return a->number > b->number ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int compare_entries(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    int order = compare_keys(a, b);
    return order ? order : a->snapshot < b->snapshot ? -1 : 1;
}

/* By Newton, from above: the command links no libm. */
static double root(double x)
{
    double r = x > 1 ? x : 1, next = (r + x / r) / 2;
    while (next < r) {
        r = next;
        next = (r + x / r) / 2;
    }
    return r;
}

/* Least squares of bytes over seconds. */
static void fit(const tn_growth *g, tn_growth_row *r)
{
    double n = g->n, mean_t = 0, mean_y = 0, tt = 0, ty = 0, rest = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        mean_t += g->seconds[i] / n;
        mean_y += (double)r->series[i].bytes / n;
    }
    for (uint32_t i = 0; i < g->n; i++) {
        double t = g->seconds[i] - mean_t;
        tt += t * t;
        ty += t * ((double)r->series[i].bytes - mean_y);
    }
    r->slope = ty / tt;
    for (uint32_t i = 0; i < g->n; i++) {
        double off = (double)r->series[i].bytes - mean_y - r->slope * (g->seconds[i] - mean_t);
        rest += off * off;
    }
    r->error = g->n > 2 ? root(rest / (n - 2) / tt) : NAN;
}

static int compare_rows(const void *left, const void *right)
{
    const tn_growth_row *a = left, *b = right;
    bool grows_a = a->n_up && !a->n_down, grows_b = b->n_up && !b->n_down;
    if (grows_a != grows_b)
        return grows_a ? -1 : 1;
    return a->slope != b->slope ? (a->slope > b->slope ? -1 : 1) : strcmp(a->name, b->name);
}

static int make_rows(tn_growth *g, tn_buf *entries, tn_error *err)
{
    entry *all = (void *)entries->data;
    size_t n = entries->size / sizeof *all;
    if (n > 1)
        qsort(all, n, sizeof *all, compare_entries);
    for (size_t i = 0; i < n; i++)
        g->row_capacity += i == 0 || compare_keys(&all[i], &all[i - 1]) != 0;
    g->rows = tn__alloc(g->alloc, g->row_capacity * sizeof *g->rows);
    g->series = tn__alloc_zero(g->alloc, g->row_capacity * g->n * sizeof *g->series);
    if (!g->rows || !g->series)
        return out_of_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || compare_keys(&all[i], &all[i - 1]) != 0)
            g->rows[g->n_rows++] = (tn_growth_row){.name = all[i].name, .number = all[i].number};
        g->series[(g->n_rows - 1) * g->n + all[i].snapshot] = all[i].tally;
    }
    for (size_t i = 0; i < g->n_rows; i++) {
        tn_growth_row *r = &g->rows[i];
        r->series = g->series + i * g->n;
        for (uint32_t k = 1; k < g->n; k++) {
            r->n_up += r->series[k].bytes > r->series[k - 1].bytes;
            r->n_down += r->series[k].bytes < r->series[k - 1].bytes;
        }
        fit(g, r);
    }
    if (g->n_rows > 1)
        qsort(g->rows, g->n_rows, sizeof *g->rows, compare_rows);
    return TN_OK;
}

/* ---- births ---- */

static int hand_on_births(tn_growth *g, const tn_diff *d, uint32_t k, tn_error *err)
{
    uint16_t *births = tn__alloc(g->alloc, d->n_new * sizeof *births);
    if (!births)
        return out_of_memory(err);
    for (uint32_t i = 0; i < d->n_new; i++)
        births[i] = (uint16_t)(k + 1);
    for (uint32_t i = 0; i < d->n_old; i++)
        if (d->survivor[i] != TN_NONE)
            births[d->survivor[i]] = g->births ? g->births[i] : 0;
    tn__free(g->alloc, g->births, g->n_births * sizeof *g->births);
    g->births = births;
    g->n_births = d->n_new;
    return TN_OK;
}

static int find_grown(tn_growth *g, const tn_diff *d, tn_error *err)
{
    const tn_set *parts[] = {d->added, d->survived};
    TN_TRY(tn_set_new(d->new, &g->grown, err));
    for (int p = 0; p < 2; p++)
        for (uint32_t i = tn_set_next(parts[p], 0); i != TN_NONE; i = tn_set_next(parts[p], i + 1))
            if (g->births[i] > 0 && g->births[i] < g->n - 1)
                tn__set_add(g->grown, i);
    return TN_OK;
}

/* ---- collections ---- */

typedef struct handing {
    tn_growth *g;
    const tn_diff *d;
    uint32_t k;
    tn_buf next; /* tn_growth_collection, by node of the newer snapshot */
} handing;

static uint64_t *lengths_of(const tn_growth *g, const tn_growth_collection *c)
{
    return (uint64_t *)(void *)g->lengths.data + c->series;
}

static int begin(handing *h, const tn_change *change)
{
    tn_growth_collection c = {.node = change->new, .start = h->k, .n_up = 1, .series = h->g->lengths.size / 8};
    TN_TRY(tn__buf_reserve(&h->g->lengths, h->g->n * sizeof(uint64_t)));
    memset(h->g->lengths.data + h->g->lengths.size, 0, h->g->n * sizeof(uint64_t));
    h->g->lengths.size += h->g->n * sizeof(uint64_t);
    lengths_of(h->g, &c)[h->k] = change->held_old;
    lengths_of(h->g, &c)[h->k + 1] = change->held_new;
    return tn__buf_append(&h->next, &c, sizeof c);
}

/* change: what happened to it, or NULL: nothing. */
static int go_on(handing *h, const tn_growth_collection *before, const tn_change *change)
{
    tn_growth_collection c = *before;
    c.node = h->d->survivor[before->node];
    if (c.node == TN_NONE || (change && change->held_new < change->held_old))
        return TN_OK;
    c.n_up += change != NULL;
    lengths_of(h->g, &c)[h->k + 1] = change ? change->held_new : lengths_of(h->g, &c)[h->k];
    return tn__buf_append(&h->next, &c, sizeof c);
}

/* Both lists ascend by the node of the older snapshot, so by that of the newer one. */
static int hand_on_collections(tn_growth *g, const tn_diff *d, uint32_t k, tn_error *err)
{
    handing h = {.g = g, .d = d, .k = k};
    const tn_growth_collection *all = (const void *)g->collections.data;
    const tn_change *changes = (const void *)d->changes.data;
    size_t n = g->collections.size / sizeof *all, n_changes = d->changes.size / sizeof *changes, i = 0, c = 0;
    int status = TN_OK;
    tn__buf_init(&h.next, g->alloc);
    while (status == TN_OK && (i < n || c < n_changes)) {
        if (i < n && (c == n_changes || all[i].node < changes[c].old)) {
            status = go_on(&h, &all[i++], NULL);
        } else if (i < n && all[i].node == changes[c].old) {
            status = go_on(&h, &all[i++], &changes[c++]);
        } else {
            status = changes[c].held_new > changes[c].held_old ? begin(&h, &changes[c]) : TN_OK;
            c++;
        }
    }
    tn__buf_free(&g->collections);
    g->collections = h.next;
    return status < 0 ? out_of_memory(err) : TN_OK;
}

/* Rows to be sorted without a context: what they are sorted by is beside them. */
typedef struct ranked {
    tn_growth_collection c;
    uint64_t grown;
} ranked;

static int compare_ranked(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->c.n_up != b->c.n_up)
        return a->c.n_up > b->c.n_up ? -1 : 1;
    return a->grown != b->grown ? (a->grown > b->grown ? -1 : 1) : a->c.node < b->c.node ? -1 : 1;
}

static int rank_collections(tn_growth *g, const tn_diff *d, tn_error *err)
{
    tn_growth_collection *all = (void *)g->collections.data;
    size_t n = g->collections.size / sizeof *all, kept = 0;
    ranked *rows = tn__alloc(g->alloc, n * sizeof *rows);
    if (!rows)
        return out_of_memory(err);
    for (size_t i = 0; i < n; i++)
        if (tn_set_has(d->added, all[i].node) || tn_set_has(d->survived, all[i].node))
            rows[kept++] = (ranked){all[i], lengths_of(g, &all[i])[g->n - 1] - lengths_of(g, &all[i])[all[i].start]};
    if (kept > 1)
        qsort(rows, kept, sizeof *rows, compare_ranked);
    for (size_t i = 0; i < kept; i++)
        all[i] = rows[i].c;
    g->collections.size = kept * sizeof *all;
    tn__free(g->alloc, rows, n * sizeof *rows);
    return TN_OK;
}

/* ---- all ---- */

static tn_tally sum(tn_tally a, tn_tally b)
{
    return (tn_tally){a.count + b.count, a.bytes + b.bytes};
}

static int step(tn_growth *g, const tn_diff *d, enum tn_by by, uint32_t k, tn_buf *entries, tn_error *err)
{
    tn_diff_rows rows;
    if (!d->same_process && !g->why)
        g->why = d->why;
    TN_TRY(tn__diff_rows(d, by, &rows, err));
    int status = k == 0 ? note_totals(g, entries, &rows, 0, true) : TN_OK;
    if (status == TN_OK)
        status = note_totals(g, entries, &rows, k + 1, false);
    tn__diff_rows_free(&rows);
    if (status < 0)
        return out_of_memory(err);
    if (k == 0)
        g->totals[0] = sum(d->old_total, d->old_half_total);
    g->totals[k + 1] = sum(d->new_total, d->new_half_total);
    if (g->why)
        return TN_OK;
    TN_TRY(hand_on_births(g, d, k, err));
    TN_TRY(hand_on_collections(g, d, k, err));
    if (k + 2 < g->n)
        return TN_OK;
    TN_TRY(find_grown(g, d, err));
    return rank_collections(g, d, err);
}

static int run(tn_growth *g, enum tn_by by, const char *where, tn_buf *entries, tn_error *err)
{
    g->seconds = tn__alloc(g->alloc, g->n * sizeof *g->seconds);
    g->totals = tn__alloc_zero(g->alloc, g->n * sizeof *g->totals);
    if (!g->seconds || !g->totals)
        return out_of_memory(err);
    for (uint32_t k = 0; k + 1 < g->n; k++) {
        tn_diff *d;
        TN_TRY(tn_diff_open(g->snapshots[k], g->snapshots[k + 1], where, &d, err));
        int status = step(g, d, by, k, entries, err);
        tn_diff_close(d);
        TN_TRY(status);
    }
    find_times(g, g->why ? "capture.wall_time_ns" : "capture.monotonic_ns");
    return make_rows(g, entries, err);
}

int tn__growth(tn_snapshot *const *snapshots, size_t n, enum tn_by by, const char *where, tn_growth *out, tn_error *err)
{
    bool compares;
    if (n < 2 || n > TN_GROWTH_MAX)
        return tn__error_set(err, TN_EINVAL, 0, "growth is of 2 to %u snapshots", (unsigned)TN_GROWTH_MAX);
    const tn_alloc *a = tn__snapshot_alloc(snapshots[n - 1]);
    TN_TRY(tn__selection_compares(a, where, &compares, err));
    if (compares)
        return tn__error_set(err, TN_EINVAL, 0, "is: compares two snapshots, and these are %zu", n);
    tn_growth g = {.alloc = a, .snapshots = snapshots, .n = (uint32_t)n};
    tn_buf entries;
    tn__buf_init(&entries, a);
    tn__buf_init(&g.collections, a);
    tn__buf_init(&g.lengths, a);
    tn__arena_init(&g.names, a);
    int status = run(&g, by, where, &entries, err);
    for (size_t i = 0; i < n; i++)
        status = tn__memory_told(snapshots[i], status, err);
    tn__buf_free(&entries);
    if (status < 0)
        tn__growth_free(&g);
    else
        *out = g;
    return status;
}

void tn__growth_free(tn_growth *g)
{
    tn__free(g->alloc, g->seconds, g->n * sizeof *g->seconds);
    tn__free(g->alloc, g->totals, g->n * sizeof *g->totals);
    tn__free(g->alloc, g->rows, g->row_capacity * sizeof *g->rows);
    tn__free(g->alloc, g->series, g->row_capacity * g->n * sizeof *g->series);
    tn__free(g->alloc, g->births, g->n_births * sizeof *g->births);
    tn__buf_free(&g->collections);
    tn__buf_free(&g->lengths);
    tn__arena_free(&g->names);
    tn_set_free(g->grown);
}

int tn_growth_set(tn_snapshot *const *snapshots, size_t n, const char *where, tn_set **out, tn_error *err)
{
    tn_growth g;
    TN_TRY(tn__growth(snapshots, n, TN_BY_TYPE, where, &g, err));
    int status = TN_OK;
    if (g.why) {
        status = tn__error_set(err, TN_EINVAL, 0, "no object of one is in the other: %s", g.why);
    } else {
        *out = g.grown;
        g.grown = NULL;
    }
    tn__growth_free(&g);
    return status;
}
