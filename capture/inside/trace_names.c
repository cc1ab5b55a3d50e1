/* trace_names.c - what the recorder asks about code objects. It asks in the middle of an allocation, perhaps without the
 * GIL: nothing is allocated, and no reference is taken.
 */
#include "inside/trace_walk.h"

enum { MOST_TEXT = 16384 };

uint32_t tn__trace_encode(PyObject *text, char *out, uint32_t cap)
{
    int kind = (int)PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    uint32_t n = 0;
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(text) && n + 4 <= cap; i++) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);
        unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
        out[n++] = (char)(lead[more] | c >> 6 * more);
        while (more)
            out[n++] = (char)(0x80 | (c >> 6 * --more & 0x3f));
    }
    return n;
}

/* A str as it is where that is UTF-8, else in a place of ours. */
static const char *text_of(PyObject *text, char *place, uint32_t *n)
{
    *n = 0;
    if (!text || !PyUnicode_Check(text))
        return "";
    if (!PyUnicode_IS_COMPACT_ASCII(text)) {
        *n = tn__trace_encode(text, place, MOST_TEXT);
        return place;
    }
    *n = PyUnicode_GET_LENGTH(text) < MOST_TEXT ? (uint32_t)PyUnicode_GET_LENGTH(text) : MOST_TEXT;
    return PyUnicode_DATA(text);
}

/* The recorder asks for one at a time. */
bool tn__trace_describe(uint64_t code, tn_code_facts *out)
{
    static char name[MOST_TEXT], qualname[MOST_TEXT], file[MOST_TEXT];
    PyObject *object = (PyObject *)(uintptr_t)code;
    if (!object || Py_TYPE(object) != &PyCode_Type)
        return false;
    const PyCodeObject *c = (const PyCodeObject *)object;
    out->name = text_of(c->co_name, name, &out->n_name);
    out->qualname = text_of(c->co_qualname, qualname, &out->n_qualname);
    out->file = text_of(c->co_filename, file, &out->n_file);
    out->first_line = c->co_firstlineno > 0 ? (uint32_t)c->co_firstlineno : 0;
    if (c->co_linetable && PyBytes_Check(c->co_linetable)) {
        out->lines = (const uint8_t *)PyBytes_AS_STRING(c->co_linetable);
        out->n_lines = (uint32_t)PyBytes_GET_SIZE(c->co_linetable);
    }
    tn__trace.look = 1;
    return true;
}
