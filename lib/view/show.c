/* show.c - one object: what it is, what it refers to, who refers to it. */
#include "view/show.h"

#include "analysis/lookup.h"

#include <stdio.h>
#include <string.h>

enum tn_show_column { BY_SIZE, BY_ADDRESS, BY_TYPE, BY_LABEL, BY_KIND, BY_PREVIEW };

const char *tn__part_name(uint8_t kind)
{
    static const char *const names[] = {"items",  "keys", "values", "table",     "utf-8 copy",
                                        "blocks", "data", "cache",  "wide copy", "other"};
    return kind == 255 ? "own block" : kind < sizeof names / sizeof *names ? names[kind] : "other";
}

const char *tn__kind_name(enum tn_reference_kind kind)
{
    static const char *const names[] = {"owning", "borrowed", "weak", "interned", "guessed"};
    return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

void tn__show_flags(const tn_show *show, void (*each)(void *ctx, const char *word), void *ctx)
{
    static const char *const allocators[] = {"", "in pymalloc", "in malloc", "allocator unknown"};
    static const char *const states[] = {"", "pending", "cancelled", "finished"};
    static const struct {
        uint32_t flag;
        const char *word;
    } words[] = {
        {TN_NODE_IMMORTAL, "immortal"},
        {TN_NODE_STATIC, "static memory"},
        {TN_NODE_FINALIZED, "finalizer has run"},
        {TN_NODE_OWN, "belongs to tonnage"},
        {TN_NODE_HIDDEN, "found only by the pool scan"},
        {TN_NODE_GUESSED, "guessed"},
    };
    uint32_t flags = show->node.flags, generation = (flags & TN_NODE_GENERATION) >> 1;
    if (flags & TN_NODE_TRACKED) {
        char text[32];
        snprintf(text, sizeof text, "generation %u", (unsigned)generation);
        each(ctx, "tracked");
        each(ctx, generation == 3 ? "permanent generation" : text);
    } else if (show->node.address) {
        each(ctx, "not tracked");
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (flags & words[i].flag)
            each(ctx, words[i].word);
    if (flags & TN_NODE_STATE)
        each(ctx, states[(flags & TN_NODE_STATE) >> 13]);
    if (flags & TN_NODE_ALLOCATOR)
        each(ctx, allocators[(flags & TN_NODE_ALLOCATOR) >> 10]);
}

static int keep_text(tn_show *show, uint64_t *at, tn_error *err)
{
    *at = show->texts.size;
    if (tn__buf_append(&show->texts, show->scratch.data, show->scratch.size + 1) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    return TN_OK;
}

static int keep_preview(tn_show *show, uint32_t id, uint64_t *at, tn_error *err)
{
    TN_TRY(tn__preview_into(show->snapshot, id, &show->scratch, err));
    *at = UINT64_MAX;
    return show->scratch.size ? keep_text(show, at, err) : TN_OK;
}

/* Which fold a reference of a function to its namespace belongs to; TN_NONE: none. */
static uint32_t fold_of(const tn_show *show, const tn_reference *r, const char *type)
{
    if (!show->folding || strcmp(type, "function") != 0 || r->style != TN_LABEL_ATTRIBUTE)
        return TN_NONE;
    return strcmp(r->text, "__globals__") == 0 ? 0 : strcmp(r->text, "__builtins__") == 0 ? 1 : TN_NONE;
}

static int add_row(tn_show *show, tn_neighbours *list, uint32_t id, const tn_reference *r, tn_error *err)
{
    if (show->set && !tn_set_has(show->set, id))
        return TN_OK;
    list->n_all++;
    bool full = !show->sorted && show->limit && list->n_rows >= show->limit;
    if (full && !show->folding)
        return TN_OK;
    tn_node node;
    tn_type type;
    TN_TRY(tn_node_get(show->snapshot, id, &node, err));
    TN_TRY(tn_snapshot_type(show->snapshot, node.type, &type));
    uint32_t fold = fold_of(show, r, type.full_name);
    if (fold != TN_NONE && list->folds[fold]) {
        tn_neighbour *row = (tn_neighbour *)(void *)list->rows.data + list->folds[fold] - 1;
        row->count++;
        row->size += node.size;
        list->n_folded++;
        return TN_OK;
    }
    if (full)
        return TN_OK;
    if (fold != TN_NONE)
        list->folds[fold] = list->n_rows + 1;
    tn_neighbour row = {
        .id = id, .reference = *r, .type = type.full_name, .address = node.address, .size = node.size, .count = 1};
    if (list->n_rows == UINT32_MAX || tn__buf_append(&list->rows, &row, sizeof row) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    list->n_rows++;
    return TN_OK;
}

static int fill_texts(tn_show *show, tn_neighbours *list, tn_error *err)
{
    for (uint32_t i = 0; i < list->n_rows; i++) {
        tn_neighbour *row = (tn_neighbour *)(void *)list->rows.data + i;
        TN_TRY(tn__label_into(show->snapshot, &row->reference, &show->scratch, err));
        TN_TRY(keep_text(show, &row->label, err));
        row->preview = UINT64_MAX;
        if (row->count == 1)
            TN_TRY(keep_preview(show, row->id, &row->preview, err));
    }
    return TN_OK;
}

static tn_order_key key_of(const tn_show *show, const tn_neighbour *row)
{
    const char *text = NULL;
    switch ((enum tn_show_column)show->column) {
    case BY_SIZE: return (tn_order_key){.number = row->size, .text = ""};
    case BY_ADDRESS: return (tn_order_key){.number = row->address, .text = ""};
    case BY_TYPE: text = row->type; break;
    case BY_LABEL:
        text = tn__show_text(show, row->label);
        text += text && *text == ' ';
        break;
    case BY_KIND: text = tn__kind_name(row->reference.kind); break;
    case BY_PREVIEW: text = tn__show_text(show, row->preview); break;
    }
    return (tn_order_key){.text = text ? text : ""};
}

/* All rows are there; those that are shown stay, in order. */
static int sort_rows(const tn_show *show, tn_neighbours *list, tn_error *err)
{
    uint32_t n = list->n_rows, n_shown = show->limit && show->limit < n ? show->limit : n;
    tn_order_key *keys = tn__alloc(show->alloc, n * sizeof *keys);
    tn_buf rows;
    tn__buf_init(&rows, show->alloc);
    int status = keys ? tn__buf_reserve(&rows, n_shown * sizeof(tn_neighbour)) : TN_ENOMEM;
    for (uint32_t i = 0; status == TN_OK && i < n; i++) {
        keys[i] = key_of(show, tn__show_row(list, i));
        keys[i].row = i;
    }
    if (status == TN_OK)
        tn__order_sort(keys, n, show->descending);
    for (uint32_t i = 0; status == TN_OK && i < n_shown; i++)
        status = tn__buf_append(&rows, tn__show_row(list, (uint32_t)keys[i].row), sizeof(tn_neighbour));
    tn__free(show->alloc, keys, n * sizeof *keys);
    if (status < 0) {
        tn__buf_free(&rows);
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    }
    tn__buf_free(&list->rows);
    list->rows = rows;
    list->n_rows = n_shown;
    return TN_OK;
}

/* Texts are made for what is shown, unless they decide what that is. */
static int finish_rows(tn_show *show, tn_neighbours *list, tn_error *err)
{
    bool by_text = show->sorted && (show->column == BY_LABEL || show->column == BY_PREVIEW);
    if (by_text)
        TN_TRY(fill_texts(show, list, err));
    if (show->sorted && list->n_rows)
        TN_TRY(sort_rows(show, list, err));
    return by_text ? TN_OK : fill_texts(show, list, err);
}

static int find_references(tn_show *show, tn_error *err)
{
    tn_reference_iter iter;
    tn_reference r;
    TN_TRY(tn_references(show->snapshot, show->node.id, &iter, err));
    while (tn_reference_next(&iter, &r))
        TN_TRY(add_row(show, &show->references, r.target, &r, err));
    return TN_OK;
}

/* A referrer stands in the list once a reference; its labels are found by walking it once. */
static int find_referrers(tn_show *show, tn_error *err)
{
    const uint32_t *nodes;
    uint32_t n;
    TN_TRY(tn_referrers(show->snapshot, show->node.id, &nodes, &n, err));
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0 && nodes[i] == nodes[i - 1])
            continue;
        bool full = show->limit && show->referrers.n_rows >= show->limit && !show->set && !show->sorted;
        if (full && !show->folding) {
            show->referrers.n_all += n - i;
            break;
        }
        if (full && strcmp(tn__type_name(show->snapshot, nodes[i]), "function") != 0) {
            for (uint32_t same = nodes[i]; i + 1 < n && nodes[i + 1] == same; i++)
                show->referrers.n_all++;
            show->referrers.n_all++;
            continue;
        }
        tn_reference_iter iter;
        tn_reference r;
        TN_TRY(tn_references(show->snapshot, nodes[i], &iter, err));
        while (tn_reference_next(&iter, &r))
            if (r.target == show->node.id)
                TN_TRY(add_row(show, &show->referrers, nodes[i], &r, err));
    }
    return TN_OK;
}

int tn__show_open(tn_show *show, tn_snapshot *s, const tn_view_options *o, tn_error *err)
{
    static const char *const names[] = {"size", "address", "type", "label", "kind", "preview"};
    *show = (tn_show){.snapshot = s, .alloc = tn__snapshot_alloc(s), .limit = o->limit, .sorted = o->sort};
    tn__buf_init(&show->texts, show->alloc);
    tn__buf_init(&show->scratch, show->alloc);
    tn__buf_init(&show->references.rows, show->alloc);
    tn__buf_init(&show->referrers.rows, show->alloc);
    TN_TRY(tn__order_parse(o->sort, names, sizeof names / sizeof *names, 1, &show->column, &show->descending, err));
    if (!(o->where && *o->where) && !o->where_rows && !o->set)
        return TN_OK;
    return tn__set_selected(s, o, &show->set, err);
}

static void empty(tn_neighbours *list)
{
    list->rows.size = 0;
    list->n_rows = 0;
    list->n_all = list->n_folded = 0;
    list->folds[0] = list->folds[1] = 0;
}

int tn__show_fill(tn_show *show, uint32_t id, unsigned lists, tn_error *err)
{
    show->texts.size = 0;
    empty(&show->references);
    empty(&show->referrers);
    TN_TRY(tn_node_get(show->snapshot, id, &show->node, err));
    TN_TRY(tn_snapshot_type(show->snapshot, show->node.type, &show->type));
    TN_TRY(keep_preview(show, id, &show->preview, err));
    show->folding = show->fold && strcmp(show->type.full_name, "dict") == 0;
    if (lists & TN_SHOW_REFERENCES) {
        TN_TRY(find_references(show, err));
        TN_TRY(finish_rows(show, &show->references, err));
    }
    if (lists & TN_SHOW_REFERRERS) {
        TN_TRY(find_referrers(show, err));
        TN_TRY(finish_rows(show, &show->referrers, err));
    }
    return TN_OK;
}

void tn__show_close(tn_show *show)
{
    tn__buf_free(&show->texts);
    tn__buf_free(&show->scratch);
    tn__buf_free(&show->references.rows);
    tn__buf_free(&show->referrers.rows);
    tn_set_free(show->set);
}

int tn_view_show(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_show show;
    int status = tn__show_open(&show, s, options, err);
    if (status == TN_OK)
        status = tn__show_fill(&show, id, TN_SHOW_REFERENCES | TN_SHOW_REFERRERS, err);
    if (status == TN_OK) {
        tn_out out;
        tn__out_init(&out, sink);
        status = options->form == TN_JSON ? tn__show_json_form(&show, options, &out, err)
                                          : tn__show_text_form(&show, options, &out, err);
        if (status == TN_OK)
            status = tn__out_end(&out, err);
    }
    tn__show_close(&show);
    return tn__memory_told(s, status, err);
}
