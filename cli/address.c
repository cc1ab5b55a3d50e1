/* address.c - verbs about one object: ADDRESS to a node, and the view of it. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>

static int parse_address(const char *verb, const char *text, uint64_t *address)
{
    char *end;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    errno = 0;
    unsigned long long value = strtoull(text, &end, hex ? 16 : 10);
    if (*text < '0' || *text > '9' || *end || end == text || errno || (hex && !text[2])) {
        cli_say("%s: \"%s\" is not an address; it looks like 0x7f0a12345680, or is the number id() gives", verb, text);
        return CLI_USAGE;
    }
    *address = value;
    return CLI_OK;
}

static int view(tn_snapshot *s, const cli_options *options, uint64_t address, cli_view *render)
{
    uint32_t id = TN_NONE;
    tn_error err = {0};
    tn_sink sink = cli_sink();
    int status = options->address ? tn_node_at(s, address, &id, &err) : TN_OK;
    if (status == TN_ENOTFOUND) {
        cli_say("%s: no object starts at %s; columns \"at\" of tonnage summary and largest list addresses",
                options->file, options->address);
        return CLI_NO_TARGET;
    }
    if (status == TN_OK)
        status = render(s, id, &options->view, &sink, &err);
    return status < 0 ? cli_fail(options->file, &err) : CLI_OK;
}

int cli_view_of(const cli_options *options, cli_view *render)
{
    uint64_t address = 0;
    tn_snapshot *s;
    int code = options->address ? parse_address(options->verb->name, options->address, &address) : CLI_OK;
    if (code == CLI_OK)
        code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    bool loaded = (options->verb->options & CLI_INDEX) && cli_index_load(options, s);
    code = view(s, options, address, render);
    if (code == CLI_OK)
        cli_hint(options, &s, 1);
    if (code == CLI_OK && options->index && !loaded)
        code = cli_index_save(options, s);
    tn_snapshot_close(s);
    return code;
}

int cli_view_of_some(const cli_options *options, cli_view *render)
{
    const char *verb = options->verb->name;
    if (!options->address && !options->view.where && !options->against) {
        cli_say("%s: of what? Name an ADDRESS or objects by --where; see tonnage %s --help", verb, verb);
        return CLI_USAGE;
    }
    return cli_view_of(options, render);
}
