// The arithmetic of least squares in float64, as plain functions: each picks the best SIMD
// instructions of the machine at run time, like those of ops.h. Arrays are row-major, shapes
// stand in parentheses.
#ifndef DEEP_TREE_ECHO_OPS_LEAST_SQUARES_H_
#define DEEP_TREE_ECHO_OPS_LEAST_SQUARES_H_

#include <cstddef>

namespace echo::ops {

// ------------------------------------------------------------ whole series

// Rows that GramAdd takes at once, so that what it packs stays in the cache.
constexpr size_t kGramRows = 256;

// Numbers of scratch for GramAdd with at most n_rows rows.
size_t GramScratch(size_t n_rows, size_t width);

// gram (n, width) += X^T Z where Z = rows (n_rows, width) and X its first n columns; only the
// elements (i, j) with j >= i. At most kGramRows rows.
void GramAdd(const double* rows, size_t n_rows, size_t width, size_t n, double* gram,
             double* scratch);

// The lower triangle of matrix (n, n) becomes L with L L^T = matrix. Returns n, or the first
// index whose pivot is not above `tolerance` times its diagonal element, or not positive.
size_t Cholesky(double* matrix, size_t n, double tolerance, double* pivot);

// x (n) becomes the solution of L L^T y = x, L the lower triangle of factor (n, n).
void CholeskySolve(const double* factor, size_t n, double* x);

// ------------------------------------------------------- sample by sample

// A symmetric matrix, half of it stored, in blocks of kBlock rows: block b holds its rows up to
// the end of its own diagonal square, kBlock (b + 1) columns each; the square is stored whole. So
// rows are whole vectors on every machine. n is a multiple of kBlock.
constexpr size_t kBlock = 8;

// Numbers that are stored.
constexpr size_t SymmetricSize(size_t n) { return n * (n + kBlock) / 2; }

// Where element (i, j) is stored; the block of j is not after that of i.
constexpr size_t SymmetricAt(size_t i, size_t j) {
  const size_t first = i / kBlock * kBlock;
  return SymmetricSize(first) + (i - first) * (first + kBlock) + j;
}

// y = matrix x: x, y (n).
void SymmetricProduct(const double* matrix, const double* x, size_t n, double* y);

// matrix = scale (matrix - the sum of v v^T over the rows v of vectors (rank, n)).
void SymmetricDowndate(const double* vectors, size_t rank, size_t n, double scale, double* matrix);

// The sum of a[i] b[i]: a, b (n).
double Dot(const double* a, const double* b, size_t n);

// y += scale x: x, y (n).
void AddScaled(double scale, const double* x, size_t n, double* y);

}  // namespace echo::ops
#endif  // DEEP_TREE_ECHO_OPS_LEAST_SQUARES_H_
