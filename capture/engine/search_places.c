/* search_places.c - the words that are looked at: see search.h. */
#include "engine/search.h"

enum {
    PAGE = 4096,
    POOL = 16384,
    POOL_HEADER = 48,
    CHUNK_HEAD = 16,      /* of malloc: before what it gave */
    LONGEST_HEAD = 48,    /* before an object, in its block */
    FLAGS = 7,            /* in the size of a chunk */
    IS_MAPPED = 2,        /* the chunk is a mapping of its own */
    BEFORE_IN_USE = 1,    /* so is the chunk before it */
    ARENA_MOST = 4096,    /* larger than malloc's struct of an arena */
    HEAP_MOST = 64 << 20, /* of an arena of its own: such a heap begins at a multiple */
    STACK_CHUNK = 1 << 26 /* larger than any chunk of a stack of frames */
};

static bool copy_window(tn_search *s, uint64_t at, uint64_t end)
{
    const tn_target *t = s->w->target;
    uint64_t n = end - at < TN_SEARCH_WINDOW ? end - at : TN_SEARCH_WINDOW;
    s->window_at = at;
    s->window_bytes = t->peek(t->peek_ctx, at, s->window, n);
    return s->window_bytes >= 8;
}

/* Where the window that begins with the page of at ends. */
static uint64_t window_end(uint64_t at)
{
    return (at & ~(uint64_t)(PAGE - 1)) + TN_SEARCH_WINDOW;
}

/* A word of memory that may be gone; 0 then. */
static uint64_t word_at(tn_search *s, uint64_t at)
{
    uint64_t word;
    if (at < s->window_at || at + 8 > s->window_at + s->window_bytes)
        if (!copy_window(s, at & ~(uint64_t)(PAGE - 1), window_end(at)) || at + 8 > s->window_at + s->window_bytes)
            return 0;
    memcpy(&word, s->window + (at - s->window_at), sizeof word);
    return word;
}

/* Where there is nothing, what the next window holds is looked at next. */
static void look(tn_search *s, uint64_t from, uint64_t to)
{
    for (uint64_t at = (from + 7) & ~7ull; at + 8 <= to; at += 8) {
        tn__search_word(s, word_at(s, at));
        if (s->window_bytes < 8)
            at = window_end(at) - 8;
    }
}

/* The object that starts in the first bytes of a block, or 0. */
static uint64_t object_in(const tn_walk *w, uint64_t block, uint64_t end)
{
    for (uint64_t at = block; at < block + LONGEST_HEAD && at + 16 <= end; at += 16)
        if (tn_map_has(w->map, at))
            return at;
    return 0;
}

static bool is_claimed(const tn_walk *w, uint64_t block)
{
    const tn_region *r = tn_map_find(w->map, block);
    return r && (r->claims[block >> 10 & 1023] >> (block >> 4 & 63) & 1);
}

/* A dict, say, with fields of C code behind it that the tp_traverse of dict does not know: ctypes has such. */
static bool is_longer(tn_walk *w, const tn_type_info *t)
{
    static const struct {
        enum tn_kind kind;
        enum tn_builtin builtin;
    } containers[] = {
        {TN_KIND_LIST, TN_BUILTIN_LIST},
        {TN_KIND_TUPLE, TN_BUILTIN_TUPLE},
        {TN_KIND_DICT, TN_BUILTIN_DICT},
        {TN_KIND_SET, TN_BUILTIN_SET},
    };
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++)
        if (t->kind == containers[i].kind) {
            const tn_type_info *plain = tn__type_get(w, w->target->builtin_types[containers[i].builtin]);
            return plain && t->c_size > plain->c_size;
        }
    return false;
}

/* Types all of whose references are known have pointers of no other kind, but for these: the definition of a module, what C code
 * has in a class or in a capsule, or behind a container. */
static bool may_have_more(tn_walk *w, const tn_type_info *t)
{
    return t->visitor >= TN_VISIT_TRAVERSE || t->kind == TN_KIND_MODULE || t->kind == TN_KIND_TYPE ||
           t->address == w->target->builtin_types[TN_BUILTIN_CAPSULE] || is_longer(w, t);
}

static void look_at_object(tn_search *s, uint64_t object)
{
    const tn_type_info *t = tn__type_get(s->w, tn_load64(&s->w->target->memory, object + 8));
    if (!t || !may_have_more(s->w, t))
        return;
    uint32_t kind = s->kind, what = s->what;
    s->kind = TN_SEEN_OBJECT;
    s->what = tn_map_id(s->w->map, object);
    tn__search_object(s, object);
    s->kind = kind;
    s->what = what;
}

/* ---- pools ---- */

static void look_at_pool(tn_search *s, const tn_region *r, uint64_t pool)
{
    const tn_walk *w = s->w;
    const tn_memory *m = &w->target->memory;
    uint32_t size = ((uint32_t)r->pool_class[pool >> 14 & 63] + 1) * 16;
    uint64_t free_bits[16], end = pool + tn_load32(m, pool + 40);
    tn__pool_free(w, pool, size, free_bits);
    for (uint64_t block = pool + POOL_HEADER; block + size <= end; block += size) {
        uint64_t at = block - pool, object;
        if ((free_bits[at >> 10] >> (at >> 4 & 63) & 1) || is_claimed(w, block))
            continue;
        if ((object = object_in(w, block, block + size))) {
            look_at_object(s, object);
            continue;
        }
        if ((object = tn__block_dead(s->w, block, size))) { /* all but its class is old */
            tn__search_word(s, tn_load64(m, object + 8));
            continue;
        }
        for (uint64_t word = block; word < block + size; word += 8)
            tn__search_word(s, tn_load64(m, word));
    }
}

static void look_at_pools(tn_search *s)
{
    for (tn_region *r = tn_map_next(s->w->map, 0); r && s->w->status == 0; r = tn_map_next(s->w->map, r->key + 1))
        for (unsigned page = 0; page < 64; page++)
            if (r->pool_class[page] != TN_NOT_POOL)
                look_at_pool(s, r, r->key << 20 | (uint64_t)page << 14);
}

/* ---- pages that are known: arenas, and stacks of frames ---- */

static void know_pages(tn_walk *w, uint64_t start, uint64_t end)
{
    for (uint64_t at = start & ~(uint64_t)(PAGE - 1); at < end; at += PAGE) {
        tn_region *r = tn_map_get(w->map, at);
        if (r)
            r->known[at >> 18 & 3] |= 1ull << (at >> 12 & 63);
    }
}

static bool is_known(const tn_walk *w, uint64_t at)
{
    const tn_region *r = tn_map_find(w->map, at);
    return r && (r->known[at >> 18 & 3] >> (at >> 12 & 63) & 1);
}

/* struct _PyStackChunk {previous, size, top, data}: internal/pycore_frame.h, the same from 3.11 to 3.15. */
static void know_stack_of(tn_walk *w, uint64_t frame)
{
    const tn_memory *m = &w->target->memory;
    uint64_t page = frame & ~(uint64_t)(PAGE - 1);
    for (uint64_t at = page; page - at < STACK_CHUNK && !is_known(w, at) && tn_memory_readable(m, at, 24); at -= PAGE) {
        uint64_t before = tn_load64(m, at), size = tn_load64(m, at + 8);
        if (!(before & (PAGE - 1)) && size && !(size & (PAGE - 1)) && size < STACK_CHUNK && at + size > frame &&
            (!before || tn_memory_readable(m, before, 24))) {
            know_pages(w, at, at + size);
            return;
        }
    }
}

/* What a frame computes with just now; where its stack ends is not known, so old values may stand there as well. */
static void look_at_frame(tn_walk *w, uint64_t frame, uint64_t from, uint64_t to)
{
    tn_search *s = w->search;
    know_stack_of(w, frame);
    for (uint64_t at = from; at < to && tn_memory_readable(&w->target->memory, at, 8); at += 8)
        tn__search_word(s, tn_load64(&w->target->memory, at));
}

/* ---- malloc ---- */

static void look_at_block(tn_search *s, uint64_t block, uint64_t end)
{
    uint64_t object;
    if (is_claimed(s->w, block))
        return;
    if ((object = object_in(s->w, block, end)))
        look_at_object(s, object);
    else
        look(s, block, end);
}

/* Whatever mapping: blocks that something known owns are stepped over, as far as their size can be read before them. */
static void look_at_any(tn_search *s, uint64_t from, uint64_t to)
{
    const tn_walk *w = s->w;
    for (uint64_t at = from; at + 16 <= to;) {
        if (is_known(w, at)) {
            at = (at | (PAGE - 1)) + 1;
            continue;
        }
        if (!word_at(s, at) && s->window_bytes < 8) { /* nothing there */
            at = window_end(at);
            continue;
        }
        bool claimed = is_claimed(w, at), object = tn_map_has(w->map, at);
        if (object)
            look_at_object(s, at);
        uint64_t size = claimed && w->target->glibc && at > from ? word_at(s, at - 8) & ~(uint64_t)FLAGS : 0;
        if (size >= 2 * CHUNK_HEAD && size <= to - at + CHUNK_HEAD) {
            at += size - CHUNK_HEAD;
            continue;
        }
        uint64_t skip = 16;
        if (object) {
            tn_type_info *t = tn__type_get(s->w, tn_load64(&w->target->memory, at + 8));
            uint64_t rest = t ? tn__nominal(s->w, at, t) - t->preheader : 16;
            skip = rest > 16 && rest < to - at ? (rest + 15) & ~15ull : 16;
        }
        if (!object && !claimed)
            look(s, at, at + 16);
        at += skip;
    }
}

/* Blocks that a thread keeps for itself to give them out again look as if they were in use; glibc marks them by their second
 * word, the same in all. It stands in the first block of each list of a struct that is among the first blocks of the heap:
 * counts of its lists, two bytes each, then the lists: 64, of glibc 2.42 on 76 (malloc.c, tcache_perthread_struct). */
static void find_free_key(tn_search *s, uint64_t heap)
{
    enum { LISTS = 64, NEW_LISTS = 76, LIST = 2 + 8, FIRST = 8 };
    uint64_t at = heap, size;
    s->free_key = 0;
    for (unsigned k = 0; k < FIRST && (size = word_at(s, at + 8) & ~(uint64_t)FLAGS); k++, at += size) {
        uint64_t n = (size - 8) / LIST, lists = at + CHUNK_HEAD + ((2 * n + 7) & ~7ull);
        for (uint64_t i = 0; (n == LISTS || n == NEW_LISTS) && i < n && !s->free_key; i++) {
            uint64_t block = word_at(s, lists + 8 * i);
            s->free_key = block > heap && !(block & 15) ? word_at(s, block + 8) : 0;
        }
        if (s->free_key)
            return;
    }
}

/* Calls each (NULL allowed) with the chunks of a heap of malloc's that are in use; returns where the chain ends: at end, or where
 * it is broken. */
typedef void (*each_block)(tn_search *s, uint64_t block, uint64_t end);

static uint64_t for_chunks(tn_search *s, uint64_t start, uint64_t end, each_block each)
{
    uint64_t at = start, key = s->free_key;
    find_free_key(s, start);
    s->free_key = s->free_key ? s->free_key : key; /* from glibc 2.34 on there is one for all heaps */
    while (at + 2 * CHUNK_HEAD <= end) {
        uint64_t size = word_at(s, at + 8) & ~(uint64_t)FLAGS;
        if (size < 2 * CHUNK_HEAD || (size & 15) || size > end - at)
            return at;
        if (end - at - size < CHUNK_HEAD) /* the last one is not given out */
            return end;
        if (each && (word_at(s, at + size + 8) & BEFORE_IN_USE) &&
            (!s->free_key || word_at(s, at + CHUNK_HEAD + 8) != s->free_key))
            each(s, at + CHUNK_HEAD, at + size + 8);
        at += size;
    }
    return end;
}

/* Where the heap of another arena than the main one ends that begins here, and its first chunk; 0: there is none. It begins with
 * {arena, heap before it, bytes, bytes that may be written}; the first heap of an arena has the arena next, whose size only glibc
 * knows: it ends where a chain of chunks begins that leads to the end (malloc/arena.c, heap_info). A heap that is full ends with
 * two heads that are no chunks. */
static uint64_t heap_at(tn_search *s, uint64_t at, uint64_t end, uint64_t *first)
{
    enum { INFO_MOST = 64, CLOSED = 64 };
    uint64_t arena = word_at(s, at), before = word_at(s, at + 8), bytes = word_at(s, at + 16);
    uint64_t writable = word_at(s, at + 24), own = arena & (HEAP_MOST - 1);
    if (own < 32 || own > INFO_MOST || (own & 15) || (arena - own != at && !before) || (before & (HEAP_MOST - 1)) ||
        bytes < PAGE || (bytes & (PAGE - 1)) || bytes > writable || writable > HEAP_MOST || bytes > end - at)
        return 0;
    uint64_t least = at + own, most = arena - own == at ? least + ARENA_MOST : least;
    for (*first = least; *first <= most; *first += 16)
        if (for_chunks(s, *first, at + bytes, NULL) + CLOSED >= at + bytes)
            return at + bytes;
    return 0;
}

/* Calls each with the chunks of other arenas that are in use, and rest with what else is there. */
typedef void (*each_part)(tn_search *s, uint64_t from, uint64_t to);

static void for_heaps(tn_search *s, const tn_area *area, each_block each, each_part rest)
{
    uint64_t from = area->start, first, end, at = (from + HEAP_MOST - 1) & ~(uint64_t)(HEAP_MOST - 1);
    for (; s->w->target->glibc && at + PAGE <= area->end; at += HEAP_MOST)
        if ((end = heap_at(s, at, area->end, &first))) {
            rest(s, from, at);
            from = for_chunks(s, first, end, each);
        }
    rest(s, from, area->end);
}

/* Lists of free lists, dicts and tables of keys of the interpreter are arrays whose unused places keep old pointers; what they
 * lead to may have been given out again. Three of a kind side by side are taken for part of one. Returns a word that is the
 * same for words of one kind; 0: it is none of these. */
static uint64_t spare_kind(const tn_walk *w, uint64_t word)
{
    const tn_region *r = word & 15 ? NULL : tn_map_find(w->map, word);
    if (!r || r->pool_class[word >> 14 & 63] == TN_NOT_POOL)
        return 0;
    uint64_t type = tn_load64(&w->target->memory, word + 8);
    if (type == w->target->builtin_types[TN_BUILTIN_LIST] || type == w->target->builtin_types[TN_BUILTIN_DICT])
        return type;
    uint32_t size = ((uint32_t)r->pool_class[word >> 14 & 63] + 1) * 16, at = (uint32_t)(word & (POOL - 1));
    if (at < POOL_HEADER || (at - POOL_HEADER) % size || object_in(w, word, word + size))
        return 0;
    return size;
}

static bool is_of(const tn_walk *w, uint64_t word, enum tn_builtin builtin)
{
    return tn_map_has(w->map, word) && tn_load64(&w->target->memory, word + 8) == w->target->builtin_types[builtin];
}

/* An entry of the cache of type attributes {version, name, value} (struct type_cache_entry): the value at hand is borrowed. An
 * object may have an address as low as a version, where the program is not position-independent. */
static bool is_cached_attribute(tn_search *s, uint64_t at)
{
    uint64_t version = word_at(s, at - 16);
    return version && !(version >> 32) && !tn_map_has(s->w->map, version) &&
           is_of(s->w, word_at(s, at - 8), TN_BUILTIN_STR);
}

/* Where 3.12's cache of functions by version would begin that has the function at hand in its place (func_version_cache in
 * internal/pycore_function.h: 4096 of them; the version is the last field of a function). */
static uint64_t function_cache_of(tn_walk *w, uint64_t at, uint64_t function)
{
    enum { SLOTS = 4096 };
    const tn_type_info *t = tn__type_get(w, w->target->builtin_types[TN_BUILTIN_FUNCTION]);
    return t ? at - 8ull * (tn_load32(&w->target->memory, function + t->basic_size - 8) % SLOTS) : 0;
}

typedef void (*each_function)(tn_search *s, uint64_t start, uint32_t *count);

/* Calls each with where the cache would begin, for all functions that an area points to and no other cache has. */
static uint32_t for_functions(tn_search *s, const tn_area *area, each_function each)
{
    uint32_t count = 0;
    for (uint64_t at = area->start + 16; at + 16 <= area->end; at += 8) {
        uint64_t word = word_at(s, at);
        if (s->window_bytes < 8)
            at = window_end(at) - 8;
        else if (is_of(s->w, word, TN_BUILTIN_FUNCTION) && !is_of(s->w, word_at(s, at + 8), TN_BUILTIN_CODE) &&
                 !is_cached_attribute(s, at))
            each(s, function_cache_of(s->w, at, word), &count);
    }
    return count;
}

static void vote(tn_search *s, uint64_t start, uint32_t *votes)
{
    if (!*votes)
        s->function_cache = start;
    *votes += s->function_cache == start ? 1 : UINT32_MAX;
}

static void count_agreeing(tn_search *s, uint64_t start, uint32_t *count)
{
    *count += s->function_cache == start;
}

/* Most of these functions are in the cache, if there is one: it begins where more than half of them say. */
static void find_function_cache(tn_search *s, const tn_area *area)
{
    enum { LEAST = 8 };
    s->function_cache = 0;
    for_functions(s, area, vote);
    if (for_functions(s, area, count_agreeing) < LEAST)
        s->function_cache = 0;
}

/* A function in a cache, which borrows it. From 3.13 on an entry there is the function, then its code. */
static bool is_cached_function(tn_search *s, uint64_t at, uint64_t word)
{
    return is_of(s->w, word, TN_BUILTIN_FUNCTION) &&
           (is_of(s->w, word_at(s, at + 8), TN_BUILTIN_CODE) || function_cache_of(s->w, at, word) == s->function_cache);
}

/* Is the word part of such an array, or one that the interpreter only borrows? Tables of keys that nobody uses are claimed: what
 * stands in them is old. */
static bool is_spare(tn_search *s, const tn_area *area, uint64_t at, uint64_t word)
{
    const tn_walk *w = s->w;
    if (!word || !area->interpreter || at < area->start + 16 || at + 24 > area->end)
        return false;
    if (is_cached_function(s, at, word) || (tn_map_has(w->map, word) && is_cached_attribute(s, at)))
        return true;
    uint64_t kind = spare_kind(w, word);
    unsigned before = 0, behind = 0;
    while (kind && before < 2 && spare_kind(w, word_at(s, at - 8 * (before + 1))) == kind)
        before++;
    while (kind && behind < 2 && spare_kind(w, word_at(s, at + 8 * (behind + 1))) == kind)
        behind++;
    if (before + behind < 2)
        return false;
    if (kind <= POOL)
        tn_map_claim(w->map, word);
    return true;
}

/* An object here, a type mostly, may have pointers that are no references: to the text of a str, say. */
static void look_at_static(tn_search *s, const tn_area *area)
{
    const tn_memory *m = &s->w->target->memory;
    if (area->interpreter)
        find_function_cache(s, area);
    for (uint64_t at = area->start; at + 8 <= area->end; at += 8) {
        uint64_t word = word_at(s, at);
        if (s->window_bytes < 8) {
            at = window_end(at) - 8;
        } else if (tn_map_has(s->w->map, at)) {
            tn_type_info *t = tn__type_get(s->w, tn_load64(m, at + 8));
            uint64_t bytes = t ? tn__nominal(s->w, at, t) - t->preheader : 8;
            tn__search_object(s, at);
            at += bytes > 8 && bytes < area->end - at ? ((bytes + 7) & ~7ull) - 8 : 0;
        } else if (!is_spare(s, area, at, word)) {
            tn__search_word(s, word);
        }
    }
}

static void look_at_area(tn_search *s, const tn_area *area)
{
    s->window_bytes = 0;
    s->what = 0;
    switch (area->kind) {
    case TN_AREA_STATIC:
        s->kind = TN_SEEN_STATIC;
        s->what = tn__string(s->w, area->name);
        look_at_static(s, area);
        return;
    case TN_AREA_STACK:
        s->kind = TN_SEEN_STACK;
        look(s, area->start, area->end);
        return;
    case TN_AREA_HEAP:
        s->kind = TN_SEEN_MALLOC;
        look_at_any(s, s->w->target->glibc ? for_chunks(s, area->start, area->end, look_at_block) : area->start,
                    area->end);
        return;
    default: s->kind = TN_SEEN_MALLOC; for_heaps(s, area, look_at_block, look_at_any);
    }
}

void tn__search_places(tn_search *s)
{
    tn_walk *w = s->w;
    for (size_t i = 0; i < w->arenas.count; i++)
        know_pages(w, TN_LIST(w->arenas, uint64_t)[i], TN_LIST(w->arenas, uint64_t)[i] + TN_ARENA_BYTES);
    s->kind = TN_SEEN_FRAME;
    tn__frame_stacks(w, look_at_frame);
    for (uint32_t i = 0; i < w->target->n_areas && w->status == 0; i++) /* library data first: claims */
        look_at_area(s, &w->target->areas[i]);
    s->kind = TN_SEEN_BLOCK;
    s->what = 0;
    look_at_pools(s);
}

/* ---- objects in malloc's memory that nothing refers to ---- */

static void find_in_block(tn_search *s, uint64_t block, uint64_t end)
{
    tn_walk *w = s->w;
    if (is_claimed(w, block) || object_in(w, block, end))
        return;
    for (uint64_t at = block; at < block + LONGEST_HEAD && at + 16 <= end; at += 16) {
        uint64_t type = word_at(s, at + 8);
        if (type && tn_map_has(w->map, type) && tn__type_get(w, type)) {
            tn__block_try(w, block, end - block);
            return;
        }
    }
}

/* Blocks that are mappings of their own. Their size is that of the mapping, or, of glibc 2.43 on, 16 less. */
static void find_in_mappings(tn_search *s, uint64_t from, uint64_t to)
{
    for (uint64_t at = (from + PAGE - 1) & ~(uint64_t)(PAGE - 1); at + PAGE <= to;) {
        uint64_t head = is_known(s->w, at) ? 0 : word_at(s, at + 8), size = head & ~(uint64_t)FLAGS;
        uint64_t rest = size & (PAGE - 1), pages = (size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
        bool whole = size && (rest == 0 || rest == PAGE - CHUNK_HEAD) && pages <= to - at;
        if ((head & FLAGS) == IS_MAPPED && whole && !word_at(s, at)) {
            find_in_block(s, at + CHUNK_HEAD, at + size);
            at += pages;
        } else {
            at += PAGE;
        }
    }
}

void tn__search_hidden(tn_walk *w)
{
    tn_search *s = w->target->glibc && w->target->n_areas ? tn__alloc_zero(w->alloc, sizeof *s) : NULL;
    if (!s)
        return;
    *s = (tn_search){.w = w, .window = tn__alloc(w->alloc, TN_SEARCH_WINDOW)};
    for (size_t i = 0; i < w->arenas.count; i++)
        know_pages(w, TN_LIST(w->arenas, uint64_t)[i], TN_LIST(w->arenas, uint64_t)[i] + TN_ARENA_BYTES);
    for (uint32_t i = 0; s->window && i < w->target->n_areas; i++) {
        const tn_area *area = &w->target->areas[i];
        s->window_bytes = 0;
        if (area->kind == TN_AREA_HEAP)
            for_chunks(s, area->start, area->end, find_in_block);
        else if (area->kind == TN_AREA_OTHER)
            for_heaps(s, area, find_in_block, find_in_mappings);
    }
    tn__free(w->alloc, s->window, TN_SEARCH_WINDOW);
    tn__free(w->alloc, s, sizeof *s);
}
