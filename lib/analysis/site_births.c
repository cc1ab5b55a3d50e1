/* site_births.c - which stack made an object, and as how many-th allocation of the process. */
#include "analysis/sites.h"

#include <string.h>

typedef struct tn_birth_table {
    uint32_t *entries; /* n_objects; NULL: none is known */
    bool made;
} tn_birth_table;

static void destroy(tn_snapshot *s, void *p)
{
    tn_birth_table *t = p;
    const tn_alloc *a = tn__snapshot_alloc(s);
    if (!t)
        return;
    tn__free(a, t->entries, t->entries ? tn_snapshot_n_objects(s) * sizeof *t->entries : 0);
    tn__free(a, t, sizeof *t);
}

bool tn__sites_there(tn_snapshot *s)
{
    uint32_t n;
    tn__snapshot_sites(s, &n);
    return n > 0;
}

bool tn__sites_live_only(tn_snapshot *s)
{
    tn_fact fact;
    return tn_snapshot_find_fact(s, "import.format", &fact) == TN_OK && fact.kind == TN_FACT_TEXT &&
           strcmp(fact.value.text, "tracemalloc") == 0;
}

int tn__sites_all_told(tn_snapshot *s, const char *what, tn_error *err)
{
    if (!tn__sites_live_only(s))
        return TN_OK;
    return tn__error_set(err, TN_EINVAL, 0, "%s is not known in a dump of tracemalloc, which has what is alive alone",
                         what);
}

int tn__sites_blocks_told(tn_snapshot *s, const char *what, tn_error *err)
{
    if (tn_snapshot_n_objects(s))
        return TN_OK;
    return tn__error_set(err, TN_EINVAL, 0, "%s is not known in a file without objects, which has sums by stack alone",
                         what);
}

/* Private buffers have sites of their own: an object is born where its own block is. */
static void from_blocks(const tn_site_row *rows, const tn_traces *traces, uint32_t *entries)
{
    for (uint64_t i = 0; i < traces->n; i++)
        if (traces->kind[i] == TN_TRACE_OWN)
            entries[traces->node[i] - 1] = rows[traces->site[i]].stack;
}

static int make(tn_snapshot *s, tn_birth_table *t, tn_error *err)
{
    uint32_t n_sites;
    const tn_site_row *rows = tn__snapshot_sites(s, &n_sites);
    tn_traces traces = {0};
    if (n_sites)
        TN_TRY(tn__snapshot_traces(s, &traces, err));
    if (!traces.n)
        return TN_OK;
    uint32_t n = tn_snapshot_n_objects(s);
    t->entries = tn__alloc_zero(tn__snapshot_alloc(s), n * sizeof *t->entries);
    if (!t->entries)
        return tn__no_memory(s, err);
    from_blocks(rows, &traces, t->entries);
    return TN_OK;
}

int tn__births(tn_snapshot *s, const uint32_t **entries, tn_error *err)
{
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_BIRTHS, destroy);
    if (!*slot) {
        tn_birth_table *t = tn__alloc_zero(tn__snapshot_alloc(s), sizeof *t);
        if (!t)
            return tn__no_memory(s, err);
        int status = make(s, t, err);
        if (status < 0) {
            destroy(s, t);
            return status;
        }
        *slot = t;
    }
    *entries = ((tn_birth_table *)*slot)->entries;
    return TN_OK;
}

/* An object's block begins at its address or before it; blocks do not overlap but those that are tracked by name. */
static int find_block(tn_snapshot *s, uint32_t node, const tn_traces *t, uint64_t *block, tn_error *err)
{
    enum { AROUND = 8 };
    *block = t->n;
    TN_TRY(tn__snapshot_addresses(s, err));
    uint64_t address = tn__snapshot_address(s, node), low = 0, high = t->n;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (t->address[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (uint64_t i = low; i > 0 && low - i < AROUND; i--)
        if (t->node[i - 1] == node + 1 && t->kind[i - 1] == TN_TRACE_OWN) {
            *block = i - 1;
            break;
        }
    return TN_OK;
}

/* ---- for the public header ---- */

int tn_node_birth(tn_snapshot *s, uint32_t id, tn_birth *out, tn_error *err)
{
    const uint32_t *entries;
    tn_birth birth = {0};
    tn_traces t;
    uint64_t block;
    if (id >= tn_snapshot_n_nodes(s))
        return tn__error_set(err, TN_EINVAL, 0, "there is no node %u", (unsigned)id);
    TN_TRY(tn__births(s, &entries, err));
    if (entries && id < tn_snapshot_n_objects(s) && entries[id]) {
        tn_node node;
        birth.entry = entries[id];
        TN_TRY(tn_node_get(s, id, &node, err));
        birth.maybe_stale = tn__site_maybe_stale(s, node.type);
        TN_TRY(tn__snapshot_traces(s, &t, err));
        TN_TRY(find_block(s, id, &t, &block, err));
        if (block < t.n) {
            birth.birth = t.birth[block];
            birth.bytes = t.bytes[block];
            birth.interval_bytes = t.interval ? t.interval[block] : 0;
        }
    }
    *out = birth;
    return TN_OK;
}

int tn_birth_frame(tn_snapshot *s, const tn_birth *birth, uint32_t depth, tn_frame *out, tn_error *err)
{
    tn_stack_entry e = {.parent = birth->entry};
    for (uint32_t i = 0; i <= depth && e.parent; i++) {
        uint32_t entry = e.parent;
        TN_TRY(tn__snapshot_stack(s, entry, &e, err));
        if (i == depth) {
            *out = (tn_frame){TN_NONE, e.name, e.qualified_name, e.file, e.line, false};
            return TN_OK;
        }
    }
    return tn__error_set(err, TN_ENOTFOUND, 0, "its stack has no frame %u", (unsigned)depth);
}

int tn_birth_caller(tn_snapshot *s, tn_birth *birth, tn_error *err)
{
    tn_stack_entry e = {0};
    if (birth->entry)
        TN_TRY(tn__snapshot_stack(s, birth->entry, &e, err));
    if (!e.parent)
        return tn__error_set(err, TN_ENOTFOUND, 0, "no caller of this frame is known");
    birth->entry = e.parent;
    return TN_OK;
}
