/* linetable.c - see linetable.h. Format: CPython's Objects/locations.md.
 *
 * An entry begins with a byte that has bit 7 set: bits 3-6 its form, bits 0-2 the number of code units (2 bytes each) less
 * one. Forms 0-9: column in one more byte; 10-12: line advances by form - 10, two bytes follow; 13: line delta, no columns;
 * 14: line delta, end line, two columns; 15: no location.
 */
#include "stacks/linetable.h"

static uint32_t varint(tn_linetable *t)
{
    uint32_t value = 0;
    for (unsigned shift = 0; t->at < t->end && shift < 32; shift += 6) {
        uint8_t byte = *t->at++;
        value |= (uint32_t)(byte & 63) << shift;
        if (!(byte & 64))
            break;
    }
    return value;
}

static int64_t signed_varint(tn_linetable *t)
{
    uint32_t value = varint(t);
    return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

/* Reads one entry's operands; moves line; false when it has no location. */
static bool entry(tn_linetable *t, unsigned form)
{
    if (form == 15)
        return false;
    if (form == 14) {
        t->line += signed_varint(t);
        varint(t);
        varint(t);
        varint(t);
    } else if (form == 13) {
        t->line += signed_varint(t);
    } else if (form >= 10) {
        t->line += form - 10;
        t->at += t->end - t->at < 2 ? t->end - t->at : 2;
    } else {
        t->at += t->at < t->end;
    }
    return true;
}

tn_linetable tn__linetable(const uint8_t *table, uint32_t n_bytes, uint32_t first_line)
{
    return (tn_linetable){.at = table, .end = table + n_bytes, .line = first_line};
}

uint32_t tn__linetable_next(tn_linetable *t, uint32_t instruction)
{
    while (instruction >= t->ended && t->at < t->end) {
        uint8_t head = *t->at++;
        t->ended += 2u * ((head & 7u) + 1);
        t->located = entry(t, head >> 3 & 15);
    }
    bool known = instruction < t->ended && t->located && t->line > 0 && t->line <= UINT32_MAX;
    return known ? (uint32_t)t->line : 0;
}

uint32_t tn__linetable_line(const uint8_t *table, uint32_t n_bytes, uint32_t first_line, uint32_t instruction)
{
    tn_linetable t = tn__linetable(table, n_bytes, first_line);
    return tn__linetable_next(&t, instruction);
}
