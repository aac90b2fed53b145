// How functions inside libecho say that they failed.
#ifndef DEEP_TREE_ECHO_STATUS_H_
#define DEEP_TREE_ECHO_STATUS_H_

#include "include/echo.h"

namespace echo {

// Stores the sentence for echo_last_error() (printf format) and returns
// `status`, so that a failure is one line: return Fail(ECHO_ERROR_FORMAT, "...").
[[gnu::format(printf, 2, 3)]] echo_status Fail(echo_status status, const char* format, ...);

// An argument of this name is NULL and may not be.
echo_status FailNull(const char* name);

// The sentence of the last failure on this thread.
const char* LastError();

}  // namespace echo

// For the functions of echo.h: fails if an argument is NULL.
#define ECHO_CHECK_NULL(argument)       \
  do {                                  \
    if ((argument) == nullptr) {        \
      return echo::FailNull(#argument); \
    }                                   \
  } while (false)

#endif  // DEEP_TREE_ECHO_STATUS_H_
