/* import.c - a dump as a snapshot file.
 *
 * What the dump does not say the file does not have: no reference counts, flags, roots or names of references, but keys and
 * values of dicts where their number tells which is which. So that everything hangs from the root, a node "unknown holders"
 * refers to what nothing in the dump holds.
 */
#include "import/import.h"

#include "snapshot/writer.h"

#include <stdlib.h>
#include <string.h>

enum { LEVEL = 1, UNLABELLED = 4, STYLES = 5, SHAPES_OF_TYPE = 2 * STYLES, PREVIEW_ROWS = 4096 };
enum { HOLDERS_KIND = 1 /* borrowed */, ROOT_STYLE = 4 };
enum type_kind { OTHER_TYPE, TEXT_TYPE, DICT_TYPE, SET_TYPE };

typedef struct tn_importing {
    const tn_dump *dump;
    const tn_alloc *alloc;
    tn_rows rows;
    uint8_t *kinds;    /* by type */
    uint32_t *shapes;  /* by type and style: row + 1 */
    uint32_t n_shapes; /* those of the root and the holders follow */
    uint64_t *column;  /* TN_NODE_BLOCK rows */
    const char *id;    /* of the column under way */
    uint32_t n_column;
    unsigned transform;
} tn_importing;

static uint32_t n_types(const tn_importing *im)
{
    return im->dump->types.count;
}

/* ---- types ---- */

static bool is_builtin(const char *name, size_t n)
{
    static const char *const names[] = {
        "bool",
        "bytearray",
        "bytes",
        "cell",
        "classmethod",
        "code",
        "complex",
        "dict",
        "float",
        "frame",
        "frozenset",
        "function",
        "generator",
        "getset_descriptor",
        "int",
        "list",
        "member_descriptor",
        "method",
        "method_descriptor",
        "module",
        "NoneType",
        "object",
        "property",
        "range",
        "set",
        "slice",
        "staticmethod",
        "str",
        "super",
        "traceback",
        "tuple",
        "type",
        "weakref",
        "wrapper_descriptor",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return true;
    return false;
}

/* "app.Session" is Session of module app; a type without a dot is one of the builtins, or of a module that is not known. */
static int add_type(tn_importing *im, uint32_t type, const char *text, size_t n)
{
    uint32_t name, module = TN_NONE;
    size_t dot = n;
    while (dot && text[dot - 1] != '.')
        dot--;
    if (dot < 2 || dot == n)
        dot = 0;
    TN_TRY(tn__rows_string(&im->rows, text + dot, n - dot, &name));
    if (dot)
        TN_TRY(tn__rows_string(&im->rows, text, dot - 1, &module));
    else if (is_builtin(text, n))
        TN_TRY(tn__rows_string(&im->rows, "builtins", 8, &module));
    return tn__rows_words(&im->rows, (uint32_t[]){name, module, 0, TN_VISIT_TRAVERSE, 0, 0, TN_NONE, TN_NONE, 1, type},
                          10);
}

static int write_types(tn_importing *im)
{
    const tn_strtab *types = &im->dump->types;
    const uint32_t *starts = (const uint32_t *)(const void *)types->offsets.data;
    static const char *const synthetic[] = {"root", "unknown holders"};
    uint64_t n = 0;
    uint32_t name;
    for (uint32_t i = 0; i < types->count; i++) {
        TN_TRY(add_type(im, i, (const char *)types->bytes.data + starts[i], starts[i + 1] - starts[i]));
        n++;
        TN_TRY(tn__rows_flush(&im->rows, "TYPE", &n, false));
    }
    for (unsigned i = 0; i < 2; i++, n++) {
        TN_TRY(tn__rows_string(&im->rows, synthetic[i], strlen(synthetic[i]), &name));
        TN_TRY(tn__rows_words(
            &im->rows, (uint32_t[]){name, TN_NONE, TN_TYPE_SYNTHETIC, TN_VISIT_LAYOUT, 0, 0, TN_NONE, TN_NONE, 0}, 9));
    }
    return tn__rows_flush(&im->rows, "TYPE", &n, true);
}

/* ---- shapes ---- */

static enum type_kind kind_of(const char *text, size_t n)
{
    static const struct {
        const char *name;
        enum type_kind kind;
    } known[] = {{"str", TEXT_TYPE},  {"unicode", TEXT_TYPE}, {"bytes", TEXT_TYPE},
                 {"dict", DICT_TYPE}, {"set", SET_TYPE},      {"frozenset", SET_TYPE}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == n && memcmp(known[i].name, text, n) == 0)
            return known[i].kind;
    return OTHER_TYPE;
}

/* A dict's references are keys and values where there are two for each entry; of one that shares its keys only values are. */
static unsigned run_style(const tn_importing *im, const tn_dump_object *o)
{
    if (o->n_references == 0)
        return TN_RUN_NONE;
    if (im->kinds[o->type] == SET_TYPE)
        return TN_RUN_MEMBERS;
    if (im->kinds[o->type] == DICT_TYPE && o->length != TN_UNKNOWN && o->length * 2 == o->n_references)
        return TN_RUN_PAIRS;
    return TN_RUN_UNLABELLED;
}

static bool has_length(const tn_importing *im, const tn_dump_object *o)
{
    return im->kinds[o->type] == TEXT_TYPE && o->length != TN_UNKNOWN;
}

static uint32_t *shape_of(tn_importing *im, const tn_dump_object *o)
{
    return &im->shapes[(size_t)o->type * SHAPES_OF_TYPE + run_style(im, o) * 2 + has_length(im, o)];
}

static int write_shapes(tn_importing *im)
{
    uint64_t n = 0;
    uint32_t label;
    for (uint32_t i = 0; i < im->dump->n; i++) {
        const tn_dump_object *o = tn__dump_object_at(im->dump, i);
        uint32_t *shape = shape_of(im, o);
        if (*shape)
            continue;
        *shape = ++im->n_shapes;
        uint32_t flags = run_style(im, o) | (has_length(im, o) ? TN_SHAPE_LENGTH : 0);
        TN_TRY(tn__rows_words(&im->rows, (uint32_t[]){o->type, flags, 0}, 3));
        n++;
        TN_TRY(tn__rows_flush(&im->rows, "SHTB", &n, false));
    }
    TN_TRY(tn__rows_string(&im->rows, "unknown holders", 15, &label));
    TN_TRY(tn__rows_words(&im->rows, (uint32_t[]){n_types(im), TN_RUN_NONE, 1, label, ROOT_STYLE}, 5));
    TN_TRY(tn__rows_words(&im->rows,
                          (uint32_t[]){n_types(im) + 1, TN_RUN_MEMBERS | HOLDERS_KIND << TN_RUN_KIND_SHIFT, 0}, 3));
    n += 2;
    return tn__rows_flush(&im->rows, "SHTB", &n, true);
}

/* ---- columns ---- */

static int end_column(tn_importing *im)
{
    uint32_t n = im->n_column;
    im->n_column = 0;
    return n ? tn_writer_column(im->rows.writer, im->id, im->column, sizeof *im->column, n, im->transform, im->rows.err)
             : TN_OK;
}

static int put(tn_importing *im, uint64_t value)
{
    im->column[im->n_column++] = value;
    return im->n_column == TN_NODE_BLOCK ? end_column(im) : TN_OK;
}

static void begin_column(tn_importing *im, const char *id, unsigned transform)
{
    im->id = id;
    im->transform = transform;
}

static int write_addresses(tn_importing *im)
{
    tn_region_row row = {0};
    uint64_t n = 0;
    bool any = false;
    for (uint32_t i = 0; i < im->dump->n; i++) {
        uint64_t address = tn__dump_object_at(im->dump, i)->address, granule = (address >> 4) % 65536;
        if (any && address >> TN_REGION_SHIFT != row.region) {
            if (tn__buf_append(&im->rows.words, &row, sizeof row) < 0)
                return tn__rows_no_memory(&im->rows);
            n++;
            TN_TRY(tn__rows_flush(&im->rows, "ADDR", &n, false));
            row = (tn_region_row){0};
        }
        any = true;
        row.region = address >> TN_REGION_SHIFT;
        row.bits[granule / 64] |= 1ull << granule % 64;
    }
    if (tn__buf_append(&im->rows.words, &row, sizeof row) < 0)
        return tn__rows_no_memory(&im->rows);
    n++;
    TN_TRY(tn__rows_flush(&im->rows, "ADDR", &n, true));
    begin_column(im, "AODD", TN_TRANSFORM_DELTA);
    for (uint32_t i = 0; i < im->dump->n; i++)
        if (tn__dump_object_at(im->dump, i)->address % 16)
            TN_TRY(put(im, i));
    return end_column(im);
}

static int write_nodes(tn_importing *im)
{
    const tn_dump *d = im->dump;
    begin_column(im, "SHAP", 0);
    for (uint32_t i = 0; i < d->n; i++)
        TN_TRY(put(im, *shape_of(im, tn__dump_object_at(d, i)) - 1));
    TN_TRY(put(im, im->n_shapes));
    TN_TRY(put(im, im->n_shapes + 1));
    TN_TRY(end_column(im));
    begin_column(im, "SIZE", 0);
    for (uint32_t i = 0; i < d->n + 2; i++)
        TN_TRY(put(im, i < d->n ? tn__dump_object_at(d, i)->size : 0));
    TN_TRY(end_column(im));
    begin_column(im, "LENG", 0);
    for (uint32_t i = 0; i < d->n; i++)
        if (has_length(im, tn__dump_object_at(d, i)))
            TN_TRY(put(im, tn__dump_object_at(d, i)->length));
    return end_column(im);
}

static int write_references(tn_importing *im)
{
    const tn_dump *d = im->dump;
    const uint64_t *references = (const uint64_t *)(const void *)d->references.data;
    const uint32_t *holders = (const uint32_t *)(const void *)d->holders.data;
    size_t n_holders = d->holders.size / sizeof *holders;
    begin_column(im, "DEGR", 0);
    for (uint32_t i = 0; i < d->n; i++)
        if (tn__dump_object_at(d, i)->n_references)
            TN_TRY(put(im, tn__dump_object_at(d, i)->n_references));
    TN_TRY(put(im, n_holders));
    TN_TRY(end_column(im));
    begin_column(im, "REFS", TN_TRANSFORM_DELTA | TN_TRANSFORM_PLANES);
    for (uint32_t i = 0; i < d->n; i++) {
        const tn_dump_object *o = tn__dump_object_at(d, i);
        for (uint32_t k = 0; k < o->n_references; k++)
            TN_TRY(put(im, references[o->first + k]));
    }
    TN_TRY(put(im, (uint64_t)d->n + 2)); /* the root's: node n + 1 */
    for (size_t i = 0; i < n_holders; i++)
        TN_TRY(put(im, 1 + (uint64_t)holders[i]));
    return end_column(im);
}

/* ---- previews and facts ---- */

static int write_preview_rows(tn_importing *im, const uint32_t *nodes, uint32_t n)
{
    const tn_dump *d = im->dump;
    TN_TRY(tn__rows_words(&im->rows, nodes, n));
    for (unsigned part = 0; part < 3; part++) {
        for (uint32_t i = 0; i < n; i++) {
            const tn_dump_object *o = tn__dump_object_at(d, nodes[i]);
            const void *bytes = part == 0   ? &o->kind
                                : part == 1 ? (const void *)&o->n_preview
                                            : d->previews.data + o->preview;
            if (tn__buf_append(&im->rows.words, bytes, part < 2 ? 2 : o->n_preview) < 0)
                return tn__rows_no_memory(&im->rows);
        }
    }
    int status =
        n ? tn_writer_table(im->rows.writer, "PREV", im->rows.words.data, im->rows.words.size, n, im->rows.err) : TN_OK;
    im->rows.words.size = 0;
    return status;
}

static int write_previews(tn_importing *im)
{
    uint32_t *nodes = (uint32_t *)(void *)im->column, n = 0;
    for (uint32_t i = 0; i < im->dump->n; i++) {
        if (!tn__dump_object_at(im->dump, i)->kind)
            continue;
        nodes[n++] = i;
        if (n < PREVIEW_ROWS - 1)
            continue;
        TN_TRY(write_preview_rows(im, nodes, n));
        n = 0;
    }
    return write_preview_rows(im, nodes, n);
}

static int write_facts(tn_importing *im, const tn_import_info *info)
{
    uint64_t n = 9;
    TN_TRY(tn__rows_fact(&im->rows, "capture.tool_version", TN_VERSION, 0));
    TN_TRY(tn__rows_fact(&im->rows, "capture.mode", "import", 0));
    TN_TRY(tn__rows_fact(&im->rows, "import.format", "meliae", 0));
    TN_TRY(tn__rows_fact(&im->rows, "import.roots", "unknown", 0));
    TN_TRY(tn__rows_fact(&im->rows, "import.lines", NULL, info->lines));
    TN_TRY(tn__rows_fact(&im->rows, "import.repeated", NULL, info->repeated));
    TN_TRY(tn__rows_fact(&im->rows, "import.references_elsewhere", NULL, info->elsewhere));
    TN_TRY(tn__rows_fact(&im->rows, "objects.count", NULL, info->objects));
    TN_TRY(tn__rows_fact(&im->rows, "objects.bytes", NULL, info->bytes));
    return tn__rows_flush(&im->rows, "FACT", &n, true);
}

/* ---- the file ---- */

static int write_all(tn_importing *im, const tn_import_info *info)
{
    TN_TRY(write_types(im));
    TN_TRY(write_shapes(im));
    TN_TRY(write_addresses(im));
    TN_TRY(write_nodes(im));
    TN_TRY(write_references(im));
    TN_TRY(write_previews(im));
    TN_TRY(write_facts(im, info));
    return tn_writer_strings(im->rows.writer, &im->rows.strings, im->rows.err);
}

static int write_prepared(tn_importing *im, const tn_import_info *info)
{
    const tn_strtab *types = &im->dump->types;
    const uint32_t *starts = (const uint32_t *)(const void *)types->offsets.data;
    if (tn__strtab_init(&im->rows.strings, im->alloc) < 0 || !im->kinds || !im->shapes || !im->column)
        return tn__rows_no_memory(&im->rows);
    for (uint32_t i = 0; i < types->count; i++)
        im->kinds[i] = (uint8_t)kind_of((const char *)types->bytes.data + starts[i], starts[i + 1] - starts[i]);
    return write_all(im, info);
}

static int write_file(const tn_dump *d, const char *out, bool force, const tn_import_info *info, tn_error *err)
{
    size_t n_types = d->types.count, column = TN_NODE_BLOCK * sizeof(uint64_t);
    tn_importing im = {.dump = d, .alloc = d->alloc, .rows.err = err};
    TN_TRY(tn_writer_open(out, force, LEVEL, d->alloc, &im.rows.writer, err));
    tn__buf_init(&im.rows.words, d->alloc);
    im.kinds = tn__alloc_zero(d->alloc, n_types);
    im.shapes = tn__alloc_zero(d->alloc, n_types * SHAPES_OF_TYPE * sizeof *im.shapes);
    im.column = tn__alloc(d->alloc, column);
    int status = write_prepared(&im, info);
    tn__strtab_free(&im.rows.strings);
    tn__buf_free(&im.rows.words);
    tn__free(d->alloc, im.kinds, n_types);
    tn__free(d->alloc, im.shapes, n_types * SHAPES_OF_TYPE * sizeof *im.shapes);
    tn__free(d->alloc, im.column, column);
    if (status < 0)
        tn_writer_abort(im.rows.writer);
    return status < 0 ? status : tn_writer_commit(im.rows.writer, err);
}

/* ---- memory up to a limit ---- */

typedef struct tn_limited {
    const tn_alloc *base;
    size_t used, most;
    bool refused;
} tn_limited;

static void *limited_realloc(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    tn_limited *l = ctx;
    if (l->most && new_bytes > old_bytes && new_bytes - old_bytes > l->most - l->used) {
        l->refused = true;
        return NULL;
    }
    void *now = l->base->realloc(l->base->ctx, p, old_bytes, new_bytes);
    if (now || new_bytes == 0)
        l->used = l->used - old_bytes + new_bytes;
    return now;
}

static tn_import_info info_of(const tn_dump *d)
{
    tn_import_info info = {.objects = d->n, .lines = d->n_lines, .repeated = d->n_repeated, .elsewhere = d->n_unknown};
    for (uint32_t i = 0; i < d->n; i++)
        info.bytes += tn__dump_object_at(d, i)->size;
    return info;
}

static int import_objects(const char *dump, const char *out, bool force, const tn_alloc *alloc, tn_import_info *info,
                          tn_error *err)
{
    tn_dump d;
    int status = tn__dump_init(&d, alloc, err);
    if (status == TN_OK)
        status = tn__dump_read(&d, dump, out, err);
    if (status == TN_OK)
        status = tn__dump_settle(&d, err);
    if (status == TN_OK) {
        *info = info_of(&d);
        status = write_file(&d, out, force, info, err);
    }
    tn__dump_free(&d);
    return status;
}

int tn_import(const char *dump, const char *out, const tn_import_options *options, tn_import_info *info, tn_error *err)
{
    const tn_import_options o = options ? *options : (tn_import_options){0};
    tn_limited limited = {.base = o.alloc ? o.alloc : &tn__alloc_libc, .most = o.max_memory_bytes};
    const tn_alloc alloc = {limited_realloc, &limited};
    tn_import_info found = {0};
    tn_dump_reader *read;
    int status = tn__traced_reader(dump, &read, err);
    if (status == TN_OK)
        status = read ? tn__traced_import(read, dump, out, o.force, &alloc, &found, err)
                      : import_objects(dump, out, o.force, &alloc, &found, err);
    if (status == TN_ENOMEM && limited.refused)
        return tn__error_set(err, TN_ELIMIT, 0, "the dump needs more memory than the limit of %llu bytes",
                             (unsigned long long)o.max_memory_bytes);
    if (status == TN_OK && info)
        *info = found;
    return status;
}
