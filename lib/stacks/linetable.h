/* linetable.h - source lines from CPython's location tables (co_linetable, 3.11 and later). */
#ifndef TN_LINETABLE_H
#define TN_LINETABLE_H

#include <stdint.h>

/* Line of the instruction at byte offset instruction, or 0 when the table gives none. Any bytes are safe. O(n_bytes). */
uint32_t tn__linetable_line(const uint8_t *table, uint32_t n_bytes, uint32_t first_line, uint32_t instruction);

#endif
