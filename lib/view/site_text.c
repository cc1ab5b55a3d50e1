/* site_text.c - tables of sites as pages. */
#include "view/info.h"
#include "view/made_at.h"
#include "view/site_page.h"
#include "view/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static uint64_t positive(int64_t bytes)
{
    return bytes > 0 ? (uint64_t)bytes : 0;
}

const char *tn__site_shortened(const char *label, const tn_view_options *o, char *out, size_t cap)
{
    const char *at = label + strcspn(label, " ");
    int slashes = 0;
    if (o->width == UINT32_MAX || *label != '/')
        return label;
    while (at > label && slashes < 3)
        slashes += *--at == '/';
    if (at == label)
        return label;
    snprintf(out, cap, "…%s", at);
    return out;
}

static void add_label(tn_table *t, const tn_site_page *p, const tn_site_shown *r)
{
    char text[512], plain[600];
    if (p->asked.page == TN_SITES_CREATORS) {
        snprintf(plain, sizeof plain, "%*s%s", (int)(2 * (r->depth < 40 ? r->depth : 40)), "",
                 tn__site_shortened(r->label, p->o, text, sizeof text));
        tn__table_text(t, plain);
    } else
        tn__table_text(t, tn__site_shortened(r->label, p->o, text, sizeof text));
}

enum { INTERVAL_ROOM = 72 };

/* "1.7 MiB to 2.4 MiB": whole bytes outwards, since what it is of was rounded. */
static const char *interval_text(tn_interval range, bool with_sign, char *out, size_t cap)
{
    char low[32], high[32];
    if (with_sign) {
        tn__site_signed(floor(range.low), low, sizeof low);
        tn__site_signed(ceil(range.high), high, sizeof high);
    } else {
        tn_format_bytes(tn__site_whole(floor(range.low)), low, sizeof low);
        tn_format_bytes(tn__site_whole(ceil(range.high)), high, sizeof high);
    }
    snprintf(out, cap, "%s to %s", low, high);
    return out;
}

static void add_interval(tn_table *t, tn_interval range, bool with_sign)
{
    char text[INTERVAL_ROOM];
    tn__table_text(t, interval_text(range, with_sign, text, sizeof text));
}

static void add_average(tn_table *t, const tn_site_shown *r)
{
    tn__table_bytes(t, r->count > 0 ? tn__site_whole((double)positive(r->bytes) / r->count + 0.5) : 0);
}

static void add_percent(tn_table *t, const tn_site_shown *r)
{
    char text[32];
    if (!r->old_bytes)
        snprintf(text, sizeof text, "%s", r->bytes ? "new" : "");
    else
        snprintf(text, sizeof text, "%+.1f", 100 * ((double)r->bytes / (double)r->old_bytes - 1));
    tn__table_text(t, text);
}

static const char *heading_of(const tn_site_page *p)
{
    static const char *const words[TN_SITES_BYS] = {"Line",         "File",      "Function", "Module",
                                                    "Distribution", "Traceback", "Thread",   "Type at line"};
    return p->asked.page == TN_SITES_CREATORS ? "Line, and who called it" : words[p->asked.by];
}

enum { MOST_COLUMNS = 12 };

/* ---- one table each ---- */

static uint32_t compared_columns(const tn_site_page *p, tn_table_column *c)
{
    uint32_t n = 0;
    c[n++] = (tn_table_column){"Size", true, 0};
    c[n++] = (tn_table_column){"Change", true, 0};
    c[n++] = (tn_table_column){"%", true, 2};
    if (p->sampled) {
        c[n++] = (tn_table_column){"95 % of the change", true, 0};
        c[n++] = (tn_table_column){"Sure", false, 0};
    }
    c[n++] = (tn_table_column){"Count", true, 1};
    c[n++] = (tn_table_column){"Change", true, 1};
    c[n++] = (tn_table_column){"Average", true, 3};
    return n;
}

static void compared_cells(const tn_site_page *p, const tn_site_shown *r, tn_table *t)
{
    char text[40];
    tn__table_bytes(t, positive(r->bytes));
    tn__table_text(t, tn__site_signed((double)(r->bytes - r->old_bytes), text, sizeof text));
    add_percent(t, r);
    if (p->sampled) {
        add_interval(t, r->change, true);
        tn__table_text(t, r->significant ? "yes" : "no");
    }
    tn__table_u64(t, tn__site_count(r->count));
    snprintf(text, sizeof text, "%+" PRId64, (int64_t)(tn__site_count(r->count) - tn__site_count(r->old_count)));
    tn__table_text(t, text);
    add_average(t, r);
}

static uint32_t plain_columns(const tn_site_page *p, tn_table_column *c)
{
    uint32_t n = 0;
    c[n++] = (tn_table_column){"Size", true, 0};
    c[n++] = (tn_table_column){"%", true, 1};
    if (p->sampled)
        c[n++] = (tn_table_column){"95 % interval", true, 0};
    c[n++] = (tn_table_column){"Count", true, 0};
    c[n++] = (tn_table_column){"Average", true, 2};
    if (p->asked.retained)
        c[n++] = (tn_table_column){"Retained", true, 0};
    if (tn__site_knows_ever(p)) {
        c[n++] = (tn_table_column){"Allocated", true, 3};
        c[n++] = (tn_table_column){"Freed", true, 4};
    }
    if (p->asked.page == TN_SITES_AT_PEAK) {
        c[n++] = (tn_table_column){"Now", true, 0};
        c[n++] = (tn_table_column){"Own peak", true, 1};
    }
    if (p->asked.page == TN_SITES_SOON_FREED) {
        c[n++] = (tn_table_column){"Allocations", true, 0};
        c[n++] = (tn_table_column){"Soon freed %", true, 0};
    }
    return n;
}

static void plain_cells(const tn_site_page *p, const tn_site_shown *r, tn_table *t)
{
    const tn_site_sum *sum = r->pair ? r->pair->now : &p->now.total;
    tn__table_bytes(t, positive(r->bytes));
    tn__table_pct(t, positive(r->bytes), positive(p->total.bytes));
    if (p->sampled)
        add_interval(t, r->range, false);
    tn__table_u64(t, tn__site_count(r->count));
    add_average(t, r);
    if (p->asked.retained && r->retained != TN_UNKNOWN && r->pair != &p->pairs.total)
        tn__table_bytes(t, r->retained);
    else if (p->asked.retained)
        tn__table_text(t, "");
    if (tn__site_knows_ever(p)) {
        tn__table_bytes(t, positive(sum->bytes[TN_SITES_ALLOCATED]));
        tn__table_bytes(t, positive(tn__site_freed(sum)));
    }
    if (p->asked.page == TN_SITES_AT_PEAK) {
        tn__table_bytes(t, positive(sum->bytes[TN_SITES_LIVE]));
        tn__table_bytes(t, positive(sum->own_peak));
    }
    if (p->asked.page == TN_SITES_SOON_FREED) {
        tn__table_u64(t, tn__site_count(sum->count[TN_SITES_ALLOCATED]));
        tn__table_pct(t, tn__site_count(r->count), tn__site_count(sum->count[TN_SITES_ALLOCATED]));
    }
}

static uint32_t aged_columns(const tn_site_page *p, tn_table_column *c)
{
    uint32_t n = 0;
    c[n++] = (tn_table_column){"Size", true, 0};
    c[n++] = (tn_table_column){"Count", true, 1};
    c[n++] = (tn_table_column){p->sampled ? "Kept of 1000 samples" : "Kept of 1000 allocations", true, 0};
    c[n++] = (tn_table_column){"95 % interval", true, 0};
    c[n++] = (tn_table_column){"old to young", false, 0};
    return n;
}

/* Ten bars, the longest cohort the highest. */
static const char *curve_of(const tn_site_ages *ages, char text[TN_COHORTS * 3 + 1])
{
    static const char *const bars[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double most = 0;
    *text = '\0';
    for (int i = 0; i < TN_COHORTS; i++)
        most = ages->bytes[i] > most ? ages->bytes[i] : most;
    for (int i = 0; i < TN_COHORTS; i++) {
        int bar = most > 0 ? (int)ceil(ages->bytes[i] / most * 8) : 0;
        strcat(text, bars[bar]);
    }
    return text;
}

static void aged_cells(const tn_site_page *p, const tn_site_shown *r, tn_table *t)
{
    char bars[TN_COHORTS * 3 + 1];
    const tn_site_ages *ages = r->ages ? r->ages : &p->cohorts.total;
    tn__table_bytes(t, positive(r->bytes));
    tn__table_u64(t, tn__site_count(r->count));
    tn__table_bytes(t, tn__site_whole(ages->slope + 0.5));
    add_interval(t, ages->range, false);
    tn__table_text(t, curve_of(ages, bars));
}

/* ---- the page ---- */

/* When the high-water mark was, and how much more that is than what is alive. */
static void print_peak(const tn_site_page *p, tn_out *out)
{
    tn_site_peak peak;
    char size[24], before[40];
    if (p->asked.page != TN_SITES_AT_PEAK || p->old || !tn__site_peak(p->snapshot, &peak))
        return;
    tn__out_format(out, "the peak was %s more than now, after %" PRIu64 " of %" PRIu64 " %s",
                   tn_format_bytes(peak.above, size, sizeof size), peak.birth, peak.births,
                   p->sampled ? "samples" : "allocations");
    if (peak.before_ns != TN_UNKNOWN) {
        tn__fact_duration(peak.before_ns, before, sizeof before);
        tn__out_format(out, ", some %s before the snapshot", before);
    }
    tn__out_text(out, "\n");
}

static void print_total_line(const tn_site_page *p, tn_out *out)
{
    char size[24], range[INTERVAL_ROOM];
    static const char *const words[TN_SITES_WHATS] = {"alive", "allocated", "soon freed", "alive at the peak"};
    tn__out_wrap(out, p->o->width);
    tn__out_format(out, "%s in %" PRIu64 " block%s %s", tn_format_bytes(positive(p->total.bytes), size, sizeof size),
                   tn__site_count(p->total.count), tn__site_count(p->total.count) == 1 ? "" : "s",
                   words[p->asked.what]);
    if (p->sampled)
        tn__out_format(out, "; 95 %% interval %s, sampled every %s",
                       interval_text(p->total.range, false, range, sizeof range),
                       tn_format_bytes(tn__site_whole(tn__site_interval_bytes(p)), size, sizeof size));
    if (p->old)
        tn__out_format(out, "; %s", tn__site_signed((double)(p->total.bytes - p->total.old_bytes), size, sizeof size));
    tn__out_text(out, "\n");
    print_peak(p, out);
    tn__out_unwrap(out);
}

static void print_compared(const tn_site_page *p, tn_out *out)
{
    uint64_t wall;
    char when[40];
    if (!p->old)
        return;
    tn__out_wrap(out, p->o->width);
    tn__out_text(out, "compared with ");
    if (p->old_name)
        tn__out_escaped(out, p->old_name);
    else
        tn__out_text(out, "the snapshot");
    if (tn__fact_u64(p->old, "capture.wall_time_ns", &wall)) {
        tn__fact_time(wall, when, sizeof when);
        tn__out_format(out, " of %s", when);
    }
    tn__out_text(out, !tn__site_process_told(p) ? "; of which process is not told\n"
                      : p->pairs.same_process   ? ", of the same process\n"
                                                : ", of another process\n");
    tn__out_unwrap(out);
}

/* What a stack that was cut says nothing of. */
static void print_depth(const tn_site_page *p, tn_out *out)
{
    uint64_t depth;
    bool outwards = p->asked.cumulative || p->asked.page == TN_SITES_CREATORS || p->asked.by == TN_SITES_TRACEBACK;
    if (outwards && tn__fact_u64(p->snapshot, "trace.depth", &depth) && depth)
        tn__out_format(out,
                       "note: stacks were cut at %" PRIu64 " frame%s: " TN_SITE_CUT
                       " stands for what is further out, which is not known\n",
                       depth, depth == 1 ? "" : "s");
}

static int print_notes(const tn_site_page *p, tn_out *out, tn_error *err)
{
    static const char *const causes[] = {"memory", "stack", "site", "code", "sample", "replaced"};
    tn_snapshot *s = p->snapshot;
    uint64_t dropped = 0, n;
    print_depth(p, out);
    tn__reconnected_print(s, out);
    if (p->asked.retained)
        tn__out_text(out,
                     "note: Size is what was asked for, Retained what allocators gave, with what other lines made\n");
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        char name[40];
        snprintf(name, sizeof name, "trace.dropped.%s", causes[i]);
        if (tn__fact_u64(s, name, &n))
            dropped += n;
    }
    if (dropped)
        tn__out_format(
            out, "note: the recorder left out %" PRIu64 " allocations or stacks; see trace.dropped in tonnage info\n",
            dropped);
    if (p->asked.page == TN_SITES_TABLE && !p->sampled)
        return tn__joined_print(s, out, p->o, err);
    const char *lists = tn__fact_text(s, "trace.free_lists");
    if (lists && strcmp(lists, "track") != 0)
        tn__out_text(
            out, "note: blocks that free lists kept and gave out again stand at the line that allocated them first\n");
    return TN_OK;
}

static void print_change(const tn_site_page *p, const tn_site_shown *r, tn_out *out)
{
    char range[INTERVAL_ROOM];
    if (r->old_bytes)
        tn__out_format(out, "    change: %+.1f %%", 100 * ((double)r->bytes / (double)r->old_bytes - 1));
    else
        tn__out_text(out, "    change: new");
    if (p->sampled)
        tn__out_format(out, "; 95 %% interval %s; sure: %s", interval_text(r->change, true, range, sizeof range),
                       r->significant ? "yes" : "no");
    tn__out_text(out, "\n");
}

/* What a row has besides in the table of its page. */
static void print_numbers(const tn_site_page *p, const tn_site_shown *r, tn_out *out)
{
    char low[24], high[24], range[INTERVAL_ROOM];
    const tn_site_sum *sum = r->pair->now;
    if (p->old) {
        print_change(p, r, out);
        return;
    }
    if (p->sampled)
        tn__out_format(out, "    95 %% interval of the size: %s\n",
                       interval_text(r->range, false, range, sizeof range));
    if (tn__site_knows_ever(p))
        tn__out_format(out, "    allocated: %s; freed: %s\n",
                       tn_format_bytes(positive(sum->bytes[TN_SITES_ALLOCATED]), low, sizeof low),
                       tn_format_bytes(positive(tn__site_freed(sum)), high, sizeof high));
    if (p->asked.page == TN_SITES_AT_PEAK)
        tn__out_format(out, "    now: %s; own peak: %s\n",
                       tn_format_bytes(positive(sum->bytes[TN_SITES_LIVE]), low, sizeof low),
                       tn_format_bytes(positive(sum->own_peak), high, sizeof high));
    if (p->asked.page == TN_SITES_SOON_FREED)
        tn__out_format(out, "    allocations: %" PRIu64 "; soon freed: %.1f %%\n",
                       tn__site_count(sum->count[TN_SITES_ALLOCATED]),
                       sum->count[TN_SITES_ALLOCATED] > 0 ? 100 * r->count / sum->count[TN_SITES_ALLOCATED] : 0);
    if (r->ages) {
        char kept[24], bars[TN_COHORTS * 3 + 1];
        tn__out_format(out, "    kept of 1000 %s: %s; 95 %% interval %s; old to young: %s\n",
                       p->sampled ? "samples" : "allocations",
                       tn_format_bytes(tn__site_whole(r->ages->slope + 0.5), kept, sizeof kept),
                       interval_text(r->ages->range, false, range, sizeof range), curve_of(r->ages, bars));
    }
}

/* A stack on lines of its own, below the numbers of its row; what has none has a name before them. */
static int print_tracebacks(const tn_site_page *p, tn_out *out, tn_error *err)
{
    tn_buf words;
    int status = TN_OK;
    tn__buf_init(&words, p->now.alloc);
    for (size_t i = 0; status == TN_OK && i < p->n_shown; i++) {
        status = tn__site_words(p, &p->shown[i], &words, err);
        if (status < 0)
            break;
        const tn_site_shown *r = &p->shown[i];
        size_t name = r->entry ? strlen(r->label) + strlen(": ") : 0;
        tn__out_escaped(out, (const char *)words.data + name);
        tn__out_text(out, "\n");
        print_numbers(p, r, out);
        status = tn__frames_print(r->table->snapshot, r->entry, "    ", "    ", TN_FRAMES_SHOWN + 1, out, err);
    }
    tn__buf_free(&words);
    return status;
}

static int print_rows(const tn_site_page *p, tn_out *out, tn_error *err)
{
    tn_table_column columns[MOST_COLUMNS];
    tn_table t;
    bool aged = p->asked.page == TN_SITES_SURVIVORS;
    uint32_t n = aged ? aged_columns(p, columns) : p->old ? compared_columns(p, columns) : plain_columns(p, columns);
    columns[n++] = (tn_table_column){heading_of(p), false, 0};
    tn__table_init(&t, p->now.alloc, columns, n);
    for (size_t i = 0; i <= p->n_shown; i++) {
        const tn_site_shown *r = i < p->n_shown ? &p->shown[i] : &p->total;
        if (aged)
            aged_cells(p, r, &t);
        else if (p->old)
            compared_cells(p, r, &t);
        else
            plain_cells(p, r, &t);
        if (i < p->n_shown)
            add_label(&t, p, r);
        else
            tn__table_text(&t, "total");
    }
    int status = t.status < 0 ? tn__no_memory(p->snapshot, err) : TN_OK;
    if (status == TN_OK)
        tn__table_print(&t, out, p->o);
    tn__table_free(&t);
    return status;
}

int tn__site_text_page(tn_site_page *p, tn_out *out, tn_error *err)
{
    tn_view_options o = *p->o;
    o.against = NULL; /* said below, in other words */
    tn__heading_print(p->snapshot, out, &o);
    print_compared(p, out);
    print_total_line(p, out);
    tn__out_text(out, "\n");
    TN_TRY(p->asked.by == TN_SITES_TRACEBACK ? print_tracebacks(p, out, err) : print_rows(p, out, err));
    if (p->n_more)
        tn__out_format(out, "<%zu more row%s; use --limit 0 to see all>\n", p->n_more, p->n_more == 1 ? "" : "s");
    tn__filtered_print(out, p->n_filtered);
    return print_notes(p, out, err);
}
