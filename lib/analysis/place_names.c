/* place_names.c - the piece of a place that a reference stands for: ".history", "[…]", " › local 'batch'". What is one access in
 * Python is one piece, as in a path (docs/paths.md); what differs from object to object is left out.
 */
#include "analysis/lookup.h"
#include "analysis/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MET_KEYS = 1 << 14 };

static int failed(int status, tn_error *err)
{
    return status == TN_ENOMEM ? tn__error_set(err, TN_ENOMEM, 0, "out of memory")
                               : tn__error_set(err, status, 0, "more names of places than can be numbered");
}

/* ---- pieces ---- */

/* What stands in text. */
static int number(tn_place_names *n, enum tn_place_kind kind, uint32_t *piece, tn_error *err)
{
    uint8_t narrow = (uint8_t)kind;
    int status = tn__strtab_add(n->pieces, (const char *)n->text.data, n->text.size, piece);
    if (status == TN_OK && *piece == n->kinds.size)
        status = tn__buf_append(&n->kinds, &narrow, sizeof narrow);
    return status < 0 ? failed(status, err) : TN_OK;
}

static int piece_of(tn_place_names *n, const char *before, const char *name, size_t n_name, const char *after,
                    enum tn_place_kind kind, uint32_t *piece, tn_error *err)
{
    n->text.size = 0;
    if (tn__buf_append(&n->text, before, strlen(before)) < 0 || tn__buf_append(&n->text, name, n_name) < 0 ||
        tn__buf_append(&n->text, after, strlen(after)) < 0)
        return failed(TN_ENOMEM, err);
    return number(n, kind, piece, err);
}

static int plain(tn_place_names *n, const char *text, uint32_t *piece, tn_error *err)
{
    return piece_of(n, "", text, strlen(text), "", TN_PLACE_PLAIN, piece, err);
}

static int attribute(tn_place_names *n, const char *name, size_t n_name, uint32_t *piece, tn_error *err)
{
    bool dotted = tn__is_identifier(name, n_name);
    return piece_of(n, dotted ? "." : ".__dict__['", name, n_name, dotted ? "" : "']", TN_PLACE_PLAIN, piece, err);
}

static int local(tn_place_names *n, const char *name, size_t n_name, uint32_t *piece, tn_error *err)
{
    return piece_of(n, " › local '", name, n_name, "'", TN_PLACE_CELL, piece, err);
}

/* A package is written before what is in it, whether or not it has that as an attribute: a place is no expression. */
static int module(tn_place_names *n, const char *name, size_t n_name, uint32_t *piece, tn_error *err)
{
    bool dotted = true;
    for (size_t start = 0, end; start <= n_name; start = end + 1) {
        for (end = start; end < n_name && name[end] != '.'; end++)
            continue;
        dotted &= tn__is_identifier(name + start, end - start);
    }
    return piece_of(n, dotted ? "" : "sys.modules['", name, n_name, dotted ? "" : "']", TN_PLACE_PLAIN, piece, err);
}

static int object(tn_place_names *n, const char *before, uint32_t node, uint32_t *piece, tn_error *err)
{
    const char *type = tn__type_name(n->snapshot, node);
    char text[64];
    snprintf(text, sizeof text, "%.40s › <", before);
    return piece_of(n, text, type, strlen(type), ">", TN_PLACE_PLAIN, piece, err);
}

/* ---- of objects ---- */

/* An entry of a namespace. */
static int entry(tn_place_names *n, const char *name, size_t n_name, enum tn_place_kind as, uint32_t *piece,
                 tn_error *err)
{
    static const char dict[] = "__dict__";
    if (as == TN_PLACE_LOCALS)
        return local(n, name, n_name, piece, err);
    if (n_name == sizeof dict - 1 && memcmp(name, dict, n_name) == 0) /* else it were the namespace */
        return plain(n, ".__dict__['__dict__']", piece, err);
    return attribute(n, name, n_name, piece, err);
}

static enum tn_place_from before_entry(enum tn_place_kind as)
{
    return as == TN_PLACE_PLAIN || as == TN_PLACE_CELL ? TN_PLACE_FROM_HOLDER : TN_PLACE_FROM_ABOVE;
}

/* as: NAMESPACE or LOCALS; PLAIN for a module. */
static int entry_of_key(tn_place_names *n, uint32_t key, enum tn_place_kind as, uint32_t *piece, tn_error *err)
{
    uint32_t spot = (key * 0x85ebca6bu ^ (uint32_t)as * 0x9e3779b9u) >> 16;
    tn_place_key *met = &n->keys[spot % MET_KEYS];
    if (met->as == (uint32_t)as + 1 && met->key == key) {
        *piece = met->piece;
        return TN_OK;
    }
    tn_preview preview = {0};
    if (key != TN_NONE && strcmp(tn__type_name(n->snapshot, key), "str") == 0)
        TN_TRY(tn__snapshot_preview(n->snapshot, key, &preview, err));
    const char *name = (const char *)preview.bytes;
    if (preview.kind != TN_PREVIEW_TEXT)
        TN_TRY(plain(n, as == TN_PLACE_PLAIN ? "sys.modules[…]" : ".__dict__[…]", piece, err));
    else if (as == TN_PLACE_PLAIN)
        TN_TRY(module(n, name, preview.length, piece, err));
    else
        TN_TRY(entry(n, name, preview.length, as, piece, err));
    *met = (tn_place_key){key, (uint32_t)as + 1, *piece};
    return TN_OK;
}

static int fixed_text(tn_place_names *n, uint32_t source, const uint32_t *label, uint32_t *piece, tn_error *err)
{
    const char *text = tn__snapshot_string(n->snapshot, label[0]), *frame;
    size_t size = strlen(text);
    char before[32];
    switch (label[1] & 255) {
    case TN_LABEL_ATTRIBUTE:
        if (strcmp(text, "__dict__") == 0)
            return piece_of(n, ".", text, size, "", TN_PLACE_NAMESPACE, piece, err);
        return attribute(n, text, size, piece, err);
    case TN_LABEL_LOCAL:
        frame = tn__frame_attribute(tn__type_name(n->snapshot, source));
        snprintf(before, sizeof before, "%s.f_locals['", frame ? frame : "");
        return piece_of(n, before, text, size, "']", TN_PLACE_CELL, piece, err);
    case TN_LABEL_ITEM: return entry(n, text, size, TN_PLACE_NAMESPACE, piece, err);
    case TN_LABEL_FIELD:
        return piece_of(n, "<", text, size, ">", strcmp(text, "mapping") == 0 ? TN_PLACE_VIEW : TN_PLACE_PLAIN, piece,
                        err);
    default: *piece = n->unknown; return TN_OK;
    }
}

static int fixed_piece(tn_place_names *n, uint32_t source, uint64_t index, enum tn_place_kind as, uint32_t *piece,
                       enum tn_place_from *from, tn_error *err)
{
    const tn_graph *g = &n->ways->graph;
    const uint32_t *label = &g->table[g->shapes[source]].labels[2 * index];
    uint32_t *met = &n->fixed[n->starts[g->shapes[source]] + index];
    const char *text = tn__snapshot_string(n->snapshot, label[0]);
    if ((label[1] & 255) == TN_LABEL_ITEM) {
        *from = before_entry(as);
        if (as == TN_PLACE_LOCALS)
            return local(n, text, strlen(text), piece, err);
        if (as != TN_PLACE_NAMESPACE) {
            *piece = n->item;
            return TN_OK;
        }
    }
    if (as == TN_PLACE_CELL && (label[1] & 255) == TN_LABEL_ATTRIBUTE && strcmp(text, "cell_contents") == 0)
        *from = TN_PLACE_SAME;
    if (!*met) {
        TN_TRY(fixed_text(n, source, label, met, err));
        ++*met;
    }
    *piece = *met - 1;
    return TN_OK;
}

static int run_piece(tn_place_names *n, uint32_t source, uint64_t edge, enum tn_place_kind as, uint32_t *piece,
                     enum tn_place_from *from, tn_error *err)
{
    const tn_graph *g = &n->ways->graph;
    const tn_shape *shape = &g->table[g->shapes[source]];
    unsigned style = shape->flags & TN_RUN_STYLE;
    bool value = style == TN_RUN_PAIRS && ((edge - g->offsets[source] - shape->n_fixed) & 1);
    if (value && source == n->modules) {
        *from = TN_PLACE_FROM_ROOT;
        return entry_of_key(n, g->targets[edge - 1], TN_PLACE_PLAIN, piece, err);
    }
    if (value)
        *from = before_entry(as);
    if (value && (as == TN_PLACE_NAMESPACE || as == TN_PLACE_LOCALS))
        return entry_of_key(n, g->targets[edge - 1], as, piece, err);
    *piece = value || style == TN_RUN_ITEMS ? n->item
             : style == TN_RUN_PAIRS        ? n->key
             : style == TN_RUN_MEMBERS      ? n->member
                                            : n->unknown;
    return TN_OK;
}

/* ---- of what is no object ---- */

static int thread_piece(tn_place_names *n, uint32_t node, uint32_t *piece, tn_error *err)
{
    uint32_t *known;
    TN_TRY(tn__map_slot(&n->threads, node, &known, err));
    if (!*known) {
        TN_TRY(plain(n, "thread ?", piece, err));
        *known = *piece + 1;
    }
    *piece = *known - 1;
    return TN_OK;
}

static int frame_piece(tn_place_names *n, uint32_t node, uint32_t *piece, tn_error *err)
{
    tn_frame frame;
    int status = tn__snapshot_frame(n->snapshot, node, &frame);
    if (status < 0 && status != TN_ENOTFOUND)
        return tn__error_set(err, status, 0, "the frames of a thread cannot be read");
    const char *name = status == TN_OK ? frame.name : "?";
    return piece_of(n, " › ", name, strlen(name), "()", TN_PLACE_PLAIN, piece, err);
}

static int field_piece(tn_place_names *n, const tn_reference *r, uint32_t *piece, tn_error *err)
{
    bool locals = strcmp(r->text, "f_locals") == 0;
    return piece_of(n, " › ", r->text, strlen(r->text), "", locals ? TN_PLACE_LOCALS : TN_PLACE_PLAIN, piece, err);
}

static int below_root(tn_place_names *n, const tn_reference *r, uint32_t *piece, tn_error *err)
{
    const char *type = tn__type_name(n->snapshot, r->target);
    const char *group = r->style == TN_LABEL_ROOT && *r->text ? r->text : "root";
    if (r->target < n->ways->graph.n_objects)
        return object(n, group, r->target, piece, err);
    if (strcmp(type, "thread") == 0)
        return thread_piece(n, r->target, piece, err);
    return plain(n, strcmp(type, "interpreter") == 0 ? type : group, piece, err);
}

static int synthetic_piece(tn_place_names *n, uint32_t source, uint64_t edge, uint32_t *piece, enum tn_place_from *from,
                           tn_error *err)
{
    const tn_graph *g = &n->ways->graph;
    const char *type = tn__type_name(n->snapshot, source);
    tn_reference_iter iter;
    tn_reference r;
    TN_TRY(tn_references(n->snapshot, source, &iter, err));
    iter.position += edge - g->offsets[source];
    tn_reference_next(&iter, &r);
    if (r.target == n->modules) {
        *from = TN_PLACE_FROM_ROOT;
        return plain(n, "sys.modules", piece, err);
    }
    if (source == g->root)
        return below_root(n, &r, piece, err);
    if (strcmp(type, "thread") == 0 && r.style == TN_LABEL_INDEX)
        return frame_piece(n, r.target, piece, err);
    if (r.style == TN_LABEL_LOCAL)
        return local(n, r.text, strlen(r.text), piece, err);
    if (r.style == TN_LABEL_STACK)
        return plain(n, " › evaluation stack", piece, err);
    if (r.text)
        return field_piece(n, &r, piece, err);
    return object(n, "", r.target, piece, err);
}

int tn__place_piece(tn_place_names *n, uint32_t source, uint64_t edge, enum tn_place_kind as, uint32_t *piece,
                    enum tn_place_from *from, tn_error *err)
{
    const tn_graph *g = &n->ways->graph;
    uint64_t index = edge - g->offsets[source];
    *from = TN_PLACE_FROM_HOLDER;
    if (source >= g->n_objects)
        return synthetic_piece(n, source, edge, piece, from, err);
    return index < g->table[g->shapes[source]].n_fixed ? fixed_piece(n, source, index, as, piece, from, err)
                                                       : run_piece(n, source, edge, as, piece, from, err);
}

int tn__place_held(tn_place_names *n, uint32_t node, uint32_t *piece, tn_error *err)
{
    return object(n, tn__hold_name((enum tn_hold)n->ways->holds[node]), node, piece, err);
}

/* ---- making ---- */

typedef struct tn_thread_facts {
    uint32_t node; /* TN_NONE: not told */
    bool identified;
    uint64_t ident;
    const char *name; /* or NULL */
} tn_thread_facts;

/* thread.N.node, .name, .ident */
static void read_fact(const tn_fact *fact, tn_thread_facts *threads, size_t n)
{
    static const char before[] = "thread.";
    char *end;
    if (strncmp(fact->key, before, sizeof before - 1) != 0)
        return;
    unsigned long at = strtoul(fact->key + sizeof before - 1, &end, 10);
    if (at >= n)
        return;
    if (strcmp(end, ".name") == 0 && fact->kind == TN_FACT_TEXT)
        threads[at].name = fact->value.text;
    if (strcmp(end, ".node") == 0 && fact->kind == TN_FACT_UINT && fact->value.u < TN_NONE)
        threads[at].node = (uint32_t)fact->value.u;
    if (strcmp(end, ".ident") == 0 && fact->kind == TN_FACT_UINT) {
        threads[at].ident = fact->value.u;
        threads[at].identified = true;
    }
}

static int name_thread(tn_place_names *n, const tn_thread_facts *thread, tn_error *err)
{
    char ident[32];
    uint32_t piece, *known;
    snprintf(ident, sizeof ident, "thread %llu", (unsigned long long)thread->ident);
    if (thread->name)
        TN_TRY(piece_of(n, "thread '", thread->name, strlen(thread->name), "'", TN_PLACE_PLAIN, &piece, err));
    else
        TN_TRY(plain(n, thread->identified ? ident : "thread ?", &piece, err));
    TN_TRY(tn__map_slot(&n->threads, thread->node, &known, err));
    *known = *known ? *known : piece + 1;
    return TN_OK;
}

static int name_threads(tn_place_names *n, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(n->snapshot);
    size_t n_facts = tn_snapshot_n_facts(n->snapshot);
    tn_thread_facts *threads = tn__alloc(a, n_facts * sizeof *threads);
    tn_fact fact;
    if (!threads)
        return failed(TN_ENOMEM, err);
    for (size_t i = 0; i < n_facts; i++)
        threads[i] = (tn_thread_facts){.node = TN_NONE};
    for (size_t i = 0; i < n_facts; i++)
        if (tn_snapshot_fact(n->snapshot, i, &fact) == TN_OK)
            read_fact(&fact, threads, n_facts);
    int status = TN_OK;
    for (size_t i = 0; i < n_facts && status == TN_OK; i++)
        if (threads[i].node != TN_NONE)
            status = name_thread(n, &threads[i], err);
    tn__free(a, threads, n_facts * sizeof *threads);
    return status;
}

static int common_pieces(tn_place_names *n, tn_error *err)
{
    TN_TRY(plain(n, "", &n->none, err));
    TN_TRY(plain(n, "[…]", &n->item, err));
    TN_TRY(plain(n, "{…}", &n->member, err));
    TN_TRY(plain(n, " key", &n->key, err));
    TN_TRY(plain(n, "<…>", &n->unknown, err));
    return plain(n, "…", &n->mark, err);
}

int tn__place_names_open(tn_place_names *n, tn_ways *w, tn_strtab *pieces, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(w->snapshot);
    const tn_graph *g = &w->graph;
    uint32_t at = 0;
    *n = (tn_place_names){.snapshot = w->snapshot, .ways = w, .pieces = pieces, .modules = TN_NONE, .threads.alloc = a};
    tn__buf_init(&n->kinds, a);
    tn__buf_init(&n->text, a);
    for (uint32_t i = 1; i < w->n_origins && n->modules == TN_NONE; i++)
        if (tn__origin(w, i)->parent == w->interpreter)
            n->modules = tn__origin(w, i)->node;
    n->starts = tn__alloc(a, ((size_t)g->n_shapes + 1) * sizeof *n->starts);
    if (!n->starts)
        return failed(TN_ENOMEM, err);
    for (uint32_t i = 0; i <= g->n_shapes; i++) {
        n->starts[i] = at;
        at += i < g->n_shapes ? g->table[i].n_fixed : 0;
    }
    n->fixed = tn__alloc_zero(a, at * sizeof *n->fixed);
    n->keys = tn__alloc_zero(a, MET_KEYS * sizeof *n->keys);
    if (!n->fixed || !n->keys)
        return failed(TN_ENOMEM, err);
    TN_TRY(common_pieces(n, err));
    return name_threads(n, err);
}

void tn__place_names_close(tn_place_names *n)
{
    if (!n->snapshot)
        return;
    const tn_alloc *a = tn__snapshot_alloc(n->snapshot);
    if (n->starts)
        tn__free(a, n->fixed, n->starts[n->ways->graph.n_shapes] * sizeof *n->fixed);
    tn__free(a, n->starts, ((size_t)n->ways->graph.n_shapes + 1) * sizeof *n->starts);
    tn__free(a, n->keys, MET_KEYS * sizeof *n->keys);
    tn__map_free(&n->threads);
    tn__buf_free(&n->kinds);
    tn__buf_free(&n->text);
}
