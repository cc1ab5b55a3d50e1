/* sample_calls.c - who calls what from where.
 *
 * Stacks are believed as far as all their calls are known: the processor may copy neighbours in another order than that of their
 * addresses. A call is known
 *   - when its instruction has noted the function, as the interpreter has it do with those that are called again;
 *   - when it was seen again in stacks that are whole or seem so, and is not one in more than RARE from its place: what seems whole
 *     is not once in some ten thousand times;
 *   - when its instruction notes none, as for what C calls, properties and __init__, and it is what a good part of all looks at its
 *     place show: most are too short to be seen twice by one look.
 */
#include "record/sample_state.h"

#include <string.h>

enum {
    CALL_BITS = 16,
    WAYS = 4,
    RARE = 1024,
    AGAIN = 2,
    OFTEN = 4, /* looks, and one in so many of those at the place */
    SHARE = 8,
    MOST_FUNCTION = 256, /* bytes to the version of one */
};

enum { NOT_A_PLACE = UINT32_MAX }; /* to call from: its count */

enum { CERTAIN = 0, SEEMS = 1 }; /* two counts of each call */

typedef struct call {
    uint32_t mark, count;
} call;

static call *calls;
static const tn_sample_places *places;

bool tn__sample_calls_start(const tn_sample_places *p)
{
    places = p;
    calls = calls ? calls : tn__pages_get(TN_PART_SAMPLES, sizeof *calls << CALL_BITS);
    return calls;
}

void tn__sample_calls_forget(void)
{
    calls = NULL;
}

/* A function that has returned lets what it called last look alive for a moment, always from this one instruction. */
bool tn__sample_returns(const tn_seen_frame *f)
{
    uint8_t code;
    return tn_sample_copy(f->at, &code, 1) && (code == places->code_returns[0] || code == places->code_returns[1]);
}

static uint64_t hash_of(const tn_seen_frame *caller, const tn_seen_frame *callee, unsigned kind)
{
    uint64_t h = ((uint64_t)caller->row << 32 | (callee ? callee->row : 0)) * 0x9e3779b97f4a7c15u;
    return (h ^ h >> 32 ^ (uint32_t)caller->offset ^ (uint64_t)kind << 40) * 0xd6e8feb86659fd93u;
}

static call *ways_of(uint64_t hash)
{
    return &calls[hash >> (64 - CALL_BITS) & ~(WAYS - 1ull)];
}

static uint32_t mark_of(uint64_t hash)
{
    return (uint32_t)hash | 1;
}

/* Of all calls from a place: callee NULL. NULL: it is not there. */
static call *find(const tn_seen_frame *caller, const tn_seen_frame *callee, unsigned kind)
{
    uint64_t hash = hash_of(caller, callee, kind);
    call *ways = ways_of(hash);
    for (unsigned i = 0; i < WAYS; i++)
        if (ways[i].mark == mark_of(hash))
            return &ways[i];
    return NULL;
}

static uint32_t count_of(const tn_seen_frame *caller, const tn_seen_frame *callee, unsigned kind)
{
    const call *c = find(caller, callee, kind);
    return c ? c->count : 0;
}

/* Of those that share its ways the one that was seen least is forgotten: in one place each, two calls of one stack could keep each
 * other unknown for good. */
static call *put(const tn_seen_frame *caller, const tn_seen_frame *callee, unsigned kind)
{
    call *found = find(caller, callee, kind);
    if (found)
        return found;
    uint64_t hash = hash_of(caller, callee, kind);
    call *ways = ways_of(hash), *least = ways;
    for (unsigned i = 1; i < WAYS; i++)
        least = ways[i].count < least->count ? &ways[i] : least;
    *least = (call){mark_of(hash), !callee && tn__sample_returns(caller) ? NOT_A_PLACE : 0};
    return least;
}

static bool count_place(call *from)
{
    return from && from->count < NOT_A_PLACE - 1 && ++from->count;
}

void tn__sample_learn(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    if (count_place(put(caller, NULL, CERTAIN)))
        put(caller, callee, CERTAIN)->count++;
}

/* Can it be one that no instruction notes? Who calls from C is left as one that executes, and who calls a function as one that does
 * not; where frames do not say so, only what C calls is. Neighbours of the data stack were copied at once, generators were not. */
static bool is_consistent(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    bool as_left = places->top_is_pointer ? callee->entry : callee->entry == (caller->top == -1);
    bool apart = callee->far || callee->owner == places->owner_generator || caller->owner == places->owner_generator;
    return as_left && !apart;
}

static bool notes(const tn_seen_frame *caller)
{
    uint8_t code;
    return tn_sample_copy(caller->at + (uint64_t)(int64_t)places->call_begins, &code, 1) &&
           memchr(places->code_notes, code, sizeof places->code_notes);
}

void tn__sample_saw(const tn_seen_frame *caller, const tn_seen_frame *callee, bool known)
{
    bool is_new = callee && !known && !find(caller, callee, SEEMS) && is_consistent(caller, callee) &&
                  (callee->entry || !notes(caller));
    if (!count_place(is_new ? put(caller, NULL, SEEMS) : find(caller, NULL, SEEMS)) || !callee)
        return;
    call *to = is_new ? put(caller, callee, SEEMS) : find(caller, callee, SEEMS);
    if (to)
        to->count++;
}

/* The function is looked at, too: it and the code object may have been copied of two frames. */
static bool is_noted(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    uint8_t function[MOST_FUNCTION];
    uint32_t version, noted, bytes = places->function_version + (uint32_t)sizeof version;
    uint64_t code;
    if (bytes > sizeof function || callee->entry || !tn_sample_copy(callee->function, function, bytes))
        return false;
    memcpy(&code, function + places->function_code, sizeof code);
    memcpy(&version, function + places->function_version, sizeof version);
    return code == callee->code && version &&
           tn_sample_copy(caller->at + (uint64_t)(int64_t)places->call_noted, &noted, sizeof noted) && noted == version;
}

bool tn__sample_knows(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    uint32_t all = count_of(caller, NULL, CERTAIN), n = count_of(caller, callee, CERTAIN);
    if (all == NOT_A_PLACE)
        return false;
    if (n >= AGAIN && n >= all / RARE)
        return true;
    n = count_of(caller, callee, SEEMS);
    if (n >= OFTEN && n >= count_of(caller, NULL, SEEMS) / SHARE && is_consistent(caller, callee))
        return true;
    if (!is_noted(caller, callee))
        return false;
    put(caller, callee, CERTAIN)->count = all / RARE + AGAIN; /* it is not looked up again */
    return true;
}
