/* questions.c - see exercise.h: what is worked out from a snapshot, of one that is small. */
#include "exercise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_NODES = 3000, MOST_REFERENCES = 30000, MOST_TYPES = 300, MOST_ASKED = 6, MOST_TEXT = 1 << 18 };

typedef struct questions {
    tn_snapshot *s, *other; /* the same file twice */
    const uint8_t *bytes;
    size_t n_bytes;
    int status;   /* of the first that failed otherwise than it may */
    uint64_t sum; /* of what was told, so that a sanitizer sees all of it read */
} questions;

static void note(questions *q, int status)
{
    if (status < 0 && status != TN_EINVAL && status != TN_ENOTFOUND && status != TN_EIO && q->status == 0)
        q->status = status;
}

/* Nodes to ask about: the first objects, and the root with what follows it. */
static uint32_t asked(const questions *q, uint32_t i)
{
    uint32_t n = tn_snapshot_n_objects(q->s), first = n < MOST_ASKED ? n : MOST_ASKED;
    uint32_t id = i < first ? i : n + i - first;
    return i < 2 * MOST_ASKED && id < tn_snapshot_n_nodes(q->s) ? id : TN_NONE;
}

/* ---- paths ---- */

static void ask_text(questions *q, const tn_reference *steps, uint32_t n)
{
    char text[512];
    bool evaluable;
    int length = tn_path_text(q->s, steps, n, text, sizeof text, &evaluable, NULL);
    note(q, length);
    if (length >= 0)
        q->sum += strlen(text) + evaluable;
}

static void ask_paths(questions *q, uint32_t id, const char *avoid)
{
    tn_path_options options = {.limit = 5};
    tn_set *nodes = NULL;
    tn_paths *paths = NULL;
    const tn_reference *steps;
    uint32_t n;
    int status = tn_paths_avoid(q->s, avoid, NULL, &nodes, &options.avoid_kinds, NULL);
    options.avoid = nodes;
    if (status == 0)
        status = tn_paths_open(q->s, id, &options, &paths, NULL);
    while (status >= 0 && paths && (status = tn_paths_next(paths, &steps, &n, NULL)) > 0)
        ask_text(q, steps, n);
    note(q, status);
    tn_paths_close(paths);
    tn_set_free(nodes);
}

static void ask_chain(questions *q, uint32_t id, bool inwards)
{
    tn_path_options options = {0};
    tn_chain *chain = NULL;
    uint32_t node, n;
    const tn_reference *steps;
    int status = tn_chain_open(q->s, id, inwards, &options, &chain, NULL);
    for (unsigned i = 0; i < 40 && status >= 0 && (status = tn_chain_next(chain, &node, NULL)) > 0; i++) {
        status = tn_chain_steps(chain, node, &steps, &n, NULL);
        if (status == 0)
            ask_text(q, steps, n);
    }
    note(q, status);
    tn_chain_close(chain);
}

/* ---- sets and groups ---- */

static void ask_sets(questions *q)
{
    static const char *const words[] = {"type:dict+ or type:a*",
                                        "module:app",
                                        "dist:stdlib -dist:(program)",
                                        "size:>=64",
                                        "refcount:1..3",
                                        "len:>1",
                                        "flag:gen0",
                                        "flag:finalizer or flag:heaptype",
                                        "text:a",
                                        "address:0x10000,64",
                                        "retained:>=100",
                                        "root:module",
                                        "root:several or root:C",
                                        "dominated-by:0x10000"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        tn_set *set = NULL, *next = NULL;
        int status = tn_set_where(q->s, words[i], &set, NULL);
        note(q, status);
        if (status < 0)
            continue;
        q->sum += tn_set_count(set);
        if (i % 4 == 0)
            status = tn_set_referrers(q->s, set, 0, &next, NULL);
        else if (i % 4 == 1)
            status = tn_set_referents(q->s, set, 31, &next, NULL);
        else if (i % 4 == 2)
            status = tn_set_reachable(q->s, set, NULL, &next, NULL);
        else
            status = tn_set_owned(q->s, set, &next, NULL);
        note(q, status);
        tn_set_free(set);
        tn_set_free(next);
    }
}

static void ask_groups(questions *q, enum tn_by by, bool fold)
{
    tn_groups_options options = {.fold = fold, .head_words = "modules,threads,instances"};
    tn_groups *groups = NULL;
    int status = tn_groups_make(q->s, NULL, by, &options, &groups, NULL);
    uint32_t n = status == 0 ? tn_groups_count(groups) : 0;
    uint8_t *marks = calloc(n + 1, 1);
    for (uint32_t i = 0; i < n && i < 40 && status == 0; i++) {
        tn_group group;
        tn_set *members = NULL;
        status = tn_groups_row(groups, i, &group, NULL);
        q->sum += status == 0 ? strlen(group.label) + group.bytes : 0;
        if (status == 0 && i < 4)
            status = tn_groups_members(groups, i, &members, NULL);
        if (status == 0 && i < 4 && marks)
            status = tn_groups_related(groups, i, i % 2, marks, NULL);
        tn_set_free(members);
    }
    note(q, status);
    for (uint32_t i = 0; n && asked(q, i) != TN_NONE; i++) {
        uint32_t index;
        note(q, tn_groups_of(groups, asked(q, i), &index, NULL));
    }
    free(marks);
    tn_groups_free(groups);
}

static void ask_waste(questions *q, bool grouped)
{
    tn_waste_options options = {.where_rows = "size:>=1", .grouped = grouped, .by = TN_BY_TYPE};
    tn_waste *waste = NULL;
    int status = tn_waste_make(q->s, &options, &waste, NULL);
    for (uint32_t i = 0; status == 0 && i < tn_waste_count(waste) && i < 40; i++) {
        tn_waste_row row;
        tn_set *members = NULL;
        status = tn_waste_row_at(waste, i, &row, NULL);
        q->sum += status == 0 ? strlen(row.label) + row.saved : 0;
        if (status == 0)
            status = tn_waste_members(waste, i, &members, NULL);
        tn_set_free(members);
    }
    note(q, status);
    q->sum += status == 0 ? tn_waste_saved(waste) : 0;
    tn_waste_free(waste);
}

static void ask_patterns(questions *q, enum tn_by by, bool fold)
{
    static const char *const names[] = {"_", "a", "aa", "a2", "ab3a", "b0", "z99999999999"};
    tn_patterns_options options = {.by = by, .depth = 5, .width = 1 + (uint32_t)by % 7, .fold = fold};
    tn_patterns *patterns = NULL;
    tn_set *set = NULL;
    int status = tn_set_where(q->s, by % 2 ? "size:>=64" : "", &set, NULL);
    if (status == 0)
        status = tn_patterns_make(q->s, set, &options, &patterns, NULL);
    for (uint32_t i = 0; status == 0 && i < tn_patterns_count(patterns) && i < 40; i++) {
        tn_pattern_row row;
        tn_set *members = NULL;
        status = tn_patterns_row(patterns, i, &row, NULL);
        q->sum += status == 0 ? strlen(row.name) + row.bytes + row.ways.references : 0;
        for (uint32_t k = 0; status == 0 && k < row.n_loops && k < 10; k++) {
            tn_pattern_loop loop;
            status = tn_patterns_loop(patterns, i, k, &loop, NULL);
            for (uint32_t way = 0; status == 0 && way < loop.ways.n; way++)
                q->sum += loop.ways.at[way].label.text ? strlen(loop.ways.at[way].label.text) : 1;
        }
        if (status == 0)
            status = tn_patterns_members(patterns, i, &members, NULL);
        tn_set_free(members);
    }
    note(q, status);
    for (size_t i = 0; patterns && i < sizeof names / sizeof *names; i++) {
        uint32_t row;
        note(q, tn_patterns_find(patterns, names[i], &row, NULL));
    }
    tn_patterns_free(patterns);
    tn_set_free(set);
}

static void ask_components(questions *q, bool garbage)
{
    tn_components_options options = {.garbage = garbage};
    tn_components *components = NULL;
    int status = tn_components_make(q->s, &options, &components, NULL);
    note(q, status);
    q->sum += status == 0 ? tn_components_count(components) : 0;
    tn_components_free(components);
}

/* ---- views ---- */

static bool swallow(void *ctx, const char *text, size_t n)
{
    questions *q = ctx;
    for (size_t i = 0; i < n; i++)
        q->sum += (uint8_t)text[i];
    return n < MOST_TEXT;
}

typedef int (*view)(tn_snapshot *, const tn_view_options *, const tn_sink *, tn_error *);
typedef int (*node_view)(tn_snapshot *, uint32_t, const tn_view_options *, const tn_sink *, tn_error *);

static void ask_parted_views(questions *q, enum tn_form form)
{
    static const view views[] = {tn_view_groups, tn_view_suspects, tn_view_why};
    static const node_view node_views[] = {tn_view_paths, tn_view_refs, tn_view_referrers, tn_view_dominators,
                                           tn_view_retained};
    static const enum tn_by kinds[] = {TN_BY_TYPE, TN_BY_MODULE, TN_BY_RCS};
    const tn_sink sink = {swallow, q};
    tn_view_options options = {.form = form, .limit = 2, .grouped = true, .fold = true, .where = "type:*"};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        options.by = kinds[k];
        for (size_t i = 0; i < sizeof views / sizeof *views; i++)
            note(q, views[i](q->s, &options, &sink, NULL));
        for (size_t i = 0; i < sizeof node_views / sizeof *node_views; i++)
            note(q, node_views[i](q->s, TN_NONE, &options, &sink, NULL));
    }
    options.grouped = false;
    options.depth = 3;
    note(q, tn_view_dominators(q->s, TN_NONE, &options, &sink, NULL));
    note(q, tn_view_paths(q->s, TN_NONE, &options, &sink, NULL));
}

static void ask_picture(questions *q, const tn_picture_options *options)
{
    const tn_sink sink = {swallow, q};
    tn_picture *picture = NULL;
    int status = tn_picture_make(q->s, options, &picture, NULL);
    note(q, status);
    if (status < 0)
        return;
    note(q, tn_picture_note(picture, 0, "a line\nand another", NULL));
    note(q, tn_picture_dot(picture, &sink, NULL));
    note(q, tn_picture_json(picture, &sink, NULL));
    tn_picture_free(picture);
}

static void ask_pictures(questions *q)
{
    tn_view_options shown = {.limit = 12, .depth = 2, .branches = 4};
    for (int of = 0; of < TN_PICTURES; of++) {
        tn_picture_options options = {
            .of = (enum tn_picture_of)of, .view = &shown, .proportional = of == TN_PICTURE_GROUPS};
        for (unsigned way = 0; way < 4; way++) {
            shown.fold = way % 2;
            shown.by = of == TN_PICTURE_CYCLES && way < 2 ? TN_BY_ID : TN_BY_TYPE;
            shown.sort = way == 3 ? "size" : NULL;
            options.lines = way == 1 ? TN_PICTURE_ADDRESS | TN_PICTURE_REFCOUNT | TN_PICTURE_RETAINED : 0;
            ask_picture(q, &options);
        }
    }
}

static void ask_views(questions *q, enum tn_form form)
{
    static const view views[] = {tn_view_summary, tn_view_groups,   tn_view_largest, tn_view_suspects, tn_view_why,
                                 tn_view_info,    tn_view_patterns, tn_view_cycles,  tn_view_audit,    tn_view_waste};
    static const node_view node_views[] = {tn_view_show,       tn_view_paths,    tn_view_refs,   tn_view_referrers,
                                           tn_view_dominators, tn_view_retained, tn_view_treemap};
    const tn_sink sink = {swallow, q};
    tn_view_options options = {.form = form, .limit = 20, .depth = 2};
    bool sound;
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        note(q, views[i](q->s, &options, &sink, NULL));
    for (size_t i = 0; i < sizeof node_views / sizeof *node_views; i++) {
        for (uint32_t k = 0; asked(q, k) != TN_NONE; k++)
            note(q, node_views[i](q->s, asked(q, k), &options, &sink, NULL));
        note(q, node_views[i](q->s, TN_NONE, &options, &sink, NULL));
    }
    options.by = TN_BY_ID;
    note(q, tn_view_cycles(q->s, &options, &sink, NULL));
    options.by = TN_BY_TYPE;
    options.merge = true;
    note(q, tn_view_paths(q->s, TN_NONE, &options, &sink, NULL));
    ask_parted_views(q, form);
    note(q, tn_view_check(q->s, &options, &sink, &sound, NULL));
    for (uint32_t k = 0; k < 3 && k < tn_snapshot_n_objects(q->s); k++) {
        char where[40];
        tn_node node;
        note(q, tn_node_get(q->s, k, &node, NULL));
        snprintf(where, sizeof where, "address:0x%llx", (unsigned long long)node.address);
        options.where = where;
        note(q, tn_view_why(q->s, &options, &sink, NULL));
    }
}

/* ---- two snapshots, and an index ---- */

static void ask_diff(questions *q)
{
    tn_snapshot *both[] = {q->other, q->s};
    const tn_sink sink = {swallow, q};
    tn_diff *diff = NULL;
    int status = tn_diff_open(q->other, q->s, NULL, &diff, NULL);
    note(q, status);
    for (int part = TN_DIFF_NEW; status == 0 && part <= TN_DIFF_SURVIVED; part++) {
        tn_set *set = NULL;
        note(q, tn_diff_set(diff, (enum tn_diff_part)part, &set, NULL));
        tn_set_free(set);
    }
    for (uint32_t i = 0; status == 0 && i < tn_snapshot_n_objects(q->other) && i < MOST_ASKED; i++)
        q->sum += tn_diff_survivor(diff, i);
    tn_set *lived = NULL;
    tn_diff *of_sets = NULL;
    if (status == 0)
        note(q, tn_diff_filter(diff, NULL, "is:certain or is:likely -is:new", &lived, NULL));
    if (lived)
        note(q, tn_diff_open_sets(q->other, NULL, q->s, lived, "is:survived", &of_sets, NULL));
    tn_diff_close(of_sets);
    tn_set_free(lived);
    tn_diff_close(diff);
    for (int form = TN_TEXT; form <= TN_JSON; form++) {
        tn_view_options options = {.form = (enum tn_form)form, .limit = 20, .against = q->other};
        note(q, tn_view_diff(both, 2, &options, &sink, NULL));
        note(q, tn_view_suspects(q->s, &options, &sink, NULL));
        note(q, tn_view_summary(q->s, &options, &sink, NULL));
    }
}

static uint64_t number_of(const uint8_t *bytes, size_t n)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * 1099511628211u;
    return h;
}

/* The index of the snapshot with a byte changed, which one the snapshot's own bytes choose. */
static void ask_index(questions *q)
{
    char folder[] = "/tmp/tonnage-questions-XXXXXX", path[64];
    struct stat st;
    uint64_t which = number_of(q->bytes, q->n_bytes);
    if (!mkdtemp(folder))
        return;
    snprintf(path, sizeof path, "%s/index", folder);
    int status = tn_index_save(q->s, path, NULL);
    note(q, status);
    FILE *f = status == 0 ? fopen(path, "r+b") : NULL;
    if (f && stat(path, &st) == 0 && st.st_size > 48) {
        long at = 48 + (long)(which % (uint64_t)(st.st_size - 48)); /* behind its header */
        fseek(f, at, SEEK_SET);
        fputc((int)(which >> 32 & 255), f);
    }
    if (f)
        fclose(f);
    if (tn_index_load(q->other, path, NULL) == 0)
        for (uint32_t i = 0; asked(q, i) != TN_NONE; i++) {
            uint64_t retained;
            uint32_t count;
            const uint32_t *nodes;
            note(q, tn_retained(q->other, asked(q, i), &retained, &count, NULL));
            note(q, tn_dominated(q->other, asked(q, i), &nodes, &count, NULL));
        }
    unlink(path);
    rmdir(folder);
}

/* All columns of a table, also those that must be named. */
static void ask_table(questions *q, enum tn_table_name table)
{
    char columns[512] = "";
    const char *name;
    tn_batches *b;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    int more;
    for (uint32_t i = 0; (name = tn_batches_column(table, i, NULL)); i++)
        snprintf(columns + strlen(columns), sizeof columns - strlen(columns), "%s%s", i ? "," : "", name);
    more = tn_batches_open(q->s, table, NULL, columns, &b, NULL);
    note(q, more);
    if (more < 0)
        return;
    if (tn_batches_schema(b, &schema, NULL) == 0)
        schema.release(&schema);
    while ((more = tn_batches_next(b, &batch, NULL)) > 0) {
        q->sum += (uint64_t)batch.length;
        batch.release(&batch);
    }
    note(q, more);
    tn_batches_close(b);
}

static void ask_exports(questions *q)
{
    const tn_sink sink = {swallow, q};
    for (int table = 0; table < TN_TABLES; table++)
        ask_table(q, (enum tn_table_name)table);
    for (size_t i = 0; tn_export_format(i); i++) {
        const tn_export_options options = {.format = tn_export_format(i), .against = i % 2 ? q->other : NULL};
        note(q, tn_export(q->s, &options, &sink, NULL));
    }
    note(q, tn_export(q->s, &(tn_export_options){.format = "heapsnapshot", .max_nodes = 20}, &sink, NULL));
}

static void ask_sites(questions *q)
{
    const tn_sink sink = {swallow, q};
    note(q, exercise_sites(q->other, q->s, &sink));
    note(q, exercise_profile(q->other, q->s, &sink));
    for (int page = 0; page < TN_TRACKED_PAGES; page++) {
        tn_view_options o = {.tracked = (enum tn_tracked_page)page, .sort = page % 2 ? "class" : "-death", .limit = 3};
        note(q, tn_view_tracked(q->s, &o, &sink, NULL));
        o = (tn_view_options){.form = TN_JSON, .where = "type:Node+ or size:>=1 or text:e", .depth = 1};
        note(q, tn_view_tracked(q->s, &o, &sink, NULL));
    }
}

/* ---- all ---- */

static bool small(const tn_snapshot *s)
{
    return tn_snapshot_n_nodes(s) <= MOST_NODES && tn_snapshot_n_references(s) <= MOST_REFERENCES &&
           tn_snapshot_n_types(s) <= MOST_TYPES;
}

static void ask_all(questions *q)
{
    static const char *const avoid[] = {"", "caches,frames,modules", "weak,tracebacks,closures,classes,guessed,held"};
    ask_index(q);
    for (uint32_t i = 0; asked(q, i) != TN_NONE; i++) {
        ask_paths(q, asked(q, i), avoid[i % 3]);
        ask_chain(q, asked(q, i), i % 2);
    }
    ask_sets(q);
    for (int by = 0; by < TN_BYS; by++)
        ask_groups(q, (enum tn_by)by, by % 2);
    ask_patterns(q, TN_BY_CLODO, true);
    ask_patterns(q, TN_BY_TYPE, false);
    ask_components(q, false);
    ask_components(q, true);
    ask_waste(q, false);
    ask_waste(q, true);
    ask_diff(q);
    ask_pictures(q);
    ask_views(q, TN_TEXT);
    ask_views(q, TN_JSON);
    ask_exports(q);
    ask_sites(q);
}

int exercise_questions(const void *bytes, size_t n, uint64_t max_memory_bytes)
{
    const tn_open_options options = {.max_memory_bytes = max_memory_bytes};
    questions q = {.bytes = bytes, .n_bytes = n};
    q.status = tn_snapshot_open_memory(bytes, n, &options, &q.s, NULL);
    if (q.status == 0)
        q.status = tn_snapshot_open_memory(bytes, n, &options, &q.other, NULL);
    if (q.status == 0 && small(q.s))
        ask_all(&q);
    tn_snapshot_close(q.s);
    tn_snapshot_close(q.other);
    return q.sum == UINT64_MAX ? TN_EBUSY : q.status;
}
