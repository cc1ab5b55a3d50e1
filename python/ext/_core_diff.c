/* _core_diff.c - several snapshots in one call: what differs between two, what grows over more. */
#include "_core.h"

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
    core_set *result = core_user_new(of, state->set_type);
    if (!result) {
        free_set(of, set);
        return NULL;
    }
    result->snapshot = of;
    result->set = set;
    return (PyObject *)result;
}

/* What a diff says of itself is copied: it does not outlive the locks. */
static int compare(tn_snapshot **handles, const char *where, tn_diff_info *info, char *why, size_t cap, tn_set **sets,
                   tn_error *err)
{
    tn_diff *d;
    int status = tn_diff_open(handles[0], handles[1], where, &d, err);
    if (status < 0)
        return status;
    tn_diff_about(d, info);
    snprintf(why, cap, "%s", info->why);
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
    char why[200] = "";
    tn_diff_info info = {0};
    tn_set *sets[3] = {0};
    tn_error err = {0};
    core_many m;
    if (!PyArg_ParseTuple(args, "Oz:diff", &snapshots, &where) || !core_many_enter(&m, snapshots, state))
        return NULL;
    int status = m.n == 2 ? compare(m.handles, where, &info, why, sizeof why, sets, &err) : TN_EINVAL;
    core_many_unlock(&m);
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
        result = Py_BuildValue("NNKKKOOO", PyBool_FromLong(info.same_process), core_text(why, strlen(why)),
                               (unsigned long long)info.certain, (unsigned long long)info.likely,
                               (unsigned long long)info.reused, parts[0], parts[1], parts[2]);
    for (int part = 0; part < 3; part++)
        Py_XDECREF(parts[part]);
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
    result = status < 0 ? core_raise(status, &err) : set_object(state, m.items[m.n - 1], set);
    core_many_leave(&m);
    return result;
}

/* ---- the view ---- */

static int render(const core_many *m, const char *kind, tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    if (strcmp(kind, "suspects") != 0 || m->n != 2)
        return tn_view_diff(m->handles, (size_t)m->n, options, sink, err);
    options->against = m->handles[0];
    return tn_view_suspects(m->handles[1], options, sink, err);
}

PyObject *core_diff_view(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"snapshots", "json",  "where", "sort", "limit", "by",
                            "width",     "color", "kind",  "file", NULL};
    const core_state *state = PyModule_GetState(module);
    const char *by = "type", *kind = "diff";
    int json = 0, color = 0;
    PyObject *snapshots;
    tn_view_options options = {0};
    core_text_buffer buffer = {0};
    tn_error err = {0};
    core_many m;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$pzzO&sO&psz:diff_view", names, &snapshots, &json, &options.where,
                                     &options.sort, core_id_converter, &options.limit, &by, core_id_converter,
                                     &options.width, &color, &kind, &options.file))
        return NULL;
    int by_kind = core_index_of(by, tn_by_names, TN_BYS, "grouping");
    if (by_kind < 0)
        return NULL;
    options.form = json ? TN_JSON : TN_TEXT;
    options.by = (enum tn_by)by_kind;
    options.color = color;
    if (!core_many_enter(&m, snapshots, state))
        return NULL;
    int status = render(&m, kind, &options, &(tn_sink){core_text_write, &buffer}, &err);
    core_many_unlock(&m);
    PyObject *result = core_text_done(&buffer, status, &err);
    core_many_leave(&m);
    return result;
}
