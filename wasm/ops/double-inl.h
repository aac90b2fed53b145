// Dot products and sums of float64 rows, for least squares.
#if defined(DEEP_TREE_ECHO_OPS_DOUBLE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_DOUBLE_INL_H_
#undef DEEP_TREE_ECHO_OPS_DOUBLE_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_DOUBLE_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using DoubleVec = hn::Vec<Doubles>;

// The sum of a[i] b[i]: a, b (n).
HWY_INLINE double DotDoubles(const double* a, const double* b, size_t n) {
  const Doubles d;
  const size_t lanes = hn::Lanes(d);
  // Four sums, or each would wait for the one before.
  DoubleVec sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    for (size_t s = 0; s < 4; ++s) {
      const size_t at = i + s * lanes;
      sums[s] = hn::MulAdd(hn::LoadU(d, a + at), hn::LoadU(d, b + at), sums[s]);
    }
  }
  for (; i + lanes <= n; i += lanes) {
    sums[0] = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sums[0]);
  }
  if (i < n) {
    const size_t rest = n - i;
    sums[1] = hn::MulAdd(hn::LoadN(d, a + i, rest), hn::LoadN(d, b + i, rest), sums[1]);
  }
  return hn::ReduceSum(d, hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3])));
}

// y += scale x: x, y (n).
HWY_INLINE void AddScaledDoubles(double scale, const double* x, size_t n, double* y) {
  const Doubles d;
  const size_t lanes = hn::Lanes(d);
  const DoubleVec factor = hn::Set(d, scale);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, y + i);
  }
  if (i < n) {
    const size_t rest = n - i;
    const DoubleVec sum = hn::MulAdd(factor, hn::LoadN(d, x + i, rest), hn::LoadN(d, y + i, rest));
    hn::StoreN(sum, d, y + i, rest);
  }
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
