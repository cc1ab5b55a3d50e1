/* profile.h - what profiles are written of: rows of a stack and what was counted there, bytes or samples. Private to lib/export.
 *
 *   profile_rows.c   sites or samples of a snapshot -> rows     profile.c   stacks -> functions, frames, nodes
 *   pprof.c          profile.proto, packed by gzip.c     collapsed.c   a line a stack     speedscope.c   JSON
 *   pstats.c         what Python's pstats loads          plop.c        what plop's viewer loads
 *
 *     row -> node -> parent … -> 0        from where it was counted to the outermost caller
 *             |
 *           frame -> function             a frame is a line of a function, or a function
 *
 * A file's call tree has an entry for each instruction; nodes have one for each frame, so that no two rows read the same.
 * Everything is linear in the rows of the file and the entries that they stand on; what is written is as long as stacks are deep.
 */
#ifndef TN_PROFILE_H
#define TN_PROFILE_H

#include "analysis/partition.h"
#include "export/export.h"

/* What is counted of a row: of memory, the sample types of Go's heap profiles in their order; of the processor's time the others,
 * the last two only where they are known, and once where they are the same. */
enum {
    TN_PROFILE_ALLOC_OBJECTS = 0,
    TN_PROFILE_ALLOC_SPACE,
    TN_PROFILE_INUSE_OBJECTS,
    TN_PROFILE_INUSE_SPACE,
    TN_PROFILE_SAMPLES = 0,
    TN_PROFILE_CLOCK_NS,
    TN_PROFILE_CPU_NS,
    TN_PROFILE_MOST_VALUES = 4,
};

typedef struct tn_profile_type {
    const char *name, *unit;
} tn_profile_type;

/* What parts rows of one stack: nothing, the thread, or all that a label says. */
enum tn_profile_by { TN_PROFILE_BY_STACK, TN_PROFILE_BY_THREAD, TN_PROFILE_BY_LABEL };

/* How names stand in its texts, and whether a frame is a line. */
enum tn_profile_names {
    TN_PROFILE_LINES,     /* escaped as views escape */
    TN_PROFILE_FUNCTIONS, /* the same; of functions: their qualified names only, and file ~ for what has none */
    TN_PROFILE_REPRS,     /* of functions: plain names, all as Python's repr writes them, but the empty one */
};

typedef struct tn_profile_how {
    enum tn_profile_of of;
    enum tn_profile_by by;
    enum tn_profile_names names;
} tn_profile_how;

typedef struct tn_profile_function {
    uint32_t name, plain_name,
        file; /* texts: qualified name, name; file 0: no code of Python, but what stands for it */
    uint32_t first_line;
} tn_profile_function;

typedef struct tn_profile_frame {
    uint32_t function, line;
} tn_profile_frame;

typedef struct tn_profile_node {
    uint32_t parent; /* 0: none; else 1 + node, a smaller one */
    uint32_t frame;
    uint32_t depth; /* 1: the outermost */
} tn_profile_node;

typedef struct tn_profile_label {
    uint32_t domain;              /* of memory: as of SITE */
    uint32_t thread, task, state; /* of samples: texts, 0: none; state as of SAMP */
} tn_profile_label;

typedef struct tn_profile_row {
    uint32_t node;
    uint32_t label;  /* its parts are 0 where rows are not by them */
    int64_t sums[3]; /* bytes: allocated; alive, now or at the high-water mark. Or TN_PROFILE_SAMPLES, … */
    double blocks[2];
} tn_profile_row;

typedef struct tn_profile {
    const tn_alloc *alloc;
    tn_strtab texts;     /* 0 is the empty one */
    tn_strtab functions; /* keys are tn_profile_function: codes that read the same are one */
    tn_strtab labels;    /* keys are tn_profile_label */
    tn_buf frames, nodes, rows, written;
    uint32_t n_frames, n_rows, n_values;
    enum tn_profile_of of; /* never ANY */
    enum tn_profile_names names;
    tn_profile_type types[TN_PROFILE_MOST_VALUES]; /* n_values of them */
    unsigned main;                                 /* the value that it is about */
    bool live_only;                                /* what was allocated is not known, and is 0 */
    uint64_t period;                               /* of the main value: 1: exact; 0: not known */
    uint32_t depth;                                /* of the deepest row */
    uint32_t *path;                                /* depth places */
    tn_map code_functions, line_frames; /* under way: functions by row of CODE, frames by function and line */
    tn_map steps, row_of;               /* ... nodes by parent and frame, rows by node and label */
    tn_map words;                       /* ... texts by address of a string */
} tn_profile;

/* ---- profile_rows.c ---- */

/* Rows with nothing in them are left out. EINVAL where the snapshot has nothing of the kind, ELIMIT where stacks are longer
 * than any reader of profiles bears. p is to be freed in any case. */
int tn__profile_make(tn_snapshot *s, const tn_profile_how *how, tn_profile *p, tn_error *err);
int64_t tn__profile_value(const tn_profile *p, const tn_profile_row *row, unsigned value); /* blocks rounded */
static inline bool tn__profile_of_time(const tn_profile *p)
{
    return p->of == TN_PROFILE_CPU;
}

/* ---- profile.c ---- */

int tn__profile_begin(tn_profile *p, const tn_alloc *a, enum tn_profile_names names, tn_error *err);
/* Which node each entry of the call tree is: nodes has n + 1 places, not 0 for entries that rows stand on, and receives 1 + node
 * for them and all that they hang from. */
int tn__profile_nodes(tn_profile *p, tn_snapshot *s, uint32_t *nodes, uint32_t n, tn_error *err);
/* What is not known to stand anywhere. */
int tn__profile_lost(tn_profile *p, uint32_t *node, tn_error *err);
/* The number that stands for a key in the map, from 0; of a new one, item is appended. */
int tn__profile_number(tn_map *map, uint64_t key, tn_buf *buf, const void *item, size_t bytes, uint32_t *out,
                       tn_error *err);
int tn__profile_end(tn_profile *p, tn_error *err); /* when all rows are there */
void tn__profile_free(tn_profile *p);

/* Frames of a row's stack, outermost first, in p->path; returns their number. */
uint32_t tn__profile_walk(const tn_profile *p, const tn_profile_row *row);
/* "mem", "obj", "raw", "tracked 389047" */
const char *tn__profile_domain(uint32_t domain, char *out, size_t cap);
/* The text that names the root that the stacks of the row's thread stand on; 0: there is none. Walks. */
uint32_t tn__profile_thread(const tn_profile *p, const tn_profile_row *row);
/* A name may have megabytes, and stand in as many frames as the file has entries: what such names are written out for each
 * time is bounded. ELIMIT where they take more bytes than that. */
#define TN_PROFILE_MOST_BYTES (16ull << 30)
int tn__profile_frames_fit(const tn_profile *p, tn_error *err); /* each frame once */
int tn__profile_stacks_fit(const tn_profile *p, tn_error *err); /* each stack whole */
const char *tn__profile_text(const tn_profile *p, uint32_t text, size_t *n);
int tn__profile_add_text(tn_profile *p, const char *text, uint32_t *out, tn_error *err);
/* The same of a string of the snapshot, which may have megabytes and be asked for often: written out once. */
int tn__profile_word(tn_profile *p, const char *string, uint32_t *out, tn_error *err);

static inline const tn_profile_function *tn__profile_function(const tn_profile *p, uint32_t i)
{
    return (const tn_profile_function *)(const void *)p->functions.bytes.data + i;
}
static inline const tn_profile_frame *tn__profile_frame(const tn_profile *p, uint32_t i)
{
    return (const tn_profile_frame *)(const void *)p->frames.data + i;
}
static inline const tn_profile_node *tn__profile_node(const tn_profile *p, uint32_t i)
{
    return (const tn_profile_node *)(const void *)p->nodes.data + i;
}
static inline const tn_profile_label *tn__profile_label(const tn_profile *p, const tn_profile_row *row)
{
    return (const tn_profile_label *)(const void *)p->labels.bytes.data + row->label;
}
static inline const tn_profile_row *tn__profile_row(const tn_profile *p, uint32_t i)
{
    return (const tn_profile_row *)(const void *)p->rows.data + i;
}

#endif
