/* hint.c - a selection that names a type or an address the file does not have, a file that has no objects: an empty page says
 * nothing of why. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 63 };

typedef struct hint {
    tn_snapshot *const *snapshots;
    size_t n;
} hint;

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t cli_distance(const char *left, const char *right)
{
    size_t row[LONGEST + 2], n = strlen(right);
    if (n > LONGEST || strlen(left) > LONGEST)
        return SIZE_MAX;
    for (size_t k = 0; k <= n; k++)
        row[k] = k;
    for (size_t i = 0; left[i]; i++) {
        size_t across = row[0];
        row[0] = i + 1;
        for (size_t k = 0; k < n; k++) {
            size_t same = across + (lower(left[i]) != lower(right[k]));
            across = row[k + 1];
            row[k + 1] = least(same, least(row[k], row[k + 1]) + 1);
        }
    }
    return row[n];
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot[1] ? dot + 1 : name;
}

/* ---- types ---- */

static bool is_called(const tn_type *type, const char *name, bool prefix)
{
    static const char builtins[] = "builtins.";
    size_t n = strlen(name), skipped = sizeof builtins - 1;
    const char *const names[] = {type->name, type->full_name};
    for (int i = 0; i < 2; i++)
        if (prefix ? strncmp(names[i], name, n) == 0 : strcmp(names[i], name) == 0)
            return true;
    return strncmp(name, builtins, skipped) == 0 && is_called(type, name + skipped, prefix);
}

/* The file may be hostile, and its names go to a terminal. */
static bool is_plain(const char *text)
{
    while (*text >= ' ' && *text <= '~')
        text++;
    return !*text;
}

/* Whether a type has the name; else near is the full name of the most similar one, if there is one. */
static bool find_type(const hint *h, const char *name, bool prefix, const char **near)
{
    size_t n = strlen(last_part(name)), best = n > 3 ? n / 3 + 2 : 2;
    *near = NULL;
    for (size_t i = 0; i < h->n; i++) {
        for (uint32_t row = 0; row < tn_snapshot_n_types(h->snapshots[i]); row++) {
            tn_type type;
            if (tn_snapshot_type(h->snapshots[i], row, &type) < 0)
                continue;
            if (is_called(&type, name, prefix))
                return true;
            size_t apart = cli_distance(last_part(name), last_part(type.name));
            if (apart < best && is_plain(type.full_name)) {
                best = apart;
                *near = type.full_name;
            }
        }
    }
    return false;
}

/* "Session+" takes subclasses in, "app.*" all names with that beginning. */
static void look_for_type(const hint *h, char *name)
{
    size_t n = strlen(name);
    bool prefix = n > 0 && name[n - 1] == '*';
    const char *near;
    if (n > 0 && (prefix || (n > 1 && name[n - 1] == '+'))) /* "*" alone takes all */
        name[n - 1] = '\0';
    if (find_type(h, name, prefix, &near))
        return;
    if (prefix)
        cli_say("no type has a name that begins with %s", name);
    else if (near)
        cli_say("no type is called %s; did you mean %s?", name, near);
    else
        cli_say("no type is called %s", name);
}

/* ---- addresses ---- */

static void look_for_address(const hint *h, const char *text)
{
    char *end;
    uint32_t id;
    errno = 0;
    bool hex = text[0] == '0' && (text[1] | 0x20) == 'x', found = false;
    unsigned long long address = strtoull(text, &end, hex ? 16 : 10);
    for (size_t i = 0; i < h->n; i++)
        found |= tn_node_at(h->snapshots[i], address, &id, NULL) != TN_ENOTFOUND;
    if (!*end && !errno && !found)
        cli_say("no object starts at %s", text);
}

/* ---- words ---- */

/* The value after a key, up to a quote, a space, a bracket that is not opened in it, or what else ends it. */
static const char *take_value(const char *at, const char *ends, char *out, size_t cap)
{
    bool quoted = *at == '\'' || *at == '"';
    char quote = *at;
    size_t n = 0, open = 0;
    for (at += quoted; *at && (quoted ? *at != quote : !strchr(ends, *at)); at++) {
        if (!quoted && *at == ')' && open-- == 0)
            break;
        open += *at == '(';
        if (n + 1 < cap)
            out[n++] = *at;
    }
    out[n] = '\0';
    return at;
}

static void look_at(const hint *h, const char *text)
{
    static const char *const keys[] = {"type:", "address:", "dominated-by:"};
    char value[256];
    for (const char *at = text; at && *at;) {
        bool begins = at == text || strchr(" (-!,", at[-1]);
        size_t k = 0;
        while (k < 3 && strncmp(at, keys[k], strlen(keys[k])) != 0)
            k++;
        if (!begins || k == 3) {
            at++;
            continue;
        }
        at += strlen(keys[k]);
        do {
            at += k > 0 && *at == ',';
            at = take_value(at, k ? " ," : " ", value, sizeof value);
            if (k == 0)
                look_for_type(h, value);
            else
                look_for_address(h, value);
        } while (k > 0 && *at == ',');
    }
}

void cli_hint(const cli_options *options, tn_snapshot *const *snapshots, size_t n)
{
    hint h = {snapshots, n};
    look_at(&h, options->view.where);
    look_at(&h, options->view.heads);
    look_at(&h, options->view.avoid);
    look_at(&h, options->only);
    look_at(&h, options->highlight);
}

static bool is_about_objects(const cli_verb *verb)
{
    return verb->options & CLI_WHERE && !(verb->options & (CLI_SITES | CLI_PROFILE | CLI_TO)) &&
           verb->run != cmd_check && verb->view != tn_view_info;
}

void cli_hint_samples(const cli_options *options, tn_snapshot *s)
{
    tn_fact fact;
    const char *file = options->file;
    if (tn_snapshot_n_objects(s) || !is_about_objects(options->verb))
        return;
    if (tn_snapshot_find_fact(s, "sample.clock", &fact) == TN_OK)
        cli_say("%s has samples and no objects: tonnage profile %s shows where time goes", file, file);
    else if (tn_snapshot_find_fact(s, "trace.mode", &fact) == TN_OK)
        cli_say("%s has recorded allocations and no objects: tonnage sites %s shows them", file, file);
}

void cli_hint_ahead(const char *file, const char *where)
{
    const cli_options options = {.view.where = where};
    const tn_open_options how = {0};
    tn_snapshot *s;
    if (!file || !where || tn_snapshot_open(file, &how, &s, NULL) < 0)
        return;
    cli_hint(&options, &s, 1);
    tn_snapshot_close(s);
}
