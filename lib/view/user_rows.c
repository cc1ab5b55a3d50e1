/* user_rows.c - figures that the program told of itself (docs/facts.md, user.<n>). */
#include "view/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool fact_of(tn_snapshot *s, unsigned n, const char *what, tn_fact *out)
{
    char key[40];
    snprintf(key, sizeof key, "user.%u.%s", n, what);
    return tn_snapshot_find_fact(s, key, out) == TN_OK;
}

bool tn__user_row(tn_snapshot *s, unsigned n, tn_user_figure *out)
{
    tn_fact title, format, value;
    if (n >= TN_USER_ROWS || !fact_of(s, n, "value", &value) || value.kind == TN_FACT_TEXT)
        return false;
    bool named = fact_of(s, n, "title", &title) && title.kind == TN_FACT_TEXT;
    bool formatted = fact_of(s, n, "format", &format) && format.kind == TN_FACT_TEXT;
    *out = (tn_user_figure){
        .title = named ? title.value.text : "(title not kept)",
        .is_size = formatted && strcmp(format.value.text, "size") == 0,
        .value = value.kind == TN_FACT_DOUBLE ? value.value.d
                 : value.kind == TN_FACT_INT  ? (double)value.value.i
                                              : (double)value.value.u,
    };
    return true;
}

const char *tn__user_text(const tn_user_figure *f, double value, bool with_sign, char *out, size_t cap)
{
    char size[24];
    const char *sign = value < 0 ? "-" : with_sign && value > 0 ? "+" : "";
    if (f->is_size && fabs(value) < 0x1p63)
        snprintf(out, cap, "%s%s", sign, tn_format_bytes((uint64_t)fabs(value), size, sizeof size));
    else
        snprintf(out, cap, "%s%.15g", sign, fabs(value));
    return out;
}

void tn__user_print(tn_snapshot *s, tn_out *out, const tn_view_options *o)
{
    tn_user_figure f;
    char text[40];
    for (unsigned i = 0; tn__user_row(s, i, &f); i++) {
        if (i == 0) {
            tn__out_text(out, "\n");
            tn__table_heading(out, o, "Told by the program");
        }
        size_t n = strlen(f.title);
        tn__out_text(out, "  ");
        tn__out_escaped(out, f.title);
        tn__out_format(out, "%*s%s\n", n < 32 ? (int)(33 - n) : 1, "",
                       tn__user_text(&f, f.value, false, text, sizeof text));
    }
}
