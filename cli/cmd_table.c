/* cmd_table.c - tonnage summary|groups|largest|suspects|audit|waste|info FILE: verbs whose page is one call. */
#include "cli.h"

int cmd_table(const cli_options *options)
{
    tn_snapshot *s;
    tn_error err = {0};
    int code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    tn_sink sink = cli_sink();
    if (options->verb->view(s, &options->view, &sink, &err) < 0)
        code = cli_fail(options->file, &err);
    else
        cli_hint(options, &s, 1);
    tn_snapshot_close(s);
    return code;
}
