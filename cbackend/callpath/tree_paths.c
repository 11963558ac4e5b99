/* tree_paths.c: key paths, and flattening with them. */
#include <string.h>

#include "tree_internal.h"

/* ---- keys ---- */

/* A step into a pytree; immutable. */
typedef struct path_key {
  PyObject_HEAD PyObject *value;
} path_key;

static PyTypeObject dict_key_type, sequence_key_type, attribute_key_type, index_key_type;

/* The name of the attribute that holds a key's value. */
static const char *value_name(const PyTypeObject *type) {
  if (PyType_IsSubtype((PyTypeObject *)type, &sequence_key_type)) return "idx";
  return PyType_IsSubtype((PyTypeObject *)type, &attribute_key_type) ? "name" : "key";
}

/* Takes the reference to `value`, which may be NULL (an exception is set then). */
static PyObject *new_key(PyTypeObject *type, PyObject *value) {
  if (!value) return NULL;
  path_key *key = PyObject_GC_New(path_key, type);
  if (!key) {
    Py_DECREF(value);
    return NULL;
  }
  key->value = value;
  /* What cannot be part of a cycle needs no collecting. */
  if (!PyUnicode_CheckExact(value) && !PyLong_CheckExact(value)) PyObject_GC_Track(key);
  return (PyObject *)key;
}

static PyObject *key_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  char *names[2] = {(char *)value_name(type), NULL};
  PyObject *value;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O", names, &value)) return NULL;
  bool named = PyType_IsSubtype(type, &attribute_key_type);
  bool free = PyType_IsSubtype(type, &dict_key_type);
  if (!free && !(named ? PyUnicode_Check(value) : PyLong_Check(value))) {
    return PyErr_Format(PyExc_TypeError, "%s takes %s, got %R", type->tp_name,
                        named ? "a str" : "an int", value);
  }
  path_key *key = (path_key *)type->tp_alloc(type, 0);
  if (key) key->value = Py_NewRef(value);
  return (PyObject *)key;
}

static void key_dealloc(PyObject *self) {
  PyObject_GC_UnTrack(self);
  Py_XDECREF(((path_key *)self)->value);
  Py_TYPE(self)->tp_free(self);
}

/* Immutable, so like a tuple it needs no tp_clear: every cycle passes through something else. */
static int key_traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(((path_key *)self)->value);
  return 0;
}

static PyObject *key_compare(PyObject *left, PyObject *right, int op) {
  if ((op != Py_EQ && op != Py_NE) || Py_TYPE(left) != Py_TYPE(right)) Py_RETURN_NOTIMPLEMENTED;
  int equal =
      PyObject_RichCompareBool(((path_key *)left)->value, ((path_key *)right)->value, Py_EQ);
  return equal < 0 ? NULL : PyBool_FromLong(equal == (op == Py_EQ));
}

static Py_hash_t key_hash(PyObject *self) { return PyObject_Hash(((path_key *)self)->value); }

static PyObject *key_repr(PyObject *self) {
  const char *name = strrchr(Py_TYPE(self)->tp_name, '.');
  name = name ? name + 1 : Py_TYPE(self)->tp_name;
  return PyUnicode_FromFormat("%s(%s=%R)", name, value_name(Py_TYPE(self)),
                              ((path_key *)self)->value);
}

static PyObject *item_key_str(PyObject *self) {
  return PyUnicode_FromFormat("[%R]", ((path_key *)self)->value);
}

static PyObject *attribute_key_str(PyObject *self) {
  return PyUnicode_FromFormat(".%S", ((path_key *)self)->value);
}

static PyObject *index_key_str(PyObject *self) {
  return PyUnicode_FromFormat("[<flat index %R>]", ((path_key *)self)->value);
}

static PyObject *key_reduce(PyObject *self, PyObject *unused) {
  (void)unused;
  return Py_BuildValue("(O(O))", Py_TYPE(self), ((path_key *)self)->value);
}

static PyMethodDef key_methods[] = {{"__reduce__", key_reduce, METH_NOARGS, NULL}, {0}};

#define VALUE(name, doc) {{name, T_OBJECT, offsetof(path_key, value), READONLY, doc}, {0}}
static PyMemberDef dict_key_members[] = VALUE("key", "The dict's key.");
static PyMemberDef sequence_key_members[] = VALUE("idx", "The position.");
static PyMemberDef attribute_key_members[] = VALUE("name", "The attribute's name.");
static PyMemberDef index_key_members[] = VALUE("key", "The child's position.");

#define KEY_TYPE(name, doc, text, its_members)                                    \
  {.ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minijax.tree_util." name, \
   .tp_doc = doc,                                                                 \
   .tp_basicsize = sizeof(path_key),                                              \
   .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,     \
   .tp_new = key_new,                                                             \
   .tp_dealloc = key_dealloc,                                                     \
   .tp_traverse = key_traverse,                                                   \
   .tp_richcompare = key_compare,                                                 \
   .tp_hash = key_hash,                                                           \
   .tp_repr = key_repr,                                                           \
   .tp_str = text,                                                                \
   .tp_methods = key_methods,                                                     \
   .tp_members = its_members}

static PyTypeObject dict_key_type =
    KEY_TYPE("DictKey", "DictKey(key)\n--\n\nA step into a dict: prints as `['a']`.", item_key_str,
             dict_key_members);
static PyTypeObject sequence_key_type =
    KEY_TYPE("SequenceKey", "SequenceKey(idx)\n--\n\nA step into a tuple or list: prints as `[0]`.",
             item_key_str, sequence_key_members);
static PyTypeObject attribute_key_type =
    KEY_TYPE("GetAttrKey", "GetAttrKey(name)\n--\n\nA step into an attribute: prints as `.name`.",
             attribute_key_str, attribute_key_members);
static PyTypeObject index_key_type =
    KEY_TYPE("FlattenedIndexKey",
             "FlattenedIndexKey(key)\n--\n\n"
             "A step into a node without keys of its own: prints as `[<flat index 0>]`.",
             index_key_str, index_key_members);

static int add_key_type(PyObject *module, const char *name, PyTypeObject *type) {
  if (PyType_Ready(type) < 0) return -1;
  PyObject *names = Py_BuildValue("(s)", value_name(type));
  if (!names) return -1;
  int result = PyDict_SetItemString(type->tp_dict, "__match_args__", names);
  Py_DECREF(names);
  return result < 0 ? -1 : PyModule_AddObjectRef(module, name, (PyObject *)type);
}

/* ---- one level ---- */

/* A node that is being flattened with its keys.  Its n children, then their n keys, are the last
 * items of `pending`. */
typedef struct level {
  int kind; /* MJX_TREE_LEAVES if x is a leaf */
  Py_ssize_t n;
  PyObject *type; /* as mjx_tree_node has them; strong, or NULL */
  PyObject *data;
} level;

static void close_level(level *at) {
  Py_CLEAR(at->type);
  Py_CLEAR(at->data);
}

static int push_items(mjx_objects *out, PyObject *const *items, Py_ssize_t n) {
  if (mjx_objects_reserve(out, n) < 0) return -1;
  for (Py_ssize_t i = 0; i < n; i++) out->items[out->size++] = Py_NewRef(items[i]);
  return 0;
}

static int push_key(mjx_objects *out, PyTypeObject *type, PyObject *value) {
  PyObject *key = new_key(type, value);
  return key ? mjx_objects_push(out, key) : -1;
}

static int push_positions(mjx_objects *out, PyTypeObject *type, Py_ssize_t n) {
  for (Py_ssize_t i = 0; i < n; i++) {
    if (push_key(out, type, PyLong_FromSsize_t(i)) < 0) return -1;
  }
  return 0;
}

static int push_names(mjx_objects *out, PyTypeObject *type, PyObject *const *names, Py_ssize_t n) {
  for (Py_ssize_t i = 0; i < n; i++) {
    if (push_key(out, type, Py_NewRef(names[i])) < 0) return -1;
  }
  return 0;
}

static int open_dict(PyObject *x, mjx_objects *out, level *at) {
  mjx_keys *keys = mjx_tree_dict_values(x, out);
  if (!keys) return -1;
  at->n = Py_SIZE(keys);
  at->data = (PyObject *)keys;
  return push_names(out, &dict_key_type, keys->items, at->n);
}

static int open_namedtuple(PyObject *x, mjx_objects *out, level *at) {
  at->type = Py_NewRef((PyObject *)Py_TYPE(x));
  at->n = PyTuple_GET_SIZE(x);
  if (push_items(out, PySequence_Fast_ITEMS(x), at->n) < 0) return -1;
  PyObject *fields = PyObject_GetAttrString(x, "_fields");
  PyObject *names = fields ? PySequence_Tuple(fields) : NULL;
  Py_XDECREF(fields);
  if (!names) return -1;
  int result = -1;
  if (PyTuple_GET_SIZE(names) == at->n) {
    result = push_names(out, &attribute_key_type, PySequence_Fast_ITEMS(names), at->n);
  } else {
    PyErr_Format(PyExc_ValueError,
                 "A namedtuple's _fields attribute should have the same size as the tuple; %S has "
                 "%zd fields and %zd elements.",
                 at->type, PyTuple_GET_SIZE(names), at->n);
  }
  Py_DECREF(names);
  return result;
}

/* Appends item `which` of each pair. */
static int push_half(mjx_objects *out, PyObject *pairs, int which) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pairs); i++) {
    PyObject *pair = PySequence_Tuple(PyTuple_GET_ITEM(pairs, i));
    if (!pair) return -1;
    int result = -1;
    if (PyTuple_GET_SIZE(pair) == 2) {
      result = mjx_objects_push(out, Py_NewRef(PyTuple_GET_ITEM(pair, which)));
    } else {
      PyErr_Format(PyExc_ValueError, "expected a (key, child) pair, got %R", pair);
    }
    Py_DECREF(pair);
    if (result < 0) return -1;
  }
  return 0;
}

static int open_with_keys(PyObject *with_keys, PyObject *x, mjx_objects *out, level *at) {
  PyObject *pair = PyObject_CallOneArg(with_keys, x);
  if (!pair) return -1;
  PyObject *pairs = NULL;
  if (PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2 &&
      Py_TYPE(PyTuple_GET_ITEM(pair, 0))->tp_iter) {
    pairs = PySequence_Tuple(PyTuple_GET_ITEM(pair, 0));
    at->data = Py_NewRef(PyTuple_GET_ITEM(pair, 1));
  } else {
    PyErr_Format(PyExc_ValueError,
                 "The flatten function with keys for a custom PyTree node should return a tuple "
                 "of (key, child) pairs, an iterable, and aux_data, got %R",
                 pair);
  }
  Py_DECREF(pair);
  if (!pairs) return -1;
  at->n = PyTuple_GET_SIZE(pairs);
  int result = push_half(out, pairs, 1);
  if (!result) result = push_half(out, pairs, 0);
  Py_DECREF(pairs);
  return result;
}

static int open_custom(mjx_node_type *entry, PyObject *x, mjx_objects *out, level *at) {
  at->type = Py_NewRef((PyObject *)entry);
  if (entry->with_keys) return open_with_keys(entry->with_keys, x, out, at);
  PyObject *children;
  if (mjx_tree_take_apart(entry, x, &children, &at->data) < 0) return -1;
  at->n = PyTuple_GET_SIZE(children);
  int result = push_items(out, PySequence_Fast_ITEMS(children), at->n);
  Py_DECREF(children);
  if (result < 0) return -1;
  if (entry->kind != MJX_TREE_DATACLASS) return push_positions(out, &index_key_type, at->n);
  return push_names(out, &attribute_key_type, PySequence_Fast_ITEMS(entry->data_fields), at->n);
}

/* Opens one level of x; the caller closes it, on failure too. */
static int open_level(PyObject *x, mjx_objects *out, level *at) {
  mjx_node_type *entry = mjx_tree_lookup(Py_TYPE(x));
  *at = (level){.kind = entry ? entry->kind : MJX_TREE_LEAVES};
  if (!entry) {
    int named = mjx_tree_is_namedtuple(x);
    if (named <= 0) return named;
    at->kind = MJX_TREE_NAMEDTUPLE;
  }
  switch (at->kind) {
    case MJX_TREE_NONE: return 0;
    case MJX_TREE_TUPLE:
    case MJX_TREE_LIST:
      at->n = PySequence_Fast_GET_SIZE(x);
      if (push_items(out, PySequence_Fast_ITEMS(x), at->n) < 0) return -1;
      return push_positions(out, &sequence_key_type, at->n);
    case MJX_TREE_DICT: return open_dict(x, out, at);
    case MJX_TREE_NAMEDTUPLE: return open_namedtuple(x, out, at);
    default: return open_custom(entry, x, out, at);
  }
}

/* ---- flattening ---- */

typedef struct walker {
  mjx_tree_flat flat; /* its leaves are pairs (path, leaf) */
  mjx_objects path;   /* the keys down to here */
  PyObject *is_leaf;  /* borrowed, or NULL */
  bool takes_path;    /* it is called with the path too */
} walker;

static PyObject *path_tuple(const walker *w) {
  PyObject *path = PyTuple_New(w->path.size);
  for (Py_ssize_t i = 0; path && i < w->path.size; i++) {
    PyTuple_SET_ITEM(path, i, Py_NewRef(w->path.items[i]));
  }
  return path;
}

static int add_leaf(walker *w, PyObject *x) {
  PyObject *path = path_tuple(w);
  PyObject *pair = path ? PyTuple_Pack(2, path, x) : NULL;
  Py_XDECREF(path);
  return pair ? mjx_tree_push_leaf(&w->flat, pair) : -1;
}

static int is_leaf_here(walker *w, PyObject *x) {
  if (!w->is_leaf) return 0;
  if (!w->takes_path) return mjx_tree_leaf_verdict(PyObject_CallOneArg(w->is_leaf, x));
  PyObject *path = path_tuple(w);
  if (!path) return -1;
  PyObject *args[2] = {path, x};
  PyObject *verdict = PyObject_Vectorcall(w->is_leaf, args, 2, NULL);
  Py_DECREF(path);
  return mjx_tree_leaf_verdict(verdict);
}

static int walk(walker *w, PyObject *x);

static int walk_children(walker *w, Py_ssize_t first, Py_ssize_t n) {
  for (Py_ssize_t i = first; i < first + n; i++) {
    PyObject *child = w->flat.pending.items[i];
    PyObject *key = w->flat.pending.items[i + n];
    w->flat.pending.items[i] = w->flat.pending.items[i + n] = NULL;
    int result = mjx_objects_push(&w->path, key);
    if (!result) result = walk(w, child);
    Py_DECREF(child);
    if (result < 0) return -1;
    mjx_objects_shrink(&w->path, w->path.size - 1);
  }
  w->flat.pending.size = first;
  return 0;
}

static int walk_level(walker *w, PyObject *x) {
  Py_ssize_t first = w->flat.pending.size;
  level at;
  int result = open_level(x, &w->flat.pending, &at);
  if (!result && at.kind == MJX_TREE_LEAVES) return add_leaf(w, x);
  if (!result) result = walk_children(w, first, at.n);
  if (!result) result = mjx_tree_push(&w->flat, (mjx_tree_kind)at.kind, at.n, at.type, at.data);
  close_level(&at);
  return result;
}

/* x must be kept alive by the caller. */
static int walk(walker *w, PyObject *x) {
  int verdict = is_leaf_here(w, x);
  if (verdict) return verdict < 0 ? -1 : add_leaf(w, x);
  if (mjx_tree_enter(&w->flat) < 0) return -1;
  return mjx_tree_leave(&w->flat, walk_level(w, x));
}

static PyObject *flatten_with_path(PyObject *module, PyObject *args, PyObject *kwargs) {
  (void)module;
  static char *names[] = {"tree", "is_leaf", "is_leaf_takes_path", NULL};
  PyObject *tree, *is_leaf = Py_None;
  int takes_path = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|Op:tree_flatten_with_path", names, &tree,
                                   &is_leaf, &takes_path)) {
    return NULL;
  }
  walker w = {.is_leaf = is_leaf == Py_None ? NULL : is_leaf, .takes_path = takes_path};
  mjx_tree_init(&w.flat);
  mjx_objects_init(&w.path);
  int result = walk(&w, tree);
  PyObject *treedef = result < 0 ? NULL : mjx_treedef_new(&w.flat);
  PyObject *leaves = treedef ? mjx_objects_to_list(&w.flat.leaves) : NULL;
  mjx_objects_clear(&w.path);
  mjx_tree_clear(&w.flat);
  if (leaves) return Py_BuildValue("(NN)", leaves, treedef);
  Py_XDECREF(treedef);
  return NULL;
}

/* [(key, child), ...] of n children, then n keys. */
static PyObject *pair_list(PyObject *const *items, Py_ssize_t n) {
  PyObject *list = PyList_New(n);
  for (Py_ssize_t i = 0; list && i < n; i++) {
    PyObject *pair = PyTuple_Pack(2, items[i + n], items[i]);
    if (!pair) {
      Py_CLEAR(list);
    } else {
      PyList_SET_ITEM(list, i, pair);
    }
  }
  return list;
}

static PyObject *one_level_with_keys(PyObject *module, PyObject *x) {
  (void)module;
  mjx_objects items;
  mjx_objects_init(&items);
  level at;
  PyObject *result = NULL;
  if (open_level(x, &items, &at) == 0) {
    if (at.kind == MJX_TREE_LEAVES) {
      result = Py_NewRef(Py_None);
    } else {
      const mjx_tree_node node = {at.kind, (int32_t)at.n, at.type, at.data};
      PyObject *pairs = pair_list(items.items, at.n);
      PyObject *data = mjx_tree_level_data(&node);
      if (pairs && data) result = PyTuple_Pack(2, pairs, data);
      Py_XDECREF(pairs);
      Py_XDECREF(data);
    }
  }
  close_level(&at);
  mjx_objects_clear(&items);
  return result;
}

static PyMethodDef functions[] = {
    {"tree_flatten_with_path", (PyCFunction)(void (*)(void))flatten_with_path,
     METH_VARARGS | METH_KEYWORDS,
     "tree_flatten_with_path(tree, is_leaf=None, is_leaf_takes_path=False)\n--\n\n"
     "-> ([(key path, leaf), ...], treedef)"},
    {"one_level_with_keys", one_level_with_keys, METH_O,
     "one_level_with_keys(tree, /)\n--\n\n"
     "-> ([(key, child), ...], data) of the top node; None for a leaf."},
    {0},
};

int mjx_tree_add_paths(PyObject *module) {
  if (add_key_type(module, "DictKey", &dict_key_type) < 0) return -1;
  if (add_key_type(module, "SequenceKey", &sequence_key_type) < 0) return -1;
  if (add_key_type(module, "GetAttrKey", &attribute_key_type) < 0) return -1;
  if (add_key_type(module, "FlattenedIndexKey", &index_key_type) < 0) return -1;
  return PyModule_AddFunctions(module, functions);
}
