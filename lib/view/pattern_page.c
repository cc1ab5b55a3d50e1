/* pattern_page.c - who refers to a set, kind by kind: the rows of a pattern as an indented table. */
#include "analysis/partition.h"
#include "analysis/patterns.h"
#include "view/summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct tn_pattern_page {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_patterns *made, *patterns; /* made: NULL where the caller has made them */
    uint64_t bytes;               /* of the set */
    uint32_t top;                 /* the row that the page begins with */
    uint32_t *order;              /* rows below it as they are printed */
    uint32_t n, n_order;          /* n_order: room */
    bool deeper;                  /* a row that is shown was not followed for its depth */
    tn_buf label, ways, kind, remarks;
} tn_pattern_page;

static int no_memory(const tn_pattern_page *page, tn_error *err)
{
    return tn__no_memory(page->snapshot, err);
}

/* ---- what is asked ---- */

static int options_of(const tn_view_options *o, tn_patterns_options *out, tn_error *err)
{
    static const char *const names[] = {"references", "count", "size"};
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(o->sort, names, sizeof names / sizeof *names, 3, &column, &descending, err));
    if (!descending)
        return tn__error_set(err, TN_EINVAL, 0, "a pattern follows what is most, never what is least");
    *out = (tn_patterns_options){.by = o->grouped ? o->by : TN_BY_CLODO,
                                 .order = (enum tn_patterns_order)column,
                                 .depth = o->depth,
                                 .width = o->branches,
                                 .at = o->at,
                                 .fold = o->fold};
    return TN_OK;
}

/* ---- rows in the order of a tree ---- */

/* Children of a row stand side by side, in rows behind it. */
static int find_order(tn_pattern_page *page, tn_error *err)
{
    uint32_t n = tn_patterns_count(page->patterns);
    uint32_t *children = tn__alloc_zero(page->alloc, ((size_t)n + 1) * sizeof *children);
    uint32_t *stack = tn__alloc(page->alloc, n * sizeof *stack), depth = 0;
    page->order = tn__alloc(page->alloc, n * sizeof *page->order);
    page->n_order = n;
    int status = children && stack && page->order ? TN_OK : no_memory(page, err);
    tn_pattern_row row;
    for (uint32_t i = n; status == TN_OK && i-- > 1;) {
        status = tn_patterns_row(page->patterns, i, &row, err);
        if (status == TN_OK)
            children[row.parent] = i;
    }
    if (status == TN_OK)
        stack[depth++] = page->top;
    while (status == TN_OK && depth) {
        uint32_t at = stack[--depth], last = children[at];
        page->order[page->n++] = at;
        while (last && last < n && (status = tn_patterns_row(page->patterns, last, &row, err)) == TN_OK &&
               row.parent == at)
            last++;
        while (status == TN_OK && last-- > children[at] && children[at])
            stack[depth++] = last;
    }
    tn__free(page->alloc, children, ((size_t)n + 1) * sizeof *children);
    tn__free(page->alloc, stack, n * sizeof *stack);
    return status;
}

static int make(tn_pattern_page *page, const tn_view_options *o, tn_error *err)
{
    tn_patterns_options options;
    tn_set *set;
    TN_TRY(options_of(o, &options, err));
    TN_TRY(tn__set_selected(page->snapshot, o, &set, err));
    int status = tn_patterns_make(page->snapshot, set, &options, &page->made, err);
    tn_set_free(set);
    return status;
}

static int compute(tn_pattern_page *page, const tn_view_options *o, tn_error *err)
{
    if (!o->patterns)
        TN_TRY(make(page, o, err));
    page->patterns = o->patterns ? o->patterns : page->made;
    TN_TRY(tn_set_bytes(page->snapshot, page->patterns->set, &page->bytes, err));
    if (o->at)
        TN_TRY(tn_patterns_find(page->patterns, o->at, &page->top, err));
    TN_TRY(tn__snapshot_addresses(page->snapshot, err));
    return find_order(page, err);
}

/* ---- cells ---- */

static int add(tn_buf *out, const char *text)
{
    return tn__buf_append(out, text, strlen(text));
}

static int label_into(tn_pattern_page *page, const tn_reference *label, tn_error *err)
{
    const char *text = label->style == TN_LABEL_VALUE && label->key == TN_NONE ? "[key]"
                       : label->style == TN_LABEL_INDEX                        ? "[index]"
                       : label->style == TN_LABEL_KEY                          ? "key"
                                                                               : NULL;
    page->label.size = 0;
    if (!text)
        TN_TRY(tn__label_into(page->snapshot, label, &page->label, err));
    else if (tn__buf_append(&page->label, text, strlen(text) + 1) < 0)
        return no_memory(page, err);
    return TN_OK;
}

/* Words begin with a blank. */
static const char *label_text(const tn_pattern_page *page)
{
    const char *text = (const char *)page->label.data;
    return text + (*text == ' ');
}

/* ".CACHE, .INDEX and others", onto what is in the buffer. */
static int ways_into(tn_pattern_page *page, const tn_pattern_ways *ways, tn_buf *out, tn_error *err)
{
    uint64_t told = 0;
    int status = TN_OK;
    for (uint32_t i = 0; status == TN_OK && i < ways->n; i++) {
        TN_TRY(label_into(page, &ways->at[i].label, err));
        told += ways->at[i].references;
        status = add(out, i ? ", " : "");
        if (status == TN_OK)
            status = add(out, label_text(page));
    }
    if (status == TN_OK && ways->n && told < ways->references)
        status = add(out, " and others");
    return status < 0 ? no_memory(page, err) : TN_OK;
}

/* Two blanks a level; the kinds that are not followed by their number. */
static int kind_into(tn_pattern_page *page, const tn_pattern_row *row, uint32_t top_depth, tn_error *err)
{
    char text[64];
    tn_text t;
    tn__text_init(&t, text, sizeof text);
    tn__text_format(&t, "%" PRIu32 " more kind%s", row->n_kinds, row->n_kinds == 1 ? "" : "s");
    tn__text_end(&t);
    page->kind.size = 0;
    int status = TN_OK;
    for (uint32_t i = top_depth; status == TN_OK && i < row->depth; i++)
        status = add(&page->kind, "  ");
    if (status == TN_OK)
        status = add(&page->kind, row->kind ? row->kind : text);
    return status < 0 || tn__buf_append(&page->kind, "", 1) < 0 ? no_memory(page, err) : TN_OK;
}

static const char *name_of(const tn_pattern_row *row)
{
    return row->parent == TN_NONE ? "_" : row->end == TN_PATTERN_REST ? "" : row->name;
}

static int add_number(tn_buf *out, const char *before, uint64_t number, const char *after)
{
    char text[64];
    tn_text t;
    tn__text_init(&t, text, sizeof text);
    tn__text_format(&t, "%s%" PRIu64 "%s", before, number, after);
    tn__text_end(&t);
    return add(out, text);
}

/* "also from a2 .PENDING (1)" */
static int loop_into(tn_pattern_page *page, uint32_t index, uint32_t i, tn_error *err)
{
    tn_buf *out = &page->remarks;
    tn_pattern_loop loop;
    tn_pattern_row from;
    TN_TRY(tn_patterns_loop(page->patterns, index, i, &loop, err));
    uint32_t row = loop.from;
    page->ways.size = 0;
    TN_TRY(ways_into(page, &loop.ways, &page->ways, err)); /* its texts are gone with the next row */
    if (tn__buf_append(&page->ways, "", 1) < 0)
        return no_memory(page, err);
    TN_TRY(tn_patterns_row(page->patterns, row, &from, err));
    int status = add(out, i ? ", " : out->size ? "; also from " : "also from ");
    if (status == TN_OK)
        status = add(out, from.end == TN_PATTERN_REST ? "others" : name_of(&from));
    if (status == TN_OK)
        status = add(out, " ");
    if (status == TN_OK)
        status = add(out, (const char *)page->ways.data);
    if (status == TN_OK)
        status = add_number(out, " (", loop.ways.references, ")");
    return status < 0 ? no_memory(page, err) : TN_OK;
}

enum { MOST_LOOPS = 3 }; /* on a line */

/* "root; 3 held by C code; also from a2 .PENDING (12)" */
static int remarks_into(tn_pattern_page *page, uint32_t index, const tn_pattern_row *row, tn_error *err)
{
    tn_buf *out = &page->remarks;
    uint32_t n_loops = row->n_loops, n = n_loops < MOST_LOOPS ? n_loops : MOST_LOOPS;
    out->size = 0;
    int status = row->end == TN_PATTERN_ROOT ? add(out, "root") : row->end == TN_PATTERN_DEPTH ? add(out, "…") : TN_OK;
    if (status == TN_OK && row->held)
        status = add_number(out, out->size ? "; " : "", row->held, " held by C code");
    for (uint32_t i = 0; status == TN_OK && i < n; i++)
        TN_TRY(loop_into(page, index, i, err));
    if (status == TN_OK && n < n_loops)
        status = add_number(out, ", and ", n_loops - n, " more");
    return status < 0 || tn__buf_append(out, "", 1) < 0 ? no_memory(page, err) : TN_OK;
}

static void shown(const tn_pattern_page *page, const tn_view_options *o, uint32_t *from, uint32_t *end)
{
    *from = o->first < page->n ? o->first : page->n;
    *end = o->limit && o->limit < page->n - *from ? *from + o->limit : page->n;
}

/* ---- text ---- */

static int fill_table(tn_pattern_page *page, const tn_view_options *o, tn_table *t, tn_error *err)
{
    uint32_t from, end;
    tn_pattern_row row;
    TN_TRY(tn_patterns_row(page->patterns, page->top, &row, err));
    uint32_t top_depth = row.depth;
    shown(page, o, &from, &end);
    for (uint32_t i = from; i < end; i++) {
        uint32_t index = page->order[i];
        TN_TRY(tn_patterns_row(page->patterns, index, &row, err));
        TN_TRY(kind_into(page, &row, top_depth, err));
        tn__table_text(t, name_of(&row));
        if (row.parent == TN_NONE)
            tn__table_text(t, "");
        else
            tn__table_u64(t, row.ways.references);
        tn__table_u64(t, row.count);
        tn__table_bytes(t, row.bytes);
        tn__table_text(t, (const char *)page->kind.data);
        page->ways.size = 0;
        TN_TRY(ways_into(page, &row.ways, &page->ways, err));
        if (tn__buf_append(&page->ways, "", 1) < 0)
            return no_memory(page, err);
        tn__table_text(t, (const char *)page->ways.data);
        page->deeper |= row.end == TN_PATTERN_DEPTH;
        TN_TRY(remarks_into(page, index, &row, err)); /* the row's texts are gone with it */
        tn__table_text(t, (const char *)page->remarks.data);
    }
    return t->status < 0 ? no_memory(page, err) : TN_OK;
}

static void option_text(tn_out *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    tn__out_format(out, " %s ", name);
    tn__out_argument(out, value);
}

/* The command of this page, with what names of rows hang on. */
static void print_command(const tn_pattern_page *page, const tn_view_options *o, tn_out *out)
{
    tn__out_text(out, "tonnage patterns ");
    tn__out_argument(out, o->file ? o->file : "FILE");
    option_text(out, "--where", o->where);
    option_text(out, "--by", o->grouped ? tn_by_names[page->patterns->options.by] : NULL);
    option_text(out, "--sort", o->sort);
    if (o->branches)
        tn__out_format(out, " --width %" PRIu32, page->patterns->options.width);
    tn__out_text(out, page->patterns->options.fold ? "" : " --no-fold");
    if (o->against || o->since)
        option_text(out, "--against", o->files ? o->files[0] : "OLD");
}

/* How to come to what is not shown. A set has no words for a command. */
static void print_further(const tn_pattern_page *page, const tn_view_options *o, uint32_t end, tn_out *out)
{
    uint32_t more = page->n - end;
    if (more && o->set && !o->file)
        tn__out_format(out, "<%" PRIu32 " more row%s; skip=%" PRIu32 " for the next, limit=0 for all>\n", more,
                       more == 1 ? "" : "s", end);
    else if (more) {
        tn__out_format(out, "<%" PRIu32 " more row%s: ", more, more == 1 ? "" : "s");
        print_command(page, o, out);
        if (o->depth)
            tn__out_format(out, " --depth %" PRIu32, o->depth);
        option_text(out, "--at", o->at);
        if (o->limit != 20)
            tn__out_format(out, " --limit %" PRIu32, o->limit);
        tn__out_format(out, " --skip %" PRIu32 ">\n", end);
    }
    if (page->deeper && o->set && !o->file)
        tn__out_text(out, "<rows with … go on with the same options and at=NAME>\n");
    else if (page->deeper) {
        tn__out_text(out, "<rows with … go on: ");
        print_command(page, o, out);
        tn__out_text(out, " --at NAME>\n");
    }
}

static void print_head(tn_pattern_page *page, const tn_view_options *o, const tn_pattern_row *set, tn_out *out)
{
    char size[24];
    tn__heading_print(page->snapshot, out, o);
    tn__out_wrap(out, o->width);
    tn__out_format(out, "Who refers to %" PRIu32 " object%s", set->count, set->count == 1 ? "" : "s");
    if (set->dicts)
        tn__out_format(out, " and %" PRIu32 " __dict__%s of theirs", set->dicts, set->dicts == 1 ? "" : "s");
    tn__out_format(out, ", %s, kind by kind. An object stands in one row.\n",
                   tn_format_bytes(page->bytes, size, sizeof size));
    tn__out_unwrap(out);
    tn__out_text(out, "\n");
}

static int write_text(tn_pattern_page *page, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"Name", false, 0}, {"References", true, 0}, {"Count", true, 0}, {"Size", true, 2},
        {"Kind", false, 0}, {"By", false, 0},        {"", false, 0},
    };
    tn_table t;
    tn_pattern_row set;
    tn__table_init(&t, page->alloc, columns, sizeof columns / sizeof *columns);
    int status = fill_table(page, o, &t, err);
    if (status == TN_OK)
        status = tn_patterns_row(page->patterns, 0, &set, err);
    if (status == TN_OK) {
        uint32_t from, end;
        shown(page, o, &from, &end);
        print_head(page, o, &set, out);
        tn__table_print(&t, out, o);
        print_further(page, o, end, out);
    }
    tn__table_free(&t);
    return status;
}

/* ---- JSON ---- */

static int ways_json(tn_pattern_page *page, tn_json *j, const tn_pattern_ways *ways, tn_error *err)
{
    tn__json_u64(j, "references", ways->references);
    tn__json_open(j, "labels", '[');
    for (uint32_t i = 0; i < ways->n; i++) {
        TN_TRY(label_into(page, &ways->at[i].label, err));
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "label", label_text(page));
        tn__json_u64(j, "references", ways->at[i].references);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    return TN_OK;
}

static int loops_json(tn_pattern_page *page, tn_json *j, uint32_t index, uint32_t n, tn_error *err)
{
    tn__json_open(j, "loops", '[');
    for (uint32_t i = 0; i < n; i++) {
        tn_pattern_loop loop;
        tn_pattern_row from;
        TN_TRY(tn_patterns_loop(page->patterns, index, i, &loop, err));
        tn__json_open(j, NULL, '{');
        TN_TRY(ways_json(page, j, &loop.ways, err)); /* its texts are gone with the next row */
        TN_TRY(tn_patterns_row(page->patterns, loop.from, &from, err));
        tn__json_u64(j, "row", loop.from);
        tn__json_string(j, "name", from.end == TN_PATTERN_REST ? NULL : name_of(&from));
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    return TN_OK;
}

static int write_row(tn_pattern_page *page, tn_json *j, uint32_t index, tn_error *err)
{
    static const char *const ends[] = {[TN_PATTERN_OPEN] = "open",
                                       [TN_PATTERN_ROOT] = "root",
                                       [TN_PATTERN_REST] = "rest",
                                       [TN_PATTERN_DEPTH] = "depth"};
    tn_pattern_row row;
    TN_TRY(tn_patterns_row(page->patterns, index, &row, err));
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "row", index);
    if (row.parent == TN_NONE)
        tn__json_null(j, "parent");
    else
        tn__json_u64(j, "parent", row.parent);
    tn__json_string(j, "name", row.end == TN_PATTERN_REST ? NULL : name_of(&row));
    tn__json_u64(j, "depth", row.depth);
    tn__json_string(j, "kind", row.kind);
    tn__json_string(j, "end", ends[row.end]);
    tn__json_u64(j, "kinds", row.n_kinds);
    tn__json_u64(j, "count", row.count);
    tn__json_u64(j, "dicts", row.dicts);
    tn__json_u64(j, "size", row.bytes);
    TN_TRY(ways_json(page, j, &row.ways, err));
    if (row.ways.n) {
        TN_TRY(label_into(page, &row.ways.at[0].label, err));
        tn__json_string(j, "label", label_text(page));
    } else
        tn__json_null(j, "label");
    tn__json_u64(j, "held", row.held);
    tn__json_hex(j, "address",
                 row.example < tn_snapshot_n_objects(page->snapshot) ? tn__snapshot_address(page->snapshot, row.example)
                                                                     : 0);
    TN_TRY(loops_json(page, j, index, row.n_loops, err));
    tn__json_close(j, '}');
    return TN_OK;
}

static int write_json(tn_pattern_page *page, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const char *const columns[] = {"name", "references", "count", "size", "kind", "label", "loops"};
    uint32_t from, end;
    tn_json j;
    shown(page, o, &from, &end);
    tn__json_start(&j, out, "patterns");
    tn__json_string(&j, "where", o->where);
    tn__against_json(o, &j);
    tn__json_string(&j, "by", tn_by_names[page->patterns->options.by]);
    tn__json_bool(&j, "fold", page->patterns->options.fold);
    tn__json_u64(&j, "depth", page->patterns->options.depth);
    tn__json_u64(&j, "width", page->patterns->options.width);
    tn__json_strings(&j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "size", "bytes");
    tn__json_string(&j, "references", "references");
    tn__json_string(&j, "address", "address");
    tn__json_close(&j, '}');
    tn__json_open(&j, "rows", '[');
    for (uint32_t i = from; i < end; i++)
        TN_TRY(write_row(page, &j, page->order[i], err));
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__json_open(&j, "total", '{');
    tn__json_u64(&j, "count", tn_set_count(page->patterns->set));
    tn__json_u64(&j, "size", page->bytes);
    tn__json_close(&j, '}');
    tn__json_u64(&j, "more", page->n - end);
    tn__info_json(&j, page->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

int tn_view_patterns(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_pattern_page page = {.snapshot = s, .alloc = tn__snapshot_alloc(s)};
    tn_out out;
    tn_view_options o;
    tn_diff *made;
    tn__buf_init(&page.label, page.alloc);
    tn__buf_init(&page.ways, page.alloc);
    tn__buf_init(&page.kind, page.alloc);
    tn__buf_init(&page.remarks, page.alloc);
    tn__out_init(&out, sink);
    int status = tn__against(s, options, &o, &made, err);
    if (status == TN_OK)
        status = compute(&page, &o, err);
    if (status == TN_OK)
        status = o.form == TN_JSON ? write_json(&page, &o, &out, err) : write_text(&page, &o, &out, err);
    if (status == TN_OK)
        status = tn__out_end(&out, err);
    status = tn__memory_told(s, status, err);
    tn__free(page.alloc, page.order, page.n_order * sizeof *page.order);
    tn_patterns_free(page.made);
    tn_diff_close(made);
    tn__buf_free(&page.label);
    tn__buf_free(&page.ways);
    tn__buf_free(&page.kind);
    tn__buf_free(&page.remarks);
    return status;
}
