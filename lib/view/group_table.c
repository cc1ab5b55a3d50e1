/* group_table.c - a set parted into groups, as a table in the manner of heapy and as JSON. */
#include "view/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What a row stands for; in brackets what the word does not say. */
const char *tn__by_heading(enum tn_by by)
{
    switch (by) {
    case TN_BY_TYPE: return "Kind (type)";
    case TN_BY_SIZE: return "Kind (size of each)";
    case TN_BY_MODULE: return "Kind (module of the type)";
    case TN_BY_CLODO: return "Kind (class / dict of class)";
    case TN_BY_SIZE_CLASS: return "Kind (range of sizes)";
    case TN_BY_DISTRIBUTION: return "Kind (distribution of the type)";
    case TN_BY_GENERATION: return "Kind (generation)";
    case TN_BY_CONTENT: return "Kind (equal content)";
    case TN_BY_SITE: return "Kind (allocated at)";
    case TN_BY_RCS: return "Kind (held by)";
    case TN_BY_VIA: return "Kind (held via)";
    case TN_BY_ROOT: return "Kind (root that alone reaches it)";
    case TN_BY_THREAD: return "Kind (thread that alone holds it)";
    case TN_BY_FRAME: return "Kind (frame that alone holds it)";
    case TN_BY_PATH: return "Kind (place)";
    case TN_BY_HEADS: return "Kind (its only head)";
    default: return "Brief";
    }
}

/* ---- text ---- */

/* The address of a head is a column: its name does without. */
static void add_head(const tn_summary_row *row, const char *name, tn_table *t)
{
    char address[24], plain[512];
    int n = snprintf(address, sizeof address, ": 0x%" PRIx64, row->head_address);
    size_t length = strlen(name);
    bool has = row->head_address && length > (size_t)n && strcmp(name + length - (size_t)n, address) == 0;
    tn__table_hex(t, row->head_address);
    if (has)
        snprintf(plain, sizeof plain, "%.*s", (int)(length - (size_t)n), name);
    tn__table_text(t, has ? plain : name);
}

static void fill_table(const tn_summary *sum, bool single, uint32_t first, tn_table *t)
{
    bool heads = sum->groups->by == TN_BY_HEADS;
    const tn_group_sum *total = &sum->groups->total;
    uint64_t cumulative = sum->skipped_bytes;
    for (size_t i = 0; i < sum->n_shown; i++) {
        const tn_summary_row *row = &sum->rows[i];
        cumulative += row->bytes;
        tn__table_u64(t, first + i);
        if (!single) {
            tn__table_u64(t, row->count);
            tn__table_pct(t, row->count, total->count);
        }
        tn__table_bytes(t, row->bytes);
        tn__table_pct(t, row->bytes, total->bytes);
        tn__table_bytes(t, cumulative);
        tn__table_pct(t, cumulative, total->bytes);
        if (heads) {
            add_head(row, tn__summary_name(sum, i), t);
        } else {
            tn__table_hex(t, row->address);
            tn__table_text(t, tn__summary_name(sum, i));
        }
    }
}

static void print_rest(const tn_summary *sum, const tn_view_options *o, tn_out *out)
{
    char size[24];
    size_t seen = o->first + sum->n_shown, more = seen < sum->groups->n ? sum->groups->n - seen : 0;
    if (more)
        tn__out_format(out, "<%zu more row%s, %s>\n", more, more == 1 ? "" : "s",
                       tn_format_bytes(sum->more_bytes, size, sizeof size));
    tn__filtered_print(out, sum->n_filtered);
}

static int write_text(const tn_summary *sum, const tn_view_options *o, tn_out *out, tn_error *err)
{
    enum tn_by by = sum->groups->by;
    bool single = by == TN_BY_ID, heads = by == TN_BY_HEADS;
    const tn_table_column parted[] = {
        {"Index", true, 0}, {"Count", true, 0},       {"%", true, 3},
        {"Size", true, 0},  {"%", true, 0},           {"Cumulative", true, 2},
        {"%", true, 2},     {"largest at", false, 1}, {tn__by_heading(by), false, 0},
    };
    const tn_table_column headed[] = {
        {"Index", true, 0}, {"Count", true, 0},    {"%", true, 3},
        {"Size", true, 0},  {"%", true, 0},        {"Cumulative", true, 2},
        {"%", true, 2},     {"head at", false, 0}, {tn__by_heading(by), false, 0},
    };
    const tn_table_column each[] = {
        {"Index", true, 0},
        {"Size", true, 0},
        {"%", true, 0},
        {"Cumulative", true, 2},
        {"%", true, 2},
        {"at", false, 1},
        {tn__by_heading(by), false, 0},
    };
    tn_table t;
    char size[24];
    tn__table_init(&t, sum->groups->alloc,
                   single  ? each
                   : heads ? headed
                           : parted,
                   single ? sizeof each / sizeof *each : sizeof parted / sizeof *parted);
    t.last_width = heads ? 24 : 0;
    fill_table(sum, single, o->first, &t);
    int status = t.status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
    if (status == TN_OK) {
        const tn_group_sum *total = &sum->groups->total;
        tn__against_print(sum->groups->snapshot, o, out);
        tn__out_format(out, "%s of %" PRIu64 " object%s. Total size = %s.\n", single ? "Set" : "Partition of a set",
                       total->count, total->count == 1 ? "" : "s", tn_format_bytes(total->bytes, size, sizeof size));
        tn__selected_print(out, o);
        tn__table_print(&t, out, o);
        print_rest(sum, o, out);
    }
    tn__table_free(&t);
    return status;
}

/* ---- JSON ---- */

static void columns_json(tn_json *j)
{
    static const char *const columns[] = {"index",       "kind",     "count",   "count_pct", "size",
                                          "size_pct",    "cum_size", "cum_pct", "largest",   "largest_address",
                                          "head_address"};
    static const char *const units[][2] = {
        {"count", "objects"},        {"size", "bytes"},       {"cum_size", "bytes"},  {"largest", "bytes"},
        {"count_pct", "percent"},    {"size_pct", "percent"}, {"cum_pct", "percent"}, {"largest_address", "address"},
        {"head_address", "address"},
    };
    tn__json_strings(j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(j, "units", '{');
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        tn__json_string(j, units[i][0], units[i][1]);
    tn__json_close(j, '}');
}

static void row_json(tn_json *j, const tn_summary *sum, size_t i, uint64_t index, uint64_t cumulative)
{
    const tn_summary_row *row = &sum->rows[i];
    const tn_group_sum *total = &sum->groups->total;
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "index", index);
    tn__json_string(j, "kind", tn__summary_name(sum, i));
    tn__json_u64(j, "count", row->count);
    tn__json_pct(j, "count_pct", row->count, total->count);
    tn__json_u64(j, "size", row->bytes);
    tn__json_pct(j, "size_pct", row->bytes, total->bytes);
    tn__json_u64(j, "cum_size", cumulative);
    tn__json_pct(j, "cum_pct", cumulative, total->bytes);
    tn__json_u64(j, "largest", row->largest);
    tn__json_hex(j, "largest_address", row->address);
    tn__json_hex(j, "head_address", row->head_address);
    tn__json_close(j, '}');
}

static void write_json(const tn_summary *sum, const tn_view_options *o, tn_out *out)
{
    tn_json j;
    uint64_t cumulative = sum->skipped_bytes;
    size_t seen = o->first + sum->n_shown;
    tn__json_start(&j, out, "groups");
    tn__json_string(&j, "by", tn_by_names[sum->groups->by]);
    tn__json_string(&j, "where", o->where);
    tn__against_json(o, &j);
    tn__json_bool(&j, "fold", sum->groups->fold != NULL);
    columns_json(&j);
    tn__json_open(&j, "rows", '[');
    for (size_t i = 0; i < sum->n_shown; i++) {
        cumulative += sum->rows[i].bytes;
        row_json(&j, sum, i, o->first + i, cumulative);
    }
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__json_open(&j, "total", '{');
    tn__json_u64(&j, "count", sum->groups->total.count);
    tn__json_u64(&j, "size", sum->groups->total.bytes);
    tn__json_close(&j, '}');
    tn__json_u64(&j, "groups", sum->n_groups);
    tn__json_u64(&j, "filtered", sum->n_filtered);
    tn__json_u64(&j, "more", seen < sum->groups->n ? sum->groups->n - seen : 0);
    tn__json_u64(&j, "more_size", sum->more_bytes);
    tn__info_json(&j, sum->groups->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
}

int tn_view_groups_made(tn_groups *g, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_summary sum;
    tn_out out;
    tn__out_init(&out, sink);
    int status = tn__summary_of(g, options, &sum, err);
    if (status == TN_OK && options->form == TN_JSON)
        write_json(&sum, options, &out);
    else if (status == TN_OK)
        status = write_text(&sum, options, &out, err);
    tn__summary_free(&sum);
    return status < 0 ? tn__memory_told(g->snapshot, status, err) : tn__out_end(&out, err);
}

int tn_view_groups(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_groups *g;
    tn_view_options o;
    tn_diff *made;
    bool heads = options->heads || options->head_set;
    if (heads && options->by != TN_BY_TYPE)
        return tn__error_set(err, TN_EINVAL, 0, "groups are by heads or by %s, not by both", tn_by_names[options->by]);
    TN_TRY(tn__against(s, options, &o, &made, err));
    tn_groups_options how = {
        .where = o.where, .since = o.since, .fold = o.fold, .head_words = o.heads, .heads = o.head_set};
    int status = tn_groups_make(s, o.set, heads ? TN_BY_HEADS : o.by, &how, &g, err);
    if (status == TN_OK) {
        status = tn_view_groups_made(g, &o, sink, err);
        tn_groups_free(g);
    }
    tn_diff_close(made);
    return status;
}
