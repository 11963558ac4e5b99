/* signature.c: signatures, the table of those that are known, and running what was found. */
#include "signature.h"

#include <structmember.h>

#include "tree_internal.h"

PyTypeObject *mjx_signatures_type;

/* More than this many are forgotten all at once: they come from calls that never repeat. */
enum { MAX_ENTRIES = 4096 };

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 32);
}

/* ---- reading a call ------------------------------------------------------------------------ */

void mjx_signature_init(mjx_signature *s) {
  s->hash = 0;
  s->flags = NULL;
  s->tree = NULL;
  s->n_static = 0;
  s->avals = s->few_avals;
}

void mjx_signature_clear(mjx_signature *s) {
  if (s->avals != s->few_avals) PyMem_Free(s->avals);
}

int mjx_signature_add_static(mjx_signature *s, Py_ssize_t place, PyObject *name, PyObject *value) {
  if (s->n_static == MJX_MAX_STATIC) return 0;
  Py_hash_t hash = PyObject_Hash(value);
  if (hash == -1) {
    PyErr_Clear(); /* Python says it with the function's name */
    return 0;
  }
  s->statics[s->n_static++] = (mjx_static){place, name, value};
  s->hash = mix(mix(s->hash, (uint64_t)hash), (uintptr_t)Py_TYPE(value) ^ (uint64_t)place);
  return 1;
}

int mjx_signature_finish(mjx_signature *s) {
  uint64_t structure = 0;
  if (s->tree && mjx_tree_hash(s->tree, &structure) < 0) return -1;
  if (s->n_leaves > MJX_TREE_LOCAL_LEAVES) {
    mjx_aval **avals = PyMem_Malloc((size_t)s->n_leaves * sizeof *avals);
    if (!avals) {
      PyErr_NoMemory();
      return -1;
    }
    s->avals = avals;
  }
  uint64_t hash = mix(mix(s->hash, structure), (uintptr_t)s->flags);
  for (Py_ssize_t k = 0; k < s->n_leaves; k++) {
    s->avals[k] = mjx_argument_aval(s->leaves[k]);
    if (!s->avals[k]) return 0;
    hash = mix(hash, (uintptr_t)s->avals[k]);
  }
  s->hash = hash;
  return 1;
}

/* ---- entries ------------------------------------------------------------------------------- */

static void free_entry(mjx_entry *e) {
  for (Py_ssize_t k = 0; k < e->n_static; k++) {
    Py_XDECREF(e->statics[k].name);
    Py_DECREF(e->statics[k].value);
  }
  PyMem_Free(e->statics);
  PyMem_Free(e->avals);
  Py_XDECREF(e->in_tree);
  Py_XDECREF(e->flags);
  Py_XDECREF(e->out_tree);
  Py_XDECREF(e->executable);
  Py_XDECREF(e->donated);
  PyMem_Free(e);
}

static int copy_signature(mjx_entry *e, mjx_signature *s) {
  e->avals = PyMem_Malloc((size_t)(s->n_leaves + 1) * sizeof *e->avals);
  e->statics = PyMem_Malloc((size_t)(s->n_static + 1) * sizeof *e->statics);
  if (!e->avals || !e->statics) {
    PyErr_NoMemory();
    return -1;
  }
  e->hash = s->hash;
  e->flags = Py_XNewRef(s->flags);
  e->n_leaves = s->n_leaves;
  memcpy(e->avals, s->avals, (size_t)e->n_leaves * sizeof *e->avals);
  for (; e->n_static < s->n_static; e->n_static++) {
    mjx_static *value = &e->statics[e->n_static];
    *value = s->statics[e->n_static];
    Py_XINCREF(value->name);
    Py_INCREF(value->value);
  }
  e->in_tree = s->tree ? mjx_treedef_new(s->tree) : NULL;
  return s->tree && !e->in_tree ? -1 : 0;
}

static int read_found(mjx_entry *e, PyObject *found) {
  if (found == Py_None) return 0;
  PyObject *executable, *out_tree, *donated;
  if (!PyArg_ParseTuple(found, "O!OO!", mjx_executable_type, &executable, &out_tree, &PyTuple_Type,
                        &donated))
    return -1;
  bool form =
      out_tree == Py_Ellipsis || out_tree == Py_None || Py_IS_TYPE(out_tree, &mjx_treedef_type);
  if (!form) {
    PyErr_Format(PyExc_TypeError, "the results of a program need a PyTreeDef, got %R", out_tree);
    return -1;
  }
  e->executable = (mjx_executable *)Py_NewRef(executable);
  e->out_tree = out_tree == Py_Ellipsis ? NULL : Py_NewRef(out_tree);
  e->donated = PyTuple_GET_SIZE(donated) ? Py_NewRef(donated) : NULL;
  return 0;
}

/* ---- the table ----------------------------------------------------------------------------- */

static void clear_table(mjx_signatures *cache) {
  mjx_entry **table = cache->table;
  size_t size = cache->size;
  cache->table = NULL;
  cache->size = cache->used = 0;
  cache->version++;
  for (size_t k = 0; k < size; k++)
    if (table[k]) free_entry(table[k]);
  PyMem_Free(table);
}

static void place_entry(mjx_entry **table, size_t size, mjx_entry *e) {
  size_t k = e->hash & (size - 1);
  while (table[k]) k = (k + 1) & (size - 1);
  table[k] = e;
}

static int make_room(mjx_signatures *cache) {
  if (cache->used >= MAX_ENTRIES) clear_table(cache);
  if (2 * (cache->used + 1) <= cache->size) return 0;
  size_t size = cache->size ? cache->size * 2 : 8;
  mjx_entry **table = PyMem_Calloc(size, sizeof *table);
  if (!table) {
    PyErr_NoMemory();
    return -1;
  }
  for (size_t k = 0; k < cache->size; k++)
    if (cache->table[k]) place_entry(table, size, cache->table[k]);
  PyMem_Free(cache->table);
  cache->table = table;
  cache->size = size;
  return 0;
}

/* Equal type and equal value.  1, 0, or -1 with an exception set. */
static int same_static(const mjx_static *a, const mjx_static *b) {
  if (a->place != b->place || Py_TYPE(a->value) != Py_TYPE(b->value)) return 0;
  if (a->name != b->name) {
    int same = a->name && b->name ? PyUnicode_Compare(a->name, b->name) == 0 : 0;
    if (!same) return 0;
  }
  if (a->value == b->value) return 1;
  PyObject *kept = Py_NewRef(a->value); /* the comparison may drop the entry */
  int same = PyObject_RichCompareBool(kept, b->value, Py_EQ);
  Py_DECREF(kept);
  if (same < 0)
    mjx_tree_error_from(
        "static arguments should be comparable using __eq__. Comparing two objects "
        "of type %s raised an error",
        Py_TYPE(b->value)->tp_name);
  return same;
}

/* Whether `e` is for `s`.  1, 0, or -1 with an exception set. */
static int matches(const mjx_signatures *cache, const mjx_entry *e, mjx_signature *s) {
  if (e->hash != s->hash || e->flags != s->flags || e->n_leaves != s->n_leaves ||
      e->n_static != s->n_static ||
      memcmp(e->avals, s->avals, (size_t)e->n_leaves * sizeof *e->avals) != 0)
    return 0;
  uint64_t version = cache->version;
  for (Py_ssize_t k = 0; k < s->n_static; k++) {
    int same = same_static(&e->statics[k], &s->statics[k]);
    if (same != 1) return same;
    if (cache->version != version) return 0;
  }
  if (!s->tree) return 1;
  PyObject *in_tree = Py_NewRef(e->in_tree);
  int same = mjx_treedef_matches(in_tree, s->tree);
  Py_DECREF(in_tree);
  return same == 1 && cache->version != version ? 0 : same;
}

const mjx_entry *mjx_signatures_find(const mjx_signatures *cache, mjx_signature *s) {
  uint64_t version = cache->version;
  if (!cache->size) return NULL;
  const mjx_entry *e;
  for (size_t k = s->hash & (cache->size - 1); (e = cache->table[k]);
       k = (k + 1) & (cache->size - 1)) {
    int same = matches(cache, e, s);
    if (same < 0 || cache->version != version) return NULL;
    if (same) return e; /* no longer table[k] if the comparison made the table grow */
  }
  return NULL;
}

const mjx_entry *mjx_signatures_add(mjx_signatures *cache, mjx_signature *s, PyObject *found) {
  mjx_entry *e = PyMem_Calloc(1, sizeof *e);
  if (!e) {
    PyErr_NoMemory();
    return NULL;
  }
  if (copy_signature(e, s) < 0 || read_found(e, found) < 0 || make_room(cache) < 0) {
    free_entry(e);
    return NULL;
  }
  place_entry(cache->table, cache->size, e);
  cache->used++;
  return e;
}

/* ---- running ------------------------------------------------------------------------------- */

/* Sets the error of a call that was given an array to keep and to read at once. */
static void raise_shared(Py_ssize_t leaf) {
  mjx_py_fail(
      "INVALID_ARGUMENT: Attempt to use a buffer that was previously donated in the same call to "
      "Execute() (flattened argument %zd). A call that is given an array as a donated argument "
      "cannot have it as another one too: f(donate(a), a).",
      leaf);
}

/* Deletes the donated leaves, which the call has used up.  `donated` has their numbers, and ~k for
 * each leaf k that the program does not read.  -1 with an error if one array was donated and given
 * for another leaf too. */
static int donate(const mjx_signature *s, PyObject *donated) {
  Py_ssize_t expected = 0, deleted = 0, last = 0;
  for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(donated); k++) {
    Py_ssize_t leaf = PyLong_AsSsize_t(PyTuple_GET_ITEM(donated, k));
    if (leaf < 0 || leaf >= s->n_leaves || !mjx_is_array(s->leaves[leaf])) continue;
    if (mjx_array_is_deleted(s->leaves[leaf])) {
      raise_shared(leaf);
      return -1;
    }
    mjx_array_delete(s->leaves[leaf]);
    expected++;
  }
  for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(donated); k++) {
    Py_ssize_t leaf = ~PyLong_AsSsize_t(PyTuple_GET_ITEM(donated, k));
    if (leaf < 0 || leaf >= s->n_leaves || !mjx_is_array(s->leaves[leaf])) continue;
    expected += mjx_array_is_deleted(s->leaves[leaf]);
  }
  for (Py_ssize_t leaf = 0; leaf < s->n_leaves; leaf++) {
    if (!mjx_is_array(s->leaves[leaf]) || !mjx_array_is_deleted(s->leaves[leaf])) continue;
    deleted++;
    last = leaf;
  }
  if (deleted > expected) raise_shared(last);
  return deleted > expected ? -1 : 0;
}

static PyObject *assemble(PyObject *out_tree, PyObject *const *outs, Py_ssize_t n) {
  if (!out_tree) return Py_NewRef(outs[0]);
  if (out_tree != Py_None) return mjx_treedef_unflatten(out_tree, outs, n);
  PyObject *list = PyList_New(n);
  for (Py_ssize_t k = 0; list && k < n; k++) PyList_SET_ITEM(list, k, Py_NewRef(outs[k]));
  return list;
}

PyObject *mjx_entry_run(const mjx_entry *entry, const mjx_signature *s) {
  mjx_executable *executable = (mjx_executable *)Py_NewRef((PyObject *)entry->executable);
  PyObject *out_tree = Py_XNewRef(entry->out_tree), *donated = Py_XNewRef(entry->donated);
  Py_ssize_t n = mjx_executable_n_out(executable);
  PyObject *few[16], **outs = n <= 16 ? few : PyMem_Malloc((size_t)n * sizeof *outs);
  PyObject *result = NULL;
  if (!outs) {
    PyErr_NoMemory();
  } else if (mjx_executable_run(executable, s->leaves, s->n_leaves, outs) == 0) {
    if (!donated || donate(s, donated) == 0) result = assemble(out_tree, outs, n);
    for (Py_ssize_t k = 0; k < n; k++) Py_DECREF(outs[k]);
  }
  if (outs != few) PyMem_Free(outs);
  Py_DECREF(executable);
  Py_XDECREF(out_tree);
  Py_XDECREF(donated);
  return result;
}

/* ---- the type ------------------------------------------------------------------------------ */

static void dealloc(PyObject *self) {
  if (((mjx_signatures *)self)->weakrefs) PyObject_ClearWeakRefs(self);
  clear_table((mjx_signatures *)self);
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *clear(PyObject *self, PyObject *unused) {
  (void)unused;
  clear_table((mjx_signatures *)self);
  Py_RETURN_NONE;
}

static Py_ssize_t length(PyObject *self) { return (Py_ssize_t)((mjx_signatures *)self)->used; }

static PyMethodDef methods[] = {
    {"clear", clear, METH_NOARGS, "Forget every signature."},
    {0},
};
static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(mjx_signatures, weakrefs), READONLY, NULL},
    {0},
};
static PyType_Slot slots[] = {
    {Py_tp_doc, "The signatures a function was called with, each with its executable."},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_sq_length, length},
    {0, NULL},
};
static PyType_Spec spec = {"minijax._callpath.Signatures", sizeof(mjx_signatures), 0,
                           Py_TPFLAGS_DEFAULT, slots};

int mjx_py_add_signatures(PyObject *module) {
  mjx_signatures_type = (PyTypeObject *)PyType_FromSpec(&spec);
  if (!mjx_signatures_type) return -1;
  return PyModule_AddObjectRef(module, "Signatures", (PyObject *)mjx_signatures_type);
}
