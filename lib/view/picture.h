/* picture.h - pictures under construction. Private to lib/view.
 *
 *   picture.c          nodes and edges as they are added, told apart and told
 *   picture_words.c    what stands in a node and on an edge
 *   picture_near.c     objects around a set: what it refers to, what refers to it
 *   picture_ways.c     paths to a set, and cycles object by object
 *   picture_groups.c   groups, and kinds of cycles
 *   picture_json.c     the picture as JSON; lib/export/dot.c has it as DOT
 *
 * Objects are told by their owners: the __dict__ of an instance is drawn as the instance, the namespace of a module as the module.
 */
#ifndef TN_PICTURE_H
#define TN_PICTURE_H

#include "analysis/components.h"
#include "analysis/lookup.h"
#include "analysis/partition.h"
#include "analysis/paths.h"
#include "view/view.h"

typedef struct tn_drawn_node {
    uint32_t node, cluster;
    enum tn_drawn kind;
    bool asked, highlighted;
    uint64_t count, bytes;
    uint64_t title, text; /* offsets in texts */
} tn_drawn_node;

typedef struct tn_drawn_edge {
    uint32_t from, to, n_labels;
    enum tn_reference_kind kind;
    uint64_t count, label;
} tn_drawn_edge;

struct tn_picture {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_picture_options o; /* its sets are there until the picture is made */
    tn_view_options view;
    tn_graph graph;
    tn_ways *ways;
    tn_fold *fold;        /* NULL: nothing is folded */
    const uint8_t *holds; /* enum tn_hold by node, where it is told; or NULL */
    uint32_t *owners;     /* by object: what it is drawn as; NULL: itself */
    uint64_t title;
    tn_buf nodes, edges, clusters, texts; /* clusters: offsets of their titles */
    tn_buf words, label;                  /* one text; one label */
    tn_map places, pairs;                 /* node -> place + 1; from and to -> edge + 1 */
    uint32_t n_nodes, n_edges, n_clusters, cluster;
};

static inline tn_drawn_node *tn__drawn_node(const tn_picture *p, uint32_t i)
{
    return (tn_drawn_node *)(void *)p->nodes.data + i;
}
static inline uint32_t tn__drawn_as(const tn_picture *p, uint32_t node)
{
    return p->owners && node < p->graph.n_objects ? p->owners[node] : node;
}

/* ---- picture.c ---- */

int tn__picture_no_memory(const tn_picture *p, tn_error *err);
const char *tn__picture_s(uint64_t n); /* "s", or "" of one */
/* How many of n are drawn, by the limit. */
uint32_t tn__picture_limit(const tn_picture *p, uint32_t n);
int tn__picture_text(tn_picture *p, const char *text, uint64_t *at, tn_error *err);
int tn__picture_escape(tn_picture *p, const char *text, tn_error *err); /* into p->words, which ends in a NUL */
int tn__picture_title(tn_picture *p, tn_error *err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Place of an object that is drawn; TN_NONE. */
uint32_t tn__picture_find(const tn_picture *p, uint32_t node);
/* Draws an object, if it is not; it is given as what it is drawn as. */
int tn__picture_object(tn_picture *p, uint32_t node, bool asked, uint32_t *place, tn_error *err);
/* Draws something else: kind, count, bytes and highlighted of it count; texts are copied. */
int tn__picture_other(tn_picture *p, const tn_drawn_node *what, const char *title, const char *text, uint32_t *place,
                      tn_error *err);
/* "12 more" behind (or before) a node, alone for TN_NONE; nothing for 0. */
int tn__picture_ghost(tn_picture *p, uint32_t place, uint64_t n, bool before, tn_error *err);
/* References from one to the other; where there is an edge, it stands for these, too. label NULL: none. */
int tn__picture_edge(tn_picture *p, uint32_t from, uint32_t to, enum tn_reference_kind kind, uint64_t count,
                     const char *label, tn_error *err);
bool tn__picture_joined(const tn_picture *p, uint32_t from, uint32_t to);
/* One reference: its label is made where the edge has room for it. */
int tn__picture_reference(tn_picture *p, uint32_t from, uint32_t to, const tn_reference *r, bool folded, tn_error *err);
int tn__picture_cluster_begin(tn_picture *p, const char *title,
                              tn_error *err); /* what is drawn from here on is in it */

/* ---- picture_words.c ---- */

/* Title and lines of an object, and what it is. */
int tn__picture_words(tn_picture *p, uint32_t node, tn_drawn_node *out, tn_error *err);
/* Of a reference, into p->label; folded: its holder is drawn as another object. */
int tn__picture_label(tn_picture *p, const tn_reference *r, bool folded, tn_error *err);
enum tn_drawn tn__picture_rank(enum tn_type_rank rank);
const char *tn__picture_type(const tn_picture *p, const tn_type *type); /* its name as titles have it */

/* ---- pictures of each sort ---- */

int tn__picture_near(tn_picture *p, tn_error *err);
int tn__picture_paths(tn_picture *p, tn_error *err);
int tn__picture_components(tn_picture *p, tn_error *err);
int tn__picture_cycles(tn_picture *p, tn_components **out, tn_error *err); /* the components that are asked for */
int tn__picture_kinds(tn_picture *p, tn_error *err);
int tn__picture_groups(tn_picture *p, tn_error *err);

/* ---- picture_near.c ---- */

/* The objects that are asked for: the first of them by the sort, as many as the limit, each as what it is drawn as. */
typedef struct tn_asked {
    uint32_t *ids;
    uint32_t n, n_all; /* drawn; that there are */
    size_t bytes;      /* of ids */
} tn_asked;
int tn__picture_asked(tn_picture *p, tn_asked *out, tn_error *err); /* ENOTFOUND: none */

#endif
