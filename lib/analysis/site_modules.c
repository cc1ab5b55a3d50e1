/* site_modules.c - the module and the distribution of a file of code.
 *
 * A module is the one whose __file__ it is; of a file that none has, the script or what is imported no more, the path below the
 * folder of the library or of packages tells, else the file's own name. Frozen modules have their names in brackets.
 */
#include "analysis/partition.h"
#include "analysis/sites.h"

#include <string.h>

typedef struct tn_file_home {
    const char *module, *distribution;
} tn_file_home;

typedef struct tn_file_homes {
    tn_arena arena;
    tn_map rows;  /* by the address of the file's name, which stands once in the snapshot */
    tn_buf homes; /* tn_file_home */
} tn_file_homes;

static void destroy(tn_snapshot *s, void *p)
{
    tn_file_homes *h = p;
    if (!h)
        return;
    tn__arena_free(&h->arena);
    tn__map_free(&h->rows);
    tn__buf_free(&h->homes);
    tn__free(tn__snapshot_alloc(s), h, sizeof *h);
}

static const char frozen[] = "<frozen ";

static const char *below(const char *path)
{
    static const char *const folders[] = {"/site-packages/", "/dist-packages/", "/lib-dynload/"};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        for (const char *at = path; (at = strstr(at, folders[i])); at++)
            if (!found || at + strlen(folders[i]) > found)
                found = at + strlen(folders[i]);
    if (!found)
        found = tn__in_library(path);
    const char *last = strrchr(path, '/');
    return found ? found : last ? last + 1 : path;
}

/* "json/decoder.py" is json.decoder; NULL without memory. */
static const char *from_path(tn_arena *arena, const char *file)
{
    size_t n = strlen(file), start = strlen(frozen);
    if (n > start + 1 && memcmp(file, frozen, start) == 0 && file[n - 1] == '>')
        return tn__arena_text(arena, file + start, n - start - 1);
    if (*file == '<')
        return file;
    file = below(file);
    n = strlen(file);
    const char *dot = strrchr(file, '.'), *init = "/__init__";
    if (dot && !strchr(dot, '/'))
        n = (size_t)(dot - file);
    size_t n_init = strlen(init);
    if (n > n_init && memcmp(file + n - n_init, init, n_init) == 0)
        n -= n_init;
    char *text = tn__arena_text(arena, file, n);
    for (char *at = text; at && *at; at++)
        *at = *at == '/' ? '.' : *at;
    return text;
}

/* Several names may have one file: the script is __main__. */
static const char *from_heap(const tn_named_module *rows, size_t n, const char *file)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].file && strcmp(rows[i].file, file) == 0)
            return rows[i].name;
    return NULL;
}

static int find(tn_snapshot *s, tn_file_homes *h, const char *file, tn_error *err)
{
    const tn_named_module *rows;
    size_t n;
    TN_TRY(tn__named_modules(s, &rows, &n, err));
    tn_file_home home = {.module = from_heap(rows, n, file)};
    if (!home.module)
        home.module = from_path(&h->arena, file);
    home.distribution = strncmp(file, frozen, strlen(frozen)) == 0 ? "stdlib"
                        : *file == '<'                             ? file
                                                                   : tn__distribution_of_path(&h->arena, file, false);
    if (!home.module || !home.distribution || tn__buf_append(&h->homes, &home, sizeof home) < 0)
        return tn__no_memory(s, err);
    return TN_OK;
}

static int home_of(tn_snapshot *s, const char *file, tn_file_home *out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_FILE_HOMES, destroy);
    tn_file_homes *h = *slot;
    uint32_t *value;
    if (!h) {
        h = tn__alloc_zero(a, sizeof *h);
        if (!h)
            return tn__no_memory(s, err);
        tn__arena_init(&h->arena, a);
        tn__buf_init(&h->homes, a);
        h->rows.alloc = a;
        *slot = h;
    }
    TN_TRY(tn__map_slot(&h->rows, (uint64_t)(uintptr_t)file, &value, err));
    uint32_t row = *value;
    if (!row) {
        row = (uint32_t)(h->homes.size / sizeof *out) + 1;
        TN_TRY(find(s, h, file, err));
        *value = row;
    }
    *out = ((const tn_file_home *)(const void *)h->homes.data)[row - 1];
    return TN_OK;
}

int tn__module_of_file(tn_snapshot *s, const char *file, const char **out, tn_error *err)
{
    tn_file_home home;
    TN_TRY(home_of(s, file, &home, err));
    *out = home.module;
    return TN_OK;
}

int tn__distribution_of_file(tn_snapshot *s, const char *file, const char **out, tn_error *err)
{
    tn_file_home home;
    TN_TRY(home_of(s, file, &home, err));
    *out = home.distribution;
    return TN_OK;
}
