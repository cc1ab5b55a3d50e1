/* _core_calls.c - the rules of a call.
 *
 *     Python call -> core_enter -> tn_... -> core_unlock -> tuples, bytes, str -> core_leave
 *
 * A handle may be used by one thread at a time: a lock of the object sees to it. close() during a call of another thread
 * takes effect when that call ends. The locks of several are taken in order of address, so that two threads that compare the
 * same ones in different orders do not wait for each other.
 */
#include "_core.h"

#include <stdlib.h>

/* ---- one snapshot ---- */

bool core_enter(core_call *call, core_snapshot *self, bool slow)
{
    if (!self->handle || self->closing) {
        PyErr_SetString(PyExc_ValueError, "the snapshot is closed");
        return false;
    }
    *call = (core_call){.self = self};
    self->n_users++;
    if (slow || !PyThread_acquire_lock(self->lock, NOWAIT_LOCK)) {
        call->released = PyEval_SaveThread();
        PyThread_acquire_lock(self->lock, WAIT_LOCK);
        if (!slow) {
            PyEval_RestoreThread(call->released);
            call->released = NULL;
        }
    }
    return true;
}

void core_wait(core_snapshot *self)
{
    if (PyThread_acquire_lock(self->lock, NOWAIT_LOCK))
        return;
    Py_BEGIN_ALLOW_THREADS
    PyThread_acquire_lock(self->lock, WAIT_LOCK);
    Py_END_ALLOW_THREADS
}

void core_unlock(core_call *call)
{
    PyThread_release_lock(call->self->lock);
    if (call->released)
        PyEval_RestoreThread(call->released);
    call->released = NULL;
}

static void close_if_last(core_snapshot *self)
{
    if (self->closing && self->n_users == 0) {
        tn_snapshot_close(self->handle);
        self->handle = NULL;
    }
}

void core_close(core_snapshot *self)
{
    self->closing = true;
    close_if_last(self);
}

void core_leave(core_call *call)
{
    call->self->n_users--;
    close_if_last(call->self);
}

bool core_first(core_snapshot *self, unsigned load)
{
    bool first = (self->loaded & load) != load;
    self->loaded |= load;
    return first;
}

/* ---- several snapshots ---- */

static int by_address(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t) * (core_snapshot *const *)left, b = (uintptr_t) * (core_snapshot *const *)right;
    return a < b ? -1 : a > b;
}

static void release_many(core_many *m)
{
    PyMem_Free(m->items);
    PyMem_Free(m->locks);
    PyMem_Free(m->handles);
    Py_CLEAR(m->tuple);
}

static bool check_many(core_many *m, const core_state *state)
{
    for (Py_ssize_t i = 0; i < m->n; i++) {
        PyObject *item = PyTuple_GET_ITEM(m->tuple, i);
        if (!PyObject_TypeCheck(item, state->snapshot_type)) {
            PyErr_Format(PyExc_TypeError, "needs snapshots, not %.100s", Py_TYPE(item)->tp_name);
            return false;
        }
        m->items[i] = m->locks[i] = (core_snapshot *)item;
        if (!m->items[i]->handle || m->items[i]->closing) {
            PyErr_SetString(PyExc_ValueError, "the snapshot is closed");
            return false;
        }
        m->handles[i] = m->items[i]->handle;
    }
    return true;
}

bool core_many_enter(core_many *m, PyObject *snapshots, const core_state *state)
{
    *m = (core_many){.tuple = PySequence_Tuple(snapshots)};
    if (!m->tuple)
        return false;
    m->n = PyTuple_GET_SIZE(m->tuple);
    m->items = PyMem_Calloc((size_t)m->n + 1, sizeof *m->items);
    m->locks = PyMem_Calloc((size_t)m->n + 1, sizeof *m->locks);
    m->handles = PyMem_Calloc((size_t)m->n + 1, sizeof *m->handles);
    if (!m->items || !m->locks || !m->handles) {
        PyErr_NoMemory();
        release_many(m);
        return false;
    }
    if (!check_many(m, state)) {
        release_many(m);
        return false;
    }
    qsort(m->locks, (size_t)m->n, sizeof *m->locks, by_address);
    for (Py_ssize_t i = 0; i < m->n; i++)
        if (i == 0 || m->locks[i] != m->locks[i - 1])
            m->locks[m->n_locks++] = m->locks[i];
    for (Py_ssize_t i = 0; i < m->n; i++)
        m->items[i]->n_users++;
    m->released = PyEval_SaveThread();
    for (Py_ssize_t i = 0; i < m->n_locks; i++)
        PyThread_acquire_lock(m->locks[i]->lock, WAIT_LOCK);
    return true;
}

bool core_many_with(core_many *m, core_snapshot *self, PyObject *other)
{
    PyObject *both = other == Py_None ? PyTuple_Pack(1, self) : PyTuple_Pack(2, self, other);
    bool entered = both && core_many_enter(m, both, core_state_of(self));
    Py_XDECREF(both);
    return entered;
}

void core_many_unlock(core_many *m)
{
    for (Py_ssize_t i = 0; i < m->n_locks; i++)
        PyThread_release_lock(m->locks[i]->lock);
    PyEval_RestoreThread(m->released);
}

void core_many_leave(core_many *m)
{
    for (Py_ssize_t i = 0; i < m->n; i++) {
        core_call call = {.self = m->items[i]};
        core_leave(&call);
    }
    release_many(m);
}

/* ---- objects that are users of a handle ---- */

void *core_user_new(core_snapshot *self, PyTypeObject *type)
{
    core_user *object = (core_user *)type->tp_alloc(type, 0);
    if (object) {
        Py_INCREF((PyObject *)self);
        self->n_users++;
        object->snapshot = self;
    }
    return object;
}

void *core_user_begin(core_call *call, core_snapshot *self, PyTypeObject *type)
{
    void *object = core_user_new(self, type);
    if (!object || core_enter(call, self, true))
        return object;
    Py_DECREF((PyObject *)object);
    return NULL;
}

bool core_user_of(core_snapshot *self, PyObject *argument, PyTypeObject *type, core_user **out)
{
    const char *name = strrchr(type->tp_name, '.') + 1;
    core_user *found = argument == Py_None ? NULL : (core_user *)argument;
    if (found && !PyObject_TypeCheck(argument, type)) {
        PyErr_Format(PyExc_TypeError, "needs a %s, not %.100s", name, Py_TYPE(argument)->tp_name);
        return false;
    }
    if (found && found->snapshot != self) {
        PyErr_Format(PyExc_ValueError, "the %s is of another snapshot", name);
        return false;
    }
    *out = found;
    return true;
}

PyObject *core_user_made(core_call *call, void *object, int status, const tn_error *err)
{
    core_unlock(call);
    core_leave(call);
    if (status == 0)
        return object;
    Py_DECREF((PyObject *)object);
    return core_raise(status, err);
}

void core_user_free(void *object, core_snapshot *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)object);
    core_call call = {.self = self};
    core_unlock(&call);
    core_leave(&call);
    Py_DECREF((PyObject *)self);
    type->tp_free(object);
    Py_DECREF(type);
}
