/* _core_diff.c - several snapshots in one call: what differs between two, what grows over more.
 *
 * Their locks are taken in order of address, so that two threads that compare the same ones in different orders do not
 * wait for each other.
 */
#include "_core.h"

#include <stdlib.h>

typedef struct many {
    PyObject *sequence; /* keeps them */
    Py_ssize_t n, n_locks;
    core_snapshot **items, **locks;
    tn_snapshot **handles;
    PyThreadState *released;
} many;

static int by_address(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t) * (core_snapshot *const *)left, b = (uintptr_t) * (core_snapshot *const *)right;
    return a < b ? -1 : a > b;
}

static void many_free(many *m)
{
    PyMem_Free(m->items);
    PyMem_Free(m->locks);
    PyMem_Free(m->handles);
    Py_CLEAR(m->sequence);
}

static bool many_check(many *m, const core_state *state)
{
    for (Py_ssize_t i = 0; i < m->n; i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(m->sequence, i);
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

/* As core_enter, of all of a sequence. */
static bool many_enter(many *m, PyObject *snapshots, const core_state *state)
{
    *m = (many){.sequence = PySequence_Fast(snapshots, "needs a sequence of snapshots")};
    if (!m->sequence)
        return false;
    m->n = PySequence_Fast_GET_SIZE(m->sequence);
    m->items = PyMem_Calloc((size_t)m->n + 1, sizeof *m->items);
    m->locks = PyMem_Calloc((size_t)m->n + 1, sizeof *m->locks);
    m->handles = PyMem_Calloc((size_t)m->n + 1, sizeof *m->handles);
    if (!m->items || !m->locks || !m->handles) {
        PyErr_NoMemory();
        many_free(m);
        return false;
    }
    if (!many_check(m, state)) {
        many_free(m);
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

static void many_unlock(many *m)
{
    for (Py_ssize_t i = 0; i < m->n_locks; i++)
        PyThread_release_lock(m->locks[i]->lock);
    PyEval_RestoreThread(m->released);
}

static void many_leave(many *m)
{
    for (Py_ssize_t i = 0; i < m->n; i++) {
        core_call call = {.self = m->items[i]};
        core_leave(&call);
    }
    many_free(m);
}

/* ---- sets ---- */

static void free_set(core_snapshot *of, tn_set *set)
{
    core_call call = {.self = of};
    core_wait(of);
    tn_set_free(set);
    core_unlock(&call);
}

static PyObject *set_object(const core_state *state, core_snapshot *of, tn_set *set)
{
    core_set *result = PyObject_New(core_set, state->set_type);
    if (!result) {
        free_set(of, set);
        return NULL;
    }
    of->n_users++; /* it stays a user of the handle */
    result->snapshot = (core_snapshot *)Py_NewRef((PyObject *)of);
    result->set = set;
    return (PyObject *)result;
}

static int compare(tn_snapshot **handles, const char *where, tn_diff_info *info, tn_set **sets, tn_error *err)
{
    tn_diff *d;
    int status = tn_diff_open(handles[0], handles[1], where, &d, err);
    if (status < 0)
        return status;
    tn_diff_about(d, info);
    for (int part = TN_DIFF_NEW; info->same_process && status == 0 && part <= TN_DIFF_SURVIVED; part++)
        status = tn_diff_set(d, (enum tn_diff_part)part, &sets[part], err);
    tn_diff_close(d);
    if (status < 0) {
        for (int part = TN_DIFF_NEW; part <= TN_DIFF_SURVIVED; part++)
            tn_set_free(sets[part]);
    }
    return status;
}

PyObject *core_diff(PyObject *module, PyObject *args)
{
    const core_state *state = PyModule_GetState(module);
    PyObject *snapshots, *parts[3] = {0};
    const char *where;
    tn_diff_info info = {0};
    tn_set *sets[3] = {0};
    tn_error err = {0};
    many m;
    if (!PyArg_ParseTuple(args, "Oz:diff", &snapshots, &where) || !many_enter(&m, snapshots, state))
        return NULL;
    int status = m.n == 2 ? compare(m.handles, where, &info, sets, &err) : TN_EINVAL;
    many_unlock(&m);
    bool failed = status < 0;
    for (int part = 0; !failed && part <= TN_DIFF_SURVIVED; part++) {
        parts[part] =
            sets[part] ? set_object(state, m.items[part == TN_DIFF_GONE ? 0 : 1], sets[part]) : Py_NewRef(Py_None);
        failed = parts[part] == NULL;
        for (int rest = part + 1; failed && rest <= TN_DIFF_SURVIVED; rest++)
            free_set(m.items[rest == TN_DIFF_GONE ? 0 : 1], sets[rest]);
    }
    PyObject *result = NULL;
    if (status < 0)
        core_raise(status, &err);
    else if (!failed)
        result = Py_BuildValue("NNKKKOOO", PyBool_FromLong(info.same_process), core_text_or_none(info.why),
                               (unsigned long long)info.certain, (unsigned long long)info.likely,
                               (unsigned long long)info.reused, parts[0], parts[1], parts[2]);
    for (int part = 0; part < 3; part++)
        Py_XDECREF(parts[part]);
    many_leave(&m);
    return result;
}

PyObject *core_growth(PyObject *module, PyObject *args)
{
    const core_state *state = PyModule_GetState(module);
    PyObject *snapshots, *result = NULL;
    const char *where;
    tn_set *set = NULL;
    tn_error err = {0};
    many m;
    if (!PyArg_ParseTuple(args, "Oz:growth", &snapshots, &where) || !many_enter(&m, snapshots, state))
        return NULL;
    int status = m.n ? tn_growth_set(m.handles, (size_t)m.n, where, &set, &err) : TN_EINVAL;
    many_unlock(&m);
    result = status < 0 ? core_raise(status, &err) : set_object(state, m.items[m.n - 1], set);
    many_leave(&m);
    return result;
}

/* ---- the view ---- */

static int render(const many *m, const char *kind, tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    if (strcmp(kind, "suspects") != 0 || m->n != 2)
        return tn_view_diff(m->handles, (size_t)m->n, options, sink, err);
    options->against = m->handles[0];
    return tn_view_suspects(m->handles[1], options, sink, err);
}

PyObject *core_diff_view(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"snapshots", "json",  "where", "sort", "limit", "by",
                            "width",     "color", "kind",  "file", "fold",  NULL};
    const core_state *state = PyModule_GetState(module);
    const char *by = NULL, *kind = "diff";
    int json = 0, color = 0, fold = 0;
    PyObject *snapshots;
    tn_view_options options = {0};
    core_text_buffer buffer = {0};
    tn_error err = {0};
    many m;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$pzzO&zO&pszp:diff_view", names, &snapshots, &json,
                                     &options.where, &options.sort, core_id_converter, &options.limit, &by,
                                     core_id_converter, &options.width, &color, &kind, &options.file, &fold))
        return NULL;
    int by_kind = by ? core_index_of(by, tn_by_names, TN_BYS, "grouping") : TN_BY_TYPE;
    if (by_kind < 0)
        return NULL;
    options.form = json ? TN_JSON : TN_TEXT;
    options.by = (enum tn_by)by_kind;
    options.grouped = by != NULL;
    options.color = color;
    options.fold = fold;
    if (!many_enter(&m, snapshots, state))
        return NULL;
    int status = render(&m, kind, &options, &(tn_sink){core_text_write, &buffer}, &err);
    many_unlock(&m);
    PyObject *result = core_text_done(&buffer, status, &err);
    many_leave(&m);
    return result;
}
