/* why_page.h - between why_page.c, why_text.c and why_json.c. */
#ifndef TN_WHY_PAGE_H
#define TN_WHY_PAGE_H

#include "analysis/why.h"
#include "view/sentences.h"

/* Steps of a way with its reference at the end, appended to an empty buffer of tn_reference. */
int tn__way_steps(const tn_way *way, tn_buf *steps, tn_error *err);

void tn__why_tell(tn_say *w, const void *why); /* all paragraphs */
void tn__why_text(const tn_why *why, tn_say *w, const tn_view_options *o);
void tn__why_json_start(tn_json *j, tn_out *out, const tn_view_options *o);
void tn__why_json(const tn_why *why, tn_say *w, tn_json *j); /* fields of an open object */

#endif
