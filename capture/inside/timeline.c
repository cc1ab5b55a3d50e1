/* timeline.c - see timeline.h. The lock is held for copying and for halving, microseconds; never while /proc is read. */
#include "inside/timeline.h"

#include "inside/inside.h"
#include "record/recorded.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    tn_time_row *rows; /* NULL: off */
    uint32_t n;
    uint64_t interval_ns, next_ns;
    const uint32_t *counts[3];
} line = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const size_t LINE_BYTES = TN_TIMELINE_ROWS * sizeof(tn_time_row);

int tn_timeline_start(uint64_t interval_ns, const uint32_t *const counts[3], tn_error *err)
{
    int status = 0;
    pthread_mutex_lock(&line.lock);
    if (!line.rows)
        line.rows = tn__sys_map(LINE_BYTES);
    if (line.rows) {
        line.n = 0;
        line.interval_ns = interval_ns;
        line.next_ns = 0;
        for (unsigned i = 0; i < 3; i++)
            line.counts[i] = counts ? counts[i] : NULL;
    } else {
        status = tn__error_set(err, TN_ENOMEM, 0, "no memory for the time line");
    }
    pthread_mutex_unlock(&line.lock);
    return status;
}

void tn_timeline_stop(void)
{
    pthread_mutex_lock(&line.lock);
    if (line.rows)
        tn__sys_unmap(line.rows, LINE_BYTES);
    line.rows = NULL;
    line.n = 0;
    pthread_mutex_unlock(&line.lock);
}

void tn_timeline_forget(void)
{
    static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
    line.lock = fresh;
    tn_timeline_stop();
}

/* ---- sampling ---- */

/* Fields 20 (threads) and 24 (resident pages) of /proc/self/stat; the name before them may hold anything but ends at the
 * last parenthesis. */
static void read_stat(tn_time_row *row)
{
    char text[1024];
    unsigned long long threads, pages;
    text[tn_process_read_file("/proc/self/stat", text, sizeof text - 1)] = 0;
    const char *after = strrchr(text, ')');
    if (after &&
        sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %llu %*d %*u %*u %llu",
               &threads, &pages) == 2) {
        row->threads = (uint32_t)threads;
        row->rss_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    }
}

/* The collector counts under the interpreter's lock, which nobody here holds: an aligned word is old or new, never torn. */
static tn_time_row sample(uint64_t now_ns, const uint32_t *const counts[3])
{
    tn_time_row row;
    memset(&row, 0xff, sizeof row);
    row.time_ns = now_ns;
    read_stat(&row);
    if (tn_record_mode() != TN_RECORD_OFF) {
        tn_recorded recorded;
        tn_recorded_now(&recorded);
        row.traced_bytes = recorded.traced_bytes > 0 ? (uint64_t)recorded.traced_bytes : 0;
    }
    for (unsigned i = 0; i < 3; i++)
        if (counts[i])
            row.generations[i] = *(const volatile uint32_t *)counts[i];
    return row;
}

/* Holds the lock. */
static void halve(void)
{
    line.n /= 2;
    for (uint32_t i = 1; i < line.n; i++)
        line.rows[i] = line.rows[2 * i];
    line.interval_ns *= 2;
    line.next_ns = line.rows[line.n - 1].time_ns + line.interval_ns;
}

/* Holds the lock. A process that was stopped for long does not catch up. */
static void append(const tn_time_row *row)
{
    line.rows[line.n++] = *row;
    line.next_ns += line.interval_ns;
    if (line.next_ns <= row->time_ns)
        line.next_ns = row->time_ns + line.interval_ns;
    if (line.n == TN_TIMELINE_ROWS)
        halve();
}

uint64_t tn_timeline_tick(uint64_t now_ns)
{
    const uint32_t *counts[3];
    pthread_mutex_lock(&line.lock);
    uint64_t next_ns = line.rows ? line.next_ns : UINT64_MAX;
    memcpy(counts, line.counts, sizeof counts);
    pthread_mutex_unlock(&line.lock);
    if (next_ns > now_ns)
        return next_ns;
    tn_time_row row = sample(now_ns, counts);
    pthread_mutex_lock(&line.lock);
    if (line.rows && line.next_ns == next_ns && (!line.n || line.rows[line.n - 1].time_ns < now_ns))
        append(&row); /* nobody began anew meanwhile */
    next_ns = line.rows ? line.next_ns : UINT64_MAX;
    pthread_mutex_unlock(&line.lock);
    return next_ns;
}

/* ---- for a capture ---- */

int tn_timeline_freeze(tn_timeline_copy *out, tn_error *err)
{
    tn_timeline_copy copy = {NULL, 0};
    int status = 0;
    pthread_mutex_lock(&line.lock);
    if (line.rows && line.n) {
        copy.n = line.n;
        copy.rows = tn__alloc(&tn__alloc_pages, copy.n * sizeof *copy.rows);
        if (copy.rows)
            memcpy(copy.rows, line.rows, copy.n * sizeof *copy.rows);
        else
            status = tn__error_set(err, TN_ENOMEM, 0, "no memory for a copy of the time line");
    }
    pthread_mutex_unlock(&line.lock);
    if (status == 0)
        *out = copy;
    return status;
}

int tn_timeline_save(const tn_timeline_copy *copy, tn_writer *writer, tn_error *err)
{
    return copy->n ? tn_writer_table(writer, "TIME", copy->rows, copy->n * sizeof *copy->rows, copy->n, err) : 0;
}

void tn_timeline_release(tn_timeline_copy *copy)
{
    if (copy->rows)
        tn__free(&tn__alloc_pages, copy->rows, copy->n * sizeof *copy->rows);
    *copy = (tn_timeline_copy){NULL, 0};
}
