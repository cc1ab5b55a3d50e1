/* records.c - previews and the call tree: parsed and checked when first asked for. */
#include "snapshot/snapshot.h"

#include "stacks/linetable.h"

#include <stdlib.h>
#include <string.h>

/* ---- previews ---- */

static bool preview_is_possible(uint16_t kind, uint16_t length)
{
    switch (kind & ~TN_PREVIEW_CUT) {
    case TN_PREVIEW_TEXT:
    case TN_PREVIEW_BYTES:
    case TN_PREVIEW_NAME: return true;
    case TN_PREVIEW_INT:
    case TN_PREVIEW_FLOAT: return length == 8;
    case TN_PREVIEW_BIGINT: return length == 9;
    case TN_PREVIEW_COMPLEX: return length == 16;
    default: return false;
    }
}

/* Payload of a chunk: node numbers, kinds, lengths, then the bytes of all. */
int tn__preview_block(tn_snapshot *s, size_t k, unsigned slot, tn_preview_block *out, tn_error *err)
{
    const tn_chunk *c = tn__chunk_at(s, TN_ID_PREV, k);
    const uint8_t *payload;
    if (!c)
        return TN_ENOTFOUND;
    TN_TRY(tn__rows_fit(s, TN_ID_PREV, 8, err));
    TN_TRY(tn__chunk_load(s, c, slot, &payload, err));
    size_t n = c->h.n_rows, n_bytes = c->h.raw_bytes - 8 * n, sum = 0;
    tn_preview_block b = {.n = (uint32_t)n,
                          .nodes = (const void *)payload,
                          .kinds = (const void *)(payload + 4 * n),
                          .lengths = (const void *)(payload + 6 * n),
                          .bytes = payload + 8 * n};
    for (size_t i = 0; i < n; i++) {
        if (b.nodes[i] >= s->n_nodes || (i && b.nodes[i] <= b.nodes[i - 1]))
            return tn__corrupt(err, c->offset, "its previews are not in ascending order of nodes");
        if (!preview_is_possible(b.kinds[i], b.lengths[i]))
            return tn__corrupt(err, c->offset, "the preview of node %u has kind %u and %u bytes", b.nodes[i],
                               b.kinds[i], b.lengths[i]);
        if (b.lengths[i] > n_bytes - sum)
            return tn__corrupt(err, c->offset, "the preview of node %u runs over the end of its chunk", b.nodes[i]);
        sum += b.lengths[i];
    }
    if (sum != n_bytes)
        return tn__corrupt(err, c->offset, "bytes are left over behind its previews");
    *out = b;
    return 0;
}

static int keep_previews(tn_snapshot *s, size_t k, tn_error *err)
{
    tn_preview_block b;
    TN_TRY(tn__preview_block(s, k, TN_SLOT_LOAD, &b, err));
    const tn_chunk *c = tn__chunk_at(s, TN_ID_PREV, k);
    size_t first = c->h.first_row, n_bytes = c->h.raw_bytes - 8 * (size_t)b.n;
    if (b.n && first && b.nodes[0] <= s->previews.nodes[first - 1])
        return tn__corrupt(err, c->offset, "its previews are not in ascending order of nodes");
    uint8_t *bytes = tn__arena_get(&s->previews.arena, n_bytes);
    if (!bytes)
        return tn__no_memory(s, err);
    memcpy(bytes, b.bytes, n_bytes);
    memcpy(s->previews.nodes + first, b.nodes, 4 * (size_t)b.n);
    memcpy(s->previews.kinds + first, b.kinds, 2 * (size_t)b.n);
    memcpy(s->previews.lengths + first, b.lengths, 2 * (size_t)b.n);
    for (size_t i = 0; i < b.n; i++) {
        s->previews.bytes[first + i] = bytes;
        bytes += b.lengths[i];
    }
    return 0;
}

static int load_previews(tn_snapshot *s, tn_error *err)
{
    TN_TRY(tn__rows_fit(s, TN_ID_PREV, 8, err));
    uint64_t n = tn__chunk_rows(s, TN_ID_PREV);
    s->previews.nodes = tn__arena_get(&s->previews.arena, n * sizeof *s->previews.nodes);
    s->previews.kinds = tn__arena_get(&s->previews.arena, n * sizeof *s->previews.kinds);
    s->previews.lengths = tn__arena_get(&s->previews.arena, n * sizeof *s->previews.lengths);
    s->previews.bytes = tn__arena_get(&s->previews.arena, n * sizeof *s->previews.bytes);
    if (!s->previews.nodes || !s->previews.kinds || !s->previews.lengths || !s->previews.bytes)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_PREV); k++)
        TN_TRY(keep_previews(s, k, err));
    s->previews.n = n;
    return 0;
}

int tn__previews_load(tn_snapshot *s, tn_error *err)
{
    if (s->previews.loaded)
        return 0;
    int status = load_previews(s, err);
    s->previews.loaded = status == 0;
    if (status < 0)
        tn__arena_free(&s->previews.arena);
    return status;
}

int tn__snapshot_preview(tn_snapshot *s, uint32_t id, tn_preview *out, tn_error *err)
{
    TN_TRY(tn__previews_load(s, err));
    uint64_t low = 0, high = s->previews.n;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (s->previews.nodes[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    *out = (tn_preview){0};
    if (low < s->previews.n && s->previews.nodes[low] == id)
        *out = (tn_preview){s->previews.kinds[low], s->previews.lengths[low], s->previews.bytes[low]};
    return 0;
}

/* ---- call tree ---- */

static int parse_code(tn_snapshot *s, const uint8_t **at, const uint8_t *end, tn_code *code, uint64_t offset,
                      tn_error *err)
{
    struct {
        uint32_t name, qualified_name, file, first_line, n_table;
    } row;
    if ((size_t)(end - *at) < sizeof row)
        return tn__corrupt(err, offset, "its code table ends early");
    memcpy(&row, *at, sizeof row);
    *at += sizeof row;
    uint64_t padded = ((uint64_t)row.n_table + 3) & ~3ull;
    if (padded > (uint64_t)(end - *at))
        return tn__corrupt(err, offset, "a line table runs over the end of its chunk");
    uint8_t *table = tn__arena_get(&s->stacks.arena, row.n_table);
    if (!table)
        return tn__no_memory(s, err);
    memcpy(table, *at, row.n_table);
    *at += padded;
    TN_TRY(tn__string_check(s, row.name, offset, err));
    TN_TRY(tn__string_check(s, row.qualified_name, offset, err));
    TN_TRY(tn__string_check(s, row.file, offset, err));
    *code = (tn_code){
        s->strings[row.name], s->strings[row.qualified_name], s->strings[row.file], row.first_line, row.n_table, table};
    return 0;
}

static int load_codes(tn_snapshot *s, tn_error *err)
{
    uint32_t at = 0;
    TN_TRY(tn__rows_fit(s, TN_ID_CODE, 20, err));
    s->stacks.n_codes = (uint32_t)tn__chunk_rows(s, TN_ID_CODE);
    s->stacks.codes = tn__arena_get(&s->stacks.arena, s->stacks.n_codes * sizeof *s->stacks.codes);
    if (!s->stacks.codes)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_CODE); k++) {
        const tn_chunk *c = tn__chunk_at(s, TN_ID_CODE, k);
        const uint8_t *p, *end;
        TN_TRY(tn__chunk_load(s, c, TN_SLOT_LOAD, &p, err));
        end = p + c->h.raw_bytes;
        for (uint64_t i = 0; i < c->h.n_rows; i++)
            TN_TRY(parse_code(s, &p, end, &s->stacks.codes[at++], c->offset, err));
        if (p != end)
            return tn__corrupt(err, c->offset, "bytes are left over behind its code table");
    }
    return 0;
}

/* An entry without a line of its own, as those of files of before 1.3. */
typedef struct tn_lineless {
    uint32_t code, instruction, row;
} tn_lineless;

static int by_instruction(const void *left, const void *right)
{
    const tn_lineless *a = left, *b = right;
    if (a->code != b->code)
        return a->code < b->code ? -1 : 1;
    return a->instruction < b->instruction ? -1 : a->instruction > b->instruction;
}

/* Each line table is read once, however many entries need it. */
static int find_lines(tn_snapshot *s, tn_stack_row *rows, uint32_t n, tn_error *err)
{
    const tn_code *codes = s->stacks.codes;
    size_t n_all = 0, at = 0;
    for (uint32_t i = 0; i < n; i++)
        n_all += !rows[i].line && codes[rows[i].code].n_table;
    tn_lineless *all = n_all ? tn__alloc(&s->alloc, n_all * sizeof *all) : NULL;
    if (n_all && !all)
        return tn__no_memory(s, err);
    for (uint32_t i = 0; i < n; i++)
        if (!rows[i].line && codes[rows[i].code].n_table)
            all[at++] = (tn_lineless){rows[i].code, rows[i].instruction, i};
    if (n_all)
        qsort(all, n_all, sizeof *all, by_instruction);
    tn_linetable t = {0};
    for (size_t i = 0; i < n_all; i++) {
        const tn_code *code = &codes[all[i].code];
        if (!i || all[i].code != all[i - 1].code)
            t = tn__linetable(code->table, code->n_table, code->first_line);
        rows[all[i].row].line = tn__linetable_next(&t, all[i].instruction);
    }
    tn__free(&s->alloc, all, n_all * sizeof *all);
    return 0;
}

static int load_stacks(tn_snapshot *s, tn_error *err)
{
    TN_TRY(load_codes(s, err));
    TN_TRY(tn__rows_fit(s, TN_ID_STAK, sizeof(tn_stack_row), err));
    uint32_t n = (uint32_t)tn__chunk_rows(s, TN_ID_STAK);
    s->stacks.rows = tn__arena_get(&s->stacks.arena, n * sizeof *s->stacks.rows);
    if (!s->stacks.rows)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_STAK); k++) {
        const tn_chunk *c = tn__chunk_at(s, TN_ID_STAK, k);
        const uint8_t *payload;
        TN_TRY(tn__chunk_load(s, c, TN_SLOT_LOAD, &payload, err));
        if (c->h.raw_bytes != c->h.n_rows * sizeof(tn_stack_row))
            return tn__corrupt(err, c->offset, "bytes are left over behind its call tree");
        memcpy(s->stacks.rows + c->h.first_row, payload, c->h.raw_bytes);
    }
    for (uint32_t i = 0; i < n; i++)
        if (s->stacks.rows[i].parent > i || s->stacks.rows[i].code >= s->stacks.n_codes)
            return tn__corrupt(err, 0, "entry %u of its call tree has parent %u and code %u of %u", i,
                               s->stacks.rows[i].parent, s->stacks.rows[i].code, s->stacks.n_codes);
    TN_TRY(find_lines(s, s->stacks.rows, n, err));
    s->stacks.n = n;
    return 0;
}

int tn__stacks_load(tn_snapshot *s, tn_error *err)
{
    if (s->stacks.loaded)
        return 0;
    int status = load_stacks(s, err);
    s->stacks.loaded = status == 0;
    if (status < 0)
        tn__arena_free(&s->stacks.arena);
    return status;
}

int tn__snapshot_n_stacks(tn_snapshot *s, uint32_t *n, tn_error *err)
{
    TN_TRY(tn__stacks_load(s, err));
    *n = s->stacks.n;
    return TN_OK;
}

int tn__snapshot_stack(tn_snapshot *s, uint32_t entry, tn_stack_entry *out, tn_error *err)
{
    TN_TRY(tn__stacks_load(s, err));
    if (entry == 0 || entry > s->stacks.n)
        return tn__error_set(err, TN_EINVAL, 0, "the call tree has no entry %u", entry);
    const tn_stack_row *row = &s->stacks.rows[entry - 1];
    const tn_code *code = &s->stacks.codes[row->code];
    *out = (tn_stack_entry){row->parent, row->line, code->name,      code->qualified_name,
                            code->file,  row->code, code->first_line};
    return 0;
}

void tn__records_free(tn_snapshot *s)
{
    tn__arena_free(&s->previews.arena);
    tn__arena_free(&s->stacks.arena);
}
