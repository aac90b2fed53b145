#include "formats/keep.h"

#include <cmath>
#include <cstring>

#include "formats/kblocks.h"
#include "formats/quantize.h"
#include "formats/types.h"

namespace echo {
namespace {

void ScaleHalf(uint8_t* at, int exponent) {
  uint16_t half;
  std::memcpy(&half, at, sizeof(half));
  half = HalfFromFloat(std::ldexp(FloatFromHalf(half), exponent));
  std::memcpy(at, &half, sizeof(half));
}

void ScaleFloat(uint8_t* at, int exponent) {
  float value;
  std::memcpy(&value, at, sizeof(value));
  value = std::ldexp(value, exponent);
  std::memcpy(at, &value, sizeof(value));
}

}  // namespace

int32_t MatrixType(int32_t type) {
  switch (type) {
    case ECHO_BF16:
      return ECHO_F16;
    case ECHO_Q4_K:
      return ECHO_Q4_1;
    case ECHO_Q5_K:
      return ECHO_Q5_1;
    case ECHO_Q6_K:  // its scale changes every 16 elements, within a block of 32
      return ECHO_Q8_0;
    default:
      return type;
  }
}

void KeepRow(int32_t from, const uint8_t* source, size_t columns, float* floats, int32_t to,
             uint8_t* destination) {
  if (from == to) {
    std::memcpy(destination, source, RowBytes(from, columns));
  } else if ((from == ECHO_Q4_K && to == ECHO_Q4_1) || (from == ECHO_Q5_K && to == ECHO_Q5_1)) {
    SplitKRow(from, source, columns, destination);
  } else {
    DequantizeRow(from, source, columns, floats);
    QuantizeRow(to, floats, columns, destination);
  }
}

void ScaleRow(int32_t type, uint8_t* row, size_t columns, int exponent) {
  const TypeInfo& info = *FindType(type);
  for (size_t i = 0; i < columns / info.block_columns; ++i) {
    uint8_t* block = row + i * info.block_bytes;
    if (type == ECHO_F32) {
      ScaleFloat(block, exponent);
    } else {  // a half by itself, or the scale of a block and its least value
      ScaleHalf(block, exponent);
      if (type == ECHO_Q4_1 || type == ECHO_Q5_1) ScaleHalf(block + sizeof(uint16_t), exponent);
    }
  }
}

}  // namespace echo
