/* base.h - what every part of libtonnage stands on: errors, memory, growing arrays, the operating system.
 *
 * Private to tonnage (lib/, capture/). No Python, no printing. OS calls are in sys.c only.
 */
#ifndef TN_BASE_H
#define TN_BASE_H

#include "tonnage.h"

#include <stdarg.h>

/* ---- compose.c ---- */

/* Like snprintf, for %d %u %x %s %% with l, ll, z and a precision of %s, and with no state of the C library. Returns the
 * length that there would be with room enough. */
size_t tn__compose(char *out, size_t cap, const char *pattern, ...) __attribute__((format(printf, 3, 4)));
size_t tn__compose_list(char *out, size_t cap, const char *pattern, va_list args) __attribute__((format(printf, 3, 0)));

/* ---- err.c ---- */

/* Fills *err (if not NULL) and returns status. */
int tn__error_set(tn_error *err, int status, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define TN_TRY(expr)          \
    do {                      \
        int tn_try_ = (expr); \
        if (tn_try_ < 0)      \
            return tn_try_;   \
    } while (0)

/* ---- alloc.c ---- */

extern const tn_alloc tn__alloc_libc; /* malloc */
extern const tn_alloc
    tn__alloc_pages; /* own anonymous mappings: for captures, which must not use the target's malloc */

void *tn__alloc(const tn_alloc *a, size_t bytes); /* not zeroed; NULL when out of memory; bytes 0 gives a pointer */
void *tn__alloc_zero(const tn_alloc *a, size_t bytes);
void *tn__realloc(const tn_alloc *a, void *p, size_t old_bytes, size_t new_bytes);
void tn__free(const tn_alloc *a, void *p, size_t bytes); /* p may be NULL */

/* Arena: many small pieces freed at once. */
typedef struct tn_arena {
    const tn_alloc *alloc;
    struct tn_arena_block *blocks;
    size_t used, capacity; /* in the newest block */
} tn_arena;
void tn__arena_init(tn_arena *arena, const tn_alloc *a);
void *tn__arena_get(tn_arena *arena, size_t bytes);                 /* 8-aligned, not zeroed */
char *tn__arena_text(tn_arena *arena, const char *bytes, size_t n); /* copy with a NUL */
void tn__arena_free(tn_arena *arena);

/* Growing byte buffer. */
typedef struct tn_buf {
    const tn_alloc *alloc;
    uint8_t *data;
    size_t size, capacity;
} tn_buf;
void tn__buf_init(tn_buf *buf, const tn_alloc *a);
int tn__buf_reserve(tn_buf *buf, size_t more); /* TN_ENOMEM */
int tn__buf_append(tn_buf *buf, const void *bytes, size_t n);
void tn__buf_free(tn_buf *buf);

/* ---- strtab.c: distinct strings, numbered from 0 in order of arrival ---- */

typedef struct tn_strtab {
    tn_buf bytes;    /* all strings, one after another, no NUL */
    tn_buf offsets;  /* u32 each: start; plus one at the end */
    uint32_t *slots; /* open addressing, value = index + 1 */
    uint32_t n_slots, count;
} tn_strtab;
int tn__strtab_init(tn_strtab *tab, const tn_alloc *a);
void tn__strtab_free(tn_strtab *tab);
int tn__strtab_add(tn_strtab *tab, const char *text, size_t n, uint32_t *index); /* TN_ENOMEM TN_ELIMIT */

/* ---- utf8.c: UTF-8 in which a lone surrogate has three bytes (docs/format.md) ---- */

size_t tn__utf8_length(const uint8_t *text, size_t n); /* well-formed bytes from the beginning on; n: all */
/* Appends text; a byte that belongs to no sequence becomes U+DC00 + byte, as by Python's surrogateescape. */
int tn__utf8_append(tn_buf *out, const uint8_t *text, size_t n);
int tn__utf8_encode(tn_buf *out, uint32_t c); /* a code point below U+110000 */

/* ---- sys.c ---- */

void *tn__sys_map(size_t bytes); /* anonymous, private, readable, writable; NULL when refused */
void *tn__sys_remap(void *p, size_t old_bytes, size_t new_bytes); /* may move; NULL when refused, p is kept */
void tn__sys_unmap(void *p, size_t bytes);
int tn__sys_error(tn_error *err, const char *what, const char *path); /* errno in words: "what path: …" */
bool tn__sys_is_file(const char *path);                               /* regular; false for what is not there */
int tn__sys_open_read(const char *path, int *fd, uint64_t *bytes, tn_error *err);
int tn__sys_open_stream(const char *path, int *fd, tn_error *err); /* pipes, too; waits for who writes to one */
/* As many bytes as there are, up to room: less only at the end. */
int tn__sys_read(int fd, void *out, size_t room, size_t *bytes, tn_error *err);
/* EINVAL where path is the open file fd, which is read, under any name: to write it would destroy it. */
int tn__sys_not_input(int fd, const char *path, tn_error *err);
int tn__sys_dup(int fd, int *out, uint64_t *bytes, tn_error *err);
int tn__sys_read_at(int fd, uint64_t offset, void *out, size_t bytes, tn_error *err); /* short read: TN_ETRUNCATED */
/* Whole or error; EINTR retried. Beyond the limit of file sizes: TN_EIO, and no SIGXFSZ. */
int tn__sys_write(int fd, const void *bytes, size_t n, tn_error *err);
/* Lets the disk begin with what was written; only a hint. */
void tn__sys_begin_writeback(int fd, uint64_t offset, uint64_t bytes);
void tn__sys_close(int fd);
/* The same file under a number that the program does not come to: it may write to a standard stream that it has closed, or
 * close a number a second time, which is somebody else's by then. fd is closed; a negative one is passed through. */
int tn__sys_aside(int fd);

/* A new file in path's folder (mode 0600) that has no name, where the file system can do that; else a temporary one beside
 * path (O_EXCL, O_NOFOLLOW), path.PID.N.part. temp receives its name, empty for none. */
int tn__sys_create_beside(const char *path, char *temp, size_t cap, int *fd, tn_error *err);
/* Flushes fd, then gives it its final name; without force an existing path is TN_EEXIST. temp (cap bytes) is the name it
 * has until then: on failure it is to be discarded. */
int tn__sys_publish(int fd, char *temp, size_t cap, const char *path, bool force, tn_error *err);
/* Closes fd and removes its temporary name, if it has one. */
void tn__sys_discard(int fd, const char *temp);
void tn__sys_sweep(const char *path, int pid); /* removes the temporary files for path of a process that is dead */
bool tn__sys_exists(const char *path);
uint64_t tn__sys_monotonic_ns(void);
uint64_t tn__sys_wall_ns(void);

#endif
