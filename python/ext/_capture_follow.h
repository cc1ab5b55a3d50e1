/* _capture_follow.h - what the module _capture has of _capture_follow.c. */
#ifndef TN_CAPTURE_FOLLOW_H
#define TN_CAPTURE_FOLLOW_H

#include <Python.h>

#include "inside/inside.h"

/* What lives() returns. */
PyObject *capture_follow_lives(void);

extern PyMethodDef capture_follow_methods[];

/* What the functions work with, what came of finding out about it, and how they raise. */
void capture_follow_begin(const tn_inside *inside, int status, const tn_error *err,
                          void *(*raise)(int status, const tn_error *err));

#endif
