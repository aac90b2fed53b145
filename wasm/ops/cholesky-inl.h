// Positive definite systems of linear equations: Cholesky's factor by rows, so that every inner
// loop is a dot product of neighbours.
#if defined(DEEP_TREE_ECHO_OPS_CHOLESKY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_CHOLESKY_INL_H_
#undef DEEP_TREE_ECHO_OPS_CHOLESKY_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_CHOLESKY_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "ops/double-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

inline constexpr size_t kQuad = 4;

// dots (kQuad, 2): the dot products of four rows with two, the first n elements of each.
HWY_INLINE void DotQuad(const double* const* four, const double* const* two, size_t n,
                        double (*dots)[2]) {
  const Doubles d;
  const size_t lanes = hn::Lanes(d);
  DoubleVec sums[kQuad][2];
  for (auto& row : sums) row[0] = row[1] = hn::Zero(d);
  size_t k = 0;
  for (; k + lanes <= n; k += lanes) {
    const DoubleVec a = hn::LoadU(d, two[0] + k);
    const DoubleVec b = hn::LoadU(d, two[1] + k);
    for (size_t r = 0; r < kQuad; ++r) {
      const DoubleVec row = hn::LoadU(d, four[r] + k);
      sums[r][0] = hn::MulAdd(row, a, sums[r][0]);
      sums[r][1] = hn::MulAdd(row, b, sums[r][1]);
    }
  }
  for (size_t r = 0; r < kQuad; ++r) {
    for (size_t c = 0; c < 2; ++c) {
      double sum = hn::ReduceSum(d, sums[r][c]);
      for (size_t j = k; j < n; ++j) sum += four[r][j] * two[c][j];
      dots[r][c] = sum;
    }
  }
}

// The lower triangle of matrix (n, n) becomes its factor L with L L^T = matrix. Returns n, or the
// first index whose pivot is not above `tolerance` times its diagonal element; `pivot` is that.
inline size_t CholeskyAll(double* matrix, size_t n, double tolerance, double* pivot) {
  for (size_t first = 0; first < n; first += kQuad) {
    const size_t used = std::min(kQuad, n - first);
    double* rows[kQuad];
    for (size_t r = 0; r < kQuad; ++r) rows[r] = matrix + (first + std::min(r, used - 1)) * n;
    for (size_t j = 0; j < first; j += 2) {
      const double* two[2] = {matrix + j * n, matrix + (j + 1) * n};
      double dots[kQuad][2];
      DotQuad(rows, two, j, dots);
      for (size_t r = 0; r < used; ++r) {
        const double left = (rows[r][j] - dots[r][0]) / two[0][j];
        rows[r][j] = left;
        rows[r][j + 1] = (rows[r][j + 1] - dots[r][1] - left * two[1][j]) / two[1][j + 1];
      }
    }
    for (size_t r = 0; r < used; ++r) {
      double* row = rows[r];
      for (size_t j = first; j < first + r; ++j) {
        const double* other = matrix + j * n;
        row[j] = (row[j] - DotDoubles(row, other, j)) / other[j];
      }
      const size_t i = first + r;
      const double rest = row[i] - DotDoubles(row, row, i);
      // Written so that NaN fails, too.
      if (!(rest > tolerance * row[i] && rest > 0.0)) {
        *pivot = rest;
        return i;
      }
      row[i] = std::sqrt(rest);
    }
  }
  return n;
}

// x becomes the solution of L L^T y = x: factor (n, n), of which the lower triangle is L, x (n).
inline void CholeskySolveAll(const double* factor, size_t n, double* x) {
  for (size_t i = 0; i < n; ++i) {
    const double* row = factor + i * n;
    x[i] = (x[i] - DotDoubles(row, x, i)) / row[i];
  }
  for (size_t i = n; i-- > 0;) {
    const double* row = factor + i * n;
    x[i] /= row[i];
    AddScaledDoubles(-x[i], row, i, x);
  }
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
