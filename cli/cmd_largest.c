/* cmd_largest.c - tonnage largest FILE */
#include "cli.h"

int cmd_largest(const cli_options *options)
{
    tn_snapshot *s;
    tn_error err = {0};
    int code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    tn_sink sink = cli_sink();
    if (tn_view_largest(s, &options->view, &sink, &err) < 0)
        code = cli_fail(options->file, &err);
    else
        cli_hint(options, &s, 1);
    tn_snapshot_close(s);
    return code;
}
