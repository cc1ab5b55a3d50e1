/* suspects_page.c - tonnage suspects: what to look at first; and, parted, what retains most. */
#include "view/suspects_page.h"

const char *tn__finding_name(enum tn_finding_kind kind)
{
    static const char *const names[] = {
        [TN_FINDING_GARBAGE] = "garbage",      [TN_FINDING_LIST] = "gc_garbage", [TN_FINDING_FINALIZER] = "finalizers",
        [TN_FINDING_TRACEBACK] = "tracebacks", [TN_FINDING_FRAME] = "frames",    [TN_FINDING_SUSPENDED] = "suspended",
        [TN_FINDING_CELL] = "closures",        [TN_FINDING_TASK] = "tasks",
    };
    return names[kind];
}

static bool garbage_first(const tn_suspects *all)
{
    const tn_finding *f = tn__n_findings(all) ? tn__finding_at(all, 0) : NULL;
    return f && f->kind == TN_FINDING_GARBAGE && f->bytes >= all->top.bytes / 10 &&
           (!tn__n_suspects(all) || f->bytes > tn__suspect_at(all, 0)->bytes);
}

tn_shown tn__suspects_shown(const tn_suspects *all, const tn_view_options *o)
{
    size_t n = tn__n_suspects(all), others = tn__n_findings(all), room = o->limit ? o->limit : n + others;
    tn_shown shown = {.garbage_first = !o->sort && garbage_first(all)};
    room -= shown.garbage_first; /* which stands in the first place */
    shown.suspects = n < room ? n : room;
    room -= shown.suspects;
    others -= shown.garbage_first;
    shown.findings = shown.garbage_first + (others < room ? others : room);
    return shown;
}

/* ---- order ---- */

enum tn_suspect_column { BY_RETAINED, BY_COUNT, BY_KIND };

static void set_key(tn_order_key *key, enum tn_suspect_column column, uint64_t bytes, uint64_t count, const char *kind)
{
    key->number = column == BY_RETAINED ? bytes : column == BY_COUNT ? count : 0;
    key->text = column == BY_KIND ? kind : "";
}

/* Puts rows of one size in the order of keys. */
static int reorder(tn_buf *rows, size_t row_bytes, tn_order_key *keys, size_t n, bool descending)
{
    tn_buf sorted;
    tn__buf_init(&sorted, rows->alloc);
    if (tn__buf_reserve(&sorted, rows->size) < 0)
        return TN_ENOMEM;
    tn__order_sort(keys, n, descending);
    for (size_t i = 0; i < n; i++)
        (void)tn__buf_append(&sorted, rows->data + keys[i].row * row_bytes, row_bytes);
    tn__buf_free(rows);
    *rows = sorted;
    return TN_OK;
}

static int sort_all(tn_suspects *all, size_t column, bool descending, tn_error *err)
{
    size_t n = tn__n_suspects(all), others = tn__n_findings(all), most = n > others ? n : others;
    tn_order_key *keys = tn__alloc(all->alloc, most * sizeof *keys);
    if (!keys)
        return tn__no_memory(all->top.snapshot, err);
    for (size_t i = 0; i < n; i++) {
        const tn_suspect *one = tn__suspect_at(all, i);
        keys[i].row = i;
        set_key(&keys[i], (enum tn_suspect_column)column, one->bytes, one->count, one->type ? "type" : "object");
    }
    int status = reorder(&all->rows, sizeof(tn_suspect), keys, n, descending);
    for (size_t i = 0; i < others; i++) {
        const tn_finding *f = tn__finding_at(all, i);
        keys[i].row = i;
        set_key(&keys[i], (enum tn_suspect_column)column, f->bytes, f->count, tn__finding_name(f->kind));
    }
    if (status == TN_OK)
        status = reorder(&all->findings, sizeof(tn_finding), keys, others, descending);
    tn__free(all->alloc, keys, most * sizeof *keys);
    return status < 0 ? tn__no_memory(all->top.snapshot, err) : TN_OK;
}

/* ---- consumers ---- */

static bool is_consumer(const tn_suspects *all, const tn_set *within, uint32_t node)
{
    return tn__is_live_top(all, &all->top, node) && (!within || tn_set_has(within, node));
}

static int add_consumers(const tn_suspects *all, const tn_set *tops, tn_consumers *out, tn_error *err)
{
    const tn_dominators *d = all->top.tree;
    for (uint32_t id = 0; (id = tn_set_next(tops, id)) != TN_NONE; id++) {
        uint32_t place;
        TN_TRY(tn__place_of(&out->parting, id, &place, err));
        tn_place_sum *sum = &out->sums.rows[place];
        sum->rows++;
        sum->count += d->counts[id];
        sum->retained += d->retained[id];
        out->rows++;
        out->count += d->counts[id];
        out->retained += d->retained[id];
    }
    return TN_OK;
}

/* Groups of a hundredth of the heap or more stay, as many as are shown. */
static void cut_consumers(const tn_suspects *all, const tn_view_options *o, tn_consumers *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < out->sums.n; i++) {
        const tn_place_sum *row = &out->sums.rows[i];
        bool large = row->retained >= all->top.bytes / 100 && row->retained;
        if (large && (!o->limit || n < o->limit)) {
            out->sums.rows[n++] = *row;
            continue;
        }
        out->limited += large;
        out->limited_bytes += large ? row->retained : 0;
        out->more++;
        out->more_bytes += row->retained;
    }
    out->sums.n = n;
}

static int find_consumers(const tn_suspects *all, const tn_set *within, const tn_view_options *o, size_t column,
                          bool descending, tn_consumers *out, tn_error *err)
{
    static const enum tn_place_column columns[] = {TN_PLACE_RETAINED, TN_PLACE_COUNT, TN_PLACE_KIND};
    tn_set *tops;
    TN_TRY(tn_set_new(all->top.snapshot, &tops, err));
    for (uint32_t id = 0; id < all->top.graph.n_objects; id++)
        if (is_consumer(all, within, id))
            tn__set_add(tops, id);
    int status = tn__parting_open_tree(all->top.snapshot, tops, o->by, &out->parting, err);
    if (status == TN_OK)
        status = tn__place_sums_open(&out->parting, &out->sums, err);
    if (status == TN_OK)
        status = add_consumers(all, tops, out, err);
    tn_set_free(tops);
    TN_TRY(status);
    TN_TRY(tn__place_sums_sort(&out->sums, columns[column], descending, all->top.snapshot, err));
    cut_consumers(all, o, out);
    return TN_OK;
}

/* ---- the page ---- */

static int write_page(const tn_suspects *all, tn_consumers *consumers, const tn_view_options *o, const tn_sink *sink,
                      tn_error *err)
{
    tn_out out;
    tn_say w;
    tn__out_init(&out, sink);
    tn__say_init(&w, &all->top, o, &out, err);
    int status =
        o->form == TN_JSON ? tn__suspects_json(all, consumers, &w, o) : tn__suspects_text(all, consumers, &w, o);
    if (status == TN_OK)
        status = w.status;
    tn__say_free(&w);
    TN_TRY(status);
    return tn__out_end(&out, err);
}

int tn_view_suspects(tn_snapshot *s, const tn_view_options *o, const tn_sink *sink, tn_error *err)
{
    const char *const names[] = {"retained", "count", "kind"};
    tn_suspects all;
    tn_consumers consumers = {0};
    tn_set *selected = NULL;
    tn_view_options with;
    tn_diff *made;
    size_t column;
    bool descending;
    if (o->where_rows)
        return tn__error_set(err, TN_EINVAL, 0, "answers in words have no rows to select");
    TN_TRY(tn__order_parse(o->sort, names, 3, 2, &column, &descending, err));
    TN_TRY(tn__since(s, o, &with, &made, err));
    int status = o->where && *o->where ? tn__set_selected(s, &with, &selected, err) : TN_OK;
    tn_diff_close(made);
    const tn_set *within = selected ? selected : o->set;
    if (status == TN_OK)
        status = tn__suspects_make(s, o->against, within, o->fold, &all, err);
    if (status == TN_OK) {
        status = tn__heap_parts(s, &consumers.heap, err);
        if (status == TN_OK && o->sort)
            status = sort_all(&all, column, descending, err);
        if (status == TN_OK && o->grouped)
            status = find_consumers(&all, within, o, column, descending, &consumers, err);
        if (status == TN_OK)
            status = write_page(&all, &consumers, o, sink, err);
        tn__place_sums_close(&consumers.sums);
        tn__parting_close(&consumers.parting);
        tn__suspects_free(&all);
    }
    tn_set_free(selected);
    return status;
}
