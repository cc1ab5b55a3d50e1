/* refs.c - what an object refers to, or what refers to it, as a tree of some levels: rows are those of show.c. */
#include "view/refs.h"

#include "view/show.h"
#include "view/summary.h"

#include <inttypes.h>
#include <string.h>

typedef struct tn_ref_row {
    uint32_t depth, id; /* depth: 1 for what the object itself refers to */
    uint32_t parent;    /* row, TN_NONE for those */
    enum tn_reference_kind kind;
    bool repeated;           /* its own references stand elsewhere */
    uint64_t more;           /* references below that are not shown */
    uint64_t label, preview; /* offsets in texts; UINT64_MAX: none */
    const char *type;
    uint64_t address, size, count; /* count: of references; more than 1 where functions are folded */
} tn_ref_row;

/* A node whose neighbours are being gone through. */
typedef struct tn_ref_level {
    tn_show show;
    uint32_t at, row; /* row of the node; TN_NONE: the object itself */
} tn_ref_level;

typedef struct tn_refs {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    bool referrers;
    uint32_t depth;
    tn_set *expanded;
    tn_set *set; /* of --where; the levels share it */
    tn_buf levels, rows, texts;
    uint32_t n_levels, n_rows;
    uint64_t n_all, more; /* of the object itself */
    tn_node node;
    tn_type type;
} tn_refs;

static tn_ref_row *row_at(const tn_refs *r, uint32_t i)
{
    return (tn_ref_row *)(void *)r->rows.data + i;
}

static tn_ref_level *top(const tn_refs *r)
{
    return (tn_ref_level *)(void *)r->levels.data + r->n_levels - 1;
}

static int keep(tn_refs *r, const char *text, uint64_t *at, tn_error *err)
{
    *at = text ? r->texts.size : UINT64_MAX;
    return text && tn__buf_append(&r->texts, text, strlen(text) + 1) < 0 ? tn__no_memory(r->snapshot, err) : TN_OK;
}

static int open_level(tn_refs *r, uint32_t id, uint32_t row, const tn_view_options *o, tn_error *err)
{
    tn_ref_level level = {.row = row};
    tn_view_options inner = *o;
    if (r->set) {
        inner.where = inner.where_rows = NULL;
        inner.set = NULL;
    }
    int status = tn__show_open(&level.show, r->snapshot, &inner, err);
    level.show.fold = r->referrers;
    if (status == TN_OK && !r->set)
        r->set = level.show.set;
    level.show.set = r->set;
    if (status == TN_OK)
        status = tn__show_fill(&level.show, id, r->referrers ? TN_SHOW_REFERRERS : TN_SHOW_REFERENCES, err);
    if (status == TN_OK && tn__buf_append(&r->levels, &level, sizeof level) < 0)
        status = tn__no_memory(r->snapshot, err);
    if (status < 0) {
        level.show.set = NULL;
        tn__show_close(&level.show);
        return status;
    }
    r->n_levels++;
    tn__set_add(r->expanded, id);
    return TN_OK;
}

static void close_level(tn_refs *r)
{
    tn_ref_level *level = top(r);
    const tn_neighbours *list = r->referrers ? &level->show.referrers : &level->show.references;
    uint64_t more = list->n_all - list->n_folded - list->n_rows;
    if (level->row == TN_NONE) {
        r->more = more;
        r->n_all = list->n_all;
    } else {
        row_at(r, level->row)->more = more;
    }
    level->show.set = NULL;
    tn__show_close(&level->show);
    r->n_levels--;
    r->levels.size -= sizeof *level;
}

static int add_row(tn_refs *r, const tn_show *show, const tn_neighbour *n, tn_error *err)
{
    tn_ref_row row = {.depth = r->n_levels,
                      .id = n->id,
                      .parent = top(r)->row,
                      .kind = n->reference.kind,
                      .repeated = r->n_levels < r->depth && n->count == 1 && tn_set_has(r->expanded, n->id),
                      .type = n->type,
                      .address = n->address,
                      .size = n->size,
                      .count = n->count};
    TN_TRY(keep(r, tn__show_text(show, n->label), &row.label, err));
    TN_TRY(keep(r, tn__show_text(show, n->preview), &row.preview, err));
    if (tn__buf_append(&r->rows, &row, sizeof row) < 0)
        return tn__no_memory(r->snapshot, err);
    r->n_rows++;
    return TN_OK;
}

static int compute(tn_refs *r, uint32_t id, const tn_view_options *o, tn_error *err)
{
    TN_TRY(tn_node_get(r->snapshot, id, &r->node, err));
    TN_TRY(tn_snapshot_type(r->snapshot, r->node.type, &r->type));
    TN_TRY(tn__set_new(r->alloc, tn_snapshot_n_nodes(r->snapshot), &r->expanded, err));
    TN_TRY(open_level(r, id, TN_NONE, o, err));
    while (r->n_levels) {
        tn_ref_level *level = top(r);
        const tn_neighbours *list = r->referrers ? &level->show.referrers : &level->show.references;
        if (level->at == list->n_rows) {
            close_level(r);
            continue;
        }
        const tn_neighbour *n = tn__show_row(list, level->at++);
        uint32_t next = n->id;
        bool single = n->count == 1;
        TN_TRY(add_row(r, &level->show, n, err));
        if (single && r->n_levels < r->depth && !tn_set_has(r->expanded, next))
            TN_TRY(open_level(r, next, r->n_rows - 1, o, err));
    }
    return TN_OK;
}

/* ---- text ---- */

static const char *text_at(const tn_refs *r, uint64_t at)
{
    return at == UINT64_MAX ? NULL : (const char *)r->texts.data + at;
}

static void print_more(uint64_t more, uint32_t depth, tn_out *out)
{
    if (more)
        tn__out_format(out, "%*s<%" PRIu64 " more; use --limit N to see more, --limit 0 for all>\n", (int)(2 * depth),
                       "", more);
}

/* 512 functions by .__globals__, 68.0 KiB */
static void print_fold(const tn_refs *r, const tn_ref_row *row, tn_out *out)
{
    char size[24];
    tn__out_format(out, "%*s%" PRIu64 " functions by %s, %s, one of them at 0x%" PRIx64 "\n", (int)(2 * row->depth), "",
                   row->count, text_at(r, row->label), tn_format_bytes(row->size, size, sizeof size), row->address);
}

static void print_row(const tn_refs *r, const tn_ref_row *row, tn_out *out)
{
    if (row->count > 1) {
        print_fold(r, row, out);
        return;
    }
    char size[24];
    const char *label = text_at(r, row->label), *preview = text_at(r, row->preview);
    tn__out_format(out, "%*s", (int)(2 * row->depth), "");
    if (!r->referrers)
        tn__out_text(out, *label == ' ' ? label + 1 : label);
    tn__out_text(out, r->referrers ? "" : "  ");
    tn__out_escaped(out, row->type);
    if (row->address)
        tn__out_format(out, " at 0x%" PRIx64 ", %s", row->address, tn_format_bytes(row->size, size, sizeof size));
    if (preview) {
        tn__out_text(out, ", ");
        tn__out_text(out, preview);
    }
    if (r->referrers) {
        tn__out_text(out, *label == ' ' ? " :" : " : ");
        tn__out_text(out, label);
    }
    if (row->kind != TN_REF_OWNING)
        tn__out_format(out, "  (%s)", tn__kind_name(row->kind));
    tn__out_text(out, row->repeated ? "  (see above)\n" : "\n");
}

static void write_text(const tn_refs *r, const tn_view_options *o, tn_out *out)
{
    char size[24];
    tn__out_text(out, o->color ? "\033[1m" : "");
    tn__out_escaped(out, r->type.full_name);
    if (r->node.address)
        tn__out_format(out, " at 0x%" PRIx64, r->node.address);
    tn__out_text(out, o->color ? "\033[0m" : "");
    tn__out_format(out, ", %s, %s %" PRIu64 " time%s\n", tn_format_bytes(r->node.size, size, sizeof size),
                   r->referrers ? "is referred to" : "refers", r->n_all, r->n_all == 1 ? "" : "s");
    tn__selected_print(out, o);
    for (uint32_t i = 0; i < r->n_rows; i++) {
        const tn_ref_row *row = row_at(r, i);
        print_row(r, row, out);
        /* what a row leaves out stands behind all below it */
        uint32_t next = i + 1 < r->n_rows ? row_at(r, i + 1)->depth : 1;
        for (uint32_t k = i; k != TN_NONE && row_at(r, k)->depth >= next; k = row_at(r, k)->parent)
            print_more(row_at(r, k)->more, row_at(r, k)->depth + 1, out);
    }
    print_more(r->more, 1, out);
}

/* ---- JSON ---- */

static void row_json(const tn_refs *r, const tn_ref_row *row, tn_json *j)
{
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "depth", row->depth);
    tn__json_label(j, "label", text_at(r, row->label));
    tn__json_string(j, "kind", tn__kind_name(row->kind));
    tn__json_u64(j, "node", row->id);
    tn__json_hex(j, "address", row->address);
    tn__json_string(j, "type", row->type);
    tn__json_u64(j, "size", row->size);
    tn__json_string(j, "preview", text_at(r, row->preview));
    tn__json_u64(j, "count", row->count);
    tn__json_bool(j, "repeated", row->repeated);
    tn__json_u64(j, "more", row->more);
    tn__json_close(j, '}');
}

static void write_json(const tn_refs *r, const tn_view_options *o, tn_out *out)
{
    static const char *const columns[] = {"depth", "label",   "kind",  "node",     "address", "type",
                                          "size",  "preview", "count", "repeated", "more"};
    tn_json j;
    tn__json_start(&j, out, r->referrers ? "referrers" : "refs");
    tn__json_string(&j, "where", o->where);
    tn__against_json(o, &j);
    tn__json_u64(&j, "node", r->node.id);
    tn__json_hex(&j, "address", r->node.address);
    tn__json_string(&j, "type", r->type.full_name);
    tn__json_strings(&j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "size", "bytes");
    tn__json_string(&j, "address", "address");
    tn__json_close(&j, '}');
    tn__json_open(&j, "rows", '[');
    for (uint32_t i = 0; i < r->n_rows; i++)
        row_json(r, row_at(r, i), &j);
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__json_u64(&j, "count", r->n_all);
    tn__json_u64(&j, "more", r->more);
    tn__info_json(&j, r->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
}

static int view_one(tn_snapshot *s, uint32_t id, bool referrers, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_refs r = {
        .snapshot = s, .alloc = tn__snapshot_alloc(s), .referrers = referrers, .depth = o->depth ? o->depth : 1};
    tn__buf_init(&r.levels, r.alloc);
    tn__buf_init(&r.rows, r.alloc);
    tn__buf_init(&r.texts, r.alloc);
    int status = compute(&r, id, o, err);
    if (status == TN_OK && o->form == TN_JSON)
        write_json(&r, o, out);
    else if (status == TN_OK)
        write_text(&r, o, out);
    while (r.n_levels)
        close_level(&r);
    tn_set_free(r.set);
    tn_set_free(r.expanded);
    tn__buf_free(&r.levels);
    tn__buf_free(&r.rows);
    tn__buf_free(&r.texts);
    return status;
}

static int view(tn_snapshot *s, uint32_t id, bool referrers, const tn_view_options *options, const tn_sink *sink,
                tn_error *err)
{
    tn_out out;
    tn_view_options o;
    tn_diff *made;
    TN_TRY(tn__against(s, options, &o, &made, err));
    tn__out_init(&out, sink);
    bool tree = id != TN_NONE && !o.grouped;
    int status = !tree    ? tn__ref_groups(s, id, referrers, &o, &out, err)
                 : o.fold ? tn__error_set(err, TN_EINVAL, 0, "a tree of references has dicts in it: fold goes with by")
                          : view_one(s, id, referrers, &o, &out, err);
    tn_diff_close(made);
    return status == TN_OK ? tn__out_end(&out, err) : status;
}

int tn_view_refs(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    return view(s, id, false, options, sink, err);
}

int tn_view_referrers(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    return view(s, id, true, options, sink, err);
}
