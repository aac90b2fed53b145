// Matrix times one vector and matrix times several, for every type. Both are
// made of the same tile, some rows times some vectors, and add up a row in the
// same order, so a text gives the same numbers however it is cut.
#if defined(DEEP_TREE_ECHO_OPS_MATMUL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_MATMUL_INL_H_
#undef DEEP_TREE_ECHO_OPS_MATMUL_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_MATMUL_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "formats/tensor.h"
#include "ops/block-inl.h"
#include "ops/quantize-activation-inl.h"
#include "ops/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// ------------------------------------------------------------ quantised tile

// y (kTokens, y_stride) = kRows rows from `row` on times kTokens vectors from
// `token` on.
template <class Type, size_t kRows, size_t kTokens>
HWY_INLINE void Tile(const Tensor& w, size_t row, const Activations& x, size_t token, float* y,
                     size_t y_stride) {
  const Floats d;
  const Shorts ds;
  const hn::RebindToSigned<Floats> di;
  const uint8_t* first = w.data + row * w.row_bytes;
  const int16_t* q = x.q + token * x.blocks * kBlock;
  const float* scale = x.scale + token * x.blocks;
  const float* sum = x.sum + token * x.blocks;
  Vec total[kRows][kTokens];
  float minimum[kRows][kTokens];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t t = 0; t < kTokens; ++t) {
      total[r][t] = hn::Zero(d);
      minimum[r][t] = 0.0f;
    }
  }
  for (size_t b = 0; b < x.blocks; ++b) {
    Vec steps[kRows];
    HalvesAt<kRows>(first + b * Type::kBytes, w.row_bytes, steps);
    for (size_t r = 0; r < kRows; ++r) {
      const uint8_t* p = first + r * w.row_bytes + b * Type::kBytes;
      const Parts block = Type::Load(p);
      for (size_t t = 0; t < kTokens; ++t) {
        const int16_t* xq = q + (t * x.blocks + b) * kBlock;
        auto dot = hn::WidenMulPairwiseAdd(di, block.part[0], hn::LoadU(ds, xq));
        for (size_t i = 1; i < kParts; ++i) {
          dot = hn::Add(
              dot, hn::WidenMulPairwiseAdd(di, block.part[i], hn::LoadU(ds, xq + i * kPartLanes)));
        }
        const Vec both = hn::Mul(steps[r], hn::Set(d, scale[t * x.blocks + b]));
        total[r][t] = hn::MulAdd(hn::ConvertTo(d, dot), both, total[r][t]);
        if constexpr (Type::kMinimum) {
          minimum[r][t] += hn::GetLane(HalfAt(p + 2)) * sum[t * x.blocks + b];
        }
      }
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t t = 0; t < kTokens; ++t) {
      float result = hn::ReduceSum(d, total[r][t]);
      if constexpr (Type::kMinimum) result += minimum[r][t];
      y[t * y_stride + row + r] = result;
    }
  }
}

template <class Type>
void MatMulBlocks(const Tensor& w, const Activations& x, size_t n_tokens, float* y) {
  size_t token = 0;
  for (; token + 8 <= n_tokens; token += 8) {
    for (size_t row = 0; row < w.rows; ++row) {
      Tile<Type, 1, 8>(w, row, x, token, y + token * w.rows, w.rows);
    }
  }
  for (; token < n_tokens; ++token) {
    size_t row = 0;
    for (; row + 4 <= w.rows; row += 4) {
      Tile<Type, 4, 1>(w, row, x, token, y + token * w.rows, w.rows);
    }
    for (; row < w.rows; ++row) Tile<Type, 1, 1>(w, row, x, token, y + token * w.rows, w.rows);
  }
}

// ---------------------------------------------------------------- float tile

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
  using Bits = hn::Rebind<uint16_t, Floats>;
  using Halves = hn::Rebind<hwy::float16_t, Floats>;
  static HWY_INLINE Vec Load(const uint8_t* row, size_t i) {
    const auto bits = hn::LoadU(Bits(), reinterpret_cast<const uint16_t*>(row) + i);
    return hn::PromoteTo(Floats(), hn::BitCast(Halves(), bits));
  }
  static HWY_INLINE Vec LoadSome(const uint8_t* row, size_t i, size_t n) {
    const auto bits = hn::LoadN(Bits(), reinterpret_cast<const uint16_t*>(row) + i, n);
    return hn::PromoteTo(Floats(), hn::BitCast(Halves(), bits));
  }
};

// x (kTokens, columns), y as above.
template <class Type, size_t kRows, size_t kTokens>
HWY_INLINE void FloatTile(const Tensor& w, size_t row, const float* x, float* y, size_t y_stride) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const uint8_t* first = w.data + row * w.row_bytes;
  Vec total[kRows][kTokens];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t t = 0; t < kTokens; ++t) total[r][t] = hn::Zero(d);
  }
  size_t i = 0;
  for (; i + lanes <= w.columns; i += lanes) {
    for (size_t r = 0; r < kRows; ++r) {
      const Vec weight = Type::Load(first + r * w.row_bytes, i);
      for (size_t t = 0; t < kTokens; ++t) {
        total[r][t] = hn::MulAdd(weight, hn::LoadU(d, x + t * w.columns + i), total[r][t]);
      }
    }
  }
  if (i < w.columns) {
    const size_t rest = w.columns - i;
    for (size_t r = 0; r < kRows; ++r) {
      const Vec weight = Type::LoadSome(first + r * w.row_bytes, i, rest);
      for (size_t t = 0; t < kTokens; ++t) {
        total[r][t] = hn::MulAdd(weight, hn::LoadN(d, x + t * w.columns + i, rest), total[r][t]);
      }
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t t = 0; t < kTokens; ++t) {
      y[t * y_stride + row + r] = hn::ReduceSum(d, total[r][t]);
    }
  }
}

template <class Type>
void MatMulFloats(const Tensor& w, const float* x, size_t n_tokens, float* y) {
  size_t row = 0;
  for (; row + 4 <= w.rows; row += 4) {
    size_t t = 0;
    for (; t + 2 <= n_tokens; t += 2) {
      FloatTile<Type, 4, 2>(w, row, x + t * w.columns, y + t * w.rows, w.rows);
    }
    if (t < n_tokens) FloatTile<Type, 4, 1>(w, row, x + t * w.columns, y + t * w.rows, w.rows);
  }
  for (; row < w.rows; ++row) {
    for (size_t t = 0; t < n_tokens; ++t) {
      FloatTile<Type, 1, 1>(w, row, x + t * w.columns, y + t * w.rows, w.rows);
    }
  }
}

// fp16 weights meet a vector rounded to fp16, as in ggml: x (n), out (n).
HWY_INLINE void RoundToHalves(const float* HWY_RESTRICT x, size_t n, float* HWY_RESTRICT out) {
  const hn::Rebind<hwy::float16_t, Floats> half;
  Each(n, [&](size_t i, auto io) HWY_ATTR {
    io.Store(hn::PromoteTo(Floats(), hn::DemoteTo(half, io.Load(x + i))), out + i);
  });
}

// ------------------------------------------------------------------ dispatch

inline void MatMulAny(const Tensor& w, const float* x, size_t n_tokens, float* y,
                      uint8_t* scratch) {
  if (w.type == ECHO_F32) {
    MatMulFloats<F32>(w, x, n_tokens, y);
    return;
  }
  if (w.type == ECHO_F16) {
    float* rounded = reinterpret_cast<float*>(scratch);
    RoundToHalves(x, n_tokens * w.columns, rounded);
    MatMulFloats<F16>(w, rounded, n_tokens, y);
    return;
  }
  const Activations a = QuantizeActivations(x, n_tokens, w.columns, scratch);
  switch (w.type) {
    case ECHO_Q4_0:
      return MatMulBlocks<Q4_0>(w, a, n_tokens, y);
    case ECHO_Q4_1:
      return MatMulBlocks<Q4_1>(w, a, n_tokens, y);
    case ECHO_Q5_0:
      return MatMulBlocks<Q5_0>(w, a, n_tokens, y);
    case ECHO_Q5_1:
      return MatMulBlocks<Q5_1>(w, a, n_tokens, y);
    case ECHO_Q8_0:
      return MatMulBlocks<Q8_0>(w, a, n_tokens, y);
    default:
      return;  // Create() has refused any other type
  }
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
