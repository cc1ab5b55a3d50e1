/* cmd_summary.c - tonnage summary FILE */
#include "cli.h"

#include <stdio.h>

int cmd_summary(const cli_options *options)
{
    tn_snapshot *s;
    tn_error err = {0};
    char rows[80];
    int code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    tn_view_options view = options->view;
    if (options->threshold) {
        snprintf(rows, sizeof rows, "size:>=%s", options->threshold);
        view.where_rows = rows;
    }
    tn_sink sink = cli_sink();
    if (tn_view_summary(s, &view, &sink, &err) < 0)
        code = cli_fail(options->file, &err);
    tn_snapshot_close(s);
    return code;
}
