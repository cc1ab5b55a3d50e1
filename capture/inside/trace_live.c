/* trace_live.c - see trace_live.h. */
#include "inside/trace_live.h"

#include "inside/traced_rules.h"
#include "stacks/linetable.h"

#include <string.h>

enum { NO_FILE = UINT32_MAX };

typedef struct place {
    uint32_t file, name, line; /* strings; file NO_FILE: none */
} place;

typedef struct group {
    place place;
    uint64_t counted; /* the last site, or sample, that counts in it */
    tn_live_sum sum;
    tn_spread spread; /* of its samples */
} group;

struct tn_live {
    enum tn_live_by by;
    tn_strtab strings, places; /* texts; places, whose numbers are those of the groups */
    tn_buf codes;              /* code, from id 0 on */
    tn_buf rows;               /* tn_traced_row a stack, likewise */
    tn_buf groups;             /* group */
    tn_buf of_stacks;          /* u32 a stack: its group + 1; 0: not looked for yet */
    tn_live_sum total, own;
    uint64_t interval_bytes; /* 0: exact */
    uint64_t n_counted;
    int status; /* of a visit */
    bool cumulative;
    uint32_t n_stacks;
};

typedef struct code {
    enum tn_code_kind kind;
    uint32_t file, name;
} code;

#define CODES(l) ((const code *)(const void *)(l)->codes.data)
#define ROWS(l) ((const tn_traced_row *)(const void *)(l)->rows.data)
#define GROUPS(l) ((group *)(void *)(l)->groups.data)
#define OF_STACKS(l) ((uint32_t *)(void *)(l)->of_stacks.data)

static void add(tn_live_sum *sum, const tn_recorded_site *s)
{
    sum->bytes += s->live_bytes;
    sum->count += s->live_count;
}

static int read_codes(tn_live *l)
{
    tn_recorded_code c;
    code row = {TN_CODE_PROGRAM, NO_FILE, 0};
    TN_TRY(tn__strtab_add(&l->strings, "", 0, &row.name));
    TN_TRY(tn__buf_append(&l->codes, &row, sizeof row));
    for (uint32_t id = 1; tn_recorded_code_at(id, &c); id++) {
        const tn_code_facts *f = &c.facts;
        row = (code){tn__traced_kind(&c), NO_FILE, 0};
        if (!c.pseudo)
            TN_TRY(tn__strtab_add(&l->strings, f->file, f->n_file, &row.file));
        if (c.pseudo || l->by == TN_LIVE_FUNCTION)
            TN_TRY(tn__strtab_add(&l->strings, c.pseudo ? f->name : f->qualname, c.pseudo ? f->n_name : f->n_qualname,
                                  &row.name));
        TN_TRY(tn__buf_append(&l->codes, &row, sizeof row));
    }
    return 0;
}

/* Code objects are there before the stacks that were counted: those that come meanwhile are left out. */
static int read_stacks(tn_live *l, uint32_t n_stacks)
{
    tn_recorded_stack s;
    tn_traced_row r = {0, TN_FRAME_LOST, 0, TN_ROW_BEFORE};
    TN_TRY(read_codes(l));
    TN_TRY(tn__buf_append(&l->rows, &r, sizeof r));
    for (uint32_t id = 1; id < n_stacks && tn_recorded_stack_at(id, &s); id++) {
        r = tn__traced_row(CODES(l)[s.code].kind, id, &s, ROWS(l) + s.parent);
        TN_TRY(tn__buf_append(&l->rows, &r, sizeof r));
    }
    TN_TRY(tn__buf_reserve(&l->of_stacks, n_stacks * sizeof(uint32_t)));
    memset(l->of_stacks.data, 0, n_stacks * sizeof(uint32_t));
    return 0;
}

static uint32_t line_of(uint32_t stack)
{
    tn_recorded_stack s;
    tn_recorded_code c;
    if (!tn_recorded_stack_at(stack, &s) || !tn_recorded_code_at(s.code, &c) || c.pseudo)
        return 0;
    return tn__linetable_line(c.facts.lines, c.facts.n_lines, c.facts.first_line, s.instruction);
}

/* The group of a stack's innermost frame. */
static int find_group(tn_live *l, uint32_t stack, uint32_t *out)
{
    if (!OF_STACKS(l)[stack]) {
        const code *c = &CODES(l)[ROWS(l)[stack].code];
        const place p = {c->file, c->name, l->by == TN_LIVE_LINE ? line_of(stack) : 0};
        uint32_t index;
        TN_TRY(tn__strtab_add(&l->places, (const char *)&p, sizeof p, &index));
        if (index == l->groups.size / sizeof(group))
            TN_TRY(tn__buf_append(&l->groups, &(group){.place = p}, sizeof(group)));
        OF_STACKS(l)[stack] = index + 1;
    }
    *out = OF_STACKS(l)[stack] - 1;
    return 0;
}

/* What was made by a stack goes into its groups: a site's sums, or a sample. */
static int add_to_groups(tn_live *l, uint32_t stack, const tn_recorded_site *site, const tn_recorded_block *sample)
{
    const tn_traced_row *rows = ROWS(l);
    uint64_t id = ++l->n_counted;
    uint32_t index;
    do {
        if (rows[stack].flags & TN_ROW_OWN) /* it called back into the program */
            continue;
        TN_TRY(find_group(l, stack, &index));
        group *g = &GROUPS(l)[index];
        if (g->counted == id)
            continue;
        g->counted = id;
        if (site)
            add(&g->sum, site);
        else
            tn__spread_add(&g->spread, sample->bytes, (uint64_t)sample->interval_bytes);
    } while (l->cumulative && (stack = rows[stack].parent));
    return 0;
}

static int add_site(tn_live *l, const tn_recorded_site *s)
{
    bool own = ROWS(l)[s->stack].flags & TN_ROW_OWN;
    add(own ? &l->own : &l->total, s);
    return own ? 0 : add_to_groups(l, s->stack, s, NULL);
}

static bool add_sample(void *ctx, const tn_recorded_block *b)
{
    tn_live *l = ctx;
    if (b->stack < l->n_stacks && !(ROWS(l)[b->stack].flags & TN_ROW_OWN))
        l->status = add_to_groups(l, b->stack, NULL, b);
    return l->status == 0;
}

static int fill(tn_live *l)
{
    tn_recorded now;
    tn_recorded_site s;
    tn_recorded_now(&now);
    TN_TRY(tn__strtab_init(&l->strings, &tn__alloc_pages));
    TN_TRY(tn__strtab_init(&l->places, &tn__alloc_pages));
    l->n_stacks = now.n_stacks;
    l->interval_bytes = now.mode == TN_RECORD_SAMPLED ? now.interval_bytes : 0;
    TN_TRY(read_stacks(l, now.n_stacks));
    for (uint32_t id = 1; id < now.n_sites && tn_recorded_site_at(id, &s); id++) {
        bool is_alive = s.live_bytes > 0 || s.live_count > 0;
        if (is_alive && s.stack < now.n_stacks)
            TN_TRY(add_site(l, &s));
    }
    if (l->interval_bytes)
        tn_recorded_blocks(add_sample, l);
    return l->status;
}

static int no_memory(int status, tn_error *err)
{
    return tn__error_set(err, status, 0, "not enough memory to sum up what is alive: free some, or stop tracing");
}

int tn_live_take(enum tn_live_by by, bool cumulative, tn_live **out, tn_error *err)
{
    tn_live *l = tn__alloc_zero(&tn__alloc_pages, sizeof *l);
    if (!l)
        return no_memory(TN_ENOMEM, err);
    l->by = by;
    l->cumulative = cumulative;
    tn__buf_init(&l->codes, &tn__alloc_pages);
    tn__buf_init(&l->rows, &tn__alloc_pages);
    tn__buf_init(&l->groups, &tn__alloc_pages);
    tn__buf_init(&l->of_stacks, &tn__alloc_pages);
    int status = fill(l);
    if (status < 0) {
        tn_live_free(l);
        return no_memory(status, err);
    }
    *out = l;
    return 0;
}

void tn_live_free(tn_live *live)
{
    tn__strtab_free(&live->strings);
    tn__strtab_free(&live->places);
    tn__buf_free(&live->codes);
    tn__buf_free(&live->rows);
    tn__buf_free(&live->groups);
    tn__buf_free(&live->of_stacks);
    tn__free(&tn__alloc_pages, live, sizeof *live);
}

uint32_t tn_live_n(const tn_live *live)
{
    return (uint32_t)(live->groups.size / sizeof(group));
}

static const char *text_at(const tn_live *live, uint32_t index, uint32_t *n)
{
    const uint32_t *starts = (const uint32_t *)(const void *)live->strings.offsets.data;
    *n = starts[index + 1] - starts[index];
    return (const char *)live->strings.bytes.data + starts[index];
}

tn_live_row tn_live_row_at(const tn_live *live, uint32_t index)
{
    const group *g = &GROUPS(live)[index];
    tn_live_row row = {.file = "", .line = g->place.line, .sum = g->sum};
    if (g->place.file != NO_FILE)
        row.file = text_at(live, g->place.file, &row.n_file);
    row.name = text_at(live, g->place.name, &row.n_name);
    row.range = live->interval_bytes ? tn__spread_interval(&g->spread, (double)live->interval_bytes)
                                     : (tn_interval){(double)g->sum.bytes, (double)g->sum.bytes};
    return row;
}

tn_live_sum tn_live_total(const tn_live *live)
{
    return live->total;
}

tn_live_sum tn_live_own(const tn_live *live)
{
    return live->own;
}
