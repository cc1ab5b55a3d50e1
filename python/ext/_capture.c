/* _capture.c - tonnage._capture: takes a snapshot of the interpreter it is loaded into. Small on purpose: it is loaded in
 * production processes, so there is no analysis in it.
 *
 * A capture holds the GIL while it walks or forks (the pause) and gives it back before it compresses and writes, or waits
 * for the child that does. It allocates no Python object in the pause.
 */
#include <Python.h>

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "_capture_follow.h"
#include "_capture_helper.h"
#include "_capture_sample.h"
#include "_capture_trace.h"
#include "inside/inside.h"
#include "inside/trace.h"

#ifdef Py_GIL_DISABLED
#error "free-threaded builds of CPython are not supported"
#endif
#if defined(Py_DEBUG) || defined(Py_TRACE_REFS)
#error "debug builds of CPython are not supported"
#endif

static tn_inside inside;
static int inside_status;
static tn_error inside_error;
static PyObject *capture_error;

static void *raise_error(int status, const tn_error *err)
{
    PyObject *args = Py_BuildValue("(is)", status, err->message);
    if (args)
        PyErr_SetObject(capture_error, args);
    Py_XDECREF(args);
    return NULL;
}

/* ---- one at a time ---- */

/* The thread that is at a capture: what is known of mappings is kept between captures, in one place. 0: nobody. After a
 * fork of the program, the thread that is named may be one of its parent. It is given up without the GIL: while the
 * interpreter ends, who asks for that never returns. */
static struct {
    pid_t pid;
    _Atomic unsigned long thread;
} taker;

/* Waits for another thread's capture to end. false: an exception is set. */
static bool take_turn(void)
{
    unsigned long me = PyThread_get_thread_ident();
    while (taker.thread && taker.pid == getpid()) {
        const struct timespec pause = {0, 2000000};
        if (taker.thread == me) {
            tn_error err = {0};
            raise_error(tn__error_set(&err, TN_EBUSY, 0, "this thread is taking a snapshot already"), &err);
            return false;
        }
        Py_BEGIN_ALLOW_THREADS
        nanosleep(&pause, NULL);
        Py_END_ALLOW_THREADS
        if (PyErr_CheckSignals() < 0)
            return false;
    }
    taker.pid = getpid();
    taker.thread = me;
    return true;
}

/* Addresses of the objects in a tuple; NULL with *n 0 for None. */
static bool addresses(PyObject *roots, uint64_t **out, uint32_t *n)
{
    *out = NULL;
    *n = 0;
    if (roots == Py_None)
        return true;
    if (!PyTuple_Check(roots)) {
        PyErr_SetString(PyExc_TypeError, "roots must be a tuple or None");
        return false;
    }
    *n = (uint32_t)PyTuple_GET_SIZE(roots);
    *out = tn__alloc(&tn__alloc_pages, (*n + 1) * sizeof **out);
    if (!*out) {
        PyErr_NoMemory();
        return false;
    }
    for (uint32_t i = 0; i < *n; i++)
        (*out)[i] = (uint64_t)(uintptr_t)PyTuple_GET_ITEM(roots, i);
    return true;
}

static void release(uint64_t *from, uint32_t n)
{
    if (from)
        tn__free(&tn__alloc_pages, from, (n + 1) * sizeof *from);
}

/* One of the program's own figures: (title, format, value). false: an exception is set. */
static bool read_user_row(PyObject *tuple, tn_user_row *row)
{
    PyObject *title, *format, *value;
    Py_ssize_t n_title, n_format;
    if (!PyTuple_Check(tuple))
        return PyErr_Format(PyExc_TypeError, "user must be a tuple of tuples");
    if (!PyArg_ParseTuple(tuple, "UUO", &title, &format, &value))
        return false;
    row->title = PyUnicode_AsUTF8AndSize(title, &n_title);
    row->format = row->title ? PyUnicode_AsUTF8AndSize(format, &n_format) : NULL;
    if (!row->format)
        return false;
    row->n_title = (size_t)n_title, row->n_format = (size_t)n_format;
    if (PyFloat_Check(value)) {
        double number = PyFloat_AS_DOUBLE(value);
        row->kind = TN_FACT_DOUBLE;
        memcpy(&row->value, &number, sizeof number);
        return true;
    }
    long long number = PyLong_AsLongLong(value);
    row->kind = number < 0 ? TN_FACT_INT : TN_FACT_UINT;
    row->value = (uint64_t)number;
    return !PyErr_Occurred();
}

/* ---- snapshots ---- */

typedef struct request {
    tn_capture_options options;
    uint64_t *from;
    tn_user_row *user;
    tn_tracked_rows *tracked;
    int wants_lives; /* rows of those that live in the pause */
} request;

/* Texts stay where they are: args hold them. */
static bool read_user(PyObject *rows, request *r)
{
    if (rows == Py_None)
        return true;
    if (!PyTuple_Check(rows))
        return PyErr_Format(PyExc_TypeError, "user must be a tuple or None");
    r->options.n_user = (uint32_t)PyTuple_GET_SIZE(rows);
    r->user = tn__alloc(&tn__alloc_pages, (r->options.n_user + 1) * sizeof *r->user);
    if (!r->user)
        return PyErr_NoMemory();
    for (uint32_t i = 0; i < r->options.n_user; i++)
        if (!read_user_row(PyTuple_GET_ITEM(rows, i), &r->user[i]))
            return false;
    r->options.user = r->user;
    return true;
}

/* Packed by _tracked_file.py: (records, bytes), ... Bytes stay where they are, too. */
static bool read_tracked(PyObject *parts, request *r)
{
    if (parts == Py_None)
        return true;
    if (!PyTuple_Check(parts))
        return PyErr_Format(PyExc_TypeError, "tracked must be a tuple or None");
    r->options.n_tracked = (uint32_t)PyTuple_GET_SIZE(parts);
    r->tracked = tn__alloc(&tn__alloc_pages, (r->options.n_tracked + 1) * sizeof *r->tracked);
    if (!r->tracked)
        return PyErr_NoMemory();
    for (uint32_t i = 0; i < r->options.n_tracked; i++) {
        unsigned long long n_rows;
        PyObject *bytes;
        if (!PyTuple_Check(PyTuple_GET_ITEM(parts, i)))
            return PyErr_Format(PyExc_TypeError, "tracked must be a tuple of tuples");
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(parts, i), "KS", &n_rows, &bytes))
            return false;
        r->tracked[i] = (tn_tracked_rows){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes), n_rows};
    }
    r->options.tracked = r->tracked;
    return true;
}

static void release_request(request *r)
{
    release(r->from, r->options.walk.n_from);
    tn__free(&tn__alloc_pages, r->tracked, r->tracked ? (r->options.n_tracked + 1) * sizeof *r->tracked : 0);
    tn__free(&tn__alloc_pages, r->user, r->user ? (r->options.n_user + 1) * sizeof *r->user : 0);
}

static const char *const mode_names[] = {"auto", "stop", "fork"};

static bool read_mode(const char *name, tn_capture_options *o)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(name, mode_names[i]) == 0) {
            o->mode = (enum tn_mode)i;
            return true;
        }
    PyErr_Format(PyExc_ValueError, "unknown mode '%s': it is auto, stop or fork", name);
    return false;
}

static bool read_request(PyObject *args, PyObject *kwargs, request *out)
{
    static char *names[] = {"",        "mode", "previews", "redact",  "roots", "force",
                            "threads", "scan", "user",     "tracked", "lives", NULL};
    PyObject *where, *roots = Py_None, *user = Py_None, *tracked = Py_None;
    const char *mode = "auto";
    int previews = 80, redact = 0, force = 0, threads = 0, scan = 0;
    *out = (request){.options.fd = -1};
    tn_capture_options *o = &out->options;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$sipOpipOOp", names, &where, &mode, &previews, &redact, &roots,
                                     &force, &threads, &scan, &user, &tracked, &out->wants_lives))
        return false;
    if (inside_status < 0)
        return raise_error(inside_status, &inside_error);
    if (!read_mode(mode, o))
        return false;
    if (previews < 0 || previews > 512)
        return PyErr_Format(PyExc_ValueError, "previews must be 0 to 512 bytes, not %d", previews);
    if (threads < 0 || threads > TN_MAX_THREADS)
        return PyErr_Format(PyExc_ValueError, "threads must be 0 to %d, not %d", TN_MAX_THREADS, threads);
    if (PyBytes_Check(where))
        o->path = PyBytes_AS_STRING(where);
    else if ((o->fd = PyObject_AsFileDescriptor(where)) < 0)
        return false;
    uint32_t n_from;
    if (!read_user(user, out) || !read_tracked(tracked, out) || !addresses(roots, &out->from, &n_from)) {
        release_request(out);
        return false;
    }
    o->force = force;
    o->walk = (tn_walk_options){out->from,
                                n_from,
                                (uint32_t)previews,
                                redact,
                                scan,
                                (uint32_t)threads,
                                {(uintptr_t)args, (uintptr_t)kwargs, (uintptr_t)where}};
    return true;
}

/* The job under way, or NULL and *done: the file is whole, or an exception is set. *lives, unless NULL: a new reference to
 * what was asked for of those that are followed, NULL where nothing was. */
static tn_job *begin(PyObject *args, PyObject *kwargs, bool sums, PyObject **lives, bool *done)
{
    request r;
    tn_job *job = NULL;
    tn_error err = {0};
    *done = false;
    if (!read_request(args, kwargs, &r))
        return NULL;
    r.options.sums = sums;
    int status = TN_OK, saved_errno = errno;
    tn_room room = {0};
    if (r.options.mode != TN_MODE_STOP) { /* before the turn, which nobody may have while he waits for the GIL */
        Py_BEGIN_ALLOW_THREADS
        tn_room_look(&room);
        Py_END_ALLOW_THREADS
    }
    if (!take_turn()) {
        release_request(&r);
        return NULL;
    }
    tn_trace_settle(&inside);
    if (lives && r.wants_lives && !(*lives = capture_follow_lives())) {
        taker.thread = 0;
        release_request(&r);
        return NULL;
    }
    status = tn_job_begin(&inside, &r.options, &room, &tn__alloc_pages, &job, &err);
    if (status == 0) {
        Py_BEGIN_ALLOW_THREADS
        status = tn_job_finish(job, done, &err);
        if (status < 0 || *done)
            tn_job_free(job);
        taker.thread = 0;
        Py_END_ALLOW_THREADS
    } else {
        taker.thread = 0;
    }
    release_request(&r);
    errno = saved_errno;
    if (status == 0)
        return *done ? NULL : job;
    *done = false;
    return raise_error(status, &err);
}

PyDoc_STRVAR(snapshot_doc,
             "snapshot(target, /, *, mode='auto', previews=80, redact=False, roots=None, force=False, threads=0, "
             "scan=False, user=None, tracked=None, lives=False)\n"
             "--\n\n"
             "Write a snapshot to target, a path (bytes) or a file descriptor (int). user: (title, format, number), "
             "...; tracked:\n"
             "(records, bytes), ...; lives: returns what lives() gives of the pause.");

static PyObject *capture_snapshot(PyObject *module, PyObject *args, PyObject *kwargs)
{
    bool done;
    int status = TN_OK;
    PyObject *lives = NULL;
    tn_error err = {0};
    (void)module;
    tn_job *job = begin(args, kwargs, false, &lives, &done);
    while (job && !done && PyErr_CheckSignals() == 0) {
        Py_BEGIN_ALLOW_THREADS
        status = tn_job_wait(job, 100, &done, &err);
        Py_END_ALLOW_THREADS
    }
    tn_job_free(job);
    if (done && status == 0)
        return lives ? lives : Py_NewRef(Py_None);
    Py_XDECREF(lives);
    return done ? raise_error(status, &err) : NULL;
}

/* In place, so there is nothing to wait for. */
static PyObject *take_sums(PyObject *args, PyObject *kwargs)
{
    bool done;
    begin(args, kwargs, true, NULL, &done);
    return done ? Py_NewRef(Py_None) : NULL;
}

static void drop_job(PyObject *capsule)
{
    tn_job_free(PyCapsule_GetContext(capsule));
}

PyDoc_STRVAR(
    begin_doc,
    "begin(target, /, **options)\n"
    "--\n\n"
    "As snapshot(), but a forked child is not waited for: returns the job that poll() takes. None: it was taken in\n"
    "place and is written.");

static PyObject *capture_begin(PyObject *module, PyObject *args, PyObject *kwargs)
{
    bool done;
    (void)module;
    tn_job *job = begin(args, kwargs, false, NULL, &done);
    if (!job)
        return done ? Py_NewRef(Py_None) : NULL;
    PyObject *capsule = PyCapsule_New(&inside, "tonnage.job", drop_job);
    if (!capsule || PyCapsule_SetContext(capsule, job) < 0) {
        Py_XDECREF(capsule);
        tn_job_free(job);
        return NULL;
    }
    return capsule;
}

PyDoc_STRVAR(poll_doc, "poll(job, /)\n--\n\nTrue: the file is whole. False: not yet. What went wrong is raised.");

static PyObject *capture_poll(PyObject *module, PyObject *capsule)
{
    (void)module;
    if (!PyCapsule_IsValid(capsule, "tonnage.job"))
        return PyErr_Format(PyExc_TypeError, "poll() takes what begin() has returned");
    bool done;
    tn_error err = {0};
    int status = tn_job_wait(PyCapsule_GetContext(capsule), 0, &done, &err);
    return status < 0 ? raise_error(status, &err) : PyBool_FromLong(done);
}

PyDoc_STRVAR(aside_doc, "aside(fd, /)\n--\n\nThe same file under a number that programs do not come to; fd is closed.");

static PyObject *capture_aside(PyObject *module, PyObject *number)
{
    (void)module;
    int fd = PyObject_AsFileDescriptor(number);
    if (fd >= 0)
        fd = tn__sys_aside(fd);
    else if (PyErr_Occurred())
        return NULL;
    return fd < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(fd);
}

static const char *part_name(uint8_t kind)
{
    static const char *const names[] = {"items",  "keys", "values", "table", "utf8",
                                        "blocks", "data", "cache",  "wide",  "other"};
    return kind < sizeof names / sizeof *names ? names[kind] : "object";
}

PyDoc_STRVAR(size_of_doc, "size_of(object, /)\n--\n\nSize in bytes and its parts: (total, ((name, bytes), ...)).");

static PyObject *capture_size_of(PyObject *module, PyObject *object)
{
    tn_error err = {0};
    tn_object_size size = {0};
    (void)module;
    int status = inside_status;
    if (status < 0)
        return raise_error(status, &inside_error);
    status = tn_inside_prepare(&inside, &err);
    if (status == 0)
        status = tn_walk_size(&inside.target, (uint64_t)(uintptr_t)object, &tn__alloc_pages, &size, &err);
    if (status < 0)
        return raise_error(status, &err);
    PyObject *parts = PyTuple_New((Py_ssize_t)size.n_parts);
    for (uint32_t i = 0; parts && i < size.n_parts; i++) {
        PyObject *part = Py_BuildValue("(sK)", part_name(size.kinds[i]), (unsigned long long)size.parts[i]);
        if (!part)
            Py_CLEAR(parts);
        else
            PyTuple_SET_ITEM(parts, (Py_ssize_t)i, part);
    }
    return parts ? Py_BuildValue("(KN)", (unsigned long long)size.bytes, parts) : NULL;
}

PyDoc_STRVAR(deep_size_doc,
             "deep_size(objects, /)\n--\n\nCount and bytes of everything that the objects in the tuple reach.");

static PyObject *capture_deep_size(PyObject *module, PyObject *roots)
{
    tn_error err = {0};
    uint64_t *from, count = 0, bytes = 0;
    uint32_t n_from;
    (void)module;
    int status = inside_status;
    if (status < 0)
        return raise_error(status, &inside_error);
    if (!addresses(roots, &from, &n_from))
        return NULL;
    status = tn_inside_prepare(&inside, &err);
    tn_walk_options options = {.from = from, .n_from = n_from};
    if (status == 0)
        status = tn_walk_reach(&inside.target, &options, &tn__alloc_pages, &count, &bytes, &err);
    release(from, n_from);
    return status < 0 ? raise_error(status, &err)
                      : Py_BuildValue("(KK)", (unsigned long long)count, (unsigned long long)bytes);
}

PyDoc_STRVAR(object_at_doc, "object_at(address, type_address, size, /)\n--\n\n"
                            "The live object at address if its type and size are these, else None.");

static PyObject *capture_object_at(PyObject *module, PyObject *args)
{
    unsigned long long address, type, size;
    tn_error err = {0};
    bool exists = false;
    (void)module;
    if (!PyArg_ParseTuple(args, "KKK", &address, &type, &size))
        return NULL;
    if (inside_status < 0)
        return raise_error(inside_status, &inside_error);
    int status = tn_inside_prepare(&inside, &err);
    if (status == 0)
        status = tn_walk_exists(&inside.target, address, type, size, &tn__alloc_pages, &exists, &err);
    if (status < 0)
        return raise_error(status, &err);
    return exists ? Py_NewRef((PyObject *)(uintptr_t)address) : Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
    {"snapshot", (PyCFunction)(void (*)(void))capture_snapshot, METH_VARARGS | METH_KEYWORDS, snapshot_doc},
    {"begin", (PyCFunction)(void (*)(void))capture_begin, METH_VARARGS | METH_KEYWORDS, begin_doc},
    {"poll", capture_poll, METH_O, poll_doc},
    {"aside", capture_aside, METH_O, aside_doc},
    {"size_of", capture_size_of, METH_O, size_of_doc},
    {"deep_size", capture_deep_size, METH_O, deep_size_doc},
    {"object_at", capture_object_at, METH_VARARGS, object_at_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "tonnage._capture", .m_doc = "Takes snapshots of this interpreter.",
    .m_size = -1,          .m_methods = methods,
};

/* What is here stands once for the process; another interpreter that came first would take it away when it ends. */
PyMODINIT_FUNC PyInit__capture(void)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "tonnage works in the main interpreter only, not in a subinterpreter");
        return NULL;
    }
    PyObject *module = PyModule_Create(&definition);
    if (!module)
        return NULL;
    capture_error = PyErr_NewException("tonnage._capture.Error", NULL, NULL);
    if (!capture_error || PyModule_AddObjectRef(module, "Error", capture_error) < 0 ||
        PyModule_AddFunctions(module, capture_helper_methods) < 0 ||
        PyModule_AddFunctions(module, capture_follow_methods) < 0 ||
        PyModule_AddFunctions(module, capture_sample_methods) < 0 ||
        PyModule_AddFunctions(module, capture_trace_methods) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    inside_status = tn_inside_probe(&inside, &inside_error);
    if (inside_status == TN_ENOMEM)
        PyErr_NoMemory();
    if (PyErr_Occurred()) { /* the next import asks again */
        Py_DECREF(module);
        return NULL;
    }
    capture_trace_begin(&inside, inside_status, &inside_error, raise_error);
    capture_follow_begin(&inside, inside_status, &inside_error, raise_error);
    capture_sample_begin(&inside, inside_status, &inside_error, raise_error, take_sums);
    if (inside_status == 0) {
        const uint64_t *heads = inside.target.gc_heads; /* of a generation: two links, threshold, count */
        capture_helper_counts((const uint64_t[]){heads[0] + 20, heads[1] + 20, heads[2] + 20});
    }
    return module;
}
