/* registry.c - what the threads of a walk have in common: memory, which is counted, the lock, and the work they share. */
#include "engine/crew.h"
#include "engine/walk.h"

/* ---- memory: everything a walk takes is counted ---- */

/* Pieces are few and large: an array finds them. */
static void note_piece(tn_registry *reg, void *old, void *fresh, size_t bytes)
{
    unsigned i = 0;
    while (i < reg->n_pieces && reg->pieces[i].start != (uint64_t)(uintptr_t)old)
        i++;
    if (i == reg->n_pieces && (old || reg->n_pieces == TN_MAX_PIECES))
        return;
    if (!fresh) {
        reg->pieces[i] = reg->pieces[--reg->n_pieces];
        return;
    }
    reg->n_pieces += i == reg->n_pieces;
    reg->pieces[i] = (tn_range){(uint64_t)(uintptr_t)fresh, (uint64_t)(uintptr_t)fresh + bytes};
}

static void *counting_realloc(void *ctx, void *p, size_t old_bytes, size_t new_bytes)
{
    tn_registry *reg = ctx;
    pthread_mutex_lock(&reg->memory_lock);
    void *q = reg->base_alloc->realloc(reg->base_alloc->ctx, p, old_bytes, new_bytes);
    if (q || new_bytes == 0) {
        note_piece(reg, p, q, new_bytes);
        reg->bytes_now += new_bytes - old_bytes;
        reg->bytes_peak = reg->bytes_now > reg->bytes_peak ? reg->bytes_now : reg->bytes_peak;
    }
    pthread_mutex_unlock(&reg->memory_lock);
    return q;
}

void *tn__list_add(tn_walk *w, tn_list *list, size_t element, size_t n)
{
    if (list->count + n > list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 512;
        while (capacity < list->count + n)
            capacity *= 2;
        void *data = tn__realloc(w->alloc, list->data, list->capacity * element, capacity * element);
        if (!data) {
            w->status = TN_ENOMEM;
            return NULL;
        }
        list->data = data;
        list->capacity = capacity;
    }
    void *place = list->data + list->count * element;
    list->count += n;
    return place;
}

void tn__list_free(tn_walk *w, tn_list *list, size_t element)
{
    tn__free(w->alloc, list->data, list->capacity * element);
    *list = (tn_list){0};
}

/* ---- threads ---- */

bool tn__lock(tn_walk *w)
{
    if (!w->map->shared || w->holds_lock)
        return false;
    pthread_mutex_lock(&w->reg->lock);
    return w->holds_lock = true;
}

void tn__unlock(tn_walk *w, bool taken)
{
    if (!taken)
        return;
    w->holds_lock = false;
    pthread_mutex_unlock(&w->reg->lock);
}

typedef struct shared_work {
    tn_walk *w;
    void (*work)(tn_walk *w);
} shared_work;

static void work_on(void *ctx, uint32_t index)
{
    const shared_work *s = ctx;
    s->work(index ? &s->w->helpers[index - 1] : s->w);
}

static void move_list(tn_walk *w, tn_list *from, tn_list *to, size_t element)
{
    void *place = from->count ? tn__list_add(w, to, element, from->count) : NULL;
    if (place)
        memcpy(place, from->data, from->count * element);
    from->count = 0;
}

/* What a helper found out is added to what the first thread knows. */
static void take_results(tn_walk *w, tn_walk *helper)
{
    uint64_t *sums = (uint64_t *)(void *)&w->totals, *parts = (uint64_t *)(void *)&helper->totals;
    for (size_t i = 0; i < sizeof w->totals / sizeof *sums; i++)
        sums[i] += parts[i];
    memset(&helper->totals, 0, sizeof helper->totals);
    w->findings += helper->findings;
    w->unreadable += helper->unreadable;
    w->lists_failed += helper->lists_failed;
    for (unsigned i = 0; i < 4; i++)
        w->list_counts[i] += helper->list_counts[i];
    helper->findings = helper->unreadable = helper->lists_failed = 0;
    memset(helper->list_counts, 0, sizeof helper->list_counts);
    w->status = w->status ? w->status : helper->status;
    move_list(w, &helper->own_seeds, &w->own_seeds, sizeof(uint64_t));
    move_list(w, &helper->large, &w->large, sizeof(tn_range));
    move_list(w, &helper->data, &w->data, sizeof(tn_data));
    move_list(w, &helper->owned, &w->owned, sizeof(tn_owned));
}

void tn__share(tn_walk *w, void (*work)(tn_walk *w))
{
    shared_work s = {w, work};
    for (uint32_t i = 0; i + 1 < w->n_threads; i++) {
        w->helpers[i].interned = w->interned;
        w->helpers[i].marking = w->marking;
    }
    w->map->shared = w->n_threads > 1;
    uint32_t there = tn_crew_run(w->n_threads, work_on, &s);
    w->n_there = there > w->n_there ? there : w->n_there;
    w->map->shared = false;
    for (uint32_t i = 0; i + 1 < w->n_threads; i++)
        take_results(w, &w->helpers[i]);
}

/* Helpers pay from about a hundred thousand objects on. What is asked for may be no more than a few objects. */
void tn__helpers_get(tn_walk *w)
{
    enum { ENOUGH = 100000 };
    uint32_t n = w->options.threads < TN_MAX_THREADS ? w->options.threads : TN_MAX_THREADS;
    if (w->options.from || (!n && w->pools.arenas && w->pools.blocks < ENOUGH))
        return;
    n = n ? n : tn_crew_size(TN_USUAL_THREADS);
    if (n < 2)
        return;
    w->helpers = tn__alloc_zero(w->alloc, (n - 1) * sizeof *w->helpers);
    if (!w->helpers) {
        w->status = TN_ENOMEM;
        return;
    }
    w->n_threads = n;
    for (uint32_t i = 0; i + 1 < n; i++) {
        tn_walk *h = &w->helpers[i];
        h->target = w->target;
        h->layout = w->layout;
        h->options = w->options;
        h->alloc = w->alloc;
        h->map = w->map;
        h->reg = w->reg;
        h->index = i + 1;
        h->helper = true;
        h->n_threads = n;
        tn__arena_init(&h->arena, h->alloc);
    }
}

/* ---- begin and end ---- */

int tn__registry_new(const tn_target *target, const tn_alloc *alloc, tn_walk *w)
{
    tn_registry *reg = w->reg = tn__alloc_zero(alloc, sizeof *reg);
    if (!reg)
        return TN_ENOMEM;
    reg->base_alloc = alloc;
    reg->counting = (tn_alloc){counting_realloc, reg};
    pthread_mutex_init(&reg->lock, NULL);
    pthread_mutex_init(&reg->memory_lock, NULL);
    pthread_mutex_init(&reg->map_lock, NULL);
    w->alloc = &reg->counting;
    w->map = &reg->map;
    tn__arena_init(&reg->arena, w->alloc);
    tn__arena_init(&w->arena, w->alloc);
    tn__buf_init(&reg->type_rows, w->alloc);
    return tn_map_init(w->map, target, w->alloc, &reg->map_lock);
}

void tn__registry_free(tn_registry *reg, tn_walk *w)
{
    const tn_alloc *alloc = reg->base_alloc;
    tn__list_free(w, &reg->types, sizeof(tn_type_info *));
    tn__list_free(w, &reg->labels, sizeof(uint32_t));
    tn__list_free(w, &reg->static_states, 3 * sizeof(uint64_t));
    tn__list_free(w, &reg->memos, sizeof(tn_memo));
    tn__list_free(w, &reg->synthetic, sizeof(tn_synthetic));
    tn__list_free(w, &reg->synthetic_references, sizeof(uint64_t));
    tn__list_free(w, &reg->deferred, sizeof(uint64_t));
    tn__list_free(w, &reg->traversed, sizeof(uint64_t));
    tn__list_free(w, &reg->failures, sizeof(tn_walk_failure));
    tn__strtab_free(&reg->strings);
    tn__buf_free(&reg->type_rows);
    tn_map_free(&reg->map);
    tn__arena_free(&reg->arena);
    pthread_mutex_destroy(&reg->lock);
    pthread_mutex_destroy(&reg->memory_lock);
    pthread_mutex_destroy(&reg->map_lock);
    tn__free(alloc, reg, sizeof *reg);
}
