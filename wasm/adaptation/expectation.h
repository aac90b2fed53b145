// What four experts expect of the next token, and their mixture.
#ifndef DEEP_TREE_ECHO_ADAPTATION_EXPECTATION_H_
#define DEEP_TREE_ECHO_ADAPTATION_EXPECTATION_H_

#include "include/echo.h"

namespace echo::adaptation {

// As echo_expect, its pointers checked; a token or a slot out of range is refused.
echo_status Expect(echo_expectation* expectation);

}  // namespace echo::adaptation
#endif  // DEEP_TREE_ECHO_ADAPTATION_EXPECTATION_H_
