/* collapsed.c - a line a stack, of which flame graphs are drawn: outermost;…;innermost BYTES */
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

/* Each stack is written out. */
static int check_bytes(const tn_profile *p, tn_error *err)
{
    uint32_t n = p->steps.n;
    uint64_t all = 0, *bytes = tn__alloc(p->alloc, n * sizeof *bytes); /* of the stack that ends with a node */
    if (!bytes)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        const tn_profile_node *node = tn__profile_node(p, i);
        bytes[i] = tn__profile_frame_bytes(p, node->frame) + (node->parent ? bytes[node->parent - 1] : 0);
    }
    for (uint32_t i = 0; i < p->n_rows && all <= TN_PROFILE_MOST_BYTES; i++)
        all += bytes[tn__profile_row(p, i)->node];
    tn__free(p->alloc, bytes, n * sizeof *bytes);
    return tn__profile_fits(all, err);
}

int tn__export_collapsed(const tn_export_job *job, tn_error *err)
{
    tn_profile p;
    int status = tn__profile_make(job->snapshot, job->options->profile, false, &p, err);
    if (status == TN_OK)
        status = check_bytes(&p, err);
    for (uint32_t i = 0; status == TN_OK && i < p.n_rows && !job->out->failed; i++) {
        const tn_profile_row *row = tn__profile_row(&p, i);
        int64_t bytes = tn__profile_value(row, tn__profile_space(&p));
        uint32_t n = bytes > 0 ? tn__profile_walk(&p, row) : 0;
        for (uint32_t k = 0; k < n; k++) {
            tn__out_text(job->out, k ? ";" : "");
            put_frame(&p, tn__profile_frame(&p, p.path[k]), job->out);
        }
        if (n)
            tn__out_format(job->out, " %" PRId64 "\n", bytes);
    }
    tn__profile_free(&p);
    return status;
}
