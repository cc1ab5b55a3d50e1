/* samples.c - the table of samples: (stack, thread, task, state) to how many, and what time they stand for.
 *
 * The sampler's thread writes, readers come without a lock: rows never move, and are published when they are whole. The
 * table is bounded; what has no room is lost, by thread as long as there is room for that, and counted. So are the texts: a
 * program that names each of a million tasks has all their digits as '#' from some number of names on.
 */
#include "record/sample_state.h"

#include <string.h>

enum {
    DEFAULT_ROWS = 65536,
    LOST_ROWS = 1024, /* beyond the others, of what is lost, by thread */
    ROW_SHIFT = 8,
    MOST_EXACT = 8192, /* names with their digits */
    MOST_NAMES = 16384,
    NAME_SHIFT = 6,
    MOST_TEXT = 248,
    NO_ROW = 1 /* of all that no row could be made for */
};

typedef struct kept_row {
    uint32_t stack, thread, task, state;
    uint64_t samples, ns, cpu_ns;
} kept_row;

typedef struct kept_name {
    uint32_t n;
    char text[MOST_TEXT + 4];
} kept_name;

static struct {
    uint32_t max_rows;
    tn_index row_index, name_index;
    tn_segments rows, names;
} table;

tn_sampled tn__sampled;
const char *const tn_sample_clock_names[TN_SAMPLE_CLOCKS] = {"real", "prof", "virtual", "gil"};
const char *const tn_sample_reject_names[TN_REJECTS] = {"torn", "unmapped", "code", "threads"};

static kept_row *row_at(uint32_t id)
{
    return (kept_row *)table.rows.at[id >> ROW_SHIFT] + (id & ((1u << ROW_SHIFT) - 1));
}

static kept_name *name_at(uint32_t id)
{
    return (kept_name *)table.names.at[id >> NAME_SHIFT] + (id & ((1u << NAME_SHIFT) - 1));
}

/* ---- names ---- */

static uint32_t hash_text(const char *text, uint32_t n)
{
    uint64_t h = n;
    for (uint32_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)text[i]) * 0x9fb21c651e98df25u ^ h >> 29;
    return (uint32_t)(h >> 32);
}

static bool is_name(uint32_t id, const void *key)
{
    const kept_name *a = name_at(id), *b = key;
    return a->n == b->n && memcmp(a->text, b->text, a->n) == 0;
}

static void without_digits(kept_name *k)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < k->n; i++) {
        bool digit = k->text[i] >= '0' && k->text[i] <= '9';
        if (!digit || n == 0 || k->text[n - 1] != '#')
            k->text[n++] = digit ? '#' : k->text[i];
    }
    k->n = n;
}

uint32_t tn__sample_name(const char *text, uint32_t n)
{
    kept_name key;
    key.n = n < MOST_TEXT ? n : MOST_TEXT;
    while (key.n && key.n < n && (text[key.n] & 0xc0) == 0x80) /* no half of a character */
        key.n--;
    memcpy(key.text, text, key.n);
    for (unsigned exact = 1;; exact = 0) {
        uint32_t hash = hash_text(key.text, key.n), id = tn__index_find(&table.name_index, hash, is_name, &key);
        if (id || !key.n)
            return id;
        if (exact && table.names.count >= MOST_EXACT) {
            without_digits(&key);
            continue;
        }
        kept_name *name = table.names.count >= MOST_NAMES
                              ? NULL
                              : tn__segments_add(&table.names, TN_PART_SAMPLES, NAME_SHIFT, sizeof *name, &id);
        if (!name)
            return 0;
        *name = key;
        if (!tn__index_add(&table.name_index, TN_PART_SAMPLES, hash, id, NULL))
            return 0;
        tn_set_release(&table.names.count, id + 1);
        return id;
    }
}

const char *tn__sample_name_at(uint32_t id, uint32_t *n)
{
    *n = id && id < tn_get_acquire(&table.names.count) ? name_at(id)->n : 0;
    return *n ? name_at(id)->text : "";
}

/* ---- rows ---- */

static uint32_t hash_row(const kept_row *r)
{
    uint64_t h = ((uint64_t)r->stack << 32 | r->thread) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32 ^ ((uint64_t)r->task << 2 | r->state)) * 0xd6e8feb86659fd93u;
    return (uint32_t)(h >> 32);
}

static bool is_row(uint32_t id, const void *key)
{
    const kept_row *a = row_at(id), *b = key;
    return a->stack == b->stack && a->thread == b->thread && a->task == b->task && a->state == b->state;
}

static uint32_t found_or_added(const kept_row *key, uint32_t most)
{
    uint32_t hash = hash_row(key), id = tn__index_find(&table.row_index, hash, is_row, key);
    if (id || table.rows.count > most)
        return id;
    kept_row *row = tn__segments_add(&table.rows, TN_PART_SAMPLES, ROW_SHIFT, sizeof *row, &id);
    if (!row)
        return 0;
    *row = *key;
    if (!tn__index_add(&table.row_index, TN_PART_SAMPLES, hash, id, NULL))
        return 0;
    tn_set_release(&table.rows.count, id + 1);
    return id;
}

uint32_t tn__sample_row(uint32_t stack, uint32_t thread, uint32_t task, uint32_t state)
{
    const kept_row key = {.stack = stack, .thread = thread, .task = task, .state = state};
    uint32_t id = found_or_added(&key, table.max_rows);
    if (id)
        return id;
    tn_set(&tn__sampled.lost_stacks, tn__sampled.lost_stacks + 1);
    const kept_row lost = {.thread = thread};
    id = found_or_added(&lost, table.max_rows + LOST_ROWS);
    return id ? id : NO_ROW;
}

static void add(uint64_t *sum, uint64_t more)
{
    uint64_t room = (uint64_t)INT64_MAX - *sum;
    tn_set(sum, *sum + (more < room ? more : room));
}

/* The sums of all rows stay below 2^63: each column's own is what is limited. */
void tn__sample_add(uint32_t id, uint64_t samples, uint64_t ns, uint64_t cpu_ns)
{
    kept_row *row = row_at(id);
    add(&row->samples, samples);
    add(&row->ns, ns);
    add(&row->cpu_ns, cpu_ns);
    add(&tn__sampled.samples, samples);
}

uint32_t tn__samples_count(void)
{
    return table.rows.count;
}

bool tn__samples_start(uint32_t max_stacks)
{
    const kept_row lost = {0};
    table.max_rows = max_stacks ? max_stacks : DEFAULT_ROWS;
    tn_set(&tn__sampled.max_stacks, table.max_rows);
    return found_or_added(&lost, table.max_rows) == NO_ROW;
}

void tn__samples_free(void)
{
    tn__pages_put_all(TN_PART_SAMPLES);
    memset(&table, 0, sizeof table);
}

bool tn_sampled_row_at(uint32_t id, tn_sampled_row *out)
{
    if (id == 0 || id >= tn_get_acquire(&table.rows.count))
        return false;
    const kept_row *r = row_at(id);
    *out = (tn_sampled_row){.stack = r->stack,
                            .state = r->state,
                            .samples = tn_get(&r->samples),
                            .ns = tn_get(&r->ns),
                            .cpu_ns = tn_get(&r->cpu_ns)};
    out->thread = tn__sample_name_at(r->thread, &out->n_thread);
    out->task = tn__sample_name_at(r->task, &out->n_task);
    return true;
}

void tn_sampled_now(tn_sampled *out)
{
    const tn_sampled *s = &tn__sampled;
    *out = (tn_sampled){
        .ever = s->ever,
        .on = s->on,
        .clock = s->clock,
        .interval_ns = s->interval_ns,
        .started_wall_ns = s->started_wall_ns,
        .duration_ns = tn_get(&s->duration_ns),
        .ticks = tn_get(&s->ticks),
        .missed = tn_get(&s->missed),
        .samples = tn_get(&s->samples),
        .changing = tn_get(&s->changing),
        .lost_stacks = tn_get(&s->lost_stacks),
        .own_cpu_ns = tn_get(&s->own_cpu_ns),
        .own_bytes = tn__pages_mapped(TN_PART_SAMPLES),
        .threads = tn_get(&s->threads),
        .max_stacks = s->max_stacks,
        .n_rows = tn_get_acquire(&table.rows.count),
    };
    for (unsigned i = 0; i < TN_REJECTS; i++)
        out->rejected[i] = tn_get(&s->rejected[i]);
}
