/* heads.c - groups of what one head alone reaches: kinds of roots, threads, frames, or heads of the user's.
 *
 * A module and its dict are one head: functions that others have imported refer to the dict alone.
 */
#include "analysis/partition.h"

#include <stdio.h>
#include <string.h>

enum tn_root_kind { MODULE, THREAD, INTERPRETER, STATIC, INTERNED, HELD_BY_C, UNREACHABLE, SEVERAL, ROOT_KINDS };
static const char *const root_kinds[ROOT_KINDS] = {
    [MODULE] = "module",     [THREAD] = "thread", [INTERPRETER] = "interpreter", [STATIC] = "static",
    [INTERNED] = "interned", [HELD_BY_C] = "C",   [UNREACHABLE] = "unreachable", [SEVERAL] = "several",
};

bool tn__root_kind_known(const char *word, size_t n)
{
    bool known = false;
    for (int i = 0; i < ROOT_KINDS; i++)
        known |= strlen(root_kinds[i]) == n && memcmp(root_kinds[i], word, n) == 0;
    return known;
}

static int no_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

/* ---- sources ---- */

/* Its dict: the first thing with keys and values. */
static int module_dict(tn_snapshot *s, const tn_graph *g, uint32_t module, uint32_t *dict, tn_error *err)
{
    tn_reference_iter iter;
    tn_reference r;
    *dict = TN_NONE;
    TN_TRY(tn_references(s, module, &iter, err));
    while (*dict == TN_NONE && tn_reference_next(&iter, &r))
        if ((g->table[g->shapes[r.target]].flags & TN_RUN_STYLE) == TN_RUN_PAIRS)
            *dict = r.target;
    return TN_OK;
}

/* Modules among heads (NULL: all there are) get, with their dicts, this label; TN_NONE: that which the module has. */
static int add_modules(tn_snapshot *s, tn_flood *f, const tn_set *heads, uint32_t label, tn_error *err)
{
    tn_set *modules;
    int status = TN_OK;
    TN_TRY(tn_set_where(s, "type:module+", &modules, err));
    for (uint32_t id = tn_set_next(modules, 0); id != TN_NONE && status == TN_OK; id = tn_set_next(modules, id + 1)) {
        uint32_t dict;
        if (heads && !tn_set_has(heads, id))
            continue;
        if (label != TN_NONE)
            status = tn__flood_source(f, id, label, err);
        if (status == TN_OK)
            status = module_dict(s, &f->graph, id, &dict, err);
        if (status == TN_OK && dict != TN_NONE && (!heads || !tn_set_has(heads, dict)))
            status = tn__flood_source(f, dict, f->labels[id], err);
    }
    tn_set_free(modules);
    return status;
}

/* What is anchored is reached from outside, whatever else reaches it. */
static int add_anchors(tn_snapshot *s, tn_flood *f, bool as_kinds, tn_error *err)
{
    uint8_t *holds;
    TN_TRY(tn__anchors(s, &holds, err));
    for (uint32_t id = 0; id < f->graph.n_objects; id++) {
        enum tn_hold hold = (enum tn_hold)holds[id];
        if (hold == TN_HOLD_REFERENCES || hold == TN_HOLD_UNREACHABLE)
            continue;
        if (!as_kinds)
            TN_TRY(tn__flood_reach(f, id, TN_FLOOD_OUTSIDE, err));
        else if (hold == TN_HOLD_C)
            TN_TRY(tn__flood_reach(f, id, HELD_BY_C, err));
        else
            TN_TRY(tn__flood_source(f, id, STATIC, err));
    }
    return TN_OK;
}

/* What nothing has reached is garbage: it holds what it reaches all the same. */
static int add_garbage(tn_flood *f, tn_error *err)
{
    TN_TRY(tn__flood_run(f, err));
    for (uint32_t id = 0; id < f->graph.n_objects; id++)
        if (f->labels[id] == TN_NONE)
            TN_TRY(tn__flood_reach(f, id, TN_FLOOD_OUTSIDE, err));
    return tn__flood_run(f, err);
}

static const char *synthetic_type(tn_snapshot *s, const tn_graph *g, uint32_t node)
{
    tn_type type;
    return tn_snapshot_type(s, g->table[g->shapes[node]].type, &type) == TN_OK ? type.full_name : "";
}

static int add_root_kinds(tn_snapshot *s, tn_flood *f, tn_error *err)
{
    static const struct {
        const char *type;
        uint32_t kind;
    } kinds[] = {
        {"thread", THREAD},
        {"frame", THREAD},
        {"interpreter", INTERPRETER},
        {"static types", STATIC},
        {"interned strings", INTERNED},
    };
    TN_TRY(add_modules(s, f, NULL, MODULE, err));
    for (uint32_t node = f->graph.root; node < f->graph.n_nodes; node++) {
        const char *type = synthetic_type(s, &f->graph, node);
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (strcmp(type, kinds[i].type) == 0)
                TN_TRY(tn__flood_source(f, node, kinds[i].kind, err));
    }
    TN_TRY(tn__flood_source(f, f->graph.root, INTERPRETER, err));
    TN_TRY(add_anchors(s, f, true, err));
    return tn__flood_run(f, err);
}

/* ---- heads ---- */

static int add_head(tn_partition *p, tn_buf *heads, tn_flood *f, uint32_t node, tn_error *err)
{
    uint32_t label = p->n_heads;
    if (tn__set_test(f->sources, node))
        return TN_OK;
    if (tn__buf_append(heads, &node, sizeof node) < 0)
        return no_memory(err);
    p->n_heads++;
    return tn__flood_source(f, node, label, err);
}

static int add_frame(tn_partition *p, tn_buf *heads, tn_flood *f, uint32_t thread, uint32_t frame, tn_error *err)
{
    uint32_t before = p->n_heads;
    TN_TRY(add_head(p, heads, f, frame, err));
    if (p->n_heads > before && tn__buf_append(&p->threads, &thread, sizeof thread) < 0)
        return no_memory(err);
    return TN_OK;
}

/* Frames of a thread are parts of it, or heads themselves. */
static int add_threads(tn_partition *p, tn_buf *heads, tn_flood *f, bool frames, tn_error *err)
{
    const tn_graph *g = &f->graph;
    for (uint32_t node = g->root; node < g->n_nodes; node++) {
        if (strcmp(synthetic_type(p->snapshot, g, node), "thread") != 0)
            continue;
        uint32_t label = frames ? TN_FLOOD_OUTSIDE : p->n_heads;
        TN_TRY(frames ? tn__flood_source(f, node, TN_FLOOD_OUTSIDE, err) : add_head(p, heads, f, node, err));
        for (uint64_t e = g->offsets[node]; e < g->offsets[node + 1]; e++) {
            uint32_t frame = g->targets[e];
            if (frame == TN_NONE || frame < g->root || strcmp(synthetic_type(p->snapshot, g, frame), "frame") != 0)
                continue;
            TN_TRY(frames ? add_frame(p, heads, f, node, frame, err) : tn__flood_source(f, frame, label, err));
        }
    }
    return TN_OK;
}

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = words; at && *at; at += strcspn(at, ", "), at += strspn(at, ", "))
        if (strncmp(at, word, n) == 0 && strchr(", ", at[n]))
            return true;
    return false;
}

static int add_selected(tn_partition *p, const char *selection, tn_buf *heads, tn_flood *f, tn_error *err)
{
    tn_set *set;
    int status = TN_OK;
    TN_TRY(tn_set_where(p->snapshot, selection, &set, err));
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE && status == TN_OK; id = tn_set_next(set, id + 1))
        status = add_head(p, heads, f, id, err);
    if (status == TN_OK)
        status = add_modules(p->snapshot, f, set, TN_NONE, err);
    tn_set_free(set);
    return status;
}

/* Instances of classes that programs make, but for classes themselves. */
#define INSTANCES "flag:heaptype -type:type+ -type:module+ -dist:stdlib"

static int add_words(tn_partition *p, const char *words, tn_buf *heads, tn_flood *f, tn_error *err)
{
    if (!words || !*words)
        return TN_OK;
    if (strchr(words, ':'))
        return add_selected(p, words, heads, f, err);
    bool modules = has_word(words, "modules"), threads = has_word(words, "threads");
    bool instances = has_word(words, "instances");
    if (!modules && !threads && !instances)
        return tn__error_set(err, TN_EINVAL, 0,
                             "heads are modules, threads, instances or a selection such as type:app.Session, not "
                             "\"%.40s\"",
                             words);
    if (modules)
        TN_TRY(add_selected(p, "type:module+", heads, f, err));
    if (threads)
        TN_TRY(add_threads(p, heads, f, false, err));
    return instances ? add_selected(p, INSTANCES, heads, f, err) : TN_OK;
}

static int add_heads(tn_partition *p, const tn_groups_options *o, tn_buf *heads, tn_flood *f, tn_error *err)
{
    tn_snapshot *s = p->snapshot;
    if (p->by != TN_BY_HEADS) {
        TN_TRY(add_threads(p, heads, f, p->by == TN_BY_FRAME, err));
        TN_TRY(add_modules(s, f, NULL, TN_FLOOD_OUTSIDE, err));
    } else if (o) {
        for (uint32_t id = o->heads ? tn_set_next(o->heads, 0) : TN_NONE; id != TN_NONE;
             id = tn_set_next(o->heads, id + 1))
            TN_TRY(add_head(p, heads, f, id, err));
        if (o->heads)
            TN_TRY(add_modules(s, f, o->heads, TN_NONE, err));
        TN_TRY(add_words(p, o->head_words, heads, f, err));
    }
    TN_TRY(tn__flood_source(f, f->graph.root, TN_FLOOD_OUTSIDE, err));
    TN_TRY(add_anchors(s, f, false, err));
    return add_garbage(f, err);
}

/* ---- rows ---- */

static int name_rows(tn_partition *p, const tn_buf *heads, tn_error *err)
{
    if (p->by == TN_BY_ROOT) {
        p->names = tn__arena_get(&p->arena, sizeof root_kinds);
        if (!p->names)
            return no_memory(err);
        memcpy(p->names, root_kinds, sizeof root_kinds);
        p->n_rows = p->n_names = ROOT_KINDS;
        return TN_OK;
    }
    p->heads = tn__arena_get(&p->arena, heads->size);
    if (!p->heads)
        return no_memory(err);
    if (heads->size)
        memcpy(p->heads, heads->data, heads->size);
    p->n_rows = p->n_heads + 2;
    return TN_OK;
}

static void number_rows(tn_partition *p, uint32_t n_nodes)
{
    uint32_t shared = p->by == TN_BY_ROOT ? SEVERAL : p->n_heads;
    uint32_t other = p->by == TN_BY_ROOT ? UNREACHABLE : p->n_heads + 1;
    for (uint32_t i = 0; i < n_nodes; i++) {
        uint32_t *row = &p->by_object[i];
        *row = *row == TN_FLOOD_SHARED ? shared : *row == TN_FLOOD_OUTSIDE || *row == TN_NONE ? other : *row;
    }
}

int tn__partition_heads(tn_partition *p, const tn_groups_options *o, tn_error *err)
{
    tn_flood f;
    tn_buf heads;
    TN_TRY(tn__flood_open(p->snapshot, &f, err));
    tn__buf_init(&heads, p->alloc);
    int status = p->by == TN_BY_ROOT ? add_root_kinds(p->snapshot, &f, err) : add_heads(p, o, &heads, &f, err);
    if (status == TN_OK)
        status = name_rows(p, &heads, err);
    if (status == TN_OK) {
        p->by_object = f.labels;
        f.labels = NULL;
        number_rows(p, f.graph.n_nodes);
    }
    tn__buf_free(&heads);
    tn__flood_close(&f);
    return status;
}

/* ---- labels ---- */

void tn__thread_name(tn_snapshot *s, uint32_t node, char *out, size_t cap)
{
    char key[48];
    tn_fact fact;
    for (unsigned i = 0;; i++) {
        snprintf(key, sizeof key, "thread.%u.node", i);
        if (tn_snapshot_find_fact(s, key, &fact) < 0)
            break;
        if (fact.kind != TN_FACT_UINT || fact.value.u != node)
            continue;
        snprintf(key, sizeof key, "thread.%u.name", i);
        if (tn_snapshot_find_fact(s, key, &fact) == TN_OK && fact.kind == TN_FACT_TEXT) {
            snprintf(out, cap, "thread '%s'", fact.value.text);
            return;
        }
    }
    snprintf(out, cap, "thread of node %u", (unsigned)node);
}

static int frame_name(tn_partition *p, uint32_t row, char *out, size_t cap)
{
    char thread[80];
    tn_frame frame;
    TN_TRY(tn__snapshot_frame(p->snapshot, p->heads[row], &frame));
    tn__thread_name(p->snapshot, ((const uint32_t *)(const void *)p->threads.data)[row], thread, sizeof thread);
    snprintf(out, cap, "%s() %s:%u in %s", frame.qualified_name, frame.file, (unsigned)frame.line, thread);
    return TN_OK;
}

int tn__partition_heads_label(tn_partition *p, uint32_t row, tn_buf *out, tn_error *err)
{
    char text[512];
    tn_graph g;
    TN_TRY(tn__graph(p->snapshot, &g, err));
    if (row >= p->n_heads) {
        snprintf(text, sizeof text, "%s", row == p->n_heads ? "(shared)" : "(other)");
    } else if (p->heads[row] < g.n_objects) {
        return tn__partition_brief(p, p->heads[row], out, err);
    } else if (strcmp(synthetic_type(p->snapshot, &g, p->heads[row]), "thread") == 0) {
        tn__thread_name(p->snapshot, p->heads[row], text, sizeof text);
    } else {
        int status = frame_name(p, row, text, sizeof text);
        if (status == TN_ENOTFOUND)
            snprintf(text, sizeof text, "frame of node %u", (unsigned)p->heads[row]);
        else if (status < 0)
            return tn__error_set(err, status, 0, "a frame cannot be read");
    }
    return tn__buf_append(out, text, strlen(text) + 1) < 0 ? no_memory(err) : TN_OK;
}
