/* parts.h - a snapshot taken apart into chunks, to be changed and put together again with right checksums: what reaches
 * the rules behind them. Knows the container only; written without the library's reader or writer.
 */
#ifndef TN_PARTS_H
#define TN_PARTS_H

#include "snapshot/format.h"

#include <stddef.h>

enum { PARTS_MAX = 64 };

typedef struct part {
    tn_chunk_header h;
    uint8_t *payload; /* decompressed, columns as transformed */
} part;

typedef struct parts {
    part at[PARTS_MAX];
    size_t n;
} parts;

void parts_open(parts *p, const uint8_t *bytes, size_t n); /* ends the program when they are no snapshot */
void parts_free(parts *p);
part *parts_find(parts *p, const char *id);
part *parts_add(parts *p, const char *id, const void *payload, size_t n_bytes, uint64_t n_rows);
void parts_remove(parts *p, const char *id);
void parts_resize(part *one, size_t n_bytes); /* new bytes are 0 */

/* The file again, nothing compressed; free() it. Headers are written as they stand but for stored_bytes and hash, which
 * follow from the payload of raw_bytes. */
uint8_t *parts_bytes(const parts *p, size_t *n);

/* Rights every checksum of a file whose chunks can be walked. */
void parts_rehash(uint8_t *bytes, size_t n);

#endif
