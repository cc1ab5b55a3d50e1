/* follow_frees.c - deaths: around the allocator of objects, whatever that is. All else is passed through. */
#include "inside/follow_parts.h"

#include "record/record.h"

static struct {
    PyMemAllocatorEx under;
    bool in_chain, asked, codes;
} frees;

static void *follow_malloc(void *ctx, size_t n)
{
    (void)ctx;
    frees.in_chain |= frees.asked;
    return frees.under.malloc(frees.under.ctx, n);
}

static void *follow_calloc(void *ctx, size_t n, size_t of)
{
    (void)ctx;
    return frees.under.calloc(frees.under.ctx, n, of);
}

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

/* Who came after us calls us, or has gone with us: a block of one byte shows it. */
static bool is_called(void)
{
    PyMemAllocatorEx top;
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &top);
    if (top.free == follow_free)
        return true;
    frees.in_chain = false;
    frees.asked = true;
    void *p = PyObject_Malloc(1);
    frees.asked = false;
    PyObject_Free(p);
    return !p || frees.in_chain;
}

void tn__follow_code_frees(void)
{
    frees.codes = true;
}

bool tn__follow_frees(void)
{
    static bool was_there;
    PyMemAllocatorEx hooks = {NULL, follow_malloc, follow_calloc, follow_realloc, follow_free};
    if (was_there && is_called())
        return false;
    PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &frees.under);
    hooks.ctx = frees.under.ctx; /* whoever sees half of the exchange calls what was there */
    PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &hooks);
    bool again = was_there;
    was_there = true;
    return again;
}
