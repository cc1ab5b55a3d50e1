/* trace.c - the recorder starts and stops in this interpreter, and survives forks of it. */
#include "inside/trace_walk.h"

#include <pthread.h>

/* ---- forks ---- */

/* The thread that forks, between the handlers before and after; it records nothing meanwhile. NULL: the recorder was not
 * held, since it was off, or since this thread has not the GIL: then the child runs no Python. */
static tn_tracer *forking;

static void before_fork(void)
{
    forking = tn__trace.mode != TN_RECORD_OFF && PyGILState_Check() ? tn_record_enter() : NULL;
    if (forking)
        tn_record_before_fork();
}

static void after_fork_parent(void)
{
    tn_tracer *t = forking;
    if (!t)
        return;
    forking = NULL;
    tn_record_after_fork_parent();
    tn_record_leave(t);
}

static void after_fork_child(void)
{
    tn_tracer *t = forking;
    forking = NULL;
    if (tn__trace.mode != TN_RECORD_OFF)
        tn_record_after_fork_child();
    if (t)
        tn_record_leave(t);
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

static void find_folder(void)
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

static void learn(const tn_inside *inside, const tn_trace_options *o)
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
    t->depth = o->depth ? o->depth : UINT32_MAX;
    t->free_lists = o->free_lists;
    t->managed_flags = l->managed_dict_flag | l->managed_weakref_flag;
    t->run++;
    t->reconnected = 0;
    tn_recorded now;
    tn_recorded_now(&now);
    t->started_births = now.births;
    t->last_block = 0;
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
    find_folder();
    learn(inside, o);
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
    tn__trace_tracked(true);
    return TN_OK;
}

void tn_trace_stop(void)
{
    if (tn__trace.mode == TN_RECORD_OFF)
        return;
    tn__trace.mode = TN_RECORD_OFF;
    tn__trace_remove();
    tn__trace_tracked(false);
    tn__trace_reuse(false, 0, NULL);
    tn_record_stop();
}

int tn_trace_switch(enum tn_record_mode mode, uint64_t interval_bytes, tn_error *err)
{
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

uint64_t tn_trace_reconnect(void)
{
    if (tn__trace.mode != TN_RECORD_OFF && !tn__trace_is_called()) {
        tn__trace_install(tn__trace.mode);
        tn_record_clear();
        tn__trace.reconnected++;
    }
    if (tn__trace.mode != TN_RECORD_OFF && tn__trace.free_lists == TN_FREE_LISTS_TRACK)
        tn__trace_reuse(true, tn__trace.managed_flags, NULL);
    return tn__trace.reconnected;
}

void tn_trace_settle(const tn_inside *inside)
{
    tn_trace_reconnect();
    if (tn__trace.mode != TN_RECORD_OFF && tn__trace.free_lists == TN_FREE_LISTS_FLUSH)
        tn_trace_flush(inside);
}

uint64_t tn_trace_started_births(void)
{
    return tn__trace.started_births;
}

enum tn_free_lists tn_trace_free_lists(void)
{
    return tn__trace.free_lists;
}
