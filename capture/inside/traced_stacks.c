/* traced_stacks.c - see traced_stacks.h. */
#include "inside/traced_stacks.h"

#include "inside/traced_rules.h"

typedef struct copying {
    tn_walk *w;
    bool redact;
    int status;
    uint32_t first_stack, first_code;
    tn_buf kinds, rows; /* uint8_t a code object, from id 0 on; tn_traced_row a stack, likewise */
} copying;

/* ---- kinds ---- */

static enum tn_code_kind kind_of(copying *c, uint32_t id)
{
    tn_recorded_code code;
    while (c->status == 0 && c->kinds.size <= id)
        c->status = tn__buf_append(&c->kinds, &(uint8_t){TN_CODE_UNKNOWN}, 1);
    if (c->status < 0 || !tn_recorded_code_at(id, &code))
        return TN_CODE_PROGRAM;
    if (c->kinds.data[id] == TN_CODE_UNKNOWN)
        c->kinds.data[id] = (uint8_t)tn__traced_kind(&code);
    return (enum tn_code_kind)c->kinds.data[id];
}

/* ---- stacks ---- */

static void copy_stacks(copying *c)
{
    tn_recorded_stack s;
    tn_traced_row r = {0, 0, 0, TN_ROW_BEFORE};
    c->status = tn__buf_append(&c->rows, &r, sizeof r);
    for (uint32_t id = 1; c->status == 0 && tn_recorded_stack_at(id, &s); id++) {
        r = tn__traced_row(kind_of(c, s.code), id, &s, (const tn_traced_row *)(const void *)c->rows.data + s.parent);
        c->status = c->status < 0 ? c->status : tn__buf_append(&c->rows, &r, sizeof r);
        tn_walk_add_stack(c->w, r.parent ? c->first_stack + r.parent : 0, c->first_code + r.code - 1,
                          r.flags & TN_ROW_OWN ? 0 : s.instruction);
    }
}

/* ---- code objects ---- */

static uint32_t text(copying *c, const char *utf8, size_t n, bool secret)
{
    uint32_t found = 0;
    int status = tn__strtab_add(tn_walk_strings(c->w), utf8, secret && c->redact ? 0 : n, &found);
    c->status = c->status < 0 ? c->status : status;
    return found;
}

static void copy_codes(copying *c)
{
    static const char own[] = "<tonnage>";
    tn_recorded_code code;
    for (uint32_t id = 1; c->status == 0 && tn_recorded_code_at(id, &code); id++) {
        const tn_code_facts *f = &code.facts;
        enum tn_code_kind k = kind_of(c, id);
        if (k == TN_CODE_RUNNER || k == TN_CODE_TONNAGE) {
            uint32_t name = text(c, own, sizeof own - 1, false), file = text(c, "", 0, false);
            tn_walk_add_code(c->w, (uint32_t[TN_CODE_WORDS]){name, name, file}, NULL);
            continue;
        }
        bool secret = !code.pseudo || code.pseudo >= TN_FRAME_PSEUDO; /* of the program */
        const uint32_t words[TN_CODE_WORDS] = {
            text(c, f->name, f->n_name, secret), text(c, f->qualname, f->n_qualname, secret),
            text(c, f->file, f->n_file, secret), f->first_line, f->n_lines < 1 << 20 ? f->n_lines : 0};
        tn_walk_add_code(c->w, words, f->lines);
    }
}

/* A code object is there before a stack with it: what is added meanwhile by who needs no lock is copied with all it names. */
int tn_traced_stacks(tn_walk *w, bool redact, uint32_t first_stack, uint32_t first_code)
{
    copying c = {.w = w, .redact = redact, .first_stack = first_stack, .first_code = first_code};
    tn__buf_init(&c.kinds, tn_walk_alloc(w));
    tn__buf_init(&c.rows, tn_walk_alloc(w));
    copy_stacks(&c);
    copy_codes(&c);
    tn__buf_free(&c.kinds);
    tn__buf_free(&c.rows);
    return c.status;
}
