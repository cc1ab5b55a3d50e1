/* picture_words.c - what stands in a node (its type, how its value begins, its size), and on an edge. */
#include "view/dominator_tree.h"
#include "view/picture.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_COLUMNS = 40 };

/* ---- one line ---- */

static int add(tn_picture *p, const char *text, tn_error *err)
{
    return tn__buf_append(&p->words, text, strlen(text)) < 0 ? tn__picture_no_memory(p, err) : TN_OK;
}

/* The first columns of a text; escaped already. */
static int add_cut(tn_picture *p, const char *text, tn_error *err)
{
    size_t n = strlen(text), fits = tn__text_fit(text, n, MOST_COLUMNS);
    if (tn__buf_append(&p->words, text, fits) < 0)
        return tn__picture_no_memory(p, err);
    return fits < n ? add(p, "…", err) : TN_OK;
}

static int add_escaped(tn_picture *p, const char *text, tn_error *err)
{
    char line[256];
    tn_text t;
    tn__text_init(&t, line, sizeof line);
    tn__text_escaped(&t, text, strlen(text), 0);
    tn__text_end(&t);
    return add_cut(p, line, err);
}

/* Of the line that is being written; the first one has none before it. */
static int new_line(tn_picture *p, tn_error *err)
{
    return p->words.size ? add(p, "\n", err) : TN_OK;
}

static int add_line(tn_picture *p, tn_error *err, const char *format, ...)
{
    char line[160];
    va_list args;
    va_start(args, format);
    tn__compose_list(line, sizeof line, format, args);
    va_end(args);
    TN_TRY(new_line(p, err));
    return add(p, line, err);
}

static int end(tn_picture *p, uint64_t *at, tn_error *err)
{
    if (tn__buf_append(&p->words, "", 1) < 0)
        return tn__picture_no_memory(p, err);
    return tn__picture_text(p, (const char *)p->words.data, at, err);
}

/* ---- titles ---- */

const char *tn__picture_type(const tn_picture *p, const tn_type *type)
{
    return p->o.lines & TN_PICTURE_FULL_NAMES ? type->full_name : type->name;
}

static bool inherits(const tn_picture *p, const tn_type *type, const char *from)
{
    tn_type base;
    for (uint32_t i = 0; i < type->n_mro; i++)
        if (tn_snapshot_type(p->snapshot, type->mro[i], &base) == TN_OK && strcmp(base.full_name, from) == 0)
            return true;
    return false;
}

enum tn_drawn tn__picture_rank(enum tn_type_rank rank)
{
    static const enum tn_drawn by_rank[] = {TN_DRAWN_OBJECT, TN_DRAWN_BUILTIN, TN_DRAWN_CONTAINER};
    return by_rank[rank];
}

static enum tn_drawn kind_of(const tn_picture *p, uint32_t node, const tn_type *type)
{
    if (node >= p->graph.n_objects || strcmp(type->full_name, "module") == 0 || strcmp(type->full_name, "frame") == 0)
        return TN_DRAWN_ROOT;
    return inherits(p, type, "type") ? TN_DRAWN_CLASS : tn__picture_rank(tn__type_rank(type));
}

/* A frame, a thread, a group of roots. */
static int add_synthetic(tn_picture *p, uint32_t node, const tn_type *type, tn_error *err)
{
    tn_frame frame;
    if (strcmp(type->name, "thread") == 0) {
        p->label.size = 0;
        if (tn__thread_words(p->snapshot, node, &p->label) < 0 || tn__buf_append(&p->label, "", 1) < 0)
            return tn__picture_no_memory(p, err);
        return add_escaped(p, (const char *)p->label.data, err);
    }
    if (strcmp(type->name, "frame") != 0 || tn__snapshot_frame(p->snapshot, node, &frame) < 0)
        return add(p, type->name, err);
    TN_TRY(add_escaped(p, frame.qualified_name, err));
    return add(p, strcmp(frame.qualified_name, "<module>") == 0 ? "" : "()", err);
}

/* "Session", "class Session", "module app", "function serve" */
static int add_title(tn_picture *p, uint32_t node, const tn_type *type, enum tn_drawn kind, tn_error *err)
{
    tn_preview preview;
    p->words.size = 0;
    if (node >= p->graph.n_objects)
        return add_synthetic(p, node, type, err);
    TN_TRY(tn__snapshot_preview(p->snapshot, node, &preview, err));
    TN_TRY(kind == TN_DRAWN_CLASS ? add(p, "class", err) : add_escaped(p, tn__picture_type(p, type), err));
    if ((preview.kind & ~TN_PREVIEW_CUT) != TN_PREVIEW_NAME)
        return TN_OK;
    TN_TRY(tn__preview_into(p->snapshot, node, &p->label, err));
    TN_TRY(add(p, " ", err));
    return add_cut(p, (const char *)p->label.data, err);
}

/* ---- lines ---- */

static int add_frame_line(tn_picture *p, uint32_t node, tn_error *err)
{
    tn_frame frame;
    if (tn__snapshot_frame(p->snapshot, node, &frame) < 0)
        return TN_OK;
    const char *slash = strrchr(frame.file, '/');
    TN_TRY(add_escaped(p, slash ? slash + 1 : frame.file, err));
    char line[24];
    tn__compose(line, sizeof line, ":%u", (unsigned)frame.line);
    return add(p, frame.line ? line : "", err);
}

/* Entries of a container. */
static int count_items(tn_picture *p, uint32_t node, uint64_t *n, tn_error *err)
{
    static const unsigned entries =
        1u << TN_LABEL_INDEX | 1u << TN_LABEL_VALUE | 1u << TN_LABEL_ITEM | 1u << TN_LABEL_MEMBER;
    tn_reference_iter iter;
    tn_reference r;
    *n = 0;
    TN_TRY(tn_references(p->snapshot, node, &iter, err));
    while (tn_reference_next(&iter, &r))
        *n += entries >> r.style & 1;
    return TN_OK;
}

static int add_value(tn_picture *p, uint32_t node, enum tn_drawn kind, tn_error *err)
{
    tn_preview preview;
    uint64_t n;
    TN_TRY(tn__snapshot_preview(p->snapshot, node, &preview, err));
    if (preview.kind && (preview.kind & ~TN_PREVIEW_CUT) != TN_PREVIEW_NAME) {
        TN_TRY(tn__preview_into(p->snapshot, node, &p->label, err));
        TN_TRY(add_cut(p, (const char *)p->label.data, err));
    }
    if (kind != TN_DRAWN_CONTAINER)
        return TN_OK;
    TN_TRY(count_items(p, node, &n, err));
    return add_line(p, err, "%llu item%s", (unsigned long long)n, tn__picture_s(n));
}

/* With the dict that is drawn as the node: where something else holds that, too, the node alone does not retain it. */
static int whole_retains(tn_picture *p, uint32_t node, uint64_t *bytes, uint32_t *count, tn_error *err)
{
    tn_set *whole, *members;
    uint32_t above = node;
    TN_TRY(tn__set_new(p->alloc, p->graph.n_objects, &whole, err));
    tn__set_add(whole, node);
    tn__fold_members(p->fold, whole);
    int status = TN_OK;
    for (uint32_t i = tn_set_next(whole, 0); status == TN_OK && i != TN_NONE && above == node;
         i = tn_set_next(whole, i + 1))
        if (i != node)
            status = tn_dominator(p->snapshot, i, &above, err);
    if (status == TN_OK && above == node) {
        status = tn_retained(p->snapshot, node, bytes, count, err);
    } else if (status == TN_OK && (status = tn_retained_set(p->snapshot, whole, &members, bytes, err)) == TN_OK) {
        *count = tn_set_count(members);
        tn_set_free(members);
    }
    tn_set_free(whole);
    return status;
}

static int add_retained(tn_picture *p, uint32_t node, tn_error *err)
{
    uint64_t bytes;
    uint32_t count;
    char size[24];
    if (p->fold && node < p->graph.n_objects && tn__fold_extra(p->fold, node))
        TN_TRY(whole_retains(p, node, &bytes, &count, err));
    else
        TN_TRY(tn_retained(p->snapshot, node, &bytes, &count, err));
    return add_line(p, err, "retains %s, %u object%s", tn_format_bytes(bytes, size, sizeof size), (unsigned)count,
                    tn__picture_s(count));
}

/* What is told besides. */
static int add_more(tn_picture *p, const tn_node *node, enum tn_drawn kind, tn_error *err)
{
    static const char *const anchors[] = {NULL, "immortal", "static memory", "held by C code", "garbage"};
    if (p->holds && kind != TN_DRAWN_ROOT && kind != TN_DRAWN_CLASS && p->holds[node->id] != TN_HOLD_REFERENCES)
        TN_TRY(add_line(p, err, "%s", anchors[p->holds[node->id]]));
    if (p->o.lines & TN_PICTURE_ADDRESS)
        TN_TRY(add_line(p, err, "at 0x%llx", (unsigned long long)node->address));
    if (p->o.lines & TN_PICTURE_REFCOUNT)
        TN_TRY(add_line(p, err, "reference count %u", (unsigned)node->refcount));
    return p->o.lines & TN_PICTURE_RETAINED ? add_retained(p, node->id, err) : TN_OK;
}

int tn__picture_words(tn_picture *p, uint32_t node, tn_drawn_node *out, tn_error *err)
{
    tn_node about;
    tn_type type;
    char size[24];
    TN_TRY(tn_node_get(p->snapshot, node, &about, err));
    TN_TRY(tn_snapshot_type(p->snapshot, about.type, &type));
    bool object = node < p->graph.n_objects;
    out->kind = kind_of(p, node, &type);
    out->count = object;
    out->bytes = about.size + (p->fold && object ? tn__fold_extra(p->fold, node) : 0);
    TN_TRY(add_title(p, node, &type, out->kind, err));
    TN_TRY(end(p, &out->title, err));
    p->words.size = 0;
    if (!object) {
        TN_TRY(add_frame_line(p, node, err));
        return end(p, &out->text, err);
    }
    TN_TRY(add_value(p, node, out->kind, err));
    if (out->bytes)
        TN_TRY(add_line(p, err, "%s", tn_format_bytes(out->bytes, size, sizeof size)));
    TN_TRY(add_more(p, &about, out->kind, err));
    return end(p, &out->text, err);
}

/* ---- edges ---- */

/* x.__dict__['a'] is x.a where the dict is drawn as x. */
int tn__picture_label(tn_picture *p, const tn_reference *r, bool folded, tn_error *err)
{
    TN_TRY(tn__label_into(p->snapshot, r, &p->label, err));
    const char *label = (const char *)p->label.data;
    size_t n = p->label.size;
    bool subscript = r->style == TN_LABEL_VALUE || r->style == TN_LABEL_ITEM;
    p->words.size = 0;
    if (folded && subscript && n > 4 && label[1] == '\'' && tn__is_identifier(label + 2, n - 4)) {
        p->label.data[n - 2] = '\0';
        TN_TRY(add(p, ".", err));
        TN_TRY(add_cut(p, label + 2, err));
    } else {
        TN_TRY(add_cut(p, label + (*label == ' '), err));
    }
    p->label.size = 0;
    if (tn__buf_append(&p->label, p->words.data, p->words.size) < 0 || tn__buf_append(&p->label, "", 1) < 0)
        return tn__picture_no_memory(p, err);
    return TN_OK;
}
