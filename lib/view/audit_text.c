/* audit_text.c - an audit as a page: what nobody holds comes first. */
#include "view/audit_page.h"

#include <inttypes.h>

typedef struct section {
    const char *heading, *about, *words; /* words: behind a number of objects */
} section;

static const section sections[TN_AUDIT_GRADES] = {
    [TN_AUDIT_LOST] =
        {"Lost",
         "Nobody has them: no reference but from what is lost itself was found, and no pointer in any memory "
         "that was searched. C code, an extension most likely, has forgotten to let go of them. They are "
         "never freed. Excess: references that are counted and were not found.",
         "lost"},
    [TN_AUDIT_LEAKED] =
        {"References lost, or hidden",
         "Somebody has them, but more references are counted than were found (excess), and of these so many "
         "more than pointers were seen (lost). Either C code has forgotten to let go of them, and they are "
         "never freed, whoever else lets go of them; or an extension's objects have them and do not say so, as "
         "Cython's do. What grows from snapshot to snapshot is lost.",
         "held with references lost or hidden"},
    [TN_AUDIT_POSSIBLE] = {"Lost, or held by C code",
                           "No reference to them was found. Pointers were not searched for: take the snapshot with "
                           "--scan to learn which of them somebody has. Excess: references that are counted and were "
                           "not found.",
                           "lost or held by C code"},
    [TN_AUDIT_HELD] =
        {"Held by C code",
         "More references are counted than were found (excess). Extensions keep names, types and constants, "
         "so this is no error as such; what grows from snapshot to snapshot may be. Example and holder are "
         "those of the largest excess.",
         "held by C code"},
    [TN_AUDIT_EXPLAINED] =
        {"Held by the interpreter",
         "As it should be: pointers in its own static data, on stacks of threads, in frames that run.",
         "held by the interpreter"},
    [TN_AUDIT_SHORT] =
        {"Counted too low",
         "More references were found than are counted: C code has let go of what was not its own, and they "
         "may be freed too early.",
         "counted too low"},
};
static const section held_by_any = {"Held by C code or the interpreter",
                                    "More references are counted than were found (excess). Pointers were not searched "
                                    "for: take the snapshot with --scan to "
                                    "learn who has them.",
                                    "held by C code or the interpreter"};

static const section *section_of(const tn_audit_page *p, int grade)
{
    return grade == TN_AUDIT_HELD && !p->all.audit->seen ? &held_by_any : &sections[grade];
}

static int fill_table(tn_audit_page *p, int grade, tn_table *t, tn_error *err)
{
    for (size_t i = 0; i < tn__audit_n_shown(p, grade); i++) {
        const tn_audit_row *row = tn__audit_shown(p, p->starts[grade] + i);
        uint64_t address;
        TN_TRY(tn__audit_tell(p, row, &address, err));
        tn__table_u64(t, row->count);
        tn__table_u64(t, row->excess);
        if (grade == TN_AUDIT_LEAKED)
            tn__table_u64(t, row->unseen);
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

enum { MAX_COLUMNS = 8 };

static uint32_t columns_of(const tn_audit_page *p, int grade, tn_table_column out[MAX_COLUMNS])
{
    bool alone = grade == TN_AUDIT_LOST || grade == TN_AUDIT_POSSIBLE;
    uint32_t n = 0;
    out[n++] = (tn_table_column){"Count", true, 0};
    out[n++] = (tn_table_column){"Excess", true, 0};
    if (grade == TN_AUDIT_LEAKED)
        out[n++] = (tn_table_column){"Lost", true, 0};
    out[n++] = (tn_table_column){"Size", true, 0};
    if (alone)
        out[n++] = (tn_table_column){"Retained", true, 0};
    out[n++] = (tn_table_column){p->options->by == TN_BY_TYPE ? "Type" : "Kind", false, 0};
    out[n++] = (tn_table_column){"at", false, 0};
    if (!alone)
        out[n++] = (tn_table_column){"Held by", false, 0};
    out[n++] = (tn_table_column){"Preview", false, alone ? 0 : 2};
    return n;
}

static int write_section(tn_audit_page *p, int grade, tn_out *out, tn_error *err)
{
    tn_table_column columns[MAX_COLUMNS];
    size_t n = p->starts[grade + 1] - p->starts[grade], shown = tn__audit_n_shown(p, grade);
    tn_table t;
    if (!n)
        return TN_OK;
    tn__table_init(&t, tn__snapshot_alloc(p->snapshot), columns, columns_of(p, grade, columns));
    int status = fill_table(p, grade, &t, err);
    if (status == TN_OK) {
        tn__table_heading(out, p->options, section_of(p, grade)->heading);
        tn__out_wrap(out, p->options->width);
        tn__out_format(out, "%s\n", section_of(p, grade)->about);
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
        tn__out_format(out, "%s%" PRIu64 " %s", any ? ", " : "", t->count, section_of(p, grade)->words);
        any = true;
    }
    tn__out_text(out, "\n\n");
    tn__out_unwrap(out);
}

int tn__audit_text(tn_audit_page *p, tn_out *out, tn_error *err)
{
    tn__heading_print(p->snapshot, out, p->options);
    write_totals(p, out);
    static const int order[] = {TN_AUDIT_LOST,     TN_AUDIT_LEAKED, TN_AUDIT_SHORT,
                                TN_AUDIT_POSSIBLE, TN_AUDIT_HELD,   TN_AUDIT_EXPLAINED};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        TN_TRY(write_section(p, order[i], out, err));
    return TN_OK;
}
