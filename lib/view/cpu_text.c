/* cpu_text.c - a profile as a page: a table of groups, or the call tree. */
#include "view/cpu_page.h"
#include "view/made_at.h"
#include "view/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_COLUMNS = 16, MOST_INDENT = 40 };

static void add_amount(tn_table *t, const tn_cpu_page_made *p, uint64_t weight)
{
    char text[32];
    tn__table_text(t, tn__cpu_amount(&p->now, weight, text, sizeof text));
}

static void add_pct(tn_table *t, const tn_cpu_page_made *p, uint64_t weight)
{
    tn__table_pct(t, weight, p->now.all.weight);
}

static const char *rate_text(const tn_cpu_sum *sum, char *out, size_t cap)
{
    char size[24];
    double rate = tn__cpu_bytes_per_second(sum);
    if (rate < 0)
        snprintf(out, cap, "-");
    else
        snprintf(out, cap, "%s/s", tn_format_bytes(rate < 0x1p63 ? (uint64_t)rate : INT64_MAX, size, sizeof size));
    return out;
}

static const char *heading_of(const tn_cpu_page_made *p)
{
    static const char *const words[TN_CPU_BYS] = {"Function",  "Line",   "File", "Module", "Distribution",
                                                  "Traceback", "Thread", "Task", "State"};
    return words[p->asked.by];
}

/* ---- tables ---- */

static uint32_t plain_columns(const tn_cpu_page_made *p, tn_table_column *c)
{
    bool bytes = p->now.of_bytes, time = tn__cpu_of_time(&p->now);
    uint32_t n = 0;
    c[n++] = (tn_table_column){"", true, 5};
    c[n++] = (tn_table_column){time ? "Own s" : "Own", true, 0};
    c[n++] = (tn_table_column){"%", true, 0};
    if (p->now.draws > 0)
        c[n++] = (tn_table_column){"95 % interval", true, 4};
    c[n++] = (tn_table_column){time ? "Total s" : "Total", true, 0};
    c[n++] = (tn_table_column){"%", true, 0};
    c[n++] = (tn_table_column){bytes ? "Allocations" : "Samples", true, 2};
    if (p->now.knows_bytes && !bytes) {
        c[n++] = (tn_table_column){"Allocated", true, 1};
        c[n++] = (tn_table_column){"a CPU second", true, 3};
    }
    return n;
}

static void plain_cells(const tn_cpu_page_made *p, const tn_cpu_shown *r, size_t rank, tn_table *t)
{
    char text[64];
    snprintf(text, sizeof text, "%zu", rank);
    tn__table_text(t, rank ? text : "");
    add_amount(t, p, r->own->weight);
    add_pct(t, p, r->own->weight);
    if (p->now.draws > 0) {
        tn_interval range = tn__cpu_share(&p->now, r->own->weight);
        snprintf(text, sizeof text, "%.1f to %.1f", 100 * range.low, 100 * range.high);
        tn__table_text(t, rank ? text : "");
    }
    add_amount(t, p, r->total->weight);
    add_pct(t, p, r->total->weight);
    tn__table_u64(t, p->asked.cumulative ? r->total->samples : r->own->samples);
    if (p->now.knows_bytes && !p->now.of_bytes) {
        const tn_cpu_sum *sum = p->asked.cumulative ? r->total : r->own;
        tn__table_bytes(t, sum->bytes);
        tn__table_text(t, rate_text(sum, text, sizeof text));
    }
}

static uint32_t compared_columns(const tn_cpu_page_made *p, tn_table_column *c)
{
    bool time = tn__cpu_of_time(&p->now);
    uint32_t n = 0;
    c[n++] = (tn_table_column){time ? "Own s" : "Own", true, 0};
    c[n++] = (tn_table_column){"Change", true, 0};
    c[n++] = (tn_table_column){"%", true, 0};
    c[n++] = (tn_table_column){"was %", true, 0};
    if (p->now.draws > 0) {
        c[n++] = (tn_table_column){"95 % of the change", true, 3};
        c[n++] = (tn_table_column){"Sure", false, 1};
    }
    c[n++] = (tn_table_column){time ? "Total s" : "Total", true, 0};
    c[n++] = (tn_table_column){"Change", true, 0};
    return n;
}

static void compared_cells(const tn_cpu_page_made *p, const tn_cpu_shown *r, bool is_total, tn_table *t)
{
    char text[64];
    add_amount(t, p, r->own->weight);
    tn__table_text(t, tn__cpu_change(&p->now, r->own->weight, r->old_own->weight, text, sizeof text));
    add_pct(t, p, r->own->weight);
    tn__table_pct(t, r->old_own->weight, p->before.all.weight);
    if (p->now.draws > 0) {
        tn_interval range = tn__cpu_share_change(p, r);
        snprintf(text, sizeof text, "%+.1f to %+.1f", 100 * range.low, 100 * range.high);
        tn__table_text(t, is_total ? "" : text);
        tn__table_text(t, is_total ? "" : range.low > 0 || range.high < 0 ? "yes" : "no");
    }
    add_amount(t, p, r->total->weight);
    tn__table_text(t, tn__cpu_change(&p->now, r->total->weight, r->old_total->weight, text, sizeof text));
}

static uint32_t tree_columns(const tn_cpu_page_made *p, tn_table_column *c)
{
    bool bytes = p->now.of_bytes, time = tn__cpu_of_time(&p->now);
    uint32_t n = 0;
    c[n++] = (tn_table_column){time ? "Total s" : "Total", true, 0};
    c[n++] = (tn_table_column){"%", true, 0};
    c[n++] = (tn_table_column){time ? "Own s" : "Own", true, 0};
    c[n++] = (tn_table_column){bytes ? "Allocations" : "Samples", true, 1};
    return n;
}

static void tree_cells(const tn_cpu_page_made *p, const tn_cpu_shown *r, tn_table *t)
{
    add_amount(t, p, r->total->weight);
    add_pct(t, p, r->total->weight);
    if (r->more)
        tn__table_text(t, "");
    else
        add_amount(t, p, r->own->weight);
    tn__table_u64(t, r->total->samples);
}

static void add_label(const tn_cpu_page_made *p, tn_table *t, const tn_cpu_shown *r)
{
    char plain[600], text[512];
    const char *label = tn__site_shortened(r->label, p->o, text, sizeof text);
    tn_text indented;
    tn__text_init(&indented, plain, sizeof plain);
    tn__text_format(&indented, "%*s", (int)(2 * (r->depth < MOST_INDENT ? r->depth : MOST_INDENT)), "");
    tn__text_add(&indented, label, strlen(label));
    tn__text_end(&indented);
    tn__table_text(t, r->depth ? plain : label);
}

static int print_rows(const tn_cpu_page_made *p, tn_out *out, tn_error *err)
{
    tn_table_column columns[MOST_COLUMNS];
    tn_table t;
    bool tree = p->asked.page == TN_CPU_TREE;
    uint32_t n = tree ? tree_columns(p, columns) : p->old ? compared_columns(p, columns) : plain_columns(p, columns);
    columns[n++] = (tn_table_column){heading_of(p), false, 0};
    tn__table_init(&t, p->now.alloc, columns, n);
    size_t n_rows = tn__cpu_n_shown(p);
    for (size_t i = 0; i < n_rows + !tree; i++) {
        const tn_cpu_shown *r = i < n_rows ? tn__cpu_shown_at(p, i) : &p->all;
        if (tree)
            tree_cells(p, r, &t);
        else if (p->old)
            compared_cells(p, r, i == n_rows, &t);
        else
            plain_cells(p, r, i < n_rows ? i + 1 : 0, &t);
        add_label(p, &t, r);
    }
    int status = t.status < 0 ? tn__no_memory(p->snapshot, err) : TN_OK;
    if (status == TN_OK)
        tn__table_print(&t, out, p->o);
    tn__table_free(&t);
    return status;
}

/* A stack on lines of its own, below the numbers of its row; what has none has a name before them. */
static int print_tracebacks(const tn_cpu_page_made *p, tn_out *out, tn_error *err)
{
    tn_buf words;
    int status = TN_OK;
    tn__buf_init(&words, p->now.alloc);
    for (size_t i = 0; status == TN_OK && i < tn__cpu_n_shown(p); i++) {
        const tn_cpu_shown *r = tn__cpu_shown_at(p, i);
        uint32_t entry = tn__site_example(&r->table->keys, r->group);
        status = tn__cpu_words(p, r, &words, err);
        if (status < 0)
            break;
        tn__out_escaped(out, (const char *)words.data + (entry ? strlen(r->label) + strlen(": ") : 0));
        tn__out_text(out, "\n");
        status = tn__frames_print(r->table->snapshot, entry, "    ", "    ", TN_FRAMES_SHOWN + 1, out, err);
    }
    tn__buf_free(&words);
    return status;
}

/* ---- the page ---- */

static void print_compared(const tn_cpu_page_made *p, tn_out *out)
{
    char when[40], amount[32];
    uint64_t wall;
    if (!p->old)
        return;
    tn__out_text(out, "compared with ");
    tn__out_escaped(out, p->o->files ? p->o->files[0] : "the other one");
    tn__out_format(
        out, ": %s%s in %" PRIu64 " %s", tn__cpu_amount(&p->before, p->before.all.weight, amount, sizeof amount),
        tn__cpu_of_time(&p->now) ? " s" : "", p->before.all.samples, p->now.of_bytes ? "allocations" : "samples");
    if (tn__fact_u64(p->old, "capture.wall_time_ns", &wall)) {
        tn__fact_time(wall, when, sizeof when);
        tn__out_format(out, ", of %s", when);
    }
    tn__out_text(out, "\n");
}

void tn__cpu_heading(const tn_cpu_page_made *p, tn_out *out)
{
    tn_view_options o = *p->o;
    o.against = NULL; /* said below, in other words */
    tn__heading_print(p->snapshot, out, &o);
    tn__cpu_about_print(p, out);
    print_compared(p, out);
    tn__out_text(out, "\n");
}

int tn__cpu_text_page(tn_cpu_page_made *p, tn_out *out, tn_error *err)
{
    tn__cpu_heading(p, out);
    TN_TRY(p->asked.by == TN_CPU_TRACEBACK ? print_tracebacks(p, out, err) : print_rows(p, out, err));
    if (p->n_more && p->asked.page == TN_CPU_TABLE)
        tn__out_format(out, "<%zu more row%s; use --limit 0 to see all>\n", p->n_more, p->n_more == 1 ? "" : "s");
    return TN_OK;
}
