/* flame_json.c - trees of stacks as docs/view-json.md specifies them. */
#include "view/flame_page.h"
#include "view/site_page.h"

#include <math.h>

static void sum_json(const tn_flame *f, tn_json *j, const tn_flame_sum *sum)
{
    bool certain = f->options.what == TN_FLAME_CPU && sum == &f->all; /* all of it is all of it */
    tn_interval range;
    tn__json_u64(j, "total", tn__site_whole(sum->weight + 0.5));
    tn__json_u64(j, "count", tn__site_count(sum->count));
    if (!certain && tn__flame_interval(f, sum, &range)) {
        tn__json_u64(j, "low", tn__site_whole(floor(range.low)));
        tn__json_u64(j, "high", tn__site_whole(ceil(range.high)));
    }
}

static void node_json(const tn_flame_page *p, tn_json *j, const tn_flame_node *node)
{
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    if (node->parent)
        tn__json_u64(j, "parent", node->parent - 1);
    else
        tn__json_null(j, "parent");
    tn__json_u64(j, "frame", p->frame_of[node->group] - 1);
    tn__json_u64(j, "own", tn__site_whole(node->own.weight + 0.5));
    sum_json(&p->flame, j, &node->total);
    tn__json_u64(j, "more", node->more);
    tn__json_close(j, '}');
}

static void frame_json(tn_json *j, const tn_flame_frame *frame)
{
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_string(j, "name", frame->label);
    tn__json_string(j, "file", frame->file);
    if (frame->line)
        tn__json_u64(j, "line", frame->line);
    else
        tn__json_null(j, "line");
    tn__json_string(j, "function", frame->function);
    tn__json_close(j, '}');
}

static void asked_json(const tn_flame_page *p, tn_json *j)
{
    const tn_flame *f = &p->flame;
    const tn_flame_options *o = &f->options;
    tn__json_string(j, "what", tn_flame_what_names[o->what]);
    tn__json_open(j, "whats", '[');
    for (int what = TN_FLAME_LIVE; what < TN_FLAME_WHATS; what++)
        if (tn__flame_tells(p->snapshot, (enum tn_flame_what)what))
            tn__json_string(j, NULL, tn_flame_what_names[what]);
    tn__json_close(j, ']');
    tn__json_string(j, "by", tn_sites_by_names[o->by]);
    tn__json_bool(j, "inverted", o->inverted);
    tn__json_string(j, "where", p->o->where);
    if (o->born_last) {
        tn__json_open(j, "born", '[');
        tn__json_u64(j, NULL, o->born_first);
        tn__json_u64(j, NULL, o->born_last);
        tn__json_close(j, ']');
    } else {
        tn__json_null(j, "born");
    }
    tn__json_string(j, "unit", tn__flame_unit(f));
    if (o->what != TN_FLAME_CPU && f->sites.sampled)
        tn__json_u64(j, "interval_bytes", tn__site_whole(f->sites.interval_bytes + 0.5));
    else
        tn__json_null(j, "interval_bytes");
}

void tn__flame_json(tn_flame_page *p, tn_out *out)
{
    tn_json j;
    size_t n_frames = p->frames.size / sizeof(tn_flame_frame);
    tn__json_start(&j, out, "flame");
    asked_json(p, &j);
    tn__json_open(&j, "total", '{');
    sum_json(&p->flame, &j, &p->flame.all);
    tn__json_close(&j, '}');
    tn__json_open(&j, "frames", '[');
    for (size_t i = 0; i < n_frames; i++)
        frame_json(&j, (const tn_flame_frame *)(const void *)p->frames.data + i);
    tn__json_close(&j, ']');
    tn__json_open(&j, "nodes", '[');
    for (uint32_t i = 0; i < tn__flame_n_nodes(&p->flame); i++)
        node_json(p, &j, tn__flame_node(&p->flame, i));
    tn__json_close(&j, ']');
    tn__json_u64(&j, "more", p->flame.n_more);
    tn__info_json(&j, p->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
}
