/* _capture_sample.c - the functions sample_* of tonnage._capture: the sampler of processor time (inside/sample.h).
 *
 * Forks: the sampler's thread is joined before, so that os.fork() has no second thread to warn of, and starts again after.
 * Some releases (3.13.0, 3.14.0) count threads only after the hooks have run; therefore, where the main thread forks, the
 * start is left to a pending call, which runs when os.fork() has returned. The hooks are Python's own: they are called where a
 * program forks, and not by a library that makes a process without Python.
 */
#include "_capture_sample.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "inside/sample.h"

static const tn_inside *here;
static void *(*raise_error)(int status, const tn_error *err);
static PyObject *(*take_snapshot)(PyObject *args, PyObject *kwargs);
static int here_status; /* of finding out about the interpreter */
static const tn_error *here_error;
static unsigned paused; /* forks in progress */

/* ---- forks ---- */

static int resume_later(void *arg)
{
    (void)arg;
    if (!paused)
        tn_sampler_resume();
    return 0;
}

static PyObject *before_fork(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    paused++;
    tn_sampler_pause();
    Py_RETURN_NONE;
}

static PyObject *after_in_parent(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    if (paused && --paused == 0) {
        bool first = getpid() == (pid_t)syscall(SYS_gettid);
        if (!first || Py_AddPendingCall(resume_later, NULL) < 0)
            tn_sampler_resume();
    }
    Py_RETURN_NONE;
}

static PyObject *after_in_child(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    paused = 0;
    tn_sampler_forked();
    Py_RETURN_NONE;
}

static PyMethodDef fork_hooks[] = {
    {"before_fork", before_fork, METH_NOARGS, NULL},
    {"after_in_parent", after_in_parent, METH_NOARGS, NULL},
    {"after_in_child", after_in_child, METH_NOARGS, NULL},
};

/* Once in a process. false: an exception is set. */
static bool watch_forks(void)
{
    static bool done;
    static const char *const names[] = {"before", "after_in_parent", "after_in_child"};
    if (done)
        return true;
    PyObject *os = PyImport_ImportModule("os"), *watch = os ? PyObject_GetAttrString(os, "register_at_fork") : NULL;
    PyObject *hooks = watch ? PyDict_New() : NULL, *none = hooks ? PyTuple_New(0) : NULL, *result = NULL;
    bool ok = none;
    for (unsigned i = 0; ok && i < 3; i++) {
        PyObject *hook = PyCFunction_New(&fork_hooks[i], NULL);
        ok = hook && PyDict_SetItemString(hooks, names[i], hook) == 0;
        Py_XDECREF(hook);
    }
    if (ok)
        result = PyObject_Call(watch, none, hooks);
    done = result;
    Py_XDECREF(result);
    Py_XDECREF(none);
    Py_XDECREF(hooks);
    Py_XDECREF(watch);
    Py_XDECREF(os);
    return done;
}

/* ---- calls ---- */

PyDoc_STRVAR(start_doc, "sample_start(clock, interval_ns, max_stacks, /)\n--\n\n"
                        "Sample by clock 0 (real), 1 (prof), 2 (virtual) or 3 (gil); max_stacks 0: the default.");

static PyObject *sample_start(PyObject *module, PyObject *args)
{
    int clock;
    unsigned long long interval_ns;
    unsigned max_stacks;
    static bool ends;
    tn_error err = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "iKI", &clock, &interval_ns, &max_stacks))
        return NULL;
    if (here_status < 0)
        return raise_error(here_status, here_error);
    if (!watch_forks())
        return NULL;
    ends = ends || Py_AtExit(tn_sampler_pause) == 0; /* what is looked at goes away then */
    const tn_sample_options o = {(enum tn_sample_clock)clock, interval_ns, max_stacks};
    int status = tn_sample_start(here, &o, &err);
    if (status == TN_OK)
        Py_RETURN_NONE;
    if (status != TN_EINVAL)
        return raise_error(status, &err);
    tn_sampled now;
    tn_sampled_now(&now);
    PyErr_SetString(now.on ? PyExc_RuntimeError : PyExc_ValueError, err.message);
    return NULL;
}

PyDoc_STRVAR(stop_doc, "sample_stop()\n--\n\nSample no more; what was sampled is kept.");

static PyObject *sample_stop(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    tn_sampler_stop();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(clear_doc, "sample_clear()\n--\n\nForget what was sampled; sampling goes on if it was on.");

static PyObject *sample_clear(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    tn_sampler_clear();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(bytes_doc, "sample_bytes(on, /)\n--\n\n"
                        "Whether the recorder of allocations samples in the place of time, which files tell.");

static PyObject *sample_bytes(PyObject *module, PyObject *on)
{
    int is_on = PyObject_IsTrue(on);
    (void)module;
    if (is_on < 0)
        return NULL;
    tn_sample_of_bytes = is_on;
    Py_RETURN_NONE;
}

static PyObject *rejected(const tn_sampled *now)
{
    PyObject *dict = PyDict_New();
    for (unsigned i = 0; dict && i < TN_REJECTS; i++) {
        PyObject *n = PyLong_FromUnsignedLongLong(now->rejected[i]);
        if (!n || PyDict_SetItemString(dict, tn_sample_reject_names[i], n) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(n);
    }
    return dict;
}

PyDoc_STRVAR(status_doc, "sample_status()\n--\n\nWhat was sampled, in numbers, as a dict; empty: nothing ever was.");

static PyObject *sample_status(PyObject *module, PyObject *nothing)
{
    typedef unsigned long long number;
    tn_sampled now;
    (void)module, (void)nothing;
    tn_sampled_now(&now);
    if (!now.ever)
        return PyDict_New();
    return Py_BuildValue("{s:N,s:s,s:K,s:K,s:K,s:K,s:K,s:N,s:K,s:K,s:K,s:K,s:I}", "on", PyBool_FromLong(now.on),
                         "clock", tn_sample_clock_names[now.clock], "interval_ns", (number)now.interval_ns,
                         "duration_ns", (number)now.duration_ns, "ticks", (number)now.ticks, "missed",
                         (number)now.missed, "samples", (number)now.samples, "rejected", rejected(&now), "changing",
                         (number)now.changing, "lost_stacks", (number)now.lost_stacks, "own_cpu_ns",
                         (number)now.own_cpu_ns, "own_bytes", (number)now.own_bytes, "threads", now.threads);
}

PyDoc_STRVAR(save_doc,
             "sample_save(path, fd, force, redact, tracked=None, /)\n--\n\n"
             "Write what was sampled, sums of what was recorded, and what was tracked, to path, or where that is\n"
             "None to fd.");

static PyObject *sample_save(PyObject *module, PyObject *args)
{
    PyObject *path, *where = NULL, *tracked = Py_None;
    int fd, force, redact;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oipp|O", &path, &fd, &force, &redact, &tracked))
        return NULL;
    if (path == Py_None)
        where = PyLong_FromLong(fd);
    else if (!PyUnicode_FSConverter(path, &where))
        return NULL;
    PyObject *positional = where ? PyTuple_Pack(1, where) : NULL;
    PyObject *named =
        Py_BuildValue("{s:s,s:i,s:O,s:O,s:(),s:O}", "mode", "stop", "previews", 0, "redact",
                      redact ? Py_True : Py_False, "force", force ? Py_True : Py_False, "roots", "tracked", tracked);
    PyObject *result = positional && named ? take_snapshot(positional, named) : NULL;
    Py_XDECREF(where);
    Py_XDECREF(positional);
    Py_XDECREF(named);
    return result;
}

PyMethodDef capture_sample_methods[] = {
    {"sample_start", sample_start, METH_VARARGS, start_doc},
    {"sample_stop", sample_stop, METH_NOARGS, stop_doc},
    {"sample_bytes", sample_bytes, METH_O, bytes_doc},
    {"sample_clear", sample_clear, METH_NOARGS, clear_doc},
    {"sample_status", sample_status, METH_NOARGS, status_doc},
    {"sample_save", sample_save, METH_VARARGS, save_doc},
    {NULL, NULL, 0, NULL},
};

void capture_sample_begin(const tn_inside *inside, int status, const tn_error *err,
                          void *(*raise)(int status, const tn_error *err),
                          PyObject *(*take)(PyObject *args, PyObject *kwargs))
{
    here = inside;
    here_status = status;
    here_error = err;
    raise_error = raise;
    take_snapshot = take;
}
