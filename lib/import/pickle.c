/* pickle.c - a dump of tracemalloc, which is a pickle, read without running any of it.
 *
 * A pickle is a program for a machine with a stack and a memo, and some of its instructions call what they name. A dump uses 32 of
 * them:
 *
 *     Snapshot {traces: _Traces {_traces: [(domain, size, ((file, line), …innermost first), frames in all), …]},
 *               traceback_limit: number}
 *
 * where older ones have no number of frames, and no domain. This machine knows these instructions, these two classes as mere
 * words, and values of these kinds; all else ends it, by name. A value is a word: a kind and a number. The one list is
 * not kept: each of its items is looked at when it is appended, and is a sum from then on.
 */
#include "import/pickle.h"

/* Opcodes that are known here. */
enum opcode {
    OP_MARK = '(',
    OP_STOP = '.',
    OP_NONE = 'N',
    OP_BININT = 'J',
    OP_BININT1 = 'K',
    OP_BININT2 = 'M',
    OP_LONG1 = 0x8a,
    OP_BINUNICODE = 'X',
    OP_SHORT_BINUNICODE = 0x8c,
    OP_BINUNICODE8 = 0x8d,
    OP_EMPTY_TUPLE = ')',
    OP_TUPLE = 't',
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_EMPTY_LIST = ']',
    OP_APPEND = 'a',
    OP_APPENDS = 'e',
    OP_EMPTY_DICT = '}',
    OP_SETITEM = 's',
    OP_SETITEMS = 'u',
    OP_GLOBAL = 'c',
    OP_STACK_GLOBAL = 0x93,
    OP_NEWOBJ = 0x81,
    OP_BUILD = 'b',
    OP_BINGET = 'h',
    OP_LONG_BINGET = 'j',
    OP_BINPUT = 'q',
    OP_LONG_BINPUT = 'r',
    OP_MEMOIZE = 0x94,
    OP_FRAME = 0x95,
    OP_PROTO = 0x80,
};

/* Those that are refused; what is in neither list is no opcode. */
static const struct {
    uint8_t code;
    const char *name;
} refused[] = {
    {'0', "POP"},          {'1', "POP_MARK"},
    {'2', "DUP"},          {'F', "FLOAT"},
    {'I', "INT"},          {'L', "LONG"},
    {'P', "PERSID"},       {'Q', "BINPERSID"},
    {'R', "REDUCE"},       {'S', "STRING"},
    {'T', "BINSTRING"},    {'U', "SHORT_BINSTRING"},
    {'V', "UNICODE"},      {'d', "DICT"},
    {'g', "GET"},          {'i', "INST"},
    {'l', "LIST"},         {'o', "OBJ"},
    {'p', "PUT"},          {'G', "BINFLOAT"},
    {'B', "BINBYTES"},     {'C', "SHORT_BINBYTES"},
    {0x82, "EXT1"},        {0x83, "EXT2"},
    {0x84, "EXT4"},        {0x88, "NEWTRUE"},
    {0x89, "NEWFALSE"},    {0x8b, "LONG4"},
    {0x8e, "BINBYTES8"},   {0x8f, "EMPTY_SET"},
    {0x90, "ADDITEMS"},    {0x91, "FROZENSET"},
    {0x92, "NEWOBJ_EX"},   {0x96, "BYTEARRAY8"},
    {0x97, "NEXT_BUFFER"}, {0x98, "READONLY_BUFFER"},
};

/* ---- refusals ---- */

int tn__pickle_refuse(tn_pickle *m, const char *what)
{
    return tn__error_set(m->err, TN_EFORMAT, m->began, "byte %llu: %s; nothing of it was run",
                         (unsigned long long)m->began, what);
}

static int refuse_opcode(tn_pickle *m, uint8_t code)
{
    char what[80];
    const char *name = "an unknown opcode";
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (refused[i].code == code)
            name = refused[i].name;
    tn__compose(what, sizeof what, "%s, which no dump of tracemalloc has", name);
    return tn__pickle_refuse(m, what);
}

static int refuse_class(tn_pickle *m, const char *module, size_t n_module, const char *name, size_t n_name)
{
    char what[160], text[60];
    size_t n = 0;
    for (size_t i = 0; i < n_module && n < sizeof text / 2 - 2; i++)
        text[n++] = module[i] > ' ' && module[i] < 0x7f ? module[i] : '?';
    text[n++] = '.';
    for (size_t i = 0; i < n_name && n < sizeof text - 1; i++)
        text[n++] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
    text[n] = '\0';
    tn__compose(what, sizeof what, "it asks for %s, and a dump of tracemalloc for its Snapshot and _Traces only", text);
    return tn__pickle_refuse(m, what);
}

int tn__pickle_memory(tn_pickle *m, int status)
{
    if (status == TN_ELIMIT)
        return tn__pickle_refuse(m, "more bytes, names or stacks than a snapshot can have");
    return status < 0 ? tn__error_set(m->err, TN_ENOMEM, 0, "not enough memory for this dump") : TN_OK;
}

/* ---- bytes ---- */

static int take(tn_pickle *m, size_t n, const uint8_t **out)
{
    if (n > m->n - m->at)
        return tn__pickle_refuse(m, "it ends in the middle of this");
    *out = m->bytes + m->at;
    m->at += n;
    return TN_OK;
}

static int take_number(tn_pickle *m, unsigned n, uint64_t *out)
{
    const uint8_t *bytes = NULL;
    TN_TRY(take(m, n, &bytes));
    *out = 0;
    for (unsigned i = 0; i < n; i++)
        *out |= (uint64_t)bytes[i] << 8 * i;
    return TN_OK;
}

static int take_line(tn_pickle *m, const char **text, size_t *n)
{
    const uint8_t *end = memchr(m->bytes + m->at, '\n', m->n - m->at), *bytes = NULL;
    if (!end)
        return tn__pickle_refuse(m, "it ends in the middle of this");
    *n = (size_t)(end - (m->bytes + m->at));
    TN_TRY(take(m, *n + 1, &bytes));
    *text = (const char *)bytes;
    return TN_OK;
}

/* ---- the stack ---- */

static int push(tn_pickle *m, enum kind kind, uint64_t number)
{
    tn_pickled v = tn__pickled(kind, number);
    return tn__pickle_memory(m, tn__buf_append(&m->stack, &v, sizeof v));
}

static int drop(tn_pickle *m, size_t n)
{
    if (n > tn__pickle_depth(m))
        return tn__pickle_refuse(m, "it takes more values than there are");
    m->stack.size -= n * sizeof(tn_pickled);
    return TN_OK;
}

/* Values above the last mark. */
static int above_mark(tn_pickle *m, size_t *n)
{
    *n = 0;
    while (*n < tn__pickle_depth(m) && tn__pickled_kind(tn__pickle_top(m, *n)) != MARK)
        ++*n;
    return *n < tn__pickle_depth(m) ? TN_OK : tn__pickle_refuse(m, "it takes values up to a mark, and there is none");
}

static int make_tuple(tn_pickle *m, size_t n)
{
    tn_pickled_tuple t = {.first = m->items.size / sizeof(tn_pickled), .n = (uint32_t)n};
    uint64_t index = m->tuples.size / sizeof t;
    if (n > tn__pickle_depth(m) || n > UINT32_MAX)
        return tn__pickle_refuse(m, "it takes more values than there are");
    const tn_pickled *first = tn__pickled_array(&m->stack) + tn__pickle_depth(m) - n;
    for (size_t i = 0; i < n; i++)
        if (tn__pickled_kind(first[i]) == MARK)
            return tn__pickle_refuse(m, "it takes more values than there are");
    TN_TRY(tn__pickle_memory(m, tn__buf_append(&m->items, first, n * sizeof *first)));
    TN_TRY(tn__pickle_memory(m, tn__buf_append(&m->tuples, &t, sizeof t)));
    TN_TRY(drop(m, n));
    return push(m, TUPLE, index);
}

/* ---- lists, dicts, classes ---- */

/* n items above a list, of which there is one, and extra values (a mark) between. */
static int append(tn_pickle *m, size_t n, size_t extra)
{
    if (tn__pickled_kind(tn__pickle_top(m, n + extra)) != LIST)
        return tn__pickle_refuse(m, "it appends to what is no list");
    for (size_t i = n; i-- > 0;)
        TN_TRY(tn__pickle_trace(m, tn__pickle_top(m, i)));
    return drop(m, n + extra);
}

static int set_items(tn_pickle *m, size_t n, size_t extra)
{
    if (n % 2 || tn__pickled_kind(tn__pickle_top(m, n + extra)) != DICT)
        return tn__pickle_refuse(m, "it sets items of what is no dict");
    for (size_t i = n; i > 0; i -= 2)
        TN_TRY(tn__pickle_attribute(m, tn__pickle_top(m, i - 1), tn__pickle_top(m, i - 2)));
    return drop(m, n + extra);
}

static int push_class(tn_pickle *m, const char *module, size_t n_module, const char *name, size_t n_name)
{
    static const char *const names[] = {[SNAPSHOT] = "Snapshot", [TRACES] = "_Traces"};
    bool ours = n_module == strlen("tracemalloc") && memcmp(module, "tracemalloc", n_module) == 0;
    for (uint64_t i = SNAPSHOT; ours && i <= TRACES; i++)
        if (n_name == strlen(names[i]) && memcmp(name, names[i], n_name) == 0)
            return push(m, CLASS, i);
    return refuse_class(m, module, n_module, name, n_name);
}

static int push_named_class(tn_pickle *m)
{
    tn_pickled module = tn__pickle_top(m, 1), name = tn__pickle_top(m, 0);
    size_t n_module, n_name;
    if (tn__pickled_kind(module) != TEXT || tn__pickled_kind(name) != TEXT)
        return tn__pickle_refuse(m, "it asks for a class without a name");
    const char *module_text = tn__pickled_text(m, module, &n_module), *name_text = tn__pickled_text(m, name, &n_name);
    TN_TRY(drop(m, 2));
    return push_class(m, module_text, n_module, name_text, n_name);
}

static int take_class(tn_pickle *m)
{
    const char *module, *name;
    size_t n_module, n_name;
    TN_TRY(take_line(m, &module, &n_module));
    TN_TRY(take_line(m, &name, &n_name));
    return push_class(m, module, n_module, name, n_name);
}

static int make_object(tn_pickle *m)
{
    tn_pickled arguments = tn__pickle_top(m, 0), of = tn__pickle_top(m, 1);
    if (tn__pickled_kind(arguments) != TUPLE || tn__pickled_tuple(m, arguments)->n || tn__pickled_kind(of) != CLASS)
        return tn__pickle_refuse(m, "it makes an object with arguments, or of no class");
    TN_TRY(drop(m, 2));
    return push(m, OBJECT, tn__pickled_number(of));
}

static int build(tn_pickle *m)
{
    if (tn__pickled_kind(tn__pickle_top(m, 0)) != DICT || tn__pickled_kind(tn__pickle_top(m, 1)) != OBJECT)
        return tn__pickle_refuse(m, "it builds an object of what is no dict");
    return drop(m, 1);
}

/* ---- the memo, numbers and texts ---- */

static int put_memo(tn_pickle *m, uint64_t index)
{
    tn_pickled v = tn__pickle_top(m, 0);
    if (index != m->memo.size / sizeof v || index > MOST_MEMO)
        return tn__pickle_refuse(m, "its memo is not filled in order");
    if (tn__pickle_depth(m) == 0 || tn__pickled_kind(v) == MARK)
        return tn__pickle_refuse(m, "it takes more values than there are");
    return tn__pickle_memory(m, tn__buf_append(&m->memo, &v, sizeof v));
}

static int get_memo(tn_pickle *m, uint64_t index)
{
    if (index >= m->memo.size / sizeof(tn_pickled))
        return tn__pickle_refuse(m, "it takes from its memo what is not there");
    tn_pickled v = tn__pickled_array(&m->memo)[index];
    return push(m, tn__pickled_kind(v), tn__pickled_number(v));
}

static int push_text(tn_pickle *m, uint64_t n)
{
    const uint8_t *bytes = NULL;
    uint32_t text;
    TN_TRY(n > m->n ? tn__pickle_refuse(m, "it ends in the middle of this") : take(m, (size_t)n, &bytes));
    if (memchr(bytes, 0, (size_t)n))
        return tn__pickle_refuse(m, "a name with a zero in it");
    TN_TRY(tn__pickle_memory(m, tn__strtab_add(&m->traced->texts, (const char *)bytes, (size_t)n, &text)));
    return push(m, TEXT, text);
}

/* Two's complement, of n bytes. */
static int push_number(tn_pickle *m, uint64_t n, bool is_signed)
{
    uint64_t number;
    if (n > 8)
        return tn__pickle_refuse(m, "a number that is none of a dump of tracemalloc");
    TN_TRY(take_number(m, (unsigned)n, &number));
    if (number >> MOST_NUMBER_BITS || (is_signed && n && number >> (8 * n - 1)))
        return tn__pickle_refuse(m, "a number that is none of a dump of tracemalloc");
    return push(m, NUMBER, number);
}

static int push_list(tn_pickle *m)
{
    if (m->n_lists++)
        return tn__pickle_refuse(m, "it has more than one list");
    return push(m, LIST, 0);
}

static int protocol(tn_pickle *m, uint64_t number)
{
    return number >= 2 && number <= 5 ? TN_OK : tn__pickle_refuse(m, "a protocol of pickles that is none of 2 to 5");
}

/* ---- one opcode ---- */

/* Those that are followed by a number of so many bytes. */
static unsigned argument_bytes(uint8_t code)
{
    switch (code) {
    case OP_PROTO:
    case OP_LONG1:
    case OP_SHORT_BINUNICODE:
    case OP_BINGET:
    case OP_BINPUT: return 1;
    case OP_BINUNICODE:
    case OP_LONG_BINGET:
    case OP_LONG_BINPUT: return 4;
    case OP_BINUNICODE8:
    case OP_FRAME: return 8;
    default: return 0;
    }
}

static int to_mark(tn_pickle *m, uint8_t code)
{
    size_t n;
    TN_TRY(above_mark(m, &n));
    if (code == OP_APPENDS)
        return append(m, n, 1);
    if (code == OP_SETITEMS)
        return set_items(m, n, 1);
    TN_TRY(make_tuple(m, n)); /* the mark stands below it */
    tn_pickled made = tn__pickle_top(m, 0);
    TN_TRY(drop(m, 2));
    return push(m, tn__pickled_kind(made), tn__pickled_number(made));
}

static int step(tn_pickle *m, uint8_t code)
{
    uint64_t n;
    TN_TRY(take_number(m, argument_bytes(code), &n));
    switch (code) {
    case OP_PROTO: return protocol(m, n);
    case OP_FRAME: return TN_OK; /* how many bytes a reader may ask for at once */
    case OP_STOP: return tn__pickle_end(m);
    case OP_MARK: return push(m, MARK, 0);
    case OP_NONE: return push(m, NONE, 0);
    case OP_BININT1: return push_number(m, 1, false);
    case OP_BININT2: return push_number(m, 2, false);
    case OP_BININT: return push_number(m, 4, true);
    case OP_LONG1: return push_number(m, n, true);
    case OP_SHORT_BINUNICODE:
    case OP_BINUNICODE:
    case OP_BINUNICODE8: return push_text(m, n);
    case OP_EMPTY_TUPLE: return make_tuple(m, 0);
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3: return make_tuple(m, code - OP_TUPLE1 + 1u);
    case OP_TUPLE:
    case OP_APPENDS:
    case OP_SETITEMS: return to_mark(m, code);
    case OP_EMPTY_LIST: return push_list(m);
    case OP_APPEND: return append(m, 1, 0);
    case OP_EMPTY_DICT: return push(m, DICT, 0);
    case OP_SETITEM: return set_items(m, 2, 0);
    case OP_GLOBAL: return take_class(m);
    case OP_STACK_GLOBAL: return push_named_class(m);
    case OP_NEWOBJ: return make_object(m);
    case OP_BUILD: return build(m);
    case OP_BINGET:
    case OP_LONG_BINGET: return get_memo(m, n);
    case OP_BINPUT:
    case OP_LONG_BINPUT: return put_memo(m, n);
    case OP_MEMOIZE: return put_memo(m, m->memo.size / sizeof(tn_pickled));
    default: return refuse_opcode(m, code);
    }
}

static int run(tn_pickle *m)
{
    while (!m->ended) {
        const uint8_t *code = NULL;
        m->began = m->at;
        TN_TRY(take(m, 1, &code));
        TN_TRY(step(m, *code));
    }
    return TN_OK;
}

bool tn__is_pickle(const uint8_t *bytes, size_t n)
{
    return n > 0 && bytes[0] == OP_PROTO;
}

int tn__pickle_read(const uint8_t *bytes, size_t n, tn_traced *t, tn_error *err)
{
    tn_pickle m = {.bytes = bytes, .n = n, .traced = t, .err = err};
    t->format = "tracemalloc";
    tn_buf *bufs[] = {&m.stack, &m.memo, &m.items, &m.tuples};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        tn__buf_init(bufs[i], t->alloc);
    int status = TN_OK;
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs && status == TN_OK; i++)
        status = tn__pickle_memory(&m, tn__buf_reserve(bufs[i], sizeof(tn_pickled))); /* none is a null pointer */
    if (status == TN_OK)
        status = run(&m);
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        tn__buf_free(bufs[i]);
    return status;
}
