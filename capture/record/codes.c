/* codes.c - code objects by address, copied at first sight.
 *
 *     alias (address of a code object that lives) -> code (its texts and line table; one for all that are equal)
 *
 * A program that makes the same functions again and again, by exec or in classes made on the run, has new code objects each
 * time: as rows they are one. What dies loses its alias; the row stays, for stacks refer to it.
 */
#include "record/state.h"

#include <string.h>

enum { CHUNK = 256 << 10, MOST_LINES = 1 << 20, MOST_TEXT = 1 << 16 };

static struct {
    uint8_t *chunk;
    size_t left;
} texts;

static uint32_t mixed(uint64_t h)
{
    h = (h ^ h >> 32) * 0xd6e8feb86659fd93u;
    return (uint32_t)(h >> 32);
}

/* ---- rows ---- */

static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = (h ^ word) * 0x9fb21c651e98df25u;
        h ^= h >> 29;
    }
    uint64_t rest = n;
    for (size_t i = 0; i < n; i++)
        rest = rest << 8 | p[i];
    h = (h ^ rest) * 0x9fb21c651e98df25u;
    return h ^ h >> 31;
}

static uint32_t hash_facts(const tn_code_facts *f, uint32_t pseudo)
{
    uint64_t h = hash_bytes(pseudo, f->name, f->n_name);
    h = hash_bytes(h, f->qualname, f->n_qualname);
    h = hash_bytes(h, f->file, f->n_file);
    return mixed(hash_bytes(h ^ f->first_line, f->lines, f->n_lines));
}

static bool same_bytes(const void *a, uint32_t n_a, const void *b, uint32_t n_b)
{
    return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a) == 0);
}

static bool is_row(uint32_t id, const void *key)
{
    const tn_code_row *row = tn__code_at(id), *other = key;
    const tn_code_facts *a = &row->facts, *b = &other->facts;
    return row->pseudo == other->pseudo && a->first_line == b->first_line &&
           same_bytes(a->qualname, a->n_qualname, b->qualname, b->n_qualname) &&
           same_bytes(a->name, a->n_name, b->name, b->n_name) && same_bytes(a->file, a->n_file, b->file, b->n_file) &&
           same_bytes(a->lines, a->n_lines, b->lines, b->n_lines);
}

/* A copy that ends with a NUL. NULL: no memory. */
static void *copied(const void *bytes, size_t n)
{
    uint8_t *p;
    if (n >= CHUNK / 4) {
        p = tn__pages_get(TN_PART_CODES, n + 1);
    } else {
        if (texts.left < n + 1) {
            texts.chunk = tn__pages_get(TN_PART_CODES, CHUNK);
            texts.left = texts.chunk ? CHUNK : 0;
        }
        p = texts.chunk;
        if (p) {
            texts.chunk += n + 1;
            texts.left -= n + 1;
        }
    }
    return p && n ? memcpy(p, bytes, n) : p;
}

/* Codes of one file mostly come one after another. */
static const char *copied_file(const tn_code_facts *f, uint32_t before)
{
    const tn_code_facts *last = before ? &tn__code_at(before)->facts : NULL;
    if (last && same_bytes(last->file, last->n_file, f->file, f->n_file))
        return last->file;
    return copied(f->file, f->n_file);
}

uint32_t tn__code_add(const tn_code_facts *facts, uint32_t pseudo)
{
    tn_recorder *r = &tn__rec;
    tn_code_row key = {.facts = *facts, .pseudo = pseudo};
    tn_code_facts *f = &key.facts;
    f->n_lines = f->n_lines <= MOST_LINES ? f->n_lines : 0;
    f->n_name = f->n_name <= MOST_TEXT ? f->n_name : MOST_TEXT;
    f->n_qualname = f->n_qualname <= MOST_TEXT ? f->n_qualname : MOST_TEXT;
    f->n_file = f->n_file <= MOST_TEXT ? f->n_file : MOST_TEXT;
    key.hash = hash_facts(f, pseudo);
    uint32_t id = tn__index_find(&r->code_index, key.hash, is_row, &key);
    if (id)
        return id;
    tn_code_row *row = tn__segments_add(&r->codes, TN_PART_CODES, CODE_SHIFT, sizeof *row, &id);
    if (!row)
        return 0;
    bool is_function = same_bytes(f->name, f->n_name, f->qualname, f->n_qualname);
    f->file = copied_file(f, id - 1);
    f->name = copied(f->name, f->n_name);
    f->qualname = is_function ? f->name : copied(f->qualname, f->n_qualname);
    f->lines = copied(f->lines, f->n_lines);
    if (!f->file || !f->name || !f->qualname || !f->lines)
        return 0;
    *row = key;
    if (!tn__index_add(&r->code_index, TN_PART_CODES, key.hash, id, NULL))
        return 0;
    tn_set_release(&r->codes.count, id + 1);
    return id;
}

/* ---- aliases ---- */

static tn_alias *alias_at(uint32_t id)
{
    return (tn_alias *)tn__rec.aliases.at[id >> ALIAS_SHIFT] + (id & ((1u << ALIAS_SHIFT) - 1));
}

static bool is_alias(uint32_t id, const void *key)
{
    return tn_get_acquire(&alias_at(id)->address) == *(const uint64_t *)key;
}

static bool is_stale(uint32_t hash, uint32_t id)
{
    uint64_t address = alias_at(id)->address;
    return !address || mixed(address) != hash;
}

/* Under intern. */
static bool alias_add(uint64_t address, uint32_t code)
{
    tn_recorder *r = &tn__rec;
    uint32_t id = r->free_alias;
    tn_alias *a = id ? alias_at(id) : tn__segments_add(&r->aliases, TN_PART_CODES, ALIAS_SHIFT, sizeof *a, &id);
    if (!a || !tn__index_add(&r->alias_index, TN_PART_CODES, mixed(address), id, is_stale))
        return false;
    if (r->free_alias)
        r->free_alias = a->next_free;
    else
        r->aliases.count = id + 1;
    tn_set(&a->code, code);
    tn_set_release(&a->address, address);
    tn__filter_mark(address, 1);
    return true;
}

static uint32_t introduced(uint64_t address)
{
    tn_code_facts facts = {0};
    uint32_t code = 0;
    if (tn__rec.options.describe && tn__rec.options.describe(address, &facts))
        code = tn__code_add(&facts, 0);
    if (!code || !alias_add(address, code)) {
        tn__drop(TN_DROP_CODE);
        return code ? code : TN_FRAME_LOST;
    }
    return code;
}

uint32_t tn__code_known(uint64_t address)
{
    tn_recorder *r = &tn__rec;
    if (address < TN_FRAME_PSEUDO)
        return address >= TN_FRAME_NATIVE && address <= TN_FRAME_LOST ? (uint32_t)address : TN_FRAME_LOST;
    uint32_t hash = mixed(address), alias = tn__index_find(&r->alias_index, hash, is_alias, &address);
    if (alias)
        return tn_get(&alias_at(alias)->code);
    tn__spin_lock(&r->intern);
    alias = tn__index_find(&r->alias_index, hash, is_alias, &address);
    uint32_t code = alias ? alias_at(alias)->code : introduced(address);
    tn__spin_unlock(&r->intern);
    return code;
}

/* The address is known to nobody but the caller any more, and the instructions in the threads' last paths are void. */
void tn_record_code_dies(uint64_t code)
{
    tn_recorder *r = &tn__rec;
    tn_tracer *t = !tn__has_stacks() ? NULL : tn__tracer ? tn__tracer : tn__tracer_make();
    if (!t || !tn__apart_enter(t))
        return;
    uint32_t alias = tn__index_find(&r->alias_index, mixed(code), is_alias, &code);
    if (alias) {
        tn__spin_lock(&r->intern);
        tn_alias *a = alias_at(alias);
        tn_set_release(&a->address, 0);
        tn__filter_mark(code, -1);
        a->next_free = r->free_alias;
        r->free_alias = alias;
        tn_add(&r->code_generation, 1);
        tn__spin_unlock(&r->intern);
    }
    tn__apart_leave(t);
}

void tn__codes_forget(void)
{
    tn_recorder *r = &tn__rec;
    for (uint32_t id = 1; id < r->aliases.count; id++) {
        tn_alias *a = alias_at(id);
        if (!a->address)
            continue;
        a->address = 0;
        a->next_free = r->free_alias;
        r->free_alias = id;
    }
}

void tn__codes_mark(void)
{
    for (uint32_t id = 1; id < tn__rec.aliases.count; id++)
        if (alias_at(id)->address)
            tn__filter_mark(alias_at(id)->address, 1);
}

/* ---- beginning and end ---- */

bool tn__codes_start(void)
{
    static const char *const names[] = {"<native>", "<truncated>", "<lost>"};
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t n = (uint32_t)strlen(names[i]);
        tn_code_facts facts = {.name = names[i], .qualname = names[i], .file = "", .n_name = n, .n_qualname = n};
        if (tn__code_add(&facts, TN_FRAME_NATIVE + i) != TN_FRAME_NATIVE + i)
            return false;
    }
    return true;
}

void tn__codes_free(void)
{
    tn_recorder *r = &tn__rec;
    tn__pages_put_all(TN_PART_CODES);
    r->alias_index = r->code_index = (tn_index){0};
    memset(&r->aliases, 0, sizeof r->aliases);
    memset(&r->codes, 0, sizeof r->codes);
    r->free_alias = 0;
    texts.chunk = NULL;
    texts.left = 0;
}
