/* format.h - the structures of docs/format.md as they stand in a file. Little-endian hosts only (checked at build). */
#ifndef TN_FORMAT_H
#define TN_FORMAT_H

#include <stdint.h>

#define TN_FILE_MAGIC "\x89TNG\r\n\x1a\n"
#define TN_FILE_END "TNG-END\n"
#define TN_FILE_MAJOR 1
#define TN_FILE_MINOR 5

enum {
    TN_CHUNK_MAX_RAW = 16 << 20,
    TN_NODE_BLOCK = 262144, /* rows of a chunk of a node column */
    TN_REGION_SHIFT = 20,
    TN_REGION_WORDS = 1024,
    TN_TRANSFORM_DELTA = 1,
    TN_TRANSFORM_PLANES = 2,
};

typedef struct tn_file_header {
    char magic[8];
    uint16_t major, minor;
    uint32_t zero;
    uint64_t zero2;
    uint64_t hash;
} tn_file_header;

typedef struct tn_chunk_header {
    char id[4];
    uint8_t version, compression, width, transform;
    uint64_t first_row, n_rows, raw_bytes, stored_bytes, hash;
} tn_chunk_header;

typedef struct tn_toc_row {
    uint64_t offset;
    char id[4];
    uint32_t zero;
    uint64_t first_row, n_rows;
} tn_toc_row;

typedef struct tn_file_trailer {
    uint64_t toc_offset, file_bytes, hash;
    char magic[8];
} tn_file_trailer;

typedef struct tn_region_row {
    uint64_t region;
    uint64_t bits[TN_REGION_WORDS];
} tn_region_row;

typedef struct tn_stack_row {
    uint32_t parent, code, instruction, line;
} tn_stack_row;

typedef struct tn_fact_row {
    uint32_t key, kind;
    uint64_t value;
} tn_fact_row;

/* TIME; a number with all bits set is unknown. */
typedef struct tn_time_row {
    uint64_t time_ns, rss_bytes, traced_bytes;
    uint32_t generations[3], threads;
} tn_time_row;

/* SEEN */
enum tn_seen_kind {
    TN_SEEN_STATIC,
    TN_SEEN_STACK,
    TN_SEEN_FRAME,
    TN_SEEN_MALLOC,
    TN_SEEN_BLOCK,
    TN_SEEN_OBJECT,
    TN_SEEN_KINDS,
};
/* Names of STATIC that are none of a file. */
#define TN_SEEN_INTERPRETER "the interpreter"
#define TN_SEEN_OWN "tonnage"
typedef struct tn_seen_row {
    uint32_t node, kind, what, count;
} tn_seen_row;

/* SITE: stack 0 lost, else 1 + row of STAK. */
enum { TN_SITE_MEM, TN_SITE_OBJ, TN_SITE_RAW, TN_SITE_ALLOCATORS };
#define TN_SITE_TRACKED 0x80000000u /* the rest of domain is a number that its owner chose */
typedef struct tn_site_row {
    uint32_t stack, domain;
    int64_t live_bytes, allocated_bytes, temporary_bytes, peak_bytes, at_peak_bytes;
    double live_count, allocated_count, temporary_count, at_peak_count;
} tn_site_row;

/* SAMP: stack 0 lost, else 1 + row of STAK; thread and task are rows of STRS. */
enum { TN_SAMPLE_RUNNING = 1, TN_SAMPLE_LOCK = 2, TN_SAMPLE_STATES = 4 };
typedef struct tn_sample_row {
    uint32_t stack, thread, task, state;
    uint64_t samples, ns, cpu_ns;
} tn_sample_row;

/* TKND: TN_TRACE_BUFFER + enum tn_buffer_kind. */
enum { TN_TRACE_NONE, TN_TRACE_OWN, TN_TRACE_BUFFER };
#define TN_TRACE_MAX_INTERVAL (1ull << 48) /* TINT */

/* SHTB: flags of a shape. */
enum {
    TN_RUN_NONE,
    TN_RUN_ITEMS,
    TN_RUN_PAIRS,
    TN_RUN_MEMBERS,
    TN_RUN_UNLABELLED,
    TN_RUN_STACK,
    TN_RUN_STYLE = 0xf,
    TN_RUN_KIND_SHIFT = 4,
    TN_SHAPE_LENGTH = 0x100,
    TN_SHAPE_CAPACITY = 0x200,
    TN_SHAPE_HASH = 0x400,
    TN_SHAPE_STACK = 0x800,
    TN_SHAPE_KEYS_TWICE = 0x1000,
};

/* BUFK */
enum tn_buffer_kind {
    TN_BUFFER_ITEMS,
    TN_BUFFER_KEYS,
    TN_BUFFER_VALUES,
    TN_BUFFER_TABLE,
    TN_BUFFER_UTF8,
    TN_BUFFER_BLOCKS,
    TN_BUFFER_DATA,
    TN_BUFFER_CACHE,
    TN_BUFFER_WIDE,
    TN_BUFFER_OTHER,
    TN_BUFFER_KINDS,
};

/* FLAG: allocator in bits 10-11 */
enum { TN_ALLOCATOR_NONE, TN_ALLOCATOR_PYMALLOC, TN_ALLOCATOR_MALLOC, TN_ALLOCATOR_UNKNOWN };

/* TYPE: visitor */
enum tn_visitor { TN_VISIT_LEAF, TN_VISIT_LAYOUT, TN_VISIT_TRAVERSE, TN_VISIT_SCAN, TN_VISIT_NOT };

/* PREV */
enum {
    TN_PREVIEW_TEXT = 1,
    TN_PREVIEW_BYTES,
    TN_PREVIEW_INT,
    TN_PREVIEW_FLOAT,
    TN_PREVIEW_BIGINT,
    TN_PREVIEW_COMPLEX,
    TN_PREVIEW_NAME,
    TN_PREVIEW_CUT = 0x8000,
};

#endif
