/* stream.h - one column of a snapshot from row to row, of which nothing is kept but a block. Private to lib/. */
#ifndef TN_STREAM_H
#define TN_STREAM_H

#include "base/base.h"
#include "snapshot/reader.h"

/* One column read forwards, block by block; blocks in which nothing is asked for are not decoded. */
typedef struct tn_stream {
    tn_snapshot *snapshot;
    enum tn_column column;
    unsigned slot;
    bool present;
    tn_block block;
} tn_stream;

void tn__stream_open(tn_stream *st, tn_snapshot *s, enum tn_column column, unsigned slot);
int tn__stream_turn(tn_stream *st, uint64_t row, tn_error *err); /* to the block of a row */
static inline int tn__stream_at(tn_stream *st, uint64_t row, uint64_t *out, tn_error *err)
{
    if (row - st->block.first_row >= st->block.n_rows)
        TN_TRY(tn__stream_turn(st, row, err));
    *out = tn__block_at(&st->block, (uint32_t)(row - st->block.first_row));
    return TN_OK;
}

#endif
