/* save.c - columns of a finished walk into a file. Reads nothing of the target: runs after the pause. */
#include "engine/walk.h"

static const struct {
    enum tn_walk_column column;
    const char *id;
    unsigned transform;
} saved_columns[] = {
    {TN_WALK_AODD, "AODD", TN_TRANSFORM_DELTA},
    {TN_WALK_SHAP, "SHAP", 0},
    {TN_WALK_SIZE, "SIZE", 0},
    {TN_WALK_REFC, "REFC", 0},
    {TN_WALK_FLAG, "FLAG", 0},
    {TN_WALK_DEGR, "DEGR", 0},
    {TN_WALK_REFS, "REFS", TN_TRANSFORM_DELTA | TN_TRANSFORM_PLANES},
    {TN_WALK_LENG, "LENG", 0},
    {TN_WALK_CAPA, "CAPA", 0},
    {TN_WALK_BUFS, "BUFS", 0},
    {TN_WALK_BUFK, "BUFK", 0},
    {TN_WALK_HASH, "HASH", 0},
    {TN_WALK_STKI, "STKI", 0},
};

/* Two-byte columns are widened to what they stand for; the writer narrows again. */
static int save_numbers(tn_walk *w, tn_writer *writer, const char *id, const tn_column_data *c, const uint16_t *block,
                        uint64_t first, uint64_t rows, size_t *big, tn_error *err)
{
    const tn_big *b = TN_LIST(c->big, tn_big);
    uint64_t *wide = tn__alloc(w->alloc, rows * sizeof *wide);
    if (!wide)
        return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to write the snapshot");
    bool any = *big < c->big.count && b[*big].row < first + rows;
    uint32_t *narrow = (uint32_t *)(void *)wide;
    for (uint64_t i = 0; i < rows && any; i++)
        wide[i] = (uint64_t)block[i] * c->unit;
    for (uint64_t i = 0; i < rows && !any; i++)
        narrow[i] = (uint32_t)block[i] * c->unit;
    for (; *big < c->big.count && b[*big].row < first + rows; ++*big)
        wide[b[*big].row - first] = b[*big].value;
    int status = tn_writer_column(writer, id, wide, any ? 8 : 4, rows, 0, err);
    tn__free(w->alloc, wide, rows * sizeof *wide);
    return status;
}

static int save_column(tn_walk *w, tn_writer *writer, unsigned which, tn_error *err)
{
    tn_column_data *c = &w->columns[saved_columns[which].column];
    const char *id = saved_columns[which].id;
    size_t big = 0;
    for (size_t b = 0; b < c->blocks.count; b++) {
        uint64_t first = (uint64_t)b * c->block_rows, rows = tn__column_count(c) - first;
        void *block = TN_LIST(c->blocks, void *)[b];
        rows = rows < c->block_rows ? rows : c->block_rows;
        if (c->width == 2)
            TN_TRY(save_numbers(w, writer, id, c, block, first, rows, &big, err));
        else
            TN_TRY(tn_writer_column(writer, id, block, c->width, rows, saved_columns[which].transform, err));
    }
    return 0;
}

static int save_addresses(tn_walk *w, tn_writer *writer, tn_error *err)
{
    enum { ROWS = 64 };
    tn_region_row *rows = tn__alloc(w->alloc, ROWS * sizeof *rows);
    uint64_t n = 0;
    int status = rows ? 0 : tn__error_set(err, TN_ENOMEM, 0, "not enough memory to write the snapshot");
    for (tn_region *r = tn_map_next(&w->map, 0); r && status == 0; r = tn_map_next(&w->map, r->key + 1)) {
        uint64_t any = 0;
        rows[n].region = r->key;
        for (unsigned i = 0; i < TN_REGION_WORDS; i++)
            any |= rows[n].bits[i] = r->cells[i].bits;
        n += any != 0;
        if (n == ROWS) {
            status = tn_writer_table(writer, "ADDR", rows, n * sizeof *rows, n, err);
            n = 0;
        }
    }
    if (status == 0 && n)
        status = tn_writer_table(writer, "ADDR", rows, n * sizeof *rows, n, err);
    tn__free(w->alloc, rows, ROWS * sizeof *rows);
    return status;
}

/* Reads the byte column on, across its blocks. */
static void take_bytes(const tn_column_data *c, uint64_t *at, uint8_t *out, uint64_t n)
{
    while (n) {
        uint64_t inside = *at % c->block_rows, part = c->block_rows - inside;
        part = part < n ? part : n;
        memcpy(out, TN_LIST(c->blocks, uint8_t *)[*at / c->block_rows] + inside, part);
        out += part;
        *at += part;
        n -= part;
    }
}

static int save_previews(tn_walk *w, tn_writer *writer, tn_error *err)
{
    const tn_column_data *node = &w->columns[TN_WALK_PREV_NODE], *kind = &w->columns[TN_WALK_PREV_KIND];
    const tn_column_data *length = &w->columns[TN_WALK_PREV_LENGTH], *bytes = &w->columns[TN_WALK_PREV_BYTES];
    uint64_t at = 0;
    for (size_t b = 0; b < node->blocks.count; b++) {
        uint64_t rows = tn__column_count(node) - (uint64_t)b * node->block_rows, n_bytes = 0;
        rows = rows < node->block_rows ? rows : node->block_rows;
        const uint16_t *lengths = TN_LIST(length->blocks, uint16_t *)[b];
        for (uint64_t i = 0; i < rows; i++)
            n_bytes += lengths[i];
        size_t size = rows * 8 + n_bytes;
        uint8_t *payload = tn__alloc(w->alloc, size);
        if (!payload)
            return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to write the snapshot");
        memcpy(payload, TN_LIST(node->blocks, void *)[b], rows * 4);
        memcpy(payload + rows * 4, TN_LIST(kind->blocks, void *)[b], rows * 2);
        memcpy(payload + rows * 6, lengths, rows * 2);
        take_bytes(bytes, &at, payload + rows * 8, n_bytes);
        int status = tn_writer_table(writer, "PREV", payload, size, rows, err);
        tn__free(w->alloc, payload, size);
        TN_TRY(status);
    }
    return 0;
}

int tn_walk_save(tn_walk *w, tn_writer *writer, tn_error *err)
{
    TN_TRY(tn__types_save(w, writer, err));
    TN_TRY(save_addresses(w, writer, err));
    for (unsigned i = 0; i < sizeof saved_columns / sizeof *saved_columns; i++)
        TN_TRY(save_column(w, writer, i, err));
    TN_TRY(save_previews(w, writer, err));
    tn__columns_free(w); /* before the ledger is read: what is left of the capture should be little */
    return tn__frames_save(w, writer, err);
}
