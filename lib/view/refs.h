/* refs.h - references and referrers, between refs.c (of one object, a tree) and ref_groups.c (of a set, in groups). */
#ifndef TN_REFS_H
#define TN_REFS_H

#include "view/view.h"

/* id TN_NONE: of all that is selected; else of one object, in groups by o->by. */
int tn__ref_groups(tn_snapshot *s, uint32_t id, bool referrers, const tn_view_options *o, tn_out *out, tn_error *err);
/* The label that references share that have this style and text, "[key]" where each has its own; out ends in a NUL. */
int tn__label_shared(tn_snapshot *s, enum tn_label_style style, const char *text, tn_buf *out, tn_error *err);

#endif
