/* copy.h - the memory of another, stopped process, copied here at one constant distance, so that the engine reads it as it
 * would read its own.
 */
#ifndef TN_COPY_H
#define TN_COPY_H

#include "engine/target.h"

typedef struct tn_copy {
    tn_memory memory; /* ranges: what could be read */
    uint32_t capacity;
} tn_copy;

/* Copies every readable mapping of pid; the caller has stopped all its threads. Memory: as much as the process has mapped
 * readable. TN_EPERM with what would permit it, TN_ENOTFOUND when there is no such process, TN_ENOMEM. */
int tn_copy_process(int pid, tn_copy *out, tn_error *err);
void tn_copy_free(tn_copy *copy);

#endif
