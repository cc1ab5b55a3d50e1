/* site_page.c - tonnage sites, creators, peak, temporary, survivors: which rows, in what order, beside which snapshot. */
#include "view/site_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const tn_sites_page_names[TN_SITES_PAGES] = {
    [TN_SITES_TABLE] = "sites",          [TN_SITES_CREATORS] = "creators",   [TN_SITES_AT_PEAK] = "peak",
    [TN_SITES_SOON_FREED] = "temporary", [TN_SITES_SURVIVORS] = "survivors",
};

uint64_t tn__site_count(double count)
{
    return tn__site_whole(count + 0.5);
}

double tn__site_interval_bytes(const tn_site_page *p)
{
    return p->old && p->before.interval_bytes > p->now.interval_bytes ? p->before.interval_bytes
                                                                      : p->now.interval_bytes;
}

bool tn__site_process_told(const tn_site_page *p)
{
    uint64_t pid;
    return tn__fact_u64(p->snapshot, "process.pid", &pid) && tn__fact_u64(p->old, "process.pid", &pid);
}

/* ---- a row ---- */

static void fill_change(const tn_site_page *p, const tn_site_pair *pair, tn_site_shown *out)
{
    double change = (double)(out->bytes - out->old_bytes);
    out->change = (tn_interval){change, change};
    out->significant = change != 0;
    if (!p->sampled)
        return;
    out->change = tn__site_pair_interval(&p->pairs, pair, &p->now, &p->before, p->asked.what);
    out->significant = out->change.low > 0 || out->change.high < 0;
}

static int fill(tn_site_page *p, const tn_site_pair *pair, tn_site_shown *out, tn_error *err)
{
    enum tn_sites_what what = p->asked.what;
    bool here = pair->now != NULL;
    tn_sites *table = here ? &p->now : &p->before;
    const tn_site_sum *sum = here ? pair->now : pair->old;
    *out = (tn_site_shown){.pair = pair, .label = pair->label, .table = table, .retained = TN_UNKNOWN};
    out->frame = (tn_stack_entry){.name = "", .qualified_name = "", .file = ""};
    if (here) {
        out->bytes = pair->now->bytes[what];
        out->count = pair->now->count[what];
        out->range = tn__sites_interval(&p->now, pair->now, what);
        if (p->asked.retained)
            out->retained = pair->now->retained;
        if (p->cohorts.rows && pair != &p->pairs.total)
            out->ages = &p->cohorts.rows[pair->now - tn__sites_at(&p->now, 0)];
    }
    if (p->old) {
        out->old_bytes = pair->old ? pair->old->bytes[what] : 0;
        out->old_count = pair->old ? pair->old->count[what] : 0;
        fill_change(p, pair, out);
    }
    if (pair == &p->pairs.total)
        return TN_OK;
    out->entry = tn__site_example(&table->keys, sum->group);
    if (out->entry)
        TN_TRY(tn__site_frame(&table->keys, sum->group, &out->frame, err));
    return TN_OK;
}

const char *tn__site_signed(double bytes, char *out, size_t cap)
{
    char size[24];
    tn_format_bytes(tn__site_whole(fabs(bytes)), size, sizeof size);
    snprintf(out, cap, "%s%s", bytes <= -1 ? "-" : "+", size);
    return out;
}

int tn__site_words(const tn_site_page *p, const tn_site_shown *row, tn_buf *out, tn_error *err)
{
    char size[24], change[32], words[160], counts[40] = "";
    uint64_t count = tn__site_count(row->count), old = tn__site_count(row->old_count);
    const tn_site_shown *r = row;
    tn_format_bytes((uint64_t)(r->bytes > 0 ? r->bytes : 0), size, sizeof size);
    int n = snprintf(words, sizeof words, ": size=%s", size);
    if (p->old) {
        n += snprintf(words + n, sizeof words - (size_t)n, " (%s)",
                      tn__site_signed((double)(r->bytes - r->old_bytes), change, sizeof change));
        snprintf(counts, sizeof counts, " (%+" PRId64 ")", (int64_t)(count - old));
    }
    tn_format_bytes(count ? tn__site_whole((double)r->bytes / r->count + 0.5) : 0, size, sizeof size);
    n += snprintf(words + n, sizeof words - (size_t)n, ", count=%" PRIu64 "%s, average=%s", count, counts, size);
    out->size = 0;
    if (tn__buf_append(out, r->label, strlen(r->label)) < 0 || tn__buf_append(out, words, (size_t)n + 1) < 0)
        return tn__no_memory(p->snapshot, err);
    return TN_OK;
}

/* ---- order ---- */

enum column {
    BY_SIZE,
    BY_COUNT,
    BY_AVERAGE,
    BY_CHANGE,
    BY_SLOPE,
    BY_RETAINED,
    BY_ALLOCATED,
    BY_FREED,
    BY_NAME,
    COLUMNS
};

/* Numbers of any sign in an order of unsigned ones. */
static uint64_t key(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? ~(uint64_t)bits : (uint64_t)bits | 1ull << 63;
}

/* By what it keeps at least; where that may be nothing, by what it seems to. */
static double steadiness(const tn_site_ages *ages)
{
    return ages->range.low > 0 ? ages->range.low : -1 / (1 + ages->slope);
}

static double number_of(const tn_site_page *p, const tn_site_pair *pair, enum column column)
{
    enum tn_sites_what what = p->asked.what;
    double bytes = pair->now ? (double)pair->now->bytes[what] : 0, count = pair->now ? pair->now->count[what] : 0;
    switch (column) {
    case BY_COUNT: return count;
    case BY_AVERAGE: return count > 0 ? bytes / count : 0;
    case BY_CHANGE: return fabs(bytes - (pair->old ? (double)pair->old->bytes[what] : 0));
    case BY_SLOPE: return steadiness(&p->cohorts.rows[pair->now - tn__sites_at(&p->now, 0)]);
    case BY_RETAINED: return pair->now ? (double)pair->now->retained : 0;
    case BY_ALLOCATED: return pair->now ? (double)pair->now->bytes[TN_SITES_ALLOCATED] : 0;
    case BY_FREED: return pair->now ? (double)tn__site_freed(pair->now) : 0;
    default: return bytes;
    }
}

/* The columns that a page has; what it is in order of where nothing is asked comes first. */
static size_t columns_of(const tn_site_page *p, const char *names[COLUMNS], enum column columns[COLUMNS])
{
    static const char *const words[COLUMNS] = {"size",     "count",     "average", "change", "slope",
                                               "retained", "allocated", "freed",   "name"};
    enum column first = p->cohorts.rows                        ? BY_SLOPE
                        : p->old                               ? BY_CHANGE
                        : p->asked.retained                    ? BY_RETAINED
                        : p->asked.page == TN_SITES_SOON_FREED ? BY_COUNT
                                                               : BY_SIZE;
    size_t n = 0;
    columns[n++] = first;
    for (enum column c = BY_SIZE; c < COLUMNS; c++) {
        bool there = c == BY_CHANGE                       ? p->old != NULL
                     : c == BY_SLOPE                      ? p->cohorts.rows != NULL
                     : c == BY_RETAINED                   ? p->asked.retained
                     : c == BY_ALLOCATED || c == BY_FREED ? tn__site_knows_ever(p)
                                                          : true;
        if (there && c != first)
            columns[n++] = c;
    }
    for (size_t i = 0; i < n; i++)
        names[i] = words[columns[i]];
    return n;
}

static bool below(const tn_selection *sel, const tn_site_page *p, const tn_site_pair *pair)
{
    int64_t now = pair->now ? pair->now->bytes[p->asked.what] : 0,
            old = pair->old ? pair->old->bytes[p->asked.what] : 0;
    if (p->ever && pair->now)
        now = pair->now->bytes[TN_SITES_ALLOCATED];
    uint64_t most = (uint64_t)(now > old ? now : old);
    return sel && !tn__selection_row(sel, "", "", &most);
}

static bool to_show(const tn_site_page *p, const tn_site_pair *pair)
{
    enum tn_sites_what what = p->asked.what;
    if (p->ever)
        what = TN_SITES_ALLOCATED;
    bool now = pair->now && (pair->now->bytes[what] || pair->now->count[what] > 0);
    bool old = pair->old && (pair->old->bytes[what] || pair->old->count[what] > 0);
    return now || old;
}

static int put_in_order(tn_site_page *p, const tn_selection *sel, tn_error *err)
{
    const char *names[COLUMNS];
    enum column columns[COLUMNS];
    size_t n = columns_of(p, names, columns), chosen;
    bool descending;
    TN_TRY(tn__order_parse(p->o->sort, names, n, n - 1, &chosen, &descending, err));
    p->ever = columns[chosen] == BY_ALLOCATED || columns[chosen] == BY_FREED;
    for (size_t i = 0; i < p->pairs.n; i++) {
        const tn_site_pair *pair = &p->pairs.rows[i];
        if (!to_show(p, pair))
            continue;
        if (below(sel, p, pair)) {
            p->n_filtered++;
            continue;
        }
        bool named = columns[chosen] == BY_NAME;
        p->order[p->n_rows++] = (tn_order_key){
            .number = named ? 0 : key(number_of(p, pair, columns[chosen])), .text = named ? pair->label : "", .row = i};
    }
    tn__order_sort(p->order, p->n_rows, descending);
    return TN_OK;
}

static int choose_rows(tn_site_page *p, tn_error *err)
{
    const tn_alloc *a = p->now.alloc;
    tn_selection sel;
    bool selects = p->o->where_rows && *p->o->where_rows;
    p->order = tn__alloc(a, p->pairs.n * sizeof *p->order);
    if (!p->order)
        return tn__no_memory(p->snapshot, err);
    if (selects)
        TN_TRY(tn__selection_parse(a, p->o->where_rows, NULL, 1 << TN_COND_SIZE, &sel, err));
    int status = put_in_order(p, selects ? &sel : NULL, err);
    if (selects)
        tn__selection_free(&sel);
    return status;
}

static int show_rows(tn_site_page *p, tn_error *err)
{
    p->n_shown = p->o->limit && p->o->limit < p->n_rows ? p->o->limit : p->n_rows;
    p->n_room = p->n_shown;
    p->n_more = p->n_rows - p->n_shown;
    p->shown = tn__alloc(p->now.alloc, p->n_room * sizeof *p->shown);
    if (!p->shown)
        return tn__no_memory(p->snapshot, err);
    for (size_t i = 0; i < p->n_shown; i++)
        TN_TRY(fill(p, &p->pairs.rows[p->order[i].row], &p->shown[i], err));
    return TN_OK;
}

/* ---- a page ---- */

static int selected(tn_snapshot *s, const tn_view_options *o, const tn_set *set, tn_set **out, tn_error *err)
{
    *out = NULL;
    if ((!o->where || !*o->where) && !set)
        return TN_OK;
    return tn__set_selected(s, &(tn_view_options){.where = o->where, .set = set}, out, err);
}

static int make_table(tn_site_page *p, tn_snapshot *s, const tn_set *set, tn_sites *out, tn_error *err)
{
    tn_set *within;
    TN_TRY(selected(s, p->o, set, &within, err));
    int status = tn__sites_make(s, &p->asked, within, out, err);
    tn_set_free(within);
    return status;
}

static int make(tn_site_page *p, tn_error *err)
{
    TN_TRY(make_table(p, p->snapshot, p->o->set, &p->now, err));
    if (p->old)
        TN_TRY(make_table(p, p->old, p->o->old_set, &p->before, err));
    p->sampled = p->now.sampled || (p->old && p->before.sampled);
    if (p->asked.page == TN_SITES_CREATORS)
        return tn__site_tree(p, err);
    if (p->asked.retained)
        TN_TRY(tn__sites_retained(&p->now, err));
    if (p->asked.page == TN_SITES_SURVIVORS)
        TN_TRY(tn__cohorts_make(&p->now, &p->cohorts, err));
    TN_TRY(tn__site_pairs_make(&p->now, p->old ? &p->before : NULL, &p->pairs, err));
    TN_TRY(choose_rows(p, err));
    TN_TRY(show_rows(p, err));
    return fill(p, &p->pairs.total, &p->total, err);
}

static void free_page(tn_site_page *p)
{
    const tn_alloc *a = tn__snapshot_alloc(p->snapshot);
    tn__free(a, p->order, p->order ? p->pairs.n * sizeof *p->order : 0);
    tn__free(a, p->shown, p->shown ? p->n_room * sizeof *p->shown : 0);
    if (p->pairs.alloc)
        tn__site_pairs_free(&p->pairs);
    if (p->cohorts.rows)
        tn__cohorts_free(&p->cohorts);
    tn__arena_free(&p->labels);
    if (p->before.alloc)
        tn__sites_free(&p->before);
    if (p->now.alloc)
        tn__sites_free(&p->now);
}

static int write_page(tn_site_page *p, tn_out *out, tn_json *j, tn_error *err)
{
    tn__arena_init(&p->labels, tn__snapshot_alloc(p->snapshot));
    int status = make(p, err);
    if (status == TN_OK)
        status = p->o->form == TN_JSON ? tn__site_json_page(p, j, err) : tn__site_text_page(p, out, err);
    free_page(p);
    return tn__memory_told(p->snapshot, status, err);
}

/* ---- pages, in order of time ---- */

typedef struct tn_dated {
    tn_snapshot *snapshot;
    const char *name;
    uint64_t wall_ns, identity, pid;
    size_t at;
} tn_dated;

static int earlier(const void *left, const void *right)
{
    const tn_dated *a = left, *b = right;
    if (a->wall_ns != b->wall_ns)
        return a->wall_ns < b->wall_ns ? -1 : 1;
    return a->at < b->at ? -1 : 1;
}

/* Sorted, each file once, where that is asked for; returns how many are left. *processes: how many they are of. *undated: one
 * does not say when it was taken, and they stay as they are. */
static size_t put_in_time(tn_dated *all, size_t n, bool sorted, size_t *processes, bool *undated)
{
    size_t left = 0;
    *undated = false;
    for (size_t i = 0; i < n; i++)
        *undated |= sorted && !all[i].wall_ns;
    if (sorted && !*undated)
        qsort(all, n, sizeof *all, earlier);
    *processes = 0;
    for (size_t i = 0; i < n; i++) {
        bool again = false, known = false;
        for (size_t k = 0; k < left; k++) {
            again |= sorted && all[k].identity == all[i].identity;
            known |= all[k].pid == all[i].pid;
        }
        *processes += !again && !known;
        if (!again)
            all[left++] = all[i];
    }
    return left;
}

static void date(tn_snapshot *const *snapshots, size_t n, const tn_view_options *o, tn_dated *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (tn_dated){.snapshot = snapshots[i], .name = o->files ? o->files[i] : NULL, .at = i};
        out[i].identity = tn__snapshot_identity(snapshots[i]);
        tn__fact_u64(snapshots[i], "capture.wall_time_ns", &out[i].wall_ns);
        tn__fact_u64(snapshots[i], "process.pid", &out[i].pid);
    }
}

static enum tn_sites_what what_of(enum tn_sites_page page)
{
    return page == TN_SITES_AT_PEAK ? TN_SITES_PEAK : page == TN_SITES_SOON_FREED ? TN_SITES_TEMPORARY : TN_SITES_LIVE;
}

typedef struct tn_site_run {
    const tn_view_options *o;
    tn_sites_options asked;
    tn_out *out;
    tn_json *j;
    size_t processes;
    bool undated;
} tn_site_run;

static int one_page(const tn_site_run *run, const tn_dated *now, const tn_dated *old, tn_error *err)
{
    tn_site_page p = {.o = run->o, .asked = run->asked, .snapshot = now->snapshot};
    if (old) {
        p.old = old->snapshot;
        p.old_name = old->name;
    }
    return write_page(&p, run->out, run->j, err);
}

static int json_pages(const tn_site_run *run, const tn_dated *all, size_t n, tn_error *err)
{
    tn_json *j = run->j;
    tn__json_start(j, run->out, tn_sites_page_names[run->asked.page]);
    if (n <= 2)
        TN_TRY(one_page(run, &all[n - 1], n > 1 ? &all[0] : NULL, err));
    if (n > 2)
        tn__json_open(j, "tables", '[');
    for (size_t i = 1; n > 2 && i < n; i++) {
        tn__json_open(j, NULL, '{');
        TN_TRY(one_page(run, &all[i], &all[run->asked.first ? 0 : i - 1], err));
        tn__json_close(j, '}');
    }
    if (n > 2)
        tn__json_close(j, ']');
    tn__json_close(j, '}');
    tn__out_text(run->out, "\n");
    return TN_OK;
}

static int text_pages(const tn_site_run *run, const tn_dated *all, size_t n, tn_error *err)
{
    if (run->processes > 1)
        tn__out_format(run->out, "note: the snapshots are of %zu processes\n\n", run->processes);
    if (n > 1 && run->undated)
        tn__out_text(run->out,
                     "note: one of the snapshots does not say when it was taken; they are in the order given\n\n");
    if (n == 1)
        return one_page(run, &all[0], NULL, err);
    for (size_t i = 1; i < n; i++) {
        TN_TRY(one_page(run, &all[i], &all[run->asked.first ? 0 : i - 1], err));
        tn__out_text(run->out, i + 1 < n ? "\n" : "");
    }
    return TN_OK;
}

/* The page is whole before a byte of it is written. */
typedef struct tn_pages {
    tn_buf text;
    bool full;
} tn_pages;

static bool keep(void *ctx, const char *text, size_t n)
{
    tn_pages *p = ctx;
    p->full |= tn__buf_append(&p->text, text, n) < 0;
    return !p->full;
}

static int write_pages(tn_dated *all, size_t n, const tn_view_options *o, tn_pages *pages, tn_error *err)
{
    tn_out out;
    tn_json j;
    tn_sink sink = {keep, pages};
    tn_site_run run = {.o = o, .out = &out, .j = &j};
    if (o->sites)
        run.asked = *o->sites;
    if ((unsigned)run.asked.page >= TN_SITES_PAGES)
        return tn__error_set(err, TN_EINVAL, 0, "there is no such page of sites");
    run.asked.what = what_of(run.asked.page);
    tn__out_init(&out, &sink);
    n = put_in_time(all, n, run.asked.by_time, &run.processes, &run.undated);
    if (n > 1 && (run.asked.page == TN_SITES_CREATORS || run.asked.page == TN_SITES_SURVIVORS))
        return tn__error_set(err, TN_EINVAL, 0, "%s is of one snapshot", tn_sites_page_names[run.asked.page]);
    TN_TRY(o->form == TN_JSON ? json_pages(&run, all, n, err) : text_pages(&run, all, n, err));
    return tn__out_end(&out, err);
}

int tn_view_sites(tn_snapshot *const *snapshots, size_t n, const tn_view_options *options, const tn_sink *sink,
                  tn_error *err)
{
    if (!n)
        return tn__error_set(err, TN_EINVAL, 0, "sites are those of one snapshot or more");
    const tn_alloc *a = tn__snapshot_alloc(snapshots[n - 1]);
    tn_dated *all = tn__alloc(a, n * sizeof *all);
    tn_pages pages = {.full = false};
    tn_out out;
    if (!all)
        return tn__no_memory(snapshots[n - 1], err);
    tn__buf_init(&pages.text, a);
    date(snapshots, n, options, all);
    int status = write_pages(all, n, options, &pages, err);
    if (pages.full)
        status = tn__no_memory(snapshots[n - 1], err);
    if (status == TN_OK) {
        tn__out_init(&out, sink);
        tn__out_bytes(&out, (const char *)pages.text.data, pages.text.size);
        status = tn__out_end(&out, err);
    }
    tn__buf_free(&pages.text);
    tn__free(a, all, n * sizeof *all);
    return status;
}
