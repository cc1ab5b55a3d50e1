/* summary.c - what is in memory: groups of objects as rows in order, with the largest object of each. */
#include "view/summary.h"

#include <string.h>

const char *tn__by_key(enum tn_by by)
{
    switch (by) {
    case TN_BY_TYPE: return "type";
    case TN_BY_SIZE: return "each";
    case TN_BY_MODULE: return "module";
    default: return "kind";
    }
}

int tn__groups_order(tn_groups *g, const char *sort, tn_error *err)
{
    const char *names[] = {"size", "count", "largest", tn__by_key(g->by)};
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(sort, names, 4, 3, &column, &descending, err));
    if (tn__by_number(g->by) && column == TN_GROUPS_KIND)
        descending = !descending; /* a number, as the others */
    return sort ? tn_groups_sort(g, (enum tn_groups_column)column, descending, err) : TN_OK;
}

static int fill_row(tn_summary *sum, size_t i, size_t index, tn_error *err)
{
    tn_group group;
    TN_TRY(tn_groups_row(sum->groups, (uint32_t)index, &group, err));
    tn_snapshot *s = sum->groups->snapshot;
    bool has_head = group.head < tn_snapshot_n_objects(s);
    sum->rows[i] = (tn_summary_row){
        .count = group.count,
        .bytes = group.bytes,
        .largest = group.largest,
        .number = group.number,
        .address = tn__snapshot_address(s, group.largest_id),
        .head_address = has_head ? tn__snapshot_address(s, group.head) : 0,
        .name = sum->texts.size,
    };
    if (tn__buf_append(&sum->texts, group.label, strlen(group.label) + 1) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    return TN_OK;
}

/* Labels and addresses of what is shown alone: there may be a million groups. */
static int fill_rows(tn_summary *sum, const tn_view_options *o, tn_error *err)
{
    size_t n = sum->groups->n, left = o->first < n ? n - o->first : 0;
    sum->n_shown = o->limit && o->limit < left ? o->limit : left;
    sum->rows = tn__alloc_zero(sum->groups->alloc, sum->n_shown * sizeof *sum->rows);
    if (!sum->rows)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    if (sum->n_shown > 0)
        TN_TRY(tn__snapshot_addresses(sum->groups->snapshot, err));
    for (size_t i = 0; i < sum->n_shown; i++)
        TN_TRY(fill_row(sum, i, o->first + i, err));
    for (size_t i = 0; i < n && i < o->first; i++)
        sum->skipped_bytes += tn__groups_sum(sum->groups, i).bytes;
    sum->more_bytes = sum->groups->listed_bytes - sum->skipped_bytes;
    for (size_t i = 0; i < sum->n_shown; i++)
        sum->more_bytes -= sum->rows[i].bytes;
    return TN_OK;
}

int tn__summary_of(tn_groups *g, const tn_view_options *o, tn_summary *out, tn_error *err)
{
    *out = (tn_summary){.groups = g, .n_groups = g->n};
    tn__buf_init(&out->texts, g->alloc);
    if (o->where_rows)
        TN_TRY(tn__groups_filter(g, o->where_rows, &out->n_filtered, err));
    TN_TRY(tn__groups_order(g, o->sort, err));
    return fill_rows(out, o, err);
}

void tn__summary_free(tn_summary *sum)
{
    tn__free(sum->groups->alloc, sum->rows, sum->n_shown * sizeof *sum->rows);
    tn__buf_free(&sum->texts);
}

static int write(tn_groups *g, const tn_view_options *o, const tn_sink *sink, tn_error *err)
{
    tn_summary sum;
    tn_table table;
    tn_out out;
    int status = tn__summary_of(g, o, &sum, err);
    tn__table_init(&table, g->alloc, NULL, 0);
    tn__out_init(&out, sink);
    if (status == TN_OK && o->form == TN_JSON)
        tn__summary_json(g->snapshot, &sum, o, &out);
    else if (status == TN_OK)
        tn__summary_text(g->snapshot, &sum, o, &out, &table);
    if (status == TN_OK)
        status = table.status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : tn__out_end(&out, err);
    tn__table_free(&table);
    tn__summary_free(&sum);
    return tn__memory_told(g->snapshot, status, err);
}

int tn_view_summary(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    if (options->against) {
        tn_view_options o = *options;
        o.against = NULL;
        return tn_view_diff((tn_snapshot *const[]){options->against, s}, 2, &o, sink, err);
    }
    tn_groups *g;
    tn_groups_options how = {.where = options->where, .fold = options->fold, .head_words = options->heads};
    TN_TRY(tn_groups_make(s, options->set, options->by, &how, &g, err));
    int status = write(g, options, sink, err);
    tn_groups_free(g);
    return status;
}
