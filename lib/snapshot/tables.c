/* tables.c - strings, types, shapes, facts: parsed and checked at open; previews and stacks: when first asked for. */
#include "snapshot/snapshot.h"

#include "stacks/linetable.h"

#include <string.h>

/* ---- words ---- */

typedef struct words {
    const uint8_t *at, *end;
    uint64_t offset;
} words;

static bool word(words *w, uint32_t *out)
{
    if (w->end - w->at < 4)
        return false;
    memcpy(out, w->at, 4);
    w->at += 4;
    return true;
}

static bool n_words(words *w, uint32_t *out, uint64_t n)
{
    if ((uint64_t)(w->end - w->at) / 4 < n)
        return false;
    if (n)
        memcpy(out, w->at, n * 4);
    w->at += n * 4;
    return true;
}

/* Rows of a table: announced, but never more than its bytes can hold at row_bytes each. */
static int table_rows(tn_snapshot *s, const char *id, uint64_t row_bytes, uint64_t *rows, tn_error *err)
{
    const tn_chunk *c;
    *rows = 0;
    for (size_t k = 0; (c = tn__chunk_of(s, id, k)); k++) {
        if (c->h.n_rows > c->h.raw_bytes / row_bytes || *rows + c->h.n_rows >= TN_NONE)
            return tn__corrupt(err, c->offset, "chunk %s announces rows that it cannot hold", id);
        *rows += c->h.n_rows;
    }
    return 0;
}

/* ---- strings ---- */

static int parse_strings(tn_snapshot *s, const tn_chunk *c, uint32_t first, tn_error *err)
{
    TN_TRY(tn__chunk_payload(s, c, &s->slots[4], err));
    words lengths = {s->slots[4].data, s->slots[4].data + s->slots[4].size, c->offset};
    const uint8_t *at = lengths.at + 4 * c->h.n_rows;
    for (uint64_t i = 0; i < c->h.n_rows; i++) {
        uint32_t n;
        if (!word(&lengths, &n) || at > lengths.end || n > (uint64_t)(lengths.end - at))
            return tn__corrupt(err, c->offset, "its strings run over the end of their chunk");
        s->strings[first + i] = tn__arena_text(&s->arena, (const char *)at, n);
        s->string_bytes[first + i] = n;
        if (!s->strings[first + i])
            return tn__no_memory(s, err);
        at += n;
    }
    return at == lengths.end ? 0 : tn__corrupt(err, c->offset, "bytes are left over behind its strings");
}

static int load_strings(tn_snapshot *s, tn_error *err)
{
    uint64_t n, at = 0;
    const tn_chunk *c;
    TN_TRY(table_rows(s, "STRS", 4, &n, err));
    s->strings = tn__arena_get(&s->arena, n * sizeof *s->strings);
    s->string_bytes = tn__arena_get(&s->arena, n * sizeof *s->string_bytes);
    if (!s->strings || !s->string_bytes)
        return tn__no_memory(s, err);
    for (size_t k = 0; (c = tn__chunk_of(s, "STRS", k)); at += c->h.n_rows, k++)
        TN_TRY(parse_strings(s, c, (uint32_t)at, err));
    s->n_strings = (uint32_t)n;
    return 0;
}

static int string_at(const tn_snapshot *s, uint32_t index, const char **out, uint64_t offset, tn_error *err)
{
    if (index >= s->n_strings)
        return tn__corrupt(err, offset, "it names string %u of %u", index, s->n_strings);
    *out = s->strings[index];
    return 0;
}

const char *tn__snapshot_string(tn_snapshot *s, uint32_t index)
{
    return index < s->n_strings ? s->strings[index] : NULL;
}

/* ---- types ---- */

static int full_name(tn_snapshot *s, tn_type *t, tn_error *err)
{
    t->full_name = t->name;
    if (!t->module || strcmp(t->module, "builtins") == 0)
        return 0;
    size_t a = strlen(t->module), b = strlen(t->name);
    char *name = tn__arena_get(&s->arena, a + b + 2);
    if (!name)
        return tn__no_memory(s, err);
    memcpy(name, t->module, a);
    name[a] = '.';
    memcpy(name + a + 1, t->name, b + 1);
    t->full_name = name;
    return 0;
}

static int parse_type(tn_snapshot *s, words *w, tn_type *t, tn_error *err)
{
    enum { MODULE = 1, FLAGS, VISITOR, BASIC, ITEM, NODE, BASE, N_MRO, WORDS };
    uint32_t row[WORDS];
    if (!n_words(w, row, WORDS) || row[N_MRO] > (uint64_t)(w->end - w->at) / 4)
        return tn__corrupt(err, w->offset, "its type table ends early");
    uint32_t *mro = tn__arena_get(&s->arena, row[N_MRO] * sizeof *mro + 8);
    if (!mro)
        return tn__no_memory(s, err);
    n_words(w, mro, row[N_MRO]);
    for (uint32_t i = 0; i < row[N_MRO]; i++)
        if (mro[i] >= s->n_types)
            return tn__corrupt(err, w->offset, "a type's base is type %u of %u", mro[i], s->n_types);
    if ((row[BASE] != TN_NONE && row[BASE] >= s->n_types) || (row[NODE] != TN_NONE && row[NODE] >= s->n_nodes) ||
        row[VISITOR] > TN_VISIT_NOT)
        return tn__corrupt(err, w->offset, "a row of its type table points outside the file's tables");
    *t = (tn_type){.flags = row[FLAGS], .visitor = row[VISITOR], .basic_size = row[BASIC], .item_size = row[ITEM],
                   .node = row[NODE], .base = row[BASE], .n_mro = row[N_MRO], .mro = mro};
    TN_TRY(string_at(s, row[0], &t->name, w->offset, err));
    if (row[MODULE] != TN_NONE)
        TN_TRY(string_at(s, row[MODULE], &t->module, w->offset, err));
    return full_name(s, t, err);
}

static int load_types(tn_snapshot *s, tn_error *err)
{
    uint64_t n, at = 0;
    const tn_chunk *c;
    TN_TRY(table_rows(s, "TYPE", 36, &n, err));
    s->types = tn__arena_get(&s->arena, n * sizeof *s->types);
    if (!s->types)
        return tn__no_memory(s, err);
    s->n_types = (uint32_t)n;
    for (size_t k = 0; (c = tn__chunk_of(s, "TYPE", k)); k++) {
        TN_TRY(tn__chunk_payload(s, c, &s->slots[4], err));
        words w = {s->slots[4].data, s->slots[4].data + s->slots[4].size, c->offset};
        for (uint64_t i = 0; i < c->h.n_rows; i++)
            TN_TRY(parse_type(s, &w, &s->types[at++], err));
        if (w.at != w.end)
            return tn__corrupt(err, c->offset, "bytes are left over behind its types");
    }
    return 0;
}

/* ---- shapes ---- */

static int parse_shape(tn_snapshot *s, words *w, tn_shape *shape, tn_error *err)
{
    uint32_t row[3];
    if (!n_words(w, row, 3) || row[2] > (uint64_t)(w->end - w->at) / 8)
        return tn__corrupt(err, w->offset, "its shape table ends early");
    uint32_t *labels = tn__arena_get(&s->arena, 8 * (size_t)row[2] + 8);
    if (!labels)
        return tn__no_memory(s, err);
    n_words(w, labels, 2 * (uint64_t)row[2]);
    if (row[0] >= s->n_types || (row[1] & TN_RUN_STYLE) > TN_RUN_STACK || (row[1] >> TN_RUN_KIND_SHIFT & 15) > TN_REF_GUESSED)
        return tn__corrupt(err, w->offset, "a row of its shape table is not possible");
    for (uint32_t i = 0; i < row[2]; i++)
        if (labels[2 * i] >= s->n_strings || (labels[2 * i + 1] & 255) > TN_LABEL_ROOT ||
            labels[2 * i + 1] >> 8 > TN_REF_GUESSED)
            return tn__corrupt(err, w->offset, "a label of its shape table is not possible");
    *shape = (tn_shape){row[0], row[1], row[2], labels};
    return 0;
}

static int load_shapes(tn_snapshot *s, tn_error *err)
{
    uint64_t n, at = 0;
    const tn_chunk *c;
    TN_TRY(table_rows(s, "SHTB", 12, &n, err));
    s->shapes = tn__arena_get(&s->arena, n * sizeof *s->shapes);
    if (!s->shapes)
        return tn__no_memory(s, err);
    s->n_shapes = (uint32_t)n;
    for (size_t k = 0; (c = tn__chunk_of(s, "SHTB", k)); k++) {
        TN_TRY(tn__chunk_payload(s, c, &s->slots[4], err));
        words w = {s->slots[4].data, s->slots[4].data + s->slots[4].size, c->offset};
        for (uint64_t i = 0; i < c->h.n_rows; i++)
            TN_TRY(parse_shape(s, &w, &s->shapes[at++], err));
        if (w.at != w.end)
            return tn__corrupt(err, c->offset, "bytes are left over behind its shapes");
    }
    return 0;
}

/* ---- facts ---- */

static int parse_fact(tn_snapshot *s, const tn_fact_row *row, tn_fact *f, uint64_t offset, tn_error *err)
{
    if (row->kind > TN_FACT_TEXT)
        return tn__corrupt(err, offset, "a fact has the unknown kind %u", row->kind);
    f->kind = (enum tn_fact_kind)row->kind;
    memcpy(&f->value, &row->value, sizeof row->value);
    TN_TRY(string_at(s, row->key, &f->key, offset, err));
    if (f->kind != TN_FACT_TEXT)
        return 0;
    if (row->value >= s->n_strings)
        return tn__corrupt(err, offset, "a fact names a string that does not exist");
    return string_at(s, (uint32_t)row->value, &f->value.text, offset, err);
}

static int load_facts(tn_snapshot *s, tn_error *err)
{
    uint64_t n, at = 0;
    const tn_chunk *c;
    TN_TRY(table_rows(s, "FACT", sizeof(tn_fact_row), &n, err));
    s->facts = tn__arena_get(&s->arena, n * sizeof *s->facts);
    if (!s->facts)
        return tn__no_memory(s, err);
    for (size_t k = 0; (c = tn__chunk_of(s, "FACT", k)); k++) {
        TN_TRY(tn__chunk_payload(s, c, &s->slots[4], err));
        if (c->h.raw_bytes != c->h.n_rows * sizeof(tn_fact_row))
            return tn__corrupt(err, c->offset, "bytes are left over behind its facts");
        const tn_fact_row *rows = (const tn_fact_row *)(const void *)s->slots[4].data;
        for (uint64_t i = 0; i < c->h.n_rows; i++)
            TN_TRY(parse_fact(s, &rows[i], &s->facts[at++], c->offset, err));
    }
    s->n_facts = (size_t)n;
    return 0;
}

int tn__tables_load(tn_snapshot *s, tn_error *err)
{
    static const char *const required[] = {"FACT", "STRS", "TYPE", "SHTB", "ADDR", "SHAP", "SIZE"};
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!tn__chunk_of(s, required[i], 0))
            return tn__corrupt(err, 0, "chunk %s is missing", required[i]);
    uint64_t nodes;
    TN_TRY(table_rows(s, "SHAP", 1, &nodes, err));
    s->n_nodes = (uint32_t)nodes;
    s->n_references = tn__chunk_rows(s, "REFS");
    TN_TRY(load_strings(s, err));
    TN_TRY(load_types(s, err));
    TN_TRY(load_shapes(s, err));
    TN_TRY(load_facts(s, err));
    return tn__addresses_load(s, err);
}

/* ---- what tonnage.h gives of them ---- */

uint32_t tn__snapshot_n_shapes(const tn_snapshot *s)
{
    return s->n_shapes;
}

const tn_shape *tn__snapshot_shapes(const tn_snapshot *s)
{
    return s->shapes;
}

size_t tn_snapshot_n_facts(const tn_snapshot *s)
{
    return s->n_facts;
}

int tn_snapshot_fact(const tn_snapshot *s, size_t index, tn_fact *out)
{
    if (index >= s->n_facts)
        return TN_EINVAL;
    *out = s->facts[index];
    return 0;
}

int tn_snapshot_find_fact(const tn_snapshot *s, const char *key, tn_fact *out)
{
    for (size_t i = 0; i < s->n_facts; i++)
        if (strcmp(s->facts[i].key, key) == 0) {
            *out = s->facts[i];
            return 0;
        }
    return TN_ENOTFOUND;
}

uint32_t tn_snapshot_n_types(const tn_snapshot *s)
{
    return s->n_types;
}

int tn_snapshot_type(const tn_snapshot *s, uint32_t type, tn_type *out)
{
    if (type >= s->n_types)
        return TN_EINVAL;
    *out = s->types[type];
    return 0;
}

/* ---- previews ---- */

static int parse_previews(tn_snapshot *s, const tn_chunk *c, uint64_t first, tn_error *err)
{
    TN_TRY(tn__chunk_payload(s, c, &s->slots[4], err));
    uint64_t n = c->h.n_rows, sum = 0;
    const uint8_t *data = s->slots[4].data;
    if (s->slots[4].size < 8 * n)
        return tn__corrupt(err, c->offset, "its previews end early");
    if (n) {
        memcpy(s->preview_nodes + first, data, 4 * n);
        memcpy(s->preview_kinds + first, data + 4 * n, 2 * n);
        memcpy(s->preview_lengths + first, data + 6 * n, 2 * n);
    }
    for (uint64_t i = first; i < first + n; i++) {
        uint32_t kind = s->preview_kinds[i] & ~(uint32_t)TN_PREVIEW_CUT;
        if (s->preview_nodes[i] >= s->n_nodes || (i && s->preview_nodes[i] <= s->preview_nodes[i - 1]) || kind == 0 ||
            kind > TN_PREVIEW_NAME)
            return tn__corrupt(err, c->offset, "its previews are not in ascending order");
        s->preview_starts[i] = s->preview_total + sum;
        sum += s->preview_lengths[i];
    }
    if (s->slots[4].size != 8 * n + sum)
        return tn__corrupt(err, c->offset, "the bytes of its previews do not add up");
    if (sum)
        memcpy(s->preview_bytes + s->preview_total, data + 8 * n, sum);
    s->preview_total += sum;
    return 0;
}

int tn__previews_load(tn_snapshot *s, tn_error *err)
{
    uint64_t n, bytes = 0, at = 0;
    const tn_chunk *c;
    if (s->previews_loaded)
        return 0;
    TN_TRY(table_rows(s, "PREV", 8, &n, err));
    for (size_t k = 0; (c = tn__chunk_of(s, "PREV", k)); k++)
        bytes += c->h.raw_bytes - 8 * c->h.n_rows;
    s->preview_nodes = tn__arena_get(&s->arena, n * 4 + 8);
    s->preview_kinds = tn__arena_get(&s->arena, n * 2 + 8);
    s->preview_lengths = tn__arena_get(&s->arena, n * 2 + 8);
    s->preview_starts = tn__arena_get(&s->arena, n * 8 + 8);
    s->preview_bytes = tn__arena_get(&s->arena, bytes + 8);
    if (!s->preview_nodes || !s->preview_kinds || !s->preview_lengths || !s->preview_starts || !s->preview_bytes)
        return tn__no_memory(s, err);
    s->preview_total = 0;
    for (size_t k = 0; (c = tn__chunk_of(s, "PREV", k)); at += c->h.n_rows, k++)
        TN_TRY(parse_previews(s, c, at, err));
    s->n_previews = n;
    s->previews_loaded = true;
    return 0;
}

int tn__snapshot_preview(tn_snapshot *s, uint32_t id, tn_preview *out, tn_error *err)
{
    TN_TRY(tn__previews_load(s, err));
    uint64_t lo = 0, hi = s->n_previews;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (s->preview_nodes[mid] < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    *out = (tn_preview){0};
    if (lo < s->n_previews && s->preview_nodes[lo] == id)
        *out = (tn_preview){s->preview_kinds[lo], s->preview_lengths[lo], s->preview_bytes + s->preview_starts[lo]};
    return 0;
}

/* ---- stacks ---- */

static int parse_code(tn_snapshot *s, words *w, tn_code *code, tn_error *err)
{
    uint32_t row[5];
    if (!n_words(w, row, 5) || ((row[4] + 3ull) & ~3ull) > (uint64_t)(w->end - w->at))
        return tn__corrupt(err, w->offset, "its code table ends early");
    uint8_t *table = tn__arena_get(&s->arena, row[4] + 8);
    if (!table)
        return tn__no_memory(s, err);
    memcpy(table, w->at, row[4]);
    w->at += (row[4] + 3) & ~3u;
    *code = (tn_code){.first_line = row[3], .n_table = row[4], .table = table};
    TN_TRY(string_at(s, row[0], &code->name, w->offset, err));
    TN_TRY(string_at(s, row[1], &code->qualified_name, w->offset, err));
    return string_at(s, row[2], &code->file, w->offset, err);
}

static int load_codes(tn_snapshot *s, tn_error *err)
{
    uint64_t n, at = 0;
    const tn_chunk *c;
    TN_TRY(table_rows(s, "CODE", 20, &n, err));
    s->codes = tn__arena_get(&s->arena, n * sizeof *s->codes + 8);
    if (!s->codes)
        return tn__no_memory(s, err);
    for (size_t k = 0; (c = tn__chunk_of(s, "CODE", k)); k++) {
        TN_TRY(tn__chunk_payload(s, c, &s->slots[4], err));
        words w = {s->slots[4].data, s->slots[4].data + s->slots[4].size, c->offset};
        for (uint64_t i = 0; i < c->h.n_rows; i++)
            TN_TRY(parse_code(s, &w, &s->codes[at++], err));
        if (w.at != w.end)
            return tn__corrupt(err, c->offset, "bytes are left over behind its code table");
    }
    s->n_codes = (uint32_t)n;
    return 0;
}

int tn__stacks_load(tn_snapshot *s, tn_error *err)
{
    uint64_t n, at = 0;
    const tn_chunk *c;
    if (s->stacks_loaded)
        return 0;
    TN_TRY(load_codes(s, err));
    TN_TRY(table_rows(s, "STAK", sizeof(tn_stack_row), &n, err));
    s->stacks = tn__arena_get(&s->arena, n * sizeof *s->stacks + 8);
    if (!s->stacks)
        return tn__no_memory(s, err);
    for (size_t k = 0; (c = tn__chunk_of(s, "STAK", k)); at += c->h.n_rows, k++) {
        TN_TRY(tn__chunk_payload(s, c, &s->slots[4], err));
        if (c->h.raw_bytes != c->h.n_rows * sizeof(tn_stack_row))
            return tn__corrupt(err, c->offset, "bytes are left over behind its call tree");
        if (s->slots[4].size)
            memcpy(s->stacks + at, s->slots[4].data, s->slots[4].size);
    }
    for (uint64_t i = 0; i < n; i++)
        if (s->stacks[i].parent > i || s->stacks[i].code >= s->n_codes)
            return tn__corrupt(err, 0, "an entry of its call tree comes before its parent");
    s->n_stacks = (uint32_t)n;
    s->stacks_loaded = true;
    return 0;
}

int tn__snapshot_stack(tn_snapshot *s, uint32_t entry, tn_stack_entry *out, tn_error *err)
{
    TN_TRY(tn__stacks_load(s, err));
    if (entry == 0 || entry > s->n_stacks)
        return tn__corrupt(err, 0, "it names entry %u of a call tree of %u", entry, s->n_stacks);
    const tn_stack_row *row = &s->stacks[entry - 1];
    const tn_code *code = &s->codes[row->code];
    uint32_t line = row->line;
    if (!line)
        line = tn__linetable_line(code->table, code->n_table, code->first_line, row->instruction);
    *out = (tn_stack_entry){row->parent, line, code->name, code->qualified_name, code->file};
    return 0;
}
