/* rows.c - tables of a snapshot file under way: see import.h. */
#include "import/import.h"

#include <string.h>

int tn__rows_no_memory(tn_rows *r)
{
    return tn__error_set(r->err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE);
}

int tn__rows_bytes(tn_rows *r, const void *bytes, size_t n)
{
    return tn__buf_append(&r->words, bytes, n) < 0 ? tn__rows_no_memory(r) : TN_OK;
}

int tn__rows_words(tn_rows *r, const uint32_t *words, size_t n)
{
    return tn__rows_bytes(r, words, n * sizeof *words);
}

int tn__rows_string(tn_rows *r, const char *text, size_t n, uint32_t *row)
{
    return tn__strtab_add(&r->strings, text, n, row) < 0 ? tn__rows_no_memory(r) : TN_OK;
}

int tn__rows_flush(tn_rows *r, const char *id, uint64_t *n_rows, bool last)
{
    if (*n_rows == 0 || (!last && r->words.size < TN_CHUNK_MAX_RAW / 4))
        return TN_OK;
    TN_TRY(tn_writer_table(r->writer, id, r->words.data, r->words.size, *n_rows, r->err));
    r->words.size = 0;
    *n_rows = 0;
    return TN_OK;
}

int tn__rows_fact(tn_rows *r, const char *key, const char *text, uint64_t value)
{
    tn_fact_row row = {.kind = text ? TN_FACT_TEXT : TN_FACT_UINT, .value = value};
    uint32_t string;
    TN_TRY(tn__rows_string(r, key, strlen(key), &row.key));
    if (text) {
        TN_TRY(tn__rows_string(r, text, strlen(text), &string));
        row.value = string;
    }
    return tn__rows_bytes(r, &row, sizeof row);
}
