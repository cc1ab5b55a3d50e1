/* sites.c - sites: a stack and a domain, and what they have allocated.
 *
 * The picture at the high-water mark costs no pass over the sites: a new mark only gets a new number (epoch), and a site
 * whose sums change for the first time since then keeps what they were (tn__tally in state.h).
 */
#include "record/state.h"

#include <string.h>

static uint32_t find(const tn_call_row *node, unsigned domain)
{
    uint32_t id = tn_get_acquire(&node->site);
    while (id && tn__site_at(id)->domain != domain)
        id = tn__site_at(id)->next;
    return id;
}

static uint32_t added(tn_call_row *node, uint32_t stack, unsigned domain)
{
    tn_recorder *r = &tn__rec;
    uint32_t id;
    tn_site *s = tn__segments_add(&r->sites, TN_PART_SITES, SITE_SHIFT, sizeof *s, &id);
    if (!s || !tn__segments_add(&r->tallies, TN_PART_SITES, SITE_SHIFT, sizeof(tn_sums), &id))
        return 0;
    s->stack = stack;
    s->domain = domain;
    s->next = node->site;
    tn_set(&r->tallies.count, id + 1);
    tn_set_release(&r->sites.count, id + 1);
    tn_set_release(&node->site, id);
    return id;
}

uint32_t tn__site(uint32_t stack, unsigned domain)
{
    tn_call_row *node = tn__node_at(stack);
    uint32_t id = find(node, domain);
    if (id)
        return id;
    tn__spin_lock(&tn__rec.intern);
    id = find(node, domain);
    if (!id)
        id = added(node, stack, domain);
    tn__spin_unlock(&tn__rec.intern);
    if (id)
        return id;
    tn__drop(TN_DROP_SITE);
    return tn__is_apart(domain) ? LOST_SITE + 1 : LOST_SITE;
}

static unsigned domain_index(uint32_t number)
{
    tn_recorder *r = &tn__rec;
    unsigned i = 0, most = TN_DOMAINS - 1 - TN_DOMAIN_TRACKED;
    tn__spin_lock(&r->intern);
    while (i < r->n_domains && r->domains[i] != number)
        i++;
    if (i == r->n_domains && i < most) {
        r->domains[i] = number;
        tn_set_release(&r->n_domains, i + 1);
    }
    tn__spin_unlock(&r->intern);
    return TN_DOMAIN_TRACKED + i;
}

unsigned tn_record_domain(uint32_t number)
{
    tn_tracer *t = tn__tracer ? tn__tracer : tn__tracer_make();
    if (!t || !tn__apart_enter(t))
        return TN_DOMAINS - 1;
    unsigned index = tn_record_mode() == TN_RECORD_OFF ? TN_DOMAINS - 1 : domain_index(number);
    tn__apart_leave(t);
    return index;
}

/* Node 1 is <lost>, with a site for each side. The sampler may have made it. */
bool tn__sites_start(void)
{
    return tn__node(0, TN_FRAME_LOST, 0) == LOST_NODE && tn__site(LOST_NODE, TN_DOMAIN_OBJ) == LOST_SITE &&
           tn__site(LOST_NODE, TN_DOMAIN_RAW) == LOST_SITE + 1;
}

void tn__stacks_free(void)
{
    tn_recorder *r = &tn__rec;
    tn__pages_put_all(TN_PART_STACKS);
    tn__pages_put_all(TN_PART_SITES);
    r->node_index = (tn_index){0};
    memset(&r->nodes, 0, sizeof r->nodes);
    memset(&r->sites, 0, sizeof r->sites);
    memset(&r->tallies, 0, sizeof r->tallies);
}

void tn__sites_free(void)
{
    tn_recorder *r = &tn__rec;
    tn__pages_put_all(TN_PART_SITES);
    memset(&r->sites, 0, sizeof r->sites);
    memset(&r->tallies, 0, sizeof r->tallies);
    for (uint32_t id = 1; id < r->nodes.count; id++)
        tn__node_at(id)->site = 0;
}

void tn__sites_clear(void)
{
    for (uint32_t id = 1; id < tn__rec.sites.count; id++) {
        *tn__sums_at(id) = (tn_sums){0};
        tn__site_at(id)->temporary_bytes = tn__site_at(id)->temporary_count = 0;
    }
}

void tn__sites_reset_peak(void)
{
    for (uint32_t id = 1; id < tn__rec.sites.count; id++)
        tn__sums_at(id)->peak_bytes = tn__sums_at(id)->live_bytes;
}

/* The picture of the high-water mark stays: what is not in it yet is put there. */
void tn__sites_forget_live(void)
{
    tn_recorder *r = &tn__rec;
    uint64_t epoch = r->epoch;
    for (uint32_t id = 1; id < r->sites.count; id++) {
        tn_sums *y = tn__sums_at(id);
        if (y->epoch != epoch) {
            y->at_peak_bytes = y->live_bytes;
            y->at_peak_count = y->live_count;
            y->epoch = epoch;
        }
        y->live_bytes = y->live_count = 0;
    }
    r->live = r->live_apart = 0;
}
