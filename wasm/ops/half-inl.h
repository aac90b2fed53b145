// fp16 numbers as floats. Where there is an instruction for it, a number times
// the unit below is exact as it is; elsewhere the bits are only shifted into a
// float's place, which makes them 2^112 times too small, and the unit repairs it.
// The unit goes into the other factor of a product, once for a vector.
#if defined(DEEP_TREE_ECHO_OPS_HALF_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_HALF_INL_H_
#undef DEEP_TREE_ECHO_OPS_HALF_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_HALF_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "ops/vector-inl.h"

#if HWY_TARGET == HWY_WASM
#include <wasm_simd128.h>
#endif

// 1 where a conversion is one instruction.
#undef ECHO_HALF_INSTRUCTION
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2) || (HWY_ARCH_ARM_A64)
#define ECHO_HALF_INSTRUCTION 1
#else
#define ECHO_HALF_INSTRUCTION 0
#endif

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// What numbers of a tensor raised by 2^raised are multiplied by, see Widened.
HWY_INLINE float HalfUnit(int32_t raised) {
  const float lowered = 1.0f / static_cast<float>(int32_t{1} << raised);
  return ECHO_HALF_INSTRUCTION ? lowered : 0x1p112f * lowered;
}

// fp16 as floats divided by HalfUnit(0). Infinities and NaN of a hostile file may
// come out as large numbers.
template <class D, class V16>
HWY_INLINE hn::Vec<D> Widened(D d, V16 bits) {
#if ECHO_HALF_INSTRUCTION
  const hn::Rebind<hwy::float16_t, D> half;
  return hn::PromoteTo(d, hn::BitCast(half, bits));
#else
  const hn::RebindToSigned<D> di;
  const hn::Rebind<int16_t, D> d16;
  const auto wide = hn::ShiftLeft<13>(hn::PromoteTo(di, hn::BitCast(d16, bits)));
  return hn::BitCast(d, hn::And(wide, hn::Set(di, static_cast<int32_t>(0x8FFFFFFF))));
#endif
}

// As many fp16 as D has lanes, from any address.
template <class D>
HWY_INLINE hn::Vec<D> LoadHalves(D d, const void* from) {
#if HWY_TARGET == HWY_WASM
  static_assert(hn::MaxLanes(D()) == 4, "one instruction widens four");
  const v128_t wide = wasm_i32x4_shl(wasm_i32x4_load16x4(from), 13);
  const hn::RebindToSigned<D> di;
  const hn::Vec<decltype(di)> bits{
      wasm_v128_and(wide, wasm_i32x4_splat(static_cast<int32_t>(0x8FFFFFFF)))};
  return hn::BitCast(d, bits);
#elif HWY_MAX_BYTES == 64
  // Two conversions of eight: the one of sixteen takes AMD's Zen 4 several times as long.
  if constexpr (hn::MaxLanes(D()) == 16) {
    const hn::Half<D> half;
    const uint16_t* halves = static_cast<const uint16_t*>(from);
    return hn::Combine(d, LoadHalves(half, halves + 8), LoadHalves(half, halves));
  } else {
    const hn::Rebind<uint16_t, D> d16;
    return Widened(d, hn::LoadU(d16, static_cast<const uint16_t*>(from)));
  }
#else
  const hn::Rebind<uint16_t, D> d16;
  return Widened(d, hn::LoadU(d16, static_cast<const uint16_t*>(from)));
#endif
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
