/* reader.h - the read side below tonnage.h, for lib/graph, lib/analysis and lib/view.
 *
 * Chunks are read with pread when asked for (a file that shrinks meanwhile gives an error, not SIGBUS), verified once and
 * decoded. After a load function succeeded its data satisfies every rule of docs/format.md (indexes in range, sums equal).
 */
#ifndef TN_READER_H
#define TN_READER_H

#include "base/base.h"
#include "snapshot/format.h"

/* Columns by chunk id, for tn__column_*. */
enum tn_column {
    TN_COL_AODD,
    TN_COL_SHAP,
    TN_COL_SIZE,
    TN_COL_REFC,
    TN_COL_FLAG,
    TN_COL_DEGR,
    TN_COL_REFS,
    TN_COL_LENG,
    TN_COL_CAPA,
    TN_COL_BUFS,
    TN_COL_BUFK,
    TN_COL_HASH,
    TN_COL_STKI,
    TN_COL_TADR,
    TN_COL_TBYT,
    TN_COL_TSIT,
    TN_COL_TBIR,
    TN_COL_TNOD,
    TN_COL_TKND,
    TN_COL_TINT,
    TN_COLUMNS,
};

/* Whole column, kept by the snapshot. present is false (and *values NULL, *n 0) when the file has none. _u32 fails with
 * TN_ELIMIT if a value needs more; SIZE LENG CAPA BUFS HASH TADR TBYT TBIR TINT are read as u64. */
int tn__column_u32(tn_snapshot *s, enum tn_column column, const uint32_t **values, uint64_t *n, tn_error *err);
int tn__column_u64(tn_snapshot *s, enum tn_column column, const uint64_t **values, uint64_t *n, tn_error *err);

/* One chunk of a column decoded into scratch, without keeping it: for single passes (summary). Block k of SHAP, SIZE,
 * REFC and FLAG holds the same nodes. Elements stay at their stored width (1, 2, 4, 8). data is valid until the next call
 * with the same slot; slots 0 .. TN_BLOCK_SLOTS-1 are independent. TN_ENOTFOUND after the last one. SHAP's values are
 * checked. */
enum { TN_BLOCK_SLOTS = 9 };
typedef struct tn_block {
    uint64_t first_row;
    uint32_t n_rows;
    unsigned width;
    const void *data;
} tn_block;
void tn__blocks_free(tn_snapshot *s); /* gives back the memory of all slots; blocks are invalid then */
int tn__column_block(tn_snapshot *s, enum tn_column column, size_t k, unsigned slot, tn_block *out, tn_error *err);
/* Number of the block that holds a row of a column; that of no block when the column ends before it. O(log blocks). */
size_t tn__column_block_of(const tn_snapshot *s, enum tn_column column, uint64_t row);
uint64_t tn__column_rows(const tn_snapshot *s, enum tn_column column); /* 0: the file has none */
static inline uint64_t tn__block_at(const tn_block *b, uint32_t i)
{
    switch (b->width) {
    case 1: return ((const uint8_t *)b->data)[i];
    case 2: return ((const uint16_t *)b->data)[i];
    case 4: return ((const uint32_t *)b->data)[i];
    default: return ((const uint64_t *)b->data)[i];
    }
}

/* Shape table, parsed and checked at open. labels: n_fixed pairs (string index, style + 256 * kind). */
typedef struct tn_shape {
    uint32_t type, flags, n_fixed;
    const uint32_t *labels;
} tn_shape;
uint32_t tn__snapshot_n_shapes(const tn_snapshot *s);
const tn_shape *tn__snapshot_shapes(const tn_snapshot *s);
const char *tn__snapshot_string(tn_snapshot *s, uint32_t index);

/* References as CSR: node i's are targets[offsets[i] .. offsets[i+1]), absent ones TN_NONE. offsets has n_nodes + 1. */
typedef struct tn_csr {
    const uint64_t *offsets;
    const uint32_t *targets;
} tn_csr;
int tn__snapshot_references(tn_snapshot *s, tn_csr *out, tn_error *err);

/* Address of object i (i < n_objects), and back. */
int tn__snapshot_addresses(tn_snapshot *s, tn_error *err);       /* loads; then: */
uint64_t tn__snapshot_address(const tn_snapshot *s, uint32_t i); /* O(log regions) */
/* Of n objects in ascending order (NULL: the first n ones); O(regions + bits passed). */
void tn__snapshot_addresses_of(const tn_snapshot *s, const uint32_t *ids, size_t n, uint64_t *out);
/* For each object of old the object of new that starts at the same address, or TN_NONE. same has old's n_objects places.
 * The bitmaps are compared word by word: O(regions + objects of old). */
int tn__snapshot_match_addresses(tn_snapshot *old, tn_snapshot *new, uint32_t *same, tn_error *err);

/* Length, or hash of the content, of one node; TN_UNKNOWN where it has none. */
int tn__node_length(tn_snapshot *s, uint32_t id, uint64_t *length, tn_error *err);
int tn__node_hash(tn_snapshot *s, uint32_t id, uint64_t *hash, tn_error *err);

/* Pointers to objects outside of references, by object; NULL where nobody has looked for them. */
const tn_seen_row *tn__snapshot_seen(const tn_snapshot *s, uint32_t *n);

/* What each site (a stack and a domain) has allocated: rows of SITE; n 0 where nothing was recorded. Numbers are not below 0,
 * and the sum of each over all sites is below 2^63. */
const tn_site_row *tn__snapshot_sites(const tn_snapshot *s, uint32_t *n);
/* Blocks that are alive and whose site is known, in ascending order of address, kept by the snapshot; n 0 where the file has
 * none. An address comes twice where a block is known to two domains; a node is its owner in one row then. */
typedef struct tn_traces {
    uint64_t n;
    const uint64_t *address, *bytes; /* asked for; their sum is below 2^63 */
    const uint64_t *birth;           /* 0: not known */
    const uint32_t *site;            /* row of SITE */
    const uint32_t *node;            /* 0: no object, else 1 + node */
    const uint8_t *kind;             /* TN_TRACE_NONE where node is 0; of TN_TRACE_OWN a node has at most one */
    const uint64_t *interval;        /* 0, or in bytes that under which it was sampled; NULL: nothing was sampled */
} tn_traces;
int tn__snapshot_traces(tn_snapshot *s, tn_traces *out, tn_error *err);

/* Where threads were: rows of SAMP; n 0 where they were not sampled. Rows of stacks and strings exist, samples is not 0, and the
 * sum of each number over all rows is below 2^63. */
const tn_sample_row *tn__snapshot_samples(const tn_snapshot *s, uint32_t *n);

/* tables.c: whether there is such a fact, and it is a number not below 0. */
bool tn__fact_u64(const tn_snapshot *s, const char *key, uint64_t *out);
/* Raw preview of a node; kind 0 when there is none. */
typedef struct tn_preview {
    uint16_t kind; /* with TN_PREVIEW_CUT */
    uint16_t length;
    const uint8_t *bytes;
} tn_preview;
int tn__snapshot_preview(tn_snapshot *s, uint32_t id, tn_preview *out, tn_error *err);
/* Chunk k of the previews without keeping it, checked, valid as a block is. TN_ENOTFOUND after the last one. bytes are
 * those of the first preview; the others follow. */
typedef struct tn_preview_block {
    uint32_t n;
    const uint32_t *nodes;
    const uint16_t *kinds, *lengths;
    const uint8_t *bytes;
} tn_preview_block;
int tn__preview_block(tn_snapshot *s, size_t k, unsigned slot, tn_preview_block *out, tn_error *err);

/* Row of STAK (1-based as in STKI; 0 is not a row) with its code. */
typedef struct tn_stack_entry {
    uint32_t parent, line;
    const char *name, *qualified_name, *file;
    uint32_t code, first_line; /* code: row of CODE */
} tn_stack_entry;
int tn__snapshot_stack(tn_snapshot *s, uint32_t entry, tn_stack_entry *out, tn_error *err);
int tn__snapshot_n_stacks(tn_snapshot *s, uint32_t *n, tn_error *err);
/* What runs in a frame of any thread; ENOTFOUND where the node is none. */
int tn__snapshot_frame(tn_snapshot *s, uint32_t node, tn_frame *out);

/* Memory of the snapshot, for what others keep with it (graph's backward edges); counted against max_memory_bytes and
 * freed by tn_snapshot_close. key is any small constant of the caller; the same key returns the same pointer. */
enum tn_attachment {
    TN_ATTACH_REFERRERS,
    TN_ATTACH_GRAPH,
    TN_ATTACH_ANCHORS,
    TN_ATTACH_DOMINATORS,
    TN_ATTACH_DOMINATED,
    TN_ATTACH_ALL,
    TN_ATTACH_DISTRIBUTIONS,
    TN_ATTACH_WAYS,
    TN_ATTACH_DISTANCES,
    TN_ATTACH_PLACES,
    TN_ATTACH_AUDIT,
    TN_ATTACH_BIRTHS,
    TN_ATTACH_FILE_HOMES,
    TN_ATTACHMENTS
};
const tn_alloc *tn__snapshot_alloc(tn_snapshot *s);
/* EINVAL where path is the snapshot's own file. */
int tn__snapshot_not_at(const tn_snapshot *s, const char *path, tn_error *err);
uint64_t tn__snapshot_identity(const tn_snapshot *s);   /* the same for the same content only: of all checksums */
bool tn__same_hash(uint64_t stored, uint64_t computed); /* yes in a fuzzer's build */
int tn__no_memory(const tn_snapshot *s, tn_error *err); /* ENOMEM, or ELIMIT where max_memory_bytes is the reason */
/* status; where memory ran out below, where only the allocator is known: the same as tn__no_memory. */
int tn__memory_told(const tn_snapshot *s, int status, tn_error *err);
void **tn__snapshot_attachment(tn_snapshot *s, enum tn_attachment which, void (*destroy)(tn_snapshot *, void *));

#endif
