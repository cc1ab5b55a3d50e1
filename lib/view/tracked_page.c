/* tracked_page.c - tonnage tracked: which classes and instances, in what order. */
#include "view/tracked_page.h"

#include <string.h>

const char *const tn_tracked_page_names[TN_TRACKED_PAGES] = {"all", "snapshot", "class", "instance"};

/* ---- numbers ---- */

static uint64_t column_at(const tn_tracked_page_made *p, tn_tracked_place at, size_t column)
{
    if (at.moment == SIZE_MAX)
        return 0;
    const tn_tracked_moment *m = &p->all->moments[at.moment];
    const uint64_t *const columns[] = {m->flat, m->part, m->retained};
    return columns[column][at.row];
}

uint64_t tn__tracked_flat(const tn_tracked_page_made *p, tn_tracked_place at)
{
    return column_at(p, at, 0);
}

uint64_t tn__tracked_bytes(const tn_tracked_page_made *p, tn_tracked_place at)
{
    return column_at(p, at, 1);
}

uint64_t tn__tracked_retained(const tn_tracked_page_made *p, tn_tracked_place at)
{
    return column_at(p, at, 2);
}

const tn_tracked_moment *tn__tracked_last(const tn_tracked *t)
{
    return t->n_moments ? &t->moments[t->n_moments - 1] : NULL;
}

const tn_tracked_sum *tn__tracked_sum_at(const tn_tracked_moment *m, uint32_t kind)
{
    for (uint32_t i = 0; m && i < m->n_sums && m->sums[i].kind <= kind; i++)
        if (m->sums[i].kind == kind)
            return &m->sums[i];
    return NULL;
}

uint64_t tn__tracked_alive(const tn_tracked_kind *k)
{
    uint64_t made = k->born + k->found;
    return made > k->died ? made - k->died : 0;
}

static bool is_derived(const tn_tracked_kind *k, uint32_t base)
{
    for (uint32_t i = 0; i < k->n_bases; i++)
        if (k->bases[i] == base)
            return true;
    return false;
}

tn_tracked_sum tn__tracked_family(const tn_tracked *t, const tn_tracked_moment *m, uint32_t kind)
{
    tn_tracked_sum sum = {.kind = kind};
    for (uint32_t i = 0; m && i < m->n_sums; i++) {
        const tn_tracked_sum *one = &m->sums[i];
        if (one->kind != kind && !is_derived(&t->kinds[one->kind], kind))
            continue;
        sum.active += one->active;
        sum.bytes += one->bytes;
        sum.flat_bytes += one->flat_bytes;
    }
    return sum;
}

const tn_tracked_tree *tn__tracked_tree_at(const tn_tracked *t, const tn_tracked_moment *m, uint64_t serial)
{
    size_t low = m->first_tree, end = m->first_tree + m->n_trees, high = end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->trees[middle].serial < serial)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && t->trees[low].serial == serial ? &t->trees[low] : NULL;
}

uint64_t tn__tracked_median_ns(const tn_tracked_kind *k)
{
    uint64_t all = 0, until = 0;
    for (unsigned i = 0; i < TN_TRACKED_AGES; i++)
        all += k->ages[i];
    for (unsigned i = 0; i < TN_TRACKED_AGES && all; i++)
        if ((until += k->ages[i]) >= all - all / 2)
            return (uint64_t)1000000 << i;
    return TN_UNKNOWN;
}

/* ---- what is selected ---- */

typedef struct candidate {
    const tn_tracked *all;
    const tn_tracked_kind *kind;
    uint64_t bytes, retained_bytes;
    const char *texts[3]; /* NULL: none */
    const size_t *named;  /* of a class: its first instance with a name; NULL: of an instance */
    const size_t *next_named;
} candidate;

/* The name, or its end behind a dot, as given; or they begin so. */
static bool is_named(const char *name, const tn_condition *c)
{
    for (const char *at = name; at; at = strchr(at, '.')) {
        at += at != name;
        if (c->prefix ? strncmp(at, c->text, c->n_text) == 0 : strcmp(at, c->text) == 0)
            return true;
    }
    return false;
}

static bool kind_is(const candidate *one, const tn_condition *c)
{
    bool is = is_named(one->kind->name, c);
    for (uint32_t i = 0; c->subclasses && !is && i < one->kind->n_bases; i++)
        is = is_named(one->all->kinds[one->kind->bases[i]].name, c);
    return is;
}

static bool has_text(const candidate *one, const tn_condition *c)
{
    for (unsigned i = 0; i < sizeof one->texts / sizeof *one->texts; i++)
        if (one->texts[i] && strstr(one->texts[i], c->text))
            return true;
    for (size_t i = one->named ? *one->named : SIZE_MAX; i != SIZE_MAX; i = one->next_named[i])
        if (strstr(one->all->instances[i].label, c->text))
            return true;
    return false;
}

static int holds(void *ctx, const tn_condition *c)
{
    const candidate *one = ctx;
    switch (c->kind) {
    case TN_COND_TYPE: return kind_is(one, c);
    case TN_COND_MODULE: return strncmp(one->kind->name, c->text, c->n_text) == 0 && one->kind->name[c->n_text] == '.';
    case TN_COND_SIZE: return tn__condition_number(c, one->bytes);
    case TN_COND_RETAINED: return tn__condition_number(c, one->retained_bytes);
    default: return has_text(one, c);
    }
}

static tn_order_key key_of(const char *sort_text, uint64_t number, size_t row)
{
    return (tn_order_key){.number = number, .text = sort_text ? sort_text : "", .row = row};
}

enum column { BY_SIZE, BY_RETAINED, BY_BIRTH, BY_DEATH, BY_COUNT, BY_CLASS, BY_NAME, COLUMNS };
static const char *const column_names[COLUMNS] = {"size", "retained", "birth", "death", "count", "class", "name"};

static tn_order_key kind_key(const tn_tracked_page_made *p, uint32_t k, enum column by)
{
    const tn_tracked_kind *kind = &p->all->kinds[k];
    const tn_tracked_sum *sum = tn__tracked_sum_at(tn__tracked_last(p->all), k);
    switch (by) {
    case BY_SIZE: return key_of(NULL, sum ? sum->bytes : 0, k);
    case BY_RETAINED: return key_of(NULL, sum ? sum->retained_bytes : 0, k);
    case BY_BIRTH: return key_of(NULL, kind->born + kind->found, k);
    case BY_DEATH: return key_of(NULL, kind->died, k);
    case BY_COUNT: return key_of(NULL, tn__tracked_alive(kind), k);
    default: return key_of(kind->name, 0, k);
    }
}

static tn_order_key instance_key(const tn_tracked_page_made *p, size_t i, enum column by)
{
    const tn_tracked_instance *one = &p->all->instances[i];
    switch (by) {
    case BY_SIZE: return key_of(NULL, tn__tracked_bytes(p, p->last[i]), i);
    case BY_RETAINED: return key_of(NULL, tn__tracked_retained(p, p->last[i]), i);
    case BY_BIRTH: return key_of(NULL, one->birth_ns, i);
    case BY_DEATH: return key_of(NULL, one->death_ns == TN_UNKNOWN ? 0 : one->death_ns, i);
    case BY_COUNT: return key_of(NULL, tn__tracked_alive(&p->all->kinds[one->kind]), i);
    case BY_CLASS: return key_of(p->all->kinds[one->kind].name, 0, i);
    default: return key_of(one->label, 0, i);
    }
}

static void select_kinds(tn_tracked_page_made *p, const tn_selection *sel, enum column by)
{
    for (uint32_t k = 0; k < p->all->n_kinds; k++) {
        const tn_tracked_kind *kind = &p->all->kinds[k];
        const tn_tracked_sum *sum = tn__tracked_sum_at(tn__tracked_last(p->all), k);
        candidate one = {.all = p->all,
                         .kind = kind,
                         .texts = {kind->name, p->all->rules[kind->rule].label},
                         .named = &p->named[k],
                         .next_named = p->next_named};
        one.bytes = sum ? sum->bytes : 0;
        one.retained_bytes = sum ? sum->retained_bytes : 0;
        p->selected[k] = tn__selection_decide(sel, holds, &one) > 0;
        if (!p->selected[k])
            continue;
        p->kinds[p->n_kinds++] = kind_key(p, k, by);
        p->derived = p->derived || kind->n_bases;
    }
}

static void select_instances(tn_tracked_page_made *p, const tn_selection *sel, enum column by)
{
    for (size_t i = 0; i < p->all->n_instances; i++) {
        const tn_tracked_instance *instance = &p->all->instances[i];
        candidate one = {.all = p->all,
                         .kind = &p->all->kinds[instance->kind],
                         .bytes = tn__tracked_bytes(p, p->last[i]),
                         .retained_bytes = tn__tracked_retained(p, p->last[i]),
                         .texts = {instance->label, instance->preview, p->all->kinds[instance->kind].name}};
        if (tn__selection_decide(sel, holds, &one) > 0)
            p->instances[p->n_instances++] = instance_key(p, i, by);
    }
}

/* Where each instance was sized first and last: both tables ascend by serial. */
static void find_places(tn_tracked_page_made *p)
{
    const tn_tracked_place nowhere = {SIZE_MAX, 0};
    for (size_t i = 0; i < p->all->n_instances; i++)
        p->first[i] = p->last[i] = nowhere;
    for (size_t m = 0; m < p->all->n_moments; m++) {
        const tn_tracked_moment *moment = &p->all->moments[m];
        for (size_t row = 0, i = 0; row < moment->n_sizes; row++, i++) {
            while (p->all->instances[i].serial != moment->serials[row])
                i++;
            p->last[i] = (tn_tracked_place){m, row};
            if (p->first[i].moment == SIZE_MAX)
                p->first[i] = p->last[i];
        }
    }
}

/* Instances with a name, in a list for each class. */
static void find_named(tn_tracked_page_made *p)
{
    for (uint32_t k = 0; k < p->all->n_kinds; k++)
        p->named[k] = SIZE_MAX;
    for (size_t i = 0; i < p->all->n_instances; i++) {
        const tn_tracked_instance *one = &p->all->instances[i];
        if (one->label) {
            p->next_named[i] = p->named[one->kind];
            p->named[one->kind] = i;
        }
    }
}

/* ---- the page ---- */

static int make(tn_tracked_page_made *p, tn_error *err)
{
    const tn_tracked *t = p->all;
    tn_selection sel;
    size_t by;
    bool descending;
    TN_TRY(tn__order_parse(p->o->sort, column_names, COLUMNS, BY_CLASS, &by, &descending, err));
    TN_TRY(tn__selection_parse(p->alloc, p->o->where, p->o->where_rows, TN_SELECT_TRACKED, &sel, err));
    p->first = tn__alloc(p->alloc, t->n_instances * sizeof *p->first);
    p->last = tn__alloc(p->alloc, t->n_instances * sizeof *p->last);
    p->selected = tn__alloc(p->alloc, t->n_kinds * sizeof *p->selected);
    p->named = tn__alloc(p->alloc, t->n_kinds * sizeof *p->named);
    p->next_named = tn__alloc(p->alloc, t->n_instances * sizeof *p->next_named);
    p->kinds = tn__alloc(p->alloc, t->n_kinds * sizeof *p->kinds);
    p->instances = tn__alloc(p->alloc, t->n_instances * sizeof *p->instances);
    int status = TN_OK;
    if (!p->first || !p->last || !p->selected || !p->named || !p->next_named || !p->kinds || !p->instances) {
        status = tn__no_memory(p->snapshot, err);
    } else {
        find_places(p);
        find_named(p);
        select_kinds(p, &sel, (enum column)by);
        select_instances(p, &sel, (enum column)by);
        tn__order_sort(p->kinds, p->n_kinds, descending);
        tn__order_sort(p->instances, p->n_instances, descending);
        p->n_shown = p->o->limit && p->o->limit < p->n_instances ? p->o->limit : p->n_instances;
    }
    tn__selection_free(&sel);
    return status;
}

static void release(tn_tracked_page_made *p)
{
    size_t n_instances = p->all ? p->all->n_instances : 0, n_kinds = p->all ? p->all->n_kinds : 0;
    tn__free(p->alloc, p->first, n_instances * sizeof *p->first);
    tn__free(p->alloc, p->last, n_instances * sizeof *p->last);
    tn__free(p->alloc, p->selected, n_kinds * sizeof *p->selected);
    tn__free(p->alloc, p->named, n_kinds * sizeof *p->named);
    tn__free(p->alloc, p->next_named, n_instances * sizeof *p->next_named);
    tn__free(p->alloc, p->kinds, n_kinds * sizeof *p->kinds);
    tn__free(p->alloc, p->instances, n_instances * sizeof *p->instances);
}

int tn_view_tracked(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_tracked_page_made p = {.snapshot = s, .o = options, .alloc = tn__snapshot_alloc(s)};
    tn_out out;
    if (!tn__tracked_there(s))
        return tn__error_set(
            err, TN_EINVAL, 0,
            "the file has no tracked classes: run the program with --track CLASS, or use tonnage.track");
    TN_TRY(tn__snapshot_tracked(s, &p.all, err));
    tn__out_init(&out, sink);
    int status = make(&p, err);
    if (status == TN_OK && options->form == TN_JSON)
        tn__tracked_json(&p, &out);
    else if (status == TN_OK)
        status = tn__tracked_text(&p, &out, err);
    if (status == TN_OK)
        status = tn__out_end(&out, err);
    release(&p);
    return tn__memory_told(s, status, err);
}
