// How quantised matrices lie in memory: sixteen rows interleaved, so that a product
// reads one stream of bytes from end to end and finds the same columns of all its
// rows side by side: it multiplies them by the same numbers and never adds across
// lanes. A matrix takes exactly as many bytes as in its file, but for the rows of
// zeros that fill its last group.
//
// Sixteen rows are a group, 32 columns of it a block, and within a block lies:
//
//   fp16 d (16)             the rows' scales
//   fp16 m (16)             their minima: Q4_1 and Q5_1 only
//   fifth bits              Q5_0 and Q5_1 only: uint8 (4 octets of columns, 4 rows, 4)
//   codes                   Q8_0: int8 (16 pairs of columns, 16 rows, 2);
//                           else uint8 (4 octets of columns, 16 rows, 4)
//
// Byte i of a row in octet o has the low four bits of the columns 8 o + c and 8 o +
// 4 + c, the first one lower; c is 0, 2, 1, 3 for i = 0 ... 3, so that masks of 16
// bits find pairs of neighbours. The fifth bits of these two columns are, for the
// row 4 j + l, the bits 4 + j and j of the byte (o, l, i).
//
// Scales are kept so that no fp16 in memory is denormal where that can be had: the
// shortest conversions to float32 make denormal floats of those, and they are slow
// on many processors. See RaiseScales.
#ifndef DEEP_TREE_ECHO_FORMATS_REPACK_H_
#define DEEP_TREE_ECHO_FORMATS_REPACK_H_

#include <cstddef>
#include <cstdint>

namespace echo {

constexpr size_t kGroupRows = 16;

// Whether matrices of this type are interleaved: the quantised ones are.
bool IsInterleaved(int32_t type);

// The rows of a group as a file has them into the group.
//   rows   (kGroupRows, RowBytes(type, columns)) bytes, whole blocks of an interleaved type
//   group  (kGroupRows * RowBytes(type, columns)) bytes
void InterleaveRows(int32_t type, const uint8_t* rows, size_t columns, uint8_t* group);

// Multiplies every scale and minimum of an interleaved matrix (groups, kGroupRows *
// RowBytes(type, columns)), or every number of an FP16 one (its rows one group,
// `columns` numbers), by 2^10 if all are below 64. That is exact, and leaves no
// denormal. Answers the power of two: 10, or 0 if the numbers are as they were.
int32_t RaiseScales(int32_t type, size_t groups, size_t columns, uint8_t* data);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_REPACK_H_
