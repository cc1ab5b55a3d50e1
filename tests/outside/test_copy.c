/* test_copy.c - one engine, two memory sources, any number of threads: a stopped child read through process_vm_readv gives
 * the objects that the same heap gives in place, and several threads give what one does. The child is a fork, so parent
 * and child hold the same heap at the same addresses; the copy stands elsewhere and none of the child's code runs.
 */
#include <Python.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inside/inside.h"
#include "outside/copy.h"

static const char plant[] =
    "import collections, json, re, threading, functools, asyncio\n"
    "class Slots:\n    __slots__ = ('left', 'right')\n"
    "class Node:\n    def __init__(self, n):\n        self.name = 'node-%d' % n; self.links = [n, str(n)]; self.extra "
    "= {n: (n,)}\n"
    "nodes = [Node(i) for i in range(3000)]\n"
    "floats = [float(i) for i in range(300000)]\n" /* more than one bundle */
    "slots = [Slots() for _ in range(500)]\n"
    "for s in slots: s.left = float(id(s)); s.right = s\n"
    "kept = [collections.deque(str(i) for i in range(500)), collections.OrderedDict((str(i), i) for i in range(99)),\n"
    "        collections.defaultdict(list, a=[1.5]), {str(i) for i in range(400)}, frozenset('abc'), bytearray(999),\n"
    "        re.compile('a+(b)'), functools.partial(print, 'x' * 900), iter([object()]), (i for i in ['y' * 700]),\n"
    "        json.loads('{\"a\": [1, 2.5, {\"b\": null}]}'), b'z' * 100000, 10 ** 200]\n"
    "def suspended():\n    local = 'local ' * 200\n    yield local\n"
    "generator = suspended(); next(generator)\n";

static int walk(const tn_target *target, uint32_t threads, tn_walk **w)
{
    tn_error err = {0};
    tn_walk_options options = {.preview_bytes = 80, .threads = threads};
    int status = tn_walk_run(target, &options, &tn__alloc_pages, w, &err);
    if (status < 0)
        printf("walk: %s\n", err.message);
    return status;
}

/* Objects of a that b lacks. */
static unsigned missing(const tn_walk *a, const tn_walk *b, const char *what)
{
    unsigned n = 0;
    for (uint64_t at = tn_walk_next_object(a, 0); at; at = tn_walk_next_object(a, at + 8))
        if (tn_walk_next_object(b, at) != at && n++ < 10)
            printf("%s: 0x%llx %s\n", what, (unsigned long long)at, Py_TYPE((PyObject *)(uintptr_t)at)->tp_name);
    return n;
}

/* Packs and writes it with as many threads. */
static int save(tn_walk *w)
{
    tn_error err = {0};
    tn_writer *writer = NULL;
    FILE *file = tmpfile();
    int status = file ? tn_writer_open_fd(fileno(file), 1, tn_walk_alloc(w), &writer, &err) : TN_EIO;
    if (status == 0)
        status = tn_walk_save(w, writer, &err);
    if (status == 0)
        status = tn_writer_commit(writer, &err);
    else
        tn_writer_abort(writer);
    if (status < 0)
        printf("save: %s\n", err.message);
    if (file)
        fclose(file);
    return status < 0;
}

/* Several threads against one, again and again: they meet differently each time. */
static int threads_agree(const tn_target *target, const tn_walk *alone, const char *what)
{
    tn_walk_report a, b;
    tn_walk_get_report(alone, &a);
    unsigned differences = 0;
    for (uint32_t turn = 0; turn < 12; turn++) {
        tn_walk *w = NULL;
        if (walk(target, 2 + turn % 4, &w) < 0)
            return 1;
        tn_walk_get_report(w, &b);
        differences += missing(alone, w, "only with one thread") + missing(w, alone, "only with several") +
                       (memcmp(&a.totals, &b.totals, sizeof a.totals) != 0) + (a.nodes != b.nodes) +
                       (a.findings != b.findings) + (b.threads != 2 + turn % 4) + (unsigned)save(w);
        tn_walk_free(w);
    }
    printf("%s, 2 to 5 threads: %u differences\n", what, differences);
    return differences != 0;
}

static int compare(const tn_target *here_target, const tn_walk *here, int child)
{
    tn_error err = {0};
    tn_copy copy;
    tn_walk *there = NULL;
    if (tn_copy_process(child, &copy, &err) < 0)
        return printf("copy: %s\n", err.message), 1;
    tn_target target = *here_target;
    target.memory = copy.memory;
    target.traverse = NULL;
    if (walk(&target, 1, &there) < 0)
        return 1;
    tn_walk_report a, b;
    tn_walk_get_report(here, &a);
    tn_walk_get_report(there, &b);
    unsigned lost = missing(here, there, "only in place"), extra = missing(there, here, "only in the copy");
    printf("in place %llu objects, in the copy %llu; %u lost, %u extra; %llu unreadable, %llu no objects\n",
           (unsigned long long)a.objects, (unsigned long long)b.objects, lost, extra, (unsigned long long)b.unreadable,
           (unsigned long long)b.findings);
    int failed = threads_agree(&target, there, "in the copy");
    tn_walk_free(there);
    tn_copy_free(&copy);
    return failed || lost || extra || a.objects < 15000;
}

/* A file whose path looks like a mapping of the kernel's own, mapped here and so in the child. */
static const char file_bytes[] = "bytes of a file";
static const char *map_file(void)
{
    static char path[] = "test_copy [vvar] XXXXXX";
    int fd = mkstemp(path);
    bool written = fd >= 0 && write(fd, file_bytes, sizeof file_bytes) == (ssize_t)sizeof file_bytes;
    void *at = written ? mmap(NULL, sizeof file_bytes, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    return at == MAP_FAILED ? NULL : at;
}

static int file_is_copied(const char *mapped, int child)
{
    tn_error err = {0};
    tn_copy copy;
    uint64_t at = (uint64_t)(uintptr_t)mapped;
    bool found = false;
    if (!mapped || tn_copy_process(child, &copy, &err) < 0)
        return printf("a mapped file: %s\n", err.message), 1;
    for (uint32_t i = 0; i < copy.memory.n_ranges; i++)
        found = found || (copy.memory.ranges[i].start <= at && at < copy.memory.ranges[i].end);
    bool same = found && memcmp((void *)(uintptr_t)(at + copy.memory.bias), file_bytes, sizeof file_bytes) == 0;
    tn_copy_free(&copy);
    printf("a file with [v in its path is %s\n", same ? "copied" : "left out");
    return !same;
}

/* A stopped child with this heap, or -1. */
static int stopped_child(void)
{
    int state, child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(0);
    }
    return child > 0 && waitpid(child, &state, WUNTRACED) == child && WIFSTOPPED(state) ? child : -1;
}

/* Sanitizers leave no room in the address space for a copy. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { COPY = 0 };
#else
enum { COPY = 1 };
#endif

int main(void)
{
    static tn_inside inside;
    tn_error err = {0};
    tn_walk *here = NULL;
    Py_InitializeEx(0);
    if (PyRun_SimpleString(plant) != 0 || tn_inside_probe(&inside, &err) < 0)
        return printf("%s\n", err.message), 1;
    fflush(stdout);
    const char *mapped = map_file();
    int child = stopped_child();
    if (child < 0 || tn_inside_prepare(&inside, &err) < 0 || walk(&inside.target, 1, &here) < 0)
        return printf("in place: %s\n", err.message), 1;
    int result = threads_agree(&inside.target, here, "in place");
    result |= COPY && compare(&inside.target, here, child);
    result |= COPY && file_is_copied(mapped, child);
    tn_walk_free(here);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    printf(result ? "FAILED\n" : "ok\n");
    return result;
}
