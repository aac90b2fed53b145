// Sums over logits and products with many short vectors, for adaptation, as plain functions: each
// picks the best SIMD instructions of the machine at run time, like those of ops.h.
#ifndef DEEP_TREE_ECHO_OPS_EXPECTATION_H_
#define DEEP_TREE_ECHO_OPS_EXPECTATION_H_

#include <cstddef>

namespace echo::ops {

// The largest of x (n), n at least 1; NaN if any is NaN.
float Largest(const float* x, size_t n);

// The sum of exp(x - top) over x (n), none of which is above top.
double SumExponentials(const float* x, size_t n, float top);

// y = matrix x: matrix (n, width), x (width), y (n).
void Products(const float* matrix, size_t n, size_t width, const float* x, float* y);

// y = exp(scale (x - top)): x, y (n).
void Exponentials(const float* x, size_t n, float scale, float top, float* y);

}  // namespace echo::ops
#endif  // DEEP_TREE_ECHO_OPS_EXPECTATION_H_
