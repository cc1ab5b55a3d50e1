/* plop_dump.c - what plop's collector wrote: the repr of a dict of stacks, innermost frame first, and their samples.
 *
 *     {(('/srv/app.py', 10, 'work'), ('/srv/app.py', 1, '<module>')): 42, …}      file, first line, name
 *
 * It is Python, and what plop's viewer reads by literal_eval; here it is just that, as repr writes it, or refused: no other
 * literals, prefixes, escapes, comments or expressions. Nothing nests deeper than this.
 */
#include "import/import.h"

#include <string.h>

typedef struct tn_plop {
    const uint8_t *bytes;
    size_t n, at;
    tn_traced *traced;
    tn_buf text;   /* of the string under way */
    tn_buf frames; /* tn_traced_code, of the stack under way */
    tn_error *err;
} tn_plop;

static int refuse(tn_plop *p, const char *what)
{
    return tn__error_set(p->err, TN_EFORMAT, p->at, "byte %llu: %s", (unsigned long long)p->at,
                         p->at < p->n ? what : "it ends in the middle");
}

static int told(tn_plop *p, int status)
{
    if (status == TN_ELIMIT)
        return refuse(p, "more samples, names or stacks than a snapshot can have");
    return status < 0 ? tn__error_set(p->err, TN_ENOMEM, 0, "not enough memory for this dump") : TN_OK;
}

/* ---- words ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The next character that is not blank; 0: there is none. */
static uint8_t peek(tn_plop *p)
{
    while (p->at < p->n && is_blank(p->bytes[p->at]))
        p->at++;
    return p->at < p->n ? p->bytes[p->at] : 0;
}

static bool take(tn_plop *p, char c)
{
    if (peek(p) != (uint8_t)c)
        return false;
    p->at++;
    return true;
}

static int expect(tn_plop *p, char c, const char *what)
{
    return take(p, c) ? TN_OK : refuse(p, what);
}

static int take_number(tn_plop *p, uint64_t most, uint64_t *out)
{
    uint64_t number = 0;
    if (peek(p) < '0' || peek(p) > '9')
        return refuse(p, "a number that is none");
    const bool zero = p->bytes[p->at] == '0';
    for (size_t first = p->at; p->at < p->n && p->bytes[p->at] >= '0' && p->bytes[p->at] <= '9'; p->at++) {
        unsigned digit = p->bytes[p->at] - '0';
        if ((zero && p->at > first) || number > (most - digit) / 10)
            return refuse(p, "a number that is too large, or begins with 0");
        number = number * 10 + digit;
    }
    *out = number;
    return TN_OK;
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Behind the backslash: what repr writes. */
static int take_escape(tn_plop *p)
{
    static const char letters[] = "nrt\\'\"", meant[] = "\n\r\t\\'\"";
    uint8_t c = p->at < p->n ? p->bytes[p->at] : 0;
    const char *letter = c ? strchr(letters, c) : NULL;
    unsigned digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t code = 0;
    if (letter)
        code = (uint8_t)meant[letter - letters];
    else if (!digits)
        return refuse(p, "an escape that repr does not write");
    p->at++;
    for (; digits; digits--, p->at++) {
        int digit = p->at < p->n ? hex_digit(p->bytes[p->at]) : -1;
        if (digit < 0)
            return refuse(p, "an escape that is none");
        code = code << 4 | (unsigned)digit;
    }
    if (code == 0 || code > 0x10ffff)
        return refuse(p, "a name with a zero in it, or what is no character");
    return told(p, tn__utf8_encode(&p->text, code));
}

/* A row of texts. */
static int take_text(tn_plop *p, uint32_t *text)
{
    const uint8_t quote = peek(p);
    if (quote != '\'' && quote != '"')
        return refuse(p, "a name that is no text");
    p->text.size = 0;
    for (p->at++; p->at < p->n && p->bytes[p->at] != quote;) {
        const size_t first = p->at;
        if (p->bytes[p->at] == '\\') {
            p->at++;
            TN_TRY(take_escape(p));
            continue;
        }
        while (p->at < p->n && p->bytes[p->at] != quote && p->bytes[p->at] != '\\') {
            if (p->bytes[p->at] < ' ')
                return refuse(p, "a control character in a text");
            p->at++;
        }
        if (tn__utf8_length(p->bytes + first, p->at - first) != p->at - first)
            return refuse(p, "a text that is no UTF-8");
        TN_TRY(told(p, tn__buf_append(&p->text, p->bytes + first, p->at - first)));
    }
    TN_TRY(expect(p, (char)quote, ""));
    return told(p, tn__strtab_add(&p->traced->texts, (const char *)p->text.data, p->text.size, text));
}

/* ---- frames and stacks ---- */

static int take_frame(tn_plop *p)
{
    static const char what[] = "a frame that is no file, line and name";
    tn_traced_code code;
    uint64_t line = 0;
    TN_TRY(expect(p, '(', what));
    TN_TRY(take_text(p, &code.file));
    TN_TRY(expect(p, ',', what));
    TN_TRY(take_number(p, UINT32_MAX, &line));
    TN_TRY(expect(p, ',', what));
    TN_TRY(take_text(p, &code.name));
    TN_TRY(expect(p, ')', what));
    code.first_line = (uint32_t)line;
    return told(p, tn__buf_append(&p->frames, &code, sizeof code));
}

/* A tuple of one has a comma behind it. */
static int take_stack(tn_plop *p, uint32_t *stack)
{
    const tn_traced_code *codes;
    size_t n = 0;
    bool more = true;
    p->frames.size = 0;
    TN_TRY(expect(p, '(', "a stack that is no tuple"));
    for (; more && peek(p) != ')'; n++) {
        TN_TRY(take_frame(p));
        more = take(p, ',');
    }
    TN_TRY(expect(p, ')', "a stack that does not end"));
    if (n == 0 || (n == 1 && !more))
        return refuse(p, "a stack that is no tuple of frames");
    codes = (const tn_traced_code *)(const void *)p->frames.data;
    for (*stack = 0; n > 0; n--)
        TN_TRY(told(p, tn__traced_call(p->traced, *stack, &codes[n - 1], 0, stack)));
    return TN_OK;
}

static int take_item(tn_plop *p)
{
    uint32_t stack = 0, before = p->traced->places.count;
    uint64_t samples = 0;
    TN_TRY(take_stack(p, &stack));
    TN_TRY(expect(p, ':', "a stack without a number of samples"));
    TN_TRY(take_number(p, INT64_MAX, &samples));
    if (samples == 0)
        return refuse(p, "a stack without samples");
    TN_TRY(told(p, tn__traced_add(p->traced, stack, 0, samples, 0)));
    return p->traced->places.count == before ? refuse(p, "a stack that is there already") : TN_OK;
}

static int take_dict(tn_plop *p)
{
    bool more = true;
    TN_TRY(expect(p, '{', "no dict"));
    while (more && peek(p) != '}') {
        TN_TRY(take_item(p));
        more = take(p, ',');
    }
    TN_TRY(expect(p, '}', "a dict that does not end"));
    return peek(p) || p->at < p->n ? refuse(p, "more follows behind its end") : TN_OK;
}

bool tn__is_plop(const uint8_t *bytes, size_t n)
{
    tn_plop p = {.bytes = bytes, .n = n};
    return take(&p, '{') && peek(&p) == '(';
}

int tn__plop_read(const uint8_t *bytes, size_t n, tn_traced *t, tn_error *err)
{
    tn_plop p = {.bytes = bytes, .n = n, .traced = t, .err = err};
    t->format = "plop";
    t->sampled = true;
    tn__buf_init(&p.text, t->alloc);
    tn__buf_init(&p.frames, t->alloc);
    int status = told(&p, tn__buf_reserve(&p.text, 1)); /* an empty text is no null pointer */
    if (status == TN_OK)
        status = take_dict(&p);
    tn__buf_free(&p.text);
    tn__buf_free(&p.frames);
    return status;
}
