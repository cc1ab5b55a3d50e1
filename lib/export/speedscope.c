/* speedscope.c - JSON of speedscope's own file format: frames, and sampled profiles over them: of memory one of bytes and one of
 * blocks, of time one of all threads and one of each.
 *
 *     {"$schema": …, "shared": {"frames": [{"name", "file", "line"}, …]},
 *      "profiles": [{"type": "sampled", "name", "unit", "startValue", "endValue", "samples": [[frame, …], …], "weights": […]}, …]}
 *
 * A sample is a stack, outermost frame first, as numbers of frames.
 */
#include "export/profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_text(const tn_profile *p, const char *key, uint32_t text, tn_out *out)
{
    size_t n;
    const char *bytes = tn__profile_text(p, text, &n);
    tn__out_text(out, key);
    tn__json_quoted(out, bytes, n);
}

static void put_frames(const tn_profile *p, tn_out *out)
{
    for (uint32_t i = 0; i < p->n_frames && !out->failed; i++) {
        const tn_profile_frame *frame = tn__profile_frame(p, i);
        const tn_profile_function *f = tn__profile_function(p, frame->function);
        tn__out_text(out, i ? ",\n" : "\n");
        put_text(p, "{\"name\":", f->name, out);
        if (f->file)
            put_text(p, ",\"file\":", f->file, out);
        if (frame->line)
            tn__out_format(out, ",\"line\":%u", frame->line);
        tn__out_text(out, "}");
    }
}

/* Rows under way: some of them, in an order that parts them by thread. */
typedef struct tn_scope {
    const tn_profile *profile;
    const uint64_t *order; /* thread << 32 | row */
    uint32_t first, end;
    unsigned value;
} tn_scope;

/* The samples; or, of the same rows, the weights. Returns their sum. */
static uint64_t put_rows(const tn_scope *c, bool weights, tn_out *out)
{
    const tn_profile *p = c->profile;
    const char *comma = "";
    uint64_t sum = 0;
    for (uint32_t i = c->first; i < c->end && !(out && out->failed); i++) {
        const tn_profile_row *row = tn__profile_row(p, (uint32_t)c->order[i]);
        int64_t weight = tn__profile_value(p, row, c->value);
        if (weight <= 0)
            continue;
        sum += (uint64_t)weight;
        if (!out)
            continue;
        tn__out_text(out, comma);
        comma = weights ? "," : ",\n";
        if (weights) {
            tn__out_format(out, "%" PRId64, weight);
            continue;
        }
        uint32_t n = tn__profile_walk(p, row);
        for (uint32_t k = 0; k < n; k++)
            tn__out_format(out, "%s%u", k ? "," : "[", p->path[k]);
        tn__out_text(out, "]");
    }
    return sum;
}

static void put_profile(const tn_scope *c, const char *name, size_t n_name, tn_out *out)
{
    const char *unit = c->profile->types[c->value].unit;
    uint64_t sum = put_rows(c, true, NULL);
    tn__out_text(out, "{\"type\":\"sampled\",\"name\":");
    tn__json_quoted(out, name, n_name);
    tn__out_format(out, ",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRIu64,
                   strcmp(unit, "count") == 0 ? "none" : unit, sum);
    tn__out_text(out, ",\n\"samples\":[");
    put_rows(c, false, out);
    tn__out_text(out, "],\n\"weights\":[");
    put_rows(c, true, out);
    tn__out_text(out, "]}");
}

static void put_memory(tn_scope c, tn_out *out)
{
    for (unsigned blocks = 0; blocks < 2; blocks++) {
        char name[40];
        size_t n =
            tn__compose(name, sizeof name, "%s %s", tn_profile_names[c.profile->of], blocks ? "blocks" : "bytes");
        tn__out_text(out, blocks ? ",\n" : "");
        c.value = c.profile->main - blocks;
        put_profile(&c, name, n, out);
    }
}

static void put_threads(tn_scope c, tn_out *out)
{
    const char all[] = "all threads", unknown[] = "unknown thread";
    const uint32_t n_rows = c.end;
    put_profile(&c, all, sizeof all - 1, out);
    for (; c.end = c.first, c.first < n_rows && !out->failed; c.first = c.end) {
        uint32_t thread = (uint32_t)(c.order[c.first] >> 32);
        size_t n = sizeof unknown - 1;
        const char *name = thread ? tn__profile_text(c.profile, thread, &n) : unknown;
        while (c.end < n_rows && c.order[c.end] >> 32 == thread)
            c.end++;
        tn__out_text(out, ",\n");
        put_profile(&c, name, n, out);
    }
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void put_all(const tn_profile *p, uint64_t *order, tn_out *out)
{
    for (uint32_t i = 0; i < p->n_rows; i++)
        order[i] = (uint64_t)tn__profile_label(p, tn__profile_row(p, i))->thread << 32 | i;
    qsort(order, p->n_rows, sizeof *order, ascending);
    const tn_scope c = {p, order, 0, p->n_rows, p->main};
    tn__out_text(
        out, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"tonnage " TN_VERSION
             "\",\n\"name\":\"tonnage\",\"activeProfileIndex\":0,\"shared\":{\"frames\":[");
    put_frames(p, out);
    tn__out_text(out, "]},\n\"profiles\":[");
    if (tn__profile_of_time(p))
        put_threads(c, out);
    else
        put_memory(c, out);
    tn__out_text(out, "]}\n");
}

int tn__export_speedscope(const tn_export_job *job, tn_error *err)
{
    tn_profile p;
    const tn_profile_how how = {job->options->profile, TN_PROFILE_BY_THREAD, TN_PROFILE_LINES};
    int status = tn__profile_make(job->snapshot, &how, &p, err);
    if (status == TN_OK)
        status = tn__profile_frames_fit(&p, err);
    if (status == TN_OK) {
        uint64_t *order = tn__alloc(p.alloc, p.n_rows * sizeof *order);
        if (order)
            put_all(&p, order, job->out);
        else
            status = tn__no_memory(job->snapshot, err);
        tn__free(p.alloc, order, p.n_rows * sizeof *order);
    }
    tn__profile_free(&p);
    return status;
}
