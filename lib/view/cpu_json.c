/* cpu_json.c - profiles as docs/view-json.md specifies them. */
#include "view/cpu_page.h"
#include "view/made_at.h"
#include "view/sentences.h"

#include <string.h>

static bool has_frames(const tn_cpu *t) /* a group is one place, not many */
{
    enum tn_cpu_by by = t->options.by;
    return by <= TN_CPU_FILE || by == TN_CPU_TRACEBACK;
}

int tn__cpu_place_json(const tn_cpu *t, uint32_t group, tn_json *j, tn_error *err)
{
    tn_stack_entry e = {0};
    bool known = false, function = t->options.by != TN_CPU_FILE,
         line = t->options.by == TN_CPU_LINE || t->options.by == TN_CPU_TRACEBACK;
    if (group != TN_NONE && has_frames(t)) {
        int status = tn__cpu_frame(t, group, &e, err);
        if (status < 0 && status != TN_ENOTFOUND)
            return status;
        known = status == TN_OK;
    }
    tn__json_string(j, "file", known ? (*e.file || !e.qualified_name ? e.file : e.qualified_name) : NULL);
    if (known && line && e.line)
        tn__json_u64(j, "line", e.line);
    else
        tn__json_null(j, "line");
    tn__json_string(j, "function", known && function ? e.qualified_name : NULL);
    return TN_OK;
}

/* ---- rows ---- */

static void rate_json(tn_json *j, const char *key, const tn_cpu_sum *sum)
{
    double rate = tn__cpu_bytes_per_second(sum);
    if (rate < 0)
        tn__json_null(j, key);
    else
        tn__json_double(j, key, rate);
}

static void range_json(const tn_cpu_page_made *p, tn_json *j, const char *low, const char *high, tn_interval range)
{
    if (p->now.draws > 0) {
        tn__json_double(j, low, 100 * range.low);
        tn__json_double(j, high, 100 * range.high);
    } else {
        tn__json_null(j, low);
        tn__json_null(j, high);
    }
}

static void change_json(const tn_cpu_page_made *p, tn_json *j, const tn_cpu_shown *r)
{
    tn_interval range = tn__cpu_share_change(p, r);
    tn__json_u64(j, "old_own", r->old_own->weight);
    tn__json_double(j, "old_own_pct", tn__cpu_pct(&p->before, r->old_own->weight));
    tn__json_u64(j, "old_total", r->old_total->weight);
    tn__json_u64(j, "old_samples", r->old_own->samples);
    tn__json_i64(j, "own_change", (int64_t)(r->own->weight - r->old_own->weight));
    tn__json_i64(j, "total_change", (int64_t)(r->total->weight - r->old_total->weight));
    range_json(p, j, "change_low_pct", "change_high_pct", range);
    tn__json_bool(j, "significant", range.low > 0 || range.high < 0);
}

static void numbers_json(const tn_cpu_page_made *p, tn_json *j, const tn_cpu_shown *r)
{
    tn__json_u64(j, "own", r->own->weight);
    tn__json_double(j, "own_pct", tn__cpu_pct(&p->now, r->own->weight));
    range_json(p, j, "own_low_pct", "own_high_pct", tn__cpu_share(&p->now, r->own->weight));
    tn__json_u64(j, "total", r->total->weight);
    tn__json_double(j, "total_pct", tn__cpu_pct(&p->now, r->total->weight));
    tn__json_u64(j, "samples", r->own->samples);
    tn__json_u64(j, "total_samples", r->total->samples);
    if (tn__cpu_of_time(&p->now)) {
        tn__json_u64(j, "cpu_ns", r->own->cpu_ns);
        tn__json_u64(j, "total_cpu_ns", r->total->cpu_ns);
    }
    if (p->now.knows_bytes && !p->now.of_bytes) {
        tn__json_u64(j, "allocated_size", r->own->bytes);
        tn__json_u64(j, "total_allocated_size", r->total->bytes);
        rate_json(j, "bytes_per_cpu_s", r->own);
        rate_json(j, "total_bytes_per_cpu_s", r->total);
    }
    if (p->old)
        change_json(p, j, r);
}

static int row_json(const tn_cpu_page_made *p, tn_json *j, const tn_cpu_shown *r, tn_buf *words, tn_error *err)
{
    bool tree = p->asked.page == TN_CPU_TREE;
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    if (tree)
        tn__json_u64(j, "depth", r->depth);
    tn__json_string(j, "name", r->label);
    TN_TRY(tn__cpu_place_json(r->table, r->group, j, err));
    numbers_json(p, j, r);
    if (tree)
        tn__json_u64(j, "more", r->more);
    if (p->asked.by == TN_CPU_TRACEBACK)
        TN_TRY(tn__frames_json(r->table->snapshot, tn__site_example(&r->table->keys, r->group), j, err));
    TN_TRY(tn__cpu_words(p, r, words, err));
    tn__json_string(j, "text", (const char *)words->data);
    tn__json_close(j, '}');
    return TN_OK;
}

static void columns_json(const tn_cpu_page_made *p, tn_json *j)
{
    enum { ALWAYS, TREE, TIME, BOTH, COMPARED, TRACED };
    const char *weight = tn__cpu_unit(&p->now);
    const tn_json_column all[] = {
        {"depth", TREE, NULL},
        {"name", ALWAYS, NULL},
        {"file", ALWAYS, NULL},
        {"line", ALWAYS, NULL},
        {"function", ALWAYS, NULL},
        {"own", ALWAYS, weight},
        {"own_pct", ALWAYS, "%"},
        {"own_low_pct", ALWAYS, "%"},
        {"own_high_pct", ALWAYS, "%"},
        {"total", ALWAYS, weight},
        {"total_pct", ALWAYS, "%"},
        {"samples", ALWAYS, "samples"},
        {"total_samples", ALWAYS, "samples"},
        {"cpu_ns", TIME, "ns"},
        {"total_cpu_ns", TIME, "ns"},
        {"allocated_size", BOTH, "bytes"},
        {"total_allocated_size", BOTH, "bytes"},
        {"bytes_per_cpu_s", BOTH, "bytes/s"},
        {"total_bytes_per_cpu_s", BOTH, "bytes/s"},
        {"old_own", COMPARED, weight},
        {"old_own_pct", COMPARED, "%"},
        {"old_total", COMPARED, weight},
        {"old_samples", COMPARED, "samples"},
        {"own_change", COMPARED, weight},
        {"total_change", COMPARED, weight},
        {"change_low_pct", COMPARED, "%"},
        {"change_high_pct", COMPARED, "%"},
        {"significant", COMPARED, NULL},
        {"more", TREE, NULL},
        {"traceback", TRACED, NULL},
        {"text", ALWAYS, NULL},
    };
    const bool there[] = {
        [ALWAYS] = true,
        [TREE] = p->asked.page == TN_CPU_TREE,
        [TIME] = tn__cpu_of_time(&p->now),
        [BOTH] = p->now.knows_bytes && !p->now.of_bytes,
        [COMPARED] = p->old != NULL,
        [TRACED] = p->asked.by == TN_CPU_TRACEBACK,
    };
    tn__json_columns(j, all, sizeof all / sizeof *all, there);
}

/* ---- the page ---- */

void tn__cpu_frame_json(tn_cpu_page_made *p, tn_json *j)
{
    tn_view_options o = *p->o;
    o.against = p->old;
    tn__json_string(j, "page", tn_cpu_page_names[p->asked.page]);
    tn__json_string(j, "by", tn_cpu_by_names[p->asked.by]);
    tn__json_bool(j, "cumulative", p->asked.cumulative);
    tn__json_string(j, "thread", p->asked.thread);
    tn__json_string(j, "task", p->asked.task);
    tn__json_string(j, "state", p->asked.state);
    tn__against_json(&o, j);
    tn__cpu_about_json(p, j);
}

int tn__cpu_json_page(tn_cpu_page_made *p, tn_json *j, tn_error *err)
{
    tn_buf words;
    int status = TN_OK;
    tn__cpu_frame_json(p, j);
    columns_json(p, j);
    tn__json_open(j, "rows", '[');
    tn__buf_init(&words, p->now.alloc);
    for (size_t i = 0; status == TN_OK && i < tn__cpu_n_shown(p); i++)
        status = row_json(p, j, tn__cpu_shown_at(p, i), &words, err);
    tn__buf_free(&words);
    TN_TRY(status);
    tn__json_close(j, ']');
    tn__json_line(j);
    tn__json_open(j, "total", '{');
    numbers_json(p, j, &p->all);
    tn__json_close(j, '}');
    tn__json_u64(j, "more", p->n_more);
    return TN_OK;
}
