/* flame_page.c - tonnage flame: which tree, and what its frames are called. */
#include "view/flame_page.h"

#include "view/cpu_page.h"

#include <string.h>

const char *tn__flame_unit(const tn_flame *f)
{
    switch (f->options.what) {
    case TN_FLAME_COUNT: return "blocks";
    case TN_FLAME_CPU: return tn__cpu_unit(&f->cpu);
    default: return "bytes";
    }
}

static int keep_label(tn_flame_page *p, uint32_t group, const char **label, tn_error *err)
{
    tn_buf text;
    tn__buf_init(&text, p->flame.alloc);
    uint32_t entry = tn__flame_example(&p->flame, group);
    int status = p->flame.options.by == TN_SITES_LINE
                     ? tn__site_text(p->snapshot, entry, &text, err)
                     : tn__site_label(p->flame.keys, p->flame.keys->group_of[entry], &text, err);
    if (status == TN_OK) {
        *label = tn__arena_text(&p->labels, (const char *)text.data, text.size - 1);
        status = *label ? TN_OK : tn__no_memory(p->snapshot, err);
    }
    tn__buf_free(&text);
    return status;
}

static int add_frame(tn_flame_page *p, uint32_t group, tn_error *err)
{
    tn_flame_frame frame = {0};
    enum tn_sites_by by = p->flame.options.by;
    tn_stack_entry e = tn__site_lost;
    uint32_t entry = tn__flame_example(&p->flame, group);
    TN_TRY(keep_label(p, group, &frame.label, err));
    if (by <= TN_SITES_FUNCTION) {
        if (entry)
            TN_TRY(tn__snapshot_stack(p->snapshot, entry, &e, err));
        frame.file = tn__site_file(&e);
        frame.function = by != TN_SITES_FILE ? e.qualified_name : NULL;
        frame.line = by == TN_SITES_LINE ? e.line : 0;
    }
    if (tn__buf_append(&p->frames, &frame, sizeof frame) < 0)
        return tn__no_memory(p->snapshot, err);
    p->frame_of[group] = (uint32_t)(p->frames.size / sizeof frame);
    return TN_OK;
}

static int name_frames(tn_flame_page *p, tn_error *err)
{
    p->frame_of = tn__alloc_zero(p->flame.alloc, p->flame.n_groups * sizeof *p->frame_of);
    if (!p->frame_of)
        return tn__no_memory(p->snapshot, err);
    for (uint32_t i = 0; i < tn__flame_n_nodes(&p->flame); i++) {
        uint32_t group = tn__flame_node(&p->flame, i)->group;
        if (!p->frame_of[group])
            TN_TRY(add_frame(p, group, err));
    }
    return TN_OK;
}

static int make(tn_flame_page *p, const tn_flame_options *asked, tn_error *err)
{
    tn_set *within = NULL;
    if ((p->o->where && *p->o->where) || p->o->set)
        TN_TRY(tn__set_selected(p->snapshot, &(tn_view_options){.where = p->o->where, .set = p->o->set}, &within, err));
    int status = tn__flame_make(p->snapshot, asked, within, &p->flame, err);
    tn_set_free(within);
    if (status == TN_OK)
        status = tn__flame_nodes(&p->flame, p->o->limit, err);
    return status == TN_OK ? name_frames(p, err) : status;
}

static void free_page(tn_flame_page *p)
{
    size_t bytes = p->frame_of ? p->flame.n_groups * sizeof *p->frame_of : 0;
    tn__free(tn__snapshot_alloc(p->snapshot), p->frame_of, bytes);
    tn__buf_free(&p->frames);
    tn__arena_free(&p->labels);
    if (p->flame.alloc)
        tn__flame_free(&p->flame);
}

int tn_view_flame(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_flame_page p = {.o = options, .snapshot = s};
    const tn_flame_options asked = options->flame ? *options->flame : (tn_flame_options){0};
    tn_out out;
    tn__arena_init(&p.labels, tn__snapshot_alloc(s));
    tn__buf_init(&p.frames, tn__snapshot_alloc(s));
    tn__out_init(&out, sink);
    int status = make(&p, &asked, err);
    if (status == TN_OK && options->form == TN_JSON)
        tn__flame_json(&p, &out);
    else if (status == TN_OK)
        status = tn__flame_text(&p, &out, err);
    free_page(&p);
    return status < 0 ? tn__memory_told(s, status, err) : tn__out_end(&out, err);
}
