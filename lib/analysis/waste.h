/* waste.h - bytes that a change of the program would give back. Private to lib/.
 *
 *   waste_heap.c    the columns that finders look at, and what a block takes from the allocator
 *   waste_equal.c   values that are there more than once: hashes of contents, bottom-up
 *   waste_room.c    room in containers, empty containers, second copies of texts, bytes of zeros
 *   waste_class.c   attributes that slots would hold, dicts that share their keys no more
 *   waste_slots.c   which classes can have slots, and what is in the way
 *   waste_boxed.c   numbers one by one that an array would hold
 *   waste_holders.c what holds items: the groups that findings go by
 *   waste.c         findings: items of a kind, parted, above the threshold
 *
 * A finder gives items: an object, and how many of its bytes would go. Definitions and formulae: docs/waste.md.
 */
#ifndef TN_WASTE_H
#define TN_WASTE_H

#include "analysis/partition.h"

enum { TN_WASTE_LEAST_EQUAL = 10, TN_WASTE_LEAST_EQUAL_LARGE = 2, TN_WASTE_LARGE = 128, TN_WASTE_LEAST_BOXED = 16 };

typedef struct tn_waste_item {
    uint32_t id;
    uint32_t
        subject; /* row of TYPE where the kind goes by classes; the container that it belongs to, TN_NONE: it is one itself;
                         later the finding, TN_NONE: none */
    uint64_t saved;
} tn_waste_item;

/* What a type is here, by its name. */
enum tn_waste_type {
    TN_WASTE_TYPE_OTHER,
    TN_WASTE_TYPE_STR,
    TN_WASTE_TYPE_BYTES,
    TN_WASTE_TYPE_INT,
    TN_WASTE_TYPE_FLOAT,
    TN_WASTE_TYPE_COMPLEX,
    TN_WASTE_TYPE_BYTESIO,
    TN_WASTE_TYPE_TUPLE, /* and subclasses without a __dict__ */
    TN_WASTE_TYPE_FROZENSET,
    TN_WASTE_TYPE_LIST,
    TN_WASTE_TYPE_DICT,
    TN_WASTE_TYPE_SET,
    TN_WASTE_TYPE_DEQUE,
    TN_WASTE_TYPE_BYTEARRAY,
    TN_WASTE_TYPE_ARRAY,
    TN_WASTE_TYPE_NDARRAY,
};

typedef struct tn_waste_heap {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_graph graph;
    const uint64_t *sizes;
    const uint32_t *flags, *refcounts; /* NULL: the file has none */
    const uint64_t *lengths, *capacities, *hashes, *buffers;
    const uint32_t *buffer_kinds;
    uint8_t *types;       /* enum tn_waste_type by row of TYPE */
    uint8_t *bases;       /* the same of what it inherits from; itself first */
    uint32_t *dict_slots; /* by shape: which of its fixed references is its __dict__; TN_NONE */
    uint8_t *own, *fixed; /* by type: tonnage's; cannot be changed: the language's and the standard library's */
    tn_set *attributes;   /* dicts that are the __dict__ of something */
    tn_set *program;      /* what classes, functions and code hold: nobody changes that */
    tn_set *inner; /* bytes that one object writes to: of a BytesIO, of a bytearray (3.15 on); as private as a buffer */
    const tn_set *within; /* items are of these only; NULL: all but tonnage's */
    bool pymalloc;
    uint64_t bytes, count; /* all but tonnage's */
} tn_waste_heap;
int tn__waste_heap_make(tn_snapshot *s, const tn_set *within, tn_waste_heap *out, tn_error *err);
void tn__waste_heap_free(tn_waste_heap *h);

/* Bytes that a block of so many takes from the allocator (docs/size.md). */
uint64_t tn__waste_block(const tn_waste_heap *h, uint64_t bytes);
/* An item, unless nothing would go or the object is not to be told of. */
int tn__waste_add(const tn_waste_heap *h, tn_buf *items, uint32_t id, uint32_t subject, uint64_t saved, tn_error *err);
/* The same where it belongs to what is told though nothing of it would go. */
int tn__waste_add_part(const tn_waste_heap *h, tn_buf *items, uint32_t id, uint32_t subject, uint64_t saved,
                       tn_error *err);

static inline const tn_shape *tn__waste_shape(const tn_waste_heap *h, uint32_t id)
{
    return &h->graph.table[h->graph.shapes[id]];
}
static inline enum tn_waste_type tn__waste_type(const tn_waste_heap *h, uint32_t id)
{
    return (enum tn_waste_type)h->types[tn__waste_shape(h, id)->type];
}
static inline enum tn_waste_type tn__waste_base(const tn_waste_heap *h, uint32_t id)
{
    return (enum tn_waste_type)h->bases[tn__waste_shape(h, id)->type];
}
/* The __dict__ of an instance or a class; TN_NONE. */
static inline uint32_t tn__waste_dict_of(const tn_waste_heap *h, uint32_t id)
{
    uint32_t slot = h->dict_slots[h->graph.shapes[id]];
    uint32_t dict = slot == TN_NONE ? TN_NONE : h->graph.targets[h->graph.offsets[id] + slot];
    return dict < h->graph.n_objects ? dict : TN_NONE;
}
/* References of the run that are there; of pairs the pairs. */
uint64_t tn__waste_elements(const tn_waste_heap *h, uint32_t id);
/* A dict with a table of its own that is nobody's __dict__, and no table of the interpreter. */
bool tn__waste_is_plain_dict(const tn_waste_heap *h, uint32_t id);
/* Bytes that are changed in place: of a bytearray, array.array or numpy array. */
static inline bool tn__waste_is_data(const tn_waste_heap *h, uint32_t id)
{
    enum tn_waste_type type = tn__waste_type(h, id);
    return type >= TN_WASTE_TYPE_BYTEARRAY || (type == TN_WASTE_TYPE_BYTES && tn__set_test(h->inner, id));
}
/* Whatever is done: static, immortal, tonnage's own, or a part of the program itself. */
bool tn__waste_stays(const tn_waste_heap *h, uint32_t id);

/* A walk over all objects in order, along the columns that have rows for some only. */
typedef struct tn_waste_cursor {
    uint32_t id;                                         /* from 0 on; n_objects: the end */
    uint64_t length, capacity, hash;                     /* TN_UNKNOWN where it has none */
    uint64_t buffer_bytes[TN_BUFFER_KINDS];              /* by kind; of its private buffers */
    uint64_t buffers;                                    /* sum of them */
    uint64_t at_length, at_capacity, at_hash, at_buffer; /* next rows */
    bool started;
} tn_waste_cursor;
bool tn__waste_next(const tn_waste_heap *h, tn_waste_cursor *c);

/* What finders tell besides items, of a class. */
typedef struct tn_waste_class {
    uint32_t type;
    const char *attributes; /* "x, y, z": what __slots__ would name; the attribute that only unshared ones have */
    bool missing;           /* unshared: the attribute is one that they lack */
    const char *bases, *defaults, *descriptors; /* slots: as in tn_waste_row */
    bool asked;
} tn_waste_class;

typedef struct tn_waste_finding {
    enum tn_waste_kind kind;
    const char *label; /* what the items have in common */
    uint32_t example;  /* the one that most would go of */
    uint64_t count, bytes, saved;
    bool elsewhere;
    uint32_t type; /* row of TYPE where all are of one and the kind goes by it; TN_NONE */
    const tn_waste_class *class;
} tn_waste_finding;

struct tn_waste {
    tn_waste_heap heap;
    tn_arena arena;
    enum tn_by by;
    bool grouped;              /* by as asked for */
    tn_buf items[TN_WASTES];   /* tn_waste_item */
    tn_buf classes[TN_WASTES]; /* tn_waste_class */
    tn_buf findings;           /* tn_waste_finding, those that most would go of first */
    uint64_t threshold;
    uint64_t saved, told; /* without what findings have in common; sum over findings */
};
static inline const tn_waste_finding *tn__waste_finding_at(const tn_waste *w, size_t i)
{
    return (const tn_waste_finding *)(const void *)w->findings.data + i;
}

/* ---- waste_holders.c ---- */

/* Levels of groups: the objects, the lists that those of them are in which nothing but lists holds, the lists that these are in.
 * Numbers of groups count through all levels. */
enum { TN_WASTE_LEVELS = 6 };
typedef struct tn_waste_holders {
    const tn_waste_heap *heap;
    uint32_t n_levels;
    tn_groups *groups[TN_WASTE_LEVELS];
    uint32_t starts[TN_WASTE_LEVELS + 1]; /* numbers of each level from here on */
    uint8_t *nameless[TN_WASTE_LEVELS];   /* by group: items of lists, nothing more is known; NULL: none */
    uint32_t *list_of;                    /* by object: the first list or tuple that it is in; TN_NONE */
} tn_waste_holders;
int tn__waste_holders_make(const tn_waste *w, const tn_set *set, tn_waste_holders *out, tn_error *err);
void tn__waste_holders_free(tn_waste_holders *h);
uint32_t tn__waste_holders_count(const tn_waste_holders *h);
/* Number of the group that a member of the set is told in. */
int tn__waste_holders_of(const tn_waste_holders *h, uint32_t id, uint32_t *number, tn_error *err);
int tn__waste_holders_label(const tn_waste_holders *h, uint32_t number, tn_arena *arena, const char **label,
                            tn_error *err);

int tn__waste_equal(tn_waste *w, tn_error *err);
int tn__waste_room(tn_waste *w, tn_error *err);
int tn__waste_classes(tn_waste *w, tn_error *err);
int tn__waste_boxed(tn_waste *w, tn_error *err);

#endif
