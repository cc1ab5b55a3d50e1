/* beside.c - FILE.index: what was computed once, beside the snapshot. Made only when asked for, used when it is there. */
#include "cli.h"

#include <stdio.h>

enum { LONGEST = 4096 };

static bool index_path(const cli_options *options, char *out)
{
    int n = snprintf(out, LONGEST, "%s.index", options->file);
    return n > 0 && n < LONGEST;
}

bool cli_index_load(const cli_options *options, tn_snapshot *s)
{
    char path[LONGEST];
    tn_error err = {0};
    if (!index_path(options, path))
        return false;
    int status = tn_index_load(s, path, &err);
    if (status == TN_OK)
        return true;
    if (status != TN_ENOTFOUND)
        cli_say("%s is ignored: %s", path, err.message);
    return false;
}

int cli_index_save(const cli_options *options, tn_snapshot *s)
{
    char path[LONGEST];
    tn_error err = {0};
    if (!index_path(options, path)) {
        cli_say("%s: its name is too long for an index", options->file);
        return CLI_USAGE;
    }
    return tn_index_save(s, path, &err) < 0 ? cli_fail(path, &err) : CLI_OK;
}
