/* record_model.c - see record_model.h. */
#include "record_model.h"

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint32_t model_tracked[2] = {389047, 7};

uint64_t model_random(uint64_t *state) /* xorshift64*, of Vigna */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

/* ---- stacks ---- */

void model_code_text(char *out, size_t cap, uint64_t code)
{
    snprintf(out, cap, "f%llx", (unsigned long long)code);
}

bool model_describe(uint64_t code, tn_code_facts *facts)
{
    static __thread char name[32], file[32];
    static const uint8_t lines[] = {0x80, 0x01};
    model_code_text(name, sizeof name, code);
    snprintf(file, sizeof file, "module%u.py", (unsigned)(code >> 16 & 3));
    *facts = (tn_code_facts){.name = name, .qualname = name, .file = file, .lines = lines, .n_lines = sizeof lines};
    facts->n_name = facts->n_qualname = (uint32_t)strlen(name);
    facts->n_file = (uint32_t)strlen(file);
    facts->first_line = (uint32_t)(code >> 12);
    return true;
}

static void write_text(model_stack *s)
{
    size_t used = 0;
    s->text[0] = 0;
    for (uint32_t i = s->n; i-- > 0;) {
        char name[32];
        model_code_text(name, sizeof name, s->frames[i].code);
        used += (size_t)snprintf(s->text + used, sizeof s->text - used, "%s%s+%u", used ? ";" : "", name,
                                 (unsigned)(s->frames[i].at - s->frames[i].code - MODEL_CODE_OFFSET));
    }
}

static bool is_new(const model *m, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(m->stacks[i].text, m->stacks[n].text) == 0)
            return false;
    return true;
}

enum { FIRST_CODE = 0x10000, CODES = 40 };

void model_make_stacks(model *m, uint64_t seed)
{
    uint64_t state = seed * 2 + 1;
    for (unsigned i = 0; i < MODEL_STACKS; i++) {
        model_stack *s = &m->stacks[i];
        do {
            const model_stack *like = &m->stacks[i ? model_random(&state) % i : 0];
            s->n = 1 + (uint32_t)(model_random(&state) % MODEL_DEPTH);
            for (uint32_t k = 0; k < s->n; k++) {
                uint64_t code = FIRST_CODE + 0x1000 * (model_random(&state) % CODES);
                s->frames[s->n - 1 - k] =
                    (tn_walked){.code = code, .at = code + MODEL_CODE_OFFSET + 2 * (model_random(&state) % 30)};
                if (i && k + 1 < s->n && k < like->n)
                    s->frames[s->n - 1 - k] = like->frames[like->n - 1 - k];
            }
            write_text(s);
        } while (!is_new(m, i));
    }
}

void model_begin(model *m)
{
    tn_recorded now;
    tn_recorded_now(&now);
    m->births = now.births;
    static const unsigned three[3] = {TN_DOMAIN_MEM, TN_DOMAIN_OBJ, TN_DOMAIN_RAW};
    for (unsigned i = 0; i < MODEL_DOMAINS; i++) {
        m->numbers[i] = i < 3 ? three[i] : model_tracked[i - 3];
        m->domains[i] = i < 3 ? three[i] : tn_record_domain(model_tracked[i - 3]);
    }
}

void model_walk(const model *m, tn_tracer *t, unsigned stack)
{
    const model_stack *s = &m->stacks[stack];
    uint32_t n = 0;
    for (; n < s->n && tn_walk_room(t, n); n++)
        t->walk[n] = s->frames[n];
    tn_walk_end(t, n);
}

/* ---- what happens ---- */

static void count_peak(model *m)
{
    if (m->live <= m->peak)
        return;
    m->peak = m->live;
    for (unsigned i = 0; i < MODEL_STACKS * MODEL_DOMAINS; i++) {
        model_sums *s = &m->sites[i / MODEL_DOMAINS][i % MODEL_DOMAINS];
        s->at_peak_bytes = s->live_bytes;
        s->at_peak_count = s->live_count;
    }
}

void model_alloc(model *m, model_block *b)
{
    model_sums *s = &m->sites[b->stack][b->domain];
    b->is_there = true;
    b->birth = ++m->births;
    b->thread_count = ++m->thread_count;
    s->live_bytes += (int64_t)b->bytes;
    s->allocated_bytes += (int64_t)b->bytes;
    s->live_count++;
    s->allocated_count++;
    s->peak_bytes = s->peak_bytes > s->live_bytes ? s->peak_bytes : s->live_bytes;
    m->live += (int64_t)b->bytes;
    count_peak(m);
}

void model_free(model *m, model_block *b)
{
    model_sums *s = &m->sites[b->stack][b->domain];
    b->is_there = false;
    s->live_bytes -= (int64_t)b->bytes;
    s->live_count--;
    m->live -= (int64_t)b->bytes;
    if (b->birth && m->thread_count - b->thread_count < TN_RECENT) {
        s->temporary_bytes += (int64_t)b->bytes;
        s->temporary_count++;
    }
}

void model_resize(model *m, model_block *b, uint64_t address, uint64_t bytes)
{
    model_sums *s = &m->sites[b->stack][b->domain];
    int64_t change = (int64_t)(bytes - b->bytes);
    b->address = address;
    b->bytes = bytes;
    s->live_bytes += change;
    s->allocated_bytes += change > 0 ? change : 0;
    s->peak_bytes = s->peak_bytes > s->live_bytes ? s->peak_bytes : s->live_bytes;
    m->live += change;
    count_peak(m);
}

void model_forget(model *m)
{
    memset(m->sites, 0, sizeof m->sites);
    memset(m->blocks, 0, sizeof m->blocks);
    m->live = m->peak = 0;
}

void model_reset_peak(model *m)
{
    m->peak = -1;
    count_peak(m);
    for (unsigned i = 0; i < MODEL_STACKS * MODEL_DOMAINS; i++)
        m->sites[i / MODEL_DOMAINS][i % MODEL_DOMAINS].peak_bytes =
            m->sites[i / MODEL_DOMAINS][i % MODEL_DOMAINS].live_bytes;
}

/* ---- comparing ---- */

void model_stack_text(uint32_t stack, char *out, size_t cap)
{
    uint32_t path[64], n = 0;
    tn_recorded_stack s;
    for (; stack && n < 64; stack = s.parent) {
        assert_true(tn_recorded_stack_at(stack, &s));
        assert_true(s.parent < stack);
        path[n++] = stack;
    }
    size_t used = 0;
    out[0] = 0;
    while (n-- > 0) {
        tn_recorded_code code;
        assert_true(tn_recorded_stack_at(path[n], &s));
        assert_true(tn_recorded_code_at(s.code, &code));
        used += (size_t)snprintf(out + used, cap - used, "%s%.*s", used ? ";" : "", (int)code.facts.n_name,
                                 code.facts.name);
        if (!code.pseudo)
            used += (size_t)snprintf(out + used, cap - used, "+%u", s.instruction);
    }
}

static unsigned stack_of(const model *m, uint32_t stack)
{
    char text[MODEL_DEPTH * 24];
    model_stack_text(stack, text, sizeof text);
    for (unsigned i = 0; i < MODEL_STACKS; i++)
        if (strcmp(m->stacks[i].text, text) == 0)
            return i;
    fail_msg("no such stack: %s", text);
    return 0;
}

static unsigned domain_of(const model *m, const tn_recorded_site *s)
{
    for (unsigned i = 0; i < MODEL_DOMAINS; i++)
        if (m->numbers[i] == s->domain_number && s->tracked == (i >= 3))
            return i;
    fail_msg("no such domain: %u", s->domain_number);
    return 0;
}

static void compare_site(const model_sums *want, const tn_recorded_site *got)
{
    assert_int_equal(got->live_bytes, want->live_bytes);
    assert_int_equal(got->live_count, want->live_count);
    assert_int_equal(got->allocated_bytes, want->allocated_bytes);
    assert_int_equal(got->allocated_count, want->allocated_count);
    assert_int_equal(got->temporary_bytes, want->temporary_bytes);
    assert_int_equal(got->temporary_count, want->temporary_count);
    assert_int_equal(got->peak_bytes, want->peak_bytes);
    assert_int_equal(got->at_peak_bytes, want->at_peak_bytes);
    assert_int_equal(got->at_peak_count, want->at_peak_count);
}

static void compare_sites(const model *m)
{
    static bool seen[MODEL_STACKS][MODEL_DOMAINS];
    memset(seen, 0, sizeof seen);
    tn_recorded_site site;
    for (uint32_t id = 3; tn_recorded_site_at(id, &site); id++) { /* the first two are of what was lost */
        unsigned stack = stack_of(m, site.stack), domain = domain_of(m, &site);
        assert_false(seen[stack][domain]);
        seen[stack][domain] = true;
        compare_site(&m->sites[stack][domain], &site);
    }
    for (unsigned i = 0; i < MODEL_STACKS; i++)
        for (unsigned d = 0; d < MODEL_DOMAINS; d++)
            assert_true(seen[i][d] || m->sites[i][d].allocated_count == 0);
}

typedef struct comparing {
    const model *m;
    unsigned n;
    uint64_t before;
    bool in_order;
} comparing;

static bool compare_block(void *ctx, const tn_recorded_block *got)
{
    comparing *c = ctx;
    for (unsigned i = 0; i < MODEL_BLOCKS; i++) {
        const model_block *b = &c->m->blocks[i];
        tn_recorded_site site;
        if (!b->is_there || b->address != got->address || b->bytes != got->bytes)
            continue;
        assert_true(tn_recorded_site_at(got->site, &site));
        if (domain_of(c->m, &site) != b->domain)
            continue;
        assert_int_equal(got->stack, site.stack);
        assert_int_equal(stack_of(c->m, got->stack), b->stack);
        assert_int_equal(got->birth, b->birth);
        assert_true(got->weight == 1 && got->interval_bytes == 0);
        c->n++;
        return true;
    }
    fail_msg("a block that is not there: %llx", (unsigned long long)got->address);
    return false;
}

static void compare_lookup(const model *m)
{
    for (unsigned i = 0; i < MODEL_BLOCKS; i++) {
        const model_block *b = &m->blocks[i];
        tn_recorded_block got;
        if (!b->is_there || b->domain >= 3)
            continue;
        assert_true(tn_recorded_block_at(b->address, &got));
        assert_int_equal(got.bytes, b->bytes);
        assert_int_equal(got.birth, b->birth);
        if (b->bytes > 16)
            assert_false(tn_recorded_block_at(b->address + 1, &got));
    }
}

void model_compare(const model *m)
{
    comparing c = {.m = m};
    unsigned n = 0;
    tn_recorded now;
    for (unsigned i = 0; i < MODEL_BLOCKS; i++)
        n += m->blocks[i].is_there;
    tn_recorded_now(&now);
    assert_int_equal(now.traced_bytes, m->live);
    assert_int_equal(now.peak_bytes, m->peak);
    assert_int_equal(now.births, m->births);
    tn_recorded_blocks(compare_block, &c);
    assert_int_equal(c.n, n);
    compare_lookup(m);
    compare_sites(m);
}

void model_compare_filter(void)
{
    unsigned n = 0, others = 0;
    for (uint64_t code = FIRST_CODE; code < FIRST_CODE + CODES * 0x1000; code += 0x1000) {
        n += tn_sampled_maybe(code);
        tn_record_code_dies(code);
    }
    for (size_t i = 0; i < sizeof tn__filter; i++)
        others += tn__filter[i];
    assert_true(n > 0);
    assert_int_equal(others, 0);
}
