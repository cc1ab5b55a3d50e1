/* sample.c - see sample.h. */
#include "sample.h"
#include "snapshot/tracked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const sample_strings[SAMPLE_STRINGS] = {
    [0] = "dict",
    [1] = "builtins",
    [2] = "str",
    [3] = "list",
    [4] = "int",
    [5] = "Session",
    [6] = "app",
    [7] = "object",
    [8] = "type",
    [9] = "set",
    [10] = "bytes",
    [11] = "<root>",
    [12] = "<modules>",
    [13] = "<thread>",
    [14] = "<frame>",
    [15] = "name",
    [16] = "_cache",
    [17] = "modules",
    [18] = "threads",
    [19] = "x",
    [20] = "y",
    [21] = "f_back",
    [22] = "handle",
    [23] = "Server.handle",
    [24] = "/srv/app.py",
    [25] = "<module>",
    [26] = "capture.tool_version",
    [27] = "0.1.0",
    [28] = "process.pid",
    [29] = "check.pools.failed",
    [30] = "load.average",
    [31] = "clock.offset_ns",
    [32] = "Na\xc3\xafve.\xed\xa0\x80", /* a lone surrogate */
    [33] = "",
    [34] = "<keys>",
};

#define NONE TN_NONE
const sample_type sample_types[SAMPLE_TYPES] = {
    [0] = {0, 1, TN_TYPE_GC, TN_VISIT_LAYOUT, 48, 0, NONE, 5, 2, {0, 5}},
    [1] = {2, 1, 0, TN_VISIT_LEAF, 40, 1, NONE, 5, 2, {1, 5}},
    [2] = {3, 1, TN_TYPE_GC, TN_VISIT_LAYOUT, 40, 8, NONE, 5, 2, {2, 5}},
    [3] = {4, 1, 0, TN_VISIT_LEAF, 24, 4, NONE, 5, 2, {3, 5}},
    [4] = {5,
           6,
           TN_TYPE_HEAP | TN_TYPE_GC | TN_TYPE_DICT | TN_TYPE_WEAKREF | TN_TYPE_FINALIZER,
           TN_VISIT_LAYOUT,
           16,
           0,
           7,
           5,
           2,
           {4, 5}},
    [5] = {7, 1, 0, TN_VISIT_LEAF, 16, 0, NONE, NONE, 1, {5}},
    [6] = {8, 1, TN_TYPE_GC, TN_VISIT_TRAVERSE, 900, 40, NONE, 5, 2, {6, 5}},
    [7] = {9, 1, TN_TYPE_GC, TN_VISIT_LAYOUT, 200, 0, NONE, 5, 2, {7, 5}},
    [8] = {10, 1, 0, TN_VISIT_LEAF, 33, 1, NONE, 5, 2, {8, 5}},
    [9] = {11, NONE, TN_TYPE_SYNTHETIC, TN_VISIT_NOT, 0, 0, NONE, NONE, 1, {9}},
    [10] = {14, NONE, TN_TYPE_SYNTHETIC, TN_VISIT_NOT, 0, 0, NONE, NONE, 1, {10}},
    [11] = {32, 6, TN_TYPE_HEAP | TN_TYPE_OWN, TN_VISIT_SCAN, 0, 0, NONE, 4, 3, {11, 4, 5}},
};

#define RUN(style, kind) ((style) | (kind) << TN_RUN_KIND_SHIFT)
const sample_shape sample_shapes[SAMPLE_SHAPES] = {
    [0] = {1, TN_SHAPE_LENGTH | TN_SHAPE_HASH, 0, {{0}}},
    [1] = {3, TN_SHAPE_LENGTH, 0, {{0}}},
    [2] = {0, RUN(TN_RUN_PAIRS, TN_REF_OWNING) | TN_SHAPE_CAPACITY, 0, {{0}}},
    [3] = {2, RUN(TN_RUN_ITEMS, TN_REF_OWNING) | TN_SHAPE_CAPACITY, 0, {{0}}},
    [4] = {4, 0, 2, {{15, TN_LABEL_ATTRIBUTE, TN_REF_OWNING}, {16, TN_LABEL_ITEM, TN_REF_WEAK}}},
    [5] = {7, RUN(TN_RUN_MEMBERS, TN_REF_BORROWED) | TN_SHAPE_CAPACITY, 0, {{0}}},
    [6] = {6, RUN(TN_RUN_UNLABELLED, TN_REF_OWNING), 0, {{0}}},
    [7] = {9, 0, 2, {{17, TN_LABEL_ROOT, TN_REF_OWNING}, {18, TN_LABEL_ROOT, TN_REF_OWNING}}},
    [8] = {9, RUN(TN_RUN_UNLABELLED, TN_REF_INTERNED), 0, {{0}}},
    [9] = {10,
           RUN(TN_RUN_STACK, TN_REF_GUESSED) | TN_SHAPE_STACK,
           2,
           {{19, TN_LABEL_LOCAL, TN_REF_OWNING}, {20, TN_LABEL_LOCAL, TN_REF_OWNING}}},
    [10] = {8, TN_SHAPE_LENGTH | TN_SHAPE_HASH, 0, {{0}}},
    [11] = {9, RUN(TN_RUN_ITEMS, TN_REF_OWNING), 1, {{21, TN_LABEL_FIELD, TN_REF_BORROWED}}},
};

#define PYMALLOC (TN_ALLOCATOR_PYMALLOC << 10)
#define MALLOC (TN_ALLOCATOR_MALLOC << 10)
#define R(node) (1 + (node))
const sample_node sample_nodes[SAMPLE_NODES] = {
    [0] = {.shape = 0,
           .address = 0x7f0000000040,
           .size = 64,
           .refcount = 3,
           .flags = PYMALLOC,
           .length = 5,
           .hash = 0x0123456789abcdef,
           .preview_kind = TN_PREVIEW_TEXT,
           .preview_length = 5,
           .preview = "hello"},
    [1] = {.shape = 0,
           .address = 0x7f0000000080,
           .size = 5368709184,
           .refcount = 1,
           .flags = MALLOC,
           .length = 5368709120,
           .hash = 0xfedcba9876543210,
           .n_buffers = 1,
           .buffers = {{TN_BUFFER_UTF8, 64}},
           .preview_kind = TN_PREVIEW_TEXT | TN_PREVIEW_CUT,
           .preview_length = 4,
           .preview = "na\xc3\xaf"},
    [2] = {.shape = 1,
           .address = 0x7f00000000c8,
           .size = 32,
           .refcount = UINT32_MAX,
           .flags = TN_NODE_IMMORTAL | PYMALLOC,
           .length = 31,
           .preview_kind = TN_PREVIEW_INT,
           .preview_length = 8,
           .preview = "\xfe\xff\xff\xff\xff\xff\xff\xff"},
    [3] = {.shape = 3,
           .address = 0x7f0000100000,
           .size = 152,
           .refcount = 2,
           .flags = TN_NODE_TRACKED | 1 << 1 | PYMALLOC,
           .capacity = 8,
           .n_buffers = 1,
           .buffers = {{TN_BUFFER_ITEMS, 80}},
           .n_references = 4,
           .references = {R(2), R(2), 0, R(0)}},
    [4] = {.shape = 2,
           .address = 0x7f0000100400,
           .size = 264,
           .refcount = 1,
           .flags = TN_NODE_TRACKED | 2 << 1 | PYMALLOC,
           .capacity = 5,
           .n_buffers = 2,
           .buffers = {{TN_BUFFER_KEYS, 128}, {TN_BUFFER_VALUES, 64}},
           .n_references = 6,
           .references = {R(0), R(2), R(1), R(3), R(8), 0}},
    [5] = {.shape = 4,
           .address = 0x7f0000100810,
           .size = 64,
           .refcount = 1,
           .flags = TN_NODE_TRACKED | TN_NODE_FINALIZED | PYMALLOC,
           .n_references = 2,
           .references = {R(0), R(4)}},
    [6] = {.shape = 5,
           .address = 0x7f00001ffff0,
           .size = 216,
           .refcount = 1,
           .flags = PYMALLOC,
           .capacity = 8,
           .n_references = 2,
           .references = {R(0), R(2)}},
    [7] = {.shape = 6,
           .address = 0x7f0000300000,
           .size = 1072,
           .refcount = 5,
           .flags = TN_NODE_TRACKED | 3 << 1 | MALLOC,
           .n_buffers = 3,
           .buffers = {{TN_BUFFER_CACHE, 16}, {TN_BUFFER_OTHER, 32}, {TN_BUFFER_DATA, 48}},
           .n_references = 1,
           .references = {R(7)},
           .preview_kind = TN_PREVIEW_NAME,
           .preview_length = 7,
           .preview = "Session"},
    [8] = {.shape = 10,
           .address = 0x7f0000300800,
           .size = 0,
           .refcount = 0,
           .flags = TN_NODE_STATIC | TN_NODE_IMMORTAL,
           .length = 2,
           .hash = 7,
           .preview_kind = TN_PREVIEW_BYTES,
           .preview_length = 2,
           .preview = "\0\xff"},
    [9] = {.shape = 7, .n_references = 2, .references = {R(10), R(11)}},
    [10] = {.shape = 8, .n_references = 2, .references = {R(5), R(7)}},
    [11] = {.shape = 11, .n_references = 3, .references = {0, R(12), R(13)}},
    [12] = {.shape = 9, .stack = 2, .n_references = 4, .references = {R(3), 0, R(6), R(0)}},
    [13] = {.shape = 9, .stack = 1, .n_references = 2, .references = {0, R(4)}},
    [14] = {.shape = 6, .size = 96, .n_references = 1, .references = {R(0)}},
};

const tn_fact_row sample_facts[SAMPLE_FACTS] = {
    {26, TN_FACT_TEXT, 27},
    {28, TN_FACT_UINT, UINT64_MAX - 1},
    {29, TN_FACT_UINT, 0},
    {30, TN_FACT_DOUBLE, 0x3ff8000000000000} /* 1.5 */,
    {31, TN_FACT_INT, UINT64_MAX} /* -1 */,
    {15, TN_FACT_TEXT, 32},
};

/* handle: 2 units on line 10, 3 units on line 12. */
const sample_code sample_codes[SAMPLE_CODES] = {
    {22, 23, 24, 10, 7, {0x80 | 10 << 3 | 1, 0, 4, 0x80 | 12 << 3 | 2, 4, 9, 0x80 | 15 << 3}},
    {25, 25, 24, 1, 0, {0}},
};

/* The outer frame's line is recorded, the inner one's follows from its instruction. */
const tn_stack_row sample_stacks[SAMPLE_STACKS] = {{0, 1, 40, 77}, {1, 0, 6, 0}};

const tn_time_row sample_times[SAMPLE_TIMES] = {
    {1000000000, 8192, UINT64_MAX, {700, 10, 2}, 1},
    {2000000000, 5368709120, 4096, {0, 0, 0}, 3},
    {4000000001, UINT64_MAX, 0, {UINT32_MAX, UINT32_MAX, UINT32_MAX}, UINT32_MAX},
};

const tn_seen_row sample_seen[SAMPLE_SEEN] = {
    {0, TN_SEEN_STATIC, 0, 2}, {0, TN_SEEN_OBJECT, 1, 1}, {1, TN_SEEN_STACK, 0, 1}};

const tn_site_row sample_sites[SAMPLE_SITES] = {
    {2, TN_SITE_OBJ, 5 << 20, 1ll << 40, 7, 6 << 20, 5 << 20, 3.5, 1e9, 0.25, 3},
    {0, TN_SITE_TRACKED | 389047, 0, 0, 0, 0, 0, 0, 0, 0, 0},
};

/* A call tree's two entries, and what is lost; the thread and the task have any names. */
const tn_sample_row sample_samples[SAMPLE_SAMPLES] = {
    {2, 22, 25, TN_SAMPLE_RUNNING | TN_SAMPLE_LOCK, 30, 300000000, 290000000},
    {1, 22, 25, TN_SAMPLE_LOCK, 10, 100000000, 1},
    {0, 23, 22, 0, 1, 1ull << 40, 0},
};

/* An own block with a header, a buffer, one that two domains know, and one of no object. */
const sample_trace sample_traces[SAMPLE_TRACES] = {
    {0x7f0000000030, 48, 0, 3, 1, TN_TRACE_OWN, 1 << 19},
    {0x7f0000050000, 5368709120, 0, 1ull << 40, 1, TN_TRACE_BUFFER + TN_BUFFER_ITEMS, 1 << 19},
    {0x7f0000100000, 24, 0, 7, 4, TN_TRACE_OWN, 1 << 19},
    {0x7f0000100000, 24, 1, 0, 0, TN_TRACE_NONE, 0},
    {0x7f0000400000, 0, 1, 0, 0, TN_TRACE_NONE, 0},
};

/* Records of TRAK: beginning, texts, a rule, a class with an instance, what it took at a moment, and of what parts. */
const uint32_t sample_tracked[SAMPLE_TRACKED_WORDS] = {
    [0] = 0,    32,         5,
    0,          100,        0,
    900,        0,          UINT32_MAX,
    UINT32_MAX, [10] = 1,   24,
    2,          8,          0,
    0x2e707061, 0x65646f4e, /* "app.Node" and "" */
    [18] = 2,   16,         1,
    0,          2,          TN_TRACKED_KEEP,
    [24] = 3,   376,        1,
    0,          0,          0,
    1, /* born */
    [120] = 5,  56,         7,
    0,          150,        0,
    UINT32_MAX, UINT32_MAX, 4096,
    0,          0,          2,
    0,          0,          0,
    1,          [136] = 6,  152,
    3,          0,          5,
    0,          200,        0,
    9,          0,          4,
    0,          1 << 20,    0,
    4096,       0,          [152] = UINT32_MAX,
    UINT32_MAX, UINT32_MAX, UINT32_MAX,
    500,        [164] = 2,  1,
    [166] = 0,  0,          1,
    0,          500,        0,
    48,         0,          600,
    [176] = 7,  40,         1,
    0,          7,          0,
    48,         0,          500,
    0,          600,        [188] = 8,
    40,         7,          0,
    1,          0,          0,
    2,          1,          3,
    500,
};

/* ---- writing ---- */

static void add(tn_buf *b, const void *bytes, size_t n)
{
    if (tn__buf_append(b, bytes, n) < 0)
        abort();
}

static int put_table(tn_writer *w, const char *id, tn_buf *b, uint64_t rows, tn_error *err)
{
    int status = tn_writer_table(w, id, b->data, b->size, rows, err);
    b->size = 0;
    return status;
}

static int put_types(tn_writer *w, tn_buf *b, tn_error *err)
{
    for (unsigned i = 0; i < SAMPLE_TYPES; i++)
        add(b, &sample_types[i], 36 + 4 * sample_types[i].n_mro);
    return put_table(w, "TYPE", b, SAMPLE_TYPES, err);
}

static int put_shapes(tn_writer *w, tn_buf *b, tn_error *err)
{
    for (unsigned i = 0; i < SAMPLE_SHAPES; i++) {
        const sample_shape *s = &sample_shapes[i];
        add(b, s, 12);
        for (unsigned k = 0; k < s->n_fixed; k++) {
            uint32_t words[2] = {s->labels[k].name, s->labels[k].style + 256 * s->labels[k].kind};
            add(b, words, sizeof words);
        }
    }
    return put_table(w, "SHTB", b, SAMPLE_SHAPES, err);
}

static int put_addresses(tn_writer *w, tn_buf *b, tn_error *err)
{
    tn_region_row row = {0};
    uint64_t rows = 0;
    for (unsigned i = 0; i <= SAMPLE_OBJECTS; i++) {
        uint64_t address = sample_nodes[i].address;
        if (rows && (i == SAMPLE_OBJECTS || address >> TN_REGION_SHIFT != row.region))
            add(b, &row, sizeof row);
        if (i == SAMPLE_OBJECTS)
            break;
        if (!rows || address >> TN_REGION_SHIFT != row.region) {
            memset(&row, 0, sizeof row);
            row.region = address >> TN_REGION_SHIFT;
            rows++;
        }
        row.bits[address >> 10 & 1023] |= 1ull << (address >> 4 & 63);
    }
    return put_table(w, "ADDR", b, rows, err);
}

static int put_column(tn_writer *w, const char *id, const uint64_t *values, size_t n, unsigned transform, tn_error *err)
{
    uint64_t scratch[SAMPLE_NODES * SAMPLE_MAX_REFERENCES];
    memcpy(scratch, values, n * sizeof *values);
    return tn_writer_column(w, id, scratch, 8, n, transform, err);
}

static int put_traces(tn_writer *w, tn_error *err)
{
    enum { COLUMNS = sizeof(sample_trace) / sizeof(uint64_t) };
    static const char *const ids[COLUMNS] = {"TADR", "TBYT", "TSIT", "TBIR", "TNOD", "TKND", "TINT"};
    for (unsigned c = 0; c < COLUMNS; c++) {
        uint64_t values[SAMPLE_TRACES];
        for (unsigned i = 0; i < SAMPLE_TRACES; i++)
            memcpy(&values[i], (const char *)&sample_traces[i] + 8 * c, 8);
        TN_TRY(put_column(w, ids[c], values, SAMPLE_TRACES, c % 4, err));
    }
    return tn_writer_table(w, "SITE", sample_sites, sizeof sample_sites, SAMPLE_SITES, err);
}

static int put_columns(tn_writer *w, tn_error *err)
{
    enum { AODD, SHAP, SIZE, REFC, FLAG, DEGR, REFS, LENG, CAPA, BUFS, BUFK, HASH, STKI, N };
    static const char *const ids[N] = {"AODD", "SHAP", "SIZE", "REFC", "FLAG", "DEGR", "REFS",
                                       "LENG", "CAPA", "BUFS", "BUFK", "HASH", "STKI"};
    static const unsigned transforms[N] = {1, 0, 2, 0, 0, 3, 3, 1, 0, 2, 0, 2, 0};
    uint64_t v[N][SAMPLE_NODES * SAMPLE_MAX_REFERENCES];
    size_t n[N] = {0};
    for (unsigned i = 0; i < SAMPLE_NODES; i++) {
        const sample_node *node = &sample_nodes[i];
        const sample_shape *shape = &sample_shapes[node->shape];
        if (node->address & 8)
            v[AODD][n[AODD]++] = i;
        v[SHAP][n[SHAP]++] = node->shape;
        v[SIZE][n[SIZE]++] = node->size;
        v[REFC][n[REFC]++] = node->refcount;
        v[FLAG][n[FLAG]++] = node->flags | node->n_buffers << 8;
        if (shape->flags & TN_RUN_STYLE)
            v[DEGR][n[DEGR]++] = node->n_references - shape->n_fixed;
        for (unsigned k = 0; k < node->n_references; k++)
            v[REFS][n[REFS]++] = node->references[k];
        if (shape->flags & TN_SHAPE_LENGTH)
            v[LENG][n[LENG]++] = node->length;
        if (shape->flags & TN_SHAPE_CAPACITY)
            v[CAPA][n[CAPA]++] = node->capacity;
        for (unsigned k = 0; k < node->n_buffers; k++) {
            v[BUFS][n[BUFS]++] = node->buffers[k].size;
            v[BUFK][n[BUFK]++] = node->buffers[k].kind;
        }
        if (shape->flags & TN_SHAPE_HASH)
            v[HASH][n[HASH]++] = node->hash;
        if (shape->flags & TN_SHAPE_STACK)
            v[STKI][n[STKI]++] = node->stack;
    }
    for (unsigned i = 0; i < N; i++)
        TN_TRY(put_column(w, ids[i], v[i], n[i], transforms[i], err));
    return put_traces(w, err);
}

static int put_previews(tn_writer *w, tn_buf *b, tn_error *err)
{
    uint64_t rows = 0;
    for (unsigned pass = 0; pass < 4; pass++)
        for (uint32_t i = 0; i < SAMPLE_NODES; i++) {
            const sample_node *node = &sample_nodes[i];
            if (!node->preview)
                continue;
            rows += pass == 0;
            if (pass == 0)
                add(b, &i, sizeof i);
            else if (pass == 1)
                add(b, &node->preview_kind, 2);
            else if (pass == 2)
                add(b, &node->preview_length, 2);
            else
                add(b, node->preview, node->preview_length);
        }
    return put_table(w, "PREV", b, rows, err);
}

static int put_codes(tn_writer *w, tn_buf *b, tn_error *err)
{
    for (unsigned i = 0; i < SAMPLE_CODES; i++)
        add(b, &sample_codes[i], 20 + ((sample_codes[i].n_table + 3) & ~3u));
    TN_TRY(put_table(w, "CODE", b, SAMPLE_CODES, err));
    add(b, sample_stacks, sizeof sample_stacks);
    return put_table(w, "STAK", b, SAMPLE_STACKS, err);
}

static int put_strings(tn_writer *w, tn_error *err)
{
    tn_strtab tab;
    int status = tn__strtab_init(&tab, &tn__alloc_libc);
    for (uint32_t i = 0, index; i < SAMPLE_STRINGS && status == 0; i++)
        status = tn__strtab_add(&tab, sample_strings[i], strlen(sample_strings[i]), &index);
    if (status == 0)
        status = tn_writer_strings(w, &tab, err);
    tn__strtab_free(&tab);
    return status;
}

int sample_put(tn_writer *w, tn_error *err)
{
    tn_buf b;
    tn__buf_init(&b, &tn__alloc_libc);
    int status = put_types(w, &b, err);
    status = status < 0 ? status : put_shapes(w, &b, err);
    status = status < 0 ? status : put_addresses(w, &b, err);
    status = status < 0 ? status : put_columns(w, err);
    status = status < 0 ? status : put_previews(w, &b, err);
    status = status < 0 ? status : put_codes(w, &b, err);
    add(&b, sample_facts, sizeof sample_facts);
    status = status < 0 ? status : put_table(w, "FACT", &b, SAMPLE_FACTS, err);
    status = status < 0 ? status : tn_writer_table(w, "TIME", sample_times, sizeof sample_times, SAMPLE_TIMES, err);
    status =
        status < 0 ? status : tn_writer_table(w, "SAMP", sample_samples, sizeof sample_samples, SAMPLE_SAMPLES, err);
    status =
        status < 0 ? status : tn_writer_table(w, "TRAK", sample_tracked, sizeof sample_tracked, SAMPLE_TRACKED, err);
    status = status < 0 ? status : tn_writer_table(w, "SEEN", sample_seen, sizeof sample_seen, SAMPLE_SEEN, err);
    tn__buf_free(&b);
    return status < 0 ? status : put_strings(w, err);
}

uint8_t *sample_bytes(size_t *n)
{
    tn_error err = {0};
    tn_writer *w;
    int fd = memfd_create("sample", 0);
    if (fd < 0 || tn_writer_open_fd(fd, 1, &tn__alloc_libc, &w, &err) < 0 || sample_put(w, &err) < 0 ||
        tn_writer_commit(w, &err) < 0) {
        fprintf(stderr, "cannot write the sample: %s\n", err.message);
        abort();
    }
    *n = (size_t)lseek(fd, 0, SEEK_END);
    uint8_t *bytes = malloc(*n);
    if (!bytes || pread(fd, bytes, *n, 0) != (ssize_t)*n)
        abort();
    close(fd);
    return bytes;
}
