/* waste_room.c - what single objects take without using it: room in containers, empty containers, second copies of texts,
 * bytes of zeros.
 *
 * Room is what a copy would not have; it is told where that is a quarter of the container or more, so that the room with
 * which lists grow, an eighth, never is.
 */
#include "analysis/waste.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { WORD = 8, TABLE_LEAST = 8, DEQUE_BLOCK_ITEMS = 64, DEQUE_BLOCK_BYTES = 528 };

/* ---- what a copy would take ---- */

static uint64_t usable(unsigned log2)
{
    return (2ull << log2) / 3;
}

/* Objects/dictobject.c, 3.11 on: a header, an index a slot, an entry of two or three words for two slots of three. */
static uint64_t dict_table(uint64_t n_usable, unsigned log2, unsigned entry)
{
    enum { HEADER = 32 };
    uint64_t index = log2 < 8 ? 1 : log2 < 16 ? 2 : log2 < 32 ? 4 : 8;
    return HEADER + (index << log2) + entry * n_usable;
}

static uint64_t dict_needs(const tn_waste_heap *h, const tn_waste_cursor *c, uint64_t n)
{
    enum { PLAIN_ENTRY = 16, HASHED_ENTRY = 24 };
    unsigned log2 = 3, now = 3;
    if (!n)
        return 0;
    while (usable(now) < c->capacity && now < 56)
        now++;
    while (usable(log2) < n && log2 < now)
        log2++;
    bool hashed = c->buffers >= dict_table(usable(now), now, HASHED_ENTRY);
    return tn__waste_block(h, dict_table(usable(log2), log2, hashed ? HASHED_ENTRY : PLAIN_ENTRY));
}

/* Objects/setobject.c: up to four members stand in the set itself. */
static uint64_t set_needs(const tn_waste_heap *h, uint64_t n)
{
    enum { FEW = 4, SLOT = 16 };
    uint64_t slots = TABLE_LEAST;
    while (slots <= 2 * n)
        slots *= 2;
    return n <= FEW ? 0 : tn__waste_block(h, SLOT * slots);
}

static uint64_t deque_needs(const tn_waste_heap *h, uint64_t n)
{
    uint64_t blocks = (n + DEQUE_BLOCK_ITEMS - 1) / DEQUE_BLOCK_ITEMS;
    return (blocks ? blocks : 1) * tn__waste_block(h, DEQUE_BLOCK_BYTES);
}

/* Of a dict, or an instance of a subclass. An OrderedDict has links besides. */
static uint64_t mapping_needs(const tn_waste_heap *h, const tn_waste_cursor *c, uint64_t n)
{
    bool exact = tn__waste_type(h, c->id) == TN_WASTE_TYPE_DICT;
    bool pairs = (tn__waste_shape(h, c->id)->flags & TN_RUN_STYLE) == TN_RUN_PAIRS;
    if (exact ? !tn__waste_is_plain_dict(h, c->id) : !pairs || c->buffers != c->buffer_bytes[TN_BUFFER_KEYS])
        return TN_UNKNOWN;
    return dict_needs(h, c, n);
}

/* TN_UNKNOWN: it is no container with room. *n: what is in it. */
static uint64_t needs(const tn_waste_heap *h, const tn_waste_cursor *c, uint64_t *n)
{
    enum tn_waste_type type = tn__waste_base(h, c->id);
    *n = type == TN_WASTE_TYPE_BYTEARRAY || type == TN_WASTE_TYPE_ARRAY ? c->length : tn__waste_elements(h, c->id);
    switch (type) {
    case TN_WASTE_TYPE_LIST: return tn__waste_block(h, WORD * *n);
    case TN_WASTE_TYPE_DICT: return mapping_needs(h, c, *n);
    case TN_WASTE_TYPE_SET:
    case TN_WASTE_TYPE_FROZENSET: return set_needs(h, *n);
    case TN_WASTE_TYPE_DEQUE: return deque_needs(h, *n);
    case TN_WASTE_TYPE_BYTEARRAY: return *n == TN_UNKNOWN ? TN_UNKNOWN : *n ? tn__waste_block(h, *n + 1) : 0;
    case TN_WASTE_TYPE_ARRAY: return *n == TN_UNKNOWN ? TN_UNKNOWN : tn__waste_block(h, *n);
    default: return TN_UNKNOWN;
    }
}

/* ---- finders ---- */

/* From 3.15 on the bytes of a bytearray are a bytes object, which nobody else has. */
static int look_at_inner(tn_waste *w, const tn_waste_cursor *c, tn_error *err)
{
    enum { HEADER = 33 }; /* with the NUL behind the last byte */
    const tn_waste_heap *h = &w->heap;
    for (uint64_t e = h->graph.offsets[c->id]; e < h->graph.offsets[c->id + 1]; e++) {
        uint32_t inner = h->graph.targets[e];
        if (inner >= h->graph.n_objects || !tn__set_test(h->inner, inner) || c->length == TN_UNKNOWN)
            continue;
        uint64_t need = c->length ? tn__waste_block(h, HEADER + c->length) : 0, size = h->sizes[inner];
        if (size > need && size - need >= (size + h->sizes[c->id]) / 4)
            return tn__waste_add(h, &w->items[TN_WASTE_ROOM], inner, c->id, size - need, err);
    }
    return TN_OK;
}

/* Empty, held by one reference, and without attributes of its own. */
static bool is_empty(const tn_waste_heap *h, const tn_waste_cursor *c)
{
    tn_type type;
    uint32_t row = tn__waste_shape(h, c->id)->type;
    bool attributes = tn_snapshot_type(h->snapshot, row, &type) < 0 || (type.flags & TN_TYPE_DICT && !h->fixed[row]);
    if (!h->refcounts || h->refcounts[c->id] != 1 || h->bases[row] == TN_WASTE_TYPE_FROZENSET || attributes)
        return false;
    if (h->types[row] == TN_WASTE_TYPE_DICT && !tn__waste_is_plain_dict(h, c->id))
        return false;
    bool data = h->bases[row] == TN_WASTE_TYPE_BYTEARRAY || h->bases[row] == TN_WASTE_TYPE_ARRAY;
    return data ? c->length == 0 : tn__waste_elements(h, c->id) == 0;
}

/* A deque takes a block of 64 places for one item; against that a list of as many. Modules/_collectionsmodule.c */
static uint64_t above_list(const tn_waste_heap *h, uint32_t id, uint64_t n)
{
    enum { MOST = 8, LIST_OBJECT = 56 };
    uint64_t list = tn__waste_block(h, LIST_OBJECT) + tn__waste_block(h, WORD * n);
    return n && n <= MOST && h->sizes[id] > list ? h->sizes[id] - list : 0;
}

static int look_at_container(tn_waste *w, const tn_waste_cursor *c, tn_error *err)
{
    const tn_waste_heap *h = &w->heap;
    uint64_t n, need = needs(h, c, &n), size = h->sizes[c->id];
    uint64_t buffers = c->buffers - c->buffer_bytes[TN_BUFFER_VALUES]; /* those hold attributes of a subclass */
    uint64_t room = need != TN_UNKNOWN && buffers > need ? buffers - need : 0;
    if (room && room >= size / 4)
        return tn__waste_add(h, &w->items[TN_WASTE_ROOM], c->id, TN_NONE, room, err);
    if (is_empty(h, c))
        return tn__waste_add(h, &w->items[TN_WASTE_EMPTY], c->id, TN_NONE, size, err);
    if (tn__waste_type(h, c->id) == TN_WASTE_TYPE_DEQUE)
        return tn__waste_add(h, &w->items[TN_WASTE_FEW], c->id, TN_NONE, above_list(h, c->id, n), err);
    return TN_OK;
}

static uint64_t hash_of_zeros(uint64_t n)
{
    static const uint8_t zeros[4096];
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (uint64_t at = 0; at < n; at += sizeof zeros)
        XXH3_64bits_update(&state, zeros, n - at < sizeof zeros ? (size_t)(n - at) : sizeof zeros);
    return XXH3_64bits_digest(&state);
}

/* What is not to be counted to any more: a file may tell of any length. */
typedef struct tn_zeros {
    uint64_t left; /* bytes that may still be hashed */
    uint64_t length, hash;
} tn_zeros;

static bool are_zeros(tn_zeros *zeros, const tn_waste_cursor *c)
{
    if (c->length != zeros->length) {
        if (c->length > zeros->left)
            return false;
        zeros->left -= c->length;
        zeros->length = c->length;
        zeros->hash = hash_of_zeros(c->length);
    }
    return zeros->hash == c->hash;
}

static int look_at_bytes(tn_waste *w, tn_zeros *zeros, const tn_waste_cursor *c, tn_error *err)
{
    enum { LARGE = 65536 };
    enum tn_waste_kind kind = tn__waste_is_data(&w->heap, c->id) ? TN_WASTE_ZERO_DATA : TN_WASTE_ZEROS;
    if (c->hash == TN_UNKNOWN || c->length == TN_UNKNOWN || c->length < LARGE || !are_zeros(zeros, c))
        return TN_OK;
    return tn__waste_add(&w->heap, &w->items[kind], c->id, TN_NONE, w->heap.sizes[c->id], err);
}

int tn__waste_room(tn_waste *w, tn_error *err)
{
    const tn_waste_heap *h = &w->heap;
    tn_waste_cursor c = {0};
    tn_zeros zeros = {.left = 4ull << 30};
    while (tn__waste_next(h, &c)) {
        enum tn_waste_type type = tn__waste_type(h, c.id), base = tn__waste_base(h, c.id);
        uint64_t copies = c.buffer_bytes[TN_BUFFER_UTF8] + c.buffer_bytes[TN_BUFFER_WIDE];
        if (type == TN_WASTE_TYPE_STR && copies)
            TN_TRY(tn__waste_add(h, &w->items[TN_WASTE_SECOND_COPY], c.id, TN_NONE, copies, err));
        else if (type == TN_WASTE_TYPE_BYTES || type >= TN_WASTE_TYPE_BYTEARRAY)
            TN_TRY(look_at_bytes(w, &zeros, &c, err));
        if (base >= TN_WASTE_TYPE_FROZENSET && base != TN_WASTE_TYPE_NDARRAY)
            TN_TRY(look_at_container(w, &c, err));
        if (type == TN_WASTE_TYPE_BYTEARRAY)
            TN_TRY(look_at_inner(w, &c, err));
    }
    return TN_OK;
}
