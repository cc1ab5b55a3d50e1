/* snapshot.h - the open snapshot, shared by the files of this folder only.
 *
 *   chunks.c   header, table of contents, one chunk's payload: everything about untrusted bytes
 *   columns.c  columns, references, addresses
 *   tables.c   strings, types, shapes, facts, previews, stacks
 *   nodes.c    tonnage.h, section 4 and 5
 *   check.c    reads and verifies everything
 */
#ifndef TN_SNAPSHOT_H
#define TN_SNAPSHOT_H

#include "snapshot/reader.h"

typedef struct tn_chunk {
    tn_chunk_header h;
    uint64_t offset; /* of the header */
} tn_chunk;

typedef struct tn_loaded {
    bool loaded;
    uint64_t n;
    uint32_t *u32;
    uint64_t *u64;
} tn_loaded;

/* Sparse columns (a row for nodes whose shape has a flag) are found by counting rows before each block of 1024 nodes. */
enum { TN_SPARSE_LENG, TN_SPARSE_CAPA, TN_SPARSE_HASH, TN_SPARSE_STKI, TN_SPARSE_BUFS, TN_SPARSES, TN_SPARSE_STEP = 1024 };

typedef struct tn_code {
    const char *name, *qualified_name, *file;
    uint32_t first_line, n_table;
    const uint8_t *table;
} tn_code;

struct tn_snapshot {
    tn_alloc alloc; /* counts, and refuses beyond the limit */
    const tn_alloc *base;
    uint64_t bytes_now, bytes_max;
    int fd; /* -1: memory */
    const uint8_t *memory;
    uint64_t file_bytes;
    bool truncated;
    tn_arena arena;
    tn_chunk *chunks;
    size_t n_chunks, chunk_capacity;
    struct ZSTD_DCtx_s *zstd;
    tn_buf stored;  /* a chunk as it stands in the file */
    tn_buf slots[5]; /* decoded chunks; the last one is for whole loads */
    tn_buf planes;

    uint32_t n_nodes, n_objects;
    uint64_t n_references;
    const char **strings;
    uint32_t *string_bytes;
    uint32_t n_strings;
    tn_type *types;
    uint32_t n_types;
    tn_shape *shapes;
    uint32_t n_shapes;
    tn_fact *facts;
    size_t n_facts;

    tn_loaded columns[TN_COLUMNS];
    tn_csr csr;
    tn_region_row *regions;
    uint32_t *region_ranks; /* objects before each region */
    uint64_t n_regions;
    uint32_t *sparse[TN_SPARSES];

    bool previews_loaded;
    uint32_t *preview_nodes;
    uint16_t *preview_kinds, *preview_lengths;
    uint64_t *preview_starts;
    uint8_t *preview_bytes;
    uint64_t n_previews, preview_total;

    bool stacks_loaded;
    tn_code *codes;
    uint32_t n_codes, n_stacks;
    tn_stack_row *stacks;

    void *attachments[TN_ATTACHMENTS];
    void (*destroy[TN_ATTACHMENTS])(tn_snapshot *, void *);
};

/* chunks.c */
int tn__chunk_payload(tn_snapshot *s, const tn_chunk *c, tn_buf *out, tn_error *err); /* verified, decoded */
const tn_chunk *tn__chunk_of(const tn_snapshot *s, const char *id, size_t k);         /* k-th with this id, or NULL */
uint64_t tn__chunk_rows(const tn_snapshot *s, const char *id);
int tn__corrupt(tn_error *err, uint64_t offset, const char *format, ...) __attribute__((format(printf, 3, 4)));
int tn__no_memory(const tn_snapshot *s, tn_error *err);

/* columns.c */
const char *tn__column_id(enum tn_column column);
int tn__addresses_load(tn_snapshot *s, tn_error *err);
int tn__sparse_index(tn_snapshot *s, unsigned which, tn_error *err);
int tn__sparse_row(tn_snapshot *s, unsigned which, uint32_t node, uint64_t *row, tn_error *err); /* ENOTFOUND: none */

/* tables.c */
int tn__tables_load(tn_snapshot *s, tn_error *err);
int tn__previews_load(tn_snapshot *s, tn_error *err);
int tn__stacks_load(tn_snapshot *s, tn_error *err);

#endif
