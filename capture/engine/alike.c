/* alike.c - content hashes of data that may be large: that of bytearray, array.array and numpy arrays.
 *
 *   emit: short data is hashed at once; of longer a sample is taken, and 0 stands in its row for now
 *   then: of data of one length and sample, or whose sample is nothing but zeros, all is read and its hash takes the place
 *
 * What no other looks like is unlike all others: it is not read, and its row stays 0. Whatever is told to be equal has been
 * read as a whole. The largest goes first, until options.data_bytes are read (docs/decisions/data-hashes.md).
 */
#include <string.h>

#include "engine/bundle.h"

enum { SHORT = 4096, PLACES = 8, PLACE_BYTES = 64, SAMPLE = PLACES * PLACE_BYTES };

void tn__add_data(tn_walk *w, const tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    uint64_t hash = 0, n = d->data_bytes;
    bool readable = n == 0 || (!(n >> 56) && tn_memory_readable(m, d->data, n));
    if (readable && n <= SHORT)
        hash = tn__hash(TN_AT(m, n ? d->data : 0), n);
    tn__add64(w, &w->columns[TN_WALK_HASH], hash);
    if (!readable || n <= SHORT || w->status < 0)
        return;
    uint8_t sample[SAMPLE];
    static const uint8_t zeros[SAMPLE];
    for (uint64_t i = 0; i < PLACES; i++)
        memcpy(sample + i * PLACE_BYTES, TN_AT(m, d->data + (n - PLACE_BYTES) / (PLACES - 1) * i), PLACE_BYTES);
    tn_data *data = tn__list_add(w, &w->data, sizeof *data, 1);
    if (data)
        *data = (tn_data){d->data, n, tn__hash(sample, SAMPLE), w->columns[TN_WALK_HASH].at - sizeof hash,
                          memcmp(sample, zeros, SAMPLE) == 0};
}

/* ---- what is to be read ---- */

static uint64_t slot_of(const tn_data *d, uint64_t mask)
{
    return (d->sample ^ d->bytes * 0x9e3779b97f4a7c15ull) >> 7 & mask;
}

/* Wants what looks like another one, too. slots: index + 1 of the first one of each look. */
static void find_alike(tn_data *data, uint32_t n, uint32_t *slots, uint64_t mask)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t at = slot_of(&data[i], mask);
        tn_data *first = NULL;
        for (; slots[at]; at = (at + 1) & mask) {
            first = &data[slots[at] - 1];
            if (first->bytes == data[i].bytes && first->sample == data[i].sample)
                break;
        }
        if (slots[at])
            first->wanted = data[i].wanted = true;
        else
            slots[at] = i + 1;
    }
}

/* Data is in classes by the power of two of its length; what is left for a class goes to the first ones of it. */
static void ration(tn_data *data, uint32_t n, uint64_t left)
{
    uint64_t classes[64] = {0};
    for (uint32_t i = 0; i < n; i++)
        if (data[i].wanted)
            classes[63 - __builtin_clzll(data[i].bytes)] += data[i].bytes;
    for (unsigned k = 64; k-- > 0;) {
        classes[k] = classes[k] < left ? classes[k] : left;
        left -= classes[k];
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t *class = &classes[63 - __builtin_clzll(data[i].bytes)];
        data[i].wanted &= data[i].bytes <= *class;
        *class -= data[i].wanted ? data[i].bytes : 0;
    }
}

static bool choose(tn_walk *w)
{
    tn_data *data = TN_LIST(w->data, tn_data);
    uint64_t n = w->data.count, n_slots = 16;
    while (n_slots < 2 * n)
        n_slots *= 2;
    uint32_t *slots = n < UINT32_MAX ? tn__alloc_zero(w->alloc, n_slots * sizeof *slots) : NULL;
    if (!slots)
        return false;
    find_alike(data, (uint32_t)n, slots, n_slots - 1);
    tn__free(w->alloc, slots, n_slots * sizeof *slots);
    ration(data, (uint32_t)n, w->options.data_bytes);
    return true;
}

/* ---- reading ---- */

static void read_some(tn_walk *w)
{
    tn_data *data = TN_LIST(*w->reg->data, tn_data);
    for (size_t i; (i = __atomic_fetch_add(&w->reg->next_data, 1, __ATOMIC_RELAXED)) < w->reg->data->count;) {
        if (!data[i].wanted)
            continue;
        uint64_t hash = tn__hash(TN_AT(&w->target->memory, data[i].address), data[i].bytes);
        memcpy(data[i].row, &hash, sizeof hash);
        w->totals.data_bytes += data[i].bytes;
    }
}

void tn__data_read(tn_walk *w)
{
    if (w->status < 0 || !w->data.count || !choose(w))
        return;
    w->reg->data = &w->data;
    w->reg->next_data = 0;
    tn__share(w, read_some);
}
