/* dtype.c: what the runtime knows of element types. */
#include <string.h>

#include "internal.h"

int mjx_dtype_size(int dtype) {
  static const uint8_t sizes[MJX_N_DTYPES] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16};
  if (dtype >= 0 && dtype < MJX_N_DTYPES) return sizes[dtype];
  if (dtype >= MJX_X1 && dtype <= MJX_X16) return 1 << (dtype - MJX_X1);
  return 0;
}

bool mjx_dtype_is_integer(int dtype) { return dtype >= MJX_I8 && dtype <= MJX_U64; }
bool mjx_dtype_is_signed(int dtype) { return dtype >= MJX_I8 && dtype <= MJX_I64; }
bool mjx_dtype_is_real_float(int dtype) { return dtype >= MJX_F16 && dtype <= MJX_F64; }
bool mjx_dtype_is_complex(int dtype) { return dtype == MJX_C64 || dtype == MJX_C128; }

#define LOAD(type)                         \
  {                                        \
    type value;                            \
    memcpy(&value, element, sizeof value); \
    return (int64_t)value;                 \
  }

int64_t mjx_load_index(const void *element, int dtype) {
  switch (dtype) {
    case MJX_BOOL: return *(const uint8_t *)element != 0;
    case MJX_I8: LOAD(int8_t)
    case MJX_I16: LOAD(int16_t)
    case MJX_I32: LOAD(int32_t)
    case MJX_I64: LOAD(int64_t)
    case MJX_U8: LOAD(uint8_t)
    case MJX_U16: LOAD(uint16_t)
    case MJX_U32: LOAD(uint32_t)
    default: break;
  }
  uint64_t value;
  memcpy(&value, element, sizeof value);
  return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

void mjx_store_index(void *element, int dtype, int64_t value) {
  /* Little-endian: the low bytes are the wrapped value. */
  memcpy(element, &value, (size_t)mjx_dtype_size(dtype));
}
