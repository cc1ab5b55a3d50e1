/* cmd_dominators.c - tonnage dominators FILE [ADDRESS], tonnage treemap FILE [ADDRESS] */
#include "cli.h"

int cmd_dominators(const cli_options *options)
{
    return cli_view_of(options, tn_view_dominators);
}

int cmd_treemap(const cli_options *options)
{
    return cli_view_of(options, tn_view_treemap);
}
