/* order.c - which rows a view has and in what order: "--sort size", "-size" reversed; conditions on rows. */
#include "view/view.h"

#include <stdlib.h>
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

static int compare_keys(const tn_order_key *a, const tn_order_key *b)
{
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return strcmp(a->text, b->text);
}

static int ascending(const void *left, const void *right)
{
    const tn_order_key *a = left, *b = right;
    int order = compare_keys(a, b);
    return order ? order : a->row < b->row ? -1 : 1;
}

static int descending(const void *left, const void *right)
{
    const tn_order_key *a = left, *b = right;
    int order = compare_keys(b, a);
    return order ? order : a->row < b->row ? -1 : 1;
}

void tn__order_sort(tn_order_key *keys, size_t n, bool down)
{
    if (n > 1)
        qsort(keys, n, sizeof *keys, down ? descending : ascending);
}
