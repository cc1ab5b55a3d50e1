/* main.c - tonnage VERB …: finds the verb, reads its words, runs it. */
#include "cli.h"

#include <malloc.h>
#include <signal.h>
#include <limits.h>
#include <string.h>

/* With the older snapshot open meanwhile. */
static int run_against(const cli_verb *verb, cli_options *options)
{
    cli_options old = *options;
    const char *const files[] = {options->against, options->file};
    old.file = options->against;
    int code = cli_open(&old, false, &options->view.against);
    if (code != CLI_OK)
        return code;
    options->view.files = files;
    code = verb->run(options);
    tn_snapshot_close(options->view.against);
    return code;
}

static int run_verb(const cli_verb *verb, int n, char **words)
{
    cli_options options;
    int code = cli_options_parse(verb, n, words, &options);
    if (code != CLI_OK)
        return code;
    if (options.help) {
        cli_help_verb(verb);
        return CLI_OK;
    }
    return options.against ? run_against(verb, &options) : verb->run(&options);
}

static const char *const python_verbs[] = {"run", "sample", "config", "shell", "sql", "report", "serve"};

/* The most similar verb, if one is; NULL. */
static const char *nearest_verb(const char *name)
{
    size_t n = strlen(name), best = n > 3 ? n / 3 + 2 : 2, n_python = sizeof python_verbs / sizeof *python_verbs;
    const char *near = NULL;
    for (size_t i = 0; i < cli_n_verbs + n_python; i++) {
        const char *verb = i < cli_n_verbs ? cli_verbs[i].name : python_verbs[i - cli_n_verbs];
        size_t apart = cli_distance(name, verb);
        if (apart < best) {
            best = apart;
            near = verb;
        }
    }
    return near;
}

/* The words of sql are Python's; of them the file and the selection are looked at here. */
static void hint_sql(int n, char **words)
{
    static const char *const valued[] = {"--python", "--against", "--max-memory", "--limit"};
    const char *file = NULL, *where = NULL;
    for (int i = 0; i < n; i++) {
        bool value = false;
        for (size_t k = 0; k < sizeof valued / sizeof *valued; k++)
            value |= strcmp(words[i], valued[k]) == 0;
        if (strncmp(words[i], "--where=", 8) == 0)
            where = words[i] + 8;
        else if (strcmp(words[i], "--where") == 0 && i + 1 < n)
            where = words[++i];
        else if (value)
            i++;
        else if (*words[i] != '-' && !file)
            file = words[i];
    }
    cli_hint_ahead(file, where);
}

static int dispatch(int n, char **words)
{
    const char *name = n > 0 ? words[0] : "";
    if (n == 0) {
        cli_say("what shall it do? Try: tonnage summary FILE, or tonnage --help");
        return CLI_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        cli_print("tonnage " TN_VERSION "\n");
        return CLI_OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        cli_help();
        return CLI_OK;
    }
    for (size_t i = 0; i < sizeof python_verbs / sizeof *python_verbs; i++)
        if (strcmp(name, python_verbs[i]) == 0) {
            if (strcmp(name, "sql") == 0)
                hint_sql(n - 1, words + 1);
            return cmd_python(name, n - 1, words + 1);
        }
    for (size_t i = 0; i < cli_n_verbs; i++)
        if (strcmp(name, cli_verbs[i].name) == 0)
            return run_verb(&cli_verbs[i], n - 1, words + 1);
    const char *near = nearest_verb(name);
    if (near)
        cli_say("unknown verb \"%s\"; did you mean %s?", name, near);
    else
        cli_say("unknown %s \"%s\"; see tonnage --help", name[0] == '-' ? "option" : "verb", name);
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    /* EPIPE and EFBIG are handled where they happen; a program that is run gets what was there. */
    if (argc < 2 || (strcmp(argv[1], "run") != 0 && strcmp(argv[1], "sample") != 0)) {
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN);
    }
    /* What one step of an analysis gives back the next one takes: asking the system anew is up to a tenth of the time. */
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    return cli_finish(dispatch(argc > 0 ? argc - 1 : 0, argv + 1));
}
