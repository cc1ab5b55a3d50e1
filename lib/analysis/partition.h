/* partition.h - what group an object falls into: the engine under groups.c. Private to lib/.
 *
 *   shape, number or column of keys -> row of each object of a tile -> sums (groups.c)
 *
 *   partition.c         which way for which enum tn_by
 *   partition_shape.c   what the shape tells: type, module, distribution
 *   partition_number.c  what a number tells: size, generation, hash of the content, stack
 *   partition_edge.c    what references tell: dicts of instances, kinds of holders, references held by
 *   heads.c, flood.c    what alone reaches an object: roots, threads, frames, heads of the user's
 *   places.h            places: the shortest paths without indices and keys
 *   nummap.c, bag.c     numbers of numbers, and of sets of numbers
 */
#ifndef TN_PARTITION_H
#define TN_PARTITION_H

#include "analysis/analysis.h"
#include "graph/graph.h"

/* ---- nummap.c ---- */

/* From a 64-bit number to one above 0. */
typedef struct tn_map_slot {
    uint64_t key;
    uint32_t value; /* 0: empty */
} tn_map_slot;
typedef struct tn_map {
    const tn_alloc *alloc;
    tn_map_slot *slots;
    uint32_t n, n_slots;
} tn_map;
/* *value is 0 where the key is new, and must be set then; it is valid until the next call. */
int tn__map_slot(tn_map *map, uint64_t key, uint32_t **value, tn_error *err);
uint32_t tn__map_get(const tn_map *map, uint64_t key);       /* 0: it is not there */
int tn__map_reserve(tn_map *map, uint32_t n, tn_error *err); /* room for n keys in all */
void tn__map_fetch(const tn_map *map, uint64_t key);         /* it will be asked for soon */
void tn__map_free(tn_map *map);

/* ---- bag.c ---- */

/* Sets of numbers, each known by a number itself. */
enum { TN_BAG_EMPTY, TN_BAG_MANY, TN_BAG_FIRST };
typedef struct tn_bag {
    const tn_alloc *alloc;
    uint32_t most;  /* members a set may have; with more it is TN_BAG_MANY */
    tn_buf members; /* uint32_t, ascending in each set */
    tn_buf starts;  /* uint32_t, one a set and the end */
    tn_buf singles; /* uint32_t by member: the set of it alone + 1; 0: none yet */
    tn_map steps;   /* set and another member -> set + 1 */
    tn_map known;   /* hash of the members -> set + 1; of two and more */
    uint32_t n;
} tn_bag;
int tn__bag_init(tn_bag *bag, const tn_alloc *a, uint32_t most, tn_error *err);
void tn__bag_free(tn_bag *bag);
/* The set with one more member. */
int tn__bag_add(tn_bag *bag, uint32_t set, uint32_t member, uint32_t *out, tn_error *err);
const uint32_t *tn__bag_members(const tn_bag *bag, uint32_t set, uint32_t *n);

typedef struct tn_holders tn_holders;
typedef struct tn_places tn_places;

/* Rows are numbered as they are met; a row may stay empty. */
typedef struct tn_partition {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    enum tn_by by;
    tn_arena arena;
    uint32_t n_rows;
    const char **names; /* of the first n_names rows, or NULL */
    uint32_t n_names;
    uint32_t *by_shape;  /* row of each shape, or NULL */
    uint32_t *by_object; /* row of each object, before by_shape where it is not TN_NONE; or NULL */
    struct {
        tn_map rows;     /* by number */
        tn_buf values;   /* uint64_t of each row */
        tn_buf examples; /* SITE: uint32_t of each row, an entry of STAK */
        uint64_t at;     /* next row of the column that has the numbers, in a pass over the objects */
    } numbers;
    tn_holders *holders;     /* of RCS and VIA */
    const tn_places *places; /* of PATH; the snapshot's */
    uint32_t *heads; /* node of each of the first n_heads rows, in the arena; then come "(shared)" and "(other)" */
    uint32_t n_heads;
    tn_buf threads; /* FRAME: uint32_t, the thread of each head */
} tn_partition;

/* o: its heads alone count. */
int tn__partition_make(tn_snapshot *s, const tn_set *set, enum tn_by by, const tn_groups_options *o, tn_partition *out,
                       tn_error *err);
void tn__partition_free(tn_partition *p);
/* Before a pass over tiles in order. */
void tn__partition_rewind(tn_partition *p);
/* Rows of a tile's selected objects; those of others mean nothing. */
int tn__partition_rows(tn_partition *p, const tn_scan *scan, uint32_t *rows, tn_error *err);
/* Text of a row, appended with a NUL. */
int tn__partition_label(tn_partition *p, uint32_t row, uint32_t largest_id, tn_buf *out, tn_error *err);
int tn__partition_brief(tn_partition *p, uint32_t id, tn_buf *out, tn_error *err); /* "str: 'text'" of an object */

/* ---- partition_shape.c ---- */
int tn__partition_shapes(tn_partition *p, tn_error *err);
/* As by type; *dicts_of (n_types, in the arena): the row for the dict of an instance of each type. */
int tn__partition_classes(tn_partition *p, const uint32_t **dicts_of, tn_error *err);

/* ---- partition_number.c ---- */
uint64_t tn__partition_number(const tn_partition *p, uint32_t row);
int tn__partition_number_rows(tn_partition *p, const tn_scan *scan, uint32_t *rows, tn_error *err);
int tn__partition_number_label(tn_partition *p, uint32_t row, uint32_t largest_id, tn_buf *out, tn_error *err);

/* ---- partition_edge.c: classes with the dicts of instances; what objects are held by ---- */
/* Each dict that a reference called __dict__ leads to, with the object that has it; in order of these. */
int tn__dicts_of_instances(tn_snapshot *s, void (*each)(void *ctx, uint32_t dict, uint32_t owner), void *ctx,
                           tn_error *err);
int tn__partition_clodo(tn_partition *p, tn_error *err); /* of all nodes */
int tn__partition_holders(tn_partition *p, const tn_set *set, tn_error *err);
int tn__partition_holders_label(tn_partition *p, uint32_t row, tn_buf *out, tn_error *err);
void tn__partition_holders_free(tn_partition *p);

/* ---- flood.c ---- */

#define TN_FLOOD_SHARED (TN_NONE - 1)
#define TN_FLOOD_OUTSIDE (TN_NONE - 2)
/* One label a node: what alone reaches it over references that hold. Sources keep their label and stop all others; what
 * two labels reach is shared, and so is what that reaches; OUTSIDE is stronger than any other. TN_NONE: nothing reaches
 * it. */
typedef struct tn_flood {
    tn_graph graph;
    const tn_alloc *alloc;
    uint32_t *labels; /* n_nodes; the caller's to take */
    tn_set *sources;  /* of n_nodes */
    tn_set *holders;  /* of n_nodes */
    tn_buf stack;     /* uint32_t */
} tn_flood;
int tn__flood_open(tn_snapshot *s, tn_flood *out, tn_error *err);
void tn__flood_close(tn_flood *f);
int tn__flood_source(tn_flood *f, uint32_t node, uint32_t label, tn_error *err); /* unless it is one already */
int tn__flood_reach(tn_flood *f, uint32_t node, uint32_t label, tn_error *err);  /* as by a reference */
int tn__flood_run(tn_flood *f, tn_error *err);

/* ---- heads.c: ROOT THREAD FRAME HEADS ---- */
int tn__partition_heads(tn_partition *p, const tn_groups_options *o, tn_error *err);
int tn__partition_heads_label(tn_partition *p, uint32_t row, tn_buf *out, tn_error *err);

/* ---- places.c: PATH ---- */
int tn__partition_places(tn_partition *p, tn_error *err);
int tn__partition_place_rows(tn_partition *p, const tn_scan *scan, uint32_t *rows);
int tn__partition_place_label(tn_partition *p, uint32_t row, tn_buf *out, tn_error *err);

#endif
