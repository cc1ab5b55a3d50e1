/* suspects.h - what to look at first: who retains much, and who holds that. Private to lib/.
 *
 *   standard.c           what is CPython's own
 *   kinds.c              what a type means here: module, class, task, generator, …
 *   toplevel.c           the dominator tree, modules looked through, dicts of instances folded
 *   descent.c            down that tree: where much comes together, and what it consists of
 *   trail.c              the path to an object and its first holder that is worth a name
 *   common.c             where the paths to many objects come together
 *   suspects.c           the report: single objects
 *   suspects_types.c     many objects of one type
 *   suspects_findings.c  garbage, finalizers, tracebacks, tasks, …
 *   suspects_growth.c    the same against an older snapshot
 *
 * Rules and thresholds: docs/suspects.md.
 */
#ifndef TN_SUSPECTS_H
#define TN_SUSPECTS_H

#include "analysis/dominators.h"
#include "analysis/lookup.h"
#include "analysis/paths.h"

/* ---- standard.c ---- */

bool tn__module_is_standard(const char *module); /* or a submodule of one */
bool tn__file_is_standard(const char *file);

/* ---- kinds.c ---- */

enum {
    TN_KIND_MODULE = 1,
    TN_KIND_CLASS = 2,
    TN_KIND_FUNCTION = 4,
    TN_KIND_PROGRAM = 8,    /* the program itself: classes, functions, code, descriptors */
    TN_KIND_STANDARD = 16,  /* the type comes with CPython, or its module is unknown */
    TN_KIND_FINALIZER = 32, /* has a __del__ of the program's own */
    TN_KIND_CELL = 64,
    TN_KIND_TRACEBACK = 128,
    TN_KIND_FRAME = 256,
    TN_KIND_SUSPENDED = 512, /* generator, coroutine */
    TN_KIND_TASK = 1024,
    TN_KIND_LRU_CACHE = 2048,
    TN_KIND_LOGGING = 4096,
    TN_KIND_QUEUE = 8192,
    TN_KIND_FINALIZE = 16384,
    TN_KIND_WEAK_VALUES = 32768,
    TN_KIND_WEAK_ENTRY = 65536,
    TN_KIND_OWN = 131072, /* tonnage's */
};

typedef struct tn_kinds {
    const tn_alloc *alloc;
    uint32_t n_shapes;
    uint32_t *by_shape;   /* TN_KIND_… */
    uint32_t *dict_slots; /* by shape: which of its fixed references is its __dict__; TN_NONE */
} tn_kinds;
int tn__kinds_make(tn_snapshot *s, tn_kinds *out, tn_error *err);
void tn__kinds_free(tn_kinds *k);
/* What a node has as its __dict__; TN_NONE. */
static inline uint32_t tn__dict_at(const tn_kinds *k, const tn_graph *g, uint32_t node)
{
    uint32_t slot = k->dict_slots[g->shapes[node]];
    return slot == TN_NONE ? TN_NONE : g->targets[g->offsets[node] + slot];
}
/* The same where nothing else holds the dict: it is a part of the node then. TN_NONE. */
static inline uint32_t tn__dict_below(const tn_kinds *k, const tn_graph *g, const tn_dominators *d, uint32_t node)
{
    uint32_t dict = tn__dict_at(k, g, node);
    return node < g->n_objects && dict < g->n_objects && d->idom[dict] == node ? dict : TN_NONE;
}
/* The node that the dict is a part of; else the dict itself. */
static inline uint32_t tn__owner_at(const tn_kinds *k, const tn_graph *g, const tn_dominators *d, uint32_t dict)
{
    uint32_t above = d->idom[dict];
    return above != TN_NONE && tn__dict_below(k, g, d, above) == dict ? above : dict;
}

/* ---- toplevel.c ---- */

typedef struct tn_toplevel {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_graph graph;
    const tn_dominators *tree;
    tn_below below;
    tn_kinds kinds;
    bool fold;             /* dicts of instances are parts of these */
    uint64_t *through;     /* bits: looked through */
    uint32_t garbage_list; /* gc.garbage; TN_NONE */
    uint64_t bytes;        /* of the program's objects */
    uint32_t count;
} tn_toplevel;
int tn__toplevel_make(tn_snapshot *s, bool fold, tn_toplevel *out, tn_error *err);
void tn__toplevel_free(tn_toplevel *t);

static inline uint32_t tn__kind_of(const tn_toplevel *t, uint32_t node)
{
    return t->kinds.by_shape[t->graph.shapes[node]];
}
/* What holds everything on everybody's behalf: synthetic nodes, modules and their dicts, tables of the interpreter. */
static inline bool tn__is_through(const tn_toplevel *t, uint32_t node)
{
    return tn__bit(t->through, node);
}
/* Whether nothing but such nodes stands between the object and the root. */
static inline bool tn__is_top(const tn_toplevel *t, uint32_t node)
{
    return t->tree->idom[node] != TN_NONE && tn__is_through(t, t->tree->idom[node]) && !tn__is_through(t, node);
}
/* Its __dict__; TN_NONE. */
static inline uint32_t tn__dict_of(const tn_toplevel *t, uint32_t node)
{
    return tn__dict_at(&t->kinds, &t->graph, node);
}
/* The instance or class whose __dict__ this is, where that one dominates it; else the node itself. */
uint32_t tn__owner_of(const tn_toplevel *t, uint32_t node);
/* The same where dicts are folded; else the node. */
static inline uint32_t tn__folded(const tn_toplevel *t, uint32_t node)
{
    return t->fold ? tn__owner_of(t, node) : node;
}

int tn__garbage_list(tn_snapshot *s, uint32_t *out, tn_error *err); /* gc.garbage; TN_NONE */
/* The unreachable objects that nothing else unreachable leads to: what they retain as a set is all garbage. To be freed. */
int tn__garbage_sources(const tn_toplevel *t, tn_set **out, tn_error *err);
int tn__all_garbage(const tn_toplevel *t, tn_set **out, tn_error *err); /* all of it; to be freed */

/* ---- descent.c ---- */

enum { TN_CONTENT_ROWS = 3 };
typedef struct tn_content_row {
    const char *type;
    uint64_t count, bytes;
} tn_content_row;
typedef struct tn_content {
    uint32_t n_rows; /* the types with most bytes, below a node without itself */
    tn_content_row rows[TN_CONTENT_ROWS];
} tn_content;

/* What objects were in an older snapshot of the same process. */
typedef struct tn_past {
    const uint32_t *nodes; /* by object: its number there; TN_NONE: it is new */
    const tn_dominators *tree;
} tn_past;
static inline uint64_t tn__past_bytes(const tn_past *past, uint32_t object)
{
    return past->nodes[object] == TN_NONE ? 0 : past->tree->retained[past->nodes[object]];
}

/* Down from top to the biggest child while it retains at least 0.7 of what its parent does; past: of what that grew by, NULL:
 * of all. A chain of links of one type is one thing: *node is its head and *links their number, else 0. */
void tn__descend(const tn_toplevel *t, const tn_past *past, uint32_t top, uint32_t *node, uint32_t *links);
/* O(what the node retains). */
int tn__content(const tn_toplevel *t, uint32_t node, tn_content *out, tn_error *err);
int tn__content_of_set(const tn_toplevel *t, const tn_set *set, tn_content *out, tn_error *err); /* nothing folded */
/* The same of a few objects each time: O(objects + what they dominate directly). open: 0 or TN_ENOMEM; close in any case. */
typedef struct tn_tally {
    const tn_toplevel *top;
    struct tn_sum *by_type;
    uint32_t *types; /* that the sums are not 0 of */
    tn_content_row *rows;
    uint32_t n_types;
} tn_tally;
int tn__tally_open(const tn_toplevel *t, tn_tally *out, tn_error *err);
void tn__tally_close(tn_tally *tally);
void tn__tally_content(tn_tally *tally, const uint32_t *objects, uint32_t n, tn_content *out);

/* ---- trail.c ---- */

enum tn_holder {
    TN_HOLDER_NONE,
    TN_HOLDER_MODULE,   /* an attribute of a module */
    TN_HOLDER_CLASS,    /* … of a class */
    TN_HOLDER_INSTANCE, /* … of an instance */
    TN_HOLDER_LOCAL,    /* a local variable of a running function */
    TN_HOLDER_TASK,
};
enum tn_about { /* parts of the standard library that keep things */
                TN_ABOUT_NOTHING,
                TN_ABOUT_LRU_CACHE,
                TN_ABOUT_LOGGING,
                TN_ABOUT_QUEUE,
                TN_ABOUT_TASK,
                TN_ABOUT_SUSPENDED,
                TN_ABOUT_TRACEBACK,
                TN_ABOUT_CLOSURE,
                TN_ABOUT_FINALIZE,
                TN_ABOUT_LINECACHE,
                TN_ABOUT_RE_CACHE,
                TN_ABOUT_LAST_ERROR,
                TN_ABOUT_GARBAGE,
                TN_ABOUT_PATH_CACHE,
                TN_ABOUT_STANDARD,    /* another module of it */
                TN_ABOUT_NAMED_CACHE, /* none of these: something whose name has "cache" in it */
};

typedef struct tn_trail {
    const tn_alloc *alloc;
    tn_reference *steps; /* the root's reference first */
    uint32_t n;          /* 0: there is no path */
    enum tn_holder kind;
    uint32_t
        holder; /* steps up to the first holder outside the standard library that is worth a name, seen from the object */
    enum tn_about about;
    uint32_t about_node; /* the object that this is said of, or TN_NONE */
    tn_frame frame;      /* kind LOCAL */
} tn_trail;
/* The shortest path; avoid may be NULL. */
int tn__trail_make(const tn_toplevel *t, uint32_t node, const tn_set *avoid, tn_trail *out, tn_error *err);
void tn__trail_free(tn_trail *trail);

/* ---- common.c ---- */

enum { TN_COMMON_ENTRIES = 3 };
typedef struct tn_entry {
    uint32_t node, carried;
} tn_entry;
typedef struct tn_common {
    uint32_t sampled; /* paths; objects to which none leads do not count */
    uint32_t node,
        carried;        /* the lowest node that carries more than 80 % of them, and how many; TN_NONE: there is none */
    uint32_t n_entries; /* those by which most paths leave what is looked through */
    tn_entry entries[TN_COMMON_ENTRIES];
} tn_common;
/* d: by tn__distances, or around something. O(nodes). */
int tn__common_holder(const tn_toplevel *t, const tn_distances *d, const tn_set *set, tn_common *out, tn_error *err);
/* All by which paths leave what is looked through, those that carry most first, appended as tn_entry. O(nodes). */
int tn__path_entries(const tn_toplevel *t, const tn_distances *d, const tn_set *set, tn_buf *out, tn_error *err);

/* ---- suspects.c ---- */

typedef struct tn_suspect {
    const char *type;      /* many objects of this type; NULL: one object */
    uint32_t node;         /* the object where it comes together; of a type what holds most of them, or TN_NONE */
    uint32_t top;          /* where the descent began */
    uint32_t links;        /* a chain of so many links of one type; else 0 */
    uint64_t count, bytes; /* objects and bytes that go with node; of a type: its objects, and what they retain */
    uint64_t before;       /* bytes in the older snapshot; TN_UNKNOWN: was not found there */
    tn_common common;      /* of a type; its node is this node */
    uint32_t example;      /* of a type: the one that retains most */
    tn_content content;
    tn_trail trail; /* to node; of a type without one: to example */
} tn_suspect;

enum tn_finding_kind {
    TN_FINDING_GARBAGE,   /* unreachable: waits for the collector */
    TN_FINDING_LIST,      /* in gc.garbage */
    TN_FINDING_FINALIZER, /* with a __del__ of the program's own */
    TN_FINDING_TRACEBACK,
    TN_FINDING_FRAME, /* as an object: kept by a traceback or by somebody who asked for it */
    TN_FINDING_TASK,
    TN_FINDING_SUSPENDED,
    TN_FINDING_CELL,
    TN_FINDINGS
};
typedef struct tn_finding {
    enum tn_finding_kind kind;
    uint64_t count,
        bytes;          /* objects of the kind, and what they retain: at least, where several hold something together */
    uint64_t waiting;   /* of them garbage */
    uint64_t pending;   /* tasks that have not ended; TN_UNKNOWN where the state of one is not recorded */
    uint32_t node;      /* the one that retains most; TN_NONE */
    tn_content content; /* of garbage */
    tn_trail trail;     /* to node */
} tn_finding;

typedef struct tn_suspects {
    const tn_alloc *alloc;
    tn_toplevel top;
    tn_toplevel old;   /* snapshot NULL: there is none */
    bool same_process; /* as the old one */
    tn_set *garbage;   /* all that is unreachable, where that is much; else NULL */
    const tn_set *within;
    tn_buf rows;     /* tn_suspect, most bytes (growth) first */
    tn_buf findings; /* tn_finding */
} tn_suspects;

/* against may be NULL; within: only suspects that are members and only findings of members, NULL: all. It is only read, and
 * only here. */
int tn__suspects_make(tn_snapshot *s, tn_snapshot *against, const tn_set *within, bool fold, tn_suspects *out,
                      tn_error *err);
void tn__suspects_free(tn_suspects *all);
static inline tn_suspect *tn__suspect_at(const tn_suspects *all, size_t i)
{
    return (tn_suspect *)(void *)all->rows.data + i;
}
static inline size_t tn__n_suspects(const tn_suspects *all)
{
    return all->rows.size / sizeof(tn_suspect);
}
static inline tn_finding *tn__finding_at(const tn_suspects *all, size_t i)
{
    return (tn_finding *)(void *)all->findings.data + i;
}
static inline size_t tn__n_findings(const tn_suspects *all)
{
    return all->findings.size / sizeof(tn_finding);
}
/* Whether the object is one to look at: no garbage, not tonnage's own. */
static inline bool tn__is_live_top(const tn_suspects *all, const tn_toplevel *t, uint32_t node)
{
    return tn__is_top(t, node) && t->tree->holds[node] != TN_HOLD_UNREACHABLE &&
           !(all->garbage && t == &all->top && tn_set_has(all->garbage, node)) && !(tn__kind_of(t, node) & TN_KIND_OWN);
}
/* The object below top where it comes together, with all that is told of it, goes into rows. past may be NULL. */
int tn__suspect_add(tn_suspects *all, const tn_past *past, uint32_t top, tn_error *err);

/* ---- suspects_types.c ---- */

/* Types whose objects at the top retain at least share of the heap together, each of them less than that. */
int tn__suspects_types(tn_suspects *all, uint64_t least_bytes, tn_error *err);

/* ---- suspects_findings.c ---- */

int tn__suspects_garbage(tn_suspects *all, tn_error *err); /* first: sets garbage */
int tn__suspects_findings(tn_suspects *all, tn_error *err);

/* ---- suspects_growth.c ---- */

int tn__suspects_growth(tn_suspects *all, tn_snapshot *against, tn_error *err);

#endif
