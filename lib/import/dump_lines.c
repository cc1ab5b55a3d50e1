/* dump_lines.c - a file of JSON lines, read piece by piece: what has been read is a table of objects and a column of references.
 */
#include "import/import.h"

#include <string.h>

enum { PIECE = 1 << 20, MOST_LINE = 1 << 30, MOST_PREVIEW = 4096, SIZE_BITS = 52 /* those of fill_tile in scan.c */ };

int tn__dump_init(tn_dump *d, const tn_alloc *a, tn_error *err)
{
    memset(d, 0, sizeof *d);
    d->alloc = a;
    tn__buf_init(&d->objects, a);
    tn__buf_init(&d->references, a);
    tn__buf_init(&d->previews, a);
    tn__buf_init(&d->holders, a);
    if (tn__strtab_init(&d->types, a) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    return TN_OK;
}

void tn__dump_free(tn_dump *d)
{
    tn__buf_free(&d->objects);
    tn__buf_free(&d->references);
    tn__buf_free(&d->previews);
    tn__buf_free(&d->holders);
    tn__strtab_free(&d->types);
}

/* ---- one object ---- */

static bool is_type(const tn_dump_line *line, const char *type)
{
    return line->type.size == strlen(type) && memcmp(line->type.data, type, line->type.size) == 0;
}

static uint64_t characters(const tn_buf *text)
{
    uint64_t n = 0;
    for (size_t i = 0; i < text->size; i++)
        n += (text->data[i] & 0xc0) != 0x80;
    return n;
}

/* Each byte is a character up to U+00FF. A character above is none of the scanner's. */
static void as_bytes(tn_buf *text)
{
    size_t n = 0;
    for (size_t i = 0; i < text->size; i++) {
        uint8_t b = text->data[i];
        if ((b & 0xfc) == 0xc0 && i + 1 < text->size)
            b = (uint8_t)(b << 6 | (text->data[++i] & 0x3f));
        text->data[n++] = b;
    }
    text->size = n;
}

/* The beginning of a value, or a name, as previews have them. */
static int add_preview(tn_dump *d, tn_dump_line *line, tn_dump_object *o)
{
    tn_buf *text = &line->value;
    bool truth = line->has_value && line->quoted && is_type(line, "bool");
    if (line->has_value && (!line->quoted || truth)) {
        int64_t number = truth ? line->value.size == 4 : line->number;
        text->size = 0;
        TN_TRY(tn__buf_append(text, &number, sizeof number));
        o->kind = TN_PREVIEW_INT;
    } else if (line->has_value && (is_type(line, "str") || is_type(line, "unicode"))) {
        o->kind = TN_PREVIEW_TEXT;
        if (line->length != TN_UNKNOWN && line->length > characters(text))
            o->kind |= TN_PREVIEW_CUT;
    } else if (line->has_value && (is_type(line, "bytes") || is_type(line, "bytearray"))) {
        as_bytes(text);
        o->kind = TN_PREVIEW_BYTES;
        if (line->length != TN_UNKNOWN && line->length > text->size)
            o->kind |= TN_PREVIEW_CUT;
    } else if (line->has_name || line->has_value) {
        text = line->has_name ? &line->name : &line->value;
        o->kind = TN_PREVIEW_NAME;
    } else {
        return TN_OK;
    }
    if (text->size > MOST_PREVIEW) {
        text->size = o->kind == TN_PREVIEW_BYTES ? MOST_PREVIEW : tn__utf8_length(text->data, MOST_PREVIEW);
        o->kind |= TN_PREVIEW_CUT;
    }
    if (d->previews.size > UINT32_MAX - MOST_PREVIEW) {
        o->kind = 0;
        return TN_OK;
    }
    o->preview = (uint32_t)d->previews.size;
    o->n_preview = (uint16_t)text->size;
    return tn__buf_append(&d->previews, text->data, text->size);
}

/* Address 0 is what remove_expensive_references of Meliae points to: no object. */
static int add_object(tn_dump *d, tn_dump_line *line, const char **what)
{
    tn_dump_object o = {
        .address = line->address,
        .size = line->size,
        .first = d->references.size / sizeof(uint64_t),
        .n_references = (uint32_t)(line->references.size / sizeof(uint64_t)),
        .length = line->length,
    };
    if (line->address == 0)
        return TN_OK;
    if (line->address % 8) {
        *what = "an address that is no multiple of 8";
        return TN_EFORMAT;
    }
    if (line->size >> SIZE_BITS) {
        *what = "a size that is larger than any memory";
        return TN_EFORMAT;
    }
    if (d->n >= UINT32_MAX - 16) {
        *what = "more objects than 32 bits can count";
        return TN_EFORMAT;
    }
    TN_TRY(tn__strtab_add(&d->types, (const char *)line->type.data, line->type.size, &o.type));
    TN_TRY(add_preview(d, line, &o));
    TN_TRY(tn__buf_append(&d->references, line->references.data, line->references.size));
    TN_TRY(tn__buf_append(&d->objects, &o, sizeof o));
    d->n++;
    return TN_OK;
}

static int add_line(tn_dump *d, const uint8_t *text, size_t n, tn_dump_line *line, tn_error *err)
{
    const char *what = NULL;
    size_t blanks = 0;
    d->n_lines++;
    while (blanks < n && (text[blanks] == ' ' || text[blanks] == '\t' || text[blanks] == '\r'))
        blanks++;
    if (blanks == n)
        return TN_OK;
    int status = tn__dump_parse(text, n, line, &what);
    if (status == TN_OK)
        status = add_object(d, line, &what);
    if (status < 0 && what)
        return tn__error_set(err, TN_EFORMAT, 0, "line %llu is no object of a Meliae dump: %s",
                             (unsigned long long)d->n_lines, what);
    return status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "not enough memory for this dump") : TN_OK;
}

/* ---- lines ---- */

/* Whole lines at the beginning of the buffer; the rest is moved there. */
static int take_lines(tn_dump *d, tn_buf *text, bool last, tn_dump_line *line, tn_error *err)
{
    size_t at = 0;
    while (at < text->size) {
        const uint8_t *end = memchr(text->data + at, '\n', text->size - at);
        if (!end && !last)
            break;
        size_t n = end ? (size_t)(end - text->data) - at : text->size - at;
        TN_TRY(add_line(d, text->data + at, n, line, err));
        at += n + (end != NULL);
    }
    memmove(text->data, text->data + at, text->size - at);
    text->size -= at;
    if (text->size > MOST_LINE)
        return tn__error_set(err, TN_EFORMAT, 0, "line %llu is longer than 1 GiB: this is no Meliae dump",
                             (unsigned long long)d->n_lines + 1);
    return TN_OK;
}

/* The next piece. A line that is long is not looked through again and again. */
static int read_piece(int fd, tn_buf *text, size_t *n, tn_error *err)
{
    size_t room = text->size > PIECE ? text->size : PIECE;
    if (tn__buf_reserve(text, room) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "not enough memory for this dump");
    bool first = text->size == 0;
    TN_TRY(tn__sys_read(fd, text->data + text->size, room, n, err));
    text->size += *n;
    if (first && text->size > 2 && text->data[0] == 0x1f && text->data[1] == 0x8b)
        return tn__error_set(err, TN_EFORMAT, 0, "it is compressed: unpack it with gunzip first");
    if (first && (tn__is_pickle(text->data, text->size) || tn__is_plop(text->data, text->size)))
        return tn__error_set(err, TN_EFORMAT, 0, "a dump of %s must be a file, not a pipe",
                             text->data[0] == '{' ? "plop" : "tracemalloc, a pickle,");
    return TN_OK;
}

static int read_all(tn_dump *d, int fd, tn_error *err)
{
    tn_dump_line line;
    tn_buf text;
    int status = TN_OK;
    tn__dump_line_init(&line, d->alloc);
    tn__buf_init(&text, d->alloc);
    for (size_t n = 1; n > 0 && status == TN_OK;) {
        status = read_piece(fd, &text, &n, err);
        if (status == TN_OK)
            status = take_lines(d, &text, n == 0, &line, err);
    }
    if (status == TN_OK && d->n == 0)
        status = tn__error_set(err, TN_EFORMAT, 0, "there is no object in it: it is no Meliae dump");
    tn__buf_free(&text);
    tn__dump_line_free(&line);
    return status;
}

int tn__dump_read(tn_dump *d, const char *path, const char *out, tn_error *err)
{
    int fd;
    TN_TRY(tn__sys_open_stream(path, &fd, err));
    int status = tn__sys_not_input(fd, out, err);
    if (status == TN_OK)
        status = read_all(d, fd, err);
    tn__sys_close(fd);
    return status;
}
