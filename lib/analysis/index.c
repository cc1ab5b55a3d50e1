/* index.c - dominators and retained sizes in a file beside the snapshot, so that they are found once.
 *
 *   header │ for each node: how it is held, bytes retained, objects retained
 *
 * Numbers are varints: seven bits a byte, the lowest first, the highest bit set where more follow. "How": 2·zigzag(node −
 * dominator), or 2·hold + 1 for what is anchored, whose dominator is the root; the root itself has hold 7. The file is
 * trusted no more than a snapshot: it must be made of this very one, its hash must be right, and its dominators a tree.
 */
#include "analysis/dominators.h"

#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define MAGIC "\x89TNI\r\n\x1a\n"

enum { VERSION = 1, OF_ROOT = 7, MOST = 30 /* bytes a node */, STEP = 4096 /* nodes */ };

typedef struct tn_index_header {
    char magic[8];
    uint32_t version, n_nodes;
    uint64_t identity; /* of the snapshot */
    uint64_t n_bytes;  /* that follow */
    uint64_t hash;     /* of the header up to here, and of what follows */
} tn_index_header;

static uint64_t hash_of(const tn_index_header *h, const uint8_t *bytes)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, h, offsetof(tn_index_header, hash));
    XXH3_64bits_update(&state, bytes, h->n_bytes);
    return XXH3_64bits_digest(&state);
}

/* ---- writing ---- */

static uint8_t *put(uint8_t *out, uint64_t value)
{
    for (; value > 127; value >>= 7)
        *out++ = (uint8_t)(value | 128);
    *out++ = (uint8_t)value;
    return out;
}

static uint64_t how(const tn_dominators *d, uint32_t id)
{
    if (id == d->root)
        return 2 * OF_ROOT + 1;
    if (d->holds[id] != TN_HOLD_REFERENCES)
        return 2ull * d->holds[id] + 1;
    uint64_t up = id > d->idom[id], far = up ? id - d->idom[id] : d->idom[id] - id;
    return 4 * far + 2 * up;
}

static int encode(const tn_dominators *d, tn_buf *out)
{
    for (uint32_t first = 0; first < d->n_nodes;) {
        TN_TRY(tn__buf_reserve(out, (size_t)STEP * MOST));
        uint8_t *at = out->data + out->size;
        uint32_t end = d->n_nodes - first < STEP ? d->n_nodes : first + STEP;
        for (; first < end; first++) {
            at = put(at, how(d, first));
            at = put(at, d->retained[first]);
            at = put(at, d->counts[first]);
        }
        out->size = (size_t)(at - out->data);
    }
    return TN_OK;
}

static int write_file(const char *path, const tn_index_header *h, const uint8_t *bytes, tn_error *err)
{
    char temp[4096];
    int fd;
    TN_TRY(tn__sys_create_beside(path, temp, sizeof temp, &fd, err));
    int status = tn__sys_write(fd, h, sizeof *h, err);
    if (status == TN_OK)
        status = tn__sys_write(fd, bytes, h->n_bytes, err);
    if (status == TN_OK)
        status = tn__sys_publish(fd, temp, sizeof temp, path, true, err);
    if (status < 0)
        tn__sys_discard(fd, temp);
    else
        tn__sys_close(fd);
    return status;
}

int tn_index_save(tn_snapshot *s, const char *path, tn_error *err)
{
    const tn_dominators *d;
    tn_buf bytes;
    TN_TRY(tn__dominators(s, &d, err));
    tn__buf_init(&bytes, tn__snapshot_alloc(s));
    int status = encode(d, &bytes) < 0 ? tn__no_memory(s, err) : TN_OK;
    if (status == TN_OK) {
        tn_index_header h = {MAGIC, VERSION, d->n_nodes, tn__snapshot_identity(s), bytes.size, 0};
        h.hash = hash_of(&h, bytes.data);
        status = write_file(path, &h, bytes.data, err);
    }
    tn__buf_free(&bytes);
    return status;
}

/* ---- reading ---- */

typedef struct tn_varints {
    const uint8_t *at, *end;
    bool bad; /* beyond the end, or beyond 64 bits */
} tn_varints;

static uint64_t get(tn_varints *v)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && v->at < v->end; shift += 7) {
        uint8_t byte = *v->at++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    v->bad = true;
    return 0;
}

static bool decode(tn_varints *v, tn_dominators *d, uint8_t *holds)
{
    for (uint32_t id = 0; id < d->n_nodes; id++) {
        uint64_t word = get(v), far = word >> 2, hold = word >> 1;
        d->retained[id] = get(v);
        uint64_t count = get(v);
        d->counts[id] = (uint32_t)count;
        holds[id] = TN_HOLD_REFERENCES;
        if (id == d->root) {
            d->idom[id] = TN_NONE;
            v->bad |= word != 2 * OF_ROOT + 1;
        } else if (word & 1) {
            holds[id] = (uint8_t)hold;
            d->idom[id] = d->root;
            v->bad |= hold == TN_HOLD_REFERENCES || hold > TN_HOLD_UNREACHABLE;
        } else {
            d->idom[id] = (uint32_t)(word & 2 ? id - far : id + far);
            v->bad |= far == 0 || (word & 2 ? far > id : far >= d->n_nodes - id);
        }
        if (v->bad || count > d->n_nodes)
            return false;
    }
    return v->at == v->end;
}

/* Whether all ways up end at the root; no node is gone over twice. */
static bool is_tree(const tn_dominators *d, uint8_t *seen)
{
    enum { NEW, ON_THE_WAY, DONE };
    seen[d->root] = DONE;
    for (uint32_t id = 0; id < d->n_nodes; id++) {
        uint32_t at = id;
        for (; seen[at] == NEW; at = d->idom[at])
            seen[at] = ON_THE_WAY;
        if (seen[at] == ON_THE_WAY)
            return false;
        for (at = id; seen[at] == ON_THE_WAY; at = d->idom[at])
            seen[at] = DONE;
    }
    return true;
}

static int wrong(tn_error *err, const char *what)
{
    return tn__error_set(err, TN_ECORRUPT, 0, "%s", what);
}

static int fill(tn_snapshot *s, const uint8_t *bytes, uint64_t n_bytes, tn_dominators *d, uint8_t *holds, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_varints v = {bytes, bytes + n_bytes, false};
    if (!decode(&v, d, holds))
        return wrong(err, "the index makes no sense");
    uint8_t *seen = tn__alloc_zero(a, d->n_nodes);
    if (!seen)
        return tn__no_memory(s, err);
    bool tree = is_tree(d, seen);
    tn__free(a, seen, d->n_nodes);
    return tree ? TN_OK : wrong(err, "the index makes no sense");
}

static int adopt(tn_snapshot *s, const uint8_t *bytes, uint64_t n_bytes, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    uint32_t n = tn_snapshot_n_nodes(s);
    if (tn__dominators_known(s)) /* they and the anchors may be in use */
        return TN_OK;
    uint8_t *holds = tn__alloc(a, n);
    tn_dominators *d = tn__dominators_new(s);
    int status = holds && d ? fill(s, bytes, n_bytes, d, holds, err) : tn__no_memory(s, err);
    if (status == TN_OK)
        status = tn__anchors_put(s, holds, err);
    if (status == TN_OK)
        status = tn__dominators_put(s, d, err);
    else
        tn__dominators_free(s, d);
    tn__free(a, holds, n);
    return status;
}

static int read_file(tn_snapshot *s, int fd, uint64_t n_bytes, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_index_header h;
    if (n_bytes < sizeof h)
        return wrong(err, "this is no index");
    TN_TRY(tn__sys_read_at(fd, 0, &h, sizeof h, err));
    if (memcmp(h.magic, MAGIC, sizeof h.magic) != 0 || h.version != VERSION)
        return wrong(err, "this is no index of this version");
    if (h.identity != tn__snapshot_identity(s) || h.n_nodes != tn_snapshot_n_nodes(s))
        return tn__error_set(err, TN_EINVAL, 0, "the index is of another snapshot");
    if (h.n_bytes != n_bytes - sizeof h)
        return wrong(err, "the index is cut off");
    uint8_t *bytes = tn__alloc(a, h.n_bytes);
    if (!bytes)
        return tn__no_memory(s, err);
    int status = tn__sys_read_at(fd, sizeof h, bytes, h.n_bytes, err);
    if (status == TN_OK && !tn__same_hash(h.hash, hash_of(&h, bytes)))
        status = wrong(err, "the index is damaged");
    if (status == TN_OK)
        status = adopt(s, bytes, h.n_bytes, err);
    tn__free(a, bytes, h.n_bytes);
    return status;
}

int tn_index_load(tn_snapshot *s, const char *path, tn_error *err)
{
    int fd;
    uint64_t n_bytes;
    if (!tn__sys_exists(path))
        return tn__error_set(err, TN_ENOTFOUND, 0, "%s: there is no index", path);
    TN_TRY(tn__sys_open_read(path, &fd, &n_bytes, err));
    int status = read_file(s, fd, n_bytes, err);
    tn__sys_close(fd);
    return status;
}
