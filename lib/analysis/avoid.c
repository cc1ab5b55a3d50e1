/* avoid.c - what paths keep away from, from words: presets and selections, separated by commas; and a set. */
#include "analysis/paths.h"

#include "analysis/lookup.h"

#include <string.h>

typedef struct tn_avoiding {
    tn_snapshot *snapshot;
    tn_ways *ways;
    tn_set *nodes;
    unsigned kinds;
} tn_avoiding;

/* Types by the beginning of their full names (one that ends in a dot or is whole), NULL-terminated. */
static const struct {
    const char *name;
    const char *types[8];
} presets[] = {
    {"weak", {"weakref.", "_weakref.", "_weakrefset."}},
    {"caches", {"functools._lru_cache_wrapper", "_abc._abc_data"}},
    {"frames", {"frame", "thread"}},
    {"tracebacks", {"traceback", "frame"}},
    {"closures", {"cell"}},
    {"modules", {"module"}},
    {"classes", {"type"}},
};

/* Caches that are plain dicts and lists of the standard library. */
static const char *const cache_globals[][2] = {
    {"re", "_cache"},
    {"re", "_cache2"},
    {"linecache", "cache"},
    {"linecache", "lazycache"},
    {"sys", "path_importer_cache"},
    {"_strptime", "_regex_cache"},
    {"urllib.parse", "_parse_cache"},
    {"encodings", "_cache"},
    {"mimetypes", "_db"},
    {"typing", "_caches"},
};

static bool named(const char *full_name, const char *pattern)
{
    size_t n = strlen(pattern);
    return pattern[n - 1] == '.' ? strncmp(full_name, pattern, n) == 0 : strcmp(full_name, pattern) == 0;
}

/* Classes are found by their metaclass's bases: it may be any. */
static int type_matches(const tn_avoiding *a, size_t preset, uint32_t row, bool *matches, tn_error *err)
{
    tn_type type, base;
    TN_TRY(tn_snapshot_type(a->snapshot, row, &type));
    *matches = false;
    for (uint32_t i = 0; i < type.n_mro || i == 0; i++) {
        if (i < type.n_mro && tn_snapshot_type(a->snapshot, type.mro[i], &base) < 0)
            return tn__error_set(err, TN_ECORRUPT, 0, "type %u cannot be read", (unsigned)type.mro[i]);
        const char *name = i < type.n_mro ? base.full_name : type.full_name;
        for (size_t k = 0; k < 8 && presets[preset].types[k]; k++)
            *matches |= named(name, presets[preset].types[k]);
    }
    return TN_OK;
}

/* A module's names go with it. */
static int add_namespaces(tn_avoiding *a, tn_error *err)
{
    for (uint32_t node = 0; (node = tn_set_next(a->nodes, node)) != TN_NONE; node++) {
        uint32_t dict;
        if (strcmp(tn__type_name(a->snapshot, node), "module") != 0)
            continue;
        TN_TRY(tn__labelled_target(a->snapshot, node, "__dict__", &dict, err));
        if (dict != TN_NONE)
            tn__set_add(a->nodes, dict);
    }
    return TN_OK;
}

static int add_caches(tn_avoiding *a, tn_error *err)
{
    const tn_ways *w = a->ways;
    bool known;
    for (uint32_t i = 0; i < w->n_origins; i++) {
        uint32_t module = tn__origin(w, i)->node, dict, value;
        tn_preview name;
        if (strcmp(tn__type_name(a->snapshot, module), "module") != 0)
            continue;
        TN_TRY(tn__snapshot_preview(a->snapshot, module, &name, err));
        for (size_t k = 0; k < sizeof cache_globals / sizeof *cache_globals; k++) {
            const char *const *global = cache_globals[k];
            if (name.length != strlen(global[0]) || memcmp(name.bytes, global[0], name.length) != 0)
                continue;
            TN_TRY(tn__labelled_target(a->snapshot, module, "__dict__", &dict, err));
            if (dict == TN_NONE)
                continue;
            TN_TRY(tn__dict_value(a->snapshot, dict, global[1], strlen(global[1]), &value, &known, err));
            if (value != TN_NONE)
                tn__set_add(a->nodes, value);
        }
    }
    return TN_OK;
}

static int add_preset(tn_avoiding *a, size_t preset, tn_error *err)
{
    const tn_alloc *alloc = tn__snapshot_alloc(a->snapshot);
    const tn_graph *g = &a->ways->graph;
    uint8_t *matching = tn__alloc(alloc, g->n_shapes);
    int status = matching ? TN_OK : tn__no_memory(a->snapshot, err);
    for (uint32_t i = 0; status == TN_OK && i < g->n_shapes; i++) {
        bool matches = false;
        status = type_matches(a, preset, g->table[i].type, &matches, err);
        matching[i] = matches;
    }
    for (uint32_t node = 0; status == TN_OK && node < g->n_nodes; node++)
        if (matching[g->shapes[node]] && node != g->root)
            tn__set_add(a->nodes, node);
    tn__free(alloc, matching, g->n_shapes);
    TN_TRY(status);
    if (strcmp(presets[preset].name, "modules") == 0)
        return add_namespaces(a, err);
    return strcmp(presets[preset].name, "caches") == 0 ? add_caches(a, err) : TN_OK;
}

static void add_set(tn_avoiding *a, const tn_set *set)
{
    for (uint32_t id = 0; (id = tn_set_next(set, id)) != TN_NONE; id++)
        tn__set_add(a->nodes, id);
}

static int add_selected(tn_avoiding *a, const char *words, size_t n, size_t offset, tn_error *err)
{
    const tn_alloc *alloc = tn__snapshot_alloc(a->snapshot);
    tn_set *set = NULL;
    char *selection = tn__alloc_zero(alloc, n + 1);
    if (!selection)
        return tn__no_memory(a->snapshot, err);
    memcpy(selection, words, n);
    int status = tn_set_where(a->snapshot, selection, &set, err);
    tn__free(alloc, selection, n + 1);
    if (status < 0 && err)
        err->offset += offset;
    TN_TRY(status);
    add_set(a, set);
    tn_set_free(set);
    return TN_OK;
}

static bool is_word(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(text, word, n) == 0;
}

static int add_item(tn_avoiding *a, const char *text, size_t n, size_t offset, tn_error *err)
{
    if (is_word(text, n, "guessed") || is_word(text, n, "held")) {
        a->kinds |= *text == 'g' ? TN_AVOID_GUESSED : TN_AVOID_HELD;
        return TN_OK;
    }
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (is_word(text, n, presets[i].name))
            return add_preset(a, i, err);
    if (n && !memchr(text, ':', n))
        return tn__error_set(
            err, TN_EINVAL, offset,
            "there is nothing called \"%.*s\" to avoid; weak, caches, frames, tracebacks, closures, modules, "
            "classes, guessed and held are, or a selection such as type:app.Registry",
            (int)(n < 40 ? n : 40), text);
    return n ? add_selected(a, text, n, offset, err) : TN_OK;
}

/* Where the item ends that begins at start: at a comma that is neither in quotes nor in brackets. */
static size_t item_end(const char *words, size_t start)
{
    char quote = '\0';
    size_t open = 0, end = start;
    for (; words[end] && (quote || open || words[end] != ','); end++) {
        char c = words[end];
        if (quote)
            quote = c == quote ? '\0' : quote;
        else if (c == '\'' || c == '"')
            quote = c;
        else if (c == '(')
            open++;
        else if (c == ')' && open)
            open--;
    }
    return end;
}

static int add_items(tn_avoiding *a, const char *words, tn_error *err)
{
    size_t n = strlen(words);
    for (size_t start = 0, end; start <= n; start = end + 1) {
        end = item_end(words, start);
        size_t first = start, last = end;
        while (first < last && words[first] == ' ')
            first++;
        while (last > first && words[last - 1] == ' ')
            last--;
        TN_TRY(add_item(a, words + first, last - first, first, err));
    }
    return TN_OK;
}

/* A set of objects, or of nodes, as tn_paths_avoid makes them. */
int tn__avoid_check(tn_snapshot *s, const tn_set *nodes, tn_error *err)
{
    if (nodes && nodes->alloc == tn__snapshot_alloc(s) && nodes->n == tn_snapshot_n_nodes(s))
        return TN_OK;
    return tn__set_check(s, nodes, err);
}

int tn_paths_avoid(tn_snapshot *s, const char *words, const tn_set *also, tn_set **nodes, unsigned *kinds,
                   tn_error *err)
{
    tn_avoiding a = {.snapshot = s};
    if (also)
        TN_TRY(tn__set_check(s, also, err));
    TN_TRY(tn__ways(s, &a.ways, err));
    TN_TRY(tn__set_new(tn__snapshot_alloc(s), a.ways->graph.n_nodes, &a.nodes, err));
    if (also)
        add_set(&a, also);
    int status = add_items(&a, words, err);
    if (status < 0 || tn_set_count(a.nodes) == 0) {
        tn_set_free(a.nodes);
        a.nodes = NULL;
    }
    if (status == TN_OK) {
        *nodes = a.nodes;
        *kinds = a.kinds;
    }
    return status;
}
