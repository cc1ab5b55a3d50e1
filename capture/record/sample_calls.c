/* sample_calls.c - who calls what from where, and how often that was seen.
 *
 * It is learned from stacks that are whole or seem so, and others are believed as far as all their calls are known: the
 * processor may copy neighbours in another order than that of their addresses. What seems whole is not once in some ten
 * thousand times, so a call counts that was seen again, and is not one in more than RARE from its place.
 */
#include "record/sample_state.h"

enum { CALL_BITS = 15, WAYS = 4, RARE = 1024, AGAIN = 2 };

enum { NOT_A_PLACE = UINT32_MAX }; /* to call from: its count */

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
static call *call_of(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    uint64_t h = ((uint64_t)caller->row << 32 | (callee ? callee->row : 0)) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32 ^ (uint32_t)caller->offset) * 0xd6e8feb86659fd93u;
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

void tn__sample_learn(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    call *from = call_of(caller, NULL);
    if (from->count >= NOT_A_PLACE - 1)
        return;
    from->count++;
    call_of(caller, callee)->count++;
}

bool tn__sample_knows(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    uint32_t all = call_of(caller, NULL)->count, n = call_of(caller, callee)->count;
    return all != NOT_A_PLACE && n >= AGAIN && n >= all / RARE;
}
