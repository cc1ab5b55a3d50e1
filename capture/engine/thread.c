/* thread.c - see thread.h. */
#include "engine/thread.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { GUARD_BYTES = 4096 };

/* Huge pages are refused: the first touch would take 2 MiB. */
static void *map_stack(size_t bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    madvise(p, bytes, MADV_NOHUGEPAGE);
    mprotect(p, GUARD_BYTES, PROT_NONE);
    return p;
}

static void *begun(void *thread)
{
    tn_thread *t = thread;
    t->number = (pid_t)syscall(SYS_gettid);
    return t->run(t->arg);
}

bool tn_thread_start(tn_thread *t, size_t stack_bytes, void *(*run)(void *arg), void *arg)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    void *stack = map_stack(stack_bytes);
    if (!stack)
        return false;
    t->run = run;
    t->arg = arg;
    bool started = false;
    if (pthread_attr_init(&attributes) == 0) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* a thread inherits the mask of its maker */
        started = pthread_attr_setstack(&attributes, (char *)stack + GUARD_BYTES, stack_bytes - GUARD_BYTES) == 0 &&
                  pthread_create(&t->id, &attributes, begun, t) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
    }
    if (!started) {
        munmap(stack, stack_bytes);
        return false;
    }
    t->stack = stack;
    t->stack_bytes = stack_bytes;
    return true;
}

void tn_thread_join(tn_thread *t)
{
    enum { TRIES = 200 };
    const struct timespec pause = {.tv_nsec = 100000};
    pthread_join(t->id, NULL);
    for (int i = 0; i < TRIES && syscall(SYS_tgkill, getpid(), t->number, 0) == 0; i++)
        nanosleep(&pause, NULL);
    munmap(t->stack, t->stack_bytes);
}
