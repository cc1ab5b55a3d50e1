/* out.c - buffered output to a sink; after the sink refused once, everything is dropped and the end says so. */
#include "view/view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tn__out_init(tn_out *out, const tn_sink *sink)
{
    out->sink = sink;
    out->n = 0;
    out->failed = false;
}

static void flush(tn_out *out)
{
    if (out->n > 0 && !out->failed)
        out->failed = !out->sink->write(out->sink->ctx, out->buffer, out->n);
    out->n = 0;
}

void tn__out_bytes(tn_out *out, const char *bytes, size_t n)
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

void tn__out_text(tn_out *out, const char *text)
{
    tn__out_bytes(out, text, strlen(text));
}

void tn__out_escaped(tn_out *out, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t used = tn__utf8_next(text + i, n - i, &c);
        char piece[16];
        tn_text t;
        tn__text_init(&t, piece, sizeof piece);
        tn__text_escaped(&t, text + i, used, 0);
        tn__out_bytes(out, piece, t.n);
        i += used;
    }
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
