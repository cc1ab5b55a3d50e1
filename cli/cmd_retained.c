/* cmd_retained.c - tonnage retained FILE [ADDRESS] */
#include "cli.h"

int cmd_retained(const cli_options *options)
{
    if (!options->address && !options->view.where && !options->against) {
        cli_say("retained: of what? Name an ADDRESS or objects by --where; see tonnage retained --help");
        return CLI_USAGE;
    }
    if (options->address && (options->view.where || options->against)) {
        cli_say("retained: an ADDRESS or --where (or --against), not both; see tonnage retained --help");
        return CLI_USAGE;
    }
    return cli_view_of(options, tn_view_retained);
}
