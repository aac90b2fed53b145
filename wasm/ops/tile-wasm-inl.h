// Four interleaved rows times one vector: codes are multiplied as they come out of
// the masks.
#if defined(DEEP_TREE_ECHO_OPS_TILE_WASM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_TILE_WASM_INL_H_
#undef DEEP_TREE_ECHO_OPS_TILE_WASM_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_TILE_WASM_INL_H_
#endif

#include <wasm_simd128.h>

#include <cstddef>
#include <cstdint>

#include "ops/codes-wasm-inl.h"
#include "ops/quantize-activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// A block's sums of one row, still in four lanes.
HWY_INLINE v128_t Dot(const Chunks& w, const int16_t* q) {
  const v128_t a = wasm_i32x4_dot_i16x8(w.chunk[0], wasm_v128_load(q));
  const v128_t b = wasm_i32x4_dot_i16x8(w.chunk[1], wasm_v128_load(q + kChunk));
  const v128_t c = wasm_i32x4_dot_i16x8(w.chunk[2], wasm_v128_load(q + 2 * kChunk));
  const v128_t d = wasm_i32x4_dot_i16x8(w.chunk[3], wasm_v128_load(q + 3 * kChunk));
  return wasm_i32x4_add(wasm_i32x4_add(a, b), wasm_i32x4_add(c, d));
}

#if ECHO_RELAXED
HWY_INLINE v128_t Dot(const Bytes& w, const int16_t* q) {
  const v128_t even = wasm_i16x8_relaxed_dot_i8x16_i7x16(wasm_v128_load(q), w.even);
  const v128_t odd = wasm_i16x8_relaxed_dot_i8x16_i7x16(wasm_v128_load(q + kChunk), w.odd);
  return wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_add(even, odd));
}
#endif

// The four lanes of each row added up, rows in lanes.
HWY_INLINE v128_t AddLanes(v128_t a, v128_t b, v128_t c, v128_t d) {
  const v128_t ab =
      wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), wasm_i32x4_shuffle(a, b, 2, 6, 3, 7));
  const v128_t cd =
      wasm_i32x4_add(wasm_i32x4_shuffle(c, d, 0, 4, 1, 5), wasm_i32x4_shuffle(c, d, 2, 6, 3, 7));
  return wasm_i32x4_add(wasm_i32x4_shuffle(ab, cd, 0, 1, 4, 5),
                        wasm_i32x4_shuffle(ab, cd, 2, 3, 6, 7));
}

// y (4) = the rows of `group` times the vector.
template <class Type>
HWY_INLINE void Tile(const uint8_t* group, const Activations& x, float* y) {
  v128_t total = wasm_f32x4_const(0, 0, 0, 0);
  for (size_t b = 0; b < x.blocks; ++b, group += Type::kBytes) {
    const int16_t* q = x.q + b * kBlock;
    const v128_t dot =
        AddLanes(Dot(Type::template Load<0>(group), q), Dot(Type::template Load<1>(group), q),
                 Dot(Type::template Load<2>(group), q), Dot(Type::template Load<3>(group), q));
    const v128_t whole = wasm_i32x4_add(dot, wasm_v128_load32_splat(x.offset + b * 4));
    const v128_t step = wasm_f32x4_mul(FourHalves(group), wasm_v128_load32_splat(x.scale + b));
    total = MultiplyAdd(wasm_f32x4_convert_i32x4(whole), step, total);
    if constexpr (Type::kMinimum) {
      total = MultiplyAdd(FourHalves(group + 8), wasm_v128_load32_splat(x.sum + b), total);
    }
  }
  wasm_v128_store(y, total);
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
