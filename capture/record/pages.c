/* pages.c - the recorder's memory: own mappings, arrays that never move, indexes that are replaced as a whole.
 *
 * What tn__pages_get gives has a head in front and is on a list, so that it is known what of it is resident. Pieces are taken
 * off the list only while all are excluded: a reader follows it without the lock that guards it.
 */
#include "record/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEAD = 64, PAGE = 4096 };

typedef struct piece {
    struct piece *next, *retired;
    uint64_t bytes; /* with the head */
    uint32_t part;
} piece;

static struct {
    uint32_t lock;
    piece *first, *retired;
    uint64_t mapped[TN_PARTS], total;
} pages;

static uint64_t whole(uint64_t bytes)
{
    return (bytes + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* Huge pages are refused: they would make resident what is not used. */
void *tn__pages_map(unsigned part, size_t bytes)
{
    int error = errno;
    uint64_t limit = tn_get(&tn__rec.max_bytes), n = whole(bytes);
    if (tn_add(&pages.total, n) > limit && limit) {
        tn_add(&pages.total, -n);
        return NULL;
    }
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        tn_add(&pages.total, -n);
        p = NULL;
    } else {
        madvise(p, n, MADV_NOHUGEPAGE);
        tn_add(&pages.mapped[part], n);
    }
    errno = error;
    return p;
}

void tn__pages_unmap(unsigned part, void *p, size_t bytes)
{
    int error = errno;
    tn_add(&pages.mapped[part], -whole(bytes));
    tn_add(&pages.total, -whole(bytes));
    munmap(p, whole(bytes));
    errno = error;
}

void *tn__pages_get(unsigned part, size_t bytes)
{
    piece *p = tn__pages_map(part, bytes + HEAD);
    if (!p)
        return NULL;
    p->bytes = whole(bytes + HEAD);
    p->part = part;
    tn__spin_lock(&pages.lock);
    p->next = pages.first;
    tn_set_release(&pages.first, p);
    tn__spin_unlock(&pages.lock);
    return (char *)p + HEAD;
}

void tn__pages_put(void *at)
{
    if (!at)
        return;
    piece *p = (piece *)((char *)at - HEAD), **link = &pages.first;
    tn__spin_lock(&pages.lock);
    while (*link != p)
        link = &(*link)->next;
    tn_set_release(link, p->next);
    tn__spin_unlock(&pages.lock);
    tn__pages_unmap(p->part, p, p->bytes);
}

void tn__pages_put_all(unsigned part)
{
    piece *next, **link = &pages.first;
    tn__spin_lock(&pages.lock);
    for (piece *p = pages.first; p; p = next) {
        next = p->next;
        if (p->part == part) {
            tn_set_release(link, next);
            tn__pages_unmap(part, p, p->bytes);
        } else {
            link = &p->next;
        }
    }
    tn__spin_unlock(&pages.lock);
}

void tn__pages_retire(void *at)
{
    if (!at)
        return;
    piece *p = (piece *)((char *)at - HEAD);
    tn__spin_lock(&pages.lock);
    p->retired = pages.retired;
    pages.retired = p;
    tn__spin_unlock(&pages.lock);
}

void tn__pages_sweep(void)
{
    tn__spin_lock(&pages.lock);
    piece *p = pages.retired, *next;
    pages.retired = NULL;
    tn__spin_unlock(&pages.lock);
    for (; p; p = next) {
        next = p->retired;
        tn__pages_put((char *)p + HEAD);
    }
}

uint64_t tn__pages_mapped(unsigned part)
{
    return tn_get(&pages.mapped[part]);
}

/* ---- what is resident ---- */

/* Pages that were read and never written are all the one page of zeros, which is nobody's memory. mincore() counts them. The
 * page map tells a page that is this process's alone; one that is not is that page, or has been shared by a fork. */

int tn__pages_open_map(void)
{
    int error = errno, map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    errno = error;
    return map;
}

void tn__pages_close_map(int map)
{
    int error = errno;
    if (map >= 0)
        close(map);
    errno = error;
}

static bool is_zero(const char *page)
{
    const uint64_t *words = (const uint64_t *)(const void *)page, *end = words + PAGE / sizeof *words;
    uint64_t any = 0;
    for (; words < end && !any; words += 8)
        any = tn_get(words) | tn_get(words + 1) | tn_get(words + 2) | tn_get(words + 3) | tn_get(words + 4) |
              tn_get(words + 5) | tn_get(words + 6) | tn_get(words + 7);
    return !any;
}

enum { SOME = 128 }; /* pages looked at at once */

/* false: the map does not tell. */
static bool add_by_map(int map, const char *from, unsigned n, uint64_t *bytes)
{
    const uint64_t PRESENT = 1ull << 63, ALONE = 1ull << 56;
    uint64_t entries[SOME];
    if (map < 0 || pread(map, entries, n * sizeof *entries,
                         (off_t)((uint64_t)(uintptr_t)from / PAGE * sizeof *entries)) != (ssize_t)(n * sizeof *entries))
        return false;
    for (unsigned i = 0; i < n; i++)
        if (entries[i] & PRESENT && (entries[i] & ALONE || !is_zero(from + i * PAGE)))
            *bytes += PAGE;
    return true;
}

uint64_t tn__pages_resident_at(int map, const void *p, size_t bytes)
{
    uint64_t found = 0, left = whole(bytes) / PAGE;
    int error = errno;
    for (const char *at = p; left;) {
        unsigned char there[SOME];
        unsigned n = left < SOME ? (unsigned)left : SOME;
        if (!add_by_map(map, at, n, &found) && mincore((char *)(uintptr_t)at, n * (size_t)PAGE, there) == 0)
            for (unsigned i = 0; i < n; i++)
                found += there[i] & 1 && !is_zero(at + i * PAGE) ? PAGE : 0;
        at += n * (size_t)PAGE;
        left -= n;
    }
    errno = error;
    return found;
}

uint64_t tn__pages_resident(int map)
{
    uint64_t n = 0;
    for (const piece *p = tn_get_acquire(&pages.first); p; p = p->next)
        n += tn__pages_resident_at(map, p, p->bytes);
    return n;
}

/* ---- arrays ---- */

void *tn__segments_add(tn_segments *s, unsigned part, unsigned shift, size_t row_bytes, uint32_t *id)
{
    uint32_t next = s->count ? s->count : 1;
    if (next >> shift >= SEGMENTS)
        return NULL;
    void **segment = &s->at[next >> shift];
    if (!*segment && !(*segment = tn__pages_get(part, row_bytes << shift)))
        return NULL;
    *id = next;
    return (char *)*segment + (next & ((1u << shift) - 1)) * row_bytes;
}

/* ---- indexes ---- */

enum { FIRST_SLOTS = 1024 };

static void place(tn_index_table *table, uint64_t slot)
{
    uint32_t i = (uint32_t)(slot >> 32) & table->mask;
    while (table->slots[i])
        i = (i + 1) & table->mask;
    tn_set_release(&table->slots[i], slot);
}

static bool grow(tn_index *x, unsigned part, bool (*stale)(uint32_t hash, uint32_t id))
{
    tn_index_table *old = x->table;
    uint32_t n_old = old ? old->mask + 1 : 0, kept = 0;
    for (uint32_t i = 0; i < n_old; i++)
        kept += old->slots[i] && !(stale && stale((uint32_t)(old->slots[i] >> 32), (uint32_t)old->slots[i]));
    uint64_t n = n_old ? n_old : FIRST_SLOTS;
    while (n < 4ull * (kept + 1))
        n *= 2;
    if (n > 1u << 31)
        return false;
    tn_index_table *table = tn__pages_get(part, sizeof *table + n * sizeof *table->slots);
    if (!table)
        return false;
    table->mask = (uint32_t)n - 1;
    for (uint32_t i = 0; i < n_old; i++)
        if (old->slots[i] && !(stale && stale((uint32_t)(old->slots[i] >> 32), (uint32_t)old->slots[i])))
            place(table, old->slots[i]);
    x->used = kept;
    tn_set_release(&x->table, table);
    tn__pages_retire(old);
    return true;
}

bool tn__index_add(tn_index *x, unsigned part, uint32_t hash, uint32_t id, bool (*stale)(uint32_t hash, uint32_t id))
{
    if ((!x->table || 2ull * x->used > x->table->mask) && !grow(x, part, stale))
        return false;
    place(x->table, (uint64_t)hash << 32 | id);
    x->used++;
    return true;
}
