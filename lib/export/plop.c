/* plop.c - what plop's viewer loads: the repr of a dict of stacks, innermost frame first, and their samples.
 *
 *     {(('/srv/app.py', 10, 'work'), ('/srv/app.py', 1, '<module>')): 42, …}      most samples first
 *
 * A frame is file, first line and plain name of a function, '' and 0 where it is none.
 */
#include "export/profile.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct tn_plop_row {
    int64_t samples;
    uint32_t row;
} tn_plop_row;

static int most_first(const void *a, const void *b)
{
    const tn_plop_row *x = a, *y = b;
    return x->samples != y->samples ? (x->samples < y->samples ? 1 : -1) : (x->row > y->row) - (x->row < y->row);
}

static void put_text(const tn_profile *p, uint32_t text, tn_out *out)
{
    size_t n;
    const char *repr = tn__profile_text(p, text, &n);
    if (n)
        tn__out_bytes(out, repr, n);
    else
        tn__out_text(out, "''");
}

static void put_row(const tn_profile *p, const tn_plop_row *row, tn_out *out)
{
    uint32_t n = tn__profile_walk(p, tn__profile_row(p, row->row));
    tn__out_text(out, "(");
    for (uint32_t i = n; i-- > 0;) {
        const tn_profile_function *f = tn__profile_function(p, tn__profile_frame(p, p->path[i])->function);
        tn__out_text(out, i + 1 < n ? ", (" : "(");
        put_text(p, f->file, out);
        tn__out_format(out, ", %u, ", f->first_line);
        put_text(p, f->name, out);
        tn__out_text(out, ")");
    }
    tn__out_format(out, "%s): %" PRId64, n == 1 ? "," : "", row->samples);
}

static void put_all(const tn_profile *p, tn_plop_row *rows, tn_out *out)
{
    for (uint32_t i = 0; i < p->n_rows; i++)
        rows[i] = (tn_plop_row){tn__profile_value(p, tn__profile_row(p, i), TN_PROFILE_SAMPLES), i};
    qsort(rows, p->n_rows, sizeof *rows, most_first);
    for (uint32_t i = 0; i < p->n_rows && !out->failed; i++) {
        tn__out_text(out, i ? ", " : "{");
        put_row(p, &rows[i], out);
    }
    tn__out_text(out, "}");
}

int tn__export_plop(const tn_export_job *job, tn_error *err)
{
    tn_profile p;
    const tn_profile_how how = {TN_PROFILE_CPU, TN_PROFILE_BY_STACK, TN_PROFILE_REPRS};
    int status = tn__profile_make(job->snapshot, &how, &p, err);
    if (status == TN_OK)
        status = tn__profile_stacks_fit(&p, err);
    if (status == TN_OK) {
        tn_plop_row *rows = tn__alloc(p.alloc, p.n_rows * sizeof *rows);
        if (rows)
            put_all(&p, rows, job->out);
        else
            status = tn__no_memory(job->snapshot, err);
        tn__free(p.alloc, rows, p.n_rows * sizeof *rows);
    }
    tn__profile_free(&p);
    return status;
}
