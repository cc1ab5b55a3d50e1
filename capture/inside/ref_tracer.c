/* ref_tracer.c - see ref_tracer.h. */
#include "inside/ref_tracer.h"

#if TN_REF_TRACER

static struct {
    void (*told[TN_TOLD])(PyObject *object);
    PyRefTracer before; /* who is told after ours */
    void *before_data;
    uint64_t created; /* calls, for who wants to know whether there are any */
    bool put_in;
} tracer;

static int tell(PyObject *object, PyRefTracerEvent event, void *data)
{
    (void)data;
    if (event == PyRefTracer_CREATE) {
        tracer.created++;
        if (tracer.told[TN_TOLD_REUSE])
            tracer.told[TN_TOLD_REUSE](object);
        if (tracer.told[TN_TOLD_FOLLOW])
            tracer.told[TN_TOLD_FOLLOW](object);
    }
    return __builtin_expect(tracer.before != NULL, 0) ? tracer.before(object, event, tracer.before_data) : 0;
}

/* Who came after us may tell us, or may not: an object that is made shows it. */
static bool is_told(void)
{
    void *data;
    if (PyRefTracer_GetTracer(&data) == tell)
        return true;
    uint64_t created = tracer.created;
    PyObject *object = PyFloat_FromDouble(0.5);
    Py_XDECREF(object);
    return !object || tracer.created != created;
}

void tn_ref_tracer_on(enum tn_told who, void (*created)(PyObject *object))
{
    tracer.told[who] = created;
    if (tracer.put_in && is_told())
        return;
    tracer.before = PyRefTracer_GetTracer(&tracer.before_data);
    tracer.put_in = PyRefTracer_SetTracer(tell, NULL) == 0;
}

void tn_ref_tracer_off(enum tn_told who)
{
    void *data;
    bool others = false;
    tracer.told[who] = NULL;
    for (unsigned i = 0; i < TN_TOLD; i++)
        others |= tracer.told[i] != NULL;
    if (others || !tracer.put_in || PyRefTracer_GetTracer(&data) != tell)
        return;
    PyRefTracer_SetTracer(tracer.before, tracer.before_data);
    tracer.put_in = false;
}

#endif
