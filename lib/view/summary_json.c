/* summary_json.c - the summary as docs/view-json.md specifies it. */
#include "view/summary.h"

static void columns_json(tn_json *j, const char *key)
{
    const char *const columns[] = {key,        "count",   "count_pct", "size",           "size_pct",
                                   "cum_size", "cum_pct", "largest",   "largest_address"};
    tn__json_strings(j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(j, "units", '{');
    tn__json_string(j, "count", "objects");
    static const char *const bytes[] = {"size", "cum_size", "largest"};
    for (size_t i = 0; i < 3; i++)
        tn__json_string(j, bytes[i], "bytes");
    static const char *const percents[] = {"count_pct", "size_pct", "cum_pct"};
    for (size_t i = 0; i < 3; i++)
        tn__json_string(j, percents[i], "percent");
    tn__json_string(j, "largest_address", "address");
    tn__json_close(j, '}');
}

static void row_json(tn_json *j, const tn_summary *sum, size_t i, uint64_t cumulative)
{
    const tn_summary_row *row = &sum->rows[i];
    const tn_group_sum *total = &sum->groups->total;
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    if (sum->groups->by == TN_BY_SIZE)
        tn__json_u64(j, "each", row->number);
    else
        tn__json_string(j, tn__by_key(sum->groups->by), tn__summary_name(sum, i));
    tn__json_u64(j, "count", row->count);
    tn__json_pct(j, "count_pct", row->count, total->count);
    tn__json_u64(j, "size", row->bytes);
    tn__json_pct(j, "size_pct", row->bytes, total->bytes);
    tn__json_u64(j, "cum_size", cumulative);
    tn__json_pct(j, "cum_pct", cumulative, total->bytes);
    tn__json_u64(j, "largest", row->largest);
    tn__json_hex(j, "largest_address", row->address);
    tn__json_close(j, '}');
}

static void count_json(tn_json *j, const char *key, const tn_group_sum *row)
{
    tn__json_open(j, key, '{');
    tn__json_u64(j, "count", row->count);
    tn__json_u64(j, "size", row->bytes);
    tn__json_close(j, '}');
}

void tn__summary_json(tn_snapshot *s, const tn_summary *sum, const tn_view_options *o, tn_out *out)
{
    tn_json j;
    tn__json_start(&j, out, "summary");
    tn__json_string(&j, "by", tn_by_names[sum->groups->by]);
    tn__json_string(&j, "where", o->where);
    columns_json(&j, tn__by_key(sum->groups->by));
    tn__json_open(&j, "rows", '[');
    uint64_t cumulative = 0;
    for (size_t i = 0; i < sum->n_shown; i++) {
        cumulative += sum->rows[i].bytes;
        row_json(&j, sum, i, cumulative);
    }
    tn__json_close(&j, ']');
    tn__json_line(&j);
    count_json(&j, "total", &sum->groups->total);
    tn__json_u64(&j, "groups", sum->n_groups);
    tn__json_u64(&j, "filtered", sum->n_filtered);
    tn__json_u64(&j, "more", sum->groups->n - sum->n_shown);
    tn__json_u64(&j, "more_size", sum->more_bytes);
    count_json(&j, "own", &sum->groups->own);
    tn__ledger_json(&j, s);
    tn__json_line(&j);
    tn__info_json(&j, s);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
}
