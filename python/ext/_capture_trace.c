/* _capture_trace.c - the functions trace_* of tonnage._capture: the recorder of allocations (inside/trace.h).
 *
 * Results are copied before a Python object is made of them, because that is recorded, too.
 */
#include "_capture_trace.h"

#include "inside/trace.h"
#include "inside/trace_live.h"

static const tn_inside *here;
static void *(*raise_error)(int status, const tn_error *err);
static int here_status; /* of finding out about the interpreter */
static const tn_error *here_error;

static const char *const mode_names[] = {"off", "exact", "sampled"};
static const char *const free_list_names[] = {"ignore", "track", "flush"};

/* Place of a name among n; -1 with a ValueError. */
static int index_of(const char *name, const char *const *names, int n, const char *what)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    PyErr_Format(PyExc_ValueError, "unknown %s '%s'", what, name);
    return -1;
}

static PyObject *done(int status, const tn_error *err)
{
    return status < 0 ? raise_error(status, err) : Py_NewRef(Py_None);
}

PyDoc_STRVAR(start_doc, "trace_start(mode, /, *, depth=0, interval=0, free_lists='ignore', seed=0, max_samples=0, "
                        "max_bytes=0)\n--\n\nRecord allocations: 'exact' or 'sampled'.");

static PyObject *trace_start(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"", "depth", "interval", "free_lists", "seed", "max_samples", "max_bytes", NULL};
    const char *mode, *free_lists = "ignore";
    unsigned long long interval = 0, seed = 0, max_bytes = 0;
    unsigned depth = 0, max_samples = 0;
    tn_error err = {0};
    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$IKsKIK", names, &mode, &depth, &interval, &free_lists, &seed,
                                     &max_samples, &max_bytes))
        return NULL;
    if (here_status < 0)
        return raise_error(here_status, here_error);
    int m = index_of(mode, mode_names, 3, "mode"), lists = m < 0 ? -1 : index_of(free_lists, free_list_names, 3, "way");
    if (lists < 0)
        return NULL;
    tn_trace_options o = {.mode = (enum tn_record_mode)m,
                          .depth = depth,
                          .interval_bytes = interval,
                          .seed = seed,
                          .max_bytes = max_bytes,
                          .max_samples = max_samples,
                          .free_lists = (enum tn_free_lists)lists};
    int status = tn_trace_start(here, &o, &err);
    return done(status, &err);
}

PyDoc_STRVAR(stop_doc, "trace_stop()\n--\n\nForget all that was recorded, and record no more.");

static PyObject *trace_stop(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    tn_trace_stop();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(clear_doc, "trace_clear()\n--\n\nForget blocks and sums.");

static PyObject *trace_clear(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    tn_trace_settle(here);
    tn_record_clear();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(reset_peak_doc, "trace_reset_peak()\n--\n\nThe high-water mark begins with what is alive now.");

static PyObject *trace_reset_peak(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    tn_trace_settle(here);
    tn_record_reset_peak();
    Py_RETURN_NONE;
}

PyDoc_STRVAR(switch_doc, "trace_switch(mode, interval=0, /)\n--\n\nAnother mode or interval on the run.");

static PyObject *trace_switch(PyObject *module, PyObject *args)
{
    const char *mode;
    unsigned long long interval = 0;
    tn_error err = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "s|K", &mode, &interval))
        return NULL;
    int m = index_of(mode, mode_names, 3, "mode");
    if (m < 0)
        return NULL;
    int status = tn_trace_switch((enum tn_record_mode)m, interval, &err);
    return done(status, &err);
}

PyDoc_STRVAR(mode_doc, "trace_mode()\n--\n\n'off', 'exact' or 'sampled'.");

static PyObject *trace_mode(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    tn_trace_reconnect();
    return PyUnicode_FromString(mode_names[tn_record_mode()]);
}

PyDoc_STRVAR(now_doc, "trace_now()\n--\n\nMode, settings and totals, as a dict.");

static PyObject *trace_now(PyObject *module, PyObject *nothing)
{
    tn_recorded now;
    (void)module, (void)nothing;
    uint64_t reconnected = tn_trace_reconnect();
    tn_recorded_now(&now);
    return Py_BuildValue(
        "{s:s,s:I,s:K,s:K,s:s,s:L,s:L,s:K,s:K,s:I,s:I,s:I,s:K,s:K}", "mode", mode_names[now.mode], "depth", now.depth,
        "interval", (unsigned long long)now.interval_bytes, "first_interval",
        (unsigned long long)now.first_interval_bytes, "free_lists", free_list_names[tn_trace_free_lists()], "traced",
        (long long)now.traced_bytes, "peak", (long long)now.peak_bytes, "births", (unsigned long long)now.births,
        "peak_birth", (unsigned long long)now.peak_birth, "codes", now.n_codes, "stacks", now.n_stacks, "sites",
        now.n_sites, "reconnected", (unsigned long long)reconnected, "process", (unsigned long long)tn_process_rss());
}

/* Adds a number under prefix + name; false with an exception. */
static bool add(PyObject *dict, const char *prefix, const char *name, uint64_t value)
{
    PyObject *key = PyUnicode_FromFormat("%s%s", prefix, name), *number = PyLong_FromUnsignedLongLong(value);
    bool ok = key && number && PyDict_SetItem(dict, key, number) == 0;
    Py_XDECREF(key);
    Py_XDECREF(number);
    return ok;
}

PyDoc_STRVAR(cost_doc, "trace_cost()\n--\n\nWhat was dropped, own memory, and time by kind of call, as a dict.");

static PyObject *trace_cost(PyObject *module, PyObject *nothing)
{
    static const char *const drops[TN_DROPS] = {"memory", "stack", "site", "code", "sample", "replaced"};
    static const char *const parts[TN_PARTS] = {"shadow", "blocks", "stacks", "sites", "codes", "threads"};
    static const char *const calls[TN_COSTS] = {"alloc", "resize", "free"};
    tn_recorded_cost cost;
    (void)module, (void)nothing;
    tn_recorded_cost_now(&cost);
    PyObject *dict = PyDict_New();
    bool ok = dict && add(dict, "", "resident", cost.resident_bytes) && add(dict, "", "threads", cost.n_threads);
    for (unsigned i = 0; ok && i < TN_DROPS; i++)
        ok = add(dict, "dropped.", drops[i], cost.dropped[i]);
    for (unsigned i = 0; ok && i < TN_PART_SAMPLES; i++)
        ok = add(dict, "own.", parts[i], cost.mapped_bytes[i]);
    for (unsigned i = 0; ok && i < TN_COSTS; i++)
        ok = add(dict, "calls.", calls[i], cost.calls[i]) && add(dict, "ns.", calls[i], cost.ns[i]);
    if (!ok)
        Py_CLEAR(dict);
    return dict;
}

static PyObject *text(const char *bytes, uint32_t n)
{
    return PyUnicode_DecodeUTF8(bytes, n, "surrogatepass");
}

static PyObject *frame_tuple(const tn_trace_frame *f)
{
    const tn_code_facts *c = &f->code;
    return Py_BuildValue("(NINN)", text(c->file, c->n_file), f->line, text(c->name, c->n_name),
                         text(c->qualname, c->n_qualname));
}

/* Innermost frame first. */
static PyObject *frames_of(uint32_t stack)
{
    PyObject *list = PyList_New(0), *tuple = NULL;
    tn_trace_frame f;
    for (; list && stack && tn_trace_frame_at(stack, &f); stack = f.parent) {
        PyObject *row = frame_tuple(&f);
        if (!row || PyList_Append(list, row) < 0)
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    if (list)
        tuple = PyList_AsTuple(list);
    Py_XDECREF(list);
    return tuple;
}

PyDoc_STRVAR(frames_doc, "trace_frames(stack, /)\n--\n\nFrames of a stack, innermost first: (file, line, name, "
                         "qualname).");

static PyObject *trace_frames(PyObject *module, PyObject *number)
{
    (void)module;
    unsigned long stack = PyLong_AsUnsignedLong(number);
    if (PyErr_Occurred())
        return NULL;
    return frames_of((uint32_t)stack);
}

PyDoc_STRVAR(site_of_doc,
             "trace_site_of(object, /)\n--\n\n"
             "(stack, birth, bytes, interval, maybe stale) of the block that an object begins in, or None.");

static PyObject *trace_site_of(PyObject *module, PyObject *object)
{
    tn_recorded_block b;
    (void)module;
    tn_trace_reconnect();
    if (tn_record_mode() == TN_RECORD_OFF || /* here may be an interpreter that was refused */
        !tn_trace_block_of(here, (uint64_t)(uintptr_t)object, Py_TYPE(object)->tp_flags, &b))
        Py_RETURN_NONE;
    bool stale = tn_trace_maybe_stale(here, Py_TYPE(object)->tp_name, Py_TYPE(object)->tp_flags);
    return Py_BuildValue("(IKKdN)", b.stack, (unsigned long long)b.birth, (unsigned long long)b.bytes, b.interval_bytes,
                         PyBool_FromLong(stale));
}

static PyObject *site_tuple(const tn_recorded_site *s)
{
    return Py_BuildValue("(IIOLdLdLdLLd)", s->stack, s->domain_number, s->tracked ? Py_True : Py_False,
                         (long long)s->live_bytes, s->live_count, (long long)s->allocated_bytes, s->allocated_count,
                         (long long)s->temporary_bytes, s->temporary_count, (long long)s->peak_bytes,
                         (long long)s->at_peak_bytes, s->at_peak_count);
}

PyDoc_STRVAR(sites_doc,
             "trace_sites()\n--\n\n"
             "A tuple for each stack and domain: (stack, domain, tracked, live bytes, count, allocated bytes,\n"
             "count, temporary bytes, count, own peak, bytes at the high-water mark, count).");

static PyObject *trace_sites(PyObject *module, PyObject *nothing)
{
    tn_recorded now;
    (void)module, (void)nothing;
    tn_trace_reconnect();
    tn_recorded_now(&now);
    size_t n = 0, bytes = (now.n_sites + 1) * sizeof(tn_recorded_site);
    tn_recorded_site *rows = tn__alloc(&tn__alloc_pages, bytes);
    if (!rows)
        return PyErr_NoMemory();
    for (uint32_t id = 1; id < now.n_sites; id++)
        n += tn_recorded_site_at(id, &rows[n]);
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; list && i < n; i++) {
        PyObject *row = site_tuple(&rows[i]);
        if (row)
            PyList_SET_ITEM(list, (Py_ssize_t)i, row);
        else
            Py_CLEAR(list);
    }
    tn__free(&tn__alloc_pages, rows, bytes);
    return list;
}

static PyObject *live_tuple(const tn_live_row *r)
{
    return Py_BuildValue("(NINLddd)", text(r->file, r->n_file), r->line, text(r->name, r->n_name),
                         (long long)r->sum.bytes, r->sum.count, r->range.low, r->range.high);
}

PyDoc_STRVAR(live_doc,
             "trace_live(by, cumulative=False, /)\n--\n\n"
             "What is alive by 'file', 'line' or 'function': ([(file, line, name, bytes, count, 95 % interval\n"
             "of the bytes: low, high), ...], bytes and count of all, and of tonnage's own, which no row has).");

static PyObject *trace_live(PyObject *module, PyObject *args)
{
    static const char *const names[TN_LIVE_BYS] = {"file", "line", "function"};
    const char *name;
    int cumulative = 0;
    tn_live *live;
    tn_error err = {0};
    (void)module;
    if (!PyArg_ParseTuple(args, "s|p", &name, &cumulative))
        return NULL;
    int by = index_of(name, names, TN_LIVE_BYS, "way of summing up");
    if (by < 0)
        return NULL;
    tn_trace_reconnect();
    int status = tn_live_take((enum tn_live_by)by, cumulative, &live, &err);
    if (status < 0)
        return raise_error(status, &err);
    PyObject *list = PyList_New(tn_live_n(live));
    for (uint32_t i = 0; list && i < tn_live_n(live); i++) {
        const tn_live_row row = tn_live_row_at(live, i);
        PyObject *tuple = live_tuple(&row);
        if (tuple)
            PyList_SET_ITEM(list, i, tuple);
        else
            Py_CLEAR(list);
    }
    tn_live_sum total = tn_live_total(live), own = tn_live_own(live);
    tn_live_free(live);
    return list ? Py_BuildValue("(NLdLd)", list, (long long)total.bytes, total.count, (long long)own.bytes, own.count)
                : NULL;
}

PyDoc_STRVAR(sums_doc,
             "trace_sums(at_peak, /)\n--\n\n"
             "Numbers of 64 bits: stack, bytes and blocks, of each stack and domain that has blocks now, or had\n"
             "at the high-water mark. One object is made.");

static PyObject *trace_sums(PyObject *module, PyObject *flag)
{
    tn_recorded now;
    tn_recorded_site site;
    int at_peak = PyObject_IsTrue(flag);
    (void)module;
    if (at_peak < 0)
        return NULL;
    tn_trace_reconnect();
    tn_recorded_now(&now);
    size_t n = 0, bytes = (now.n_sites + 1) * sizeof(int64_t[3]);
    int64_t(*rows)[3] = tn__alloc(&tn__alloc_pages, bytes);
    if (!rows)
        return PyErr_NoMemory();
    for (uint32_t id = 1; id < now.n_sites; id++) {
        if (!tn_recorded_site_at(id, &site))
            continue;
        int64_t count = (int64_t)((at_peak ? site.at_peak_count : site.live_count) + 0.5);
        if (count <= 0)
            continue;
        rows[n][0] = site.stack;
        rows[n][1] = at_peak ? site.at_peak_bytes : site.live_bytes;
        rows[n++][2] = count;
    }
    PyObject *result = PyBytes_FromStringAndSize((const char *)rows, (Py_ssize_t)(n * sizeof *rows));
    tn__free(&tn__alloc_pages, rows, bytes);
    return result;
}

PyMethodDef capture_trace_methods[] = {
    {"trace_start", (PyCFunction)(void (*)(void))trace_start, METH_VARARGS | METH_KEYWORDS, start_doc},
    {"trace_stop", trace_stop, METH_NOARGS, stop_doc},
    {"trace_clear", trace_clear, METH_NOARGS, clear_doc},
    {"trace_reset_peak", trace_reset_peak, METH_NOARGS, reset_peak_doc},
    {"trace_switch", trace_switch, METH_VARARGS, switch_doc},
    {"trace_mode", trace_mode, METH_NOARGS, mode_doc},
    {"trace_now", trace_now, METH_NOARGS, now_doc},
    {"trace_cost", trace_cost, METH_NOARGS, cost_doc},
    {"trace_frames", trace_frames, METH_O, frames_doc},
    {"trace_site_of", trace_site_of, METH_O, site_of_doc},
    {"trace_sites", trace_sites, METH_NOARGS, sites_doc},
    {"trace_live", trace_live, METH_VARARGS, live_doc},
    {"trace_sums", trace_sums, METH_O, sums_doc},
    {NULL, NULL, 0, NULL},
};

void capture_trace_begin(const tn_inside *inside, int status, const tn_error *err,
                         void *(*raise)(int status, const tn_error *err))
{
    here = inside;
    here_status = status;
    here_error = err;
    raise_error = raise;
}
