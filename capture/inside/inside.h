/* inside.h - a capture of the process we run in.
 *
 *   interpreter.c  once, at import: finds the runtime's structures
 *   planted*.c     then too: check the layout table on objects made for that
 *   process.c      mappings, resident memory, allocator counters, process facts (no Python.h)
 *   facts.c        the FACT chunk
 *   ../../python/ext/_capture.c: the module that calls tn_inside_*
 */
#ifndef TN_INSIDE_H
#define TN_INSIDE_H

#include "engine/engine.h"

typedef struct tn_range_list {
    tn_range *data;
    uint32_t count, capacity;
} tn_range_list;

typedef struct tn_inside {
    tn_target target;
    tn_range_list ranges, statics; /* of target */
    uint64_t arenas_at;            /* address of the variable that points to obmalloc's arena table; 0: none found */
    uint32_t hexversion;
    bool listed;             /* the layout table was printed by headers of this very range of releases */
    uint32_t n_interpreters; /* in the process; one of them is walked */
    const char *version;
    const char *allocator; /* of Python's objects: pymalloc, malloc, debug, unknown */
} tn_inside;

/* Fills the parts of target that never change. Holds the GIL; may allocate Python objects. TN_EVERSION when the
 * interpreter's structures are not those of its table. */
int tn_inside_probe(tn_inside *inside, tn_error *err);

/* The rest, just before a walk: mappings, library data, arenas. TN_EBUSY during a garbage
 * collection. Holds the GIL, allocates no Python memory. */
int tn_inside_prepare(tn_inside *inside, tn_error *err);

typedef struct tn_capture_options {
    const char *path; /* NULL: fd */
    int fd;
    bool force;
    uint32_t preview_bytes;
    bool redact;
    const uint64_t *from;
    uint32_t n_from;
} tn_capture_options;

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
bool tn_process_mapping(const char *line, tn_mapping *out); /* false: no line of /proc/PID/maps, no head of smaps */
enum tn_memory_class tn_process_class(const tn_mapping *m, uint64_t guard_end); /* end of the guard before it, or 0 */
void tn_process_sort(tn_range *ranges, uint32_t n);                             /* allocates nothing */

/* Both reuse the list's memory, which stays mapped: nothing that they list goes because of them. */
int tn_process_ranges(tn_range_list *list, tn_error *err);  /* readable mappings */
int tn_process_statics(tn_range_list *list, tn_error *err); /* program and library data */
bool tn_process_is_glibc(void); /* is malloc glibc's? No other thread may load or unload libraries */
uint64_t tn_process_rss(void);  /* statm: cheap enough for the pause; 0 when unknown */
void tn_process_memory_read(tn_process_memory *out, bool glibc); /* glibc: as above, asked once */
uint64_t tn_process_resident(uint64_t address, uint64_t bytes);  /* of a mapped range */
uint64_t tn_process_start_ns(void);
size_t tn_process_read_file(const char *path, char *out, size_t cap); /* bytes; 0 on failure */

/* ---- facts.c ---- */

typedef struct tn_capture_times {
    uint64_t wall_ns, monotonic_ns, pause_ns, rss_bytes;
} tn_capture_times;

/* FACT and STRS, the last chunks. arenas: from the walk's target. */
int tn_facts_save(const tn_inside *inside, const tn_capture_options *options, const tn_capture_times *times,
                  const tn_walk_report *report, tn_walk *w, tn_writer *writer, tn_error *err);

#endif
