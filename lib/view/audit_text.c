/* audit_text.c - an audit as a page: what nobody holds comes first. */
#include "view/audit_page.h"

#include <inttypes.h>

static const struct {
    const char *heading, *about;
} sections[TN_AUDIT_GRADES] = {
    [TN_AUDIT_LOST] = {"Lost",
                       "No reference to them was found, and no pointer in any memory that was searched: C code, an "
                       "extension most likely, has forgotten to let go of them. They are never freed. Excess: "
                       "references that are counted and were not found."},
    [TN_AUDIT_POSSIBLE] = {"Lost, or held by C code",
                           "No reference to them was found. Pointers were not searched for: take the snapshot with "
                           "--scan to learn which of them somebody has. Excess: references that are counted and were "
                           "not found."},
    [TN_AUDIT_HELD] =
        {"Held by C code",
         "More references are counted than were found (excess). Extensions keep names, types and constants, "
         "so this is no error as such; what grows from snapshot to snapshot may be. Example and holder are "
         "those of the largest excess."},
    [TN_AUDIT_EXPLAINED] = {"Held by the interpreter", "As it should be: pointers in its own static data, on stacks of "
                                                       "threads, in frames that run."},
    [TN_AUDIT_SHORT] = {"Counted too low", "More references were found than are counted: C code has let go of what was "
                                           "not its own, and they may be freed too early."},
};

static int fill_table(tn_audit_page *p, int grade, tn_table *t, tn_error *err)
{
    for (size_t i = 0; i < tn__audit_n_shown(p, grade); i++) {
        const tn_audit_row *row = tn__audit_shown(p, p->starts[grade] + i);
        uint64_t address;
        TN_TRY(tn__audit_tell(p, row, &address, err));
        tn__table_u64(t, row->count);
        tn__table_u64(t, row->excess);
        tn__table_bytes(t, row->bytes);
        if (row->retained != TN_UNKNOWN)
            tn__table_bytes(t, row->retained);
        tn__table_text(t, tn__audit_label(p, row));
        tn__table_hex(t, address);
        if (row->retained == TN_UNKNOWN)
            tn__table_text(t, (const char *)p->holder.data);
        tn__table_text(t, (const char *)p->preview.data);
    }
    return t->status < 0 ? tn__no_memory(p->snapshot, err) : TN_OK;
}

/* What to ask next about what is lost; p's first row of it is the first that is shown. */
static int write_next(tn_audit_page *p, tn_out *out, tn_error *err)
{
    const char *file = p->options->file ? p->options->file : "FILE";
    uint64_t address;
    TN_TRY(tn__audit_tell(p, tn__audit_shown(p, p->starts[TN_AUDIT_LOST]), &address, err));
    tn__out_text(
        out, "\nWhat one of them is, and which calls lose more: run some, take a snapshot with --scan, and compare\n"
             "  tonnage show ");
    tn__out_escaped(out, file);
    tn__out_format(out, " 0x%" PRIx64 "\n  tonnage audit NEW --against ", address);
    tn__out_escaped(out, file);
    tn__out_text(out, "\n");
    return TN_OK;
}

static int write_section(tn_audit_page *p, int grade, tn_out *out, tn_error *err)
{
    const char *kind = p->options->by == TN_BY_TYPE ? "Type" : "Kind";
    const tn_table_column alone[] = {
        {"Count", true, 0}, {"Excess", true, 0}, {"Size", true, 0},     {"Retained", true, 0},
        {kind, false, 0},   {"at", false, 0},    {"Preview", false, 0},
    };
    const tn_table_column held[] = {
        {"Count", true, 0}, {"Excess", true, 0},   {"Size", true, 0},     {kind, false, 0},
        {"at", false, 0},   {"Held by", false, 0}, {"Preview", false, 2},
    };
    bool is_alone = grade == TN_AUDIT_LOST || grade == TN_AUDIT_POSSIBLE;
    size_t n = p->starts[grade + 1] - p->starts[grade], shown = tn__audit_n_shown(p, grade);
    tn_table t;
    if (!n)
        return TN_OK;
    tn__table_init(&t, tn__snapshot_alloc(p->snapshot), is_alone ? alone : held, sizeof held / sizeof *held);
    int status = fill_table(p, grade, &t, err);
    if (status == TN_OK) {
        tn__table_heading(out, p->options, sections[grade].heading);
        tn__out_wrap(out, p->options->width);
        tn__out_format(out, "%s\n", sections[grade].about);
        tn__out_unwrap(out);
        tn__table_print(&t, out, p->options);
        if (shown < n)
            tn__out_format(out, "<%zu more rows; use --limit 0 to see all>\n", n - shown);
        if (grade == TN_AUDIT_LOST)
            status = write_next(p, out, err);
        tn__out_text(out, "\n");
    }
    tn__table_free(&t);
    return status;
}

static void write_totals(tn_audit_page *p, tn_out *out)
{
    static const char *const words[TN_AUDIT_GRADES] = {
        NULL, "lost", "lost or held by C code", "held by C code", "held by the interpreter", "counted too low"};
    char size[24];
    uint64_t uneven = 0;
    bool any = false;
    for (int grade = TN_AUDIT_LOST; grade < TN_AUDIT_GRADES; grade++)
        uneven += p->all.grades[grade].count;
    tn__out_wrap(out, p->options->width);
    tn__out_format(out, "%" PRIu64 " object%s, %s; ", p->all.total.count, p->all.total.count == 1 ? "" : "s",
                   tn_format_bytes(p->all.total.bytes, size, sizeof size));
    if (uneven)
        tn__out_format(out, "of %" PRIu64 " the reference count is not that of the references found: ", uneven);
    else
        tn__out_text(out, "every reference that is counted was found");
    for (int grade = TN_AUDIT_LOST; grade < TN_AUDIT_GRADES; grade++) {
        const tn_audit_total *t = &p->all.grades[grade];
        if (!t->count)
            continue;
        tn__out_format(out, "%s%" PRIu64 " %s", any ? ", " : "", t->count, words[grade]);
        any = true;
    }
    tn__out_text(out, "\n\n");
    tn__out_unwrap(out);
}

int tn__audit_text(tn_audit_page *p, tn_out *out, tn_error *err)
{
    tn__heading_print(p->snapshot, out, p->options);
    tn__against_print(p->snapshot, p->options, out);
    write_totals(p, out);
    static const int order[] = {TN_AUDIT_LOST, TN_AUDIT_SHORT, TN_AUDIT_POSSIBLE, TN_AUDIT_HELD, TN_AUDIT_EXPLAINED};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        TN_TRY(write_section(p, order[i], out, err));
    return TN_OK;
}
