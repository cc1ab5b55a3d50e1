/* sample_threads.c - which threads of Python there are, interpreter by interpreter, and who has the lock. */
#include "record/sample_state.h"

#include <string.h>

enum { MOST_INTERPRETERS = 256, HEAD = 512 };

static const tn_sample_places *places;
static tn_seen_interpreter interpreters[MOST_INTERPRETERS];
static tn_seen_thread *states; /* TN_SAMPLE_THREADS */

bool tn__sample_threads_start(const tn_sample_places *p)
{
    places = p;
    states = states ? states : tn__pages_get(TN_PART_SAMPLES, TN_SAMPLE_THREADS * sizeof *states);
    return states;
}

void tn__sample_threads_forget(void)
{
    states = NULL;
}

static bool word_at(uint64_t address, uint64_t *out)
{
    return tn_sample_copy(address, out, sizeof *out);
}

uint64_t tn__sample_holder(const tn_seen_interpreter *i)
{
    uint64_t holder;
    uint32_t locked;
    bool known = places->gil_known && i->lock && word_at(i->lock + places->gil_holder, &holder) &&
                 tn_sample_copy(i->lock + places->gil_locked, &locked, sizeof locked);
    return known && locked == 1 ? holder : 0;
}

static bool read_interpreter(uint64_t address, tn_seen_interpreter *out)
{
    uint32_t collecting;
    *out = (tn_seen_interpreter){.address = address, .lock = places->gil};
    if (!word_at(address + places->interp_next, &out->next) ||
        !word_at(address + places->interp_threads, &out->threads) ||
        !tn_sample_copy(address + places->interp_collecting, &collecting, sizeof collecting))
        return false;
    if (places->gil_known && !places->gil_is_one && !word_at(address + places->gil, &out->lock))
        return false;
    out->collecting = collecting == 1;
    out->holder = tn__sample_holder(out);
    return true;
}

/* Thread states of all interpreters. */
static void find_threads(tn_found *found, const tn_seen_interpreter *in, uint32_t of)
{
    const tn_sample_places *p = places;
    uint32_t bytes = (p->thread_next > p->thread_native ? p->thread_next : p->thread_native) + 8;
    uint8_t head[HEAD];
    uint64_t state = in->threads;
    while (state && found->n_threads < TN_SAMPLE_THREADS) {
        if (state & 7 || bytes > HEAD || !tn_sample_copy(state, head, bytes)) {
            tn__sample_count(&tn__sampled.rejected[TN_REJECT_THREADS], 1);
            found->whole = false;
            return;
        }
        tn_seen_thread *t = &states[found->n_threads];
        *t = (tn_seen_thread){.state = state, .of = of};
        memcpy(&t->native, head + p->thread_native, sizeof t->native);
        memcpy(&state, head + p->thread_next, sizeof state);
        found->n_threads += t->native != 0;
    }
    found->whole &= !state;
}

/* A thread that goes from one interpreter to another has a state in each, and is at that which has frames, the inner one
 * first. Of a lock that both share it is at times the other state that took it. n: of the interpreters, the main one is last. */
static void drop_doubles(const tn_found *found, uint32_t n)
{
    for (uint32_t i = 0; i < found->n_threads; i++) {
        tn_seen_thread *t = &states[i];
        if (t->of + 1 == n)
            return;
        for (uint32_t k = i + 1; t->native && k < found->n_threads; k++) {
            tn_seen_thread *other = &states[k];
            if (other->native != t->native)
                continue;
            bool here = tn__sample_has_frames(t->state);
            tn_seen_thread *at = here ? t : other, *gone = here ? other : t;
            if (interpreters[at->of].lock == interpreters[gone->of].lock &&
                interpreters[gone->of].holder == gone->state)
                interpreters[at->of].holder = at->state;
            gone->native = 0;
        }
    }
}

void tn__sample_threads(tn_found *out)
{
    uint64_t address = places->interpreters();
    tn_seen_interpreter *in = interpreters;
    uint32_t n = 0;
    *out = (tn_found){.interpreters = interpreters, .threads = states, .whole = true};
    for (; address && n < MOST_INTERPRETERS && read_interpreter(address, &in[n]); address = in[n++].next)
        find_threads(out, &in[n], n);
    out->whole &= !address;
    if (n > 1)
        drop_doubles(out, n);
}
