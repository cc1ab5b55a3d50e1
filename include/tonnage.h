/* tonnage.h - reading memory snapshots of Python processes.
 *
 * Sections stand in the order data flows:
 *   1 status and errors   2 snapshot   3 facts, time line and types   4 nodes   5 references
 *   6 graph (what holds what: dominators, retained sizes)   7 paths   8 sets (selection)   9 groups   10 sites (who allocated),
 *   samples (where time goes)
 *   11 diff   12 patterns   13 cycles   14 audit   15 waste   16 views   17 pictures   18 export   19 import
 *
 * Rules that hold everywhere
 *   - A function that can fail returns int: 0, or a negative enum tn_status. Results go through out-parameters, which are
 *     left untouched on failure. The last argument tn_error * may be NULL.
 *   - Strings returned are UTF-8 (lone surrogates as three bytes), NUL-terminated, and live as long as the object they
 *     came from.
 *   - A tn_snapshot may be used by one thread at a time. Nothing prints, exits, or keeps global state.
 *   - Ids: nodes are uint32_t, 0 .. n_nodes-1; objects come first (docs/format.md, 2). Bytes are uint64_t.
 */
#ifndef TONNAGE_H
#define TONNAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TN_VERSION "0.1.0"
#define TN_NONE UINT32_MAX /* "no node", "no type", "no string" */

/* ---- 1. Status and errors -------------------------------------------------------------------------------------- */

/* X(code, value, exit code of the CLI, text) */
#define TN_STATUS_MAP(X)                        \
    X(OK, 0, 0, "ok")                           \
    X(ENOMEM, -1, 5, "out of memory")           \
    X(EIO, -2, 5, "cannot read or write")       \
    X(EFORMAT, -3, 5, "not a tonnage snapshot") \
    X(EVERSION, -4, 6, "unsupported version")   \
    X(ETRUNCATED, -5, 5, "truncated snapshot")  \
    X(ECORRUPT, -6, 5, "corrupt snapshot")      \
    X(ELIMIT, -7, 5, "limit exceeded")          \
    X(EINVAL, -8, 2, "invalid argument")        \
    X(ENOTFOUND, -9, 3, "not found")            \
    X(EPERM, -10, 4, "not permitted")           \
    X(EBUSY, -11, 1, "busy")                    \
    X(EINTERRUPTED, -12, 130, "interrupted")    \
    X(EEXIST, -13, 2, "file exists")

enum tn_status {
#define X(code, value, exit_code, text) TN_##code = (value),
    TN_STATUS_MAP(X)
#undef X
};

typedef struct tn_error {
    int status;
    uint64_t offset;   /* where in the file or the selection text, or 0 */
    char message[232]; /* one line: what is wrong and, where known, the way out */
} tn_error;

const char *tn_status_name(int status); /* "ECORRUPT"; "?" for unknown */
const char *tn_status_text(int status);
int tn_status_exit_code(int status);

/* Replaceable allocator; realloc(ctx, NULL, 0, n) allocates, realloc(ctx, p, n, 0) frees and returns NULL. */
typedef struct tn_alloc {
    void *(*realloc)(void *ctx, void *p, size_t old_bytes, size_t new_bytes);
    void *ctx;
} tn_alloc;

/* ---- 2. Snapshot ----------------------------------------------------------------------------------------------- */

typedef struct tn_snapshot tn_snapshot;

typedef struct tn_open_options {
    const tn_alloc *alloc;     /* NULL: malloc */
    uint64_t max_memory_bytes; /* 0: no limit; beyond it calls fail with TN_ELIMIT */
    bool partial;              /* accept a truncated file; what is whole can be read */
} tn_open_options;

/* Opens by path, or by descriptor (duplicated; the caller keeps fd). options may be NULL. Cost: O(chunks); columns are
 * loaded, checked and kept when first needed. Errors: EIO ENOMEM EFORMAT EVERSION ETRUNCATED ECORRUPT ELIMIT. */
int tn_snapshot_open(const char *path, const tn_open_options *options, tn_snapshot **out, tn_error *err);
int tn_snapshot_open_fd(int fd, const tn_open_options *options, tn_snapshot **out, tn_error *err);
int tn_snapshot_open_memory(const void *bytes, size_t n_bytes, const tn_open_options *options, tn_snapshot **out,
                            tn_error *err); /* bytes stay the caller's and must outlive the snapshot */
void tn_snapshot_close(tn_snapshot *s);     /* NULL allowed */

uint64_t tn_snapshot_file_bytes(const tn_snapshot *s);
uint32_t tn_snapshot_n_nodes(const tn_snapshot *s);
uint32_t tn_snapshot_n_objects(const tn_snapshot *s);
uint64_t tn_snapshot_n_references(const tn_snapshot *s); /* stored in the file, absent ones included */

/* Reads and verifies every chunk and every rule of docs/format.md. Calls report (may be NULL) once a finding; returns 0
 * when there is none, else the status of the first. Cost: whole file. */
typedef void (*tn_report)(void *ctx, const tn_error *finding);
int tn_snapshot_check(tn_snapshot *s, tn_report report, void *ctx, tn_error *err);

/* One chunk of the file, for `check` and `info`. Index 0 .. n_chunks-1, in file order. */
typedef struct tn_chunk_info {
    char id[5];
    uint8_t width, transform, compressed;
    uint64_t offset, first_row, n_rows, raw_bytes, stored_bytes;
} tn_chunk_info;
size_t tn_snapshot_n_chunks(const tn_snapshot *s);
int tn_snapshot_chunk(const tn_snapshot *s, size_t index, tn_chunk_info *out);

/* ---- 3. Facts, time line and types ----------------------------------------------------------------------------- */

#define TN_UNKNOWN UINT64_MAX /* a number that was not recorded */

enum tn_fact_kind { TN_FACT_UINT, TN_FACT_INT, TN_FACT_DOUBLE, TN_FACT_TEXT };
typedef struct tn_fact {
    const char *key;
    enum tn_fact_kind kind;
    union {
        uint64_t u;
        int64_t i;
        double d;
        const char *text;
    } value;
} tn_fact;
size_t tn_snapshot_n_facts(const tn_snapshot *s);
int tn_snapshot_fact(const tn_snapshot *s, size_t index, tn_fact *out);
int tn_snapshot_find_fact(const tn_snapshot *s, const char *key, tn_fact *out); /* TN_ENOTFOUND when absent */

/* The time line: samples of the process before the capture, ascending in time; none when it was not switched on. */
typedef struct tn_time {
    uint64_t time_ns; /* the clock of the fact capture.monotonic_ns */
    uint64_t rss_bytes, traced_bytes;
    uint64_t generations[3]; /* what the collector counts */
    uint64_t threads;
} tn_time; /* TN_UNKNOWN where unknown, but for the time */
size_t tn_snapshot_n_times(const tn_snapshot *s);
int tn_snapshot_time(const tn_snapshot *s, size_t index, tn_time *out);

enum {
    TN_TYPE_HEAP = 1,
    TN_TYPE_GC = 2,
    TN_TYPE_SYNTHETIC = 4,
    TN_TYPE_FINALIZER = 8,
    TN_TYPE_DICT = 16,
    TN_TYPE_WEAKREF = 32,
    TN_TYPE_OWN = 64,
};
typedef struct tn_type {
    const char *name;      /* qualified name, without module */
    const char *module;    /* NULL when unknown */
    const char *full_name; /* "module.name"; builtins without module: the name to print */
    uint32_t flags, visitor, basic_size, item_size;
    uint32_t node; /* the type object, or TN_NONE */
    uint32_t base; /* TN_NONE for none */
    uint32_t n_mro;
    const uint32_t *mro; /* rows of this table, itself first */
} tn_type;
uint32_t tn_snapshot_n_types(const tn_snapshot *s);
int tn_snapshot_type(const tn_snapshot *s, uint32_t type, tn_type *out);

/* Threads and frames as recorded: frame 0 is the innermost. */
typedef struct tn_frame {
    uint32_t node; /* synthetic node whose references are the locals */
    const char *name, *qualified_name, *file;
    uint32_t line; /* 0: unknown */
    bool own;      /* runs code of tonnage: the innermost ones of a thread took the snapshot */
} tn_frame;
int tn_snapshot_thread_frame(tn_snapshot *s, uint32_t thread_node, uint32_t depth,
                             tn_frame *out); /* ENOTFOUND at end */

/* ---- 4. Nodes -------------------------------------------------------------------------------------------------- */

enum {
    TN_NODE_TRACKED = 1,
    TN_NODE_GENERATION = 6 /* >> 1 */,
    TN_NODE_IMMORTAL = 8,
    TN_NODE_STATIC = 16,
    TN_NODE_FINALIZED = 32,
    TN_NODE_OWN = 64,
    TN_NODE_HIDDEN = 128,
    TN_NODE_BUFFERS = 0x300 /* >> 8 */,
    TN_NODE_ALLOCATOR = 0xc00 /* >> 10 */,
    TN_NODE_GUESSED = 0x1000,
    TN_NODE_STATE = 0x6000 /* >> 13: enum tn_future_state */,
};

/* Of an asyncio task or future that is written in C, and of what is derived from it. */
enum tn_future_state { TN_FUTURE_UNKNOWN, TN_FUTURE_PENDING, TN_FUTURE_CANCELLED, TN_FUTURE_FINISHED };

typedef struct tn_node {
    uint32_t id, type, flags, refcount;
    uint64_t address; /* 0 for synthetic nodes */
    uint64_t size;
    uint64_t length, capacity; /* TN_UNKNOWN where the type has none */
    uint64_t hash;             /* content hash; TN_UNKNOWN where there is none */
    uint32_t n_references;     /* absent ones excluded */
    uint32_t n_parts;
    struct {
        uint8_t kind; /* BUFK of docs/format.md; 255: the object's own block */
        uint64_t size;
    } parts[4]; /* own block first */
} tn_node;

/* The first call loads the columns: O(n_nodes); later ones O(1). */
int tn_node_get(tn_snapshot *s, uint32_t id, tn_node *out, tn_error *err);
/* Object that starts at address; TN_ENOTFOUND. O(1) after the first call. */
int tn_node_at(tn_snapshot *s, uint64_t address, uint32_t *id, tn_error *err);

/* Short text of a node's value or name, one line, escaped as Python would (str and bytes quoted, cut text ends in '…').
 * Writes at most cap bytes with NUL; returns the length it wanted, 0 when there is no preview, negative on error. */
int tn_node_preview(tn_snapshot *s, uint32_t id, char *out, size_t cap, tn_error *err);
/* "dict(0x7f0a12345680, 232 B, 6 refs)" with the preview last: what Python's repr of an object shows. */
int tn_node_describe(tn_snapshot *s, uint32_t id, char *out, size_t cap, tn_error *err);

/* ---- 5. References --------------------------------------------------------------------------------------------- */

enum tn_label_style {
    TN_LABEL_ATTRIBUTE,
    TN_LABEL_ITEM,
    TN_LABEL_LOCAL,
    TN_LABEL_FIELD,
    TN_LABEL_ROOT,   /* text is the name */
    TN_LABEL_INDEX,  /* index counts */
    TN_LABEL_KEY,    /* this reference is the key of a dict entry */
    TN_LABEL_VALUE,  /* ...is a value; key is the key's node */
    TN_LABEL_MEMBER, /* ...is in a set */
    TN_LABEL_UNKNOWN,
    TN_LABEL_STACK,
};
enum tn_reference_kind { TN_REF_OWNING, TN_REF_BORROWED, TN_REF_WEAK, TN_REF_INTERNED, TN_REF_GUESSED };

typedef struct tn_reference {
    uint32_t source, target;
    enum tn_reference_kind kind;
    enum tn_label_style style;
    const char *text; /* NULL where the style has no text */
    uint64_t index;   /* position in the run */
    uint32_t key;     /* for TN_LABEL_VALUE, else TN_NONE */
} tn_reference;

typedef struct tn_reference_iter {
    tn_snapshot *snapshot;
    uint32_t source;
    uint64_t position; /* next one to look at; private */
} tn_reference_iter;

/* References of a node in their fixed order, absent ones skipped. First call loads them: O(references). */
int tn_references(tn_snapshot *s, uint32_t id, tn_reference_iter *iter, tn_error *err);
bool tn_reference_next(tn_reference_iter *iter, tn_reference *out);
/* As Python would write it after its holder: ".name", "['k']", "[3]", " local x", "<f_back>". Same return as previews. */
int tn_reference_label(tn_snapshot *s, const tn_reference *r, char *out, size_t cap, tn_error *err);

/* Referrers: nodes that refer to id, one entry a reference, ascending. The array lives as long as the snapshot. The first
 * call builds the backward edges: O(references), 4 bytes a reference. */
int tn_referrers(tn_snapshot *s, uint32_t id, const uint32_t **nodes, uint32_t *n, tn_error *err);

/* ---- 6. Graph -------------------------------------------------------------------------------------------------- */

/* Terms and proofs: docs/graph.md. A reference *holds* when it keeps its target alive: an owning one, or any of a root group,
 * a thread or a frame. What lives without a reference that was found is *anchored* to the root. X *dominates* Y when Y would
 * go if X went: every way from the root to Y leads through X. The nearest such X is Y's *dominator*. What X *retains* is
 * itself and all that it dominates. tonnage's own objects count as 0 bytes and 0 objects, synthetic nodes as 0 objects.
 *
 * The first call of any of the functions below that needs dominators computes them for all nodes: O(references), no
 * recursion; 17 bytes a node are kept, about 40 more are in use meanwhile. */
enum tn_hold {
    TN_HOLD_REFERENCES, /* and nothing else that is known */
    TN_HOLD_IMMORTAL,   /* never freed (CPython 3.12 on) */
    TN_HOLD_STATIC,     /* part of the program or of a library */
    TN_HOLD_C,          /* its reference count is above the owning references that were found */
    TN_HOLD_UNREACHABLE /* garbage that waits for the collector, in a cycle that no other garbage refers to */
};

/* How a node is anchored to the root. Needs dominators. */
int tn_node_hold(tn_snapshot *s, uint32_t id, enum tn_hold *out, tn_error *err);
/* Nearest dominator: the root (node n_objects) for what no single node holds, TN_NONE for the root itself. */
int tn_dominator(tn_snapshot *s, uint32_t id, uint32_t *out, tn_error *err);
/* Bytes and objects that would go if the node went, itself included; of the root: of everything. */
int tn_retained(tn_snapshot *s, uint32_t id, uint64_t *bytes, uint32_t *count, tn_error *err);
/* The nodes whose dominator id is, by retained bytes, the most first. The array lives as long as the snapshot. The first call
 * sorts all nodes under their dominators: O(nodes), 8 bytes a node are kept; the first for a node O(k log k) for its k. */
int tn_dominated(tn_snapshot *s, uint32_t id, const uint32_t **nodes, uint32_t *n, tn_error *err);
/* The same for an edge: what would go if this one reference were cleared; nothing where another one holds the target. r as
 * tn_reference_next gave it. Builds the backward edges at first, then O(referrers of the target and nodes under it). */
int tn_reference_cut(tn_snapshot *s, const tn_reference *r, uint64_t *bytes, uint32_t *count, tn_error *err);
/* What would go if all of the set went at once: more than its members retain one by one where only several together hold
 * something. *members (may be NULL) is a new set, the caller's to free; tonnage's own objects are not in it. O(references); up
 * to 4 bytes a node meanwhile. */
typedef struct tn_set tn_set;
int tn_retained_set(tn_snapshot *s, const tn_set *set, tn_set **members, uint64_t *bytes, tn_error *err);
/* The objects outside the set that are the dominator of one of its members. *out is a new set. O(set). */
int tn_set_dominators(tn_snapshot *s, const tn_set *set, tn_set **out, tn_error *err);

/* An index: dominators and retained sizes in a file of their own (mode 0600, whole or not there), some 6 bytes a node. load
 * takes them from there instead of computing them, and believes nothing: ENOTFOUND where there is no such file, EINVAL where it
 * is of another snapshot, ECORRUPT where it is damaged; in each case the snapshot is as before. save replaces what is there. */
int tn_index_save(tn_snapshot *s, const char *path, tn_error *err);
int tn_index_load(tn_snapshot *s, const char *path, tn_error *err);

/* ---- 7. Paths -------------------------------------------------------------------------------------------------- */

/* A path leads over references that hold, from the root to an object; which of two is shorter says docs/paths.md. */
enum {
    TN_AVOID_GUESSED = 1, /* references that were guessed */
    TN_AVOID_HELD = 2,    /* objects that C code or nothing at all seems to hold, as the first step */
};
typedef struct tn_path_options {
    const tn_set *avoid;  /* nodes that no path may touch, but for the root and the target; NULL: none */
    unsigned avoid_kinds; /* TN_AVOID_… */
    uint32_t limit;       /* paths; 0: no limit */
    bool all_shortest;    /* no longer path than the first */
} tn_path_options;

/* What words such as "caches,frames,type:app.Registry" keep away from: presets of docs/paths.md and selections, separated by
 * commas; those in quotes or brackets are a selection's own. also: these objects, too; NULL: none. *nodes (the caller's to
 * free, NULL when empty) and *kinds go into tn_path_options. EINVAL. */
int tn_paths_avoid(tn_snapshot *s, const char *words, const tn_set *also, tn_set **nodes, unsigned *kinds,
                   tn_error *err);

/* Paths to target without loops, the shortest first, each one as long as the one before it or longer; two differ in an object,
 * not only in which reference of one to the next is taken. The snapshot must outlive the iterator.
 * Cost of the first path: O(what lies at most as far from the target), at worst O(nodes + references); of the second: that
 * once; of another: mostly O(its length and the referrers of its objects). */
typedef struct tn_paths tn_paths;
int tn_paths_open(tn_snapshot *s, uint32_t target, const tn_path_options *options, tn_paths **out, tn_error *err);
/* 1 and the steps of a path, the root's reference first, valid until the next call; 0 when there are no more. A first step of
 * style TN_LABEL_ROOT from the root may be no reference of the file: its text says what holds its target ("held by C").
 * ELIMIT when what there is to remember passes 2^24 objects. */
int tn_paths_next(tn_paths *p, const tn_reference **steps, uint32_t *n, tn_error *err);
void tn_paths_close(tn_paths *p); /* NULL allowed */

/* A path in Python's words: "app.CACHE['user:7'].history[3]", "thread 'worker-2' › serve() › local 'batch'". Same return as
 * previews. *evaluable (may be NULL): evaluated where modules stand under their names, it gives the object itself, as long as
 * nothing has changed; docs/paths.md says when. */
int tn_path_text(tn_snapshot *s, const tn_reference *steps, uint32_t n, char *out, size_t cap, bool *evaluable,
                 tn_error *err);

/* Breadth first from a node over references that hold or were guessed, outwards to what it refers to or inwards to what refers
 * to it: tn_chain_next gives one node after another, from itself first (1; 0 when there are no more), and tn_chain_steps the
 * references between it and one that has been given, in their own direction, valid until the next call. Of the options only
 * those on what to avoid count. O(references looked at); 4 bytes a node. */
typedef struct tn_chain tn_chain;
int tn_chain_open(tn_snapshot *s, uint32_t from, bool inwards, const tn_path_options *options, tn_chain **out,
                  tn_error *err);
int tn_chain_next(tn_chain *c, uint32_t *node, tn_error *err);
int tn_chain_steps(tn_chain *c, uint32_t node, const tn_reference **steps, uint32_t *n, tn_error *err);
void tn_chain_close(tn_chain *c); /* NULL allowed */

/* ---- 8. Sets --------------------------------------------------------------------------------------------------- */

/* A set of objects of one snapshot, one bit an object. Every operation is allowed on every set: none changes what refers
 * to what. A set must be freed before its snapshot is closed. Operations on two sets are EINVAL when these are of two
 * snapshots. Cost, where nothing else is said: O(n_objects / 64). */
int tn_set_new(tn_snapshot *s, tn_set **out, tn_error *err); /* empty */
void tn_set_free(tn_set *set);
int tn_set_copy(const tn_set *set, tn_set **out, tn_error *err);
uint32_t tn_set_count(const tn_set *set);
bool tn_set_has(const tn_set *set, uint32_t id);
uint32_t tn_set_next(const tn_set *set, uint32_t from); /* first member >= from, or TN_NONE */
/* EINVAL: no such object. What is put in by hand is not asked whether it is one of tonnage's own. */
int tn_set_add(tn_set *set, uint32_t id);
void tn_set_remove(tn_set *set, uint32_t id);

int tn_set_union(const tn_set *a, const tn_set *b, tn_set **out, tn_error *err);
int tn_set_intersect(const tn_set *a, const tn_set *b, tn_set **out, tn_error *err);
int tn_set_minus(const tn_set *a, const tn_set *b, tn_set **out, tn_error *err); /* of a, not of b */
int tn_set_xor(const tn_set *a, const tn_set *b, tn_set **out, tn_error *err);   /* of one of them alone */
/* All objects that are not in set, without tonnage's own. Cost: a pass over all objects, once a snapshot. */
int tn_set_complement(tn_snapshot *s, const tn_set *set, tn_set **out, tn_error *err);
bool tn_set_equal(const tn_set *a, const tn_set *b);
bool tn_set_subset(const tn_set *a, const tn_set *b); /* every member of a is in b */
/* Sum of the sizes. Cost: a pass over the sizes. */
int tn_set_bytes(tn_snapshot *s, const tn_set *set, uint64_t *bytes, tn_error *err);

enum tn_number {
    TN_NUMBER_SIZE,
    TN_NUMBER_ADDRESS,
    TN_NUMBER_TYPE, /* row of the table of types */
    TN_NUMBER_REFCOUNT,
    TN_NUMBER_LENGTH, /* TN_UNKNOWN where there is none */
    TN_NUMBER_FLAGS,
    TN_NUMBER_RETAINED, /* needs dominators */
    TN_NUMBER_PART,     /* likewise: what it retains without what other members below it do; 4 bytes a node meanwhile */
    TN_NUMBER_PART_COUNT, /* the same in objects */
    TN_NUMBERS
};
extern const char *const tn_number_names[TN_NUMBERS];
/* One number a member, in order of members; out has room for tn_set_count. */
int tn_set_numbers(tn_snapshot *s, const tn_set *set, enum tn_number what, uint64_t *out, tn_error *err);
/* Members in order of a number, equal ones by address; ids has room for tn_set_count. 32 bytes a member meanwhile. */
int tn_set_sorted(tn_snapshot *s, const tn_set *set, enum tn_number what, bool descending, uint32_t *ids,
                  tn_error *err);

/* Along references, one step or all. kinds: bits 1 << TN_REF_OWNING and so on; 0: those that hold (docs/graph.md). Synthetic
 * nodes and tonnage's own objects are in none of the results, though what these refer to or hold counts. *out is a new set.
 * Cost: a pass over all references, or as many as are followed. */
int tn_set_referrers(tn_snapshot *s, const tn_set *set, unsigned kinds, tn_set **out, tn_error *err);
int tn_set_referents(tn_snapshot *s, const tn_set *set, unsigned kinds, tn_set **out, tn_error *err);
/* All that from reaches over references that hold, itself included, without going through avoid (NULL: nothing). */
int tn_set_reachable(tn_snapshot *s, const tn_set *from, const tn_set *avoid, tn_set **out, tn_error *err);
/* Objects that members refer to and nobody else does: every reference that holds one comes from a member, and nothing
 * anchors it. */
int tn_set_owned(tn_snapshot *s, const tn_set *set, tn_set **out, tn_error *err);

/* Objects that a selection names (docs/selection.md): "type:app.Session size:>=1k module:app text:foo". NULL or "": all.
 * tonnage's own objects are never selected. EINVAL with the offset of the bad word. */
int tn_set_where(tn_snapshot *s, const char *selection, tn_set **out, tn_error *err);
/* The same of the members of a set (NULL: of all objects); no other object is asked what its type does not tell. */
int tn_set_filter(tn_snapshot *s, const tn_set *set, const char *selection, tn_set **out, tn_error *err);

/* ---- 9. Groups ------------------------------------------------------------------------------------------------- */

/* Ways to part a set of objects: each object falls into exactly one group (docs/sets.md). */
enum tn_by {
    TN_BY_TYPE,
    TN_BY_SIZE,
    TN_BY_MODULE,
    TN_BY_CLODO,        /* type, or "dict of TYPE" where a dict is the __dict__ of something */
    TN_BY_SIZE_CLASS,   /* powers of two */
    TN_BY_DISTRIBUTION, /* of the type */
    TN_BY_GENERATION,
    TN_BY_CONTENT, /* equal str and bytes */
    TN_BY_SITE,    /* where it was allocated, when that was recorded */
    TN_BY_RCS,     /* the kinds (as CLODO) of what holds it */
    TN_BY_VIA,     /* the references by which it is held: kind of the holder and label */
    TN_BY_ROOT,    /* the kind of root that alone reaches it */
    TN_BY_THREAD,  /* the thread that alone holds it */
    TN_BY_FRAME,   /* the frame that alone holds it */
    TN_BY_HEADS,   /* the head that alone holds it, of those in the options */
    TN_BY_ID,      /* each object for itself */
    TN_BY_PATH,    /* its place: the shortest path to it without indices and keys; made once and kept */
    TN_BYS
};
extern const char *const tn_by_names[TN_BYS]; /* as --by takes them */

typedef struct tn_groups tn_groups;

typedef struct tn_groups_options {
    const char *where;           /* selection, NULL: all of the set */
    const struct tn_diff *since; /* what is: in where compares with; NULL: nothing */
    bool fold;                   /* a dict that is an attribute of a selected object counts as a part of that */
    /* HEADS: objects, and words or a selection (docs/sets.md): "modules", "threads", "instances", "type:app.Session" */
    const tn_set *heads;
    const char *head_words;
} tn_groups_options;

/* Parts set (NULL: all objects), biggest group first. *out is the caller's to free, before the snapshot is closed.
 * Cost: one pass over the objects, and for what depends on references one over these, or two. */
int tn_groups_make(tn_snapshot *s, const tn_set *set, enum tn_by by, const tn_groups_options *o, tn_groups **out,
                   tn_error *err);
void tn_groups_free(tn_groups *g);
uint32_t tn_groups_count(const tn_groups *g);

typedef struct tn_group {
    const char *label;     /* UTF-8, not escaped; lives until the next call with these groups */
    uint64_t count, bytes; /* objects, and what they take */
    uint64_t largest;
    uint32_t largest_id;
    uint32_t head;   /* TN_NONE where the group has none */
    uint64_t number; /* where the label is one: a size; else TN_UNKNOWN */
} tn_group;
int tn_groups_row(tn_groups *g, uint32_t index, tn_group *out, tn_error *err);
void tn_groups_total(const tn_groups *g, uint64_t *count, uint64_t *bytes);
/* All objects of a group, with those that are folded into them. Cost: as making the groups, but for references. */
int tn_groups_members(tn_groups *g, uint32_t index, tn_set **out, tn_error *err);
/* The group of an object or head; TN_NONE where it is in none. Cost: the first call as tn_groups_members. */
int tn_groups_of(tn_groups *g, uint32_t node, uint32_t *index, tn_error *err);
/* Marks (1) in one byte a group the ones that this one refers to or, with parents, that refer to it; itself too, if so.
 * Cost: one pass over the references. */
int tn_groups_related(tn_groups *g, uint32_t index, bool parents, uint8_t *marks, tn_error *err);
/* How many references that hold lead from each of the first n groups to each: counts[from * n + to]. Cost: as related. */
int tn_groups_edges(tn_groups *g, uint32_t n, uint64_t *counts, tn_error *err);
enum tn_groups_column { TN_GROUPS_SIZE, TN_GROUPS_COUNT, TN_GROUPS_LARGEST, TN_GROUPS_KIND };
/* Equal ones stand in order of kind: names ascending, numbers descending. Indexes of groups change. */
int tn_groups_sort(tn_groups *g, enum tn_groups_column column, bool descending, tn_error *err);

/* ---- 10. Sites ------------------------------------------------------------------------------------------------- */

/* Who allocated what is alive, where that was recorded (docs/sites.md): blocks in groups of the stacks that made them. */
enum tn_sites_by {
    TN_SITES_LINE,
    TN_SITES_FILE,
    TN_SITES_FUNCTION,
    TN_SITES_MODULE,
    TN_SITES_DISTRIBUTION,
    TN_SITES_TRACEBACK,
    TN_SITES_THREAD,
    TN_SITES_TYPE, /* of the object that has the block, line by line */
    TN_SITES_BYS
};
extern const char *const tn_sites_by_names[TN_SITES_BYS];

enum tn_sites_what {
    TN_SITES_LIVE,
    TN_SITES_ALLOCATED, /* ever, since the recorder started */
    TN_SITES_TEMPORARY, /* ... and freed soon */
    TN_SITES_PEAK,      /* alive when most of all was */
    TN_SITES_WHATS
};

enum tn_sites_page {
    TN_SITES_TABLE,
    TN_SITES_CREATORS, /* a tree: who made most, who called them, and so on outwards */
    TN_SITES_AT_PEAK,
    TN_SITES_SOON_FREED,
    TN_SITES_SURVIVORS, /* how old what is alive is */
    TN_SITES_PAGES
};
extern const char *const tn_sites_page_names[TN_SITES_PAGES];

typedef struct tn_sites_options {
    enum tn_sites_page page;
    enum tn_sites_by by;
    enum tn_sites_what what; /* by which rows are sums; views choose it themselves */
    bool cumulative;         /* a row has what was called from it, too */
    bool retained;           /* and what its objects retain; needs dominators */
    bool by_time;            /* snapshots come in any order, and perhaps twice: they are sorted by time */
    bool first;              /* of several snapshots: each is compared with the first one, not with the one before it */
    /* Places: FILE[:LINE], any:FILE[:LINE], domain:NAME. A stack counts that one of include names, if there are any, and none of
     * exclude. */
    const char *const *include, *const *exclude;
    size_t n_include, n_exclude;
    uint64_t born_first, born_last; /* only blocks that are the process's allocations of these numbers; 0, 0: all */
    /* Rows are the callers of from[n - 1], which called from[n - 2], …, which called from[0], which allocated. NULL in it: the
     * bottom of the stack. */
    const char *const *from;
    size_t n_from;
} tn_sites_options;

/* The objects of which a block counts in the row of this name (NULL: in any), of set (NULL: all objects). *out is a new set. By
 * traceback the name is that of all frames, the innermost first, a line each: "app.py:88 load()", of what has no file its name.
 * EINVAL for rows of cumulative tables and of pages of what was. */
int tn_sites_members(tn_snapshot *s, const tn_sites_options *o, const tn_set *set, const char *row, tn_set **out,
                     tn_error *err);

/* Who made an object. depth 0 is the innermost frame; ENOTFOUND behind the last. tn_birth_caller makes *birth that of the frame
 * which called, and so on outwards; ENOTFOUND, and nothing changes, at the outermost. Cost: the first call a pass over the
 * blocks, 4 bytes an object are kept; a frame `depth` steps, a caller one. */
typedef struct tn_birth {
    uint32_t entry;          /* 0: it is not known, and there are no frames */
    uint64_t birth;          /* as the how many-th allocation of the process; 0: not known */
    uint64_t bytes;          /* asked for from the allocator */
    uint64_t interval_bytes; /* of a sample, else 0 */
    bool maybe_stale; /* dead objects of its type are kept for the next: the stack may be that of one before it */
} tn_birth;
int tn_node_birth(tn_snapshot *s, uint32_t id, tn_birth *out, tn_error *err);
int tn_birth_frame(tn_snapshot *s, const tn_birth *birth, uint32_t depth, tn_frame *out, tn_error *err);
int tn_birth_caller(tn_snapshot *s, tn_birth *birth, tn_error *err);

/* Where time goes, of a process whose threads were sampled, or bytes, of one whose allocations were (docs/profile.md): stacks in
 * groups. What a group has of its own is what stacks have that end in it; all in all, what stacks have that it is on. */
enum tn_cpu_by {
    TN_CPU_FUNCTION,
    TN_CPU_LINE,
    TN_CPU_FILE,
    TN_CPU_MODULE,
    TN_CPU_DISTRIBUTION,
    TN_CPU_TRACEBACK,
    TN_CPU_THREAD,
    TN_CPU_TASK,  /* of asyncio */
    TN_CPU_STATE, /* whether it ran, and held the interpreter's lock */
    TN_CPU_BYS
};
extern const char *const tn_cpu_by_names[TN_CPU_BYS];

enum tn_cpu_page {
    TN_CPU_TABLE,
    TN_CPU_TREE,    /* who called whom, from the outermost frame inwards */
    TN_CPU_GRAPH,   /* groups, and how much came from each to each other */
    TN_CPU_CALLERS, /* who called a function, and how much of its time that is */
    TN_CPU_CALLEES, /* what a function called */
    TN_CPU_PAGES
};
extern const char *const tn_cpu_page_names[TN_CPU_PAGES];

typedef struct tn_cpu_options {
    enum tn_cpu_page page;
    enum tn_cpu_by by;
    bool cumulative;           /* of the table: what has nothing of its own, too, in order of all in all */
    const char *clock;         /* that of the samples, or "alloc"; NULL: samples if there are any, else allocations */
    const char *thread, *task; /* only these, by name, with * and ?; NULL: all */
    const char *state;         /* "running", "waiting" or "gil"; NULL: all */
    const char *function;      /* of CALLERS and CALLEES: its name, with * and ?, or FILE[:LINE] */
    /* Places: FILE[:LINE], any:FILE[:LINE]. A stack counts that one of include names, if there are any, and none of exclude. */
    const char *const *include, *const *exclude;
    size_t n_include, n_exclude;
} tn_cpu_options;

/* Stacks as a tree, as flame graphs draw it (docs/flame.md): from the outermost frame inwards, or inverted. */
enum tn_flame_what {
    TN_FLAME_ANY,  /* LIVE; of a file without allocations CPU */
    TN_FLAME_LIVE, /* bytes that are alive */
    TN_FLAME_COUNT,
    TN_FLAME_ALLOCATED, /* bytes, since the recorder started */
    TN_FLAME_TEMPORARY, /* ... and freed soon */
    TN_FLAME_PEAK,      /* bytes that were alive when most of all was */
    TN_FLAME_RETAINED,  /* bytes that objects retain which nothing but modules and the like holds; needs dominators */
    TN_FLAME_CPU,       /* what the sampler counted, as tn_view_profile tells */
    TN_FLAME_WHATS
};
extern const char *const tn_flame_what_names[TN_FLAME_WHATS]; /* "", "live" … */

typedef struct tn_flame_options {
    enum tn_flame_what what;
    enum tn_sites_by by; /* what a frame is: LINE, FILE, FUNCTION, MODULE or DISTRIBUTION */
    bool inverted;       /* from where it was counted outwards */
    /* As of tn_sites_options; born only of LIVE and COUNT. */
    uint64_t born_first, born_last;
    const char *const *include, *const *exclude;
    size_t n_include, n_exclude;
} tn_flame_options;

/* ---- 11. Diff -------------------------------------------------------------------------------------------------- */

/* Two snapshots, object by object where they are of one process (docs/diff.md). */
typedef struct tn_diff tn_diff;

enum tn_diff_grade { TN_DIFF_CERTAIN, TN_DIFF_LIKELY, TN_DIFF_REUSED };
enum tn_diff_part {
    TN_DIFF_NEW,      /* objects of the new snapshot that the old one has not */
    TN_DIFF_GONE,     /* objects of the old snapshot that the new one has no more */
    TN_DIFF_SURVIVED, /* objects of the new snapshot that the old one has */
};
typedef struct tn_diff_info {
    bool same_process;
    const char *why;                  /* not the same: why; lives as long as the diff */
    uint64_t certain, likely, reused; /* addresses of both, by grade; a reused one is an object gone and a new one */
    uint64_t old_count, old_bytes, new_count, new_bytes; /* selected objects */
} tn_diff_info;

/* Both snapshots must outlive the diff, and be two handles. where: a selection on both sides, NULL: all. tonnage's own
 * objects are on neither side. Cost: one pass over both files, 4 bytes an object of old. Errors: EINVAL and those of
 * reading either. */
int tn_diff_open(tn_snapshot *old, tn_snapshot *new, const char *where, tn_diff **out, tn_error *err);
/* The same of the members of a set of each side alone (NULL: of all objects). */
int tn_diff_open_sets(tn_snapshot *old, const tn_set *old_set, tn_snapshot *new, const tn_set *new_set,
                      const char *where, tn_diff **out, tn_error *err);
void tn_diff_close(tn_diff *d); /* NULL allowed */
void tn_diff_about(const tn_diff *d, tn_diff_info *out);
/* A set of its own, to be freed: of old's objects for GONE, else of new's. EINVAL where the processes differ. */
int tn_diff_set(const tn_diff *d, enum tn_diff_part part, tn_set **out, tn_error *err);
/* As tn_set_filter on new, where words is:new, is:survived, is:certain and is:likely say what the diff says of an object; of
 * a diff of all objects. *out is a new set. */
int tn_diff_filter(const tn_diff *d, const tn_set *set, const char *selection, tn_set **out, tn_error *err);
uint32_t tn_diff_survivor(const tn_diff *d, uint32_t old); /* what an object of old is in new; TN_NONE: gone */

/* Of three snapshots or more of one process, oldest first: objects of the last that were made after the first and before
 * the last one, and are still there. Of two, none. The set is to be freed before the last snapshot is closed. */
int tn_growth_set(tn_snapshot *const *snapshots, size_t n, const char *where, tn_set **out, tn_error *err);

/* ---- 12. Patterns ---------------------------------------------------------------------------------------------- */

/* Who refers to a set, kind by kind: a tree whose row 0 is the set and whose other rows are the objects of one kind that refer
 * to those of the row above them, each object in the first row that comes to it, breadth first (docs/patterns.md). Only
 * references that hold count. Modules, classes, frames and other roots end a branch. */
typedef struct tn_patterns tn_patterns;

enum tn_patterns_order { TN_PATTERNS_BY_REFERENCES, TN_PATTERNS_BY_COUNT, TN_PATTERNS_BY_SIZE };

typedef struct tn_patterns_options {
    enum tn_by by;                /* what a kind is; but for HEADS */
    enum tn_patterns_order order; /* of the kinds below a row, which their letters follow */
    uint32_t depth;               /* levels below the set, or below at; 0: 4 */
    uint32_t width;               /* kinds that are followed below a row, the rest is one row; 0: 5, at most 702 */
    const char *at; /* name of a row: it is there if the set has it, whatever depth and width; NULL: the set */
    bool fold;      /* the dict of an object is a part of it */
} tn_patterns_options;

enum tn_pattern_end {
    TN_PATTERN_OPEN,  /* rows below it, or nothing refers to it that is in no row */
    TN_PATTERN_ROOT,  /* a module, a class, a frame or another root */
    TN_PATTERN_REST,  /* the kinds beyond width */
    TN_PATTERN_DEPTH, /* it was not asked who refers to it */
};

/* How objects refer to others: labels with how many references have them, most first. An entry without a key (TN_NONE) is one of
 * any key: no key stands out. */
enum { TN_PATTERN_WAYS = 3 };
typedef struct tn_pattern_ways {
    uint64_t references; /* all of them; more than the labels have where there are others */
    uint32_t n;
    struct {
        tn_reference label; /* .text, .style and .key count */
        uint64_t references;
    } at[TN_PATTERN_WAYS];
} tn_pattern_ways;

typedef struct tn_pattern_row {
    uint32_t parent, depth; /* row, TN_NONE of the first */
    const char *name; /* "", then a, b, … z, Aa, Ab, … Zz for each step: "aab" is written "a2b". Stable while the
                               options are */
    const char *kind; /* as groups has it; NULL: TN_PATTERN_REST */
    enum tn_pattern_end end;
    uint32_t count, n_kinds; /* objects or roots; kinds in it */
    uint32_t held;           /* of them held by C code, too */
    uint32_t dicts;          /* __dict__s that are a part of one; in bytes, not in count */
    uint32_t example;        /* node */
    uint64_t bytes;
    tn_pattern_ways ways; /* how they refer to objects of the row above */
    uint32_t n_loops;     /* see below */
} tn_pattern_row;

/* Objects of row `from`, which stands elsewhere in the tree, refer to those of this one, too: a cycle, or something that has
 * more than one of the rows. */
typedef struct tn_pattern_loop {
    uint32_t row, from;
    tn_pattern_ways ways;
} tn_pattern_loop;

/* set NULL: all objects. *out is the caller's to free, before the snapshot is closed. Cost: references of the objects met, a
 * pass over all of them for a row with a sixteenth of all nodes, and the first time a snapshot is asked for referrers;
 * 8 bytes a node and 4 a member. */
int tn_patterns_make(tn_snapshot *s, const tn_set *set, const tn_patterns_options *o, tn_patterns **out, tn_error *err);
void tn_patterns_free(tn_patterns *p);
uint32_t tn_patterns_count(const tn_patterns *p); /* rows, each behind the one it refers to */
/* Texts live until the next call with these patterns. */
int tn_patterns_row(tn_patterns *p, uint32_t row, tn_pattern_row *out, tn_error *err);
int tn_patterns_loop(tn_patterns *p, uint32_t row, uint32_t index, tn_pattern_loop *out, tn_error *err);
/* By its name in any spelling: aab is a2b; "_" is row 0. EINVAL: no name; ENOTFOUND. */
int tn_patterns_find(tn_patterns *p, const char *name, uint32_t *row, tn_error *err);
/* The objects of a row, a new set; roots that are none are left out. */
int tn_patterns_members(tn_patterns *p, uint32_t row, tn_set **out, tn_error *err);

/* ---- 13. Cycles ------------------------------------------------------------------------------------------------ */

/* Strongly connected components of the references that hold, over mortal objects that are not tonnage's own: every member leads
 * to every other one, so that no reference count alone frees them. One object by itself is one if it refers to itself.
 * docs/cycles.md says what is left out, and why: of what is alive modules, their namespaces and classes. */
typedef struct tn_components tn_components;

enum tn_cycle_state {
    TN_CYCLE_ALIVE,
    TN_CYCLE_WAITING, /* garbage: the next collection frees it */
    TN_CYCLE_LISTED,  /* a member is in gc.garbage, or nothing but that list keeps it */
    TN_CYCLE_UNTOLD,  /* of a part of the objects */
};
typedef struct tn_components_options {
    const tn_set *of;    /* components of the members and the references between them, nothing left out; NULL: of all */
    const tn_set *where; /* only those with a member of this set; NULL: all */
    bool garbage;        /* only WAITING and LISTED ones */
    enum tn_by by;       /* of groups: TYPE, or SITE: also of one line that made most of the members, in bytes */
} tn_components_options;
typedef struct tn_component {
    uint32_t count, first; /* members, and the one with the lowest address */
    uint64_t bytes;
    uint64_t references; /* between members that hold, each as often as it is there */
    enum tn_cycle_state state;
    bool source; /* no other object that was asked about refers to a member: nothing in the graph leads to it */
} tn_component;

/* The one with most bytes first, equal ones by address. options may be NULL. To be freed before the snapshot is closed.
 * Cost: O(objects + references), no recursion; 4 bytes a node and 4 a member are kept, 8 a node more once a cycle has been asked
 * for; up to 16 a node and 4 a reference are in use meanwhile. */
int tn_components_make(tn_snapshot *s, const tn_components_options *options, tn_components **out, tn_error *err);
void tn_components_free(tn_components *c); /* NULL allowed */
uint32_t tn_components_count(const tn_components *c);
int tn_components_row(tn_components *c, uint32_t index, tn_component *out, tn_error *err); /* EINVAL: no such one */
int tn_components_members(const tn_components *c, uint32_t index, tn_set **out, tn_error *err); /* a new set */
/* A cycle in it: references one after the other, from a member back to it, valid until the next call with these components.
 * *shortest (may be NULL): there is no shorter one. Breadth first from one member after the other, each not beyond the length
 * that is known; given up after some passes over the component. */
int tn_components_cycle(tn_components *c, uint32_t index, const tn_reference **steps, uint32_t *n, bool *shortest,
                        tn_error *err);
/* All references between members that hold, for a picture; in order of source, valid as above. 40 bytes each. */
int tn_components_references(tn_components *c, uint32_t index, const tn_reference **references, uint64_t *n,
                             tn_error *err);

/* The cycles found, one a component, grouped where they go over the same types and labels in the same order, and by SITE
 * where one line made most of each. Places and lengths of keys do not count ("[…]"). Indexes are 0 .. *n - 1, most cycles first. Cost: the first call finds them all. */
typedef struct tn_cycle_group {
    uint32_t cycles;            /* components with such a cycle */
    uint32_t waiting, listed;   /* of them */
    uint64_t count, bytes;      /* members of these components */
    uint32_t example;           /* the component with most bytes */
    uint32_t shortest, longest; /* objects in the cycle itself: more where the same types and labels come again */
    const char *site;           /* by SITE: "app.py:88 load()", until the next call; NULL: of no member it is known */
} tn_cycle_group;
int tn_components_groups(tn_components *c, uint32_t *n, tn_error *err);
int tn_components_group(tn_components *c, uint32_t index, tn_cycle_group *out, tn_error *err);
int tn_components_group_members(tn_components *c, uint32_t index, tn_set **out, tn_error *err); /* a new set */

/* What a collection of all generations would free now, as far as the snapshot knows: no anchor and no root leads to it.
 * *out is a new set, without tonnage's own. Cost: as of components. */
int tn_garbage_set(tn_snapshot *s, tn_set **out, tn_error *err);

/* ---- 14. Audit ------------------------------------------------------------------------------------------------- */

/* Reference counts against the owning references that were found, and who else holds what has more (docs/audit.md). */
enum tn_audit_grade {
    TN_AUDIT_EVEN,      /* as many as counted; or immortal, static, tonnage's own */
    TN_AUDIT_LOST,      /* no pointer to it was found, and no reference but from what is lost or garbage itself */
    TN_AUDIT_LEAKED,    /* something holds it, and more references are counted than were found and pointers seen */
    TN_AUDIT_POSSIBLE,  /* no reference at all; nobody has looked for pointers (a snapshot without scan) */
    TN_AUDIT_HELD,      /* by C code: an extension, or an object of which not all references are known */
    TN_AUDIT_EXPLAINED, /* by the interpreter: its static data, a stack, what a frame computes with */
    TN_AUDIT_SHORT,     /* more references were found than are counted */
    TN_AUDIT_GRADES
};
extern const char *const tn_audit_names[TN_AUDIT_GRADES];
typedef struct tn_account {
    uint32_t refcount, found; /* found: owning references */
    enum tn_audit_grade grade;
} tn_account;
/* EINVAL in a snapshot of a part of the process. The first call of either counts: O(references), 5 bytes a node are kept. */
int tn_node_account(tn_snapshot *s, uint32_t id, tn_account *out, tn_error *err);
/* Members of set (NULL: all objects) of a grade other than EVEN; a new set. */
int tn_audit_set(tn_snapshot *s, const tn_set *set, enum tn_audit_grade grade, tn_set **out, tn_error *err);

/* ---- 15. Waste ------------------------------------------------------------------------------------------------- */

/* Bytes that a change of the program would give back to the allocator (docs/waste.md). */
enum tn_waste_kind {
    TN_WASTE_EQUAL_TEXT,      /* str and bytes that are there more than once */
    TN_WASTE_EQUAL_NUMBER,    /* int, float, complex */
    TN_WASTE_EQUAL_TUPLE,     /* tuple, frozenset: with all that is in them */
    TN_WASTE_EQUAL_CONTAINER, /* list, dict, set: equal now */
    TN_WASTE_EQUAL_DATA,      /* bytearray, array.array, numpy arrays: equal bytes now */
    TN_WASTE_ROOM,            /* room that containers keep for more */
    TN_WASTE_EMPTY,           /* empty containers that one reference holds */
    TN_WASTE_FEW,             /* deques of a few items, which take as much as 64 */
    TN_WASTE_SLOTS,           /* attributes of instances that __slots__ would hold */
    TN_WASTE_UNSHARED,        /* dicts of instances that share their keys no more */
    TN_WASTE_BOXED,           /* numbers one by one that an array would hold */
    TN_WASTE_SECOND_COPY,     /* of texts: in UTF-8 or wide characters */
    TN_WASTE_ZEROS,           /* bytes that are nothing but zeros */
    TN_WASTE_ZERO_DATA,       /* the same of bytearray, array.array, numpy arrays: nothing but zeros now */
    TN_WASTES
};
extern const char *const tn_waste_names[TN_WASTES];

typedef struct tn_waste tn_waste;
typedef struct tn_waste_options {
    const tn_set *set; /* only these count, whatever they are equal to; NULL: all */
    bool grouped;      /* findings are of groups as by says; else by the references that hold, or the class */
    enum tn_by by;
    const char *where_rows; /* "size:>=64k" on the bytes that would go; NULL: 1 % of the heap, at least 64 KiB */
} tn_waste_options;
/* Findings, those that save most first. *out is the caller's to free, before the snapshot is closed; the set may go before.
 * Cost: some passes over objects and references; about 30 bytes an object meanwhile, and 16 an item. */
int tn_waste_make(tn_snapshot *s, const tn_waste_options *o, tn_waste **out, tn_error *err);
void tn_waste_free(tn_waste *w); /* NULL allowed */
uint32_t tn_waste_count(const tn_waste *w);

enum tn_waste_grade { TN_WASTE_HINT, TN_WASTE_NOTE, TN_WASTE_WARNING }; /* may be wanted; 5 % of the heap or more */
typedef struct tn_waste_row {
    enum tn_waste_kind kind;
    enum tn_waste_grade grade;
    const char *label;       /* "app.User.city": what holds them, or the class; lives as long as the waste */
    uint64_t count, bytes;   /* objects, and what they take */
    uint64_t saved;          /* of that: what would go */
    uint32_t example;        /* the one that most would go of */
    const char *type;        /* "dict": of containers, all of this type; NULL: of several, or nothing that is asked */
    const char *attributes;  /* of classes: what __slots__ would name; the attribute that broke the sharing; or NULL */
    bool missing;            /* that attribute is one they lack */
    const char *bases;       /* slots: "app.Node (a, b), app.Base ()": what theirs would name; NULL: none */
    const char *defaults;    /* slots: attributes of which the class has a value, which slots do not allow; or NULL */
    const char *descriptors; /* slots: attributes of which the class has a descriptor, which needs the dict; or NULL */
    bool asked;              /* slots: most have their dict as an object: something asks for it */
} tn_waste_row;
int tn_waste_row_at(const tn_waste *w, uint32_t index, tn_waste_row *out, tn_error *err);
/* The objects of a finding: a new set. Cost: a pass over the objects of its kind. */
int tn_waste_members(const tn_waste *w, uint32_t index, tn_set **out, tn_error *err);
/* What would go by all changes together: what two findings tell of one object counts once. */
uint64_t tn_waste_saved(const tn_waste *w);

/* ---- 16. Views ------------------------------------------------------------------------------------------------- */

/* Where a view is written. write returns false to stop (TN_EIO). Text or JSON come in pieces, in order. */
typedef struct tn_sink {
    bool (*write)(void *ctx, const char *text, size_t n_bytes);
    void *ctx;
} tn_sink;

enum tn_form { TN_TEXT, TN_JSON };

/* What the page of tracked classes tells. */
enum tn_tracked_page {
    TN_TRACKED_ALL,       /* snapshots in a line each, classes, instances */
    TN_TRACKED_SNAPSHOTS, /* what each class took at each snapshot */
    TN_TRACKED_CLASSES,   /* births, deaths, growth, ages; of a few classes as curves */
    TN_TRACKED_INSTANCES, /* one by one, with their parts and birthplaces */
    TN_TRACKED_PAGES
};
extern const char *const tn_tracked_page_names[TN_TRACKED_PAGES]; /* "all" "snapshot" "class" "instance" */

/* What can be selected and sorted differs by view (docs/selection.md, docs/view-json.md); what cannot is EINVAL. */
typedef struct tn_view_options {
    enum tn_form form;
    const char *where; /* selection, NULL: all */
    const char *sort;  /* column name, "-" before it reverses; NULL: the view's own order */
    uint32_t limit;    /* rows; 0: all */
    enum tn_by by;     /* summary, groups, retained; cycles: TYPE, SITE or ID; and where grouped is set */
    uint32_t width;    /* columns of the terminal; 0: 100 */
    bool color;
    const char *where_rows; /* further selection on rows ("size:>=1k"), NULL: all */
    const tn_set *set;      /* only these of the selected objects; NULL: all */
    bool grouped;           /* dominators, paths, refs, referrers, suspects, why: rows are groups, as by says */
    uint32_t depth;         /* dominators, refs, referrers: levels of the tree; 0: one, of treemap: all */
    tn_snapshot *against;  /* an older snapshot of the process: what changed since (summary), only what is new since, or
                               what is: in where says */
    const tn_diff *since;  /* what is: in where compares with, made already; NULL: against */
    const tn_set *old_set; /* diff: only these of the older one's objects, as set says of the newer one's; NULL: all */
    bool fold;         /* dicts count in what they are attributes of (docs/sets.md); not in summary, largest, diff */
    const char *heads; /* groups: HEADS of these, and by stays TYPE; NULL: by says it */
    uint32_t first;    /* groups, patterns: rows that are left out at the beginning */
    const tn_set *head_set;   /* groups: these are the heads, and heads is NULL; NULL: heads or by say it */
    const char *avoid;        /* paths: words of tn_paths_avoid; NULL: nothing */
    const tn_set *avoid_set;  /* paths: objects that are avoided, too; NULL: none */
    bool all, merge;          /* paths: all shortest ones only; of a set: one tree */
    const char *file;         /* its name, for the commands that a page names; NULL: FILE */
    const char *const *files; /* diff: names of all; NULL: OLD and NEW */
    uint32_t branches;        /* patterns: kinds that are followed below a row; 0: 5 */
    const char *at;           /* patterns: name of the row to begin with; NULL: the set */
    bool garbage;             /* cycles: only what waits for the collector, or is in gc.garbage */
    /* Made already, of what where, set and against select and as the other options say; NULL: the view makes it. */
    const tn_waste *waste;
    tn_patterns *patterns;
    tn_components *components;     /* cycles */
    const tn_sites_options *sites; /* sites: what the rows are; NULL: lines */
    const tn_cpu_options *cpu;     /* profile: likewise; NULL: functions */
    enum tn_tracked_page tracked;  /* tracked: what the page tells */
    const tn_flame_options *flame; /* flame: likewise; NULL: lines */
} tn_view_options;

int tn_view_summary(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
int tn_view_groups(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* The same of groups that are made already: of the options form, limit, first, width, color and where_rows count, and sort
 * where it is given. */
int tn_view_groups_made(tn_groups *g, const tn_view_options *options, const tn_sink *sink, tn_error *err);
int tn_view_largest(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
int tn_view_show(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* Paths from the roots to a node, or with TN_NONE the shortest one to each of the selected objects; grouped, to the largest of
 * each group. */
int tn_view_paths(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* What a node refers to, or what refers to it, as a tree of `depth` levels; with TN_NONE the references of all selected
 * objects, or to them, in groups by the type at the other end and the label. Grouped, of both: by any kind of what is at the
 * other end. */
int tn_view_refs(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err);
int tn_view_referrers(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* The dominator tree below a node; TN_NONE: from the root. Grouped: its first level, parted. */
int tn_view_dominators(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* Of the same tree, limit nodes that retain most, wherever they hang (options' depth: not below so many levels; 0: any). */
int tn_view_treemap(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* What would go without one object, or with TN_NONE without the selected ones, parted. */
int tn_view_retained(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* What changed from the first snapshot to the second; of more than two, oldest first: what grew from each to the next. */
int tn_view_diff(tn_snapshot *const *snapshots, size_t n, const tn_view_options *options, const tn_sink *sink,
                 tn_error *err);
/* What to look at first, in sentences (docs/suspects.md): who retains much, who holds that, what waits or is kept by accident.
 * options' against: what grew since. Grouped: and which groups of objects at the top retain most. Needs dominators. */
int tn_view_suspects(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* Why the selected objects (options' where and set) are alive and what would free them, in sentences (docs/why.md); of a
 * selection that is an address: that object. Grouped: an answer for each group. ENOTFOUND where nothing is selected. Needs
 * dominators. */
int tn_view_why(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* Who refers to the selected objects, kind by kind, as a tree (docs/patterns.md). */
int tn_view_patterns(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* Cycles by the types and labels they go over or, by ID, each with what keeps it; finalizers and weak references
 * (docs/cycles.md). Only by ID needs dominators. */
int tn_view_cycles(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* Objects whose reference count is not what was found of references, in groups (by). Sorted by excess, count, size or kind. */
int tn_view_audit(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* Findings of waste with the change to make and who holds them, in sentences (docs/waste.md). Needs dominators where there is
 * a finding. */
int tn_view_waste(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* Who allocated what is alive, was at the peak or is freed soon (options' sites). Of several snapshots, oldest first: each
 * is compared with the one before it. */
int tn_view_sites(tn_snapshot *const *snapshots, size_t n, const tn_view_options *options, const tn_sink *sink,
                  tn_error *err);
/* Where time goes (options' cpu). With against: what changed since that file, of any process. */
int tn_view_profile(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* Tracked classes (docs/track.md): snapshots, classes, instances. sort: size, retained, birth, death, count, class or name; where
 * takes type:, module:, size:, retained: and text:. JSON has all three whatever options' tracked says. */
int tn_view_tracked(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* Stacks as a tree (options' flame), the widest frames: limit is the number of them, 0: a million at most. */
int tn_view_flame(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* How memory went while the process lived: the time line, and how old what is alive is. */
int tn_view_timeline(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
int tn_view_info(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
/* Runs tn_snapshot_check; *sound: no finding in the file and no failed self-check. Wants a snapshot opened with partial. */
int tn_view_check(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, bool *sound, tn_error *err);

/* ---- 17. Pictures ---------------------------------------------------------------------------------------------- */

/* Objects or groups as nodes, references as edges, few enough to be looked at (docs/pictures.md). What is beyond depth and
 * width is counted: a node that is a ghost stands for it. The same snapshot and options make the same picture. */
typedef struct tn_picture tn_picture;

enum tn_picture_of {
    TN_PICTURE_GROUPS, /* the largest groups of the selected objects, and how many references lead from one to another */
    TN_PICTURE_REFS,   /* what the selected objects refer to */
    TN_PICTURE_BACKREFS, /* what refers to them; modules, classes, frames and other roots end a branch */
    TN_PICTURE_PATHS,    /* of one object width shortest paths to it, of more one to each */
    TN_PICTURE_CYCLES,   /* by TYPE what cycles go over, by ID each component */
    TN_PICTURES
};
extern const char *const tn_picture_names[TN_PICTURES]; /* "groups", "refs" … */
enum { TN_PICTURE_ADDRESS = 1, TN_PICTURE_REFCOUNT = 2, TN_PICTURE_RETAINED = 4, TN_PICTURE_FULL_NAMES = 8 };

typedef struct tn_picture_options {
    enum tn_picture_of of;
    /* where, set, against, since, sort, limit (groups, cycles, or objects to begin with), depth (0: 3), branches (below a node,
     * 0: 10; edges out of a group, 0: 3), by, heads, fold, avoid, all, garbage and where_rows count. NULL: none of them. */
    const tn_view_options *view;
    const tn_set *only;      /* of REFS and BACKREFS: no other objects, but for those to begin with; NULL: any */
    const tn_set *without;   /* ... not these, nor what lies behind them; NULL: any */
    const tn_set *highlight; /* NULL: nothing */
    unsigned lines;          /* TN_PICTURE_…: what is told of an object */
    bool proportional;       /* of GROUPS: area by bytes */
} tn_picture_options;

enum tn_drawn {
    TN_DRAWN_OBJECT, /* of a type of the program or a library */
    TN_DRAWN_CONTAINER,
    TN_DRAWN_BUILTIN, /* of another builtin type */
    TN_DRAWN_CLASS,
    TN_DRAWN_ROOT, /* a module, a frame, a thread or another root */
    TN_DRAWN_GROUP,
    TN_DRAWN_GHOST, /* what is left out */
    TN_DRAWN_KINDS
};
extern const char *const tn_drawn_names[TN_DRAWN_KINDS];
typedef struct tn_picture_node {
    uint32_t node; /* TN_NONE of a group, a kind or a ghost */
    enum tn_drawn kind;
    bool asked, highlighted;  /* asked: the picture begins here */
    uint32_t cluster;         /* TN_NONE: in none */
    uint64_t count, bytes;    /* objects; of a ghost what it stands for */
    const char *title, *text; /* escaped; text: lines with a newline between, or "" */
} tn_picture_node;
typedef struct tn_picture_edge {
    uint32_t from, to; /* nodes of the picture */
    enum tn_reference_kind kind;
    uint64_t count;    /* references */
    const char *label; /* escaped */
} tn_picture_edge;
typedef struct tn_picture_about {
    enum tn_picture_of of;
    bool proportional;
    uint32_t n_nodes, n_edges, n_clusters;
    uint32_t n_objects; /* nodes that are objects or roots */
    const char *title;
} tn_picture_about;

/* *out is the caller's to free, before the snapshot is closed, and before the view's where and against go; sets may go at once.
 * Texts live until then, or until a note. Errors: EINVAL where the options make no sense, ENOTFOUND where nothing is selected. Cost: of groups a pass over objects and references; else the
 * references of what is drawn, and what paths, cycles and referrers cost the first time. */
int tn_picture_make(tn_snapshot *s, const tn_picture_options *o, tn_picture **out, tn_error *err);
void tn_picture_free(tn_picture *p); /* NULL allowed */
void tn_picture_tell(const tn_picture *p, tn_picture_about *out);
void tn_picture_node_at(const tn_picture *p, uint32_t index, tn_picture_node *out); /* below n_nodes */
void tn_picture_edge_at(const tn_picture *p, uint32_t index, tn_picture_edge *out);
const char *tn_picture_cluster(const tn_picture *p, uint32_t index);
/* One more line in a node. EINVAL: there is no such one. */
int tn_picture_note(tn_picture *p, uint32_t index, const char *text, tn_error *err);
/* As text that Graphviz draws, or as docs/view-json.md specifies it. */
int tn_picture_dot(const tn_picture *p, const tn_sink *sink, tn_error *err);
int tn_picture_json(const tn_picture *p, const tn_sink *sink, tn_error *err);

/* "1.5 MiB", "0 B"; returns out. cap >= 16. */
char *tn_format_bytes(uint64_t bytes, char *out, size_t cap);
/* "12k", "3.5MiB", "7" -> bytes, binary suffixes. TN_EINVAL. */
int tn_parse_bytes(const char *text, uint64_t *bytes);

/* ---- 18. Export ------------------------------------------------------------------------------------------------ */

/* Tables of a snapshot, column by column (docs/export.md has the columns). */
enum tn_table_name { TN_TABLE_OBJECTS, TN_TABLE_REFERENCES, TN_TABLE_TYPES, TN_TABLE_ROOTS, TN_TABLES };
extern const char *const tn_table_names[TN_TABLES];
/* Names of the columns; NULL behind the last one. *asked (may be NULL): it is there only when it is named. */
const char *tn_batches_column(enum tn_table_name table, uint32_t index, bool *asked);

/* The C data interface of Apache Arrow, as its specification has it. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4
struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

/* A table in batches of some thousand rows, of objects of a set (NULL: all). Of references that is their source, of roots what
 * they refer to; of types it is what is counted. columns: names with commas between; NULL: all that need not be named. The
 * snapshot and the set may be used between two batches; the set is copied. Cost: each column a pass over what it is made of;
 * references 8 bytes an object and the references themselves, retained sizes the dominators. EINVAL: no such column. */
typedef struct tn_batches tn_batches;
int tn_batches_open(tn_snapshot *s, enum tn_table_name table, const tn_set *set, const char *columns, tn_batches **out,
                    tn_error *err);
void tn_batches_close(tn_batches *b); /* NULL allowed; before the snapshot is closed */
/* Both are the caller's to release, in any thread, also after the snapshot is closed. A batch is a struct of columns: u64 for
 * addresses and hashes, i64 for numbers, booleans, texts, and words of a dictionary that is the same in all batches. */
int tn_batches_schema(tn_batches *b, struct ArrowSchema *out, tn_error *err);
int tn_batches_next(tn_batches *b, struct ArrowArray *out, tn_error *err); /* 1; 0: there are no more */

/* What a profile is about: what is alive, all that ever was allocated, what was alive at the high-water mark, or where the
 * processor's time went. ANY: CPU of what has samples alone, ALLOCATED where allocations were sampled in the place of time, else
 * LIVE. */
enum tn_profile_of {
    TN_PROFILE_ANY,
    TN_PROFILE_LIVE,
    TN_PROFILE_ALLOCATED,
    TN_PROFILE_PEAK,
    TN_PROFILE_CPU,
    TN_PROFILES,
};
extern const char *const tn_profile_names[TN_PROFILES]; /* "" "live" "allocated" "peak" "cpu" */

/* A snapshot in the format of other programs, written as a stream (docs/export.md). */
typedef struct tn_export_options {
    const char *format;       /* one of tn_export_format */
    enum tn_table_name table; /* csv: which one */
    const char *columns;      /* csv: as of tn_batches_open */
    const char *where;        /* selection, NULL: all */
    const tn_set *set;        /* only these of the selected objects; NULL: all */
    tn_snapshot *against;     /* an older snapshot of the process: only what is new since, or what is: in where says */
    uint32_t max_nodes;       /* heapsnapshot: what retains least is folded until there are no more; 0: no limit */
    enum tn_profile_of
        profile; /* of stacks: which of the sums; pstats and plop have CPU only. These take no selection */
} tn_export_options;

const char *tn_export_format(size_t index); /* names of the formats; NULL behind the last one */
int tn_export(tn_snapshot *s, const tn_export_options *options, const tn_sink *sink, tn_error *err);
/* The same to a file (mode 0600), which is whole or not there; without force a path that exists is EEXIST. EINVAL where it is the
 * snapshot itself. */
int tn_export_file(tn_snapshot *s, const tn_export_options *options, const char *path, bool force, tn_error *err);

/* ---- 19. Import ------------------------------------------------------------------------------------------------ */

typedef struct tn_import_options {
    const tn_alloc *alloc;     /* NULL: malloc */
    uint64_t max_memory_bytes; /* 0: no limit; beyond it TN_ELIMIT */
    bool force;                /* replace the file if it exists */
} tn_import_options;
typedef struct tn_import_info {
    uint64_t objects, bytes, lines;
    uint64_t blocks;    /* of tracemalloc: traced blocks, whose bytes these are; there are no objects and lines */
    uint64_t samples;   /* of plop; there is nothing else */
    uint64_t repeated;  /* objects that were in the dump before; the first one counts */
    uint64_t elsewhere; /* references to what is not in the dump; they are absent in the file */
} tn_import_info;

/* A dump of Meliae (JSON lines; a file, or a pipe such as /dev/stdin), of tracemalloc (a pickle in a file, of which nothing is
 * run) or of plop (a dict of stacks in a file) as a snapshot file, whole or not there (docs/import.md). options and info may be
 * NULL. EINVAL where out is the dump itself. Cost: O(n log n); some 90 bytes an object and 8 a reference, or 100 a traced block, for as long as it takes. EFORMAT
 * where it is none of such a dump. */
int tn_import(const char *dump, const char *out, const tn_import_options *options, tn_import_info *info, tn_error *err);

#ifdef __cplusplus
}
#endif
#endif
