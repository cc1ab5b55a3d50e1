/* lives.h - objects that are followed from birth to death.
 *
 * There is one table, for the whole process. It knows nothing of Python: who hooks into the interpreter (capture/inside) tells
 * it of births and of memory that is freed, and decides what is followed. A *kind* is what lives are summed up by, a class as a
 * rule.
 *
 *     a bit for each 16 bytes of the address space    does the block of a followed object begin there? All that a free asks
 *     a row for each life, 32 bytes                    and an index of rows by address, 8 to 16 bytes each
 *     the last deaths, in a ring                       older ones are in the sums of their kind alone
 *     logged deaths                                    of kinds and single objects of which none may be lost
 *
 * All calls need the one lock that guards the objects themselves (the GIL), but for tn_lives_maybe. Times are of
 * CLOCK_MONOTONIC_COARSE, a few milliseconds coarse, so that a birth costs no more than some 20 ns; serial numbers have the
 * order. Calls never fail the program: what there is no memory for is not followed, and counted. Memory comes from own
 * mappings, and errno is kept.
 */
#ifndef TN_LIVES_H
#define TN_LIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TN_KINDS = 4096, TN_DEATHS = 8192, TN_LIFETIMES = 40 };

typedef struct tn_life {
    uint64_t block;    /* where its memory begins: a multiple of 16 */
    uint64_t birth_ns; /* when it was made, or was found */
    uint64_t serial;   /* 1, 2, … among all that were ever followed */
    uint32_t stack;    /* that made it, as whoever tells of births numbers them; 0: not known */
    uint16_t kind;
    uint16_t before : 14; /* bytes of its block in front of the object */
    uint16_t single : 1;  /* followed by itself, whatever becomes of its kind */
    uint16_t logged : 1;  /* its kind is */
} tn_life;

typedef struct tn_death {
    tn_life life;
    uint64_t death_ns;
    bool morphed; /* it was of another type by then */
} tn_death;

typedef struct tn_kind_lives {
    uint64_t born, died, morphed;  /* morphed: of those that died */
    uint64_t lifetime_ns;          /* sum over those that died */
    uint64_t deaths[TN_LIFETIMES]; /* by age: below 1 ms, 2 ms, 4 ms, … */
} tn_kind_lives;

/* A new kind: objects whose type is at this address. 0: there are too many. */
uint32_t tn_lives_kind(uint64_t type);
/* Deaths of those born from now on are in a list that grows until it is read, as those of single ones are. */
void tn_lives_log_kind(uint32_t kind, bool log);
/* Follows an object that was just made; what was followed there has died unseen. Its serial number; 0: no memory. */
uint64_t tn_lives_born(uint32_t kind, uint64_t block, uint32_t before, uint32_t stack);
/* Follows one that is there; one that is followed already keeps its number. */
uint64_t tn_lives_found(uint32_t kind, uint64_t block, uint32_t before);
void tn_lives_single(const tn_life *life, bool single);
/* The life that stands at a block, until the next birth or death; NULL: not followed. */
const tn_life *tn_lives_at(uint64_t block);
/* It ends: the block is being freed. type: what its object says it is, 0: not known. */
void tn_lives_end(const tn_life *life, uint64_t type);
/* Its block was moved; what was followed there has died unseen. */
void tn_lives_move(const tn_life *life, uint64_t to);
/* It is not followed any more, nor is a whole kind; sums stay. */
void tn_lives_forget(const tn_life *life);
void tn_lives_forget_kind(uint32_t kind);
/* The same of all but single ones. true: there were none, and the kind and its sums are gone; a new one may have its number. */
bool tn_lives_release_kind(uint32_t kind);

/* In no order; visit returning false ends it. Neither may be told of births or deaths meanwhile. */
void tn_lives_each(bool (*visit)(void *ctx, const tn_life *life), void *ctx);
bool tn_lives_sums(uint32_t kind, tn_kind_lives *out); /* false: no such kind */
/* Deaths are numbered 1, 2, …: the first of them from n on that is still known, and its number; 0: none. */
uint64_t tn_lives_death(uint64_t n, tn_death *out);
/* The oldest in the list of logged deaths, which are not among the others; it is taken out. false: there are no more. */
bool tn_lives_logged(tn_death *out);

typedef struct tn_lives_cost {
    uint64_t lives, mapped_bytes, dropped; /* dropped: births, and logged deaths, that there was no memory for */
} tn_lives_cost;
void tn_lives_cost_now(tn_lives_cost *out);

enum { TN_LIVES_ROOT_BITS = 16, TN_LIVES_MIDDLE_BITS = 12, TN_LIVES_LEAF_BITS = 16 };
extern uint64_t **tn__lives_root[1 << TN_LIVES_ROOT_BITS];

/* Does the block of a followed object begin here? For blocks that the caller may free: else another thread may be about to
 * say so. */
static inline bool tn_lives_maybe(uint64_t block)
{
    if (__builtin_expect(block >> 48 != 0, 0))
        return false;
    uint64_t **middle = __atomic_load_n(&tn__lives_root[block >> 32], __ATOMIC_ACQUIRE);
    if (!middle)
        return false;
    const uint64_t *leaf = __atomic_load_n(&middle[block >> 20 & 0xfff], __ATOMIC_ACQUIRE);
    return leaf && __atomic_load_n(&leaf[block >> 10 & 0x3ff], __ATOMIC_RELAXED) >> (block >> 4 & 63) & 1;
}

#endif
