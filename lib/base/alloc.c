/* alloc.c - the two allocators and what is built on them. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

static void *libc_realloc(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    (void)ctx;
    (void)old_bytes;
    if (new_bytes == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, new_bytes);
}

/* Every piece is a mapping of its own: for few, large pieces. */
static void *pages_realloc(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    (void)ctx;
    if (!p)
        return tn__sys_map(new_bytes);
    if (new_bytes)
        return tn__sys_remap(p, old_bytes, new_bytes);
    tn__sys_unmap(p, old_bytes);
    return NULL;
}

const tn_alloc tn__alloc_libc = {libc_realloc, NULL};
const tn_alloc tn__alloc_pages = {pages_realloc, NULL};

void *tn__alloc(const tn_alloc *a, size_t bytes)
{
    return a->realloc(a->ctx, NULL, 0, bytes ? bytes : 1);
}

void *tn__alloc_zero(const tn_alloc *a, size_t bytes)
{
    void *p = tn__alloc(a, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

void *tn__realloc(const tn_alloc *a, void *p, size_t old_bytes, size_t new_bytes)
{
    return a->realloc(a->ctx, p, old_bytes, new_bytes ? new_bytes : 1);
}

void tn__free(const tn_alloc *a, void *p, size_t bytes)
{
    if (p)
        a->realloc(a->ctx, p, bytes ? bytes : 1, 0);
}

/* ---- arena ---- */

/* Blocks double from 64 KiB to 4 MiB: little for small uses, huge pages for large ones. */
struct tn_arena_block {
    struct tn_arena_block *next;
    size_t bytes;
};

enum { ARENA_FIRST = 64 << 10, ARENA_LARGEST = 4 << 20 };

void tn__arena_init(tn_arena *arena, const tn_alloc *a)
{
    *arena = (tn_arena){.alloc = a};
}

static bool arena_grow(tn_arena *arena, size_t bytes)
{
    size_t want = arena->blocks ? 2 * arena->blocks->bytes : ARENA_FIRST;
    want = want < ARENA_LARGEST ? want : ARENA_LARGEST;
    if (want < bytes + sizeof(struct tn_arena_block))
        want = bytes + sizeof(struct tn_arena_block);
    struct tn_arena_block *block = tn__alloc(arena->alloc, want);
    if (!block)
        return false;
    *block = (struct tn_arena_block){arena->blocks, want};
    arena->blocks = block;
    arena->used = sizeof *block;
    arena->capacity = want;
    return true;
}

void *tn__arena_get(tn_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + 7) & ~(size_t)7;
    if ((!arena->blocks || bytes > arena->capacity - arena->used) && !arena_grow(arena, bytes))
        return NULL;
    void *p = (uint8_t *)arena->blocks + arena->used;
    arena->used += bytes;
    return p;
}

char *tn__arena_text(tn_arena *arena, const char *bytes, size_t n)
{
    char *text = n < SIZE_MAX ? tn__arena_get(arena, n + 1) : NULL;
    if (text) {
        memcpy(text, bytes, n);
        text[n] = 0;
    }
    return text;
}

void tn__arena_free(tn_arena *arena)
{
    while (arena->blocks) {
        struct tn_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        tn__free(arena->alloc, block, block->bytes);
    }
    arena->used = arena->capacity = 0;
}

/* ---- buffer ---- */

void tn__buf_init(tn_buf *buf, const tn_alloc *a)
{
    *buf = (tn_buf){.alloc = a};
}

int tn__buf_reserve(tn_buf *buf, size_t more)
{
    if (more <= buf->capacity - buf->size)
        return 0;
    if (more > SIZE_MAX / 4 || buf->size > SIZE_MAX / 4)
        return TN_ENOMEM;
    size_t capacity = buf->capacity ? 2 * buf->capacity : 256;
    while (capacity < buf->size + more)
        capacity *= 2;
    uint8_t *data = tn__realloc(buf->alloc, buf->data, buf->capacity, capacity);
    if (!data)
        return TN_ENOMEM;
    buf->data = data;
    buf->capacity = capacity;
    return 0;
}

int tn__buf_append(tn_buf *buf, const void *bytes, size_t n)
{
    TN_TRY(tn__buf_reserve(buf, n));
    if (n)
        memcpy(buf->data + buf->size, bytes, n);
    buf->size += n;
    return 0;
}

void tn__buf_free(tn_buf *buf)
{
    tn__free(buf->alloc, buf->data, buf->capacity);
    *buf = (tn_buf){.alloc = buf->alloc};
}
