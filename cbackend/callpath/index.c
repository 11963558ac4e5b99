/* index.c: a[...] by integers, slices, Ellipsis and None, of an Array: the elements are copied.
 *
 * Everything else is Python's: arrays in the index, integers out of range (which JAX clamps), lists.
 */
#include "index.h"

typedef struct {
  int32_t ndim;
  npy_intp dims[NPY_MAXDIMS], strides[NPY_MAXDIMS]; /* strides in bytes */
  const char *start;
} region;

/* What is left of the source while an index is read. */
typedef struct {
  const mjx_aval *aval;
  npy_intp strides[NPY_MAXDIMS];
  int32_t next; /* the first axis that is not indexed yet */
} source;

static int take_axis(region *r, npy_intp n, npy_intp stride) {
  if (r->ndim == NPY_MAXDIMS) return 0;
  r->dims[r->ndim] = n;
  r->strides[r->ndim++] = stride;
  return 1;
}

static int take_int(region *r, source *from, PyObject *item) {
  npy_intp n = from->aval->dims[from->next];
  Py_ssize_t i = PyLong_AsSsize_t(item);
  if (i == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    return 0; /* too large for any dtype */
  }
  if (i < -n || i >= n) return 0;
  r->start += (i < 0 ? i + n : i) * from->strides[from->next++];
  return 1;
}

static bool plain_bound(PyObject *x) { return x == Py_None || PyLong_CheckExact(x); }

static int take_slice(region *r, source *from, PyObject *item) {
  PySliceObject *slice = (PySliceObject *)item;
  if (!plain_bound(slice->start) || !plain_bound(slice->stop) || !plain_bound(slice->step))
    return 0;
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(item, &start, &stop, &step) < 0) {
    PyErr_Clear();
    return 0;
  }
  Py_ssize_t n = PySlice_AdjustIndices(from->aval->dims[from->next], &start, &stop, step);
  npy_intp stride = from->strides[from->next++];
  if (n) r->start += start * stride;
  return take_axis(r, n, stride * step);
}

static int take_rest(region *r, source *from, int32_t until) {
  while (from->next < until)
    if (!take_axis(r, from->aval->dims[from->next], from->strides[from->next]))
      return 0;
    else
      from->next++;
  return 1;
}

/* The region that `items` choose.  1, or 0 where Python must read the index. */
static int read_index(region *r, source *from, PyObject *const *items, Py_ssize_t n) {
  Py_ssize_t used = 0, ellipses = 0;
  for (Py_ssize_t k = 0; k < n; k++) {
    if (items[k] == Py_Ellipsis)
      ellipses++;
    else if (items[k] != Py_None)
      used++;
  }
  if (used > from->aval->ndim || ellipses > 1) return 0;
  Py_ssize_t later = used;
  for (Py_ssize_t k = 0; k < n; k++) {
    int taken;
    if (items[k] == Py_Ellipsis) {
      taken = take_rest(r, from, (int32_t)(from->aval->ndim - later));
    } else if (items[k] == Py_None) {
      taken = take_axis(r, 1, 0);
    } else {
      later--;
      if (PyLong_CheckExact(items[k]))
        taken = take_int(r, from, items[k]);
      else
        taken = PySlice_Check(items[k]) ? take_slice(r, from, items[k]) : 0;
    }
    if (!taken) return 0;
  }
  return take_rest(r, from, from->aval->ndim);
}

/* Copies the elements of axes d.. at `from` to *to, densely. */
static void copy_axes(const region *r, int32_t d, const char *from, char **to, size_t size) {
  if (d == r->ndim) {
    memcpy(*to, from, size);
    *to += size;
    return;
  }
  npy_intp n = r->dims[d], stride = r->strides[d];
  if (d == r->ndim - 1 && stride == (npy_intp)size) {
    memcpy(*to, from, (size_t)n * size);
    *to += (size_t)n * size;
    return;
  }
  for (npy_intp i = 0; i < n; i++) copy_axes(r, d + 1, from + i * stride, to, size);
}

/* Joins neighbouring axes that lie one behind the other, so that rows are as long as can be. */
static void merge_axes(region *r) {
  int32_t kept = 0;
  for (int32_t d = 0; d < r->ndim; d++) {
    if (r->dims[d] == 1) continue;
    if (kept && r->strides[kept - 1] == r->strides[d] * r->dims[d]) {
      r->dims[kept - 1] *= r->dims[d];
      r->strides[kept - 1] = r->strides[d];
    } else {
      r->dims[kept] = r->dims[d];
      r->strides[kept++] = r->strides[d];
    }
  }
  r->ndim = kept;
}

PyObject *mjx_array_index(PyObject *self, PyObject *index) {
  mjx_array *array = (mjx_array *)self;
  mjx_aval *aval = array->aval;
  PyArray_Descr *storage = mjx_aval_storage(aval);
  if (!storage) return NULL;
  size_t size = (size_t)PyDataType_ELSIZE(storage);
  region r = {.ndim = 0, .start = array->memory->data};
  source from = {.aval = aval};
  npy_intp stride = (npy_intp)size;
  for (int32_t d = aval->ndim - 1; d >= 0; d--) {
    from.strides[d] = stride;
    stride *= aval->dims[d];
  }
  bool many = PyTuple_CheckExact(index);
  PyObject *const *items = many ? ((PyTupleObject *)index)->ob_item : &index;
  if (!read_index(&r, &from, items, many ? PyTuple_GET_SIZE(index) : 1)) return NULL;
  mjx_aval *out_aval = mjx_aval_intern(r.ndim, r.dims, aval->dtype, aval->weak);
  if (!out_aval || !mjx_aval_storage(out_aval)) return NULL;
  if (out_aval == aval && r.start == array->memory->data && r.strides[0] >= 0)
    return mjx_array_from(array, aval, mjx_memory_retain(array->memory));
  mjx_memory *memory = mjx_memory_new((size_t)out_aval->bytes);
  if (!memory) return NULL;
  char *to = memory->data;
  merge_axes(&r);
  if (out_aval->bytes) copy_axes(&r, 0, r.start, &to, size);
  return mjx_array_from(array, out_aval, memory);
}

/* ---- reshape ------------------------------------------------------------------------------- */

/* Reads a new shape for `size` elements; its rank, or -1 where Python must say what is wrong. */
static int32_t read_shape(PyObject *const *items, Py_ssize_t n, Py_ssize_t size, npy_intp *dims) {
  if (n > NPY_MAXDIMS) return -1;
  Py_ssize_t known = 1, open = -1;
  for (Py_ssize_t d = 0; d < n; d++) {
    if (!PyLong_CheckExact(items[d])) return -1;
    dims[d] = PyLong_AsSsize_t(items[d]);
    if (dims[d] == -1 && PyErr_Occurred()) PyErr_Clear();
    if (dims[d] == -1 && open < 0)
      open = d;
    else if (dims[d] < 0 || __builtin_mul_overflow(known, dims[d], &known))
      return -1;
  }
  if (open >= 0) {
    if (!known || size % known) return -1;
    dims[open] = size / known;
  } else if (known != size) {
    return -1;
  }
  return (int32_t)n;
}

PyObject *mjx_array_reshape(PyObject *self, PyObject *const *args, Py_ssize_t n) {
  mjx_array *array = (mjx_array *)self;
  if (n == 1 && PyTuple_CheckExact(args[0])) {
    n = PyTuple_GET_SIZE(args[0]);
    args = ((PyTupleObject *)args[0])->ob_item;
  }
  npy_intp dims[NPY_MAXDIMS];
  int32_t ndim = read_shape(args, n, array->aval->size, dims);
  if (ndim < 0) return NULL;
  mjx_aval *aval = mjx_aval_intern(ndim, dims, array->aval->dtype, array->aval->weak);
  if (!aval || !mjx_aval_storage(aval)) return NULL;
  if (aval == array->aval) return Py_NewRef(self);
  return mjx_array_from(array, aval, mjx_memory_retain(array->memory));
}
