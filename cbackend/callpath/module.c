/* module.c: the extension minijax._callpath, made of its parts. */
#define MJX_IMPORTS_NUMPY
#include "callpath.h"

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "minijax._callpath",
    .m_doc = "What runs on every call of minijax: pytrees, arrays, jitted calls.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit__callpath(void) {
  PyObject *module = PyModule_Create(&definition);
  if (!module) return NULL;
  if (PyArray_ImportNumPyAPI() < 0 || mjx_py_add_tree(module) < 0 || mjx_py_add_state(module) < 0 ||
      mjx_py_add_aval(module) < 0 || mjx_py_add_array(module) < 0 ||
      mjx_py_add_argument(module) < 0 || mjx_py_add_executable(module) < 0 ||
      mjx_py_add_signatures(module) < 0 || mjx_py_add_jit(module) < 0 ||
      mjx_py_add_primitive(module) < 0 || mjx_py_add_operators(module) < 0 ||
      mjx_py_add_record(module) < 0) {
    Py_DECREF(module);
    return NULL;
  }
  return module;
}
