/* _core_export.c - tables as streams of Arrow arrays, and exports to files.
 *
 *   Batches (a user of the snapshot's handle) <- ArrowArrayStream in a capsule <- whoever reads it, in any thread
 *
 * A reader may hold the interpreter lock or not; while it waits for the snapshot's lock it must not, since who has that
 * one may wait for the interpreter's.
 */
#include "_core.h"

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
#endif

#include <errno.h>

typedef struct core_batches {
    CORE_USER_HEAD
    tn_batches *batches;
    tn_error error; /* of the last call of a stream */
} core_batches;

PyObject *core_batches_make(core_snapshot *self, PyObject *args)
{
    const char *name, *columns;
    PyObject *set;
    const tn_set *within;
    core_call call;
    tn_error err = {0};
    if (!PyArg_ParseTuple(args, "sOz:batches", &name, &set, &columns))
        return NULL;
    int table = core_index_of(name, tn_table_names, TN_TABLES, "table");
    if (table < 0 || !core_set_of(self, set, &within))
        return NULL;
    core_batches *result = core_user_begin(&call, self, core_state_of(self)->batches_type);
    if (!result)
        return NULL;
    int status = tn_batches_open(self->handle, (enum tn_table_name)table, within, columns, &result->batches, &err);
    return core_user_made(&call, result, status, &err);
}

static void batches_dealloc(core_batches *self)
{
    core_wait(self->snapshot);
    tn_batches_close(self->batches);
    core_user_free(self, self->snapshot);
}

/* ---- the stream ---- */

static PyThreadState *lock(core_batches *b)
{
    PyThreadState *released = PyGILState_Check() ? PyEval_SaveThread() : NULL;
    PyThread_acquire_lock(b->snapshot->lock, WAIT_LOCK);
    return released;
}

static void unlock(core_batches *b, PyThreadState *released)
{
    PyThread_release_lock(b->snapshot->lock);
    if (released)
        PyEval_RestoreThread(released);
}

static int errno_of(int status)
{
    return status >= 0 ? 0 : status == TN_ENOMEM ? ENOMEM : status == TN_EINVAL ? EINVAL : EIO;
}

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    core_batches *b = stream->private_data;
    PyThreadState *released = lock(b);
    int status = tn_batches_schema(b->batches, out, &b->error);
    unlock(b, released);
    return errno_of(status);
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    core_batches *b = stream->private_data;
    PyThreadState *released = lock(b);
    int status = tn_batches_next(b->batches, out, &b->error);
    unlock(b, released);
    if (status == 0)
        out->release = NULL; /* the end */
    return errno_of(status);
}

static const char *stream_error(struct ArrowArrayStream *stream)
{
    core_batches *b = stream->private_data;
    return b->error.message;
}

/* At the very end of the interpreter nothing can be freed any more. */
static void stream_release(struct ArrowArrayStream *stream)
{
    if (Py_IsInitialized()) {
        PyGILState_STATE state = PyGILState_Ensure();
        Py_DECREF((PyObject *)stream->private_data);
        PyGILState_Release(state);
    }
    stream->release = NULL;
}

static void stream_free(PyObject *capsule)
{
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (stream->release)
        stream->release(stream);
    PyMem_Free(stream);
}

static PyObject *batches_stream(core_batches *self, PyObject *unused)
{
    (void)unused;
    struct ArrowArrayStream *stream = PyMem_Calloc(1, sizeof *stream);
    if (!stream)
        return PyErr_NoMemory();
    Py_INCREF((PyObject *)self);
    *stream = (struct ArrowArrayStream){stream_schema, stream_next, stream_error, stream_release, self};
    PyObject *capsule = PyCapsule_New(stream, "arrow_array_stream", stream_free);
    if (!capsule) {
        stream_release(stream);
        PyMem_Free(stream);
    }
    return capsule;
}

static PyMethodDef batches_methods[] = {
    {"stream", (PyCFunction)batches_stream, METH_NOARGS, "What is left of it, as a capsule \"arrow_array_stream\"."},
    {0},
};

static PyType_Slot batches_slots[] = {
    {Py_tp_doc, "A table in batches."},
    {Py_tp_dealloc, batches_dealloc},
    {Py_tp_methods, batches_methods},
    {0},
};

PyType_Spec core_batches_spec = {
    .name = "tonnage._core.Batches",
    .basicsize = sizeof(core_batches),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = batches_slots,
};

/* ---- files ---- */

PyObject *core_export(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "format", "force", "set", "table", "columns", "max_nodes", NULL};
    PyObject *path, *set = Py_None;
    const char *table_name = NULL;
    int force = 0;
    core_call call;
    tn_error err = {0};
    tn_export_options options = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&s|$pOzzI:export", names, PyUnicode_FSConverter, &path,
                                     &options.format, &force, &set, &table_name, &options.columns, &options.max_nodes))
        return NULL;
    int table = table_name ? core_index_of(table_name, tn_table_names, TN_TABLES, "table") : TN_TABLE_OBJECTS;
    if (table < 0 || !core_set_of(self, set, &options.set) || !core_enter(&call, self, true)) {
        Py_DECREF(path);
        return NULL;
    }
    options.table = (enum tn_table_name)table;
    int status = tn_export_file(self->handle, &options, PyBytes_AS_STRING(path), force, &err);
    core_unlock(&call);
    core_leave(&call);
    Py_DECREF(path);
    if (status < 0)
        return core_raise(status, &err);
    Py_RETURN_NONE;
}

PyObject *core_import(PyObject *module, PyObject *args)
{
    PyObject *dump, *out;
    int force;
    unsigned long long most;
    tn_import_info info;
    tn_error err = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "O&O&pK:import_dump", PyUnicode_FSConverter, &dump, PyUnicode_FSConverter, &out, &force,
                          &most))
        return NULL;
    const tn_import_options options = {.max_memory_bytes = most, .force = force};
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = tn_import(PyBytes_AS_STRING(dump), PyBytes_AS_STRING(out), &options, &info, &err);
    Py_END_ALLOW_THREADS
    Py_DECREF(dump);
    Py_DECREF(out);
    if (status < 0)
        return core_raise(status, &err);
    Py_RETURN_NONE;
}

PyObject *core_columns(PyObject *module, PyObject *arg)
{
    (void)module;
    const char *name = PyUnicode_AsUTF8(arg), *column;
    int table = name ? core_index_of(name, tn_table_names, TN_TABLES, "table") : -1;
    PyObject *list = table < 0 ? NULL : PyList_New(0);
    bool asked;
    for (uint32_t i = 0; list && (column = tn_batches_column((enum tn_table_name)table, i, &asked)); i++) {
        PyObject *item = Py_BuildValue("sO", column, asked ? Py_True : Py_False);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}
