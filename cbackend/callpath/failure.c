/* failure.c: the error of a run that failed, jax.errors.JaxRuntimeError. */
#include "callpath.h"

#include <stdarg.h>

void mjx_py_fail(const char *format, ...) {
  PyObject *errors = PyImport_ImportModule("minijax.errors");
  PyObject *type = errors ? PyObject_GetAttrString(errors, "JaxRuntimeError") : NULL;
  va_list args;
  va_start(args, format);
  if (type) PyErr_FormatV(type, format, args);
  va_end(args);
  Py_XDECREF(type);
  Py_XDECREF(errors);
}
