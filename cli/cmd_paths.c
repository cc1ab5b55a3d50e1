/* cmd_paths.c - tonnage paths FILE [ADDRESS] */
#include "cli.h"

int cmd_paths(const cli_options *options)
{
    if (options->address && (options->view.where || options->against)) {
        cli_say("paths: an ADDRESS or --where (or --against), not both; see tonnage paths --help");
        return CLI_USAGE;
    }
    return cli_view_of_some(options, tn_view_paths);
}
