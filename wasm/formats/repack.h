// How quantised matrices lie in memory: four rows interleaved, so that a product
// reads one stream of bytes from end to end, and in an order of bits that masks
// can take apart. A matrix takes exactly as many bytes as in its file, but for
// the rows of zeros that fill its last group.
//
// Four rows are a group, 32 columns of it a block, and within a block lies:
//
//   fp16 d (4)          the rows' scales
//   fp16 m (4)          their minima: Q4_1 and Q5_1 only
//   uint16 fifth (8)    Q5_0 and Q5_1 only: for the columns l, 8 + l, 16 + l and
//                       24 + l of row r, bits 4 + r, r, 12 + r and 8 + r of lane l
//   codes               Q8_0: int8 (4 chunks of columns, 4 rows, 8 columns);
//                       else uint16 (4 rows, 8): lane l of a row has the low four
//                       bits of the columns l, 8 + l, 16 + l, 24 + l, lowest first
//
// Scales are kept so that no fp16 in memory is denormal where that can be had: the
// shortest conversions to float32 make denormal floats of those, and they are slow
// on many processors. See RaiseScales.
#ifndef DEEP_TREE_ECHO_FORMATS_REPACK_H_
#define DEEP_TREE_ECHO_FORMATS_REPACK_H_

#include <cstddef>
#include <cstdint>

namespace echo {

constexpr size_t kGroupRows = 4;

// Whether matrices of this type are interleaved: the quantised ones are.
bool IsInterleaved(int32_t type);

// Four rows as a file has them into one group.
//   rows   (4, RowBytes(type, columns)) bytes, whole blocks of an interleaved type
//   group  (4 * RowBytes(type, columns)) bytes
void InterleaveRows(int32_t type, const uint8_t* rows, size_t columns, uint8_t* group);

// Multiplies every scale and minimum of an interleaved matrix (groups, 4 *
// RowBytes(type, columns)), or every number of an FP16 one (its rows one group,
// `columns` numbers), by 2^10 if all are below 64. That is exact, and leaves no
// denormal. Answers the power of two: 10, or 0 if the numbers are as they were.
int32_t RaiseScales(int32_t type, size_t groups, size_t columns, uint8_t* data);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_REPACK_H_
