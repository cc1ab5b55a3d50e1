/* bundle.h - the columns of a bundle of nodes, and how a thread appends to those of the bundle at hand.
 *
 * A column is a chain of blocks of equal row counts that never move; node columns have one block, as long as the bundle.
 * Appending is inline: it is what the second pass does most.
 */
#ifndef TN_BUNDLE_H
#define TN_BUNDLE_H

#include "engine/walk.h"

bool tn__bundles_make(tn_walk *w); /* for all nodes; false: no memory */
bool tn__bundle_begin(tn_walk *w, uint32_t index);
void tn__bundle_end(tn_walk *w);
bool tn__next_block(tn_walk *w, tn_column_data *c);
void tn__note_big(tn_walk *w, tn_column_data *c, uint64_t row, uint64_t value);

/* A block of the node whose row comes next. */
static inline void tn__note_owned(tn_walk *w, uint32_t kind, uint64_t address)
{
    tn_owned *place = __builtin_expect(w->noting, 0) ? tn__list_add(w, &w->owned, sizeof *place, 1) : NULL;
    if (place)
        *place = (tn_owned){address, w->rows.bundle * TN_NODE_BLOCK + w->rows.n, kind};
}

static inline void tn__add32(tn_walk *w, tn_column_data *c, uint32_t value)
{
    if (__builtin_expect(c->at == c->end, 0) && !tn__next_block(w, c))
        return;
    memcpy(c->at, &value, 4);
    c->at += 4;
}

static inline void tn__add64(tn_walk *w, tn_column_data *c, uint64_t value)
{
    if (__builtin_expect(c->at == c->end, 0) && !tn__next_block(w, c))
        return;
    memcpy(c->at, &value, 8);
    c->at += 8;
}

static inline void tn__add_reference(tn_walk *w, uint32_t id)
{
    tn_column_data *c = &w->columns[TN_WALK_REFS];
    if (__builtin_expect(c->at == c->end, 0) && !tn__next_block(w, c))
        return;
    memcpy(c->at, &id, 4);
    c->at += c->width;
}

static inline void tn__add_number(tn_walk *w, tn_column_data *c, uint64_t value)
{
    if (__builtin_expect(c->at == c->end, 0) && !tn__next_block(w, c))
        return;
    *c->at++ = value < UINT8_MAX ? (uint8_t)value : UINT8_MAX;
    if (__builtin_expect(value >= UINT8_MAX, 0))
        tn__note_big(w, c, tn__column_count(c) - 1, value);
}

static inline void tn__add_bytes(tn_walk *w, tn_column_data *c, uint64_t bytes)
{
    if (__builtin_expect(c->at == c->end, 0) && !tn__next_block(w, c))
        return;
    bool small = (bytes & 15) == 0 && bytes >> 4 < UINT8_MAX;
    *c->at++ = small ? (uint8_t)(bytes >> 4) : UINT8_MAX;
    if (__builtin_expect(!small, 0))
        tn__note_big(w, c, tn__column_count(c) - 1, bytes);
}

static inline void tn__add16(tn_walk *w, tn_column_data *c, uint16_t value)
{
    if (__builtin_expect(c->at == c->end, 0) && !tn__next_block(w, c))
        return;
    memcpy(c->at, &value, 2);
    c->at += 2;
}

static inline void tn__add_row(tn_walk *w, uint32_t shape, uint64_t size, uint64_t refcount, uint32_t flags)
{
    tn_rows *rows = &w->rows;
    uint32_t n = rows->n++;
    bool small = (size & 15) == 0 && size >> 4 < UINT8_MAX;
    rows->shapes[n] = shape < UINT16_MAX ? (uint16_t)shape : UINT16_MAX;
    rows->sizes[n] = small ? (uint8_t)(size >> 4) : UINT8_MAX;
    rows->refcounts[n] = refcount < UINT8_MAX ? (uint8_t)refcount : UINT8_MAX;
    rows->flags[n] = (uint16_t)flags;
    if (__builtin_expect(shape >= UINT16_MAX, 0))
        tn__note_big(w, &w->columns[TN_WALK_SHAP], n, shape);
    if (__builtin_expect(!small, 0))
        tn__note_big(w, &w->columns[TN_WALK_SIZE], n, size);
    if (__builtin_expect(refcount >= UINT8_MAX, 0))
        tn__note_big(w, &w->columns[TN_WALK_REFC], n, refcount < UINT32_MAX ? refcount : UINT32_MAX);
}

#endif
