/* info_rows.c - facts as rows: what `info` shows when it is asked to select or to sort. */
#include "view/info.h"

#include <inttypes.h>

enum { BY_SIZE, BY_NAME };

static int add_fact(tn_info_rows *rows, const tn_selection *sel, size_t i, size_t column, tn_error *err)
{
    tn_fact fact;
    char text[40];
    uint64_t bytes = 0;
    if (tn_snapshot_fact(rows->snapshot, i, &fact) < 0)
        return TN_OK;
    bool sized = tn__fact_bytes(&fact, &bytes);
    if (!tn__selection_row(sel, fact.key, tn__fact_value(&fact, text, sizeof text), sized ? &bytes : NULL))
        return TN_OK;
    tn_order_key key = {.number = column == BY_SIZE ? bytes : 0, .text = column == BY_NAME ? fact.key : "", .row = i};
    rows->n++;
    return tn__buf_append(&rows->keys, &key, sizeof key) < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory")
                                                             : TN_OK;
}

int tn__info_rows(tn_snapshot *s, const tn_view_options *o, tn_info_rows *rows, tn_error *err)
{
    static const char *const names[] = {"size", "name"};
    const tn_alloc *a = tn__snapshot_alloc(s);
    size_t column;
    bool descending;
    tn_selection sel;
    *rows = (tn_info_rows){.snapshot = s};
    tn__buf_init(&rows->keys, a);
    TN_TRY(tn__order_parse(o->sort, names, sizeof names / sizeof *names, BY_NAME, &column, &descending, err));
    TN_TRY(tn__selection_parse(a, o->where, o->where_rows, TN_SELECT_FACTS, &sel, err));
    int status = TN_OK;
    for (size_t i = 0; status == TN_OK && i < tn_snapshot_n_facts(s); i++)
        status = add_fact(rows, &sel, i, column, err);
    tn__selection_free(&sel);
    if (o->sort && status == TN_OK)
        tn__order_sort((tn_order_key *)(void *)rows->keys.data, rows->n, descending);
    rows->n_shown = o->limit && o->limit < rows->n ? o->limit : rows->n;
    return status;
}

void tn__info_rows_free(tn_info_rows *rows)
{
    tn__buf_free(&rows->keys);
}

static bool fact_at(const tn_info_rows *rows, size_t i, tn_fact *fact)
{
    const tn_order_key *keys = (const tn_order_key *)(const void *)rows->keys.data;
    return tn_snapshot_fact(rows->snapshot, keys[i].row, fact) == TN_OK;
}

int tn__info_rows_text(const tn_info_rows *rows, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {{"Fact", false, 0}, {"Value", false, 0}};
    char text[40];
    tn_fact fact;
    tn_table t;
    tn__table_init(&t, rows->keys.alloc, columns, 2);
    for (size_t i = 0; i < rows->n_shown; i++) {
        if (!fact_at(rows, i, &fact))
            continue;
        tn__table_text(&t, fact.key);
        tn__table_text(&t, tn__fact_value(&fact, text, sizeof text));
    }
    int status = t.status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
    if (status == TN_OK) {
        tn__out_format(out, "%zu of %zu facts\n\n", rows->n, tn_snapshot_n_facts(rows->snapshot));
        tn__table_print(&t, out, o);
        if (rows->n > rows->n_shown)
            tn__out_format(out, "<%zu more; use --limit 0 to see all>\n", rows->n - rows->n_shown);
    }
    tn__table_free(&t);
    return status;
}

void tn__info_rows_json(const tn_info_rows *rows, const tn_view_options *o, tn_json *j)
{
    static const char *const columns[] = {"name", "value", "size"};
    uint64_t bytes;
    tn_fact fact;
    tn__json_string(j, "where", o->where);
    tn__json_strings(j, "columns", columns, 3);
    tn__json_open(j, "units", '{');
    tn__json_string(j, "size", "bytes");
    tn__json_close(j, '}');
    tn__json_open(j, "rows", '[');
    for (size_t i = 0; i < rows->n_shown; i++) {
        if (!fact_at(rows, i, &fact))
            continue;
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "name", fact.key);
        tn__fact_json(j, "value", &fact);
        if (tn__fact_bytes(&fact, &bytes))
            tn__json_u64(j, "size", bytes);
        else
            tn__json_null(j, "size");
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "more", rows->n - rows->n_shown);
    tn__json_line(j);
}
