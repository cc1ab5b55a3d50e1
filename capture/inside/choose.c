/* choose.c - stop or fork: what the pause would be, and whether a second process has room. No Python.h.
 *
 * A child shares its parent's pages until one of them writes. It needs what it writes itself (columns, some tens of bytes
 * an object) and a copy of what its parent changes meanwhile. Where the limits of the container would end the parent
 * with it, there is no fork.
 */
#include "inside/inside.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAUSE_MS = 100, KIB = 1024 };

/* ---- the pause of a walk in place ---- */

/* Nanoseconds a KiB of pools in use; of the last walk in place, once there was one. */
static uint64_t pause_rate = 900;

void tn_choose_learn(uint64_t pool_bytes, uint64_t pause_ns)
{
    if (pool_bytes < 16u << 20)
        return;
    uint64_t rate = pause_ns / (pool_bytes / KIB);
    pause_rate = rate < 200 ? 200 : rate > 5000 ? 5000 : rate;
}

static uint64_t expected_ms(uint64_t pool_bytes)
{
    return pool_bytes / KIB * pause_rate / 1000000;
}

/* ---- room ---- */

static uint64_t read_number(const char *folder, const char *name)
{
    char path[512], text[64];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return UINT64_MAX;
    size_t n = tn_process_read_file(path, text, sizeof text - 1);
    text[n] = 0;
    return n && text[0] >= '0' && text[0] <= '9' ? strtoull(text, NULL, 10) : UINT64_MAX;
}

/* Pages of files that the kernel would give up first count as free. */
static uint64_t reclaimable(const char *folder)
{
    char path[512], text[8192];
    unsigned long long bytes = 0;
    if ((size_t)snprintf(path, sizeof path, "%s/memory.stat", folder) >= sizeof path)
        return 0;
    text[tn_process_read_file(path, text, sizeof text - 1)] = 0;
    const char *line = strstr(text, "\ninactive_file ");
    return line && sscanf(line, "\ninactive_file %llu", &bytes) == 1 ? bytes : 0;
}

static void take_least(tn_room *r, uint64_t limit, uint64_t used, uint64_t back)
{
    if (limit == UINT64_MAX || used == UINT64_MAX)
        return;
    used = used > back ? used - back : 0;
    uint64_t left = limit > used ? limit - used : 0;
    r->bytes = left < r->bytes ? left : r->bytes;
}

/* One group: names are those of version 2, then of version 1; what is not there has no limit. */
static void look_at_group(tn_room *r, const char *folder)
{
    take_least(r, read_number(folder, "memory.max"), read_number(folder, "memory.current"), reclaimable(folder));
    take_least(r, read_number(folder, "memory.limit_in_bytes"), read_number(folder, "memory.usage_in_bytes"),
               reclaimable(folder));
    r->ends_all |= read_number(folder, "memory.oom.group") == 1;
    uint64_t most = read_number(folder, "pids.max"), there = read_number(folder, "pids.current");
    r->no_children |= most != UINT64_MAX && there != UINT64_MAX && there >= most;
}

/* The group and all above it: "/sys/fs/cgroup" + "/a/b". A container may show the path of its host, where nothing is. */
static void look_upwards(tn_room *r, const char *mount, char *path)
{
    char folder[512];
    for (;;) {
        if ((size_t)snprintf(folder, sizeof folder, "%s%s", mount, path) < sizeof folder)
            look_at_group(r, folder);
        char *slash = strrchr(path, '/');
        if (!slash || !*path)
            return;
        *slash = 0;
    }
}

/* Lines of /proc/self/cgroup: "0::/a/b" of version 2; "4:memory:/a/b" of version 1. */
static void look_at_groups(tn_room *r)
{
    char text[4096], *save = NULL;
    text[tn_process_read_file("/proc/self/cgroup", text, sizeof text - 1)] = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *path = strchr(line, '/');
        if (!path)
            continue;
        if (strcmp(path, "/") == 0)
            *path = 0;
        if (strncmp(line, "0::", 3) == 0)
            look_upwards(r, "/sys/fs/cgroup", path);
        else if (strstr(line, ":memory:"))
            look_upwards(r, "/sys/fs/cgroup/memory", path);
        else if (strstr(line, ":pids:"))
            look_upwards(r, "/sys/fs/cgroup/pids", path);
    }
}

static uint64_t meminfo(const char *text, const char *key)
{
    unsigned long long kib;
    const char *line = strstr(text, key);
    return line && sscanf(line + strlen(key), ": %llu", &kib) == 1 ? (uint64_t)kib << 10 : UINT64_MAX;
}

static void look_at_machine(tn_room *r)
{
    char text[8192];
    text[tn_process_read_file("/proc/meminfo", text, sizeof text - 1)] = 0;
    take_least(r, meminfo(text, "\nMemAvailable"), 0, 0);
    if (read_number("/proc/sys/vm", "overcommit_memory") == 2) /* all that is promised counts */
        take_least(r, meminfo(text, "\nCommitLimit"), meminfo(text, "\nCommitted_AS"), 0);
}

/* At most 48 bytes an object, of 64 bytes and more in pools. What the program may change while the child works comes on top
 * of it: a share of its memory, all of it where the kernel would end both. */
static uint64_t columns(uint64_t pool_bytes)
{
    return pool_bytes / 4 * 3 + (64u << 20);
}

static unsigned long long mib(uint64_t bytes)
{
    return (unsigned long long)(bytes >> 20);
}

void tn_room_look(tn_room *out)
{
    *out = (tn_room){.bytes = UINT64_MAX};
    look_at_groups(out);
    look_at_machine(out);
}

/* false: why stands in reason. */
static bool has_room(const tn_room *r, uint64_t pool_bytes, uint64_t rss_bytes, char *reason, size_t cap)
{
    uint64_t need = columns(pool_bytes) + (r->ends_all ? rss_bytes : rss_bytes / 4);
    if (r->no_children)
        snprintf(reason, cap, "no more processes are allowed here (pids.max)");
    else if (r->bytes < need)
        snprintf(reason, cap, "a fork may take %llu MiB more, and %llu MiB are left%s", mib(need), mib(r->bytes),
                 r->ends_all ? " to a group that is killed as one (memory.oom.group)" : "");
    else
        return true;
    return false;
}

/* ---- the choice ---- */

static int choose_fork(tn_choice *out, bool asked, const tn_room *room, uint64_t pool_bytes, uint64_t rss_bytes,
                       tn_error *err)
{
    char why[120];
    if (has_room(room, pool_bytes, rss_bytes, why, sizeof why)) {
        out->mode = TN_MODE_FORK;
        return 0;
    }
    if (asked)
        return tn__error_set(err, TN_ELIMIT, 0, "%s: free memory, or take it with mode stop", why);
    out->mode = TN_MODE_STOP;
    snprintf(out->reason, sizeof out->reason, "%s", why);
    return 0;
}

int tn_choose(const tn_inside *inside, const tn_capture_options *options, const tn_room *room, uint64_t rss_bytes,
              tn_choice *out, tn_error *err)
{
    uint64_t pool_bytes = tn_inside_pool_bytes(inside);
    if (!pool_bytes) /* another allocator: all may be objects */
        pool_bytes = rss_bytes;
    *out = (tn_choice){.mode = TN_MODE_STOP, .reason = "it was asked for"};
    if (options->mode == TN_MODE_STOP)
        return 0;
    if (options->mode == TN_MODE_FORK)
        return choose_fork(out, true, room, pool_bytes, rss_bytes, err);
    unsigned long long ms = expected_ms(pool_bytes);
    if (options->walk.from)
        snprintf(out->reason, sizeof out->reason, "a part of the heap is asked for");
    else if (ms < PAUSE_MS)
        snprintf(out->reason, sizeof out->reason, "a walk in place was expected to take %llu ms", ms);
    else {
        snprintf(out->reason, sizeof out->reason, "a walk in place would take about %llu ms", ms);
        return choose_fork(out, false, room, pool_bytes, rss_bytes, err);
    }
    return 0;
}
