/* crew.c - see crew.h. */
#include "engine/crew.h"

#include "base/base.h"
#include "engine/thread.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

enum { MAX_THREADS = 16, STACK_BYTES = 1 << 20 };

typedef struct member {
    tn_thread thread;
    void (*work)(void *ctx, uint32_t index);
    void *ctx;
    uint32_t index;
} member;

/* Whole processors that the control group grants (cgroup v2: "quota period" in microseconds), or cap. */
static uint32_t quota(uint32_t cap)
{
    char text[64] = "";
    unsigned long long granted, period;
    int fd;
    uint64_t bytes;
    if (tn__sys_open_read("/sys/fs/cgroup/cpu.max", &fd, &bytes, NULL) < 0)
        return cap;
    ssize_t n = read(fd, text, sizeof text - 1);
    tn__sys_close(fd);
    if (n <= 0 || sscanf(text, "%llu %llu", &granted, &period) != 2 || !period)
        return cap;
    uint64_t whole = granted / period;
    return whole < 1 ? 1 : whole < cap ? (uint32_t)whole : cap;
}

uint32_t tn_crew_size(uint32_t cap)
{
    cpu_set_t set;
    uint32_t n = sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
    return quota(n < cap ? n : cap);
}

static void *run(void *arg)
{
    const member *m = arg;
    m->work(m->ctx, m->index);
    return NULL;
}

uint32_t tn_crew_run(uint32_t n, void (*work)(void *ctx, uint32_t index), void *ctx)
{
    member members[MAX_THREADS];
    uint32_t helpers = n < 1 ? 0 : (n < MAX_THREADS ? n : MAX_THREADS) - 1, started = 0;
    for (uint32_t i = 0; i < helpers; i++)
        members[i] = (member){.work = work, .ctx = ctx, .index = i + 1};
    while (started < helpers && tn_thread_start(&members[started].thread, STACK_BYTES, run, &members[started]))
        started++;
    work(ctx, 0);
    for (uint32_t i = 0; i < started; i++)
        tn_thread_join(&members[i].thread);
    return started + 1;
}
