/* heapsnapshot.c - the file that Chrome's DevTools load: one JSON object whose keys stand in the order in which they look for
 * them, its nodes and references as rows of numbers, its strings last.
 *
 * References are gone through three times: to count them, which the head of the file and each node need, and to write them.
 */
#include "export/heapsnapshot.h"

#include <inttypes.h>
#include <string.h>

static const char head[] =
    "{\"snapshot\":{\"meta\":{"
    "\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\",\"trace_node_id\",\"detachedness\"],"
    "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\","
    "\"synthetic\",\"concatenated string\",\"sliced string\",\"symbol\",\"bigint\"],"
    "\"string\",\"number\",\"number\",\"number\",\"number\",\"number\"],"
    "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"
    "\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],"
    "\"string_or_number\",\"node\"],"
    "\"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\",\"script_id\",\"line\",\"column\"],"
    "\"trace_node_fields\":[\"id\",\"function_info_index\",\"count\",\"size\",\"children\"],"
    "\"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],"
    "\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]},";

typedef struct tn_heap_file {
    tn_out *out;
    tn_heap_plan plan;
    tn_heap_names names;
    tn_heap_ids ids;
    tn_heap_edges edges;
    uint64_t n_edges; /* of what is counted */
    bool comma;
    tn_buf rests; /* uint32_t: bytes of each node that is a rest */
} tn_heap_file;

/* ---- numbers ---- */

static char *put_number(char *at, uint32_t value)
{
    char digits[10];
    unsigned n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n)
        *at++ = digits[--n];
    return at;
}

/* A row on a line of its own. */
static void put_row(tn_heap_file *f, const uint32_t *numbers, size_t n)
{
    char row[TN_HEAP_NODE_FIELDS * 11 + 2], *at = row;
    if (f->comma)
        *at++ = ',';
    *at++ = '\n';
    for (size_t i = 0; i < n; i++) {
        if (i)
            *at++ = ',';
        at = put_number(at, numbers[i]);
    }
    f->comma = true;
    tn__out_bytes(f->out, row, (size_t)(at - row));
}

static void open_rows(tn_heap_file *f, const char *key)
{
    tn__out_format(f->out, "\"%s\":[", key);
    f->comma = false;
}

/* ---- nodes ---- */

static int count_edge(void *ctx, enum tn_heap_edge type, uint32_t name, uint32_t to, tn_error *err)
{
    tn_heap_file *f = ctx;
    (void)type, (void)name, (void)to, (void)err;
    f->n_edges++;
    return TN_OK;
}

static int write_edge(void *ctx, enum tn_heap_edge type, uint32_t name, uint32_t to, tn_error *err)
{
    (void)err;
    put_row(ctx, (const uint32_t[]){type, name, to * TN_HEAP_NODE_FIELDS}, 3);
    return TN_OK;
}

static int write_node(tn_heap_file *f, enum tn_heap_type type, uint32_t name, uint32_t id, uint64_t bytes,
                      tn_error *err)
{
    uint32_t own = bytes < TN_HEAP_MOST ? (uint32_t)bytes : TN_HEAP_MOST;
    if (f->n_edges > UINT32_MAX)
        return tn__error_set(err, TN_ELIMIT, 0, "a node has more than 2^32 references");
    for (uint64_t left = bytes - own; left;) {
        uint32_t piece = left < TN_HEAP_MOST ? (uint32_t)left : TN_HEAP_MOST;
        if (tn__buf_append(&f->rests, &piece, sizeof piece) < 0)
            return tn__no_memory(f->plan.snapshot, err);
        left -= piece;
    }
    put_row(f, (const uint32_t[]){type, name, id, own, (uint32_t)f->n_edges, 0, 0}, TN_HEAP_NODE_FIELDS);
    f->n_edges = 0;
    return TN_OK;
}

static int write_stand_in(tn_heap_file *f, enum tn_heap_type type, const char *text, uint64_t bytes, tn_error *err)
{
    uint32_t name, id;
    TN_TRY(tn__heap_string(&f->names, text, &name, err));
    TN_TRY(tn__heap_id_next(&f->ids, &id, err));
    return write_node(f, type, name, id, bytes, err);
}

/* ---- what comes in order of places ---- */

/* A node of the snapshot: its references are visited, and, where nodes is set, it is written. */
static int go_over_kept(tn_heap_file *f, bool nodes, tn_error *err)
{
    tn_heap_sizes sizes;
    uint64_t bytes;
    bool own;
    int status = TN_OK;
    TN_TRY(tn__heap_sizes_open(f->plan.snapshot, &sizes, err));
    for (uint32_t id = 0; id < f->plan.graph.n_nodes && status == TN_OK && !f->out->failed; id++) {
        if (id == f->plan.graph.root || !tn__heap_kept(&f->plan, id))
            continue;
        enum tn_heap_type type = TN_HEAP_OBJECT;
        uint32_t name = 0, number = 0;
        status = tn__heap_size(&sizes, id, &bytes, &own, err);
        if (status == TN_OK)
            status = tn__heap_node_edges(&f->edges, id, bytes, err);
        if (!nodes || status < 0)
            continue;
        status = tn__heap_node_name(&f->names, id, own, &type, &name, err);
        if (status == TN_OK && id >= f->plan.graph.n_objects)
            status = tn__heap_id_next(&f->ids, &number, err);
        else if (status == TN_OK)
            number = tn__heap_id_of(&f->ids, id);
        if (status == TN_OK)
            status = write_node(f, type, name, number, bytes, err);
    }
    tn__sizes_close(&sizes.sizes);
    return status;
}

static int go_over(tn_heap_file *f, bool nodes, tn_error *err)
{
    static const char *const groups[] = {"(immortal)", "(static memory)", "(held by C)", "(garbage)"};
    const tn_heap_plan *p = &f->plan;
    f->edges.next_rest = tn__heap_first_fold(p) + p->n_folds;
    if (p->n_folds)
        memset(f->edges.stamps, 0xff, tn__heap_n_nodes(p) * sizeof *f->edges.stamps);
    TN_TRY(tn__heap_root_edges(&f->edges, err));
    if (nodes)
        TN_TRY(write_stand_in(f, TN_HEAP_SYNTHETIC, "(root)", 0, err));
    for (uint32_t i = 0; i < TN_HEAP_GROUPS; i++) {
        TN_TRY(tn__heap_group_edges(&f->edges, (enum tn_hold)(TN_HOLD_IMMORTAL + i), err));
        if (nodes)
            TN_TRY(write_stand_in(f, TN_HEAP_SYNTHETIC, groups[i], 0, err));
    }
    TN_TRY(go_over_kept(f, nodes, err));
    for (uint32_t i = 0; i < p->n_folds; i++) {
        TN_TRY(tn__heap_fold_edges(&f->edges, i, err));
        if (nodes)
            TN_TRY(write_stand_in(f, TN_HEAP_NATIVE, "(folded objects)", tn__heap_fold_at(p, i)->bytes, err));
    }
    for (size_t i = 0; nodes && i < f->rests.size / sizeof(uint32_t); i++)
        TN_TRY(
            write_stand_in(f, TN_HEAP_NATIVE, "(more bytes)", ((const uint32_t *)(const void *)f->rests.data)[i], err));
    return TN_OK;
}

static int write_nodes(tn_heap_file *f, tn_error *err)
{
    f->edges.visit = count_edge;
    f->n_edges = 0;
    open_rows(f, "nodes");
    TN_TRY(go_over(f, true, err));
    tn__out_text(f->out, "],\n");
    return TN_OK;
}

static int write_edges(tn_heap_file *f, tn_error *err)
{
    f->edges.visit = write_edge;
    f->edges.telling = true;
    open_rows(f, "edges");
    TN_TRY(go_over(f, false, err));
    tn__out_text(f->out, "],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],\n");
    return TN_OK;
}

static void write_strings(tn_heap_file *f)
{
    const tn_strtab *tab = &f->names.strings;
    const uint32_t *starts = (const uint32_t *)(const void *)tab->offsets.data;
    open_rows(f, "strings");
    for (uint32_t i = 0; i < tab->count; i++) {
        tn__out_text(f->out, i ? ",\n" : "\n");
        tn__json_quoted(f->out, (const char *)tab->bytes.data + starts[i], starts[i + 1] - starts[i]);
    }
    tn__out_text(f->out, "]}\n");
}

static int write_file(tn_heap_file *f, tn_error *err)
{
    f->edges.visit = count_edge;
    f->edges.ctx = f;
    TN_TRY(go_over(f, false, err));
    tn__out_text(f->out, head);
    tn__out_format(f->out, "\"node_count\":%" PRIu64 ",\"edge_count\":%" PRIu64 ",\"trace_function_count\":0},\n",
                   tn__heap_n_nodes(&f->plan), f->n_edges);
    TN_TRY(write_nodes(f, err));
    TN_TRY(write_edges(f, err));
    write_strings(f);
    return TN_OK;
}

static int write_planned(tn_heap_file *f, tn_error *err)
{
    TN_TRY(tn__heap_names_open(f->plan.snapshot, &f->names, err));
    int status = tn__heap_edges_open(&f->plan, &f->names, &f->edges, err);
    if (status == TN_OK) {
        status = tn__heap_ids_make(&f->plan, &f->ids, err);
        if (status == TN_OK) {
            status = write_file(f, err);
            tn__heap_ids_free(&f->ids);
        }
        tn__heap_edges_close(&f->edges);
    }
    tn__heap_names_close(&f->names);
    return status;
}

int tn__export_heapsnapshot(const tn_export_job *job, tn_error *err)
{
    tn_heap_file f = {.out = job->out};
    const tn_export_options *o = job->options;
    if (o->where || o->set || o->against)
        return tn__error_set(err, TN_EINVAL, 0, "a heap snapshot is of the whole graph: nothing can be selected");
    TN_TRY(tn__heap_plan_make(job->snapshot, o->max_nodes, &f.plan, err));
    tn__buf_init(&f.rests, f.plan.alloc);
    int status = write_planned(&f, err);
    tn__buf_free(&f.rests);
    tn__heap_plan_free(&f.plan);
    return status;
}
