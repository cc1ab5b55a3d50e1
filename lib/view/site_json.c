/* site_json.c - tables of sites as docs/view-json.md specifies them. */
#include "view/made_at.h"
#include "view/site_page.h"

#include <math.h>
#include <string.h>

static void place_json(const tn_site_page *p, tn_json *j, const tn_site_shown *r)
{
    bool whole = p->asked.by == TN_SITES_LINE || p->asked.by == TN_SITES_TYPE || p->asked.by == TN_SITES_TRACEBACK;
    bool function = whole || p->asked.by == TN_SITES_FUNCTION;
    bool known = r->entry && tn__site_has_frames(p);
    bool lost = !r->entry && tn__site_has_frames(p) && strcmp(r->label, TN_SITE_LOST) == 0;
    tn__json_string(j, "file", known ? tn__site_file(&r->frame) : lost ? TN_SITE_LOST : NULL);
    if (known && whole && r->frame.line)
        tn__json_u64(j, "line", r->frame.line);
    else
        tn__json_null(j, "line");
    tn__json_string(j, "function", known && function ? r->frame.qualified_name : NULL);
}

static void range_json(tn_json *j, const char *low, const char *high, tn_interval range, bool known)
{
    if (known) {
        tn__json_double(j, low, floor(range.low));
        tn__json_double(j, high, ceil(range.high));
    } else {
        tn__json_null(j, low);
        tn__json_null(j, high);
    }
}

static void change_json(const tn_site_page *p, tn_json *j, const tn_site_shown *r)
{
    if (!p->old)
        return;
    tn__json_i64(j, "old_size", r->old_bytes);
    tn__json_i64(j, "size_change", r->bytes - r->old_bytes);
    if (r->old_bytes)
        tn__json_double(j, "size_change_pct", 100 * ((double)r->bytes / (double)r->old_bytes - 1));
    else
        tn__json_null(j, "size_change_pct");
    range_json(j, "change_low", "change_high", r->change, p->sampled);
    tn__json_bool(j, "significant", r->significant);
    tn__json_u64(j, "old_count", tn__site_count(r->old_count));
    tn__json_i64(j, "count_change", (int64_t)(tn__site_count(r->count) - tn__site_count(r->old_count)));
}

static void ages_json(tn_json *j, const tn_site_ages *ages)
{
    tn__json_double(j, "slope", ages->slope);
    tn__json_double(j, "slope_low", ages->range.low);
    tn__json_double(j, "slope_high", ages->range.high);
    tn__json_open(j, "cohorts", '[');
    for (int i = 0; i < TN_COHORTS; i++) {
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "size", tn__site_whole(ages->bytes[i] + 0.5));
        tn__json_u64(j, "count", tn__site_count(ages->count[i]));
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
}

static void numbers_json(const tn_site_page *p, tn_json *j, const tn_site_shown *r)
{
    const tn_site_sum *sum = r->pair ? r->pair->now : NULL;
    tn__json_i64(j, "size", r->bytes);
    tn__json_double(j, "size_pct", p->total.bytes > 0 ? 100.0 * (double)r->bytes / (double)p->total.bytes : 0);
    range_json(j, "size_low", "size_high", r->range, p->sampled);
    tn__json_u64(j, "count", tn__site_count(r->count));
    tn__json_double(j, "average", r->count > 0 ? (double)r->bytes / r->count : 0);
    change_json(p, j, r);
    if (p->asked.retained && r->retained != TN_UNKNOWN && r->pair != &p->pairs.total)
        tn__json_u64(j, "retained", r->retained);
    else if (p->asked.retained)
        tn__json_null(j, "retained");
    if (p->asked.page == TN_SITES_AT_PEAK) {
        tn__json_i64(j, "size_now", sum ? sum->bytes[TN_SITES_LIVE] : 0);
        tn__json_i64(j, "own_peak", sum ? sum->own_peak : 0);
    }
    if (tn__site_knows_ever(p) && sum)
        tn__json_i64(j, "freed_size", tn__site_freed(sum));
    if (p->asked.page == TN_SITES_SOON_FREED || tn__site_knows_ever(p)) {
        tn__json_i64(j, "allocated_size", sum ? sum->bytes[TN_SITES_ALLOCATED] : 0);
        tn__json_u64(j, "allocated_count", sum ? tn__site_count(sum->count[TN_SITES_ALLOCATED]) : 0);
    }
    if (p->asked.page == TN_SITES_SURVIVORS)
        ages_json(j, r->ages ? r->ages : &p->cohorts.total);
}

static bool is_doubtful(const tn_site_shown *r)
{
    uint32_t type = (r->pair->now ? r->pair->now : r->pair->old)->type;
    return type != TN_NONE && tn__site_maybe_stale(r->table->snapshot, type);
}

static int row_json(const tn_site_page *p, tn_json *j, const tn_site_shown *r, tn_buf *words, tn_error *err)
{
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    if (p->asked.page == TN_SITES_CREATORS)
        tn__json_u64(j, "depth", r->depth);
    tn__json_string(j, "name", r->label);
    place_json(p, j, r);
    numbers_json(p, j, r);
    if (p->asked.by == TN_SITES_TRACEBACK)
        TN_TRY(tn__frames_json(r->table->snapshot, r->entry, j, err));
    if (p->asked.by == TN_SITES_TYPE)
        tn__json_bool(j, "maybe_stale", is_doubtful(r));
    TN_TRY(tn__site_words(p, r, words, err));
    tn__json_string(j, "text", (const char *)words->data);
    tn__json_close(j, '}');
    return TN_OK;
}

static void columns_json(const tn_site_page *p, tn_json *j)
{
    enum { ALWAYS, TREE, COMPARED, RETAINED, PEAK, SOON, AGED, TRACED, TYPED, EVER };
    static const tn_json_column all[] = {
        {"depth", TREE, NULL},
        {"name", ALWAYS, NULL},
        {"file", ALWAYS, NULL},
        {"line", ALWAYS, NULL},
        {"function", ALWAYS, NULL},
        {"size", ALWAYS, "bytes"},
        {"size_pct", ALWAYS, "percent"},
        {"size_low", ALWAYS, "bytes"},
        {"size_high", ALWAYS, "bytes"},
        {"count", ALWAYS, "blocks"},
        {"average", ALWAYS, "bytes"},
        {"old_size", COMPARED, "bytes"},
        {"size_change", COMPARED, "bytes"},
        {"size_change_pct", COMPARED, "percent"},
        {"change_low", COMPARED, "bytes"},
        {"change_high", COMPARED, "bytes"},
        {"significant", COMPARED, NULL},
        {"old_count", COMPARED, "blocks"},
        {"count_change", COMPARED, "blocks"},
        {"retained", RETAINED, "bytes"},
        {"size_now", PEAK, "bytes"},
        {"own_peak", PEAK, "bytes"},
        {"freed_size", EVER, "bytes"},
        {"allocated_size", SOON, "bytes"},
        {"allocated_count", SOON, "blocks"},
        {"slope", AGED, "bytes"},
        {"slope_low", AGED, "bytes"},
        {"slope_high", AGED, "bytes"},
        {"cohorts", AGED, NULL},
        {"traceback", TRACED, NULL},
        {"maybe_stale", TYPED, NULL},
        {"text", ALWAYS, NULL},
    };
    const bool there[] = {
        [ALWAYS] = true,
        [TREE] = p->asked.page == TN_SITES_CREATORS,
        [COMPARED] = p->old != NULL,
        [RETAINED] = p->asked.retained,
        [PEAK] = p->asked.page == TN_SITES_AT_PEAK,
        [EVER] = tn__site_knows_ever(p),
        [SOON] = p->asked.page == TN_SITES_SOON_FREED || tn__site_knows_ever(p),
        [AGED] = p->asked.page == TN_SITES_SURVIVORS,
        [TRACED] = p->asked.by == TN_SITES_TRACEBACK,
        [TYPED] = p->asked.by == TN_SITES_TYPE,
    };
    tn__json_columns(j, all, sizeof all / sizeof *all, there);
}

static void peak_json(const tn_site_page *p, tn_json *j)
{
    tn_site_peak peak;
    if (p->asked.page != TN_SITES_AT_PEAK)
        return;
    if (!tn__site_peak(p->snapshot, &peak)) {
        tn__json_null(j, "peak");
        return;
    }
    tn__json_open(j, "peak", '{');
    tn__json_u64(j, "above_now", peak.above);
    tn__json_u64(j, "birth", peak.birth);
    tn__json_u64(j, "births", peak.births);
    if (peak.before_ns != TN_UNKNOWN)
        tn__json_u64(j, "before_ns", peak.before_ns);
    else
        tn__json_null(j, "before_ns");
    tn__json_close(j, '}');
}

static void reconnected_json(const tn_site_page *p, tn_json *j)
{
    uint64_t times;
    if (tn__fact_u64(p->snapshot, "trace.reconnected", &times))
        tn__json_u64(j, "reconnected", times);
    else
        tn__json_null(j, "reconnected");
}

int tn__site_json_page(tn_site_page *p, tn_json *j, tn_error *err)
{
    tn_buf words;
    int status = TN_OK;
    tn__json_string(j, "by", tn_sites_by_names[p->asked.by]);
    tn__json_bool(j, "cumulative", p->asked.cumulative);
    tn__json_string(j, "where", p->o->where);
    tn_view_options o = *p->o;
    o.against = p->old;
    tn__against_json(&o, j);
    if (p->old && tn__site_process_told(p))
        tn__json_bool(j, "same_process", p->pairs.same_process);
    else if (p->old)
        tn__json_null(j, "same_process");
    if (p->sampled)
        tn__json_double(j, "interval_bytes", tn__site_interval_bytes(p));
    else
        tn__json_null(j, "interval_bytes");
    reconnected_json(p, j);
    peak_json(p, j);
    columns_json(p, j);
    tn__json_open(j, "rows", '[');
    tn__buf_init(&words, p->now.alloc);
    for (size_t i = 0; status == TN_OK && i < p->n_shown; i++)
        status = p->shown[i].more ? TN_OK : row_json(p, j, &p->shown[i], &words, err);
    tn__buf_free(&words);
    TN_TRY(status);
    tn__json_close(j, ']');
    tn__json_line(j);
    tn__json_open(j, "total", '{');
    numbers_json(p, j, &p->total);
    tn__json_close(j, '}');
    tn__json_u64(j, "filtered", p->n_filtered);
    tn__json_u64(j, "more", p->n_more);
    tn__info_json(j, p->snapshot);
    return TN_OK;
}
