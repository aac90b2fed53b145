// Quantised types in plain scalar code: the definition of each block layout.
// The kernels in ops/ read the same blocks with vectors.
#include "formats/quantize.h"

#include <cmath>
#include <cstring>

#include "formats/kblocks.h"
#include "formats/types.h"

namespace echo {
namespace {

constexpr size_t kBlock = 32;         // elements of a block
constexpr size_t kHalf = kBlock / 2;  // element i shares a byte with element i + 16

uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

float FloatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

void StoreHalf(uint8_t* to, float value) {
  const uint16_t half = HalfFromFloat(value);
  std::memcpy(to, &half, sizeof(half));
}

float LoadHalf(const uint8_t* from) {
  uint16_t half;
  std::memcpy(&half, from, sizeof(half));
  return FloatFromHalf(half);
}

// The inverse of a block's scale. A scale too small to have one (a denormal) is
// stored as half 0, so its codes do not matter.
float Inverse(float scale) {
  const float inverse = 1.0f / scale;
  return std::isfinite(inverse) ? inverse : 0.0f;
}

// Truncates to a code in 0 ... largest; NaN becomes 0.
uint8_t Code(float value, int largest) {
  if (!(value > 0.0f)) return 0;
  if (value >= static_cast<float>(largest)) return static_cast<uint8_t>(largest);
  return static_cast<uint8_t>(value);
}

// The element of greatest magnitude with its sign, the first among equals.
float Extreme(const float* block) {
  float extreme = 0.0f;
  float greatest = 0.0f;  // |extreme|; clang 19 drops a std::fabs(extreme) here
  for (size_t i = 0; i < kBlock; ++i) {
    const float magnitude = std::fabs(block[i]);
    if (magnitude > greatest) {
      greatest = magnitude;
      extreme = block[i];
    }
  }
  return extreme;
}

struct Range {
  float least;
  float greatest;
};

Range RangeOf(const float* block) {
  Range range = {block[0], block[0]};
  for (size_t i = 1; i < kBlock; ++i) {
    if (block[i] < range.least) range.least = block[i];
    if (block[i] > range.greatest) range.greatest = block[i];
  }
  return range;
}

// codes (32) -> nibbles (16), low nibbles first half, high nibbles second half.
void StoreNibbles(uint8_t* nibbles, const uint8_t* codes) {
  for (size_t i = 0; i < kHalf; ++i) {
    nibbles[i] = static_cast<uint8_t>((codes[i] & 0x0F) | (codes[i + kHalf] << 4));
  }
}

void LoadNibbles(const uint8_t* nibbles, uint8_t* codes) {
  for (size_t i = 0; i < kHalf; ++i) {
    codes[i] = nibbles[i] & 0x0F;
    codes[i + kHalf] = nibbles[i] >> 4;
  }
}

// The fifth bits of 32 codes, bit i that of element i.
void StoreFifthBits(uint8_t* to, const uint8_t* codes) {
  uint32_t bits = 0;
  for (size_t i = 0; i < kBlock; ++i) bits |= static_cast<uint32_t>(codes[i] >> 4) << i;
  std::memcpy(to, &bits, sizeof(bits));
}

void LoadFifthBits(const uint8_t* from, uint8_t* codes) {
  uint32_t bits;
  std::memcpy(&bits, from, sizeof(bits));
  for (size_t i = 0; i < kBlock; ++i) codes[i] |= static_cast<uint8_t>(((bits >> i) & 1) << 4);
}

// Symmetric types: code = value / d + middle, where d maps the extreme element to
// the lowest code (whose magnitude is one greater than the highest's).
float SymmetricCodes(const float* block, int middle, uint8_t* codes) {
  const float d = Extreme(block) / static_cast<float>(-middle);
  const float inverse = Inverse(d);
  for (size_t i = 0; i < kBlock; ++i) {
    codes[i] = Code(block[i] * inverse + (static_cast<float>(middle) + 0.5f), 2 * middle - 1);
  }
  return d;
}

// Types with a minimum: code = (value - least) / d.
float RangeCodes(const float* block, int largest, uint8_t* codes, float* least) {
  const Range range = RangeOf(block);
  const float d = (range.greatest - range.least) / static_cast<float>(largest);
  const float inverse = Inverse(d);
  for (size_t i = 0; i < kBlock; ++i) {
    codes[i] = Code((block[i] - range.least) * inverse + 0.5f, largest);
  }
  *least = range.least;
  return d;
}

// Nearest integer, halves away from zero, within int8. The fraction is compared
// by itself: adding a half first would round 0.49999997 up.
int8_t RoundToInt8(float value) {
  const float magnitude = std::fabs(value);
  if (!(magnitude < 127.0f))
    return std::isnan(value) ? 0 : static_cast<int8_t>(value < 0 ? -127 : 127);
  int whole = static_cast<int>(magnitude);
  if (magnitude - static_cast<float>(whole) >= 0.5f) ++whole;
  return static_cast<int8_t>(value < 0 ? -whole : whole);
}

void QuantizeBlock(int32_t type, const float* block, uint8_t* to) {
  uint8_t codes[kBlock];
  float least;
  switch (type) {
    case ECHO_Q4_0:
      StoreHalf(to, SymmetricCodes(block, 8, codes));
      StoreNibbles(to + 2, codes);
      break;
    case ECHO_Q4_1:
    case ECHO_Q5_1: {
      const float d = RangeCodes(block, type == ECHO_Q4_1 ? 15 : 31, codes, &least);
      StoreCodes(type, d, least, codes, to);
      break;
    }
    case ECHO_Q5_0:
      StoreHalf(to, SymmetricCodes(block, 16, codes));
      StoreFifthBits(to + 2, codes);
      StoreNibbles(to + 6, codes);
      break;
    default: {  // ECHO_Q8_0
      const float d = std::fabs(Extreme(block)) / 127.0f;
      const float inverse = Inverse(d);
      StoreHalf(to, d);
      for (size_t i = 0; i < kBlock; ++i) {
        to[2 + i] = static_cast<uint8_t>(RoundToInt8(block[i] * inverse));
      }
    }
  }
}

void DequantizeBlock(int32_t type, const uint8_t* from, float* block) {
  uint8_t codes[kBlock];
  const float d = LoadHalf(from);
  float shift = 0.0f;  // what code 0 stands for
  switch (type) {
    case ECHO_Q4_0:
      LoadNibbles(from + 2, codes);
      break;
    case ECHO_Q4_1:
      shift = LoadHalf(from + 2);
      LoadNibbles(from + 4, codes);
      break;
    case ECHO_Q5_0:
      LoadNibbles(from + 6, codes);
      LoadFifthBits(from + 2, codes);
      break;
    case ECHO_Q5_1:
      shift = LoadHalf(from + 2);
      LoadNibbles(from + 8, codes);
      LoadFifthBits(from + 4, codes);
      break;
    default:  // ECHO_Q8_0
      for (size_t i = 0; i < kBlock; ++i) {
        block[i] = d * static_cast<float>(static_cast<int8_t>(from[2 + i]));
      }
      return;
  }
  if (type == ECHO_Q4_1 || type == ECHO_Q5_1) {
    for (size_t i = 0; i < kBlock; ++i) block[i] = d * static_cast<float>(codes[i]) + shift;
  } else {
    const int middle = type == ECHO_Q4_0 ? 8 : 16;
    for (size_t i = 0; i < kBlock; ++i) block[i] = d * static_cast<float>(codes[i] - middle);
  }
}

// The upper half of a float.
float LoadBFloat(const uint8_t* from) {
  uint16_t upper;
  std::memcpy(&upper, from, sizeof(upper));
  return FloatOf(static_cast<uint32_t>(upper) << 16);
}

}  // namespace

uint8_t* StoreCodes(int32_t type, float scale, float least, const uint8_t* codes,
                    uint8_t* destination) {
  StoreHalf(destination, scale);
  StoreHalf(destination + 2, least);
  destination += 4;
  if (type == ECHO_Q5_1) {
    StoreFifthBits(destination, codes);
    destination += 4;
  }
  StoreNibbles(destination, codes);
  return destination + kHalf;
}

uint16_t HalfFromFloat(float value) {
  const uint32_t bits = BitsOf(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return sign | 0x7E00;   // NaN
  if (magnitude >= 0x477FF000) return sign | 0x7C00;  // rounds beyond 65504
  if (magnitude < 0x38800000) {                       // below 2^-14: a denormal half
    // Adding 0.5 leaves the half's bits, rounded to even, at the float's end.
    return sign | static_cast<uint16_t>(BitsOf(FloatOf(magnitude) + 0.5f) - BitsOf(0.5f));
  }
  const uint32_t rebiased = magnitude - ((127 - 15) << 23);
  return sign | static_cast<uint16_t>((rebiased + 0x0FFF + ((rebiased >> 13) & 1)) >> 13);
}

float FloatFromHalf(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t magnitude = half & 0x7FFF;
  if (magnitude >= 0x7C00) return FloatOf(sign | 0x7F800000 | (magnitude & 0x03FF) << 13);
  if (magnitude < 0x0400) {  // denormal: that many times 2^-24
    const float value = static_cast<float>(magnitude) * (1.0f / 16777216.0f);
    return FloatOf(sign | BitsOf(value));
  }
  return FloatOf(sign | ((magnitude << 13) + ((127 - 15) << 23)));
}

void QuantizeRow(int32_t type, const float* source, size_t columns, uint8_t* destination) {
  if (type == ECHO_F32) {
    std::memcpy(destination, source, columns * sizeof(float));
  } else if (type == ECHO_F16) {
    for (size_t i = 0; i < columns; ++i) StoreHalf(destination + 2 * i, source[i]);
  } else {
    const size_t block_bytes = RowBytes(type, kBlock);
    for (size_t i = 0; i < columns / kBlock; ++i) {
      QuantizeBlock(type, source + i * kBlock, destination + i * block_bytes);
    }
  }
}

void DequantizeRow(int32_t type, const uint8_t* source, size_t columns, float* destination) {
  if (type == ECHO_F32) {
    std::memcpy(destination, source, columns * sizeof(float));
  } else if (type == ECHO_F16) {
    for (size_t i = 0; i < columns; ++i) destination[i] = LoadHalf(source + 2 * i);
  } else if (type == ECHO_BF16) {
    for (size_t i = 0; i < columns; ++i) destination[i] = LoadBFloat(source + 2 * i);
  } else if (FindType(type)->block_columns == kKBlock) {
    DequantizeKRow(type, source, columns, destination);
  } else {
    const size_t block_bytes = RowBytes(type, kBlock);
    for (size_t i = 0; i < columns / kBlock; ++i) {
      DequantizeBlock(type, source + i * block_bytes, destination + i * kBlock);
    }
  }
}

}  // namespace echo
