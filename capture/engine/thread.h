/* thread.h - a thread of ours in somebody else's process: it begins with all signals blocked, so that they stay with the
 * program's own threads, and its stack, above a page that nobody may touch, goes when it is joined: the C library would keep
 * one that it made itself for later threads.
 */
#ifndef TN_THREAD_H
#define TN_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct tn_thread {
    pthread_t id;
    void *(*run)(void *arg);
    void *arg;
    pid_t number; /* the kernel's */
    void *stack;  /* with the guard page at its beginning */
    size_t stack_bytes;
} tn_thread;

/* stack_bytes is address space: memory is taken as it is touched. false: the system gives no thread. */
bool tn_thread_start(tn_thread *t, size_t stack_bytes, void *(*run)(void *arg), void *arg);
/* Until it is among the process's threads no more: a program that forks then is not told that it has several. */
void tn_thread_join(tn_thread *t);

#endif
