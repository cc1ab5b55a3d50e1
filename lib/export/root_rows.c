/* root_rows.c - a row a reference to an object from what is none: the interpreter, threads, frames, shared keys. */
#include "export/reference_rows.h"

#include <string.h>

enum { THREAD, DEPTH, LINE, FUNCTION, FILE_NAME };

static tn_frame_place *place_of(const tn_batches *b, uint32_t node)
{
    return &tn__references_state(b)->places[node - tn_snapshot_n_objects(b->snapshot)];
}

static int type_of(const tn_batches *b, uint32_t node, tn_type *type)
{
    uint32_t shape = tn__references_state(b)->shapes[node];
    return tn_snapshot_type(b->snapshot, tn__snapshot_shapes(b->snapshot)[shape].type, type);
}

static int place_frames(tn_batches *b, uint32_t thread, uint32_t number)
{
    tn_frame frame;
    int status = TN_OK;
    place_of(b, thread)->thread = number;
    for (uint32_t depth = 0; status == TN_OK; depth++) {
        status = tn_snapshot_thread_frame(b->snapshot, thread, depth, &frame);
        if (status == TN_OK && frame.node >= tn_snapshot_n_objects(b->snapshot))
            *place_of(b, frame.node) = (tn_frame_place){frame, number, depth};
    }
    return status == TN_ENOTFOUND ? TN_OK : status;
}

static int place_all(tn_batches *b, tn_error *err)
{
    tn_reference_state *st = tn__references_state(b);
    uint32_t n_objects = tn_snapshot_n_objects(b->snapshot), n_threads = 0;
    st->n_places = tn_snapshot_n_nodes(b->snapshot) - n_objects;
    st->places = tn__alloc_zero(b->alloc, st->n_places * sizeof *st->places);
    if (!st->places)
        return tn__no_memory(b->snapshot, err);
    for (size_t i = 0; i < st->n_places; i++)
        st->places[i].thread = st->places[i].depth = TN_NONE;
    for (size_t i = 0; i < st->n_places; i++) {
        tn_type type;
        int status = type_of(b, n_objects + (uint32_t)i, &type);
        if (status == TN_OK && strcmp(type.full_name, "thread") == 0)
            status = place_frames(b, n_objects + (uint32_t)i, n_threads++);
        if (status < 0)
            return tn__error_set(err, status, 0, "the frames of a thread cannot be read");
    }
    return TN_OK;
}

static int start(tn_batches *b, tn_error *err)
{
    TN_TRY(tn__references_start(b, err));
    tn__references_state(b)->source = tn_snapshot_n_objects(b->snapshot);
    return place_all(b, err);
}

static int next(tn_batches *b, tn_error *err)
{
    uint32_t n_nodes = tn_snapshot_n_nodes(b->snapshot);
    for (uint32_t id = tn__references_state(b)->source;
         id < n_nodes && b->rows.size < b->limit * sizeof(tn_reference_row); id++)
        TN_TRY(tn__references_add(b, id, b->selected, err));
    return TN_OK;
}

/* ---- columns ---- */

static int fill_root(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    const tn_reference_state *st = tn__references_state(b);
    for (uint32_t i = 0; i < b->n_rows; i++) {
        uint32_t shape = st->shapes[tn__reference_at(b, i)->source];
        tn__cells_word(c, b->type_words[tn__snapshot_shapes(b->snapshot)[shape].type]);
    }
    return TN_OK;
}

static int fill_number(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++) {
        const tn_frame_place *place = place_of(b, tn__reference_at(b, i)->source);
        uint32_t value = b->spec->what == THREAD  ? place->thread
                         : b->spec->what == DEPTH ? place->depth
                         : place->frame.line      ? place->frame.line
                                                  : TN_NONE;
        if (value == TN_NONE)
            tn__cells_null(c);
        else
            tn__cells_number(c, value);
    }
    return TN_OK;
}

static int fill_text(tn_batches *b, tn_cells *c, tn_error *err)
{
    for (uint32_t i = 0; i < b->n_rows && !c->closed; i++) {
        const tn_frame_place *place = place_of(b, tn__reference_at(b, i)->source);
        const char *text = b->spec->what == FUNCTION ? place->frame.qualified_name : place->frame.file;
        if (text)
            TN_TRY(tn__cells_escaped(c, text, err));
        else
            tn__cells_null(c);
    }
    return TN_OK;
}

static const tn_column_spec columns[] = {
    {.name = "root", .cell = TN_CELL_WORD, .fill = fill_root, .words = tn__batches_synthetic_words},
    {.name = "target", .cell = TN_CELL_ADDRESS, .fill = tn__fill_target},
    {.name = "label", .cell = TN_CELL_TEXT, .fill = tn__fill_label},
    {.name = "kind", .cell = TN_CELL_WORD, .fill = tn__fill_kind, .words = tn__kind_words},
    {.name = "style", .cell = TN_CELL_WORD, .fill = tn__fill_style, .words = tn__style_words},
    {.name = "name", .cell = TN_CELL_WORD, .nullable = true, .fill = tn__fill_name, .words = tn__name_words},
    {.name = "thread", .cell = TN_CELL_NUMBER, .nullable = true, .fill = fill_number, .what = THREAD},
    {.name = "depth", .cell = TN_CELL_NUMBER, .nullable = true, .fill = fill_number, .what = DEPTH},
    {.name = "function", .cell = TN_CELL_TEXT, .nullable = true, .fill = fill_text, .what = FUNCTION},
    {.name = "file", .cell = TN_CELL_TEXT, .nullable = true, .fill = fill_text, .what = FILE_NAME},
    {.name = "line", .cell = TN_CELL_NUMBER, .nullable = true, .fill = fill_number, .what = LINE},
    {.name = NULL},
};

const tn_table_spec tn__root_table = {columns, sizeof(tn_reference_row), start,
                                      next,    tn__references_seen,      tn__references_end};
