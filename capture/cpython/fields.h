/* fields.h - names for what the C types of CPython's own modules refer to, where no header and no member tells them.
 *
 * Their structures stand in C files (Modules/_asynciomodule.c, _functoolsmodule.c, itertoolsmodule.c, …). A name is never
 * believed for itself: the engine gives it to a reference that the type's own tp_traverse reported and that the word at the
 * offset equals (engine/named.c). So a table that is wrong loses names, and reads no reference that is none.
 */
#ifndef TN_FIELDS_H
#define TN_FIELDS_H

#include "cpython/layout.h"

/* A label that begins with '.' is an attribute in Python's eyes, any other a field of the implementation. */
typedef struct tn_named_field {
    uint16_t offset;
    uint16_t count; /* of words that bear this name, one behind the other */
    const char *label;
} tn_named_field;

enum tn_fields_special {
    TN_FIELDS_PLAIN,
    TN_FIELDS_LRU,  /* tp_traverse reports what the links of its list refer to, too */
    TN_FIELDS_HAMT, /* words from the first field on, ob_size of them: key and value, or NULL and a node */
};

enum { TN_MAX_NAMED = 20 };

typedef struct tn_type_fields {
    const char *type;                    /* tp_name */
    uint8_t first, last;                 /* minor versions of CPython 3; last 0: all since */
    uint8_t special;                     /* enum tn_fields_special */
    uint16_t size;                       /* tp_basicsize; 0: any */
    uint16_t state;                      /* offset of an int: 0 pending, 1 cancelled, 2 finished; 0: there is none */
    tn_named_field fields[TN_MAX_NAMED]; /* ends with a NULL label */
} tn_type_fields;

/* NULL: nothing is known of that type. */
const tn_type_fields *tn_fields_find(const tn_layout *layout, const char *type, uint32_t basic_size);

#endif
