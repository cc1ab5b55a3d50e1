/* path_text.c - a path in Python's words: app.CACHE['user:7'].history[3].
 *
 * What stands for one access in Python is folded: x.__dict__['a'] is x.a, sys.modules['app'].__dict__['a'] is app.a. Each piece
 * says whether Python would get the same object by it; a path is evaluable when all its pieces are. Doubt counts as no.
 */
#include "view/python_names.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct tn_writing {
    tn_snapshot *snapshot;
    const tn_reference *steps;
    uint32_t n, at; /* at: the next step */
    tn_buf text;
    bool evaluable;
    tn_error *err;
} tn_writing;

static int add(tn_writing *w, const char *text, size_t n)
{
    return tn__buf_append(&w->text, text, n);
}

static int add_text(tn_writing *w, const char *text)
{
    return add(w, text, strlen(text));
}

/* Text that is not ours, on one line. */
static int add_escaped(tn_writing *w, const char *text, size_t n, bool quoted)
{
    tn_text t;
    tn__text_init(&t, NULL, 0);
    quoted ? tn__text_quoted(&t, text, n) : tn__text_escaped(&t, text, n, 0);
    size_t wanted = (size_t)tn__text_end(&t);
    TN_TRY(tn__buf_reserve(&w->text, wanted + 1));
    tn__text_init(&t, (char *)w->text.data + w->text.size, wanted + 1);
    quoted ? tn__text_quoted(&t, text, n) : tn__text_escaped(&t, text, n, 0);
    tn__text_end(&t);
    w->text.size += wanted;
    return TN_OK;
}

/* <app.Session 0x7f0a12345680>, <module app 0x7f0a12345680> */
static int add_object(tn_writing *w, uint32_t node)
{
    char address[40];
    const char *type = tn__type_name(w->snapshot, node);
    bool object = node < tn_snapshot_n_objects(w->snapshot);
    TN_TRY(tn__snapshot_addresses(w->snapshot, w->err));
    snprintf(address, sizeof address, object ? " 0x%" PRIx64 ">" : " node %" PRIu64 ">",
             object ? tn__snapshot_address(w->snapshot, node) : node);
    TN_TRY(add_text(w, "<"));
    TN_TRY(add_escaped(w, type, strlen(type), false));
    tn_preview name;
    TN_TRY(tn__snapshot_preview(w->snapshot, node, &name, w->err));
    if (name.kind == TN_PREVIEW_NAME) {
        TN_TRY(add_text(w, " "));
        TN_TRY(add_escaped(w, (const char *)name.bytes, name.length, false));
    }
    return add_text(w, address);
}

/* What the answer of python_names.h says about the piece: an error passes. */
static int judge(tn_writing *w, int answer)
{
    if (answer < 0)
        return answer;
    w->evaluable &= answer > 0;
    return TN_OK;
}

/* ---- keys ---- */

static int write_key(tn_writing *w, uint32_t key, unsigned depth);

static int write_tuple(tn_writing *w, uint32_t key, unsigned depth)
{
    tn_reference_iter iter;
    tn_reference r;
    uint32_t n = 0;
    TN_TRY(add_text(w, "("));
    TN_TRY(tn_references(w->snapshot, key, &iter, w->err));
    for (; tn_reference_next(&iter, &r) && n < 16; n++) {
        TN_TRY(add_text(w, n ? ", " : ""));
        TN_TRY(write_key(w, r.target, depth + 1));
    }
    if (n == 16 && tn_reference_next(&iter, &r)) {
        w->evaluable = false;
        return add_text(w, ", …)");
    }
    return add_text(w, n == 1 ? ",)" : ")");
}

static int write_float(tn_writing *w, const tn_preview *p, const char *text)
{
    double value = 0;
    if (p->length == sizeof value)
        memcpy(&value, p->bytes, sizeof value);
    bool finite = value - value == 0;
    w->evaluable &= value == value; /* nan is found by identity only */
    TN_TRY(add_text(w, finite ? "" : "float('"));
    TN_TRY(add_text(w, text));
    return add_text(w, finite ? "" : "')");
}

/* As an expression whose value is equal to the key, else as what it is. */
static int write_key(tn_writing *w, uint32_t key, unsigned depth)
{
    static const struct {
        const char *type;
        uint16_t kind;
    } whole[] = {
        {"str", TN_PREVIEW_TEXT}, {"bytes", TN_PREVIEW_BYTES}, {"int", TN_PREVIEW_INT}, {"bool", TN_PREVIEW_INT}};
    tn_preview preview;
    char text[2600]; /* a preview has 512 bytes at most, escaped five times as many */
    const char *type = tn__type_name(w->snapshot, key);
    if (strcmp(type, "NoneType") == 0 || strcmp(type, "ellipsis") == 0)
        return add_text(w, *type == 'N' ? "None" : "...");
    if (strcmp(type, "tuple") == 0 && depth < 4)
        return write_tuple(w, key, depth);
    TN_TRY(tn__snapshot_preview(w->snapshot, key, &preview, w->err));
    int n = tn_node_preview(w->snapshot, key, text, sizeof text, w->err);
    TN_TRY(n);
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(type, whole[i].type) == 0 && preview.kind == whole[i].kind && (size_t)n < sizeof text)
            return add_text(w, text);
    if (strcmp(type, "float") == 0 && preview.kind == TN_PREVIEW_FLOAT)
        return write_float(w, &preview, text);
    w->evaluable = false;
    bool cut_text = (preview.kind & TN_PREVIEW_CUT) && (strcmp(type, "str") == 0 || strcmp(type, "bytes") == 0);
    return cut_text ? add_text(w, text) : add_object(w, key);
}

static int write_subscript(tn_writing *w, uint32_t key)
{
    TN_TRY(add_text(w, "["));
    if (key == TN_NONE) {
        w->evaluable = false;
        TN_TRY(add_text(w, "?"));
    } else {
        TN_TRY(write_key(w, key, 0));
    }
    return add_text(w, "]");
}

/* The text of a str key that is whole; NULL when it is none. */
static const char *key_text(tn_writing *w, const tn_reference *r, size_t *n)
{
    tn_preview preview;
    if (r->style == TN_LABEL_ITEM) {
        *n = strlen(r->text);
        return r->text;
    }
    if (r->style != TN_LABEL_VALUE || r->key == TN_NONE || strcmp(tn__type_name(w->snapshot, r->key), "str") != 0 ||
        tn__snapshot_preview(w->snapshot, r->key, &preview, NULL) < 0 || preview.kind != TN_PREVIEW_TEXT)
        return NULL;
    *n = preview.length;
    return (const char *)preview.bytes;
}

/* An entry of a dict as [key]. */
static int write_entry(tn_writing *w, const tn_reference *r)
{
    if (r->style == TN_LABEL_VALUE)
        return write_subscript(w, r->key);
    TN_TRY(add_text(w, "["));
    TN_TRY(add_escaped(w, r->text, strlen(r->text), true));
    w->evaluable &= *r->text != '\0'; /* a redacted name */
    return add_text(w, "]");
}

/* ---- attributes ---- */

static const tn_reference *ahead(const tn_writing *w)
{
    return w->at < w->n ? &w->steps[w->at] : NULL;
}

static bool is_entry(const tn_reference *r)
{
    return r && (r->style == TN_LABEL_VALUE || r->style == TN_LABEL_ITEM);
}

/* holder.__dict__ with the entry that follows: holder.name where that is the same, else holder.__dict__['name']. */
static int write_dict(tn_writing *w, uint32_t holder)
{
    const tn_reference *entry = ahead(w);
    tn_type type = {0};
    size_t n = 0;
    TN_TRY(tn__type_of(w->snapshot, holder, &type, w->err));
    bool is_class = false;
    for (uint32_t i = 0; i < type.n_mro; i++) {
        tn_type base;
        TN_TRY(tn_snapshot_type(w->snapshot, type.mro[i], &base));
        is_class |= strcmp(base.full_name, "type") == 0;
    }
    if (!is_entry(entry)) {
        TN_TRY(add_text(w, ".__dict__"));
        return is_class ? judge(w, 0) : judge(w, tn__dict_is_plain(w->snapshot, holder, w->err));
    }
    w->at++;
    w->evaluable &= strcmp(tn__type_name(w->snapshot, entry->target), "lazy_import") != 0; /* 3.15: access imports */
    const char *name = key_text(w, entry, &n);
    int plain = 0;
    if (name && tn__is_identifier(name, n) && w->evaluable)
        plain = is_class ? tn__class_attribute_is_plain(w->snapshot, holder, name, n, entry->target, w->err)
                         : tn__attribute_is_plain(w->snapshot, holder, name, n, false, w->err);
    TN_TRY(plain);
    if (plain || (name && !w->evaluable && tn__is_identifier(name, n))) {
        TN_TRY(add_text(w, "."));
        return add(w, name, n);
    }
    TN_TRY(add_text(w, ".__dict__"));
    if (w->evaluable)
        TN_TRY(judge(w, tn__dict_is_plain(w->snapshot, holder, w->err)));
    return write_entry(w, entry);
}

/* A slot or an inline value of an instance; what dotted access does not give, its __dict__ may. */
static int write_own(tn_writing *w, const tn_reference *r)
{
    size_t n = strlen(r->text);
    bool identifier = tn__is_identifier(r->text, n);
    int plain = identifier ? tn__attribute_is_plain(w->snapshot, r->source, r->text, n, true, w->err) : 0;
    int in_dict = plain ? 0 : tn__attribute_is_inline(w->snapshot, r->source, r->text, n, w->err);
    if (in_dict > 0)
        in_dict = tn__dict_is_plain(w->snapshot, r->source, w->err);
    TN_TRY(plain);
    TN_TRY(in_dict);
    w->evaluable = n > 0 && (plain || in_dict); /* without a name it was redacted */
    TN_TRY(add_text(w, in_dict ? ".__dict__[" : "."));
    TN_TRY(add_escaped(w, r->text, n, in_dict));
    return add_text(w, in_dict ? "]" : "");
}

static int write_attribute(tn_writing *w, const tn_reference *r)
{
    size_t n = strlen(r->text);
    if (strcmp(r->text, "__dict__") == 0)
        return write_dict(w, r->source);
    int faithful = w->evaluable ? tn__member_is_faithful(w->snapshot, r->source, r->text, w->err) : 0;
    TN_TRY(faithful);
    tn_type type = {0};
    TN_TRY(tn__type_of(w->snapshot, r->source, &type, w->err));
    if (w->evaluable && !faithful && (type.flags & TN_TYPE_HEAP))
        return write_own(w, r);
    w->evaluable = faithful;
    TN_TRY(add_text(w, "."));
    return add_escaped(w, r->text, n, false);
}

/* Variables of a generator, or of a frame that a traceback holds; a cell is what it contains. */
static int write_local(tn_writing *w, const tn_reference *r)
{
    const char *frame = tn__frame_attribute(tn__type_name(w->snapshot, r->source));
    TN_TRY(add_text(w, frame ? frame : ""));
    TN_TRY(add_text(w, ".f_locals["));
    TN_TRY(add_escaped(w, r->text, strlen(r->text), true));
    const tn_reference *next = ahead(w);
    bool cell = strcmp(tn__type_name(w->snapshot, r->target), "cell") == 0;
    if (cell && next && next->style == TN_LABEL_ATTRIBUTE && strcmp(next->text, "cell_contents") == 0)
        w->at++;
    else if (cell)
        w->evaluable = false;
    w->evaluable &= frame && *r->text;
    return add_text(w, "]");
}

/* ---- items ---- */

static const char *builtin_of(tn_writing *w, uint32_t node, const char *const *names, size_t n_names)
{
    tn_type type, base;
    if (tn__type_of(w->snapshot, node, &type, NULL) < 0)
        return NULL;
    for (uint32_t i = 0; i < type.n_mro; i++)
        for (size_t k = 0; k < n_names; k++)
            if (tn_snapshot_type(w->snapshot, type.mro[i], &base) == TN_OK && strcmp(base.full_name, names[k]) == 0)
                return names[k];
    return NULL;
}

static int write_index(tn_writing *w, const tn_reference *r)
{
    static const char *const names[] = {"list", "tuple", "collections.deque"};
    char text[32];
    const char *builtin = builtin_of(w, r->source, names, 3);
    if (w->evaluable)
        TN_TRY(judge(w, builtin ? tn__subscript_is_plain(w->snapshot, r->source, builtin, w->err) : 0));
    snprintf(text, sizeof text, "[%" PRIu64 "]", r->index);
    return add_text(w, text);
}

static int write_value(tn_writing *w, const tn_reference *r)
{
    static const char *const names[] = {"dict"};
    if (w->evaluable)
        TN_TRY(judge(w, builtin_of(w, r->source, names, 1)
                            ? tn__subscript_is_plain(w->snapshot, r->source, "dict", w->err)
                            : 0));
    return write_entry(w, r);
}

/* list(d)[3]: keys come in the order of the entries, of which those that are gone do not count. */
static int write_dict_key(tn_writing *w, const tn_reference *r)
{
    tn_reference_iter iter;
    tn_reference each;
    uint64_t place = 0;
    char text[40];
    const char *type = tn__type_name(w->snapshot, r->source);
    w->evaluable &= strcmp(type, "dict") == 0 || strcmp(type, "collections.defaultdict") == 0;
    TN_TRY(tn_references(w->snapshot, r->source, &iter, w->err));
    while (tn_reference_next(&iter, &each) && !(each.style == TN_LABEL_KEY && each.index == r->index))
        place += each.style == TN_LABEL_KEY;
    if (w->evaluable) {
        TN_TRY(tn__buf_reserve(&w->text, 5));
        memmove(w->text.data + 5, w->text.data, w->text.size);
        memcpy(w->text.data, "list(", 5);
        w->text.size += 5;
    }
    snprintf(text, sizeof text, w->evaluable ? ")[%" PRIu64 "]" : "<key %" PRIu64 ">", place);
    return add_text(w, text);
}

static int write_unknown(tn_writing *w, const tn_reference *r)
{
    char text[256];
    w->evaluable = false;
    TN_TRY(tn_reference_label(w->snapshot, r, text, sizeof text, w->err));
    return add_text(w, text);
}

/* A view of a dict gives the dict's entries. */
static int write_field(tn_writing *w, const tn_reference *r)
{
    const tn_reference *next = ahead(w);
    if (strcmp(r->text, "mapping") != 0 || !is_entry(next) ||
        strcmp(tn__type_name(w->snapshot, r->source), "mappingproxy") != 0)
        return write_unknown(w, r);
    w->at++;
    return write_value(w, next);
}

static int write_member(tn_writing *w, const tn_reference *r)
{
    w->evaluable = false;
    TN_TRY(add_text(w, "{"));
    TN_TRY(write_key(w, r->target, 0));
    return add_text(w, "}");
}

static int write_step(tn_writing *w)
{
    const tn_reference *r = &w->steps[w->at++];
    switch (r->style) {
    case TN_LABEL_ATTRIBUTE: return write_attribute(w, r);
    case TN_LABEL_LOCAL: return write_local(w, r);
    case TN_LABEL_INDEX: return write_index(w, r);
    case TN_LABEL_ITEM:
    case TN_LABEL_VALUE: return write_value(w, r);
    case TN_LABEL_KEY: return write_dict_key(w, r);
    case TN_LABEL_MEMBER: return write_member(w, r);
    case TN_LABEL_FIELD: return write_field(w, r);
    default: return write_unknown(w, r);
    }
}

/* ---- where it begins ---- */

/* Whether a.b.c, from the module a on, is the module: each package must have the next one as its attribute. */
static int dotted_is_module(tn_writing *w, uint32_t modules, const char *name, size_t n, uint32_t module)
{
    uint32_t at = TN_NONE;
    bool known = true;
    for (size_t start = 0, end; start <= n; start = end + 1) {
        for (end = start; end < n && name[end] != '.'; end++)
            continue;
        uint32_t dict = modules;
        if (!tn__is_identifier(name + start, end - start))
            return 0;
        if (start)
            TN_TRY(tn__labelled_target(w->snapshot, at, "__dict__", &dict, w->err));
        if (dict == TN_NONE)
            return 0;
        TN_TRY(tn__dict_value(w->snapshot, dict, name + start, end - start, &at, &known, w->err));
        if (at == TN_NONE || strcmp(tn__type_name(w->snapshot, at), "module") != 0)
            return 0;
    }
    return known && at == module;
}

/* Steps 1 and 2: sys.modules and a module in it. */
static int write_module(tn_writing *w)
{
    const tn_reference *r = ahead(w);
    size_t n = 0;
    const char *name = is_entry(r) ? key_text(w, r, &n) : NULL;
    if (!name)
        return add_text(w, "sys.modules");
    int dotted = dotted_is_module(w, r->source, name, n, r->target);
    TN_TRY(dotted);
    if (!dotted)
        return add_text(w, "sys.modules");
    w->at++;
    return add(w, name, n);
}

static int write_interpreter(tn_writing *w)
{
    const tn_reference *r = ahead(w);
    if (r && r->style == TN_LABEL_FIELD &&
        (strcmp(r->text, "imports.modules") == 0 || strcmp(r->text, "modules") == 0)) {
        w->at++;
        return write_module(w);
    }
    w->evaluable = false;
    TN_TRY(add_text(w, "interpreter"));
    if (!r)
        return TN_OK;
    w->at++;
    TN_TRY(add_text(w, " › "));
    return add_escaped(w, r->text ? r->text : "?", r->text ? strlen(r->text) : 1, false);
}

/* The number of the fact thread.N.node that has this node; UINT_MAX: none. */
static unsigned thread_number(tn_snapshot *s, uint32_t node)
{
    for (unsigned i = 0; i < UINT16_MAX; i++) {
        char key[48];
        tn_fact fact;
        snprintf(key, sizeof key, "thread.%u.node", i);
        if (tn_snapshot_find_fact(s, key, &fact) < 0)
            break;
        if (fact.kind == TN_FACT_UINT && fact.value.u == node)
            return i;
    }
    return UINT_MAX;
}

/* Its name in quotes, without one the number that threading.get_ident() gives. */
static int add_thread_name(tn_writing *w, uint32_t node)
{
    unsigned number = thread_number(w->snapshot, node);
    tn_fact fact;
    char text[48];
    TN_TRY(add_text(w, " "));
    snprintf(text, sizeof text, "thread.%u.name", number);
    if (tn_snapshot_find_fact(w->snapshot, text, &fact) == TN_OK && fact.kind == TN_FACT_TEXT)
        return add_escaped(w, fact.value.text, strlen(fact.value.text), true);
    snprintf(text, sizeof text, "thread.%u.ident", number);
    bool known = tn_snapshot_find_fact(w->snapshot, text, &fact) == TN_OK && fact.kind == TN_FACT_UINT;
    snprintf(text, sizeof text, known ? "%" PRIu64 : "?", known ? fact.value.u : 0);
    return add_text(w, text);
}

static int add_frame_name(tn_writing *w, const tn_reference *r)
{
    tn_frame frame;
    int status = tn__snapshot_frame(w->snapshot, r->target, &frame);
    if (status < 0 && status != TN_ENOTFOUND)
        return status;
    const char *name = status == TN_OK ? frame.name : "?";
    TN_TRY(add_text(w, " › "));
    TN_TRY(add_escaped(w, name, strlen(name), false));
    return add_text(w, "()");
}

static int add_variable(tn_writing *w, const tn_reference *r)
{
    TN_TRY(add_text(w, " › "));
    if (r->style == TN_LABEL_STACK)
        return add_text(w, "evaluation stack");
    if (!r->text)
        return write_unknown(w, r);
    TN_TRY(add_text(w, r->style == TN_LABEL_LOCAL ? "local " : ""));
    TN_TRY(add_escaped(w, r->text, strlen(r->text), r->style == TN_LABEL_LOCAL));
    const tn_reference *next = ahead(w);
    if (r->style == TN_LABEL_LOCAL && next && next->style == TN_LABEL_ATTRIBUTE &&
        strcmp(next->text, "cell_contents") == 0)
        w->at++;
    return TN_OK;
}

/* thread 'worker-2' › serve() › local 'batch' */
static int write_thread(tn_writing *w, uint32_t thread)
{
    const tn_reference *r = ahead(w);
    w->evaluable = false;
    TN_TRY(add_text(w, "thread"));
    TN_TRY(add_thread_name(w, thread));
    if (!r)
        return TN_OK;
    w->at++;
    if (r->style != TN_LABEL_INDEX)
        return add_variable(w, r);
    TN_TRY(add_frame_name(w, r));
    r = ahead(w);
    if (!r)
        return TN_OK;
    w->at++;
    return add_variable(w, r);
}

static int write_root(tn_writing *w)
{
    const tn_reference *r = &w->steps[w->at++];
    const char *type = tn__type_name(w->snapshot, r->target);
    bool object = r->target < tn_snapshot_n_objects(w->snapshot);
    if (!object && strcmp(type, "interpreter") == 0)
        return write_interpreter(w);
    if (!object && strcmp(type, "thread") == 0)
        return write_thread(w, r->target);
    w->evaluable = false;
    if (r->style == TN_LABEL_ROOT && *r->text)
        TN_TRY(add_escaped(w, r->text, strlen(r->text), false));
    else
        TN_TRY(add_text(w, "root"));
    if (object && r->style == TN_LABEL_ROOT) {
        TN_TRY(add_text(w, " › "));
        return add_object(w, r->target);
    }
    const tn_reference *next = ahead(w);
    if (object || !next)
        return object ? write_unknown(w, r) : TN_OK;
    w->at++;
    TN_TRY(add_text(w, " › "));
    return add_object(w, next->target);
}

static int write_all(tn_writing *w)
{
    if (w->n && w->steps[0].source == tn_snapshot_n_objects(w->snapshot)) {
        TN_TRY(write_root(w));
    } else if (w->n) {
        w->evaluable = false;
        TN_TRY(add_object(w, w->steps[0].source));
    } else {
        w->evaluable = false;
        TN_TRY(add_text(w, "root"));
    }
    while (w->at < w->n)
        TN_TRY(write_step(w));
    return TN_OK;
}

int tn_path_text(tn_snapshot *s, const tn_reference *steps, uint32_t n, char *out, size_t cap, bool *evaluable,
                 tn_error *err)
{
    tn_error told = {0};
    tn_writing w = {.snapshot = s, .steps = steps, .n = n, .evaluable = true, .err = &told};
    tn__buf_init(&w.text, tn__snapshot_alloc(s));
    int status = write_all(&w);
    if (status == TN_OK && w.text.size > INT32_MAX)
        status = tn__error_set(&told, TN_ELIMIT, 0, "the text of a path of %u steps is too long", (unsigned)n);
    if (status == TN_OK) {
        tn_text t;
        tn__text_init(&t, out, cap);
        tn__text_add(&t, (const char *)w.text.data, w.text.size);
        status = tn__text_end(&t);
        if (evaluable)
            *evaluable = w.evaluable;
    } else if (err) {
        *err = told;
        if (!told.status)
            tn__no_memory(s, err);
    }
    tn__buf_free(&w.text);
    return status;
}
