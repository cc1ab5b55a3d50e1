/* references.h - goes over the references of a described object. Inline: both passes spend their time here, and each is
 * compiled with its own function in place of the call.
 */
#ifndef TN_REFERENCES_H
#define TN_REFERENCES_H

#include "engine/walk.h"

/* Fetches what the object's memory points to and reading it follows at once. Both passes wait for memory otherwise. */
static inline void tn__fetch_buffer(const tn_walk *w, uint64_t object)
{
    enum { LINE = 64 };
    const tn_memory *m = &w->target->memory;
    uint64_t type = tn_load64(m, object + 8);
    const tn_type_slot *slot = &w->cached_types[tn__type_hash(type) % TN_CACHED];
    if (slot->address != type || !type || !slot->type->buffer_at)
        return;
    uint64_t buffer = tn_load64(m, object + (uint64_t)(int64_t)slot->type->buffer_at);
    __builtin_prefetch(TN_AT(m, buffer));
    __builtin_prefetch(TN_AT(m, buffer + LINE));
}

/* The same for the objects of the next cell; the lines of those of the one after it are fetched. */
static inline __attribute__((always_inline)) void tn__look_ahead(const tn_walk *w, const tn_region *r, unsigned c)
{
    enum { FAR = 2, LINE = 64 };
    uint64_t base = r->key << 20 | (uint64_t)c << 10;
    if (c + FAR < 1024 && tn_region_bits(r, c + FAR))
        for (unsigned i = 0; i < 1024; i += LINE)
            __builtin_prefetch(TN_AT(&w->target->memory, base + FAR * 1024 + i));
    for (uint64_t left = c + 1 < 1024 ? tn_region_bits(r, c + 1) : 0; left; left &= left - 1)
        tn__fetch_buffer(w, base + 1024 + ((uint64_t)__builtin_ctzll(left) << 4));
}

/* What most containers are: a run of references, with or without a buffer of its own. Read without the general machinery
 * of describe.c, which gives the same. */
typedef struct tn_quick {
    uint64_t at, count;       /* of the first reference (pairs: of the first key); 0 count: none */
    uint32_t stride;          /* of pairs; 0: an array */
    uint64_t buffer, nominal; /* address 0: none */
    uint64_t capacity;
} tn_quick;

/* False when this one is not so simple after all. */
static inline bool tn__quick(const tn_walk *w, uint64_t object, const tn_type_info *t, tn_quick *q)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    if (!t->quick || w->strict)
        return false;
    if (t->kind == TN_KIND_TUPLE) {
        *q = (tn_quick){.at = object + l->tuple_items, .count = tn_load64(m, object + 16)};
        return !(q->count >> 60);
    }
    if (t->kind == TN_KIND_LIST) {
        uint64_t items = tn_load64(m, object + l->list_items), room = tn_load64(m, object + l->list_allocated);
        *q = (tn_quick){items, items ? tn_load64(m, object + 16) : 0, 0, items, 8 * room, room};
        return !(q->count >> 60);
    }
    if (tn_load64(m, object + l->dict_values) || object == w->interned)
        return false;
    uint64_t keys = tn_load64(m, object + l->dict_keys), n = tn_load64(m, keys + l->keys_nentries);
    uint64_t room = n + tn_load64(m, keys + l->keys_usable);
    bool general = tn_load8(m, keys + l->keys_kind) == 0;
    uint64_t entries = l->keys_indices + (1ull << tn_load8(m, keys + l->keys_log2_index_bytes));
    uint32_t stride = general ? 24 : 16;
    *q = (tn_quick){keys + entries + (general ? 8 : 0), n, stride, keys, entries + stride * room, room};
    return n <= room && !(room >> 56);
}

/* Takes one reference; absent ones are 0. */
typedef void (*tn_each)(tn_walk *w, uint64_t referent);

static inline uint64_t tn__span_word(const tn_walk *w, const tn_span *s, uint64_t at)
{
    if (!s->local)
        return tn_load64(&w->target->memory, at);
    uint64_t v;
    memcpy(&v, (const void *)(uintptr_t)at, sizeof v);
    return v;
}

enum { TN_DEQUE_ITEMS = 64 }; /* Modules/_collectionsmodule.c, BLOCKLEN */

static inline __attribute__((always_inline)) void tn__each_in_span(tn_walk *w, const tn_span *s, tn_each each)
{
    const tn_memory *m = &w->target->memory;
    uint64_t at = s->base;
    switch (s->kind) {
    case TN_SPAN_ARRAY:
        for (uint64_t i = 0; i < s->count; i++, at += 8)
            each(w, tn__span_word(w, s, at));
        return;
    case TN_SPAN_FIELDS:
        for (uint64_t i = 0; i < s->count; i++)
            each(w, tn_load64(m, at + s->offsets[i]));
        return;
    case TN_SPAN_PAIRS:
        for (uint64_t i = 0; i < s->count; i++, at += s->stride) {
            uint64_t value = tn_load64(m, at + 8);
            if (value) {
                each(w, tn_load64(m, at));
                each(w, value);
            }
        }
        return;
    case TN_SPAN_SET:
        for (uint64_t i = 0; i < s->count; i++, at += 16) {
            uint64_t key = tn_load64(m, at);
            if (key && tn_load64(m, at + 8) != UINT64_MAX) /* dummies have hash -1, which no key has */
                each(w, key);
        }
        return;
    case TN_SPAN_DEQUE:
        for (uint64_t i = 0, index = s->stride; i < s->count && at; i++) {
            each(w, tn_load64(m, at + 8 + 8 * index));
            if (++index == TN_DEQUE_ITEMS) {
                index = 0;
                at = tn_load64(m, at + 8 + 8 * TN_DEQUE_ITEMS);
                if (!tn__usable(w, at, 16 + 8 * TN_DEQUE_ITEMS))
                    return;
            }
        }
        return;
    default:
        for (uint64_t i = 0; i < s->count; i++)
            each(w, 0);
    }
}

static inline __attribute__((always_inline)) void tn__each_reference(tn_walk *w, const tn_description *d, tn_each each)
{
    for (unsigned i = 0; i < d->n_spans; i++)
        tn__each_in_span(w, &d->spans[i], each);
}

/* A str whose text stands inside its block and that has no other form cached: nothing to follow or claim. */
static inline bool tn__plain_str(const tn_walk *w, uint64_t object, const tn_type_info *t)
{
    const tn_layout *l = w->layout;
    uint32_t both = l->str_compact_bit | l->str_ascii_bit;
    return t->plain_str && (tn_load32(&w->target->memory, object + l->str_state) & both) == both &&
           !(l->str_wstr && tn_load64(&w->target->memory, object + l->str_wstr));
}

#endif
