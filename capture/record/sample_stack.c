/* sample_stack.c - the frames of a thread that may be running meanwhile.
 *
 *     data stack   ┌ main ──┬ f ─────┬ g ─────┬ what ended lately
 *                  └────────┴────────┴────────┘      one span: copied in one go, within tens of nanoseconds
 *     C stack, heap  frames without code between C and Python; frames of generators: a span each
 *
 * Where the thread's own clock has not moved the thread has not run, and what was copied is whole. Else the copy itself must
 * tell. Spans are copied twice, one after the other and again: what is the same did not change meanwhile. Within the span neighbours were copied so soon after one another that not more than one call or return can have
 * come between; and frames say whether they execute, so the innermost one is found in the copy, and not where the thread
 * said it was a moment before: a call that takes less time than a look would never be seen. What cannot be told to be whole
 * ends in <changing>, on frames that are certain: no time goes to a stack that was not there.
 */
#include "record/sample_state.h"

#include <string.h>

enum {
    MOST_FRAMES = 2048,
    AHEAD = 32, /* frames that may have come on top since the thread was asked */
    MOST_SPANS = 320,
    COPY_BYTES = 1 << 20, /* MOST_FRAMES of some size, and pages that are fetched twice */
    PAGE = 4096,
    GAP = 4096,   /* between frames that are copied in one piece: locals and what C functions were given */
    SLACK = 1024, /* beyond the innermost */
    TRIES = 4,
    NATIVE_LEAF = TN_FRAME_NATIVE,
};

typedef struct piece {
    uint64_t start, end;
    uint8_t *at;
} piece;

static struct {
    const tn_sample_places *places;
    uint8_t *bytes, *again; /* COPY_BYTES each: all spans, and those of the chain a second time */
    tn_seen_frame *frames;
    piece pieces[MOST_SPANS];
    uint32_t n_pieces, n_again, used;
    bool complete;          /* all that was needed came in the first copy */
    uint64_t thread, frame; /* what the thread state points to; the frame, which as a rule is the same */
    unsigned failure;
    uint32_t first, n; /* frames of the chain, innermost first */
    bool truncated;
    const tn_inner *inner; /* of the thread that is looked at */
} s;

bool tn__sample_stacks_start(const tn_sample_places *places)
{
    size_t frames = (MOST_FRAMES + AHEAD) * sizeof *s.frames;
    s.places = places;
    s.bytes = s.bytes ? s.bytes : tn__pages_get(TN_PART_SAMPLES, 2 * COPY_BYTES);
    s.again = s.bytes + COPY_BYTES;
    s.frames = s.frames ? s.frames : tn__pages_get(TN_PART_SAMPLES, frames);
    return s.bytes && s.frames;
}

void tn__sample_stacks_forget(void)
{
    s.bytes = NULL;
    s.frames = NULL;
}

/* ---- copies ---- */

static struct iovec at_address(uint64_t address, size_t bytes)
{
    return (struct iovec){(void *)(uintptr_t)address, bytes};
}

/* What the thread pointed to lately is read with it; is it one of these? */
static bool find_head(tn_watched *w, const uint64_t *frames)
{
    if (!s.places->cframe) {
        s.frame = s.thread;
        return true;
    }
    for (unsigned i = 0; i < TN_CFRAMES; i++)
        if (w->cframes[i] == s.thread) {
            s.frame = frames[i];
            return true;
        }
    w->cframes[w->next_cframe++ % TN_CFRAMES] = s.thread;
    return false;
}

/* The head, the spans, those of the chain again. false: the head is not there. */
static bool copy_planned(tn_watched *w)
{
    const tn_sample_places *p = s.places;
    enum { MOST = 2 * TN_SPANS + TN_INNERS + 1 + TN_CFRAMES };
    struct iovec to[MOST], from[MOST];
    uint64_t frames[TN_CFRAMES];
    unsigned n = 0;
    size_t head, again = 0;
    to[n] = (struct iovec){&s.thread, 8};
    from[n++] = at_address(w->state + p->thread_frame, 8);
    for (unsigned i = 0; p->cframe && i < TN_CFRAMES; i++) {
        uint64_t cframe = w->cframes[i] ? w->cframes[i] + p->thread_cframe_frame : w->state;
        to[n] = (struct iovec){&frames[i], 8};
        from[n++] = at_address(cframe, 8);
    }
    unsigned n_head = n;
    head = 8 * n;
    s.used = 0;
    for (unsigned i = 0; i < w->n_spans; i++) {
        size_t length = w->spans[i].end - w->spans[i].start;
        s.pieces[i] = (piece){w->spans[i].start, w->spans[i].end, s.bytes + s.used};
        to[n] = (struct iovec){s.bytes + s.used, length};
        from[n++] = at_address(w->spans[i].start, length);
        s.used += (uint32_t)length;
    }
    for (unsigned i = 0; i < w->n_chain; i++) {
        to[n] = (struct iovec){s.again + (s.pieces[i].at - s.bytes), from[n_head + i].iov_len};
        from[n] = from[n_head + i];
        again += from[n++].iov_len;
    }
    size_t got = tn__sample_gather(to, from, n);
    s.complete = w->n_spans && got == head + s.used + again;
    s.n_pieces = s.complete ? w->n_spans : 0; /* else the stack is elsewhere by now */
    s.n_again = s.complete ? w->n_chain : 0;
    s.used = s.complete ? s.used : 0;
    s.failure = got < head ? TN_REJECT_UNMAPPED : TN_REJECT_TORN;
    if (got < head && p->cframe)
        memset(w->cframes, 0, sizeof w->cframes); /* of a C stack that is gone */
    return got >= head && find_head(w, frames);
}

/* The whole page of what was not asked for. NULL and truncated: there is no room for more. */
static uint8_t *fetched(uint64_t address, uint32_t n)
{
    uint64_t start = address & ~(PAGE - 1ull), end = (address + n + PAGE - 1) & ~(PAGE - 1ull);
    s.complete = false;
    if (s.n_pieces == MOST_SPANS || s.used + (end - start) > COPY_BYTES) {
        s.truncated = true;
        return NULL;
    }
    if (!tn_sample_copy(start, s.bytes + s.used, end - start)) {
        s.failure = TN_REJECT_UNMAPPED;
        return NULL;
    }
    s.pieces[s.n_pieces++] = (piece){start, end, s.bytes + s.used};
    s.used += (uint32_t)(end - start);
    return s.bytes + s.used - (end - address);
}

static const piece *piece_with(uint64_t address, uint32_t n)
{
    for (uint32_t i = s.n_pieces; i--;)
        if (address >= s.pieces[i].start && address + n <= s.pieces[i].end)
            return &s.pieces[i];
    return NULL;
}

static uint64_t word(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

static void decode(uint64_t address, const uint8_t *p, tn_seen_frame *f)
{
    const tn_sample_places *l = s.places;
    int32_t top;
    memcpy(&top, p + l->frame_top, sizeof top);
    *f = (tn_seen_frame){
        .address = address,
        .code = word(p + l->frame_code) & ~3ull, /* a tagged reference, from 3.14 on */
        .at = word(p + l->frame_instr),
        .previous = word(p + l->frame_previous) & ~3ull,
        .top = l->top_is_pointer ? 0 : top,
        .owner = p[l->frame_owner],
        .entry = l->frame_entry && p[l->frame_entry],
    };
    f->empty = f->owner >= l->owner_skip;
    f->code = f->empty ? 0 : f->code;
}

static bool read_frame(uint64_t address, tn_seen_frame *f)
{
    if (address & 7) {
        s.failure = TN_REJECT_TORN;
        return false;
    }
    const piece *in = piece_with(address, s.places->frame_locals);
    const uint8_t *p = in ? in->at + (address - in->start) : fetched(address, s.places->frame_locals);
    if (p)
        decode(address, p, f);
    return p;
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
    uint64_t frame = s.frame, passed = 0;
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
            s.failure = TN_REJECT_TORN;
            return false;
        }
        passed = s.n & (s.n - 1) ? passed : frame;
        if (!read_frame(frame, f))
            return s.truncated;
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

/* ---- plans ---- */

static bool covered(const tn_watched *w, uint32_t n, uint64_t address)
{
    for (uint32_t i = 0; i < n; i++)
        if (address >= w->spans[i].start && address + s.places->frame_locals <= w->spans[i].end)
            return true;
    return false;
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

/* Outermost first, so that neighbours are copied one just after the other. */
static void plan(tn_watched *w)
{
    uint64_t total = 0;
    uint32_t n = 0;
    for (uint32_t i = s.first + s.n; i-- > s.first;) {
        uint64_t start = s.frames[i].address, end = start + s.places->frame_locals;
        tn_span *last = n ? &w->spans[n - 1] : NULL;
        if (last && start >= last->start && start < last->end + GAP) {
            last->end = end > last->end ? end : last->end;
        } else {
            if (n == TN_SPANS) { /* the outer ones are fetched */
                memmove(w->spans, w->spans + 1, (TN_SPANS - 1) * sizeof *w->spans);
                n--;
            }
            w->spans[n++] = (tn_span){start, end};
        }
    }
    if (n) {
        tn_span *last = &w->spans[n - 1];
        uint64_t page = (last->end + PAGE - 1) & ~(PAGE - 1ull);
        last->end = last->end + SLACK < page ? last->end + SLACK : page;
    }
    for (uint32_t i = n; i--;) {
        total += w->spans[i].end - w->spans[i].start;
        if (total > COPY_BYTES / 2) {
            memmove(w->spans, w->spans + i + 1, (n - i - 1) * sizeof *w->spans);
            n -= i + 1;
            break;
        }
    }
    w->n_spans = w->n_chain = n;
    for (unsigned i = 0; i < TN_INNERS && n; i++)
        if (w->inner[i].address && !covered(w, w->n_spans, w->inner[i].address))
            w->spans[w->n_spans++] = (tn_span){w->inner[i].address, w->inner[i].address + s.places->frame_locals};
}

/* ---- what is whole ---- */

static void drop(uint32_t n)
{
    n = n < s.n ? n : s.n;
    s.first += n;
    s.n -= n;
}

static bool peek(uint64_t address, tn_seen_frame *out)
{
    const piece *in = address & 7 ? NULL : piece_with(address, s.places->frame_locals);
    if (in)
        decode(address, in->at + (address - in->start), out);
    return in;
}

/* Was the frame called by f, from C or not? Then both, or the one, are put before it. */
static bool put(const tn_seen_frame *f, tn_seen_frame *next)
{
    tn_seen_frame between;
    bool direct = next->previous == f->address;
    if (s.first < 2 || next->empty || !next->code || tn__sample_codes(next, 1) != 1 || next->empty ||
        (!direct && (!peek(next->previous, &between) || !between.empty || between.previous != f->address)))
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
        more = peek(stack_end(), &next) && (executes(&next) || !executes(&f)) && put(&f, &next);
        for (unsigned i = 0; !more && i < TN_INNERS; i++)
            more = s.inner[i].address && s.inner[i].address != f.address && peek(s.inner[i].address, &next) &&
                   next.owner == s.places->owner_generator && next.previous && put(&f, &next);
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
    const piece *in = piece_with(f->address, s.places->frame_locals);
    if (!in || in >= s.pieces + s.n_again)
        return false;
    decode(f->address, s.again + (in->at - s.bytes) + (f->address - in->start), &again);
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

/* A chain that is whole as far as it can be seen by itself. false: s.failure says why. */
static bool look(tn_watched *w, uint64_t cpu_ns, tn_look *out)
{
    for (unsigned tries = 0; tries < TRIES; tries++) {
        bool last = tries + 1 == TRIES, got = copy_planned(w) && walk(w);
        out->moved = tn__sample_clock(w->native, false) != cpu_ns;
        if (!got || !ends_well(w, out->moved, last))
            continue;
        plan(w);
        if (!s.complete && out->moved && !last)
            continue;
        if (out->moved)
            drop_ended();
        unsigned good = tn__sample_codes(s.frames + s.first, s.n);
        if (good == s.n)
            return true;
        s.failure = TN_REJECT_CODE;
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
        out->failure = s.failure;
        return;
    }
    if (!w->named || !w->root)
        tn__sample_own(w, s.frames + s.first, s.n, s.truncated);
    if (out->moved && s.complete)
        find_executing();
    if (out->moved && s.complete && !s.places->top_is_pointer)
        drop_returned();
    out->changing |= drop_unknown(out->moved);
    remember(w);
    out->stack = w->root ? intern(w->root) : 0;
    if (out->stack && out->changing)
        out->stack = tn__sample_leaf(out->stack, TN_FRAME_CHANGING);
    out->task = tn__sample_task(s.frames + s.first, s.n);
}
