/* kept.h - types of which CPython keeps dead objects, blocks and all, for the next of their type.
 *
 * No allocator is asked for that next object: to whoever records allocations it seems to be made where the one before was.
 */
#ifndef TN_KEPT_H
#define TN_KEPT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct tn_kept_type {
    const char *name; /* with its module, but for builtins */
    uint8_t since;    /* Python 3.x */
} tn_kept_type;

static const tn_kept_type tn__kept_types[] = {
    {"dict", 11},
    {"float", 11},
    {"list", 11},
    {"tuple", 11},
    {"slice", 11},
    {"MemoryError", 11},
    {"_contextvars.Context", 11},
    {"_asyncio.FutureIter", 11},
    {"async_generator_asend", 11},
    {"async_generator_wrapped_value", 11},
    {"int", 14},
    {"range", 14},
    {"range_iterator", 14},
    {"list_iterator", 14},
    {"tuple_iterator", 14},
    {"method", 14},
    {"builtin_method", 14},
    {"builtin_function_or_method", 14},
    {"complex", 15},
};
enum { TN_KEPT_TYPES = sizeof tn__kept_types / sizeof *tn__kept_types };

/* Its row; TN_KEPT_TYPES: none. hexversion: of the Python. */
static inline unsigned tn__kept_type(const char *name, uint64_t hexversion)
{
    unsigned i = 0;
    while (i < TN_KEPT_TYPES &&
           (strcmp(name, tn__kept_types[i].name) != 0 || (hexversion >> 16 & 0xff) < tn__kept_types[i].since))
        i++;
    return i;
}

#endif
