/* test_process.c - what the kernel says of a process is read by its fields, and sorted without allocating. */
#include "suite.h"

#include <sys/mman.h>

#include "inside/inside.h"

#include <stdio.h>

static void mappings_are_read_by_their_fields(void **state)
{
    (void)state;
    tn_mapping m;
    assert_true(tn_process_mapping("7f1200000000-7f1200021000 rw-p 00001000 08:01 1234       /usr/lib/a b.so", &m));
    assert_true(m.start == 0x7f1200000000 && m.end == 0x7f1200021000);
    assert_string_equal(m.perms, "rw-p");
    assert_string_equal(m.name, "/usr/lib/a b.so");
    assert_true(tn_process_mapping("7f1200000000-7f1200021000 ---p 00000000 00:00 0 ", &m));
    assert_string_equal(m.name, "");
    assert_true(tn_process_mapping("7f1200000000-7f1200021000 ---p 00000000 00:00 0", &m));
    assert_string_equal(m.name, "");
    assert_false(tn_process_mapping("Rss:                 132 kB", &m));
    assert_false(tn_process_mapping("VmFlags: rd wr mr mw me ac", &m));
    assert_false(tn_process_mapping("", &m));
}

static void classes_are_told_by_the_name_alone(void **state)
{
    (void)state;
    static const struct {
        const char *perms, *name;
        enum tn_memory_class class;
    } cases[] = {
        {"rw-p", "[heap]", TN_MEMORY_HEAP},
        {"rw-p", "[stack]", TN_MEMORY_STACK},
        {"rw-p", "[stack:4711]", TN_MEMORY_STACK},
        {"r-xp", "[vdso]", TN_MEMORY_SPECIAL},
        {"r--p", "[vvar_vclock]", TN_MEMORY_SPECIAL},
        {"--xp", "[vsyscall]", TN_MEMORY_SPECIAL},
        {"rw-p", "", TN_MEMORY_ANONYMOUS},
        {"rw-p", "[anon:[heap] of mine]", TN_MEMORY_ANONYMOUS},
        {"rw-p", "[heap]s", TN_MEMORY_ANONYMOUS},
        {"r--p", "/srv/data [heap]", TN_MEMORY_FILE},
        {"r--p", "/srv/[stack]/data", TN_MEMORY_FILE},
        {"r--p", "/srv/[vdso]", TN_MEMORY_FILE},
        {"rw-s", "/dev/shm/[heap]", TN_MEMORY_SHARED},
        {"rw-s", "/memfd:[stack: mine] (deleted)", TN_MEMORY_SHARED},
        {"rw-s", "anon_inode:[perf_event]", TN_MEMORY_SHARED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[200];
        tn_mapping m;
        snprintf(line, sizeof line, "1000-2000 %s 00000000 00:00 77  %s", cases[i].perms, cases[i].name);
        assert_true(tn_process_mapping(line, &m));
        assert_string_equal(m.name, cases[i].name);
        assert_int_equal(tn_process_class(&m, 0), cases[i].class);
    }
    tn_mapping above_a_guard = {0x1000, 0x2000, "rw-p", ""};
    assert_int_equal(tn_process_class(&above_a_guard, 0x1000), TN_MEMORY_STACK);
    assert_int_equal(tn_process_class(&above_a_guard, 0x2000), TN_MEMORY_ANONYMOUS);
}

static void ranges_are_sorted_by_their_start(void **state)
{
    (void)state;
    enum { MOST = 70 };
    for (uint32_t n = 0; n <= MOST; n++) {
        tn_range ranges[MOST + 1];
        uint64_t sum = 0, after = 0;
        for (uint32_t i = 0; i < n; i++) {
            uint64_t start = n % 3 == 0 ? i : n % 3 == 1 ? n - i : (uint64_t)i * 2654435761u % 64;
            ranges[i] = (tn_range){start, start + 1};
            sum += start * start;
        }
        ranges[n] = (tn_range){99, 98};
        tn_process_sort(ranges, n);
        for (uint32_t i = 0; i < n; i++) {
            assert_true(i == 0 || ranges[i - 1].start <= ranges[i].start);
            assert_true(ranges[i].end == ranges[i].start + 1);
            after += ranges[i].start * ranges[i].start;
        }
        assert_true(sum == after && ranges[n].start == 99 && ranges[n].end == 98);
    }
}

/* Nothing may be listed that goes because of listing it: what is listed is read. */
static void what_is_listed_is_there(void **state)
{
    (void)state;
    tn_range_list list = {0};
    unsigned char pages[4096];
    for (unsigned turn = 0; turn < 3; turn++) {
        assert_int_equal(tn_process_ranges(&list, NULL), 0);
        assert_true(list.count > 5);
        for (uint32_t i = 0; i < list.count; i++)
            for (uint64_t at = list.data[i].start; at < list.data[i].end; at += sizeof pages * 4096) {
                uint64_t left = list.data[i].end - at, part = sizeof pages * 4096ull;
                assert_int_equal(mincore((void *)(uintptr_t)at, left < part ? left : part, pages), 0);
            }
    }
    tn__free(&tn__alloc_pages, list.data, list.capacity * sizeof *list.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_listed_is_there),
        cmocka_unit_test(mappings_are_read_by_their_fields),
        cmocka_unit_test(classes_are_told_by_the_name_alone),
        cmocka_unit_test(ranges_are_sorted_by_their_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
