/* pytree.c: pytrees. */
#include "pytree.h"

int mjx_py_add_tree(PyObject *module) {
  (void)module;
  return 0;
}
