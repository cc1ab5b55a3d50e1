/* graph.h - the graph of a snapshot: which references hold, what holds without one, who refers to whom. Private to lib/.
 *
 *   graph.c      forward references and whether one holds
 *   anchors.c    what lives without any reference that was found
 *   referrers.c  backward references
 *
 * Definitions: docs/graph.md. All of it is made when first asked for and kept with the snapshot.
 */
#ifndef TN_GRAPH_H
#define TN_GRAPH_H

#include "base/base.h"
#include "snapshot/reader.h"

/* ---- graph.c ---- */

enum tn_holding { TN_HOLDS_ALL, TN_HOLDS_NONE, TN_HOLDS_SOME };

typedef struct tn_graph {
    uint32_t n_nodes, n_objects, root;
    uint32_t n_shapes;
    const uint64_t *offsets; /* n_nodes + 1 */
    const uint32_t *targets; /* TN_NONE: absent */
    const uint32_t *shapes;  /* n_nodes */
    const tn_shape *table;
    const uint8_t *holding; /* enum tn_holding by shape: of an object, then, n_shapes on, of a synthetic node */
} tn_graph;

/* The first call loads references and shapes: O(references), 8 bytes a node and 4 a reference. Pointers live as long as
 * the snapshot. ECORRUPT where there is no root. */
int tn__graph(tn_snapshot *s, tn_graph *out, tn_error *err);

/* Whether a reference of the kind keeps its target alive: an owning one of an object, any but an interned one of a synthetic
 * node. The one place that says so. */
static inline bool tn__kind_holds(enum tn_reference_kind kind, bool synthetic)
{
    return synthetic ? kind != TN_REF_INTERNED : kind == TN_REF_OWNING;
}

/* Kind of a reference; edge is its index in targets. */
enum tn_reference_kind tn__edge_kind(const tn_graph *g, uint32_t source, uint64_t edge);

static inline enum tn_holding tn__node_holding(const tn_graph *g, uint32_t source)
{
    return (enum tn_holding)g->holding[g->shapes[source] + (source >= g->n_objects ? g->n_shapes : 0)];
}

/* Whether the reference keeps its target alive; an absent one does not. */
static inline bool tn__edge_holds(const tn_graph *g, uint32_t source, uint64_t edge)
{
    enum tn_holding holding = tn__node_holding(g, source);
    if (g->targets[edge] == TN_NONE || holding == TN_HOLDS_NONE)
        return false;
    if (holding == TN_HOLDS_ALL)
        return true;
    return tn__kind_holds(tn__edge_kind(g, source, edge), source >= g->n_objects);
}

/* ---- anchors.c ---- */

/* enum tn_hold by node, n_nodes of them. TN_HOLD_UNREACHABLE is told by the numbering of dominators.h or by the tree of
 * paths.h, which set it here; until one has run such nodes are TN_HOLD_REFERENCES. O(references) at first; 1 byte a node is kept, 4 more
 * are in use meanwhile. */
int tn__anchors(tn_snapshot *s, uint8_t **holds, tn_error *err);
int tn__anchors_put(tn_snapshot *s, const uint8_t *holds, tn_error *err); /* known from elsewhere; copied */

/* Adds the owning references to each node to counts (n_nodes of them, at most UINT32_MAX each). O(references). */
void tn__count_owning(const tn_graph *g, uint32_t *counts);
void tn__count_owning_of(const tn_graph *g, uint32_t object, uint32_t *counts); /* those of one object alone */

/* ---- referrers.c ---- */

/* References of all kinds, backward: those into t come from sources[starts[t] .. starts[t + 1]), ascending. */
typedef struct tn_backward {
    const uint64_t *starts; /* n_nodes + 1 */
    const uint32_t *sources;
} tn_backward;
int tn__graph_backward(tn_snapshot *s, tn_backward *out, tn_error *err);

#endif
