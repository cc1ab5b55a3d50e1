/* reference_rows.h - rows that are references: of objects to objects, and of what is no object to objects. Private to
 * lib/export.
 */
#ifndef TN_REFERENCE_ROWS_H
#define TN_REFERENCE_ROWS_H

#include "export/batches.h"

typedef struct tn_reference_row {
    tn_reference reference;
    uint64_t after; /* position behind it, for tn_reference_iter */
} tn_reference_row;

typedef struct tn_frame_place {
    tn_frame frame;
    uint32_t thread, depth; /* TN_NONE: no thread, none */
} tn_frame_place;

typedef struct tn_reference_state {
    uint32_t source; /* of the next row, from a position on */
    uint64_t position;
    uint64_t *addresses; /* by object: references go anywhere */
    uint32_t *names;     /* words, by row of the table of strings */
    size_t n_addresses, n_names;
    tn_words *words; /* that names count in */
    const uint32_t *shapes;
    tn_frame_place *places; /* by synthetic node; of roots only */
    size_t n_places;
} tn_reference_state;

static inline tn_reference_state *tn__references_state(const tn_batches *b)
{
    return b->state;
}
static inline const tn_reference *tn__reference_at(const tn_batches *b, uint32_t i)
{
    return &((const tn_reference_row *)(const void *)b->rows.data)[i].reference;
}

int tn__references_start(tn_batches *b, tn_error *err);
void tn__references_end(tn_batches *b);
/* The references of one node to objects in targets, from st->position on, up to the limit of the batch. */
int tn__references_add(tn_batches *b, uint32_t source, const tn_set *targets, tn_error *err);
void tn__references_seen(tn_batches *b, uint32_t n_taken);

/* What fills columns that both tables have. */
int tn__fill_source(tn_batches *b, tn_cells *c, tn_error *err);
int tn__fill_target(tn_batches *b, tn_cells *c, tn_error *err);
int tn__fill_key(tn_batches *b, tn_cells *c, tn_error *err);
int tn__fill_kind(tn_batches *b, tn_cells *c, tn_error *err);
int tn__fill_style(tn_batches *b, tn_cells *c, tn_error *err);
int tn__fill_name(tn_batches *b, tn_cells *c, tn_error *err);
int tn__fill_index(tn_batches *b, tn_cells *c, tn_error *err);
int tn__fill_label(tn_batches *b, tn_cells *c, tn_error *err);
int tn__kind_words(tn_batches *b, tn_words **out, tn_error *err);
int tn__style_words(tn_batches *b, tn_words **out, tn_error *err);
int tn__name_words(tn_batches *b, tn_words **out, tn_error *err);

#endif
