/* traced_rules.h - whose a frame of a recorded stack is: the program's, what started it, or tonnage's own. No Python.h.
 *
 *   <main thread> ─ runpy ─ tonnage/_run.py ─ app.py ─ …     becomes    <main thread> ─ app.py ─ …
 *   … app.py ─ tonnage/_take.py ─ tonnage/_files.py          becomes    … app.py ─ <tonnage>
 */
#ifndef TN_TRACED_RULES_H
#define TN_TRACED_RULES_H

#include "record/recorded.h"

enum tn_code_kind {
    TN_CODE_UNKNOWN, /* not looked at yet */
    TN_CODE_PROGRAM,
    TN_CODE_ROOT,
    TN_CODE_RUNPY,
    TN_CODE_IMPORTS,
    TN_CODE_RUNNER,
    TN_CODE_TONNAGE,
};
enum {
    TN_ROW_BEFORE = 1, /* of a stack: it has not come to the program yet */
    TN_ROW_OWN = 2,    /* it is tonnage's */
};

/* A stack as it is shown. */
typedef struct tn_traced_row {
    uint32_t parent, code; /* ids of the recorder */
    uint32_t root, flags;
} tn_traced_row;

enum tn_code_kind tn__traced_kind(const tn_recorded_code *code);
/* id: of the stack, which is *s; k: of its innermost frame; outer: the row of the frame that called, with flags
 * TN_ROW_BEFORE alone where there is none. */
tn_traced_row tn__traced_row(enum tn_code_kind k, uint32_t id, const tn_recorded_stack *s, const tn_traced_row *outer);

#endif
