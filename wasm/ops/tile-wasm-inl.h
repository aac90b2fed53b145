// Sixteen interleaved rows times one vector. The inner loops are short on purpose:
// engines keep what is in them in registers, and spill in longer ones.
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

// Sums of a block, rows in lanes.
struct Sums {
  v128_t quad[kQuads];
};

HWY_INLINE Sums AllSums(v128_t start) { return {{start, start, start, start}}; }

HWY_INLINE v128_t TwoColumns(const int16_t* q) { return wasm_v128_load32_splat(q); }

HWY_INLINE v128_t AddDot(v128_t sum, v128_t codes, v128_t two) {
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(codes, two));
}

HWY_INLINE Sums DotBlock(const Q8_0&, const uint8_t* block, const int16_t* q, v128_t start) {
  Sums sums = AllSums(start);
#pragma clang loop unroll(disable)
  for (size_t pair = 0; pair < kPairs; ++pair) {
    const v128_t two = TwoColumns(q + pair * kPair);
    sums.quad[0] = AddDot(sums.quad[0], Q8_0::Load(block, pair, 0), two);
    sums.quad[1] = AddDot(sums.quad[1], Q8_0::Load(block, pair, 1), two);
    sums.quad[2] = AddDot(sums.quad[2], Q8_0::Load(block, pair, 2), two);
    sums.quad[3] = AddDot(sums.quad[3], Q8_0::Load(block, pair, 3), two);
  }
  return sums;
}

#if ECHO_RELAXED

// Codes are below 32, so that no product of a pair leaves int16 and the top bit,
// whose meaning is left to the machine, is never set; nor do the sums of eight
// products of 4 bits, or of four of 5 bits.
HWY_INLINE v128_t AddBytes(v128_t sum, const Bytes& codes, v128_t first, v128_t second) {
  const v128_t a = wasm_i16x8_relaxed_dot_i8x16_i7x16(first, codes.first);
  const v128_t b = wasm_i16x8_relaxed_dot_i8x16_i7x16(second, codes.second);
  return wasm_i16x8_add(sum, wasm_i16x8_add(a, b));
}

template <class Type>
HWY_INLINE Sums DotBlock(const Type&, const uint8_t* block, const int16_t* q, v128_t start) {
  constexpr size_t kOctetsAtOnce = Type::kFives ? 2 : 4;
  const int8_t* bytes = reinterpret_cast<const int8_t*>(q);
  Sums sums = AllSums(start);
#pragma clang loop unroll(disable)
  for (size_t begin = 0; begin < kOctets; begin += kOctetsAtOnce) {
    Sums shorts = AllSums(wasm_i16x8_const(0, 0, 0, 0, 0, 0, 0, 0));
#pragma clang loop unroll(disable)
    for (size_t octet = begin; octet < begin + kOctetsAtOnce; ++octet) {
      const v128_t first = wasm_v128_load32_splat(bytes + octet * kOctet);
      const v128_t second = wasm_v128_load32_splat(bytes + octet * kOctet + 4);
      const v128_t fifth = Type::Fifth(block, octet);
      v128_t* s = shorts.quad;
      s[0] = AddBytes(s[0], Type::template Load<0>(block, octet, fifth), first, second);
      s[1] = AddBytes(s[1], Type::template Load<1>(block, octet, fifth), first, second);
      s[2] = AddBytes(s[2], Type::template Load<2>(block, octet, fifth), first, second);
      s[3] = AddBytes(s[3], Type::template Load<3>(block, octet, fifth), first, second);
    }
    for (size_t j = 0; j < kQuads; ++j) {
      sums.quad[j] = wasm_i32x4_add(sums.quad[j], wasm_i32x4_extadd_pairwise_i16x8(shorts.quad[j]));
    }
  }
  return sums;
}

#else

// The products of four pairs of columns.
HWY_INLINE v128_t AddPairs(v128_t sum, const Pairs& codes, const Pairs& columns) {
  const v128_t a = wasm_i32x4_dot_i16x8(codes.pair[0], columns.pair[0]);
  const v128_t b = wasm_i32x4_dot_i16x8(codes.pair[1], columns.pair[1]);
  const v128_t c = wasm_i32x4_dot_i16x8(codes.pair[2], columns.pair[2]);
  const v128_t d = wasm_i32x4_dot_i16x8(codes.pair[3], columns.pair[3]);
  return wasm_i32x4_add(sum, wasm_i32x4_add(wasm_i32x4_add(a, b), wasm_i32x4_add(c, d)));
}

// Codes of four bits are multiplied as they come out of the masks, see Order.
template <class Type, uint32_t kQuad>
HWY_INLINE Pairs LoadPairs(const uint8_t* block, size_t octet, v128_t fifth) {
  if (Type::kFives) return Widened(Type::template Load<kQuad>(block, octet, fifth));
  const v128_t all = Type::All(block, octet, kQuad);
  return {{wasm_v128_and(all, wasm_i16x8_splat(0x000F)),
           wasm_v128_and(all, wasm_i16x8_splat(0x0F00)),
           wasm_v128_and(all, wasm_i16x8_splat(0x00F0)), wasm_u16x8_shr(all, 12)}};
}

template <class Type>
HWY_INLINE Sums DotBlock(const Type&, const uint8_t* block, const int16_t* q, v128_t start) {
  Sums sums = AllSums(start);
#pragma clang loop unroll(disable)
  for (size_t octet = 0; octet < kOctets; ++octet) {
    const int16_t* eight = q + octet * kOctet;
    const Pairs columns = {
        {TwoColumns(eight), TwoColumns(eight + 2), TwoColumns(eight + 4), TwoColumns(eight + 6)}};
    const v128_t fifth = Type::Fifth(block, octet);
    v128_t* s = sums.quad;
    s[0] = AddPairs(s[0], LoadPairs<Type, 0>(block, octet, fifth), columns);
    s[1] = AddPairs(s[1], LoadPairs<Type, 1>(block, octet, fifth), columns);
    s[2] = AddPairs(s[2], LoadPairs<Type, 2>(block, octet, fifth), columns);
    s[3] = AddPairs(s[3], LoadPairs<Type, 3>(block, octet, fifth), columns);
  }
  return sums;
}

#endif

// y (16) = the rows of `group` times the vector.
template <class Type>
HWY_INLINE void Tile(const uint8_t* group, const Activations& x, float* y) {
  Sums total = AllSums(wasm_f32x4_const(0, 0, 0, 0));
  for (size_t b = 0; b < x.blocks; ++b, group += Type::kBytes) {
    const v128_t start = wasm_v128_load32_splat(x.offset + b);
    const Sums sums = DotBlock(Type(), group, x.q + b * kBlock, start);
    const v128_t scale = wasm_v128_load32_splat(x.scale + b);
    for (size_t j = 0; j < kQuads; ++j) {
      const v128_t step = wasm_f32x4_mul(FourHalves(group + j * 8), scale);
      total.quad[j] = MultiplyAdd(wasm_f32x4_convert_i32x4(sums.quad[j]), step, total.quad[j]);
    }
    if constexpr (Type::kMinimum) {
      const v128_t sum = wasm_v128_load32_splat(x.sum + b);
      for (size_t j = 0; j < kQuads; ++j) {
        const v128_t minima = FourHalves(group + 2 * kGroupRows + j * 8);
        total.quad[j] = MultiplyAdd(minima, sum, total.quad[j]);
      }
    }
  }
  for (size_t j = 0; j < kQuads; ++j) wasm_v128_store(y + j * 4, total.quad[j]);
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
