// The element-wise chains that only RWKV 6 and 7 have: data-dependent decays,
// learning rates, keys and the bonus.
#if defined(DEEP_TREE_ECHO_OPS_RWKV7_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_RWKV7_INL_H_
#undef DEEP_TREE_ECHO_OPS_RWKV7_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_RWKV7_INL_H_
#endif

#include <algorithm>
#include <cmath>

#include "ops/activation-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// Calls body(i, io, t * n + i) for every vector of T rows of n.
template <class Body>
HWY_INLINE void EachRow(size_t n_tokens, size_t n, const Body& body) {
  for (size_t t = 0; t < n_tokens; ++t) {
    Each(n, [&](size_t i, auto io) HWY_ATTR { body(i, io, t * n + i); });
  }
}

inline void DecayExpExpAll(const float* HWY_RESTRICT base, size_t n_tokens, size_t n,
                           float* HWY_RESTRICT x) {
  EachRow(n_tokens, n, [&](size_t i, auto io, size_t j) HWY_ATTR {
    const Vec rate = Exp(hn::Add(io.Load(base + i), io.Load(x + j)));
    io.Store(Flush(Exp(hn::Neg(rate))), x + j);
  });
}

inline void DecaySigmoidAll(const float* HWY_RESTRICT base, size_t n_tokens, size_t n,
                            float* HWY_RESTRICT x) {
  const Vec factor = hn::Set(Floats(), -0.606531f);  // -exp(-1/2), with the author's digits
  EachRow(n_tokens, n, [&](size_t i, auto io, size_t j) HWY_ATTR {
    const Vec s = SigmoidOf(hn::Add(io.Load(base + i), io.Load(x + j)));
    io.Store(Exp(hn::Mul(factor, s)), x + j);
  });
}

inline void SigmoidBiasAll(const float* HWY_RESTRICT base, size_t n_tokens, size_t n,
                           float* HWY_RESTRICT x) {
  EachRow(n_tokens, n, [&](size_t i, auto io, size_t j) HWY_ATTR {
    io.Store(SigmoidOf(hn::Add(io.Load(base + i), io.Load(x + j))), x + j);
  });
}

inline void MixValueAll(const float* HWY_RESTRICT first, const float* HWY_RESTRICT base,
                        const float* HWY_RESTRICT gate, size_t n_tokens, size_t n,
                        float* HWY_RESTRICT v) {
  EachRow(n_tokens, n, [&](size_t i, auto io, size_t j) HWY_ATTR {
    const Vec s = SigmoidOf(hn::Add(io.Load(base + i), io.Load(gate + j)));
    const Vec own = io.Load(v + j);
    io.Store(hn::MulAdd(hn::Sub(io.Load(first + j), own), s, own), v + j);
  });
}

inline void Keys7All(const float* HWY_RESTRICT k_k, const float* HWY_RESTRICT k_a, size_t n_tokens,
                     size_t heads, size_t size, float* HWY_RESTRICT k, float* HWY_RESTRICT a,
                     float* HWY_RESTRICT removal) {
  const Floats d;
  for (size_t head = 0; head < n_tokens * heads; ++head) {
    const size_t offset = (head % heads) * size;
    Vec squares = hn::Zero(d);
    Each(size, [&](size_t i, auto io) HWY_ATTR {
      const Vec kk = hn::Mul(io.Load(k + i), io.Load(k_k + offset + i));
      squares = hn::MulAdd(kk, kk, squares);
      io.Store(kk, removal + i);
    });
    const float length = std::sqrt(hn::ReduceSum(d, squares));
    const Vec scale = hn::Set(d, 1.0f / std::max(length, 1e-12f));
    Each(size, [&](size_t i, auto io) HWY_ATTR {
      const Vec rate = io.Load(a + i);
      const Vec kk = hn::Mul(io.Load(removal + i), scale);
      const Vec ka = hn::Mul(io.Load(k + i), io.Load(k_a + offset + i));
      io.Store(hn::Add(io.Load(k + i), hn::MulSub(rate, ka, ka)), k + i);
      io.Store(hn::Mul(kk, rate), a + i);
      io.Store(hn::Neg(kk), removal + i);
    });
    k += size;
    a += size;
    removal += size;
  }
}

inline void BonusGate7All(const float* HWY_RESTRICT r, const float* HWY_RESTRICT k,
                          const float* HWY_RESTRICT v, const float* HWY_RESTRICT r_k,
                          const float* HWY_RESTRICT g, size_t n_tokens, size_t heads, size_t size,
                          float* HWY_RESTRICT x) {
  const Floats d;
  for (size_t head = 0; head < n_tokens * heads; ++head) {
    const size_t offset = (head % heads) * size;
    const size_t at = head * size;
    Vec sum = hn::Zero(d);
    Each(size, [&](size_t i, auto io) HWY_ATTR {
      const Vec kr = hn::Mul(io.Load(k + at + i), io.Load(r + at + i));
      sum = hn::MulAdd(kr, io.Load(r_k + offset + i), sum);
    });
    const Vec bonus = hn::Set(d, hn::ReduceSum(d, sum));
    Each(size, [&](size_t i, auto io) HWY_ATTR {
      const Vec y = hn::MulAdd(io.Load(v + at + i), bonus, io.Load(x + at + i));
      io.Store(hn::Mul(y, io.Load(g + at + i)), x + at + i);
    });
  }
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
