/* sample_stack.c - the frames of a thread that may be running meanwhile.
 *
 * Where the thread's own clock has not moved the thread has not run, and what was copied is whole. Else the copy itself must
 * tell. Within a piece of the data stack neighbours were copied so soon after one another that not more than one call or return
 * can have come between; and frames say whether they execute, so the innermost one is found in the copy, and not where the thread
 * said it was a moment before: a call that takes less time than a look would never be seen. What cannot be told to be whole
 * ends in <changing>, on frames that are certain: no time goes to a stack that was not there.
 */
#include "record/sample_state.h"

#include <string.h>
#include <time.h>

enum {
    MOST_FRAMES = 2048,
    AHEAD = 32, /* frames that may have come on top since the thread was asked */
    TRIES = 4,
    NATIVE_LEAF = TN_FRAME_NATIVE,
    MOST_LATER = 6, /* looks of a tick for what is learned there; they wait for a quarter of it at most */
    WAIT_NS = 50000,
    RUNS_NS = 20000,
};

/* Frames from first on, innermost first; before them there is room for AHEAD. */
typedef struct tn_chain {
    tn_seen_frame *frames;
    uint32_t first, n;
    bool truncated;
} tn_chain;

static struct {
    const tn_sample_places *places;
    tn_chain chain;
    tn_seen_frame *later;  /* room for those of another look */
    const tn_inner *inner; /* of the thread that is looked at */
    uint64_t tick;         /* that looks_later are of */
    unsigned looks_later;
} s;

bool tn__sample_stacks_start(const tn_sample_places *places)
{
    size_t frames = (MOST_FRAMES + AHEAD) * sizeof *s.later;
    s.places = places;
    s.chain.frames = s.chain.frames ? s.chain.frames : tn__pages_get(TN_PART_SAMPLES, frames);
    s.later = s.later ? s.later : tn__pages_get(TN_PART_SAMPLES, frames);
    return s.chain.frames && s.later && tn__sample_copies_start(places);
}

void tn__sample_stacks_forget(void)
{
    s.chain.frames = s.later = NULL;
    tn__sample_copies_forget();
}

static const tn_inner *inner_at(const tn_watched *w, uint64_t address)
{
    for (unsigned i = 0; i < TN_INNERS; i++)
        if (w->inner[i].address == address)
            return &w->inner[i];
    return NULL;
}

/* The chain from the head on. */
static bool walk(const tn_watched *w)
{
    uint64_t frame = tn__copied.frame, passed = 0;
    s.chain.first = AHEAD;
    s.chain.n = 0;
    s.chain.truncated = false;
    for (; frame; s.chain.n++) {
        tn_seen_frame *f = &s.chain.frames[s.chain.first + s.chain.n];
        if (s.chain.n == MOST_FRAMES) {
            s.chain.truncated = true;
            return true;
        }
        if (frame == passed) { /* a ring, of frames that were copied at several times */
            tn__copied.failure = TN_REJECT_TORN;
            return false;
        }
        passed = s.chain.n & (s.chain.n - 1) ? passed : frame;
        if (!tn__copied_frame(frame, f))
            return s.chain.truncated = tn__copied.full;
        if (f->empty && s.chain.n) /* whoever it called was called from C */
            f[-1].entry = true;
        if (f->owner == s.places->owner_generator && !f->previous) {
            const tn_inner *known = inner_at(w, frame);
            f->suspended = true;
            f->previous = known ? known->previous : 0;
        }
        frame = f->previous;
    }
    return true;
}

/* Does the chain end where those of the thread end? */
static bool ends_well(tn_watched *w, bool moved, bool last)
{
    const tn_seen_frame *outermost = s.chain.n ? &s.chain.frames[s.chain.first + s.chain.n - 1] : NULL;
    bool possible = !outermost || !outermost->suspended;
    if (s.chain.truncated || (possible && (!moved || last || !w->bottom)))
        w->bottom = s.chain.truncated || !outermost ? w->bottom : outermost->address;
    else
        possible = outermost && outermost->address == w->bottom;
    return possible && (outermost || !moved || !w->bottom);
}

/* What is not on the data stack is looked for again at the next look, whether the thread says that it is there or not. */
static void remember(tn_watched *w)
{
    enum { INNERMOST = 4 };
    for (uint32_t i = s.chain.first; i < s.chain.first + s.chain.n && i < s.chain.first + INNERMOST; i++) {
        const tn_seen_frame *f = &s.chain.frames[i];
        if ((!f->empty && f->owner != s.places->owner_generator) || !f->previous || f->suspended)
            continue;
        tn_inner *known = (tn_inner *)(uintptr_t)inner_at(w, f->address);
        if (!known)
            known = &w->inner[w->next_inner++ % TN_INNERS];
        *known = (tn_inner){f->address, f->previous};
    }
}

/* ---- what is whole ---- */

static void drop(uint32_t n)
{
    n = n < s.chain.n ? n : s.chain.n;
    s.chain.first += n;
    s.chain.n -= n;
}

/* Was the frame called by f, from C or not? Then both, or the one, are put before it. */
static bool put(const tn_seen_frame *f, tn_seen_frame *next)
{
    tn_seen_frame between;
    bool direct = next->previous == f->address;
    if (s.chain.first < 2 || !next->code || tn__sample_codes(next, 1) != 1 ||
        (!direct && (!tn__copied_peek(next->previous, &between) || !between.empty || between.previous != f->address)))
        return false;
    next->entry |= !direct;
    if (!direct)
        s.chain.frames[--s.chain.first] = between, s.chain.n++;
    s.chain.frames[--s.chain.first] = *next, s.chain.n++;
    return true;
}

/* Where the data stack ends above the innermost frame. 0: not known. */
static uint64_t stack_end(void)
{
    for (uint32_t i = s.chain.first; i < s.chain.first + s.chain.n; i++)
        if (s.chain.frames[i].code && s.chain.frames[i].owner != s.places->owner_generator)
            return s.chain.frames[i].address + s.chain.frames[i].size;
    return 0;
}

static bool executes(const tn_seen_frame *f)
{
    return f->top == -1;
}

/* Follows calls that have come on top: of functions on the data stack, and of generators that were called lately. true: the
 * last one executes, or none can say so. */
static bool climb(void)
{
    bool any = false;
    for (bool more = true; more && s.chain.first >= 2;) {
        tn_seen_frame f = s.chain.frames[s.chain.first], next;
        more = tn__copied_peek(stack_end(), &next) && (executes(&next) || !executes(&f)) && put(&f, &next);
        for (unsigned i = 0; !more && i < TN_INNERS; i++)
            more = s.inner[i].address && s.inner[i].address != f.address &&
                   tn__copied_peek(s.inner[i].address, &next) && next.owner == s.places->owner_generator &&
                   next.previous && put(&f, &next);
        any |= more;
    }
    return any && (s.places->top_is_pointer || executes(&s.chain.frames[s.chain.first]));
}

/* Frames say with -1 that they execute. Between two that is so of none, for a moment: then the caller is where it is. */
static void find_executing(void)
{
    uint32_t first = s.chain.first, n = s.chain.n;
    if (!s.chain.n || s.chain.frames[first].empty || climb())
        return;
    bool called = s.chain.first != first;
    s.chain.first = first, s.chain.n = n; /* what is above has ended, or is about to begin */
    if (s.places->top_is_pointer || executes(&s.chain.frames[first]))
        return;
    for (uint32_t i = first; i + 1 < first + n && !s.chain.frames[i].entry; i++)
        if (executes(&s.chain.frames[i + 1])) {
            drop(i + 1 - first);
            climb();
            return;
        }
    if (!called)
        drop(1);
}

/* What was suspended or popped when it was copied is not where the thread is. */
static void drop_ended(void)
{
    while (s.chain.n &&
           (s.chain.frames[s.chain.first].suspended ||
            (s.places->top_is_pointer && !s.chain.frames[s.chain.first].empty && !s.chain.frames[s.chain.first].code)))
        drop(1);
    while (s.chain.n && s.chain.frames[s.chain.first].empty && s.chain.first != AHEAD)
        drop(1);
}

/* A caller that executes has no callee on the data stack any more, and one that has not begun none yet. */
static void drop_returned(void)
{
    uint32_t gone = 0;
    for (uint32_t i = 0; i + 1 < s.chain.n; i++) {
        const tn_seen_frame *f = &s.chain.frames[s.chain.first + i], *caller = f + 1;
        if (f->ended || (!f->entry && !f->empty && !caller->empty && executes(caller)) || caller->offset < 0)
            gone = i + 1;
    }
    drop(gone);
}

/* A frame of the data stack begins where the one that is outside of it ends, or it is the first of a piece of memory. What C calls
 * may be apart: a finalizer stands behind the frame that ends. true: another is, and those from there on are gone. */
static bool drop_far(void)
{
    enum { PAGE = 4096, MOST_HEAD = 32 };
    uint64_t end = 0;
    for (uint32_t i = s.chain.n; i-- > 0;) {
        tn_seen_frame *f = &s.chain.frames[s.chain.first + i];
        if (!f->code || f->owner == s.places->owner_generator)
            continue;
        f->far = end && f->address != end && f->address % PAGE > MOST_HEAD;
        if (f->far && !f->entry) {
            drop(i + 1);
            return true;
        }
        end = f->address + f->size;
    }
    return false;
}

/* ---- what was the same at the second copy ---- */

/* false: not copied twice, or not the same; as the innermost it may go on, and as a caller not. */
static bool is_same_again(const tn_seen_frame *f, bool caller)
{
    tn_seen_frame again;
    if (!tn__copied_again(f->address, &again))
        return false;
    return again.code == f->code && again.previous == f->previous &&
           (f->empty || (executes(&again) == executes(f) && (!caller || again.at == f->at)));
}

/* Of a frame and what it has called one executes, or waits for C. None, for a moment, between two; or it has ended, and where C called
 * it its caller, which executes all the while, may be anywhere by now. */
static bool is_alive(uint32_t i)
{
    const tn_seen_frame *f = &s.chain.frames[s.chain.first + i];
    if (s.places->top_is_pointer)
        return true;
    while (!executes(f) && i-- > 0 && !f[-1].entry)
        f--;
    return executes(f);
}

/* How many of the innermost frames are beyond the first call, from the outermost on, that is not known. ended: they are not there:
 * who returns has no callee any more, and what C called and looks dead, without being known from there, is. */
static uint32_t beyond_known(bool *ended)
{
    const tn_seen_frame *caller = NULL;
    for (uint32_t i = s.chain.n; i-- > 0;) {
        const tn_seen_frame *f = &s.chain.frames[s.chain.first + i];
        if (f->empty)
            continue;
        if (caller && !tn__sample_knows(caller, f)) {
            *ended = f->entry ? !is_alive(i) : tn__sample_returns(caller);
            return i + 1;
        }
        caller = f;
    }
    return 0;
}

/* Up to the first call that is not known: beyond it there may be anything. */
static void learn(bool moved)
{
    const tn_seen_frame *caller = NULL;
    bool same = true, known = true;
    for (uint32_t i = s.chain.n; known && i-- > 0;) {
        const tn_seen_frame *f = &s.chain.frames[s.chain.first + i];
        same = same && (!moved || is_same_again(f, i > 0));
        if (f->empty)
            continue;
        bool alive = !moved || is_alive(i);
        if (caller && same && (alive || !f->entry))
            tn__sample_learn(caller, f);
        known = !caller || !moved || tn__sample_knows(caller, f);
        if (caller && alive && tn__copied.complete)
            tn__sample_saw(caller, f, known);
        caller = f;
    }
    if (caller && known && tn__copied.complete)
        tn__sample_saw(caller, NULL, true);
}

/* ---- a look ---- */

static uint32_t intern(uint32_t node)
{
    bool any = false;
    if (s.chain.truncated)
        node = tn__node(node, TN_FRAME_TRUNCATED, 0);
    for (uint32_t i = s.chain.first + s.chain.n; node && i-- > s.chain.first;) {
        const tn_seen_frame *f = &s.chain.frames[i];
        if (f->empty)
            continue;
        node = tn__node(node, f->row, f->offset > 0 ? (uint32_t)f->offset : 0);
        any = true;
    }
    return any ? node : tn__sample_leaf(node, NATIVE_LEAF);
}

/* A chain that is whole as far as it can be seen by itself. false: tn__copied.failure says why. */
static bool look(tn_watched *w, uint64_t cpu_ns, tn_look *out)
{
    for (unsigned tries = 0; tries < TRIES; tries++) {
        bool last = tries + 1 == TRIES, got = tn__sample_copy_planned(w) && walk(w);
        out->moved = tn__sample_clock(w->native, false) != cpu_ns || tn__copied_differs();
        if (!got || !ends_well(w, out->moved, last))
            continue;
        tn__sample_plan(w, s.chain.frames + s.chain.first, s.chain.n);
        if (!tn__copied.complete && out->moved && !last)
            continue;
        if (out->moved)
            drop_ended();
        unsigned good = tn__sample_codes(s.chain.frames + s.chain.first, s.chain.n);
        if (good == s.chain.n)
            return true;
        tn__copied.failure = TN_REJECT_CODE;
        if (last && out->moved) { /* what is outside of it is there */
            drop(good + 1);
            out->changing = true;
            return s.chain.n;
        }
    }
    return false;
}

/* true: there is more, that cannot be. */
static bool find_innermost(bool moved)
{
    if (!moved)
        return false;
    if (tn__copied.complete) {
        find_executing();
        if (!s.places->top_is_pointer)
            drop_returned();
    }
    return drop_far();
}

static bool may_look_later(const tn_watched *w)
{
    if (s.tick != w->tick)
        s.tick = w->tick, s.looks_later = 0;
    return s.looks_later < MOST_LATER && ++s.looks_later * 4 * (uint64_t)WAIT_NS <= tn__sampled.interval_ns;
}

/* Another look, for what is learned there, when the thread has run for a while: had it not, it might be between the same two
 * instructions still. What it is at then is not what is told. false: it did not run. */
static bool look_later(tn_watched *w)
{
    uint64_t before = tn__sample_clock(w->native, false), now;
    tn_look later = {0};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = WAIT_NS}, NULL);
    now = tn__sample_clock(w->native, false);
    if (now < before + RUNS_NS)
        return false;
    tn_chain first = s.chain;
    s.chain.frames = s.later;
    if (look(w, now, &later)) {
        find_innermost(later.moved);
        learn(later.moved);
    }
    s.chain = first;
    return true;
}

/* true: not all of it was to be believed, and that part is gone. */
static bool drop_unknown(tn_watched *w, bool moved)
{
    bool ended = false;
    learn(moved);
    uint32_t n = moved ? beyond_known(&ended) : 0;
    while (n && !ended && may_look_later(w) && look_later(w))
        n = beyond_known(&ended);
    drop(n);
    return n && !ended;
}

void tn__sample_look(tn_watched *w, uint64_t cpu_ns, tn_look *out)
{
    *out = (tn_look){0};
    s.inner = w->inner;
    if (!look(w, cpu_ns, out)) {
        out->failure = tn__copied.failure;
        return;
    }
    if (!w->named || !w->root)
        tn__sample_own(w, s.chain.frames + s.chain.first, s.chain.n, s.chain.truncated);
    out->changing |= find_innermost(out->moved);
    out->changing |= drop_unknown(w, out->moved);
    remember(w);
    out->stack = w->root ? intern(w->root) : 0;
    if (out->stack && out->changing)
        out->stack = tn__sample_leaf(out->stack, TN_FRAME_CHANGING);
    out->task = tn__sample_task(s.chain.frames + s.chain.first, s.chain.n);
}
