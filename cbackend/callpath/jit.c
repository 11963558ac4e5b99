/* jit.c: the call of a jitted function.
 *
 * A call reads its signature into scratch memory, looks it up, and runs; nothing is allocated for a
 * signature that is known.  What cannot be served here goes to Python unchanged: calls under a
 * trace, arguments that only Python understands, signatures that are not to be kept.
 */
#include "signature.h"

#include <structmember.h>

typedef struct {
  PyObject_HEAD vectorcallfunc vectorcall;
  mjx_signatures *cache;  /* owned; shared by all jitted forms of one function */
  PyObject *otherwise;    /* owned: what serves the other calls; NULL: the method _call_in_python */
  PyObject *static_names; /* owned tuple of str */
  Py_ssize_t *static_places; /* owned, n_places of them; negative ones count from the end */
  Py_ssize_t n_places;
} jit;

enum { MAX_NAMES = 32 };

static bool is_static_place(const jit *f, Py_ssize_t place, Py_ssize_t n) {
  for (Py_ssize_t k = 0; k < f->n_places; k++)
    if (f->static_places[k] == place || f->static_places[k] + n == place) return true;
  return false;
}

static bool is_static_name(const jit *f, PyObject *name) {
  for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(f->static_names); k++) {
    PyObject *known = PyTuple_GET_ITEM(f->static_names, k);
    if (known == name || PyUnicode_Compare(known, name) == 0) return true;
  }
  return false;
}

/* The positional arguments as one tuple node.  1; 0 where Python must serve the call; -1 with an
 * exception set.  So are the next two. */
static int read_places(const jit *f, mjx_signature *s, PyObject *const *args, Py_ssize_t n) {
  Py_ssize_t dynamic = 0;
  for (Py_ssize_t k = 0; k < n; k++) {
    if (f->n_places && is_static_place(f, k, n)) {
      if (!mjx_signature_add_static(s, k, NULL, args[k])) return 0;
    } else {
      if (mjx_tree_flatten(s->tree, args[k], NULL) < 0) return -1;
      dynamic++;
    }
  }
  return mjx_tree_push(s->tree, MJX_TREE_TUPLE, dynamic, NULL, NULL) < 0 ? -1 : 1;
}

/* The keyword arguments as one dict node. */
static int read_names(const jit *f, mjx_signature *s, PyObject *const *values, PyObject *kwnames) {
  PyObject *names[MAX_NAMES], *dynamic[MAX_NAMES];
  Py_ssize_t n = kwnames ? PyTuple_GET_SIZE(kwnames) : 0, n_dynamic = 0;
  if (n > MAX_NAMES) return 0;
  for (Py_ssize_t k = 0; k < n; k++) {
    PyObject *name = PyTuple_GET_ITEM(kwnames, k);
    if (is_static_name(f, name)) {
      if (!mjx_signature_add_static(s, -1, name, values[k])) return 0;
    } else {
      names[n_dynamic] = name;
      dynamic[n_dynamic++] = values[k];
    }
  }
  return mjx_tree_flatten_named(s->tree, names, dynamic, n_dynamic) < 0 ? -1 : 1;
}

static int read_call(const jit *f, mjx_signature *s, PyObject *const *args, Py_ssize_t n,
                     PyObject *kwnames) {
  int status = read_places(f, s, args, n);
  if (status == 1) status = read_names(f, s, args + n, kwnames);
  if (status == 1 && mjx_tree_push(s->tree, MJX_TREE_TUPLE, 2, NULL, NULL) < 0) status = -1;
  if (status != 1) return status;
  s->leaves = s->tree->leaves.items;
  s->n_leaves = s->tree->leaves.size;
  return mjx_signature_finish(s);
}

static PyObject *ask_python(jit *f, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
  if (f->otherwise) return PyObject_Vectorcall(f->otherwise, args, nargsf, kwnames);
  PyObject *method = PyObject_GetAttrString((PyObject *)f, "_call_in_python");
  PyObject *out = method ? PyObject_Vectorcall(method, args, nargsf, kwnames) : NULL;
  Py_XDECREF(method);
  return out;
}

/* Has Python compile for a new signature.  NULL with an exception set. */
static const mjx_entry *compile(jit *f, mjx_signature *s, PyObject *const *args, Py_ssize_t n,
                                PyObject *kwnames) {
  PyObject *method = PyObject_GetAttrString((PyObject *)f, "_compile");
  PyObject *found = method ? PyObject_Vectorcall(method, args, (size_t)n, kwnames) : NULL;
  Py_XDECREF(method);
  const mjx_entry *e = found ? mjx_signatures_add(f->cache, s, found) : NULL;
  Py_XDECREF(found);
  return e;
}

/* Serves a call whose signature is in `s`.  *out is the result, or NULL with an exception set.
 * 0 where Python must serve it instead. */
static int serve_call(jit *f, mjx_signature *s, PyObject *const *args, Py_ssize_t n,
                      PyObject *kwnames, PyObject **out) {
  int status = read_call(f, s, args, n, kwnames);
  if (status != 1) return status;
  const mjx_entry *known = mjx_signatures_find(f->cache, s);
  if (!known && !PyErr_Occurred()) known = compile(f, s, args, n, kwnames);
  if (!known) return -1;
  if (!known->executable) return 0;
  *out = mjx_entry_run(known, s);
  return 1;
}

/* A number that does not fit its dtype may be no mistake: the function itself knows.  Where it is
 * one (`ran`: an argument of a known signature), Python says which argument is meant. */
static bool may_know_better(const jit *f, bool ran) {
  if (!f->otherwise && !ran) return false;
  if (!PyErr_Occurred() || !PyErr_ExceptionMatches(PyExc_OverflowError)) return false;
  PyErr_Clear();
  return true;
}

static PyObject *call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
  jit *f = (jit *)self;
  if (!f->cache || !mjx_py_usual()) return ask_python(f, args, nargsf, kwnames);
  mjx_tree_flat tree;
  mjx_signature s;
  mjx_tree_init(&tree);
  mjx_signature_init(&s);
  s.tree = &tree;
  s.flags = mjx_py_flags();
  PyObject *out = NULL;
  int status = serve_call(f, &s, args, PyVectorcall_NARGS(nargsf), kwnames, &out);
  mjx_signature_clear(&s);
  mjx_tree_clear(&tree);
  if (status == 0 || (!out && may_know_better(f, status == 1)))
    return ask_python(f, args, nargsf, kwnames);
  return out;
}

/* ---- the type ------------------------------------------------------------------------------ */

/* _serve(signatures, static places, static names, otherwise or None) */
static PyObject *serve(PyObject *self, PyObject *args) {
  jit *f = (jit *)self;
  PyObject *cache, *places, *names, *otherwise;
  if (!PyArg_ParseTuple(args, "O!O!O!O", mjx_signatures_type, &cache, &PyTuple_Type, &places,
                        &PyTuple_Type, &names, &otherwise))
    return NULL;
  Py_ssize_t n = PyTuple_GET_SIZE(places);
  Py_ssize_t *numbers = PyMem_Malloc((size_t)(n + 1) * sizeof *numbers);
  if (!numbers) return PyErr_NoMemory();
  for (Py_ssize_t k = 0; k < n; k++) numbers[k] = PyLong_AsSsize_t(PyTuple_GET_ITEM(places, k));
  if (PyErr_Occurred()) {
    PyMem_Free(numbers);
    return NULL;
  }
  PyMem_Free(f->static_places);
  f->static_places = numbers;
  f->n_places = n;
  Py_XSETREF(f->static_names, Py_NewRef(names));
  Py_XSETREF(f->otherwise, otherwise == Py_None ? NULL : Py_NewRef(otherwise));
  mjx_signatures *old = f->cache;
  f->cache = (mjx_signatures *)Py_NewRef(cache);
  Py_XDECREF(old);
  Py_RETURN_NONE;
}

static PyObject *jit_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  (void)args, (void)kwargs;
  jit *f = (jit *)type->tp_alloc(type, 0);
  if (f) f->vectorcall = call;
  return (PyObject *)f;
}

static PyObject *bind_method(PyObject *self, PyObject *instance, PyObject *owner) {
  (void)owner;
  if (!instance || instance == Py_None) return Py_NewRef(self);
  return PyMethod_New(self, instance);
}

static void jit_dealloc(PyObject *self) {
  jit *f = (jit *)self;
  Py_XDECREF(f->cache);
  Py_XDECREF(f->otherwise);
  Py_XDECREF(f->static_names);
  PyMem_Free(f->static_places);
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

/* Subclasses made in Python do not inherit what makes calls and method calls direct. */
static PyObject *init_subclass(PyObject *type, PyObject *unused) {
  (void)unused;
  ((PyTypeObject *)type)->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR;
  Py_RETURN_NONE;
}

static PyMethodDef jit_methods[] = {
    {"_serve", serve, METH_VARARGS,
     "_serve(signatures, static places, static names, otherwise): start serving calls.\n"
     "`otherwise` serves the calls of other kinds (None: the method `_call_in_python`); for a new\n"
     "signature the method `_compile` gives (executable, out_tree, donated leaves), or None."},
    {"__init_subclass__", init_subclass, METH_NOARGS | METH_CLASS, NULL},
    {0},
};
static PyMemberDef jit_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(jit, vectorcall), READONLY, NULL},
    {0},
};
static PyType_Slot jit_slots[] = {
    {Py_tp_doc, "A function whose calls are served from its signatures."},
    {Py_tp_new, jit_new},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_descr_get, bind_method},
    {Py_tp_dealloc, jit_dealloc},
    {Py_tp_methods, jit_methods},
    {Py_tp_members, jit_members},
    {0, NULL},
};
static PyType_Spec jit_spec = {"minijax._callpath.Jit", sizeof(jit), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                   Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
                               jit_slots};

int mjx_py_add_jit(PyObject *module) {
  PyObject *type = PyType_FromSpec(&jit_spec);
  if (!type) return -1;
  int status = PyModule_AddObjectRef(module, "Jit", type);
  Py_DECREF(type);
  return status;
}
