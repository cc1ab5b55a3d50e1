/* cmd_why.c - tonnage why FILE SELECTION: an address alone is short for address:ADDRESS. */
#include "cli.h"

#include <stdio.h>

int cmd_why(const cli_options *options)
{
    char address[64];
    tn_snapshot *s;
    tn_error err = {0};
    tn_view_options view = options->view;
    if (options->address && view.where) {
        cli_say("why: a SELECTION or --where, not both; see tonnage why --help");
        return CLI_USAGE;
    }
    int code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    if (options->address) {
        bool number = *options->address >= '0' && *options->address <= '9';
        snprintf(address, sizeof address, "address:%.50s", options->address);
        view.where = number ? address : options->address;
    }
    tn_sink sink = cli_sink();
    if (tn_view_why(s, &view, &sink, &err) < 0)
        code = cli_fail(options->file, &err);
    tn_snapshot_close(s);
    return code;
}
