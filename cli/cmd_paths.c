/* cmd_paths.c - tonnage paths FILE [ADDRESS] */
#include "cli.h"

int cmd_paths(const cli_options *options)
{
    return cli_view_of_some(options, tn_view_paths);
}
