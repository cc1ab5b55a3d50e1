/* cli.h - the command: words to a call of the public header, its output to standard output.
 *
 *   main.c -> options.c (words) -> cmd_<verb>.c (one call) -> output.c (standard output, progress)
 */
#ifndef TONNAGE_CLI_H
#define TONNAGE_CLI_H

#include <tonnage.h>

enum { CLI_OK = 0, CLI_FINDINGS = 1, CLI_USAGE = 2, CLI_NO_TARGET = 3, CLI_UNREADABLE = 5, CLI_UNSUPPORTED = 6 };

enum {
    CLI_JSON = 1,
    CLI_LIMIT = 2,
    CLI_SORT = 4,
    CLI_WHERE = 8,
    CLI_THRESHOLD = 16,
    CLI_BY = 32,
    CLI_MEMORY = 64,
    CLI_ADDRESS = 128,     /* the verb takes ADDRESS after FILE */
    CLI_MAY_ADDRESS = 256, /* ... if it is given */
    CLI_DEPTH = 512,
    CLI_INDEX = 1024,
    CLI_FOLD = 2048,
    CLI_HEADS = 4096,
    CLI_AVOID = 8192,
    CLI_ALL = 16384,
    CLI_MERGE = 32768,
    CLI_FILES = 65536,      /* the verb takes two files or more, the oldest first */
    CLI_AGAINST = 131072,   /* --against OLD */
    CLI_SELECTION = 262144, /* the verb may take a selection or an address after FILE */
    CLI_NO_FOLD = 524288,   /* the verb folds unless it is told not to */
    CLI_BRANCHES = 1048576, /* --width N */
    CLI_AT = 2097152,
    CLI_OUTPUT = 16777216, /* -o OUT */
    CLI_TO = 33554432,
    CLI_FORCE = 67108864,
    CLI_WHAT = 134217728,
    CLI_COLUMNS = 268435456,
    CLI_PYTHON = 536870912,
    CLI_NODES = 1073741824, /* --max-nodes N */
    CLI_GARBAGE = 4194304,  /* --garbage */
    CLI_PICTURE = 8388608,  /* what is drawn, and how: --refs … --only SELECTION */
};
/* Constants of an enum are ints, and these bits are none of theirs. */
#define CLI_SKIP 2147483648U     /* --skip N */
#define CLI_SITES (1ULL << 32)   /* which stacks count, and how: --include PLACE … --color WHEN */
#define CLI_COMPARE (1ULL << 33) /* ... of several files: --first */
#define CLI_SUMS (1ULL << 34)    /* ... --retained */
#define CLI_FROM (1ULL << 35)    /* ... --from PLACE */
#define CLI_CUMULATE (1ULL << 36)
#define CLI_FLAME (1ULL << 38)   /* ... --invert --born FIRST-LAST, and --what is of stacks */
#define CLI_PROFILE (1ULL << 37) /* which samples count, and as what: --tree … --clock CLOCK */
#define CLI_TRACKED (1ULL << 39) /* --by is a page of tracked classes */

enum { CLI_PLACES = 64 }; /* of --include, of --exclude, of --from */

typedef struct cli_verb cli_verb;

/* tn_by_names, for people. */
#define CLI_KINDS \
    "type, clodo, size, sizeclass, module, dist, generation, content, site, rcs, via, root, thread, frame, path or id"

/* tn_sites_by_names, likewise. */
#define CLI_SITE_KINDS "line, file, function, module, distribution, traceback, thread or type"
#define CLI_SUM_KINDS \
    "line, file, function, module, distribution, traceback or thread" /* of what was, objects are gone */

/* ... and what a frame of a flame graph may be. */
#define CLI_FRAME_KINDS "line, file, function, module or distribution"

/* tn_cpu_by_names, likewise. */
#define CLI_CPU_KINDS "function, line, file, module, distribution, traceback, thread, task or state"

/* tn_tracked_page_names, likewise. */
#define CLI_TRACKED_KINDS "all, snapshot, class or instance"

/* What --where takes, where it is about objects: conditions that stand below on a verb's page. */
#define CLI_OBJECTS "type, size, … (below)"

typedef struct cli_options {
    const cli_verb *verb;
    const char *file, *address;
    char *const *files; /* CLI_FILES: words of the command, options moved behind them */
    size_t n_files;
    const char *against; /* path of --against */
    char rows[40];       /* --threshold as a selection on rows */
    uint64_t max_memory_bytes;
    const char *output, *to, *what, *columns, *python; /* -o, --to and so on; NULL: not given */
    const char *only, *highlight;                      /* of pictures */
    struct {
        const char *include[CLI_PLACES], *exclude[CLI_PLACES], *from[CLI_PLACES];
        tn_sites_options asked;
    } sites;
    tn_cpu_options cpu;
    tn_flame_options flame;
    tn_picture_options picture;
    bool help, index, force, drawn, folding; /* drawn: the picture is chosen; folding: --fold or --no-fold is given */
    uint32_t max_nodes;                      /* 0: not given */
    tn_view_options view;
} cli_options;

struct cli_verb {
    const char *name;
    uint64_t options; /* CLI_JSON ... */
    int (*run)(const cli_options *options);
    const char *about; /* one line, for --help */
    /* its own page: what it shows; what options mean for its rows; examples, one of each option */
    const char *help, *limit, *sort, *where, *examples, *against, *by;
    const char *kinds; /* the words that --by takes; NULL: CLI_KINDS, or CLI_SITE_KINDS */
    uint32_t few;      /* --limit where it is not given; 0: 20 */
    enum tn_sites_page page;
    /* of cmd_table */
    int (*view)(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err);
};

/* ---- verbs.c, help.c ---- */
extern const cli_verb cli_verbs[];
extern const size_t cli_n_verbs;
void cli_help(void);
void cli_help_verb(const cli_verb *verb);

/* ---- options.c: 0, or CLI_USAGE after one line on standard error ---- */
int cli_options_parse(const cli_verb *verb, int n, char **words, cli_options *out);
int cli_usage(const cli_verb *verb, const char *what, const char *word); /* says it; CLI_USAGE */

/* ---- stack_options.c ---- */

bool cli_is_option(const char *name, const char *word, size_t length);
/* Whether the verb has the option, which one it is, and whether a value follows. */
bool cli_stack_option(const cli_verb *verb, const char *word, size_t length, size_t *option, bool *takes);
int cli_set_stack_option(const cli_verb *verb, size_t option, const char *value, cli_options *out);
int cli_set_what(const cli_verb *verb, const char *value, cli_options *out);

/* ---- output.c ---- */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2))); /* "tonnage: ..." on standard error */
int cli_fail(const char *file, const tn_error *err);                         /* says it; returns the exit code */
tn_sink cli_sink(void);
void cli_print(const char *text);
/* Whether -o names the file that is read, which --force would replace; says so. */
bool cli_is_input(const cli_options *options);
int cli_finish(int code); /* flushes; the exit code, another one if standard output failed */
int cli_open(const cli_options *options, bool partial,
             tn_snapshot **out); /* 0 or an exit code, said; starts progress */

/* ---- beside.c ---- */

/* Takes dominators from FILE.index if it is there; one that is of no use is ignored, said in one line. */
bool cli_index_load(const cli_options *options, tn_snapshot *s);
int cli_index_save(const cli_options *options, tn_snapshot *s); /* with --index; 0 or an exit code, said */

/* ---- address.c ---- */

/* A view of the object at the ADDRESS, or of TN_NONE without one. */
typedef int cli_view(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err);
int cli_view_of(const cli_options *options, cli_view *render);
/* The same where there must be an ADDRESS or --where, and not both. */
int cli_view_of_some(const cli_options *options, cli_view *render);

/* ---- hint.c ---- */

/* Letters to be changed, added or left out, upper and lower case alike. */
size_t cli_distance(const char *left, const char *right);
/* A line on standard error for each type or address in --where, --heads and --avoid that is in none of the snapshots. */
void cli_hint(const cli_options *options, tn_snapshot *const *snapshots, size_t n);
/* Such a line where a verb about objects gets a file that has samples, or sums of allocations, alone. */
void cli_hint_samples(const cli_options *options, tn_snapshot *s);
/* For verbs that Python runs. A file that cannot be opened gets its message there; where NULL: nothing. */
void cli_hint_ahead(const char *file, const char *where);

/* ---- draw.c ---- */

/* Writes the picture to the file of -o, in the format that its name ends in; says how many nodes there are. */
int cli_draw(const cli_options *options, const tn_picture *picture);
int cli_can_draw(const cli_options *options); /* whether -o names a new file of a known format; else that is said */

/* ---- cmd_diff.c ---- */

/* Opens options' files, in order; 0 or an exit code, said. Those that are open are the caller's to close. */
int cli_open_all(const cli_options *options, tn_snapshot **snapshots);

/* ---- cmd_*.c ---- */
int cmd_table(const cli_options *options);
int cmd_diff(const cli_options *options);
int cmd_why(const cli_options *options);
int cmd_sites(const cli_options *options);
int cmd_profile(const cli_options *options);
int cmd_tracked(const cli_options *options);
int cmd_flame(const cli_options *options);
int cmd_export(const cli_options *options);
int cmd_import(const cli_options *options);
int cmd_graph(const cli_options *options);
int cmd_show(const cli_options *options);
int cmd_check(const cli_options *options);
int cmd_dominators(const cli_options *options);
int cmd_treemap(const cli_options *options);
int cmd_retained(const cli_options *options);
int cmd_paths(const cli_options *options);
int cmd_refs(const cli_options *options);
int cmd_referrers(const cli_options *options);
int cmd_python(const char *verb, int n, char **words); /* run, sample and what else is written in Python */

#endif
