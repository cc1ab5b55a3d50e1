/* writer.c - see writer.h. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "snapshot/writer.h"

#include <assert.h>
#include <string.h>

enum { MAX_IDS = 32, PATH_BYTES = 4096 };

struct tn_writer {
    const tn_alloc *alloc;
    int fd;
    bool owns_fd, force;
    char path[PATH_BYTES], temp[PATH_BYTES];
    uint64_t bytes;
    ZSTD_CCtx *zstd;
    int level;
    tn_buf packed, scratch, toc;
    struct {
        char id[4];
        uint64_t rows;
    } ids[MAX_IDS];
    unsigned n_ids;
};

/* ---- zstd's memory: it frees without telling sizes, so they stand before each piece ---- */

static void *zstd_alloc(void *ctx, size_t bytes)
{
    size_t *p = tn__alloc(ctx, bytes + 16);
    if (!p)
        return NULL;
    *p = bytes;
    return p + 2;
}

static void zstd_free(void *ctx, void *address)
{
    size_t *p = (size_t *)address - 2;
    if (address)
        tn__free(ctx, p, *p + 16);
}

/* ---- opening ---- */

static int put(tn_writer *w, const void *bytes, size_t n, tn_error *err)
{
    TN_TRY(tn__sys_write(w->fd, bytes, n, err));
    w->bytes += n;
    return 0;
}

static int begin(tn_writer *w, tn_error *err)
{
    tn_file_header h = {.major = TN_FILE_MAJOR, .minor = TN_FILE_MINOR};
    ZSTD_customMem memory = {zstd_alloc, zstd_free, (void *)(uintptr_t)w->alloc};
    memcpy(h.magic, TN_FILE_MAGIC, sizeof h.magic);
    h.hash = XXH3_64bits(&h, offsetof(tn_file_header, hash));
    w->zstd = ZSTD_createCCtx_advanced(memory);
    if (!w->zstd)
        return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to write the snapshot");
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, w->level);
    return put(w, &h, sizeof h, err);
}

static tn_writer *writer_new(int level, const tn_alloc *alloc, tn_error *err)
{
    tn_writer *w = tn__alloc_zero(alloc, sizeof *w);
    if (!w) {
        tn__error_set(err, TN_ENOMEM, 0, "not enough memory to write the snapshot");
        return NULL;
    }
    w->alloc = alloc;
    w->level = level;
    w->fd = -1;
    tn__buf_init(&w->packed, alloc);
    tn__buf_init(&w->scratch, alloc);
    tn__buf_init(&w->toc, alloc);
    return w;
}

int tn_writer_open(const char *path, bool force, int level, const tn_alloc *alloc, tn_writer **out, tn_error *err)
{
    size_t n = strlen(path);
    if (n + 64 > PATH_BYTES)
        return tn__error_set(err, TN_EINVAL, 0, "the path of the snapshot is too long");
    if (!force && tn__sys_exists(path))
        return tn__error_set(err, TN_EEXIST, 0, "%s exists: choose another name, or force to replace it", path);
    tn_writer *w = writer_new(level, alloc, err);
    if (!w)
        return TN_ENOMEM;
    memcpy(w->path, path, n + 1);
    w->force = force;
    int status = tn__sys_create_beside(path, w->temp, sizeof w->temp, &w->fd, err);
    w->owns_fd = status == 0;
    if (status == 0)
        status = begin(w, err);
    if (status < 0)
        tn_writer_abort(w);
    else
        *out = w;
    return status;
}

int tn_writer_open_fd(int fd, int level, const tn_alloc *alloc, tn_writer **out, tn_error *err)
{
    tn_writer *w = writer_new(level, alloc, err);
    if (!w)
        return TN_ENOMEM;
    w->fd = fd;
    int status = begin(w, err);
    if (status < 0)
        tn_writer_abort(w);
    else
        *out = w;
    return status;
}

/* ---- chunks ---- */

static uint64_t *rows_of(tn_writer *w, const char *id)
{
    for (unsigned i = 0; i < w->n_ids; i++)
        if (memcmp(w->ids[i].id, id, 4) == 0)
            return &w->ids[i].rows;
    assert(w->n_ids < MAX_IDS);
    memcpy(w->ids[w->n_ids].id, id, 4);
    return &w->ids[w->n_ids++].rows;
}

/* Compresses where that gains an eighth, so that incompressible columns cost no time to read. */
static int pack(tn_writer *w, const void *payload, size_t raw, const void **stored, size_t *n, tn_error *err)
{
    *stored = payload;
    *n = raw;
    if (raw < 64)
        return 0;
    w->packed.size = 0;
    if (tn__buf_reserve(&w->packed, ZSTD_compressBound(raw)) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to write the snapshot");
    size_t got = ZSTD_compress2(w->zstd, w->packed.data, w->packed.capacity, payload, raw);
    if (ZSTD_isError(got))
        return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to compress the snapshot");
    if (got < raw - raw / 8) {
        *stored = w->packed.data;
        *n = got;
    }
    return 0;
}

static int write_chunk(tn_writer *w, tn_chunk_header *h, const void *payload, tn_error *err)
{
    static const uint8_t zeros[8];
    const void *stored;
    size_t n;
    XXH3_state_t state;
    if (h->raw_bytes > TN_CHUNK_MAX_RAW)
        return tn__error_set(err, TN_ELIMIT, 0, "a chunk %.4s of %llu bytes is more than the format allows", h->id,
                             (unsigned long long)h->raw_bytes);
    TN_TRY(pack(w, payload, h->raw_bytes, &stored, &n, err));
    h->version = 1;
    h->compression = stored != payload;
    h->stored_bytes = n;
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, h, offsetof(tn_chunk_header, hash));
    XXH3_64bits_update(&state, stored, n);
    h->hash = XXH3_64bits_digest(&state);
    tn_toc_row row = {.offset = w->bytes, .first_row = h->first_row, .n_rows = h->n_rows};
    memcpy(row.id, h->id, 4);
    if (payload != w->toc.data && tn__buf_append(&w->toc, &row, sizeof row) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to write the snapshot");
    TN_TRY(put(w, h, sizeof *h, err));
    TN_TRY(put(w, stored, n, err));
    return put(w, zeros, -n & 7, err);
}

static tn_chunk_header header_of(tn_writer *w, const char *id, uint64_t n_rows, uint64_t raw_bytes)
{
    uint64_t *rows = rows_of(w, id);
    tn_chunk_header h = {.first_row = *rows, .n_rows = n_rows, .raw_bytes = raw_bytes};
    memcpy(h.id, id, 4);
    *rows += n_rows;
    return h;
}

int tn_writer_table(tn_writer *w, const char *id, const void *payload, size_t raw_bytes, uint64_t n_rows, tn_error *err)
{
    tn_chunk_header h = header_of(w, id, n_rows, raw_bytes);
    return write_chunk(w, &h, payload, err);
}

/* ---- columns ---- */

/* One loop a width, so that the compiler makes vectors of them. */
#define FOR_WIDTH(width, body)    \
    switch (width) {              \
    case 1: {                     \
        typedef uint8_t element;  \
        body                      \
    } break;                      \
    case 2: {                     \
        typedef uint16_t element; \
        body                      \
    } break;                      \
    case 4: {                     \
        typedef uint32_t element; \
        body                      \
    } break;                      \
    default: {                    \
        typedef uint64_t element; \
        body                      \
    } break;                      \
    }

/* Every bit that occurs: enough to know the width. */
static uint64_t bits_of(const void *values, unsigned width, uint64_t n)
{
    uint64_t any = 0;
    FOR_WIDTH(width, {
        const element *v = values;
        element seen = 0;
        for (uint64_t i = 0; i < n; i++)
            seen |= v[i];
        any = seen;
    })
    return any;
}

/* In place, front to back: a narrower element never overtakes a wider one. */
static void narrow(void *values, unsigned from, unsigned to, uint64_t n)
{
    uint8_t *bytes = values;
    FOR_WIDTH(to, {
        for (uint64_t i = 0; i < n; i++) {
            element v;
            memcpy(&v, bytes + i * from, sizeof v);
            memcpy(bytes + i * sizeof v, &v, sizeof v);
        }
    })
}

static void delta(void *values, unsigned width, uint64_t n)
{
    FOR_WIDTH(width, {
        element *v = values;
        for (uint64_t i = n; i-- > 1;)
            v[i] = (element)(v[i] - v[i - 1]);
    })
}

/* Byte p of every element into plane p. */
static void planes(const void *values, unsigned width, uint64_t n, uint8_t *restrict out)
{
    FOR_WIDTH(width, {
        const element *restrict v = values;
        for (unsigned p = 0; p < sizeof *v; p++)
            for (uint64_t i = 0; i < n; i++)
                out[p * n + i] = (uint8_t)(v[i] >> 8 * p);
    })
}

static bool is_node_column(const char *id)
{
    return !memcmp(id, "SHAP", 4) || !memcmp(id, "SIZE", 4) || !memcmp(id, "REFC", 4) || !memcmp(id, "FLAG", 4);
}

int tn_writer_column(tn_writer *w, const char *id, void *values, unsigned in_width, uint64_t n_rows, unsigned transform,
                     tn_error *err)
{
    uint64_t bits = bits_of(values, in_width, n_rows);
    unsigned width = bits >> 32 ? 8 : bits >> 16 ? 4 : bits >> 8 ? 2 : 1;
    if (width < in_width)
        narrow(values, in_width, width, n_rows);
    tn_chunk_header h = header_of(w, id, n_rows, n_rows * width);
    if (is_node_column(id) && (h.first_row % TN_NODE_BLOCK || n_rows > TN_NODE_BLOCK))
        return tn__error_set(err, TN_EINVAL, 0, "column %s must be cut every %d nodes", id, TN_NODE_BLOCK);
    h.width = (uint8_t)width;
    if (transform & TN_TRANSFORM_DELTA)
        delta(values, width, n_rows);
    if (width == 1)
        transform &= ~(unsigned)TN_TRANSFORM_PLANES;
    h.transform = (uint8_t)transform;
    if (transform & TN_TRANSFORM_PLANES) {
        w->scratch.size = 0;
        if (tn__buf_reserve(&w->scratch, n_rows * width) < 0)
            return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to write the snapshot");
        planes(values, width, n_rows, w->scratch.data);
        values = w->scratch.data;
    }
    return write_chunk(w, &h, values, err);
}

/* ---- strings ---- */

static int write_strings(tn_writer *w, const tn_strtab *tab, uint32_t first, uint32_t end, tn_error *err)
{
    const uint32_t *starts = (const uint32_t *)(const void *)tab->offsets.data;
    size_t lengths_bytes = 4 * (size_t)(end - first);
    w->scratch.size = 0;
    int status = tn__buf_reserve(&w->scratch, lengths_bytes + starts[end] - starts[first]);
    w->scratch.size = lengths_bytes;
    for (uint32_t i = first; i < end && status == 0; i++) {
        size_t before = w->scratch.size;
        status = tn__utf8_append(&w->scratch, tab->bytes.data + starts[i], starts[i + 1] - starts[i]);
        if (status == 0)
            memcpy(w->scratch.data + 4 * (size_t)(i - first), &(uint32_t){(uint32_t)(w->scratch.size - before)}, 4);
    }
    if (status < 0) {
        w->scratch.size = 0;
        return tn__error_set(err, status, 0, "not enough memory to write the snapshot");
    }
    return tn_writer_table(w, "STRS", w->scratch.data, w->scratch.size, end - first, err);
}

int tn_writer_strings(tn_writer *w, const tn_strtab *tab, tn_error *err)
{
    enum { ENOUGH = 4 << 20 };
    const uint32_t *starts = (const uint32_t *)(const void *)tab->offsets.data;
    uint32_t first = 0;
    for (uint32_t i = 0; i < tab->count; i++)
        if (starts[i + 1] - starts[first] + 4 * (uint64_t)(i - first) > ENOUGH && i > first) {
            TN_TRY(write_strings(w, tab, first, i, err));
            first = i;
        }
    return write_strings(w, tab, first, tab->count, err);
}

uint64_t tn_writer_bytes(const tn_writer *w)
{
    return w->bytes;
}

/* ---- the end ---- */

static int finish(tn_writer *w, tn_error *err)
{
    tn_file_trailer t = {.toc_offset = w->bytes};
    tn_chunk_header h = header_of(w, "TOC ", w->toc.size / sizeof(tn_toc_row), w->toc.size);
    if (w->toc.size > TN_CHUNK_MAX_RAW)
        return tn__error_set(err, TN_ELIMIT, 0, "the snapshot has too many chunks");
    TN_TRY(write_chunk(w, &h, w->toc.data, err));
    t.file_bytes = w->bytes + sizeof t;
    t.hash = XXH3_64bits(&t, offsetof(tn_file_trailer, hash));
    memcpy(t.magic, TN_FILE_END, sizeof t.magic);
    TN_TRY(put(w, &t, sizeof t, err));
    return w->owns_fd ? tn__sys_publish(w->fd, w->temp, w->path, w->force, err) : 0;
}

static void writer_free(tn_writer *w)
{
    const tn_alloc *alloc = w->alloc;
    ZSTD_freeCCtx(w->zstd);
    tn__buf_free(&w->packed);
    tn__buf_free(&w->scratch);
    tn__buf_free(&w->toc);
    if (w->owns_fd)
        tn__sys_close(w->fd);
    tn__free(alloc, w, sizeof *w);
}

int tn_writer_commit(tn_writer *w, tn_error *err)
{
    int status = finish(w, err);
    if (status < 0)
        tn_writer_abort(w);
    else
        writer_free(w);
    return status;
}

void tn_writer_abort(tn_writer *w)
{
    if (!w)
        return;
    if (w->owns_fd)
        tn__sys_unlink(w->temp);
    writer_free(w);
}
