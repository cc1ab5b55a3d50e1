/* layout.c - selects the table for a version. */
#include "cpython/layout.h"

#include <stddef.h>

#include "cpython/layout_3_11.h"
#include "cpython/layout_3_12.h"
#include "cpython/layout_3_13.h"
#include "cpython/layout_3_14.h"
#include "cpython/layout_3_15.h"

/* Patch releases whose headers gave exactly this table; others of the minor are taken after the runtime probes. */
static const struct {
    uint32_t first, last; /* PY_VERSION_HEX >> 8 */
    const tn_layout *layout;
} tables[] = {
    {0x030b02, 0x030b07, &tn_layout_3_11}, {0x030c01, 0x030c01, &tn_layout_3_12}, {0x030d00, 0x030d12, &tn_layout_3_13},
    {0x030e0a, 0x030e0a, &tn_layout_3_14}, {0x030f02, 0x030f02, &tn_layout_3_15},
};

const tn_layout *tn_layout_find(uint32_t hexversion, bool *listed)
{
    uint32_t version = hexversion >> 8;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (version >> 8 == tables[i].first >> 8) {
            *listed = version >= tables[i].first && version <= tables[i].last;
            return tables[i].layout;
        }
    return NULL;
}
