// Sixteen interleaved rows times some vectors: the inner loop of a quantised product
// on processors with Highway's instructions.
#if defined(DEEP_TREE_ECHO_OPS_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_TILE_INL_H_
#undef DEEP_TREE_ECHO_OPS_TILE_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_TILE_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "formats/repack.h"
#include "ops/block-inl.h"
#include "ops/half-inl.h"
#include "ops/quantize-activation-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// Vectors that go through a tile together, as the registers allow.
constexpr size_t kTileTokens = HWY_MAX_BYTES == 64 ? 8 : HWY_MAX_BYTES == 32 ? 4 : 2;

// y (kTokens, 16) = the rows of `group` times the vectors from `token` on. Each
// lane adds up its blocks in order, so y does not depend on kTokens.
template <class Type, size_t kTokens>
HWY_INLINE void Tile(const uint8_t* HWY_RESTRICT group, const Activations& x, size_t token,
                     float* HWY_RESTRICT y) {
  const Floats d;
  const size_t lanes = hn::MaxLanes(d);
  const size_t at = token * x.blocks;
  Vec total[kTokens][kVectors];
  for (size_t t = 0; t < kTokens; ++t) {
    for (size_t v = 0; v < kVectors; ++v) total[t][v] = hn::Zero(d);
  }
  for (size_t b = at; b < at + x.blocks; ++b, group += Type::kBytes) {
    Dots<kTokens> dots;
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t v = 0; v < kVectors; ++v) {
        dots[t][v] = hn::Set(Ints(), x.offset[b + t * x.blocks]);
      }
    }
    Type::template Add<kTokens>(group, x.q + b * kBlock, x.blocks * kBlock, dots);
    for (size_t v = 0; v < kVectors; ++v) {
      const Vec steps = LoadHalves(d, group + v * lanes * sizeof(uint16_t));
      for (size_t t = 0; t < kTokens; ++t) {
        const Vec step = hn::Mul(steps, hn::Set(d, x.scale[b + t * x.blocks]));
        total[t][v] = hn::MulAdd(hn::ConvertTo(d, dots[t][v]), step, total[t][v]);
      }
      if constexpr (Type::kMinimum) {
        const Vec minima = LoadHalves(d, group + (kGroupRows + v * lanes) * sizeof(uint16_t));
        for (size_t t = 0; t < kTokens; ++t) {
          total[t][v] = hn::MulAdd(minima, hn::Set(d, x.sum[b + t * x.blocks]), total[t][v]);
        }
      }
    }
  }
  for (size_t t = 0; t < kTokens; ++t) {
    for (size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(total[t][v], d, y + t * kGroupRows + v * lanes);
    }
  }
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
