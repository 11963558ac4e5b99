/* tree_text.c: structures as text. */
#include "tree_internal.h"

/* "a, b, c" of n strs. */
static PyObject *join(PyObject *const *parts, Py_ssize_t n) {
  PyObject *list = PyList_New(n);
  PyObject *comma = list ? PyUnicode_FromString(", ") : NULL;
  PyObject *text = NULL;
  if (comma) {
    for (Py_ssize_t i = 0; i < n; i++) PyList_SET_ITEM(list, i, Py_NewRef(parts[i]));
    text = PyUnicode_Join(comma, list);
  }
  Py_XDECREF(comma);
  Py_XDECREF(list);
  return text;
}

/* "'a': *, 'b': *" */
static PyObject *join_items(const mjx_keys *keys, PyObject *const *parts) {
  mjx_objects items;
  mjx_objects_init(&items);
  int result = 0;
  for (Py_ssize_t i = 0; !result && i < Py_SIZE(keys); i++) {
    PyObject *item = PyUnicode_FromFormat("%R: %U", keys->items[i], parts[i]);
    result = item ? mjx_objects_push(&items, item) : -1;
  }
  PyObject *text = result < 0 ? NULL : join(items.items, items.size);
  mjx_objects_clear(&items);
  return text;
}

static PyObject *custom_text(const mjx_tree_node *node, PyObject *inner) {
  bool named = node->kind == MJX_TREE_NAMEDTUPLE;
  PyObject *type = named ? node->type : ((mjx_node_type *)node->type)->type;
  PyObject *name = PyObject_GetAttrString(type, "__name__");
  if (!name) return NULL;
  PyObject *text = named
                       ? PyUnicode_FromFormat("CustomNode(namedtuple[%S], [%U])", name, inner)
                       : PyUnicode_FromFormat("CustomNode(%S[%S], [%U])", name, node->data, inner);
  Py_DECREF(name);
  return text;
}

/* The text of a node whose children have the texts `parts`. */
static PyObject *node_text(const mjx_tree_node *node, PyObject *const *parts) {
  if (node->kind == MJX_TREE_NONE) return PyUnicode_FromString("None");
  PyObject *inner = node->kind == MJX_TREE_DICT ? join_items((mjx_keys *)node->data, parts)
                                                : join(parts, node->arity);
  if (!inner) return NULL;
  PyObject *text;
  switch (node->kind) {
    case MJX_TREE_DICT: text = PyUnicode_FromFormat("{%U}", inner); break;
    case MJX_TREE_LIST: text = PyUnicode_FromFormat("[%U]", inner); break;
    case MJX_TREE_TUPLE:
      text = PyUnicode_FromFormat(node->arity == 1 ? "(%U,)" : "(%U)", inner);
      break;
    default: text = custom_text(node, inner); break;
  }
  Py_DECREF(inner);
  return text;
}

static int push_stars(mjx_objects *stack, int32_t n) {
  PyObject *star = PyUnicode_InternFromString("*");
  int result = star ? mjx_objects_reserve(stack, n) : -1;
  for (int32_t i = 0; !result && i < n; i++) stack->items[stack->size++] = Py_NewRef(star);
  Py_XDECREF(star);
  return result;
}

PyObject *mjx_treedef_text(PyObject *self) {
  const mjx_treedef *def = (mjx_treedef *)self;
  mjx_objects stack;
  mjx_objects_init(&stack);
  int result = 0;
  for (Py_ssize_t i = 0; !result && i < Py_SIZE(def); i++) {
    const mjx_tree_node *node = &def->nodes[i];
    if (node->kind == MJX_TREE_LEAVES) {
      result = push_stars(&stack, node->arity);
      continue;
    }
    Py_ssize_t first = stack.size - node->arity;
    PyObject *text = node_text(node, stack.items + first);
    mjx_objects_shrink(&stack, first);
    result = text ? mjx_objects_push(&stack, text) : -1;
  }
  PyObject *text = result < 0 ? NULL : PyUnicode_FromFormat("PyTreeDef(%U)", stack.items[0]);
  mjx_objects_clear(&stack);
  return text;
}
