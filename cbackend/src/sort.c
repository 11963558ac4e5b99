/* sort.c: keys, a network or a merge sort for few items, a radix sort for many, a heap for the
 * least k. */
#include "sort.h"

#include <string.h>

#include "blocks.h"

enum { FEW = 1024, RUN = 8, DIGIT_BITS = 11, N_DIGITS = 1 << DIGIT_BITS };

mjx_sort_key mjx_sort_key_of(int dtype, bool total, bool descending) {
  return (mjx_sort_key){dtype, mjx_dtype_size(dtype) == 8, false, total, descending};
}

mjx_sort_key mjx_sort_bare_key_of(int dtype) {
  return (mjx_sort_key){dtype, mjx_dtype_size(dtype) == 8, true, false, false};
}

/* ---- keys ---- */

static uint64_t infinity_of(int dtype) {
  switch (dtype) {
    case MJX_F16: return 0x7c00;
    case MJX_BF16: return 0x7f80;
    case MJX_F32: return 0x7f800000;
    case MJX_F64: return 0x7ff0000000000000;
    default: return 0;
  }
}

/* How bits become a key, without branches, so that loops over elements become vector code: what is
 * more than `last` but for its sign is a NaN, of zeros the bits in `zero` stay; then those in `flip`
 * turn, and for numbers below zero those in `negative`. */
typedef struct key_rule {
  uint64_t last, zero, negative, flip;
} key_rule;

static key_rule rule_of(const mjx_sort_key *key) {
  uint64_t infinity = infinity_of(key->dtype), all = UINT64_MAX;
  uint64_t top = (uint64_t)1 << (8 * mjx_dtype_size(key->dtype) - 1);
  bool is_signed = infinity || mjx_dtype_is_signed(key->dtype);
  bool merges = infinity && !key->total; /* all NaNs to one, which is last, and both zeros */
  return (key_rule){merges ? infinity : all, merges ? 0 : all, infinity ? all ^ top : 0,
                    (is_signed ? top : 0) ^ (key->descending ? all : 0)};
}

#define DEFINE_KEY(type, signed_type)                                            \
  static inline type key_##type(type bits, key_rule rule) {                      \
    type size = (type)(bits << 1) >> 1;                                          \
    bits = size > (type)rule.last ? (type) - 1 >> 1 : bits;                      \
    bits = size == 0 ? bits & (type)rule.zero : bits;                            \
    type sign = (type)((signed_type)bits >> (8 * sizeof bits - 1));              \
    return bits ^ (sign & (type)rule.negative) ^ (type)rule.flip;                \
  }                                                                              \
  static void packed_##type(const type *restrict from, int64_t n, key_rule rule, \
                            uint64_t *restrict items) {                          \
    for (int64_t i = 0; i < n; i++)                                              \
      items[i] = (uint64_t)key_##type(from[i], rule) << 32 | (uint64_t)i;        \
  }
DEFINE_KEY(uint8_t, int8_t)
DEFINE_KEY(uint16_t, int16_t)
DEFINE_KEY(uint32_t, int32_t)
DEFINE_KEY(uint64_t, int64_t)

#define MAKE_ITEMS(type)                                                \
  if (!order && stride == sizeof(type) && !key->wide && !key->bare) {   \
    packed_##type((const type *)(const void *)base, n, rule, items);    \
    break;                                                              \
  }                                                                     \
  for (int64_t i = 0; i < n; i++) {                                     \
    type bits;                                                          \
    memcpy(&bits, base + (order ? order[i] : i) * stride, sizeof bits); \
    uint64_t k = key_##type(bits, rule);                                \
    if (key->bare)                                                      \
      ((uint64_t *)items)[i] = k;                                       \
    else if (key->wide)                                                 \
      ((mjx_wide_item *)items)[i] = (mjx_wide_item){k, (uint64_t)i};    \
    else                                                                \
      ((uint64_t *)items)[i] = k << 32 | (uint64_t)i;                   \
  }

void mjx_sort_make_items(const mjx_sort_key *key, const char *base, int64_t stride,
                         const uint32_t *order, int64_t n, void *items) {
  key_rule rule = rule_of(key);
  switch (mjx_dtype_size(key->dtype)) {
    case 1: MAKE_ITEMS(uint8_t) break;
    case 2: MAKE_ITEMS(uint16_t) break;
    case 4: MAKE_ITEMS(uint32_t) break;
    default: MAKE_ITEMS(uint64_t) break;
  }
}

void mjx_sort_move_items(const mjx_sort_key *key, void *items, int64_t n, int64_t by) {
  for (int64_t i = 0; i < n; i++) {
    if (key->wide)
      ((mjx_wide_item *)items)[i].position += (uint64_t)by;
    else
      ((uint64_t *)items)[i] += (uint64_t)by; /* the low half; no carry, for n < 2^32 */
  }
}

#define TAKE_BARE(type)                                     \
  for (int64_t i = 0; i < n; i++)                           \
    ((type *)to)[i] = (type)(((const uint64_t *)items)[i] ^ \
                             (is_signed ? (uint64_t)1 << (8 * sizeof(type) - 1) : 0));

void mjx_sort_take_bare(const mjx_sort_key *key, const void *items, int64_t n, void *to) {
  bool is_signed = mjx_dtype_is_signed(key->dtype);
  switch (mjx_dtype_size(key->dtype)) {
    case 1: TAKE_BARE(uint8_t) break;
    case 2: TAKE_BARE(uint16_t) break;
    case 4: TAKE_BARE(uint32_t) break;
    default: TAKE_BARE(uint64_t) break;
  }
}

/* ---- the algorithms, for all kinds of items ---- */

#define LESS_PACKED(a, b) ((a) < (b))
#define KEY_PACKED(a)     ((a) >> 32)
#define KEY_BARE(a)       (a)
#define LESS_WIDE(a, b)   ((a).key != (b).key ? (a).key < (b).key : (a).position < (b).position)
#define KEY_WIDE(a)       ((a).key)

/* One pass by one digit.  Each part of the items has counts, and then places, of its own, so that
 * parts can be moved at once and yet keep their order. */
enum { MAX_PARTS = 4, LEAST_FOR_PARTS = 1 << 16 };
typedef struct radix_job {
  const void *from;
  void *to;
  int64_t n;
  int shift, parts;
  uint32_t (*counts)[N_DIGITS];
} radix_job;

/* Counts become places; false if all items have the same digit, and nothing need be moved. */
static bool places(radix_job *job) {
  uint32_t at = 0;
  for (int d = 0; d < N_DIGITS; d++) {
    uint32_t before = at;
    for (int part = 0; part < job->parts; part++) {
      uint32_t count = job->counts[part][d];
      job->counts[part][d] = at;
      at += count;
    }
    if (at - before == (uint64_t)job->n) return false;
  }
  return true;
}

#define DEFINE_MERGE_SORT(name, item, LESS)                                                  \
  static void insertion_##name(item *a, int64_t n) {                                         \
    for (int64_t i = 1; i < n; i++) {                                                        \
      item x = a[i];                                                                         \
      int64_t j = i;                                                                         \
      for (; j > 0 && LESS(x, a[j - 1]); j--) a[j] = a[j - 1];                               \
      a[j] = x;                                                                              \
    }                                                                                        \
  }                                                                                          \
  static void merge_##name(const item *a, int64_t na, const item *b, int64_t nb, item *to) { \
    while (na > 0 && nb > 0) {                                                               \
      bool second = LESS(*b, *a);                                                            \
      *to++ = second ? *b : *a;                                                              \
      b += second;                                                                           \
      nb -= second;                                                                          \
      a += !second;                                                                          \
      na -= !second;                                                                         \
    }                                                                                        \
    memcpy(to, a, (size_t)na * sizeof *a);                                                   \
    memcpy(to + na, b, (size_t)nb * sizeof *b);                                              \
  }                                                                                          \
  static item *merge_sort_##name(item *a, item *other, int64_t n) {                          \
    for (int64_t i = 0; i < n; i += RUN) insertion_##name(a + i, MJX_MIN(RUN, n - i));       \
    for (int64_t width = RUN; width < n; width *= 2) {                                       \
      for (int64_t i = 0; i < n; i += 2 * width) {                                           \
        int64_t left = MJX_MIN(width, n - i), right = MJX_MIN(width, n - i - left);          \
        merge_##name(a + i, left, a + i + left, right, other + i);                           \
      }                                                                                      \
      item *swap = a;                                                                        \
      a = other;                                                                             \
      other = swap;                                                                          \
    }                                                                                        \
    return a;                                                                                \
  }

#define DEFINE_RADIX_SORT(name, item, KEY)                                                    \
  static void count_##name(void *arg, int64_t begin, int64_t end, char *scratch) {            \
    (void)scratch;                                                                            \
    const radix_job *job = arg;                                                               \
    for (int64_t part = begin; part < end; part++) {                                          \
      const item *a = job->from;                                                              \
      uint32_t *count = job->counts[part];                                                    \
      int64_t last = job->n * (part + 1) / job->parts;                                        \
      memset(count, 0, N_DIGITS * sizeof *count);                                             \
      for (int64_t i = job->n * part / job->parts; i < last; i++)                             \
        count[KEY(a[i]) >> job->shift & (N_DIGITS - 1)]++;                                    \
    }                                                                                         \
  }                                                                                           \
  static void move_##name(void *arg, int64_t begin, int64_t end, char *scratch) {             \
    (void)scratch;                                                                            \
    const radix_job *job = arg;                                                               \
    for (int64_t part = begin; part < end; part++) {                                          \
      const item *a = job->from;                                                              \
      item *to = job->to;                                                                     \
      uint32_t *place = job->counts[part];                                                    \
      int shift = job->shift;                                                                 \
      int64_t last = job->n * (part + 1) / job->parts;                                        \
      for (int64_t i = job->n * part / job->parts; i < last; i++)                             \
        to[place[KEY(a[i]) >> shift & (N_DIGITS - 1)]++] = a[i];                              \
    }                                                                                         \
  }                                                                                           \
  static item *radix_sort_##name(item *a, item *other, int64_t n, int bits) {                 \
    uint32_t counts[MAX_PARTS][N_DIGITS];                                                     \
    radix_job job = {.n = n, .parts = n < LEAST_FOR_PARTS ? 1 : MAX_PARTS, .counts = counts}; \
    for (job.shift = 0; job.shift < bits; job.shift += DIGIT_BITS) {                          \
      job.from = a;                                                                           \
      job.to = other;                                                                         \
      mjx_pool_for(job.parts, n, 0, NULL, count_##name, &job);                                \
      if (!places(&job)) continue;                                                            \
      mjx_pool_for(job.parts, 2 * n, 0, NULL, move_##name, &job);                             \
      item *swap = a;                                                                         \
      a = other;                                                                              \
      other = swap;                                                                           \
    }                                                                                         \
    return a;                                                                                 \
  }

#define DEFINE_SELECT(name, item, LESS)                                                   \
  static void sift_##name(item *heap, int64_t n, int64_t at) {                            \
    item x = heap[at];                                                                    \
    for (;;) {                                                                            \
      int64_t child = 2 * at + 1;                                                         \
      if (child >= n) break;                                                              \
      if (child + 1 < n && LESS(heap[child], heap[child + 1])) child++;                   \
      if (!LESS(x, heap[child])) break;                                                   \
      heap[at] = heap[child];                                                             \
      at = child;                                                                         \
    }                                                                                     \
    heap[at] = x;                                                                         \
  }                                                                                       \
  /* The first k items are a heap with the greatest on top, and take whatever is less. */ \
  static void select_##name(item *a, int64_t n, int64_t k) {                              \
    for (int64_t i = k / 2 - 1; i >= 0; i--) sift_##name(a, k, i);                        \
    for (int64_t i = k; i < n && k > 0; i++) {                                            \
      i = next_##name(a, i, n);                                                           \
      if (i == n) break;                                                                  \
      item x = a[0];                                                                      \
      a[0] = a[i];                                                                        \
      a[i] = x;                                                                           \
      sift_##name(a, k, 0);                                                               \
    }                                                                                     \
    for (int64_t left = k - 1; left > 0; left--) {                                        \
      item x = a[0];                                                                      \
      a[0] = a[left];                                                                     \
      a[left] = x;                                                                        \
      sift_##name(a, left, 0);                                                            \
    }                                                                                     \
  }

/* The first item from `i` on that is less than item 0; n if there is none. */
static int64_t next_packed(const uint64_t *items, int64_t i, int64_t n) {
  return i + mjx_block_kernels_get()->first_below(n - i, items + i, items[0]);
}
static int64_t next_wide(const mjx_wide_item *items, int64_t i, int64_t n) {
  while (i < n && !LESS_WIDE(items[i], items[0])) i++;
  return i;
}

DEFINE_MERGE_SORT(packed, uint64_t, LESS_PACKED)
DEFINE_RADIX_SORT(packed, uint64_t, KEY_PACKED)
DEFINE_RADIX_SORT(bare, uint64_t, KEY_BARE)
DEFINE_SELECT(packed, uint64_t, LESS_PACKED)
DEFINE_MERGE_SORT(wide, mjx_wide_item, LESS_WIDE)
DEFINE_RADIX_SORT(wide, mjx_wide_item, KEY_WIDE)
DEFINE_SELECT(wide, mjx_wide_item, LESS_WIDE)

static void *sort_few_words(uint64_t *items, uint64_t *other, int64_t n) {
  mjx_sort_words_fn sort = mjx_block_kernels_get()->sort_words;
  if (!sort) return merge_sort_packed(items, other, n);
  sort(n, items);
  return items;
}

void *mjx_sort_items(const mjx_sort_key *key, void *items, void *other, int64_t n) {
  int bits = 8 * mjx_dtype_size(key->dtype);
  bool pairs = key->wide && !key->bare;
  if (n <= FEW && pairs) return merge_sort_wide(items, other, n);
  if (n <= FEW) return sort_few_words(items, other, n);
  if (key->bare) return radix_sort_bare(items, other, n, bits);
  return key->wide ? (void *)radix_sort_wide(items, other, n, bits)
                   : (void *)radix_sort_packed(items, other, n, bits);
}

void mjx_sort_select(const mjx_sort_key *key, void *items, int64_t n, int64_t k) {
  if (key->wide)
    select_wide(items, n, k);
  else
    select_packed(items, n, k);
}
