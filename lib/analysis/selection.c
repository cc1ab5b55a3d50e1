/* selection.c - text to conditions (docs/selection.md).
 *
 *   any       = all { "or" all }
 *   all       = { item }
 *   item      = [ "-" | "!" ] ( key ":" value | "(" any ")" )
 *   value     = characters but spaces, brackets in pairs, or 'quoted', or "quoted" (no escapes)
 *
 * What is parsed becomes a list of conditions with two ways out each. While a part is parsed its ways out are TN_ACCEPT and
 * TN_REJECT; "and" leads the accepting ones of the left part on to the right part, "or" the rejecting ones, "not" swaps them.
 */
#include "analysis/analysis.h"
#include "analysis/diff.h"
#include "analysis/sites.h"

#include <string.h>

enum { MAX_DEPTH = 32 };

static const char *const keys[TN_COND_KINDS] = {
    [TN_COND_TYPE] = "type",
    [TN_COND_MODULE] = "module",
    [TN_COND_DIST] = "dist",
    [TN_COND_SIZE] = "size",
    [TN_COND_REFCOUNT] = "refcount",
    [TN_COND_LENGTH] = "len",
    [TN_COND_FLAG] = "flag",
    [TN_COND_TEXT] = "text",
    [TN_COND_ADDRESS] = "address",
    [TN_COND_RETAINED] = "retained",
    [TN_COND_ROOT] = "root",
    [TN_COND_DOMINATED] = "dominated-by",
    [TN_COND_IS] = "is",
    [TN_COND_SITE] = "site",
    [TN_COND_COUNT] = "count",
    [TN_COND_LARGEST] = "largest",
};

/* Bits that are looked at, and as they must be; of the node, or of its type. */
static const struct {
    const char *name;
    uint32_t mask, bits, type_flags;
} flags[] = {
    {"tracked", TN_NODE_TRACKED, TN_NODE_TRACKED, 0},
    {"untracked", TN_NODE_TRACKED, 0, 0},
    {"gen0", TN_NODE_TRACKED | TN_NODE_GENERATION, TN_NODE_TRACKED, 0},
    {"gen1", TN_NODE_TRACKED | TN_NODE_GENERATION, TN_NODE_TRACKED | 1 << 1, 0},
    {"gen2", TN_NODE_TRACKED | TN_NODE_GENERATION, TN_NODE_TRACKED | 2 << 1, 0},
    {"frozen", TN_NODE_TRACKED | TN_NODE_GENERATION, TN_NODE_TRACKED | 3 << 1, 0},
    {"immortal", TN_NODE_IMMORTAL, TN_NODE_IMMORTAL, 0},
    {"static", TN_NODE_STATIC, TN_NODE_STATIC, 0},
    {"finalized", TN_NODE_FINALIZED, TN_NODE_FINALIZED, 0},
    {"hidden", TN_NODE_HIDDEN, TN_NODE_HIDDEN, 0},
    {"guessed", TN_NODE_GUESSED, TN_NODE_GUESSED, 0},
    {"pending", TN_NODE_STATE, TN_FUTURE_PENDING << 13, 0},
    {"cancelled", TN_NODE_STATE, TN_FUTURE_CANCELLED << 13, 0},
    {"finished", TN_NODE_STATE, TN_FUTURE_FINISHED << 13, 0},
    {"finalizer", 0, 0, TN_TYPE_FINALIZER},
    {"heaptype", 0, 0, TN_TYPE_HEAP},
};

typedef struct tn_parser {
    tn_selection *selection;
    const char *text;
    size_t at, n;
    unsigned allowed, depth;
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
    if (p->allowed == TN_SELECT_TRACKED)
        return bad_word(p, start,
                        "tracked classes are selected by type: module: size: retained: or text:, as in type:app.Node+",
                        err);
    return bad_word(p, start,
                    "use type: module: dist: size: len: refcount: flag: text: address: retained: root: dominated-by: "
                    "site: or is:, as in type:dict size:>=1k",
                    err);
}

static int find_key(const tn_parser *p, size_t start, size_t n)
{
    for (int k = 0; k < TN_COND_KINDS; k++)
        if (strlen(keys[k]) == n && memcmp(keys[k], p->text + start, n) == 0 && (p->allowed >> k & 1))
            return k;
    return -1;
}

static void skip_spaces(tn_parser *p)
{
    while (p->at < p->n && p->text[p->at] == ' ')
        p->at++;
}

/* ---- values ---- */

/* A bracket that is not opened in the value ends it. */
static size_t plain_end(const tn_parser *p, size_t at)
{
    for (size_t open = 0; at < p->n && p->text[at] != ' '; at++) {
        if (p->text[at] == ')' && open-- == 0)
            break;
        open += p->text[at] == '(';
    }
    return at;
}

static const char *take_value(tn_parser *p, size_t *n)
{
    char quote = p->at < p->n ? p->text[p->at] : '\0';
    bool quoted = quote == '\'' || quote == '"';
    size_t start = p->at + quoted, end = start;
    if (quoted) {
        const char *close = memchr(p->text + start, quote, p->n - start);
        if (!close)
            return NULL;
        end = (size_t)(close - p->text);
    } else {
        end = plain_end(p, start);
    }
    p->at = end + quoted;
    *n = end - start;
    return p->text + start;
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

/* LOW..HIGH, either end may be missing. */
static int parse_range(const char *value, size_t n, size_t dots, bool bytes, tn_condition *c)
{
    c->low = 0;
    c->high = UINT64_MAX;
    if (dots > 0)
        TN_TRY(parse_number(value, dots, bytes, &c->low));
    if (dots + 2 < n)
        TN_TRY(parse_number(value + dots + 2, n - dots - 2, bytes, &c->high));
    return n > 2 ? TN_OK : TN_EINVAL;
}

static int parse_numbers(const char *value, size_t n, bool bytes, tn_condition *c)
{
    uint64_t number;
    for (size_t i = 0; i + 1 < n; i++)
        if (value[i] == '.' && value[i + 1] == '.')
            return parse_range(value, n, i, bytes, c);
    char sign = n ? value[0] : '\0';
    size_t skipped = sign == '<' || sign == '>' || sign == '=';
    bool equals = skipped && sign != '=' && n > 1 && value[1] == '=';
    skipped += equals;
    TN_TRY(parse_number(value + skipped, n - skipped, bytes, &number));
    bool below = sign == '<', above = sign == '>';
    bool nothing = below && !equals && number == 0;
    c->low = nothing ? 1 : below ? 0 : above && !equals ? number + 1 : number;
    c->high = above ? UINT64_MAX : below && !equals && number > 0 ? number - 1 : number;
    return TN_OK;
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

/* One address, or several with commas between. */
static int parse_addresses(tn_parser *p, const char *value, size_t n, tn_condition *c)
{
    size_t n_commas = 0;
    for (size_t i = 0; i < n; i++)
        n_commas += value[i] == ',';
    uint64_t *addresses = tn__arena_get(&p->selection->arena, (n_commas + 1) * sizeof *addresses);
    if (!addresses)
        return TN_ENOMEM;
    c->addresses = addresses;
    c->n_addresses = n_commas + 1;
    for (size_t i = 0; i <= n_commas; i++) {
        const char *comma = memchr(value, ',', n);
        size_t length = comma ? (size_t)(comma - value) : n;
        TN_TRY(parse_address(value, length, &addresses[i]));
        value += length + 1;
        n -= length + (comma != NULL);
    }
    return TN_OK;
}

static int parse_flag(const char *value, size_t n, tn_condition *c)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strlen(flags[i].name) != n || memcmp(flags[i].name, value, n) != 0)
            continue;
        c->low = flags[i].mask;
        c->high = flags[i].bits;
        c->type_flags = flags[i].type_flags;
        return TN_OK;
    }
    return TN_EINVAL;
}

static int parse_is(const char *value, size_t n, tn_condition *c)
{
    static const char *const names[] = {
        [TN_IS_NEW] = "new", [TN_IS_SURVIVED] = "survived", [TN_IS_CERTAIN] = "certain", [TN_IS_LIKELY] = "likely"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) != n || memcmp(names[i], value, n) != 0)
            continue;
        c->low = i;
        return TN_OK;
    }
    return TN_EINVAL;
}

static int parse_site(const char *value, size_t n)
{
    tn_site_pattern pattern;
    TN_TRY(tn__site_pattern(value, n, &pattern, NULL));
    return pattern.file ? TN_OK : TN_EINVAL; /* domains are those of blocks */
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

static const char *complaint(enum tn_condition_kind kind, const char *value, size_t n)
{
    switch (kind) {
    case TN_COND_IS:
        return n == 4 && memcmp(value, "gone", 4) == 0
                   ? "what is gone is in the older snapshot alone: diff OLD NEW counts it"
               : n == 7 && memcmp(value, "garbage", 7) == 0
                   ? "what waits for the collector is root:unreachable"
                   : "compared with an older snapshot an object is new or survived (certain or likely)";
    case TN_COND_SITE: return "a site looks like app.py, app.py:88 or any:app.py:88 (any frame of the stack)";
    case TN_COND_ROOT:
        return "roots are module thread interpreter static interned C unreachable several, as in root:thread";
    case TN_COND_DOMINATED:
    case TN_COND_ADDRESS: return "an address looks like 0x7f0a12345680; several have commas between";
    case TN_COND_FLAG:
        return "flags are tracked untracked gen0 gen1 gen2 frozen immortal static finalized hidden guessed pending "
               "cancelled finished finalizer heaptype";
    case TN_COND_COUNT: return "a count looks like >=100";
    case TN_COND_REFCOUNT: return "a reference count looks like 1, >=100 or 2..10";
    case TN_COND_LENGTH: return "a length looks like 0, >=100 or 2..10";
    default: return "a size looks like >=1k, <2.5MiB or 1k..2M";
    }
}

static int parse_kind(tn_parser *p, const char *value, size_t *n, tn_condition *c)
{
    switch (c->kind) {
    case TN_COND_TYPE: take_suffixes(c, value, n); return TN_OK;
    case TN_COND_DOMINATED:
    case TN_COND_ADDRESS: return parse_addresses(p, value, *n, c);
    case TN_COND_ROOT: return tn__root_kind_known(value, *n) ? TN_OK : TN_EINVAL;
    case TN_COND_FLAG: return parse_flag(value, *n, c);
    case TN_COND_IS: return parse_is(value, *n, c);
    case TN_COND_SITE: return parse_site(value, *n);
    case TN_COND_SIZE:
    case TN_COND_RETAINED:
    case TN_COND_LARGEST: return parse_numbers(value, *n, true, c);
    case TN_COND_COUNT:
    case TN_COND_REFCOUNT:
    case TN_COND_LENGTH: return parse_numbers(value, *n, false, c);
    default: return TN_OK;
    }
}

static int parse_value(tn_parser *p, size_t start, tn_condition *c, tn_error *err)
{
    size_t n = 0;
    const char *value = take_value(p, &n);
    if (!value)
        return bad_word(p, start, "the quote is not closed", err);
    if (n == 0)
        return bad_word(p, start, "a value must follow the colon", err);
    int status = parse_kind(p, value, &n, c);
    if (status == TN_EINVAL)
        return bad_word(p, start, complaint(c->kind, value, n), err);
    c->text = status == TN_OK ? tn__arena_text(&p->selection->arena, value, n) : NULL;
    c->n_text = n;
    return c->text ? TN_OK : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

/* ---- words, brackets, or ---- */

/* Leads the ways out of conditions from first on, that are from now, to another place. */
static void lead(const tn_selection *sel, size_t first, size_t end, uint32_t from, uint32_t to)
{
    for (size_t i = first; i < end; i++) {
        tn_condition *c = tn__selection_at(sel, i);
        for (int holds = 0; holds < 2; holds++)
            c->next[holds] = c->next[holds] == from ? to : c->next[holds];
    }
}

static void negate(const tn_selection *sel, size_t first)
{
    const uint32_t aside = TN_REJECT - 1;
    lead(sel, first, sel->n, TN_ACCEPT, aside);
    lead(sel, first, sel->n, TN_REJECT, TN_ACCEPT);
    lead(sel, first, sel->n, aside, TN_REJECT);
}

static int parse_word(tn_parser *p, size_t start, tn_error *err)
{
    tn_condition c = {.next = {TN_REJECT, TN_ACCEPT}};
    size_t key = p->at;
    while (p->at < p->n && ((p->text[p->at] >= 'a' && p->text[p->at] <= 'z') || p->text[p->at] == '-'))
        p->at++;
    int kind = find_key(p, key, p->at - key);
    if (kind < 0 || p->at == p->n || p->text[p->at] != ':')
        return unknown_key(p, start, err);
    c.kind = (enum tn_condition_kind)kind;
    p->at++;
    TN_TRY(parse_value(p, start, &c, err));
    if (p->at < p->n && p->text[p->at] != ' ' && p->text[p->at] != ')')
        return bad_word(p, start, "a space must stand between conditions", err);
    if (p->selection->n == TN_MAX_CONDITIONS)
        return bad_word(p, start, "more than 1000 conditions", err);
    if (tn__buf_append(&p->selection->conditions, &c, sizeof c) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    p->selection->n++;
    return TN_OK;
}

static int parse_any(tn_parser *p, tn_error *err);

static int parse_brackets(tn_parser *p, size_t start, tn_error *err)
{
    size_t first = p->selection->n;
    if (++p->depth > MAX_DEPTH)
        return bad_word(p, start, "brackets stand inside too many others", err);
    p->at++;
    TN_TRY(parse_any(p, err));
    if (p->at == p->n)
        return bad_word(p, start, "the bracket is not closed", err);
    if (p->selection->n == first)
        return bad_word(p, start, "nothing stands in the brackets", err);
    p->at++;
    p->depth--;
    return TN_OK;
}

static bool at_or(const tn_parser *p)
{
    size_t left = p->n - p->at;
    return left >= 2 && memcmp(p->text + p->at, "or", 2) == 0 &&
           (left == 2 || p->text[p->at + 2] == ' ' || p->text[p->at + 2] == '(');
}

/* Items up to "or", a closing bracket or the end; *found: whether there was one. */
static int parse_all(tn_parser *p, bool *found, tn_error *err)
{
    size_t first = p->selection->n;
    for (skip_spaces(p); p->at < p->n && p->text[p->at] != ')' && !at_or(p); skip_spaces(p)) {
        size_t start = p->at, item = p->selection->n;
        bool negated = p->text[p->at] == '-' || p->text[p->at] == '!';
        p->at += negated;
        bool brackets = p->at < p->n && p->text[p->at] == '(';
        TN_TRY(brackets ? parse_brackets(p, start, err) : parse_word(p, start, err));
        if (negated)
            negate(p->selection, item);
        lead(p->selection, first, item, TN_ACCEPT, (uint32_t)item);
    }
    *found = p->selection->n > first;
    return TN_OK;
}

static int parse_any(tn_parser *p, tn_error *err)
{
    size_t first = p->selection->n, start = p->at;
    bool found;
    TN_TRY(parse_all(p, &found, err));
    while (p->at < p->n && p->text[p->at] != ')') {
        if (!found)
            return bad_word(p, start, "a condition must stand before \"or\"", err);
        size_t right = p->selection->n;
        start = p->at;
        p->at += 2;
        TN_TRY(parse_all(p, &found, err));
        if (!found)
            return bad_word(p, start, "a condition must follow \"or\"", err);
        lead(p->selection, first, right, TN_REJECT, (uint32_t)right);
    }
    return TN_OK;
}

static int parse_text(tn_selection *sel, const char *text, unsigned allowed, tn_error *err)
{
    tn_parser p = {.selection = sel, .text = text ? text : "", .n = text ? strlen(text) : 0, .allowed = allowed};
    size_t first = sel->n;
    TN_TRY(parse_any(&p, err));
    if (p.at < p.n)
        return bad_word(&p, p.at, "no bracket is open that this one could close", err);
    if (sel->n > first)
        lead(sel, 0, first, TN_ACCEPT, (uint32_t)first);
    return TN_OK;
}

int tn__selection_parse(const tn_alloc *a, const char *text, const char *further, unsigned allowed, tn_selection *out,
                        tn_error *err)
{
    tn_selection sel = {.alloc = a};
    tn__arena_init(&sel.arena, a);
    tn__buf_init(&sel.conditions, a);
    int status = parse_text(&sel, text, allowed, err);
    if (status == TN_OK)
        status = parse_text(&sel, further, allowed, err);
    if (status < 0)
        tn__selection_free(&sel);
    else
        *out = sel;
    return status;
}

int tn__selection_compares(const tn_alloc *a, const char *text, bool *compares, tn_error *err)
{
    tn_selection sel;
    *compares = false;
    TN_TRY(tn__selection_parse(a, text, NULL, TN_SELECT_OBJECTS, &sel, err));
    for (size_t i = 0; i < sel.n; i++)
        *compares |= tn__selection_at(&sel, i)->kind == TN_COND_IS;
    tn__selection_free(&sel);
    return TN_OK;
}

void tn__selection_free(tn_selection *sel)
{
    for (size_t i = 0; i < sel->n; i++) {
        tn__free(sel->alloc, tn__selection_at(sel, i)->by_type, sel->n_types);
        tn_set_free(tn__selection_at(sel, i)->members);
    }
    tn__arena_free(&sel->arena);
    tn__buf_free(&sel->conditions);
}

bool tn__condition_number(const tn_condition *c, uint64_t value)
{
    return c->low <= value && value <= c->high;
}

int tn__selection_decide(const tn_selection *sel, tn_holds holds, void *ctx)
{
    uint32_t at = sel->n ? 0 : TN_ACCEPT;
    while (at < TN_REJECT) {
        const tn_condition *c = tn__selection_at(sel, at);
        int answer = holds(ctx, c);
        TN_TRY(answer);
        at = c->next[answer != 0];
    }
    return at == TN_ACCEPT;
}
