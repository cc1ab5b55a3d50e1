/* components.h - strongly connected components, the cycles in them, and who waits for the collector. Private to lib/.
 *
 *   component_search.c   components of the graph without what is the program itself; what a collection would free
 *   components.c         rows of these, and whose member an object is
 *   cycles.c             a short cycle of a component, and all references inside of one
 *   cycle_groups.c       a cycle as a word of types and labels, whose rotations are one; cycles of one word
 *   finalizers.c         objects with a finalizer, by type
 *   weakly.c             weak references, by type of what they refer to
 *
 * Definitions: docs/cycles.md. The finder below is the only one of its kind; sources.c uses it, too.
 */
#ifndef TN_COMPONENTS_H
#define TN_COMPONENTS_H

#include "analysis/analysis.h"
#include "analysis/lookup.h"
#include "graph/graph.h"

/* ---- the finder: Tarjan's algorithm in Pearce's form, one number a node, without recursion ----
 *
 * David J. Pearce, A space-efficient algorithm for finding strongly connected components (2016), PEA_FIND_SCC2. Inline, so
 * that where it is used the compiler knows what the successors of a node are. */

typedef struct tn_call {
    uint64_t next; /* successors looked at */
    uint32_t node;
    bool root; /* has met no open node that is before it */
} tn_call;

typedef struct tn_finder {
    uint32_t *
        marks; /* tn__finder_mark, by node. 0: not visited; up to n_open: open; above: closed, TN_NONE - number of its component */
    unsigned shift; /* marks stand 1 << shift words from each other, where they are a part of something */
    uint32_t n_open, n_components;
    tn_buf calls, open; /* tn_call; u32 */
} tn_finder;

static inline uint32_t *tn__finder_mark(const tn_finder *f, uint32_t node)
{
    return &f->marks[(size_t)node << f->shift];
}

/* Number of the component of a closed node, from 1; 0: it is none that counts. */
static inline uint32_t tn__component_of(const tn_finder *f, uint32_t node)
{
    return TN_NONE - *tn__finder_mark(f, node);
}

typedef struct tn_successors {
    void *ctx;
    uint32_t (*next)(void *ctx, uint32_t node, uint64_t *at); /* TN_NONE at the end; *at counts from 0, as it likes */
    bool (*counts)(void *ctx, uint32_t node);                 /* whether a node by itself is a component */
    void (*enter)(void *ctx, uint32_t component);             /* a reference comes to it from another one */
} tn_successors;

static inline int tn__finder_call(tn_finder *f, uint32_t node)
{
    tn_call call = {.node = node, .root = true};
    *tn__finder_mark(f, node) = ++f->n_open;
    return tn__buf_append(&f->calls, &call, sizeof call);
}

/* All open nodes from the one of the call on are a component. */
static inline void tn__finder_close(tn_finder *f, const tn_call *call, const tn_successors *s)
{
    uint32_t index = *tn__finder_mark(f, call->node);
    const uint32_t *open = (const uint32_t *)(const void *)f->open.data;
    size_t n = f->open.size / sizeof *open;
    bool alone = n == 0 || *tn__finder_mark(f, open[n - 1]) < index;
    uint32_t mark = alone && !s->counts(s->ctx, call->node) ? TN_NONE : TN_NONE - ++f->n_components;
    for (; n > 0 && *tn__finder_mark(f, open[n - 1]) >= index; f->n_open--)
        *tn__finder_mark(f, open[--n]) = mark;
    f->open.size = n * sizeof *open;
    *tn__finder_mark(f, call->node) = mark;
    f->n_open--;
}

/* What a call has learnt from a node that it refers to, which is open or closed. */
static inline void tn__finder_see(tn_finder *f, tn_call *call, uint32_t to, const tn_successors *s)
{
    uint32_t mark = *tn__finder_mark(f, to);
    if (mark < *tn__finder_mark(f, call->node)) {
        *tn__finder_mark(f, call->node) = mark;
        call->root = false;
    } else if (mark > f->n_open && mark != TN_NONE) {
        s->enter(s->ctx, TN_NONE - mark);
    }
}

/* Closes all that can be reached from start, which has not been visited. TN_ENOMEM. */
static inline int tn__finder_visit(tn_finder *f, uint32_t start, const tn_successors *s)
{
    TN_TRY(tn__finder_call(f, start));
    for (;;) {
        tn_call *call = (tn_call *)(void *)(f->calls.data + f->calls.size) - 1;
        uint32_t to = s->next(s->ctx, call->node, &call->next);
        if (to != TN_NONE && *tn__finder_mark(f, to) == 0) {
            TN_TRY(tn__finder_call(f, to));
            continue;
        }
        if (to != TN_NONE) {
            tn__finder_see(f, call, to, s);
            continue;
        }
        uint32_t node = call->node;
        if (call->root)
            tn__finder_close(f, call, s);
        else
            TN_TRY(tn__buf_append(&f->open, &node, sizeof node));
        f->calls.size -= sizeof *call;
        if (f->calls.size == 0)
            return TN_OK;
        tn__finder_see(f, (tn_call *)(void *)(f->calls.data + f->calls.size) - 1, node, s);
    }
}

/* marks: one a node, all 0; it stays the caller's. */
static inline void tn__finder_init(tn_finder *f, const tn_alloc *a, uint32_t *marks, unsigned shift)
{
    *f = (tn_finder){.marks = marks, .shift = shift};
    tn__buf_init(&f->calls, a);
    tn__buf_init(&f->open, a);
}

static inline void tn__finder_free(tn_finder *f)
{
    tn__buf_free(&f->calls);
    tn__buf_free(&f->open);
}

/* ---- components.c ---- */

typedef struct tn_component_row {
    uint32_t first; /* its members: from this one of members on */
    uint32_t count;
    uint64_t bytes;
    uint64_t edges; /* references inside that hold; TN_UNKNOWN until tn__component_edges */
    uint32_t loop;  /* the first member that refers to itself; TN_NONE */
    enum tn_cycle_state state;
    bool source;
} tn_component_row;

struct tn_components {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_graph graph;
    uint32_t
        *marks; /* by node: TN_NONE - row - 1 of members; 0 of those of components that were not asked for; TN_NONE */
    tn_component_row *rows;
    uint32_t *members; /* ascending in each row */
    uint32_t n, n_members;
    enum tn_by by;   /* of groups */
    uint64_t bytes;  /* of all members */
    tn_set *waiting; /* what a collection would free; NULL of a part of the objects */
    tn_set *listed;  /* what is in gc.garbage; the same */
    /* cycles.c, when first asked for */
    uint32_t *stamps, *from, stamp; /* by node: the search that has come to it, and the node before it */
    tn_buf queue, cycle;            /* u32: nodes */
    tn_buf steps, inside;           /* tn_reference */
    struct tn_cycle_groups *groups;
};
int tn__component_check(const tn_components *c, uint32_t index, tn_error *err); /* EINVAL: no such */
uint64_t tn__component_edges(tn_components *c, uint32_t index);                 /* O(references of members) at first */
void tn__component_add(const tn_components *c, uint32_t index, tn_set *out);

static inline const uint32_t *tn__component_members(const tn_components *c, uint32_t i)
{
    return c->members + c->rows[i].first;
}
static inline bool tn__in_component(const tn_components *c, uint32_t i, uint32_t node)
{
    return c->marks[node] == TN_NONE - 1 - i;
}
static inline uint32_t tn__component_row(const tn_components *c, uint32_t node) /* of an object; TN_NONE */
{
    uint32_t i = TN_NONE - 1 - c->marks[node];
    return i < c->n ? i : TN_NONE;
}
static inline bool tn__in_any_component(const tn_components *c, uint32_t object) /* asked for or not */
{
    return c->marks[object] != TN_NONE;
}

/* ---- cycles.c ---- */

void tn__cycles_init(tn_components *c);
void tn__cycles_free(tn_components *c);
/* Nodes of a cycle in order, into c->cycle; *shortest as tn_components_cycle has it. */
int tn__cycle_find(tn_components *c, uint32_t index, bool *shortest, tn_error *err);

/* ---- cycle_groups.c ---- */

/* One step of a cycle: a type and the label of a reference of it. */
typedef struct tn_cycle_letter {
    const char *type; /* full name */
    enum tn_type_rank rank;
    enum tn_label_style style;
    const char *text; /* of the label; of a value in an attribute dict the key; NULL where it does not count */
} tn_cycle_letter;
/* What the cycles of a group have in common, up to where it comes again; valid as long as the components. */
uint32_t tn__cycle_word(const tn_components *c, uint32_t group);
void tn__cycle_letter_at(const tn_components *c, uint32_t group, uint32_t i, tn_cycle_letter *out);
void tn__cycle_groups_free(tn_components *c);

/* ---- finalizers.c ---- */

typedef struct tn_finalizer_row {
    const char *type;      /* one with __del__, or with a finalizer in C */
    uint64_t count, bytes; /* its objects */
    uint64_t finalized;    /* of them: it has run already */
    uint64_t waiting;      /* … garbage */
    uint64_t listed;       /* … in gc.garbage */
    uint64_t in_cycles;    /* … a member of a component, asked for or not */
} tn_finalizer_row;
/* Rows appended, most garbage first, then most objects; within: only these objects, NULL: all; garbage: only types with some
 * that wait or are in gc.garbage. One pass over the objects. */
int tn__finalizers(const tn_components *c, const tn_set *within, bool garbage, tn_buf *rows, tn_error *err);

/* ---- weakly.c ---- */

typedef struct tn_weak_row {
    const char *type;               /* of what is referred to; NULL: of nothing any more */
    uint64_t referents;             /* objects */
    uint64_t references, callbacks; /* callbacks: of these references those that call something */
    bool standard;                  /* comes with Python, or is nothing */
} tn_weak_row;
typedef struct tn_weak_table {
    uint32_t node;        /* a weak dictionary or set */
    uint64_t alive, dead; /* entries */
} tn_weak_table;
/* Rows appended, those of the program first, of them most references; tables by entries. within: only references to, and tables among, these objects (none to
 * nothing then); NULL: all. O(weak references + shapes). */
int tn__weak_references(tn_snapshot *s, const tn_set *within, tn_buf *rows, tn_buf *tables, tn_error *err);

#endif
