/* largest.c - the biggest single objects with a running total. */
#include "view/made_at.h"
#include "view/summary.h"

#include <inttypes.h>

enum tn_largest_column { BY_SIZE, BY_ADDRESS, BY_TYPE, BY_PREVIEW };

typedef struct tn_largest {
    tn_snapshot *snapshot;
    tn_top top;
    tn_order_key *order; /* one a row of top; NULL: top's own order */
    tn_buf preview, texts;
    bool sited; /* the file knows who allocated */
} tn_largest;

static const tn_top_row *row_at(const tn_largest *l, size_t i)
{
    return &l->top.rows[l->order ? l->order[i].row : i];
}

/* Address, type and preview only: tn_node_get would load every column and all references for twenty rows. */
static int row_of(tn_largest *l, size_t i, uint64_t *address, tn_type *type, tn_error *err)
{
    const tn_top_row *row = row_at(l, i);
    TN_TRY(tn__snapshot_addresses(l->snapshot, err));
    TN_TRY(tn_snapshot_type(l->snapshot, tn__snapshot_shapes(l->snapshot)[row->shape].type, type));
    TN_TRY(tn__preview_into(l->snapshot, row->id, &l->preview, err));
    *address = tn__snapshot_address(l->snapshot, row->id);
    return TN_OK;
}

/* The biggest objects stay the same ones; only their order changes. Objects stand in the file in order of address. */
static int make_order(tn_largest *l, enum tn_largest_column column, bool descending, tn_error *err)
{
    size_t n = l->top.n_rows;
    l->order = tn__alloc_zero(l->top.alloc, n * sizeof *l->order);
    if (!l->order)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (size_t i = 0; i < n; i++) {
        uint64_t address;
        tn_type type;
        l->order[i] = (tn_order_key){.text = "", .row = i};
        if (column == BY_ADDRESS)
            l->order[i].number = l->top.rows[i].id;
        if (column == BY_ADDRESS)
            continue;
        TN_TRY(row_of(l, i, &address, &type, err));
        l->order[i].text = type.full_name;
        l->order[i].number = column == BY_PREVIEW ? l->texts.size : 0;
        if (column == BY_PREVIEW && tn__buf_append(&l->texts, l->preview.data, l->preview.size + 1) < 0)
            return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    }
    for (size_t i = 0; column == BY_PREVIEW && i < n; i++) /* offsets become texts, which move no more */
        l->order[i] = (tn_order_key){.text = (const char *)l->texts.data + l->order[i].number, .row = i};
    tn__order_sort(l->order, n, descending);
    return TN_OK;
}

static int fill_table(tn_largest *l, tn_table *t, tn_error *err)
{
    uint64_t running = 0;
    for (size_t i = 0; i < l->top.n_rows; i++) {
        uint64_t address;
        tn_type type;
        TN_TRY(row_of(l, i, &address, &type, err));
        running += row_at(l, i)->bytes;
        tn__table_u64(t, i);
        tn__table_bytes(t, row_at(l, i)->bytes);
        tn__table_pct(t, row_at(l, i)->bytes, l->top.bytes);
        tn__table_bytes(t, running);
        tn__table_pct(t, running, l->top.bytes);
        tn__table_hex(t, address);
        tn__table_text(t, type.full_name);
        if (l->sited)
            TN_TRY(tn__made_object_cell(t, l->snapshot, row_at(l, i)->id,
                                        tn__snapshot_shapes(l->snapshot)[row_at(l, i)->shape].type, err));
        tn__table_text(t, (const char *)l->preview.data);
    }
    return t->status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
}

static int write_text(tn_largest *l, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"Index", true, 0}, {"Size", true, 0}, {"%", true, 1},     {"Total", true, 2},
        {"%", true, 2},     {"at", false, 0},  {"Type", false, 0}, {"Preview", false, 0},
    };
    static const tn_table_column with_sites[] = {
        {"Index", true, 3}, {"Size", true, 0},  {"%", true, 1},        {"Total", true, 2},    {"%", true, 2},
        {"at", false, 0},   {"Type", false, 0}, {"Made at", false, 0}, {"Preview", false, 0},
    };
    tn_table t;
    tn__table_init(&t, l->top.alloc, l->sited ? with_sites : columns,
                   l->sited ? sizeof with_sites / sizeof *with_sites : sizeof columns / sizeof *columns);
    int status = fill_table(l, &t, err);
    if (status == TN_OK) {
        char size[24];
        tn__heading_print(l->snapshot, out, o);
        tn__out_format(out, "%" PRIu64 " object%s, %s\n\n", l->top.count, l->top.count == 1 ? "" : "s",
                       tn_format_bytes(l->top.bytes, size, sizeof size));
        tn__table_print(&t, out, o);
        tn__out_wrap(out, o->width);
        if (l->top.count > l->top.n_rows)
            tn__out_format(out, "<%" PRIu64 " more objects; use --limit N to see more, --limit 0 for all>\n",
                           l->top.count - l->top.n_rows);
        tn__out_unwrap(out);
    }
    tn__table_free(&t);
    return status;
}

static int write_json(tn_largest *l, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const char *const columns[] = {"size",    "size_pct", "cum_size", "cum_pct",
                                          "address", "type",     "preview",  "site"};
    tn_json j;
    uint64_t running = 0;
    tn__json_start(&j, out, "largest");
    tn__json_string(&j, "where", o->where);
    tn__against_json(o, &j);
    tn__json_strings(&j, "columns", columns, sizeof columns / sizeof *columns - !l->sited);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "size", "bytes");
    tn__json_string(&j, "size_pct", "percent");
    tn__json_string(&j, "cum_size", "bytes");
    tn__json_string(&j, "cum_pct", "percent");
    tn__json_string(&j, "address", "address");
    tn__json_close(&j, '}');
    tn__json_open(&j, "rows", '[');
    for (size_t i = 0; i < l->top.n_rows; i++) {
        uint64_t address;
        tn_type type;
        TN_TRY(row_of(l, i, &address, &type, err));
        running += row_at(l, i)->bytes;
        tn__json_line(&j);
        tn__json_open(&j, NULL, '{');
        tn__json_u64(&j, "size", row_at(l, i)->bytes);
        tn__json_pct(&j, "size_pct", row_at(l, i)->bytes, l->top.bytes);
        tn__json_u64(&j, "cum_size", running);
        tn__json_pct(&j, "cum_pct", running, l->top.bytes);
        tn__json_hex(&j, "address", address);
        tn__json_string(&j, "type", type.full_name);
        tn__json_string(&j, "preview", l->preview.size ? (const char *)l->preview.data : NULL);
        if (l->sited)
            TN_TRY(tn__birth_json(l->snapshot, row_at(l, i)->id, &j, err));
        tn__json_close(&j, '}');
    }
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__json_open(&j, "total", '{');
    tn__json_u64(&j, "count", l->top.count);
    tn__json_u64(&j, "size", l->top.bytes);
    tn__json_close(&j, '}');
    tn__json_u64(&j, "more", l->top.count - l->top.n_rows);
    tn__info_json(&j, l->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

static int compute(tn_largest *l, const tn_view_options *o, tn_error *err)
{
    static const char *const names[] = {"size", "address", "type", "preview"};
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(o->sort, names, sizeof names / sizeof *names, 1, &column, &descending, err));
    TN_TRY(tn__top(l->snapshot, o, column == BY_SIZE && !descending, &l->top, err));
    return column == BY_SIZE ? TN_OK : make_order(l, (enum tn_largest_column)column, descending, err);
}

int tn_view_largest(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_largest l = {.snapshot = s, .top.alloc = tn__snapshot_alloc(s), .sited = tn__sites_there(s)};
    tn__buf_init(&l.preview, l.top.alloc);
    tn__buf_init(&l.texts, l.top.alloc);
    tn_out out;
    tn_view_options o;
    tn_diff *made;
    tn__out_init(&out, sink);
    int status = tn__against(s, options, &o, &made, err);
    if (status == TN_OK)
        status = compute(&l, &o, err);
    if (status == TN_OK)
        status = o.form == TN_JSON ? write_json(&l, &o, &out, err) : write_text(&l, &o, &out, err);
    if (status == TN_OK)
        status = tn__out_end(&out, err);
    status = tn__memory_told(s, status, err);
    tn__free(l.top.alloc, l.order, l.order ? l.top.n_rows * sizeof *l.order : 0);
    tn__buf_free(&l.texts);
    tn__buf_free(&l.preview);
    tn__top_free(&l.top);
    tn_diff_close(made);
    return status;
}
