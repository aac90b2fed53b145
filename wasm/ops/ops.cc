// Compiles every kernel for every SIMD target and picks one at run time.
#include "ops/ops.h"

#include "include/echo.h"

// Arrays of vectors need vectors of a known size.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_ALL_SVE | HWY_RVV | HWY_SSSE3)
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/ops.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// Must come after foreach_target.h.
#include "hwy/highway.h"
#include "ops/activation-inl.h"
#include "ops/matmul-inl.h"
#include "ops/norm-inl.h"
#include "ops/rwkv7-inl.h"
#include "ops/shift-inl.h"
#include "ops/wkv-inl.h"

#if HWY_ONCE
namespace echo::ops {

HWY_EXPORT(MatMulAny);
HWY_EXPORT(NormAll);
HWY_EXPORT(ShiftMixAll);
HWY_EXPORT(ShiftDeltaAll);
HWY_EXPORT(AddDeltaAll);
HWY_EXPORT(AddDeltaLoraAll);
HWY_EXPORT(AddAll);
HWY_EXPORT(MultiplyAll);
HWY_EXPORT(SigmoidAll);
HWY_EXPORT(TanhAll);
HWY_EXPORT(MultiplySiluAll);
HWY_EXPORT(MultiplySigmoidAll);
HWY_EXPORT(SquaredReluAll);
HWY_EXPORT(FlushAll);
HWY_EXPORT(DecayExpExpAll);
HWY_EXPORT(DecaySigmoidAll);
HWY_EXPORT(SigmoidBiasAll);
HWY_EXPORT(MixValueAll);
HWY_EXPORT(Keys7All);
HWY_EXPORT(BonusGate7All);
HWY_EXPORT(Wkv4All);
HWY_EXPORT(Wkv56All);
HWY_EXPORT(Wkv7All);

size_t MatMulScratch(size_t columns, size_t n_tokens) {
  // The widest use is fp16's copy of the vectors as floats; the 8-bit form takes less,
  // but sixteen rows widened to int16, with their scales, 36 bytes a column.
  return columns * (n_tokens + 9) * sizeof(float);
}

void MatMul(const Tensor& matrix, const float* x, size_t n_tokens, float* y, uint8_t* scratch) {
  HWY_DYNAMIC_DISPATCH(MatMulAny)(matrix, x, n_tokens, y, scratch);
}

void LayerNorm(const float* x, const float* weight, const float* bias, size_t rows, size_t n,
               float epsilon, float* y) {
  HWY_DYNAMIC_DISPATCH(NormAll)(x, weight, bias, rows, 1, n, epsilon, y);
}

void GroupNorm(const float* x, const float* weight, const float* bias, size_t rows, size_t groups,
               size_t size, float epsilon, float* y) {
  HWY_DYNAMIC_DISPATCH(NormAll)(x, weight, bias, rows, groups, size, epsilon, y);
}

void ShiftMix(const float* x, const float* mix, size_t n_tokens, size_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(ShiftMixAll)(x, mix, n_tokens, n, out);
}

void ShiftDelta(const float* x, size_t n_tokens, size_t n, float* delta) {
  HWY_DYNAMIC_DISPATCH(ShiftDeltaAll)(x, n_tokens, n, delta);
}

void AddDelta(const float* x, const float* delta, const float* mix, size_t n_tokens, size_t n,
              float* out) {
  HWY_DYNAMIC_DISPATCH(AddDeltaAll)(x, delta, mix, n_tokens, n, out);
}

void AddDeltaLora(const float* x, const float* delta, const float* mix, const float* lora,
                  size_t n_tokens, size_t n, float* out) {
  HWY_DYNAMIC_DISPATCH(AddDeltaLoraAll)(x, delta, mix, lora, n_tokens, n, out);
}

void Add(const float* y, size_t n, float* x) { HWY_DYNAMIC_DISPATCH(AddAll)(y, n, x); }

void Multiply(const float* y, size_t n, float* x) { HWY_DYNAMIC_DISPATCH(MultiplyAll)(y, n, x); }

void Sigmoid(size_t n, float* x) { HWY_DYNAMIC_DISPATCH(SigmoidAll)(n, x); }

void Tanh(size_t n, float* x) { HWY_DYNAMIC_DISPATCH(TanhAll)(n, x); }

void MultiplySilu(const float* y, size_t n, float* x) {
  HWY_DYNAMIC_DISPATCH(MultiplySiluAll)(y, n, x);
}

void MultiplySigmoid(const float* y, size_t n, float* x) {
  HWY_DYNAMIC_DISPATCH(MultiplySigmoidAll)(y, n, x);
}

void SquaredRelu(size_t n, float* x) { HWY_DYNAMIC_DISPATCH(SquaredReluAll)(n, x); }

void FlushTiny(size_t n, float* x) { HWY_DYNAMIC_DISPATCH(FlushAll)(n, x); }

void DecayExpExp(const float* base, size_t n_tokens, size_t n, float* x) {
  HWY_DYNAMIC_DISPATCH(DecayExpExpAll)(base, n_tokens, n, x);
}

void DecaySigmoid(const float* base, size_t n_tokens, size_t n, float* x) {
  HWY_DYNAMIC_DISPATCH(DecaySigmoidAll)(base, n_tokens, n, x);
}

void SigmoidBias(const float* base, size_t n_tokens, size_t n, float* x) {
  HWY_DYNAMIC_DISPATCH(SigmoidBiasAll)(base, n_tokens, n, x);
}

void MixValue(const float* first, const float* base, const float* gate, size_t n_tokens, size_t n,
              float* v) {
  HWY_DYNAMIC_DISPATCH(MixValueAll)(first, base, gate, n_tokens, n, v);
}

void Keys7(const float* k_k, const float* k_a, size_t n_tokens, size_t heads, size_t size, float* k,
           float* a, float* removal) {
  HWY_DYNAMIC_DISPATCH(Keys7All)(k_k, k_a, n_tokens, heads, size, k, a, removal);
}

void BonusGate7(const float* r, const float* k, const float* v, const float* r_k, const float* g,
                size_t n_tokens, size_t heads, size_t size, float* x) {
  HWY_DYNAMIC_DISPATCH(BonusGate7All)(r, k, v, r_k, g, n_tokens, heads, size, x);
}

void Wkv4(const float* first, const float* decay, const float* k, const float* v, size_t n_tokens,
          size_t n, float* aa, float* bb, float* pp, float* out) {
  HWY_DYNAMIC_DISPATCH(Wkv4All)(first, decay, k, v, n_tokens, n, aa, bb, pp, out);
}

void Wkv56(const float* r, const float* k, const float* v, const float* first, const float* decay,
           size_t decay_stride, size_t n_tokens, size_t heads, size_t size, float* state,
           float* out) {
  HWY_DYNAMIC_DISPATCH(Wkv56All)
  (r, k, v, first, decay, decay_stride, n_tokens, heads, size, state, out);
}

void Wkv7(const float* r, const float* w, const float* k, const float* v, const float* removal,
          const float* replacement, size_t n_tokens, size_t heads, size_t size, const float* from,
          float* to, float* out) {
  HWY_DYNAMIC_DISPATCH(Wkv7All)
  (r, w, k, v, removal, replacement, n_tokens, heads, size, from, to, out);
}

}  // namespace echo::ops
#endif  // HWY_ONCE
