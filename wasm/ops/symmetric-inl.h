// A symmetric matrix of float64, half of it stored as least_squares.h says: products with vectors
// and updates of low rank.
#if defined(DEEP_TREE_ECHO_OPS_SYMMETRIC_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_SYMMETRIC_INL_H_
#undef DEEP_TREE_ECHO_OPS_SYMMETRIC_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_SYMMETRIC_INL_H_
#endif

#include <cstddef>

#include "ops/double-inl.h"
#include "ops/least_squares.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

// Rows that are read together; a block is two such bands.
inline constexpr size_t kBand = kBlock / 2;

// y = matrix x: matrix as above, x, y (n).
inline void SymmetricProductAll(const double* matrix, const double* x, size_t n, double* y) {
  const Doubles d;
  const size_t lanes = hn::Lanes(d);
  for (size_t first = 0; first < n; first += kBlock) {
    const size_t columns = first + kBlock;
    for (size_t band = 0; band < kBlock; band += kBand, matrix += kBand * columns) {
      // Left of the square an element stands for two: (i, j) and (j, i).
      DoubleVec sums[kBand];
      DoubleVec factors[kBand];
      for (size_t r = 0; r < kBand; ++r) {
        sums[r] = hn::Zero(d);
        factors[r] = hn::Set(d, x[first + band + r]);
      }
      for (size_t j = 0; j < first; j += lanes) {
        const DoubleVec column = hn::LoadU(d, x + j);
        DoubleVec sum = hn::LoadU(d, y + j);
        for (size_t r = 0; r < kBand; ++r) {
          const DoubleVec element = hn::LoadU(d, matrix + r * columns + j);
          sums[r] = hn::MulAdd(element, column, sums[r]);
          sum = hn::MulAdd(element, factors[r], sum);
        }
        hn::StoreU(sum, d, y + j);
      }
      for (size_t j = first; j < columns; j += lanes) {
        const DoubleVec column = hn::LoadU(d, x + j);
        for (size_t r = 0; r < kBand; ++r) {
          sums[r] = hn::MulAdd(hn::LoadU(d, matrix + r * columns + j), column, sums[r]);
        }
      }
      for (size_t r = 0; r < kBand; ++r) y[first + band + r] = hn::ReduceSum(d, sums[r]);
    }
  }
}

// matrix = scale (matrix - the sum of v v^T over the rows v of vectors (rank, n)).
inline void SymmetricDowndateAll(const double* vectors, size_t rank, size_t n, double scale,
                                 double* matrix) {
  const Doubles d;
  const size_t lanes = hn::Lanes(d);
  const DoubleVec factor = hn::Set(d, scale);
  for (size_t first = 0; first < n; first += kBlock) {
    const size_t columns = first + kBlock;
    for (size_t band = 0; band < kBlock; band += kBand, matrix += kBand * columns) {
      for (size_t j = 0; j < columns; j += lanes) {
        DoubleVec elements[kBand];
        for (size_t r = 0; r < kBand; ++r) elements[r] = hn::LoadU(d, matrix + r * columns + j);
        for (size_t v = 0; v < rank; ++v) {
          const double* vector = vectors + v * n;
          const DoubleVec column = hn::LoadU(d, vector + j);
          for (size_t r = 0; r < kBand; ++r) {
            elements[r] = hn::NegMulAdd(hn::Set(d, vector[first + band + r]), column, elements[r]);
          }
        }
        for (size_t r = 0; r < kBand; ++r) {
          hn::StoreU(hn::Mul(factor, elements[r]), d, matrix + r * columns + j);
        }
      }
    }
  }
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
