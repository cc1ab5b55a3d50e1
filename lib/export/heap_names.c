/* heap_names.c - what DevTools show of a node or a reference, and how they group it.
 *
 * They group an object by its name, so that is its type, and other kinds of nodes by the kind. Texts of str are names, because
 * the filter for duplicate strings compares these.
 */
#include "export/heapsnapshot.h"

#include "analysis/analysis.h"
#include "analysis/lookup.h"

#include <inttypes.h>
#include <string.h>

/* What instances of a type are. */
enum role { OBJECT, TEXT, NUMBER, FUNCTION, CODE, MODULE, CLASS, FRAME, THREAD, KEYS, ROOTS };
enum { KEY_BYTES = 100 };

static const struct {
    const char *type;
    enum role role;
} objects[] = {{"str", TEXT},          {"int", NUMBER}, {"float", NUMBER},  {"complex", NUMBER},
               {"function", FUNCTION}, {"code", CODE},  {"module", MODULE}, {"type", CLASS}},
  stand_ins[] = {{"frame", FRAME}, {"thread", THREAD}, {"shared keys", KEYS}};

/* Subclasses of module and type are modules and classes; those of str and int are types of their own. */
static enum role role_of(tn_snapshot *s, const tn_type *type)
{
    tn_type base;
    if (type->flags & TN_TYPE_SYNTHETIC) {
        for (size_t i = 0; i < sizeof stand_ins / sizeof *stand_ins; i++)
            if (strcmp(type->full_name, stand_ins[i].type) == 0)
                return stand_ins[i].role;
        return ROOTS;
    }
    for (uint32_t k = 0; k < type->n_mro; k++) {
        if (tn_snapshot_type(s, type->mro[k], &base) < 0)
            break;
        for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
            if (strcmp(base.full_name, objects[i].type) == 0 && (k == 0 || objects[i].role >= MODULE))
                return objects[i].role;
    }
    return OBJECT;
}

int tn__heap_names_open(tn_snapshot *s, tn_heap_names *out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    uint32_t n = tn_snapshot_n_types(s);
    *out = (tn_heap_names){.snapshot = s, .roles = tn__alloc(a, n), .type_names = tn__alloc(a, n * sizeof(uint32_t))};
    tn__buf_init(&out->text, a);
    if (!out->roles || !out->type_names || tn__strtab_init(&out->strings, a) < 0) {
        tn__heap_names_close(out);
        return tn__no_memory(s, err);
    }
    for (uint32_t i = 0; i < n; i++) {
        tn_type type;
        out->roles[i] = tn_snapshot_type(s, i, &type) == TN_OK ? (uint8_t)role_of(s, &type) : OBJECT;
        out->type_names[i] = TN_NONE;
    }
    return TN_OK;
}

void tn__heap_names_close(tn_heap_names *names)
{
    const tn_alloc *a = tn__snapshot_alloc(names->snapshot);
    uint32_t n = tn_snapshot_n_types(names->snapshot);
    tn__free(a, names->roles, n);
    tn__free(a, names->type_names, n * sizeof *names->type_names);
    tn__strtab_free(&names->strings);
    tn__buf_free(&names->text);
}

bool tn__heap_is_user_root(const tn_heap_names *names, uint32_t type)
{
    return names->roles[type] == MODULE || names->roles[type] == FRAME;
}

static int string_row(tn_heap_names *names, const char *text, size_t n, uint32_t *row, tn_error *err)
{
    int status = tn__strtab_add(&names->strings, text, n, row);
    if (status == TN_ELIMIT)
        return tn__error_set(err, TN_ELIMIT, 0, "the strings of a heap snapshot pass 4 GiB: give --max-nodes");
    return status < 0 ? tn__no_memory(names->snapshot, err) : TN_OK;
}

int tn__heap_string(tn_heap_names *names, const char *text, uint32_t *row, tn_error *err)
{
    return string_row(names, text, strlen(text), row, err);
}

/* ---- nodes ---- */

/* A name "Object" would be taken for objects of JavaScript, and renamed. */
static int type_name(tn_heap_names *names, const tn_type *type, uint32_t row, uint32_t *name, tn_error *err)
{
    const char *text = strcmp(type->full_name, "Object") == 0 ? "(Object)" : type->full_name;
    if (names->type_names[row] == TN_NONE)
        TN_TRY(tn__heap_string(names, text, &names->type_names[row], err));
    *name = names->type_names[row];
    return TN_OK;
}

static int add(tn_heap_names *names, const char *bytes, size_t n, tn_error *err)
{
    return tn__buf_append(&names->text, bytes, n) < 0 ? tn__no_memory(names->snapshot, err) : TN_OK;
}

static int add_text(tn_heap_names *names, const char *text, tn_error *err)
{
    return add(names, text, strlen(text), err);
}

static int take_text(tn_heap_names *names, uint32_t *name, tn_error *err)
{
    return string_row(names, (const char *)names->text.data, names->text.size, name, err);
}

/* Equal texts, and only these, have equal names; known becomes false where the file does not tell. */
static int write_str(tn_heap_names *names, uint32_t node, const tn_preview *p, bool *known, tn_error *err)
{
    bool cut = p->kind & TN_PREVIEW_CUT;
    uint64_t hash = TN_UNKNOWN;
    char digits[24];
    if (!p->kind || cut)
        TN_TRY(tn__node_hash(names->snapshot, node, &hash, err));
    *known = (p->kind && !cut) || hash != TN_UNKNOWN;
    if (p->kind)
        TN_TRY(add(names, (const char *)p->bytes, p->length, err));
    if (cut)
        TN_TRY(add_text(names, "… ", err));
    if (hash != TN_UNKNOWN) {
        tn__compose(digits, sizeof digits, "#%" PRIx64, hash);
        TN_TRY(add_text(names, digits, err));
    }
    return TN_OK;
}

static int write_number(tn_heap_names *names, uint32_t node, tn_error *err)
{
    char text[80];
    TN_TRY(tn_node_preview(names->snapshot, node, text, sizeof text, err));
    return add_text(names, text, err);
}

static int write_stand_in(tn_heap_names *names, uint32_t node, enum role role, tn_error *err)
{
    tn_frame frame;
    char text[120];
    if (role == THREAD) {
        tn__thread_name(names->snapshot, node, text, sizeof text);
        return add_text(names, text, err);
    }
    TN_TRY(add_text(names, tn__type_name(names->snapshot, node), err));
    if (role != FRAME || tn__snapshot_frame(names->snapshot, node, &frame) < 0)
        return TN_OK;
    TN_TRY(add_text(names, " of ", err));
    TN_TRY(add_text(names, frame.qualified_name, err));
    return add_text(names, "()", err);
}

/* Writes a name where one of the node's own is known; else known is false. */
static int write_own(tn_heap_names *names, uint32_t node, enum role role, bool *known, tn_error *err)
{
    tn_preview p = {0};
    *known = true;
    if (role >= FRAME)
        return write_stand_in(names, node, role, err);
    if (role != OBJECT)
        TN_TRY(tn__snapshot_preview(names->snapshot, node, &p, err));
    if (role == TEXT)
        return write_str(names, node, &p, known, err);
    *known = p.kind;
    if (!p.kind)
        return TN_OK;
    if (role == NUMBER)
        return write_number(names, node, err);
    if (role == MODULE || role == CLASS)
        TN_TRY(add_text(names, role == MODULE ? "module " : "class ", err));
    return add(names, (const char *)p.bytes, p.length, err);
}

int tn__heap_node_name(tn_heap_names *names, uint32_t node, bool own, enum tn_heap_type *type, uint32_t *name,
                       tn_error *err)
{
    static const enum tn_heap_type types[] = {
        [OBJECT] = TN_HEAP_OBJECT,    [TEXT] = TN_HEAP_STRING,     [NUMBER] = TN_HEAP_NUMBER,
        [FUNCTION] = TN_HEAP_CLOSURE, [CODE] = TN_HEAP_CODE,       [MODULE] = TN_HEAP_OBJECT,
        [CLASS] = TN_HEAP_OBJECT,     [FRAME] = TN_HEAP_NATIVE,    [THREAD] = TN_HEAP_SYNTHETIC,
        [KEYS] = TN_HEAP_NATIVE,      [ROOTS] = TN_HEAP_SYNTHETIC,
    };
    tn_type of;
    uint32_t row;
    bool known;
    TN_TRY(tn__type_row(names->snapshot, node, &row, err));
    TN_TRY(tn_snapshot_type(names->snapshot, row, &of));
    enum role role = (enum role)names->roles[row];
    *type = own ? TN_HEAP_HIDDEN : types[role];
    names->text.size = 0;
    TN_TRY(write_own(names, node, own ? OBJECT : role, &known, err));
    if (known)
        return take_text(names, name, err);
    if (role < CODE && !own) /* its value is not in the file: it is one of its type */
        *type = TN_HEAP_OBJECT;
    return type_name(names, &of, row, name, err);
}

/* ---- references ---- */

/* A key as DevTools show the name of a property: a str as it is, another value in brackets. */
static int write_key(tn_heap_names *names, uint32_t key, tn_error *err)
{
    tn_preview p = {0};
    char text[KEY_BYTES];
    if (key != TN_NONE)
        TN_TRY(tn__snapshot_preview(names->snapshot, key, &p, err));
    if ((p.kind & ~TN_PREVIEW_CUT) == TN_PREVIEW_TEXT) {
        size_t n = p.length < KEY_BYTES ? p.length : tn__utf8_length(p.bytes, KEY_BYTES);
        TN_TRY(add(names, (const char *)p.bytes, n, err));
        return n < p.length || p.kind & TN_PREVIEW_CUT ? add_text(names, "…", err) : TN_OK;
    }
    TN_TRY(add_text(names, "[", err));
    if (p.kind)
        TN_TRY(tn_node_preview(names->snapshot, key, text, sizeof text, err));
    TN_TRY(add_text(names, p.kind ? text : key == TN_NONE ? "?" : tn__type_name(names->snapshot, key), err));
    return add_text(names, "]", err);
}

static enum tn_heap_edge edge_type(enum tn_label_style style)
{
    switch (style) {
    case TN_LABEL_ATTRIBUTE:
    case TN_LABEL_ITEM:
    case TN_LABEL_VALUE: return TN_HEAP_PROPERTY;
    case TN_LABEL_LOCAL: return TN_HEAP_CONTEXT;
    case TN_LABEL_INDEX:
    case TN_LABEL_MEMBER:
    case TN_LABEL_UNKNOWN:
    case TN_LABEL_STACK: return TN_HEAP_ELEMENT;
    default: return TN_HEAP_INTERNAL;
    }
}

int tn__heap_edge_name(tn_heap_names *names, const tn_reference *r, bool holds, enum tn_heap_edge *type, uint32_t *name,
                       tn_error *err)
{
    char digits[24];
    enum tn_heap_edge natural = edge_type(r->style);
    *type = holds ? natural : TN_HEAP_WEAK;
    if (*type == TN_HEAP_ELEMENT) {
        *name = (uint32_t)r->index;
        return TN_OK;
    }
    if (r->text)
        return tn__heap_string(names, r->text, name, err);
    if (r->style == TN_LABEL_KEY)
        return tn__heap_string(names, "key", name, err);
    names->text.size = 0;
    if (natural == TN_HEAP_ELEMENT) {
        tn__compose(digits, sizeof digits, "%" PRIu64, r->index);
        TN_TRY(add_text(names, digits, err));
    } else {
        TN_TRY(write_key(names, r->key, err));
    }
    return take_text(names, name, err);
}
