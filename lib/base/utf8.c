/* utf8.c - text as the file holds it: UTF-8, in which a surrogate is three bytes like any other code point. */
#include "base/base.h"

/* Bytes of the well-formed sequence at p, or 0. */
static size_t sequence(const uint8_t *p, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t bytes = 0;
    if (*p < 0x80)
        return 1;
    if (*p >= 0xc2 && *p < 0xf5)
        bytes = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
    if (bytes == 0 || bytes > n)
        return 0;
    uint32_t code = *p & (0xffu >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    return code >= least[bytes] && code <= 0x10ffff ? bytes : 0;
}

size_t tn__utf8_length(const uint8_t *text, size_t n)
{
    size_t at = 0;
    for (size_t step = 1; at < n && step; at += step)
        step = sequence(text + at, n - at);
    return at;
}

int tn__utf8_append(tn_buf *out, const uint8_t *text, size_t n)
{
    while (n) {
        size_t whole = tn__utf8_length(text, n);
        TN_TRY(tn__buf_append(out, text, whole));
        if (whole == n)
            break;
        uint8_t bad = text[whole], escaped[3] = {0xed, (uint8_t)(0xb0 | bad >> 6), (uint8_t)(0x80 | (bad & 0x3f))};
        TN_TRY(tn__buf_append(out, escaped, sizeof escaped));
        text += whole + 1;
        n -= whole + 1;
    }
    return 0;
}

int tn__utf8_encode(tn_buf *out, uint32_t c)
{
    uint8_t bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; c >>= 6)
        bytes[i] = (uint8_t)(0x80 | (c & 0x3f));
    bytes[0] = (uint8_t)(leads[n] | c);
    return tn__buf_append(out, bytes, n);
}
