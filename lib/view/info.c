/* info.c - what is known of the process, the interpreter and the capture, by group. */
#include "view/info.h"
#include "view/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *prefix, *title;
} groups[] = {
    {"capture.", "Capture"},
    {"process.", "Process"},
    {"platform.", "Platform"},
    {"python.", "Interpreter"},
    {"objects.", "Objects"},
    {"own.", "tonnage's own"},
    {"trace.", "Recorded allocations"},
    {"sample.", "Samples of threads"},
    {"memory.", "Memory"},
    {"status.", "Memory, as Linux counts it (after the pause)"},
    {"smaps.", "Mappings (after the pause)"},
    {"pymalloc.", "Python's allocator"},
    {"malloc.", "C library's allocator"},
    {"freelist.", "Free lists"},
    {"gc.", "Garbage collector"},
    {"check.", "Self-checks"},
};
enum { N_GROUPS = sizeof groups / sizeof *groups };

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* argv is the heading, pymalloc's classes and the ledger have views of their own, figures and threads with stacks follow. */
static bool elsewhere(const char *key)
{
    return starts_with(key, "process.argv.") || starts_with(key, "ledger.") || starts_with(key, "thread.") ||
           starts_with(key, "pymalloc.class.") || starts_with(key, "user.");
}

static int group_of(const char *key)
{
    int g = 0;
    while (g < N_GROUPS && !starts_with(key, groups[g].prefix))
        g++;
    return g;
}

static void print_group(tn_snapshot *s, int group, const tn_view_options *o, tn_out *out)
{
    bool first = true;
    for (size_t i = 0; i < tn_snapshot_n_facts(s); i++) {
        tn_fact fact;
        if (tn_snapshot_fact(s, i, &fact) < 0 || elsewhere(fact.key) || group_of(fact.key) != group)
            continue;
        if (first) {
            tn__out_text(out, "\n");
            tn__table_heading(out, o, group < N_GROUPS ? groups[group].title : "Other facts");
            if (group < N_GROUPS && strcmp(groups[group].prefix, "sample.") == 0)
                tn__samples_print(s, out);
        }
        first = false;
        const char *name = fact.key + (group < N_GROUPS ? strlen(groups[group].prefix) : 0);
        size_t n = strlen(name);
        tn__out_text(out, "  ");
        tn__out_escaped(out, name);
        tn__out_format(out, "%*s", n < 32 ? (int)(33 - n) : 1, "");
        tn__fact_print(out, &fact);
        bool failed = group < N_GROUPS && strcmp(groups[group].prefix, "check.") == 0 && fact.kind == TN_FACT_UINT &&
                      n > 7 && strcmp(name + n - 7, ".failed") == 0 && fact.value.u > 0;
        tn__out_text(out, failed ? "   FAILED\n" : "\n");
    }
}

static bool thread_fact(tn_snapshot *s, unsigned n, const char *name, tn_fact *fact)
{
    char key[48];
    snprintf(key, sizeof key, "thread.%u.%s", n, name);
    return tn_snapshot_find_fact(s, key, fact) == TN_OK;
}

static void print_frames(tn_snapshot *s, uint32_t node, uint32_t limit, tn_out *out)
{
    tn_frame frame;
    uint32_t hidden = 0, depth = 0; /* shown ones begin behind those that took the snapshot */
    while (tn_snapshot_thread_frame(s, node, hidden, &frame) == TN_OK && frame.own)
        hidden++;
    for (; tn_snapshot_thread_frame(s, node, hidden + depth, &frame) == TN_OK; depth++) {
        if (limit && depth >= limit)
            continue;
        tn__out_text(out, "    ");
        tn__out_escaped(out, frame.file ? frame.file : "?");
        if (frame.line)
            tn__out_format(out, ":%" PRIu32, frame.line);
        tn__out_text(out, "  ");
        tn__out_escaped(out, frame.qualified_name ? frame.qualified_name : frame.name ? frame.name : "?");
        tn__out_text(out, "\n");
    }
    if (limit && depth > limit)
        tn__out_format(out, "    <%" PRIu32 " more frames; use --limit 0 to see all>\n", depth - limit);
}

static bool thread_known(tn_snapshot *s, unsigned n)
{
    tn_fact fact;
    return thread_fact(s, n, "ident", &fact) || thread_fact(s, n, "node", &fact);
}

static bool thread_node(tn_snapshot *s, unsigned n, uint32_t *node)
{
    tn_fact fact;
    if (!thread_fact(s, n, "node", &fact) || fact.kind != TN_FACT_UINT || fact.value.u >= tn_snapshot_n_nodes(s))
        return false;
    *node = (uint32_t)fact.value.u;
    return true;
}

/* What frames need is read before the first line is written: later none of them can be missing. */
static int load_frames(tn_snapshot *s, tn_error *err)
{
    tn_frame frame;
    uint32_t node;
    for (unsigned n = 0; thread_known(s, n); n++) {
        int status = thread_node(s, n, &node) ? TN_OK : TN_ENOTFOUND;
        for (uint32_t depth = 0; status == TN_OK; depth++)
            status = tn_snapshot_thread_frame(s, node, depth, &frame);
        if (status != TN_ENOTFOUND)
            return tn__error_set(err, status, 0, "the threads of the snapshot cannot be shown: %s",
                                 tn_status_text(status));
    }
    return TN_OK;
}

static void print_threads(tn_snapshot *s, const tn_view_options *o, tn_out *out)
{
    tn_fact fact;
    uint32_t node;
    for (unsigned n = 0; thread_known(s, n); n++) {
        if (n == 0) {
            tn__out_text(out, "\n");
            tn__table_heading(out, o, "Threads, innermost frame first");
        }
        tn__out_format(out, "  thread %u", n);
        if (thread_fact(s, n, "name", &fact) && fact.kind == TN_FACT_TEXT) {
            tn__out_text(out, " ");
            tn__out_escaped(out, fact.value.text);
        }
        if (thread_fact(s, n, "native_id", &fact) && fact.kind == TN_FACT_UINT)
            tn__out_format(out, "  [native id %" PRIu64 "]", fact.value.u);
        if (thread_fact(s, n, "holds_gil", &fact) && fact.kind == TN_FACT_UINT && fact.value.u)
            tn__out_text(out, "  holds the interpreter lock");
        tn__out_text(out, "\n");
        if (thread_node(s, n, &node))
            print_frames(s, node, o->limit, out);
    }
}

static void print_file(tn_snapshot *s, const tn_joined *joined, const tn_view_options *o, tn_out *out)
{
    char size[24];
    tn__out_text(out, "\n");
    tn__table_heading(out, o, "File");
    tn__out_format(out, "  size                             %s in %zu chunks\n",
                   tn_format_bytes(tn_snapshot_file_bytes(s), size, sizeof size), tn_snapshot_n_chunks(s));
    tn__out_format(out, "  objects                          %" PRIu32 "\n", tn_snapshot_n_objects(s));
    tn__out_format(out, "  synthetic nodes                  %" PRIu32 "\n",
                   tn_snapshot_n_nodes(s) - tn_snapshot_n_objects(s));
    tn__out_format(out, "  references                       %" PRIu64 "\n", tn_snapshot_n_references(s));
    tn__out_format(out, "  types                            %" PRIu32 "\n", tn_snapshot_n_types(s));
    tn__birthplaces_print(s, joined, out);
}

static void thread_json(tn_json *j, tn_snapshot *s, unsigned n)
{
    static const char *const names[] = {"name", "ident", "native_id", "holds_gil"};
    tn_fact fact;
    tn_frame frame;
    uint32_t node;
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (thread_fact(s, n, names[i], &fact))
            tn__fact_json(j, names[i], &fact);
        else
            tn__json_null(j, names[i]);
    }
    tn__json_open(j, "frames", '[');
    bool known = thread_node(s, n, &node);
    for (uint32_t d = 0; known && tn_snapshot_thread_frame(s, node, d, &frame) == TN_OK; d++) {
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "name", frame.name);
        tn__json_string(j, "qualified_name", frame.qualified_name);
        tn__json_string(j, "file", frame.file);
        tn__json_u64(j, "line", frame.line);
        tn__json_u64(j, "node", frame.node);
        tn__json_bool(j, "own", frame.own);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_close(j, '}');
}

static void write_json(tn_snapshot *s, const tn_info_rows *rows, const tn_joined *joined, const tn_view_options *o,
                       tn_out *out)
{
    tn_json j;
    tn__json_start(&j, out, "info");
    if (rows)
        tn__info_rows_json(rows, o, &j);
    tn__json_open(&j, "threads", '[');
    for (unsigned n = 0; thread_known(s, n); n++)
        thread_json(&j, s, n);
    tn__json_close(&j, ']');
    tn__timeline_json(&j, "timeline", s);
    tn__ledger_json(&j, s);
    tn__birthplaces_json(&j, s, joined);
    tn__samples_json(&j, s);
    tn__json_line(&j);
    tn__info_json(&j, s);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
}

static void write_page(tn_snapshot *s, const tn_joined *joined, const tn_view_options *options, tn_out *out)
{
    tn__heading_print(s, out, options);
    for (int g = 0; g <= N_GROUPS; g++)
        print_group(s, g, options, out);
    tn__user_print(s, out, options);
    print_threads(s, options, out);
    tn__ledger_print(s, out, options);
    tn__timeline_print(s, options, out);
    print_file(s, joined, options, out);
}

int tn_view_info(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    bool select = options->sort || (options->where && *options->where) || options->where_rows;
    tn_info_rows rows = {0};
    tn_joined joined;
    tn_out out;
    tn__out_init(&out, sink);
    int status = select ? tn__info_rows(s, options, &rows, err) : TN_OK;
    if (status == TN_OK && (!select || options->form == TN_JSON))
        status = load_frames(s, err);
    if (status == TN_OK && (!select || options->form == TN_JSON))
        status = tn__joined_of(s, &joined, err);
    if (status == TN_OK && options->form == TN_JSON) {
        write_json(s, select ? &rows : NULL, &joined, options, &out);
    } else if (status == TN_OK && select) {
        tn_view_options plain = *options;
        plain.where = NULL; /* of facts, not of objects */
        tn__heading_print(s, &out, &plain);
        status = tn__info_rows_text(&rows, options, &out, err);
    } else if (status == TN_OK) {
        write_page(s, &joined, options, &out);
    }
    if (select)
        tn__info_rows_free(&rows);
    return status < 0 ? tn__memory_told(s, status, err) : tn__out_end(&out, err);
}
