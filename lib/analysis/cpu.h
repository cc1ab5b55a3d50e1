/* cpu.h - where time goes: tables over what the sampler of threads left in a file. Private to lib/.
 *
 *   SAMP, SITE ─ cpu_table.c ─> what counts of each stack ─> own and all in all of each group
 *                   ├─ cpu_pairs.c ─> groups beside those of another file
 *                   ├─ cpu_graph.c ─> groups, and what came from each to each other
 *                   └─ cpu_tree.c  ─> who called whom, from the outermost frame inwards
 *
 * Stacks are parted by the keys of sites (site_keys.c) and told apart as sites are (site_names.c). What is counted is the
 * *weight*: nanoseconds of the clock, of the clock alloc bytes, and samples where no clock is known.
 */
#ifndef TN_CPU_H
#define TN_CPU_H

#include "analysis/sites.h"

/* ---- cpu_table.c ---- */

typedef struct tn_cpu_sum {
    uint64_t weight, samples, cpu_ns;
    uint64_t bytes; /* allocated, where that is known */
} tn_cpu_sum;
static inline bool tn__cpu_sum_empty(const tn_cpu_sum *s) /* no time, whatever was allocated */
{
    return !s->samples && !s->weight;
}
typedef struct tn_cpu_group {
    tn_cpu_sum own;   /* of stacks that end in it */
    tn_cpu_sum total; /* of stacks that it is on, each once */
} tn_cpu_group;

typedef struct tn_cpu {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_cpu_options options; /* its texts are the caller's */
    const char *clock;
    bool of_bytes;    /* the clock alloc */
    bool of_samples;  /* no clock is known, and so no time */
    bool knows_bytes; /* beside time: what is asked for is known of allocations, too */
    double draws;     /* how many independent samples the whole is made of; 0: it is exact */
    tn_site_keys keys;
    bool by_stack;                 /* groups are those of keys; else of names, which rows have beside the stack */
    tn_buf names;                  /* const char * a group */
    uint8_t *stacks_in;            /* n_entries: a stack that ends here counts */
    tn_cpu_sum *stacks, *subtrees; /* n_entries: of stacks that end here; or further in, too */
    uint32_t n_entries, n_groups, n_room;
    tn_cpu_group *groups;
    tn_cpu_sum all;
} tn_cpu;

extern const char *const tn__cpu_states[TN_SAMPLE_STATES]; /* words for the state of a row of SAMP */
static inline bool tn__cpu_of_time(const tn_cpu *t)
{
    return !t->of_bytes && !t->of_samples;
}
/* EINVAL where the file has no samples, or the options make no sense. */
int tn__cpu_make(tn_snapshot *s, const tn_cpu_options *o, tn_cpu *out, tn_error *err);
void tn__cpu_free(tn_cpu *t);
static inline bool tn__cpu_is_part(const tn_cpu *t) /* conditions leave something out, or may */
{
    const tn_cpu_options *o = &t->options;
    return o->thread || o->task || o->state || o->n_include || o->n_exclude;
}
int tn__cpu_nothing(tn_cpu *t, tn_error *err); /* ENOTFOUND: says which condition it is that nothing meets */
void tn__cpu_add(tn_cpu_sum *into, const tn_cpu_sum *from);
int tn__cpu_label(tn_cpu *t, uint32_t group, tn_buf *out, tn_error *err); /* appended with a NUL */
/* Its frame; ENOTFOUND: it has none. Names are NULL where it is of several functions. */
int tn__cpu_frame(const tn_cpu *t, uint32_t group, tn_stack_entry *out, tn_error *err);
/* 95 % of a share of all, from 0 to 1: Wilson's interval, as if each sample were drawn by itself and stood for the same. */
tn_interval tn__cpu_share(const tn_cpu *t, uint64_t weight);

/* ---- cpu_pairs.c ---- */

typedef struct tn_cpu_pair {
    const char *label;
    const tn_cpu_group *now, *old; /* NULL: it is in the other one only */
} tn_cpu_pair;
typedef struct tn_cpu_pairs {
    const tn_alloc *alloc;
    tn_arena labels;
    tn_buf rows; /* tn_cpu_pair */
} tn_cpu_pairs;
/* old NULL: of one alone. */
int tn__cpu_pairs_make(tn_cpu *now, tn_cpu *old, tn_cpu_pairs *out, tn_error *err);
void tn__cpu_pairs_free(tn_cpu_pairs *p);
static inline size_t tn__cpu_pairs_n(const tn_cpu_pairs *p)
{
    return p->rows.size / sizeof(tn_cpu_pair);
}
static inline tn_cpu_pair *tn__cpu_pair(const tn_cpu_pairs *p, size_t i)
{
    return (tn_cpu_pair *)(void *)p->rows.data + i;
}

/* ---- cpu_graph.c ---- */

typedef struct tn_cpu_edge {
    uint32_t from, to; /* groups */
    tn_cpu_sum sum;    /* of stacks on which the one calls the other, each once */
} tn_cpu_edge;
/* Appends the edges, tn_cpu_edge each, in any order. */
int tn__cpu_edges(tn_cpu *t, tn_buf *edges, tn_error *err);
/* Marks (1) in a byte a group those that o->function names; ENOTFOUND where it names none. */
int tn__cpu_focus(tn_cpu *t, uint8_t *marks, tn_error *err);

/* ---- cpu_tree.c ---- */

typedef struct tn_cpu_node {
    uint32_t parent; /* 0: none; else 1 + node, a smaller one */
    uint32_t group;
    tn_cpu_sum own, total;
} tn_cpu_node;
/* Appends the nodes: groups below groups, where on stacks one was called by the other. */
int tn__cpu_nodes(tn_cpu *t, tn_buf *nodes, tn_error *err);

#endif
