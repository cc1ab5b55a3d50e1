/* inside.h - a capture of the process we run in.
 *
 *   interpreter.c  once, at import: finds the runtime's structures
 *   planted*.c     then too: check the layout table on objects made for that
 *   areas.c        where pointers may stand outside of objects (no Python.h)
 *   process.c      mappings, resident memory, allocator counters, process facts (no Python.h)
 *   choose.c       whether to stop or to fork
 *   job.c          a capture from its pause to the finished file
 *   child.c        the forked process that walks and writes
 *   traced.c       what the recorder of allocations knows
 *   facts.c        the FACT chunk
 *   ../../python/ext/_capture.c: the module that calls tn_inside_*
 */
#ifndef TN_INSIDE_H
#define TN_INSIDE_H

#include "engine/engine.h"
#include "inside/timeline.h"
#include "inside/traced.h"

typedef struct tn_range_list {
    tn_range *data;
    uint32_t count, capacity;
} tn_range_list;

typedef struct tn_area_list {
    tn_area *data;
    uint32_t count;
    bool overflow;
    uint64_t interpreter; /* an address in its code */
    int memory;           /* descriptor of /proc/self/mem; -1: closed */
} tn_area_list;

typedef struct tn_inside {
    tn_target target;
    tn_range_list ranges, statics; /* of target */
    tn_area_list areas;            /* of target, while a walk looks there */
    uint64_t arenas_at[4]; /* variables of which one points to obmalloc's arena table, the others into it, or 0 */
    uint32_t hexversion;
    bool listed;             /* the layout table was printed by headers of this very range of releases */
    uint32_t n_interpreters; /* in the process; one of them is walked */
    const char *version;
    const char *allocator; /* of Python's objects: pymalloc, malloc, debug, unknown */
} tn_inside;

/* Fills the parts of target that never change. Holds the GIL; may allocate Python objects. TN_EVERSION when the
 * interpreter's structures are not those of its table. With an exception set nothing was found out: there was no memory, or a
 * handler of a signal raised it. */
int tn_inside_probe(tn_inside *inside, tn_error *err);

/* The rest, just before a walk, allocates no Python memory. tn_inside_begin, with the GIL: what a forked process could not
 * learn; TN_EBUSY during a garbage collection. tn_inside_map: mappings and arenas of the process that calls. */
int tn_inside_begin(tn_inside *inside, tn_error *err);
int tn_inside_map(tn_inside *inside, tn_error *err);
int tn_inside_prepare(tn_inside *inside, tn_error *err); /* both */
/* Where a walk with scan may look: after tn_inside_begin, in the process that is to be walked. What stands on the stack below
 * the frame at stack belongs to the capture. Nothing, where it cannot be told. tn_inside_close_areas in the process that
 * walks, when it has. */
void tn_inside_open_areas(tn_inside *inside, uint64_t stack);
void tn_inside_close_areas(tn_inside *inside);

/* Bytes of pymalloc's pools in use, an estimate of the work that a walk is. Holds the GIL. 0: not known. Cost: O(arenas) */
uint64_t tn_inside_pool_bytes(const tn_inside *inside);

enum tn_mode {
    TN_MODE_AUTO,
    TN_MODE_STOP, /* in place, while the world stands still */
    TN_MODE_FORK, /* a forked child walks and writes; the pause is what the fork takes */
};

/* How much data may be read to find out whether it is equal to other data (docs/decisions/data-hashes.md): as much as a
 * processor reads in a few dozen milliseconds, and while the program runs, as much as in about a second. */
#define TN_DATA_IN_PAUSE ((uint64_t)256 << 20)
#define TN_DATA_IN_CHILD ((uint64_t)8 << 30)

/* What the program tells of itself: facts user.<n> (docs/facts.md). Texts are not terminated. */
typedef struct tn_user_row {
    const char *title, *format;
    size_t n_title, n_format;
    uint32_t kind; /* of the value: enum tn_fact_kind but text */
    uint64_t value;
} tn_user_row;

/* Records of TRAK, as they are written. */
typedef struct tn_tracked_rows {
    const void *bytes;
    size_t n_bytes;
    uint64_t n_rows;
} tn_tracked_rows;

typedef struct tn_capture_options {
    enum tn_mode mode;
    const char *path; /* NULL: fd */
    int fd;
    bool force;
    const tn_user_row *user;
    uint32_t n_user;
    const tn_tracked_rows *tracked;
    uint32_t n_tracked;
    bool sums; /* of what is recorded: no blocks */
    tn_walk_options walk;
} tn_capture_options;

/* ---- choose.c ---- */

typedef struct tn_choice {
    enum tn_mode mode; /* stop or fork */
    char reason[160];  /* one clause */
} tn_choice;

typedef struct tn_room {
    uint64_t bytes;   /* that the control groups, and the machine, still give */
    bool ends_all;    /* beyond the group's limit all its processes are killed */
    bool no_children; /* as many processes as are allowed */
} tn_room;

/* Reads a dozen files: before the pause, without the GIL. */
void tn_room_look(tn_room *out);

/* Which mode is used for what was asked. fork, asked for, where the limits of the container could end it: TN_ELIMIT. */
int tn_choose(const tn_inside *inside, const tn_capture_options *options, const tn_room *room, uint64_t rss_bytes,
              tn_choice *out, tn_error *err);
void tn_choose_learn(uint64_t pool_bytes, uint64_t pause_ns); /* what a walk in place has taken */

/* ---- planted.c ---- */

/* NULL, or the first field of target.layout that is not where the table says. Fills in subtype_traverse and
 * subtype_dealloc. Runs code of its own only; leaves nothing. */
const char *tn_planted_check(tn_inside *inside);

/* ---- process.c ---- */

typedef struct tn_class_memory {
    uint64_t size, rss, pss, swap;
} tn_class_memory;
enum tn_memory_class {
    TN_MEMORY_HEAP,
    TN_MEMORY_ANONYMOUS,
    TN_MEMORY_STACK,
    TN_MEMORY_FILE,
    TN_MEMORY_SHARED,
    TN_MEMORY_SPECIAL,
    TN_MEMORY_CLASSES,
};
extern const char *const tn_memory_class_names[TN_MEMORY_CLASSES];

typedef struct tn_process_memory {
    tn_class_memory classes[TN_MEMORY_CLASSES];
    bool malloc_known;
    uint64_t malloc_in_use, malloc_free, malloc_mmap;
} tn_process_memory;

typedef struct tn_mapping {
    uint64_t start, end;
    char perms[5];
    const char *name; /* in the line; "" without */
} tn_mapping;
/* What a process says of itself, read by itself once its threads run again. */
typedef struct tn_process_report {
    uint64_t pid, start_time_ns, read_ns; /* read_ns: of the monotonic clock */
    tn_process_memory memory;
    size_t argv_bytes;
    char host[256], executable[4096], cwd[4096], argv[65536], status[8192];
} tn_process_report;

void tn_process_report_read(tn_process_report *out, bool glibc); /* glibc: is malloc glibc's? */

bool tn_process_mapping(const char *line, tn_mapping *out); /* false: no line of /proc/PID/maps, no head of smaps */
bool tn_process_kib(const char *line, const char *key, uint64_t *bytes); /* "Rss:     12 kB" of smaps and status */
enum tn_memory_class tn_process_class(const tn_mapping *m, uint64_t guard_end); /* end of the guard before it, or 0 */
uint64_t tn_process_guard(const tn_mapping *m);     /* its end where it may guard a stack, else 0 */
void tn_process_sort(tn_range *ranges, uint32_t n); /* allocates nothing */

/* The next line of a /proc file, without its end, cut where out is too small; false at the end. */
typedef struct tn_lines {
    int fd, error; /* errno of what ended the file before its end */
    size_t at, n;
    char buffer[16384];
} tn_lines;
bool tn_process_line(tn_lines *l, char *out, size_t cap);

/* Both reuse the list's memory, which stays mapped: nothing that they list goes because of them. */
int tn_process_ranges(tn_range_list *list, tn_error *err);  /* readable mappings */
int tn_process_statics(tn_range_list *list, tn_error *err); /* program and library data */
bool tn_process_is_glibc(void); /* is malloc glibc's? No other thread may load or unload libraries */
uint64_t tn_process_rss(void);  /* statm: cheap enough for the pause; 0 when unknown */
void tn_process_memory_read(tn_process_memory *out, bool glibc); /* glibc: as above, asked once */
uint64_t tn_process_resident(uint64_t address, uint64_t bytes);  /* of a mapped range */
uint64_t tn_process_start_ns(void);
size_t tn_process_read_file(const char *path, char *out, size_t cap); /* bytes; 0 on failure */

/* ---- job.c ---- */

typedef struct tn_capture_times {
    uint64_t wall_ns, monotonic_ns, pause_ns, rss_bytes;
} tn_capture_times;

typedef struct tn_job tn_job; /* a capture under way */

/* The pause: walks, or forks. Holds the GIL. options->path, user, tracked and from need last no longer than this call, in mode stop until
 * tn_job_finish. TN_EBUSY TN_EVERSION TN_ENOMEM TN_ELIMIT. */
int tn_job_begin(tn_inside *inside, const tn_capture_options *options, const tn_room *room, const tn_alloc *alloc,
                 tn_job **out, tn_error *err);

/* The rest, without the GIL, on any thread, once: saves what was walked, or tells the child what it asks about its parent.
 * true in *done: the file is whole. */
int tn_job_finish(tn_job *job, bool *done, tn_error *err);

/* Waits for the child, at most that long; 0: only looks. *done as above, once and for all. TN_EINTERRUPTED: the child is
 * dead and there is no file. */
int tn_job_wait(tn_job *job, uint32_t milliseconds, bool *done, tn_error *err);

/* A child that still writes is ended, unless it is that of another process: of the one that forked this one. */
void tn_job_free(tn_job *job);

typedef struct tn_save {
    const tn_inside *inside;
    const tn_capture_options *options;
    const tn_alloc *alloc;
    tn_choice choice;
    tn_capture_times times;
    tn_timeline_copy timeline; /* as it was when the pause began */
    tn_traced *traced;         /* NULL: nothing is recorded */
} tn_save;                     /* one capture: what was asked for, and how it came */

/* Writes what was walked. report gives what the process says of itself, when all else is written; NULL: it is not known. */
typedef const tn_process_report *(*tn_report_source)(void *ctx);
int tn_save_file(const tn_save *save, tn_walk *w, tn_report_source report, void *ctx, tn_error *err);

/* ---- child.c ---- */

typedef struct tn_child_area tn_child_area; /* memory that a process and its child share */

/* Forks; in the child it does not return. */
int tn_child_start(tn_inside *inside, tn_save *save, tn_child_area **out, tn_error *err);
void tn_child_tell(tn_child_area *area, const tn_save *save); /* reads the report of this process for the child */
bool tn_child_ended(tn_child_area *area, uint32_t milliseconds, int *status, tn_error *err);
void tn_child_forget(tn_child_area *area); /* kills it if it is ours and runs */

/* ---- facts.c ---- */

/* FACT and STRS, the last chunks. process: NULL if it could not be read. */
int tn_facts_save(const tn_save *save, const tn_walk_report *report, const tn_process_report *process, tn_walk *w,
                  tn_writer *writer, tn_error *err);

#endif
