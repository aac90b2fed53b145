// The part of the C interface that fits readouts.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "esn/readout.h"
#include "include/echo.h"
#include "ops/least_squares.h"
#include "status.h"

struct echo_rls {
  std::unique_ptr<echo::esn::Rls> object;
};

namespace {

// Uninitialised numbers at the start of a cache line, freed by the same rule.
struct AlignedDelete {
  void operator()(double* numbers) const {
    ::operator delete[](numbers, std::align_val_t(64), std::nothrow);
  }
};
using Numbers = std::unique_ptr<double[], AlignedDelete>;

Numbers Allocate(size_t n) {
  if (n > SIZE_MAX / sizeof(double)) return nullptr;
  return Numbers(static_cast<double*>(
      ::operator new[](n * sizeof(double), std::align_val_t(64), std::nothrow)));
}

echo_status NoMemory() { return echo::Fail(ECHO_ERROR_MEMORY, "There is no memory left."); }

}  // namespace

echo_status echo_gram_add(const double* rows, size_t n_rows, size_t width, size_t n, double* gram) {
  ECHO_CHECK_NULL(rows);
  ECHO_CHECK_NULL(gram);
  if (n > width) {
    return echo::Fail(ECHO_ERROR_ARGUMENT, "n is %zu; it must be at most the width, %zu.", n,
                      width);
  }
  const size_t most = std::min(n_rows, echo::ops::kGramRows);
  const Numbers scratch = Allocate(echo::ops::GramScratch(most, width));
  if (scratch == nullptr) return NoMemory();
  for (size_t row = 0; row < n_rows; row += most) {
    echo::ops::GramAdd(rows + row * width, std::min(most, n_rows - row), width, n, gram,
                       scratch.get());
  }
  return ECHO_OK;
}

echo_status echo_gram_solve(const double* matrix, size_t n, double tolerance, const double* right,
                            size_t n_right, double* solution) {
  ECHO_CHECK_NULL(matrix);
  ECHO_CHECK_NULL(right);
  ECHO_CHECK_NULL(solution);
  if (n == 0 || n > SIZE_MAX / sizeof(double) / n) {
    return echo::Fail(ECHO_ERROR_ARGUMENT, "n is %zu; that is too few or too many.", n);
  }
  const Numbers factor = Allocate(n * n);
  if (factor == nullptr) return NoMemory();
  for (size_t i = 0; i < n; ++i) std::copy_n(matrix + i * n, i + 1, factor.get() + i * n);
  double pivot = 0.0;
  const size_t done = echo::ops::Cholesky(factor.get(), n, tolerance, &pivot);
  if (done < n) {
    return echo::Fail(ECHO_ERROR_ARGUMENT,
                      "The matrix is not positive definite: pivot %zu is %g, of %g.", done, pivot,
                      matrix[done * n + done]);
  }
  if (solution != right) std::copy_n(right, n_right * n, solution);
  for (size_t i = 0; i < n_right; ++i) echo::ops::CholeskySolve(factor.get(), n, solution + i * n);
  return ECHO_OK;
}

echo_status echo_rls_new(const echo_rls_settings* settings, echo_rls** rls) {
  ECHO_CHECK_NULL(settings);
  ECHO_CHECK_NULL(rls);
  std::unique_ptr<echo::esn::Rls> object;
  const echo_status status = echo::esn::Rls::Create(*settings, &object);
  if (status != ECHO_OK) return status;
  echo_rls* made = new (std::nothrow) echo_rls{std::move(object)};
  if (made == nullptr) return NoMemory();
  *rls = made;
  return ECHO_OK;
}

void echo_rls_free(echo_rls* rls) { delete rls; }

echo_status echo_rls_update(echo_rls* rls, const double* states, const double* targets,
                            size_t count, double* outputs) {
  ECHO_CHECK_NULL(rls);
  ECHO_CHECK_NULL(states);
  ECHO_CHECK_NULL(targets);
  return rls->object->Update(states, targets, count, outputs);
}

echo_status echo_rls_predict(echo_rls* rls, const double* states, size_t count, double* outputs) {
  ECHO_CHECK_NULL(rls);
  ECHO_CHECK_NULL(states);
  ECHO_CHECK_NULL(outputs);
  return rls->object->Predict(states, count, outputs);
}

echo_status echo_rls_get(const echo_rls* rls, double* weights, double* covariance) {
  ECHO_CHECK_NULL(rls);
  rls->object->Get(weights, covariance);
  return ECHO_OK;
}

echo_status echo_rls_set(echo_rls* rls, const double* weights, const double* covariance) {
  ECHO_CHECK_NULL(rls);
  ECHO_CHECK_NULL(weights);
  ECHO_CHECK_NULL(covariance);
  return rls->object->Set(weights, covariance);
}

echo_status echo_lms_update(const echo_lms_settings* settings, const double* states,
                            const double* targets, size_t count, double* weights, double* outputs) {
  ECHO_CHECK_NULL(settings);
  ECHO_CHECK_NULL(states);
  ECHO_CHECK_NULL(targets);
  ECHO_CHECK_NULL(weights);
  const size_t n_features = settings->n_features;
  const size_t n_outputs = settings->n_outputs;
  echo_status status = echo::esn::CheckValues("states", states, count * n_features);
  if (status == ECHO_OK) {
    status = echo::esn::CheckValues("targets", targets, count * n_outputs);
  }
  if (status != ECHO_OK) return status;
  echo::esn::LmsUpdate(*settings, states, targets, count, weights, outputs);
  return ECHO_OK;
}
