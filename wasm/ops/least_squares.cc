// Compiles the kernels of least squares for every SIMD target and picks one at run time.
#include "ops/least_squares.h"

// Arrays of vectors need vectors of a known size.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_ALL_SVE | HWY_RVV | HWY_SSSE3)
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/least_squares.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// Must come after foreach_target.h.
#include "hwy/highway.h"
#include "ops/cholesky-inl.h"
#include "ops/double-inl.h"
#include "ops/gram-inl.h"
#include "ops/symmetric-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {

double DotAll(const double* a, const double* b, size_t n) { return DotDoubles(a, b, n); }

void AddScaledAll(double scale, const double* x, size_t n, double* y) {
  AddScaledDoubles(scale, x, n, y);
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace echo::ops {

HWY_EXPORT(GramScratchAll);
HWY_EXPORT(GramAddAll);
HWY_EXPORT(CholeskyAll);
HWY_EXPORT(CholeskySolveAll);
HWY_EXPORT(SymmetricProductAll);
HWY_EXPORT(SymmetricDowndateAll);
HWY_EXPORT(DotAll);
HWY_EXPORT(AddScaledAll);

size_t GramScratch(size_t n_rows, size_t width) {
  return HWY_DYNAMIC_DISPATCH(GramScratchAll)(n_rows, width);
}

void GramAdd(const double* rows, size_t n_rows, size_t width, size_t n, double* gram,
             double* scratch) {
  HWY_DYNAMIC_DISPATCH(GramAddAll)(rows, n_rows, width, n, gram, scratch);
}

size_t Cholesky(double* matrix, size_t n, double tolerance, double* pivot) {
  return HWY_DYNAMIC_DISPATCH(CholeskyAll)(matrix, n, tolerance, pivot);
}

void CholeskySolve(const double* factor, size_t n, double* x) {
  HWY_DYNAMIC_DISPATCH(CholeskySolveAll)(factor, n, x);
}

void SymmetricProduct(const double* matrix, const double* x, size_t n, double* y) {
  HWY_DYNAMIC_DISPATCH(SymmetricProductAll)(matrix, x, n, y);
}

void SymmetricDowndate(const double* vectors, size_t rank, size_t n, double scale, double* matrix) {
  HWY_DYNAMIC_DISPATCH(SymmetricDowndateAll)(vectors, rank, n, scale, matrix);
}

double Dot(const double* a, const double* b, size_t n) {
  return HWY_DYNAMIC_DISPATCH(DotAll)(a, b, n);
}

void AddScaled(double scale, const double* x, size_t n, double* y) {
  HWY_DYNAMIC_DISPATCH(AddScaledAll)(scale, x, n, y);
}

}  // namespace echo::ops
#endif  // HWY_ONCE
