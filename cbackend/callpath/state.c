/* state.c: the current trace, the named axes and the flags of this thread, for Python to set. */
#include "callpath.h"

_Thread_local mjx_thread mjx_here;
mjx_process mjx_everywhere;

/* Python's object with the usual value of each, so that setting it back costs no reference. */
static PyObject *eval_trace, *no_axes;

PyObject *mjx_py_trace(void) { return mjx_here.trace ? mjx_here.trace : eval_trace; }

static PyObject *get_trace(PyObject *self, void *closure) {
  (void)self, (void)closure;
  return Py_NewRef(mjx_py_trace());
}

static int set_or_clear(PyObject **field, PyObject *value, PyObject *usual) {
  if (!value) {
    PyErr_SetString(PyExc_AttributeError, "the state of a thread cannot be deleted");
    return -1;
  }
  PyObject *old = *field;
  *field = value == usual ? NULL : Py_NewRef(value);
  Py_XDECREF(old);
  return 0;
}

static int set_trace(PyObject *self, PyObject *value, void *closure) {
  (void)self, (void)closure;
  return set_or_clear(&mjx_here.trace, value, eval_trace);
}

static PyObject *get_axis_env(PyObject *self, void *closure) {
  (void)self, (void)closure;
  return Py_NewRef(mjx_here.axis_env ? mjx_here.axis_env : no_axes);
}

static int set_axis_env(PyObject *self, PyObject *value, void *closure) {
  (void)self, (void)closure;
  return set_or_clear(&mjx_here.axis_env, value, no_axes);
}

static PyGetSetDef getset[] = {
    {"trace", get_trace, set_trace, "what `bind` goes to", NULL},
    {"axis_env", get_axis_env, set_axis_env, "named axis -> size", NULL},
    {0},
};

static int init(PyObject *self, PyObject *args, PyObject *kwargs) {
  (void)self, (void)kwargs;
  PyObject *trace, *axes;
  if (!PyArg_ParseTuple(args, "OO!", &trace, &PyDict_Type, &axes)) return -1;
  Py_XSETREF(eval_trace, Py_NewRef(trace));
  Py_XSETREF(no_axes, Py_NewRef(axes));
  return 0;
}

static PyType_Slot slots[] = {
    {Py_tp_doc, "State(eval_trace, no_axes): what the current thread is tracing."},
    {Py_tp_getset, getset},
    {Py_tp_init, init},
    {0, NULL},
};
static PyType_Spec spec = {"minijax._callpath.State", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT,
                           slots};

static PyObject *set_flags(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *flags;
  int x64, slow, everywhere;
  if (!PyArg_ParseTuple(args, "Oppp", &flags, &x64, &slow, &everywhere)) return NULL;
  if (everywhere) {
    Py_XSETREF(mjx_everywhere.flags, Py_NewRef(flags));
    mjx_everywhere.x64 = x64;
    mjx_everywhere.slow = slow;
  } else {
    PyObject *own = flags == Py_None ? NULL : Py_NewRef(flags);
    Py_XSETREF(mjx_here.flags, own);
    mjx_here.x64 = (int8_t)x64;
    mjx_here.slow = (int8_t)slow;
  }
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_flags", set_flags, METH_VARARGS,
     "set_flags(trace_key, x64, slow, everywhere): the flags of the process, or of this thread\n"
     "(None: the process's again).  Trace keys must be interned.  `slow` sends calls to Python."},
    {0},
};

int mjx_py_add_state(PyObject *module) {
  PyObject *type = PyType_FromSpec(&spec);
  if (!type) return -1;
  int status = PyModule_AddObjectRef(module, "State", type);
  Py_DECREF(type);
  return status < 0 ? -1 : PyModule_AddFunctions(module, methods);
}
