/* place_steps.c - from place to place. A step that was made before, to an object of the same type, closes a circle: the place is
 * that of the first time, marked, and from there on goes round. So chains and trees of any size have few places.
 */
#include "analysis/places.h"

#include <string.h>

enum { RECENT = 1 << 12 };

static int no_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

int tn__place_steps_open(tn_place_steps *t, tn_places *places, uint32_t none, uint32_t mark, tn_error *err)
{
    const tn_alloc *a = places->alloc;
    const tn_place_state root = {.parent = TN_NONE, .piece = none, .type = TN_NONE};
    const tn_place_row place = {TN_NONE, none};
    *t = (tn_place_steps){.alloc = a, .places = places, .mark = mark};
    t->ends.alloc = t->steps.alloc = t->marked.alloc = t->by_text.alloc = a;
    tn__buf_init(&t->states, a);
    t->recent = tn__alloc(a, RECENT * sizeof *t->recent);
    if (!t->recent || tn__buf_append(&t->states, &root, sizeof root) < 0 ||
        tn__buf_append(&places->rows, &place, sizeof place) < 0)
        return no_memory(err);
    memset(t->recent, 0xff, RECENT * sizeof *t->recent);
    places->n = 1;
    return TN_OK;
}

void tn__place_steps_close(tn_place_steps *t)
{
    if (!t->alloc)
        return;
    tn__buf_free(&t->states);
    tn__map_free(&t->ends);
    tn__map_free(&t->steps);
    tn__map_free(&t->marked);
    tn__map_free(&t->by_text);
    tn__free(t->alloc, t->recent, RECENT * sizeof *t->recent);
}

static int place_below(tn_place_steps *t, uint32_t parent, uint32_t piece, uint32_t *place, tn_error *err)
{
    uint32_t *found;
    TN_TRY(tn__map_slot(&t->by_text, (uint64_t)parent << 32 | piece, &found, err));
    if (!*found) {
        const tn_place_row row = {parent, piece};
        if (tn__buf_append(&t->places->rows, &row, sizeof row) < 0)
            return no_memory(err);
        *found = ++t->places->n;
    }
    *place = *found - 1;
    return TN_OK;
}

static int add_state(tn_place_steps *t, tn_place_state state, uint32_t above, uint32_t piece, uint32_t *out,
                     tn_error *err)
{
    TN_TRY(place_below(t, above, piece, &state.place, err));
    if (tn__buf_append(&t->states, &state, sizeof state) < 0)
        return no_memory(err);
    *out = (uint32_t)(t->states.size / sizeof state) - 1;
    return TN_OK;
}

/* Stands where the state stands, for all that comes later. */
static int go_round(tn_place_steps *t, uint32_t state, uint32_t *out, tn_error *err)
{
    uint32_t *found;
    tn_place_state s = *tn__place_state(t, state);
    *out = state;
    if (s.marked)
        return TN_OK;
    TN_TRY(tn__map_slot(&t->marked, state, &found, err));
    if (!*found) {
        s.marked = true;
        TN_TRY(add_state(t, s, s.place, t->mark, out, err));
        *found = *out + 1;
    }
    *out = *found - 1;
    return TN_OK;
}

static int make(tn_place_steps *t, uint32_t from, uint32_t piece, uint32_t type, uint32_t *out, tn_error *err)
{
    const tn_place_state *s = tn__place_state(t, from);
    uint16_t depth = s->depth;
    uint32_t back = from;
    for (int i = 0; i < TN_PLACE_WINDOW && back != 0; i++) {
        const tn_place_state *at = tn__place_state(t, back);
        if (at->piece == piece && at->type == type)
            return go_round(t, back, out, err);
        back = at->parent;
    }
    if (depth == TN_PLACE_DEPTH)
        return go_round(t, from, out, err);
    const tn_place_state new = {.parent = from, .piece = piece, .type = type, .depth = (uint16_t)(depth + 1)};
    return add_state(t, new, s->place, piece, out, err);
}

static int look_up(tn_place_steps *t, uint32_t from, uint32_t piece, uint32_t type, uint32_t *to, tn_error *err)
{
    uint32_t *end, *step;
    TN_TRY(tn__map_slot(&t->ends, (uint64_t)piece << 32 | type, &end, err));
    *end = *end ? *end : t->ends.n;
    TN_TRY(tn__map_slot(&t->steps, (uint64_t)from << 32 | *end, &step, err));
    if (!*step) {
        *step = TN_NONE; /* the slot is taken, whatever comes */
        TN_TRY(make(t, from, piece, type, to, err));
        *step = *to + 1;
    }
    *to = *step - 1;
    return TN_OK;
}

int tn__place_step(tn_place_steps *t, uint32_t from, uint32_t piece, uint32_t type, uint32_t *to, tn_error *err)
{
    uint32_t spot = (from * 0x9e3779b9u ^ piece * 0x85ebca6bu ^ type * 0xc2b2ae35u) >> 16;
    tn_place_step *met = &t->recent[spot % RECENT];
    if (met->from == from && met->piece == piece && met->type == type) {
        *to = met->to;
        return TN_OK;
    }
    TN_TRY(look_up(t, from, piece, type, to, err));
    *met = (tn_place_step){from, piece, type, *to};
    return TN_OK;
}
