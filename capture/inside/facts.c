/* facts.c - the chunk FACT (docs/facts.md), written after the world runs again. No Python.h. */
#include "inside/inside.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/utsname.h>
#include <unistd.h>

typedef struct facts {
    tn_buf rows;
    tn_strtab *strings;
    bool redact;
    int status;
} facts;

static void put(facts *f, const char *key, uint32_t kind, uint64_t value)
{
    tn_fact_row row = {0, kind, value};
    if (f->status < 0)
        return;
    int status = tn__strtab_add(f->strings, key, strlen(key), &row.key);
    if (status == 0)
        status = tn__buf_append(&f->rows, &row, sizeof row);
    f->status = status;
}

static void number(facts *f, const char *key, uint64_t value)
{
    put(f, key, TN_FACT_UINT, value);
}

__attribute__((format(printf, 3, 4))) static void number_named(facts *f, uint64_t value, const char *format, ...)
{
    char key[96];
    va_list args;
    va_start(args, format);
    tn__compose_list(key, sizeof key, format, args);
    va_end(args);
    number(f, key, value);
}

/* Text that only says what kind of process this is; private text goes through secret(). */
static void text(facts *f, const char *key, const char *value, size_t n)
{
    uint32_t row = 0;
    if (f->status < 0)
        return;
    int status = tn__strtab_add(f->strings, value, n, &row);
    f->status = status;
    put(f, key, TN_FACT_TEXT, row);
}

static void tell_number(void *ctx, const char *key, uint64_t value)
{
    number(ctx, key, value);
}

static void tell_word(void *ctx, const char *key, const char *word)
{
    text(ctx, key, word, strlen(word));
}

static void secret(facts *f, const char *key, const char *value, size_t n)
{
    if (!f->redact)
        text(f, key, value, n);
}

/* ---- process and platform ---- */

static void add_argv(facts *f, const tn_process_report *p)
{
    unsigned i = 0;
    for (const char *at = p->argv; at < p->argv + p->argv_bytes && i < 1024; at += strlen(at) + 1) {
        char key[32];
        tn__compose(key, sizeof key, "process.argv.%u", i++);
        secret(f, key, at, strlen(at));
    }
}

static void add_path(facts *f, const char *key, const char *value)
{
    if (*value)
        secret(f, key, value, strlen(value));
}

static void add_process(facts *f, const tn_process_report *p)
{
    number(f, "process.pid", p->pid);
    add_path(f, "process.host", p->host);
    add_path(f, "process.executable", p->executable);
    add_path(f, "process.cwd", p->cwd);
    add_argv(f, p);
    number(f, "process.start_time_ns", p->start_time_ns);
}

static void add_platform(facts *f)
{
    struct utsname u;
    if (uname(&u) == 0) {
        text(f, "platform.system", u.sysname, strlen(u.sysname));
        text(f, "platform.release", u.release, strlen(u.release));
        text(f, "platform.machine", u.machine, strlen(u.machine));
    }
}

static void add_python(facts *f, const tn_inside *inside, const tn_walk_report *r)
{
    const char *space = strchr(inside->version, ' ');
    text(f, "python.implementation", "cpython", 7);
    text(f, "python.version", inside->version, space ? (size_t)(space - inside->version) : strlen(inside->version));
    number(f, "python.hexversion", inside->hexversion);
    char layout[32];
    tn__compose(layout, sizeof layout, "%s%s", inside->target.layout->name, inside->listed ? "" : " (unlisted)");
    text(f, "python.layout", layout, strlen(layout));
    text(f, "python.allocator", inside->allocator, strlen(inside->allocator));
    number(f, "python.interpreters", inside->n_interpreters);
}

/* ---- memory ---- */

static void add_status(facts *f, const tn_process_report *p)
{
    char buffer[sizeof p->status], *save = NULL;
    memcpy(buffer, p->status, sizeof buffer);
    for (char *line = strtok_r(buffer, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        uint64_t bytes;
        char *colon = strchr(line, ':'), key[32];
        if (!colon || (strncmp(line, "Vm", 2) != 0 && strncmp(line, "Rss", 3) != 0))
            continue;
        tn__compose(key, sizeof key, "%.*s", (int)(colon - line), line);
        if (tn_process_kib(line, key, &bytes))
            number_named(f, bytes, "status.%s", key);
    }
}

static void add_malloc(facts *f, const tn_process_memory *p)
{
    if (!p->malloc_known)
        return;
    text(f, "malloc.kind", "glibc", 5);
    number(f, "malloc.in_use_bytes", p->malloc_in_use);
    number(f, "malloc.free_bytes", p->malloc_free);
    number(f, "malloc.mmap_bytes", p->malloc_mmap);
}

/* While a child has the same pages, a proportional share says nothing of the process alone. */
static void add_memory(facts *f, const tn_process_report *p, const tn_save *save)
{
    number(f, "memory.read_after_ns", p->read_ns - save->times.monotonic_ns);
    add_status(f, p);
    for (unsigned i = 0; i < TN_MEMORY_CLASSES; i++) {
        const tn_class_memory *c = &p->memory.classes[i];
        const char *name = tn_memory_class_names[i];
        number_named(f, c->size, "smaps.%s.size_bytes", name);
        number_named(f, c->rss, "smaps.%s.rss_bytes", name);
        if (save->choice.mode == TN_MODE_STOP)
            number_named(f, c->pss, "smaps.%s.pss_bytes", name);
        number_named(f, c->swap, "smaps.%s.swap_bytes", name);
    }
    add_malloc(f, &p->memory);
}

/* Arenas may have come and gone since the pause; the kernel answers for what is mapped now. */
static uint64_t arenas_resident(const tn_walk *w)
{
    size_t n;
    uint64_t sum = 0;
    const uint64_t *arenas = tn_walk_arenas(w, &n);
    for (size_t i = 0; i < n; i++)
        sum += tn_process_resident(arenas[i], 1 << 20);
    return sum;
}

static void add_pools(facts *f, const tn_pool_stats *p, uint64_t resident)
{
    if (!p->arenas)
        return;
    number(f, "pymalloc.arenas", p->arenas);
    number(f, "pymalloc.arena_bytes", p->arena_bytes);
    number(f, "pymalloc.resident_bytes", resident);
    number(f, "pymalloc.pools", p->pools);
    number(f, "pymalloc.pools_free", p->pools_free);
    number(f, "pymalloc.blocks", p->blocks);
    number(f, "pymalloc.block_bytes", p->block_bytes);
    number(f, "pymalloc.free_bytes", p->free_bytes);
    number(f, "freelist.objects", p->freelist);
    number(f, "freelist.bytes", p->freelist_bytes);
    for (unsigned i = 0; i < 32; i++) {
        if (!p->class_pools[i])
            continue;
        number_named(f, p->class_pools[i], "pymalloc.class.%u.pools", (i + 1) * 16);
        number_named(f, p->class_blocks[i], "pymalloc.class.%u.blocks", (i + 1) * 16);
        number_named(f, p->class_free[i], "pymalloc.class.%u.free", (i + 1) * 16);
    }
}

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Bytes that are counted and have no page in memory: of large blocks of objects, and of the rest of malloc's heap. smaps
 * tells how much of a mapping that is; mincore() where, but it takes pages that were read and never written for resident,
 * and those of a file that others have in memory. */
typedef struct absence {
    uint64_t objects, heap;
} absence;

static uint64_t absent_by_mincore(uint64_t start, uint64_t end)
{
    return minus(end - start, tn_process_resident(start, end - start));
}

/* blocks: in order; *at: the first that does not end before the mapping. */
static void add_absent(absence *a, const tn_mapping *m, uint64_t rss, bool heap, const tn_range *blocks, size_t n,
                       size_t *at)
{
    uint64_t vacant = minus(m->end - m->start, rss), covered = 0, seen = 0;
    while (*at < n && blocks[*at].end <= m->start)
        ++*at;
    for (size_t i = *at; i < n && blocks[i].start < m->end; i++) {
        uint64_t start = blocks[i].start > m->start ? blocks[i].start : m->start;
        uint64_t end = blocks[i].end < m->end ? blocks[i].end : m->end;
        covered += end - start;
        seen += absent_by_mincore(start, end);
    }
    uint64_t inside = covered ? minus(vacant, minus(absent_by_mincore(m->start, m->end), seen)) : 0;
    inside = inside < covered ? inside : covered;
    a->objects += inside;
    a->heap += heap ? vacant - inside : 0;
}

static int read_smaps(tn_buf *out)
{
    char piece[16384];
    int fd = tn__sys_aside(open("/proc/self/smaps", O_RDONLY | O_CLOEXEC)), status = fd < 0 ? TN_EIO : 0;
    ssize_t n = 0;
    while (status == 0 && (n = read(fd, piece, sizeof piece)) > 0)
        status = tn__buf_append(out, piece, (size_t)n);
    if (fd >= 0)
        close(fd);
    return status < 0 ? status : tn__buf_append(out, "", 1);
}

static absence not_resident(facts *f, const tn_process_memory *p, const tn_walk *w)
{
    size_t n, at = 0;
    absence a = {0, 0};
    tn_mapping m = {0};
    uint64_t rss;
    const tn_range *large = tn_walk_large_blocks(w, &n);
    tn_buf text, blocks;
    tn__buf_init(&text, &tn__alloc_pages);
    tn__buf_init(&blocks, &tn__alloc_pages);
    int status = read_smaps(&text);
    if (status == 0 && n)
        status = tn__buf_append(&blocks, large, n * sizeof *large);
    if (status == TN_ENOMEM)
        f->status = status;
    bool known = status == 0;
    tn_range *sorted = (tn_range *)(void *)blocks.data;
    tn_process_sort(sorted, known ? (uint32_t)n : 0);
    for (char *save = NULL, *line = known ? strtok_r((char *)text.data, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        if (tn_process_mapping(line, &m) || !tn_process_kib(line, "Rss", &rss))
            continue;
        bool heap = p->malloc_known && tn_process_class(&m, 0) == TN_MEMORY_HEAP;
        add_absent(&a, &m, rss, heap, sorted, n, &at);
    }
    tn__buf_free(&text);
    tn__buf_free(&blocks);
    return a;
}

static uint64_t own_resident(const tn_walk *w)
{
    size_t n;
    uint64_t sum = 0;
    const tn_range *pieces = tn_walk_own_memory(w, &n);
    for (size_t i = 0; i < n; i++)
        sum += tn_process_resident(pieces[i].start, pieces[i].end - pieces[i].start);
    return sum;
}

/* The resident set, row by row: docs/facts.md. What is counted but has no page is taken off again, as far as it was
 * measured. Whatever the rows still claim beyond the resident set is a row of its own and a self-check: a mistake of ours
 * must not pass for memory that was swapped out. */
static void add_ledger(facts *f, const tn_process_memory *p, const tn_walk_report *r, const tn_walk *w, uint64_t arenas,
                       uint64_t recorder)
{
    uint64_t rss = 0, own = r->totals.own_bytes + recorder;
    for (unsigned i = 0; i < TN_MEMORY_CLASSES; i++)
        rss += p->classes[i].rss;
    rss = minus(rss, own_resident(w));
    uint64_t blocks = minus(r->pools.block_bytes, r->totals.pymalloc_bytes + r->totals.own_bytes);
    uint64_t pool_free = r->pools.arenas ? minus(arenas, r->pools.block_bytes) : 0;
    uint64_t native = p->malloc_known ? minus(p->malloc_in_use, r->totals.malloc_bytes) : 0;
    uint64_t known = r->totals.bytes + own + blocks + pool_free + native + p->malloc_free +
                     p->classes[TN_MEMORY_FILE].rss + p->classes[TN_MEMORY_STACK].rss +
                     p->classes[TN_MEMORY_SHARED].rss;
    absence a = not_resident(f, p, w);
    uint64_t absent = a.objects + a.heap, overcounted = minus(known, rss + absent);
    number(f, "objects.not_resident_bytes", a.objects);
    number(f, "ledger.rss_bytes", rss);
    number(f, "ledger.objects_bytes", r->totals.bytes);
    number(f, "ledger.tonnage_bytes", own);
    number(f, "ledger.python_blocks_bytes", blocks);
    number(f, "ledger.pymalloc_free_bytes", pool_free);
    number(f, "ledger.malloc_other_bytes", native);
    number(f, "ledger.malloc_free_bytes", p->malloc_free);
    number(f, "ledger.mapped_files_bytes", p->classes[TN_MEMORY_FILE].rss);
    number(f, "ledger.stacks_bytes", p->classes[TN_MEMORY_STACK].rss);
    number(f, "ledger.shared_bytes", p->classes[TN_MEMORY_SHARED].rss);
    number(f, "ledger.unknown_bytes", minus(rss + absent, known));
    number(f, "ledger.not_resident_bytes", absent);
    number(f, "ledger.overcounted_bytes", overcounted);
    number(f, "check.ledger.overcounted_bytes", overcounted);
}

/* Of a forked child: what it has of its parent's private memory is as it was in the pause; files and shared memory come
 * into a process page by page, so for these the parent's word is taken, if there is one. */
static void memory_of_ledger(const tn_save *save, const tn_process_report *p, tn_process_memory *out)
{
    static const enum tn_memory_class copied[] = {TN_MEMORY_HEAP, TN_MEMORY_ANONYMOUS, TN_MEMORY_STACK};
    tn_process_memory here;
    if (save->choice.mode == TN_MODE_STOP && p) {
        *out = p->memory;
        return;
    }
    tn_process_memory_read(&here, false);
    *out = p ? p->memory : here;
    for (unsigned i = 0; i < sizeof copied / sizeof *copied; i++)
        out->classes[copied[i]] = here.classes[copied[i]];
}

/* ---- capture ---- */

static void add_mode(facts *f, const tn_save *save)
{
    static const char *const names[] = {"auto", "stop", "fork"};
    const char *asked = names[save->options->mode], *used = names[save->choice.mode];
    text(f, "capture.mode", used, strlen(used));
    text(f, "capture.mode_asked", asked, strlen(asked));
    text(f, "capture.mode_reason", save->choice.reason, strlen(save->choice.reason));
}

static void add_capture(facts *f, const tn_save *save, const tn_walk_report *r)
{
    const tn_walk_options *o = &save->options->walk;
    const tn_capture_times *times = &save->times;
    text(f, "capture.tool_version", TN_VERSION, strlen(TN_VERSION));
    add_mode(f, save);
    text(f, "capture.scope", o->from ? "reachable" : "all", o->from ? 9 : 3);
    number(f, "capture.wall_time_ns", times->wall_ns);
    number(f, "capture.monotonic_ns", times->monotonic_ns);
    number(f, "capture.pause_ns", times->pause_ns);
    number(f, "capture.mark_ns", r->mark_ns);
    number(f, "capture.emit_ns", r->emit_ns);
    number(f, "capture.threads", r->threads);
    number(f, "capture.own_bytes", r->peak_bytes);
    number(f, "capture.previews_bytes", o->preview_bytes);
    number(f, "capture.previews_eligible", r->totals.previews_eligible);
    number(f, "capture.previews_kept", r->totals.previews_kept);
    number(f, "capture.data_read_bytes", r->totals.data_bytes);
    number(f, "capture.redacted", o->redact);
    number(f, "memory.rss_bytes", times->rss_bytes);
    number(f, "objects.count", r->totals.count);
    number(f, "objects.bytes", r->totals.bytes);
    number(f, "objects.pymalloc_bytes", r->totals.pymalloc_bytes);
    number(f, "objects.malloc_bytes", r->totals.malloc_bytes);
    number(f, "objects.external_bytes", r->totals.external_bytes);
    number(f, "own.count", r->totals.own_count);
    number(f, "own.bytes", r->totals.own_bytes);
}

static void add_checks(facts *f, const tn_walk_report *r)
{
    number(f, "check.pools.failed", r->pools.failed);
    number(f, "check.lists.failed", r->lists_failed);
    number(f, "check.types.unknown", r->types_unknown);
    number(f, "check.unreadable.failed", r->unreadable);
    number(f, "check.findings.failed", r->findings);
    number(f, "check.blocks.unclaimed", r->pools.unclaimed);
    number(f, "check.blocks.unclaimed_bytes", r->pools.unclaimed_bytes);
    number(f, "check.objects.hidden", r->pools.hidden);
}

static void add_traverse_failures(facts *f, const tn_walk *w)
{
    tn_walk_failure failure;
    uint32_t n = 0;
    for (; tn_walk_failure_at(w, n, &failure); n++) {
        char key[40];
        const char *how = failure.hung ? "hung" : "crashed";
        tn__compose(key, sizeof key, "traverse.%u.type", n);
        put(f, key, TN_FACT_TEXT, failure.name);
        tn__compose(key, sizeof key, "traverse.%u.how", n);
        text(f, key, how, strlen(how));
    }
    number(f, "check.traverse.failed", n);
}

static void add_gc(facts *f, const tn_inside *inside, const tn_walk_report *r)
{
    const tn_target *t = &inside->target;
    for (unsigned i = 0; i < 3; i++) {
        number_named(f, r->list_counts[i], "gc.generation.%u.objects", i);
        number_named(f, tn_load32(&t->memory, t->gc_heads[i] + 16), "gc.generation.%u.threshold", i);
        number_named(f, tn_load32(&t->memory, t->gc_heads[i] + 20), "gc.generation.%u.count", i);
    }
    number(f, "gc.permanent.objects", r->list_counts[3]);
    number(f, "gc.enabled", tn_load32(&t->memory, t->interpreter + t->layout->interp_gc + t->layout->gc_enabled));
}

static void add_threads(facts *f, const tn_walk *w, const tn_walk_report *r)
{
    tn_walk_thread t;
    number(f, "process.threads", r->n_threads);
    for (uint32_t i = 0; tn_walk_thread_at(w, i, &t); i++) {
        char key[32];
        number_named(f, t.ident, "thread.%u.ident", i);
        number_named(f, t.native_id, "thread.%u.native_id", i);
        number_named(f, t.n_frames, "thread.%u.frames", i);
        number_named(f, t.node, "thread.%u.node", i);
        number_named(f, t.current, "thread.%u.holds_gil", i);
        tn__compose(key, sizeof key, "thread.%u.name", i);
        if (t.name != TN_NONE)
            put(f, key, TN_FACT_TEXT, t.name);
    }
}

static void add_user(facts *f, const tn_capture_options *o)
{
    for (uint32_t i = 0; i < o->n_user; i++) {
        const tn_user_row *row = &o->user[i];
        char key[32];
        tn__compose(key, sizeof key, "user.%u.title", i);
        secret(f, key, row->title, row->n_title);
        tn__compose(key, sizeof key, "user.%u.format", i);
        text(f, key, row->format, row->n_format);
        tn__compose(key, sizeof key, "user.%u.value", i);
        put(f, key, row->kind, row->value);
    }
}

int tn_facts_save(const tn_save *save, const tn_walk_report *report, const tn_process_report *process, tn_walk *w,
                  tn_writer *writer, tn_error *err)
{
    facts f = {.strings = tn_walk_strings(w), .redact = save->options->walk.redact};
    tn__buf_init(&f.rows, &tn__alloc_pages);
    uint64_t arenas = arenas_resident(w);
    add_capture(&f, save, report);
    if (process)
        add_process(&f, process);
    add_platform(&f);
    add_python(&f, save->inside, report);
    if (process)
        add_memory(&f, process, save);
    add_pools(&f, &report->pools, arenas);
    add_gc(&f, save->inside, report);
    add_threads(&f, w, report);
    add_user(&f, save->options);
    tn_traced_tell(save->traced, tell_number, tell_word, &f);
    if (!save->options->walk.from) {
        tn_process_memory memory;
        memory_of_ledger(save, process, &memory);
        add_ledger(&f, &memory, report, w, arenas, tn_traced_resident(save->traced));
        add_checks(&f, report);
        add_traverse_failures(&f, w);
    }
    int status = f.status < 0 ? tn__error_set(err, f.status, 0, TN_NO_MEMORY_TO_WRITE) : 0;
    if (status == 0)
        status = tn_writer_table(writer, "FACT", f.rows.data, f.rows.size, f.rows.size / sizeof(tn_fact_row), err);
    tn__buf_free(&f.rows);
    return status < 0 ? status : tn_writer_strings(writer, f.strings, err);
}
