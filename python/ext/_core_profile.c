/* _core_profile.c - where time goes: pages as str. */
#include "_core.h"

typedef struct asked {
    const char *page, *by;
    PyObject *include, *exclude; /* sequences; NULL: none */
    core_texts included, excluded;
    tn_cpu_options options;
} asked;

static void asked_free(asked *a)
{
    core_texts_free(&a->included);
    core_texts_free(&a->excluded);
}

static bool asked_of(asked *a)
{
    int page = core_index_of(a->page, tn_cpu_page_names, TN_CPU_PAGES, "page");
    int by = page < 0 ? -1 : core_index_of(a->by, tn_cpu_by_names, TN_CPU_BYS, "part of a stack");
    if (by < 0 || (a->include && !core_texts_of(a->include, &a->included)) ||
        (a->exclude && !core_texts_of(a->exclude, &a->excluded))) {
        asked_free(a);
        return false;
    }
    a->options.page = (enum tn_cpu_page)page;
    a->options.by = (enum tn_cpu_by)by;
    a->options.include = a->included.texts;
    a->options.n_include = a->included.n;
    a->options.exclude = a->excluded.texts;
    a->options.n_exclude = a->excluded.n;
    return true;
}

PyObject *core_profile_view(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"page",  "json",  "sort",       "limit",    "by",      "width",
                            "color", "depth", "cumulative", "function", "thread",  "task",
                            "state", "clock", "include",    "exclude",  "against", NULL};
    int json = 0, color = 0, cumulative = 0;
    PyObject *against = Py_None;
    tn_view_options options = {0};
    asked a = {.by = "function"};
    tn_cpu_options *o = &a.options;
    core_many m;
    core_text_buffer buffer = {0};
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "s|$pzO&sO&pO&pzzzzzOOO:profile", names, &a.page, &json, &options.sort, core_id_converter,
            &options.limit, &a.by, core_id_converter, &options.width, &color, core_id_converter, &options.depth,
            &cumulative, &o->function, &o->thread, &o->task, &o->state, &o->clock, &a.include, &a.exclude, &against))
        return NULL;
    o->cumulative = cumulative;
    if (!asked_of(&a))
        return NULL;
    if (!core_many_with(&m, self, against)) {
        asked_free(&a);
        return NULL;
    }
    options.cpu = o;
    options.form = json ? TN_JSON : TN_TEXT;
    options.color = color;
    options.against = m.n > 1 ? m.handles[1] : NULL;
    int status = tn_view_profile(m.handles[0], &options, &(tn_sink){core_text_write, &buffer}, &err);
    core_many_unlock(&m);
    PyObject *result = core_text_done(&buffer, status, &err);
    core_many_leave(&m);
    asked_free(&a);
    return result;
}
