/* signature.h: what a call is looked up by, and the table of what is known. */
#ifndef MJX_SIGNATURE_H
#define MJX_SIGNATURE_H

#include "callpath.h"
#include "pytree.h"

/* A static argument: its place, or its name where it was given by name. */
typedef struct mjx_static {
  Py_ssize_t place; /* -1: by name */
  PyObject *name;   /* NULL: by place; borrowed in a signature, owned in an entry */
  PyObject *value;  /* likewise */
} mjx_static;

enum { MJX_MAX_STATIC = 16 };

/* One call, read into scratch memory.  Everything is borrowed from the call. */
typedef struct mjx_signature {
  uint64_t hash;
  PyObject *flags;     /* the trace key in force, or NULL where it does not matter */
  mjx_tree_flat *tree; /* of the dynamic arguments, or NULL: they are not trees */
  PyObject *const *leaves;
  Py_ssize_t n_leaves;
  mjx_aval **avals; /* of the leaves; few_avals, or owned */
  mjx_aval *few_avals[MJX_TREE_LOCAL_LEAVES];
  Py_ssize_t n_static;
  mjx_static statics[MJX_MAX_STATIC];
} mjx_signature;

void mjx_signature_init(mjx_signature *s);
void mjx_signature_clear(mjx_signature *s);

/* Adds a static argument.  1; 0 where Python must serve the call. */
int mjx_signature_add_static(mjx_signature *s, Py_ssize_t place, PyObject *name, PyObject *value);
/* Finds the avals of s->leaves and completes the hash.  1; 0 where Python must serve the call; -1 with
 * an exception set. */
int mjx_signature_finish(mjx_signature *s);

/* What is known of one signature. */
typedef struct mjx_entry {
  uint64_t hash;
  PyObject *in_tree, *flags;  /* owned; NULL as in the signature */
  mjx_executable *executable; /* owned; NULL: Python serves such calls */
  PyObject *out_tree;         /* owned PyTreeDef; NULL: one Array; None: a list of Arrays */
  PyObject *donated;          /* owned tuple of leaf numbers, or NULL */
  mjx_aval **avals;           /* owned block */
  Py_ssize_t n_leaves, n_static;
  mjx_static *statics; /* owned */
} mjx_entry;

/* A table of entries: open addressing, at most half full.  A Python object. */
typedef struct mjx_signatures {
  PyObject_HEAD mjx_entry **table;
  size_t size, used;
  PyObject *weakrefs;
  uint64_t version; /* counts clearings: comparing may run the user's code, which may clear */
} mjx_signatures;

extern PyTypeObject *mjx_signatures_type;

/* The entry for `s`, borrowed until Python code may run again.  NULL without an exception where
 * there is none. */
const mjx_entry *mjx_signatures_find(const mjx_signatures *cache, mjx_signature *s);

/* Keeps, for `s`, what `found` says: None, or (executable, out_tree, donated).  The entry, borrowed
 * likewise; NULL with an exception set. */
const mjx_entry *mjx_signatures_add(mjx_signatures *cache, mjx_signature *s, PyObject *found);

/* Runs the entry's executable on the leaves of `s`: the results as its out_tree says. */
PyObject *mjx_entry_run(const mjx_entry *entry, const mjx_signature *s);

#endif /* MJX_SIGNATURE_H */
