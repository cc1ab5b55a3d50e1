/* made_at.c - where the objects of a row were made. */
#include "view/made_at.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int group_of(void *ctx, uint32_t object, uint32_t *part, tn_error *err)
{
    return tn_groups_of(ctx, object, part, err);
}

int tn__made_mains(tn_snapshot *s, tn_groups *lines, const tn_set *set, tn_groups *groups, tn_site_main *out,
                   tn_error *err)
{
    return tn__site_mains(s, lines, set, group_of, groups, tn_groups_count(groups), out, err);
}

/* The end of a path tells most: "…/web/app.py:88 load()". */
static void put_line(tn_table *t, const char *before, const char *line, const char *behind)
{
    enum { WIDEST = 36 };
    const char *from = line, *slash;
    tn_buf text;
    while (tn__text_width(from, strlen(from)) > WIDEST && (slash = strchr(from + 1, '/')))
        from = slash;
    tn__buf_init(&text, t->text.alloc);
    const char *const parts[] = {before, from > line ? "…" : "", from, behind};
    int status = TN_OK;
    for (size_t i = 0; status == TN_OK && i < sizeof parts / sizeof *parts; i++)
        status = tn__buf_append(&text, parts[i], strlen(parts[i]));
    if (status == TN_OK)
        status = tn__buf_append(&text, "", 1);
    if (status == TN_OK)
        tn__table_text(t, (const char *)text.data);
    else
        t->status = status;
    tn__buf_free(&text);
}

void tn__made_line_cell(tn_table *t, const char *line)
{
    put_line(t, "", line, "");
}

int tn__made_cell(tn_table *t, tn_groups *lines, const tn_site_main *of, uint64_t count, tn_error *err)
{
    char share[64] = "";
    tn_group line = {.label = ""};
    if (of->line != TN_NONE)
        TN_TRY(tn_groups_row(lines, of->line, &line, err));
    if (of->line != TN_NONE && of->count < count)
        snprintf(share, sizeof share, " (%" PRIu64 " of %" PRIu64 ")", of->count, count);
    put_line(t, "", line.label, share);
    return TN_OK;
}

int tn__made_json(tn_json *j, tn_groups *lines, const tn_site_main *of, tn_error *err)
{
    tn_group line;
    if (of->line == TN_NONE) {
        tn__json_null(j, "main_site");
        return TN_OK;
    }
    TN_TRY(tn_groups_row(lines, of->line, &line, err));
    tn__json_open(j, "main_site", '{');
    tn__json_string(j, "site", line.label);
    tn__json_u64(j, "count", of->count);
    tn__json_u64(j, "size", of->bytes);
    tn__json_close(j, '}');
    return TN_OK;
}

int tn__made_object_cell(tn_table *t, tn_snapshot *s, uint32_t object, uint32_t type, tn_error *err)
{
    const uint32_t *entries;
    tn_buf text;
    TN_TRY(tn__births(s, &entries, err));
    uint32_t entry = entries ? entries[object] : 0;
    tn__buf_init(&text, tn__snapshot_alloc(s));
    int status = entry ? tn__site_text(s, entry, &text, err) : TN_OK;
    if (status == TN_OK)
        put_line(t, entry && tn__site_maybe_stale(s, type) ? "perhaps " : "", entry ? (const char *)text.data : "", "");
    tn__buf_free(&text);
    return status;
}
