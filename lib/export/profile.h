/* profile.h - what profiles of memory are written of: rows of a stack and what was allocated there. Private to lib/export.
 *
 *   profile.c       sites of a snapshot -> functions, frames, nodes, rows
 *   pprof.c         profile.proto, packed by gzip.c     collapsed.c   a line a stack     speedscope.c   JSON
 *
 *     row -> node -> parent … -> 0        from the place of the allocation to the outermost caller
 *             |
 *           frame -> function             a frame is a line of a function
 *
 * A file's call tree has an entry for each instruction; nodes have one for each line, so that no two rows read the same.
 * Everything is linear in the sites and the entries that they stand on; what is written is as long as stacks are deep.
 */
#ifndef TN_PROFILE_H
#define TN_PROFILE_H

#include "analysis/partition.h"
#include "export/export.h"

/* The sample types of Go's heap profiles, in their order. */
enum {
    TN_PROFILE_ALLOC_OBJECTS,
    TN_PROFILE_ALLOC_SPACE,
    TN_PROFILE_INUSE_OBJECTS,
    TN_PROFILE_INUSE_SPACE,
    TN_PROFILE_VALUES,
};

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

typedef struct tn_profile_row {
    uint32_t node;
    uint32_t domain; /* as of SITE; 0 where rows are not by domain */
    int64_t bytes[2];
    double blocks[2]; /* each: allocated; alive, now or at the high-water mark */
} tn_profile_row;

typedef struct tn_profile {
    const tn_alloc *alloc;
    tn_strtab texts;     /* escaped as views escape; 0 is the empty one */
    tn_strtab functions; /* keys are tn_profile_function: codes that read the same are one */
    tn_buf frames, nodes, rows, escaped;
    uint32_t n_frames, n_rows;
    enum tn_profile_of of;
    bool live_only;                     /* what was allocated is not known, and is 0 */
    uint64_t period_bytes;              /* 1: exact */
    uint32_t depth;                     /* of the deepest row */
    uint32_t *path;                     /* depth places */
    tn_map code_functions, line_frames; /* under way: functions by row of CODE, frames by function and line */
    tn_map steps, row_of;               /* ... nodes by parent and frame, rows by node and domain */
} tn_profile;

/* Sites with nothing in them are left out. EINVAL where the snapshot knows of no allocation, ELIMIT where stacks are longer
 * than any reader of profiles bears. p is to be freed in any case. */
int tn__profile_make(tn_snapshot *s, enum tn_profile_of of, bool by_domain, tn_profile *p, tn_error *err);
void tn__profile_free(tn_profile *p);

/* Frames of a row's stack, outermost first, in p->path; returns their number. */
uint32_t tn__profile_walk(const tn_profile *p, const tn_profile_row *row);
int64_t tn__profile_value(const tn_profile_row *row, unsigned value); /* TN_PROFILE_…; blocks rounded */
/* What a profile of `of` is about, of the two that it has: allocated, or alive. */
static inline unsigned tn__profile_space(const tn_profile *p)
{
    return p->of == TN_PROFILE_ALLOCATED ? TN_PROFILE_ALLOC_SPACE : TN_PROFILE_INUSE_SPACE;
}
/* "mem", "obj", "raw", "tracked 389047" */
const char *tn__profile_domain(uint32_t domain, char *out, size_t cap);
/* The text that names the root that the stacks of the row's thread stand on; 0: there is none. Walks. */
uint32_t tn__profile_thread(const tn_profile *p, const tn_profile_row *row);
/* A name may have megabytes, and stand in as many frames as the file has entries: what such names are written out for each
 * time is bounded. About what a frame takes; ELIMIT where there are more bytes than that. */
#define TN_PROFILE_MOST_BYTES (16ull << 30)
uint64_t tn__profile_frame_bytes(const tn_profile *p, uint32_t frame);
int tn__profile_fits(uint64_t bytes, tn_error *err);
const char *tn__profile_text(const tn_profile *p, uint32_t text, size_t *n);
int tn__profile_add_text(tn_profile *p, const char *text, uint32_t *out, tn_error *err);

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
static inline const tn_profile_row *tn__profile_row(const tn_profile *p, uint32_t i)
{
    return (const tn_profile_row *)(const void *)p->rows.data + i;
}

#endif
