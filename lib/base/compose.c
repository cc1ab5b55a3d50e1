/* compose.c - texts from a pattern, with the few conversions of printf that messages need.
 *
 * Not snprintf: a writer may run in a copy of the process that clone made in the middle of anything, where stdio, locales
 * and malloc are in no known state.
 */
#include "base/base.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

typedef struct text {
    char *out;
    size_t cap, n; /* n: as long as it would be with room for all */
} text;

static void add(text *t, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++, t->n++)
        if (t->n + 1 < t->cap)
            t->out[t->n] = bytes[i];
}

static void add_number(text *t, uint64_t value, unsigned base)
{
    char digits[24];
    size_t at = sizeof digits;
    do
        digits[--at] = "0123456789abcdef"[value % base];
    while (value /= base);
    add(t, digits + at, sizeof digits - at);
}

static void add_text(text *t, const char *s, int most)
{
    size_t n = 0;
    s = s ? s : "(null)";
    while ((most < 0 || n < (size_t)most) && s[n])
        n++;
    add(t, s, n);
}

/* '.' and a number, or the argument for "*"; negative: none. */
static int take_precision(const char **p, int argument)
{
    int most = 0;
    if (**p == '*') {
        ++*p;
        return argument;
    }
    for (; **p >= '0' && **p <= '9'; ++*p)
        most = 10 * most + (**p - '0');
    return most;
}

static bool take_length(const char **p)
{
    bool is_long = false;
    for (; **p == 'l' || **p == 'z'; ++*p)
        is_long = true;
    return is_long;
}

size_t tn__compose_list(char *out, size_t cap, const char *pattern, va_list args)
{
    text t = {out, cap, 0};
    static_assert(sizeof(long) == sizeof(long long) && sizeof(long) == sizeof(size_t), "one width for l, ll and z");
    for (const char *p = pattern; *p; p++) {
        int most = -1;
        if (*p != '%') {
            add(&t, p, 1);
            continue;
        }
        if (*++p == '.') {
            p++;
            most = take_precision(&p, *p == '*' ? va_arg(args, int) : 0);
        }
        bool is_long = take_length(&p);
        if (*p == '%') {
            add(&t, p, 1);
        } else if (*p == 's') {
            add_text(&t, va_arg(args, const char *), most);
        } else if (*p == 'd') {
            long value = is_long ? va_arg(args, long) : va_arg(args, int);
            add(&t, "-", value < 0);
            add_number(&t, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
        } else {
            assert(*p == 'u' || *p == 'x');
            add_number(&t, is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned), *p == 'x' ? 16 : 10);
        }
    }
    if (cap)
        out[t.n < cap ? t.n : cap - 1] = 0;
    return t.n;
}

size_t tn__compose(char *out, size_t cap, const char *pattern, ...)
{
    va_list args;
    va_start(args, pattern);
    size_t n = tn__compose_list(out, cap, pattern, args);
    va_end(args);
    return n;
}
