// Token shift: every mix of a token's input with the one before it.
#if defined(DEEP_TREE_ECHO_OPS_SHIFT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_SHIFT_INL_H_
#undef DEEP_TREE_ECHO_OPS_SHIFT_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_SHIFT_INL_H_
#endif

#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// x (T + 1, n) with the previous input in row 0, mix (n), out (T, n).
inline void ShiftMixAll(const float* HWY_RESTRICT x, const float* HWY_RESTRICT mix, size_t n_tokens,
                        size_t n, float* HWY_RESTRICT out) {
  for (size_t t = 0; t < n_tokens; ++t, x += n, out += n) {
    Each(n, [&](size_t i, auto io) HWY_ATTR {
      const Vec previous = io.Load(x + i);
      const Vec m = io.Load(mix + i);
      const Vec rest = hn::NegMulAdd(previous, m, previous);
      io.Store(hn::MulAdd(io.Load(x + n + i), m, rest), out + i);
    });
  }
}

// x (T + 1, n), delta (T, n).
inline void ShiftDeltaAll(const float* HWY_RESTRICT x, size_t n_tokens, size_t n,
                          float* HWY_RESTRICT delta) {
  Each(n_tokens * n, [&](size_t i, auto io) HWY_ATTR {
    io.Store(hn::Sub(io.Load(x + i), io.Load(x + n + i)), delta + i);
  });
}

// x, delta, out (T, n), mix (n).
inline void AddDeltaAll(const float* HWY_RESTRICT x, const float* HWY_RESTRICT delta,
                        const float* HWY_RESTRICT mix, size_t n_tokens, size_t n,
                        float* HWY_RESTRICT out) {
  for (size_t t = 0; t < n_tokens; ++t, x += n, delta += n, out += n) {
    Each(n, [&](size_t i, auto io) HWY_ATTR {
      io.Store(hn::MulAdd(io.Load(delta + i), io.Load(mix + i), io.Load(x + i)), out + i);
    });
  }
}

// x, delta, lora, out (T, n), mix (n).
inline void AddDeltaLoraAll(const float* x, const float* delta, const float* mix, const float* lora,
                            size_t n_tokens, size_t n, float* out) {
  for (size_t t = 0; t < n_tokens; ++t, x += n, delta += n, lora += n, out += n) {
    Each(n, [&](size_t i, auto io) HWY_ATTR {
      const Vec m = hn::Add(io.Load(mix + i), io.Load(lora + i));
      io.Store(hn::MulAdd(io.Load(delta + i), m, io.Load(x + i)), out + i);
    });
  }
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
