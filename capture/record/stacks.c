/* stacks.c - the call tree: stacks as numbers.
 *
 * A node is (parent, code, byte offset of the instruction). A thread keeps the path of its stack before, outermost frame
 * first, with the nodes: the next stack shares most of it as a rule, and only what differs is looked up, first among the
 * steps that the thread has made lately. The path is a hint that is compared in full each time, so that greenlets,
 * generators and threads that change stacks cannot make it wrong. An instruction's address tells frames apart while its
 * code lives; when a code dies all paths and steps are void (code_generation).
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

/* How many frames, from the outermost on, are the same: end is behind the last of a walk, path begins with the outermost. */
static inline uint32_t shared_frames(const tn_walked *end, const tn_walked *path, uint32_t most)
{
    uint32_t i = 0;
    const tn_walked *w = end;
    for (; i + 4 <= most; i += 4, path += 4, w -= 4)
        if ((w[-1].at ^ path[0].at) | (w[-2].at ^ path[1].at) | (w[-3].at ^ path[2].at) | (w[-4].at ^ path[3].at))
            break;
    for (; i < most && w[-1].at == path[0].at; i++, path++, w--)
        ;
    return i;
}

static uint32_t looked_up(uint32_t parent, const tn_walked *frame)
{
    uint32_t code = tn__code_known(frame->code);
    uint64_t offset = frame->code < TN_FRAME_PSEUDO ? 0 : frame->at - frame->code - tn__rec.options.code_offset;
    return tn__node(parent, code, offset <= UINT32_MAX ? (uint32_t)offset : 0);
}

static inline tn_step *step_of(tn_tracer *t, uint32_t parent, uint64_t at)
{
    uint32_t hash = ((uint32_t)at ^ parent * 0x85ebca6bu) * 0x9e3779b1u;
    return &t->steps[hash >> (32 - TN_STEP_BITS)];
}

/* The frames of walk from the k-th on, counted from the outermost: those before are known. */
static __attribute__((noinline)) uint32_t interned(tn_tracer *t, uint32_t n, uint32_t k)
{
    uint32_t node = k ? t->ids[k - 1] : t->root_run == tn_get(&tn__rec.run) ? t->root : 0;
    for (; k < n; k++) {
        tn_walked frame = t->walk[n - 1 - k];
        tn_step *step = step_of(t, node, frame.at);
        if (step->at != frame.at || step->parent != node || !step->node) {
            uint32_t next = looked_up(node, &frame);
            if (!next) {
                tn__drop(TN_DROP_STACK);
                break;
            }
            *step = (tn_step){frame.at, node, next};
        }
        t->last[k] = frame;
        t->ids[k] = node = step->node;
    }
    t->n_last = k;
    return node ? node : 1; /* the node of <lost> */
}

static __attribute__((noinline)) uint32_t compared(tn_tracer *t, uint32_t n)
{
    if (n == 0) {
        if (!tn_walk_room(t, 0))
            return 1;
        t->walk[n++] = (tn_walked){TN_FRAME_NATIVE, TN_FRAME_NATIVE};
    }
    uint32_t common = shared_frames(t->walk + n, t->last, n < t->n_last ? n : t->n_last);
    t->walked = common == n ? t->ids[n - 1] : interned(t, n, common);
    t->n_walked = t->n_last >= n ? n : 0;
    return t->walked;
}

uint32_t tn__stack(tn_tracer *t, uint32_t n)
{
    uint32_t generation = tn_get(&tn__rec.code_generation);
    if (__builtin_expect(t->code_generation != generation, 0)) {
        t->code_generation = generation;
        t->n_last = t->last_node = 0;
        memset(t->steps, 0, sizeof t->steps);
    } else if (n & TN_WALK_SAME) {
        return t->walked;
    }
    return compared(t, n & ~TN_WALK_SAME);
}

static uint32_t root_node(const char *name, uint32_t n)
{
    tn_code_facts facts = {.name = name, .qualname = name, .file = "", .n_name = n, .n_qualname = n};
    tn__spin_lock(&tn__rec.intern);
    uint32_t code = tn__code_add(&facts, TN_FRAME_PSEUDO);
    tn__spin_unlock(&tn__rec.intern);
    return code ? tn__node(0, code, 0) : 0;
}

uint32_t tn_record_root(const char *name, size_t n)
{
    tn_tracer *t = tn__tracer ? tn__tracer : tn__tracer_make();
    if (!t || !tn__apart_enter(t))
        return 0;
    uint32_t node = tn_record_mode() == TN_RECORD_OFF ? 0 : root_node(name, n <= 4096 ? (uint32_t)n : 4096);
    tn__apart_leave(t);
    return node;
}
