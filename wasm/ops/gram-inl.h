// The sums of products of all pairs of columns, for the normal equations.
#if defined(DEEP_TREE_ECHO_OPS_GRAM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_GRAM_INL_H_
#undef DEEP_TREE_ECHO_OPS_GRAM_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_GRAM_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "ops/double-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// A tile of the result that stays in registers: kTileRows by kTileVectors vectors.
// Sixteen registers hold twelve vectors of sums and what feeds them; AVX-512 has 32.
inline constexpr size_t kLanes = hn::MaxLanes(Doubles());
inline constexpr size_t kTileRows = kLanes == 8 ? 8 : 4;
inline constexpr size_t kTileVectors = kLanes == 2 ? 2 : 3;
inline constexpr size_t kPanel = kTileVectors * kLanes;  // columns of a tile
static_assert(kPanel % kTileRows == 0, "the rows of a tile lie in one panel");

// panels (ceil(width / kPanel), n_rows, kPanel) = the columns of rows (n_rows, width), zeros past
// the last.
inline void PackPanels(const double* rows, size_t n_rows, size_t width, double* panels) {
  for (size_t first = 0; first < width; first += kPanel) {
    const size_t used = std::min(kPanel, width - first);
    for (size_t t = 0; t < n_rows; ++t, panels += kPanel) {
      const double* row = rows + t * width + first;
      for (size_t c = 0; c < used; ++c) panels[c] = row[c];
      for (size_t c = used; c < kPanel; ++c) panels[c] = 0.0;
    }
  }
}

// tile (kTileRows, kPanel) = left^T right: left, right (n_rows, kPanel), of left kTileRows columns.
HWY_INLINE void GramTile(const double* left, const double* right, size_t n_rows, double* tile) {
  const Doubles d;
  DoubleVec sums[kTileRows][kTileVectors];
  for (auto& row : sums) {
    for (DoubleVec& sum : row) sum = hn::Zero(d);
  }
  for (size_t t = 0; t < n_rows; ++t, left += kPanel, right += kPanel) {
    DoubleVec columns[kTileVectors];
    for (size_t v = 0; v < kTileVectors; ++v) columns[v] = hn::LoadU(d, right + v * kLanes);
    for (size_t r = 0; r < kTileRows; ++r) {
      const DoubleVec factor = hn::Set(d, left[r]);
      for (size_t v = 0; v < kTileVectors; ++v) {
        sums[r][v] = hn::MulAdd(factor, columns[v], sums[r][v]);
      }
    }
  }
  for (size_t r = 0; r < kTileRows; ++r) {
    for (size_t v = 0; v < kTileVectors; ++v) {
      hn::StoreU(sums[r][v], d, tile + r * kPanel + v * kLanes);
    }
  }
}

// gram (n, width) += the first n columns of rows, transposed, times rows (n_rows, width); only
// elements (i, j) with j >= i. `panels` has room for GramScratchAll() numbers.
inline void GramAddAll(const double* rows, size_t n_rows, size_t width, size_t n, double* gram,
                       double* panels) {
  PackPanels(rows, n_rows, width, panels);
  double tile[kTileRows * kPanel];
  for (size_t first = 0; first < width; first += kPanel) {
    const double* right = panels + first * n_rows;
    const size_t last = std::min(first + kPanel, width);
    for (size_t row = 0; row < std::min(last, n); row += kTileRows) {
      const double* left = panels + (row - row % kPanel) * n_rows + row % kPanel;
      GramTile(left, right, n_rows, tile);
      for (size_t r = 0; r < kTileRows && row + r < n; ++r) {
        double* sums = gram + (row + r) * width;
        const double* products = tile + r * kPanel;
        for (size_t j = std::max(first, row + r); j < last; ++j) sums[j] += products[j - first];
      }
    }
  }
}

// Numbers of scratch for GramAddAll.
inline size_t GramScratchAll(size_t n_rows, size_t width) {
  return (width + kPanel - 1) / kPanel * kPanel * n_rows;
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
