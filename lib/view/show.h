/* show.h - one object with its neighbours, between show.c (what) and its two forms. */
#ifndef TN_SHOW_H
#define TN_SHOW_H

#include "view/view.h"

typedef struct tn_neighbour {
    uint32_t id;
    tn_reference reference;
    uint64_t label, preview; /* offsets in texts; UINT64_MAX: none */
    const char *type;        /* full name */
    uint64_t address, size;
    uint64_t
        count; /* references that the row stands for: more than 1 where functions are folded, whose size is that of all */
} tn_neighbour;

typedef struct tn_neighbours {
    tn_buf rows; /* tn_neighbour */
    uint32_t n_rows;
    uint64_t n_all, n_folded; /* references; of them those in a row of another */
    uint32_t folds[2];        /* 1 + row where functions are folded: by __globals__, by __builtins__ */
} tn_neighbours;

typedef struct tn_show {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_set *set; /* of --where and within the set of the options, or NULL */
    uint32_t limit;
    bool sorted, descending;
    bool fold,
        folding;   /* functions that refer to a dict are one row by __globals__, one by __builtins__; to this object */
    size_t column; /* enum tn_show_column of show.c */
    tn_node node;
    tn_type type;
    tn_buf texts, scratch; /* NUL-terminated texts of the rows; one text */
    uint64_t preview;      /* offset in texts, or UINT64_MAX */
    tn_neighbours references, referrers;
} tn_show;

enum { TN_SHOW_REFERENCES = 1, TN_SHOW_REFERRERS = 2 };
/* Options are read once, lists filled for one object after another; close in any case. */
int tn__show_open(tn_show *show, tn_snapshot *s, const tn_view_options *o, tn_error *err);
int tn__show_fill(tn_show *show, uint32_t id, unsigned lists, tn_error *err);
void tn__show_close(tn_show *show);
static inline const tn_neighbour *tn__show_row(const tn_neighbours *list, uint32_t i)
{
    return (const tn_neighbour *)(const void *)list->rows.data + i;
}
static inline const char *tn__show_text(const tn_show *show, uint64_t at)
{
    return at == UINT64_MAX ? NULL : (const char *)show->texts.data + at;
}
const char *tn__part_name(uint8_t kind);
const char *tn__kind_name(enum tn_reference_kind kind);
/* Flags in words; calls each for every word. */
void tn__show_flags(const tn_show *show, void (*each)(void *ctx, const char *word), void *ctx);
int tn__show_text_form(const tn_show *show, const tn_view_options *o, tn_out *out, tn_error *err);
int tn__show_json_form(const tn_show *show, const tn_view_options *o, tn_out *out, tn_error *err);

#endif
