/* cpu_levels.c - the call tree as rows: below each those that it called, those with most first.
 *
 * All nodes are put in order once, and into the lists of their parents back to front. What is below one in a hundred of all, or
 * beyond the limit or the depth, is added up in one row a parent, "<12 more>".
 */
#include "view/cpu_page.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH = 12, PARTS = 100 };
enum column { BY_TOTAL, BY_OWN, BY_SAMPLES, BY_NAME, COLUMNS };

typedef struct tn_levels {
    tn_cpu_page_made *page;
    const tn_cpu_node *nodes;
    uint32_t n, depth;
    const char **labels;    /* a group; NULL: not asked for yet */
    uint32_t *child, *next; /* 1 + node; child[0] of what nobody called, child[1 + node] */
    tn_order_key *order;
} tn_levels;

static int label_of(tn_levels *w, uint32_t group, const char **out, tn_error *err)
{
    if (!w->labels[group])
        TN_TRY(tn__cpu_keep_label(w->page, group, &w->labels[group], err));
    *out = w->labels[group];
    return TN_OK;
}

static int link_nodes(tn_levels *w, enum column column, bool descending, tn_error *err)
{
    for (uint32_t i = 0; i < w->n; i++) {
        const tn_cpu_node *node = &w->nodes[i];
        w->order[i] = (tn_order_key){column == BY_OWN       ? node->own.weight
                                     : column == BY_SAMPLES ? node->total.samples
                                     : column == BY_TOTAL   ? node->total.weight
                                                            : 0,
                                     "", i};
        if (column == BY_NAME)
            TN_TRY(label_of(w, node->group, &w->order[i].text, err));
    }
    tn__order_sort(w->order, w->n, descending);
    for (uint32_t k = w->n; k-- > 0;) {
        uint32_t i = (uint32_t)w->order[k].row, parent = w->nodes[i].parent;
        w->next[i] = w->child[parent];
        w->child[parent] = i + 1;
    }
    return TN_OK;
}

static int add_row(tn_levels *w, tn_cpu_shown row, tn_error *err)
{
    row.table = &w->page->now;
    row.old_own = row.old_total = &w->page->before.all; /* of no other file: all 0 */
    return tn__buf_append(&w->page->rows, &row, sizeof row) < 0 ? tn__no_memory(w->page->snapshot, err) : TN_OK;
}

/* Whether a node, the k-th of its level, is shown by itself. */
static bool is_shown(const tn_levels *w, uint32_t i, uint32_t k)
{
    uint32_t limit = w->page->o->limit;
    return !limit || (k < limit && w->nodes[i].total.weight >= w->page->now.all.weight / PARTS);
}

/* What a level leaves out: what is not shown or, behind the last level, all. */
static int add_rest(tn_levels *w, uint32_t parent, uint32_t depth, bool all, tn_error *err)
{
    tn_cpu_page_made *p = w->page;
    tn_cpu_shown row = {.group = TN_NONE, .depth = depth};
    tn_cpu_sum *rest = tn__arena_get(&p->labels, sizeof *rest);
    char text[40];
    uint32_t k = 0;
    if (!rest)
        return tn__no_memory(p->snapshot, err);
    *rest = (tn_cpu_sum){0};
    for (uint32_t i = w->child[parent]; i; i = w->next[i - 1])
        if (all || !is_shown(w, i - 1, k++)) {
            tn__cpu_add(rest, &w->nodes[i - 1].total);
            row.more++;
        }
    if (!row.more)
        return TN_OK;
    p->n_more += row.more;
    snprintf(text, sizeof text, "<%zu more>", row.more);
    row.label = tn__arena_text(&p->labels, text, strlen(text));
    row.own = row.total = rest;
    return row.label ? add_row(w, row, err) : tn__no_memory(p->snapshot, err);
}

static int add_node(tn_levels *w, uint32_t i, uint32_t depth, tn_error *err)
{
    const tn_cpu_node *node = &w->nodes[i];
    tn_cpu_shown row = {.group = node->group, .own = &node->own, .total = &node->total, .depth = depth};
    TN_TRY(label_of(w, node->group, &row.label, err));
    return add_row(w, row, err);
}

/* Before its siblings a node's children; without recursion, for stacks are deep. at: 1 + node. */
static int walk(tn_levels *w, tn_error *err)
{
    uint32_t depth = 1, k = 0, parent = 0, at = w->child[0];
    uint32_t *counts = tn__alloc_zero(w->page->now.alloc, ((size_t)w->depth + 2) * sizeof *counts);
    int status = counts ? TN_OK : tn__no_memory(w->page->snapshot, err);
    while (status == TN_OK) {
        while (at && !is_shown(w, at - 1, k)) { /* in order of time a small one may stand before a large one */
            at = w->next[at - 1];
            k++;
        }
        if (!at) {
            status = add_rest(w, parent, depth - 1, false, err);
            if (!parent || status < 0)
                break;
            at = w->next[parent - 1];
            parent = w->nodes[parent - 1].parent;
            k = counts[--depth - 1];
            continue;
        }
        status = add_node(w, at - 1, depth - 1, err);
        if (depth < w->depth) {
            counts[depth - 1] = k + 1;
            parent = at;
            at = w->child[at];
            depth++;
            k = 0;
            continue;
        }
        if (status == TN_OK)
            status = add_rest(w, at, depth, true, err);
        at = w->next[at - 1];
        k++;
    }
    tn__free(w->page->now.alloc, counts, counts ? ((size_t)w->depth + 2) * sizeof *counts : 0);
    return status;
}

static int levels_alloc(tn_levels *w)
{
    const tn_alloc *a = w->page->now.alloc;
    w->labels = tn__alloc_zero(a, w->page->now.n_groups * sizeof *w->labels);
    w->child = tn__alloc_zero(a, ((size_t)w->n + 1) * sizeof *w->child);
    w->next = tn__alloc_zero(a, w->n * sizeof *w->next);
    w->order = tn__alloc(a, w->n * sizeof *w->order);
    return w->labels && w->child && w->next && w->order ? TN_OK : TN_ENOMEM;
}

static void levels_free(tn_levels *w)
{
    const tn_alloc *a = w->page->now.alloc;
    tn__free(a, w->labels, w->labels ? w->page->now.n_groups * sizeof *w->labels : 0);
    tn__free(a, w->child, w->child ? ((size_t)w->n + 1) * sizeof *w->child : 0);
    tn__free(a, w->next, w->next ? w->n * sizeof *w->next : 0);
    tn__free(a, w->order, w->order ? w->n * sizeof *w->order : 0);
}

int tn__cpu_levels(tn_cpu_page_made *p, tn_error *err)
{
    static const char *const columns[COLUMNS] = {"total", "own", "samples", "name"};
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(p->o->sort, columns, COLUMNS, BY_NAME, &column, &descending, err));
    TN_TRY(tn__cpu_nodes(&p->now, &p->nodes, err));
    tn_levels w = {.page = p, .nodes = (const tn_cpu_node *)(const void *)p->nodes.data};
    w.n = (uint32_t)(p->nodes.size / sizeof(tn_cpu_node));
    w.depth = p->o->depth ? p->o->depth : DEPTH;
    w.depth = w.depth < w.n ? w.depth : w.n ? w.n : 1;
    int status = levels_alloc(&w) < 0 ? tn__no_memory(p->snapshot, err) : TN_OK;
    if (status == TN_OK)
        status = link_nodes(&w, (enum column)column, descending, err);
    if (status == TN_OK)
        status = walk(&w, err);
    levels_free(&w);
    return status;
}
