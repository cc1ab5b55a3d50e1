/* csv.c - a table as rows of text with commas between (RFC 4180, lines end as in Unix). Nothing stands for null, and "" for an empty text. */
#include "export/batches.h"
#include "export/export.h"

#include <string.h>

/* Quoted where a comma or a quote is in it; ends of lines are escaped in all texts. */
static void write_text(tn_out *out, const char *text, size_t n)
{
    if (n && !memchr(text, ',', n) && !memchr(text, '"', n)) {
        tn__out_bytes(out, text, n);
        return;
    }
    tn__out_bytes(out, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        const char *quote = memchr(text + i, '"', n - i);
        size_t end = quote ? (size_t)(quote - text) + 1 : n;
        tn__out_bytes(out, text + i, end - i);
        if (quote)
            tn__out_bytes(out, "\"", 1);
        i = end - 1;
    }
    tn__out_bytes(out, "\"", 1);
}

/* Most cells are numbers, and a table has some hundred million. */
static void write_number(tn_out *out, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    tn__out_bytes(out, digits + at, sizeof digits - at);
}

static void write_word(tn_out *out, const tn_words *words, uint32_t word)
{
    const uint32_t *starts = (const uint32_t *)(const void *)words->texts.offsets.data;
    write_text(out, (const char *)words->texts.bytes.data + starts[word], starts[word + 1] - starts[word]);
}

static void write_cell(tn_out *out, const tn_cells *c, uint32_t row)
{
    const uint64_t *values = (const uint64_t *)(const void *)c->values.data;
    if (tn__cells_is_null(c, row))
        return;
    switch (c->cell) {
    case TN_CELL_ADDRESS:
    case TN_CELL_NUMBER: write_number(out, values[row]); break;
    case TN_CELL_YES_NO: tn__out_text(out, c->values.data[row / 8] >> row % 8 & 1 ? "true" : "false"); break;
    case TN_CELL_TEXT: write_text(out, (const char *)c->text.data + values[row], values[row + 1] - values[row]); break;
    default: write_word(out, c->words, ((const uint32_t *)(const void *)c->values.data)[row]);
    }
}

static int write_batches(const tn_export_job *job, tn_batches *b, tn_error *err)
{
    int more;
    for (uint32_t i = 0; i < b->n_columns; i++) {
        tn__out_text(job->out, i ? "," : "");
        tn__out_text(job->out, b->specs[i]->name);
    }
    tn__out_text(job->out, "\n");
    while (!job->out->failed && (more = tn__batches_fill(b, err)) != 0) {
        TN_TRY(more);
        for (uint32_t row = 0; row < b->n_rows && !job->out->failed; row++) {
            for (uint32_t i = 0; i < b->n_columns; i++) {
                tn__out_text(job->out, i ? "," : "");
                write_cell(job->out, &b->cells[i], row);
            }
            tn__out_text(job->out, "\n");
        }
    }
    return TN_OK;
}

int tn__export_csv(const tn_export_job *job, tn_error *err)
{
    tn_batches *b;
    const tn_export_options *o = job->options;
    TN_TRY(tn_batches_open(job->snapshot, o->table, job->selected, o->columns, &b, err));
    int status = write_batches(job, b, err);
    tn_batches_close(b);
    return status;
}
