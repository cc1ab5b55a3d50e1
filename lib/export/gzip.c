/* gzip.c - see gzip.h. */
#include "export/gzip.h"

#include <string.h>

enum { SHORTEST = 4, LONGEST = 258, END_OF_BLOCK = 256, FIRST_LENGTH = 257 };

/* ---- bits ---- */

static void put_bits(tn_gzip *z, uint32_t value, unsigned n)
{
    z->bits |= (uint64_t)value << z->n_bits;
    for (z->n_bits += n; z->n_bits >= 8; z->n_bits -= 8, z->bits >>= 8)
        tn__out_bytes(z->out, &(char){(char)(z->bits & 0xff)}, 1);
}

/* A code's first bit is its highest one. */
static void put_code(tn_gzip *z, uint32_t code, unsigned n)
{
    uint32_t reversed = 0;
    for (unsigned i = 0; i < n; i++)
        reversed |= (code >> i & 1) << (n - 1 - i);
    put_bits(z, reversed, n);
}

/* RFC 1951, 3.2.6 */
static void put_symbol(tn_gzip *z, unsigned symbol)
{
    if (symbol < 144)
        put_code(z, 0x30 + symbol, 8);
    else if (symbol < 256)
        put_code(z, 0x190 + symbol - 144, 9);
    else if (symbol < 280)
        put_code(z, symbol - 256, 7);
    else
        put_code(z, 0xc0 + symbol - 280, 8);
}

/* RFC 1951, 3.2.5: value as the last base that is not above it, and what is more in extra bits. */
static unsigned class_of(uint32_t value, const uint16_t *bases, unsigned n)
{
    unsigned i = n - 1;
    while (bases[i] > value)
        i--;
    return i;
}

static void put_match(tn_gzip *z, uint32_t length, uint32_t distance)
{
    static const uint16_t lengths[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                       31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint16_t distances[] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                         33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                         1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    unsigned l = class_of(length, lengths, 29), d = class_of(distance, distances, 30);
    put_symbol(z, FIRST_LENGTH + l);
    if (l >= 8 && l < 28)
        put_bits(z, length - lengths[l], (l - 4) / 4);
    put_code(z, d, 5);
    if (d >= 4)
        put_bits(z, distance - distances[d], (d - 2) / 2);
}

/* ---- matches ---- */

static uint32_t word_at(const tn_gzip *z, uint32_t at)
{
    uint32_t word;
    memcpy(&word, z->data + at, sizeof word);
    return word;
}

static uint32_t match_at(const tn_gzip *z, uint32_t at, uint32_t from)
{
    uint32_t n = 0, most = z->n - at < LONGEST ? z->n - at : LONGEST;
    while (n < most && z->data[from + n] == z->data[at + n])
        n++;
    return n;
}

static void pack(tn_gzip *z)
{
    uint32_t i = z->packed;
    while (i < z->n) {
        uint32_t length = 0, from = 0;
        if (z->n - i >= SHORTEST) {
            uint32_t *last = &z->last[word_at(z, i) * 2654435761u >> 19];
            from = *last;
            *last = i + 1;
            if (from && i + 1 - from <= TN_GZIP_WINDOW)
                length = match_at(z, i, from - 1);
        }
        if (length >= SHORTEST)
            put_match(z, length, i + 1 - from);
        else
            put_symbol(z, z->data[i]);
        i += length >= SHORTEST ? length : 1;
    }
    z->packed = z->n;
}

/* The second half is what can be referred to from now on. */
static void slide(tn_gzip *z)
{
    memcpy(z->data, z->data + TN_GZIP_WINDOW, TN_GZIP_WINDOW);
    z->n = z->packed = TN_GZIP_WINDOW;
    for (size_t i = 0; i < TN_GZIP_HASHES; i++)
        z->last[i] = z->last[i] > TN_GZIP_WINDOW ? z->last[i] - TN_GZIP_WINDOW : 0;
}

/* ---- the stream ---- */

void tn__gzip_begin(tn_gzip *z, tn_out *out)
{
    static const char header[10] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, (char)0xff}; /* no name, no time */
    memset(z, 0, sizeof *z);
    z->out = out;
    z->crc = UINT32_MAX;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        z->crcs[i] = c;
    }
    tn__out_bytes(out, header, sizeof header);
    put_bits(z, 1, 1); /* the last block */
    put_bits(z, 1, 2); /* fixed codes */
}

void tn__gzip_add(tn_gzip *z, const void *bytes, size_t n)
{
    const uint8_t *at = bytes;
    z->size += (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        z->crc = z->crcs[(z->crc ^ at[i]) & 0xff] ^ z->crc >> 8;
    while (n) {
        if (z->n == sizeof z->data) {
            pack(z);
            slide(z);
        }
        size_t now = sizeof z->data - z->n < n ? sizeof z->data - z->n : n;
        memcpy(z->data + z->n, at, now);
        z->n += (uint32_t)now;
        at += now;
        n -= now;
    }
}

void tn__gzip_end(tn_gzip *z)
{
    pack(z);
    put_symbol(z, END_OF_BLOCK);
    put_bits(z, 0, (8 - z->n_bits) % 8);
    put_bits(z, ~z->crc, 32);
    put_bits(z, z->size, 32);
}
