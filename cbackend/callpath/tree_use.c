/* tree_use.c: what structures are for: unflatten, flatten_up_to, walk. */
#include <string.h>

#include "tree_internal.h"

/* ---- putting trees together ---- */

static PyObject *make_tuple(PyObject *const *items, Py_ssize_t n) {
  PyObject *tuple = PyTuple_New(n);
  for (Py_ssize_t i = 0; tuple && i < n; i++) PyTuple_SET_ITEM(tuple, i, Py_NewRef(items[i]));
  return tuple;
}

/* Makes a node whose kind says that it takes references as they are: a tuple or a list. */
static int assemble_sequence(const mjx_tree_node *node, mjx_objects *stack, Py_ssize_t first) {
  Py_ssize_t n = node->arity;
  PyObject *made = node->kind == MJX_TREE_TUPLE ? PyTuple_New(n) : PyList_New(n);
  if (!made) return -1;
  if (n) memcpy(PySequence_Fast_ITEMS(made), stack->items + first, (size_t)n * sizeof made);
  stack->size = first;
  return mjx_objects_push(stack, made);
}

static PyObject *make_node(const mjx_tree_node *node, PyObject *const *items) {
  switch (node->kind) {
    case MJX_TREE_NONE: return Py_NewRef(Py_None);
    case MJX_TREE_DICT: return mjx_keys_make_dict((mjx_keys *)node->data, items);
    case MJX_TREE_NAMEDTUPLE: return PyObject_Vectorcall(node->type, items, node->arity, NULL);
    default:
      return mjx_tree_put_together((mjx_node_type *)node->type, node->data, items, node->arity);
  }
}

/* Replaces the last `node->arity` items of the stack by the node over them. */
static int assemble(const mjx_tree_node *node, mjx_objects *stack) {
  Py_ssize_t first = stack->size - node->arity;
  if (node->kind == MJX_TREE_TUPLE || node->kind == MJX_TREE_LIST) {
    return assemble_sequence(node, stack, first);
  }
  PyObject *made = make_node(node, stack->items + first);
  if (!made) return -1;
  mjx_objects_shrink(stack, first);
  return mjx_objects_push(stack, made);
}

static int push_leaves(mjx_objects *stack, PyObject *const *leaves, Py_ssize_t n) {
  if (mjx_objects_reserve(stack, n) < 0) return -1;
  PyObject **to = stack->items + stack->size;
  for (Py_ssize_t i = 0; i < n; i++) to[i] = Py_NewRef(leaves[i]);
  stack->size += n;
  return 0;
}

/* The one object of the stack, which it clears; NULL if `result` is negative. */
static PyObject *pop_only(mjx_objects *stack, int result) {
  PyObject *made = result < 0 ? NULL : stack->items[--stack->size];
  mjx_objects_clear(stack);
  return made;
}

PyObject *mjx_tree_unflatten_nodes(const mjx_tree_node *nodes, Py_ssize_t n_nodes,
                                   PyObject *const *leaves) {
  mjx_objects stack;
  mjx_objects_init(&stack);
  int result = 0;
  for (Py_ssize_t i = 0; !result && i < n_nodes; i++) {
    if (nodes[i].kind == MJX_TREE_LEAVES) {
      result = push_leaves(&stack, leaves, nodes[i].arity);
      leaves += nodes[i].arity;
    } else {
      result = assemble(&nodes[i], &stack);
    }
  }
  return pop_only(&stack, result);
}

PyObject *mjx_treedef_unflatten(PyObject *treedef, PyObject *const *leaves, Py_ssize_t n) {
  const mjx_treedef *def = (mjx_treedef *)treedef;
  if (n > def->num_leaves) {
    return PyErr_Format(PyExc_ValueError, "Too many leaves for PyTreeDef; expected %zd.",
                        def->num_leaves);
  }
  if (n < def->num_leaves) {
    return PyErr_Format(PyExc_ValueError, "Too few leaves for PyTreeDef; expected %zd, got %zd",
                        def->num_leaves, n);
  }
  if (Py_SIZE(def) == 1 && n == 1) return Py_NewRef(leaves[0]);
  return mjx_tree_unflatten_nodes(def->nodes, Py_SIZE(def), leaves);
}

/* Up to `most` items of an iterable, in a new list. */
static PyObject *first_items(PyObject *iterable, Py_ssize_t most) {
  PyObject *iterator = PyObject_GetIter(iterable);
  if (!iterator) return NULL;
  PyObject *list = PyList_New(0);
  while (list && PyList_GET_SIZE(list) < most) {
    PyObject *item = PyIter_Next(iterator);
    if (!item) break;
    if (PyList_Append(list, item) < 0) Py_CLEAR(list);
    Py_DECREF(item);
  }
  Py_DECREF(iterator);
  if (PyErr_Occurred()) Py_CLEAR(list);
  return list;
}

PyObject *mjx_treedef_unflatten_any(mjx_treedef *def, PyObject *leaves) {
  PyObject *held;
  if (PyTuple_CheckExact(leaves)) {
    held = Py_NewRef(leaves);
  } else if (PyList_CheckExact(leaves)) {
    /* Code that runs meanwhile could change the list. */
    held = def->runs_code ? PyList_AsTuple(leaves) : Py_NewRef(leaves);
  } else {
    held = first_items(leaves, def->num_leaves + 1);
  }
  if (!held) return NULL;
  PyObject *tree = mjx_treedef_unflatten((PyObject *)def, PySequence_Fast_ITEMS(held),
                                         PySequence_Fast_GET_SIZE(held));
  Py_DECREF(held);
  return tree;
}

/* ---- flatten_up_to ---- */

static int push_tuple(PyObject *tuple, mjx_objects *out) {
  return push_leaves(out, PySequence_Fast_ITEMS(tuple), PyTuple_GET_SIZE(tuple));
}

static int check_arity(const char *what, const char *noun, Py_ssize_t found,
                       const mjx_tree_node *node, PyObject *x) {
  if (found == node->arity) return 0;
  PyErr_Format(PyExc_ValueError, "%s arity mismatch: %zd != %d; %s: %R.", what, found,
               (int)node->arity, noun, x);
  return -1;
}

static int expected(const char *what, PyObject *x) {
  PyErr_Format(PyExc_ValueError, "Expected %s, got %R.", what, x);
  return -1;
}

static int open_none(PyObject *x) {
  if (x == Py_None) return 0;
  PyErr_Format(PyExc_ValueError,
               "Expected None, got %R.\n\nNone is a pytree node without leaves, hence no prefix "
               "of any other value. To treat None as a leaf, pass is_leaf=lambda x: x is None.",
               x);
  return -1;
}

static int open_list(const mjx_tree_node *node, PyObject *x, mjx_objects *out) {
  if (!PyList_CheckExact(x)) return expected("list", x);
  if (check_arity("List", "list", PyList_GET_SIZE(x), node, x) < 0) return -1;
  return push_leaves(out, PySequence_Fast_ITEMS(x), PyList_GET_SIZE(x));
}

static int open_tuple(const mjx_tree_node *node, PyObject *x, mjx_objects *out) {
  if (!PyTuple_CheckExact(x)) return expected("tuple", x);
  if (check_arity("Tuple", "tuple", PyTuple_GET_SIZE(x), node, x) < 0) return -1;
  return push_tuple(x, out);
}

static int keys_differ(const mjx_keys *wanted, const mjx_keys *found) {
  PyObject *wanted_list = mjx_keys_as_list(wanted);
  PyObject *found_list = mjx_keys_as_list(found);
  if (wanted_list && found_list) {
    PyErr_Format(PyExc_ValueError, "Dict key mismatch; expected keys: %R; present keys: %R.",
                 wanted_list, found_list);
  }
  Py_XDECREF(wanted_list);
  Py_XDECREF(found_list);
  return -1;
}

static int open_dict(const mjx_tree_node *node, PyObject *x, mjx_objects *out) {
  if (!PyDict_CheckExact(x)) return expected("dict", x);
  const mjx_keys *wanted = (mjx_keys *)node->data;
  mjx_keys *found = mjx_tree_dict_values(x, out);
  if (!found) return -1;
  int equal = mjx_keys_equal(wanted, found);
  if (!equal) equal = keys_differ(wanted, found);
  Py_DECREF(found);
  return equal < 0 ? -1 : 0;
}

static int open_namedtuple(const mjx_tree_node *node, PyObject *x, mjx_objects *out) {
  int named = mjx_tree_is_namedtuple(x);
  if (named < 0) return -1;
  if (!named) return expected("named tuple", x);
  if (check_arity("Named tuple", "tuple", PyTuple_GET_SIZE(x), node, x) < 0) return -1;
  if ((PyObject *)Py_TYPE(x) != node->type) {
    PyErr_Format(PyExc_ValueError, "Named tuple type mismatch: expected type: %S, tuple: %R.",
                 node->type, x);
    return -1;
  }
  return push_tuple(x, out);
}

static int open_custom(const mjx_tree_node *node, PyObject *x, mjx_objects *out) {
  mjx_node_type *entry = (mjx_node_type *)node->type;
  const char *what = entry->kind == MJX_TREE_DATACLASS ? "dataclass node" : "node";
  if (mjx_tree_lookup(Py_TYPE(x)) != entry) {
    PyErr_Format(PyExc_ValueError, "Custom %s type mismatch: expected type: %S, value: %R.", what,
                 entry->type, x);
    return -1;
  }
  mjx_tree_node found = *node;
  PyObject *children;
  if (mjx_tree_take_apart(entry, x, &children, &found.data) < 0) return -1;
  int same = mjx_tree_same_data(node, &found);
  if (!same) {
    PyErr_Format(PyExc_ValueError, "Mismatch custom %s data: %R != %R; value: %R.", what,
                 node->data, found.data, x);
  }
  int result = -1;
  if (same > 0 && check_arity("Custom type", "value", PyTuple_GET_SIZE(children), node, x) == 0) {
    result = push_tuple(children, out);
  }
  Py_DECREF(children);
  Py_DECREF(found.data);
  return result;
}

/* Appends the children of x, which must be a node as `node` says. */
static int open_node(const mjx_tree_node *node, PyObject *x, mjx_objects *out) {
  switch (node->kind) {
    case MJX_TREE_NONE: return open_none(x);
    case MJX_TREE_TUPLE: return open_tuple(node, x, out);
    case MJX_TREE_LIST: return open_list(node, x, out);
    case MJX_TREE_DICT: return open_dict(node, x, out);
    case MJX_TREE_NAMEDTUPLE: return open_namedtuple(node, x, out);
    default: return open_custom(node, x, out);
  }
}

typedef int (*open_fn)(const mjx_tree_node *node, PyObject *x, mjx_objects *out);

static int flatten_up_to(const mjx_tree_node *nodes, Py_ssize_t n_nodes, Py_ssize_t n_leaves,
                         PyObject *x, open_fn open, mjx_objects *out) {
  if (mjx_objects_reserve(out, n_leaves) < 0) return -1;
  PyObject **leaf = out->items + out->size + n_leaves;
  memset(leaf - n_leaves, 0, (size_t)n_leaves * sizeof *leaf);
  out->size += n_leaves;
  mjx_objects agenda;
  mjx_objects_init(&agenda);
  int result = mjx_objects_push(&agenda, Py_NewRef(x));
  for (mjx_cursor at = mjx_cursor_at(nodes, n_nodes); !result && at.at >= 0; mjx_cursor_step(&at)) {
    PyObject *last = agenda.items[--agenda.size];
    if (mjx_cursor_on_leaf(&at)) {
      *--leaf = last;
    } else {
      result = open(&nodes[at.at], last, &agenda);
      Py_DECREF(last);
    }
  }
  mjx_objects_clear(&agenda);
  return result;
}

int mjx_tree_flatten_up_to(const mjx_tree_node *nodes, Py_ssize_t n_nodes, Py_ssize_t n_leaves,
                           PyObject *x, mjx_objects *out) {
  return flatten_up_to(nodes, n_nodes, n_leaves, x, open_node, out);
}

PyObject *mjx_objects_to_list(mjx_objects *from) {
  PyObject *list = PyList_New(from->size);
  if (list && from->size) {
    memcpy(PySequence_Fast_ITEMS(list), from->items, (size_t)from->size * sizeof *from->items);
    from->size = 0;
  }
  mjx_objects_clear(from);
  return list;
}

PyObject *mjx_treedef_flatten_up_to(PyObject *self, PyObject *tree) {
  const mjx_treedef *def = (mjx_treedef *)self;
  mjx_objects subtrees;
  mjx_objects_init(&subtrees);
  if (mjx_tree_flatten_up_to(def->nodes, Py_SIZE(def), def->num_leaves, tree, &subtrees) < 0) {
    mjx_objects_clear(&subtrees);
    return NULL;
  }
  return mjx_objects_to_list(&subtrees);
}

/* ---- walk ---- */

/* Appends f_leaf of the next leaf. */
static int walk_leaf(PyObject *f_leaf, PyObject *iterator, mjx_objects *stack) {
  PyObject *leaf = PyIter_Next(iterator);
  if (!leaf) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "Too few leaves for PyTreeDef");
    return -1;
  }
  if (f_leaf != Py_None) Py_SETREF(leaf, PyObject_CallOneArg(f_leaf, leaf));
  return leaf ? mjx_objects_push(stack, leaf) : -1;
}

static int walk_node(PyObject *f_node, const mjx_tree_node *node, mjx_objects *stack) {
  Py_ssize_t first = stack->size - node->arity;
  PyObject *args[2] = {make_tuple(stack->items + first, node->arity), NULL};
  if (node->kind == MJX_TREE_DICT) {
    args[1] = mjx_keys_as_list((mjx_keys *)node->data);
  } else if (node->kind == MJX_TREE_NAMEDTUPLE) {
    args[1] = Py_NewRef(node->type);
  } else {
    args[1] = Py_NewRef(node->data ? node->data : Py_None);
  }
  PyObject *made = args[0] && args[1] ? PyObject_Vectorcall(f_node, args, 2, NULL) : NULL;
  Py_XDECREF(args[0]);
  Py_XDECREF(args[1]);
  if (!made) return -1;
  mjx_objects_shrink(stack, first);
  return mjx_objects_push(stack, made);
}

static int check_exhausted(PyObject *iterator) {
  PyObject *leaf = PyIter_Next(iterator);
  if (!leaf) return PyErr_Occurred() ? -1 : 0;
  Py_DECREF(leaf);
  PyErr_SetString(PyExc_ValueError, "Too many leaves for PyTreeDef");
  return -1;
}

PyObject *mjx_treedef_walk(PyObject *self, PyObject *args) {
  const mjx_treedef *def = (mjx_treedef *)self;
  PyObject *f_node, *f_leaf, *leaves;
  if (!PyArg_ParseTuple(args, "OOO:walk", &f_node, &f_leaf, &leaves)) return NULL;
  PyObject *iterator = PyObject_GetIter(leaves);
  if (!iterator) return NULL;
  mjx_objects stack;
  mjx_objects_init(&stack);
  int result = 0;
  for (Py_ssize_t i = 0; !result && i < Py_SIZE(def); i++) {
    const mjx_tree_node *node = &def->nodes[i];
    if (node->kind != MJX_TREE_LEAVES) {
      result = walk_node(f_node, node, &stack);
      continue;
    }
    for (int32_t j = 0; !result && j < node->arity; j++) {
      result = walk_leaf(f_leaf, iterator, &stack);
    }
  }
  if (!result) result = check_exhausted(iterator);
  Py_DECREF(iterator);
  return pop_only(&stack, result);
}

/* ---- from_iterable_tree ---- */

/* As open_node, for a tree of other iterables. */
static int open_iterable(const mjx_tree_node *node, PyObject *x, mjx_objects *out) {
  PyObject *children = PySequence_Tuple(x);
  if (!children) return -1;
  int result = -1;
  if (PyTuple_GET_SIZE(children) == node->arity) {
    result = push_tuple(children, out);
  } else {
    PyErr_SetString(PyExc_ValueError, "Arity mismatch between trees");
  }
  Py_DECREF(children);
  return result;
}

PyObject *mjx_treedef_from_iterable_tree(PyObject *self, PyObject *tree) {
  const mjx_treedef *def = (mjx_treedef *)self;
  mjx_objects leaves;
  mjx_objects_init(&leaves);
  PyObject *made = NULL;
  if (flatten_up_to(def->nodes, Py_SIZE(def), def->num_leaves, tree, open_iterable, &leaves) == 0) {
    made = mjx_treedef_unflatten(self, leaves.items, leaves.size);
  }
  mjx_objects_clear(&leaves);
  return made;
}
