/* diff_types.c - which types of two snapshots are the same ones: types of one name and one address.
 *
 * A type whose object a file does not have goes by its name alone, where none of the same address is there. Classes made in
 * a loop share a name by the thousand, so both sides are put in order and merged: O(t log t).
 */
#include "analysis/diff.h"

#include <stdlib.h>
#include <string.h>

typedef struct type_key {
    const char *name;
    uint64_t address; /* of the type object; 0: unknown */
    uint32_t row;
} type_key;

static int compare_types(const void *left, const void *right)
{
    const type_key *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    if (order == 0 && a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

static int type_keys(tn_snapshot *s, type_key *keys, tn_error *err)
{
    uint32_t n = tn_snapshot_n_types(s);
    TN_TRY(tn__snapshot_addresses(s, err));
    for (uint32_t i = 0; i < n; i++) {
        tn_type type;
        if (tn_snapshot_type(s, i, &type) < 0)
            return tn__error_set(err, TN_ECORRUPT, 0, "type %u cannot be read", (unsigned)i);
        bool known = type.node < tn_snapshot_n_objects(s);
        keys[i] = (type_key){type.full_name, known ? tn__snapshot_address(s, type.node) : 0, i};
    }
    if (n > 1)
        qsort(keys, n, sizeof *keys, compare_types);
    return TN_OK;
}

/* Types of one name, at least one on each side; downward, so that those of unknown address come last and get what is left. */
static void match_namesakes(const type_key *old, uint32_t n_old, const type_key *new, uint32_t n_new, uint32_t *same)
{
    uint32_t unknown = new->address ? TN_NONE : new->row, spare = TN_NONE, j = n_new;
    for (uint32_t i = n_old; i-- > 0;) {
        while (j > 0 && new[j - 1].address > old[i].address)
            spare = new[--j].row;
        if (old[i].address && j > 0 && new[j - 1].address == old[i].address)
            same[old[i].row] = new[--j].row;
        else
            same[old[i].row] = old[i].address || unknown != TN_NONE ? unknown : spare;
    }
}

static uint32_t n_of_name(const type_key *keys, uint32_t n, const char *name)
{
    uint32_t i = 0;
    while (i < n && strcmp(keys[i].name, name) == 0)
        i++;
    return i;
}

static void match_types(const type_key *old, uint32_t n_old, const type_key *new, uint32_t n_new, uint32_t *same)
{
    for (uint32_t i = 0, j = 0, n; i < n_old; i += n) {
        const char *name = old[i].name;
        n = n_of_name(old + i, n_old - i, name);
        while (j < n_new && strcmp(new[j].name, name) < 0)
            j++;
        uint32_t n_there = n_of_name(new + j, n_new - j, name);
        for (uint32_t k = 0; k < n && !n_there; k++)
            same[old[i + k].row] = TN_NONE;
        if (n_there)
            match_namesakes(old + i, n, new + j, n_there, same);
        j += n_there;
    }
}

int tn__diff_types(tn_snapshot *from, tn_snapshot *to, uint32_t *same, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(to);
    uint32_t n_old = tn_snapshot_n_types(from), n_new = tn_snapshot_n_types(to);
    type_key *old = tn__alloc(a, n_old * sizeof *old), *new = tn__alloc(a, n_new * sizeof *new);
    int status = old && new ? type_keys(from, old, err) : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    if (status == TN_OK)
        status = type_keys(to, new, err);
    if (status == TN_OK)
        match_types(old, n_old, new, n_new, same);
    tn__free(a, old, n_old * sizeof *old);
    tn__free(a, new, n_new * sizeof *new);
    return status;
}
