/* index.h: what needs no program: choosing elements by constants, and another shape. */
#ifndef MJX_INDEX_H
#define MJX_INDEX_H

#include "callpath.h"

/* array[index].  The array must not be deleted.  NULL without an exception where Python must serve
 * it. */
PyObject *mjx_array_index(PyObject *array, PyObject *index);

/* array.reshape(*args), over the same memory.  Likewise. */
PyObject *mjx_array_reshape(PyObject *array, PyObject *const *args, Py_ssize_t n);

#endif /* MJX_INDEX_H */
