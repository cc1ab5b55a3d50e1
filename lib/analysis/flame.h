/* flame.h - stacks as a tree of frames, the widest of them. Private to lib/.
 *
 *   SITE, blocks, SAMP ─ flame_sums.c ─> what each stack of the call tree has ─ flame_tree.c ─> frames below frames
 *
 * The sums are those of tables of sites (sites.h) and of profiles (cpu.h), so that both tell the same.
 */
#ifndef TN_FLAME_H
#define TN_FLAME_H

#include "analysis/cpu.h"

enum { TN_FLAME_MOST = 1 << 20 }; /* nodes */

typedef struct tn_flame_sum {
    double weight;  /* bytes, blocks, nanoseconds or samples: what the tree is of */
    double count;   /* blocks, objects or samples */
    tn_spread live; /* of blocks that are known one by one */
} tn_flame_sum;

typedef struct tn_flame_node {
    uint32_t parent;         /* 0: none; else 1 + node, a smaller one */
    uint32_t group;          /* what the frame is */
    uint32_t more;           /* below it, that are not shown */
    tn_flame_sum own, total; /* own: of stacks that end in it; inverted, that begin in it */
} tn_flame_node;

typedef struct tn_flame {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_flame_options options; /* its texts are the caller's; what is never ANY */
    tn_sites sites;           /* one of these two is made */
    tn_cpu cpu;
    tn_site_keys *keys; /* of it */
    uint32_t n_entries, n_groups;
    uint32_t *group_of; /* n_entries: that of keys, but a line of several functions is one for each of them */
    tn_buf examples;    /* uint32_t a group: an entry of it */
    tn_flame_sum *sums; /* n_entries: of stacks that end there */
    tn_flame_sum all;
    tn_buf nodes;    /* tn_flame_node, the widest first of those whose parents are there */
    uint32_t n_more; /* not shown, below none */
} tn_flame;

/* ---- flame_sums.c ---- */

/* Whether the file can tell it at all; of ANY, anything. */
bool tn__flame_tells(tn_snapshot *s, enum tn_flame_what what);
/* EINVAL where the file does not tell it, or the options make no sense. within: as of tn__sites_make. out is to be freed in any
 * case. */
int tn__flame_make(tn_snapshot *s, const tn_flame_options *o, const tn_set *within, tn_flame *out, tn_error *err);
void tn__flame_free(tn_flame *f);
void tn__flame_add(tn_flame_sum *into, const tn_flame_sum *from);
/* Its 95 % interval; false: nothing is left to chance, or of chance nothing can be said. */
bool tn__flame_interval(const tn_flame *f, const tn_flame_sum *sum, tn_interval *out);

static inline uint32_t tn__flame_example(const tn_flame *f, uint32_t group)
{
    return ((const uint32_t *)(const void *)f->examples.data)[group];
}

/* ---- flame_tree.c ---- */

/* Fills f->nodes with at most so many, TN_FLAME_MOST if 0: from the widest on, and none without its parent. */
int tn__flame_nodes(tn_flame *f, uint32_t limit, tn_error *err);
static inline uint32_t tn__flame_n_nodes(const tn_flame *f)
{
    return (uint32_t)(f->nodes.size / sizeof(tn_flame_node));
}
static inline tn_flame_node *tn__flame_node(const tn_flame *f, uint32_t i)
{
    return (tn_flame_node *)(void *)f->nodes.data + i;
}

#endif
