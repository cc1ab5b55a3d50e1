/* path_short.c - a path in a sentence: the same attribute again and again is written once, with how often. Nobody can take
 * that for Python; JSON has the whole path.
 */
#include <stdio.h>
#include <string.h>

#include "view/sentences.h"

enum { LEAST_REPEATS = 4 }; /* then what is written is never longer */

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Length of ".name" at the beginning; 0: there is none. */
static size_t attribute(const char *text)
{
    size_t n = 1;
    if (*text != '.')
        return 0;
    while (is_name(text[n]))
        n++;
    return n > 1 ? n : 0;
}

/* How often the attribute of n bytes stands here, one behind the other. */
static size_t repeats(const char *text, size_t n)
{
    size_t times = 0;
    for (; strncmp(text, text + times * n, n) == 0 && attribute(text + times * n) == n; times++) {
    }
    return times;
}

/* A quoted key, as Python writes it, or one character. */
static size_t other(const char *text)
{
    size_t n = 1;
    if (*text != '\'' && *text != '"')
        return n;
    while (text[n] && text[n] != *text)
        n += text[n] == '\\' && text[n + 1] ? 2 : 1;
    return n + (text[n] != '\0');
}

size_t tn__path_shorten(char *text)
{
    char *to = text;
    for (const char *from = text; *from;) {
        size_t n = attribute(from), times = n ? repeats(from, n) : 0;
        if (times >= LEAST_REPEATS) {
            char digits[24];
            int n_digits = snprintf(digits, sizeof digits, "%zu", times);
            memmove(to + 1, from, n);
            *to = '(';
            memcpy(to + 1 + n, ")×", sizeof ")×" - 1);
            to += 1 + n + sizeof ")×" - 1;
            memcpy(to, digits, (size_t)n_digits);
            to += n_digits;
            from += times * n;
        } else {
            n = n ? n : other(from);
            memmove(to, from, n);
            to += n;
            from += n;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}
