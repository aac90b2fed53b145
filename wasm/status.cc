// The one piece of state that outlives a call: the sentence of the last error.
#include "status.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace echo {
namespace {

thread_local char last_error[1024] = "";

}  // namespace

echo_status Fail(echo_status status, const char* format, ...) {
  // Formatted aside first: an argument may be the last sentence itself.
  char sentence[sizeof(last_error)];
  va_list arguments;
  va_start(arguments, format);
  const int length = std::vsnprintf(sentence, sizeof(sentence), format, arguments);
  va_end(arguments);
  if (length < 0) sentence[0] = '\0';
  std::memcpy(last_error, sentence, sizeof(sentence));
  return status;
}

echo_status FailNull(const char* name) { return Fail(ECHO_ERROR_ARGUMENT, "%s is NULL.", name); }

const char* LastError() { return last_error; }

}  // namespace echo
