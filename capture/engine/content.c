/* content.c - what is kept of a value: its length, hash and preview, appended for the row added last. */
#include "engine/bundle.h"

static bool mark_previewed(tn_walk *w)
{
    enum { BYTES = TN_NODE_BLOCK / 8 };
    uint64_t **bits = &w->reg->bundles[w->rows.bundle].previews;
    if (__builtin_expect(!*bits, 0)) {
        if (!(*bits = tn__arena_get(&w->arena, BYTES))) {
            w->status = TN_ENOMEM;
            return false;
        }
        memset(*bits, 0, BYTES);
    }
    uint32_t node = w->rows.n - 1;
    (*bits)[node / 64] |= 1ull << node % 64;
    return true;
}

/* All threads draw on one budget, a few KiB at a time. */
static bool afford(tn_walk *w, uint32_t n)
{
    enum { SHARE = 65536, BUDGET = 64 << 20 };
    w->totals.previews_eligible++;
    if (__builtin_expect(w->preview_bytes_left < n, 0)) {
        if (__atomic_fetch_add(&w->reg->preview_bytes, SHARE, __ATOMIC_RELAXED) >= BUDGET)
            return false;
        w->preview_bytes_left = SHARE;
    }
    w->preview_bytes_left -= n;
    w->totals.previews_kept++;
    return true;
}

static void put_preview(tn_walk *w, uint16_t kind, const void *bytes, uint32_t n)
{
    tn_column_data *c = &w->columns[TN_WALK_PREV_BYTES];
    if (!afford(w, n) || !mark_previewed(w))
        return;
    tn__add16(w, &w->columns[TN_WALK_PREV_KIND],
              (uint16_t)(n | (kind & TN_PREVIEW_CUT ? TN_WALK_CUT : 0u) | (kind & 15u) << TN_WALK_KIND_SHIFT));
    while ((uint64_t)(c->end - c->at) < n) {
        uint32_t part = (uint32_t)(c->end - c->at);
        if (part)
            memcpy(c->at, bytes, part);
        c->at += part;
        bytes = (const uint8_t *)bytes + part;
        n -= part;
        if (!tn__next_block(w, c))
            return;
    }
    if (n)
        memcpy(c->at, bytes, n);
    c->at += n;
}

/* Bytes from the lowest one on that give the number back when the last one's sign is extended. */
static inline uint32_t significant(int64_t value)
{
    uint64_t magnitude = (uint64_t)(value < 0 ? ~value : value);
    return magnitude ? (64 - (unsigned)__builtin_clzll(magnitude)) / 8 + 1 : 1;
}

void tn__add_preview(tn_walk *w, uint64_t object, const tn_type_info *t)
{
    uint8_t out[TN_PREVIEW_MAX];
    uint16_t kind = 0, n = tn__preview(w, object, t, out, &kind);
    if (n == UINT16_MAX)
        return;
    if (kind == TN_PREVIEW_INT) {
        int64_t value;
        memcpy(&value, out, sizeof value);
        n = (uint16_t)significant(value);
    }
    put_preview(w, kind, out, n);
}

/* Length, hash and preview of a str that tn__plain_str knows. */
void tn__add_text(tn_walk *w, uint64_t object, const tn_type_info *t)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint64_t length = tn_load64(m, object + l->str_length), data = object + l->str_ascii_size;
    uint64_t n = tn__usable(w, data, length) ? length : 0;
    tn__add_number(w, &w->columns[TN_WALK_LENG], length);
    if (t->has_hash)
        tn__add64(w, &w->columns[TN_WALK_HASH], tn__hash(TN_AT(m, data), n));
    uint32_t room = tn__preview_room(w, tn_load32(m, object + l->str_state) & l->str_interned_mask);
    if (room)
        put_preview(w, TN_PREVIEW_TEXT | (n > room || n < length ? TN_PREVIEW_CUT : 0), TN_AT(m, data),
                    (uint32_t)(n < room ? n : room));
}

/* Length and preview of an int of any size. */
void tn__add_int(tn_walk *w, uint64_t object, const tn_type_info *t)
{
    int64_t value;
    uint64_t magnitude;
    bool small = tn__int_small(w, object, &value);
    if (!small) {
        tn__add_number(w, &w->columns[TN_WALK_LENG], tn__int_bits(w, object));
        if (t->previewed)
            tn__add_preview(w, object, t);
        return;
    }
    magnitude = (uint64_t)(value < 0 ? -value : value);
    tn__add_number(w, &w->columns[TN_WALK_LENG], magnitude ? 64u - (unsigned)__builtin_clzll(magnitude) : 0);
    if (t->previewed)
        put_preview(w, TN_PREVIEW_INT, &value, significant(value));
}
