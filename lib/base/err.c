/* err.c - status codes and messages. */
#include "base/base.h"

#include <stdarg.h>

int tn__error_set(tn_error *err, int status, uint64_t offset, const char *format, ...)
{
    if (err) {
        va_list args;
        err->status = status;
        err->offset = offset;
        va_start(args, format);
        tn__compose_list(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return status;
}

const char *tn_status_name(int status)
{
    switch (status) {
#define X(code, value, exit_code, text) \
    case TN_##code: return #code;
        TN_STATUS_MAP(X)
#undef X
    default: return "?";
    }
}

const char *tn_status_text(int status)
{
    switch (status) {
#define X(code, value, exit_code, text) \
    case TN_##code: return text;
        TN_STATUS_MAP(X)
#undef X
    default: return "unknown status";
    }
}

int tn_status_exit_code(int status)
{
    switch (status) {
#define X(code, value, exit_code, text) \
    case TN_##code: return exit_code;
        TN_STATUS_MAP(X)
#undef X
    default: return 1;
    }
}
