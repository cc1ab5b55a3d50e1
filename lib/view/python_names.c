/* python_names.c - see python_names.h. Attribute access as in Objects/object.c, _PyObject_GenericGetAttrWithDict, and
 * Objects/typeobject.c, type_getattro: a data descriptor of the type, else the instance's own, else the rest.
 */
#include "view/python_names.h"

#include <string.h>

/* ---- what a type has under a name ---- */

typedef struct tn_found {
    uint32_t value, definer; /* first in method resolution order: the value, the type row; TN_NONE */
    bool data;               /* one of all values there is, or may be, a data descriptor */
    bool field;              /* one is the descriptor of a slot, or of what C code keeps: the label may be its */
    bool known;              /* nothing that decides is missing in the file */
} tn_found;

/* Whether instances of the type have this dunder, from its classes' dicts alone. */
static int has_dunder(tn_snapshot *s, uint32_t row, const char *name, bool *has, bool *known, tn_error *err)
{
    tn_type type, base;
    TN_TRY(tn_snapshot_type(s, row, &type));
    *has = false;
    for (uint32_t i = 0; i < type.n_mro && !*has; i++) {
        uint32_t dict = TN_NONE, value;
        TN_TRY(tn_snapshot_type(s, type.mro[i], &base));
        if (base.node != TN_NONE)
            TN_TRY(tn__labelled_target(s, base.node, "__dict__", &dict, err));
        if (dict == TN_NONE) {
            *known = false;
            continue;
        }
        TN_TRY(tn__dict_value(s, dict, name, strlen(name), &value, known, err));
        *has = value != TN_NONE;
    }
    return TN_OK;
}

static int is_data(tn_snapshot *s, uint32_t value, bool *data, bool *known, tn_error *err)
{
    static const char *const plain[] = {"function",
                                        "str",
                                        "int",
                                        "bool",
                                        "NoneType",
                                        "tuple",
                                        "dict",
                                        "list",
                                        "float",
                                        "method_descriptor",
                                        "wrapper_descriptor",
                                        "staticmethod",
                                        "classmethod",
                                        "type"};
    static const char *const descriptors[] = {"member_descriptor", "getset_descriptor", "property"};
    const char *name = tn__type_name(s, value);
    uint32_t row;
    *data = false;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(name, plain[i]) == 0)
            return TN_OK;
    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++)
        *data |= strcmp(name, descriptors[i]) == 0;
    if (*data)
        return TN_OK;
    TN_TRY(tn__type_row(s, value, &row, err));
    TN_TRY(has_dunder(s, row, "__set__", data, known, err));
    return *data ? TN_OK : has_dunder(s, row, "__delete__", data, known, err);
}

static int type_lookup(tn_snapshot *s, uint32_t row, const char *name, size_t n, tn_found *out, tn_error *err)
{
    tn_type type, base;
    *out = (tn_found){.value = TN_NONE, .definer = TN_NONE};
    TN_TRY(tn_snapshot_type(s, row, &type));
    out->known = type.n_mro > 0;
    for (uint32_t i = 0; i < type.n_mro; i++) {
        uint32_t dict = TN_NONE, value = TN_NONE;
        bool data = false;
        TN_TRY(tn_snapshot_type(s, type.mro[i], &base));
        if (base.node != TN_NONE)
            TN_TRY(tn__labelled_target(s, base.node, "__dict__", &dict, err));
        if (dict == TN_NONE)
            out->known = false;
        else
            TN_TRY(tn__dict_value(s, dict, name, n, &value, &out->known, err));
        if (value == TN_NONE)
            continue;
        TN_TRY(is_data(s, value, &data, &out->known, err));
        out->data |= data;
        const char *kind = tn__type_name(s, value);
        out->field |= strcmp(kind, "member_descriptor") == 0 || strcmp(kind, "getset_descriptor") == 0;
        if (out->value == TN_NONE) {
            out->value = value;
            out->definer = type.mro[i];
        }
    }
    return TN_OK;
}

/* Types whose own __getattribute__ is the general one, or that of modules and classes. */
static bool is_general(tn_snapshot *s, uint32_t definer)
{
    static const char *const others[] = {"collections.deque", "collections.OrderedDict", "collections.defaultdict",
                                         "functools.partial"};
    tn_type type;
    if (tn_snapshot_type(s, definer, &type) < 0)
        return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(type.full_name, others[i]) == 0)
            return true;
    return !(type.flags & TN_TYPE_HEAP) && type.module && strcmp(type.module, "builtins") == 0 &&
           strcmp(type.name, "super") != 0 && strcmp(type.name, "method") != 0;
}

static int access_is_general(tn_snapshot *s, uint32_t row, tn_error *err)
{
    static const char name[] = "__getattribute__";
    tn_found found;
    TN_TRY(type_lookup(s, row, name, sizeof name - 1, &found, err));
    return found.known && found.value != TN_NONE && is_general(s, found.definer);
}

/* ---- the answers ---- */

static bool label_is_unique(tn_snapshot *s, uint32_t node, const char *name, size_t n)
{
    const uint32_t *shapes;
    uint64_t n_rows;
    unsigned count = 0;
    if (tn__column_u32(s, TN_COL_SHAP, &shapes, &n_rows, NULL) < 0)
        return false;
    const tn_shape *shape = &tn__snapshot_shapes(s)[shapes[node]];
    for (uint32_t i = 0; i < shape->n_fixed; i++) {
        const char *label = tn__snapshot_string(s, shape->labels[2 * i]);
        count += strlen(label) == n && memcmp(label, name, n) == 0;
    }
    return count == 1;
}

/* What a C type's tp_traverse reports may bear the name of a field that Python does not see: no class has that name. */
static bool may_be_field(tn_snapshot *s, uint32_t row, const tn_found *found)
{
    tn_type type;
    return found->value == TN_NONE && tn_snapshot_type(s, row, &type) == TN_OK && type.visitor == TN_VISIT_TRAVERSE;
}

int tn__attribute_is_plain(tn_snapshot *s, uint32_t node, const char *name, size_t n, bool slot, tn_error *err)
{
    tn_found found;
    uint32_t row;
    TN_TRY(tn__type_row(s, node, &row, err));
    int general = access_is_general(s, row, err);
    if (general <= 0)
        return general;
    TN_TRY(type_lookup(s, row, name, n, &found, err));
    if (!found.known || (slot && may_be_field(s, row, &found)))
        return 0;
    if (slot && found.value != TN_NONE && strcmp(tn__type_name(s, found.value), "member_descriptor") == 0)
        return label_is_unique(s, node, name, n);
    return !found.data && (!slot || label_is_unique(s, node, name, n));
}

int tn__attribute_is_inline(tn_snapshot *s, uint32_t node, const char *name, size_t n, tn_error *err)
{
    tn_found found;
    uint32_t row;
    TN_TRY(tn__type_row(s, node, &row, err));
    TN_TRY(type_lookup(s, row, name, n, &found, err));
    return found.known && !found.field && !may_be_field(s, row, &found) && label_is_unique(s, node, name, n);
}

int tn__dict_is_plain(tn_snapshot *s, uint32_t node, tn_error *err)
{
    static const char name[] = "__dict__";
    tn_found found;
    uint32_t row;
    TN_TRY(tn__type_row(s, node, &row, err));
    int general = access_is_general(s, row, err);
    if (general <= 0)
        return general;
    TN_TRY(type_lookup(s, row, name, sizeof name - 1, &found, err));
    if (!found.known || found.value == TN_NONE)
        return 0;
    const char *kind = tn__type_name(s, found.value);
    return strcmp(kind, "getset_descriptor") == 0 || strcmp(kind, "member_descriptor") == 0;
}

int tn__class_attribute_is_plain(tn_snapshot *s, uint32_t class_node, const char *name, size_t n, uint32_t value,
                                 tn_error *err)
{
    bool has = false, known = true;
    uint32_t row;
    int plain = tn__attribute_is_plain(s, class_node, name, n, false, err);
    if (plain <= 0 || strcmp(tn__type_name(s, value), "function") == 0)
        return plain;
    TN_TRY(tn__type_row(s, value, &row, err));
    TN_TRY(has_dunder(s, row, "__get__", &has, &known, err));
    return known && !has;
}

int tn__subscript_is_plain(tn_snapshot *s, uint32_t node, const char *builtin, tn_error *err)
{
    static const char name[] = "__getitem__";
    tn_found found;
    tn_type type;
    uint32_t row;
    if (strcmp(tn__type_name(s, node), builtin) == 0)
        return 1;
    TN_TRY(tn__type_row(s, node, &row, err));
    TN_TRY(type_lookup(s, row, name, sizeof name - 1, &found, err));
    if (!found.known || found.value == TN_NONE)
        return 0;
    TN_TRY(tn_snapshot_type(s, found.definer, &type));
    return strcmp(type.full_name, builtin) == 0;
}

int tn__member_is_faithful(tn_snapshot *s, uint32_t node, const char *name, tn_error *err)
{
    static const struct {
        const char *type, *names; /* names between blanks */
    } members[] = {
        {"function",
         " __globals__ __builtins__ __name__ __qualname__ __code__ __defaults__ __kwdefaults__ __closure__ __doc__ "
         "__type_params__ "},
        {"method", " __func__ __self__ "},
        {"builtin_function_or_method", " __self__ __module__ "},
        {"cell", " cell_contents "},
        {"traceback", " tb_next tb_frame "},
        {"classmethod", " __func__ "},
        {"staticmethod", " __func__ "},
        {"weakref.ReferenceType", " __callback__ "},
        {"getset_descriptor", " __objclass__ __name__ "},
        {"member_descriptor", " __objclass__ __name__ "},
        {"method_descriptor", " __objclass__ __name__ "},
        {"classmethod_descriptor", " __objclass__ __name__ "},
        {"wrapper_descriptor", " __objclass__ __name__ "},
        {"slice", " start stop step "},
        {"range", " start stop step "},
        {"code", " co_consts co_names co_exceptiontable co_filename co_name co_qualname co_linetable "},
        {"BaseException", " args __traceback__ __context__ __cause__ "},
        {"type", " __bases__ __mro__ __base__ __name__ __qualname__ "},
        {"generator", " __name__ __qualname__ gi_code gi_yieldfrom "},
        {"coroutine", " __name__ __qualname__ cr_code cr_await "},
        {"async_generator", " __name__ __qualname__ ag_code ag_await "},
        {"functools.partial", " func args keywords "},
        {"collections.defaultdict", " default_factory "},
        {"datetime.datetime", " tzinfo "},
        {"datetime.time", " tzinfo "},
        {"_asyncio.Future", " _loop _result "},
        {"_asyncio.Task", " _loop _coro _fut_waiter "},
        {"_contextvars.Token", " var old_value "},
        {"_contextvars.ContextVar", " name "},
        {"property", " fget fset fdel "},
        {"types.GenericAlias", " __origin__ __args__ "},
        {"method-wrapper", " __self__ "},
        {"re.Match", " string re "},
        {"re.Pattern", " pattern "},
        {"_io.TextIOWrapper", " buffer "},
        {"_io.BufferedReader", " raw "},
        {"_io.BufferedWriter", " raw "},
    };
    char word[40];
    uint32_t row;
    tn_type definer;
    tn_found found;
    size_t n = strlen(name);
    if (n + 3 > sizeof word)
        return 0;
    word[0] = ' ';
    memcpy(word + 1, name, n);
    memcpy(word + 1 + n, " ", 2);
    TN_TRY(tn__type_row(s, node, &row, err));
    TN_TRY(tn_snapshot_type(s, row, &definer));
    if (strcmp(name, "__class__") == 0) { /* object's, unless something stands before it */
        TN_TRY(type_lookup(s, row, name, n, &found, err));
        if (!found.known || found.value == TN_NONE || tn_snapshot_type(s, found.definer, &definer) < 0 ||
            strcmp(definer.full_name, "object") != 0)
            return 0;
        return access_is_general(s, row, err);
    }
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!strstr(members[i].names, word))
            continue;
        if (strcmp(definer.full_name, members[i].type) == 0)
            return 1;
        /* of a derived type: its own, and nothing in front of it */
        TN_TRY(type_lookup(s, row, name, n, &found, err));
        tn_type at;
        if (found.known && found.value != TN_NONE && tn_snapshot_type(s, found.definer, &at) == TN_OK &&
            strcmp(at.full_name, members[i].type) == 0)
            return access_is_general(s, row, err);
    }
    return 0;
}
