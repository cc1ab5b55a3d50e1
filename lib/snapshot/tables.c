/* tables.c - strings, types, shapes, facts, time line: parsed and checked at open. */
#include "snapshot/snapshot.h"

#include <assert.h>
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

int tn__rows_fit(const tn_snapshot *s, unsigned id, uint64_t row_bytes, tn_error *err)
{
    for (size_t k = 0; k < tn__chunk_count(s, id); k++) {
        const tn_chunk *c = tn__chunk_at(s, id, k);
        if (c->h.n_rows > c->h.raw_bytes / row_bytes)
            return tn__corrupt(err, c->offset, "chunk %s at byte %llu announces %llu rows in %llu bytes",
                               tn__chunk_id(id), (unsigned long long)c->offset, (unsigned long long)c->h.n_rows,
                               (unsigned long long)c->h.raw_bytes);
    }
    if (tn__chunk_rows(s, id) >= TN_NONE)
        return tn__corrupt(err, 0, "%s has %llu rows, more than can be numbered", tn__chunk_id(id),
                           (unsigned long long)tn__chunk_rows(s, id));
    return 0;
}

/* Loads the k-th chunk of a table for reading word by word. */
static int open_words(tn_snapshot *s, const tn_chunk *c, words *w, tn_error *err)
{
    const uint8_t *payload;
    TN_TRY(tn__chunk_load(s, c, TN_SLOT_LOAD, &payload, err));
    *w = (words){payload, payload + c->h.raw_bytes, c->offset};
    return 0;
}

/* ---- strings ---- */

static int parse_strings(tn_snapshot *s, const tn_chunk *c, tn_error *err)
{
    words lengths;
    TN_TRY(open_words(s, c, &lengths, err));
    const uint8_t *at = lengths.at + 4 * c->h.n_rows;
    for (uint64_t i = c->h.first_row; i < c->h.first_row + c->h.n_rows; i++) {
        uint32_t n = 0;
        word(&lengths, &n);
        if (n > (uint64_t)(lengths.end - at))
            return tn__corrupt(err, c->offset, "string %llu runs over the end of its chunk", (unsigned long long)i);
        if (tn__utf8_length(at, n) != n)
            return tn__corrupt(err, c->offset, "string %llu is not UTF-8", (unsigned long long)i);
        s->strings[i] = tn__arena_text(&s->arena, (const char *)at, n);
        if (!s->strings[i])
            return tn__no_memory(s, err);
        at += n;
    }
    return at == lengths.end ? 0 : tn__corrupt(err, c->offset, "bytes are left over behind its strings");
}

static int load_strings(tn_snapshot *s, tn_error *err)
{
    TN_TRY(tn__rows_fit(s, TN_ID_STRS, 4, err));
    uint64_t n = tn__chunk_rows(s, TN_ID_STRS);
    s->strings = tn__arena_get(&s->arena, n * sizeof *s->strings);
    if (!s->strings)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_STRS); k++)
        TN_TRY(parse_strings(s, tn__chunk_at(s, TN_ID_STRS, k), err));
    s->n_strings = (uint32_t)n;
    return 0;
}

int tn__string_check(const tn_snapshot *s, uint32_t index, uint64_t offset, tn_error *err)
{
    if (index < s->n_strings)
        return 0;
    return tn__corrupt(err, offset, "string %u is named, there are %u", index, s->n_strings);
}

static int string_at(const tn_snapshot *s, uint32_t index, const char **out, uint64_t offset, tn_error *err)
{
    TN_TRY(tn__string_check(s, index, offset, err));
    *out = s->strings[index];
    return 0;
}

const char *tn__snapshot_string(tn_snapshot *s, uint32_t index)
{
    assert(index < s->n_strings);
    return s->strings[index];
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
    *t = (tn_type){.flags = row[FLAGS],
                   .visitor = row[VISITOR],
                   .basic_size = row[BASIC],
                   .item_size = row[ITEM],
                   .node = row[NODE],
                   .base = row[BASE],
                   .n_mro = row[N_MRO],
                   .mro = mro};
    TN_TRY(string_at(s, row[0], &t->name, w->offset, err));
    if (row[MODULE] != TN_NONE)
        TN_TRY(string_at(s, row[MODULE], &t->module, w->offset, err));
    return full_name(s, t, err);
}

/* A chain of bases ends: whoever follows it comes to an end. Colours: 0 new, 1 on the way, 2 known to end. */
static int check_bases(tn_snapshot *s, tn_error *err)
{
    uint8_t *colours = tn__alloc_zero(&s->alloc, s->n_types);
    if (!colours)
        return tn__no_memory(s, err);
    int status = 0;
    for (uint32_t i = 0; i < s->n_types && status == 0; i++) {
        uint32_t t = i;
        for (; t != TN_NONE && colours[t] == 0; t = s->types[t].base)
            colours[t] = 1;
        if (t != TN_NONE && colours[t] == 1)
            status = tn__corrupt(err, 0, "type %u is a base of itself", t);
        for (t = i; t != TN_NONE && colours[t] == 1; t = s->types[t].base)
            colours[t] = 2;
    }
    tn__free(&s->alloc, colours, s->n_types);
    return status;
}

static int load_types(tn_snapshot *s, tn_error *err)
{
    uint64_t at = 0;
    TN_TRY(tn__rows_fit(s, TN_ID_TYPE, 36, err));
    s->n_types = (uint32_t)tn__chunk_rows(s, TN_ID_TYPE);
    s->types = tn__arena_get(&s->arena, s->n_types * sizeof *s->types);
    if (!s->types)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_TYPE); k++) {
        const tn_chunk *c = tn__chunk_at(s, TN_ID_TYPE, k);
        words w;
        TN_TRY(open_words(s, c, &w, err));
        for (uint64_t i = 0; i < c->h.n_rows; i++)
            TN_TRY(parse_type(s, &w, &s->types[at++], err));
        if (w.at != w.end)
            return tn__corrupt(err, c->offset, "bytes are left over behind its types");
    }
    return check_bases(s, err);
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
    if (row[0] >= s->n_types || (row[1] & TN_RUN_STYLE) > TN_RUN_STACK ||
        (row[1] >> TN_RUN_KIND_SHIFT & 15) > TN_REF_GUESSED)
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
    uint64_t at = 0;
    TN_TRY(tn__rows_fit(s, TN_ID_SHTB, 12, err));
    s->n_shapes = (uint32_t)tn__chunk_rows(s, TN_ID_SHTB);
    s->shapes = tn__arena_get(&s->arena, s->n_shapes * sizeof *s->shapes);
    if (!s->shapes)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_SHTB); k++) {
        const tn_chunk *c = tn__chunk_at(s, TN_ID_SHTB, k);
        words w;
        TN_TRY(open_words(s, c, &w, err));
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
    uint64_t at = 0;
    TN_TRY(tn__rows_fit(s, TN_ID_FACT, sizeof(tn_fact_row), err));
    s->facts = tn__arena_get(&s->arena, tn__chunk_rows(s, TN_ID_FACT) * sizeof *s->facts);
    if (!s->facts)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_FACT); k++) {
        const tn_chunk *c = tn__chunk_at(s, TN_ID_FACT, k);
        const uint8_t *payload;
        TN_TRY(tn__chunk_load(s, c, TN_SLOT_LOAD, &payload, err));
        if (c->h.raw_bytes != c->h.n_rows * sizeof(tn_fact_row))
            return tn__corrupt(err, c->offset, "bytes are left over behind its facts");
        const tn_fact_row *rows = (const tn_fact_row *)(const void *)payload;
        for (uint64_t i = 0; i < c->h.n_rows; i++)
            TN_TRY(parse_fact(s, &rows[i], &s->facts[at++], c->offset, err));
    }
    s->n_facts = at;
    return 0;
}

/* ---- time line ---- */

static int load_times(tn_snapshot *s, tn_error *err)
{
    uint64_t at = 0;
    TN_TRY(tn__rows_fit(s, TN_ID_TIME, sizeof(tn_time_row), err));
    s->times = tn__arena_get(&s->arena, tn__chunk_rows(s, TN_ID_TIME) * sizeof *s->times);
    if (!s->times)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_TIME); k++) {
        const tn_chunk *c = tn__chunk_at(s, TN_ID_TIME, k);
        const uint8_t *payload;
        TN_TRY(tn__chunk_load(s, c, TN_SLOT_LOAD, &payload, err));
        if (c->h.raw_bytes != c->h.n_rows * sizeof(tn_time_row))
            return tn__corrupt(err, c->offset, "bytes are left over behind its time line");
        memcpy(s->times + at, payload, c->h.raw_bytes);
        for (uint64_t end = at + c->h.n_rows; at < end; at++)
            if (s->times[at].time_ns == TN_UNKNOWN || (at && s->times[at].time_ns <= s->times[at - 1].time_ns))
                return tn__corrupt(err, c->offset, "times of its time line do not ascend");
    }
    s->n_times = at;
    return 0;
}

/* ---- pointers seen outside of references ---- */

static bool seen_possible(const tn_snapshot *s, const tn_seen_row *row, const tn_seen_row *before)
{
    static const uint32_t none = 1;
    uint32_t limit = row->kind == TN_SEEN_STATIC ? s->n_strings : row->kind == TN_SEEN_OBJECT ? s->n_objects : none;
    bool follows = !before || before->node < row->node ||
                   (before->node == row->node &&
                    (before->kind < row->kind || (before->kind == row->kind && before->what < row->what)));
    return row->node < s->n_objects && row->kind < TN_SEEN_KINDS && row->what < limit && row->count && follows;
}

static int load_seen(tn_snapshot *s, tn_error *err)
{
    uint32_t at = 0;
    if (!tn__chunk_count(s, TN_ID_SEEN))
        return 0;
    TN_TRY(tn__rows_fit(s, TN_ID_SEEN, sizeof(tn_seen_row), err));
    s->seen = tn__arena_get(&s->arena, tn__chunk_rows(s, TN_ID_SEEN) * sizeof *s->seen + 8);
    if (!s->seen)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_SEEN); k++) {
        const tn_chunk *c = tn__chunk_at(s, TN_ID_SEEN, k);
        const uint8_t *payload;
        TN_TRY(tn__chunk_load(s, c, TN_SLOT_LOAD, &payload, err));
        if (c->h.raw_bytes != c->h.n_rows * sizeof(tn_seen_row))
            return tn__corrupt(err, c->offset, "bytes are left over behind the pointers that were seen");
        if (c->h.n_rows)
            memcpy(s->seen + at, payload, c->h.raw_bytes);
        for (uint64_t end = at + c->h.n_rows; at < end; at++)
            if (!seen_possible(s, &s->seen[at], at ? &s->seen[at - 1] : NULL))
                return tn__corrupt(err, c->offset, "row %u of the pointers that were seen is not possible", at);
    }
    s->n_seen = at;
    return 0;
}

/* Columns that have a row for each node must have as many as there are. */
static int check_node_columns(const tn_snapshot *s, tn_error *err)
{
    for (unsigned id = TN_COL_SIZE; id <= TN_COL_FLAG; id++)
        if (tn__chunk_count(s, id) && tn__chunk_rows(s, id) != s->n_nodes)
            return tn__corrupt(err, tn__chunk_at(s, id, 0)->offset, "column %s has %llu rows for %u nodes",
                               tn__chunk_id(id), (unsigned long long)tn__chunk_rows(s, id), s->n_nodes);
    /* Of equal chunk numbers follow equal nodes only if no chunk but the last is short. */
    for (unsigned id = TN_COL_SHAP; id <= TN_COL_FLAG; id++)
        for (size_t k = 0; k + 1 < tn__chunk_count(s, id); k++)
            if (tn__chunk_at(s, id, k)->h.n_rows != TN_NODE_BLOCK)
                return tn__corrupt(err, tn__chunk_at(s, id, k)->offset, "chunk %s at byte %llu is not cut at %d nodes",
                                   tn__chunk_id(id), (unsigned long long)tn__chunk_at(s, id, k)->offset, TN_NODE_BLOCK);
    return 0;
}

int tn__tables_load(tn_snapshot *s, tn_error *err)
{
    static const unsigned required[] = {TN_ID_FACT, TN_ID_STRS,  TN_ID_TYPE, TN_ID_SHTB,
                                        TN_ID_ADDR, TN_COL_SHAP, TN_COL_SIZE};
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!tn__chunk_count(s, required[i]))
            return tn__corrupt(err, 0, "chunk %s is missing", tn__chunk_id(required[i]));
    TN_TRY(tn__rows_fit(s, TN_COL_SHAP, 1, err));
    s->n_nodes = (uint32_t)tn__chunk_rows(s, TN_COL_SHAP);
    s->n_references = tn__chunk_rows(s, TN_COL_REFS);
    TN_TRY(check_node_columns(s, err));
    TN_TRY(load_strings(s, err));
    TN_TRY(load_types(s, err));
    TN_TRY(load_shapes(s, err));
    TN_TRY(load_facts(s, err));
    TN_TRY(load_times(s, err));
    TN_TRY(tn__regions_load(s, err));
    TN_TRY(load_seen(s, err));
    TN_TRY(tn__sites_load(s, err));
    return tn__samples_load(s, err);
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

const tn_seen_row *tn__snapshot_seen(const tn_snapshot *s, uint32_t *n)
{
    *n = s->n_seen;
    return s->seen;
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

bool tn__fact_u64(const tn_snapshot *s, const char *key, uint64_t *out)
{
    tn_fact fact;
    if (tn_snapshot_find_fact(s, key, &fact) < 0)
        return false;
    if (fact.kind == TN_FACT_INT && fact.value.i >= 0)
        *out = (uint64_t)fact.value.i;
    else if (fact.kind == TN_FACT_UINT)
        *out = fact.value.u;
    else
        return false;
    return true;
}

size_t tn_snapshot_n_times(const tn_snapshot *s)
{
    return s->n_times;
}

static uint64_t widened(uint32_t number)
{
    return number == UINT32_MAX ? TN_UNKNOWN : number;
}

int tn_snapshot_time(const tn_snapshot *s, size_t index, tn_time *out)
{
    if (index >= s->n_times)
        return TN_EINVAL;
    const tn_time_row *row = &s->times[index];
    *out = (tn_time){.time_ns = row->time_ns,
                     .rss_bytes = row->rss_bytes,
                     .traced_bytes = row->traced_bytes,
                     .threads = widened(row->threads)};
    for (unsigned i = 0; i < 3; i++)
        out->generations[i] = widened(row->generations[i]);
    return 0;
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
