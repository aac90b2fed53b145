// The codes of four of the sixteen rows of a block (formats/repack.h), in
// WebAssembly's own instructions: one of them loads eight codes and widens them, for
// which Highway takes two.
#if defined(DEEP_TREE_ECHO_OPS_CODES_WASM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_CODES_WASM_INL_H_
#undef DEEP_TREE_ECHO_OPS_CODES_WASM_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_CODES_WASM_INL_H_
#endif

#include <wasm_simd128.h>

#include <cstddef>
#include <cstdint>

#include "formats/repack.h"
#include "ops/quantize-activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

constexpr size_t kQuads = kGroupRows / 4;  // of rows; one fills a vector

// An octet of columns of four rows: as bytes the first columns of each byte of the
// codes, and the second ones ...
struct Bytes {
  v128_t first;
  v128_t second;
};

// ... and as int16 pairs of neighbours.
struct Pairs {
  v128_t pair[4];
};

HWY_INLINE Pairs Widened(const Bytes& codes) {
  const v128_t byte = wasm_i16x8_splat(0x00FF);
  return {{wasm_v128_and(codes.first, byte), wasm_u16x8_shr(codes.first, 8),
           wasm_v128_and(codes.second, byte), wasm_u16x8_shr(codes.second, 8)}};
}

// Codes of four and five bits.
template <size_t kFifthAt, size_t kFifthBytes>
struct Nibbles {
  static constexpr size_t kCodesAt = kFifthAt + kFifthBytes;
  static constexpr size_t kBytes = kCodesAt + 16 * kGroupRows;
  static constexpr bool kMinimum = kFifthAt == 4 * kGroupRows;
  static constexpr bool kFives = kFifthBytes != 0;

  static HWY_INLINE v128_t All(const uint8_t* block, size_t octet, size_t quad) {
    return wasm_v128_load(block + kCodesAt + octet * 64 + quad * 16);
  }

  // Of all quads of rows.
  static HWY_INLINE v128_t Fifth(const uint8_t* block, size_t octet) {
    return kFives ? wasm_v128_load(block + kFifthAt + octet * 16) : wasm_i32x4_const(0, 0, 0, 0);
  }

  template <uint32_t kQuad>
  static HWY_INLINE Bytes Load(const uint8_t* block, size_t octet, v128_t fifth) {
    const v128_t low = wasm_i16x8_splat(0x0F0F);
    const v128_t all = All(block, octet, kQuad);
    const v128_t first = wasm_v128_and(all, low);
    const v128_t second = wasm_v128_and(wasm_u16x8_shr(all, 4), low);
    if (!kFives) return {first, second};
    const v128_t high = wasm_i16x8_splat(0x1010);
    return {wasm_v128_or(first, wasm_v128_and(wasm_u16x8_shr(fifth, kQuad), high)),
            wasm_v128_or(second, wasm_v128_and(wasm_i16x8_shl(fifth, 4 - kQuad), high))};
  }
};
using Q4_0 = Nibbles<2 * kGroupRows, 0>;
using Q4_1 = Nibbles<4 * kGroupRows, 0>;
using Q5_0 = Nibbles<2 * kGroupRows, 4 * kGroupRows>;
using Q5_1 = Nibbles<4 * kGroupRows, 4 * kGroupRows>;

struct Q8_0 {
  static constexpr size_t kCodesAt = 2 * kGroupRows;
  static constexpr size_t kBytes = kCodesAt + 32 * kGroupRows;
  static constexpr bool kMinimum = false;

  static HWY_INLINE v128_t Load(const uint8_t* block, size_t pair, size_t quad) {
    return wasm_i16x8_load8x8(block + kCodesAt + pair * 32 + quad * 8);
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
