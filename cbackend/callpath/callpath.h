/* callpath.h: the parts of the extension minijax._callpath, the way from a Python call to the C
 * runtime's first instruction, and back.
 *
 *   tree_*.c      pytrees (pytree.h)
 *   state.c       what tracing and configuration say of this thread
 *   aval.c        interned avals
 *   memory.c      the elements of arrays: counted blocks from a pool
 *   array.c       Array objects
 *   argument.c    any argument -> aval and address
 *   executable.c  addresses in, program run, Arrays out
 *   signature.c   what a call is looked up by, and what was found (signature.h)
 *   jit.c         the call of a jitted function
 *   primitive.c   `bind`
 *   index.c       a[...] and reshape without a program (index.h)
 *   operators.c   the operators of arrays (operators.h)
 *   record.c      the equations that a trace records, and their sources
 *   failure.c     the error of a run that failed
 *
 * It does not link with the runtime, which it calls through a pointer.  Its state is per process: it
 * is not made for several interpreters.  Everything runs under the GIL, except the program itself
 * where it is long.  Functions that return PyObject * return a new reference, or NULL with an
 * exception set, unless they say otherwise.
 */
#ifndef MJX_CALLPATH_H
#define MJX_CALLPATH_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API  NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION     NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL mjx_numpy_api
#ifndef MJX_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include <stdbool.h>
#include <stdint.h>

/* ---- state.c ------------------------------------------------------------------------------- */

/* What the current thread is doing.  NULL stands for the usual: values are computed at once, no
 * axis is named, the flags are the process's.  References are owned. */
typedef struct mjx_thread {
  PyObject *trace;
  PyObject *axis_env;
  PyObject *flags; /* this thread's own trace key */
  int8_t x64;      /* as part of `flags` */
  int8_t slow;     /* this thread wants what only Python does: see mjx_py_usual */
} mjx_thread;

extern _Thread_local mjx_thread mjx_here;

/* The process's flags: those of every thread without its own. */
typedef struct mjx_process {
  PyObject *flags;
  bool x64;
  bool slow;
} mjx_process;

extern mjx_process mjx_everywhere;

/* Whether this thread wants what only Python does (NaN checks, no jit). */
static inline bool mjx_py_slow(void) {
  return mjx_here.flags ? mjx_here.slow : mjx_everywhere.slow;
}

/* Whether calls in this thread may be served here: nothing is being traced, and no debugging flag
 * is on. */
static inline bool mjx_py_usual(void) {
  const mjx_thread *here = &mjx_here;
  if (here->trace || here->axis_env) return false;
  return !mjx_py_slow();
}

/* Where `bind` goes, borrowed. */
PyObject *mjx_py_trace(void);

/* Borrowed; compared by identity, because Python interns trace keys. */
static inline PyObject *mjx_py_flags(void) {
  return mjx_here.flags ? mjx_here.flags : mjx_everywhere.flags;
}

static inline bool mjx_py_x64(void) { return mjx_here.flags ? mjx_here.x64 : mjx_everywhere.x64; }

/* ---- aval.c -------------------------------------------------------------------------------- */

/* shape, dtype and weak type of an array; equal ones are one object, which is never freed. */
typedef struct mjx_aval {
  PyObject_VAR_HEAD PyObject *shape; /* tuple of int, or of symbols */
  PyObject *dtype;                   /* np.dtype, or an extended dtype */
  PyObject *tangent;                 /* what to_tangent_aval found, or NULL */
  PyArray_Descr *storage;            /* how elements lie in memory; NULL until mjx_aval_storage */
  Py_ssize_t size;                   /* elements; PY_SSIZE_T_MAX: as many, or more */
  Py_ssize_t bytes;                  /* of all elements, likewise; valid once storage is there */
  int32_t ndim;
  bool weak;
  npy_intp dims[];
} mjx_aval;

extern PyTypeObject *mjx_aval_type; /* ShapedArray, once Python has made it */

/* The aval of these parts, borrowed.  `dtype` must be a canonical dtype object. */
mjx_aval *mjx_aval_intern(int32_t ndim, const npy_intp *dims, PyObject *dtype, bool weak);

/* The storage dtype, borrowed; Python is asked once for each aval.  NULL with an exception set. */
PyArray_Descr *mjx_aval_storage(mjx_aval *aval);
/* Whether a NumPy array has the shape of `aval`; one without axes may have no list of sizes. */
static inline bool mjx_aval_fits(const mjx_aval *aval, PyArrayObject *array) {
  return PyArray_NDIM(array) == aval->ndim &&
         PyArray_CompareLists(PyArray_DIMS(array), aval->dims, aval->ndim);
}

/* ---- memory.c ------------------------------------------------------------------------------ */

/* The elements of one or more Arrays.  Counted under the GIL. */
typedef struct mjx_memory {
  void *data;      /* aligned to 64 bytes, or as its owner has it */
  PyObject *owner; /* owned; what keeps `data` alive, or NULL where it is the pool's */
  Py_ssize_t refs;
  size_t room; /* bytes of a block of the pool */
} mjx_memory;

/* A fresh block with room for `bytes`; one reference.  NULL with JaxRuntimeError set. */
mjx_memory *mjx_memory_new(size_t bytes);
/* Memory that `owner` (a new reference is taken) keeps alive. */
mjx_memory *mjx_memory_borrow(void *data, PyObject *owner);
void mjx_memory_free(mjx_memory *memory);

static inline mjx_memory *mjx_memory_retain(mjx_memory *memory) {
  memory->refs++;
  return memory;
}

static inline void mjx_memory_release(mjx_memory *memory) {
  if (memory && --memory->refs == 0) mjx_memory_free(memory);
}

/* ---- array.c ------------------------------------------------------------------------------- */

typedef struct mjx_array {
  PyObject_HEAD mjx_aval *aval; /* owned */
  mjx_memory *memory;           /* a reference; NULL once the array is deleted */
  PyObject *place;              /* where the user put it: a Sharding, True, or NULL */
  PyObject *view;               /* the elements as a NumPy array, once somebody has asked */
  PyObject *weakrefs;
} mjx_array;

extern PyTypeObject *mjx_array_type; /* ArrayImpl, once Python has made it */

static inline bool mjx_is_array(PyObject *x) { return Py_TYPE(x) == mjx_array_type; }

/* An Array over `memory`, whose reference it takes over (also on failure). */
PyObject *mjx_array_new(mjx_aval *aval, mjx_memory *memory);

/* An Array computed from `from` alone, over `memory`, whose reference it takes over: it lies where
 * results of `from` do. */
PyObject *mjx_array_from(const mjx_array *from, mjx_aval *aval, mjx_memory *memory);

/* Where a result of `ndim` axes lies that is computed from an array of `from_ndim` placed so: a new
 * reference. */
PyObject *mjx_place_of_result(PyObject *place, int32_t from_ndim, int32_t ndim);

/* Gives its memory up; it is a deleted array from then on. */
void mjx_array_delete(PyObject *array);
bool mjx_array_is_deleted(PyObject *array);

/* ---- argument.c ---------------------------------------------------------------------------- */

/* The aval of an argument of a usual call, borrowed.  NULL without an exception where only Python
 * can tell (tracers, subclasses, deleted arrays, other types). */
mjx_aval *mjx_argument_aval(PyObject *x);

/* Where the elements of an argument lie, as its aval's storage dtype says.  `scratch` has 16 bytes
 * for a scalar.  *held is set to what the caller must keep during the run, then release.
 * NULL with an exception set. */
const void *mjx_argument_address(PyObject *x, mjx_aval *aval, void *scratch, PyObject **held);

/* ---- executable.c -------------------------------------------------------------------------- */

typedef struct mjx_executable mjx_executable;
extern PyTypeObject *mjx_executable_type;

/* Runs on `n_in` arguments whose avals are the executable's (borrowed), and stores one new Array
 * in each of outs[0 .. n_out).  0, or -1 with an exception set and nothing stored. */
int mjx_executable_run(mjx_executable *executable, PyObject *const *args, Py_ssize_t n_in,
                       PyObject **outs);
Py_ssize_t mjx_executable_n_out(const mjx_executable *executable);

/* ---- failure.c ----------------------------------------------------------------------------- */

/* Sets JaxRuntimeError with a message (as PyErr_Format). */
void mjx_py_fail(const char *format, ...);

/* ---- module.c ------------------------------------------------------------------------------ */

/* Each adds its part to the module, once: 0, or -1 with an exception set. */
int mjx_py_add_tree(PyObject *module);
int mjx_py_add_state(PyObject *module);
int mjx_py_add_aval(PyObject *module);
int mjx_py_add_array(PyObject *module);
int mjx_py_add_argument(PyObject *module);
int mjx_py_add_executable(PyObject *module);
int mjx_py_add_signatures(PyObject *module);
int mjx_py_add_jit(PyObject *module);
int mjx_py_add_primitive(PyObject *module);
int mjx_py_add_operators(PyObject *module);
int mjx_py_add_record(PyObject *module);

#endif /* MJX_CALLPATH_H */
