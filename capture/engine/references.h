/* references.h - goes over the references of a described object. Inline: both passes spend their time here, and each is
 * compiled with its own function in place of the call.
 */
#ifndef TN_REFERENCES_H
#define TN_REFERENCES_H

#include "engine/walk.h"

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

static inline __attribute__((always_inline)) void tn__each_in_span(tn_walk *w, uint64_t object, const tn_span *s,
                                                                   tn_each each)
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
            each(w, tn_load64(m, object + s->offsets[i]));
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

static inline __attribute__((always_inline)) void tn__each_reference(tn_walk *w, uint64_t object,
                                                                     const tn_description *d, tn_each each)
{
    for (unsigned i = 0; i < d->n_spans; i++)
        tn__each_in_span(w, object, &d->spans[i], each);
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
