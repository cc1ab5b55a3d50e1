/* diff.c - which objects of two snapshots are the same ones.
 *
 * An object never moves: one that lives on is at its address, of its type, in the block that it has always had. The
 * reverse holds unless another of the same type came to its place. So pairs of one address are graded:
 *
 *   certain  what cannot change is recorded and equal: the text of a str, the value of an int, the items of a tuple; or
 *            the object is immortal
 *   likely   nothing speaks against it
 *   reused   something does: another type, block or unchangeable content, or a younger generation than before
 *
 * The last are two objects, one gone and one new. What speaks against it never fits an object that lives on; a new object
 * of the same type and looks that took the place of one gone cannot be told from it.
 *
 * Both files are gone through once, side by side: O(objects of both).
 */
#include "analysis/diff.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { GENERATION_PERMANENT = 3 };
#define TOLERANCE_NS 2500000000 /* the time of the start is known to the second of the boot */

/* ---- the process ---- */

static bool near(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) <= TOLERANCE_NS;
}

/* By the clock of the wall, or by the monotonic one: either may have been set or stood still between the two. */
static bool same_start(const tn_snapshot *a, const tn_snapshot *b)
{
    uint64_t start_a, start_b, wall_a, wall_b, monotonic_a, monotonic_b;
    if (!tn__fact_u64(a, "process.start_time_ns", &start_a) || !tn__fact_u64(b, "process.start_time_ns", &start_b))
        return false;
    if (near(start_a, start_b))
        return true;
    return tn__fact_u64(a, "capture.wall_time_ns", &wall_a) && tn__fact_u64(b, "capture.wall_time_ns", &wall_b) &&
           tn__fact_u64(a, "capture.monotonic_ns", &monotonic_a) &&
           tn__fact_u64(b, "capture.monotonic_ns", &monotonic_b) &&
           near(start_a - wall_a + monotonic_a, start_b - wall_b + monotonic_b);
}

static bool same_text(const tn_snapshot *a, const tn_snapshot *b, const char *key)
{
    tn_fact one, two;
    int status_a = tn_snapshot_find_fact(a, key, &one), status_b = tn_snapshot_find_fact(b, key, &two);
    if (status_a < 0 || status_b < 0)
        return status_a == status_b;
    return one.kind == TN_FACT_TEXT && two.kind == TN_FACT_TEXT && strcmp(one.value.text, two.value.text) == 0;
}

const char *tn__other_process(const tn_snapshot *a, const tn_snapshot *b)
{
    uint64_t pid_a, pid_b, unused;
    if (!tn__fact_u64(a, "process.pid", &pid_a) || !tn__fact_u64(b, "process.pid", &pid_b) ||
        !tn__fact_u64(a, "process.start_time_ns", &unused) || !tn__fact_u64(b, "process.start_time_ns", &unused))
        return "a file does not say which process it is of";
    if (!same_text(a, b, "process.host"))
        return "they are of different machines";
    if (pid_a != pid_b)
        return "they are of different processes";
    if (!same_start(a, b))
        return "they are of different processes that had one number";
    if (!same_text(a, b, "capture.scope"))
        return "one holds all objects, the other only what given ones reach";
    return same_text(a, b, "python.version") ? NULL : "they are of different programs that one process ran";
}

/* ---- one pair of an address ---- */

typedef struct pair {
    tn_diff *d;
    tn_walk *old, *new;
    uint32_t *old_types, *new_types; /* of new, for each shape of old, of new */
    bool incremental;                /* the collector moves old objects between two generations, back and forth */
    tn_buf open;                     /* tn_open_pair: graded before all that they hold was */
    tn_set *is_open;                 /* those of old */
} pair;

static uint32_t generation(uint32_t flags)
{
    return (flags & TN_NODE_GENERATION) >> 1;
}

/* An object grows old and never young again; a finalizer runs once. */
static bool is_younger(const pair *p, uint32_t before, uint32_t now, unsigned kind)
{
    uint32_t age = generation(before), least = p->incremental && age > 0 ? 1 : age;
    bool had_run = before & TN_NODE_FINALIZED, has_run = now & TN_NODE_FINALIZED;
    /* What a finalizer brought back to life is young again; what is frozen may be let go. */
    bool comparable = (before & now & TN_NODE_TRACKED) && !has_run && age < GENERATION_PERMANENT;
    return (had_run && !has_run) || (comparable && !(kind & TN_WALK_YOUNG_AGAIN) && generation(now) < least);
}

static int note_open(pair *p, uint64_t first, uint32_t n, tn_error *err)
{
    tn_open_pair o = {tn__walk_node(p->old), n, p->old->reference_row[p->old->at] + first};
    if (tn__buf_append(&p->open, &o, sizeof o) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    tn__set_add(p->is_open, o.old);
    return TN_OK;
}

/* 1: the same references, 0: others. What they refer to may turn out later to be another object: diff_settle.c looks again. */
static int same_targets(pair *p, unsigned kind, tn_error *err)
{
    const tn_shape *a = &tn__snapshot_shapes(p->old->snapshot)[tn__walk_shape(p->old)];
    const tn_shape *b = &tn__snapshot_shapes(p->new->snapshot)[tn__walk_shape(p->new)];
    uint32_t degree = p->old->degree[p->old->at], whole = kind & TN_WALK_FIXED ? a->n_fixed : 0, n = whole + degree;
    bool settled = true;
    if (degree != p->new->degree[p->new->at] || (whole && a->n_fixed != b->n_fixed))
        return 0;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t one, two;
        TN_TRY(tn__walk_target(p->old, i + a->n_fixed - whole, &one, err));
        TN_TRY(tn__walk_target(p->new, i + b->n_fixed - whole, &two, err));
        if (one < p->d->n_old) {
            settled &= one < tn__walk_node(p->old) && !tn_set_has(p->is_open, one);
            one = p->d->survivor[one];
            if (one == TN_NONE)
                return 0;
        } else if (one != TN_NONE) { /* no object has no address: it is the same if anything is */
            one = two;
        }
        if (one != two)
            return 0;
    }
    if (!settled)
        TN_TRY(note_open(p, a->n_fixed - whole, n, err));
    return 1;
}

/* By its recorded value; LIKELY where none tells. */
static int by_preview(const pair *p, tn_error *err)
{
    tn_preview one, two;
    TN_TRY(tn__walk_preview(p->old, &one, err));
    TN_TRY(tn__walk_preview(p->new, &two, err));
    if (!one.kind || !two.kind || (one.kind | two.kind) & TN_PREVIEW_CUT)
        return TN_DIFF_LIKELY;
    if (one.kind != two.kind || one.length != two.length || memcmp(one.bytes, two.bytes, one.length) != 0)
        return TN_DIFF_REUSED;
    return one.kind == TN_PREVIEW_NAME || one.kind == TN_PREVIEW_BIGINT ? TN_DIFF_LIKELY : TN_DIFF_CERTAIN;
}

static int by_content(const pair *p, unsigned kind, tn_error *err)
{
    uint64_t a, b;
    if (kind & TN_WALK_TEXT_CHANGES)
        return TN_DIFF_LIKELY;
    if (kind & TN_WALK_HASH) {
        TN_TRY(tn__walk_hash(p->old, &a, err));
        TN_TRY(tn__walk_hash(p->new, &b, err));
        if (a != TN_UNKNOWN && b != TN_UNKNOWN && a != b)
            return TN_DIFF_REUSED;
        if (a != TN_UNKNOWN && b != TN_UNKNOWN)
            return TN_DIFF_CERTAIN;
    }
    int found = kind & TN_WALK_PREVIEW ? by_preview(p, err) : TN_DIFF_LIKELY;
    if (found != TN_DIFF_LIKELY || !(kind & TN_WALK_FIXED_LENGTH))
        return found;
    TN_TRY(tn__walk_length(p->old, &a, err));
    TN_TRY(tn__walk_length(p->new, &b, err));
    return a != b && a != TN_UNKNOWN && b != TN_UNKNOWN ? TN_DIFF_REUSED : TN_DIFF_LIKELY;
}

/* The grade, or an error. */
static int grade(pair *p, tn_error *err)
{
    uint32_t old = p->old->flags[p->old->at], new = p->new->flags[p->new->at];
    unsigned kind = p->new->kinds[tn__walk_shape(p->new)];
    if (p->old_types[tn__walk_shape(p->old)] != p->new_types[tn__walk_shape(p->new)] || is_younger(p, old, new, kind))
        return TN_DIFF_REUSED;
    if (old & new &(TN_NODE_IMMORTAL | TN_NODE_STATIC))
        return TN_DIFF_CERTAIN;
    if (p->old->scan->bytes[p->old->at] != p->new->scan->bytes[p->new->at] || ((old | new) & TN_NODE_BUFFERS)) {
        uint64_t one, two;
        TN_TRY(tn__walk_own_block(p->old, &one, err));
        TN_TRY(tn__walk_own_block(p->new, &two, err));
        if (one != two && one != TN_UNKNOWN && two != TN_UNKNOWN)
            return TN_DIFF_REUSED;
    }
    if (kind & TN_WALK_FIXED_RUN) {
        int same = same_targets(p, kind, err);
        TN_TRY(same);
        return same ? TN_DIFF_CERTAIN : TN_DIFF_REUSED;
    }
    return by_content(p, kind, err);
}

/* ---- both side by side ---- */

static bool is_selected(const tn_walk *w)
{
    return w->scan->state[w->at] == TN_ROW_SELECTED;
}

static bool is_own(const tn_walk *w)
{
    return w->scan->state[w->at] == TN_ROW_OWN;
}

static void count(tn_tally *shape, tn_tally *total, const tn_walk *w)
{
    uint64_t bytes = w->scan->bytes[w->at];
    shape->count++;
    shape->bytes += bytes;
    total->count++;
    total->bytes += bytes;
}

static void count_old(tn_diff *d, const tn_walk *w, bool gone)
{
    if (!is_selected(w))
        return;
    count(&d->old_all[tn__walk_shape(w)], &d->old_total, w);
    if (!gone)
        return;
    count(&d->old_removed[tn__walk_shape(w)], &d->removed_total, w);
    tn__set_add(d->removed, tn__walk_node(w));
}

static void count_new(tn_diff *d, const tn_walk *w, bool added)
{
    if (!is_selected(w))
        return;
    count(&d->new_all[tn__walk_shape(w)], &d->new_total, w);
    if (!added)
        return;
    count(&d->new_added[tn__walk_shape(w)], &d->added_total, w);
    tn__set_add(d->added, tn__walk_node(w));
}

static int note_change(const pair *p, tn_error *err)
{
    if (!(p->new->kinds[tn__walk_shape(p->new)] & TN_WALK_COLLECTION))
        return TN_OK;
    tn_change c = {tn__walk_node(p->old), tn__walk_node(p->new), tn__walk_held(p->old), tn__walk_held(p->new)};
    if (c.held_old == c.held_new)
        return TN_OK;
    if (tn__buf_append(&p->d->changes, &c, sizeof c) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    return TN_OK;
}

/* An object that is tonnage's on either side is counted on neither; others may refer to it, so it survives all the same. */
static int meet(pair *p, tn_error *err)
{
    tn_diff *d = p->d;
    int g = grade(p, err);
    TN_TRY(g);
    bool reused = g == TN_DIFF_REUSED;
    if (reused)
        d->survivor[tn__walk_node(p->old)] = TN_NONE;
    if (is_own(p->old) || is_own(p->new)) {
        if (is_selected(p->old)) {
            count(&d->old_half[tn__walk_shape(p->old)], &d->old_half_total, p->old);
            tn_set_remove(d->all_old, tn__walk_node(p->old));
        }
        if (is_selected(p->new)) {
            count(&d->new_half[tn__walk_shape(p->new)], &d->new_half_total, p->new);
            tn_set_remove(d->all_new, tn__walk_node(p->new));
        }
        return TN_OK;
    }
    if (!reused)
        TN_TRY(note_change(p, err));
    d->graded[g] += is_selected(p->old) || is_selected(p->new);
    count_old(d, p->old, reused);
    count_new(d, p->new, reused);
    if (g == TN_DIFF_LIKELY && is_selected(p->new))
        tn__set_add(d->likely, tn__walk_node(p->new));
    return TN_OK;
}

/* Survivors follow one another in the same order on both sides: what comes before the next one is alone on its side. */
static int merge(pair *p, tn_error *err)
{
    tn_diff *d = p->d;
    for (;;) {
        int old = tn__walk_ready(p->old, err), new = tn__walk_ready(p->new, err);
        TN_TRY(old);
        TN_TRY(new);
        if (!old && !new)
            return TN_OK;
        uint32_t partner = old ? d->survivor[tn__walk_node(p->old)] : TN_NONE;
        if (old && partner == TN_NONE) {
            count_old(d, p->old, true);
            p->old->at++;
        } else if (new &&partner != tn__walk_node(p->new)) {
            count_new(d, p->new, true);
            p->new->at++;
        } else {
            TN_TRY(meet(p, err));
            p->old->at++;
            p->new->at++;
        }
    }
}

static int shape_types(pair *p, tn_error *err)
{
    tn_diff *d = p->d;
    size_t bytes = tn_snapshot_n_types(d->old) * sizeof(uint32_t);
    uint32_t *same = tn__alloc(d->alloc, bytes);
    p->old_types = tn__alloc(d->alloc, d->n_old_shapes * sizeof *p->old_types);
    p->new_types = tn__alloc(d->alloc, d->n_new_shapes * sizeof *p->new_types);
    bool all = same && p->old_types && p->new_types;
    int status = all ? tn__diff_types(d->old, d->new, same, err) : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (uint32_t i = 0; status == TN_OK && i < d->n_old_shapes; i++)
        p->old_types[i] = same[tn__snapshot_shapes(d->old)[i].type];
    for (uint32_t i = 0; status == TN_OK && i < d->n_new_shapes; i++)
        p->new_types[i] = tn__snapshot_shapes(d->new)[i].type;
    tn__free(d->alloc, same, bytes);
    return status;
}

/* Only in 3.14.0 to 3.14.4, and where the release is not known. */
static bool is_incremental(const tn_snapshot *s)
{
    uint64_t release;
    return !tn__fact_u64(s, "python.hexversion", &release) || (release >= 0x030e0000 && release < 0x030e0500);
}

static int compare(tn_diff *d, tn_selection *sel, tn_error *err)
{
    pair p = {.d = d, .incremental = is_incremental(d->new)};
    tn__buf_init(&p.open, d->alloc);
    int status = shape_types(&p, err);
    if (status == TN_OK)
        status = tn_set_new(d->old, &p.is_open, err);
    if (status == TN_OK)
        status = tn__snapshot_match_addresses(d->old, d->new, d->survivor, err);
    if (status == TN_OK)
        status = tn__walk_open(d->old, &sel[0], d->within[0], d->all_old, &p.old, err);
    if (status == TN_OK)
        status = tn__walk_open(d->new, &sel[1], d->within[1], d->all_new, &p.new, err);
    if (status == TN_OK)
        status = merge(&p, err);
    if (status == TN_OK)
        status = tn__diff_settle(d, &p.open, p.is_open, err);
    if (status == TN_OK)
        status = tn_set_minus(d->all_new, d->added, &d->survived, err);
    tn__walk_close(p.old);
    tn__walk_close(p.new);
    tn_set_free(p.is_open);
    tn__buf_free(&p.open);
    tn__free(d->alloc, p.old_types, d->n_old_shapes * sizeof *p.old_types);
    tn__free(d->alloc, p.new_types, d->n_new_shapes * sizeof *p.new_types);
    tn__blocks_free(d->old);
    tn__blocks_free(d->new);
    return status;
}

/* ---- of different processes: totals only ---- */

static int count_all(tn_snapshot *s, tn_selection *sel, const tn_set *within, tn_tally *shapes, tn_tally *total,
                     tn_set *all, tn_error *err)
{
    tn_scan *scan;
    TN_TRY(tn__scan_open(s, sel, within, &scan, err));
    int more;
    while ((more = tn__scan_next(scan, err)) > 0) {
        for (uint32_t i = 0; i < scan->n; i++) {
            if (scan->state[i] != TN_ROW_SELECTED)
                continue;
            tn__set_add(all, scan->first + i);
            shapes[scan->shape[i]].count++;
            shapes[scan->shape[i]].bytes += scan->bytes[i];
            total->count++;
            total->bytes += scan->bytes[i];
        }
    }
    tn__scan_close(scan);
    return more;
}

/* ---- all ---- */

static int allocate(tn_diff *d, tn_error *err)
{
    bool all = true;
    struct {
        tn_tally **tally;
        uint32_t n;
    } tallies[] = {{&d->old_all, d->n_old_shapes},  {&d->old_removed, d->n_old_shapes},
                   {&d->new_all, d->n_new_shapes},  {&d->new_added, d->n_new_shapes},
                   {&d->old_half, d->n_old_shapes}, {&d->new_half, d->n_new_shapes}};
    for (size_t i = 0; i < sizeof tallies / sizeof *tallies; i++)
        all &= (*tallies[i].tally = tn__alloc_zero(d->alloc, tallies[i].n * sizeof **tallies[i].tally)) != NULL;
    if (all && d->same_process)
        all = (d->survivor = tn__alloc(d->alloc, (size_t)d->n_old * sizeof *d->survivor)) != NULL;
    if (!all)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    TN_TRY(tn_set_new(d->old, &d->all_old, err));
    TN_TRY(tn_set_new(d->new, &d->all_new, err));
    if (!d->same_process)
        return TN_OK;
    TN_TRY(tn_set_new(d->new, &d->added, err));
    TN_TRY(tn_set_new(d->new, &d->likely, err));
    return tn_set_new(d->old, &d->removed, err);
}

/* Words is: ask for the comparison of all objects, which comes first then. */
static int compare_before(const tn_diff *d, const char *where, tn_selection *sel, tn_diff **before, tn_error *err)
{
    bool compares;
    TN_TRY(tn__selection_compares(d->alloc, where, &compares, err));
    if (compares)
        TN_TRY(tn_diff_open(d->old, d->new, NULL, before, err));
    sel[0].since = sel[1].since = *before;
    return TN_OK;
}

static int run(tn_diff *d, const char *where, tn_error *err)
{
    tn_diff *before = NULL;
    tn_selection sel[2]; /* one is bound to one snapshot */
    TN_TRY(tn__selection_parse(d->alloc, where, NULL, TN_SELECT_OBJECTS, &sel[0], err));
    int status = tn__selection_parse(d->alloc, where, NULL, TN_SELECT_OBJECTS, &sel[1], err);
    if (status < 0) {
        tn__selection_free(&sel[0]);
        return status;
    }
    status = allocate(d, err);
    if (status == TN_OK)
        status = compare_before(d, where, sel, &before, err);
    if (status == TN_OK && d->same_process)
        status = compare(d, sel, err);
    if (status == TN_OK && !d->same_process)
        status = count_all(d->old, &sel[0], d->within[0], d->old_all, &d->old_total, d->all_old, err);
    if (status == TN_OK && !d->same_process)
        status = count_all(d->new, &sel[1], d->within[1], d->new_all, &d->new_total, d->all_new, err);
    tn__selection_free(&sel[0]);
    tn__selection_free(&sel[1]);
    tn_diff_close(before);
    return status;
}

int tn_diff_open(tn_snapshot *old, tn_snapshot *new, const char *where, tn_diff **out, tn_error *err)
{
    return tn_diff_open_sets(old, NULL, new, NULL, where, out, err);
}

int tn_diff_open_sets(tn_snapshot *old, const tn_set *old_set, tn_snapshot *new, const tn_set *new_set,
                      const char *where, tn_diff **out, tn_error *err)
{
    TN_TRY(tn__set_check(old, old_set, err));
    TN_TRY(tn__set_check(new, new_set, err));
    if (old == new)
        return tn__error_set(err, TN_EINVAL, 0, "a snapshot differs from itself in nothing: open the file twice");
    const tn_alloc *a = tn__snapshot_alloc(new);
    tn_diff *d = tn__alloc_zero(a, sizeof *d);
    if (!d)
        return tn__no_memory(new, err);
    const char *why = tn__other_process(old, new);
    *d = (tn_diff){.old = old, .new = new, .alloc = a, .same_process = why == NULL, .within = {old_set, new_set}};
    d->why = why ? why : "";
    d->n_old = tn_snapshot_n_objects(old);
    d->n_new = tn_snapshot_n_objects(new);
    d->n_old_shapes = tn__snapshot_n_shapes(old);
    d->n_new_shapes = tn__snapshot_n_shapes(new);
    tn__buf_init(&d->changes, a);
    int status = tn__memory_told(old, tn__memory_told(new, run(d, where, err), err), err);
    d->within[0] = d->within[1] = NULL;
    if (status < 0)
        tn_diff_close(d);
    else
        *out = d;
    return status;
}

void tn_diff_close(tn_diff *d)
{
    if (!d)
        return;
    tn__free(d->alloc, d->survivor, (size_t)d->n_old * sizeof *d->survivor);
    tn__free(d->alloc, d->old_all, d->n_old_shapes * sizeof *d->old_all);
    tn__free(d->alloc, d->old_removed, d->n_old_shapes * sizeof *d->old_removed);
    tn__free(d->alloc, d->new_all, d->n_new_shapes * sizeof *d->new_all);
    tn__free(d->alloc, d->new_added, d->n_new_shapes * sizeof *d->new_added);
    tn__free(d->alloc, d->old_half, d->n_old_shapes * sizeof *d->old_half);
    tn__free(d->alloc, d->new_half, d->n_new_shapes * sizeof *d->new_half);
    tn_set_free(d->added);
    tn_set_free(d->removed);
    tn_set_free(d->survived);
    tn_set_free(d->all_old);
    tn_set_free(d->all_new);
    tn_set_free(d->likely);
    tn_set_free(d->chosen);
    tn__buf_free(&d->changes);
    tn__free(d->alloc, d, sizeof *d);
}

void tn_diff_about(const tn_diff *d, tn_diff_info *out)
{
    *out = (tn_diff_info){
        .same_process = d->same_process,
        .why = d->why,
        .certain = d->graded[TN_DIFF_CERTAIN],
        .likely = d->graded[TN_DIFF_LIKELY],
        .reused = d->graded[TN_DIFF_REUSED],
        .old_count = d->old_total.count,
        .old_bytes = d->old_total.bytes,
        .new_count = d->new_total.count,
        .new_bytes = d->new_total.bytes,
    };
}

static int no_common_objects(const tn_diff *d, tn_error *err)
{
    return d->same_process ? TN_OK : tn__error_set(err, TN_EINVAL, 0, "no object of one is in the other: %s", d->why);
}

int tn_diff_set(const tn_diff *d, enum tn_diff_part part, tn_set **out, tn_error *err)
{
    const tn_set *sets[] = {[TN_DIFF_NEW] = d->added, [TN_DIFF_GONE] = d->removed, [TN_DIFF_SURVIVED] = d->survived};
    TN_TRY(no_common_objects(d, err));
    return tn_set_copy(sets[part], out, err);
}

int tn__diff_choose(tn_diff *d, const tn_set *set, tn_error *err)
{
    TN_TRY(no_common_objects(d, err));
    return set ? tn_set_intersect(d->added, set, &d->chosen, err) : tn_set_copy(d->added, &d->chosen, err);
}

static bool is_so(const tn_diff *d, uint32_t new, enum tn_is what)
{
    switch (what) {
    case TN_IS_NEW: return tn_set_has(d->added, new);
    case TN_IS_SURVIVED: return tn_set_has(d->survived, new);
    case TN_IS_CERTAIN: return tn_set_has(d->survived, new) && !tn_set_has(d->likely, new);
    default: return tn_set_has(d->likely, new);
    }
}

int tn__diff_is(const tn_diff *d, const tn_snapshot *s, enum tn_is what, tn_set **out, tn_error *err)
{
    tn_set *found;
    TN_TRY(no_common_objects(d, err));
    bool is_old = s == d->old;
    TN_TRY(tn__set_new(d->alloc, is_old ? d->n_old : d->n_new, &found, err));
    const tn_set *all = is_old ? d->all_old : d->all_new;
    for (uint32_t id = 0; (id = tn_set_next(all, id)) != TN_NONE; id++) {
        uint32_t new = is_old ? d->survivor[id] : id;
        if (new != TN_NONE && is_so(d, new, what))
            tn__set_add(found, id);
    }
    *out = found;
    return TN_OK;
}

uint32_t tn_diff_survivor(const tn_diff *d, uint32_t old)
{
    return d->survivor && old < d->n_old ? d->survivor[old] : TN_NONE;
}

static int compare_growth(const void *left, const void *right)
{
    const tn_change *a = left, *b = right;
    uint64_t grown_a = a->held_new - a->held_old, grown_b = b->held_new - b->held_old;
    return grown_a != grown_b ? (grown_a > grown_b ? -1 : 1) : a->new < b->new ? -1 : 1;
}

int tn__diff_growing(const tn_diff *d, tn_buf *out, tn_error *err)
{
    const tn_change *all = (const void *)d->changes.data;
    tn__buf_init(out, d->alloc);
    for (size_t i = 0; i < d->changes.size / sizeof *all; i++) {
        if (all[i].held_new < all[i].held_old || !tn_set_has(d->survived, all[i].new))
            continue;
        if (tn__buf_append(out, &all[i], sizeof *all) < 0) {
            tn__buf_free(out);
            return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
        }
    }
    if (out->size > sizeof *all)
        qsort(out->data, out->size / sizeof *all, sizeof *all, compare_growth);
    return TN_OK;
}
