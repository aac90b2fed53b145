// What a unit of a reservoir makes of its input, in float32 and float64.
#if defined(DEEP_TREE_ECHO_OPS_UNIT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_UNIT_INL_H_
#undef DEEP_TREE_ECHO_OPS_UNIT_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_UNIT_INL_H_
#endif

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "ops/reservoir.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Numbers that can no longer matter become 0 before they become denormal, which
// costs hundreds of cycles in WebAssembly.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V FlushUnit(D d, V x) {
  using T = hn::TFromD<D>;
  const T least = sizeof(T) == 4 ? static_cast<T>(1e-30) : static_cast<T>(1e-290);
  return hn::IfThenZeroElse(hn::Lt(hn::Abs(x), hn::Set(d, least)), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V UnitOf(D d, Activation activation, V x) {
  using T = hn::TFromD<D>;
  const V one = hn::Set(d, static_cast<T>(1));
  switch (activation) {
    case Activation::kTanh:
      return hn::Tanh(d, x);
    case Activation::kRelu:
      // Keeps a NaN, unlike Max.
      return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
    case Activation::kSigmoid:
      return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(x))));
    case Activation::kIdentity:
      return x;
    case Activation::kSoftplus:
      return hn::Add(hn::Max(x, hn::Zero(d)), hn::Log1p(d, hn::Exp(d, hn::Neg(hn::Abs(x)))));
  }
  return x;
}

// next = keep x + leak f(total): all (n), n whole vectors. Whether all is finite.
template <class T>
HWY_INLINE bool FinishUnits(Activation activation, const T* HWY_RESTRICT total,
                            const T* HWY_RESTRICT x, const T* HWY_RESTRICT keep,
                            const T* HWY_RESTRICT leak, size_t n, T* HWY_RESTRICT next) {
  const hn::ScalableTag<T> d;
  auto sound = hn::Eq(hn::Zero(d), hn::Zero(d));
  for (size_t i = 0; i < n; i += hn::Lanes(d)) {
    const auto unit = UnitOf(d, activation, hn::LoadU(d, total + i));
    const auto kept = hn::Mul(hn::LoadU(d, keep + i), hn::LoadU(d, x + i));
    const auto made = FlushUnit(d, hn::MulAdd(hn::LoadU(d, leak + i), unit, kept));
    sound = hn::And(sound, hn::IsFinite(made));
    hn::StoreU(made, d, next + i);
  }
  return hn::AllTrue(d, sound);
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
