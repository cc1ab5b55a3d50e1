/* sample_codes.c - code objects by address, for who is not told when one dies.
 *
 * An address is believed to be the code object that it was only while what identifies that is the same: type, length, the
 * pointers to its names and line table, its numbers. They are read each time a frame with it is looked at, those of a whole
 * stack at once. What is new is copied, and then they are read again: had it died meanwhile, they would differ.
 *
 * The table is a cache of fixed size: what was pushed out is copied once more, and is the same row of the recorder.
 */
#include "record/sample_state.h"

#include <string.h>

enum {
    SLOT_BITS = 13,
    PRINT = 192,  /* bytes of a code object that are looked at, from its type on */
    TYPE_AT = 8,  /* of an object */
    SIZE_AT = 16, /* likewise: here, instructions */
    UNIT = 2,     /* bytes of an instruction */
    BATCH = 256,
    MOST_TEXT = 16384,
    MOST_LINES = 1 << 18,
};

typedef struct known {
    uint64_t address;
    uint32_t row, bytes, before, locals, size; /* before: bytes of instructions that no tracer may see */
    bool handle;
    uint8_t print[PRINT];
} known;

static const tn_sample_places *places;
static known *slots;
static struct {
    uint8_t prints[BATCH][PRINT];
    char name[MOST_TEXT], qualname[MOST_TEXT], file[MOST_TEXT];
    uint8_t lines[MOST_LINES];
} * scratch;

static uint32_t print_bytes(void)
{
    return places->code_lines + 8 - TYPE_AT;
}

bool tn__sample_codes_start(const tn_sample_places *p)
{
    places = p;
    if (print_bytes() > PRINT)
        return false;
    slots = slots ? slots : tn__pages_get(TN_PART_SAMPLES, sizeof *slots << SLOT_BITS);
    scratch = scratch ? scratch : tn__pages_get(TN_PART_SAMPLES, sizeof *scratch);
    return slots && scratch;
}

void tn__sample_codes_forget(void)
{
    slots = NULL;
    scratch = NULL;
}

static known *slot_of(uint64_t address)
{
    uint64_t h = address * 0x9e3779b97f4a7c15u;
    return &slots[h >> (64 - SLOT_BITS)];
}

static uint64_t word(const uint8_t *print, uint32_t at)
{
    uint64_t value;
    memcpy(&value, print + at - TYPE_AT, sizeof value);
    return value;
}

static uint32_t half(const uint8_t *print, uint32_t at)
{
    uint32_t value;
    memcpy(&value, print + at - TYPE_AT, sizeof value);
    return value;
}

/* Between the two there are counters, which change. */
static bool same_print(const uint8_t *a, const uint8_t *b)
{
    uint32_t from = places->code_stack - TYPE_AT;
    return memcmp(a, b, 2 * sizeof(uint64_t)) == 0 && memcmp(a + from, b + from, print_bytes() - from) == 0;
}

/* ---- what is new ---- */

static bool ends_with(const char *text, uint32_t n, const char *end)
{
    size_t m = strlen(end);
    return n >= m && memcmp(text + n - m, end, m) == 0;
}

static bool read_facts(const uint8_t *print, tn_code_facts *f)
{
    uint64_t lines = word(print, places->code_lines), n_lines = 0;
    *f = (tn_code_facts){.name = scratch->name, .qualname = scratch->qualname, .file = scratch->file};
    if (!tn_sample_text(places, word(print, places->code_name), scratch->name, MOST_TEXT, &f->n_name) ||
        !tn_sample_text(places, word(print, places->code_qualname), scratch->qualname, MOST_TEXT, &f->n_qualname) ||
        !tn_sample_text(places, word(print, places->code_file), scratch->file, MOST_TEXT, &f->n_file) ||
        !tn_sample_copy(lines + SIZE_AT, &n_lines, sizeof n_lines))
        return false;
    f->n_lines = n_lines <= MOST_LINES ? (uint32_t)n_lines : 0;
    f->lines = scratch->lines;
    int32_t first = (int32_t)half(print, places->code_first_line);
    f->first_line = first > 0 ? (uint32_t)first : 0;
    return tn_sample_copy(lines + places->bytes_data, scratch->lines, f->n_lines);
}

static bool introduce(known *k, uint64_t address, const uint8_t *print)
{
    uint8_t again[PRINT];
    tn_code_facts f;
    int32_t traceable;
    k->address = 0;
    if (word(print, TYPE_AT) != places->code_type || !read_facts(print, &f) ||
        !tn_sample_copy(address + places->code_traceable, &traceable, sizeof traceable) ||
        !tn_sample_copy(address + TYPE_AT, again, print_bytes()) || !same_print(print, again))
        return false;
    tn__spin_lock(&tn__rec.intern);
    uint32_t row = tn__code_add(&f, 0);
    tn__spin_unlock(&tn__rec.intern);
    uint64_t locals = half(print, places->code_locals), stack = half(print, places->code_stack);
    uint64_t n = word(print, SIZE_AT);
    if (n > UINT32_MAX / UNIT || locals + stack > 1 << 20)
        return false;
    k->row = row ? row : TN_FRAME_LOST;
    k->bytes = (uint32_t)n * UNIT;
    k->before = traceable > 0 ? (uint32_t)traceable * UNIT : 0;
    k->locals = (uint32_t)locals;
    k->size = (uint32_t)(places->frame_locals + 8 * (locals + stack));
    k->handle = ends_with(f.qualname, f.n_qualname, "Handle._run") && ends_with(f.file, f.n_file, "asyncio/events.py");
    memcpy(k->print, print, print_bytes());
    k->address = address;
    return true;
}

/* ---- frames ---- */

static bool fill(tn_seen_frame *f, const uint8_t *print)
{
    known *k = slot_of(f->code);
    if ((k->address != f->code || !same_print(k->print, print)) && !introduce(k, f->code, print))
        return false;
    int64_t offset = (int64_t)(f->at - f->code - places->code_begin);
    if (offset < -UNIT || offset >= k->bytes || offset & 1)
        return false;
    f->row = k->row;
    f->size = k->size;
    f->handle = k->handle;
    f->offset = (int32_t)offset;
    f->ended = f->top >= 0 && f->top < k->locals && !places->top_is_pointer;
    f->empty = offset < k->before && f->owner != places->owner_generator;
    return true;
}

static unsigned some(tn_seen_frame *frames, unsigned n)
{
    struct iovec to[BATCH], from[BATCH];
    unsigned m = 0, last[BATCH];
    to[0] = from[0] = (struct iovec){0}; /* where no frame has code */
    for (unsigned i = 0; i < n; i++) {
        bool again = i && !frames[i - 1].empty && frames[i].code == frames[i - 1].code; /* recursion */
        if (!again && !frames[i].empty) {
            to[m] = (struct iovec){scratch->prints[m], print_bytes()};
            from[m++] = (struct iovec){(void *)(uintptr_t)(frames[i].code + TYPE_AT), print_bytes()};
        }
        last[i] = m;
    }
    size_t whole = tn__sample_gather(to, from, m) / print_bytes();
    for (unsigned i = 0; i < n; i++)
        if (!frames[i].empty && (last[i] > whole || !fill(&frames[i], scratch->prints[last[i] - 1])))
            return i;
    return n;
}

unsigned tn__sample_codes(tn_seen_frame *frames, unsigned n)
{
    for (unsigned at = 0; at < n; at += BATCH) {
        unsigned piece = n - at < BATCH ? n - at : BATCH, good = some(frames + at, piece);
        if (good < piece)
            return at + good;
    }
    return n;
}
