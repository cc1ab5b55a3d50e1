/* cycles_text.c - cycles as a table of what they go over or, one by one, in sentences; finalizers and weak references below. */
#include "view/cycles_page.h"
#include "view/made_at.h"
#include "view/summary.h"

#include <inttypes.h>
#include <string.h>

static int no_memory(const tn_cycles_page *p, tn_error *err)
{
    return tn__no_memory(p->snapshot, err);
}

static const char *s_of(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* Of the selected objects only, where some are. */
static void print_garbage(const tn_cycles_page *p, tn_out *out)
{
    char bytes[24];
    const char *of = p->part ? "Of what is selected, a" : "A";
    if (p->waiting)
        tn__out_format(out, "%s collection frees %" PRIu64 " object%s, %s%s.", of, p->waiting, s_of(p->waiting),
                       tn_format_bytes(p->waiting_bytes, bytes, sizeof bytes),
                       tn__collector_is_off(p->snapshot) ? "; the collector is switched off" : "");
    else if (p->part)
        tn__out_text(out, "Nothing of what is selected waits for the collector.");
    else
        tn__out_text(out, p->listed ? "Nothing waits for the collector." : "There is no garbage.");
    if (p->listed)
        tn__out_format(out, " In gc.garbage %s %" PRIu64 " object%s%s, %s.", p->listed == 1 ? "is" : "are", p->listed,
                       s_of(p->listed), p->part ? " of it" : "", tn_format_bytes(p->listed_bytes, bytes, sizeof bytes));
}

static void print_totals(const tn_cycles_page *p, const tn_view_options *o, tn_out *out)
{
    const tn_components *c = p->components;
    char bytes[24];
    tn__out_wrap(out, o->width);
    bool known = tn__roots_known(p->snapshot);
    if (c->n == 0)
        tn__out_format(out, "No cycles%s. ", o->garbage ? " of garbage" : "");
    else
        tn__out_format(out, "%" PRIu32 " cycle%s of %" PRIu32 " object%s, %s", c->n, s_of(c->n), c->n_members,
                       s_of(c->n_members), tn_format_bytes(c->bytes, bytes, sizeof bytes));
    if (c->n && known && (p->cycles_waiting || !p->cycles_listed))
        tn__out_format(out, "; %" PRIu64 " wait%s for the collector", p->cycles_waiting,
                       p->cycles_waiting == 1 ? "s" : "");
    if (p->cycles_listed)
        tn__out_format(out, "; %" PRIu64 " in gc.garbage", p->cycles_listed);
    if (c->n)
        tn__out_text(out, ". ");
    if (known)
        print_garbage(p, out);
    else
        tn__out_text(out, "What of all objects is garbage is unknown, because roots are.");
    tn__out_text(out, "\n");
    tn__out_unwrap(out);
}

/* Prints it, unless memory ran out on the way; gives it back. */
static int finish(const tn_cycles_page *p, tn_table *t, const tn_view_options *o, tn_out *out, tn_error *err)
{
    int status = t->status < 0 ? no_memory(p, err) : TN_OK;
    if (status == TN_OK)
        tn__table_print(t, out, o);
    tn__table_free(t);
    return status;
}

static void print_more(tn_out *out, size_t n, uint32_t shown, const char *what)
{
    if (n > shown)
        tn__out_format(out, "<%zu more %s%s; use --limit N to see more, --limit 0 for all>\n", n - shown, what,
                       s_of(n - shown));
}

/* Without the column, which is about gc.garbage, where nothing is in that. */
static uint32_t drop_column(tn_table_column *columns, uint32_t n, uint32_t at)
{
    memmove(columns + at, columns + at + 1, (n - at - 1) * sizeof *columns);
    return n - 1;
}

/* ---- groups ---- */

static void add_length(tn_table *t, const tn_cycle_group *group)
{
    char text[48];
    tn_text range;
    tn__text_init(&range, text, sizeof text);
    tn__text_format(&range, "%" PRIu32, group->shortest);
    if (group->longest > group->shortest)
        tn__text_format(&range, "–%" PRIu32, group->longest);
    tn__text_end(&range);
    tn__table_text(t, text);
}

static int print_groups(tn_cycles_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    enum { LISTED = 4, SITE = 7 };
    tn_table_column columns[] = {
        {"Cycles", true, 0},  {"Objects", true, 0},       {"Size", true, 0},
        {"Garbage", true, 1}, {"In gc.garbage", true, 1}, {"Length", true, 2},
        {"at", false, 3},     {"Made at", false, 0},      {"Goes over", false, 0},
    };
    uint32_t n_columns = sizeof columns / sizeof *columns;
    bool sited = p->components->by == TN_BY_SITE;
    tn_table t;
    int status = TN_OK;
    n_columns = sited ? n_columns : drop_column(columns, n_columns, SITE);
    tn__table_init(&t, p->alloc, columns, p->cycles_listed ? n_columns : drop_column(columns, n_columns, LISTED));
    for (uint32_t i = 0; i < p->n_shown && status == TN_OK; i++) {
        tn_cycle_group group;
        uint32_t index = (uint32_t)p->order[i].row;
        status = tn_components_group(p->components, index, &group, err);
        if (status == TN_OK)
            status = tn__cycle_group_words(p, index, err);
        if (status < 0)
            break;
        tn__table_u64(&t, group.cycles);
        tn__table_u64(&t, group.count);
        tn__table_bytes(&t, group.bytes);
        tn__table_u64(&t, group.waiting);
        if (p->cycles_listed)
            tn__table_u64(&t, group.listed);
        add_length(&t, &group);
        tn__table_hex(&t, tn__snapshot_address(p->snapshot, tn__component_members(p->components, group.example)[0]));
        if (sited)
            tn__made_line_cell(&t, group.site ? group.site : TN_NOT_RECORDED);
        tn__table_text(&t, (const char *)p->scratch.data);
    }
    if (status < 0) {
        tn__table_free(&t);
        return status;
    }
    TN_TRY(finish(p, &t, o, out, err));
    print_more(out, p->n_rows, p->n_shown, "row");
    return TN_OK;
}

/* ---- one by one ---- */

static void say_sizes(tn_say *w, const tn_component_row *row, const tn_cycle_row *told)
{
    tn__say_objects(w, row->count);
    tn__say(w, ", ");
    tn__say_bytes(w, row->bytes);
    if (told->retained == TN_UNKNOWN) {
        tn__say(w, "; what it retains takes too long to find out for so many: use --limit");
    } else {
        tn__say(w, ", retain%s ", row->count == 1 ? "s" : "");
        tn__say_objects(w, told->retained_count);
        tn__say(w, ", ");
        tn__say_bytes(w, told->retained);
    }
    tn__say(w, ": ");
}

static void say_holder(tn_say *w, const tn_component_row *row, const tn_cycle_row *told)
{
    if (row->state == TN_CYCLE_WAITING) {
        tn__say(w, row->source ? " Nothing holds it: it waits for the collector."
                               : " Only other garbage leads to it: it waits for the collector.");
    } else if (told->trail.n) {
        tn__say(w, " It is held by ");
        tn__say_path(w, told->trail.steps, told->trail.n);
        tn__say(w, ".");
        tn__say_about(w, &told->trail);
    } else {
        tn__say(w, " No path leads to it.");
    }
    if (row->state == TN_CYCLE_LISTED && told->trail.about != TN_ABOUT_GARBAGE)
        tn__say(w, " It is in gc.garbage.");
}

static int print_one(tn_cycles_page *p, tn_say *w, uint32_t i, const tn_view_options *o, tn_error *err)
{
    const tn_cycle_row *told = &p->rows[i];
    const tn_component_row *row = &p->components->rows[told->index];
    const tn_reference *steps;
    uint32_t n;
    bool shortest;
    TN_TRY(tn_components_cycle(p->components, told->index, &steps, &n, &shortest, err));
    TN_TRY(tn__cycle_words(p, steps, n, err));
    tn__say(w, "\n");
    tn__out_wrap(w->out, o->width);
    tn__say(w, "%" PRIu32 ". ", i + 1);
    say_sizes(w, row, told);
    tn__out_escaped(w->out, (const char *)p->scratch.data);
    tn__say(w, n == row->count ? "." : shortest ? ", the shortest cycle in it." : ", a short cycle in it.");
    if (row->count > 1)
        tn__say_content(w, &told->content);
    say_holder(w, row, told);
    tn__say(w, "\n");
    tn__out_unwrap(w->out);
    tn__say(w, "  ");
    tn__say_command(w, "why", tn__component_members(p->components, told->index)[0]);
    tn__say(w, "\n");
    return w->status;
}

static int print_each(tn_cycles_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_say w;
    int status = TN_OK;
    tn__say_init(&w, &p->top, o, out, err);
    for (uint32_t i = 0; i < p->n_shown && status == TN_OK; i++)
        status = print_one(p, &w, i, o, err);
    tn__say_free(&w);
    print_more(out, p->n_rows, p->n_shown, "cycle");
    return status;
}

/* ---- finalizers and weak references ---- */

static int print_finalizers(const tn_cycles_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    enum { LISTED = 4 };
    tn_table_column columns[] = {
        {"Objects", true, 0},       {"Size", true, 1},      {"Has run", true, 2}, {"Garbage", true, 0},
        {"In gc.garbage", true, 0}, {"In cycles", true, 0}, {"Type", false, 0},
    };
    uint32_t n_columns = sizeof columns / sizeof *columns;
    const tn_finalizer_row *rows = (const tn_finalizer_row *)(const void *)p->finalizers.data;
    size_t n = p->finalizers.size / sizeof *rows;
    uint32_t shown = tn__cycles_limit(o, n);
    tn_table t;
    if (n == 0)
        return TN_OK;
    tn__out_text(out, "\n");
    tn__table_heading(out, o, "Objects with a finalizer");
    tn__table_init(&t, p->alloc, columns, p->listed ? n_columns : drop_column(columns, n_columns, LISTED));
    for (uint32_t i = 0; i < shown; i++) {
        tn__table_u64(&t, rows[i].count);
        tn__table_bytes(&t, rows[i].bytes);
        tn__table_u64(&t, rows[i].finalized);
        tn__table_u64(&t, rows[i].waiting);
        if (p->listed)
            tn__table_u64(&t, rows[i].listed);
        tn__table_u64(&t, rows[i].in_cycles);
        tn__table_text(&t, rows[i].type);
    }
    TN_TRY(finish(p, &t, o, out, err));
    print_more(out, n, shown, "type");
    return TN_OK;
}

static int print_weak(const tn_cycles_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"Objects", true, 0}, {"References", true, 0}, {"With a callback", true, 0}, {"To", false, 0}};
    const tn_weak_row *rows = (const tn_weak_row *)(const void *)p->weak.data;
    size_t n = p->weak.size / sizeof *rows;
    uint32_t shown = tn__cycles_limit(o, n);
    tn_table t;
    if (n == 0)
        return TN_OK;
    tn__out_text(out, "\n");
    tn__table_heading(out, o, "Weak references");
    tn__table_init(&t, p->alloc, columns, sizeof columns / sizeof *columns);
    for (uint32_t i = 0; i < shown; i++) {
        tn__table_u64(&t, rows[i].referents);
        tn__table_u64(&t, rows[i].references);
        tn__table_u64(&t, rows[i].callbacks);
        tn__table_text(&t, rows[i].type ? rows[i].type : "nothing: what they referred to is gone");
    }
    TN_TRY(finish(p, &t, o, out, err));
    print_more(out, n, shown, "type");
    return TN_OK;
}

static int print_tables(const tn_cycles_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"Entries", true, 0}, {"Dead", true, 0}, {"at", false, 0}, {"Type", false, 0}};
    const tn_weak_table *rows = (const tn_weak_table *)(const void *)p->tables.data;
    size_t n = p->tables.size / sizeof *rows;
    uint32_t shown = tn__cycles_limit(o, n);
    tn_table t;
    if (n == 0)
        return TN_OK;
    tn__out_text(out, "\n");
    tn__table_heading(out, o, "Weak dictionaries and sets");
    tn__table_init(&t, p->alloc, columns, sizeof columns / sizeof *columns);
    for (uint32_t i = 0; i < shown; i++) {
        tn__table_u64(&t, rows[i].alive);
        tn__table_u64(&t, rows[i].dead);
        tn__table_hex(&t, tn__snapshot_address(p->snapshot, rows[i].node));
        tn__table_text(&t, tn__type_name(p->snapshot, rows[i].node));
    }
    TN_TRY(finish(p, &t, o, out, err));
    print_more(out, n, shown, "table");
    return TN_OK;
}

int tn__cycles_text(tn_cycles_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn__heading_print(p->snapshot, out, o);
    print_totals(p, o, out);
    if (p->n_shown && !p->each)
        tn__out_text(out, "\n");
    if (p->n_shown)
        TN_TRY(p->each ? print_each(p, o, out, err) : print_groups(p, o, out, err));
    TN_TRY(print_finalizers(p, o, out, err));
    TN_TRY(print_weak(p, o, out, err));
    return print_tables(p, o, out, err);
}
