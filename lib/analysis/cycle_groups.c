/* cycle_groups.c - cycles that go over the same types and labels are one group; by SITE those that one line made most of.
 *
 * A step is a letter: the type of an object, and the label of its reference. A cycle is a word whose rotations are one: it is
 * turned so that it compares least, and cut where it begins to come again, so that rings of all lengths are one word.
 */
#include "analysis/components.h"

#include "analysis/lookup.h"
#include "analysis/paths.h"
#include "analysis/partition.h"
#include "analysis/sites.h"

#include <stdlib.h>
#include <string.h>

typedef struct tn_group_row {
    tn_cycle_group sums;
    uint64_t word; /* its place in words, in letters */
    uint32_t n_letters;
    uint32_t line;  /* by SITE: of lines; else, and where it is not known, TN_NONE */
    uint32_t first; /* its components: from this one of parts on */
} tn_group_row;

typedef struct tn_letter {
    uint32_t type;  /* first row of the table of types with that name */
    uint32_t label; /* number in texts + 1; 0: none */
    enum tn_label_style style;
} tn_letter;

struct tn_cycle_groups {
    uint32_t *names;     /* by type: the first row with its name */
    tn_strtab texts;     /* of labels */
    tn_buf cut;          /* the same with NULs, and where each begins, once all are known */
    tn_buf letters;      /* tn_letter */
    tn_map known;        /* hash of a letter -> letter + 1 */
    tn_buf words;        /* u32 letters of all groups */
    tn_map by_word;      /* hash of a word -> group + 1 */
    tn_buf rows;         /* tn_group_row */
    uint32_t *groups;    /* by component */
    uint32_t *parts;     /* components, those of a group side by side */
    tn_groups *lines;    /* by SITE: members by the line that made them */
    tn_site_main *mains; /* ... and the main one of each component */
};

static tn_letter *letter_at(const struct tn_cycle_groups *g, uint32_t i)
{
    return (tn_letter *)(void *)g->letters.data + i;
}

static tn_group_row *row_at(const struct tn_cycle_groups *g, uint32_t i)
{
    return (tn_group_row *)(void *)g->rows.data + i;
}

static uint32_t n_rows(const struct tn_cycle_groups *g)
{
    return (uint32_t)(g->rows.size / sizeof(tn_group_row));
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
    return hash ^ hash >> 29;
}

/* ---- letters ---- */

/* A key in the dict of attributes is a name. */
static int label_of(const tn_components *c, const tn_reference *r, bool attributes, uint32_t *label)
{
    tn_preview key = {0};
    const char *text = r->text;
    size_t n = text ? strlen(text) : 0;
    if (attributes && r->style == TN_LABEL_VALUE && r->key != TN_NONE &&
        tn__snapshot_preview(c->snapshot, r->key, &key, NULL) == TN_OK && key.kind == TN_PREVIEW_TEXT) {
        text = (const char *)key.bytes;
        n = key.length;
    }
    *label = 0;
    if (!text)
        return TN_OK;
    TN_TRY(tn__strtab_add(&c->groups->texts, text, n, label));
    ++*label;
    return TN_OK;
}

static int letter_of(const tn_components *c, const tn_reference *r, bool attributes, uint32_t *out)
{
    struct tn_cycle_groups *g = c->groups;
    tn_letter letter = {.type = g->names[c->graph.table[c->graph.shapes[r->source]].type], .style = r->style};
    uint32_t *known;
    TN_TRY(label_of(c, r, attributes, &letter.label));
    for (uint64_t hash = mix(mix(letter.type, letter.label), letter.style);; hash++) {
        TN_TRY(tn__map_slot(&g->known, hash, &known, NULL));
        if (!*known)
            break;
        const tn_letter *other = letter_at(g, *known - 1);
        if (other->type == letter.type && other->label == letter.label && other->style == letter.style) {
            *out = *known - 1;
            return TN_OK;
        }
    }
    *out = (uint32_t)(g->letters.size / sizeof letter);
    *known = *out + 1;
    return tn__buf_append(&g->letters, &letter, sizeof letter);
}

static int compare_labels(const struct tn_cycle_groups *g, uint32_t left, uint32_t right)
{
    const uint32_t *starts = (const uint32_t *)(const void *)g->texts.offsets.data;
    if (left == right || left == 0 || right == 0)
        return left < right ? -1 : left > right;
    uint32_t n_left = starts[left] - starts[left - 1], n_right = starts[right] - starts[right - 1];
    int order = memcmp(g->texts.bytes.data + starts[left - 1], g->texts.bytes.data + starts[right - 1],
                       n_left < n_right ? n_left : n_right);
    return order ? order : n_left < n_right ? -1 : n_left > n_right;
}

/* Types that tell most come first, then names and labels in order: so a word begins with what a reader looks for. */
static int compare_letters(const tn_components *c, uint32_t left, uint32_t right)
{
    const struct tn_cycle_groups *g = c->groups;
    const tn_letter *a = letter_at(g, left), *b = letter_at(g, right);
    tn_type types[2];
    if (left == right)
        return 0;
    tn_snapshot_type(c->snapshot, a->type, &types[0]);
    tn_snapshot_type(c->snapshot, b->type, &types[1]);
    enum tn_type_rank rank = tn__type_rank(&types[0]), other = tn__type_rank(&types[1]);
    if (rank != other)
        return rank < other ? -1 : 1;
    int order = a->type == b->type ? 0 : strcmp(types[0].full_name, types[1].full_name);
    if (order)
        return order;
    return a->style != b->style ? (a->style < b->style ? -1 : 1) : compare_labels(g, a->label, b->label);
}

/* ---- words ---- */

/* Where the rotation begins that compares least, and after how many letters it comes again. O(n). */
static uint32_t least_rotation(const tn_components *c, const uint32_t *word, uint32_t n, uint32_t *period)
{
    uint64_t i = 0, j = 1, k = 0;
    while (i < n && j < n && k < n) {
        int order = compare_letters(c, word[(i + k) % n], word[(j + k) % n]);
        if (order == 0) {
            k++;
            continue;
        }
        if (order > 0)
            i += k + 1;
        else
            j += k + 1;
        j += i == j;
        k = 0;
    }
    uint64_t start = i < j ? i : j;
    *period = k == n ? (uint32_t)(i < j ? j - i : i - j) : n;
    return (uint32_t)start;
}

/* The letters of the cycle in c->cycle, behind those of all words. */
static int spell(tn_components *c, uint32_t n, tn_error *err)
{
    const uint32_t *nodes = (const uint32_t *)(const void *)c->cycle.data;
    struct tn_cycle_groups *g = c->groups;
    tn_reference step, before;
    tn_ways *w;
    bool attributes = false;
    TN_TRY(tn__ways(c->snapshot, &w, err));
    if (tn__buf_reserve(&g->words, 2 * (size_t)n * sizeof(uint32_t)) < 0)
        return tn__no_memory(c->snapshot, err);
    TN_TRY(tn__step_reference(w, nodes[n - 1], nodes[0], &before, err));
    for (uint32_t i = 0; i < n; i++, before = step) {
        uint32_t *to = (uint32_t *)(void *)(g->words.data + g->words.size) + i;
        TN_TRY(tn__step_reference(w, nodes[i], nodes[(i + 1) % n], &step, err));
        attributes = before.style == TN_LABEL_ATTRIBUTE && strcmp(before.text, "__dict__") == 0;
        if (letter_of(c, &step, attributes, to) < 0)
            return tn__no_memory(c->snapshot, err);
    }
    return TN_OK;
}

/* Behind the spelt word the same one as it compares least. */
static const uint32_t *turn(const tn_components *c, uint32_t n, uint32_t *n_letters)
{
    uint32_t *word = (uint32_t *)(void *)(c->groups->words.data + c->groups->words.size), *turned = word + n;
    uint32_t start = least_rotation(c, word, n, n_letters);
    for (uint32_t i = 0; i < *n_letters; i++)
        turned[i] = word[(start + i) % n];
    return turned;
}

static int new_group(struct tn_cycle_groups *g, const uint32_t *word, uint32_t n, uint32_t line)
{
    tn_group_row row = {.word = g->words.size / sizeof *word, .n_letters = n, .line = line, .sums.shortest = TN_NONE};
    memmove(g->words.data + g->words.size, word, n * sizeof *word);
    g->words.size += n * sizeof *word;
    return tn__buf_append(&g->rows, &row, sizeof row);
}

/* The group of a word that stands behind all others. */
static int group_of(struct tn_cycle_groups *g, const uint32_t *word, uint32_t n, uint32_t line, uint32_t *out)
{
    uint64_t hash = mix(n, line);
    uint32_t *known;
    for (uint32_t i = 0; i < n; i++)
        hash = mix(hash, word[i]);
    for (;; hash++) {
        TN_TRY(tn__map_slot(&g->by_word, hash, &known, NULL));
        if (!*known)
            break;
        const tn_group_row *row = row_at(g, *known - 1);
        const uint32_t *letters = (const uint32_t *)(const void *)g->words.data + row->word;
        if (row->n_letters == n && row->line == line && memcmp(letters, word, n * sizeof *word) == 0) {
            *out = *known - 1;
            return TN_OK;
        }
    }
    *out = n_rows(g);
    *known = *out + 1;
    return new_group(g, word, n, line);
}

/* Components come with most bytes first, so that the first one of a group is its example. */
static void count(tn_components *c, uint32_t index, tn_cycle_group *sums, uint32_t length)
{
    const tn_component_row *row = &c->rows[index];
    if (sums->cycles++ == 0)
        sums->example = index;
    sums->waiting += row->state == TN_CYCLE_WAITING;
    sums->listed += row->state == TN_CYCLE_LISTED;
    sums->count += row->count;
    sums->bytes += row->bytes;
    sums->shortest = length < sums->shortest ? length : sums->shortest;
    sums->longest = length > sums->longest ? length : sums->longest;
}

static int add_component(tn_components *c, uint32_t index, tn_error *err)
{
    struct tn_cycle_groups *g = c->groups;
    uint32_t n_letters;
    bool shortest;
    TN_TRY(tn__cycle_find(c, index, &shortest, err));
    uint32_t n = (uint32_t)(c->cycle.size / sizeof n);
    TN_TRY(spell(c, n, err));
    const uint32_t *word = turn(c, n, &n_letters);
    uint32_t line = g->mains ? g->mains[index].line : TN_NONE;
    if (group_of(g, word, n_letters, line, &g->groups[index]) < 0)
        return tn__no_memory(c->snapshot, err);
    count(c, index, &row_at(g, g->groups[index])->sums, n);
    return TN_OK;
}

/* ---- by SITE ---- */

static int component_of(void *ctx, uint32_t object, uint32_t *part, tn_error *err)
{
    (void)err;
    *part = tn__component_row(ctx, object);
    return TN_OK;
}

static int find_lines(tn_components *c, tn_error *err)
{
    struct tn_cycle_groups *g = c->groups;
    tn_set *members;
    g->mains = tn__alloc(c->alloc, c->n * sizeof *g->mains);
    if (!g->mains)
        return tn__no_memory(c->snapshot, err);
    TN_TRY(tn_set_new(c->snapshot, &members, err));
    for (uint32_t i = 0; i < c->n; i++)
        tn__component_add(c, i, members);
    int status = tn_groups_make(c->snapshot, members, TN_BY_SITE, NULL, &g->lines, err);
    if (status == TN_OK)
        status = tn__site_mains(c->snapshot, g->lines, members, component_of, c, c->n, g->mains, err);
    tn_set_free(members);
    return status;
}

/* ---- all of them ---- */

static int name_types(tn_components *c, tn_error *err)
{
    uint32_t n = tn_snapshot_n_types(c->snapshot);
    tn_strtab names;
    tn_map first = {.alloc = c->alloc};
    int status = tn__strtab_init(&names, c->alloc);
    for (uint32_t i = 0; i < n && status == TN_OK; i++) {
        tn_type type;
        uint32_t name, *known;
        tn_snapshot_type(c->snapshot, i, &type);
        status = tn__strtab_add(&names, type.full_name, strlen(type.full_name), &name);
        if (status == TN_OK)
            status = tn__map_slot(&first, name, &known, NULL);
        if (status == TN_OK && !*known)
            *known = i + 1;
        c->groups->names[i] = status == TN_OK ? *known - 1 : i;
    }
    tn__strtab_free(&names);
    tn__map_free(&first);
    return status < 0 ? tn__no_memory(c->snapshot, err) : TN_OK;
}

static int compare_rows(const void *left, const void *right)
{
    const tn_cycle_group *a = &((const tn_group_row *)left)->sums, *b = &((const tn_group_row *)right)->sums;
    if (a->cycles != b->cycles)
        return a->cycles < b->cycles ? 1 : -1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->example < b->example ? -1 : a->example > b->example;
}

/* Indexes of groups as they are sorted; the example tells which one it was. */
static int sort_rows(tn_components *c, tn_error *err)
{
    struct tn_cycle_groups *g = c->groups;
    uint32_t n = n_rows(g);
    uint32_t *places = tn__alloc(c->alloc, n * sizeof *places);
    if (!places)
        return tn__no_memory(c->snapshot, err);
    if (n > 1)
        qsort(g->rows.data, n, sizeof(tn_group_row), compare_rows);
    for (uint32_t i = 0; i < n; i++)
        places[g->groups[row_at(g, i)->sums.example]] = i;
    for (uint32_t i = 0; i < c->n; i++)
        g->groups[i] = places[g->groups[i]];
    tn__free(c->alloc, places, n * sizeof *places);
    return TN_OK;
}

/* In order of group, in each of them in order of component. */
static void part(tn_components *c)
{
    struct tn_cycle_groups *g = c->groups;
    uint32_t at = 0;
    for (uint32_t i = 0; i < n_rows(g); i++) {
        row_at(g, i)->first = at;
        at += row_at(g, i)->sums.cycles;
    }
    for (uint32_t i = 0; i < c->n; i++)
        g->parts[row_at(g, g->groups[i])->first++] = i;
    for (uint32_t i = 0; i < n_rows(g); i++)
        row_at(g, i)->first -= row_at(g, i)->sums.cycles;
}

/* Texts of labels with NULs behind them. */
static int cut_texts(tn_components *c, tn_error *err)
{
    struct tn_cycle_groups *g = c->groups;
    const uint32_t *starts = (const uint32_t *)(const void *)g->texts.offsets.data;
    for (uint32_t i = 0; i < g->texts.count; i++)
        if (tn__buf_append(&g->cut, g->texts.bytes.data + starts[i], starts[i + 1] - starts[i]) < 0 ||
            tn__buf_append(&g->cut, "", 1) < 0)
            return tn__no_memory(c->snapshot, err);
    return TN_OK;
}

static int fill(tn_components *c, tn_error *err)
{
    struct tn_cycle_groups *g = c->groups;
    uint32_t n_types = tn_snapshot_n_types(c->snapshot);
    g->known.alloc = g->by_word.alloc = c->alloc;
    tn__buf_init(&g->cut, c->alloc);
    tn__buf_init(&g->letters, c->alloc);
    tn__buf_init(&g->words, c->alloc);
    tn__buf_init(&g->rows, c->alloc);
    g->names = tn__alloc(c->alloc, n_types * sizeof *g->names);
    g->groups = tn__alloc(c->alloc, c->n * sizeof *g->groups);
    g->parts = tn__alloc(c->alloc, c->n * sizeof *g->parts);
    if (tn__strtab_init(&g->texts, c->alloc) < 0 || !g->names || !g->groups || !g->parts)
        return tn__no_memory(c->snapshot, err);
    TN_TRY(name_types(c, err));
    if (c->by == TN_BY_SITE)
        TN_TRY(find_lines(c, err));
    for (uint32_t i = 0; i < c->n; i++)
        TN_TRY(add_component(c, i, err));
    TN_TRY(sort_rows(c, err));
    part(c);
    return cut_texts(c, err);
}

void tn__cycle_groups_free(tn_components *c)
{
    struct tn_cycle_groups *g = c->groups;
    if (!g)
        return;
    tn__free(c->alloc, g->names, tn_snapshot_n_types(c->snapshot) * sizeof *g->names);
    tn__free(c->alloc, g->groups, c->n * sizeof *g->groups);
    tn__free(c->alloc, g->parts, c->n * sizeof *g->parts);
    tn__strtab_free(&g->texts);
    tn__buf_free(&g->cut);
    tn__buf_free(&g->letters);
    tn__map_free(&g->known);
    tn__buf_free(&g->words);
    tn__map_free(&g->by_word);
    tn__buf_free(&g->rows);
    tn_groups_free(g->lines);
    tn__free(c->alloc, g->mains, c->n * sizeof *g->mains);
    tn__free(c->alloc, g, sizeof *g);
    c->groups = NULL;
}

int tn_components_groups(tn_components *c, uint32_t *n, tn_error *err)
{
    if (!c->groups) {
        c->groups = tn__alloc_zero(c->alloc, sizeof *c->groups);
        int status = c->groups ? fill(c, err) : tn__no_memory(c->snapshot, err);
        if (status < 0) {
            tn__cycle_groups_free(c);
            return status;
        }
    }
    *n = n_rows(c->groups);
    return TN_OK;
}

/* ---- one group ---- */

static int check(tn_components *c, uint32_t index, tn_error *err)
{
    uint32_t n;
    TN_TRY(tn_components_groups(c, &n, err));
    return index < n ? TN_OK : tn__error_set(err, TN_EINVAL, 0, "there is no group of cycles %u", (unsigned)index);
}

int tn_components_group(tn_components *c, uint32_t index, tn_cycle_group *out, tn_error *err)
{
    TN_TRY(check(c, index, err));
    const tn_group_row *row = row_at(c->groups, index);
    tn_cycle_group group = row->sums;
    tn_group line;
    if (row->line != TN_NONE) {
        TN_TRY(tn_groups_row(c->groups->lines, row->line, &line, err));
        group.site = line.label;
    }
    *out = group;
    return TN_OK;
}

int tn_components_group_members(tn_components *c, uint32_t index, tn_set **out, tn_error *err)
{
    tn_set *set;
    TN_TRY(check(c, index, err));
    TN_TRY(tn_set_new(c->snapshot, &set, err));
    const tn_group_row *row = row_at(c->groups, index);
    for (uint32_t i = 0; i < row->sums.cycles; i++)
        tn__component_add(c, c->groups->parts[row->first + i], set);
    *out = set;
    return TN_OK;
}

uint32_t tn__cycle_word(const tn_components *c, uint32_t group)
{
    return row_at(c->groups, group)->n_letters;
}

void tn__cycle_letter_at(const tn_components *c, uint32_t group, uint32_t i, tn_cycle_letter *out)
{
    const struct tn_cycle_groups *g = c->groups;
    const uint32_t *starts = (const uint32_t *)(const void *)g->texts.offsets.data;
    const tn_letter *letter = letter_at(g, ((const uint32_t *)(const void *)g->words.data)[row_at(g, group)->word + i]);
    tn_type type;
    tn_snapshot_type(c->snapshot, letter->type, &type);
    const char *text = letter->label ? (const char *)g->cut.data + starts[letter->label - 1] + letter->label - 1 : NULL;
    *out = (tn_cycle_letter){type.full_name, tn__type_rank(&type), letter->style, text};
}
