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
  int32_t type;  // echo_type
  // One of rwkv.cpp's types: rows are rounded to it, and matrices are multiplied
  // in it. The others are only read.
  bool native;
  const char* name;      // as in "Q5_1"
  size_t block_columns;  // 1, 32 or 256
  size_t block_bytes;
};

// All types, from the most to the least precise. One array for all files: pointers
// from FindType() are walked to its end.
inline constexpr TypeInfo kTypes[] = {
    {ECHO_F32, true, "FP32", 1, 4},       {ECHO_F16, true, "FP16", 1, 2},
    {ECHO_BF16, false, "BF16", 1, 2},     {ECHO_Q8_0, true, "Q8_0", 32, 34},
    {ECHO_Q6_K, false, "Q6_K", 256, 210}, {ECHO_Q5_1, true, "Q5_1", 32, 24},
    {ECHO_Q5_K, false, "Q5_K", 256, 176}, {ECHO_Q5_0, true, "Q5_0", 32, 22},
    {ECHO_Q4_1, true, "Q4_1", 32, 20},    {ECHO_Q4_K, false, "Q4_K", 256, 144},
    {ECHO_Q4_0, true, "Q4_0", 32, 18},
};

// nullptr if there is no such type.
const TypeInfo* FindType(int32_t type);

// Whether it is one of rwkv.cpp's.
bool IsNative(int32_t type);

// "Q5_1" and so on, "unknown" if there is no such type.
const char* TypeName(int32_t type);

// As echo_row_bytes: 0 if the type is unknown or the columns do not fill blocks.
size_t RowBytes(int32_t type, size_t columns);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_TYPES_H_
