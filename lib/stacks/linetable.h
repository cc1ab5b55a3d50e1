/* linetable.h - source lines from CPython's location tables (co_linetable, 3.11 and later). */
#ifndef TN_LINETABLE_H
#define TN_LINETABLE_H

#include <stdbool.h>
#include <stdint.h>

/* How far a table has been read. */
typedef struct tn_linetable {
    const uint8_t *at, *end;
    int64_t line;
    uint64_t ended; /* byte offset behind the instructions of what was read last */
    bool located;   /* these have a line */
} tn_linetable;

tn_linetable tn__linetable(const uint8_t *table, uint32_t n_bytes, uint32_t first_line);
/* Line of the instruction at a byte offset that is not lower than the one asked for before; 0 when the table gives none. Any
 * bytes are safe. All calls together: O(n_bytes). */
uint32_t tn__linetable_next(tn_linetable *t, uint32_t instruction);
/* Of one instruction. O(n_bytes). */
uint32_t tn__linetable_line(const uint8_t *table, uint32_t n_bytes, uint32_t first_line, uint32_t instruction);

#endif
