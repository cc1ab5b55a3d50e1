/* json.c - JSON in pieces (docs/view-json.md). Strings are valid UTF-8; what is not becomes an escape. */
#include "view/view.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void tn__json_quoted(tn_out *out, const char *text, size_t n)
{
    tn__out_text(out, "\"");
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t used = tn__utf8_next(text + i, n - i, &c);
        if (c == '"' || c == '\\')
            tn__out_format(out, "\\%c", (int)c);
        else if (c == '\n')
            tn__out_text(out, "\\n");
        else if (c < 0x20 || c == 0x7f || (c >= 0xd800 && c <= 0xdfff))
            tn__out_format(out, "\\u%04x", (unsigned)c);
        else if (c == TN_BAD_CHARACTER)
            tn__out_text(out, "\\ufffd");
        else
            tn__out_bytes(out, text + i, used);
        i += used;
    }
    tn__out_text(out, "\"");
}

static void begin(tn_json *j, const char *key)
{
    if (j->comma)
        tn__out_text(j->out, ",");
    j->comma = true;
    if (key) {
        tn__json_quoted(j->out, key, strlen(key));
        tn__out_text(j->out, ":");
    }
}

void tn__json_line(tn_json *j)
{
    if (j->comma)
        tn__out_text(j->out, ",");
    tn__out_text(j->out, "\n");
    j->comma = false;
}

void tn__json_open(tn_json *j, const char *key, char bracket)
{
    begin(j, key);
    tn__out_bytes(j->out, &bracket, 1);
    j->comma = false;
}

void tn__json_close(tn_json *j, char bracket)
{
    tn__out_bytes(j->out, &bracket, 1);
    j->comma = true;
}

void tn__json_null(tn_json *j, const char *key)
{
    begin(j, key);
    tn__out_text(j->out, "null");
}

void tn__json_string(tn_json *j, const char *key, const char *text)
{
    if (!text) {
        tn__json_null(j, key);
        return;
    }
    begin(j, key);
    tn__json_quoted(j->out, text, strlen(text));
}

void tn__json_label(tn_json *j, const char *key, const char *label)
{
    tn__json_string(j, key, label && *label == ' ' ? label + 1 : label);
}

void tn__json_u64(tn_json *j, const char *key, uint64_t value)
{
    begin(j, key);
    tn__out_format(j->out, "%" PRIu64, value);
}

void tn__json_i64(tn_json *j, const char *key, int64_t value)
{
    begin(j, key);
    tn__out_format(j->out, "%" PRId64, value);
}

/* printf writes the decimal point of the locale; JSON has one only. */
static void number(tn_json *j, const char *format, double value)
{
    char text[64];
    snprintf(text, sizeof text, format, value);
    for (char *p = text; *p; p++)
        if (!strchr("0123456789+-eE", *p))
            *p = '.';
    tn__out_text(j->out, text);
}

void tn__json_double(tn_json *j, const char *key, double value)
{
    if (!isfinite(value)) {
        tn__json_null(j, key);
        return;
    }
    begin(j, key);
    number(j, "%.17g", value);
}

void tn__json_pct(tn_json *j, const char *key, uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        tn__json_null(j, key);
        return;
    }
    begin(j, key);
    number(j, "%.4f", tn__pct(part, whole));
}

void tn__json_hex(tn_json *j, const char *key, uint64_t value)
{
    if (value == 0) {
        tn__json_null(j, key);
        return;
    }
    begin(j, key);
    tn__out_format(j->out, "\"0x%" PRIx64 "\"", value);
}

void tn__json_bool(tn_json *j, const char *key, bool value)
{
    begin(j, key);
    tn__out_text(j->out, value ? "true" : "false");
}

void tn__json_strings(tn_json *j, const char *key, const char *const *texts, size_t n)
{
    tn__json_open(j, key, '[');
    for (size_t i = 0; i < n; i++)
        tn__json_string(j, NULL, texts[i]);
    tn__json_close(j, ']');
}

void tn__json_columns(tn_json *j, const tn_json_column *all, size_t n, const bool *there)
{
    tn__json_open(j, "columns", '[');
    for (size_t i = 0; i < n; i++)
        if (there[all[i].where])
            tn__json_string(j, NULL, all[i].name);
    tn__json_close(j, ']');
    tn__json_open(j, "units", '{');
    for (size_t i = 0; i < n; i++)
        if (there[all[i].where] && all[i].unit)
            tn__json_string(j, all[i].name, all[i].unit);
    tn__json_close(j, '}');
}

void tn__json_start(tn_json *j, tn_out *out, const char *view)
{
    *j = (tn_json){.out = out};
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "schema", 1);
    tn__json_string(j, "view", view);
}
