/* sample_calls.c - who calls what from where.
 *
 * Stacks are believed as far as all their calls are known: the processor may copy neighbours in another order than that of their
 * addresses. A call is known
 *   - when its instruction has noted the function, as the interpreter has it do with those that are called again;
 *   - when it was seen again in stacks that are whole or seem so, and is not one in more than RARE from its place: what seems whole
 *     is not once in some ten thousand times;
 *   - when it is one that no instruction notes, from C or with *arguments, too short to be seen twice by one
 *     look, and is what a good part of all looks at its place show.
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
static bool returns(const tn_seen_frame *f)
{
    uint8_t code;
    return tn_sample_copy(f->at, &code, 1) && (code == places->code_returns[0] || code == places->code_returns[1]);
}

/* Of all calls from a place: callee NULL. Of those that share its ways the one that was seen least is forgotten: in one place
 * each, two calls of one stack could keep each other unknown for good. */
static call *call_of(const tn_seen_frame *caller, const tn_seen_frame *callee, unsigned kind)
{
    uint64_t h = ((uint64_t)caller->row << 32 | (callee ? callee->row : 0)) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32 ^ (uint32_t)caller->offset ^ (uint64_t)kind << 40) * 0xd6e8feb86659fd93u;
    uint32_t mark = (uint32_t)h | 1;
    call *ways = &calls[h >> (64 - CALL_BITS) & ~(WAYS - 1ull)], *least = ways;
    for (unsigned i = 0; i < WAYS; i++) {
        if (ways[i].mark == mark)
            return &ways[i];
        least = ways[i].count < least->count ? &ways[i] : least;
    }
    *least = (call){mark, !callee && returns(caller) ? NOT_A_PLACE : 0};
    return least;
}

static void count(const tn_seen_frame *caller, const tn_seen_frame *callee, unsigned kind)
{
    call *from = call_of(caller, NULL, kind);
    if (from->count >= NOT_A_PLACE - 1)
        return;
    from->count++;
    if (callee)
        call_of(caller, callee, kind)->count++;
}

void tn__sample_learn(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    count(caller, callee, CERTAIN);
}

/* Who calls from C is left as one that executes, and who calls a function as one that does not. */
static bool is_noted_nowhere(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    uint32_t version;
    if (callee->owner == places->owner_generator || callee->far ||
        (!places->top_is_pointer && callee->entry != (caller->top == -1)))
        return false;
    return callee->entry ||
           (tn_sample_copy(callee->function + places->function_version, &version, sizeof version) && !version);
}

void tn__sample_saw(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    count(caller, callee && is_noted_nowhere(caller, callee) ? callee : NULL, SEEMS);
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

bool tn__sample_returns(const tn_seen_frame *caller)
{
    return call_of(caller, NULL, CERTAIN)->count == NOT_A_PLACE;
}

bool tn__sample_knows(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    uint32_t all = call_of(caller, NULL, CERTAIN)->count;
    call *known = call_of(caller, callee, CERTAIN);
    if (all == NOT_A_PLACE)
        return false;
    if (known->count >= AGAIN && known->count >= all / RARE)
        return true;
    if (is_noted_nowhere(caller, callee)) {
        uint32_t looks = call_of(caller, NULL, SEEMS)->count, n = call_of(caller, callee, SEEMS)->count;
        return n >= OFTEN && n >= looks / SHARE;
    }
    if (!is_noted(caller, callee))
        return false;
    known->count = all / RARE + AGAIN;
    return true;
}
