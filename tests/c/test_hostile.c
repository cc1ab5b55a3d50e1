/* test_hostile.c - any bytes give an error, never a crash, never more memory than allowed. */
#include "suite.h"

#include "exercise.h"
#include "failing.h"
#include "parts.h"
#include "sample.h"
#include "snapshot/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

static uint8_t *good;
static size_t n_good;

static int setup(void **state)
{
    (void)state;
    good = sample_bytes(&n_good);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(good);
    return 0;
}

/* Status of everything, without a limit but with the memory watched. */
static int status_of(const uint8_t *bytes, size_t n)
{
    failing f;
    failing_init(&f, -1);
    int status = exercise_bytes(bytes, n, &f.alloc, 0);
    assert_int_equal(f.n_pieces, 0);
    assert_int_equal(f.n_bytes, 0);
    assert_true(f.most < 80 << 20);
    return status;
}

/* ---- damage ---- */

static void a_file_cut_anywhere_is_truncated(void **state)
{
    (void)state;
    assert_int_equal(status_of(good, 0), TN_EFORMAT);
    for (size_t n = 1; n < n_good; n++) {
        uint8_t *copy = malloc(n); /* so that a sanitizer sees what is read beyond */
        memcpy(copy, good, n);
        assert_int_equal(status_of(copy, n), TN_ETRUNCATED);
        free(copy);
    }
}

static void whole_chunks_of_a_cut_file_are_listed(void **state)
{
    (void)state;
    const tn_open_options partial = {.partial = true};
    tn_snapshot *s, *t;
    tn_chunk_info want, have;
    tn_error err = {0};
    assert_int_equal(tn_snapshot_open_memory(good, n_good, NULL, &s, NULL), 0);
    for (size_t k = 0; k < tn_snapshot_n_chunks(s); k++) {
        char number[32];
        assert_int_equal(tn_snapshot_chunk(s, k, &want), 0);
        for (unsigned more = 0; more < 3; more++) { /* at the border and inside the next header and payload */
            size_t n = want.offset + 24 * more;
            assert_int_equal(tn_snapshot_open_memory(good, n, NULL, &t, &err), TN_ETRUNCATED);
            snprintf(number, sizeof number, " %zu chunks", k);
            assert_non_null(strstr(err.message, number));
            assert_int_equal(tn_snapshot_open_memory(good, n, &partial, &t, &err), 0);
            assert_int_equal(tn_snapshot_n_chunks(t), k);
            for (size_t i = 0; i < k; i++) {
                tn_snapshot_chunk(s, i, &want);
                assert_int_equal(tn_snapshot_chunk(t, i, &have), 0);
                assert_memory_equal(&want, &have, sizeof want);
            }
            tn_snapshot_chunk(s, k, &want);
            assert_int_equal(tn_snapshot_check(t, NULL, NULL, &err), TN_ETRUNCATED);
            tn_snapshot_close(t);
        }
    }
    tn_snapshot_close(s);
}

static void a_file_that_lacks_only_its_end_is_read(void **state)
{
    (void)state;
    const tn_open_options partial = {.partial = true};
    tn_snapshot *s;
    tn_node node;
    assert_int_equal(tn_snapshot_open_memory(good, n_good - 1, &partial, &s, NULL), 0);
    assert_int_equal(tn_snapshot_n_nodes(s), SAMPLE_NODES);
    assert_int_equal(tn_node_get(s, SAMPLE_ODD, &node, NULL), 0);
    assert_int_equal(node.address, sample_nodes[SAMPLE_ODD].address);
    tn_snapshot_close(s);
}

static void no_flipped_bit_goes_unnoticed(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * n_good; bit++) {
        good[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int status = status_of(good, n_good);
        good[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (status == 0)
            fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
    }
    assert_int_equal(status_of(good, n_good), 0);
}

/* With checksums made right again, what a flip breaks is left to the rules: it may be allowed, never a crash. */
static void flipped_bits_with_right_checksums_are_harmless(void **state)
{
    (void)state;
    parts p;
    size_t n;
    parts_open(&p, good, n_good);
    uint8_t *plain = parts_bytes(&p, &n), *copy = malloc(n);
    parts_free(&p);
    assert_int_equal(status_of(plain, n), 0);
    for (size_t at = 0; at < n; at++) {
        if (plain[at] == 0 && at % 7 && at > 4096 && at + 8192 < n)
            continue; /* most bytes of bitmaps are alike */
        memcpy(copy, plain, n);
        copy[at] ^= (uint8_t)(1 << at % 8);
        parts_rehash(copy, n);
        status_of(copy, n);
    }
    free(copy);
    free(plain);
}

static void random_bytes_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[400];
    uint32_t seed = 1;
    for (unsigned round = 0; round < 2000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        if (round % 2)
            memcpy(bytes, good, 32);
        assert_true(status_of(bytes, round % sizeof bytes) < 0);
    }
}

/* ---- lies in headers ---- */

static void other_major_versions_are_refused_by_number(void **state)
{
    (void)state;
    tn_error err = {0};
    tn_snapshot *s = NULL;
    uint8_t *copy = malloc(n_good);
    memcpy(copy, good, n_good);
    copy[8] = 2;
    parts_rehash(copy, n_good);
    assert_int_equal(tn_snapshot_open_memory(copy, n_good, NULL, &s, &err), TN_EVERSION);
    assert_non_null(strstr(err.message, "2.5"));
    assert_int_equal(err.offset, 8);
    copy[8] = 1;
    copy[10] = 9; /* a later minor version is read */
    parts_rehash(copy, n_good);
    assert_int_equal(status_of(copy, n_good), 0);
    free(copy);
}

static void impossible_numbers_in_headers_are_refused(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {
        0,          1,          7,          1 << 20,    TN_CHUNK_MAX_RAW, TN_CHUNK_MAX_RAW + 1,
        1ull << 31, 1ull << 32, 1ull << 61, 1ull << 63, UINT64_MAX - 7,   UINT64_MAX};
    size_t at = 32;
    for (tn_chunk_header h; at < n_good - 32; at += 48 + ((h.stored_bytes + 7) & ~7ull)) {
        memcpy(&h, good + at, sizeof h);
        for (size_t field = 8; field < 40; field += 8) /* first_row, n_rows, raw_bytes, stored_bytes */
            for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
                uint64_t old;
                uint8_t *copy = malloc(n_good);
                memcpy(copy, good, n_good);
                memcpy(&old, copy + at + field, 8);
                memcpy(copy + at + field, &numbers[i], 8);
                parts_rehash(copy, n_good);
                if (old != numbers[i])
                    assert_true(status_of(copy, n_good) < 0);
                free(copy);
            }
    }
}

/* Numbers that header and table of contents agree on. */
static void hostile_row_counts_are_refused(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 3, 1000, 1 << 24, UINT32_MAX, 1ull << 32, 1ull << 60, 1ull << 61, UINT64_MAX};
    parts p;
    parts_open(&p, good, n_good);
    for (size_t k = 0; k < p.n; k++)
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            uint64_t old = p.at[k].h.n_rows;
            size_t n;
            if (old == numbers[i])
                continue;
            p.at[k].h.n_rows = numbers[i];
            uint8_t *bytes = parts_bytes(&p, &n);
            if (status_of(bytes, n) != TN_ECORRUPT)
                fail_msg("%.4s with %llu rows", p.at[k].h.id, (unsigned long long)numbers[i]);
            free(bytes);
            p.at[k].h.n_rows = old;
        }
    parts_free(&p);
}

/* A file with a chunk more whose frame holds frame_bytes zeros, and says it holds raw_bytes. */
static uint8_t *with_frame(const char *id, size_t frame_bytes, uint64_t raw_bytes, unsigned copies, size_t *n)
{
    parts p;
    uint8_t *zeros = calloc(1, frame_bytes), *frame = malloc(ZSTD_compressBound(frame_bytes));
    size_t n_frame = ZSTD_compress(frame, ZSTD_compressBound(frame_bytes), zeros, frame_bytes, 1);
    parts_open(&p, good, n_good);
    for (unsigned i = 0; i < copies; i++) {
        part *one = parts_add(&p, id, frame, n_frame, raw_bytes);
        one->h.compression = 1;
        one->h.width = 1;
        one->h.first_row = i * raw_bytes;
    }
    uint8_t *bytes = parts_bytes(&p, n);
    size_t at = 32; /* raw_bytes was the stored size until here */
    for (tn_chunk_header h; at < *n - 32; at += 48 + ((h.stored_bytes + 7) & ~7ull)) {
        memcpy(&h, bytes + at, sizeof h);
        if (h.compression)
            memcpy(bytes + at + 24, &raw_bytes, 8);
    }
    parts_rehash(bytes, *n);
    parts_free(&p);
    free(zeros);
    free(frame);
    return bytes;
}

static void a_frame_must_hold_what_is_announced(void **state)
{
    (void)state;
    static const uint64_t announced[] = {0, 1, 1000, 4999, 5001, 1 << 20, TN_CHUNK_MAX_RAW};
    size_t n;
    for (size_t i = 0; i < sizeof announced / sizeof *announced; i++) {
        uint8_t *bytes = with_frame("LENG", 5000, announced[i], 1, &n);
        assert_true(status_of(bytes, n) < 0);
        free(bytes);
    }
}

static void a_frame_larger_than_a_chunk_is_not_unpacked(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = with_frame("LENG", 256 << 20, 1000, 1, &n);
    assert_int_equal(status_of(bytes, n), TN_ECORRUPT);
    free(bytes);
    bytes = with_frame("LENG", 256 << 20, 256 << 20, 1, &n);
    assert_int_equal(status_of(bytes, n), TN_ECORRUPT);
    free(bytes);
}

static void many_large_frames_stay_within_the_limit(void **state)
{
    (void)state;
    size_t n;
    parts p;
    uint8_t *bytes;
    failing f;
    parts_open(&p, good, n_good);
    parts_remove(&p, "AODD");
    bytes = parts_bytes(&p, &n);
    parts_free(&p);
    free(good);
    good = bytes;
    n_good = n;
    bytes = with_frame("AODD", TN_CHUNK_MAX_RAW, TN_CHUNK_MAX_RAW, 30, &n); /* 480 MiB of rows in 50 KiB */
    free(good);
    good = sample_bytes(&n_good);
    assert_true(n < 200 << 10);
    failing_init(&f, -1);
    assert_int_equal(exercise_bytes(bytes, n, &f.alloc, 100 << 20), TN_ELIMIT);
    assert_int_equal(f.n_pieces, 0);
    assert_true(f.most <= (100 << 20) + 4096);
    free(bytes);
}

/* ---- rules ---- */

typedef struct rule {
    const char *claim, *id;
    size_t offset; /* of the payload as decoded by parts.h */
    unsigned n;
    uint8_t bytes[8];
} rule;

#define U32(v)                                                                        \
    {                                                                                 \
        (uint8_t)(v), (uint8_t)((v) >> 8), (uint8_t)((v) >> 16), (uint8_t)((v) >> 24) \
    }
static const rule rules[] = {
    {"a node's shape exists", "SHAP", 14, 1, {SAMPLE_SHAPES}},
    {"a shape's type exists", "SHTB", 0, 4, U32(SAMPLE_TYPES)},
    {"styles of runs are known", "SHTB", 4, 1, {6}},
    {"kinds of runs are known", "SHTB", 4, 1, {0x50}},
    {"fixed references end with the chunk", "SHTB", 8, 4, U32(0x7fffffff)},
    {"labels are strings that exist", "SHTB", 60, 4, U32(SAMPLE_STRINGS)},
    {"styles of labels are known", "SHTB", 64, 1, {5}},
    {"kinds of labels are known", "SHTB", 65, 1, {5}},
    {"a type's name exists", "TYPE", 0, 4, U32(SAMPLE_STRINGS)},
    {"a type's module exists", "TYPE", 4, 4, U32(SAMPLE_STRINGS)},
    {"visitors are known", "TYPE", 12, 1, {5}},
    {"a type's node exists", "TYPE", 24, 4, U32(SAMPLE_NODES)},
    {"a type's base exists", "TYPE", 28, 4, U32(SAMPLE_TYPES)},
    {"no type is its own base", "TYPE", 28, 4, U32(0)},
    {"rows of types end with the chunk", "TYPE", 32, 4, U32(UINT32_MAX)},
    {"types of an MRO exist", "TYPE", 36, 4, U32(SAMPLE_TYPES)},
    {"kinds of facts are known", "FACT", 4, 1, {4}},
    {"keys of facts exist", "FACT", 0, 4, U32(SAMPLE_STRINGS)},
    {"texts of facts exist", "FACT", 8, 4, U32(SAMPLE_STRINGS)},
    {"texts of facts are 32 bits", "FACT", 12, 1, {1}},
    {"times ascend", "TIME", 47, 1, {0x80}},
    {"no time comes twice", "TIME", 40, 4, U32(1000000000)},
    {"times are known", "TIME", 80, 8, {255, 255, 255, 255, 255, 255, 255, 255}},
    {"stacks of sites exist", "SITE", 0, 4, U32(SAMPLE_STACKS + 1)},
    {"allocators of sites are known", "SITE", 4, 4, U32(TN_SITE_ALLOCATORS)},
    {"bytes of sites are not below 0", "SITE", 8 + 7, 1, {0x80}},
    {"counts of sites are numbers", "SITE", 48, 8, {0, 0, 0, 0, 0, 0, 0xf8, 0x7f}},
    {"counts of sites have an end", "SITE", 72, 8, {0, 0, 0, 0, 0, 0, 0xf0, 0x7f}},
    {"stacks of samples exist", "SAMP", 0, 4, U32(SAMPLE_STACKS + 1)},
    {"threads of samples are strings", "SAMP", 4, 4, U32(SAMPLE_STRINGS)},
    {"tasks of samples are strings", "SAMP", 8, 4, U32(SAMPLE_STRINGS)},
    {"states of samples are known", "SAMP", 12, 4, U32(TN_SAMPLE_STATES)},
    {"a row has samples", "SAMP", 16, 1, {0}},
    {"samples have a sum", "SAMP", 16 + 7, 1, {0x80}},
    {"times of samples have a sum", "SAMP", 24 + 7, 1, {0x80}},
    {"processor times of samples have a sum", "SAMP", 32 + 7, 1, {0x80}},
    {"strings end with the chunk", "STRS", 0, 4, U32(UINT32_MAX)},
    {"strings fill the chunk", "STRS", 0, 4, U32(0)},
    {"regions ascend", "ADDR", 0, 8, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0}},
    {"regions are addresses", "ADDR", 2 * sizeof(tn_region_row) + 7, 1, {1}},
    {"a root is left", "ADDR", 8, 8, {255, 255, 255, 255, 255, 255, 255, 255}},
    {"odd objects are objects", "AODD", 0, 1, {SAMPLE_OBJECTS}},
    {"kinds of buffers are known", "BUFK", 0, 1, {TN_BUFFER_KINDS}},
    {"nodes have the buffers they call for", "FLAG", 1, 1, {0x05}},
    {"frames are entries of the call tree", "STKI", 0, 1, {SAMPLE_STACKS + 1}},
    {"parents come first", "STAK", 0, 4, U32(1)},
    {"codes exist", "STAK", 4, 4, U32(SAMPLE_CODES)},
    {"names of codes exist", "CODE", 0, 4, U32(SAMPLE_STRINGS)},
    {"files of codes exist", "CODE", 8, 4, U32(SAMPLE_STRINGS)},
    {"line tables end with the chunk", "CODE", 16, 4, U32(UINT32_MAX)},
    {"previews ascend", "PREV", 0, 4, U32(2)},
    {"previews are of nodes", "PREV", 16, 4, U32(SAMPLE_NODES)},
    {"kinds of previews are known", "PREV", 20, 1, {8}},
    {"numbers have eight bytes", "PREV", 20, 1, {TN_PREVIEW_FLOAT}},
    {"previews end with the chunk", "PREV", 30, 2, {0xff, 0xff}},
    {"previews fill the chunk", "PREV", 30, 2, {4, 0}},
};

static void broken_rules_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        parts p;
        size_t n;
        parts_open(&p, good, n_good);
        part *one = parts_find(&p, rules[i].id);
        assert_true(rules[i].offset + rules[i].n <= one->h.raw_bytes);
        memcpy(one->payload + rules[i].offset, rules[i].bytes, rules[i].n);
        uint8_t *bytes = parts_bytes(&p, &n);
        int status = status_of(bytes, n);
        if (status != TN_ECORRUPT)
            fail_msg("%s: %s", rules[i].claim, tn_status_name(status));
        free(bytes);
        parts_free(&p);
    }
}

/* Rules on columns, whose payload is stored transformed: the column is replaced by these bytes, one an element. */
static const struct {
    const char *claim, *id;
    uint8_t n, bytes[32];
} column_rules[] = {
    {"every run has a degree", "DEGR", 8, {4, 6, 2, 1, 2, 2, 2, 0}},
    {"every degree has a run", "DEGR", 10, {4, 6, 2, 1, 2, 2, 2, 0, 1, 0}},
    {"values have keys", "DEGR", 9, {5, 5, 2, 1, 2, 2, 2, 0, 1}},
    {"degrees sum up to the references", "DEGR", 9, {5, 6, 2, 1, 2, 2, 2, 0, 1}},
    {"references lead to nodes", "REFS", 29, {SAMPLE_NODES + 1}},
    {"there are as many references as called for", "REFS", 28, {0}},
    {"every length has a node", "LENG", 5, {0}},
    {"every node that calls for one has a length", "LENG", 3, {0}},
    {"every capacity has a node", "CAPA", 4, {0}},
    {"every hash has a node", "HASH", 4, {0}},
    {"every frame has a stack", "STKI", 1, {0}},
    {"every buffer has a node", "BUFS", 8, {0}},
    {"every kind has a buffer", "BUFK", 8, {0}},
    {"buffers fit into their nodes", "BUFS", 7, {0, 153, 0, 0, 0, 0, 0}},
    {"sizes are of nodes", "SIZE", 14, {0}},
    {"sizes are of all nodes", "SIZE", 16, {0}},
    {"flags are of all nodes", "FLAG", 16, {0}},
    {"odd objects ascend", "AODD", 2, {3, 2}},
    {"blocks ascend", "TADR", 5, {2, 1, 3, 4, 5}},
    {"addresses are of all blocks", "TADR", 4, {1, 2, 3, 4}},
    {"sites are of all blocks", "TSIT", 6, {0}},
    {"blocks are of sites", "TSIT", 5, {SAMPLE_SITES}},
    {"blocks are of nodes", "TNOD", 5, {1, SAMPLE_NODES + 1, 4}},
    {"own blocks are of objects", "TNOD", 5, {1, 1, SAMPLE_OBJECTS + 1}},
    {"an object has one own block", "TNOD", 5, {1, 1, 1}},
    {"what a block is to its node is known", "TKND", 5, {1, TN_TRACE_BUFFER + TN_BUFFER_KINDS, 1}},
    {"a node's block is something to it", "TKND", 5, {1, 0, 1}},
    {"nothing is sampled of no bytes", "TINT", 5, {1, 1, 1, 0, 1}},
    {"an object begins in its own block", "TBYT", 5, {16, 16, 16, 16}},
};

static void broken_rules_of_columns_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof column_rules / sizeof *column_rules; i++) {
        parts p;
        size_t n;
        parts_open(&p, good, n_good);
        part *one = parts_find(&p, column_rules[i].id);
        parts_resize(one, column_rules[i].n);
        memcpy(one->payload, column_rules[i].bytes, column_rules[i].n);
        one->h.width = 1;
        one->h.transform = 0;
        one->h.n_rows = column_rules[i].n;
        uint8_t *bytes = parts_bytes(&p, &n);
        int status = status_of(bytes, n);
        if (status != TN_ECORRUPT)
            fail_msg("%s: %s", column_rules[i].claim, tn_status_name(status));
        free(bytes);
        parts_free(&p);
    }
}

static void chunks_that_must_be_there_are_missed(void **state)
{
    (void)state;
    static const char *const ids[] = {"FACT", "STRS", "TYPE", "SHTB", "ADDR", "SHAP", "SIZE"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        parts p;
        size_t n;
        tn_snapshot *s;
        tn_error err = {0};
        parts_open(&p, good, n_good);
        parts_remove(&p, ids[i]);
        uint8_t *bytes = parts_bytes(&p, &n);
        assert_int_equal(tn_snapshot_open_memory(bytes, n, NULL, &s, &err), TN_ECORRUPT);
        assert_non_null(strstr(err.message, ids[i]));
        free(bytes);
        parts_free(&p);
    }
}

static void other_chunks_may_be_missing(void **state)
{
    (void)state;
    static const char *const ids[] = {"AODD", "REFC", "LENG", "CAPA", "BUFS", "BUFK", "HASH", "STKI", "PREV", "TINT"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        parts p;
        size_t n;
        parts_open(&p, good, n_good);
        parts_remove(&p, ids[i]);
        uint8_t *bytes = parts_bytes(&p, &n);
        if (status_of(bytes, n) != 0)
            fail_msg("without %s", ids[i]);
        free(bytes);
        parts_free(&p);
    }
}

static void columns_of_blocks_are_there_together(void **state)
{
    (void)state;
    static const char *const ids[] = {"SITE", "TADR", "TBYT", "TSIT", "TBIR", "TNOD", "TKND"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        parts p;
        size_t n;
        parts_open(&p, good, n_good);
        parts_remove(&p, ids[i]);
        uint8_t *bytes = parts_bytes(&p, &n);
        if (status_of(bytes, n) != TN_ECORRUPT)
            fail_msg("without %s", ids[i]);
        free(bytes);
        parts_free(&p);
    }
}

static void headers_are_judged_as_wholes(void **state)
{
    (void)state;
    parts p;
    size_t n;
    for (unsigned which = 0; which < 7; which++) {
        parts_open(&p, good, n_good);
        part *one = parts_find(&p, which < 4 ? "LENG" : "CODE");
        int want = TN_ECORRUPT;
        switch (which) {
        case 0: one->h.version = 2, want = TN_EVERSION; break;
        case 1: one->h.width = 3; break;
        case 2: one->h.transform = 4; break;
        case 3: one->h.first_row = 1; break;
        case 4: one->h.width = 1; break;
        case 5: one->h.transform = 1; break;
        case 6: one->h.compression = 2; break;
        }
        uint8_t *bytes = parts_bytes(&p, &n);
        assert_int_equal(status_of(bytes, n), want);
        free(bytes);
        parts_free(&p);
    }
}

static void unknown_chunks_may_be_anything(void **state)
{
    (void)state;
    parts p;
    size_t n;
    parts_open(&p, good, n_good);
    part *one = parts_add(&p, "LATE", "what later versions say", 23, 12345);
    one->h.version = 9;
    one->h.compression = 7;
    one->h.width = 3;
    one->h.first_row = 77;
    uint8_t *bytes = parts_bytes(&p, &n);
    assert_int_equal(status_of(bytes, n), 0);
    free(bytes);
    parts_free(&p);
}

static void strings_that_are_no_text_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"\xff", "\xc3", "\xe2\x82", "\xc0\x80", "\xf5\x80\x80\x80", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        parts p;
        size_t n;
        parts_open(&p, good, n_good);
        part *one = parts_find(&p, "STRS");
        memcpy(one->payload + one->h.raw_bytes - strlen(texts[i]), texts[i], strlen(texts[i]));
        uint8_t *bytes = parts_bytes(&p, &n);
        assert_int_equal(status_of(bytes, n), TN_ECORRUPT);
        free(bytes);
        parts_free(&p);
    }
}

static void a_second_table_of_contents_is_refused(void **state)
{
    (void)state;
    parts p;
    size_t n;
    parts_open(&p, good, n_good);
    parts_add(&p, "TOC ", NULL, 32, 1);
    uint8_t *bytes = parts_bytes(&p, &n);
    assert_int_equal(status_of(bytes, n), TN_ECORRUPT);
    free(bytes);
    parts_free(&p);
}

/* ---- memory ---- */

static void any_failing_allocation_is_an_error(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        failing f;
        failing_init(&f, n);
        int status = exercise_bytes(good, n_good, &f.alloc, 0);
        assert_int_equal(f.n_pieces, 0);
        assert_int_equal(f.n_bytes, 0);
        if (f.until > 0 && status == 0)
            break;
        assert_true(status == TN_ENOMEM || (f.until == 0 && status == 0));
    }
}

static void after_a_failed_allocation_the_call_can_be_repeated(void **state)
{
    (void)state;
    for (long n = 0; n < 40; n++) {
        failing f;
        tn_snapshot *s;
        tn_node node;
        failing_init(&f, -1);
        const tn_open_options options = {.alloc = &f.alloc};
        assert_int_equal(tn_snapshot_open_memory(good, n_good, &options, &s, NULL), 0);
        f.until = n;
        exercise(s);
        f.until = -1;
        assert_int_equal(exercise(s), 0);
        assert_int_equal(tn_node_get(s, 0, &node, NULL), 0);
        assert_int_equal(node.hash, sample_nodes[0].hash);
        tn_snapshot_close(s);
        assert_int_equal(f.n_pieces, 0);
    }
}

static void memory_never_passes_the_limit(void **state)
{
    (void)state;
    int status = TN_ELIMIT;
    for (uint64_t limit = 1; status < 0; limit += limit / 4 + 1000) {
        failing f;
        failing_init(&f, -1);
        status = exercise_bytes(good, n_good, &f.alloc, limit);
        assert_true(status == 0 || status == TN_ELIMIT);
        assert_int_equal(f.n_pieces, 0);
        assert_true(f.most <= limit + 8192); /* the snapshot itself is not counted */
        assert_true(limit < 1ull << 32);
    }
}

static void what_is_asked_within_a_limit_names_it(void **state)
{
    (void)state;
    int status = TN_ELIMIT;
    for (uint64_t limit = 20000; status < 0; limit += limit / 64) {
        status = exercise_questions(good, n_good, limit);
        assert_true(status == 0 || status == TN_ELIMIT);
        assert_true(limit < 1ull << 32);
    }
}

static void count(void *ctx, const tn_error *finding)
{
    ++*(unsigned *)ctx;
    assert_true(finding->status < 0 && finding->message[0]);
}

static void check_reports_every_broken_chunk(void **state)
{
    (void)state;
    tn_snapshot *s;
    tn_error err = {0};
    unsigned findings = 0;
    uint8_t *copy = malloc(n_good);
    memcpy(copy, good, n_good);
    assert_int_equal(tn_snapshot_open_memory(copy, n_good, NULL, &s, NULL), 0);
    for (size_t i = 0; i < tn_snapshot_n_chunks(s); i++) {
        tn_chunk_info info;
        tn_snapshot_chunk(s, i, &info);
        if (!strcmp(info.id, "LENG") || !strcmp(info.id, "REFS") || !strcmp(info.id, "PREV"))
            copy[info.offset + 48] ^= 1;
    }
    assert_int_equal(tn_snapshot_check(s, count, &findings, &err), TN_ECORRUPT);
    assert_int_equal(findings, 3);
    assert_non_null(strstr(err.message, "REFS")); /* the first in the file */
    tn_snapshot_close(s);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_anywhere_is_truncated),
        cmocka_unit_test(whole_chunks_of_a_cut_file_are_listed),
        cmocka_unit_test(a_file_that_lacks_only_its_end_is_read),
        cmocka_unit_test(no_flipped_bit_goes_unnoticed),
        cmocka_unit_test(flipped_bits_with_right_checksums_are_harmless),
        cmocka_unit_test(random_bytes_are_refused),
        cmocka_unit_test(other_major_versions_are_refused_by_number),
        cmocka_unit_test(impossible_numbers_in_headers_are_refused),
        cmocka_unit_test(hostile_row_counts_are_refused),
        cmocka_unit_test(a_frame_must_hold_what_is_announced),
        cmocka_unit_test(a_frame_larger_than_a_chunk_is_not_unpacked),
        cmocka_unit_test(many_large_frames_stay_within_the_limit),
        cmocka_unit_test(broken_rules_are_found),
        cmocka_unit_test(broken_rules_of_columns_are_found),
        cmocka_unit_test(chunks_that_must_be_there_are_missed),
        cmocka_unit_test(other_chunks_may_be_missing),
        cmocka_unit_test(columns_of_blocks_are_there_together),
        cmocka_unit_test(headers_are_judged_as_wholes),
        cmocka_unit_test(unknown_chunks_may_be_anything),
        cmocka_unit_test(strings_that_are_no_text_are_refused),
        cmocka_unit_test(a_second_table_of_contents_is_refused),
        cmocka_unit_test(any_failing_allocation_is_an_error),
        cmocka_unit_test(after_a_failed_allocation_the_call_can_be_repeated),
        cmocka_unit_test(memory_never_passes_the_limit),
        cmocka_unit_test(what_is_asked_within_a_limit_names_it),
        cmocka_unit_test(check_reports_every_broken_chunk),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
