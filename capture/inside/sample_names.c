/* sample_names.c - names of threads and tasks, read by the sampler's thread while theirs run: all by copies, nothing is
 * called but Py_AddPendingCall(), which is made for that.
 */
#include <Python.h>

#include "inside/sample.h"
#include "inside/thread_name.h"

static const tn_layout *layout;
static const tn_sample_places *places;

void tn_sample_names_start(const tn_layout *l, const tn_sample_places *p)
{
    layout = l;
    places = p;
}

uint32_t tn_sample_thread_name(uint64_t frame, char *out, uint32_t cap)
{
    uint64_t name = tn_thread_name(layout, tn_sample_copy, frame);
    uint32_t n = 0;
    return name && tn_sample_text(places, name, out, cap, &n) ? n : 0;
}

uint32_t tn_sample_task_name(uint64_t frame, char *out, uint32_t cap)
{
    (void)frame, (void)out, (void)cap;
    return 0;
}
