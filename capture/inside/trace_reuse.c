/* trace_reuse.c - objects that come out of free lists. */
#include "inside/trace_walk.h"

int tn__trace_reuse(bool on, tn_error *err)
{
    (void)on;
    return tn__error_set(err, TN_EVERSION, 0, "this interpreter does not tell of objects from free lists");
}
