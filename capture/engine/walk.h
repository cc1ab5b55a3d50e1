/* walk.h - the engine's one private header: how a capture sees types and objects, and the functions its files share.
 *
 * A walk has two passes over the same objects with the same decoder (describe.c):
 *
 *   roots → mark (mark.c): every object reachable or tracked gets its bit in the map
 *         → pools (pools.c): live blocks that nobody claimed are looked at: objects held by C only
 *         → own (own.c): what belongs to tonnage itself
 *         → rank (map.c): ids in address order
 *         → emit (emit.c): columns, bundle by bundle, in id order
 *   and, after the world runs again, save.c writes them.
 *
 * Marking, emitting and saving are shared out among a few threads (crew.h). Each has a tn_walk of its own: its stack,
 * queues, counters. What they have in common is the map, whose bits are set atomically, and the registry, whose lock is
 * taken where something new is met: a type, a shape, a key table. Each thread remembers what it met, so that is rare.
 *
 * Decoding twice is cheaper than keeping raw edges: 8 bytes a reference are neither written nor read back, and the second
 * pass runs in address order, which the hardware prefetches.
 */
#ifndef TN_WALK_H
#define TN_WALK_H

#include <pthread.h>

#include "engine/engine.h"
#include "engine/map.h"
#include "snapshot/format.h"

/* ---- types.c: type registry, shapes ---- */

enum { TN_FLAG_HEAP = 1 << 9, TN_FLAG_GC = 1 << 14 }; /* tp_flags, Include/object.h */

enum tn_kind {
    TN_KIND_LEAF,  /* nothing inside that refers to objects */
    TN_KIND_FIXED, /* fixed fields only */
    TN_KIND_STR,
    TN_KIND_BYTES,
    TN_KIND_INT,
    TN_KIND_FLOAT,
    TN_KIND_COMPLEX,
    TN_KIND_LIST,
    TN_KIND_TUPLE,
    TN_KIND_DICT,
    TN_KIND_ODICT,
    TN_KIND_SET,
    TN_KIND_BYTEARRAY,
    TN_KIND_DEQUE,
    TN_KIND_ARRAY,
    TN_KIND_NDARRAY,
    TN_KIND_TYPE,
    TN_KIND_CODE,
    TN_KIND_FUNCTION,
    TN_KIND_GENERATOR,
    TN_KIND_FRAME,
    TN_KIND_MODULE,
    TN_KIND_DATETIME,
    TN_KIND_TRAVERSE, /* tp_traverse */
    TN_KIND_SCAN,     /* words of the block: a copied process, or asked for */
    TN_KIND_OPAQUE,   /* not followed */
};

/* Variants of a type's shape: what its instances look like just now. */
enum tn_variant { TN_VARIANT_PLAIN, TN_VARIANT_VALUES, TN_VARIANT_DICT, TN_VARIANT_STATIC, TN_VARIANTS };

typedef struct tn_type_info {
    uint64_t address;
    uint32_t index; /* row of the type table */
    uint8_t kind, visitor, preheader;
    bool gc, heap, python, managed_dict, own, stop, has_hash, plain_str, previewed;
    bool data;                              /* what it holds may be large: alike.c hashes it */
    bool simple;                            /* nothing to visit */
    bool quick;                             /* a list, tuple or dict and no more than that */
    bool meta;                              /* a metaclass whose C code adds references to those of type */
    bool calls;                             /* its tp_traverse is called: by the thread that holds the GIL only */
    uint64_t flags, traverse;               /* traverse: the C function to call for TN_KIND_TRAVERSE */
    uint32_t basic_size, item_size, c_size; /* c_size: of the part that C code lays out */
    int64_t dict_offset;
    uint32_t n_fixed; /* fields read at offsets from the object */
    const uint32_t *offsets;
    const uint32_t *labels; /* 2 words each, as in SHTB */
    bool class_reference;   /* instances of Python classes refer to their class */
    bool after_items;       /* offsets count from the end of the items: slots of a tuple's subclass (3.15) */
    bool traverses_dict;    /* its C code's tp_traverse reports the managed dict too */
    uint32_t n_named;       /* fields whose names are given to what tp_traverse reports: named.c */
    const uint32_t *named, *named_labels;
    uint8_t special;    /* enum tn_fields_special */
    uint16_t state_at;  /* offset of a future's state; 0: it has none */
    int32_t buffer_at;  /* offset of a pointer that reading an instance follows at once; 0: none */
    uint32_t node;      /* of the type object; set by the second pass */
    uint64_t keys;      /* shared keys of the class, 0: none */
    uint32_t keys_node; /* synthetic index */
    uint32_t n_keys;
    uint32_t shapes[TN_VARIANTS]; /* TN_NONE until first needed */
} tn_type_info;

typedef struct tn_type_slot {
    uint64_t address; /* 0: free */
    tn_type_info *type;
} tn_type_slot;

typedef struct tn_shape_info {
    uint32_t type, flags, n_fixed, labels; /* labels: index into walk->labels */
} tn_shape_info;

/* A field whose offset the layout table gives; offset 0: this version has none. */
struct tn_versioned_field {
    uint32_t offset, style;
    const char *label;
};

/* ---- describe.c ---- */

enum tn_span_kind { TN_SPAN_ARRAY, TN_SPAN_FIELDS, TN_SPAN_PAIRS, TN_SPAN_SET, TN_SPAN_ABSENT, TN_SPAN_DEQUE };

/* A run of references inside an object's memory. NULL words are absent references (pairs and sets: skipped). */
typedef struct tn_span {
    uint8_t kind;
    bool local;      /* base is an address in this process (scratch), not in the target */
    uint32_t stride; /* pairs */
    uint64_t base, count;
    const uint32_t *offsets; /* fields */
} tn_span;

typedef struct tn_buffer {
    uint64_t address, nominal; /* address 0: bytes are already known */
    uint8_t kind;
} tn_buffer;

enum { TN_MAX_SPANS = 6, TN_MAX_BUFFERS = 3, TN_MAX_FIELDS = 96 };

typedef struct tn_description {
    uint32_t shape;
    uint8_t n_spans, n_buffers;
    bool flat; /* elements of an array of several dimensions */
    uint64_t length, capacity;
    uint64_t data, data_bytes; /* what alike.c may hash; UINT64_MAX bytes: nothing */
    tn_span spans[TN_MAX_SPANS];
    tn_buffer buffers[TN_MAX_BUFFERS];
    uint64_t extra[16]; /* references that stand nowhere as a word: class, shared keys */
} tn_description;

/* Synthetic nodes are named by tagged addresses until ids exist. */
#define TN_SYNTHETIC (1ull << 63)

typedef struct tn_synthetic {
    uint32_t shape;
    uint32_t stack; /* row of STAK + 1, or 0 */
    uint64_t size;
    uint32_t first_reference, n_references; /* in walk->synthetic_references */
} tn_synthetic;

/* Growing array of one element size, in the walk's memory. */
typedef struct tn_list {
    uint8_t *data;
    size_t count, capacity;
} tn_list;

/* A column being made: blocks, never moved; values in units. Where a value does not fit, its place holds the largest number
 * and the value itself stands in big, in row order. */
typedef struct tn_block {
    struct tn_block *next;
    uint8_t *data;
} tn_block;
typedef struct tn_big {
    struct tn_big *next;
    uint64_t row, value;
} tn_big;
typedef struct tn_column_data {
    uint32_t width, unit, block_rows;
    uint8_t *at, *end; /* in the last block */
    uint64_t n_full;   /* rows of the blocks before it */
    tn_block *first, *last;
    tn_big *first_big, *last_big;
} tn_column_data;

enum tn_walk_column {
    TN_WALK_SHAP,
    TN_WALK_SIZE,
    TN_WALK_REFC,
    TN_WALK_FLAG,
    TN_WALK_DEGR,
    TN_WALK_REFS,
    TN_WALK_LENG,
    TN_WALK_CAPA,
    TN_WALK_BUFS,
    TN_WALK_BUFK,
    TN_WALK_HASH,
    TN_WALK_STKI,
    TN_WALK_AODD,
    TN_WALK_PREV_KIND, /* one a preview: TN_WALK_KIND, TN_WALK_CUT, length */
    TN_WALK_PREV_BYTES,
    TN_WALK_COLUMNS,
};

/* The columns of TN_NODE_BLOCK nodes: what a thread emits, and packs for the file, at a time. */
typedef struct tn_bundle {
    uint64_t region;    /* where its first object is */
    uint64_t *previews; /* a bit a node; NULL: none */
    tn_column_data columns[TN_WALK_COLUMNS];
} tn_bundle;

/* A preview in memory: length in the low bits; integers without the bytes that repeat the sign. */
enum { TN_WALK_LENGTH_BITS = 10, TN_WALK_CUT = 1 << 10, TN_WALK_KIND_SHIFT = 11 };

/* Where the rows of the node columns go. */
typedef struct tn_rows {
    uint16_t *shapes, *flags;
    uint8_t *sizes, *refcounts;
    uint32_t n, bundle;
} tn_rows;

enum { TN_QUEUE = 32, TN_MAX_PIECES = 4096, TN_CACHED = 512, TN_SHAPE_BLOCK = 1024 };

typedef struct tn_queued {
    union {
        const tn_cell *cell; /* emit */
        tn_cell *to_mark;    /* mark */
    };
    union {
        uint32_t value;
        uint64_t address;
    };
} tn_queued;

/* Small map (a, b, tag) -> number: shapes that belong to a type and one more thing (code object, key table), nodes of key
 * tables, call-tree entries. */
typedef struct tn_memo {
    uint64_t type, thing;
    uint32_t tag, value;
} tn_memo;

/* Data of which a sample has been taken: alike.c. */
typedef struct tn_data {
    uint64_t address, bytes, sample;
    uint8_t *row; /* its hash stands there */
    bool wanted;  /* it is to be read as a whole */
} tn_data;

/* A block of a node: where emitting met it. */
typedef struct tn_owned {
    uint64_t address;
    uint32_t node, kind;
} tn_owned;

/* What all threads of a walk have in common. */
typedef struct tn_registry {
    tn_map map;
    pthread_mutex_t map_lock, lock; /* lock guards all below */
    tn_arena arena;
    tn_list types;            /* tn_type_info * */
    tn_type_slot *type_slots; /* open addressing */
    uint32_t n_type_slots, n_shapes;
    tn_shape_info *shapes[TN_SHAPE_BLOCK]; /* blocks of as many; a shape never moves */
    tn_list labels;                        /* u32 */
    tn_strtab strings;
    tn_buf type_rows;
    tn_list static_states; /* (type, dict, subclasses) of 3.12+ */
    uint32_t kinds_unknown;
    tn_list memos; /* tn_memo */
    uint32_t *memo_slots, n_memo_slots;
    tn_list synthetic;            /* tn_synthetic */
    tn_list synthetic_references; /* u64 */
    tn_list deferred;             /* u64: objects whose tp_traverse is to be called, met by other threads */
    tn_list traversed;            /* u64: a count, then what tp_traverse reported; where: memo */
    tn_list failures;             /* tn_walk_failure */
    bool first_thread_only;       /* not all of that was kept */
    uint64_t next_region;         /* to be swept */
    uint32_t n_bundles, next_bundle;
    tn_bundle *bundles;
    uint64_t preview_bytes;
    tn_list *data; /* tn_data of all threads, once they have emitted */
    uint64_t next_data;

    pthread_mutex_t memory_lock; /* guards the rest */
    const tn_alloc *base_alloc;
    tn_alloc counting;
    uint64_t bytes_now, bytes_peak;
    tn_range pieces[TN_MAX_PIECES]; /* what was taken from base_alloc and not given back */
    uint32_t n_pieces;
} tn_registry;

/* One thread's view of a walk. */
struct tn_walk {
    const tn_target *target;
    const tn_layout *layout;
    tn_walk_options options;
    const tn_alloc *alloc; /* counts: see own_bytes */
    tn_map *map;
    tn_registry *reg;
    uint32_t index;  /* of this thread */
    bool helper;     /* not the first one: may not run code of the target */
    bool holds_lock; /* of the registry */
    int status;      /* first failure; the walk goes on without effect */
    tn_type_slot cached_types[TN_CACHED];
    tn_memo cached_memos[TN_CACHED];

    /* mark */
    uint64_t cursor, cell_end;      /* the sweep of this thread: next place to look at, end of the cell */
    tn_queued mark_queue[TN_QUEUE]; /* references whose map cells are on their way into the cache */
    uint64_t n_marked;
    tn_list stack;        /* u64 */
    tn_list scratch;      /* u64: references from tp_traverse */
    tn_list own_seeds;    /* u64 */
    bool marking, strict; /* strict: the object at hand is doubtful: check the range of every buffer */
    uint64_t findings, unreadable, lists_failed, list_counts[4];

    /* emit */
    tn_column_data *columns; /* of the bundle at hand */
    tn_rows rows;
    tn_queued emit_queue[TN_QUEUE];
    uint64_t n_references;
    uint32_t preview_bytes_left; /* of this thread's share */
    tn_arena arena;              /* blocks and big values */
    tn_list slabs;               /* void * */
    uint8_t *slab;
    size_t slab_left;
    tn_list large; /* tn_range: blocks so large that part of them may not be resident */
    tn_list data;  /* tn_data */
    tn_list owned; /* tn_owned */
    bool noting;   /* what is described is being emitted, and its blocks are remembered */
    tn_totals totals;

    /* the first thread only */
    struct tn_walk *helpers;
    uint32_t n_threads, n_there; /* planned, started */
    tn_list stacks;              /* tn_stack_row */
    tn_buf code_rows;
    uint32_t n_codes;
    tn_list threads;          /* tn_thread_info */
    struct tn_search *search; /* under way */
    tn_list seen;             /* tn_seen_row */
    bool searched;
    uint64_t interned;  /* the dict of interned strings */
    tn_list hidden;     /* u64 */
    bool unsound;       /* the block at hand is no object after all */
    tn_list own_counts; /* tn_own_count, open addressing */
    uint32_t n_own;
    tn_pool_stats pools;
    tn_list arenas; /* u64 */
    uint64_t mark_ns, emit_ns;
};

typedef struct tn_thread_info {
    uint64_t ident, native;
    uint32_t synthetic, n_frames, name; /* name: row of the string table, or TN_NONE */
    bool current;
} tn_thread_info;

/* registry.c: memory, lists, the lock, threads */
void *tn__list_add(tn_walk *w, tn_list *list, size_t element, size_t n); /* n new elements, or NULL (w->status set) */
#define TN_LIST(list, type) ((type *)(void *)(list).data)
void tn__list_free(tn_walk *w, tn_list *list, size_t element);
bool tn__lock(tn_walk *w); /* the registry; true: give that to tn__unlock (it was not held before) */
void tn__unlock(tn_walk *w, bool taken);
void tn__share(tn_walk *w, void (*work)(tn_walk *w)); /* on every thread of the walk; returns when all are done */
void tn__helpers_get(tn_walk *w);
int tn__registry_new(const tn_target *target, const tn_alloc *alloc,
                     tn_walk *w); /* w->reg is NULL if it gave nothing */
void tn__registry_free(tn_registry *reg, tn_walk *w);

/* False where memory may be torn or half made and is not there. */
static inline bool tn__usable(const tn_walk *w, uint64_t address, uint64_t bytes)
{
    return (!w->target->memory.checked && !w->strict) || tn_memory_readable(&w->target->memory, address, bytes);
}
static inline bool tn__doubtful(const tn_walk *w, uint64_t object)
{
    const tn_region *r = tn_map_find(w->map, object);
    return r && tn_region_plane(r, TN_PLANE_DOUBTFUL, object);
}

/* types.c */
int tn__types_init(tn_walk *w);
tn_type_info *tn__type_look_up(tn_walk *w, uint64_t address);
static inline uint32_t tn__type_hash(uint64_t address)
{
    return (uint32_t)((address >> 4) * 0x9E3779B97F4A7C15ull >> 40);
}
/* NULL when the word is no type. */
static inline tn_type_info *tn__type_get(tn_walk *w, uint64_t address)
{
    const tn_type_slot *slot = &w->cached_types[tn__type_hash(address) % TN_CACHED];
    return __builtin_expect(slot->address == address && address, 1) ? slot->type : tn__type_look_up(w, address);
}
void tn__classify(tn_walk *w, tn_type_info *t);               /* classify.c */
void tn__type_failed(tn_walk *w, tn_type_info *t, bool hung); /* its tp_traverse: not called again */
uint32_t tn__synthetic_type(tn_walk *w, const char *name);
uint32_t tn__string(tn_walk *w, const char *text);
uint32_t tn__string_of(tn_walk *w, uint64_t str); /* row of a str object's text; TN_NONE when it is none */
size_t tn__c_string(tn_walk *w, uint64_t address, char *out, size_t cap);        /* bytes; out ends with a 0 */
size_t tn__str_utf8(tn_walk *w, uint64_t str, char *out, size_t cap, bool *cut); /* bytes written */
bool tn__str_is(tn_walk *w, uint64_t object, const char *text, bool prefix);     /* any object: it may be no str */
uint64_t tn__dict_find(tn_walk *w, uint64_t dict, const char *key, bool prefix); /* value, or 0 */
#define TN_SHAPE_AT(w, shape) ((w)->reg->shapes[(shape) / TN_SHAPE_BLOCK][(shape) % TN_SHAPE_BLOCK])
uint32_t tn__shape_make(tn_walk *w, tn_type_info *t, enum tn_variant variant);
static inline uint32_t tn__shape(tn_walk *w, tn_type_info *t, enum tn_variant variant)
{
    uint32_t known = __atomic_load_n(&t->shapes[variant], __ATOMIC_ACQUIRE);
    return __builtin_expect(known != TN_NONE, 1) ? known : tn__shape_make(w, t, variant);
}
uint32_t tn__shape_new(tn_walk *w, uint32_t type, uint32_t flags, const uint32_t *labels, uint32_t n_fixed);
/* The same shape with another style of its run, and n more fields of one label (".x": an attribute) before that. */
uint32_t tn__shape_with(tn_walk *w, uint32_t shape, uint32_t run_style, const char *label, uint32_t n);
/* TN_NONE when absent. */
uint32_t tn__memo_get(tn_walk *w, uint64_t type, uint64_t thing, uint32_t tag);
void tn__memo_put(tn_walk *w, uint64_t type, uint64_t thing, uint32_t tag, uint32_t value);
bool tn__static_state(tn_walk *w, uint64_t type, uint64_t *dict, uint64_t *subclasses);
void tn__types_close(tn_walk *w);
void tn__types_collect(tn_walk *w);
int tn__types_save(tn_walk *w, tn_writer *writer, tn_error *err);

/* describe.c */
/* Bytes of the smallest instance, without a pre-header: a str of ASCII has less than its type's tp_basicsize. */
uint64_t tn__least(const tn_walk *w, const tn_type_info *t);
uint64_t tn__nominal(const tn_walk *w, uint64_t object, const tn_type_info *t); /* bytes asked for its block */
void tn__describe(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d);
uint32_t tn__keys_node(tn_walk *w, uint64_t keys);

/* frames.c */

/* Adds what a frame refers to to the scratch list: code, function, f_locals, frame object, variables, stack. Returns its
 * code object, or 0 when it has none (a shim). */
uint64_t tn__frame_references(tn_walk *w, uint64_t frame, bool innermost);
/* Shape of something of this type that holds a frame of code; lead: how many leading references of its own. */
uint32_t tn__frame_shape(tn_walk *w, tn_type_info *t, uint32_t type, uint64_t frame, uint64_t code, bool guessed);
/* What frames that threads run refer to, of those whose function is wanted; without what they only borrow. */
void tn__frames_visit(tn_walk *w, bool (*wanted)(tn_walk *, uint64_t function),
                      void (*visit)(tn_walk *, uint64_t object));
/* Where frames that threads run compute, of those whose stack's depth is not known. */
void tn__frame_stacks(tn_walk *w, void (*each)(tn_walk *w, uint64_t frame, uint64_t from, uint64_t to));
void tn__threads_mark(tn_walk *w);  /* roots */
void tn__threads_build(tn_walk *w); /* nodes, once everything is marked */
enum { TN_FRAME_FIXED = 4 };

/* calltree.c; more in engine.h */
int tn__calltree_save(tn_walk *w, tn_writer *writer, tn_error *err);

/* names.c */
uint32_t tn__thread_name(tn_walk *w, uint64_t ident);

/* roots.c */
void tn__roots_mark(tn_walk *w);
void tn__lists_mark(tn_walk *w); /* this thread's share of the collector's lists; before anything is marked */
void tn__roots_build(tn_walk *w);
uint32_t tn__synthetic_new(tn_walk *w, uint32_t shape, const uint64_t *references, uint32_t n);

/* mark.c */
bool tn__mark(tn_walk *w, uint64_t address);      /* true: it was not marked before */
void tn__mark_root(tn_walk *w, uint64_t address); /* checks first that it is an object */
void tn__sweep(tn_walk *w);                       /* this thread's share of all regions */
void tn__mark_rest(tn_walk *w);                   /* what the others left to the first thread */
void tn__drain(tn_walk *w);

/* pools.c */
void tn__pools_load(tn_walk *w);
void tn__pools_reconcile(tn_walk *w);
void tn__pools_settle(tn_walk *w);
enum { TN_ARENA_BYTES = 1 << 20 };
/* A bit a granule of 16 bytes for the free blocks of a pool with blocks of size bytes; returns how many they are. */
uint32_t tn__pool_free(const tn_walk *w, uint64_t pool, uint32_t size, uint64_t free_bits[16]);
bool tn__block_is_dead(tn_walk *w, uint64_t block, uint32_t size); /* an object that waits in a free list */
/* Is this block of malloc's an object that nobody has found? Then it is found. */
bool tn__block_try(tn_walk *w, uint64_t block, uint64_t bytes);

/* search.c */
void tn__search_hidden(tn_walk *w); /* objects in malloc's memory that nothing refers to: last of all that marks */
void tn__search(tn_walk *w);        /* once there are ids */
int tn__search_save(tn_walk *w, tn_writer *writer, tn_error *err);

/* own.c */
void tn__own_find(tn_walk *w);

/* emit.c */
void tn__emit(tn_walk *w);
uint64_t tn__refcount(const tn_walk *w, uint64_t object, bool *immortal);

/* bundle.c; more in bundle.h */
void tn__bundles_free(tn_walk *w);
uint64_t tn__column_count(const tn_column_data *c);

/* content.c: for the row emitted last */
void tn__add_text(tn_walk *w, uint64_t object, const tn_type_info *t); /* a str that tn__plain_str knows */
void tn__add_int(tn_walk *w, uint64_t object, const tn_type_info *t);
void tn__add_preview(tn_walk *w, uint64_t object, const tn_type_info *t);

/* alike.c */
void tn__add_data(tn_walk *w, const tn_description *d); /* for the row emitted last */
void tn__data_read(tn_walk *w);                         /* once all is emitted */

/* preview.c */
enum { TN_PREVIEW_MAX = 512 };
/* Bytes written to out (TN_PREVIEW_MAX), or UINT16_MAX for no preview. */
uint16_t tn__preview(tn_walk *w, uint64_t object, const tn_type_info *t, uint8_t *out, uint16_t *kind);
bool tn__int_small(const tn_walk *w, uint64_t object, int64_t *value); /* true: up to 60 bits */
uint32_t tn__preview_room(const tn_walk *w, bool interned);            /* of a text, in bytes; 0: none is kept */
uint64_t tn__hash(const void *bytes, size_t n);
uint64_t tn__content_hash(tn_walk *w, uint64_t object, const tn_type_info *t);
uint64_t tn__int_bits(const tn_walk *w, uint64_t object);

#endif
