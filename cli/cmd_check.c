/* cmd_check.c - tonnage check FILE: also of files that are cut off. */
#include "cli.h"

int cmd_check(const cli_options *options)
{
    tn_snapshot *s;
    tn_error err = {0};
    bool sound = false;
    int code = cli_open(options, true, &s);
    if (code != CLI_OK)
        return code;
    tn_sink sink = cli_sink();
    if (tn_view_check(s, &options->view, &sink, &sound, &err) < 0)
        code = cli_fail(options->file, &err);
    else if (!sound)
        code = CLI_FINDINGS;
    tn_snapshot_close(s);
    return code;
}
