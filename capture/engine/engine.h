/* engine.h - walks the objects and references of a CPython process through a memory source and holds what it found, in
 * columns, until it is saved. Never calls the target's allocator, never writes to its memory, runs no code of it except,
 * where the target allows it, tp_traverse.
 */
#ifndef TN_ENGINE_H
#define TN_ENGINE_H

#include "engine/target.h"
#include "snapshot/writer.h"

typedef struct tn_walk tn_walk;

enum { TN_USUAL_THREADS = 4, TN_MAX_THREADS = 16 };

typedef struct tn_walk_options {
    const uint64_t *from; /* objects to start at; NULL: everything in the process */
    uint32_t n_from;
    uint32_t preview_bytes; /* longest preview of data; 0: identifiers only */
    bool redact;            /* no text at all except type names */
    bool scan;           /* guess references of objects without a known layout from their words, and look for pointers
                             * to objects outside of objects */
    uint32_t threads;    /* 0: as many as pay, at most TN_USUAL_THREADS */
    uint64_t call[3];    /* arguments of the call that asked, tonnage's own; 0: none */
    uint64_t data_bytes; /* how much of data that looks like other data may be read for its hash */
    bool owners;         /* remember where private buffers are: tn_walk_owners */
} tn_walk_options;

typedef struct tn_pool_stats {
    uint64_t arenas, arena_bytes, pools, pools_free, blocks, block_bytes, free_bytes;
    uint64_t class_pools[32], class_blocks[32], class_free[32];
    uint64_t failed;                     /* pools whose counted blocks differ from their own count */
    uint64_t unclaimed, unclaimed_bytes; /* live blocks that are neither object nor known buffer */
    uint64_t freelist, freelist_bytes;   /* of these: dead objects kept for reuse */
    uint64_t hidden;                     /* objects found by this scan only */
} tn_pool_stats;

typedef struct tn_totals {
    uint64_t count, bytes, pymalloc_bytes, malloc_bytes, external_bytes;
    uint64_t own_count, own_bytes;
    uint64_t references, synthetic_bytes;
    uint64_t previews_eligible, previews_kept;
    uint64_t data_bytes; /* read for hashes of large data */
} tn_totals;

typedef struct tn_walk_report {
    uint64_t objects, nodes;
    uint64_t mark_ns, emit_ns, peak_bytes;
    uint64_t list_counts[4], lists_failed, unreadable, findings, types_unknown;
    tn_pool_stats pools;
    tn_totals totals;
    uint32_t n_threads; /* of the target */
    uint32_t threads;   /* that walked */
} tn_walk_report;

/* Walks the target; the world must be stopped meanwhile. Memory through alloc only. Errors: TN_ENOMEM TN_ELIMIT. */
int tn_walk_run(const tn_target *target, const tn_walk_options *options, const tn_alloc *alloc, tn_walk **out,
                tn_error *err);
void tn_walk_free(tn_walk *w);
void tn_walk_get_report(const tn_walk *w, tn_walk_report *out);

typedef struct tn_walk_thread {
    uint64_t ident, native_id;
    uint32_t node, n_frames, name; /* name: row of the string table, or TN_NONE */
    bool current;
} tn_walk_thread;
bool tn_walk_thread_at(const tn_walk *w, uint32_t index, tn_walk_thread *out);

/* Types whose tp_traverse failed, of which no references are followed from then on. */
typedef struct tn_walk_failure {
    uint32_t name; /* row of the string table */
    bool hung;     /* else it crashed */
} tn_walk_failure;
bool tn_walk_failure_at(const tn_walk *w, uint32_t index, tn_walk_failure *out);

/* Address of the first object at or after address; 0 at the end. O(1) for neighbours. */
uint64_t tn_walk_next_object(const tn_walk *w, uint64_t address);

/* Blocks of 64 KiB and more that objects own, for finding out how much of them is resident. */
const tn_range *tn_walk_large_blocks(const tn_walk *w, size_t *n);

/* Addresses of pymalloc's arenas as they were during the walk: the table itself may move once the world runs again. */
const uint64_t *tn_walk_arenas(const tn_walk *w, size_t *n);

/* Mappings the walk holds just now, and the allocator that notes them: the writer of its snapshot should use it too. */
const tn_range *tn_walk_own_memory(const tn_walk *w, size_t *n);
const tn_alloc *tn_walk_alloc(const tn_walk *w);

/* Writes every chunk but FACT and STRS; strings are added to the walk's table until tn_walk_strings. The columns are used
 * up. */
int tn_walk_save(tn_walk *w, tn_writer *writer, tn_error *err);
tn_strtab *tn_walk_strings(tn_walk *w);

/* Blocks that somebody has recorded, in ascending order of address, and whose memory they are: node is filled with 0 or 1 + the
 * node whose own block (kind TN_TRACE_OWN) or private buffer (TN_TRACE_BUFFER + its kind) it is; of equal addresses the first
 * row has it. With owners, after tn_walk_run and before tn_walk_save. */
typedef struct tn_recorded_row {
    uint64_t address, bytes;
    uint64_t birth : 56, kind : 8;
    uint32_t site, node;
} tn_recorded_row;
typedef struct tn_unjoined {
    uint64_t count, bytes; /* objects that have an own block, but none of these; with their buffers */
} tn_unjoined;
int tn_walk_owners(tn_walk *w, tn_recorded_row *rows, uint64_t n, tn_unjoined *unjoined, tn_error *err);

/* Further rows of CODE and STAK, before tn_walk_save. words: name, qualified name, file (rows of tn_walk_strings), first
 * line, bytes of the line table. Return the row of CODE, and 1 + that of STAK; lines are found when all is saved. What does not fit
 * makes tn_walk_save fail. */
enum { TN_CODE_WORDS = 5 };
uint32_t tn_walk_add_code(tn_walk *w, const uint32_t words[TN_CODE_WORDS], const void *table);
uint32_t tn_walk_add_stack(tn_walk *w, uint32_t parent, uint32_t code, uint32_t instruction);
void tn_walk_calltree(const tn_walk *w, uint32_t *n_codes, uint32_t *n_stacks); /* rows until now */

/* Packs n pieces, shared out among the threads of the walk, and writes them in order. thread < TN_MAX_THREADS: who packs. */
typedef int (*tn_pack_piece)(void *ctx, uint32_t thread, uint32_t index, tn_pack *p, tn_error *err);
int tn_walk_write(tn_walk *w, tn_writer *writer, uint32_t n, tn_pack_piece pack, void *ctx, tn_error *err);

/* Count and bytes of what options->from reaches, itself included; stops at modules, classes, functions, code, frames. */
int tn_walk_reach(const tn_target *target, const tn_walk_options *options, const tn_alloc *alloc, uint64_t *count,
                  uint64_t *bytes, tn_error *err);

/* Size of one object and its parts (kinds of docs/format.md; 255: its own block). */
typedef struct tn_object_size {
    uint64_t bytes;
    uint32_t n_parts;
    uint8_t kinds[4];
    uint64_t parts[4];
} tn_object_size;
int tn_walk_size(const tn_target *target, uint64_t object, const tn_alloc *alloc, tn_object_size *out, tn_error *err);

/* True if a live object of this type and size starts at address. */
int tn_walk_exists(const tn_target *target, uint64_t address, uint64_t type, uint64_t size, const tn_alloc *alloc,
                   bool *exists, tn_error *err);

#endif
