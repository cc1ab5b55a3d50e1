/* factlist.c - facts of the process and the capture, as the views print them. */
#include "view/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *tn__fact_text(tn_snapshot *s, const char *key)
{
    tn_fact fact;
    if (tn_snapshot_find_fact(s, key, &fact) < 0 || fact.kind != TN_FACT_TEXT)
        return NULL;
    return fact.value.text;
}

void tn__fact_time(uint64_t wall_ns, char *out, size_t cap)
{
    time_t seconds = (time_t)(wall_ns / 1000000000);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || strftime(out, cap, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        snprintf(out, cap, "unknown");
}

void tn__fact_duration(uint64_t ns, char *out, size_t cap)
{
    static const struct {
        uint64_t ns;
        const char *unit;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};
    for (size_t i = 0; i < 3; i++) {
        if (ns >= units[i].ns) {
            uint64_t tenths = ns / (units[i].ns / 10);
            snprintf(out, cap, "%" PRIu64 ".%u %s", tenths / 10, (unsigned)(tenths % 10), units[i].unit);
            return;
        }
    }
    snprintf(out, cap, "%" PRIu64 " ns", ns);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

bool tn__fact_bytes(const tn_fact *fact, uint64_t *bytes)
{
    if (fact->kind != TN_FACT_UINT || !(ends_with(fact->key, "bytes") || strncmp(fact->key, "status.", 7) == 0))
        return false;
    *bytes = fact->value.u;
    return true;
}

const char *tn__fact_value(const tn_fact *fact, char *out, size_t cap)
{
    uint64_t bytes;
    bool uint = fact->kind == TN_FACT_UINT;
    if (fact->kind == TN_FACT_TEXT)
        return fact->value.text;
    if (tn__fact_bytes(fact, &bytes))
        tn_format_bytes(bytes, out, cap);
    else if (uint && (ends_with(fact->key, "wall_time_ns") || ends_with(fact->key, "start_time_ns") ||
                      ends_with(fact->key, "started_wall_ns")))
        tn__fact_time(fact->value.u, out, cap);
    else if (uint && ends_with(fact->key, "_ns"))
        tn__fact_duration(fact->value.u, out, cap);
    else if (uint && ends_with(fact->key, "hexversion"))
        snprintf(out, cap, "0x%08" PRIx64, fact->value.u);
    else if (uint)
        snprintf(out, cap, "%" PRIu64, fact->value.u);
    else if (fact->kind == TN_FACT_INT)
        snprintf(out, cap, "%" PRId64, fact->value.i);
    else
        snprintf(out, cap, "%g", fact->value.d);
    return out;
}

void tn__fact_print(tn_out *out, const tn_fact *fact)
{
    char text[40];
    tn__out_escaped(out, tn__fact_value(fact, text, sizeof text));
}

const char *tn__fact_dump(tn_snapshot *s)
{
    return tn__fact_text(s, "import.format");
}

void tn__fact_command(tn_snapshot *s, tn_out *out)
{
    char key[40];
    for (unsigned i = 0;; i++) {
        snprintf(key, sizeof key, "process.argv.%u", i);
        const char *text = tn__fact_text(s, key);
        if (!text && i == 0)
            text = tn__fact_text(s, "process.executable");
        if (!text) {
            tn__out_text(out, i == 0 ? "unknown program" : "");
            return;
        }
        if (i > 0)
            tn__out_text(out, " ");
        tn__out_argument(out, text);
    }
}

bool tn__roots_known(tn_snapshot *s)
{
    const char *roots = tn__fact_text(s, "import.roots");
    return !roots || strcmp(roots, "unknown") != 0;
}

uint32_t tn__checks_failed(tn_snapshot *s)
{
    uint32_t failed = 0;
    for (size_t i = 0; i < tn_snapshot_n_facts(s); i++) {
        tn_fact fact;
        if (tn_snapshot_fact(s, i, &fact) == TN_OK && strncmp(fact.key, "check.", 6) == 0 &&
            ends_with(fact.key, ".failed") && fact.kind == TN_FACT_UINT)
            failed += fact.value.u > 0;
    }
    return failed;
}

void tn__fact_json(tn_json *j, const char *key, const tn_fact *fact)
{
    switch (fact->kind) {
    case TN_FACT_UINT: tn__json_u64(j, key, fact->value.u); break;
    case TN_FACT_INT: tn__json_i64(j, key, fact->value.i); break;
    case TN_FACT_DOUBLE: tn__json_double(j, key, fact->value.d); break;
    case TN_FACT_TEXT: tn__json_string(j, key, fact->value.text); break;
    }
}

static void named_json(tn_json *j, tn_snapshot *s, const char *name, const char *key)
{
    tn_fact fact;
    if (tn_snapshot_find_fact(s, key, &fact) < 0)
        tn__json_null(j, name);
    else
        tn__fact_json(j, name, &fact);
}

static void argv_json(tn_json *j, tn_snapshot *s)
{
    tn__json_open(j, "argv", '[');
    for (unsigned i = 0;; i++) {
        char key[40];
        snprintf(key, sizeof key, "process.argv.%u", i);
        const char *text = tn__fact_text(s, key);
        if (!text)
            break;
        tn__json_string(j, NULL, text);
    }
    tn__json_close(j, ']');
}

void tn__info_json(tn_json *j, tn_snapshot *s)
{
    static const char *const names[][2] = {
        {"pid", "process.pid"},
        {"host", "process.host"},
        {"executable", "process.executable"},
        {"python_version", "python.version"},
        {"tool_version", "capture.tool_version"},
        {"mode", "capture.mode"},
        {"scope", "capture.scope"},
        {"wall_time_ns", "capture.wall_time_ns"},
        {"monotonic_ns", "capture.monotonic_ns"},
        {"pause_ns", "capture.pause_ns"},
        {"rss_bytes", "memory.rss_bytes"},
    };
    tn__json_open(j, "info", '{');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        named_json(j, s, names[i][0], names[i][1]);
    argv_json(j, s);
    tn__json_u64(j, "file_bytes", tn_snapshot_file_bytes(s));
    tn__json_u64(j, "n_nodes", tn_snapshot_n_nodes(s));
    tn__json_u64(j, "n_objects", tn_snapshot_n_objects(s));
    tn__json_u64(j, "n_types", tn_snapshot_n_types(s));
    tn__json_u64(j, "n_references", tn_snapshot_n_references(s));
    tn__json_u64(j, "checks_failed", tn__checks_failed(s));
    tn__json_open(j, "facts", '{');
    for (size_t i = 0; i < tn_snapshot_n_facts(s); i++) {
        tn_fact fact;
        if (tn_snapshot_fact(s, i, &fact) == TN_OK)
            tn__fact_json(j, fact.key, &fact);
    }
    tn__json_close(j, '}');
    tn__json_close(j, '}');
}
