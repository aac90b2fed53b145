// Floats to the nearest integers, and to the nearest fp16 numbers.
#if defined(DEEP_TREE_ECHO_OPS_ROUND_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_ROUND_INL_H_
#undef DEEP_TREE_ECHO_OPS_ROUND_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_ROUND_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

using IntVec = hn::Vec<hn::RebindToSigned<Floats>>;

// The nearest integers, halves to even, of numbers below 2^22. Others, and what is
// no number, give any integer. WebAssembly's own conversions are right for those
// too, which takes an engine many instructions; here one addition leaves the integer
// in the low bits of a float.
HWY_INLINE IntVec Nearest(Vec x) {
#if HWY_TARGET == HWY_WASM
  const hn::RebindToSigned<Floats> di;
  const Vec shifted = hn::Add(x, hn::Set(Floats(), 12582912.0f));  // 1.5 * 2^23
  return hn::Sub(hn::BitCast(di, shifted), hn::Set(di, 0x4B400000));
#else
  return hn::NearestInt(x);
#endif
}

// x (n) rounded to fp16, times `unit`: out (n), which may be x.
HWY_INLINE void RoundToHalves(const float* x, size_t n, float unit, float* out) {
  const hn::Rebind<hwy::float16_t, Floats> half;
  const Vec factor = hn::Set(Floats(), unit);
  Each(n, [&](size_t i, auto io) HWY_ATTR {
    const Vec rounded = hn::PromoteTo(Floats(), hn::DemoteTo(half, io.Load(x + i)));
    io.Store(hn::Mul(rounded, factor), out + i);
  });
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
