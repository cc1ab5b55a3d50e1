/* _capture_helper.h - what the module _capture has of _capture_helper.c. */
#ifndef TN_CAPTURE_HELPER_H
#define TN_CAPTURE_HELPER_H

#include <Python.h>

#include <stdint.h>

extern PyMethodDef capture_helper_methods[];

/* Where the time line finds the collector's counts; without this they are unknown. */
void capture_helper_counts(const uint64_t addresses[3]);

#endif
