/* dot.c - a picture as DOT text, which Graphviz draws. Nodes are n0, n1, … in the order of the picture: the same picture is the
 * same text.
 *
 * Colours are tints of those of Okabe and Ito, which people who see no red or green tell apart; what they say is also said by
 * words, borders or dashes. Numbers are written by integers: no decimal point of a locale.
 */
#include "base/base.h"

#include <string.h>

typedef struct tn_dot {
    const tn_sink *sink;
    const tn_picture *picture;
    tn_picture_about about;
    uint64_t largest; /* bytes of a node */
    bool failed;
} tn_dot;

static void put_bytes(tn_dot *d, const char *text, size_t n)
{
    if (n && !d->failed)
        d->failed = !d->sink->write(d->sink->ctx, text, n);
}

static void put(tn_dot *d, const char *text)
{
    put_bytes(d, text, strlen(text));
}

static void put_number(tn_dot *d, uint64_t n)
{
    char text[24];
    tn__compose(text, sizeof text, "%llu", (unsigned long long)n);
    put(d, text);
}

static void put_hundredths(tn_dot *d, uint64_t n)
{
    put_number(d, n / 100);
    put(d, ".");
    put_number(d, n / 10 % 10);
    put_number(d, n % 10);
}

/* Inside of <…>; a newline begins a line. Graphviz would make the name of the node of \N, and a backslash of two. */
static void put_html(tn_dot *d, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "&<>\"\\\n");
        put_bytes(d, text, n);
        text += n;
        switch (*text) {
        case '&': put(d, "&amp;"); break;
        case '<': put(d, "&lt;"); break;
        case '>': put(d, "&gt;"); break;
        case '"': put(d, "&quot;"); break;
        case '\\': put(d, "&#92;&#92;"); break;
        case '\n': put(d, "<br/>"); break;
        default: return;
        }
        text++;
    }
}

/* ---- what things look like ---- */

typedef struct tn_paint {
    const char *fill, *line, *word; /* word: of the legend */
} tn_paint;
static const tn_paint paints[TN_DRAWN_KINDS] = {
    [TN_DRAWN_OBJECT] = {"#cfe5f5", "#0072b2", "object"},
    [TN_DRAWN_CONTAINER] = {"#eeeeee", "#888888", "container"},
    [TN_DRAWN_BUILTIN] = {"#ffffff", "#aaaaaa", "other builtin"},
    [TN_DRAWN_CLASS] = {"#f5dfec", "#cc79a7", "class"},
    [TN_DRAWN_ROOT] = {"#cdeee2", "#009e73", "root"},
    [TN_DRAWN_GROUP] = {"#cfe5f5", "#0072b2", NULL},
    [TN_DRAWN_GHOST] = {"#ffffff", "#999999", "left out"},
};
static const tn_paint asked = {"#fbe3b0", "#e69f00", NULL};
static const char highlighted[] = "#d55e00";

enum { SMALLEST = 35, WIDEST = 320, ROOMY = 110, LETTER = 9 }; /* hundredths of an inch: of circles; of a letter */

/* Of the square root: the area is in proportion. */
static uint64_t root_of(uint64_t n)
{
    uint64_t low = 0, high = 1u << 31;
    while (low < high) {
        uint64_t middle = (low + high + 1) / 2;
        if (middle * middle <= n)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static uint64_t diameter(const tn_dot *d, uint64_t bytes)
{
    double share = d->largest ? (double)bytes / (double)d->largest : 0;
    uint64_t width = WIDEST * root_of((uint64_t)(share * 1e8)) / 10000;
    return width > SMALLEST ? width : SMALLEST;
}

/* ---- nodes ---- */

static void put_words(tn_dot *d, const tn_picture_node *node)
{
    put(d, "<");
    put(d, node->kind == TN_DRAWN_GHOST ? "" : "<b>");
    put_html(d, *node->title ? node->title : "''"); /* there is no empty element */
    put(d, node->kind == TN_DRAWN_GHOST ? "" : "</b>");
    if (*node->text) {
        put(d, "<br/><font point-size=\"10\" color=\"#444444\">");
        put_html(d, node->text);
        put(d, "</font>");
    }
    put(d, ">");
}

static void put_circle(tn_dot *d, const tn_picture_node *node)
{
    uint64_t width = diameter(d, node->bytes);
    bool fits = width >= ROOMY && width >= LETTER * strlen(node->title);
    put(d, ", shape=circle, fixedsize=true, width=");
    put_hundredths(d, width);
    put(d, fits ? ", label=" : ", label=\"\", xlabel=");
    put_words(d, node);
}

static void put_node(tn_dot *d, uint32_t index)
{
    tn_picture_node node;
    tn_picture_node_at(d->picture, index, &node);
    const tn_paint *paint = node.asked ? &asked : &paints[node.kind];
    put(d, "n");
    put_number(d, index);
    put(d, " [fillcolor=\"");
    put(d, paint->fill);
    put(d, "\", color=\"");
    put(d, node.highlighted ? highlighted : paint->line);
    put(d, "\"");
    put(d, node.highlighted ? ", penwidth=3" : node.asked ? ", penwidth=2" : "");
    if (node.kind == TN_DRAWN_GHOST)
        put(d, ", style=\"dashed,rounded\", fontcolor=\"#777777\"");
    if (node.kind == TN_DRAWN_ROOT || node.kind == TN_DRAWN_CLASS)
        put(d, ", style=filled");
    if (d->about.proportional && node.kind == TN_DRAWN_GROUP) {
        put_circle(d, &node);
    } else {
        put(d, ", label=");
        put_words(d, &node);
    }
    put(d, "];\n");
}

static void put_nodes(tn_dot *d, uint32_t cluster)
{
    tn_picture_node node;
    for (uint32_t i = 0; i < d->about.n_nodes; i++) {
        tn_picture_node_at(d->picture, i, &node);
        if (node.cluster != cluster)
            continue;
        put(d, cluster == TN_NONE ? "  " : "    ");
        put_node(d, i);
    }
}

/* One after another in the list of nodes, so that a cluster is a piece of it. */
static void put_clusters(tn_dot *d)
{
    for (uint32_t i = 0; i < d->about.n_clusters; i++) {
        put(d, "  subgraph cluster_");
        put_number(d, i);
        put(d, " {\n    style=rounded; color=\"#bbbbbb\"; fontsize=11; margin=12; label=<");
        put_html(d, tn_picture_cluster(d->picture, i));
        put(d, ">;\n");
        put_nodes(d, i);
        put(d, "  }\n");
    }
}

/* ---- edges ---- */

static const char *style_of(enum tn_reference_kind kind)
{
    switch (kind) {
    case TN_REF_WEAK:
    case TN_REF_GUESSED: return ", style=dashed";
    case TN_REF_BORROWED: return ", style=dotted";
    default: return "";
    }
}

/* A quarter of a point for each time that the number doubles. */
static uint64_t pen_of(uint64_t count)
{
    uint64_t width = 100;
    for (; count > 1; count /= 2)
        width += 25;
    return width < 600 ? width : 600;
}

static void put_edge(tn_dot *d, uint32_t index)
{
    enum { LABELLED = 3 };
    tn_picture_edge edge;
    tn_picture_node from, to;
    tn_picture_edge_at(d->picture, index, &edge);
    tn_picture_node_at(d->picture, edge.from, &from);
    tn_picture_node_at(d->picture, edge.to, &to);
    bool ghost = from.kind == TN_DRAWN_GHOST || to.kind == TN_DRAWN_GHOST;
    put(d, "  n");
    put_number(d, edge.from);
    put(d, " -> n");
    put_number(d, edge.to);
    put(d, " [penwidth=");
    put_hundredths(d, ghost ? 100 : pen_of(edge.count));
    put(d, ghost ? ", style=dashed, color=\"#aaaaaa\"" : style_of(edge.kind));
    if (*edge.label) {
        put(d, ", label=<");
        put_html(d, edge.label);
        if (edge.count > LABELLED && d->about.of != TN_PICTURE_GROUPS) {
            put(d, " (");
            put_number(d, edge.count);
            put(d, ")");
        }
        if (edge.kind == TN_REF_WEAK || edge.kind == TN_REF_GUESSED)
            put(d, edge.kind == TN_REF_WEAK ? "<br/>weak" : "<br/>guessed");
        put(d, ">");
    }
    put(d, "];\n");
}

/* ---- all of it ---- */

static void put_sample(tn_dot *d, const char *color, const char *word)
{
    put(d, "<font color=\"");
    put(d, color);
    put(d, "\">■</font> ");
    put(d, word);
    put(d, "   ");
}

/* What the colours that are there stand for. */
static void put_legend(tn_dot *d)
{
    bool kinds[TN_DRAWN_KINDS] = {0}, some_asked = false, some_highlighted = false;
    tn_picture_node node;
    for (uint32_t i = 0; i < d->about.n_nodes; i++) {
        tn_picture_node_at(d->picture, i, &node);
        kinds[node.kind] |= !node.asked;
        some_asked |= node.asked;
        some_highlighted |= node.highlighted;
    }
    put(d, "<br/><font point-size=\"9\" color=\"#444444\">");
    if (some_asked)
        put_sample(d, asked.line, d->about.of == TN_PICTURE_CYCLES ? "a shortest cycle" : "asked for");
    for (unsigned i = 0; i < TN_DRAWN_KINDS; i++)
        if (kinds[i] && paints[i].word && d->about.of != TN_PICTURE_GROUPS)
            put_sample(d, paints[i].line, paints[i].word);
    if (some_highlighted)
        put_sample(d, highlighted, "highlighted");
    if (d->about.of == TN_PICTURE_GROUPS)
        put(d, d->about.proportional ? "area: bytes; on an arrow: references" : "on an arrow: references");
    put(d, "</font>");
}

static void put_head(tn_dot *d)
{
    put(d, "digraph tonnage {\n  graph [label=<<b>");
    put_html(d, d->about.title);
    put(d, "</b>");
    if (d->about.n_nodes)
        put_legend(d);
    put(d, ">, labelloc=t, fontname=\"Helvetica,Arial,sans-serif\", fontsize=13, bgcolor=\"#ffffff\", pad=0.3");
    put(d, d->about.of == TN_PICTURE_GROUPS
               ? ", layout=neato, start=1, overlap=false, sep=\"+14\", splines=curved, outputorder=edgesfirst"
               : ", rankdir=LR, nodesep=0.15, ranksep=0.5");
    put(d, "];\n  node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica,Arial,sans-serif\", fontsize=11, "
           "margin=\"0.12,0.06\", height=0.3];\n"
           "  edge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=9, color=\"#77777799\", fontcolor=\"#444444\", "
           "arrowsize=0.7];\n");
}

int tn_picture_dot(const tn_picture *p, const tn_sink *sink, tn_error *err)
{
    tn_dot d = {.sink = sink, .picture = p};
    tn_picture_node node;
    tn_picture_tell(p, &d.about);
    for (uint32_t i = 0; i < d.about.n_nodes; i++) {
        tn_picture_node_at(p, i, &node);
        if (node.kind != TN_DRAWN_GHOST && node.bytes > d.largest)
            d.largest = node.bytes;
    }
    put_head(&d);
    put_nodes(&d, TN_NONE);
    put_clusters(&d);
    for (uint32_t i = 0; i < d.about.n_edges; i++)
        put_edge(&d, i);
    put(&d, "}\n");
    return d.failed ? tn__error_set(err, TN_EIO, 0, "the output cannot be written") : TN_OK;
}
