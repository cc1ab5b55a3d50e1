/* _core_diff.c - several snapshots in one call: what differs between two, what grows over more. */
#include "_core.h"

/* ---- sets ---- */

/* What a diff says of itself is copied: it does not outlive the locks. */
typedef struct compared {
    tn_diff_info info;
    char why[200];
    tn_set *sets[3]; /* by enum tn_diff_part; NULL: not of one process */
} compared;

static int compare(tn_snapshot **handles, const tn_set *const *within, const char *where, compared *out, tn_error *err)
{
    tn_diff *d;
    int status = tn_diff_open_sets(handles[0], within[0], handles[1], within[1], where, &d, err);
    if (status < 0)
        return status;
    tn_diff_about(d, &out->info);
    snprintf(out->why, sizeof out->why, "%s", out->info.why);
    for (int part = TN_DIFF_NEW; out->info.same_process && status == 0 && part <= TN_DIFF_SURVIVED; part++)
        status = tn_diff_set(d, (enum tn_diff_part)part, &out->sets[part], err);
    tn_diff_close(d);
    for (int part = TN_DIFF_NEW; status < 0 && part <= TN_DIFF_SURVIVED; part++)
        tn_set_free(out->sets[part]);
    return status;
}

/* Every set is given away, whatever becomes of the others. */
static PyObject *compared_tuple(const core_many *m, const compared *found)
{
    PyObject *parts[3];
    bool all = true;
    for (int part = TN_DIFF_NEW; part <= TN_DIFF_SURVIVED; part++) {
        tn_set *set = found->sets[part];
        parts[part] = set ? core_set_new(m->items[part != TN_DIFF_GONE], set) : Py_NewRef(Py_None);
        all &= parts[part] != NULL;
    }
    const tn_diff_info *info = &found->info;
    PyObject *result = NULL;
    if (all)
        result =
            Py_BuildValue("NNKKKOOO", PyBool_FromLong(info->same_process), core_text(found->why, strlen(found->why)),
                          (unsigned long long)info->certain, (unsigned long long)info->likely,
                          (unsigned long long)info->reused, parts[0], parts[1], parts[2]);
    for (int part = TN_DIFF_NEW; part <= TN_DIFF_SURVIVED; part++)
        Py_XDECREF(parts[part]);
    return result;
}

PyObject *core_diff(PyObject *module, PyObject *args)
{
    core_snapshot *old, *new;
    PyObject *old_set = Py_None, *new_set = Py_None;
    const core_state *state = PyModule_GetState(module);
    const char *where;
    const tn_set *within[2];
    compared found = {.why = ""};
    tn_error err = {0};
    core_many m;
    if (!PyArg_ParseTuple(args, "O!O!z|OO:diff", state->snapshot_type, &old, state->snapshot_type, &new, &where,
                          &old_set, &new_set) ||
        !core_set_of(old, old_set, &within[0]) || !core_set_of(new, new_set, &within[1]) ||
        !core_many_with(&m, old, (PyObject *)new))
        return NULL;
    int status = compare(m.handles, within, where, &found, &err);
    core_many_unlock(&m);
    PyObject *result = status < 0 ? core_raise(status, &err) : compared_tuple(&m, &found);
    core_many_leave(&m);
    return result;
}

PyObject *core_growth(PyObject *module, PyObject *args)
{
    const core_state *state = PyModule_GetState(module);
    PyObject *snapshots, *result = NULL;
    const char *where;
    tn_set *set = NULL;
    tn_error err = {0};
    core_many m;
    if (!PyArg_ParseTuple(args, "Oz:growth", &snapshots, &where) || !core_many_enter(&m, snapshots, state))
        return NULL;
    int status = m.n ? tn_growth_set(m.handles, (size_t)m.n, where, &set, &err) : TN_EINVAL;
    core_many_unlock(&m);
    result = status < 0 ? core_raise(status, &err) : core_set_new(m.items[m.n - 1], set);
    core_many_leave(&m);
    return result;
}

/* ---- the view ---- */

PyObject *core_growth_view(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"snapshots", "json", "where", "sort", "limit", "by", "width", "color", NULL};
    const core_state *state = PyModule_GetState(module);
    const char *by = NULL;
    int json = 0, color = 0;
    PyObject *snapshots;
    tn_view_options options = {0};
    core_text_buffer buffer = {0};
    tn_error err = {0};
    core_many m;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$pzzO&zO&p:growth_view", names, &snapshots, &json, &options.where,
                                     &options.sort, core_id_converter, &options.limit, &by, core_id_converter,
                                     &options.width, &color))
        return NULL;
    int by_kind = by ? core_index_of(by, tn_by_names, TN_BYS, "grouping") : TN_BY_TYPE;
    if (by_kind < 0)
        return NULL;
    options.form = json ? TN_JSON : TN_TEXT;
    options.by = (enum tn_by)by_kind;
    options.grouped = by != NULL;
    options.color = color;
    if (!core_many_enter(&m, snapshots, state))
        return NULL;
    int status = tn_view_diff(m.handles, (size_t)m.n, &options, &(tn_sink){core_text_write, &buffer}, &err);
    core_many_unlock(&m);
    PyObject *result = core_text_done(&buffer, status, &err);
    core_many_leave(&m);
    return result;
}
