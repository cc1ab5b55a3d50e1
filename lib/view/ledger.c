/* ledger.c - the resident set, row by row (facts ledger.*, docs/facts.md): what the objects explain and what the rest is. */
#include "view/suspects_page.h"

#include <stdio.h>

static const struct {
    const char *name, *key, *text;
} rows[] = {
    {"objects", "ledger.objects_bytes", "Python objects and their buffers"},
    {"tonnage", "ledger.tonnage_bytes", "tonnage itself"},
    {"python_blocks", "ledger.python_blocks_bytes", "blocks of C code, owned by no object"},
    {"pymalloc_free", "ledger.pymalloc_free_bytes", "free inside Python's allocator"},
    {"malloc_other", "ledger.malloc_other_bytes", "malloc: in use, owned by no object"},
    {"malloc_free", "ledger.malloc_free_bytes", "malloc: free, not given back"},
    {"mapped_files", "ledger.mapped_files_bytes", "program, libraries, other files"},
    {"stacks", "ledger.stacks_bytes", "thread stacks"},
    {"shared", "ledger.shared_bytes", "shared memory"},
    {"unknown", "ledger.unknown_bytes", "unexplained: mappings made by others"},
    {"not_resident", "ledger.not_resident_bytes", "of these not resident: untouched or swapped"},
    {"overcounted", "ledger.overcounted_bytes", "of these counted twice or not measured"},
};
enum { N_ROWS = sizeof rows / sizeof *rows, OVERCOUNTED = N_ROWS - 1, NOT_RESIDENT = N_ROWS - 2 };

static bool resident(tn_snapshot *s, uint64_t *rss)
{
    return tn__fact_u64(s, "ledger.rss_bytes", rss) || tn__fact_u64(s, "memory.rss_bytes", rss);
}

enum { WITH_SHARES = 69 }; /* columns of a row; a narrower terminal gets it without its share */

static void print_row(tn_out *out, const char *text, bool known, bool subtracted, uint64_t bytes, uint64_t whole)
{
    char size[24], cell[32] = "unknown", share[32];
    const char *sign = subtracted && bytes ? "-" : "";
    if (known)
        snprintf(cell, sizeof cell, "%s%s", sign, tn_format_bytes(bytes, size, sizeof size));
    tn__out_format(out, "  %-44s %12s", text, cell);
    if (known && whole) {
        snprintf(share, sizeof share, "%s%.1f", sign, tn__pct(bytes, whole));
        tn__out_format(out, "  %6s %%", share);
    }
    tn__out_text(out, "\n");
}

/* What of the objects is in memory. Objects counted beyond it are in the row of what is counted twice. */
static bool explained(tn_snapshot *s, uint64_t rss, uint64_t *bytes)
{
    uint64_t objects, absent = 0;
    if (!tn__fact_u64(s, rows[0].key, &objects))
        return false;
    if (!tn__fact_u64(s, "objects.not_resident_bytes", &absent))
        (void)tn__fact_u64(s, rows[NOT_RESIDENT].key, &absent);
    objects = objects > absent ? objects - absent : 0;
    *bytes = objects < rss ? objects : rss;
    return true;
}

tn_explained tn__ledger_explained(tn_snapshot *s)
{
    tn_explained e = {0};
    e.known = resident(s, &e.rss) && explained(s, e.rss, &e.objects);
    for (int i = 1; e.known && i < NOT_RESIDENT; i++) {
        uint64_t bytes;
        if (tn__fact_u64(s, rows[i].key, &bytes) && bytes > e.other_bytes) {
            e.other = rows[i].text;
            e.other_bytes = bytes;
        }
    }
    return e;
}

static void print_heading(tn_snapshot *s, tn_out *out, const tn_view_options *o, bool known, uint64_t rss)
{
    uint64_t objects;
    char text[120] = "Resident set (RSS)";
    if (known && rss && explained(s, rss, &objects))
        snprintf(text, sizeof text, "Resident set (RSS), of which the objects explain %.1f %%", tn__pct(objects, rss));
    tn__table_heading(out, o, text);
}

void tn__ledger_print(tn_snapshot *s, tn_out *out, const tn_view_options *o)
{
    uint64_t rss = 0, bytes;
    bool known = resident(s, &rss);
    if (tn__fact_dump(s))
        return;
    tn__out_text(out, "\n");
    print_heading(s, out, o, known, rss);
    uint64_t whole = tn__columns_of(o) < WITH_SHARES ? 0 : rss;
    for (int i = 0; i < N_ROWS; i++) {
        bytes = 0;
        bool have = tn__fact_u64(s, rows[i].key, &bytes);
        if (i != OVERCOUNTED || bytes)
            print_row(out, rows[i].text, have, i >= NOT_RESIDENT, bytes, whole);
    }
    print_row(out, "total, read after the pause", known, false, rss, whole);
}

void tn__ledger_json(tn_json *j, tn_snapshot *s)
{
    uint64_t rss = 0, bytes;
    bool known = resident(s, &rss);
    tn__json_open(j, "ledger", '[');
    for (int i = -1; i < N_ROWS; i++) {
        bytes = rss;
        bool have = i < 0 ? known : tn__fact_u64(s, rows[i].key, &bytes);
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "name", i < 0 ? "rss" : rows[i].name);
        if (have)
            tn__json_u64(j, "bytes", bytes);
        else
            tn__json_null(j, "bytes");
        if (have && known)
            tn__json_pct(j, "pct", bytes, rss);
        else
            tn__json_null(j, "pct");
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
}
