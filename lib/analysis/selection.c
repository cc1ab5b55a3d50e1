/* selection.c - text to conditions: words separated by spaces, all must hold (docs/selection.md).
 *
 *   word      = ["-" | "!"] key ":" value
 *   value     = characters but spaces, or 'quoted', or "quoted" (no escapes)
 */
#include "analysis/analysis.h"

#include <string.h>

static const char *const keys[TN_COND_KINDS] = {"type", "module", "size", "text", "address", "count", "largest"};

typedef struct tn_parser {
    tn_selection *selection;
    const char *text;
    size_t at, n;
    unsigned allowed;
} tn_parser;

static int bad_word(const tn_parser *p, size_t start, const char *what, tn_error *err)
{
    int shown = (int)(p->n - start > 40 ? 40 : p->n - start);
    return tn__error_set(err, TN_EINVAL, start, "selection, character %zu (\"%.*s\"): %s", start + 1, shown,
                         p->text + start, what);
}

static int unknown_key(const tn_parser *p, size_t start, tn_error *err)
{
    if (p->allowed == TN_SELECT_ROWS)
        return bad_word(p, start, "rows are selected by size:, count: or largest:, as in size:>=1k", err);
    if (p->allowed == TN_SELECT_FACTS)
        return bad_word(p, start, "facts are selected by text: or size:, as in text:malloc size:>=1M", err);
    if (p->allowed == TN_SELECT_FINDINGS)
        return bad_word(p, start, "findings are selected by text:, as in text:checksum", err);
    return bad_word(p, start, "use type:, module:, size:, text: or address:, as in type:dict size:>=1k", err);
}

static int find_key(const tn_parser *p, size_t start, size_t n)
{
    for (int k = 0; k < TN_COND_KINDS; k++)
        if (strlen(keys[k]) == n && memcmp(keys[k], p->text + start, n) == 0 && (p->allowed >> k & 1))
            return k;
    return -1;
}

static const char *take_value(tn_parser *p, size_t *n)
{
    char quote = p->at < p->n ? p->text[p->at] : '\0';
    bool quoted = quote == '\'' || quote == '"';
    size_t start = p->at + quoted;
    size_t end = start;
    while (end < p->n && (quoted ? p->text[end] != quote : p->text[end] != ' '))
        end++;
    if (quoted && end == p->n)
        return NULL;
    p->at = end + quoted;
    *n = end - start;
    return p->text + start;
}

static enum tn_compare take_compare(const char **value, size_t *n)
{
    static const struct {
        const char *sign;
        enum tn_compare compare;
    } signs[] = {{">=", TN_CMP_GE}, {"<=", TN_CMP_LE}, {">", TN_CMP_GT}, {"<", TN_CMP_LT}, {"=", TN_CMP_EQ}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t length = strlen(signs[i].sign);
        if (*n >= length && memcmp(*value, signs[i].sign, length) == 0) {
            *value += length;
            *n -= length;
            return signs[i].compare;
        }
    }
    return TN_CMP_EQ;
}

static int parse_number(const char *value, size_t n, bool bytes, uint64_t *out)
{
    char text[48];
    if (n == 0 || n >= sizeof text)
        return TN_EINVAL;
    memcpy(text, value, n);
    text[n] = '\0';
    if (!bytes && strspn(text, "0123456789") != n)
        return TN_EINVAL;
    return tn_parse_bytes(text, out);
}

static int parse_address(const char *value, size_t n, uint64_t *out)
{
    bool hex = n > 2 && value[0] == '0' && (value[1] | 0x20) == 'x';
    uint64_t base = hex ? 16 : 10, result = 0;
    size_t i = hex ? 2 : 0;
    for (; i < n; i++) {
        char c = value[i], low = (char)(c | 0x20);
        uint64_t digit = c >= '0' && c <= '9'       ? (uint64_t)(c - '0')
                         : low >= 'a' && low <= 'f' ? (uint64_t)(low - 'a' + 10)
                                                    : 99;
        if (digit >= base || result > (UINT64_MAX - digit) / base)
            return TN_EINVAL;
        result = result * base + digit;
    }
    *out = result;
    return n > 0 ? TN_OK : TN_EINVAL;
}

/* "Session+" takes subclasses in, "app.*" all names with that beginning. */
static void take_suffixes(tn_condition *c, const char *value, size_t *n)
{
    if (*n > 1 && value[*n - 1] == '+')
        c->subclasses = true;
    else if (*n > 0 && value[*n - 1] == '*')
        c->prefix = true;
    *n -= (size_t)(c->subclasses || c->prefix);
}

static int parse_value(tn_parser *p, size_t start, tn_condition *c, tn_error *err)
{
    size_t n;
    const char *value = take_value(p, &n);
    if (!value)
        return bad_word(p, start, "the quote is not closed", err);
    if (n == 0)
        return bad_word(p, start, "a value must follow the colon", err);
    if (c->kind == TN_COND_TYPE)
        take_suffixes(c, value, &n);
    if (c->kind == TN_COND_ADDRESS && parse_address(value, n, &c->number) < 0)
        return bad_word(p, start, "an address looks like 0x7f0a12345680", err);
    if (c->kind == TN_COND_SIZE || c->kind == TN_COND_COUNT || c->kind == TN_COND_LARGEST) {
        c->compare = take_compare(&value, &n);
        if (parse_number(value, n, c->kind != TN_COND_COUNT, &c->number) < 0)
            return bad_word(p, start,
                            c->kind == TN_COND_COUNT ? "a count looks like >=100" : "a size looks like >=1k or <2.5MiB",
                            err);
    }
    c->text = tn__arena_text(&p->selection->arena, value, n);
    c->n_text = n;
    return c->text ? TN_OK : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

static int parse_word(tn_parser *p, tn_error *err)
{
    size_t start = p->at;
    tn_condition c = {.negated = p->text[p->at] == '-' || p->text[p->at] == '!'};
    p->at += c.negated;
    size_t key = p->at;
    while (p->at < p->n && p->text[p->at] >= 'a' && p->text[p->at] <= 'z')
        p->at++;
    int kind = find_key(p, key, p->at - key);
    if (kind < 0 || p->at == p->n || p->text[p->at] != ':')
        return unknown_key(p, start, err);
    c.kind = (enum tn_condition_kind)kind;
    p->at++;
    TN_TRY(parse_value(p, start, &c, err));
    if (p->at < p->n && p->text[p->at] != ' ')
        return bad_word(p, start, "a space must stand between conditions", err);
    if (tn__buf_append(&p->selection->conditions, &c, sizeof c) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    p->selection->n++;
    return TN_OK;
}

int tn__selection_parse(const tn_alloc *a, const char *text, unsigned allowed, tn_selection *out, tn_error *err)
{
    tn_selection sel = {.alloc = a};
    tn__arena_init(&sel.arena, a);
    tn__buf_init(&sel.conditions, a);
    tn_parser p = {.selection = &sel, .text = text ? text : "", .n = text ? strlen(text) : 0, .allowed = allowed};
    while (p.at < p.n) {
        if (p.text[p.at] == ' ') {
            p.at++;
            continue;
        }
        int status = parse_word(&p, err);
        if (status < 0) {
            tn__selection_free(&sel);
            return status;
        }
    }
    *out = sel;
    return TN_OK;
}

void tn__selection_free(tn_selection *sel)
{
    tn__arena_free(&sel->arena);
    tn__buf_free(&sel->conditions);
}

bool tn__condition_number(const tn_condition *c, uint64_t value)
{
    bool holds = false;
    switch (c->compare) {
    case TN_CMP_EQ: holds = value == c->number; break;
    case TN_CMP_LT: holds = value < c->number; break;
    case TN_CMP_LE: holds = value <= c->number; break;
    case TN_CMP_GT: holds = value > c->number; break;
    case TN_CMP_GE: holds = value >= c->number; break;
    }
    return holds != c->negated;
}
