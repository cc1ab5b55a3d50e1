/* follow.c - see follow.h.
 *
 * A type is looked up at each object that is made (from 3.13 on), so what is known of the types seen last is in a table of
 * places by address. A type that dies leaves its place when its memory is used for another: a new type is an object that is
 * made, too. Before 3.13 only followed types are looked up.
 */
#include "inside/follow_parts.h"

#include "inside/trace.h"

#include <string.h>

enum { PLACES = 1024, RULES = 256 };

typedef struct place {
    const PyTypeObject *type;
    uint16_t kind;   /* 0: not followed */
    uint16_t before; /* bytes in front of its objects */
    bool stacks;     /* of who makes them */
    bool of_types;   /* they are types themselves */
    bool of_all;     /* other interpreters may make some, too */
} place;

typedef struct rule {
    PyTypeObject *type;
    tn_follow_way way;
} rule;

static struct {
    const PyInterpreterState *interpreter;
    uint32_t managed_flags, n_rules, n_kinds, types_kind;
    rule rules[RULES];
    tn_followed_type kinds[TN_KINDS];
    bool of_types[TN_KINDS]; /* instances are types themselves, which may have a kind */
    place places[PLACES];
    uint64_t reconnected, made;
} follow;

/* ---- types ---- */

static place *place_of(const PyTypeObject *type)
{
    return &follow.places[(TN_ADDRESS(type) >> 4) * 0x9e3779b1u >> 22 & (PLACES - 1)];
}

static bool is_for(const rule *r, PyTypeObject *type)
{
    return r->way.alone ? type == r->type : PyType_IsSubtype(type, r->type);
}

PyTypeObject *tn__follow_rule(PyTypeObject *type)
{
    PyTypeObject *most = NULL;
    for (uint32_t i = 0; i < follow.n_rules; i++)
        if (is_for(&follow.rules[i], type) && (!most || PyType_IsSubtype(follow.rules[i].type, most)))
            most = follow.rules[i].type;
    return most;
}

/* What any of its classes wants. */
static tn_follow_way way_of(PyTypeObject *type)
{
    tn_follow_way way = {0};
    for (uint32_t i = 0; i < follow.n_rules; i++)
        if (is_for(&follow.rules[i], type)) {
            way.stacks |= follow.rules[i].way.stacks;
            way.log |= follow.rules[i].way.log;
        }
    return way;
}

/* Its place among the rules; n_rules: it is none. */
static uint32_t rule_at(const PyTypeObject *type)
{
    uint32_t i = 0;
    while (i < follow.n_rules && follow.rules[i].type != type)
        i++;
    return i;
}

static uint32_t before_of(const PyTypeObject *type)
{
    return (uint32_t)(0 - tn_trace_block_address(0, type->tp_flags, follow.managed_flags));
}

static uint64_t found(uint32_t kind, PyObject *object)
{
    uint32_t before = before_of(Py_TYPE(object));
    return tn_lives_found(kind, TN_ADDRESS(object) - before, before);
}

static const tn_life *life_of(const PyObject *object)
{
    return tn_lives_at(TN_ADDRESS(object) - before_of(Py_TYPE(object)));
}

static uint32_t kind_named(const PyTypeObject *type, const PyTypeObject *by, bool single)
{
    uint32_t kind = tn_lives_kind(TN_ADDRESS(type));
    if (!kind)
        return 0;
    tn_followed_type *k = &follow.kinds[kind];
    *k = (tn_followed_type){.type = TN_ADDRESS(type), .rule = TN_ADDRESS(by), .made = ++follow.made, .single = single};
    for (size_t i = 0; i + 1 < sizeof k->name && type->tp_name[i]; i++)
        k->name[i] = type->tp_name[i];
    follow.of_types[kind] = PyType_FastSubclass(type, Py_TPFLAGS_TYPE_SUBCLASS);
    follow.n_kinds = kind > follow.n_kinds ? kind : follow.n_kinds;
    return kind;
}

/* The death of a type that has a kind is seen, unless there is no memory for that: then it has none. */
static bool watch(uint32_t kind)
{
    PyTypeObject *type = (PyTypeObject *)(uintptr_t)follow.kinds[kind].type;
    if (!type || !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || found(follow.types_kind, (PyObject *)type))
        return true;
    follow.kinds[kind].type = 0;
    return false;
}

/* The kind of a type that is alive; a new one, unless it has one. */
static uint32_t kind_of(PyTypeObject *type, const PyTypeObject *by, bool single)
{
    for (uint32_t kind = 1; kind <= follow.n_kinds; kind++) {
        tn_followed_type *k = &follow.kinds[kind];
        if (k->type == TN_ADDRESS(type) && k->made && k->single == single && !k->closed) {
            k->rule = TN_ADDRESS(by);
            return kind;
        }
    }
    uint32_t kind = kind_named(type, by, single);
    return kind && watch(kind) ? kind : 0;
}

static __attribute__((noinline)) place *looked_up(place *p, PyTypeObject *type)
{
    const PyTypeObject *by = tn__follow_rule(type);
    tn_follow_way way = way_of(type);
    *p = (place){.type = type,
                 .kind = (uint16_t)(by ? kind_of(type, by, false) : 0),
                 .before = (uint16_t)before_of(type),
                 .stacks = way.stacks,
                 .of_types = PyType_FastSubclass(type, Py_TPFLAGS_TYPE_SUBCLASS),
                 .of_all = !(type->tp_flags & Py_TPFLAGS_HEAPTYPE)};
    if (p->kind)
        tn_lives_log_kind(p->kind, way.log);
    return p;
}

/* Its memory may be another type's soon. */
static void type_died(uint64_t type)
{
    for (uint32_t kind = 1; kind <= follow.n_kinds; kind++)
        if (follow.kinds[kind].type == type)
            follow.kinds[kind].type = 0;
    *place_of((const PyTypeObject *)(uintptr_t)type) = (place){.type = NULL};
}

void tn__follow_died(uint64_t block)
{
    const tn_life *life = tn_lives_at(block);
    if (!life)
        return;
    uint64_t object = block + life->before;
    if (follow.of_types[life->kind])
        type_died(object);
    if (life->kind == follow.types_kind)
        tn_lives_forget(life);
    else
        tn_lives_end(life, TN_ADDRESS(Py_TYPE((PyObject *)(uintptr_t)object)));
}

bool tn__follow_watch(uint64_t block)
{
    return tn_lives_found(follow.types_kind, block, 0) != 0;
}

bool tn__follow_unwatch(uint64_t block)
{
    const tn_life *life = tn_lives_at(block);
    if (life)
        tn_lives_forget(life);
    return life != NULL;
}

/* ---- births ---- */

/* Another interpreter's objects are not followed: it may have a lock of its own, and what is known here has ours. */
static bool is_elsewhere(void)
{
    return _PyThreadState_UncheckedGet()->interp != follow.interpreter;
}

/* A class made by Python code is one interpreter's own; what is known of it was found out in ours. */
static inline void born(place *p, PyObject *object, PyTypeObject *type)
{
    bool is_known = p->type == type;
    if (__builtin_expect(!is_known || p->of_all, 0) && is_elsewhere())
        return;
    if (__builtin_expect(!is_known, 0))
        p = looked_up(p, type);
    if (p->kind)
        tn_lives_born(p->kind, TN_ADDRESS(object) - p->before, p->before, p->stacks ? tn_trace_stack() : 0);
}

void tn__follow_born(PyObject *object, PyTypeObject *type)
{
    born(place_of(type), object, type);
}

#if TN_REF_TRACER

/* What was known of the type that had its memory; it has no bases yet, and is looked at when it has an object. */
static void type_created(PyTypeObject *type)
{
    place *p = place_of(type);
    if (p->type == type && !is_elsewhere())
        p->type = NULL;
}

static __attribute__((noinline)) void told_any(PyObject *object, PyTypeObject *type, place *p)
{
    if (PyType_FastSubclass(type, Py_TPFLAGS_TYPE_SUBCLASS))
        type_created((PyTypeObject *)object);
    born(p, object, type);
}

static int told(PyObject *object, PyRefTracerEvent event, void *data)
{
    (void)data;
    if (event != PyRefTracer_CREATE)
        return 0;
    PyTypeObject *type = Py_TYPE(object);
    place *p = place_of(type);
    tn_ref_tracer_count();
    if (__builtin_expect(p->type != type || p->of_types || (p->kind && (p->of_all || p->stacks)), 0))
        told_any(object, type, p);
    else if (p->kind)
        tn_lives_born(p->kind, TN_ADDRESS(object) - p->before, p->before, 0);
    return 0;
}

static void births_of(PyTypeObject *type)
{
    (void)type;
    tn_ref_tracer_on(TN_TOLD_FOLLOW, told);
}

static void no_births_of(PyTypeObject *type, bool last)
{
    (void)type;
    if (last)
        tn_ref_tracer_off(TN_TOLD_FOLLOW);
}

#else
#define births_of tn__follow_births
#define no_births_of tn__follow_no_births
#endif

/* ---- what is followed ---- */

/* Deaths were missed: what is followed may be something else by now, and types but those that we hold may be gone. */
static void forget_all(void)
{
    follow.reconnected++;
    for (uint32_t kind = 1; kind <= follow.n_kinds; kind++) {
        bool held = false;
        for (uint32_t i = 0; i < follow.n_rules; i++)
            held |= follow.kinds[kind].type == TN_ADDRESS(follow.rules[i].type);
        follow.kinds[kind].type = held ? follow.kinds[kind].type : 0;
        tn_lives_forget_kind(kind);
    }
    memset(follow.places, 0, sizeof follow.places);
    if (tn_record_mode() == TN_RECORD_OFF)
        tn_record_missed();
    else
        tn_trace_reconnect();
}

static void frees_on(void)
{
    if (tn__follow_frees())
        forget_all();
}

static int begin(const tn_inside *inside, tn_error *err)
{
    const tn_layout *l = inside->target.layout;
    follow.interpreter = (PyInterpreterState *)(uintptr_t)inside->target.interpreter;
    follow.managed_flags = l->managed_dict_flag | l->managed_weakref_flag;
    if (PyInterpreterState_Get() != follow.interpreter)
        return tn__error_set(err, TN_EVERSION, 0, "objects are followed in the main interpreter only");
    if (!follow.types_kind)
        follow.types_kind = follow.n_kinds = tn_lives_kind(0);
    follow.of_types[follow.types_kind] = true;
    if (!follow.types_kind)
        return tn__error_set(err, TN_ENOMEM, 0, "no memory to follow objects");
    frees_on();
    return TN_OK;
}

/* What is known of types is not true any more. A type may have been an instance of one that is not followed now. */
static void rules_changed(bool stay)
{
    memset(follow.places, 0, sizeof follow.places);
    for (uint32_t kind = 1; kind <= follow.n_kinds; kind++) {
        tn_followed_type *k = &follow.kinds[kind];
        const PyTypeObject *by = k->type ? tn__follow_rule((PyTypeObject *)(uintptr_t)k->type) : NULL;
        if (k->rule && !by && !stay)
            tn_lives_forget_kind(kind);
        if (k->type || !stay) /* of one that is dead it is all that is known */
            k->rule = TN_ADDRESS(by);
    }
    for (uint32_t kind = 1; kind <= follow.n_kinds; kind++)
        watch(kind);
}

static int stacks_on(const tn_inside *inside, tn_error *err)
{
    tn__follow_code_frees();
    return tn_trace_stacks(inside, err);
}

/* Instances that are made now, of a type and of those derived from it, are of other kinds than those that are there. */
static uint64_t close_kinds(PyTypeObject *type)
{
    tn_kind_lives sums;
    for (uint32_t kind = 1; kind <= follow.n_kinds; kind++) {
        tn_followed_type *k = &follow.kinds[kind];
        if (k->type && !k->single && kind != follow.types_kind &&
            PyType_IsSubtype((PyTypeObject *)(uintptr_t)k->type, type) && tn_lives_sums(kind, &sums) && sums.born)
            k->closed = true;
    }
    return follow.made;
}

int tn_follow_class(const tn_inside *inside, PyTypeObject *type, tn_follow_way way, uint64_t *made, tn_error *err)
{
    TN_TRY(begin(inside, err));
    uint32_t i = rule_at(type);
    bool is_new = i == follow.n_rules;
    if (i == RULES)
        return tn__error_set(err, TN_ELIMIT, 0, "no more than %d classes can be followed", RULES);
    if (way.stacks)
        TN_TRY(stacks_on(inside, err));
    *made = close_kinds(type);
    follow.rules[i] = (rule){type, way};
    follow.n_rules += is_new;
    rules_changed(true);
    if (!kind_of(type, type, false)) {
        follow.n_rules -= is_new;
        rules_changed(true);
        return tn__error_set(err, TN_ELIMIT, 0, "no more than %d types can be followed", TN_KINDS);
    }
    if (is_new)
        Py_INCREF(type);
    births_of(type);
    return TN_OK;
}

void tn_follow_no_class(PyTypeObject *type, bool stay, uint64_t *made)
{
    uint32_t i = rule_at(type);
    *made = follow.made;
    if (i == follow.n_rules)
        return;
    if (stay)
        close_kinds(type);
    follow.rules[i] = follow.rules[--follow.n_rules];
    rules_changed(stay);
    no_births_of(type, follow.n_rules == 0);
    Py_DECREF(type);
}

bool tn_follow_no_kind(uint32_t kind)
{
    tn_followed_type *k = &follow.kinds[kind];
    if (kind == 0 || kind > follow.n_kinds || kind == follow.types_kind || !k->made)
        return false;
    memset(follow.places, 0, sizeof follow.places);
    if (!tn_lives_release_kind(kind))
        return false;
    *k = (tn_followed_type){0};
    return true;
}

PyTypeObject *tn_followed_class(uint32_t kind)
{
    PyTypeObject *type = kind <= follow.n_kinds ? (PyTypeObject *)(uintptr_t)follow.kinds[kind].type : NULL;
    return type && Py_REFCNT(type) > 0 ? (PyTypeObject *)Py_NewRef(type) : NULL;
}

const tn_life *tn_follow_life(const PyObject *object)
{
    const tn_life *life = life_of(object);
    return life && life->kind != follow.types_kind ? life : NULL;
}

uint64_t tn_follow_object(const tn_inside *inside, PyObject *object, tn_error *err)
{
    if (begin(inside, err) < 0)
        return 0;
    PyTypeObject *type = Py_TYPE(object);
    uint32_t kind = kind_of(type, tn__follow_rule(type), true);
    const tn_life *life = life_of(object);
    if (kind && life && life->kind == follow.types_kind) /* watched as a type until now; its new kind is as good */
        tn_lives_forget(life);
    uint64_t serial = kind ? found(kind, object) : 0;
    if (!serial)
        tn__error_set(err, TN_ENOMEM, 0, "no memory to follow objects");
    else
        tn_lives_single(life_of(object), true);
    return serial;
}

void tn_follow_no_object(PyObject *object)
{
    const tn_life *life = life_of(object);
    if (!life || life->kind == follow.types_kind)
        return;
    tn_lives_forget(life);
    for (uint32_t kind = 1; kind <= follow.n_kinds; kind++)
        if (follow.kinds[kind].type == TN_ADDRESS(object))
            watch(kind);
}

uint64_t tn_follow_reconnect(void)
{
    if (follow.types_kind)
        frees_on();
    if (follow.n_rules)
        births_of(follow.rules[0].type);
    return follow.reconnected;
}

bool tn_followed_at(uint32_t n, tn_followed *out)
{
    uint32_t kind = n + 2; /* after that of types */
    if (kind > follow.n_kinds)
        return false;
    out->kind = kind;
    out->type = follow.kinds[kind];
    return tn_lives_sums(kind, &out->sums);
}
