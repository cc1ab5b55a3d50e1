/* out.c - buffered output to a sink; after the sink refused once, everything is dropped and the end says so.
 *
 * Prose can be wrapped: a word waits until it is whole, then goes on the line or on the next one.
 */
#include "view/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tn__out_init(tn_out *out, const tn_sink *sink)
{
    out->sink = sink;
    out->n = 0;
    out->failed = false;
    out->wrap = 0;
}

static void flush(tn_out *out)
{
    if (out->n > 0 && !out->failed)
        out->failed = !out->sink->write(out->sink->ctx, out->buffer, out->n);
    out->n = 0;
}

static void put(tn_out *out, const char *bytes, size_t n)
{
    while (n > 0) {
        size_t room = sizeof out->buffer - out->n;
        size_t now = n < room ? n : room;
        memcpy(out->buffer + out->n, bytes, now);
        out->n += now;
        bytes += now;
        n -= now;
        if (out->n == sizeof out->buffer)
            flush(out);
    }
}

/* Columns of a word; escape sequences of colours take none. */
static uint32_t word_width(const char *word, size_t n)
{
    uint32_t width = 0;
    for (size_t i = 0; i < n;) {
        size_t start = i;
        while (i < n && word[i] != '\033')
            i++;
        width += tn__text_width(word + start, i - start);
        while (i < n && word[i++] != 'm') {
        }
    }
    return width;
}

static void put_word(tn_out *out)
{
    static const char blanks[] = "                ";
    uint32_t width = word_width(out->word, out->n_word);
    size_t n = out->n_blanks < sizeof blanks - 1 ? out->n_blanks : sizeof blanks - 1;
    if (!out->n_word)
        return;
    if (out->used && (uint64_t)out->used + n + width > out->wrap) {
        put(out, "\n  ", 3);
        out->used = 2;
        n = 0;
    }
    put(out, blanks, n);
    put(out, out->word, out->n_word);
    out->used += (uint32_t)n + width;
    out->n_blanks = out->n_word = 0;
}

static void put_wrapped(tn_out *out, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == ' ' || bytes[i] == '\n') {
            put_word(out);
            out->n_blanks += bytes[i] == ' ';
        } else {
            bool whole = ((unsigned char)bytes[i] & 0xc0) != 0x80; /* a character begins: none is torn */
            if (out->n_word >= sizeof out->word - 4 && whole)
                put_word(out);
            out->word[out->n_word++] = bytes[i];
            if (out->n_word == sizeof out->word)
                put_word(out);
        }
        if (bytes[i] == '\n') {
            put(out, "\n", 1);
            out->used = 0;
            out->n_blanks = 0;
        }
    }
}

void tn__out_wrap(tn_out *out, uint32_t width)
{
    out->wrap = width ? width : 100;
    out->used = 0;
    out->n_blanks = out->n_word = 0;
}

void tn__out_unwrap(tn_out *out)
{
    put_word(out);
    out->wrap = 0;
}

void tn__out_bytes(tn_out *out, const char *bytes, size_t n)
{
    if (out->wrap)
        put_wrapped(out, bytes, n);
    else
        put(out, bytes, n);
}

void tn__out_text(tn_out *out, const char *text)
{
    tn__out_bytes(out, text, strlen(text));
}

/* quote: what stands for a single quote. */
static void add_escaped(tn_out *out, const char *text, const char *quote)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t used = tn__utf8_next(text + i, n - i, &c);
        char piece[16];
        tn_text t;
        tn__text_init(&t, piece, sizeof piece);
        tn__text_escaped(&t, text + i, used, 0);
        if (c == '\'')
            tn__out_text(out, quote);
        else
            tn__out_bytes(out, piece, t.n);
        i += used;
    }
}

void tn__out_escaped(tn_out *out, const char *text)
{
    add_escaped(out, text, "'");
}

void tn__out_argument(tn_out *out, const char *text)
{
    bool plain = *text && !strpbrk(text, " \t\n'\"\\$`*?[](){}<>|&;#~!");
    if (!plain)
        tn__out_text(out, "'");
    add_escaped(out, text, plain ? "'" : "'\\''");
    if (!plain)
        tn__out_text(out, "'");
}

void tn__out_format(tn_out *out, const char *format, ...)
{
    char piece[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    if (n > 0)
        tn__out_bytes(out, piece, (size_t)n < sizeof piece ? (size_t)n : sizeof piece - 1);
}

int tn__out_end(tn_out *out, tn_error *err)
{
    flush(out);
    return out->failed ? tn__error_set(err, TN_EIO, 0, "the output could not be written") : TN_OK;
}
