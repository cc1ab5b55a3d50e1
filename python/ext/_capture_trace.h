/* _capture_trace.h - what the module _capture has of _capture_trace.c. */
#ifndef TN_CAPTURE_TRACE_H
#define TN_CAPTURE_TRACE_H

#include <Python.h>

#include "inside/inside.h"

extern PyMethodDef capture_trace_methods[];

/* What the functions work with, what came of finding out about it, and how they raise. */
void capture_trace_begin(const tn_inside *inside, int status, const tn_error *err,
                         void *(*raise)(int status, const tn_error *err));

#endif
