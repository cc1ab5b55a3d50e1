/* held.c - how an object is held, in a few words: the label of the one reference that its dominator has to it, or what else
 * keeps it, such as a module or C code.
 */
#include "view/dominator_tree.h"

#include "view/python_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tn__type_and_address(tn_snapshot *s, uint32_t id, tn_type *type, uint64_t *address, tn_error *err)
{
    tn_graph g;
    TN_TRY(tn__graph(s, &g, err));
    TN_TRY(tn__snapshot_addresses(s, err));
    TN_TRY(tn_snapshot_type(s, g.table[g.shapes[id]].type, type));
    *address = id < g.n_objects ? tn__snapshot_address(s, id) : 0;
    return TN_OK;
}

/* ---- the references ---- */

typedef struct tn_wanted {
    uint32_t idom, id;
    size_t row;
} tn_wanted;

static int compare(const void *left, const void *right)
{
    const tn_wanted *a = left, *b = right;
    if (a->idom != b->idom)
        return a->idom < b->idom ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Rows of one dominator, in order of id; a row may be there several times in no tree. */
static int look(tn_snapshot *s, tn_tree_row *rows, const tn_wanted *wanted, size_t n, tn_error *err)
{
    tn_reference_iter iter;
    tn_reference r;
    TN_TRY(tn_references(s, wanted->idom, &iter, err));
    bool synthetic = wanted->idom >= tn_snapshot_n_objects(s);
    while (tn_reference_next(&iter, &r)) {
        if (!tn__kind_holds(r.kind, synthetic))
            continue;
        tn_wanted key = {wanted->idom, r.target, 0};
        const tn_wanted *found = bsearch(&key, wanted, n, sizeof *wanted, compare);
        if (found && rows[found->row].n_references++ == 0)
            rows[found->row].reference = r;
    }
    return TN_OK;
}

int tn__held_find(tn_snapshot *s, tn_tree_row *rows, size_t n, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    const tn_dominators *d;
    size_t n_wanted = 0;
    int status = TN_OK;
    TN_TRY(tn__dominators(s, &d, err));
    tn_wanted *wanted = tn__alloc(a, n * sizeof *wanted);
    if (!wanted)
        return tn__no_memory(s, err);
    for (size_t i = 0; i < n; i++)
        if (rows[i].id != TN_NONE && d->idom[rows[i].id] != TN_NONE)
            wanted[n_wanted++] = (tn_wanted){d->idom[rows[i].id], rows[i].id, i};
    if (n_wanted > 1)
        qsort(wanted, n_wanted, sizeof *wanted, compare);
    for (size_t i = 0, end; i < n_wanted && status == TN_OK; i = end) {
        for (end = i + 1; end < n_wanted && wanted[end].idom == wanted[i].idom; end++)
            ;
        status = look(s, rows, wanted + i, end - i, err);
    }
    tn__free(a, wanted, n * sizeof *wanted);
    return status;
}

/* ---- words ---- */

static int add(tn_buf *out, const char *text)
{
    return tn__buf_append(out, text, strlen(text));
}

static bool is_text(tn_snapshot *s, uint32_t id, const char *text)
{
    tn_preview preview;
    return tn__snapshot_preview(s, id, &preview, NULL) == TN_OK && preview.kind == TN_PREVIEW_TEXT &&
           preview.length == strlen(text) && memcmp(preview.bytes, text, preview.length) == 0;
}

/* The name in a module's namespace: a dict with __name__ and __spec__ among its first keys, where the interpreter puts them. */
static uint32_t module_name(tn_snapshot *s, uint32_t id, const tn_type *type)
{
    enum { FIRST = 2 * 16 };
    tn_reference_iter iter;
    tn_reference r;
    uint32_t name = TN_NONE;
    bool spec = false;
    if (strcmp(type->full_name, "dict") != 0 || tn_references(s, id, &iter, NULL) < 0)
        return TN_NONE;
    for (unsigned i = 0; i < FIRST && tn_reference_next(&iter, &r); i++) {
        if (r.style != TN_LABEL_VALUE)
            continue;
        spec |= is_text(s, r.key, "__spec__");
        if (is_text(s, r.key, "__name__"))
            name = r.target;
    }
    return spec ? name : TN_NONE;
}

static int add_frame(tn_snapshot *s, uint32_t node, tn_buf *out)
{
    tn_frame frame;
    int status = tn__snapshot_frame(s, node, &frame);
    if (status == TN_ENOTFOUND)
        return add(out, " of a frame");
    TN_TRY(status);
    TN_TRY(add(out, " of "));
    TN_TRY(add(out, frame.qualified_name));
    return add(out, "()");
}

int tn__thread_words(tn_snapshot *s, uint32_t thread, tn_buf *out)
{
    tn_fact fact;
    char key[48];
    for (unsigned n = 0;; n++) {
        snprintf(key, sizeof key, "thread.%u.node", n);
        if (tn_snapshot_find_fact(s, key, &fact) < 0)
            break;
        if (fact.kind != TN_FACT_UINT || fact.value.u != thread)
            continue;
        snprintf(key, sizeof key, "thread.%u.name", n);
        if (tn_snapshot_find_fact(s, key, &fact) < 0 || fact.kind != TN_FACT_TEXT)
            break;
        TN_TRY(add(out, "thread "));
        return add(out, fact.value.text);
    }
    return add(out, "thread");
}

static int add_label(tn_snapshot *s, const tn_tree_row *row, tn_buf *out, tn_error *err)
{
    tn_buf label;
    tn__buf_init(&label, tn__snapshot_alloc(s));
    int status = tn__label_into(s, &row->reference, &label, err);
    const char *text = (const char *)label.data;
    size_t n = status == TN_OK ? strlen(text) : 0;
    bool name = n > 4 && row->attribute && strncmp(text, "['", 2) == 0 && tn__is_identifier(text + 2, n - 4);
    if (name) { /* x.__dict__['a'] is x.a */
        status = add(out, ".");
        if (status == TN_OK)
            status = tn__buf_append(out, text + 2, n - 4);
    } else if (status == TN_OK) { /* labels of words begin with a blank, for a holder that would stand before */
        status = add(out, *text == ' ' ? text + 1 : text);
    }
    tn__buf_free(&label);
    return status;
}

/* Held by a synthetic node: the root, one of its groups, a thread, a frame, keys that dicts share. */
static int add_group(tn_snapshot *s, const tn_tree_row *row, uint32_t group, tn_buf *out, tn_error *err)
{
    tn_type type;
    uint64_t address;
    TN_TRY(tn__type_and_address(s, group, &type, &address, err));
    bool frame = strcmp(type.name, "frame") == 0;
    if (row->n_references == 1 || (frame && row->n_references > 1))
        TN_TRY(add_label(s, row, out, err));
    if (group == tn_snapshot_n_objects(s))
        return row->n_references ? TN_OK : add(out, "several");
    if (frame)
        return row->n_references ? add_frame(s, group, out) : add(out, "several locals");
    TN_TRY(add(out, out->size ? " of " : ""));
    return strcmp(type.name, "thread") == 0 ? tn__thread_words(s, group, out) : add(out, type.name);
}

static int add_words(tn_snapshot *s, const tn_tree_row *row, tn_buf *out, tn_error *err)
{
    static const char *const anchors[] = {NULL, "immortal", "static memory", "C code", "garbage"};
    const tn_dominators *d;
    tn_type type;
    uint64_t address;
    TN_TRY(tn__dominators(s, &d, err));
    TN_TRY(tn__type_and_address(s, row->id, &type, &address, err));
    uint32_t idom = d->idom[row->id], name = module_name(s, row->id, &type);
    if (strcmp(type.full_name, "module") == 0)
        return add(out, "module");
    if (name != TN_NONE && d->holds[row->id] != TN_HOLD_UNREACHABLE) {
        tn_preview preview;
        TN_TRY(tn__snapshot_preview(s, name, &preview, err));
        TN_TRY(add(out, "module "));
        return preview.kind == TN_PREVIEW_TEXT ? tn__buf_append(out, preview.bytes, preview.length) : TN_OK;
    }
    const char *scope = tn__fact_text(s, "capture.scope");
    if (d->holds[row->id] == TN_HOLD_C && scope && strcmp(scope, "reachable") == 0)
        return add(out, "outside"); /* the rest of the process is not in the file */
    if (d->holds[row->id] != TN_HOLD_REFERENCES)
        return add(out, anchors[d->holds[row->id]]);
    if (idom == TN_NONE)
        return TN_OK;
    if (idom >= tn_snapshot_n_objects(s))
        return add_group(s, row, idom, out, err);
    return row->n_references == 1 ? add_label(s, row, out, err) : add(out, "several");
}

int tn__held_into(tn_snapshot *s, const tn_tree_row *row, tn_buf *out, tn_error *err)
{
    out->size = 0;
    int status = add_words(s, row, out, err);
    if (status == TN_OK)
        status = tn__buf_append(out, "", 1);
    if (status == TN_ENOMEM)
        return tn__no_memory(s, err);
    TN_TRY(status);
    out->size--;
    return TN_OK;
}
