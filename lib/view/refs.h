/* refs.h - references and referrers, between refs.c (of one object, a tree) and ref_groups.c (of a set, in groups). */
#ifndef TN_REFS_H
#define TN_REFS_H

#include "view/view.h"

int tn__ref_groups(tn_snapshot *s, bool referrers, const tn_view_options *o, tn_out *out, tn_error *err);
/* The label that references of a group share: "[key]" where each has its own. */
void tn__label_write(enum tn_label_style style, const char *text, tn_text *t);

#endif
