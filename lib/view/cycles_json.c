/* cycles_json.c - cycles as docs/view-json.md specifies them. */
#include "view/cycles_page.h"

enum { MOST_STEPS = 100 };

static void hex_json(const tn_cycles_page *p, tn_json *j, const char *key, uint32_t node)
{
    tn__json_hex(j, key, tn__snapshot_address(p->snapshot, node));
}

static void columns_json(const tn_cycles_page *p, tn_json *j)
{
    static const char *const groups[] = {"index", "cycle",      "cycles",     "waiting", "listed", "count",
                                         "size",  "length_min", "length_max", "example", "site"};
    static const char *const each[] = {"index",   "cycle",      "shortest",  "length",         "steps",  "count",
                                       "size",    "references", "retained",  "retained_count", "state",  "source",
                                       "address", "path",       "evaluable", "about",          "holder", "content"};
    static const char *const units[][2] = {{"count", "objects"},   {"size", "bytes"},
                                           {"retained", "bytes"},  {"retained_count", "objects"},
                                           {"address", "address"}, {"example", "address"}};
    if (p->each)
        tn__json_strings(j, "columns", each, sizeof each / sizeof *each);
    else
        tn__json_strings(j, "columns", groups, sizeof groups / sizeof *groups - (p->components->by != TN_BY_SITE));
    tn__json_open(j, "units", '{');
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        tn__json_string(j, units[i][0], units[i][1]);
    tn__json_close(j, '}');
}

static int group_json(tn_cycles_page *p, tn_json *j, uint32_t index, tn_error *err)
{
    tn_cycle_group group;
    TN_TRY(tn_components_group(p->components, index, &group, err));
    TN_TRY(tn__cycle_group_words(p, index, err));
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "index", index);
    tn__json_string(j, "cycle", (const char *)p->scratch.data);
    tn__json_u64(j, "cycles", group.cycles);
    tn__json_u64(j, "waiting", group.waiting);
    tn__json_u64(j, "listed", group.listed);
    tn__json_u64(j, "count", group.count);
    tn__json_u64(j, "size", group.bytes);
    tn__json_u64(j, "length_min", group.shortest);
    tn__json_u64(j, "length_max", group.longest);
    hex_json(p, j, "example", tn__component_members(p->components, group.example)[0]);
    if (p->components->by == TN_BY_SITE)
        tn__json_string(j, "site", group.site);
    tn__json_close(j, '}');
    return TN_OK;
}

static int steps_json(tn_cycles_page *p, tn_json *j, const tn_reference *steps, uint32_t n, tn_error *err)
{
    tn__json_open(j, "steps", '[');
    for (uint32_t i = 0; i < n && i < MOST_STEPS; i++) {
        TN_TRY(tn__label_into(p->snapshot, &steps[i], &p->scratch, err));
        tn__json_open(j, NULL, '{');
        hex_json(p, j, "address", steps[i].source);
        tn__json_string(j, "type", tn__type_name(p->snapshot, steps[i].source));
        tn__json_label(j, "label", (const char *)p->scratch.data);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    return TN_OK;
}

static void known_json(tn_json *j, const char *key, uint64_t value)
{
    if (value == TN_UNKNOWN)
        tn__json_null(j, key);
    else
        tn__json_u64(j, key, value);
}

static int each_json(tn_cycles_page *p, tn_say *w, tn_json *j, const tn_cycle_row *told, tn_error *err)
{
    const tn_component_row *row = &p->components->rows[told->index];
    const tn_reference *steps;
    uint32_t n;
    bool shortest;
    TN_TRY(tn_components_cycle(p->components, told->index, &steps, &n, &shortest, err));
    TN_TRY(tn__cycle_words(p, steps, n, err));
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "index", told->index);
    tn__json_string(j, "cycle", (const char *)p->scratch.data);
    tn__json_bool(j, "shortest", shortest);
    tn__json_u64(j, "length", n);
    TN_TRY(steps_json(p, j, steps, n, err));
    tn__json_u64(j, "count", row->count);
    tn__json_u64(j, "size", row->bytes);
    tn__json_u64(j, "references", tn__component_edges(p->components, told->index));
    known_json(j, "retained", told->retained);
    known_json(j, "retained_count", told->retained_count);
    tn__json_string(j, "state", tn__cycle_state_name(row->state));
    tn__json_bool(j, "source", row->source);
    hex_json(p, j, "address", tn__component_members(p->components, told->index)[0]);
    tn__trail_json(w, j, &told->trail);
    tn__content_json(j, &told->content);
    tn__json_close(j, '}');
    return w->status;
}

static int rows_json(tn_cycles_page *p, const tn_view_options *o, tn_json *j, tn_error *err)
{
    tn_say w;
    int status = TN_OK;
    if (p->each)
        tn__say_init(&w, &p->top, o, j->out, err);
    tn__json_open(j, "rows", '[');
    for (uint32_t i = 0; i < p->n_shown && status == TN_OK; i++)
        status = p->each ? each_json(p, &w, j, &p->rows[i], err) : group_json(p, j, (uint32_t)p->order[i].row, err);
    tn__json_close(j, ']');
    if (p->each)
        tn__say_free(&w);
    return status;
}

static void finalizers_json(const tn_cycles_page *p, const tn_view_options *o, tn_json *j)
{
    const tn_finalizer_row *rows = (const tn_finalizer_row *)(const void *)p->finalizers.data;
    size_t n = p->finalizers.size / sizeof *rows;
    tn__json_open(j, "finalizers", '[');
    for (uint32_t i = 0; i < tn__cycles_limit(o, n); i++) {
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "type", rows[i].type);
        tn__json_u64(j, "count", rows[i].count);
        tn__json_u64(j, "size", rows[i].bytes);
        tn__json_u64(j, "finalized", rows[i].finalized);
        tn__json_u64(j, "waiting", rows[i].waiting);
        tn__json_u64(j, "listed", rows[i].listed);
        tn__json_u64(j, "in_cycles", rows[i].in_cycles);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "more_finalizers", n - tn__cycles_limit(o, n));
}

static void weak_json(const tn_cycles_page *p, const tn_view_options *o, tn_json *j)
{
    const tn_weak_row *rows = (const tn_weak_row *)(const void *)p->weak.data;
    const tn_weak_table *tables = (const tn_weak_table *)(const void *)p->tables.data;
    size_t n = p->weak.size / sizeof *rows, n_tables = p->tables.size / sizeof *tables;
    tn__json_open(j, "weak", '[');
    for (uint32_t i = 0; i < tn__cycles_limit(o, n); i++) {
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "type", rows[i].type);
        tn__json_u64(j, "count", rows[i].referents);
        tn__json_u64(j, "references", rows[i].references);
        tn__json_u64(j, "callbacks", rows[i].callbacks);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "more_weak", n - tn__cycles_limit(o, n));
    tn__json_open(j, "weak_tables", '[');
    for (uint32_t i = 0; i < tn__cycles_limit(o, n_tables); i++) {
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        hex_json(p, j, "address", tables[i].node);
        tn__json_string(j, "type", tn__type_name(p->snapshot, tables[i].node));
        tn__json_u64(j, "alive", tables[i].alive);
        tn__json_u64(j, "dead", tables[i].dead);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "more_weak_tables", n_tables - tn__cycles_limit(o, n_tables));
}

/* A number of what is garbage. */
static void garbage_json(const tn_cycles_page *p, tn_json *j, const char *key, uint64_t value)
{
    if (tn__roots_known(p->snapshot))
        tn__json_u64(j, key, value);
    else
        tn__json_null(j, key);
}

int tn__cycles_json(tn_cycles_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_json j;
    tn__json_start(&j, out, "cycles");
    tn__json_string(&j, "by", tn_by_names[p->each ? TN_BY_ID : p->components->by]);
    tn__json_string(&j, "where", o->where);
    tn__json_bool(&j, "garbage", o->garbage);
    tn__against_json(o, &j);
    columns_json(p, &j);
    TN_TRY(rows_json(p, o, &j, err));
    tn__json_line(&j);
    tn__json_open(&j, "total", '{');
    tn__json_u64(&j, "cycles", p->components->n);
    garbage_json(p, &j, "waiting", p->cycles_waiting);
    garbage_json(p, &j, "listed", p->cycles_listed);
    tn__json_u64(&j, "count", p->components->n_members);
    tn__json_u64(&j, "size", p->components->bytes);
    tn__json_close(&j, '}');
    tn__json_u64(&j, "more", p->n_rows - p->n_shown);
    tn__json_open(&j, "collectable", '{');
    garbage_json(p, &j, "count", p->waiting);
    garbage_json(p, &j, "size", p->waiting_bytes);
    tn__json_close(&j, '}');
    tn__json_open(&j, "listed", '{');
    garbage_json(p, &j, "count", p->listed);
    garbage_json(p, &j, "size", p->listed_bytes);
    tn__json_close(&j, '}');
    finalizers_json(p, o, &j);
    weak_json(p, o, &j);
    tn__json_line(&j);
    tn__info_json(&j, p->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}
