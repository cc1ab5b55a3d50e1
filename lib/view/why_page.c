/* why_page.c - tonnage why: what keeps the selected objects alive. */
#include "view/why_page.h"

int tn__way_steps(const tn_way *way, tn_buf *steps, tn_error *err)
{
    if (tn__buf_append(steps, way->trail.steps, way->trail.n * sizeof *way->trail.steps) < 0 ||
        tn__buf_append(steps, &way->reference, sizeof way->reference) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "no memory for a path");
    return TN_OK;
}

static int write_page(const tn_why *why, const tn_view_options *o, const tn_sink *sink, tn_error *err)
{
    tn_out out;
    tn_say w;
    tn__out_init(&out, sink);
    tn__say_init(&w, &why->top, o, &out, err);
    if (o->form == TN_JSON)
        tn__why_json(why, &w, o);
    else
        tn__why_text(why, &w, o);
    int status = w.status;
    tn__say_free(&w);
    TN_TRY(status);
    return tn__out_end(&out, err);
}

static int answer(tn_snapshot *s, const tn_set *set, const tn_view_options *o, const tn_sink *sink, tn_error *err)
{
    tn_why why;
    if (tn_set_count(set) == 0)
        return tn__error_set(err, TN_ENOTFOUND, 0, "nothing is selected by \"%s\"", o->where ? o->where : "");
    TN_TRY(tn__why_set(s, set, &why, err));
    int status = write_page(&why, o, sink, err);
    tn__why_free(&why);
    return status;
}

int tn_view_why(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_set *set = NULL;
    tn_diff *made;
    tn_view_options o;
    if (options->sort || options->where_rows)
        return tn__error_set(err, TN_EINVAL, 0, "an answer in words has no rows to sort or select");
    if (!options->set && !options->against && !(options->where && *options->where))
        return tn__error_set(err, TN_EINVAL, 0, "why is what alive? Name an address or a selection");
    int status = tn__against(s, options, &o, &made, err);
    if (status == TN_OK)
        status = tn__set_selected(s, &o, &set, err);
    if (status == TN_OK)
        status = answer(s, set, &o, sink, err);
    tn_set_free(set);
    tn_diff_close(made);
    return status;
}
