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
    uint64_t reconnected, started_births;
    uint64_t last_block; /* with free lists tracked: the one that was allocated last */
} tn_trace;
extern tn_trace tn__trace;

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

void tn__trace_tracked(bool on);   /* have PyTraceMalloc_Track come by here, from whatever library */
void tn__trace_tracked_look(void); /* from those that were loaded since, too */

/* ---- trace_reuse.c ---- */

int tn__trace_reuse(bool on, uint32_t managed_flags, tn_error *err); /* on again: once more in place, if it was not */

/* ---- threads and frames ---- */

#define TN_TRACE_AT(type, base, offset) (*(const type *)((base) + (offset)))

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
    return offset < PROLOGUE && owner != GENERATORS && offset < tn_code_traceable(code);
}

/* The innermost frame of a thread, or NULL. */
static inline const char *tn__trace_first_frame(const PyThreadState *state)
{
    const char *frame = state ? TN_TRACE_AT(char *, (const char *)state, tn__trace.thread_frame) : NULL;
    return tn__trace.cframe && frame ? TN_TRACE_AT(char *, frame, tn__trace.thread_cframe_frame) : frame;
}

/* There are frames further out than the n that a walk keeps: what stands for them, if there is room. Their number. */
static inline uint32_t tn__trace_cut(tn_tracer *t, uint32_t n, uint64_t *differs)
{
    if (!tn_walk_room(t, n))
        return n;
    tn_walk_put(t, n, TN_FRAME_TRUNCATED, TN_FRAME_TRUNCATED, differs);
    return n + 1;
}

/* The frames into t->walk; their number for the recorder. locked: this thread holds the GIL. */
static inline __attribute__((always_inline)) uint32_t tn__trace_walk(tn_tracer *t, const PyThreadState *state,
                                                                     bool locked)
{
    const tn_trace w = tn__trace; /* or each store of a frame would have all of it read again */
    uint32_t n = 0, room = t->room < w.depth ? t->room : w.depth;
    tn_walked *put = t->walk;
    uint64_t differs = 0;
    for (const char *frame = tn__trace_first_frame(state); frame;
         frame = TN_TRACE_AT(char *, frame, w.frame_previous)) {
        uint8_t owner = TN_TRACE_AT(uint8_t, frame, w.frame_owner);
        if (owner >= w.owner_skip)
            continue;
        uint64_t code = TN_TRACE_AT(uint64_t, frame, w.frame_code) & ~3ull; /* the tag of a stack reference */
        uint64_t at = TN_TRACE_AT(uint64_t, frame, w.frame_instr);
        if (tn__trace_is_before(owner, code, (int64_t)(at - code - TN_CODE_OFFSET)))
            continue;
        if (__builtin_expect(n == room, 0)) {
            if (n == w.depth) {
                n = tn__trace_cut(t, n, &differs);
                break;
            }
            if (!tn_walk_room(t, n)) {
                if (n)
                    t->walk[n - 1] = (tn_walked){TN_FRAME_TRUNCATED, TN_FRAME_TRUNCATED};
                return n;
            }
            room = t->room < w.depth ? t->room : w.depth;
            put = t->walk + n;
        }
        differs |= put->at ^ at;
        *put++ = (tn_walked){code, at};
        n++;
    }
    if (__builtin_expect(t->greeted != tn__trace.run, 0) && locked)
        tn__trace_greet(t, state);
    return n ? tn_walk_end(t, n, differs) : 0;
}

#endif
