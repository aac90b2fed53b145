// Recursive least squares: weights that follow a series, sample by sample.
#ifndef DEEP_TREE_ECHO_ESN_READOUT_H_
#define DEEP_TREE_ECHO_ESN_READOUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "include/echo.h"

namespace echo::esn {

// Values beyond this are refused, so that no product of them overflows.
constexpr double kLargest = 1e60;

// ECHO_ERROR_ARGUMENT, with the place, if one of values (n) is not finite or beyond kLargest.
echo_status CheckValues(const char* name, const double* values, size_t n);

// With P the inverse of the weighted Gram matrix, x a sample and e its error before the update:
//   k = P x,  g = 1 / (forgetting + x k),  W += e (g k)^T,  P = (P - g k k^T) / forgetting
// P is kept as scale (Q - the sum of v v^T over a few pending v): Q is read once for every sample
// and written only when all places for v are taken.
class Rls {
 public:
  static echo_status Create(const echo_rls_settings& settings, std::unique_ptr<Rls>* made);

  // states (count, n_features), targets (count, n_outputs); outputs, likewise, are those before
  // each update, or NULL. A refused value changes nothing.
  echo_status Update(const double* states, const double* targets, size_t count, double* outputs);

  // outputs (count, n_outputs) for states (count, n_features).
  echo_status Predict(const double* states, size_t count, double* outputs);

  // weights (n_outputs, width) and covariance (width, width), which is P; each may be NULL.
  // width is n_features + bias, the bias last.
  void Get(double* weights, double* covariance) const;
  echo_status Set(const double* weights, const double* covariance);

 private:
  static constexpr size_t kPending = 8;

  explicit Rls(const echo_rls_settings& settings);

  void Load(const double* state);
  void Learn(const double* target, double* output);
  void Flush();

  echo_rls_settings settings_;
  size_t width_;   // features and bias
  size_t padded_;  // width_, rounded up to whole blocks
  size_t n_pending_ = 0;
  double scale_ = 1.0;
  bool hold_ = false;  // P has grown to its limit: nothing is forgotten until it shrinks

  std::unique_ptr<double[]> q_;        // SymmetricSize(padded_)
  std::unique_ptr<double[]> pending_;  // (kPending, padded_)
  std::unique_ptr<double[]> weights_;  // (n_outputs, padded_)
  std::unique_ptr<double[]> x_;        // (padded_) the sample, its bias, zeros
  std::unique_ptr<double[]> k_;        // (padded_)
};

// Least mean squares: W += rate e x^T, with rate / (offset + x x) if `normalised`. weights
// (n_outputs, n_features + bias), the rest as in Rls::Update.
void LmsUpdate(const echo_lms_settings& settings, const double* states, const double* targets,
               size_t count, double* weights, double* outputs);

}  // namespace echo::esn
#endif  // DEEP_TREE_ECHO_ESN_READOUT_H_
