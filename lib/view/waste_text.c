/* waste_text.c - findings of waste in sentences. */
#include "view/waste_page.h"

#include <inttypes.h>
#include <string.h>

#include "view/summary.h"

/* ---- words ---- */

/* "of" stands before what they have in common; one sentence each says what to do. */
static const struct {
    const char *one, *many, *of, *change;
} words[TN_WASTES] = {
    [TN_WASTE_EQUAL_TEXT] =
        {"text is", "texts (str, bytes) are", "equal to another one",
         "Keep one of each: sys.intern(text) where they are made, or a dict of those seen already."},
    [TN_WASTE_EQUAL_NUMBER] = {"number is", "numbers are", "equal to another one",
                               "Keep one object of each value: a dict of those seen already where they are made, or an "
                               "array."},
    [TN_WASTE_EQUAL_TUPLE] = {"tuple or frozenset is", "tuples or frozensets are",
                              "equal to another one, with all that is in them",
                              "Keep one of each: a dict of those seen already where they are made."},
    [TN_WASTE_EQUAL_CONTAINER] = {"container is", "containers are", "equal to another one now",
                                  "If nothing changes them later, share one, as a tuple or a frozenset."},
    [TN_WASTE_EQUAL_DATA] = {"bytearray, array or buffer is", "bytearrays, arrays or buffers are",
                             "equal to another one now, byte by byte",
                             "If nothing writes to them later, keep one of each and share it, or a memoryview of it."},
    [TN_WASTE_ROOM] = {"container has", "containers have", "room that nothing is in", NULL},
    [TN_WASTE_EMPTY] = {"container is", "containers are", "empty, each held by one reference",
                        "Make them when something is put in: None until then, or one empty tuple for all."},
    [TN_WASTE_FEW] =
        {"deque is", "deques are", "of a few items, which take the 64 places of a block",
         "If they stay short, hold the items in a list, or a tuple; if they mostly are empty, make them when "
         "something is put in."},
    [TN_WASTE_SLOTS] = {"object holds", "objects, instances and their dicts, hold", "attributes that fit into slots",
                        NULL},
    [TN_WASTE_UNSHARED] = {"__dict__ has", "__dict__s have", "keys of their own, though others of the class share them",
                           NULL},
    [TN_WASTE_BOXED] =
        {"object is", "objects are", "numbers one by one in lists or tuples, with these",
         "Hold them in array.array('d') or ('q'), or in a numpy array: 8 bytes a number. An array in place "
         "of a tuple is no key, and can be changed."},
    [TN_WASTE_SECOND_COPY] = {"str has", "str have", "a second copy of the text, in UTF-8 or wide characters",
                              "C code asked for it, and the text keeps it: pass bytes from .encode(), or drop the text "
                              "after use."},
    [TN_WASTE_ZEROS] = {"bytes object is", "bytes objects are", "nothing but zeros",
                        "Do not keep it: make zeros when they are needed, or an anonymous mmap, which takes no memory "
                        "until it is written to."},
    [TN_WASTE_ZERO_DATA] = {"bytearray or array is", "bytearrays or arrays are", "nothing but zeros now",
                            "If nothing writes to them later, do not keep them: make zeros when they are needed. Pages "
                            "that nobody has written to yet take no resident memory: then RSS stays as it is."},
};

static void say_names(tn_say *w, const char *before, const char *names, const char *after)
{
    tn__say(w, "%s", before);
    tn__say_name(w, names);
    tn__say(w, "%s", after);
}

static void say_share(tn_say *w, const tn_waste_shown *one)
{
    uint64_t whole = one->waste->heap.bytes;
    tn__say_bytes(w, one->row.saved);
    tn__say(w, ", %.1f %% of the heap", tn__pct(one->row.saved, whole));
}

void tn__waste_tell(tn_say *w, const void *shown)
{
    const tn_waste_shown *one = shown;
    const tn_waste_row *row = &one->row;
    tn__say_name(w, row->label);
    if (row->type)
        say_names(w, " (", row->type, ")");
    tn__say(w, ": %" PRIu64 " %s %s", row->count, row->count == 1 ? words[row->kind].one : words[row->kind].many,
            words[row->kind].of);
    tn__say(w, "; of %s ", row->count == 1 ? "its" : "their");
    tn__say_bytes(w, row->bytes);
    tn__say(w, " would go ");
    say_share(w, one);
    tn__say(w, ".");
}

/* ---- the change ---- */

static void tell_slots(tn_say *w, const tn_waste_row *row)
{
    bool weak = row->attributes && strstr(row->attributes, "__weakref__");
    if (row->attributes)
        say_names(w, "Give the class __slots__ (", row->attributes, ")");
    else
        tn__say(w, "Give the classes __slots__, each for the attributes that it adds to those of its bases");
    if (row->bases)
        say_names(w, ", and its bases theirs: ", row->bases, "");
    tn__say(w, "%s%s.", row->bases ? "; or make each a @dataclass(slots=True" : ", or make it a @dataclass(slots=True",
            weak ? ", weakref_slot=True)" : ")");
    tn__say(w, " Do so if nothing asks for their __dict__ or vars(), or gives them other attributes.");
    if (row->asked)
        tn__say(w, " Something did ask: most of their __dict__s have been made.");
    if (row->defaults)
        say_names(w, " The class has values of the same name (", row->defaults,
                  "), which slots do not allow: set them in __init__, or as fields of the dataclass.");
    if (row->descriptors)
        say_names(w, " The class has functions or descriptors of the same name (", row->descriptors,
                  "), such as a cached_property, which need the __dict__: do without them first.");
}

static void tell_room(tn_say *w, const tn_waste_shown *one)
{
    static const char *const copies[] = {
        [TN_WASTE_TYPE_LIST] = "list(x)",   [TN_WASTE_TYPE_DICT] = "dict(x.items())",
        [TN_WASTE_TYPE_SET] = "set(x)",     [TN_WASTE_TYPE_FROZENSET] = "frozenset(set(x))",
        [TN_WASTE_TYPE_DEQUE] = "deque(x)", [TN_WASTE_TYPE_BYTEARRAY] = "bytearray(x)",
        [TN_WASTE_TYPE_ARRAY] = "x[:]",
    };
    uint32_t type = tn__waste_finding_at(one->waste, one->index)->type;
    const tn_waste_heap *h = &one->waste->heap;
    tn__say(w, "Copy them when they are filled: ");
    if (type == TN_NONE)
        tn__say(w, "list(x), dict(x.items()), set(x), frozenset(set(x))");
    else if (h->types[type])
        tn__say(w, "%s", copies[h->types[type]]);
    else
        tn__say(w, "into a new one, from %s", h->bases[type] == TN_WASTE_TYPE_DICT ? "x.items()" : "x");
    tn__say(w, ". A copy made so has no more room than it needs%s.",
            type != TN_NONE && h->types[type] == TN_WASTE_TYPE_DICT ? "; dict(x) and x.copy() may keep it" : "");
}

static void tell_unshared(tn_say *w, const tn_waste_row *row)
{
    if (row->attributes) {
        tn__say(w, row->missing ? "They lack the attribute " : "They have the attribute ");
        tn__say_name(w, row->attributes);
        tn__say(w, row->missing ? ", which the others have: do not delete attributes, set them to None. "
                                : ", which the others have not: ");
    } else {
        tn__say(w, "They have attributes in an order of their own, or each another one. ");
    }
    tn__say(w, "%set all attributes in __init__, always in the same order, and change no __dict__ directly.",
            row->attributes && !row->missing ? "s" : "S");
}

void tn__waste_tell_change(tn_say *w, const void *shown)
{
    const tn_waste_row *row = &((const tn_waste_shown *)shown)->row;
    if (row->kind == TN_WASTE_SLOTS)
        tell_slots(w, row);
    else if (row->kind == TN_WASTE_ROOM)
        tell_room(w, shown);
    else if (row->kind == TN_WASTE_UNSHARED)
        tell_unshared(w, row);
    else
        tn__say(w, "%s", words[row->kind].change);
    if (tn__waste_finding_at(((const tn_waste_shown *)shown)->waste, ((const tn_waste_shown *)shown)->index)->elsewhere)
        tn__say(w, " They are in many places, with little in each: no one change does it.");
}

/* ---- the page ---- */

void tn__waste_tell_holder(tn_say *w, const void *shown)
{
    const tn_waste_shown *one = shown;
    uint32_t holder = one->common.node;
    if (!one->trail.n)
        return;
    if (holder == TN_NONE) {
        tn__say(w, " One of them: ");
        tn__say_path(w, one->trail.steps, one->trail.n);
        tn__say(w, ".");
        return;
    }
    if (holder == one->row.example)
        tn__say(w, " It is ");
    else
        tn__say(w, " %.0f %% of their shortest paths lead through ", tn__pct(one->common.carried, one->common.sampled));
    tn__say_path(w, one->trail.steps, one->trail.n);
    tn__say(w, ", ");
    tn__say_thing(w, holder, false);
    tn__say(w, ".");
}

static void write_finding(tn_say *w, const tn_waste_shown *one, size_t number, const tn_view_options *o)
{
    static const char *const grades[] = {
        [TN_WASTE_HINT] = "Perhaps: ", [TN_WASTE_NOTE] = "", [TN_WASTE_WARNING] = "Warning: "};
    tn__out_wrap(w->out, o->width);
    tn__say(w, "%zu. %s", number, grades[one->row.grade]);
    tn__waste_tell(w, one);
    tn__waste_tell_holder(w, one);
    tn__say(w, "\n");
    tn__out_unwrap(w->out);
    tn__say(w, "  ");
    tn__out_wrap(w->out, o->width);
    tn__waste_tell_change(w, one);
    tn__say(w, "\n");
    tn__out_unwrap(w->out);
    tn__say(w, "  ");
    tn__say_command(w, "why", one->row.example);
    tn__say(w, "\n\n");
}

static void write_totals(const tn_waste_page *page, tn_say *w, const tn_view_options *o)
{
    const tn_waste *waste = page->waste;
    tn__out_wrap(w->out, o->width);
    tn__say_objects(w, waste->heap.count);
    tn__say(w, ", ");
    tn__say_bytes(w, waste->heap.bytes);
    if (tn_waste_count(waste)) {
        tn__say(w, "; all changes together would give back ");
        tn__say_bytes(w, waste->saved);
        tn__say(w, ", %.1f %%", tn__pct(waste->saved, waste->heap.bytes));
        if (waste->told > waste->saved) {
            tn__say(w, " (findings overlap by ");
            tn__say_bytes(w, waste->told - waste->saved);
            tn__say(w, ", which counts once)");
        }
    } else if (o->where_rows) {
        tn__say(w, "; no finding is as asked for");
    } else {
        tn__say(w, "; no change would give back ");
        tn__say_bytes(w, waste->threshold);
        tn__say(w, " or more (--threshold shows smaller ones)");
    }
    tn__say(w, "\n");
    tn__out_unwrap(w->out);
    tn__say(w, "\n");
}

void tn__waste_text(const tn_waste_page *page, tn_say *w, const tn_view_options *o)
{
    uint32_t n = tn_waste_count(page->waste);
    tn__heading_print(w->snapshot, w->out, o);
    tn__against_print(w->snapshot, o, w->out);
    write_totals(page, w, o);
    for (uint32_t i = 0; i < page->n_shown; i++)
        write_finding(w, &page->shown[i], i + 1, o);
    if (page->n_shown < n)
        tn__say(w, "<%" PRIu32 " more; use --limit 0 to see all>\n\n", n - page->n_shown);
}
