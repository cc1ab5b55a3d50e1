/* traced_stacks.c - see traced_stacks.h.
 *
 *   <main thread> ─ runpy ─ tonnage/_run.py ─ app.py ─ …     becomes    <main thread> ─ app.py ─ …
 *   … app.py ─ tonnage/_take.py ─ tonnage/_files.py          becomes    … app.py ─ <tonnage>
 */
#include "inside/traced_stacks.h"

#include "inside/trace.h"

#include <string.h>

typedef enum kind { UNKNOWN, PROGRAM, ROOT, RUNPY, IMPORTS, RUNNER, TONNAGE } kind; /* of a code object */
enum {
    BEFORE = 1, /* of a stack: it has not come to the program yet */
    OWN = 2,    /* it is tonnage's */
};

typedef struct row {
    uint32_t parent, code; /* as written, but counted from 1 here */
    uint32_t root, flags;
} row;

typedef struct copying {
    tn_walk *w;
    bool redact;
    int status;
    uint32_t first_stack, first_code;
    tn_buf kinds, rows; /* uint8_t a code object, from id 0 on; row a stack, likewise */
} copying;

/* ---- kinds ---- */

static bool is_text(const char *text, uint32_t n, const char *word)
{
    return n == strlen(word) && memcmp(text, word, n) == 0;
}

static kind find_kind(const tn_recorded_code *code)
{
    static const char *const imports[] = {"<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>",
                                          "<frozen zipimport>"};
    const tn_code_facts *f = &code->facts;
    const char *folder = tn_trace_folder();
    uint32_t n = (uint32_t)strlen(folder);
    if (code->pseudo == TN_FRAME_TRUNCATED) /* if a runner is further in, the program's part is whole */
        return RUNPY;
    if (code->pseudo)
        return code->pseudo >= TN_FRAME_PSEUDO ? ROOT : PROGRAM;
    if (n && f->n_file > n && memcmp(f->file, folder, n) == 0) {
        bool runs =
            is_text(f->file + n, f->n_file - n, "_run.py") || is_text(f->file + n, f->n_file - n, "__main__.py");
        return runs ? RUNNER : TONNAGE;
    }
    for (size_t i = 0; i < sizeof imports / sizeof *imports; i++)
        if (is_text(f->file, f->n_file, imports[i]))
            return IMPORTS;
    return is_text(f->file, f->n_file, "<frozen runpy>") ? RUNPY : PROGRAM;
}

static kind kind_of(copying *c, uint32_t id)
{
    tn_recorded_code code;
    while (c->status == 0 && c->kinds.size <= id)
        c->status = tn__buf_append(&c->kinds, &(uint8_t){UNKNOWN}, 1);
    if (c->status < 0 || !tn_recorded_code_at(id, &code))
        return PROGRAM;
    if (c->kinds.data[id] == UNKNOWN)
        c->kinds.data[id] = (uint8_t)find_kind(&code);
    return (kind)c->kinds.data[id];
}

/* ---- stacks ---- */

/* outer: of the frame that called. */
static row row_of(kind k, uint32_t id, const tn_recorded_stack *s, const row *outer)
{
    bool runs = k == RUNNER && outer->flags & BEFORE;
    row r = {s->parent, s->code ? s->code : TN_FRAME_LOST, outer->root, 0};
    if (k == ROOT && !s->parent)
        r.root = id;
    if (k == RUNNER || k == TONNAGE || (k == IMPORTS && outer->flags & OWN)) {
        r.flags = runs ? OWN | BEFORE : OWN;
        r.code = k == IMPORTS ? outer->code : r.code;
        if (runs)
            r.parent = outer->root;
        else if (outer->flags & OWN) /* one frame is enough */
            r.parent = outer->parent;
        return r;
    }
    if (outer->flags & OWN && outer->flags & BEFORE)
        r.parent = outer->root;
    if (outer->flags & BEFORE && k != PROGRAM)
        r.flags = BEFORE;
    return r;
}

static void copy_stacks(copying *c)
{
    tn_recorded_stack s;
    row r = {0, 0, 0, BEFORE};
    c->status = tn__buf_append(&c->rows, &r, sizeof r);
    for (uint32_t id = 1; c->status == 0 && tn_recorded_stack_at(id, &s); id++) {
        r = row_of(kind_of(c, s.code), id, &s, (const row *)(const void *)c->rows.data + s.parent);
        c->status = c->status < 0 ? c->status : tn__buf_append(&c->rows, &r, sizeof r);
        tn_walk_add_stack(c->w, r.parent ? c->first_stack + r.parent : 0, c->first_code + r.code - 1,
                          r.flags & OWN ? 0 : s.instruction);
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
        kind k = kind_of(c, id);
        if (k == RUNNER || k == TONNAGE) {
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
