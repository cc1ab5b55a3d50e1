/* sampler.c - see sampler.h: the thread that samples, and what starts and stops it. */
#include "record/sample_state.h"

#include "tonnage.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { STACK_BYTES = 256 << 10 };
static const uint64_t SECOND_NS = 1000000000, LONGEST_NS = 1000000000000, SHORTEST_NS = 1000;

static struct {
    tn_sample_places places;
    pthread_t thread;
    bool exists;                             /* started and not joined */
    uint32_t leaves;                         /* futex: the thread is to end */
    bool settles;                            /* the next tick only reads clocks: what threads did before is nobody's */
    uint64_t origin_ns, began_ns, before_ns; /* of strata; this time on; on before that */
    uint64_t next;                           /* stratum */
    uint64_t own_before_ns;
    uint64_t looked_ns; /* when the last tick began */
    tn_found found;     /* in this tick */
    uint64_t random;
    tn_watched *threads;      /* TN_SAMPLE_THREADS, in order of first sight; those that ended are gone */
    uint32_t n_threads, last; /* last: where it was found, for they come in order */
    uint64_t tick;
} sampler;

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* ---- threads ---- */

/* What is new goes on from the clocks of the same thread, which was in another interpreter or has come back from C. */
static tn_watched *watched(uint64_t state, uint64_t native)
{
    uint64_t cpu_ns = 0, user_ns = 0;
    for (uint32_t i = 0; i < sampler.n_threads; i++) {
        uint32_t at = (sampler.last + i) % sampler.n_threads;
        tn_watched *w = &sampler.threads[at];
        if (w->native != native)
            continue;
        if (w->state == state) {
            sampler.last = at + 1;
            return w;
        }
        cpu_ns = w->cpu_ns > cpu_ns ? w->cpu_ns : cpu_ns;
        user_ns = w->user_ns > user_ns ? w->user_ns : user_ns;
    }
    if (sampler.n_threads == TN_SAMPLE_THREADS)
        return NULL;
    tn_watched *w = &sampler.threads[sampler.n_threads++];
    *w = (tn_watched){.state = state, .native = native, .cpu_ns = cpu_ns, .user_ns = user_ns};
    return w;
}

/* Where not all threads were found, for one ended meanwhile, the others are there still. */
static void bury(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < sampler.n_threads; i++) {
        tn_watched *w = &sampler.threads[i];
        bool is_there = w->tick == sampler.tick || (!sampler.found.whole && tn__sample_clock(w->native, false));
        if (!is_there)
            tn__sample_pay_rest(w);
        else if (i != n++)
            sampler.threads[n - 1] = *w;
    }
    sampler.n_threads = n;
    sampler.last = 0;
    tn_set(&tn__sampled.threads, n);
}

/* ---- a look at a thread ---- */

static uint32_t decorated(const tn_seen_interpreter *in, uint64_t state, uint32_t stack, bool on_cpu, bool *locked)
{
    *locked = in->holder == state;
    if (!stack)
        return 0;
    if (in->collecting && *locked)
        return tn__sample_leaf(stack, TN_FRAME_GC);
    if (on_cpu && in->lock && !*locked) {
        *locked = tn__sample_holder(in) == state; /* it may have taken it meanwhile */
        return *locked ? stack : tn__sample_leaf(stack, TN_FRAME_NATIVE);
    }
    return stack;
}

/* ran_ns: what it has run since its clock was read last. */
static void sample(const tn_seen_interpreter *in, tn_watched *w, uint64_t cpu_ns, uint64_t ran_ns, uint64_t strata)
{
    enum tn_sample_clock clock = tn__sampled.clock;
    bool by_cpu = clock == TN_SAMPLE_PROF || clock == TN_SAMPLE_VIRTUAL, on_cpu = false, locked;
    if (ran_ns || !w->stack) {
        tn_look look;
        if (by_cpu && !ran_ns)
            return;
        tn__sample_look(w, cpu_ns, &look);
        on_cpu = ran_ns && (look.moved || tn__sample_waits_for_us(w->native));
        if (by_cpu && !on_cpu)
            return;
        if (!look.stack)
            tn__sample_count(&tn__sampled.rejected[look.failure], 1);
        if (look.changing)
            tn__sample_count(&tn__sampled.changing, 1);
        w->stack = look.stack;
        w->task = look.task;
    } else if (by_cpu) {
        return;
    }
    uint32_t stack = decorated(in, w->state, w->stack, on_cpu, &locked);
    uint32_t state = (on_cpu ? TN_SAMPLE_ON_CPU : 0) | (locked ? TN_SAMPLE_LOCKED : 0);
    w->last_row = tn__sample_row(stack, w->name, w->task, state);
    tn__sample_add(w->last_row, 1, by_cpu ? 0 : strata * tn__sampled.interval_ns, 0);
    uint64_t could_see = 1 + ran_ns / tn__sampled.interval_ns; /* missed ticks at which it ran */
    if (on_cpu)
        tn__sample_owe(w, w->last_row, strata <= could_see ? strata : could_see);
}

static void visit(const tn_seen_interpreter *in, uint64_t state, uint64_t native, uint64_t strata)
{
    enum tn_sample_clock clock = tn__sampled.clock;
    tn_watched *w = watched(state, native);
    if (!w) {
        tn__sample_count(&tn__sampled.rejected[TN_REJECT_THREADS], 1);
        return;
    }
    w->tick = sampler.tick;
    uint64_t cpu = tn__sample_clock(native, false),
             user = clock == TN_SAMPLE_VIRTUAL ? tn__sample_clock(native, true) : 0;
    if (cpu < w->cpu_ns) { /* another thread, by the same name */
        tn__sample_pay_rest(w);
        *w = (tn_watched){.state = state, .native = native, .tick = sampler.tick};
    }
    uint64_t ran = cpu - w->cpu_ns, ran_user = user > w->user_ns ? user - w->user_ns : 0;
    if (!w->cpu_ns) { /* what it ran before the last tick was not Python, or else it had been there */
        uint64_t most = now_ns(CLOCK_MONOTONIC) - sampler.looked_ns;
        ran = ran < most ? ran : most;
        ran_user = ran_user < ran ? ran_user : ran;
    }
    if (clock != TN_SAMPLE_GIL || in->holder == state) {
        w->debt_ns += ran;
        w->debt_user_ns += ran_user;
    }
    w->cpu_ns = cpu;
    w->user_ns = user;
    if (sampler.settles) {
        w->debt_ns = w->debt_user_ns = 0;
        return;
    }
    if (clock != TN_SAMPLE_GIL || in->holder == state)
        sample(in, w, cpu, ran, strata);
    else if (ran)
        w->stack = 0;
}

/* A control call may come in between, but not within one. */
static void visit_threads(uint64_t strata)
{
    const tn_found *found = &sampler.found;
    for (uint32_t i = 0; i < found->n_threads; i++) {
        const tn_seen_thread *t = &found->threads[i];
        tn__busy_enter(&tn__rec.sampling);
        if (t->native)
            visit(&found->interpreters[t->of], t->state, t->native, strata);
        tn__busy_leave(&tn__rec.sampling);
    }
}

/* ---- ticks ---- */

static void tick(uint64_t strata)
{
    uint64_t now = now_ns(CLOCK_MONOTONIC);
    sampler.tick++;
    tn__sample_threads(&sampler.found);
    visit_threads(strata);
    tn__busy_enter(&tn__rec.sampling);
    bury();
    tn__busy_leave(&tn__rec.sampling);
    sampler.looked_ns = now;
    if (!sampler.settles) {
        tn__sample_count(&tn__sampled.ticks, 1);
        tn__sample_count(&tn__sampled.missed, strata - 1);
    }
    sampler.settles = false;
}

static uint64_t random_below(uint64_t n)
{
    uint64_t z = (sampler.random += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % n; /* n is far from 2^64 */
}

/* Until the time, or until it is to end. */
static void sleep_until(uint64_t at_ns)
{
    struct timespec at = {(time_t)(at_ns / SECOND_NS), (long)(at_ns % SECOND_NS)};
    while (!tn_get_acquire(&sampler.leaves) && now_ns(CLOCK_MONOTONIC) < at_ns)
        syscall(SYS_futex, &sampler.leaves, FUTEX_WAIT_BITSET_PRIVATE, 0, &at, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void note_costs(void)
{
    tn_set(&tn__sampled.own_cpu_ns, sampler.own_before_ns + now_ns(CLOCK_THREAD_CPUTIME_ID));
    tn_set(&tn__sampled.duration_ns, sampler.before_ns + now_ns(CLOCK_MONOTONIC) - sampler.began_ns);
}

static void *run(void *nothing)
{
    uint64_t interval = tn__sampled.interval_ns;
    (void)nothing;
    prctl(PR_SET_NAME, "tonnage-sampler");
    prctl(PR_SET_TIMERSLACK, 1000ul); /* ns; as a rule it is a twentieth of a millisecond */
    if (sampler.settles)
        tick(1);
    for (;; note_costs()) {
        sleep_until(sampler.origin_ns + sampler.next * interval + random_below(interval));
        if (tn_get_acquire(&sampler.leaves))
            break;
        uint64_t at = (now_ns(CLOCK_MONOTONIC) - sampler.origin_ns) / interval;
        at = at > sampler.next ? at : sampler.next;
        tick(at + 1 - sampler.next);
        sampler.next = at + 1;
    }
    note_costs();
    return NULL;
}

/* ---- control ---- */

static int begin(void)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    uint64_t now = now_ns(CLOCK_MONOTONIC), interval = tn__sampled.interval_ns;
    sampler.leaves = 0;
    sampler.began_ns = now;
    sampler.before_ns = tn__sampled.duration_ns;
    sampler.own_before_ns = tn__sampled.own_cpu_ns;
    if (sampler.settles)
        sampler.origin_ns = sampler.looked_ns = now, sampler.next = 0;
    else if ((now - sampler.origin_ns) / interval > sampler.next)
        sampler.next = (now - sampler.origin_ns) / interval;
    if (pthread_attr_init(&attributes) != 0)
        return TN_ENOMEM;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&sampler.thread, &attributes, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    sampler.exists = code == 0;
    return code == 0 ? TN_OK : TN_ELIMIT;
}

static void end(void)
{
    if (!sampler.exists)
        return;
    tn_set_release(&sampler.leaves, 1);
    syscall(SYS_futex, &sampler.leaves, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    pthread_join(sampler.thread, NULL);
    sampler.exists = false;
}

static bool prepare(const tn_sample_places *places, uint32_t max_stacks)
{
    sampler.places = *places;
    tn__sample_fixed(places->fixed_start, places->fixed_end);
    tn__sample_owner_start(&sampler.places);
    if (!sampler.threads)
        sampler.threads = tn__pages_get(TN_PART_SAMPLES, TN_SAMPLE_THREADS * sizeof *sampler.threads);
    sampler.n_threads = 0;
    sampler.settles = true;
    return sampler.threads && tn__tables_keep(TN_KEPT_FOR_SAMPLER) && tn_sample_read_start() &&
           tn__samples_start(max_stacks) && tn__sample_threads_start(&sampler.places) &&
           tn__sample_codes_start(&sampler.places) && tn__sample_calls_start(&sampler.places) &&
           tn__sample_stacks_start(&sampler.places);
}

/* In a child that C code forked, so that nobody has called tn_sampler_pause(): the thread is the parent's, and was anywhere. Nobody
 * is to wait for it, nor for what it held. */
static void lose_thread(void)
{
    if (!sampler.exists)
        return;
    sampler.exists = false;
    tn__sampled.on = false;
    tn__rec.sampling = 0;
    tn_record_after_fork_child();
}

static bool watch_forks(void)
{
    static bool done;
    done = done || pthread_atfork(NULL, NULL, lose_thread) == 0;
    return done;
}

int tn_sampler_start(const tn_sample_places *places, const tn_sample_options *o)
{
    if (tn__sampled.on || (unsigned)o->clock >= TN_SAMPLE_CLOCKS || o->interval_ns < SHORTEST_NS ||
        o->interval_ns > LONGEST_NS)
        return TN_EINVAL;
    if (tn__sampled.ever && tn__sampled.clock != o->clock)
        tn_sampler_clear();
    int error = errno;
    if (!watch_forks() || !prepare(places, o->max_stacks)) {
        tn_sampler_clear();
        return TN_ENOMEM;
    }
    tn_sampled *s = &tn__sampled;
    s->clock = o->clock;
    s->interval_ns = o->interval_ns;
    if (!s->ever)
        s->started_wall_ns = now_ns(CLOCK_REALTIME);
    sampler.random = sampler.random ? sampler.random : now_ns(CLOCK_REALTIME) ^ (uint64_t)getpid() << 40;
    int status = begin();
    s->on = status == TN_OK;
    s->ever |= s->on;
    errno = error;
    return status;
}

void tn_sampler_stop(void)
{
    end();
    for (uint32_t i = 0; tn__sampled.on && i < sampler.n_threads; i++)
        tn__sample_pay_rest(&sampler.threads[i]);
    sampler.n_threads = 0;
    tn__sampled.on = false;
}

void tn_sampler_settle(void)
{
    if (!tn__sampled.on)
        return;
    tn_record_before_fork();
    for (uint32_t i = 0; i < sampler.n_threads; i++)
        tn__sample_pay(&sampler.threads[i]);
    tn_record_after_fork_parent();
}

/* The tables may hold rows that the next run shall not have: it begins as the first. */
void tn_sampler_clear(void)
{
    bool was = tn__sampled.on;
    tn_sample_options o = {tn__sampled.clock, tn__sampled.interval_ns, tn__sampled.max_stacks};
    tn_sample_places places = sampler.places;
    tn_sampler_stop();
    tn__tables_release(TN_KEPT_FOR_SAMPLER);
    tn__samples_free();
    tn__sample_threads_forget();
    tn__sample_codes_forget();
    tn__sample_calls_forget();
    tn__sample_stacks_forget();
    sampler.threads = NULL;
    tn__sampled = (tn_sampled){0};
    if (was)
        tn_sampler_start(&places, &o);
}

void tn_sampler_pause(void)
{
    end();
}

int tn_sampler_resume(void)
{
    return tn__sampled.on && !sampler.exists ? begin() : TN_OK;
}

int tn_sampler_forked(void)
{
    sampler.exists = false; /* it was the parent's */
    tn__rec.sampling = 0;
    sampler.random ^= (uint64_t)getpid() << 40;
    bool was = tn__sampled.on;
    tn_sample_options o = {tn__sampled.clock, tn__sampled.interval_ns, tn__sampled.max_stacks};
    tn_sample_places places = sampler.places;
    tn__sampled.on = false;
    tn_sampler_clear();
    return was ? tn_sampler_start(&places, &o) : TN_OK;
}
