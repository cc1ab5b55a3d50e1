/* trail.c - the path to an object, and the first on it that somebody chose to keep things: an attribute of a module or class
 * of the program, a local variable, a task. What the standard library keeps on somebody's behalf is told by name.
 */
#include "analysis/suspects.h"

#include <string.h>

/* Attributes of modules that keep things. */
static const struct {
    const char *module, *name;
    enum tn_about about;
} known[] = {
    {"linecache", "cache", TN_ABOUT_LINECACHE},    {"re", "_cache", TN_ABOUT_RE_CACHE},
    {"re", "_cache2", TN_ABOUT_RE_CACHE},          {"sys", "last_exc", TN_ABOUT_LAST_ERROR},
    {"sys", "last_value", TN_ABOUT_LAST_ERROR},    {"sys", "last_traceback", TN_ABOUT_LAST_ERROR},
    {"gc", "garbage", TN_ABOUT_GARBAGE},           {"sys", "path_importer_cache", TN_ABOUT_PATH_CACHE},
    {"logging", "root", TN_ABOUT_LOGGING},         {"logging", "_handlers", TN_ABOUT_LOGGING},
    {"logging", "_handlerList", TN_ABOUT_LOGGING},
};

/* Kinds of objects that keep things, those first that say more. */
static const struct {
    uint32_t kind;
    enum tn_about about;
} keepers[] = {
    {TN_KIND_LRU_CACHE, TN_ABOUT_LRU_CACHE}, {TN_KIND_LOGGING, TN_ABOUT_LOGGING},
    {TN_KIND_QUEUE, TN_ABOUT_QUEUE},         {TN_KIND_FINALIZE, TN_ABOUT_FINALIZE},
    {TN_KIND_TASK, TN_ABOUT_TASK},           {TN_KIND_SUSPENDED, TN_ABOUT_SUSPENDED},
    {TN_KIND_TRACEBACK, TN_ABOUT_TRACEBACK}, {TN_KIND_CELL, TN_ABOUT_CLOSURE},
};

/* Text of a preview of the kind; NULL when there is none or it is cut. */
static const char *text_of(tn_snapshot *s, uint32_t node, uint16_t kind, size_t *n)
{
    tn_preview preview;
    if (node == TN_NONE || tn__snapshot_preview(s, node, &preview, NULL) < 0 || preview.kind != kind)
        return NULL;
    *n = preview.length;
    return (const char *)preview.bytes;
}

static bool is_text(const char *text, size_t n, const char *wanted)
{
    return text && strlen(wanted) == n && memcmp(text, wanted, n) == 0;
}

static const char *key_of(const tn_toplevel *t, const tn_reference *r, size_t *n)
{
    if (r->style == TN_LABEL_VALUE)
        return text_of(t->snapshot, r->key, TN_PREVIEW_TEXT, n);
    *n = r->text ? strlen(r->text) : 0;
    return r->text;
}

/* ---- module attributes ---- */

static bool module_is_standard(const char *name, size_t n)
{
    char whole[128];
    if (!name || n >= sizeof whole)
        return false;
    memcpy(whole, name, n);
    whole[n] = '\0';
    return tn__module_is_standard(whole);
}

static bool module_holds(const tn_toplevel *t, tn_trail *trail, uint32_t i)
{
    size_t n_module = 0, n_name = 0;
    uint32_t module = trail->steps[i - 1].source;
    const char *name = key_of(t, &trail->steps[i], &n_name);
    const char *module_name = text_of(t->snapshot, module, TN_PREVIEW_NAME, &n_module);
    for (size_t k = 0; k < sizeof known / sizeof *known && !trail->about; k++) {
        if (is_text(module_name, n_module, known[k].module) && is_text(name, n_name, known[k].name)) {
            trail->about = known[k].about;
            trail->about_node = trail->steps[i].target;
        }
    }
    if (!module_is_standard(module_name, n_module))
        return true;
    if (!trail->about) {
        trail->about = TN_ABOUT_STANDARD;
        trail->about_node = module;
    }
    return false;
}

/* ---- class attributes ---- */

static bool class_is_standard(const tn_toplevel *t, uint32_t node)
{
    for (uint32_t row = 0; row < tn_snapshot_n_types(t->snapshot); row++) {
        tn_type type;
        if (tn_snapshot_type(t->snapshot, row, &type) == 0 && type.node == node)
            return type.module && tn__module_is_standard(type.module);
    }
    return false;
}

/* ---- locals ---- */

static bool frame_holds(const tn_toplevel *t, tn_trail *trail, uint32_t frame)
{
    return tn__snapshot_frame(t->snapshot, frame, &trail->frame) == TN_OK && !trail->frame.own &&
           !tn__file_is_standard(trail->frame.file);
}

/* ---- all ---- */

/* What step i, which is a reference of the program, is to somebody who wrote it. */
static enum tn_holder holder_at(const tn_toplevel *t, tn_trail *trail, uint32_t i)
{
    const tn_reference *r = &trail->steps[i];
    uint32_t above = i > 0 ? trail->steps[i - 1].source : TN_NONE;
    if (r->source >= t->graph.n_objects)
        return r->style == TN_LABEL_LOCAL && i > 0 && frame_holds(t, trail, r->source) ? TN_HOLDER_LOCAL
                                                                                       : TN_HOLDER_NONE;
    bool in_dict = above != TN_NONE && trail->steps[i - 1].style == TN_LABEL_ATTRIBUTE &&
                   strcmp(trail->steps[i - 1].text, "__dict__") == 0;
    uint32_t kind = tn__kind_of(t, r->source), kind_above = in_dict ? tn__kind_of(t, above) : 0;
    if (kind_above & TN_KIND_MODULE)
        return module_holds(t, trail, i) ? TN_HOLDER_MODULE : TN_HOLDER_NONE;
    if (kind_above & TN_KIND_CLASS)
        return class_is_standard(t, above) ? TN_HOLDER_NONE : TN_HOLDER_CLASS;
    if (kind & TN_KIND_TASK)
        return TN_HOLDER_TASK;
    bool attribute = in_dict || (r->style == TN_LABEL_ATTRIBUTE && strcmp(r->text, "__dict__") != 0);
    uint32_t holder = in_dict ? kind_above : kind;
    return attribute && !(holder & (TN_KIND_STANDARD | TN_KIND_PROGRAM)) ? TN_HOLDER_INSTANCE : TN_HOLDER_NONE;
}

static void note_keeper(const tn_toplevel *t, tn_trail *trail, uint32_t node)
{
    if (trail->about || node >= t->graph.n_objects)
        return;
    uint32_t kind = tn__kind_of(t, node);
    for (size_t k = 0; k < sizeof keepers / sizeof *keepers; k++) {
        if (kind & keepers[k].kind) {
            trail->about = keepers[k].about;
            trail->about_node = node;
            return;
        }
    }
}

/* From the object back to the root; an attribute of an instance is second best. */
static void find_holder(const tn_toplevel *t, tn_trail *trail)
{
    for (uint32_t i = trail->n; i-- > 0;) {
        note_keeper(t, trail, trail->steps[i].target);
        enum tn_holder kind = holder_at(t, trail, i);
        if (kind == TN_HOLDER_NONE || (kind == TN_HOLDER_INSTANCE && trail->kind))
            continue;
        trail->kind = kind;
        trail->holder = i + 1;
        if (kind != TN_HOLDER_INSTANCE)
            return;
    }
}

static bool has_cache(const char *text, size_t n)
{
    for (size_t i = 0; text && i + 5 <= n; i++) {
        size_t k = 0;
        while (k < 5 && (text[i + k] | 0x20) == "cache"[k])
            k++;
        if (k == 5)
            return true;
    }
    return false;
}

/* A name is only a hint: the last one, and where nothing else is known. */
static void note_name(const tn_toplevel *t, tn_trail *trail)
{
    bool unknown = trail->about == TN_ABOUT_NOTHING || (trail->about == TN_ABOUT_STANDARD && trail->kind);
    for (uint32_t i = trail->n; unknown && i-- > 0;) {
        const tn_reference *r = &trail->steps[i];
        size_t n = 0;
        if (r->style != TN_LABEL_VALUE && r->style != TN_LABEL_ATTRIBUTE && r->style != TN_LABEL_LOCAL)
            continue;
        const char *name = key_of(t, r, &n);
        if (is_text(name, n, "__dict__"))
            continue;
        if (has_cache(name, n)) {
            trail->about = TN_ABOUT_NAMED_CACHE;
            trail->about_node = r->target;
        }
        return;
    }
}

/* ---- the path ---- */

static int append(tn_buf *nodes, const tn_toplevel *t, uint32_t node, tn_error *err)
{
    return tn__buf_append(nodes, &node, sizeof node) < 0 ? tn__no_memory(t->snapshot, err) : TN_OK;
}

/* Every path leads through the dominators. While each of them refers to the next one, they are the shortest path, and nobody
 * needs references backward to find it. nodes gets them, the object first, up to the root; 0: it takes a search. */
static int climb_dominators(const tn_toplevel *t, tn_ways *w, uint32_t node, tn_buf *nodes, tn_error *err)
{
    static const tn_shunned none = {0};
    uint32_t origin;
    while ((origin = tn__origin_of(w, node)) == TN_NONE) {
        uint32_t above = t->tree->idom[node];
        TN_TRY(append(nodes, t, node, err));
        if (above == TN_NONE || nodes->size / sizeof node >= TN_FAR || tn__step_cost(w, &none, above, node) != 1 ||
            tn__step_edge(w, above, node) == UINT64_MAX)
            return 0;
        node = above;
    }
    for (const tn_origin *o = tn__origin(w, origin);; o = tn__origin(w, tn__origin_of(w, o->parent))) {
        if (o->cost)
            return 0;
        TN_TRY(append(nodes, t, o->node, err));
        if (o->parent == TN_NONE)
            return 1;
    }
}

static void reverse(tn_buf *nodes)
{
    uint32_t *first = (uint32_t *)(void *)nodes->data, *last = first + nodes->size / sizeof *first - 1;
    for (; first < last; first++, last--) {
        uint32_t node = *first;
        *first = *last;
        *last = node;
    }
}

static int copy_steps(const tn_toplevel *t, tn_trail *trail, const tn_reference *steps, uint32_t n, tn_error *err)
{
    trail->steps = tn__alloc(trail->alloc, n * sizeof *steps);
    if (!trail->steps)
        return tn__no_memory(t->snapshot, err);
    if (n)
        memcpy(trail->steps, steps, n * sizeof *steps);
    trail->n = n;
    return TN_OK;
}

/* 1: the trail has its steps; 0: it takes a search. */
static int go_straight(const tn_toplevel *t, uint32_t node, tn_trail *trail, tn_error *err)
{
    tn_ways *w;
    tn_buf nodes, steps;
    TN_TRY(tn__ways(t->snapshot, &w, err));
    tn__buf_init(&nodes, t->alloc);
    tn__buf_init(&steps, t->alloc);
    int found = climb_dominators(t, w, node, &nodes, err), status = found;
    if (found > 0) {
        reverse(&nodes);
        status =
            tn__path_steps(w, (const uint32_t *)(const void *)nodes.data, nodes.size / sizeof(uint32_t), &steps, err);
    }
    if (status >= 0 && found > 0)
        status = copy_steps(t, trail, (const tn_reference *)(const void *)steps.data,
                            (uint32_t)(steps.size / sizeof(tn_reference)), err);
    tn__buf_free(&nodes);
    tn__buf_free(&steps);
    return status < 0 ? status : found;
}

static int search(const tn_toplevel *t, uint32_t node, const tn_set *avoid, tn_trail *trail, tn_error *err)
{
    tn_path_options options = {.avoid = avoid, .limit = 1};
    tn_paths *paths;
    const tn_reference *steps;
    uint32_t n;
    TN_TRY(tn_paths_open(t->snapshot, node, &options, &paths, err));
    int status = tn_paths_next(paths, &steps, &n, err);
    if (status > 0)
        status = copy_steps(t, trail, steps, n, err);
    tn_paths_close(paths);
    return status;
}

int tn__trail_make(const tn_toplevel *t, uint32_t node, const tn_set *avoid, tn_trail *out, tn_error *err)
{
    tn_trail trail = {.alloc = t->alloc, .about_node = TN_NONE};
    int found = avoid ? 0 : go_straight(t, node, &trail, err);
    TN_TRY(found);
    if (!found)
        TN_TRY(search(t, node, avoid, &trail, err));
    find_holder(t, &trail);
    note_name(t, &trail);
    *out = trail;
    return TN_OK;
}

void tn__trail_free(tn_trail *trail)
{
    if (trail->alloc)
        tn__free(trail->alloc, trail->steps, trail->n * sizeof *trail->steps);
}
