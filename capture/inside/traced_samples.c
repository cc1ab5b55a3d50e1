/* traced_samples.c - see traced_samples.h. */
#include "inside/traced_samples.h"

#include "inside/sample.h"

enum { CHUNK_ROWS = 1 << 17 };

static int text(tn_walk *w, const char *name, uint32_t n, bool redact, uint32_t *row)
{
    static const char main_thread[] = "<main thread>";
    bool own = n == sizeof main_thread - 1 && memcmp(name, main_thread, n) == 0;
    return tn__strtab_add(tn_walk_strings(w), name, redact && !own ? 0 : n, row);
}

int tn_traced_samples_take(tn_walk *w, bool redact, uint32_t first_stack, tn_traced_samples *out)
{
    tn_sampled_row r;
    tn_sampled_now(&out->now);
    for (uint32_t id = 1; out->now.ever && tn_sampled_row_at(id, &r); id++) {
        tn_sample_row row = {.stack = r.stack ? first_stack + r.stack : 0,
                             .state = r.state,
                             .samples = r.samples,
                             .ns = r.ns,
                             .cpu_ns = r.cpu_ns};
        if (!r.samples)
            continue;
        TN_TRY(text(w, r.thread, r.n_thread, redact, &row.thread));
        TN_TRY(text(w, r.task, r.n_task, redact, &row.task));
        TN_TRY(tn__buf_append(&out->rows, &row, sizeof row));
    }
    return 0;
}

int tn_traced_samples_save(const tn_traced_samples *s, tn_writer *writer, tn_error *err)
{
    const tn_sample_row *rows = (const tn_sample_row *)(const void *)s->rows.data;
    size_t n = s->rows.size / sizeof *rows, at = 0;
    if (!s->now.ever)
        return 0;
    do {
        size_t some = n - at < CHUNK_ROWS ? n - at : CHUNK_ROWS;
        TN_TRY(tn_writer_table(writer, "SAMP", n ? (const void *)(rows + at) : "", some * sizeof *rows, some, err));
        at += some;
    } while (at < n);
    return 0;
}

void tn_traced_samples_tell(const tn_traced_samples *s, void (*number)(void *ctx, const char *key, uint64_t value),
                            void (*word)(void *ctx, const char *key, const char *word), void *ctx)
{
    const tn_sampled *now = &s->now;
    if (!now->ever && tn_sample_of_bytes)
        word(ctx, "sample.clock", "alloc");
    if (!now->ever)
        return;
    word(ctx, "sample.clock", tn_sample_clock_names[now->clock]);
    number(ctx, "sample.interval_ns", now->interval_ns);
    number(ctx, "sample.on", now->on);
    number(ctx, "sample.started_wall_ns", now->started_wall_ns);
    number(ctx, "sample.duration_ns", now->duration_ns);
    number(ctx, "sample.ticks", now->ticks);
    number(ctx, "sample.missed", now->missed);
    number(ctx, "sample.samples", now->samples);
    number(ctx, "sample.changing", now->changing);
    for (unsigned i = 0; i < TN_REJECTS; i++) {
        char key[64];
        tn__compose(key, sizeof key, "sample.rejected.%s", tn_sample_reject_names[i]);
        number(ctx, key, now->rejected[i]);
    }
    number(ctx, "sample.lost_stacks", now->lost_stacks);
    number(ctx, "sample.own.cpu_ns", now->own_cpu_ns);
    number(ctx, "sample.own.bytes", now->own_bytes);
    number(ctx, "sample.max_stacks", now->max_stacks);
}
