/* arrow.c - batches by the C data interface of Apache Arrow (https://arrow.apache.org/docs/format/CDataInterface.html).
 *
 *   struct array: rows            children[i]: a column        dictionary: its words
 *     no values of its own          validity, values, text       offsets, text; a user of the words
 *
 * Each array owns what its private_data points to, in the C library's memory: a consumer may release it in any thread, late,
 * or move a child away and keep that alone.
 */
#include "export/batches.h"

#include <string.h>

static const char *const formats[] = {
    [TN_CELL_ADDRESS] = "L", [TN_CELL_NUMBER] = "l", [TN_CELL_YES_NO] = "b", [TN_CELL_TEXT] = "U", [TN_CELL_WORD] = "i",
};

static int no_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

static void *get(size_t bytes)
{
    return tn__alloc_zero(&tn__alloc_libc, bytes);
}

static void give_back(void *p, size_t bytes)
{
    tn__free(&tn__alloc_libc, p, bytes);
}

/* ---- schemas: formats and names are constants ---- */

static void release_schema_column(struct ArrowSchema *schema)
{
    if (schema->dictionary) {
        if (schema->dictionary->release)
            schema->dictionary->release(schema->dictionary);
        give_back(schema->dictionary, sizeof *schema->dictionary);
    }
    schema->release = NULL;
}

typedef struct tn_schema_box {
    int64_t n;
    struct ArrowSchema **pointers, *columns;
} tn_schema_box;

static void free_schema_box(tn_schema_box *box)
{
    give_back(box->pointers, (size_t)box->n * sizeof(void *));
    give_back(box->columns, (size_t)box->n * sizeof *box->columns);
    give_back(box, sizeof *box);
}

static void release_schema(struct ArrowSchema *schema)
{
    tn_schema_box *box = schema->private_data;
    for (int64_t i = 0; i < box->n; i++)
        if (schema->children[i]->release)
            schema->children[i]->release(schema->children[i]);
    free_schema_box(box);
    schema->release = NULL;
}

static bool fill_schema(const tn_column_spec *spec, struct ArrowSchema *out)
{
    *out = (struct ArrowSchema){.format = formats[spec->cell],
                                .name = spec->name,
                                .flags = spec->nullable ? ARROW_FLAG_NULLABLE : 0,
                                .release = release_schema_column};
    if (spec->cell != TN_CELL_WORD)
        return true;
    out->dictionary = get(sizeof *out->dictionary);
    if (out->dictionary)
        *out->dictionary = (struct ArrowSchema){.format = "u", .name = "", .release = release_schema_column};
    return out->dictionary != NULL;
}

int tn_batches_schema(tn_batches *b, struct ArrowSchema *out, tn_error *err)
{
    tn_schema_box *box = get(sizeof *box);
    if (!box)
        return no_memory(err);
    box->n = b->n_columns;
    box->pointers = get((size_t)box->n * sizeof(void *));
    box->columns = get((size_t)box->n * sizeof *box->columns);
    bool good = box->pointers && box->columns;
    for (uint32_t i = 0; good && i < b->n_columns; i++) {
        box->pointers[i] = &box->columns[i];
        good = fill_schema(b->specs[i], &box->columns[i]);
    }
    if (!good) {
        for (uint32_t i = 0; box->columns && i < b->n_columns && box->columns[i].release; i++)
            box->columns[i].release(&box->columns[i]);
        free_schema_box(box);
        return no_memory(err);
    }
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = box->n,
                                .children = box->pointers,
                                .release = release_schema,
                                .private_data = box};
    return TN_OK;
}

/* ---- arrays ---- */

typedef struct tn_dictionary_box {
    const void *buffers[3];
    tn_words *words;
} tn_dictionary_box;

static void release_dictionary(struct ArrowArray *array)
{
    tn_dictionary_box *box = array->private_data;
    tn__words_drop(box->words);
    give_back(box, sizeof *box);
    array->release = NULL;
}

static bool fill_dictionary(tn_words *words, struct ArrowArray *out)
{
    tn_dictionary_box *box = get(sizeof *box);
    if (!box)
        return false;
    box->words = tn__words_use(words);
    box->buffers[1] = words->texts.offsets.data;
    box->buffers[2] = words->texts.bytes.data;
    *out = (struct ArrowArray){.length = words->texts.count,
                               .n_buffers = 3,
                               .buffers = box->buffers,
                               .release = release_dictionary,
                               .private_data = box};
    return true;
}

typedef struct tn_column_box {
    const void *buffers[3];
    tn_buf values, valid, text;
    struct ArrowArray dictionary;
} tn_column_box;

static void release_column(struct ArrowArray *array)
{
    tn_column_box *box = array->private_data;
    if (array->dictionary && array->dictionary->release)
        array->dictionary->release(array->dictionary);
    tn__buf_free(&box->values);
    tn__buf_free(&box->valid);
    tn__buf_free(&box->text);
    give_back(box, sizeof *box);
    array->release = NULL;
}

static void move(tn_buf *from, tn_buf *to)
{
    *to = *from;
    *from = (tn_buf){.alloc = to->alloc};
}

/* The cells begin anew, with buffers of their own. */
static bool fill_column(tn_cells *c, uint32_t n_rows, struct ArrowArray *out)
{
    tn_column_box *box = get(sizeof *box);
    if (!box)
        return false;
    if (c->cell == TN_CELL_WORD && !fill_dictionary(c->words, &box->dictionary)) {
        give_back(box, sizeof *box);
        return false;
    }
    move(&c->values, &box->values);
    move(&c->valid, &box->valid);
    move(&c->text, &box->text);
    box->buffers[0] = c->nullable ? box->valid.data : NULL;
    box->buffers[1] = box->values.data;
    box->buffers[2] = box->text.data;
    *out = (struct ArrowArray){.length = n_rows,
                               .null_count = c->nullable ? -1 : 0, /* not counted */
                               .n_buffers = c->cell == TN_CELL_TEXT ? 3 : 2,
                               .buffers = box->buffers,
                               .dictionary = c->cell == TN_CELL_WORD ? &box->dictionary : NULL,
                               .release = release_column,
                               .private_data = box};
    return true;
}

typedef struct tn_batch_box {
    const void *buffers[1];
    int64_t n;
    struct ArrowArray **pointers, *columns;
} tn_batch_box;

static void free_batch_box(tn_batch_box *box)
{
    give_back(box->pointers, (size_t)box->n * sizeof(void *));
    give_back(box->columns, (size_t)box->n * sizeof *box->columns);
    give_back(box, sizeof *box);
}

static void release_columns(struct ArrowArray **columns, int64_t n)
{
    for (int64_t i = 0; i < n && columns[i]; i++)
        if (columns[i]->release)
            columns[i]->release(columns[i]);
}

static void release_batch(struct ArrowArray *array)
{
    release_columns(array->children, array->n_children);
    free_batch_box(array->private_data);
    array->release = NULL;
}

static int hand_over(tn_batches *b, struct ArrowArray *out, tn_error *err)
{
    tn_batch_box *box = get(sizeof *box);
    if (!box)
        return no_memory(err);
    box->n = b->n_columns;
    box->pointers = get((size_t)box->n * sizeof(void *));
    box->columns = get((size_t)box->n * sizeof *box->columns);
    bool good = box->pointers && box->columns;
    for (uint32_t i = 0; good && i < b->n_columns; i++) {
        box->pointers[i] = &box->columns[i];
        good = fill_column(&b->cells[i], b->n_rows, &box->columns[i]);
    }
    if (!good) {
        if (box->pointers)
            release_columns(box->pointers, box->n);
        free_batch_box(box);
        return no_memory(err);
    }
    *out = (struct ArrowArray){.length = b->n_rows,
                               .n_buffers = 1,
                               .buffers = box->buffers,
                               .n_children = box->n,
                               .children = box->pointers,
                               .release = release_batch,
                               .private_data = box};
    return TN_OK;
}

int tn_batches_next(tn_batches *b, struct ArrowArray *out, tn_error *err)
{
    int more = tn__memory_told(b->snapshot, tn__batches_fill(b, err), err);
    if (more > 0)
        TN_TRY(hand_over(b, out, err));
    return more;
}
