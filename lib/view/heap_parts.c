/* heap_parts.c - what the root retains is more than all objects take: tables of keys that dicts share are no objects. Said
 * where such a total stands, so that it can be reconciled with that of summary and groups.
 */
#include "view/heap_parts.h"

#include "analysis/dominators.h"

int tn__heap_parts(tn_snapshot *s, tn_heap *out, tn_error *err)
{
    const tn_set *all;
    const tn_dominators *d;
    TN_TRY(tn__set_of_all(s, &all, err));
    TN_TRY(tn__dominators(s, &d, err));
    TN_TRY(tn_set_bytes(s, all, &out->objects, err));
    out->bytes = d->retained[d->root];
    return TN_OK;
}

void tn__heap_print(const tn_heap *heap, const tn_view_options *o, tn_out *out)
{
    char keys[24], all[24];
    if (heap->bytes <= heap->objects)
        return;
    tn__out_wrap(out, o->width);
    tn__out_format(out, "%s of %s are keys that dicts share, no objects: summary and groups leave them out\n",
                   tn_format_bytes(heap->bytes - heap->objects, keys, sizeof keys),
                   tn_format_bytes(heap->bytes, all, sizeof all));
    tn__out_unwrap(out);
}

void tn__heap_json(const tn_heap *heap, tn_json *j)
{
    tn__json_open(j, "heap", '{');
    tn__json_u64(j, "size", heap->bytes);
    tn__json_u64(j, "objects", heap->objects);
    tn__json_u64(j, "shared_keys", heap->bytes - heap->objects);
    tn__json_close(j, '}');
}
