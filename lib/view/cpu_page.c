/* cpu_page.c - tonnage profile: which rows, in what order, beside which file. */
#include "view/cpu_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const tn_cpu_page_names[TN_CPU_PAGES] = {
    [TN_CPU_TABLE] = "table",     [TN_CPU_TREE] = "tree",       [TN_CPU_GRAPH] = "graph",
    [TN_CPU_CALLERS] = "callers", [TN_CPU_CALLEES] = "callees",
};

/* ---- numbers of a row ---- */

double tn__cpu_pct(const tn_cpu *t, uint64_t weight)
{
    return tn__pct(weight, t->all.weight);
}

const char *tn__cpu_unit(const tn_cpu *t)
{
    return t->of_bytes ? "bytes" : t->of_samples ? "samples" : "ns";
}

const char *tn__cpu_amount(const tn_cpu *t, uint64_t weight, char *out, size_t cap)
{
    if (t->of_bytes)
        return tn_format_bytes(weight, out, cap);
    if (t->of_samples)
        snprintf(out, cap, "%" PRIu64, weight);
    else
        snprintf(out, cap, "%.3f", (double)weight / 1e9);
    return out;
}

const char *tn__cpu_change(const tn_cpu *t, uint64_t now, uint64_t old, char *out, size_t cap)
{
    char amount[32];
    tn__cpu_amount(t, now > old ? now - old : old - now, amount, sizeof amount);
    snprintf(out, cap, "%s%s", now < old ? "-" : "+", amount);
    return out;
}

tn_interval tn__cpu_share_change(const tn_cpu_page_made *p, const tn_cpu_shown *r)
{
    double now = tn__cpu_pct(&p->now, r->own->weight) / 100, old = tn__cpu_pct(&p->before, r->old_own->weight) / 100;
    return tn__interval_minus(now, tn__cpu_share(&p->now, r->own->weight), old,
                              tn__cpu_share(&p->before, r->old_own->weight));
}

double tn__cpu_bytes_per_second(const tn_cpu_sum *sum)
{
    return sum->cpu_ns ? (double)sum->bytes / ((double)sum->cpu_ns / 1e9) : -1;
}

int tn__cpu_words(const tn_cpu_page_made *p, const tn_cpu_shown *r, tn_buf *out, tn_error *err)
{
    char own[32], total[32], change[40], words[256];
    const char *unit = tn__cpu_of_time(&p->now) ? " s" : "";
    int n = snprintf(words, sizeof words, ": own=%s%s", tn__cpu_amount(&p->now, r->own->weight, own, sizeof own), unit);
    if (p->old)
        n += snprintf(words + n, sizeof words - (size_t)n, " (%s%s)",
                      tn__cpu_change(&p->now, r->own->weight, r->old_own->weight, change, sizeof change), unit);
    snprintf(words + n, sizeof words - (size_t)n, " (%.1f %%), total=%s%s (%.1f %%), samples=%" PRIu64,
             tn__cpu_pct(&p->now, r->own->weight), tn__cpu_amount(&p->now, r->total->weight, total, sizeof total), unit,
             tn__cpu_pct(&p->now, r->total->weight), r->own->samples);
    out->size = 0;
    if (tn__buf_append(out, r->label, strlen(r->label)) < 0 || tn__buf_append(out, words, strlen(words) + 1) < 0)
        return tn__no_memory(p->snapshot, err);
    return TN_OK;
}

int tn__cpu_keep_label(tn_cpu_page_made *p, uint32_t group, const char **label, tn_error *err)
{
    tn_buf text;
    tn__buf_init(&text, p->now.alloc);
    int status = tn__cpu_label(&p->now, group, &text, err);
    if (status == TN_OK) {
        *label = tn__arena_text(&p->labels, (const char *)text.data, text.size - 1);
        status = *label ? TN_OK : tn__no_memory(p->snapshot, err);
    }
    tn__buf_free(&text);
    return status;
}

/* ---- order ---- */

enum column { BY_OWN, BY_TOTAL, BY_SAMPLES, BY_BYTES, BY_CHANGE, BY_NAME, COLUMNS };

static const tn_cpu_sum nothing;

static tn_cpu_shown row_of(const tn_cpu_page_made *p, const tn_cpu_pair *pair)
{
    tn_cpu_shown row = {
        .label = pair->label, .own = &nothing, .total = &nothing, .old_own = &nothing, .old_total = &nothing};
    row.table = (tn_cpu *)(pair->now ? &p->now : &p->before);
    row.group = (uint32_t)(pair->now ? pair->now - p->now.groups : pair->old - p->before.groups);
    if (pair->now) {
        row.own = &pair->now->own;
        row.total = &pair->now->total;
    }
    if (pair->old) {
        row.old_own = &pair->old->own;
        row.old_total = &pair->old->total;
    }
    return row;
}

static uint64_t number_of(const tn_cpu_page_made *p, const tn_cpu_shown *r, enum column column)
{
    uint64_t now = p->asked.cumulative ? r->total->weight : r->own->weight,
             old = p->asked.cumulative ? r->old_total->weight : r->old_own->weight;
    switch (column) {
    case BY_OWN: return r->own->weight;
    case BY_TOTAL: return r->total->weight;
    case BY_SAMPLES: return p->asked.cumulative ? r->total->samples : r->own->samples;
    case BY_BYTES: return p->asked.cumulative ? r->total->bytes : r->own->bytes;
    case BY_CHANGE: return now > old ? now - old : old - now;
    default: return 0;
    }
}

/* What a page can be in order of; where nothing is asked, the first. */
static size_t columns_of(const tn_cpu_page_made *p, const char *names[COLUMNS], enum column columns[COLUMNS])
{
    static const char *const words[COLUMNS] = {"own", "total", "samples", "bytes", "change", "name"};
    enum column first = p->old ? BY_CHANGE : p->asked.cumulative ? BY_TOTAL : BY_OWN;
    size_t n = 0;
    columns[n++] = first;
    for (enum column c = BY_OWN; c < COLUMNS; c++)
        if (c != first && (c != BY_CHANGE || p->old) && (c != BY_BYTES || p->now.knows_bytes))
            columns[n++] = c;
    for (size_t i = 0; i < n; i++)
        names[i] = words[columns[i]];
    return n;
}

static bool to_show(const tn_cpu_page_made *p, const tn_cpu_shown *r, enum column column)
{
    const tn_cpu_sum *now = p->asked.cumulative ? r->total : r->own,
                     *old = p->asked.cumulative ? r->old_total : r->old_own;
    return !tn__cpu_sum_empty(now) || !tn__cpu_sum_empty(old) || (column == BY_BYTES && now->bytes);
}

static int take_rows(tn_cpu_page_made *p, const tn_order_key *order, size_t n, tn_error *err)
{
    size_t shown = p->o->limit && p->o->limit < n ? p->o->limit : n;
    p->n_more = n - shown;
    for (size_t i = 0; i < shown; i++) {
        tn_cpu_shown row = row_of(p, tn__cpu_pair(&p->pairs, order[i].row));
        if (tn__buf_append(&p->rows, &row, sizeof row) < 0)
            return tn__no_memory(p->snapshot, err);
    }
    return TN_OK;
}

static int put_in_order(tn_cpu_page_made *p, tn_order_key *order, tn_error *err)
{
    const char *names[COLUMNS];
    enum column columns[COLUMNS];
    size_t n = columns_of(p, names, columns), chosen, n_rows = 0;
    bool descending;
    TN_TRY(tn__order_parse(p->o->sort, names, n, n - 1, &chosen, &descending, err));
    for (size_t i = 0; i < tn__cpu_pairs_n(&p->pairs); i++) {
        const tn_cpu_shown row = row_of(p, tn__cpu_pair(&p->pairs, i));
        if (to_show(p, &row, columns[chosen]))
            order[n_rows++] =
                (tn_order_key){number_of(p, &row, columns[chosen]), columns[chosen] == BY_NAME ? row.label : "", i};
    }
    tn__order_sort(order, n_rows, descending);
    return take_rows(p, order, n_rows, err);
}

static int make_rows(tn_cpu_page_made *p, tn_error *err)
{
    TN_TRY(tn__cpu_pairs_make(&p->now, p->old ? &p->before : NULL, &p->pairs, err));
    size_t bytes = tn__cpu_pairs_n(&p->pairs) * sizeof(tn_order_key);
    tn_order_key *order = tn__alloc(p->now.alloc, bytes);
    int status = order ? put_in_order(p, order, err) : tn__no_memory(p->snapshot, err);
    tn__free(p->now.alloc, order, order ? bytes : 0);
    return status;
}

/* ---- a page ---- */

static bool is_left(const tn_cpu *t)
{
    return !tn__cpu_is_part(t) || !tn__cpu_sum_empty(&t->all) || t->all.bytes;
}

static int make_tables(tn_cpu_page_made *p, tn_error *err)
{
    TN_TRY(tn__cpu_make(p->snapshot, &p->asked, &p->now, err));
    if (!p->old && !is_left(&p->now))
        return tn__cpu_nothing(&p->now, err);
    p->all = (tn_cpu_shown){.label = "total",
                            .table = &p->now,
                            .group = TN_NONE,
                            .own = &p->now.all,
                            .total = &p->now.all,
                            .old_own = &p->before.all,
                            .old_total = &p->before.all};
    if (!p->old)
        return TN_OK;
    if (p->asked.page != TN_CPU_TABLE)
        return tn__error_set(err, TN_EINVAL, 0, "what changed is told in a table, not in a tree or graph");
    TN_TRY(tn__cpu_make(p->old, &p->asked, &p->before, err));
    if (strcmp(p->now.clock, p->before.clock) != 0)
        return tn__error_set(err, TN_EINVAL, 0, "one profile is of the clock %.40s, the other of %.40s", p->now.clock,
                             p->before.clock);
    return is_left(&p->now) || is_left(&p->before) ? TN_OK : tn__cpu_nothing(&p->now, err);
}

static int make(tn_cpu_page_made *p, tn_out *out, tn_json *j, tn_error *err)
{
    bool json = p->o->form == TN_JSON, calls;
    TN_TRY(make_tables(p, err));
    calls = p->asked.page >= TN_CPU_GRAPH;
    if (!calls)
        TN_TRY(p->asked.page == TN_CPU_TREE ? tn__cpu_levels(p, err) : make_rows(p, err));
    if (!json)
        return calls ? tn__cpu_calls_page(p, out, NULL, err) : tn__cpu_text_page(p, out, err);
    tn__json_start(j, out, "profile");
    TN_TRY(calls ? tn__cpu_calls_page(p, out, j, err) : tn__cpu_json_page(p, j, err));
    tn__info_json(j, p->snapshot);
    tn__json_close(j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

static void free_page(tn_cpu_page_made *p)
{
    if (p->pairs.alloc)
        tn__cpu_pairs_free(&p->pairs);
    tn__buf_free(&p->rows);
    tn__buf_free(&p->nodes);
    tn__arena_free(&p->labels);
    if (p->before.alloc)
        tn__cpu_free(&p->before);
    if (p->now.alloc)
        tn__cpu_free(&p->now);
}

/* The page is whole before a byte of it is written. */
typedef struct tn_whole {
    tn_buf text;
    bool full;
} tn_whole;

static bool keep(void *ctx, const char *text, size_t n)
{
    tn_whole *w = ctx;
    w->full |= tn__buf_append(&w->text, text, n) < 0;
    return !w->full;
}

static int write_whole(tn_snapshot *s, const tn_view_options *o, tn_whole *whole, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_sink sink = {keep, whole};
    tn_out out;
    tn_json j;
    tn_cpu_page_made p = {.o = o, .snapshot = s, .old = o->against};
    if (o->cpu)
        p.asked = *o->cpu;
    tn__buf_init(&p.rows, a);
    tn__buf_init(&p.nodes, a);
    tn__arena_init(&p.labels, a);
    tn__out_init(&out, &sink);
    int status = make(&p, &out, &j, err);
    free_page(&p);
    return status < 0 ? tn__memory_told(s, status, err) : tn__out_end(&out, err);
}

int tn_view_profile(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_whole whole = {.full = false};
    tn_out out;
    tn__buf_init(&whole.text, tn__snapshot_alloc(s));
    int status = write_whole(s, options, &whole, err);
    if (whole.full)
        status = tn__no_memory(s, err);
    if (status == TN_OK) {
        tn__out_init(&out, sink);
        tn__out_bytes(&out, (const char *)whole.text.data, whole.text.size);
        status = tn__out_end(&out, err);
    }
    tn__buf_free(&whole.text);
    return status;
}
