/* _core.h - shared by the files of the extension tonnage._core.
 *
 * The extension stands on tonnage.h alone. It turns Python arguments into calls and results into plain tuples, bytes and
 * str; it decides and computes nothing.
 */
#ifndef TN_CORE_H
#define TN_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pythread.h>

#include "tonnage.h"

/* What a first call loads: such a call runs without the interpreter lock, later ones are short and keep it. */
enum core_load {
    CORE_NODES = 1,
    CORE_REFERENCES = 2,
    CORE_REFERRERS = 4,
    CORE_ADDRESSES = 8,
    CORE_PREVIEWS = 16,
    CORE_DOMINATORS = 32,
    CORE_BIRTHS = 64
};

typedef struct core_snapshot {
    PyObject_HEAD
    tn_snapshot *handle;      /* NULL once closed */
    PyThread_type_lock lock;  /* held around every call on handle; no Python code runs under it */
    size_t n_users;           /* calls and sets that still need handle; changes under the interpreter lock */
    bool closing;             /* close was asked for: the last user closes */
    unsigned loaded;          /* enum core_load */
    tn_reference_iter cursor; /* where the last run of references(cursor_node) stopped */
    uint32_t cursor_node;
    uint64_t cursor_index;
} core_snapshot;

typedef struct core_state {
    PyTypeObject *snapshot_type, *set_type, *groups_type, *waste_type, *paths_type, *chain_type, *patterns_type;
    PyTypeObject *components_type, *batches_type, *picture_type;
} core_state;

/* ---- _core_calls.c ---- */

/* One call on a handle: enter, tn_ calls, unlock, conversion, leave. Between unlock and leave the handle stays open, so
 * strings of it can be read; Python objects are made only there, because making one may run a finalizer, which may call
 * this snapshot again. */
typedef struct core_call {
    core_snapshot *self;
    PyThreadState *released;
} core_call;

bool core_enter(core_call *call, core_snapshot *self, bool slow); /* false with ValueError: closed */
void core_wait(core_snapshot *self); /* takes the lock of a handle that the caller is a user of already */
void core_unlock(core_call *call);
void core_leave(core_call *call);
bool core_first(core_snapshot *self, unsigned load); /* not loaded yet: the call is slow */
void core_close(core_snapshot *self);                /* when nobody is a user any more */

/* The same on the handles of a sequence of Snapshots, without the interpreter lock. */
typedef struct core_many {
    PyObject *tuple; /* keeps them */
    Py_ssize_t n, n_locks;
    core_snapshot **items, **locks;
    tn_snapshot **handles;
    PyThreadState *released;
} core_many;

bool core_many_enter(core_many *m, PyObject *snapshots, const core_state *state);
bool core_many_with(core_many *m, core_snapshot *self,
                    PyObject *other); /* self first, then other where it is not None */
void core_many_unlock(core_many *m);
void core_many_leave(core_many *m);

static inline core_state *core_state_of(core_snapshot *self)
{
    return PyType_GetModuleState(Py_TYPE((PyObject *)self)); /* the type has no subclasses */
}

/* An object that owns what is made with a handle, and is a user of it as long as it lives. After core_wait(snapshot) and freeing
 * what it owns, its destructor ends with core_user_free. */
#define CORE_USER_HEAD \
    PyObject_HEAD      \
    core_snapshot *snapshot; /* a user of its handle */
typedef struct core_user {
    CORE_USER_HEAD
} core_user;
/* What comes behind the head is zero. */
void *core_user_new(core_snapshot *self, PyTypeObject *type);
/* The same at the beginning of a call that fills it: made before core_enter, so that there is nothing to take back when there
 * is no memory for it. And the end of that call, in place of unlock and leave. */
void *core_user_begin(core_call *call, core_snapshot *self, PyTypeObject *type);
PyObject *core_user_made(core_call *call, void *object, int status, const tn_error *err);
/* One of that type and this snapshot, or None: *out is NULL. False with TypeError or ValueError. */
bool core_user_of(core_snapshot *self, PyObject *argument, PyTypeObject *type, core_user **out);
void core_user_free(void *object, core_snapshot *self);

/* ---- _core.c ---- */

/* Raises the exception class of status with err's message; returns NULL. */
PyObject *core_raise(int status, const tn_error *err);
/* str of UTF-8 in which lone surrogates stand as three bytes. */
PyObject *core_text(const char *bytes, size_t n);
PyObject *core_text_or_none(const char *text);
PyObject *core_label(const char *label); /* without the blank that words begin with, for what stands before them */
PyObject *core_id_or_none(uint32_t id);
PyObject *core_count_or_none(uint64_t count); /* None for TN_UNKNOWN */
/* "O&" converters: an int in range, or ValueError. */
int core_id_converter(PyObject *object, void *out);  /* uint32_t */
int core_u64_converter(PyObject *object, void *out); /* uint64_t */

/* ---- _core_graph.c ---- */

PyObject *core_node(core_snapshot *self, PyObject *arg);
PyObject *core_at(core_snapshot *self, PyObject *arg);
PyObject *core_find(core_snapshot *self, PyObject *arg);
PyObject *core_preview(core_snapshot *self, PyObject *arg);
PyObject *core_describe(core_snapshot *self, PyObject *arg);
PyObject *core_targets(core_snapshot *self, PyObject *args, PyObject *kwargs);
PyObject *core_references(core_snapshot *self, PyObject *args);
PyObject *core_referrers(core_snapshot *self, PyObject *arg);
PyObject *core_frame(core_snapshot *self, PyObject *args);

/* ---- _core_paths.c ---- */

#define CORE_NO_PLACE \
    UINT64_MAX /* of a step that is no reference of the file ("held by C"): clearing it frees nothing */

PyObject *core_paths(core_snapshot *self, PyObject *args);
PyObject *core_chain(core_snapshot *self, PyObject *args);
extern PyType_Spec core_paths_spec, core_chain_spec;
/* The end of a call that found a path (status 1) or references, in place of unlock and leave: (text, evaluable, steps), or the
 * steps alone. NULL without an exception where the status is 0: there is no path. */
PyObject *core_path_found(core_call *call, int status, const tn_reference *steps, uint32_t n, tn_error *err);
PyObject *core_steps_found(core_call *call, int status, const tn_reference *steps, uint64_t n, tn_error *err);

/* ---- _core_components.c ---- */

PyObject *core_components_make(core_snapshot *self, PyObject *args, PyObject *kwargs);
PyObject *core_garbage(core_snapshot *self, PyObject *unused);
bool core_components_of(core_snapshot *self, PyObject *argument, tn_components **out);
extern PyType_Spec core_components_spec;

/* ---- _core_view.c ---- */

PyObject *core_view(core_snapshot *self, PyObject *args, PyObject *kwargs);
PyObject *core_check(core_snapshot *self, PyObject *unused);
/* A sink for text, filled without the interpreter lock, and the str that it becomes, or the exception of status. */
typedef struct core_text_buffer {
    char *bytes; /* PyMem_RawMalloc */
    size_t n, capacity;
    bool failed;
} core_text_buffer;
bool core_text_write(void *ctx, const char *text, size_t n_bytes);
PyObject *core_text_done(core_text_buffer *buffer, int status, const tn_error *err);
/* A set of an older snapshot, or None. */
bool core_old_set_of(core_snapshot *self, PyObject *against, PyObject *set, const tn_set **out);
/* Place of a name; -1 with an ArgumentError that says what it should have named. */
int core_index_of(const char *name, const char *const *names, int n, const char *what);

/* ---- _core_diff.c: functions of the module ---- */

PyObject *core_diff(PyObject *module, PyObject *args);
PyObject *core_growth(PyObject *module, PyObject *args);
PyObject *core_growth_view(PyObject *module, PyObject *args, PyObject *kwargs);

/* ---- _core_sets.c ---- */

typedef struct core_set {
    CORE_USER_HEAD
    tn_set *set;
} core_set;

PyObject *core_select(core_snapshot *self, PyObject *args);
PyObject *core_set_from(core_snapshot *self, PyObject *arg);
PyObject *core_retained_set(core_snapshot *self, PyObject *arg);
PyObject *core_audit_set(core_snapshot *self, PyObject *args);
PyObject *core_set_dominators(core_snapshot *self, PyObject *arg);
bool core_set_of(core_snapshot *self, PyObject *argument, const tn_set **out);
/* The Set of what the library made, which is freed where there is no memory for one; to be called by a user of the handle,
 * without its lock. */
PyObject *core_set_new(core_snapshot *self, tn_set *set);
/* The end of a call that made a set, in place of unlock and leave. */
PyObject *core_set_made(core_call *call, int status, tn_set *set, const tn_error *err);
extern PyType_Spec core_set_spec;

/* ---- _core_groups.c ---- */

PyObject *core_groups_make(core_snapshot *self, PyObject *args, PyObject *kwargs);
extern PyType_Spec core_groups_spec;

/* ---- _core_waste.c ---- */

PyObject *core_waste_make(core_snapshot *self, PyObject *args, PyObject *kwargs);
bool core_waste_of(core_snapshot *self, PyObject *argument, const tn_waste **out);
extern PyType_Spec core_waste_spec;

/* ---- _core_flame.c ---- */

PyObject *core_flame_view(core_snapshot *self, PyObject *args, PyObject *kwargs);

/* ---- _core_profile.c ---- */

PyObject *core_profile_view(core_snapshot *self, PyObject *args, PyObject *kwargs);

/* ---- _core_tracked.c ---- */

PyObject *core_tracked_view(core_snapshot *self, PyObject *args, PyObject *kwargs);

/* ---- _core_sites.c ---- */

/* The texts of a sequence; None in it is NULL. False with an exception. */
typedef struct core_texts {
    PyObject *tuple; /* keeps them */
    const char **texts;
    size_t n;
} core_texts;
bool core_texts_of(PyObject *sequence, core_texts *out);
void core_texts_free(core_texts *t); /* of none, nothing */

PyObject *core_sites_view(core_snapshot *self, PyObject *args, PyObject *kwargs);
PyObject *core_sites_members(core_snapshot *self, PyObject *args, PyObject *kwargs);
PyObject *core_birth(core_snapshot *self, PyObject *arg);

/* ---- _core_picture.c ---- */

PyObject *core_picture_make(core_snapshot *self, PyObject *args, PyObject *kwargs);
extern PyType_Spec core_picture_spec;

/* ---- _core_patterns.c ---- */

PyObject *core_patterns_make(core_snapshot *self, PyObject *args, PyObject *kwargs);
bool core_patterns_of(core_snapshot *self, PyObject *argument, tn_patterns **out);
extern PyType_Spec core_patterns_spec;

/* ---- _core_export.c ---- */

PyObject *core_batches_make(core_snapshot *self, PyObject *args);
PyObject *core_export(core_snapshot *self, PyObject *args, PyObject *kwargs);
PyObject *core_columns(PyObject *module, PyObject *arg); /* functions of the module */
PyObject *core_import(PyObject *module, PyObject *args);
extern PyType_Spec core_batches_spec;

/* ---- _core_dominators.c ---- */

PyObject *core_hold(core_snapshot *self, PyObject *arg);
PyObject *core_dominator(core_snapshot *self, PyObject *arg);
PyObject *core_retained(core_snapshot *self, PyObject *arg);
PyObject *core_dominated(core_snapshot *self, PyObject *arg);
PyObject *core_cut(core_snapshot *self, PyObject *args);
PyObject *core_index(core_snapshot *self, PyObject *arg);

#endif
