/* show_text.c - one object as text. */
#include "view/show.h"

#include "view/made_at.h"
#include "view/summary.h"

#include <inttypes.h>
#include <string.h>

typedef struct tn_words {
    tn_out *out;
    bool comma;
} tn_words;

static void print_word(void *ctx, const char *word)
{
    tn_words *words = ctx;
    tn__out_format(words->out, "%s%s", words->comma ? ", " : "", word);
    words->comma = true;
}

static void print_size(const tn_show *show, tn_out *out)
{
    char size[24];
    tn__out_format(out, "  size        %s", tn_format_bytes(show->node.size, size, sizeof size));
    for (uint32_t i = 0; show->node.n_parts > 1 && i < show->node.n_parts; i++)
        tn__out_format(out, "%s%s %s", i == 0 ? "  = " : " + ", tn__part_name(show->node.parts[i].kind),
                       tn_format_bytes(show->node.parts[i].size, size, sizeof size));
    tn__out_text(out, "\n");
}

static void print_node(const tn_show *show, tn_out *out)
{
    const tn_node *node = &show->node;
    print_size(show, out);
    if (node->flags & TN_NODE_IMMORTAL)
        tn__out_text(out, "  refcount    immortal\n");
    else if (node->address)
        tn__out_format(out, "  refcount    %" PRIu32 "\n", node->refcount);
    if (node->length != TN_UNKNOWN)
        tn__out_format(out, "  length      %" PRIu64 "\n", node->length);
    if (node->capacity != TN_UNKNOWN)
        tn__out_format(out, "  capacity    %" PRIu64 "\n", node->capacity);
    tn__out_text(out, "  flags       ");
    tn_words words = {.out = out};
    tn__show_flags(show, print_word, &words);
    tn__out_text(out, words.comma ? "\n" : "none\n");
    if (show->preview != UINT64_MAX)
        tn__out_format(out, "  preview     ");
    if (show->preview != UINT64_MAX) {
        tn__out_escaped(out, tn__show_text(show, show->preview));
        tn__out_text(out, "\n");
    }
}

static void print_row(const tn_show *show, const tn_neighbour *row, bool label_last, uint32_t width, tn_out *out)
{
    char size[24];
    const char *label = tn__show_text(show, row->label), *preview = tn__show_text(show, row->preview);
    tn__out_text(out, "  ");
    if (!label_last) {
        uint32_t used = tn__text_width(label, strlen(label));
        tn__out_text(out, label);
        tn__out_format(out, "%*s", (int)(width > used ? width - used : 0) + 2, "");
    }
    tn__out_escaped(out, row->type);
    if (row->address)
        tn__out_format(out, " at 0x%" PRIx64 ", %s", row->address, tn_format_bytes(row->size, size, sizeof size));
    if (preview) {
        tn__out_text(out, ", ");
        tn__out_text(out, preview);
    }
    if (label_last) {
        tn__out_text(out, *label == ' ' ? " :" : " : ");
        tn__out_text(out, label);
    }
    if (row->reference.kind != TN_REF_OWNING)
        tn__out_format(out, "  (%s)", tn__kind_name(row->reference.kind));
    tn__out_text(out, "\n");
}

static void print_list(const tn_show *show, const tn_neighbours *list, bool label_last, const tn_view_options *o,
                       tn_out *out)
{
    uint32_t width = 0;
    for (uint32_t i = 0; i < list->n_rows; i++) {
        const char *label = tn__show_text(show, tn__show_row(list, i)->label);
        uint32_t used = tn__text_width(label, strlen(label));
        width = used > width ? used : width;
    }
    width = width > 40 ? 40 : width;
    tn__out_text(out, o->color ? "\n\033[1m" : "\n");
    tn__out_format(out, "%s (%" PRIu64 ")", label_last ? "Referred to by" : "Refers to", list->n_all);
    tn__out_text(out, o->color ? "\033[0m\n" : "\n");
    for (uint32_t i = 0; i < list->n_rows; i++)
        print_row(show, tn__show_row(list, i), label_last, width, out);
    if (list->n_all > list->n_rows)
        tn__out_format(out, "  <%" PRIu64 " more; use --limit N to see more, --limit 0 for all>\n",
                       list->n_all - list->n_rows);
    if (list->n_all == 0)
        tn__out_text(out, "  none\n");
}

int tn__show_text_form(const tn_show *show, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn__out_text(out, o->color ? "\033[1m" : "");
    tn__out_escaped(out, show->type.full_name);
    if (show->node.address)
        tn__out_format(out, " at 0x%" PRIx64, show->node.address);
    tn__out_text(out, o->color ? "\033[0m\n" : "\n");
    tn__selected_print(out, o);
    print_node(show, out);
    TN_TRY(tn__birth_print(show->snapshot, show->node.id, out, err));
    print_list(show, &show->references, false, o, out);
    print_list(show, &show->referrers, true, o, out);
    return TN_OK;
}
