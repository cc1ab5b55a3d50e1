/* picture_json.c - a picture as docs/view-json.md specifies it. */
#include "view/picture.h"
#include "view/show.h"

#include <string.h>

/* line has room for each of them. */
static void lines_json(tn_json *j, char *line, const char *text)
{
    tn__json_open(j, "lines", '[');
    while (*text) {
        size_t n = strcspn(text, "\n");
        memcpy(line, text, n);
        line[n] = '\0';
        tn__json_string(j, NULL, line);
        text += n + (text[n] == '\n');
    }
    tn__json_close(j, ']');
}

static void node_json(const tn_picture *p, tn_json *j, char *line, uint32_t index)
{
    tn_picture_node node;
    tn_picture_node_at(p, index, &node);
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "id", index);
    tn__json_string(j, "kind", tn_drawn_names[node.kind]);
    tn__json_string(j, "title", node.title);
    lines_json(j, line, node.text);
    if (node.node == TN_NONE)
        tn__json_null(j, "type");
    else
        tn__json_string(j, "type", tn__type_name(p->snapshot, node.node));
    tn__json_hex(j, "address", node.node < p->graph.n_objects ? tn__snapshot_address(p->snapshot, node.node) : 0);
    tn__json_u64(j, "count", node.count);
    tn__json_u64(j, "size", node.bytes);
    tn__json_bool(j, "asked", node.asked);
    tn__json_bool(j, "highlighted", node.highlighted);
    if (node.cluster == TN_NONE)
        tn__json_null(j, "cluster");
    else
        tn__json_u64(j, "cluster", node.cluster);
    tn__json_close(j, '}');
}

static void edge_json(const tn_picture *p, tn_json *j, uint32_t index)
{
    tn_picture_edge edge;
    tn_picture_edge_at(p, index, &edge);
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "from", edge.from);
    tn__json_u64(j, "to", edge.to);
    tn__json_string(j, "label", edge.label);
    tn__json_string(j, "kind", tn__kind_name(edge.kind));
    tn__json_u64(j, "count", edge.count);
    tn__json_close(j, '}');
}

int tn_picture_json(const tn_picture *p, const tn_sink *sink, tn_error *err)
{
    static const char *const columns[] = {"id",    "kind", "title", "lines",       "type",   "address",
                                          "count", "size", "asked", "highlighted", "cluster"};
    tn_picture_about about;
    tn_out out;
    tn_json j;
    TN_TRY(tn__snapshot_addresses(p->snapshot, err));
    char *line = tn__alloc(p->alloc, p->texts.size);
    if (!line)
        return tn__picture_no_memory(p, err);
    tn_picture_tell(p, &about);
    tn__out_init(&out, sink);
    tn__json_start(&j, &out, "graph");
    tn__json_string(&j, "of", tn_picture_names[about.of]);
    tn__json_string(&j, "title", about.title);
    tn__json_string(&j, "where", p->view.where);
    tn__against_json(&p->view, &j);
    if (about.of == TN_PICTURE_GROUPS || about.of == TN_PICTURE_CYCLES)
        tn__json_string(&j, "by", tn_by_names[p->view.by]);
    else
        tn__json_null(&j, "by");
    tn__json_strings(&j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "address", "address");
    tn__json_string(&j, "count", "objects");
    tn__json_string(&j, "size", "bytes");
    tn__json_close(&j, '}');
    tn__json_open(&j, "rows", '[');
    for (uint32_t i = 0; i < about.n_nodes; i++)
        node_json(p, &j, line, i);
    tn__json_close(&j, ']');
    tn__json_open(&j, "edges", '[');
    for (uint32_t i = 0; i < about.n_edges; i++)
        edge_json(p, &j, i);
    tn__json_close(&j, ']');
    tn__json_open(&j, "clusters", '[');
    for (uint32_t i = 0; i < about.n_clusters; i++)
        tn__json_string(&j, NULL, tn_picture_cluster(p, i));
    tn__json_close(&j, ']');
    tn__info_json(&j, p->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(&out, "\n");
    tn__free(p->alloc, line, p->texts.size);
    return tn__out_end(&out, err);
}
