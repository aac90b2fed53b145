// Moving bytes and bits; nothing here rounds.
#include "formats/repack.h"

#include <cstring>

#include "formats/types.h"

namespace echo {
namespace {

constexpr size_t kBlock = 32;  // columns
constexpr size_t kPair = 2;    // columns of Q8_0 that lie together
constexpr size_t kOctet = 8;   // columns of the other types that do
constexpr size_t kOctets = kBlock / kOctet;
constexpr size_t kOctetBytes = kOctet / 2;  // of a row
constexpr size_t kQuad = 4;                 // rows
constexpr int32_t kRaise = 10;

// The first column of an octet in each of its bytes; the second is four further.
constexpr size_t kColumn[kOctetBytes] = {0, 2, 1, 3};

// Where the parts of a block begin: of a row's in a file, which starts with the
// scale, and of a group's.
struct Parts {
  size_t scales;  // fp16 a row: 1, or 2 with the minimum
  size_t fifth;   // bytes of fifth bits a row: 0 or 4
  size_t codes;   // bytes of codes a row: 16 or 32

  size_t file_fifth() const { return 2 * scales; }
  size_t file_codes() const { return 2 * scales + fifth; }
  size_t file_bytes() const { return file_codes() + codes; }
};

Parts PartsOf(int32_t type) {
  switch (type) {
    case ECHO_Q4_0:
      return {1, 0, 16};
    case ECHO_Q4_1:
      return {2, 0, 16};
    case ECHO_Q5_0:
      return {1, 4, 16};
    case ECHO_Q5_1:
      return {2, 4, 16};
    default:  // ECHO_Q8_0
      return {1, 0, 32};
  }
}

uint16_t Load16(const uint8_t* from) {
  uint16_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

void Store16(uint8_t* to, unsigned value) {
  const uint16_t bits = static_cast<uint16_t>(value);
  std::memcpy(to, &bits, sizeof(bits));
}

// A file's nibbles are columns 0 ... 15 in the low halves of 16 bytes, 16 ... 31
// in the high ones. Row `row` into the group's codes.
void InterleaveNibbles(const uint8_t* codes, size_t row, uint8_t* group) {
  for (size_t octet = 0; octet < kOctets; ++octet) {
    const uint8_t* from = codes + octet % 2 * kOctet;
    const unsigned shift = octet / 2 * 4;
    uint8_t* to = group + (octet * kGroupRows + row) * kOctetBytes;
    for (size_t i = 0; i < kOctetBytes; ++i) {
      const unsigned first = from[kColumn[i]] >> shift & 15U;
      const unsigned second = from[kColumn[i] + 4] >> shift & 15U;
      to[i] = static_cast<uint8_t>(first | second << 4);
    }
  }
}

// The row's 32 fifth bits, bit i that of column i, into the group's.
void InterleaveFifth(uint32_t bits, size_t row, uint8_t* group) {
  const size_t quad = row / kQuad;
  for (size_t octet = 0; octet < kOctets; ++octet) {
    const unsigned eight = bits >> octet * kOctet;
    uint8_t* to = group + (octet * kQuad + row % kQuad) * kOctetBytes;
    for (size_t i = 0; i < kOctetBytes; ++i) {
      const unsigned first = eight >> kColumn[i] & 1U;
      const unsigned second = eight >> (kColumn[i] + 4) & 1U;
      to[i] = static_cast<uint8_t>(to[i] | first << (4 + quad) | second << quad);
    }
  }
}

constexpr uint16_t kMagnitude = 0x7FFF;
constexpr uint16_t kSixtyFour = 0x5400;
constexpr uint16_t kLeastNormal = 0x0400;

bool AllBelow64(const uint8_t* halves, size_t count) {
  unsigned largest = 0;
  for (size_t i = 0; i < count; ++i) {
    const unsigned magnitude = Load16(halves + 2 * i) & kMagnitude;
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest < kSixtyFour;
}

// half * 2^10 for |half| < 64.
unsigned RaisedHalf(unsigned half) {
  unsigned magnitude = half & kMagnitude;
  if (magnitude >= kLeastNormal) return half + (kRaise << 10);
  if (magnitude == 0) return half;
  unsigned exponent = kRaise + 1;  // of 2^10 times a denormal, its leading bit at 2^-14
  while ((magnitude & kLeastNormal) == 0) {
    magnitude <<= 1;
    --exponent;
  }
  return (half & 0x8000U) | exponent << 10 | (magnitude & (kLeastNormal - 1U));
}

void RaiseHalves(uint8_t* halves, size_t count) {
  for (size_t i = 0; i < count; ++i) Store16(halves + 2 * i, RaisedHalf(Load16(halves + 2 * i)));
}

}  // namespace

bool IsInterleaved(int32_t type) { return FindType(type)->block_columns == kBlock; }

void InterleaveRows(int32_t type, const uint8_t* rows, size_t columns, uint8_t* group) {
  const Parts parts = PartsOf(type);
  const size_t row_bytes = RowBytes(type, columns);
  for (size_t block = 0; block < columns / kBlock; ++block) {
    const uint8_t* from = rows + block * parts.file_bytes();
    uint8_t* to = group + block * parts.file_bytes() * kGroupRows;
    uint8_t* fifth = to + kGroupRows * parts.file_fifth();
    uint8_t* codes = to + kGroupRows * parts.file_codes();
    std::memset(fifth, 0, kGroupRows * parts.fifth);
    for (size_t row = 0; row < kGroupRows; ++row, from += row_bytes) {
      for (size_t i = 0; i < parts.scales; ++i) {
        std::memcpy(to + 2 * (i * kGroupRows + row), from + 2 * i, 2);
      }
      if (parts.fifth != 0) {
        uint32_t bits;
        std::memcpy(&bits, from + parts.file_fifth(), sizeof(bits));
        InterleaveFifth(bits, row, fifth);
      }
      if (parts.codes == kBlock) {
        for (size_t column = 0; column < kBlock; column += kPair) {
          std::memcpy(codes + column * kGroupRows + row * kPair, from + parts.file_codes() + column,
                      kPair);
        }
      } else {
        InterleaveNibbles(from + parts.file_codes(), row, codes);
      }
    }
  }
}

int32_t RaiseScales(int32_t type, size_t groups, size_t columns, uint8_t* data) {
  if (type == ECHO_F16) {
    if (!AllBelow64(data, groups * columns)) return 0;
    RaiseHalves(data, groups * columns);
    return kRaise;
  }
  const Parts parts = PartsOf(type);
  const size_t bytes = parts.file_bytes() * kGroupRows;
  const size_t halves = parts.scales * kGroupRows;
  const size_t blocks = groups * (columns / kBlock);
  for (size_t i = 0; i < blocks; ++i) {
    if (!AllBelow64(data + i * bytes, halves)) return 0;
  }
  for (size_t i = 0; i < blocks; ++i) RaiseHalves(data + i * bytes, halves);
  return kRaise;
}

}  // namespace echo
