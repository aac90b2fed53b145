// Rounding float rows to a tensor type and back, by ggml's reference rule, so
// that a file quantised here is the file that rwkv.cpp would write.
#ifndef DEEP_TREE_ECHO_FORMATS_QUANTIZE_H_
#define DEEP_TREE_ECHO_FORMATS_QUANTIZE_H_

#include <cstddef>
#include <cstdint>

namespace echo {

// Nearest half of a float, ties to even; beyond the range infinity.
uint16_t HalfFromFloat(float value);
float FloatFromHalf(uint16_t half);

// One row. `columns` fill whole blocks of `type`, which is native (RowBytes(type,
// columns) > 0). Any float is accepted: what no code can express (NaN, infinity)
// ends in some code, the same one everywhere.
//   source       (columns) float32
//   destination  (RowBytes(type, columns)) bytes
void QuantizeRow(int32_t type, const float* source, size_t columns, uint8_t* destination);

// The inverse, for every type.
//   source       (RowBytes(type, columns)) bytes
//   destination  (columns) float32
void DequantizeRow(int32_t type, const uint8_t* source, size_t columns, float* destination);

// Packs the codes of one block of Q4_1 or Q5_1: value = scale * code + least.
//   codes        (32) below 16 or 32
//   destination  one block; returns where the next one begins
uint8_t* StoreCodes(int32_t type, float scale, float least, const uint8_t* codes,
                    uint8_t* destination);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_QUANTIZE_H_
