/* waste.c - findings of waste: the items of each kind, parted by what holds them or by class, above the threshold. */
#include "analysis/waste.h"

#include <stdlib.h>
#include <string.h>

const char *const tn_waste_names[TN_WASTES] = {
    [TN_WASTE_EQUAL_TEXT] = "equal-text",
    [TN_WASTE_EQUAL_NUMBER] = "equal-number",
    [TN_WASTE_EQUAL_TUPLE] = "equal-tuple",
    [TN_WASTE_EQUAL_CONTAINER] = "equal-container",
    [TN_WASTE_EQUAL_DATA] = "equal-data",
    [TN_WASTE_ROOM] = "room",
    [TN_WASTE_EMPTY] = "empty",
    [TN_WASTE_FEW] = "few",
    [TN_WASTE_SLOTS] = "slots",
    [TN_WASTE_UNSHARED] = "unshared",
    [TN_WASTE_BOXED] = "boxed",
    [TN_WASTE_SECOND_COPY] = "second-copy",
    [TN_WASTE_ZEROS] = "zeros",
    [TN_WASTE_ZERO_DATA] = "zero-data",
};

enum { LEAST_PERCENT = 1, LEAST_BYTES = 65536, WARNING_PERCENT = 5 };

static size_t n_items(const tn_waste *w, unsigned kind)
{
    return w->items[kind].size / sizeof(tn_waste_item);
}

static tn_waste_item *item_at(const tn_waste *w, unsigned kind, size_t i)
{
    return (tn_waste_item *)(void *)w->items[kind].data + i;
}

/* ---- groups of items ---- */

typedef struct tn_waste_sum {
    uint64_t count, bytes, saved, most;
    uint32_t example, finding;
} tn_waste_sum;

/* Number of the group of each item goes into its subject. */
typedef struct tn_waste_parts {
    tn_waste *waste;
    unsigned kind;
    uint32_t n;
    tn_waste_sum *sums;
    tn_waste_holders *holders; /* NULL: by class */
    tn_map numbers;            /* of groups and types; where the kind goes by types too */
    tn_buf keys;               /* uint64_t of each number: group << 32 | row of TYPE */
} tn_waste_parts;

static bool tells_class(unsigned kind)
{
    return kind == TN_WASTE_SLOTS || kind == TN_WASTE_UNSHARED;
}

/* What to do depends on the type then. */
static bool goes_by_type(unsigned kind)
{
    return kind == TN_WASTE_ROOM || kind == TN_WASTE_EMPTY || kind == TN_WASTE_FEW ||
           kind == TN_WASTE_EQUAL_CONTAINER || kind == TN_WASTE_EQUAL_DATA;
}

static bool goes_by_class(const tn_waste *w, unsigned kind)
{
    return tells_class(kind) && !w->grouped;
}

/* What stands for the item where it is asked what holds it. Items that go by classes have a type there. */
static uint32_t stands_for(unsigned kind, const tn_waste_item *item)
{
    return tells_class(kind) || item->subject == TN_NONE ? item->id : item->subject;
}

static bool may_be_told(const tn_waste *w, unsigned kind, const tn_selection *rows)
{
    uint64_t saved = 0;
    for (size_t i = 0; i < n_items(w, kind); i++)
        saved += item_at(w, kind, i)->saved;
    return saved && (rows || saved >= w->threshold);
}

/* What stands for items of the kinds that do not go by class. */
static int find_parted(tn_waste *w, const tn_selection *rows, tn_set **out, tn_error *err)
{
    tn_set *set;
    bool any = false;
    TN_TRY(tn_set_new(w->heap.snapshot, &set, err));
    for (unsigned kind = 0; kind < TN_WASTES; kind++) {
        if (!may_be_told(w, kind, rows)) {
            tn__buf_free(&w->items[kind]);
            continue;
        }
        any |= !goes_by_class(w, kind);
        for (size_t i = 0; i < n_items(w, kind) && !goes_by_class(w, kind); i++) {
            uint32_t id = stands_for(kind, item_at(w, kind, i));
            if (!tn__set_test(set, id))
                tn__set_add(set, id);
        }
    }
    if (any)
        *out = set;
    else
        tn_set_free(set);
    return TN_OK;
}

static int part_by_type(tn_waste_parts *p, uint32_t id, uint32_t *number, tn_error *err)
{
    uint64_t key = (uint64_t)*number << 32 | tn__waste_shape(&p->waste->heap, id)->type;
    uint32_t *known;
    TN_TRY(tn__map_slot(&p->numbers, key, &known, err));
    if (!*known) {
        if (tn__buf_append(&p->keys, &key, sizeof key) < 0)
            return tn__no_memory(p->waste->heap.snapshot, err);
        *known = ++p->n;
    }
    *number = *known - 1;
    return TN_OK;
}

static int part_by_groups(tn_waste_parts *p, tn_error *err)
{
    tn_waste *w = p->waste;
    uint32_t n = tn__waste_holders_count(p->holders);
    for (size_t i = 0; i < n_items(w, p->kind); i++) {
        tn_waste_item *item = item_at(w, p->kind, i);
        uint32_t id = stands_for(p->kind, item);
        TN_TRY(tn__waste_holders_of(p->holders, id, &item->subject, err));
        if (goes_by_type(p->kind) && item->subject < n)
            TN_TRY(part_by_type(p, id, &item->subject, err));
    }
    if (!goes_by_type(p->kind))
        p->n = n;
    return TN_OK;
}

static uint64_t key_of(const tn_waste_parts *p, uint32_t number)
{
    uint64_t key = (uint64_t)number << 32 | TN_NONE;
    if (p->keys.size)
        memcpy(&key, p->keys.data + number * sizeof key, sizeof key);
    return key;
}

static int sum_up(tn_waste_parts *p, tn_error *err)
{
    tn_waste *w = p->waste;
    p->sums = tn__alloc_zero(w->heap.alloc, p->n * sizeof *p->sums);
    if (!p->sums)
        return tn__no_memory(w->heap.snapshot, err);
    for (size_t i = 0; i < n_items(w, p->kind); i++) {
        const tn_waste_item *item = item_at(w, p->kind, i);
        if (item->subject >= p->n)
            continue;
        tn_waste_sum *sum = &p->sums[item->subject];
        sum->count++;
        sum->bytes += w->heap.sizes[item->id];
        sum->saved += item->saved;
        if (item->saved > sum->most) {
            sum->most = item->saved;
            sum->example = item->id;
        }
    }
    return TN_OK;
}

/* ---- findings ---- */

static bool passes(const tn_waste *w, const tn_selection *rows, uint64_t saved, const char *label)
{
    return rows ? saved && tn__selection_row(rows, label, "", &saved) : saved >= w->threshold;
}

static int label_of(tn_waste_parts *p, uint32_t number, const char **label, tn_error *err)
{
    tn_waste *w = p->waste;
    if (p->holders)
        return tn__waste_holders_label(p->holders, (uint32_t)(key_of(p, number) >> 32), &w->arena, label, err);
    tn_type type;
    TN_TRY(tn_snapshot_type(w->heap.snapshot, number, &type));
    *label = type.full_name;
    return TN_OK;
}

static int compare_classes(const void *key, const void *element)
{
    uint32_t a = *(const uint32_t *)key, b = ((const tn_waste_class *)element)->type;
    return a < b ? -1 : a > b;
}

/* They stand in order of type. */
static const tn_waste_class *class_of(const tn_waste_parts *p, uint32_t type)
{
    const tn_buf *classes = &p->waste->classes[p->kind];
    size_t n = classes->size / sizeof(tn_waste_class);
    return p->holders || !n ? NULL : bsearch(&type, classes->data, n, sizeof(tn_waste_class), compare_classes);
}

/* number: TN_NONE of what is elsewhere. */
static int add_finding(tn_waste_parts *p, const tn_waste_sum *sum, uint32_t number, const char *label, tn_error *err)
{
    tn_waste *w = p->waste;
    tn_waste_finding f = {.kind = (enum tn_waste_kind)p->kind,
                          .label = label,
                          .example = sum->example,
                          .count = sum->count,
                          .bytes = sum->bytes,
                          .saved = sum->saved,
                          .elsewhere = number == TN_NONE,
                          .type = number == TN_NONE ? TN_NONE : (uint32_t)key_of(p, number),
                          .class = number == TN_NONE ? NULL : class_of(p, number)};
    return tn__buf_append(&w->findings, &f, sizeof f) < 0 ? tn__no_memory(w->heap.snapshot, err) : TN_OK;
}

/* The example is one of the largest group: what is largest may be like no other. */
static void add_sum(tn_waste_sum *into, const tn_waste_sum *from)
{
    into->count += from->count;
    into->bytes += from->bytes;
    into->saved += from->saved;
    if (from->saved > into->most) {
        into->most = from->saved;
        into->example = from->example;
    }
}

/* Groups above the threshold are findings; all others together are one, if that is above it. */
static int tell_groups(tn_waste_parts *p, const tn_selection *rows, tn_error *err)
{
    tn_waste *w = p->waste;
    tn_waste_sum rest = {0};
    uint32_t n = (uint32_t)(w->findings.size / sizeof(tn_waste_finding));
    for (uint32_t i = 0; i < p->n; i++) {
        const char *label = "";
        p->sums[i].finding = TN_NONE;
        if (!p->sums[i].saved || (!rows && p->sums[i].saved < w->threshold)) {
            add_sum(&rest, &p->sums[i]);
            continue;
        }
        TN_TRY(label_of(p, i, &label, err));
        if (!passes(w, rows, p->sums[i].saved, label)) {
            add_sum(&rest, &p->sums[i]);
            continue;
        }
        p->sums[i].finding = n++;
        TN_TRY(add_finding(p, &p->sums[i], i, label, err));
    }
    bool others = rest.count && passes(w, rows, rest.saved, "(elsewhere)");
    if (others)
        TN_TRY(add_finding(p, &rest, TN_NONE, "(elsewhere)", err));
    for (size_t i = 0; i < n_items(w, p->kind); i++) {
        tn_waste_item *item = item_at(w, p->kind, i);
        uint32_t finding = item->subject < p->n ? p->sums[item->subject].finding : TN_NONE;
        item->subject = finding != TN_NONE ? finding : others ? n : TN_NONE;
    }
    return TN_OK;
}

static int tell_kind(tn_waste *w, unsigned kind, tn_waste_holders *holders, const tn_selection *rows, tn_error *err)
{
    tn_waste_parts p = {.waste = w, .kind = kind, .holders = goes_by_class(w, kind) ? NULL : holders};
    int status = TN_OK;
    if (!n_items(w, kind))
        return TN_OK;
    p.numbers.alloc = w->heap.alloc;
    tn__buf_init(&p.keys, w->heap.alloc);
    if (p.holders)
        status = part_by_groups(&p, err);
    else
        p.n = tn_snapshot_n_types(w->heap.snapshot);
    if (status == TN_OK)
        status = sum_up(&p, err);
    if (status == TN_OK)
        status = tell_groups(&p, rows, err);
    tn__free(w->heap.alloc, p.sums, p.n * sizeof *p.sums);
    tn__map_free(&p.numbers);
    tn__buf_free(&p.keys);
    return status;
}

/* ---- order ---- */

typedef struct tn_waste_place {
    uint64_t saved;
    uint32_t number;
} tn_waste_place;

static int compare_places(const void *left, const void *right)
{
    const tn_waste_place *a = left, *b = right;
    if (a->saved != b->saved)
        return a->saved > b->saved ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static void reorder(tn_waste *w, const tn_waste_place *places, uint32_t n, uint32_t *moved, tn_waste_finding *sorted)
{
    for (uint32_t i = 0; i < n; i++) {
        moved[places[i].number] = i;
        sorted[i] = *tn__waste_finding_at(w, places[i].number);
    }
    memcpy(w->findings.data, sorted, n * sizeof *sorted);
    for (unsigned kind = 0; kind < TN_WASTES; kind++)
        for (size_t i = 0; i < n_items(w, kind); i++) {
            tn_waste_item *item = item_at(w, kind, i);
            item->subject = item->subject == TN_NONE ? TN_NONE : moved[item->subject];
        }
}

static int put_in_order(tn_waste *w, tn_error *err)
{
    const tn_alloc *a = w->heap.alloc;
    uint32_t n = tn_waste_count(w);
    tn_waste_place *places = tn__alloc(a, n * sizeof *places);
    uint32_t *moved = tn__alloc(a, n * sizeof *moved);
    tn_waste_finding *sorted = tn__alloc(a, n * sizeof *sorted);
    bool all = places && moved && sorted;
    for (uint32_t i = 0; all && i < n; i++)
        places[i] = (tn_waste_place){tn__waste_finding_at(w, i)->saved, i};
    if (all && n > 1)
        qsort(places, n, sizeof *places, compare_places);
    if (all && n)
        reorder(w, places, n, moved, sorted);
    tn__free(a, places, n * sizeof *places);
    tn__free(a, moved, n * sizeof *moved);
    tn__free(a, sorted, n * sizeof *sorted);
    return all ? TN_OK : tn__no_memory(w->heap.snapshot, err);
}

/* ---- together ---- */

static size_t n_told(const tn_waste *w)
{
    size_t n = 0;
    for (unsigned kind = 0; kind < TN_WASTES; kind++)
        for (size_t i = 0; i < n_items(w, kind); i++)
            n += item_at(w, kind, i)->subject != TN_NONE;
    return n;
}

/* Of each object the most that one finding tells: no byte goes twice. The value is the object's number, at its bytes. */
static int add_together(tn_waste *w, tn_error *err)
{
    const tn_alloc *a = w->heap.alloc;
    size_t n = n_told(w), at = 0;
    tn_sort_item *from = tn__alloc(a, n * sizeof *from), *to = tn__alloc(a, n * sizeof *to), *sorted = from;
    for (unsigned kind = 0; from && to && kind < TN_WASTES; kind++)
        for (size_t i = 0; i < n_items(w, kind); i++) {
            const tn_waste_item *item = item_at(w, kind, i);
            if (item->subject != TN_NONE)
                from[at++] = (tn_sort_item){item->id, item->saved};
        }
    if (from && to)
        sorted = tn__radix_sort(from, to, n, UINT32_MAX);
    for (size_t i = 0, most = 0; from && to && i < n; i++) {
        most = sorted[i].at > most ? sorted[i].at : most;
        w->told += sorted[i].at;
        if (i + 1 < n && sorted[i + 1].value == sorted[i].value)
            continue;
        w->saved += most;
        most = 0;
    }
    bool all = from && to;
    tn__free(a, from, n * sizeof *from);
    tn__free(a, to, n * sizeof *to);
    return all ? TN_OK : tn__no_memory(w->heap.snapshot, err);
}

/* ---- making ---- */

static int tell_all(tn_waste *w, const char *where_rows, tn_error *err)
{
    tn_selection rows;
    uint64_t percent = w->heap.bytes / 100 * LEAST_PERCENT;
    w->threshold = percent > LEAST_BYTES ? percent : LEAST_BYTES;
    if (where_rows)
        TN_TRY(tn__selection_parse(w->heap.alloc, where_rows, NULL, 1 << TN_COND_SIZE, &rows, err));
    const tn_selection *wanted = where_rows ? &rows : NULL;
    tn_waste_holders holders = {0};
    tn_set *parted = NULL;
    int status = find_parted(w, wanted, &parted, err);
    if (status == TN_OK && parted)
        status = tn__waste_holders_make(w, parted, &holders, err);
    for (unsigned kind = 0; kind < TN_WASTES && status == TN_OK; kind++)
        status = tell_kind(w, kind, &holders, wanted, err);
    tn__waste_holders_free(&holders);
    tn_set_free(parted);
    if (where_rows)
        tn__selection_free(&rows);
    return status;
}

static int make(tn_waste *w, const tn_waste_options *o, tn_error *err)
{
    TN_TRY(tn__waste_heap_make(w->heap.snapshot, o->set, &w->heap, err));
    TN_TRY(tn__waste_equal(w, err));
    TN_TRY(tn__waste_room(w, err));
    TN_TRY(tn__waste_classes(w, err));
    TN_TRY(tn__waste_boxed(w, err));
    TN_TRY(tell_all(w, o->where_rows, err));
    TN_TRY(put_in_order(w, err));
    TN_TRY(add_together(w, err));
    w->heap.within = NULL; /* the caller's */
    return TN_OK;
}

int tn_waste_make(tn_snapshot *s, const tn_waste_options *o, tn_waste **out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_waste *w = tn__alloc_zero(a, sizeof *w);
    if (!w)
        return tn__no_memory(s, err);
    w->heap.snapshot = s;
    w->heap.alloc = a;
    w->by = o->by;
    w->grouped = o->grouped;
    tn__arena_init(&w->arena, a);
    tn__buf_init(&w->findings, a);
    for (unsigned kind = 0; kind < TN_WASTES; kind++) {
        tn__buf_init(&w->items[kind], a);
        tn__buf_init(&w->classes[kind], a);
    }
    int status = tn__memory_told(s, make(w, o, err), err);
    if (status < 0)
        tn_waste_free(w);
    else
        *out = w;
    return status;
}

void tn_waste_free(tn_waste *w)
{
    if (!w)
        return;
    for (unsigned kind = 0; kind < TN_WASTES; kind++) {
        tn__buf_free(&w->items[kind]);
        tn__buf_free(&w->classes[kind]);
    }
    tn__buf_free(&w->findings);
    tn__arena_free(&w->arena);
    tn__waste_heap_free(&w->heap);
    tn__free(w->heap.alloc, w, sizeof *w);
}

/* ---- reading ---- */

uint32_t tn_waste_count(const tn_waste *w)
{
    return (uint32_t)(w->findings.size / sizeof(tn_waste_finding));
}

uint64_t tn_waste_saved(const tn_waste *w)
{
    return w->saved;
}

static int no_finding(const tn_waste *w, uint32_t index, tn_error *err)
{
    return tn__error_set(err, TN_EINVAL, 0, "there is no finding %u: there are %u", (unsigned)index,
                         (unsigned)tn_waste_count(w));
}

static enum tn_waste_grade grade_of(const tn_waste *w, const tn_waste_finding *f)
{
    bool wanted = f->kind == TN_WASTE_FEW || f->kind == TN_WASTE_EQUAL_CONTAINER || f->kind == TN_WASTE_EQUAL_DATA ||
                  f->kind == TN_WASTE_ZERO_DATA;
    bool in_the_way = f->class && (f->class->descriptors || f->class->asked);
    if (wanted || in_the_way || f->elsewhere)
        return TN_WASTE_HINT;
    return f->saved >= w->heap.bytes / 100 * WARNING_PERCENT ? TN_WASTE_WARNING : TN_WASTE_NOTE;
}

int tn_waste_row_at(const tn_waste *w, uint32_t index, tn_waste_row *out, tn_error *err)
{
    if (index >= tn_waste_count(w))
        return no_finding(w, index, err);
    const tn_waste_finding *f = tn__waste_finding_at(w, index);
    tn_type type;
    bool typed = f->type != TN_NONE && tn_snapshot_type(w->heap.snapshot, f->type, &type) == TN_OK;
    *out = (tn_waste_row){.kind = f->kind,
                          .grade = grade_of(w, f),
                          .label = f->label,
                          .count = f->count,
                          .bytes = f->bytes,
                          .saved = f->saved,
                          .example = f->example,
                          .type = typed ? type.full_name : NULL};
    if (f->class) {
        out->attributes = f->class->attributes;
        out->missing = f->class->missing;
        out->bases = f->class->bases;
        out->defaults = f->class->defaults;
        out->descriptors = f->class->descriptors;
        out->asked = f->class->asked;
    }
    return TN_OK;
}

int tn_waste_members(const tn_waste *w, uint32_t index, tn_set **out, tn_error *err)
{
    tn_set *set;
    if (index >= tn_waste_count(w))
        return no_finding(w, index, err);
    TN_TRY(tn_set_new(w->heap.snapshot, &set, err));
    unsigned kind = tn__waste_finding_at(w, index)->kind;
    for (size_t i = 0; i < n_items(w, kind); i++)
        if (item_at(w, kind, i)->subject == index && !tn__set_test(set, item_at(w, kind, i)->id))
            tn__set_add(set, item_at(w, kind, i)->id);
    *out = set;
    return TN_OK;
}
