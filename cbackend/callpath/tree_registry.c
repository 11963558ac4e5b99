/* tree_registry.c: which types are nodes, and how they are taken apart and put together. */
#include <stdarg.h>

#include "tree_internal.h"

/* ---- errors ---- */

PyObject *mjx_tree_take_exception(void) {
#if PY_VERSION_HEX >= 0x030c0000
  return PyErr_GetRaisedException();
#else
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback) PyException_SetTraceback(value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return value;
#endif
}

void mjx_tree_set_exception(PyObject *value) {
#if PY_VERSION_HEX >= 0x030c0000
  PyErr_SetRaisedException(value);
#else
  PyErr_Restore(Py_NewRef(Py_TYPE(value)), value, PyException_GetTraceback(value));
#endif
}

void mjx_tree_error_from(const char *format, ...) {
  if (!PyErr_ExceptionMatches(PyExc_Exception)) return;
  PyObject *cause = mjx_tree_take_exception();
  va_list args;
  va_start(args, format);
  PyErr_FormatV(PyExc_ValueError, format, args);
  va_end(args);
  PyObject *error = mjx_tree_take_exception();
  PyException_SetContext(error, Py_NewRef(cause));
  PyException_SetCause(error, cause);
  mjx_tree_set_exception(error);
}

/* ---- entries ---- */

static void node_type_dealloc(PyObject *self) {
  mjx_node_type *entry = (mjx_node_type *)self;
  Py_XDECREF(entry->type);
  Py_XDECREF(entry->to_iterable);
  Py_XDECREF(entry->from_iterable);
  Py_XDECREF(entry->with_keys);
  Py_XDECREF(entry->data_fields);
  Py_XDECREF(entry->meta_fields);
  Py_XDECREF(entry->all_fields);
  Py_TYPE(self)->tp_free(self);
}

static PyObject *node_type_kind(PyObject *self, void *unused) {
  (void)unused;
  static const char *const names[] = {"leaf", "None",       "tuple",  "list",
                                      "dict", "namedtuple", "custom", "dataclass"};
  return PyUnicode_InternFromString(names[((mjx_node_type *)self)->kind]);
}

static PyGetSetDef node_type_getters[] = {{.name = "kind", .get = node_type_kind}, {0}};

static PyMemberDef node_type_members[] = {
    {"type", T_OBJECT, offsetof(mjx_node_type, type), READONLY, NULL},
    {0},
};

PyTypeObject mjx_node_type_type = {
    .ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minijax._callpath.NodeType",
    .tp_doc = "How instances of one type are taken apart: an entry of the pytree registry.",
    .tp_basicsize = sizeof(mjx_node_type),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = node_type_dealloc,
    .tp_members = node_type_members,
    .tp_getset = node_type_getters,
};

static mjx_node_type *new_entry(int kind, PyObject *type) {
  mjx_node_type *entry = PyObject_New(mjx_node_type, &mjx_node_type_type);
  if (!entry) return NULL;
  entry->kind = kind;
  entry->type = Py_NewRef(type);
  entry->to_iterable = entry->from_iterable = entry->with_keys = NULL;
  entry->data_fields = entry->meta_fields = entry->all_fields = NULL;
  return entry;
}

/* ---- the table ---- */

/* Open addressing by the type's address; less than half full; nothing is ever removed. */
static struct {
  mjx_node_type **slots; /* strong */
  size_t n_slots;        /* a power of two */
  size_t used;
} table;

static inline size_t home(const PyTypeObject *type) {
  uint64_t hash = (uintptr_t)type * UINT64_C(0x9e3779b97f4a7c15);
  return (size_t)(hash >> 32) & (table.n_slots - 1);
}

static mjx_node_type **find_slot(const PyTypeObject *type) {
  size_t i = home(type);
  while (table.slots[i] && table.slots[i]->type != (const PyObject *)type) {
    i = (i + 1) & (table.n_slots - 1);
  }
  return &table.slots[i];
}

mjx_node_type *mjx_tree_lookup(const PyTypeObject *type) { return *find_slot(type); }

static int grow_table(void) {
  mjx_node_type **old = table.slots;
  size_t n_old = table.n_slots;
  size_t n_slots = n_old ? 2 * n_old : 64;
  mjx_node_type **slots = PyMem_Calloc(n_slots, sizeof *slots);
  if (!slots) {
    PyErr_NoMemory();
    return -1;
  }
  table.slots = slots;
  table.n_slots = n_slots;
  for (size_t i = 0; i < n_old; i++) {
    if (old[i]) *find_slot((PyTypeObject *)old[i]->type) = old[i];
  }
  PyMem_Free(old);
  return 0;
}

/* Takes the reference to `entry`, which may be NULL (an exception is set then). */
static int add_entry(mjx_node_type *entry) {
  if (!entry) return -1;
  if (2 * table.used >= table.n_slots && grow_table() < 0) {
    Py_DECREF(entry);
    return -1;
  }
  mjx_node_type **slot = find_slot((PyTypeObject *)entry->type);
  if (*slot) {
    const char *what = entry->kind == MJX_TREE_DATACLASS ? "dataclass " : "";
    PyErr_Format(PyExc_ValueError, "Duplicate custom %sPyTreeDef type registration for %S.", what,
                 entry->type);
    Py_DECREF(entry);
    return -1;
  }
  *slot = entry;
  table.used++;
  return 0;
}

int mjx_tree_is_namedtuple(PyObject *x) {
  static PyObject *name;
  if (!PyTuple_Check(x) || PyTuple_CheckExact(x)) return 0;
  if (!name && !(name = PyUnicode_InternFromString("_fields"))) return -1;
  PyObject *fields = PyObject_GetAttr(x, name);
  if (fields) {
    Py_DECREF(fields);
    return 1;
  }
  /* Whatever the attribute raises, x has none. */
  if (!PyErr_ExceptionMatches(PyExc_Exception)) return -1;
  PyErr_Clear();
  return 0;
}

/* ---- one level of a custom node ---- */

static int take_dataclass_apart(mjx_node_type *entry, PyObject *x, PyObject **children,
                                PyObject **data) {
  PyObject *parts[2] = {NULL, NULL};
  PyObject *fields[2] = {entry->data_fields, entry->meta_fields};
  for (int part = 0; part < 2; part++) {
    Py_ssize_t n = PyTuple_GET_SIZE(fields[part]);
    if (!(parts[part] = PyTuple_New(n))) goto fail;
    for (Py_ssize_t i = 0; i < n; i++) {
      PyObject *value = PyObject_GetAttr(x, PyTuple_GET_ITEM(fields[part], i));
      if (!value) goto fail;
      PyTuple_SET_ITEM(parts[part], i, value);
    }
  }
  *children = parts[0];
  *data = parts[1];
  return 0;
fail:
  Py_XDECREF(parts[0]);
  Py_XDECREF(parts[1]);
  return -1;
}

int mjx_tree_take_apart(mjx_node_type *entry, PyObject *x, PyObject **children, PyObject **data) {
  if (entry->kind == MJX_TREE_DATACLASS) return take_dataclass_apart(entry, x, children, data);
  PyObject *pair = PyObject_CallOneArg(entry->to_iterable, x);
  if (!pair) return -1;
  if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
    PyErr_Format(PyExc_ValueError,
                 "The to_iterable function for a custom PyTree node should return a (children, "
                 "aux_data) tuple, got %R",
                 pair);
    Py_DECREF(pair);
    return -1;
  }
  *children = PySequence_Tuple(PyTuple_GET_ITEM(pair, 0));
  if (!*children && PyErr_ExceptionMatches(PyExc_TypeError) &&
      !Py_TYPE(PyTuple_GET_ITEM(pair, 0))->tp_iter) {
    PyErr_Format(PyExc_ValueError,
                 "The to_iterable function for a custom PyTree node should return a (children, "
                 "aux_data) tuple where 'children' is iterable, got %R",
                 pair);
  }
  if (*children) *data = Py_NewRef(PyTuple_GET_ITEM(pair, 1));
  Py_DECREF(pair);
  return *children ? 0 : -1;
}

static PyObject *make_dataclass(mjx_node_type *entry, PyObject *data, PyObject *const *children,
                                Py_ssize_t n) {
  Py_ssize_t n_meta = PyTuple_GET_SIZE(entry->meta_fields);
  if (n != PyTuple_GET_SIZE(entry->data_fields) || !PyTuple_Check(data) ||
      PyTuple_GET_SIZE(data) != n_meta) {
    PyErr_Format(PyExc_ValueError, "a structure's fields are not those of the dataclass %S",
                 entry->type);
    return NULL;
  }
  mjx_objects args;
  mjx_objects_init(&args);
  PyObject *result = NULL;
  if (mjx_objects_reserve(&args, n + n_meta) == 0) {
    for (Py_ssize_t i = 0; i < n; i++) args.items[args.size++] = Py_NewRef(children[i]);
    for (Py_ssize_t i = 0; i < n_meta; i++) {
      args.items[args.size++] = Py_NewRef(PyTuple_GET_ITEM(data, i));
    }
    result = PyObject_Vectorcall(entry->type, args.items, 0, entry->all_fields);
  }
  mjx_objects_clear(&args);
  return result;
}

PyObject *mjx_tree_put_together(mjx_node_type *entry, PyObject *data, PyObject *const *children,
                                Py_ssize_t n) {
  if (entry->kind == MJX_TREE_DATACLASS) return make_dataclass(entry, data, children, n);
  PyObject *tuple = PyTuple_New(n);
  if (!tuple) return NULL;
  for (Py_ssize_t i = 0; i < n; i++) PyTuple_SET_ITEM(tuple, i, Py_NewRef(children[i]));
  PyObject *args[2] = {data, tuple};
  PyObject *result = PyObject_Vectorcall(entry->from_iterable, args, 2, NULL);
  Py_DECREF(tuple);
  return result;
}

/* ---- for Python ---- */

static PyObject *register_node(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *type, *to_iterable, *from_iterable, *with_keys;
  if (!PyArg_ParseTuple(args, "O!OOO:register_node", &PyType_Type, &type, &to_iterable,
                        &from_iterable, &with_keys)) {
    return NULL;
  }
  PyObject *function = PyCallable_Check(to_iterable) ? from_iterable : to_iterable;
  if (!PyCallable_Check(function)) {
    return PyErr_Format(PyExc_TypeError, "cannot register %S: %R is not a function", type,
                        function);
  }
  mjx_node_type *entry = new_entry(MJX_TREE_CUSTOM, type);
  if (entry) {
    entry->to_iterable = Py_NewRef(to_iterable);
    entry->from_iterable = Py_NewRef(from_iterable);
    if (with_keys != Py_None) entry->with_keys = Py_NewRef(with_keys);
  }
  if (add_entry(entry) < 0) return NULL;
  Py_RETURN_NONE;
}

/* A tuple of field names, interned, since attributes are found faster by such. */
static PyObject *field_names(PyObject *names) {
  PyObject *list = PySequence_List(names);
  if (!list) return NULL;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
    PyObject *name = PyList_GET_ITEM(list, i);
    if (!PyUnicode_CheckExact(name)) {
      PyErr_Format(PyExc_TypeError, "a dataclass field's name must be a str, got %R", name);
      Py_DECREF(list);
      return NULL;
    }
    PyUnicode_InternInPlace(&name);
    PyList_SET_ITEM(list, i, name);
  }
  PyObject *tuple = PyList_AsTuple(list);
  Py_DECREF(list);
  return tuple;
}

static PyObject *register_dataclass_node(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *type, *data_fields, *meta_fields;
  if (!PyArg_ParseTuple(args, "O!OO:register_dataclass_node", &PyType_Type, &type, &data_fields,
                        &meta_fields)) {
    return NULL;
  }
  mjx_node_type *entry = new_entry(MJX_TREE_DATACLASS, type);
  if (!entry) return NULL;
  if (!(entry->data_fields = field_names(data_fields)) ||
      !(entry->meta_fields = field_names(meta_fields)) ||
      !(entry->all_fields = PySequence_Concat(entry->data_fields, entry->meta_fields))) {
    Py_DECREF(entry);
    return NULL;
  }
  if (add_entry(entry) < 0) return NULL;
  Py_RETURN_NONE;
}

static PyObject *lookup(PyObject *module, PyObject *type) {
  (void)module;
  if (!PyType_Check(type)) Py_RETURN_NONE;
  mjx_node_type *entry = mjx_tree_lookup((PyTypeObject *)type);
  if (entry) return Py_NewRef(entry);
  if (!PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type)) Py_RETURN_NONE;
  if (!PyObject_HasAttrString(type, "_fields")) Py_RETURN_NONE;
  return (PyObject *)new_entry(MJX_TREE_NAMEDTUPLE, type);
}

static PyMethodDef functions[] = {
    {"register_node", register_node, METH_VARARGS,
     "register_node(type, to_iterable, from_iterable, with_keys, /)\n--\n\n"
     "Makes instances of a type nodes; with_keys may be None."},
    {"register_dataclass_node", register_dataclass_node, METH_VARARGS,
     "register_dataclass_node(type, data_fields, meta_fields, /)\n--\n\n"
     "Makes instances of a type nodes whose children are the data fields."},
    {"lookup", lookup, METH_O,
     "lookup(type, /)\n--\n\n"
     "The NodeType of a type; None when its instances are leaves."},
    {0},
};

int mjx_tree_add_registry(PyObject *module) {
  if (PyType_Ready(&mjx_node_type_type) < 0) return -1;
  if (PyModule_AddFunctions(module, functions) < 0) return -1;
  if (table.used) return 0;
  if (add_entry(new_entry(MJX_TREE_NONE, (PyObject *)Py_TYPE(Py_None))) < 0) return -1;
  if (add_entry(new_entry(MJX_TREE_TUPLE, (PyObject *)&PyTuple_Type)) < 0) return -1;
  if (add_entry(new_entry(MJX_TREE_LIST, (PyObject *)&PyList_Type)) < 0) return -1;
  return add_entry(new_entry(MJX_TREE_DICT, (PyObject *)&PyDict_Type));
}
