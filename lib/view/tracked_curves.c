/* tracked_curves.c - growth and ages of a tracked class as pictures of characters. */
#include "view/tracked_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEIGHTS = 8, BAR = 40 };
static const char *const heights[HEIGHTS + 1] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

/* The part of most that number is, in steps; what is not nothing is at least one. */
static unsigned steps(uint64_t number, uint64_t most, unsigned n)
{
    unsigned at = most ? (unsigned)((double)number / (double)most * n + 0.5) : 0;
    return number && at == 0 ? 1 : at > n ? n : at;
}

static uint64_t bytes_at(const tn_tracked *t, size_t moment, uint32_t kind)
{
    const tn_tracked_sum *sum = tn__tracked_sum_at(&t->moments[moment], kind);
    return sum ? sum->bytes : 0;
}

void tn__tracked_growth(const tn_tracked *t, uint32_t kind, char *out)
{
    size_t n = t->n_moments, places = n < TN_CURVE ? n : TN_CURVE;
    uint64_t numbers[TN_CURVE] = {0}, most = 0;
    *out = '\0';
    if (n < 2)
        return;
    for (size_t i = 0; i < n; i++) { /* of more moments than places: the most of each */
        uint64_t bytes = bytes_at(t, i, kind), *at = &numbers[i * places / n];
        *at = bytes > *at ? bytes : *at;
        most = bytes > most ? bytes : most;
    }
    for (size_t i = 0; i < places; i++)
        strcat(out, heights[steps(numbers[i], most, HEIGHTS)]);
}

/* The ages that there are, both ends in it; false: nobody died. */
static bool ages_of(const tn_tracked_kind *k, unsigned *first, unsigned *last, uint64_t *most)
{
    bool any = false;
    *most = 0;
    for (unsigned i = 0; i < TN_TRACKED_AGES; i++) {
        if (!k->ages[i])
            continue;
        *first = any ? *first : i;
        *last = i;
        *most = k->ages[i] > *most ? k->ages[i] : *most;
        any = true;
    }
    return any;
}

/* Deaths of class i are of ages below this. */
static uint64_t age_limit(unsigned i)
{
    return (uint64_t)1000000 << i;
}

void tn__tracked_ages(const tn_tracked_kind *k, char *out, size_t cap)
{
    unsigned first = 0, last = 0;
    uint64_t most;
    char limit[32];
    *out = '\0';
    if (!ages_of(k, &first, &last, &most))
        return;
    tn__fact_duration(age_limit(first), limit, sizeof limit);
    size_t n = (size_t)snprintf(out, cap, "<%s ", limit);
    for (unsigned i = first; i <= last && n + 4 < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s", heights[steps(k->ages[i], most, HEIGHTS)]);
    tn__fact_duration(age_limit(last), limit, sizeof limit);
    if (last > first)
        snprintf(out + n, cap - n, " <%s", limit);
}

static void print_bar(tn_out *out, uint64_t number, uint64_t most)
{
    tn__out_text(out, number ? "  " : "");
    for (unsigned n = steps(number, most, BAR); n; n--)
        tn__out_text(out, heights[HEIGHTS]);
}

static void print_growth(const tn_tracked *t, uint32_t kind, tn_out *out)
{
    uint64_t most = 0;
    for (size_t i = 0; i < t->n_moments; i++)
        most = bytes_at(t, i, kind) > most ? bytes_at(t, i, kind) : most;
    for (size_t i = 0; i < t->n_moments; i++) {
        const tn_tracked_sum *sum = tn__tracked_sum_at(&t->moments[i], kind);
        char size[24];
        tn__out_format(out, "  snapshot %6" PRIu64 "  %12s in %8" PRIu64, t->moments[i].number,
                       tn_format_bytes(bytes_at(t, i, kind), size, sizeof size), sum ? sum->active : 0);
        print_bar(out, bytes_at(t, i, kind), most);
        tn__out_text(out, "\n");
    }
}

static void print_ages(const tn_tracked_kind *k, tn_out *out)
{
    unsigned first = 0, last = 0;
    uint64_t most;
    if (!ages_of(k, &first, &last, &most)) {
        tn__out_text(out, "  none has died\n");
        return;
    }
    for (unsigned i = first; i <= last; i++) {
        char limit[32];
        tn__fact_duration(age_limit(i), limit, sizeof limit);
        tn__out_format(out, "  died younger than %12s  %8" PRIu64, limit, k->ages[i]);
        print_bar(out, k->ages[i], most);
        tn__out_text(out, "\n");
    }
}

void tn__tracked_curves_print(const tn_tracked_page_made *p, uint32_t kind, tn_out *out)
{
    const tn_tracked_kind *k = &p->all->kinds[kind];
    tn__out_text(out, "\n");
    tn__out_text(out, p->o->color ? "\033[1m" : "");
    tn__out_escaped(out, k->name);
    tn__out_text(out, p->o->color ? "\033[0m\n" : "\n");
    print_growth(p->all, kind, out);
    print_ages(k, out);
}
