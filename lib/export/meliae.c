/* meliae.c - JSON lines as Meliae's scanner writes them, an object each:
 *
 *     {"address": 140, "type": "str", "size": 56, "len": 3, "value": "abc", "refs": [120, 96]}
 *
 * Its loader reads them by a regular expression: keys in this order, a blank behind each comma and colon, types and names in
 * ASCII without a backslash. References are those that count in the target's reference count, as tp_traverse has them, and
 * only to objects of the file: the loader takes for granted that it finds what an object refers to.
 */
#include "export/export.h"

#include "analysis/lookup.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_CHARACTERS = 100 }; /* of a value, as the scanner has it */

/* ---- text ---- */

static void put_name(tn_out *out, const char *text, size_t n)
{
    tn__out_text(out, "\"");
    for (size_t i = 0; i < n;) {
        uint32_t c;
        i += tn__utf8_next(text + i, n - i, &c);
        bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        tn__out_bytes(out, &(char){plain ? (char)c : '?'}, 1);
    }
    tn__out_text(out, "\"");
}

static void put_character(tn_out *out, uint32_t c)
{
    if (c == '\\' || c == '/' || c == '"')
        tn__out_format(out, "\\%c", (int)c);
    else if (c >= 0x20 && c < 0x7f)
        tn__out_bytes(out, &(char){(char)c}, 1);
    else if (c > 0xffff)
        tn__out_format(out, "\\u%04x\\u%04x", 0xd800 + ((unsigned)(c - 0x10000) >> 10), 0xdc00 + ((unsigned)c & 0x3ff));
    else
        tn__out_format(out, "\\u%04x", (unsigned)c);
}

static void put_text(tn_out *out, const tn_preview *p)
{
    bool bytes = (p->kind & ~TN_PREVIEW_CUT) == TN_PREVIEW_BYTES;
    tn__out_text(out, "\"");
    for (size_t i = 0, n = 0; i < p->length && n < MOST_CHARACTERS; n++) {
        uint32_t c = p->bytes[i];
        i += bytes ? 1 : tn__utf8_next((const char *)p->bytes + i, p->length - i, &c);
        put_character(out, c == TN_BAD_CHARACTER ? 0xfffd : c);
    }
    tn__out_text(out, "\"");
}

/* ---- one object ---- */

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* "len", where the scanner has one: entries of a dict are half of its references. */
static void put_length(tn_out *out, const tn_type *type, const tn_node *node)
{
    static const char *const counted[] = {"list", "tuple", "set", "frozenset"};
    uint64_t length = TN_UNKNOWN;
    if (strcmp(type->full_name, "str") == 0 || strcmp(type->full_name, "bytes") == 0)
        length = node->length;
    else if (is_one_of(type->full_name, counted, sizeof counted / sizeof *counted))
        length = node->n_references;
    else if (strcmp(type->full_name, "dict") == 0)
        length = node->n_references / 2;
    if (length != TN_UNKNOWN)
        tn__out_format(out, ", \"len\": %" PRIu64, length);
}

static int put_value(tn_out *out, tn_snapshot *s, const tn_type *type, uint32_t id, tn_error *err)
{
    tn_preview p;
    int64_t number = 0;
    TN_TRY(tn__snapshot_preview(s, id, &p, err));
    int kind = p.kind & ~TN_PREVIEW_CUT;
    if (kind == TN_PREVIEW_TEXT || kind == TN_PREVIEW_BYTES) {
        tn__out_text(out, ", \"value\": ");
        put_text(out, &p);
    } else if (kind == TN_PREVIEW_INT && p.length == sizeof number) {
        memcpy(&number, p.bytes, sizeof number);
        if (strcmp(type->full_name, "bool") == 0)
            tn__out_format(out, ", \"value\": \"%s\"", number ? "True" : "False");
        else
            tn__out_format(out, ", \"value\": %" PRId64, number);
    }
    return TN_OK;
}

static int put_own_name(tn_out *out, tn_snapshot *s, uint32_t id, tn_error *err)
{
    tn_preview p;
    TN_TRY(tn__snapshot_preview(s, id, &p, err));
    if ((p.kind & ~TN_PREVIEW_CUT) != TN_PREVIEW_NAME)
        return TN_OK;
    tn__out_text(out, ", \"name\": ");
    put_name(out, (const char *)p.bytes, p.length);
    return TN_OK;
}

typedef struct tn_meliae_references {
    const tn_export_job *job;
    const char *comma;
} tn_meliae_references;

static void put_reference(tn_meliae_references *to, uint32_t target)
{
    tn__out_format(to->job->out, "%s%" PRIu64, to->comma, tn__snapshot_address(to->job->snapshot, target));
    to->comma = ", ";
}

/* A key goes with its value: one without the other would make keys of values behind it. */
static int put_references(const tn_export_job *job, uint32_t id, tn_error *err)
{
    tn_meliae_references to = {job, ""};
    tn_reference_iter iter;
    tn_reference r;
    TN_TRY(tn_references(job->snapshot, id, &iter, err));
    tn__out_text(job->out, ", \"refs\": [");
    while (tn_reference_next(&iter, &r)) {
        bool paired = r.style == TN_LABEL_VALUE && r.key != TN_NONE;
        if (r.kind != TN_REF_OWNING || r.style == TN_LABEL_KEY || !tn_set_has(job->selected, r.target))
            continue;
        if (paired && !tn_set_has(job->selected, r.key))
            continue;
        if (paired)
            put_reference(&to, r.key);
        put_reference(&to, r.target);
    }
    tn__out_text(job->out, "]}\n");
    return TN_OK;
}

static int put_object(const tn_export_job *job, uint32_t id, tn_error *err)
{
    tn_snapshot *s = job->snapshot;
    tn_out *out = job->out;
    tn_node node;
    tn_type type;
    TN_TRY(tn_node_get(s, id, &node, err));
    TN_TRY(tn_snapshot_type(s, node.type, &type));
    tn__out_format(out, "{\"address\": %" PRIu64 ", \"type\": ", node.address);
    put_name(out, type.full_name, strlen(type.full_name));
    tn__out_format(out, ", \"size\": %" PRIu64, node.size);
    TN_TRY(put_own_name(out, s, id, err));
    put_length(out, &type, &node);
    TN_TRY(put_value(out, s, &type, id, err));
    return put_references(job, id, err);
}

int tn__export_meliae(const tn_export_job *job, tn_error *err)
{
    uint32_t id = tn_set_next(job->selected, 0);
    for (; id != TN_NONE && !job->out->failed; id = tn_set_next(job->selected, id + 1))
        TN_TRY(put_object(job, id, err));
    return TN_OK;
}
