/* profile.c - sites of a snapshot as rows of a stack and values. */
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

/* The number that stands for a key in the map, from 0; of a new one, item is appended. */
static int number_of(tn_map *map, uint64_t key, tn_buf *buf, const void *item, size_t bytes, uint32_t *out,
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
    p->escaped.size = 0;
    int status = tn__buf_escaped(&p->escaped, text);
    if (status == TN_OK)
        status = tn__strtab_add(&p->texts, (const char *)p->escaped.data, p->escaped.size, out);
    if (status == TN_ELIMIT)
        return tn__error_set(err, TN_ELIMIT, 0, "its names take more than 4 GiB");
    return status < 0 ? no_memory(err) : TN_OK;
}

static int function_of(tn_profile *p, uint64_t code, const tn_stack_entry *e, uint32_t *out, tn_error *err)
{
    tn_profile_function f = {.first_line = e->first_line};
    if ((*out = tn__map_get(&p->code_functions, code))) {
        --*out;
        return TN_OK;
    }
    TN_TRY(tn__profile_add_text(p, e->qualified_name, &f.name, err));
    TN_TRY(tn__profile_add_text(p, e->name, &f.plain_name, err));
    TN_TRY(tn__profile_add_text(p, e->file, &f.file, err));
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
    tn_profile_frame frame = {.line = e->line};
    tn_profile_node n = {.parent = parent, .depth = parent ? tn__profile_node(p, parent - 1)->depth + 1 : 1};
    TN_TRY(function_of(p, code, e, &frame.function, err));
    TN_TRY(number_of(&p->line_frames, (uint64_t)frame.function << 32 | e->line, &p->frames, &frame, sizeof frame,
                     &n.frame, err));
    TN_TRY(number_of(&p->steps, (uint64_t)parent << 32 | n.frame, &p->nodes, &n, sizeof n, node, err));
    p->depth = n.depth > p->depth ? n.depth : p->depth;
    return TN_OK;
}

/* What is not known to stand anywhere. */
static int add_lost(tn_profile *p, uint32_t *node, tn_error *err)
{
    return add_node(p, 0, &tn__site_lost, 0, node, err);
}

/* ---- rows ---- */

static void pick(const tn_site_row *site, enum tn_profile_of of, tn_profile_row *row)
{
    bool peak = of == TN_PROFILE_PEAK;
    row->bytes[0] = site->allocated_bytes;
    row->bytes[1] = peak ? site->at_peak_bytes : site->live_bytes;
    row->blocks[0] = site->allocated_count;
    row->blocks[1] = peak ? site->at_peak_count : site->live_count;
}

static bool is_empty(const tn_site_row *site, enum tn_profile_of of)
{
    tn_profile_row row = {0};
    pick(site, of, &row);
    return !row.bytes[0] && !row.bytes[1] && !(row.blocks[0] > 0) && !(row.blocks[1] > 0);
}

static int add_row(tn_profile *p, const tn_site_row *site, uint32_t node, bool by_domain, tn_error *err)
{
    const tn_profile_row fresh = {.node = node, .domain = by_domain ? site->domain : 0};
    tn_profile_row values;
    uint32_t at;
    TN_TRY(number_of(&p->row_of, (uint64_t)node << 32 | fresh.domain, &p->rows, &fresh, sizeof fresh, &at, err));
    tn_profile_row *row = (tn_profile_row *)(void *)p->rows.data + at;
    pick(site, p->of, &values);
    for (unsigned i = 0; i < 2; i++) {
        row->bytes[i] = (int64_t)((uint64_t)row->bytes[i] + (uint64_t)values.bytes[i]);
        row->blocks[i] += values.blocks[i];
    }
    return TN_OK;
}

/* The entries that sites stand on, marked in nodes; entries come after their parents, and so do nodes. */
static int make_nodes(tn_profile *p, tn_snapshot *s, uint32_t *nodes, uint32_t n, tn_error *err)
{
    tn_stack_entry e;
    for (uint32_t i = 1; i <= n; i++) {
        if (!nodes[i])
            continue;
        uint32_t node;
        TN_TRY(tn__snapshot_stack(s, i, &e, err));
        TN_TRY(add_node(p, 1 + (uint64_t)e.code, &e, e.parent ? nodes[e.parent] : 0, &node, err));
        nodes[i] = node + 1;
    }
    return TN_OK;
}

static int mark(tn_snapshot *s, uint32_t entry, uint32_t *nodes, tn_error *err)
{
    tn_stack_entry e;
    for (; entry && !nodes[entry]; entry = e.parent) {
        TN_TRY(tn__snapshot_stack(s, entry, &e, err));
        nodes[entry] = 1;
    }
    return TN_OK;
}

static int make_rows(tn_profile *p, tn_snapshot *s, const tn_site_row *sites, uint32_t n, uint32_t *nodes,
                     uint32_t n_entries, bool by_domain, tn_error *err)
{
    for (uint32_t i = 0; i < n; i++)
        if (!is_empty(&sites[i], p->of))
            TN_TRY(mark(s, sites[i].stack, nodes, err));
    TN_TRY(make_nodes(p, s, nodes, n_entries, err));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t node;
        if (is_empty(&sites[i], p->of))
            continue;
        if (sites[i].stack)
            node = nodes[sites[i].stack] - 1;
        else
            TN_TRY(add_lost(p, &node, err));
        TN_TRY(add_row(p, &sites[i], node, by_domain, err));
    }
    return TN_OK;
}

static void start(tn_profile *p, const tn_alloc *a, enum tn_profile_of of)
{
    *p = (tn_profile){.alloc = a, .of = of, .period_bytes = 1};
    tn_map *maps[] = {&p->code_functions, &p->line_frames, &p->steps, &p->row_of};
    tn_buf *bufs[] = {&p->frames, &p->nodes, &p->rows, &p->escaped};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        maps[i]->alloc = a;
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        tn__buf_init(bufs[i], a);
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

static int make(tn_profile *p, tn_snapshot *s, const tn_site_row *sites, uint32_t n, bool by_domain, tn_error *err)
{
    uint32_t n_entries = 0, empty;
    if (tn__strtab_init(&p->texts, p->alloc) < 0 || tn__strtab_init(&p->functions, p->alloc) < 0)
        return no_memory(err);
    TN_TRY(tn__profile_add_text(p, "", &empty, err));
    for (uint32_t i = 0; i < n; i++)
        n_entries = sites[i].stack > n_entries ? sites[i].stack : n_entries;
    size_t bytes = ((size_t)n_entries + 1) * sizeof(uint32_t);
    uint32_t *nodes = tn__alloc_zero(p->alloc, bytes);
    if (!nodes)
        return no_memory(err);
    int status = make_rows(p, s, sites, n, nodes, n_entries, by_domain, err);
    tn__free(p->alloc, nodes, bytes);
    TN_TRY(status);
    p->n_frames = p->line_frames.n;
    p->n_rows = p->row_of.n;
    TN_TRY(check_frames(p, err));
    p->path = tn__alloc(p->alloc, p->depth * sizeof *p->path);
    return p->path ? TN_OK : no_memory(err);
}

int tn__profile_make(tn_snapshot *s, enum tn_profile_of of, bool by_domain, tn_profile *p, tn_error *err)
{
    const tn_site_row *sites;
    uint32_t n;
    start(p, tn__snapshot_alloc(s), of);
    p->live_only = tn__sites_live_only(s);
    if (of != TN_PROFILE_LIVE)
        TN_TRY(tn__sites_all_told(s, of == TN_PROFILE_PEAK ? "the peak" : "what was allocated", err));
    sites = tn__snapshot_sites(s, &n);
    if (!n)
        return tn__error_set(err, TN_EINVAL, 0, "the snapshot has no allocations: nothing was traced");
    tn__fact_u64(s, "trace.interval_bytes", &p->period_bytes);
    return make(p, s, sites, n, by_domain, err);
}

void tn__profile_free(tn_profile *p)
{
    tn_map *maps[] = {&p->code_functions, &p->line_frames, &p->steps, &p->row_of};
    tn_buf *bufs[] = {&p->frames, &p->nodes, &p->rows, &p->escaped};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        tn__map_free(maps[i]);
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        tn__buf_free(bufs[i]);
    tn__strtab_free(&p->texts);
    tn__strtab_free(&p->functions);
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

int64_t tn__profile_value(const tn_profile_row *row, unsigned value)
{
    double blocks = row->blocks[value / 2];
    if (value % 2)
        return row->bytes[value / 2];
    if (!(blocks > 0))
        return 0;
    return blocks < 9e18 ? (int64_t)(blocks + 0.5) : INT64_MAX;
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

uint64_t tn__profile_frame_bytes(const tn_profile *p, uint32_t frame)
{
    enum { REST = 12 };
    const tn_profile_function *f = tn__profile_function(p, tn__profile_frame(p, frame)->function);
    size_t name, file;
    tn__profile_text(p, f->name, &name);
    tn__profile_text(p, f->file, &file);
    return (uint64_t)name + file + REST;
}

int tn__profile_fits(uint64_t bytes, tn_error *err)
{
    if (bytes > TN_PROFILE_MOST_BYTES)
        return tn__error_set(err, TN_ELIMIT, 0, "its names take more than %llu GiB as text; pprof has each name once",
                             TN_PROFILE_MOST_BYTES >> 30);
    return TN_OK;
}

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
