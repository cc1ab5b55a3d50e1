/* named.c - names for the references that a C type's tp_traverse reports.
 *
 * tp_traverse gives objects and not where they stand. A field's offset and name are known from the type's members (what
 * its member descriptors read, Include/descrobject.h), from the tables of cpython/fields.h, and for a few fields from the
 * type object. A reference is given the name of a field whose word is that very object; what is left has no name. So an
 * offset is a guess that the object itself confirms, and no reference is ever added or lost by it.
 *
 *   shape:  … own labels │ class  field  field … │ run, unlabelled
 *   object:              │ as reported, or 0     │ the rest of what was reported
 */
#include "cpython/fields.h"
#include "engine/describe.h"

enum { T_OBJECT = 6, T_OBJECT_EX = 16, MEMBER_BYTES = 40, MAX_MEMBERS = 256, MAX_BASES = 32 };
enum { LINK_KEY = 40, LINK_RESULT = 48, LINK_BYTES = 56, LRU_NEXT = 24 }; /* Modules/_functoolsmodule.c */
enum { HAMT_ITEMS = 32, HAMT_MOST = 64 };                                 /* Python/hamt.c */
enum { BASE_EXCEPTION = 1 << 30 };                                        /* tp_flags: Py_TPFLAGS_BASE_EXC_SUBCLASS */

typedef struct tn_names {
    uint32_t n, offsets[TN_MAX_FIELDS], labels[2 * TN_MAX_FIELDS];
} tn_names;

/* The first name of a field stays. */
static void add_name(tn_walk *w, const tn_type_info *t, tn_names *names, uint64_t offset, const char *label,
                     bool attribute)
{
    bool known = names->n == TN_MAX_FIELDS || offset < 8 || offset & 7 || (offset + 8 > t->basic_size && !t->item_size);
    for (uint32_t i = 0; !known && i < names->n; i++)
        known = names->offsets[i] == offset;
    if (known || offset > UINT16_MAX)
        return;
    names->offsets[names->n] = (uint32_t)offset;
    names->labels[2 * names->n] = tn__string(w, label);
    names->labels[2 * names->n++ + 1] = attribute ? TN_LABEL_ATTRIBUTE : TN_LABEL_FIELD;
}

static void add_members(tn_walk *w, const tn_type_info *t, uint64_t type, tn_names *names)
{
    const tn_memory *m = &w->target->memory;
    uint64_t member = tn_load64(m, type + w->layout->type_members);
    for (unsigned i = 0; member && i < MAX_MEMBERS && tn_memory_readable(m, member, MEMBER_BYTES);
         i++, member += MEMBER_BYTES) {
        uint64_t text = tn_load64(m, member);
        uint32_t kind = tn_load32(m, member + 8);
        char name[256];
        if (!text)
            return;
        if (kind == T_OBJECT || kind == T_OBJECT_EX) {
            tn__c_string(w, text, name, sizeof name);
            add_name(w, t, names, tn_load64(m, member + 16), name, true);
        }
    }
}

static void add_fields(tn_walk *w, tn_type_info *t, uint64_t type, tn_names *names)
{
    const tn_memory *m = &w->target->memory;
    char name[256];
    tn__c_string(w, tn_load64(m, type + w->layout->type_name), name, sizeof name);
    const tn_type_fields *known =
        tn_fields_find(w->layout, name, (uint32_t)tn_load64(m, type + w->layout->type_basicsize));
    if (!known)
        return;
    t->special = t->special ? t->special : known->special;
    t->state_at = t->state_at ? t->state_at : known->state;
    for (const tn_named_field *f = known->fields; f->label && t->special != TN_FIELDS_HAMT; f++)
        for (uint32_t i = 0; i < f->count; i++)
            add_name(w, t, names, f->offset + 8u * i, f->label + (*f->label == '.'), *f->label == '.');
}

void tn__names_make(tn_walk *w, tn_type_info *t)
{
    const tn_memory *m = &w->target->memory;
    tn_names names = {0};
    if (t->heap)
        add_name(w, t, &names, 8, "__class__", true);
    if (t->dict_offset > 0)
        add_name(w, t, &names, (uint64_t)t->dict_offset, "__dict__", true);
    uint64_t type = t->address;
    for (unsigned i = 0; i < MAX_BASES && type; i++) {
        add_fields(w, t, type, &names);
        add_members(w, t, type, &names);
        type = tn_load64(m, type + w->layout->type_base);
        type = tn_memory_readable(m, type, w->layout->type_finalize + 8) ? type : 0;
    }
    const tn_type_info *exception =
        t->flags & BASE_EXCEPTION ? tn__type_get(w, w->target->builtin_types[TN_BUILTIN_EXCEPTION]) : NULL;
    for (uint32_t i = 0; exception && i < exception->n_fixed && names.n < TN_MAX_FIELDS; i++, names.n++) {
        names.offsets[names.n] = exception->offsets[i];
        memcpy(&names.labels[2 * names.n], &exception->labels[2 * i], 2 * sizeof *names.labels);
    }
    uint32_t *offsets = tn__arena_get(&w->reg->arena, names.n * sizeof *offsets);
    uint32_t *labels = tn__arena_get(&w->reg->arena, 2 * (size_t)names.n * sizeof *labels);
    if (!offsets || !labels) {
        w->status = TN_ENOMEM;
        return;
    }
    memcpy(offsets, names.offsets, names.n * sizeof *offsets);
    memcpy(labels, names.labels, 2 * (size_t)names.n * sizeof *labels);
    t->n_named = names.n;
    t->named = offsets;
    t->named_labels = labels;
}

/* ---- an object ---- */

/* Takes an object out of what was reported; false when it is not there. What is taken leaves a 0. */
static bool take(uint64_t *found, size_t n, uint64_t referent)
{
    for (size_t i = 0; referent && i < n; i++)
        if (found[i] == referent) {
            found[i] = 0;
            return true;
        }
    return false;
}

/* The links of an lru_cache are objects that own what tp_traverse reports of them, in the order of the list: it is theirs. The
 * cache owns each link once, beside the reference of its dict, and does not report it: it stands for the link's key. */
static void leave_to_links(tn_walk *w, uint64_t object, uint64_t *found, size_t n)
{
    const tn_memory *m = &w->target->memory;
    uint64_t link = tn_load64(m, object + LRU_NEXT); /* the wrapper begins with the head of the list */
    for (size_t at = 0; at < n && link && link != object && tn_memory_readable(m, link, LINK_BYTES);
         link = tn_load64(m, link + LRU_NEXT)) {
        const uint64_t own[] = {tn_load64(m, link + LINK_KEY), tn_load64(m, link + LINK_RESULT),
                                tn_load64(m, link + 8)};
        while (at < n && found[at] != own[0])
            at++;
        for (size_t i = 0; i < 3 && at < n; i++)
            if (found[at] == own[i])
                found[at++] = i == 0 ? link : 0;
    }
}

/* What describe.c found at the instance's values and its __dict__ was reported, too. */
static void leave_attributes(tn_walk *w, const tn_description *d, uint64_t *found, size_t n)
{
    for (unsigned i = 0; i < d->n_spans; i++)
        for (uint64_t k = 0; d->spans[i].kind == TN_SPAN_ARRAY && !d->spans[i].local && k < d->spans[i].count; k++)
            take(found, n, tn_load64(&w->target->memory, d->spans[i].base + 8 * k));
}

void tn__names_give(tn_walk *w, uint64_t object, const tn_type_info *t, const tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    size_t n = w->scratch.count, left = 0;
    if (!t->n_named || !tn__list_add(w, &w->scratch, sizeof(uint64_t), t->n_named))
        return;
    uint64_t *named = TN_LIST(w->scratch, uint64_t), *found = named + t->n_named;
    memmove(found, named, n * sizeof *found);
    if (t->special == TN_FIELDS_LRU)
        leave_to_links(w, object, found, n);
    if (t->traverses_dict)
        leave_attributes(w, d, found, n);
    for (uint32_t i = 0; i < t->n_named; i++) {
        uint64_t at = object + t->named[i];
        bool inside = t->named[i] + 8 <= t->c_size || tn_memory_readable(m, at, 8);
        uint64_t word = inside ? tn_load64(m, at) : 0;
        named[i] = take(found, n, word) ? word : 0;
    }
    for (size_t i = 0; i < n; i++)
        if (found[i])
            found[left++] = found[i];
    w->scratch.count = t->n_named + left;
}

/* ---- nodes of a mapping of contextvars ---- */

/* Whether scratch has the words from the last one to the first, as hamt_node_bitmap_traverse reports them. */
static bool is_reported(const tn_walk *w, const uint64_t *words, uint64_t n)
{
    const uint64_t *found = TN_LIST(w->scratch, uint64_t);
    size_t at = 0;
    for (uint64_t i = n; i-- > 0;)
        if (words[i] && (at == w->scratch.count || found[at++] != words[i]))
            return false;
    return at == w->scratch.count;
}

bool tn__names_hamt(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    uint64_t words[HAMT_MOST], n = tn_load64(m, object + 16);
    if (n > HAMT_MOST || n % 2 || !tn_memory_readable(m, object + HAMT_ITEMS, 8 * n))
        return false;
    for (uint64_t i = 0; i < n; i++)
        words[i] = tn_load64(m, object + HAMT_ITEMS + 8 * i);
    if (!n || !is_reported(w, words, n))
        return false;
    uint64_t *out = TN_LIST(w->scratch, uint64_t);
    uint32_t n_nodes = 0, at;
    for (uint64_t i = 0; i < n; i += 2)
        if (!words[i])
            out[n_nodes++] = words[i + 1];
    at = n_nodes;
    for (uint64_t i = 0; i < n; i += 2)
        if (words[i]) {
            out[at++] = words[i];
            out[at++] = words[i + 1];
        }
    d->shape = tn__shape_with(w, tn__shape(w, t, TN_VARIANT_PLAIN), TN_RUN_PAIRS, "node", n_nodes);
    return true;
}
