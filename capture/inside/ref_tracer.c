/* ref_tracer.c - see ref_tracer.h. */
#include "inside/ref_tracer.h"

#if TN_REF_TRACER

uint64_t tn__ref_tracer_created;

static struct {
    PyRefTracer told[TN_TOLD];
    PyRefTracer put_in; /* what the interpreter calls: one of those, or tell; NULL: nothing */
    PyRefTracer before; /* who is told after ours */
    void *before_data;
} tracer;

static int tell(PyObject *object, PyRefTracerEvent event, void *data)
{
    (void)data;
    for (unsigned i = 0; i < TN_TOLD; i++)
        if (tracer.told[i])
            tracer.told[i](object, event, NULL);
    return tracer.before ? tracer.before(object, event, tracer.before_data) : 0;
}

static bool is_on_top(void)
{
    void *data;
    return tracer.put_in && PyRefTracer_GetTracer(&data) == tracer.put_in;
}

/* Who came after us may tell us, or may not: an object that is made shows it. */
static bool is_told(void)
{
    if (is_on_top())
        return true;
    uint64_t created = tn__ref_tracer_created;
    PyObject *object = PyFloat_FromDouble(0.5);
    Py_XDECREF(object);
    return !object || tn__ref_tracer_created != created;
}

/* Who follows objects is called for each that is made: by the interpreter itself, where nobody else is to be told. */
static void put_in(void)
{
    PyRefTracer next = tracer.told[TN_TOLD_REUSE] || tracer.before ? tell : tracer.told[TN_TOLD_FOLLOW];
    tracer.put_in = PyRefTracer_SetTracer(next, NULL) == 0 ? next : NULL;
}

bool tn_ref_tracer_on(enum tn_told who, PyRefTracer told)
{
    tracer.told[who] = told;
    if (!tracer.put_in || !is_told())
        tracer.before = PyRefTracer_GetTracer(&tracer.before_data);
    else if (!is_on_top()) /* what the other calls stays as it is */
        return tracer.put_in == tell || tracer.put_in == told;
    put_in();
    return tracer.put_in;
}

void tn_ref_tracer_off(enum tn_told who)
{
    bool on_top = is_on_top();
    tracer.told[who] = NULL;
    if (!on_top)
        return;
    if (tracer.told[TN_TOLD_REUSE] || tracer.told[TN_TOLD_FOLLOW]) {
        put_in();
        return;
    }
    PyRefTracer_SetTracer(tracer.before, tracer.before_data);
    tracer.put_in = NULL;
}

#endif
