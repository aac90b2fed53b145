// Sums over logits and products with many short vectors, for adaptation.
#if defined(DEEP_TREE_ECHO_OPS_EXPECTATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_EXPECTATION_INL_H_
#undef DEEP_TREE_ECHO_OPS_EXPECTATION_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_EXPECTATION_INL_H_
#endif

#include <cmath>

#include "ops/activation-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// The largest of x (n), NaN if any is NaN.
inline float LargestOf(const float* HWY_RESTRICT x, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  Vec most = hn::Set(d, x[0]);
  auto wrong = hn::IsNaN(most);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const Vec v = hn::LoadU(d, x + i);
    wrong = hn::Or(wrong, hn::IsNaN(v));
    most = hn::Max(most, v);
  }
  float found = hn::ReduceMax(d, most);
  bool any = !hn::AllFalse(d, wrong);
  for (; i < n; ++i) {
    any = any || x[i] != x[i];
    found = x[i] > found ? x[i] : found;
  }
  return any ? NAN : found;
}

// The sum of exp(x - top) over x (n), none of which is above top. In blocks, so that
// float32 is enough within one.
inline double SumOfExponentials(const float* HWY_RESTRICT x, size_t n, float top) {
  constexpr size_t kBlock = 1024;
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const Vec by = hn::Set(d, top);
  double total = 0.0;
  size_t i = 0;
  while (i + lanes <= n) {
    const size_t end = n - i < kBlock ? n : i + kBlock;
    Vec a = hn::Zero(d);
    Vec b = hn::Zero(d);
    for (; i + 2 * lanes <= end; i += 2 * lanes) {
      a = hn::Add(a, Exp(hn::Sub(hn::LoadU(d, x + i), by)));
      b = hn::Add(b, Exp(hn::Sub(hn::LoadU(d, x + i + lanes), by)));
    }
    for (; i + lanes <= end; i += lanes) a = hn::Add(a, Exp(hn::Sub(hn::LoadU(d, x + i), by)));
    total += static_cast<double>(hn::ReduceSum(d, hn::Add(a, b)));
  }
  for (; i < n; ++i) total += std::exp(static_cast<double>(x[i]) - static_cast<double>(top));
  return total;
}

// y = matrix x: matrix (n, width), x (width), y (n).
inline void ProductsOf(const float* HWY_RESTRICT matrix, size_t n, size_t width,
                       const float* HWY_RESTRICT x, float* HWY_RESTRICT y) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const size_t whole = width / lanes * lanes;
  size_t row = 0;
  const auto rest = [&](const float* at, float found) {
    for (size_t i = whole; i < width; ++i) found += at[i] * x[i];
    return found;
  };
  // Four rows at once: four sums that do not wait for each other.
  for (; row + 4 <= n; row += 4) {
    const float* at = matrix + row * width;
    Vec a = hn::Zero(d);
    Vec b = hn::Zero(d);
    Vec c = hn::Zero(d);
    Vec e = hn::Zero(d);
    for (size_t i = 0; i < whole; i += lanes) {
      const Vec v = hn::LoadU(d, x + i);
      a = hn::MulAdd(hn::LoadU(d, at + i), v, a);
      b = hn::MulAdd(hn::LoadU(d, at + width + i), v, b);
      c = hn::MulAdd(hn::LoadU(d, at + 2 * width + i), v, c);
      e = hn::MulAdd(hn::LoadU(d, at + 3 * width + i), v, e);
    }
    y[row] = rest(at, hn::ReduceSum(d, a));
    y[row + 1] = rest(at + width, hn::ReduceSum(d, b));
    y[row + 2] = rest(at + 2 * width, hn::ReduceSum(d, c));
    y[row + 3] = rest(at + 3 * width, hn::ReduceSum(d, e));
  }
  for (; row < n; ++row) {
    const float* at = matrix + row * width;
    Vec a = hn::Zero(d);
    for (size_t i = 0; i < whole; i += lanes) {
      a = hn::MulAdd(hn::LoadU(d, at + i), hn::LoadU(d, x + i), a);
    }
    y[row] = rest(at, hn::ReduceSum(d, a));
  }
}

// y = exp(scale (x - top)): x, y (n).
inline void ScaledExponentials(const float* HWY_RESTRICT x, size_t n, float scale, float top,
                               float* HWY_RESTRICT y) {
  Each(n, [&](size_t i, auto io) HWY_ATTR {
    const Floats d;
    const Vec moved = hn::Sub(io.Load(x + i), hn::Set(d, top));
    io.Store(Exp(hn::Mul(hn::Set(d, scale), moved)), y + i);
  });
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
