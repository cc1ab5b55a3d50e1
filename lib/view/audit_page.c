/* audit_page.c - see audit_page.h. */
#include "view/audit_page.h"

#include <stdio.h>
#include <string.h>

/* ---- who holds an object ---- */

/* The pointer that says most: that of a library, of an object, of a block; what the interpreter has comes first where it is the
 * reason, and last where it is not enough. */
static const tn_seen_row *telling(const tn_audit *a, const tn_audit_row *row)
{
    static const uint8_t ranks[TN_SEEN_KINDS] = {[TN_SEEN_STATIC] = 5, [TN_SEEN_FRAME] = 4, [TN_SEEN_STACK] = 3,
                                                 [TN_SEEN_OBJECT] = 2, [TN_SEEN_BLOCK] = 1, [TN_SEEN_MALLOC] = 1};
    const uint32_t ours = 10;
    uint32_t n, most = 0;
    const tn_seen_row *seen = tn__audit_seen(a, row->example, &n), *best = NULL;
    for (uint32_t i = 0; i < n; i++) {
        bool explains = tn__audit_explains(a, &seen[i]);
        uint32_t rank = ranks[seen[i].kind] + (explains == (row->grade == TN_AUDIT_EXPLAINED) ? ours : 0u);
        if (rank > most)
            best = &seen[i];
        most = rank > most ? rank : most;
    }
    return best;
}

static int tell_holder(tn_audit_page *p, const tn_audit_row *row, tn_error *err)
{
    static const char *const words[TN_SEEN_KINDS] = {
        "static data of ", "stack of a thread", "a running frame", "memory of C code", "memory of C code", "inside ",
    };
    const tn_audit *a = p->all.audit;
    const tn_seen_row *seen = telling(a, row);
    const char *name = "", *word = seen                               ? words[seen->kind]
                                   : row->grade == TN_AUDIT_EXPLAINED ? words[TN_SEEN_FRAME]
                                   : row->grade == TN_AUDIT_LEAKED    ? "nobody found"
                                                                      : "";
    tn_type type;
    if (seen && seen->kind == TN_SEEN_STATIC)
        name = tn__snapshot_string(a->snapshot, seen->what);
    if (seen && seen->kind == TN_SEEN_OBJECT) {
        uint64_t address;
        TN_TRY(tn__type_and_address(p->snapshot, seen->what, &type, &address, err));
        name = type.full_name;
    }
    p->holder.size = 0;
    if (tn__buf_append(&p->holder, word, strlen(word)) < 0 || tn__buf_append(&p->holder, name, strlen(name) + 1) < 0)
        return tn__no_memory(p->snapshot, err);
    return TN_OK;
}

int tn__audit_tell(tn_audit_page *p, const tn_audit_row *row, uint64_t *address, tn_error *err)
{
    TN_TRY(tn__snapshot_addresses(p->snapshot, err));
    *address = tn__snapshot_address(p->snapshot, row->example);
    TN_TRY(tn__preview_into(p->snapshot, row->example, &p->preview, err));
    return tell_holder(p, row, err);
}

/* ---- order ---- */

enum column { BY_EXCESS, BY_COUNT, BY_SIZE, BY_KIND };

static uint64_t number_of(const tn_audit_row *row, enum column column)
{
    return column == BY_COUNT ? row->count : column == BY_SIZE ? row->bytes : column == BY_EXCESS ? row->excess : 0;
}

static int make_order(tn_audit_page *p, enum column column, bool descending, tn_error *err)
{
    size_t n = tn__audit_n_rows(&p->all), at = 0;
    p->order = tn__alloc_zero(tn__snapshot_alloc(p->snapshot), n * sizeof *p->order);
    if (!p->order)
        return tn__no_memory(p->snapshot, err);
    for (size_t i = 0; i < n; i++) {
        const tn_audit_row *row = tn__audit_row(&p->all, i);
        p->order[i] = (tn_order_key){number_of(row, column), column == BY_KIND ? tn__audit_label(p, row) : "", i};
    }
    for (int grade = 0; grade < TN_AUDIT_GRADES; grade++) {
        p->starts[grade] = at;
        while (at < n && (int)tn__audit_row(&p->all, at)->grade == grade)
            at++;
        tn__order_sort(p->order + p->starts[grade], at - p->starts[grade], descending);
    }
    p->starts[TN_AUDIT_GRADES] = at;
    return TN_OK;
}

static int compute(tn_audit_page *p, const tn_set *set, tn_error *err)
{
    static const char *const names[] = {"excess", "count", "size", "kind"};
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(p->options->sort, names, 4, 3, &column, &descending, err));
    TN_TRY(tn__audit_rows(p->snapshot, set, p->options->by, &p->all, err));
    return make_order(p, (enum column)column, descending, err);
}

static int write_page(tn_audit_page *p, const tn_sink *sink, tn_error *err)
{
    tn_out out;
    tn__out_init(&out, sink);
    TN_TRY(p->options->form == TN_JSON ? tn__audit_json(p, &out, err) : tn__audit_text(p, &out, err));
    return tn__out_end(&out, err);
}

int tn_view_audit(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_view_options o;
    tn_diff *made;
    tn_set *set = NULL;
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_audit_page p = {.snapshot = s, .options = &o};
    tn__buf_init(&p.all.rows, a);
    tn__buf_init(&p.all.labels, a);
    tn__buf_init(&p.preview, a);
    tn__buf_init(&p.holder, a);
    TN_TRY(tn__against(s, options, &o, &made, err));
    int status = tn__set_selected(s, &o, &set, err);
    if (status == TN_OK)
        status = compute(&p, set, err);
    if (status == TN_OK)
        status = write_page(&p, sink, err);
    tn__free(a, p.order, p.order ? tn__audit_n_rows(&p.all) * sizeof *p.order : 0);
    tn__audit_rows_free(&p.all);
    tn__buf_free(&p.preview);
    tn__buf_free(&p.holder);
    tn_set_free(set);
    tn_diff_close(made);
    return tn__memory_told(s, status, err);
}
