/* tracked.c - see tracked.h: records of TRAK to tables. Nothing is believed before it is checked. */
#include "snapshot/tracked.h"

#include "snapshot/snapshot.h"

#include <string.h>

enum record { RUN, TEXTS, RULE, KIND, STACK, INSTANCES, MOMENT, SIZES, TREE, RECORDS };

struct tn_tracked_loaded {
    tn_arena arena;
    tn_buf texts; /* const char * */
    tn_buf rules, kinds, stacks, instances, moments, trees;
    tn_tracked all;
};

/* A record that is being read: the rest of its content. */
typedef struct record_left {
    const uint8_t *at;
    size_t n;
} record_left;

typedef struct loader {
    tn_snapshot *s;
    struct tn_tracked_loaded *t;
    uint64_t offset; /* of the chunk */
    bool has_run;
    tn_error *err;
} loader;

static int wrong(const loader *l, const char *what)
{
    return tn__corrupt(l->err, l->offset, "%s of what was tracked is not possible", what);
}

static bool take(record_left *r, void *out, size_t n)
{
    if (r->n < n)
        return false;
    if (n)
        memcpy(out, r->at, n);
    r->at += n;
    r->n -= n;
    return true;
}

static size_t n_texts(const loader *l)
{
    return l->t->texts.size / sizeof(char *);
}

static size_t n_kinds(const loader *l)
{
    return l->t->kinds.size / sizeof(tn_tracked_kind);
}

/* A text by its number; 0 is none. required: there must be one. */
static bool text_of(const loader *l, uint32_t number, bool required, const char **out)
{
    *out = NULL;
    if (number == 0)
        return !required;
    if (number > n_texts(l))
        return false;
    memcpy(out, l->t->texts.data + (number - 1) * sizeof *out, sizeof *out);
    return true;
}

static int keep(const loader *l, tn_buf *into, const void *row, size_t n)
{
    return tn__buf_append(into, row, n) < 0 ? tn__no_memory(l->s, l->err) : TN_OK;
}

/* ---- records ---- */

static int read_run(loader *l, record_left *r)
{
    uint64_t words[4];
    if (l->has_run || !take(r, words, sizeof words) || words[2] < words[1])
        return wrong(l, "the beginning");
    l->has_run = true;
    l->t->all.started_wall_ns = words[0];
    l->t->all.started_ns = words[1];
    l->t->all.now_ns = words[2];
    l->t->all.stopped_ns = words[3];
    return TN_OK;
}

static int read_texts(loader *l, record_left *r)
{
    uint32_t n, length;
    if (!take(r, &n, sizeof n) || r->n / sizeof length < n)
        return wrong(l, "a text");
    record_left lengths = {r->at, sizeof length * (size_t)n};
    r->at += lengths.n;
    r->n -= lengths.n;
    while (take(&lengths, &length, sizeof length)) {
        if (length > r->n || tn__utf8_length(r->at, length) != length)
            return wrong(l, "a text");
        const char *text = tn__arena_text(&l->t->arena, (const char *)r->at, length);
        if (!text)
            return tn__no_memory(l->s, l->err);
        TN_TRY(keep(l, &l->t->texts, &text, sizeof text));
        r->at += length;
        r->n -= length;
    }
    return TN_OK;
}

static int read_rule(loader *l, record_left *r)
{
    uint32_t words[4];
    tn_tracked_rule rule = {0};
    if (!take(r, words, sizeof words) || !text_of(l, words[0], false, &rule.name) ||
        !text_of(l, words[1], false, &rule.label))
        return wrong(l, "a rule");
    rule.resolution_level = words[2];
    rule.flags = words[3];
    return keep(l, &l->t->rules, &rule, sizeof rule);
}

static int read_kind(loader *l, record_left *r)
{
    struct {
        uint32_t name, rule, n_bases, zero;
        uint64_t born, found, died, morphed, lifetime_ns;
    } row;
    tn_tracked_kind kind;
    if (!take(r, &row, sizeof row) || !text_of(l, row.name, true, &kind.name) ||
        row.rule >= l->t->rules.size / sizeof(tn_tracked_rule) || row.n_bases > r->n / sizeof(uint32_t))
        return wrong(l, "a class");
    uint64_t *ages = tn__arena_get(&l->t->arena, TN_TRACKED_AGES * sizeof *ages);
    uint32_t *bases = tn__arena_get(&l->t->arena, row.n_bases * sizeof *bases + sizeof *ages);
    if (!ages || !bases)
        return tn__no_memory(l->s, l->err);
    if (!take(r, ages, TN_TRACKED_AGES * sizeof *ages) || !take(r, bases, row.n_bases * sizeof *bases))
        return wrong(l, "a class");
    kind = (tn_tracked_kind){kind.name, row.rule, row.n_bases, bases,           row.born,
                             row.found, row.died, row.morphed, row.lifetime_ns, ages};
    return keep(l, &l->t->kinds, &kind, sizeof kind);
}

static int read_stack(loader *l, record_left *r)
{
    uint32_t head[2], words[3];
    tn_tracked_frame *frames;
    if (!take(r, head, sizeof head) || head[0] > r->n / sizeof words)
        return wrong(l, "a stack");
    frames = tn__arena_get(&l->t->arena, head[0] * sizeof *frames + sizeof words);
    if (!frames)
        return tn__no_memory(l->s, l->err);
    for (uint32_t i = 0; i < head[0]; i++) {
        if (!take(r, words, sizeof words) || !text_of(l, words[0], true, &frames[i].file) ||
            !text_of(l, words[1], true, &frames[i].function))
            return wrong(l, "a stack");
        frames[i].line = words[2];
    }
    return keep(l, &l->t->stacks, &(tn_tracked_stack){head[0], frames}, sizeof(tn_tracked_stack));
}

static int read_instances(loader *l, record_left *r)
{
    struct {
        uint64_t serial, birth_ns, death_ns, address;
        uint32_t kind, label, morphed_to, stack, preview, flags;
    } row;
    tn_buf *all = &l->t->instances;
    while (take(r, &row, sizeof row)) {
        tn_tracked_instance one = {row.serial,    row.birth_ns, row.death_ns, row.address, row.kind,
                                   row.flags & 1, row.stack,    NULL,         NULL,        NULL};
        uint64_t before = 0;
        if (all->size)
            memcpy(&before, all->data + all->size - sizeof one, sizeof before);
        if (row.serial <= before || row.death_ns < row.birth_ns || row.kind >= n_kinds(l) ||
            row.stack > l->t->stacks.size / sizeof(tn_tracked_stack) || !text_of(l, row.label, false, &one.label) ||
            !text_of(l, row.morphed_to, false, &one.morphed_to) || !text_of(l, row.preview, false, &one.preview))
            return wrong(l, "an instance");
        TN_TRY(keep(l, all, &one, sizeof one));
    }
    return TN_OK;
}

static int read_moment(loader *l, record_left *r)
{
    struct {
        uint64_t numbers[13];
        uint32_t description, n_sums;
    } row;
    tn_tracked_moment m = {0};
    if (!take(r, &row, sizeof row) || !text_of(l, row.description, true, &m.description) ||
        row.n_sums > r->n / sizeof(tn_tracked_sum))
        return wrong(l, "a snapshot");
    memcpy(&m, row.numbers, sizeof row.numbers); /* the fields from number to more */
    tn_tracked_sum *sums = tn__arena_get(&l->t->arena, row.n_sums * sizeof *sums + sizeof *sums);
    if (!sums)
        return tn__no_memory(l->s, l->err);
    take(r, sums, row.n_sums * sizeof *sums);
    for (uint32_t i = 0; i < row.n_sums; i++)
        if (sums[i].kind >= n_kinds(l) || (i && sums[i].kind <= sums[i - 1].kind))
            return wrong(l, "a snapshot");
    if (l->t->moments.size) {
        tn_tracked_moment before;
        memcpy(&before, l->t->moments.data + l->t->moments.size - sizeof before, sizeof before);
        if (m.number <= before.number || m.monotonic_ns < before.monotonic_ns)
            return wrong(l, "the order of snapshots");
    }
    m.sums = sums;
    m.n_sums = row.n_sums;
    m.first_tree = l->t->trees.size / sizeof(tn_tracked_tree);
    return keep(l, &l->t->moments, &m, sizeof m);
}

static tn_tracked_moment *last_moment(const loader *l)
{
    tn_buf *all = &l->t->moments;
    return all->size ? (tn_tracked_moment *)(void *)(all->data + all->size) - 1 : NULL;
}

/* Serials ascend, and each is that of an instance. */
static bool serials_known(const loader *l, const uint64_t *serials, size_t n)
{
    const tn_tracked_instance *all = (const tn_tracked_instance *)(const void *)l->t->instances.data;
    size_t n_all = l->t->instances.size / sizeof *all, at = 0;
    for (size_t i = 0; i < n; i++, at++) {
        while (at < n_all && all[at].serial < serials[i])
            at++;
        if (at == n_all || all[at].serial != serials[i])
            return false;
    }
    return true;
}

static int read_sizes(loader *l, record_left *r)
{
    tn_tracked_moment *m = last_moment(l);
    uint64_t n;
    if (!m || m->serials || !take(r, &n, sizeof n) || n > r->n / (4 * sizeof n))
        return wrong(l, "the sizes");
    uint64_t *columns = tn__arena_get(&l->t->arena, 4 * (size_t)n * sizeof n + sizeof n);
    if (!columns)
        return tn__no_memory(l->s, l->err);
    take(r, columns, 4 * (size_t)n * sizeof n);
    if (!serials_known(l, columns, n))
        return wrong(l, "the serial numbers in the sizes");
    m->n_sizes = n;
    m->serials = columns;
    m->flat = columns + n;
    m->part = columns + 2 * n;
    m->retained = columns + 3 * n;
    return TN_OK;
}

static int read_tree(loader *l, record_left *r)
{
    struct {
        uint64_t serial;
        uint32_t n, zero;
    } head;
    struct {
        uint32_t depth, label, type, more;
        uint64_t bytes;
    } row;
    tn_tracked_moment *m = last_moment(l);
    if (!m || !take(r, &head, sizeof head) || tn__tracked_row(m, head.serial) == SIZE_MAX || !head.n ||
        head.n > r->n / sizeof row)
        return wrong(l, "a tree");
    tn_tracked_part *parts = tn__arena_get(&l->t->arena, head.n * sizeof *parts);
    if (!parts)
        return tn__no_memory(l->s, l->err);
    for (uint32_t i = 0; i < head.n; i++) {
        tn_tracked_part *p = &parts[i];
        if (!take(r, &row, sizeof row) || !text_of(l, row.label, true, &p->label) ||
            !text_of(l, row.type, true, &p->type) || (i == 0 ? row.depth != 0 : row.depth == 0) ||
            (i && row.depth > parts[i - 1].depth + 1))
            return wrong(l, "a tree");
        p->depth = row.depth;
        p->more = row.more;
        p->bytes = row.bytes;
    }
    if (m->n_trees++) {
        tn_tracked_tree before;
        memcpy(&before, l->t->trees.data + l->t->trees.size - sizeof before, sizeof before);
        if (head.serial <= before.serial)
            return wrong(l, "the order of trees");
    }
    return keep(l, &l->t->trees, &(tn_tracked_tree){head.serial, head.n, parts}, sizeof(tn_tracked_tree));
}

/* ---- all of them ---- */

static int read_record(loader *l, uint32_t kind, record_left *r)
{
    static int (*const readers[RECORDS])(loader *, record_left *) = {
        [RUN] = read_run,       [TEXTS] = read_texts, [RULE] = read_rule,
        [KIND] = read_kind,     [STACK] = read_stack, [INSTANCES] = read_instances,
        [MOMENT] = read_moment, [SIZES] = read_sizes, [TREE] = read_tree,
    };
    if (kind != RUN && !l->has_run)
        return wrong(l, "the beginning");
    if (kind >= RECORDS)
        return TN_OK; /* of a later version */
    TN_TRY(readers[kind](l, r));
    if (r->n >= 8)
        return wrong(l, "the length of a record");
    return TN_OK;
}

static int read_chunk(loader *l, const tn_chunk *c)
{
    const uint8_t *payload;
    TN_TRY(tn__chunk_load(l->s, c, TN_SLOT_LOAD, &payload, l->err));
    record_left all = {payload, c->h.raw_bytes};
    l->offset = c->offset;
    for (uint64_t i = 0; i < c->h.n_rows; i++) {
        uint32_t head[2];
        if (!take(&all, head, sizeof head) || head[1] % 8 || head[1] > all.n)
            return wrong(l, "the length of a record");
        TN_TRY(read_record(l, head[0], &(record_left){all.at, head[1]}));
        all.at += head[1];
        all.n -= head[1];
    }
    return all.n ? wrong(l, "what is left over at the end") : TN_OK;
}

/* Bases may come behind the classes that have them. */
static int check_bases(const loader *l)
{
    const tn_tracked *a = &l->t->all;
    for (size_t k = 0; k < a->n_kinds; k++)
        for (uint32_t i = 0; i < a->kinds[k].n_bases; i++)
            if (a->kinds[k].bases[i] >= a->n_kinds || a->kinds[k].bases[i] == k)
                return wrong(l, "a base");
    return TN_OK;
}

static const void *table(const tn_buf *from, size_t row_bytes, size_t *n)
{
    *n = from->size / row_bytes;
    return from->data;
}

static int load(tn_snapshot *s, struct tn_tracked_loaded *t, tn_error *err)
{
    loader l = {.s = s, .t = t, .err = err};
    tn_tracked *a = &t->all;
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_TRAK); k++)
        TN_TRY(read_chunk(&l, tn__chunk_at(s, TN_ID_TRAK, k)));
    if (!l.has_run)
        return wrong(&l, "the beginning");
    a->rules = table(&t->rules, sizeof *a->rules, &a->n_rules);
    a->kinds = table(&t->kinds, sizeof *a->kinds, &a->n_kinds);
    a->stacks = table(&t->stacks, sizeof *a->stacks, &a->n_stacks);
    a->instances = table(&t->instances, sizeof *a->instances, &a->n_instances);
    a->moments = table(&t->moments, sizeof *a->moments, &a->n_moments);
    a->trees = table(&t->trees, sizeof *a->trees, &a->n_trees);
    return check_bases(&l);
}

bool tn__tracked_there(const tn_snapshot *s)
{
    return tn__chunk_count(s, TN_ID_TRAK) > 0;
}

int tn__snapshot_tracked(tn_snapshot *s, const tn_tracked **out, tn_error *err)
{
    if (!tn__tracked_there(s))
        return tn__error_set(err, TN_ENOTFOUND, 0, "nothing was tracked");
    if (!s->tracked) {
        struct tn_tracked_loaded *t = tn__alloc_zero(&s->alloc, sizeof *t);
        if (!t)
            return tn__no_memory(s, err);
        s->tracked = t;
        tn__arena_init(&t->arena, &s->alloc);
        tn_buf *const tables[] = {&t->texts, &t->rules, &t->kinds, &t->stacks, &t->instances, &t->moments, &t->trees};
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
            tn__buf_init(tables[i], &s->alloc);
        int status = load(s, t, err);
        if (status < 0) {
            tn__tracked_free(s);
            return status;
        }
    }
    *out = &s->tracked->all;
    return TN_OK;
}

void tn__tracked_free(tn_snapshot *s)
{
    struct tn_tracked_loaded *t = s->tracked;
    if (!t)
        return;
    tn_buf *const tables[] = {&t->texts, &t->rules, &t->kinds, &t->stacks, &t->instances, &t->moments, &t->trees};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        tn__buf_free(tables[i]);
    tn__arena_free(&t->arena);
    tn__free(&s->alloc, t, sizeof *t);
    s->tracked = NULL;
}

size_t tn__tracked_row(const tn_tracked_moment *m, uint64_t serial)
{
    size_t low = 0, high = m->n_sizes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->serials[middle] < serial)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->n_sizes && m->serials[low] == serial ? low : SIZE_MAX;
}
