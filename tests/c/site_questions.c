/* site_questions.c - see exercise.h: who allocated what is in a snapshot that is small, on every page and in every profile. */
#include "exercise.h"

#include <string.h>

typedef struct asking {
    tn_snapshot *both[2]; /* the same file twice */
    const tn_sink *sink;
    int status;
} asking;

static void note(asking *a, int status)
{
    if (status < 0 && status != TN_EINVAL && status != TN_ENOTFOUND && status != TN_EIO && a->status == 0)
        a->status = status;
}

static void ask_page(asking *a, const tn_sites_options *asked, const char *where, const char *sort, size_t n)
{
    for (int form = TN_TEXT; form <= TN_JSON; form++) {
        tn_view_options o = {
            .form = (enum tn_form)form, .where = where, .sort = sort, .sites = asked, .limit = 4, .depth = 3};
        note(a, tn_view_sites(a->both + 2 - n, n, &o, a->sink, NULL));
    }
}

static void ask_members(asking *a, const tn_sites_options *asked, const char *row)
{
    tn_set *members = NULL;
    note(a, tn_sites_members(a->both[1], asked, NULL, row, &members, NULL));
    tn_set_free(members);
}

static void ask_pages(asking *a)
{
    static const char *const include[] = {"*", "any:a*:1"}, *const exclude[] = {"domain:raw"};
    static const char *const from[] = {"*", NULL};
    for (int by = 0; by < TN_SITES_BYS; by++) {
        tn_sites_options o = {.by = (enum tn_sites_by)by, .by_time = by % 2};
        size_t pair = by % 2 ? 2 : 1; /* how many snapshots */
        ask_page(a, &o, NULL, by % 2 ? "name" : NULL, pair);
        ask_page(a, &o, "type:*", NULL, 3 - pair);
        ask_members(a, &o, NULL);
        ask_members(a, &o, "<native>");
        o.cumulative = true;
        o.include = include;
        o.n_include = 2;
        ask_page(a, &o, NULL, NULL, 2);
        o = (tn_sites_options){.by = (enum tn_sites_by)by, .exclude = exclude, .n_exclude = 1};
        for (int page = TN_SITES_AT_PEAK; page <= TN_SITES_SURVIVORS; page++) {
            o.page = (enum tn_sites_page)page;
            ask_page(a, &o, NULL, NULL, page == TN_SITES_SURVIVORS ? 1 : pair);
        }
    }
    for (size_t n = 0; n <= 2; n++) {
        ask_page(a, &(tn_sites_options){.page = TN_SITES_CREATORS, .from = from, .n_from = n}, n ? "type:*" : NULL,
                 n ? "name" : "size", 1);
        ask_members(a, &(tn_sites_options){.from = from, .n_from = n}, NULL);
    }
    ask_page(a, &(tn_sites_options){.retained = true}, NULL, "retained", 1);
}

static void ask_births(asking *a)
{
    tn_snapshot *s = a->both[1];
    for (uint32_t i = 0; i < tn_snapshot_n_objects(s); i++) {
        tn_birth birth;
        tn_frame frame;
        int status = tn_node_birth(s, i, &birth, NULL);
        note(a, status);
        while (status == 0 && birth.entry) {
            note(a, tn_birth_frame(s, &birth, 0, &frame, NULL));
            status = tn_birth_caller(s, &birth, NULL);
        }
    }
}

static void ask_profiles(asking *a)
{
    static const char *const formats[] = {"pprof", "speedscope", "collapsed", "pstats", "plop"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        for (int of = 0; of < TN_PROFILES; of++) {
            const tn_export_options o = {.format = formats[i], .profile = (enum tn_profile_of)of};
            note(a, tn_export(a->both[1], &o, a->sink, NULL));
        }
}

/* Pages of other things that say where objects were made. */
static void ask_made(asking *a)
{
    tn_snapshot *const three[] = {a->both[0], a->both[1], a->both[1]};
    for (int form = TN_TEXT; form <= TN_JSON; form++) {
        tn_view_options o = {.form = (enum tn_form)form, .limit = 4};
        note(a, tn_view_largest(a->both[1], &o, a->sink, NULL));
        note(a, tn_view_diff(a->both, 2, &o, a->sink, NULL));
        note(a, tn_view_diff(three, 3, &o, a->sink, NULL));
        o.by = TN_BY_SITE;
        note(a, tn_view_cycles(a->both[1], &o, a->sink, NULL));
    }
}

int exercise_sites(tn_snapshot *older, tn_snapshot *s, const tn_sink *sink)
{
    asking a = {{older, s}, sink, 0};
    ask_pages(&a);
    ask_births(&a);
    ask_made(&a);
    ask_profiles(&a);
    return a.status;
}
