/* dump_json.c - one JSON object with the keys of Meliae's scanner, in any order and with any blanks; other keys are skipped.
 *
 * No recursion: a value that is of no interest is skipped by counting brackets.
 */
#include "import/import.h"

#include <string.h>

typedef struct tn_dump_cursor {
    const uint8_t *at, *end;
    const char *what; /* is wrong */
} tn_dump_cursor;

static int wrong(tn_dump_cursor *c, const char *what)
{
    c->what = what;
    return TN_EFORMAT;
}

static void skip_blanks(tn_dump_cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r' || *c->at == '\n'))
        c->at++;
}

static bool take(tn_dump_cursor *c, uint8_t character)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != character)
        return false;
    c->at++;
    return true;
}

/* ---- text ---- */

/* Four hexadecimal digits behind \u. */
static bool take_hex(tn_dump_cursor *c, uint32_t *out)
{
    uint32_t value = 0;
    if (c->end - c->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        uint8_t d = c->at[i], letter = d | 0x20;
        if (d >= '0' && d <= '9')
            value = value << 4 | (uint32_t)(d - '0');
        else if (letter >= 'a' && letter <= 'f')
            value = value << 4 | (uint32_t)(letter - 'a' + 10);
        else
            return false;
    }
    c->at += 4;
    *out = value;
    return true;
}

/* A character behind a backslash; two halves of a pair are one. */
static int take_escape(tn_dump_cursor *c, tn_buf *out)
{
    static const char names[] = "bfnrt\"\\/", values[] = "\b\f\n\r\t\"\\/";
    uint32_t code, low;
    uint8_t letter = c->at < c->end ? *c->at++ : 0;
    const char *found = letter ? strchr(names, letter) : NULL;
    if (found)
        return tn__buf_append(out, values + (found - names), 1);
    if (letter != 'u' || !take_hex(c, &code))
        return wrong(c, "a backslash that escapes nothing");
    tn_dump_cursor next = *c;
    if (code >= 0xd800 && code < 0xdc00 && next.end - next.at >= 6 && next.at[0] == '\\' && next.at[1] == 'u') {
        next.at += 2;
        if (take_hex(&next, &low) && low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            c->at = next.at;
        }
    }
    return tn__utf8_encode(out, code);
}

static int take_text(tn_dump_cursor *c, tn_buf *out)
{
    out->size = 0;
    if (!take(c, '"'))
        return wrong(c, "a text is expected");
    for (;;) {
        const uint8_t *start = c->at;
        while (c->at < c->end && *c->at != '"' && *c->at != '\\')
            c->at++;
        TN_TRY(tn__utf8_append(out, start, (size_t)(c->at - start)));
        if (c->at == c->end)
            return wrong(c, "it ends in the middle");
        if (*c->at++ == '"')
            return TN_OK;
        TN_TRY(take_escape(c, out));
    }
}

/* ---- numbers ---- */

static int take_number(tn_dump_cursor *c, uint64_t *out)
{
    uint64_t value = 0;
    skip_blanks(c);
    const uint8_t *start = c->at;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        uint64_t digit = (uint64_t)(*c->at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return wrong(c, "a number has more than 64 bits");
        value = value * 10 + digit;
    }
    if (c->at == start)
        return wrong(c, c->at == c->end ? "it ends in the middle" : "a whole number is expected");
    if (c->at < c->end && (*c->at == '.' || (*c->at | 0x20) == 'e'))
        return wrong(c, "a whole number is expected");
    *out = value;
    return TN_OK;
}

static int take_numbers(tn_dump_cursor *c, tn_buf *out)
{
    uint64_t value;
    out->size = 0;
    if (!take(c, '['))
        return wrong(c, "a list is expected behind refs");
    if (take(c, ']'))
        return TN_OK;
    do {
        TN_TRY(take_number(c, &value));
        TN_TRY(tn__buf_append(out, &value, sizeof value));
    } while (take(c, ','));
    return take(c, ']') ? TN_OK : wrong(c, "it ends in the middle of refs");
}

/* ---- values ---- */

/* What is not looked at: to the comma or bracket behind it. */
static int skip_value(tn_dump_cursor *c, tn_buf *scratch)
{
    uint64_t depth = 0;
    for (skip_blanks(c); c->at < c->end; c->at++) {
        uint8_t b = *c->at;
        if (b == '"') {
            TN_TRY(take_text(c, scratch));
            c->at--;
        } else if (b == '[' || b == '{')
            depth++;
        else if (depth == 0 && (b == ',' || b == '}'))
            return TN_OK;
        else if (b == ']' || b == '}') {
            if (depth-- == 0)
                return wrong(c, "a bracket too many");
        }
    }
    return wrong(c, "it ends in the middle");
}

/* A text, or a whole number of 64 bits; another value is none. */
static int take_value(tn_dump_cursor *c, tn_dump_line *line)
{
    uint64_t number;
    skip_blanks(c);
    line->quoted = c->at < c->end && *c->at == '"';
    line->has_value = true;
    if (line->quoted)
        return take_text(c, &line->value);
    tn_dump_cursor next = *c;
    bool negative = take(&next, '-');
    if (take_number(&next, &number) == TN_OK && number <= INT64_MAX + (uint64_t)negative) {
        line->number = (int64_t)(negative ? 0 - number : number);
        c->at = next.at;
        return TN_OK;
    }
    line->has_value = false;
    return skip_value(c, &line->key);
}

enum key { ADDRESS = 1, TYPE = 2, SIZE = 4, NAME = 8, LENGTH = 16, VALUE = 32, REFERENCES = 64 };

static enum key find_key(const tn_buf *text)
{
    static const char *const names[] = {"address", "type", "size", "name", "len", "value", "refs"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == text->size && memcmp(names[i], text->data, text->size) == 0)
            return (enum key)(1u << i);
    return 0;
}

static int take_member(tn_dump_cursor *c, enum key key, tn_dump_line *line)
{
    switch (key) {
    case ADDRESS: return take_number(c, &line->address);
    case TYPE: return take_text(c, &line->type);
    case SIZE: return take_number(c, &line->size);
    case NAME: line->has_name = true; return take_text(c, &line->name);
    case LENGTH: return take_number(c, &line->length);
    case VALUE: return take_value(c, line);
    case REFERENCES: return take_numbers(c, &line->references);
    default: return skip_value(c, &line->key);
    }
}

static int take_object(tn_dump_cursor *c, tn_dump_line *line)
{
    enum { NEEDED = ADDRESS | TYPE | SIZE | REFERENCES };
    unsigned seen = 0;
    if (!take(c, '{'))
        return wrong(c, "it is no JSON object");
    do {
        TN_TRY(take_text(c, &line->key));
        enum key key = find_key(&line->key);
        if (key && seen & key)
            return wrong(c, "a key stands there twice");
        seen |= key;
        if (!take(c, ':'))
            return wrong(c, "a colon is expected behind a key");
        TN_TRY(take_member(c, key, line));
    } while (take(c, ','));
    if (!take(c, '}'))
        return wrong(c, "it ends in the middle");
    skip_blanks(c);
    if (c->at != c->end)
        return wrong(c, "there is more behind the object");
    return (seen & NEEDED) == NEEDED ? TN_OK : wrong(c, "address, type, size or refs are missing");
}

int tn__dump_parse(const uint8_t *text, size_t n, tn_dump_line *line, const char **what)
{
    tn_dump_cursor c = {text, text + n, NULL};
    line->length = TN_UNKNOWN;
    line->has_name = line->has_value = line->quoted = false;
    line->number = 0;
    int status = take_object(&c, line);
    *what = c.what;
    return status;
}

void tn__dump_line_init(tn_dump_line *line, const tn_alloc *a)
{
    memset(line, 0, sizeof *line);
    tn__buf_init(&line->type, a);
    tn__buf_init(&line->name, a);
    tn__buf_init(&line->value, a);
    tn__buf_init(&line->key, a);
    tn__buf_init(&line->references, a);
}

void tn__dump_line_free(tn_dump_line *line)
{
    tn__buf_free(&line->type);
    tn__buf_free(&line->name);
    tn__buf_free(&line->value);
    tn__buf_free(&line->key);
    tn__buf_free(&line->references);
}
