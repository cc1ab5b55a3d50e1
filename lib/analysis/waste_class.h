/* waste_class.h - what is known of the instances of a class. Between waste_class.c and waste_slots.c. */
#ifndef TN_WASTE_CLASS_H
#define TN_WASTE_CLASS_H

#include "analysis/waste.h"

enum { SHARED, UNSHARED, WAYS };

typedef struct tn_attribute {
    const char *name;
    uint32_t key;          /* the node that had the name last; TN_NONE */
    uint64_t filled[WAYS]; /* instances that have it */
} tn_attribute;

typedef struct tn_instances {
    bool wanted; /* it could have slots */
    bool weak;   /* somebody has a weak reference to an instance */
    uint32_t n_attributes, base_bytes;
    tn_attribute *attributes;
    uint64_t count[WAYS], bytes[WAYS]; /* bytes: of attributes; what a base has in buffers stays */
    uint64_t asked;                    /* instances whose __dict__ is an object */
    bool slots;                        /* they would save */
    uint64_t slot_bytes;               /* of an instance then */
} tn_instances;

typedef struct tn_classes {
    tn_waste *waste;
    const tn_waste_heap *heap;
    uint32_t n_types;
    tn_instances *classes; /* by type */
    uint8_t **places;      /* by shape: number of the attribute of each fixed reference */
    uint32_t *placed_for;  /* by shape: the class */
} tn_classes;

/* A class of the program that is all Python: what else has a __dict__ among its bases is of the same package. *base_bytes: of
 * the largest base without one. */
bool tn__slots_wanted(const tn_waste_heap *h, uint32_t row, uint32_t *base_bytes);
/* Whether slots would save, when all instances are counted; tells the class then. */
int tn__slots_decide(tn_classes *k, uint32_t type, tn_error *err);
int tn__waste_tell_class(tn_classes *k, enum tn_waste_kind kind, const tn_waste_class *one, tn_error *err);

#endif
