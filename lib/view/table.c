/* table.c - columns of text aligned by what a terminal shows; the last one is cut at the terminal's width.
 *
 * What is spare is left out first, so that a narrow terminal shows the most important columns whole.
 */
#include "view/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_COLUMNS = 16, GAP = 2 };
#define HEADING UINT32_MAX  /* as a row */
#define LEFT_OUT UINT32_MAX /* as a width */

void tn__table_init(tn_table *t, const tn_alloc *a, const tn_table_column *columns, uint32_t n_columns)
{
    *t = (tn_table){.columns = columns, .n_columns = n_columns};
    tn__buf_init(&t->text, a);
    tn__buf_init(&t->starts, a);
}

void tn__table_free(tn_table *t)
{
    tn__buf_free(&t->text);
    tn__buf_free(&t->starts);
}

void tn__table_text(tn_table *t, const char *text)
{
    if (t->status < 0)
        return;
    uint64_t start = t->text.size;
    tn_text measure, write;
    tn__text_init(&measure, NULL, 0);
    tn__text_escaped(&measure, text, strlen(text), 0);
    t->status = tn__buf_append(&t->starts, &start, sizeof start);
    if (t->status == TN_OK)
        t->status = tn__buf_reserve(&t->text, measure.n + 1);
    if (t->status < 0)
        return;
    tn__text_init(&write, (char *)t->text.data + start, measure.n + 1);
    tn__text_escaped(&write, text, strlen(text), 0);
    tn__text_end(&write);
    t->text.size += measure.n + 1;
    t->n_cells++;
}

void tn__table_u64(tn_table *t, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    tn__table_text(t, text);
}

void tn__table_bytes(tn_table *t, uint64_t bytes)
{
    char text[24];
    tn__table_text(t, tn_format_bytes(bytes, text, sizeof text));
}

double tn__pct(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * ((double)part / (double)whole) : 0.0;
}

void tn__table_pct(tn_table *t, uint64_t part, uint64_t whole)
{
    char text[32];
    snprintf(text, sizeof text, "%.1f", tn__pct(part, whole));
    tn__table_text(t, whole ? text : "-");
}

void tn__table_hex(tn_table *t, uint64_t address)
{
    char text[24];
    snprintf(text, sizeof text, "0x%" PRIx64, address);
    tn__table_text(t, address ? text : "");
}

static void spaces(tn_out *out, uint32_t n)
{
    while (n-- > 0)
        tn__out_text(out, " ");
}

static const char *cell(const tn_table *t, uint32_t i)
{
    uint64_t start;
    memcpy(&start, t->starts.data + sizeof start * i, sizeof start);
    return (const char *)t->text.data + start;
}

static const char *text_at(const tn_table *t, uint32_t row, uint32_t column)
{
    return row == HEADING ? t->columns[column].heading : cell(t, row * t->n_columns + column);
}

enum { LAST_COLUMN = 14 }; /* an address */

static void print_row(const tn_table *t, tn_out *out, uint32_t row, const uint32_t *widths, uint32_t limit)
{
    uint32_t used = 0, n_columns = t->n_columns;
    bool first = true;
    while (n_columns > 0 && !*text_at(t, row, n_columns - 1)) /* no blanks at the end of a line */
        n_columns--;
    for (uint32_t c = 0; c < n_columns; c++) {
        if (widths[c] == LEFT_OUT)
            continue;
        const char *text = text_at(t, row, c);
        size_t n = strlen(text);
        uint32_t width = tn__text_width(text, n);
        bool last = c + 1 == n_columns;
        spaces(out, first ? 0 : GAP);
        used += first ? 0 : GAP;
        first = false;
        if (t->columns[c].right)
            spaces(out, widths[c] - width);
        if (c + 1 == t->n_columns && used < limit && width > limit - used) {
            n = tn__text_fit(text, n, limit - used - 1);
            tn__out_bytes(out, text, n);
            tn__out_text(out, "…");
        } else {
            tn__out_bytes(out, text, n);
        }
        if (!t->columns[c].right && !last)
            spaces(out, widths[c] - width);
        used += widths[c];
    }
}

/* Leaves columns out until the others fit, or none is spare. */
static void fit(const tn_table *t, uint32_t *widths, uint32_t limit)
{
    uint32_t least = t->last_width ? t->last_width : LAST_COLUMN;
    for (;;) {
        uint64_t sum = 0;
        uint8_t spare = 0;
        for (uint32_t c = 0; c < t->n_columns; c++) {
            if (widths[c] == LEFT_OUT)
                continue;
            bool last = c + 1 == t->n_columns;
            sum += (sum ? GAP : 0) + (last && widths[c] > least ? least : widths[c]);
            spare = t->columns[c].spare > spare ? t->columns[c].spare : spare;
        }
        if (sum <= limit || spare == 0)
            return;
        for (uint32_t c = 0; c < t->n_columns; c++)
            if (t->columns[c].spare == spare)
                widths[c] = LEFT_OUT;
    }
}

void tn__table_heading(tn_out *out, const tn_view_options *o, const char *text)
{
    if (o->color)
        tn__out_format(out, "\033[1m");
    tn__out_text(out, text);
    tn__out_text(out, o->color ? "\033[0m\n" : "\n");
}

void tn__table_print(const tn_table *t, tn_out *out, const tn_view_options *o)
{
    uint32_t widths[MAX_COLUMNS] = {0}, rows = t->n_cells / t->n_columns;
    for (uint32_t c = 0; c < t->n_columns; c++) {
        widths[c] = tn__text_width(t->columns[c].heading, strlen(t->columns[c].heading));
        for (uint32_t r = 0; r < rows; r++) {
            const char *text = cell(t, r * t->n_columns + c);
            uint32_t width = tn__text_width(text, strlen(text));
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    uint32_t limit = tn__columns_of(o);
    fit(t, widths, limit);
    if (o->color)
        tn__out_text(out, "\033[1m");
    print_row(t, out, HEADING, widths, limit);
    tn__out_text(out, o->color ? "\033[0m\n" : "\n");
    for (uint32_t r = 0; r < rows; r++) {
        print_row(t, out, r, widths, limit);
        tn__out_text(out, "\n");
    }
}
