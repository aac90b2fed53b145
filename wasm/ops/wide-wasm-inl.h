// Sixteen interleaved rows times several vectors: their codes are widened to int16
// once, and every vector meets them in that form. The inner loop is short on
// purpose, see tile-wasm-inl.h.
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
constexpr size_t kTileRows = 8;

// A group in the caller's memory.
struct Wide {
  int16_t* codes = nullptr;  // (blocks, 16 pairs, 16 rows, 2)
  float* steps = nullptr;    // (blocks, 16)
  float* minima = nullptr;   // (blocks, 16)
};

HWY_INLINE void WidenCodes(const Q8_0&, const uint8_t* block, int16_t* codes) {
  for (size_t pair = 0; pair < kPairs; ++pair) {
    for (size_t quad = 0; quad < kQuads; ++quad) {
      wasm_v128_store(codes + (pair * kQuads + quad) * 8, Q8_0::Load(block, pair, quad));
    }
  }
}

template <class Type, uint32_t kQuad>
HWY_INLINE void WidenQuad(const uint8_t* block, size_t octet, v128_t fifth, int16_t* codes) {
  const Pairs pairs = Widened(Type::template Load<kQuad>(block, octet, fifth));
  for (size_t i = 0; i < 4; ++i) {
    wasm_v128_store(codes + ((octet * 4 + i) * kQuads + kQuad) * 8, pairs.pair[i]);
  }
}

template <class Type>
HWY_INLINE void WidenCodes(const Type&, const uint8_t* block, int16_t* codes) {
  for (size_t octet = 0; octet < kOctets; ++octet) {
    const v128_t fifth = Type::Fifth(block, octet);
    WidenQuad<Type, 0>(block, octet, fifth, codes);
    WidenQuad<Type, 1>(block, octet, fifth, codes);
    WidenQuad<Type, 2>(block, octet, fifth, codes);
    WidenQuad<Type, 3>(block, octet, fifth, codes);
  }
}

template <class Type>
HWY_INLINE void Widen(const uint8_t* group, size_t blocks, const Wide& wide) {
  for (size_t b = 0; b < blocks; ++b, group += Type::kBytes) {
    WidenCodes(Type(), group, wide.codes + b * kBlock * kGroupRows);
    for (size_t j = 0; j < kQuads; ++j) {
      wasm_v128_store(wide.steps + b * kGroupRows + j * 4, FourHalves(group + j * 8));
      if constexpr (Type::kMinimum) {
        wasm_v128_store(wide.minima + b * kGroupRows + j * 4,
                        FourHalves(group + 2 * kGroupRows + j * 8));
      }
    }
  }
}

// y (kTokens, 16), from `row` on = eight of the rows times the vectors from `token`
// on, with the roundings of Tile.
template <bool kMinimum, size_t kTokens>
HWY_INLINE void WideTile(const Wide& wide, const Activations& x, size_t row, size_t token,
                         float* y) {
  const size_t at = token * x.blocks;
  for (size_t t = 0; t < kTokens; ++t) {
    wasm_v128_store(y + t * kGroupRows + row, wasm_f32x4_const(0, 0, 0, 0));
    wasm_v128_store(y + t * kGroupRows + row + 4, wasm_f32x4_const(0, 0, 0, 0));
  }
  for (size_t b = 0; b < x.blocks; ++b) {
    const int16_t* w = wide.codes + b * kBlock * kGroupRows + row * kPair;
    const int16_t* q = x.q + (at + b) * kBlock;
    v128_t low[kTokens];
    v128_t high[kTokens];
    for (size_t t = 0; t < kTokens; ++t) {
      low[t] = high[t] = wasm_v128_load32_splat(x.offset + at + t * x.blocks + b);
    }
#pragma clang loop unroll(disable)
    for (size_t pair = 0; pair < kPairs; ++pair) {
      const v128_t w0 = wasm_v128_load(w + pair * kGroupRows * kPair);
      const v128_t w1 = wasm_v128_load(w + pair * kGroupRows * kPair + 8);
      for (size_t t = 0; t < kTokens; ++t) {
        const v128_t two = wasm_v128_load32_splat(q + t * x.blocks * kBlock + pair * kPair);
        low[t] = wasm_i32x4_add(low[t], wasm_i32x4_dot_i16x8(w0, two));
        high[t] = wasm_i32x4_add(high[t], wasm_i32x4_dot_i16x8(w1, two));
      }
    }
    const auto add = [&](const v128_t& sums, size_t block, size_t first, float* to) HWY_ATTR {
      const v128_t scale = wasm_v128_load32_splat(x.scale + block);
      const v128_t step =
          wasm_f32x4_mul(wasm_v128_load(wide.steps + b * kGroupRows + first), scale);
      v128_t total = MultiplyAdd(wasm_f32x4_convert_i32x4(sums), step, wasm_v128_load(to));
      if constexpr (kMinimum) {
        const v128_t minima = wasm_v128_load(wide.minima + b * kGroupRows + first);
        total = MultiplyAdd(minima, wasm_v128_load32_splat(x.sum + block), total);
      }
      wasm_v128_store(to, total);
    };
    for (size_t t = 0; t < kTokens; ++t) {
      const size_t block = at + t * x.blocks + b;
      add(low[t], block, row, y + t * kGroupRows + row);
      add(high[t], block, row + 4, y + t * kGroupRows + row + 4);
    }
  }
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
