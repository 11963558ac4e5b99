/* sort_kernels.h: sorting of words in vectors, included once per instruction set by blocks_impl.h.
 *
 * A merging network: runs of 1, 2, 4, .. words are merged by exchanging, where they are out of
 * order, each word and its mirror image in the two runs, then those half a run apart, a quarter,
 * and so on.  Apart by vectors, two vectors are compared; within one, it and its shuffle.
 */
#if VECTOR_BYTES > 16
typedef uint64_t words_64 __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
typedef int64_t places_64 __attribute__((vector_size(VECTOR_BYTES)));
enum { SORT_LANES = VECTOR_BYTES / 8 };

#if VECTOR_BYTES == 64
#define KEPT(w) (w)
MJX_INLINE words_64 lesser(words_64 a, words_64 b) {
  return (words_64)_mm512_min_epu64((__m512i)a, (__m512i)b);
}
MJX_INLINE words_64 greater(words_64 a, words_64 b) {
  return (words_64)_mm512_max_epu64((__m512i)a, (__m512i)b);
}
#else
/* There are comparisons of signed words only: the top bits are flipped meanwhile. */
#define KEPT(w) ((w) ^ ((uint64_t)1 << 63))
MJX_INLINE words_64 lesser(words_64 a, words_64 b) {
  __m256i more = _mm256_cmpgt_epi64((__m256i)a, (__m256i)b);
  return (words_64)_mm256_blendv_epi8((__m256i)a, (__m256i)b, more);
}
MJX_INLINE words_64 greater(words_64 a, words_64 b) {
  __m256i more = _mm256_cmpgt_epi64((__m256i)a, (__m256i)b);
  return (words_64)_mm256_blendv_epi8((__m256i)b, (__m256i)a, more);
}
#endif

/* The words at `partner`: exchanged with those here where `last` is -1 if that is the greater
 * one's place, 0 if the lesser's. */
MJX_INLINE words_64 exchange(words_64 v, words_64 partner, places_64 last) {
  return (words_64)(((places_64)lesser(v, partner) & ~last) |
                    ((places_64)greater(v, partner) & last));
}
#if VECTOR_BYTES == 64
#define SHUFFLED(v, ...) SHUFFLE_LANES(places_64, v, v, __VA_ARGS__)
#define REVERSED(v)      SHUFFLED(v, 7, 6, 5, 4, 3, 2, 1, 0)
MJX_INLINE words_64 exchange_1(words_64 v) {
  return exchange(v, SHUFFLED(v, 1, 0, 3, 2, 5, 4, 7, 6), (places_64){0, -1, 0, -1, 0, -1, 0, -1});
}
MJX_INLINE words_64 exchange_2(words_64 v) {
  return exchange(v, SHUFFLED(v, 2, 3, 0, 1, 6, 7, 4, 5), (places_64){0, 0, -1, -1, 0, 0, -1, -1});
}
MJX_INLINE words_64 mirror_4(words_64 v) {
  return exchange(v, SHUFFLED(v, 3, 2, 1, 0, 7, 6, 5, 4), (places_64){0, 0, -1, -1, 0, 0, -1, -1});
}
MJX_INLINE words_64 exchange_4(words_64 v) {
  return exchange(v, SHUFFLED(v, 4, 5, 6, 7, 0, 1, 2, 3), (places_64){0, 0, 0, 0, -1, -1, -1, -1});
}
MJX_INLINE words_64 mirror_8(words_64 v) {
  return exchange(v, REVERSED(v), (places_64){0, 0, 0, 0, -1, -1, -1, -1});
}
MJX_INLINE words_64 sort_vector(words_64 v) {
  v = exchange_1(mirror_4(exchange_1(v)));
  return exchange_1(exchange_2(mirror_8(v)));
}
MJX_INLINE words_64 merge_vector(words_64 v) { return exchange_1(exchange_2(exchange_4(v))); }
#else
#define SHUFFLED(v, ...) SHUFFLE_LANES(places_64, v, v, __VA_ARGS__)
#define REVERSED(v)      SHUFFLED(v, 3, 2, 1, 0)
MJX_INLINE words_64 exchange_1(words_64 v) {
  return exchange(v, SHUFFLED(v, 1, 0, 3, 2), (places_64){0, -1, 0, -1});
}
MJX_INLINE words_64 exchange_2(words_64 v) {
  return exchange(v, SHUFFLED(v, 2, 3, 0, 1), (places_64){0, 0, -1, -1});
}
MJX_INLINE words_64 mirror_4(words_64 v) {
  return exchange(v, REVERSED(v), (places_64){0, 0, -1, -1});
}
MJX_INLINE words_64 sort_vector(words_64 v) { return exchange_1(mirror_4(exchange_1(v))); }
MJX_INLINE words_64 merge_vector(words_64 v) { return exchange_1(exchange_2(v)); }
#endif

#define COMPARE(a, b)                \
  do {                               \
    words_64 lesser_ = lesser(a, b); \
    (b) = greater(a, b);             \
    (a) = lesser_;                   \
  } while (0)

/* Two sorted runs, together n vectors: the mirror images in them. */
MJX_INLINE void mirror_runs(words_64 *v, int64_t n) {
  for (int64_t i = 0; i < n / 2; i++) {
    words_64 a = v[i], b = REVERSED(v[n - 1 - i]);
    v[i] = lesser(a, b);
    v[n - 1 - i] = REVERSED(greater(a, b));
  }
}
/* n vectors: those that are 2 `apart`, then those that are `apart`. */
MJX_INLINE void exchange_vectors(words_64 *v, int64_t n, int64_t apart) {
  for (int64_t first = 0; first < n; first += 4 * apart) {
    for (int64_t i = first; i < first + apart; i++) {
      words_64 a = v[i], b = v[i + apart], c = v[i + 2 * apart], d = v[i + 3 * apart];
      COMPARE(a, c);
      COMPARE(b, d);
      COMPARE(a, b);
      COMPARE(c, d);
      v[i] = a, v[i + apart] = b, v[i + 2 * apart] = c, v[i + 3 * apart] = d;
    }
  }
}
/* n vectors: neighbours, then what is within each. */
MJX_INLINE void finish_vectors(words_64 *v, int64_t n) {
  for (int64_t i = 0; i < n; i += 2) {
    words_64 a = v[i], b = v[i + 1];
    COMPARE(a, b);
    v[i] = merge_vector(a);
    v[i + 1] = merge_vector(b);
  }
}
static MJX_FN void merge_runs(words_64 *v, int64_t n) {
  mirror_runs(v, n);
  int64_t apart = n / 4; /* to be done: 2 and more */
  for (; apart >= 4; apart /= 4) exchange_vectors(v, n, apart / 2);
  if (apart == 2) {
    for (int64_t i = 0; i < n; i += 4) {
      COMPARE(v[i], v[i + 2]);
      COMPARE(v[i + 1], v[i + 3]);
    }
  }
  if (n == 2)
    v[0] = merge_vector(v[0]), v[1] = merge_vector(v[1]);
  else
    finish_vectors(v, n);
}

/* Sorts n words; writes to the next power of two, which is a vector's words at least. */
static void sort_words(int64_t n, uint64_t *words) {
  int64_t whole = SORT_LANES;
  while (whole < n) whole *= 2;
  for (int64_t i = n; i < whole; i++) words[i] = UINT64_MAX;
  words_64 *v = (words_64 *)words;
  int64_t vectors = whole / SORT_LANES;
  for (int64_t i = 0; i < vectors; i++) v[i] = sort_vector(KEPT(v[i]));
  for (int64_t run = 2; run <= vectors; run *= 2)
    for (int64_t i = 0; i < vectors; i += run) merge_runs(v + i, run);
  if (VECTOR_BYTES != 64)
    for (int64_t i = 0; i < vectors; i++) v[i] = KEPT(v[i]);
}
#define SORT_WORDS sort_words
#else
#define SORT_WORDS NULL
#endif
