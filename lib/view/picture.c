/* picture.c - a picture: nodes and edges, each pair of nodes joined once; which sort of picture is made by whom. */
#include "view/picture.h"

#include <string.h>

const char *const tn_picture_names[TN_PICTURES] = {"groups", "refs", "backrefs", "paths", "cycles"};
const char *const tn_drawn_names[TN_DRAWN_KINDS] = {"object", "container", "builtin", "class",
                                                    "root",   "group",     "ghost"};

enum { MOST_LABELS = 3, MOST_ESCAPED = 10 }; /* "\U0001d173" */

int tn__picture_no_memory(const tn_picture *p, tn_error *err)
{
    return tn__no_memory(p->snapshot, err);
}

const char *tn__picture_s(uint64_t n)
{
    return n == 1 ? "" : "s";
}

uint32_t tn__picture_limit(const tn_picture *p, uint32_t n)
{
    return p->view.limit && p->view.limit < n ? p->view.limit : n;
}

/* ---- texts ---- */

int tn__picture_text(tn_picture *p, const char *text, uint64_t *at, tn_error *err)
{
    uint64_t here = p->texts.size;
    if (tn__buf_append(&p->texts, text, strlen(text) + 1) < 0)
        return tn__picture_no_memory(p, err);
    *at = here;
    return TN_OK;
}

static const char *text_at(const tn_picture *p, uint64_t at)
{
    return (const char *)p->texts.data + at;
}

int tn__picture_escape(tn_picture *p, const char *text, tn_error *err)
{
    size_t n = strlen(text);
    tn_text t;
    p->words.size = 0;
    if (tn__buf_reserve(&p->words, MOST_ESCAPED * n + 1) < 0)
        return tn__picture_no_memory(p, err);
    tn__text_init(&t, (char *)p->words.data, p->words.capacity);
    tn__text_escaped(&t, text, n, 0);
    p->words.size = (size_t)tn__text_end(&t);
    return TN_OK;
}

int tn__picture_title(tn_picture *p, tn_error *err, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    tn__compose_list(line, sizeof line, format, args);
    va_end(args);
    return tn__picture_text(p, line, &p->title, err);
}

/* ---- nodes ---- */

static int add_node(tn_picture *p, const tn_drawn_node *node, uint32_t *place, tn_error *err)
{
    if (p->n_nodes == TN_NONE - 1 || tn__buf_append(&p->nodes, node, sizeof *node) < 0)
        return tn__picture_no_memory(p, err);
    *place = p->n_nodes++;
    return TN_OK;
}

uint32_t tn__picture_find(const tn_picture *p, uint32_t node)
{
    return tn__map_get(&p->places, node) - 1;
}

int tn__picture_object(tn_picture *p, uint32_t node, bool asked, uint32_t *place, tn_error *err)
{
    uint32_t *known;
    *place = tn__picture_find(p, node);
    if (*place != TN_NONE)
        return TN_OK;
    tn_drawn_node drawn = {.node = node, .asked = asked, .cluster = p->cluster};
    drawn.highlighted = p->o.highlight && node < p->graph.n_objects && tn_set_has(p->o.highlight, node);
    TN_TRY(tn__picture_words(p, node, &drawn, err));
    TN_TRY(add_node(p, &drawn, place, err));
    TN_TRY(tn__memory_told(p->snapshot, tn__map_slot(&p->places, node, &known, err), err));
    *known = *place + 1;
    return TN_OK;
}

int tn__picture_other(tn_picture *p, const tn_drawn_node *what, const char *title, const char *text, uint32_t *place,
                      tn_error *err)
{
    tn_drawn_node drawn = *what;
    drawn.node = TN_NONE;
    drawn.cluster = p->cluster;
    TN_TRY(tn__picture_text(p, title, &drawn.title, err));
    TN_TRY(tn__picture_text(p, text, &drawn.text, err));
    return add_node(p, &drawn, place, err);
}

int tn__picture_ghost(tn_picture *p, uint32_t place, uint64_t n, bool before, tn_error *err)
{
    char title[40];
    uint32_t ghost;
    tn_drawn_node drawn = {.kind = TN_DRAWN_GHOST, .count = n};
    if (n == 0)
        return TN_OK;
    tn__compose(title, sizeof title, "%llu more", (unsigned long long)n);
    TN_TRY(tn__picture_other(p, &drawn, title, "", &ghost, err));
    if (place == TN_NONE)
        return TN_OK;
    return tn__picture_edge(p, before ? ghost : place, before ? place : ghost, TN_REF_OWNING, n, NULL, err);
}

/* ---- edges ---- */

static int add_label(tn_picture *p, uint32_t at, const char *label, tn_error *err)
{
    tn_drawn_edge *edge = (tn_drawn_edge *)(void *)p->edges.data + at;
    if (!label || edge->n_labels > MOST_LABELS)
        return TN_OK;
    if (edge->n_labels == 0) {
        edge->n_labels = 1;
        return tn__picture_text(p, label, &edge->label, err);
    }
    size_t n = strlen(text_at(p, edge->label));
    const char *more = edge->n_labels++ < MOST_LABELS ? label : "…";
    uint64_t here = p->texts.size;
    if (tn__buf_reserve(&p->texts, n + strlen(more) + 3) < 0)
        return tn__picture_no_memory(p, err);
    char *out = (char *)p->texts.data + here;
    memcpy(out, text_at(p, edge->label), n);
    memcpy(out + n, ", ", 2);
    memcpy(out + n + 2, more, strlen(more) + 1);
    p->texts.size += n + strlen(more) + 3;
    edge->label = here;
    return TN_OK;
}

bool tn__picture_joined(const tn_picture *p, uint32_t from, uint32_t to)
{
    return tn__map_get(&p->pairs, (uint64_t)from << 32 | to) != 0;
}

int tn__picture_edge(tn_picture *p, uint32_t from, uint32_t to, enum tn_reference_kind kind, uint64_t count,
                     const char *label, tn_error *err)
{
    uint32_t *known;
    TN_TRY(tn__memory_told(p->snapshot, tn__map_slot(&p->pairs, (uint64_t)from << 32 | to, &known, err), err));
    if (*known == 0) {
        tn_drawn_edge edge = {.from = from, .to = to, .kind = kind, .label = UINT64_MAX};
        if (p->n_edges == TN_NONE - 1 || tn__buf_append(&p->edges, &edge, sizeof edge) < 0)
            return tn__picture_no_memory(p, err);
        *known = ++p->n_edges;
    }
    tn_drawn_edge *edge = (tn_drawn_edge *)(void *)p->edges.data + *known - 1;
    edge->count += count;
    if (kind == TN_REF_OWNING) /* one that holds is what counts */
        edge->kind = kind;
    return add_label(p, *known - 1, label, err);
}

int tn__picture_reference(tn_picture *p, uint32_t from, uint32_t to, const tn_reference *r, bool folded, tn_error *err)
{
    uint32_t known = tn__map_get(&p->pairs, (uint64_t)from << 32 | to);
    const tn_drawn_edge *edges = (const tn_drawn_edge *)(const void *)p->edges.data;
    bool full = known && edges[known - 1].n_labels > MOST_LABELS;
    if (!full)
        TN_TRY(tn__picture_label(p, r, folded, err));
    return tn__picture_edge(p, from, to, r->kind, 1, full ? NULL : (const char *)p->label.data, err);
}

int tn__picture_cluster_begin(tn_picture *p, const char *title, tn_error *err)
{
    uint64_t at;
    TN_TRY(tn__picture_text(p, title, &at, err));
    if (tn__buf_append(&p->clusters, &at, sizeof at) < 0)
        return tn__picture_no_memory(p, err);
    p->cluster = p->n_clusters++;
    return TN_OK;
}

/* ---- making one ---- */

/* What is drawn as something else: dicts of attributes as their instances, namespaces as their modules. */
static int fold(tn_picture *p, tn_error *err)
{
    uint32_t n = p->graph.n_objects;
    TN_TRY(tn__memory_told(p->snapshot, tn__fold_make(p->snapshot, NULL, &p->fold, err), err));
    p->owners = tn__alloc(p->alloc, n * sizeof *p->owners);
    if (!p->owners)
        return tn__picture_no_memory(p, err);
    for (uint32_t i = 0; i < n; i++)
        p->owners[i] = i;
    tn__fold_rows(p->fold, p->owners);
    for (uint32_t i = 0; i < p->ways->n_origins; i++) {
        const tn_origin *origin = tn__origin(p->ways, i);
        bool namespace = origin->node < n && origin->parent < n && p->owners[origin->node] == origin->node;
        if (namespace && strcmp(tn__type_name(p->snapshot, origin->parent), "module") == 0)
            p->owners[origin->node] = origin->parent;
    }
    return TN_OK;
}

/* What holds an object besides references is told where it is asked what does; of a part of the process nobody knows. */
static int read_holds(tn_picture *p, tn_error *err)
{
    const char *scope = tn__fact_text(p->snapshot, "capture.scope");
    uint8_t *holds;
    if (scope && strcmp(scope, "reachable") == 0)
        return TN_OK;
    TN_TRY(tn__anchors(p->snapshot, &holds, err));
    p->holds = holds;
    return TN_OK;
}

static int draw(tn_picture *p, tn_error *err)
{
    TN_TRY(tn__graph(p->snapshot, &p->graph, err));
    if (p->o.of == TN_PICTURE_GROUPS)
        return tn__picture_groups(p, err);
    TN_TRY(tn__ways(p->snapshot, &p->ways, err));
    if (p->o.of == TN_PICTURE_CYCLES && p->view.by != TN_BY_ID)
        return tn__picture_kinds(p, err);
    if (p->view.fold)
        TN_TRY(fold(p, err));
    if (p->o.of == TN_PICTURE_BACKREFS || p->o.of == TN_PICTURE_PATHS)
        TN_TRY(read_holds(p, err));
    switch (p->o.of) {
    case TN_PICTURE_PATHS: return tn__picture_paths(p, err);
    case TN_PICTURE_CYCLES: return tn__picture_components(p, err);
    default: return tn__picture_near(p, err);
    }
}

static int check(const tn_picture *p, tn_error *err)
{
    bool cycles = p->o.of == TN_PICTURE_CYCLES, groups = p->o.of == TN_PICTURE_GROUPS;
    bool near = p->o.of == TN_PICTURE_REFS || p->o.of == TN_PICTURE_BACKREFS;
    TN_TRY(tn__set_check(p->snapshot, p->o.only, err));
    TN_TRY(tn__set_check(p->snapshot, p->o.without, err));
    TN_TRY(tn__set_check(p->snapshot, p->o.highlight, err));
    if (cycles && p->view.by != TN_BY_TYPE && p->view.by != TN_BY_SITE && p->view.by != TN_BY_ID)
        return tn__error_set(
            err, TN_EINVAL, 0,
            "cycles stand by type, which is what they go over, by site, where they were made, too, or by "
            "id, each one");
    if (!cycles && !groups && p->view.grouped)
        return tn__error_set(err, TN_EINVAL, 0, "a picture of objects has no groups: by is for groups and cycles");
    if (!cycles && p->view.garbage)
        return tn__error_set(err, TN_EINVAL, 0, "garbage is asked for in a picture of cycles");
    if (!groups && p->o.proportional)
        return tn__error_set(err, TN_EINVAL, 0, "proportional to their bytes are groups, not objects");
    if (!near && (p->o.only || p->o.without))
        return tn__error_set(err, TN_EINVAL, 0, "only is for what objects refer to and what refers to them");
    return TN_OK;
}

static int make(tn_picture *p, const tn_view_options *view, tn_error *err)
{
    tn_diff *made;
    TN_TRY(check(p, err));
    TN_TRY(tn__against(p->snapshot, view, &p->view, &made, err));
    int status = draw(p, err);
    tn_diff_close(made);
    p->view = (tn_view_options){.where = view->where, .against = view->against, .by = p->view.by}; /* the rest may go */
    p->o.view = NULL;
    p->o.only = p->o.without = p->o.highlight = NULL;
    return status;
}

int tn_picture_make(tn_snapshot *s, const tn_picture_options *o, tn_picture **out, tn_error *err)
{
    static const tn_view_options none = {0};
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_picture *p = tn__alloc_zero(a, sizeof *p);
    if (!p)
        return tn__no_memory(s, err);
    p->snapshot = s;
    p->alloc = p->places.alloc = p->pairs.alloc = a;
    p->o = *o;
    p->view = o->view ? *o->view : none;
    p->cluster = TN_NONE;
    tn__buf_init(&p->nodes, a);
    tn__buf_init(&p->edges, a);
    tn__buf_init(&p->clusters, a);
    tn__buf_init(&p->texts, a);
    tn__buf_init(&p->words, a);
    tn__buf_init(&p->label, a);
    int status = make(p, o->view ? o->view : &none, err);
    if (status < 0)
        tn_picture_free(p);
    else
        *out = p;
    return status;
}

void tn_picture_free(tn_picture *p)
{
    if (!p)
        return;
    tn__fold_free(p->fold);
    tn__free(p->alloc, p->owners, p->graph.n_objects * sizeof *p->owners);
    tn__map_free(&p->places);
    tn__map_free(&p->pairs);
    tn__buf_free(&p->nodes);
    tn__buf_free(&p->edges);
    tn__buf_free(&p->clusters);
    tn__buf_free(&p->texts);
    tn__buf_free(&p->words);
    tn__buf_free(&p->label);
    tn__free(p->alloc, p, sizeof *p);
}

/* ---- telling it ---- */

void tn_picture_tell(const tn_picture *p, tn_picture_about *out)
{
    *out = (tn_picture_about){.of = p->o.of,
                              .proportional = p->o.proportional,
                              .n_nodes = p->n_nodes,
                              .n_edges = p->n_edges,
                              .n_clusters = p->n_clusters,
                              .title = text_at(p, p->title)};
    for (uint32_t i = 0; i < p->n_nodes; i++)
        out->n_objects += tn__drawn_node(p, i)->node != TN_NONE;
}

void tn_picture_node_at(const tn_picture *p, uint32_t index, tn_picture_node *out)
{
    const tn_drawn_node *n = tn__drawn_node(p, index);
    *out = (tn_picture_node){.node = n->node,
                             .kind = n->kind,
                             .asked = n->asked,
                             .highlighted = n->highlighted,
                             .cluster = n->cluster,
                             .count = n->count,
                             .bytes = n->bytes,
                             .title = text_at(p, n->title),
                             .text = text_at(p, n->text)};
}

void tn_picture_edge_at(const tn_picture *p, uint32_t index, tn_picture_edge *out)
{
    const tn_drawn_edge *e = (const tn_drawn_edge *)(const void *)p->edges.data + index;
    *out = (tn_picture_edge){.from = e->from,
                             .to = e->to,
                             .kind = e->kind,
                             .count = e->count,
                             .label = e->label == UINT64_MAX ? "" : text_at(p, e->label)};
}

const char *tn_picture_cluster(const tn_picture *p, uint32_t index)
{
    return text_at(p, ((const uint64_t *)(const void *)p->clusters.data)[index]);
}

/* The lines of the node stand anew at the end of the texts. */
int tn_picture_note(tn_picture *p, uint32_t index, const char *text, tn_error *err)
{
    if (index >= p->n_nodes)
        return tn__error_set(err, TN_EINVAL, 0, "the picture has no node %u", (unsigned)index);
    TN_TRY(tn__picture_escape(p, text, err));
    tn_drawn_node *node = tn__drawn_node(p, index);
    size_t n = strlen(text_at(p, node->text));
    if (tn__buf_reserve(&p->texts, n + p->words.size + 2) < 0)
        return tn__picture_no_memory(p, err);
    char *out = (char *)p->texts.data + p->texts.size;
    memcpy(out, text_at(p, node->text), n);
    out[n] = '\n';
    memcpy(out + n + (n > 0), p->words.data, p->words.size + 1);
    node->text = p->texts.size;
    p->texts.size += n + (n > 0) + p->words.size + 1;
    return TN_OK;
}
