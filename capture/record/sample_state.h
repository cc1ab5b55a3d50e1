/* sample_state.h - what the sampler's files share. Only its thread writes here, but for control calls, which end it first. */
#ifndef TN_SAMPLE_STATE_H
#define TN_SAMPLE_STATE_H

#include "record/sampler.h"
#include "record/state.h"

#include <sys/uio.h>

/* A frame, as it was copied. */
typedef struct tn_seen_frame {
    uint64_t address, code, function, at, previous;
    int64_t top;
    uint32_t row, size; /* of its code: of the recorder, 0 not known yet; bytes of such a frame */
    int32_t offset;     /* of the instruction */
    uint8_t owner;
    bool entry;     /* called from C */
    bool far;       /* it does not begin where its caller ends */
    bool suspended; /* a generator's, which was called a moment ago */
    bool empty;     /* no code, or it has not begun */
    bool ended;     /* its locals are gone */
    bool handle;    /* asyncio's Handle._run */
} tn_seen_frame;

/* Memory to copy at the next look: where frames were at the last. */
typedef struct tn_span {
    uint64_t start, end;
} tn_span;
enum { TN_SPANS = 40, TN_CFRAMES = 4, TN_INNERS = 6 };

/* Looks at a thread that was on a processor, to be paid what it has run: at most so many at a time. */
enum { TN_DUE = 32 };
typedef struct tn_due {
    uint32_t row;
    uint64_t ticks;
} tn_due;

/* A generator's frame, which forgets who called it while it is suspended, or one without code. */
typedef struct tn_inner {
    uint64_t address, previous;
} tn_inner;

/* A thread of Python. */
typedef struct tn_watched {
    uint64_t state; /* address of its thread state; 0: unused */
    uint64_t native;
    uint64_t cpu_ns, user_ns; /* of its clocks, when they were read last */
    uint64_t debt_ns, debt_user_ns;
    uint64_t tick;           /* it was seen in */
    uint32_t root, name;     /* what its stacks stand on, and the text of its name */
    uint32_t stack, task;    /* where it was last; 0: not known */
    uint32_t last_row;       /* that it was in when it was seen last */
    uint32_t n_due, n_looks; /* due: neighbouring looks with the same row are one */
    uint32_t enough;         /* looks to be paid together: 1, 2, 4 … TN_DUE; 0: none were yet */
    bool named;
    uint64_t bottom;              /* the outermost frame */
    uint64_t cframes[TN_CFRAMES]; /* what it pointed to lately, where that points to the frame */
    tn_inner inner[TN_INNERS];    /* frames off the data stack that were innermost lately */
    uint32_t next_cframe, next_inner;
    uint32_t n_spans, n_chain; /* the first are those of the chain, innermost first */
    tn_span spans[TN_SPANS + TN_INNERS];
    tn_due due[TN_DUE];
} tn_watched;

/* What came of a look at a thread. */
typedef struct tn_look {
    uint32_t stack, task;
    bool changing;
    bool moved;       /* its clock went on meanwhile */
    unsigned failure; /* where stack is 0 */
} tn_look;

static inline void tn__sample_count(uint64_t *count, uint64_t n)
{
    tn_set(count, *count + n);
}

/* ---- sample_threads.c ---- */

enum { TN_SAMPLE_THREADS = 4096 }; /* most that are looked at */

typedef struct tn_seen_interpreter {
    uint64_t address, next, threads, lock, holder;
    bool collecting;
} tn_seen_interpreter;

typedef struct tn_seen_thread {
    uint64_t state, native; /* native 0: it is not looked at */
    uint32_t of;            /* its interpreter */
} tn_seen_thread;

typedef struct tn_found {
    const tn_seen_interpreter *interpreters;
    const tn_seen_thread *threads;
    uint32_t n_threads;
    bool whole; /* these are all */
} tn_found;

bool tn__sample_threads_start(const tn_sample_places *places);
void tn__sample_threads_forget(void);
void tn__sample_threads(tn_found *out);                   /* as they are now; out is good until the next call */
uint64_t tn__sample_holder(const tn_seen_interpreter *i); /* the state of the thread that has its lock; 0: none */

/* ---- sample_read.c ---- */

void tn__sample_fixed(uint64_t start, uint64_t end); /* memory that stays mapped */
/* Each remote piece into its local one; the bytes that were copied before one failed. */
size_t tn__sample_gather(const struct iovec *to, const struct iovec *from, unsigned n);
uint64_t tn__sample_clock(uint64_t native, bool user); /* a thread's; 0: it is not there */
bool tn__sample_waits_for_us(uint64_t native);         /* it would run on the processor that we are on */

/* ---- sample_codes.c ---- */

bool tn__sample_codes_start(const tn_sample_places *places);
void tn__sample_codes_forget(void); /* its memory has been given back */
/* Fills row, size, offset, empty and handle of n frames as their code objects are now. The index of the first of which that
 * cannot be told; n: none. */
unsigned tn__sample_codes(tn_seen_frame *frames, unsigned n);

/* ---- sample_copies.c ---- */

/* Of the thread that was copied last. */
typedef struct tn_copied {
    uint64_t frame;   /* the innermost one, as the thread says */
    bool complete;    /* all that was needed came in the first copy */
    bool full;        /* there was no room for more */
    unsigned failure; /* why something is not there */
} tn_copied;
extern tn_copied tn__copied;

bool tn__sample_copies_start(const tn_sample_places *places);
void tn__sample_copies_forget(void);
bool tn__sample_copy_planned(
    tn_watched *w); /* the head, the spans, those of the chain again. false: the head is not there */
/* Plans the next: frames, innermost first, and what was innermost off the data stack. */
void tn__sample_plan(tn_watched *w, const tn_seen_frame *frames, uint32_t n);
bool tn__copied_frame(uint64_t address, tn_seen_frame *out); /* fetched where it was not in the plan */
bool tn__copied_peek(uint64_t address, tn_seen_frame *out);  /* false: it was not in the plan */
bool tn__copied_differs(void);                               /* the second copy from the first */
bool tn__copied_again(uint64_t address, tn_seen_frame *out); /* the second copy. false: it is not of the chain */

/* ---- sample_stack.c ---- */

bool tn__sample_stacks_start(const tn_sample_places *places);
void tn__sample_stacks_forget(void);
/* The stack of a thread whose clock was at cpu_ns just before. stack 0: it was not to be had. */
void tn__sample_look(tn_watched *w, uint64_t cpu_ns, tn_look *out);

/* ---- sample_calls.c ---- */

bool tn__sample_calls_start(const tn_sample_places *places);
void tn__sample_calls_forget(void);
void tn__sample_learn(const tn_seen_frame *caller, const tn_seen_frame *callee); /* it is certain */
/* It seems so. callee NULL: the frame calls nothing. known: as tn__sample_knows() says. */
void tn__sample_saw(const tn_seen_frame *caller, const tn_seen_frame *callee, bool known);
bool tn__sample_knows(const tn_seen_frame *caller, const tn_seen_frame *callee);
bool tn__sample_returns(const tn_seen_frame *caller); /* it is about to return */

/* ---- sample_debts.c ---- */

/* A look that stands for so many ticks. When there are enough they are paid the thread's debts. */
void tn__sample_owe(tn_watched *w, uint32_t row, uint64_t ticks);
void tn__sample_pay(tn_watched *w);      /* now, if any are due */
void tn__sample_pay_rest(tn_watched *w); /* it is seen no more */

/* ---- sample_owner.c ---- */

void tn__sample_owner_start(const tn_sample_places *places);
bool tn__sample_has_frames(uint64_t state);
/* Root and name of a thread with these frames, innermost first. */
void tn__sample_own(tn_watched *w, const tn_seen_frame *frames, uint32_t n_frames, bool truncated);
uint32_t tn__sample_leaf(uint32_t stack, unsigned pseudo);                /* <gc>, <native>, <changing> */
uint32_t tn__sample_task(const tn_seen_frame *frames, uint32_t n_frames); /* a name; 0: none */

/* ---- samples.c ---- */

bool tn__samples_start(uint32_t max_stacks);
void tn__samples_free(void);                            /* after tn__tables_release */
uint32_t tn__sample_name(const char *text, uint32_t n); /* a text's number; 0: empty, or tables are full */
uint32_t tn__sample_row(uint32_t stack, uint32_t thread, uint32_t task, uint32_t state);
void tn__sample_add(uint32_t row, uint64_t samples, uint64_t ns, uint64_t cpu_ns);
uint32_t tn__samples_count(void);
const char *tn__sample_name_at(uint32_t id, uint32_t *n);

extern tn_sampled tn__sampled; /* by tn_set; all but own_bytes, threads and n_rows */

#endif
