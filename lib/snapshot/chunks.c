/* chunks.c - the bytes of one chunk: read, verified, decompressed, decoded. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "snapshot/snapshot.h"

#include <stdarg.h>
#include <string.h>

/* ---- errors ---- */

int tn__corrupt(tn_error *err, uint64_t offset, const char *format, ...)
{
    char what[180];
    va_list args;
    va_start(args, format);
    tn__compose_list(what, sizeof what, format, args);
    va_end(args);
    return tn__error_set(err, TN_ECORRUPT, offset, "corrupt snapshot: %s", what);
}

int tn__no_memory(const tn_snapshot *s, tn_error *err)
{
    char limit[24];
    if (s->limited)
        return tn__error_set(err, TN_ELIMIT, 0, "the snapshot needs more memory than the limit of %s: raise it",
                             tn_format_bytes(s->max_memory_bytes, limit, sizeof limit));
    return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_READ);
}

int tn__memory_told(const tn_snapshot *s, int status, tn_error *err)
{
    return status == TN_ENOMEM ? tn__no_memory(s, err) : status;
}

/* ---- memory ---- */

static void *limited_realloc(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    tn_snapshot *s = ctx;
    if (new_bytes > old_bytes && s->max_memory_bytes && new_bytes - old_bytes > s->max_memory_bytes - s->memory_bytes) {
        s->limited = true;
        return NULL;
    }
    void *q = s->base->realloc(s->base->ctx, p, old_bytes, new_bytes);
    if (q || new_bytes == 0)
        s->memory_bytes += new_bytes - old_bytes;
    return q;
}

void tn__memory_init(tn_snapshot *s, const tn_alloc *base, uint64_t max_bytes)
{
    s->base = base;
    s->alloc = (tn_alloc){limited_realloc, s};
    s->max_memory_bytes = max_bytes;
}

/* zstd frees without telling sizes, so they stand before each piece. */
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
    if (address) {
        size_t *p = (size_t *)address - 2;
        tn__free(ctx, p, *p + 16);
    }
}

int tn__chunk_reader_init(tn_snapshot *s, tn_error *err)
{
    ZSTD_customMem memory = {zstd_alloc, zstd_free, &s->alloc};
    s->zstd = ZSTD_createDCtx_advanced(memory);
    return s->zstd ? 0 : tn__no_memory(s, err);
}

/* Old content is not kept, so nothing is copied. The eight bytes more let loops read whole words at the end. */
static int buffer_fit(tn_snapshot *s, tn_block_buffer *b, size_t bytes, tn_error *err)
{
    if (b->capacity >= bytes + 8)
        return 0;
    tn__free(&s->alloc, b->data, b->capacity);
    b->capacity = (bytes + 8 + 0xffff) & ~(size_t)0xffff;
    b->data = tn__alloc(&s->alloc, b->capacity);
    if (b->data)
        return 0;
    b->capacity = 0;
    return tn__no_memory(s, err);
}

static void buffer_free(tn_snapshot *s, tn_block_buffer *b)
{
    tn__free(&s->alloc, b->data, b->capacity);
    *b = (tn_block_buffer){0};
}

void tn__blocks_free(tn_snapshot *s)
{
    buffer_free(s, &s->stored);
    buffer_free(s, &s->planes);
    for (unsigned i = 0; i < TN_SLOTS; i++)
        buffer_free(s, &s->slots[i]);
}

void tn__chunk_reader_free(tn_snapshot *s)
{
    tn__blocks_free(s);
    ZSTD_freeDCtx(s->zstd);
}

/* ---- bytes ---- */

int tn__snapshot_read(tn_snapshot *s, uint64_t offset, void *out, size_t n, tn_error *err)
{
    if (offset > s->file_bytes || n > s->file_bytes - offset)
        return tn__error_set(err, TN_ETRUNCATED, offset, "truncated snapshot: it ends at byte %llu",
                             (unsigned long long)s->file_bytes);
    if (s->fd >= 0)
        return tn__sys_read_at(s->fd, offset, out, n, err);
    if (n)
        memcpy(out, s->memory + offset, n);
    return 0;
}

/* In a fuzzer's build every hash is right: otherwise no input would come past it. */
bool tn__same_hash(uint64_t stored, uint64_t computed)
{
#ifdef TN_FUZZING
    (void)stored;
    (void)computed;
    return true;
#else
    return stored == computed;
#endif
}

bool tn__hash_is(uint64_t stored, const void *bytes, size_t n)
{
    return tn__same_hash(stored, XXH3_64bits(bytes, n));
}

uint64_t tn__snapshot_identity(const tn_snapshot *s)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (size_t i = 0; i < s->n_chunks; i++)
        XXH3_64bits_update(&state, &s->chunks[i].h, sizeof s->chunks[i].h);
    return XXH3_64bits_digest(&state);
}

static bool payload_is_sound(const tn_chunk_header *h, const uint8_t *stored)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, h, offsetof(tn_chunk_header, hash));
    XXH3_64bits_update(&state, stored, h->stored_bytes);
    return tn__same_hash(h->hash, XXH3_64bits_digest(&state));
}

/* ---- decoding ---- */

static int unpack(tn_snapshot *s, const tn_chunk *c, const uint8_t *stored, uint8_t *out, tn_error *err)
{
    size_t n = ZSTD_findFrameCompressedSize(stored, c->h.stored_bytes);
    if (!ZSTD_isError(n) && n == c->h.stored_bytes)
        n = ZSTD_decompressDCtx(s->zstd, out, c->h.raw_bytes, stored, c->h.stored_bytes);
    else
        n = SIZE_MAX; /* not one frame */
    if (n == c->h.raw_bytes)
        return 0;
    return tn__corrupt(err, c->offset, "chunk %.4s at byte %llu does not decompress to the %llu bytes it announces",
                       c->h.id, (unsigned long long)c->offset, (unsigned long long)c->h.raw_bytes);
}

/* One loop a width, so that the compiler makes vectors of them. */
static void join_planes(const uint8_t *in, unsigned width, size_t n, void *out)
{
    if (width == 2) {
        const uint8_t *restrict a = in, *restrict b = in + n;
        uint16_t *restrict v = out;
        for (size_t i = 0; i < n; i++)
            v[i] = (uint16_t)(a[i] | b[i] << 8);
    } else if (width == 4) {
        const uint8_t *restrict a = in, *restrict b = in + n, *restrict c = in + 2 * n, *restrict d = in + 3 * n;
        uint32_t *restrict v = out;
        for (size_t i = 0; i < n; i++)
            v[i] = a[i] | (uint32_t)b[i] << 8 | (uint32_t)c[i] << 16 | (uint32_t)d[i] << 24;
    } else {
        uint64_t *restrict v = out;
        memset(v, 0, n * sizeof *v);
        for (unsigned p = 0; p < 8; p++)
            for (size_t i = 0; i < n; i++)
                v[i] |= (uint64_t)in[p * n + i] << 8 * p;
    }
}

static void sum_deltas(void *values, unsigned width, size_t n)
{
    uint8_t *one = values;
    uint16_t *two = values;
    uint32_t *four = values;
    uint64_t *eight = values;
    switch (width) {
    case 1:
        for (size_t i = 1; i < n; i++)
            one[i] = (uint8_t)(one[i] + one[i - 1]);
        break;
    case 2:
        for (size_t i = 1; i < n; i++)
            two[i] = (uint16_t)(two[i] + two[i - 1]);
        break;
    case 4:
        for (size_t i = 1; i < n; i++)
            four[i] += four[i - 1];
        break;
    default:
        for (size_t i = 1; i < n; i++)
            eight[i] += eight[i - 1];
    }
}

/* Where the payload is wanted: in the slot, unless planes are to be joined into it. */
static int decode(tn_snapshot *s, const tn_chunk *c, const uint8_t *stored, unsigned slot, const uint8_t **out,
                  tn_error *err)
{
    bool joined = c->h.transform & TN_TRANSFORM_PLANES && c->h.width > 1;
    tn_block_buffer *into = &s->slots[slot], *raw = joined ? &s->planes : into;
    const uint8_t *data = stored;
    TN_TRY(buffer_fit(s, into, c->h.raw_bytes, err));
    if (c->h.compression) {
        TN_TRY(buffer_fit(s, raw, c->h.raw_bytes, err));
        TN_TRY(unpack(s, c, stored, raw->data, err));
        data = raw->data;
    }
    if (joined)
        join_planes(data, c->h.width, c->h.n_rows, into->data);
    else if (data != into->data && c->h.raw_bytes)
        memcpy(into->data, data, c->h.raw_bytes);
    if (c->h.transform & TN_TRANSFORM_DELTA)
        sum_deltas(into->data, c->h.width, c->h.n_rows);
    *out = into->data;
    return 0;
}

int tn__chunk_load(tn_snapshot *s, const tn_chunk *c, unsigned slot, const uint8_t **payload, tn_error *err)
{
    const uint8_t *stored;
    uint64_t at = c->offset + sizeof c->h;
    bool plain = !c->h.compression && !(c->h.transform & TN_TRANSFORM_PLANES);
    if (s->fd < 0) {
        stored = s->memory + at;
    } else {
        tn_block_buffer *into = plain ? &s->slots[slot] : &s->stored;
        TN_TRY(buffer_fit(s, into, c->h.stored_bytes, err));
        TN_TRY(tn__snapshot_read(s, at, into->data, c->h.stored_bytes, err));
        stored = into->data;
    }
    if (!payload_is_sound(&c->h, stored))
        return tn__corrupt(err, c->offset, "the checksum of chunk %.4s at byte %llu is wrong", c->h.id,
                           (unsigned long long)c->offset);
    if (c->id == TN_ID_OTHER)
        return 0; /* nothing more is known of it */
    return decode(s, c, stored, slot, payload, err);
}
