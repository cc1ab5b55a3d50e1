/* sampler.h - the sampler of processor time: what each thread of Python is at, tick by tick.
 *
 * A thread of its own looks at the others: no signal, no call of the program is interrupted, no code of it runs, no lock of
 * it is taken. What it reads changes meanwhile and may be unmapped, so all of it is copied by the kernel, which answers a bad
 * address with an error; and what was copied is believed only as far as the copy itself shows that it belongs together
 * (docs/decisions/sampling.md). It knows nothing of Python but the places in tn_sample_places.
 *
 *     sampler.c       the thread: ticks and clocks
 *     sample_debts.c    what is paid to which look
 *     sample_threads.c  which threads there are, and who has the lock
 *     sample_stack.c  the frames of one thread
 *     sample_copies.c   the memory that they are in
 *     sample_calls.c  which calls are known, so that a stack may be believed
 *     sample_codes.c  code objects by address, looked at again each time
 *     sample_owner.c  names of threads and tasks
 *     sample_read.c   copies of memory
 *     samples.c       the table: stack, thread, task and state to samples and time
 *
 * Stacks are those of the recorder of allocations (record.h), so a stack has bytes and seconds under one number. Ticks are
 * stratified: tick k comes at (k + u) · interval, u uniform, so that no program is in step with them.
 *
 *     real     each thread at each tick: the time that passed
 *     prof     the processor time of each thread, user and system; virtual: of user alone
 *     gil      the thread that holds its interpreter's lock: the time that passed
 *
 * Processor time is a debt of its thread, paid to what the thread was at when it was seen on a processor: to its last looks by
 * the ticks that each stands for, up to 32 together. So the sums are those of the system, on a machine with one processor, too.
 * (Paid to one look alone, what runs after a sleep would be paid less: little has been run since the look before.)
 */
#ifndef TN_SAMPLER_H
#define TN_SAMPLER_H

#include "record/record.h"

enum tn_sample_clock { TN_SAMPLE_REAL, TN_SAMPLE_PROF, TN_SAMPLE_VIRTUAL, TN_SAMPLE_GIL, TN_SAMPLE_CLOCKS };

/* Where things are; offsets in bytes. */
typedef struct tn_sample_places {
    uint64_t (*interpreters)(void);  /* the first; needs no lock */
    uint64_t fixed_start, fixed_end; /* memory that stays mapped, or 0: the runtime's own, and what is part of it */
    uint32_t interp_next, interp_threads, interp_collecting;
    bool gil_known, gil_is_one;
    uint64_t gil; /* of an interpreter: where its pointer to its lock is; gil_is_one: the address of the one there is */
    uint32_t gil_holder, gil_locked;
    uint32_t thread_next, thread_native, thread_frame, thread_cframe_frame;
    bool cframe; /* the thread points to a word that points to the frame */
    uint32_t frame_code, frame_function, frame_previous, frame_instr, frame_top, frame_owner, frame_locals;
    uint32_t frame_entry; /* a byte: called from C; 0: frames without code stand in between */
    bool top_is_pointer;  /* frame_top; else an int, which is -1 while the frame executes */
    uint8_t owner_skip, owner_generator;
    uint64_t code_type;
    uint32_t code_name, code_qualname, code_file, code_lines, code_first_line, code_locals, code_stack, code_begin;
    uint8_t code_returns[2]; /* instructions, by their first byte, that end a call */
    uint8_t code_notes[7];   /* instructions that note which function they call */
    int32_t call_begins;     /* from frame_instr's value to that instruction */
    int32_t call_noted;      /* likewise, to a uint32, the version of the function */
    uint32_t function_code, function_version;
    uint32_t code_traceable; /* an int: index of the first instruction that a tracer may see */
    uint32_t str_length, str_state, str_ascii, str_compact, str_kind_shift, str_compact_bit, str_ascii_bit, bytes_data;
    /* Called by the sampler's thread, with frames that were there a moment ago. Names in UTF-8; their length, 0: not known. */
    uint32_t (*thread_name)(uint64_t outermost_frame, char *out, uint32_t cap);
    uint32_t (*task_name)(uint64_t handle_frame, char *out, uint32_t cap); /* frame of asyncio's Handle._run */
} tn_sample_places;

typedef struct tn_sample_options {
    enum tn_sample_clock clock;
    uint64_t interval_ns;
    uint32_t max_stacks; /* rows of the table; 0: 65536 */
} tn_sample_options;

/* Control: with the GIL of the main interpreter. TN_EINVAL: it runs, or no such clock or interval (1 µs to 1000 s); TN_ENOMEM;
 * TN_ELIMIT: the system gives no thread. What was sampled before by another clock is forgotten, by the same one kept. */
int tn_sampler_start(const tn_sample_places *places, const tn_sample_options *options);
void tn_sampler_stop(void);  /* keeps what was sampled; also when off */
void tn_sampler_clear(void); /* forgets it */
/* Pays what is due now, so that the table has it: some microseconds. */
void tn_sampler_settle(void);
/* Around fork(): the thread ends, and comes again. Where C code forks without them it is off in the child, with what was sampled. */
void tn_sampler_pause(void);
int tn_sampler_resume(void);
int tn_sampler_forked(void); /* in the child, instead: it begins anew */

/* ---- sample_read.c, also for the functions of tn_sample_places ---- */

bool tn_sample_read_start(void); /* false: the system allows no copies */

bool tn_sample_copy(uint64_t address, void *out, size_t bytes); /* false: not all of it is mapped */
/* A str as UTF-8, a lone surrogate by three bytes. false: it is none. What does not fit is left out. */
bool tn_sample_text(const tn_sample_places *places, uint64_t object, char *out, uint32_t cap, uint32_t *n);

/* ---- samples.c: what was sampled, as in recorded.h: without locks ---- */

enum { TN_SAMPLE_ON_CPU = 1, TN_SAMPLE_LOCKED = 2 };
enum { TN_REJECT_TORN, TN_REJECT_UNMAPPED, TN_REJECT_CODE, TN_REJECT_THREADS, TN_REJECTS };
extern const char *const tn_sample_clock_names[TN_SAMPLE_CLOCKS], *const tn_sample_reject_names[TN_REJECTS];

typedef struct tn_sampled {
    bool ever, on;
    enum tn_sample_clock clock;
    uint64_t interval_ns, started_wall_ns, duration_ns;
    uint64_t ticks, missed, samples, rejected[TN_REJECTS], changing, lost_stacks;
    uint64_t own_cpu_ns, own_bytes;
    uint32_t threads, max_stacks, n_rows; /* ids of rows are below; 0 is none */
} tn_sampled;
void tn_sampled_now(tn_sampled *out);

typedef struct tn_sampled_row {
    uint32_t stack; /* of recorded.h; 0: lost */
    const char *thread, *task;
    uint32_t n_thread, n_task, state;
    uint64_t samples, ns, cpu_ns;
} tn_sampled_row;
bool tn_sampled_row_at(uint32_t id, tn_sampled_row *out);

#endif
