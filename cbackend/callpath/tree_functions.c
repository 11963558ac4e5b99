/* tree_functions.c: the pytree functions that Python calls. */
#include <string.h>

#include "tree_internal.h"

/* ---- errors ---- */

/* Python's function (name, tree, other, is_leaf, error) that raises a better error than `error`, or
 * returns: see minijax/_pytree_prefix.py. */
static PyObject *explain;

static PyObject *set_misfit_hook(PyObject *module, PyObject *function) {
  (void)module;
  Py_XSETREF(explain, Py_NewRef(function));
  Py_RETURN_NONE;
}

/* ---- arguments ---- */

typedef struct signature {
  const char *function;
  const char *names[3];
  int n_names, n_positional, n_required;
} signature;

static int find_name(const signature *of, PyObject *name) {
  for (int i = 0; i < of->n_names; i++) {
    if (PyUnicode_CompareWithASCIIString(name, of->names[i]) == 0) return i;
  }
  return -1;
}

/* Binds arguments to out[n_names], borrowed; those that are missing are NULL. */
static int bind(const signature *of, PyObject *const *args, Py_ssize_t n_args,
                PyObject *const *keyword_args, PyObject *kwnames, PyObject **out) {
  if (n_args > of->n_positional) {
    PyErr_Format(PyExc_TypeError, "%s() takes %d positional arguments but %zd were given",
                 of->function, of->n_positional, n_args);
    return -1;
  }
  for (int i = 0; i < of->n_names; i++) out[i] = i < n_args ? args[i] : NULL;
  for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); i++) {
    PyObject *name = PyTuple_GET_ITEM(kwnames, i);
    int at = find_name(of, name);
    if (at < 0 || out[at]) {
      PyErr_Format(PyExc_TypeError, "%s() got %s '%U'", of->function,
                   at < 0 ? "an unexpected keyword argument" : "multiple values for argument",
                   name);
      return -1;
    }
    out[at] = keyword_args[i];
  }
  for (int i = 0; i < of->n_required; i++) {
    if (out[i]) continue;
    PyErr_Format(PyExc_TypeError, "%s() missing a required argument: '%s'", of->function,
                 of->names[i]);
    return -1;
  }
  return 0;
}

static inline PyObject *given(PyObject *argument) { return argument == Py_None ? NULL : argument; }

/* Binds (tree, is_leaf=None) and flattens; on success the caller clears `flat`. */
static int flatten_call(const char *function, mjx_tree_flat *flat, PyObject *const *args,
                        Py_ssize_t n_args, PyObject *kwnames) {
  PyObject *bound[2];
  if (n_args == 1 && !kwnames) {
    bound[0] = args[0];
    bound[1] = NULL;
  } else {
    const signature of = {function, {"tree", "is_leaf"}, 2, 2, 1};
    if (bind(&of, args, n_args, args + n_args, kwnames, bound) < 0) return -1;
  }
  mjx_tree_init(flat);
  if (mjx_tree_flatten(flat, bound[0], given(bound[1])) == 0) return 0;
  mjx_tree_clear(flat);
  return -1;
}

/* ---- flatten and unflatten ---- */

static PyObject *tree_flatten(PyObject *module, PyObject *const *args, Py_ssize_t n_args,
                              PyObject *kwnames) {
  (void)module;
  mjx_tree_flat flat;
  if (flatten_call("tree_flatten", &flat, args, n_args, kwnames) < 0) return NULL;
  PyObject *treedef = mjx_treedef_new(&flat);
  PyObject *leaves = treedef ? mjx_objects_to_list(&flat.leaves) : NULL;
  PyObject *pair = leaves ? PyTuple_New(2) : NULL;
  mjx_tree_clear(&flat);
  if (!pair) {
    Py_XDECREF(leaves);
    Py_XDECREF(treedef);
    return NULL;
  }
  PyTuple_SET_ITEM(pair, 0, leaves);
  PyTuple_SET_ITEM(pair, 1, treedef);
  return pair;
}

static PyObject *tree_leaves(PyObject *module, PyObject *const *args, Py_ssize_t n_args,
                             PyObject *kwnames) {
  (void)module;
  mjx_tree_flat flat;
  if (flatten_call("tree_leaves", &flat, args, n_args, kwnames) < 0) return NULL;
  PyObject *leaves = mjx_objects_to_list(&flat.leaves);
  mjx_tree_clear(&flat);
  return leaves;
}

static PyObject *tree_structure(PyObject *module, PyObject *const *args, Py_ssize_t n_args,
                                PyObject *kwnames) {
  (void)module;
  mjx_tree_flat flat;
  if (flatten_call("tree_structure", &flat, args, n_args, kwnames) < 0) return NULL;
  PyObject *treedef = mjx_treedef_new(&flat);
  mjx_tree_clear(&flat);
  return treedef;
}

static PyObject *tree_unflatten(PyObject *module, PyObject *const *args, Py_ssize_t n_args,
                                PyObject *kwnames) {
  (void)module;
  static const signature of = {"tree_unflatten", {"treedef", "leaves"}, 2, 2, 2};
  PyObject *bound[2];
  if (bind(&of, args, n_args, args + n_args, kwnames, bound) < 0) return NULL;
  if (Py_TYPE(bound[0]) != &mjx_treedef_type) {
    return PyObject_CallMethod(bound[0], "unflatten", "(O)", bound[1]);
  }
  return mjx_treedef_unflatten_any((mjx_treedef *)bound[0], bound[1]);
}

/* ---- map ---- */

/* After a ValueError of flatten_up_to: lets Python say at which key path `other` misfits. */
static void explain_misfit(PyObject *tree, PyObject *other, PyObject *is_leaf) {
  if (!explain || !PyErr_ExceptionMatches(PyExc_ValueError)) return;
  PyObject *error = mjx_tree_take_exception();
  PyObject *answer = PyObject_CallFunction(explain, "sOOOO", "tree_map tree", tree, other,
                                           is_leaf ? is_leaf : Py_None, error);
  if (answer) {
    Py_DECREF(answer);
    mjx_tree_set_exception(error);
  } else {
    Py_DECREF(error);
  }
}

/* Replaces each leaf by f of it and of its companions: columns has n_rest runs of as many. */
static int map_leaves(PyObject *f, mjx_objects *leaves, const mjx_objects *columns,
                      Py_ssize_t n_rest) {
  PyObject *local[9], **args = local;
  if (n_rest > 7 && !(args = PyMem_Malloc((size_t)(n_rest + 2) * sizeof *args))) {
    PyErr_NoMemory();
    return -1;
  }
  int result = 0;
  size_t n_args = (size_t)(n_rest + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET;
  for (Py_ssize_t i = 0; !result && i < leaves->size; i++) {
    args[1] = leaves->items[i];
    for (Py_ssize_t j = 0; j < n_rest; j++) args[j + 2] = columns->items[j * leaves->size + i];
    PyObject *mapped = PyObject_Vectorcall(f, args + 1, n_args, NULL);
    if (mapped) {
      Py_SETREF(leaves->items[i], mapped);
    } else {
      result = -1;
    }
  }
  if (args != local) PyMem_Free(args);
  return result;
}

static PyObject *map_tree(PyObject *f, PyObject *tree, PyObject *const *rest, Py_ssize_t n_rest,
                          PyObject *is_leaf) {
  mjx_tree_flat flat;
  mjx_objects columns;
  mjx_tree_init(&flat);
  mjx_objects_init(&columns);
  int result = mjx_tree_flatten(&flat, tree, is_leaf);
  if (!result) result = mjx_tree_flush(&flat);
  for (Py_ssize_t i = 0; !result && i < n_rest; i++) {
    result = mjx_tree_flatten_up_to(flat.nodes, flat.n_nodes, flat.n_leaves, rest[i], &columns);
    if (result) explain_misfit(tree, rest[i], is_leaf);
  }
  if (!result) result = map_leaves(f, &flat.leaves, &columns, n_rest);
  PyObject *mapped =
      result ? NULL : mjx_tree_unflatten_nodes(flat.nodes, flat.n_nodes, flat.leaves.items);
  mjx_objects_clear(&columns);
  mjx_tree_clear(&flat);
  return mapped;
}

static PyObject *tree_map(PyObject *module, PyObject *const *args, Py_ssize_t n_args,
                          PyObject *kwnames) {
  (void)module;
  static const signature of = {"tree_map", {"f", "tree", "is_leaf"}, 3, 2, 2};
  /* `rest` stands between the arguments that have names and the keywords' values. */
  Py_ssize_t n_rest = n_args > 2 ? n_args - 2 : 0;
  PyObject *bound[3];
  if (bind(&of, args, n_args - n_rest, args + n_args, kwnames, bound) < 0) return NULL;
  return map_tree(bound[0], bound[1], args + 2, n_rest, given(bound[2]));
}

/* ---- prefixes ---- */

/* Fills `out`, a list, with the axis of each leaf of `def`: 1, or 0 where the axes' structure is
 * no prefix of it. */
static int spread_axes(mjx_tree_flat *axes, const mjx_treedef *def, PyObject **out) {
  mjx_cursor prefix = mjx_cursor_at(axes->nodes, axes->n_nodes);
  mjx_cursor full = mjx_cursor_at(def->nodes, Py_SIZE(def));
  PyObject **axis = axes->leaves.items + axes->leaves.size;
  out += def->num_leaves;
  for (; prefix.at >= 0; mjx_cursor_step(&prefix)) {
    if (mjx_cursor_on_leaf(&prefix)) {
      axis--;
      for (Py_ssize_t n = mjx_cursor_skip(&full); n > 0; n--) *--out = Py_NewRef(*axis);
      continue;
    }
    const mjx_tree_node *node = &prefix.nodes[prefix.at], *other = &full.nodes[full.at];
    if (!mjx_tree_same_shape(node, other)) return 0;
    int same = mjx_tree_same_data(node, other);
    if (same <= 0) return same;
    mjx_cursor_step(&full);
  }
  return 1;
}

static PyObject *flatten_axes(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *treedef, *axis_tree;
  if (!PyArg_ParseTuple(args, "O!O:flatten_axes", &mjx_treedef_type, &treedef, &axis_tree)) {
    return NULL;
  }
  const mjx_treedef *def = (mjx_treedef *)treedef;
  mjx_tree_flat axes;
  mjx_objects out;
  mjx_tree_init(&axes);
  mjx_objects_init(&out);
  axes.none_is_leaf = true;
  int result = mjx_tree_flatten(&axes, axis_tree, NULL);
  if (!result) result = mjx_tree_flush(&axes);
  if (!result) result = mjx_objects_reserve(&out, def->num_leaves);
  if (!result) {
    memset(out.items, 0, (size_t)def->num_leaves * sizeof *out.items);
    out.size = def->num_leaves;
    result = spread_axes(&axes, def, out.items);
  }
  PyObject *list = result > 0 ? mjx_objects_to_list(&out) : NULL;
  mjx_objects_clear(&out);
  mjx_tree_clear(&axes);
  return result == 0 ? Py_NewRef(Py_None) : list;
}

/* ---- one level ---- */

PyObject *mjx_tree_level_data(const mjx_tree_node *node) {
  if (node->kind == MJX_TREE_DICT) {
    const mjx_keys *keys = (mjx_keys *)node->data;
    PyObject *tuple = PyTuple_New(Py_SIZE(keys));
    for (Py_ssize_t i = 0; tuple && i < Py_SIZE(keys); i++) {
      PyTuple_SET_ITEM(tuple, i, Py_NewRef(keys->items[i]));
    }
    return tuple;
  }
  if (node->kind == MJX_TREE_NAMEDTUPLE) return Py_NewRef(node->type);
  return Py_NewRef(node->data ? node->data : Py_None);
}

static PyObject *dict_level(PyObject *dict) {
  mjx_objects values;
  mjx_objects_init(&values);
  mjx_keys *keys = mjx_tree_dict_values(dict, &values);
  PyObject *pair = NULL;
  if (keys) {
    const mjx_tree_node node = {MJX_TREE_DICT, 0, NULL, (PyObject *)keys};
    PyObject *list = mjx_objects_to_list(&values);
    PyObject *children = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    if (children) pair = Py_BuildValue("(NN)", children, mjx_tree_level_data(&node));
    Py_DECREF(keys);
  }
  mjx_objects_clear(&values);
  return pair;
}

static PyObject *flatten_one_level(PyObject *module, PyObject *x) {
  (void)module;
  mjx_node_type *entry = mjx_tree_lookup(Py_TYPE(x));
  if (!entry) {
    int named = mjx_tree_is_namedtuple(x);
    if (named < 0) return NULL;
    if (!named) Py_RETURN_NONE;
    return PyTuple_Pack(2, x, (PyObject *)Py_TYPE(x));
  }
  switch (entry->kind) {
    case MJX_TREE_NONE: return Py_BuildValue("(()O)", Py_None);
    case MJX_TREE_TUPLE:
    case MJX_TREE_LIST: return PyTuple_Pack(2, x, Py_None);
    case MJX_TREE_DICT: return dict_level(x);
    default: break;
  }
  PyObject *children, *data;
  if (mjx_tree_take_apart(entry, x, &children, &data) < 0) return NULL;
  return Py_BuildValue("(NN)", children, data);
}

/* ---- leaves ---- */

static PyObject *all_leaves(PyObject *module, PyObject *iterable) {
  (void)module;
  PyObject *iterator = PyObject_GetIter(iterable);
  if (!iterator) return NULL;
  int nodes = 0;
  PyObject *x;
  while (!nodes && (x = PyIter_Next(iterator))) {
    nodes = mjx_tree_lookup(Py_TYPE(x)) ? 1 : mjx_tree_is_namedtuple(x);
    Py_DECREF(x);
  }
  Py_DECREF(iterator);
  return nodes < 0 || PyErr_Occurred() ? NULL : PyBool_FromLong(!nodes);
}

/* ---- the module ---- */

#define FAST(f) (PyCFunction)(void (*)(void)) f, METH_FASTCALL | METH_KEYWORDS

static PyMethodDef functions[] = {
    {"tree_flatten", FAST(tree_flatten),
     "tree_flatten(tree, is_leaf=None)\n--\n\n"
     "-> (leaves, treedef). `is_leaf(x)` True makes the node x a leaf."},
    {"tree_unflatten", FAST(tree_unflatten),
     "tree_unflatten(treedef, leaves)\n--\n\n"
     "The tree of the given structure; `leaves` may be any iterable.\n\n"
     "Raises ValueError when the number of leaves is not `treedef.num_leaves`."},
    {"tree_leaves", FAST(tree_leaves),
     "tree_leaves(tree, is_leaf=None)\n--\n\nThe leaves of a pytree, in traversal order."},
    {"tree_structure", FAST(tree_structure),
     "tree_structure(tree, is_leaf=None)\n--\n\nThe structure of a pytree."},
    {"tree_map", FAST(tree_map),
     "tree_map(f, tree, *rest, is_leaf=None)\n--\n\n"
     "f over the leaves of `tree`, and over the subtrees of `rest` that stand there.\n\n"
     "Raises ValueError when `tree` is not a prefix of one of `rest`."},
    {"flatten_axes", flatten_axes, METH_VARARGS,
     "flatten_axes(treedef, axis_tree, /)\n--\n\n"
     "For each leaf of the structure the leaf of axis_tree over it, where None is a leaf; None if "
     "it is no prefix."},
    {"flatten_one_level", flatten_one_level, METH_O,
     "flatten_one_level(tree, /)\n--\n\n-> (children, data) of the top node; None for a leaf."},
    {"all_leaves", all_leaves, METH_O,
     "all_leaves(iterable, /)\n--\n\nWhether no element is a node."},
    {"set_misfit_hook", set_misfit_hook, METH_O,
     "set_misfit_hook(function, /)\n--\n\nSets what explains why a tree is no prefix."},
    {0},
};

int mjx_py_add_tree(PyObject *module) {
  if (mjx_tree_add_registry(module) < 0 || mjx_tree_add_keys(module) < 0) return -1;
  if (mjx_tree_add_treedef(module) < 0 || mjx_tree_add_paths(module) < 0) return -1;
  return PyModule_AddFunctions(module, functions);
}
