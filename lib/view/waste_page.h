/* waste_page.h - between waste_page.c, waste_text.c and waste_json.c. */
#ifndef TN_WASTE_PAGE_H
#define TN_WASTE_PAGE_H

#include "analysis/waste.h"
#include "view/sentences.h"

/* A finding with who holds what it is about. */
typedef struct tn_waste_shown {
    const tn_waste *waste;
    uint32_t index; /* of the finding */
    tn_waste_row row;
    tn_common common;
    tn_trail trail; /* to the common holder, without one to the example */
} tn_waste_shown;

typedef struct tn_waste_page {
    const tn_waste *waste;
    tn_waste *made;  /* NULL: it is the caller's */
    tn_toplevel top; /* without a graph where nothing is shown */
    tn_waste_shown *shown;
    uint32_t n_shown;
} tn_waste_page;

void tn__waste_tell(tn_say *w, const void *shown);        /* what, how much of it would go */
void tn__waste_tell_holder(tn_say *w, const void *shown); /* who holds it; may be nothing */
void tn__waste_tell_change(tn_say *w, const void *shown); /* what to do */
void tn__waste_text(const tn_waste_page *page, tn_say *w, const tn_view_options *o);
void tn__waste_json(const tn_waste_page *page, tn_say *w, const tn_view_options *o);

#endif
