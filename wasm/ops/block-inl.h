// One block of 32 quantised weights as 32 int16, for each of ggml's types. The
// layouts are listed beside echo_type in include/echo.h.
#if defined(DEEP_TREE_ECHO_OPS_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_BLOCK_INL_H_
#undef DEEP_TREE_ECHO_OPS_BLOCK_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_BLOCK_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ops/quantize-activation-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

using Shorts = hn::ScalableTag<int16_t>;
using Bytes16 = hn::FixedTag<uint8_t, 16>;

// A vector of int16 may hold 8, 16 or 32 elements: a block is 4, 2 or 1 parts.
constexpr size_t kPartLanes = hn::MaxLanes(Shorts());
constexpr size_t kParts = kBlock / kPartLanes;
static_assert(kPartLanes >= 8 && kPartLanes <= kBlock, "vectors of 128, 256 or 512 bits");

struct Parts {
  hn::Vec<Shorts> part[kParts];
};

// The fp16 at p in every lane.
HWY_INLINE Vec HalfAt(const uint8_t* p) {
  uint16_t bits;
  memcpy(&bits, p, sizeof(bits));
  const hn::Rebind<uint16_t, Floats> d16;
  const hn::Rebind<hwy::float16_t, Floats> half;
  return hn::PromoteTo(Floats(), hn::BitCast(half, hn::Set(d16, bits)));
}

// The fp16 at p, p + stride, ... each in every lane of its vector. Without an
// instruction for it, widening fp16 takes a dozen: four rows share them.
template <size_t kRows>
HWY_INLINE void HalvesAt(const uint8_t* p, size_t stride, Vec* HWY_RESTRICT out) {
#if HWY_MAX_BYTES == 16
  if constexpr (kRows == 4) {
    uint64_t bits = 0;
    for (size_t r = 0; r < kRows; ++r) {
      uint16_t half;
      memcpy(&half, p + r * stride, sizeof(half));
      bits |= static_cast<uint64_t>(half) << (16 * r);
    }
    const hn::Rebind<hwy::float16_t, Floats> d16;
    const hn::Repartition<uint64_t, decltype(d16)> d64;
    const Vec all = hn::PromoteTo(Floats(), hn::BitCast(d16, hn::Set(d64, bits)));
    out[0] = hn::Broadcast<0>(all);
    out[1] = hn::Broadcast<1>(all);
    out[2] = hn::Broadcast<2>(all);
    out[3] = hn::Broadcast<3>(all);
    return;
  }
#endif
  for (size_t r = 0; r < kRows; ++r) out[r] = HalfAt(p + r * stride);
}

// Elements 0 ... 15 and 16 ... 31 of a block, as signed bytes in u8 lanes.
HWY_INLINE Parts Widen(hn::Vec<Bytes16> low, hn::Vec<Bytes16> high) {
  const Shorts d;
  const hn::RebindToSigned<Bytes16> di;
  const auto a = hn::BitCast(di, low);
  const auto b = hn::BitCast(di, high);
  Parts out;
#if HWY_MAX_BYTES == 16
  out.part[0] = hn::PromoteLowerTo(d, a);
  out.part[1] = hn::PromoteUpperTo(d, a);
  out.part[2] = hn::PromoteLowerTo(d, b);
  out.part[3] = hn::PromoteUpperTo(d, b);
#elif HWY_MAX_BYTES == 32
  out.part[0] = hn::PromoteTo(d, a);
  out.part[1] = hn::PromoteTo(d, b);
#else
  out.part[0] = hn::PromoteTo(d, hn::Combine(hn::FixedTag<int8_t, 32>(), b, a));
#endif
  return out;
}

// Sixteen bits of `bits` as 16 or 0 in sixteen lanes.
HWY_INLINE hn::Vec<Bytes16> FifthBits(uint32_t bits) {
  const Bytes16 d;
  alignas(16) static constexpr uint8_t kByteOf[16] = {0, 0, 0, 0, 0, 0, 0, 0,
                                                      1, 1, 1, 1, 1, 1, 1, 1};
  alignas(16) static constexpr uint8_t kBitOf[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                                     1, 2, 4, 8, 16, 32, 64, 128};
  const hn::FixedTag<uint32_t, 4> d32;
  const auto all = hn::BitCast(d, hn::Set(d32, bits));
  const auto spread = hn::TableLookupBytes(all, hn::Load(d, kByteOf));
  const auto set = hn::TestBit(spread, hn::Load(d, kBitOf));
  return hn::IfThenElseZero(set, hn::Set(d, uint8_t{16}));
}

// 16 bytes of nibbles: low halves are elements 0 ... 15, high halves the rest.
HWY_INLINE hn::Vec<Bytes16> LowNibbles(hn::Vec<Bytes16> packed) {
  return hn::And(packed, hn::Set(Bytes16(), uint8_t{15}));
}
HWY_INLINE hn::Vec<Bytes16> HighNibbles(hn::Vec<Bytes16> packed) {
  return hn::ShiftRight<4>(packed);
}

// Each type: bytes of a block, whether it has a minimum (then w = d q + m, else
// w = d q), and the integers q.
struct Q4_0 {
  static constexpr size_t kBytes = 18;
  static constexpr bool kMinimum = false;
  static HWY_INLINE Parts Load(const uint8_t* p) {
    const auto packed = hn::LoadU(Bytes16(), p + 2);
    const auto eight = hn::Set(Bytes16(), uint8_t{8});
    return Widen(hn::Sub(LowNibbles(packed), eight), hn::Sub(HighNibbles(packed), eight));
  }
};

struct Q4_1 {
  static constexpr size_t kBytes = 20;
  static constexpr bool kMinimum = true;
  static HWY_INLINE Parts Load(const uint8_t* p) {
    const auto packed = hn::LoadU(Bytes16(), p + 4);
    return Widen(LowNibbles(packed), HighNibbles(packed));
  }
};

struct Q5_0 {
  static constexpr size_t kBytes = 22;
  static constexpr bool kMinimum = false;
  static HWY_INLINE Parts Load(const uint8_t* p) {
    uint32_t fifth;
    memcpy(&fifth, p + 2, sizeof(fifth));
    const auto packed = hn::LoadU(Bytes16(), p + 6);
    const auto sixteen = hn::Set(Bytes16(), uint8_t{16});
    return Widen(hn::Sub(hn::Or(LowNibbles(packed), FifthBits(fifth)), sixteen),
                 hn::Sub(hn::Or(HighNibbles(packed), FifthBits(fifth >> 16)), sixteen));
  }
};

struct Q5_1 {
  static constexpr size_t kBytes = 24;
  static constexpr bool kMinimum = true;
  static HWY_INLINE Parts Load(const uint8_t* p) {
    uint32_t fifth;
    memcpy(&fifth, p + 4, sizeof(fifth));
    const auto packed = hn::LoadU(Bytes16(), p + 8);
    return Widen(hn::Or(LowNibbles(packed), FifthBits(fifth)),
                 hn::Or(HighNibbles(packed), FifthBits(fifth >> 16)));
  }
};

struct Q8_0 {
  static constexpr size_t kBytes = 34;
  static constexpr bool kMinimum = false;
  static HWY_INLINE Parts Load(const uint8_t* p) {
    const hn::Rebind<int8_t, Shorts> d8;
    const int8_t* q = reinterpret_cast<const int8_t*>(p + 2);
    Parts out;
    for (size_t i = 0; i < kParts; ++i) {
      out.part[i] = hn::PromoteTo(Shorts(), hn::LoadU(d8, q + i * kPartLanes));
    }
    return out;
  }
};

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
