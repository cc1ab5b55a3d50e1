/* cpu_graph.c - who calls whom: from group to group, what stacks have on which the one calls the other.
 *
 * A stack counts once for a call that stands on it several times: at the first of these, as for a group (site_outward.c).
 */
#include "analysis/cpu.h"

#include <string.h>

/* The number of the call from each entry's parent to it; TN_NONE: nobody has called it. */
static int number_calls(tn_cpu *t, uint32_t *calls, tn_map *numbers, tn_buf *edges, tn_error *err)
{
    const uint32_t *group_of = t->keys.group_of;
    calls[0] = TN_NONE;
    for (uint32_t i = 1; i < t->n_entries; i++) {
        tn_stack_entry e;
        uint32_t *number;
        TN_TRY(tn__snapshot_stack(t->snapshot, i, &e, err));
        calls[i] = TN_NONE;
        if (!e.parent || tn__cpu_sum_empty(&t->subtrees[i]))
            continue;
        tn_cpu_edge edge = {.from = group_of[e.parent], .to = group_of[i]};
        TN_TRY(tn__map_slot(numbers, (uint64_t)edge.from << 32 | edge.to, &number, err));
        if (!*number) {
            if (tn__buf_append(edges, &edge, sizeof edge) < 0)
                return tn__no_memory(t->snapshot, err);
            *number = numbers->n;
        }
        calls[i] = *number - 1;
    }
    return TN_OK;
}

static int add_edges(tn_cpu *t, uint32_t *calls, uint8_t *outermost, tn_buf *edges, tn_error *err)
{
    tn_map numbers = {.alloc = t->alloc};
    int status = number_calls(t, calls, &numbers, edges, err);
    if (status == TN_OK)
        status = tn__site_outermost(t->snapshot, calls, numbers.n, outermost, err);
    for (uint32_t i = 0; status == TN_OK && i < t->n_entries; i++)
        if (outermost[i])
            tn__cpu_add(&((tn_cpu_edge *)(void *)edges->data)[calls[i]].sum, &t->subtrees[i]);
    tn__map_free(&numbers);
    return status;
}

int tn__cpu_edges(tn_cpu *t, tn_buf *edges, tn_error *err)
{
    uint32_t *calls = tn__alloc(t->alloc, t->n_entries * sizeof *calls);
    uint8_t *outermost = tn__alloc(t->alloc, t->n_entries);
    int status = calls && outermost ? add_edges(t, calls, outermost, edges, err) : tn__no_memory(t->snapshot, err);
    tn__free(t->alloc, calls, calls ? t->n_entries * sizeof *calls : 0);
    tn__free(t->alloc, outermost, outermost ? t->n_entries : 0);
    return status;
}

int tn__cpu_focus(tn_cpu *t, uint8_t *marks, tn_error *err)
{
    const char *name = t->options.function;
    tn_site_pattern p;
    bool found = false;
    memset(marks, 0, t->n_groups);
    TN_TRY(tn__site_pattern(name, strlen(name), &p, err));
    for (uint32_t i = 1; i < t->n_entries; i++) {
        tn_stack_entry e;
        TN_TRY(tn__snapshot_stack(t->snapshot, i, &e, err));
        if (tn__cpu_sum_empty(&t->subtrees[i]) ||
            (!tn__site_glob(name, strlen(name), e.qualified_name) && !(p.file && tn__site_frame_matches(&p, &e))))
            continue;
        marks[t->keys.group_of[i]] = found = true;
    }
    return found ? TN_OK : tn__error_set(err, TN_ENOTFOUND, 0, "no stack has a function \"%.80s\"", name);
}
