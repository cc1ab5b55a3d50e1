/* lookup.c - see lookup.h. */
#include "analysis/lookup.h"

#include <string.h>

int tn__type_row(tn_snapshot *s, uint32_t node, uint32_t *row, tn_error *err)
{
    const uint32_t *shapes;
    uint64_t n;
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &shapes, &n, err));
    *row = tn__snapshot_shapes(s)[shapes[node]].type;
    return TN_OK;
}

int tn__type_of(tn_snapshot *s, uint32_t node, tn_type *type, tn_error *err)
{
    uint32_t row;
    TN_TRY(tn__type_row(s, node, &row, err));
    return tn_snapshot_type(s, row, type);
}

enum tn_type_rank tn__type_rank(const tn_type *type)
{
    static const char *const containers[] = {"cell", "dict", "frozenset", "list", "set", "tuple"};
    if (type->module && strcmp(type->module, "builtins") != 0)
        return TN_TYPE_TELLING;
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++)
        if (strcmp(type->full_name, containers[i]) == 0)
            return TN_TYPE_CONTAINER;
    return TN_TYPE_BUILTIN;
}

const char *tn__type_name(tn_snapshot *s, uint32_t node)
{
    tn_type type;
    return tn__type_of(s, node, &type, NULL) == TN_OK ? type.full_name : "?";
}

int tn__labelled_target(tn_snapshot *s, uint32_t node, const char *label, uint32_t *target, tn_error *err)
{
    tn_reference_iter iter;
    tn_reference r;
    *target = TN_NONE;
    TN_TRY(tn_references(s, node, &iter, err));
    while (tn_reference_next(&iter, &r) && (r.style == TN_LABEL_ATTRIBUTE || r.style == TN_LABEL_FIELD)) {
        if (strcmp(r.text, label) == 0) {
            *target = r.target;
            break;
        }
    }
    return TN_OK;
}

/* Compares a key with a text; an unknown key is none of it, and said. */
static int key_is(tn_snapshot *s, uint32_t key, const char *text, size_t n, bool *same, bool *known, tn_error *err)
{
    tn_preview preview;
    TN_TRY(tn__snapshot_preview(s, key, &preview, err));
    *same = false;
    if (preview.kind == TN_PREVIEW_TEXT) {
        *same = preview.length == n && memcmp(preview.bytes, text, n) == 0;
    } else if ((preview.kind & ~TN_PREVIEW_CUT) == TN_PREVIEW_TEXT) {
        if (preview.length < n && memcmp(preview.bytes, text, preview.length) == 0)
            *known = false;
    } else if (!preview.kind && strcmp(tn__type_name(s, key), "str") == 0) {
        *known = false;
    }
    return TN_OK;
}

int tn__dict_value(tn_snapshot *s, uint32_t dict, const char *key, size_t n, uint32_t *value, bool *known,
                   tn_error *err)
{
    tn_reference_iter iter;
    tn_reference r;
    *value = TN_NONE;
    TN_TRY(tn_references(s, dict, &iter, err));
    while (*value == TN_NONE && tn_reference_next(&iter, &r)) {
        bool same = r.style == TN_LABEL_ITEM && strlen(r.text) == n && memcmp(r.text, key, n) == 0;
        if (r.style == TN_LABEL_VALUE && r.key != TN_NONE)
            TN_TRY(key_is(s, r.key, key, n, &same, known, err));
        if (same)
            *value = r.target;
    }
    return TN_OK;
}

bool tn__is_identifier(const char *text, size_t n)
{
    static const char keywords[] =
        " False None True and as assert async await break class continue def del elif else except "
        "finally for from global if import in is lambda nonlocal not or pass raise return try "
        "while with yield ";
    char word[16];
    for (size_t i = 0; i < n; i++) {
        char c = text[i], low = (char)(c | 0x20);
        if (!((low >= 'a' && low <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9')))
            return false;
    }
    if (n + 2 >= sizeof word)
        return true;
    word[0] = ' ';
    memcpy(word + 1, text, n);
    word[n + 1] = ' ';
    word[n + 2] = '\0';
    return n > 0 && !strstr(keywords, word);
}

const char *tn__frame_attribute(const char *type)
{
    static const char *const frames[][2] = {
        {"generator", ".gi_frame"}, {"coroutine", ".cr_frame"}, {"async_generator", ".ag_frame"}, {"frame", ""}};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        if (strcmp(type, frames[i][0]) == 0)
            return frames[i][1];
    return NULL;
}
