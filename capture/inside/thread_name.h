/* thread_name.h - the name of a thread, found without calling anything or taking a reference.
 *
 * It is that of the threading.Thread whose _bootstrap() is the thread's outermost call, read where the layout table says it
 * is. One algorithm with two ways to load: by the thread itself, and by another while it runs.
 */
#ifndef TN_THREAD_NAME_H
#define TN_THREAD_NAME_H

#include "cpython/layout.h"

#include <stddef.h>

typedef bool (*tn_load)(uint64_t address, void *out, size_t bytes); /* false: not all of it is there */

/* The str under Thread._name; 0: the frame is not that of a Thread. */
uint64_t tn_thread_name(const tn_layout *layout, tn_load load, uint64_t outermost_frame);

#endif
