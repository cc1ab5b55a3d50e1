/* _core_tracked.c - tracked classes: pages as str. */
#include "_core.h"

PyObject *core_tracked_view(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"page", "json", "where", "sort", "limit", "width", "color", "depth", "where_rows", NULL};
    const char *page_name;
    int json = 0, color = 0;
    tn_view_options options = {0};
    core_call call;
    core_text_buffer buffer = {0};
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$pzzO&O&pO&z:tracked", names, &page_name, &json, &options.where,
                                     &options.sort, core_id_converter, &options.limit, core_id_converter,
                                     &options.width, &color, core_id_converter, &options.depth, &options.where_rows))
        return NULL;
    int page = core_index_of(page_name, tn_tracked_page_names, TN_TRACKED_PAGES, "page");
    if (page < 0 || !core_enter(&call, self, true))
        return NULL;
    options.tracked = (enum tn_tracked_page)page;
    options.form = json ? TN_JSON : TN_TEXT;
    options.color = color;
    int status = tn_view_tracked(self->handle, &options, &(tn_sink){core_text_write, &buffer}, &err);
    core_unlock(&call);
    PyObject *result = core_text_done(&buffer, status, &err);
    core_leave(&call);
    return result;
}
