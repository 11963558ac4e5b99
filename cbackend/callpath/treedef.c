/* treedef.c: the type PyTreeDef. */
#include <string.h>

#include "tree_internal.h"

/* Structures of builtin types and strs are shared: a table of them saves making equal ones, and
 * comparing them is then a comparison of addresses.  It is emptied when it is full. */
enum { SHARED_SLOTS = 8192, MAX_SHARED = SHARED_SLOTS / 2, MAX_SHARED_NODES = 1 << 17 };

static struct {
  mjx_treedef **slots; /* strong */
  int used;
  Py_ssize_t n_nodes; /* in all of them */
} shared;

static mjx_treedef *leaf_def;

static void comparison_failed(void) {
  mjx_tree_error_from(
      "Exception raised while checking equality of metadata fields of pytree. Make sure that "
      "metadata fields are hashable and have simple equality semantics. (Note: arrays cannot be "
      "passed as metadata fields!)");
}

/* ---- cursors and nodes ---- */

Py_ssize_t mjx_cursor_skip(mjx_cursor *c) {
  Py_ssize_t n_leaves = 0;
  for (Py_ssize_t wanted = 1; wanted; mjx_cursor_step(c)) {
    if (mjx_cursor_on_leaf(c)) {
      n_leaves++;
      wanted--;
    } else {
      wanted += c->nodes[c->at].arity - 1;
    }
  }
  return n_leaves;
}

int mjx_tree_same_data(const mjx_tree_node *left, const mjx_tree_node *right) {
  if (left->data == right->data) return 1;
  if (left->kind == MJX_TREE_DICT) {
    return mjx_keys_equal((mjx_keys *)left->data, (mjx_keys *)right->data);
  }
  int differ = PyObject_RichCompareBool(left->data, right->data, Py_NE);
  return differ < 0 ? -1 : !differ;
}

static int same_nodes(const mjx_tree_node *left, const mjx_tree_node *right, Py_ssize_t n) {
  if (memcmp(left, right, (size_t)n * sizeof *left) == 0) return 1;
  for (Py_ssize_t i = 0; i < n; i++) {
    if (!mjx_tree_same_shape(&left[i], &right[i])) return 0;
  }
  for (Py_ssize_t i = 0; i < n; i++) {
    int same = mjx_tree_same_data(&left[i], &right[i]);
    if (same < 0) comparison_failed();
    if (same <= 0) return same;
  }
  return 1;
}

/* ---- making ---- */

static mjx_treedef *allocate(const mjx_tree_flat *flat) {
  Py_ssize_t n = flat->n_nodes;
  mjx_treedef *def = PyObject_GC_NewVar(mjx_treedef, &mjx_treedef_type, n);
  if (!def) return NULL;
  def->num_leaves = def->num_nodes = flat->n_leaves;
  def->hash = flat->hash;
  def->has_data = flat->has_data;
  def->runs_code = flat->keeps;
  for (Py_ssize_t i = 0; i < n; i++) {
    const mjx_tree_node *node = &flat->nodes[i];
    def->nodes[i] = *node;
    Py_XINCREF(node->type);
    Py_XINCREF(node->data);
    if (node->kind != MJX_TREE_LEAVES) def->num_nodes++;
  }
  if (flat->keeps) PyObject_GC_Track(def); /* it may be part of a cycle */
  return def;
}

static void forget_shared(void) {
  mjx_treedef **slots = shared.slots;
  mjx_treedef **fresh = PyMem_Calloc(SHARED_SLOTS, sizeof *fresh);
  if (!fresh) return;
  shared.slots = fresh;
  shared.used = 0;
  shared.n_nodes = 0;
  for (int i = 0; i < SHARED_SLOTS; i++) Py_XDECREF(slots[i]);
  PyMem_Free(slots);
}

static mjx_treedef **find_shared(const mjx_tree_flat *flat) {
  size_t size = (size_t)flat->n_nodes * sizeof *flat->nodes;
  size_t i = (size_t)(flat->hash >> 20) % SHARED_SLOTS;
  for (;; i = (i + 1) % SHARED_SLOTS) {
    mjx_treedef *at = shared.slots[i];
    if (!at || (at->hash == flat->hash && Py_SIZE(at) == flat->n_nodes &&
                memcmp(at->nodes, flat->nodes, size) == 0)) {
      return &shared.slots[i];
    }
  }
}

PyObject *mjx_treedef_new(mjx_tree_flat *flat) {
  bool is_leaf = flat->n_leaves == 1 && flat->n_nodes + (flat->run > 0) == 1;
  if (is_leaf && leaf_def) return Py_NewRef(leaf_def);
  if (mjx_tree_flush(flat) < 0) return NULL;
  if (flat->keeps || flat->n_nodes > MAX_SHARED_NODES / 64) return (PyObject *)allocate(flat);
  mjx_treedef *found = *find_shared(flat);
  if (found) return Py_NewRef(found);
  mjx_treedef *def = allocate(flat);
  if (!def) return NULL;
  if (shared.used >= MAX_SHARED || shared.n_nodes + flat->n_nodes > MAX_SHARED_NODES) {
    forget_shared();
  }
  mjx_treedef **slot = find_shared(flat); /* code that ran meanwhile may have added it */
  if (!*slot && shared.used < MAX_SHARED) {
    *slot = (mjx_treedef *)Py_NewRef(def);
    shared.used++;
    shared.n_nodes += flat->n_nodes;
  }
  return (PyObject *)def;
}

int mjx_treedef_matches(PyObject *treedef, mjx_tree_flat *flat) {
  const mjx_treedef *def = (mjx_treedef *)treedef;
  if (mjx_tree_flush(flat) < 0) return -1;
  if (Py_SIZE(def) != flat->n_nodes || def->num_leaves != flat->n_leaves || def->hash != flat->hash)
    return 0;
  return same_nodes(def->nodes, flat->nodes, flat->n_nodes);
}

/* ---- slots ---- */

static void treedef_dealloc(PyObject *self) {
  mjx_treedef *def = (mjx_treedef *)self;
  PyObject_GC_UnTrack(self);
  for (Py_ssize_t i = 0; i < Py_SIZE(def); i++) {
    Py_XDECREF(def->nodes[i].type);
    Py_XDECREF(def->nodes[i].data);
  }
  PyObject_GC_Del(self);
}

static int treedef_traverse(PyObject *self, visitproc visit, void *arg) {
  mjx_treedef *def = (mjx_treedef *)self;
  for (Py_ssize_t i = 0; i < Py_SIZE(def); i++) {
    Py_VISIT(def->nodes[i].type);
    Py_VISIT(def->nodes[i].data);
  }
  return 0;
}

static PyObject *treedef_compare(PyObject *left, PyObject *right, int op) {
  if ((op != Py_EQ && op != Py_NE) || Py_TYPE(right) != &mjx_treedef_type ||
      Py_TYPE(left) != &mjx_treedef_type) {
    Py_RETURN_NOTIMPLEMENTED;
  }
  const mjx_treedef *a = (mjx_treedef *)left, *b = (mjx_treedef *)right;
  int same = a == b;
  if (!same && Py_SIZE(a) == Py_SIZE(b) && a->num_leaves == b->num_leaves && a->hash == b->hash) {
    same = same_nodes(a->nodes, b->nodes, Py_SIZE(a));
  }
  return same < 0 ? NULL : PyBool_FromLong(same == (op == Py_EQ));
}

static Py_hash_t treedef_hash(PyObject *self) {
  mjx_treedef *def = (mjx_treedef *)self;
  uint64_t hash = def->hash;
  if (def->has_data && mjx_tree_hash_data(def->nodes, Py_SIZE(def), &hash) < 0) return -1;
  Py_hash_t value = (Py_hash_t)hash;
  return value == -1 ? -2 : value;
}

/* ---- parts ---- */

/* Appends what stands after `low` up to and with `high`; both may be within runs of leaves. */
static int add_part(mjx_tree_flat *flat, const mjx_cursor *low, const mjx_cursor *high) {
  for (Py_ssize_t i = low->at < 0 ? 0 : low->at; i <= high->at; i++) {
    const mjx_tree_node *node = &high->nodes[i];
    if (node->kind == MJX_TREE_LEAVES) {
      int32_t from = i == low->at ? low->left : 0;
      int32_t to = i == high->at ? high->left : node->arity;
      mjx_tree_add_leaves(flat, to - from);
    } else if (i != low->at) {
      if (mjx_tree_push(flat, (mjx_tree_kind)node->kind, node->arity, node->type, node->data) < 0) {
        return -1;
      }
    }
  }
  return 0;
}

static int add_nodes(mjx_tree_flat *flat, const mjx_treedef *def) {
  mjx_cursor low = mjx_cursor_at(def->nodes, 0);
  mjx_cursor high = mjx_cursor_at(def->nodes, Py_SIZE(def));
  return add_part(flat, &low, &high);
}

/* The PyTreeDef of what was built in `flat`, which is cleared; NULL if `built` is negative. */
static PyObject *finish(mjx_tree_flat *flat, int built) {
  PyObject *result = built < 0 ? NULL : mjx_treedef_new(flat);
  mjx_tree_clear(flat);
  return result;
}

static PyObject *treedef_children(PyObject *self, PyObject *unused) {
  (void)unused;
  const mjx_treedef *def = (mjx_treedef *)self;
  if (self == (PyObject *)leaf_def) return PyList_New(0);
  mjx_cursor at = mjx_cursor_at(def->nodes, Py_SIZE(def));
  Py_ssize_t n = at.nodes[at.at].arity;
  PyObject *list = PyList_New(n);
  if (!list) return NULL;
  mjx_cursor_step(&at);
  while (n--) {
    mjx_cursor high = at;
    mjx_cursor_skip(&at);
    mjx_tree_flat flat;
    mjx_tree_init(&flat);
    PyObject *child = finish(&flat, add_part(&flat, &at, &high));
    if (!child) {
      Py_DECREF(list);
      return NULL;
    }
    PyList_SET_ITEM(list, n, child);
  }
  return list;
}

/* The type of a node as users know it, borrowed. */
static PyObject *public_type(const mjx_tree_node *node) {
  switch (node->kind) {
    case MJX_TREE_NONE: return (PyObject *)Py_TYPE(Py_None);
    case MJX_TREE_TUPLE: return (PyObject *)&PyTuple_Type;
    case MJX_TREE_LIST: return (PyObject *)&PyList_Type;
    case MJX_TREE_DICT: return (PyObject *)&PyDict_Type;
    case MJX_TREE_NAMEDTUPLE: return node->type;
    default: return ((mjx_node_type *)node->type)->type;
  }
}

/* The data of a node as users know them, a new reference. */
static PyObject *public_data(const mjx_tree_node *node) {
  if (node->kind == MJX_TREE_DICT) return mjx_keys_as_list((mjx_keys *)node->data);
  return Py_NewRef(node->data ? node->data : Py_None);
}

static PyObject *treedef_node_data(PyObject *self, PyObject *unused) {
  (void)unused;
  const mjx_treedef *def = (mjx_treedef *)self;
  if (self == (PyObject *)leaf_def) Py_RETURN_NONE;
  const mjx_tree_node *root = &def->nodes[Py_SIZE(def) - 1];
  return Py_BuildValue("(ON)", public_type(root), public_data(root));
}

static PyObject *treedef_nodes(PyObject *self, PyObject *unused) {
  (void)unused;
  const mjx_treedef *def = (mjx_treedef *)self;
  PyObject *list = PyList_New(0);
  for (Py_ssize_t i = 0; list && i < Py_SIZE(def); i++) {
    const mjx_tree_node *node = &def->nodes[i];
    bool leaves = node->kind == MJX_TREE_LEAVES;
    PyObject *item =
        leaves ? Py_BuildValue("(OiO)", Py_None, node->arity, Py_None)
               : Py_BuildValue("(OiN)", public_type(node), node->arity, public_data(node));
    if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
    Py_XDECREF(item);
  }
  return list;
}

/* ---- making them from parts ---- */

/* Appends the node that users know as (type, data). */
static int push_public(mjx_tree_flat *flat, PyObject *type, PyObject *data, Py_ssize_t arity) {
  mjx_node_type *entry = PyType_Check(type) ? mjx_tree_lookup((PyTypeObject *)type) : NULL;
  int kind = entry ? entry->kind : MJX_TREE_NAMEDTUPLE;
  if (kind == MJX_TREE_DICT) {
    mjx_keys *keys = mjx_keys_from(data);
    if (!keys) return -1;
    int result = -1;
    if (Py_SIZE(keys) == arity) {
      result = mjx_tree_push(flat, MJX_TREE_DICT, arity, NULL, (PyObject *)keys);
    } else {
      PyErr_Format(PyExc_ValueError, "%zd keys for %zd children", Py_SIZE(keys), arity);
    }
    Py_DECREF(keys);
    return result;
  }
  if (kind >= MJX_TREE_CUSTOM) {
    return mjx_tree_push(flat, (mjx_tree_kind)kind, arity, (PyObject *)entry, data);
  }
  if (kind == MJX_TREE_NAMEDTUPLE) {
    if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, &PyTuple_Type) ||
        !PyObject_HasAttrString(type, "_fields")) {
      PyErr_Format(PyExc_RuntimeError, "Could not find type: %S is not registered as a pytree node",
                   type);
      return -1;
    }
    return mjx_tree_push(flat, MJX_TREE_NAMEDTUPLE, arity, type, NULL);
  }
  if (kind == MJX_TREE_NONE && arity) {
    PyErr_SetString(PyExc_ValueError, "None has no children");
    return -1;
  }
  return mjx_tree_push(flat, (mjx_tree_kind)kind, arity, NULL, NULL);
}

/* One (type, arity, data) of treedef_nodes; *have counts the subtrees that have no parent yet. */
static int push_described(mjx_tree_flat *flat, PyObject *item, Py_ssize_t *have) {
  PyObject *type, *data;
  int arity;
  if (!PyTuple_Check(item)) {
    PyErr_SetString(PyExc_TypeError, "a node is described by a tuple (type, arity, data)");
    return -1;
  }
  if (!PyArg_ParseTuple(item, "OiO", &type, &arity, &data)) return -1;
  bool leaves = type == Py_None;
  if (arity < 0 || (leaves ? arity == 0 : arity > *have)) {
    PyErr_SetString(PyExc_ValueError, "these nodes are no structure");
    return -1;
  }
  *have += leaves ? arity : 1 - arity;
  if (!leaves) return push_public(flat, type, data, arity);
  mjx_tree_add_leaves(flat, arity);
  return 0;
}

static PyObject *treedef_from_nodes(PyObject *module, PyObject *nodes) {
  (void)module;
  PyObject *items = PySequence_Tuple(nodes);
  if (!items) return NULL;
  mjx_tree_flat flat;
  mjx_tree_init(&flat);
  Py_ssize_t have = 0;
  int result = 0;
  for (Py_ssize_t i = 0; !result && i < PyTuple_GET_SIZE(items); i++) {
    result = push_described(&flat, PyTuple_GET_ITEM(items, i), &have);
  }
  if (!result && have != 1) {
    PyErr_SetString(PyExc_ValueError, "these nodes are no structure");
    result = -1;
  }
  Py_DECREF(items);
  return finish(&flat, result);
}

/* Appends structures; -1 if one of them is none. */
static int add_defs(mjx_tree_flat *flat, PyObject *defs) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(defs); i++) {
    PyObject *def = PyTuple_GET_ITEM(defs, i);
    if (Py_TYPE(def) != &mjx_treedef_type) {
      PyErr_Format(PyExc_TypeError, "children must be PyTreeDefs, got %R", def);
      return -1;
    }
    if (add_nodes(flat, (mjx_treedef *)def) < 0) return -1;
  }
  return 0;
}

static PyObject *make_from_parts(PyObject *node_data, PyObject *children) {
  Py_ssize_t n = PyTuple_GET_SIZE(children);
  mjx_tree_flat flat;
  mjx_tree_init(&flat);
  int result = add_defs(&flat, children);
  if (!result && node_data == Py_None) {
    if (n) {
      PyErr_SetString(PyExc_RuntimeError, "a leaf PyTreeDef (node_data None) has no children");
      result = -1;
    }
    mjx_tree_add_leaves(&flat, 1);
  } else if (!result) {
    PyObject *type, *data;
    result = -1;
    if (!PyTuple_Check(node_data)) {
      PyErr_SetString(PyExc_TypeError, "node_data must be None or a tuple (type, data)");
    } else if (PyArg_ParseTuple(node_data, "OO", &type, &data)) {
      result = push_public(&flat, type, data, n);
    }
  }
  return finish(&flat, result);
}

static PyObject *treedef_from_parts(PyObject *unused, PyObject *args) {
  (void)unused;
  PyObject *registry, *node_data, *iterable;
  if (!PyArg_ParseTuple(args, "OOO", &registry, &node_data, &iterable)) return NULL;
  PyObject *children = PySequence_Tuple(iterable);
  if (!children) return NULL;
  PyObject *result = make_from_parts(node_data, children);
  Py_DECREF(children);
  return result;
}

static PyObject *treedef_compose(PyObject *self, PyObject *inner) {
  if (Py_TYPE(inner) != &mjx_treedef_type) {
    return PyErr_Format(PyExc_TypeError, "compose takes a PyTreeDef, got %R", inner);
  }
  const mjx_treedef *def = (mjx_treedef *)self;
  mjx_tree_flat flat;
  mjx_tree_init(&flat);
  int result = 0;
  for (Py_ssize_t i = 0; !result && i < Py_SIZE(def); i++) {
    const mjx_tree_node *node = &def->nodes[i];
    if (node->kind == MJX_TREE_LEAVES) {
      for (int32_t j = 0; !result && j < node->arity; j++) {
        result = add_nodes(&flat, (mjx_treedef *)inner);
      }
    } else {
      result = mjx_tree_push(&flat, (mjx_tree_kind)node->kind, node->arity, node->type, node->data);
    }
  }
  return finish(&flat, result);
}

static PyObject *treedef_reduce(PyObject *self, PyObject *unused) {
  (void)unused;
  PyObject *module = PyImport_ImportModule("minijax._callpath");
  if (!module) return NULL;
  PyObject *maker = PyObject_GetAttrString(module, "treedef_from_nodes");
  Py_DECREF(module);
  if (!maker) return NULL;
  PyObject *nodes = treedef_nodes(self, NULL);
  if (!nodes) {
    Py_DECREF(maker);
    return NULL;
  }
  return Py_BuildValue("(N(N))", maker, nodes);
}

static PyObject *treedef_itself(PyObject *self, PyObject *unused) {
  (void)unused;
  return Py_NewRef(self);
}

/* ---- the type ---- */

static PyObject *treedef_unflatten(PyObject *self, PyObject *leaves) {
  return mjx_treedef_unflatten_any((mjx_treedef *)self, leaves);
}

static PyMethodDef methods[] = {
    {"children", treedef_children, METH_NOARGS,
     "children($self, /)\n--\n\nThe structures of the children, in traversal order."},
    {"node_data", treedef_node_data, METH_NOARGS,
     "node_data($self, /)\n--\n\n"
     "`(type, data)` of the top node; None when this is a single leaf."},
    {"from_node_data_and_children", treedef_from_parts, METH_VARARGS | METH_STATIC,
     "from_node_data_and_children(registry, node_data, children, /)\n--\n\n"
     "The inverse of `node_data()` and `children()`."},
    {"make_from_node_data_and_children", treedef_from_parts, METH_VARARGS | METH_STATIC,
     "make_from_node_data_and_children(registry, node_data, children, /)\n--\n\n"
     "The inverse of `node_data()` and `children()`."},
    {"unflatten", treedef_unflatten, METH_O,
     "unflatten($self, leaves, /)\n--\n\n"
     "The tree of this structure with `leaves` (any iterable) as its leaves."},
    {"flatten_up_to", mjx_treedef_flatten_up_to, METH_O,
     "flatten_up_to($self, tree, /)\n--\n\n"
     "The subtrees of `tree` at this structure's leaves.\n\n"
     "Raises ValueError where this structure is not a prefix of the tree."},
    {"compose", treedef_compose, METH_O,
     "compose($self, inner, /)\n--\n\n"
     "This structure with every leaf replaced by the structure `inner`."},
    {"walk", mjx_treedef_walk, METH_VARARGS,
     "walk($self, f_node, f_leaf, leaves, /)\n--\n\n"
     "Folds bottom-up: f_leaf(leaf), then f_node(tuple of results, node data).\n\n"
     "f_leaf None stands for the identity."},
    {"from_iterable_tree", mjx_treedef_from_iterable_tree, METH_O,
     "from_iterable_tree($self, tree, /)\n--\n\n"
     "Rebuilds a tree of this structure from nested iterables of equal arity."},
    {"_nodes", treedef_nodes, METH_NOARGS,
     "_nodes($self, /)\n--\n\n"
     "The nodes in post-order, each (type, arity, data); a run of leaves has type None."},
    {"__reduce__", treedef_reduce, METH_NOARGS, NULL},
    {"__copy__", treedef_itself, METH_NOARGS, NULL},
    {"__deepcopy__", treedef_itself, METH_O, NULL},
    {0},
};

static PyMemberDef members[] = {
    {"num_leaves", T_PYSSIZET, offsetof(mjx_treedef, num_leaves), READONLY,
     "The number of leaves."},
    {"num_nodes", T_PYSSIZET, offsetof(mjx_treedef, num_nodes), READONLY,
     "The number of nodes, leaves included."},
    {0},
};

/* Immutable, so like a tuple it needs no tp_clear: every cycle passes through something else. */
PyTypeObject mjx_treedef_type = {
    .ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minijax.tree_util.PyTreeDef",
    .tp_doc =
        "The structure of a pytree without its leaves. Immutable, hashable, picklable.\n\n"
        "Made by `tree_flatten` and its like, never by calling the class.",
    .tp_basicsize = offsetof(mjx_treedef, nodes),
    .tp_itemsize = sizeof(mjx_tree_node),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = treedef_dealloc,
    .tp_traverse = treedef_traverse,
    .tp_richcompare = treedef_compare,
    .tp_hash = treedef_hash,
    .tp_repr = mjx_treedef_text,
    .tp_methods = methods,
    .tp_members = members,
};

static PyMethodDef functions[] = {
    {"treedef_from_nodes", treedef_from_nodes, METH_O,
     "treedef_from_nodes(nodes, /)\n--\n\n"
     "The PyTreeDef of (type, arity, data) triples in post-order, as `_nodes` gives them."},
    {0},
};

int mjx_tree_add_treedef(PyObject *module) {
  if (PyType_Ready(&mjx_treedef_type) < 0) return -1;
  if (!shared.slots && !(shared.slots = PyMem_Calloc(SHARED_SLOTS, sizeof *shared.slots))) {
    PyErr_NoMemory();
    return -1;
  }
  if (!leaf_def) {
    mjx_tree_flat flat;
    mjx_tree_init(&flat);
    mjx_tree_add_leaves(&flat, 1);
    if (!(leaf_def = (mjx_treedef *)finish(&flat, 0))) return -1;
  }
  if (PyModule_AddObjectRef(module, "PyTreeDef", (PyObject *)&mjx_treedef_type) < 0) return -1;
  if (PyModule_AddObjectRef(module, "LEAF", (PyObject *)leaf_def) < 0) return -1;
  return PyModule_AddFunctions(module, functions);
}
