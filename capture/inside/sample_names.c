/* sample_names.c - names of threads and tasks, read by the sampler's thread while theirs run: all by copies.
 *
 *     frame of Handle._run ─ self ─ _callback ─ a step or wake-up of the task ─ Task ─ its name
 *
 * Where in a Task its name is no header says, and it moves from release to release: once asyncio is seen at work a task is made,
 * given a name, and looked through for it, in the main thread, between two instructions. The name of a task that nobody has
 * asked for is its number, from 3.12 on.
 */
#include <Python.h>
#include <structmember.h>

#include "inside/sample.h"
#include "inside/thread_name.h"

#include <stdatomic.h>
#include <stdio.h>

#define ADDRESS(p) ((uint64_t)(uintptr_t)(p))

static const tn_layout *layout;
static const tn_sample_places *places;

static struct {
    atomic_bool asked, known;
    uint64_t type, name_at, callback_at;
} tasks;

/* ---- once, with the GIL ---- */

static PyObject *imported(const char *module, const char *name)
{
    PyObject *modules = PyImport_GetModuleDict(), *m = modules ? PyDict_GetItemString(modules, module) : NULL;
    PyObject *found = m ? PyObject_GetAttrString(m, name) : NULL;
    PyErr_Clear();
    return found;
}

static bool find_name(PyObject *task_type)
{
    PyTypeObject *type = (PyTypeObject *)task_type;
    PyObject *name = PyUnicode_FromString("tonnage looks where tasks have their names");
    PyObject *task = name && PyType_Check(task_type) ? PyObject_CallMethod(task_type, "__new__", "O", task_type) : NULL;
    PyObject *done = task ? PyObject_CallMethod(task, "set_name", "O", name) : NULL;
    tasks.name_at = 0;
    for (Py_ssize_t at = sizeof(PyObject); done && at + 8 <= type->tp_basicsize; at += 8) {
        uint64_t word;
        memcpy(&word, (const char *)task + at, sizeof word);
        if (word == ADDRESS(name))
            tasks.name_at = (uint64_t)at;
    }
    Py_XDECREF(done);
    Py_XDECREF(task);
    Py_XDECREF(name);
    PyErr_Clear();
    return tasks.name_at;
}

static bool find_callback(PyObject *handle)
{
    PyObject *slot = PyType_Check(handle) ? PyObject_GetAttrString(handle, "_callback") : NULL;
    bool is_slot = slot && Py_TYPE(slot) == &PyMemberDescr_Type;
    if (is_slot)
        tasks.callback_at = (uint64_t)((PyMemberDescrObject *)slot)->d_member->offset;
    Py_XDECREF(slot);
    PyErr_Clear();
    return is_slot;
}

/* An exception that is under way stays as it is. */
static int learn_tasks(void *nothing)
{
    PyObject *type, *value, *traceback;
    (void)nothing;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *task = imported("_asyncio", "Task"), *handle = imported("asyncio.events", "Handle");
    bool known = task && handle && find_name(task) && find_callback(handle);
    tasks.type = known ? ADDRESS(task) : 0;
    atomic_store(&tasks.known, known);
    Py_XDECREF(task);
    Py_XDECREF(handle);
    PyErr_Restore(type, value, traceback);
    return 0;
}

void tn_sample_names_start(const tn_layout *l, const tn_sample_places *p)
{
    layout = l;
    places = p;
    if (!atomic_load(&tasks.known))
        learn_tasks(NULL);
}

/* ---- by the sampler ---- */

uint32_t tn_sample_thread_name(uint64_t frame, char *out, uint32_t cap)
{
    uint64_t name = tn_thread_name(layout, tn_sample_copy, frame);
    uint32_t n = 0;
    return name && tn_sample_text(places, name, out, cap, &n) ? n : 0;
}

static uint64_t word(uint64_t address)
{
    uint64_t value;
    return address && tn_sample_copy(address, &value, sizeof value) ? value : 0;
}

static bool is_task(uint64_t object)
{
    uint64_t type = object & 7 ? 0 : word(object + offsetof(PyObject, ob_type));
    return type && (type == tasks.type || word(type + layout->type_base) == tasks.type);
}

static uint32_t name_of(uint64_t task, char *out, uint32_t cap)
{
    uint64_t name = word(task + tasks.name_at), type = word(name ? name + offsetof(PyObject, ob_type) : 0);
    uint32_t n = 0, digits[2] = {0};
    if (type != ADDRESS(&PyLong_Type))
        return name && tn_sample_text(places, name, out, cap, &n) ? n : 0;
    uint64_t size = word(name + layout->long_tag) >> 3;
    if (size > 2 || !tn_sample_copy(name + layout->long_digits, digits, 4 * size))
        return 0;
    return (uint32_t)snprintf(out, cap, "Task-%llu", (unsigned long long)digits[1] << 30 | digits[0]);
}

uint32_t tn_sample_task_name(uint64_t frame, char *out, uint32_t cap)
{
    enum { FIRST = 16, LAST = 24 }; /* the words of what is called that may be its task */
    if (!atomic_load(&tasks.known)) {
        if (!atomic_exchange(&tasks.asked, true))
            atomic_store(&tasks.asked, Py_AddPendingCall(learn_tasks, NULL) == 0);
        return 0;
    }
    uint64_t handle = word(frame + layout->frame_localsplus) & ~3ull;
    uint64_t callback = handle ? word(handle + tasks.callback_at) : 0;
    for (uint64_t at = FIRST; callback && at <= LAST; at += 8) {
        uint64_t object = word(callback + at);
        if (is_task(object))
            return name_of(object, out, cap);
    }
    return 0;
}
