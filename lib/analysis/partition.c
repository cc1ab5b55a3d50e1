/* partition.c - which way of parting for which enum tn_by. */
#include "analysis/partition.h"

#include <string.h>

const char *const tn_by_names[TN_BYS] = {
    [TN_BY_TYPE] = "type",
    [TN_BY_SIZE] = "size",
    [TN_BY_MODULE] = "module",
    [TN_BY_CLODO] = "clodo",
    [TN_BY_SIZE_CLASS] = "sizeclass",
    [TN_BY_DISTRIBUTION] = "dist",
    [TN_BY_GENERATION] = "generation",
    [TN_BY_CONTENT] = "content",
    [TN_BY_SITE] = "site",
    [TN_BY_RCS] = "rcs",
    [TN_BY_VIA] = "via",
    [TN_BY_ROOT] = "root",
    [TN_BY_THREAD] = "thread",
    [TN_BY_FRAME] = "frame",
    [TN_BY_HEADS] = "heads",
    [TN_BY_ID] = "id",
    [TN_BY_PATH] = "path",
};

enum tn_way { BY_SHAPE, BY_NUMBER, BY_CLODO, BY_HOLDERS, BY_HEADS, BY_PLACES, BY_ITSELF };

static enum tn_way way_of(enum tn_by by)
{
    switch (by) {
    case TN_BY_TYPE:
    case TN_BY_MODULE:
    case TN_BY_DISTRIBUTION: return BY_SHAPE;
    case TN_BY_SIZE:
    case TN_BY_SIZE_CLASS:
    case TN_BY_GENERATION:
    case TN_BY_CONTENT:
    case TN_BY_SITE: return BY_NUMBER;
    case TN_BY_RCS:
    case TN_BY_VIA: return BY_HOLDERS;
    case TN_BY_CLODO: return BY_CLODO;
    case TN_BY_PATH: return BY_PLACES;
    case TN_BY_ID: return BY_ITSELF;
    default: return BY_HEADS;
    }
}

static int prepare(tn_partition *p, const tn_set *set, const tn_groups_options *o, tn_error *err)
{
    switch (way_of(p->by)) {
    case BY_SHAPE: return tn__partition_shapes(p, err);
    case BY_CLODO: return tn__partition_clodo(p, err);
    case BY_HEADS: return tn__partition_heads(p, o, err);
    case BY_HOLDERS: return tn__partition_holders(p, set, err);
    case BY_PLACES: return tn__partition_places(p, err);
    default: return TN_OK;
    }
}

int tn__partition_make(tn_snapshot *s, const tn_set *set, enum tn_by by, const tn_groups_options *o, tn_partition *out,
                       tn_error *err)
{
    if ((unsigned)by >= TN_BYS)
        return tn__error_set(err, TN_EINVAL, 0, "there is no way %u of parting objects", (unsigned)by);
    tn_partition p = {.snapshot = s, .alloc = tn__snapshot_alloc(s), .by = by};
    tn__arena_init(&p.arena, p.alloc);
    p.numbers.rows.alloc = p.alloc;
    tn__buf_init(&p.numbers.values, p.alloc);
    tn__buf_init(&p.numbers.examples, p.alloc);
    tn__buf_init(&p.threads, p.alloc);
    int status = prepare(&p, set, o, err);
    if (status < 0)
        tn__partition_free(&p);
    else
        *out = p;
    return status;
}

void tn__partition_free(tn_partition *p)
{
    tn__free(p->alloc, p->by_object, tn_snapshot_n_nodes(p->snapshot) * sizeof *p->by_object);
    tn__partition_holders_free(p);
    tn__map_free(&p->numbers.rows);
    tn__buf_free(&p->numbers.values);
    tn__buf_free(&p->numbers.examples);
    tn__buf_free(&p->threads);
    tn__arena_free(&p->arena);
}

void tn__partition_rewind(tn_partition *p)
{
    p->numbers.at = 0;
}

int tn__partition_rows(tn_partition *p, const tn_scan *scan, uint32_t *rows, tn_error *err)
{
    if (way_of(p->by) == BY_NUMBER)
        return tn__partition_number_rows(p, scan, rows, err);
    if (p->places)
        return tn__partition_place_rows(p, scan, rows);
    for (uint32_t i = 0; i < scan->n; i++)
        rows[i] = p->by_shape ? p->by_shape[scan->shape[i]] : scan->first + i;
    for (uint32_t i = 0; p->by_object && i < scan->n; i++)
        rows[i] = p->by_object[scan->first + i] != TN_NONE ? p->by_object[scan->first + i] : rows[i];
    return TN_OK;
}

int tn__partition_brief(tn_partition *p, uint32_t id, tn_buf *out, tn_error *err)
{
    char text[512], preview[256];
    tn_node node;
    tn_type type;
    TN_TRY(tn_node_get(p->snapshot, id, &node, err));
    TN_TRY(tn_snapshot_type(p->snapshot, node.type, &type));
    int n = tn_node_preview(p->snapshot, id, preview, sizeof preview, err);
    TN_TRY(n);
    if (n > 0)
        tn__compose(text, sizeof text, "%s: %s", type.full_name, preview);
    else
        tn__compose(text, sizeof text, "%s: 0x%llx", type.full_name, (unsigned long long)node.address);
    return tn__buf_append(out, text, strlen(text) + 1) < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
}

int tn__partition_label(tn_partition *p, uint32_t row, uint32_t largest_id, tn_buf *out, tn_error *err)
{
    if (row < p->n_names)
        return tn__buf_append(out, p->names[row], strlen(p->names[row]) + 1) < 0
                   ? tn__error_set(err, TN_ENOMEM, 0, "out of memory")
                   : TN_OK;
    switch (way_of(p->by)) {
    case BY_NUMBER: return tn__partition_number_label(p, row, largest_id, out, err);
    case BY_HOLDERS: return tn__partition_holders_label(p, row, out, err);
    case BY_HEADS: return tn__partition_heads_label(p, row, out, err);
    case BY_PLACES: return tn__partition_place_label(p, row, out, err);
    default: return tn__partition_brief(p, row, out, err);
    }
}
