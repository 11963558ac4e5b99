/* status.c: error messages, one per thread. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

#define MESSAGE_BYTES 512

static _Thread_local char message[MESSAGE_BYTES];

const char *mjx_last_error(void) { return message; }

mjx_status mjx_fail(mjx_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  return status;
}

void mjx_fail_prefix(const char *format, ...) {
  char rest[MESSAGE_BYTES];
  memcpy(rest, message, sizeof rest);
  va_list args;
  va_start(args, format);
  int used = vsnprintf(message, sizeof message, format, args);
  va_end(args);
  if (used < 0 || used >= MESSAGE_BYTES) return;
  snprintf(message + used, sizeof message - (size_t)used, "%s", rest);
}
