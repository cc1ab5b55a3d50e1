/* parts.c - see parts.h. */
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static void require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "parts: %s\n", what);
        abort();
    }
}

static size_t padded(uint64_t n)
{
    return (size_t)(n + 7) & ~(size_t)7;
}

void parts_open(parts *p, const uint8_t *bytes, size_t n)
{
    size_t at = sizeof(tn_file_header);
    memset(p, 0, sizeof *p);
    for (;;) {
        tn_chunk_header h;
        require(n - at >= sizeof h, "a chunk header is missing");
        memcpy(&h, bytes + at, sizeof h);
        if (memcmp(h.id, "TOC ", 4) == 0)
            return;
        require(p->n < PARTS_MAX, "too many chunks");
        part *one = &p->at[p->n++];
        one->h = h;
        one->payload = malloc(h.raw_bytes + 1);
        require(one->payload != NULL, "no memory");
        if (h.compression)
            require(ZSTD_decompress(one->payload, h.raw_bytes, bytes + at + sizeof h, h.stored_bytes) == h.raw_bytes,
                    "a chunk does not decompress");
        else
            memcpy(one->payload, bytes + at + sizeof h, h.raw_bytes);
        one->h.compression = 0;
        at += sizeof h + padded(h.stored_bytes);
    }
}

void parts_free(parts *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->at[i].payload);
    p->n = 0;
}

part *parts_find(parts *p, const char *id)
{
    for (size_t i = 0; i < p->n; i++)
        if (memcmp(p->at[i].h.id, id, 4) == 0)
            return &p->at[i];
    require(0, id);
    return NULL;
}

part *parts_add(parts *p, const char *id, const void *payload, size_t n_bytes, uint64_t n_rows)
{
    require(p->n < PARTS_MAX, "too many chunks");
    part *one = &p->at[p->n++];
    one->h = (tn_chunk_header){.version = 1, .n_rows = n_rows, .raw_bytes = n_bytes};
    memcpy(one->h.id, id, 4);
    one->payload = malloc(n_bytes + 1);
    require(one->payload != NULL, "no memory");
    if (payload)
        memcpy(one->payload, payload, n_bytes);
    else
        memset(one->payload, 0, n_bytes);
    return one;
}

void parts_remove(parts *p, const char *id)
{
    part *one = parts_find(p, id);
    free(one->payload);
    memmove(one, one + 1, (size_t)(p->at + p->n - one - 1) * sizeof *one);
    p->n--;
}

void parts_resize(part *one, size_t n_bytes)
{
    one->payload = realloc(one->payload, n_bytes + 1);
    require(one->payload != NULL, "no memory");
    if (n_bytes > one->h.raw_bytes)
        memset(one->payload + one->h.raw_bytes, 0, n_bytes - one->h.raw_bytes);
    one->h.raw_bytes = n_bytes;
}

static uint64_t chunk_hash(const uint8_t *chunk)
{
    tn_chunk_header h;
    memcpy(&h, chunk, sizeof h);
    uint8_t *joined = malloc(40 + h.stored_bytes);
    require(joined != NULL, "no memory");
    memcpy(joined, chunk, 40);
    memcpy(joined + 40, chunk + sizeof h, h.stored_bytes);
    uint64_t hash = XXH3_64bits(joined, 40 + h.stored_bytes);
    free(joined);
    return hash;
}

void parts_rehash(uint8_t *bytes, size_t n)
{
    uint64_t hash = XXH3_64bits(bytes, 24);
    memcpy(bytes + 24, &hash, 8);
    for (size_t at = 32; n - at >= sizeof(tn_chunk_header) + sizeof(tn_file_trailer);) {
        tn_chunk_header h;
        memcpy(&h, bytes + at, sizeof h);
        if (h.stored_bytes > n - at - sizeof h - sizeof(tn_file_trailer))
            break;
        hash = chunk_hash(bytes + at);
        memcpy(bytes + at + 40, &hash, 8);
        at += sizeof h + padded(h.stored_bytes);
    }
    hash = XXH3_64bits(bytes + n - 32, 16);
    memcpy(bytes + n - 16, &hash, 8);
}

static uint8_t *put_chunk(uint8_t *at, tn_chunk_header h, const uint8_t *payload, size_t n_bytes)
{
    h.stored_bytes = n_bytes;
    memcpy(at, &h, sizeof h);
    memcpy(at + sizeof h, payload, n_bytes);
    return at + sizeof h + padded(n_bytes);
}

uint8_t *parts_bytes(const parts *p, size_t *n)
{
    size_t size = sizeof(tn_file_header) + sizeof(tn_file_trailer) + sizeof(tn_chunk_header);
    for (size_t i = 0; i < p->n; i++)
        size += sizeof(tn_chunk_header) + padded(p->at[i].h.raw_bytes) + sizeof(tn_toc_row);
    uint8_t *bytes = calloc(1, size), *at = bytes + sizeof(tn_file_header);
    tn_toc_row rows[PARTS_MAX] = {0};
    require(bytes != NULL, "no memory");
    tn_file_header header = {.major = TN_FILE_MAJOR, .minor = TN_FILE_MINOR};
    memcpy(header.magic, TN_FILE_MAGIC, 8);
    memcpy(bytes, &header, sizeof header);
    for (size_t i = 0; i < p->n; i++) {
        const part *one = &p->at[i];
        rows[i] =
            (tn_toc_row){.offset = (uint64_t)(at - bytes), .first_row = one->h.first_row, .n_rows = one->h.n_rows};
        memcpy(rows[i].id, one->h.id, 4);
        at = put_chunk(at, one->h, one->payload, one->h.raw_bytes);
    }
    tn_chunk_header toc = {.id = {'T', 'O', 'C', ' '}, .version = 1, .n_rows = p->n, .raw_bytes = p->n * sizeof *rows};
    tn_file_trailer trailer = {.toc_offset = (uint64_t)(at - bytes), .file_bytes = size};
    memcpy(trailer.magic, TN_FILE_END, 8);
    at = put_chunk(at, toc, (const uint8_t *)rows, p->n * sizeof *rows);
    memcpy(at, &trailer, sizeof trailer);
    parts_rehash(bytes, size);
    *n = size;
    return bytes;
}
