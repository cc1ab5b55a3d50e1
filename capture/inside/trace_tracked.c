/* trace_tracked.c - memory that extensions track by name. */
#include "inside/trace_walk.h"

void tn__trace_tracked(bool on)
{
    (void)on;
}

void tn__trace_tracked_look(void)
{
    tn__trace.look = 0;
}
