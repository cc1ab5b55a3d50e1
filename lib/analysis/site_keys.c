/* site_keys.c - stacks parted by what they have in common: line, file, function, module, distribution, thread, or nothing.
 *
 * Strings of a file stand once in it, so that their addresses tell them apart.
 */
#include "analysis/sites.h"

#include <string.h>

const char *const tn_sites_by_names[TN_SITES_BYS] = {
    [TN_SITES_LINE] = "line",
    [TN_SITES_FILE] = "file",
    [TN_SITES_FUNCTION] = "function",
    [TN_SITES_MODULE] = "module",
    [TN_SITES_DISTRIBUTION] = "distribution",
    [TN_SITES_TRACEBACK] = "traceback",
    [TN_SITES_THREAD] = "thread",
    [TN_SITES_TYPE] = "type",
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    return (a * 0x9e3779b97f4a7c15ull ^ b) * 0xff51afd7ed558ccdull;
}

static uint64_t of_text(const char *text)
{
    return (uint64_t)(uintptr_t)text;
}

/* Texts that are composed: each one once. */
static int of_words(tn_site_keys *k, const char *text, uint64_t *number)
{
    uint32_t index;
    TN_TRY(tn__strtab_add(&k->words, text, strlen(text), &index));
    *number = index;
    return TN_OK;
}

/* Of what has no file, as the root of a thread, the name is all there is. */
static int home_of(tn_site_keys *k, const tn_stack_entry *e, const char **out, tn_error *err)
{
    *out = e->qualified_name;
    if (!*e->file)
        return TN_OK;
    return k->by == TN_SITES_MODULE ? tn__module_of_file(k->snapshot, e->file, out, err)
                                    : tn__distribution_of_file(k->snapshot, e->file, out, err);
}

static int number_of(tn_site_keys *k, const tn_stack_entry *e, uint64_t *number, tn_error *err)
{
    const char *text;
    *number = of_text(tn__site_file(e));
    switch (k->by) {
    case TN_SITES_LINE:
    case TN_SITES_TYPE: *number = mix(*number, e->line); return TN_OK;
    case TN_SITES_FUNCTION: *number = mix(*number, of_text(e->qualified_name)); return TN_OK;
    case TN_SITES_TRACEBACK: /* the call tree has an entry an instruction: several may be one line */
        *number = mix(mix(mix(*number, e->line), of_text(e->qualified_name)), k->group_of[e->parent]);
        return TN_OK;
    case TN_SITES_MODULE:
    case TN_SITES_DISTRIBUTION: TN_TRY(home_of(k, e, &text, err)); return of_words(k, text, number);
    default: return TN_OK;
    }
}

static int group_of(tn_site_keys *k, tn_map *rows, uint64_t number, uint32_t entry, uint32_t *group, tn_error *err)
{
    uint32_t *value;
    TN_TRY(tn__map_slot(rows, number, &value, err));
    if (!*value) {
        if (tn__buf_append(&k->examples, &entry, sizeof entry) < 0 || tn__buf_append(&k->mixed, &(uint8_t){0}, 1) < 0)
            return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
        *value = ++k->n_groups;
    }
    *group = *value - 1;
    return TN_OK;
}

/* A comprehension or a lambda shares its line with the function around it. */
static int compare_functions(tn_site_keys *k, const tn_stack_entry *e, uint32_t group, tn_error *err)
{
    tn_stack_entry example;
    if ((k->by != TN_SITES_LINE && k->by != TN_SITES_TYPE) || k->mixed.data[group])
        return TN_OK;
    TN_TRY(tn__snapshot_stack(k->snapshot, tn__site_example(k, group), &example, err));
    k->mixed.data[group] = strcmp(example.qualified_name, e->qualified_name) != 0;
    return TN_OK;
}

/* The group of the stack that ends with an entry, itself. Threads: that of the outermost frame, which has no file. */
static int fill_own(tn_site_keys *k, tn_map *rows, tn_error *err)
{
    TN_TRY(group_of(k, rows, UINT64_MAX, 0, &k->group_of[0], err));
    for (uint32_t i = 1; i < k->n_entries; i++) {
        tn_stack_entry e;
        uint64_t number;
        TN_TRY(tn__snapshot_stack(k->snapshot, i, &e, err));
        if (k->by == TN_SITES_THREAD && (e.parent || *e.file || tn__site_is_cut(&e))) {
            k->group_of[i] = k->group_of[e.parent];
            continue;
        }
        if (!*e.file && strcmp(e.qualified_name, TN_SITE_LOST) == 0) {
            k->group_of[i] = 0;
            continue;
        }
        TN_TRY(number_of(k, &e, &number, err));
        TN_TRY(group_of(k, rows, number, i, &k->group_of[i], err));
        TN_TRY(compare_functions(k, &e, k->group_of[i], err));
    }
    return TN_OK;
}

/* Back to front: that of a stack may be that of one further out, never further in. */
static void take_from(tn_site_keys *k, const uint32_t *at)
{
    for (uint32_t i = k->n_entries; i-- > 0;)
        k->group_of[i] = at[i] == TN_NONE ? TN_NONE : k->group_of[at[i]];
}

static int make(tn_site_keys *k, const uint32_t *at, tn_error *err)
{
    tn_map rows = {.alloc = k->alloc};
    uint32_t n;
    TN_TRY(tn__strtab_init(&k->words, k->alloc));
    TN_TRY(tn__snapshot_n_stacks(k->snapshot, &n, err));
    k->n_entries = n + 1;
    k->group_of = tn__alloc(k->alloc, k->n_entries * sizeof *k->group_of);
    if (!k->group_of)
        return tn__no_memory(k->snapshot, err);
    int status = fill_own(k, &rows, err);
    tn__map_free(&rows);
    if (status == TN_OK && at)
        take_from(k, at);
    k->behind = at != NULL;
    return status;
}

int tn__site_keys_make(tn_snapshot *s, enum tn_sites_by by, const uint32_t *at, tn_site_keys *out, tn_error *err)
{
    if ((unsigned)by >= TN_SITES_BYS)
        return tn__error_set(err, TN_EINVAL, 0, "there is no way %u of parting stacks", (unsigned)by);
    tn_site_keys k = {.snapshot = s, .alloc = tn__snapshot_alloc(s), .by = by};
    tn__buf_init(&k.examples, k.alloc);
    tn__buf_init(&k.mixed, k.alloc);
    int status = make(&k, at, err);
    if (status < 0)
        tn__site_keys_free(&k);
    else
        *out = k;
    return status;
}

void tn__site_keys_free(tn_site_keys *k)
{
    if (!k->alloc)
        return;
    tn__free(k->alloc, k->group_of, k->group_of ? k->n_entries * sizeof *k->group_of : 0);
    tn__buf_free(&k->examples);
    tn__buf_free(&k->mixed);
    tn__strtab_free(&k->words);
}

/* ---- names ---- */

static int add(tn_buf *out, const char *text, tn_error *err)
{
    return tn__buf_append(out, text, strlen(text) + 1) < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
}

static int add_line(tn_buf *out, const char *file, uint32_t line, const char *function, tn_error *err)
{
    char text[24];
    tn__compose(text, sizeof text, ":%u", (unsigned)line);
    int status = tn__buf_append(out, file, strlen(file));
    if (status == TN_OK && line)
        status = tn__buf_append(out, text, strlen(text));
    if (status == TN_OK && function) {
        status = tn__buf_append(out, " ", 1);
        if (status == TN_OK)
            status = tn__buf_append(out, function, strlen(function));
        if (status == TN_OK)
            status = tn__buf_append(out, "()", 2);
    }
    return status < 0 || tn__buf_append(out, "", 1) < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
}

/* Of what has no file the name is both. */
static const char *function_of(const tn_stack_entry *e)
{
    return *e->file ? e->qualified_name : NULL;
}

int tn__site_text(tn_snapshot *s, uint32_t entry, tn_buf *out, tn_error *err)
{
    tn_stack_entry e;
    if (!entry)
        return add(out, TN_SITE_LOST, err);
    TN_TRY(tn__snapshot_stack(s, entry, &e, err));
    return add_line(out, tn__site_file(&e), e.line, function_of(&e), err);
}

uint32_t tn__site_example(const tn_site_keys *k, uint32_t group)
{
    return ((const uint32_t *)(const void *)k->examples.data)[group];
}

int tn__site_frame(const tn_site_keys *k, uint32_t group, tn_stack_entry *out, tn_error *err)
{
    TN_TRY(tn__snapshot_stack(k->snapshot, tn__site_example(k, group), out, err));
    if (k->mixed.data[group])
        out->name = out->qualified_name = NULL;
    return TN_OK;
}

int tn__site_label(tn_site_keys *k, uint32_t group, tn_buf *out, tn_error *err)
{
    uint32_t entry = tn__site_example(k, group);
    tn_stack_entry e;
    const char *text;
    if (!entry)
        return add(out, k->behind ? TN_SITE_BOTTOM : TN_SITE_LOST, err);
    TN_TRY(tn__snapshot_stack(k->snapshot, entry, &e, err));
    switch (k->by) {
    case TN_SITES_MODULE:
    case TN_SITES_DISTRIBUTION: TN_TRY(home_of(k, &e, &text, err)); return add(out, text, err);
    case TN_SITES_FILE:
    case TN_SITES_THREAD: return add(out, tn__site_file(&e), err);
    case TN_SITES_FUNCTION: return add_line(out, tn__site_file(&e), 0, function_of(&e), err);
    default: return add_line(out, tn__site_file(&e), e.line, NULL, err);
    }
}
