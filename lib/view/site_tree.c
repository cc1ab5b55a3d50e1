/* site_tree.c - creators: who allocated most, below each line those that called it there, and so on to the bottom of the stack.
 *
 * Each stack that counts has a place on its way outwards. A level is the places of one row of the level below, each one step
 * further out, in order of line: what is asked is linear in the stacks for each level, however many rows there are. The rows of
 * all levels stand one after another, each behind the one that it is below, so that no page needs a tree.
 */
#include "view/site_page.h"

#include <string.h>

enum { DEPTH = 3, MOST = 64 };
enum column { BY_SIZE, BY_COUNT, BY_NAME };

/* Places of a line: w->places[first], … */
typedef struct tn_run {
    size_t first, n;
} tn_run;

typedef struct tn_level {
    tn_order_key *order; /* of runs */
    tn_run *runs;
    size_t n, at;
} tn_level;

typedef struct tn_walk_out {
    tn_site_page *page;
    tn_site_keys lines;
    tn_site_sum *stacks;         /* an entry: what counts of it */
    tn_sort_item *places, *room; /* value: the line; at: place_of(stack, where it has been followed to) */
    size_t n_places;
    tn_level levels[MOST];
    uint32_t depth; /* levels that are open */
    enum column column;
    bool descending;
    tn_buf rows; /* tn_site_shown */
} tn_walk_out;

static size_t place_of(uint32_t stack, uint32_t at)
{
    return (size_t)stack << 32 | at;
}

static tn_site_sum sum_of(const tn_walk_out *w, tn_run run)
{
    tn_site_sum sum = {0};
    for (size_t i = run.first; i < run.first + run.n; i++)
        tn__site_merge(&sum, &w->stacks[w->places[i].at >> 32]);
    return sum;
}

static int label_of(tn_walk_out *w, tn_run run, const char **label, tn_error *err)
{
    tn_buf text;
    tn__buf_init(&text, w->page->now.alloc);
    w->lines.behind = w->depth > 1 || w->page->asked.n_from;
    int status = tn__site_label(&w->lines, (uint32_t)w->places[run.first].value, &text, err);
    if (status == TN_OK) {
        *label = tn__arena_text(&w->page->labels, (const char *)text.data, text.size - 1);
        status = *label ? TN_OK : tn__no_memory(w->page->snapshot, err);
    }
    tn__buf_free(&text);
    return status;
}

/* ---- levels ---- */

static int order_level(tn_walk_out *w, tn_level *l, tn_error *err)
{
    for (size_t i = 0; i < l->n; i++) {
        tn_site_sum sum = sum_of(w, l->runs[i]);
        uint64_t number = w->column == BY_SIZE    ? (uint64_t)sum.bytes[TN_SITES_LIVE]
                          : w->column == BY_COUNT ? tn__site_count(sum.count[TN_SITES_LIVE])
                                                  : 0;
        l->order[i] = (tn_order_key){number, "", i};
        if (w->column == BY_NAME)
            TN_TRY(label_of(w, l->runs[i], &l->order[i].text, err));
    }
    tn__order_sort(l->order, l->n, w->descending);
    return TN_OK;
}

static void close_level(tn_walk_out *w)
{
    tn_level *l = &w->levels[--w->depth];
    tn__free(w->page->now.alloc, l->order, l->order ? l->n * sizeof *l->order : 0);
    tn__free(w->page->now.alloc, l->runs, l->runs ? l->n * sizeof *l->runs : 0);
}

/* Same lines together. */
static void sort_places(tn_walk_out *w, tn_run all)
{
    tn_sort_item *from = w->places + all.first;
    uint64_t differing = 0;
    for (size_t i = 1; i < all.n; i++)
        differing |= from[i].value ^ from[0].value;
    if (tn__radix_sort(from, w->room, all.n, differing) != from)
        memcpy(from, w->room, all.n * sizeof *from);
}

static size_t find_runs(const tn_walk_out *w, tn_run all, tn_run *runs)
{
    size_t n = 0;
    for (size_t i = all.first; i < all.first + all.n; i++) {
        if (i == all.first || w->places[i].value != w->places[i - 1].value) {
            if (runs)
                runs[n] = (tn_run){i, 0};
            n++;
        }
        if (runs)
            runs[n - 1].n++;
    }
    return n;
}

static int open_level(tn_walk_out *w, tn_run all, tn_error *err)
{
    const tn_alloc *a = w->page->now.alloc;
    tn_level *l = &w->levels[w->depth++];
    sort_places(w, all);
    *l = (tn_level){.n = find_runs(w, all, NULL)};
    l->order = tn__alloc(a, l->n * sizeof *l->order);
    l->runs = tn__alloc(a, l->n * sizeof *l->runs);
    if (!l->order || !l->runs)
        return tn__no_memory(w->page->snapshot, err);
    find_runs(w, all, l->runs);
    return order_level(w, l, err);
}

/* To those that called the places of a row. */
static int step_out(tn_walk_out *w, tn_run run, tn_error *err)
{
    for (size_t i = run.first; i < run.first + run.n; i++) {
        tn_sort_item *place = &w->places[i];
        uint32_t at = (uint32_t)place->at;
        TN_TRY(tn__site_caller(w->page->snapshot, at, &at, err));
        *place = (tn_sort_item){w->lines.group_of[at], place_of((uint32_t)(place->at >> 32), at)};
    }
    return TN_OK;
}

/* ---- rows ---- */

static int add_row(tn_walk_out *w, tn_site_shown row, const tn_site_sum *sum, tn_error *err)
{
    row.bytes = sum->bytes[TN_SITES_LIVE];
    row.count = sum->count[TN_SITES_LIVE];
    row.range = tn__sites_interval(&w->page->now, sum, TN_SITES_LIVE);
    row.retained = TN_UNKNOWN;
    row.depth = w->depth - 1;
    row.table = &w->page->now;
    return tn__buf_append(&w->rows, &row, sizeof row) < 0 ? tn__no_memory(w->page->snapshot, err) : TN_OK;
}

static int add_line(tn_walk_out *w, tn_run run, uint32_t line, tn_error *err)
{
    uint32_t entry = tn__site_example(&w->lines, line);
    tn_site_sum sum = sum_of(w, run);
    tn_site_shown row = {.entry = entry, .frame = {.name = "", .qualified_name = "", .file = ""}};
    TN_TRY(label_of(w, run, &row.label, err));
    if (entry)
        TN_TRY(tn__site_frame(&w->lines, line, &row.frame, err));
    return add_row(w, row, &sum, err);
}

/* What the limit leaves out of a level, as one line below its rows. */
static int add_rest(tn_walk_out *w, const tn_level *l, tn_error *err)
{
    tn_site_page *p = w->page;
    tn_site_sum rest = {0};
    char text[40];
    for (size_t i = l->at; i < l->n; i++) {
        tn_site_sum sum = sum_of(w, l->runs[l->order[i].row]);
        tn__site_merge(&rest, &sum);
    }
    tn_site_shown row = {.more = l->n - l->at};
    p->n_more += row.more;
    tn__compose(text, sizeof text, "<%zu more>", row.more);
    row.label = tn__arena_text(&p->labels, text, strlen(text));
    return row.label ? add_row(w, row, &rest, err) : tn__no_memory(p->snapshot, err);
}

static int walk(tn_walk_out *w, uint32_t depth, tn_error *err)
{
    uint32_t limit = w->page->o->limit;
    TN_TRY(open_level(w, (tn_run){0, w->n_places}, err));
    while (w->depth) {
        tn_level *l = &w->levels[w->depth - 1];
        if (l->at == l->n || (limit && l->at == limit)) {
            if (l->at < l->n)
                TN_TRY(add_rest(w, l, err));
            close_level(w);
            continue;
        }
        tn_run run = l->runs[l->order[l->at++].row];
        uint32_t line = (uint32_t)w->places[run.first].value;
        TN_TRY(add_line(w, run, line, err));
        if (w->depth == depth || !tn__site_example(&w->lines, line))
            continue;
        TN_TRY(step_out(w, run, err));
        TN_TRY(open_level(w, run, err));
    }
    return TN_OK;
}

/* ---- all ---- */

/* Where the stacks that count begin: at their innermost frames, or where --from has followed them to. */
static int find_places(tn_walk_out *w, tn_error *err)
{
    tn_sites *t = &w->page->now;
    const tn_alloc *a = t->alloc;
    size_t n = t->keys.n_entries;
    TN_TRY(tn__site_keys_make(w->page->snapshot, TN_SITES_LINE, NULL, &w->lines, err));
    w->stacks = tn__alloc_zero(a, n * sizeof *w->stacks);
    w->places = tn__alloc(a, n * sizeof *w->places);
    w->room = tn__alloc(a, n * sizeof *w->room);
    if (!w->stacks || !w->places || !w->room)
        return tn__no_memory(w->page->snapshot, err);
    TN_TRY(tn__sites_by_stack(t, w->stacks, err));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = t->at ? t->at[i] : i;
        const tn_site_sum *sum = &w->stacks[i];
        if (at != TN_NONE && (sum->bytes[TN_SITES_LIVE] || sum->count[TN_SITES_LIVE] > 0))
            w->places[w->n_places++] = (tn_sort_item){w->lines.group_of[at], place_of(i, at)};
    }
    return TN_OK;
}

static void free_walk(tn_walk_out *w)
{
    const tn_alloc *a = w->page->now.alloc;
    size_t n = w->page->now.keys.n_entries;
    while (w->depth)
        close_level(w);
    tn__site_keys_free(&w->lines);
    tn__free(a, w->stacks, w->stacks ? n * sizeof *w->stacks : 0);
    tn__free(a, w->places, w->places ? n * sizeof *w->places : 0);
    tn__free(a, w->room, w->room ? n * sizeof *w->room : 0);
    tn__buf_free(&w->rows);
    tn__free(a, w, sizeof *w);
}

static int take_rows(tn_site_page *p, tn_walk_out *w, tn_error *err)
{
    p->n_shown = p->n_room = w->rows.size / sizeof *p->shown;
    p->shown = tn__alloc(p->now.alloc, p->n_room * sizeof *p->shown);
    if (!p->shown)
        return tn__no_memory(p->snapshot, err);
    if (p->n_room)
        memcpy(p->shown, w->rows.data, w->rows.size);
    p->total = (tn_site_shown){.label = "total",
                               .bytes = p->now.total.bytes[TN_SITES_LIVE],
                               .count = p->now.total.count[TN_SITES_LIVE],
                               .range = tn__sites_interval(&p->now, &p->now.total, TN_SITES_LIVE),
                               .retained = TN_UNKNOWN};
    return TN_OK;
}

int tn__site_tree(tn_site_page *p, tn_error *err)
{
    static const char *const columns[] = {[BY_SIZE] = "size", [BY_COUNT] = "count", [BY_NAME] = "name"};
    const tn_alloc *a = p->now.alloc;
    uint32_t depth = p->o->depth ? p->o->depth : DEPTH;
    size_t column;
    if (p->asked.by != TN_SITES_LINE || p->asked.cumulative || p->asked.retained)
        return tn__error_set(err, TN_EINVAL, 0, "creators are lines, and a row has what came through it alone");
    if (depth > MOST)
        return tn__error_set(err, TN_EINVAL, 0, "creators go at most %d levels out at once; --from goes on", MOST);
    tn_walk_out *w = tn__alloc_zero(a, sizeof *w);
    if (!w)
        return tn__no_memory(p->snapshot, err);
    w->page = p;
    tn__buf_init(&w->rows, a);
    int status = tn__order_parse(p->o->sort, columns, 3, BY_NAME, &column, &w->descending, err);
    if (status == TN_OK) {
        w->column = (enum column)column;
        status = find_places(w, err);
    }
    if (status == TN_OK)
        status = walk(w, depth, err);
    if (status == TN_OK)
        status = take_rows(p, w, err);
    free_walk(w);
    return status;
}
