/* preview.c - what an object shows of its value, content hashes, and text out of str objects. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/walk.h"

enum { NAME_MAX_BYTES = 160 };

/* ---- str ---- */

typedef struct text {
    uint64_t data, length;
    uint32_t kind;
    bool ascii, interned;
} text;

static text text_of(const tn_walk *w, uint64_t str)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint32_t state = tn_load32(m, str + l->str_state);
    text t = {.length = tn_load64(m, str + l->str_length), .kind = state >> l->str_kind_shift & 7};
    t.ascii = state & l->str_ascii_bit;
    t.interned = state & l->str_interned_mask;
    if (!(state & l->str_compact_bit))
        t.data = tn_load64(m, str + l->str_data);
    else
        t.data = str + (t.ascii ? l->str_ascii_size : l->str_compact_size);
    if (t.length >> 56 || !tn__usable(w, t.data, t.length * t.kind))
        t.length = 0;
    return t;
}

static size_t put_code_point(uint8_t *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

static uint32_t code_point(const tn_walk *w, const text *t, uint64_t i)
{
    const tn_memory *m = &w->target->memory;
    uint16_t two;
    switch (t->kind) {
    case 1: return tn_load8(m, t->data + i);
    case 2: memcpy(&two, TN_AT(m, t->data + 2 * i), 2); return two;
    default: return tn_load32(m, t->data + 4 * i);
    }
}

/* UTF-8 of code points from *at on, whole ones only, until out is full; moves *at. */
static size_t encode(const tn_walk *w, const text *t, uint64_t *at, uint8_t *out, size_t cap)
{
    size_t n = 0;
    if (t->ascii) {
        n = t->length - *at < cap ? (size_t)(t->length - *at) : cap;
        memcpy(out, TN_AT(&w->target->memory, t->data + *at), n);
        *at += n;
        return n;
    }
    while (*at < t->length && n + 4 <= cap)
        n += put_code_point(out + n, code_point(w, t, (*at)++));
    return n;
}

size_t tn__str_utf8(tn_walk *w, uint64_t str, char *out, size_t cap, bool *cut)
{
    text t = text_of(w, str);
    uint64_t at = 0;
    size_t n = encode(w, &t, &at, (uint8_t *)out, cap);
    if (cut)
        *cut = at < t.length;
    return n;
}

uint64_t tn__hash(const void *bytes, size_t n)
{
    return XXH3_64bits(bytes, n);
}

uint64_t tn__content_hash(tn_walk *w, uint64_t object, const tn_type_info *t)
{
    const tn_memory *m = &w->target->memory;
    if (t->kind == TN_KIND_BYTES) {
        uint64_t n = tn_load64(m, object + 16), data = object + w->layout->bytes_value;
        return !tn__usable(w, data, n) ? 0 : XXH3_64bits(TN_AT(m, data), n);
    }
    text s = text_of(w, object);
    if (s.ascii)
        return XXH3_64bits(TN_AT(m, s.data), s.length);
    XXH3_state_t state;
    uint8_t buffer[1024];
    uint64_t at = 0;
    XXH3_64bits_reset(&state);
    while (at < s.length) {
        size_t n = encode(w, &s, &at, buffer, sizeof buffer);
        XXH3_64bits_update(&state, buffer, n);
    }
    return XXH3_64bits_digest(&state);
}

/* ---- dicts, by key text ---- */

uint64_t tn__dict_find(tn_walk *w, uint64_t dict, const char *key, bool prefix)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint64_t keys = tn_load64(m, dict + l->dict_keys), values = tn_load64(m, dict + l->dict_values);
    if (!tn_memory_readable(m, keys, l->keys_indices))
        return 0;
    uint64_t at = keys + l->keys_indices + (1ull << tn_load8(m, keys + l->keys_log2_index_bytes));
    uint64_t n = tn_load64(m, keys + l->keys_nentries);
    unsigned general = tn_load8(m, keys + l->keys_kind) == 0, stride = general ? 24 : 16;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t entry = at + i * stride + 8 * general, name = tn_load64(m, entry);
        if (!name || !tn__str_is(w, name, key, prefix))
            continue;
        return values ? tn_load64(m, values + l->values_items + 8 * i) : tn_load64(m, entry + 8);
    }
    return 0;
}

/* ---- numbers ---- */

enum { DIGIT_BITS = 30 };

static uint64_t int_digits(const tn_walk *w, uint64_t object, bool *negative)
{
    uint64_t tag = tn_load64(&w->target->memory, object + w->layout->long_tag);
    if (w->layout->int_style == TN_INT_TAGGED) {
        *negative = (tag & 3) == 2;
        return (tag & 3) == 1 ? 0 : tag >> 3;
    }
    *negative = (int64_t)tag < 0;
    return *negative ? 0 - tag : tag;
}

bool tn__int_small(const tn_walk *w, uint64_t object, int64_t *value)
{
    bool negative;
    uint64_t n = int_digits(w, object, &negative);
    const uint64_t at = object + w->layout->long_digits;
    if (n > 2)
        return false;
    int64_t low = n ? (int64_t)tn_load32(&w->target->memory, at) : 0;
    int64_t high = n == 2 ? (int64_t)tn_load32(&w->target->memory, at + 4) : 0;
    *value = negative ? -(high << DIGIT_BITS | low) : high << DIGIT_BITS | low;
    return true;
}

uint64_t tn__int_bits(const tn_walk *w, uint64_t object)
{
    bool negative;
    uint64_t n = int_digits(w, object, &negative);
    if (!n)
        return 0;
    uint32_t top = tn_load32(&w->target->memory, object + w->layout->long_digits + 4 * (n - 1));
    return (n - 1) * DIGIT_BITS + (top ? 32u - (unsigned)__builtin_clz(top) : 0);
}

static uint16_t preview_int(const tn_walk *w, uint64_t object, uint8_t *out, uint16_t *kind)
{
    bool negative;
    uint64_t n = int_digits(w, object, &negative), value = 0, bits = tn__int_bits(w, object);
    if (bits > 63) {
        *kind = TN_PREVIEW_BIGINT;
        memcpy(out, &bits, 8);
        out[8] = negative;
        return 9;
    }
    for (uint64_t i = n; i-- > 0;)
        value = value << DIGIT_BITS | tn_load32(&w->target->memory, object + w->layout->long_digits + 4 * i);
    value = negative ? 0 - value : value;
    *kind = TN_PREVIEW_INT;
    memcpy(out, &value, 8);
    return 8;
}

/* ---- previews ---- */

uint32_t tn__preview_room(const tn_walk *w, bool interned)
{
    uint32_t room = w->options.preview_bytes;
    if (interned && room < NAME_MAX_BYTES)
        room = NAME_MAX_BYTES; /* names: what attributes and globals are called */
    return w->options.redact ? 0 : room < TN_PREVIEW_MAX ? room : TN_PREVIEW_MAX;
}

static uint16_t preview_text(tn_walk *w, uint64_t object, uint8_t *out, uint16_t *kind)
{
    text t = text_of(w, object);
    size_t cap = tn__preview_room(w, t.interned);
    uint64_t at = 0;
    size_t n = cap ? encode(w, &t, &at, out, cap) : 0;
    if (!cap)
        return UINT16_MAX;
    bool cut = at < tn_load64(&w->target->memory, object + w->layout->str_length);
    *kind = (uint16_t)(TN_PREVIEW_TEXT | (cut ? TN_PREVIEW_CUT : 0));
    return (uint16_t)n;
}

static uint16_t preview_data(tn_walk *w, uint64_t data, uint64_t length, uint8_t *out, uint16_t *kind)
{
    uint64_t cap = w->options.preview_bytes < TN_PREVIEW_MAX ? w->options.preview_bytes : TN_PREVIEW_MAX;
    uint64_t n = length < cap ? length : cap;
    if (!data || !tn_memory_readable(&w->target->memory, data, n))
        n = 0;
    memcpy(out, TN_AT(&w->target->memory, n ? data : (uint64_t)(uintptr_t)out - w->target->memory.bias), n);
    *kind = (uint16_t)(TN_PREVIEW_BYTES | (n < length ? TN_PREVIEW_CUT : 0));
    return (uint16_t)n;
}

static uint16_t preview_name(tn_walk *w, uint64_t str, uint8_t *out, uint16_t *kind)
{
    bool cut = false;
    if (w->options.redact || !str || !tn__usable(w, str, 16) ||
        tn_load64(&w->target->memory, str + 8) != w->target->builtin_types[TN_BUILTIN_STR])
        return UINT16_MAX;
    size_t n = tn__str_utf8(w, str, (char *)out, NAME_MAX_BYTES, &cut);
    *kind = (uint16_t)(TN_PREVIEW_NAME | (cut ? TN_PREVIEW_CUT : 0));
    return (uint16_t)n;
}

static uint16_t preview_type(tn_walk *w, uint64_t object, uint8_t *out, uint16_t *kind)
{
    const tn_memory *m = &w->target->memory;
    uint64_t name = tn_load64(m, object + w->layout->type_name);
    uint16_t n = 0;
    while (n < NAME_MAX_BYTES && tn_memory_readable(m, name + n, 1) && tn_load8(m, name + n)) {
        out[n] = tn_load8(m, name + n);
        n++;
    }
    *kind = TN_PREVIEW_NAME;
    return w->options.redact ? UINT16_MAX : n;
}

uint16_t tn__preview(tn_walk *w, uint64_t object, const tn_type_info *t, uint8_t *out, uint16_t *kind)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    bool data = w->options.preview_bytes && !w->options.redact;
    switch (t->kind) {
    case TN_KIND_STR: return preview_text(w, object, out, kind);
    case TN_KIND_FUNCTION: return preview_name(w, tn_load64(m, object + l->function_qualname), out, kind);
    case TN_KIND_CODE: return preview_name(w, tn_load64(m, object + l->code_qualname), out, kind);
    case TN_KIND_MODULE: return preview_name(w, tn_load64(m, object + l->module_name), out, kind);
    case TN_KIND_TYPE: return preview_type(w, object, out, kind);
    default: break;
    }
    if (!data)
        return UINT16_MAX;
    switch (t->kind) {
    case TN_KIND_INT: return preview_int(w, object, out, kind);
    case TN_KIND_FLOAT:
        *kind = TN_PREVIEW_FLOAT;
        memcpy(out, TN_AT(m, object + l->float_value), 8);
        return 8;
    case TN_KIND_COMPLEX:
        *kind = TN_PREVIEW_COMPLEX;
        memcpy(out, TN_AT(m, object + l->complex_value), 16);
        return 16;
    case TN_KIND_BYTES: return preview_data(w, object + l->bytes_value, tn_load64(m, object + 16), out, kind);
    case TN_KIND_BYTEARRAY:
        return preview_data(w, tn_load64(m, object + l->bytearray_bytes + TN_BYTEARRAY_START),
                            tn_load64(m, object + 16), out, kind);
    default: return UINT16_MAX;
    }
}
