/* test_sampler.c - the sampler on planted interpreters: a thread whose frames are made here, and its table alone.
 *
 * What changes is written by atomic stores and read by copies of the kernel, so that a race found here is one of the
 * sampler's own.
 */
#include "suite.h"

#include "record/sample_state.h"
#include "record/sampler.h"

#include "tonnage.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- what is planted ---- */

enum { CODES = 4, INSTRUCTIONS = 16, ASCII = 1, COMPACT = 2, KIND_1 = 1 << 2 };

typedef struct text {
    uint64_t references, type, length, state;
    char data[32];
} text;

typedef struct code {
    uint64_t references, type, size;
    uint32_t stack, first_line, locals, traceable;
    const text *name, *qualname, *file, *lines;
    uint16_t instructions[INSTRUCTIONS];
} code;

typedef struct frame {
    const code *executable;
    struct frame *previous;
    const uint16_t *instruction;
    int32_t top;
    uint8_t owner, more[3];
    uint64_t locals[4];
} frame;

typedef struct thread {
    struct thread *next;
    uint64_t native;
    frame *frame;
} thread;

typedef struct lock {
    uint64_t interval;
    thread *holder;
    uint32_t locked, more;
} lock;

typedef struct interpreter {
    struct interpreter *next;
    thread *threads;
    uint64_t collecting;
    lock *lock;
} interpreter;

static uint64_t type_of_code;
static text names[CODES], file;
static struct {
    uint64_t references, type, size;
    uint8_t data[8];
} line_table;
static code codes[CODES];
static frame stack[CODES];
static lock the_lock;
static thread the_thread;
static interpreter the_interpreter;
static bool stops;

static uint64_t first(void)
{
    return (uintptr_t)&the_interpreter;
}

static uint32_t no_name(uint64_t address, char *out, uint32_t cap)
{
    (void)address, (void)out, (void)cap;
    return 0;
}

static const tn_sample_places places = {
    .interpreters = first,
    .interp_next = offsetof(interpreter, next),
    .interp_threads = offsetof(interpreter, threads),
    .interp_collecting = offsetof(interpreter, collecting),
    .gil_known = true,
    .gil = offsetof(interpreter, lock),
    .gil_holder = offsetof(lock, holder),
    .gil_locked = offsetof(lock, locked),
    .thread_next = offsetof(thread, next),
    .thread_native = offsetof(thread, native),
    .thread_frame = offsetof(thread, frame),
    .frame_code = offsetof(frame, executable),
    .frame_previous = offsetof(frame, previous),
    .frame_instr = offsetof(frame, instruction),
    .frame_top = offsetof(frame, top),
    .frame_owner = offsetof(frame, owner),
    .frame_locals = offsetof(frame, locals),
    .owner_skip = 3,
    .owner_generator = 1,
    .code_type = (uintptr_t)&type_of_code,
    .code_name = offsetof(code, name),
    .code_qualname = offsetof(code, qualname),
    .code_file = offsetof(code, file),
    .code_lines = offsetof(code, lines),
    .code_first_line = offsetof(code, first_line),
    .code_locals = offsetof(code, locals),
    .code_stack = offsetof(code, stack),
    .code_begin = offsetof(code, instructions),
    .code_traceable = offsetof(code, traceable),
    .str_length = offsetof(text, length),
    .str_state = offsetof(text, state),
    .str_ascii = offsetof(text, data),
    .str_compact = offsetof(text, data),
    .str_kind_shift = 2,
    .str_compact_bit = COMPACT,
    .str_ascii_bit = ASCII,
    .bytes_data = sizeof(uint64_t) * 3,
    .thread_name = no_name,
    .task_name = no_name,
};

static void plant_text(text *t, const char *words)
{
    *t = (text){.length = strlen(words), .state = ASCII | COMPACT | KIND_1};
    memcpy(t->data, words, strlen(words));
}

static int plant(void **state)
{
    (void)state;
    plant_text(&file, "planted.py");
    for (unsigned i = 0; i < CODES; i++) {
        char name[8];
        snprintf(name, sizeof name, "f%u", i);
        plant_text(&names[i], name);
        codes[i] = (code){.type = (uintptr_t)&type_of_code, .size = INSTRUCTIONS, .stack = 2, .locals = 2};
        codes[i].name = codes[i].qualname = &names[i];
        codes[i].file = &file;
        codes[i].lines = (const text *)(const void *)&line_table;
        codes[i].first_line = i + 1;
    }
    the_lock = (lock){.interval = 5000, .holder = &the_thread, .locked = 1};
    the_interpreter = (interpreter){.threads = &the_thread, .lock = &the_lock};
    return 0;
}

/* ---- a thread that calls ---- */

#define STORE(place, value) __atomic_store_n(&(place), value, __ATOMIC_RELEASE)

static void work(void)
{
    for (unsigned i = 0; i < 200; i++)
        __asm__ volatile("" ::: "memory");
}

/* f0 calls f1 from instruction 1, f1 calls f2 from 2, and so on. */
static void call(unsigned depth)
{
    frame *f = &stack[depth];
    STORE(f->executable, &codes[depth]);
    STORE(f->previous, depth ? f - 1 : NULL);
    STORE(f->instruction, &codes[depth].instructions[0]);
    STORE(f->top, 2);
    if (depth)
        STORE(f[-1].top, 3);
    STORE(the_thread.frame, f);
    STORE(f->top, -1);
    work();
    if (depth + 1 < CODES) {
        STORE(f->instruction, &codes[depth].instructions[depth + 1]);
        call(depth + 1);
        STORE(f->instruction, &codes[depth].instructions[INSTRUCTIONS - 1]);
        work();
    }
    if (depth) {
        STORE(f->top, 0);
        STORE(the_thread.frame, f - 1);
        STORE(f[-1].top, -1);
    }
}

static void *run(void *nothing)
{
    STORE(the_thread.native, (uint64_t)syscall(SYS_gettid));
    while (!__atomic_load_n(&stops, __ATOMIC_ACQUIRE))
        call(0);
    return nothing;
}

static uint64_t samples_now(void)
{
    tn_sampled now;
    tn_sampled_now(&now);
    return now.samples;
}

/* Frames of a stack, outermost first, without what it stands on. */
static unsigned frames_of(uint32_t id, const char **out, uint32_t *offsets, unsigned most)
{
    unsigned n = 0;
    tn_recorded_stack s;
    tn_recorded_code c;
    for (; id && tn_recorded_stack_at(id, &s); id = s.parent) {
        assert_true(tn_recorded_code_at(s.code, &c));
        if (!s.parent)
            break;
        assert_true(n < most);
        memmove(out + 1, out, n * sizeof *out);
        memmove(offsets + 1, offsets, n * sizeof *offsets);
        out[0] = c.facts.name;
        offsets[0] = s.instruction;
        n++;
    }
    return n;
}

static void check_row(const tn_sampled_row *row)
{
    const char *found[CODES + 1];
    uint32_t offsets[CODES + 1];
    if (!row->samples || !row->stack)
        return;
    unsigned n = frames_of(row->stack, found, offsets, CODES + 1);
    assert_true(n >= 1);
    for (unsigned i = 0; i < n; i++) {
        if (i && i + 1 == n && found[i][0] == '<')
            return;
        assert_int_equal(found[i][0], 'f');
        assert_int_equal(found[i][1], '0' + (int)i);
        if (i + 1 < n && found[i + 1][0] == 'f')
            assert_int_equal(offsets[i], 2 * (i + 1));
    }
}

static void stacks_are_those_that_there_were(void **state)
{
    enum { ENOUGH = 2000 };
    const tn_sample_options options = {TN_SAMPLE_REAL, 50000, 0};
    pthread_t caller;
    tn_sampled_row row;
    (void)state;
    assert_int_equal(pthread_create(&caller, NULL, run, NULL), 0);
    assert_int_equal(tn_sampler_start(&places, &options), TN_OK);
    assert_int_equal(tn_sampler_start(&places, &options), TN_EINVAL);
    while (samples_now() < ENOUGH)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    tn_sampler_pause();
    assert_int_equal(tn_sampler_resume(), TN_OK);
    tn_sampler_stop();
    STORE(stops, true);
    pthread_join(caller, NULL);
    uint64_t sum = 0;
    for (uint32_t id = 1; tn_sampled_row_at(id, &row); id++) {
        check_row(&row);
        sum += row.samples;
    }
    assert_int_equal(sum, samples_now());
    tn_sampler_clear();
    assert_false(tn_sampled_row_at(1, &row));
}

/* The list breaks off before the thread at each other tick, as where one ends that is before it: what it ran is paid once. */
static void what_was_run_is_paid_once(void **state)
{
    enum { ENOUGH = 500 };
    const tn_sample_options options = {TN_SAMPLE_PROF, 100000, 0};
    static thread ended;
    pthread_t caller;
    tn_sampled_row row;
    tn_sampled now = {0};
    struct timespec before, after;
    (void)state;
    STORE(stops, false);
    ended.next = (thread *)(uintptr_t)64; /* not mapped */
    assert_int_equal(pthread_create(&caller, NULL, run, NULL), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    assert_int_equal(tn_sampler_start(&places, &options), TN_OK);
    while (now.samples < ENOUGH || !now.rejected[TN_REJECT_THREADS]) {
        STORE(the_interpreter.threads, the_interpreter.threads == &ended ? &the_thread : &ended);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        tn_sampled_now(&now);
    }
    tn_sampler_stop();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    STORE(stops, true);
    pthread_join(caller, NULL);
    uint64_t sum = 0;
    for (uint32_t id = 1; tn_sampled_row_at(id, &row); id++)
        sum += row.cpu_ns;
    uint64_t ran = (uint64_t)(after.tv_sec - before.tv_sec) * 1000000000u + (uint64_t)after.tv_nsec;
    assert_in_range(sum, 1, ran - (uint64_t)before.tv_nsec);
    tn_sampler_clear();
}

static void *spins(void *number)
{
    __atomic_store_n((uint64_t *)number, (uint64_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    while (!__atomic_load_n(&stops, __ATOMIC_ACQUIRE))
        work();
    return NULL;
}

static void *sleeps(void *number)
{
    __atomic_store_n((uint64_t *)number, (uint64_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    while (!__atomic_load_n(&stops, __ATOMIC_ACQUIRE))
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    return NULL;
}

/* With the thread on one of the first two processors that we may use, and us on the first. */
static bool waits_for_us(cpu_set_t *ours, unsigned nth)
{
    cpu_set_t one;
    unsigned cpus[2] = {0, 0};
    for (unsigned cpu = 0, n = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
        if (CPU_ISSET(cpu, ours))
            cpus[n++] = cpu;
    pthread_t spinner;
    uint64_t number = 0;
    STORE(stops, false);
    assert_int_equal(pthread_create(&spinner, NULL, spins, &number), 0);
    CPU_ZERO(&one);
    CPU_SET(cpus[nth], &one);
    assert_int_equal(pthread_setaffinity_np(spinner, sizeof one, &one), 0);
    CPU_ZERO(&one);
    CPU_SET(cpus[0], &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    while (!__atomic_load_n(&number, __ATOMIC_ACQUIRE))
        sched_yield();
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    bool waits = tn__sample_waits_for_us(number);
    STORE(stops, true);
    pthread_join(spinner, NULL);
    assert_int_equal(sched_setaffinity(0, sizeof *ours, ours), 0);
    return waits;
}

static void who_runs_elsewhere_does_not_wait_for_us(void **unused)
{
    cpu_set_t ours;
    (void)unused;
    assert_int_equal(sched_getaffinity(0, sizeof ours, &ours), 0);
    assert_true(waits_for_us(&ours, 0));
    if (CPU_COUNT(&ours) < 2)
        skip();
    assert_false(waits_for_us(&ours, 1));
}

static void who_sleeps_does_not_wait_for_our_processor(void **unused)
{
    pthread_t sleeper;
    uint64_t number = 0;
    bool runs = false;
    (void)unused;
    STORE(stops, false);
    for (unsigned i = 0; i < 100 && !runs; i++) /* we may be moved to another one in between */
        runs = tn__sample_waits_for_us((uint64_t)syscall(SYS_gettid));
    assert_true(runs);
    assert_int_equal(pthread_create(&sleeper, NULL, sleeps, &number), 0);
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    while (!__atomic_load_n(&number, __ATOMIC_ACQUIRE) || tn__sample_waits_for_us(number))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    STORE(stops, true);
    pthread_join(sleeper, NULL);
    while (tn__sample_waits_for_us(number)) /* it ends for a moment after it was joined */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static uint64_t paid_to(uint32_t row)
{
    tn_sampled_row found;
    assert_true(tn_sampled_row_at(row, &found));
    assert_int_equal(found.ns, found.cpu_ns);
    return found.ns;
}

static void what_was_run_is_shared_by_looks(void **unused)
{
    tn_watched w = {.enough = 0};
    uint32_t rows[3];
    unsigned times = 0;
    uint64_t before = 0;
    (void)unused;
    assert_true(tn__samples_start(16));
    tn__sampled.clock = TN_SAMPLE_PROF;
    for (uint32_t i = 0; i < 3; i++)
        rows[i] = tn__sample_row(0, 0, 0, i + 1);
    for (unsigned i = 0; i < 1 + 2 + 4 + 8 + 16 + 32; i++) { /* every other look finds little */
        w.debt_ns += i % 2 ? 10 : 1000;
        tn__sample_owe(&w, w.last_row = rows[i % 2], 1);
        times += paid_to(rows[0]) != before;
        before = paid_to(rows[0]);
    }
    assert_int_equal(times, 6);
    assert_int_equal(w.debt_ns, 0);
    assert_int_equal(paid_to(rows[0]) + paid_to(rows[1]), 32 * 1000 + 31 * 10);
    assert_in_range(paid_to(rows[0]), 16000, 17000); /* not more but for the first */

    w.debt_ns = 5 + 1; /* one stands for five ticks */
    before = paid_to(rows[1]);
    tn__sample_owe(&w, rows[2], 5);
    tn__sample_owe(&w, w.last_row = rows[1], 1);
    tn__sample_pay_rest(&w);
    assert_int_equal(paid_to(rows[2]), 5);
    assert_int_equal(paid_to(rows[1]), before + 1);
    w.debt_ns = 7; /* never looked at again: to where it was last */
    tn__sample_pay_rest(&w);
    assert_int_equal(paid_to(rows[1]), before + 1 + 7);
    tn__samples_free();
    tn__sampled = (tn_sampled){0};
}

/* ---- a fork by C code, which nobody has told the sampler of ---- */

static bool is_inside, may_go_on;

/* Called by the sampler's thread, which holds what it holds where it makes a stack. */
static uint32_t slow_name(uint64_t address, char *out, uint32_t cap)
{
    tn__spin_lock(&tn__rec.intern);
    STORE(is_inside, true);
    while (!__atomic_load_n(&may_go_on, __ATOMIC_ACQUIRE))
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    tn__spin_unlock(&tn__rec.intern);
    return no_name(address, out, cap);
}

/* What would wait for the thread, or for what it holds. */
static int live_on(const tn_sample_options *options)
{
    tn_sampled now;
    alarm(60);
    tn_sampled_now(&now);
    bool off = !now.on;
    tn_record_before_fork(); /* waits for all that are inside, as each control call does */
    tn_record_after_fork_parent();
    tn__spin_lock(&tn__rec.intern);
    tn__spin_unlock(&tn__rec.intern);
    tn_sampler_stop();
    STORE(may_go_on, true);
#ifdef __SANITIZE_THREAD__ /* it ends a child that starts a thread */
    bool starts = options != NULL;
#else
    bool starts = tn_sampler_start(&places, options) == TN_OK;
    tn_sampler_stop();
#endif
    return off && starts ? 0 : 1;
}

static void a_child_that_c_code_forks_waits_for_nobody(void **state)
{
    const tn_sample_options options = {TN_SAMPLE_REAL, 100000, 0};
    tn_sample_places slow = places;
    pthread_t caller;
    int status = -1;
    (void)state;
    slow.thread_name = slow_name;
    STORE(stops, false);
    assert_int_equal(pthread_create(&caller, NULL, run, NULL), 0);
    assert_int_equal(tn_sampler_start(&slow, &options), TN_OK);
    while (!__atomic_load_n(&is_inside, __ATOMIC_ACQUIRE))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(live_on(&options));
    STORE(may_go_on, true);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    uint64_t before = samples_now();
    while (samples_now() < before + 20)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    tn_sampler_stop();
    STORE(stops, true);
    pthread_join(caller, NULL);
    tn_sampler_clear();
}

/* ---- the table ---- */

static void a_week_has_room(void **state)
{
    enum { ROWS = 500, STACKS = 200000, NAMES = 100000 };
    char name[32];
    (void)state;
    assert_true(tn__samples_start(ROWS));
    for (uint32_t i = 0; i < NAMES; i++) {
        int n = snprintf(name, sizeof name, "request %u of %u", i, i % 7);
        uint32_t id = tn__sample_name(name, (uint32_t)n), found;
        assert_int_not_equal(id, 0);
        const char *kept = tn__sample_name_at(id, &found);
        if (i < 8000)
            assert_int_equal(strncmp(kept, name, found), 0);
        else if (i > 9000)
            assert_int_equal(strncmp(kept, "request # of #", found), 0);
    }
    uint64_t memory = tn__pages_mapped(TN_PART_SAMPLES);
    for (uint32_t i = 0; i < STACKS; i++)
        tn__sample_add(tn__sample_row(2 + i, i % 3, 0, 0), 1, 1ull << 55, 10);
    tn_sampled now;
    tn_sampled_now(&now);
    assert_true(now.n_rows <= ROWS + 1024);
    assert_true(now.lost_stacks >= STACKS - ROWS - 1);
    assert_int_equal(now.samples, STACKS);
    assert_true(tn__pages_mapped(TN_PART_SAMPLES) < memory + (1 << 20));
    tn_sampled_row row;
    for (uint32_t id = 1; tn_sampled_row_at(id, &row); id++)
        assert_true(row.ns <= INT64_MAX);
    tn_sampler_clear();
}

static void what_is_not_mapped_is_not_copied(void **state)
{
    uint64_t word = 17, copy = 0;
    uint32_t n;
    char out[8];
    (void)state;
    assert_true(tn_sample_read_start());
    assert_true(tn_sample_copy((uintptr_t)&word, &copy, sizeof copy));
    assert_int_equal(copy, word);
    assert_false(tn_sample_copy(64, &copy, sizeof copy));
    tn__sample_fixed((uintptr_t)&word, (uintptr_t)(&word + 1));
    assert_true(tn_sample_copy((uintptr_t)&word, &copy, sizeof copy));
    assert_false(tn_sample_copy(UINT64_MAX - 7, &copy, sizeof copy)); /* ends where memory begins again */
    assert_false(tn_sample_text(&places, 64, out, sizeof out, &n));
}

static void a_frame_at_the_last_address_is_none(void **unused)
{
    tn_watched w = {.state = (uintptr_t)&the_thread, .n_spans = 1, .n_chain = 1};
    tn_seen_frame found;
    (void)unused;
    w.spans[0] = (tn_span){(uintptr_t)stack, (uintptr_t)(stack + CODES)};
    assert_true(tn_sample_read_start());
    assert_true(tn__sample_copies_start(&places));
    assert_true(tn__sample_copy_planned(&w));
    assert_true(tn__copied_peek((uintptr_t)&stack[1], &found));
    assert_false(tn__copied_peek(UINT64_MAX - 7, &found));
    assert_false(tn__copied_frame(UINT64_MAX - 7, &found));
}

/* Pieces are copied one after the other, a call of the kernel's apart; neighbours of one must be as they were at one time. */
static void the_data_stack_is_copied_in_one_piece(void **unused)
{
    enum {
        CALLS = 3,
        GENERATORS = TN_SPANS + 2,
        DATA = 0x100000,
        C_STACK = 0x7ff0000,
        HEAP = 0x200000,
        APART = 0x10000
    };
    tn_seen_frame frames[2 * GENERATORS];
    tn_watched w = {0};
    uint32_t n = 0;
    (void)unused;
    assert_true(tn__sample_copies_start(&places));
    for (unsigned i = CALLS; i--;) { /* innermost first; C stacks grow down */
        frames[n++] = (tn_seen_frame){.address = DATA + i * 128};
        frames[n++] = (tn_seen_frame){.address = C_STACK - i * 1024, .empty = true};
    }
    tn__sample_plan(&w, frames, n);
    assert_int_equal(w.n_chain, 2);
    assert_int_equal(w.spans[0].start, DATA);
    assert_true(w.spans[0].end >= DATA + (CALLS - 1) * 128 + 2 * places.frame_locals);
    assert_int_equal(w.spans[1].start, C_STACK - (CALLS - 1) * 1024);
    assert_int_equal(w.spans[1].end, C_STACK + places.frame_locals);

    n = 0;
    for (unsigned i = GENERATORS; i--;) {
        frames[n++] = (tn_seen_frame){.address = DATA + i * 128};
        frames[n++] = (tn_seen_frame){.address = HEAP + i * APART, .owner = places.owner_generator};
    }
    tn__sample_plan(&w, frames, n);
    assert_int_equal(w.n_chain, TN_SPANS);
    assert_int_equal(w.spans[0].start, DATA);
}

static void of_much_data_stack_the_inner_part_is_copied(void **unused)
{
    enum { FRAMES = 8192, SIZE = 128, DATA = 0x100000 };
    static tn_seen_frame frames[FRAMES];
    tn_watched w = {0};
    (void)unused;
    assert_true(tn__sample_copies_start(&places));
    for (unsigned i = 0; i < FRAMES; i++)
        frames[i].address = DATA + (FRAMES - 1 - i) * SIZE;
    tn__sample_plan(&w, frames, FRAMES);
    assert_int_equal(w.n_chain, 1);
    assert_true(w.spans[0].end > frames[0].address && w.spans[0].end < frames[0].address + 4096);
    assert_true(w.spans[0].start > DATA && w.spans[0].start < frames[FRAMES / 4].address);
}

/* As of greenlets that are just being switched: what has no code is no call of the frame before it. */
static void a_frame_without_code_is_not_the_one_before_it_again(void **unused)
{
    (void)unused;
    tn_seen_frame frames[2] = {{.empty = true}, {.owner = 0}};
    assert_true(tn_sample_read_start());
    assert_true(tn__sample_codes_start(&places));
    assert_int_equal(tn__sample_codes(frames, 2), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_mapped_is_not_copied),
        cmocka_unit_test_setup(a_frame_at_the_last_address_is_none, plant),
        cmocka_unit_test_setup(a_frame_without_code_is_not_the_one_before_it_again, plant),
        cmocka_unit_test_setup(the_data_stack_is_copied_in_one_piece, plant),
        cmocka_unit_test_setup(of_much_data_stack_the_inner_part_is_copied, plant),
        cmocka_unit_test(a_week_has_room),
        cmocka_unit_test_setup(stacks_are_those_that_there_were, plant),
        cmocka_unit_test_setup(what_was_run_is_paid_once, plant),
        cmocka_unit_test(who_runs_elsewhere_does_not_wait_for_us),
        cmocka_unit_test(who_sleeps_does_not_wait_for_our_processor),
        cmocka_unit_test(what_was_run_is_shared_by_looks),
        cmocka_unit_test_setup(a_child_that_c_code_forks_waits_for_nobody, plant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
