/* dump_graph.c - the objects of a dump as nodes, and from which of them all others can be reached.
 *
 * A dump knows no roots. What is needed are the strongly connected components that no other one refers to; a node of each will
 * do. In a depth-first search over all nodes the one that ends last is in such a component: if another one led to it, a node
 * there would have ended later. So, from the last to end to the first: what has not been reached by those before is one.
 */
#include "import/import.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "not enough memory for this dump");
}

/* ---- order ---- */

static int compare(const void *left, const void *right)
{
    const tn_dump_object *a = left, *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first; /* the first one that was there stays */
}

/* Two objects in 16 bytes have no place in a file (docs/format.md). */
static int sort(tn_dump *d, tn_error *err)
{
    tn_dump_object *objects = tn__dump_object_at(d, 0);
    uint32_t n = 1;
    qsort(objects, d->n, sizeof *objects, compare);
    for (uint32_t i = 1; i < d->n; i++) {
        if (objects[i].address == objects[n - 1].address) {
            d->n_repeated++;
            continue;
        }
        if (objects[i].address >> 4 == objects[n - 1].address >> 4)
            return tn__error_set(err, TN_EFORMAT, 0, "objects at 0x%llx and 0x%llx overlap: it is no dump of 64 bits",
                                 (unsigned long long)objects[n - 1].address, (unsigned long long)objects[i].address);
        objects[n++] = objects[i];
    }
    d->n = n;
    return TN_OK;
}

static uint32_t find(const tn_dump *d, uint64_t address)
{
    uint32_t low = 0, high = d->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (tn__dump_object_at(d, middle)->address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < d->n && tn__dump_object_at(d, low)->address == address ? 1 + low : 0;
}

static void resolve(tn_dump *d)
{
    uint64_t *references = (uint64_t *)(void *)d->references.data;
    for (uint32_t i = 0; i < d->n; i++) {
        const tn_dump_object *o = tn__dump_object_at(d, i);
        for (uint32_t k = 0; k < o->n_references; k++) {
            uint64_t *reference = &references[o->first + k];
            uint64_t address = *reference;
            *reference = find(d, address);
            d->n_unknown += address && !*reference;
        }
    }
}

/* ---- what nothing in the dump holds ---- */

typedef struct tn_dump_search {
    const tn_dump *dump;
    uint8_t *seen;
    uint32_t *stack, *next, *ended, *spare; /* next: reference of each node to look at */
    uint32_t n_ended;
} tn_dump_search;

/* All that has not been seen and can be reached; in the order in which they end. */
static void search(tn_dump_search *s, uint32_t from)
{
    const uint64_t *references = (const uint64_t *)(const void *)s->dump->references.data;
    uint32_t depth = 0;
    s->stack[depth++] = from;
    s->seen[from] = 1;
    s->next[from] = 0;
    while (depth) {
        uint32_t at = s->stack[depth - 1];
        const tn_dump_object *o = tn__dump_object_at(s->dump, at);
        if (s->next[at] == o->n_references) {
            s->ended[s->n_ended++] = at;
            depth--;
            continue;
        }
        uint64_t to = references[o->first + s->next[at]++];
        if (!to || s->seen[to - 1])
            continue;
        s->seen[to - 1] = 1;
        s->next[to - 1] = 0;
        s->stack[depth++] = (uint32_t)to - 1;
    }
}

static int find_holders(tn_dump_search *s, tn_dump *d)
{
    for (uint32_t i = 0; i < d->n; i++)
        if (!s->seen[i])
            search(s, i);
    memset(s->seen, 0, d->n);
    uint32_t *order = s->ended;
    int status = TN_OK;
    s->ended = s->spare;
    for (uint32_t i = d->n; i-- && status == TN_OK;) {
        if (s->seen[order[i]])
            continue;
        status = tn__buf_append(&d->holders, &order[i], sizeof order[i]);
        s->n_ended = 0;
        search(s, order[i]);
    }
    s->spare = s->ended;
    s->ended = order;
    return status;
}

int tn__dump_settle(tn_dump *d, tn_error *err)
{
    TN_TRY(sort(d, err));
    resolve(d);
    size_t bytes = d->n * sizeof(uint32_t);
    tn_dump_search s = {
        .dump = d,
        .seen = tn__alloc_zero(d->alloc, d->n),
        .stack = tn__alloc(d->alloc, bytes),
        .next = tn__alloc(d->alloc, bytes),
        .ended = tn__alloc(d->alloc, bytes),
        .spare = tn__alloc(d->alloc, bytes),
    };
    int status = s.seen && s.stack && s.next && s.ended && s.spare ? find_holders(&s, d) : TN_ENOMEM;
    tn__free(d->alloc, s.seen, d->n);
    tn__free(d->alloc, s.stack, bytes);
    tn__free(d->alloc, s.next, bytes);
    tn__free(d->alloc, s.ended, bytes);
    tn__free(d->alloc, s.spare, bytes);
    return status < 0 ? no_memory(err) : TN_OK;
}
