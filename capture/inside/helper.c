/* helper.c - see helper.h.
 *
 * Settings are atomics, and `wake` is a futex: whoever changes a setting adds one to it. The thread reads `wake`, then the
 * settings, and sleeps only while `wake` is what it read; so no change is lost, and a signal handler may make one. Starting
 * and stopping stand under a lock, which is never held on the helper thread: who stops it waits for it.
 *
 * `phase` settles with who forks whether the thread ends: it leaves SLEEPS and CALLS by compare-and-swap, to LOOKS by itself,
 * to ENDS and CALLS_LAST by the other. What is due is taken only in LOOKS, so that nothing is lost.
 */
#include "inside/helper.h"

#include "engine/thread.h"
#include "inside/inside.h"
#include "inside/timeline.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Calls may run any Python code: room as other threads of Python have it. Only touched pages take memory. */
enum { STACK_BYTES = 8 << 20, SIGNALS = 65 };
static const uint64_t SECOND_NS = 1000000000, NEVER = UINT64_MAX, REST_NS = 50000000;

enum { LOOKS, CALLS, CALLS_LAST, SLEEPS, ENDS };

static struct {
    atomic_uint wake;
    atomic_uint phase;   /* of the thread */
    atomic_uint life;    /* a thread runs while this is the number it was started with */
    atomic_bool leaving; /* it was asked to end on itself */
    _Atomic uint64_t alarm_ns, rss_limit, signals;
} settings = {.alarm_ns = UINT64_MAX};

static struct {
    pthread_mutex_t lock;
    bool exists; /* started and not joined */
    tn_thread thread;
    tn_helper_call call;
    sigset_t mask; /* of who started it */
} helper = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct {
    pthread_mutex_t lock;
    bool on[SIGNALS];
    struct sigaction before[SIGNALS];
} dispositions = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local bool is_helper;

/* ---- waking and sleeping ---- */

/* Async-signal-safe. */
static void post(void)
{
    atomic_fetch_add(&settings.wake, 1);
    syscall(SYS_futex, &settings.wake, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Sleeps until the time or the next post() after seen was read. */
static void sleep_until(uint64_t at_ns, unsigned seen)
{
    struct timespec at = {(time_t)(at_ns / SECOND_NS), (long)(at_ns % SECOND_NS)};
    syscall(SYS_futex, &settings.wake, FUTEX_WAIT_BITSET_PRIVATE, seen, at_ns == NEVER ? NULL : &at, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

/* ---- what is due ---- */

static void earlier(uint64_t *until, uint64_t at_ns)
{
    *until = at_ns < *until ? at_ns : *until;
}

static unsigned due_alarm(uint64_t now, uint64_t *until)
{
    uint64_t at = atomic_load(&settings.alarm_ns);
    if (at <= now && atomic_compare_exchange_strong(&settings.alarm_ns, &at, NEVER))
        return TN_HELPER_ALARM;
    earlier(until, at);
    return 0;
}

/* *next_ns: when to look again. A new limit does not let it look more often. */
static unsigned due_rss(uint64_t now, uint64_t *next_ns, uint64_t *until)
{
    uint64_t limit = atomic_load(&settings.rss_limit);
    if (!limit)
        return 0;
    if (*next_ns <= now) {
        *next_ns = now + SECOND_NS;
        if (tn_process_rss() > limit && atomic_compare_exchange_strong(&settings.rss_limit, &limit, 0))
            return TN_HELPER_RSS;
    }
    earlier(until, *next_ns);
    return 0;
}

static bool change_phase(unsigned from, unsigned to)
{
    return atomic_compare_exchange_strong(&settings.phase, &from, to);
}

/* False, as of rest(): somebody made an end of the thread meanwhile. */
static bool call(unsigned reasons, uint64_t signals)
{
    sigset_t all;
    sigfillset(&all);
    atomic_store(&settings.phase, CALLS);
    pthread_sigmask(SIG_SETMASK, &helper.mask, NULL);
    helper.call(reasons, signals);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    return is_helper && change_phase(CALLS, LOOKS); /* a child that the call forked may have another helper by now */
}

static bool rest(uint64_t until, unsigned seen)
{
    atomic_store(&settings.phase, SLEEPS);
    sleep_until(until, seen);
    return change_phase(SLEEPS, LOOKS);
}

static void *run(void *arg)
{
    unsigned life = (unsigned)(uintptr_t)arg;
    uint64_t rss_next_ns = 0;
    is_helper = true;
    while (atomic_load(&settings.life) == life && !atomic_load(&settings.leaving)) {
        unsigned seen = atomic_load(&settings.wake);
        uint64_t now = tn__sys_monotonic_ns(), until = NEVER;
        uint64_t signals = atomic_exchange(&settings.signals, 0);
        unsigned reasons = signals ? TN_HELPER_SIGNAL : 0;
        reasons |= due_alarm(now, &until);
        reasons |= due_rss(now, &rss_next_ns, &until);
        earlier(&until, tn_timeline_tick(now));
        if (!(reasons ? call(reasons, signals) : rest(until, seen)))
            break;
    }
    if (is_helper)
        atomic_store(&settings.phase, ENDS);
    return NULL;
}

/* ---- its life ---- */

/* Holds the lock. */
static void end(void)
{
    if (!helper.exists)
        return;
    atomic_fetch_add(&settings.life, 1);
    post();
    tn_thread_join(&helper.thread);
    helper.exists = false;
}

int tn_helper_start(tn_helper_call to_call, tn_error *err)
{
    int status = 0;
    if (is_helper) {
        atomic_store(&settings.leaving, false);
        return 0;
    }
    pthread_mutex_lock(&helper.lock);
    if (atomic_load(&settings.leaving))
        end();
    if (!helper.exists) {
        helper.call = to_call;
        unsigned life = atomic_fetch_add(&settings.life, 1) + 1;
        atomic_store(&settings.leaving, false);
        atomic_store(&settings.phase, LOOKS);
        pthread_sigmask(SIG_SETMASK, NULL, &helper.mask);
        helper.exists = tn_thread_start(&helper.thread, STACK_BYTES, run, (void *)(uintptr_t)life);
        if (!helper.exists)
            status =
                tn__error_set(err, TN_ELIMIT, 0, "the system gives no thread for timers: raise its limit (ulimit -u)");
    }
    pthread_mutex_unlock(&helper.lock);
    return status;
}

void tn_helper_stop(void)
{
    if (is_helper) {
        atomic_store(&settings.leaving, true);
        return;
    }
    pthread_mutex_lock(&helper.lock);
    end();
    pthread_mutex_unlock(&helper.lock);
}

/* Whether the thread ends by now; a call may take until then. */
static bool ends_until(uint64_t at_ns)
{
    static const struct timespec moment = {0, 20000};
    for (;; nanosleep(&moment, NULL)) {
        switch (atomic_load(&settings.phase)) {
        case ENDS: return true;
        case SLEEPS:
            if (change_phase(SLEEPS, ENDS))
                return true;
            break;
        case CALLS: change_phase(CALLS, CALLS_LAST); break;
        case CALLS_LAST:
            if (tn__sys_monotonic_ns() >= at_ns && change_phase(CALLS_LAST, CALLS))
                return false;
            break;
        default: break;
        }
    }
}

void tn_helper_rest(void)
{
    if (is_helper || pthread_mutex_trylock(&helper.lock) != 0) /* who holds it may wait for a call */
        return;
    if (helper.exists && ends_until(tn__sys_monotonic_ns() + REST_NS))
        end();
    pthread_mutex_unlock(&helper.lock);
}

/* The thread that forked is the child's only one; it may be the helper itself, which then ends when its call returns. Its
 * stack stays: it may be the one we stand on. */
void tn_helper_forget(void)
{
    static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
    helper.lock = fresh; /* another thread may have held them */
    dispositions.lock = fresh;
    helper.exists = false;
    is_helper = false;
    atomic_fetch_add(&settings.life, 1);
    tn_helper_signals_off();
    atomic_store(&settings.signals, 0);
    atomic_store(&settings.alarm_ns, NEVER);
    atomic_store(&settings.rss_limit, 0);
    tn_timeline_forget();
}

bool tn_helper_is_self(void)
{
    return is_helper;
}

bool tn_helper_on_first_thread(void)
{
    return getpid() == (pid_t)syscall(SYS_gettid);
}

/* ---- settings ---- */

void tn_helper_alarm(uint64_t at_ns)
{
    atomic_store(&settings.alarm_ns, at_ns);
    post();
}

void tn_helper_watch_rss(uint64_t bytes)
{
    atomic_store(&settings.rss_limit, bytes);
    post();
}

int tn_helper_timeline(uint64_t interval_ns, const uint32_t *const counts[3], tn_error *err)
{
    if (interval_ns == 0)
        tn_timeline_stop();
    else
        TN_TRY(tn_timeline_start(interval_ns, counts, err));
    post();
    return 0;
}

/* ---- signals ---- */

static void handle(int signum)
{
    int saved = errno;
    atomic_fetch_or(&settings.signals, 1ull << (signum - 1));
    post();
    errno = saved;
}

static bool can_be_handled(int signum)
{
    switch (signum) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGKILL:
    case SIGSTOP: return false;
    default: return (signum > 0 && signum < 32) || (signum >= SIGRTMIN && signum < SIGNALS); /* others are libc's */
    }
}

/* Holds the lock. */
static void restore(int signum)
{
    struct sigaction now;
    if (sigaction(signum, NULL, &now) == 0 && now.sa_handler == handle)
        sigaction(signum, &dispositions.before[signum], NULL);
    dispositions.on[signum] = false;
}

/* Holds the lock. A handler of ours that was replaced since is set again; what replaced it is what comes back. */
static int install(int signum, tn_error *err)
{
    struct sigaction ours = {.sa_handler = handle, .sa_flags = SA_RESTART | SA_ONSTACK}, before;
    sigemptyset(&ours.sa_mask);
    if (sigaction(signum, &ours, &before) < 0)
        return tn__error_set(err, TN_EINVAL, 0, "signal %d cannot be handled", signum);
    if (before.sa_handler != handle)
        dispositions.before[signum] = before;
    dispositions.on[signum] = true;
    return 0;
}

int tn_helper_signal(int signum, bool on, tn_error *err)
{
    int status = 0;
    if (!can_be_handled(signum))
        return tn__error_set(err, TN_EINVAL, 0, "signal %d cannot be handled: choose another, such as SIGUSR2", signum);
    pthread_mutex_lock(&dispositions.lock);
    if (on)
        status = install(signum, err);
    else if (dispositions.on[signum])
        restore(signum);
    pthread_mutex_unlock(&dispositions.lock);
    return status;
}

void tn_helper_signals_off(void)
{
    pthread_mutex_lock(&dispositions.lock);
    for (int signum = 1; signum < SIGNALS; signum++)
        if (dispositions.on[signum])
            restore(signum);
    pthread_mutex_unlock(&dispositions.lock);
}
