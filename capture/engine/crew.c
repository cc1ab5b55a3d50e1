/* crew.c - see crew.h. */
#include "engine/crew.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

enum { MAX_THREADS = 16, STACK_BYTES = 1 << 20 };

typedef struct member {
    pthread_t thread;
    void (*work)(void *ctx, uint32_t index);
    void *ctx;
    uint32_t index;
} member;

uint32_t tn_crew_size(uint32_t cap)
{
    cpu_set_t set;
    uint32_t n = sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
    return n < cap ? n : cap;
}

static void *run(void *arg)
{
    const member *m = arg;
    m->work(m->ctx, m->index);
    return NULL;
}

/* A thread inherits the mask of its maker: signals stay with the program's own threads. */
static uint32_t start(member *members, uint32_t n)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    uint32_t started = 0;
    if (n == 0 || pthread_attr_init(&attributes) != 0)
        return 0;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < n && pthread_create(&members[started].thread, &attributes, run, &members[started]) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

void tn_crew_run(uint32_t n, void (*work)(void *ctx, uint32_t index), void *ctx)
{
    member members[MAX_THREADS];
    uint32_t helpers = n < 1 ? 0 : (n < MAX_THREADS ? n : MAX_THREADS) - 1;
    for (uint32_t i = 0; i < helpers; i++)
        members[i] = (member){.work = work, .ctx = ctx, .index = i + 1};
    uint32_t started = start(members, helpers);
    work(ctx, 0);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(members[i].thread, NULL);
}
