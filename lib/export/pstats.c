/* pstats.c - what Python's pstats.Stats loads: a dict, as marshal writes it, of functions and what was sampled in them.
 *
 *     {(file, first line, name): (own samples, samples, own seconds, seconds, {caller: (samples, own samples, own seconds, seconds)})}
 *
 * Python's own sampling profiler puts samples where cProfile counts calls, too. Samples count once for a function that is on a
 * stack several times, and once for a pair of caller and callee. A function is written out where it comes first; then marshal
 * refers to it.
 */
#include "export/profile.h"

#include <string.h>

typedef struct tn_pstat {
    int64_t own_samples, samples, own_ns, ns;
    uint32_t seen; /* 1 + the last row that was counted */
} tn_pstat;

typedef struct tn_pstat_edge {
    tn_pstat sums;
    uint32_t caller, next; /* 1 + the next edge to the same callee; 0: none */
} tn_pstat_edge;

typedef struct tn_pstats {
    const tn_profile *profile; /* frames are functions */
    tn_out *out;
    tn_pstat *functions;
    uint32_t *callers; /* by function: 1 + edge */
    uint32_t *written; /* ... 1 + its number among what marshal can refer to */
    uint32_t n_written;
    tn_buf edges; /* tn_pstat_edge */
    tn_map edge_of;
} tn_pstats;

/* ---- sums ---- */

static void count(tn_pstat *sums, const tn_profile_row *row, uint32_t number, bool own)
{
    if (sums->seen != number + 1) {
        sums->seen = number + 1;
        sums->samples += row->sums[TN_PROFILE_SAMPLES];
        sums->ns += row->sums[TN_PROFILE_CLOCK_NS];
    }
    if (own) {
        sums->own_samples += row->sums[TN_PROFILE_SAMPLES];
        sums->own_ns += row->sums[TN_PROFILE_CLOCK_NS];
    }
}

static int find_edge(tn_pstats *w, uint32_t caller, uint32_t callee, tn_pstat_edge **out, tn_error *err)
{
    const tn_pstat_edge fresh = {.caller = caller, .next = w->callers[callee]};
    uint32_t before = w->edge_of.n, at;
    TN_TRY(tn__profile_number(&w->edge_of, (uint64_t)callee << 32 | caller, &w->edges, &fresh, sizeof fresh, &at, err));
    if (w->edge_of.n > before)
        w->callers[callee] = at + 1;
    *out = (tn_pstat_edge *)(void *)w->edges.data + at;
    return TN_OK;
}

static int count_rows(tn_pstats *w, tn_error *err)
{
    const tn_profile *p = w->profile;
    for (uint32_t i = 0; i < p->n_rows; i++) {
        const tn_profile_row *row = tn__profile_row(p, i);
        uint32_t n = tn__profile_walk(p, row);
        for (uint32_t k = 0; k < n; k++) {
            tn_pstat_edge *edge;
            count(&w->functions[p->path[k]], row, i, k + 1 == n);
            if (!k)
                continue;
            TN_TRY(find_edge(w, p->path[k - 1], p->path[k], &edge, err));
            count(&edge->sums, row, i, k + 1 == n);
        }
    }
    return TN_OK;
}

/* ---- marshal ---- */

static void put_bits(tn_pstats *w, char type, uint64_t bits, unsigned n_bytes)
{
    char bytes[9] = {type};
    for (unsigned i = 0; i < n_bytes; i++)
        bytes[1 + i] = (char)(bits >> 8 * i);
    tn__out_bytes(w->out, bytes, 1 + n_bytes);
}

/* Of a long, five digits of 15 bits; its length is that of the number. */
static void put_number(tn_pstats *w, int64_t number)
{
    char digits[10];
    unsigned n = 0;
    if (number <= INT32_MAX) {
        put_bits(w, 'i', (uint64_t)number, 4);
        return;
    }
    for (uint64_t rest = (uint64_t)number; rest; rest >>= 15, n++) {
        digits[2 * n] = (char)(rest & 0xff);
        digits[2 * n + 1] = (char)(rest >> 8 & 0x7f);
    }
    put_bits(w, 'l', n, 4);
    tn__out_bytes(w->out, digits, 2 * (size_t)n);
}

static void put_seconds(tn_pstats *w, int64_t ns)
{
    double seconds = (double)ns / 1e9;
    uint64_t bits;
    memcpy(&bits, &seconds, sizeof bits);
    put_bits(w, 'g', bits, 8);
}

static void put_text(tn_pstats *w, uint32_t text)
{
    size_t n;
    const char *bytes = tn__profile_text(w->profile, text, &n);
    put_bits(w, 'u', n, 4);
    tn__out_bytes(w->out, bytes, n);
}

static void put_function(tn_pstats *w, uint32_t frame)
{
    enum { TUPLE_TO_REFER_TO = ')' | 0x80 };
    const tn_profile_function *f = tn__profile_function(w->profile, tn__profile_frame(w->profile, frame)->function);
    if (w->written[frame]) {
        put_bits(w, 'r', w->written[frame] - 1, 4);
        return;
    }
    w->written[frame] = ++w->n_written;
    put_bits(w, (char)TUPLE_TO_REFER_TO, 3, 1);
    put_text(w, f->file);
    put_number(w, f->first_line);
    put_text(w, f->name);
}

static void put_callers(tn_pstats *w, uint32_t frame)
{
    const tn_pstat_edge *edges = (const tn_pstat_edge *)(const void *)w->edges.data;
    tn__out_text(w->out, "{");
    for (uint32_t at = w->callers[frame]; at; at = edges[at - 1].next) {
        const tn_pstat *sums = &edges[at - 1].sums;
        put_function(w, edges[at - 1].caller);
        put_bits(w, ')', 4, 1);
        put_number(w, sums->samples);
        put_number(w, sums->own_samples);
        put_seconds(w, sums->own_ns);
        put_seconds(w, sums->ns);
    }
    tn__out_text(w->out, "0");
}

static void put_all(tn_pstats *w)
{
    tn__out_text(w->out, "{");
    for (uint32_t i = 0; i < w->profile->n_frames && !w->out->failed; i++) {
        const tn_pstat *sums = &w->functions[i];
        put_function(w, i);
        put_bits(w, ')', 5, 1);
        put_number(w, sums->own_samples);
        put_number(w, sums->samples);
        put_seconds(w, sums->own_ns);
        put_seconds(w, sums->ns);
        put_callers(w, i);
    }
    tn__out_text(w->out, "0");
}

/* ---- the file ---- */

static int write_profile(const tn_profile *p, const tn_export_job *job, tn_error *err)
{
    const size_t n = p->n_frames;
    tn_pstats w = {.profile = p, .out = job->out, .edge_of.alloc = p->alloc};
    tn__buf_init(&w.edges, p->alloc);
    w.functions = tn__alloc_zero(p->alloc, n * sizeof *w.functions);
    w.callers = tn__alloc_zero(p->alloc, n * sizeof *w.callers);
    w.written = tn__alloc_zero(p->alloc, n * sizeof *w.written);
    bool there = w.functions && w.callers && w.written;
    int status = there ? count_rows(&w, err) : tn__no_memory(job->snapshot, err);
    if (status == TN_OK)
        put_all(&w);
    tn__map_free(&w.edge_of);
    tn__buf_free(&w.edges);
    tn__free(p->alloc, w.functions, n * sizeof *w.functions);
    tn__free(p->alloc, w.callers, n * sizeof *w.callers);
    tn__free(p->alloc, w.written, n * sizeof *w.written);
    return status;
}

int tn__export_pstats(const tn_export_job *job, tn_error *err)
{
    tn_profile p;
    const tn_profile_how how = {TN_PROFILE_CPU, TN_PROFILE_BY_STACK, TN_PROFILE_FUNCTIONS};
    int status = tn__profile_make(job->snapshot, &how, &p, err);
    if (status == TN_OK && p.main != TN_PROFILE_CLOCK_NS)
        status =
            tn__error_set(err, TN_EINVAL, 0,
                          "how long its samples stand for is not known, and pstats is of seconds: the other formats "
                          "of stacks count samples");
    if (status == TN_OK)
        status = tn__profile_frames_fit(&p, err);
    if (status == TN_OK)
        status = write_profile(&p, job, err);
    tn__profile_free(&p);
    return status;
}
