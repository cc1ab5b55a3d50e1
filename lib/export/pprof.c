/* pprof.c - a profile.proto of pprof (github.com/google/pprof/blob/main/proto/profile.proto), packed by gzip.
 *
 *     Sample {location_id: innermost first, value: as sample_type, label: domain, thread, task, state}
 *     Location {id, mapping_id, line: {function_id, line}}     Function {id, name, system_name, filename, start_line}
 *
 * One location for each line of a function, one mapping for all: it says that names, files and lines are there, so that
 * nobody looks for a program to take symbols from. Fields are written as they come; the table of strings is the last.
 */
#include "analysis/cpu.h"
#include "export/gzip.h"
#include "export/profile.h"

#include <stdio.h>
#include <string.h>

/* Numbers of fields. */
enum {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING = 6,
    PROFILE_TIME_NANOS = 9,
    PROFILE_DURATION_NANOS = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_TYPE = 14,
    VALUE_TYPE = 1,
    VALUE_UNIT = 2,
    SAMPLE_LOCATION = 1,
    SAMPLE_VALUE = 2,
    SAMPLE_LABEL = 3,
    LABEL_KEY = 1,
    LABEL_TEXT = 2,
    MAPPING_ID = 1,
    MAPPING_FILE = 5,
    MAPPING_HAS_FIRST = 7, /* functions, files, lines */
    MAPPING_HAS_LAST = 9,
    LOCATION_ID = 1,
    LOCATION_MAPPING = 2,
    LOCATION_LINE = 4,
    LINE_FUNCTION = 1,
    LINE_LINE = 2,
    FUNCTION_ID = 1,
    FUNCTION_NAME = 2,
    FUNCTION_SYSTEM_NAME = 3,
    FUNCTION_FILE = 4,
    FUNCTION_START_LINE = 5,
};

/* A message under way, and one inside of it. */
typedef struct tn_pprof {
    tn_profile *profile;
    tn_gzip *gzip;
    tn_buf message, part;
    bool failed; /* no memory */
} tn_pprof;

/* ---- the wire format ---- */

static void put_varint(tn_pprof *p, tn_buf *to, uint64_t value)
{
    uint8_t bytes[10];
    unsigned n = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (uint8_t)(value | 0x80);
    bytes[n++] = (uint8_t)value;
    p->failed |= tn__buf_append(to, bytes, n) < 0;
}

/* 0 is what is not written. */
static void put_number(tn_pprof *p, tn_buf *to, unsigned field, uint64_t value)
{
    if (!value)
        return;
    put_varint(p, to, field << 3);
    put_varint(p, to, value);
}

static void put_bytes(tn_pprof *p, tn_buf *to, unsigned field, const void *bytes, size_t n)
{
    put_varint(p, to, field << 3 | 2);
    put_varint(p, to, n);
    p->failed |= tn__buf_append(to, bytes, n) < 0;
}

/* part as a field of message; it is empty again. */
static void end_part(tn_pprof *p, unsigned field)
{
    put_bytes(p, &p->message, field, p->part.data, p->part.size);
    p->part.size = 0;
}

/* message as a field of the profile. */
static void end_message(tn_pprof *p, unsigned field)
{
    put_bytes(p, &p->part, field, p->message.data, p->message.size);
    tn__gzip_add(p->gzip, p->part.data, p->part.size);
    p->message.size = p->part.size = 0;
}

static uint32_t word(tn_pprof *p, const char *text)
{
    uint32_t index = 0;
    p->failed |= tn__profile_add_text(p->profile, text, &index, NULL) < 0;
    return index;
}

/* ---- messages ---- */

static void put_type(tn_pprof *p, unsigned field, const char *type, const char *unit)
{
    put_number(p, &p->message, VALUE_TYPE, word(p, type));
    put_number(p, &p->message, VALUE_UNIT, word(p, unit));
    end_message(p, field);
}

/* Text 0: there is none. */
static void put_label(tn_pprof *p, const char *key, uint32_t text)
{
    if (!text)
        return;
    put_number(p, &p->part, LABEL_KEY, word(p, key));
    put_number(p, &p->part, LABEL_TEXT, text);
    end_part(p, SAMPLE_LABEL);
}

static void put_labels(tn_pprof *p, const tn_profile_row *row, uint32_t thread)
{
    const tn_profile *profile = p->profile;
    const tn_profile_label *label = tn__profile_label(profile, row);
    char domain[32];
    if (!tn__profile_of_time(profile)) {
        put_label(p, "domain", word(p, tn__profile_domain(label->domain, domain, sizeof domain)));
        put_label(p, "thread", thread);
        return;
    }
    const uint32_t texts[] = {label->thread, label->task}, state = label->state; /* word() may move what label is in */
    put_label(p, "thread", texts[0]);
    put_label(p, "task", texts[1]);
    if (profile->n_values > 1) /* else nobody looked */
        put_label(p, "state", word(p, tn__cpu_states[state]));
}

static void put_sample(tn_pprof *p, const tn_profile_row *row)
{
    bool empty = true;
    for (unsigned i = 0; i < p->profile->n_values; i++)
        empty = empty && !tn__profile_value(p->profile, row, i);
    if (empty) /* estimates that round to nothing */
        return;
    uint32_t thread = tn__profile_thread(p->profile, row), n = tn__profile_walk(p->profile, row);
    while (n-- > 0)
        put_varint(p, &p->part, 1 + (uint64_t)p->profile->path[n]);
    end_part(p, SAMPLE_LOCATION);
    for (unsigned i = 0; i < p->profile->n_values; i++)
        put_varint(p, &p->part, (uint64_t)tn__profile_value(p->profile, row, i));
    end_part(p, SAMPLE_VALUE);
    put_labels(p, row, thread);
    end_message(p, PROFILE_SAMPLE);
}

static void put_location(tn_pprof *p, uint32_t i)
{
    const tn_profile_frame *frame = tn__profile_frame(p->profile, i);
    put_number(p, &p->message, LOCATION_ID, 1 + (uint64_t)i);
    put_number(p, &p->message, LOCATION_MAPPING, 1);
    put_number(p, &p->part, LINE_FUNCTION, 1 + (uint64_t)frame->function);
    put_number(p, &p->part, LINE_LINE, frame->line);
    end_part(p, LOCATION_LINE);
    end_message(p, PROFILE_LOCATION);
}

/* pprof takes a name that is its system_name for a mangled one, and "<module>" for a template's arguments, which it drops. */
static bool looks_mangled(const tn_profile *profile, uint32_t name)
{
    size_t n;
    const char *text = tn__profile_text(profile, name, &n);
    return n == 0 || text[0] == '_' || memchr(text, '<', n);
}

static void put_function(tn_pprof *p, uint32_t i)
{
    const tn_profile_function *f = tn__profile_function(p->profile, i);
    put_number(p, &p->message, FUNCTION_ID, 1 + (uint64_t)i);
    put_number(p, &p->message, FUNCTION_NAME, f->name);
    if (f->plain_name != f->name || !looks_mangled(p->profile, f->name))
        put_number(p, &p->message, FUNCTION_SYSTEM_NAME, f->plain_name);
    put_number(p, &p->message, FUNCTION_FILE, f->file);
    put_number(p, &p->message, FUNCTION_START_LINE, f->first_line);
    end_message(p, PROFILE_FUNCTION);
}

static void put_mapping(tn_pprof *p, const tn_snapshot *s)
{
    tn_fact program;
    bool known = tn_snapshot_find_fact(s, "process.executable", &program) == TN_OK && program.kind == TN_FACT_TEXT;
    put_number(p, &p->message, MAPPING_ID, 1);
    put_number(p, &p->message, MAPPING_FILE, word(p, known ? program.value.text : "python"));
    for (unsigned has = MAPPING_HAS_FIRST; has <= MAPPING_HAS_LAST; has++)
        put_number(p, &p->message, has, 1);
    end_message(p, PROFILE_MAPPING);
}

static void put_scalars(tn_pprof *p, const tn_snapshot *s)
{
    static const char *const comments[TN_PROFILES] = {
        [TN_PROFILE_LIVE] = "tonnage " TN_VERSION ": inuse is what is alive",
        [TN_PROFILE_ALLOCATED] = "tonnage " TN_VERSION ": inuse is what is alive",
        [TN_PROFILE_PEAK] = "tonnage " TN_VERSION ": inuse is what was alive at the high-water mark",
        [TN_PROFILE_CPU] = "tonnage " TN_VERSION,
    };
    uint64_t time_ns = 0, duration_ns = 0;
    tn_buf *to = &p->part;
    tn__fact_u64(s, "capture.wall_time_ns", &time_ns);
    if (tn__profile_of_time(p->profile)) {
        tn__fact_u64(s, "sample.started_wall_ns", &time_ns);
        tn__fact_u64(s, "sample.duration_ns", &duration_ns);
    }
    put_number(p, to, PROFILE_TIME_NANOS, time_ns);
    put_number(p, to, PROFILE_DURATION_NANOS, duration_ns);
    put_number(p, to, PROFILE_PERIOD, p->profile->period);
    put_number(p, to, PROFILE_COMMENT, word(p, comments[p->profile->of]));
    if (p->profile->live_only)
        put_number(p, to, PROFILE_COMMENT, word(p, "of a dump of tracemalloc: alloc_* are not known, and 0"));
    put_number(p, to, PROFILE_DEFAULT_TYPE, word(p, p->profile->types[p->profile->main].name));
    tn__gzip_add(p->gzip, to->data, to->size);
    to->size = 0;
}

static void put_strings(tn_pprof *p)
{
    for (uint32_t i = 0; i < p->profile->texts.count; i++) {
        size_t n;
        const char *text = tn__profile_text(p->profile, i, &n);
        put_bytes(p, &p->part, PROFILE_STRING, text, n);
        tn__gzip_add(p->gzip, p->part.data, p->part.size);
        p->part.size = 0;
    }
}

static void put_all(tn_pprof *p, const tn_snapshot *s)
{
    const tn_profile *profile = p->profile;
    const tn_profile_type *about = &profile->types[profile->main];
    for (unsigned i = 0; i < profile->n_values; i++)
        put_type(p, PROFILE_SAMPLE_TYPE, profile->types[i].name, profile->types[i].unit);
    put_type(p, PROFILE_PERIOD_TYPE, tn__profile_of_time(profile) ? about->name : "space", about->unit);
    put_mapping(p, s);
    for (uint32_t i = 0; i < profile->n_rows && !p->failed && !p->gzip->out->failed; i++)
        put_sample(p, tn__profile_row(profile, i));
    for (uint32_t i = 0; i < profile->n_frames && !p->failed; i++)
        put_location(p, i);
    for (uint32_t i = 0; i < profile->functions.count && !p->failed; i++)
        put_function(p, i);
    put_scalars(p, s);
    put_strings(p);
}

static int write_profile(tn_profile *profile, const tn_export_job *job, tn_error *err)
{
    tn_pprof p = {.profile = profile, .gzip = tn__alloc(profile->alloc, sizeof *p.gzip)};
    if (!p.gzip)
        return tn__no_memory(job->snapshot, err);
    tn__buf_init(&p.message, profile->alloc);
    tn__buf_init(&p.part, profile->alloc);
    tn__gzip_begin(p.gzip, job->out);
    put_all(&p, job->snapshot);
    tn__gzip_end(p.gzip);
    tn__buf_free(&p.message);
    tn__buf_free(&p.part);
    tn__free(profile->alloc, p.gzip, sizeof *p.gzip);
    return p.failed ? tn__no_memory(job->snapshot, err) : TN_OK;
}

int tn__export_pprof(const tn_export_job *job, tn_error *err)
{
    tn_profile profile;
    const tn_profile_how how = {job->options->profile, TN_PROFILE_BY_LABEL, TN_PROFILE_LINES};
    int status = tn__profile_make(job->snapshot, &how, &profile, err);
    if (status == TN_OK)
        status = write_profile(&profile, job, err);
    tn__profile_free(&profile);
    return status;
}
