/* calltree.c - CODE and STAK: what threads run, and what others bring who have recorded stacks. */
#include "engine/walk.h"

#include "stacks/linetable.h"

uint32_t tn_walk_add_code(tn_walk *w, const uint32_t words[TN_CODE_WORDS], const void *table)
{
    static const uint8_t zeros[4];
    uint32_t n_table = words[TN_CODE_WORDS - 1];
    if (tn__buf_append(&w->code_rows, words, TN_CODE_WORDS * sizeof *words) < 0 ||
        tn__buf_append(&w->code_rows, table, n_table) < 0 || tn__buf_append(&w->code_rows, zeros, -n_table & 3) < 0)
        w->status = TN_ENOMEM;
    return w->n_codes++;
}

uint32_t tn_walk_add_stack(tn_walk *w, uint32_t parent, uint32_t code, uint32_t instruction)
{
    tn_stack_row *s = tn__list_add(w, &w->stacks, sizeof *s, 1);
    if (!s)
        return 0;
    *s = (tn_stack_row){parent, code, instruction, 0};
    return (uint32_t)w->stacks.count;
}

void tn_walk_calltree(const tn_walk *w, uint32_t *n_codes, uint32_t *n_stacks)
{
    *n_codes = w->n_codes;
    *n_stacks = (uint32_t)w->stacks.count;
}

static const uint8_t *next_code(const uint8_t *row)
{
    uint32_t n;
    memcpy(&n, row + 4 * (TN_CODE_WORDS - 1), sizeof n);
    return row + 4 * TN_CODE_WORDS + ((n + 3) & ~3u);
}

static uint32_t line_of(const uint8_t *row, uint32_t instruction)
{
    uint32_t words[TN_CODE_WORDS];
    memcpy(words, row, sizeof words);
    return tn__linetable_line(row + sizeof words, words[4], words[3], instruction);
}

/* Once here, so that no reader has to for each entry that it shows. */
static int find_lines(tn_walk *w, tn_error *err)
{
    const uint8_t **codes = tn__alloc(w->alloc, w->n_codes * sizeof *codes), *at = w->code_rows.data;
    if (!codes)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    for (uint32_t i = 0; i < w->n_codes; i++, at = next_code(at))
        codes[i] = at;
    tn_stack_row *rows = TN_LIST(w->stacks, tn_stack_row);
    for (size_t i = 0; i < w->stacks.count; i++)
        rows[i].line = line_of(codes[rows[i].code], rows[i].instruction);
    tn__free(w->alloc, codes, w->n_codes * sizeof *codes);
    return 0;
}

static int save_codes(tn_walk *w, tn_writer *writer, tn_error *err)
{
    const uint8_t *start = w->code_rows.data, *end = start + w->code_rows.size;
    while (start < end) {
        const uint8_t *at = start;
        uint64_t rows = 0;
        for (; at < end && at - start < TN_CHUNK_MAX_RAW / 2; rows++)
            at = next_code(at);
        TN_TRY(tn_writer_table(writer, "CODE", start, (size_t)(at - start), rows, err));
        start = at;
    }
    return 0;
}

int tn__calltree_save(tn_walk *w, tn_writer *writer, tn_error *err)
{
    const size_t most = 1 << 19;
    if (w->status < 0)
        return tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
    if (!w->n_codes)
        return 0;
    TN_TRY(find_lines(w, err));
    TN_TRY(save_codes(w, writer, err));
    const tn_stack_row *rows = TN_LIST(w->stacks, tn_stack_row);
    for (size_t i = 0; i < w->stacks.count; i += most) {
        size_t n = w->stacks.count - i < most ? w->stacks.count - i : most;
        TN_TRY(tn_writer_table(writer, "STAK", rows + i, n * sizeof *rows, n, err));
    }
    return 0;
}
