/* trace_walk.h - the hooks' own state, and the frames of a thread, read where the layout table says they are.
 *
 * The chain of frames of a thread is changed by that thread alone: it may be read with or without the GIL, and needs no
 * reference. Frames without code (shims between C and Python) and those whose function has not begun are left out, as in
 * tracebacks. What greenlets put away is not on the chain.
 */
#ifndef TN_TRACE_WALK_H
#define TN_TRACE_WALK_H

#include "cpython/hooks.h"
#include "inside/trace.h"

typedef struct tn_trace {
    uint32_t mode; /* enum tn_record_mode, as the hooks see it */
    uint32_t depth, run;
    uint32_t look;       /* libraries may have been loaded */
    bool cframe, others; /* others: an interpreter that is not the main one has allocated */
    uint8_t owner_skip;
    size_t thread_frame, thread_cframe_frame, frame_code, frame_instr, frame_owner, frame_previous; /* offsets */
    PyInterpreterState *interpreter;
    enum tn_free_lists free_lists;
    uint32_t managed_flags; /* of types with words for a dict or weak references before their objects */
    uint64_t reconnected;
} tn_trace;
extern tn_trace tn__trace;
/* With free lists tracked: the block that this thread has allocated last. Interpreters with locks of their own run at once. */
extern __thread uint64_t tn__trace_last_block __attribute__((tls_model("initial-exec")));

/* ---- trace_names.c ---- */

bool tn__trace_describe(uint64_t code, tn_code_facts *facts);
/* UTF-8, where a lone surrogate has three bytes like any other code point (docs/format.md); its length. */
uint32_t tn__trace_encode(PyObject *text, char *out, uint32_t cap);

/* ---- trace_threads.c ---- */

void tn__trace_threads(const tn_layout *l);
/* A thread that is new here, and holds the GIL: what its stacks stand on. */
void tn__trace_greet(tn_tracer *t, const PyThreadState *state);

/* ---- trace_hooks.c ---- */

void tn__trace_install(enum tn_record_mode mode);
void tn__trace_remove(void);
bool tn__trace_is_called(void); /* are the hooks of all three allocators? */

/* ---- trace_tracked.c ---- */

/* While the mode is on PyTraceMalloc_Track comes by here, from whatever library is there: after each change of the mode.
 * Gives the GIL up meanwhile. */
void tn__trace_tracked(void);
void tn__trace_tracked_ask(void); /* later, for libraries that were loaded since; in the middle of anything */
void tn__trace_tracked_before_fork(void);
void tn__trace_tracked_after_fork(bool in_child);

/* ---- trace_reuse.c ---- */

int tn__trace_reuse(bool on, uint32_t managed_flags, tn_error *err); /* on again: once more in place, if it was not */

/* ---- threads and frames ---- */

#define TN_TRACE_AT(type, base, offset) (*(const type *)((base) + (offset)))
#define TN_TRACE_CODE (~3ull) /* without the tag of a stack reference */

/* The thread state of whoever holds the GIL. */
static inline const PyThreadState *tn__trace_state(void)
{
    return _PyThreadState_UncheckedGet();
}

/* This thread's, whether it holds the GIL or not. NULL: Python does not know it. */
static inline const PyThreadState *tn__trace_own_state(void)
{
    const PyThreadState *state = TN_CURRENT_IS_OWN ? _PyThreadState_UncheckedGet() : NULL;
    return state ? state : PyGILState_GetThisThreadState();
}

/* What is added to the domain of a block of MEM or OBJ. */
static inline unsigned tn__trace_side(const PyThreadState *state)
{
    if (!TN_OWN_LOCKS || __builtin_expect(!state || state->interp == tn__trace.interpreter, 1))
        return 0;
    tn__trace.others = true;
    return TN_DOMAIN_APART;
}

/* Has the function of this frame not begun? offset: of its instruction. */
static inline bool tn__trace_is_before(uint8_t owner, uint64_t code, int64_t offset)
{
    enum { GENERATORS = 1, PROLOGUE = 256 /* bytes; no function has more to do before it begins */ };
    return offset < PROLOGUE && offset < tn_code_traceable(code) && owner != GENERATORS;
}

/* The innermost frame of a thread, or NULL. */
static inline const char *tn__trace_first_frame(const PyThreadState *state)
{
    const char *frame = state ? TN_TRACE_AT(char *, (const char *)state, tn__trace.thread_frame) : NULL;
    return tn__trace.cframe && frame ? TN_TRACE_AT(char *, frame, tn__trace.thread_cframe_frame) : frame;
}

/* A frame as the recorder takes it. */
static inline tn_walked tn__trace_frame(const char *frame)
{
    uint8_t owner = TN_TRACE_AT(uint8_t, frame, tn__trace.frame_owner);
    uint64_t code = TN_TRACE_AT(uint64_t, frame, tn__trace.frame_code) & TN_TRACE_CODE;
    uint64_t at = TN_TRACE_AT(uint64_t, frame, tn__trace.frame_instr);
    bool unseen =
        owner >= tn__trace.owner_skip || tn__trace_is_before(owner, code, (int64_t)(at - code - TN_CODE_OFFSET));
    return (tn_walked){code, at, (uint64_t)(uintptr_t)frame, unseen};
}

/* true: another was there. */
static inline bool tn__trace_put(tn_walked *to, const char *frame)
{
    tn_walked f = tn__trace_frame(frame);
    bool other = f.at != to->at || f.code != to->code || f.unseen != to->unseen;
    *to = f;
    return other;
}

/* ---- trace_walk.c: what is not as it was ---- */

/* The frames of a thread, whose innermost is first, into t's path. */
void tn__trace_follow(tn_tracer *t, const char *first);

/* ---- what nearly always is ---- */

/* The frames below f, and f itself: are they where they were? Each is looked up at an address that is known, so that the
 * processor need not wait for one link after the other; but it is read only when the one above it has led to it. Rows
 * follow their frames, and t->n_same follows the rows. */
static inline __attribute__((always_inline)) bool tn__trace_stand(tn_tracer *t, tn_walked *f)
{
    const size_t previous = tn__trace.frame_previous, at_code = tn__trace.frame_code, at_instr = tn__trace.frame_instr;
    for (;; f--) {
        const char *frame = (const char *)(uintptr_t)f->frame;
        uint64_t code = TN_TRACE_AT(uint64_t, frame, at_code) & TN_TRACE_CODE;
        if (__builtin_expect(((TN_TRACE_AT(uint64_t, frame, at_instr) ^ f->at) | (code ^ f->code)) != 0, 0)) {
            *f = tn__trace_frame(frame);
            uint32_t i = (uint32_t)(f - t->path);
            t->n_same = t->n_same < i ? t->n_same : i;
        }
        uint64_t below = TN_TRACE_AT(uint64_t, frame, previous);
        if (__builtin_expect(below != f[-1].frame, 0))
            return false;
        if (!below)
            return true;
    }
}

/* Of depth 1, where there was a caller before: is there one again? */
static inline __attribute__((always_inline)) bool tn__trace_stands_alone(tn_tracer *t, const char *frame)
{
    tn_walked *top = &t->path[1];
    if (!frame || t->n_path != 2 || top[-1].code != TN_FRAME_TRUNCATED)
        return false;
    uint8_t owner = TN_TRACE_AT(uint8_t, frame, tn__trace.frame_owner);
    uint64_t code = TN_TRACE_AT(uint64_t, frame, tn__trace.frame_code) & TN_TRACE_CODE;
    uint64_t at = TN_TRACE_AT(uint64_t, frame, tn__trace.frame_instr);
    const char *below = TN_TRACE_AT(char *, frame, tn__trace.frame_previous);
    if (owner >= tn__trace.owner_skip || tn__trace_is_before(owner, code, (int64_t)(at - code - TN_CODE_OFFSET)))
        return false;
    if (!below || TN_TRACE_AT(uint8_t, below, tn__trace.frame_owner) >= tn__trace.owner_skip)
        return false;
    if (at != top->at || code != top->code || top->unseen) {
        *top = (tn_walked){.code = code, .at = at};
        t->n_same = t->n_same > 1 ? 1 : t->n_same;
    }
    return true;
}

/* The stack for tn_record_alloc. locked: this thread holds the GIL. */
static inline __attribute__((always_inline)) void tn__trace_walk(tn_tracer *t, const PyThreadState *state, bool locked)
{
    if (__builtin_expect(t->greeted != tn__trace.run, 0) && locked)
        tn__trace_greet(t, state);
    const char *frame = tn__trace_first_frame(state);
    tn_walked *top = t->path + t->n_path;
    bool stands;
    if (__builtin_expect(tn__trace.depth == 1, 0))
        stands = tn__trace_stands_alone(t, frame);
    else
        stands = frame && t->n_path && top[-1].frame == (uint64_t)(uintptr_t)frame && tn__trace_stand(t, top - 1);
    if (!stands)
        tn__trace_follow(t, frame);
}

#endif
