/* traced.c - see traced.h. */
#include "inside/traced.h"

#include "inside/trace.h"
#include "inside/traced_samples.h"
#include "inside/traced_stacks.h"

#include <string.h>

enum { SITE_ROWS = 1 << 17, BLOCK_ROWS = 1 << 15 }; /* of a chunk; what is packed of blocks fits into a cache */

struct tn_traced {
    const tn_alloc *alloc;
    tn_recorded now;
    tn_recorded_cost cost;
    tn_unjoined unjoined;
    enum tn_free_lists free_lists;
    uint64_t reconnected;
    tn_buf blocks, sites; /* tn_recorded_row, tn_site_row */
    tn_buf intervals;     /* u64, of each block; empty: nothing is sampled */
    size_t n_ordered;     /* blocks at the front that come in order */
    tn_traced_samples samples;
};

enum { MOST_EXPECTED = 1 << 26 };
#define BLOCKS(t) ((tn_recorded_row *)(void *)(t)->blocks.data)
#define N_BLOCKS(t) ((t)->blocks.size / sizeof(tn_recorded_row))
#define SITES(t) ((tn_site_row *)(void *)(t)->sites.data)

/* ---- copying ---- */

typedef struct copying {
    tn_traced *t;
    tn_walk *w;
    bool redact, blocks;
    int status;
    uint64_t last; /* address */
} copying;

/* Samples are few. Until all blocks are in order a row says where its interval is. */
static bool copy_interval(copying *c, const tn_recorded_block *b)
{
    uint64_t interval = b->bytes ? (uint64_t)b->interval_bytes : 0;
    interval = interval < TN_TRACE_MAX_INTERVAL ? interval : TN_TRACE_MAX_INTERVAL;
    size_t n = N_BLOCKS(c->t);
    BLOCKS(c->t)[n - 1].node = (uint32_t)(n - 1);
    c->status = tn__buf_append(&c->t->intervals, &interval, sizeof interval);
    return c->status == 0;
}

static bool copy_block(void *ctx, const tn_recorded_block *b)
{
    copying *c = ctx;
    tn_buf *blocks = &c->t->blocks;
    if (b->site == 0)
        return true;
    if (tn__buf_reserve(blocks, sizeof(tn_recorded_row)) < 0) {
        c->status = TN_ENOMEM;
        return false;
    }
    tn_recorded_row *row = (tn_recorded_row *)(void *)(blocks->data + blocks->size);
    *row = (tn_recorded_row){
        .address = b->address, .bytes = b->bytes, .birth = b->birth & ((1ull << 56) - 1), .site = b->site - 1};
    c->t->n_ordered += c->t->n_ordered == N_BLOCKS(c->t) && b->address > c->last;
    c->last = b->address;
    blocks->size += sizeof *row;
    return c->t->now.mode != TN_RECORD_SAMPLED || copy_interval(c, b);
}

static int64_t at_least_0(int64_t n)
{
    return n > 0 ? n : 0;
}

/* first: entries of the call tree that are there before the recorder's. */
static void copy_sites(copying *c, uint32_t first)
{
    tn_recorded_site s;
    for (uint32_t id = 1; c->status == 0 && tn_recorded_site_at(id, &s); id++) {
        const tn_site_row row = {
            .stack = s.stack ? first + s.stack : 0,
            .domain = s.tracked ? TN_SITE_TRACKED | s.domain_number : s.domain_number,
            .live_bytes = at_least_0(s.live_bytes),
            .allocated_bytes = at_least_0(s.allocated_bytes),
            .temporary_bytes = at_least_0(s.temporary_bytes),
            .peak_bytes = at_least_0(s.peak_bytes),
            .at_peak_bytes = at_least_0(s.at_peak_bytes),
            .live_count = s.live_count,
            .allocated_count = s.allocated_count,
            .temporary_count = s.temporary_count,
            .at_peak_count = s.at_peak_count,
        };
        c->status = tn__buf_append(&c->t->sites, &row, sizeof row);
    }
}

/* Blocks there are as far as sums say; an array that need not move has large pages. */
static size_t expected(void)
{
    tn_recorded_site s;
    double n = 0;
    for (uint32_t id = 1; tn_recorded_site_at(id, &s); id++)
        n += s.live_count;
    return n < (double)MOST_EXPECTED ? (size_t)n : MOST_EXPECTED;
}

static void copy_blocks(copying *c)
{
    c->status = tn__buf_reserve(&c->t->blocks, (expected() + 1024) * sizeof(tn_recorded_row));
    if (c->status == 0)
        tn_recorded_blocks(copy_block, c);
}

/* A site is there before its blocks are, a stack before its site, a code object before its stack: what is added meanwhile by
 * who needs no lock is then copied with all that it names. */
static int copy_all(copying *c)
{
    uint32_t n_codes, n_stacks;
    tn_walk_calltree(c->w, &n_codes, &n_stacks);
    tn_recorded_now(&c->t->now);
    if (c->t->now.mode != TN_RECORD_OFF && c->blocks)
        copy_blocks(c);
    if (c->t->now.mode != TN_RECORD_OFF)
        copy_sites(c, n_stacks);
    if (c->status == 0)
        c->status = tn_traced_samples_take(c->w, c->redact, n_stacks, &c->t->samples);
    if (c->status == 0)
        c->status = tn_traced_stacks(c->w, c->redact, n_stacks, n_codes);
    tn_recorded_cost_now(&c->t->cost);
    return c->status;
}

int tn_traced_take(tn_walk *w, bool redact, bool blocks, tn_traced **out, tn_error *err)
{
    tn_sampled sampled;
    *out = NULL;
    tn_sampled_now(&sampled);
    if (tn_record_mode() == TN_RECORD_OFF && !sampled.ever)
        return 0;
    tn_traced *t = tn__alloc_zero(tn_walk_alloc(w), sizeof *t);
    if (!t)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_COPY);
    t->alloc = tn_walk_alloc(w);
    t->free_lists = tn_trace_free_lists();
    t->reconnected = tn_trace_reconnected();
    tn__buf_init(&t->blocks, t->alloc);
    tn__buf_init(&t->sites, t->alloc);
    tn__buf_init(&t->intervals, t->alloc);
    tn__buf_init(&t->samples.rows, t->alloc);
    copying c = {.t = t, .w = w, .redact = redact, .blocks = blocks};
    if (copy_all(&c) < 0) {
        tn_traced_free(t);
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_COPY);
    }
    *out = t;
    return 0;
}

void tn_traced_free(tn_traced *t)
{
    if (!t)
        return;
    tn__buf_free(&t->blocks);
    tn__buf_free(&t->sites);
    tn__buf_free(&t->intervals);
    tn__buf_free(&t->samples.rows);
    tn__free(t->alloc, t, sizeof *t);
}

/* ---- order ---- */

/* Allocators before who tracks by name: a block has its node where it was allocated. */
static bool comes_before(const tn_traced *t, const tn_recorded_row *a, const tn_recorded_row *b)
{
    if (a->address != b->address)
        return a->address < b->address;
    return SITES(t)[a->site].domain < SITES(t)[b->site].domain;
}

static void merge(const tn_traced *t, const tn_recorded_row *a, size_t n_a, const tn_recorded_row *b, size_t n_b,
                  tn_recorded_row *out)
{
    while (n_a || n_b) {
        bool second = !n_a || (n_b && comes_before(t, b, a));
        *out++ = second ? *b : *a;
        a += !second;
        n_a -= !second;
        b += second;
        n_b -= second;
    }
}

/* Runs of n rows, from rows to spare and back, until there is one. */
static void sort_rows(const tn_traced *t, tn_recorded_row *rows, tn_recorded_row *spare, size_t n)
{
    tn_recorded_row *from = rows, *to = spare;
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t at = 0; at < n; at += 2 * run) {
            size_t first = n - at < run ? n - at : run, second = n - at - first < run ? n - at - first : run;
            merge(t, from + at, first, from + at + first, second, to + at);
        }
        tn_recorded_row *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != rows)
        memcpy(rows, from, n * sizeof *rows);
}

/* What the shadow has comes in order; behind it may be what stands in a table: odd addresses, what is tracked by name, samples. */
static int order(tn_traced *t, tn_error *err)
{
    size_t n = N_BLOCKS(t), ordered = t->n_ordered;
    if (ordered == n)
        return 0;
    tn_recorded_row *spare = tn__alloc(t->alloc, n * sizeof *spare), *rows = BLOCKS(t);
    if (!spare)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    sort_rows(t, rows + ordered, spare, n - ordered);
    merge(t, rows, ordered, rows + ordered, n - ordered, spare);
    memcpy(rows, spare, n * sizeof *rows);
    tn__free(t->alloc, spare, n * sizeof *spare);
    return 0;
}

static int order_intervals(tn_traced *t, tn_error *err)
{
    tn_buf ordered;
    tn__buf_init(&ordered, t->alloc);
    const uint64_t *intervals = (const uint64_t *)(const void *)t->intervals.data;
    int status = tn__buf_reserve(&ordered, t->intervals.size);
    for (size_t i = 0; i < t->intervals.size / sizeof *intervals && status == 0; i++)
        status = tn__buf_append(&ordered, &intervals[BLOCKS(t)[i].node], sizeof *intervals);
    if (status < 0) {
        tn__buf_free(&ordered);
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    }
    tn__buf_free(&t->intervals);
    t->intervals = ordered;
    return 0;
}

/* ---- writing ---- */

static int save_sites(const tn_traced *t, tn_writer *writer, tn_error *err)
{
    size_t n = t->sites.size / sizeof(tn_site_row), at = 0;
    do {
        size_t rows = n - at < SITE_ROWS ? n - at : SITE_ROWS;
        TN_TRY(tn_writer_table(writer, "SITE", SITES(t) + at, rows * sizeof(tn_site_row), rows, err));
        at += rows;
    } while (at < n);
    return 0;
}

/* The columns of some blocks. */
typedef struct tray {
    uint64_t addresses[BLOCK_ROWS], bytes[BLOCK_ROWS], births[BLOCK_ROWS];
    uint32_t small_bytes[BLOCK_ROWS], small_births[BLOCK_ROWS]; /* as a rule they are */
    uint32_t sites[BLOCK_ROWS], nodes[BLOCK_ROWS];
    uint8_t kinds[BLOCK_ROWS];
} tray;

typedef struct trays {
    const tn_traced *t;
    tray *of[TN_MAX_THREADS];
} trays;

/* true: bytes and births need more than 32 bits. */
static bool fill(tray *y, const tn_recorded_row *rows, size_t n)
{
    uint64_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= rows[i].bytes | rows[i].birth;
        y->addresses[i] = rows[i].address;
        y->small_bytes[i] = (uint32_t)rows[i].bytes;
        y->small_births[i] = (uint32_t)rows[i].birth;
        y->sites[i] = rows[i].site;
        y->nodes[i] = rows[i].node;
        y->kinds[i] = (uint8_t)rows[i].kind;
    }
    for (size_t i = 0; any >> 32 && i < n; i++) {
        y->bytes[i] = rows[i].bytes;
        y->births[i] = rows[i].birth;
    }
    return any >> 32;
}

static int pack_blocks(void *ctx, uint32_t thread, uint32_t index, tn_pack *p, tn_error *err)
{
    enum { DELTA = TN_TRANSFORM_DELTA, PLANES = TN_TRANSFORM_PLANES };
    trays *all = ctx;
    const tn_traced *t = all->t;
    size_t first = (size_t)index * BLOCK_ROWS, n = N_BLOCKS(t) - first;
    n = n < BLOCK_ROWS ? n : BLOCK_ROWS;
    tray *y = all->of[thread] ? all->of[thread] : (all->of[thread] = tn__alloc(t->alloc, sizeof *y));
    if (!y)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    bool wide = fill(y, BLOCKS(t) + first, n);
    void *bytes = wide ? (void *)y->bytes : y->small_bytes, *births = wide ? (void *)y->births : y->small_births;
    unsigned width = wide ? 8 : 4;
    TN_TRY(tn_pack_column(p, "TADR", y->addresses, 8, n, DELTA | PLANES, err));
    TN_TRY(tn_pack_column(p, "TBYT", bytes, width, n, PLANES, err));
    TN_TRY(tn_pack_column(p, "TSIT", y->sites, 4, n, PLANES, err));
    TN_TRY(tn_pack_column(p, "TBIR", births, width, n, DELTA | PLANES, err));
    TN_TRY(tn_pack_column(p, "TNOD", y->nodes, 4, n, DELTA | PLANES, err));
    TN_TRY(tn_pack_column(p, "TKND", y->kinds, 1, n, 0, err));
    uint64_t *intervals = t->intervals.size ? (uint64_t *)(void *)t->intervals.data + first : NULL;
    return intervals ? tn_pack_column(p, "TINT", intervals, 8, n, PLANES, err) : 0;
}

static int save_blocks(const tn_traced *t, tn_walk *w, tn_writer *writer, tn_error *err)
{
    trays all = {.t = t};
    uint32_t pieces = (uint32_t)((N_BLOCKS(t) + BLOCK_ROWS - 1) / BLOCK_ROWS);
    int status = tn_walk_write(w, writer, pieces, pack_blocks, &all, err);
    for (unsigned i = 0; i < TN_MAX_THREADS; i++)
        tn__free(t->alloc, all.of[i], sizeof *all.of[i]);
    return status;
}

int tn_traced_save(tn_traced *t, tn_walk *w, tn_writer *writer, tn_error *err)
{
    if (!t)
        return 0;
    TN_TRY(tn_traced_samples_save(&t->samples, writer, err));
    if (t->now.mode == TN_RECORD_OFF)
        return 0;
    TN_TRY(order(t, err));
    TN_TRY(order_intervals(t, err));
    TN_TRY(tn_walk_owners(w, BLOCKS(t), N_BLOCKS(t), &t->unjoined, err));
    TN_TRY(save_blocks(t, w, writer, err));
    TN_TRY(save_sites(t, writer, err));
    tn__buf_free(&t->blocks);
    tn__buf_free(&t->sites);
    tn__buf_free(&t->intervals);
    return 0;
}

/* ---- facts ---- */

typedef struct teller {
    void (*number)(void *ctx, const char *key, uint64_t value);
    void *ctx;
} teller;

static void tell(const teller *by, const char *before, const char *name, const char *after, uint64_t value)
{
    char key[64];
    tn__compose(key, sizeof key, "trace.%s%s%s", before, name, after);
    by->number(by->ctx, key, value);
}

static void tell_sums(const tn_traced *t, const teller *by)
{
    const tn_recorded *now = &t->now;
    tell(by, "depth", "", "", now->depth);
    if (now->mode == TN_RECORD_SAMPLED) {
        tell(by, "interval_bytes", "", "", now->interval_bytes);
        tell(by, "first_interval_bytes", "", "", now->first_interval_bytes);
    }
    tell(by, "started_births", "", "", now->started_births);
    tell(by, "reconnected", "", "", t->reconnected);
    tell(by, "births", "", "", now->births);
    tell(by, "peak_birth", "", "", now->peak_birth);
    tell(by, "traced_bytes", "", "", (uint64_t)at_least_0(now->traced_bytes));
    tell(by, "peak_bytes", "", "", (uint64_t)at_least_0(now->peak_bytes));
    if (now->mode == TN_RECORD_EXACT) {
        tell(by, "unjoined.count", "", "", t->unjoined.count);
        tell(by, "unjoined.bytes", "", "", t->unjoined.bytes);
    }
}

static void tell_costs(const tn_recorded_cost *cost, const teller *by)
{
    static const char *const drops[TN_DROPS] = {"memory", "stack", "site", "code", "sample", "replaced"};
    static const char *const parts[TN_PARTS] = {"shadow", "blocks", "stacks", "sites", "codes", "threads"};
    static const char *const calls[TN_COSTS] = {"alloc", "resize", "free"};
    for (unsigned i = 0; i < TN_DROPS; i++)
        tell(by, "dropped.", drops[i], "", cost->dropped[i]);
    for (unsigned i = 0; i < TN_PART_SAMPLES; i++)
        tell(by, "own.", parts[i], "_bytes", cost->mapped_bytes[i]);
    tell(by, "own.resident_bytes", "", "", cost->resident_bytes);
    for (unsigned i = 0; i < TN_COSTS; i++) {
        tell(by, "calls.", calls[i], "", cost->calls[i]);
        tell(by, "ns.", calls[i], "", cost->ns[i]);
    }
}

void tn_traced_tell(const tn_traced *t, void (*number)(void *ctx, const char *key, uint64_t value),
                    void (*word)(void *ctx, const char *key, const char *word), void *ctx)
{
    static const char *const modes[] = {"off", "exact", "sampled"}, *const lists[] = {"ignore", "track", "flush"};
    const teller by = {number, ctx};
    tn_recorded now;
    tn_recorded_now(&now);
    if (t || now.births)
        word(ctx, "trace.mode", modes[t ? t->now.mode : TN_RECORD_OFF]);
    if (t)
        tn_traced_samples_tell(&t->samples, number, word, ctx);
    if (!t || t->now.mode == TN_RECORD_OFF)
        return;
    word(ctx, "trace.free_lists", lists[t->free_lists]);
    tell_sums(t, &by);
    tell_costs(&t->cost, &by);
}

uint64_t tn_traced_resident(const tn_traced *t)
{
    return t ? t->cost.resident_bytes : 0;
}
