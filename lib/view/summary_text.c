/* summary_text.c - the summary as a table, with the process above it and the resident set below. */
#include "view/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_unknown(tn_out *out, const char *text)
{
    if (text)
        tn__out_escaped(out, text);
    else
        tn__out_text(out, "unknown");
}

static void print_when(tn_snapshot *s, tn_out *out)
{
    uint64_t wall, pause;
    char text[40];
    if (tn__fact_u64(s, "capture.wall_time_ns", &wall)) {
        tn__fact_time(wall, text, sizeof text);
        tn__out_format(out, ", taken %s", text);
    }
    if (tn__fact_u64(s, "capture.pause_ns", &pause)) {
        tn__fact_duration(pause, text, sizeof text);
        const char *mode = tn__fact_text(s, "capture.mode");
        bool forked = mode && strcmp(mode, "fork") == 0;
        tn__out_format(out, " (paused %s%s)", text, forked ? " for a fork" : "");
    }
}

void tn__heading_print(tn_snapshot *s, tn_out *out, const tn_view_options *o)
{
    uint64_t pid;
    tn__out_wrap(out, o->width);
    tn__out_text(out, o->color ? "\033[1m" : "");
    if (tn__fact_dump(s)) {
        tn__out_text(out, "imported from a dump of ");
        tn__out_escaped(out, tn__fact_dump(s));
    } else {
        tn__fact_command(s, out);
    }
    tn__out_text(out, o->color ? "\033[0m" : "");
    if (tn__fact_u64(s, "process.pid", &pid))
        tn__out_format(out, "  [pid %" PRIu64 "]", pid);
    if (!tn__fact_dump(s)) {
        tn__out_text(out, "\nPython ");
        print_unknown(out, tn__fact_text(s, "python.version"));
    }
    if (tn__fact_text(s, "process.host")) {
        tn__out_text(out, " on ");
        tn__out_escaped(out, tn__fact_text(s, "process.host"));
    }
    print_when(s, out);
    tn__out_text(out, "\n");
    if (o->against)
        tn__against_print(s, o, out);
    tn__out_unwrap(out);
    tn__selected_print(out, o);
}

void tn__selected_print(tn_out *out, const tn_view_options *o)
{
    if (!o->where || !*o->where)
        return;
    tn__out_wrap(out, o->width);
    tn__out_text(out, "selected by: ");
    tn__out_escaped(out, o->where);
    tn__out_text(out, "\n");
    tn__out_unwrap(out);
}

static void print_totals(tn_snapshot *s, const tn_summary *sum, tn_out *out)
{
    char size[24], rss[24] = "unknown";
    uint64_t bytes;
    if (tn__fact_u64(s, "memory.rss_bytes", &bytes))
        tn_format_bytes(bytes, rss, sizeof rss);
    tn_format_bytes(sum->groups->total.bytes, size, sizeof size);
    tn__out_format(out, "%" PRIu64 " object%s, %s", sum->groups->total.count, sum->groups->total.count == 1 ? "" : "s",
                   size);
    if (!tn__fact_dump(s))
        tn__out_format(out, "; resident set (RSS) %s when the pause began", rss);
    tn__out_text(out, "\n");
    tn__birthplaces_line(s, out);
    tn__out_text(out, "\n");
}

/* Shares and running totals can be reckoned; what there is, how much of it and where it is cannot. */
static const tn_table_column by_type[] = {
    {"Index", true, 0},      {"Count", true, 0}, {"%", true, 4},       {"Size", true, 0}, {"%", true, 0},
    {"Cumulative", true, 3}, {"%", true, 3},     {"Largest", true, 1}, {"at", false, 2},  {"Type", false, 0},
};
static const tn_table_column by_size[] = {
    {"Index", true, 0},      {"Count", true, 0}, {"%", true, 4},    {"Size", true, 0},    {"%", true, 0},
    {"Cumulative", true, 3}, {"%", true, 3},     {"Each", true, 0}, {"one at", false, 0},
};
static const tn_table_column by_module[] = {
    {"Index", true, 0},      {"Count", true, 0}, {"%", true, 4},       {"Size", true, 0}, {"%", true, 0},
    {"Cumulative", true, 3}, {"%", true, 3},     {"Largest", true, 1}, {"at", false, 2},  {"Module", false, 0},
};
static const tn_table_column by_kind[] = {
    {"Index", true, 0},      {"Count", true, 0}, {"%", true, 4},       {"Size", true, 0}, {"%", true, 0},
    {"Cumulative", true, 3}, {"%", true, 3},     {"Largest", true, 1}, {"at", false, 2},  {"Kind", false, 0},
};

static const tn_table_column *columns_of(enum tn_by by)
{
    switch (by) {
    case TN_BY_TYPE: return by_type;
    case TN_BY_SIZE: return by_size;
    case TN_BY_MODULE: return by_module;
    default: return by_kind;
    }
}

static void fill_rows(const tn_summary *sum, tn_table *t)
{
    const tn_group_sum *total = &sum->groups->total;
    uint64_t cumulative = 0;
    for (size_t i = 0; i < sum->n_shown; i++) {
        const tn_summary_row *row = &sum->rows[i];
        cumulative += row->bytes;
        tn__table_u64(t, i);
        tn__table_u64(t, row->count);
        tn__table_pct(t, row->count, total->count);
        tn__table_bytes(t, row->bytes);
        tn__table_pct(t, row->bytes, total->bytes);
        tn__table_bytes(t, cumulative);
        tn__table_pct(t, cumulative, total->bytes);
        if (sum->groups->by == TN_BY_SIZE)
            tn__table_text(t, tn__summary_name(sum, i));
        else
            tn__table_bytes(t, row->largest);
        tn__table_hex(t, row->address);
        if (sum->groups->by != TN_BY_SIZE)
            tn__table_text(t, tn__summary_name(sum, i));
    }
}

static void fill_total(const tn_summary *sum, tn_table *t)
{
    const tn_group_sum *total = &sum->groups->total;
    tn__table_text(t, "total");
    tn__table_u64(t, total->count);
    tn__table_pct(t, total->count, total->count);
    tn__table_bytes(t, total->bytes);
    tn__table_pct(t, total->bytes, total->bytes);
    for (int i = 0; i < 5 - (sum->groups->by == TN_BY_SIZE); i++)
        tn__table_text(t, "");
}

void tn__filtered_print(tn_out *out, size_t n)
{
    if (n)
        tn__out_format(out, "<%zu row%s below the threshold>\n", n, n == 1 ? "" : "s");
}

static void print_rest(const tn_summary *sum, tn_out *out)
{
    static const char *const nouns[][2] = {
        {"type", "types"}, {"size", "sizes"}, {"module", "modules"}, {"kind", "kinds"}};
    unsigned noun = sum->groups->by < 3 ? sum->groups->by : 3;
    char size[24];
    size_t more = sum->groups->n - sum->n_shown;
    if (more)
        tn__out_format(out, "<%zu more row%s, %s; use --limit 0 to see all>\n", more, more == 1 ? "" : "s",
                       tn_format_bytes(sum->more_bytes, size, sizeof size));
    tn__filtered_print(out, sum->n_filtered);
    tn__out_format(out, "%zu %s in all; tonnage itself: %" PRIu64 " object%s, %s (in no row above)\n", sum->n_groups,
                   nouns[noun][sum->n_groups != 1], sum->groups->own.count, sum->groups->own.count == 1 ? "" : "s",
                   tn_format_bytes(sum->groups->own.bytes, size, sizeof size));
}

/* Code of extension types that failed in the forked copy: what is missing because of it is said at once. */
static void print_traverse_failures(tn_snapshot *s, tn_out *out)
{
    for (unsigned i = 0;; i++) {
        char key[40], how[40];
        snprintf(key, sizeof key, "traverse.%u.type", i);
        snprintf(how, sizeof how, "traverse.%u.how", i);
        if (!tn__fact_text(s, key) || !tn__fact_text(s, how))
            return;
        tn__out_text(out, "\nwarning: tp_traverse of ");
        tn__out_escaped(out, tn__fact_text(s, key));
        tn__out_format(out, " %s; what its objects refer to is missing\n", tn__fact_text(s, how));
    }
}

void tn__summary_text(tn_snapshot *s, const tn_summary *sum, const tn_view_options *o, tn_out *out, tn_table *table)
{
    table->columns = columns_of(sum->groups->by);
    table->n_columns = sum->groups->by == TN_BY_SIZE ? 9 : 10;
    fill_rows(sum, table);
    fill_total(sum, table);
    if (table->status < 0)
        return;
    tn__heading_print(s, out, o);
    tn__out_wrap(out, o->width);
    print_totals(s, sum, out);
    tn__out_unwrap(out);
    tn__table_print(table, out, o);
    tn__out_wrap(out, o->width);
    print_rest(sum, out);
    tn__out_unwrap(out);
    if ((!o->where || !*o->where) && !o->set) { /* these are of the whole process: no part of a selection */
        tn__ledger_print(s, out, o);
        tn__user_print(s, out, o);
    }
    uint64_t n_interpreters;
    if (tn__fact_u64(s, "python.interpreters", &n_interpreters) && n_interpreters > 1)
        tn__out_format(out, "\nnote: %" PRIu64 " interpreters are in the process; objects are those of the main one\n",
                       n_interpreters);
    uint32_t failed = tn__checks_failed(s);
    tn__out_wrap(out, o->width);
    print_traverse_failures(s, out);
    if (failed)
        tn__out_format(out, "\nwarning: %u self-check%s of the capture failed; see `tonnage check FILE`\n",
                       (unsigned)failed, failed == 1 ? "" : "s");
    tn__out_unwrap(out);
}
