// The codes of a block of four interleaved rows (formats/repack.h), in WebAssembly's
// own instructions: one of them loads eight codes and widens them, for which Highway
// takes two.
#if defined(DEEP_TREE_ECHO_OPS_CODES_WASM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_CODES_WASM_INL_H_
#undef DEEP_TREE_ECHO_OPS_CODES_WASM_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_CODES_WASM_INL_H_
#endif

#include <wasm_simd128.h>

#include <cstddef>
#include <cstdint>

#include "ops/quantize-activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

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

// The same as int16, chunk by chunk, none of them too large.
HWY_INLINE Chunks Plain(const Bytes& codes) {
  const v128_t byte = wasm_i16x8_splat(0x00FF);
  return {{wasm_v128_and(codes.even, byte), wasm_v128_and(codes.odd, byte),
           wasm_u16x8_shr(codes.even, 8), wasm_u16x8_shr(codes.odd, 8)}};
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
  return Plain(FivesAsBytes<kRow>(fifth, p));
}

#endif

// Each type: bytes of a block of four rows, whether it has minima, its codes as one
// vector meets them, and the plain ones.
template <size_t kCodesAt>
struct Nibbles {
  static constexpr size_t kBytes = kCodesAt + 64;
  static constexpr bool kMinimum = kCodesAt == 16;
  template <uint32_t kRow>
  static HWY_INLINE auto Load(const uint8_t* p) {
    return NibblesOfRow(p + kCodesAt + kRow * 16);
  }
  template <uint32_t kRow>
  static HWY_INLINE Chunks LoadPlain(const uint8_t* p) {
    return Plain(NibblesAsBytes(p + kCodesAt + kRow * 16));
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
  template <uint32_t kRow>
  static HWY_INLINE Chunks LoadPlain(const uint8_t* p) {
    return Plain(FivesAsBytes<kRow>(wasm_v128_load(p + kFifthAt), p + kFifthAt + 16 + kRow * 16));
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
  template <uint32_t kRow>
  static HWY_INLINE Chunks LoadPlain(const uint8_t* p) {
    return Load<kRow>(p);
  }
};

// Four fp16, 2^-112 times their value, see half-inl.h.
HWY_INLINE v128_t FourHalves(const uint8_t* p) {
  return wasm_v128_and(wasm_i32x4_shl(wasm_i32x4_load16x4(p), 13),
                       wasm_i32x4_splat(static_cast<int32_t>(0x8FFFFFFF)));
}

HWY_INLINE v128_t MultiplyAdd(v128_t a, v128_t b, v128_t c) {
  return wasm_f32x4_add(wasm_f32x4_mul(a, b), c);
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
