/* test_record_gate.c - who waits until a control call is over: how, and what then. */
#include "record/record.h"
#include "record/recorded.h"

#include "suite.h"

#include "tonnage.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static atomic_uint n_sleeps, root, domain;

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left);
int __real_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left)
{
    atomic_fetch_add(&n_sleeps, 1);
    return __real_clock_nanosleep(clock, flags, time, left);
}

static void start(void)
{
    tn_record_options options = {.mode = TN_RECORD_EXACT};
    assert_int_equal(tn_record_start(&options), TN_OK);
}

static int stop(void **state)
{
    (void)state;
    tn_record_stop();
    return 0;
}

/* Who yields without end lets nobody run that has a lower priority. */
static bool sleeps(void)
{
    for (unsigned i = 0; i < 10000 && atomic_load(&n_sleeps) < 3; i++)
        usleep(1000);
    return atomic_load(&n_sleeps) >= 3;
}

/* Begins while the gate is closed. */
static pthread_t waiter(void *(*run)(void *))
{
    pthread_t id;
    tn_record_before_fork();
    atomic_store(&n_sleeps, 0);
    assert_int_equal(pthread_create(&id, NULL, run, NULL), 0);
    return id;
}

static void *allocate(void *unused)
{
    tn_tracer *t = tn_record_enter();
    if (t) {
        tn_walk_end(t, 0);
        tn_record_alloc(t, 0x7f0000000000, 100, TN_DOMAIN_RAW);
        tn_record_leave(t);
    }
    return unused;
}

static void test_who_waits_long_sleeps_and_goes_on(void **state)
{
    (void)state;
    tn_recorded_block block;
    start();
    pthread_t id = waiter(allocate);
    bool slept = sleeps();
    assert_false(tn_recorded_block_at(0x7f0000000000, &block));
    tn_record_after_fork_parent();
    pthread_join(id, NULL);
    assert_true(slept);
    assert_true(tn_recorded_block_at(0x7f0000000000, &block));
    assert_int_equal(block.bytes, 100);
}

static void *name_things(void *unused)
{
    atomic_store(&root, tn_record_root("late", 4));
    atomic_store(&domain, tn_record_domain(1234));
    return unused;
}

static void test_what_waited_until_the_end_leaves_nothing_behind(void **state)
{
    (void)state;
    start();
    pthread_t id = waiter(name_things);
    bool slept = sleeps();
    tn_record_stop();
    pthread_join(id, NULL);
    assert_true(slept);
    assert_int_equal(atomic_load(&root), 0);
    assert_int_equal(atomic_load(&domain), TN_DOMAINS - 1);
    start();
    assert_int_equal(tn_record_domain(5), TN_DOMAIN_TRACKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_who_waits_long_sleeps_and_goes_on, stop),
        cmocka_unit_test_teardown(test_what_waited_until_the_end_leaves_nothing_behind, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
