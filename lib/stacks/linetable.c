/* linetable.c - see linetable.h. Format: CPython's Objects/locations.md.
 *
 * An entry begins with a byte that has bit 7 set: bits 3-6 its form, bits 0-2 the number of code units (2 bytes each) less
 * one. Forms 0-9: column in one more byte; 10-12: line advances by form - 10, two bytes follow; 13: line delta, no columns;
 * 14: line delta, end line, two columns; 15: no location.
 */
#include "stacks/linetable.h"

#include <stdbool.h>

typedef struct cursor {
    const uint8_t *at, *end;
} cursor;

static uint32_t varint(cursor *c)
{
    uint32_t value = 0;
    for (unsigned shift = 0; c->at < c->end && shift < 32; shift += 6) {
        uint8_t byte = *c->at++;
        value |= (uint32_t)(byte & 63) << shift;
        if (!(byte & 64))
            break;
    }
    return value;
}

static int64_t signed_varint(cursor *c)
{
    uint32_t value = varint(c);
    return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* Reads one entry's operands; moves line; false when it has no location. */
static bool entry(cursor *c, unsigned form, int64_t *line)
{
    if (form == 15)
        return false;
    if (form == 14) {
        *line += signed_varint(c);
        varint(c);
        varint(c);
        varint(c);
    } else if (form == 13) {
        *line += signed_varint(c);
    } else if (form >= 10) {
        *line += form - 10;
        c->at += c->end - c->at < 2 ? c->end - c->at : 2;
    } else {
        c->at += c->at < c->end;
    }
    return true;
}

uint32_t tn__linetable_line(const uint8_t *table, uint32_t n_bytes, uint32_t first_line, uint32_t instruction)
{
    cursor c = {table, table + n_bytes};
    int64_t line = first_line;
    uint64_t start = 0;
    while (c.at < c.end) {
        uint8_t head = *c.at++;
        uint64_t end = start + 2u * ((head & 7u) + 1);
        bool located = entry(&c, head >> 3 & 15, &line);
        if (instruction >= start && instruction < end)
            return located && line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0;
        start = end;
    }
    return 0;
}
