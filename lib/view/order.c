/* order.c - the column named by --sort: "size", "-size" reversed. */
#include "view/view.h"

#include <string.h>

int tn__order_parse(const char *sort, const char *const *names, size_t n, size_t first_name, size_t *column,
                    bool *descending, tn_error *err)
{
    bool reverse = sort && sort[0] == '-';
    const char *name = sort ? sort + reverse : names[0];
    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, names[i]) == 0) {
            *column = i;
            *descending = (i < first_name) != reverse;
            return TN_OK;
        }
    }
    char list[128];
    tn_text t;
    tn__text_init(&t, list, sizeof list);
    for (size_t i = 0; i < n; i++)
        tn__text_format(&t, "%s%s", i ? ", " : "", names[i]);
    tn__text_end(&t);
    return tn__error_set(err, TN_EINVAL, 0, "cannot sort by \"%.40s\"; columns here: %s (\"-\" before one reverses it)",
                         name, list);
}
