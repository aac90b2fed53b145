// Four interleaved rows times some vectors, in WebAssembly's own instructions: one
// of them loads eight codes and widens them, for which Highway takes two.
#if defined(DEEP_TREE_ECHO_OPS_TILE_WASM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_TILE_WASM_INL_H_
#undef DEEP_TREE_ECHO_OPS_TILE_WASM_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_TILE_WASM_INL_H_
#endif

#include <wasm_simd128.h>

#include <cstddef>
#include <cstdint>

#include "ops/quantize-activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

constexpr size_t kTileTokens = 2;

// Codes of a row by chunks of eight columns, as int16; in the form of Q4_0 and Q4_1
// chunks 1 and 2 are 16 and 256 times too large, see Order.
struct Chunks {
  v128_t chunk[kChunks];
};

// Codes of a row as bytes: chunks 0 and 2 by turns, 1 and 3 by turns.
struct Bytes {
  v128_t even;
  v128_t odd;
};

HWY_INLINE Bytes NibblesAsBytes(const uint8_t* p) {
  const v128_t low = wasm_i16x8_splat(0x0F0F);
  const v128_t all = wasm_v128_load(p);
  return {wasm_v128_and(all, low), wasm_v128_and(wasm_u16x8_shr(all, 4), low)};
}

template <uint32_t kRow>
HWY_INLINE Bytes FivesAsBytes(v128_t fifth, const uint8_t* p) {
  const v128_t high = wasm_i16x8_splat(0x1010);
  const Bytes four = NibblesAsBytes(p);
  return {wasm_v128_or(four.even, wasm_v128_and(wasm_u16x8_shr(fifth, kRow), high)),
          wasm_v128_or(four.odd, wasm_v128_and(wasm_i16x8_shl(fifth, 4 - kRow), high))};
}

#if ECHO_RELAXED

// Below 32, so that no product of a pair leaves int16 and the top bit, whose
// meaning is left to the machine, is never set.
HWY_INLINE Bytes NibblesOfRow(const uint8_t* p) { return NibblesAsBytes(p); }

template <uint32_t kRow>
HWY_INLINE Bytes FivesOfRow(v128_t fifth, const uint8_t* p) {
  return FivesAsBytes<kRow>(fifth, p);
}

#else

HWY_INLINE Chunks NibblesOfRow(const uint8_t* p) {
  const v128_t all = wasm_v128_load(p);
  return {{wasm_v128_and(all, wasm_i16x8_splat(0x000F)),
           wasm_v128_and(all, wasm_i16x8_splat(0x00F0)),
           wasm_v128_and(all, wasm_i16x8_splat(0x0F00)), wasm_u16x8_shr(all, 12)}};
}

template <uint32_t kRow>
HWY_INLINE Chunks FivesOfRow(v128_t fifth, const uint8_t* p) {
  const v128_t byte = wasm_i16x8_splat(0x00FF);
  const Bytes five = FivesAsBytes<kRow>(fifth, p);
  return {{wasm_v128_and(five.even, byte), wasm_v128_and(five.odd, byte),
           wasm_u16x8_shr(five.even, 8), wasm_u16x8_shr(five.odd, 8)}};
}

#endif

// Each type: bytes of a block of four rows, whether it has minima, and its codes.
template <size_t kCodesAt>
struct Nibbles {
  static constexpr size_t kBytes = kCodesAt + 64;
  static constexpr bool kMinimum = kCodesAt == 16;
  template <uint32_t kRow>
  static HWY_INLINE auto Load(const uint8_t* p) {
    return NibblesOfRow(p + kCodesAt + kRow * 16);
  }
};
using Q4_0 = Nibbles<8>;
using Q4_1 = Nibbles<16>;

template <size_t kFifthAt>
struct Fives {
  static constexpr size_t kBytes = kFifthAt + 16 + 64;
  static constexpr bool kMinimum = kFifthAt == 16;
  template <uint32_t kRow>
  static HWY_INLINE auto Load(const uint8_t* p) {
    return FivesOfRow<kRow>(wasm_v128_load(p + kFifthAt), p + kFifthAt + 16 + kRow * 16);
  }
};
using Q5_0 = Fives<8>;
using Q5_1 = Fives<16>;

struct Q8_0 {
  static constexpr size_t kBytes = 8 + 128;
  static constexpr bool kMinimum = false;
  template <uint32_t kRow>
  static HWY_INLINE Chunks Load(const uint8_t* p) {
    const uint8_t* q = p + 8 + kRow * kChunk;
    return {{wasm_i16x8_load8x8(q), wasm_i16x8_load8x8(q + 32), wasm_i16x8_load8x8(q + 64),
             wasm_i16x8_load8x8(q + 96)}};
  }
};

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

// Four fp16, 2^-112 times their value, see half-inl.h.
HWY_INLINE v128_t FourHalves(const uint8_t* p) {
  return wasm_v128_and(wasm_i32x4_shl(wasm_i32x4_load16x4(p), 13),
                       wasm_i32x4_splat(static_cast<int32_t>(0x8FFFFFFF)));
}

HWY_INLINE v128_t MultiplyAdd(v128_t a, v128_t b, v128_t c) {
  return wasm_f32x4_add(wasm_f32x4_mul(a, b), c);
}

// y (kTokens, 4) = the rows of `group` times the vectors from `token` on. A row
// adds up its blocks in order, so y does not depend on kTokens.
template <class Type, size_t kTokens>
HWY_INLINE void Tile(const uint8_t* group, const Activations& x, size_t token, float* y) {
  const size_t at = token * x.blocks;
  const int16_t* q = x.q + at * kBlock;
  const int32_t* offset = x.offset + at * 4;
  const float* scale = x.scale + at;
  const float* sum = x.sum + at;
  v128_t total[kTokens];
  for (size_t t = 0; t < kTokens; ++t) total[t] = wasm_f32x4_const(0, 0, 0, 0);
  for (size_t b = 0; b < x.blocks; ++b, group += Type::kBytes) {
    const auto row0 = Type::template Load<0>(group);
    const auto row1 = Type::template Load<1>(group);
    const auto row2 = Type::template Load<2>(group);
    const auto row3 = Type::template Load<3>(group);
    const v128_t steps = FourHalves(group);
    for (size_t t = 0; t < kTokens; ++t) {
      const size_t block = t * x.blocks + b;
      const int16_t* xq = q + block * kBlock;
      const v128_t dot =
          wasm_i32x4_add(AddLanes(Dot(row0, xq), Dot(row1, xq), Dot(row2, xq), Dot(row3, xq)),
                         wasm_v128_load32_splat(offset + block * 4));
      const v128_t step = wasm_f32x4_mul(steps, wasm_v128_load32_splat(scale + block));
      total[t] = MultiplyAdd(wasm_f32x4_convert_i32x4(dot), step, total[t]);
      if constexpr (Type::kMinimum) {
        total[t] =
            MultiplyAdd(FourHalves(group + 8), wasm_v128_load32_splat(sum + block), total[t]);
      }
    }
  }
  for (size_t t = 0; t < kTokens; ++t) wasm_v128_store(y + t * 4, total[t]);
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
