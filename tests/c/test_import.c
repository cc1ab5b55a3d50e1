/* test_import.c - dumps of other programs, named by the words of the command: memory that fails anywhere leaves nothing. */
#include "suite.h"

#include "failing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char **dumps;
static int n_dumps;

static void any_failing_allocation_leaves_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < n_dumps; i++) {
        int status = TN_ENOMEM;
        long until = 0;
        for (; status == TN_ENOMEM; until++) {
            char folder[] = "/tmp/test-import-XXXXXX", out[64];
            failing f;
            failing_init(&f, until);
            assert_non_null(mkdtemp(folder));
            snprintf(out, sizeof out, "%s/out.tonnage", folder);
            status = tn_import(dumps[i], out, &(tn_import_options){.alloc = &f.alloc}, NULL, NULL);
            assert_true(status == TN_OK || status == TN_ENOMEM);
            assert_int_equal(f.n_pieces, 0);
            assert_int_equal(access(out, F_OK), status == TN_OK ? 0 : -1);
            unlink(out);
            assert_int_equal(rmdir(folder), 0);
        }
        assert_true(until > 10);
    }
}

static void blocks_and_bytes_are_told(void **state)
{
    (void)state;
    char folder[] = "/tmp/test-import-XXXXXX", out[64];
    tn_import_info info = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(out, sizeof out, "%s/out.tonnage", folder);
    assert_int_equal(tn_import(dumps[0], out, NULL, &info, NULL), TN_OK);
    assert_int_equal(info.blocks, 3);
    assert_int_equal(info.bytes, 64 + (1ull << 33) + 1);
    assert_int_equal(tn_import(dumps[0], out, NULL, &info, NULL), TN_EEXIST);
    unlink(out);
    rmdir(folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(any_failing_allocation_leaves_nothing),
        cmocka_unit_test(blocks_and_bytes_are_told),
    };
    dumps = argv + 1;
    n_dumps = argc - 1;
    return n_dumps > 1 ? cmocka_run_group_tests(all, NULL, NULL) : EXIT_FAILURE;
}
