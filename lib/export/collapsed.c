/* collapsed.c - a line a stack, of which flame graphs are drawn: outermost;…;innermost BYTES, or nanoseconds */
#include "export/profile.h"

#include <inttypes.h>
#include <string.h>

/* A semicolon parts frames: one in a name is escaped as what cannot be printed is. */
static void put_text(const tn_profile *p, uint32_t text, tn_out *out)
{
    size_t n;
    const char *at = tn__profile_text(p, text, &n), *semicolon;
    for (; (semicolon = memchr(at, ';', n)); n -= (size_t)(semicolon + 1 - at), at = semicolon + 1) {
        tn__out_bytes(out, at, (size_t)(semicolon - at));
        tn__out_text(out, "\\x3b");
    }
    tn__out_bytes(out, at, n);
}

/* function (file:line) */
static void put_frame(const tn_profile *p, const tn_profile_frame *frame, tn_out *out)
{
    const tn_profile_function *f = tn__profile_function(p, frame->function);
    put_text(p, f->name, out);
    if (!f->file)
        return;
    tn__out_text(out, " (");
    put_text(p, f->file, out);
    if (frame->line)
        tn__out_format(out, ":%u", frame->line);
    tn__out_text(out, ")");
}

int tn__export_collapsed(const tn_export_job *job, tn_error *err)
{
    tn_profile p;
    const tn_profile_how how = {job->options->profile, TN_PROFILE_BY_STACK, TN_PROFILE_LINES};
    int status = tn__profile_make(job->snapshot, &how, &p, err);
    if (status == TN_OK)
        status = tn__profile_stacks_fit(&p, err);
    for (uint32_t i = 0; status == TN_OK && i < p.n_rows && !job->out->failed; i++) {
        const tn_profile_row *row = tn__profile_row(&p, i);
        int64_t value = tn__profile_value(&p, row, p.main);
        uint32_t n = value > 0 ? tn__profile_walk(&p, row) : 0;
        for (uint32_t k = 0; k < n; k++) {
            tn__out_text(job->out, k ? ";" : "");
            put_frame(&p, tn__profile_frame(&p, p.path[k]), job->out);
        }
        if (n)
            tn__out_format(job->out, " %" PRId64 "\n", value);
    }
    tn__profile_free(&p);
    return status;
}
