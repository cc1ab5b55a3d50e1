/* cpu_pairs.c - groups of two profiles side by side, by their names, as those of sites are. */
#include "analysis/cpu.h"

static bool is_empty(const tn_cpu_group *g)
{
    return tn__cpu_sum_empty(&g->total) && !g->total.bytes;
}

static int find_row(tn_cpu_pairs *p, tn_cpu *t, uint32_t group, tn_naming *x, const uint32_t *numbers, uint32_t *row,
                    tn_error *err)
{
    x->label.size = 0;
    TN_TRY(tn__cpu_label(t, group, &x->label, err));
    *row = (uint32_t)tn__cpu_pairs_n(p);
    if (!x->alone)
        TN_TRY(tn__naming_row(x, numbers ? &numbers[tn__site_example(&t->keys, group)] : NULL, row, err));
    if (*row < tn__cpu_pairs_n(p))
        return TN_OK;
    tn_cpu_pair pair = {.label = tn__arena_text(&p->labels, (const char *)x->label.data, x->label.size - 1)};
    return !pair.label || tn__buf_append(&p->rows, &pair, sizeof pair) < 0 ? tn__no_memory(t->snapshot, err) : TN_OK;
}

static int join_named(tn_cpu_pairs *p, tn_cpu *t, bool old, tn_naming *x, const uint32_t *numbers, tn_error *err)
{
    for (uint32_t i = 0; i < t->n_groups; i++) {
        uint32_t row;
        if (is_empty(&t->groups[i]))
            continue;
        TN_TRY(find_row(p, t, i, x, numbers, &row, err));
        if (old)
            tn__cpu_pair(p, row)->old = &t->groups[i];
        else
            tn__cpu_pair(p, row)->now = &t->groups[i];
    }
    return TN_OK;
}

static int join(tn_cpu_pairs *p, tn_cpu *t, bool old, tn_naming *x, tn_error *err)
{
    bool by_stack = !x->alone && t->options.by == TN_CPU_TRACEBACK;
    size_t bytes = by_stack ? t->n_entries * sizeof(uint32_t) : 0;
    uint32_t *numbers = by_stack ? tn__alloc(p->alloc, bytes) : NULL;
    if (by_stack && !numbers)
        return tn__no_memory(t->snapshot, err);
    int status = by_stack ? tn__naming_stacks(x, t->snapshot, numbers, err) : TN_OK;
    if (status == TN_OK)
        status = join_named(p, t, old, x, numbers, err);
    tn__free(p->alloc, numbers, bytes);
    return status;
}

int tn__cpu_pairs_make(tn_cpu *now, tn_cpu *old, tn_cpu_pairs *out, tn_error *err)
{
    tn_naming x;
    *out = (tn_cpu_pairs){.alloc = now->alloc};
    tn__arena_init(&out->labels, out->alloc);
    tn__buf_init(&out->rows, out->alloc);
    int status = tn__naming_init(&x, out->alloc, !old) < 0 ? tn__no_memory(now->snapshot, err) : TN_OK;
    if (status == TN_OK)
        status = join(out, now, false, &x, err);
    if (status == TN_OK && old)
        status = join(out, old, true, &x, err);
    tn__naming_free(&x);
    if (status < 0)
        tn__cpu_pairs_free(out);
    return status;
}

void tn__cpu_pairs_free(tn_cpu_pairs *p)
{
    tn__arena_free(&p->labels);
    tn__buf_free(&p->rows);
}
