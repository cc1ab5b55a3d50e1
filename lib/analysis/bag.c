/* bag.c - sets of numbers that are equal have one number: what an object's holders are, in four bytes.
 *
 * Most steps from a set to the one with another member have been taken before, and are one look into a table. Those from the
 * empty set, of which there may be millions, have a place by member.
 */
#include "analysis/partition.h"

#include <string.h>

static uint64_t hash_of(const uint32_t *members, uint32_t n)
{
    uint64_t hash = n;
    for (uint32_t i = 0; i < n; i++) {
        hash = (hash ^ members[i]) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 29;
    }
    return hash;
}

static int no_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

/* A new set of what stands behind the last one. */
static int close_set(tn_bag *bag, tn_error *err)
{
    uint64_t end = bag->members.size / sizeof(uint32_t);
    uint32_t narrow = (uint32_t)end;
    if (end > UINT32_MAX)
        return tn__error_set(err, TN_ELIMIT, 0, "more kinds of holders than can be numbered");
    if (tn__buf_append(&bag->starts, &narrow, sizeof narrow) < 0)
        return no_memory(err);
    bag->n++;
    return TN_OK;
}

int tn__bag_init(tn_bag *bag, const tn_alloc *a, uint32_t most, tn_error *err)
{
    uint32_t zero = 0;
    *bag = (tn_bag){.alloc = a, .most = most, .steps.alloc = a, .known.alloc = a};
    tn__buf_init(&bag->members, a);
    tn__buf_init(&bag->starts, a);
    tn__buf_init(&bag->singles, a);
    if (tn__buf_append(&bag->starts, &zero, sizeof zero) < 0 || tn__buf_reserve(&bag->members, sizeof zero) < 0)
        return no_memory(err);
    for (int i = 0; i < TN_BAG_FIRST; i++)
        TN_TRY(close_set(bag, err));
    return TN_OK;
}

void tn__bag_free(tn_bag *bag)
{
    tn__buf_free(&bag->members);
    tn__buf_free(&bag->starts);
    tn__buf_free(&bag->singles);
    tn__map_free(&bag->steps);
    tn__map_free(&bag->known);
}

const uint32_t *tn__bag_members(const tn_bag *bag, uint32_t set, uint32_t *n)
{
    const uint32_t *starts = (const uint32_t *)(const void *)bag->starts.data;
    *n = starts[set + 1] - starts[set];
    return (const uint32_t *)(const void *)bag->members.data + starts[set];
}

/* Puts the members of the wanted set behind the last one, without making it a set yet. */
static int write_members(tn_bag *bag, uint32_t set, uint32_t member, uint32_t *n_wanted, tn_error *err)
{
    uint32_t n;
    tn__bag_members(bag, set, &n);
    if (tn__buf_reserve(&bag->members, (n + 1) * sizeof(uint32_t)) < 0)
        return no_memory(err);
    const uint32_t *old = tn__bag_members(bag, set, &n);
    uint32_t *new = (uint32_t *)(void *)(bag->members.data + bag->members.size), at = 0;
    while (at < n && old[at] < member)
        at++;
    bool has = at < n && old[at] == member;
    memcpy(new, old, at * sizeof *new);
    new[at] = member;
    memcpy(new + at + !has, old + at, (n - at) * sizeof *new);
    *n_wanted = n + !has;
    return TN_OK;
}

/* A set of these members, which stand behind the last one: one that is known, or a new one. */
static int settle(tn_bag *bag, uint32_t n, uint32_t *out, tn_error *err)
{
    const uint32_t *wanted = (const uint32_t *)(const void *)(bag->members.data + bag->members.size);
    uint32_t *known;
    for (uint64_t hash = hash_of(wanted, n);; hash++) { /* other sets of this hash stand at the next ones */
        TN_TRY(tn__map_slot(&bag->known, hash, &known, err));
        if (!*known)
            break;
        uint32_t n_known;
        const uint32_t *members = tn__bag_members(bag, *known - 1, &n_known);
        if (n_known == n && memcmp(members, wanted, n * sizeof *members) == 0) {
            *out = *known - 1;
            return TN_OK;
        }
    }
    *known = bag->n + 1;
    bag->members.size += n * sizeof *wanted;
    *out = bag->n;
    return close_set(bag, err);
}

static int single(tn_bag *bag, uint32_t member, uint32_t *out, tn_error *err)
{
    size_t n = bag->singles.size / sizeof(uint32_t), more = member < n ? 0 : (member + 1 - n) * sizeof(uint32_t);
    if (tn__buf_reserve(&bag->singles, more) < 0)
        return no_memory(err);
    memset(bag->singles.data + bag->singles.size, 0, more);
    bag->singles.size += more;
    uint32_t *set = (uint32_t *)(void *)bag->singles.data + member;
    if (!*set) {
        if (tn__buf_append(&bag->members, &member, sizeof member) < 0)
            return no_memory(err);
        TN_TRY(close_set(bag, err));
        *set = bag->n;
    }
    *out = *set - 1;
    return TN_OK;
}

int tn__bag_add(tn_bag *bag, uint32_t set, uint32_t member, uint32_t *out, tn_error *err)
{
    uint32_t *step, n_old = 0, n = 0, found = TN_BAG_MANY;
    if (set == TN_BAG_EMPTY)
        return single(bag, member, out, err);
    if (set == TN_BAG_MANY) {
        *out = TN_BAG_MANY;
        return TN_OK;
    }
    TN_TRY(tn__map_slot(&bag->steps, (uint64_t)set << 32 | member, &step, err));
    if (!*step) {
        *step = TN_BAG_MANY + 1;
        tn__bag_members(bag, set, &n_old);
        TN_TRY(write_members(bag, set, member, &n, err));
        if (n == n_old)
            found = set;
        else if (n <= bag->most)
            TN_TRY(settle(bag, n, &found, err));
        *step = found + 1;
    }
    *out = *step - 1;
    return TN_OK;
}
