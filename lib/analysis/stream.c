/* stream.c - see stream.h. */
#include "analysis/stream.h"

void tn__stream_open(tn_stream *st, tn_snapshot *s, enum tn_column column, unsigned slot)
{
    *st = (tn_stream){.snapshot = s, .column = column, .slot = slot, .present = tn__column_rows(s, column) > 0};
}

int tn__stream_turn(tn_stream *st, uint64_t row, tn_error *err)
{
    size_t k = tn__column_block_of(st->snapshot, st->column, row);
    int status = tn__column_block(st->snapshot, st->column, k, st->slot, &st->block, err);
    if (status == TN_ENOTFOUND)
        return tn__error_set(err, TN_ECORRUPT, 0,
                             "corrupt snapshot: its nodes call for more rows of a column than it has");
    return status;
}
