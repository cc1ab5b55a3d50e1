/* writer.c - see writer.h. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "snapshot/writer.h"

#include <assert.h>
#include <string.h>

enum { MAX_IDS = 40, PATH_BYTES = 4096 };

struct tn_writer {
    const tn_alloc *alloc;
    int fd;
    bool owns_fd, force;
    char path[PATH_BYTES], temp[PATH_BYTES];
    uint64_t bytes;
    int level;
    tn_pack *pack; /* of single chunks */
    tn_buf scratch, toc;
    struct {
        char id[4];
        uint64_t rows;
    } ids[MAX_IDS];
    unsigned n_ids;
};

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
    memcpy(h.magic, TN_FILE_MAGIC, sizeof h.magic);
    h.hash = XXH3_64bits(&h, offsetof(tn_file_header, hash));
    TN_TRY(tn_pack_new(w->level, w->alloc, &w->pack, err));
    return put(w, &h, sizeof h, err);
}

static tn_writer *writer_new(int level, const tn_alloc *alloc, tn_error *err)
{
    tn_writer *w = tn__alloc_zero(alloc, sizeof *w);
    if (!w) {
        tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
        return NULL;
    }
    w->alloc = alloc;
    w->level = level;
    w->fd = -1;
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

static bool is_node_column(const char *id)
{
    return !memcmp(id, "SHAP", 4) || !memcmp(id, "SIZE", 4) || !memcmp(id, "REFC", 4) || !memcmp(id, "FLAG", 4);
}

/* Completes a packed chunk: its place among the rows of its id, its hash, its row in the table of contents. */
static int place(tn_writer *w, tn_chunk_header *h, uint64_t offset, tn_error *err)
{
    XXH3_state_t state;
    uint64_t *rows = rows_of(w, h->id);
    h->first_row = *rows;
    *rows += h->n_rows;
    if (is_node_column(h->id) && (h->first_row % TN_NODE_BLOCK || h->n_rows > TN_NODE_BLOCK))
        return tn__error_set(err, TN_EINVAL, 0, "column %.4s must be cut every %d nodes", h->id, TN_NODE_BLOCK);
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, h, offsetof(tn_chunk_header, hash));
    XXH3_64bits_update(&state, h + 1, h->stored_bytes);
    h->hash = XXH3_64bits_digest(&state);
    tn_toc_row row = {.offset = offset, .first_row = h->first_row, .n_rows = h->n_rows};
    memcpy(row.id, h->id, 4);
    if (memcmp(h->id, "TOC ", 4) != 0 && tn__buf_append(&w->toc, &row, sizeof row) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    return 0;
}

int tn_writer_put(tn_writer *w, tn_pack *p, tn_error *err)
{
    size_t n_bytes, at = 0;
    uint8_t *bytes = tn_pack_bytes(p, &n_bytes);
    while (at < n_bytes) {
        tn_chunk_header *h = (tn_chunk_header *)(void *)(bytes + at);
        TN_TRY(place(w, h, w->bytes + at, err));
        at += sizeof *h + ((h->stored_bytes + 7) & ~7ull);
    }
    TN_TRY(put(w, bytes, n_bytes, err));
    if (w->owns_fd)
        tn__sys_begin_writeback(w->fd, w->bytes - n_bytes, n_bytes);
    tn_pack_clear(p);
    return 0;
}

int tn_writer_table(tn_writer *w, const char *id, const void *payload, size_t raw_bytes, uint64_t n_rows, tn_error *err)
{
    tn_pack_clear(w->pack);
    TN_TRY(tn_pack_table(w->pack, id, payload, raw_bytes, n_rows, err));
    return tn_writer_put(w, w->pack, err);
}

int tn_writer_column(tn_writer *w, const char *id, void *values, unsigned in_width, uint64_t n_rows, unsigned transform,
                     tn_error *err)
{
    tn_pack_clear(w->pack);
    TN_TRY(tn_pack_column(w->pack, id, values, in_width, n_rows, transform, err));
    return tn_writer_put(w, w->pack, err);
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
        return tn__error_set(err, status, 0, TN_NO_MEMORY_TO_WRITE);
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

int tn_writer_level(const tn_writer *w)
{
    return w->level;
}

uint64_t tn_writer_bytes(const tn_writer *w)
{
    return w->bytes;
}

/* ---- the end ---- */

static int finish(tn_writer *w, tn_error *err)
{
    tn_file_trailer t = {.toc_offset = w->bytes};
    if (w->toc.size > TN_CHUNK_MAX_RAW)
        return tn__error_set(err, TN_ELIMIT, 0, "the snapshot has too many chunks");
    TN_TRY(tn_writer_table(w, "TOC ", w->toc.data, w->toc.size, w->toc.size / sizeof(tn_toc_row), err));
    t.file_bytes = w->bytes + sizeof t;
    t.hash = XXH3_64bits(&t, offsetof(tn_file_trailer, hash));
    memcpy(t.magic, TN_FILE_END, sizeof t.magic);
    TN_TRY(put(w, &t, sizeof t, err));
    return w->owns_fd ? tn__sys_publish(w->fd, w->temp, sizeof w->temp, w->path, w->force, err) : 0;
}

static void writer_free(tn_writer *w)
{
    const tn_alloc *alloc = w->alloc;
    tn_pack_free(w->pack);
    tn__buf_free(&w->scratch);
    tn__buf_free(&w->toc);
    tn__free(alloc, w, sizeof *w);
}

int tn_writer_commit(tn_writer *w, tn_error *err)
{
    int status = finish(w, err);
    if (status < 0) {
        tn_writer_abort(w);
        return status;
    }
    if (w->owns_fd)
        tn__sys_close(w->fd);
    writer_free(w);
    return 0;
}

void tn_writer_abort(tn_writer *w)
{
    if (!w)
        return;
    if (w->owns_fd)
        tn__sys_discard(w->fd, w->temp);
    writer_free(w);
}
