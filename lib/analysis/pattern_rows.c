/* pattern_rows.c - the rows of a pattern: names, kinds, labels, members. */
#include "analysis/lookup.h"
#include "analysis/patterns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint32_t tn_patterns_count(const tn_patterns *p)
{
    return tn__pattern_count(p);
}

/* ---- names ---- */

enum { LETTERS = 26, MOST_LEVELS = 1000 };

/* Behind z comes Aa: a capital begins a letter, so that ab stays b below a. */
static int add_run(tn_buf *name, uint32_t letter, uint32_t times)
{
    char text[16], *at = text;
    if (letter >= LETTERS)
        *at++ = (char)('A' + (letter / LETTERS - 1));
    *at++ = (char)('a' + letter % LETTERS);
    if (times > 1)
        at += snprintf(at, 12, "%" PRIu32, times);
    return tn__buf_append(name, text, (size_t)(at - text));
}

/* The letters from the set to the row; many in a row are one with a number. */
static int write_name(tn_patterns *p, uint32_t row, tn_error *err)
{
    uint32_t depth = tn__pattern_at(p, row)->depth, letter = 0, times = 0;
    p->text.size = p->name.size = 0;
    if (tn__buf_reserve(&p->text, depth * sizeof letter) < 0)
        return tn__no_memory(p->snapshot, err);
    uint32_t *letters = (uint32_t *)(void *)p->text.data;
    for (uint32_t at = row, i = depth; i > 0; at = tn__pattern_at(p, at)->parent)
        letters[--i] = tn__pattern_at(p, at)->letter;
    for (uint32_t i = 0; i < depth; i++) {
        if (times && letters[i] != letter) {
            if (add_run(&p->name, letter, times) < 0)
                return tn__no_memory(p->snapshot, err);
            times = 0;
        }
        letter = letters[i];
        times++;
    }
    if ((times && add_run(&p->name, letter, times) < 0) || tn__buf_append(&p->name, "", 1) < 0)
        return tn__no_memory(p->snapshot, err);
    return TN_OK;
}

/* The next letter of a name and how often it stands there; 0 at its end. EINVAL. */
static int step(const char **at, uint32_t *letter, uint32_t *times, tn_error *err)
{
    const char *name = *at;
    uint32_t capital = *name >= 'A' && *name <= 'Z' ? (uint32_t)(*name++ - 'A') + 1 : 0;
    if (!*name && !capital)
        return 0;
    if (*name < 'a' || *name > 'z' || name[1] == '0')
        return tn__error_set(err, TN_EINVAL, 0, "\"%.40s\" is no name of a row, such as a3b", *at);
    *letter = capital * LETTERS + (uint32_t)(*name++ - 'a');
    *times = 0;
    for (; *name >= '0' && *name <= '9'; name++)
        *times = *times > TN_PATTERN_MOST_ROWS ? *times : *times * 10 + (uint32_t)(*name - '0');
    *times += *times == 0;
    *at = name;
    return 1;
}

/* "_" is that of the set, which stands for no step. */
static const char *steps_of(const char *name)
{
    return strcmp(name, "_") == 0 ? "" : name;
}

int tn__pattern_reach(const char *name, uint32_t *depth, uint32_t *width, tn_error *err)
{
    uint32_t letter, times, further = 0;
    const char *at = steps_of(name);
    int status;
    while ((status = step(&at, &letter, &times, err)) > 0) {
        *width = letter >= *width ? letter + 1 : *width;
        further += further < MOST_LEVELS ? times : 0;
    }
    if (status == TN_OK && (further >= MOST_LEVELS || *depth > MOST_LEVELS - further))
        return tn__error_set(err, TN_EINVAL, 0, "a pattern has %d levels at most", MOST_LEVELS);
    *depth += further;
    return status;
}

int tn_patterns_find(tn_patterns *p, const char *name, uint32_t *row, tn_error *err)
{
    const char *at = steps_of(name);
    uint32_t found = 0, i = 0, letter, times, n = tn__pattern_count(p);
    int status;
    while ((status = step(&at, &letter, &times, err)) > 0) {
        for (; times && i < n; i++) { /* a row stands behind its parent */
            const tn_pattern_node *node = tn__pattern_at(p, i);
            if (node->parent != found || node->letter != letter || node->end == TN_PATTERN_REST)
                continue;
            found = i;
            times--;
        }
        if (times)
            return tn__error_set(err, TN_ENOTFOUND, 0, "this pattern has no row \"%.40s\"", name);
    }
    *row = found;
    return status;
}

/* ---- rows ---- */

/* "static types", "frame of serve()" */
static int write_root(tn_patterns *p, uint32_t node)
{
    tn_frame frame;
    const char *type = tn__type_name(p->snapshot, node);
    bool named = tn__snapshot_frame(p->snapshot, node, &frame) == TN_OK;
    if (tn__buf_append(&p->text, type, strlen(type)) < 0 || (named && tn__buf_append(&p->text, " of ", 4) < 0) ||
        (named && tn__buf_append(&p->text, frame.name, strlen(frame.name)) < 0))
        return TN_ENOMEM;
    return named ? tn__buf_append(&p->text, "()", 3) : tn__buf_append(&p->text, "", 1);
}

static int write_kind(tn_patterns *p, const tn_pattern_node *at, tn_error *err)
{
    uint32_t n_groups = tn_groups_count(p->groups);
    uint64_t kind = at->parent == TN_NONE ? p->set_kind : at->kind;
    const char *text = "the selected objects";
    tn_group group;
    p->text.size = 0;
    if (at->parent != TN_NONE && kind >= n_groups)
        return write_root(p, (uint32_t)(kind - n_groups)) < 0 ? tn__no_memory(p->snapshot, err) : TN_OK;
    if (kind < n_groups) {
        TN_TRY(tn_groups_row(p->groups, (uint32_t)kind, &group, err));
        text = group.label;
    }
    return tn__buf_append(&p->text, text, strlen(text) + 1) < 0 ? tn__no_memory(p->snapshot, err) : TN_OK;
}

/* Of entries of dicts the one whose key half of them have, or more; else what they have in common. */
static void find_ways(const tn_pattern_labels *labels, tn_pattern_ways *out)
{
    tn_pattern_label known[TN_PATTERN_LABELS + 1] = {
        {.style = TN_LABEL_VALUE, .key = TN_NONE, .count = labels->entries}};
    uint64_t most = 0;
    for (uint32_t i = 0; i < TN_PATTERN_LABELS; i++) {
        known[i + 1] = labels->at[i];
        if (labels->at[i].style == TN_LABEL_VALUE && labels->at[i].count > most)
            most = labels->at[i].count;
    }
    bool each = most * 2 >= labels->entries;
    *out = (tn_pattern_ways){.references = labels->references};
    while (out->n < TN_PATTERN_WAYS) {
        tn_pattern_label *best = NULL;
        for (uint32_t i = each; i <= TN_PATTERN_LABELS; i++)
            if (known[i].count && (each || i == 0 || known[i].style != TN_LABEL_VALUE) &&
                (!best || known[i].count > best->count))
                best = &known[i];
        if (!best)
            return;
        out->at[out->n].label = (tn_reference){.style = best->style, .text = best->text, .key = best->key};
        out->at[out->n++].references = best->count;
        best->count = 0;
    }
}

/* An entry of an object's dict is an attribute by the text of its key; of another key an entry as any. */
static int name_entry(tn_patterns *p, tn_reference *label, tn_buf *out, tn_error *err)
{
    tn_preview preview;
    if (label->style != TN_LABEL_ATTRIBUTE || label->key == TN_NONE)
        return TN_OK;
    TN_TRY(tn__snapshot_preview(p->snapshot, label->key, &preview, err));
    if (preview.kind != TN_PREVIEW_TEXT) {
        label->style = TN_LABEL_VALUE;
        return TN_OK;
    }
    out->size = 0;
    if (tn__buf_append(out, preview.bytes, preview.length) < 0 || tn__buf_append(out, "", 1) < 0)
        return tn__no_memory(p->snapshot, err);
    label->text = (const char *)out->data;
    label->key = TN_NONE;
    return TN_OK;
}

static int name_ways(tn_patterns *p, const tn_pattern_labels *labels, tn_pattern_ways *out, tn_error *err)
{
    find_ways(labels, out);
    for (uint32_t i = 0; i < out->n; i++)
        TN_TRY(name_entry(p, &out->at[i].label, &p->labels[i], err));
    return TN_OK;
}

int tn_patterns_row(tn_patterns *p, uint32_t row, tn_pattern_row *out, tn_error *err)
{
    if (row >= tn__pattern_count(p))
        return tn__error_set(err, TN_EINVAL, 0, "this pattern has %" PRIu32 " rows", tn__pattern_count(p));
    const tn_pattern_node *at = tn__pattern_at(p, row);
    tn_pattern_row r = {.parent = at->parent,
                        .depth = at->depth,
                        .end = at->end,
                        .count = at->n,
                        .n_kinds = at->n_kinds,
                        .held = at->held,
                        .dicts = at->dicts,
                        .example = at->n ? tn__pattern_members(p, row)[0] : TN_NONE,
                        .bytes = at->bytes,
                        .n_loops = at->n_loops};
    TN_TRY(name_ways(p, &at->labels, &r.ways, err));
    TN_TRY(write_name(p, row, err));
    TN_TRY(write_kind(p, at, err));
    r.name = (const char *)p->name.data;
    r.kind = at->end == TN_PATTERN_REST ? NULL : (const char *)p->text.data;
    *out = r;
    return TN_OK;
}

int tn_patterns_loop(tn_patterns *p, uint32_t row, uint32_t index, tn_pattern_loop *out, tn_error *err)
{
    const tn_pattern_link *link =
        (const tn_pattern_link *)(const void *)p->loops.data + tn__pattern_at(p, row)->first_loop + index;
    *out = (tn_pattern_loop){.row = link->row, .from = link->from};
    return name_ways(p, &link->labels, &out->ways, err);
}

int tn_patterns_members(tn_patterns *p, uint32_t row, tn_set **out, tn_error *err)
{
    tn_set *set;
    if (row >= tn__pattern_count(p))
        return tn__error_set(err, TN_EINVAL, 0, "this pattern has %" PRIu32 " rows", tn__pattern_count(p));
    if (row == 0)
        return tn_set_copy(p->set, out, err);
    const uint32_t *members = tn__pattern_members(p, row);
    TN_TRY(tn_set_new(p->snapshot, &set, err));
    for (uint32_t i = 0; i < tn__pattern_at(p, row)->n; i++) {
        uint32_t dict = tn__pattern_dict(p, members[i]);
        if (members[i] < p->graph.n_objects)
            tn__set_add(set, members[i]);
        if (dict != TN_NONE)
            tn__set_add(set, dict);
    }
    *out = set;
    return TN_OK;
}
