/* flame_sums.c - what each stack of the call tree has of what is asked for.
 *
 *   live, count, allocated, temporary, peak   as tables of sites have it, stack by stack
 *   retained                                  of objects at the top of the dominator tree, modules looked through, what each
 *                                             retains, at the stack that made it: so that no byte counts twice
 *   cpu                                       as profiles have it
 */
#include "analysis/flame.h"
#include "analysis/suspects.h"

#include <string.h>

const char *const tn_flame_what_names[TN_FLAME_WHATS] = {
    [TN_FLAME_ANY] = "",
    [TN_FLAME_LIVE] = "live",
    [TN_FLAME_COUNT] = "count",
    [TN_FLAME_ALLOCATED] = "allocated",
    [TN_FLAME_TEMPORARY] = "temporary",
    [TN_FLAME_PEAK] = "peak",
    [TN_FLAME_RETAINED] = "retained",
    [TN_FLAME_CPU] = "cpu",
};

void tn__flame_add(tn_flame_sum *into, const tn_flame_sum *from)
{
    into->weight += from->weight;
    into->count += from->count;
    tn__spread_merge(&into->live, &from->live);
}

bool tn__flame_tells(tn_snapshot *s, enum tn_flame_what what)
{
    uint32_t n_samples;
    tn__snapshot_samples(s, &n_samples);
    switch (what) {
    case TN_FLAME_ANY: return n_samples || tn__sites_there(s);
    case TN_FLAME_LIVE:
    case TN_FLAME_COUNT: return tn__sites_there(s);
    case TN_FLAME_RETAINED: return tn__sites_there(s) && tn_snapshot_n_objects(s) && !(tn__sites_interval_of(s) > 0);
    case TN_FLAME_CPU: return n_samples > 0;
    default: return tn__sites_there(s) && !tn__sites_live_only(s);
    }
}

static enum tn_sites_what sites_what(enum tn_flame_what what)
{
    switch (what) {
    case TN_FLAME_ALLOCATED: return TN_SITES_ALLOCATED;
    case TN_FLAME_TEMPORARY: return TN_SITES_TEMPORARY;
    case TN_FLAME_PEAK: return TN_SITES_PEAK;
    default: return TN_SITES_LIVE;
    }
}

/* ---- allocations ---- */

static int make_sites(tn_flame *f, const tn_set *within, tn_error *err)
{
    const tn_flame_options *o = &f->options;
    const tn_sites_options asked = {
        .by = o->by,
        .what = sites_what(o->what),
        .include = o->include,
        .n_include = o->n_include,
        .exclude = o->exclude,
        .n_exclude = o->n_exclude,
        .born_first = o->born_first,
        .born_last = o->born_last,
    };
    TN_TRY(tn__sites_make(f->snapshot, &asked, within, &f->sites, err));
    f->keys = &f->sites.keys;
    return TN_OK;
}

static int add_stacks(tn_flame *f, tn_error *err)
{
    enum tn_sites_what what = sites_what(f->options.what);
    tn_site_sum *stacks = tn__alloc_zero(f->alloc, f->n_entries * sizeof *stacks);
    int status = stacks ? tn__sites_by_stack(&f->sites, stacks, err) : tn__no_memory(f->snapshot, err);
    for (uint32_t i = 0; status == TN_OK && i < f->n_entries; i++)
        f->sums[i] = (tn_flame_sum){.weight = f->options.what == TN_FLAME_COUNT ? stacks[i].count[what]
                                                                                : (double)stacks[i].bytes[what],
                                    .count = stacks[i].count[what],
                                    .live = stacks[i].live};
    tn__free(f->alloc, stacks, stacks ? f->n_entries * sizeof *stacks : 0);
    return status;
}

typedef struct tn_keeping {
    tn_flame *flame;
    tn_toplevel top;
} tn_keeping;

static int add_retained(tn_sites *t, uint64_t block, uint32_t place, void *ctx)
{
    tn_keeping *k = ctx;
    uint32_t node = t->traces.node[block] - 1;
    (void)place;
    if (t->traces.kind[block] != TN_TRACE_OWN || !tn__is_top(&k->top, node))
        return TN_OK;
    tn_flame_sum sum = {.weight = (double)k->top.tree->retained[node], .count = 1};
    tn__flame_add(&k->flame->sums[t->rows[t->traces.site[block]].stack], &sum);
    return TN_OK;
}

static int add_kept(tn_flame *f, tn_error *err)
{
    tn_keeping k = {.flame = f};
    TN_TRY(tn__toplevel_make(f->snapshot, false, &k.top, err));
    int status = tn__sites_each_block(&f->sites, add_retained, &k, err);
    tn__toplevel_free(&k.top);
    return status;
}

/* ---- samples ---- */

static int make_cpu(tn_flame *f, tn_error *err)
{
    static const enum tn_cpu_by kinds[] = {
        [TN_SITES_LINE] = TN_CPU_LINE,
        [TN_SITES_FILE] = TN_CPU_FILE,
        [TN_SITES_FUNCTION] = TN_CPU_FUNCTION,
        [TN_SITES_MODULE] = TN_CPU_MODULE,
        [TN_SITES_DISTRIBUTION] = TN_CPU_DISTRIBUTION,
    };
    const tn_flame_options *o = &f->options;
    const tn_cpu_options asked = {.page = TN_CPU_TREE,
                                  .by = kinds[o->by],
                                  .include = o->include,
                                  .n_include = o->n_include,
                                  .exclude = o->exclude,
                                  .n_exclude = o->n_exclude};
    TN_TRY(tn__cpu_make(f->snapshot, &asked, &f->cpu, err));
    f->keys = &f->cpu.keys;
    if (f->cpu.of_bytes) /* without samples profiles tell of allocations */
        return tn__error_set(err, TN_EINVAL, 0,
                             "the snapshot does not say where time goes: run the program with --sample, or call "
                             "tonnage.sample.start()");
    return TN_OK;
}

static void add_samples(tn_flame *f)
{
    for (uint32_t i = 0; i < f->n_entries; i++) {
        const tn_cpu_sum *sum = &f->cpu.stacks[i];
        f->sums[i] = (tn_flame_sum){.weight = (double)sum->weight, .count = (double)sum->samples};
    }
}

/* ---- frames ---- */

static int group_of(tn_flame *f, tn_map *groups, uint32_t entry, uint64_t key, tn_error *err)
{
    uint32_t *value;
    TN_TRY(tn__map_slot(groups, key, &value, err));
    if (!*value) {
        *value = ++f->n_groups;
        if (tn__buf_append(&f->examples, &entry, sizeof entry) < 0)
            return tn__no_memory(f->snapshot, err);
    }
    f->group_of[entry] = *value - 1;
    return TN_OK;
}

/* A comprehension or a lambda shares its line with the function around it, and calls it or is called by it: one frame of both
 * would have no name. Strings of a file stand once in it. */
static int part_lines(tn_flame *f, tn_map *groups, tn_map *names, tn_error *err)
{
    for (uint32_t i = 0; i < f->n_entries; i++) {
        uint32_t group = f->keys->group_of[i], *name;
        uint64_t key = (uint64_t)group << 32;
        if (f->options.by == TN_SITES_LINE && f->keys->mixed.data[group]) {
            tn_stack_entry e;
            TN_TRY(tn__snapshot_stack(f->snapshot, i, &e, err));
            TN_TRY(tn__map_slot(names, (uint64_t)(uintptr_t)e.qualified_name, &name, err));
            if (!*name)
                *name = names->n;
            key |= *name;
        }
        TN_TRY(group_of(f, groups, i, key, err));
    }
    return TN_OK;
}

static int make_frames(tn_flame *f, tn_error *err)
{
    tn_map groups = {.alloc = f->alloc}, names = {.alloc = f->alloc};
    f->group_of = tn__alloc(f->alloc, f->n_entries * sizeof *f->group_of);
    int status = f->group_of ? part_lines(f, &groups, &names, err) : tn__no_memory(f->snapshot, err);
    tn__map_free(&groups);
    tn__map_free(&names);
    return status;
}

/* ---- making ---- */

static int check(const tn_flame *f, const tn_set *within, tn_error *err)
{
    const tn_flame_options *o = &f->options;
    enum tn_flame_what what = o->what;
    if ((unsigned)what >= TN_FLAME_WHATS || (unsigned)o->by > TN_SITES_DISTRIBUTION)
        return tn__error_set(err, TN_EINVAL, 0,
                             "there is no such tree: frames are lines, files, functions, modules or distributions");
    if (what == TN_FLAME_RETAINED && tn__sites_interval_of(f->snapshot) > 0)
        return tn__error_set(
            err, TN_EINVAL, 0,
            "what stacks retain needs a snapshot traced exactly: of most objects a sampled one does not "
            "know who made them");
    if (within && what == TN_FLAME_CPU)
        return tn__error_set(err, TN_EINVAL, 0,
                             "samples are of stacks, not of objects: no selection tells more of cpu");
    if (o->born_first > o->born_last)
        return tn__error_set(err, TN_EINVAL, 0, "the first of some allocations is not behind the last of them");
    if (o->born_last && what != TN_FLAME_LIVE && what != TN_FLAME_COUNT)
        return tn__error_set(err, TN_EINVAL, 0, "when it was allocated is known of what is alive: of live and count");
    return TN_OK;
}

static int fill(tn_flame *f, const tn_set *within, tn_error *err)
{
    bool cpu = f->options.what == TN_FLAME_CPU;
    TN_TRY(check(f, within, err));
    TN_TRY(cpu ? make_cpu(f, err) : make_sites(f, within, err));
    f->n_entries = f->keys->n_entries;
    f->sums = tn__alloc_zero(f->alloc, f->n_entries * sizeof *f->sums);
    if (!f->sums)
        return tn__no_memory(f->snapshot, err);
    TN_TRY(make_frames(f, err));
    if (cpu)
        add_samples(f);
    else
        TN_TRY(f->options.what == TN_FLAME_RETAINED ? add_kept(f, err) : add_stacks(f, err));
    for (uint32_t i = 0; i < f->n_entries; i++)
        tn__flame_add(&f->all, &f->sums[i]);
    return TN_OK;
}

int tn__flame_make(tn_snapshot *s, const tn_flame_options *o, const tn_set *within, tn_flame *out, tn_error *err)
{
    *out = (tn_flame){.snapshot = s, .alloc = tn__snapshot_alloc(s), .options = *o};
    tn__buf_init(&out->nodes, out->alloc);
    tn__buf_init(&out->examples, out->alloc);
    if (o->what == TN_FLAME_ANY)
        out->options.what = tn__sites_there(s) ? TN_FLAME_LIVE : TN_FLAME_CPU;
    return tn__memory_told(s, fill(out, within, err), err);
}

void tn__flame_free(tn_flame *f)
{
    tn__free(f->alloc, f->sums, f->sums ? f->n_entries * sizeof *f->sums : 0);
    tn__free(f->alloc, f->group_of, f->group_of ? f->n_entries * sizeof *f->group_of : 0);
    tn__buf_free(&f->nodes);
    tn__buf_free(&f->examples);
    if (f->sites.alloc)
        tn__sites_free(&f->sites);
    if (f->cpu.alloc)
        tn__cpu_free(&f->cpu);
}

bool tn__flame_interval(const tn_flame *f, const tn_flame_sum *sum, tn_interval *out)
{
    enum tn_flame_what what = f->options.what;
    enum tn_sites_what kind = sites_what(what);
    if (what == TN_FLAME_CPU) {
        uint64_t weight = sum->weight < 0x1p64 ? (uint64_t)sum->weight : UINT64_MAX;
        tn_interval share = tn__cpu_share(&f->cpu, weight);
        double whole = (double)f->cpu.all.weight;
        *out = (tn_interval){share.low * whole, share.high * whole};
        return f->cpu.draws > 0;
    }
    if (!f->sites.sampled || what == TN_FLAME_COUNT || what == TN_FLAME_RETAINED)
        return false;
    tn_site_sum of = {.live = sum->live};
    of.bytes[kind] = sum->weight < 0x1p63 ? (int64_t)sum->weight : INT64_MAX;
    *out = tn__sites_interval(&f->sites, &of, kind);
    return true;
}
