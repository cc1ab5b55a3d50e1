/* made_at.h - where objects were made, on pages and as JSON: one of them, or most of those of a row. Private to lib/view. */
#ifndef TN_MADE_AT_H
#define TN_MADE_AT_H

#include "analysis/sites.h"
#include "view/view.h"

/* ---- births.c: of one object; where that was recorded, else nothing, or null ---- */

int tn__birth_json(tn_snapshot *s, uint32_t node, tn_json *j, tn_error *err);   /* "site" */
int tn__birth_print(tn_snapshot *s, uint32_t node, tn_out *out, tn_error *err); /* lines of show */
int tn__frames_json(tn_snapshot *s, uint32_t entry, tn_json *j, tn_error *err); /* "traceback", the innermost first */
/* A line for each frame of a stack outwards, at most so many, behind first or further. */
int tn__frames_print(tn_snapshot *s, uint32_t entry, const char *first, const char *further, unsigned most, tn_out *out,
                     tn_error *err);

/* ---- made_at.c: of files in which it was recorded ---- */

/* Of objects that are groups' members the line that made most of each group, one a group; lines as tn__site_mains has them. */
int tn__made_mains(tn_snapshot *s, tn_groups *lines, const tn_set *set, tn_groups *groups, tn_site_main *out,
                   tn_error *err);
/* "app.py:88 load()", with "(92 of 93)" behind where it made but some of so many; "" where no line is known. */
int tn__made_cell(tn_table *t, tn_groups *lines, const tn_site_main *of, uint64_t count, tn_error *err);
/* "main_site": {"site", "count", "size"}, or null. */
int tn__made_json(tn_json *j, tn_groups *lines, const tn_site_main *of, tn_error *err);

void tn__made_line_cell(tn_table *t, const char *line);

/* Of one object: "app.py:88 load()", "perhaps app.py:88 load()"; "" where it is not known. */
int tn__made_object_cell(tn_table *t, tn_snapshot *s, uint32_t object, uint32_t type, tn_error *err);

#endif
