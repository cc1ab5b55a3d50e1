/* oneline.c - one line about a node or a reference, in the words of Python. */
#include "view/view.h"

#include <inttypes.h>
#include <string.h>

static int describe(tn_snapshot *s, uint32_t id, tn_text *t, tn_error *err)
{
    tn_node node;
    tn_type type;
    tn_preview preview;
    TN_TRY(tn_node_get(s, id, &node, err));
    TN_TRY(tn_snapshot_type(s, node.type, &type));
    TN_TRY(tn__snapshot_preview(s, id, &preview, err));
    char size[24];
    tn__text_escaped(t, type.full_name, strlen(type.full_name), 0);
    if (id < tn_snapshot_n_objects(s))
        tn__text_format(t, "(0x%" PRIx64, node.address);
    else
        tn__text_format(t, "(node %" PRIu32, id);
    tn__text_format(t, ", %s, %" PRIu32 " refs", tn_format_bytes(node.size, size, sizeof size), node.n_references);
    if (preview.kind) {
        tn__text_add(t, ", ", 2);
        size_t room = t->n < t->cap ? t->cap - t->n : 0;
        int n = tn_node_preview(s, id, room ? t->out + t->n : NULL, room, err);
        TN_TRY(n);
        t->n += (size_t)n;
    }
    tn__text_add(t, ")", 1);
    return TN_OK;
}

int tn_node_describe(tn_snapshot *s, uint32_t id, char *out, size_t cap, tn_error *err)
{
    tn_text t;
    tn__text_init(&t, out, cap);
    TN_TRY(describe(s, id, &t, err));
    return tn__text_end(&t);
}

/* A value of a dict: ['key'] by the key's preview, else by what the key is. */
static int add_key(tn_snapshot *s, uint32_t key, tn_text *t, tn_error *err)
{
    tn_preview preview;
    if (key == TN_NONE) {
        tn__text_add(t, "[?]", 3);
        return TN_OK;
    }
    TN_TRY(tn__snapshot_preview(s, key, &preview, err));
    char text[256];
    int n = preview.kind ? tn_node_preview(s, key, text, sizeof text, err)
                         : tn_node_describe(s, key, text, sizeof text, err);
    TN_TRY(n);
    tn__text_add(t, "[", 1);
    tn__text_add(t, text, strlen(text));
    tn__text_add(t, "]", 1);
    return TN_OK;
}

static void add_named(tn_text *t, const char *before, const char *text, const char *after)
{
    tn__text_add(t, before, strlen(before));
    tn__text_escaped(t, text, strlen(text), 0);
    tn__text_add(t, after, strlen(after));
}

int tn_reference_label(tn_snapshot *s, const tn_reference *r, char *out, size_t cap, tn_error *err)
{
    tn_text t;
    tn__text_init(&t, out, cap);
    const char *text = r->text ? r->text : "?";
    switch (r->style) {
    case TN_LABEL_ATTRIBUTE: add_named(&t, ".", text, ""); break;
    case TN_LABEL_LOCAL: add_named(&t, " local ", text, ""); break;
    case TN_LABEL_FIELD: add_named(&t, "<", text, ">"); break;
    case TN_LABEL_ROOT: add_named(&t, " ", text, ""); break;
    case TN_LABEL_ITEM:
        tn__text_add(&t, "[", 1);
        tn__text_quoted(&t, text, strlen(text));
        tn__text_add(&t, "]", 1);
        break;
    case TN_LABEL_INDEX: tn__text_format(&t, "[%" PRIu64 "]", r->index); break;
    case TN_LABEL_KEY: tn__text_format(&t, " key %" PRIu64, r->index / 2); break;
    case TN_LABEL_VALUE: TN_TRY(add_key(s, r->key, &t, err)); break;
    case TN_LABEL_MEMBER: tn__text_format(&t, " member"); break;
    case TN_LABEL_STACK: tn__text_format(&t, "<stack %" PRIu64 ">", r->index); break;
    default: tn__text_format(&t, "<reference %" PRIu64 ">", r->index);
    }
    return tn__text_end(&t);
}

/* Twice: to learn the length, then to write it. */
#define INTO(call)                                   \
    do {                                             \
        char *to = NULL;                             \
        size_t cap = 0;                              \
        int n = (call);                              \
        TN_TRY(n);                                   \
        out->size = 0;                               \
        if (tn__buf_reserve(out, (size_t)n + 1) < 0) \
            return tn__no_memory(s, err);            \
        to = (char *)out->data;                      \
        cap = (size_t)n + 1;                         \
        TN_TRY(call);                                \
        out->data[n] = 0;                            \
        out->size = (size_t)n;                       \
        return TN_OK;                                \
    } while (0)

int tn__describe_into(tn_snapshot *s, uint32_t id, tn_buf *out, tn_error *err)
{
    INTO(tn_node_describe(s, id, to, cap, err));
}

int tn__preview_into(tn_snapshot *s, uint32_t id, tn_buf *out, tn_error *err)
{
    INTO(tn_node_preview(s, id, to, cap, err));
}

int tn__label_into(tn_snapshot *s, const tn_reference *r, tn_buf *out, tn_error *err)
{
    INTO(tn_reference_label(s, r, to, cap, err));
}
