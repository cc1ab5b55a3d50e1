/* tracked_text.c - tracked classes as a page: snapshots, classes, instances. */
#include "view/summary.h"
#include "view/tracked_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CURVES = 3, COARSE_NS = 4000000, MOST_INDENT = 40, FEW_PARTS = 10, LEVELS = 128 };

static int done(tn_table *t, const tn_tracked_page_made *p, tn_out *out, tn_error *err)
{
    int status = t->status < 0 ? tn__no_memory(p->snapshot, err) : TN_OK;
    if (status == TN_OK)
        tn__table_print(t, out, p->o);
    tn__table_free(t);
    return status;
}

static void number_or_dash(tn_table *t, uint64_t bytes, bool known)
{
    if (known)
        tn__table_bytes(t, bytes);
    else
        tn__table_text(t, "-");
}

/* Since tracking began; what was before that is "found". */
static const char *since(const tn_tracked *t, uint64_t time_ns, char *out, size_t cap)
{
    tn__fact_duration(time_ns > t->started_ns ? time_ns - t->started_ns : 0, out, cap);
    return out;
}

static void add_since(tn_table *table, const tn_tracked *t, uint64_t time_ns)
{
    char text[32];
    tn__table_text(table, since(t, time_ns, text, sizeof text));
}

/* ---- snapshots ---- */

static uint64_t selected_active(const tn_tracked_page_made *p, const tn_tracked_moment *m)
{
    uint64_t active = 0;
    for (uint32_t i = 0; i < m->n_sums; i++)
        active += p->selected[m->sums[i].kind] ? m->sums[i].active : 0;
    return active;
}

static uint64_t selected_bytes(const tn_tracked_page_made *p, const tn_tracked_moment *m)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < m->n_sums; i++)
        bytes += p->selected[m->sums[i].kind] ? m->sums[i].bytes : 0;
    return bytes;
}

/* The first of those that are shown: the last ones are. */
static size_t first_moment(const tn_tracked_page_made *p)
{
    size_t n = p->all->n_moments;
    return p->o->limit && n > p->o->limit ? n - p->o->limit : 0;
}

static void earlier(const tn_tracked_page_made *p, tn_out *out)
{
    size_t n = first_moment(p);
    if (n)
        tn__out_format(out, "<%zu earlier snapshot%s; use --limit 0 to see all>\n", n, n == 1 ? "" : "s");
}

static int print_moments(const tn_tracked_page_made *p, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"", true, 0},        {"At", true, 0},   {"Active", true, 0},  {"Size", true, 0},  {"Shared", true, 2},
        {"Process", true, 1}, {"Heap", true, 4}, {"tonnage", true, 3}, {"Pause", true, 5}, {"Description", false, 0},
    };
    tn_table t;
    tn__table_init(&t, p->alloc, columns, sizeof columns / sizeof *columns);
    for (size_t i = first_moment(p); i < p->all->n_moments; i++) {
        const tn_tracked_moment *m = &p->all->moments[i];
        char pause[32];
        tn__table_u64(&t, m->number);
        add_since(&t, p->all, m->monotonic_ns);
        tn__table_u64(&t, selected_active(p, m));
        tn__table_bytes(&t, selected_bytes(p, m));
        tn__table_bytes(&t, m->shared_bytes);
        number_or_dash(&t, m->rss_bytes, m->rss_bytes);
        number_or_dash(&t, m->heap_bytes, m->heap_bytes != TN_UNKNOWN);
        tn__table_bytes(&t, m->own_bytes);
        tn__fact_duration(m->pause_ns, pause, sizeof pause);
        tn__table_text(&t, m->pause_ns ? pause : "-");
        tn__table_text(&t, m->description);
    }
    tn__out_text(out, "\n");
    tn__table_heading(out, p->o, "Snapshots");
    earlier(p, out);
    if (!p->all->n_moments)
        tn__out_text(out, "none was taken: sizes are not known\n");
    return p->all->n_moments ? done(&t, p, out, err) : (tn__table_free(&t), TN_OK);
}

static void moment_heading(const tn_tracked_page_made *p, const tn_tracked_moment *m, tn_out *out)
{
    char at[32], a[24], b[24], pause[32];
    tn__out_text(out, p->o->color ? "\n\033[1m" : "\n");
    tn__out_format(out, "Snapshot %" PRIu64, m->number);
    if (*m->description) {
        tn__out_text(out, ": ");
        tn__out_escaped(out, m->description);
    }
    tn__out_text(out, p->o->color ? "\033[0m\n" : "\n");
    tn__out_wrap(out, p->o->width);
    tn__out_format(out, "after %s; process %s", since(p->all, m->monotonic_ns, at, sizeof at),
                   m->rss_bytes ? tn_format_bytes(m->rss_bytes, a, sizeof a) : "unknown");
    if (m->heap_bytes != TN_UNKNOWN)
        tn__out_format(out, ", all objects %s in %" PRIu64, tn_format_bytes(m->heap_bytes, b, sizeof b), m->heap_count);
    tn__fact_duration(m->pause_ns, pause, sizeof pause);
    tn__out_format(out, ", of it tonnage's own %s; pause %s\n", tn_format_bytes(m->own_bytes, a, sizeof a), pause);
    tn__out_unwrap(out);
}

/* sum NULL: a row of several classes, or of none; active TN_UNKNOWN: of none. */
static void sum_row(tn_table *t, const tn_tracked_moment *m, const tn_tracked_sum *sum, uint64_t active, uint64_t bytes,
                    const char *name)
{
    if (active == TN_UNKNOWN)
        tn__table_text(t, "");
    else
        tn__table_u64(t, active);
    tn__table_bytes(t, bytes);
    number_or_dash(t, sum && active ? bytes / active : 0, sum && active);
    tn__table_pct(t, bytes, m->tracked_bytes);
    number_or_dash(t, sum ? sum->retained_bytes : 0, sum);
    tn__table_text(t, name);
}

static int print_summary(const tn_tracked_page_made *p, const tn_tracked_moment *m, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"Active", true, 0}, {"Size", true, 0},     {"Average", true, 1},
        {"%", true, 2},      {"Retained", true, 3}, {"Class", false, 0},
    };
    tn_table t;
    size_t n = 0;
    tn__table_init(&t, p->alloc, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < p->n_kinds; i++) {
        const tn_tracked_sum *sum = tn__tracked_sum_at(m, (uint32_t)p->kinds[i].row);
        if (!sum)
            continue;
        sum_row(&t, m, sum, sum->active, sum->bytes, p->all->kinds[sum->kind].name);
        n++;
    }
    bool all = !p->o->where || !*p->o->where;
    if (n != 1 && !all)
        sum_row(&t, m, NULL, selected_active(p, m), selected_bytes(p, m), "<selected>");
    if (all && m->shared_bytes)
        sum_row(&t, m, NULL, TN_UNKNOWN, m->shared_bytes, "<shared>");
    uint64_t active = 0;
    for (uint32_t i = 0; i < m->n_sums; i++)
        active += m->sums[i].active;
    sum_row(&t, m, NULL, active, m->tracked_bytes, "<all that is tracked>");
    moment_heading(p, m, out);
    return done(&t, p, out, err);
}

static int print_summaries(const tn_tracked_page_made *p, tn_out *out, tn_error *err)
{
    for (size_t i = first_moment(p); i < p->all->n_moments; i++)
        TN_TRY(print_summary(p, &p->all->moments[i], out, err));
    tn__out_text(out, p->all->n_moments ? "" : "\nno snapshot was taken: sizes are not known\n");
    if (first_moment(p))
        tn__out_text(out, "\n");
    earlier(p, out);
    return TN_OK;
}

/* ---- classes ---- */

/* The clock of births and deaths is coarse. */
static void mean_age(const tn_tracked_kind *k, char *out, size_t cap)
{
    uint64_t mean = k->died ? k->lifetime_ns / k->died : 0;
    if (!k->died)
        snprintf(out, cap, "-");
    else if (mean < COARSE_NS)
        snprintf(out, cap, "<%.1f ms", COARSE_NS / 1e6);
    else
        tn__fact_duration(mean, out, cap);
}

static void kind_row(const tn_tracked_page_made *p, uint32_t kind, tn_table *t)
{
    const tn_tracked_kind *k = &p->all->kinds[kind];
    const tn_tracked_moment *last = tn__tracked_last(p->all);
    const tn_tracked_sum *sum = tn__tracked_sum_at(last, kind);
    char text[192], growth[TN_CURVE_ROOM];
    tn__table_u64(t, tn__tracked_alive(k));
    tn__table_u64(t, k->born);
    tn__table_u64(t, k->found);
    tn__table_u64(t, k->died);
    tn__table_u64(t, k->morphed);
    mean_age(k, text, sizeof text);
    tn__table_text(t, text);
    number_or_dash(t, sum ? sum->bytes : 0, sum);
    number_or_dash(t, sum ? sum->retained_bytes : 0, sum);
    tn__tracked_growth(p->all, kind, growth);
    tn__table_text(t, growth);
    tn__tracked_ages(k, text, sizeof text);
    tn__table_text(t, text);
    tn__table_text(t, k->name);
}

static int print_kinds(const tn_tracked_page_made *p, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"Alive", true, 0},   {"Born", true, 0},           {"Found", true, 4},  {"Died", true, 0},
        {"Morphed", true, 4}, {"Mean age", true, 2},       {"Size", true, 0},   {"Retained", true, 3},
        {"Growth", false, 1}, {"Ages at death", false, 2}, {"Class", false, 0},
    };
    size_t n = p->o->limit && p->o->limit < p->n_kinds ? p->o->limit : p->n_kinds;
    tn_table t;
    tn__table_init(&t, p->alloc, columns, sizeof columns / sizeof *columns);
    t.last_width = 30;
    for (size_t i = 0; i < n; i++)
        kind_row(p, (uint32_t)p->kinds[i].row, &t);
    tn__out_text(out, "\n");
    tn__table_heading(out, p->o, "Classes");
    TN_TRY(done(&t, p, out, err));
    if (n < p->n_kinds)
        tn__out_format(out, "<%zu more classes; use --limit 0 to see all>\n", p->n_kinds - n);
    return TN_OK;
}

/* What a class and those derived from it take together, where that says more. */
static int print_families(const tn_tracked_page_made *p, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"Active", true, 0}, {"Size", true, 0}, {"Class and subclasses", false, 0}};
    const tn_tracked_moment *last = tn__tracked_last(p->all);
    tn_table t;
    bool any = false;
    if (!p->derived || !last)
        return TN_OK;
    tn__table_init(&t, p->alloc, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < p->n_kinds; i++) {
        uint32_t kind = (uint32_t)p->kinds[i].row;
        const tn_tracked_sum *own = tn__tracked_sum_at(last, kind);
        tn_tracked_sum all = tn__tracked_family(p->all, last, kind);
        if (all.active == (own ? own->active : 0))
            continue;
        tn__table_u64(&t, all.active);
        tn__table_bytes(&t, all.bytes);
        tn__table_text(&t, p->all->kinds[kind].name);
        any = true;
    }
    if (any)
        tn__out_text(out, "\n");
    return any ? done(&t, p, out, err) : (tn__table_free(&t), TN_OK);
}

/* ---- instances ---- */

static void made_at(const tn_tracked_page_made *p, const tn_tracked_instance *one, tn_table *t)
{
    char place[400];
    const tn_tracked_stack *stack = one->stack ? &p->all->stacks[one->stack - 1] : NULL;
    if (!stack || !stack->n) {
        tn__table_text(t, "");
        return;
    }
    const char *file = strrchr(stack->frames[0].file, '/');
    snprintf(place, sizeof place, "%s:%" PRIu32 " %s()", file ? file + 1 : stack->frames[0].file, stack->frames[0].line,
             stack->frames[0].function);
    tn__table_text(t, place);
}

static void change_cell(const tn_tracked_page_made *p, size_t i, tn_table *t)
{
    uint64_t first = tn__tracked_bytes(p, p->first[i]), last = tn__tracked_bytes(p, p->last[i]);
    char size[24], text[32];
    if (p->first[i].moment == p->last[i].moment) {
        tn__table_text(t, "");
        return;
    }
    snprintf(text, sizeof text, "%s%s", last < first ? "-" : "+",
             tn_format_bytes(last < first ? first - last : last - first, size, sizeof size));
    tn__table_text(t, text);
}

static void instance_row(const tn_tracked_page_made *p, size_t rank, tn_table *t)
{
    size_t i = p->instances[rank].row;
    const tn_tracked_instance *one = &p->all->instances[i];
    bool sized = p->last[i].moment != SIZE_MAX;
    char text[64];
    tn__table_u64(t, one->serial);
    number_or_dash(t, tn__tracked_bytes(p, p->last[i]), sized);
    change_cell(p, i, t);
    number_or_dash(t, tn__tracked_retained(p, p->last[i]), sized);
    number_or_dash(t, tn__tracked_flat(p, p->last[i]), sized);
    if (one->found)
        tn__table_text(t, "found");
    else
        add_since(t, p->all, one->birth_ns);
    if (one->death_ns == TN_UNKNOWN)
        tn__table_text(t, "");
    else
        add_since(t, p->all, one->death_ns);
    tn__fact_duration((one->death_ns == TN_UNKNOWN ? p->all->now_ns : one->death_ns) - one->birth_ns, text,
                      sizeof text);
    tn__table_text(t, text);
    tn__table_hex(t, one->address);
    made_at(p, one, t);
    tn__table_text(t, one->label ? one->label : "");
    tn__table_text(t, p->all->kinds[one->kind].name);
    snprintf(text, sizeof text, "-> %.50s", one->morphed_to ? one->morphed_to : "");
    tn__table_text(t, one->morphed_to ? text : "");
    tn__table_text(t, one->preview ? one->preview : "");
}

static void print_part(const tn_tracked_part *part, tn_out *out)
{
    char size[24];
    int indent = part->depth < MOST_INDENT / 2 ? (int)part->depth * 2 : MOST_INDENT;
    tn__out_format(out, "%12s  %*s", tn_format_bytes(part->bytes, size, sizeof size), indent, "");
    tn__out_escaped(out, part->label);
    tn__out_text(out, *part->label ? "  " : "");
    tn__out_escaped(out, part->type);
    if (part->more)
        tn__out_format(out, "  <%" PRIu32 " more>", part->more);
    tn__out_text(out, "\n");
}

/* The first part behind i that is no part of it. */
static uint32_t behind(const tn_tracked_tree *tree, uint32_t i)
{
    uint32_t depth = tree->parts[i].depth;
    while (++i < tree->n && tree->parts[i].depth > depth)
        ;
    return i;
}

/* Of many parts of one object the first ones, unless all rows were asked for. */
static void print_tree(const tn_tracked_page_made *p, const tn_tracked_instance *one, const tn_tracked_moment *m,
                       const tn_tracked_tree *tree, tn_out *out)
{
    uint32_t told[LEVELS] = {0}; /* of each level, since the level above it went on */
    tn__out_format(out, "\nParts of %" PRIu64 ", snapshot %" PRIu64 ": ", one->serial, m->number);
    tn__out_escaped(out, one->label ? one->label : p->all->kinds[one->kind].name);
    tn__out_text(out, "\n");
    for (uint32_t i = 0; i < tree->n;) {
        uint32_t depth = tree->parts[i].depth;
        bool level = depth < LEVELS && !(p->o->depth && depth > p->o->depth);
        if (level && depth + 1 < LEVELS)
            told[depth + 1] = 0;
        if (level && (!p->o->limit || told[depth] < FEW_PARTS))
            print_part(&tree->parts[i++], out);
        else
            i = behind(tree, i);
        if (level && p->o->limit && ++told[depth] == FEW_PARTS + 1)
            tn__out_format(out, "%14s%*s<more; use --limit 0 to see all>\n", "", (int)depth * 2, "");
    }
}

static void print_stack(const tn_tracked_stack *stack, tn_out *out)
{
    for (uint32_t i = 0; i < stack->n && i < TN_FRAMES_SHOWN; i++) {
        const tn_tracked_frame *frame = &stack->frames[i];
        tn__out_text(out, "  ");
        tn__out_escaped(out, frame->file);
        if (frame->line)
            tn__out_format(out, ":%" PRIu32, frame->line);
        tn__out_text(out, *frame->file ? "  " : "");
        tn__out_escaped(out, frame->function);
        tn__out_text(out, *frame->file ? "()\n" : "\n"); /* <main thread> and the like are no functions */
    }
    if (stack->n > TN_FRAMES_SHOWN)
        tn__out_format(out, "  <%" PRIu32 " more frames>\n", stack->n - TN_FRAMES_SHOWN);
}

/* Its parts when it was sized last. */
static void print_parts(const tn_tracked_page_made *p, size_t rank, tn_out *out)
{
    size_t i = p->instances[rank].row;
    const tn_tracked_instance *one = &p->all->instances[i];
    if (p->last[i].moment == SIZE_MAX)
        return;
    const tn_tracked_moment *m = &p->all->moments[p->last[i].moment];
    const tn_tracked_tree *tree = tn__tracked_tree_at(p->all, m, one->serial);
    if (tree)
        print_tree(p, one, m, tree, out);
}

/* Where those that are shown were made, each place once. */
static int print_stacks(const tn_tracked_page_made *p, tn_out *out, tn_error *err)
{
    size_t bytes = (p->all->n_stacks + 1) * sizeof(uint32_t);
    uint32_t *counts = tn__alloc_zero(p->alloc, bytes);
    if (!counts)
        return tn__no_memory(p->snapshot, err);
    for (size_t i = 0; i < p->n_shown; i++)
        counts[p->all->instances[p->instances[i].row].stack]++;
    for (size_t i = 0; i < p->n_shown; i++) {
        const tn_tracked_instance *one = &p->all->instances[p->instances[i].row];
        if (!one->stack || !counts[one->stack])
            continue;
        tn__out_format(out, "\nBirthplace of %" PRIu64, one->serial);
        if (counts[one->stack] > 1)
            tn__out_format(out, " and %" PRIu32 " more", counts[one->stack] - 1);
        tn__out_text(out, "\n");
        print_stack(&p->all->stacks[one->stack - 1], out);
        counts[one->stack] = 0;
    }
    tn__free(p->alloc, counts, bytes);
    return TN_OK;
}

static int print_instances(const tn_tracked_page_made *p, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"", true, 6},      {"Size", true, 0},   {"Change", true, 4}, {"Retained", true, 1}, {"Flat", true, 7},
        {"Born", true, 0},  {"Died", true, 0},   {"Age", true, 5},    {"at", false, 3},      {"Made at", false, 2},
        {"Name", false, 1}, {"Class", false, 0}, {"", false, 0},      {"Preview", false, 0},
    };
    tn_table t;
    tn__table_init(&t, p->alloc, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < p->n_shown; i++)
        instance_row(p, i, &t);
    tn__out_text(out, "\n");
    tn__table_heading(out, p->o, "Instances");
    TN_TRY(done(&t, p, out, err));
    if (p->n_shown < p->n_instances)
        tn__out_format(out, "<%zu more instances; use --limit 0 to see all>\n", p->n_instances - p->n_shown);
    for (size_t i = 0; i < p->n_shown; i++)
        print_parts(p, i, out);
    return p->o->tracked == TN_TRACKED_INSTANCES ? print_stacks(p, out, err) : TN_OK;
}

/* ---- the page ---- */

static void print_about(const tn_tracked_page_made *p, tn_out *out)
{
    const tn_tracked *t = p->all;
    char text[32], when[40];
    uint64_t alive = 0, end = t->stopped_ns == TN_UNKNOWN ? t->now_ns : t->stopped_ns;
    for (size_t i = 0; i < t->n_kinds; i++)
        alive += tn__tracked_alive(&t->kinds[i]);
    tn__fact_time(t->started_wall_ns, when, sizeof when);
    tn__fact_duration(end > t->started_ns ? end - t->started_ns : 0, text, sizeof text);
    tn__out_wrap(out, p->o->width);
    tn__out_format(out, "tracked for %s from %s on; %zu class%s, %" PRIu64 " instance%s alive\n", text, when,
                   t->n_kinds, t->n_kinds == 1 ? "" : "es", alive, alive == 1 ? "" : "s");
    tn__out_unwrap(out);
}

int tn__tracked_text(const tn_tracked_page_made *p, tn_out *out, tn_error *err)
{
    enum tn_tracked_page page = p->o->tracked;
    tn__heading_print(p->snapshot, out, p->o);
    print_about(p, out);
    if (page == TN_TRACKED_ALL)
        TN_TRY(print_moments(p, out, err));
    if (page == TN_TRACKED_SNAPSHOTS)
        TN_TRY(print_summaries(p, out, err));
    if (page == TN_TRACKED_ALL || page == TN_TRACKED_CLASSES) {
        TN_TRY(print_kinds(p, out, err));
        TN_TRY(print_families(p, out, err));
    }
    for (size_t i = 0; page == TN_TRACKED_CLASSES && p->n_kinds <= CURVES && i < p->n_kinds; i++)
        tn__tracked_curves_print(p, (uint32_t)p->kinds[i].row, out);
    return page == TN_TRACKED_ALL || page == TN_TRACKED_INSTANCES ? print_instances(p, out, err) : TN_OK;
}
