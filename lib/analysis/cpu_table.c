/* cpu_table.c - what the stacks that count have, of their own and with what they called, added up by group.
 *
 *   options -> stacks and rows that count -> sums of stacks -> of subtrees of the call tree -> of groups
 */
#include "analysis/cpu.h"

#include <math.h>
#include <string.h>

const char *const tn_cpu_by_names[TN_CPU_BYS] = {
    [TN_CPU_FUNCTION] = "function",
    [TN_CPU_LINE] = "line",
    [TN_CPU_FILE] = "file",
    [TN_CPU_MODULE] = "module",
    [TN_CPU_DISTRIBUTION] = "distribution",
    [TN_CPU_TRACEBACK] = "traceback",
    [TN_CPU_THREAD] = "thread",
    [TN_CPU_TASK] = "task",
    [TN_CPU_STATE] = "state",
};

static const char alloc_clock[] = "alloc";

static enum tn_sites_by key_of(enum tn_cpu_by by)
{
    static const enum tn_sites_by keys[TN_CPU_BYS] = {
        [TN_CPU_FUNCTION] = TN_SITES_FUNCTION,
        [TN_CPU_LINE] = TN_SITES_LINE,
        [TN_CPU_FILE] = TN_SITES_FILE,
        [TN_CPU_MODULE] = TN_SITES_MODULE,
        [TN_CPU_DISTRIBUTION] = TN_SITES_DISTRIBUTION,
        [TN_CPU_TRACEBACK] = TN_SITES_TRACEBACK,
        [TN_CPU_THREAD] = TN_SITES_THREAD,
    };
    return keys[by];
}

void tn__cpu_add(tn_cpu_sum *into, const tn_cpu_sum *from)
{
    into->weight += from->weight;
    into->samples += from->samples;
    into->cpu_ns += from->cpu_ns;
    into->bytes += from->bytes;
}

/* ---- which clock ---- */

static int choose_clock(tn_cpu *t, tn_error *err)
{
    uint32_t n_samples, n_sites;
    tn_fact fact;
    const char *asked = t->options.clock;
    tn__snapshot_samples(t->snapshot, &n_samples);
    tn__snapshot_sites(t->snapshot, &n_sites);
    t->clock = "unknown";
    bool sampled = n_samples > 0; /* or it was, and nothing was seen */
    if (tn_snapshot_find_fact(t->snapshot, "sample.clock", &fact) == TN_OK && fact.kind == TN_FACT_TEXT) {
        t->clock = fact.value.text;
        sampled |= strcmp(t->clock, alloc_clock) != 0;
    }
    if (!sampled && !n_sites)
        return tn__error_set(err, TN_EINVAL, 0,
                             "the snapshot does not say where time goes: run the program with --sample, or call "
                             "tonnage.sample.start()");
    t->of_bytes = asked ? strcmp(asked, alloc_clock) == 0 : !sampled;
    if (t->of_bytes && !n_sites)
        return tn__error_set(err, TN_EINVAL, 0, "the snapshot has no allocations: nothing was traced");
    if (!t->of_bytes && asked && (!sampled || strcmp(asked, t->clock) != 0))
        return tn__error_set(err, TN_EINVAL, 0, "the snapshot has no samples of the clock %.40s, but of %.40s", asked,
                             sampled ? t->clock : alloc_clock);
    if (t->of_bytes)
        t->clock = alloc_clock;
    t->of_samples = strcmp(t->clock, "unknown") == 0;
    return t->of_bytes ? tn__sites_all_told(t->snapshot, "what was allocated", err) : TN_OK;
}

/* ---- what counts ---- */

enum { INCLUDED = 1, EXCLUDED = 2 };

static int mark_stacks(tn_cpu *t, const char *text, uint8_t bit, uint8_t *marks, tn_error *err)
{
    tn_site_pattern p;
    TN_TRY(tn__site_pattern(text, strlen(text), &p, err));
    if (!p.file)
        return tn__error_set(err, TN_EINVAL, 0,
                             "a profile is of places such as app.py:88 and any:app.py, not of domains");
    TN_TRY(tn__site_mark(t->snapshot, &p, marks, err));
    for (uint32_t i = 0; i < t->n_entries; i++)
        t->stacks_in[i] |= marks[i] ? bit : 0;
    return TN_OK;
}

static int choose_stacks(tn_cpu *t, tn_error *err)
{
    const tn_cpu_options *o = &t->options;
    uint8_t *marks = tn__alloc(t->alloc, t->n_entries);
    int status = marks ? TN_OK : tn__no_memory(t->snapshot, err);
    for (size_t i = 0; status == TN_OK && i < o->n_include; i++)
        status = mark_stacks(t, o->include[i], INCLUDED, marks, err);
    for (size_t i = 0; status == TN_OK && i < o->n_exclude; i++)
        status = mark_stacks(t, o->exclude[i], EXCLUDED, marks, err);
    for (uint32_t i = 0; i < t->n_entries; i++)
        t->stacks_in[i] = !(t->stacks_in[i] & EXCLUDED) && (!o->n_include || t->stacks_in[i] & INCLUDED);
    tn__free(t->alloc, marks, marks ? t->n_entries : 0);
    return status;
}

static bool state_is(const char *state, uint32_t bits)
{
    return !state || (*state == 'g' ? bits & TN_SAMPLE_LOCK : (*state == 'r') == (bits & TN_SAMPLE_RUNNING));
}

static bool name_is(tn_cpu *t, const char *pattern, uint32_t name)
{
    return !pattern || tn__site_glob(pattern, strlen(pattern), tn__snapshot_string(t->snapshot, name));
}

static bool row_in(tn_cpu *t, const tn_sample_row *row)
{
    const tn_cpu_options *o = &t->options;
    return t->stacks_in[row->stack] && state_is(o->state, row->state) && name_is(t, o->thread, row->thread) &&
           name_is(t, o->task, row->task);
}

/* ---- sums ---- */

static tn_cpu_sum sum_of_row(const tn_cpu *t, const tn_sample_row *row)
{
    return (tn_cpu_sum){
        .weight = t->of_samples ? row->samples : row->ns, .samples = row->samples, .cpu_ns = row->cpu_ns};
}

static tn_cpu_sum sum_of_site(const tn_cpu *t, const tn_site_row *site)
{
    uint64_t bytes = (uint64_t)site->allocated_bytes;
    if (!t->of_bytes)
        return (tn_cpu_sum){.bytes = bytes};
    return (tn_cpu_sum){.weight = bytes, .samples = (uint64_t)(site->allocated_count + 0.5), .bytes = bytes};
}

/* Samples that stand for nothing say nothing of shares, and one that stands for much says as little as any: what counts is Kish's
 * effective number, (sum of weights)² / sum of their squares. Within a row all are taken to be alike. */
static void add_rows(tn_cpu *t)
{
    double squares = 0;
    uint32_t n;
    const tn_sample_row *rows = tn__snapshot_samples(t->snapshot, &n);
    for (uint32_t i = 0; !t->of_bytes && i < n; i++) {
        if (!row_in(t, &rows[i]))
            continue;
        tn_cpu_sum sum = sum_of_row(t, &rows[i]);
        tn__cpu_add(&t->stacks[rows[i].stack], &sum);
        tn__cpu_add(&t->all, &sum);
        squares += (double)sum.weight * ((double)sum.weight / (double)sum.samples);
    }
    t->draws = squares > 0 ? (double)t->all.weight * ((double)t->all.weight / squares) : 0;
}

static void add_sites(tn_cpu *t)
{
    uint32_t n;
    const tn_site_row *rows = tn__snapshot_sites(t->snapshot, &n);
    for (uint32_t i = 0; t->knows_bytes && i < n; i++) {
        if (!t->stacks_in[rows[i].stack])
            continue;
        tn_cpu_sum sum = sum_of_site(t, &rows[i]);
        tn__cpu_add(&t->stacks[rows[i].stack], &sum);
        tn__cpu_add(&t->all, &sum);
    }
}

/* An entry stands behind its parent. */
static int add_subtrees(tn_cpu *t, tn_error *err)
{
    memcpy(t->subtrees, t->stacks, t->n_entries * sizeof *t->subtrees);
    for (uint32_t i = t->n_entries; i-- > 1;) {
        tn_stack_entry e;
        TN_TRY(tn__snapshot_stack(t->snapshot, i, &e, err));
        if (e.parent)
            tn__cpu_add(&t->subtrees[e.parent], &t->subtrees[i]);
    }
    return TN_OK;
}

/* ---- groups ---- */

static int groups_alloc(tn_cpu *t, uint32_t n, tn_error *err)
{
    t->n_groups = t->n_room = n;
    t->groups = tn__alloc_zero(t->alloc, n * sizeof *t->groups);
    return t->groups ? TN_OK : tn__no_memory(t->snapshot, err);
}

static int group_stacks(tn_cpu *t, tn_error *err)
{
    TN_TRY(tn__site_keys_make(t->snapshot, key_of(t->options.by), NULL, &t->keys, err));
    TN_TRY(groups_alloc(t, t->keys.n_groups, err));
    uint8_t *outermost = tn__alloc(t->alloc, t->n_entries);
    int status = outermost ? TN_OK : tn__no_memory(t->snapshot, err);
    if (status == TN_OK)
        status = tn__site_outermost(t->snapshot, t->keys.group_of, t->n_groups, outermost, err);
    for (uint32_t i = 0; status == TN_OK && i < t->n_entries; i++) {
        tn_cpu_group *g = &t->groups[t->keys.group_of[i]];
        tn__cpu_add(&g->own, &t->stacks[i]);
        if (outermost[i])
            tn__cpu_add(&g->total, &t->subtrees[i]);
    }
    tn__free(t->alloc, outermost, outermost ? t->n_entries : 0);
    return status;
}

const char *const tn__cpu_states[TN_SAMPLE_STATES] = {
    [0] = "waiting",
    [TN_SAMPLE_RUNNING] = "running without the lock",
    [TN_SAMPLE_LOCK] = "waiting with the lock",
    [TN_SAMPLE_RUNNING | TN_SAMPLE_LOCK] = "running with the lock",
};

/* What rows have beside their stack. */
static const char *name_of(tn_cpu *t, const tn_sample_row *row)
{
    if (t->options.by == TN_CPU_STATE)
        return tn__cpu_states[row->state];
    const char *name = tn__snapshot_string(t->snapshot, t->options.by == TN_CPU_TASK ? row->task : row->thread);
    return *name ? name : t->options.by == TN_CPU_TASK ? "(no task)" : "(no name)";
}

static int add_name(tn_cpu *t, tn_strtab *texts, const tn_sample_row *row, tn_error *err)
{
    const char *name = name_of(t, row);
    uint32_t group;
    tn_cpu_sum sum = sum_of_row(t, row);
    if (tn__strtab_add(texts, name, strlen(name), &group) < 0)
        return tn__no_memory(t->snapshot, err);
    if (group == t->n_groups) {
        if (tn__buf_append(&t->names, &name, sizeof name) < 0)
            return tn__no_memory(t->snapshot, err);
        t->n_groups++;
    }
    tn__cpu_add(&t->groups[group].own, &sum);
    tn__cpu_add(&t->groups[group].total, &sum);
    return TN_OK;
}

static int group_names(tn_cpu *t, tn_error *err)
{
    tn_strtab texts;
    uint32_t n;
    const tn_sample_row *rows = tn__snapshot_samples(t->snapshot, &n);
    TN_TRY(groups_alloc(t, n, err));
    t->n_groups = 0;
    int status = tn__strtab_init(&texts, t->alloc) < 0 ? tn__no_memory(t->snapshot, err) : TN_OK;
    for (uint32_t i = 0; status == TN_OK && i < n; i++)
        if (row_in(t, &rows[i]))
            status = add_name(t, &texts, &rows[i], err);
    tn__strtab_free(&texts);
    return status;
}

/* ---- making ---- */

static int check(const tn_cpu *t, tn_error *err)
{
    static const char *const states[] = {"running", "waiting", "gil"};
    const tn_cpu_options *o = &t->options;
    bool known = !o->state;
    if ((unsigned)o->by >= TN_CPU_BYS || (unsigned)o->page >= TN_CPU_PAGES)
        return tn__error_set(err, TN_EINVAL, 0, "there is no such profile");
    for (size_t i = 0; !known && i < sizeof states / sizeof *states; i++)
        known = strcmp(o->state, states[i]) == 0;
    if (!known)
        return tn__error_set(err, TN_EINVAL, 0, "a state is running, waiting or gil, not \"%.40s\"", o->state);
    if (t->of_bytes && (o->thread || o->task || o->state || o->by == TN_CPU_TASK || o->by == TN_CPU_STATE))
        return tn__error_set(
            err, TN_EINVAL, 0,
            "allocations are known by stack alone: neither by the name of a thread, nor by task or state");
    if (o->page != TN_CPU_TABLE && o->by >= TN_CPU_TRACEBACK)
        return tn__error_set(err, TN_EINVAL, 0,
                             "who calls whom is told of functions, lines, files, modules and distributions");
    return TN_OK;
}

static int fill(tn_cpu *t, tn_error *err)
{
    const tn_cpu_options *o = &t->options;
    uint32_t n, n_sites;
    TN_TRY(choose_clock(t, err));
    TN_TRY(check(t, err));
    TN_TRY(tn__snapshot_n_stacks(t->snapshot, &n, err));
    tn__snapshot_sites(t->snapshot, &n_sites);
    t->by_stack = t->of_bytes || o->by < TN_CPU_THREAD;
    t->knows_bytes = t->of_bytes || (n_sites && t->by_stack && !o->thread && !o->task && !o->state &&
                                     !tn__sites_live_only(t->snapshot));
    t->n_entries = n + 1;
    t->stacks_in = tn__alloc_zero(t->alloc, t->n_entries);
    t->stacks = tn__alloc_zero(t->alloc, t->n_entries * sizeof *t->stacks);
    t->subtrees = tn__alloc(t->alloc, t->n_entries * sizeof *t->subtrees);
    if (!t->stacks_in || !t->stacks || !t->subtrees)
        return tn__no_memory(t->snapshot, err);
    TN_TRY(choose_stacks(t, err));
    add_rows(t);
    add_sites(t);
    double interval = tn__sites_interval_of(t->snapshot);
    if (t->of_bytes)
        t->draws = interval > 0 ? (double)t->all.weight / interval : 0;
    TN_TRY(add_subtrees(t, err));
    return t->by_stack ? group_stacks(t, err) : group_names(t, err);
}

int tn__cpu_make(tn_snapshot *s, const tn_cpu_options *o, tn_cpu *out, tn_error *err)
{
    *out = (tn_cpu){.snapshot = s, .alloc = tn__snapshot_alloc(s), .options = *o};
    tn__buf_init(&out->names, out->alloc);
    int status = tn__memory_told(s, fill(out, err), err);
    if (status < 0)
        tn__cpu_free(out);
    return status;
}

void tn__cpu_free(tn_cpu *t)
{
    tn__site_keys_free(&t->keys);
    tn__buf_free(&t->names);
    tn__free(t->alloc, t->stacks_in, t->stacks_in ? t->n_entries : 0);
    tn__free(t->alloc, t->stacks, t->stacks ? t->n_entries * sizeof *t->stacks : 0);
    tn__free(t->alloc, t->subtrees, t->subtrees ? t->n_entries * sizeof *t->subtrees : 0);
    tn__free(t->alloc, t->groups, t->groups ? t->n_room * sizeof *t->groups : 0);
    *t = (tn_cpu){.alloc = t->alloc};
}

/* ---- of a group ---- */

int tn__cpu_label(tn_cpu *t, uint32_t group, tn_buf *out, tn_error *err)
{
    if (t->by_stack)
        return tn__site_label(&t->keys, group, out, err);
    const char *name = ((const char *const *)(const void *)t->names.data)[group];
    return tn__buf_append(out, name, strlen(name) + 1) < 0 ? tn__no_memory(t->snapshot, err) : TN_OK;
}

int tn__cpu_frame(const tn_cpu *t, uint32_t group, tn_stack_entry *out, tn_error *err)
{
    if (!t->by_stack || !tn__site_example(&t->keys, group))
        return TN_ENOTFOUND;
    return tn__site_frame(&t->keys, group, out, err);
}

/* Of one condition alone; NULL: there is no such one, or it has samples. */
static const char *without_samples(tn_cpu *t, const char *thread, const char *task, const char *state)
{
    const char *asked = thread ? thread : task ? task : state;
    uint32_t n;
    const tn_sample_row *rows = tn__snapshot_samples(t->snapshot, &n);
    for (uint32_t i = 0; asked && i < n; i++)
        if (state_is(state, rows[i].state) && name_is(t, thread, rows[i].thread) && name_is(t, task, rows[i].task))
            return NULL;
    return asked;
}

int tn__cpu_nothing(tn_cpu *t, tn_error *err)
{
    const tn_cpu_options *o = &t->options;
    const char *name;
    if ((name = without_samples(t, o->thread, NULL, NULL)))
        return tn__error_set(err, TN_ENOTFOUND, 0, "no sample is of a thread \"%.80s\": by thread all names are shown",
                             name);
    if ((name = without_samples(t, NULL, o->task, NULL)))
        return tn__error_set(err, TN_ENOTFOUND, 0, "no sample is of a task \"%.80s\": by task all names are shown",
                             name);
    if ((name = without_samples(t, NULL, NULL, o->state)))
        return tn__error_set(err, TN_ENOTFOUND, 0, "no sample has the state %.40s: by state all are shown", name);
    return tn__error_set(err, TN_ENOTFOUND, 0, "no %s meets all conditions: leave one out",
                         t->of_bytes ? "allocation" : "sample");
}

tn_interval tn__cpu_share(const tn_cpu *t, uint64_t weight)
{
    static const double z = 1.959963984540054; /* 97.5 % of a normal distribution lie below */
    double p = t->all.weight ? (double)weight / (double)t->all.weight : 0, n = t->draws;
    if (!(n > 0))
        return (tn_interval){p, p};
    double middle = p + z * z / (2 * n), half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    double low = (middle - half) / (1 + z * z / n), high = (middle + half) / (1 + z * z / n);
    return (tn_interval){low > 0 ? low : 0, high < 1 ? high : 1};
}
