// Compiles what adaptation needs for every SIMD target and picks one at run time.
#include "ops/expectation.h"

#include <cmath>

// Arrays of vectors need vectors of a known size.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_ALL_SVE | HWY_RVV | HWY_SSSE3)
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/expectation.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// Must come after foreach_target.h.
#include "hwy/highway.h"
#include "ops/expectation-inl.h"

#if HWY_ONCE
namespace echo::ops {

HWY_EXPORT(LargestOf);
HWY_EXPORT(SumOfExponentials);
HWY_EXPORT(ProductsOf);
HWY_EXPORT(ScaledExponentials);

float Largest(const float* x, size_t n) { return HWY_DYNAMIC_DISPATCH(LargestOf)(x, n); }

double SumExponentials(const float* x, size_t n, float top) {
  return HWY_DYNAMIC_DISPATCH(SumOfExponentials)(x, n, top);
}

void Products(const float* matrix, size_t n, size_t width, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(ProductsOf)(matrix, n, width, x, y);
}

void Exponentials(const float* x, size_t n, float scale, float top, float* y) {
  HWY_DYNAMIC_DISPATCH(ScaledExponentials)(x, n, scale, top, y);
}

}  // namespace echo::ops
#endif  // HWY_ONCE
