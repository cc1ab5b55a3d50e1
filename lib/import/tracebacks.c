/* tracebacks.c - stacks and what they allocated as a snapshot file that has no object but the root.
 *
 * Only what is alive is known: sums of all there ever was, and those of the high-water mark, stay 0, and the fact import.format
 * says why. Functions are not known, only files: each is one, and has the file's name.
 */
#include "import/import.h"

#include <string.h>

enum { LEVEL = 1 };

int tn__traced_init(tn_traced *t, const tn_alloc *a)
{
    *t = (tn_traced){.alloc = a};
    tn__buf_init(&t->sums, a);
    tn_strtab *tables[] = {&t->texts, &t->stacks, &t->places, &t->files};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        TN_TRY(tn__strtab_init(tables[i], a));
    return TN_OK;
}

void tn__traced_free(tn_traced *t)
{
    tn_strtab *tables[] = {&t->texts, &t->stacks, &t->places, &t->files};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        tn__strtab_free(tables[i]);
    tn__buf_free(&t->sums);
}

int tn__traced_file(tn_traced *t, uint32_t text, uint32_t *code)
{
    TN_TRY(tn__strtab_add(&t->files, (const char *)&text, sizeof text, code));
    *code += TN_TRACED_FILE;
    return TN_OK;
}

int tn__traced_call(tn_traced *t, uint32_t parent, uint32_t code, uint32_t line, uint32_t *stack)
{
    const tn_traced_stack key = {parent, code, line};
    TN_TRY(tn__strtab_add(&t->stacks, (const char *)&key, sizeof key, stack));
    ++*stack;
    return TN_OK;
}

int tn__traced_block(tn_traced *t, uint32_t stack, uint32_t domain, uint64_t bytes)
{
    const tn_traced_place key = {stack, domain};
    uint32_t place;
    if (bytes > INT64_MAX || t->bytes > INT64_MAX - bytes)
        return TN_ELIMIT;
    TN_TRY(tn__strtab_add(&t->places, (const char *)&key, sizeof key, &place));
    if (place == t->sums.size / sizeof(tn_traced_sum))
        TN_TRY(tn__buf_append(&t->sums, &(tn_traced_sum){0}, sizeof(tn_traced_sum)));
    tn_traced_sum *sum = (tn_traced_sum *)(void *)t->sums.data + place;
    sum->bytes += bytes;
    sum->blocks++;
    t->bytes += bytes;
    t->blocks++;
    return TN_OK;
}

/* ---- the file ---- */

static int add_code(tn_rows *r, const char *name, size_t n_name, const char *file, size_t n_file)
{
    uint32_t row[5] = {0};
    TN_TRY(tn__rows_string(r, name, n_name, &row[0]));
    row[1] = row[0];
    TN_TRY(tn__rows_string(r, file, n_file, &row[2]));
    return tn__rows_words(r, row, 5);
}

static int write_codes(tn_rows *r, const tn_traced *t)
{
    const uint32_t *starts = (const uint32_t *)(const void *)t->texts.offsets.data;
    const uint32_t *files = (const uint32_t *)(const void *)t->files.bytes.data;
    uint64_t n = 2;
    TN_TRY(add_code(r, "<native>", 8, "", 0));
    TN_TRY(add_code(r, "<truncated>", 11, "", 0));
    for (uint32_t i = 0; i < t->files.count; i++, n++) {
        const char *file = (const char *)t->texts.bytes.data + starts[files[i]];
        size_t n_file = starts[files[i] + 1] - starts[files[i]], folder = n_file;
        while (folder && file[folder - 1] != '/')
            folder--;
        TN_TRY(tn__rows_flush(r, "CODE", &n, false));
        TN_TRY(add_code(r, file + folder, n_file - folder, file, n_file));
    }
    return tn__rows_flush(r, "CODE", &n, true);
}

static int write_stacks(tn_rows *r, const tn_traced *t)
{
    const tn_traced_stack *stacks = (const tn_traced_stack *)(const void *)t->stacks.bytes.data;
    uint64_t n = 0;
    for (uint32_t i = 0; i < t->stacks.count; i++) {
        const tn_stack_row row = {stacks[i].parent, stacks[i].code, 0, stacks[i].line};
        TN_TRY(tn__rows_bytes(r, &row, sizeof row));
        n++;
        TN_TRY(tn__rows_flush(r, "STAK", &n, false));
    }
    return tn__rows_flush(r, "STAK", &n, true);
}

static int write_sites(tn_rows *r, const tn_traced *t)
{
    const tn_traced_place *places = (const tn_traced_place *)(const void *)t->places.bytes.data;
    const tn_traced_sum *sums = (const tn_traced_sum *)(const void *)t->sums.data;
    uint64_t n = 0;
    for (uint32_t i = 0; i < t->places.count; i++) {
        const tn_site_row row = {.stack = places[i].stack,
                                 .domain = places[i].domain,
                                 .live_bytes = (int64_t)sums[i].bytes,
                                 .live_count = (double)sums[i].blocks};
        TN_TRY(tn__rows_bytes(r, &row, sizeof row));
        n++;
        TN_TRY(tn__rows_flush(r, "SITE", &n, false));
    }
    if (t->places.count == 0)
        return tn_writer_table(r->writer, "SITE", "", 0, 0, r->err);
    return tn__rows_flush(r, "SITE", &n, true);
}

/* A root that refers to nothing. */
static int write_nodes(tn_rows *r)
{
    uint32_t name;
    uint64_t n = 1, zero = 0;
    TN_TRY(tn__rows_string(r, "root", 4, &name));
    TN_TRY(tn__rows_words(r, (uint32_t[]){name, TN_NONE, TN_TYPE_SYNTHETIC, TN_VISIT_LAYOUT, 0, 0, TN_NONE, TN_NONE, 0},
                          9));
    TN_TRY(tn__rows_flush(r, "TYPE", &n, true));
    TN_TRY(tn__rows_words(r, (uint32_t[]){0, TN_RUN_NONE, 0}, 3));
    n = 1;
    TN_TRY(tn__rows_flush(r, "SHTB", &n, true));
    TN_TRY(tn_writer_table(r->writer, "ADDR", "", 0, 0, r->err));
    TN_TRY(tn_writer_column(r->writer, "SHAP", &zero, sizeof zero, 1, 0, r->err));
    zero = 0;
    return tn_writer_column(r->writer, "SIZE", &zero, sizeof zero, 1, 0, r->err);
}

static int write_facts(tn_rows *r, const tn_traced *t)
{
    uint64_t n = 8;
    TN_TRY(tn__rows_fact(r, "capture.tool_version", TN_VERSION, 0));
    TN_TRY(tn__rows_fact(r, "capture.mode", "import", 0));
    TN_TRY(tn__rows_fact(r, "import.format", "tracemalloc", 0));
    TN_TRY(tn__rows_fact(r, "objects.count", NULL, 0));
    TN_TRY(tn__rows_fact(r, "objects.bytes", NULL, 0));
    TN_TRY(tn__rows_fact(r, "trace.mode", "exact", 0));
    TN_TRY(tn__rows_fact(r, "trace.depth", NULL, t->limit));
    TN_TRY(tn__rows_fact(r, "trace.traced_bytes", NULL, t->bytes));
    return tn__rows_flush(r, "FACT", &n, true);
}

static int write_all(tn_rows *r, const tn_traced *t)
{
    if (tn__strtab_init(&r->strings, t->alloc) < 0)
        return tn__rows_no_memory(r);
    TN_TRY(write_nodes(r));
    TN_TRY(write_codes(r, t));
    TN_TRY(write_stacks(r, t));
    TN_TRY(write_sites(r, t));
    TN_TRY(write_facts(r, t));
    return tn_writer_strings(r->writer, &r->strings, r->err);
}

static int write_file(const tn_traced *t, const char *out, bool force, tn_error *err)
{
    tn_rows rows = {.err = err};
    TN_TRY(tn_writer_open(out, force, LEVEL, t->alloc, &rows.writer, err));
    tn__buf_init(&rows.words, t->alloc);
    int status = write_all(&rows, t);
    tn__strtab_free(&rows.strings);
    tn__buf_free(&rows.words);
    if (status < 0)
        tn_writer_abort(rows.writer);
    return status < 0 ? status : tn_writer_commit(rows.writer, err);
}

int tn__traced_is(const char *dump, bool *pickle, tn_error *err)
{
    uint8_t first[2];
    uint64_t bytes;
    int fd;
    *pickle = false;
    if (!tn__sys_is_file(dump)) /* a pipe would lose what is looked at */
        return TN_OK;
    TN_TRY(tn__sys_open_read(dump, &fd, &bytes, err));
    int status = bytes < sizeof first ? TN_OK : tn__sys_read_at(fd, 0, first, sizeof first, err);
    tn__sys_close(fd);
    *pickle = status == TN_OK && bytes >= sizeof first && tn__is_pickle(first, sizeof first);
    return status;
}

static int read_file(const char *dump, const char *out, tn_traced *t, tn_error *err)
{
    uint64_t bytes;
    tn_buf text;
    int fd;
    TN_TRY(tn__sys_open_read(dump, &fd, &bytes, err));
    tn__buf_init(&text, t->alloc);
    int status = tn__sys_not_input(fd, out, err);
    if (status == TN_OK && (bytes > SIZE_MAX || tn__buf_reserve(&text, (size_t)bytes) < 0))
        status = tn__error_set(err, TN_ENOMEM, 0, "not enough memory for this dump");
    if (status == TN_OK)
        status = tn__sys_read_at(fd, 0, text.data, (size_t)bytes, err);
    tn__sys_close(fd);
    if (status == TN_OK)
        status = tn__pickle_read(text.data, (size_t)bytes, t, err);
    tn__buf_free(&text);
    return status;
}

int tn__traced_import(const char *dump, const char *out, bool force, const tn_alloc *alloc, tn_import_info *info,
                      tn_error *err)
{
    tn_traced t;
    int status = tn__traced_init(&t, alloc);
    if (status < 0)
        tn__error_set(err, status, 0, "not enough memory for this dump");
    if (status == TN_OK)
        status = read_file(dump, out, &t, err);
    if (status == TN_OK)
        status = write_file(&t, out, force, err);
    if (status == TN_OK)
        *info = (tn_import_info){.blocks = t.blocks, .bytes = t.bytes};
    tn__traced_free(&t);
    return status;
}
