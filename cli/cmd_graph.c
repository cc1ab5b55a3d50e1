/* cmd_graph.c - tonnage graph FILE [ADDRESS]: a picture, to standard output or drawn by Graphviz. */
#include "cli.h"

#include <stdio.h>

/* What the picture is made of; an address is short for address:ADDRESS. */
static int choose(const cli_options *options, char *address, size_t cap, tn_view_options *view,
                  tn_picture_options *picture)
{
    *view = options->view;
    *picture = options->picture;
    picture->view = view;
    if (!options->drawn && !options->address && !options->folding) /* groups have the numbers of summary and groups */
        view->fold = false;
    if (!options->address) {
        if (options->drawn && picture->of != TN_PICTURE_CYCLES && !view->where && !view->against) {
            cli_say("graph: of what? Name an ADDRESS or objects by --where; see tonnage graph --help");
            return CLI_USAGE;
        }
        return CLI_OK;
    }
    if (view->where) {
        cli_say("graph: an ADDRESS or --where, not both; see tonnage graph --help");
        return CLI_USAGE;
    }
    if (*options->address < '0' || *options->address > '9') {
        cli_say("graph: \"%s\" is not an address; a selection stands after --where", options->address);
        return CLI_USAGE;
    }
    snprintf(address, cap, "address:%.50s", options->address);
    view->where = address;
    if (!options->drawn)
        picture->of = TN_PICTURE_REFS;
    return CLI_OK;
}

static int make(tn_snapshot *s, const cli_options *options, tn_picture_options *picture, tn_picture **out,
                tn_error *err)
{
    tn_set *only = NULL, *highlight = NULL;
    int status = options->only ? tn_set_where(s, options->only, &only, err) : TN_OK;
    if (status == TN_OK && options->highlight)
        status = tn_set_where(s, options->highlight, &highlight, err);
    picture->only = only;
    picture->highlight = highlight;
    if (status == TN_OK)
        status = tn_picture_make(s, picture, out, err);
    tn_set_free(only);
    tn_set_free(highlight);
    return status;
}

static int show(const cli_options *options, const tn_picture *picture)
{
    tn_error err = {0};
    tn_sink sink = cli_sink();
    if (options->output)
        return cli_draw(options, picture);
    int status =
        options->view.form == TN_JSON ? tn_picture_json(picture, &sink, &err) : tn_picture_dot(picture, &sink, &err);
    return status < 0 ? cli_fail(options->file, &err) : CLI_OK;
}

int cmd_graph(const cli_options *options)
{
    char address[64];
    tn_view_options view;
    tn_picture_options how;
    tn_picture *picture;
    tn_snapshot *s;
    tn_error err = {0};
    int code = choose(options, address, sizeof address, &view, &how);
    if (code == CLI_OK && options->output)
        code = cli_can_draw(options);
    if (code == CLI_OK)
        code = cli_open(options, false, &s);
    if (code != CLI_OK)
        return code;
    if (make(s, options, &how, &picture, &err) < 0) {
        code = cli_fail(options->file, &err);
    } else {
        code = show(options, picture);
        tn_picture_free(picture);
    }
    cli_hint(options, &s, 1);
    tn_snapshot_close(s);
    return code;
}
