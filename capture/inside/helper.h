/* helper.h - the one helper thread of a process. It sleeps until something is due: an alarm, a signal, the resident set
 * above a number, a sample of the time line. For the first three it calls what tn_helper_start() was given. No Python.h.
 *
 * It costs no processor time while nothing is due. Settings outlive the thread: it may be stopped for a fork and started
 * again. All calls may come from any thread; only what is marked so is safe in a signal handler.
 */
#ifndef TN_HELPER_H
#define TN_HELPER_H

#include "base/base.h"

enum { TN_HELPER_ALARM = 1, TN_HELPER_SIGNAL = 2, TN_HELPER_RSS = 4 };

/* On the helper thread, one call at a time, with the signal mask of whoever started the thread. signals: bit n - 1 is set
 * when signal n came. */
typedef void (*tn_helper_call)(unsigned reasons, uint64_t signals);

/* Does nothing when the thread runs. TN_ELIMIT: the system gives no thread. */
int tn_helper_start(tn_helper_call call, tn_error *err);
/* Returns when the thread is gone; a call in progress is waited for. On the helper thread itself it only asks: the thread
 * ends after the call. Does nothing when there is none. */
void tn_helper_stop(void);
/* Before a fork: ends the thread, so that the caller is alone, but for one in a call that takes longer than 50 ms more: the
 * call may itself wait for what the forking thread holds. */
void tn_helper_rest(void);
/* In a child, after fork: there is no thread, no setting, and signals have their former dispositions. */
void tn_helper_forget(void);
/* Whether this is the helper thread. */
bool tn_helper_is_self(void);
/* Whether this is the thread that the process began with. */
bool tn_helper_on_first_thread(void);

/* One call at this time of tn__sys_monotonic_ns(), which replaces what was asked before; UINT64_MAX: none. */
void tn_helper_alarm(uint64_t at_ns);

/* One call when the resident set has more bytes, then never again until asked again; 0: none. It is looked at once a
 * second. */
void tn_helper_watch_rss(uint64_t bytes);

/* Lets a signal wake the helper: with SA_RESTART, so that no call of the program returns for it with EINTR but those that
 * always do. Off: the former disposition is back, unless the program has set its own since. TN_EINVAL: a signal that cannot
 * be caught, or that must not return (SIGSEGV …). Signals of one number that come before the call are one. */
int tn_helper_signal(int signum, bool on, tn_error *err);
void tn_helper_signals_off(void); /* all of them */

/* A sample of the time line (timeline.h) from now on at each interval; 0: none, what was sampled is dropped. counts: where
 * the collector counts, or NULL. TN_ENOMEM. */
int tn_helper_timeline(uint64_t interval_ns, const uint32_t *const counts[3], tn_error *err);

#endif
