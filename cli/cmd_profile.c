/* cmd_profile.c - tonnage profile FILE */
#include "cli.h"

int cmd_profile(const cli_options *options)
{
    tn_snapshot *s;
    tn_error err = {0};
    tn_view_options view = options->view;
    tn_cpu_options asked = options->cpu;
    asked.cumulative = options->sites.asked.cumulative;
    asked.include = options->sites.include;
    asked.n_include = options->sites.asked.n_include;
    asked.exclude = options->sites.exclude;
    asked.n_exclude = options->sites.asked.n_exclude;
    view.cpu = &asked;
    int code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    tn_sink sink = cli_sink();
    if (tn_view_profile(s, &view, &sink, &err) < 0)
        code = cli_fail(options->file, &err);
    tn_snapshot_close(s);
    return code;
}
