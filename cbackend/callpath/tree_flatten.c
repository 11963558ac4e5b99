/* tree_flatten.c: a tree becomes its leaves and a list of nodes. */
#include <string.h>

#include "tree_internal.h"

/* Deeper than this is an error whatever sys.setrecursionlimit says: the C stack must suffice. */
enum { MAX_DEPTH = 6000 };

/* ---- objects ---- */

int mjx_objects_grow(mjx_objects *of, Py_ssize_t more) {
  Py_ssize_t capacity = of->capacity * 2;
  if (more > PY_SSIZE_T_MAX / (Py_ssize_t)sizeof(PyObject *) / 4 - of->size) {
    PyErr_NoMemory();
    return -1;
  }
  if (capacity < of->size + more) capacity = of->size + more;
  PyObject **held = of->items == of->local ? NULL : of->items;
  PyObject **items = PyMem_Realloc(held, (size_t)capacity * sizeof *items);
  if (!items) {
    PyErr_NoMemory();
    return -1;
  }
  if (!held) memcpy(items, of->local, (size_t)of->size * sizeof *items);
  of->items = items;
  of->capacity = capacity;
  return 0;
}

void mjx_objects_shrink(mjx_objects *of, Py_ssize_t size) {
  while (of->size > size) Py_XDECREF(of->items[--of->size]);
}

void mjx_objects_clear(mjx_objects *of) {
  mjx_objects_shrink(of, 0);
  if (of->items != of->local) PyMem_Free(of->items);
  mjx_objects_init(of);
}

/* ---- nodes ---- */

void mjx_tree_init(mjx_tree_flat *flat) {
  mjx_objects_init(&flat->leaves);
  mjx_objects_init(&flat->pending);
  flat->nodes = flat->local_nodes;
  flat->n_nodes = 0;
  flat->node_capacity = MJX_TREE_LOCAL_NODES;
  flat->run = flat->n_leaves = 0;
  flat->hash = 0;
  flat->has_data = flat->keeps = flat->none_is_leaf = false;
  flat->depth = 0;
  flat->leaf_type = NULL;
}

void mjx_tree_clear(mjx_tree_flat *flat) {
  for (Py_ssize_t i = 0; i < flat->n_nodes; i++) {
    Py_XDECREF(flat->nodes[i].type);
    Py_XDECREF(flat->nodes[i].data);
  }
  if (flat->nodes != flat->local_nodes) PyMem_Free(flat->nodes);
  mjx_objects_clear(&flat->leaves);
  mjx_objects_clear(&flat->pending);
  mjx_tree_init(flat);
}

static int grow_nodes(mjx_tree_flat *flat) {
  Py_ssize_t capacity = flat->node_capacity * 2;
  mjx_tree_node *held = flat->nodes == flat->local_nodes ? NULL : flat->nodes;
  mjx_tree_node *nodes = PyMem_Realloc(held, (size_t)capacity * sizeof *nodes);
  if (!nodes) {
    PyErr_NoMemory();
    return -1;
  }
  if (!held) memcpy(nodes, flat->local_nodes, sizeof flat->local_nodes);
  flat->nodes = nodes;
  flat->node_capacity = capacity;
  return 0;
}

static int add_node(mjx_tree_flat *flat, int kind, Py_ssize_t arity, PyObject *type,
                    PyObject *data) {
  if (arity > INT32_MAX) {
    PyErr_SetString(PyExc_OverflowError, "a pytree node with more than 2^31 - 1 children");
    return -1;
  }
  if (flat->n_nodes == flat->node_capacity && grow_nodes(flat) < 0) return -1;
  Py_XINCREF(type);
  Py_XINCREF(data);
  flat->nodes[flat->n_nodes++] = (mjx_tree_node){kind, (int32_t)arity, type, data};
  uint64_t hash = mjx_tree_mix(flat->hash, (uint64_t)arity << 3 | (uint64_t)kind);
  if (type) hash = mjx_tree_mix(hash, (uintptr_t)type);
  if (kind == MJX_TREE_DICT) hash = mjx_tree_mix(hash, ((mjx_keys *)data)->hash);
  flat->hash = hash;
  return 0;
}

int mjx_tree_flush(mjx_tree_flat *flat) {
  Py_ssize_t run = flat->run;
  if (!run) return 0;
  flat->run = 0;
  return add_node(flat, MJX_TREE_LEAVES, run, NULL, NULL);
}

int mjx_tree_push(mjx_tree_flat *flat, mjx_tree_kind kind, Py_ssize_t arity, PyObject *type,
                  PyObject *data) {
  if (kind >= MJX_TREE_CUSTOM) flat->has_data = true;
  if (kind >= MJX_TREE_NAMEDTUPLE || (kind == MJX_TREE_DICT && !((mjx_keys *)data)->plain)) {
    flat->keeps = true;
  }
  if (mjx_tree_flush(flat) < 0) return -1;
  return add_node(flat, kind, arity, type, data);
}

int mjx_tree_hash_with_data(mjx_tree_flat *flat, uint64_t *hash) {
  return mjx_tree_hash_data(flat->nodes, flat->n_nodes, hash);
}

int mjx_tree_hash_data(const mjx_tree_node *nodes, Py_ssize_t n, uint64_t *hash) {
  for (Py_ssize_t i = 0; i < n; i++) {
    if (nodes[i].kind < MJX_TREE_CUSTOM) continue;
    Py_hash_t value = PyObject_Hash(nodes[i].data);
    if (value == -1 && PyErr_Occurred()) {
      if (!PyErr_ExceptionMatches(PyExc_Exception)) return -1;
      PyErr_Clear();
      value = 0;
    }
    *hash = mjx_tree_mix(*hash, (uint64_t)value);
  }
  return 0;
}

/* ---- flattening ---- */

static int flatten_node(mjx_tree_flat *flat, PyObject *x, PyObject *is_leaf);

/* Takes the reference to `child`. */
static inline int flatten_child(mjx_tree_flat *flat, PyObject *child, PyObject *is_leaf) {
  if (Py_TYPE(child) == flat->leaf_type && !is_leaf) return mjx_tree_push_leaf(flat, child);
  int result = flatten_node(flat, child, is_leaf);
  Py_DECREF(child);
  return result;
}

int mjx_tree_enter(mjx_tree_flat *flat) {
  if (flat->depth >= MAX_DEPTH) {
    PyErr_SetString(PyExc_RecursionError, "a pytree is nested too deeply, or contains itself");
    return -1;
  }
  if (Py_EnterRecursiveCall(" while flattening a pytree")) return -1;
  flat->depth++;
  return 0;
}

/* Appends the leading items that are leaves of the type met last; returns how many. */
static inline Py_ssize_t take_leaves(mjx_tree_flat *flat, PyObject *const *items, Py_ssize_t n) {
  PyObject **to = flat->leaves.items + flat->leaves.size;
  PyTypeObject *leaf_type = flat->leaf_type;
  Py_ssize_t room = flat->leaves.capacity - flat->leaves.size;
  Py_ssize_t taken = 0;
  if (n > room) n = room;
  for (; taken < n && Py_TYPE(items[taken]) == leaf_type; taken++) {
    to[taken] = Py_NewRef(items[taken]);
  }
  flat->leaves.size += taken;
  flat->run += taken;
  flat->n_leaves += taken;
  return taken;
}

static int flatten_items(mjx_tree_flat *flat, PyObject *tuple, PyObject *is_leaf) {
  PyObject **items = PySequence_Fast_ITEMS(tuple);
  Py_ssize_t n = PyTuple_GET_SIZE(tuple);
  for (Py_ssize_t i = 0; i < n; i++) {
    if (!is_leaf) i += take_leaves(flat, items + i, n - i);
    if (i < n && flatten_child(flat, Py_NewRef(items[i]), is_leaf) < 0) return -1;
  }
  return 0;
}

static int flatten_tuple(mjx_tree_flat *flat, PyObject *x, PyObject *is_leaf) {
  if (flatten_items(flat, x, is_leaf) < 0) return -1;
  return mjx_tree_push(flat, MJX_TREE_TUPLE, PyTuple_GET_SIZE(x), NULL, NULL);
}

static int flatten_namedtuple(mjx_tree_flat *flat, PyObject *x, PyObject *is_leaf) {
  PyObject *type = Py_NewRef((PyObject *)Py_TYPE(x));
  int result = flatten_items(flat, x, is_leaf);
  if (!result) {
    result = mjx_tree_push(flat, MJX_TREE_NAMEDTUPLE, PyTuple_GET_SIZE(x), type, NULL);
  }
  Py_DECREF(type);
  return result;
}

static int flatten_list(mjx_tree_flat *flat, PyObject *x, PyObject *is_leaf) {
  Py_ssize_t n = PyList_GET_SIZE(x);
  for (Py_ssize_t i = 0; i < n; i++) {
    if (!is_leaf) i += take_leaves(flat, PySequence_Fast_ITEMS(x) + i, n - i);
    if (i < n && flatten_child(flat, Py_NewRef(PyList_GET_ITEM(x, i)), is_leaf) < 0) return -1;
    if (PyList_GET_SIZE(x) != n) {
      PyErr_SetString(PyExc_RuntimeError, "a list changed size while it was flattened");
      return -1;
    }
  }
  return mjx_tree_push(flat, MJX_TREE_LIST, n, NULL, NULL);
}

/* As take_leaves, but moves the references out of `items`. */
static inline Py_ssize_t move_leaves(mjx_tree_flat *flat, PyObject **items, Py_ssize_t n) {
  PyObject **to = flat->leaves.items + flat->leaves.size;
  PyTypeObject *leaf_type = flat->leaf_type;
  Py_ssize_t room = flat->leaves.capacity - flat->leaves.size;
  Py_ssize_t taken = 0;
  if (n > room) n = room;
  for (; taken < n && Py_TYPE(items[taken]) == leaf_type; taken++) {
    to[taken] = items[taken];
    items[taken] = NULL;
  }
  flat->leaves.size += taken;
  flat->run += taken;
  flat->n_leaves += taken;
  return taken;
}

/* Flattens the values in `pending` from `first` on, and takes them out. */
static int flatten_pending(mjx_tree_flat *flat, Py_ssize_t first, mjx_keys *keys,
                           PyObject *is_leaf) {
  Py_ssize_t n = Py_SIZE(keys);
  for (Py_ssize_t i = first; i < first + n; i++) {
    if (!is_leaf) i += move_leaves(flat, flat->pending.items + i, first + n - i);
    if (i == first + n) break;
    PyObject *child = flat->pending.items[i];
    flat->pending.items[i] = NULL;
    if (flatten_child(flat, child, is_leaf) < 0) return -1;
  }
  flat->pending.size = first;
  return mjx_tree_push(flat, MJX_TREE_DICT, n, NULL, (PyObject *)keys);
}

static int flatten_dict(mjx_tree_flat *flat, PyObject *x, PyObject *is_leaf) {
  Py_ssize_t first = flat->pending.size;
  mjx_keys *keys = mjx_tree_dict_values(x, &flat->pending);
  if (!keys) return -1;
  int result = flatten_pending(flat, first, keys, is_leaf);
  Py_DECREF(keys);
  return result;
}

int mjx_tree_flatten_named(mjx_tree_flat *flat, PyObject *const *names, PyObject *const *values,
                           Py_ssize_t n) {
  Py_ssize_t first = flat->pending.size;
  mjx_keys *keys = mjx_tree_named_values(names, values, n, &flat->pending);
  if (!keys) return -1;
  int result = flatten_pending(flat, first, keys, NULL);
  Py_DECREF(keys);
  return result;
}

static int flatten_custom(mjx_tree_flat *flat, PyObject *x, mjx_node_type *entry,
                          PyObject *is_leaf) {
  PyObject *children, *data;
  if (mjx_tree_take_apart(entry, x, &children, &data) < 0) return -1;
  int result = flatten_items(flat, children, is_leaf);
  if (!result) {
    result = mjx_tree_push(flat, (mjx_tree_kind)entry->kind, PyTuple_GET_SIZE(children),
                           (PyObject *)entry, data);
  }
  Py_DECREF(children);
  Py_DECREF(data);
  return result;
}

int mjx_tree_leaf_verdict(PyObject *verdict) {
  if (!verdict) return -1;
  int result = verdict == Py_True ? 1 : 0;
  if (!result && verdict != Py_False && verdict != Py_None) {
    PyErr_Format(PyExc_ValueError,
                 "is_leaf predicate returned a non-boolean value %R; expected a boolean", verdict);
    result = -1;
  }
  Py_DECREF(verdict);
  return result;
}

static int flatten_container(mjx_tree_flat *flat, PyObject *x, mjx_node_type *entry,
                             PyObject *is_leaf) {
  if (mjx_tree_enter(flat) < 0) return -1;
  switch (entry ? entry->kind : MJX_TREE_NAMEDTUPLE) {
    case MJX_TREE_TUPLE: return mjx_tree_leave(flat, flatten_tuple(flat, x, is_leaf));
    case MJX_TREE_LIST: return mjx_tree_leave(flat, flatten_list(flat, x, is_leaf));
    case MJX_TREE_DICT: return mjx_tree_leave(flat, flatten_dict(flat, x, is_leaf));
    case MJX_TREE_NAMEDTUPLE: return mjx_tree_leave(flat, flatten_namedtuple(flat, x, is_leaf));
    default: return mjx_tree_leave(flat, flatten_custom(flat, x, entry, is_leaf));
  }
}

/* x must be kept alive by the caller. */
static int flatten_node(mjx_tree_flat *flat, PyObject *x, PyObject *is_leaf) {
  if (is_leaf) {
    int verdict = mjx_tree_leaf_verdict(PyObject_CallOneArg(is_leaf, x));
    if (verdict < 0) return -1;
    if (verdict) return mjx_tree_push_leaf(flat, Py_NewRef(x));
  }
  if (x == Py_None && !flat->none_is_leaf) {
    return mjx_tree_push(flat, MJX_TREE_NONE, 0, NULL, NULL);
  }
  PyTypeObject *type = Py_TYPE(x);
  mjx_node_type *entry = x == Py_None ? NULL : mjx_tree_lookup(type);
  if (entry) return flatten_container(flat, x, entry, is_leaf);
  if (!PyTuple_Check(x)) {
    if (x != Py_None) flat->leaf_type = type;
    return mjx_tree_push_leaf(flat, Py_NewRef(x));
  }
  int named = mjx_tree_is_namedtuple(x);
  if (named < 0) return -1;
  return named ? flatten_container(flat, x, NULL, is_leaf) : mjx_tree_push_leaf(flat, Py_NewRef(x));
}

int mjx_tree_flatten(mjx_tree_flat *flat, PyObject *tree, PyObject *is_leaf) {
  return flatten_child(flat, Py_NewRef(tree), is_leaf);
}
