/* flame_text.c - a tree of stacks as an indented list: below each frame those that it called, the widest first. */
#include "view/flame_page.h"

#include "view/cpu_page.h"
#include "view/site_page.h"
#include "view/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 6, MOST_INDENT = 40 };

typedef struct tn_flame_list {
    tn_flame_page *page;
    tn_table table;
    uint32_t *child, *next; /* 1 + node; child[0] of those below none, child[1 + node] */
    uint32_t n;
} tn_flame_list;

static const char *amount(const tn_flame *f, double weight, char *out, size_t cap)
{
    uint64_t whole = tn__site_whole(weight + 0.5);
    if (f->options.what == TN_FLAME_COUNT)
        snprintf(out, cap, "%" PRIu64, whole);
    else if (f->options.what == TN_FLAME_CPU)
        return tn__cpu_amount(&f->cpu, whole, out, cap);
    else
        return tn_format_bytes(whole, out, cap);
    return out;
}

/* ---- above the table ---- */

static void print_sum(const tn_flame_page *p, tn_out *out)
{
    static const char *const words[TN_FLAME_WHATS] = {
        [TN_FLAME_LIVE] = "blocks alive",
        [TN_FLAME_COUNT] = "blocks alive",
        [TN_FLAME_ALLOCATED] = "blocks allocated since the recorder started",
        [TN_FLAME_TEMPORARY] = "blocks soon freed",
        [TN_FLAME_PEAK] = "blocks alive at the peak",
        [TN_FLAME_RETAINED] = "objects that nothing but modules and the like holds, with what they retain",
        [TN_FLAME_CPU] = "samples",
    };
    const tn_flame *f = &p->flame;
    const tn_flame_options *o = &f->options;
    tn_interval range;
    char text[32], high[32];
    if (o->what != TN_FLAME_COUNT)
        tn__out_format(out, "%s%s in ", amount(f, f->all.weight, text, sizeof text),
                       strcmp(tn__flame_unit(f), "ns") == 0 ? " s" : "");
    tn__out_format(out, "%" PRIu64 " %s", tn__site_count(f->all.count), words[o->what]);
    if (o->what != TN_FLAME_CPU && tn__flame_interval(f, &f->all, &range))
        tn__out_format(out, "; 95 %% interval %s to %s", amount(f, floor(range.low), text, sizeof text),
                       amount(f, ceil(range.high), high, sizeof high));
    if (o->born_last)
        tn__out_format(out, "; allocations %" PRIu64 " to %" PRIu64, o->born_first, o->born_last);
    tn__out_text(out, "\n\n");
}

static uint32_t columns_of(const tn_flame *f, tn_table_column *c)
{
    enum tn_flame_what what = f->options.what;
    bool time = strcmp(tn__flame_unit(f), "ns") == 0;
    uint32_t n = 0;
    c[n++] = (tn_table_column){what == TN_FLAME_CPU ? time ? "Total s" : "Total" : "Size", true, 0};
    if (what == TN_FLAME_COUNT)
        c[0].heading = "Count";
    c[n++] = (tn_table_column){"%", true, 0};
    c[n++] = (tn_table_column){time ? "Own s" : "Own", true, 1};
    if (what != TN_FLAME_COUNT)
        c[n++] = (tn_table_column){what == TN_FLAME_CPU ? "Samples" : "Count", true, 2};
    c[n++] =
        (tn_table_column){f->options.inverted ? "Frame, and who called it" : "Frame, and what it called", false, 0};
    return n;
}

/* ---- rows ---- */

static void add_row(tn_flame_list *l, const tn_flame_sum *total, const tn_flame_sum *own, uint32_t depth,
                    const char *label)
{
    const tn_flame *f = &l->page->flame;
    char text[512], indented[600];
    tn__table_text(&l->table, amount(f, total->weight, text, sizeof text));
    tn__table_pct(&l->table, tn__site_whole(total->weight + 0.5), tn__site_whole(f->all.weight + 0.5));
    tn__table_text(&l->table, own ? amount(f, own->weight, text, sizeof text) : "");
    if (f->options.what != TN_FLAME_COUNT)
        tn__table_u64(&l->table, tn__site_count(total->count));
    label = tn__site_shortened(label, l->page->o, text, sizeof text);
    tn_text line;
    tn__text_init(&line, indented, sizeof indented);
    tn__text_format(&line, "%*s", (int)(2 * (depth < MOST_INDENT ? depth : MOST_INDENT)), "");
    tn__text_add(&line, label, strlen(label));
    tn__text_end(&line);
    tn__table_text(&l->table, depth ? indented : label);
}

/* What is below a node, or below none, and has no row of its own. */
static void add_rest(tn_flame_list *l, uint32_t parent, uint32_t depth)
{
    const tn_flame *f = &l->page->flame;
    const tn_flame_node *node = parent ? tn__flame_node(f, parent - 1) : NULL;
    uint32_t more = node ? node->more : f->n_more;
    tn_flame_sum rest = node ? node->total : f->all;
    char text[40];
    if (!more)
        return;
    if (node) {
        rest.weight -= node->own.weight;
        rest.count -= node->own.count;
    }
    for (uint32_t i = l->child[parent]; i; i = l->next[i - 1]) {
        rest.weight -= tn__flame_node(f, i - 1)->total.weight;
        rest.count -= tn__flame_node(f, i - 1)->total.count;
    }
    snprintf(text, sizeof text, "<%" PRIu32 " more>", more);
    add_row(l, &rest, NULL, depth, text);
}

/* Without recursion, for stacks are deep. */
static void add_rows(tn_flame_list *l)
{
    const tn_flame *f = &l->page->flame;
    uint32_t parent = 0, depth = 0, at = l->child[0];
    for (;;) {
        if (at) {
            const tn_flame_node *node = tn__flame_node(f, at - 1);
            add_row(l, &node->total, &node->own, depth++, tn__flame_frame(l->page, node->group)->label);
            parent = at;
            at = l->child[at];
            continue;
        }
        add_rest(l, parent, depth);
        if (!parent)
            return;
        at = l->next[parent - 1];
        parent = tn__flame_node(f, parent - 1)->parent;
        depth--;
    }
}

static int list_alloc(tn_flame_list *l, tn_error *err)
{
    const tn_flame *f = &l->page->flame;
    l->child = tn__alloc_zero(f->alloc, ((size_t)l->n + 1) * sizeof *l->child);
    l->next = tn__alloc_zero(f->alloc, l->n * sizeof *l->next);
    if (!l->child || !l->next)
        return tn__no_memory(l->page->snapshot, err);
    for (uint32_t i = l->n; i-- > 0;) { /* nodes of one parent stand the widest first */
        uint32_t parent = tn__flame_node(f, i)->parent;
        l->next[i] = l->child[parent];
        l->child[parent] = i + 1;
    }
    return TN_OK;
}

int tn__flame_text(tn_flame_page *p, tn_out *out, tn_error *err)
{
    const tn_alloc *a = p->flame.alloc;
    tn_table_column columns[COLUMNS];
    tn_flame_list l = {.page = p, .n = tn__flame_n_nodes(&p->flame)};
    tn__table_init(&l.table, a, columns, columns_of(&p->flame, columns));
    int status = list_alloc(&l, err);
    if (status == TN_OK)
        add_rows(&l);
    if (status == TN_OK && l.table.status < 0)
        status = tn__no_memory(p->snapshot, err);
    if (status == TN_OK) {
        tn__heading_print(p->snapshot, out, p->o);
        print_sum(p, out);
        tn__table_print(&l.table, out, p->o);
    }
    tn__table_free(&l.table);
    tn__free(a, l.child, l.child ? ((size_t)l.n + 1) * sizeof *l.child : 0);
    tn__free(a, l.next, l.next ? l.n * sizeof *l.next : 0);
    return status;
}
