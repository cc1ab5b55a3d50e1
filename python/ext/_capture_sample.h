/* _capture_sample.h - what the module _capture has of _capture_sample.c. */
#ifndef TN_CAPTURE_SAMPLE_H
#define TN_CAPTURE_SAMPLE_H

#include <Python.h>

#include "inside/inside.h"

extern PyMethodDef capture_sample_methods[];

/* As capture_trace_begin; take: writes a snapshot, with arguments as those of snapshot(), of sums alone. */
void capture_sample_begin(const tn_inside *inside, int status, const tn_error *err,
                          void *(*raise)(int status, const tn_error *err),
                          PyObject *(*take)(PyObject *args, PyObject *kwargs));

#endif
