/* tree_internal.h: what the files of the pytree part share. */
#ifndef MJX_TREE_INTERNAL_H
#define MJX_TREE_INTERNAL_H

#include <stddef.h>

#include "pytree.h"

#include <structmember.h> /* after Python.h */

/* A step of a hash. */
static inline uint64_t mjx_tree_mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 29;
}

/* ---- registry (tree_registry.c) ---- */

/* How instances of one type are taken apart and put together.  Entries of the registry live for
 * ever, so the cycles that they are part of need no collecting. */
typedef struct mjx_node_type {
  PyObject_HEAD int kind;
  PyObject *type;
  PyObject *to_iterable;   /* x -> (children, data); NULL but for custom nodes */
  PyObject *from_iterable; /* data, tuple of children -> x; NULL but for custom nodes */
  PyObject *with_keys;     /* x -> ((key, child) pairs, data), or NULL */
  PyObject *data_fields;   /* tuple of names; NULL but for dataclasses */
  PyObject *meta_fields;
  PyObject *all_fields; /* the two, for a call of the class */
} mjx_node_type;

extern PyTypeObject mjx_node_type_type;

/* The registry's entry for a type, borrowed; NULL without an exception if there is none.  The
 * built-in nodes have entries; namedtuples that nobody registered have none. */
mjx_node_type *mjx_tree_lookup(const PyTypeObject *type);

/* Whether x, whose type is not registered, is a namedtuple: 1 or 0.  May run users' code. */
int mjx_tree_is_namedtuple(PyObject *x);

/* The children (a new tuple) and the data (a new reference) of a custom or dataclass node. */
int mjx_tree_take_apart(mjx_node_type *entry, PyObject *x, PyObject **children, PyObject **data);

/* A call of a custom node's or dataclass's type; borrows n children. */
PyObject *mjx_tree_put_together(mjx_node_type *entry, PyObject *data, PyObject *const *children,
                                Py_ssize_t n);

/* ---- dict keys (tree_keys.c) ---- */

/* The keys of a dict node in traversal order.  Immutable; equal key sequences of exact strs mostly
 * share one object. */
typedef struct mjx_keys {
  PyObject_VAR_HEAD uint64_t hash; /* equal for equal keys */
  bool plain;        /* all are exact strs: comparing and hashing them runs no users' code */
  PyObject *pattern; /* a dict with these keys, made when it is first of use; or NULL */
  PyObject *items[1];
} mjx_keys;

extern PyTypeObject mjx_keys_type;

/* The values of an exact dict in the order of its sorted keys, appended to `values`, and the keys.
 * Sorts only where it meets a sequence of keys for the first time.  Returns a new reference. */
mjx_keys *mjx_tree_dict_values(PyObject *dict, mjx_objects *values);
/* The same for `n` values under names that are different exact strs. */
mjx_keys *mjx_tree_named_values(PyObject *const *names, PyObject *const *items, Py_ssize_t n,
                                mjx_objects *values);
/* The keys in the order of an iterable; a new reference. */
mjx_keys *mjx_keys_from(PyObject *iterable);
PyObject *mjx_keys_as_list(const mjx_keys *keys);
/* A dict of these keys with these values, in this order. */
PyObject *mjx_keys_make_dict(mjx_keys *keys, PyObject *const *values);
/* 1 or 0; -1 if a comparison raises. */
int mjx_keys_equal(const mjx_keys *left, const mjx_keys *right);

/* ---- structures (treedef.c) ---- */

typedef struct mjx_treedef {
  PyObject_VAR_HEAD /* the number of entries in `nodes` */
      Py_ssize_t num_leaves,
      num_nodes;
  uint64_t hash;  /* of the nodes without custom data */
  bool has_data;  /* a node has custom data */
  bool runs_code; /* putting a tree together may run users' code */
  mjx_tree_node nodes[1];
} mjx_treedef;

/* Reads nodes backwards: from the root to the first leaf. */
typedef struct mjx_cursor {
  const mjx_tree_node *nodes;
  Py_ssize_t at; /* -1: at the end */
  int32_t left;  /* how many leaves of a run are left, this one included */
} mjx_cursor;

static inline mjx_cursor mjx_cursor_at(const mjx_tree_node *nodes, Py_ssize_t n) {
  return (mjx_cursor){nodes, n - 1, n ? nodes[n - 1].arity : 0};
}
static inline bool mjx_cursor_on_leaf(const mjx_cursor *c) {
  return c->nodes[c->at].kind == MJX_TREE_LEAVES;
}
static inline void mjx_cursor_step(mjx_cursor *c) {
  if (mjx_cursor_on_leaf(c) && --c->left > 0) return;
  c->at--;
  c->left = c->at >= 0 ? c->nodes[c->at].arity : 0;
}
/* Steps over one subtree; returns the number of its leaves. */
Py_ssize_t mjx_cursor_skip(mjx_cursor *c);

/* Appends leaves of which only the number matters. */
static inline void mjx_tree_add_leaves(mjx_tree_flat *flat, Py_ssize_t n) {
  flat->run += n;
  flat->n_leaves += n;
}

/* Mixes the hashes of custom data into `hash`; data without a hash is left out. */
int mjx_tree_hash_data(const mjx_tree_node *nodes, Py_ssize_t n, uint64_t *hash);

/* 1 if two nodes have the same data, else 0; -1 if the comparison raises. */
int mjx_tree_same_data(const mjx_tree_node *left, const mjx_tree_node *right);
/* 1 if the nodes agree in all but their data. */
static inline bool mjx_tree_same_shape(const mjx_tree_node *left, const mjx_tree_node *right) {
  return left->kind == right->kind && left->arity == right->arity && left->type == right->type;
}

/* ---- use of structures (tree_use.c) ---- */

/* The tree of these nodes; borrows the leaves, as many as there are. */
PyObject *mjx_tree_unflatten_nodes(const mjx_tree_node *nodes, Py_ssize_t n_nodes,
                                   PyObject *const *leaves);
/* Appends the subtrees of x at the leaves of these nodes. */
int mjx_tree_flatten_up_to(const mjx_tree_node *nodes, Py_ssize_t n_nodes, Py_ssize_t n_leaves,
                           PyObject *x, mjx_objects *out);
/* A new list of what `from` holds, which is empty then; also if it fails. */
PyObject *mjx_objects_to_list(mjx_objects *from);
/* unflatten for any iterable of leaves. */
PyObject *mjx_treedef_unflatten_any(mjx_treedef *def, PyObject *leaves);
/* Methods of PyTreeDef. */
PyObject *mjx_treedef_flatten_up_to(PyObject *self, PyObject *tree);
PyObject *mjx_treedef_walk(PyObject *self, PyObject *args);
PyObject *mjx_treedef_from_iterable_tree(PyObject *self, PyObject *tree);

/* ---- shared by both ways of flattening (tree_flatten.c) ---- */

/* Around the children of a node: RecursionError where the tree is too deep. */
int mjx_tree_enter(mjx_tree_flat *flat);
static inline int mjx_tree_leave(mjx_tree_flat *flat, int result) {
  flat->depth--;
  Py_LeaveRecursiveCall();
  return result;
}

/* What is_leaf answered, which may be NULL: 1 for a leaf, else 0.  Takes the reference. */
int mjx_tree_leaf_verdict(PyObject *verdict);

/* A node's data as flatten_one_level shows them: hashable, and telling types; a new reference. */
PyObject *mjx_tree_level_data(const mjx_tree_node *node);

/* The text of a structure (tree_text.c); a new reference. */
PyObject *mjx_treedef_text(PyObject *self);

/* ---- errors (tree_registry.c) ---- */

/* The exception that is set, which is set no more; a new reference. */
PyObject *mjx_tree_take_exception(void);
/* Sets an exception; takes the reference. */
void mjx_tree_set_exception(PyObject *error);

/* If the exception that is set is an Exception, raises ValueError with a message (as PyErr_Format)
 * and that exception as its cause. */
void mjx_tree_error_from(const char *format, ...);

int mjx_tree_add_keys(PyObject *module);
int mjx_tree_add_registry(PyObject *module);
int mjx_tree_add_treedef(PyObject *module);
int mjx_tree_add_paths(PyObject *module);

#endif /* MJX_TREE_INTERNAL_H */
