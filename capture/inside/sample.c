/* sample.c - see sample.h.
 *
 * What the layout table does not have is asked of the interpreter itself: the place of a pointer from one interpreter to the
 * next, of a function that does nothing but read it, with a structure in which each word is its own offset; the place of the
 * lock by what stands in it while we hold it. So each start is its own check.
 */
#include "inside/sample.h"

#include "cpython/hooks.h"
#include "inside/trace.h"

#include <link.h>
#include <string.h>

#define ADDRESS(p) ((uint64_t)(uintptr_t)(p))

extern char _PyRuntime[];

bool tn_sample_of_bytes;

static tn_sample_places places;

static uint64_t first_interpreter(void)
{
    return ADDRESS(PyInterpreterState_Head());
}

/* The program's or the library's own data, with the main interpreter and its first thread in it. */
static int find_fixed(struct dl_phdr_info *info, size_t size, void *data)
{
    const uint64_t inside = *(const uint64_t *)data;
    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uint64_t start = info->dlpi_addr + p->p_vaddr, end = start + p->p_memsz;
        if (p->p_type == PT_LOAD && p->p_flags & PF_W && inside >= start && inside < end) {
            places.fixed_start = ADDRESS(_PyRuntime) > start ? ADDRESS(_PyRuntime) : start;
            places.fixed_end = end;
            return 1;
        }
    }
    return 0;
}

static bool find_next(void)
{
    static uint64_t words[4096];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        words[i] = i * sizeof *words;
    places.interp_next = (uint32_t)ADDRESS(PyInterpreterState_Next((PyInterpreterState *)(void *)words));
    return places.interp_next < sizeof words && places.interp_next % sizeof *words == 0;
}

/* ---- the lock ---- */

/* struct _gil_runtime_state (internal/pycore_gil.h, 3.11 to 3.15): interval in µs, who holds it or did last, whether one does. */
enum { INTERVAL_AT = 0, HOLDER_AT = 8, LOCKED_AT = 16, LOCK_BYTES = 24 };

static bool is_held_lock(uint64_t address, uint64_t self, uint64_t interval)
{
    uint8_t bytes[LOCK_BYTES];
    uint64_t holder, every;
    uint32_t locked;
    if (address & 7 || address < 4096 || !tn_sample_copy(address, bytes, sizeof bytes))
        return false;
    memcpy(&every, bytes + INTERVAL_AT, sizeof every);
    memcpy(&holder, bytes + HOLDER_AT, sizeof holder);
    memcpy(&locked, bytes + LOCKED_AT, sizeof locked);
    return holder == self && locked == 1 && every == interval;
}

static uint64_t switch_interval(void)
{
    PyObject *ask = PySys_GetObject("getswitchinterval"), *seconds = ask ? PyObject_CallNoArgs(ask) : NULL;
    double value = seconds ? PyFloat_AsDouble(seconds) : 0;
    Py_XDECREF(seconds);
    PyErr_Clear();
    return (uint64_t)(value * 1e6 + 0.5);
}

/* Where interpreters may have locks of their own each points to one, else it is a part of the runtime, before the main
 * interpreter. */
static void find_lock(const tn_inside *inside)
{
    uint64_t self = ADDRESS(PyThreadState_Get()), interval = switch_interval(), start = inside->target.interpreter,
             word;
    uint64_t from = TN_OWN_LOCKS ? start : ADDRESS(_PyRuntime), most = 1 << 16;
    places.gil_known = false;
    places.gil_is_one = !TN_OWN_LOCKS;
    for (uint64_t at = from; at < from + most && !places.gil_known; at += 8) {
        if (!tn_sample_copy(at, &word, sizeof word))
            break;
        if (TN_OWN_LOCKS ? is_held_lock(word, self, interval) : is_held_lock(at, self, interval)) {
            places.gil = TN_OWN_LOCKS ? at - start : at;
            places.gil_known = true;
        }
    }
    places.gil_holder = HOLDER_AT;
    places.gil_locked = LOCKED_AT;
}

/* ---- start ---- */

static void learn(const tn_inside *inside)
{
    const tn_layout *l = inside->target.layout;
    places = (tn_sample_places){
        .interpreters = first_interpreter,
        .interp_threads = l->interp_threads,
        .interp_collecting = l->interp_gc + l->gc_collecting,
        .thread_next = l->thread_next,
        .thread_native = l->thread_native,
        .thread_frame = l->thread_frame,
        .thread_cframe_frame = l->thread_cframe_frame,
        .cframe = l->cframe,
        .frame_code = l->frame_code,
        .frame_function = l->frame_function,
        .frame_previous = l->frame_previous,
        .frame_instr = l->frame_instr,
        .frame_top = l->frame_stacktop,
        .frame_owner = l->frame_owner,
        .frame_locals = l->frame_localsplus,
        .frame_entry = TN_OWN_LOCKS ? 0 : l->frame_stacktop + 4, /* is_entry; later: frames without code */
        .top_is_pointer = l->frame_style == TN_FRAME_STACKREFS,
        .owner_skip = (uint8_t)l->owner_skip,
        .owner_generator = 1,
        .code_type = ADDRESS(&PyCode_Type),
        .code_name = l->code_name,
        .code_qualname = l->code_qualname,
        .code_file = l->code_filename,
        .code_lines = l->code_linetable,
        .code_first_line = l->code_firstlineno,
        .code_locals = l->code_nlocalsplus,
        .code_stack = l->code_stacksize,
        .code_begin = l->code_adaptive,
        .code_returns = {tn_code_returns[0], tn_code_returns[1]},
        .call_noted = TN_CALL_NOTED,
        .call_begins = TN_CALL_NOTED - TN_CALL_NOTES_AT,
        .function_code = offsetof(PyFunctionObject, func_code),
        .function_version = offsetof(PyFunctionObject, func_version),
        .code_traceable = offsetof(PyCodeObject, _co_firsttraceable),
        .str_length = l->str_length,
        .str_state = l->str_state,
        .str_ascii = l->str_ascii_size,
        .str_compact = l->str_compact_size,
        .str_kind_shift = l->str_kind_shift,
        .str_compact_bit = l->str_compact_bit,
        .str_ascii_bit = l->str_ascii_bit,
        .bytes_data = l->bytes_value,
        .thread_name = tn_sample_thread_name,
        .task_name = tn_sample_task_name,
    };
    memcpy(places.code_notes, tn_code_notes, sizeof places.code_notes);
}

int tn_sample_start(const tn_inside *inside, const tn_sample_options *o, tn_error *err)
{
    tn_sampled now;
    tn_sampled_now(&now);
    if (now.on)
        return tn__error_set(err, TN_EINVAL, 0, "processor time is sampled already");
    if (PyInterpreterState_Get() != (PyInterpreterState *)(uintptr_t)inside->target.interpreter)
        return tn__error_set(err, TN_EVERSION, 0, "sampling starts in the main interpreter only");
    learn(inside);
    dl_iterate_phdr(find_fixed, &(uint64_t){inside->target.interpreter});
    if (!tn_sample_read_start())
        return tn__error_set(err, TN_EVERSION, 0,
                             "this process may not copy its own memory (process_vm_readv, /proc/self/mem): allow one");
    find_lock(inside);
    if (!find_next() || (o->clock == TN_SAMPLE_GIL && !places.gil_known))
        return tn__error_set(err, TN_EVERSION, 0, "the interpreter's lock was not found: take clock prof or real");
    tn_sample_names_start(inside->target.layout, &places);
    tn_trace_find_folder(); /* whose frames are left out of stacks */
    int status = tn_sampler_start(&places, o);
    if (status < 0)
        return tn__error_set(err, status, 0,
                             status == TN_ENOMEM ? "no memory for the sampler"
                             : status == TN_ELIMIT
                                 ? "the system gives no thread for the sampler: raise its limit (ulimit -u)"
                                 : "no such clock, or an interval that is not 1 µs to 1000 s");
    return TN_OK;
}
