/* array.c: Array objects: an aval, and elements that nobody writes to. */
#include "index.h"
#include "operators.h"

#include <structmember.h>

PyTypeObject *mjx_array_type;

/* Dead objects kept for reuse: results are made and dropped in every call. */
enum { MAX_SPARE = 256 };
static PyObject *spare[MAX_SPARE];
static int n_spare;

static mjx_array *allocate(void) {
  if (!n_spare) return (mjx_array *)mjx_array_type->tp_alloc(mjx_array_type, 0);
  PyObject *self = spare[--n_spare];
  memset((char *)self + sizeof(PyObject), 0, sizeof(mjx_array) - sizeof(PyObject));
  PyObject_Init(self, mjx_array_type);
  /* Dying untracked it; `live_arrays` finds arrays through the collector. */
  if (PyType_IS_GC(mjx_array_type)) PyObject_GC_Track(self);
  return (mjx_array *)self;
}

PyObject *mjx_array_new(mjx_aval *aval, mjx_memory *memory) {
  mjx_array *array = allocate();
  if (!array) {
    mjx_memory_release(memory);
    return NULL;
  }
  array->aval = (mjx_aval *)Py_NewRef((PyObject *)aval);
  array->memory = memory;
  return (PyObject *)array;
}

static PyObject *spread; /* Python: a sharding -> the one of arrays that lie whole beside it */

PyObject *mjx_place_of_result(PyObject *place, int32_t from_ndim, int32_t ndim) {
  if (place == Py_True || from_ndim == ndim) return Py_NewRef(place);
  return PyObject_CallOneArg(spread, place);
}

PyObject *mjx_array_from(const mjx_array *from, mjx_aval *aval, mjx_memory *memory) {
  PyObject *out = mjx_array_new(aval, memory);
  if (!out || !from->place) return out;
  mjx_array *array = (mjx_array *)out;
  array->place = mjx_place_of_result(from->place, from->aval->ndim, aval->ndim);
  if (!array->place) Py_CLEAR(out);
  return out;
}

void mjx_array_delete(PyObject *self) {
  mjx_array *array = (mjx_array *)self;
  mjx_memory *memory = array->memory;
  array->memory = NULL;
  Py_CLEAR(array->view);
  mjx_memory_release(memory);
}

static void dealloc(PyObject *self) {
  mjx_array *array = (mjx_array *)self;
  if (array->weakrefs) PyObject_ClearWeakRefs(self);
  mjx_array_delete(self);
  Py_XDECREF(array->aval);
  Py_XDECREF(array->place);
  PyTypeObject *type = Py_TYPE(self);
  if (type == mjx_array_type && n_spare < MAX_SPARE)
    spare[n_spare++] = self;
  else
    type->tp_free(self);
  Py_DECREF(type);
}

/* ---- elements from NumPy, and back --------------------------------------------------------- */

/* What a NumPy view of pooled memory has as its base. */
typedef struct {
  PyObject_HEAD mjx_memory *memory;
} holder;

static PyTypeObject *holder_type;

static void holder_dealloc(PyObject *self) {
  mjx_memory_release(((holder *)self)->memory);
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

/* The object that keeps `memory` alive, new. */
static PyObject *hold(mjx_memory *memory) {
  if (memory->owner) return Py_NewRef(memory->owner);
  holder *self = (holder *)holder_type->tp_alloc(holder_type, 0);
  if (self) self->memory = mjx_memory_retain(memory);
  return (PyObject *)self;
}

static PyObject *make_view(mjx_array *array) {
  PyArray_Descr *storage = mjx_aval_storage(array->aval);
  if (!storage) return NULL;
  PyObject *view = PyArray_NewFromDescr(
      &PyArray_Type, (PyArray_Descr *)Py_NewRef((PyObject *)storage), array->aval->ndim,
      array->aval->dims, NULL, array->memory->data, 0, NULL);
  if (!view) return NULL;
  PyObject *base = hold(array->memory);
  if (!base || PyArray_SetBaseObject((PyArrayObject *)view, base) < 0) Py_CLEAR(view);
  return view;
}

/* The elements as a read-only NumPy array; None once deleted. */
static PyObject *get_data(PyObject *self, void *closure) {
  (void)closure;
  mjx_array *array = (mjx_array *)self;
  if (!array->memory) Py_RETURN_NONE;
  if (!array->view) array->view = make_view(array);
  return Py_XNewRef(array->view);
}

/* Checks that `data` is what an Array of `aval` can be made over. */
static int check_data(mjx_aval *aval, PyArrayObject *data) {
  PyArray_Descr *storage = mjx_aval_storage(aval);
  if (!storage) return -1;
  bool fits = mjx_aval_fits(aval, data) && PyArray_IS_C_CONTIGUOUS(data) &&
              PyArray_ISALIGNED(data) && PyArray_EquivTypes(PyArray_DESCR(data), storage);
  if (fits) return 0;
  PyErr_Format(PyExc_ValueError, "%R needs dense elements of its shape and dtype, got %R", aval,
               data);
  return -1;
}

static void set_place(mjx_array *array, PyObject *place) {
  Py_XSETREF(array->place, place == Py_False || place == Py_None ? NULL : Py_NewRef(place));
}

/* Python's one subclass is what all Arrays are. */
static PyObject *init_subclass(PyObject *type, PyObject *unused) {
  (void)unused;
  if (!mjx_array_type) mjx_array_type = (PyTypeObject *)Py_NewRef(type);
  Py_RETURN_NONE;
}

/* The array that JAX's constructor makes: its arguments are not those of `array_new`. */
static PyObject *from_parts(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *make = PyObject_GetAttrString((PyObject *)type, "_from_parts");
  PyObject *self = make ? PyObject_Call(make, args, kwargs) : NULL;
  Py_XDECREF(make);
  return self;
}

static PyObject *array_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"aval", "data", "committed", NULL};
  PyObject *aval, *data, *place = Py_False;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO!|O", names, &aval, &PyArray_Type, &data,
                                   &place)) {
    if (PyTuple_GET_SIZE(args) + (kwargs ? PyDict_GET_SIZE(kwargs) : 0) < 4) return NULL;
    PyErr_Clear();
    return from_parts(type, args, kwargs);
  }
  if (Py_TYPE(aval) != mjx_aval_type) {
    PyErr_SetString(PyExc_TypeError, "an Array needs a ShapedArray");
    return NULL;
  }
  if (check_data((mjx_aval *)aval, (PyArrayObject *)data) < 0) return NULL;
  mjx_memory *memory = mjx_memory_borrow(PyArray_DATA((PyArrayObject *)data), data);
  PyObject *self = memory ? mjx_array_new((mjx_aval *)aval, memory) : NULL;
  if (self) set_place((mjx_array *)self, place);
  return self;
}

/* ---- what Python asks ---------------------------------------------------------------------- */

static PyObject *get_shape(PyObject *self, void *closure) {
  (void)closure;
  return Py_NewRef(((mjx_array *)self)->aval->shape);
}

static PyObject *get_dtype(PyObject *self, void *closure) {
  (void)closure;
  return Py_NewRef(((mjx_array *)self)->aval->dtype);
}

static PyObject *get_ndim(PyObject *self, void *closure) {
  (void)closure;
  return PyLong_FromLong(((mjx_array *)self)->aval->ndim);
}

static PyObject *get_size(PyObject *self, void *closure) {
  (void)closure;
  return PyLong_FromSsize_t(((mjx_array *)self)->aval->size);
}

static PyObject *get_weak_type(PyObject *self, void *closure) {
  (void)closure;
  return PyBool_FromLong(((mjx_array *)self)->aval->weak);
}

static PyObject *get_place(PyObject *self, void *closure) {
  (void)closure;
  PyObject *place = ((mjx_array *)self)->place;
  return Py_NewRef(place ? place : Py_False);
}

bool mjx_array_is_deleted(PyObject *self) { return !((mjx_array *)self)->memory; }

static PyObject *is_deleted(PyObject *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(mjx_array_is_deleted(self));
}

static PyObject *delete (PyObject *self, PyObject *unused) {
  (void)unused;
  mjx_array_delete(self);
  Py_RETURN_NONE;
}

/* The Array over the same elements, placed elsewhere or (of as many elements) under another aval. */
static PyObject *alias(PyObject *self, PyObject *args) {
  mjx_array *array = (mjx_array *)self;
  PyObject *aval, *place = Py_False;
  if (!PyArg_ParseTuple(args, "O!|O", mjx_aval_type, &aval, &place)) return NULL;
  mjx_aval *other = (mjx_aval *)aval;
  PyArray_Descr *old = mjx_aval_storage(array->aval), *new = mjx_aval_storage(other);
  if (!old || !new) return NULL;
  if (!array->memory || other->bytes != array->aval->bytes) {
    PyErr_SetString(PyExc_ValueError, "only an array of as many bytes can share its memory");
    return NULL;
  }
  PyObject *out = mjx_array_new(other, mjx_memory_retain(array->memory));
  if (out) set_place((mjx_array *)out, place);
  return out;
}

/* a.reshape(shape) or a.reshape(*shape); what is said by name, and errors, are Python's. */
static PyObject *reshape(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
  if (!kwnames && ((mjx_array *)self)->memory && mjx_py_usual()) {
    PyObject *out = mjx_array_reshape(self, args, n);
    if (out || PyErr_Occurred()) return out;
  }
  PyObject *method = PyObject_GetAttrString(self, "_reshape");
  PyObject *out = method ? PyObject_Vectorcall(method, args, (size_t)n, kwnames) : NULL;
  Py_XDECREF(method);
  return out;
}

/* What np.asarray asks for: the elements without a copy. */
static PyObject *to_numpy(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames) {
  mjx_array *array = (mjx_array *)self;
  bool plain = !n && !kwnames && array->memory && PyArray_DescrCheck(array->aval->dtype);
  if (plain) return get_data(self, NULL);
  PyObject *method = PyObject_GetAttrString(self, "_to_numpy");
  PyObject *out = method ? PyObject_Vectorcall(method, args, (size_t)n, kwnames) : NULL;
  Py_XDECREF(method);
  return out;
}

/* BufferError naming the elements' type as XLA does: BF16 for bfloat16. */
static int not_a_buffer(PyObject *dtype) {
  PyErr_Clear();
  PyObject *name = PyObject_GetAttrString(dtype, "name");
  PyObject *brief = name ? PyObject_CallMethod(name, "replace", "ss", "float", "f") : NULL;
  PyObject *upper = brief ? PyObject_CallMethod(brief, "upper", NULL) : NULL;
  if (upper)
    PyErr_Format(PyExc_BufferError,
                 "Buffers of type %U are not supported by the Python buffer protocol.", upper);
  Py_XDECREF(name);
  Py_XDECREF(brief);
  Py_XDECREF(upper);
  return -1;
}

/* memoryview(array): the elements, read only, of the types that buffers have. */
static int get_buffer(PyObject *self, Py_buffer *buffer, int flags) {
  mjx_array *array = (mjx_array *)self;
  buffer->obj = NULL;
  if (!array->memory || flags & PyBUF_WRITABLE) {
    PyErr_SetString(PyExc_BufferError,
                    array->memory ? "arrays are read only" : "Array has been deleted.");
    return -1;
  }
  PyObject *dtype = array->aval->dtype;
  if (!PyArray_DescrCheck(dtype)) return not_a_buffer(dtype);
  PyObject *data = get_data(self, NULL);
  if (!data) return -1;
  int status = PyObject_GetBuffer(data, buffer, flags);
  Py_DECREF(data);
  return status < 0 ? not_a_buffer(dtype) : 0;
}

static PyObject *block_until_ready(PyObject *self, PyObject *unused) {
  (void)unused;
  if (((mjx_array *)self)->memory) return Py_NewRef(self);
  return PyObject_GetAttrString(self, "_value"); /* raises */
}

static PyGetSetDef getset[] = {
    {"_data", get_data, NULL, "the elements, as a read-only NumPy array; None once deleted", NULL},
    {"_place", get_place, NULL, "the sharding the user placed it with, or True, or False", NULL},
    {"shape", get_shape, NULL, "the lengths of the axes", NULL},
    {"dtype", get_dtype, NULL, "the type of an element", NULL},
    {"ndim", get_ndim, NULL, "the number of axes", NULL},
    {"size", get_size, NULL, "the number of elements", NULL},
    {"weak_type", get_weak_type, NULL, "whether the dtype gives way to others", NULL},
    {0},
};

static PyMemberDef members[] = {
    {"aval", T_OBJECT_EX, offsetof(mjx_array, aval), READONLY, "the type of the array"},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(mjx_array, weakrefs), READONLY, NULL},
    {0},
};

/* from_numpy(x): an Array with a copy of a NumPy array's elements, in the canonical dtype; an Array
 * as it is; None for what is neither, or not stored plainly. */
static PyObject *from_numpy(PyObject *module, PyObject *x) {
  (void)module;
  if (mjx_is_array(x) && ((mjx_array *)x)->memory) return Py_NewRef(x);
  bool plain = PyArray_CheckExact(x) && PyArray_TYPE((PyArrayObject *)x) != NPY_VOID;
  mjx_aval *aval = plain ? mjx_argument_aval(x) : NULL;
  if (!aval || PyErr_Occurred()) return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
  PyObject *held;
  char unused[16];
  const void *data = mjx_argument_address(x, aval, unused, &held);
  mjx_memory *memory = data ? mjx_memory_new((size_t)aval->bytes) : NULL;
  if (memory) memcpy(memory->data, data, (size_t)aval->bytes);
  Py_XDECREF(held);
  return memory ? mjx_array_new(aval, memory) : NULL;
}

static PyObject *set_place_rule(PyObject *module, PyObject *rule) {
  (void)module;
  Py_XSETREF(spread, Py_NewRef(rule));
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_place_rule", set_place_rule, METH_O,
     "set_place_rule(spread): what says the sharding of a result that has other axes than the\n"
     "argument with this sharding."},
    {"from_numpy", from_numpy, METH_O,
     "An Array with a copy of a NumPy array's elements in the canonical dtype, or an Array as it "
     "is;\n"
     "None for anything else."},
    {0},
};

static PyMethodDef array_methods[] = {
    {"__init_subclass__", init_subclass, METH_NOARGS | METH_CLASS, NULL},
    {"is_deleted", is_deleted, METH_NOARGS, "Whether `delete` or donation gave the memory up."},
    {"delete", delete, METH_NOARGS,
     "Give the memory up; using the array afterwards raises RuntimeError."},
    {"_alias", alias, METH_VARARGS,
     "_alias(aval, committed=False): an Array over the same memory."},
    {"reshape", (PyCFunction)(void (*)(void))reshape, METH_FASTCALL | METH_KEYWORDS,
     "The same elements in another shape."},
    {"__array__", (PyCFunction)(void (*)(void))to_numpy, METH_FASTCALL | METH_KEYWORDS,
     "The elements as a NumPy array: read-only and shared, unless a copy or dtype is asked for."},
    {"block_until_ready", block_until_ready, METH_NOARGS,
     "Wait for the array's value; computation here is synchronous."},
    {0},
};

static PyType_Slot own_slots[] = {
    {Py_tp_doc, "What Array objects hold: aval, memory, placement."},
    {Py_tp_new, array_new},
    {Py_tp_dealloc, dealloc},
    {Py_tp_getset, getset},
    {Py_tp_members, members},
    {Py_tp_methods, array_methods},
    {Py_bf_getbuffer, get_buffer},
    {0, NULL},
};

static PyType_Slot holder_slots[] = {
    {Py_tp_doc, "Keeps the memory of an Array alive for a NumPy view of it."},
    {Py_tp_dealloc, holder_dealloc},
    {0, NULL},
};
static PyType_Spec holder_spec = {"minijax._callpath.Holder", sizeof(holder), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  holder_slots};

/* The type with its own slots and those of the operators. */
static PyObject *make_array_type(void) {
  PyType_Slot slots[64];
  int n = 0;
  for (const PyType_Slot *slot = own_slots; slot->slot; slot++) slots[n++] = *slot;
  for (const PyType_Slot *slot = mjx_operator_slots; slot->slot; slot++) slots[n++] = *slot;
  slots[n] = (PyType_Slot){0, NULL};
  PyType_Spec spec = {"minijax._callpath.Array", sizeof(mjx_array), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  return PyType_FromSpec(&spec);
}

int mjx_py_add_array(PyObject *module) {
  holder_type = (PyTypeObject *)PyType_FromSpec(&holder_spec);
  PyObject *type = holder_type ? make_array_type() : NULL;
  if (!type) return -1;
  int status = PyModule_AddObjectRef(module, "Array", type);
  Py_DECREF(type);
  return status < 0 ? -1 : PyModule_AddFunctions(module, functions);
}
