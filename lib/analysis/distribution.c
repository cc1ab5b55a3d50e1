/* distribution.c - what a type was installed with, from the paths that its module recorded.
 *
 *   type -> name of its module -> module object of that name, else of its outermost package -> __file__ -> distribution
 *
 * A path names a distribution where it goes through site-packages or dist-packages: the folder or file after that. Names
 * of packages are taken for those of distributions; the metadata that would tell is not in a snapshot.
 */
#include "analysis/analysis.h"

#include <string.h>

#define UNKNOWN "(unknown)"
#define STANDARD "stdlib"
#define PROGRAM "(program)"

typedef struct tn_distributions {
    tn_arena arena;
    tn_buf modules; /* tn_named_module */
    const char **by_type;
} tn_distributions;

static void destroy(tn_snapshot *s, void *p)
{
    tn_distributions *d = p;
    if (!d)
        return;
    tn__buf_free(&d->modules);
    tn__arena_free(&d->arena);
    tn__free(tn__snapshot_alloc(s), d, sizeof *d);
}

/* ---- paths ---- */

static const char *last_of(const char *text, const char *part)
{
    const char *found = NULL;
    for (const char *at = text; (at = strstr(at, part)); at++)
        found = at;
    return found;
}

const char *tn__in_library(const char *path)
{
    static const char lib[] = "/lib", lib64[] = "/lib64", python[] = "/python3.";
    for (const char *at = path; (at = strstr(at, python)); at++) {
        size_t before = (size_t)(at - path), n = sizeof lib - 1, n64 = sizeof lib64 - 1;
        const char *number = at + sizeof python - 1, *end = number + strspn(number, "0123456789");
        bool whole = end > number && end[*end == 't'] == '/';
        if (whole &&
            ((before >= n && memcmp(at - n, lib, n) == 0) || (before >= n64 && memcmp(at - n64, lib64, n64) == 0)))
            return strchr(end, '/') + 1;
    }
    return NULL;
}

const char *tn__distribution_of_path(tn_arena *arena, const char *path, bool cut)
{
    static const char site[] = "/site-packages/", dist[] = "/dist-packages/";
    const char *in_site = last_of(path, site), *in_dist = last_of(path, dist);
    const char *found = in_site > in_dist ? in_site : in_dist;
    if (found) {
        const char *name = found + sizeof site - 1;
        size_t n = strcspn(name, "/");
        bool whole = name[n] == '/' || !cut;
        if (name[n] != '/')
            n = strcspn(name, ".");
        return whole && n ? tn__arena_text(arena, name, n) : UNKNOWN;
    }
    const char *inside = tn__in_library(path);
    if (inside) /* of what is cut the next folder may still be one of the two above */
        return cut && !strchr(inside, '/') ? UNKNOWN : STANDARD;
    return cut ? UNKNOWN : PROGRAM;
}

/* ---- modules ---- */

static int text_of(tn_snapshot *s, uint32_t node, int kind, tn_arena *arena, const char **text, bool *cut,
                   tn_error *err)
{
    tn_preview preview;
    *text = NULL;
    TN_TRY(tn__snapshot_preview(s, node, &preview, err));
    if ((preview.kind & ~TN_PREVIEW_CUT) != kind)
        return TN_OK;
    *cut = preview.kind & TN_PREVIEW_CUT;
    *text = tn__arena_text(arena, (const char *)preview.bytes, preview.length);
    return *text ? TN_OK : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

static bool is_text(tn_snapshot *s, uint32_t node, const char *text)
{
    tn_preview preview;
    return node != TN_NONE && tn__snapshot_preview(s, node, &preview, NULL) == 0 && preview.kind == TN_PREVIEW_TEXT &&
           preview.length == strlen(text) && memcmp(preview.bytes, text, preview.length) == 0;
}

/* Values in a module's dict, TN_NONE where absent. */
typedef struct tn_module_values {
    uint32_t name, file, loader;
} tn_module_values;

/* What a module of C code refers to may have no labels: its dict is the first thing with keys and values. */
static int look_up(tn_snapshot *s, uint32_t module, tn_module_values *out, tn_error *err)
{
    const tn_shape *table = tn__snapshot_shapes(s);
    const uint32_t *shapes;
    uint64_t n;
    tn_reference_iter iter;
    tn_reference r;
    uint32_t dict = TN_NONE;
    *out = (tn_module_values){TN_NONE, TN_NONE, TN_NONE};
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &shapes, &n, err));
    TN_TRY(tn_references(s, module, &iter, err));
    while (dict == TN_NONE && tn_reference_next(&iter, &r))
        if ((table[shapes[r.target]].flags & TN_RUN_STYLE) == TN_RUN_PAIRS)
            dict = r.target;
    if (dict == TN_NONE)
        return TN_OK;
    TN_TRY(tn_references(s, dict, &iter, err));
    while (out->file == TN_NONE && tn_reference_next(&iter, &r)) {
        if (r.style != TN_LABEL_VALUE)
            continue;
        if (is_text(s, r.key, "__name__"))
            out->name = r.target;
        else if (is_text(s, r.key, "__file__"))
            out->file = r.target;
        else if (is_text(s, r.key, "__loader__"))
            out->loader = r.target;
    }
    return TN_OK;
}

/* What is built in or frozen has no file; a module that the program made has neither file nor such a loader. *file: NULL where
 * it is not known whole. */
static int of_module(tn_snapshot *s, const tn_module_values *values, tn_arena *arena, const char **out,
                     const char **file, tn_error *err)
{
    const char *text = NULL;
    bool cut = false, has_file = values->file != TN_NONE;
    *file = NULL;
    if (has_file)
        TN_TRY(text_of(s, values->file, TN_PREVIEW_TEXT, arena, &text, &cut, err));
    if (text) {
        *out = tn__distribution_of_path(arena, text, cut);
        *file = cut ? NULL : text;
        return *out ? TN_OK : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    }
    if (!has_file && values->loader != TN_NONE)
        TN_TRY(text_of(s, values->loader, TN_PREVIEW_NAME, arena, &text, &cut, err));
    bool built_in = text && (strcmp(text, "BuiltinImporter") == 0 || strcmp(text, "FrozenImporter") == 0);
    *out = built_in ? STANDARD : !has_file && values->loader != TN_NONE ? PROGRAM : UNKNOWN;
    return TN_OK;
}

static int add_named(tn_buf *modules, const char *name, const char *distribution, const char *file, tn_error *err)
{
    tn_named_module one = {name, distribution, file};
    if (name && tn__buf_append(modules, &one, sizeof one) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    return TN_OK;
}

/* By the name in its dict and by its own: _frozen_importlib has two. key: the text by which it was imported, or TN_NONE. */
static int add_module(tn_snapshot *s, uint32_t node, uint32_t key, tn_arena *arena, tn_buf *modules, tn_error *err)
{
    const char *name, *distribution, *file;
    tn_module_values values;
    bool cut = false;
    TN_TRY(look_up(s, node, &values, err));
    TN_TRY(of_module(s, &values, arena, &distribution, &file, err));
    if (key == TN_NONE)
        TN_TRY(text_of(s, node, TN_PREVIEW_NAME, arena, &name, &cut, err));
    else
        TN_TRY(text_of(s, key, TN_PREVIEW_TEXT, arena, &name, &cut, err));
    TN_TRY(add_named(modules, cut ? NULL : name, distribution, file, err));
    if (values.name == TN_NONE)
        return TN_OK;
    TN_TRY(text_of(s, values.name, TN_PREVIEW_TEXT, arena, &name, &cut, err));
    return add_named(modules, cut ? NULL : name, distribution, file, err);
}

/* The first reference of a node with this label, TN_NONE without. */
static int labelled(tn_snapshot *s, uint32_t node, const char *label, uint32_t *target, tn_error *err)
{
    tn_reference_iter iter;
    tn_reference r;
    *target = TN_NONE;
    if (node == TN_NONE)
        return TN_OK;
    TN_TRY(tn_references(s, node, &iter, err));
    while (*target == TN_NONE && tn_reference_next(&iter, &r))
        if (r.text && strcmp(r.text, label) == 0)
            *target = r.target;
    return TN_OK;
}

/* sys.modules: _io, which calls itself "io", is known by its key alone. */
static int find_imported(tn_snapshot *s, tn_arena *arena, tn_buf *modules, const tn_set *of_type, tn_error *err)
{
    tn_reference_iter iter;
    tn_reference r;
    uint32_t interpreter, table;
    TN_TRY(labelled(s, tn_snapshot_n_objects(s), "interpreter", &interpreter, err));
    TN_TRY(labelled(s, interpreter, "modules", &table, err));
    if (table == TN_NONE)
        return TN_OK;
    TN_TRY(tn_references(s, table, &iter, err));
    while (tn_reference_next(&iter, &r))
        if (r.style == TN_LABEL_VALUE && r.key != TN_NONE && tn_set_has(of_type, r.target))
            TN_TRY(add_module(s, r.target, r.key, arena, modules, err));
    return TN_OK;
}

static int find_modules(tn_snapshot *s, tn_arena *arena, tn_buf *modules, tn_error *err)
{
    tn_set *set;
    TN_TRY(tn_set_where(s, "type:module+", &set, err));
    int status = find_imported(s, arena, modules, set, err);
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE && status == TN_OK; id = tn_set_next(set, id + 1))
        status = add_module(s, id, TN_NONE, arena, modules, err);
    tn_set_free(set);
    return status;
}

/* ---- types ---- */

/* Of the module of this name; where several have it, of the first that says something. */
static const char *look_for(const tn_buf *modules, const char *name, size_t n)
{
    const tn_named_module *rows = (const tn_named_module *)(const void *)modules->data;
    for (size_t i = 0; i < modules->size / sizeof *rows; i++)
        if (strlen(rows[i].name) == n && memcmp(rows[i].name, name, n) == 0 &&
            strcmp(rows[i].distribution, UNKNOWN) != 0)
            return rows[i].distribution;
    return NULL;
}

static const char *of_type(const tn_buf *modules, const tn_type *type)
{
    const char *found = NULL;
    if (!type->module)
        return UNKNOWN;
    found = look_for(modules, type->module, strlen(type->module));
    if (!found)
        found = look_for(modules, type->module, strcspn(type->module, "."));
    if (!found && strcmp(type->module, "builtins") == 0)
        found = STANDARD;
    return found ? found : UNKNOWN;
}

static int fill(tn_snapshot *s, tn_distributions *d, tn_error *err)
{
    uint32_t n_types = tn_snapshot_n_types(s);
    d->by_type = tn__arena_get(&d->arena, n_types * sizeof *d->by_type);
    if (!d->by_type)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    TN_TRY(find_modules(s, &d->arena, &d->modules, err));
    const char *last_module = NULL;
    for (uint32_t t = 0; t < n_types; t++) {
        tn_type type;
        if (tn_snapshot_type(s, t, &type) < 0)
            return tn__error_set(err, TN_ECORRUPT, 0, "type %u cannot be read", (unsigned)t);
        bool same = t > 0 && type.module == last_module; /* a string of the file stands once */
        d->by_type[t] = same ? d->by_type[t - 1] : of_type(&d->modules, &type);
        last_module = type.module;
    }
    return TN_OK;
}

static int load(tn_snapshot *s, const tn_distributions **out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_DISTRIBUTIONS, destroy);
    if (!*slot) {
        tn_distributions *d = tn__alloc_zero(a, sizeof *d);
        if (!d)
            return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
        tn__arena_init(&d->arena, a);
        tn__buf_init(&d->modules, a);
        int status = fill(s, d, err);
        if (status < 0) {
            destroy(s, d);
            return status;
        }
        *slot = d;
    }
    *out = *slot;
    return TN_OK;
}

int tn__distributions(tn_snapshot *s, const char *const **by_type, tn_error *err)
{
    const tn_distributions *d;
    TN_TRY(load(s, &d, err));
    *by_type = d->by_type;
    return TN_OK;
}

int tn__named_modules(tn_snapshot *s, const tn_named_module **rows, size_t *n, tn_error *err)
{
    const tn_distributions *d;
    TN_TRY(load(s, &d, err));
    *rows = (const void *)d->modules.data;
    *n = d->modules.size / sizeof **rows;
    return TN_OK;
}
