/* sites.h - who allocated what: tables over what the recorder left in a file. Private to lib/.
 *
 *   SITE, blocks ─ site_births.c ─> the stack and birth of an object ─ site_joined.c ─> how many have one
 *   call tree    ─ site_keys.c, site_match.c ─> the group of a stack, what patterns name
 *                ─ site_outward.c, site_names.c ─> where a group begins on a stack; the same stack in two snapshots
 *   both         ─ site_table.c ─> sums a group ─ site_pairs.c ─> beside those of another snapshot
 *                ─ site_retained.c, site_cohorts.c, site_members.c ─> what objects of a group retain; how old its
 *                   blocks are; which objects have them
 *   objects      ─ site_mains.c ─> the line that made most of a row of some other table
 *   blocks       ─ site_bins.c ─> all that is alive, by when it was allocated
 *   blocks       ─ stacks/spread.h ─> 95 % intervals of sums that were sampled (docs/decisions/intervals.md)
 *
 * An *entry* is a row of the call tree counted from 1, as stacks are in the file; 0: the stack is not known.
 */
#ifndef TN_SITES_H
#define TN_SITES_H

#include "analysis/analysis.h"
#include "analysis/partition.h"
#include "base/kept.h"
#include "snapshot/reader.h"
#include "stacks/spread.h"

#include <string.h>

/* ---- site_match.c: FILE[:LINE], any:FILE[:LINE], domain:NAME ---- */

typedef struct tn_site_pattern {
    const char *file; /* as written; NULL: of a domain */
    size_t n_file;
    uint32_t line; /* 0: what has none */
    bool any_line;
    bool whole;    /* =FILE: no end, no stars */
    bool anywhere; /* any frame of the stack, else the innermost one */
    uint32_t domain;
} tn_site_pattern;
/* EINVAL. The text must outlive the pattern. */
int tn__site_pattern(const char *text, size_t n, tn_site_pattern *out, tn_error *err);
extern const char *const tn__site_domains[TN_SITE_ALLOCATORS];       /* "mem" "obj" "raw" */
extern const tn_stack_entry tn__site_lost;                           /* what stands for no stack */
bool tn__site_glob(const char *pattern, size_t n, const char *text); /* "*" any characters, "?" one */
bool tn__site_frame_matches(const tn_site_pattern *p, const tn_stack_entry *frame);
/* Marks (1) in one byte an entry, the first of them that of no stack, those that a pattern of files names. */
int tn__site_mark(tn_snapshot *s, const tn_site_pattern *p, uint8_t *marks, tn_error *err);

/* ---- site_births.c ---- */

/* Whether the recorder ran, and left something. */
bool tn__sites_there(tn_snapshot *s);
/* Whether what is alive is all that is known, as of a dump of tracemalloc. */
bool tn__sites_live_only(tn_snapshot *s);
/* EINVAL where it is; it names what was asked for: "the peak". */
int tn__sites_all_told(tn_snapshot *s, const char *what, tn_error *err);
/* EINVAL where sums by stack are all that the file has, as without objects; it names what was asked for. */
int tn__sites_blocks_told(tn_snapshot *s, const char *what, tn_error *err);
/* Entry of the stack that made each object, 0 where it is not known; NULL where that holds for all. Kept with the snapshot. */
int tn__births(tn_snapshot *s, const uint32_t **entries, tn_error *err);

/* ---- site_joined.c ---- */

/* Objects in memory of an allocator, tonnage's own excluded. */
typedef struct tn_joined {
    uint64_t joined;      /* with the stack that made them */
    uint64_t maybe_stale; /* ... or one before them, whose memory they have (base/kept.h) */
    uint64_t older;       /* without: they are older than the recording */
    uint64_t doubtful;    /* without: they are, or have the memory of one that was */
    uint64_t by_type[TN_KEPT_TYPES];
} tn_joined;
int tn__sites_joined(tn_snapshot *s, tn_joined *out, tn_error *err); /* of an exact file; a pass over objects */
bool tn__site_maybe_stale(tn_snapshot *s, uint32_t type); /* the stack of an object of this type may be another's */

/* ---- site_modules.c: of a file of code; the names live as long as the snapshot ---- */

int tn__module_of_file(tn_snapshot *s, const char *file, const char **out, tn_error *err);
int tn__distribution_of_file(tn_snapshot *s, const char *file, const char **out, tn_error *err);

/* ---- site_keys.c ---- */

#define TN_SITE_LOST "<lost>"            /* no stack is known */
#define TN_SITE_CUT "<truncated>"        /* the stack was deeper */
#define TN_NOT_RECORDED "(not recorded)" /* objects whose stack is not known */
#define TN_SITE_BOTTOM "(bottom of the stack)"

/* The file of a frame; of what has none, as <native> or the root of a thread, its name. */
static inline const char *tn__site_file(const tn_stack_entry *e)
{
    return *e->file ? e->file : e->qualified_name;
}

/* Does this stand for frames further out, which were left out? */
static inline bool tn__site_is_cut(const tn_stack_entry *e)
{
    return !*e->file && strcmp(e->qualified_name, TN_SITE_CUT) == 0;
}

/* Groups of entries. Group 0 is that of no stack; it may be empty, as others may. */
typedef struct tn_site_keys {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    enum tn_sites_by by;
    bool behind;        /* callers: group 0 is the bottom of the stack */
    uint32_t n_entries; /* the first of them that of no stack */
    uint32_t n_groups;
    uint32_t *group_of; /* n_entries: the group of a stack that ends here; TN_NONE: it is left out */
    tn_buf examples;    /* uint32_t a group: an entry of it */
    tn_buf mixed;       /* uint8_t a group: its entries are of several functions */
    tn_strtab words;
} tn_site_keys;
/* at (NULL: itself): for each entry the one that says the group of the stack, itself or one further out; TN_NONE: none. */
int tn__site_keys_make(tn_snapshot *s, enum tn_sites_by by, const uint32_t *at, tn_site_keys *out, tn_error *err);
void tn__site_keys_free(tn_site_keys *k);
uint32_t tn__site_example(const tn_site_keys *k, uint32_t group);
/* Its frame, with no names where a line has several functions; not of group 0. */
int tn__site_frame(const tn_site_keys *k, uint32_t group, tn_stack_entry *out, tn_error *err);
/* "app.py:88", appended with a NUL. */
int tn__site_label(tn_site_keys *k, uint32_t group, tn_buf *out, tn_error *err);
/* "app.py:88 load()" of an entry, appended with a NUL. */
int tn__site_text(tn_snapshot *s, uint32_t entry, tn_buf *out, tn_error *err);

/* ---- site_outward.c ---- */

/* Marks (1) the entries, the first of them that of no stack, that have a key (TN_NONE: none) which no entry further out has. */
int tn__site_outermost(tn_snapshot *s, const uint32_t *key_of, uint32_t n_keys, uint8_t *outermost, tn_error *err);

/* ---- site_names.c: what rows of two snapshots go by ---- */

typedef struct tn_naming {
    bool alone; /* without another snapshot each sum is a row */
    tn_buf label;
    tn_strtab rows;  /* names, or numbers of stacks */
    tn_map words;    /* address of a string of one of the snapshots -> 1 + number of the text */
    tn_strtab texts; /* ... of both */
    tn_strtab calls; /* tn_call: the number of a stack is that of its innermost frame */
} tn_naming;
int tn__naming_init(tn_naming *x, const tn_alloc *a, bool alone); /* to be freed in any case */
void tn__naming_free(tn_naming *x);
/* Of each entry of the call tree, the first of them that of no stack, 1 + the number of the stack; of no stack 0. */
int tn__naming_stacks(tn_naming *x, tn_snapshot *s, uint32_t *numbers, tn_error *err);
/* The number of the row that label names, as it stands with its NUL, or the number of a stack; NULL: label. Counts from 0. */
int tn__naming_row(tn_naming *x, const uint32_t *stack, uint32_t *row, tn_error *err);

/* ---- site_table.c ---- */

typedef struct tn_site_sum {
    int64_t bytes[TN_SITES_WHATS]; /* by enum tn_sites_what */
    double count[TN_SITES_WHATS];
    int64_t own_peak;  /* the peaks of its stacks, added up: at least that of the group */
    tn_spread live;    /* sampled */
    uint64_t retained; /* where it was asked for */
    uint32_t group;    /* by TYPE: of the line; else its own number */
    uint32_t type;     /* by TYPE; TN_NONE: no object */
} tn_site_sum;

typedef struct tn_sites {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_site_keys keys;
    tn_sites_options options; /* its texts are the caller's */
    tn_set *within;           /* objects whose blocks count; NULL: all blocks */
    uint8_t *rows_in;         /* one a row of SITE: it counts */
    uint32_t *at, n_at;       /* of callers: for each entry where the stack has been followed to; NULL: itself */
    const tn_site_row *rows;
    uint32_t n_rows;
    tn_traces traces;
    bool sampled;
    double interval_bytes; /* the largest one of a block */
    tn_map types;          /* by TYPE: group and name of a type -> sum + 1 */
    uint32_t *same_type;   /* number of each type's name */
    tn_buf sums;           /* tn_site_sum, by group or, by TYPE, as they came */
    tn_site_sum total;     /* each block once */
} tn_sites;
/* EINVAL where the recorder did not run, or the options make no sense. within: objects, a set of the caller's, is copied. */
int tn__sites_make(tn_snapshot *s, const tn_sites_options *o, const tn_set *within, tn_sites *out, tn_error *err);
void tn__sites_free(tn_sites *t);
static inline tn_site_sum *tn__sites_at(const tn_sites *t, size_t i)
{
    return (tn_site_sum *)(void *)t->sums.data + i;
}
static inline size_t tn__sites_n(const tn_sites *t)
{
    return t->sums.size / sizeof(tn_site_sum);
}
double tn__sites_interval_of(tn_snapshot *s); /* bytes; 0: not sampled */
void tn__site_merge(tn_site_sum *into, const tn_site_sum *from);
/* What counts of each stack, added to a sum an entry. Not of tables by type. */
int tn__sites_by_stack(tn_sites *t, tn_site_sum *stacks, tn_error *err);
/* The entry that called this one; 0: the bottom of the stack, as the root of a thread is. */
int tn__site_caller(tn_snapshot *s, uint32_t entry, uint32_t *caller, tn_error *err);
/* Appended with a NUL. */
int tn__sites_label(tn_sites *t, const tn_site_sum *sum, tn_buf *out, tn_error *err);
/* Calls use for each block that counts, with its sum; cumulative: with its entry instead. */
typedef int tn_block_use(tn_sites *t, uint64_t block, uint32_t place, void *ctx);
int tn__sites_each_block(tn_sites *t, tn_block_use *use, void *ctx, tn_error *err);
/* For each block its sum, TN_NONE where it does not count: n of the blocks. Not of cumulative tables. */
int tn__sites_of_blocks(tn_sites *t, uint32_t *sum_of, tn_error *err);
/* Of what is added up by stack alone, an interval of one kind of sum. */
tn_interval tn__sites_interval(const tn_sites *t, const tn_site_sum *sum, enum tn_sites_what what);

/* ---- site_retained.c ---- */

/* What objects of each group retain together as far as the dominator tree tells: of those that no other one of the group
 * dominates, the sum. Needs dominators. */
int tn__sites_retained(tn_sites *t, tn_error *err);

/* ---- site_mains.c ---- */

typedef struct tn_site_main {
    uint32_t line;         /* its group; TN_NONE: the stack of no object of the part is known */
    uint64_t count, bytes; /* objects of the part that it made */
} tn_site_main;
typedef int tn_site_part(void *ctx, uint32_t object, uint32_t *part, tn_error *err); /* TN_NONE: of no part */
/* Of each part of set the line that made most. lines: groups by SITE of set, or of more. 32 bytes an object meanwhile. */
int tn__site_mains(tn_snapshot *s, tn_groups *lines, const tn_set *set, tn_site_part *part_of, void *ctx,
                   uint32_t n_parts, tn_site_main *out, tn_error *err);

/* ---- site_pairs.c: two tables as one ---- */

typedef struct tn_site_pair {
    const char *label;
    const tn_site_sum *now, *old; /* NULL: it is in the other one only */
    tn_spread added, removed;     /* sampled: blocks that one of the two alone has */
} tn_site_pair;
typedef struct tn_site_pairs {
    const tn_alloc *alloc;
    tn_arena labels;
    tn_site_pair *rows, total;
    size_t n, capacity;
    bool same_process;
    bool same_samples; /* a block that both could have is in both or in none */
} tn_site_pairs;
/* old NULL: of one alone. */
int tn__site_pairs_make(tn_sites *now, tn_sites *old, tn_site_pairs *out, tn_error *err);
void tn__site_pairs_free(tn_site_pairs *p);
/* Of the difference, where one of the two is sampled. */
tn_interval tn__site_pair_interval(const tn_site_pairs *p, const tn_site_pair *row, const tn_sites *now,
                                   const tn_sites *old, enum tn_sites_what what);

/* ---- site_bins.c: likewise, of all that is alive ---- */

enum { TN_SITE_BINS = 100 };
typedef struct tn_site_bin {
    double bytes, count;
} tn_site_bin;
typedef struct tn_site_bins {
    uint64_t first, last, each; /* birth numbers; how many of them a bin has, but the last; last 0: nothing is known */
    uint32_t n;
    tn_site_bin bins[TN_SITE_BINS]; /* the oldest first; what is older than is known is in the first */
} tn_site_bins;
/* At most so many, up to TN_SITE_BINS. */
int tn__site_bins(tn_snapshot *s, uint32_t n, tn_site_bins *out, tn_error *err);

/* ---- site_cohorts.c: how old blocks are ---- */

enum { TN_COHORTS = 10 };
typedef struct tn_site_ages {                    /* of one sum */
    double bytes[TN_COHORTS], count[TN_COHORTS]; /* the oldest first */
    tn_spread middle;                            /* of all cohorts but the first and the last */
    double slope;                                /* bytes of these that stay of a thousand allocations of the process */
    tn_interval range;                           /* 95 % */
} tn_site_ages;
void tn__ages_add(tn_site_ages *a, unsigned cohort, uint64_t bytes, uint64_t interval_bytes);
/* Once all blocks are in; thousands of allocations a cohort. interval_bytes: the largest of a block; 0: exact. */
void tn__ages_slope(tn_site_ages *a, double thousands, double interval_bytes);
typedef struct tn_cohorts {
    const tn_alloc *alloc;
    uint64_t first, last; /* birth numbers: cohorts are parts of them as long as each other */
    tn_site_ages *rows;   /* one a sum */
    size_t n;
    tn_site_ages total;
} tn_cohorts;
int tn__cohorts_make(tn_sites *t, tn_cohorts *out, tn_error *err);
void tn__cohorts_free(tn_cohorts *c);

#endif
