/* tree_keys.c: the sorted keys of dicts.
 *
 * Sorting the keys on every call would cost more than all the rest.  A memo maps the sequence of a
 * dict's keys, in the order of insertion, to its sorted keys, which dicts with the same keys then
 * share, and to the place of each.  It takes exact strs only: to sort and compare these runs no
 * users' code, and they keep nothing else alive.
 */
#include <string.h>

#include "tree_internal.h"

enum { ORDER_SLOTS = 8192, MAX_ORDERS = ORDER_SLOTS / 2, MAX_KEYS = 1 << 17, LOCAL_KEYS = 64 };

/* ---- the object ---- */

static void keys_dealloc(PyObject *self) {
  mjx_keys *keys = (mjx_keys *)self;
  PyObject_GC_UnTrack(self);
  Py_XDECREF(keys->pattern);
  for (Py_ssize_t i = 0; i < Py_SIZE(keys); i++) Py_XDECREF(keys->items[i]);
  PyObject_GC_Del(self);
}

static int keys_traverse(PyObject *self, visitproc visit, void *arg) {
  mjx_keys *keys = (mjx_keys *)self;
  for (Py_ssize_t i = 0; i < Py_SIZE(keys); i++) Py_VISIT(keys->items[i]);
  return 0;
}

/* Immutable, so like a tuple it needs no tp_clear: every cycle passes through something else. */
PyTypeObject mjx_keys_type = {
    .ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name = "minijax._callpath.Keys",
    .tp_doc = "The sorted keys of a dict.",
    .tp_basicsize = offsetof(mjx_keys, items),
    .tp_itemsize = sizeof(PyObject *),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = keys_dealloc,
    .tp_traverse = keys_traverse,
};

/* A hash of one key; 0 for a key whose __hash__ raises. */
static int hash_key(PyObject *key, uint64_t *hash) {
  Py_hash_t value = PyObject_Hash(key);
  if (value == -1 && PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_Exception)) return -1;
    PyErr_Clear();
    value = 0;
  }
  *hash = mjx_tree_mix(*hash, (uint64_t)value);
  return 0;
}

static mjx_keys *new_keys(PyObject *const *items, Py_ssize_t n) {
  mjx_keys *keys = PyObject_GC_NewVar(mjx_keys, &mjx_keys_type, n);
  if (!keys) return NULL;
  keys->hash = (uint64_t)n;
  keys->plain = true;
  keys->pattern = NULL;
  for (Py_ssize_t i = 0; i < n; i++) {
    keys->items[i] = Py_NewRef(items[i]);
    keys->plain &= PyUnicode_CheckExact(items[i]);
  }
  if (!keys->plain) PyObject_GC_Track(keys);
  for (Py_ssize_t i = 0; i < n; i++) {
    if (hash_key(keys->items[i], &keys->hash) < 0) {
      Py_DECREF(keys);
      return NULL;
    }
  }
  return keys;
}

PyObject *mjx_keys_as_list(const mjx_keys *keys) {
  PyObject *list = PyList_New(Py_SIZE(keys));
  if (!list) return NULL;
  for (Py_ssize_t i = 0; i < Py_SIZE(keys); i++) {
    PyList_SET_ITEM(list, i, Py_NewRef(keys->items[i]));
  }
  return list;
}

static int fill_dict(PyObject *dict, const mjx_keys *keys, PyObject *const *values) {
  for (Py_ssize_t i = 0; i < Py_SIZE(keys); i++) {
    if (PyDict_SetItem(dict, keys->items[i], values ? values[i] : Py_None) < 0) return -1;
  }
  return 0;
}

PyObject *mjx_keys_make_dict(mjx_keys *keys, PyObject *const *values) {
  /* A dict of more keys than this would be built in several sizes: copying one is quicker. */
  enum { SMALL = 5 };
  bool copied = keys->plain && Py_SIZE(keys) > SMALL;
  if (copied && !keys->pattern) {
    PyObject *pattern = PyDict_New();
    if (!pattern) return NULL;
    if (fill_dict(pattern, keys, NULL) < 0) {
      Py_DECREF(pattern);
      return NULL;
    }
    keys->pattern = pattern;
  }
  PyObject *dict = copied ? PyDict_Copy(keys->pattern) : PyDict_New();
  if (dict && fill_dict(dict, keys, values) < 0) Py_CLEAR(dict);
  return dict;
}

int mjx_keys_equal(const mjx_keys *left, const mjx_keys *right) {
  if (left == right) return 1;
  if (Py_SIZE(left) != Py_SIZE(right)) return 0;
  if (left->plain && right->plain && left->hash != right->hash) return 0;
  for (Py_ssize_t i = 0; i < Py_SIZE(left); i++) {
    int equal = PyObject_RichCompareBool(left->items[i], right->items[i], Py_EQ);
    if (equal <= 0) return equal;
  }
  return 1;
}

/* ---- the memo ---- */

/* A sequence of different exact strs, the keys that it has when sorted, and where each goes. */
typedef struct order {
  uint64_t hash;  /* of the sequence */
  mjx_keys *keys; /* strong; NULL: the slot is free */
  uint32_t *rank; /* owned; item i of the sequence is keys->items[rank[i]]; NULL: items[i] */
} order;

static struct {
  order *slots;
  int used;
  Py_ssize_t n_keys; /* in all of them */
} memo;

static inline bool same_text(PyObject *left, PyObject *right) {
  if (left == right) return true;
  Py_ssize_t n = PyUnicode_GET_LENGTH(left);
  int kind = PyUnicode_KIND(left);
  if (PyUnicode_GET_LENGTH(right) != n || (int)PyUnicode_KIND(right) != kind) return false;
  return memcmp(PyUnicode_DATA(left), PyUnicode_DATA(right), (size_t)(n * kind)) == 0;
}

/* Keys' hashes are there already: they are in a dict, or names of arguments. */
static inline uint64_t hash_text(PyObject *key) {
  Py_hash_t hash = ((PyASCIIObject *)key)->hash;
  return (uint64_t)(hash == -1 ? PyObject_Hash(key) : hash);
}

static bool is_order_of(const order *at, PyObject *const *keys, Py_ssize_t n) {
  if (Py_SIZE(at->keys) != n) return false;
  for (Py_ssize_t i = 0; i < n; i++) {
    if (!same_text(at->keys->items[at->rank ? at->rank[i] : i], keys[i])) return false;
  }
  return true;
}

/* The order of `keys`, or the free slot for it. */
static order *find_order(PyObject *const *keys, Py_ssize_t n, uint64_t hash) {
  size_t i = (size_t)(hash >> 20) % ORDER_SLOTS;
  for (;; i = (i + 1) % ORDER_SLOTS) {
    order *at = &memo.slots[i];
    if (!at->keys || (at->hash == hash && is_order_of(at, keys, n))) return at;
  }
}

static void forget_orders(void) {
  for (int i = 0; i < ORDER_SLOTS; i++) {
    Py_XDECREF(memo.slots[i].keys);
    PyMem_Free(memo.slots[i].rank);
  }
  memset(memo.slots, 0, ORDER_SLOTS * sizeof *memo.slots);
  memo.used = 0;
  memo.n_keys = 0;
}

static uint64_t hash_sequence(PyObject *const *keys, Py_ssize_t n) {
  uint64_t hash = (uint64_t)n;
  for (Py_ssize_t i = 0; i < n; i++) hash = mjx_tree_mix(hash, hash_text(keys[i]));
  return hash;
}

/* Remembers an order; takes `rank`. */
static void add_order(PyObject *const *items, mjx_keys *keys, uint64_t hash, uint32_t *rank) {
  Py_ssize_t n = Py_SIZE(keys);
  if (n <= MAX_KEYS) {
    if (memo.used >= MAX_ORDERS || memo.n_keys + n > MAX_KEYS) forget_orders();
    order *at = find_order(items, n, hash);
    if (!at->keys) {
      *at = (order){hash, (mjx_keys *)Py_NewRef(keys), rank};
      memo.used++;
      memo.n_keys += n;
      return;
    }
  }
  PyMem_Free(rank);
}

/* ---- plain keys ---- */

/* The shared keys object of a sorted sequence of plain keys; a new reference. */
static mjx_keys *sorted_keys_object(PyObject *const *items, Py_ssize_t n) {
  uint64_t hash = hash_sequence(items, n);
  const order *at = find_order(items, n, hash);
  if (at->keys && !at->rank) return (mjx_keys *)Py_NewRef(at->keys);
  mjx_keys *keys = new_keys(items, n);
  if (keys) add_order(keys->items, keys, hash, NULL);
  return keys;
}

/* Where `name` stands in `keys`, which has it. */
static uint32_t rank_of(PyObject *name, const mjx_keys *keys) {
  Py_ssize_t low = 0, high = Py_SIZE(keys) - 1;
  while (low < high) {
    Py_ssize_t middle = low + (high - low) / 2;
    if (PyUnicode_Compare(keys->items[middle], name) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return (uint32_t)low;
}

/* Sorts `names`; *rank is NULL if they are in order, else new memory. */
static mjx_keys *sort_names(PyObject *const *names, Py_ssize_t n, uint32_t **rank) {
  *rank = NULL;
  PyObject *list = PyList_New(n);
  if (!list) return NULL;
  for (Py_ssize_t i = 0; i < n; i++) PyList_SET_ITEM(list, i, Py_NewRef(names[i]));
  mjx_keys *keys = NULL;
  if (PyList_Sort(list) == 0) keys = sorted_keys_object(PySequence_Fast_ITEMS(list), n);
  bool in_order = true;
  for (Py_ssize_t i = 0; i < n; i++) in_order &= PyList_GET_ITEM(list, i) == names[i];
  Py_DECREF(list);
  if (!keys || in_order) return keys;
  *rank = PyMem_Malloc((size_t)n * sizeof **rank);
  if (!*rank) {
    Py_DECREF(keys);
    return (mjx_keys *)PyErr_NoMemory();
  }
  for (Py_ssize_t i = 0; i < n; i++) (*rank)[i] = rank_of(names[i], keys);
  return keys;
}

/* Appends new references to `items`, item i at place rank[i]; there is room for them. */
static void place(PyObject *const *items, const uint32_t *rank, Py_ssize_t n, mjx_objects *out) {
  PyObject **to = out->items + out->size;
  for (Py_ssize_t i = 0; i < n; i++) to[rank ? rank[i] : i] = Py_NewRef(items[i]);
  out->size += n;
}

/* For names that are met for the first time; making objects may run the garbage collector and with
 * it any code, so all is held meanwhile. */
static mjx_keys *new_named_values(PyObject *const *names, PyObject *const *items, Py_ssize_t n,
                                  mjx_objects *values) {
  for (Py_ssize_t i = 0; i < n; i++) {
    Py_INCREF(names[i]);
    Py_INCREF(items[i]);
  }
  uint32_t *rank;
  mjx_keys *keys = sort_names(names, n, &rank);
  if (keys) {
    place(items, rank, n, values);
    add_order(names, keys, hash_sequence(names, n), rank);
  }
  for (Py_ssize_t i = 0; i < n; i++) {
    Py_DECREF(names[i]);
    Py_DECREF(items[i]);
  }
  return keys;
}

mjx_keys *mjx_tree_named_values(PyObject *const *names, PyObject *const *items, Py_ssize_t n,
                                mjx_objects *values) {
  if (mjx_objects_reserve(values, n) < 0) return NULL;
  const order *at = find_order(names, n, hash_sequence(names, n));
  if (!at->keys) return new_named_values(names, items, n, values);
  place(items, at->rank, n, values);
  return (mjx_keys *)Py_NewRef(at->keys);
}

/* ---- any keys ---- */

/* A new list of the keys, sorted as Python does it. */
static PyObject *sorted_list(PyObject *dict) {
  PyObject *list = PyDict_Keys(dict);
  if (!list || PyList_Sort(list) == 0) return list;
  mjx_tree_error_from(
      "Comparator raised exception while sorting pytree dictionary keys: the keys %R have no "
      "common order. Use keys of one type.",
      list);
  Py_DECREF(list);
  return NULL;
}

/* Users' code (__lt__, __eq__, __hash__) may change the dict meanwhile. */
static mjx_keys *any_dict_values(PyObject *dict, mjx_objects *values) {
  PyObject *list = sorted_list(dict);
  if (!list) return NULL;
  mjx_keys *keys = new_keys(PySequence_Fast_ITEMS(list), PyList_GET_SIZE(list));
  Py_DECREF(list);
  if (!keys) return NULL;
  for (Py_ssize_t i = 0; i < Py_SIZE(keys); i++) {
    PyObject *value = PyDict_GetItemWithError(dict, keys->items[i]);
    if (!value && !PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, keys->items[i]);
    if (!value || mjx_objects_push(values, Py_NewRef(value)) < 0) {
      Py_DECREF(keys);
      return NULL;
    }
  }
  return keys;
}

mjx_keys *mjx_tree_dict_values(PyObject *dict, mjx_objects *values) {
  PyObject *local[2 * LOCAL_KEYS], **items = local;
  Py_ssize_t n = PyDict_GET_SIZE(dict);
  if (n > LOCAL_KEYS && !(items = PyMem_Malloc(2 * (size_t)n * sizeof *items))) {
    return (mjx_keys *)PyErr_NoMemory();
  }
  bool plain = true;
  Py_ssize_t position = 0;
  for (Py_ssize_t i = 0; plain && i < n; i++) {
    plain =
        PyDict_Next(dict, &position, &items[i], &items[n + i]) && PyUnicode_CheckExact(items[i]);
  }
  mjx_keys *keys =
      plain ? mjx_tree_named_values(items, items + n, n, values) : any_dict_values(dict, values);
  if (items != local) PyMem_Free(items);
  return keys;
}

mjx_keys *mjx_keys_from(PyObject *iterable) {
  PyObject *tuple = PySequence_Tuple(iterable);
  if (!tuple) return NULL;
  mjx_keys *keys = new_keys(PySequence_Fast_ITEMS(tuple), PyTuple_GET_SIZE(tuple));
  if (keys && keys->plain) {
    const order *at =
        find_order(keys->items, Py_SIZE(keys), hash_sequence(keys->items, Py_SIZE(keys)));
    if (at->keys && !at->rank) Py_SETREF(keys, (mjx_keys *)Py_NewRef(at->keys));
  }
  Py_DECREF(tuple);
  return keys;
}

static PyObject *sorted_keys(PyObject *module, PyObject *dict) {
  (void)module;
  if (!PyDict_Check(dict)) return PyErr_Format(PyExc_TypeError, "expected a dict, got %R", dict);
  return sorted_list(dict);
}

static PyMethodDef functions[] = {
    {"sorted_keys", sorted_keys, METH_O,
     "sorted_keys(dict, /)\n--\n\n"
     "The keys as a sorted list. ValueError when they have no order."},
    {0},
};

int mjx_tree_add_keys(PyObject *module) {
  if (!memo.slots && !(memo.slots = PyMem_Calloc(ORDER_SLOTS, sizeof *memo.slots))) {
    PyErr_NoMemory();
    return -1;
  }
  if (PyType_Ready(&mjx_keys_type) < 0) return -1;
  return PyModule_AddFunctions(module, functions);
}
