/* site_match.c - patterns of places in the program: FILE[:LINE], any:FILE[:LINE], domain:NAME.
 *
 * A pattern of files names the whole path, or its end from a slash on: app.py is /srv/app.py, and not /srv/myapp.py. "*" stands
 * for any characters, slashes too, "?" for one; "=" at the beginning makes the rest the whole path, to the letter. What has no
 * file, as <native>, is named as if that were its file. Line 0 is that of what has none; without a line it is any.
 */
#include "analysis/sites.h"

#include <string.h>

const char *const tn__site_domains[TN_SITE_ALLOCATORS] = {"mem", "obj", "raw"};
const tn_stack_entry tn__site_lost = {.name = TN_SITE_LOST, .qualified_name = TN_SITE_LOST, .file = ""};
static const char anywhere[] = "any:", domain[] = "domain:";

static bool begins(const char *text, size_t n, const char *start)
{
    size_t length = strlen(start);
    return n >= length && memcmp(text, start, length) == 0;
}

/* A number, as PyTraceMalloc_Track takes them, or a word. */
static int parse_domain(const char *text, size_t n, uint32_t *out, tn_error *err)
{
    for (uint32_t i = 0; i < TN_SITE_ALLOCATORS; i++) {
        if (strlen(tn__site_domains[i]) == n && memcmp(tn__site_domains[i], text, n) == 0) {
            *out = i;
            return TN_OK;
        }
    }
    uint32_t number = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9' || number > (TN_SITE_TRACKED - 10) / 10)
            n = 0;
        else
            number = number * 10 + (uint32_t)(text[i] - '0');
    }
    *out = TN_SITE_TRACKED | number;
    return n ? TN_OK : tn__error_set(err, TN_EINVAL, 0, "domains are mem, obj, raw and numbers, as in domain:raw");
}

/* Digits behind the last colon are a line. */
static size_t parse_line(const char *text, size_t n, tn_site_pattern *out)
{
    size_t at = n;
    uint64_t number = 0, digit = 1;
    out->any_line = true;
    for (; at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9' && number <= UINT32_MAX; at--, digit *= 10)
        number += digit * (uint64_t)(text[at - 1] - '0');
    if (at == n || at < 2 || text[at - 1] != ':' || number > UINT32_MAX)
        return n;
    out->line = (uint32_t)number;
    out->any_line = false;
    return at - 1;
}

int tn__site_pattern(const char *text, size_t n, tn_site_pattern *out, tn_error *err)
{
    *out = (tn_site_pattern){0};
    if (begins(text, n, domain))
        return parse_domain(text + sizeof domain - 1, n - (sizeof domain - 1), &out->domain, err);
    out->anywhere = begins(text, n, anywhere);
    if (out->anywhere) {
        text += sizeof anywhere - 1;
        n -= sizeof anywhere - 1;
    }
    out->whole = n > 1 && *text == '=';
    text += out->whole;
    n -= out->whole;
    out->file = text;
    out->n_file = parse_line(text, n, out);
    return out->n_file ? TN_OK : tn__error_set(err, TN_EINVAL, 0, "a place looks like app.py, app.py:88 or any:app.py");
}

/* The last star takes as much as it must. */
bool tn__site_glob(const char *pattern, size_t n, const char *text)
{
    size_t at = 0, star = n;
    const char *retry = NULL;
    while (*text) {
        if (at < n && pattern[at] == '*') {
            star = at++;
            retry = text;
        } else if (at < n && (pattern[at] == '?' || pattern[at] == *text)) {
            at++;
            text++;
        } else if (retry) {
            at = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (at < n && pattern[at] == '*')
        at++;
    return at == n;
}

static bool names_file(const tn_site_pattern *p, const char *file)
{
    if (p->whole)
        return strlen(file) == p->n_file && memcmp(p->file, file, p->n_file) == 0;
    if (tn__site_glob(p->file, p->n_file, file))
        return true;
    for (const char *slash = strchr(file, '/'); slash; slash = strchr(slash + 1, '/'))
        if (slash[1] && tn__site_glob(p->file, p->n_file, slash + 1))
            return true;
    return false;
}

bool tn__site_frame_matches(const tn_site_pattern *p, const tn_stack_entry *frame)
{
    return (p->any_line || p->line == frame->line) && names_file(p, tn__site_file(frame));
}

int tn__site_mark(tn_snapshot *s, const tn_site_pattern *p, uint8_t *marks, tn_error *err)
{
    uint32_t n;
    const char *last = NULL;
    bool same = false;
    TN_TRY(tn__snapshot_n_stacks(s, &n, err));
    marks[0] = tn__site_frame_matches(p, &tn__site_lost);
    for (uint32_t i = 1; i <= n; i++) {
        tn_stack_entry one;
        TN_TRY(tn__snapshot_stack(s, i, &one, err));
        const char *file = tn__site_file(&one);
        if (file != last) /* a string of the file stands once; neighbours often have the same */
            same = names_file(p, file);
        last = file;
        marks[i] = same && (p->any_line || p->line == one.line);
        if (p->anywhere && one.parent)
            marks[i] |= marks[one.parent];
    }
    return TN_OK;
}
