// A block of sixteen interleaved rows and 32 columns (formats/repack.h) times the
// same columns of some vectors, in integers. The rows lie in the lanes.
#if defined(DEEP_TREE_ECHO_OPS_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_BLOCK_INL_H_
#undef DEEP_TREE_ECHO_OPS_BLOCK_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_BLOCK_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "formats/repack.h"
#include "ops/quantize-activation-inl.h"
#include "ops/round-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

using Ints = hn::ScalableTag<int32_t>;
using Shorts = hn::ScalableTag<int16_t>;
using ShortVec = hn::Vec<Shorts>;
using Codes = hn::ScalableTag<uint8_t>;
using CodeVec = hn::Vec<Codes>;

constexpr size_t kVectors = kGroupRows / hn::MaxLanes(Ints());  // that hold a number of each row
static_assert(kVectors >= 1, "vectors of at most 512 bits");

// Sums of the rows times each of some vectors.
template <size_t kTokens>
using Dots = IntVec[kTokens][kVectors];

// Four bytes in every lane.
HWY_INLINE IntVec SpreadFour(const void* from) {
  int32_t four;
  memcpy(&four, from, sizeof(four));
  return hn::Set(Ints(), four);
}

// The block's part of `dots`, which hold what to begin with. q points at the first
// of the vectors' blocks, the next one's are `stride` further.
struct Q8_0 {
  static constexpr size_t kBytes = 34 * kGroupRows;
  static constexpr bool kMinimum = false;

  template <size_t kTokens>
  static HWY_INLINE void Add(const uint8_t* HWY_RESTRICT block, const int16_t* HWY_RESTRICT q,
                             size_t stride, Dots<kTokens>& dots) {
    const Shorts ds;
    const hn::Rebind<int8_t, Shorts> d8;
    const int8_t* codes = reinterpret_cast<const int8_t*>(block + 2 * kGroupRows);
    IntVec rest[kTokens][kVectors];  // of targets that multiply the halves apart
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t v = 0; v < kVectors; ++v) rest[t][v] = hn::Zero(Ints());
    }
    for (size_t pair = 0; pair < kPairs; ++pair) {
      ShortVec wide[kVectors];
      for (size_t v = 0; v < kVectors; ++v) {
        wide[v] = hn::PromoteTo(ds, hn::LoadU(d8, codes));
        codes += hn::MaxLanes(d8);
      }
      for (size_t t = 0; t < kTokens; ++t) {
        const auto two = hn::BitCast(ds, SpreadFour(q + t * stride + pair * kPair));
        for (size_t v = 0; v < kVectors; ++v) {
          dots[t][v] = hn::ReorderWidenMulAccumulate(Ints(), wide[v], two, dots[t][v], rest[t][v]);
        }
      }
    }
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t v = 0; v < kVectors; ++v) {
        dots[t][v] = hn::RearrangeToOddPlusEven(dots[t][v], rest[t][v]);
      }
    }
  }
};

// 1 where one instruction multiplies four bytes of a lane and adds them up.
#undef ECHO_QUAD_INSTRUCTION
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
#define ECHO_QUAD_INSTRUCTION 1
#else
#define ECHO_QUAD_INSTRUCTION 0
#endif

// Codes of four and five bits. Elsewhere the sums stay int16 for as many octets as
// they can hold: products are below 127 * 16 or 127 * 32, four of them in a sum.
template <size_t kFifthAt, size_t kFifthBytes>
struct Nibbles {
  static constexpr size_t kBytes = kFifthAt + kFifthBytes + 16 * kGroupRows;
  static constexpr bool kMinimum = kFifthAt == 4 * kGroupRows;
  static constexpr bool kFives = kFifthBytes != 0;
  static constexpr size_t kOctetsAtOnce = kFives ? 2 : 4;
  static constexpr size_t kOctetBytes = 4 * kGroupRows;

  // Bit 4 + j of a byte of the rows 4 j ... to bit 7, and the others with it.
  static HWY_INLINE hn::Vec<hn::RebindToUnsigned<Shorts>> AlignFifth(const uint8_t* from,
                                                                     size_t vector) {
    const hn::RebindToUnsigned<Shorts> d;
    alignas(64) static constexpr uint16_t kFactors[32] = {8, 8, 8, 8, 8, 8, 8, 8,  //
                                                          4, 4, 4, 4, 4, 4, 4, 4,  //
                                                          2, 2, 2, 2, 2, 2, 2, 2,  //
                                                          1, 1, 1, 1, 1, 1, 1, 1};
    const auto bits = hn::LoadDup128(d, reinterpret_cast<const uint16_t*>(from));
    return hn::Mul(bits, hn::Load(d, kFactors + vector * hn::MaxLanes(d)));
  }

  // The first columns of an octet's bytes, and the second ones.
  static HWY_INLINE void Load(const uint8_t* block, size_t octet, size_t vector, CodeVec* first,
                              CodeVec* second) {
    const Codes d;
    const hn::RebindToUnsigned<Shorts> ds;
    const auto low = hn::Set(d, uint8_t{0x0F});
    const CodeVec all = hn::LoadU(
        d, block + kFifthAt + kFifthBytes + octet * kOctetBytes + vector * hn::MaxLanes(d));
    *first = hn::And(all, low);
    *second = hn::And(hn::BitCast(d, hn::ShiftRight<4>(hn::BitCast(ds, all))), low);
    if constexpr (kFives) {
      const auto high = hn::Set(d, uint8_t{0x10});
      const auto fifth = AlignFifth(block + kFifthAt + octet * 16, vector);
      *first = hn::OrAnd(*first, hn::BitCast(d, hn::ShiftRight<3>(fifth)), high);
      *second = hn::OrAnd(*second, hn::BitCast(d, hn::ShiftLeft<1>(fifth)), high);
    }
  }

  template <size_t kTokens>
  static HWY_INLINE void Add(const uint8_t* HWY_RESTRICT block, const int16_t* HWY_RESTRICT q,
                             size_t stride, Dots<kTokens>& dots) {
    const hn::RebindToSigned<Codes> d8;
    for (size_t begin = 0; begin < kOctets; begin += kOctetsAtOnce) {
      ShortVec sums[kTokens][kVectors];
      for (size_t t = 0; t < kTokens; ++t) {
        for (size_t v = 0; v < kVectors; ++v) sums[t][v] = hn::Zero(Shorts());
      }
      for (size_t octet = begin; octet < begin + kOctetsAtOnce; ++octet) {
        CodeVec first[kVectors];
        CodeVec second[kVectors];
        for (size_t v = 0; v < kVectors; ++v) Load(block, octet, v, first + v, second + v);
        for (size_t t = 0; t < kTokens; ++t) {
          const int8_t* bytes = reinterpret_cast<const int8_t*>(q + t * stride) + octet * kOctet;
          const auto four = hn::BitCast(d8, SpreadFour(bytes));
          const auto next = hn::BitCast(d8, SpreadFour(bytes + 4));
          for (size_t v = 0; v < kVectors; ++v) {
#if ECHO_QUAD_INSTRUCTION
            dots[t][v] = hn::SumOfMulQuadAccumulate(Ints(), first[v], four, dots[t][v]);
            dots[t][v] = hn::SumOfMulQuadAccumulate(Ints(), second[v], next, dots[t][v]);
#else
            const auto a = hn::SatWidenMulPairwiseAdd(Shorts(), first[v], four);
            const auto b = hn::SatWidenMulPairwiseAdd(Shorts(), second[v], next);
            sums[t][v] = hn::Add(sums[t][v], hn::Add(a, b));
#endif
          }
        }
      }
#if !ECHO_QUAD_INSTRUCTION
      for (size_t t = 0; t < kTokens; ++t) {
        for (size_t v = 0; v < kVectors; ++v) {
          dots[t][v] = hn::Add(dots[t][v], hn::SumsOf2(sums[t][v]));
        }
      }
#endif
    }
  }
};
using Q4_0 = Nibbles<2 * kGroupRows, 0>;
using Q4_1 = Nibbles<4 * kGroupRows, 0>;
using Q5_0 = Nibbles<2 * kGroupRows, 4 * kGroupRows>;
using Q5_1 = Nibbles<4 * kGroupRows, 4 * kGroupRows>;

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
