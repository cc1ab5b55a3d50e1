/* text.c - bounded text, UTF-8 with lone surrogates, and the escapes that make any name safe on a terminal. */
#include "view/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tn__text_init(tn_text *t, char *out, size_t cap)
{
    t->out = out;
    t->cap = cap;
    t->n = 0;
}

void tn__text_add(tn_text *t, const char *bytes, size_t n)
{
    if (t->n < t->cap) {
        size_t room = t->cap - t->n;
        memcpy(t->out + t->n, bytes, n < room ? n : room);
    }
    t->n += n;
}

void tn__text_format(tn_text *t, const char *format, ...)
{
    char piece[128];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    if (n > 0)
        tn__text_add(t, piece, (size_t)n < sizeof piece ? (size_t)n : sizeof piece - 1);
}

int tn__text_end(tn_text *t)
{
    if (t->cap > 0) {
        size_t end = t->n;
        if (end >= t->cap) {
            end = t->cap - 1;
            while (end > 0 && ((unsigned char)t->out[end] & 0xc0) == 0x80)
                end--;
        }
        t->out[end] = '\0';
    }
    return t->n > INT32_MAX ? INT32_MAX : (int)t->n;
}

/* Shortest form only; U+D800..DFFF are let through, as the file stores them. */
size_t tn__utf8_next(const char *bytes, size_t n, uint32_t *character)
{
    const unsigned char *p = (const unsigned char *)bytes;
    *character = TN_BAD_CHARACTER;
    if (p[0] < 0x80) {
        *character = p[0];
        return 1;
    }
    size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0xc2 || p[0] > 0xf4 || length > n)
        return 1;
    uint32_t c = p[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 1;
        c = (c << 6) | (p[i] & 0x3fu);
    }
    if (c < least[length] || c > 0x10ffff)
        return 1;
    *character = c;
    return length;
}

typedef struct tn_range {
    uint32_t first, last;
} tn_range;

static bool in_ranges(uint32_t c, const tn_range *ranges, size_t n)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = (low + n) / 2;
        if (c > ranges[middle].last)
            low = middle + 1;
        else if (c < ranges[middle].first)
            n = middle;
        else
            return true;
    }
    return false;
}

/* Unicode categories Cc, Cf, Cs, Co, Zl, Zp and Zs but the space: what str.isprintable() denies, unassigned code points
 * aside. */
static const tn_range unprintable[] = {
    {0x0, 0x1f},        {0x7f, 0xa0},        {0xad, 0xad},       {0x600, 0x605},     {0x61c, 0x61c},
    {0x6dd, 0x6dd},     {0x70f, 0x70f},      {0x890, 0x891},     {0x8e2, 0x8e2},     {0x1680, 0x1680},
    {0x180e, 0x180e},   {0x2000, 0x200f},    {0x2028, 0x202f},   {0x205f, 0x206f},   {0x3000, 0x3000},
    {0xd800, 0xf8ff},   {0xfdd0, 0xfdef},    {0xfeff, 0xfeff},   {0xfff0, 0xfffb},   {0xfffe, 0xffff},
    {0x110bd, 0x110bd}, {0x110cd, 0x110cd},  {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, 0xe00ff}, {0xe01f0, 0x10ffff},
};

/* East Asian wide and emoji, as terminals draw them. */
static const tn_range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
    {0xa960, 0xa97c},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6},   {0x16fe0, 0x18cff}, {0x1b000, 0x1b2ff}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
    {0x1f900, 0x1faff}, {0x20000, 0x3fffd},
};

static const tn_range combining[] = {
    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
    {0x93c, 0x93c},   {0x94d, 0x94d},   {0xe31, 0xe31},   {0xe34, 0xe3a},   {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint32_t character_width(uint32_t c)
{
    if (c < 0x300 || c == TN_BAD_CHARACTER)
        return 1;
    if (in_ranges(c, combining, COUNT(combining)))
        return 0;
    return in_ranges(c, wide, COUNT(wide)) ? 2 : 1;
}

uint32_t tn__text_width(const char *text, size_t n)
{
    uint32_t width = 0, c;
    for (size_t i = 0; i < n;) {
        i += tn__utf8_next(text + i, n - i, &c);
        width += character_width(c);
    }
    return width;
}

size_t tn__text_fit(const char *text, size_t n, uint32_t columns)
{
    uint32_t width = 0, c;
    size_t i = 0;
    while (i < n) {
        size_t used = tn__utf8_next(text + i, n - i, &c);
        width += character_width(c);
        if (width > columns)
            break;
        i += used;
    }
    return i;
}

static void add_code(tn_text *t, uint32_t c)
{
    if (c == '\n' || c == '\r' || c == '\t')
        tn__text_format(t, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c <= 0xff)
        tn__text_format(t, "\\x%02x", (unsigned)c);
    else if (c <= 0xffff)
        tn__text_format(t, "\\u%04x", (unsigned)c);
    else
        tn__text_format(t, "\\U%08x", (unsigned)c);
}

void tn__text_escaped(tn_text *t, const char *bytes, size_t n, char quote)
{
    size_t i = 0, plain = 0; /* bytes[plain..i) need no escape */
    while (i < n) {
        uint32_t c;
        size_t used = tn__utf8_next(bytes + i, n - i, &c);
        bool quoted = quote && (c == '\\' || c == (uint32_t)(unsigned char)quote);
        bool bad = c == TN_BAD_CHARACTER;
        if (quoted || bad || (c != ' ' && in_ranges(c, unprintable, COUNT(unprintable)))) {
            tn__text_add(t, bytes + plain, i - plain);
            if (quoted)
                tn__text_format(t, "\\%c", (int)c);
            else
                add_code(t, bad ? (unsigned char)bytes[i] : c);
            plain = i + used;
        }
        i += used;
    }
    tn__text_add(t, bytes + plain, i - plain);
}

void tn__text_quoted(tn_text *t, const char *bytes, size_t n)
{
    bool doubled = n && memchr(bytes, '\'', n) && !memchr(bytes, '"', n);
    char quote = doubled ? '"' : '\'';
    tn__text_add(t, &quote, 1);
    tn__text_escaped(t, bytes, n, quote);
    tn__text_add(t, &quote, 1);
}
