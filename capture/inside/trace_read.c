/* trace_read.c - what the recorder knows, for callers in the process that is recorded. */
#include "inside/trace.h"

#include "base/kept.h"
#include "stacks/linetable.h"

bool tn_trace_frame_at(uint32_t stack, tn_trace_frame *out)
{
    tn_recorded_stack s;
    tn_recorded_code code;
    if (!tn_recorded_stack_at(stack, &s) || !tn_recorded_code_at(s.code, &code))
        return false;
    out->code = code.facts;
    out->parent = s.parent;
    out->line = code.pseudo
                    ? 0
                    : tn__linetable_line(code.facts.lines, code.facts.n_lines, code.facts.first_line, s.instruction);
    return true;
}

/* A class that Python code makes has no module in this name: one called slice is not the interpreter's. */
bool tn_trace_maybe_stale(const tn_inside *inside, const char *name, uint64_t type_flags)
{
    const uint64_t MADE = 1 << 9; /* Py_TPFLAGS_HEAPTYPE */
    if (type_flags & MADE && !strchr(name, '.'))
        return false;
    return tn_trace_free_lists() != TN_FREE_LISTS_TRACK && tn__kept_type(name, inside->hexversion) < TN_KEPT_TYPES;
}

bool tn_trace_block_of(const tn_inside *inside, uint64_t object, uint64_t type_flags, tn_recorded_block *out)
{
    const tn_layout *l = inside->target.layout;
    uint32_t managed = l->managed_dict_flag | l->managed_weakref_flag;
    return tn_recorded_block_at(tn_trace_block_address(object, type_flags, managed), out);
}
