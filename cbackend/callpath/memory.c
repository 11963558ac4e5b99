/* memory.c: counted blocks for the elements of arrays.
 *
 * Blocks are kept for reuse by size class, eight classes to each power of two.  That spares small
 * arrays the allocator, and large ones the page faults of fresh memory, which cost more than
 * filling them.  What is kept is bounded.
 */
#include "callpath.h"

#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum {
  HEADER = 64,      /* bytes before the elements; keeps them aligned */
  SMALLEST = 64,    /* bytes of the first class */
  STEPS = 8,        /* classes to each doubling */
  CLASSES = 8 * 36, /* up to 4 TiB */
  KEPT_PER_CLASS = 64,
};
static const size_t MAX_KEPT = (size_t)256 << 20, HUGE_PAGE = (size_t)2 << 20;

typedef struct free_block {
  struct free_block *next;
} free_block;

static struct {
  free_block *first;
  int32_t count;
} kept[CLASSES];
static size_t kept_bytes;

/* The class whose blocks have room for `bytes`, and that room. */
static int32_t size_class(size_t bytes, size_t *room) {
  if (bytes <= SMALLEST) {
    *room = SMALLEST;
    return 0;
  }
  int32_t doubling =
      63 - __builtin_clzll((unsigned long long)(bytes - 1)); /* 2^d < bytes <= 2^(d+1) */
  size_t base = (size_t)1 << doubling;
  size_t step = base / STEPS;
  size_t k = (bytes - base + step - 1) / step; /* 1 .. STEPS */
  *room = base + k * step;
  return (doubling - 6) * STEPS + (int32_t)k;
}

/* A fresh block.  Large ones ask for huge pages where they fill them: fewer faults when they are
 * first written, fewer TLB misses whenever rows of theirs lie pages apart. */
static void *allocate(size_t bytes) {
  bool large = bytes >= HUGE_PAGE;
  void *block = NULL;
  if (posix_memalign(&block, large ? HUGE_PAGE : HEADER, bytes) != 0) return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (large) madvise(block, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
  return block;
}

mjx_memory *mjx_memory_new(size_t bytes) {
  size_t room;
  int32_t k = bytes >> 42 ? CLASSES : size_class(bytes, &room);
  mjx_memory *memory;
  if (k < CLASSES && kept[k].first) {
    memory = (mjx_memory *)kept[k].first;
    kept[k].first = kept[k].first->next;
    kept[k].count--;
    kept_bytes -= room;
  } else {
    memory = k < CLASSES ? allocate(HEADER + room) : NULL;
    if (!memory) {
      mjx_py_fail("RESOURCE_EXHAUSTED: Out of memory allocating %zu bytes.", bytes);
      return NULL;
    }
  }
  memory->data = (char *)memory + HEADER;
  memory->owner = NULL;
  memory->refs = 1;
  memory->room = room;
  return memory;
}

mjx_memory *mjx_memory_borrow(void *data, PyObject *owner) {
  mjx_memory *memory = PyMem_Malloc(sizeof *memory);
  if (!memory) {
    PyErr_NoMemory();
    return NULL;
  }
  *memory = (mjx_memory){.data = data, .owner = Py_NewRef(owner), .refs = 1};
  return memory;
}

void mjx_memory_free(mjx_memory *memory) {
  if (memory->owner) {
    PyObject *owner = memory->owner;
    PyMem_Free(memory);
    Py_DECREF(owner);
    return;
  }
  size_t room = memory->room;
  int32_t k = size_class(room, &room);
  if (kept[k].count >= KEPT_PER_CLASS || kept_bytes + room > MAX_KEPT) {
    free(memory);
    return;
  }
  free_block *block = (free_block *)memory;
  block->next = kept[k].first;
  kept[k].first = block;
  kept[k].count++;
  kept_bytes += room;
}
