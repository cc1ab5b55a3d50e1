/* import.h - dumps of other programs as snapshots. Private to lib/import.
 *
 *   dump_json.c    one line of JSON -> what it says of an object
 *   dump_lines.c   a file -> lines -> tn_dump: objects, their types, references as addresses
 *   dump_graph.c   sorted by address, references as nodes; what nothing in the dump holds
 *   import.c       tn_dump -> a snapshot file
 *
 * docs/import.md says what a dump leaves unknown, and what becomes of it.
 */
#ifndef TN_IMPORT_H
#define TN_IMPORT_H

#include "base/base.h"
#include "snapshot/format.h"

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

#endif
