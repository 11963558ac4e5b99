/* callpath.h: the parts of the extension minijax._callpath.
 *
 * The extension is what stands between a Python call and the C runtime's first instruction.  It is
 * plain CPython API and does not link with the runtime.  Its state is per process: it is not made
 * for several interpreters.  Everything in it runs with the GIL held.
 */
#ifndef MJX_CALLPATH_H
#define MJX_CALLPATH_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Each part adds its types and functions to `module`, once.  Return 0, or -1 with an exception. */
int mjx_py_add_tree(PyObject *module);

#endif /* MJX_CALLPATH_H */
