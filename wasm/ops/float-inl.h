// FP32 and FP16 matrices times vectors. Their rows are read one after the other,
// as they lie: that is one stream of bytes already.
#if defined(DEEP_TREE_ECHO_OPS_FLOAT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_FLOAT_INL_H_
#undef DEEP_TREE_ECHO_OPS_FLOAT_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_FLOAT_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "formats/tensor.h"
#include "ops/half-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// Sums of a row that are under way at once: an addition takes several cycles.
constexpr size_t kChains = 4;
// The larger tile, if the registers hold its sums.
constexpr size_t kFloatRows = HWY_MAX_BYTES == 64 ? 2 : 1;
constexpr size_t kFloatTokens = 2;

// Elements of a row as floats: all lanes from column i on, or the last n.
struct F32 {
  static HWY_INLINE Vec Load(const uint8_t* row, size_t i) {
    return hn::LoadU(Floats(), reinterpret_cast<const float*>(row) + i);
  }
  static HWY_INLINE Vec LoadSome(const uint8_t* row, size_t i, size_t n) {
    return hn::LoadN(Floats(), reinterpret_cast<const float*>(row) + i, n);
  }
};

struct F16 {
  static HWY_INLINE Vec Load(const uint8_t* row, size_t i) {
    return LoadHalves(Floats(), reinterpret_cast<const uint16_t*>(row) + i);
  }
  static HWY_INLINE Vec LoadSome(const uint8_t* row, size_t i, size_t n) {
    const hn::Rebind<uint16_t, Floats> d16;
    return Widened(Floats(), hn::LoadN(d16, reinterpret_cast<const uint16_t*>(row) + i, n));
  }
};

// y (kTokens, y_stride), from `row` on = kRows rows times x (kTokens, columns).
// Vector j of a row goes to chain j mod kChains, so y does not depend on the tile.
template <class Type, size_t kRows, size_t kTokens>
HWY_INLINE void FloatTile(const Tensor& w, size_t row, const float* HWY_RESTRICT x,
                          float* HWY_RESTRICT y, size_t y_stride) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const size_t columns = w.columns;
  const uint8_t* HWY_RESTRICT first = w.data + row * w.row_bytes;
  Vec total[kRows][kTokens][kChains];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t c = 0; c < kChains; ++c) total[r][t][c] = hn::Zero(d);
    }
  }
  const auto add = [&](size_t c, const auto& weight, const auto& input) HWY_ATTR {
    Vec inputs[kTokens];
    for (size_t t = 0; t < kTokens; ++t) inputs[t] = input(x + t * columns);
    for (size_t r = 0; r < kRows; ++r) {
      const Vec number = weight(first + r * w.row_bytes);
      for (size_t t = 0; t < kTokens; ++t) {
        total[r][t][c] = hn::MulAdd(number, inputs[t], total[r][t][c]);
      }
    }
  };
  const auto add_whole = [&](size_t c, size_t i) HWY_ATTR {
    add(
        c, [&](const uint8_t* p) HWY_ATTR { return Type::Load(p, i); },
        [&](const float* p) HWY_ATTR { return hn::LoadU(Floats(), p + i); });
  };
  size_t i = 0;
  for (; i + kChains * lanes <= columns; i += kChains * lanes) {
    for (size_t c = 0; c < kChains; ++c) add_whole(c, i + c * lanes);
  }
  size_t chain = 0;
  for (; i + lanes <= columns; i += lanes) add_whole(chain++, i);
  if (i < columns) {
    const size_t n = columns - i;
    add(
        chain, [&](const uint8_t* p) HWY_ATTR { return Type::LoadSome(p, i, n); },
        [&](const float* p) HWY_ATTR { return hn::LoadN(Floats(), p + i, n); });
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t t = 0; t < kTokens; ++t) {
      const Vec* c = total[r][t];
      const Vec sum = hn::Add(hn::Add(c[0], c[1]), hn::Add(c[2], c[3]));
      y[t * y_stride + row + r] = hn::ReduceSum(d, sum);
    }
  }
}

// The rows of a tile times all vectors.
template <class Type, size_t kRows>
HWY_INLINE void FloatRows(const Tensor& w, size_t row, const float* x, size_t n_tokens, float* y) {
  size_t t = 0;
  for (; t + kFloatTokens <= n_tokens; t += kFloatTokens) {
    FloatTile<Type, kRows, kFloatTokens>(w, row, x + t * w.columns, y + t * w.rows, w.rows);
  }
  for (; t < n_tokens; ++t) {
    FloatTile<Type, kRows, 1>(w, row, x + t * w.columns, y + t * w.rows, w.rows);
  }
}

template <class Type>
HWY_NOINLINE void MatMulFloats(const Tensor& w, const float* x, size_t n_tokens, float* y) {
  size_t row = 0;
  if (n_tokens > 1) {
    for (; row + kFloatRows <= w.rows; row += kFloatRows) {
      FloatRows<Type, kFloatRows>(w, row, x, n_tokens, y);
    }
  }
  for (; row < w.rows; ++row) FloatRows<Type, 1>(w, row, x, n_tokens, y);
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
