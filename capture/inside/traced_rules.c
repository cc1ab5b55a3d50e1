/* traced_rules.c - see traced_rules.h. */
#include "inside/traced_rules.h"

#include "inside/trace.h"

#include <string.h>

static bool is_text(const char *text, uint32_t n, const char *word)
{
    return n == strlen(word) && memcmp(text, word, n) == 0;
}

enum tn_code_kind tn__traced_kind(const tn_recorded_code *code)
{
    static const char *const imports[] = {"<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>",
                                          "<frozen zipimport>"};
    const tn_code_facts *f = &code->facts;
    const char *folder = tn_trace_folder();
    uint32_t n = (uint32_t)strlen(folder);
    if (code->pseudo == TN_FRAME_TRUNCATED) /* if a runner is further in, the program's part is whole */
        return TN_CODE_RUNPY;
    if (code->pseudo)
        return code->pseudo >= TN_FRAME_PSEUDO ? TN_CODE_ROOT : TN_CODE_PROGRAM;
    if (n && f->n_file > n && memcmp(f->file, folder, n) == 0) {
        bool runs =
            is_text(f->file + n, f->n_file - n, "_run.py") || is_text(f->file + n, f->n_file - n, "__main__.py");
        return runs ? TN_CODE_RUNNER : TN_CODE_TONNAGE;
    }
    for (size_t i = 0; i < sizeof imports / sizeof *imports; i++)
        if (is_text(f->file, f->n_file, imports[i]))
            return TN_CODE_IMPORTS;
    return is_text(f->file, f->n_file, "<frozen runpy>") ? TN_CODE_RUNPY : TN_CODE_PROGRAM;
}

tn_traced_row tn__traced_row(enum tn_code_kind k, uint32_t id, const tn_recorded_stack *s, const tn_traced_row *outer)
{
    bool runs = k == TN_CODE_RUNNER && outer->flags & TN_ROW_BEFORE;
    tn_traced_row r = {s->parent, s->code ? s->code : TN_FRAME_LOST, outer->root, 0};
    if (k == TN_CODE_ROOT && !s->parent)
        r.root = id;
    if (k == TN_CODE_RUNNER || k == TN_CODE_TONNAGE || (k == TN_CODE_IMPORTS && outer->flags & TN_ROW_OWN)) {
        r.flags = runs ? TN_ROW_OWN | TN_ROW_BEFORE : TN_ROW_OWN;
        r.code = k == TN_CODE_IMPORTS ? outer->code : r.code;
        if (runs)
            r.parent = outer->root;
        else if (outer->flags & TN_ROW_OWN) /* one frame is enough */
            r.parent = outer->parent;
        return r;
    }
    if (outer->flags & TN_ROW_OWN && outer->flags & TN_ROW_BEFORE)
        r.parent = outer->root;
    if (outer->flags & TN_ROW_BEFORE && k != TN_CODE_PROGRAM)
        r.flags = TN_ROW_BEFORE;
    return r;
}
