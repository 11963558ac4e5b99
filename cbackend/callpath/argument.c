/* argument.c: what a call may be given: Arrays, NumPy values, Python scalars. */
#include "callpath.h"

static mjx_aval *scalar_avals[2][4]; /* by x64, and bool, int, float, complex */
static PyObject *numpy_aval;         /* Python: any NumPy value -> its aval */
static PyObject *as_data;            /* Python: (x, storage dtype) -> dense NumPy array */

enum { KIND_BOOL, KIND_INT, KIND_FLOAT, KIND_COMPLEX, KIND_NONE };

static int scalar_kind(PyTypeObject *type) {
  if (type == &PyFloat_Type) return KIND_FLOAT;
  if (type == &PyLong_Type) return KIND_INT;
  if (type == &PyBool_Type) return KIND_BOOL;
  return type == &PyComplex_Type ? KIND_COMPLEX : KIND_NONE;
}

/* The number of the dtype that NumPy's `type` becomes, or -1 for those that Python must judge. */
static int canonical_type(int type, bool x64) {
  switch (type) {
    case NPY_BOOL:
    case NPY_HALF:
    case NPY_FLOAT:
    case NPY_CFLOAT: return type;
    case NPY_DOUBLE: return x64 ? NPY_DOUBLE : NPY_FLOAT;
    case NPY_CDOUBLE: return x64 ? NPY_CDOUBLE : NPY_CFLOAT;
    case NPY_BYTE:
    case NPY_SHORT:
    case NPY_INT:
    case NPY_UBYTE:
    case NPY_USHORT:
    case NPY_UINT: return type;
    case NPY_LONG:
    case NPY_LONGLONG: return x64 ? NPY_INT64 : NPY_INT32;
    case NPY_ULONG:
    case NPY_ULONGLONG: return x64 ? NPY_UINT64 : NPY_UINT32;
    default: return -1;
  }
}

static mjx_aval *ask_python(PyObject *x) {
  PyObject *aval = PyObject_CallOneArg(numpy_aval, x);
  if (!aval) {
    PyErr_Clear(); /* the Python path says it better */
    return NULL;
  }
  Py_DECREF(aval); /* avals are immortal */
  return (mjx_aval *)aval;
}

static mjx_aval *aval_of_numpy(PyObject *x, PyArray_Descr *descr, int ndim, const npy_intp *dims) {
  int type = canonical_type(descr->type_num, mjx_py_x64());
  if (type < 0 || !PyArray_ISNBO(descr->byteorder)) return ask_python(x);
  PyArray_Descr *canonical = PyArray_DescrFromType(type);
  mjx_aval *aval = mjx_aval_intern(ndim, dims, (PyObject *)canonical, false);
  Py_DECREF(canonical);
  if (!aval) PyErr_Clear();
  return aval;
}

mjx_aval *mjx_argument_aval(PyObject *x) {
  PyTypeObject *type = Py_TYPE(x);
  if (type == mjx_array_type) {
    mjx_array *array = (mjx_array *)x;
    return array->memory ? array->aval : NULL;
  }
  int kind = scalar_kind(type);
  if (kind != KIND_NONE) return scalar_avals[mjx_py_x64()][kind];
  if (PyArray_CheckExact(x)) {
    PyArrayObject *array = (PyArrayObject *)x;
    return aval_of_numpy(x, PyArray_DESCR(array), PyArray_NDIM(array), PyArray_DIMS(array));
  }
  if (PyArray_IsScalar(x, Number) || PyArray_IsScalar(x, Bool)) {
    PyArray_Descr *descr = PyArray_DescrFromScalar(x);
    mjx_aval *aval = descr ? aval_of_numpy(x, descr, 0, NULL) : NULL;
    if (!descr) PyErr_Clear();
    Py_XDECREF(descr);
    return aval;
  }
  return NULL;
}

/* ---- elements ------------------------------------------------------------------------------ */

static const void *store_int(PyObject *x, int type, void *scratch) {
  int overflow;
  long long value = PyLong_AsLongLongAndOverflow(x, &overflow);
  if (value == -1 && PyErr_Occurred()) return NULL;
  if (!overflow && type == NPY_INT64) {
    *(int64_t *)scratch = value;
    return scratch;
  }
  if (!overflow && type == NPY_INT32 && value == (int32_t)value) {
    *(int32_t *)scratch = (int32_t)value;
    return scratch;
  }
  return NULL;
}

/* A Python scalar in the dtype of its aval; NULL where it does not fit. */
static const void *store_scalar(PyObject *x, int kind, int type, void *scratch) {
  if (kind == KIND_INT) return store_int(x, type, scratch);
  if (kind == KIND_BOOL && type == NPY_BOOL) {
    *(npy_bool *)scratch = x == Py_True;
    return scratch;
  }
  if (kind == KIND_FLOAT && type == NPY_DOUBLE) {
    *(double *)scratch = PyFloat_AS_DOUBLE(x);
    return scratch;
  }
  if (kind == KIND_FLOAT && type == NPY_FLOAT) {
    *(float *)scratch = (float)PyFloat_AS_DOUBLE(x);
    return scratch;
  }
  Py_complex c = kind == KIND_COMPLEX ? PyComplex_AsCComplex(x) : (Py_complex){0, 0};
  if (kind == KIND_COMPLEX && type == NPY_CDOUBLE) {
    memcpy(scratch, &c, sizeof c);
    return scratch;
  }
  if (kind == KIND_COMPLEX && type == NPY_CFLOAT) {
    memcpy(scratch, (float[]){(float)c.real, (float)c.imag}, 2 * sizeof(float));
    return scratch;
  }
  return NULL;
}

/* Any other argument, through Python.  TypeError where it is not of the aval's shape. */
static const void *convert(PyObject *x, mjx_aval *aval, PyObject **held) {
  PyObject *data = PyObject_CallFunctionObjArgs(as_data, x, aval->storage, NULL);
  if (!data) return NULL;
  if (!PyArray_Check(data) || !mjx_aval_fits(aval, (PyArrayObject *)data)) {
    Py_DECREF(data);
    PyErr_Format(PyExc_TypeError, "a program for %R was called with %R", aval, x);
    return NULL;
  }
  *held = data;
  return PyArray_DATA((PyArrayObject *)data);
}

/* The elements of an Array that a program takes as `aval`; the weak type may differ. */
static const void *array_address(mjx_array *array, mjx_aval *aval) {
  mjx_aval *own = array->aval;
  if (own == aval) return array->memory->data;
  bool fits = own->dtype == aval->dtype && own->ndim == aval->ndim &&
              memcmp(own->dims, aval->dims, (size_t)own->ndim * sizeof *own->dims) == 0;
  if (fits) return array->memory->data;
  PyErr_Format(PyExc_TypeError, "a program for %R was called with %R", aval, own);
  return NULL;
}

const void *mjx_argument_address(PyObject *x, mjx_aval *aval, void *scratch, PyObject **held) {
  *held = NULL;
  PyTypeObject *type = Py_TYPE(x);
  if (type == mjx_array_type && ((mjx_array *)x)->memory)
    return array_address((mjx_array *)x, aval);
  PyArray_Descr *storage = mjx_aval_storage(aval);
  if (!storage) return NULL;
  int kind = scalar_kind(type);
  if (kind != KIND_NONE && !aval->ndim) {
    const void *stored = store_scalar(x, kind, storage->type_num, scratch);
    return stored || PyErr_Occurred() ? stored : convert(x, aval, held);
  }
  if (PyArray_CheckExact(x)) {
    PyArrayObject *array = (PyArrayObject *)x;
    bool as_is = PyArray_DESCR(array) == storage && mjx_aval_fits(aval, array) &&
                 PyArray_IS_C_CONTIGUOUS(array) && PyArray_ISALIGNED(array);
    if (as_is) {
      *held = Py_NewRef(x);
      return PyArray_DATA(array);
    }
  }
  return convert(x, aval, held);
}

/* ---- set by Python ------------------------------------------------------------------------- */

static PyObject *set_scalar_avals(PyObject *module, PyObject *args) {
  (void)module;
  int x64;
  PyObject *avals[4];
  if (!PyArg_ParseTuple(args, "pO!O!O!O!", &x64, mjx_aval_type, &avals[0], mjx_aval_type, &avals[1],
                        mjx_aval_type, &avals[2], mjx_aval_type, &avals[3]))
    return NULL;
  for (int kind = 0; kind < 4; kind++) scalar_avals[x64][kind] = (mjx_aval *)avals[kind];
  Py_RETURN_NONE;
}

static PyObject *set_argument_rules(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *aval, *data;
  if (!PyArg_ParseTuple(args, "OO", &aval, &data)) return NULL;
  Py_XSETREF(numpy_aval, Py_NewRef(aval));
  Py_XSETREF(as_data, Py_NewRef(data));
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_scalar_avals", set_scalar_avals, METH_VARARGS,
     "set_scalar_avals(x64, bool, int, float, complex): the avals of Python's scalars."},
    {"set_argument_rules", set_argument_rules, METH_VARARGS,
     "set_argument_rules(aval, data): what says the aval of a NumPy value that is not of the\n"
     "usual kinds, and gives the elements of any argument in a storage dtype."},
    {0},
};

int mjx_py_add_argument(PyObject *module) { return PyModule_AddFunctions(module, methods); }
