/* import.h - dumps of other programs as snapshots. Private to lib/import.
 *
 *   dump_json.c    one line of JSON -> what it says of an object
 *   dump_lines.c   a file -> lines -> tn_dump: objects, their types, references as addresses
 *   dump_graph.c   sorted by address, references as nodes; what nothing in the dump holds
 *   import.c       tn_dump -> a snapshot file
 *   pickle.c       a pickle of tracemalloc -> tn_traced: stacks, and what is alive that they allocated
 *   plop_dump.c    a dict of plop -> tn_traced: stacks, and how often they were seen
 *   tracebacks.c   tn_traced -> a snapshot file
 *   rows.c         what both kinds of files are written with
 *
 * docs/import.md says what a dump leaves unknown, and what becomes of it.
 */
#ifndef TN_IMPORT_H
#define TN_IMPORT_H

#include "base/base.h"
#include "snapshot/format.h"
#include "snapshot/writer.h"

/* ---- dump_json.c ---- */

/* What a line says; texts are UTF-8, as files have it. */
typedef struct tn_dump_line {
    uint64_t address, size, length; /* length: TN_UNKNOWN where there is none */
    tn_buf type, name, value, key;
    tn_buf references; /* uint64_t */
    bool has_name, has_value, quoted;
    int64_t number; /* of a value that is not quoted */
} tn_dump_line;
void tn__dump_line_init(tn_dump_line *line, const tn_alloc *a);
void tn__dump_line_free(tn_dump_line *line);
/* 0; or TN_EFORMAT, and *what says what is wrong; or TN_ENOMEM. */
int tn__dump_parse(const uint8_t *text, size_t n, tn_dump_line *line, const char **what);

/* ---- dump_lines.c ---- */

typedef struct tn_dump_object {
    uint64_t address, size, first; /* first: in references */
    uint64_t length;               /* TN_UNKNOWN: none */
    uint32_t n_references;
    uint32_t type;
    uint32_t preview;         /* in previews, of the bytes; n_preview of them */
    uint16_t n_preview, kind; /* kind 0: none */
} tn_dump_object;

typedef struct tn_dump {
    const tn_alloc *alloc;
    tn_buf objects;    /* tn_dump_object, ascending by address after tn__dump_settle */
    tn_buf references; /* uint64_t: addresses; then, in place, 1 + node, 0: to nothing that is in the dump */
    tn_buf previews;   /* bytes */
    tn_strtab types;
    uint64_t n_lines, n_repeated,
        n_unknown; /* objects that were there already; references to what is not in the dump */
    uint32_t n;
    tn_buf holders; /* uint32_t: see tn__dump_settle */
} tn_dump;

int tn__dump_init(tn_dump *d, const tn_alloc *a, tn_error *err);
void tn__dump_free(tn_dump *d);
/* out: what will be written; EINVAL where that is the dump. */
int tn__dump_read(tn_dump *d, const char *path, const char *out, tn_error *err);
static inline tn_dump_object *tn__dump_object_at(const tn_dump *d, uint32_t i)
{
    return (tn_dump_object *)(void *)d->objects.data + i;
}

/* ---- dump_graph.c ---- */

/* Sorts, leaves out what stands there twice, and finds holders: from these nodes, and from no fewer, all others can be
 * reached. One of each strongly connected component that no other one refers to. O(n log n + references). */
int tn__dump_settle(tn_dump *d, tn_error *err);

/* ---- tracebacks.c ---- */

/* Keys of distinct codes, stacks and places, as strings of a tn_strtab: numbered as they came, callers first. */
typedef struct tn_traced_code {
    uint32_t name, file, first_line; /* texts; name TN_NONE: that of the file, without folders */
} tn_traced_code;
typedef struct tn_traced_stack {
    uint32_t parent, code, line; /* parent: 0 none, else 1 + row */
} tn_traced_stack;
typedef struct tn_traced_place {
    uint32_t stack, domain; /* 1 + row; as of SITE */
} tn_traced_place;
typedef struct tn_traced_sum {
    uint64_t bytes, number; /* number: of blocks, or of samples */
} tn_traced_sum;

typedef struct tn_traced {
    const tn_alloc *alloc;
    const char *format; /* of whom it is, as the fact says */
    bool sampled;       /* numbers are of samples, and there are no bytes */
    tn_strtab texts, codes, stacks, places;
    tn_buf sums;                   /* tn_traced_sum by place */
    uint64_t number, bytes, limit; /* limit: frames that were kept of a stack, 0: not said */
} tn_traced;

int tn__traced_init(tn_traced *t, const tn_alloc *a);
void tn__traced_free(tn_traced *t);
/* These: TN_ENOMEM TN_ELIMIT. A stack is 1 + row. */
int tn__traced_call(tn_traced *t, uint32_t parent, const tn_traced_code *code, uint32_t line, uint32_t *stack);
int tn__traced_root(tn_traced *t, const char *name, uint32_t *stack); /* of what is no function */
int tn__traced_add(tn_traced *t, uint32_t stack, uint32_t domain, uint64_t number, uint64_t bytes);
/* Of a dump that is in memory as a whole. */
typedef int tn_dump_reader(const uint8_t *bytes, size_t n, tn_traced *t, tn_error *err);
/* Who reads a file that begins so; NULL: nobody here. */
int tn__traced_reader(const char *dump, tn_dump_reader **read, tn_error *err);
int tn__traced_import(tn_dump_reader *read, const char *dump, const char *out, bool force, const tn_alloc *alloc,
                      tn_import_info *info, tn_error *err);

/* ---- pickle.c ---- */

bool tn__is_pickle(const uint8_t *bytes, size_t n);
/* Nothing of a pickle is run: it is a list of numbers, names and tuples, read as such, or refused. Linear in its bytes. */
int tn__pickle_read(const uint8_t *bytes, size_t n, tn_traced *t, tn_error *err);

/* ---- plop_dump.c ---- */

bool tn__is_plop(const uint8_t *bytes, size_t n); /* by its first bytes */
int tn__plop_read(const uint8_t *bytes, size_t n, tn_traced *t, tn_error *err);

/* ---- rows.c: tables of a file under way ---- */

typedef struct tn_rows {
    tn_writer *writer;
    tn_strtab strings;
    tn_buf words; /* of the table under way */
    tn_error *err;
} tn_rows;
int tn__rows_no_memory(tn_rows *r);
int tn__rows_bytes(tn_rows *r, const void *bytes, size_t n);
int tn__rows_words(tn_rows *r, const uint32_t *words, size_t n);
int tn__rows_string(tn_rows *r, const char *text, size_t n, uint32_t *row);
/* The table so far is a chunk, when it is long enough or at its end. */
int tn__rows_flush(tn_rows *r, const char *id, uint64_t *n_rows, bool last);
/* A row of FACT; text NULL: a number. */
int tn__rows_fact(tn_rows *r, const char *key, const char *text, uint64_t value);

#endif
