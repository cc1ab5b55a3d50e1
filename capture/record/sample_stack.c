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

enum {
    MOST_FRAMES = 2048,
    AHEAD = 32, /* frames that may have come on top since the thread was asked */
    TRIES = 4,
    NATIVE_LEAF = TN_FRAME_NATIVE,
};

static struct {
    const tn_sample_places *places;
    tn_seen_frame *frames;
    uint32_t first, n; /* frames of the chain, innermost first */
    bool truncated;
    const tn_inner *inner; /* of the thread that is looked at */
} s;

bool tn__sample_stacks_start(const tn_sample_places *places)
{
    size_t frames = (MOST_FRAMES + AHEAD) * sizeof *s.frames;
    s.places = places;
    s.frames = s.frames ? s.frames : tn__pages_get(TN_PART_SAMPLES, frames);
    return s.frames && tn__sample_copies_start(places);
}

void tn__sample_stacks_forget(void)
{
    s.frames = NULL;
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
    s.first = AHEAD;
    s.n = 0;
    s.truncated = false;
    for (; frame; s.n++) {
        tn_seen_frame *f = &s.frames[s.first + s.n];
        if (s.n == MOST_FRAMES) {
            s.truncated = true;
            return true;
        }
        if (frame == passed) { /* a ring, of frames that were copied at several times */
            tn__copied.failure = TN_REJECT_TORN;
            return false;
        }
        passed = s.n & (s.n - 1) ? passed : frame;
        if (!tn__copied_frame(frame, f))
            return s.truncated = tn__copied.full;
        if (f->empty && s.n) /* whoever it called was called from C */
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
    const tn_seen_frame *outermost = s.n ? &s.frames[s.first + s.n - 1] : NULL;
    bool possible = !outermost || !outermost->suspended;
    if (s.truncated || (possible && (!moved || last || !w->bottom)))
        w->bottom = s.truncated || !outermost ? w->bottom : outermost->address;
    else
        possible = outermost && outermost->address == w->bottom;
    return possible && (outermost || !moved || !w->bottom);
}

/* What is not on the data stack is looked for again at the next look, whether the thread says that it is there or not. */
static void remember(tn_watched *w)
{
    enum { INNERMOST = 4 };
    for (uint32_t i = s.first; i < s.first + s.n && i < s.first + INNERMOST; i++) {
        const tn_seen_frame *f = &s.frames[i];
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
    n = n < s.n ? n : s.n;
    s.first += n;
    s.n -= n;
}

/* Was the frame called by f, from C or not? Then both, or the one, are put before it. */
static bool put(const tn_seen_frame *f, tn_seen_frame *next)
{
    tn_seen_frame between;
    bool direct = next->previous == f->address;
    if (s.first < 2 || next->empty || !next->code || tn__sample_codes(next, 1) != 1 || next->empty ||
        (!direct && (!tn__copied_peek(next->previous, &between) || !between.empty || between.previous != f->address)))
        return false;
    next->entry |= !direct;
    if (!direct)
        s.frames[--s.first] = between, s.n++;
    s.frames[--s.first] = *next, s.n++;
    return true;
}

/* Where the data stack ends above the innermost frame. 0: not known. */
static uint64_t stack_end(void)
{
    for (uint32_t i = s.first; i < s.first + s.n; i++)
        if (!s.frames[i].empty && s.frames[i].owner != s.places->owner_generator)
            return s.frames[i].address + s.frames[i].size;
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
    for (bool more = true; more && s.first >= 2;) {
        tn_seen_frame f = s.frames[s.first], next;
        more = tn__copied_peek(stack_end(), &next) && (executes(&next) || !executes(&f)) && put(&f, &next);
        for (unsigned i = 0; !more && i < TN_INNERS; i++)
            more = s.inner[i].address && s.inner[i].address != f.address &&
                   tn__copied_peek(s.inner[i].address, &next) && next.owner == s.places->owner_generator &&
                   next.previous && put(&f, &next);
        any |= more;
    }
    return any && (s.places->top_is_pointer || executes(&s.frames[s.first]));
}

/* Frames say with -1 that they execute. Between two that is so of none, for a moment: then the caller is where it is. */
static void find_executing(void)
{
    uint32_t first = s.first, n = s.n;
    if (!s.n || s.frames[first].empty || climb())
        return;
    bool called = s.first != first;
    s.first = first, s.n = n; /* what is above has ended, or is about to begin */
    if (s.places->top_is_pointer || executes(&s.frames[first]))
        return;
    for (uint32_t i = first; i + 1 < first + n && !s.frames[i].entry; i++)
        if (executes(&s.frames[i + 1])) {
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
    while (s.n && (s.frames[s.first].suspended ||
                   (s.places->top_is_pointer && !s.frames[s.first].empty && !s.frames[s.first].code)))
        drop(1);
    while (s.n && s.frames[s.first].empty && s.first != AHEAD)
        drop(1);
}

/* A caller that executes has no callee on the data stack any more. */
static void drop_returned(void)
{
    uint32_t gone = 0;
    for (uint32_t i = 0; i + 1 < s.n; i++) {
        const tn_seen_frame *f = &s.frames[s.first + i];
        if (!f->entry && !f->empty && !f[1].empty && executes(&f[1]))
            gone = i + 1;
    }
    drop(gone);
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

/* From the outermost frame on. true: not all of it was to be believed, and that part is gone. */
static bool drop_unknown(bool moved)
{
    const tn_seen_frame *caller = NULL;
    bool same = true;
    for (uint32_t i = s.n; i-- > 0;) {
        const tn_seen_frame *f = &s.frames[s.first + i];
        same = same && (!moved || is_same_again(f, i > 0));
        if (f->empty)
            continue;
        if (caller && same)
            tn__sample_learn(caller, f);
        if (caller && moved && !tn__sample_knows(caller, f)) {
            drop(i + 1);
            return true;
        }
        caller = f;
    }
    return false;
}

/* ---- a look ---- */

static uint32_t intern(uint32_t node)
{
    bool any = false;
    if (s.truncated)
        node = tn__node(node, TN_FRAME_TRUNCATED, 0);
    for (uint32_t i = s.first + s.n; node && i-- > s.first;) {
        const tn_seen_frame *f = &s.frames[i];
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
        out->moved = tn__sample_clock(w->native, false) != cpu_ns;
        if (!got || !ends_well(w, out->moved, last))
            continue;
        tn__sample_plan(w, s.frames + s.first, s.n);
        if (!tn__copied.complete && out->moved && !last)
            continue;
        if (out->moved)
            drop_ended();
        unsigned good = tn__sample_codes(s.frames + s.first, s.n);
        if (good == s.n)
            return true;
        tn__copied.failure = TN_REJECT_CODE;
        if (last && out->moved) { /* what is outside of it is there */
            drop(good + 1);
            out->changing = true;
            return s.n;
        }
    }
    return false;
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
        tn__sample_own(w, s.frames + s.first, s.n, s.truncated);
    if (out->moved && tn__copied.complete)
        find_executing();
    if (out->moved && tn__copied.complete && !s.places->top_is_pointer)
        drop_returned();
    out->changing |= drop_unknown(out->moved);
    remember(w);
    out->stack = w->root ? intern(w->root) : 0;
    if (out->stack && out->changing)
        out->stack = tn__sample_leaf(out->stack, TN_FRAME_CHANGING);
    out->task = tn__sample_task(s.frames + s.first, s.n);
}
