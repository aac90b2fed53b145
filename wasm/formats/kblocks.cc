// The layouts of Q4_K, Q5_K and Q6_K, element by element.
#include "formats/kblocks.h"

#include <cstring>

#include "formats/quantize.h"
#include "formats/types.h"

namespace echo {
namespace {

constexpr size_t kSub = 32;                        // elements that share a scale and a minimum
constexpr size_t kSubBlocks = kKBlock / kSub;      // 8
constexpr size_t kFineSub = 16;                    // those of Q6_K
constexpr size_t kScaleBytes = 12;                 // 8 scales and 8 minima of six bits
constexpr size_t kScales = 2 * sizeof(uint16_t);   // where they begin, after d and dmin
constexpr size_t kCodes4 = kScales + kScaleBytes;  // the nibbles of Q4_K
constexpr size_t kCodes5 = kCodes4 + kSub;         // and of Q5_K, after 32 bytes of fifth bits

float LoadHalf(const uint8_t* from) {
  uint16_t half;
  std::memcpy(&half, from, sizeof(half));
  return FloatFromHalf(half);
}

// 32 elements of Q4_K or Q5_K: value = scale * code - minimum.
struct SubBlock {
  float scale;
  float minimum;
  uint8_t codes[kSub];
};

// The first four scales and minima lie in the low six bits of bytes 0-3 and 4-7,
// the low halves of the others in bytes 8-11, their upper two bits above the first.
SubBlock ReadSubBlock(int32_t type, const uint8_t* block, size_t index) {
  const uint8_t* packed = block + kScales;
  unsigned scale = packed[index % 4];
  unsigned minimum = packed[4 + index % 4];
  if (index < 4) {
    scale &= 63;
    minimum &= 63;
  } else {
    const unsigned low = packed[8 + index % 4];
    scale = (scale >> 6) << 4 | (low & 15);
    minimum = (minimum >> 6) << 4 | low >> 4;
  }
  SubBlock sub;
  sub.scale = LoadHalf(block) * static_cast<float>(scale);
  sub.minimum = LoadHalf(block + sizeof(uint16_t)) * static_cast<float>(minimum);
  // Two sub-blocks share 32 bytes, the first in the low nibbles.
  const uint8_t* nibbles = block + (type == ECHO_Q5_K ? kCodes5 : kCodes4) + index / 2 * kSub;
  for (size_t i = 0; i < kSub; ++i) {
    sub.codes[i] = index % 2 == 0 ? nibbles[i] & 15 : nibbles[i] >> 4;
  }
  if (type == ECHO_Q5_K) {  // bit `index` of byte i belongs to element i of this sub-block
    const uint8_t* fifth = block + kCodes4;
    for (size_t i = 0; i < kSub; ++i) {
      sub.codes[i] |= static_cast<uint8_t>(((fifth[i] >> index) & 1) << 4);
    }
  }
  return sub;
}

// Q6_K: 128 bytes of low nibbles, 64 of upper two bits, 16 int8 scales, fp16 d.
// Each half of 128 elements has 64 bytes of nibbles and 32 of upper bits.
void DequantizeQ6K(const uint8_t* block, float* to) {
  const uint8_t* scales = block + kKBlock / 2 + kKBlock / 4;
  const float d = LoadHalf(scales + kKBlock / kFineSub);
  for (size_t i = 0; i < kKBlock; ++i) {
    const size_t half = i / 128;
    const size_t quarter = i % 128 / kSub;  // of this half
    const uint8_t nibbles = block[half * 64 + i % 64];
    const uint8_t upper = block[kKBlock / 2 + half * kSub + i % kSub];
    const int low = quarter < 2 ? nibbles & 15 : nibbles >> 4;
    const int code = (low | ((upper >> (2 * quarter)) & 3) << 4) - 32;
    const float scale = d * static_cast<float>(static_cast<int8_t>(scales[i / kFineSub]));
    to[i] = scale * static_cast<float>(code);
  }
}

void DequantizeSubBlocks(int32_t type, const uint8_t* block, float* to) {
  for (size_t index = 0; index < kSubBlocks; ++index) {
    const SubBlock sub = ReadSubBlock(type, block, index);
    for (size_t i = 0; i < kSub; ++i) {
      to[index * kSub + i] = sub.scale * static_cast<float>(sub.codes[i]) - sub.minimum;
    }
  }
}

}  // namespace

void DequantizeKRow(int32_t type, const uint8_t* source, size_t columns, float* destination) {
  const size_t block_bytes = RowBytes(type, kKBlock);
  for (size_t i = 0; i < columns / kKBlock; ++i) {
    const uint8_t* block = source + i * block_bytes;
    if (type == ECHO_Q6_K) {
      DequantizeQ6K(block, destination + i * kKBlock);
    } else {
      DequantizeSubBlocks(type, block, destination + i * kKBlock);
    }
  }
}

void SplitKRow(int32_t type, const uint8_t* source, size_t columns, uint8_t* destination) {
  const size_t block_bytes = RowBytes(type, kKBlock);
  for (size_t i = 0; i < columns / kKBlock; ++i) {
    for (size_t index = 0; index < kSubBlocks; ++index) {
      const SubBlock sub = ReadSubBlock(type, source + i * block_bytes, index);
      destination = StoreCodes(type == ECHO_Q5_K ? ECHO_Q5_1 : ECHO_Q4_1, sub.scale, -sub.minimum,
                               sub.codes, destination);
    }
  }
}

}  // namespace echo
