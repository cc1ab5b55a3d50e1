/* cmd_largest.c - tonnage largest FILE */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row is an object here, so the threshold is one more condition on objects. */
static char *with_threshold(const cli_options *options)
{
    const char *where = options->view.where ? options->view.where : "";
    size_t cap = strlen(where) + strlen(options->threshold) + 16;
    char *text = malloc(cap);
    if (text)
        snprintf(text, cap, "%s size:>=%s", where, options->threshold);
    return text;
}

int cmd_largest(const cli_options *options)
{
    tn_snapshot *s;
    tn_error err = {0};
    int code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    tn_view_options view = options->view;
    char *where = options->threshold ? with_threshold(options) : NULL;
    view.where = where ? where : view.where;
    tn_sink sink = cli_sink();
    if (tn_view_largest(s, &view, &sink, &err) < 0)
        code = cli_fail(options->file, &err);
    free(where);
    tn_snapshot_close(s);
    return code;
}
