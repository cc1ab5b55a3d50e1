/* site_names.c - which rows of tables of two snapshots are the same, by their names.
 *
 * Tracebacks go by numbers that stand for all their frames: to write them out would take a line for each frame of each stack.
 */
#include "analysis/sites.h"

#include <string.h>

/* A frame, and what it was called from: the same in both snapshots where all frames are. */
typedef struct tn_call {
    uint32_t caller; /* 1 + number; 0: none */
    uint32_t file, name, line;
} tn_call;

int tn__naming_init(tn_naming *x, const tn_alloc *a, bool alone)
{
    tn_strtab *tables[] = {&x->rows, &x->texts, &x->calls};
    *x = (tn_naming){.alone = alone, .words.alloc = a};
    tn__buf_init(&x->label, a);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        TN_TRY(tn__strtab_init(tables[i], a));
    return TN_OK;
}

void tn__naming_free(tn_naming *x)
{
    tn__strtab_free(&x->rows);
    tn__strtab_free(&x->texts);
    tn__strtab_free(&x->calls);
    tn__map_free(&x->words);
    tn__buf_free(&x->label);
}

static int added(tn_strtab *table, const void *key, size_t n, uint32_t *number, tn_error *err)
{
    int status = tn__strtab_add(table, key, n, number);
    if (status == TN_ELIMIT)
        return tn__error_set(err, status, 0, "names of rows take more than 4 GiB");
    return status < 0 ? tn__error_set(err, status, 0, "out of memory") : TN_OK;
}

/* Each string is looked at once. */
static int word_of(tn_naming *x, const char *text, uint32_t *number, tn_error *err)
{
    uint32_t *value;
    TN_TRY(tn__map_slot(&x->words, (uint64_t)(uintptr_t)text, &value, err));
    if (!*value) {
        TN_TRY(added(&x->texts, text, strlen(text), number, err));
        *value = *number + 1;
    }
    *number = *value - 1;
    return TN_OK;
}

int tn__naming_stacks(tn_naming *x, tn_snapshot *s, uint32_t *numbers, tn_error *err)
{
    uint32_t n;
    TN_TRY(tn__snapshot_n_stacks(s, &n, err));
    numbers[0] = 0;
    for (uint32_t i = 1; i <= n; i++) {
        tn_stack_entry e;
        TN_TRY(tn__snapshot_stack(s, i, &e, err));
        tn_call call = {.caller = numbers[e.parent], .line = e.line};
        TN_TRY(word_of(x, e.file, &call.file, err));
        TN_TRY(word_of(x, e.qualified_name, &call.name, err));
        TN_TRY(added(&x->calls, &call, sizeof call, &numbers[i], err));
        numbers[i]++;
    }
    return TN_OK;
}

int tn__naming_row(tn_naming *x, const uint32_t *stack, uint32_t *row, tn_error *err)
{
    if (stack)
        return added(&x->rows, stack, sizeof *stack, row, err);
    return added(&x->rows, x->label.data, x->label.size - 1, row, err);
}
