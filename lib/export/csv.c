/* csv.c - rows of text with commas between (RFC 4180). */
#include "export/export.h"

#include <inttypes.h>

static int write_row(const tn_export_job *job, uint32_t id, tn_error *err)
{
    tn_node node;
    tn_type type;
    TN_TRY(tn_node_get(job->snapshot, id, &node, err));
    TN_TRY(tn_snapshot_type(job->snapshot, node.type, &type));
    tn__out_format(job->out, "%" PRIu64 ",\"", node.address);
    tn__out_escaped(job->out, type.full_name);
    tn__out_format(job->out, "\",%" PRIu64 "\r\n", node.size);
    return TN_OK;
}

int tn__export_csv(const tn_export_job *job, tn_error *err)
{
    tn__out_text(job->out, "address,type,size\r\n");
    for (uint32_t id = tn_set_next(job->selected, 0); id != TN_NONE; id = tn_set_next(job->selected, id + 1))
        TN_TRY(write_row(job, id, err));
    return TN_OK;
}
