/* planted_state.c - what is known of frames, generators, threads, the interpreter's state and the collector.
 *
 * Some of it is only so while something happens: a context entered, an exception raised, a second thread state. Each lasts
 * for a few reads, in C, and is undone.
 */
#include "inside/planted.h"

/* ---- while a frame runs ---- */

/* Words on a frame may be tagged (3.14+). */
static uint64_t untagged(const tn_planted *p, uint64_t word)
{
    return p->layout->frame_style == TN_FRAME_STACKREFS ? word & ~3ull : word;
}

static uint64_t current_frame(tn_planted *p)
{
    uint64_t at = tn__word(p, ADDRESS(PyThreadState_Get()) + p->layout->thread_frame);
    return p->layout->cframe ? tn__word(p, at + p->layout->thread_cframe_frame) : at;
}

/* Frames without code stand in between where another evaluator than the interpreter's own is set (-X perf, debuggers). */
static uint64_t calling_frame(tn_planted *p, uint64_t frame)
{
    uint64_t owner = 0;
    for (int i = 0; i < 3; i++) {
        frame = tn__word(p, frame + p->layout->frame_previous);
        if (!tn__peek(p, frame + p->layout->frame_owner, 1, &owner) || owner < p->layout->owner_skip)
            break;
    }
    return frame;
}

static void require_code(tn_planted *p, const char *what, uint64_t frame, PyObject *code)
{
    tn__require(p, what, untagged(p, tn__word(p, frame + p->layout->frame_code)) == ADDRESS(code));
}

/* Called by function: it runs, and below it the program does. */
static void look_at_function(tn_planted *p)
{
    const tn_layout *l = p->layout;
    PyObject *function = tn__get(p, "function"), *code = tn__code_of(p, "function");
    PyFrameObject *object = PyEval_GetFrame();
    uint64_t frame = current_frame(p), caller = calling_frame(p, frame);
    tn__fail_if(p, p->failed || !object);
    if (p->failed)
        return;
    p->frame = Py_NewRef((PyObject *)object);
    p->handled = tn__word(p, ADDRESS(PyThreadState_Get()) + l->thread_exc_info);
    tn__set_attribute(p, p->frame, "f_trace", p->names);
    require_code(p, "thread_frame", frame, code);
    require_code(p, "frame_previous", caller, p->code);
    const tn_known facts[] = {
        FACT_AT(frame, frame_object, ADDRESS(object)),
        FACT_AT(frame, frame_instr, ADDRESS(code) + l->code_adaptive + (uint64_t)PyFrame_GetLasti(object)),
        FACT_AT(caller, frame_locals, ADDRESS(p->names)),
        NARROW(1, frame, frame_owner, l->owner_thread),
        POINTS(object, frameobject_frame, frame),
        POINTS(object, frameobject_trace, p->names),
    };
    CHECK(p, facts);
    tn__require(p, "frame_function", untagged(p, tn__word(p, frame + l->frame_function)) == ADDRESS(function));
    tn__require(p, "frame_localsplus",
                untagged(p, tn__word(p, frame + l->frame_localsplus)) == ADDRESS(tn__get(p, "name")));
}

/* Called by generate: its frame is part of the generator, which has put itself on the chain of handled exceptions. */
static void look_at_generator(tn_planted *p)
{
    const tn_layout *l = p->layout;
    uint64_t generator = ADDRESS(tn__get(p, "generator")), frame = current_frame(p);
    uint64_t item = tn__word(p, ADDRESS(PyThreadState_Get()) + l->thread_exc_info);
    if (p->failed)
        return;
    require_code(p, "thread_frame", frame, tn__code_of(p, "generate"));
    tn__require(p, "gen_frame", generator + l->gen_frame == frame);
    tn__require(p, "gen_exc_value", generator + l->gen_exc_value == item + l->thread_exc_value);
    const tn_known facts[] = {NARROW(1, frame, frame_owner, 1), FACT_AT(item, thread_exc_previous, p->handled)};
    CHECK(p, facts);
}

void tn__state_look(tn_planted *p)
{
    if (p->n_looks++ == 0)
        look_at_function(p);
    else
        look_at_generator(p);
}

/* ---- when they have stopped ---- */

static void check_generator(tn_planted *p)
{
    const tn_layout *l = p->layout;
    PyObject *generator = tn__get(p, "generator"), *name = tn__keep(p, PyUnicode_FromString("gen name"));
    PyObject *weak = tn__keep(p, generator ? PyWeakref_NewRef(generator, NULL) : NULL);
    tn__set_attribute(p, generator, "__name__", name);
    if (p->failed)
        return;
    uint64_t frame = ADDRESS(generator) + l->gen_frame, state = 0, top = ADDRESS(frame) + l->frame_localsplus + 24;
    bool refs = l->frame_style == TN_FRAME_STACKREFS;
    const tn_known facts[] = {
        POINTS(generator, gen_weakreflist, weak),
        POINTS(generator, gen_name, name),
        POINTS(generator, gen_qualname, tn__attribute(p, generator, "__qualname__")),
        NARROW(refs ? 8 : 4, frame, frame_stacktop, refs ? top : 3),
    };
    CHECK(p, facts);
    bool read = tn__peek(p, ADDRESS(generator) + l->gen_state, 1, &state);
    int suspended = (int8_t)state;
    tn__require(p, "gen_state", read && suspended >= l->gen_suspended_min && suspended <= l->gen_suspended_max);
    PyObject *done = PyIter_Next(generator);
    Py_XDECREF(done);
    tn__fail_if(p, done || PyErr_Occurred());
    read = tn__peek(p, ADDRESS(generator) + l->gen_state, 1, &state);
    int ended = (int8_t)state;
    tn__require(p, "gen_state", read && (ended < l->gen_suspended_min || ended > l->gen_suspended_max));
    PLACE(p, gen_origin, l->gen_exc_value + 16);
}

/* The function has returned: its frame object has taken the frame in. */
static void check_frame_object(tn_planted *p)
{
    const tn_layout *l = p->layout;
    PyObject *back = p->frame ? tn__keep(p, (PyObject *)PyFrame_GetBack((PyFrameObject *)p->frame)) : NULL;
    if (!back)
        return;
    const tn_known facts[] = {
        FACT(p->frame, frameobject_frame, ADDRESS(p->frame) + l->frameobject_data),
        POINTS(p->frame, frameobject_back, back),
    };
    CHECK(p, facts);
}

static void check_thread(tn_planted *p)
{
    const tn_layout *l = p->layout;
    PyThreadState *thread = PyThreadState_Get();
    PyInterpreterState *interpreter = PyInterpreterState_Get();
    PyThreadState *before = PyInterpreterState_ThreadHead(interpreter), *made = PyThreadState_New(interpreter);
    tn__fail_if(p, !made);
    if (!made)
        return;
    const tn_known chain[] = {FACT(interpreter, interp_threads, ADDRESS(made)), POINTS(made, thread_next, before)};
    CHECK(p, chain);
    PyThreadState_Clear(made);
    PyThreadState_Delete(made);
    PyObject *context = tn__keep(p, PyContext_New());
    PyObject *class = tn__get(p, "Raised"), *raised = tn__keep(p, class ? PyObject_CallNoArgs(class) : NULL);
    PyObject *dict = PyThreadState_GetDict();
    tn__fail_if(p, p->failed || PyContext_Enter(context) < 0);
    if (p->failed)
        return;
    PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
    const tn_known facts[] = {
        FACT(thread, thread_ident, PyThread_get_thread_ident()),
        FACT(thread, thread_native, PyThread_get_thread_native_id()),
        POINTS(thread, thread_dict, dict),
        POINTS(thread, thread_context, context),
        POINTS(thread, thread_exception, raised),
    };
    CHECK(p, facts);
    PyErr_Clear();
    PyContext_Exit(context);
    PyObject *handled = PyErr_GetHandledException();
    PyErr_SetHandledException(raised);
    uint64_t item = tn__word(p, ADDRESS(thread) + l->thread_exc_info);
    tn__require(p, "thread_exc_value", tn__word(p, item + l->thread_exc_value) == ADDRESS(raised));
    PyErr_SetHandledException(handled);
    Py_XDECREF(handled);
    PLACE(p, thread_async_exc, l->thread_ident - 8);
    PLACE(p, thread_profile_obj, offsetof(PyThreadState, c_profileobj));
    PLACE(p, thread_trace_obj, l->thread_profile_obj + 8);
}

/* ---- the interpreter's state ---- */

/* What is known of a root: the object itself, or whether it is always there, its type, and a key and value that it has.
 * Not what its module shows under that name: the program may have put something else there. */
typedef struct root_rule {
    const char *name;
    PyObject *object;
    enum tn_builtin type;
    bool always;
    PyObject *key, *value;
} root_rule;

static bool holds(tn_planted *p, const root_rule *r, uint64_t object)
{
    if (r->object)
        return object == ADDRESS(r->object);
    if (!object)
        return !r->always;
    if (!tn__is_exact(p, object, r->type))
        return false;
    if (!r->key)
        return true;
    PyObject *value = PyDict_GetItemWithError((PyObject *)(uintptr_t)object, r->key);
    return value && (!r->value || value == r->value);
}

static uint32_t root_offset(const tn_layout *l, const char *name)
{
    const tn_root_field *f = l->interp_roots;
    while (f->name && strcmp(f->name, name) != 0)
        f++;
    return f->offset;
}

static void check_rules(tn_planted *p, const root_rule *rules, size_t n)
{
    for (const tn_root_field *f = p->layout->interp_roots; f->name; f++) {
        const char *dot = strrchr(f->name, '.'), *name = dot ? dot + 1 : f->name;
        name += strncmp(name, "codec_", 6) == 0 ? 6 : 0;
        size_t i = 0;
        while (i < n && strcmp(rules[i].name, name) != 0)
            i++;
        uint64_t object = 0;
        bool read = tn__peek(p, p->inside->target.interpreter + f->offset, 8, &object);
        tn__require(p, f->name, i < n && read && holds(p, &rules[i], object));
    }
}

/* Fields of the state that follow one another in every version, for those that may be empty or look like their neighbours.
 * NULL ends a run. */
static void check_runs(tn_planted *p)
{
    static const char *const runs[] = {
        "before_forkers",
        "after_forkers_parent",
        "after_forkers_child",
        "warnings.filters",
        NULL,
        "gc.garbage",
        "gc.callbacks",
        NULL,
        "codecs.search_path",
        "codecs.search_cache",
        "codecs.error_registry",
        NULL,
        "codec_search_path",
        "codec_search_cache",
        "codec_error_registry",
        NULL,
    };
    for (size_t i = 0; i + 1 < sizeof runs / sizeof *runs; i++)
        if (runs[i] && runs[i + 1]) {
            uint32_t here = root_offset(p->layout, runs[i]), next = root_offset(p->layout, runs[i + 1]);
            tn__require(p, runs[i], here + 8 == next || (!here && !next));
        }
}

static void check_roots(tn_planted *p)
{
    PyObject *intern = tn__keep(p, PyUnicode_FromString("intern")),
             *import = tn__keep(p, PyUnicode_FromString("__import__"));
    PyObject *strict = tn__keep(p, PyUnicode_FromString("strict"));
    PyObject *codec = tn__keep(p, PyCodec_LookupError("strict")),
             *missing = tn__keep(p, PyLong_FromLong(2 /* ENOENT */));
    PyObject *interned = tn__keep(p, PyUnicode_InternFromString("tonnage interned for a moment"));
    PyObject *dict = PyInterpreterState_GetDict(PyInterpreterState_Get()), *imported = NULL;
    uint64_t copy = tn__word(p, p->inside->target.interpreter + root_offset(p->layout, "builtins_copy"));
    if (!p->failed && tn__is_exact(p, copy, TN_BUILTIN_DICT))
        imported = PyDict_GetItemWithError((PyObject *)(uintptr_t)copy, import);
    tn__require(p, "builtins_copy", p->failed || imported);
    const root_rule rules[] = {
        {"sysdict", NULL, TN_BUILTIN_DICT, true, intern, NULL},
        {"builtins", NULL, TN_BUILTIN_DICT, true, import, NULL},
        {"dict", dict, TN_BUILTIN_DICT, true, NULL, NULL},
        {"builtins_copy", NULL, TN_BUILTIN_DICT, true, import, imported},
        {"sysdict_copy", NULL, TN_BUILTIN_DICT, true, intern, NULL},
        {"before_forkers", NULL, TN_BUILTIN_LIST, false, NULL, NULL},
        {"after_forkers_parent", NULL, TN_BUILTIN_LIST, false, NULL, NULL},
        {"after_forkers_child", NULL, TN_BUILTIN_LIST, false, NULL, NULL},
        {"audit_hooks", NULL, TN_BUILTIN_LIST, false, NULL, NULL},
        {"garbage", NULL, TN_BUILTIN_LIST, true, NULL, NULL},
        {"callbacks", NULL, TN_BUILTIN_LIST, true, NULL, NULL},
        {"modules", PyImport_GetModuleDict(), TN_BUILTIN_DICT, true, NULL, NULL},
        {"modules_by_index", NULL, TN_BUILTIN_LIST, true, NULL, NULL},
        {"importlib", NULL, TN_BUILTIN_MODULE, true, NULL, NULL},
        {"import_func", imported, TN_BUILTIN_CFUNCTION, true, NULL, NULL},
        {"interned_strings", NULL, TN_BUILTIN_DICT, true, interned, NULL},
        {"search_path", NULL, TN_BUILTIN_LIST, true, NULL, NULL},
        {"search_cache", NULL, TN_BUILTIN_DICT, true, NULL, NULL},
        {"error_registry", NULL, TN_BUILTIN_DICT, true, strict, codec},
        {"filters", NULL, TN_BUILTIN_LIST, true, NULL, NULL},
        {"once_registry", NULL, TN_BUILTIN_DICT, true, NULL, NULL},
        {"default_action", NULL, TN_BUILTIN_STR, true, NULL, NULL},
        {"errnomap", NULL, TN_BUILTIN_DICT, true, missing, PyExc_FileNotFoundError},
    };
    if (!p->failed && !p->wrong)
        check_rules(p, rules, sizeof rules / sizeof *rules);
    check_runs(p);
    PLACE(p, interp_sysdict, root_offset(p->layout, "sysdict"));
}

/* ---- the collector ---- */

/* 3.13+: the runtime begins with offsets of its own, for debuggers. */
extern char _PyRuntime[];

static void check_collector(tn_planted *p)
{
    const tn_layout *l = p->layout;
    uint64_t gc = p->inside->target.interpreter + l->interp_gc;
    int was = PyGC_Disable();
    const tn_known off[] = {NARROW(4, gc, gc_enabled, 0)};
    CHECK(p, off);
    PyGC_Enable();
    const tn_known on[] = {NARROW(4, gc, gc_enabled, 1)};
    CHECK(p, on);
    uint64_t collecting = 0; /* 1: imported by a finalizer; nothing here starts a collection to see it change */
    tn__require(p, "gc_collecting", tn__peek(p, gc + l->gc_collecting, 4, &collecting) && collecting <= 1);
    if (!was)
        PyGC_Disable();
    if (l->debug_gc_collecting) {
        const tn_known own[] = {FACT(_PyRuntime, debug_gc_collecting, l->gc_collecting)};
        CHECK(p, own);
    } else {
        PLACE(p, gc_collecting, root_offset(l, "gc.garbage") - l->interp_gc - 8);
    }
}

void tn__state_check(tn_planted *p)
{
    static void (*const checks[])(tn_planted *) = {check_frame_object, check_generator, check_thread, check_roots,
                                                   check_collector};
    for (size_t i = 0; i < sizeof checks / sizeof *checks && !p->failed && !p->wrong; i++)
        checks[i](p);
}
