/* cells.c - see batches.h. */
#include "export/batches.h"
#include "export/export.h"

#include <string.h>

enum { MOST_TEXT = 16 << 20 }; /* bytes of one column in a batch, but for the row that passes it */

static int no_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

/* ---- words ---- */

int tn__words_new(tn_words **out, tn_error *err)
{
    tn_words *words = tn__alloc_zero(&tn__alloc_libc, sizeof *words);
    if (!words)
        return no_memory(err);
    atomic_init(&words->users, 1);
    if (tn__strtab_init(&words->texts, &tn__alloc_libc) < 0) {
        tn__words_drop(words);
        return no_memory(err);
    }
    *out = words;
    return TN_OK;
}

int tn__words_add(tn_words *words, const char *text, uint32_t *word, tn_error *err)
{
    tn_buf escaped;
    tn__buf_init(&escaped, &tn__alloc_libc);
    int status = tn__buf_escaped(&escaped, text);
    if (status == TN_OK)
        status = tn__strtab_add(&words->texts, (const char *)escaped.data, escaped.size, word);
    if (status == TN_OK && words->texts.bytes.size > INT32_MAX)
        status = TN_ELIMIT;
    tn__buf_free(&escaped);
    if (status == TN_ELIMIT)
        return tn__error_set(err, TN_ELIMIT, 0, "its names take more than 2 GiB, which no column of words holds");
    return status < 0 ? no_memory(err) : TN_OK;
}

int tn__words_of(const char *const *texts, size_t n, tn_words **out, tn_error *err)
{
    uint32_t word;
    TN_TRY(tn__words_new(out, err));
    for (size_t i = 0; i < n; i++) {
        int status = tn__words_add(*out, texts[i], &word, err);
        if (status < 0) {
            tn__words_drop(*out);
            return status;
        }
    }
    return TN_OK;
}

tn_words *tn__words_use(tn_words *words)
{
    atomic_fetch_add(&words->users, 1);
    return words;
}

void tn__words_drop(tn_words *words)
{
    if (!words || atomic_fetch_sub(&words->users, 1) > 1)
        return;
    tn__strtab_free(&words->texts);
    tn__free(&tn__alloc_libc, words, sizeof *words);
}

/* ---- cells ---- */

void tn__cells_init(tn_cells *c, enum tn_cell cell, bool nullable)
{
    *c = (tn_cells){.cell = cell, .nullable = nullable};
    tn__buf_init(&c->values, &tn__alloc_libc);
    tn__buf_init(&c->valid, &tn__alloc_libc);
    tn__buf_init(&c->text, &tn__alloc_libc);
}

void tn__cells_free(tn_cells *c)
{
    tn__buf_free(&c->values);
    tn__buf_free(&c->valid);
    tn__buf_free(&c->text);
    tn__words_drop(c->words);
    c->words = NULL;
}

/* Zeroed: bits are only set, and a null reads as 0. */
static int room(tn_buf *buf, size_t n, tn_error *err)
{
    buf->size = 0;
    if (tn__buf_reserve(buf, n) < 0)
        return no_memory(err);
    memset(buf->data, 0, n);
    buf->size = n;
    return TN_OK;
}

int tn__cells_start(tn_cells *c, uint32_t rows, tn_error *err)
{
    size_t n = rows, bits = n / 8 + 1;
    c->n = 0;
    c->closed = false;
    c->text.size = 0;
    TN_TRY(room(&c->valid, bits, err));
    switch (c->cell) {
    case TN_CELL_YES_NO: return room(&c->values, bits, err);
    case TN_CELL_WORD: return room(&c->values, (n + 1) * sizeof(uint32_t), err);
    default: return room(&c->values, (n + 1) * sizeof(uint64_t), err);
    }
}

void tn__cells_null(tn_cells *c)
{
    c->n++;
    if (c->cell == TN_CELL_TEXT)
        ((uint64_t *)(void *)c->values.data)[c->n] = c->text.size;
}

static void end_text(tn_cells *c)
{
    tn__cells_valid(c);
    ((uint64_t *)(void *)c->values.data)[++c->n] = c->text.size;
    c->closed = c->text.size >= MOST_TEXT;
}

int tn__cells_text(tn_cells *c, const char *text, size_t n, tn_error *err)
{
    if (tn__buf_append(&c->text, text, n) < 0)
        return no_memory(err);
    end_text(c);
    return TN_OK;
}

int tn__cells_escaped(tn_cells *c, const char *text, tn_error *err)
{
    if (tn__buf_escaped(&c->text, text) < 0)
        return no_memory(err);
    end_text(c);
    return TN_OK;
}

bool tn__cells_is_null(const tn_cells *c, uint32_t row)
{
    return c->nullable && !(c->valid.data[row / 8] >> row % 8 & 1);
}
