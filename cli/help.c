/* help.c - the page of all verbs, and that of each. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#define CONDITIONS \
    "type: module: dist: size: len: refcount: flag: text: address: retained: root:\n  dominated-by: site: is:"

void cli_help(void)
{
    char line[160];
    cli_print("usage: tonnage VERB FILE [options]\n\n"
              "Reads memory snapshots of Python processes.\n\n");
    for (size_t i = 0; i < cli_n_verbs; i++) {
        snprintf(line, sizeof line, "  %-10s %s\n", cli_verbs[i].name, cli_verbs[i].about);
        cli_print(line);
    }
    cli_print("  run        runs a Python program and writes snapshots of it\n"
              "  sample     runs a Python program and samples where its time goes\n"
              "  config     what run would do here, and which option, variable or file says so\n"
              "  shell      a Python prompt with the snapshot loaded\n"
              "  sql        a query over the tables of a snapshot\n"
              "  report     one page with pictures and tables, for a browser or to be mailed\n"
              "  serve      the same pages over files of any size, or a folder of them\n"
              "\n  VERB --help   options of a verb, with examples\n"
              "  --version     version of this command\n\n"
              "exit codes: 0 ok, 1 findings, 2 usage, 3 no such object, Python or Graphviz, 4 not permitted,\n"
              "            5 unreadable file, 6 unsupported version, 130 interrupted\n\n"
              "example: tonnage summary app.tonnage --where 'size:>=1k' --limit 10\n");
}

static void print_option(const cli_verb *verb, uint64_t option, const char *name, const char *text, const char *rest)
{
    char line[160];
    if (!(verb->options & option))
        return;
    snprintf(line, sizeof line, "  %-22s %s%s\n", name, text, rest);
    cli_print(line);
}

static void print_picture_options(const cli_verb *verb)
{
    static const char *const words[][2] = {
        {"--refs", "what the objects refer to (default with an ADDRESS)"},
        {"--backrefs", "what refers to them"},
        {"--paths", "the shortest paths that hold them"},
        {"--cycles", "cycles: what they go over or, with --by id, each one"},
        {"--proportional", "groups are circles, their areas the bytes"},
        {"--only SELECTION", "of --refs and --backrefs: no other objects"},
        {"--highlight SELECTION", "mark these objects, or groups with such"},
        {"--refcounts", "tell the reference count of each object"},
        {"--addresses", "... its address"},
        {"--retained", "... what would go with it"},
        {"--full-names", "types with their modules"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        print_option(verb, CLI_PICTURE, words[i][0], words[i][1], "");
}

static void print_profile_options(const cli_verb *verb)
{
    static const char *const words[][2] = {
        {"--tree", "who called whom, from the outermost frame inwards"},
        {"--graph", "of each row, who called it and what it called"},
        {"--callers FUNCTION", "who called load, app.py or app.py:88"},
        {"--callees FUNCTION", "what it called"},
        {"--thread NAME", "only this thread; * and ? stand for others"},
        {"--task NAME", "only this asyncio task; likewise"},
        {"--state STATE", "only running, waiting or gil (held the interpreter's lock)"},
        {"--clock CLOCK", "alloc: of a file with both, allocations and not samples"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        print_option(verb, CLI_PROFILE, words[i][0], words[i][1], "");
}

static const char *output_of(const cli_verb *verb)
{
    if (verb->options & CLI_PICTURE)
        return "a file: .dot, .svg, .png, .pdf, .ps, .eps or .jpg (default: DOT text)";
    return verb->options & CLI_TO ? "what to write (default -, which is standard output)" : "the snapshot to write";
}

static void print_kinds(const cli_verb *verb)
{
    bool sites = verb->options & CLI_SITES, samples = verb->options & CLI_PROFILE;
    cli_print("\nkinds: ");
    cli_print(verb->kinds ? verb->kinds : sites ? CLI_SITE_KINDS : CLI_KINDS);
    cli_print(samples ? "\nwhat they mean is in docs/profile.md\n"
              : sites ? "\nwhat they mean is in docs/sites.md\n"
                      : "\nwhat they mean is in docs/sets.md\n");
}

void cli_help_verb(const cli_verb *verb)
{
    char line[80];
    bool picture = verb->options & CLI_PICTURE;
    const char *address = verb->options & CLI_ADDRESS       ? " ADDRESS"
                          : verb->options & CLI_MAY_ADDRESS ? " [ADDRESS]"
                          : verb->options & CLI_SELECTION   ? " SELECTION"
                                                            : "";
    snprintf(line, sizeof line, "usage: tonnage %s %s%s [options]\n\n", verb->name,
             !(verb->options & CLI_FILES) ? "FILE"
             : verb->options & CLI_SITES  ? "FILE…"
                                          : "OLD NEW…",
             address);
    cli_print(line);
    cli_print(verb->help);
    cli_print("\n");
    print_option(verb, CLI_TO, "--to FORMAT",
                 "csv, parquet, arrow, heapsnapshot, meliae, pprof, speedscope, collapsed, pstats, plop", "");
    print_option(verb, CLI_TO, "--what TABLE", "objects, references, types or roots (default all; of csv objects)", "");
    print_option(verb, CLI_TO, "--what SUMS",
                 "of stacks: live, allocated, peak or cpu (default live, or what there is)", "");
    print_option(verb, CLI_FLAME, "--what SUMS",
                 "live, count, allocated, temporary, peak, retained or cpu (default live, or cpu)", "");
    print_option(verb, CLI_FLAME, "--invert", "from where it was allocated outwards: below each frame its callers", "");
    print_option(verb, CLI_FLAME, "--born FIRST-LAST", "only what is alive of these allocations; timeline has numbers",
                 "");
    print_option(verb, CLI_COLUMNS, "--columns NAMES", "only these, with commas between; docs/export.md has them", "");
    print_option(verb, CLI_NODES, "--max-nodes N", "heapsnapshot: fold what retains least, sums kept", "");
    print_option(verb, CLI_OUTPUT, "-o OUT", output_of(verb), "");
    print_option(verb, CLI_FORCE, "--force", "replace what is there", "");
    print_option(verb, CLI_PYTHON, "--python PATH", "the interpreter that has pyarrow", "");
    print_option(verb, CLI_BY, "--by KIND", verb->by ? verb->by : "what a row stands for; kinds below (default type)",
                 "");
    print_option(verb, CLI_AVOID, "--avoid WORDS", "keep away from these: caches,frames,SELECTION", "");
    print_option(verb, CLI_ALL, "--all", "all shortest paths, and no longer one", "");
    print_option(verb, CLI_GARBAGE, "--garbage", "only what waits for the collector or is in gc.garbage", "");
    print_option(verb, CLI_MERGE, "--merge", "of a set: one tree, with what comes through each branch", "");
    print_picture_options(verb);
    print_option(verb, CLI_CUMULATE, "--cumulative",
                 verb->options & CLI_PROFILE ? "what only called others, too, in order of all in all"
                                             : "a row has what was called from it, too",
                 "");
    print_profile_options(verb);
    print_option(verb, CLI_SUMS, "--retained", "what the objects of a row keep alive, and put in order of that", "");
    print_option(verb, CLI_FROM, "--from PLACE", "app.py:11; once more: the place that called it", "");
    print_option(verb, CLI_SITES, "--include PLACE", "only app.py, app.py:88, any:app.py (any frame)",
                 verb->options & CLI_PROFILE ? "" : ", domain:raw");
    print_option(verb, CLI_SITES, "--exclude PLACE", "but not these; both may come again", "");
    print_option(verb, CLI_COMPARE, "--first", "compare each file with the first one", "");
    print_option(verb, CLI_SITES, "--color WHEN", "always, never or auto", "");
    print_option(verb, CLI_DEPTH, "--depth N", picture ? "levels of objects" : "levels of the tree",
                 picture                        ? " (default 3)"
                 : verb->options & CLI_FROM     ? " (default 3)"
                 : verb->options & CLI_BRANCHES ? " (default 4)"
                 : verb->options & CLI_PROFILE  ? " (default 12)"
                 : verb->options & CLI_TRACKED  ? " (default all)"
                                                : " (default 1)");
    print_option(verb, CLI_BRANCHES, "--width N",
                 picture ? "objects next to one, or paths (default 10); arrows out of a group (3)"
                         : "kinds that are followed below a row (default 5, at most 702)",
                 "");
    print_option(verb, CLI_AT, "--at NAME", "begin with the row of this name, and go on from there", "");
    print_option(verb, CLI_HEADS, "--heads HEADS", "modules, threads, instances (several with commas), or a selection",
                 "");
    print_option(verb, CLI_FOLD, "--fold", "the __dict__ of an object counts as a part of it", " (default: --no-fold)");
    print_option(verb, CLI_NO_FOLD, "--no-fold", "the __dict__ of an object is an object of its own",
                 picture ? " (default: --fold; groups: --no-fold)" : " (default: --fold)");
    print_option(verb, CLI_SORT, "--sort COLUMN", verb->sort, verb->options & CLI_AT ? "" : "; -COLUMN reverses");
    print_option(verb, CLI_AGAINST, "--against OLD", verb->against, "");
    char rows[40];
    snprintf(rows, sizeof rows, " (default %u, 0: all)", verb->few ? (unsigned)verb->few : 20);
    print_option(verb, CLI_LIMIT, "--limit N", verb->limit, rows);
    print_option(verb, CLI_SKIP, "--skip N", "rows left out at the beginning, to go on behind a page", "");
    print_option(verb, CLI_THRESHOLD, "--threshold SIZE", "only rows of at least SIZE bytes, such as 64k", "");
    print_option(verb, CLI_WHERE, "--where SELECTION", verb->where, "");
    print_option(verb, CLI_INDEX, "--index", "keep what is computed in FILE.index: quick from the next time on", "");
    print_option(verb, CLI_JSON, "--json", "for programs; schema version 1", "");
    print_option(verb, CLI_MEMORY, "--max-memory SIZE", "give up beyond SIZE",
                 " (default half of the machine's memory)");
    cli_print("  --help                 this page\n");
    if (verb->where && strstr(verb->where, CLI_OBJECTS))
        cli_print(
            "\nconditions on objects: " CONDITIONS "\n"
            "side by side, with \"or\" between them, in brackets, negated by \"-\"; docs/selection.md has them all\n");
    if (verb->options & CLI_BY && (!verb->by || strstr(verb->by, "kinds below")))
        print_kinds(verb);
    cli_print("\nexamples:\n");
    cli_print(verb->examples);
}
