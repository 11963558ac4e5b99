/* aval.c: avals, one object for each combination of shape, dtype and weak type. */
#include "callpath.h"

#include <structmember.h>

PyTypeObject *mjx_aval_type;

static PyObject *canonical_dtype; /* Python: any dtype -> the one object that stands for it */
static PyObject *storage_dtype;   /* Python: dtype -> how its elements lie in memory */

/* Sizes that are symbols rather than numbers: objects of this class, all that avals have, and which
 * of them an object is.  In `dims` such a size is FIRST_SYMBOL plus its place in the list. */
static PyTypeObject *symbol_type;
static PyObject *symbols, *symbol_places;
#define FIRST_SYMBOL NPY_MIN_INTP
#define IS_SYMBOL(n) ((n) < NPY_MIN_INTP / 2)

/* The table of all avals: open addressing, at most half full. */
static mjx_aval **table;
static size_t table_size, table_used;

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 32);
}

static uint64_t hash_parts(int32_t ndim, const npy_intp *dims, PyObject *dtype, bool weak) {
  uint64_t hash = mix((uintptr_t)dtype, (uint64_t)ndim * 2 + weak);
  for (int32_t d = 0; d < ndim; d++) hash = mix(hash, (uint64_t)dims[d]);
  return hash;
}

static bool same_parts(const mjx_aval *aval, int32_t ndim, const npy_intp *dims, PyObject *dtype,
                       bool weak) {
  return aval->dtype == dtype && aval->ndim == ndim && aval->weak == weak &&
         (!ndim || memcmp(aval->dims, dims, (size_t)ndim * sizeof *dims) == 0);
}

static int grow_table(void) {
  size_t size = table_size ? table_size * 2 : 1024;
  mjx_aval **larger = PyMem_Calloc(size, sizeof *larger);
  if (!larger) {
    PyErr_NoMemory();
    return -1;
  }
  for (size_t i = 0; i < table_size; i++) {
    mjx_aval *aval = table[i];
    if (!aval) continue;
    size_t k = hash_parts(aval->ndim, aval->dims, aval->dtype, aval->weak) & (size - 1);
    while (larger[k]) k = (k + 1) & (size - 1);
    larger[k] = aval;
  }
  PyMem_Free(table);
  table = larger;
  table_size = size;
  return 0;
}

static PyObject *size_object(npy_intp n) {
  if (IS_SYMBOL(n)) return Py_XNewRef(PyList_GetItem(symbols, n - FIRST_SYMBOL));
  return PyLong_FromSsize_t(n);
}

static PyObject *shape_tuple(int32_t ndim, const npy_intp *dims) {
  PyObject *shape = PyTuple_New(ndim);
  for (int32_t d = 0; shape && d < ndim; d++) {
    PyObject *n = size_object(dims[d]);
    if (!n)
      Py_CLEAR(shape);
    else
      PyTuple_SET_ITEM(shape, d, n);
  }
  return shape;
}

/* The product, or PY_SSIZE_T_MAX where it is too large or not a number: nobody has so many, but
 * shapes can be spoken of. */
static Py_ssize_t count_elements(int32_t ndim, const npy_intp *dims) {
  Py_ssize_t size = 1;
  bool fits = true;
  for (int32_t d = 0; d < ndim; d++) {
    if (dims[d] == 0) return 0;
    fits = fits && !IS_SYMBOL(dims[d]) && !__builtin_mul_overflow(size, dims[d], &size);
  }
  return fits ? size : PY_SSIZE_T_MAX;
}

static mjx_aval *new_aval(int32_t ndim, const npy_intp *dims, PyObject *dtype, bool weak) {
  PyObject *shape = shape_tuple(ndim, dims);
  if (!shape) return NULL;
  mjx_aval *aval = (mjx_aval *)mjx_aval_type->tp_alloc(mjx_aval_type, ndim);
  if (!aval) {
    Py_DECREF(shape);
    return NULL;
  }
  aval->shape = shape;
  aval->dtype = Py_NewRef(dtype);
  aval->ndim = ndim;
  aval->weak = weak;
  if (ndim) memcpy(aval->dims, dims, (size_t)ndim * sizeof *dims);
  aval->size = count_elements(ndim, dims);
  return aval;
}

mjx_aval *mjx_aval_intern(int32_t ndim, const npy_intp *dims, PyObject *dtype, bool weak) {
  if (2 * (table_used + 1) > table_size && grow_table() < 0) return NULL;
  size_t k = hash_parts(ndim, dims, dtype, weak) & (table_size - 1);
  for (; table[k]; k = (k + 1) & (table_size - 1))
    if (same_parts(table[k], ndim, dims, dtype, weak)) return table[k];
  mjx_aval *aval = new_aval(ndim, dims, dtype, weak);
  if (!aval) return NULL;
  table[k] = aval;
  table_used++;
  return aval;
}

PyArray_Descr *mjx_aval_storage(mjx_aval *aval) {
  if (!aval->storage) {
    PyObject *found = PyObject_CallOneArg(storage_dtype, aval->dtype);
    if (!found) return NULL;
    if (!PyArray_DescrCheck(found)) {
      Py_DECREF(found);
      PyErr_SetString(PyExc_TypeError, "the storage of an aval must be a dtype");
      return NULL;
    }
    aval->storage = (PyArray_Descr *)found;
    if (__builtin_mul_overflow(aval->size, PyDataType_ELSIZE(aval->storage), &aval->bytes))
      aval->bytes = PY_SSIZE_T_MAX;
  }
  return aval->storage;
}

/* ---- the type ------------------------------------------------------------------------------ */

/* What stands in `dims` for a size that is a symbol; -1 with an exception set. */
static npy_intp symbol_number(PyObject *symbol) {
  PyObject *place = PyDict_GetItemWithError(symbol_places, symbol);
  if (place) return FIRST_SYMBOL + PyLong_AsSsize_t(place);
  if (PyErr_Occurred()) return -1;
  Py_ssize_t n = PyList_GET_SIZE(symbols);
  place = PyLong_FromSsize_t(n);
  int status = place ? PyDict_SetItem(symbol_places, symbol, place) : -1;
  Py_XDECREF(place);
  if (status < 0 || PyList_Append(symbols, symbol) < 0) return -1;
  return FIRST_SYMBOL + n;
}

static npy_intp size_number(PyObject *size) {
  if (PyLong_CheckExact(size)) return PyLong_AsSsize_t(size);
  if (symbol_type && PyObject_TypeCheck(size, symbol_type)) return symbol_number(size);
  return PyNumber_AsSsize_t(size, PyExc_OverflowError);
}

/* Reads a shape into dims; its length, or -1 with an exception set. */
static int32_t read_shape(PyObject *shape, npy_intp *dims) {
  PyObject *items = PySequence_Fast(shape, "a shape must be a sequence of integers");
  if (!items) return -1;
  Py_ssize_t n = PySequence_Fast_GET_SIZE(items);
  if (n > NPY_MAXDIMS) {
    PyErr_Format(PyExc_ValueError, "arrays have at most %d axes; got %zd", NPY_MAXDIMS, n);
    n = -1;
  }
  for (Py_ssize_t d = 0; d < n; d++) {
    dims[d] = size_number(PySequence_Fast_GET_ITEM(items, d));
    if (dims[d] == -1 && PyErr_Occurred()) n = -1;
  }
  Py_DECREF(items);
  return (int32_t)n;
}

/* The one object for a dtype, owned.  Python knows the dtypes that are not NumPy's own. */
static PyObject *canonical(PyObject *dtype) {
  if (PyArray_DescrCheck(dtype)) {
    PyArray_Descr *descr = (PyArray_Descr *)dtype;
    if (PyTypeNum_ISNUMBER(descr->type_num) && PyArray_ISNBO(descr->byteorder))
      return (PyObject *)PyArray_DescrFromType(descr->type_num);
  }
  return PyObject_CallOneArg(canonical_dtype, dtype);
}

/* Python's one subclass is what all avals are. */
static PyObject *init_subclass(PyObject *type, PyObject *unused) {
  (void)unused;
  if (!mjx_aval_type) mjx_aval_type = (PyTypeObject *)Py_NewRef(type);
  Py_RETURN_NONE;
}

static PyMethodDef aval_methods[] = {
    {"__init_subclass__", init_subclass, METH_NOARGS | METH_CLASS, NULL},
    {0},
};

static PyObject *aval_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  (void)type;
  static char *names[] = {"shape", "dtype", "weak_type", "sharding", "vma", "memory_space", NULL};
  PyObject *shape, *dtype, *weak = Py_False, *ignored;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O$OOO", names, &shape, &dtype, &weak, &ignored,
                                   &ignored, &ignored))
    return NULL;
  npy_intp dims[NPY_MAXDIMS];
  int32_t ndim = read_shape(shape, dims);
  int is_weak = PyObject_IsTrue(weak);
  if (ndim < 0 || is_weak < 0) return NULL;
  PyObject *known = canonical(dtype);
  if (!known) return NULL;
  mjx_aval *aval = mjx_aval_intern(ndim, dims, known, is_weak);
  Py_DECREF(known);
  return Py_XNewRef((PyObject *)aval);
}

static PyObject *get_size(PyObject *self, void *closure) {
  (void)closure;
  const mjx_aval *aval = (mjx_aval *)self;
  if (aval->size < PY_SSIZE_T_MAX) return PyLong_FromSsize_t(aval->size);
  PyObject *size = PyLong_FromLong(1);
  for (int32_t d = 0; size && d < aval->ndim; d++)
    Py_SETREF(size, PyNumber_Multiply(size, PyTuple_GET_ITEM(aval->shape, d)));
  return size;
}

static PyGetSetDef getset[] = {
    {"size", get_size, NULL, "the number of elements", NULL},
    {0},
};

static PyMemberDef members[] = {
    {"shape", T_OBJECT_EX, offsetof(mjx_aval, shape), READONLY, "the lengths of the axes"},
    {"dtype", T_OBJECT_EX, offsetof(mjx_aval, dtype), READONLY, "the type of an element"},
    {"weak_type", T_BOOL, offsetof(mjx_aval, weak), READONLY, "whether the dtype gives way"},
    {"ndim", T_INT, offsetof(mjx_aval, ndim), READONLY, "the number of axes"},
    {"_tangent", T_OBJECT, offsetof(mjx_aval, tangent), 0, "the aval of tangents, once known"},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "What is interned of ShapedArray: shape, dtype, weak type."},
    {Py_tp_new, aval_new},
    {Py_tp_members, members},
    {Py_tp_getset, getset},
    {Py_tp_methods, aval_methods},
    {0, NULL},
};
static PyType_Spec spec = {"minijax._callpath.Aval", sizeof(mjx_aval), sizeof(npy_intp),
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

static PyObject *set_dtype_rules(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *one, *stored;
  if (!PyArg_ParseTuple(args, "OO", &one, &stored)) return NULL;
  Py_XSETREF(canonical_dtype, Py_NewRef(one));
  Py_XSETREF(storage_dtype, Py_NewRef(stored));
  Py_RETURN_NONE;
}

static PyObject *set_symbol_type(PyObject *module, PyObject *type) {
  (void)module;
  if (!PyType_Check(type)) return PyErr_Format(PyExc_TypeError, "set_symbol_type(class)");
  Py_XSETREF(symbols, PyList_New(0));
  Py_XSETREF(symbol_places, PyDict_New());
  if (!symbols || !symbol_places) return NULL;
  Py_XSETREF(symbol_type, (PyTypeObject *)Py_NewRef(type));
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"set_dtype_rules", set_dtype_rules, METH_VARARGS,
     "set_dtype_rules(canonical, storage): functions from a dtype to the one object that stands\n"
     "for it, and to the NumPy dtype of its elements in memory."},
    {"set_symbol_type", set_symbol_type, METH_O,
     "set_symbol_type(class): of hashable objects that may stand for the size of an axis."},
    {0},
};

int mjx_py_add_aval(PyObject *module) {
  PyObject *type = PyType_FromSpec(&spec);
  if (!type) return -1;
  int status = PyModule_AddObjectRef(module, "Aval", type);
  Py_DECREF(type);
  return status < 0 ? -1 : PyModule_AddFunctions(module, methods);
}
