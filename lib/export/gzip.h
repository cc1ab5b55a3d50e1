/* gzip.h - what is written, packed as gzip (RFC 1952, 1951), on its way to an output. Private to lib/export.
 *
 * One block with the fixed codes, matches found by the last place of each hash: a profile, in which stacks repeat their
 * beginnings, takes a quarter or less. What reads snapshots needs zstd; a second library for one format would be too much.
 */
#ifndef TN_GZIP_H
#define TN_GZIP_H

#include "view/view.h"

enum { TN_GZIP_WINDOW = 32768, TN_GZIP_HASHES = 1 << 13 };

typedef struct tn_gzip {
    tn_out *out;
    uint32_t n, crc, size, n_bits; /* bytes in data; of all so far; bits that are no whole byte yet */
    uint64_t bits;
    uint32_t last[TN_GZIP_HASHES]; /* 1 + where in data such bytes stood last */
    uint32_t crcs[256];
    uint8_t data[2 * TN_GZIP_WINDOW]; /* what is packed and can be referred to; what is not yet */
    uint32_t packed;
} tn_gzip;

void tn__gzip_begin(tn_gzip *z, tn_out *out);
void tn__gzip_add(tn_gzip *z, const void *bytes, size_t n);
void tn__gzip_end(tn_gzip *z);

#endif
