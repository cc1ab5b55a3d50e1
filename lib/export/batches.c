/* batches.c - which columns of which table, and one batch of them after another. */
#include "export/batches.h"

#include "analysis/analysis.h"

#include <string.h>

enum { ROWS = 1 << 17 };

const char *const tn_table_names[TN_TABLES] = {
    [TN_TABLE_OBJECTS] = "objects",
    [TN_TABLE_REFERENCES] = "references",
    [TN_TABLE_TYPES] = "types",
    [TN_TABLE_ROOTS] = "roots",
};

static const tn_table_spec *const tables[TN_TABLES] = {
    [TN_TABLE_OBJECTS] = &tn__object_table,
    [TN_TABLE_REFERENCES] = &tn__reference_table,
    [TN_TABLE_TYPES] = &tn__type_table,
    [TN_TABLE_ROOTS] = &tn__root_table,
};

const char *tn_batches_column(enum tn_table_name table, uint32_t index, bool *asked)
{
    const tn_column_spec *spec = (unsigned)table < TN_TABLES ? tables[table]->columns : NULL;
    while (spec && spec->name && index--)
        spec++;
    if (spec && spec->name && asked)
        *asked = spec->asked;
    return spec ? spec->name : NULL;
}

/* ---- columns ---- */

static int unknown_column(const tn_column_spec *specs, const char *name, size_t n, tn_error *err)
{
    char known[200];
    size_t used = 0;
    for (const tn_column_spec *spec = specs; spec->name && used < sizeof known; spec++)
        used += tn__compose(known + used, sizeof known - used, "%s%s", spec == specs ? "" : ", ", spec->name);
    return tn__error_set(err, TN_EINVAL, 0, "no column '%.*s': it is %s", (int)(n < 20 ? n : 20), name, known);
}

static int add_column(tn_batches *b, const char *name, size_t n, tn_error *err)
{
    const tn_column_spec *spec = b->table->columns;
    while (spec->name && (strlen(spec->name) != n || memcmp(spec->name, name, n) != 0))
        spec++;
    if (!spec->name)
        return unknown_column(b->table->columns, name, n, err);
    for (uint32_t i = 0; i < b->n_columns; i++)
        if (b->specs[i] == spec)
            return tn__error_set(err, TN_EINVAL, 0, "column '%s' is named twice", spec->name);
    b->specs[b->n_columns++] = spec;
    return TN_OK;
}

/* "address,size"; NULL: those that are there without being named. */
static int choose_columns(tn_batches *b, const char *names, tn_error *err)
{
    for (const tn_column_spec *spec = b->table->columns; !names && spec->name; spec++)
        if (!spec->asked)
            b->specs[b->n_columns++] = spec;
    while (names) {
        const char *comma = strchr(names, ',');
        TN_TRY(add_column(b, names, comma ? (size_t)(comma - names) : strlen(names), err));
        names = comma ? comma + 1 : NULL;
    }
    return TN_OK;
}

static int make_cells(tn_batches *b, const char *names, tn_error *err)
{
    uint32_t n = 0;
    while (b->table->columns[n].name)
        n++;
    b->specs = tn__alloc_zero(b->alloc, n * sizeof *b->specs);
    b->cells = tn__alloc_zero(b->alloc, n * sizeof *b->cells);
    b->room = n;
    if (!b->specs || !b->cells)
        return tn__no_memory(b->snapshot, err);
    TN_TRY(choose_columns(b, names, err));
    for (uint32_t i = 0; i < b->n_columns; i++) {
        tn__cells_init(&b->cells[i], b->specs[i]->cell, b->specs[i]->nullable);
        b->spec = b->specs[i];
        if (b->spec->words)
            TN_TRY(b->spec->words(b, &b->cells[i].words, err));
    }
    return TN_OK;
}

/* ---- names of types and their modules ---- */

enum { NAMES, MODULES, SYNTHETIC };

static const char *name_of(const tn_type *type, int what)
{
    bool object = !(type->flags & (TN_TYPE_SYNTHETIC | TN_TYPE_OWN));
    if (what == SYNTHETIC)
        return type->flags & TN_TYPE_SYNTHETIC ? type->full_name : NULL;
    return !object ? NULL : what == MODULES ? type->module : type->full_name;
}

/* Word of each type; TN_NONE where it has none. */
static int add_types(tn_batches *b, int what, tn_words *words, uint32_t *by_type, tn_error *err)
{
    for (uint32_t i = 0; i < tn_snapshot_n_types(b->snapshot); i++) {
        tn_type type;
        TN_TRY(tn_snapshot_type(b->snapshot, i, &type));
        by_type[i] = TN_NONE;
        if (name_of(&type, what))
            TN_TRY(tn__words_add(words, name_of(&type, what), &by_type[i], err));
    }
    return TN_OK;
}

static int words_of_types(tn_batches *b, int what, tn_words **words, uint32_t **by_type, tn_error *err)
{
    size_t bytes = tn_snapshot_n_types(b->snapshot) * sizeof **by_type;
    TN_TRY(tn__words_new(words, err));
    *by_type = tn__alloc(b->alloc, bytes);
    return *by_type ? add_types(b, what, *words, *by_type, err) : tn__no_memory(b->snapshot, err);
}

int tn__batches_type_words(tn_batches *b, tn_words **out, tn_error *err)
{
    return words_of_types(b, NAMES, out, &b->type_words, err);
}

int tn__batches_synthetic_words(tn_batches *b, tn_words **out, tn_error *err)
{
    return words_of_types(b, SYNTHETIC, out, &b->type_words, err);
}

int tn__batches_module_words(tn_batches *b, tn_words **out, tn_error *err)
{
    return words_of_types(b, MODULES, out, &b->module_words, err);
}

/* ---- from open to close ---- */

static int copy_sets(tn_batches *b, const tn_set *set, tn_error *err)
{
    TN_TRY(tn__set_check(b->snapshot, set, err));
    TN_TRY(tn__set_of_all(b->snapshot, &b->all, err));
    return tn_set_copy(set ? set : b->all, &b->selected, err);
}

int tn_batches_open(tn_snapshot *s, enum tn_table_name table, const tn_set *set, const char *columns, tn_batches **out,
                    tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    if ((unsigned)table >= TN_TABLES)
        return tn__error_set(err, TN_EINVAL, 0, "there is no table %u", (unsigned)table);
    tn_batches *b = tn__alloc_zero(a, sizeof *b);
    if (!b)
        return tn__no_memory(s, err);
    b->snapshot = s;
    b->alloc = a;
    b->table = tables[table];
    b->limit = ROWS;
    tn__buf_init(&b->rows, a);
    int status = copy_sets(b, set, err);
    if (status == TN_OK)
        status = b->table->start(b, err);
    if (status == TN_OK)
        status = make_cells(b, columns, err);
    if (status < 0) {
        status = tn__memory_told(s, status, err);
        tn_batches_close(b);
        return status;
    }
    *out = b;
    return TN_OK;
}

void tn_batches_close(tn_batches *b)
{
    if (!b)
        return;
    size_t n_types = tn_snapshot_n_types(b->snapshot);
    b->table->end(b);
    for (uint32_t i = 0; b->cells && i < b->room; i++)
        tn__cells_free(&b->cells[i]);
    tn__free(b->alloc, b->type_words, b->type_words ? n_types * sizeof *b->type_words : 0);
    tn__free(b->alloc, b->module_words, b->module_words ? n_types * sizeof *b->module_words : 0);
    tn__free(b->alloc, b->specs, b->room * sizeof *b->specs);
    tn__free(b->alloc, b->cells, b->room * sizeof *b->cells);
    tn_set_free(b->selected);
    tn__buf_free(&b->rows);
    tn__free(b->alloc, b, sizeof *b);
}

/* Texts first: they may make the batch shorter. */
static int fill_columns(tn_batches *b, bool texts, tn_error *err)
{
    for (uint32_t i = 0; i < b->n_columns; i++) {
        if ((b->specs[i]->cell == TN_CELL_TEXT) != texts)
            continue;
        b->spec = b->specs[i];
        TN_TRY(tn__cells_start(&b->cells[i], b->n_rows, err));
        TN_TRY(b->spec->fill(b, &b->cells[i], err));
        b->n_rows = b->cells[i].n;
    }
    return TN_OK;
}

int tn__batches_fill(tn_batches *b, tn_error *err)
{
    b->rows.size = 0;
    TN_TRY(b->table->next(b, err));
    b->n_rows = (uint32_t)(b->rows.size / b->table->row_bytes);
    if (!b->n_rows)
        return 0;
    TN_TRY(fill_columns(b, true, err));
    TN_TRY(fill_columns(b, false, err));
    b->table->seen(b, b->n_rows);
    return 1;
}
