/* cpu_questions.c - see exercise.h: where time goes by a snapshot that is small, on every page, and trees of stacks. */
#include "exercise.h"

typedef struct asking {
    tn_snapshot *older, *s;
    const tn_sink *sink;
    int status;
} asking;

static void ask(asking *a, const tn_cpu_options *asked, const char *sort, bool compared)
{
    for (int form = TN_TEXT; form <= TN_JSON; form++) {
        const tn_view_options o = {.form = (enum tn_form)form,
                                   .sort = sort,
                                   .cpu = asked,
                                   .limit = compared ? 0 : 3,
                                   .depth = 3,
                                   .against = compared ? a->older : NULL};
        int status = tn_view_profile(a->s, &o, a->sink, NULL);
        if (status < 0 && status != TN_EINVAL && status != TN_ENOTFOUND && status != TN_EIO && a->status == 0)
            a->status = status;
    }
}

static void draw(asking *a, const tn_flame_options *asked)
{
    for (int form = TN_TEXT; form <= TN_JSON; form++) {
        const tn_view_options o = {.form = (enum tn_form)form, .flame = asked, .limit = asked->inverted ? 0 : 3};
        int status = tn_view_flame(a->s, &o, a->sink, NULL);
        if (status < 0 && status != TN_EINVAL && status != TN_EIO && a->status == 0)
            a->status = status;
    }
}

static void draw_all(asking *a)
{
    for (int what = 0; what < TN_FLAME_WHATS; what++) {
        tn_flame_options o = {.what = (enum tn_flame_what)what, .by = (enum tn_sites_by)(what % 5)};
        draw(a, &o);
        o.inverted = true;
        o.born_last = what == TN_FLAME_COUNT ? UINT64_MAX : 0;
        draw(a, &o);
    }
    int status = tn_view_timeline(a->s, &(tn_view_options){.form = TN_JSON}, a->sink, NULL);
    if (status < 0 && status != TN_EIO && a->status == 0)
        a->status = status;
}

int exercise_profile(tn_snapshot *older, tn_snapshot *s, const tn_sink *sink)
{
    static const char *const include[] = {"any:*"}, *const exclude[] = {"<native>"};
    asking a = {older, s, sink, 0};
    for (int by = 0; by < TN_CPU_BYS; by++) {
        tn_cpu_options o = {.by = (enum tn_cpu_by)by, .include = include, .n_include = 1};
        ask(&a, &o, by % 2 ? "name" : NULL, false);
        o.cumulative = true;
        ask(&a, &o, NULL, by % 3 == 0);
        o = (tn_cpu_options){.by = (enum tn_cpu_by)by, .function = "*", .exclude = exclude, .n_exclude = 1};
        for (int page = TN_CPU_TREE; page < TN_CPU_PAGES; page++) {
            o.page = (enum tn_cpu_page)page;
            ask(&a, &o, NULL, false);
        }
    }
    ask(&a, &(tn_cpu_options){.clock = "alloc", .by = TN_CPU_THREAD}, "total", true);
    ask(&a, &(tn_cpu_options){.thread = "*", .task = "?*", .state = "running"}, NULL, true);
    ask(&a, &(tn_cpu_options){.page = TN_CPU_TREE}, "name", false);
    draw_all(&a);
    return a.status;
}
