/* cmd_sites.c - tonnage sites|creators|peak|temporary|survivors FILE... */
#include "cli.h"

#include <stdlib.h>

int cmd_sites(const cli_options *options)
{
    tn_error err = {0};
    tn_sink sink = cli_sink();
    tn_view_options view = options->view;
    tn_sites_options asked = options->sites.asked;
    asked.by_time = true;
    asked.include = options->sites.include;
    asked.exclude = options->sites.exclude;
    asked.from = options->sites.from;
    view.sites = &asked;
    view.files = (const char *const *)options->files;
    tn_snapshot **snapshots = calloc(options->n_files, sizeof *snapshots);
    if (!snapshots) {
        cli_say("%s: out of memory", options->verb->name);
        return CLI_UNREADABLE;
    }
    int code = cli_open_all(options, snapshots);
    if (code == CLI_OK && tn_view_sites(snapshots, options->n_files, &view, &sink, &err) < 0)
        code = cli_fail(options->n_files == 1 ? options->file : NULL, &err);
    if (code == CLI_OK)
        cli_hint(options, snapshots, options->n_files);
    for (size_t i = 0; i < options->n_files; i++)
        tn_snapshot_close(snapshots[i]);
    free(snapshots);
    return code;
}
