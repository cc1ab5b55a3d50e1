/* export.c - which format, of which objects, to where. */
#include "export/export.h"

#include <string.h>

static const struct {
    const char *name;
    int (*write)(const tn_export_job *job, tn_error *err);
    enum { TABLE, OBJECTS, GRAPH, PROFILE, SAMPLES } of; /* GRAPH: there is a choice of how many nodes */
} formats[] = {
    {"csv", tn__export_csv, TABLE},
    {"meliae", tn__export_meliae, OBJECTS},
    {"heapsnapshot", tn__export_heapsnapshot, GRAPH},
    {"pprof", tn__export_pprof, PROFILE},
    {"speedscope", tn__export_speedscope, PROFILE},
    {"collapsed", tn__export_collapsed, PROFILE},
    {"pstats", tn__export_pstats, SAMPLES},
    {"plop", tn__export_plop, SAMPLES},
};
enum { N_FORMATS = sizeof formats / sizeof *formats };

const char *const tn_profile_names[TN_PROFILES] = {"", "live", "allocated", "peak", "cpu"};

const char *tn_export_format(size_t index)
{
    return index < N_FORMATS ? formats[index].name : NULL;
}

static void write_text(tn_text *t, const char *text, bool quoted)
{
    if (quoted)
        tn__text_quoted(t, text, strlen(text));
    else
        tn__text_escaped(t, text, strlen(text), 0);
}

static int append_text(tn_buf *out, const char *text, bool quoted)
{
    tn_text t;
    tn__text_init(&t, NULL, 0);
    write_text(&t, text, quoted);
    TN_TRY(tn__buf_reserve(out, t.n + 1)); /* of an empty text it is no null pointer either */
    tn__text_init(&t, (char *)out->data + out->size, t.n);
    write_text(&t, text, quoted);
    out->size += t.n;
    return TN_OK;
}

int tn__buf_escaped(tn_buf *out, const char *text)
{
    return append_text(out, text, false);
}

int tn__buf_quoted(tn_buf *out, const char *text)
{
    return append_text(out, text, true);
}

static int find_format(const char *name, size_t *format, tn_error *err)
{
    char known[160];
    size_t n = 0;
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (name && strcmp(name, formats[i].name) == 0) {
            *format = i;
            return TN_OK;
        }
        n += tn__compose(known + n, sizeof known - n, "%s%s", i ? ", " : "", formats[i].name);
    }
    return tn__error_set(err, TN_EINVAL, 0, "unknown format '%.30s': it is %s", name ? name : "", known);
}

static int check_options(const tn_export_options *o, size_t format, tn_error *err)
{
    const char *name = formats[format].name;
    bool samples = formats[format].of == SAMPLES, profile = samples || formats[format].of == PROFILE;
    if (formats[format].of != TABLE && (o->columns || o->table != TN_TABLE_OBJECTS))
        return tn__error_set(err, TN_EINVAL, 0, "%s is of %s as they are: it has no choice of tables or columns", name,
                             profile ? "stacks" : "objects");
    if (profile && (o->where || o->set || o->against))
        return tn__error_set(err, TN_EINVAL, 0, "%s is of stacks: it takes no selection of objects", name);
    if (samples && o->profile != TN_PROFILE_ANY && o->profile != TN_PROFILE_CPU)
        return tn__error_set(err, TN_EINVAL, 0, "%s is of the processor's time, and not of memory", name);
    if (!profile && o->profile != TN_PROFILE_ANY)
        return tn__error_set(err, TN_EINVAL, 0, "%s is of objects, which are alive", name);
    if (formats[format].of != GRAPH && o->max_nodes)
        return tn__error_set(err, TN_EINVAL, 0, "%s folds nothing: a number of nodes is for heapsnapshot", name);
    return TN_OK;
}

/* With what is selected; a set of its own, so that formats ask one thing only. */
static int write_selected(tn_snapshot *s, const tn_export_options *o, size_t format, tn_out *out, tn_error *err)
{
    const tn_view_options asked = {.where = o->where, .set = o->set, .against = o->against};
    tn_view_options since;
    tn_diff *made;
    tn_set *selected = NULL;
    int status = tn__against(s, &asked, &since, &made, err);
    if (status == TN_OK)
        status = tn__set_selected(s, &since, &selected, err);
    if (status == TN_OK)
        status =
            formats[format].write(&(tn_export_job){.snapshot = s, .options = o, .selected = selected, .out = out}, err);
    tn_set_free(selected);
    tn_diff_close(made);
    return tn__memory_told(s, status, err);
}

int tn_export(tn_snapshot *s, const tn_export_options *options, const tn_sink *sink, tn_error *err)
{
    tn_out out;
    size_t format;
    TN_TRY(find_format(options->format, &format, err));
    TN_TRY(check_options(options, format, err));
    tn__out_init(&out, sink);
    TN_TRY(write_selected(s, options, format, &out, err));
    return tn__out_end(&out, err);
}

/* ---- to a file ---- */

typedef struct tn_file_out {
    int fd, status;
    tn_error error;
} tn_file_out;

static bool write_file(void *ctx, const char *text, size_t n_bytes)
{
    tn_file_out *file = ctx;
    file->status = tn__sys_write(file->fd, text, n_bytes, &file->error);
    return file->status == TN_OK;
}

int tn_export_file(tn_snapshot *s, const tn_export_options *options, const char *path, bool force, tn_error *err)
{
    char temp[4096];
    tn_file_out file = {0};
    size_t format;
    TN_TRY(find_format(options->format, &format, err));
    TN_TRY(tn__snapshot_not_at(s, path, err));
    if (!force && tn__sys_exists(path)) /* before the work; publishing asks again */
        return tn__error_set(err, TN_EEXIST, 0, "%s exists: choose another name, or force to replace it", path);
    TN_TRY(tn__sys_create_beside(path, temp, sizeof temp, &file.fd, err));
    int status = tn_export(s, options, &(tn_sink){write_file, &file}, err);
    if (file.status < 0) { /* why the sink refused */
        const char *why = strstr(file.error.message, ": ");
        status = tn__error_set(err, file.status, 0, "cannot write %.80s%s", path, why ? why : "");
    }
    if (status == TN_OK)
        status = tn__sys_publish(file.fd, temp, sizeof temp, path, force, err);
    if (status < 0)
        tn__sys_discard(file.fd, temp);
    else
        tn__sys_close(file.fd);
    return status;
}
