/* births.c - where an object was made, in words and as JSON. */
#include "analysis/sites.h"
#include "view/made_at.h"
#include "view/sentences.h"

#include <inttypes.h>
#include <string.h>

static bool is_doubtful(tn_snapshot *s, uint32_t node)
{
    tn_node n;
    return tn_node_get(s, node, &n, NULL) == TN_OK && tn__site_maybe_stale(s, n.type);
}

static int say_birth(tn_say *w, uint32_t node, const char *who)
{
    enum { CALLERS = 2 };
    const uint32_t *entries;
    TN_TRY(tn__births(w->snapshot, &entries, w->err));
    uint32_t entry = entries && node < tn_snapshot_n_objects(w->snapshot) ? entries[node] : 0;
    bool doubtful = entry && is_doubtful(w->snapshot, node);
    for (int i = 0; entry && i <= CALLERS; i++) {
        tn_stack_entry e;
        TN_TRY(tn__snapshot_stack(w->snapshot, entry, &e, w->err));
        w->scratch.size = 0;
        TN_TRY(tn__site_text(w->snapshot, entry, &w->scratch, w->err));
        if (i && !*e.file) /* the thread */
            break;
        if (i == 0)
            tn__say(w, " %s %smade at ", who, doubtful ? "perhaps " : "");
        else
            tn__say(w, i == 1 ? ", called from " : " and ");
        tn__say_name(w, (const char *)w->scratch.data);
        if (i == CALLERS || !e.parent)
            break;
        entry = e.parent;
    }
    if (entry)
        tn__say(w, "%s.", doubtful ? ": an older object may have been, whose memory it has" : "");
    return TN_OK;
}

void tn__say_birth(tn_say *w, uint32_t node, const char *who)
{
    int status = say_birth(w, node, who);
    if (status < 0 && w->status == TN_OK)
        w->status = status;
}

int tn__frames_json(tn_snapshot *s, uint32_t entry, tn_json *j, tn_error *err)
{
    tn__json_open(j, "traceback", '[');
    while (entry) {
        tn_stack_entry e;
        TN_TRY(tn__snapshot_stack(s, entry, &e, err));
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "file", tn__site_file(&e));
        if (e.line)
            tn__json_u64(j, "line", e.line);
        else
            tn__json_null(j, "line");
        tn__json_string(j, "function", e.qualified_name);
        tn__json_close(j, '}');
        entry = e.parent;
    }
    tn__json_close(j, ']');
    return TN_OK;
}

int tn__birth_json(tn_snapshot *s, uint32_t node, tn_json *j, tn_error *err)
{
    tn_birth birth;
    TN_TRY(tn_node_birth(s, node, &birth, err));
    if (!birth.entry) {
        tn__json_null(j, "site");
        return TN_OK;
    }
    tn__json_open(j, "site", '{');
    if (birth.birth)
        tn__json_u64(j, "birth", birth.birth);
    else
        tn__json_null(j, "birth");
    tn__json_bool(j, "maybe_stale", birth.maybe_stale);
    TN_TRY(tn__frames_json(s, birth.entry, j, err));
    tn__json_close(j, '}');
    return TN_OK;
}

/* Frames of the import machinery, one after another, are one line, for they say little. */
static bool is_import(const tn_stack_entry *e)
{
    static const char begin[] = "<frozen importlib.";
    return strncmp(e->file, begin, sizeof begin - 1) == 0;
}

/* *e becomes the outermost of those that are one line; how many they are more. */
static int last_alike(tn_snapshot *s, tn_stack_entry *e, uint32_t *more, tn_error *err)
{
    tn_stack_entry outer;
    *more = 0;
    while (is_import(e) && e->parent) {
        TN_TRY(tn__snapshot_stack(s, e->parent, &outer, err));
        if (!is_import(&outer))
            break;
        *e = outer;
        ++*more;
    }
    return TN_OK;
}

static void print_frame(tn_snapshot *s, const tn_stack_entry *e, uint32_t more, const tn_buf *text, tn_out *out)
{
    uint64_t depth;
    if (!tn__site_is_cut(e))
        tn__out_escaped(out, (const char *)text->data);
    else if (tn__fact_u64(s, "trace.depth", &depth) && depth)
        tn__out_format(out, "(stack cut at %" PRIu64 " frame%s)", depth, depth == 1 ? "" : "s");
    else
        tn__out_text(out, "(stack cut)");
    if (more)
        tn__out_format(out, " and %" PRIu32 " more frame%s of the import", more, more == 1 ? "" : "s");
    tn__out_text(out, "\n");
}

int tn__frames_print(tn_snapshot *s, uint32_t entry, const char *first, const char *further, unsigned most, tn_out *out,
                     tn_error *err)
{
    tn_buf text;
    int status = TN_OK;
    tn__buf_init(&text, tn__snapshot_alloc(s));
    for (unsigned n = 0; entry && status == TN_OK; n++) {
        tn_stack_entry e;
        uint32_t more = 0;
        tn__out_text(out, n ? further : first);
        if (n == most) {
            tn__out_text(out, "…\n");
            break;
        }
        text.size = 0;
        status = tn__site_text(s, entry, &text, err);
        if (status == TN_OK)
            status = tn__snapshot_stack(s, entry, &e, err);
        if (status == TN_OK)
            status = last_alike(s, &e, &more, err);
        if (status == TN_OK) {
            print_frame(s, &e, more, &text, out);
            entry = e.parent;
        }
    }
    tn__buf_free(&text);
    return status;
}

int tn__birth_print(tn_snapshot *s, uint32_t node, tn_out *out, tn_error *err)
{
    tn_birth birth;
    TN_TRY(tn_node_birth(s, node, &birth, err));
    TN_TRY(tn__frames_print(s, birth.entry, "  made at     ", "              ", TN_FRAMES_SHOWN + 1, out, err));
    if (birth.maybe_stale)
        tn__out_text(out, "              (perhaps: an older object may have been, whose memory it has)\n");
    return TN_OK;
}
