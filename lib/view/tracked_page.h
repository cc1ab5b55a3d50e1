/* tracked_page.h - the page of tracked classes, between what is asked and its two forms.
 *
 *   tracked_page.c   which classes and instances, in what order
 *   tracked_text.c   snapshots, classes, instances as tables; tracked_curves.c: growth and ages in a few characters
 *   tracked_json.c   the same as JSON, with every snapshot and the sizes at each
 */
#ifndef TN_TRACKED_PAGE_H
#define TN_TRACKED_PAGE_H

#include "snapshot/tracked.h"
#include "view/view.h"

/* Where an instance was sized: a moment and its row there; moment SIZE_MAX: nowhere. */
typedef struct tn_tracked_place {
    size_t moment, row;
} tn_tracked_place;

typedef struct tn_tracked_page_made {
    tn_snapshot *snapshot;
    const tn_view_options *o;
    const tn_tracked *all;
    const tn_alloc *alloc;
    tn_tracked_place *first, *last; /* of each instance */
    bool *selected;                 /* of each class */
    size_t *named, *next_named;     /* of each class its first instance with a name, of that the next; SIZE_MAX: none */
    tn_order_key *kinds, *instances;      /* those that are selected, in order */
    size_t n_kinds, n_instances, n_shown; /* shown: of the instances */
    bool derived;                         /* a class has another one as its base */
} tn_tracked_page_made;

/* Bytes that add up of an instance, where it was sized last, or first; 0 where it never was. */
uint64_t tn__tracked_bytes(const tn_tracked_page_made *p, tn_tracked_place at);
uint64_t tn__tracked_flat(const tn_tracked_page_made *p, tn_tracked_place at);
uint64_t tn__tracked_retained(const tn_tracked_page_made *p, tn_tracked_place at);
/* Of a class at a moment; NULL: it is not told there. */
const tn_tracked_sum *tn__tracked_sum_at(const tn_tracked_moment *m, uint32_t kind);
const tn_tracked_moment *tn__tracked_last(const tn_tracked *t); /* NULL: there is none */
uint64_t tn__tracked_alive(const tn_tracked_kind *k);
/* At a moment, of a class and all that are derived from it. */
tn_tracked_sum tn__tracked_family(const tn_tracked *t, const tn_tracked_moment *m, uint32_t kind);
const tn_tracked_tree *tn__tracked_tree_at(const tn_tracked *t, const tn_tracked_moment *m, uint64_t serial);
uint64_t tn__tracked_median_ns(const tn_tracked_kind *k); /* of ages at death, at most that; TN_UNKNOWN: nobody died */

/* ---- tracked_curves.c ---- */

enum { TN_CURVE = 24, TN_CURVE_ROOM = 4 * TN_CURVE };
/* Bytes over the moments, at most TN_CURVE places, in characters of eight heights; "" where there is one moment or none. */
void tn__tracked_growth(const tn_tracked *t, uint32_t kind, char *out);
/* Deaths by age, from the youngest to the oldest: "1 ms ▁▃█ 8 s". */
void tn__tracked_ages(const tn_tracked_kind *k, char *out, size_t cap);
/* Both as bars below one another. */
void tn__tracked_curves_print(const tn_tracked_page_made *p, uint32_t kind, tn_out *out);

/* ---- the forms ---- */

int tn__tracked_text(const tn_tracked_page_made *p, tn_out *out, tn_error *err);
void tn__tracked_json(const tn_tracked_page_made *p, tn_out *out);

#endif
