/* stack_options.c - options of tables, trees and profiles of stacks: which stacks count, and as what. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* Each belongs to a bit of a verb; those that take a value come last. */
enum {
    SITES_CUMULATIVE,
    SITES_RETAINED,
    SITES_FIRST,
    PROFILE_TREE,
    PROFILE_GRAPH,
    FLAME_INVERT,
    FLAME_BORN,
    PROFILE_CALLERS,
    PROFILE_CALLEES,
    PROFILE_THREAD,
    PROFILE_TASK,
    PROFILE_STATE,
    PROFILE_CLOCK,
    SITES_INCLUDE,
    SITES_EXCLUDE,
    SITES_FROM,
    SITES_COLOR,
};
static const struct {
    const char *name;
    uint64_t option;
    enum tn_cpu_page page; /* of PROFILE: of which one alone can be asked for; TABLE: it is none */
} known[] = {
    [SITES_CUMULATIVE] = {"--cumulative", CLI_CUMULATE, 0},
    [SITES_RETAINED] = {"--retained", CLI_SUMS, 0},
    [SITES_FIRST] = {"--first", CLI_COMPARE, 0},
    [PROFILE_TREE] = {"--tree", CLI_PROFILE, TN_CPU_TREE},
    [PROFILE_GRAPH] = {"--graph", CLI_PROFILE, TN_CPU_GRAPH},
    [FLAME_INVERT] = {"--invert", CLI_FLAME, 0},
    [FLAME_BORN] = {"--born", CLI_FLAME, 0},
    [PROFILE_CALLERS] = {"--callers", CLI_PROFILE, TN_CPU_CALLERS},
    [PROFILE_CALLEES] = {"--callees", CLI_PROFILE, TN_CPU_CALLEES},
    [PROFILE_THREAD] = {"--thread", CLI_PROFILE, 0},
    [PROFILE_TASK] = {"--task", CLI_PROFILE, 0},
    [PROFILE_STATE] = {"--state", CLI_PROFILE, 0},
    [PROFILE_CLOCK] = {"--clock", CLI_PROFILE, 0},
    [SITES_INCLUDE] = {"--include", CLI_SITES, 0},
    [SITES_EXCLUDE] = {"--exclude", CLI_SITES, 0},
    [SITES_FROM] = {"--from", CLI_FROM, 0},
    [SITES_COLOR] = {"--color", CLI_SITES, 0},
};

static int add_place(const cli_verb *verb, const char *value, const char **places, size_t *n)
{
    if (*n == CLI_PLACES)
        return cli_usage(verb, "too many places, beginning with", value);
    places[(*n)++] = value;
    return CLI_OK;
}

static int set_color(const cli_verb *verb, const char *value, cli_options *out)
{
    if (strcmp(value, "auto") == 0)
        return CLI_OK;
    if (strcmp(value, "always") != 0 && strcmp(value, "never") != 0)
        return cli_usage(verb, "--color takes always, never or auto, not", value);
    out->view.color = *value == 'a';
    return CLI_OK;
}

/* "1000-2000" */
static int set_born(const cli_verb *verb, const char *value, cli_options *out)
{
    char *end;
    unsigned long long first = strtoull(value, &end, 10), last = 0;
    bool digits = *value >= '0' && *value <= '9' && *end == '-' && end[1] >= '0' && end[1] <= '9';
    if (digits)
        last = strtoull(end + 1, &end, 10);
    if (!digits || *end || !last || first > last)
        return cli_usage(verb, "--born takes two numbers of allocations such as 1000-2000, not", value);
    out->flame.born_first = first;
    out->flame.born_last = last;
    return CLI_OK;
}

static int set_page(const cli_verb *verb, size_t option, const char *value, cli_options *out)
{
    if (out->cpu.page != TN_CPU_TABLE)
        return cli_usage(verb, "one page at a time: --tree, --graph, --callers or --callees, not also",
                         known[option].name);
    out->cpu.page = known[option].page;
    out->cpu.function = value;
    return CLI_OK;
}

int cli_set_stack_option(const cli_verb *verb, size_t option, const char *value, cli_options *out)
{
    tn_sites_options *asked = &out->sites.asked;
    switch (option) {
    case SITES_CUMULATIVE: asked->cumulative = true; return CLI_OK;
    case SITES_RETAINED: asked->retained = true; return CLI_OK;
    case SITES_FIRST: asked->first = true; return CLI_OK;
    case FLAME_INVERT: out->flame.inverted = true; return CLI_OK;
    case FLAME_BORN: return set_born(verb, value, out);
    case PROFILE_THREAD: out->cpu.thread = value; return CLI_OK;
    case PROFILE_TASK: out->cpu.task = value; return CLI_OK;
    case PROFILE_STATE: out->cpu.state = value; return CLI_OK;
    case PROFILE_CLOCK: out->cpu.clock = value; return CLI_OK;
    case SITES_INCLUDE: return add_place(verb, value, out->sites.include, &asked->n_include);
    case SITES_EXCLUDE: return add_place(verb, value, out->sites.exclude, &asked->n_exclude);
    case SITES_FROM: return add_place(verb, value, out->sites.from, &asked->n_from);
    case SITES_COLOR: return set_color(verb, value, out);
    default: return set_page(verb, option, value, out);
    }
}

bool cli_is_option(const char *name, const char *word, size_t length)
{
    return strlen(name) == length && memcmp(name, word, length) == 0;
}

bool cli_stack_option(const cli_verb *verb, const char *word, size_t length, size_t *option, bool *takes)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!(verb->options & known[i].option) || !cli_is_option(known[i].name, word, length))
            continue;
        *option = i;
        *takes = i >= FLAME_BORN;
        return true;
    }
    return false;
}

int cli_set_what(const cli_verb *verb, const char *value, cli_options *out)
{
    out->what = value;
    if (!(verb->options & CLI_FLAME))
        return CLI_OK;
    for (int i = TN_FLAME_LIVE; i < TN_FLAME_WHATS; i++) {
        if (strcmp(value, tn_flame_what_names[i]) == 0) {
            out->flame.what = (enum tn_flame_what)i;
            return CLI_OK;
        }
    }
    return cli_usage(verb, "--what takes live, count, allocated, temporary, peak, retained or cpu, not", value);
}
