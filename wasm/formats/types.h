// The element types of tensors: names, block sizes and bytes of a row.
#ifndef DEEP_TREE_ECHO_FORMATS_TYPES_H_
#define DEEP_TREE_ECHO_FORMATS_TYPES_H_

#include <cstddef>
#include <cstdint>

#include "include/echo.h"

namespace echo {

// A row is a sequence of blocks of `block_columns` elements, each taking
// `block_bytes`. Types that are not quantised have blocks of one element.
struct TypeInfo {
  int32_t type;          // echo_type
  const char* name;      // as in "Q5_1"
  size_t block_columns;  // 1 or 32
  size_t block_bytes;
};

// All types, from the most to the least precise. One array for all files: pointers
// from FindType() are walked to its end.
inline constexpr TypeInfo kTypes[] = {
    {ECHO_F32, "FP32", 1, 4},    {ECHO_F16, "FP16", 1, 2},    {ECHO_Q8_0, "Q8_0", 32, 34},
    {ECHO_Q5_1, "Q5_1", 32, 24}, {ECHO_Q5_0, "Q5_0", 32, 22}, {ECHO_Q4_1, "Q4_1", 32, 20},
    {ECHO_Q4_0, "Q4_0", 32, 18},
};

// nullptr if there is no such type.
const TypeInfo* FindType(int32_t type);

// "Q5_1" and so on, "unknown" if there is no such type.
const char* TypeName(int32_t type);

// As echo_row_bytes: 0 if the type is unknown or the columns do not fill blocks.
size_t RowBytes(int32_t type, size_t columns);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_TYPES_H_
