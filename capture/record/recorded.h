/* recorded.h - what the recorder has recorded, for the writer of a snapshot.
 *
 * In the process: with the lock of the locked side held, so that that side stands still; those apart go on, and a block or
 * a sum of theirs may be one call older than another. In a child made by fork() or clone(): as the process was at that moment.
 * No function here takes a lock or writes anything: it does not matter which locks were held by threads that are not there
 * any more. What is read never moves, is published after it is whole, and is freed by control calls only.
 */
#ifndef TN_RECORDED_H
#define TN_RECORDED_H

#include "record/record.h"

typedef struct tn_recorded {
    enum tn_record_mode mode;
    uint32_t depth;
    uint64_t interval_bytes, first_interval_bytes; /* of sampling: now, and as asked for */
    int64_t traced_bytes, peak_bytes;
    uint64_t births, peak_birth;         /* allocations recorded since the process began; at the high-water mark */
    uint64_t started_births;             /* when it was started, or what was recorded was last forgotten */
    uint32_t n_codes, n_stacks, n_sites; /* ids are below; 0 is none */
} tn_recorded;
void tn_recorded_now(tn_recorded *out);

typedef struct tn_recorded_code {
    tn_code_facts facts; /* valid until a control call */
    uint32_t pseudo;     /* TN_FRAME_*; TN_FRAME_PSEUDO: a root; 0: code */
} tn_recorded_code;
typedef struct tn_recorded_stack {
    uint32_t parent, code, instruction; /* parent is a smaller id, 0: none; byte offset in the code */
} tn_recorded_stack;
bool tn_recorded_code_at(uint32_t id, tn_recorded_code *out); /* false: no such id */
bool tn_recorded_stack_at(uint32_t id, tn_recorded_stack *out);

/* Sums are estimates when the mode is or was sampled. */
typedef struct tn_recorded_site {
    uint32_t stack, domain_number; /* 0 MEM, 1 OBJ, 2 RAW when tracked is false, else the number given */
    bool tracked;
    int64_t live_bytes, allocated_bytes, temporary_bytes, peak_bytes, at_peak_bytes;
    double live_count, allocated_count, temporary_count, at_peak_count;
} tn_recorded_site;
bool tn_recorded_site_at(uint32_t id, tn_recorded_site *out);

typedef struct tn_recorded_block {
    uint64_t address, bytes;
    uint64_t birth; /* 0: not known */
    uint32_t site, stack;
    double weight;         /* blocks that it stands for; 1: exact */
    double interval_bytes; /* 0: exact */
} tn_recorded_block;
/* Blocks of the shadow in ascending order of address, then those of the table in no order. visit returning false ends it. */
void tn_recorded_blocks(bool (*visit)(void *ctx, const tn_recorded_block *block), void *ctx);
/* A block of MEM, OBJ or RAW that begins at address. O(1). */
bool tn_recorded_block_at(uint64_t address, tn_recorded_block *out);

/* Causes of drops, and parts of own memory. */
enum { TN_DROP_MEMORY, TN_DROP_STACK, TN_DROP_SITE, TN_DROP_CODE, TN_DROP_SAMPLE, TN_DROP_REPLACED, TN_DROPS };
enum {
    TN_PART_SHADOW,
    TN_PART_BLOCKS,
    TN_PART_STACKS,
    TN_PART_SITES,
    TN_PART_CODES,
    TN_PART_THREADS,
    TN_PART_SAMPLES,
    TN_PARTS
};
typedef struct tn_recorded_cost {
    uint64_t dropped[TN_DROPS];
    uint64_t mapped_bytes[TN_PARTS], resident_bytes;
    uint64_t calls[TN_COSTS], ns[TN_COSTS]; /* ns is extrapolated from the calls whose time was taken */
    uint32_t n_threads;
} tn_recorded_cost;
void tn_recorded_cost_now(tn_recorded_cost *out); /* asks the system what is resident: O(mappings) */

#endif
