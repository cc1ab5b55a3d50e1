/* cmd_export.c - tonnage export FILE --to FORMAT -o OUT */
#include "cli.h"

#include <string.h>

/* --to, or the end of the name after -o. */
static const char *format_of(const cli_options *options)
{
    const char *name = options->output ? strrchr(options->output, '/') : NULL;
    const char *end = options->output ? strrchr(name ? name : options->output, '.') : NULL;
    return options->to ? options->to : end ? end + 1 : NULL;
}

int cmd_export(const cli_options *options)
{
    tn_snapshot *s;
    tn_error err = {0};
    const tn_view_options *view = &options->view;
    tn_export_options what = {format_of(options), view->where, view->set, view->against, options->max_nodes};
    if (!what.format) {
        cli_say("export: to which format? --to says it, or the end of the name after -o; see tonnage export --help");
        return CLI_USAGE;
    }
    int code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    tn_sink sink = cli_sink();
    bool named = options->output && strcmp(options->output, "-") != 0;
    int status =
        named ? tn_export_file(s, &what, options->output, options->force, &err) : tn_export(s, &what, &sink, &err);
    if (status < 0)
        code = cli_fail(named && strstr(err.message, options->output) ? NULL : options->file, &err);
    else
        cli_hint(options, &s, 1);
    tn_snapshot_close(s);
    return code;
}
