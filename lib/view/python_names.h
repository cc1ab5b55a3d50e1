/* python_names.h - what Python finds under a name, as far as a snapshot tells. Private to lib/view.
 *
 * All answers lean to one side: yes only where the language leaves no other outcome and the snapshot has all that decides.
 */
#ifndef TN_PYTHON_NAMES_H
#define TN_PYTHON_NAMES_H

#include "analysis/lookup.h"
#include "view/view.h"

/* Whether node.name gives what the node holds itself: as an entry of its __dict__ or among its inline values, or, with slot,
 * in a slot of that name. */
int tn__attribute_is_plain(tn_snapshot *s, uint32_t node, const char *name, size_t n, bool slot, tn_error *err);
/* Whether what the node holds itself under the name stands in its __dict__, once there is one, and in no slot, and no field
 * of C code. */
int tn__attribute_is_inline(tn_snapshot *s, uint32_t node, const char *name, size_t n, tn_error *err);
/* Whether node.__dict__ gives its dict (of a class: a view of it). */
int tn__dict_is_plain(tn_snapshot *s, uint32_t node, tn_error *err);
/* Whether class_node.name gives the value that stands under it in the dict of the class. */
int tn__class_attribute_is_plain(tn_snapshot *s, uint32_t class_node, const char *name, size_t n, uint32_t value,
                                 tn_error *err);
/* Whether node[…] is what the builtin type (list, tuple, dict or collections.deque) does. */
int tn__subscript_is_plain(tn_snapshot *s, uint32_t node, const char *builtin, tn_error *err);
/* Whether an attribute of an object of a builtin type gives the very object that the reference of this label leads to. */
int tn__member_is_faithful(tn_snapshot *s, uint32_t node, const char *name, tn_error *err);

#endif
