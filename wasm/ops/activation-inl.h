// exp, sigmoid and tanh of vectors, and the element-wise chains built on them.
// One polynomial for every target, so that results agree across machines to a
// few units in the last place.
#if defined(DEEP_TREE_ECHO_OPS_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_ACTIVATION_INL_H_
#undef DEEP_TREE_ECHO_OPS_ACTIVATION_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_ACTIVATION_INL_H_
#endif

#include "ops/round-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// exp(x), relative error below 2e-7. x is clamped to [-87, 87] so that the
// result and its inverse are normal numbers: denormals cost hundreds of cycles in WebAssembly.
HWY_INLINE Vec Exp(Vec x) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  x = hn::Min(hn::Max(x, hn::Set(d, -87.0f)), hn::Set(d, 87.0f));
  // x = n ln 2 + r with |r| <= ln(2) / 2; ln 2 in two parts (Cody and Waite)
  // keeps r exact.
  const IntVec n = Nearest(hn::Mul(x, hn::Set(d, 1.44269504f)));
  const Vec nf = hn::ConvertTo(d, n);
  Vec r = hn::NegMulAdd(nf, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(nf, hn::Set(d, -2.12194440e-4f), r);
  // exp(r) = 1 + r + r^2 p(r), p minimax of degree 5 on [-ln(2)/2, ln(2)/2].
  Vec p = hn::Set(d, 1.9875691500e-4f);
  p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  p = hn::Add(hn::MulAdd(hn::Mul(r, r), p, r), hn::Set(d, 1.0f));
  const auto scale = hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127)));
  return hn::Mul(p, hn::BitCast(d, scale));
}

HWY_INLINE Vec SigmoidOf(Vec x) {
  const Vec one = hn::Set(Floats(), 1.0f);
  return hn::Div(one, hn::Add(one, Exp(hn::Neg(x))));
}

// tanh(x): an odd polynomial near 0, where 1 - 2 / (exp(2x) + 1) cancels.
HWY_INLINE Vec TanhOf(Vec x) {
  const Floats d;
  const Vec one = hn::Set(d, 1.0f);
  const Vec s = hn::Mul(x, x);
  Vec p = hn::Set(d, -5.70498872745e-3f);
  p = hn::MulAdd(p, s, hn::Set(d, 2.06390887954e-2f));
  p = hn::MulAdd(p, s, hn::Set(d, -5.37397155531e-2f));
  p = hn::MulAdd(p, s, hn::Set(d, 1.33314422036e-1f));
  p = hn::MulAdd(p, s, hn::Set(d, -3.33332819422e-1f));
  const Vec near = hn::MulAdd(hn::Mul(p, s), x, x);
  const Vec e = Exp(hn::Add(x, x));
  const Vec far = hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(e, one)));
  return hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(d, 0.625f)), near, far);
}

// Numbers that can no longer matter become 0 before they become denormal.
HWY_INLINE Vec Flush(Vec x) {
  return hn::IfThenZeroElse(hn::Lt(hn::Abs(x), hn::Set(Floats(), 1e-30f)), x);
}

inline void AddAll(const float* HWY_RESTRICT y, size_t n, float* HWY_RESTRICT x) {
  Each(n, [&](size_t i, auto io)
              HWY_ATTR { io.Store(hn::Add(io.Load(x + i), io.Load(y + i)), x + i); });
}

inline void MultiplyAll(const float* HWY_RESTRICT y, size_t n, float* HWY_RESTRICT x) {
  Each(n, [&](size_t i, auto io)
              HWY_ATTR { io.Store(hn::Mul(io.Load(x + i), io.Load(y + i)), x + i); });
}

inline void SigmoidAll(size_t n, float* HWY_RESTRICT x) {
  Each(n, [&](size_t i, auto io) HWY_ATTR { io.Store(SigmoidOf(io.Load(x + i)), x + i); });
}

inline void TanhAll(size_t n, float* HWY_RESTRICT x) {
  Each(n, [&](size_t i, auto io) HWY_ATTR { io.Store(TanhOf(io.Load(x + i)), x + i); });
}

inline void MultiplySiluAll(const float* HWY_RESTRICT y, size_t n, float* HWY_RESTRICT x) {
  Each(n, [&](size_t i, auto io) HWY_ATTR {
    const Vec gate = io.Load(y + i);
    io.Store(hn::Mul(io.Load(x + i), hn::Mul(gate, SigmoidOf(gate))), x + i);
  });
}

inline void MultiplySigmoidAll(const float* HWY_RESTRICT y, size_t n, float* HWY_RESTRICT x) {
  Each(n, [&](size_t i, auto io)
              HWY_ATTR { io.Store(hn::Mul(io.Load(x + i), SigmoidOf(io.Load(y + i))), x + i); });
}

inline void SquaredReluAll(size_t n, float* HWY_RESTRICT x) {
  Each(n, [&](size_t i, auto io) HWY_ATTR {
    const Vec v = hn::ZeroIfNegative(io.Load(x + i));
    io.Store(hn::Mul(v, v), x + i);
  });
}

inline void FlushAll(size_t n, float* HWY_RESTRICT x) {
  Each(n, [&](size_t i, auto io) HWY_ATTR { io.Store(Flush(io.Load(x + i)), x + i); });
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
