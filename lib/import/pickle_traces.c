/* pickle_traces.c - what the values of a dump of tracemalloc mean: see pickle.h. */
#include "import/pickle.h"

/* ---- traces ---- */

static bool is_frame(const tn_pickle *m, tn_pickled v)
{
    if (tn__pickled_kind(v) != TUPLE || tn__pickled_tuple(m, v)->n != 2)
        return false;
    const tn_pickled *items = tn__pickled_items(m, tn__pickled_tuple(m, v));
    return tn__pickled_kind(items[0]) == TEXT && tn__pickled_kind(items[1]) == NUMBER &&
           tn__pickled_number(items[1]) <= UINT32_MAX;
}

/* tracemalloc's words for a block that no Python code asked for. */
static bool is_native(const tn_pickle *m, const tn_pickled_tuple *t)
{
    const tn_pickled *items = tn__pickled_items(m, tn__pickled_tuple(m, *tn__pickled_items(m, t)));
    return t->n == 1 && tn__pickled_is(m, items[0], "<unknown>") && tn__pickled_number(items[1]) == 0;
}

/* Outermost frame first. */
static int make_stack(tn_pickle *m, const tn_pickled_tuple *t, bool cut, uint32_t *stack)
{
    *stack = 0;
    if (is_native(m, t))
        return tn__pickle_memory(m, tn__traced_root(m->traced, "<native>", stack));
    if (cut)
        TN_TRY(tn__pickle_memory(m, tn__traced_root(m->traced, "<truncated>", stack)));
    for (uint32_t i = t->n; i-- > 0;) {
        const tn_pickled *items = tn__pickled_items(m, tn__pickled_tuple(m, tn__pickled_items(m, t)[i]));
        const tn_traced_code code = {TN_NONE, (uint32_t)tn__pickled_number(items[0]), 0};
        TN_TRY(tn__pickle_memory(
            m, tn__traced_call(m->traced, *stack, &code, (uint32_t)tn__pickled_number(items[1]), stack)));
    }
    return TN_OK;
}

static int find_stack(tn_pickle *m, tn_pickled v, uint64_t n_frames, uint32_t *stack)
{
    if (tn__pickled_kind(v) != TUPLE || tn__pickled_tuple(m, v)->n == 0)
        return tn__pickle_refuse(m, "a trace without frames");
    tn_pickled_tuple *t = tn__pickled_tuple(m, v);
    bool cut = n_frames > t->n;
    if (!t->stacks[cut]) {
        for (uint32_t i = 0; i < t->n; i++)
            if (!is_frame(m, tn__pickled_items(m, t)[i]))
                return tn__pickle_refuse(m, "a frame that is no file and line");
        TN_TRY(make_stack(m, t, cut, &t->stacks[cut]));
    }
    *stack = t->stacks[cut];
    return TN_OK;
}

/* (size, frames), (domain, size, frames) or (domain, size, frames, their number in all) */
int tn__pickle_trace(tn_pickle *m, tn_pickled v)
{
    const tn_pickled_tuple *t = tn__pickled_kind(v) == TUPLE ? tn__pickled_tuple(m, v) : NULL;
    if (!t || t->n < 2 || t->n > 4)
        return tn__pickle_refuse(m, "an item of the list is no trace");
    const tn_pickled *items = tn__pickled_items(m, t), all = t->n == 4 ? items[3] : tn__pickled(NONE, 0);
    tn_pickled domain = t->n == 2 ? tn__pickled(NUMBER, 0) : items[0], size = items[t->n == 2 ? 0 : 1];
    uint32_t stack = 0;
    if (tn__pickled_kind(size) != NUMBER || tn__pickled_kind(domain) != NUMBER ||
        tn__pickled_number(domain) > INT32_MAX)
        return tn__pickle_refuse(m, "a trace without size or domain");
    if (tn__pickled_kind(all) != NUMBER && tn__pickled_kind(all) != NONE)
        return tn__pickle_refuse(m, "a trace whose number of frames is none");
    TN_TRY(find_stack(m, items[t->n == 2 ? 1 : 2], tn__pickled_number(all), &stack));
    uint32_t named = tn__pickled_number(domain) ? (uint32_t)tn__pickled_number(domain) | 1u << 31 : 0;
    return tn__pickle_memory(m, tn__traced_add(m->traced, stack, named, 1, tn__pickled_number(size)));
}

/* ---- the two objects ---- */

int tn__pickle_attribute(tn_pickle *m, tn_pickled key, tn_pickled v)
{
    if (tn__pickled_is(m, key, "_traces") && tn__pickled_kind(v) == LIST)
        m->has_list = true;
    else if (tn__pickled_is(m, key, "traces") && v == tn__pickled(OBJECT, TRACES))
        m->has_traces = true;
    else if (tn__pickled_is(m, key, "traceback_limit") && tn__pickled_kind(v) == NUMBER) {
        m->traced->limit = tn__pickled_number(v);
        m->has_limit = true;
    } else
        return tn__pickle_refuse(m, "it sets what a Snapshot of tracemalloc does not have");
    return TN_OK;
}

int tn__pickle_end(tn_pickle *m)
{
    if (tn__pickle_depth(m) != 1 || tn__pickle_top(m, 0) != tn__pickled(OBJECT, SNAPSHOT))
        return tn__pickle_refuse(m, "it is no Snapshot of tracemalloc");
    if (!m->has_traces || !m->has_list || !m->has_limit)
        return tn__pickle_refuse(m, "a Snapshot of tracemalloc without traces");
    if (m->at != m->n)
        return tn__pickle_refuse(m, "more follows behind its end");
    m->ended = true;
    return TN_OK;
}
