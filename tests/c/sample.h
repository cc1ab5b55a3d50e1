/* sample.h - a small snapshot with one of everything, as tables: what tests write, and what they expect to read. */
#ifndef TN_SAMPLE_H
#define TN_SAMPLE_H

#include "snapshot/writer.h"

enum { SAMPLE_NODES = 15, SAMPLE_OBJECTS = 9, SAMPLE_REFERENCES = 29, SAMPLE_MAX_REFERENCES = 8 };
enum { SAMPLE_THREAD = 11, SAMPLE_INNER_FRAME = 12, SAMPLE_OUTER_FRAME = 13, SAMPLE_ODD = 2, SAMPLE_LARGE = 1 };

typedef struct sample_buffer {
    uint8_t kind;
    uint64_t size;
} sample_buffer;

typedef struct sample_node {
    uint32_t shape;
    uint64_t address, size;
    uint32_t refcount, flags; /* without the number of buffers */
    uint64_t length, capacity, hash;
    uint32_t stack, n_buffers;
    sample_buffer buffers[3];
    uint32_t n_references;                      /* fixed ones and run */
    uint32_t references[SAMPLE_MAX_REFERENCES]; /* 0 absent, else 1 + node */
    uint16_t preview_kind, preview_length;
    const char *preview;
} sample_node;

typedef struct sample_label {
    uint32_t name, style, kind;
} sample_label;

typedef struct sample_shape {
    uint32_t type, flags, n_fixed;
    sample_label labels[4];
} sample_shape;

typedef struct sample_type {
    uint32_t name, module, flags, visitor, basic_size, item_size, node, base, n_mro, mro[3];
} sample_type;

typedef struct sample_code {
    uint32_t name, qualified_name, file, first_line, n_table;
    uint8_t table[16];
} sample_code;

enum {
    SAMPLE_TYPES = 12,
    SAMPLE_SHAPES = 12,
    SAMPLE_STRINGS = 35,
    SAMPLE_FACTS = 6,
    SAMPLE_CODES = 2,
    SAMPLE_STACKS = 2,
    SAMPLE_TIMES = 3,
    SAMPLE_SEEN = 3,
    SAMPLE_SITES = 2,
    SAMPLE_SAMPLES = 3,
    SAMPLE_TRACES = 5,
    SAMPLE_TRACKED = 8,
    SAMPLE_TRACKED_WORDS = 200
};
extern const sample_node sample_nodes[SAMPLE_NODES];
extern const sample_shape sample_shapes[SAMPLE_SHAPES];
extern const sample_type sample_types[SAMPLE_TYPES];
extern const char *const sample_strings[SAMPLE_STRINGS];
extern const tn_fact_row sample_facts[SAMPLE_FACTS];
extern const sample_code sample_codes[SAMPLE_CODES];
extern const tn_stack_row sample_stacks[SAMPLE_STACKS];
extern const tn_time_row sample_times[SAMPLE_TIMES];
extern const tn_seen_row sample_seen[SAMPLE_SEEN];
extern const tn_site_row sample_sites[SAMPLE_SITES];
extern const tn_sample_row sample_samples[SAMPLE_SAMPLES];
extern const uint32_t sample_tracked[SAMPLE_TRACKED_WORDS]; /* records, docs/format.md */
typedef struct sample_trace {
    uint64_t address, bytes, site, birth, node, kind, interval;
} sample_trace;
extern const sample_trace sample_traces[SAMPLE_TRACES];

int sample_put(tn_writer *w, tn_error *err); /* all chunks; without commit */

/* The whole file in memory; free() it. Ends the program when that fails. */
uint8_t *sample_bytes(size_t *n);

#endif
