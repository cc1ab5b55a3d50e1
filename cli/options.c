/* options.c - the words after a verb. FILE comes first; options may stand anywhere, as --name VALUE or --name=VALUE. */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct {
    const char *name;
    uint64_t option;
    bool value;
} known[] = {
    {"--json", CLI_JSON, false},        {"--limit", CLI_LIMIT, true},     {"--sort", CLI_SORT, true},
    {"--where", CLI_WHERE, true},       {"--by", CLI_BY, true},           {"--threshold", CLI_THRESHOLD, true},
    {"--max-memory", CLI_MEMORY, true}, {"--depth", CLI_DEPTH, true},     {"--index", CLI_INDEX, false},
    {"--fold", CLI_FOLD, false},        {"--heads", CLI_HEADS, true},     {"--avoid", CLI_AVOID, true},
    {"--all", CLI_ALL, false},          {"--merge", CLI_MERGE, false},    {"--against", CLI_AGAINST, true},
    {"--width", CLI_BRANCHES, true},    {"--at", CLI_AT, true},           {"--no-fold", CLI_NO_FOLD, false},
    {"--garbage", CLI_GARBAGE, false},  {"-o", CLI_OUTPUT, true},         {"--to", CLI_TO, true},
    {"--force", CLI_FORCE, false},      {"--what", CLI_WHAT, true},       {"--columns", CLI_COLUMNS, true},
    {"--python", CLI_PYTHON, true},     {"--max-nodes", CLI_NODES, true}, {"--skip", CLI_SKIP, true},
};

/* Options of CLI_PICTURE: what is drawn, and what is told of each object; the first two take a selection. */
enum { DRAW_ONLY, DRAW_HIGHLIGHT, DRAW_PROPORTIONAL };
static const struct {
    const char *name;
    enum tn_picture_of of; /* GROUPS: it does not say what is drawn */
    unsigned line;
} drawing[] = {
    [DRAW_ONLY] = {"--only", TN_PICTURE_GROUPS, 0},
    [DRAW_HIGHLIGHT] = {"--highlight", TN_PICTURE_GROUPS, 0},
    [DRAW_PROPORTIONAL] = {"--proportional", TN_PICTURE_GROUPS, 0},
    {"--refs", TN_PICTURE_REFS, 0},
    {"--backrefs", TN_PICTURE_BACKREFS, 0},
    {"--paths", TN_PICTURE_PATHS, 0},
    {"--cycles", TN_PICTURE_CYCLES, 0},
    {"--refcounts", TN_PICTURE_GROUPS, TN_PICTURE_REFCOUNT},
    {"--addresses", TN_PICTURE_GROUPS, TN_PICTURE_ADDRESS},
    {"--retained", TN_PICTURE_GROUPS, TN_PICTURE_RETAINED},
    {"--full-names", TN_PICTURE_GROUPS, TN_PICTURE_FULL_NAMES},
};

/* Options of other verbs, and why this one has them not. */
static const struct {
    const char *verb;
    uint64_t option;
    const char *why;
} refused[] = {
    {"largest", CLI_BY, "its rows are single objects; tonnage groups parts them"},
    {"show", CLI_BY, "its rows are single references; tonnage refs and referrers part them"},
    {"info", CLI_BY, "its rows are facts, no objects; tonnage groups parts those"},
    {"info", CLI_AGAINST, "its rows are facts"},
    {"check", CLI_AGAINST, "it is about one file"},
    {"show", CLI_AGAINST, "an object is in one of them; show it in the other"},
    {"check", CLI_BY, "its rows are findings, no objects; tonnage groups parts those"},
    {"creators", CLI_BY, "its rows are lines and their callers; tonnage sites parts by other things"},
    {"peak", CLI_WHERE, "objects of then are gone; --include and --exclude take places in code"},
    {"temporary", CLI_WHERE, "its objects are gone; --include and --exclude take places in code"},
    {"audit", CLI_THRESHOLD, "its rows are findings"},
    {"suspects", CLI_THRESHOLD, "a suspect retains a tenth of the heap"},
    {"cycles", CLI_THRESHOLD, "cycles are many small ones"},
    {"check", CLI_THRESHOLD, "a finding has no size"},
    {"retained", CLI_THRESHOLD, "it is about all that goes"},
    {"export", CLI_BY, "it writes single objects; tonnage sql groups them"},
    {"export", CLI_SORT, "rows stand in order of address; tonnage sql sorts them"},
    {"export", CLI_LIMIT, "a table is whole; tonnage sql takes a part of it"},
    {"export", CLI_JSON, "it writes the formats of --to"},
    {"diff", CLI_THRESHOLD, "a change may be less than nothing"},
    {"diff", CLI_AGAINST, "OLD is its first word"},
    {"profile", CLI_WHERE, "samples are of stacks, not of objects; --include names some of these"},
    {"profile", CLI_THRESHOLD, "its rows are time"},
    {"tracked", CLI_AGAINST, "the file has its own snapshots, which it compares"},
    {"tracked", CLI_THRESHOLD, "--where size:>=64k says it"},
    {"flame", CLI_THRESHOLD, "it shows the widest frames; --limit says how many"},
    {"flame", CLI_SORT, "the widest frames come first"},
    {"flame", CLI_AGAINST, "it is of one file; tonnage sites and profile compare two"},
    {"timeline", CLI_SORT, "its rows are in order of time"},
    {"timeline", CLI_WHERE, "its rows are moments, no objects"},
};

int cli_usage(const cli_verb *verb, const char *what, const char *word)
{
    cli_say("%s: %s \"%s\"; see tonnage %s --help", verb->name, what, word, verb->name);
    return CLI_USAGE;
}

/* Half of the machine's memory, at least 1 GiB: a hostile file must not take the machine with it. */
static uint64_t default_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t half = pages > 0 && page > 0 ? (uint64_t)pages / 2 * (uint64_t)page : 0;
    return half > 1u << 30 ? half : 1u << 30;
}

/* Whether it is one of these words, with commas and "or" between them. */
static bool is_word_of(const char *words, const char *value)
{
    size_t n = strlen(value);
    for (const char *at = words; (at = strstr(at, value)); at++)
        if ((at == words || at[-1] == ' ') && (at[n] == '\0' || at[n] == ' ' || at[n] == ','))
            return n > 0;
    return false;
}

static int no_kind(const cli_verb *verb, const char *kinds, const char *value)
{
    char what[sizeof CLI_KINDS + 32];
    snprintf(what, sizeof what, "--by takes %s, not", kinds);
    return cli_usage(verb, what, value);
}

static int set_sites_by(const cli_verb *verb, const char *value, cli_options *out)
{
    const char *kinds = verb->kinds ? verb->kinds : CLI_SITE_KINDS;
    for (int i = 0; i < TN_SITES_BYS && is_word_of(kinds, value); i++) {
        if (strcmp(value, tn_sites_by_names[i]) == 0) {
            out->sites.asked.by = (enum tn_sites_by)i;
            return CLI_OK;
        }
    }
    return no_kind(verb, kinds, value);
}

static int set_cpu_by(const cli_verb *verb, const char *value, cli_options *out)
{
    for (int i = 0; i < TN_CPU_BYS; i++) {
        if (strcmp(value, tn_cpu_by_names[i]) == 0) {
            out->cpu.by = (enum tn_cpu_by)i;
            return CLI_OK;
        }
    }
    return no_kind(verb, verb->kinds, value);
}

static int set_tracked_by(const cli_verb *verb, const char *value, cli_options *out)
{
    for (int i = 0; i < TN_TRACKED_PAGES; i++) {
        if (strcmp(value, tn_tracked_page_names[i]) == 0) {
            out->view.tracked = (enum tn_tracked_page)i;
            return CLI_OK;
        }
    }
    return no_kind(verb, verb->kinds, value);
}

static int set_by(const cli_verb *verb, const char *value, cli_options *out)
{
    if (verb->options & CLI_TRACKED)
        return set_tracked_by(verb, value, out);
    if (verb->options & CLI_PROFILE)
        return set_cpu_by(verb, value, out);
    if (verb->options & CLI_SITES)
        return set_sites_by(verb, value, out);
    const char *kinds = verb->kinds ? verb->kinds : CLI_KINDS;
    for (int i = 0; i < TN_BYS && is_word_of(kinds, value); i++) {
        if (i != TN_BY_HEADS && strcmp(value, tn_by_names[i]) == 0) {
            out->view.by = (enum tn_by)i;
            out->view.grouped = true;
            return CLI_OK;
        }
    }
    return no_kind(verb, kinds, value);
}

static int set_rows(const cli_verb *verb, const char *value, const char *what, uint32_t *out)
{
    char *end;
    unsigned long rows = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || rows > UINT32_MAX)
        return cli_usage(verb, what, value);
    *out = (uint32_t)rows;
    return CLI_OK;
}

static int set_depth(const cli_verb *verb, const char *value, cli_options *out)
{
    char *end;
    unsigned long depth = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || depth == 0 || depth > UINT32_MAX)
        return cli_usage(verb, "--depth takes a number of levels from 1 on, not", value);
    out->view.depth = (uint32_t)depth;
    return CLI_OK;
}

static int set_branches(const cli_verb *verb, const char *value, cli_options *out)
{
    char *end;
    unsigned long width = strtoul(value, &end, 10);
    unsigned long most = verb->options & CLI_PICTURE ? UINT32_MAX : 702;
    if (*value < '0' || *value > '9' || *end || width == 0 || width > most)
        return cli_usage(verb,
                         most > 702 ? "--width takes a number from 1 on, not"
                                    : "--width takes a number of kinds from 1 to 702, not",
                         value);
    out->view.branches = (uint32_t)width;
    return CLI_OK;
}

static int set_nodes(const cli_verb *verb, const char *value, cli_options *out)
{
    char *end;
    unsigned long nodes = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || nodes == 0 || nodes > UINT32_MAX)
        return cli_usage(verb, "--max-nodes takes a number of nodes from 1 on, not", value);
    out->max_nodes = (uint32_t)nodes;
    return CLI_OK;
}

static int set_picture(const cli_verb *verb, size_t i, const char *value, cli_options *out)
{
    enum tn_picture_of of = drawing[i].of;
    out->picture.lines |= drawing[i].line;
    switch (i) {
    case DRAW_ONLY: out->only = value; return CLI_OK;
    case DRAW_HIGHLIGHT: out->highlight = value; return CLI_OK;
    case DRAW_PROPORTIONAL: out->picture.proportional = true; return CLI_OK;
    default: break;
    }
    if (of == TN_PICTURE_GROUPS)
        return CLI_OK;
    if (out->drawn && out->picture.of != of)
        return cli_usage(verb, "one picture at a time: --refs, --backrefs, --paths or --cycles, not also",
                         drawing[i].name);
    out->picture.of = of;
    out->drawn = true;
    return CLI_OK;
}

static void set_fold(cli_options *out, bool fold)
{
    out->view.fold = fold;
    out->folding = true;
}

static void set_flag(uint64_t option, cli_options *out)
{
    switch (option) {
    case CLI_INDEX: out->index = true; break;
    case CLI_FOLD:
    case CLI_NO_FOLD: set_fold(out, option == CLI_FOLD); break;
    case CLI_ALL: out->view.all = true; break;
    case CLI_MERGE: out->view.merge = true; break;
    case CLI_FORCE: out->force = true; break;
    case CLI_GARBAGE: out->view.garbage = true; break;
    default: out->view.form = TN_JSON;
    }
}

static int set_value(const cli_verb *verb, uint64_t option, const char *value, cli_options *out)
{
    uint64_t bytes;
    switch (option) {
    case CLI_LIMIT: return set_rows(verb, value, "--limit takes a number of rows (0: all), not", &out->view.limit);
    case CLI_SKIP: return set_rows(verb, value, "--skip takes a number of rows, not", &out->view.first);
    case CLI_BY: return set_by(verb, value, out);
    case CLI_DEPTH: return set_depth(verb, value, out);
    case CLI_BRANCHES: return set_branches(verb, value, out);
    case CLI_NODES: return set_nodes(verb, value, out);
    case CLI_AT: out->view.at = value; return CLI_OK;
    case CLI_OUTPUT: out->output = value; return CLI_OK;
    case CLI_TO: out->to = value; return CLI_OK;
    case CLI_WHAT: return cli_set_what(verb, value, out);
    case CLI_COLUMNS: out->columns = value; return CLI_OK;
    case CLI_PYTHON: out->python = value; return CLI_OK;
    case CLI_SORT: out->view.sort = value; return CLI_OK;
    case CLI_HEADS: out->view.heads = value; return CLI_OK;
    case CLI_AVOID: out->view.avoid = value; return CLI_OK;
    case CLI_WHERE: out->view.where = value; return CLI_OK;
    case CLI_AGAINST: out->against = value; return CLI_OK;
    case CLI_THRESHOLD:
        if (tn_parse_bytes(value, &bytes) < 0)
            return cli_usage(verb, "--threshold takes a size such as 64k, not", value);
        snprintf(out->rows, sizeof out->rows, "size:>=%" PRIu64, bytes);
        out->view.where_rows = out->rows;
        return CLI_OK;
    default:
        if (tn_parse_bytes(value, &bytes) < 0 || bytes == 0)
            return cli_usage(verb, "--max-memory takes a size such as 2G, not", value);
        out->max_memory_bytes = bytes;
        return CLI_OK;
    }
}

static int refuse(const cli_verb *verb, uint64_t option, const char *name)
{
    const char *why = "it has nothing of the kind";
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (refused[i].option == option && strcmp(refused[i].verb, verb->name) == 0)
            why = refused[i].why;
    cli_say("%s: %s makes no sense here: %s; see tonnage %s --help", verb->name, name, why, verb->name);
    return CLI_USAGE;
}

/* The value of the option in words[*at], behind = or in the next word; *value NULL: the option takes none. */
static int take_value(const cli_verb *verb, bool takes, int n, char **words, int *at, const char **value)
{
    const char *word = words[*at], *equals = strchr(word, '=');
    *value = NULL;
    if (!takes)
        return equals ? cli_usage(verb, "no value is taken by", word) : CLI_OK;
    if (!equals && *at + 1 == n)
        return cli_usage(verb, "a value must follow", word);
    *value = equals ? equals + 1 : words[++*at];
    return CLI_OK;
}

/* Of the two that say whether dicts are folded the one that says what the verb does anyway. */
static bool is_default(const cli_verb *verb, uint64_t option)
{
    return (option == CLI_FOLD && verb->options & CLI_NO_FOLD) || (option == CLI_NO_FOLD && verb->options & CLI_FOLD);
}

/* Takes the option in words[*at] and its value. */
static int take_option(const cli_verb *verb, int n, char **words, int *at, cli_options *out)
{
    const char *word = words[*at], *equals = strchr(word, '='), *value;
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        out->help = true;
        return CLI_OK;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!cli_is_option(known[i].name, word, length))
            continue;
        if (is_default(verb, known[i].option) && !equals) {
            set_fold(out, known[i].option == CLI_FOLD);
            return CLI_OK;
        }
        if (!(verb->options & known[i].option))
            return refuse(verb, known[i].option, known[i].name);
        int code = take_value(verb, known[i].value, n, words, at, &value);
        if (code == CLI_OK && value)
            return set_value(verb, known[i].option, value, out);
        if (code == CLI_OK)
            set_flag(known[i].option, out);
        return code;
    }
    for (size_t i = 0; verb->options & CLI_PICTURE && i < sizeof drawing / sizeof *drawing; i++) {
        if (!cli_is_option(drawing[i].name, word, length))
            continue;
        int code = take_value(verb, i <= DRAW_HIGHLIGHT, n, words, at, &value);
        return code == CLI_OK ? set_picture(verb, i, value, out) : code;
    }
    size_t stack_option;
    bool takes;
    if (cli_stack_option(verb, word, length, &stack_option, &takes)) {
        int code = take_value(verb, takes, n, words, at, &value);
        return code == CLI_OK ? cli_set_stack_option(verb, stack_option, value, out) : code;
    }
    return cli_usage(verb, "unknown option", word);
}

/* Files are gathered at the front of the words, where options have been read already. */
static int take_word(const cli_verb *verb, char **words, int at, cli_options *out)
{
    char *word = words[at];
    if (verb->options & CLI_FILES) {
        memmove(words + out->n_files + 1, words + out->n_files, ((size_t)at - out->n_files) * sizeof *words);
        words[out->n_files++] = word;
        out->files = words;
        out->file = words[0];
    } else if (!out->file)
        out->file = word;
    else if ((verb->options & (CLI_ADDRESS | CLI_MAY_ADDRESS | CLI_SELECTION)) && !out->address)
        out->address = word;
    else
        return cli_usage(verb, "one word too many:", word);
    return CLI_OK;
}

static void set_terminal(cli_options *out)
{
    struct winsize size;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool terminal = isatty(STDOUT_FILENO);
    out->view.width = UINT32_MAX; /* a file or a pipe: nothing is cut */
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        out->view.width = size.ws_col;
    else if (terminal)
        out->view.width = 100;
    out->view.color = terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

int cli_options_parse(const cli_verb *verb, int n, char **words, cli_options *out)
{
    *out = (cli_options){.verb = verb, .view.limit = verb->few ? verb->few : 20, .max_memory_bytes = default_memory()};
    out->view.fold = verb->options & CLI_NO_FOLD;
    set_terminal(out);
    bool only_words = false;
    for (int i = 0; i < n && !out->help; i++) {
        int code;
        if (!only_words && strcmp(words[i], "--") == 0) {
            only_words = true;
            continue;
        }
        if (!only_words && words[i][0] == '-' && words[i][1])
            code = take_option(verb, n, words, &i, out);
        else
            code = take_word(verb, words, i, out);
        if (code != CLI_OK)
            return code;
    }
    if (out->help)
        return CLI_OK;
    if (out->view.heads && out->view.grouped) {
        cli_say("%s: --heads or --by, not both; see tonnage %s --help", verb->name, verb->name);
        return CLI_USAGE;
    }
    if ((verb->options & CLI_FILES) && !(verb->options & CLI_SITES) && out->n_files < 2) {
        cli_say("%s: two files are needed, the older one first; see tonnage %s --help", verb->name, verb->name);
        return CLI_USAGE;
    }
    if (!out->file || ((verb->options & CLI_ADDRESS) && !out->address)) {
        cli_say("%s: %s is missing; see tonnage %s --help", verb->name, out->file ? "ADDRESS" : "FILE", verb->name);
        return CLI_USAGE;
    }
    out->view.file = out->file;
    out->sites.asked.page = verb->page;
    return CLI_OK;
}
