/* cmd_flame.c - tonnage flame FILE */
#include "cli.h"

int cmd_flame(const cli_options *options)
{
    tn_snapshot *s;
    tn_error err = {0};
    tn_view_options view = options->view;
    tn_flame_options asked = options->flame;
    asked.by = options->sites.asked.by;
    asked.include = options->sites.include;
    asked.n_include = options->sites.asked.n_include;
    asked.exclude = options->sites.exclude;
    asked.n_exclude = options->sites.asked.n_exclude;
    view.flame = &asked;
    int code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    tn_sink sink = cli_sink();
    if (tn_view_flame(s, &view, &sink, &err) < 0)
        code = cli_fail(options->file, &err);
    else
        cli_hint(options, &s, 1);
    tn_snapshot_close(s);
    return code;
}
