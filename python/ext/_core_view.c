/* _core_view.c - views as str, findings of a check as tuples. */
#include "_core.h"

/* ---- views ---- */

bool core_text_write(void *ctx, const char *text, size_t n_bytes)
{
    core_text_buffer *buffer = ctx;
    if (buffer->n + n_bytes > buffer->capacity) {
        size_t capacity = 2 * (buffer->n + n_bytes) + 4096;
        char *bytes = PyMem_RawRealloc(buffer->bytes, capacity);
        if (!bytes) {
            buffer->failed = true;
            return false;
        }
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    if (n_bytes)
        memcpy(buffer->bytes + buffer->n, text, n_bytes);
    buffer->n += n_bytes;
    return true;
}

PyObject *core_text_done(core_text_buffer *buffer, int status, const tn_error *err)
{
    PyObject *result = buffer->failed ? PyErr_NoMemory()
                       : status < 0   ? core_raise(status, err)
                                      : core_text(buffer->bytes ? buffer->bytes : "", buffer->n);
    PyMem_RawFree(buffer->bytes);
    return result;
}

enum view_kind {
    VIEW_SUMMARY,
    VIEW_GROUPS,
    VIEW_LARGEST,
    VIEW_INFO,
    VIEW_SHOW,
    VIEW_DOMINATORS,
    VIEW_TREEMAP,
    VIEW_RETAINED,
    VIEW_PATHS,
    VIEW_REFS,
    VIEW_REFERRERS,
    VIEW_SUSPECTS,
    VIEW_WHY,
    VIEW_PATTERNS,
    VIEW_CYCLES,
    VIEW_AUDIT,
    VIEW_WASTE,
    VIEW_TIMELINE,
    VIEW_CHECK,
    VIEWS
};
static const char *const view_names[VIEWS] = {
    "summary",   "groups",   "largest", "info",     "show",   "dominators", "treemap", "retained", "paths", "refs",
    "referrers", "suspects", "why",     "patterns", "cycles", "audit",      "waste",   "timeline", "check"};

static int render(tn_snapshot *s, int kind, uint32_t node, const tn_view_options *options, const tn_sink *sink,
                  tn_error *err)
{
    bool sound;
    switch (kind) {
    case VIEW_SUMMARY: return tn_view_summary(s, options, sink, err);
    case VIEW_GROUPS: return tn_view_groups(s, options, sink, err);
    case VIEW_LARGEST: return tn_view_largest(s, options, sink, err);
    case VIEW_INFO: return tn_view_info(s, options, sink, err);
    case VIEW_DOMINATORS: return tn_view_dominators(s, node, options, sink, err);
    case VIEW_TREEMAP: return tn_view_treemap(s, node, options, sink, err);
    case VIEW_RETAINED: return tn_view_retained(s, node, options, sink, err);
    case VIEW_PATHS: return tn_view_paths(s, node, options, sink, err);
    case VIEW_REFS: return tn_view_refs(s, node, options, sink, err);
    case VIEW_REFERRERS: return tn_view_referrers(s, node, options, sink, err);
    case VIEW_SUSPECTS: return tn_view_suspects(s, options, sink, err);
    case VIEW_PATTERNS: return tn_view_patterns(s, options, sink, err);
    case VIEW_AUDIT: return tn_view_audit(s, options, sink, err);
    case VIEW_WASTE: return tn_view_waste(s, options, sink, err);
    case VIEW_TIMELINE: return tn_view_timeline(s, options, sink, err);
    case VIEW_WHY: return tn_view_why(s, options, sink, err);
    case VIEW_CYCLES: return tn_view_cycles(s, options, sink, err);
    case VIEW_CHECK: return tn_view_check(s, options, sink, &sound, err);
    default: return tn_view_show(s, node, options, sink, err);
    }
}

int core_index_of(const char *name, const char *const *names, int n, const char *what)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    char text[200];
    tn_error err = {.status = TN_EINVAL};
    size_t at = (size_t)snprintf(text, sizeof text, "unknown %s '%.30s': it is", what, name);
    for (int i = 0; i < n && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s %s", i ? "," : "", names[i]);
    snprintf(err.message, sizeof err.message, "%s", text);
    core_raise(TN_EINVAL, &err);
    return -1;
}

bool core_old_set_of(core_snapshot *self, PyObject *against, PyObject *set, const tn_set **out)
{
    *out = NULL;
    if (set == Py_None)
        return true;
    if (PyObject_TypeCheck(against, core_state_of(self)->snapshot_type))
        return core_set_of((core_snapshot *)against, set, out);
    PyErr_SetString(PyExc_TypeError, "a set of an older snapshot needs that snapshot");
    return false;
}

PyObject *core_view(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {
        "kind",     "json",  "where",    "sort",      "limit",   "by",    "width", "color",    "where_rows", "node",
        "set",      "depth", "fold",     "heads",     "avoid",   "all",   "merge", "file",     "against",    "old_set",
        "branches", "at",    "head_set", "avoid_set", "garbage", "waste", "skip",  "patterns", "components", NULL};
    const char *kind_name, *by_name = NULL;
    int json = 0, color = 0, fold = 0, all = 0, merge = 0, garbage = 0;
    uint32_t node = TN_NONE;
    PyObject *set = Py_None, *against = Py_None, *old_set = Py_None, *head_set = Py_None, *avoid_set = Py_None,
             *waste = Py_None, *patterns = Py_None, *components = Py_None;
    tn_view_options options = {0};
    core_many m;
    core_text_buffer buffer = {0};
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$pzzO&zO&pzO&OO&pzzppzOOO&zOOpOO&OO:view", names, &kind_name,
                                     &json, &options.where, &options.sort, core_id_converter, &options.limit, &by_name,
                                     core_id_converter, &options.width, &color, &options.where_rows, core_id_converter,
                                     &node, &set, core_id_converter, &options.depth, &fold, &options.heads,
                                     &options.avoid, &all, &merge, &options.file, &against, &old_set, core_id_converter,
                                     &options.branches, &options.at, &head_set, &avoid_set, &garbage, &waste,
                                     core_id_converter, &options.first, &patterns, &components))
        return NULL;
    int kind = core_index_of(kind_name, view_names, VIEWS, "view");
    int by = kind < 0 ? -1 : !by_name ? TN_BY_TYPE : core_index_of(by_name, tn_by_names, TN_BYS, "grouping");
    if (kind < 0 || by < 0 || !core_set_of(self, set, &options.set) ||
        !core_set_of(self, head_set, &options.head_set) || !core_set_of(self, avoid_set, &options.avoid_set) ||
        !core_old_set_of(self, against, old_set, &options.old_set) || !core_waste_of(self, waste, &options.waste) ||
        !core_patterns_of(self, patterns, &options.patterns) ||
        !core_components_of(self, components, &options.components) || !core_many_with(&m, self, against))
        return NULL;
    options.against = m.n == 2 ? m.handles[1] : NULL;
    options.form = json ? TN_JSON : TN_TEXT;
    options.by = (enum tn_by)by;
    options.grouped = by_name != NULL;
    options.all = all;
    options.merge = merge;
    options.color = color;
    options.fold = fold;
    options.garbage = garbage;
    int status = render(self->handle, kind, node, &options, &(tn_sink){core_text_write, &buffer}, &err);
    core_many_unlock(&m);
    PyObject *result = core_text_done(&buffer, status, &err);
    core_many_leave(&m);
    return result;
}

/* ---- check ---- */

typedef struct findings {
    tn_error *values; /* PyMem_RawMalloc */
    size_t count, capacity;
    bool failed;
} findings;

static void findings_add(void *ctx, const tn_error *finding)
{
    findings *list = ctx;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        tn_error *values = PyMem_RawRealloc(list->values, capacity * sizeof *values);
        if (!values) {
            list->failed = true;
            return;
        }
        list->values = values;
        list->capacity = capacity;
    }
    list->values[list->count++] = *finding;
}

static PyObject *findings_list(const findings *found)
{
    PyObject *list = PyList_New((Py_ssize_t)found->count);
    for (size_t i = 0; list && i < found->count; i++) {
        const tn_error *f = &found->values[i];
        PyObject *item =
            Py_BuildValue("iKN", f->status, (unsigned long long)f->offset, core_text(f->message, strlen(f->message)));
        if (item)
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
        else
            Py_CLEAR(list);
    }
    return list;
}

PyObject *core_check(core_snapshot *self, PyObject *unused)
{
    (void)unused;
    core_call call;
    findings found = {0};
    tn_error err = {0};
    if (!core_enter(&call, self, true))
        return NULL;
    int status = tn_snapshot_check(self->handle, findings_add, &found, &err);
    core_unlock(&call);
    core_leave(&call);
    PyObject *result = NULL;
    if (found.failed)
        PyErr_NoMemory();
    else if (status < 0 && !found.count)
        core_raise(status, &err);
    else
        result = findings_list(&found);
    PyMem_RawFree(found.values);
    return result;
}
