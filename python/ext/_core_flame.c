/* _core_flame.c - stacks as a tree: text or JSON as str. */
#include "_core.h"

typedef struct asked {
    const char *what, *by;
    PyObject *include, *exclude; /* sequences; NULL: none */
    core_texts included, excluded;
    tn_flame_options options;
} asked;

static void asked_free(asked *a)
{
    core_texts_free(&a->included);
    core_texts_free(&a->excluded);
}

static bool asked_of(asked *a)
{
    int what = 0; /* from LIVE on; ANY is that nothing is asked for */
    if (a->what)
        what = core_index_of(a->what, tn_flame_what_names + TN_FLAME_LIVE, TN_FLAME_WHATS - TN_FLAME_LIVE,
                             "sum of stacks");
    int by = what < 0 ? -1 : core_index_of(a->by, tn_sites_by_names, TN_SITES_BYS, "part of a stack");
    if (by < 0 || (a->include && !core_texts_of(a->include, &a->included)) ||
        (a->exclude && !core_texts_of(a->exclude, &a->excluded))) {
        asked_free(a);
        return false;
    }
    a->options.what = a->what ? (enum tn_flame_what)(what + TN_FLAME_LIVE) : TN_FLAME_ANY;
    a->options.by = (enum tn_sites_by)by;
    a->options.include = a->included.texts;
    a->options.n_include = a->included.n;
    a->options.exclude = a->excluded.texts;
    a->options.n_exclude = a->excluded.n;
    return true;
}

PyObject *core_flame_view(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"json",     "where", "set",     "limit",   "what",  "by", "width",
                            "inverted", "born",  "include", "exclude", "color", NULL};
    int json = 0, color = 0, inverted = 0;
    unsigned long long first = 0, last = 0;
    PyObject *set = Py_None;
    tn_view_options options = {0};
    asked a = {.by = "line"};
    core_many m;
    core_text_buffer buffer = {0};
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$pzOO&zsO&p(KK)OOp:flame", names, &json, &options.where, &set,
                                     core_id_converter, &options.limit, &a.what, &a.by, core_id_converter,
                                     &options.width, &inverted, &first, &last, &a.include, &a.exclude, &color))
        return NULL;
    if (!core_set_of(self, set, &options.set) || !asked_of(&a))
        return NULL;
    if (!core_many_with(&m, self, Py_None)) {
        asked_free(&a);
        return NULL;
    }
    a.options.inverted = inverted;
    a.options.born_first = first;
    a.options.born_last = last;
    options.flame = &a.options;
    options.form = json ? TN_JSON : TN_TEXT;
    options.color = color;
    int status = tn_view_flame(m.handles[0], &options, &(tn_sink){core_text_write, &buffer}, &err);
    core_many_unlock(&m);
    PyObject *result = core_text_done(&buffer, status, &err);
    core_many_leave(&m);
    asked_free(&a);
    return result;
}
