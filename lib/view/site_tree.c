/* site_tree.c - creators: who allocated most, below each line those that called it there, and so on to the bottom of the stack.
 *
 * A level is a table of sites by the frame that comes after a path of lines. The rows of all levels stand one after another, each
 * behind the one that it is below, so that no page needs a tree.
 */
#include "view/site_page.h"

#include <string.h>

enum { DEPTH = 3, MOST = 64 };

typedef struct tn_level {
    tn_order_key *order;
    size_t n, at, n_keys;
    tn_sites table;
    tn_site_pairs pairs;
} tn_level;

typedef struct tn_walk_out {
    tn_site_page *page;
    tn_level levels[MOST];
    uint32_t depth; /* levels that are open */
    const char **path;
    tn_buf rows; /* tn_site_shown */
} tn_walk_out;

static int order_level(tn_walk_out *w, tn_level *l, tn_error *err)
{
    static const char *const names[] = {"size", "count", "name"};
    const tn_view_options *o = w->page->o;
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(o->sort, names, 3, 2, &column, &descending, err));
    l->n_keys = l->pairs.n;
    l->order = tn__alloc(l->table.alloc, l->n_keys * sizeof *l->order);
    if (!l->order)
        return tn__no_memory(w->page->snapshot, err);
    for (size_t i = 0; i < l->pairs.n; i++) {
        const tn_site_pair *pair = &l->pairs.rows[i];
        if (!pair->now->bytes[TN_SITES_LIVE] && !(pair->now->count[TN_SITES_LIVE] > 0))
            continue;
        uint64_t bytes = (uint64_t)pair->now->bytes[TN_SITES_LIVE];
        uint64_t number = column == 0 ? bytes : column == 1 ? tn__site_count(pair->now->count[TN_SITES_LIVE]) : 0;
        l->order[l->n++] = (tn_order_key){number, column == 2 ? pair->label : "", i};
    }
    tn__order_sort(l->order, l->n, descending);
    return TN_OK;
}

static void close_level(tn_walk_out *w)
{
    tn_level *l = &w->levels[--w->depth];
    tn__free(w->page->now.alloc, l->order, l->order ? l->n_keys * sizeof *l->order : 0);
    if (l->pairs.alloc)
        tn__site_pairs_free(&l->pairs);
    if (l->table.alloc)
        tn__sites_free(&l->table);
}

static int open_level(tn_walk_out *w, tn_error *err)
{
    tn_level *l = &w->levels[w->depth];
    tn_sites_options asked = w->page->asked;
    *l = (tn_level){.n = 0};
    asked.n_from += w->depth;
    asked.from = w->path;
    w->depth++;
    TN_TRY(tn__sites_make(w->page->snapshot, &asked, w->page->now.within, &l->table, err));
    TN_TRY(tn__site_pairs_make(&l->table, NULL, &l->pairs, err));
    return order_level(w, l, err);
}

static int add_row(tn_walk_out *w, const tn_level *l, tn_site_shown *row, tn_error *err)
{
    const tn_site_pair *pair = &l->pairs.rows[l->order[l->at].row];
    tn_site_page *p = w->page;
    TN_TRY(tn__site_fill(p, pair, &w->levels[w->depth - 1].table, row, err));
    row->pair = NULL; /* the table goes when its level is done */
    row->table = &p->now;
    row->depth = w->depth - 1;
    row->label = tn__arena_text(&p->labels, pair->label, strlen(pair->label));
    if (!row->label || tn__buf_append(&w->rows, row, sizeof *row) < 0)
        return tn__no_memory(p->snapshot, err);
    return TN_OK;
}

/* What the limit leaves out of a level, as one line below its rows. */
static int add_rest(tn_walk_out *w, const tn_level *l, tn_error *err)
{
    tn_site_page *p = w->page;
    tn_site_sum rest = {0};
    char text[40];
    for (size_t i = l->at; i < l->n; i++) {
        const tn_site_sum *sum = l->pairs.rows[l->order[i].row].now;
        rest.bytes[TN_SITES_LIVE] += sum->bytes[TN_SITES_LIVE];
        rest.count[TN_SITES_LIVE] += sum->count[TN_SITES_LIVE];
        tn__spread_merge(&rest.live, &sum->live);
    }
    tn_site_shown row = {
        .bytes = rest.bytes[TN_SITES_LIVE], .count = rest.count[TN_SITES_LIVE], .retained = TN_UNKNOWN};
    row.range = tn__sites_interval(&l->table, &rest, TN_SITES_LIVE);
    row.depth = w->depth - 1;
    row.more = l->n - l->at;
    p->n_more += row.more;
    tn__compose(text, sizeof text, "<%zu more>", row.more);
    row.label = tn__arena_text(&p->labels, text, strlen(text));
    if (!row.label || tn__buf_append(&w->rows, &row, sizeof row) < 0)
        return tn__no_memory(p->snapshot, err);
    return TN_OK;
}

/* The place of a row, and no other one. */
static int name_place(tn_walk_out *w, const tn_site_shown *row, tn_error *err)
{
    static const char no_line[] = ":0";
    size_t n = strlen(row->label);
    char *text = tn__arena_get(&w->page->labels, n + 1 + sizeof no_line);
    if (!text)
        return tn__no_memory(w->page->snapshot, err);
    text[0] = '=';
    memcpy(text + 1, row->label, n + 1);
    if (!row->frame.line)
        memcpy(text + 1 + n, no_line, sizeof no_line);
    w->path[w->page->asked.n_from + w->depth - 1] = text;
    return TN_OK;
}

static int walk(tn_walk_out *w, uint32_t depth, tn_error *err)
{
    uint32_t limit = w->page->o->limit;
    TN_TRY(open_level(w, err));
    while (w->depth) {
        tn_level *l = &w->levels[w->depth - 1];
        tn_site_shown row;
        if (l->at == l->n || (limit && l->at == limit)) {
            if (l->at < l->n)
                TN_TRY(add_rest(w, l, err));
            close_level(w);
            continue;
        }
        TN_TRY(add_row(w, l, &row, err));
        l->at++;
        if (w->depth == depth || !row.entry)
            continue;
        TN_TRY(name_place(w, &row, err));
        TN_TRY(open_level(w, err));
    }
    return TN_OK;
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
    const tn_alloc *a = p->now.alloc;
    uint32_t depth = p->o->depth ? p->o->depth : DEPTH;
    size_t n = p->asked.n_from + MOST;
    if (p->asked.by != TN_SITES_LINE || p->asked.cumulative || p->asked.retained)
        return tn__error_set(err, TN_EINVAL, 0, "creators are lines, and a row has what came through it alone");
    if (depth > MOST)
        return tn__error_set(err, TN_EINVAL, 0, "creators go at most %d levels out at once; --from goes on", MOST);
    tn_walk_out *w = tn__alloc_zero(a, sizeof *w);
    const char **path = tn__alloc_zero(a, n * sizeof *path);
    int status = w && path ? TN_OK : tn__no_memory(p->snapshot, err);
    if (status == TN_OK) {
        w->page = p;
        w->path = path;
        tn__buf_init(&w->rows, a);
        if (p->asked.n_from)
            memcpy(path, p->asked.from, p->asked.n_from * sizeof *path);
        status = walk(w, depth, err);
        while (w->depth)
            close_level(w);
        if (status == TN_OK)
            status = take_rows(p, w, err);
        tn__buf_free(&w->rows);
    }
    tn__free(a, path, n * sizeof *path);
    tn__free(a, w, sizeof *w);
    return status;
}
