/* cmd_tracked.c - tonnage tracked FILE: rows are chosen by a page of its own, and a type that no object has may be tracked. */
#include "cli.h"

int cmd_tracked(const cli_options *options)
{
    tn_snapshot *s;
    tn_error err = {0};
    int code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    tn_sink sink = cli_sink();
    if (tn_view_tracked(s, &options->view, &sink, &err) < 0)
        code = cli_fail(options->file, &err);
    tn_snapshot_close(s);
    return code;
}
