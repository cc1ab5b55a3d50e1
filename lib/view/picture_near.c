/* picture_near.c - objects around those that are asked for: level by level what they refer to, or what refers to them.
 *
 * First the nodes, breadth first, so that a place in the list of nodes is one in the queue; then the edges between all that is
 * drawn, and ghosts for what is not. Not drawn unless something else draws it: the class of an instance and the namespace of a
 * function, which their titles tell; keys that the label of the value tells; None and its like. Modules, classes, frames and
 * other roots end a branch, unless it begins there.
 */
#include "view/picture.h"

#include <string.h>

enum { DEFAULT_DEPTH = 3, DEFAULT_WIDTH = 10 };

typedef struct tn_near {
    tn_picture *picture;
    bool back, sorted, descending;
    uint32_t depth, width;
    const uint64_t *sizes;
    tn_buf depths; /* u32 by place */
    tn_map seen;   /* neighbours of the node at hand: 1 */
    tn_buf found;  /* tn_order_key of those that are not drawn; row: the neighbour */
} tn_near;

/* ---- what is asked for ---- */

static int read_order(const tn_picture *p, bool *by_size, bool *descending, tn_error *err)
{
    static const char *const names[] = {"size", "address"};
    size_t column;
    TN_TRY(tn__order_parse(p->view.sort ? p->view.sort : "address", names, 2, 1, &column, descending, err));
    *by_size = column == 0;
    return TN_OK;
}

static int put_in_order(tn_picture *p, const tn_set *set, uint32_t *ids, tn_error *err)
{
    bool by_size, descending;
    TN_TRY(read_order(p, &by_size, &descending, err));
    return tn_set_sorted(p->snapshot, set, by_size ? TN_NUMBER_SIZE : TN_NUMBER_ADDRESS, descending, ids, err);
}

/* A set that was made by hand is taken as it is: what only a call of tonnage holds may be in it. */
static int select_asked(const tn_picture *p, tn_set **out, tn_error *err)
{
    const tn_view_options *o = &p->view;
    bool by_hand = o->set && !o->where_rows && !(o->where && *o->where);
    if (!by_hand)
        return tn__set_selected(p->snapshot, o, out, err);
    TN_TRY(tn__set_check(p->snapshot, o->set, err));
    return tn_set_copy(o->set, out, err);
}

int tn__picture_asked(tn_picture *p, tn_asked *out, tn_error *err)
{
    tn_set *set;
    TN_TRY(select_asked(p, &set, err));
    tn_asked asked = {.n_all = tn_set_count(set)};
    asked.bytes = asked.n_all * sizeof *asked.ids;
    asked.ids = tn__alloc(p->alloc, asked.bytes);
    int status = asked.ids ? put_in_order(p, set, asked.ids, err) : tn__picture_no_memory(p, err);
    if (status == TN_OK && asked.n_all == 0)
        status = tn__error_set(err, TN_ENOTFOUND, 0, "nothing to draw: no object is selected");
    tn_set_free(set);
    if (status < 0) {
        tn__free(p->alloc, asked.ids, asked.bytes);
        return status;
    }
    asked.n = tn__picture_limit(p, asked.n_all);
    for (uint32_t i = 0; i < asked.n; i++)
        asked.ids[i] = tn__drawn_as(p, asked.ids[i]);
    *out = asked;
    return TN_OK;
}

/* ---- neighbours ---- */

/* Is given one reference after another; folded: of the dict of the node. */
typedef int (*tn_each)(tn_near *n, uint32_t node, const tn_reference *r, bool folded, tn_error *err);

static bool is_part(const tn_picture *p, uint32_t node, uint32_t of)
{
    return node != of && node < p->graph.n_objects && tn__drawn_as(p, node) == of;
}

static int each_of(tn_near *n, uint32_t node, uint32_t source, tn_each each, tn_error *err)
{
    tn_reference_iter iter;
    tn_reference r;
    TN_TRY(tn_references(n->picture->snapshot, source, &iter, err));
    while (tn_reference_next(&iter, &r)) {
        bool part = source == node ? is_part(n->picture, r.target, node) : r.style == TN_LABEL_KEY;
        bool again = source != node && r.kind == TN_REF_BORROWED; /* a value that lies in the instance */
        if (!part && !again && r.kind != TN_REF_INTERNED)
            TN_TRY(each(n, node, &r, source != node, err));
    }
    return TN_OK;
}

/* What is drawn as the node, itself first; the part that there is at most is its dict. */
static int parts_of(const tn_picture *p, uint32_t node, uint32_t parts[2], uint32_t *n_parts, tn_error *err)
{
    tn_reference_iter iter;
    tn_reference r;
    parts[0] = node;
    *n_parts = 1;
    if (!p->owners || node >= p->graph.n_objects)
        return TN_OK;
    TN_TRY(tn_references(p->snapshot, node, &iter, err));
    while (*n_parts == 1 && tn_reference_next(&iter, &r))
        if (is_part(p, r.target, node))
            parts[(*n_parts)++] = r.target;
    return TN_OK;
}

static int each_reference(tn_near *n, uint32_t node, tn_each each, tn_error *err)
{
    uint32_t parts[2], n_parts;
    TN_TRY(parts_of(n->picture, node, parts, &n_parts, err));
    for (uint32_t i = 0; i < n_parts; i++)
        TN_TRY(each_of(n, node, parts[i], each, err));
    return TN_OK;
}

static bool is_constant(const char *type)
{
    static const char *const types[] = {"NoneType", "bool", "ellipsis", "NotImplementedType"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

/* Whether an object that is not drawn may be. */
static bool is_wanted(const tn_near *n, uint32_t node)
{
    const tn_picture *p = n->picture;
    if (tn__is_own(p->ways, node))
        return false;
    if (node >= p->graph.n_objects)
        return n->back && strcmp(tn__type_name(p->snapshot, node), "shared keys") != 0;
    if (!n->back && is_constant(tn__type_name(p->snapshot, node)))
        return false;
    return (!p->o.only || tn_set_has(p->o.only, node)) && !(p->o.without && tn_set_has(p->o.without, node));
}

/* A reference that tells nothing which is not told anyhow. */
static int is_told(const tn_near *n, const tn_reference *r)
{
    static const char *const attributes[] = {"__class__", "__globals__", "__builtins__"};
    tn_type type;
    if (r->style == TN_LABEL_KEY)
        return tn__type_of(n->picture->snapshot, r->target, &type, NULL) == TN_OK &&
               tn__type_rank(&type) == TN_TYPE_BUILTIN;
    for (size_t i = 0; r->style == TN_LABEL_ATTRIBUTE && i < sizeof attributes / sizeof *attributes; i++)
        if (strcmp(r->text, attributes[i]) == 0)
            return true;
    return false;
}

/* Remembers a neighbour that is not drawn yet, once. rank: what comes first where no order is asked for. */
static int meet(tn_near *n, uint32_t other, uint64_t rank, tn_error *err)
{
    uint32_t *known;
    TN_TRY(tn__memory_told(n->picture->snapshot, tn__map_slot(&n->seen, other, &known, err), err));
    if (*known)
        return TN_OK;
    *known = 1;
    if (n->sorted)
        rank = n->sizes && other < n->picture->graph.n_objects ? n->sizes[other] : other;
    tn_order_key key = {.number = rank, .text = "", .row = other};
    return tn__buf_append(&n->found, &key, sizeof key) < 0 ? tn__picture_no_memory(n->picture, err) : TN_OK;
}

static int meet_target(tn_near *n, uint32_t node, const tn_reference *r, bool folded, tn_error *err)
{
    (void)node;
    (void)folded;
    uint32_t other = tn__drawn_as(n->picture, r->target);
    bool drawn = tn__picture_find(n->picture, other) != TN_NONE;
    return drawn || !is_wanted(n, other) || is_told(n, r) ? TN_OK : meet(n, other, n->found.size, err);
}

static bool is_interned(const tn_graph *g, uint32_t source)
{
    uint64_t first = g->offsets[source];
    return first < g->offsets[source + 1] && tn__edge_kind(g, source, first) == TN_REF_INTERNED;
}

/* Roots come first: they answer the question. */
static int meet_referrers(tn_near *n, uint32_t part, tn_error *err)
{
    const tn_picture *p = n->picture;
    const uint32_t *sources;
    uint32_t n_sources;
    TN_TRY(tn_referrers(p->snapshot, part, &sources, &n_sources, err));
    for (uint32_t i = 0; i < n_sources; i++) {
        uint32_t other = tn__drawn_as(p, sources[i]);
        if ((i > 0 && sources[i] == sources[i - 1]) || is_interned(&p->graph, sources[i]))
            continue;
        bool root = other >= p->graph.n_objects || tn__is_origin(p->ways, other);
        if (tn__picture_find(p, other) == TN_NONE && is_wanted(n, other))
            TN_TRY(meet(n, other, root ? 0 : 1, err));
    }
    return TN_OK;
}

/* Neighbours that are not drawn, those first that are to be. */
static int find_near(tn_near *n, uint32_t node, uint32_t *count, tn_error *err)
{
    uint32_t parts[2], n_parts;
    n->found.size = 0;
    tn__map_free(&n->seen);
    if (n->back) {
        TN_TRY(parts_of(n->picture, node, parts, &n_parts, err));
        for (uint32_t i = 0; i < n_parts; i++)
            TN_TRY(meet_referrers(n, parts[i], err));
    } else {
        TN_TRY(each_reference(n, node, meet_target, err));
    }
    *count = (uint32_t)(n->found.size / sizeof(tn_order_key));
    tn__order_sort((tn_order_key *)(void *)n->found.data, *count, n->sorted && n->descending);
    return TN_OK;
}

/* ---- nodes ---- */

static bool ends_branch(const tn_near *n, uint32_t place)
{
    const tn_picture *p = n->picture;
    const tn_drawn_node *drawn = tn__drawn_node(p, place);
    if (drawn->asked)
        return false;
    return drawn->kind == TN_DRAWN_CLASS || drawn->node >= p->graph.n_objects || tn__is_origin(p->ways, drawn->node);
}

static int draw_node(tn_near *n, uint32_t node, uint32_t depth, tn_error *err)
{
    uint32_t place, known = n->picture->n_nodes;
    TN_TRY(tn__picture_object(n->picture, node, depth == 0, &place, err));
    if (place < known)
        return TN_OK;
    return tn__buf_append(&n->depths, &depth, sizeof depth) < 0 ? tn__picture_no_memory(n->picture, err) : TN_OK;
}

static uint32_t depth_of(const tn_near *n, uint32_t place)
{
    return ((const uint32_t *)(const void *)n->depths.data)[place];
}

static int draw_nodes(tn_near *n, const tn_asked *asked, tn_error *err)
{
    tn_picture *p = n->picture;
    uint32_t count;
    for (uint32_t i = 0; i < asked->n; i++)
        TN_TRY(draw_node(n, asked->ids[i], 0, err));
    for (uint32_t place = 0; place < p->n_nodes && depth_of(n, place) < n->depth; place++) {
        if (ends_branch(n, place))
            continue;
        TN_TRY(find_near(n, tn__drawn_node(p, place)->node, &count, err));
        for (uint32_t i = 0; i < count && i < n->width; i++) {
            const tn_order_key *keys = (const tn_order_key *)(const void *)n->found.data;
            TN_TRY(draw_node(n, (uint32_t)keys[i].row, depth_of(n, place) + 1, err));
        }
    }
    return TN_OK;
}

/* ---- edges ---- */

static int join_target(tn_near *n, uint32_t node, const tn_reference *r, bool folded, tn_error *err)
{
    tn_picture *p = n->picture;
    uint32_t to = tn__picture_find(p, tn__drawn_as(p, r->target));
    return to == TN_NONE ? TN_OK : tn__picture_reference(p, tn__picture_find(p, node), to, r, folded, err);
}

/* From every referrer that is drawn, and from its dict. */
static int join_referrers(tn_near *n, uint32_t node, uint32_t part, tn_error *err)
{
    tn_picture *p = n->picture;
    const uint32_t *sources;
    uint32_t n_sources;
    TN_TRY(tn_referrers(p->snapshot, part, &sources, &n_sources, err));
    for (uint32_t i = 0; i < n_sources; i++) {
        tn_reference_iter iter;
        tn_reference r;
        uint32_t source = sources[i], from = tn__picture_find(p, tn__drawn_as(p, source));
        bool known = i > 0 && source == sources[i - 1], link = source == node && part != node;
        if (known || link || from == TN_NONE || is_interned(&p->graph, source))
            continue;
        TN_TRY(tn_references(p->snapshot, source, &iter, err));
        while (tn_reference_next(&iter, &r))
            if (r.target == part)
                TN_TRY(tn__picture_reference(p, from, tn__picture_find(p, node), &r, tn__drawn_as(p, source) != source,
                                             err));
    }
    return TN_OK;
}

static int join_node(tn_near *n, uint32_t node, tn_error *err)
{
    uint32_t parts[2], n_parts;
    if (!n->back)
        return each_reference(n, node, join_target, err);
    TN_TRY(parts_of(n->picture, node, parts, &n_parts, err));
    for (uint32_t i = 0; i < n_parts; i++)
        TN_TRY(join_referrers(n, node, parts[i], err));
    return TN_OK;
}

/* What is not drawn: next to a node beyond width, in a node beyond depth. */
static int tell_rest(tn_near *n, uint32_t place, tn_error *err)
{
    tn_picture *p = n->picture;
    uint32_t count;
    char line[48];
    TN_TRY(find_near(n, tn__drawn_node(p, place)->node, &count, err));
    if (depth_of(n, place) < n->depth || count == 0)
        return tn__picture_ghost(p, place, count, n->back, err);
    tn__compose(line, sizeof line, n->back ? "%u more before it" : "%u more behind it", (unsigned)count);
    return tn_picture_note(p, place, line, err);
}

static int draw_edges(tn_near *n, tn_error *err)
{
    tn_picture *p = n->picture;
    uint32_t n_objects = p->n_nodes;
    for (uint32_t place = 0; place < n_objects; place++)
        if (!ends_branch(n, place))
            TN_TRY(join_node(n, tn__drawn_node(p, place)->node, err));
    for (uint32_t place = 0; place < n_objects; place++)
        if (!ends_branch(n, place))
            TN_TRY(tell_rest(n, place, err));
    return TN_OK;
}

/* ---- all of it ---- */

static int add_title(tn_near *n, const tn_asked *asked, tn_error *err)
{
    char of[40] = "";
    if (asked->n_all == 1)
        return tn__picture_title(n->picture, err, n->back ? "What refers to an object" : "What an object refers to");
    if (asked->n < asked->n_all)
        tn__compose(of, sizeof of, "%u of ", (unsigned)asked->n);
    return tn__picture_title(n->picture, err, "%s %s%u objects%s", n->back ? "What refers to" : "What", of,
                             (unsigned)asked->n_all, n->back ? "" : " refer to");
}

static int draw(tn_near *n, tn_error *err)
{
    tn_picture *p = n->picture;
    tn_asked asked;
    bool by_size;
    uint64_t n_sizes;
    TN_TRY(read_order(p, &by_size, &n->descending, err));
    if (by_size)
        TN_TRY(tn__column_u64(p->snapshot, TN_COL_SIZE, &n->sizes, &n_sizes, err));
    TN_TRY(tn__picture_asked(p, &asked, err));
    int status = add_title(n, &asked, err);
    if (status == TN_OK)
        status = draw_nodes(n, &asked, err);
    if (status == TN_OK)
        status = draw_edges(n, err);
    tn__free(p->alloc, asked.ids, asked.bytes);
    return status;
}

int tn__picture_near(tn_picture *p, tn_error *err)
{
    tn_near n = {.picture = p,
                 .back = p->o.of == TN_PICTURE_BACKREFS,
                 .sorted = p->view.sort,
                 .depth = p->view.depth ? p->view.depth : DEFAULT_DEPTH,
                 .width = p->view.branches ? p->view.branches : DEFAULT_WIDTH,
                 .seen = {.alloc = p->alloc}};
    tn__buf_init(&n.depths, p->alloc);
    tn__buf_init(&n.found, p->alloc);
    int status = draw(&n, err);
    tn__buf_free(&n.depths);
    tn__buf_free(&n.found);
    tn__map_free(&n.seen);
    return status;
}
