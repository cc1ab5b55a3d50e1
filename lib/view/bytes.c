/* bytes.c - numbers of bytes as people write them: "1.5 MiB" out, "12k" in. */
#include "view/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

char *tn_format_bytes(uint64_t bytes, char *out, size_t cap)
{
    if (bytes < 1024) {
        snprintf(out, cap, "%" PRIu64 " B", bytes);
        return out;
    }
    unsigned unit = 0;
    double value = (double)bytes;
    while (unit < 6 && value >= 1023.95) { /* 1023.95 would print as 1024.0 */
        value /= 1024;
        unit++;
    }
    /* tenths by integers: no decimal point of a locale, no sixteen digits */
    uint64_t tenths = (uint64_t)(value * 10 + 0.5);
    snprintf(out, cap, "%" PRIu64 ".%u %s", tenths / 10, (unsigned)(tenths % 10), units[unit]);
    return out;
}

static int unit_shift(const char *p)
{
    static const char letters[] = "kmgtpe";
    if (*p == '\0' || strcmp(p, "B") == 0 || strcmp(p, "b") == 0)
        return 0;
    char low = (char)(*p | 0x20);
    const char *found = strchr(letters, low);
    if (!found)
        return -1;
    p++;
    if (*p == 'i')
        p++;
    if (*p == 'B' || *p == 'b')
        p++;
    return *p == '\0' ? 10 * (int)(found - letters + 1) : -1;
}

/* Binary suffixes only: k, K, KB and KiB are all 1024. Digits after a point are exact to nine places. */
int tn_parse_bytes(const char *text, uint64_t *bytes)
{
    const char *p = text;
    uint64_t whole = 0, fraction = 0, scale = 1;
    unsigned digits = 0;
    for (; *p >= '0' && *p <= '9'; p++, digits++) {
        if (whole > (UINT64_MAX - 9) / 10)
            return TN_EINVAL;
        whole = whole * 10 + (uint64_t)(*p - '0');
    }
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9'; p++, digits++) {
            if (scale < 1000000000) {
                fraction = fraction * 10 + (uint64_t)(*p - '0');
                scale *= 10;
            }
        }
    }
    while (*p == ' ')
        p++;
    int shift = unit_shift(p);
    if (digits == 0 || shift < 0 || (shift > 0 && whole >> (64 - shift)) || (shift == 0 && fraction))
        return TN_EINVAL;
    uint64_t part = (uint64_t)((double)fraction / (double)scale * (double)(1ull << shift));
    *bytes = (whole << shift) + part;
    return TN_OK;
}
