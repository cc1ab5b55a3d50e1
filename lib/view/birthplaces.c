/* birthplaces.c - whether a file says who allocated, in a line of the summary, on the page of `info` and in its JSON. */
#include "view/info.h"
#include "view/summary.h"

#include "snapshot/reader.h"

#include <inttypes.h>

typedef struct birthplaces {
    uint32_t sites;
    uint64_t blocks, bytes, interval; /* in the file; alive, by the sums; 0: exact */
    double count;
} birthplaces;

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
}

void tn__birthplaces_print(tn_snapshot *s, tn_out *out)
{
    birthplaces b = {0};
    if (!look(s, &b))
        return;
    tn__out_format(out, "  sites of allocations             %" PRIu32 "\n", b.sites);
    tn__out_format(out, "  blocks whose site is known       %" PRIu64 "\n", b.blocks);
}

void tn__birthplaces_json(tn_json *j, tn_snapshot *s)
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
    tn__json_close(j, '}');
}
