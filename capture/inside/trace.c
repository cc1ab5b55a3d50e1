/* trace.c - the recorder starts and stops in this interpreter, and survives forks of it. */
#include "inside/trace_walk.h"

#include <pthread.h>

/* ---- forks ---- */

/* While a thread forks, between the handlers before and after; it records nothing meanwhile. NULL: the recorder is not held,
 * since it was off, or since this thread has not the GIL: then the child runs no Python. Threads may fork at once. */
static __thread tn_tracer *forking __attribute__((tls_model("initial-exec")));

/* PyGILState_Check() says so of anybody once there has been another interpreter. */
static bool has_lock(void)
{
    const PyThreadState *state = tn__trace_state();
    return state && state->interp == tn__trace.interpreter &&
           (TN_CURRENT_IS_OWN || state == PyGILState_GetThisThreadState());
}

static void before_fork(void)
{
    tn__trace_tracked_before_fork();
    forking = tn_record_has_stacks() && has_lock() ? tn_record_enter() : NULL;
    if (forking)
        tn_record_before_fork();
}

static void leave_fork(void)
{
    if (forking)
        tn_record_leave(forking);
    forking = NULL;
}

static void after_fork_parent(void)
{
    if (forking)
        tn_record_after_fork_parent();
    leave_fork();
    tn__trace_tracked_after_fork(false);
}

/* Also when it is off: a record that names a thread of the parent would be taken over from the one that lives. */
static void after_fork_child(void)
{
    tn_record_after_fork_child();
    leave_fork();
    tn__trace_tracked_after_fork(true);
}

static int watch_forks(tn_error *err)
{
    static bool done;
    if (!done && pthread_atfork(before_fork, after_fork_parent, after_fork_child) != 0)
        return tn__error_set(err, TN_ENOMEM, 0, "no memory for the handlers of forks");
    done = true;
    return TN_OK;
}

/* ---- start and stop ---- */

/* The folder of the package, with a slash at its end; "": not known. */
static char folder[4096];

void tn_trace_find_folder(void)
{
    PyObject *name = PyUnicode_FromString("tonnage"), *package = name ? PyImport_GetModule(name) : NULL;
    PyObject *file = package && PyModule_Check(package) ? PyModule_GetFilenameObject(package) : NULL;
    const char *path = file ? PyUnicode_AsUTF8(file) : NULL, *slash = path ? strrchr(path, '/') : NULL;
    size_t n = slash ? (size_t)(slash + 1 - path) : 0;
    n = n < sizeof folder ? n : 0;
    memcpy(folder, n ? path : "", n);
    folder[n] = '\0';
    Py_XDECREF(file);
    Py_XDECREF(package);
    Py_XDECREF(name);
    PyErr_Clear();
}

const char *tn_trace_folder(void)
{
    return folder;
}

static void learn(const tn_inside *inside, uint32_t depth)
{
    const tn_layout *l = inside->target.layout;
    tn_trace *t = &tn__trace;
    t->interpreter = (PyInterpreterState *)(uintptr_t)inside->target.interpreter;
    t->cframe = l->cframe;
    t->owner_skip = (uint8_t)l->owner_skip;
    t->thread_frame = l->thread_frame;
    t->thread_cframe_frame = l->thread_cframe_frame;
    t->frame_code = l->frame_code;
    t->frame_instr = l->frame_instr;
    t->frame_owner = l->frame_owner;
    t->frame_previous = l->frame_previous;
    t->depth = depth ? depth : UINT32_MAX;
    t->managed_flags = l->managed_dict_flag | l->managed_weakref_flag;
    t->run++;
    t->reconnected = 0;
    tn__trace_last_block = 0;
    tn__trace_threads(l);
}

int tn_trace_start(const tn_inside *inside, const tn_trace_options *o, tn_error *err)
{
    if (tn__trace.mode != TN_RECORD_OFF)
        return tn__error_set(err, TN_EINVAL, 0, "allocations are recorded already");
    if (PyInterpreterState_Get() != (PyInterpreterState *)(uintptr_t)inside->target.interpreter)
        return tn__error_set(err, TN_EVERSION, 0, "recording starts in the main interpreter only");
    if (o->free_lists == TN_FREE_LISTS_TRACK && o->mode != TN_RECORD_EXACT)
        return tn__error_set(err, TN_EINVAL, 0, "objects from free lists are followed in mode exact only");
    TN_TRY(watch_forks(err));
    tn_trace_find_folder();
    learn(inside, o->depth);
    tn__trace.free_lists = o->free_lists;
    tn_record_options options = {.mode = o->mode,
                                 .depth = o->depth,
                                 .interval_bytes = o->interval_bytes,
                                 .seed = o->seed,
                                 .max_samples = o->max_samples,
                                 .max_bytes = o->max_bytes,
                                 .code_offset = TN_CODE_OFFSET,
                                 .describe = tn__trace_describe};
    int status = tn_record_start(&options);
    if (status < 0)
        return tn__error_set(err, status, 0,
                             status == TN_ENOMEM ? "no memory for the recorder" : "no such mode or interval");
    if (o->free_lists == TN_FREE_LISTS_TRACK && (status = tn__trace_reuse(true, tn__trace.managed_flags, err)) < 0) {
        tn_record_stop();
        return status;
    }
    tn_trace_flush(inside); /* what is made from now on has a block of its own, as far as it is up to us */
    tn__trace.mode = o->mode;
    tn__trace_install(o->mode);
    tn__trace_tracked();
    return TN_OK;
}

void tn_trace_stop(void)
{
    if (tn__trace.mode == TN_RECORD_OFF)
        return;
    tn__trace.mode = TN_RECORD_OFF;
    tn__trace_remove();
    tn__trace_reuse(false, 0, NULL);
    tn_record_stop();
    tn__trace.depth = UINT32_MAX; /* of who wants stacks still */
    tn__trace_tracked();
}

int tn_trace_switch(enum tn_record_mode mode, uint64_t interval_bytes, tn_error *err)
{
    tn_trace_reconnect();
    int status = tn_record_switch(mode, interval_bytes);
    if (status < 0)
        return tn__error_set(err, status, 0,
                             status == TN_ENOMEM               ? "no memory for the recorder"
                             : tn__trace.mode == TN_RECORD_OFF ? "allocations are not recorded"
                                                               : "no such mode or interval");
    tn__trace.mode = mode;
    tn__trace_install(mode);
    return TN_OK;
}

int tn_trace_stacks(const tn_inside *inside, tn_error *err)
{
    TN_TRY(watch_forks(err));
    if (!tn_record_has_stacks())
        learn(inside, 0);
    return tn_record_stacks(TN_CODE_OFFSET, tn__trace_describe) < 0
               ? tn__error_set(err, TN_ENOMEM, 0, "no memory for stacks")
               : TN_OK;
}

uint32_t tn_trace_stack(void)
{
    tn_tracer *t = tn_record_enter();
    if (!t)
        return 0;
    tn__trace_walk(t, tn__trace_state(), true);
    uint32_t stack = tn_record_stack(t);
    tn_record_leave(t);
    return stack;
}

uint64_t tn_trace_reconnect(void)
{
    if (tn__trace.mode != TN_RECORD_OFF && !tn__trace_is_called()) {
        tn_record_missed(); /* before hooks find what was freed unseen */
        tn__trace_install(tn__trace.mode);
        tn__trace.reconnected++;
    }
    if (tn__trace.mode != TN_RECORD_OFF && tn__trace.free_lists == TN_FREE_LISTS_TRACK)
        tn__trace_reuse(true, tn__trace.managed_flags, NULL);
    return tn__trace.reconnected;
}

uint64_t tn_trace_reconnected(void)
{
    return tn__trace.reconnected;
}

void tn_trace_settle(const tn_inside *inside)
{
    tn_trace_reconnect();
    if (tn__trace.mode != TN_RECORD_OFF && tn__trace.free_lists == TN_FREE_LISTS_FLUSH)
        tn_trace_flush(inside);
}

enum tn_free_lists tn_trace_free_lists(void)
{
    bool is_idle = tn__trace.free_lists == TN_FREE_LISTS_TRACK && tn__trace.mode != TN_RECORD_EXACT;
    return is_idle ? TN_FREE_LISTS_IGNORE : tn__trace.free_lists;
}
