// The part of the C interface that serves adaptation.
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "adaptation/expectation.h"
#include "include/echo.h"
#include "ops/expectation.h"
#include "status.h"

echo_status echo_expect(echo_expectation* expectation) {
  ECHO_CHECK_NULL(expectation);
  ECHO_CHECK_NULL(expectation->logits);
  ECHO_CHECK_NULL(expectation->tokens);
  ECHO_CHECK_NULL(expectation->corrections);
  ECHO_CHECK_NULL(expectation->contexts);
  ECHO_CHECK_NULL(expectation->followers);
  ECHO_CHECK_NULL(expectation->vector);
  ECHO_CHECK_NULL(expectation->weights);
  ECHO_CHECK_NULL(expectation->experts);
  ECHO_CHECK_NULL(expectation->mixed);
  ECHO_CHECK_NULL(expectation->signs);
  ECHO_CHECK_NULL(expectation->shares);
  ECHO_CHECK_NULL(expectation->rests);
  ECHO_CHECK_NULL(expectation->work);
  if (expectation->n_vocab == 0 || expectation->n_slots == 0 || expectation->n_contexts == 0) {
    return echo::Fail(ECHO_ERROR_ARGUMENT,
                      "Nothing is expected of no logits, slots or contexts; give one at least.");
  }
  return echo::adaptation::Expect(expectation);
}

echo_status echo_project(const float* matrix, size_t n, size_t width, const float* x, float* unit) {
  ECHO_CHECK_NULL(x);
  ECHO_CHECK_NULL(unit);
  if (matrix != nullptr) {
    echo::ops::Products(matrix, n, width, x, unit);
  } else if (n == width) {
    std::copy_n(x, n, unit);
  } else {
    return echo::Fail(ECHO_ERROR_ARGUMENT,
                      "n is %zu and width %zu; without a matrix both must be the same.", n, width);
  }
  float square = 0.0f;
  echo::ops::Products(unit, 1, n, unit, &square);
  const float factor = 1.0f / std::max(std::sqrt(square), 1e-12f);
  for (size_t i = 0; i < n; ++i) unit[i] *= factor;
  return ECHO_OK;
}
