/* trace_threads.c - what the stacks of a thread stand on: a root that bears the name of its kind.
 *
 * Threads of one kind share a root: digits in their names are '#', or a pool would have one for each. The name is that of the
 * threading.Thread whose _bootstrap() is the thread's outermost call, read where the layout table says it is: the thread is
 * in the middle of its first allocation, and nothing may be allocated or called. Who renames a thread later renames no root.
 */
#include "inside/thread_name.h"
#include "inside/trace_walk.h"

#include <unistd.h>

static const tn_layout *layout;

void tn__trace_threads(const tn_layout *l)
{
    layout = l;
}

static bool load(uint64_t address, void *out, size_t bytes)
{
    memcpy(out, (const void *)(uintptr_t)address, bytes);
    return true;
}

/* The name of the Thread that a thread runs, or 0. */
static uint64_t name_of(const PyThreadState *state)
{
    uint64_t outermost = 0;
    for (const char *f = tn__trace_first_frame(state); f; f = TN_TRACE_AT(char *, f, tn__trace.frame_previous))
        if (TN_TRACE_AT(uint8_t, f, tn__trace.frame_owner) < tn__trace.owner_skip)
            outermost = (uint64_t)(uintptr_t)f;
    return outermost ? tn_thread_name(layout, load, outermost) : 0;
}

static size_t root_name(const PyThreadState *state, char *out, uint32_t cap)
{
    static const char begin[] = "<thread ", end[] = "<thread>", first[] = "<main thread>";
    uint64_t name = getpid() == gettid() ? 0 : name_of(state);
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
