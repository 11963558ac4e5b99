/* copies_impl.h: the copies of one instruction set; MJX_COPIES names their table.  Compilers have
 * shuffles for these loops where the step is a constant. */
#include <string.h>

#include "copies.h"

#define DEFINE_STEP(type, STEP)                                               \
  static void step_##type##_##STEP(void *to_, const void *from_, int64_t n) { \
    type *restrict to = to_;                                                  \
    const type *restrict from = from_;                                        \
    for (int64_t i = 0; i < n; i++) to[i] = from[STEP * i];                   \
  }
#define DEFINE_JOIN(type, COLUMNS, ...)                                                        \
  static void join_##type##_##COLUMNS(void *to_, const void *from_, int64_t step, int64_t n) { \
    type *restrict to = to_;                                                                   \
    const type *restrict a = from_, *restrict b = a + step, *restrict c = a + 2 * step;        \
    const type *restrict d = a + 3 * step;                                                     \
    (void)c, (void)d;                                                                          \
    for (int64_t i = 0; i < n; i++) {                                                          \
      const type row[] = {__VA_ARGS__};                                                        \
      for (int k = 0; k < COLUMNS; k++) to[COLUMNS * i + k] = row[k];                          \
    }                                                                                          \
  }
#define DEFINE_COPIES(type)                                              \
  static void reversed_##type(void *to_, const void *from_, int64_t n) { \
    type *restrict to = to_;                                             \
    const type *restrict from = from_;                                   \
    for (int64_t i = 0; i < n; i++) to[i] = from[-i];                    \
  }                                                                      \
  DEFINE_STEP(type, 2)                                                   \
  DEFINE_STEP(type, 3)                                                   \
  DEFINE_STEP(type, 4)                                                   \
  DEFINE_JOIN(type, 2, a[i], b[i])                                       \
  DEFINE_JOIN(type, 3, a[i], b[i], c[i])                                 \
  DEFINE_JOIN(type, 4, a[i], b[i], c[i], d[i])
DEFINE_COPIES(uint8_t)
DEFINE_COPIES(uint16_t)
DEFINE_COPIES(uint32_t)
DEFINE_COPIES(uint64_t)

enum { SHUFFLED = 16 };
typedef uint8_t shuffled __attribute__((vector_size(SHUFFLED), aligned(1), may_alias));

static int source_byte(int byte, int bytes, int size, int turned) {
  return turned ? bytes - size - byte / size * size + byte % size : byte;
}

static void shuffle_row(uint8_t *to, const uint8_t *from, int bytes, int size, int turned) {
  for (int byte = 0; byte < bytes; byte++) to[byte] = from[source_byte(byte, bytes, size, turned)];
}

/* Rows are shuffled as many at a time as a vector holds; what a store has after the last of them,
 * the next one writes again. */
static void rows(uint8_t *to, const uint8_t *from, int64_t step, int64_t n, int bytes, int size,
                 int turned) {
  int64_t together = SHUFFLED / bytes, r = 0, ahead = (SHUFFLED + bytes - 1) / bytes;
  if (step == bytes || step == -bytes) {
    int64_t first = step < 0 ? (together - 1) * step : 0;
    shuffled order = {0};
    for (int i = 0; i < together * bytes; i++) {
      int at = source_byte(i % bytes, bytes, size, turned);
      order[i] = (uint8_t)(i / bytes * step - first + at);
    }
    /* What is read lies within `ahead` rows; backwards, a little of it in the row before. */
    if (step < 0 && n > 0) shuffle_row(to, from, bytes, size, turned), r = 1;
    for (; r + ahead + together <= n; r += together) {
      shuffled x = *(const shuffled *)(from + r * step + first);
#if defined(__clang__)
      for (int i = 0; i < SHUFFLED; i++) to[r * bytes + i] = x[order[i]];
#else
      *(shuffled *)(to + r * bytes) = __builtin_shuffle(x, order);
#endif
    }
  }
  for (; r < n; r++) shuffle_row(to + r * bytes, from + r * step, bytes, size, turned);
}

#define BY_SIZE(name)  {name(uint8_t), name(uint16_t), name(uint32_t), name(uint64_t)}
#define REVERSED(type) reversed_##type
#define STEPPING(type) {NULL, NULL, step_##type##_2, step_##type##_3, step_##type##_4}
#define JOIN(type)     {NULL, NULL, join_##type##_2, join_##type##_3, join_##type##_4}
const mjx_copy_kernels MJX_COPIES = {.reversed = BY_SIZE(REVERSED),
                                     .stepping = BY_SIZE(STEPPING),
                                     .join = BY_SIZE(JOIN),
                                     .rows = rows};
