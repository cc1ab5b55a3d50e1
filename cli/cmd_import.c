/* cmd_import.c - tonnage import DUMP -o OUT */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>

int cmd_import(const cli_options *options)
{
    tn_import_options how = {.max_memory_bytes = options->max_memory_bytes, .force = options->force};
    tn_import_info info;
    tn_error err = {0};
    char line[512], bytes[24];
    if (!options->output) {
        cli_say("import: -o OUT is missing; see tonnage import --help");
        return CLI_USAGE;
    }
    if (cli_is_input(options))
        return CLI_USAGE;
    if (tn_import(options->file, options->output, &how, &info, &err) < 0)
        return cli_fail(err.status == TN_EEXIST ? options->output : options->file, &err);
    tn_format_bytes(info.bytes, bytes, sizeof bytes);
    if (!info.objects) /* what Meliae dumps has some */
        snprintf(line, sizeof line, "%" PRIu64 " traced block%s, %s; objects are not in such a dump\n", info.blocks,
                 info.blocks == 1 ? "" : "s", bytes);
    else
        snprintf(line, sizeof line,
                 "%" PRIu64 " object%s, %s; roots are unknown, and %" PRIu64
                 " reference%s to what is not in the dump\n",
                 info.objects, info.objects == 1 ? "" : "s", bytes, info.elsewhere,
                 info.elsewhere == 1 ? " leads" : "s lead");
    cli_print(line);
    return CLI_OK;
}
