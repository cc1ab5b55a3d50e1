/* reference_rows.c - a row a reference from an object to an object. */
#include "export/reference_rows.h"

#include "view/view.h"

#include <string.h>

/* ---- what rows need ---- */

static int load_addresses(tn_batches *b, tn_reference_state *st, tn_error *err)
{
    TN_TRY(tn__snapshot_addresses(b->snapshot, err));
    st->n_addresses = tn_snapshot_n_objects(b->snapshot);
    st->addresses = tn__alloc(b->alloc, st->n_addresses * sizeof *st->addresses);
    if (!st->addresses)
        return tn__no_memory(b->snapshot, err);
    tn__snapshot_addresses_of(b->snapshot, NULL, st->n_addresses, st->addresses);
    return TN_OK;
}

static size_t strings_named(tn_snapshot *s)
{
    const tn_shape *shapes = tn__snapshot_shapes(s);
    size_t n = 0;
    for (uint32_t i = 0; i < tn__snapshot_n_shapes(s); i++)
        for (uint32_t k = 0; k < shapes[i].n_fixed; k++)
            if (shapes[i].labels[2 * k] >= n)
                n = (size_t)shapes[i].labels[2 * k] + 1;
    return n;
}

static int load_names(tn_batches *b, tn_reference_state *st, tn_error *err)
{
    const tn_shape *shapes = tn__snapshot_shapes(b->snapshot);
    st->n_names = strings_named(b->snapshot);
    st->names = tn__alloc(b->alloc, st->n_names * sizeof *st->names);
    if (!st->names)
        return tn__no_memory(b->snapshot, err);
    memset(st->names, 0xff, st->n_names * sizeof *st->names);
    TN_TRY(tn__words_new(&st->words, err));
    for (uint32_t i = 0; i < tn__snapshot_n_shapes(b->snapshot); i++)
        for (uint32_t k = 0; k < shapes[i].n_fixed; k++) {
            uint32_t string = shapes[i].labels[2 * k];
            if (st->names[string] == TN_NONE)
                TN_TRY(tn__words_add(st->words, tn__snapshot_string(b->snapshot, string), &st->names[string], err));
        }
    return TN_OK;
}

int tn__references_start(tn_batches *b, tn_error *err)
{
    uint64_t n;
    tn_reference_iter iter;
    tn_reference_state *st = b->state = tn__alloc_zero(b->alloc, sizeof *st);
    if (!st)
        return tn__no_memory(b->snapshot, err);
    if (tn_snapshot_n_nodes(b->snapshot) > 0)
        TN_TRY(tn_references(b->snapshot, 0, &iter, err)); /* loads them */
    TN_TRY(tn__column_u32(b->snapshot, TN_COL_SHAP, &st->shapes, &n, err));
    TN_TRY(load_addresses(b, st, err));
    return load_names(b, st, err);
}

void tn__references_end(tn_batches *b)
{
    tn_reference_state *st = tn__references_state(b);
    if (!st)
        return;
    tn__free(b->alloc, st->addresses, st->n_addresses * sizeof *st->addresses);
    tn__free(b->alloc, st->names, st->n_names * sizeof *st->names);
    tn__free(b->alloc, st->places, st->n_places * sizeof *st->places);
    tn__words_drop(st->words);
    tn__free(b->alloc, st, sizeof *st);
}

/* ---- rows ---- */

int tn__references_add(tn_batches *b, uint32_t source, const tn_set *targets, tn_error *err)
{
    tn_reference_state *st = tn__references_state(b);
    tn_reference_iter iter;
    tn_reference_row row;
    TN_TRY(tn_references(b->snapshot, source, &iter, err));
    if (st->source == source && st->position > iter.position)
        iter.position = st->position;
    while (b->rows.size < b->limit * sizeof row && tn_reference_next(&iter, &row.reference)) {
        if (!tn_set_has(targets, row.reference.target))
            continue;
        row.after = iter.position;
        if (tn__buf_append(&b->rows, &row, sizeof row) < 0)
            return tn__no_memory(b->snapshot, err);
    }
    return TN_OK;
}

void tn__references_seen(tn_batches *b, uint32_t n_taken)
{
    const tn_reference_row *last = (const tn_reference_row *)(const void *)b->rows.data + n_taken - 1;
    tn__references_state(b)->source = last->reference.source;
    tn__references_state(b)->position = last->after;
}

static int next(tn_batches *b, tn_error *err)
{
    uint32_t from = tn__references_state(b)->source;
    for (uint32_t id = tn_set_next(b->selected, from);
         id != TN_NONE && b->rows.size < b->limit * sizeof(tn_reference_row); id = tn_set_next(b->selected, id + 1))
        TN_TRY(tn__references_add(b, id, b->all, err));
    return TN_OK;
}

/* ---- columns ---- */

static void add_address(tn_batches *b, tn_cells *c, uint32_t node)
{
    const tn_reference_state *st = tn__references_state(b);
    if (node < st->n_addresses)
        tn__cells_address(c, st->addresses[node]);
    else
        tn__cells_null(c);
}

int tn__fill_source(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++)
        add_address(b, c, tn__reference_at(b, i)->source);
    return TN_OK;
}

int tn__fill_target(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++)
        add_address(b, c, tn__reference_at(b, i)->target);
    return TN_OK;
}

int tn__fill_key(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++)
        add_address(b, c, tn__reference_at(b, i)->key);
    return TN_OK;
}

int tn__fill_kind(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++)
        tn__cells_word(c, tn__reference_at(b, i)->kind);
    return TN_OK;
}

int tn__fill_style(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++)
        tn__cells_word(c, tn__reference_at(b, i)->style);
    return TN_OK;
}

int tn__fill_name(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    const tn_reference_state *st = tn__references_state(b);
    for (uint32_t i = 0; i < b->n_rows; i++) {
        const tn_reference *r = tn__reference_at(b, i);
        if (r->text) /* only the fixed ones of a shape have one */
            tn__cells_word(c, st->names[tn__snapshot_shapes(b->snapshot)[st->shapes[r->source]].labels[2 * r->index]]);
        else
            tn__cells_null(c);
    }
    return TN_OK;
}

int tn__fill_index(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++) {
        const tn_reference *r = tn__reference_at(b, i);
        if (r->style == TN_LABEL_INDEX || r->style == TN_LABEL_STACK || r->style == TN_LABEL_UNKNOWN)
            tn__cells_number(c, r->index);
        else if (r->style == TN_LABEL_KEY || r->style == TN_LABEL_VALUE)
            tn__cells_number(c, r->index / 2);
        else
            tn__cells_null(c);
    }
    return TN_OK;
}

int tn__fill_label(tn_batches *b, tn_cells *c, tn_error *err)
{
    tn_buf label;
    int status = TN_OK;
    tn__buf_init(&label, b->alloc);
    for (uint32_t i = 0; i < b->n_rows && !c->closed && status == TN_OK; i++) {
        status = tn__label_into(b->snapshot, tn__reference_at(b, i), &label, err);
        size_t blank = status == TN_OK && label.size && label.data[0] == ' ';
        if (status == TN_OK)
            status = tn__cells_text(c, (const char *)label.data + blank, label.size - blank, err);
    }
    tn__buf_free(&label);
    return status;
}

int tn__kind_words(tn_batches *b, tn_words **out, tn_error *err)
{
    (void)b;
    static const char *const words[] = {
        [TN_REF_OWNING] = "owning",     [TN_REF_BORROWED] = "borrowed", [TN_REF_WEAK] = "weak",
        [TN_REF_INTERNED] = "interned", [TN_REF_GUESSED] = "guessed",
    };
    return tn__words_of(words, sizeof words / sizeof *words, out, err);
}

int tn__style_words(tn_batches *b, tn_words **out, tn_error *err)
{
    (void)b;
    static const char *const words[] = {
        [TN_LABEL_ATTRIBUTE] = "attribute",
        [TN_LABEL_ITEM] = "item",
        [TN_LABEL_LOCAL] = "local",
        [TN_LABEL_FIELD] = "field",
        [TN_LABEL_ROOT] = "root",
        [TN_LABEL_INDEX] = "index",
        [TN_LABEL_KEY] = "key",
        [TN_LABEL_VALUE] = "value",
        [TN_LABEL_MEMBER] = "member",
        [TN_LABEL_UNKNOWN] = "unknown",
        [TN_LABEL_STACK] = "stack",
    };
    return tn__words_of(words, sizeof words / sizeof *words, out, err);
}

int tn__name_words(tn_batches *b, tn_words **out, tn_error *err)
{
    (void)err;
    *out = tn__words_use(tn__references_state(b)->words);
    return TN_OK;
}

static const tn_column_spec columns[] = {
    {.name = "source", .cell = TN_CELL_ADDRESS, .fill = tn__fill_source},
    {.name = "target", .cell = TN_CELL_ADDRESS, .fill = tn__fill_target},
    {.name = "kind", .cell = TN_CELL_WORD, .fill = tn__fill_kind, .words = tn__kind_words},
    {.name = "style", .cell = TN_CELL_WORD, .fill = tn__fill_style, .words = tn__style_words},
    {.name = "name", .cell = TN_CELL_WORD, .nullable = true, .fill = tn__fill_name, .words = tn__name_words},
    {.name = "index", .cell = TN_CELL_NUMBER, .nullable = true, .fill = tn__fill_index},
    {.name = "key", .cell = TN_CELL_ADDRESS, .nullable = true, .fill = tn__fill_key},
    {.name = "label", .cell = TN_CELL_TEXT, .asked = true, .fill = tn__fill_label},
    {.name = NULL},
};

const tn_table_spec tn__reference_table = {columns, sizeof(tn_reference_row), tn__references_start,
                                           next,    tn__references_seen,      tn__references_end};
