/* cycle_words.c - a cycle in words: the types it goes over, each with the label of the reference that leads on.
 *
 * What a list, dict or tuple of the language stands for is part of the object before it: Node.children[0], not
 * Node.children → list[0]; so is the dict of attributes.
 */
#include "view/cycles_page.h"
#include "view/refs.h"

#include <stdio.h>
#include <string.h>

enum { MOST_LETTERS = 10 };

typedef struct tn_letter_words {
    const char *type;
    bool builtin;
    enum tn_label_style style;
    const char *label; /* text of it */
    const char *name;  /* of the attribute that the key is, if the object before has it as one; NULL */
    bool dict_follows; /* the label is .__dict__ */
} tn_letter_words;

typedef struct tn_spelling {
    tn_buf *out;
    bool after_dict; /* the last label is .__dict__, which may be left out */
} tn_spelling;

static int add(tn_buf *out, const char *text)
{
    return tn__buf_append(out, text, strlen(text));
}

static bool is_subscript(enum tn_label_style style)
{
    return style == TN_LABEL_INDEX || style == TN_LABEL_VALUE || style == TN_LABEL_ITEM;
}

static int add_letter(tn_spelling *s, const tn_letter_words *letter, bool first)
{
    if (s->after_dict && letter->name) {
        s->out->size -= strlen(".__dict__");
        TN_TRY(add(s->out, "."));
        TN_TRY(add(s->out, letter->name));
    } else {
        if (first || !letter->builtin || !is_subscript(letter->style)) {
            TN_TRY(add(s->out, first ? "" : " → "));
            TN_TRY(add(s->out, letter->type));
        }
        TN_TRY(add(s->out, strchr(" .[<", *letter->label) ? "" : " "));
        TN_TRY(add(s->out, letter->label));
    }
    s->after_dict = letter->dict_follows;
    return TN_OK;
}

/* Back to where it began. */
static int add_end(tn_spelling *s, const char *type, uint32_t left_out)
{
    char more[40];
    snprintf(more, sizeof more, " → … (%u more)", (unsigned)left_out);
    TN_TRY(add(s->out, left_out ? more : ""));
    TN_TRY(add(s->out, " → "));
    TN_TRY(add(s->out, type));
    return tn__buf_append(s->out, "", 1);
}

static int group_words(tn_cycles_page *page, uint32_t group, tn_error *err)
{
    tn_spelling s = {.out = &page->scratch};
    tn_cycle_letter letter;
    uint32_t n = tn__cycle_word(page->components, group);
    for (uint32_t i = 0; i < n && i < MOST_LETTERS; i++) {
        tn__cycle_letter_at(page->components, group, i, &letter);
        TN_TRY(tn__label_shared(page->snapshot, letter.style, letter.text, &page->label, err));
        const char *label = (const char *)page->label.data;
        tn_letter_words words = {
            .type = letter.type,
            .builtin = letter.rank != TN_TYPE_TELLING,
            .style = letter.style,
            .label = label,
            .name = is_subscript(letter.style) ? letter.text : NULL,
            .dict_follows = i + 1 < n && letter.style == TN_LABEL_ATTRIBUTE && strcmp(label, ".__dict__") == 0,
        };
        TN_TRY(add_letter(&s, &words, i == 0));
    }
    tn__cycle_letter_at(page->components, group, 0, &letter);
    return add_end(&s, letter.type, n > MOST_LETTERS ? n - MOST_LETTERS : 0);
}

int tn__cycle_group_words(tn_cycles_page *page, uint32_t group, tn_error *err)
{
    page->scratch.size = 0;
    int status = group_words(page, group, err);
    return status == TN_ENOMEM ? tn__no_memory(page->snapshot, err) : status;
}

/* A key that is a name stands for an attribute. */
static int key_name(tn_snapshot *s, const tn_reference *r, char *out, size_t cap, tn_error *err)
{
    tn_preview key = {0};
    tn_text t;
    tn__text_init(&t, out, cap);
    if (r->style == TN_LABEL_ITEM) {
        tn__text_escaped(&t, r->text, strlen(r->text), 0);
    } else if (r->style == TN_LABEL_VALUE && r->key != TN_NONE) {
        TN_TRY(tn__snapshot_preview(s, r->key, &key, err));
        if (key.kind == TN_PREVIEW_TEXT)
            tn__text_escaped(&t, (const char *)key.bytes, key.length, 0);
    }
    return tn__text_end(&t);
}

static int add_step(tn_cycles_page *page, tn_spelling *s, const tn_reference *r, bool first, bool last, tn_error *err)
{
    char label[300], name[300];
    tn_type type;
    int status = tn_reference_label(page->snapshot, r, label, sizeof label, err);
    TN_TRY(status);
    status = key_name(page->snapshot, r, name, sizeof name, err);
    TN_TRY(status);
    TN_TRY(tn__type_of(page->snapshot, r->source, &type, err));
    tn_letter_words words = {
        .type = type.full_name,
        .builtin = tn__type_rank(&type) != TN_TYPE_TELLING,
        .style = r->style,
        .label = label,
        .name = *name ? name : NULL,
        .dict_follows = !last && r->style == TN_LABEL_ATTRIBUTE && strcmp(label, ".__dict__") == 0,
    };
    return add_letter(s, &words, first) < 0 ? tn__no_memory(page->snapshot, err) : TN_OK;
}

/* Begins at an object whose type tells most: with a list, one has to think. */
int tn__cycle_words(tn_cycles_page *page, const tn_reference *steps, uint32_t n, tn_error *err)
{
    tn_spelling s = {.out = &page->scratch};
    tn_type type;
    uint32_t start = 0;
    enum tn_type_rank best = TN_TYPE_CONTAINER;
    page->scratch.size = 0;
    for (uint32_t i = 0; i < n && i < 1000 && best != TN_TYPE_TELLING; i++) {
        TN_TRY(tn__type_of(page->snapshot, steps[i].source, &type, err));
        start = tn__type_rank(&type) < best ? i : start;
        best = tn__type_rank(&type) < best ? tn__type_rank(&type) : best;
    }
    for (uint32_t i = 0; i < n && i < MOST_LETTERS; i++)
        TN_TRY(add_step(page, &s, &steps[(start + i) % n], i == 0, i + 1 == n, err));
    const char *first = tn__type_name(page->snapshot, steps[start].source);
    return add_end(&s, first, n > MOST_LETTERS ? n - MOST_LETTERS : 0) < 0 ? tn__no_memory(page->snapshot, err) : TN_OK;
}
