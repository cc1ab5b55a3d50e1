/* failing.c - see failing.h. */
#include "failing.h"

#include <stdlib.h>

static void *failing_realloc(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    failing *f = ctx;
    if (new_bytes == 0) {
        f->n_pieces -= p != NULL;
        f->n_bytes -= old_bytes;
        free(p);
        return NULL;
    }
    if (f->until == 0)
        return NULL;
    f->until -= f->until > 0;
    void *q = realloc(p, new_bytes);
    if (q) {
        f->n_pieces += p == NULL;
        f->n_bytes += new_bytes - old_bytes;
        f->most = f->n_bytes > f->most ? f->n_bytes : f->most;
    }
    return q;
}

void failing_init(failing *f, long until)
{
    *f = (failing){.alloc = {failing_realloc, f}, .until = until};
}
