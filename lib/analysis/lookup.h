/* lookup.h - what stands under a name, in an object's fields or in a dict. Private to lib/. */
#ifndef TN_LOOKUP_H
#define TN_LOOKUP_H

#include "base/base.h"
#include "snapshot/reader.h"

/* Target of the first reference with this label; TN_NONE. */
int tn__labelled_target(tn_snapshot *s, uint32_t node, const char *label, uint32_t *target, tn_error *err);
/* Value of a str key in a dict of any table; TN_NONE when it is not there. known becomes false, and is never set, when there is
 * a key whose text the file does not have. O(entries). */
int tn__dict_value(tn_snapshot *s, uint32_t dict, const char *key, size_t n, uint32_t *value, bool *known,
                   tn_error *err);

int tn__type_row(tn_snapshot *s, uint32_t node, uint32_t *row, tn_error *err);
/* The node's type, at the cost of one column, as its row is: tn_node_get loads all that a node has. */
int tn__type_of(tn_snapshot *s, uint32_t node, tn_type *type, tn_error *err);
/* How much the type tells a reader: of the program or a library, of the language, a mere container of the language. */
enum tn_type_rank { TN_TYPE_TELLING, TN_TYPE_BUILTIN, TN_TYPE_CONTAINER };
enum tn_type_rank tn__type_rank(const tn_type *type);
/* Full name of the node's type; lives as long as the snapshot. */
const char *tn__type_name(tn_snapshot *s, uint32_t node);

bool tn__is_identifier(const char *text, size_t n); /* ASCII, and no keyword */
/* The attribute of an object of this type that is its frame, ".gi_frame"; "" of a frame; NULL of what has none. */
const char *tn__frame_attribute(const char *type);

#endif
