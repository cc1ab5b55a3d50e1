/* show_json.c - one object as docs/view-json.md specifies it. */
#include "view/made_at.h"
#include "view/show.h"

static void json_word(void *ctx, const char *word)
{
    tn__json_string(ctx, NULL, word);
}

static void known_json(tn_json *j, const char *key, uint64_t value)
{
    if (value == TN_UNKNOWN)
        tn__json_null(j, key);
    else
        tn__json_u64(j, key, value);
}

static int object_json(const tn_show *show, tn_json *j, tn_error *err)
{
    const tn_node *node = &show->node;
    tn__json_line(j);
    tn__json_open(j, "object", '{');
    tn__json_u64(j, "node", node->id);
    tn__json_hex(j, "address", node->address);
    tn__json_string(j, "type", show->type.full_name);
    tn__json_u64(j, "size", node->size);
    tn__json_open(j, "parts", '[');
    for (uint32_t i = 0; i < node->n_parts; i++) {
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "part", tn__part_name(node->parts[i].kind));
        tn__json_u64(j, "size", node->parts[i].size);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "refcount", node->refcount);
    known_json(j, "length", node->length);
    known_json(j, "capacity", node->capacity);
    tn__json_open(j, "flags", '[');
    tn__show_flags(show, json_word, j);
    tn__json_close(j, ']');
    tn__json_string(j, "preview", tn__show_text(show, show->preview));
    TN_TRY(tn__birth_json(show->snapshot, node->id, j, err));
    tn__json_close(j, '}');
    return TN_OK;
}

static void list_json(const tn_show *show, tn_json *j, const char *key, const tn_neighbours *list)
{
    tn__json_line(j);
    tn__json_open(j, key, '{');
    tn__json_u64(j, "count", list->n_all);
    tn__json_open(j, "rows", '[');
    for (uint32_t i = 0; i < list->n_rows; i++) {
        const tn_neighbour *row = tn__show_row(list, i);
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_label(j, "label", tn__show_text(show, row->label));
        tn__json_string(j, "kind", tn__kind_name(row->reference.kind));
        tn__json_u64(j, "node", row->id);
        tn__json_hex(j, "address", row->address);
        tn__json_string(j, "type", row->type);
        tn__json_u64(j, "size", row->size);
        tn__json_string(j, "preview", tn__show_text(show, row->preview));
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "more", list->n_all - list->n_rows);
    tn__json_close(j, '}');
}

int tn__show_json_form(const tn_show *show, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const char *const columns[] = {"label", "kind", "node", "address", "type", "size", "preview"};
    tn_json j;
    tn__json_start(&j, out, "show");
    tn__json_string(&j, "where", o->where);
    tn__json_strings(&j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "size", "bytes");
    tn__json_string(&j, "address", "address");
    tn__json_close(&j, '}');
    TN_TRY(object_json(show, &j, err));
    list_json(show, &j, "references", &show->references);
    list_json(show, &j, "referrers", &show->referrers);
    tn__json_line(&j);
    tn__info_json(&j, show->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}
