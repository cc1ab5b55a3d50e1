/* cmd_export.c - tonnage export FILE --to FORMAT -o OUT; formats that take a library of Python are handed over. */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --to, or the end of the name after -o. */
static const char *format_of(const cli_options *options)
{
    const char *name = options->output ? strrchr(options->output, '/') : NULL;
    const char *end = options->output ? strrchr(name ? name : options->output, '.') : NULL;
    return options->to ? options->to : end ? end + 1 : NULL;
}

static bool is_stream(const char *format)
{
    for (size_t i = 0; tn_export_format(i); i++)
        if (strcmp(format, tn_export_format(i)) == 0)
            return true;
    return false;
}

/* python -m tonnage export …: the same words, in an order of its own. */
static int hand_over(const cli_options *options, const char *format)
{
    char memory[24];
    char *words[24];
    int n = 0;
    const struct {
        const char *name, *value;
    } all[] = {
        {"--python", options->python},   {"--to", format},
        {"-o", options->output},         {"--what", options->what},
        {"--columns", options->columns}, {"--where", options->view.where},
        {"--against", options->against}, {"--max-memory", memory},
    };
    snprintf(memory, sizeof memory, "%" PRIu64, options->max_memory_bytes);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].value) {
            words[n++] = (char *)(uintptr_t)all[i].name;
            words[n++] = (char *)(uintptr_t)all[i].value;
        }
    if (options->force)
        words[n++] = (char *)(uintptr_t) "--force";
    words[n++] = (char *)(uintptr_t) "--";
    words[n++] = (char *)(uintptr_t)options->file;
    cli_hint_ahead(options->file, options->view.where);
    return cmd_python("export", n, words);
}

static bool is_profile(const char *format)
{
    static const char *const profiles[] = {"pprof", "speedscope", "collapsed", "pstats", "plop"};
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (strcmp(format, profiles[i]) == 0)
            return true;
    return false;
}

static int find_profile(const cli_options *options, enum tn_profile_of *of)
{
    for (int i = TN_PROFILE_ANY + 1; i < TN_PROFILES && options->what; i++)
        if (strcmp(options->what, tn_profile_names[i]) == 0) {
            *of = (enum tn_profile_of)i;
            return CLI_OK;
        }
    if (options->what)
        cli_say("export: of stacks --what takes live, allocated, peak or cpu, not \"%s\"; see tonnage export --help",
                options->what);
    return options->what ? CLI_USAGE : CLI_OK;
}

static int find_table(const cli_options *options, enum tn_table_name *table)
{
    *table = TN_TABLE_OBJECTS;
    for (int i = 0; i < TN_TABLES && options->what; i++)
        if (strcmp(options->what, tn_table_names[i]) == 0) {
            *table = (enum tn_table_name)i;
            return CLI_OK;
        }
    if (options->what)
        cli_say("export: --what takes objects, references, types or roots, not \"%s\"; see tonnage export --help",
                options->what);
    return options->what ? CLI_USAGE : CLI_OK;
}

static int write_stream(const cli_options *options, const tn_export_options *how)
{
    tn_snapshot *s;
    tn_error err = {0};
    tn_sink sink = cli_sink();
    bool named = options->output && strcmp(options->output, "-") != 0;
    int code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    int status = named ? tn_export_file(s, how, options->output, options->force, &err) : tn_export(s, how, &sink, &err);
    if (status < 0)
        code = cli_fail(named && strstr(err.message, options->output) ? NULL : options->file, &err);
    else
        cli_hint(options, &s, 1);
    tn_snapshot_close(s);
    return code;
}

int cmd_export(const cli_options *options)
{
    tn_export_options how = {.format = format_of(options),
                             .columns = options->columns,
                             .where = options->view.where,
                             .against = options->view.against,
                             .max_nodes = options->max_nodes};
    if (!how.format) {
        cli_say("export: to which format? --to says it, or the end of the name after -o; see tonnage export --help");
        return CLI_USAGE;
    }
    int code = cli_is_input(options)    ? CLI_USAGE
               : is_profile(how.format) ? find_profile(options, &how.profile)
                                        : find_table(options, &how.table);
    if (code != CLI_OK)
        return code;
    if (strcmp(how.format, "parquet") == 0 || strcmp(how.format, "arrow") == 0)
        return hand_over(options, how.format);
    if (!is_stream(how.format)) {
        cli_say("export: there is no format \"%s\"; see tonnage export --help", how.format);
        return CLI_USAGE;
    }
    return write_stream(options, &how);
}
