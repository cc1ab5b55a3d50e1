/* heap.h - a binary heap in a growing buffer: the item that comes before all others is the first.
 *
 * Inline, so that where it is used the compiler knows the size of an item and their order.
 */
#ifndef TN_HEAP_H
#define TN_HEAP_H

#include "base/base.h"

#include <string.h>

typedef bool (*tn_before)(const void *a, const void *b);

static inline int tn__heap_push(tn_buf *heap, const void *item, size_t size, tn_before before) /* TN_ENOMEM */
{
    TN_TRY(tn__buf_append(heap, item, size));
    size_t i = heap->size / size - 1;
    for (; i > 0 && before(item, heap->data + (i - 1) / 2 * size); i = (i - 1) / 2)
        memcpy(heap->data + i * size, heap->data + (i - 1) / 2 * size, size);
    memcpy(heap->data + i * size, item, size);
    return TN_OK;
}

/* Takes the first one out; there must be one. */
static inline void tn__heap_pop(tn_buf *heap, void *first, size_t size, tn_before before)
{
    size_t n = heap->size / size - 1, i = 0;
    uint8_t *items = heap->data, *last = items + n * size;
    memcpy(first, items, size);
    heap->size -= size;
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        child += child + 1 < n && before(items + (child + 1) * size, items + child * size);
        if (!before(items + child * size, last))
            break;
        memcpy(items + i * size, items + child * size, size);
    }
    if (n)
        memcpy(items + i * size, last, size);
}

#endif
