// Loops over float arrays of any length: whole vectors first, then one partial
// vector, so that no array needs padding.
#if defined(DEEP_TREE_ECHO_OPS_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_VECTOR_INL_H_
#undef DEEP_TREE_ECHO_OPS_VECTOR_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_VECTOR_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vec = hn::Vec<Floats>;

// How a loop body reads and writes a whole vector ...
struct Whole {
  HWY_INLINE Vec Load(const float* p) const { return hn::LoadU(Floats(), p); }
  HWY_INLINE void Store(Vec v, float* p) const { hn::StoreU(v, Floats(), p); }
};

// ... and the `n` last elements; lanes past them read as 0.
struct Partial {
  size_t n;
  HWY_INLINE Vec Load(const float* p) const { return hn::LoadN(Floats(), p, n); }
  HWY_INLINE void Store(Vec v, float* p) const { hn::StoreN(v, Floats(), p, n); }
};

// Calls body(i, io) for every vector that starts at element i of n.
template <class Body>
HWY_INLINE void Each(size_t n, const Body& body) {
  const size_t lanes = hn::Lanes(Floats());
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) body(i, Whole());
  if (i < n) body(i, Partial{n - i});
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
