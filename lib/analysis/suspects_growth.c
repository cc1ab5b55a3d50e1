/* suspects_growth.c - what retains more than it did in an older snapshot.
 *
 * Of the same process an object is found again as docs/diff.md says; of another one by its path: what a program calls by one
 * name is one thing. From the top of the tree down to where the growth comes together, as in suspects.c.
 */
#include "analysis/suspects.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST_PERCENT = 2, LEAST_OLD_PERMILLE = 2 };

/* ---- the same process ---- */

static int find_grown(tn_suspects *all, const tn_past *past, uint64_t least, tn_error *err)
{
    const tn_toplevel *t = &all->top;
    for (uint32_t id = 0; id < t->graph.n_objects; id++) {
        uint64_t bytes = t->tree->retained[id];
        if (bytes >= least && tn__is_live_top(all, t, id) && bytes >= tn__past_bytes(past, id) + least)
            TN_TRY(tn__suspect_add(all, past, id, err));
    }
    return TN_OK;
}

static int by_object(tn_suspects *all, const tn_diff *diff, uint64_t least, tn_error *err)
{
    uint32_t n = all->top.graph.n_objects, n_old = all->old.graph.n_objects;
    uint32_t *nodes = tn__alloc(all->alloc, n * sizeof *nodes);
    if (!nodes)
        return tn__no_memory(all->top.snapshot, err);
    for (uint32_t i = 0; i < n; i++)
        nodes[i] = TN_NONE;
    for (uint32_t i = 0; i < n_old; i++) {
        uint32_t now = tn_diff_survivor(diff, i);
        if (now != TN_NONE)
            nodes[now] = i;
    }
    int status = find_grown(all, &(tn_past){nodes, all->old.tree}, least, err);
    tn__free(all->alloc, nodes, n * sizeof *nodes);
    return status;
}

/* ---- another process ---- */

typedef struct tn_named_bytes {
    const char *path; /* in an arena */
    uint64_t bytes;
} tn_named_bytes;

static int path_of(const tn_toplevel *t, const tn_trail *trail, tn_arena *arena, const char **out, tn_error *err)
{
    int n = tn_path_text(t->snapshot, trail->steps, trail->n, NULL, 0, NULL, err);
    TN_TRY(n);
    char *text = tn__arena_get(arena, (size_t)n + 1);
    if (!text)
        return tn__no_memory(t->snapshot, err);
    TN_TRY(tn_path_text(t->snapshot, trail->steps, trail->n, text, (size_t)n + 1, NULL, err));
    *out = text;
    return TN_OK;
}

static int name_one(const tn_toplevel *t, uint32_t node, tn_arena *arena, tn_buf *names, tn_error *err)
{
    tn_named_bytes one = {.bytes = t->tree->retained[node]};
    tn_trail trail;
    TN_TRY(tn__trail_make(t, node, NULL, &trail, err));
    int status = path_of(t, &trail, arena, &one.path, err);
    tn__trail_free(&trail);
    TN_TRY(status);
    if (tn__buf_append(names, &one, sizeof one) < 0)
        return tn__no_memory(t->snapshot, err);
    return TN_OK;
}

/* The larger objects at the top of the old tree, and where each of them comes together. */
static int name_old(tn_suspects *all, tn_arena *arena, tn_buf *names, tn_error *err)
{
    const tn_toplevel *t = &all->old;
    uint64_t least = t->bytes / 1000 * LEAST_OLD_PERMILLE;
    for (uint32_t id = 0; id < t->graph.n_objects; id++) {
        uint32_t point, links;
        if (t->tree->retained[id] <= least || !tn__is_live_top(all, t, id))
            continue;
        tn__descend(t, NULL, id, &point, &links);
        TN_TRY(name_one(t, id, arena, names, err));
        if (point != id)
            TN_TRY(name_one(t, point, arena, names, err));
    }
    return TN_OK;
}

static uint64_t bytes_of(const tn_buf *names, const char *path)
{
    const tn_named_bytes *rows = (const tn_named_bytes *)(const void *)names->data;
    for (size_t i = 0; i < names->size / sizeof *rows; i++)
        if (strcmp(rows[i].path, path) == 0)
            return rows[i].bytes;
    return 0;
}

/* What had less than LEAST_OLD_PERMILLE counts as new. */
static int drop_not_grown(tn_suspects *all, tn_arena *arena, const tn_buf *names, uint64_t least, tn_error *err)
{
    size_t n = 0;
    int status = TN_OK;
    for (size_t i = 0; i < tn__n_suspects(all); i++) {
        tn_suspect *one = tn__suspect_at(all, i);
        const char *path = "";
        if (status == TN_OK)
            status = path_of(&all->top, &one->trail, arena, &path, err);
        one->before = bytes_of(names, path);
        if (one->bytes >= one->before + least)
            *tn__suspect_at(all, n++) = *one;
        else
            tn__trail_free(&one->trail);
    }
    all->rows.size = n * sizeof(tn_suspect);
    return status;
}

static int by_path(tn_suspects *all, uint64_t least, tn_error *err)
{
    const tn_toplevel *t = &all->top;
    tn_arena arena;
    tn_buf names;
    tn__arena_init(&arena, all->alloc);
    tn__buf_init(&names, all->alloc);
    int status = name_old(all, &arena, &names, err);
    for (uint32_t id = 0; id < t->graph.n_objects && status == TN_OK; id++)
        if (t->tree->retained[id] >= least && tn__is_live_top(all, t, id))
            status = tn__suspect_add(all, NULL, id, err);
    if (status == TN_OK)
        status = drop_not_grown(all, &arena, &names, least, err);
    tn__buf_free(&names);
    tn__arena_free(&arena);
    return status;
}

/* ---- both ---- */

int tn__suspects_growth(tn_suspects *all, tn_snapshot *against, tn_error *err)
{
    tn_diff *diff;
    tn_diff_info info;
    TN_TRY(tn__toplevel_make(against, all->top.fold, &all->old, err));
    TN_TRY(tn_diff_open(against, all->top.snapshot, NULL, &diff, err));
    tn_diff_about(diff, &info);
    all->same_process = info.same_process;
    uint64_t least = all->top.bytes / 100 * LEAST_PERCENT;
    least = least ? least : 1;
    int status = info.same_process ? by_object(all, diff, least, err) : by_path(all, least, err);
    tn_diff_close(diff);
    TN_TRY(status);
    return tn__suspects_types(all, least, err);
}
