/* save.c - columns of a finished walk into a file. Reads nothing of the target: runs after the pause.
 *
 * The threads of the walk pack pieces, each into a pack of its own, and write them in turn.
 */
#include "engine/crew.h"
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

static int save_addresses(tn_walk *w, tn_writer *writer, tn_error *err)
{
    enum { ROWS = 64 };
    tn_region_row *rows = tn__alloc(w->alloc, ROWS * sizeof *rows);
    uint64_t n = 0;
    int status = rows ? 0 : tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    for (tn_region *r = tn_map_next(w->map, 0); r && status == 0; r = tn_map_next(w->map, r->key + 1)) {
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
    if (status == 0 && (n || !w->map->n_objects)) /* the table is always there */
        status = tn_writer_table(writer, "ADDR", rows, n * sizeof *rows, n, err);
    tn__free(w->alloc, rows, ROWS * sizeof *rows);
    return status;
}

/* ---- bundles ---- */

static uint64_t rows_in(const tn_column_data *c, const tn_block *block)
{
    return block == c->last ? (uint64_t)(c->at - block->data) / c->width : c->block_rows;
}

/* Multiples of unit of n numbers of width bytes, out_width bytes each. One loop a pair, so that the compiler makes vectors
 * of them. */
#define WIDEN(in, out)                                     \
    do {                                                   \
        const in *from = (const in *)(const void *)values; \
        out *to = (out *)wide;                             \
        for (uint64_t i = 0; i < n; i++)                   \
            to[i] = (out)(from[i] * (out)unit);            \
    } while (0)

static void widen(const uint8_t *values, unsigned width, uint32_t unit, uint64_t n, unsigned out_width, void *wide)
{
    if (width == 1 && out_width == 2)
        WIDEN(uint8_t, uint16_t);
    else if (width == 1 && out_width == 4)
        WIDEN(uint8_t, uint32_t);
    else if (width == 1)
        WIDEN(uint8_t, uint64_t);
    else if (out_width == 4)
        WIDEN(uint16_t, uint32_t);
    else
        WIDEN(uint16_t, uint64_t);
}

static void put_number(void *wide, unsigned width, uint64_t row, uint64_t value)
{
    memcpy((uint8_t *)wide + row * width, &value, width); /* little endian */
}

/* Numbers are widened to what they stand for where that is needed: for a unit, or for values that stand aside. */
static int pack_numbers(tn_pack *p, const char *id, const tn_column_data *c, tn_buf *wide, tn_error *err)
{
    const tn_big *big = c->first_big;
    uint64_t first = 0, rows;
    for (const tn_block *b = c->first; b; b = b->next, first += rows) {
        uint64_t any = 0;
        rows = rows_in(c, b);
        for (const tn_big *at = big; at && at->row < first + rows; at = at->next)
            any |= at->value;
        if (!any && c->unit == 1) {
            TN_TRY(tn_pack_column(p, id, b->data, c->width, rows, 0, err));
            continue;
        }
        unsigned width = any >> 32 ? 8 : any >> 16 || c->width == 2 ? 4 : 2;
        wide->size = 0;
        if (tn__buf_reserve(wide, rows * width) < 0)
            return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
        widen(b->data, c->width, c->unit, rows, width, wide->data);
        for (; big && big->row < first + rows; big = big->next)
            put_number(wide->data, width, big->row - first, big->value);
        TN_TRY(tn_pack_column(p, id, wide->data, width, rows, 0, err));
    }
    return 0;
}

static int pack_references(tn_pack *p, const char *id, const tn_column_data *c, unsigned transform, tn_buf *wide,
                           tn_error *err)
{
    for (const tn_block *b = c->first; b; b = b->next) {
        uint64_t rows = rows_in(c, b);
        wide->size = 0;
        if (tn__buf_reserve(wide, rows * 4) < 0)
            return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
        uint32_t *out = (uint32_t *)(void *)wide->data;
        for (uint64_t i = 0; i < rows; i++) {
            memcpy(&out[i], b->data + 3 * i, 4);
            out[i] &= 0xffffff;
        }
        TN_TRY(tn_pack_column(p, id, out, 4, rows, transform, err));
    }
    return 0;
}

static int pack_column(tn_pack *p, const tn_bundle *bundle, unsigned which, tn_buf *wide, tn_error *err)
{
    const tn_column_data *c = &bundle->columns[saved_columns[which].column];
    const char *id = saved_columns[which].id;
    unsigned transform = saved_columns[which].transform;
    if (c->width < 3)
        return pack_numbers(p, id, c, wide, err);
    if (c->width == 3)
        return pack_references(p, id, c, transform, wide, err);
    for (const tn_block *b = c->first; b; b = b->next)
        TN_TRY(tn_pack_column(p, id, b->data, c->width, rows_in(c, b), transform, err));
    return 0;
}

/* ---- previews ---- */

/* Reads a column of bytes on, across its blocks. */
typedef struct reading {
    const tn_column_data *column;
    const tn_block *block;
    uint64_t at;
} reading;

static inline void take_bytes(reading *r, uint8_t *out, uint64_t n)
{
    uint64_t block_bytes = (uint64_t)r->column->block_rows * r->column->width;
    if (!n) /* there may be no block */
        return;
    if (__builtin_expect(n <= 16 && r->at + 16 < block_bytes, 1)) { /* out has room for more than it is given */
        memcpy(out, r->block->data + r->at, 16);
        r->at += n;
        return;
    }
    while (n) {
        uint64_t part = block_bytes - r->at;
        part = part < n ? part : n;
        memcpy(out, r->block->data + r->at, part);
        out += part;
        n -= part;
        r->at += part;
        if (r->at == block_bytes) {
            r->block = r->block->next;
            r->at = 0;
        }
    }
}

enum { PREVIEW_ROWS = 16384, PREVIEW_BYTES = 1 << 20 };

/* One chunk being made: three columns and the bytes. */
typedef struct previews {
    uint32_t nodes[PREVIEW_ROWS], n;
    uint16_t kinds[PREVIEW_ROWS], lengths[PREVIEW_ROWS];
    size_t n_bytes;
    uint8_t bytes[PREVIEW_BYTES + TN_PREVIEW_MAX + 16];
} previews;

static int flush_previews(tn_pack *p, previews *v, tn_buf *out, tn_error *err)
{
    out->size = 0;
    if (tn__buf_append(out, v->nodes, v->n * 4) < 0 || tn__buf_append(out, v->kinds, v->n * 2) < 0 ||
        tn__buf_append(out, v->lengths, v->n * 2) < 0 || tn__buf_append(out, v->bytes, v->n_bytes) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    int status = tn_pack_table(p, "PREV", out->data, out->size, v->n, err);
    v->n = 0;
    v->n_bytes = 0;
    return status;
}

static void take_preview(previews *v, uint32_t node, reading *kinds, reading *bytes)
{
    uint16_t head;
    uint8_t heads[16];
    take_bytes(kinds, heads, sizeof head);
    memcpy(&head, heads, sizeof head);
    uint16_t kind = head >> TN_WALK_KIND_SHIFT, n = head & (TN_WALK_CUT - 1);
    uint8_t *out = v->bytes + v->n_bytes;
    take_bytes(bytes, out, n);
    if (kind == TN_PREVIEW_INT) {
        int64_t value;
        memcpy(&value, out, sizeof value);
        value = (int64_t)((uint64_t)value << (64 - 8 * n)) >> (64 - 8 * n);
        memcpy(out, &value, sizeof value);
        n = 8;
    }
    v->nodes[v->n] = node;
    v->kinds[v->n] = (uint16_t)(kind | (head & TN_WALK_CUT ? TN_PREVIEW_CUT : 0));
    v->lengths[v->n++] = n;
    v->n_bytes += n;
}

static int pack_previews(tn_pack *p, const tn_bundle *bundle, uint32_t first, previews *v, tn_buf *out, tn_error *err)
{
    const tn_column_data *kind = &bundle->columns[TN_WALK_PREV_KIND], *byte = &bundle->columns[TN_WALK_PREV_BYTES];
    reading kinds = {kind, kind->first, 0}, bytes = {byte, byte->first, 0};
    for (uint32_t i = 0; bundle->previews && i < TN_NODE_BLOCK / 64; i++)
        for (uint64_t left = bundle->previews[i]; left; left &= left - 1) {
            take_preview(v, first + i * 64 + (uint32_t)__builtin_ctzll(left), &kinds, &bytes);
            if (v->n == PREVIEW_ROWS || v->n_bytes > PREVIEW_BYTES)
                TN_TRY(flush_previews(p, v, out, err));
        }
    return v->n ? flush_previews(p, v, out, err) : 0;
}

/* ---- pieces, shared out ---- */

typedef struct saver {
    tn_walk *w;
    tn_writer *writer;
    tn_pack_piece pack;
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint32_t n, next, turn; /* piece to be packed, to be written */
    int status;             /* of the first failure */
    tn_error err;
} saver;

/* Index of a piece, or TN_NONE when there is no more to do. */
static uint32_t take(saver *s)
{
    pthread_mutex_lock(&s->lock);
    uint32_t index = s->status == 0 && s->next < s->n ? s->next++ : TN_NONE;
    pthread_mutex_unlock(&s->lock);
    return index;
}

static void fail(saver *s, int status, const tn_error *err)
{
    if (s->status == 0) {
        s->status = status;
        s->err = *err;
    }
}

/* Waits until the pieces before this one are written. */
static void write_in_turn(saver *s, uint32_t index, tn_pack *p, int status, tn_error *err)
{
    pthread_mutex_lock(&s->lock);
    while (s->turn != index && s->status == 0)
        pthread_cond_wait(&s->moved, &s->lock);
    if (status == 0 && s->status == 0)
        status = tn_writer_put(s->writer, p, err);
    if (status < 0)
        fail(s, status, err);
    s->turn++;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

static void save_some(void *ctx, uint32_t thread)
{
    saver *s = ctx;
    tn_error err = {0};
    tn_pack *p = NULL;
    int status = tn_pack_new(tn_writer_level(s->writer), s->w->alloc, &p, &err);
    for (uint32_t index; (index = take(s)) != TN_NONE;) {
        if (status == 0)
            status = s->pack(s->ctx, thread, index, p, &err);
        write_in_turn(s, index, p, status, &err);
    }
    tn_pack_free(p);
}

int tn_walk_write(tn_walk *w, tn_writer *writer, uint32_t n, tn_pack_piece pack, void *ctx, tn_error *err)
{
    saver s = {w, writer, pack, ctx, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, n, 0, 0, 0, {0}};
    tn_crew_run(n < w->n_threads ? n : w->n_threads, save_some, &s);
    if (s.status < 0 && err)
        *err = s.err;
    return s.status;
}

/* What a thread needs to pack bundles. */
typedef struct bench {
    previews *previews;
    tn_buf scratch;
} bench;

typedef struct bundles {
    tn_walk *w;
    bench benches[TN_MAX_THREADS];
} bundles;

static int pack_bundle(void *ctx, uint32_t thread, uint32_t index, tn_pack *p, tn_error *err)
{
    bundles *all = ctx;
    bench *b = &all->benches[thread];
    const tn_bundle *bundle = &all->w->reg->bundles[index];
    if (!b->previews) {
        tn__buf_init(&b->scratch, all->w->alloc);
        b->previews = tn__alloc(all->w->alloc, sizeof *b->previews);
        if (!b->previews)
            return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    }
    b->previews->n = 0;
    b->previews->n_bytes = 0;
    for (unsigned i = 0; i < sizeof saved_columns / sizeof *saved_columns; i++)
        TN_TRY(pack_column(p, bundle, i, &b->scratch, err));
    return pack_previews(p, bundle, index * TN_NODE_BLOCK, b->previews, &b->scratch, err);
}

static int save_bundles(tn_walk *w, tn_writer *writer, tn_error *err)
{
    bundles all = {.w = w};
    int status = tn_walk_write(w, writer, w->reg->n_bundles, pack_bundle, &all, err);
    for (unsigned i = 0; i < TN_MAX_THREADS; i++) {
        if (!all.benches[i].previews)
            continue;
        tn__buf_free(&all.benches[i].scratch);
        tn__free(w->alloc, all.benches[i].previews, sizeof *all.benches[i].previews);
    }
    return status;
}

int tn_walk_save(tn_walk *w, tn_writer *writer, tn_error *err)
{
    TN_TRY(tn__types_save(w, writer, err));
    TN_TRY(save_addresses(w, writer, err));
    TN_TRY(save_bundles(w, writer, err));
    TN_TRY(tn__search_save(w, writer, err));
    tn__bundles_free(w); /* before the ledger is read: what is left of the capture should be little */
    return tn__calltree_save(w, writer, err);
}
