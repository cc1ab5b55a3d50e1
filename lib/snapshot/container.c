/* container.c - opens a file: header, trailer, table of contents, headers of chunks. No number is believed before it is
 * compared with the size of the file.
 */
#include "snapshot/snapshot.h"

#include <string.h>

static const char ids[TN_IDS][5] = {
    "AODD", "SHAP", "SIZE", "REFC", "FLAG", "DEGR", "REFS", "LENG", "CAPA", "BUFS", "BUFK",
    "HASH", "STKI", "TADR", "TBYT", "TSIT", "TBIR", "TNOD", "TKND", "TINT", "ADDR", "SHTB",
    "TYPE", "STRS", "PREV", "CODE", "STAK", "FACT", "TIME", "SEEN", "SITE", "SAMP", "TRAK",
};

enum { MORE_STORED = 1 << 17 }; /* what compression may add at worst */

static unsigned id_of(const char *id)
{
    unsigned i = 0;
    while (i < TN_IDS && memcmp(ids[i], id, 4) != 0)
        i++;
    return i;
}

/* ---- chunks by id ---- */

const char *tn__chunk_id(unsigned id)
{
    return ids[id];
}

size_t tn__chunk_count(const tn_snapshot *s, unsigned id)
{
    return s->starts[id + 1] - s->starts[id];
}

const tn_chunk *tn__chunk_at(const tn_snapshot *s, unsigned id, size_t k)
{
    return k < tn__chunk_count(s, id) ? &s->chunks[s->order[s->starts[id] + k]] : NULL;
}

uint64_t tn__chunk_rows(const tn_snapshot *s, unsigned id)
{
    size_t n = tn__chunk_count(s, id);
    const tn_chunk *last = n ? tn__chunk_at(s, id, n - 1) : NULL;
    return last ? last->h.first_row + last->h.n_rows : 0;
}

uint64_t tn__chunk_raw_bytes(const tn_snapshot *s, unsigned id)
{
    uint64_t sum = 0;
    for (size_t k = 0; k < tn__chunk_count(s, id); k++)
        sum += tn__chunk_at(s, id, k)->h.raw_bytes;
    return sum;
}

static int sort_chunks(tn_snapshot *s, tn_error *err)
{
    size_t next[TN_IDS + 1];
    s->order = tn__arena_get(&s->arena, (s->n_chunks + 1) * sizeof *s->order);
    if (!s->order)
        return tn__no_memory(s, err);
    memset(s->starts, 0, sizeof s->starts);
    for (size_t i = 0; i < s->n_chunks; i++)
        s->starts[s->chunks[i].id + 1]++;
    for (unsigned id = 0; id <= TN_IDS; id++) {
        s->starts[id + 1] += s->starts[id];
        next[id] = s->starts[id];
    }
    for (size_t i = 0; i < s->n_chunks; i++)
        s->order[next[s->chunks[i].id]++] = (uint32_t)i;
    return 0;
}

/* ---- one header ---- */

uint64_t tn__chunk_end(const tn_chunk_header *h, uint64_t offset)
{
    return offset + sizeof *h + ((h->stored_bytes + 7) & ~7ull);
}

int tn__chunk_check_padding(tn_snapshot *s, const tn_chunk *c, tn_error *err)
{
    uint8_t bytes[8] = {0};
    uint64_t at = c->offset + sizeof c->h + c->h.stored_bytes, end = tn__chunk_end(&c->h, c->offset);
    TN_TRY(tn__snapshot_read(s, at, bytes, (size_t)(end - at), err));
    for (unsigned i = 0; i < sizeof bytes; i++)
        if (bytes[i])
            return tn__corrupt(err, at + i, "the bytes behind chunk %.4s at byte %llu are not zero", c->h.id,
                               (unsigned long long)c->offset);
    return 0;
}

/* Bounds of a chunk that must end by end. */
static int check_bounds(const tn_chunk_header *h, uint64_t offset, uint64_t end, tn_error *err)
{
    unsigned long long at = offset;
    for (unsigned i = 0; i < 4; i++)
        if (h->id[i] < 32 || h->id[i] > 126)
            return tn__corrupt(err, offset, "there is no chunk at byte %llu", at);
    if (h->stored_bytes > end - offset - sizeof *h || tn__chunk_end(h, offset) > end)
        return tn__corrupt(err, offset, "chunk %.4s at byte %llu does not end inside the file", h->id, at);
    if (h->raw_bytes > TN_CHUNK_MAX_RAW || h->stored_bytes > h->raw_bytes + MORE_STORED)
        return tn__corrupt(err, offset, "chunk %.4s at byte %llu announces %llu bytes, more than a chunk may hold",
                           h->id, at, (unsigned long long)h->raw_bytes);
    return 0;
}

static int check_rows(const tn_chunk *c, tn_error *err)
{
    const tn_chunk_header *h = &c->h;
    bool column = c->id < TN_COLUMNS;
    unsigned w = h->width;
    if (column && ((w != 1 && w != 2 && w != 4 && w != 8) || h->n_rows > h->raw_bytes || h->n_rows * w != h->raw_bytes))
        return tn__corrupt(err, c->offset, "column chunk %.4s at byte %llu has %llu rows of width %u in %llu bytes",
                           h->id, (unsigned long long)c->offset, (unsigned long long)h->n_rows, w,
                           (unsigned long long)h->raw_bytes);
    if (!column && (w || h->transform))
        return tn__corrupt(err, c->offset, "chunk %.4s at byte %llu is no column but has a width", h->id,
                           (unsigned long long)c->offset);
    return 0;
}

/* What a header says of itself. */
static int check_header(const tn_chunk *c, tn_error *err)
{
    if (c->id == TN_ID_OTHER)
        return 0;
    const tn_chunk_header *h = &c->h;
    if (h->version != 1)
        return tn__error_set(err, TN_EVERSION, c->offset,
                             "chunk %.4s has version %u, this tonnage reads version 1: use a newer one", h->id,
                             h->version);
    if (h->compression > 1 || h->transform > 3 || (h->compression == 0 && h->stored_bytes != h->raw_bytes))
        return tn__corrupt(err, c->offset, "the header of chunk %.4s at byte %llu contradicts itself", h->id,
                           (unsigned long long)c->offset);
    return check_rows(c, err);
}

static int add_chunk(tn_snapshot *s, const tn_chunk_header *h, uint64_t offset, tn_error *err)
{
    if (s->n_chunks == s->chunk_capacity) {
        size_t capacity = s->chunk_capacity ? 2 * s->chunk_capacity : 64;
        tn_chunk *chunks =
            tn__realloc(&s->alloc, s->chunks, s->chunk_capacity * sizeof *chunks, capacity * sizeof *chunks);
        if (!chunks)
            return tn__no_memory(s, err);
        s->chunks = chunks;
        s->chunk_capacity = capacity;
    }
    s->chunks[s->n_chunks++] = (tn_chunk){*h, offset, id_of(h->id)};
    return 0;
}

/* ---- all of them ---- */

/* Chunks of one id continue one another; node columns are cut at the same nodes. */
static int check_order(tn_snapshot *s, tn_error *err)
{
    uint64_t rows[TN_IDS + 1] = {0};
    for (size_t i = 0; i < s->n_chunks; i++) {
        const tn_chunk *c = &s->chunks[i];
        TN_TRY(check_header(c, err));
        if (memcmp(c->h.id, "TOC ", 4) == 0)
            return tn__corrupt(err, c->offset, "it has a second table of contents at byte %llu",
                               (unsigned long long)c->offset);
        if (c->id == TN_ID_OTHER)
            continue;
        if (c->h.first_row != rows[c->id] || c->h.n_rows > UINT64_MAX - rows[c->id])
            return tn__corrupt(err, c->offset, "chunk %.4s at byte %llu does not continue the one before", c->h.id,
                               (unsigned long long)c->offset);
        bool node_column = c->id >= TN_COL_SHAP && c->id <= TN_COL_FLAG;
        if (node_column && (c->h.first_row % TN_NODE_BLOCK || c->h.n_rows > TN_NODE_BLOCK))
            return tn__corrupt(err, c->offset, "chunk %.4s at byte %llu is not cut at %d nodes", c->h.id,
                               (unsigned long long)c->offset, TN_NODE_BLOCK);
        rows[c->id] += c->h.n_rows;
    }
    return 0;
}

/* Of a file without a trailer: chunks from the first on, as many as are whole. */
static int walk_chunks(tn_snapshot *s, tn_error *err)
{
    uint64_t at = sizeof(tn_file_header);
    tn_chunk_header h;
    while (s->file_bytes - at >= sizeof h) {
        TN_TRY(tn__snapshot_read(s, at, &h, sizeof h, err));
        if (check_bounds(&h, at, s->file_bytes, NULL) < 0 || memcmp(h.id, "TOC ", 4) == 0 || s->n_chunks == UINT32_MAX)
            return 0;
        TN_TRY(add_chunk(s, &h, at, err));
        if (check_header(&s->chunks[s->n_chunks - 1], NULL) < 0) {
            s->n_chunks--;
            return 0;
        }
        at = tn__chunk_end(&h, at);
    }
    return 0;
}

static int read_chunk_headers(tn_snapshot *s, const tn_toc_row *rows, uint64_t n, uint64_t end, tn_error *err)
{
    uint64_t at = sizeof(tn_file_header);
    for (uint64_t i = 0; i < n; i++) {
        tn_chunk_header h;
        if (rows[i].offset != at || end - at < sizeof h)
            return tn__corrupt(err, at, "its table of contents gives byte %llu for the chunk at byte %llu",
                               (unsigned long long)rows[i].offset, (unsigned long long)at);
        TN_TRY(tn__snapshot_read(s, at, &h, sizeof h, err));
        TN_TRY(check_bounds(&h, at, end, err));
        if (memcmp(rows[i].id, h.id, 4) != 0 || rows[i].zero || rows[i].first_row != h.first_row ||
            rows[i].n_rows != h.n_rows)
            return tn__corrupt(err, at, "its table of contents differs from chunk %.4s at byte %llu", h.id,
                               (unsigned long long)at);
        TN_TRY(add_chunk(s, &h, at, err));
        at = tn__chunk_end(&h, at);
    }
    return at == end ? 0
                     : tn__corrupt(err, at, "its table of contents leaves out the chunk at byte %llu",
                                   (unsigned long long)at);
}

static int read_toc(tn_snapshot *s, const tn_file_trailer *t, tn_error *err)
{
    uint64_t end = s->file_bytes - sizeof *t;
    const uint8_t *rows;
    tn_chunk toc = {.offset = t->toc_offset, .id = TN_ID_FACT /* like any table */};
    if (t->toc_offset < sizeof(tn_file_header) || t->toc_offset > end || end - t->toc_offset < sizeof toc.h)
        return tn__corrupt(err, end, "its trailer points outside the file");
    TN_TRY(tn__snapshot_read(s, t->toc_offset, &toc.h, sizeof toc.h, err));
    TN_TRY(check_bounds(&toc.h, t->toc_offset, end, err));
    TN_TRY(check_header(&toc, err));
    if (memcmp(toc.h.id, "TOC ", 4) != 0 || toc.h.first_row || toc.h.n_rows > TN_CHUNK_MAX_RAW / sizeof(tn_toc_row) ||
        toc.h.raw_bytes != toc.h.n_rows * sizeof(tn_toc_row) || tn__chunk_end(&toc.h, t->toc_offset) != end)
        return tn__corrupt(err, t->toc_offset, "its table of contents is not where its trailer says");
    TN_TRY(tn__chunk_check_padding(s, &toc, err));
    TN_TRY(tn__chunk_load(s, &toc, TN_SLOT_LOAD, &rows, err));
    return read_chunk_headers(s, (const tn_toc_row *)(const void *)rows, toc.h.n_rows, t->toc_offset, err);
}

static int read_file_header(tn_snapshot *s, tn_error *err)
{
    tn_file_header h = {0};
    size_t n = s->file_bytes < sizeof h ? (size_t)s->file_bytes : sizeof h;
    if (n == 0)
        return tn__error_set(err, TN_EFORMAT, 0, "not a tonnage snapshot: the file is empty");
    TN_TRY(tn__snapshot_read(s, 0, &h, n, err));
    if (memcmp(h.magic, TN_FILE_MAGIC, n < 8 ? n : 8) != 0)
        return tn__error_set(err, TN_EFORMAT, 0, "not a tonnage snapshot: it does not begin like one");
    if (n < sizeof h)
        return tn__error_set(err, TN_ETRUNCATED, n, "truncated snapshot: it ends inside its header, no chunk is whole");
    if (!tn__hash_is(h.hash, &h, offsetof(tn_file_header, hash)))
        return tn__corrupt(err, 0, "the checksum of its header is wrong");
    if (h.major != TN_FILE_MAJOR)
        return tn__error_set(err, TN_EVERSION, 8,
                             "the snapshot has format %u.%u, this tonnage reads %u.x: use a newer one", h.major,
                             h.minor, TN_FILE_MAJOR);
    return h.zero || h.zero2 ? tn__corrupt(err, 12, "reserved bytes of its header are set") : 0;
}

static int read_container(tn_snapshot *s, bool partial, tn_error *err)
{
    tn_file_trailer t = {0};
    TN_TRY(read_file_header(s, err));
    if (s->file_bytes >= sizeof(tn_file_header) + sizeof t)
        TN_TRY(tn__snapshot_read(s, s->file_bytes - sizeof t, &t, sizeof t, err));
    s->truncated =
        memcmp(t.magic, TN_FILE_END, sizeof t.magic) != 0 || !tn__hash_is(t.hash, &t, offsetof(tn_file_trailer, hash));
    if (s->truncated) {
        TN_TRY(walk_chunks(s, err));
        if (!partial)
            return tn__error_set(
                err, TN_ETRUNCATED, s->file_bytes,
                "truncated snapshot: its end is missing, %zu chunks are whole: `tonnage check` lists them",
                s->n_chunks);
    } else if (t.file_bytes != s->file_bytes) {
        return tn__corrupt(err, s->file_bytes - sizeof t,
                           "its trailer gives %llu bytes as size of the file, it has %llu",
                           (unsigned long long)t.file_bytes, (unsigned long long)s->file_bytes);
    } else {
        TN_TRY(read_toc(s, &t, err));
    }
    TN_TRY(check_order(s, err));
    return sort_chunks(s, err);
}

/* ---- opening and closing ---- */

/* A truncated file seldom has all its tables, the strings stand last; where it has, its nodes can be read. */
static int load(tn_snapshot *s, const tn_open_options *options, tn_error *err)
{
    TN_TRY(tn__chunk_reader_init(s, err));
    TN_TRY(read_container(s, options && options->partial, err));
    int status = tn__tables_load(s, err);
    if (!s->truncated || status == TN_ENOMEM || status == TN_ELIMIT || status == TN_EIO)
        return status;
    s->tables_loaded = status == 0;
    if (status < 0) {
        s->n_nodes = s->n_objects = s->n_types = s->n_shapes = s->n_strings = 0;
        s->n_references = s->regions.n = s->n_facts = s->n_times = 0;
        memset(s->starts, 0, sizeof s->starts); /* chunks without their tables mean nothing */
    }
    return 0;
}

static int open_with(const char *path, int fd, const void *bytes, uint64_t n_bytes, const tn_open_options *options,
                     tn_snapshot **out, tn_error *err)
{
    const tn_alloc *base = options && options->alloc ? options->alloc : &tn__alloc_libc;
    int status = 0;
    tn_snapshot *s = tn__alloc_zero(base, sizeof *s);
    if (!s)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_READ);
    tn__memory_init(s, base, options ? options->max_memory_bytes : 0);
    tn__arena_init(&s->arena, &s->alloc);
    tn__arena_init(&s->previews.arena, &s->alloc);
    tn__arena_init(&s->stacks.arena, &s->alloc);
    s->fd = -1;
    s->memory = bytes;
    s->file_bytes = n_bytes;
    s->last_frame.thread = TN_NONE;
    if (!bytes)
        status =
            path ? tn__sys_open_read(path, &s->fd, &s->file_bytes, err) : tn__sys_dup(fd, &s->fd, &s->file_bytes, err);
    if (status == 0)
        status = load(s, options, err);
    if (status < 0)
        tn_snapshot_close(s);
    else
        *out = s;
    return status;
}

int tn_snapshot_open(const char *path, const tn_open_options *options, tn_snapshot **out, tn_error *err)
{
    return open_with(path, -1, NULL, 0, options, out, err);
}

int tn_snapshot_open_fd(int fd, const tn_open_options *options, tn_snapshot **out, tn_error *err)
{
    return open_with(NULL, fd, NULL, 0, options, out, err);
}

int tn_snapshot_open_memory(const void *bytes, size_t n_bytes, const tn_open_options *options, tn_snapshot **out,
                            tn_error *err)
{
    return open_with(NULL, -1, bytes ? bytes : "", bytes ? n_bytes : 0, options, out, err);
}

void tn_snapshot_close(tn_snapshot *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < TN_ATTACHMENTS; i++)
        if (s->attachments[i])
            s->destroy[i](s, s->attachments[i]);
    tn__edges_free(s);
    tn__traces_free(s);
    tn__tracked_free(s);
    tn__columns_free(s);
    tn__records_free(s);
    tn__arena_free(&s->arena);
    tn__free(&s->alloc, s->chunks, s->chunk_capacity * sizeof *s->chunks);
    tn__chunk_reader_free(s);
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
    *out = (tn_chunk_info){.width = c->h.width,
                           .transform = c->h.transform,
                           .compressed = c->h.compression,
                           .offset = c->offset,
                           .first_row = c->h.first_row,
                           .n_rows = c->h.n_rows,
                           .raw_bytes = c->h.raw_bytes,
                           .stored_bytes = c->h.stored_bytes};
    memcpy(out->id, c->h.id, 4);
    return 0;
}

int tn__snapshot_not_at(const tn_snapshot *s, const char *path, tn_error *err)
{
    return s->fd >= 0 ? tn__sys_not_input(s->fd, path, err) : TN_OK;
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
