/* test_golden.c - the files of tests/golden are read, or refused, as they were when they were made. */
#include "suite.h"

#include "tonnage.h"

#include <stdio.h>
#include <string.h>

static const char *folder;

static const struct {
    const char *name;
    int opened, checked; /* statuses of opening and of checking what opened */
    uint64_t offset;     /* of the error; UINT64_MAX: any */
} files[] = {
    {"good", 0, 0, UINT64_MAX},
    {"good-1.0", 0, 0, UINT64_MAX},
    {"good-1.1", 0, 0, UINT64_MAX},
    {"good-1.2", 0, 0, UINT64_MAX},
    {"good-1.3", 0, 0, UINT64_MAX},
    {"good-1.4", 0, 0, UINT64_MAX},
    {"empty", TN_EFORMAT, 0, 0},
    {"truncated-header", TN_ETRUNCATED, 0, 20},
    {"truncated-first", TN_ETRUNCATED, 0, 32},
    {"truncated-border", TN_ETRUNCATED, 0, UINT64_MAX},
    {"truncated-payload", TN_ETRUNCATED, 0, UINT64_MAX},
    {"truncated-toc", TN_ETRUNCATED, 0, UINT64_MAX},
    {"truncated-trailer", TN_ETRUNCATED, 0, UINT64_MAX},
    {"truncated-byte", TN_ETRUNCATED, 0, UINT64_MAX},
    {"flipped", 0, TN_ECORRUPT, UINT64_MAX},
    {"version2", TN_EVERSION, 0, 8},
    {"hostile-size", TN_ECORRUPT, 0, UINT64_MAX},
    {"bomb", 0, TN_ECORRUPT, UINT64_MAX},
};

static void golden_files_are_judged_as_ever(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[4096];
        tn_snapshot *s = NULL;
        tn_error err = {0};
        const tn_open_options options = {.max_memory_bytes = 64 << 20};
        snprintf(path, sizeof path, "%s/%s.tonnage", folder, files[i].name);
        int status = tn_snapshot_open(path, &options, &s, &err);
        if (status != files[i].opened)
            fail_msg("%s: %s %s", files[i].name, tn_status_name(status), err.message);
        if (status < 0) {
            assert_true(strlen(err.message) > 20);
            assert_true(files[i].offset == UINT64_MAX ? err.offset > 0 : err.offset == files[i].offset);
            continue;
        }
        assert_int_equal(tn_snapshot_check(s, NULL, NULL, &err), files[i].checked);
        tn_snapshot_close(s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_files_are_judged_as_ever)};
    folder = argc > 1 ? argv[1] : "tests/golden";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
