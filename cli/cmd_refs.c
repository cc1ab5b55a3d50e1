/* cmd_refs.c - tonnage refs FILE [ADDRESS], tonnage referrers FILE [ADDRESS] */
#include "cli.h"

int cmd_refs(const cli_options *options)
{
    return cli_view_of_some(options, tn_view_refs);
}

int cmd_referrers(const cli_options *options)
{
    return cli_view_of_some(options, tn_view_referrers);
}
