/* pytree.h: pytrees for the other parts of the call path.
 *
 * A structure is a post-order list of nodes.  A run of neighbouring leaves is one node, and runs
 * are as long as they can be; so equal structures have equal lists.  ((1, 2), [3]) is
 *
 *     LEAVES 2, TUPLE 2, LEAVES 1, LIST 1, TUPLE 2
 *
 * and ([1], 2, 3) is LEAVES 1, LIST 1, LEAVES 2, TUPLE 3.
 *
 * A call flattens its arguments into an `mjx_tree_flat` on the C stack, finds what it has compiled
 * by `mjx_tree_hash` and `mjx_treedef_matches`, and makes a PyTreeDef only where it finds nothing:
 *
 *     mjx_tree_flat flat;
 *     mjx_tree_init(&flat);
 *     for (i = 0; i < n; i++)
 *       if (mjx_tree_flatten(&flat, args[i], NULL) < 0) goto fail;
 *     if (mjx_tree_push(&flat, MJX_TREE_TUPLE, n, NULL, NULL) < 0) goto fail;
 *     ...
 *     mjx_tree_clear(&flat);                                  // on every way out
 *
 * Functions that return int give 0 (or what is said) and -1 with an exception set.  Flattening
 * runs users' code (registered types, keys' comparisons), which may do anything: change the tree,
 * register types, flatten another one.
 */
#ifndef MJX_PYTREE_H
#define MJX_PYTREE_H

#include <stdbool.h>
#include <stdint.h>

#include "callpath.h"

enum { MJX_TREE_LOCAL_LEAVES = 64, MJX_TREE_LOCAL_NODES = 32 };

/* What a node is.  From MJX_TREE_NAMEDTUPLE on, putting a node together runs users' code. */
typedef enum mjx_tree_kind {
  MJX_TREE_LEAVES, /* a run of `arity` leaves */
  MJX_TREE_NONE,
  MJX_TREE_TUPLE,
  MJX_TREE_LIST,
  MJX_TREE_DICT,       /* data: the keys in order; equal ones are mostly one object */
  MJX_TREE_NAMEDTUPLE, /* type: the class */
  MJX_TREE_CUSTOM,     /* type: the registry's entry; data: what the flatten function gave */
  MJX_TREE_DATACLASS,  /* type: the registry's entry; data: the tuple of the meta fields */
} mjx_tree_kind;

/* Every byte is initialised: arrays of nodes are compared with memcmp. */
typedef struct mjx_tree_node {
  int32_t kind;
  int32_t arity;
  PyObject *type; /* strong, or NULL */
  PyObject *data; /* strong, or NULL */
} mjx_tree_node;

/* A growing array of objects: the first MJX_TREE_LOCAL_LEAVES need no allocation. */
typedef struct mjx_objects {
  PyObject **items; /* strong; may be NULL in `pending` */
  Py_ssize_t size, capacity;
  PyObject *local[MJX_TREE_LOCAL_LEAVES];
} mjx_objects;

/* Trees that have been flattened: leaves and structure.  It must not be moved or copied.
 * Neighbouring leaves of type `leaf_type` go through quickest; a caller may set it beforehand. */
typedef struct mjx_tree_flat {
  mjx_objects leaves;
  mjx_objects pending;  /* values of dicts that are being flattened; empty otherwise */
  mjx_tree_node *nodes; /* less the trailing run of leaves */
  Py_ssize_t n_nodes, node_capacity;
  Py_ssize_t run;          /* leaves since the last node */
  Py_ssize_t n_leaves;     /* in the structure: leaves.size, unless built without leaves */
  uint64_t hash;           /* of the nodes without custom data */
  bool has_data;           /* a node has custom data */
  bool keeps;              /* it refers to more than builtin types and strs */
  bool none_is_leaf;       /* set it after mjx_tree_init to treat None so */
  int depth;               /* containers around the one that is being flattened */
  PyTypeObject *leaf_type; /* borrowed: the last type found to be a leaf's, or NULL */
  mjx_tree_node local_nodes[MJX_TREE_LOCAL_NODES];
} mjx_tree_flat;

/* ---- objects ---- */

static inline void mjx_objects_init(mjx_objects *of) {
  of->items = of->local;
  of->size = 0;
  of->capacity = MJX_TREE_LOCAL_LEAVES;
}
/* Drops the references to items[size..] and makes `of` that long. */
void mjx_objects_shrink(mjx_objects *of, Py_ssize_t size);
/* Drops all references and frees the memory; `of` is empty then and can be used again. */
void mjx_objects_clear(mjx_objects *of);
/* Makes room for `more` further items. */
int mjx_objects_grow(mjx_objects *of, Py_ssize_t more);
static inline int mjx_objects_reserve(mjx_objects *of, Py_ssize_t more) {
  return of->capacity - of->size >= more ? 0 : mjx_objects_grow(of, more);
}
/* Appends `item` and takes the caller's reference to it, even when it fails. */
static inline int mjx_objects_push(mjx_objects *of, PyObject *item) {
  if (of->size == of->capacity && mjx_objects_grow(of, 1) < 0) {
    Py_DECREF(item);
    return -1;
  }
  of->items[of->size++] = item;
  return 0;
}

/* ---- flattening ---- */

void mjx_tree_init(mjx_tree_flat *flat);
/* Drops what `flat` owns; it is empty then and can be used again. */
void mjx_tree_clear(mjx_tree_flat *flat);

/* Appends the leaves and the nodes of `tree`.  `is_leaf`: a callable, or NULL.  After a failure
 * `flat` can only be cleared. */
int mjx_tree_flatten(mjx_tree_flat *flat, PyObject *tree, PyObject *is_leaf);

/* Appends one leaf; takes the caller's reference to it, even when it fails. */
static inline int mjx_tree_push_leaf(mjx_tree_flat *flat, PyObject *leaf) {
  flat->run++;
  flat->n_leaves++;
  return mjx_objects_push(&flat->leaves, leaf);
}

/* Appends a parent of the last `arity` subtrees.  type, data: borrowed, as mjx_tree_node has them
 * (NULL where it says nothing). */
int mjx_tree_push(mjx_tree_flat *flat, mjx_tree_kind kind, Py_ssize_t arity, PyObject *type,
                  PyObject *data);

/* Appends `values` under `names` (n different exact strs) as the dict of a call's keywords; borrows
 * all of them. */
int mjx_tree_flatten_named(mjx_tree_flat *flat, PyObject *const *names, PyObject *const *values,
                           Py_ssize_t n);

/* Ends a run of leaves, so that `nodes` is all of the structure; what reads it does so. */
int mjx_tree_flush(mjx_tree_flat *flat);

/* A hash of the structure, the same for all structures that are equal.  Hashes custom data, which
 * runs users' code, only where there is any; data without a hash is left out. */
int mjx_tree_hash_with_data(mjx_tree_flat *flat, uint64_t *hash);
static inline int mjx_tree_hash(mjx_tree_flat *flat, uint64_t *hash) {
  if (flat->run && mjx_tree_flush(flat) < 0) return -1;
  *hash = flat->hash;
  return flat->has_data ? mjx_tree_hash_with_data(flat, hash) : 0;
}

/* ---- PyTreeDef ---- */

extern PyTypeObject mjx_treedef_type;

/* The structure of what was flattened into `flat`, which must be one tree; a new reference.  It
 * may be shared with equal structures.  `flat` stays as it is. */
PyObject *mjx_treedef_new(mjx_tree_flat *flat);

/* Whether `treedef` is the structure in `flat`: 1 or 0.  Runs users' code (the comparison of keys
 * and of custom data) only for objects that are not identical. */
int mjx_treedef_matches(PyObject *treedef, mjx_tree_flat *flat);

/* The tree of this structure with these leaves, a new reference.  Borrows the leaves, which must
 * stay alive.  ValueError unless n is the structure's number of leaves. */
PyObject *mjx_treedef_unflatten(PyObject *treedef, PyObject *const *leaves, Py_ssize_t n);

#endif /* MJX_PYTREE_H */
