/* diff_walk.c - the objects of one snapshot in order, for a comparison: columns that only some objects have are read where an
 * object is asked for it. What is kept is a tile, and one decoded block a column.
 */
#include "analysis/diff.h"

#include <string.h>

enum { SLOT_DEGREES = 3, SLOT_LENGTHS, SLOT_HASHES, SLOT_BUFFERS, SLOT_REFERENCES, SLOT_PREVIEWS }; /* 0-2: the scan */

/* ---- shapes ---- */

static const struct {
    const char *base;
    uint16_t kind;
} known[] = {
    {"str", TN_WALK_FIXED_LENGTH | TN_WALK_PREVIEW},
    {"bytes", TN_WALK_FIXED_LENGTH | TN_WALK_PREVIEW},
    {"int", TN_WALK_FIXED_LENGTH | TN_WALK_PREVIEW},
    {"float", TN_WALK_PREVIEW},
    {"complex", TN_WALK_PREVIEW},
    {"function", TN_WALK_PREVIEW},
    {"code", TN_WALK_PREVIEW},
    {"module", TN_WALK_PREVIEW},
    {"type", TN_WALK_PREVIEW},
    {"tuple", TN_WALK_FIXED_RUN | TN_WALK_YOUNG_AGAIN},
    {"frozenset", TN_WALK_FIXED_RUN},
    {"method", TN_WALK_FIXED | TN_WALK_FIXED_RUN},
    {"slice", TN_WALK_FIXED | TN_WALK_FIXED_RUN},
    {"dict", TN_WALK_YOUNG_AGAIN},
    {"bytearray", TN_WALK_TEXT_CHANGES},
    {"array.array", TN_WALK_TEXT_CHANGES},
    {"numpy.ndarray", TN_WALK_TEXT_CHANGES},
};

static int kind_of(tn_snapshot *s, const tn_shape *shape, uint16_t *out, tn_error *err)
{
    tn_type type, base;
    unsigned style = shape->flags & TN_RUN_STYLE;
    unsigned kind = (shape->flags & TN_SHAPE_LENGTH ? TN_WALK_LENGTH : 0) |
                    (shape->flags & TN_SHAPE_HASH ? TN_WALK_HASH : 0) | (style ? TN_WALK_RUN : 0) |
                    (style == TN_RUN_PAIRS ? TN_WALK_PAIRS : 0) |
                    (style && (shape->flags & TN_SHAPE_CAPACITY) ? TN_WALK_COLLECTION : 0);
    if (tn_snapshot_type(s, shape->type, &type) < 0)
        return tn__error_set(err, TN_ECORRUPT, 0, "a shape has no type");
    for (uint32_t i = 0; i < type.n_mro; i++) {
        if (tn_snapshot_type(s, type.mro[i], &base) < 0)
            return tn__error_set(err, TN_ECORRUPT, 0, "a type has a base that is none");
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            kind |= strcmp(base.full_name, known[k].base) == 0 ? known[k].kind : 0;
    }
    *out = (uint16_t)kind;
    return TN_OK;
}

int tn__walk_open(tn_snapshot *s, tn_selection *sel, const tn_set *within, tn_set *selected, tn_walk **out,
                  tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_walk *w = tn__alloc_zero(a, sizeof *w);
    if (!w)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    w->snapshot = s;
    w->selected = selected;
    w->n_shapes = tn__snapshot_n_shapes(s);
    w->kinds = tn__alloc(a, w->n_shapes * sizeof *w->kinds);
    w->n_fixed = tn__alloc(a, w->n_shapes * sizeof *w->n_fixed);
    int status = w->kinds && w->n_fixed ? TN_OK : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (uint32_t i = 0; status == TN_OK && i < w->n_shapes; i++) {
        w->n_fixed[i] = tn__snapshot_shapes(s)[i].n_fixed;
        status = kind_of(s, &tn__snapshot_shapes(s)[i], &w->kinds[i], err);
    }
    if (status == TN_OK)
        status = tn__scan_open(s, sel, within, &w->scan, err);
    tn__stream_open(&w->degrees, s, TN_COL_DEGR, SLOT_DEGREES);
    tn__stream_open(&w->lengths, s, TN_COL_LENG, SLOT_LENGTHS);
    tn__stream_open(&w->hashes, s, TN_COL_HASH, SLOT_HASHES);
    tn__stream_open(&w->buffers, s, TN_COL_BUFS, SLOT_BUFFERS);
    tn__stream_open(&w->references, s, TN_COL_REFS, SLOT_REFERENCES);
    if (status < 0)
        tn__walk_close(w);
    else
        *out = w;
    return status;
}

void tn__walk_close(tn_walk *w)
{
    if (!w)
        return;
    const tn_alloc *a = tn__snapshot_alloc(w->snapshot);
    tn__scan_close(w->scan);
    tn__free(a, w->kinds, w->n_shapes * sizeof *w->kinds);
    tn__free(a, w->n_fixed, w->n_shapes * sizeof *w->n_fixed);
    tn__free(a, w, sizeof *w);
}

/* ---- the tile ---- */

#define WIDEN(from)                                         \
    do {                                                    \
        const from *source = (const from *)b->data + first; \
        for (uint32_t i = 0; i < scan->n; i++)              \
            w->flags[i] = (uint32_t)source[i];              \
    } while (0)

static void fill_flags(tn_walk *w)
{
    const tn_scan *scan = w->scan;
    const tn_block *b = &scan->flag;
    size_t first = (size_t)(scan->first - b->first_row);
    if (!b->data) {
        memset(w->flags, 0, scan->n * sizeof *w->flags);
        return;
    }
    switch (b->width) {
    case 1: WIDEN(uint8_t); break;
    case 2: WIDEN(uint16_t); break;
    case 4: WIDEN(uint32_t); break;
    default: WIDEN(uint64_t);
    }
}

/* Tiles do not begin at a word of the set where blocks of the file end within one. */
static void fill_selected(tn_walk *w)
{
    const tn_scan *scan = w->scan;
    uint32_t count = 0;
    for (uint32_t i = 0; i < scan->n;) {
        uint32_t id = scan->first + i, bit = id % 64, end = 64 - bit < scan->n - i ? i + 64 - bit : scan->n;
        uint64_t word = 0;
        for (; i < end; i++, bit++)
            word |= (uint64_t)(scan->state[i] == TN_ROW_SELECTED) << bit;
        w->selected->words[id / 64] |= word;
        count += (uint32_t)__builtin_popcountll(word);
    }
    w->selected->count += count;
}

/* Rows of the columns that not all objects have are counted in bits of the kinds. */
static int fill(tn_walk *w, tn_error *err)
{
    const tn_scan *scan = w->scan;
    uint64_t length = w->next.length, hash = w->next.hash, buffer = w->next.buffer, reference = w->next.reference;
    fill_flags(w);
    fill_selected(w);
    for (uint32_t i = 0; i < scan->n; i++) {
        uint32_t shape = scan->shape[i];
        unsigned kind = w->kinds[shape];
        uint64_t degree = 0;
        if ((kind & TN_WALK_RUN) && w->degrees.present)
            TN_TRY(tn__stream_at(&w->degrees, w->next.degree++, &degree, err));
        w->degree[i] = (uint32_t)degree;
        w->length_row[i] = length;
        w->hash_row[i] = hash;
        w->buffer_row[i] = buffer;
        w->reference_row[i] = reference;
        length += kind & TN_WALK_LENGTH;
        hash += kind / TN_WALK_HASH & 1;
        buffer += (w->flags[i] & TN_NODE_BUFFERS) >> 8;
        reference += w->n_fixed[shape] + degree;
    }
    w->next.length = length;
    w->next.hash = hash;
    w->next.buffer = buffer;
    w->next.reference = reference;
    w->n = scan->n;
    w->at = 0;
    return 1;
}

int tn__walk_turn(tn_walk *w, tn_error *err)
{
    int more = tn__scan_next(w->scan, err);
    return more > 0 ? fill(w, err) : more;
}

/* ---- the current object ---- */

int tn__walk_length(tn_walk *w, uint64_t *out, tn_error *err)
{
    *out = TN_UNKNOWN;
    if (!w->lengths.present || !(w->kinds[tn__walk_shape(w)] & TN_WALK_LENGTH))
        return TN_OK;
    return tn__stream_at(&w->lengths, w->length_row[w->at], out, err);
}

int tn__walk_hash(tn_walk *w, uint64_t *out, tn_error *err)
{
    *out = TN_UNKNOWN;
    if (!w->hashes.present || !(w->kinds[tn__walk_shape(w)] & TN_WALK_HASH))
        return TN_OK;
    return tn__stream_at(&w->hashes, w->hash_row[w->at], out, err);
}

int tn__walk_own_block(tn_walk *w, uint64_t *out, tn_error *err)
{
    uint64_t own = w->scan->bytes[w->at], size;
    uint32_t n = (w->flags[w->at] & TN_NODE_BUFFERS) >> 8;
    *out = TN_UNKNOWN;
    if (!w->scan->flag.data || (n && !w->buffers.present))
        return TN_OK;
    for (uint32_t i = 0; i < n; i++) {
        TN_TRY(tn__stream_at(&w->buffers, w->buffer_row[w->at] + i, &size, err));
        own -= size < own ? size : own;
    }
    *out = own;
    return TN_OK;
}

int tn__walk_target(tn_walk *w, uint64_t index, uint32_t *out, tn_error *err)
{
    uint64_t target = 0;
    if (w->references.present)
        TN_TRY(tn__stream_at(&w->references, w->reference_row[w->at] + index, &target, err));
    *out = (uint32_t)target - 1;
    return TN_OK;
}

uint64_t tn__walk_held(const tn_walk *w)
{
    return w->kinds[tn__walk_shape(w)] & TN_WALK_PAIRS ? w->degree[w->at] / 2 : w->degree[w->at];
}

static int next_previews(tn_walk *w, tn_error *err)
{
    tn_preview_block b;
    int status = tn__preview_block(w->snapshot, w->previews.block, SLOT_PREVIEWS, &b, err);
    if (status == TN_ENOTFOUND)
        return 0;
    TN_TRY(status);
    w->previews.block++;
    w->previews.at = 0;
    w->previews.b = b;
    w->previews.bytes = b.bytes;
    return 1;
}

int tn__walk_preview(tn_walk *w, tn_preview *out, tn_error *err)
{
    uint32_t node = tn__walk_node(w);
    *out = (tn_preview){0};
    for (;;) {
        while (w->previews.at < w->previews.b.n && w->previews.b.nodes[w->previews.at] < node)
            w->previews.bytes += w->previews.b.lengths[w->previews.at++];
        if (w->previews.at < w->previews.b.n)
            break;
        int more = next_previews(w, err);
        if (more <= 0)
            return more;
    }
    uint32_t at = w->previews.at;
    if (w->previews.b.nodes[at] == node)
        *out = (tn_preview){w->previews.b.kinds[at], w->previews.b.lengths[at], w->previews.bytes};
    return TN_OK;
}
