/* match.c - conditions of a selection against the types and nodes of a snapshot. */
#include "analysis/analysis.h"
#include "analysis/diff.h"
#include "analysis/dominators.h"
#include "analysis/sites.h"

#include <string.h>

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

static int type_holds(const tn_condition *c, tn_snapshot *s, const tn_type *type, const char *distribution, bool *holds)
{
    switch (c->kind) {
    case TN_COND_TYPE: return type_matches(c, s, type, holds);
    case TN_COND_MODULE: *holds = module_matches(c, type->module); return TN_OK;
    case TN_COND_DIST: *holds = same_name(c, distribution); return TN_OK;
    default: *holds = (type->flags & c->type_flags) != 0; return TN_OK;
    }
}

static int bind_types(tn_selection *sel, tn_condition *c, tn_snapshot *s, tn_error *err)
{
    const char *const *distributions = NULL;
    if (c->kind == TN_COND_DIST)
        TN_TRY(tn__distributions(s, &distributions, err));
    c->by_type = tn__alloc_zero(sel->alloc, sel->n_types);
    if (!c->by_type)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (uint32_t t = 0; t < sel->n_types; t++) {
        tn_type type;
        bool holds = false;
        if (tn_snapshot_type(s, t, &type) < 0 ||
            type_holds(c, s, &type, distributions ? distributions[t] : NULL, &holds) < 0)
            return tn__error_set(err, TN_ECORRUPT, 0, "type %u cannot be read", (unsigned)t);
        c->by_type[t] = holds;
    }
    return TN_OK;
}

static int bind_addresses(tn_condition *c, tn_snapshot *s, tn_error *err)
{
    TN_TRY(tn_set_new(s, &c->members, err));
    for (size_t i = 0; i < c->n_addresses; i++) {
        uint32_t id;
        int status = tn_node_at(s, c->addresses[i], &id, NULL);
        if (status == TN_OK)
            tn__set_add(c->members, id);
        else if (status != TN_ENOTFOUND)
            return tn_node_at(s, c->addresses[i], &id, err);
    }
    return TN_OK;
}

/* All that these objects dominate, but for themselves. */
static int bind_dominated(tn_condition *c, tn_snapshot *s, tn_error *err)
{
    tn_set *above, *gone;
    uint64_t bytes;
    TN_TRY(bind_addresses(c, s, err));
    above = c->members;
    c->members = NULL;
    int status = tn_retained_set(s, above, &gone, &bytes, err);
    if (status == TN_OK) {
        status = tn_set_minus(gone, above, &c->members, err);
        tn_set_free(gone);
    }
    tn_set_free(above);
    return status;
}

static int bind_root(tn_condition *c, tn_snapshot *s, tn_error *err)
{
    tn_groups *groups;
    tn_group row;
    TN_TRY(tn_groups_make(s, NULL, TN_BY_ROOT, NULL, &groups, err));
    int status = TN_OK;
    for (uint32_t i = 0; status == TN_OK && !c->members && i < tn_groups_count(groups); i++) {
        status = tn_groups_row(groups, i, &row, err);
        if (status == TN_OK && strcmp(row.label, c->text) == 0)
            status = tn_groups_members(groups, i, &c->members, err);
    }
    tn_groups_free(groups);
    return status == TN_OK && !c->members ? tn_set_new(s, &c->members, err) : status;
}

static int bind_is(tn_condition *c, tn_snapshot *s, const tn_diff *since, tn_error *err)
{
    if (!since)
        return tn__error_set(err, TN_EINVAL, 0,
                             "is:%s needs an older snapshot: --against OLD, in Python against=", c->text);
    return tn__diff_is(since, s, (enum tn_is)c->low, &c->members, err);
}

static int mark_site(const tn_condition *c, tn_snapshot *s, const uint32_t *births, uint8_t *marks, tn_error *err)
{
    tn_site_pattern pattern;
    TN_TRY(tn__site_pattern(c->text, c->n_text, &pattern, err));
    TN_TRY(tn__site_mark(s, &pattern, marks, err));
    for (uint32_t id = 0; id < tn_snapshot_n_objects(s); id++)
        if (births[id] && marks[births[id]])
            tn__set_add(c->members, id);
    return TN_OK;
}

/* Objects whose stack is not known have no site. */
static int bind_site(tn_condition *c, tn_snapshot *s, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    const uint32_t *births;
    uint32_t n;
    TN_TRY(tn_set_new(s, &c->members, err));
    TN_TRY(tn__births(s, &births, err));
    TN_TRY(tn__snapshot_n_stacks(s, &n, err));
    if (!births)
        return TN_OK;
    uint8_t *marks = tn__alloc(a, (size_t)n + 1);
    if (!marks)
        return tn__no_memory(s, err);
    int status = mark_site(c, s, births, marks, err);
    tn__free(a, marks, (size_t)n + 1);
    return status;
}

static int bind_members(tn_condition *c, tn_snapshot *s, const tn_diff *since, tn_error *err)
{
    switch (c->kind) {
    case TN_COND_IS: return bind_is(c, s, since, err);
    case TN_COND_SITE: return bind_site(c, s, err);
    case TN_COND_ADDRESS: return bind_addresses(c, s, err);
    case TN_COND_DOMINATED: return bind_dominated(c, s, err);
    case TN_COND_ROOT: return bind_root(c, s, err);
    default: return TN_OK;
    }
}

/* Loads what the condition asks objects for: in the middle of a scan that would take the blocks from under it. */
static int bind_column(const tn_condition *c, tn_snapshot *s, tn_error *err)
{
    const tn_dominators *dominators;
    const uint32_t *narrow;
    const uint64_t *wide;
    tn_preview preview;
    uint64_t n;
    switch (c->kind) {
    case TN_COND_REFCOUNT: return tn__column_u32(s, TN_COL_REFC, &narrow, &n, err);
    case TN_COND_LENGTH: return tn__column_u64(s, TN_COL_LENG, &wide, &n, err);
    case TN_COND_RETAINED: return tn__dominators(s, &dominators, err);
    case TN_COND_TEXT: return tn__snapshot_preview(s, 0, &preview, err);
    default: return TN_OK;
    }
}

int tn__selection_bind(tn_selection *sel, tn_snapshot *s, tn_error *err)
{
    sel->n_types = tn_snapshot_n_types(s);
    for (size_t i = 0; i < sel->n; i++) {
        tn_condition *c = tn__selection_at(sel, i);
        bool of_types =
            c->kind == TN_COND_TYPE || c->kind == TN_COND_MODULE || c->kind == TN_COND_DIST || c->type_flags;
        if (of_types && !c->by_type)
            TN_TRY(bind_types(sel, c, s, err));
        if (!c->members)
            TN_TRY(bind_members(c, s, sel->since, err));
        TN_TRY(bind_column(c, s, err));
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

/* ---- decisions ---- */

static enum tn_decision of_shape(const tn_condition *c, const tn_shape *shape)
{
    if (c->by_type)
        return c->by_type[shape->type] ? TN_DECIDED : TN_DECIDED_NOT;
    if (c->kind == TN_COND_LENGTH && !(shape->flags & TN_SHAPE_LENGTH))
        return TN_DECIDED_NOT;
    return TN_UNDECIDED;
}

/* From the last condition to the first, as each leads to later ones: decided where it is itself, or where both ways out
 * come to the same. */
static uint8_t decide_shape(const tn_selection *sel, const tn_shape *shape, uint8_t *decisions)
{
    for (size_t i = sel->n; i-- > 0;) {
        const tn_condition *c = tn__selection_at(sel, i);
        uint8_t ways[2];
        for (int holds = 0; holds < 2; holds++)
            ways[holds] = c->next[holds] == TN_ACCEPT   ? TN_DECIDED
                          : c->next[holds] == TN_REJECT ? TN_DECIDED_NOT
                                                        : decisions[c->next[holds]];
        enum tn_decision own = of_shape(c, shape);
        decisions[i] = own != TN_UNDECIDED ? ways[own == TN_DECIDED] : ways[0] == ways[1] ? ways[0] : TN_UNDECIDED;
    }
    return sel->n ? decisions[0] : TN_DECIDED;
}

void tn__selection_shapes(const tn_selection *sel, tn_snapshot *s, uint8_t *decisions)
{
    const tn_shape *shapes = tn__snapshot_shapes(s);
    uint8_t scratch[TN_MAX_CONDITIONS];
    for (uint32_t i = 0; i < tn__snapshot_n_shapes(s); i++)
        decisions[i] = decide_shape(sel, &shapes[i], scratch);
}

static int refcount_holds(const tn_condition *c, const tn_candidate *object)
{
    const uint32_t *counts;
    uint64_t n;
    TN_TRY(tn__column_u32(object->snapshot, TN_COL_REFC, &counts, &n, object->err));
    return tn__condition_number(c, counts ? counts[object->id] : 0);
}

static int retained_holds(const tn_condition *c, const tn_candidate *object)
{
    uint64_t bytes;
    uint32_t count;
    TN_TRY(tn_retained(object->snapshot, object->id, &bytes, &count, object->err));
    return tn__condition_number(c, bytes);
}

static int length_holds(const tn_condition *c, const tn_candidate *object)
{
    uint64_t length;
    TN_TRY(tn__node_length(object->snapshot, object->id, &length, object->err));
    return length != TN_UNKNOWN && tn__condition_number(c, length);
}

static int object_holds(void *ctx, const tn_condition *c)
{
    tn_candidate *object = ctx;
    if (c->by_type)
        return c->by_type[tn__snapshot_shapes(object->snapshot)[object->shape].type];
    if (c->members)
        return tn__set_test(c->members, object->id);
    switch (c->kind) {
    case TN_COND_SIZE: return tn__condition_number(c, object->bytes);
    case TN_COND_FLAG: return (object->flags & c->low) == c->high;
    case TN_COND_REFCOUNT: return refcount_holds(c, object);
    case TN_COND_LENGTH: return length_holds(c, object);
    case TN_COND_RETAINED: return retained_holds(c, object);
    default: return preview_contains(object->snapshot, object->id, c, object->err);
    }
}

int tn__selection_object(const tn_selection *sel, tn_candidate *object)
{
    return tn__selection_decide(sel, object_holds, object);
}

/* ---- rows ---- */

typedef struct tn_text_row {
    const char *first, *second;
    const uint64_t *size;
} tn_text_row;

static int row_holds(void *ctx, const tn_condition *c)
{
    const tn_text_row *row = ctx;
    if (c->kind == TN_COND_SIZE)
        return row->size && tn__condition_number(c, *row->size);
    return contains(row->first, strlen(row->first), c->text, c->n_text) ||
           contains(row->second, strlen(row->second), c->text, c->n_text);
}

bool tn__selection_row(const tn_selection *sel, const char *first, const char *second, const uint64_t *size)
{
    return tn__selection_decide(sel, row_holds, &(tn_text_row){first, second, size}) > 0;
}
