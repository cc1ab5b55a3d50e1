/* site_table.c - the sums of each group of stacks: from the rows of SITE and, where objects, types or chances count, block by block.
 *
 *   options -> rows that count, the group of each entry -> sums of groups or of entries -> cumulative: along the call tree
 */
#include "analysis/sites.h"

#include <string.h>

/* ---- which rows count ---- */

enum { INCLUDED = 1, EXCLUDED = 2 };

static int mark_rows(tn_sites *t, const char *text, uint8_t bit, uint8_t *flags, uint8_t *marks, tn_error *err)
{
    tn_site_pattern p;
    TN_TRY(tn__site_pattern(text, strlen(text), &p, err));
    if (p.file)
        TN_TRY(tn__site_mark(t->snapshot, &p, marks, err));
    for (uint32_t i = 0; i < t->n_rows; i++)
        if (p.file ? marks[t->rows[i].stack] : t->rows[i].domain == p.domain)
            flags[i] |= bit;
    return TN_OK;
}

static int choose_rows(tn_sites *t, uint8_t *marks, tn_error *err)
{
    const tn_sites_options *o = &t->options;
    for (size_t i = 0; i < o->n_include; i++)
        TN_TRY(mark_rows(t, o->include[i], INCLUDED, t->rows_in, marks, err));
    for (size_t i = 0; i < o->n_exclude; i++)
        TN_TRY(mark_rows(t, o->exclude[i], EXCLUDED, t->rows_in, marks, err));
    for (uint32_t i = 0; i < t->n_rows; i++)
        t->rows_in[i] = !(t->rows_in[i] & EXCLUDED) && (!o->n_include || t->rows_in[i] & INCLUDED);
    return TN_OK;
}

/* ---- callers ---- */

/* Of a thread; what stands for frames that were left out is a caller like any other. */
static bool is_root(const tn_stack_entry *e)
{
    return !e->parent && !*e->file && !tn__site_is_cut(e);
}

int tn__site_caller(tn_snapshot *s, uint32_t entry, uint32_t *caller, tn_error *err)
{
    tn_stack_entry e, outer = {0};
    TN_TRY(tn__snapshot_stack(s, entry, &e, err));
    if (e.parent)
        TN_TRY(tn__snapshot_stack(s, e.parent, &outer, err));
    *caller = !e.parent || is_root(&outer) ? 0 : e.parent;
    return TN_OK;
}

/* One step outwards from where each stack has been followed to, if the k-th place of the way is that: 0 is the bottom of the
 * stack, and so is the root of a thread. */
static int step_out(tn_sites *t, size_t k, uint32_t n, uint32_t *at, uint8_t *marks, tn_error *err)
{
    tn_site_pattern p;
    const char *place = t->options.from[k];
    bool first = k == 0, bottom = !place || strcmp(place, TN_SITE_BOTTOM) == 0;
    if (!bottom) {
        TN_TRY(tn__site_pattern(place, strlen(place), &p, err));
        if (!p.file || p.anywhere)
            return tn__error_set(err, TN_EINVAL, 0, "callers are those of places such as app.py:88");
        TN_TRY(tn__site_mark(t->snapshot, &p, marks, err));
    }
    if (first && !bottom && marks[0]) { /* what is lost was called by nobody that is known */
        at[0] = 0;
        marks[0] = 0;
    }
    for (uint32_t i = first; i < n; i++) {
        if (at[i] == TN_NONE)
            continue;
        if (bottom || !at[i] || !marks[at[i]]) {
            at[i] = bottom && !at[i] ? 0 : TN_NONE;
            continue;
        }
        TN_TRY(tn__site_caller(t->snapshot, at[i], &at[i], err));
    }
    return TN_OK;
}

static int follow(tn_sites *t, uint32_t n, uint32_t *at, uint8_t *marks, tn_error *err)
{
    for (uint32_t i = 0; i < n; i++)
        at[i] = i ? i : TN_NONE;
    for (size_t k = 0; k < t->options.n_from; k++)
        TN_TRY(step_out(t, k, n, at, marks, err));
    return TN_OK;
}

static int choose(tn_sites *t, tn_error *err)
{
    uint32_t n;
    TN_TRY(tn__snapshot_n_stacks(t->snapshot, &n, err));
    n++;
    uint8_t *marks = tn__alloc(t->alloc, n);
    t->rows_in = tn__alloc_zero(t->alloc, t->n_rows);
    t->n_at = t->options.n_from ? n : 0;
    t->at = t->n_at ? tn__alloc(t->alloc, n * sizeof *t->at) : NULL;
    int status = TN_OK;
    if (!marks || !t->rows_in || (t->n_at && !t->at))
        status = tn__no_memory(t->snapshot, err);
    if (status == TN_OK)
        status = choose_rows(t, marks, err);
    if (status == TN_OK && t->at)
        status = follow(t, n, t->at, marks, err);
    if (status == TN_OK)
        status = tn__site_keys_make(t->snapshot, t->options.by, t->at, &t->keys, err);
    tn__free(t->alloc, marks, n);
    return status;
}

/* ---- sums ---- */

void tn__site_merge(tn_site_sum *into, const tn_site_sum *from)
{
    for (int i = 0; i < TN_SITES_WHATS; i++) {
        into->bytes[i] += from->bytes[i];
        into->count[i] += from->count[i];
    }
    into->own_peak += from->own_peak;
    tn__spread_merge(&into->live, &from->live);
}

static int add_sums(tn_sites *t, size_t n, tn_error *err)
{
    size_t old = tn__sites_n(t);
    if (tn__buf_reserve(&t->sums, n * sizeof(tn_site_sum)) < 0)
        return tn__no_memory(t->snapshot, err);
    t->sums.size += n * sizeof(tn_site_sum);
    memset(tn__sites_at(t, old), 0, n * sizeof(tn_site_sum));
    for (size_t i = old; i < old + n; i++) {
        tn__sites_at(t, i)->group = (uint32_t)i;
        tn__sites_at(t, i)->type = TN_NONE;
    }
    return TN_OK;
}

static bool by_block(const tn_sites *t)
{
    return t->within || t->options.born_last || t->options.by == TN_SITES_TYPE;
}

static tn_site_sum sum_of_row(const tn_site_row *r, bool live)
{
    tn_site_sum sum = {.own_peak = r->peak_bytes};
    sum.bytes[TN_SITES_ALLOCATED] = r->allocated_bytes;
    sum.bytes[TN_SITES_TEMPORARY] = r->temporary_bytes;
    sum.bytes[TN_SITES_PEAK] = r->at_peak_bytes;
    sum.count[TN_SITES_ALLOCATED] = r->allocated_count;
    sum.count[TN_SITES_TEMPORARY] = r->temporary_count;
    sum.count[TN_SITES_PEAK] = r->at_peak_count;
    if (live) {
        sum.bytes[TN_SITES_LIVE] = r->live_bytes;
        sum.count[TN_SITES_LIVE] = r->live_count;
    }
    return sum;
}

static bool in_table(const tn_sites *t, uint32_t row)
{
    return t->rows_in[row] && t->keys.group_of[t->rows[row].stack] != TN_NONE;
}

/* The sum that a stack goes into: its group or, until the sums are carried outwards, its entry. */
static uint32_t place_of(const tn_sites *t, uint32_t row)
{
    uint32_t stack = t->rows[row].stack;
    return t->options.cumulative ? stack : t->keys.group_of[stack];
}

static void add_rows(tn_sites *t)
{
    for (uint32_t i = 0; i < t->n_rows; i++) {
        if (!in_table(t, i))
            continue;
        tn_site_sum sum = sum_of_row(&t->rows[i], !by_block(t));
        tn__site_merge(tn__sites_at(t, place_of(t, i)), &sum);
        tn__site_merge(&t->total, &sum);
    }
}

static uint64_t interval_of(const tn_sites *t, uint64_t block)
{
    return t->traces.interval ? t->traces.interval[block] : 0;
}

static tn_site_sum sum_of_block(const tn_sites *t, uint64_t block, bool live)
{
    tn_site_sum sum = {0};
    uint64_t bytes = t->traces.bytes[block], interval = interval_of(t, block);
    double p = tn__site_chance(bytes ? bytes : 1, interval);
    if (interval)
        tn__spread_add(&sum.live, bytes ? bytes : 1, interval);
    else
        sum.live = (tn_spread){.n = 1, .seen = (double)bytes};
    if (live) {
        sum.bytes[TN_SITES_LIVE] = interval ? (int64_t)((double)bytes / p + 0.5) : (int64_t)bytes;
        sum.count[TN_SITES_LIVE] = 1 / p;
    }
    return sum;
}

static bool block_in(const tn_sites *t, uint64_t block)
{
    const tn_sites_options *o = &t->options;
    uint32_t node = t->traces.node[block];
    if (o->born_last && (t->traces.birth[block] < o->born_first || t->traces.birth[block] > o->born_last))
        return false;
    return in_table(t, t->traces.site[block]) &&
           (!t->within || (node && node <= t->within->n && tn__set_test(t->within, node - 1)));
}

static int type_of(tn_sites *t, uint64_t block, const uint32_t *shapes, uint32_t *place, tn_error *err)
{
    const tn_shape *table = tn__snapshot_shapes(t->snapshot);
    uint32_t node = t->traces.node[block], group = t->keys.group_of[t->rows[t->traces.site[block]].stack], *value;
    uint32_t type = node ? table[shapes[node - 1]].type : TN_NONE;
    TN_TRY(tn__map_slot(&t->types, (uint64_t)group << 32 | (node ? t->same_type[type] : TN_NONE), &value, err));
    if (!*value) {
        *value = (uint32_t)tn__sites_n(t) + 1;
        *place = *value - 1;
        TN_TRY(add_sums(t, 1, err));
        tn__sites_at(t, *place)->group = group;
        tn__sites_at(t, *place)->type = type;
        return TN_OK;
    }
    *place = *value - 1;
    return TN_OK;
}

/* Several types may have one name, and one row then. */
static int name_types(tn_sites *t, tn_error *err)
{
    tn_strtab names;
    uint32_t n = tn_snapshot_n_types(t->snapshot);
    t->same_type = tn__alloc(t->alloc, n * sizeof *t->same_type);
    if (!t->same_type)
        return tn__no_memory(t->snapshot, err);
    int status = tn__strtab_init(&names, t->alloc);
    for (uint32_t i = 0; i < n && status == TN_OK; i++) {
        tn_type type;
        status = tn_snapshot_type(t->snapshot, i, &type);
        if (status == TN_OK)
            status = tn__strtab_add(&names, type.full_name, strlen(type.full_name), &t->same_type[i]);
    }
    tn__strtab_free(&names);
    return status < 0 ? tn__error_set(err, status, 0, "types cannot be told apart") : TN_OK;
}

int tn__sites_each_block(tn_sites *t, tn_block_use *use, void *ctx, tn_error *err)
{
    const uint32_t *shapes = NULL;
    uint64_t n;
    if (t->options.by == TN_SITES_TYPE)
        TN_TRY(tn__column_u32(t->snapshot, TN_COL_SHAP, &shapes, &n, err));
    for (uint64_t i = 0; i < t->traces.n; i++) {
        uint32_t place;
        if (!block_in(t, i))
            continue;
        if (shapes)
            TN_TRY(type_of(t, i, shapes, &place, err));
        else
            place = place_of(t, t->traces.site[i]);
        TN_TRY(use(t, i, place, ctx));
    }
    return TN_OK;
}

static int add_block(tn_sites *t, uint64_t block, uint32_t place, void *ctx)
{
    (void)ctx;
    tn_site_sum sum = sum_of_block(t, block, by_block(t));
    if ((double)interval_of(t, block) > t->interval_bytes)
        t->interval_bytes = (double)interval_of(t, block);
    tn__site_merge(tn__sites_at(t, place), &sum);
    tn__site_merge(&t->total, &sum);
    return TN_OK;
}

static int add_to_stack(tn_sites *t, uint64_t block, uint32_t place, void *ctx)
{
    (void)place;
    tn_site_sum sum = sum_of_block(t, block, by_block(t)), *stacks = ctx;
    tn__site_merge(&stacks[t->rows[t->traces.site[block]].stack], &sum);
    return TN_OK;
}

int tn__sites_by_stack(tn_sites *t, tn_site_sum *stacks, tn_error *err)
{
    for (uint32_t i = 0; i < t->n_rows; i++) {
        tn_site_sum sum = sum_of_row(&t->rows[i], !by_block(t));
        if (in_table(t, i))
            tn__site_merge(&stacks[t->rows[i].stack], &sum);
    }
    return by_block(t) || t->sampled ? tn__sites_each_block(t, add_to_stack, stacks, err) : TN_OK;
}

static int put_place(tn_sites *t, uint64_t block, uint32_t place, void *ctx)
{
    (void)t;
    ((uint32_t *)ctx)[block] = place;
    return TN_OK;
}

int tn__sites_of_blocks(tn_sites *t, uint32_t *sum_of, tn_error *err)
{
    memset(sum_of, 0xff, t->traces.n * sizeof *sum_of);
    return tn__sites_each_block(t, put_place, sum_of, err);
}

/* ---- cumulative: a group has what is allocated by it or by what it called, each block once ---- */

/* Sums of entries become those of their subtrees: an entry stands behind its parent. */
static int link_up(tn_sites *t, tn_error *err)
{
    for (uint32_t i = t->keys.n_entries; i-- > 1;) {
        tn_stack_entry e;
        TN_TRY(tn__snapshot_stack(t->snapshot, i, &e, err));
        if (e.parent)
            tn__site_merge(tn__sites_at(t, e.parent), tn__sites_at(t, i));
    }
    return TN_OK;
}

static int carry_outwards(tn_sites *t, tn_error *err)
{
    size_t n = t->keys.n_entries, n_groups = t->keys.n_groups;
    tn_site_sum *groups = tn__alloc_zero(t->alloc, n_groups * sizeof *groups);
    uint8_t *outermost = tn__alloc(t->alloc, n);
    int status = groups && outermost ? link_up(t, err) : tn__no_memory(t->snapshot, err);
    if (status == TN_OK)
        status = tn__site_outermost(t->snapshot, t->keys.group_of, t->keys.n_groups, outermost, err);
    if (status == TN_OK) {
        for (size_t i = 0; i < n; i++)
            if (outermost[i])
                tn__site_merge(&groups[t->keys.group_of[i]], tn__sites_at(t, i));
        for (size_t i = 0; i < n_groups; i++) {
            groups[i].group = (uint32_t)i;
            groups[i].type = TN_NONE;
        }
        memcpy(t->sums.data, groups, n_groups * sizeof *groups);
        t->sums.size = n_groups * sizeof *groups;
    }
    tn__free(t->alloc, outermost, outermost ? n : 0);
    tn__free(t->alloc, groups, groups ? n_groups * sizeof *groups : 0);
    return status;
}

/* ---- making ---- */

static int check(const tn_sites *t, tn_error *err)
{
    static const char *const whats[TN_SITES_WHATS] = {NULL, "what was allocated", "what was freed", "the peak"};
    const tn_sites_options *o = &t->options;
    if (!t->n_rows)
        return tn__error_set(err, TN_EINVAL, 0,
                             "the snapshot does not say who allocated: run the program with --trace, or call "
                             "tonnage.trace.start()");
    if ((unsigned)o->by >= TN_SITES_BYS || (unsigned)o->what >= TN_SITES_WHATS)
        return tn__error_set(err, TN_EINVAL, 0, "there is no such table of sites");
    if (o->what != TN_SITES_LIVE)
        TN_TRY(tn__sites_all_told(t->snapshot, whats[o->what], err));
    if (by_block(t) || o->retained)
        TN_TRY(tn__sites_blocks_told(t->snapshot, o->retained ? "what sites retain" : "which blocks are whose", err));
    if (o->what != TN_SITES_LIVE && by_block(t))
        return tn__error_set(
            err, TN_EINVAL, 0,
            "the peak and what is freed are known by stack alone: neither types nor a selection tell more");
    if (o->cumulative && (o->by == TN_SITES_TYPE || o->by == TN_SITES_TRACEBACK || o->n_from || o->retained))
        return tn__error_set(err, TN_EINVAL, 0,
                             "cumulative sums are of lines, files, functions, modules, distributions and threads");
    return TN_OK;
}

static int fill(tn_sites *t, tn_error *err)
{
    TN_TRY(check(t, err));
    TN_TRY(choose(t, err));
    if (t->options.by != TN_SITES_TYPE) {
        uint32_t n =
            t->options.cumulative && t->keys.n_entries > t->keys.n_groups ? t->keys.n_entries : t->keys.n_groups;
        TN_TRY(add_sums(t, n, err));
        add_rows(t);
    }
    TN_TRY(tn__snapshot_traces(t->snapshot, &t->traces, err));
    if (t->options.by == TN_SITES_TYPE)
        TN_TRY(name_types(t, err));
    t->sampled = t->traces.interval || tn__sites_interval_of(t->snapshot) > 0;
    t->interval_bytes = tn__sites_interval_of(t->snapshot);
    if (by_block(t) || t->sampled)
        TN_TRY(tn__sites_each_block(t, add_block, NULL, err));
    return t->options.cumulative ? carry_outwards(t, err) : TN_OK;
}

double tn__sites_interval_of(tn_snapshot *s)
{
    uint64_t bytes;
    const char *mode = NULL;
    tn_fact fact;
    if (tn_snapshot_find_fact(s, "trace.mode", &fact) == TN_OK && fact.kind == TN_FACT_TEXT)
        mode = fact.value.text;
    return mode && strcmp(mode, "sampled") == 0 && tn__fact_u64(s, "trace.interval_bytes", &bytes) ? (double)bytes : 0;
}

int tn__sites_make(tn_snapshot *s, const tn_sites_options *o, const tn_set *within, tn_sites *out, tn_error *err)
{
    *out = (tn_sites){.snapshot = s, .alloc = tn__snapshot_alloc(s), .options = *o};
    tn__buf_init(&out->sums, out->alloc);
    out->types.alloc = out->alloc;
    out->rows = tn__snapshot_sites(s, &out->n_rows);
    int status = within ? tn_set_copy(within, &out->within, err) : TN_OK;
    if (status == TN_OK)
        status = tn__memory_told(s, fill(out, err), err);
    if (status < 0)
        tn__sites_free(out);
    return status;
}

void tn__sites_free(tn_sites *t)
{
    tn__site_keys_free(&t->keys);
    tn_set_free(t->within);
    tn__free(t->alloc, t->at, t->at ? t->n_at * sizeof *t->at : 0);
    tn__free(t->alloc, t->rows_in, t->rows_in ? t->n_rows : 0);
    tn__map_free(&t->types);
    tn__free(t->alloc, t->same_type, t->same_type ? tn_snapshot_n_types(t->snapshot) * sizeof *t->same_type : 0);
    tn__buf_free(&t->sums);
    *t = (tn_sites){.alloc = t->alloc};
}

/* ---- of a sum ---- */

int tn__sites_label(tn_sites *t, const tn_site_sum *sum, tn_buf *out, tn_error *err)
{
    TN_TRY(tn__site_label(&t->keys, sum->group, out, err));
    if (t->options.by != TN_SITES_TYPE)
        return TN_OK;
    tn_type type = {.full_name = "(no object)"};
    if (sum->type != TN_NONE)
        TN_TRY(tn_snapshot_type(t->snapshot, sum->type, &type));
    out->size--; /* the NUL */
    if (tn__buf_append(out, " ", 1) < 0 || tn__buf_append(out, type.full_name, strlen(type.full_name) + 1) < 0)
        return tn__no_memory(t->snapshot, err);
    return TN_OK;
}

tn_interval tn__sites_interval(const tn_sites *t, const tn_site_sum *sum, enum tn_sites_what what)
{
    double bytes = (double)sum->bytes[what];
    if (!t->sampled)
        return (tn_interval){bytes, bytes};
    bool blocks_known = what == TN_SITES_LIVE && t->traces.n; /* a file without objects has sums alone */
    tn_spread spread = blocks_known ? sum->live : tn__spread_of(bytes, t->interval_bytes);
    return tn__spread_interval(&spread, t->interval_bytes);
}
