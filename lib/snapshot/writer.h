/* writer.h - writes a snapshot file, chunk after chunk, front to back. Used by capture/ and lib/import.
 *
 * The writer sees finished chunks; it owns the file, compression, checksums, the table of contents and the name. Until
 * tn_writer_commit the data stands under no name, or under a temporary one where the file system knows no other way (or in
 * a caller's descriptor), and tn_writer_abort leaves nothing behind.
 *
 * All of it may run in a copy of a process that clone made in the middle of anything: it uses system calls, memory from
 * alloc, and no state of the C library (tests/c/writer_calls.py).
 */
#ifndef TN_WRITER_H
#define TN_WRITER_H

#include "base/base.h"
#include "snapshot/format.h"

#define TN_NO_MEMORY_TO_WRITE "not enough memory to write the snapshot: free memory or take it with previews=0"

typedef struct tn_writer tn_writer;

/* path: final name, in whose folder the file is made. With force an existing file is replaced at commit; without, an existing
 * path is TN_EEXIST at once. Memory only through alloc (zstd's too). level: zstd level, 1 is usual. */
int tn_writer_open(const char *path, bool force, int level, const tn_alloc *alloc, tn_writer **out, tn_error *err);
/* Writes to fd (kept open, never renamed) at its current position, which must be 0. */
int tn_writer_open_fd(int fd, int level, const tn_alloc *alloc, tn_writer **out, tn_error *err);
int tn_writer_level(const tn_writer *w);

/* One chunk of a column: n_rows values of in_width (1, 2, 4, 8) bytes. The writer picks the stored width from the largest
 * value, applies transform (format.h; the widths then count after narrowing, delta modulo the width) and compresses.
 * values is scratch afterwards: the writer may transform it in place. first_row is counted by the writer per id.
 * TN_ELIMIT beyond TN_CHUNK_MAX_RAW bytes; TN_EINVAL if a node column does not come in blocks of TN_NODE_BLOCK rows. */
int tn_writer_column(tn_writer *w, const char *id, void *values, unsigned in_width, uint64_t n_rows, unsigned transform,
                     tn_error *err);
/* One chunk of a table that is not a column; payload exactly as docs/format.md says. */
int tn_writer_table(tn_writer *w, const char *id, const void *payload, size_t raw_bytes, uint64_t n_rows,
                    tn_error *err);

/* The same in two steps, so that several threads can do the work of packing, each in a pack of its own: chunks are put into
 * a pack; then, one thread at a time, its chunks are written in that order and it is empty again. */
typedef struct tn_pack tn_pack;
int tn_pack_new(int level, const tn_alloc *alloc, tn_pack **out, tn_error *err);
void tn_pack_free(tn_pack *p); /* NULL allowed */
int tn_pack_column(tn_pack *p, const char *id, void *values, unsigned in_width, uint64_t n_rows, unsigned transform,
                   tn_error *err);
int tn_pack_table(tn_pack *p, const char *id, const void *payload, size_t raw_bytes, uint64_t n_rows, tn_error *err);
uint8_t *tn_pack_bytes(tn_pack *p, size_t *n);
void tn_pack_clear(tn_pack *p);
int tn_writer_put(tn_writer *w, tn_pack *p, tn_error *err);

/* All strings of tab as STRS chunks; bytes that are no UTF-8 are escaped (tn__utf8_append). */
int tn_writer_strings(tn_writer *w, const tn_strtab *tab, tn_error *err);

uint64_t tn_writer_bytes(const tn_writer *w); /* written so far */

/* Table of contents, trailer, name. Frees w in every case; on failure nothing stands under the final name. */
int tn_writer_commit(tn_writer *w, tn_error *err);
void tn_writer_abort(tn_writer *w); /* NULL allowed; frees w, removes a temporary name */

#endif
