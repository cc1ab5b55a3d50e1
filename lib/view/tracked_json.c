/* tracked_json.c - tracked classes as docs/view-json.md specifies them. */
#include "view/tracked_page.h"

#include <string.h>

static void known(tn_json *j, const char *key, uint64_t number, bool is_known)
{
    if (is_known)
        tn__json_u64(j, key, number);
    else
        tn__json_null(j, key);
}

/* Since tracking began. */
static void time_json(tn_json *j, const char *key, const tn_tracked *t, uint64_t time_ns)
{
    tn__json_i64(j, key, (int64_t)(time_ns - t->started_ns));
}

/* ---- rules, classes, snapshots ---- */

static void rules_json(const tn_tracked *t, tn_json *j)
{
    tn__json_open(j, "rules", '[');
    for (size_t i = 0; i < t->n_rules; i++) {
        const tn_tracked_rule *rule = &t->rules[i];
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "class", rule->name);
        tn__json_string(j, "name", rule->label);
        tn__json_u64(j, "resolution_level", rule->resolution_level);
        tn__json_bool(j, "keep", rule->flags & TN_TRACKED_KEEP);
        tn__json_bool(j, "trace", rule->flags & TN_TRACKED_TRACE);
        tn__json_bool(j, "subclasses", rule->flags & TN_TRACKED_SUBCLASSES);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
}

static void ages_json(const tn_tracked_kind *k, tn_json *j)
{
    tn__json_open(j, "ages", '[');
    for (unsigned i = 0; i < TN_TRACKED_AGES; i++) {
        if (!k->ages[i])
            continue;
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "below_ns", (uint64_t)1000000 << i);
        tn__json_u64(j, "died", k->ages[i]);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
}

static void kind_json(const tn_tracked_page_made *p, uint32_t kind, tn_json *j)
{
    const tn_tracked_kind *k = &p->all->kinds[kind];
    const tn_tracked_moment *last = tn__tracked_last(p->all);
    const tn_tracked_sum *sum = tn__tracked_sum_at(last, kind);
    tn_tracked_sum family = tn__tracked_family(p->all, last, kind);
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_string(j, "class", k->name);
    tn__json_open(j, "bases", '[');
    for (uint32_t i = 0; i < k->n_bases; i++)
        tn__json_string(j, NULL, p->all->kinds[k->bases[i]].name);
    tn__json_close(j, ']');
    tn__json_u64(j, "rule", k->rule);
    tn__json_u64(j, "alive", tn__tracked_alive(k));
    tn__json_u64(j, "born", k->born);
    tn__json_u64(j, "found", k->found);
    tn__json_u64(j, "died", k->died);
    tn__json_u64(j, "morphed", k->morphed);
    known(j, "mean_age_ns", k->died ? k->lifetime_ns / k->died : 0, k->died);
    known(j, "median_age_ns", tn__tracked_median_ns(k), tn__tracked_median_ns(k) != TN_UNKNOWN);
    ages_json(k, j);
    known(j, "size", sum ? sum->bytes : 0, sum);
    known(j, "flat", sum ? sum->flat_bytes : 0, sum);
    known(j, "retained", sum ? sum->retained_bytes : 0, sum);
    known(j, "family_count", family.active, last);
    known(j, "family_size", family.bytes, last);
    tn__json_close(j, '}');
}

static void sum_json(const tn_tracked_page_made *p, const tn_tracked_moment *m, const tn_tracked_sum *sum, tn_json *j)
{
    tn__json_open(j, NULL, '{');
    tn__json_string(j, "class", p->all->kinds[sum->kind].name);
    tn__json_u64(j, "count", sum->active);
    tn__json_u64(j, "size", sum->bytes);
    tn__json_pct(j, "size_pct", sum->bytes, m->tracked_bytes);
    known(j, "average", sum->active ? sum->bytes / sum->active : 0, sum->active);
    tn__json_u64(j, "flat", sum->flat_bytes);
    tn__json_u64(j, "retained", sum->retained_bytes);
    tn__json_close(j, '}');
}

static void moment_json(const tn_tracked_page_made *p, const tn_tracked_moment *m, tn_json *j)
{
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "number", m->number);
    tn__json_string(j, "description", m->description);
    tn__json_u64(j, "wall_time_ns", m->wall_ns);
    time_json(j, "time_ns", p->all, m->monotonic_ns);
    tn__json_u64(j, "duration_ns", m->duration_ns);
    tn__json_u64(j, "pause_ns", m->pause_ns);
    known(j, "rss", m->rss_bytes, m->rss_bytes);
    tn__json_u64(j, "own", m->own_bytes);
    known(j, "heap_count", m->heap_count, m->heap_count != TN_UNKNOWN);
    known(j, "heap_size", m->heap_bytes, m->heap_bytes != TN_UNKNOWN);
    tn__json_u64(j, "tracked", m->tracked_bytes);
    tn__json_u64(j, "shared", m->shared_bytes);
    tn__json_u64(j, "shared_count", m->shared_count);
    tn__json_u64(j, "left_out", m->more);
    tn__json_open(j, "classes", '[');
    for (uint32_t i = 0; i < m->n_sums; i++)
        if (p->selected[m->sums[i].kind])
            sum_json(p, m, &m->sums[i], j);
    tn__json_close(j, ']');
    tn__json_close(j, '}');
}

/* ---- instances ---- */

static void tree_json(const tn_tracked_tree *tree, tn_json *j)
{
    if (!tree)
        return;
    tn__json_open(j, "parts", '[');
    for (uint32_t i = 0; i < tree->n; i++) {
        const tn_tracked_part *part = &tree->parts[i];
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "depth", part->depth);
        tn__json_string(j, "label", part->label);
        tn__json_string(j, "type", part->type);
        tn__json_u64(j, "size", part->bytes);
        tn__json_u64(j, "more", part->more);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
}

/* At each snapshot that has it, with its parts where these were asked for. */
static void sizes_json(const tn_tracked_page_made *p, uint64_t serial, tn_json *j)
{
    tn__json_open(j, "sizes", '[');
    for (size_t i = 0; i < p->all->n_moments; i++) {
        const tn_tracked_moment *m = &p->all->moments[i];
        size_t row = tn__tracked_row(m, serial);
        if (row == SIZE_MAX)
            continue;
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "snapshot", m->number);
        tn__json_u64(j, "size", m->part[row]);
        tn__json_u64(j, "flat", m->flat[row]);
        tn__json_u64(j, "retained", m->retained[row]);
        tree_json(tn__tracked_tree_at(p->all, m, serial), j);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
}

static void stack_json(const tn_tracked *t, uint32_t stack, tn_json *j)
{
    if (!stack) {
        tn__json_null(j, "traceback");
        return;
    }
    tn__json_open(j, "traceback", '[');
    for (uint32_t i = 0; i < t->stacks[stack - 1].n; i++) {
        const tn_tracked_frame *frame = &t->stacks[stack - 1].frames[i];
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "file", frame->file);
        known(j, "line", frame->line, frame->line);
        tn__json_string(j, "function", frame->function);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
}

static void instance_json(const tn_tracked_page_made *p, size_t i, tn_json *j)
{
    const tn_tracked_instance *one = &p->all->instances[i];
    bool sized = p->last[i].moment != SIZE_MAX, dead = one->death_ns != TN_UNKNOWN;
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "serial", one->serial);
    tn__json_string(j, "class", p->all->kinds[one->kind].name);
    tn__json_string(j, "name", one->label);
    known(j, "size", tn__tracked_bytes(p, p->last[i]), sized);
    known(j, "flat", tn__tracked_flat(p, p->last[i]), sized);
    known(j, "retained", tn__tracked_retained(p, p->last[i]), sized);
    time_json(j, "birth_ns", p->all, one->birth_ns);
    tn__json_bool(j, "found", one->found);
    if (dead)
        time_json(j, "death_ns", p->all, one->death_ns);
    else
        tn__json_null(j, "death_ns");
    tn__json_u64(j, "age_ns", (dead ? one->death_ns : p->all->now_ns) - one->birth_ns);
    tn__json_string(j, "morphed_to", one->morphed_to);
    tn__json_hex(j, "address", one->address);
    tn__json_string(j, "preview", one->preview);
    stack_json(p->all, one->stack, j);
    sizes_json(p, one->serial, j);
    tn__json_close(j, '}');
}

/* ---- the page ---- */

static void columns_json(tn_json *j)
{
    static const char *const columns[] = {"serial",     "class",    "name",    "size",      "flat",
                                          "retained",   "birth_ns", "found",   "death_ns",  "age_ns",
                                          "morphed_to", "address",  "preview", "traceback", "sizes"};
    static const char *const units[][2] = {{"size", "bytes"},     {"flat", "bytes"},  {"retained", "bytes"},
                                           {"birth_ns", "ns"},    {"death_ns", "ns"}, {"age_ns", "ns"},
                                           {"address", "address"}};
    tn__json_strings(j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(j, "units", '{');
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        tn__json_string(j, units[i][0], units[i][1]);
    tn__json_close(j, '}');
}

void tn__tracked_json(const tn_tracked_page_made *p, tn_out *out)
{
    const tn_tracked *t = p->all;
    tn_json j;
    tn__json_start(&j, out, "tracked");
    tn__json_string(&j, "page", tn_tracked_page_names[p->o->tracked]);
    tn__json_string(&j, "where", p->o->where);
    tn__json_u64(&j, "started_wall_ns", t->started_wall_ns);
    time_json(&j, "now_ns", t, t->now_ns);
    if (t->stopped_ns == TN_UNKNOWN)
        tn__json_null(&j, "stopped_ns");
    else
        time_json(&j, "stopped_ns", t, t->stopped_ns);
    rules_json(t, &j);
    tn__json_open(&j, "classes", '[');
    for (size_t i = 0; i < p->n_kinds; i++)
        kind_json(p, (uint32_t)p->kinds[i].row, &j);
    tn__json_close(&j, ']');
    tn__json_open(&j, "snapshots", '[');
    for (size_t i = 0; i < t->n_moments; i++)
        moment_json(p, &t->moments[i], &j);
    tn__json_close(&j, ']');
    tn__json_line(&j);
    columns_json(&j);
    tn__json_open(&j, "rows", '[');
    for (size_t i = 0; i < p->n_shown; i++)
        instance_json(p, p->instances[i].row, &j);
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__json_u64(&j, "total", p->n_instances);
    tn__json_u64(&j, "more", p->n_instances - p->n_shown);
    tn__info_json(&j, p->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
}
