/* suite.h - cmocka, with the headers it wants before itself. */
#ifndef TN_SUITE_H
#define TN_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
