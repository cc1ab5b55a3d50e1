/* view.h - what the views are made of: text, JSON, tables, and the facts they share.
 *
 * Private to lib/view. A view computes first and writes last: while it writes, nothing can fail but the sink.
 */
#ifndef TN_VIEW_H
#define TN_VIEW_H

#include "analysis/analysis.h"
#include "base/base.h"
#include "snapshot/reader.h"

enum { TN_FRAMES_SHOWN = 30 }; /* of a stack, on pages; JSON has all */

/* ---- text.c: bounded text, Unicode, escapes ---- */

/* Text under construction: writes what fits, counts what was wanted. */
typedef struct tn_text {
    char *out;
    size_t cap, n;
} tn_text;
void tn__text_init(tn_text *t, char *out, size_t cap);
void tn__text_add(tn_text *t, const char *bytes, size_t n);
void tn__text_format(tn_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As Python's repr writes it: controls, invisible characters and lone surrogates escaped, one line. quote: character to
 * escape too, 0 for none (backslashes then stay single). */
void tn__text_escaped(tn_text *t, const char *bytes, size_t n, char quote);
void tn__text_quoted(tn_text *t, const char *bytes, size_t n); /* 'text', quotes chosen as Python does */
int tn__text_end(tn_text *t); /* NUL, never half a character; returns the length wanted */

#define TN_BAD_CHARACTER UINT32_MAX
size_t tn__utf8_next(const char *bytes, size_t n, uint32_t *character); /* n > 0; returns bytes used */
uint32_t tn__text_width(const char *text, size_t n);                    /* columns on a terminal */
size_t tn__text_fit(const char *text, size_t n, uint32_t columns);      /* bytes that fit */

/* ---- out.c: buffered output to a sink ---- */

typedef struct tn_out {
    const tn_sink *sink;
    size_t n;
    bool failed;
    uint32_t wrap, used; /* columns of a line, 0: lines stay as they come; of them used */
    size_t n_blanks, n_word;
    char buffer[8192], word[256]; /* blanks and a word that wait for the end of the word */
} tn_out;
void tn__out_init(tn_out *out, const tn_sink *sink);
void tn__out_bytes(tn_out *out, const char *bytes, size_t n);
void tn__out_text(tn_out *out, const char *text);
void tn__out_escaped(tn_out *out, const char *text);  /* any length, terminal-safe */
void tn__out_argument(tn_out *out, const char *text); /* the same, quoted where a shell would need it */
void tn__out_format(tn_out *out, const char *format, ...) __attribute__((format(printf, 2, 3))); /* < 512 bytes */
/* From here on lines break between words, and go on indented, so that no terminal cuts them; width as in the options. */
void tn__out_wrap(tn_out *out, uint32_t width);
void tn__out_unwrap(tn_out *out);
int tn__out_end(tn_out *out, tn_error *err);

/* ---- json.c ---- */

typedef struct tn_json {
    tn_out *out;
    bool comma;
} tn_json;
void tn__json_quoted(tn_out *out, const char *text, size_t n); /* a string alone, with whatever is in it */
void tn__json_open(tn_json *j, const char *key, char bracket); /* key NULL inside arrays */
void tn__json_close(tn_json *j, char bracket);
void tn__json_string(tn_json *j, const char *key, const char *text); /* NULL: null */
void tn__json_u64(tn_json *j, const char *key, uint64_t value);
void tn__json_i64(tn_json *j, const char *key, int64_t value);
void tn__json_double(tn_json *j, const char *key, double value); /* not finite: null */
void tn__json_pct(tn_json *j, const char *key, uint64_t part, uint64_t whole);
void tn__json_label(tn_json *j, const char *key, const char *label); /* without the blank that words begin with */
void tn__json_hex(tn_json *j, const char *key, uint64_t value);      /* 0: null */
void tn__json_null(tn_json *j, const char *key);
void tn__json_bool(tn_json *j, const char *key, bool value);
void tn__json_strings(tn_json *j, const char *key, const char *const *texts, size_t n);
/* Columns that some pages have and others have not, and their units. */
typedef struct tn_json_column {
    const char *name;
    int where;        /* index of there */
    const char *unit; /* NULL: none */
} tn_json_column;
void tn__json_columns(tn_json *j, const tn_json_column *all, size_t n, const bool *there);
void tn__json_start(tn_json *j, tn_out *out, const char *view); /* {"schema":1,"view":... */
void tn__json_line(tn_json *j);                                 /* the next value stands on a line of its own */

/* ---- table.c ---- */

static inline uint32_t tn__columns_of(const tn_view_options *o)
{
    return o->width ? o->width : 100;
}

typedef struct tn_table_column {
    const char *heading;
    bool right;
    uint8_t spare; /* left out where the terminal is too narrow, higher numbers first; 0: never */
} tn_table_column;
typedef struct tn_table {
    const tn_table_column *columns;
    uint32_t n_columns, n_cells;
    tn_buf text, starts; /* cells, NUL-terminated; u64 offsets of them */
    uint32_t last_width; /* what the last column gets before others are left out; 0: an address's width */
    int status;
} tn_table;
void tn__table_init(tn_table *t, const tn_alloc *a, const tn_table_column *columns, uint32_t n_columns);
void tn__table_free(tn_table *t);
void tn__table_text(tn_table *t, const char *text); /* escaped */
void tn__table_u64(tn_table *t, uint64_t value);
void tn__table_bytes(tn_table *t, uint64_t bytes);
void tn__table_pct(tn_table *t, uint64_t part, uint64_t whole); /* "-" of nothing */
void tn__table_hex(tn_table *t, uint64_t address);              /* "" for 0 */
void tn__table_print(const tn_table *t, tn_out *out, const tn_view_options *o);
void tn__table_heading(tn_out *out, const tn_view_options *o, const char *text); /* bold where colours are on */
double tn__pct(uint64_t part, uint64_t whole);

/* ---- float_digits.c ---- */

/* The fewest digits of a finite number that is not negative which read back the same, without zeros at the end, and the power
 * of ten of the first. Writes at most 17 digits, no NUL; returns how many. */
int tn__float_digits(double value, char *digits, int *exponent);

/* ---- quote.c, oneline.c ---- */

void tn__preview_print(tn_text *t, const tn_preview *p, bool truth); /* truth: of a bool */
/* Into a buffer, escaped; for cells and JSON. The buffer is emptied first and ends in a NUL. */
int tn__describe_into(tn_snapshot *s, uint32_t id, tn_buf *out, tn_error *err);
int tn__preview_into(tn_snapshot *s, uint32_t id, tn_buf *out, tn_error *err);
int tn__label_into(tn_snapshot *s, const tn_reference *r, tn_buf *out, tn_error *err);

/* ---- factlist.c ---- */

const char *tn__fact_text(tn_snapshot *s, const char *key);             /* NULL: unknown */
bool tn__fact_bytes(const tn_fact *fact, uint64_t *bytes);              /* whether it is a number of bytes */
const char *tn__fact_value(const tn_fact *fact, char *out, size_t cap); /* with the unit its key ends in; cap >= 40 */
void tn__fact_print(tn_out *out, const tn_fact *fact);
void tn__fact_time(uint64_t wall_ns, char *out, size_t cap); /* 2026-01-31 12:00:00 UTC */
void tn__fact_duration(uint64_t ns, char *out, size_t cap);  /* 41.2 ms */
void tn__fact_command(tn_snapshot *s, tn_out *out);          /* argv, quoted where a shell would need it */
const char *tn__fact_dump(tn_snapshot *s);                   /* whose dump was imported: "meliae"; NULL: none */
void tn__fact_json(tn_json *j, const char *key, const tn_fact *fact);
void tn__info_json(tn_json *j, tn_snapshot *s); /* "info": {...} */
bool tn__roots_known(tn_snapshot *s);           /* not in what was imported: then nothing is known to be garbage */
uint32_t tn__checks_failed(tn_snapshot *s);     /* facts check.*.failed above 0 */

/* ---- site_text.c ---- */

/* "…app/work.py:88": where a terminal cuts lines the end of a path says most, its last three parts. The label, or out. */
const char *tn__site_shortened(const char *label, const tn_view_options *o, char *out, size_t cap);

/* ---- ledger.c ---- */

/* Behind a blank line; nothing of a dump, which has no process. */
void tn__ledger_print(tn_snapshot *s, tn_out *out, const tn_view_options *o);
void tn__ledger_json(tn_json *j, tn_snapshot *s);

/* ---- user_rows.c: figures that the program told of itself ---- */

typedef struct tn_user_figure {
    const char *title;
    bool is_size; /* bytes; else a number as it is */
    double value;
} tn_user_figure;
enum { TN_USER_ROWS = 100 };                                        /* more are not looked for: each is a search */
bool tn__user_row(tn_snapshot *s, unsigned n, tn_user_figure *out); /* false: there are no more */
const char *tn__user_text(const tn_user_figure *f, double value, bool with_sign, char *out, size_t cap);
void tn__user_print(tn_snapshot *s, tn_out *out, const tn_view_options *o);

/* ---- diff_page.c: --against on views of objects ---- */

/* The options with what words is: compare with, where o->against and such words are there; and, in tn__against, where there
 * are none of them, with a set of what is new. made, or NULL, is to be closed when they are done. */
int tn__since(tn_snapshot *s, const tn_view_options *o, tn_view_options *out, tn_diff **made, tn_error *err);
int tn__against(tn_snapshot *s, const tn_view_options *o, tn_view_options *out, tn_diff **made, tn_error *err);
bool tn__against_is_later(tn_snapshot *s, const tn_view_options *o);
void tn__against_print(tn_snapshot *s, const tn_view_options *o,
                       tn_out *out);                         /* a line, or nothing; headings have it */
void tn__against_json(const tn_view_options *o, tn_json *j); /* "against": null or {...} */

/* ---- order.c: which rows, in what order ---- */

/* Index of the column in names and its direction; numbers default to descending, names (index >= first_name) to
 * ascending. sort NULL: column 0. TN_EINVAL lists the names. */
int tn__order_parse(const char *sort, const char *const *names, size_t n, size_t first_name, size_t *column,
                    bool *descending, tn_error *err);

typedef struct tn_order_key {
    uint64_t number;  /* 0 where the column is a text */
    const char *text; /* "" where it is a number */
    size_t row;
} tn_order_key;
void tn__order_sort(tn_order_key *keys, size_t n, bool descending); /* equal ones stay in order of row */

#endif
