/* pack.c - chunks on their way into a file: narrowed, transformed, compressed, one after another in a buffer. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "snapshot/writer.h"

#include <string.h>

struct tn_pack {
    const tn_alloc *alloc;
    ZSTD_CCtx *zstd;
    tn_buf chunks, scratch; /* chunks: header, stored bytes, zeros up to a multiple of 8 */
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

int tn_pack_new(int level, const tn_alloc *alloc, tn_pack **out, tn_error *err)
{
    ZSTD_customMem memory = {zstd_alloc, zstd_free, (void *)(uintptr_t)alloc};
    tn_pack *p = tn__alloc_zero(alloc, sizeof *p);
    if (p) {
        p->alloc = alloc;
        tn__buf_init(&p->chunks, alloc);
        tn__buf_init(&p->scratch, alloc);
        p->zstd = ZSTD_createCCtx_advanced(memory);
    }
    if (!p || !p->zstd) {
        tn_pack_free(p);
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    }
    ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, level);
    *out = p;
    return 0;
}

void tn_pack_free(tn_pack *p)
{
    if (!p)
        return;
    ZSTD_freeCCtx(p->zstd);
    tn__buf_free(&p->chunks);
    tn__buf_free(&p->scratch);
    tn__free(p->alloc, p, sizeof *p);
}

uint8_t *tn_pack_bytes(tn_pack *p, size_t *n)
{
    *n = p->chunks.size;
    return p->chunks.data;
}

void tn_pack_clear(tn_pack *p)
{
    p->chunks.size = 0;
}

/* Compresses where that gains an eighth, so that incompressible columns cost no time to read. */
static int store(tn_pack *p, tn_chunk_header *h, const void *payload, uint8_t *out, size_t room, tn_error *err)
{
    h->stored_bytes = h->raw_bytes;
    if (h->raw_bytes >= 64) {
        size_t got = ZSTD_compress2(p->zstd, out, room, payload, h->raw_bytes);
        if (ZSTD_isError(got))
            return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
        if (got < h->raw_bytes - h->raw_bytes / 8) {
            h->compression = 1;
            h->stored_bytes = got;
            return 0;
        }
    }
    if (h->raw_bytes)
        memcpy(out, payload, h->raw_bytes);
    return 0;
}

static int add_chunk(tn_pack *p, tn_chunk_header *h, const void *payload, tn_error *err)
{
    if (h->raw_bytes > TN_CHUNK_MAX_RAW)
        return tn__error_set(err, TN_ELIMIT, 0, "a chunk %.4s of %llu bytes is more than the format allows", h->id,
                             (unsigned long long)h->raw_bytes);
    size_t room = ZSTD_compressBound(h->raw_bytes);
    if (tn__buf_reserve(&p->chunks, sizeof *h + room + 8) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    uint8_t *at = p->chunks.data + p->chunks.size;
    h->version = 1;
    TN_TRY(store(p, h, payload, at + sizeof *h, room, err));
    memcpy(at, h, sizeof *h);
    memset(at + sizeof *h + h->stored_bytes, 0, -h->stored_bytes & 7);
    p->chunks.size += sizeof *h + ((h->stored_bytes + 7) & ~7ull);
    return 0;
}

int tn_pack_table(tn_pack *p, const char *id, const void *payload, size_t raw_bytes, uint64_t n_rows, tn_error *err)
{
    tn_chunk_header h = {.n_rows = n_rows, .raw_bytes = raw_bytes};
    memcpy(h.id, id, 4);
    return add_chunk(p, &h, payload, err);
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

int tn_pack_column(tn_pack *p, const char *id, void *values, unsigned in_width, uint64_t n_rows, unsigned transform,
                   tn_error *err)
{
    uint64_t bits = bits_of(values, in_width, n_rows);
    unsigned width = bits >> 32 ? 8 : bits >> 16 ? 4 : bits >> 8 ? 2 : 1;
    if (width < in_width)
        narrow(values, in_width, width, n_rows);
    tn_chunk_header h = {.n_rows = n_rows, .raw_bytes = n_rows * width, .width = (uint8_t)width};
    memcpy(h.id, id, 4);
    if (transform & TN_TRANSFORM_DELTA)
        delta(values, width, n_rows);
    if (width == 1)
        transform &= ~(unsigned)TN_TRANSFORM_PLANES;
    h.transform = (uint8_t)transform;
    if (transform & TN_TRANSFORM_PLANES) {
        p->scratch.size = 0;
        if (tn__buf_reserve(&p->scratch, n_rows * width) < 0)
            return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
        planes(values, width, n_rows, p->scratch.data);
        values = p->scratch.data;
    }
    return add_chunk(p, &h, values, err);
}
