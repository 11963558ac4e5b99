/* primitive.c: `bind`: under a trace a call of the trace, otherwise a program of one equation. */
#include "signature.h"

typedef struct {
  PyObject_HEAD mjx_signatures *cache; /* owned; NULL until the first eager call */
} primitive;

static PyObject *process_primitive, *compile_name; /* interned method names */

/* trace.process_primitive(self, args, params) */
static PyObject *hand_to_trace(PyObject *self, PyObject *trace, PyObject *const *args, Py_ssize_t n,
                               PyObject *kwnames) {
  PyObject *list = PyTuple_New(n), *params = PyDict_New(), *out = NULL;
  if (!list || !params) goto done;
  for (Py_ssize_t k = 0; k < n; k++) PyTuple_SET_ITEM(list, k, Py_NewRef(args[k]));
  for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); k++)
    if (PyDict_SetItem(params, PyTuple_GET_ITEM(kwnames, k), args[n + k]) < 0) goto done;
  PyObject *call[] = {trace, self, list, params};
  out = PyObject_VectorcallMethod(process_primitive, call, 4, NULL);
done:
  Py_XDECREF(list);
  Py_XDECREF(params);
  return out;
}

static int read_call(mjx_signature *s, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
  for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); k++)
    if (!mjx_signature_add_static(s, -1, PyTuple_GET_ITEM(kwnames, k), args[n + k])) return 0;
  s->leaves = args;
  s->n_leaves = n;
  return mjx_signature_finish(s);
}

/* Has Python compile: self._compile(*avals, **params).  NULL with an exception set. */
static const mjx_entry *compile(PyObject *self, mjx_signatures *cache, mjx_signature *s,
                                PyObject *const *args, PyObject *kwnames) {
  Py_ssize_t n = s->n_leaves, n_names = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  PyObject **call = PyMem_Malloc((size_t)(n + n_names + 1) * sizeof *call);
  if (!call) {
    PyErr_NoMemory();
    return NULL;
  }
  call[0] = self;
  for (Py_ssize_t k = 0; k < n; k++) call[1 + k] = (PyObject *)s->avals[k];
  for (Py_ssize_t k = 0; k < n_names; k++) call[1 + n + k] = args[n + k];
  PyObject *found = PyObject_VectorcallMethod(compile_name, call, (size_t)(n + 1), kwnames);
  PyMem_Free(call);
  const mjx_entry *e = NULL;
  if (found) e = mjx_signatures_add(cache, s, found);
  Py_XDECREF(found);
  return e;
}

/* 1 with *out (NULL: an exception is set), or 0 where Python must serve the call. */
static int compute(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames,
                   PyObject **out) {
  primitive *p = (primitive *)self;
  if (!p->cache) {
    p->cache = (mjx_signatures *)mjx_signatures_type->tp_alloc(mjx_signatures_type, 0);
    if (!p->cache) return 1;
  }
  /* Held: what Python runs meanwhile, and other threads, may forget the primitive's programs. */
  mjx_signatures *cache = (mjx_signatures *)Py_NewRef((PyObject *)p->cache);
  mjx_signature s;
  mjx_signature_init(&s);
  int status = read_call(&s, args, n, kwnames);
  if (status == 1) {
    const mjx_entry *known = mjx_signatures_find(cache, &s);
    if (!known && !PyErr_Occurred()) known = compile(self, cache, &s, args, kwnames);
    if (known && known->executable)
      *out = mjx_entry_run(known, &s);
    else if (known)
      status = 0;
  }
  mjx_signature_clear(&s);
  Py_DECREF(cache);
  return status != 0;
}

static PyObject *bind(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
  PyObject *trace = mjx_py_trace(), *out = NULL;
  if (!mjx_here.trace && !mjx_py_slow() && compute(self, args, n, kwnames, &out)) return out;
  Py_INCREF(trace);
  out = hand_to_trace(self, trace, args, n, kwnames);
  Py_DECREF(trace);
  return out;
}

static void dealloc(PyObject *self) {
  Py_XDECREF(((primitive *)self)->cache);
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *clear_cache(PyObject *self, PyObject *unused) {
  (void)unused;
  Py_CLEAR(((primitive *)self)->cache);
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"bind", (PyCFunction)(void (*)(void))bind, METH_FASTCALL | METH_KEYWORDS,
     "Apply to arguments, under the current trace."},
    {"_forget", clear_cache, METH_NOARGS, "Forget the programs of eager calls."},
    {0},
};
static PyType_Slot slots[] = {
    {Py_tp_doc,
     "What can be bound.  For a new signature of an eager call, the method `_compile`\n"
     "gives (executable, out_tree, ()), or None where the trace must compute."},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};
static PyType_Spec spec = {"minijax._callpath.Primitive", sizeof(primitive), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

int mjx_py_add_primitive(PyObject *module) {
  process_primitive = PyUnicode_InternFromString("process_primitive");
  compile_name = PyUnicode_InternFromString("_compile");
  PyObject *type = process_primitive && compile_name ? PyType_FromSpec(&spec) : NULL;
  if (!type) return -1;
  int status = PyModule_AddObjectRef(module, "Primitive", type);
  Py_DECREF(type);
  return status;
}
