/* help.c - the verbs and their pages. Only what exists is listed. */
#include "cli.h"

#include <stdio.h>

#define READING (CLI_JSON | CLI_LIMIT | CLI_MEMORY)

const cli_verb cli_verbs[] = {
    {"summary", READING | CLI_SORT | CLI_WHERE | CLI_THRESHOLD | CLI_BY, cmd_summary,
     "what is in memory, by type, size or module, and how much of RSS that is",
     "Objects by type: how many, how many bytes, the largest of each with its address. Below the table: tonnage's own\n"
     "objects, and what the rest of the resident set is.\n\n"
     "example: tonnage summary app.tonnage --by module --sort count --limit 5\n"},
    {"largest", READING | CLI_SORT | CLI_WHERE | CLI_THRESHOLD, cmd_largest,
     "the biggest single objects with a running total",
     "The biggest single objects with a running total, their addresses and how their values begin.\n\n"
     "example: tonnage largest app.tonnage --where 'type:dict module:builtins' --limit 10\n"},
    {"show", READING | CLI_WHERE | CLI_ADDRESS, cmd_show, "one object: its parts, what it refers to, who refers to it",
     "One object: its size and the parts of it, reference count, flags, value, the references it holds and the "
     "objects\n"
     "that refer to it, each with the attribute, key or index. ADDRESS comes from a column \"at\" of summary or "
     "largest.\n\n"
     "example: tonnage show app.tonnage 0x7f0a12345680 --limit 50\n"},
    {"info", READING, cmd_info, "facts of the process, the interpreter and the capture; threads with stacks",
     "All facts in the file: process, interpreter, memory, allocators, collector, threads with their stacks (the "
     "limit\n"
     "counts frames of a thread), self-checks.\n\n"
     "example: tonnage info app.tonnage --json\n"},
    {"check", READING, cmd_check, "whether the file is whole and its self-checks held",
     "Reads the whole file and verifies every hash and rule; then the self-checks of the capture. Opens cut files too "
     "and\n"
     "says what of them is whole. Exit code 1 when anything is wrong.\n\n"
     "example: tonnage check app.tonnage\n"},
};
const size_t cli_n_verbs = sizeof cli_verbs / sizeof *cli_verbs;

static const struct {
    unsigned option;
    const char *text;
} lines[] = {
    {CLI_BY, "  --by type|size|module  what a row stands for (default type)\n"},
    {CLI_SORT, "  --sort COLUMN          order of the rows; -COLUMN reverses it\n"},
    {CLI_LIMIT, "  --limit N              rows shown (default 20, 0: all)\n"},
    {CLI_THRESHOLD, "  --threshold SIZE       only rows of at least SIZE bytes, such as 64k\n"},
    {CLI_WHERE, "  --where SELECTION      only these objects, such as 'type:app.Session+ size:>=1k -module:json';\n"
                "                         conditions: type module size text address\n"},
    {CLI_JSON, "  --json                 for programs; schema version 1\n"},
    {CLI_MEMORY, "  --max-memory SIZE      give up beyond SIZE (default half of the machine's memory)\n"},
};

void cli_help(void)
{
    char line[160];
    cli_print("usage: tonnage VERB FILE [options]\n\n"
              "Reads memory snapshots of Python processes.\n\n");
    for (size_t i = 0; i < cli_n_verbs; i++) {
        snprintf(line, sizeof line, "  %-9s %s\n", cli_verbs[i].name, cli_verbs[i].about);
        cli_print(line);
    }
    cli_print("  run       runs a Python program and writes a snapshot of it\n"
              "\n  VERB --help   options of a verb, with an example\n"
              "  --version     version of this command\n\n"
              "exit codes: 0 ok, 1 findings, 2 usage, 3 no such object or Python, 4 not permitted, 5 unreadable file,\n"
              "            6 unsupported version, 130 interrupted\n\n"
              "example: tonnage summary app.tonnage --where 'size:>=1k' --limit 10\n");
}

void cli_help_verb(const cli_verb *verb)
{
    char line[80];
    snprintf(line, sizeof line, "usage: tonnage %s FILE%s [options]\n\n", verb->name,
             verb->options & CLI_ADDRESS ? " ADDRESS" : "");
    cli_print(line);
    cli_print(verb->help);
    cli_print("\n");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (verb->options & lines[i].option)
            cli_print(lines[i].text);
    cli_print("  --help                 this page\n");
}
