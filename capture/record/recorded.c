/* recorded.c - see recorded.h. */
#include "record/recorded.h"

#include "record/state.h"

void tn_recorded_now(tn_recorded *out)
{
    const tn_recorder *r = &tn__rec;
    *out = (tn_recorded){
        .mode = tn_get(&r->mode),
        .depth = r->options.depth,
        .interval_bytes = tn_get(&r->interval),
        .first_interval_bytes = r->options.interval_bytes,
        .traced_bytes = tn_get(&r->live) + tn_get(&r->live_apart),
        .peak_bytes = tn_get(&r->peak),
        .births = tn_get(&r->births),
        .peak_birth = tn_get(&r->peak_birth),
        .started_births = tn_get(&r->started_births),
        .n_codes = tn_get_acquire(&r->codes.count),
        .n_stacks = tn_get_acquire(&r->nodes.count),
        .n_sites = tn_get_acquire(&r->sites.count),
    };
}

bool tn_recorded_code_at(uint32_t id, tn_recorded_code *out)
{
    if (id == 0 || id >= tn_get_acquire(&tn__rec.codes.count))
        return false;
    const tn_code_row *row = tn__code_at(id);
    *out = (tn_recorded_code){row->facts, row->pseudo};
    return true;
}

bool tn_recorded_stack_at(uint32_t id, tn_recorded_stack *out)
{
    if (id == 0 || id >= tn_get_acquire(&tn__rec.nodes.count))
        return false;
    const tn_call_row *node = tn__node_at(id);
    *out = (tn_recorded_stack){node->parent, node->code, node->instruction};
    return true;
}

/* ---- sites ---- */

static double counted(int64_t units)
{
    return (double)units / TN_COUNT_ONE;
}

static int64_t at_least_0(int64_t n)
{
    return n > 0 ? n : 0;
}

static void fill_domain(uint32_t domain, tn_recorded_site *out)
{
    uint32_t index = domain & (TN_DOMAIN_APART - 1);
    out->tracked = index >= TN_DOMAIN_TRACKED;
    out->domain_number = !out->tracked             ? index
                         : index == TN_DOMAINS - 1 ? UINT32_MAX
                                                   : tn__rec.domains[index - TN_DOMAIN_TRACKED];
}

bool tn_recorded_site_at(uint32_t id, tn_recorded_site *out)
{
    const tn_recorder *r = &tn__rec;
    if (id == 0 || id >= tn_get_acquire(&r->sites.count))
        return false;
    const tn_site *s = tn__site_at(id);
    const tn_sums *y = tn__sums_at(id);
    bool saved = tn_get(&y->epoch) == tn_get(&r->epoch);
    *out = (tn_recorded_site){
        .stack = s->stack,
        .live_bytes = at_least_0(tn_get(&y->live_bytes)),
        .allocated_bytes = tn_get(&y->allocated_bytes),
        .temporary_bytes = tn_get(&s->temporary_bytes),
        .peak_bytes = tn_get(&y->peak_bytes),
        .at_peak_bytes = at_least_0(saved ? tn_get(&y->at_peak_bytes) : tn_get(&y->live_bytes)),
        .live_count = counted(at_least_0(tn_get(&y->live_count))),
        .allocated_count = counted(tn_get(&y->allocated_count)),
        .temporary_count = counted(tn_get(&s->temporary_count)),
        .at_peak_count = counted(at_least_0(saved ? tn_get(&y->at_peak_count) : tn_get(&y->live_count))),
    };
    fill_domain(s->domain, out);
    return true;
}

/* ---- blocks ---- */

static tn_recorded_block from_row(const tn_block_row *b)
{
    return (tn_recorded_block){
        .address = b->key & ((1ull << 57) - 1),
        .bytes = b->bytes,
        .birth = tn__birth_number(b->birth),
        .site = b->site,
        .stack = tn__site_at(b->site)->stack,
        .weight = tn__weight(b->bytes, b->interval),
        .interval_bytes = (double)b->interval,
    };
}

typedef struct visitor {
    bool (*visit)(void *ctx, const tn_recorded_block *block);
    void *ctx;
    bool on;
} visitor;

static bool visit_row(void *ctx, const tn_block_row *b)
{
    visitor *v = ctx;
    tn_recorded_block block = from_row(b);
    return v->visit(v->ctx, &block);
}

/* Those whose size is in the table of blocks come with it. A thread apart may have put a block by a site not seen here yet. */
static bool visit_word(void *ctx, uint64_t address, uint64_t bytes, uint64_t birth, uint32_t site)
{
    visitor *v = ctx;
    if (bytes == UINT64_MAX || site >= tn_get_acquire(&tn__rec.sites.count))
        return true;
    const tn_recorded_block block = {.address = address,
                                     .bytes = bytes,
                                     .birth = tn__birth_number(birth),
                                     .site = site,
                                     .stack = tn__site_at(site)->stack,
                                     .weight = 1};
    return v->on = v->visit(v->ctx, &block);
}

void tn_recorded_blocks(bool (*visit)(void *ctx, const tn_recorded_block *block), void *ctx)
{
    visitor v = {visit, ctx, true};
    tn__shadow_each(visit_word, &v);
    if (v.on)
        tn__rows_each(visit_row, &v);
}

bool tn_recorded_block_at(uint64_t address, tn_recorded_block *out)
{
    tn_block_row b = {.key = address};
    bool slot = tn__shadow_find(address, &b.bytes, &b.birth, &b.site);
    if (!slot || b.bytes == UINT64_MAX) {
        if (!tn_sampled_maybe(address) || !tn__rows_find(address, &b))
            return false;
    }
    *out = from_row(&b);
    return true;
}

/* ---- what it costs ---- */

void tn_recorded_cost_now(tn_recorded_cost *out)
{
    int map = tn__pages_open_map();
    *out = (tn_recorded_cost){.resident_bytes = tn__pages_resident(map) + tn__shadow_resident(map)};
    tn__pages_close_map(map);
    for (unsigned i = 0; i < TN_DROPS; i++)
        out->dropped[i] = tn_get(&tn__rec.dropped[i]);
    for (unsigned i = 0; i < TN_PARTS; i++)
        out->mapped_bytes[i] = tn__pages_mapped(i);
    double ns[TN_COSTS] = {0};
    for (const tn_tracer *t = tn_get_acquire(&tn__rec.tracers); t; t = t->next) {
        out->n_threads++;
        for (unsigned i = 0; i < TN_COSTS; i++) {
            uint64_t calls = tn_cost_calls(t, i), timed = tn_get(&t->timed[i]);
            out->calls[i] += calls;
            ns[i] += timed ? (double)tn_get(&t->ns[i]) * ((double)calls / (double)timed) : 0;
        }
    }
    for (unsigned i = 0; i < TN_COSTS; i++)
        out->ns[i] = (uint64_t)ns[i];
}
