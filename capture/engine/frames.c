/* frames.c - frames of threads, generators and frame objects: variables by name, call stacks, code objects.
 *
 * Sources: internal/pycore_frame.h (3.11-3.13), internal/pycore_interpframe_structs.h and pycore_stackref.h (3.14+).
 */
#include "engine/describe.h"

enum {
    MAX_FRAMES = 1 << 20,
    SHAPE_THREAD_FRAME = 4,
    SHAPE_GUESSED = 5,
    SHAPE_HOLDER = 6,
    MEMO_STACK = 7,
    MEMO_CODE = 8,
    SHAPE_BORROWED = 9
};

/* 3.14+: the low bits of a word on the stack are a tag (pycore_stackref.h). */
enum { TAG_NOT_COUNTED = 1, TAG_NO_OBJECT = 2 /* a wrapped pointer, or with 1 an integer */, TAG_BITS = 3 };

static uint64_t stack_word(const tn_walk *w, uint64_t address)
{
    uint64_t word = tn_load64(&w->target->memory, address);
    if (w->layout->frame_style != TN_FRAME_STACKREFS)
        return word;
    return word & TAG_NO_OBJECT ? 0 : word & ~(uint64_t)TAG_BITS;
}

/* Is the reference in this word one that the frame does not count, since a variable of its own or of a caller does? Those
 * to immortal objects carry the same tag, and are like any other to them. */
static bool is_borrowed(const tn_walk *w, uint64_t address)
{
    uint64_t word = tn_load64(&w->target->memory, address), object = word & ~(uint64_t)TAG_BITS;
    bool immortal = true;
    if (w->layout->frame_style == TN_FRAME_STACKREFS && (word & TAG_BITS) == TAG_NOT_COUNTED && object &&
        tn_memory_readable(&w->target->memory, object, 16))
        tn__refcount(w, object, &immortal);
    return !immortal;
}

static uint64_t frame_code(const tn_walk *w, uint64_t frame)
{
    const tn_memory *m = &w->target->memory;
    if (!tn_memory_readable(m, frame, w->layout->frame_localsplus) ||
        tn_load8(m, frame + w->layout->frame_owner) >= w->layout->owner_skip)
        return 0;
    uint64_t code = stack_word(w, frame + w->layout->frame_code);
    if ((code & 7) || !tn_memory_readable(m, code, w->layout->code_adaptive) ||
        tn_load64(m, code + 8) != w->target->builtin_types[TN_BUILTIN_CODE])
        return 0;
    return code;
}

static void push(tn_walk *w, uint64_t referent)
{
    uint64_t *place = tn__list_add(w, &w->scratch, sizeof *place, 1);
    if (place)
        *place = referent;
}

/* Values on the frame's stack, known only for frames that are not executing just now. */
static uint32_t stack_depth(const tn_walk *w, uint64_t frame, uint32_t n_locals, uint32_t max)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    int64_t top;
    if (l->frame_style == TN_FRAME_STACKTOP)
        top = (int32_t)tn_load32(m, frame + l->frame_stacktop);
    else
        top = ((int64_t)tn_load64(m, frame + l->frame_stacktop) - (int64_t)(frame + l->frame_localsplus)) / 8;
    return top < n_locals || top > (int64_t)n_locals + max ? 0 : (uint32_t)(top - n_locals);
}

uint64_t tn__frame_references(tn_walk *w, uint64_t frame, bool innermost)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint64_t code = frame_code(w, frame), values = frame + l->frame_localsplus;
    if (!code)
        return 0;
    uint32_t n_locals = tn_load32(m, code + l->code_nlocalsplus), max = tn_load32(m, code + l->code_stacksize);
    if (!tn_memory_readable(m, values, 8ull * n_locals))
        return 0;
    push(w, code);
    push(w, stack_word(w, frame + l->frame_function));
    push(w, tn_load64(m, frame + l->frame_locals));
    push(w, tn_load64(m, frame + l->frame_object));
    for (uint32_t i = 0; i < n_locals; i++)
        push(w, stack_word(w, values + 8ull * i));
    uint32_t depth = innermost ? 0 : stack_depth(w, frame, n_locals, max);
    for (uint32_t i = 0; i < depth; i++)
        push(w, stack_word(w, values + 8ull * (n_locals + i)));
    return code;
}

/* What may stand on the stack of an executing frame: words that are known objects. Stale ones among them: guessed. */
static void push_guesses(tn_walk *w, uint64_t frame, uint64_t code)
{
    const tn_memory *m = &w->target->memory;
    uint32_t n_locals = tn_load32(m, code + w->layout->code_nlocalsplus);
    uint32_t max = tn_load32(m, code + w->layout->code_stacksize);
    for (uint32_t i = 0; i < max && i < 4096; i++) {
        uint64_t at = frame + w->layout->frame_localsplus + 8ull * (n_locals + i);
        uint64_t word = tn_memory_readable(m, at, 8) ? stack_word(w, at) : 0;
        if (word && tn_map_has(w->map, word))
            push(w, word);
    }
}

/* Which of a frame's references are borrowed: code, function, two that never are, variables, stack. */
typedef struct borrowed_entries {
    uint32_t n, n_stack; /* all; how many of them on the stack, 0 when none of those is borrowed */
    uint64_t mask;       /* of the first 63 */
    bool beyond;         /* others as well */
} borrowed_entries;

static bool is_entry_borrowed(const tn_walk *w, uint64_t frame, uint32_t i)
{
    switch (i) {
    case 0: return is_borrowed(w, frame + w->layout->frame_code);
    case 1: return is_borrowed(w, frame + w->layout->frame_function);
    case 2:
    case 3: return false;
    default: return is_borrowed(w, frame + w->layout->frame_localsplus + 8ull * (i - TN_FRAME_FIXED));
    }
}

static borrowed_entries find_borrowed(const tn_walk *w, uint64_t frame, uint64_t code, bool guessed)
{
    const tn_memory *m = &w->target->memory;
    borrowed_entries found = {.n = TN_FRAME_FIXED + tn_load32(m, code + w->layout->code_nlocalsplus)};
    if (w->layout->frame_style != TN_FRAME_STACKREFS)
        return found;
    uint32_t max = tn_load32(m, code + w->layout->code_stacksize), before = found.n;
    uint32_t depth = guessed ? 0 : stack_depth(w, frame, before - TN_FRAME_FIXED, max);
    for (uint32_t i = 0; i < before + depth; i++) {
        if (!is_entry_borrowed(w, frame, i))
            continue;
        found.mask |= i < 63 ? 1ull << i : 0;
        found.beyond |= i >= 63;
        found.n_stack = i >= before ? depth : 0;
    }
    found.n += found.n_stack;
    return found;
}

/* What begins the names of generators, coroutines and async generators in Python; NULL: t is none of them. */
static const char *attribute_prefix(const tn_walk *w, const tn_type_info *t)
{
    static const struct {
        enum tn_builtin type;
        const char *prefix;
    } rows[] = {{TN_BUILTIN_GENERATOR, "gi_"}, {TN_BUILTIN_COROUTINE, "cr_"}, {TN_BUILTIN_ASYNC_GENERATOR, "ag_"}};
    for (size_t i = 0; t && i < sizeof rows / sizeof *rows; i++)
        if (t->address == w->target->builtin_types[rows[i].type])
            return rows[i].prefix;
    return NULL;
}

static void label_fixed(tn_walk *w, const tn_type_info *t, uint32_t *labels)
{
    static const char *const fields[TN_FRAME_FIXED] = {"code", "function", "f_locals", "frame object"};
    const char *prefix = attribute_prefix(w, t);
    prefix = !prefix && t && t->kind == TN_KIND_FRAME ? "f_" : prefix;
    for (unsigned i = 0; i < TN_FRAME_FIXED; i++) {
        char name[32];
        bool attribute = prefix && (i == 0 || (i == 3 && *prefix != 'f'));
        tn__compose(name, sizeof name, "%s%s", attribute ? prefix : "", attribute && i == 3 ? "frame" : fields[i]);
        labels[2 * i] = tn__string(w, name);
        labels[2 * i + 1] = attribute ? TN_LABEL_ATTRIBUTE : TN_LABEL_FIELD;
    }
}

/* Labels say which reference is borrowed, so a stack with such is labelled one by one and no longer a run. */
static uint32_t frame_shape_make(tn_walk *w, tn_type_info *t, uint32_t type, uint64_t frame, uint64_t code,
                                 bool guessed, borrowed_entries borrowed)
{
    const tn_memory *m = &w->target->memory;
    uint32_t n_locals = borrowed.n - borrowed.n_stack - TN_FRAME_FIXED, n = 0;
    uint32_t lead = t ? t->n_fixed + t->class_reference : 0;
    uint32_t *labels = tn__arena_get(&w->reg->arena, 2 * ((size_t)lead + borrowed.n) * sizeof *labels);
    if (!labels) {
        w->status = TN_ENOMEM;
        return 0;
    }
    if (t && t->class_reference) {
        labels[0] = tn__string(w, "__class__");
        labels[1] = TN_LABEL_ATTRIBUTE;
        n = 1;
    }
    if (t && t->n_fixed)
        memcpy(labels + 2 * n, t->labels, 2 * t->n_fixed * sizeof *labels);
    label_fixed(w, t, labels + 2 * lead);
    n = lead + TN_FRAME_FIXED;
    uint64_t names = tn_load64(m, code + w->layout->code_localsplusnames) + w->layout->tuple_items;
    for (uint32_t i = 0; i < n_locals; i++, n++) {
        uint32_t name = w->options.redact ? TN_NONE : tn__string_of(w, tn_load64(m, names + 8ull * i));
        labels[2 * n] = name == TN_NONE ? tn__string(w, "") : name;
        labels[2 * n + 1] = TN_LABEL_LOCAL;
    }
    for (uint32_t i = 0; i < borrowed.n_stack; i++, n++) {
        char name[32];
        tn__compose(name, sizeof name, "stack %u", i);
        labels[2 * n] = tn__string(w, name);
        labels[2 * n + 1] = TN_LABEL_FIELD;
    }
    for (uint32_t i = 0; (borrowed.mask || borrowed.beyond) && i < borrowed.n; i++)
        labels[2 * (lead + i) + 1] |= is_entry_borrowed(w, frame, i) ? TN_REF_BORROWED << 8 : 0;
    uint32_t flags = TN_RUN_STACK | (guessed ? TN_REF_GUESSED << TN_RUN_KIND_SHIFT : 0) | (t ? 0 : TN_SHAPE_STACK);
    return tn__shape_new(w, type, flags, labels, n);
}

uint32_t tn__frame_shape(tn_walk *w, tn_type_info *t, uint32_t type, uint64_t frame, uint64_t code, bool guessed)
{
    enum { FITS = 0xfff };
    borrowed_entries borrowed = find_borrowed(w, frame, code, guessed);
    bool mixed = borrowed.mask || borrowed.beyond;
    borrowed.beyond |= mixed && (type > FITS || borrowed.n_stack > FITS); /* a shape of its own */
    uint32_t tag = t ? SHAPE_HOLDER : guessed ? SHAPE_GUESSED : SHAPE_THREAD_FRAME;
    uint32_t key_tag = mixed ? SHAPE_BORROWED | tag << 4 | (borrowed.n_stack & FITS) << 8 | (type & FITS) << 20 : tag;
    uint64_t key_type = mixed ? code : type, key = mixed ? borrowed.mask : code;
    uint32_t shape = borrowed.beyond ? TN_NONE : tn__memo_get(w, key_type, key, key_tag);
    if (shape != TN_NONE)
        return shape;
    bool taken = tn__lock(w);
    shape = borrowed.beyond ? TN_NONE : tn__memo_get(w, key_type, key, key_tag);
    if (shape == TN_NONE) {
        shape = frame_shape_make(w, t, type, frame, code, guessed, borrowed);
        if (!borrowed.beyond)
            tn__memo_put(w, key_type, key, key_tag, shape);
    }
    tn__unlock(w, taken);
    return shape;
}

/* ---- generators ---- */

/* Does the generator wait for the last value of its stack? (Objects/genobject.c, _PyGen_yf) */
static bool is_waiting(const tn_walk *w, uint64_t generator)
{
    enum {
        UNIT = 2,
        FIRST_PLACE = 2
    }; /* bytes of an instruction; RESUME's argument: 2 after yield from, 3 after await */
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    int32_t state = (int8_t)tn_load8(m, generator + l->gen_state);
    if (state < l->gen_awaits_min || state > l->gen_awaits_max)
        return false;
    if (!l->resume_opcodes[0])
        return true;
    uint64_t next = tn_load64(m, generator + l->gen_frame + l->frame_instr) + UNIT;
    if (!tn_memory_readable(m, next, UNIT))
        return false;
    uint8_t opcode = tn_load8(m, next);
    return (opcode == l->resume_opcodes[0] || opcode == l->resume_opcodes[1]) && tn_load8(m, next + 1) >= FIRST_PLACE;
}

/* What it waits for stands before the stack then, under its own name. */
static uint32_t name_awaited(tn_walk *w, uint64_t generator, const tn_type_info *t, uint32_t shape, uint32_t before)
{
    const char *prefix = attribute_prefix(w, t);
    uint64_t *words = TN_LIST(w->scratch, uint64_t);
    size_t last = w->scratch.count;
    while (last > before && !words[last - 1])
        last--;
    if (!prefix || last <= before || TN_SHAPE_AT(w, shape).n_fixed != t->n_fixed + before || !is_waiting(w, generator))
        return shape;
    uint64_t awaited = words[last - 1];
    memmove(words + before + 1, words + before, (last - 1 - before) * sizeof *words);
    words[before] = awaited;
    return tn__shape_with(w, shape, TN_RUN_STACK,
                          *prefix == 'g'   ? ".gi_yieldfrom"
                          : *prefix == 'c' ? ".cr_await"
                                           : ".ag_await",
                          1);
}

bool tn__describe_generator(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d)
{
    const tn_layout *l = w->layout;
    int32_t state = (int8_t)tn_load8(&w->target->memory, object + l->gen_state);
    if (state < l->gen_suspended_min || state > l->gen_suspended_max ||
        !tn__describe_frame(w, object + l->gen_frame, t, d))
        return false;
    if (w->status < 0 || w->scratch.count < TN_FRAME_FIXED) /* no memory for what the frame has */
        return true;
    uint64_t code = TN_LIST(w->scratch, uint64_t)[0];
    uint32_t before = TN_FRAME_FIXED + tn_load32(&w->target->memory, code + l->code_nlocalsplus);
    d->shape = name_awaited(w, object, t, d->shape, before);
    return true;
}

/* ---- call stacks ---- */

static uint32_t text_row(tn_walk *w, uint64_t str)
{
    uint32_t row = w->options.redact ? TN_NONE : tn__string_of(w, str);
    return row == TN_NONE ? tn__string(w, "") : row;
}

static uint32_t code_row(tn_walk *w, uint64_t code)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint32_t row = tn__memo_get(w, 0, code, MEMO_CODE);
    if (row != TN_NONE)
        return row;
    uint64_t table = tn_load64(m, code + l->code_linetable), n = tn_load64(m, table + 16);
    uint32_t words[TN_CODE_WORDS] = {text_row(w, tn_load64(m, code + l->code_name)),
                                     text_row(w, tn_load64(m, code + l->code_qualname)),
                                     text_row(w, tn_load64(m, code + l->code_filename)),
                                     tn_load32(m, code + l->code_firstlineno), (uint32_t)(n < 1 << 20 ? n : 0)};
    row = tn_walk_add_code(w, words, TN_AT(m, table + l->bytes_value));
    tn__memo_put(w, 0, code, MEMO_CODE, row);
    return row;
}

/* Row of STAK + 1. */
static uint32_t stack_row(tn_walk *w, uint32_t parent, uint64_t frame, uint64_t code)
{
    uint64_t instruction =
        tn_load64(&w->target->memory, frame + w->layout->frame_instr) - code - w->layout->code_adaptive;
    uint32_t at = instruction < 1u << 28 ? (uint32_t)instruction : 0, row = code_row(w, code);
    uint32_t known = tn__memo_get(w, parent, (uint64_t)row << 32 | at, MEMO_STACK);
    if (known != TN_NONE)
        return known;
    known = tn_walk_add_stack(w, parent, row, at);
    tn__memo_put(w, parent, (uint64_t)row << 32 | at, MEMO_STACK, known);
    return known;
}

/* ---- threads ---- */

static uint64_t first_frame(const tn_walk *w, uint64_t thread)
{
    uint64_t at = tn_load64(&w->target->memory, thread + w->layout->thread_frame);
    if (!w->layout->cframe || !at)
        return at;
    return tn_load64(&w->target->memory, at + w->layout->thread_cframe_frame);
}

static void mark_scratch(tn_walk *w)
{
    for (size_t i = 0; i < w->scratch.count; i++)
        tn__mark_root(w, TN_LIST(w->scratch, uint64_t)[i]);
}

static const struct {
    const char *name;
    size_t field;
} thread_fields[] = {
    {"dict", offsetof(tn_layout, thread_dict)},
    {"context", offsetof(tn_layout, thread_context)},
    {"async_exc", offsetof(tn_layout, thread_async_exc)},
    {"profile function", offsetof(tn_layout, thread_profile_obj)},
    {"trace function", offsetof(tn_layout, thread_trace_obj)},
    {"current exception", offsetof(tn_layout, thread_exception)},
};
enum { THREAD_FIELDS = sizeof thread_fields / sizeof *thread_fields, MAX_HANDLED = 64 };

static uint64_t thread_field(const tn_walk *w, uint64_t thread, unsigned i)
{
    uint32_t offset;
    memcpy(&offset, (const char *)w->layout + thread_fields[i].field, sizeof offset);
    return tn_load64(&w->target->memory, thread + offset);
}

/* Exceptions being handled: a chain of stack items, in the thread state and in generators. */
static void push_handled(tn_walk *w, uint64_t thread)
{
    const tn_memory *m = &w->target->memory;
    uint64_t item = tn_load64(m, thread + w->layout->thread_exc_info);
    for (unsigned i = 0; i < MAX_HANDLED && item && tn_memory_readable(m, item, 16); i++) {
        push(w, tn_load64(m, item + w->layout->thread_exc_value));
        item = tn_load64(m, item + w->layout->thread_exc_previous);
    }
}

static uint64_t next_thread(const tn_walk *w, uint64_t thread)
{
    uint64_t next = tn_load64(&w->target->memory, thread ? thread + w->layout->thread_next
                                                         : w->target->interpreter + w->layout->interp_threads);
    return next && tn_memory_readable(&w->target->memory, next, w->layout->thread_exc_info + 8) ? next : 0;
}

static uint64_t next_frame(const tn_walk *w, uint64_t frame)
{
    uint64_t next = tn_load64(&w->target->memory, frame + w->layout->frame_previous);
    return next && tn_memory_readable(&w->target->memory, next, w->layout->frame_localsplus) ? next : 0;
}

void tn__threads_mark(tn_walk *w)
{
    unsigned n_threads = 0;
    for (uint64_t thread = next_thread(w, 0); thread && n_threads++ < 65536; thread = next_thread(w, thread)) {
        w->scratch.count = 0;
        for (unsigned i = 0; i < THREAD_FIELDS; i++)
            push(w, thread_field(w, thread, i));
        push_handled(w, thread);
        bool innermost = true;
        unsigned depth = 0;
        for (uint64_t f = first_frame(w, thread); f && depth++ < MAX_FRAMES; f = next_frame(w, f))
            innermost &= !tn__frame_references(w, f, innermost);
        mark_scratch(w);
    }
}

void tn__frames_visit(tn_walk *w, bool (*wanted)(tn_walk *, uint64_t function),
                      void (*visit)(tn_walk *, uint64_t object))
{
    unsigned n_threads = 0;
    for (uint64_t thread = next_thread(w, 0); thread && n_threads++ < 65536; thread = next_thread(w, thread)) {
        unsigned depth = 0;
        for (uint64_t f = first_frame(w, thread); f && depth++ < MAX_FRAMES; f = next_frame(w, f)) {
            if (!frame_code(w, f) ||
                tn_load8(&w->target->memory, f + w->layout->frame_owner) != w->layout->owner_thread ||
                !wanted(w, stack_word(w, f + w->layout->frame_function)))
                continue;
            w->scratch.count = 0;
            tn__frame_references(w, f, true);
            for (uint32_t i = 0; i < w->scratch.count; i++)
                if (!is_entry_borrowed(w, f, i))
                    visit(w, TN_LIST(w->scratch, uint64_t)[i]);
        }
    }
}

void tn__frame_stacks(tn_walk *w, void (*each)(tn_walk *w, uint64_t frame, uint64_t from, uint64_t to))
{
    const tn_memory *m = &w->target->memory;
    unsigned n_threads = 0;
    for (uint64_t thread = next_thread(w, 0); thread && n_threads++ < 65536; thread = next_thread(w, thread)) {
        unsigned depth = 0;
        bool innermost = true;
        for (uint64_t f = first_frame(w, thread); f && depth++ < MAX_FRAMES; f = next_frame(w, f)) {
            uint64_t code = frame_code(w, f);
            if (!code || tn_load8(m, f + w->layout->frame_owner) != w->layout->owner_thread)
                continue;
            uint32_t n_locals = tn_load32(m, code + w->layout->code_nlocalsplus);
            uint32_t max = tn_load32(m, code + w->layout->code_stacksize);
            uint64_t from = f + w->layout->frame_localsplus + 8ull * n_locals;
            bool known = !innermost && stack_depth(w, f, n_locals, max);
            each(w, f, from, known ? from : from + 8ull * max);
            innermost = false;
        }
    }
}

static uint32_t frame_type(tn_walk *w)
{
    return tn__synthetic_type(w, "frame");
}

/* One node a frame, innermost first; returns their tagged addresses in nodes. */
static uint32_t build_frames(tn_walk *w, uint64_t thread, tn_list *nodes)
{
    tn_list frames = {0};
    unsigned depth = 0;
    for (uint64_t f = first_frame(w, thread); f && depth++ < MAX_FRAMES; f = next_frame(w, f)) {
        uint64_t *place = frame_code(w, f) ? tn__list_add(w, &frames, sizeof *place, 1) : NULL;
        if (place)
            *place = f;
    }
    uint32_t n = (uint32_t)frames.count, parent = 0;
    uint64_t *out = tn__list_add(w, nodes, sizeof *out, n);
    for (uint32_t i = n; out && i-- > 0;) {
        uint64_t frame = TN_LIST(frames, uint64_t)[i];
        w->scratch.count = 0;
        uint64_t code = tn__frame_references(w, frame, i == 0);
        if (i == 0)
            push_guesses(w, frame, code);
        uint32_t shape = tn__frame_shape(w, NULL, frame_type(w), frame, code, i == 0);
        uint32_t node = tn__synthetic_new(w, shape, TN_LIST(w->scratch, uint64_t), (uint32_t)w->scratch.count);
        parent = stack_row(w, parent, frame, code);
        if (node != TN_NONE)
            TN_LIST(w->reg->synthetic, tn_synthetic)[node].stack = parent;
        out[i] = TN_SYNTHETIC | node;
    }
    tn__list_free(w, &frames, sizeof(uint64_t));
    return n;
}

static void build_thread(tn_walk *w, uint64_t thread)
{
    uint32_t labels[2 * (THREAD_FIELDS + MAX_HANDLED)], n_fixed = 0;
    tn_list nodes = {0};
    w->scratch.count = 0;
    for (unsigned i = 0; i < THREAD_FIELDS; i++)
        push(w, thread_field(w, thread, i));
    push_handled(w, thread);
    for (; n_fixed < w->scratch.count; n_fixed++) {
        labels[2 * n_fixed] =
            tn__string(w, n_fixed < THREAD_FIELDS ? thread_fields[n_fixed].name : "handled exception");
        labels[2 * n_fixed + 1] = TN_LABEL_FIELD;
        uint64_t *place = tn__list_add(w, &nodes, sizeof *place, 1);
        if (place)
            *place = TN_LIST(w->scratch, uint64_t)[n_fixed];
    }
    uint32_t n_frames = build_frames(w, thread, &nodes);
    uint32_t shape = tn__shape_new(w, tn__synthetic_type(w, "thread"), TN_RUN_ITEMS, labels, n_fixed);
    uint32_t node = tn__synthetic_new(w, shape, TN_LIST(nodes, uint64_t), (uint32_t)nodes.count);
    tn__list_free(w, &nodes, sizeof(uint64_t));
    uint64_t ident = tn_load64(&w->target->memory, thread + w->layout->thread_ident);
    tn_thread_info *info = tn__list_add(w, &w->threads, sizeof *info, 1);
    if (info)
        *info = (tn_thread_info){ident,
                                 tn_load64(&w->target->memory, thread + w->layout->thread_native),
                                 node,
                                 n_frames,
                                 tn__thread_name(w, ident),
                                 thread == w->target->current_thread};
}

void tn__threads_build(tn_walk *w)
{
    unsigned n = 0;
    for (uint64_t thread = next_thread(w, 0); thread && n++ < 65536; thread = next_thread(w, thread))
        build_thread(w, thread);
}
