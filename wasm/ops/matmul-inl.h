// Matrix times one vector and matrix times several, for every type. Both are made
// of the same tiles and add up a row in the same order, so a text gives the same
// numbers however it is cut.
#if defined(DEEP_TREE_ECHO_OPS_MATMUL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_MATMUL_INL_H_
#undef DEEP_TREE_ECHO_OPS_MATMUL_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_MATMUL_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "formats/repack.h"
#include "formats/tensor.h"
#include "ops/float-inl.h"
#include "ops/quantize-activation-inl.h"
#include "ops/round-inl.h"
#include "ops/vector-inl.h"

#if HWY_TARGET == HWY_WASM
#include "ops/tile-wasm-inl.h"
#include "ops/wide-wasm-inl.h"
#else
#include "ops/tile-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// from (T, 16), the rows of a group, to their place in y (T, rows). The first and
// the last group may have rows that are not the matrix's.
HWY_INLINE void StoreRows(const Tensor& w, size_t group, const float* from, size_t n_tokens,
                          float* y) {
  const size_t begin = group * kGroupRows;  // counted from the first group's first row
  const size_t skipped = begin < w.first_row ? w.first_row - begin : 0;
  const size_t end = std::min(begin + kGroupRows, w.first_row + w.rows);
  float* to = y + (begin + skipped - w.first_row);
  for (size_t t = 0; t < n_tokens; ++t) {
    if (end - begin - skipped == kGroupRows) {
      memcpy(to + t * w.rows, from + t * kGroupRows, kGroupRows * sizeof(float));
    } else {
      std::copy(from + t * kGroupRows + skipped, from + t * kGroupRows + (end - begin),
                to + t * w.rows);
    }
  }
}

#if HWY_TARGET == HWY_WASM

template <class Type, size_t kTokens>
HWY_INLINE size_t WideTiles(const Tensor& w, size_t group, const Wide& wide, const Activations& x,
                            size_t token, size_t n_tokens, float* y) {
  alignas(16) float rows[kTokens * kGroupRows];
  for (; token + kTokens <= n_tokens; token += kTokens) {
    for (size_t row = 0; row < kGroupRows; row += kTileRows) {
      WideTile<Type::kMinimum, kTokens>(wide, x, row, token, rows);
    }
    StoreRows(w, group, rows, kTokens, y + token * w.rows);
  }
  return token;
}

// One vector. In a function of its own: engines share out their registers by
// function, and a large one spills in its loops.
template <class Type>
HWY_NOINLINE void MatVecBlocks(const Tensor& w, const Activations& x, float* y) {
  alignas(16) float rows[kGroupRows];
  const size_t groups = (w.first_row + w.rows + kGroupRows - 1) / kGroupRows;
  const size_t group_bytes = kGroupRows * w.row_bytes;
  const uint8_t* data = w.data;
  for (size_t group = 0; group < groups; ++group, data += group_bytes) {
    Tile<Type>(data, x, rows);
    StoreRows(w, group, rows, 1, y);
  }
}

template <class Type>
HWY_NOINLINE void MatMulBlocks(const Tensor& w, const Activations& x, size_t n_tokens, float* y) {
  if (n_tokens == 1) return MatVecBlocks<Type>(w, x, y);
  const size_t groups = (w.first_row + w.rows + kGroupRows - 1) / kGroupRows;
  Wide wide;
  wide.steps = x.sum + n_tokens * x.blocks;
  wide.minima = wide.steps + x.blocks * kGroupRows;
  wide.codes = reinterpret_cast<int16_t*>(wide.minima + x.blocks * kGroupRows);
  for (size_t group = 0; group < groups; ++group) {
    const uint8_t* data = w.data + group * kGroupRows * w.row_bytes;
    Widen<Type>(data, x.blocks, wide);
    const size_t token = WideTiles<Type, kTileTokens>(w, group, wide, x, 0, n_tokens, y);
    WideTiles<Type, 1>(w, group, wide, x, token, n_tokens, y);
  }
}

#else

template <class Type>
HWY_NOINLINE void MatMulBlocks(const Tensor& w, const Activations& x, size_t n_tokens, float* y) {
  alignas(64) float rows[kTileTokens * kGroupRows];
  const size_t groups = (w.first_row + w.rows + kGroupRows - 1) / kGroupRows;
  for (size_t group = 0; group < groups; ++group) {
    const uint8_t* data = w.data + group * kGroupRows * w.row_bytes;
    size_t token = 0;
    for (; token + kTileTokens <= n_tokens; token += kTileTokens) {
      Tile<Type, kTileTokens>(data, x, token, rows);
      StoreRows(w, group, rows, kTileTokens, y + token * w.rows);
    }
    for (; token < n_tokens; ++token) {
      Tile<Type, 1>(data, x, token, rows);
      StoreRows(w, group, rows, 1, y + token * w.rows);
    }
  }
}

#endif

inline void MatMulAny(const Tensor& w, const float* x, size_t n_tokens, float* y,
                      uint8_t* scratch) {
  if (w.type == ECHO_F32) {
    MatMulFloats<F32>(w, x, n_tokens, y);
    return;
  }
  if (w.type == ECHO_F16) {
    // As in ggml, the vector is rounded too; it takes the unit that the weights leave.
    float* rounded = reinterpret_cast<float*>(scratch);
    RoundToHalves(x, n_tokens * w.columns, HalfUnit(w.raised), rounded);
    MatMulFloats<F16>(w, rounded, n_tokens, y);
    return;
  }
  const Activations a = QuantizeActivations(w, x, n_tokens, scratch);
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
