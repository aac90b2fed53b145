// A block of four interleaved rows and 32 columns (formats/repack.h) as int16: a
// vector holds eight columns each of one, two or all four rows.
#if defined(DEEP_TREE_ECHO_OPS_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_BLOCK_INL_H_
#undef DEEP_TREE_ECHO_OPS_BLOCK_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_BLOCK_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "ops/half-inl.h"
#include "ops/quantize-activation-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

using Shorts = hn::ScalableTag<int16_t>;
using ShortVec = hn::Vec<Shorts>;
using Quad = hn::FixedTag<float, 4>;  // a number of each row

constexpr size_t kShortLanes = hn::MaxLanes(Shorts());
constexpr size_t kVectorRows = kShortLanes / kChunk;  // rows in a vector
constexpr size_t kVectors = 4 / kVectorRows;          // vectors of a chunk
static_assert(kVectors >= 1 && kVectorRows >= 1, "vectors of 128, 256 or 512 bits");

// Codes of a block. In the forms of Q4_0 and Q4_1 chunks 1 and 2 are 16 and 256
// times too large, see Activations.
struct Codes {
  ShortVec chunk[kChunks][kVectors];
};

HWY_INLINE void LoadNibbles(const uint8_t* p, Codes* codes) {
  const Shorts d;
  const hn::RebindToUnsigned<Shorts> du;
  for (size_t v = 0; v < kVectors; ++v) {
    const auto all =
        hn::LoadU(d, reinterpret_cast<const int16_t*>(p + v * kShortLanes * sizeof(int16_t)));
    codes->chunk[0][v] = hn::And(all, hn::Set(d, int16_t{0x000F}));
    codes->chunk[1][v] = hn::And(all, hn::Set(d, int16_t{0x00F0}));
    codes->chunk[2][v] = hn::And(all, hn::Set(d, int16_t{0x0F00}));
    codes->chunk[3][v] = hn::BitCast(d, hn::ShiftRight<12>(hn::BitCast(du, all)));
  }
}

// Bit 4 + r of a lane to bit 7 for each row r, and all others with it.
HWY_INLINE ShortVec AlignFifth(ShortVec fifth, size_t vector) {
  alignas(64) static constexpr int16_t kFactors[4 * kChunk] = {8, 8, 8, 8, 8, 8, 8, 8,  //
                                                               4, 4, 4, 4, 4, 4, 4, 4,  //
                                                               2, 2, 2, 2, 2, 2, 2, 2,  //
                                                               1, 1, 1, 1, 1, 1, 1, 1};
  return hn::Mul(fifth, hn::Load(Shorts(), kFactors + vector * kShortLanes));
}

HWY_INLINE void LoadFives(const uint8_t* fifth_bits, const uint8_t* p, Codes* codes) {
  const Shorts d;
  const hn::RebindToUnsigned<Shorts> du;
  const ShortVec low = hn::Set(d, int16_t{0x0F0F});
  const ShortVec high = hn::Set(d, int16_t{0x1010});
  const ShortVec byte = hn::Set(d, int16_t{0x00FF});
  const ShortVec shared = hn::LoadDup128(d, reinterpret_cast<const int16_t*>(fifth_bits));
  for (size_t v = 0; v < kVectors; ++v) {
    const auto all =
        hn::LoadU(du, reinterpret_cast<const uint16_t*>(p + v * kShortLanes * sizeof(int16_t)));
    const auto fifth = hn::BitCast(du, AlignFifth(shared, v));
    // Chunks 0 and 2 in the bytes of one vector, 1 and 3 in those of another.
    const auto even = hn::Or(hn::And(hn::BitCast(d, all), low),
                             hn::And(hn::BitCast(d, hn::ShiftRight<3>(fifth)), high));
    const auto odd = hn::Or(hn::And(hn::BitCast(d, hn::ShiftRight<4>(all)), low),
                            hn::And(hn::BitCast(d, hn::ShiftLeft<1>(fifth)), high));
    codes->chunk[0][v] = hn::And(even, byte);
    codes->chunk[1][v] = hn::And(odd, byte);
    codes->chunk[2][v] = hn::BitCast(d, hn::ShiftRight<8>(hn::BitCast(du, even)));
    codes->chunk[3][v] = hn::BitCast(d, hn::ShiftRight<8>(hn::BitCast(du, odd)));
  }
}

// Each type: bytes of a block of four rows, whether it has minima (then w = d q +
// m, else w = d (q - middle)), and the codes q.
struct Q4_0 {
  static constexpr size_t kBytes = 72;
  static constexpr bool kMinimum = false;
  static HWY_INLINE void Load(const uint8_t* p, Codes* codes) { LoadNibbles(p + 8, codes); }
};

struct Q4_1 {
  static constexpr size_t kBytes = 80;
  static constexpr bool kMinimum = true;
  static HWY_INLINE void Load(const uint8_t* p, Codes* codes) { LoadNibbles(p + 16, codes); }
};

struct Q5_0 {
  static constexpr size_t kBytes = 88;
  static constexpr bool kMinimum = false;
  static HWY_INLINE void Load(const uint8_t* p, Codes* codes) { LoadFives(p + 8, p + 24, codes); }
};

struct Q5_1 {
  static constexpr size_t kBytes = 96;
  static constexpr bool kMinimum = true;
  static HWY_INLINE void Load(const uint8_t* p, Codes* codes) { LoadFives(p + 16, p + 32, codes); }
};

struct Q8_0 {
  static constexpr size_t kBytes = 136;
  static constexpr bool kMinimum = false;
  static HWY_INLINE void Load(const uint8_t* p, Codes* codes) {
    const hn::Rebind<int8_t, Shorts> d8;
    const int8_t* q = reinterpret_cast<const int8_t*>(p + 8);
    for (size_t c = 0; c < kChunks; ++c) {
      for (size_t v = 0; v < kVectors; ++v) {
        codes->chunk[c][v] = hn::PromoteTo(Shorts(), hn::LoadU(d8, q));
        q += kShortLanes;
      }
    }
  }
};

// Each row's scale in the lanes of its rows: out (kVectors).
HWY_INLINE void SpreadScales(const uint8_t* p, Vec* HWY_RESTRICT out) {
  const auto four = LoadHalves(Quad(), p);
#if HWY_MAX_BYTES == 16
  out[0] = hn::Broadcast<0>(four);
  out[1] = hn::Broadcast<1>(four);
  out[2] = hn::Broadcast<2>(four);
  out[3] = hn::Broadcast<3>(four);
#else
  const Floats d;
  alignas(64) static constexpr int32_t kRowOf[16] = {0, 0, 0, 0, 1, 1, 1, 1,
                                                     2, 2, 2, 2, 3, 3, 3, 3};
  const Vec all = hn::ResizeBitCast(d, four);  // the lanes past the fourth are not asked for
  for (size_t v = 0; v < kVectors; ++v) {
    const auto rows = hn::SetTableIndices(d, kRowOf + v * hn::MaxLanes(d));
    out[v] = hn::TableLookupLanes(all, rows);
  }
#endif
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
