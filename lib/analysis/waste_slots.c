/* waste_slots.c - whether the attributes of a class fit into slots, and what is in the way.
 *
 * Slots are told for each class of the MRO that has a __dict__ now: those that its own instances have, and of the class that
 * is asked about what is left. Python refuses slots that are no names, and two bases of which neither inherits from the other
 * with slots each: nothing is told then. What a class has under the name of an attribute is told with them.
 */
#include "analysis/waste_class.h"

#include <string.h>

enum { COLLECTOR_HEADER = 16, WORD = 8, MOST_SHARED = 30 };

/* ---- which classes ---- */

static size_t package_length(const char *module)
{
    return strcspn(module, ".");
}

static bool is_same_package(const tn_type *a, const tn_type *b)
{
    size_t n = package_length(a->module);
    return b->module && package_length(b->module) == n && strncmp(a->module, b->module, n) == 0;
}

bool tn__slots_wanted(const tn_waste_heap *h, uint32_t row, uint32_t *base_bytes)
{
    tn_type type, base;
    if (tn_snapshot_type(h->snapshot, row, &type) < 0 || h->fixed[row] || h->own[row] || !type.module ||
        (type.flags & (TN_TYPE_HEAP | TN_TYPE_DICT | TN_TYPE_GC)) != (TN_TYPE_HEAP | TN_TYPE_DICT | TN_TYPE_GC))
        return false;
    *base_bytes = 0;
    for (uint32_t i = 0; i < type.n_mro; i++) {
        if (tn_snapshot_type(h->snapshot, type.mro[i], &base) < 0 || base.item_size)
            return false;
        if (base.flags & TN_TYPE_DICT && (h->fixed[type.mro[i]] || !is_same_package(&type, &base)))
            return false;
        if (!(base.flags & TN_TYPE_DICT) && base.basic_size > *base_bytes)
            *base_bytes = base.basic_size;
    }
    return *base_bytes > 0;
}

/* ---- what a class has under a name ---- */

/* TN_NONE: nothing. */
static int in_class(const tn_waste_heap *h, uint32_t type, const char *name, uint32_t *value, tn_error *err)
{
    const tn_graph *g = &h->graph;
    tn_type row;
    tn_preview preview;
    size_t length = strlen(name);
    *value = TN_NONE;
    if (tn_snapshot_type(h->snapshot, type, &row) < 0 || row.node >= g->n_objects)
        return TN_OK;
    uint32_t dict = tn__waste_dict_of(h, row.node);
    if (dict == TN_NONE)
        return TN_OK;
    uint64_t first = g->offsets[dict] + tn__waste_shape(h, dict)->n_fixed;
    for (uint64_t e = first; e + 1 < g->offsets[dict + 1]; e += 2) {
        if (g->targets[e] >= g->n_objects)
            continue;
        TN_TRY(tn__snapshot_preview(h->snapshot, g->targets[e], &preview, err));
        if (preview.kind == TN_PREVIEW_TEXT && preview.length == length && memcmp(preview.bytes, name, length) == 0) {
            *value = g->targets[e + 1];
            return TN_OK;
        }
    }
    return TN_OK;
}

enum tn_in_the_way { NOTHING, DEFAULT, DESCRIPTOR, SLOT };

static int kind_of_value(const tn_waste_heap *h, uint32_t value, enum tn_in_the_way *kind, tn_error *err)
{
    tn_type type;
    uint32_t get = TN_NONE;
    *kind = DEFAULT;
    if (value >= h->graph.n_objects || tn_snapshot_type(h->snapshot, tn__waste_shape(h, value)->type, &type) < 0)
        return TN_OK;
    if (strcmp(type.full_name, "member_descriptor") == 0) {
        *kind = SLOT;
        return TN_OK;
    }
    for (uint32_t i = 0; i < type.n_mro && get == TN_NONE; i++)
        TN_TRY(in_class(h, type.mro[i], "__get__", &get, err));
    *kind = get == TN_NONE ? DEFAULT : DESCRIPTOR;
    return TN_OK;
}

/* As attributes are looked up: the first of the MRO counts. */
static int in_the_way(const tn_waste_heap *h, const tn_type *type, const char *name, enum tn_in_the_way *kind,
                      tn_error *err)
{
    *kind = NOTHING;
    for (uint32_t i = 0; i < type->n_mro; i++) {
        uint32_t value;
        TN_TRY(in_class(h, type->mro[i], name, &value, err));
        if (value != TN_NONE)
            return kind_of_value(h, value, kind, err);
    }
    return TN_OK;
}

/* ---- what each class adds ---- */

typedef struct tn_slots {
    tn_classes *k;
    uint32_t type;
    tn_type row;
    const char **names; /* all so far, those of bases first */
    uint32_t n, object_bytes;
    bool possible;
    uint32_t last;                          /* the class of the MRO that added some last; TN_NONE */
    tn_buf own, now, bases, defaults, ways; /* text; now: of the class that is looked at */
} tn_slots;

static int add_text(tn_buf *to, const char *before, const char *text)
{
    TN_TRY(tn__buf_append(to, before, to->size ? strlen(before) : 0));
    return tn__buf_append(to, text, strlen(text));
}

static bool is_name(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!(*c & 0x80) && *c != '_' && !((*c | 32) >= 'a' && (*c | 32) <= 'z') &&
            !(c > text && *c >= '0' && *c <= '9'))
            return false;
    return *text != 0;
}

static bool has_name(const tn_slots *s, const char *name)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (strcmp(s->names[i], name) == 0)
            return true;
    return false;
}

/* Attributes that instances of the class have, and those of no base had. */
static int add_names(tn_slots *s, const tn_instances *c, tn_error *err)
{
    int status = TN_OK;
    for (uint32_t i = 0; i < c->n_attributes && status == TN_OK; i++) {
        const tn_attribute *a = &c->attributes[i];
        enum tn_in_the_way kind;
        if (!a->filled[SHARED] && !a->filled[UNSHARED])
            continue;
        if (has_name(s, a->name))
            continue;
        TN_TRY(in_the_way(s->k->heap, &s->row, a->name, &kind, err));
        if (kind == SLOT)
            continue;
        s->possible &= is_name(a->name);
        s->names[s->n++] = a->name;
        status = add_text(&s->now, ", ", a->name);
        if (status == TN_OK && kind != NOTHING)
            status = add_text(kind == DEFAULT ? &s->defaults : &s->ways, ", ", a->name);
    }
    return status < 0 ? tn__no_memory(s->k->heap->snapshot, err) : TN_OK;
}

static bool inherits(const tn_waste_heap *h, uint32_t type, uint32_t from)
{
    tn_type row;
    for (uint32_t i = 0; tn_snapshot_type(h->snapshot, type, &row) == TN_OK && i < row.n_mro; i++)
        if (row.mro[i] == from)
            return true;
    return false;
}

/* Classes that add something to what an instance is must stand in one line. */
static void stand_in_line(tn_slots *s, uint32_t type)
{
    s->possible &= s->last == TN_NONE || inherits(s->k->heap, type, s->last);
    s->last = type;
}

/* Of one class with a __dict__. */
static int add_class(tn_slots *s, uint32_t type, const tn_type *row, bool *weak, tn_error *err)
{
    const tn_waste_heap *h = s->k->heap;
    const tn_instances *c = &s->k->classes[type];
    uint32_t before = s->n;
    int status = TN_OK;
    s->now.size = 0;
    if (c->wanted && c->attributes)
        TN_TRY(add_names(s, c, err));
    if (c->weak && !*weak) {
        *weak = true;
        status = add_text(&s->now, ", ", "__weakref__");
    }
    if (s->n > before)
        stand_in_line(s, type);
    if (type == s->type)
        status |= tn__buf_append(&s->own, s->now.data, s->now.size);
    else {
        status |= add_text(&s->bases, ", ", row->full_name) | tn__buf_append(&s->bases, " (", 2);
        status |= tn__buf_append(&s->bases, s->now.data, s->now.size) | tn__buf_append(&s->bases, ")", 1);
    }
    return status < 0 ? tn__no_memory(h->snapshot, err) : TN_OK;
}

/* From 3.12 on a weak reference takes the two words that also a __dict__ would be in. */
static uint64_t weak_bytes(const tn_waste_heap *h)
{
    uint64_t release;
    return tn__fact_u64(h->snapshot, "python.hexversion", &release) && release >= 0x030c0000 ? 2 * WORD : WORD;
}

static int add_classes(tn_slots *s, uint64_t *bytes, tn_error *err)
{
    const tn_waste_heap *h = s->k->heap;
    bool weak = false, told = false;
    for (uint32_t i = s->row.n_mro; i-- > 0;) {
        uint32_t type = s->row.mro[i];
        tn_type row;
        TN_TRY(tn_snapshot_type(h->snapshot, type, &row));
        if (row.flags & TN_TYPE_DICT) {
            bool before = weak;
            TN_TRY(add_class(s, type, &row, &weak, err));
            told |= weak && !before;
            continue;
        }
        weak |= (row.flags & TN_TYPE_WEAKREF) != 0;
        if (!s->object_bytes)
            s->object_bytes = row.basic_size; /* the last of the MRO is object */
        if (row.basic_size > s->object_bytes)
            stand_in_line(s, type);
    }
    *bytes = COLLECTOR_HEADER + s->k->classes[s->type].base_bytes + WORD * s->n + (told ? weak_bytes(h) : 0);
    return TN_OK;
}

/* ---- deciding ---- */

static uint64_t filled_of(const tn_slots *s, const tn_instances *c)
{
    uint64_t filled = 0;
    for (uint32_t i = 0; i < c->n_attributes; i++)
        if (has_name(s, c->attributes[i].name))
            filled += c->attributes[i].filled[SHARED] + c->attributes[i].filled[UNSHARED];
    return filled;
}

/* NULL: nothing; *lost: no memory. */
static const char *kept(tn_slots *s, const tn_buf *text, bool *lost)
{
    if (!text->size)
        return NULL;
    const char *copy = tn__arena_text(&s->k->waste->arena, (const char *)text->data, text->size);
    *lost |= !copy;
    return copy;
}

/* Few attributes right behind an object stand in no dict until somebody asks for it (3.11 on). */
static bool was_asked(const tn_slots *s, const tn_instances *c)
{
    return c->n_attributes <= MOST_SHARED && c->base_bytes == s->object_bytes &&
           c->asked * 2 > c->count[SHARED] + c->count[UNSHARED];
}

static int tell(tn_slots *s, tn_error *err)
{
    const tn_instances *c = &s->k->classes[s->type];
    bool lost = false;
    tn_waste_class one = {.type = s->type, .asked = was_asked(s, c)};
    one.attributes = kept(s, &s->own, &lost);
    one.bases = kept(s, &s->bases, &lost);
    one.defaults = kept(s, &s->defaults, &lost);
    one.descriptors = kept(s, &s->ways, &lost);
    if (!one.attributes)
        one.attributes = "";
    return lost ? tn__no_memory(s->k->heap->snapshot, err) : tn__waste_tell_class(s->k, TN_WASTE_SLOTS, &one, err);
}

/* At least three of four places for attributes would be used. */
static int decide(tn_slots *s, tn_error *err)
{
    tn_instances *c = &s->k->classes[s->type];
    uint64_t count = c->count[SHARED] + c->count[UNSHARED], bytes;
    TN_TRY(add_classes(s, &bytes, err));
    c->slot_bytes = tn__waste_block(s->k->heap, bytes);
    c->slots = s->possible && filled_of(s, c) * 4 >= count * s->n * 3 &&
               c->bytes[SHARED] + c->bytes[UNSHARED] > count * c->slot_bytes;
    return c->slots ? tell(s, err) : TN_OK;
}

int tn__slots_decide(tn_classes *k, uint32_t type, tn_error *err)
{
    const tn_alloc *a = k->heap->alloc;
    const tn_instances *c = &k->classes[type];
    tn_slots s = {.k = k, .type = type, .possible = true, .last = TN_NONE};
    size_t n = 0;
    if (!c->wanted || !(c->count[SHARED] + c->count[UNSHARED]))
        return TN_OK;
    TN_TRY(tn_snapshot_type(k->heap->snapshot, type, &s.row));
    for (uint32_t i = 0; i < s.row.n_mro; i++)
        n += k->classes[s.row.mro[i]].n_attributes;
    tn__buf_init(&s.own, a);
    tn__buf_init(&s.now, a);
    tn__buf_init(&s.bases, a);
    tn__buf_init(&s.defaults, a);
    tn__buf_init(&s.ways, a);
    s.names = tn__alloc(a, n * sizeof *s.names);
    int status = s.names ? decide(&s, err) : tn__no_memory(k->heap->snapshot, err);
    tn__free(a, s.names, n * sizeof *s.names);
    tn__buf_free(&s.own);
    tn__buf_free(&s.now);
    tn__buf_free(&s.bases);
    tn__buf_free(&s.defaults);
    tn__buf_free(&s.ways);
    return status;
}
