/* sample_stack.c - the frames of a thread that may be running meanwhile.
 *
 *     data stack   ┌ main ──┬ f ─────┬ g ─────┬ what ended lately
 *                  └────────┴────────┴────────┘      one span: copied in one go, within tens of nanoseconds
 *     C stack, heap  frames without code between C and Python; frames of generators: a span each
 *
 * Where the thread's own clock has not moved the thread has not run, and what was copied is whole. Else the copy itself must
 * tell. Frames outside of the innermost span are copied twice, before and after that one: what is the same did not change
 * meanwhile. Within the span neighbours were copied so soon after one another that not more than one call or return can have
 * come between; and frames say whether they execute, so the innermost one is found in the copy, and not where the thread
 * said it was a moment before: a call that takes less time than a look would never be seen. What cannot be told to be whole
 * ends in <changing>, on frames that are certain: no time goes to a stack that was not there.
 */
#include "record/sample_state.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST_FRAMES = 2048,
    AHEAD = 32, /* frames that may have come on top since the thread was asked */
    MOST_SPANS = 96,
    COPY_BYTES = 256 << 10,
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

typedef struct head {
    uint64_t thread, frame; /* what the thread state points to; the frame itself, where that is something else */
} head;

static struct {
    const tn_sample_places *places;
    uint8_t *bytes, *again; /* COPY_BYTES each: all spans, and all but the last a second time */
    tn_seen_frame *frames;
    piece pieces[MOST_SPANS];
    uint32_t n_pieces, n_again, used;
    bool complete; /* all that was needed came in the first copy */
    head before;
    unsigned failure;
    uint32_t first, n; /* frames of the chain, innermost first */
    bool truncated;
    uint64_t pid;
} s;

bool tn__sample_stacks_start(const tn_sample_places *places)
{
    size_t frames = (MOST_FRAMES + AHEAD) * sizeof *s.frames;
    s.places = places;
    s.pid = (uint64_t)getpid();
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

/* The number of a thread's clock (include/linux/posix-timers.h): no descriptor, no call of the C library. */
uint64_t tn__sample_clock(uint64_t native, bool user)
{
    enum { THREAD = 4, VIRT = 1, SCHED = 2 };
    struct timespec t;
    clockid_t id = (clockid_t)(~(uint32_t)native << 3 | THREAD | (user ? VIRT : SCHED));
    return clock_gettime(id, &t) < 0 ? 0 : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint32_t tn__sample_leaf(uint32_t stack, unsigned pseudo)
{
    switch (pseudo) {
    case TN_FRAME_GC: return tn__pseudo(stack, TN_FRAME_GC, "<gc>", 4);
    case TN_FRAME_CHANGING: return tn__pseudo(stack, TN_FRAME_CHANGING, "<changing>", 10);
    default: return tn__node(stack, TN_FRAME_NATIVE, 0);
    }
}

/* ---- copies ---- */

static struct iovec at_address(uint64_t address, size_t bytes)
{
    return (struct iovec){(void *)(uintptr_t)address, bytes};
}

/* The head, the spans, those but the last again. false: the head is not there. */
static bool copy_planned(const tn_watched *w)
{
    const tn_sample_places *p = s.places;
    struct iovec to[2 * TN_SPANS + 2], from[2 * TN_SPANS + 2];
    unsigned n = 0, n_head = 1;
    size_t bytes = 8, again = 0;
    to[n] = (struct iovec){&s.before.thread, 8};
    from[n++] = at_address(w->state + p->thread_frame, 8);
    if (p->cframe) { /* where it pointed to at the last look; looked at below */
        to[n] = (struct iovec){&s.before.frame, 8};
        from[n++] = at_address(s.before.thread + p->thread_cframe_frame, 8);
        n_head++, bytes += 8;
    }
    s.n_pieces = s.n_again = s.used = 0;
    s.complete = w->n_spans > 0;
    for (unsigned i = 0; i < w->n_spans; i++) {
        size_t length = w->spans[i].end - w->spans[i].start;
        s.pieces[i] = (piece){w->spans[i].start, w->spans[i].end, s.bytes + s.used};
        to[n] = (struct iovec){s.bytes + s.used, length};
        from[n++] = at_address(w->spans[i].start, length);
        s.used += (uint32_t)length;
    }
    for (unsigned i = 0; i + 1 < w->n_spans; i++) {
        to[n] = (struct iovec){s.again + (s.pieces[i].at - s.bytes), from[n_head + i].iov_len};
        from[n] = from[n_head + i];
        again += from[n++].iov_len;
    }
    size_t got = tn__sample_gather(to, from, n);
    if (got < bytes)
        return false;
    s.n_pieces = got == bytes + s.used + again ? w->n_spans : 0; /* the stack is elsewhere by now */
    s.n_again = s.n_pieces ? s.n_pieces - 1 : 0;
    s.used = s.n_pieces ? s.used : 0;
    s.complete = s.n_pieces > 0;
    return true;
}

/* The whole page of what was not asked for. */
static uint8_t *fetched(uint64_t address, uint32_t n)
{
    uint64_t start = address & ~(PAGE - 1ull), end = (address + n + PAGE - 1) & ~(PAGE - 1ull);
    s.complete = false;
    if (s.n_pieces == MOST_SPANS || s.used + (end - start) > COPY_BYTES || end < start) {
        s.failure = TN_REJECT_TORN;
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

/* The chain from the head on. */
static bool walk(void)
{
    uint64_t frame = s.places->cframe ? s.before.frame : s.before.thread;
    s.first = AHEAD;
    s.n = 0;
    s.truncated = false;
    for (; frame; s.n++) {
        tn_seen_frame *f = &s.frames[s.first + s.n];
        if (s.n == MOST_FRAMES) {
            s.truncated = true;
            break;
        }
        if (!read_frame(frame, f))
            return false;
        if (f->empty && s.n) /* whoever it called was called from C */
            f[-1].entry = true;
        frame = f->previous;
    }
    return true;
}

/* ---- plans ---- */

/* Outermost first, so that the innermost frames are copied last, and the spans before them again just after. */
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
    w->n_spans = n;
}

/* ---- what is whole ---- */

static const piece *innermost_piece(void)
{
    return s.n_again + 1 <= s.n_pieces && s.n_pieces ? &s.pieces[s.n_again] : NULL;
}

static bool in_innermost(const tn_seen_frame *f)
{
    const piece *in = innermost_piece();
    return in && f->address >= in->start && f->address + s.places->frame_locals <= in->end;
}

/* A frame that was called by f, where the data stack has it. */
static bool above(const tn_seen_frame *f, tn_seen_frame *out)
{
    uint64_t address = f->address + f->size;
    const piece *in = f->empty || f->owner == s.places->owner_generator ? NULL : innermost_piece();
    if (!in || address < in->start || address + s.places->frame_locals > in->end)
        return false;
    decode(address, in->at + (address - in->start), out);
    return !out->empty && out->code && out->previous == f->address && tn__sample_codes(out, 1) == 1 && !out->empty;
}

/* Follows calls that have come on top. true: one was there. */
static bool climb(void)
{
    tn_seen_frame next;
    bool any = false;
    while (s.first && above(&s.frames[s.first], &next)) {
        s.frames[--s.first] = next;
        s.n++;
        any = true;
        if (!s.places->top_is_pointer && next.top == -1)
            break;
    }
    return any;
}

static void drop(uint32_t n)
{
    n = n < s.n ? n : s.n;
    s.first += n;
    s.n -= n;
}

/* Frames say with -1 that they execute. Between two that is so of none, for a moment: then the caller is where it is. */
static void find_executing(void)
{
    uint32_t first = s.first, n = s.n;
    if (!s.n || s.frames[first].top == -1 || s.frames[first].empty)
        return;
    bool called = climb();
    if (s.frames[s.first].top == -1)
        return;
    s.first = first, s.n = n; /* what is above has ended, or is about to begin */
    for (uint32_t i = first; i + 1 < first + n && !s.frames[i].entry; i++)
        if (s.frames[i + 1].top == -1) {
            drop(i + 1 - first);
            return;
        }
    if (!called)
        drop(1);
}

/* Frames outside of the innermost span that were not the same before and after it: all that they have called is uncertain.
 * The innermost one itself may go on. */
static bool drop_changed(void)
{
    uint32_t bad = 0;
    tn_seen_frame again;
    for (uint32_t i = 0; i < s.n; i++) {
        const tn_seen_frame *f = &s.frames[s.first + i];
        const piece *in = in_innermost(f) ? NULL : piece_with(f->address, s.places->frame_locals);
        if (!in || in >= innermost_piece())
            continue;
        decode(f->address, s.again + (in->at - s.bytes) + (f->address - in->start), &again);
        if (again.code != f->code || again.previous != f->previous || (!f->empty && i && again.at != f->at))
            bad = i + 1;
    }
    drop(bad);
    return bad;
}

/* ---- a look ---- */

/* false: s.failure says why. */
static bool attempt(tn_watched *w)
{
    if (s.places->cframe &&
        !tn_sample_copy(w->state + s.places->thread_frame, &s.before.thread, sizeof s.before.thread)) {
        s.failure = TN_REJECT_UNMAPPED;
        return false;
    }
    uint64_t cframe = s.before.thread;
    if (!copy_planned(w)) {
        s.failure = TN_REJECT_UNMAPPED;
        return false;
    }
    if (s.places->cframe && s.before.thread != cframe) {
        s.failure = TN_REJECT_TORN;
        return false;
    }
    if (!walk()) {
        w->n_spans = 0;
        return false;
    }
    plan(w);
    return true;
}

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

static void name(tn_watched *w)
{
    char text[256], root[260] = "<thread ";
    uint32_t n = 0, m = 8;
    const tn_seen_frame *outermost = NULL;
    for (uint32_t i = s.first; i < s.first + s.n; i++)
        outermost = s.frames[i].empty ? outermost : &s.frames[i];
    bool first = w->native == s.pid;
    if (first)
        n = 13, memcpy(text, "<main thread>", 13);
    else if (outermost && !s.truncated)
        n = s.places->thread_name(outermost->address, text, 200);
    w->named = first || outermost;
    w->name = tn__sample_name(text, n);
    for (uint32_t i = 0; i < n && !first; i++)
        if (text[i] < '0' || text[i] > '9')
            root[m++] = text[i];
        else if (root[m - 1] != '#')
            root[m++] = '#';
    if (first)
        w->root = tn__pseudo(0, TN_FRAME_PSEUDO, text, n);
    else
        w->root = n ? (root[m++] = '>', tn__pseudo(0, TN_FRAME_PSEUDO, root, m))
                    : tn__pseudo(0, TN_FRAME_PSEUDO, "<thread>", 8);
}

static uint32_t task(void)
{
    char text[256];
    for (uint32_t i = s.first; i < s.first + s.n; i++)
        if (s.frames[i].handle && !s.frames[i].empty)
            return tn__sample_name(text, s.places->task_name(s.frames[i].address, text, sizeof text));
    return 0;
}

static bool look(tn_watched *w, uint64_t cpu_ns, tn_look *out)
{
    for (unsigned tries = 0;; tries++) {
        bool last = tries + 1 == TRIES, got = attempt(w);
        out->moved = tn__sample_clock(w->native, false) != cpu_ns;
        if (got && !s.complete && out->moved && !last)
            continue;
        unsigned good = got ? tn__sample_codes(s.frames + s.first, s.n) : 0;
        if (got && good == s.n)
            return true;
        s.failure = got ? TN_REJECT_CODE : s.failure;
        if (last)
            return false;
    }
}

void tn__sample_look(tn_watched *w, uint64_t cpu_ns, tn_look *out)
{
    *out = (tn_look){0};
    bool got = look(w, cpu_ns, out);
    if (!got) {
        out->failure = s.failure;
        return;
    }
    if (!w->named || !w->root)
        name(w);
    if (out->moved && s.complete && !s.places->top_is_pointer)
        find_executing();
    else if (out->moved && s.complete)
        climb();
    if (out->moved)
        out->changing = drop_changed() || !s.complete;
    out->stack = w->root ? intern(w->root) : 0;
    if (out->stack && out->changing)
        out->stack = tn__sample_leaf(out->stack, TN_FRAME_CHANGING);
    out->task = task();
}
