/* operators.c: the operators of Arrays.
 *
 * On arrays and plain scalars an operator is a jitted function of the library, called without a
 * frame of Python; on anything else, and under a trace, it is the method that Python installed.
 */
#include "operators.h"

#include "index.h"

typedef enum {
  ADD,
  SUB,
  MUL,
  TRUEDIV,
  FLOORDIV,
  MOD,
  DIVMOD,
  POW,
  MATMUL,
  AND,
  OR,
  XOR,
  LSHIFT,
  RSHIFT,
  NEG,
  ABS,
  INVERT,
  LT,
  LE,
  EQ,
  NE,
  GT,
  GE, /* in the order of Py_LT .. Py_GE */
  GETITEM,
  N_OPERATORS
} operator_id;

static const char *const names[N_OPERATORS] = {
    "add",    "sub", "mul", "truediv", "floordiv", "mod",    "divmod", "pow",
    "matmul", "and", "or",  "xor",     "lshift",   "rshift", "neg",    "abs",
    "invert", "lt",  "le",  "eq",      "ne",       "gt",     "ge",     "getitem"};

static struct {
  PyObject *fast;      /* of arrays and scalars, in the order written; or NULL */
  PyObject *method;    /* of (array, other) */
  PyObject *reflected; /* of (array, other), where other came first; or NULL */
} table[N_OPERATORS];

static bool is_plain(PyObject *x) {
  return mjx_is_array(x) || PyFloat_CheckExact(x) || PyLong_CheckExact(x);
}

static PyObject *binary(operator_id op, PyObject *a, PyObject *b) {
  if (table[op].fast && is_plain(a) && is_plain(b) && mjx_py_usual()) {
    PyObject *args[] = {a, b};
    return PyObject_Vectorcall(table[op].fast, args, 2, NULL);
  }
  if (mjx_is_array(a) && table[op].method) {
    PyObject *args[] = {a, b};
    return PyObject_Vectorcall(table[op].method, args, 2, NULL);
  }
  if (mjx_is_array(b) && table[op].reflected) {
    PyObject *args[] = {b, a};
    return PyObject_Vectorcall(table[op].reflected, args, 2, NULL);
  }
  Py_RETURN_NOTIMPLEMENTED;
}

static PyObject *unary(operator_id op, PyObject *a) {
  PyObject *fun = table[op].fast && mjx_py_usual() ? table[op].fast : table[op].method;
  return PyObject_CallOneArg(fun, a);
}

#define BINARY(name, op) \
  static PyObject *name(PyObject *a, PyObject *b) { return binary(op, a, b); }
BINARY(add, ADD)
BINARY(sub, SUB)
BINARY(mul, MUL)
BINARY(truediv, TRUEDIV)
BINARY(floordiv, FLOORDIV)
BINARY(mod, MOD)
BINARY(divide_modulo, DIVMOD)
BINARY(matmul, MATMUL)
BINARY(and, AND)
BINARY(or, OR)
BINARY(xor, XOR)
BINARY(lshift, LSHIFT)
BINARY(rshift, RSHIFT)

static PyObject *power(PyObject *a, PyObject *b, PyObject *modulus) {
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return binary(POW, a, b);
}

static PyObject *negative(PyObject *a) { return unary(NEG, a); }
static PyObject *absolute(PyObject *a) { return unary(ABS, a); }
static PyObject *invert(PyObject *a) { return unary(INVERT, a); }
static PyObject *positive(PyObject *a) { return Py_NewRef(a); }

static PyObject *compare(PyObject *a, PyObject *b, int op) { return binary(LT + op, a, b); }

static PyObject *subscript(PyObject *self, PyObject *index) {
  if (((mjx_array *)self)->memory && mjx_py_usual()) {
    PyObject *out = mjx_array_index(self, index);
    if (out || PyErr_Occurred()) return out;
  }
  PyObject *args[] = {self, index};
  return PyObject_Vectorcall(table[GETITEM].method, args, 2, NULL);
}

PyType_Slot mjx_operator_slots[] = {
    {Py_nb_add, add},
    {Py_nb_subtract, sub},
    {Py_nb_multiply, mul},
    {Py_nb_true_divide, truediv},
    {Py_nb_floor_divide, floordiv},
    {Py_nb_remainder, mod},
    {Py_nb_divmod, divide_modulo},
    {Py_nb_power, power},
    {Py_nb_matrix_multiply, matmul},
    {Py_nb_and, and},
    {Py_nb_or, or },
    {Py_nb_xor, xor},
    {Py_nb_lshift, lshift},
    {Py_nb_rshift, rshift},
    {Py_nb_negative, negative},
    {Py_nb_positive, positive},
    {Py_nb_absolute, absolute},
    {Py_nb_invert, invert},
    {Py_tp_richcompare, compare},
    {Py_mp_subscript, subscript},
    {0, NULL},
};

static PyObject *set_operator(PyObject *module, PyObject *args) {
  (void)module;
  const char *name;
  PyObject *fast, *method, *reflected;
  if (!PyArg_ParseTuple(args, "sOOO", &name, &fast, &method, &reflected)) return NULL;
  for (int op = 0; op < N_OPERATORS; op++) {
    if (strcmp(name, names[op]) != 0) continue;
    Py_XSETREF(table[op].fast, fast == Py_None ? NULL : Py_NewRef(fast));
    Py_XSETREF(table[op].method, Py_NewRef(method));
    Py_XSETREF(table[op].reflected, reflected == Py_None ? NULL : Py_NewRef(reflected));
    Py_RETURN_NONE;
  }
  return PyErr_Format(PyExc_ValueError, "there is no operator %s", name);
}

static PyMethodDef methods[] = {
    {"set_operator", set_operator, METH_VARARGS,
     "set_operator(name, fast, method, reflected): what serves an operator of Arrays.  `fast`, on\n"
     "arrays and plain scalars in the order written, and `reflected` may be None."},
    {0},
};

int mjx_py_add_operators(PyObject *module) { return PyModule_AddFunctions(module, methods); }
