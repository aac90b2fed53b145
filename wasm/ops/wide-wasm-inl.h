// Four interleaved rows times several vectors: their codes are widened to int16
// once, and every vector meets them in that form. The inner loop is short on
// purpose: engines keep what is in it in registers, and spill in a longer one.
#if defined(DEEP_TREE_ECHO_OPS_WIDE_WASM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_WIDE_WASM_INL_H_
#undef DEEP_TREE_ECHO_OPS_WIDE_WASM_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_WIDE_WASM_INL_H_
#endif

#include <wasm_simd128.h>

#include <cstddef>
#include <cstdint>

#include "ops/codes-wasm-inl.h"
#include "ops/quantize-activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

constexpr size_t kTileTokens = 4;
constexpr size_t kQuarter = 4;  // columns of two rows that fill a vector

// A group in the caller's memory.
struct Wide {
  int16_t* codes = nullptr;  // (blocks, 8, 4, 4): quarter of a chunk, row, column
  float* steps = nullptr;    // (blocks, 4)
  float* minima = nullptr;   // (blocks, 4)
};

// Two quarters of a chunk: the first four columns of all rows, then the others.
HWY_INLINE void StoreChunk(v128_t a, v128_t b, v128_t c, v128_t d, int16_t* to) {
  wasm_v128_store(to, wasm_i64x2_shuffle(a, b, 0, 2));
  wasm_v128_store(to + 8, wasm_i64x2_shuffle(c, d, 0, 2));
  wasm_v128_store(to + 16, wasm_i64x2_shuffle(a, b, 1, 3));
  wasm_v128_store(to + 24, wasm_i64x2_shuffle(c, d, 1, 3));
}

template <class Type>
HWY_INLINE void Widen(const uint8_t* group, size_t blocks, const Wide& wide) {
  for (size_t b = 0; b < blocks; ++b, group += Type::kBytes) {
    const Chunks row0 = Type::template LoadPlain<0>(group);
    const Chunks row1 = Type::template LoadPlain<1>(group);
    const Chunks row2 = Type::template LoadPlain<2>(group);
    const Chunks row3 = Type::template LoadPlain<3>(group);
    for (size_t c = 0; c < kChunks; ++c) {
      StoreChunk(row0.chunk[c], row1.chunk[c], row2.chunk[c], row3.chunk[c],
                 wide.codes + (b * kBlock + c * kChunk) * 4);
    }
    wasm_v128_store(wide.steps + b * 4, FourHalves(group));
    if constexpr (Type::kMinimum) wasm_v128_store(wide.minima + b * 4, FourHalves(group + 8));
  }
}

// y (kTokens, 4) = the rows times the vectors from `token` on, with the roundings
// of Tile.
template <bool kMinimum, size_t kTokens>
HWY_INLINE void WideTile(const Wide& wide, const Activations& x, size_t token, float* y) {
  const size_t at = token * x.blocks;
  v128_t total[kTokens];
  for (size_t t = 0; t < kTokens; ++t) total[t] = wasm_f32x4_const(0, 0, 0, 0);
  for (size_t b = 0; b < x.blocks; ++b) {
    const int16_t* w = wide.codes + b * kBlock * 4;
    const int16_t* q = x.q + (at + b) * kBlock;
    v128_t low[kTokens];   // rows 0 and 1, two sums each
    v128_t high[kTokens];  // rows 2 and 3
    for (size_t t = 0; t < kTokens; ++t) low[t] = high[t] = wasm_i32x4_const(0, 0, 0, 0);
#pragma clang loop unroll(disable)
    for (size_t c = 0; c < kBlock / kQuarter; ++c) {
      const v128_t w0 = wasm_v128_load(w + c * 16);
      const v128_t w1 = wasm_v128_load(w + c * 16 + 8);
      for (size_t t = 0; t < kTokens; ++t) {
        const v128_t quarter = wasm_v128_load64_splat(q + t * x.blocks * kBlock + c * kQuarter);
        low[t] = wasm_i32x4_add(low[t], wasm_i32x4_dot_i16x8(w0, quarter));
        high[t] = wasm_i32x4_add(high[t], wasm_i32x4_dot_i16x8(w1, quarter));
      }
    }
    const v128_t steps = wasm_v128_load(wide.steps + b * 4);
    for (size_t t = 0; t < kTokens; ++t) {
      const size_t block = at + t * x.blocks + b;
      const v128_t dot = wasm_i32x4_add(wasm_i32x4_shuffle(low[t], high[t], 0, 2, 4, 6),
                                        wasm_i32x4_shuffle(low[t], high[t], 1, 3, 5, 7));
      const v128_t whole = wasm_i32x4_add(dot, wasm_v128_load32_splat(x.offset + block * 4));
      const v128_t step = wasm_f32x4_mul(steps, wasm_v128_load32_splat(x.scale + block));
      total[t] = MultiplyAdd(wasm_f32x4_convert_i32x4(whole), step, total[t]);
      if constexpr (kMinimum) {
        const v128_t minimum = wasm_v128_load(wide.minima + b * 4);
        total[t] = MultiplyAdd(minimum, wasm_v128_load32_splat(x.sum + block), total[t]);
      }
    }
  }
  for (size_t t = 0; t < kTokens; ++t) wasm_v128_store(y + t * 4, total[t]);
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
