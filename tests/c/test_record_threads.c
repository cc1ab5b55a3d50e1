/* test_record_threads.c - the recorder with 24 threads: half of them take turns by a lock, as Python's do, half do not care.
 *
 * Blocks go from thread to thread; meanwhile the recorder is read, cleared, switched, stopped and started, and the process
 * forks. Each thread counts for itself what it has done; the sum of that is the oracle. Run by the thread sanitizer, too.
 */
#include "record_model.h"

#include "suite.h"

#include "tonnage.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 24, SLOTS = 40, MOST_MADE = 3000, SHARED = 64, STACKS = 24 };

typedef struct tally {
    int64_t live_bytes, live_count, made_bytes, made_count;
} tally;

typedef struct worker {
    pthread_t id;
    unsigned number;
    bool locked; /* takes turns, and allocates from MEM and OBJ */
    uint64_t random, n_made;
    model_block blocks[SLOTS];
    tally sums[STACKS][MODEL_DOMAINS];
} worker;

static model m;
static worker workers[THREADS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, exchange = PTHREAD_MUTEX_INITIALIZER;
static model_block shared[2][SHARED]; /* blocks on their way to another thread, by side */
static bool sampled;
static uint64_t most_made; /* allocations of a worker, of all its threads */
static atomic_bool done;
static atomic_int n_in_flight; /* blocks between the removal of their trace and its return: in sums only */

/* ---- hooks ---- */

static void tell_alloc(const model_block *b)
{
    tn_tracer *t;
    if ((sampled && !tn_sampled_due(b->bytes)) || !(t = tn_record_enter()))
        return;
    model_walk(&m, t, b->stack);
    if (sampled)
        tn_sampled_alloc(t, b->address, b->bytes, m.domains[b->domain]);
    else
        tn_record_alloc(t, b->address, b->bytes, m.domains[b->domain]);
    tn_record_leave(t);
}

static void tell_free(const model_block *b)
{
    tn_tracer *t;
    if ((sampled && !tn_sampled_maybe(b->address)) || !(t = tn_record_enter()))
        return;
    if (sampled)
        tn_sampled_free(t, b->address, m.domains[b->domain]);
    else
        tn_record_free(t, b->address, m.domains[b->domain]);
    tn_record_leave(t);
}

static void tell_resize(const model_block *b, uint64_t bytes)
{
    tn_taken taken;
    tn_tracer *t = tn_record_enter();
    if (!t)
        return;
    if (sampled) {
        model_block anew = *b;
        anew.bytes = bytes;
        tn_sampled_take(t, b->address, m.domains[b->domain], &taken);
        tn_record_leave(t);
        tell_alloc(&anew);
        return;
    }
    if (tn_record_take(t, b->address, m.domains[b->domain], &taken))
        tn_record_give(t, &taken, b->address, bytes, m.domains[b->domain]);
    tn_record_leave(t);
}

/* ---- a thread's life ---- */

static void allocate(worker *w, unsigned slot)
{
    uint64_t r = model_random(&w->random);
    model_block *b = &w->blocks[slot];
    b->is_there = true;
    b->stack = (unsigned)(r % STACKS);
    b->domain = w->locked ? (unsigned)(r >> 8) % 2 : 2 + (unsigned)(r >> 8) % 3;
    b->bytes = (r >> 16) % 500;
    b->address = 0x7f0000000000 + 0x200 * (w->n_made++ * THREADS + w->number); /* among other threads' blocks */
    tell_alloc(b);
    tally *s = &w->sums[b->stack][b->domain];
    s->live_bytes += (int64_t)b->bytes;
    s->made_bytes += (int64_t)b->bytes;
    s->live_count++;
    s->made_count++;
}

static void release(worker *w, model_block *b)
{
    tally *s = &w->sums[b->stack][b->domain];
    s->live_bytes -= (int64_t)b->bytes;
    s->live_count--;
    b->is_there = false;
    tell_free(b);
}

static void resize(worker *w, model_block *b)
{
    uint64_t bytes = model_random(&w->random) % 500;
    tally *s = &w->sums[b->stack][b->domain];
    s->live_bytes += (int64_t)(bytes - b->bytes);
    s->made_bytes += sampled ? (int64_t)bytes : bytes > b->bytes ? (int64_t)(bytes - b->bytes) : 0;
    s->made_count += sampled;
    atomic_fetch_add(&n_in_flight, 1);
    tell_resize(b, bytes);
    atomic_fetch_sub(&n_in_flight, 1);
    b->bytes = bytes;
}

/* Gives a block away for one of another thread. */
static void swap(worker *w, model_block *mine)
{
    pthread_mutex_lock(&exchange);
    model_block *theirs = &shared[w->locked][model_random(&w->random) % SHARED], b = *theirs;
    *theirs = *mine;
    *mine = b;
    pthread_mutex_unlock(&exchange);
}

/* Addresses are of slots: what came from elsewhere goes first. */
static void step(worker *w)
{
    uint64_t r = model_random(&w->random);
    unsigned slot = (unsigned)(r % SLOTS);
    model_block *b = &w->blocks[slot];
    if (!b->is_there)
        allocate(w, slot);
    else if (r >> 16 & 1)
        release(w, b);
    else if ((r >> 17 & (w->locked ? 1 : 15)) == 1)
        resize(w, b);
    else
        swap(w, b);
}

static void *live(void *arg)
{
    worker *w = arg;
    while (w->n_made < most_made && !atomic_load(&done)) {
        if (w->locked)
            pthread_mutex_lock(&lock);
        step(w);
        if (w->locked)
            pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void begin(enum tn_record_mode mode)
{
    memset(&m, 0, sizeof m);
    memset(shared, 0, sizeof shared);
    memset(workers, 0, sizeof workers);
    model_make_stacks(&m, 31);
    tn_record_options options = {.mode = mode, .seed = 3, .interval_bytes = 300, .max_samples = 200};
    options.describe = model_describe;
    options.code_offset = MODEL_CODE_OFFSET;
    assert_int_equal(tn_record_start(&options), TN_OK);
    model_begin(&m);
    sampled = mode == TN_RECORD_SAMPLED;
    atomic_store(&done, false);
    most_made = MOST_MADE;
}

static void start_workers(void)
{
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].number = i;
        workers[i].locked = i % 2;
        workers[i].random = 1000 + i + most_made;
        assert_int_equal(pthread_create(&workers[i].id, NULL, live, &workers[i]), 0);
    }
}

static void join_workers(void)
{
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(workers[i].id, NULL);
}

static int stop(void **state)
{
    (void)state;
    tn_record_stop();
    return 0;
}

/* ---- comparing ---- */

static void find_site(const tn_recorded_site *site, unsigned *stack, unsigned *domain)
{
    char text[sizeof m.stacks[0].text];
    model_stack_text(site->stack, text, sizeof text);
    for (*stack = 0; *stack < STACKS && strcmp(m.stacks[*stack].text, text) != 0; ++*stack)
        ;
    for (*domain = 0; m.numbers[*domain] != site->domain_number || site->tracked != (*domain >= 3); ++*domain)
        assert_true(*domain + 1 < MODEL_DOMAINS);
    assert_true(*stack < STACKS);
}

static void compare_sums(void)
{
    static tally sums[STACKS][MODEL_DOMAINS];
    memset(sums, 0, sizeof sums);
    for (unsigned i = 0; i < THREADS * STACKS * MODEL_DOMAINS; i++) {
        const tally *from = &workers[i / STACKS / MODEL_DOMAINS].sums[i / MODEL_DOMAINS % STACKS][i % MODEL_DOMAINS];
        tally *to = &sums[i / MODEL_DOMAINS % STACKS][i % MODEL_DOMAINS];
        to->live_bytes += from->live_bytes;
        to->live_count += from->live_count;
        to->made_bytes += from->made_bytes;
        to->made_count += from->made_count;
    }
    tn_recorded_site site;
    unsigned n = 0, stack, domain;
    for (uint32_t id = 3; tn_recorded_site_at(id, &site); id++, n++) {
        find_site(&site, &stack, &domain);
        assert_int_equal(site.live_bytes, sums[stack][domain].live_bytes);
        assert_int_equal(site.live_count, sums[stack][domain].live_count);
        assert_int_equal(site.allocated_bytes, sums[stack][domain].made_bytes);
        assert_int_equal(site.allocated_count, sums[stack][domain].made_count);
    }
    assert_int_equal(n, STACKS * MODEL_DOMAINS);
}

typedef struct by_site {
    double bytes[4096], count[4096];
    unsigned n;
} by_site;

static bool add_block(void *ctx, const tn_recorded_block *b)
{
    by_site *sums = ctx;
    if (b->site >= 4096)
        return false;
    sums->bytes[b->site] += (double)b->bytes * b->weight;
    sums->count[b->site] += b->weight;
    sums->n++;
    return true;
}

/* Are the live sums those of the blocks there are? */
static bool is_consistent(unsigned *n_blocks)
{
    static by_site sums;
    tn_recorded now;
    tn_recorded_site site;
    int64_t live = 0;
    memset(&sums, 0, sizeof sums);
    tn_recorded_blocks(add_block, &sums);
    *n_blocks = sums.n;
    for (uint32_t id = 1; tn_recorded_site_at(id, &site); id++) {
        double off = sums.bytes[id] - (double)site.live_bytes, n_off = sums.count[id] - site.live_count;
        live += site.live_bytes;
        if (off > sums.n || -off > sums.n || n_off > 0.01 || -n_off > 0.01 || (!sampled && off != 0))
            return false;
    }
    tn_recorded_now(&now);
    return live == now.traced_bytes;
}

/* ---- what is done meanwhile ---- */

static void read_all(void)
{
    unsigned n;
    tn_recorded_cost cost;
    pthread_mutex_lock(&lock);
    is_consistent(&n); /* those apart go on: it need not be */
    tn_recorded_cost_now(&cost);
    pthread_mutex_unlock(&lock);
}

/* Without what the sanitizer would say of threads that a child has not. */
static void leave(int status)
{
    syscall(SYS_exit_group, status);
}

/* The child of a fork that was announced reads a whole; that of one that was not reads what is there, and ends. */
static void fork_once(bool announced)
{
    int status = -1;
    pthread_mutex_lock(&lock);
    if (announced)
        tn_record_before_fork();
    pid_t pid = fork();
    if (pid == 0) {
        unsigned n;
        bool whole = is_consistent(&n);
        if (!announced)
            leave(0);
        tn_record_after_fork_child();
        model_block b = {.address = 0x600000000000, .bytes = 4000, .domain = 2};
        for (b.stack = 0; b.stack < MODEL_STACKS; b.stack++, b.address += 0x1000) {
            b.domain = b.stack % MODEL_DOMAINS;
            tell_alloc(&b);
        }
        bool still = is_consistent(&n) && (sampled || n >= MODEL_STACKS);
        leave((whole && still) || atomic_load(&n_in_flight) ? 0 : 3);
    }
    if (announced)
        tn_record_after_fork_parent();
    pthread_mutex_unlock(&lock);
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);
}

static void die_once(uint64_t code)
{
    tn_walked f = {.code = code, .at = code + MODEL_CODE_OFFSET};
    pthread_mutex_lock(&lock);
    tn_tracer *t = tn_record_enter();
    if (t && tn_walk_room(t, 0)) {
        t->walk[0] = f;
        tn_walk_end(t, 1);
        tn_record_alloc(t, 0x1000, 0, TN_DOMAIN_OBJ);
        tn_record_free(t, 0x1000, TN_DOMAIN_OBJ);
    }
    if (t)
        tn_record_leave(t);
    tn_record_code_dies(code);
    pthread_mutex_unlock(&lock);
}

static void test_sums_are_those_of_all_threads_together(void **state)
{
    (void)state;
    unsigned n;
    begin(TN_RECORD_EXACT);
    start_workers();
    for (unsigned i = 0; i < 10; i++) {
        read_all();
        pthread_mutex_lock(&lock);
        tn_record_reset_peak();
        pthread_mutex_unlock(&lock);
        sched_yield();
    }
    join_workers();
    compare_sums();
    assert_true(is_consistent(&n));
    assert_true(n > 500);
}

static void test_a_child_has_a_whole_and_may_go_on(void **state)
{
    (void)state;
    begin(TN_RECORD_EXACT);
    start_workers();
    for (unsigned i = 0; i < 10; i++)
        fork_once(i % 2);
    atomic_store(&done, true);
    join_workers();
    compare_sums();
}

static void test_clear_stop_and_start_while_others_record(void **state)
{
    (void)state;
    unsigned n;
    begin(TN_RECORD_EXACT);
    start_workers();
    for (unsigned i = 0; i < 30; i++) {
        pthread_mutex_lock(&lock);
        if (i % 3 == 2) {
            tn_record_options options = {.mode = TN_RECORD_EXACT, .describe = model_describe};
            tn_record_stop();
            assert_int_equal(tn_record_start(&options), TN_OK);
            for (unsigned k = 3; k < MODEL_DOMAINS; k++)
                assert_int_equal(tn_record_domain(model_tracked[k - 3]), m.domains[k]);
        } else {
            tn_record_clear();
        }
        pthread_mutex_unlock(&lock);
        die_once(0x900000);
        sched_yield();
    }
    atomic_store(&done, true);
    join_workers();
    assert_true(is_consistent(&n));
}

static void test_samples_are_consistent_and_few_whatever_threads_do(void **state)
{
    (void)state;
    tn_recorded now;
    unsigned n;
    begin(TN_RECORD_SAMPLED);
    start_workers();
    for (unsigned i = 0; i < 6; i++) {
        read_all();
        fork_once(i % 2);
        pthread_mutex_lock(&lock);
        assert_int_equal(tn_record_switch(TN_RECORD_SAMPLED, i % 3 ? 200 : 400), TN_OK);
        pthread_mutex_unlock(&lock);
    }
    join_workers();
    assert_true(is_consistent(&n));
    assert_true(n > 50 && n <= 200);
    for (unsigned i = 0; i < THREADS * SLOTS; i++)
        if (workers[i / SLOTS].blocks[i % SLOTS].is_there)
            tell_free(&workers[i / SLOTS].blocks[i % SLOTS]);
    for (unsigned i = 0; i < 2 * SHARED; i++)
        if (shared[i / SHARED][i % SHARED].is_there)
            tell_free(&shared[i / SHARED][i % SHARED]);
    tn_recorded_now(&now);
    assert_int_equal(now.traced_bytes, 0);
    model_compare_filter();
}

static void test_records_of_threads_that_ended_are_used_again(void **state)
{
    (void)state;
    tn_recorded_cost before, after;
    begin(TN_RECORD_EXACT);
    tn_recorded_cost_now(&before);
    for (most_made = 20; most_made <= 400; most_made += 20) {
        start_workers();
        join_workers();
    }
    tn_recorded_cost_now(&after);
    assert_true(after.n_threads < before.n_threads + 200); /* of 480; the system takes its time to forget one */
    compare_sums();
}

static void *free_one(void *arg)
{
    tell_free(arg);
    return NULL;
}

static void *allocate_all(void *arg)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        model_block *b = (model_block *)arg + i;
        *b = (model_block){.address = 0x7f0000000000 + 0x200 * (uint64_t)i, .bytes = 100};
        tell_alloc(b);
    }
    return NULL;
}

static void test_what_another_thread_frees_is_not_temporary(void **state)
{
    (void)state;
    tn_recorded_site site;
    pthread_t id;
    begin(TN_RECORD_EXACT);
    assert_int_equal(pthread_create(&id, NULL, allocate_all, workers[0].blocks), 0);
    pthread_join(id, NULL);
    for (unsigned i = SLOTS; i-- > 0;) { /* sooner or later one that has the record of the first */
        assert_int_equal(pthread_create(&id, NULL, free_one, &workers[0].blocks[i]), 0);
        pthread_join(id, NULL);
    }
    assert_true(tn_recorded_site_at(3, &site));
    assert_int_equal(site.allocated_count, SLOTS);
    assert_int_equal(site.live_count, 0);
    assert_int_equal(site.temporary_count, 0);
}

#define TEST(name) cmocka_unit_test_teardown(test_##name, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sums_are_those_of_all_threads_together),       TEST(a_child_has_a_whole_and_may_go_on),
        TEST(clear_stop_and_start_while_others_record),     TEST(samples_are_consistent_and_few_whatever_threads_do),
        TEST(records_of_threads_that_ended_are_used_again), TEST(what_another_thread_frees_is_not_temporary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
