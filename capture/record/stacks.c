/* stacks.c - the call tree: stacks as numbers.
 *
 * A node is (parent, code, byte offset of the instruction). A thread keeps the path of its stack, outermost frame first, with
 * the nodes: the next stack shares most of it as a rule, and only what differs is looked up, first among the steps that the
 * thread has made lately. Each frame of the path is compared each time, so that greenlets, generators and threads that change
 * stacks cannot make it wrong. An instruction's address tells frames apart while its code lives; when a code dies all nodes
 * of paths and all steps are void (code_generation).
 */
#include "record/state.h"

#include <string.h>

static uint32_t hash_node(const tn_call_row *n)
{
    uint64_t h = ((uint64_t)n->parent << 32 | n->code) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32 ^ n->instruction) * 0xd6e8feb86659fd93u;
    return (uint32_t)(h >> 32);
}

static bool is_node(uint32_t id, const void *key)
{
    const tn_call_row *a = tn__node_at(id), *b = key;
    return a->parent == b->parent && a->code == b->code && a->instruction == b->instruction;
}

static uint32_t added(const tn_call_row *key, uint32_t hash)
{
    tn_recorder *r = &tn__rec;
    uint32_t id;
    tn_call_row *node = tn__segments_add(&r->nodes, TN_PART_STACKS, NODE_SHIFT, sizeof *node, &id);
    if (!node)
        return 0;
    *node = *key;
    if (!tn__index_add(&r->node_index, TN_PART_STACKS, hash, id, NULL))
        return 0;
    tn_set_release(&r->nodes.count, id + 1);
    return id;
}

uint32_t tn__node(uint32_t parent, uint32_t code, uint32_t instruction)
{
    tn_recorder *r = &tn__rec;
    tn_call_row key = {parent, code, instruction, 0};
    uint32_t hash = hash_node(&key), id = tn__index_find(&r->node_index, hash, is_node, &key);
    if (id)
        return id;
    tn__spin_lock(&r->intern);
    id = tn__index_find(&r->node_index, hash, is_node, &key);
    if (!id)
        id = added(&key, hash);
    tn__spin_unlock(&r->intern);
    return id;
}

static uint32_t looked_up(uint32_t parent, const tn_walked *frame)
{
    uint32_t code = tn__code_known(frame->code);
    uint64_t offset = frame->code < TN_FRAME_PSEUDO ? 0 : frame->at - frame->code - tn__rec.options.code_offset;
    return tn__node(parent, code, offset <= UINT32_MAX ? (uint32_t)offset : 0);
}

/* A step that was not made lately. false: no memory. */
static __attribute__((noinline)) bool first_step(tn_step *step, uint32_t node, const tn_walked *frame)
{
    uint32_t next = looked_up(node, frame);
    if (next)
        *step = (tn_step){.at = frame->at, .parent = node, .node = next};
    else
        tn__drop(TN_DROP_STACK);
    return next != 0;
}

static inline bool stepped(tn_tracer *t, uint32_t node, const tn_walked *frame, tn_place *place)
{
    uint32_t i = tn__step_at(node, frame->at);
    tn_step *step = &t->steps[i];
    if ((step->at != frame->at || step->parent != node || !step->node) && !first_step(step, node, frame))
        return false;
    *place = (tn_place){step->node, i};
    return true;
}

static __attribute__((noinline)) void renew(tn_tracer *t)
{
    t->code_generation = tn_get(&tn__rec.code_generation);
    t->root = t->root_run == tn_get(&tn__rec.run) ? t->root : 0;
    t->n_same = 0;
    memset(t->steps, 0, sizeof t->steps);
}

/* Of a thread that has no frames that count. */
static __attribute__((noinline)) tn_place native(tn_tracer *t, uint32_t root)
{
    static const tn_walked frame = {.code = TN_FRAME_NATIVE, .at = TN_FRAME_NATIVE};
    tn_place place = {root, 0};
    stepped(t, root, &frame, &place);
    return place;
}

/* Of t's path; its node is never 0. */
static tn_place place(tn_tracer *t)
{
    if (__builtin_expect(t->code_generation != tn_get(&tn__rec.code_generation), 0))
        renew(t);
    uint32_t root = t->root, n = t->n_path;
    uint32_t k = t->n_same < n ? t->n_same : n;
    tn_place at = k ? t->places[k - 1] : (tn_place){root, 0};
    for (; k < n; k++) {
        if (!t->path[k].unseen && !stepped(t, at.node, &t->path[k], &at))
            break;
        t->places[k] = at;
    }
    t->n_same = t->n_same > k ? t->n_same : k;
    if (__builtin_expect(k < n, 0))
        return (tn_place){LOST_NODE, 0};
    if (__builtin_expect(at.node == root, 0))
        at = native(t, root);
    return at.node ? at : (tn_place){LOST_NODE, 0};
}

uint32_t tn__site_of(tn_tracer *t, unsigned domain)
{
    tn_place at = place(t);
    tn_step *step = &t->steps[at.step];
    if (domain > TN_DOMAIN_OBJ || step->node != at.node)
        return tn__site(at.node, domain);
    if (!step->site[domain])
        step->site[domain] = tn__site(at.node, domain);
    return step->site[domain];
}

uint32_t tn_record_stack(tn_tracer *t)
{
    return place(t).node;
}

uint32_t tn__pseudo(uint32_t parent, uint32_t pseudo, const char *name, uint32_t n)
{
    tn_code_facts facts = {.name = name, .qualname = name, .file = "", .n_name = n, .n_qualname = n};
    tn__spin_lock(&tn__rec.intern);
    uint32_t code = tn__code_add(&facts, pseudo);
    tn__spin_unlock(&tn__rec.intern);
    return code ? tn__node(parent, code, 0) : 0;
}

uint32_t tn_record_root(const char *name, size_t n)
{
    tn_tracer *t = tn__tracer ? tn__tracer : tn__tracer_make();
    if (!t || !tn__apart_enter(t))
        return 0;
    uint32_t node = tn__has_stacks() ? tn__pseudo(0, TN_FRAME_PSEUDO, name, n <= 4096 ? (uint32_t)n : 4096) : 0;
    tn__apart_leave(t);
    return node;
}
