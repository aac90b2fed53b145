// Recursive least squares and least mean squares.
#include "esn/readout.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "ops/least_squares.h"
#include "status.h"

namespace echo::esn {
namespace {

// How far forgetting may take P above its start, where no sample holds it down.
constexpr double kMostGrowth = 1e6;
// Numbers in one array, so that sizes in bytes cannot wrap in 32 bits.
constexpr uint64_t kMostNumbers = uint64_t{1} << 27;

std::unique_ptr<double[]> Zeros(size_t n) {
  return std::unique_ptr<double[]>(new (std::nothrow) double[n]());
}

}  // namespace

echo_status CheckValues(const char* name, const double* values, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    // Written so that NaN is refused, too.
    if (!(std::fabs(values[i]) <= kLargest)) {
      return Fail(ECHO_ERROR_ARGUMENT,
                  "%s has %g at number %zu; all must be finite and at most %g.", name, values[i], i,
                  kLargest);
    }
  }
  return ECHO_OK;
}

Rls::Rls(const echo_rls_settings& settings)
    : settings_(settings),
      width_(static_cast<size_t>(settings.n_features) + (settings.bias != 0 ? 1 : 0)),
      padded_((width_ + ops::kBlock - 1) / ops::kBlock * ops::kBlock) {}

echo_status Rls::Create(const echo_rls_settings& settings, std::unique_ptr<Rls>* made) {
  if (settings.n_features == 0 || settings.n_outputs == 0 ||
      settings.n_features >= kMostNumbers / (settings.n_features + ops::kBlock) ||
      settings.n_outputs >= kMostNumbers / (settings.n_features + ops::kBlock)) {
    return Fail(ECHO_ERROR_ARGUMENT,
                "%llu features and %llu outputs are too few or too many for recursive least "
                "squares.",
                static_cast<unsigned long long>(settings.n_features),
                static_cast<unsigned long long>(settings.n_outputs));
  }
  if (!(settings.forgetting > 0.0 && settings.forgetting <= 1.0)) {
    return Fail(ECHO_ERROR_ARGUMENT, "forgetting is %g; it must lie in (0, 1].",
                settings.forgetting);
  }
  if (!(settings.start >= 1.0 / kLargest && settings.start <= kLargest)) {
    return Fail(ECHO_ERROR_ARGUMENT, "The start of P is %g; it must lie in [%g, %g].",
                settings.start, 1.0 / kLargest, kLargest);
  }
  std::unique_ptr<Rls> rls(new (std::nothrow) Rls(settings));
  if (rls != nullptr) {
    rls->q_ = Zeros(ops::SymmetricSize(rls->padded_));
    rls->pending_ = Zeros(kPending * rls->padded_);
    rls->weights_ = Zeros(static_cast<size_t>(settings.n_outputs) * rls->padded_);
    rls->x_ = Zeros(rls->padded_);
    rls->k_ = Zeros(rls->padded_);
  }
  if (rls == nullptr || !rls->q_ || !rls->pending_ || !rls->weights_ || !rls->x_ || !rls->k_) {
    return Fail(ECHO_ERROR_MEMORY,
                "There is no memory for recursive least squares of %llu "
                "features.",
                static_cast<unsigned long long>(settings.n_features));
  }
  for (size_t i = 0; i < rls->width_; ++i) rls->q_[ops::SymmetricAt(i, i)] = settings.start;
  *made = std::move(rls);
  return ECHO_OK;
}

void Rls::Load(const double* state) {
  std::copy_n(state, settings_.n_features, x_.get());
  if (settings_.bias != 0) x_[width_ - 1] = 1.0;
}

echo_status Rls::Update(const double* states, const double* targets, size_t count,
                        double* outputs) {
  const size_t n_features = settings_.n_features;
  const size_t n_outputs = settings_.n_outputs;
  echo_status status = CheckValues("states", states, count * n_features);
  if (status == ECHO_OK) status = CheckValues("targets", targets, count * n_outputs);
  if (status != ECHO_OK) return status;
  for (size_t t = 0; t < count; ++t) {
    Load(states + t * n_features);
    Learn(targets + t * n_outputs, outputs == nullptr ? nullptr : outputs + t * n_outputs);
  }
  return ECHO_OK;
}

void Rls::Learn(const double* target, double* output) {
  ops::SymmetricProduct(q_.get(), x_.get(), padded_, k_.get());
  for (size_t p = 0; p < n_pending_; ++p) {
    const double* v = pending_.get() + p * padded_;
    ops::AddScaled(-ops::Dot(v, x_.get(), padded_), v, padded_, k_.get());
  }
  // k is Q x here; P x is scale k. Rounding may take a small x P x below zero.
  const double spread = std::max(0.0, scale_ * ops::Dot(x_.get(), k_.get(), padded_));
  const double forgetting = hold_ ? 1.0 : settings_.forgetting;
  const double gain = 1.0 / (forgetting + spread);
  for (size_t o = 0; o < settings_.n_outputs; ++o) {
    double* row = weights_.get() + o * padded_;
    const double found = ops::Dot(row, x_.get(), padded_);
    ops::AddScaled((target[o] - found) * gain * scale_, k_.get(), padded_, row);
    if (output != nullptr) output[o] = found;
  }
  // g (scale k)(scale k)^T = scale v v^T.
  double* v = pending_.get() + n_pending_ * padded_;
  const double root = std::sqrt(gain * scale_);
  for (size_t i = 0; i < padded_; ++i) v[i] = root * k_[i];
  scale_ /= forgetting;
  if (++n_pending_ == kPending) Flush();
}

void Rls::Flush() {
  ops::SymmetricDowndate(pending_.get(), n_pending_, padded_, scale_, q_.get());
  n_pending_ = 0;
  scale_ = 1.0;
  double most = 0.0;
  for (size_t i = 0; i < width_; ++i) most = std::max(most, q_[ops::SymmetricAt(i, i)]);
  hold_ = most > kMostGrowth * settings_.start;
}

echo_status Rls::Predict(const double* states, size_t count, double* outputs) {
  const echo_status status = CheckValues("states", states, count * settings_.n_features);
  if (status != ECHO_OK) return status;
  for (size_t t = 0; t < count; ++t) {
    Load(states + t * settings_.n_features);
    for (size_t o = 0; o < settings_.n_outputs; ++o) {
      *outputs++ = ops::Dot(weights_.get() + o * padded_, x_.get(), padded_);
    }
  }
  return ECHO_OK;
}

void Rls::Get(double* weights, double* covariance) const {
  if (weights != nullptr) {
    for (size_t o = 0; o < settings_.n_outputs; ++o) {
      std::copy_n(weights_.get() + o * padded_, width_, weights + o * width_);
    }
  }
  if (covariance == nullptr) return;
  // The pending vectors stay pending, so that looking changes no later bit.
  for (size_t i = 0; i < width_; ++i) {
    double* row = covariance + i * width_;
    for (size_t j = 0; j <= i; ++j) row[j] = q_[ops::SymmetricAt(i, j)];
    for (size_t p = 0; p < n_pending_; ++p) {
      const double* v = pending_.get() + p * padded_;
      ops::AddScaled(-v[i], v, i + 1, row);
    }
    for (size_t j = 0; j <= i; ++j) covariance[j * width_ + i] = row[j] *= scale_;
  }
}

echo_status Rls::Set(const double* weights, const double* covariance) {
  const size_t n_weights = static_cast<size_t>(settings_.n_outputs) * width_;
  echo_status status = CheckValues("weights", weights, n_weights);
  if (status == ECHO_OK) status = CheckValues("covariance", covariance, width_ * width_);
  if (status != ECHO_OK) return status;
  for (size_t o = 0; o < settings_.n_outputs; ++o) {
    std::copy_n(weights + o * width_, width_, weights_.get() + o * padded_);
  }
  for (size_t i = 0; i < width_; ++i) {
    const size_t end = std::min(width_, i / ops::kBlock * ops::kBlock + ops::kBlock);
    for (size_t j = 0; j < end; ++j) {
      q_[ops::SymmetricAt(i, j)] = covariance[std::max(i, j) * width_ + std::min(i, j)];
    }
  }
  n_pending_ = 0;
  scale_ = 1.0;
  hold_ = false;
  return ECHO_OK;
}

void LmsUpdate(const echo_lms_settings& settings, const double* states, const double* targets,
               size_t count, double* weights, double* outputs) {
  const size_t n = settings.n_features;
  const bool bias = settings.bias != 0;
  const size_t width = n + (bias ? 1 : 0);
  for (size_t t = 0; t < count; ++t) {
    const double* x = states + t * n;
    double rate = settings.rate;
    if (settings.normalised != 0) {
      rate /= settings.offset + ops::Dot(x, x, n) + (bias ? 1.0 : 0.0);
    }
    for (size_t o = 0; o < settings.n_outputs; ++o) {
      double* row = weights + o * width;
      const double found = ops::Dot(row, x, n) + (bias ? row[n] : 0.0);
      const double step = rate * (*targets++ - found);
      ops::AddScaled(step, x, n, row);
      if (bias) row[n] += step;
      if (outputs != nullptr) *outputs++ = found;
    }
  }
}

}  // namespace echo::esn
