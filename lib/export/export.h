/* export.h - snapshots in the formats of other programs. Private to lib/export.
 *
 *   export.c   which format; what is selected; to a sink, or to a file that is whole or not there
 *   csv.c      one file a format: the members of a set, written as a stream; profile.h has those of stacks
 */
#ifndef TN_EXPORT_H
#define TN_EXPORT_H

#include "base/base.h"
#include "snapshot/reader.h"
#include "view/view.h"

/* One export under way. Memory comes from tn__snapshot_alloc; what is written goes through out, which remembers that the
 * sink refused. */
typedef struct tn_export_job {
    tn_snapshot *snapshot;
    const tn_export_options *options;
    const tn_set *selected; /* the objects that it is about; never one of tonnage's own */
    tn_out *out;
} tn_export_job;

/* Appends text as views escape it. TN_ENOMEM. */
int tn__buf_escaped(tn_buf *out, const char *text);
int tn__buf_quoted(tn_buf *out, const char *text); /* as Python's repr */

/* ---- one function a format: a row of the table in export.c ---- */
int tn__export_csv(const tn_export_job *job, tn_error *err);
int tn__export_heapsnapshot(const tn_export_job *job, tn_error *err);
int tn__export_meliae(const tn_export_job *job, tn_error *err);
int tn__export_pprof(const tn_export_job *job, tn_error *err);
int tn__export_speedscope(const tn_export_job *job, tn_error *err);
int tn__export_collapsed(const tn_export_job *job, tn_error *err);
int tn__export_pstats(const tn_export_job *job, tn_error *err);
int tn__export_plop(const tn_export_job *job, tn_error *err);

#endif
