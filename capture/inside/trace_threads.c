/* trace_threads.c - what the stacks of a thread stand on: a root that bears the name of its kind.
 *
 * Threads of one kind share a root: digits in their names are '#', or a pool would have one for each. The name is that of the
 * threading.Thread whose _bootstrap() is the thread's outermost call, read where the layout table says it is: the thread is
 * in the middle of its first allocation, and nothing may be allocated or called. Who renames a thread later renames no root.
 */
#include "inside/trace_walk.h"

#include <unistd.h>

static const tn_layout *layout;

void tn__trace_threads(const tn_layout *l)
{
    layout = l;
}

static uint64_t load(uint64_t address)
{
    return TN_TRACE_AT(uint64_t, (const char *)(uintptr_t)address, 0);
}

static bool is_text(uint64_t address, const char *text)
{
    PyObject *object = (PyObject *)(uintptr_t)address;
    return object && PyUnicode_CheckExact(object) && PyUnicode_IS_COMPACT_ASCII(object) &&
           strcmp(PyUnicode_DATA(object), text) == 0;
}

/* The value of a key in a table of keys; values: those of a split table, or 0. 0: none. */
static uint64_t value_in(uint64_t keys, uint64_t values, const char *name)
{
    enum { GENERAL = 0 };
    const char *k = (const char *)(uintptr_t)keys;
    bool general = TN_TRACE_AT(uint8_t, k, layout->keys_kind) == GENERAL;
    uint64_t at = keys + layout->keys_indices + (1ull << TN_TRACE_AT(uint8_t, k, layout->keys_log2_index_bytes));
    uint64_t n = TN_TRACE_AT(uint64_t, k, layout->keys_nentries), step = general ? 24 : 16;
    for (uint64_t i = 0; i < n; i++, at += step)
        if (is_text(load(at + (general ? 8 : 0)), name))
            return values ? load(values + layout->values_items + 8 * i) : load(at + step - 8);
    return 0;
}

static uint64_t in_dict(uint64_t dict, const char *name)
{
    return value_in(load(dict + layout->dict_keys), load(dict + layout->dict_values), name);
}

/* An attribute of an instance of a class written in Python, or 0. */
static uint64_t attribute(uint64_t object, const char *name)
{
    const PyTypeObject *type = Py_TYPE((PyObject *)(uintptr_t)object);
    if (!(type->tp_flags & layout->managed_dict_flag) || !(type->tp_flags & Py_TPFLAGS_HEAPTYPE))
        return 0;
    uint64_t dict = load(object - 24), values = 0,
             keys = load((uint64_t)(uintptr_t)type + layout->heaptype_cached_keys);
    switch (layout->dict_style) {
    case TN_DICT_POINTERS: values = load(object - 32); break;
    case TN_DICT_TAGGED:
        values = dict & 1 ? dict + 1 : 0;
        dict = dict & 1 ? 0 : dict;
        break;
    case TN_DICT_INLINE:
        values = !dict && type->tp_flags & layout->inline_values_flag ? object + (uint64_t)type->tp_basicsize : 0;
        break;
    }
    return values && keys ? value_in(keys, values, name) : dict ? in_dict(dict, name) : 0;
}

/* The Thread that a thread runs, or 0. */
static uint64_t thread_object(const PyThreadState *state)
{
    uint64_t outermost = 0, code = 0;
    for (const char *f = tn__trace_first_frame(state); f; f = TN_TRACE_AT(char *, f, tn__trace.frame_previous))
        if (TN_TRACE_AT(uint8_t, f, tn__trace.frame_owner) < tn__trace.owner_skip)
            outermost = (uint64_t)(uintptr_t)f;
    if (outermost)
        code = load(outermost + tn__trace.frame_code) & ~3ull;
    if (!code || Py_TYPE((PyObject *)(uintptr_t)code) != &PyCode_Type ||
        !is_text((uint64_t)(uintptr_t)((PyCodeObject *)(uintptr_t)code)->co_qualname, "Thread._bootstrap"))
        return 0;
    return load(outermost + layout->frame_localsplus) & ~3ull;
}

static size_t root_name(const PyThreadState *state, char *out, uint32_t cap)
{
    static const char begin[] = "<thread ", end[] = "<thread>", first[] = "<main thread>";
    uint64_t object = getpid() == gettid() ? 0 : thread_object(state), name = object ? attribute(object, "_name") : 0;
    if (!name || !PyUnicode_CheckExact((PyObject *)(uintptr_t)name)) {
        const char *text = getpid() == gettid() ? first : end;
        memcpy(out, text, strlen(text));
        return strlen(text);
    }
    char text[200];
    uint32_t length = tn__trace_encode((PyObject *)(uintptr_t)name, text, sizeof text), n = sizeof begin - 1;
    memcpy(out, begin, n);
    for (uint32_t i = 0; i < length && n + 2 < cap; i++)
        if (text[i] < '0' || text[i] > '9')
            out[n++] = text[i];
        else if (out[n - 1] != '#')
            out[n++] = '#';
    out[n++] = '>';
    return n;
}

void tn__trace_greet(tn_tracer *t, const PyThreadState *state)
{
    char name[256];
    t->greeted = tn__trace.run;
    tn_record_stand_on(t, tn_record_root(name, root_name(state, name, sizeof name)));
}
