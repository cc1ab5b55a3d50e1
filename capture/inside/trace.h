/* trace.h - records the allocations of the interpreter we run in: hooks that feed the recorder (record/record.h).
 *
 *   trace.c          starts and stops; forks
 *   trace_hooks.c    around the three allocators
 *   trace_walk.h     the frames of a thread
 *   trace_names.c    what the recorder asks about code objects
 *   trace_threads.c  what the stacks of threads stand on
 *   trace_tracked.c  what others track by name: PyTraceMalloc_Track
 *   trace_reuse.c    objects that come out of free lists
 *   trace_read.c     what was recorded, for Python
 *   trace_live.c     sums of what is alive, for displays (trace_live.h)
 *
 * All functions: with the GIL of the main interpreter, outside of allocations, unless they say more.
 */
#ifndef TN_TRACE_H
#define TN_TRACE_H

#include "inside/inside.h"
#include "record/recorded.h"

/* Objects that die may be kept by the interpreter for the next of their type; the next has the block of the one before. */
enum tn_free_lists {
    TN_FREE_LISTS_IGNORE, /* and then keeps the stack of the one before */
    TN_FREE_LISTS_TRACK,  /* it gets its own */
    TN_FREE_LISTS_FLUSH,  /* as IGNORE, but free lists are emptied before a snapshot or a mark in code */
};

typedef struct tn_trace_options {
    enum tn_record_mode mode;
    uint32_t depth;          /* innermost frames of stacks that are kept; 0: all */
    uint64_t interval_bytes; /* sampled; 0: the recorder's default */
    uint64_t seed, max_bytes;
    uint32_t max_samples;
    enum tn_free_lists free_lists;
} tn_trace_options;

/* TN_EINVAL: it runs; TN_EVERSION: free lists cannot be tracked here; TN_ENOMEM. */
int tn_trace_start(const tn_inside *inside, const tn_trace_options *options, tn_error *err);
void tn_trace_stop(void); /* also when it is off */
int tn_trace_switch(enum tn_record_mode mode, uint64_t interval_bytes, tn_error *err);
enum tn_free_lists tn_trace_free_lists(void); /* what is done now: none is tracked while sampling */

void tn_trace_find_folder(void);   /* with the GIL */
const char *tn_trace_folder(void); /* of the package, with a slash at its end; "": not known. Needs no GIL */

/* Are our hooks called still? Another tool may have put back what was there before us, and traces of what has been freed
 * since would stay: then they are put back in, and what was recorded is forgotten. Returns how often that was so. */
uint64_t tn_trace_reconnect(void);
uint64_t tn_trace_reconnected(void); /* the same without a look */

/* Before a snapshot, or a mark in code (clear, reset_peak): reconnected, and free lists emptied where that was asked for. */
void tn_trace_settle(const tn_inside *inside);

/* Stacks of who makes objects, from now on, whether allocations are recorded or not. The caller tells of code objects that
 * die (tn_record_code_dies). TN_ENOMEM. */
int tn_trace_stacks(const tn_inside *inside, tn_error *err);
uint32_t tn_trace_stack(void); /* where this thread is, in the middle of anything; 0: not known */

/* ---- trace_reuse.c ---- */

/* Empties the interpreter's free lists; the program does not see it. Nothing while a collection runs, or from another
 * interpreter. */
void tn_trace_flush(const tn_inside *inside);

/* ---- trace_read.c ---- */

/* A frame of a recorded stack. Texts are valid until the recorder is stopped. */
typedef struct tn_trace_frame {
    tn_code_facts code;
    uint32_t line, parent; /* line 0: none; parent: the stack below, 0: there is none */
} tn_trace_frame;
bool tn_trace_frame_at(uint32_t stack, tn_trace_frame *out);

/* Where the block of an object begins: before it stand the collector's head and, if its type has one of these flags, the words
 * for its dict and weak references. */
static inline uint64_t tn_trace_block_address(uint64_t object, uint64_t type_flags, uint32_t managed_flags)
{
    const uint64_t COLLECTED = 1 << 14, WORDS = 16; /* Py_TPFLAGS_HAVE_GC */
    return object - (type_flags & COLLECTED ? WORDS : 0) - (type_flags & managed_flags ? WORDS : 0);
}

/* Whether a new object of a type may have the block of a dead one, and its stack (base/kept.h). name: tp_name. */
bool tn_trace_maybe_stale(const tn_inside *inside, const char *name, uint64_t type_flags);

/* The block that an object begins in; false: it is not recorded. */
bool tn_trace_block_of(const tn_inside *inside, uint64_t object, uint64_t type_flags, tn_recorded_block *out);

#endif
