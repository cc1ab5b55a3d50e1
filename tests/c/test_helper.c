/* test_helper.c - the helper thread wakes for what is due, for nothing else, and can be stopped at any time. Run by the
 * thread sanitizer, too.
 */
#include "suite.h"

#include "inside/helper.h"
#include "inside/timeline.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MILLISECOND = 1000000 };
static const uint64_t SECOND = 1000000000;

static sem_t called;
static atomic_uint all_reasons, n_calls, stop_inside, stay_inside;
static _Atomic uint64_t all_signals;
static atomic_int helper_id;

static void call(unsigned reasons, uint64_t signals)
{
    assert_true(tn_helper_is_self());
    atomic_store(&helper_id, (int)syscall(SYS_gettid));
    atomic_fetch_or(&all_reasons, reasons);
    atomic_fetch_or(&all_signals, signals);
    atomic_fetch_add(&n_calls, 1);
    if (atomic_load(&stop_inside))
        tn_helper_stop();
    sem_post(&called);
    while (atomic_load(&stay_inside))
        sched_yield();
}

static unsigned n_threads(void)
{
    char text[4096], *at;
    FILE *f = fopen("/proc/self/status", "r");
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    at = strstr(text, "Threads:");
    return (unsigned)strtoul(at + 8, NULL, 10);
}

static unsigned others; /* threads without a helper: us, and one that a sanitizer may have */

static void *count_threads(void *unused)
{
    others = n_threads() - 1;
    return unused;
}

/* The kernel counts a thread for a moment after it was joined. */
static void wait_for_threads(unsigned n)
{
    while (n_threads() != n)
        usleep(100);
}

/* A call that never comes is a hang, which the limit of the test program ends. */
static void wait_for_call(void)
{
    while (sem_wait(&called) < 0 && errno == EINTR)
        ;
}

static int setup(void **state)
{
    (void)state;
    sem_init(&called, 0, 0);
    atomic_store(&all_reasons, 0);
    atomic_store(&all_signals, 0);
    atomic_store(&n_calls, 0);
    atomic_store(&stop_inside, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tn_helper_stop();
    tn_helper_signals_off();
    tn_helper_alarm(UINT64_MAX);
    tn_helper_watch_rss(0);
    wait_for_threads(others);
    return tn_helper_timeline(0, NULL, NULL);
}

static void start(void)
{
    assert_int_equal(tn_helper_start(call, NULL), 0);
}

static void an_alarm_comes_once_and_not_early(void **state)
{
    (void)state;
    uint64_t at = tn__sys_monotonic_ns() + 20 * MILLISECOND;
    start();
    tn_helper_alarm(tn__sys_monotonic_ns() + 3600 * SECOND);
    tn_helper_alarm(at); /* takes the place of the other */
    wait_for_call();
    assert_true(tn__sys_monotonic_ns() >= at);
    tn_helper_alarm(tn__sys_monotonic_ns()); /* the next call is of this one */
    wait_for_call();
    tn_helper_stop();
    assert_int_equal(atomic_load(&n_calls), 2);
    assert_int_equal(atomic_load(&all_reasons), TN_HELPER_ALARM);
}

static void an_alarm_outlives_the_thread(void **state)
{
    (void)state;
    start();
    tn_helper_stop();
    tn_helper_alarm(tn__sys_monotonic_ns());
    assert_int_equal(atomic_load(&n_calls), 0);
    start();
    wait_for_call();
}

static void theirs(int signum)
{
    (void)signum;
}

static void signals_are_told_apart_and_given_back(void **state)
{
    (void)state;
    struct sigaction mine = {.sa_handler = theirs}, now;
    sigaction(SIGUSR1, &mine, NULL);
    start();
    assert_int_equal(tn_helper_signal(SIGUSR1, true, NULL), 0);
    assert_int_equal(tn_helper_signal(SIGRTMAX, true, NULL), 0);
    raise(SIGUSR1);
    wait_for_call();
    assert_true(atomic_load(&all_signals) == 1ull << (SIGUSR1 - 1));
    raise(SIGRTMAX);
    wait_for_call();
    assert_true(atomic_load(&all_signals) == (1ull << (SIGUSR1 - 1) | 1ull << (SIGRTMAX - 1)));
    assert_int_equal(atomic_load(&all_reasons), TN_HELPER_SIGNAL);
    assert_int_equal(tn_helper_signal(SIGUSR1, false, NULL), 0);
    sigaction(SIGUSR1, NULL, &now);
    assert_ptr_equal(now.sa_handler, theirs);
    sigaction(SIGRTMAX, &mine, NULL); /* a program that sets its own later keeps it */
    tn_helper_signals_off();
    sigaction(SIGRTMAX, NULL, &now);
    assert_ptr_equal(now.sa_handler, theirs);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGRTMAX, SIG_DFL);
}

static void signals_that_must_not_return_are_refused(void **state)
{
    (void)state;
    static const int refused[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGKILL,
                                  SIGSTOP, 32,     33,     0,      -1,      65};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        tn_error err = {0};
        assert_int_equal(tn_helper_signal(refused[i], true, &err), TN_EINVAL);
        assert_non_null(strstr(err.message, "SIGUSR2"));
    }
}

static void the_resident_set_is_told_once(void **state)
{
    (void)state;
    start();
    tn_helper_watch_rss(UINT64_MAX);
    tn_helper_watch_rss(1);
    wait_for_call();
    tn_helper_stop();
    start(); /* would look at once */
    tn_helper_alarm(tn__sys_monotonic_ns() + 20 * MILLISECOND);
    wait_for_call();
    assert_int_equal(atomic_load(&n_calls), 2);
    assert_int_equal(atomic_load(&all_reasons), TN_HELPER_RSS | TN_HELPER_ALARM);
}

static void a_call_may_stop_its_thread(void **state)
{
    (void)state;
    atomic_store(&stop_inside, 1);
    start();
    tn_helper_alarm(tn__sys_monotonic_ns());
    wait_for_call();
    tn_helper_alarm(tn__sys_monotonic_ns());
    atomic_store(&stop_inside, 0);
    start(); /* joins the one that leaves */
    wait_for_call();
    tn_helper_stop();
    tn_helper_stop();
    assert_int_equal(atomic_load(&n_calls), 2);
}

/* As before and after a fork. */
static void who_forks_waits_for_a_helper_that_sleeps_and_for_no_call(void **state)
{
    (void)state;
    start();
    tn_helper_rest();
    wait_for_threads(others);
    start();
    atomic_store(&stay_inside, 1);
    tn_helper_alarm(tn__sys_monotonic_ns());
    wait_for_call();
    tn_helper_rest();
    assert_int_equal(n_threads(), others + 1);
    start();
    atomic_store(&stay_inside, 0);
    for (unsigned i = 0; i < 200; i++) { /* whatever it does just then, no call is lost */
        tn_helper_alarm(tn__sys_monotonic_ns() + i % 20 * 10000);
        tn_helper_rest();
        start();
        wait_for_call();
    }
    assert_int_equal(atomic_load(&n_calls), 201);
}

static void *start_and_stop(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < 300; i++) {
        switch (seed = seed * 1664525 + 1013904223, seed >> 24 & 7) {
        case 0: start(); break;
        case 1: seed & 65536 ? tn_helper_stop() : tn_helper_rest(); break;
        case 2: tn_helper_alarm(tn__sys_monotonic_ns()); break;
        case 3: tn_helper_watch_rss(seed & 1); break;
        case 4: tn_helper_timeline(seed & 4096 ? MILLISECOND : 0, NULL, NULL); break;
        case 5: tn_helper_signal(SIGUSR2, true, NULL); break;
        case 6: raise(SIGURG); break;
        default: {
            tn_timeline_copy copy;
            assert_int_equal(tn_timeline_freeze(&copy, NULL), 0);
            for (uint32_t k = 1; k < copy.n; k++)
                assert_true(copy.rows[k - 1].time_ns < copy.rows[k].time_ns);
            tn_timeline_release(&copy);
        }
        }
    }
    return NULL;
}

static void threads_may_set_it_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    assert_int_equal(tn_helper_signal(SIGURG, true, NULL), 0);
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, start_and_stop, (void *)(i * 7919 + 1));
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    tn_helper_stop();
    wait_for_threads(others);
}

static void a_child_has_no_helper_until_it_starts_one(void **state)
{
    (void)state;
    int status;
    start();
    tn_helper_signal(SIGUSR2, true, NULL);
    tn_helper_stop();
    pid_t child = fork();
    if (child == 0) {
        struct sigaction now;
        tn_helper_forget();
        sigaction(SIGUSR2, NULL, &now);
        tn_timeline_copy copy;
        bool good = now.sa_handler == SIG_DFL && tn_timeline_freeze(&copy, NULL) == 0 && copy.n == 0;
        tn_helper_alarm(tn__sys_monotonic_ns());
        good = good && tn_helper_start(call, NULL) == 0;
        wait_for_call();
        tn_helper_stop();
        _exit(good ? 0 : 1);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

/* Times that the helper gave up the processor. */
static unsigned long switches(bool *sleeps)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/task/%d/status", atomic_load(&helper_id));
    FILE *f = fopen(path, "r");
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    if (sleeps)
        *sleeps = strstr(text, "\nState:\tS") != NULL;
    return strtoul(strstr(text, "\nvoluntary_ctxt_switches:") + 25, NULL, 10);
}

/* Nothing is due: the thread does not run. */
static void an_idle_helper_does_not_wake(void **state)
{
    (void)state;
    struct timespec shortly = {0, 50 * MILLISECOND}, while_idle = {0, 500 * MILLISECOND};
    unsigned long before;
    bool sleeps;
    start();
    tn_helper_alarm(tn__sys_monotonic_ns());
    wait_for_call();
    tn_helper_alarm(tn__sys_monotonic_ns() + 3600 * SECOND);
    do { /* lets it fall asleep, whatever else the machine does */
        before = switches(NULL);
        nanosleep(&shortly, NULL);
    } while (switches(&sleeps) != before || !sleeps);
    nanosleep(&while_idle, NULL);
    assert_int_equal(switches(NULL) - before, 0);
    tn_helper_alarm(UINT64_MAX);
    while (switches(NULL) == before)
        nanosleep(&shortly, NULL);
}

/* ---- time line ---- */

static uint32_t fill(uint64_t interval_ns, uint64_t *now, uint32_t n)
{
    tn_timeline_copy copy;
    for (uint32_t i = 0; i < n; i++)
        *now = tn_timeline_tick(*now);
    assert_int_equal(tn_timeline_freeze(&copy, NULL), 0);
    for (uint32_t i = 0; i + 1 < copy.n; i++)
        assert_true(copy.rows[i + 1].time_ns - copy.rows[i].time_ns >= interval_ns);
    uint32_t rows = copy.n;
    tn_timeline_release(&copy);
    return rows;
}

static void a_long_life_stays_covered_in_bounded_memory(void **state)
{
    (void)state;
    tn_timeline_copy copy;
    uint64_t now = 5 * SECOND, first = now;
    assert_int_equal(tn_timeline_start(SECOND, NULL, NULL), 0);
    assert_int_equal(fill(SECOND, &now, TN_TIMELINE_ROWS - 1), TN_TIMELINE_ROWS - 1);
    assert_int_equal(fill(SECOND, &now, 1), TN_TIMELINE_ROWS / 2);
    for (unsigned k = 2; k < 12; k++) {
        fill(SECOND, &now, TN_TIMELINE_ROWS / 2 - 1);
        assert_int_equal(fill((1ull << (k - 1)) * SECOND, &now, 1), TN_TIMELINE_ROWS / 2);
    }
    assert_int_equal(tn_timeline_freeze(&copy, NULL), 0);
    assert_true(copy.rows[0].time_ns == first);
    uint64_t step = copy.rows[1].time_ns - first;
    for (uint32_t i = 0; i < copy.n; i++) {
        assert_true(copy.rows[i].time_ns == first + i * step); /* no gap, no drift */
        assert_true(copy.rows[i].rss_bytes > 4096 && copy.rows[i].rss_bytes < UINT64_MAX);
        assert_true(copy.rows[i].traced_bytes == UINT64_MAX);
        assert_true(copy.rows[i].generations[0] == UINT32_MAX);
        assert_true(copy.rows[i].threads == n_threads());
    }
    tn_timeline_release(&copy);
    tn_timeline_stop();
}

static void a_process_that_was_stopped_does_not_catch_up(void **state)
{
    (void)state;
    uint32_t counts[3] = {7, 8, 9};
    const uint32_t *const at[3] = {&counts[0], &counts[1], &counts[2]};
    tn_timeline_copy copy;
    assert_int_equal(tn_timeline_start(SECOND, at, NULL), 0);
    assert_true(tn_timeline_tick(10 * SECOND) == 11 * SECOND);
    assert_true(tn_timeline_tick(10 * SECOND + 1) == 11 * SECOND);
    assert_true(tn_timeline_tick(500 * SECOND) == 501 * SECOND);
    assert_int_equal(tn_timeline_freeze(&copy, NULL), 0);
    assert_int_equal(copy.n, 2);
    assert_true(copy.rows[1].time_ns == 500 * SECOND);
    assert_true(copy.rows[0].generations[0] == 7 && copy.rows[0].generations[2] == 9);
    tn_timeline_release(&copy);
    tn_timeline_stop();
    assert_true(tn_timeline_tick(600 * SECOND) == UINT64_MAX);
}

static void the_helper_samples(void **state)
{
    (void)state;
    tn_timeline_copy copy = {0};
    start();
    assert_int_equal(tn_helper_timeline(MILLISECOND, NULL, NULL), 0);
    while (copy.n < 20) {
        tn_timeline_release(&copy);
        assert_int_equal(tn_timeline_freeze(&copy, NULL), 0);
    }
    tn_timeline_release(&copy);
    assert_int_equal(atomic_load(&n_calls), 0);
}

int main(void)
{
    pthread_t counter;
    pthread_create(&counter, NULL, count_threads, NULL);
    pthread_join(counter, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_alarm_comes_once_and_not_early, setup, teardown),
        cmocka_unit_test_setup_teardown(an_alarm_outlives_the_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(signals_are_told_apart_and_given_back, setup, teardown),
        cmocka_unit_test_setup_teardown(signals_that_must_not_return_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_resident_set_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_call_may_stop_its_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(who_forks_waits_for_a_helper_that_sleeps_and_for_no_call, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_may_set_it_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_child_has_no_helper_until_it_starts_one, setup, teardown),
        cmocka_unit_test_setup_teardown(an_idle_helper_does_not_wake, setup, teardown),
        cmocka_unit_test_setup_teardown(the_helper_samples, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_life_stays_covered_in_bounded_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(a_process_that_was_stopped_does_not_catch_up, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
