/* speedscope.c - JSON of speedscope's own file format: frames, and two sampled profiles over them, bytes and blocks.
 *
 *     {"$schema": …, "shared": {"frames": [{"name", "file", "line"}, …]},
 *      "profiles": [{"type": "sampled", "name", "unit", "startValue", "endValue", "samples": [[frame, …], …], "weights": […]}, …]}
 *
 * A sample is a stack, outermost frame first, as numbers of frames.
 */
#include "export/profile.h"

#include <inttypes.h>

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

/* The samples; or, of the same rows, the weights. Returns their sum. */
static uint64_t put_rows(const tn_profile *p, unsigned value, bool weights, tn_out *out)
{
    const char *comma = "";
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->n_rows && !(out && out->failed); i++) {
        const tn_profile_row *row = tn__profile_row(p, i);
        int64_t weight = tn__profile_value(row, value);
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

static void put_profile(const tn_profile *p, unsigned value, tn_out *out)
{
    bool bytes = value % 2;
    uint64_t sum = put_rows(p, value, true, NULL);
    tn__out_format(out,
                   "{\"type\":\"sampled\",\"name\":\"%s %s\",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRIu64,
                   tn_profile_names[p->of], bytes ? "bytes" : "blocks", bytes ? "bytes" : "none", sum);
    tn__out_text(out, ",\n\"samples\":[");
    put_rows(p, value, false, out);
    tn__out_text(out, "],\n\"weights\":[");
    put_rows(p, value, true, out);
    tn__out_text(out, "]}");
}

/* Each frame has its names. */
static int check_bytes(const tn_profile *p, tn_error *err)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < p->n_frames; i++)
        all += tn__profile_frame_bytes(p, i);
    return tn__profile_fits(all, err);
}

int tn__export_speedscope(const tn_export_job *job, tn_error *err)
{
    tn_profile p;
    tn_out *out = job->out;
    int status = tn__profile_make(job->snapshot, job->options->profile, false, &p, err);
    if (status == TN_OK)
        status = check_bytes(&p, err);
    if (status == TN_OK) {
        unsigned space = tn__profile_space(&p);
        tn__out_text(
            out,
            "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"tonnage " TN_VERSION
            "\",\n\"name\":\"tonnage\",\"activeProfileIndex\":0,\"shared\":{\"frames\":[");
        put_frames(&p, out);
        tn__out_text(out, "]},\n\"profiles\":[");
        put_profile(&p, space, out);
        tn__out_text(out, ",\n");
        put_profile(&p, space - 1, out);
        tn__out_text(out, "]}\n");
    }
    tn__profile_free(&p);
    return status;
}
