/* search.c - see search.h. */
#include "engine/search.h"
#include "engine/references.h"

enum { NEAR = 4 /* granules before a word in which the object may start that it points into */ };

/* ---- counting ---- */

static uint32_t next_kind(tn_search *s)
{
    uint32_t i = s->at++;
    return i < s->n_fixed ? s->labels[2 * i + 1] >> 8 : s->run_kind;
}

static void count_one(tn_walk *w, uint64_t referent)
{
    tn_search *s = w->search;
    bool again = s->keys_twice && s->at >= s->n_fixed && !((s->at - s->n_fixed) & 1);
    uint32_t kind = next_kind(s), id = referent >> 63 || kind != TN_REF_OWNING ? TN_NONE : tn_map_id(w->map, referent);
    if (id != TN_NONE)
        s->found[id] += 1 + again;
}

static void begin_count(tn_search *s, uint32_t shape_number)
{
    const tn_shape_info *shape = &TN_SHAPE_AT(s->w, shape_number);
    s->labels = TN_LIST(s->w->reg->labels, uint32_t) + shape->labels;
    s->n_fixed = shape->n_fixed;
    s->run_kind = shape->flags >> TN_RUN_KIND_SHIFT & 15;
    s->keys_twice = shape->flags & TN_SHAPE_KEYS_TWICE;
    s->at = 0;
}

/* Buffers outside of pools are claimed, too, from here on: their words are references that are known, or none. */
static void claim(tn_walk *w, const tn_description *d)
{
    for (unsigned i = 0; i < d->n_buffers; i++)
        if (d->buffers[i].address && tn_map_get(w->map, d->buffers[i].address))
            tn_map_claim(w->map, d->buffers[i].address);
}

static void count_object(tn_search *s, uint64_t object, uint32_t id)
{
    tn_walk *w = s->w;
    tn_description d;
    bool immortal;
    tn_type_info *t = tn__type_get(w, tn_load64(&w->target->memory, object + 8));
    if (!t)
        return;
    uint64_t refcount = tn__refcount(w, object, &immortal);
    if (!immortal && !tn_map_static(w->map, object) && refcount < UINT32_MAX)
        s->refcounts[id] = (uint32_t)refcount;
    if (t->simple || tn__plain_str(w, object, t))
        return;
    w->strict = tn__doubtful(w, object);
    tn__describe(w, object, t, &d);
    begin_count(s, d.shape);
    tn__each_reference(w, &d, count_one);
    claim(w, &d);
    w->strict = false;
}

static void count_objects(tn_search *s)
{
    uint32_t id = 0;
    for (tn_region *r = tn_map_next(s->w->map, 0); r && s->w->status == 0; r = tn_map_next(s->w->map, r->key + 1))
        for (unsigned c = 0; c < 1024; c++)
            for (uint64_t left = r->cells[c].bits; left; left &= left - 1) {
                uint64_t object = r->key << 20 | (uint64_t)c << 10 | (uint64_t)__builtin_ctzll(left) << 4;
                object |= tn_region_plane(r, TN_PLANE_ODD, object) ? 8 : 0;
                s->first = s->first ? s->first : object;
                s->last = object;
                count_object(s, object, id++);
            }
}

static void count_synthetic(tn_search *s)
{
    const tn_registry *reg = s->w->reg;
    for (size_t i = 0; i < reg->synthetic.count; i++) {
        const tn_synthetic *one = &TN_LIST(reg->synthetic, tn_synthetic)[i];
        begin_count(s, one->shape);
        for (uint32_t k = 0; k < one->n_references; k++)
            count_one(s->w, TN_LIST(reg->synthetic_references, uint64_t)[one->first_reference + k]);
    }
}

/* ---- the table ---- */

static bool is_before(const tn_seen_row *a, const tn_seen_row *b)
{
    return a->node != b->node ? a->node < b->node : a->kind != b->kind ? a->kind < b->kind : a->what < b->what;
}

static void sift(tn_seen_row *rows, size_t at, size_t n)
{
    tn_seen_row one = rows[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && is_before(&rows[child], &rows[child + 1]);
        if (!is_before(&one, &rows[child]))
            break;
        rows[at] = rows[child];
    }
    rows[at] = one;
}

/* In place and without malloc, which qsort() of older C libraries calls. */
static void sort(tn_seen_row *rows, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(rows, i, n);
    for (size_t i = n; i-- > 1;) {
        tn_seen_row one = rows[0];
        rows[0] = rows[i];
        rows[i] = one;
        sift(rows, 0, i);
    }
}

static void settle(tn_walk *w)
{
    tn_seen_row *rows = TN_LIST(w->seen, tn_seen_row);
    size_t n = 0;
    sort(rows, w->seen.count);
    for (size_t i = 0; i < w->seen.count; i++)
        if (n && !is_before(&rows[n - 1], &rows[i]))
            rows[n - 1].count += rows[i].count;
        else
            rows[n++] = rows[i];
    w->seen.count = n;
}

/* ---- a word ---- */

/* Each reference that is known is one word. */
static bool take_reported(tn_search *s, uint64_t object)
{
    for (uint32_t i = 0; i < s->n_reported; i++)
        if (s->reported[i] == object) {
            s->reported[i] = 0;
            return true;
        }
    return false;
}

/* The object that starts at the word or shortly before it: a pointer to the text of a str is one to the str. */
static uint64_t object_near(const tn_walk *w, uint64_t word)
{
    for (unsigned i = 0; i <= NEAR; i++) {
        uint64_t granule = (word & ~15ull) - 16 * i;
        const tn_region *r = tn_map_find(w->map, granule);
        if (!r || !(r->cells[granule >> 10 & 1023].bits >> (granule >> 4 & 63) & 1))
            continue;
        granule |= tn_region_plane(r, TN_PLANE_ODD, granule) ? 8 : 0;
        return granule <= word ? granule : 0;
    }
    return 0;
}

void tn__search_word(tn_search *s, uint64_t word)
{
    tn_walk *w = s->w;
    if (word < s->first || word > s->last + 16 * NEAR)
        return;
    uint64_t object = object_near(w, word);
    uint32_t id = object ? tn_map_id(w->map, object) : TN_NONE;
    if (id == TN_NONE || s->refcounts[id] <= s->found[id] || take_reported(s, object))
        return;
    tn_type_info *t = tn__type_get(w, tn_load64(&w->target->memory, object + 8));
    if (!t || word + t->preheader >= object + tn__nominal(w, object, t))
        return;
    tn_seen_row *last = w->seen.count ? TN_LIST(w->seen, tn_seen_row) + w->seen.count - 1 : NULL;
    if (last && last->node == id && last->kind == s->kind && last->what == s->what) {
        last->count++;
        return;
    }
    if (w->seen.count >= s->most) {
        settle(w);
        s->most = 2 * w->seen.count + TN_SEARCH_ROWS;
    }
    tn_seen_row *place = tn__list_add(w, &w->seen, sizeof *place, 1);
    if (place)
        *place = (tn_seen_row){id, s->kind, s->what, 1};
}

/* References that were guessed count for nothing. */
static void report_one(tn_walk *w, uint64_t referent)
{
    tn_search *s = w->search;
    if (next_kind(s) != TN_REF_GUESSED && referent && s->n_reported < TN_MAX_REPORTED)
        s->reported[s->n_reported++] = referent;
}

static bool is_outside(const tn_span *span, uint64_t object, uint64_t end)
{
    bool elsewhere = span->kind == TN_SPAN_ARRAY || span->kind == TN_SPAN_PAIRS || span->kind == TN_SPAN_SET ||
                     span->kind == TN_SPAN_DEQUE;
    return elsewhere && !span->local && (span->base < object || span->base >= end);
}

/* References that are known to stand in the object's own block: C code may have a second one to what an item is. */
static void report(tn_search *s, uint64_t object, tn_type_info *t, uint64_t end)
{
    tn_description d;
    s->n_reported = 0;
    if (t->simple)
        return;
    tn__describe(s->w, object, t, &d);
    begin_count(s, d.shape);
    for (unsigned i = 0; i < d.n_spans; i++)
        if (is_outside(&d.spans[i], object, end))
            s->at += (uint32_t)d.spans[i].count;
        else
            tn__each_in_span(s->w, &d.spans[i], report_one);
}

void tn__search_object(tn_search *s, uint64_t object)
{
    tn_walk *w = s->w;
    tn_type_info *t = tn__type_get(w, tn_load64(&w->target->memory, object + 8));
    if (!t)
        return;
    uint64_t end = object - t->preheader + tn__nominal(w, object, t);
    w->strict = tn__doubtful(w, object);
    report(s, object, t, end);
    if (s->n_reported < TN_MAX_REPORTED && end > object && tn__usable(w, object, end - object))
        for (uint64_t at = object + 8; at + 8 <= end; at += 8)
            tn__search_word(s, tn_load64(&w->target->memory, at));
    w->strict = false;
    s->n_reported = 0;
}

/* ---- all of it ---- */

void tn__search(tn_walk *w)
{
    size_t bytes = ((size_t)w->map->n_objects + 1) * sizeof(uint32_t);
    tn_search *s = tn__alloc_zero(w->alloc, sizeof *s);
    if (s) {
        *s = (tn_search){.w = w,
                         .found = tn__alloc_zero(w->alloc, bytes),
                         .refcounts = tn__alloc_zero(w->alloc, bytes),
                         .window = tn__alloc(w->alloc, TN_SEARCH_WINDOW)};
        w->search = s;
        if (s->found && s->refcounts && s->window) {
            count_objects(s);
            count_synthetic(s);
            tn__search_places(s);
            settle(w);
            w->searched = true;
        } else {
            w->status = TN_ENOMEM;
        }
        tn__free(w->alloc, s->window, TN_SEARCH_WINDOW);
        tn__free(w->alloc, s->refcounts, bytes);
        tn__free(w->alloc, s->found, bytes);
        w->search = NULL;
    } else {
        w->status = TN_ENOMEM;
    }
    tn__free(w->alloc, s, sizeof *s);
}

int tn__search_save(tn_walk *w, tn_writer *writer, tn_error *err)
{
    enum { ROWS = 1 << 19 };
    const tn_seen_row *rows = TN_LIST(w->seen, tn_seen_row);
    size_t i = 0;
    do {
        size_t n = w->seen.count - i < ROWS ? w->seen.count - i : ROWS;
        if (w->searched) /* without a row, too: nothing was seen */
            TN_TRY(tn_writer_table(writer, "SEEN", rows + i, n * sizeof *rows, n, err));
        i += n;
    } while (i < w->seen.count);
    return 0;
}
