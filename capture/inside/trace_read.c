/* trace_read.c - what the recorder knows, for callers in the process that is recorded. */
#include "inside/trace.h"

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

/* Before the object stand the collector's head and, if it has one, the words for its dict and weak references. */
bool tn_trace_block_of(const tn_inside *inside, uint64_t object, uint64_t type_flags, tn_recorded_block *out)
{
    const uint64_t COLLECTED = 1 << 14, WORDS = 16; /* Py_TPFLAGS_HAVE_GC */
    const tn_layout *l = inside->target.layout;
    uint64_t before = (type_flags & COLLECTED ? WORDS : 0) +
                      (type_flags & (l->managed_dict_flag | l->managed_weakref_flag) ? WORDS : 0);
    return tn_recorded_block_at(object - before, out);
}
