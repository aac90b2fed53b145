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

#include "formats/tensor.h"
#include "include/echo.h"
#include "ops/half-inl.h"
#include "ops/round-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

constexpr size_t kBlock = 32;  // elements of a quantised block
constexpr size_t kPair = 2;    // columns of Q8_0 that lie together
constexpr size_t kOctet = 8;   // columns of the other types that do
constexpr size_t kPairs = kBlock / kPair;
constexpr size_t kOctets = kBlock / kOctet;

// Relaxed SIMD multiplies bytes of up to 7 bits, so codes of 4 and 5 bits stay bytes.
#ifdef __wasm_relaxed_simd__
#define ECHO_RELAXED 1
#else
#define ECHO_RELAXED 0
#endif

// How a type wants the 32 numbers of a block.
enum class Order {
  kPlain,
  // The pairs of each octet multiplied by 256, 1, 16 and 256: the codes of Q4_0 and
  // Q4_1 are not shifted down after masking, but lie 0, 8, 4 and (shifted) 0 bits
  // high, so that every product comes out 256 times too large. The sums stay below
  // 2^24, where floats are exact.
  kMasks,
  // 32 int8 at the start of the 32 int16, in the order of the codes in their bytes:
  // of every four the second and the third change places.
  kBytes,
};

// T vectors of `blocks` blocks in caller's memory.
struct Activations {
  int16_t* q = nullptr;       // (T, blocks, 32), -127 ... 127, see Order
  int32_t* offset = nullptr;  // (T, blocks), what the codes' middle takes off
  float* scale = nullptr;     // (T, blocks), a value of fp16 times a power of two
  float* sum = nullptr;       // (T, blocks), scale * sum of q, likewise
  size_t blocks = 0;
};

// Bytes of an element in all of them.
constexpr float kActivationBytes = 2.0f + (4 + 4 + 4) / 32.0f;
static_assert(kActivationBytes <= sizeof(float), "MatMulScratch counts floats");

// Whether the codes are widened first, so that all types meet plain numbers.
HWY_INLINE bool Widens(size_t n_tokens) { return HWY_TARGET == HWY_WASM && n_tokens > 1; }

// How a type wants its right-hand side.
struct ActivationRule {
  Order order;
  int32_t middle;    // code that stands for zero, times the factor above
  float scale_unit;  // factor of every scale ...
  float sum_unit;    // ... and of every sum
  bool sums;         // whether the sums are asked for
};

HWY_INLINE ActivationRule RuleOf(const Tensor& w, size_t n_tokens) {
  const float unit = HalfUnit(w.raised);
  const bool sums = w.type != ECHO_Q8_0;
  const int32_t middle = w.type == ECHO_Q4_0 ? 8 : w.type == ECHO_Q5_0 ? 16 : 0;
  if (Widens(n_tokens)) return {Order::kPlain, middle, unit, unit, sums};
  if (w.type == ECHO_Q8_0) return {Order::kPlain, middle, unit, unit, sums};
  if (HWY_TARGET != HWY_WASM || ECHO_RELAXED) return {Order::kBytes, middle, unit, unit, sums};
  if (w.type == ECHO_Q4_0 || w.type == ECHO_Q4_1) {
    return {Order::kMasks, middle * 256, unit / 256, unit, sums};
  }
  return {Order::kPlain, middle, unit, unit, sums};
}

using OctetTag = hn::FixedTag<int16_t, kOctet>;

// q (32) as Order::kMasks has it.
HWY_INLINE void Mask(int16_t* HWY_RESTRICT q) {
  const OctetTag d;
  alignas(16) static constexpr int16_t kFactors[kOctet] = {256, 256, 1, 1, 16, 16, 256, 256};
  const auto factors = hn::Load(d, kFactors);
  for (size_t i = 0; i < kBlock; i += kOctet) {
    hn::StoreU(hn::Mul(hn::LoadU(d, q + i), factors), d, q + i);
  }
}

// q (32) as Order::kBytes has it.
HWY_INLINE void Narrow(int16_t* q) {
  const OctetTag d;
  const hn::FixedTag<int8_t, 2 * kOctet> d8;
  alignas(16) static constexpr int8_t kPlaces[2 * kOctet] = {0, 2,  1, 3,  4,  6,  5,  7,
                                                             8, 10, 9, 11, 12, 14, 13, 15};
  const auto places = hn::Load(d8, kPlaces);
  int8_t* bytes = reinterpret_cast<int8_t*>(q);
  for (size_t i = 0; i < kBlock; i += 2 * kOctet) {
    const auto two = hn::OrderedDemote2To(d8, hn::LoadU(d, q + i), hn::LoadU(d, q + i + kOctet));
    hn::StoreU(hn::TableLookupBytes(two, places), d8, bytes + i);
  }
}

// x (32) to block b of `a`, whose scale and sum are neither rounded yet nor have
// their units.
HWY_INLINE void QuantizeBlock(const float* HWY_RESTRICT x, const ActivationRule& rule, size_t b,
                              const Activations& a) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const hn::Rebind<int16_t, Floats> d16;
  const size_t lanes = hn::Lanes(d);
  int16_t* HWY_RESTRICT q = a.q + b * kBlock;
  Vec top = hn::Zero(d);
  for (size_t i = 0; i < kBlock; i += lanes) top = hn::Max(top, hn::Abs(hn::LoadU(d, x + i)));
  const float largest = hn::ReduceMax(d, top);
  // The scale is kept in fp16 but the rounding uses the exact one.
  const Vec inverse = hn::Set(d, largest != 0.0f ? 127.0f / largest : 0.0f);
  auto total = hn::Zero(di);
  for (size_t i = 0; i < kBlock; i += lanes) {
    const IntVec n = Nearest(hn::Mul(hn::LoadU(d, x + i), inverse));
    total = hn::Add(total, n);
    hn::StoreU(hn::DemoteTo(d16, n), d16, q + i);
  }
  if (rule.order == Order::kMasks) {
    Mask(q);
  } else if (rule.order == Order::kBytes) {
    Narrow(q);
  }
  const int32_t sum = rule.sums ? hn::ReduceSum(di, total) : 0;
  const float step = largest / 127.0f;
  // With activations that are not finite the sum is any number: the product wraps.
  const uint32_t offset = 0U - static_cast<uint32_t>(rule.middle) * static_cast<uint32_t>(sum);
  a.offset[b] = static_cast<int32_t>(offset);
  a.scale[b] = step;
  a.sum[b] = step * static_cast<float>(sum);
}

// x (T, columns) into `scratch`, as `w` wants it.
HWY_INLINE Activations QuantizeActivations(const Tensor& w, const float* x, size_t n_tokens,
                                           uint8_t* scratch) {
  Activations a;
  a.blocks = w.columns / kBlock;
  const size_t all = n_tokens * a.blocks;
  a.q = reinterpret_cast<int16_t*>(scratch);
  a.offset = reinterpret_cast<int32_t*>(a.q + all * kBlock);
  a.scale = reinterpret_cast<float*>(a.offset + all);
  a.sum = a.scale + all;
  const ActivationRule rule = RuleOf(w, n_tokens);
  for (size_t b = 0; b < all; ++b) QuantizeBlock(x + b * kBlock, rule, b, a);
  RoundToHalves(a.scale, all, rule.scale_unit, a.scale);
  if (rule.sums) RoundToHalves(a.sum, all, rule.sum_unit, a.sum);
  return a;
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
