/* pickle.h - the machine that reads a dump of tracemalloc: what it holds, for its two halves. Private to lib/import.
 *
 *   pickle.c          the instructions: bytes, a stack, a memo
 *   pickle_traces.c   what values mean: frames, traces, the two objects
 *
 * A value is a word: a kind and a number.
 */
#ifndef TN_PICKLE_H
#define TN_PICKLE_H

#include "import/import.h"

#include <string.h>

enum kind { NONE, NUMBER, TEXT, TUPLE, LIST, DICT, CLASS, OBJECT, MARK, KIND_BITS = 4 };
enum { SNAPSHOT = 1, TRACES }; /* of CLASS and OBJECT */
enum { MOST_MEMO = UINT32_MAX - 1, MOST_NUMBER_BITS = 60 };

typedef uint64_t tn_pickled;

/* What stands in tuples; of one that is a stack, 1 + row of it, whole or cut off. */
typedef struct tn_pickled_tuple {
    uint64_t first;
    uint32_t n, stacks[2];
} tn_pickled_tuple;

typedef struct tn_pickle {
    const uint8_t *bytes;
    size_t n, at, began; /* began: at the opcode under way */
    tn_traced *traced;
    tn_buf stack, memo, items, tuples; /* value, value, value, tuple */
    unsigned n_lists;
    bool has_list, has_traces, has_limit, ended;
    tn_error *err;
} tn_pickle;

static inline enum kind tn__pickled_kind(tn_pickled v)
{
    return (enum kind)(v & ((1 << KIND_BITS) - 1));
}

static inline uint64_t tn__pickled_number(tn_pickled v)
{
    return v >> KIND_BITS;
}

static inline tn_pickled tn__pickled(enum kind kind, uint64_t number)
{
    return number << KIND_BITS | kind;
}

/* ---- pickle.c ---- */

int tn__pickle_refuse(tn_pickle *m, const char *what); /* TN_EFORMAT, with the byte */
int tn__pickle_memory(tn_pickle *m, int status);       /* what a tn__buf or tn__strtab says, with a message */

static inline tn_pickled *tn__pickled_array(const tn_buf *buf)
{
    return (tn_pickled *)(void *)buf->data;
}

static inline size_t tn__pickle_depth(const tn_pickle *m)
{
    return m->stack.size / sizeof(tn_pickled);
}

/* The topmost one, k values below it; NONE where there are none. */
static inline tn_pickled tn__pickle_top(const tn_pickle *m, size_t k)
{
    return k < tn__pickle_depth(m) ? tn__pickled_array(&m->stack)[tn__pickle_depth(m) - 1 - k] : tn__pickled(NONE, 0);
}

static inline tn_pickled_tuple *tn__pickled_tuple(const tn_pickle *m, tn_pickled v)
{
    return (tn_pickled_tuple *)(void *)m->tuples.data + tn__pickled_number(v);
}

static inline const tn_pickled *tn__pickled_items(const tn_pickle *m, const tn_pickled_tuple *t)
{
    return tn__pickled_array(&m->items) + t->first;
}

static inline const char *tn__pickled_text(const tn_pickle *m, tn_pickled v, size_t *n)
{
    const tn_strtab *texts = &m->traced->texts;
    const uint32_t *starts = (const uint32_t *)(const void *)texts->offsets.data;
    uint64_t i = tn__pickled_number(v);
    *n = starts[i + 1] - starts[i];
    return (const char *)texts->bytes.data + starts[i];
}

static inline bool tn__pickled_is(const tn_pickle *m, tn_pickled v, const char *text)
{
    size_t n;
    if (tn__pickled_kind(v) != TEXT)
        return false;
    const char *found = tn__pickled_text(m, v, &n);
    return n == strlen(text) && memcmp(found, text, n) == 0;
}

/* ---- pickle_traces.c ---- */

int tn__pickle_trace(tn_pickle *m, tn_pickled v); /* an item of the list */
int tn__pickle_attribute(tn_pickle *m, tn_pickled key, tn_pickled v);
int tn__pickle_end(tn_pickle *m);

#endif
