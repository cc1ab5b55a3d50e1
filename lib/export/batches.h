/* batches.h - tables of a snapshot, some thousand rows at a time, column by column. Private to lib/export.
 *
 *   batches.c         which columns; one batch after another
 *   cells.c           a column under construction, and the words that a column of them counts in
 *   arrow.c           a batch handed over by the C data interface of Apache Arrow
 *   object_rows.c     reference_rows.c     type_rows.c     root_rows.c     a file a table
 *
 * A table names its columns and has two kinds of functions: next() finds the rows of a batch, a fill() puts one column of them
 * down. So a column that nobody asked for costs nothing. Texts are limited a batch: a column of them may stop early, and the
 * batch is then as short; the rows behind come again with the next one.
 *
 * Cells come from the C library's allocator: who takes them over may keep them longer than the snapshot lives, and frees them in
 * any thread. There is one batch of them at a time.
 */
#ifndef TN_BATCHES_H
#define TN_BATCHES_H

#include "base/base.h"
#include "snapshot/reader.h"

#include <stdatomic.h>

/* ---- cells.c ---- */

/* Distinct texts, shared by the batches that count in them; each a user. */
typedef struct tn_words {
    atomic_uint users;
    tn_strtab texts;
} tn_words;
int tn__words_new(tn_words **out, tn_error *err);
int tn__words_of(const char *const *texts, size_t n, tn_words **out, tn_error *err);
int tn__words_add(tn_words *words, const char *text, uint32_t *word, tn_error *err); /* escaped as in views */
tn_words *tn__words_use(tn_words *words);
void tn__words_drop(tn_words *words); /* NULL allowed */

enum tn_cell {
    TN_CELL_ADDRESS, /* u64: addresses and hashes */
    TN_CELL_NUMBER,  /* i64: all that can be added up */
    TN_CELL_YES_NO,
    TN_CELL_TEXT,
    TN_CELL_WORD, /* i32 into words */
};

typedef struct tn_cells {
    enum tn_cell cell;
    uint32_t n;            /* rows so far */
    bool nullable, closed; /* closed: no more texts fit in this batch */
    tn_buf values;         /* u64, i64, bits, i64 offsets into text (one more than rows), i32 */
    tn_buf valid;          /* bits, where nullable */
    tn_buf text;
    tn_words *words;
} tn_cells;
void tn__cells_init(tn_cells *c, enum tn_cell cell, bool nullable);
void tn__cells_free(tn_cells *c);
int tn__cells_start(tn_cells *c, uint32_t rows, tn_error *err); /* empties it and makes room */
void tn__cells_null(tn_cells *c);
int tn__cells_text(tn_cells *c, const char *text, size_t n, tn_error *err);
int tn__cells_escaped(tn_cells *c, const char *text, tn_error *err); /* as views escape names */
bool tn__cells_is_null(const tn_cells *c, uint32_t row);

static inline void tn__cells_valid(tn_cells *c)
{
    if (c->nullable)
        c->valid.data[c->n / 8] |= (uint8_t)(1u << c->n % 8);
}
static inline void tn__cells_address(tn_cells *c, uint64_t value)
{
    tn__cells_valid(c);
    ((uint64_t *)(void *)c->values.data)[c->n++] = value;
}
static inline void tn__cells_number(tn_cells *c, uint64_t value) /* the largest i64 stands for what is larger */
{
    tn__cells_address(c, value > INT64_MAX ? INT64_MAX : value);
}
static inline void tn__cells_yes_no(tn_cells *c, bool value)
{
    tn__cells_valid(c);
    c->values.data[c->n / 8] |= (uint8_t)((unsigned)value << c->n % 8);
    c->n++;
}
static inline void tn__cells_word(tn_cells *c, uint32_t word)
{
    tn__cells_valid(c);
    ((uint32_t *)(void *)c->values.data)[c->n++] = word;
}

/* ---- batches.c ---- */

typedef struct tn_column_spec {
    const char *name;
    enum tn_cell cell;
    bool nullable, asked; /* asked: there only when it is named */
    int (*fill)(tn_batches *b, tn_cells *c, tn_error *err);
    int (*words)(tn_batches *b, tn_words **out, tn_error *err); /* of a column of words: a new user */
    unsigned what;                                              /* for fill: flags, a file's column, a kind of words */
} tn_column_spec;

typedef struct tn_table_spec {
    const tn_column_spec *columns; /* up to a name of NULL */
    size_t row_bytes;              /* of what next() puts into rows */
    int (*start)(tn_batches *b, tn_error *err);
    int (*next)(tn_batches *b, tn_error *err);     /* appends up to b->limit rows */
    void (*seen)(tn_batches *b, uint32_t n_taken); /* the next batch begins behind so many of them */
    void (*end)(tn_batches *b);
} tn_table_spec;
extern const tn_table_spec tn__object_table, tn__reference_table, tn__type_table, tn__root_table;

struct tn_batches {
    tn_snapshot *snapshot;
    const tn_alloc *alloc; /* the snapshot's, for what is no cell */
    const tn_table_spec *table;
    tn_set *selected;
    const tn_set *all;                       /* all but tonnage's own */
    uint32_t limit, room, n_columns, n_rows; /* room: places in specs and cells */
    const tn_column_spec **specs;
    const tn_column_spec *spec; /* of the column that is filled */
    tn_cells *cells;
    tn_buf rows;
    void *state;                         /* the table's */
    uint32_t *type_words, *module_words; /* by row of the table of types; TN_NONE: it has no name here */
};

/* One more batch: 1, 0 at the end. Cells hold n_rows rows or more. */
int tn__batches_fill(tn_batches *b, tn_error *err);
/* Words of types, of types of what is no object, and of modules. A column owns what *out receives, failed or not. */
int tn__batches_type_words(tn_batches *b, tn_words **out, tn_error *err);
int tn__batches_synthetic_words(tn_batches *b, tn_words **out, tn_error *err);
int tn__batches_module_words(tn_batches *b, tn_words **out, tn_error *err);

#endif
