/* sentences.h - what suspects and why say in words. Private to lib/view. */
#ifndef TN_SENTENCES_H
#define TN_SENTENCES_H

#include "analysis/suspects.h"
#include "view/view.h"

/* ---- sentences.c ---- */

typedef struct tn_say {
    tn_snapshot *snapshot;
    const tn_toplevel *top;
    const char *file; /* for commands */
    tn_out *out;
    tn_buf scratch;
    int status; /* first failure */
    tn_error *err;
} tn_say;
void tn__say_init(tn_say *w, const tn_toplevel *top, const tn_view_options *o, tn_out *out, tn_error *err);
void tn__say_free(tn_say *w);

void tn__say(tn_say *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void tn__say_name(tn_say *w, const char *text);          /* escaped */
void tn__say_bytes(tn_say *w, uint64_t bytes);           /* 5.2 MiB */
void tn__say_share(tn_say *w, uint64_t bytes);           /* 71.2 % of the heap */
void tn__say_objects(tn_say *w, uint64_t count);         /* 1 object, 12000 objects */
uint64_t tn__say_address(tn_say *w, uint32_t node);      /* 0 for a synthetic node */
void tn__say_thing(tn_say *w, uint32_t node, bool more); /* a dict of 12000 entries; more: … at 0x7f… */
size_t tn__path_shorten(char *text);                     /* path_short.c; the new length */
/* app.CACHE; long ones are cut in the middle. n > 0. */
void tn__say_path(tn_say *w, const tn_reference *steps, uint32_t n);
void tn__say_holder(tn_say *w, const tn_trail *trail); /* a sentence or two, each after a blank; may be nothing */
void tn__say_about(tn_say *w, const tn_trail *trail);
void tn__say_content(tn_say *w, const tn_content *content);
void tn__say_entries(tn_say *w, const tn_common *common);         /* where paths without a common holder begin */
void tn__say_command(tn_say *w, const char *verb, uint32_t node); /* tonnage why FILE 0x7f… */
bool tn__collector_is_off(tn_snapshot *s);
const char *tn__about_name(enum tn_about about); /* for JSON; NULL for nothing */
const char *tn__holder_name(enum tn_holder kind);

/* ---- births.c: where that was recorded, else nothing; made_at.h has more ---- */

void tn__say_birth(tn_say *w, uint32_t node, const char *who); /* " It was made at app.py:88 load(), called from …." */

/* ---- sentences.c ---- */

/* Path of the steps as JSON: "path" and "evaluable"; null without steps. */
void tn__path_json(tn_say *w, tn_json *j, const tn_reference *steps, uint32_t n);
void tn__trail_json(tn_say *w, tn_json *j, const tn_trail *trail); /* and "holder", "about" */
void tn__content_json(tn_json *j, const tn_content *content);
/* A text that is made by a function as a JSON string. */
void tn__said_json(tn_say *w, tn_json *j, const char *key, void (*tell)(tn_say *w, const void *what), const void *what);

#endif
