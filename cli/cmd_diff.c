/* cmd_diff.c - tonnage diff OLD NEW... */
#include "cli.h"

#include <stdlib.h>

int cli_open_all(const cli_options *options, tn_snapshot **snapshots)
{
    for (size_t i = 0; i < options->n_files; i++) {
        cli_options one = *options;
        one.file = options->files[i];
        int code = cli_open(&one, false, &snapshots[i]);
        if (code != CLI_OK)
            return code;
    }
    return CLI_OK;
}

int cmd_diff(const cli_options *options)
{
    tn_error err = {0};
    tn_sink sink = cli_sink();
    tn_view_options view = options->view;
    view.files = (const char *const *)options->files;
    tn_snapshot **snapshots = calloc(options->n_files, sizeof *snapshots);
    if (!snapshots) {
        cli_say("diff: out of memory");
        return CLI_UNREADABLE;
    }
    int code = cli_open_all(options, snapshots);
    if (code == CLI_OK && tn_view_diff(snapshots, options->n_files, &view, &sink, &err) < 0)
        code = cli_fail(NULL, &err);
    if (code == CLI_OK)
        cli_hint(options, snapshots, options->n_files);
    for (size_t i = 0; i < options->n_files; i++)
        tn_snapshot_close(snapshots[i]);
    free(snapshots);
    return code;
}
