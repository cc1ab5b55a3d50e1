/* heap_parts.h - the heap: objects, and keys that dicts share. Private to lib/view. */
#ifndef TN_HEAP_PARTS_H
#define TN_HEAP_PARTS_H

#include "view/view.h"

typedef struct tn_heap {
    uint64_t bytes, objects; /* what the root retains; of that the objects */
} tn_heap;
int tn__heap_parts(tn_snapshot *s, tn_heap *out, tn_error *err);
void tn__heap_print(const tn_heap *heap, const tn_view_options *o, tn_out *out); /* a line, or nothing */
void tn__heap_json(const tn_heap *heap, tn_json *j);

#endif
