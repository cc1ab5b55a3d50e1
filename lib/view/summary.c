/* summary.c - what is in memory: the census as rows in order, with the largest object of each. */
#include "view/summary.h"

#include <string.h>

const char *const tn__summary_keys[] = {"type", "each", "module"};

static int order(tn_summary *sum, const tn_view_options *o, tn_error *err)
{
    const char *names[] = {"size", "count", "largest", tn__summary_keys[sum->by]};
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(o->sort, names, 4, 3, &column, &descending, err));
    if (sum->by == TN_BY_SIZE && column == TN_CENSUS_NAME)
        descending = !descending; /* a number, as the others */
    tn__census_sort(&sum->census, (enum tn_census_column)column, descending);
    return TN_OK;
}

/* The only addresses of a summary: one bit map row each, not a million of them. */
static int find_addresses(tn_snapshot *s, tn_summary *sum, const tn_view_options *o, tn_error *err)
{
    const tn_census *c = &sum->census;
    sum->n_shown = o->limit && o->limit < c->n_rows ? o->limit : c->n_rows;
    sum->addresses = tn__alloc_zero(c->alloc, sum->n_shown * sizeof *sum->addresses);
    if (!sum->addresses)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    if (sum->n_shown > 0)
        TN_TRY(tn__snapshot_addresses(s, err));
    for (size_t i = 0; i < c->n_rows; i++) {
        if (i < sum->n_shown)
            sum->addresses[i] = tn__snapshot_address(s, c->rows[i].largest_id);
        else
            sum->more_bytes += c->rows[i].bytes;
    }
    return TN_OK;
}

static int compute(tn_snapshot *s, tn_summary *sum, const tn_view_options *o, tn_error *err)
{
    TN_TRY(tn__census(s, o, &sum->census, err));
    sum->n_groups = sum->census.n_rows;
    if (o->where_rows)
        TN_TRY(tn__census_filter(&sum->census, o->where_rows, &sum->n_filtered, err));
    TN_TRY(order(sum, o, err));
    return find_addresses(s, sum, o, err);
}

int tn_view_summary(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_summary sum = {.by = options->by, .census.alloc = tn__snapshot_alloc(s)};
    int status = compute(s, &sum, options, err);
    tn_table table;
    tn__table_init(&table, sum.census.alloc, NULL, 0);
    if (status == TN_OK) {
        tn_out out;
        tn__out_init(&out, sink);
        if (options->form == TN_JSON)
            tn__summary_json(s, &sum, options, &out);
        else
            tn__summary_text(s, &sum, options, &out, &table);
        status = table.status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : tn__out_end(&out, err);
    }
    tn__table_free(&table);
    tn__free(sum.census.alloc, sum.addresses, sum.n_shown * sizeof *sum.addresses);
    tn__census_free(&sum.census);
    return status;
}
