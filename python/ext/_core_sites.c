/* _core_sites.c - who allocated what: pages as str, the objects of a row, the birth of an object. */
#include "_core.h"

/* ---- texts of a sequence ---- */

void core_texts_free(core_texts *t)
{
    PyMem_Free(t->texts);
    Py_CLEAR(t->tuple);
}

bool core_texts_of(PyObject *sequence, core_texts *out)
{
    out->tuple = PySequence_Tuple(sequence);
    if (!out->tuple)
        return false;
    out->n = (size_t)PyTuple_GET_SIZE(out->tuple);
    out->texts = PyMem_Calloc(out->n + 1, sizeof *out->texts);
    bool enough = out->texts != NULL;
    if (!enough)
        PyErr_NoMemory();
    for (size_t i = 0; enough && i < out->n; i++) {
        PyObject *item = PyTuple_GET_ITEM(out->tuple, (Py_ssize_t)i);
        if (item == Py_None)
            continue;
        out->texts[i] = PyUnicode_AsUTF8(item);
        enough = out->texts[i] != NULL;
    }
    if (!enough)
        core_texts_free(out);
    return enough;
}

/* ---- options ---- */

typedef struct asked {
    PyObject *include, *exclude, *from; /* sequences; NULL: none */
    core_texts included, excluded, path;
    tn_sites_options options;
} asked;

static void asked_free(asked *a)
{
    core_texts_free(&a->included);
    core_texts_free(&a->excluded);
    core_texts_free(&a->path);
}

static bool asked_of(asked *a, const char *by)
{
    int index = by ? core_index_of(by, tn_sites_by_names, TN_SITES_BYS, "part of a stack") : TN_SITES_LINE;
    if (index < 0 || (a->include && !core_texts_of(a->include, &a->included)) ||
        (a->exclude && !core_texts_of(a->exclude, &a->excluded)) || (a->from && !core_texts_of(a->from, &a->path))) {
        asked_free(a);
        return false;
    }
    a->options.by = (enum tn_sites_by)index;
    a->options.include = a->included.texts;
    a->options.n_include = a->included.n;
    a->options.exclude = a->excluded.texts;
    a->options.n_exclude = a->excluded.n;
    a->options.from = a->path.texts;
    a->options.n_from = a->path.n;
    return true;
}

/* ---- pages ---- */

PyObject *core_sites_view(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"page",    "json",       "where",   "sort",    "limit",      "by",       "width",
                            "color",   "where_rows", "set",     "depth",   "cumulative", "retained", "include",
                            "exclude", "path",       "against", "old_set", NULL};
    const char *page_name, *by = NULL;
    int json = 0, color = 0, cumulative = 0, retained = 0;
    PyObject *set = Py_None, *against = Py_None, *old_set = Py_None;
    tn_view_options options = {0};
    asked a = {0};
    core_many m;
    core_text_buffer buffer = {0};
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$pzzO&zO&pzOO&ppOOOOO:sites", names, &page_name, &json,
                                     &options.where, &options.sort, core_id_converter, &options.limit, &by,
                                     core_id_converter, &options.width, &color, &options.where_rows, &set,
                                     core_id_converter, &options.depth, &cumulative, &retained, &a.include, &a.exclude,
                                     &a.from, &against, &old_set))
        return NULL;
    int page = core_index_of(page_name, tn_sites_page_names, TN_SITES_PAGES, "page");
    if (page < 0 || !core_set_of(self, set, &options.set) ||
        !core_old_set_of(self, against, old_set, &options.old_set) || !asked_of(&a, by))
        return NULL;
    if (!core_many_with(&m, self, against)) {
        asked_free(&a);
        return NULL;
    }
    a.options.page = (enum tn_sites_page)page;
    a.options.cumulative = cumulative;
    a.options.retained = retained;
    options.sites = &a.options;
    options.form = json ? TN_JSON : TN_TEXT;
    options.color = color;
    tn_snapshot *handles[2] = {m.handles[m.n - 1], m.handles[0]}; /* the older one first, if there is one */
    int status = tn_view_sites(handles, (size_t)m.n, &options, &(tn_sink){core_text_write, &buffer}, &err);
    core_many_unlock(&m);
    PyObject *result = core_text_done(&buffer, status, &err);
    core_many_leave(&m);
    asked_free(&a);
    return result;
}

PyObject *core_sites_members(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"row", "by", "include", "exclude", "path", "set", "page", "cumulative", NULL};
    const char *row = NULL, *by = NULL, *page_name = "sites";
    int cumulative = 0;
    PyObject *within = Py_None;
    const tn_set *set;
    asked a = {0};
    core_call call;
    tn_set *members = NULL;
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$zzOOOOsp:site_members", names, &row, &by, &a.include, &a.exclude,
                                     &a.from, &within, &page_name, &cumulative))
        return NULL;
    int page = core_index_of(page_name, tn_sites_page_names, TN_SITES_PAGES, "page");
    if (page < 0 || !core_set_of(self, within, &set) || !asked_of(&a, by))
        return NULL;
    a.options.page = (enum tn_sites_page)page;
    a.options.cumulative = cumulative;
    if (!core_enter(&call, self, true)) {
        asked_free(&a);
        return NULL;
    }
    int status = tn_sites_members(self->handle, &a.options, set, row, &members, &err);
    PyObject *result = core_set_made(&call, status, members, &err);
    asked_free(&a);
    return result;
}

/* ---- births ---- */

static PyObject *frames_list(tn_snapshot *s, const tn_birth *birth)
{
    PyObject *frames = PyList_New(0);
    tn_birth at = *birth;
    tn_frame f;
    while (frames && tn_birth_frame(s, &at, 0, &f, NULL) == 0) {
        PyObject *row =
            Py_BuildValue("NINN", core_text(f.file, strlen(f.file)), f.line, core_text(f.name, strlen(f.name)),
                          core_text(f.qualified_name, strlen(f.qualified_name)));
        if (!row || PyList_Append(frames, row) < 0)
            Py_CLEAR(frames);
        Py_XDECREF(row);
        if (tn_birth_caller(s, &at, NULL) < 0)
            break;
    }
    return frames;
}

PyObject *core_birth(core_snapshot *self, PyObject *arg)
{
    uint32_t id;
    core_call call;
    tn_birth birth;
    tn_error err = {0};
    if (!core_id_converter(arg, &id) || !core_enter(&call, self, core_first(self, CORE_BIRTHS)))
        return NULL;
    int status = tn_node_birth(self->handle, id, &birth, &err);
    core_unlock(&call);
    PyObject *result = NULL;
    if (status < 0)
        core_raise(status, &err);
    else if (!birth.entry)
        result = Py_NewRef(Py_None);
    else
        result = Py_BuildValue("KKKNN", (unsigned long long)birth.birth, (unsigned long long)birth.bytes,
                               (unsigned long long)birth.interval_bytes, frames_list(self->handle, &birth),
                               PyBool_FromLong(birth.maybe_stale));
    core_leave(&call);
    return result;
}
