/* _capture_helper.c - the functions helper_* of tonnage._capture: the helper thread (inside/helper.h) calls Python.
 *
 * State here stands under the GIL. It is given back wherever the thread is started, stopped or waited for, since the thread
 * may be waiting for it.
 *
 * Forks: the thread is joined before, so that os.fork() has no second thread to warn of, and starts again after. Only where
 * it is in a call for more than 50 ms it stays: the call may wait for a lock that the forking thread holds, or for the GIL. Some
 * releases (3.13.0, 3.14.0) count threads only after the hooks have run; therefore, where the main thread forks, the start is
 * left to a pending call, which runs when os.fork() has returned. Another thread that forks is one to be warned of anyway.
 */
#include <Python.h>

#include <math.h>
#include <stdatomic.h>

#include "_capture_helper.h"
#include "inside/helper.h"

static PyObject *callback; /* NULL: the helper is off */
static unsigned paused;    /* forks in progress */
static atomic_bool was_initialized;
static const uint32_t *counts[3];
static bool counts_known;

void capture_helper_counts(const uint64_t addresses[3])
{
    for (unsigned i = 0; i < 3; i++)
        counts[i] = (const uint32_t *)(uintptr_t)addresses[i];
    counts_known = true;
}

static PyObject *raise_status(int status, const tn_error *err)
{
    PyObject *class = status == TN_EINVAL   ? PyExc_ValueError
                      : status == TN_ENOMEM ? PyExc_MemoryError
                                            : PyExc_RuntimeError;
    PyErr_SetString(class, err->message);
    return NULL;
}

/* ---- in the helper thread ---- */

/* A thread that was started by an atexit handler outlives the handler of ours. From 3.15 on, .pth files are read before the
 * interpreter counts as initialized. */
static bool interpreter_ends(void)
{
    bool now = Py_IsInitialized();
    was_initialized |= now;
    return was_initialized && !now;
}

static void call_python(unsigned reasons, uint64_t signals)
{
    if (interpreter_ends())
        return;
    PyGILState_STATE gil = PyGILState_Ensure();
    if (callback) {
        PyObject *function = Py_NewRef(callback);
        PyObject *result = PyObject_CallFunction(function, "IK", reasons, (unsigned long long)signals);
        if (!result)
            PyErr_WriteUnraisable(function);
        Py_XDECREF(result);
        Py_DECREF(function);
    }
    PyGILState_Release(gil);
}

/* ---- start and stop ---- */

/* Settles whether there is a thread. Whoever changes callback or paused calls this after; a change that another thread makes
 * while the GIL is given back has its own call, and is looked at here too. */
static int settle(tn_error *err)
{
    int status = 0;
    bool wants, rests;
    do {
        wants = callback, rests = paused;
        Py_BEGIN_ALLOW_THREADS
        if (!wants)
            tn_helper_stop();
        else if (rests)
            tn_helper_rest();
        else
            status = tn_helper_start(call_python, err);
        Py_END_ALLOW_THREADS
    } while (status == 0 && (wants != (bool)callback || rests != (bool)paused));
    return status;
}

/* What it raised would come out of whatever the program does just now. */
static int settle_later(void *arg)
{
    tn_error err;
    (void)arg;
    if (callback && settle(&err) < 0) {
        raise_status(TN_ELIMIT, &err);
        PyErr_WriteUnraisable(callback);
    }
    return 0;
}

PyDoc_STRVAR(start_doc, "helper_start(callback, /)\n--\n\n"
                        "Have the helper thread call callback(reasons, signals); replaces the one before.");

static PyObject *helper_start(PyObject *module, PyObject *function)
{
    tn_error err;
    (void)module;
    if (!PyCallable_Check(function))
        return PyErr_Format(PyExc_TypeError, "callback must be callable, not %.100s", Py_TYPE(function)->tp_name);
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_RuntimeError,
                        "timers work in the main interpreter only: a subinterpreter cannot start the helper thread");
        return NULL;
    }
    if (!callback)
        tn_helper_timeline(0, NULL, NULL);
    was_initialized = Py_IsInitialized();
    Py_XSETREF(callback, Py_NewRef(function));
    int status = settle(&err);
    if (status < 0) {
        Py_CLEAR(callback);
        return raise_status(status, &err);
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(stop_doc,
             "helper_stop()\n--\n\n"
             "End the helper thread and forget its settings; the time line keeps what it has, for a snapshot\n"
             "at the very end, and signals still do nothing to the process. In the callback: when it returns.");

static PyObject *helper_stop(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    if (!callback)
        Py_RETURN_NONE;
    Py_CLEAR(callback);
    tn_helper_alarm(UINT64_MAX);
    tn_helper_watch_rss(0);
    settle(NULL);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(pause_doc,
             "helper_pause()\n--\n\nBefore a fork: end the thread unless it is in a long call; keep its settings.");

static PyObject *helper_pause(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    paused++;
    if (callback && !tn_helper_is_self())
        settle(NULL);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(resume_doc, "helper_resume()\n--\n\nAfter a fork, in the parent: start it again.");

static PyObject *helper_resume(PyObject *module, PyObject *nothing)
{
    tn_error err;
    (void)module, (void)nothing;
    if (paused && --paused == 0 && callback && !tn_helper_is_self()) {
        if (!tn_helper_on_first_thread() || Py_AddPendingCall(settle_later, NULL) < 0) {
            int status = settle(&err);
            if (status < 0)
                return raise_status(status, &err);
        }
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(forget_doc, "helper_forget()\n--\n\nAfter a fork, in the child: there is no helper and no setting.");

static PyObject *helper_forget(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    paused = 0;
    Py_CLEAR(callback);
    tn_helper_forget();
    Py_RETURN_NONE;
}

/* ---- settings ---- */

/* Seconds to nanoseconds; false with an exception. */
static bool nanoseconds(PyObject *seconds, uint64_t *out)
{
    double value = PyFloat_AsDouble(seconds);
    if (value == -1.0 && PyErr_Occurred())
        return false;
    if (isnan(value)) {
        PyErr_SetString(PyExc_ValueError, "seconds must be a number, not nan");
        return false;
    }
    *out = value <= 0 ? 0 : value >= 9e9 ? (uint64_t)9e18 : (uint64_t)(value * 1e9);
    return true;
}

PyDoc_STRVAR(alarm_doc, "helper_alarm(seconds, /)\n--\n\nOne call in so many seconds, with ALARM (1); None: none.");

static PyObject *helper_alarm(PyObject *module, PyObject *seconds)
{
    uint64_t in_ns;
    (void)module;
    if (seconds == Py_None) {
        tn_helper_alarm(UINT64_MAX);
        Py_RETURN_NONE;
    }
    if (!nanoseconds(seconds, &in_ns))
        return NULL;
    tn_helper_alarm(tn__sys_monotonic_ns() + in_ns);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(signal_doc, "helper_signal(signum, on, /)\n--\n\nA call with SIGNAL (2) when this signal comes.");

static PyObject *helper_signal(PyObject *module, PyObject *args)
{
    tn_error err;
    int signum, on;
    (void)module;
    if (!PyArg_ParseTuple(args, "ip", &signum, &on))
        return NULL;
    int status = tn_helper_signal(signum, on, &err);
    return status < 0 ? raise_status(status, &err) : Py_NewRef(Py_None);
}

PyDoc_STRVAR(watch_rss_doc, "helper_watch_rss(n_bytes, /)\n--\n\n"
                            "One call with RSS (4) when the resident set has more bytes; 0: none.");

static PyObject *helper_watch_rss(PyObject *module, PyObject *n_bytes)
{
    (void)module;
    unsigned long long bytes = PyLong_AsUnsignedLongLong(n_bytes);
    if (PyErr_Occurred())
        return NULL;
    tn_helper_watch_rss(bytes);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(timeline_doc, "helper_timeline(seconds, /)\n--\n\n"
                           "A sample of the time line at this interval, from now on; 0: none.");

static PyObject *helper_timeline(PyObject *module, PyObject *seconds)
{
    uint64_t interval_ns;
    tn_error err;
    (void)module;
    if (!nanoseconds(seconds, &interval_ns))
        return NULL;
    int status = tn_helper_timeline(interval_ns, counts_known ? counts : NULL, &err);
    return status < 0 ? raise_status(status, &err) : Py_NewRef(Py_None);
}

PyMethodDef capture_helper_methods[] = {
    {"helper_start", helper_start, METH_O, start_doc},
    {"helper_stop", helper_stop, METH_NOARGS, stop_doc},
    {"helper_pause", helper_pause, METH_NOARGS, pause_doc},
    {"helper_resume", helper_resume, METH_NOARGS, resume_doc},
    {"helper_forget", helper_forget, METH_NOARGS, forget_doc},
    {"helper_alarm", helper_alarm, METH_O, alarm_doc},
    {"helper_signal", helper_signal, METH_VARARGS, signal_doc},
    {"helper_watch_rss", helper_watch_rss, METH_O, watch_rss_doc},
    {"helper_timeline", helper_timeline, METH_O, timeline_doc},
    {NULL, NULL, 0, NULL},
};
