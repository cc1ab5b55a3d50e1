/* addresses.c - the address of an object, and the object at an address.
 *
 * Objects are numbered by address, so a bitmap of addresses is both: the address of object i is the i-th bit set, and the
 * number of an address is the count of bits before its own.
 */
#include "snapshot/snapshot.h"

#include <string.h>

static unsigned ones(uint64_t bits)
{
    return (unsigned)__builtin_popcountll(bits);
}

static int copy_regions(tn_snapshot *s, uint64_t n, tn_error *err)
{
    s->regions.rows = tn__arena_get(&s->arena, n * sizeof *s->regions.rows);
    s->regions.ranks = tn__arena_get(&s->arena, (n + 1) * sizeof *s->regions.ranks);
    if (!s->regions.rows || !s->regions.ranks)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_ADDR); k++) {
        const tn_chunk *c = tn__chunk_at(s, TN_ID_ADDR, k);
        const uint8_t *payload;
        TN_TRY(tn__chunk_load(s, c, TN_SLOT_LOAD, &payload, err));
        if (c->h.raw_bytes != c->h.n_rows * sizeof *s->regions.rows)
            return tn__corrupt(err, c->offset, "bytes are left over behind its addresses");
        memcpy(s->regions.rows + c->h.first_row, payload, c->h.raw_bytes);
    }
    return 0;
}

int tn__regions_load(tn_snapshot *s, tn_error *err)
{
    uint64_t n = tn__chunk_rows(s, TN_ID_ADDR), objects = 0;
    TN_TRY(tn__rows_fit(s, TN_ID_ADDR, sizeof(tn_region_row), err));
    TN_TRY(copy_regions(s, n, err));
    for (uint64_t i = 0; i < n; i++) {
        const tn_region_row *r = &s->regions.rows[i];
        if (r->region >> (64 - TN_REGION_SHIFT) || (i && r->region <= r[-1].region))
            return tn__corrupt(err, 0, "its regions of addresses are not in ascending order");
        s->regions.ranks[i] = (uint32_t)objects;
        for (unsigned j = 0; j < TN_REGION_WORDS; j++)
            objects += ones(r->bits[j]);
        if (objects >= s->n_nodes)
            break;
    }
    if (objects >= s->n_nodes)
        return tn__corrupt(err, 0, "it has addresses for all its %u nodes or more, so no root", s->n_nodes);
    s->regions.ranks[n] = s->n_objects = (uint32_t)objects;
    s->regions.n = n;
    return 0;
}

int tn__snapshot_addresses(tn_snapshot *s, tn_error *err)
{
    tn_loaded *l = &s->columns[TN_COL_AODD];
    const uint32_t *odd;
    uint64_t n;
    if (l->u32)
        return 0;
    TN_TRY(tn__column_u32(s, TN_COL_AODD, &odd, &n, err));
    for (uint64_t i = 1; i < n; i++)
        if (odd[i] <= odd[i - 1]) {
            tn__free(&s->alloc, l->u32, l->n * sizeof *l->u32);
            l->u32 = NULL;
            return tn__corrupt(err, tn__chunk_at(s, TN_COL_AODD, 0)->offset,
                               "its list of objects at odd addresses is not in ascending order");
        }
    return 0;
}

/* Whether object i starts eight bytes into its granule. */
static bool is_odd(const tn_snapshot *s, uint32_t i)
{
    const tn_loaded *l = &s->columns[TN_COL_AODD];
    uint64_t low = 0, high = l->u32 ? l->n : 0, n = high;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (l->u32[middle] < i)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && l->u32[low] == i;
}

uint64_t tn__snapshot_address(const tn_snapshot *s, uint32_t i)
{
    uint64_t low = 0, high = s->regions.n;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (s->regions.ranks[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    const tn_region_row *r = &s->regions.rows[low];
    uint32_t left = i - s->regions.ranks[low];
    unsigned word = 0;
    for (; left >= ones(r->bits[word]); word++)
        left -= ones(r->bits[word]);
    uint64_t bits = r->bits[word];
    while (left--)
        bits &= bits - 1;
    uint64_t granule = 64ull * word + (unsigned)__builtin_ctzll(bits);
    return r->region << TN_REGION_SHIFT | granule << 4 | (is_odd(s, i) ? 8u : 0u);
}

/* ---- the same addresses in two snapshots ---- */

/* A granule holds one object at most: one that starts in its first half or in its second. */
typedef struct pairing {
    tn_snapshot *old, *new;
    uint64_t old_odd, new_odd; /* rows of AODD not passed yet */
    uint32_t *same;
} pairing;

static bool passes(const tn_snapshot *s, uint64_t *row, uint32_t node)
{
    const tn_loaded *l = &s->columns[TN_COL_AODD];
    while (l->u32 && *row < l->n && l->u32[*row] < node)
        ++*row;
    return l->u32 && *row < l->n && l->u32[*row] == node;
}

static void match_word(pairing *p, uint64_t old, uint64_t new, uint32_t i, uint32_t j)
{
    for (; old; old &= old - 1, i++) {
        uint64_t bit = old & -old;
        uint32_t there = j + ones(new &(bit - 1));
        bool odd = passes(p->old, &p->old_odd, i);
        p->same[i] = (new &bit) && passes(p->new, &p->new_odd, there) == odd ? there : TN_NONE;
    }
}

int tn__snapshot_match_addresses(tn_snapshot *old, tn_snapshot *new, uint32_t *same, tn_error *err)
{
    pairing p = {.old = old, .new = new, .same = same};
    TN_TRY(tn__snapshot_addresses(old, err));
    TN_TRY(tn__snapshot_addresses(new, err));
    uint64_t at = 0;
    for (uint64_t r = 0; r < old->regions.n; r++) {
        static const tn_region_row nothing;
        const tn_region_row *a = &old->regions.rows[r];
        while (at < new->regions.n &&new->regions.rows[at].region < a->region)
            at++;
        bool there = at < new->regions.n &&new->regions.rows[at].region == a->region;
        const tn_region_row *b = there ? &new->regions.rows[at] : &nothing;
        uint32_t i = old->regions.ranks[r], j = there ? new->regions.ranks[at] : 0;
        for (unsigned w = 0; w < TN_REGION_WORDS; w++) {
            match_word(&p, a->bits[w], b->bits[w], i, j);
            i += ones(a->bits[w]);
            j += ones(b->bits[w]);
        }
    }
    return 0;
}

/* ---- many at once ---- */

/* Where a walk over addresses in their order is: rest has the bits of a word from object `at` on, which is its lowest one. */
typedef struct stride {
    uint64_t region, odd, rest;
    uint32_t word, at;
} stride;

static void go_to(const tn_snapshot *s, stride *st, uint32_t id)
{
    if (st->region + 1 < s->regions.n && s->regions.ranks[st->region + 1] <= id) {
        while (st->region + 1 < s->regions.n && s->regions.ranks[st->region + 1] <= id)
            st->region++;
        st->word = 0;
        st->at = s->regions.ranks[st->region];
        st->rest = s->regions.rows[st->region].bits[0];
    }
    while (id - st->at >= ones(st->rest)) {
        st->at += ones(st->rest);
        st->rest = s->regions.rows[st->region].bits[++st->word];
    }
    for (; st->at < id; st->at++)
        st->rest &= st->rest - 1;
}

void tn__snapshot_addresses_of(const tn_snapshot *s, const uint32_t *ids, size_t n, uint64_t *out)
{
    stride st = {.rest = s->regions.n ? s->regions.rows[0].bits[0] : 0};
    for (size_t i = 0; i < n; i++) {
        uint32_t id = ids ? ids[i] : (uint32_t)i;
        go_to(s, &st, id);
        uint64_t granule = 64ull * st.word + (unsigned)__builtin_ctzll(st.rest);
        out[i] =
            s->regions.rows[st.region].region << TN_REGION_SHIFT | granule << 4 | (passes(s, &st.odd, id) ? 8u : 0u);
    }
}

/* First region not below, or regions.n. */
static uint64_t find_region(const tn_snapshot *s, uint64_t region)
{
    uint64_t low = 0, high = s->regions.n;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (s->regions.rows[middle].region < region)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int tn_node_at(tn_snapshot *s, uint64_t address, uint32_t *id, tn_error *err)
{
    TN_TRY(tn__snapshot_addresses(s, err));
    uint64_t region = address >> TN_REGION_SHIFT, at = find_region(s, region);
    unsigned word = address >> 10 & (TN_REGION_WORDS - 1), bit = address >> 4 & 63;
    if (at < s->regions.n && s->regions.rows[at].region == region) {
        const uint64_t *bits = s->regions.rows[at].bits;
        uint32_t rank = s->regions.ranks[at] + ones(bits[word] & ((1ull << bit) - 1));
        for (unsigned i = 0; i < word; i++)
            rank += ones(bits[i]);
        if ((bits[word] >> bit & 1) && (address & 15) == (is_odd(s, rank) ? 8 : 0)) {
            *id = rank;
            return 0;
        }
    }
    return tn__error_set(err, TN_ENOTFOUND, 0, "no object starts at 0x%llx in this snapshot",
                         (unsigned long long)address);
}
