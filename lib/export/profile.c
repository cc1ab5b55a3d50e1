/* profile.c - stacks of a snapshot as functions, frames and nodes, and what is asked of them. */
#include "export/profile.h"

#include "analysis/sites.h"

#include <stdio.h>
#include <string.h>

enum { MOST_FRAMES = 1 << 30 };

static int no_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

/* ---- functions, frames and nodes ---- */

int tn__profile_number(tn_map *map, uint64_t key, tn_buf *buf, const void *item, size_t bytes, uint32_t *out,
                       tn_error *err)
{
    uint32_t *value;
    TN_TRY(tn__map_slot(map, key, &value, err));
    if (!*value) {
        if (tn__buf_append(buf, item, bytes) < 0)
            return no_memory(err);
        *value = map->n;
    }
    *out = *value - 1;
    return TN_OK;
}

int tn__profile_add_text(tn_profile *p, const char *text, uint32_t *out, tn_error *err)
{
    p->written.size = 0;
    int status =
        p->names == TN_PROFILE_REPRS && *text ? tn__buf_quoted(&p->written, text) : tn__buf_escaped(&p->written, text);
    if (status == TN_OK)
        status = tn__strtab_add(&p->texts, (const char *)p->written.data, p->written.size, out);
    if (status == TN_ELIMIT)
        return tn__error_set(err, TN_ELIMIT, 0, "its names take more than 4 GiB");
    return status < 0 ? no_memory(err) : TN_OK;
}

int tn__profile_word(tn_profile *p, const char *string, uint32_t *out, tn_error *err)
{
    uint64_t address = (uintptr_t)string;
    uint32_t *known;
    if ((*out = tn__map_get(&p->words, address))) {
        --*out;
        return TN_OK;
    }
    TN_TRY(tn__profile_add_text(p, string, out, err));
    TN_TRY(tn__map_slot(&p->words, address, &known, err));
    *known = *out + 1;
    return TN_OK;
}

static int function_of(tn_profile *p, uint64_t code, const tn_stack_entry *e, uint32_t *out, tn_error *err)
{
    tn_profile_function f = {.first_line = e->first_line};
    if ((*out = tn__map_get(&p->code_functions, code))) {
        --*out;
        return TN_OK;
    }
    const bool plain = p->names == TN_PROFILE_REPRS, both = p->names == TN_PROFILE_LINES;
    const char *nowhere = p->names == TN_PROFILE_FUNCTIONS ? "~" : "";
    TN_TRY(tn__profile_word(p, plain ? e->name : e->qualified_name, &f.name, err));
    TN_TRY(tn__profile_word(p, both ? e->name : "", &f.plain_name, err));
    TN_TRY(tn__profile_word(p, *e->file ? e->file : nowhere, &f.file, err));
    uint32_t *known;
    if (tn__strtab_add(&p->functions, (const char *)&f, sizeof f, out) < 0)
        return no_memory(err);
    TN_TRY(tn__map_slot(&p->code_functions, code, &known, err));
    *known = *out + 1;
    return TN_OK;
}

static int add_node(tn_profile *p, uint64_t code, const tn_stack_entry *e, uint32_t parent, uint32_t *node,
                    tn_error *err)
{
    tn_profile_frame frame = {.line = p->names == TN_PROFILE_LINES ? e->line : 0};
    tn_profile_node n = {.parent = parent, .depth = parent ? tn__profile_node(p, parent - 1)->depth + 1 : 1};
    TN_TRY(function_of(p, code, e, &frame.function, err));
    TN_TRY(tn__profile_number(&p->line_frames, (uint64_t)frame.function << 32 | frame.line, &p->frames, &frame,
                              sizeof frame, &n.frame, err));
    TN_TRY(tn__profile_number(&p->steps, (uint64_t)parent << 32 | n.frame, &p->nodes, &n, sizeof n, node, err));
    p->depth = n.depth > p->depth ? n.depth : p->depth;
    return TN_OK;
}

/* Entries come after their parents, and so do nodes. */
int tn__profile_nodes(tn_profile *p, tn_snapshot *s, uint32_t *nodes, uint32_t n, tn_error *err)
{
    tn_stack_entry e;
    for (uint32_t i = n; i > 0; i--)
        if (nodes[i]) {
            TN_TRY(tn__snapshot_stack(s, i, &e, err));
            nodes[e.parent] = 1;
        }
    nodes[0] = 0;
    for (uint32_t i = 1; i <= n; i++) {
        if (!nodes[i])
            continue;
        uint32_t node;
        TN_TRY(tn__snapshot_stack(s, i, &e, err));
        TN_TRY(add_node(p, 1 + (uint64_t)e.code, &e, nodes[e.parent], &node, err));
        nodes[i] = node + 1;
    }
    return TN_OK;
}

int tn__profile_lost(tn_profile *p, uint32_t *node, tn_error *err)
{
    return add_node(p, 0, &tn__site_lost, 0, node, err);
}

/* ---- the whole ---- */

int tn__profile_begin(tn_profile *p, const tn_alloc *a, enum tn_profile_names names, tn_error *err)
{
    *p = (tn_profile){.alloc = a, .names = names};
    tn_map *maps[] = {&p->code_functions, &p->line_frames, &p->steps, &p->row_of, &p->words};
    tn_buf *bufs[] = {&p->frames, &p->nodes, &p->rows, &p->written};
    tn_strtab *tables[] = {&p->texts, &p->functions, &p->labels};
    uint32_t empty;
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        maps[i]->alloc = a;
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        tn__buf_init(bufs[i], a);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (tn__strtab_init(tables[i], a) < 0)
            return no_memory(err);
    return tn__profile_add_text(p, "", &empty, err);
}

/* A file of some megabytes can have stacks that fill a disk, each as deep as its call tree has entries. */
static int check_frames(const tn_profile *p, tn_error *err)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < p->n_rows; i++)
        n += tn__profile_node(p, tn__profile_row(p, i)->node)->depth;
    if (n > MOST_FRAMES)
        return tn__error_set(err, TN_ELIMIT, 0, "its stacks have %llu frames in all, and a profile at most %llu",
                             (unsigned long long)n, (unsigned long long)MOST_FRAMES);
    return TN_OK;
}

int tn__profile_end(tn_profile *p, tn_error *err)
{
    p->n_frames = p->line_frames.n;
    p->n_rows = p->row_of.n;
    TN_TRY(check_frames(p, err));
    p->path = tn__alloc(p->alloc, p->depth * sizeof *p->path);
    return p->path ? TN_OK : no_memory(err);
}

void tn__profile_free(tn_profile *p)
{
    tn_map *maps[] = {&p->code_functions, &p->line_frames, &p->steps, &p->row_of, &p->words};
    tn_buf *bufs[] = {&p->frames, &p->nodes, &p->rows, &p->written};
    tn_strtab *tables[] = {&p->texts, &p->functions, &p->labels};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        tn__map_free(maps[i]);
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        tn__buf_free(bufs[i]);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        tn__strtab_free(tables[i]);
    if (p->path)
        tn__free(p->alloc, p->path, p->depth * sizeof *p->path);
}

/* ---- what is asked of a row ---- */

uint32_t tn__profile_walk(const tn_profile *p, const tn_profile_row *row)
{
    uint32_t n = tn__profile_node(p, row->node)->depth;
    for (uint32_t i = n, node = row->node + 1; i-- > 0; node = tn__profile_node(p, node - 1)->parent)
        p->path[i] = tn__profile_node(p, node - 1)->frame;
    return n;
}

const char *tn__profile_domain(uint32_t domain, char *out, size_t cap)
{
    if (domain >> 31)
        snprintf(out, cap, "tracked %u", domain & INT32_MAX);
    else
        snprintf(out, cap, "%s", domain < TN_SITE_ALLOCATORS ? tn__site_domains[domain] : "unknown");
    return out;
}

const char *tn__profile_text(const tn_profile *p, uint32_t text, size_t *n)
{
    const uint32_t *starts = (const uint32_t *)(const void *)p->texts.offsets.data;
    *n = starts[text + 1] - starts[text];
    return (const char *)p->texts.bytes.data + starts[text];
}

/* ---- bytes that names take ---- */

static uint64_t frame_bytes(const tn_profile *p, uint32_t frame)
{
    enum { REST = 12 };
    const tn_profile_function *f = tn__profile_function(p, tn__profile_frame(p, frame)->function);
    size_t name, file;
    tn__profile_text(p, f->name, &name);
    tn__profile_text(p, f->file, &file);
    return (uint64_t)name + file + REST;
}

static int check_bytes(uint64_t bytes, tn_error *err)
{
    if (bytes > TN_PROFILE_MOST_BYTES)
        return tn__error_set(err, TN_ELIMIT, 0, "its names take more than %llu GiB as text; pprof has each name once",
                             TN_PROFILE_MOST_BYTES >> 30);
    return TN_OK;
}

int tn__profile_frames_fit(const tn_profile *p, tn_error *err)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < p->n_frames; i++)
        all += frame_bytes(p, i);
    return check_bytes(all, err);
}

int tn__profile_stacks_fit(const tn_profile *p, tn_error *err)
{
    uint32_t n = p->steps.n;
    uint64_t all = 0, *bytes = tn__alloc(p->alloc, n * sizeof *bytes); /* of the stack that ends with a node */
    if (!bytes)
        return no_memory(err);
    for (uint32_t i = 0; i < n; i++) {
        const tn_profile_node *node = tn__profile_node(p, i);
        bytes[i] = frame_bytes(p, node->frame) + (node->parent ? bytes[node->parent - 1] : 0);
    }
    for (uint32_t i = 0; i < p->n_rows && all <= TN_PROFILE_MOST_BYTES; i++)
        all += bytes[tn__profile_row(p, i)->node];
    tn__free(p->alloc, bytes, n * sizeof *bytes);
    return check_bytes(all, err);
}

/* ---- threads ---- */

uint32_t tn__profile_thread(const tn_profile *p, const tn_profile_row *row)
{
    static const char *const others[] = {"<native>", "<truncated>", "<lost>", "<tonnage>"};
    size_t n;
    tn__profile_walk(p, row);
    const tn_profile_function *f = tn__profile_function(p, tn__profile_frame(p, p->path[0])->function);
    const char *name = tn__profile_text(p, f->name, &n);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strlen(others[i]) == n && memcmp(name, others[i], n) == 0)
            return 0;
    return f->file ? 0 : f->name;
}
