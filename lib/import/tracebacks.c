/* tracebacks.c - stacks and what they allocated, or how often they were seen, as a snapshot file that has no object but the root.
 *
 * Only what is alive is known: sums of all there ever was, and those of the high-water mark, stay 0, and the fact import.format
 * says why; of samples neither thread, state, clock nor time are. Where functions are not known, only files, each file is one,
 * and has its name.
 */
#include "import/import.h"

#include <string.h>

enum { LEVEL = 1, FIRST_BYTES = 64 };

int tn__traced_init(tn_traced *t, const tn_alloc *a)
{
    *t = (tn_traced){.alloc = a};
    tn__buf_init(&t->sums, a);
    tn_strtab *tables[] = {&t->texts, &t->codes, &t->stacks, &t->places};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        TN_TRY(tn__strtab_init(tables[i], a));
    return TN_OK;
}

void tn__traced_free(tn_traced *t)
{
    tn_strtab *tables[] = {&t->texts, &t->codes, &t->stacks, &t->places};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        tn__strtab_free(tables[i]);
    tn__buf_free(&t->sums);
}

int tn__traced_call(tn_traced *t, uint32_t parent, const tn_traced_code *code, uint32_t line, uint32_t *stack)
{
    tn_traced_stack key = {.parent = parent, .line = line};
    TN_TRY(tn__strtab_add(&t->codes, (const char *)code, sizeof *code, &key.code));
    TN_TRY(tn__strtab_add(&t->stacks, (const char *)&key, sizeof key, stack));
    ++*stack;
    return TN_OK;
}

int tn__traced_root(tn_traced *t, const char *name, uint32_t *stack)
{
    tn_traced_code code = {0};
    TN_TRY(tn__strtab_add(&t->texts, name, strlen(name), &code.name));
    TN_TRY(tn__strtab_add(&t->texts, "", 0, &code.file));
    return tn__traced_call(t, 0, &code, 0, stack);
}

int tn__traced_add(tn_traced *t, uint32_t stack, uint32_t domain, uint64_t number, uint64_t bytes)
{
    const tn_traced_place key = {stack, domain};
    uint32_t place;
    if (bytes > INT64_MAX || t->bytes > INT64_MAX - bytes || number > INT64_MAX || t->number > INT64_MAX - number)
        return TN_ELIMIT;
    TN_TRY(tn__strtab_add(&t->places, (const char *)&key, sizeof key, &place));
    if (place == t->sums.size / sizeof(tn_traced_sum))
        TN_TRY(tn__buf_append(&t->sums, &(tn_traced_sum){0}, sizeof(tn_traced_sum)));
    tn_traced_sum *sum = (tn_traced_sum *)(void *)t->sums.data + place;
    sum->bytes += bytes;
    sum->number += number;
    t->bytes += bytes;
    t->number += number;
    return TN_OK;
}

/* ---- the file ---- */

static const char *text_of(const tn_traced *t, uint32_t text, size_t *n)
{
    const uint32_t *starts = (const uint32_t *)(const void *)t->texts.offsets.data;
    *n = starts[text + 1] - starts[text];
    return (const char *)t->texts.bytes.data + starts[text];
}

static int add_code(tn_rows *r, const tn_traced *t, const tn_traced_code *code)
{
    uint32_t row[5] = {0};
    size_t n_file, n_name, folder;
    const char *file = text_of(t, code->file, &n_file), *name;
    for (folder = n_file; folder && file[folder - 1] != '/';)
        folder--;
    name = file + folder;
    n_name = n_file - folder;
    if (code->name != TN_NONE)
        name = text_of(t, code->name, &n_name);
    TN_TRY(tn__rows_string(r, name, n_name, &row[0]));
    row[1] = row[0];
    TN_TRY(tn__rows_string(r, file, n_file, &row[2]));
    row[3] = code->first_line;
    return tn__rows_words(r, row, 5);
}

static int write_codes(tn_rows *r, const tn_traced *t)
{
    const tn_traced_code *codes = (const tn_traced_code *)(const void *)t->codes.bytes.data;
    uint64_t n = 0;
    for (uint32_t i = 0; i < t->codes.count; i++) {
        TN_TRY(add_code(r, t, &codes[i]));
        n++;
        TN_TRY(tn__rows_flush(r, "CODE", &n, false));
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

static int add_place(tn_rows *r, const tn_traced *t, const tn_traced_place *place, const tn_traced_sum *sum)
{
    uint32_t unknown;
    if (!t->sampled) {
        const tn_site_row row = {.stack = place->stack,
                                 .domain = place->domain,
                                 .live_bytes = (int64_t)sum->bytes,
                                 .live_count = (double)sum->number};
        return tn__rows_bytes(r, &row, sizeof row);
    }
    TN_TRY(tn__rows_string(r, "", 0, &unknown));
    const tn_sample_row row = {.stack = place->stack, .thread = unknown, .task = unknown, .samples = sum->number};
    return tn__rows_bytes(r, &row, sizeof row);
}

static int write_places(tn_rows *r, const tn_traced *t)
{
    const tn_traced_place *places = (const tn_traced_place *)(const void *)t->places.bytes.data;
    const tn_traced_sum *sums = (const tn_traced_sum *)(const void *)t->sums.data;
    const char *id = t->sampled ? "SAMP" : "SITE";
    uint64_t n = 0;
    for (uint32_t i = 0; i < t->places.count; i++) {
        TN_TRY(add_place(r, t, &places[i], &sums[i]));
        n++;
        TN_TRY(tn__rows_flush(r, id, &n, false));
    }
    if (t->places.count == 0)
        return tn_writer_table(r->writer, id, "", 0, 0, r->err);
    return tn__rows_flush(r, id, &n, true);
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
    uint64_t n = t->sampled ? 6 : 8;
    TN_TRY(tn__rows_fact(r, "capture.tool_version", TN_VERSION, 0));
    TN_TRY(tn__rows_fact(r, "capture.mode", "import", 0));
    TN_TRY(tn__rows_fact(r, "import.format", t->format, 0));
    TN_TRY(tn__rows_fact(r, "objects.count", NULL, 0));
    TN_TRY(tn__rows_fact(r, "objects.bytes", NULL, 0));
    if (t->sampled) {
        TN_TRY(tn__rows_fact(r, "sample.samples", NULL, t->number));
    } else {
        TN_TRY(tn__rows_fact(r, "trace.mode", "exact", 0));
        TN_TRY(tn__rows_fact(r, "trace.depth", NULL, t->limit));
        TN_TRY(tn__rows_fact(r, "trace.traced_bytes", NULL, t->bytes));
    }
    return tn__rows_flush(r, "FACT", &n, true);
}

static int write_all(tn_rows *r, const tn_traced *t)
{
    if (tn__strtab_init(&r->strings, t->alloc) < 0)
        return tn__rows_no_memory(r);
    TN_TRY(write_nodes(r));
    TN_TRY(write_codes(r, t));
    TN_TRY(write_stacks(r, t));
    TN_TRY(write_places(r, t));
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

int tn__traced_reader(const char *dump, tn_dump_reader **read, tn_error *err)
{
    uint8_t first[FIRST_BYTES];
    uint64_t bytes;
    int fd;
    *read = NULL;
    if (!tn__sys_is_file(dump)) /* a pipe would lose what is looked at */
        return TN_OK;
    TN_TRY(tn__sys_open_read(dump, &fd, &bytes, err));
    size_t n = bytes < sizeof first ? (size_t)bytes : sizeof first;
    int status = tn__sys_read_at(fd, 0, first, n, err);
    tn__sys_close(fd);
    if (status == TN_OK)
        *read = tn__is_pickle(first, n) ? tn__pickle_read : tn__is_plop(first, n) ? tn__plop_read : NULL;
    return status;
}

static int read_file(tn_dump_reader *read, const char *dump, const char *out, tn_traced *t, tn_error *err)
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
        status = read(text.data, (size_t)bytes, t, err);
    tn__buf_free(&text);
    return status;
}

int tn__traced_import(tn_dump_reader *read, const char *dump, const char *out, bool force, const tn_alloc *alloc,
                      tn_import_info *info, tn_error *err)
{
    tn_traced t;
    int status = tn__traced_init(&t, alloc);
    if (status < 0)
        tn__error_set(err, status, 0, "not enough memory for this dump");
    if (status == TN_OK)
        status = read_file(read, dump, out, &t, err);
    if (status == TN_OK)
        status = write_file(&t, out, force, err);
    if (status == TN_OK)
        *info =
            (tn_import_info){.blocks = t.sampled ? 0 : t.number, .samples = t.sampled ? t.number : 0, .bytes = t.bytes};
    tn__traced_free(&t);
    return status;
}
