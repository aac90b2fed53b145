// The right-hand side of a quantised product. A vector is rounded once to 8 bits
// in blocks of 32, by ggml's rule (Q8_0, Q8_1), and then meets every row as
// integers. They are kept as int16, the width in which they are multiplied.
#if defined(DEEP_TREE_ECHO_OPS_QUANTIZE_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_QUANTIZE_ACTIVATION_INL_H_
#undef DEEP_TREE_ECHO_OPS_QUANTIZE_ACTIVATION_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_QUANTIZE_ACTIVATION_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

constexpr size_t kBlock = 32;  // elements of a quantised block

// T vectors of `blocks` blocks in caller's memory.
struct Activations {
  int16_t* q = nullptr;    // (T, blocks, 32), -127 ... 127
  float* scale = nullptr;  // (T, blocks), a value of fp16
  float* sum = nullptr;    // (T, blocks), scale * sum of q, a value of fp16
  size_t blocks = 0;
};

HWY_INLINE float RoundToHalf(float x) { return hwy::F32FromF16(hwy::F16FromF32(x)); }

// x (32) to q (32).
HWY_INLINE void QuantizeBlock(const float* HWY_RESTRICT x, int16_t* HWY_RESTRICT q,
                              float* HWY_RESTRICT scale, float* HWY_RESTRICT sum) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const hn::Rebind<int16_t, Floats> d16;
  const size_t lanes = hn::Lanes(d);
  Vec top = hn::Zero(d);
  for (size_t i = 0; i < kBlock; i += lanes) top = hn::Max(top, hn::Abs(hn::LoadU(d, x + i)));
  const float largest = hn::ReduceMax(d, top);
  // The scale is kept in fp16 but the rounding uses the exact one.
  const Vec inverse = hn::Set(d, largest != 0.0f ? 127.0f / largest : 0.0f);
  auto total = hn::Zero(di);
  for (size_t i = 0; i < kBlock; i += lanes) {
    const auto n = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), inverse));
    total = hn::Add(total, n);
    hn::StoreU(hn::DemoteTo(d16, n), d16, q + i);
  }
  const float step = largest / 127.0f;
  *scale = RoundToHalf(step);
  *sum = RoundToHalf(step * static_cast<float>(hn::ReduceSum(di, total)));
}

// x (T, columns) into `scratch`.
HWY_INLINE Activations QuantizeActivations(const float* x, size_t n_tokens, size_t columns,
                                           uint8_t* scratch) {
  Activations a;
  a.blocks = columns / kBlock;
  const size_t all = n_tokens * a.blocks;
  a.q = reinterpret_cast<int16_t*>(scratch);
  a.scale = reinterpret_cast<float*>(a.q + all * kBlock);
  a.sum = a.scale + all;
  for (size_t b = 0; b < all; ++b) {
    QuantizeBlock(x + b * kBlock, a.q + b * kBlock, a.scale + b, a.sum + b);
  }
  return a;
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
