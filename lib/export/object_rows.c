/* object_rows.c - a row an object, by address. */
#include "analysis/stream.h"
#include "export/batches.h"
#include "view/view.h"

#include <string.h>

/* Rows of a column that only some nodes have: how many the nodes before `node` have. */
typedef struct tn_rank {
    uint32_t node;
    uint64_t row;
} tn_rank;

enum { LENGTH, CAPACITY, HASH, RANKS };
enum { SLOT = 0 };

typedef struct tn_object_state {
    uint32_t next;
    const uint32_t *shapes;
    tn_rank ranks[RANKS];
    /* the next preview: chunk, place in it, bytes before it there */
    size_t block, block_bytes;
    uint32_t block_at;
} tn_object_state;

static tn_object_state *state_of(const tn_batches *b)
{
    return b->state;
}

static const uint32_t *ids_of(const tn_batches *b)
{
    return (const uint32_t *)(const void *)b->rows.data;
}

static const tn_shape *shape_of(const tn_batches *b, uint32_t id)
{
    return &tn__snapshot_shapes(b->snapshot)[state_of(b)->shapes[id]];
}

/* ---- rows ---- */

static int start(tn_batches *b, tn_error *err)
{
    uint64_t n;
    tn_object_state *st = b->state = tn__alloc_zero(b->alloc, sizeof *st);
    if (!st)
        return tn__no_memory(b->snapshot, err);
    TN_TRY(tn__snapshot_addresses(b->snapshot, err));
    return tn__column_u32(b->snapshot, TN_COL_SHAP, &st->shapes, &n, err);
}

static int next(tn_batches *b, tn_error *err)
{
    uint32_t n = 0;
    if (tn__buf_reserve(&b->rows, b->limit * sizeof(uint32_t)) < 0)
        return tn__no_memory(b->snapshot, err);
    uint32_t *ids = (uint32_t *)(void *)b->rows.data;
    for (uint32_t id = tn_set_next(b->selected, state_of(b)->next); id != TN_NONE && n < b->limit;
         id = tn_set_next(b->selected, id + 1))
        ids[n++] = id;
    b->rows.size = n * sizeof *ids;
    return TN_OK;
}

static void seen(tn_batches *b, uint32_t n_taken)
{
    state_of(b)->next = ids_of(b)[n_taken - 1] + 1;
}

static void end(tn_batches *b)
{
    tn__free(b->alloc, b->state, b->state ? sizeof(tn_object_state) : 0);
}

/* ---- columns ---- */

static int fill_address(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    tn__snapshot_addresses_of(b->snapshot, ids_of(b), b->n_rows, (uint64_t *)(void *)c->values.data);
    c->n = b->n_rows;
    return TN_OK;
}

static int fill_type(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    const uint32_t *by_type = b->spec->what ? b->module_words : b->type_words;
    for (uint32_t i = 0; i < b->n_rows; i++) {
        uint32_t word = by_type[shape_of(b, ids_of(b)[i])->type];
        if (word == TN_NONE)
            tn__cells_null(c);
        else
            tn__cells_word(c, word);
    }
    return TN_OK;
}

static int fill_type_id(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++)
        tn__cells_number(c, shape_of(b, ids_of(b)[i])->type);
    return TN_OK;
}

static int fill_number(tn_batches *b, tn_cells *c, tn_error *err)
{
    tn_stream values;
    uint64_t value = 0;
    tn__stream_open(&values, b->snapshot, (enum tn_column)b->spec->what, SLOT);
    for (uint32_t i = 0; i < b->n_rows; i++) {
        if (values.present)
            TN_TRY(tn__stream_at(&values, ids_of(b)[i], &value, err));
        tn__cells_number(c, value);
    }
    return TN_OK;
}

static int fill_flag(tn_batches *b, tn_cells *c, tn_error *err)
{
    tn_stream flags;
    uint64_t value = 0;
    tn__stream_open(&flags, b->snapshot, TN_COL_FLAG, SLOT);
    for (uint32_t i = 0; i < b->n_rows; i++) {
        if (flags.present)
            TN_TRY(tn__stream_at(&flags, ids_of(b)[i], &value, err));
        tn__cells_yes_no(c, value & b->spec->what);
    }
    return TN_OK;
}

static int fill_generation(tn_batches *b, tn_cells *c, tn_error *err)
{
    tn_stream flags;
    uint64_t value = 0;
    tn__stream_open(&flags, b->snapshot, TN_COL_FLAG, SLOT);
    for (uint32_t i = 0; i < b->n_rows; i++) {
        if (flags.present)
            TN_TRY(tn__stream_at(&flags, ids_of(b)[i], &value, err));
        if (value & TN_NODE_TRACKED)
            tn__cells_number(c, (value & TN_NODE_GENERATION) >> 1);
        else
            tn__cells_null(c);
    }
    return TN_OK;
}

static int fill_sparse(tn_batches *b, tn_cells *c, tn_error *err)
{
    static const struct {
        enum tn_column column;
        uint32_t flag;
    } kinds[RANKS] = {
        [LENGTH] = {TN_COL_LENG, TN_SHAPE_LENGTH},
        [CAPACITY] = {TN_COL_CAPA, TN_SHAPE_CAPACITY},
        [HASH] = {TN_COL_HASH, TN_SHAPE_HASH},
    };
    tn_rank *rank = &state_of(b)->ranks[b->spec->what];
    uint32_t flag = kinds[b->spec->what].flag;
    uint64_t value;
    tn_stream values;
    tn__stream_open(&values, b->snapshot, kinds[b->spec->what].column, SLOT);
    for (uint32_t i = 0; i < b->n_rows; i++) {
        uint32_t id = ids_of(b)[i];
        for (; rank->node < id; rank->node++)
            rank->row += (shape_of(b, rank->node)->flags & flag) != 0;
        if (!values.present || !(shape_of(b, id)->flags & flag)) {
            tn__cells_null(c);
            continue;
        }
        TN_TRY(tn__stream_at(&values, rank->row, &value, err));
        if (c->cell == TN_CELL_ADDRESS)
            tn__cells_address(c, value);
        else
            tn__cells_number(c, value);
    }
    return TN_OK;
}

/* ---- previews: objects and they go by node ---- */

static int add_preview(tn_batches *b, tn_cells *c, uint32_t id, const tn_preview *p, tn_error *err)
{
    tn_type type;
    tn_text t;
    char room[512];
    TN_TRY(tn_snapshot_type(b->snapshot, shape_of(b, id)->type, &type));
    bool truth = strcmp(type.full_name, "bool") == 0;
    tn__text_init(&t, room, sizeof room);
    tn__preview_print(&t, p, truth);
    if (t.n <= sizeof room)
        return tn__cells_text(c, room, t.n, err);
    size_t wanted = t.n;
    char *text = tn__alloc(b->alloc, wanted);
    if (!text)
        return tn__no_memory(b->snapshot, err);
    tn__text_init(&t, text, wanted);
    tn__preview_print(&t, p, truth);
    int status = tn__cells_text(c, text, wanted, err);
    tn__free(b->alloc, text, wanted);
    return status;
}

/* The chunk at st->block, or the first one behind it that has previews; n of 0: there is none. */
static int load_block(tn_batches *b, tn_preview_block *block, tn_error *err)
{
    tn_object_state *st = state_of(b);
    int status;
    while ((status = tn__preview_block(b->snapshot, st->block, SLOT, block, err)) == TN_OK && block->n == 0)
        st->block++;
    if (status == TN_ENOTFOUND)
        *block = (tn_preview_block){0};
    return status == TN_ENOTFOUND ? TN_OK : status;
}

static int step(tn_batches *b, tn_preview_block *block, tn_error *err)
{
    tn_object_state *st = state_of(b);
    st->block_bytes += block->lengths[st->block_at];
    if (++st->block_at < block->n)
        return TN_OK;
    st->block++;
    st->block_at = 0;
    st->block_bytes = 0;
    return load_block(b, block, err);
}

static int fill_preview(tn_batches *b, tn_cells *c, tn_error *err)
{
    tn_object_state *st = state_of(b);
    tn_preview_block block;
    TN_TRY(load_block(b, &block, err));
    for (uint32_t i = 0; i < b->n_rows && !c->closed; i++) {
        uint32_t id = ids_of(b)[i];
        while (block.n && block.nodes[st->block_at] < id)
            TN_TRY(step(b, &block, err));
        if (!block.n || block.nodes[st->block_at] != id) {
            tn__cells_null(c);
            continue;
        }
        const tn_preview preview = {block.kinds[st->block_at], block.lengths[st->block_at],
                                    block.bytes + st->block_bytes};
        TN_TRY(add_preview(b, c, id, &preview, err));
    }
    return TN_OK;
}

/* ---- what takes dominators ---- */

static int fill_retained(tn_batches *b, tn_cells *c, tn_error *err)
{
    uint64_t bytes;
    uint32_t count;
    for (uint32_t i = 0; i < b->n_rows; i++) {
        TN_TRY(tn_retained(b->snapshot, ids_of(b)[i], &bytes, &count, err));
        tn__cells_number(c, b->spec->what ? count : bytes);
    }
    return TN_OK;
}

static int fill_dominator(tn_batches *b, tn_cells *c, tn_error *err)
{
    uint32_t dominator, n_objects = tn_snapshot_n_objects(b->snapshot);
    for (uint32_t i = 0; i < b->n_rows; i++) {
        TN_TRY(tn_dominator(b->snapshot, ids_of(b)[i], &dominator, err));
        if (dominator < n_objects)
            tn__cells_address(c, tn__snapshot_address(b->snapshot, dominator));
        else
            tn__cells_null(c);
    }
    return TN_OK;
}

static int fill_hold(tn_batches *b, tn_cells *c, tn_error *err)
{
    enum tn_hold hold;
    for (uint32_t i = 0; i < b->n_rows; i++) {
        TN_TRY(tn_node_hold(b->snapshot, ids_of(b)[i], &hold, err));
        tn__cells_word(c, hold);
    }
    return TN_OK;
}

static int hold_words(tn_batches *b, tn_words **out, tn_error *err)
{
    (void)b;
    static const char *const words[] = {
        [TN_HOLD_REFERENCES] = "references",   [TN_HOLD_IMMORTAL] = "immortal",
        [TN_HOLD_STATIC] = "static",           [TN_HOLD_C] = "c",
        [TN_HOLD_UNREACHABLE] = "unreachable",
    };
    return tn__words_of(words, sizeof words / sizeof *words, out, err);
}

/* ---- the table ---- */

static const tn_column_spec columns[] = {
    {.name = "address", .cell = TN_CELL_ADDRESS, .fill = fill_address},
    {.name = "type", .cell = TN_CELL_WORD, .nullable = true, .fill = fill_type, .words = tn__batches_type_words},
    {.name = "module",
     .cell = TN_CELL_WORD,
     .nullable = true,
     .fill = fill_type,
     .words = tn__batches_module_words,
     .what = 1},
    {.name = "type_id", .cell = TN_CELL_NUMBER, .fill = fill_type_id},
    {.name = "size", .cell = TN_CELL_NUMBER, .fill = fill_number, .what = TN_COL_SIZE},
    {.name = "length", .cell = TN_CELL_NUMBER, .nullable = true, .fill = fill_sparse, .what = LENGTH},
    {.name = "capacity", .cell = TN_CELL_NUMBER, .nullable = true, .fill = fill_sparse, .what = CAPACITY},
    {.name = "refcount", .cell = TN_CELL_NUMBER, .fill = fill_number, .what = TN_COL_REFC},
    {.name = "generation", .cell = TN_CELL_NUMBER, .nullable = true, .fill = fill_generation},
    {.name = "tracked", .cell = TN_CELL_YES_NO, .fill = fill_flag, .what = TN_NODE_TRACKED},
    {.name = "immortal", .cell = TN_CELL_YES_NO, .fill = fill_flag, .what = TN_NODE_IMMORTAL},
    {.name = "static", .cell = TN_CELL_YES_NO, .fill = fill_flag, .what = TN_NODE_STATIC},
    {.name = "finalized", .cell = TN_CELL_YES_NO, .fill = fill_flag, .what = TN_NODE_FINALIZED},
    {.name = "hidden", .cell = TN_CELL_YES_NO, .fill = fill_flag, .what = TN_NODE_HIDDEN},
    {.name = "guessed", .cell = TN_CELL_YES_NO, .fill = fill_flag, .what = TN_NODE_GUESSED},
    {.name = "hash", .cell = TN_CELL_ADDRESS, .nullable = true, .fill = fill_sparse, .what = HASH},
    {.name = "preview", .cell = TN_CELL_TEXT, .nullable = true, .fill = fill_preview},
    {.name = "retained", .cell = TN_CELL_NUMBER, .asked = true, .fill = fill_retained},
    {.name = "retained_count", .cell = TN_CELL_NUMBER, .asked = true, .fill = fill_retained, .what = 1},
    {.name = "dominator", .cell = TN_CELL_ADDRESS, .nullable = true, .asked = true, .fill = fill_dominator},
    {.name = "hold", .cell = TN_CELL_WORD, .asked = true, .fill = fill_hold, .words = hold_words},
    {.name = NULL},
};

const tn_table_spec tn__object_table = {columns, sizeof(uint32_t), start, next, seen, end};
