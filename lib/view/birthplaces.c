/* birthplaces.c - whether a file says who allocated, and of how many objects: in a line of the summary, on the page of `info`, in
 * its JSON, and below tables of sites. */
#include "analysis/sites.h"
#include "view/info.h"
#include "view/summary.h"

#include <inttypes.h>
#include <string.h>

typedef struct birthplaces {
    uint32_t sites;
    uint64_t blocks, bytes, interval; /* in the file; alive, by the sums; 0: exact */
    double count;
} birthplaces;

/* Then an object without a stack is told from one that was no sample. */
static bool is_exact(tn_snapshot *s)
{
    const char *mode = tn__fact_text(s, "trace.mode");
    return mode && strcmp(mode, "exact") == 0;
}

/* false: nothing was recorded. */
static bool look(tn_snapshot *s, birthplaces *b)
{
    const tn_site_row *rows = tn__snapshot_sites(s, &b->sites);
    if (!b->sites)
        return false;
    b->blocks = tn__column_rows(s, TN_COL_TADR);
    for (uint32_t i = 0; i < b->sites; i++) {
        b->bytes += (uint64_t)rows[i].live_bytes;
        b->count += rows[i].live_count;
    }
    if (!tn__fact_u64(s, "trace.interval_bytes", &b->interval))
        b->interval = 0;
    return true;
}

void tn__birthplaces_line(tn_snapshot *s, tn_out *out)
{
    birthplaces b = {0};
    char bytes[24], interval[24];
    if (!look(s, &b))
        return;
    tn__out_format(out, "%s %.0f block%s, %s, from %" PRIu32 " site%s",
                   b.interval ? "Recorded: about" : "Recorded:", b.count, b.count == 1 ? "" : "s",
                   tn_format_bytes(b.bytes, bytes, sizeof bytes), b.sites, b.sites == 1 ? "" : "s");
    if (b.interval)
        tn__out_format(out, ", by a sample every %s", tn_format_bytes(b.interval, interval, sizeof interval));
    tn__out_text(out, "\n");
    tn__reconnected_print(s, out);
}

void tn__reconnected_print(tn_snapshot *s, tn_out *out)
{
    uint64_t times;
    if (tn__fact_u64(s, "trace.reconnected", &times) && times)
        tn__out_format(out,
                       "note: another tool took the recorder's hooks out, %" PRIu64
                       " time%s: what was allocated before the last time is not known\n",
                       times, times == 1 ? "" : "s");
}

void tn__birthplaces_print(tn_snapshot *s, const tn_joined *n, tn_out *out)
{
    birthplaces b = {0};
    if (!look(s, &b))
        return;
    tn__out_format(out, "  sites of allocations             %" PRIu32 "\n", b.sites);
    tn__out_format(out, "  blocks whose site is known       %" PRIu64 "\n", b.blocks);
    if (!is_exact(s))
        return;
    tn__out_format(out, "  objects whose site is known      %" PRIu64 "\n", n->joined);
    tn__out_format(out, "    perhaps that of one before     %" PRIu64 "\n", n->maybe_stale);
    tn__out_format(out, "  objects older than recording     %" PRIu64 "\n", n->older);
    tn__out_format(out, "    or in the memory of one        %" PRIu64 "\n", n->doubtful);
}

static void joined_json(tn_json *j, const tn_joined *n)
{
    tn__json_open(j, "objects", '{');
    tn__json_u64(j, "joined", n->joined);
    tn__json_u64(j, "maybe_stale", n->maybe_stale);
    tn__json_u64(j, "older", n->older);
    tn__json_u64(j, "older_or_reused", n->doubtful);
    tn__json_open(j, "reused_types", '{');
    for (unsigned i = 0; i < TN_KEPT_TYPES; i++)
        if (n->by_type[i])
            tn__json_u64(j, tn__kept_types[i].name, n->by_type[i]);
    tn__json_close(j, '}');
    tn__json_close(j, '}');
}

void tn__birthplaces_json(tn_json *j, tn_snapshot *s, const tn_joined *n)
{
    birthplaces b = {0};
    if (!look(s, &b)) {
        tn__json_null(j, "recorded");
        return;
    }
    tn__json_open(j, "recorded", '{');
    tn__json_u64(j, "sites", b.sites);
    tn__json_u64(j, "blocks", b.blocks);
    tn__json_u64(j, "size", b.bytes);
    tn__json_double(j, "count", b.count);
    if (b.interval)
        tn__json_u64(j, "interval", b.interval);
    else
        tn__json_null(j, "interval");
    if (is_exact(s))
        joined_json(j, n);
    else
        tn__json_null(j, "objects");
    tn__json_close(j, '}');
}

static void print_types(const tn_joined *n, tn_out *out)
{
    const char *before = " (";
    for (unsigned i = 0; i < TN_KEPT_TYPES; i++)
        if (n->by_type[i]) {
            tn__out_format(out, "%s%s %" PRIu64, before, tn__kept_types[i].name, n->by_type[i]);
            before = ", ";
        }
    tn__out_text(out, *before == ',' ? ")" : "");
}

int tn__joined_of(tn_snapshot *s, tn_joined *out, tn_error *err)
{
    *out = (tn_joined){0};
    return is_exact(s) ? tn__sites_joined(s, out, err) : TN_OK;
}

int tn__joined_print(tn_snapshot *s, tn_out *out, const tn_view_options *o, tn_error *err)
{
    tn_joined n;
    TN_TRY(tn__joined_of(s, &n, err));
    if (!(n.joined + n.older + n.doubtful)) /* sampled, or an imported dump */
        return TN_OK;
    tn__out_wrap(out, o->width);
    tn__out_format(out, "note: %" PRIu64 " objects have the stack that made them", n.joined);
    if (n.older)
        tn__out_format(out, "; %" PRIu64 " are older than the recording", n.older);
    if (n.doubtful) {
        tn__out_format(out, "; %" PRIu64 " are, or have the memory of one that was", n.doubtful);
        print_types(&n, out);
    }
    tn__out_text(out, "\n");
    if (n.maybe_stale)
        tn__out_format(out,
                       "note: of those with a stack %" PRIu64 " may be made elsewhere: dead objects of their types are "
                       "kept for the next, whose block stands at the line that allocated it first\n",
                       n.maybe_stale);
    tn__out_unwrap(out);
    return TN_OK;
}
