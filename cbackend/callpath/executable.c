/* executable.c: a loaded program with the avals of its arguments and results, and running it. */
#include "callpath.h"

PyTypeObject *mjx_executable_type;

typedef int (*run_function)(void *program, const void *const *inputs, void *const *outputs);

struct mjx_executable {
  PyObject_HEAD run_function run; /* mjx_program_run: 0, or a status */
  void *program;                  /* borrowed; the Python object keeps it */
  PyObject *fail;                 /* Python: raises for a status */
  Py_ssize_t n_const, n_in, n_out;
  const void **consts; /* addresses of the leading inputs; owned block, and all below is in it */
  mjx_aval **in_avals, **out_avals;
  bool long_running; /* worth releasing the GIL for */
  PyObject *reads;   /* bytes, per argument: whether it is read; NULL until that is asked */
};

Py_ssize_t mjx_executable_n_out(const mjx_executable *executable) { return executable->n_out; }

/* ---- a run --------------------------------------------------------------------------------- */

typedef struct {
  char bytes[16];
} scalar_room;

/* What one run needs beside the outputs: one block, on the stack where it is small. */
typedef struct {
  const void **inputs;
  void **outputs;
  PyObject **held;       /* per argument: what must live until the end, or NULL */
  mjx_memory **retained; /* per argument: the memory of an Array, which might be deleted by then */
  mjx_memory **fresh;    /* per output */
  scalar_room *scratch;
  bool placed; /* whether an argument was placed by the user */
} workspace;

static size_t workspace_bytes(const mjx_executable *e) {
  return (size_t)(e->n_const + 3 * e->n_in + 2 * e->n_out) * sizeof(void *) +
         (size_t)(e->n_in + 1) * sizeof(scalar_room);
}

static workspace lay_out(const mjx_executable *e, void *block) {
  workspace w;
  w.placed = false;
  w.scratch = block;
  w.inputs = (const void **)(w.scratch + e->n_in + 1);
  w.held = (PyObject **)(w.inputs + e->n_const + e->n_in);
  w.retained = (mjx_memory **)(w.held + e->n_in);
  w.outputs = (void **)(w.retained + e->n_in);
  w.fresh = (mjx_memory **)(w.outputs + e->n_out);
  return w;
}

/* Fills inputs; the number of arguments done, which is n_in unless an exception is set. */
static Py_ssize_t take_arguments(const mjx_executable *e, PyObject *const *args, workspace *w) {
  memcpy(w->inputs, e->consts, (size_t)e->n_const * sizeof(void *));
  const void **inputs = w->inputs + e->n_const;
  for (Py_ssize_t k = 0; k < e->n_in; k++) {
    inputs[k] = mjx_argument_address(args[k], e->in_avals[k], &w->scratch[k], &w->held[k]);
    if (!inputs[k]) return k;
    mjx_array *array = mjx_is_array(args[k]) ? (mjx_array *)args[k] : NULL;
    w->retained[k] = array ? mjx_memory_retain(array->memory) : NULL;
    w->placed |= array && array->place;
  }
  return e->n_in;
}

static Py_ssize_t make_outputs(const mjx_executable *e, workspace *w) {
  for (Py_ssize_t k = 0; k < e->n_out; k++) {
    w->fresh[k] = mjx_memory_new((size_t)e->out_avals[k]->bytes);
    if (!w->fresh[k]) return k;
    w->outputs[k] = w->fresh[k]->data;
  }
  return e->n_out;
}

static int run_program(const mjx_executable *e, const workspace *w) {
  int status;
  if (e->long_running) {
    Py_BEGIN_ALLOW_THREADS;
    status = e->run(e->program, w->inputs, w->outputs);
    Py_END_ALLOW_THREADS;
  } else {
    status = e->run(e->program, w->inputs, w->outputs);
  }
  if (!status) return 0;
  PyObject *none = PyObject_CallFunction(e->fail, "i", status);
  Py_XDECREF(none);
  if (!PyErr_Occurred()) PyErr_Format(PyExc_RuntimeError, "a program ended with status %d", status);
  return -1;
}

/* Turns the fresh memory into Arrays; on failure everything is released. */
static int wrap_outputs(const mjx_executable *e, workspace *w, PyObject **outs) {
  for (Py_ssize_t k = 0; k < e->n_out; k++) {
    outs[k] = mjx_array_new(e->out_avals[k], w->fresh[k]);
    if (outs[k]) continue;
    for (Py_ssize_t j = 0; j < k; j++) Py_CLEAR(outs[j]);
    for (Py_ssize_t j = k + 1; j < e->n_out; j++) mjx_memory_release(w->fresh[j]);
    return -1;
  }
  return 0;
}

static int ask_reads(mjx_executable *e) {
  PyObject *reads = PyObject_CallMethod((PyObject *)e, "_reads", NULL);
  if (!reads) return -1;
  if (!PyBytes_Check(reads) || PyBytes_GET_SIZE(reads) != e->n_in) {
    Py_DECREF(reads);
    PyErr_SetString(PyExc_TypeError, "_reads must say of each argument whether it is read");
    return -1;
  }
  e->reads = reads;
  return 0;
}

/* Results lie where the first argument that is read does; beside the placed ones where it is not
 * placed itself. */
static int place_outputs(mjx_executable *e, PyObject *const *args, PyObject **outs) {
  if (!e->reads && ask_reads(e) < 0) return -1;
  const char *reads = PyBytes_AS_STRING(e->reads);
  PyObject *place = NULL;
  int32_t ndim = -1; /* as no result has, unless the first argument itself is placed */
  for (Py_ssize_t k = 0, first = 1; k < e->n_in && !place; k++) {
    if (!reads[k]) continue;
    if (mjx_is_array(args[k])) place = ((mjx_array *)args[k])->place;
    if (place && first) ndim = e->in_avals[k]->ndim;
    first = 0;
  }
  for (Py_ssize_t k = 0; place && k < e->n_out; k++) {
    mjx_array *out = (mjx_array *)outs[k];
    out->place = mjx_place_of_result(place, ndim, e->out_avals[k]->ndim);
    if (!out->place) return -1;
  }
  return 0;
}

static int run_in(mjx_executable *e, PyObject *const *args, PyObject **outs, void *block) {
  workspace w = lay_out(e, block);
  Py_ssize_t taken = take_arguments(e, args, &w);
  int status = -1;
  if (taken == e->n_in) {
    Py_ssize_t made = make_outputs(e, &w);
    if (made == e->n_out && run_program(e, &w) == 0) {
      status = wrap_outputs(e, &w, outs);
      if (status == 0 && w.placed && place_outputs(e, args, outs) < 0) {
        for (Py_ssize_t k = 0; k < e->n_out; k++) Py_CLEAR(outs[k]);
        status = -1;
      }
    } else {
      while (made > 0) mjx_memory_release(w.fresh[--made]);
    }
  }
  for (Py_ssize_t k = 0; k < taken; k++) {
    Py_XDECREF(w.held[k]);
    mjx_memory_release(w.retained[k]);
  }
  return status;
}

int mjx_executable_run(mjx_executable *e, PyObject *const *args, Py_ssize_t n_in, PyObject **outs) {
  if (n_in != e->n_in) {
    PyErr_Format(PyExc_TypeError, "a program of %zd arguments was called with %zd", e->n_in, n_in);
    return -1;
  }
  char small[1024] __attribute__((aligned(16)));
  size_t bytes = workspace_bytes(e);
  void *block = bytes <= sizeof small ? small : PyMem_Malloc(bytes);
  if (!block) {
    PyErr_NoMemory();
    return -1;
  }
  Py_INCREF(e);
  int status = run_in(e, args, outs, block);
  Py_DECREF(e);
  if (block != small) PyMem_Free(block);
  return status;
}

/* ---- the type ------------------------------------------------------------------------------ */

static int read_avals(PyObject *list, mjx_aval **avals) {
  for (Py_ssize_t k = 0; k < PyList_GET_SIZE(list); k++) {
    PyObject *aval = PyList_GET_ITEM(list, k);
    if (Py_TYPE(aval) != mjx_aval_type) {
      PyErr_Format(PyExc_TypeError, "expected a ShapedArray, got %R", aval);
      return -1;
    }
    avals[k] = (mjx_aval *)aval;
    if (!mjx_aval_storage(avals[k])) return -1;
  }
  return 0;
}

static int read_addresses(PyObject *list, const void **addresses) {
  for (Py_ssize_t k = 0; k < PyList_GET_SIZE(list); k++) {
    addresses[k] = PyLong_AsVoidPtr(PyList_GET_ITEM(list, k));
    if (!addresses[k] && PyErr_Occurred()) return -1;
  }
  return 0;
}

/* _load(run, program, fail, const addresses, in_avals, out_avals, long_running) */
static PyObject *load(PyObject *self, PyObject *args) {
  mjx_executable *e = (mjx_executable *)self;
  PyObject *run, *program, *fail, *consts, *ins, *outs;
  int long_running;
  if (!PyArg_ParseTuple(args, "OOOO!O!O!p", &run, &program, &fail, &PyList_Type, &consts,
                        &PyList_Type, &ins, &PyList_Type, &outs, &long_running))
    return NULL;
  if (e->consts) {
    PyErr_SetString(PyExc_RuntimeError, "an executable is loaded once");
    return NULL;
  }
  Py_ssize_t n_const = PyList_GET_SIZE(consts), n_in = PyList_GET_SIZE(ins);
  Py_ssize_t n_out = PyList_GET_SIZE(outs);
  void *run_address = PyLong_AsVoidPtr(run), *program_address = PyLong_AsVoidPtr(program);
  if (PyErr_Occurred()) return NULL;
  void **block = PyMem_Calloc((size_t)(n_const + n_in + n_out + 1), sizeof(void *));
  if (!block) return PyErr_NoMemory();
  mjx_aval **in_avals = (mjx_aval **)(block + n_const), **out_avals = in_avals + n_in;
  if (read_addresses(consts, (const void **)block) < 0 || read_avals(ins, in_avals) < 0 ||
      read_avals(outs, out_avals) < 0) {
    PyMem_Free(block);
    return NULL;
  }
  memcpy(&e->run, &run_address, sizeof run_address);
  e->program = program_address;
  e->fail = Py_NewRef(fail);
  e->consts = (const void **)block;
  e->in_avals = in_avals;
  e->out_avals = out_avals;
  e->n_const = n_const;
  e->n_in = n_in;
  e->n_out = n_out;
  e->long_running = long_running;
  Py_RETURN_NONE;
}

/* _run(sequence of arguments) -> list of Arrays */
static PyObject *run(PyObject *self, PyObject *sequence) {
  mjx_executable *e = (mjx_executable *)self;
  PyObject *args = PySequence_Fast(sequence, "arguments must be a sequence");
  PyObject *outs = args ? PyList_New(e->n_out) : NULL;
  if (outs && mjx_executable_run(e, PySequence_Fast_ITEMS(args), PySequence_Fast_GET_SIZE(args),
                                 ((PyListObject *)outs)->ob_item) < 0)
    Py_CLEAR(outs);
  Py_XDECREF(args);
  return outs;
}

static void dealloc(PyObject *self) {
  mjx_executable *e = (mjx_executable *)self;
  Py_XDECREF(e->fail);
  Py_XDECREF(e->reads);
  PyMem_Free(e->consts);
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"_load", load, METH_VARARGS,
     "_load(run, program, fail, const addresses, in_avals, out_avals, long_running)"},
    {"_run", run, METH_O, "Run on a sequence of arguments of the executable's avals."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A loaded program with the avals of its arguments and results."},
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};
static PyType_Spec spec = {"minijax._callpath.Executable", sizeof(mjx_executable), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

int mjx_py_add_executable(PyObject *module) {
  mjx_executable_type = (PyTypeObject *)PyType_FromSpec(&spec);
  if (!mjx_executable_type) return -1;
  return PyModule_AddObjectRef(module, "Executable", (PyObject *)mjx_executable_type);
}
