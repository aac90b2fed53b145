// ggml's k-quants: blocks of 256 elements whose sub-blocks have scales of their
// own, which share one. Reading them, and keeping their integers where a block of
// 32 can hold them.
#ifndef DEEP_TREE_ECHO_FORMATS_KBLOCKS_H_
#define DEEP_TREE_ECHO_FORMATS_KBLOCKS_H_

#include <cstddef>
#include <cstdint>

namespace echo {

constexpr size_t kKBlock = 256;  // elements of a block

// One row; `type` is ECHO_Q4_K, ECHO_Q5_K or ECHO_Q6_K.
//   source       (RowBytes(type, columns)) bytes
//   destination  (columns) float32
void DequantizeKRow(int32_t type, const uint8_t* source, size_t columns, float* destination);

// One row of Q4_K as Q4_1, or of Q5_K as Q5_1: the integers stay, the scale and
// the minimum of each 32 elements (products of a half and six bits) are rounded
// to halves.
//   destination  (RowBytes(ECHO_Q4_1 or ECHO_Q5_1, columns)) bytes
void SplitKRow(int32_t type, const uint8_t* source, size_t columns, uint8_t* destination);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_KBLOCKS_H_
