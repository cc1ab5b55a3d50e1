/* sentences.c - an object, what it retains, and who holds it, in words. */
#include "view/sentences.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tn__say_init(tn_say *w, const tn_toplevel *top, const tn_view_options *o, tn_out *out, tn_error *err)
{
    *w = (tn_say){.snapshot = top->snapshot, .top = top, .file = o->file ? o->file : "FILE", .out = out, .err = err};
    tn__buf_init(&w->scratch, top->alloc);
}

void tn__say_free(tn_say *w)
{
    tn__buf_free(&w->scratch);
}

bool tn__collector_is_off(tn_snapshot *s)
{
    uint64_t enabled;
    return tn__fact_u64(s, "gc.enabled", &enabled) && !enabled;
}

static bool keep(tn_say *w, int status)
{
    if (status < 0 && w->status == TN_OK)
        w->status = status;
    return w->status == TN_OK;
}

void tn__say(tn_say *w, const char *format, ...)
{
    char piece[512];
    va_list args;
    va_start(args, format);
    vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    tn__out_text(w->out, piece);
}

void tn__say_name(tn_say *w, const char *text)
{
    tn__out_escaped(w->out, text);
}

void tn__say_bytes(tn_say *w, uint64_t bytes)
{
    char text[24];
    tn__out_text(w->out, tn_format_bytes(bytes, text, sizeof text));
}

void tn__say_share(tn_say *w, uint64_t bytes)
{
    tn__say(w, "%.1f %% of the heap", tn__pct(bytes, w->top->bytes));
}

void tn__say_objects(tn_say *w, uint64_t count)
{
    tn__say(w, "%" PRIu64 " object%s", count, count == 1 ? "" : "s");
}

uint64_t tn__say_address(tn_say *w, uint32_t node)
{
    bool object = node < w->top->graph.n_objects && keep(w, tn__snapshot_addresses(w->snapshot, w->err));
    return object ? tn__snapshot_address(w->snapshot, node) : 0;
}

/* ---- what it is ---- */

/* Elements of a container of the language; TN_UNKNOWN for what is none. */
static uint64_t elements(const tn_say *w, uint32_t node, const char **noun)
{
    const tn_graph *g = &w->top->graph;
    const tn_shape *shape = &g->table[g->shapes[node]];
    uint32_t style = shape->flags & TN_RUN_STYLE;
    uint64_t n = 0, step = style == TN_RUN_PAIRS ? 2 : 1;
    bool arrays = shape->flags & TN_SHAPE_LENGTH; /* they have items only where these are objects */
    if (style != TN_RUN_PAIRS && style != TN_RUN_ITEMS && style != TN_RUN_MEMBERS)
        return TN_UNKNOWN;
    for (uint64_t e = g->offsets[node] + shape->n_fixed; e < g->offsets[node + 1]; e += step)
        n += g->targets[e] != TN_NONE;
    if (arrays && !n)
        return TN_UNKNOWN;
    *noun = style == TN_RUN_PAIRS ? "entr" : style == TN_RUN_ITEMS ? "item" : "member";
    return n;
}

static void say_type(tn_say *w, uint32_t node)
{
    const char *type = tn__type_name(w->snapshot, node);
    tn__say(w, "%s ", strchr("aeiouAEIOU", *type) && *type ? "an" : "a");
    tn__say_name(w, type);
}

/* A class, function or module by its name. */
static bool say_named(tn_say *w, uint32_t node)
{
    uint32_t kind = tn__kind_of(w->top, node);
    const char *noun = kind & TN_KIND_CLASS ? "class" : kind & TN_KIND_FUNCTION ? "function" : "module";
    if (!(kind & (TN_KIND_CLASS | TN_KIND_FUNCTION | TN_KIND_MODULE)) ||
        !keep(w, tn__preview_into(w->snapshot, node, &w->scratch, w->err)) || !w->scratch.size)
        return false;
    tn__say(w, "the %s %.200s", noun, (const char *)w->scratch.data);
    return true;
}

void tn__say_thing(tn_say *w, uint32_t node, bool more)
{
    const char *noun = "";
    uint64_t count = elements(w, node, &noun);
    if (!say_named(w, node))
        say_type(w, node);
    if (count != TN_UNKNOWN && *noun == 'e')
        tn__say(w, " of %" PRIu64 " entr%s", count, count == 1 ? "y" : "ies");
    else if (count != TN_UNKNOWN)
        tn__say(w, " of %" PRIu64 " %s%s", count, noun, count == 1 ? "" : "s");
    if (more && node < w->top->graph.n_objects)
        tn__say(w, " at 0x%" PRIx64, tn__say_address(w, node));
}

/* ---- its path ---- */

enum { PATH_HEAD = 160, PATH_TAIL = 80 };

static bool path_into(tn_say *w, const tn_reference *steps, uint32_t n, bool *evaluable)
{
    int length = tn_path_text(w->snapshot, steps, n, NULL, 0, evaluable, w->err);
    w->scratch.size = 0;
    if (!keep(w, length) || !keep(w, tn__buf_reserve(&w->scratch, (size_t)length + 1)))
        return false;
    w->scratch.size = (size_t)length;
    return keep(w, tn_path_text(w->snapshot, steps, n, (char *)w->scratch.data, (size_t)length + 1, NULL, w->err));
}

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

void tn__say_path(tn_say *w, const tn_reference *steps, uint32_t n)
{
    if (!path_into(w, steps, n, NULL))
        return;
    const char *text = (const char *)w->scratch.data;
    size_t size = tn__path_shorten((char *)w->scratch.data), head = PATH_HEAD, tail = size - PATH_TAIL;
    if (size <= PATH_HEAD + PATH_TAIL) {
        tn__out_text(w->out, text);
        return;
    }
    while (!begins_character(text[head]))
        head--;
    while (!begins_character(text[tail]))
        tail++;
    tn__out_bytes(w->out, text, head);
    tn__say(w, " […] ");
    tn__out_text(w->out, text + tail);
}

void tn__path_json(tn_say *w, tn_json *j, const tn_reference *steps, uint32_t n)
{
    bool evaluable = false;
    if (!n || !path_into(w, steps, n, &evaluable)) {
        tn__json_null(j, "path");
        tn__json_null(j, "evaluable");
        return;
    }
    tn__json_string(j, "path", (const char *)w->scratch.data);
    tn__json_bool(j, "evaluable", evaluable);
}

/* ---- who holds it ---- */

void tn__say_holder(tn_say *w, const tn_trail *trail)
{
    static const char *const words[] = {"",        "the module attribute", "the class attribute", "the attribute", "",
                                        "the task"};
    bool whole = trail->holder == trail->n;
    if (trail->kind == TN_HOLDER_LOCAL) {
        tn__say(w, " It is %sa local variable of ", whole ? "" : "held by ");
        tn__say_name(w, trail->frame.qualified_name);
        tn__say(w, "(), which runs: ");
        tn__say_name(w, trail->frame.file);
        tn__say(w, ":%" PRIu32 ".", trail->frame.line);
    } else if (trail->kind == TN_HOLDER_INSTANCE && whole) {
        uint32_t dict = trail->steps[trail->n - 1].source;
        tn__say(w, " It is an attribute of ");
        tn__say_thing(w, tn__owner_of(w->top, dict), false);
        tn__say(w, ".");
    } else if (trail->kind != TN_HOLDER_NONE && !whole) {
        tn__say(w, " It is held by %s ", words[trail->kind]);
        tn__say_path(w, trail->steps, trail->holder);
        tn__say(w, ".");
    }
}

/* The function that a wrapper, a generator or a closure is about; its name goes into scratch. */
static bool name_function(tn_say *w, uint32_t node)
{
    tn_reference_iter iter;
    tn_reference r;
    w->scratch.size = 0;
    if (!keep(w, tn_references(w->snapshot, node, &iter, w->err)))
        return false;
    while (tn_reference_next(&iter, &r)) {
        const char *type = tn__type_name(w->snapshot, r.target);
        if (strcmp(type, "function") == 0 || strcmp(type, "code") == 0)
            return keep(w, tn__preview_into(w->snapshot, r.target, &w->scratch, w->err)) && w->scratch.size;
    }
    return false;
}

static const char *const abouts[][2] = {
    [TN_ABOUT_LRU_CACHE] = {"lru_cache", " It is in the cache of functools.lru_cache; maxsize bounds it, cache_clear() "
                                         "empties it."},
    [TN_ABOUT_LOGGING] = {"logging", " logging keeps it: a handler that was not flushed, or never closed."},
    [TN_ABOUT_QUEUE] = {"queue", " It waits in a queue until somebody takes it out."},
    [TN_ABOUT_TASK] = {"task", " An asyncio task keeps it until the task ends."},
    [TN_ABOUT_SUSPENDED] = {"suspended", " A suspended generator or coroutine keeps it until it ends or is closed."},
    [TN_ABOUT_TRACEBACK] = {"traceback",
                            " The traceback of an exception keeps it: whoever stores the exception keeps the "
                            "locals of every frame it came through."},
    [TN_ABOUT_CLOSURE] = {"closure", " A function keeps it in its closure."},
    [TN_ABOUT_FINALIZE] = {"finalize", " weakref.finalize keeps it for a call when another object dies."},
    [TN_ABOUT_LINECACHE] = {"linecache",
                            " linecache keeps lines of source for tracebacks; linecache.clearcache() empties "
                            "it."},
    [TN_ABOUT_RE_CACHE] = {"re_cache", " re keeps compiled patterns; re.purge() empties it."},
    [TN_ABOUT_LAST_ERROR] = {"last_error", " The interpreter keeps the last exception that nobody caught."},
    [TN_ABOUT_GARBAGE] = {"gc_garbage",
                          " gc.garbage keeps it: by gc.DEBUG_SAVEALL, or because it cannot be collected."},
    [TN_ABOUT_PATH_CACHE] = {"path_cache",
                             " The import system keeps listings of folders; importlib.invalidate_caches() "
                             "empties it."},
    [TN_ABOUT_NAMED_CACHE] = {"named_cache", " By its name it is a cache: is it bounded?"},
    [TN_ABOUT_STANDARD] = {"standard", " It belongs to a module of the standard library."},
};

void tn__say_about(tn_say *w, const tn_trail *trail)
{
    static const char *const of[] = {
        [TN_ABOUT_LRU_CACHE] = " It is in what functools.lru_cache keeps of ",
        [TN_ABOUT_SUSPENDED] = " It is a local of a suspended generator or coroutine, ",
    };
    enum tn_about about = trail->about;
    bool named = (about == TN_ABOUT_LRU_CACHE || about == TN_ABOUT_SUSPENDED) && trail->about_node != TN_NONE &&
                 name_function(w, trail->about_node);
    if (about == TN_ABOUT_NOTHING || (about == TN_ABOUT_STANDARD && trail->kind != TN_HOLDER_NONE))
        return;
    if (named) {
        bool itself = about == TN_ABOUT_LRU_CACHE && trail->n && trail->steps[trail->n - 1].source == trail->about_node;
        tn__say(w, "%s%.200s()", itself ? " It is what functools.lru_cache keeps of " : of[about],
                (const char *)w->scratch.data);
        tn__say(w, "%s",
                about == TN_ABOUT_LRU_CACHE ? "; maxsize bounds it, cache_clear() empties it."
                                            : ", until that ends or is closed.");
        return;
    }
    tn__say(w, "%s", abouts[about][1]);
}

const char *tn__about_name(enum tn_about about)
{
    return abouts[about][0];
}

const char *tn__holder_name(enum tn_holder kind)
{
    static const char *const names[] = {NULL, "module", "class", "instance", "local", "task"};
    return names[kind];
}

void tn__trail_json(tn_say *w, tn_json *j, const tn_trail *trail)
{
    tn__path_json(w, j, trail->steps, trail->n);
    tn__json_string(j, "about", tn__about_name(trail->about));
    if (trail->kind == TN_HOLDER_NONE) {
        tn__json_null(j, "holder");
        return;
    }
    tn__json_open(j, "holder", '{');
    tn__json_string(j, "kind", tn__holder_name(trail->kind));
    tn__path_json(w, j, trail->steps, trail->holder);
    if (trail->kind == TN_HOLDER_LOCAL) {
        tn__json_string(j, "function", trail->frame.qualified_name);
        tn__json_string(j, "file", trail->frame.file);
        tn__json_u64(j, "line", trail->frame.line);
    }
    tn__json_close(j, '}');
}

/* ---- what is in it ---- */

void tn__say_content(tn_say *w, const tn_content *content)
{
    for (uint32_t i = 0; i < content->n_rows; i++) {
        const tn_content_row *row = &content->rows[i];
        tn__say(w, "%s%" PRIu64 " ", i ? ", " : " In it: ", row->count);
        tn__say_name(w, row->type);
        tn__say(w, " (");
        tn__say_bytes(w, row->bytes);
        tn__say(w, ")");
    }
    if (content->n_rows)
        tn__say(w, ".");
}

void tn__content_json(tn_json *j, const tn_content *content)
{
    tn__json_open(j, "content", '[');
    for (uint32_t i = 0; i < content->n_rows; i++) {
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "type", content->rows[i].type);
        tn__json_u64(j, "count", content->rows[i].count);
        tn__json_u64(j, "size", content->rows[i].bytes);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
}

static void say_path_to(tn_say *w, uint32_t node)
{
    tn_trail trail;
    if (w->status < 0 || !keep(w, tn__trail_make(w->top, node, NULL, &trail, w->err)))
        return;
    tn__say_path(w, trail.steps, trail.n);
    tn__trail_free(&trail);
}

void tn__say_entries(tn_say *w, const tn_common *common)
{
    for (uint32_t i = 0; i < common->n_entries; i++) {
        tn__say(w, "%s%.0f %% by ",
                i ? ", " : " Shortest paths: ", tn__pct(common->entries[i].carried, common->sampled));
        say_path_to(w, common->entries[i].node);
    }
    if (common->n_entries)
        tn__say(w, ".");
}

/* ---- commands ---- */

void tn__say_command(tn_say *w, const char *verb, uint32_t node)
{
    tn__say(w, "tonnage %s ", verb);
    tn__say_name(w, w->file);
    tn__say(w, " 0x%" PRIx64, tn__say_address(w, node));
}

/* ---- as a JSON string ---- */

static bool gather(void *ctx, const char *text, size_t n)
{
    return tn__buf_append(ctx, text, n) == TN_OK;
}

void tn__said_json(tn_say *w, tn_json *j, const char *key, void (*tell)(tn_say *w, const void *what), const void *what)
{
    tn_buf said;
    tn_out out, *before = w->out;
    tn_sink sink = {gather, &said};
    tn__buf_init(&said, w->top->alloc);
    tn__out_init(&out, &sink);
    w->out = &out;
    tell(w, what);
    w->out = before;
    bool whole = tn__out_end(&out, NULL) == TN_OK && tn__buf_append(&said, "", 1) == TN_OK;
    if (!whole)
        keep(w, tn__error_set(w->err, TN_ENOMEM, 0, "no memory for a sentence"));
    const char *text = (const char *)said.data; /* a further sentence begins with a blank */
    tn__json_string(j, key, whole ? text + (*text == ' ') : NULL);
    tn__buf_free(&said);
}
