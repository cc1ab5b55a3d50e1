/* audit_json.c - an audit as docs/view-json.md specifies it. */
#include "view/audit_page.h"

static int row_json(tn_audit_page *p, tn_json *j, const tn_audit_row *row, tn_error *err)
{
    uint64_t address;
    TN_TRY(tn__audit_tell(p, row, &address, err));
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_string(j, "grade", tn_audit_names[row->grade]);
    tn__json_string(j, "kind", tn__audit_label(p, row));
    tn__json_u64(j, "count", row->count);
    tn__json_u64(j, "excess", row->excess);
    if (row->grade == TN_AUDIT_LOST || row->grade == TN_AUDIT_LEAKED)
        tn__json_u64(j, "unseen", row->unseen);
    else
        tn__json_null(j, "unseen");
    tn__json_u64(j, "size", row->bytes);
    if (row->retained == TN_UNKNOWN)
        tn__json_null(j, "retained");
    else
        tn__json_u64(j, "retained", row->retained);
    tn__json_hex(j, "address", address);
    tn__json_string(j, "preview", p->preview.size > 1 ? (const char *)p->preview.data : NULL);
    tn__json_string(j, "holder", p->holder.size > 1 ? (const char *)p->holder.data : NULL);
    tn__json_close(j, '}');
    return TN_OK;
}

static void totals_json(const tn_audit_page *p, tn_json *j)
{
    tn__json_open(j, "total", '{');
    tn__json_u64(j, "count", p->all.total.count);
    tn__json_u64(j, "size", p->all.total.bytes);
    tn__json_open(j, "grades", '{');
    for (int grade = TN_AUDIT_LOST; grade < TN_AUDIT_GRADES; grade++) {
        tn__json_open(j, tn_audit_names[grade], '{');
        tn__json_u64(j, "count", p->all.grades[grade].count);
        tn__json_u64(j, "excess", p->all.grades[grade].excess);
        tn__json_u64(j, "unseen", p->all.grades[grade].unseen);
        tn__json_u64(j, "size", p->all.grades[grade].bytes);
        tn__json_close(j, '}');
    }
    tn__json_close(j, '}');
    tn__json_close(j, '}');
}

int tn__audit_json(tn_audit_page *p, tn_out *out, tn_error *err)
{
    static const char *const columns[] = {"grade", "kind",     "count",   "excess",  "unseen",
                                          "size",  "retained", "address", "preview", "holder"};
    static const char *const units[][2] = {
        {"count", "objects"}, {"excess", "references"}, {"unseen", "references"},
        {"size", "bytes"},    {"retained", "bytes"},    {"address", "address"},
    };
    size_t more = 0;
    tn_json j;
    tn__json_start(&j, out, "audit");
    tn__json_string(&j, "by", tn_by_names[p->options->by]);
    tn__json_string(&j, "where", p->options->where);
    tn__against_json(p->options, &j);
    tn__json_bool(&j, "searched", p->all.audit->seen != NULL);
    tn__json_strings(&j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        tn__json_string(&j, units[i][0], units[i][1]);
    tn__json_close(&j, '}');
    tn__json_open(&j, "rows", '[');
    for (int grade = TN_AUDIT_LOST; grade < TN_AUDIT_GRADES; grade++) {
        size_t shown = tn__audit_n_shown(p, grade);
        more += p->starts[grade + 1] - p->starts[grade] - shown;
        for (size_t i = 0; i < shown; i++)
            TN_TRY(row_json(p, &j, tn__audit_shown(p, p->starts[grade] + i), err));
    }
    tn__json_close(&j, ']');
    tn__json_line(&j);
    totals_json(p, &j);
    tn__json_u64(&j, "more", more);
    tn__json_line(&j);
    tn__info_json(&j, p->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}
