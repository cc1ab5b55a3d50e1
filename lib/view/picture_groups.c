/* picture_groups.c - pictures of kinds: the largest groups and the references between them; and what cycles go over. */
#include "view/picture.h"
#include "view/refs.h"
#include "view/summary.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_BRANCHES = 3, MOST_LETTERS = 24, MOST_COLUMNS = 40, MOST_GROUPS = 2000 };

/* ---- groups ---- */

static int draw_group(tn_picture *p, tn_groups *g, uint32_t index, tn_error *err)
{
    tn_group row;
    char text[96], size[24];
    uint32_t place;
    TN_TRY(tn_groups_row(g, index, &row, err));
    tn_drawn_node drawn = {.kind = TN_DRAWN_GROUP, .count = row.count, .bytes = row.bytes};
    tn__compose(text, sizeof text, "%llu object%s\n%s", (unsigned long long)row.count, tn__picture_s(row.count),
                tn_format_bytes(row.bytes, size, sizeof size));
    TN_TRY(tn__picture_escape(p, row.label, err));
    return tn__picture_other(p, &drawn, (const char *)p->words.data, text, &place, err);
}

/* Groups with a member that is highlighted. */
static int highlight(tn_picture *p, tn_groups *g, uint32_t n, tn_error *err)
{
    uint32_t index;
    const tn_set *set = p->o.highlight;
    for (uint32_t id = set ? tn_set_next(set, 0) : TN_NONE; id != TN_NONE; id = tn_set_next(set, id + 1)) {
        TN_TRY(tn_groups_of(g, id, &index, err));
        if (index < n)
            tn__drawn_node(p, index)->highlighted = true;
    }
    return TN_OK;
}

typedef struct tn_relation {
    uint32_t from, to;
    uint64_t count;
} tn_relation;

static int most_first(const void *left, const void *right)
{
    const tn_relation *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return a->from != b->from ? (a->from > b->from) - (a->from < b->from) : (a->to > b->to) - (a->to < b->to);
}

/* The edges with most references, but not more out of a group than branches; one into each, if there is one. */
static int draw_relations(tn_picture *p, const tn_relation *relations, size_t n_relations, uint32_t *uses, uint32_t n,
                          tn_error *err)
{
    uint32_t most = p->view.branches ? p->view.branches : DEFAULT_BRANCHES, *out = uses, *in = uses + n;
    char label[24];
    for (size_t i = 0; i < n_relations; i++) {
        const tn_relation *r = &relations[i];
        if (r->from == r->to || (out[r->from] >= most && in[r->to] > 0))
            continue;
        out[r->from]++;
        in[r->to]++;
        tn__compose(label, sizeof label, "%llu", (unsigned long long)r->count);
        TN_TRY(tn__picture_edge(p, r->from, r->to, TN_REF_OWNING, r->count, label, err));
    }
    return TN_OK;
}

static int relate(tn_picture *p, tn_groups *g, uint32_t n, tn_error *err)
{
    size_t cells = (size_t)n * n, n_relations = 0;
    uint64_t *counts = tn__alloc(p->alloc, cells * sizeof *counts);
    tn_relation *relations = tn__alloc(p->alloc, cells * sizeof *relations);
    uint32_t *uses = tn__alloc_zero(p->alloc, 2 * (size_t)n * sizeof *uses);
    int status = counts && relations && uses ? tn_groups_edges(g, n, counts, err) : tn__picture_no_memory(p, err);
    for (size_t i = 0; status == TN_OK && i < cells; i++)
        if (counts[i])
            relations[n_relations++] = (tn_relation){(uint32_t)(i / n), (uint32_t)(i % n), counts[i]};
    if (status == TN_OK && n_relations > 1)
        qsort(relations, n_relations, sizeof *relations, most_first);
    if (status == TN_OK)
        status = draw_relations(p, relations, n_relations, uses, n, err);
    tn__free(p->alloc, counts, cells * sizeof *counts);
    tn__free(p->alloc, relations, cells * sizeof *relations);
    tn__free(p->alloc, uses, 2 * (size_t)n * sizeof *uses);
    return status;
}

/* What is in none of the groups that are drawn. */
static int add_rest(tn_picture *p, uint32_t n_left, uint64_t count, uint64_t bytes, tn_error *err)
{
    tn_drawn_node drawn = {.kind = TN_DRAWN_GHOST, .count = count, .bytes = bytes};
    char title[48], text[96], size[24];
    uint32_t place;
    if (n_left == 0)
        return TN_OK;
    tn__compose(title, sizeof title, "%u more group%s", (unsigned)n_left, tn__picture_s(n_left));
    tn__compose(text, sizeof text, "%llu object%s\n%s", (unsigned long long)count, tn__picture_s(count),
                tn_format_bytes(bytes, size, sizeof size));
    return tn__picture_other(p, &drawn, title, text, &place, err);
}

static int draw_groups(tn_picture *p, tn_groups *g, tn_error *err)
{
    char size[24];
    uint64_t count, bytes, left_count, left_bytes;
    uint32_t n_all = tn_groups_count(g);
    size_t n_filtered = 0;
    TN_TRY(tn__groups_order(g, p->view.sort, err));
    if (p->view.where_rows)
        TN_TRY(tn__groups_filter(g, p->view.where_rows, &n_filtered, err));
    uint32_t n = tn__picture_limit(p, tn_groups_count(g));
    if (n > MOST_GROUPS)
        return tn__error_set(err, TN_EINVAL, 0, "a picture has at most %d groups, these are %u: set a limit",
                             MOST_GROUPS, (unsigned)n);
    tn_groups_total(g, &count, &bytes);
    left_count = count;
    left_bytes = bytes;
    for (uint32_t i = 0; i < n; i++) {
        TN_TRY(draw_group(p, g, i, err));
        left_count -= tn__drawn_node(p, i)->count;
        left_bytes -= tn__drawn_node(p, i)->bytes;
    }
    TN_TRY(highlight(p, g, n, err));
    TN_TRY(relate(p, g, n, err));
    TN_TRY(add_rest(p, n_all - n, left_count, left_bytes, err));
    return tn__picture_title(p, err, "%u of %u group%s by %s, of %s in %llu object%s", (unsigned)n, (unsigned)n_all,
                             tn__picture_s(n_all), tn_by_names[g->by], tn_format_bytes(bytes, size, sizeof size),
                             (unsigned long long)count, tn__picture_s(count));
}

int tn__picture_groups(tn_picture *p, tn_error *err)
{
    const tn_view_options *o = &p->view;
    tn_groups *g;
    bool heads = o->heads || o->head_set;
    if (heads && o->by != TN_BY_TYPE)
        return tn__error_set(err, TN_EINVAL, 0, "groups are by heads or by %s, not by both", tn_by_names[o->by]);
    tn_groups_options how = {
        .where = o->where, .since = o->since, .fold = o->fold, .head_words = o->heads, .heads = o->head_set};
    if (heads)
        p->view.by = TN_BY_HEADS;
    TN_TRY(tn_groups_make(p->snapshot, o->set, p->view.by, &how, &g, err));
    int status = draw_groups(p, g, err);
    tn_groups_free(g);
    return status;
}

/* ---- kinds of cycles ---- */

static bool is_subscript(const tn_cycle_letter *letter)
{
    return letter->style == TN_LABEL_INDEX || letter->style == TN_LABEL_VALUE || letter->style == TN_LABEL_ITEM;
}

typedef struct tn_ring {
    tn_components *components;
    uint32_t group, n;    /* letters */
    uint32_t first, last; /* places */
    char label[128];      /* of the edge that leads on from the last one */
} tn_ring;

/* x.__dict__['a'] is x.a: the dict of attributes is no node. */
static int is_folded(tn_picture *p, const tn_ring *ring, uint32_t i, bool *folded, tn_error *err)
{
    tn_cycle_letter letter, before;
    *folded = false;
    if (ring->n == 1 || !p->view.fold)
        return TN_OK;
    tn__cycle_letter_at(ring->components, ring->group, i, &letter);
    tn__cycle_letter_at(ring->components, ring->group, (i + ring->n - 1) % ring->n, &before);
    if (before.style != TN_LABEL_ATTRIBUTE || !letter.text || !is_subscript(&letter))
        return TN_OK;
    TN_TRY(tn__label_shared(p->snapshot, before.style, before.text, &p->label, err));
    *folded = strcmp((const char *)p->label.data, ".__dict__") == 0;
    return TN_OK;
}

static int keep_label(tn_ring *ring, const char *before, const char *label)
{
    tn_text t;
    size_t fits = tn__text_fit(label, strlen(label), MOST_COLUMNS);
    tn__text_init(&t, ring->label, sizeof ring->label);
    tn__text_add(&t, before, strlen(before));
    tn__text_add(&t, label, fits);
    tn__text_add(&t, "…", label[fits] ? strlen("…") : 0);
    tn__text_end(&t);
    return TN_OK;
}

static int draw_letter(tn_picture *p, tn_ring *ring, uint32_t i, tn_error *err)
{
    tn_cycle_letter letter;
    bool folded;
    tn__cycle_letter_at(ring->components, ring->group, i, &letter);
    TN_TRY(is_folded(p, ring, i, &folded, err));
    if (folded) {
        TN_TRY(tn__picture_escape(p, letter.text, err));
        return keep_label(ring, ".", (const char *)p->words.data);
    }
    uint32_t place;
    tn_drawn_node drawn = {.kind = tn__picture_rank(letter.rank)};
    TN_TRY(tn__picture_escape(p, letter.type, err));
    TN_TRY(tn__picture_other(p, &drawn, (const char *)p->words.data, "", &place, err));
    if (ring->first == TN_NONE)
        ring->first = place;
    else
        TN_TRY(tn__picture_edge(p, ring->last, place, TN_REF_OWNING, 1, ring->label, err));
    ring->last = place;
    TN_TRY(tn__label_shared(p->snapshot, letter.style, letter.text, &p->label, err));
    return keep_label(ring, "", (const char *)p->label.data);
}

static int draw_ring(tn_picture *p, tn_components *c, uint32_t group, tn_error *err)
{
    tn_ring ring = {.components = c, .group = group, .n = tn__cycle_word(c, group), .first = TN_NONE};
    bool folded;
    TN_TRY(is_folded(p, &ring, 0, &folded, err));
    for (uint32_t i = 0; i < ring.n && i < MOST_LETTERS; i++)
        TN_TRY(draw_letter(p, &ring, (i + folded) % ring.n, err));
    if (ring.n > MOST_LETTERS) {
        tn_drawn_node drawn = {.kind = TN_DRAWN_GHOST, .count = ring.n - MOST_LETTERS};
        char title[40];
        uint32_t place;
        tn__compose(title, sizeof title, "%u more", (unsigned)(ring.n - MOST_LETTERS));
        TN_TRY(tn__picture_other(p, &drawn, title, "", &place, err));
        TN_TRY(tn__picture_edge(p, ring.last, place, TN_REF_OWNING, 1, ring.label, err));
        ring.last = place;
        *ring.label = '\0';
    }
    return tn__picture_edge(p, ring.last, ring.first, TN_REF_OWNING, 1, ring.label, err);
}

static int draw_kind(tn_picture *p, tn_components *c, uint32_t index, tn_error *err)
{
    tn_cycle_group group;
    char title[400], waiting[48] = "", size[24];
    TN_TRY(tn_components_group(c, index, &group, err));
    const char *site = group.site ? group.site : "";
    if (group.waiting)
        tn__compose(waiting, sizeof waiting, ", %u wait%s for the collector", (unsigned)group.waiting,
                    group.waiting == 1 ? "s" : "");
    tn__compose(title, sizeof title, "%u cycle%s, %llu object%s, %s%s%s%.*s", (unsigned)group.cycles,
                tn__picture_s(group.cycles), (unsigned long long)group.count, tn__picture_s(group.count),
                tn_format_bytes(group.bytes, size, sizeof size), waiting, group.site ? ", made at " : "",
                (int)tn__text_fit(site, strlen(site), 100), site);
    TN_TRY(tn__picture_cluster_begin(p, title, err));
    return draw_ring(p, c, index, err);
}

typedef struct tn_kind_order {
    tn_order_key *keys;
    uint32_t n;
} tn_kind_order;

static int order_kinds(const tn_picture *p, tn_components *c, tn_kind_order *order, tn_error *err)
{
    static const char *const names[] = {"cycles", "size", "count", "waiting"};
    tn_cycle_group group;
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(p->view.sort, names, 4, 4, &column, &descending, err));
    for (uint32_t i = 0; i < order->n; i++) {
        TN_TRY(tn_components_group(c, i, &group, err));
        const uint64_t numbers[] = {group.cycles, group.bytes, group.count, group.waiting};
        order->keys[i] = (tn_order_key){.number = numbers[column], .text = "", .row = i};
    }
    tn__order_sort(order->keys, order->n, descending);
    return TN_OK;
}

static int draw_kinds(tn_picture *p, tn_components *c, tn_error *err)
{
    tn_kind_order order;
    TN_TRY(tn_components_groups(c, &order.n, err));
    size_t bytes = order.n * sizeof *order.keys;
    uint32_t n = tn__picture_limit(p, order.n);
    char size[24];
    order.keys = tn__alloc(p->alloc, bytes);
    int status = order.keys ? order_kinds(p, c, &order, err) : tn__picture_no_memory(p, err);
    for (uint32_t i = 0; status == TN_OK && i < n; i++)
        status = draw_kind(p, c, (uint32_t)order.keys[i].row, err);
    tn__free(p->alloc, order.keys, bytes);
    TN_TRY(status);
    return tn__picture_title(p, err, "%u of %u sort%s of cycles, of %u cycle%s%s, %s in %u object%s", (unsigned)n,
                             (unsigned)order.n, tn__picture_s(order.n), (unsigned)c->n, tn__picture_s(c->n),
                             p->view.garbage ? " of garbage" : "", tn_format_bytes(c->bytes, size, sizeof size),
                             (unsigned)c->n_members, tn__picture_s(c->n_members));
}

int tn__picture_kinds(tn_picture *p, tn_error *err)
{
    tn_components *c;
    TN_TRY(tn__picture_cycles(p, &c, err));
    int status = draw_kinds(p, c, err);
    tn_components_free(c);
    return status;
}
