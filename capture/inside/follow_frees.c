/* follow_frees.c - deaths: around the allocator of objects, whatever that is. All else is passed through. */
#include "inside/follow_parts.h"

#include "record/record.h"

static struct {
    PyMemAllocatorEx under;
    bool codes;
} frees;

/* An object is resized by its owner alone; if it moves, its memory is somebody else's by now, who may have it followed. */
static void *follow_realloc(void *ctx, void *p, size_t n)
{
    (void)ctx;
    bool followed = p && tn_lives_maybe(TN_ADDRESS(p));
    void *q = frees.under.realloc(frees.under.ctx, p, n);
    if (followed && q && q != p)
        tn_lives_move(tn_lives_at(TN_ADDRESS(p)), TN_ADDRESS(q));
    return q;
}

static void follow_free(void *ctx, void *p)
{
    (void)ctx;
    if (__builtin_expect(tn_lives_maybe(TN_ADDRESS(p)), 0))
        tn__follow_died(TN_ADDRESS(p));
    if (frees.codes && tn_sampled_maybe(TN_ADDRESS(p)))
        tn_record_code_dies(TN_ADDRESS(p));
    frees.under.free(frees.under.ctx, p);
}

/* Who came after us calls us, or has gone with us: the death of a block that is watched shows it. */
static bool is_called(void)
{
    PyMemAllocatorEx top;
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &top);
    if (top.free == follow_free)
        return true;
    void *p = PyObject_Malloc(1);
    bool watched = p && tn__follow_watch(TN_ADDRESS(p));
    PyObject_Free(p);
    return !watched || !tn__follow_unwatch(TN_ADDRESS(p));
}

void tn__follow_code_frees(void)
{
    frees.codes = true;
}

bool tn__follow_frees(void)
{
    static bool was_there;
    if (was_there && is_called())
        return false;
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &frees.under);
    PyMemAllocatorEx hooks = frees.under; /* its context, too: whoever sees half of the exchange calls what was there */
    hooks.realloc = follow_realloc;
    hooks.free = follow_free;
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &hooks);
    bool again = was_there;
    was_there = true;
    return again;
}
