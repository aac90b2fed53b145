// How weights stay in memory: the type in which a matrix of a file is multiplied,
// and the way of a row into it.
#ifndef DEEP_TREE_ECHO_FORMATS_KEEP_H_
#define DEEP_TREE_ECHO_FORMATS_KEEP_H_

#include <cstddef>
#include <cstdint>

namespace echo {

// The native type that holds a matrix of this type with the least loss and bytes.
int32_t MatrixType(int32_t type);

// One row of a file into the type in which it is kept, which is native or `from`
// itself. Exact if the types are equal, and for the integers of Q4_K and Q5_K;
// else rounded as QuantizeRow() does.
//   source       (RowBytes(from, columns)) bytes
//   floats       (columns) float32, scratch; unused if the types are equal
//   destination  (RowBytes(to, columns)) bytes
void KeepRow(int32_t from, const uint8_t* source, size_t columns, float* floats, int32_t to,
             uint8_t* destination);

// Multiplies a row of a native type by 2^exponent, in place. Exact but where a
// half leaves its range.
void ScaleRow(int32_t type, uint8_t* row, size_t columns, int exponent);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_KEEP_H_
