/* sample_copies.c - the memory of a thread that frames are in, copied while it may run.
 *
 *     data stack   ┌ main ──┬ f ─────┬ g ─────┬ what ended lately
 *                  └────────┴────────┴────────┘      one span: copied in one go, within tens of nanoseconds
 *     C stack, heap  frames without code between C and Python; frames of generators: a span each
 *
 * Spans are where frames were at the last look. They are copied twice, one after the other and again: what is the same did not
 * change meanwhile. What is not in them is fetched, page by page.
 */
#include "record/sample_state.h"

#include <string.h>

enum {
    MOST_SPANS = 320,
    COPY_BYTES = 1 << 20, /* as many frames as are kept of a stack, of some size, and pages that are fetched twice */
    PAGE = 4096,
    GAP = 4096,   /* between frames that are copied in one piece: locals and what C functions were given */
    SLACK = 1024, /* beyond the innermost */
};

typedef struct piece {
    uint64_t start, end;
    uint8_t *at;
} piece;

tn_copied tn__copied;

static struct {
    const tn_sample_places *places;
    uint8_t *bytes, *again; /* COPY_BYTES each: all spans, and those of the chain a second time */
    piece pieces[MOST_SPANS];
    uint32_t n_pieces, n_again, used;
    uint64_t thread; /* what the thread state points to: the frame, as a rule */
} s;

bool tn__sample_copies_start(const tn_sample_places *places)
{
    s.places = places;
    s.bytes = s.bytes ? s.bytes : tn__pages_get(TN_PART_SAMPLES, 2 * COPY_BYTES);
    s.again = s.bytes + COPY_BYTES;
    return s.bytes;
}

void tn__sample_copies_forget(void)
{
    s.bytes = NULL;
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
        tn__copied.frame = s.thread;
        return true;
    }
    for (unsigned i = 0; i < TN_CFRAMES; i++)
        if (w->cframes[i] == s.thread) {
            tn__copied.frame = frames[i];
            return true;
        }
    w->cframes[w->next_cframe++ % TN_CFRAMES] = s.thread;
    return false;
}

bool tn__sample_copy_planned(tn_watched *w)
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
    tn__copied.full = false;
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
    tn__copied.complete = w->n_spans && got == head + s.used + again;
    s.n_pieces = tn__copied.complete ? w->n_spans : 0; /* else the stack is elsewhere by now */
    s.n_again = tn__copied.complete ? w->n_chain : 0;
    s.used = tn__copied.complete ? s.used : 0;
    tn__copied.failure = got < head ? TN_REJECT_UNMAPPED : TN_REJECT_TORN;
    if (got < head && p->cframe)
        memset(w->cframes, 0, sizeof w->cframes); /* of a C stack that is gone */
    return got >= head && find_head(w, frames);
}

bool tn__copied_differs(void)
{
    for (uint32_t i = 0; i < s.n_again; i++) {
        const piece *p = &s.pieces[i];
        if (memcmp(p->at, s.again + (p->at - s.bytes), p->end - p->start) != 0)
            return true;
    }
    return false;
}

/* The whole page of what was not asked for. NULL and full: there is no room for more. */
static uint8_t *fetched(uint64_t address, uint32_t n)
{
    uint64_t start = address & ~(PAGE - 1ull), end = (address + n + PAGE - 1) & ~(PAGE - 1ull);
    tn__copied.complete = false;
    if (s.n_pieces == MOST_SPANS || s.used + (end - start) > COPY_BYTES) {
        tn__copied.full = true;
        return NULL;
    }
    if (!tn_sample_copy(start, s.bytes + s.used, end - start)) {
        tn__copied.failure = TN_REJECT_UNMAPPED;
        return NULL;
    }
    s.pieces[s.n_pieces++] = (piece){start, end, s.bytes + s.used};
    s.used += (uint32_t)(end - start);
    return s.bytes + s.used - (end - address);
}

/* An address may be any word. */
static bool is_within(uint64_t start, uint64_t end, uint64_t address, uint32_t n)
{
    return address >= start && address < end && n <= end - address;
}

static const piece *piece_with(uint64_t address, uint32_t n)
{
    for (uint32_t i = s.n_pieces; i--;)
        if (is_within(s.pieces[i].start, s.pieces[i].end, address, n))
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
        .function = word(p + l->frame_function) & ~3ull,
        .at = word(p + l->frame_instr),
        .previous = word(p + l->frame_previous) & ~3ull,
        .top = l->top_is_pointer ? 0 : top,
        .owner = p[l->frame_owner],
        .entry = l->frame_entry && p[l->frame_entry],
    };
    f->empty = f->owner >= l->owner_skip;
    f->code = f->empty ? 0 : f->code;
}

bool tn__copied_frame(uint64_t address, tn_seen_frame *f)
{
    if (address & 7) {
        tn__copied.failure = TN_REJECT_TORN;
        return false;
    }
    const piece *in = piece_with(address, s.places->frame_locals);
    const uint8_t *p = in ? in->at + (address - in->start) : fetched(address, s.places->frame_locals);
    if (p)
        decode(address, p, f);
    return p;
}

bool tn__copied_peek(uint64_t address, tn_seen_frame *out)
{
    const piece *in = address & 7 ? NULL : piece_with(address, s.places->frame_locals);
    if (in)
        decode(address, in->at + (address - in->start), out);
    return in;
}

bool tn__copied_again(uint64_t address, tn_seen_frame *out)
{
    const piece *in = piece_with(address, s.places->frame_locals);
    if (!in || in >= s.pieces + s.n_again)
        return false;
    decode(address, s.again + (in->at - s.bytes) + (address - in->start), out);
    return true;
}

/* ---- plans ---- */

static bool covered(const tn_watched *w, uint32_t n, uint64_t address)
{
    for (uint32_t i = 0; i < n; i++)
        if (is_within(w->spans[i].start, w->spans[i].end, address, s.places->frame_locals))
            return true;
    return false;
}

/* Where the frame is among the first n spans, or next to one of them, which grows then. NULL: it is apart from all. */
static tn_span *span_at(tn_watched *w, uint32_t n, uint64_t start, uint64_t end)
{
    for (tn_span *span = w->spans; span < w->spans + n; span++)
        if (start < span->end + GAP && end + GAP > span->start) {
            span->start = start < span->start ? start : span->start;
            span->end = end > span->end ? end : span->end;
            return span;
        }
    return NULL;
}

/* Calls that come on top of the innermost frame of the data stack are in its span, too. */
static void grow(tn_span *span)
{
    uint64_t page = (span->end + PAGE - 1) & ~(PAGE - 1ull);
    span->end = span->end + SLACK < page ? span->end + SLACK : page;
}

/* How many of n spans there is room for. */
static uint32_t fit(tn_watched *w, uint32_t n)
{
    uint64_t left = COPY_BYTES / 2;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t bytes = w->spans[i].end - w->spans[i].start;
        if (bytes > left) { /* of the data stack the outer part is fetched */
            w->spans[i].start = w->spans[i].end - left;
            return left ? i + 1 : i;
        }
        left -= bytes;
    }
    return n;
}

/* The data stack is one span though frames elsewhere come in between: neighbours there are copied at once. In pieces, with a call of
 * the kernel's between them, a caller was seen with what its successor in that place called. */
void tn__sample_plan(tn_watched *w, const tn_seen_frame *frames, uint32_t n_frames)
{
    uint32_t n = 0;
    tn_span *stack = NULL;
    for (uint32_t i = 0; i < n_frames; i++) {
        uint64_t start = frames[i].address, end = start + s.places->frame_locals;
        tn_span *span = span_at(w, n, start, end);
        if (!span && n < TN_SPANS) { /* outer ones are fetched */
            span = &w->spans[n++];
            *span = (tn_span){start, end};
        }
        if (!stack && !frames[i].empty && frames[i].owner != s.places->owner_generator)
            stack = span;
    }
    if (stack)
        grow(stack);
    w->n_spans = w->n_chain = fit(w, n);
    for (unsigned i = 0; i < TN_INNERS && n; i++)
        if (w->inner[i].address && !covered(w, w->n_spans, w->inner[i].address))
            w->spans[w->n_spans++] = (tn_span){w->inner[i].address, w->inner[i].address + s.places->frame_locals};
}
