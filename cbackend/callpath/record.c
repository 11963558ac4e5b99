/* record.c: equations of a jaxpr, and where they come from.
 *
 * The classes are Python's (minijax.trace, minijax.jaxprs); what fills their slots for every equation
 * that is traced is here.
 */
#include "callpath.h"

#include <structmember.h>

/* ---- where equations come from --------------------------------------------------------------- */

/* The named scopes in force in this thread, and the source that is replayed.  Owned; NULL stands for
 * () and None. */
static _Thread_local struct {
  PyObject *scopes, *replayed;
} place;

static PyObject *no_scopes;

/* File name -> whether it is one of this package's, and the Python function that adds an entry. */
static PyObject *own_files, *add_file;

static PyObject *get_scopes(PyObject *self, void *closure) {
  (void)self, (void)closure;
  return Py_NewRef(place.scopes ? place.scopes : no_scopes);
}

static int set_scopes(PyObject *self, PyObject *value, void *closure) {
  (void)self, (void)closure;
  if (!value || !PyTuple_Check(value)) {
    PyErr_SetString(PyExc_TypeError, "scopes must be a tuple");
    return -1;
  }
  Py_XSETREF(place.scopes, PyTuple_GET_SIZE(value) ? Py_NewRef(value) : NULL);
  return 0;
}

static PyObject *get_replayed(PyObject *self, void *closure) {
  (void)self, (void)closure;
  return Py_NewRef(place.replayed ? place.replayed : Py_None);
}

static int set_replayed(PyObject *self, PyObject *value, void *closure) {
  (void)self, (void)closure;
  if (value != Py_None && !(value && PyTuple_Check(value) && PyTuple_GET_SIZE(value) == 3 &&
                            PyTuple_Check(PyTuple_GET_ITEM(value, 2)))) {
    PyErr_SetString(PyExc_TypeError, "a source is (code, offset, scopes), or None");
    return -1;
  }
  Py_XSETREF(place.replayed, value == Py_None ? NULL : Py_NewRef(value));
  return 0;
}

static PyGetSetDef place_getset[] = {
    {"scopes", get_scopes, set_scopes, "the named scopes in force", NULL},
    {"replayed", get_replayed, set_replayed, "the source that is replayed, or None", NULL},
    {0},
};
static PyType_Slot place_slots[] = {
    {Py_tp_doc, "What this thread says of where equations come from."},
    {Py_tp_getset, place_getset},
    {0, NULL},
};
static PyType_Spec place_spec = {"minijax._callpath.Place", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT,
                                 place_slots};

/* 1 or 0; -1 with an exception set. */
static int is_own(PyCodeObject *code) {
  PyObject *known = PyDict_GetItemWithError(own_files, code->co_filename);
  if (known) return known == Py_True;
  if (PyErr_Occurred()) return -1;
  PyObject *found = PyObject_CallOneArg(add_file, code->co_filename);
  int own = found ? found == Py_True : -1;
  Py_XDECREF(found);
  return own;
}

static PyObject *source_of(PyObject *code, PyObject *offset, PyObject *scopes) {
  return code && offset ? PyTuple_Pack(3, code, offset, scopes) : NULL;
}

/* The source of what is being computed; None where there is none. */
static PyObject *find_source(void) {
  PyObject *scopes = place.scopes ? place.scopes : no_scopes, *source = place.replayed;
  if (source) {
    if (PyTuple_GET_ITEM(source, 2) == scopes) return Py_NewRef(source);
    return source_of(PyTuple_GET_ITEM(source, 0), PyTuple_GET_ITEM(source, 1), scopes);
  }
  PyFrameObject *frame = (PyFrameObject *)Py_XNewRef((PyObject *)PyEval_GetFrame());
  while (frame) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    int own = is_own(code);
    if (own == 0) {
      PyObject *offset = PyLong_FromLong(PyFrame_GetLasti(frame));
      source = source_of((PyObject *)code, offset, scopes);
      Py_XDECREF(offset);
    }
    Py_DECREF(code);
    if (own != 1) {
      Py_DECREF(frame);
      return source; /* NULL: an exception is set */
    }
    PyFrameObject *back = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    frame = back;
  }
  Py_RETURN_NONE;
}

static PyObject *user_frame(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  return find_source();
}

static PyObject *set_own_files(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *files, *add;
  if (!PyArg_ParseTuple(args, "O!O", &PyDict_Type, &files, &add)) return NULL;
  Py_XSETREF(own_files, Py_NewRef(files));
  Py_XSETREF(add_file, Py_NewRef(add));
  Py_RETURN_NONE;
}

/* ---- equations ------------------------------------------------------------------------------- */

/* A Python class with __slots__, and where they lie in its objects. */
typedef struct {
  PyTypeObject *type; /* owned */
  Py_ssize_t at[6];
} slotted;

static const char *const tracer_slots[] = {"_trace", "aval", "variable", NULL};
static const char *const var_slots[] = {"aval", NULL};
static const char *const eqn_slots[] = {"primitive", "invars", "outvars", "params",
                                        "marks",     "source", NULL};
static slotted tracer_class, var_class, eqn_class;
static PyObject *atom_name, *aval_name, *eqns_name, *effects_of_name, *multiple_name, *outside_name;

enum { TRACE, AVAL, VARIABLE };

static PyObject **slot(const slotted *of, PyObject *x, int k) {
  return (PyObject **)((char *)x + of->at[k]);
}

static int find_slots(slotted *of, PyObject *type, const char *const *names) {
  Py_XSETREF(of->type, (PyTypeObject *)Py_NewRef(type));
  for (int k = 0; names[k]; k++) {
    PyObject *member = PyObject_GetAttrString(type, names[k]);
    if (!member) return -1;
    bool is_slot = Py_TYPE(member) == &PyMemberDescr_Type;
    if (is_slot) of->at[k] = ((PyMemberDescrObject *)member)->d_member->offset;
    Py_DECREF(member);
    if (!is_slot) {
      PyErr_Format(PyExc_TypeError, "%s.%s is not a slot", of->type->tp_name, names[k]);
      return -1;
    }
  }
  return 0;
}

/* A new object with these values (borrowed) in its slots. */
static PyObject *new_object(const slotted *of, PyObject *const *values, int n) {
  PyObject *out = of->type->tp_alloc(of->type, 0);
  for (int k = 0; out && k < n; k++) *slot(of, out, k) = Py_NewRef(values[k]);
  return out;
}

static bool is_own_tracer(PyObject *x, PyObject *trace) {
  return Py_TYPE(x) == tracer_class.type && *slot(&tracer_class, x, TRACE) == trace;
}

static PyObject *atoms(PyObject *module, PyObject *const *args, Py_ssize_t n_args) {
  (void)module;
  if (n_args != 2) return PyErr_Format(PyExc_TypeError, "atoms(trace, args)");
  PyObject *values = PySequence_Fast(args[1], "args must be a sequence");
  if (!values) return NULL;
  Py_ssize_t n = PySequence_Fast_GET_SIZE(values);
  PyObject *found = PyList_New(n), *avals = PyList_New(n), *out = NULL;
  for (Py_ssize_t k = 0; found && avals && k < n; k++) {
    PyObject *x = PySequence_Fast_GET_ITEM(values, k), *atom, *aval;
    if (is_own_tracer(x, args[0])) {
      atom = Py_NewRef(*slot(&tracer_class, x, VARIABLE));
      aval = Py_NewRef(*slot(&tracer_class, x, AVAL));
    } else {
      PyObject *call[] = {args[0], x};
      atom = PyObject_VectorcallMethod(atom_name, call, 2, NULL);
      aval = atom ? PyObject_GetAttr(atom, aval_name) : NULL;
    }
    if (!atom || !aval) {
      Py_XDECREF(atom);
      goto done;
    }
    PyList_SET_ITEM(found, k, atom);
    PyList_SET_ITEM(avals, k, aval);
  }
  if (found && avals) out = PyTuple_Pack(2, found, avals);
done:
  Py_DECREF(values);
  Py_XDECREF(found);
  Py_XDECREF(avals);
  return out;
}

/* The source of an equation of `trace`, without the scopes that are not its jaxpr's own. */
static PyObject *own_source(PyObject *trace) {
  PyObject *source = find_source();
  if (!source || source == Py_None) return source;
  PyObject *outside = PyObject_GetAttr(trace, outside_name), *out = NULL;
  Py_ssize_t n = outside ? PyLong_AsSsize_t(outside) : -1;
  Py_XDECREF(outside);
  if (!PyErr_Occurred()) {
    if (!n) return source;
    PyObject *scopes = PyTuple_GET_ITEM(source, 2);
    scopes = PyTuple_GetSlice(scopes, n, PyTuple_GET_SIZE(scopes));
    if (scopes) out = source_of(PyTuple_GET_ITEM(source, 0), PyTuple_GET_ITEM(source, 1), scopes);
    Py_XDECREF(scopes);
  }
  Py_DECREF(source);
  return out;
}

/* A variable of `aval`, as the last of outvars; the tracer that stands for it. */
static PyObject *new_result(PyObject *trace, PyObject *aval, PyObject *outvars) {
  PyObject *var = new_object(&var_class, &aval, 1), *tracer = NULL;
  if (var && PyList_Append(outvars, var) == 0) {
    PyObject *values[] = {trace, aval, var};
    tracer = new_object(&tracer_class, values, 3);
  }
  Py_XDECREF(var);
  return tracer;
}

/* New results: a list of them where there may be several. */
static PyObject *new_results(PyObject *trace, PyObject *primitive, PyObject *out,
                             PyObject *outvars) {
  PyObject *multiple = PyObject_GetAttr(primitive, multiple_name);
  int several = multiple ? PyObject_IsTrue(multiple) : -1;
  Py_XDECREF(multiple);
  if (several < 0) return NULL;
  if (!several) return new_result(trace, out, outvars);
  PyObject *avals = PySequence_Fast(out, "a primitive with several results gives a list");
  if (!avals) return NULL;
  Py_ssize_t n = PySequence_Fast_GET_SIZE(avals);
  PyObject *outs = PyList_New(n);
  for (Py_ssize_t k = 0; outs && k < n; k++) {
    PyObject *x = new_result(trace, PySequence_Fast_GET_ITEM(avals, k), outvars);
    if (x)
      PyList_SET_ITEM(outs, k, x);
    else
      Py_CLEAR(outs);
  }
  Py_DECREF(avals);
  return outs;
}

static PyObject *record(PyObject *module, PyObject *const *args, Py_ssize_t n_args) {
  (void)module;
  if (n_args != 5)
    return PyErr_Format(PyExc_TypeError, "record(trace, primitive, atoms, params, out)");
  PyObject *trace = args[0], *primitive = args[1], *params = args[3];
  PyObject *call[] = {primitive, params};
  PyObject *effects = PyObject_VectorcallMethod(effects_of_name, call, 2, NULL);
  PyObject *source = effects ? own_source(trace) : NULL;
  PyObject *outvars = source ? PyList_New(0) : NULL;
  PyObject *outs = outvars ? new_results(trace, primitive, args[4], outvars) : NULL;
  PyObject *values[] = {primitive, args[2], outvars, params, effects, source};
  PyObject *eqn = outs ? new_object(&eqn_class, values, 6) : NULL;
  PyObject *eqns = eqn ? PyObject_GetAttr(trace, eqns_name) : NULL;
  if (!eqns || PyList_Append(eqns, eqn) < 0) Py_CLEAR(outs);
  Py_XDECREF(effects);
  Py_XDECREF(source);
  Py_XDECREF(outvars);
  Py_XDECREF(eqn);
  Py_XDECREF(eqns);
  return outs;
}

static PyObject *set_recording(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *tracer, *var, *eqn;
  if (!PyArg_ParseTuple(args, "OOO", &tracer, &var, &eqn)) return NULL;
  if (find_slots(&tracer_class, tracer, tracer_slots) < 0 ||
      find_slots(&var_class, var, var_slots) < 0 || find_slots(&eqn_class, eqn, eqn_slots) < 0)
    return NULL;
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"user_frame", user_frame, METH_NOARGS,
     "The source of what is being computed: the innermost frame outside this package, or the\n"
     "equation that is replayed; None where there is neither."},
    {"set_own_files", set_own_files, METH_VARARGS,
     "set_own_files(known, add): file name -> whether it is one of this package's; `add(name)`\n"
     "makes a new entry and returns it."},
    {"atoms", (PyCFunction)(void (*)(void))atoms, METH_FASTCALL,
     "atoms(trace, args) -> ([what stands for each argument in the trace's jaxpr], [avals]);\n"
     "trace.atom(x) is asked about all but the trace's own tracers."},
    {"record", (PyCFunction)(void (*)(void))record, METH_FASTCALL,
     "record(trace, primitive, atoms, params, out) -> tracers: append an equation with outputs of\n"
     "aval(s) `out` to trace.eqns."},
    {"set_recording", set_recording, METH_VARARGS,
     "set_recording(tracer, variable, equation): the classes of what is recorded."},
    {0},
};

int mjx_py_add_record(PyObject *module) {
  no_scopes = PyTuple_New(0);
  atom_name = PyUnicode_InternFromString("atom");
  aval_name = PyUnicode_InternFromString("aval");
  eqns_name = PyUnicode_InternFromString("eqns");
  effects_of_name = PyUnicode_InternFromString("effects_of");
  multiple_name = PyUnicode_InternFromString("multiple_results");
  outside_name = PyUnicode_InternFromString("outside");
  if (!no_scopes || !atom_name || !aval_name || !eqns_name || !effects_of_name || !multiple_name ||
      !outside_name)
    return -1;
  PyObject *type = PyType_FromSpec(&place_spec);
  if (!type) return -1;
  int status = PyModule_AddObjectRef(module, "Place", type);
  Py_DECREF(type);
  return status < 0 ? -1 : PyModule_AddFunctions(module, methods);
}
