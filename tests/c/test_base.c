/* test_base.c - memory, buffers, distinct strings, line tables. */
#include "suite.h"

#include "base/base.h"
#include "failing.h"
#include "stacks/linetable.h"

#include <stdio.h>
#include <string.h>

static void pieces_of_an_arena_are_aligned_and_apart(void **state)
{
    (void)state;
    failing f;
    tn_arena arena;
    failing_init(&f, -1);
    tn__arena_init(&arena, &f.alloc);
    uint8_t *last = NULL;
    for (size_t n = 0; n < 3000; n += 7) {
        uint8_t *p = tn__arena_get(&arena, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 8, 0);
        memset(p, 0xaa, n);
        assert_true(p != last || n < 8);
        last = p;
    }
    assert_non_null(tn__arena_get(&arena, 10 << 20));
    assert_string_equal(tn__arena_text(&arena, "abc", 2), "ab");
    assert_null(tn__arena_get(&arena, SIZE_MAX));
    tn__arena_free(&arena);
    tn__arena_free(&arena);
    assert_int_equal(f.n_pieces, 0);
    assert_non_null(tn__arena_get(&arena, 0));
    tn__arena_free(&arena);
}

static void buffers_grow_and_keep_their_bytes(void **state)
{
    (void)state;
    const tn_alloc *const allocators[] = {&tn__alloc_libc, &tn__alloc_pages};
    for (unsigned a = 0; a < 2; a++) {
        tn_buf b;
        tn__buf_init(&b, allocators[a]);
        for (uint32_t i = 0; i < 100000; i++)
            assert_int_equal(tn__buf_append(&b, &i, sizeof i), 0);
        for (uint32_t i = 0; i < 100000; i++)
            assert_memory_equal(b.data + i * sizeof i, &i, sizeof i);
        assert_int_equal(tn__buf_reserve(&b, SIZE_MAX / 2), TN_ENOMEM);
        tn__buf_free(&b);
        assert_null(b.data);
    }
}

static void equal_strings_have_one_number(void **state)
{
    (void)state;
    tn_strtab tab;
    uint32_t index;
    char text[32];
    assert_int_equal(tn__strtab_init(&tab, &tn__alloc_libc), 0);
    for (unsigned pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < 5000; i++) {
            int n = snprintf(text, sizeof text, "%u", i);
            assert_int_equal(tn__strtab_add(&tab, text, (size_t)n, &index), 0);
            assert_int_equal(index, i);
        }
    assert_int_equal(tn__strtab_add(&tab, "", 0, &index), 0);
    assert_int_equal(tn__strtab_add(&tab, "0\0", 2, &index), 0);
    assert_int_equal(tab.count, 5002);
    tn__strtab_free(&tab);
}

/* With nothing before it, which the sanitizers see: no bytes are compared with no bytes. */
static void an_empty_string_has_one_number_too(void **state)
{
    (void)state;
    tn_strtab tab;
    uint32_t index = 7;
    assert_int_equal(tn__strtab_init(&tab, &tn__alloc_libc), 0);
    for (unsigned pass = 0; pass < 2; pass++) {
        assert_int_equal(tn__strtab_add(&tab, "", 0, &index), 0);
        assert_int_equal(index, 0);
    }
    assert_int_equal(tab.count, 1);
    tn__strtab_free(&tab);
}

static void bytes_that_are_no_text_become_surrogates(void **state)
{
    (void)state;
    static const uint8_t raw[] = "a\xff\xc3\xe2\x82"
                                 "b\xc0\x80\xf5\xed\xa0\x80\xe2\x82\xac\xf0\x9f\x98\x80z\xf0";
    static const uint8_t want[] =
        "a\xed\xb3\xbf\xed\xb3\x83\xed\xb3\xa2\xed\xb2\x82"
        "b\xed\xb3\x80\xed\xb2\x80\xed\xb3\xb5\xed\xa0\x80\xe2\x82\xac\xf0\x9f\x98\x80z\xed\xb3\xb0";
    tn_buf b;
    tn__buf_init(&b, &tn__alloc_libc);
    assert_int_equal(tn__utf8_append(&b, raw, sizeof raw - 1), 0);
    assert_int_equal(b.size, sizeof want - 1);
    assert_memory_equal(b.data, want, b.size);
    assert_int_equal(tn__utf8_length(b.data, b.size), b.size);
    assert_int_equal(tn__utf8_length(raw, sizeof raw - 1), 1);
    assert_int_equal(tn__utf8_length(raw, 0), 0);
    tn__buf_free(&b);
}

static void a_string_table_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    for (long n = 0; n < 30; n++) {
        failing f;
        tn_strtab tab;
        uint32_t index;
        char text[32];
        failing_init(&f, n);
        int status = tn__strtab_init(&tab, &f.alloc);
        for (uint32_t i = 0; status == 0 && i < 20000; i++) {
            snprintf(text, sizeof text, "string number %u", i);
            status = tn__strtab_add(&tab, text, strlen(text), &index);
            assert_true(status < 0 || index == i);
        }
        assert_true(status == 0 || status == TN_ENOMEM);
        tn__strtab_free(&tab);
        assert_int_equal(f.n_pieces, 0);
    }
}

static void errors_may_go_nowhere_and_are_cut(void **state)
{
    (void)state;
    char text[500];
    tn_error err;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    assert_int_equal(tn__error_set(NULL, TN_EIO, 1, "%s", text), TN_EIO);
    assert_int_equal(tn__error_set(&err, TN_EIO, 7, "%s", text), TN_EIO);
    assert_int_equal(err.offset, 7);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

static void composed_texts_are_those_of_printf(void **state)
{
    (void)state;
    char want[80], got[80];
#define SAME(cap, ...)                                                                          \
    do {                                                                                        \
        assert_int_equal(tn__compose(got, cap, __VA_ARGS__), snprintf(want, cap, __VA_ARGS__)); \
        assert_string_equal(got, want);                                                         \
    } while (0)
    for (size_t cap = 1; cap < sizeof got; cap++) {
        SAME(cap, "%%: %s|%.4s|%.*s|%.0s.", "text", "FACTS", 2, "cut", "none");
        SAME(cap, "%d %d %d %d", 0, -1, INT32_MAX, INT32_MIN);
        SAME(cap, "%ld %lld", INT64_MIN, (long long)INT64_MAX);
        SAME(cap, "%u %x %u", 0u, 0xdeadbeefu, UINT32_MAX);
        SAME(cap, "%lu %llx %zu", UINT64_MAX, (unsigned long long)UINT64_MAX, (size_t)7);
    }
    memset(got, 'x', sizeof got);
    assert_int_equal(tn__compose(got, 0, "%s", "text"), 4);
    assert_int_equal(got[0], 'x');
#undef SAME
}

/* Forms of Objects/locations.md, one after another. */
static void every_form_of_location_is_read(void **state)
{
    (void)state;
    static const uint8_t table[] = {
        0x80 | 13 << 3 | 0, 2 << 1,                  /* 0-1: line + 2, no columns */
        0x80 | 3 << 3 | 1,  0,                       /* 2-5: same line */
        0x80 | 11 << 3 | 0, 0,          0,           /* 6-7: line + 1 */
        0x80 | 15 << 3 | 0,                          /* 8-9: none */
        0x80 | 14 << 3 | 7, 3 << 1 | 1, 5,  1, 1,    /* 10-25: line - 3, ends 5 lines later */
        0x80 | 14 << 3 | 0, 0x40 | 20,  20, 0, 1, 1, /* 26-27: line + 650 */
    };
    static const struct {
        uint32_t instruction, line;
    } want[] = {{0, 12},  {1, 12},  {2, 12},   {5, 12}, {6, 13},        {8, 0},
                {10, 10}, {25, 10}, {26, 660}, {28, 0}, {UINT32_MAX, 0}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_int_equal(tn__linetable_line(table, sizeof table, 10, want[i].instruction), want[i].line);
    assert_int_equal(tn__linetable_line(table, 0, 10, 0), 0);
}

static void any_line_table_is_harmless(void **state)
{
    (void)state;
    uint32_t seed = 1;
    uint8_t table[40];
    for (unsigned round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof table; i++)
            table[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
        tn__linetable_line(table, round % sizeof table, seed, round % 300);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_an_arena_are_aligned_and_apart),
        cmocka_unit_test(buffers_grow_and_keep_their_bytes),
        cmocka_unit_test(equal_strings_have_one_number),
        cmocka_unit_test(an_empty_string_has_one_number_too),
        cmocka_unit_test(bytes_that_are_no_text_become_surrogates),
        cmocka_unit_test(a_string_table_without_memory_stays_as_it_was),
        cmocka_unit_test(errors_may_go_nowhere_and_are_cut),
        cmocka_unit_test(composed_texts_are_those_of_printf),
        cmocka_unit_test(every_form_of_location_is_read),
        cmocka_unit_test(any_line_table_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
