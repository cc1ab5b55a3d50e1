/* cmd_show.c - tonnage show FILE ADDRESS */
#include "cli.h"

int cmd_show(const cli_options *options)
{
    return cli_view_of(options, tn_view_show);
}
