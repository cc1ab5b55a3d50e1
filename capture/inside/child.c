/* child.c - the forked process that walks a copy of its parent and writes the file. No Python.h.
 *
 * The kernel copies the page tables; pages are copied when one of the two writes to them. Forked by clone() itself, with no
 * signal at its end: the program's own waiting does not see it, no handler of a library runs, no lock is taken. Locks of the
 * C library may be held by threads that are not there any more, so the child calls nothing of it that has state:
 * no malloc, no stdio, no locale. Memory comes from mmap.
 *
 * tp_traverse is code of the program. It is called under guard: when it crashes or does not return, its type is left out and
 * named in the file. A crash of the walk itself means memory that the kernel did not copy (MADV_DONTFORK): the walk begins
 * again and checks every pointer.
 */
#include "inside/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum child_state { RUNNING, FINISHED, CRASHED, LATE };

struct tn_child_area {
    pid_t parent, pid;
    bool reaped;
    int wait_status;
    uint64_t pause_ns, started_ns;
    _Atomic uint32_t told; /* pause_ns and report are there */
    _Atomic uint32_t state;
    int status; /* FINISHED */
    tn_error err;
    int signal; /* CRASHED */
    uint64_t address, limit_s;
    char path[4096]; /* of the file; "": it has none, or a longer one */
    tn_process_report report;
};

/* ---- in the child: the guard ---- */

enum { TICK_MS = 500, HUNG_TICKS = 6, STACK_BYTES = 65536 };

static struct {
    tn_child_area *area;
    tn_traverse call;
    sigjmp_buf back, again;
    volatile bool traversing; /* code of the program runs */
    volatile bool ours;       /* but just now ours, which it called */
    volatile bool walking;    /* a fault lets the walk begin again */
    volatile enum tn_traversed how;
    volatile uint64_t calls;
    uint64_t calls_before, deadline_ns;
    unsigned ticks;
    tn_visit visit;
    void *visit_ctx;
    char stack[STACK_BYTES];
} guard;

static void visit_guarded(void *ctx, uint64_t referent)
{
    (void)ctx;
    guard.ours = true;
    guard.visit(guard.visit_ctx, referent);
    guard.ours = false;
}

static enum tn_traversed traverse_guarded(uint64_t function, uint64_t object, tn_visit visit, void *ctx)
{
    guard.visit = visit;
    guard.visit_ctx = ctx;
    guard.calls = guard.calls + 1;
    if (sigsetjmp(guard.back, 0) == 0) {
        guard.how = TN_TRAVERSED;
        guard.traversing = true;
        guard.call(function, object, visit_guarded, NULL);
    }
    guard.traversing = false;
    return guard.how;
}

static _Noreturn void end(enum child_state state)
{
    guard.area->state = state;
    _exit(0);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (guard.traversing && !guard.ours) {
        guard.how = TN_TRAVERSE_CRASHED;
        siglongjmp(guard.back, 1);
    }
    if (guard.walking && (signal == SIGSEGV || signal == SIGBUS))
        siglongjmp(guard.again, 1);
    guard.area->signal = signal;
    guard.area->address = (uint64_t)(uintptr_t)info->si_addr;
    end(CRASHED);
}

static void on_tick(int signal)
{
    (void)signal;
    if (tn__sys_monotonic_ns() > guard.deadline_ns)
        end(LATE);
    guard.ticks = guard.traversing && guard.calls == guard.calls_before ? guard.ticks + 1 : 0;
    guard.calls_before = guard.calls;
    if (guard.ticks < HUNG_TICKS || guard.ours)
        return;
    guard.ticks = 0;
    guard.how = TN_TRAVERSE_HUNG;
    siglongjmp(guard.back, 1);
}

/* All signals are blocked; only these come through. Handlers of the program are gone. */
static void guard_signals(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    stack_t stack = {.ss_sp = guard.stack, .ss_size = sizeof guard.stack};
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t through;
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &action, NULL);
    sigaltstack(&stack, NULL);
    sigemptyset(&through);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) {
        sigaction(faults[i], &action, NULL);
        sigaddset(&through, faults[i]);
    }
    action = (struct sigaction){.sa_handler = on_tick, .sa_flags = SA_ONSTACK | SA_NODEFER | SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    sigaddset(&through, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &through, NULL);
    struct itimerval each = {{0, TICK_MS * 1000}, {0, TICK_MS * 1000}};
    setitimer(ITIMER_REAL, &each, NULL);
}

/* ---- in the child: the work ---- */

/* Ends of pipes and connections close in the program when it closes them, not when the child ends. */
static void close_all_but(int kept)
{
    struct rlimit limit = {1024, 1024};
    unsigned first = (unsigned)kept + 1;
    bool closed =
        (kept <= 0 || syscall(SYS_close_range, 0, kept - 1, 0) == 0) && syscall(SYS_close_range, first, ~0u, 0) == 0;
    if (closed)
        return;
    getrlimit(RLIMIT_NOFILE, &limit);
    for (int fd = 0; fd < (limit.rlim_cur < 65536 ? (int)limit.rlim_cur : 65536); fd++)
        if (fd != kept)
            close(fd);
}

/* The program's threads go first, also where they have real-time priority, which a fork inherits. */
static void give_way(void)
{
    const struct sched_param none = {0};
    sched_setscheduler(0, SCHED_BATCH, &none);
    setpriority(PRIO_PROCESS, 0, 10);
}

/* When memory is short the kernel ends the child first. */
static void step_back(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!write(fd, "1000", 4);
        close(fd);
    }
    give_way();
    prctl(PR_SET_NAME, "tonnage");
}

/* What the parent says of itself; it may be dead. */
static const tn_process_report *await_report(void *ctx)
{
    tn_save *save = ctx;
    const struct timespec pause = {0, 1000000};
    enum { MOST_MS = 30000 };
    for (int i = 0; i < MOST_MS && getppid() == guard.area->parent; i++) {
        if (guard.area->told) {
            save->times.pause_ns = guard.area->pause_ns;
            return &guard.area->report;
        }
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static int walk_and_save(tn_inside *inside, tn_save *save, tn_error *err)
{
    static tn_walk *w; /* not a local: kept over siglongjmp */
    tn_walk_options options = save->options->walk;
    options.threads = 1;
    options.data_bytes = TN_DATA_IN_CHILD;
    if (sigsetjmp(guard.again, 0) == 0)
        guard.walking = true;
    else {
        guard.walking = guard.traversing = guard.ours = false;
        inside->target.memory.checked = true;
    }
    TN_TRY(tn_inside_map(inside, err));
    int status = tn_walk_run(&inside->target, &options, save->alloc, &w, err);
    guard.walking = false;
    tn_inside_close_areas(inside);
    if (status == 0)
        status = tn_traced_take(w, options.redact, !save->options->sums, &save->traced, err);
    return status < 0 ? status : tn_save_file(save, w, await_report, save, err);
}

static _Noreturn void child_main(tn_inside *inside, tn_save *save, tn_child_area *area)
{
    guard.area = area;
    guard.call = inside->target.traverse;
    guard.deadline_ns = tn__sys_monotonic_ns() + area->limit_s * 1000000000ull;
    inside->target.traverse = traverse_guarded;
    save->times.pause_ns = tn__sys_monotonic_ns() - save->times.monotonic_ns;
    close_all_but(save->options->path ? -1 : save->options->fd);
    guard_signals();
    step_back();
    area->status = walk_and_save(inside, save, &area->err);
    end(FINISHED);
}

/* ---- in the parent ---- */

static int start(tn_inside *inside, tn_save *save, tn_child_area *area, tn_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    long pid = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
    if (pid == 0)
        child_main(inside, save, area);
    int code = errno;
    save->times.pause_ns = tn__sys_monotonic_ns() - save->times.monotonic_ns;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return tn__error_set(err, code == ENOMEM ? TN_ENOMEM : TN_ELIMIT, 0,
                             "cannot fork (error %d): take the snapshot with mode stop", code);
    area->pid = (pid_t)pid;
    return 0;
}

int tn_child_start(tn_inside *inside, tn_save *save, tn_child_area **out, tn_error *err)
{
    tn_child_area *area = mmap(NULL, sizeof *area, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to begin a snapshot");
    area->parent = getpid();
    area->started_ns = save->times.monotonic_ns;
    if (save->options->path)
        tn__compose(area->path, sizeof area->path, "%s", save->options->path);
    area->limit_s = 600 + 120 * (save->times.rss_bytes >> 30);
    int status = start(inside, save, area, err);
    if (status < 0)
        munmap(area, sizeof *area);
    else
        *out = area;
    return status;
}

void tn_child_tell(tn_child_area *area, const tn_save *save)
{
    area->pause_ns = save->times.pause_ns;
    tn_process_report_read(&area->report, save->inside->target.glibc);
    area->told = 1;
}

/* No descriptor is kept: a program may close them all, and what it opens next has their numbers. */
static void wait_for_end(pid_t pid, uint32_t milliseconds)
{
    struct pollfd one = {tn__sys_aside((int)syscall(SYS_pidfd_open, pid, 0)), POLLIN, 0};
    poll(&one, 1, (int)milliseconds); /* a negative one, where the kernel has none, is passed over */
    if (one.fd >= 0)
        close(one.fd);
}

/* Another part of the program may have waited for all children of every kind: then there is no status. */
static bool reap(tn_child_area *area, uint32_t milliseconds)
{
    if (milliseconds && !area->reaped)
        wait_for_end(area->pid, milliseconds);
    pid_t found = area->reaped ? 0 : waitpid(area->pid, &area->wait_status, WNOHANG | __WCLONE);
    if (found == area->pid || (found < 0 && errno == ECHILD)) {
        area->reaped = true;
        if (area->state != FINISHED && area->path[0])
            tn__sys_sweep(area->path, area->pid);
    }
    return area->reaped;
}

/* Looks first: if somebody else has waited for the child, the process id may be another's. */
static void kill_child(tn_child_area *area)
{
    if (!reap(area, 0))
        kill(area->pid, SIGKILL);
    while (!reap(area, 100))
        continue;
}

static int why_no_file(const tn_child_area *area, tn_error *err)
{
    if (area->state == LATE)
        return tn__error_set(err, TN_EINTERRUPTED, 0, "no snapshot: it was not done in %llu s",
                             (unsigned long long)area->limit_s);
    if (area->state == CRASHED)
        return tn__error_set(err, TN_EINTERRUPTED, 0,
                             "no snapshot: the forked process crashed (signal %d at 0x%llx): take it with mode stop",
                             area->signal, (unsigned long long)area->address);
    return tn__error_set(err, TN_EINTERRUPTED, 0,
                         "no snapshot: the forked process was killed (signal %d), for want of memory if the kernel did "
                         "it: take it with mode stop",
                         WIFSIGNALED(area->wait_status) ? WTERMSIG(area->wait_status) : 0);
}

bool tn_child_ended(tn_child_area *area, uint32_t milliseconds, int *status, tn_error *err)
{
    enum { MARGIN_S = 60 }; /* a child that is stopped cannot look at the clock */
    if (!reap(area, milliseconds)) {
        if (tn__sys_monotonic_ns() < area->started_ns + (area->limit_s + MARGIN_S) * 1000000000ull)
            return false;
        kill_child(area);
        if (area->state == RUNNING)
            area->state = LATE;
    }
    *status = area->state == FINISHED ? area->status : why_no_file(area, err);
    if (area->state == FINISHED && err)
        *err = area->err;
    return true;
}

void tn_child_forget(tn_child_area *area)
{
    if (!area)
        return;
    if (area->parent == getpid() && !area->reaped)
        kill_child(area);
    munmap(area, sizeof *area);
}
