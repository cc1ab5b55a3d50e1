/* why_page.c - tonnage why: what keeps the selected objects alive. */
#include "view/why_page.h"

#include "view/summary.h"

#include <inttypes.h>

int tn__way_steps(const tn_way *way, tn_buf *steps, tn_error *err)
{
    if (tn__buf_append(steps, way->trail.steps, way->trail.n * sizeof *way->trail.steps) < 0 ||
        tn__buf_append(steps, &way->reference, sizeof way->reference) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "no memory for a path");
    return TN_OK;
}

typedef struct tn_answers {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_toplevel top;
    tn_groups *groups; /* NULL: one answer */
    tn_why *rows;
    uint32_t n, capacity;
    uint64_t more_count, more_bytes; /* objects in groups without an answer */
} tn_answers;

static void free_answers(tn_answers *all)
{
    for (uint32_t i = 0; i < all->n; i++)
        tn__why_free(&all->rows[i]);
    tn__free(all->alloc, all->rows, all->capacity * sizeof *all->rows);
    tn_groups_free(all->groups);
    tn__toplevel_free(&all->top);
}

/* ---- groups ---- */

/* Without the dicts that are parts of members. */
static int answer_group(tn_answers *all, uint32_t i, const tn_view_options *o, tn_error *err)
{
    tn_set *members, *alone = NULL;
    TN_TRY(tn_groups_members(all->groups, i, &members, err));
    const tn_fold *fold = all->groups->fold;
    int status = fold ? tn_set_minus(members, fold->folded, &alone, err) : TN_OK;
    if (status == TN_OK)
        status = tn__why_set(&all->top, alone ? alone : members, o->limit, &all->rows[i], err);
    all->n += status == TN_OK;
    if (status == TN_OK)
        all->rows[i].bytes = tn__groups_sum(all->groups, i).bytes;
    tn_set_free(alone);
    tn_set_free(members);
    return status;
}

static int make_groups(tn_answers *all, const tn_set *set, const tn_view_options *o, tn_error *err)
{
    tn_groups_options how = {.fold = o->fold};
    tn_set *whole;
    TN_TRY(tn__why_with_parts(&all->top, set, &whole, err));
    int status = tn_groups_make(all->snapshot, whole, o->by, &how, &all->groups, err);
    tn_set_free(whole);
    TN_TRY(status);
    return tn__groups_order(all->groups, o->sort, err);
}

/* The first groups, the others summed up. */
static int answer_groups(tn_answers *all, const tn_set *set, const tn_view_options *o, tn_error *err)
{
    uint32_t n, limit = o->limit ? o->limit : UINT32_MAX;
    TN_TRY(make_groups(all, set, o, err));
    n = tn_groups_count(all->groups);
    all->capacity = n < limit ? n : limit;
    all->rows = tn__alloc_zero(all->alloc, all->capacity * sizeof *all->rows);
    if (!all->rows)
        return tn__no_memory(all->snapshot, err);
    for (uint32_t i = 0; i < all->capacity; i++)
        TN_TRY(answer_group(all, i, o, err));
    for (uint32_t i = all->capacity; i < n; i++) {
        tn_group_sum sum = tn__groups_sum(all->groups, i);
        all->more_count += sum.count;
        all->more_bytes += sum.bytes;
    }
    return TN_OK;
}

static int tell_groups(tn_answers *all, const tn_view_options *o, tn_out *out, tn_error *err)
{
    char text[32];
    uint32_t n = tn_groups_count(all->groups);
    uint64_t count, bytes;
    tn_groups_total(all->groups, &count, &bytes);
    tn__heading_print(all->snapshot, out, o);
    tn__out_format(out, "%" PRIu64 " object%s, %s, in %" PRIu32 " group%s by %s\n\n", count, count == 1 ? "" : "s",
                   tn_format_bytes(bytes, text, sizeof text), n, n == 1 ? "" : "s", tn_by_names[o->by]);
    for (uint32_t i = 0; i < all->n; i++) {
        tn_say w;
        tn_group group;
        TN_TRY(tn_groups_row(all->groups, i, &group, err));
        tn__out_format(out, "%s%" PRIu32 ". ", o->color ? "\033[1m" : "", i + 1);
        tn__out_escaped(out, group.label);
        tn__out_text(out, o->color ? "\033[0m\n" : "\n");
        tn__say_init(&w, all->rows[i].top, o, out, err);
        tn__why_text(&all->rows[i], &w, o);
        int status = w.status;
        tn__say_free(&w);
        TN_TRY(status);
        tn__out_text(out, "\n");
    }
    if (all->n < n)
        tn__out_format(out, "<%" PRIu32 " more group%s, %" PRIu64 " object%s, %s; use --limit N to see more>\n",
                       n - all->n, n - all->n == 1 ? "" : "s", all->more_count, all->more_count == 1 ? "" : "s",
                       tn_format_bytes(all->more_bytes, text, sizeof text));
    return TN_OK;
}

static int groups_json(tn_answers *all, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_json j;
    uint64_t count, bytes;
    tn_groups_total(all->groups, &count, &bytes);
    tn__why_json_start(&j, out, o);
    tn__json_open(&j, "rows", '[');
    for (uint32_t i = 0; i < all->n; i++) {
        tn_say w;
        tn_group group;
        TN_TRY(tn_groups_row(all->groups, i, &group, err));
        tn__json_line(&j);
        tn__json_open(&j, NULL, '{');
        if (o->by == TN_BY_SIZE)
            tn__json_u64(&j, tn__by_key(o->by), group.number);
        else
            tn__json_string(&j, tn__by_key(o->by), group.label);
        tn__say_init(&w, all->rows[i].top, o, out, err);
        tn__why_json(&all->rows[i], &w, &j);
        int status = w.status;
        tn__say_free(&w);
        TN_TRY(status);
        tn__json_close(&j, '}');
    }
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__json_open(&j, "total", '{');
    tn__json_u64(&j, "count", count);
    tn__json_u64(&j, "size", bytes);
    tn__json_close(&j, '}');
    tn__json_u64(&j, "more", tn_groups_count(all->groups) - all->n);
    tn__json_u64(&j, "more_count", all->more_count);
    tn__json_u64(&j, "more_size", all->more_bytes);
    tn__info_json(&j, all->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

/* ---- one answer ---- */

static int tell_one(const tn_why *why, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_say w;
    tn__say_init(&w, why->top, o, out, err);
    if (o->form == TN_JSON) {
        tn_json j;
        tn__why_json_start(&j, out, o);
        tn__why_json(why, &w, &j);
        tn__json_line(&j);
        tn__info_json(&j, w.snapshot);
        tn__json_close(&j, '}');
        tn__out_text(out, "\n");
    } else {
        tn__against_print(w.snapshot, o, out);
        if (why->is_set)
            tn__selected_print(out, o);
        tn__why_text(why, &w, o);
    }
    int status = w.status;
    tn__say_free(&w);
    return status;
}

static int write_page(tn_answers *all, const tn_view_options *o, const tn_sink *sink, tn_error *err)
{
    tn_out out;
    tn__out_init(&out, sink);
    TN_TRY(!all->groups         ? tell_one(all->rows, o, &out, err)
           : o->form == TN_JSON ? groups_json(all, o, &out, err)
                                : tell_groups(all, o, &out, err));
    return tn__out_end(&out, err);
}

static int answer_one(tn_answers *all, const tn_set *set, const tn_view_options *o, tn_error *err)
{
    all->capacity = 1;
    all->rows = tn__alloc_zero(all->alloc, sizeof *all->rows);
    if (!all->rows)
        return tn__no_memory(all->snapshot, err);
    TN_TRY(tn__why_set(&all->top, set, o->limit, all->rows, err));
    all->n = 1;
    return TN_OK;
}

static int answer(tn_snapshot *s, const tn_set *set, const tn_view_options *o, const tn_sink *sink, tn_error *err)
{
    tn_answers all = {.snapshot = s, .alloc = tn__snapshot_alloc(s)};
    if (tn_set_count(set) == 0 && !(o->where && *o->where))
        return tn__error_set(err, TN_ENOTFOUND, 0, "the set is empty: nothing to explain");
    if (tn_set_count(set) == 0)
        return tn__error_set(err, TN_ENOTFOUND, 0, "nothing is selected by \"%s\"", o->where);
    TN_TRY(tn__toplevel_make(s, o->fold, &all.top, err));
    int status = o->grouped ? answer_groups(&all, set, o, err) : answer_one(&all, set, o, err);
    if (status == TN_OK)
        status = write_page(&all, o, sink, err);
    free_answers(&all);
    return status;
}

int tn_view_why(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_set *set = NULL;
    tn_diff *made;
    tn_view_options o;
    if ((options->sort && !options->grouped) || options->where_rows)
        return tn__error_set(err, TN_EINVAL, 0, "one answer in words has no rows to sort or select; by makes more");
    if (!options->set && !options->against && !(options->where && *options->where))
        return tn__error_set(err, TN_EINVAL, 0, "why is what alive? Name an address or a selection");
    int status = tn__against(s, options, &o, &made, err);
    if (status == TN_OK)
        status = tn__set_selected(s, &o, &set, err);
    if (status == TN_OK)
        status = answer(s, set, &o, sink, err);
    tn_set_free(set);
    tn_diff_close(made);
    return status;
}
