/* verdict.c - whether a file can be believed: every rule of docs/format.md, then the capture's own self-checks. */
#include "view/view.h"

#include <inttypes.h>
#include <string.h>

typedef struct tn_findings {
    tn_buf rows;  /* tn_error */
    uint32_t n;   /* all of them, also beyond the memory for rows */
    tn_buf order; /* tn_order_key: which rows are wanted, in what order */
    size_t n_wanted;
    int worst;
    tn_error stopped; /* no memory, no reading: says nothing of the file */
} tn_findings;

static void keep(void *ctx, const tn_error *finding)
{
    tn_findings *f = ctx;
    if (finding->status == TN_ENOMEM || finding->status == TN_ELIMIT || finding->status == TN_EIO) {
        f->stopped = *finding;
        return;
    }
    f->n++;
    if (f->worst == TN_OK || finding->status == TN_ECORRUPT)
        f->worst = finding->status;
    (void)tn__buf_append(&f->rows, finding, sizeof *finding);
}

static const tn_error *found(const tn_findings *f, size_t i)
{
    return (const tn_error *)(const void *)f->rows.data + i;
}

static const tn_error *row(const tn_findings *f, size_t i)
{
    return found(f, ((const tn_order_key *)(const void *)f->order.data)[i].row);
}

static size_t n_rows(const tn_findings *f, const tn_view_options *o)
{
    return o->limit && o->limit < f->n_wanted ? o->limit : f->n_wanted;
}

/* Options say what is shown; verdict and exit code speak of the whole file. They are read before it is. */
typedef struct tn_check_options {
    size_t column;
    bool descending;
    tn_selection selection;
} tn_check_options;
enum { BY_OFFSET, BY_STATUS, BY_MESSAGE };

static int read_options(tn_snapshot *s, const tn_view_options *o, tn_check_options *out, tn_error *err)
{
    static const char *const names[] = {"offset", "status", "message"};
    if (o->where_rows)
        return tn__error_set(err, TN_EINVAL, 0, "findings have no size: no threshold can be asked of them");
    TN_TRY(tn__order_parse(o->sort, names, sizeof names / sizeof *names, 0, &out->column, &out->descending, err));
    return tn__selection_parse(tn__snapshot_alloc(s), o->where, NULL, TN_SELECT_FINDINGS, &out->selection, err);
}

static int make_order(tn_findings *f, const tn_view_options *o, const tn_check_options *how, tn_error *err)
{
    size_t n = f->rows.size / sizeof(tn_error);
    for (size_t i = 0; i < n; i++) {
        const tn_error *one = found(f, i);
        const char *status = tn_status_name(one->status);
        if (!tn__selection_row(&how->selection, status, one->message, NULL))
            continue;
        tn_order_key key = {.number = how->column == BY_OFFSET ? one->offset : 0,
                            .text = how->column == BY_STATUS    ? status
                                    : how->column == BY_MESSAGE ? one->message
                                                                : "",
                            .row = i};
        if (tn__buf_append(&f->order, &key, sizeof key) < 0)
            return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
        f->n_wanted++;
    }
    if (o->sort)
        tn__order_sort((tn_order_key *)(void *)f->order.data, f->n_wanted, how->descending);
    return TN_OK;
}

static const char *verdict(const tn_findings *f, uint32_t checks)
{
    if (f->worst == TN_ETRUNCATED)
        return "truncated";
    if (f->n)
        return "corrupt";
    return checks ? "whole, but the capture found failures" : "whole";
}

static bool is_check(const tn_fact *fact, bool *failed)
{
    size_t n = strlen(fact->key);
    *failed = n > 7 && strcmp(fact->key + n - 7, ".failed") == 0 && fact->kind == TN_FACT_UINT && fact->value.u > 0;
    return strncmp(fact->key, "check.", 6) == 0;
}

/* Chunks of one id in a line: what of a cut file is there. Ids beyond the table's end are those of other versions. */
enum { MAX_IDS = 64 };
typedef struct tn_id_row {
    char id[5];
    size_t chunks;
    uint64_t rows, stored;
} tn_id_row;

static size_t sum_ids(tn_snapshot *s, tn_id_row *ids)
{
    size_t n = 0;
    for (size_t i = 0; i < tn_snapshot_n_chunks(s); i++) {
        tn_chunk_info info;
        if (tn_snapshot_chunk(s, i, &info) < 0)
            continue;
        size_t at = 0;
        while (at < n && memcmp(ids[at].id, info.id, 4) != 0)
            at++;
        if (at == MAX_IDS)
            continue;
        if (at == n)
            memcpy(ids[n++].id, info.id, 4);
        ids[at].chunks++;
        ids[at].rows += info.n_rows;
        ids[at].stored += info.stored_bytes;
    }
    return n;
}

static void print_chunks(tn_snapshot *s, tn_out *out)
{
    tn_id_row ids[MAX_IDS] = {{{0}, 0, 0, 0}};
    size_t n = sum_ids(s, ids);
    char size[24];
    tn__out_format(out, "\nChunks (%zu)\n", tn_snapshot_n_chunks(s));
    for (size_t i = 0; i < n; i++) {
        tn__out_text(out, "  ");
        tn__out_escaped(out, ids[i].id);
        tn__out_format(out, " %6zu chunk%s %12" PRIu64 " rows  %12s\n", ids[i].chunks, ids[i].chunks == 1 ? " " : "s",
                       ids[i].rows, tn_format_bytes(ids[i].stored, size, sizeof size));
    }
}

static void write_text(tn_snapshot *s, const tn_findings *f, const tn_view_options *o, tn_out *out)
{
    uint32_t checks = tn__checks_failed(s);
    size_t n = n_rows(f, o);
    tn__out_format(out, "verdict: %s\n", verdict(f, checks));
    if (f->n)
        tn__out_format(out, "\nFindings in the file (%" PRIu32 ")\n", f->n);
    for (size_t i = 0; i < n; i++) {
        tn__out_format(out, "  at byte %" PRIu64 ": ", row(f, i)->offset);
        tn__out_escaped(out, row(f, i)->message);
        tn__out_text(out, "\n");
    }
    if (f->n_wanted > n)
        tn__out_format(out, "  <%zu more; use --limit 0 to see all>\n", f->n_wanted - n);
    if (f->n > f->n_wanted)
        tn__out_format(out, "  <%zu not selected>\n", f->n - f->n_wanted);
    tn__out_text(out, "\nSelf-checks of the capture\n");
    bool any = false, failed;
    for (size_t i = 0; i < tn_snapshot_n_facts(s); i++) {
        tn_fact fact;
        if (tn_snapshot_fact(s, i, &fact) < 0 || !is_check(&fact, &failed))
            continue;
        tn__out_text(out, failed ? "  FAILED  " : "          ");
        tn__out_escaped(out, fact.key + 6);
        tn__out_text(out, " = ");
        tn__fact_print(out, &fact);
        tn__out_text(out, "\n");
        any = true;
    }
    if (!any)
        tn__out_text(out, "  none recorded\n");
    print_chunks(s, out);
}

static void write_json(tn_snapshot *s, const tn_findings *f, const tn_view_options *o, tn_out *out)
{
    tn_json j;
    bool failed;
    tn__json_start(&j, out, "check");
    tn__json_string(&j, "verdict", f->worst == TN_ETRUNCATED ? "truncated" : f->n ? "corrupt" : "whole");
    tn__json_string(&j, "where", o->where);
    tn__json_open(&j, "findings", '[');
    for (size_t i = 0; i < n_rows(f, o); i++) {
        tn__json_line(&j);
        tn__json_open(&j, NULL, '{');
        tn__json_string(&j, "status", tn_status_name(row(f, i)->status));
        tn__json_u64(&j, "offset", row(f, i)->offset);
        tn__json_string(&j, "message", row(f, i)->message);
        tn__json_close(&j, '}');
    }
    tn__json_close(&j, ']');
    tn__json_u64(&j, "more", f->n_wanted - n_rows(f, o));
    tn__json_u64(&j, "filtered", f->n - f->n_wanted);
    tn__json_open(&j, "checks", '{');
    for (size_t i = 0; i < tn_snapshot_n_facts(s); i++) {
        tn_fact fact;
        if (tn_snapshot_fact(s, i, &fact) == TN_OK && is_check(&fact, &failed))
            tn__fact_json(&j, fact.key, &fact);
    }
    tn__json_close(&j, '}');
    tn__json_u64(&j, "checks_failed", tn__checks_failed(s));
    tn__json_open(&j, "chunks", '[');
    for (size_t i = 0; i < tn_snapshot_n_chunks(s); i++) {
        tn_chunk_info info;
        if (tn_snapshot_chunk(s, i, &info) < 0)
            continue;
        tn__json_line(&j);
        tn__json_open(&j, NULL, '{');
        tn__json_string(&j, "id", info.id);
        tn__json_u64(&j, "offset", info.offset);
        tn__json_u64(&j, "n_rows", info.n_rows);
        tn__json_u64(&j, "stored_bytes", info.stored_bytes);
        tn__json_u64(&j, "raw_bytes", info.raw_bytes);
        tn__json_close(&j, '}');
    }
    tn__json_close(&j, ']');
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
}

static int view(tn_snapshot *s, const tn_view_options *options, const tn_check_options *how, tn_findings *findings,
                const tn_sink *sink, tn_error *err)
{
    tn_error first;
    int status = tn_snapshot_check(s, keep, findings, &first);
    if (status < 0 && findings->n == 0 && findings->stopped.status == TN_OK)
        keep(findings, &first);
    if (findings->stopped.status < 0)
        return tn__error_set(err, findings->stopped.status, findings->stopped.offset, "%s", findings->stopped.message);
    TN_TRY(make_order(findings, options, how, err));
    tn_out out;
    tn__out_init(&out, sink);
    if (options->form == TN_JSON)
        write_json(s, findings, options, &out);
    else
        write_text(s, findings, options, &out);
    return tn__out_end(&out, err);
}

int tn_view_check(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, bool *sound, tn_error *err)
{
    tn_check_options how = {0};
    tn_findings findings = {0};
    TN_TRY(read_options(s, options, &how, err));
    tn__buf_init(&findings.rows, tn__snapshot_alloc(s));
    tn__buf_init(&findings.order, tn__snapshot_alloc(s));
    int status = tn__memory_told(s, view(s, options, &how, &findings, sink, err), err);
    if (status == TN_OK)
        *sound = findings.n == 0 && tn__checks_failed(s) == 0;
    tn__selection_free(&how.selection);
    tn__buf_free(&findings.rows);
    tn__buf_free(&findings.order);
    return status;
}
