/* radix.c - many items in order of a number, equal ones as they stood. */
#include "analysis/analysis.h"

/* Least significant byte first; bytes that all values share take no pass. */
tn_sort_item *tn__radix_sort(tn_sort_item *from, tn_sort_item *to, size_t n, uint64_t differing)
{
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t starts[256] = {0}, sum = 0;
        if (!(differing >> shift & 255))
            continue;
        for (size_t i = 0; i < n; i++)
            starts[from[i].value >> shift & 255]++;
        for (unsigned digit = 0; digit < 256; digit++) {
            size_t count = starts[digit];
            starts[digit] = sum;
            sum += count;
        }
        for (size_t i = 0; i < n; i++)
            to[starts[from[i].value >> shift & 255]++] = from[i];
        tn_sort_item *other = from;
        from = to;
        to = other;
    }
    return from;
}
