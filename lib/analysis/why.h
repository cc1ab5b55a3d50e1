/* why.h - why an object, or a set of them, is alive, and what would free it. Private to lib/.
 *
 * Rules: docs/why.md.
 */
#ifndef TN_WHY_H
#define TN_WHY_H

#include "analysis/suspects.h"

/* A reference, and what goes when it is cleared. */
typedef struct tn_way {
    tn_reference reference;
    tn_trail trail; /* from the root to its source, around its target; empty where there is none */
    uint64_t bytes;
    uint32_t count;
} tn_way;

enum { TN_MAX_HOLDERS = 3, TN_MAX_WAYS = 1000 };

/* What holds many objects of a set. */
typedef struct tn_set_holder {
    tn_common common; /* of the paths around the holders before it; its node is the holder */
    tn_trail trail;
    bool weighed;          /* else not known: what goes with it and those before it */
    uint64_t selected;     /* objects of the set, without garbage, that go with it and the holders before it */
    uint64_t bytes, count; /* all that goes with them */
    uint64_t alone;        /* bytes that go when the last reference of the trail is cleared, and nothing else */
} tn_set_holder;

typedef struct tn_why {
    const tn_toplevel *top;
    uint32_t node; /* what is asked about: an object, or the common holder of a set; TN_NONE: a set without one */
    /* a set of more than one object */
    bool is_set;
    uint64_t count, bytes;                   /* of the set */
    uint64_t retained_count, retained_bytes; /* of the set, or of the object */
    uint64_t waiting_count, waiting_bytes;   /* of the set, garbage, of which the rest does not speak */
    bool all_garbage;                        /* of the set: nothing else is known of it then */
    uint64_t live_bytes;                     /* that go with the rest of the set */
    uint32_t whole;                          /* all of the set goes with it, and one reference holds it; TN_NONE */
    tn_common common;
    uint64_t n_entries; /* where paths begin, without a node */
    uint32_t n_holders, room;
    tn_set_holder *holders; /* node is that of the first; without a node: where most paths begin */
    /* of node */
    enum tn_hold hold;
    bool garbage;                                        /* it waits for the collector */
    uint32_t refcount;                                   /* of node */
    uint64_t n_holding, n_weak, n_weak_entries, n_other; /* references to it: weak ones; of them in weak dictionaries */
    tn_trail trail;
    uint32_t nearest,
        widest;        /* steps of the trail up to the reference nearest to node whose clearing frees it, and to that
                                 whose clearing frees most without freeing a whole module; 0: there is none */
    tn_way near, wide; /* what these free; their trails are empty */
    bool spared;       /* the object hangs from a class or the like on the trail, whose reference was not considered */
    /* where no single reference of the path frees it: all that hold it, or something that dominates it */
    uint32_t held;                 /* that: node or a dominator of it; TN_NONE */
    uint64_t n_ways, garbage_ways; /* references: from what lives; from garbage, not among these */
    uint32_t most;                 /* of them, or of entries, that may be told */
    uint32_t n_told;               /* of them in ways */
    tn_way *ways;
} tn_why;

/* ---- between why.c and why_set.c ---- */

/* Whether the node is the dict of an object, and a part of that: none that is asked about. */
static inline bool tn__why_is_part(const tn_why *why, uint32_t node)
{
    return node != why->node && tn__folded(why->top, node) != node;
}
/* Whether clearing references can free the node: nothing else keeps it, and it is no module, class or function. */
bool tn__why_can_go(const tn_why *why, uint32_t node);
int tn__why_look_at(tn_why *why, tn_error *err); /* at node */
int tn__why_look_at_set(tn_why *why, const tn_set *set, tn_error *err);
void tn__why_free_holders(tn_why *why);
/* With the dicts that are parts of members, where these are folded. *out is a new set. */
int tn__why_with_parts(const tn_toplevel *t, const tn_set *set, tn_set **out, tn_error *err);

/* ---- the answer ---- */

/* Of a set that is not empty; of one object: why that is alive. limit: of references that must all go, or where paths begin,
 * told one by one; 0: as many as may be. t outlives the answer. */
int tn__why_set(const tn_toplevel *t, const tn_set *set, uint32_t limit, tn_why *out, tn_error *err);
void tn__why_free(tn_why *why);

#endif
