/* describe.h - what describing an object is made of: spans of references and private buffers are added to a description. */
#ifndef TN_DESCRIBE_H
#define TN_DESCRIBE_H

#include "engine/walk.h"

static inline tn_span *tn__add_span(tn_description *d, enum tn_span_kind kind, uint64_t base, uint64_t count)
{
    tn_span *s = &d->spans[d->n_spans++];
    s->kind = (uint8_t)kind;
    s->local = false;
    s->base = base;
    s->count = count;
    return s;
}

/* Memory of a copied process may be torn: spans and buffers outside it are left out and counted. */
static inline bool tn__span_readable(tn_walk *w, uint64_t address, uint64_t bytes)
{
    if (tn__usable(w, address, bytes))
        return true;
    w->unreadable++;
    return false;
}

static inline void tn__add_array(tn_walk *w, tn_description *d, uint64_t base, uint64_t count)
{
    if (count && base && !(count >> 60) && tn__span_readable(w, base, 8 * count))
        tn__add_span(d, TN_SPAN_ARRAY, base, count);
}

/* What the offsets of fixed fields count from; 0: not to be read. */
static inline uint64_t tn__fields_base(tn_walk *w, uint64_t object, const tn_type_info *t)
{
    if (__builtin_expect(!t->after_items, 1))
        return object;
    uint64_t n = tn_load64(&w->target->memory, object + 16), base = object + t->item_size * n;
    bool good = !(n >> 32) && tn__span_readable(w, base + t->offsets[0], t->basic_size - t->offsets[0]);
    return good ? base : 0;
}

static inline void tn__note_buffer(tn_description *d, uint8_t kind, uint64_t address, uint64_t nominal)
{
    if (address && d->n_buffers < TN_MAX_BUFFERS)
        d->buffers[d->n_buffers++] = (tn_buffer){address, nominal, kind};
}

static inline void tn__note_bytes(tn_description *d, uint8_t kind, uint64_t bytes)
{
    if (bytes && d->n_buffers < TN_MAX_BUFFERS)
        d->buffers[d->n_buffers++] = (tn_buffer){0, bytes, kind};
}

/* internals.c */
uint32_t tn__describe_type(tn_walk *w, uint64_t object, tn_description *d, uint32_t n);
void tn__describe_code(tn_walk *w, uint64_t object, tn_description *d);
void tn__describe_traverse(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d);
void tn__describe_meta(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d, uint32_t n_extra);
void tn__describe_scan(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d);
/* Does an object seem to start there? Its type must be one that is already known. */
bool tn__seems_object(tn_walk *w, uint64_t word);
bool tn__describe_frame(tn_walk *w, uint64_t frame, tn_type_info *t, tn_description *d);

/* frames.c */
bool tn__describe_generator(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d);

/* named.c */
void tn__names_make(tn_walk *w, tn_type_info *t);
/* Puts named references in front of scratch, which holds what tp_traverse reported. */
void tn__names_give(tn_walk *w, uint64_t object, const tn_type_info *t, const tn_description *d);
/* The references of a node as pairs, below it nodes; false: it is no such node, and stays as reported. */
bool tn__names_hamt(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d);

#endif
