/* cycles_page.c - tonnage cycles: by what they go over, or each with what keeps it; finalizers and weak references. */
#include "view/cycles_page.h"

#include <string.h>

const char *tn__cycle_state_name(enum tn_cycle_state state)
{
    static const char *const names[] = {"alive", "waiting", "listed", NULL};
    return names[state];
}

/* ---- order ---- */

enum tn_group_column { BY_CYCLES, BY_SIZE, BY_COUNT, BY_WAITING, BY_LISTED, BY_CYCLE };
enum tn_each_column { EACH_SIZE, EACH_COUNT, EACH_REFERENCES };

static int group_key(tn_cycles_page *p, uint32_t i, enum tn_group_column column, tn_order_key *key, tn_error *err)
{
    tn_cycle_group group;
    TN_TRY(tn_components_group(p->components, i, &group, err));
    switch (column) {
    case BY_CYCLES: key->number = group.cycles; break;
    case BY_SIZE: key->number = group.bytes; break;
    case BY_COUNT: key->number = group.count; break;
    case BY_WAITING: key->number = group.waiting; break;
    case BY_LISTED: key->number = group.listed; break;
    case BY_CYCLE:
        TN_TRY(tn__cycle_group_words(p, i, err));
        key->number = p->texts.size; /* becomes a text when these move no more */
        if (tn__buf_append(&p->texts, p->scratch.data, p->scratch.size) < 0)
            return tn__no_memory(p->snapshot, err);
    }
    return TN_OK;
}

static void each_key(const tn_cycles_page *p, uint32_t i, enum tn_each_column column, tn_order_key *key)
{
    const tn_component_row *row = &p->components->rows[i];
    key->number = column == EACH_SIZE    ? row->bytes
                  : column == EACH_COUNT ? row->count
                                         : tn__component_edges(p->components, i);
}

static int make_order(tn_cycles_page *p, const tn_view_options *o, tn_error *err)
{
    static const char *const groups[] = {"cycles", "size", "count", "waiting", "listed", "cycle"};
    static const char *const each[] = {"size", "count", "references"};
    size_t column;
    bool descending;
    TN_TRY(
        p->each
            ? tn__order_parse(o->sort, each, sizeof each / sizeof *each, EACH_REFERENCES + 1, &column, &descending, err)
            : tn__order_parse(o->sort, groups, sizeof groups / sizeof *groups, BY_CYCLE, &column, &descending, err));
    p->n_rows = tn_components_count(p->components);
    if (!p->each)
        TN_TRY(tn_components_groups(p->components, &p->n_rows, err));
    p->order = tn__alloc_zero(p->alloc, p->n_rows * sizeof *p->order);
    if (!p->order)
        return tn__no_memory(p->snapshot, err);
    for (uint32_t i = 0; i < p->n_rows; i++) {
        p->order[i] = (tn_order_key){.text = "", .row = i};
        if (p->each)
            each_key(p, i, (enum tn_each_column)column, &p->order[i]);
        else
            TN_TRY(group_key(p, i, (enum tn_group_column)column, &p->order[i], err));
    }
    for (uint32_t i = 0; !p->each && column == BY_CYCLE && i < p->n_rows; i++)
        p->order[i] = (tn_order_key){.text = (const char *)p->texts.data + p->order[i].number, .row = i};
    tn__order_sort(p->order, p->n_rows, descending);
    p->n_shown = tn__cycles_limit(o, p->n_rows);
    return TN_OK;
}

/* ---- each by itself ---- */

/* Members whose dominator is no member: where there is one, it retains what all do. *first is the one that retains most. */
static uint32_t find_tops(const tn_cycles_page *p, uint32_t index, uint32_t *first)
{
    const tn_dominators *tree = p->top.tree;
    const uint32_t *members = tn__component_members(p->components, index);
    uint32_t n = 0;
    *first = members[0];
    for (uint32_t i = 0; i < p->components->rows[index].count; i++) {
        uint32_t above = tree->idom[members[i]];
        if (above != TN_NONE && tn__in_component(p->components, index, above))
            continue;
        if (n++ == 0 || tree->retained[members[i]] > tree->retained[*first])
            *first = members[i];
    }
    return n;
}

/* Exact by a pass over all references where several members are held from outside; so only for some rows. */
static int tell_retained(tn_cycles_page *p, tn_cycle_row *row, uint32_t n_tops, uint32_t top, uint32_t *passes,
                         tn_error *err)
{
    tn_set *set, *gone = NULL;
    row->retained = p->top.tree->retained[top];
    row->retained_count = p->top.tree->counts[top];
    if (n_tops == 1)
        return TN_OK;
    row->retained = row->retained_count = TN_UNKNOWN;
    if (*passes == 0)
        return TN_OK;
    --*passes;
    TN_TRY(tn_components_members(p->components, row->index, &set, err));
    int status = tn_retained_set(p->snapshot, set, &gone, &row->retained, err);
    if (status == TN_OK)
        row->retained_count = tn_set_count(gone);
    tn_set_free(set);
    tn_set_free(gone);
    return status;
}

static int tell_row(tn_cycles_page *p, tn_tally *tally, tn_cycle_row *row, uint32_t *passes, tn_error *err)
{
    uint32_t top, n_tops = find_tops(p, row->index, &top);
    TN_TRY(tell_retained(p, row, n_tops, top, passes, err));
    tn__tally_content(tally, tn__component_members(p->components, row->index), p->components->rows[row->index].count,
                      &row->content);
    if (p->components->rows[row->index].state == TN_CYCLE_WAITING)
        return TN_OK;
    return tn__trail_make(&p->top, top, NULL, &row->trail, err);
}

static int tell_each(tn_cycles_page *p, tn_error *err)
{
    enum { PASSES = 64 };
    uint32_t passes = PASSES;
    tn_tally tally;
    TN_TRY(tn__toplevel_make(p->snapshot, false, &p->top, err));
    p->rows = tn__alloc_zero(p->alloc, p->n_shown * sizeof *p->rows);
    if (!p->rows)
        return tn__no_memory(p->snapshot, err);
    int status = tn__tally_open(&p->top, &tally, err);
    for (uint32_t i = 0; i < p->n_shown && status == TN_OK; i++) {
        p->rows[i].index = (uint32_t)p->order[i].row;
        status = tell_row(p, &tally, &p->rows[i], &passes, err);
    }
    tn__tally_close(&tally);
    return status;
}

/* ---- all of it ---- */

static int count_objects(tn_cycles_page *p, const tn_set *set, const tn_set *where, uint64_t *count, uint64_t *bytes,
                         tn_error *err)
{
    tn_set *both = NULL;
    if (where)
        TN_TRY(tn_set_intersect(set, where, &both, err));
    *count = tn_set_count(both ? both : set);
    int status = tn_set_bytes(p->snapshot, both ? both : set, bytes, err);
    tn_set_free(both);
    return status;
}

static int count_garbage(tn_cycles_page *p, const tn_set *where, tn_error *err)
{
    const tn_components *c = p->components;
    p->part = where != NULL;
    for (uint32_t i = 0; i < c->n; i++) {
        p->cycles_waiting += c->rows[i].state == TN_CYCLE_WAITING;
        p->cycles_listed += c->rows[i].state == TN_CYCLE_LISTED;
    }
    TN_TRY(count_objects(p, c->waiting, where, &p->waiting, &p->waiting_bytes, err));
    return count_objects(p, c->listed, where, &p->listed, &p->listed_bytes, err);
}

static int compute(tn_cycles_page *p, const tn_view_options *o, tn_error *err)
{
    tn_set *selected = NULL;
    if ((o->where && *o->where) || o->set)
        TN_TRY(tn__set_selected(p->snapshot, o, &selected, err));
    tn_components_options how = {.where = selected, .garbage = o->garbage, .by = p->each ? TN_BY_TYPE : o->by};
    int status = o->components ? TN_OK : tn_components_make(p->snapshot, &how, &p->made, err);
    p->components = o->components ? o->components : p->made;
    if (status == TN_OK)
        status = count_garbage(p, selected, err);
    if (status == TN_OK)
        status = make_order(p, o, err);
    if (status == TN_OK && p->each)
        status = tell_each(p, err);
    if (status == TN_OK)
        status = tn__finalizers(p->components, selected, o->garbage, &p->finalizers, err);
    if (status == TN_OK && !o->garbage)
        status = tn__weak_references(p->snapshot, selected, &p->weak, &p->tables, err);
    if (status == TN_OK)
        status = tn__snapshot_addresses(p->snapshot, err);
    tn_set_free(selected);
    return status;
}

static void close_page(tn_cycles_page *p)
{
    for (uint32_t i = 0; p->rows && i < p->n_shown; i++)
        tn__trail_free(&p->rows[i].trail);
    tn__free(p->alloc, p->rows, p->n_shown * sizeof *p->rows);
    tn__free(p->alloc, p->order, p->n_rows * sizeof *p->order);
    tn__buf_free(&p->finalizers);
    tn__buf_free(&p->weak);
    tn__buf_free(&p->tables);
    tn__buf_free(&p->texts);
    tn__buf_free(&p->scratch);
    tn__buf_free(&p->label);
    tn__toplevel_free(&p->top);
    tn_components_free(p->made);
}

static int write_page(tn_snapshot *s, const tn_view_options *o, const tn_sink *sink, tn_error *err)
{
    tn_cycles_page p = {.snapshot = s, .alloc = tn__snapshot_alloc(s), .each = o->by == TN_BY_ID};
    tn_out out;
    tn__buf_init(&p.finalizers, p.alloc);
    tn__buf_init(&p.weak, p.alloc);
    tn__buf_init(&p.tables, p.alloc);
    tn__buf_init(&p.texts, p.alloc);
    tn__buf_init(&p.scratch, p.alloc);
    tn__buf_init(&p.label, p.alloc);
    tn__out_init(&out, sink);
    int status = compute(&p, o, err);
    if (status == TN_OK)
        status = o->form == TN_JSON ? tn__cycles_json(&p, o, &out, err) : tn__cycles_text(&p, o, &out, err);
    if (status == TN_OK)
        status = tn__out_end(&out, err);
    close_page(&p);
    return status;
}

int tn_view_cycles(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_view_options o;
    tn_diff *made;
    if (options->where_rows)
        return tn__error_set(err, TN_EINVAL, 0, "cycles are many small ones: no row is too small to be told");
    if (options->by != TN_BY_TYPE && options->by != TN_BY_SITE && options->by != TN_BY_ID)
        return tn__error_set(err, TN_EINVAL, 0,
                             "cycles stand by type, what they go over, by site, where they were made, too, or by id, "
                             "each one");
    TN_TRY(tn__against(s, options, &o, &made, err));
    int status = write_page(s, &o, sink, err);
    tn_diff_close(made);
    return status;
}
