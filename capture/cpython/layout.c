/* layout.c - selects the table for a version. */
#include "cpython/layout.h"

#include <stddef.h>

#include "cpython/layout_3_11.h"
#include "cpython/layout_3_12.h"
#include "cpython/layout_3_13.h"
#include "cpython/layout_3_13_0.h"
#include "cpython/layout_3_14.h"
#include "cpython/layout_3_14_3.h"
#include "cpython/layout_3_15.h"

/* Newest first. A range begins and ends with a release whose headers print exactly this table; beside it, those that were
 * tried. Between the ranges of a minor something moved, and where is not known to the release. */
static const struct {
    uint32_t first, last; /* PY_VERSION_HEX >> 8 */
    const tn_layout *layout;
} tables[] = {
    {0x030f00, 0x030f02, &tn_layout_3_15},   /* 3.15.0, 3.15.2 */
    {0x030e08, 0x030e0a, &tn_layout_3_14},   /* 3.14.8, 3.14.10 */
    {0x030e03, 0x030e03, &tn_layout_3_14_3}, /* 3.14.3; 3.14.4: the interpreter state grew by 24 and 8 bytes */
    {0x030d05, 0x030d12, &tn_layout_3_13},   /* 3.13.5, 3.13.15, 3.13.18 */
    {0x030d00, 0x030d00, &tn_layout_3_13_0}, /* 3.13.0; later heads of generations are aligned to 4 bytes only */
    {0x030c01, 0x030c01, &tn_layout_3_12},   /* 3.12.1 */
    {0x030b02, 0x030b07, &tn_layout_3_11},   /* 3.11.2, 3.11.3, 3.11.7 */
};

static bool is_final(uint32_t hexversion)
{
    return (hexversion >> 4 & 15) == 15;
}

const tn_layout *tn_layout_find(uint32_t hexversion, unsigned index, bool *listed)
{
    uint32_t version = hexversion >> 8;
    *listed = false;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && is_final(hexversion); i++)
        if (version >= tables[i].first && version <= tables[i].last) {
            *listed = true;
            return index ? NULL : tables[i].layout;
        }
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (version >> 8 == tables[i].first >> 8 && index-- == 0)
            return tables[i].layout;
    return NULL;
}
