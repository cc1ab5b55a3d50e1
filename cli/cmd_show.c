/* cmd_show.c - tonnage show FILE ADDRESS */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int parse_address(const char *text, uint64_t *address)
{
    char *end;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    errno = 0;
    unsigned long long value = strtoull(text, &end, hex ? 16 : 10);
    if (*text < '0' || *text > '9' || *end || end == text || errno || (hex && !text[2])) {
        cli_say("show: \"%s\" is not an address; it looks like 0x7f0a12345680, or is the number id() gives", text);
        return CLI_USAGE;
    }
    *address = value;
    return CLI_OK;
}

static int show(tn_snapshot *s, const cli_options *options, uint64_t address)
{
    uint32_t id;
    tn_error err = {0};
    tn_sink sink = cli_sink();
    int status = tn_node_at(s, address, &id, &err);
    if (status == TN_ENOTFOUND) {
        cli_say("%s: no object starts at %s; columns \"at\" of tonnage summary and largest list addresses",
                options->file, options->address);
        return CLI_NO_TARGET;
    }
    if (status == TN_OK)
        status = tn_view_show(s, id, &options->view, &sink, &err);
    return status < 0 ? cli_fail(options->file, &err) : CLI_OK;
}

int cmd_show(const cli_options *options)
{
    uint64_t address;
    tn_snapshot *s;
    int code = parse_address(options->address, &address);
    if (code == CLI_OK)
        code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    code = show(s, options, address);
    tn_snapshot_close(s);
    return code;
}
