// Recognising files that cannot be read, to say what they are instead.
#ifndef DEEP_TREE_ECHO_FORMATS_FOREIGN_H_
#define DEEP_TREE_ECHO_FORMATS_FOREIGN_H_

#include <cstddef>
#include <cstdint>

#include "status.h"

namespace echo {

// Fails with a sentence about a file that begins with these `size` >= 1 bytes
// (all of the file, if it is shorter than a header).
echo_status FailForeign(const uint8_t* bytes, size_t size);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_FOREIGN_H_
