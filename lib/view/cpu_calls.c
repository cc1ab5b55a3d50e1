/* cpu_calls.c - the call graph: groups with who called them and what they called; or, of some functions, one of the two.
 *
 * An edge is what stacks have on which the one group calls the other, so that those into a group add up to what it has all in
 * all, where it does not call itself.
 */
#include "view/cpu_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NEAR = 5 }; /* callers, and callees, that the text tells of a group */
enum column { BY_TOTAL, BY_OWN, BY_SAMPLES, BY_NAME, COLUMNS };

typedef struct tn_calls {
    tn_cpu_page_made *page;
    tn_buf edges;           /* tn_cpu_edge, those with most first */
    uint32_t n, n_groups;   /* edges */
    uint32_t *into, *outof; /* n: edges by the group that they lead to, or come from; of each those with most first */
    uint32_t *into_at, *out_at; /* n_groups + 1: where those of a group begin */
    const char **labels;        /* a group */
    uint32_t *number;           /* a group: 1 + its place among those that are shown; 0: it is not */
    tn_order_key *order;        /* groups that are shown, and behind them others */
    size_t n_order, n_shown;
} tn_calls;

static const tn_cpu_edge *edge_at(const tn_calls *c, uint32_t i)
{
    return (const tn_cpu_edge *)(const void *)c->edges.data + i;
}

static const tn_cpu_group *group_at(const tn_calls *c, uint32_t i)
{
    return &c->page->now.groups[i];
}

/* ---- making ---- */

static int calls_alloc(tn_calls *c)
{
    const tn_alloc *a = c->page->now.alloc;
    size_t n = c->n, groups = c->n_groups;
    c->into = tn__alloc(a, n * sizeof *c->into);
    c->outof = tn__alloc(a, n * sizeof *c->outof);
    c->into_at = tn__alloc_zero(a, (groups + 1) * sizeof *c->into_at);
    c->out_at = tn__alloc_zero(a, (groups + 1) * sizeof *c->out_at);
    c->labels = tn__alloc_zero(a, groups * sizeof *c->labels);
    c->number = tn__alloc_zero(a, groups * sizeof *c->number);
    c->order = tn__alloc(a, (n > groups ? n : groups) * sizeof *c->order);
    return c->into && c->outof && c->into_at && c->out_at && c->labels && c->number && c->order ? TN_OK : TN_ENOMEM;
}

static void calls_free(tn_calls *c)
{
    const tn_alloc *a = c->page->now.alloc;
    size_t n = c->n, groups = c->n_groups;
    tn__free(a, c->into, c->into ? n * sizeof *c->into : 0);
    tn__free(a, c->outof, c->outof ? n * sizeof *c->outof : 0);
    tn__free(a, c->into_at, c->into_at ? (groups + 1) * sizeof *c->into_at : 0);
    tn__free(a, c->out_at, c->out_at ? (groups + 1) * sizeof *c->out_at : 0);
    tn__free(a, c->labels, c->labels ? groups * sizeof *c->labels : 0);
    tn__free(a, c->number, c->number ? groups * sizeof *c->number : 0);
    tn__free(a, c->order, c->order ? (n > groups ? n : groups) * sizeof *c->order : 0);
    tn__buf_free(&c->edges);
}

static int sort_edges(tn_calls *c, tn_error *err)
{
    tn_buf sorted;
    for (uint32_t i = 0; i < c->n; i++)
        c->order[i] = (tn_order_key){edge_at(c, i)->sum.weight, "", i};
    tn__order_sort(c->order, c->n, true);
    tn__buf_init(&sorted, c->page->now.alloc);
    for (uint32_t i = 0; i < c->n; i++)
        if (tn__buf_append(&sorted, edge_at(c, (uint32_t)c->order[i].row), sizeof(tn_cpu_edge)) < 0) {
            tn__buf_free(&sorted);
            return tn__no_memory(c->page->snapshot, err);
        }
    tn__buf_free(&c->edges);
    c->edges = sorted;
    return TN_OK;
}

/* Edges in order go into the places of their groups in order. */
static void part_edges(tn_calls *c, bool into)
{
    uint32_t *at = into ? c->into_at : c->out_at, *places = into ? c->into : c->outof;
    for (uint32_t i = 0; i < c->n; i++)
        at[(into ? edge_at(c, i)->to : edge_at(c, i)->from) + 1]++;
    for (uint32_t g = 0; g < c->n_groups; g++)
        at[g + 1] += at[g];
    for (uint32_t i = c->n; i-- > 0;)
        places[--at[(into ? edge_at(c, i)->to : edge_at(c, i)->from) + 1]] = i;
    for (uint32_t g = 0; g < c->n_groups; g++) /* what was the end of a group has become its beginning */
        at[g] = at[g + 1];
    at[c->n_groups] = c->n;
}

static int make_calls(tn_calls *c, tn_error *err)
{
    TN_TRY(tn__cpu_edges(&c->page->now, &c->edges, err));
    c->n = (uint32_t)(c->edges.size / sizeof(tn_cpu_edge));
    if (calls_alloc(c) < 0)
        return tn__no_memory(c->page->snapshot, err);
    TN_TRY(sort_edges(c, err));
    part_edges(c, true);
    part_edges(c, false);
    return TN_OK;
}

static int label_of(tn_calls *c, uint32_t group, tn_error *err)
{
    return c->labels[group] ? TN_OK : tn__cpu_keep_label(c->page, group, &c->labels[group], err);
}

/* ---- the graph ---- */

static int choose_groups(tn_calls *c, tn_error *err)
{
    static const char *const columns[COLUMNS] = {"total", "own", "samples", "name"};
    size_t column;
    bool descending;
    uint32_t limit = c->page->o->limit;
    TN_TRY(tn__order_parse(c->page->o->sort, columns, COLUMNS, BY_NAME, &column, &descending, err));
    for (uint32_t g = 0; g < c->n_groups; g++) {
        const tn_cpu_group *group = group_at(c, g);
        if (tn__cpu_sum_empty(&group->total))
            continue;
        tn_order_key *key = &c->order[c->n_order++];
        *key = (tn_order_key){column == BY_OWN       ? group->own.weight
                              : column == BY_SAMPLES ? group->total.samples
                              : column == BY_TOTAL   ? group->total.weight
                                                     : 0,
                              "", g};
        if (column == BY_NAME) {
            TN_TRY(label_of(c, g, err));
            key->text = c->labels[g];
        }
    }
    tn__order_sort(c->order, c->n_order, descending);
    c->n_shown = limit && limit < c->n_order ? limit : c->n_order;
    c->page->n_more = c->n_order - c->n_shown;
    for (size_t i = 0; i < c->n_shown; i++)
        c->number[c->order[i].row] = (uint32_t)i + 1;
    return TN_OK;
}

/* Labels of all that is named: nothing can fail while the page is written. */
static int name_graph(tn_calls *c, tn_error *err)
{
    for (size_t i = 0; i < c->n_shown; i++) {
        uint32_t g = (uint32_t)c->order[i].row;
        TN_TRY(label_of(c, g, err));
        for (uint32_t k = c->into_at[g]; k < c->into_at[g + 1]; k++)
            TN_TRY(label_of(c, edge_at(c, c->into[k])->from, err));
        for (uint32_t k = c->out_at[g]; k < c->out_at[g + 1]; k++)
            TN_TRY(label_of(c, edge_at(c, c->outof[k])->to, err));
    }
    return TN_OK;
}

static void print_amount(const tn_calls *c, tn_out *out, uint64_t weight, uint64_t of)
{
    char amount[32];
    tn__out_format(out, "%10s%s %5.1f %%", tn__cpu_amount(&c->page->now, weight, amount, sizeof amount),
                   tn__cpu_of_time(&c->page->now) ? " s" : "", tn__pct(weight, of));
}

static void print_near(const tn_calls *c, tn_out *out, const char *how, const uint32_t *edges, uint32_t n, bool into,
                       uint64_t of)
{
    for (uint32_t k = 0; k < n && k < NEAR; k++) {
        const tn_cpu_edge *e = edge_at(c, edges[k]);
        tn__out_format(out, "    %-9s ", how);
        print_amount(c, out, e->sum.weight, of);
        tn__out_text(out, "  ");
        tn__out_escaped(out, e->from == e->to ? "itself" : c->labels[into ? e->from : e->to]);
        tn__out_text(out, "\n");
    }
    if (n > NEAR)
        tn__out_format(out, "    %-9s <%u more>\n", how, (unsigned)(n - NEAR));
}

static void print_graph(const tn_calls *c, tn_out *out)
{
    for (size_t i = 0; i < c->n_shown; i++) {
        uint32_t g = (uint32_t)c->order[i].row;
        const tn_cpu_group *group = group_at(c, g);
        uint64_t of = group->total.weight;
        tn__out_escaped(out, c->labels[g]);
        tn__out_text(out, "\n    total     ");
        print_amount(c, out, of, c->page->now.all.weight);
        tn__out_text(out, ";  own ");
        print_amount(c, out, group->own.weight, c->page->now.all.weight);
        tn__out_text(out, "\n");
        print_near(c, out, "called by", c->into + c->into_at[g], c->into_at[g + 1] - c->into_at[g], true, of);
        print_near(c, out, "calls", c->outof + c->out_at[g], c->out_at[g + 1] - c->out_at[g], false, of);
    }
    if (c->page->n_more)
        tn__out_format(out, "<%zu more; use --limit 0 to see all>\n", c->page->n_more);
}

static void sum_json(const tn_calls *c, tn_json *j, const tn_cpu_sum *sum)
{
    tn__json_u64(j, "total", sum->weight);
    tn__json_double(j, "total_pct", tn__cpu_pct(&c->page->now, sum->weight));
    tn__json_u64(j, "total_samples", sum->samples);
}

static int graph_json(const tn_calls *c, tn_json *j, tn_error *err)
{
    const tn_cpu *t = &c->page->now;
    tn__json_open(j, "nodes", '[');
    for (size_t i = 0; i < c->n_shown; i++) {
        uint32_t g = (uint32_t)c->order[i].row;
        const tn_cpu_group *group = group_at(c, g);
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "id", i);
        tn__json_string(j, "name", c->labels[g]);
        TN_TRY(tn__cpu_place_json(t, g, j, err));
        tn__json_u64(j, "own", group->own.weight);
        tn__json_double(j, "own_pct", tn__cpu_pct(t, group->own.weight));
        tn__json_u64(j, "samples", group->own.samples);
        sum_json(c, j, &group->total);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_line(j);
    tn__json_open(j, "edges", '[');
    for (uint32_t i = 0; i < c->n; i++) {
        const tn_cpu_edge *e = edge_at(c, i);
        if (!c->number[e->from] || !c->number[e->to])
            continue;
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "from", c->number[e->from] - 1);
        tn__json_u64(j, "to", c->number[e->to] - 1);
        sum_json(c, j, &e->sum);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "more", c->page->n_more);
    return TN_OK;
}

/* ---- callers, callees: edges as rows, in order[0] … order[n_shown - 1] ---- */

static uint32_t named_end(const tn_calls *c, const tn_cpu_edge *e) /* that the page is about */
{
    return c->page->asked.page == TN_CPU_CALLERS ? e->to : e->from;
}

static int choose_edges(tn_calls *c, const uint8_t *marks, tn_error *err)
{
    static const char *const columns[] = {"total"};
    size_t column, n = 0;
    bool descending;
    uint32_t limit = c->page->o->limit;
    TN_TRY(tn__order_parse(c->page->o->sort, columns, 1, 1, &column, &descending, err));
    for (uint32_t i = 0; i < c->n; i++) { /* in order already */
        uint32_t k = descending ? i : c->n - 1 - i;
        const tn_cpu_edge *e = edge_at(c, k);
        if (!marks[named_end(c, e)])
            continue;
        TN_TRY(label_of(c, e->from, err));
        TN_TRY(label_of(c, e->to, err));
        c->order[n++] = (tn_order_key){e->sum.weight, "", k};
    }
    c->n_shown = limit && limit < n ? limit : n;
    c->page->n_more = n - c->n_shown;
    return TN_OK;
}

static int print_edges(const tn_calls *c, tn_out *out, tn_error *err)
{
    const tn_table_column columns[] = {{tn__cpu_of_time(&c->page->now) ? "Total s" : "Total", true, 0},
                                       {"%", true, 0},
                                       {c->page->asked.page == TN_CPU_CALLERS ? "of callee %" : "of caller %", true, 0},
                                       {c->page->now.of_bytes ? "Allocations" : "Samples", true, 1},
                                       {"Caller", false, 0},
                                       {"Callee", false, 0}};
    tn_table t;
    char amount[32], text[512];
    tn__table_init(&t, c->page->now.alloc, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < c->n_shown; i++) {
        const tn_cpu_edge *e = edge_at(c, (uint32_t)c->order[i].row);
        tn__table_text(&t, tn__cpu_amount(&c->page->now, e->sum.weight, amount, sizeof amount));
        tn__table_pct(&t, e->sum.weight, c->page->now.all.weight);
        tn__table_pct(&t, e->sum.weight, group_at(c, named_end(c, e))->total.weight);
        tn__table_u64(&t, e->sum.samples);
        tn__table_text(&t, tn__site_shortened(c->labels[e->from], c->page->o, text, sizeof text));
        tn__table_text(&t, tn__site_shortened(c->labels[e->to], c->page->o, text, sizeof text));
    }
    int status = t.status < 0 ? tn__no_memory(c->page->snapshot, err) : TN_OK;
    if (status == TN_OK && c->n_shown)
        tn__table_print(&t, out, c->page->o);
    else if (status == TN_OK)
        tn__out_text(out, c->page->asked.page == TN_CPU_CALLERS ? "nothing called it\n" : "it called nothing\n");
    tn__table_free(&t);
    if (c->page->n_more)
        tn__out_format(out, "<%zu more; use --limit 0 to see all>\n", c->page->n_more);
    return status;
}

static int end_json(const tn_calls *c, tn_json *j, const char *key, uint32_t group, tn_error *err)
{
    tn__json_open(j, key, '{');
    tn__json_string(j, "name", c->labels[group]);
    TN_TRY(tn__cpu_place_json(&c->page->now, group, j, err));
    tn__json_close(j, '}');
    return TN_OK;
}

static int edges_json(const tn_calls *c, tn_json *j, tn_error *err)
{
    tn__json_open(j, "rows", '[');
    for (size_t i = 0; i < c->n_shown; i++) {
        const tn_cpu_edge *e = edge_at(c, (uint32_t)c->order[i].row);
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        TN_TRY(end_json(c, j, "caller", e->from, err));
        TN_TRY(end_json(c, j, "callee", e->to, err));
        sum_json(c, j, &e->sum);
        tn__json_double(j, "share_pct", tn__pct(e->sum.weight, group_at(c, named_end(c, e))->total.weight));
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "more", c->page->n_more);
    return TN_OK;
}

/* ---- the page ---- */

static int focus(tn_calls *c, tn_error *err)
{
    if (!c->page->asked.function || !*c->page->asked.function)
        return tn__error_set(err, TN_EINVAL, 0,
                             "callers and callees are those of a function such as load or app.py:88");
    uint8_t *marks = tn__alloc(c->page->now.alloc, c->n_groups);
    int status = marks ? tn__cpu_focus(&c->page->now, marks, err) : tn__no_memory(c->page->snapshot, err);
    if (status == TN_OK)
        status = choose_edges(c, marks, err);
    tn__free(c->page->now.alloc, marks, marks ? c->n_groups : 0);
    return status;
}

static int write_calls(tn_calls *c, tn_out *out, tn_json *j, tn_error *err)
{
    bool graph = c->page->asked.page == TN_CPU_GRAPH;
    TN_TRY(make_calls(c, err));
    TN_TRY(graph ? choose_groups(c, err) : focus(c, err));
    if (graph)
        TN_TRY(name_graph(c, err));
    if (j) {
        tn__cpu_frame_json(c->page, j);
        return graph ? graph_json(c, j, err) : edges_json(c, j, err);
    }
    tn__cpu_heading(c->page, out);
    if (!graph)
        return print_edges(c, out, err);
    print_graph(c, out);
    return TN_OK;
}

int tn__cpu_calls_page(tn_cpu_page_made *p, tn_out *out, tn_json *j, tn_error *err)
{
    tn_calls c = {.page = p, .n_groups = p->now.n_groups};
    tn__buf_init(&c.edges, p->now.alloc);
    int status = write_calls(&c, out, j, err);
    calls_free(&c);
    return status;
}
