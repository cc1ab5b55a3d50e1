/* thread_name.c - see thread_name.h. */
#include <Python.h>

#include "inside/thread_name.h"

#include <string.h>

typedef struct reading {
    const tn_layout *layout;
    tn_load load;
} reading;

/* 0: not there. */
static uint64_t word(const reading *r, uint64_t address)
{
    uint64_t value;
    return address && r->load(address, &value, sizeof value) ? value : 0;
}

static uint8_t byte(const reading *r, uint64_t address)
{
    uint8_t value;
    return address && r->load(address, &value, sizeof value) ? value : 0;
}

static bool is_text(const reading *r, uint64_t object, const char *text)
{
    const tn_layout *l = r->layout;
    char found[32];
    size_t n = strlen(text);
    uint32_t state;
    if (!object || word(r, object + offsetof(PyObject, ob_type)) != (uint64_t)(uintptr_t)&PyUnicode_Type ||
        !r->load(object + l->str_state, &state, sizeof state))
        return false;
    return state & l->str_ascii_bit && state & l->str_compact_bit && word(r, object + l->str_length) == n &&
           n < sizeof found && r->load(object + l->str_ascii_size, found, n) && memcmp(found, text, n) == 0;
}

/* The value of a key in a table of keys; values: those of a split table, or 0. 0: none. */
static uint64_t value_in(const reading *r, uint64_t keys, uint64_t values, const char *name)
{
    enum { GENERAL = 0, MOST = 1 << 12 };
    const tn_layout *l = r->layout;
    if (!keys)
        return 0;
    bool general = byte(r, keys + l->keys_kind) == GENERAL;
    uint64_t n = word(r, keys + l->keys_nentries), step = general ? 24 : 16;
    uint64_t at = keys + l->keys_indices + (1ull << (byte(r, keys + l->keys_log2_index_bytes) & 31));
    for (uint64_t i = 0; i < n && i < MOST; i++, at += step)
        if (is_text(r, word(r, at + (general ? 8 : 0)), name))
            return values ? word(r, values + l->values_items + 8 * i) : word(r, at + step - 8);
    return 0;
}

static uint64_t in_dict(const reading *r, uint64_t dict, const char *name)
{
    return value_in(r, word(r, dict + r->layout->dict_keys), word(r, dict + r->layout->dict_values), name);
}

/* An attribute of an instance of a class written in Python, or 0. */
static uint64_t attribute(const reading *r, uint64_t object, const char *name)
{
    const tn_layout *l = r->layout;
    uint64_t type = word(r, object + offsetof(PyObject, ob_type)), flags = word(r, type ? type + l->type_flags : 0);
    if (!(flags & l->managed_dict_flag) || !(flags & Py_TPFLAGS_HEAPTYPE))
        return 0;
    uint64_t dict = word(r, object - 24), values = 0, keys = word(r, type + l->heaptype_cached_keys);
    switch (l->dict_style) {
    case TN_DICT_POINTERS: values = word(r, object - 32); break;
    case TN_DICT_TAGGED:
        values = dict & 1 ? dict + 1 : 0;
        dict = dict & 1 ? 0 : dict;
        break;
    case TN_DICT_INLINE:
        values = !dict && flags & l->inline_values_flag ? object + word(r, type + l->type_basicsize) : 0;
        break;
    }
    return values && keys ? value_in(r, keys, values, name) : dict ? in_dict(r, dict, name) : 0;
}

uint64_t tn_thread_name(const tn_layout *layout, tn_load load, uint64_t frame)
{
    const reading r = {layout, load};
    uint64_t code = word(&r, frame + layout->frame_code) & ~3ull;
    if (!code || word(&r, code + offsetof(PyObject, ob_type)) != (uint64_t)(uintptr_t)&PyCode_Type ||
        !is_text(&r, word(&r, code + layout->code_qualname), "Thread._bootstrap"))
        return 0;
    uint64_t object = word(&r, frame + layout->frame_localsplus) & ~3ull;
    return object ? attribute(&r, object, "_name") : 0;
}
