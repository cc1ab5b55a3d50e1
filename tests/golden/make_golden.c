/* make_golden.c - makes the files of this folder: make_golden FOLDER. With a second folder, also a seed for fuzzing there.
 *
 * good-1.0.tonnage to good-1.4.tonnage are not made again: they are what minor versions 0 to 4 wrote. good.tonnage is the
 * sample of tests/c/sample.c; expected.json says what it holds, made from the sample's tables and not by reading the file. The
 * others are good.tonnage damaged, each in one way.
 */
#include "parts.h"
#include "sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

static const char *folder;

static FILE *create(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f) {
        perror(path);
        exit(1);
    }
    return f;
}

static void save(const char *name, const uint8_t *bytes, size_t n)
{
    FILE *f = create(name);
    if (fwrite(bytes, 1, n, f) != n || fclose(f) != 0) {
        perror(name);
        exit(1);
    }
}

/* ---- expected.json ---- */

static void put_text(FILE *f, const char *text)
{
    fputc('"', f);
    for (const uint8_t *p = (const uint8_t *)text; *p;) {
        if (*p < 0x80) {
            fprintf(f, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
            p += 1;
        } else if (*p < 0xe0) {
            fprintf(f, "\\u%04x", (unsigned)((p[0] & 31) << 6 | (p[1] & 63)));
            p += 2;
        } else {
            fprintf(f, "\\u%04x", (unsigned)((p[0] & 15) << 12 | (p[1] & 63) << 6 | (p[2] & 63)));
            p += 3;
        }
    }
    fputc('"', f);
}

static void put_key_text(FILE *f, const char *key, const char *text)
{
    fprintf(f, ", \"%s\": ", key);
    if (text)
        put_text(f, text);
    else
        fputs("null", f);
}

static void put_number(FILE *f, const char *key, bool known, uint64_t value)
{
    if (known)
        fprintf(f, ", \"%s\": %llu", key, (unsigned long long)value);
    else
        fprintf(f, ", \"%s\": null", key);
}

static void put_types(FILE *f)
{
    fputs("  \"types\": [\n", f);
    for (unsigned i = 0; i < SAMPLE_TYPES; i++) {
        const sample_type *t = &sample_types[i];
        fprintf(f, "    {\"id\": %u", i);
        put_key_text(f, "name", sample_strings[t->name]);
        put_key_text(f, "module", t->module == TN_NONE ? NULL : sample_strings[t->module]);
        fprintf(f, ", \"flags\": %u, \"visitor\": %u, \"basic_size\": %u, \"item_size\": %u", t->flags, t->visitor,
                t->basic_size, t->item_size);
        put_number(f, "node", t->node != TN_NONE, t->node);
        put_number(f, "base", t->base != TN_NONE, t->base);
        fputs(", \"mro\": [", f);
        for (unsigned k = 0; k < t->n_mro; k++)
            fprintf(f, "%s%u", k ? ", " : "", t->mro[k]);
        fprintf(f, "]}%s\n", i + 1 < SAMPLE_TYPES ? "," : "");
    }
    fputs("  ],\n", f);
}

static void put_facts(FILE *f)
{
    fputs("  \"facts\": {\n", f);
    for (unsigned i = 0; i < SAMPLE_FACTS; i++) {
        const tn_fact_row *row = &sample_facts[i];
        double d;
        memcpy(&d, &row->value, sizeof d);
        fputs("    ", f);
        put_text(f, sample_strings[row->key]);
        fputs(": ", f);
        if (row->kind == TN_FACT_TEXT)
            put_text(f, sample_strings[row->value]);
        else if (row->kind == TN_FACT_DOUBLE)
            fprintf(f, "%g", d);
        else if (row->kind == TN_FACT_INT)
            fprintf(f, "%lld", (long long)row->value);
        else
            fprintf(f, "%llu", (unsigned long long)row->value);
        fprintf(f, "%s\n", i + 1 < SAMPLE_FACTS ? "," : "");
    }
    fputs("  },\n", f);
}

static void put_unless_unknown(FILE *f, const char *before, uint64_t value, uint64_t unknown)
{
    if (value == unknown)
        fprintf(f, "%snull", before);
    else
        fprintf(f, "%s%llu", before, (unsigned long long)value);
}

static void put_times(FILE *f)
{
    fputs("  \"times\": [\n", f);
    for (unsigned i = 0; i < SAMPLE_TIMES; i++) {
        const tn_time_row *row = &sample_times[i];
        fprintf(f, "    {\"time_ns\": %llu", (unsigned long long)row->time_ns);
        put_unless_unknown(f, ", \"rss\": ", row->rss_bytes, UINT64_MAX);
        put_unless_unknown(f, ", \"traced\": ", row->traced_bytes, UINT64_MAX);
        for (unsigned k = 0; k < 3; k++)
            put_unless_unknown(f, k ? ", " : ", \"generations\": [", row->generations[k], UINT32_MAX);
        put_unless_unknown(f, "], \"threads\": ", row->threads, UINT32_MAX);
        fprintf(f, "}%s\n", i + 1 < SAMPLE_TIMES ? "," : "");
    }
    fputs("  ]\n", f);
}

static void put_reference(FILE *f, const sample_node *node, const sample_shape *shape, uint32_t k)
{
    static const char *const fixed[] = {"attribute", "item", "local", "field", "root"};
    static const char *const runs[] = {"", "index", "key", "member", "unknown", "stack"};
    static const char *const kinds[] = {"owning", "borrowed", "weak", "interned", "guessed"};
    uint32_t index = k < shape->n_fixed ? k : k - shape->n_fixed;
    uint32_t run = shape->flags & TN_RUN_STYLE;
    bool value = k >= shape->n_fixed && run == TN_RUN_PAIRS && (index & 1);
    fprintf(f, "{\"target\": %u, \"style\": \"%s\", \"kind\": \"%s\", \"index\": %u", node->references[k] - 1,
            k < shape->n_fixed ? fixed[shape->labels[k].style]
            : value            ? "value"
                               : runs[run],
            k < shape->n_fixed ? kinds[shape->labels[k].kind] : kinds[shape->flags >> TN_RUN_KIND_SHIFT & 15], index);
    put_key_text(f, "text", k < shape->n_fixed ? sample_strings[shape->labels[k].name] : NULL);
    put_number(f, "key", value, value ? node->references[k - 1] - 1 : 0);
    fputc('}', f);
}

static void put_node(FILE *f, uint32_t id)
{
    const sample_node *node = &sample_nodes[id];
    const sample_shape *shape = &sample_shapes[node->shape];
    fprintf(f, "    {\"id\": %u, \"type\": %u, \"size\": %llu, \"refcount\": %u, \"flags\": %u", id, shape->type,
            (unsigned long long)node->size, node->refcount, node->flags | node->n_buffers << 8);
    put_number(f, "address", id < SAMPLE_OBJECTS, node->address);
    put_number(f, "length", shape->flags & TN_SHAPE_LENGTH, node->length);
    put_number(f, "capacity", shape->flags & TN_SHAPE_CAPACITY, node->capacity);
    put_number(f, "hash", shape->flags & TN_SHAPE_HASH, node->hash);
    fputs(", \"buffers\": [", f);
    for (uint32_t k = 0; k < node->n_buffers; k++)
        fprintf(f, "%s{\"kind\": %u, \"size\": %llu}", k ? ", " : "", node->buffers[k].kind,
                (unsigned long long)node->buffers[k].size);
    fputs("],\n     \"references\": [", f);
    for (uint32_t k = 0, n = 0; k < node->n_references; k++)
        if (node->references[k]) {
            fputs(n++ ? ",\n                    " : "", f);
            put_reference(f, node, shape, k);
        }
    fputs("],\n     \"preview\": ", f);
    if (node->preview) {
        fprintf(f, "{\"kind\": %u, \"cut\": %s, \"bytes\": \"", node->preview_kind & ~(unsigned)TN_PREVIEW_CUT,
                node->preview_kind & TN_PREVIEW_CUT ? "true" : "false");
        for (unsigned k = 0; k < node->preview_length; k++)
            fprintf(f, "%02x", (unsigned)(uint8_t)node->preview[k]);
        fputs("\"}", f);
    } else {
        fputs("null", f);
    }
    fprintf(f, "}%s\n", id + 1 < SAMPLE_NODES ? "," : "");
}

static void put_expected(void)
{
    FILE *f = create("expected.json");
    fprintf(f, "{\n  \"n_nodes\": %d,\n  \"n_objects\": %d,\n  \"n_references\": %d,\n", SAMPLE_NODES, SAMPLE_OBJECTS,
            SAMPLE_REFERENCES);
    put_types(f);
    put_facts(f);
    fputs("  \"nodes\": [\n", f);
    for (uint32_t i = 0; i < SAMPLE_NODES; i++)
        put_node(f, i);
    fputs("  ],\n  \"threads\": [\n", f);
    fprintf(f, "    {\"node\": %d, \"frames\": [\n", SAMPLE_THREAD);
    fprintf(
        f,
        "      {\"node\": %d, \"name\": \"handle\", \"qualified_name\": \"Server.handle\", \"file\": \"/srv/app.py\", "
        "\"line\": 12},\n",
        SAMPLE_INNER_FRAME);
    fprintf(f,
            "      {\"node\": %d, \"name\": \"<module>\", \"qualified_name\": \"<module>\", \"file\": \"/srv/app.py\", "
            "\"line\": 77}]}\n",
            SAMPLE_OUTER_FRAME);
    fputs("  ],\n", f);
    put_times(f);
    fputs("}\n", f);
    fclose(f);
}

/* ---- damaged ---- */

static size_t offset_of(const uint8_t *bytes, const char *id)
{
    size_t at = 32;
    for (tn_chunk_header h; memcmp(bytes + at, id, 4) != 0; at += 48 + ((h.stored_bytes + 7) & ~7ull))
        memcpy(&h, bytes + at, sizeof h);
    return at;
}

static void put_truncated(const uint8_t *good, size_t n)
{
    save("truncated-header.tonnage", good, 20);
    save("truncated-first.tonnage", good, 32);
    save("truncated-border.tonnage", good, offset_of(good, "SIZE"));
    save("truncated-payload.tonnage", good, offset_of(good, "REFS") + 60);
    save("truncated-toc.tonnage", good, offset_of(good, "TOC ") + 48);
    save("truncated-trailer.tonnage", good, n - 32);
    save("truncated-byte.tonnage", good, n - 1);
}

static void put_changed(const char *name, const uint8_t *good, size_t n, size_t at, uint64_t value, size_t n_value,
                        bool rehash)
{
    uint8_t *copy = malloc(n);
    if (!copy)
        exit(1);
    memcpy(copy, good, n);
    memcpy(copy + at, &value, n_value);
    if (rehash)
        parts_rehash(copy, n);
    save(name, copy, n);
    free(copy);
}

/* Puts a zstd frame of n_bytes zeros, or of bytes, into a part; the caller rights raw_bytes in the file. */
static void put_frame(part *one, const uint8_t *bytes, size_t n_bytes)
{
    uint8_t *raw = calloc(1, n_bytes), *frame = malloc(ZSTD_compressBound(n_bytes));
    if (!raw || !frame)
        exit(1);
    if (bytes)
        memcpy(raw, bytes, n_bytes);
    size_t n_frame = ZSTD_compress(frame, ZSTD_compressBound(n_bytes), raw, n_bytes, 1);
    parts_resize(one, n_frame);
    memcpy(one->payload, frame, n_frame);
    one->h.compression = 1;
    free(raw);
    free(frame);
}

static void save_parts(const parts *p, const char *name, const char *id, uint64_t raw_bytes)
{
    size_t n;
    uint8_t *bytes = parts_bytes(p, &n);
    memcpy(bytes + offset_of(bytes, id) + offsetof(tn_chunk_header, raw_bytes), &raw_bytes, 8);
    parts_rehash(bytes, n);
    save(name, bytes, n);
    free(bytes);
}

/* The frame of LENG unpacks to 64 MiB of zeros; the header says 16 MiB, the most a chunk may hold. */
static void put_bomb(const uint8_t *good, size_t n_good)
{
    parts p;
    parts_open(&p, good, n_good);
    part *one = parts_find(&p, "LENG");
    put_frame(one, NULL, 64 << 20);
    one->h.width = 1;
    one->h.transform = 0;
    one->h.n_rows = TN_CHUNK_MAX_RAW;
    save_parts(&p, "bomb.tonnage", "LENG", TN_CHUNK_MAX_RAW);
    parts_free(&p);
}

/* Nothing compressed but the bitmaps of addresses: small, and its bytes mean something to a mutation. */
static void put_seed(const uint8_t *good, size_t n_good)
{
    parts p;
    parts_open(&p, good, n_good);
    part *one = parts_find(&p, "ADDR");
    uint64_t raw_bytes = one->h.raw_bytes;
    uint8_t *raw = malloc(raw_bytes);
    if (!raw)
        exit(1);
    memcpy(raw, one->payload, raw_bytes);
    put_frame(one, raw, raw_bytes);
    save_parts(&p, "plain", "ADDR", raw_bytes);
    free(raw);
    parts_free(&p);
}

int main(int argc, char **argv)
{
    size_t n;
    if (argc < 2 || argc > 3) {
        fputs("usage: make_golden FOLDER [SEEDS]\n", stderr);
        return 2;
    }
    folder = argv[1];
    uint8_t *good = sample_bytes(&n);
    save("good.tonnage", good, n);
    save("empty.tonnage", good, 0);
    put_expected();
    put_truncated(good, n);
    size_t refs = offset_of(good, "REFS");
    put_changed("flipped.tonnage", good, n, refs + 48 + 5, good[refs + 48 + 5] ^ 4u, 1, false);
    put_changed("version2.tonnage", good, n, 8, 2, 2, true);
    put_changed("hostile-size.tonnage", good, n, refs + offsetof(tn_chunk_header, stored_bytes), 1ull << 61, 8, true);
    put_bomb(good, n);
    if (argc == 3) {
        folder = argv[2];
        put_seed(good, n);
    }
    free(good);
    return 0;
}
