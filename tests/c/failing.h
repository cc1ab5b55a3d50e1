/* failing.h - an allocator that fails at a chosen call, and counts what is not given back. */
#ifndef TN_FAILING_H
#define TN_FAILING_H

#include "tonnage.h"

typedef struct failing {
    tn_alloc alloc;
    long until;       /* allocations that still succeed; negative: all */
    long n_pieces;    /* not yet freed */
    uint64_t n_bytes; /* in them, by the sizes the library tells */
    uint64_t most;    /* n_bytes at its highest */
} failing;

void failing_init(failing *f, long until);

#endif
