/* record_model.h - what a recorder should say, worked out with plain arrays; and stacks for it to be told of.
 *
 * Nothing of the recorder is used here but recorded.h, to compare. Blocks are addresses only: nobody touches the memory.
 */
#ifndef TN_RECORD_MODEL_H
#define TN_RECORD_MODEL_H

#include "record/recorded.h"

enum { MODEL_STACKS = 150, MODEL_DEPTH = 12, MODEL_DOMAINS = 5, MODEL_BLOCKS = 4096, MODEL_CODE_OFFSET = 0x100 };

/* A stack, innermost frame first; text is "outermost+offset;…;innermost+offset". */
typedef struct model_stack {
    tn_walked frames[MODEL_DEPTH];
    uint32_t n;
    char text[MODEL_DEPTH * 24];
} model_stack;

typedef struct model_sums {
    int64_t live_bytes, live_count, allocated_bytes, allocated_count, temporary_bytes, temporary_count, peak_bytes;
    int64_t at_peak_bytes, at_peak_count;
} model_sums;

typedef struct model_block {
    uint64_t address, bytes, birth, thread_count; /* the how-manieth of its thread */
    unsigned stack, domain;
    bool is_there;
} model_block;

typedef struct model {
    model_stack stacks[MODEL_STACKS];
    unsigned domains[MODEL_DOMAINS]; /* as the recorder knows them */
    uint32_t numbers[MODEL_DOMAINS];
    model_sums sites[MODEL_STACKS][MODEL_DOMAINS];
    model_block blocks[MODEL_BLOCKS];
    uint64_t births, thread_count;
    int64_t live, peak;
} model;

extern const uint32_t model_tracked[2]; /* the numbers of the domains beyond the three */

bool model_describe(uint64_t code, tn_code_facts *facts);
void model_code_text(char *out, size_t cap, uint64_t code);
uint64_t model_random(uint64_t *state);
/* Random stacks, all different. Deep ones share what is outermost, as those of programs do. */
void model_make_stacks(model *m, uint64_t seed);
void model_begin(model *m);                                    /* after each start */
void model_walk(const model *m, tn_tracer *t, unsigned stack); /* as a hook would */

/* What happens, in the model alone. */
void model_alloc(model *m, model_block *b);
void model_free(model *m, model_block *b);
void model_resize(model *m, model_block *b, uint64_t address, uint64_t bytes);
void model_forget(model *m);
void model_reset_peak(model *m);

void model_stack_text(uint32_t stack, char *out, size_t cap); /* of a recorded one */
/* All that was recorded is freed: then the filter lets nothing through but code objects, and nothing when they are dead. */
void model_compare_filter(void);
void model_compare(const model *m); /* all that the recorder says, in mode exact; fails the test */

#endif
