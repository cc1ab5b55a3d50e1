/* search.h - who else holds an object whose reference count is higher than the references to it: looks for pointers to it
 * where no object's layout says that there are any.
 *
 *   search.c         reference counts against references; what a word points to; the table SEEN
 *   search_places.c  the words: writable data of libraries, stacks of threads, malloc's memory in use, blocks of C code in
 *                    pools, evaluation stacks, objects of which not all is known
 *
 * What is free, or owned by an object and known, is not looked at: old pointers there mean nothing. Memory that is not
 * Python's is copied before it is read: threads that do not hold the lock may give it back meanwhile.
 */
#ifndef TN_SEARCH_H
#define TN_SEARCH_H

#include "engine/describe.h"

enum { TN_SEARCH_WINDOW = 1 << 20, TN_MAX_REPORTED = 256, TN_SEARCH_ROWS = 1 << 12 };

typedef struct tn_search {
    tn_walk *w;
    uint32_t *found;      /* by id: owning references */
    uint32_t *refcounts;  /* by id: 0: not looked for */
    uint64_t first, last; /* all objects lie between */
    size_t most; /* rows of the table at which equal ones are put together, so that it is as large as what was seen */
    uint32_t kind, what;                /* of the place at hand: TN_SEEN_…; what is there */
    uint64_t reported[TN_MAX_REPORTED]; /* references of the object at hand that are known */
    uint32_t n_reported;
    const uint32_t *labels; /* of the object whose references are counted */
    uint32_t n_fixed, run_kind, at;
    bool keys_twice;
    uint8_t *window; /* copied memory, from window_at on */
    uint64_t window_at, window_bytes;
    uint64_t function_cache; /* where it may begin in the data at hand; 0: no function was there */
    uint64_t free_key;       /* what glibc writes into blocks that wait to be given out again; 0: not known */
} tn_search;

/* The object at hand (TN_NONE: the word points to none that is looked for) goes into the table. */
void tn__search_word(tn_search *s, uint64_t word);
/* All words of an object's own block that are no reference that it is known to have; its class too, where its tp_traverse
 * does not report it. */
void tn__search_object(tn_search *s, uint64_t object);
/* search_places.c */
void tn__search_places(tn_search *s);

#endif
