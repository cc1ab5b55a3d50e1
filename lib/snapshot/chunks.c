/* chunks.c - opens a file and yields the payload of its chunks. Trusts nothing: every number is checked against the size of
 * the file before memory is taken for it.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "snapshot/snapshot.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tn__corrupt(tn_error *err, uint64_t offset, const char *format, ...)
{
    char what[160];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return tn__error_set(err, TN_ECORRUPT, offset, "corrupt snapshot: %s", what);
}

int tn__no_memory(const tn_snapshot *s, tn_error *err)
{
    if (s->bytes_max && s->bytes_now >= s->bytes_max / 2)
        return tn__error_set(err, TN_ELIMIT, 0, "the snapshot needs more memory than the limit of %llu MiB allows",
                             (unsigned long long)(s->bytes_max >> 20));
    return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to read the snapshot");
}

/* ---- memory ---- */

static void *limited_realloc(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    tn_snapshot *s = ctx;
    if (new_bytes > old_bytes && s->bytes_max && new_bytes - old_bytes > s->bytes_max - s->bytes_now) {
        s->bytes_now = s->bytes_max; /* remembered: the message names the limit */
        return NULL;
    }
    void *q = s->base->realloc(s->base->ctx, p, old_bytes, new_bytes);
    if (q || new_bytes == 0)
        s->bytes_now += new_bytes - old_bytes;
    return q;
}

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

/* ---- bytes ---- */

static int read_at(tn_snapshot *s, uint64_t offset, void *out, size_t n, tn_error *err)
{
    if (offset > s->file_bytes || n > s->file_bytes - offset)
        return tn__error_set(err, TN_ETRUNCATED, offset, "truncated snapshot: it ends at byte %llu",
                             (unsigned long long)s->file_bytes);
    if (s->fd >= 0)
        return tn__sys_read_at(s->fd, offset, out, n, err);
    memcpy(out, s->memory + offset, n);
    return 0;
}

/* A changed byte is harmless to a fuzzer's build: otherwise no input would come past this line. */
static bool hash_is(uint64_t stored, uint64_t computed)
{
#ifdef TN_FUZZING
    (void)stored;
    (void)computed;
    return true;
#else
    return stored == computed;
#endif
}

/* ---- container ---- */

static int read_header(tn_snapshot *s, tn_error *err)
{
    tn_file_header h;
    if (s->file_bytes == 0)
        return tn__error_set(err, TN_EFORMAT, 0, "the file is empty: not a tonnage snapshot");
    if (s->file_bytes < sizeof h) {
        char magic[8] = "";
        size_t n = s->file_bytes < 8 ? (size_t)s->file_bytes : 8;
        TN_TRY(read_at(s, 0, magic, n, err));
        if (memcmp(magic, TN_FILE_MAGIC, n) == 0)
            return tn__error_set(err, TN_ETRUNCATED, s->file_bytes, "truncated snapshot: it ends inside its header");
        return tn__error_set(err, TN_EFORMAT, 0, "not a tonnage snapshot: it does not begin like one");
    }
    TN_TRY(read_at(s, 0, &h, sizeof h, err));
    if (memcmp(h.magic, TN_FILE_MAGIC, sizeof h.magic) != 0)
        return tn__error_set(err, TN_EFORMAT, 0, "not a tonnage snapshot: it does not begin like one");
    if (!hash_is(h.hash, XXH3_64bits(&h, offsetof(tn_file_header, hash))))
        return tn__corrupt(err, 0, "its header's checksum is wrong");
    if (h.major != TN_FILE_MAJOR)
        return tn__error_set(err, TN_EVERSION, 8, "snapshot format %u.%u is not supported: this tonnage reads %u.x",
                             h.major, h.minor, TN_FILE_MAJOR);
    if (h.zero || h.zero2)
        return tn__corrupt(err, 12, "reserved bytes of its header are set");
    return 0;
}

static int check_chunk_header(const tn_chunk_header *h, uint64_t offset, uint64_t end, tn_error *err)
{
    if (h->stored_bytes > end - offset - sizeof *h || h->raw_bytes > TN_CHUNK_MAX_RAW || h->compression > 1 ||
        h->transform > 3 || (h->compression == 0 && h->stored_bytes != h->raw_bytes) ||
        h->n_rows > UINT64_MAX - h->first_row)
        return tn__corrupt(err, offset, "the header of a chunk at byte %llu is not possible", (unsigned long long)offset);
    for (unsigned i = 0; i < 4; i++)
        if (h->id[i] < 32 || h->id[i] > 126)
            return tn__corrupt(err, offset, "there is no chunk at byte %llu", (unsigned long long)offset);
    return 0;
}

static int add_chunk(tn_snapshot *s, const tn_chunk_header *h, uint64_t offset, tn_error *err)
{
    if (s->n_chunks == s->chunk_capacity) {
        size_t capacity = s->chunk_capacity ? 2 * s->chunk_capacity : 64;
        tn_chunk *chunks = tn__realloc(&s->alloc, s->chunks, s->chunk_capacity * sizeof *chunks, capacity * sizeof *chunks);
        if (!chunks)
            return tn__no_memory(s, err);
        s->chunks = chunks;
        s->chunk_capacity = capacity;
    }
    s->chunks[s->n_chunks++] = (tn_chunk){*h, offset};
    return 0;
}

static uint64_t padded(uint64_t bytes)
{
    return (bytes + 7) & ~7ull;
}

/* Walks headers from byte 32 to end; whole: every byte must belong to a chunk. */
static int walk_chunks(tn_snapshot *s, uint64_t end, bool whole, tn_error *err)
{
    uint64_t at = sizeof(tn_file_header);
    while (at < end) {
        tn_chunk_header h;
        int status = end - at < sizeof h ? TN_ETRUNCATED : read_at(s, at, &h, sizeof h, err);
        if (status == 0)
            status = check_chunk_header(&h, at, end, err);
        if (status == 0 && padded(h.stored_bytes) > end - at - sizeof h)
            status = TN_ETRUNCATED;
        if (status < 0 && !whole && status != TN_ENOMEM && status != TN_EIO)
            return 0; /* what comes is not whole */
        if (status < 0)
            return status == TN_ETRUNCATED ? tn__corrupt(err, at, "a chunk runs into the table of contents") : status;
        TN_TRY(add_chunk(s, &h, at, err));
        at += sizeof h + padded(h.stored_bytes);
    }
    return 0;
}

static int read_toc(tn_snapshot *s, const tn_file_trailer *t, tn_error *err)
{
    uint64_t end = s->file_bytes - sizeof *t;
    tn_chunk toc = {.offset = t->toc_offset};
    if (t->toc_offset < sizeof(tn_file_header) || t->toc_offset > end || end - t->toc_offset < sizeof toc.h)
        return tn__corrupt(err, s->file_bytes - sizeof *t, "its trailer points outside the file");
    TN_TRY(read_at(s, t->toc_offset, &toc.h, sizeof toc.h, err));
    TN_TRY(check_chunk_header(&toc.h, t->toc_offset, end, err));
    if (memcmp(toc.h.id, "TOC ", 4) != 0 || toc.h.n_rows > TN_CHUNK_MAX_RAW / sizeof(tn_toc_row) ||
        toc.h.raw_bytes != toc.h.n_rows * sizeof(tn_toc_row) ||
        t->toc_offset + sizeof toc.h + padded(toc.h.stored_bytes) != end)
        return tn__corrupt(err, t->toc_offset, "its table of contents is not where its trailer says");
    TN_TRY(walk_chunks(s, t->toc_offset, true, err));
    TN_TRY(tn__chunk_payload(s, &toc, &s->slots[4], err));
    const tn_toc_row *rows = (const tn_toc_row *)(const void *)s->slots[4].data;
    bool same = toc.h.n_rows == s->n_chunks;
    for (size_t i = 0; same && i < s->n_chunks; i++)
        same = rows[i].offset == s->chunks[i].offset && memcmp(rows[i].id, s->chunks[i].h.id, 4) == 0 &&
               rows[i].first_row == s->chunks[i].h.first_row && rows[i].n_rows == s->chunks[i].h.n_rows;
    return same ? 0 : tn__corrupt(err, t->toc_offset, "its table of contents differs from its chunks");
}

static const char *const known_ids[] = {
    "ADDR", "AODD", "SHAP", "SIZE", "REFC", "FLAG", "DEGR", "REFS", "LENG", "CAPA", "BUFS", "BUFK",
    "HASH", "STKI", "SHTB", "TYPE", "STRS", "PREV", "CODE", "STAK", "FACT",
};
enum { KNOWN_IDS = sizeof known_ids / sizeof *known_ids };

/* Chunks of one id continue one another. */
static int check_order(const tn_snapshot *s, tn_error *err)
{
    uint64_t rows[KNOWN_IDS] = {0};
    for (size_t i = 0; i < s->n_chunks; i++)
        for (unsigned k = 0; k < KNOWN_IDS; k++) {
            const tn_chunk *c = &s->chunks[i];
            if (memcmp(c->h.id, known_ids[k], 4) != 0)
                continue;
            if (c->h.first_row != rows[k])
                return tn__corrupt(err, c->offset, "chunk %.4s at byte %llu does not continue the one before", c->h.id,
                                   (unsigned long long)c->offset);
            rows[k] += c->h.n_rows;
        }
    return 0;
}

static int read_container(tn_snapshot *s, bool partial, tn_error *err)
{
    tn_file_trailer t = {0};
    TN_TRY(read_header(s, err));
    bool ended = s->file_bytes >= sizeof(tn_file_header) + sizeof t;
    if (ended)
        TN_TRY(read_at(s, s->file_bytes - sizeof t, &t, sizeof t, err));
    ended = ended && memcmp(t.magic, TN_FILE_END, sizeof t.magic) == 0;
    if (ended && !hash_is(t.hash, XXH3_64bits(&t, offsetof(tn_file_trailer, hash))))
        return tn__corrupt(err, s->file_bytes - sizeof t, "its trailer's checksum is wrong");
    if (ended && t.file_bytes != s->file_bytes)
        return tn__corrupt(err, s->file_bytes - sizeof t, "its trailer gives another size of the file");
    if (ended) {
        TN_TRY(read_toc(s, &t, err));
        return check_order(s, err);
    }
    s->truncated = true;
    TN_TRY(walk_chunks(s, s->file_bytes, false, err));
    if (!partial)
        return tn__error_set(err, TN_ETRUNCATED, s->file_bytes,
                             "truncated snapshot: %zu chunks are whole, its end is missing; `tonnage check` lists them",
                             s->n_chunks);
    return check_order(s, err);
}

/* ---- payload ---- */

static int unpack(tn_snapshot *s, const tn_chunk *c, const uint8_t *stored, tn_buf *out, tn_error *err)
{
    size_t n = ZSTD_decompressDCtx(s->zstd, out->data, c->h.raw_bytes, stored, c->h.stored_bytes);
    if (ZSTD_isError(n) || n != c->h.raw_bytes)
        return tn__corrupt(err, c->offset, "chunk %.4s at byte %llu does not decompress to what it announces", c->h.id,
                           (unsigned long long)c->offset);
    return 0;
}

#define FOR_WIDTH(width, body)                                        \
    switch (width) {                                                  \
    case 1: { typedef uint8_t element; body } break;                  \
    case 2: { typedef uint16_t element; body } break;                 \
    case 4: { typedef uint32_t element; body } break;                 \
    default: { typedef uint64_t element; body } break;                \
    }

static void join_planes(const uint8_t *in, unsigned width, uint64_t n, uint8_t *out)
{
    FOR_WIDTH(width, {
        element *values = (element *)(void *)out;
        for (uint64_t i = 0; i < n; i++) {
            uint64_t v = 0;
            for (unsigned p = 0; p < sizeof(element); p++)
                v |= (uint64_t)in[p * n + i] << 8 * p;
            values[i] = (element)v;
        }
    })
}

static void sum_deltas(uint8_t *data, unsigned width, uint64_t n)
{
    FOR_WIDTH(width, {
        element *v = (element *)(void *)data;
        for (uint64_t i = 1; i < n; i++)
            v[i] = (element)(v[i] + v[i - 1]);
    })
}

static int transform(tn_snapshot *s, const tn_chunk *c, tn_buf *out, tn_error *err)
{
    unsigned width = c->h.width;
    if (width == 0) {
        if (c->h.transform)
            return tn__corrupt(err, c->offset, "chunk %.4s is no column but is transformed", c->h.id);
        return 0;
    }
    if ((width != 1 && width != 2 && width != 4 && width != 8) || c->h.n_rows > TN_CHUNK_MAX_RAW ||
        c->h.raw_bytes != c->h.n_rows * width)
        return tn__corrupt(err, c->offset, "chunk %.4s has %llu bytes for %llu rows of %u", c->h.id,
                           (unsigned long long)c->h.raw_bytes, (unsigned long long)c->h.n_rows, width);
    if (c->h.transform & TN_TRANSFORM_PLANES) {
        s->planes.size = 0;
        if (tn__buf_append(&s->planes, out->data, out->size) < 0)
            return tn__no_memory(s, err);
        join_planes(s->planes.data, width, c->h.n_rows, out->data);
    }
    if (c->h.transform & TN_TRANSFORM_DELTA)
        sum_deltas(out->data, width, c->h.n_rows);
    return 0;
}

int tn__chunk_payload(tn_snapshot *s, const tn_chunk *c, tn_buf *out, tn_error *err)
{
    XXH3_state_t state;
    const uint8_t *stored;
    uint64_t at = c->offset + sizeof c->h;
    if (c->h.version != 1)
        return tn__error_set(err, TN_EVERSION, c->offset, "version %u of chunk %.4s is not supported", c->h.version,
                             c->h.id);
    out->size = 0;
    s->stored.size = 0;
    if (tn__buf_reserve(out, c->h.raw_bytes + 8) < 0)
        return tn__no_memory(s, err);
    if (s->fd < 0) {
        stored = s->memory + at;
    } else {
        tn_buf *into = c->h.compression ? &s->stored : out;
        if (tn__buf_reserve(into, c->h.stored_bytes + 8) < 0)
            return tn__no_memory(s, err);
        TN_TRY(read_at(s, at, into->data, c->h.stored_bytes, err));
        stored = into->data;
    }
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, &c->h, offsetof(tn_chunk_header, hash));
    XXH3_64bits_update(&state, stored, c->h.stored_bytes);
    if (!hash_is(c->h.hash, XXH3_64bits_digest(&state)))
        return tn__corrupt(err, c->offset, "the checksum of chunk %.4s at byte %llu is wrong", c->h.id,
                           (unsigned long long)c->offset);
    if (c->h.compression)
        TN_TRY(unpack(s, c, stored, out, err));
    else if (stored != out->data && c->h.raw_bytes)
        memcpy(out->data, stored, c->h.raw_bytes);
    out->size = c->h.raw_bytes;
    return transform(s, c, out, err);
}

const tn_chunk *tn__chunk_of(const tn_snapshot *s, const char *id, size_t k)
{
    for (size_t i = 0; i < s->n_chunks; i++)
        if (memcmp(s->chunks[i].h.id, id, 4) == 0 && k-- == 0)
            return &s->chunks[i];
    return NULL;
}

uint64_t tn__chunk_rows(const tn_snapshot *s, const char *id)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_chunks; i++)
        if (memcmp(s->chunks[i].h.id, id, 4) == 0)
            n = s->chunks[i].h.first_row + s->chunks[i].h.n_rows;
    return n;
}

/* ---- opening and closing ---- */

static int snapshot_load(tn_snapshot *s, const tn_open_options *options, tn_error *err)
{
    ZSTD_customMem memory = {zstd_alloc, zstd_free, &s->alloc};
    for (unsigned i = 0; i < 5; i++)
        tn__buf_init(&s->slots[i], &s->alloc);
    tn__buf_init(&s->stored, &s->alloc);
    tn__buf_init(&s->planes, &s->alloc);
    tn__arena_init(&s->arena, &s->alloc);
    s->zstd = ZSTD_createDCtx_advanced(memory);
    if (!s->zstd)
        return tn__no_memory(s, err);
    bool partial = options && options->partial;
    TN_TRY(read_container(s, partial, err));
    if (s->truncated)
        return 0; /* only chunks and check: nothing else can be relied on */
    return tn__tables_load(s, err);
}

static int snapshot_new(const tn_open_options *options, tn_snapshot **out, tn_error *err)
{
    const tn_alloc *base = options && options->alloc ? options->alloc : &tn__alloc_libc;
    tn_snapshot *s = tn__alloc_zero(base, sizeof *s);
    if (!s)
        return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to read the snapshot");
    s->base = base;
    s->alloc = (tn_alloc){limited_realloc, s};
    s->bytes_max = options ? options->max_memory_bytes : 0;
    s->fd = -1;
    *out = s;
    return 0;
}

static int opened(tn_snapshot *s, const tn_open_options *options, int status, tn_snapshot **out, tn_error *err)
{
    if (status == 0)
        status = snapshot_load(s, options, err);
    if (status < 0)
        tn_snapshot_close(s);
    else
        *out = s;
    return status;
}

int tn_snapshot_open(const char *path, const tn_open_options *options, tn_snapshot **out, tn_error *err)
{
    tn_snapshot *s = NULL;
    TN_TRY(snapshot_new(options, &s, err));
    return opened(s, options, tn__sys_open_read(path, &s->fd, &s->file_bytes, err), out, err);
}

int tn_snapshot_open_fd(int fd, const tn_open_options *options, tn_snapshot **out, tn_error *err)
{
    tn_snapshot *s = NULL;
    TN_TRY(snapshot_new(options, &s, err));
    return opened(s, options, tn__sys_dup(fd, &s->fd, &s->file_bytes, err), out, err);
}

int tn_snapshot_open_memory(const void *bytes, size_t n_bytes, const tn_open_options *options, tn_snapshot **out,
                            tn_error *err)
{
    tn_snapshot *s = NULL;
    TN_TRY(snapshot_new(options, &s, err));
    s->memory = bytes;
    s->file_bytes = n_bytes;
    return opened(s, options, 0, out, err);
}

void tn_snapshot_close(tn_snapshot *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < TN_ATTACHMENTS; i++)
        if (s->attachments[i] && s->destroy[i])
            s->destroy[i](s, s->attachments[i]);
    for (unsigned i = 0; i < 5; i++)
        if (s->slots[i].alloc)
            tn__buf_free(&s->slots[i]);
    if (s->stored.alloc) {
        tn__buf_free(&s->stored);
        tn__buf_free(&s->planes);
        tn__arena_free(&s->arena);
    }
    tn__free(&s->alloc, s->chunks, s->chunk_capacity * sizeof *s->chunks);
    ZSTD_freeDCtx(s->zstd);
    if (s->fd >= 0)
        tn__sys_close(s->fd);
    tn__free(s->base, s, sizeof *s);
}

/* ---- what the container says ---- */

uint64_t tn_snapshot_file_bytes(const tn_snapshot *s)
{
    return s->file_bytes;
}

size_t tn_snapshot_n_chunks(const tn_snapshot *s)
{
    return s->n_chunks;
}

int tn_snapshot_chunk(const tn_snapshot *s, size_t index, tn_chunk_info *out)
{
    if (index >= s->n_chunks)
        return TN_EINVAL;
    const tn_chunk *c = &s->chunks[index];
    *out = (tn_chunk_info){.width = c->h.width, .transform = c->h.transform, .compressed = c->h.compression,
                           .offset = c->offset, .first_row = c->h.first_row, .n_rows = c->h.n_rows,
                           .raw_bytes = c->h.raw_bytes, .stored_bytes = c->h.stored_bytes};
    memcpy(out->id, c->h.id, 4);
    return 0;
}

const tn_alloc *tn__snapshot_alloc(tn_snapshot *s)
{
    return &s->alloc;
}

void **tn__snapshot_attachment(tn_snapshot *s, enum tn_attachment which, void (*destroy)(tn_snapshot *, void *))
{
    s->destroy[which] = destroy;
    return &s->attachments[which];
}
