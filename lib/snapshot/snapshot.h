/* snapshot.h - the open snapshot, shared by the files of this folder only.
 *
 *   container.c  opening: header, trailer, table of contents, headers of chunks
 *   chunks.c     one chunk: read, verified, decompressed, decoded
 *   tables.c     strings, types, shapes, facts, time line: parsed and checked at open
 *   records.c    previews, call tree: when first asked for
 *   columns.c    columns, one chunk at a time or whole
 *   addresses.c  address of an object, object at an address
 *   edges.c      references
 *   traces.c     who allocated: sites, and blocks that are alive
 *   spent.c      where threads were
 *   tracked.c    classes that were tracked
 *   nodes.c      one node with all that is known of it
 *   check.c      reads and verifies everything
 *
 * Bytes of a file are untrusted up to the function that loads them; what stands in the fields below is checked.
 */
#ifndef TN_SNAPSHOT_H
#define TN_SNAPSHOT_H

#include "snapshot/reader.h"

/* Ids this version knows; the columns first, so that enum tn_column is part of it. */
enum {
    TN_ID_ADDR = TN_COLUMNS,
    TN_ID_SHTB,
    TN_ID_TYPE,
    TN_ID_STRS,
    TN_ID_PREV,
    TN_ID_CODE,
    TN_ID_STAK,
    TN_ID_FACT,
    TN_ID_TIME,
    TN_ID_SEEN,
    TN_ID_SITE,
    TN_ID_SAMP,
    TN_ID_TRAK,
    TN_IDS,
    TN_ID_OTHER = TN_IDS, /* skipped */
};

#define TN_NO_MEMORY_TO_READ "not enough memory to read the snapshot: free memory or read it on a larger machine"

typedef struct tn_chunk {
    tn_chunk_header h;
    uint64_t offset; /* of the header */
    unsigned id;     /* TN_COL_… or TN_ID_… */
} tn_chunk;

typedef struct tn_loaded {
    uint64_t n;
    uint32_t *u32; /* either is NULL until loaded */
    uint64_t *u64;
} tn_loaded;

/* Columns that have rows for some nodes only: a node's row is the number of rows before its block of nodes, which is
 * kept, and those of the nodes before it in the block, which are counted when asked for. */
enum tn_sparse { TN_SPARSE_LENG, TN_SPARSE_CAPA, TN_SPARSE_HASH, TN_SPARSE_STKI, TN_SPARSE_BUFS, TN_SPARSES };
enum { TN_SPARSE_STEP = 128 };

typedef struct tn_code {
    const char *name, *qualified_name, *file;
    uint32_t first_line, n_table;
    const uint8_t *table;
} tn_code;

enum {
    TN_SLOTS = TN_BLOCK_SLOTS + 1,
    TN_SLOT_LOAD = TN_BLOCK_SLOTS
}; /* decoded chunks: slots of tn__column_block, and one for whole loads */

typedef struct tn_block_buffer {
    uint8_t *data;
    size_t capacity;
} tn_block_buffer;

struct tn_snapshot {
    tn_alloc alloc; /* counts, and refuses beyond the limit */
    const tn_alloc *base;
    uint64_t memory_bytes, max_memory_bytes;
    bool limited; /* the limit has been the reason of a refusal */
    int fd;       /* -1: memory */
    const uint8_t *memory;
    uint64_t file_bytes;
    bool truncated, tables_loaded;
    struct ZSTD_DCtx_s *zstd;
    tn_block_buffer stored, planes, slots[TN_SLOTS];

    tn_chunk *chunks; /* in file order */
    size_t n_chunks, chunk_capacity;
    uint32_t *order; /* chunks by id: those of id i are order[starts[i]] .. order[starts[i + 1]] */
    size_t starts[TN_IDS + 2];

    tn_arena arena; /* tables and addresses, made at open */
    uint32_t n_nodes, n_objects;
    uint64_t n_references;
    const char **strings;
    uint32_t n_strings;
    tn_type *types;
    uint32_t n_types;
    tn_shape *shapes;
    uint32_t n_shapes;
    tn_fact *facts;
    size_t n_facts;
    tn_time_row *times;
    size_t n_times;
    tn_seen_row *seen; /* NULL: the file has none */
    uint32_t n_seen;
    tn_site_row *sites;
    uint32_t n_sites;
    tn_sample_row *samples;
    uint32_t n_samples;
    struct {
        tn_region_row *rows;
        uint32_t *ranks; /* objects before each region, and in all */
        uint64_t n;
    } regions;

    tn_loaded columns[TN_COLUMNS];
    uint64_t *sparse[TN_SPARSES];
    uint64_t *csr_offsets;
    uint32_t *csr_targets;

    struct {
        bool loaded;
        tn_arena arena;
        uint64_t n;
        uint32_t *nodes;
        uint16_t *kinds, *lengths;
        const uint8_t **bytes;
    } previews;
    struct {
        bool loaded;
        tn_arena arena;
        tn_code *codes;
        tn_stack_row *rows;
        uint32_t n_codes, n;
    } stacks;
    struct {
        bool loaded;
        uint8_t *kinds;
        tn_traces all;
    } traces;
    struct tn_tracked_loaded *tracked; /* NULL until loaded */
    struct {
        uint32_t thread, depth;
        uint64_t position;
    } last_frame; /* where tn_snapshot_thread_frame goes on: deep stacks are read in order */

    void *attachments[TN_ATTACHMENTS];
    void (*destroy[TN_ATTACHMENTS])(tn_snapshot *, void *);
};

/* container.c */
const char *tn__chunk_id(unsigned id);
size_t tn__chunk_count(const tn_snapshot *s, unsigned id);
const tn_chunk *tn__chunk_at(const tn_snapshot *s, unsigned id, size_t k); /* k-th with this id, or NULL */
uint64_t tn__chunk_rows(const tn_snapshot *s, unsigned id);
uint64_t tn__chunk_raw_bytes(const tn_snapshot *s, unsigned id);
uint64_t tn__chunk_end(const tn_chunk_header *h, uint64_t offset); /* of the padding; stored_bytes must be checked */
int tn__chunk_check_padding(tn_snapshot *s, const tn_chunk *c, tn_error *err);

/* chunks.c */
void tn__memory_init(tn_snapshot *s, const tn_alloc *base, uint64_t max_bytes);
int tn__chunk_reader_init(tn_snapshot *s, tn_error *err);
void tn__chunk_reader_free(tn_snapshot *s);
int tn__snapshot_read(tn_snapshot *s, uint64_t offset, void *out, size_t n, tn_error *err);
bool tn__hash_is(uint64_t stored, const void *bytes, size_t n);
/* Payload decompressed and decoded, valid until the next call with this slot. A column's elements are decoded. */
int tn__chunk_load(tn_snapshot *s, const tn_chunk *c, unsigned slot, const uint8_t **payload, tn_error *err);
int tn__corrupt(tn_error *err, uint64_t offset, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* tables.c */
int tn__tables_load(tn_snapshot *s, tn_error *err);
int tn__string_check(const tn_snapshot *s, uint32_t index, uint64_t offset, tn_error *err);
int tn__rows_fit(const tn_snapshot *s, unsigned id, uint64_t row_bytes, tn_error *err); /* n_rows against raw_bytes */

/* records.c */
int tn__previews_load(tn_snapshot *s, tn_error *err);
int tn__stacks_load(tn_snapshot *s, tn_error *err);
void tn__records_free(tn_snapshot *s);

/* columns.c */
int tn__sparse_has(tn_snapshot *s, enum tn_sparse which, uint32_t node, bool *has, tn_error *err);
int tn__sparse_row(tn_snapshot *s, enum tn_sparse which, uint32_t node, uint64_t *row, tn_error *err); /* ENOTFOUND */
void tn__columns_free(tn_snapshot *s);

/* addresses.c */
int tn__regions_load(tn_snapshot *s, tn_error *err);

/* edges.c */
void tn__edges_free(tn_snapshot *s);

/* traces.c */
int tn__sites_load(tn_snapshot *s, tn_error *err);
void tn__traces_free(tn_snapshot *s);

/* spent.c */
int tn__samples_load(tn_snapshot *s, tn_error *err);

/* tracked.c */
void tn__tracked_free(tn_snapshot *s);

#endif
