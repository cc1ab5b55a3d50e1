/* quote.c - the recorded beginning of a value, as Python's repr would show it. */
#include "view/view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* repr(float): the fewest digits that read back the same; exponents where Python writes them. */
static void add_float(tn_text *t, double value, bool in_complex)
{
    if (isnan(value) || isinf(value)) {
        tn__text_format(t, "%s", isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    char digits[24], text[48];
    int exponent, n = tn__float_digits(fabs(value), digits, &exponent), at = 0;
    if (signbit(value))
        text[at++] = '-';
    if (exponent < -4 || exponent >= 16) {
        at += snprintf(text + at, sizeof text - (size_t)at, n > 1 ? "%c.%.*se%+03d" : "%c%.*se%+03d", digits[0], n - 1,
                       digits + 1, exponent);
    } else {
        for (int i = exponent < 0 ? exponent : 0; i < n || i <= exponent; i++) {
            if (i == exponent + 1)
                text[at++] = '.';
            text[at++] = i >= 0 && i < n ? digits[i] : '0';
        }
    }
    text[at] = 0;
    tn__text_add(t, text, (size_t)at);
    if (!in_complex && !strpbrk(text, ".e"))
        tn__text_add(t, ".0", 2);
}

static void add_complex(tn_text *t, double real, double imaginary)
{
    bool plain = real == 0 && !signbit(real);
    if (!plain) {
        tn__text_add(t, "(", 1);
        add_float(t, real, true);
        if (!signbit(imaginary) || isnan(imaginary))
            tn__text_add(t, "+", 1);
    }
    add_float(t, imaginary, true);
    tn__text_add(t, plain ? "j" : "j)", plain ? 1 : 2);
}

static void add_bytes(tn_text *t, const uint8_t *bytes, size_t n)
{
    bool doubled = n && memchr(bytes, '\'', n) && !memchr(bytes, '"', n);
    char quote = doubled ? '"' : '\'';
    tn__text_format(t, "b%c", quote);
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == (uint8_t)quote || bytes[i] == '\\')
            tn__text_format(t, "\\%c", bytes[i]);
        else if (bytes[i] == '\n' || bytes[i] == '\r' || bytes[i] == '\t')
            tn__text_format(t, "\\%c", bytes[i] == '\n' ? 'n' : bytes[i] == '\r' ? 'r' : 't');
        else if (bytes[i] < 0x20 || bytes[i] >= 0x7f)
            tn__text_format(t, "\\x%02x", bytes[i]);
        else
            tn__text_format(t, "%c", bytes[i]);
    }
    tn__text_add(t, &quote, 1);
}

/* By hand, as a table of millions of objects may have millions. */
static void add_integer(tn_text *t, int64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[--at] = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        digits[--at] = '-';
    tn__text_add(t, digits + at, sizeof digits - at);
}

static void add_number(tn_text *t, int kind, const tn_preview *p)
{
    uint64_t word = 0;
    double parts[2] = {0, 0};
    if (p->length >= 8)
        memcpy(&word, p->bytes, 8);
    if (p->length >= 16)
        memcpy(parts, p->bytes, 16);
    else
        memcpy(parts, &word, 8);
    if (kind == TN_PREVIEW_INT)
        add_integer(t, (int64_t)word);
    else if (kind == TN_PREVIEW_FLOAT)
        add_float(t, parts[0], false);
    else if (kind == TN_PREVIEW_COMPLEX)
        add_complex(t, parts[0], parts[1]);
    else
        tn__text_format(t, "<%sint of %" PRIu64 " bits>", p->length > 8 && p->bytes[8] ? "negative " : "", word);
}

void tn__preview_print(tn_text *t, const tn_preview *p, bool truth)
{
    int kind = p->kind & ~TN_PREVIEW_CUT;
    const char *text = (const char *)p->bytes;
    if (kind == TN_PREVIEW_TEXT)
        tn__text_quoted(t, text, p->length);
    else if (kind == TN_PREVIEW_BYTES)
        add_bytes(t, p->bytes, p->length);
    else if (kind == TN_PREVIEW_NAME)
        tn__text_escaped(t, text, p->length, 0);
    else if (kind == TN_PREVIEW_INT && truth)
        tn__text_format(t, "%s", p->bytes[0] ? "True" : "False");
    else if (kind >= TN_PREVIEW_INT && kind <= TN_PREVIEW_COMPLEX)
        add_number(t, kind, p);
    else
        return;
    if (p->kind & TN_PREVIEW_CUT)
        tn__text_add(t, "…", strlen("…"));
}

int tn_node_preview(tn_snapshot *s, uint32_t id, char *out, size_t cap, tn_error *err)
{
    tn_preview preview;
    tn_node node;
    tn_type type;
    TN_TRY(tn__snapshot_preview(s, id, &preview, err));
    tn_text t;
    tn__text_init(&t, out, cap);
    bool number = (preview.kind & ~TN_PREVIEW_CUT) == TN_PREVIEW_INT;
    tn__preview_print(&t, &preview,
                      number && tn_node_get(s, id, &node, NULL) == 0 && tn_snapshot_type(s, node.type, &type) == 0 &&
                          strcmp(type.full_name, "bool") == 0);
    return tn__text_end(&t);
}
