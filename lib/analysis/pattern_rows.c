/* pattern_rows.c - the rows of a pattern: names, kinds, labels, members. */
#include "analysis/lookup.h"
#include "analysis/patterns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int no_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

uint32_t tn_patterns_count(const tn_patterns *p)
{
    return tn__pattern_count(p);
}

/* ---- names ---- */

static int add_run(tn_buf *name, uint32_t letter, uint32_t times)
{
    char text[16];
    int n = times > 1 ? snprintf(text, sizeof text, "%c%" PRIu32, (char)('a' + letter), times)
                      : snprintf(text, sizeof text, "%c", (char)('a' + letter));
    return tn__buf_append(name, text, (size_t)n);
}

/* The letters from the set to the row; many in a row are one with a number. */
static int write_name(tn_patterns *p, uint32_t row, tn_error *err)
{
    uint32_t depth = tn__pattern_at(p, row)->depth, letter = 0, times = 0;
    tn_buf *letters = &p->text;
    letters->size = p->name.size = 0;
    if (tn__buf_reserve(letters, depth) < 0)
        return no_memory(err);
    for (uint32_t at = row, i = depth; i > 0; at = tn__pattern_at(p, at)->parent)
        letters->data[--i] = (uint8_t)tn__pattern_at(p, at)->letter;
    for (uint32_t i = 0; i < depth; i++) {
        if (times && letters->data[i] != letter) {
            if (add_run(&p->name, letter, times) < 0)
                return no_memory(err);
            times = 0;
        }
        letter = letters->data[i];
        times++;
    }
    if ((times && add_run(&p->name, letter, times) < 0) || tn__buf_append(&p->name, "", 1) < 0)
        return no_memory(err);
    return TN_OK;
}

int tn_patterns_find(tn_patterns *p, const char *name, uint32_t *row, tn_error *err)
{
    for (uint32_t i = 0; i < tn__pattern_count(p); i++) {
        if (tn__pattern_at(p, i)->end == TN_PATTERN_REST)
            continue;
        TN_TRY(write_name(p, i, err));
        if (strcmp((const char *)p->name.data, strcmp(name, "_") == 0 ? "" : name) == 0) {
            *row = i;
            return TN_OK;
        }
    }
    return tn__error_set(err, TN_ENOTFOUND, 0, "this pattern has no row \"%.40s\"", name);
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
    const char *text = "the selected objects";
    tn_group group;
    p->text.size = 0;
    if (at->parent != TN_NONE && at->kind >= n_groups)
        return write_root(p, (uint32_t)(at->kind - n_groups)) < 0 ? no_memory(err) : TN_OK;
    if (at->parent != TN_NONE) {
        TN_TRY(tn_groups_row(p->groups, (uint32_t)at->kind, &group, err));
        text = group.label;
    }
    return tn__buf_append(&p->text, text, strlen(text) + 1) < 0 ? no_memory(err) : TN_OK;
}

/* The set has a kind where all of it is of one. */
static int find_kind(tn_patterns *p, const tn_pattern_node *at, tn_pattern_node *out, tn_error *err)
{
    const uint32_t *members = tn__pattern_members(p, 0);
    uint32_t first = 0, group;
    *out = *at;
    if (at->parent != TN_NONE || at->n == 0)
        return TN_OK;
    TN_TRY(tn_groups_of(p->groups, members[0], &first, err));
    for (uint32_t i = 1; i < at->n; i++) {
        TN_TRY(tn_groups_of(p->groups, members[i], &group, err));
        if (group != first)
            return TN_OK;
    }
    if (first == TN_NONE)
        return TN_OK;
    out->parent = 0;
    out->kind = first;
    return TN_OK;
}

/* The label of most references, where it is the one of half of them; else, where they differ in keys only, what they have in
 * common. */
static void find_label(const tn_pattern_node *at, tn_pattern_row *out)
{
    const tn_pattern_label *best = &at->labels[0];
    for (uint32_t i = 1; i < TN_PATTERN_LABELS; i++)
        if (at->labels[i].count > best->count)
            best = &at->labels[i];
    out->label = (tn_reference){.style = best->style, .text = best->text, .key = best->key};
    out->labelled = best->count;
    if (best->count * 2 < at->references && at->same_style && best->style == TN_LABEL_VALUE) {
        out->label.key = TN_NONE;
        out->labelled = at->references;
    }
}

/* An entry of an object's dict is an attribute by the text of its key; of another key an entry as any. */
static int name_entry(tn_patterns *p, tn_reference *label, tn_error *err)
{
    tn_preview preview;
    if (label->style != TN_LABEL_ATTRIBUTE || label->key == TN_NONE)
        return TN_OK;
    TN_TRY(tn__snapshot_preview(p->snapshot, label->key, &preview, err));
    if (preview.kind != TN_PREVIEW_TEXT) {
        label->style = TN_LABEL_VALUE;
        return TN_OK;
    }
    p->label.size = 0;
    if (tn__buf_append(&p->label, preview.bytes, preview.length) < 0 || tn__buf_append(&p->label, "", 1) < 0)
        return no_memory(err);
    label->text = (const char *)p->label.data;
    label->key = TN_NONE;
    return TN_OK;
}

int tn_patterns_row(tn_patterns *p, uint32_t row, tn_pattern_row *out, tn_error *err)
{
    if (row >= tn__pattern_count(p))
        return tn__error_set(err, TN_EINVAL, 0, "this pattern has %" PRIu32 " rows", tn__pattern_count(p));
    const tn_pattern_node *at = tn__pattern_at(p, row);
    tn_pattern_node kind;
    tn_pattern_row r = {.parent = at->parent,
                        .depth = at->depth,
                        .end = at->end,
                        .count = at->n,
                        .n_kinds = at->n_kinds,
                        .held = at->held,
                        .example = at->n ? tn__pattern_members(p, row)[0] : TN_NONE,
                        .bytes = at->bytes,
                        .references = at->references,
                        .n_loops = at->n_loops};
    find_label(at, &r);
    TN_TRY(name_entry(p, &r.label, err));
    TN_TRY(find_kind(p, at, &kind, err));
    TN_TRY(write_name(p, row, err));
    TN_TRY(write_kind(p, &kind, err));
    r.name = (const char *)p->name.data;
    r.kind = at->end == TN_PATTERN_REST ? NULL : (const char *)p->text.data;
    *out = r;
    return TN_OK;
}

void tn_patterns_loop(const tn_patterns *p, uint32_t row, uint32_t index, tn_pattern_loop *out)
{
    *out = ((const tn_pattern_loop *)(const void *)p->loops.data)[tn__pattern_at(p, row)->first_loop + index];
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
