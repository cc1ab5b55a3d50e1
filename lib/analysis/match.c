/* match.c - conditions of a selection against the types and nodes of a snapshot. */
#include "analysis/analysis.h"

#include <string.h>

int tn__selection_bind(const tn_selection *sel, tn_snapshot *s, tn_error *err)
{
    for (size_t i = 0; i < sel->n; i++) {
        tn_condition *c = tn__selection_at(sel, i);
        if (c->kind != TN_COND_ADDRESS)
            continue;
        uint32_t id = TN_NONE;
        int status = tn_node_at(s, c->number, &id, err);
        if (status < 0 && status != TN_ENOTFOUND)
            return status;
        c->number = status < 0 ? TN_NONE : id;
    }
    return TN_OK;
}

static bool same_name(const tn_condition *c, const char *name)
{
    return c->prefix ? strncmp(name, c->text, c->n_text) == 0 : strcmp(name, c->text) == 0;
}

static bool type_named(const tn_condition *c, const tn_type *type)
{
    if (same_name(c, type->full_name) || same_name(c, type->name))
        return true;
    static const char builtins[] = "builtins.";
    size_t n = sizeof builtins - 1;
    if (!type->module || strcmp(type->module, "builtins") != 0 || strncmp(c->text, builtins, n) != 0)
        return false;
    tn_condition rest = *c;
    rest.text += n;
    rest.n_text -= n;
    return same_name(&rest, type->name);
}

static int type_matches(const tn_condition *c, tn_snapshot *s, const tn_type *type, bool *matches)
{
    *matches = type_named(c, type);
    for (uint32_t i = 0; c->subclasses && !*matches && i < type->n_mro; i++) {
        tn_type base;
        TN_TRY(tn_snapshot_type(s, type->mro[i], &base));
        *matches = type_named(c, &base);
    }
    return TN_OK;
}

static bool module_matches(const tn_condition *c, const char *module)
{
    if (!module || strncmp(module, c->text, c->n_text) != 0)
        return false;
    char after = module[c->n_text];
    return after == '\0' || after == '.';
}

int tn__selection_types(const tn_selection *sel, tn_snapshot *s, uint8_t *ok, tn_error *err)
{
    uint32_t n = tn_snapshot_n_types(s);
    for (uint32_t t = 0; t < n; t++) {
        tn_type type;
        if (tn_snapshot_type(s, t, &type) < 0)
            return tn__error_set(err, TN_ECORRUPT, 0, "type %u cannot be read", (unsigned)t);
        bool all = true;
        for (size_t i = 0; all && i < sel->n; i++) {
            const tn_condition *c = tn__selection_at(sel, i);
            bool matches = false;
            if (c->kind == TN_COND_TYPE)
                TN_TRY(type_matches(c, s, &type, &matches));
            else if (c->kind == TN_COND_MODULE)
                matches = module_matches(c, type.module);
            else
                continue;
            all = matches != c->negated;
        }
        ok[t] = all;
    }
    return TN_OK;
}

static bool contains(const char *text, size_t n, const char *part, size_t n_part)
{
    for (size_t i = 0; n_part <= n && i <= n - n_part; i++)
        if (memcmp(text + i, part, n_part) == 0)
            return true;
    return false;
}

/* Texts, bytes and names are searched as they are, numbers as they print. */
static int preview_contains(tn_snapshot *s, uint32_t id, const tn_condition *c, tn_error *err)
{
    tn_preview preview;
    TN_TRY(tn__snapshot_preview(s, id, &preview, err));
    int kind = preview.kind & ~TN_PREVIEW_CUT;
    if (kind == TN_PREVIEW_TEXT || kind == TN_PREVIEW_BYTES || kind == TN_PREVIEW_NAME)
        return contains((const char *)preview.bytes, preview.length, c->text, c->n_text);
    if (kind == 0)
        return 0;
    char text[128];
    TN_TRY(tn_node_preview(s, id, text, sizeof text, err));
    return contains(text, strlen(text), c->text, c->n_text);
}

int tn__selection_node(const tn_selection *sel, tn_snapshot *s, uint32_t id, tn_error *err)
{
    for (size_t i = 0; i < sel->n; i++) {
        const tn_condition *c = tn__selection_at(sel, i);
        int holds;
        if (c->kind == TN_COND_ADDRESS)
            holds = c->number == id;
        else if (c->kind == TN_COND_TEXT)
            TN_TRY(holds = preview_contains(s, id, c, err));
        else
            continue;
        if ((holds != 0) == c->negated)
            return 0;
    }
    return 1;
}

bool tn__selection_row(const tn_selection *sel, const char *first, const char *second, const uint64_t *size)
{
    for (size_t i = 0; i < sel->n; i++) {
        const tn_condition *c = tn__selection_at(sel, i);
        bool holds;
        if (c->kind == TN_COND_SIZE)
            holds = size ? tn__condition_number(c, *size) : c->negated;
        else
            holds = (contains(first, strlen(first), c->text, c->n_text) ||
                     contains(second, strlen(second), c->text, c->n_text)) != c->negated;
        if (!holds)
            return false;
    }
    return true;
}
