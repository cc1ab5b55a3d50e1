/* sample_calls.c - who calls what from where, and how often that was seen.
 *
 * It is learned from stacks that are whole or seem so, and others are believed as far as all their calls are known: the
 * processor may copy neighbours in another order than that of their addresses. What seems whole is not once in some ten
 * thousand times, so a call counts that was seen again, and is not one in more than RARE from its place.
 */
#include "record/sample_state.h"

enum { CALL_BITS = 15, RARE = 128, AGAIN = 2 };

typedef struct call {
    uint32_t mark, count;
} call;

static call *calls;

bool tn__sample_calls_start(void)
{
    calls = calls ? calls : tn__pages_get(TN_PART_SAMPLES, sizeof *calls << CALL_BITS);
    return calls;
}

void tn__sample_calls_forget(void)
{
    calls = NULL;
}

/* Of all calls from a place: callee NULL. What was in its slot is forgotten. */
static call *call_of(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    uint64_t h = ((uint64_t)caller->row << 32 | (callee ? callee->row : 0)) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32 ^ (uint32_t)caller->offset) * 0xd6e8feb86659fd93u;
    call *slot = &calls[h >> (64 - CALL_BITS)];
    if (slot->mark != ((uint32_t)h | 1))
        *slot = (call){(uint32_t)h | 1, 0};
    return slot;
}

void tn__sample_learn(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    call *from = call_of(caller, NULL);
    from->count += from->count < UINT32_MAX;
    call *to = call_of(caller, callee);
    to->count += to->count < UINT32_MAX;
}

bool tn__sample_knows(const tn_seen_frame *caller, const tn_seen_frame *callee)
{
    uint32_t all = call_of(caller, NULL)->count, n = call_of(caller, callee)->count;
    return n >= AGAIN && n >= all / RARE;
}
