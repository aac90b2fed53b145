// Four interleaved rows times some vectors: the inner loop of a quantised product
// on processors with Highway's instructions.
#if defined(DEEP_TREE_ECHO_OPS_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_TILE_INL_H_
#undef DEEP_TREE_ECHO_OPS_TILE_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_TILE_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "ops/block-inl.h"
#include "ops/quantize-activation-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// Vectors that go through a tile together, as the registers allow.
constexpr size_t kTileTokens = HWY_MAX_BYTES == 64 ? 8 : HWY_MAX_BYTES == 32 ? 4 : 2;

// y (kTokens, 4) = the rows of `group` times the vectors from `token` on. Each
// lane adds up its columns in order, so y does not depend on kTokens.
template <class Type, size_t kTokens>
HWY_INLINE void Tile(const uint8_t* HWY_RESTRICT group, const Activations& x, size_t token,
                     float* HWY_RESTRICT y) {
  const Floats d;
  const Shorts ds;
  const hn::RebindToSigned<Floats> di;
  const size_t at = token * x.blocks;
  const int16_t* HWY_RESTRICT q = x.q + at * kBlock;
  const int32_t* HWY_RESTRICT offset = x.offset + at * 4;
  const float* HWY_RESTRICT scale = x.scale + at;
  const float* HWY_RESTRICT sum = x.sum + at;
  Vec total[kTokens][kVectors];
  hn::Vec<Quad> minimum[kTokens];
  for (size_t t = 0; t < kTokens; ++t) {
    for (size_t v = 0; v < kVectors; ++v) total[t][v] = hn::Zero(d);
    minimum[t] = hn::Zero(Quad());
  }
  for (size_t b = 0; b < x.blocks; ++b, group += Type::kBytes) {
    Codes codes;
    Type::Load(group, &codes);
    Vec steps[kVectors];
    SpreadScales(group, steps);
    for (size_t t = 0; t < kTokens; ++t) {
      const size_t block = t * x.blocks + b;
      const int16_t* HWY_RESTRICT xq = q + block * kBlock;
      const auto start = hn::LoadDup128(di, offset + block * 4);
      const Vec step = hn::Set(d, scale[block]);
      for (size_t v = 0; v < kVectors; ++v) {
        auto dot = start;
        auto rest = hn::Zero(di);  // of targets that multiply the halves apart
        for (size_t c = 0; c < kChunks; ++c) {
          const auto chunk = hn::LoadDup128(ds, xq + c * kChunk);
          dot = hn::ReorderWidenMulAccumulate(di, codes.chunk[c][v], chunk, dot, rest);
        }
        dot = hn::RearrangeToOddPlusEven(dot, rest);
        total[t][v] = hn::MulAdd(hn::ConvertTo(d, dot), hn::Mul(steps[v], step), total[t][v]);
      }
      if constexpr (Type::kMinimum) {
        minimum[t] =
            hn::MulAdd(LoadHalves(Quad(), group + 8), hn::Set(Quad(), sum[block]), minimum[t]);
      }
    }
  }
  for (size_t t = 0; t < kTokens; ++t) {
    alignas(64) float lanes[4 * 4];
    for (size_t v = 0; v < kVectors; ++v) hn::Store(total[t][v], d, lanes + v * hn::MaxLanes(d));
    // The four lanes of a row, added across rows at once.
    hn::Vec<Quad> columns[4];
    hn::LoadInterleaved4(Quad(), lanes, columns[0], columns[1], columns[2], columns[3]);
    hn::Vec<Quad> rows = hn::Add(hn::Add(columns[0], columns[1]), hn::Add(columns[2], columns[3]));
    if constexpr (Type::kMinimum) rows = hn::Add(rows, minimum[t]);
    hn::StoreU(rows, Quad(), y + t * 4);
  }
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
