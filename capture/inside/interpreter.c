/* interpreter.c - finds this interpreter's structures and checks the layout table on planted objects, once.
 *
 * Nothing here trusts an offset that it can test: collector lists are those that hold a list made for the purpose, obmalloc's
 * arena table is found through the pools of two small objects, and planted.c reads every kind of layout back from objects
 * whose content is known. One disagreement and the interpreter is refused by name.
 */
#include <Python.h>

#include "inside/inside.h"

#include <link.h>
#include <stdlib.h>

#define ADDRESS(p) ((uint64_t)(uintptr_t)(p))

static void builtin_types(uint64_t *t)
{
    t[TN_BUILTIN_OBJECT] = ADDRESS(&PyBaseObject_Type);
    t[TN_BUILTIN_TYPE] = ADDRESS(&PyType_Type);
    t[TN_BUILTIN_LIST] = ADDRESS(&PyList_Type);
    t[TN_BUILTIN_TUPLE] = ADDRESS(&PyTuple_Type);
    t[TN_BUILTIN_DICT] = ADDRESS(&PyDict_Type);
    t[TN_BUILTIN_SET] = ADDRESS(&PySet_Type);
    t[TN_BUILTIN_FROZENSET] = ADDRESS(&PyFrozenSet_Type);
    t[TN_BUILTIN_STR] = ADDRESS(&PyUnicode_Type);
    t[TN_BUILTIN_BYTES] = ADDRESS(&PyBytes_Type);
    t[TN_BUILTIN_BYTEARRAY] = ADDRESS(&PyByteArray_Type);
    t[TN_BUILTIN_INT] = ADDRESS(&PyLong_Type);
    t[TN_BUILTIN_BOOL] = ADDRESS(&PyBool_Type);
    t[TN_BUILTIN_FLOAT] = ADDRESS(&PyFloat_Type);
    t[TN_BUILTIN_COMPLEX] = ADDRESS(&PyComplex_Type);
    t[TN_BUILTIN_NONE] = ADDRESS(Py_TYPE(Py_None));
    t[TN_BUILTIN_ELLIPSIS] = ADDRESS(Py_TYPE(Py_Ellipsis));
    t[TN_BUILTIN_NOTIMPLEMENTED] = ADDRESS(Py_TYPE(Py_NotImplemented));
    t[TN_BUILTIN_CODE] = ADDRESS(&PyCode_Type);
    t[TN_BUILTIN_FUNCTION] = ADDRESS(&PyFunction_Type);
    t[TN_BUILTIN_METHOD] = ADDRESS(&PyMethod_Type);
    t[TN_BUILTIN_CFUNCTION] = ADDRESS(&PyCFunction_Type);
    t[TN_BUILTIN_CMETHOD] = ADDRESS(&PyCMethod_Type);
    t[TN_BUILTIN_CELL] = ADDRESS(&PyCell_Type);
    t[TN_BUILTIN_MODULE] = ADDRESS(&PyModule_Type);
    t[TN_BUILTIN_GENERATOR] = ADDRESS(&PyGen_Type);
    t[TN_BUILTIN_COROUTINE] = ADDRESS(&PyCoro_Type);
    t[TN_BUILTIN_ASYNC_GENERATOR] = ADDRESS(&PyAsyncGen_Type);
    t[TN_BUILTIN_FRAME] = ADDRESS(&PyFrame_Type);
    t[TN_BUILTIN_TRACEBACK] = ADDRESS(&PyTraceBack_Type);
    t[TN_BUILTIN_PROPERTY] = ADDRESS(&PyProperty_Type);
    t[TN_BUILTIN_CLASSMETHOD] = ADDRESS(&PyClassMethod_Type);
    t[TN_BUILTIN_STATICMETHOD] = ADDRESS(&PyStaticMethod_Type);
    t[TN_BUILTIN_WEAKREF] = ADDRESS(&_PyWeakref_RefType);
    t[TN_BUILTIN_WEAKPROXY] = ADDRESS(&_PyWeakref_ProxyType);
    t[TN_BUILTIN_CALLABLEPROXY] = ADDRESS(&_PyWeakref_CallableProxyType);
    t[TN_BUILTIN_GETSET] = ADDRESS(&PyGetSetDescr_Type);
    t[TN_BUILTIN_MEMBER] = ADDRESS(&PyMemberDescr_Type);
    t[TN_BUILTIN_METHOD_DESCR] = ADDRESS(&PyMethodDescr_Type);
    t[TN_BUILTIN_CLASSMETHOD_DESCR] = ADDRESS(&PyClassMethodDescr_Type);
    t[TN_BUILTIN_WRAPPER_DESCR] = ADDRESS(&PyWrapperDescr_Type);
    t[TN_BUILTIN_MAPPINGPROXY] = ADDRESS(&PyDictProxy_Type);
    t[TN_BUILTIN_SLICE] = ADDRESS(&PySlice_Type);
    t[TN_BUILTIN_RANGE] = ADDRESS(&PyRange_Type);
    t[TN_BUILTIN_EXCEPTION] = ADDRESS(PyExc_BaseException);
    t[TN_BUILTIN_ODICT] = ADDRESS(&PyODict_Type);
    t[TN_BUILTIN_MEMORYVIEW] = ADDRESS(&PyMemoryView_Type);
    t[TN_BUILTIN_CAPSULE] = ADDRESS(&PyCapsule_Type);
}

/* ---- tp_traverse ---- */

typedef struct visit_context {
    tn_visit visit;
    void *ctx;
} visit_context;

static int visit_one(PyObject *referent, void *arg)
{
    const visit_context *c = arg;
    c->visit(c->ctx, ADDRESS(referent));
    return 0;
}

static enum tn_traversed traverse(uint64_t function, uint64_t object, tn_visit visit, void *ctx)
{
    visit_context c = {visit, ctx};
    traverseproc call;
    void *pointer = (void *)(uintptr_t)function;
    memcpy(&call, &pointer, sizeof call);
    call((PyObject *)(uintptr_t)object, visit_one, &c);
    return TN_TRAVERSED;
}

/* ---- collector lists ---- */

static bool sound_head(const tn_memory *m, uint64_t head)
{
    uint64_t next = tn_load64(m, head) & ~3ull, previous = tn_load64(m, head + 8) & ~3ull;
    return tn_memory_readable(m, next, 16) && tn_memory_readable(m, previous, 16) &&
           (tn_load64(m, next + 8) & ~3ull) == head && (tn_load64(m, previous) & ~3ull) == head;
}

static bool find_heads(tn_target *t, uint64_t planted)
{
    enum { GENERATION = 24 };
    const tn_memory *m = &t->memory;
    uint64_t gc = t->interpreter + t->layout->interp_gc, first = gc + t->layout->gc_generations;
    if ((tn_load64(m, planted - 16) & ~3ull) != first)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        t->gc_heads[i] = i < 3 ? first + GENERATION * i : gc + t->layout->gc_permanent;
        if (!tn_memory_readable(m, t->gc_heads[i], 16) || !sound_head(m, t->gc_heads[i]))
            return false;
    }
    return true;
}

/* ---- obmalloc ---- */

enum { POOL_BYTES = 16384, ARENA_BYTES = 1 << 20, ARENA_ROW = 48 };

static bool is_pool(const tn_memory *m, uint64_t pool)
{
    if (!tn_memory_readable(m, pool, POOL_BYTES))
        return false;
    uint32_t class = tn_load32(m, pool + 36);
    return class < 32 && tn_load32(m, pool + 44) == POOL_BYTES - 16 * (class + 1) && tn_load32(m, pool) > 0;
}

/* A row of the arena table: not in use, or what an arena looks like. */
static bool is_arena_row(const tn_memory *m, uint64_t row)
{
    uint64_t start = tn_load64(m, row), next = tn_load64(m, row + 8);
    uint32_t n_free = tn_load32(m, row + 16), n_total = tn_load32(m, row + 20);
    if (!start)
        return true;
    return next >= start && next <= start + ARENA_BYTES && (next & (POOL_BYTES - 1)) == 0 && n_free <= n_total &&
           (n_total == 63 || n_total == 64);
}

/* Does the table at this address give, for the pool's arena index, an arena that covers the pool? */
static bool covers(const tn_memory *m, uint64_t table, uint64_t pool)
{
    enum { FIRST_ROWS = 16 }; /* the table never has fewer (INITIAL_ARENA_OBJECTS) */
    uint64_t row = table + (uint64_t)tn_load32(m, pool + 32) * ARENA_ROW;
    if ((table & 15) || !tn_memory_readable(m, row, ARENA_ROW) || !tn_memory_readable(m, table, FIRST_ROWS * ARENA_ROW))
        return false;
    uint64_t start = tn_load64(m, row);
    for (unsigned i = 0; i < FIRST_ROWS; i++)
        if (!is_arena_row(m, table + i * ARENA_ROW))
            return false;
    return start && start <= pool && pool + POOL_BYTES <= start + ARENA_BYTES && is_arena_row(m, row);
}

enum { MAX_FOUND = sizeof((tn_inside *)0)->arenas_at / sizeof(uint64_t) };

typedef struct arena_search {
    const tn_memory *memory;
    uint64_t pools[2], inside, *found;
    unsigned n_found;
} arena_search;

/* The variable `arenas` (or obmalloc's state) is in the writable data of the module that holds the runtime. While there is
 * one arena, `usable_arenas` and an entry of `nfp2lasta` (Objects/obmalloc.c) have the same value; 3.11 has them anywhere. */
static int search_module(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    arena_search *s = data;
    bool ours = false;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uint64_t start = info->dlpi_addr + p->p_vaddr;
        ours |= p->p_type == PT_LOAD && s->inside >= start && s->inside < start + p->p_memsz;
    }
    for (unsigned i = 0; ours && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uint64_t start = (info->dlpi_addr + p->p_vaddr + 7) & ~7ull, end = info->dlpi_addr + p->p_vaddr + p->p_memsz;
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_W))
            continue;
        for (uint64_t at = start; at + 8 <= end; at += 8) {
            if ((at == start || (at & 4095) == 0) && !tn_memory_readable(s->memory, at, 8))
                at |= 4088;
            else if (covers(s->memory, tn_load64(s->memory, at), s->pools[0]) &&
                     covers(s->memory, tn_load64(s->memory, at), s->pools[1]) && s->n_found < MAX_FOUND)
                s->found[s->n_found++] = at;
        }
    }
    return ours;
}

static void find_arenas(tn_inside *inside, uint64_t small, uint64_t other)
{
    const tn_target *t = &inside->target;
    arena_search s = {&t->memory,
                      {small & ~(POOL_BYTES - 1ull), other & ~(POOL_BYTES - 1ull)},
                      t->interpreter, /* the main interpreter's state is part of _PyRuntime */
                      inside->arenas_at,
                      0};
    memset(inside->arenas_at, 0, sizeof inside->arenas_at);
    if (is_pool(s.memory, s.pools[0]) && is_pool(s.memory, s.pools[1]))
        dl_iterate_phdr(search_module, &s);
}

/* No variable points before the table's beginning, and when the table moves none but its own points anywhere. 0: none. */
static uint64_t arena_table(const tn_inside *inside)
{
    uint64_t table = 0;
    for (unsigned i = 0; i < MAX_FOUND && inside->arenas_at[i]; i++) {
        uint64_t value = tn_load64(&inside->target.memory, inside->arenas_at[i]);
        table = value && (!table || value < table) ? value : table;
    }
    return table;
}

/* Rows of the arena table: its malloc chunk says how many fit; unused rows are zero. 0: not known. */
static uint64_t arena_rows(const tn_inside *inside, uint64_t table)
{
    const tn_memory *m = &inside->target.memory;
    uint64_t n = !table                 ? 0
                 : inside->target.glibc ? ((tn_load64(m, table - 8) & ~7ull) - 8) / ARENA_ROW
                                        : tn_load32(m, inside->arenas_at[0] + 8);
    return n >= 16 && n < 1u << 24 ? n : 0;
}

static void load_arenas(tn_inside *inside)
{
    tn_target *t = &inside->target;
    t->arenas = 0;
    t->n_arenas = 0;
    uint64_t table = arena_table(inside), n = arena_rows(inside, table);
    if (n && tn_memory_readable(&t->memory, table, 16 * ARENA_ROW)) {
        while (n && !tn_memory_readable(&t->memory, table, n * ARENA_ROW))
            n--;
        t->arenas = table;
        t->n_arenas = (uint32_t)n;
    }
}

/* Two small blocks in pools, and the youngest object of all, which stands last in the collector's first list. */
static const char *find_places(tn_inside *inside)
{
    tn_target *t = &inside->target;
    PyObject *number = PyFloat_FromDouble(1234.25), *list = PyList_New(3), *young = PyList_New(0);
    const char *wrong =
        number && list && young && tn_process_ranges(&inside->ranges, NULL) == 0 ? NULL : "planted objects";
    t->memory.ranges = inside->ranges.data;
    t->memory.n_ranges = inside->ranges.count;
    if (!wrong && !find_heads(t, ADDRESS(young)))
        wrong = "collector lists";
    if (!wrong)
        find_arenas(inside, ADDRESS(number), ADDRESS(list));
    Py_XDECREF(number);
    Py_XDECREF(list);
    Py_XDECREF(young);
    return wrong;
}

/* Debug hooks put words before each block, so pools are not read then. */
static const char *allocator_name(const tn_inside *inside)
{
    const char *asked = getenv("PYTHONMALLOC");
    PyObject *flags = PySys_GetObject("flags");
    PyObject *dev_mode = flags ? PyObject_GetAttrString(flags, "dev_mode") : NULL;
    bool debug = dev_mode == Py_True || (asked && strstr(asked, "debug"));
    Py_XDECREF(dev_mode);
    PyErr_Clear();
    if (debug || inside->arenas_at[0])
        return debug ? "debug" : "pymalloc";
    return asked && strcmp(asked, "malloc") == 0 ? "malloc" : "unknown";
}

static const char *check_layout(tn_inside *inside, const tn_layout *layout)
{
    inside->target.layout = layout;
    const char *wrong = find_places(inside);
    return wrong ? wrong : tn_planted_check(inside);
}

/* The exception that is set is no answer of the planted program's. */
static bool is_from_outside(void)
{
    return PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception);
}

/* NULL, or what in this interpreter is not as the table says, unless an exception is set. It is looked at twice: what a handler
 * of a signal raised while objects were planted, or a lack of memory, is not there again. */
static const char *try_layout(tn_inside *inside, const tn_layout *layout)
{
    PyObject *type, *raised, *traceback;
    const char *wrong = check_layout(inside, layout), *again;
    if (!wrong)
        return NULL;
    PyErr_Fetch(&type, &raised, &traceback);
    again = check_layout(inside, layout);
    if (type && !(again && PyErr_Occurred())) {
        PyErr_Clear();
        PyErr_Restore(type, raised, traceback);
        return wrong;
    }
    Py_XDECREF(type);
    Py_XDECREF(raised);
    Py_XDECREF(traceback);
    if (PyErr_Occurred() && !is_from_outside())
        PyErr_Clear();
    return again;
}

int tn_inside_probe(tn_inside *inside, tn_error *err)
{
    memset(inside, 0, sizeof *inside);
    inside->hexversion = (uint32_t)Py_Version;
    inside->version = Py_GetVersion();
    tn_target *t = &inside->target;
    const tn_layout *first = tn_layout_find(inside->hexversion, 0, &inside->listed), *layout = first;
    if (!layout)
        return tn__error_set(err, TN_EVERSION, 0, "CPython %d.%d is not supported: tonnage knows 3.11 to 3.15",
                             (int)(inside->hexversion >> 24), (int)(inside->hexversion >> 16 & 255));
    t->interpreter = ADDRESS(PyInterpreterState_Get());
    t->glibc = tn_process_is_glibc();
    t->traverse = traverse;
    builtin_types(t->builtin_types);
    TN_TRY(tn_process_ranges(&inside->ranges, err)); /* with an error of its own where /proc is missing */
    const char *wrong = try_layout(inside, layout), *again = wrong;
    for (unsigned i = 1;
         again && !PyErr_Occurred() && (layout = tn_layout_find(inside->hexversion, i, &inside->listed)); i++)
        again = try_layout(inside, layout);
    if (again)
        return tn__error_set(err, TN_EVERSION, 0,
                             "this build of CPython %u.%u.%u is not supported: its %s differs from table %s",
                             inside->hexversion >> 24, inside->hexversion >> 16 & 255, inside->hexversion >> 8 & 255,
                             wrong, first->name);
    inside->allocator = allocator_name(inside);
    return 0;
}

int tn_inside_begin(tn_inside *inside, tn_error *err)
{
    tn_target *t = &inside->target;
    if (t->interpreter != ADDRESS(PyInterpreterState_Get()))
        return tn__error_set(err, TN_EVERSION, 0, "a snapshot must be taken from the main interpreter");
    if (tn_load32(&t->memory, t->interpreter + t->layout->interp_gc + t->layout->gc_collecting))
        return tn__error_set(
            err, TN_EBUSY, 0,
            "a garbage collection is running: take the snapshot outside of finalizers and gc callbacks");
    TN_TRY(tn_process_statics(&inside->statics, err));
    t->statics = inside->statics.data;
    t->n_statics = inside->statics.count;
    t->current_thread = ADDRESS(PyThreadState_Get());
    inside->n_interpreters = 0;
    for (PyInterpreterState *i = PyInterpreterState_Head(); i; i = PyInterpreterState_Next(i))
        inside->n_interpreters++;
    return 0;
}

int tn_inside_map(tn_inside *inside, tn_error *err)
{
    tn_target *t = &inside->target;
    TN_TRY(tn_process_ranges(&inside->ranges, err)); /* nothing is unmapped from here on */
    t->memory.ranges = inside->ranges.data;
    t->memory.n_ranges = inside->ranges.count;
    load_arenas(inside);
    return 0;
}

int tn_inside_prepare(tn_inside *inside, tn_error *err)
{
    TN_TRY(tn_inside_begin(inside, err));
    return tn_inside_map(inside, err);
}

uint64_t tn_inside_pool_bytes(const tn_inside *inside)
{
    const tn_memory *m = &inside->target.memory;
    uint64_t pools = 0;
    uint64_t table = arena_table(inside), n = arena_rows(inside, table);
    for (uint64_t row = table; row < table + n * ARENA_ROW; row += ARENA_ROW)
        if (tn_load64(m, row))
            pools += tn_load32(m, row + 20) - tn_load32(m, row + 16);
    return pools * POOL_BYTES;
}
