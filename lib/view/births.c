/* births.c - where an object was made, in words and as JSON. */
#include "analysis/sites.h"
#include "view/sentences.h"

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

int tn__birth_json(tn_snapshot *s, uint32_t node, tn_json *j, tn_error *err)
{
    tn_birth birth;
    tn_frame f;
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
    tn__json_open(j, "traceback", '[');
    do {
        TN_TRY(tn_birth_frame(s, &birth, 0, &f, err));
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "file", *f.file ? f.file : f.qualified_name);
        if (f.line)
            tn__json_u64(j, "line", f.line);
        else
            tn__json_null(j, "line");
        tn__json_string(j, "function", f.qualified_name);
        tn__json_close(j, '}');
    } while (tn_birth_caller(s, &birth, NULL) == TN_OK);
    tn__json_close(j, ']');
    tn__json_close(j, '}');
    return TN_OK;
}

int tn__birth_print(tn_snapshot *s, uint32_t node, tn_out *out, tn_error *err)
{
    tn_birth birth;
    tn_buf text;
    TN_TRY(tn_node_birth(s, node, &birth, err));
    tn__buf_init(&text, tn__snapshot_alloc(s));
    uint32_t entry = birth.entry;
    int status = TN_OK;
    for (uint32_t depth = 0; entry && status == TN_OK; depth++) {
        tn_stack_entry e;
        if (depth > TN_FRAMES_SHOWN) {
            tn__out_text(out, "              …\n");
            break;
        }
        text.size = 0;
        status = tn__site_text(s, entry, &text, err);
        if (status == TN_OK)
            status = tn__snapshot_stack(s, entry, &e, err);
        if (status < 0)
            break;
        tn__out_text(out, depth ? "              " : "  made at     ");
        tn__out_escaped(out, (const char *)text.data);
        tn__out_text(out, "\n");
        entry = e.parent;
    }
    if (birth.maybe_stale)
        tn__out_text(out, "              (perhaps: an older object may have been, whose memory it has)\n");
    tn__buf_free(&text);
    return status;
}
