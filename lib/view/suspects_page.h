/* suspects_page.h - between suspects_page.c, suspects_text.c and suspects_json.c. */
#ifndef TN_SUSPECTS_PAGE_H
#define TN_SUSPECTS_PAGE_H

#include "view/heap_parts.h"
#include "view/parting.h"
#include "view/sentences.h"

/* How much of the resident set the objects are; both unknown unless known is true. */
typedef struct tn_explained {
    bool known;
    uint64_t rss, objects;
    const char *other; /* the largest other row of the ledger, in words; NULL: none */
    uint64_t other_bytes;
} tn_explained;
tn_explained tn__ledger_explained(tn_snapshot *s); /* ledger.c */

/* What --limit leaves, of suspects and findings together, in the order of the page. */
typedef struct tn_shown {
    bool garbage_first; /* it is more than any suspect */
    size_t suspects, findings;
} tn_shown;
tn_shown tn__suspects_shown(const tn_suspects *all, const tn_view_options *o);

/* The first sentence, and what follows it: what is in it and who holds it. */
void tn__suspect_tell(tn_say *w, const void *suspect);
void tn__suspect_tell_more(tn_say *w, const void *suspect);
void tn__finding_tell(tn_say *w, const void *finding);

/* Objects that only modules and the like hold, in groups. */
typedef struct tn_consumers {
    tn_heap heap;
    tn_parting parting; /* not open: not asked for */
    tn_place_sums sums; /* those that are shown */
    uint64_t rows, count, retained;
    uint64_t more, more_bytes;       /* groups that are not shown */
    uint64_t limited, limited_bytes; /* of these, large ones that the limit cut */
} tn_consumers;

int tn__suspects_text(const tn_suspects *all, tn_consumers *consumers, tn_say *w, const tn_view_options *o);
int tn__suspects_json(const tn_suspects *all, tn_consumers *consumers, tn_say *w, const tn_view_options *o);
const char *tn__finding_name(enum tn_finding_kind kind);

#endif
