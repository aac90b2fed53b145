// Layer norm and group norm: the mean first, then the variance of the centred
// numbers, which is stable for any offset.
#if defined(DEEP_TREE_ECHO_OPS_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_NORM_INL_H_
#undef DEEP_TREE_ECHO_OPS_NORM_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_NORM_INL_H_
#endif

#include <cmath>

#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// One group: x, weight, bias, y (n).
HWY_INLINE void NormGroup(const float* x, const float* weight, const float* bias, size_t n,
                          float epsilon, float* y) {
  const Floats d;
  Vec sum = hn::Zero(d);
  Each(n, [&](size_t i, auto io) HWY_ATTR { sum = hn::Add(sum, io.Load(x + i)); });
  const float count = static_cast<float>(n);
  const Vec mean = hn::Set(d, hn::ReduceSum(d, sum) / count);

  // The lanes past the end of a partial vector would add mean^2 each, so the
  // last vector is stored centred and read back with zeros there.
  Vec squares = hn::Zero(d);
  Each(n, [&](size_t i, auto io) HWY_ATTR {
    io.Store(hn::Sub(io.Load(x + i), mean), y + i);
    const Vec centred = io.Load(y + i);
    squares = hn::MulAdd(centred, centred, squares);
  });
  const float variance = hn::ReduceSum(d, squares) / count;
  const Vec scale = hn::Set(d, 1.0f / std::sqrt(variance + epsilon));
  Each(n, [&](size_t i, auto io) HWY_ATTR {
    const Vec unit = hn::Mul(io.Load(y + i), scale);
    io.Store(hn::Add(hn::Mul(unit, io.Load(weight + i)), io.Load(bias + i)), y + i);
  });
}

// x, y (rows, groups, size), weight, bias (groups, size).
inline void NormAll(const float* x, const float* weight, const float* bias, size_t rows,
                    size_t groups, size_t size, float epsilon, float* y) {
  for (size_t row = 0; row < rows; ++row) {
    for (size_t group = 0; group < groups; ++group) {
      const size_t offset = group * size;
      NormGroup(x + offset, weight + offset, bias + offset, size, epsilon, y + offset);
    }
    x += groups * size;
    y += groups * size;
  }
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
