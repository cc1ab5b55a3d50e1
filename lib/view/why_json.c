/* why_json.c - why as docs/view-json.md specifies it. */
#include "view/made_at.h"
#include "view/why_page.h"

static void cut_json(tn_say *w, tn_json *j, const char *key, const tn_why *why, uint32_t steps, const tn_way *way)
{
    if (!steps) {
        tn__json_null(j, key);
        return;
    }
    tn__json_open(j, key, '{');
    tn__path_json(w, j, why->trail.steps, steps);
    tn__json_u64(j, "count", way->count);
    tn__json_u64(j, "size", way->bytes);
    tn__json_close(j, '}');
}

static void ways_json(tn_say *w, tn_json *j, const tn_why *why)
{
    if (why->held == TN_NONE) {
        tn__json_null(j, "together");
        return;
    }
    tn__json_open(j, "together", '{');
    tn__json_hex(j, "address", tn__say_address(w, why->held));
    tn__json_u64(j, "references", why->n_ways);
    tn__json_u64(j, "garbage_references", why->garbage_ways);
    tn__json_u64(j, "count", why->top->tree->counts[why->held]);
    tn__json_u64(j, "size", why->top->tree->retained[why->held]);
    tn__json_open(j, "paths", '[');
    for (uint32_t i = 0; i < why->n_told; i++) {
        tn_buf steps;
        tn__buf_init(&steps, w->top->alloc);
        tn__json_open(j, NULL, '{');
        bool known = tn__way_steps(&why->ways[i], &steps, w->err) == TN_OK;
        tn__path_json(w, j, (const tn_reference *)(const void *)steps.data,
                      known ? (uint32_t)(steps.size / sizeof(tn_reference)) : 0);
        tn__json_close(j, '}');
        tn__buf_free(&steps);
    }
    tn__json_close(j, ']');
    tn__json_close(j, '}');
}

static void weighed_json(tn_json *j, const tn_set_holder *h)
{
    const char *const keys[] = {"selected", "count", "size"};
    const uint64_t values[] = {h->selected, h->count, h->bytes};
    for (size_t i = 0; i < 3; i++) {
        if (h->weighed)
            tn__json_u64(j, keys[i], values[i]);
        else
            tn__json_null(j, keys[i]);
    }
}

static void holders_json(tn_say *w, tn_json *j, const tn_why *why)
{
    tn__json_open(j, "holders", '[');
    for (uint32_t i = 0; i < why->n_holders; i++) {
        const tn_set_holder *h = &why->holders[i];
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "type", tn__type_name(w->snapshot, h->common.node));
        tn__json_hex(j, "address", tn__say_address(w, h->common.node));
        tn__path_json(w, j, h->trail.steps, h->trail.n);
        tn__json_u64(j, "sampled", h->common.sampled);
        tn__json_u64(j, "carried", h->common.carried);
        weighed_json(j, h);
        tn__json_u64(j, "alone", h->alone);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "holders_more", why->n_entries - (why->n_entries ? why->n_holders : 0));
}

static void object_json(tn_say *w, tn_json *j, const tn_why *why)
{
    static const char *const holds[] = {"references", "immortal", "static", "c", "unreachable"};
    tn__json_string(j, "type", tn__type_name(w->snapshot, why->node));
    tn__json_hex(j, "address", tn__say_address(w, why->node));
    int status = tn__birth_json(w->snapshot, why->node, j, w->err);
    if (status < 0 && w->status == TN_OK)
        w->status = status;
    tn__json_string(j, "hold", why->garbage ? "unreachable" : holds[why->hold]);
    tn__json_open(j, "references", '{');
    tn__json_u64(j, "holding", why->n_holding);
    tn__json_u64(j, "weak", why->n_weak);
    tn__json_u64(j, "weak_entries", why->n_weak_entries);
    tn__json_u64(j, "other", why->n_other);
    tn__json_close(j, '}');
    tn__trail_json(w, j, &why->trail);
    cut_json(w, j, "nearest", why, why->nearest, &why->near);
    cut_json(w, j, "widest", why, why->widest, &why->wide);
    ways_json(w, j, why);
}

void tn__why_json_start(tn_json *j, tn_out *out, const tn_view_options *o)
{
    tn__json_start(j, out, "why");
    tn__json_string(j, "where", o->where);
    tn__against_json(o, j);
    tn__json_string(j, "by", o->grouped ? tn_by_names[o->by] : NULL);
    tn__json_bool(j, "fold", o->fold);
}

void tn__why_json(const tn_why *why, tn_say *w, tn_json *j)
{
    tn__said_json(w, j, "text", tn__why_tell, why);
    tn__json_u64(j, "count", why->count);
    if (why->is_set)
        tn__json_u64(j, "size", why->bytes);
    tn__json_u64(j, "retained_count", why->retained_count);
    tn__json_u64(j, "retained", why->retained_bytes);
    tn__json_pct(j, "retained_pct", why->retained_bytes, why->top->bytes);
    tn__json_bool(j, "garbage", why->is_set ? why->all_garbage : why->garbage);
    if (why->is_set) {
        tn__json_u64(j, "garbage_count", why->waiting_count);
        tn__json_u64(j, "garbage_size", why->waiting_bytes);
    }
    holders_json(w, j, why);
    if (why->node == TN_NONE) {
        tn__json_null(j, "object");
    } else {
        tn__json_open(j, "object", '{');
        object_json(w, j, why);
        tn__json_close(j, '}');
    }
}
