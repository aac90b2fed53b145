#include "esn/reservoir.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <new>

#include "esn/normal.h"
#include "status.h"
#include "text/random.h"

namespace echo::esn {
namespace {

constexpr uint64_t kMostWeights = uint64_t{1} << 26;

template <class T>
class TypedReservoir : public Reservoir {
 public:
  TypedReservoir(const echo_reservoir_settings& settings, const echo_reservoir_weights& weights)
      : settings_(settings) {
    const size_t size = settings.size;
    const size_t nnz = weights.starts[size];
    const T* values = static_cast<const T*>(weights.values);
    const T* inputs = static_cast<const T*>(weights.inputs);
    const T* feedback = static_cast<const T*>(weights.feedback);
    const T* bias = static_cast<const T*>(weights.bias);
    const T* leak = static_cast<const T*>(weights.leak);
    matrix_.size = size;
    matrix_.starts.assign(weights.starts, weights.starts + size + 1);
    matrix_.columns.assign(weights.columns, weights.columns + nnz);
    matrix_.values.assign(values, values + nnz);
    inputs_.assign(inputs, inputs + size * settings.n_inputs);
    feedback_.assign(feedback, feedback + size * settings.n_feedback);
    bias_.assign(bias, bias + size);
    leak_.assign(leak, leak + size);
  }

  echo_status Run(const Sequence& sequence) override {
    Prepare();
    const size_t size = settings_.size;
    const std::vector<uint16_t>& order = weights_->order();
    const T* before = static_cast<const T*>(sequence.state);
    std::fill(x_.begin(), x_.end(), T{0});
    for (size_t i = 0; i < size; ++i) x_[i] = before[order.empty() ? i : order[i]];
    Random random(0);
    random.set_state(*sequence.random);
    for (size_t t = 0; t < sequence.n_steps; t += ops::kDrivenSteps) {
      const size_t count = std::min(ops::kDrivenSteps, sequence.n_steps - t);
      Drive(sequence, t, count, &random);
      for (size_t k = 0; k < count; ++k) {
        if (!ops::StepReservoir(steps_, x_.data(), drive_.data() + k * steps_.padded,
                                next_.data())) {
          return Fail(ECHO_ERROR_ARGUMENT,
                      "the state is not finite after step %zu of %zu; lower the spectral radius "
                      "or the inputs, or take tanh.",
                      t + k + 1, sequence.n_steps);
        }
        std::swap(x_, next_);
        if (sequence.states != nullptr) {
          Put(static_cast<T*>(sequence.states) + (t + k) * size);
        }
      }
    }
    Put(static_cast<T*>(sequence.state));
    *sequence.random = random.state();
    return ECHO_OK;
  }

 private:
  // Lays everything out for the vectors of the SIMD target in use.
  void Prepare() {
    const size_t lanes = ops::ReservoirLanes(T{});
    if (weights_ != nullptr && weights_->lanes() == lanes) return;
    weights_ = std::make_unique<Weights<T>>(matrix_, lanes);
    const std::vector<uint16_t>& order = weights_->order();
    const size_t size = settings_.size;
    const size_t n_inputs = settings_.n_inputs;
    const size_t n_feedback = settings_.n_feedback;
    const size_t n_driving = n_inputs + n_feedback;
    const size_t rows = ops::kBandVectors * lanes;
    const size_t padded = (size + rows - 1) / rows * rows;
    driving_.assign(padded * n_driving, T{0});
    padded_bias_.assign(padded, T{0});
    padded_leak_.assign(padded, T{0});
    keep_.assign(padded, T{0});
    for (size_t i = 0; i < size; ++i) {
      const size_t unit = order.empty() ? i : order[i];
      padded_bias_[i] = bias_[unit];
      padded_leak_[i] = leak_[unit];
      keep_[i] = T{1} - leak_[unit];
      T* column = driving_.data() + i / lanes * lanes * n_driving + i % lanes;
      for (size_t k = 0; k < n_inputs; ++k) {
        column[k * lanes] = inputs_[unit * n_inputs + k];
      }
      for (size_t k = 0; k < n_feedback; ++k) {
        column[(n_inputs + k) * lanes] = feedback_[unit * n_feedback + k];
      }
    }
    x_.assign(padded + 2 * lanes, T{0});
    next_.assign(padded + 2 * lanes, T{0});
    drive_.assign(ops::kDrivenSteps * padded, T{0});
    driven_.assign(ops::kDrivenSteps * n_driving, T{0});
    steps_ = {size,
              padded,
              n_driving,
              driving_.data(),
              padded_bias_.data(),
              padded_leak_.data(),
              keep_.data(),
              weights_->bands(),
              weights_->rows(),
              static_cast<ops::Activation>(settings_.activation)};
  }

  // What comes from outside into `count` steps from step t on.
  void Drive(const Sequence& sequence, size_t t, size_t count, Random* random) {
    const size_t n_inputs = settings_.n_inputs;
    const size_t n_feedback = settings_.n_feedback;
    const T* inputs = static_cast<const T*>(sequence.inputs) + t * n_inputs;
    const T* feedback = static_cast<const T*>(sequence.feedback);
    for (size_t k = 0; k < count; ++k) {
      T* row = driven_.data() + k * steps_.n_driving;
      std::copy_n(inputs + k * n_inputs, n_inputs, row);
      if (n_feedback > 0) std::copy_n(feedback + (t + k) * n_feedback, n_feedback, row + n_inputs);
    }
    ops::DriveReservoir(steps_, driven_.data(), count, drive_.data());
    if (settings_.noise == 0.0) return;
    const std::vector<uint16_t>& order = weights_->order();
    noise_.resize(settings_.size);
    for (size_t k = 0; k < count; ++k) {
      T* row = drive_.data() + k * steps_.padded;
      // In the order of the units, as Python draws.
      for (T& number : noise_) {
        const double p = random->Uniform53() + 0x1p-54;
        number = static_cast<T>(settings_.noise * NormalQuantile(p));
      }
      for (size_t i = 0; i < noise_.size(); ++i) row[i] += noise_[order.empty() ? i : order[i]];
    }
  }

  void Put(T* state) const {
    const std::vector<uint16_t>& order = weights_->order();
    const size_t size = settings_.size;
    if (order.empty()) {
      std::copy_n(x_.data(), size, state);
      return;
    }
    for (size_t i = 0; i < size; ++i) state[order[i]] = x_[i];
  }

  const echo_reservoir_settings settings_;
  Matrix<T> matrix_;
  std::vector<T> inputs_;    // (size, n_inputs)
  std::vector<T> feedback_;  // (size, n_feedback)
  std::vector<T> bias_;      // (size)
  std::vector<T> leak_;      // (size)
  // All below is made by Prepare.
  std::unique_ptr<Weights<T>> weights_;
  ops::ReservoirSteps<T> steps_{};
  std::vector<T> driving_;
  std::vector<T> padded_bias_;
  std::vector<T> padded_leak_;
  std::vector<T> keep_;
  std::vector<T> x_;       // (padded and two vectors)
  std::vector<T> next_;    // likewise
  std::vector<T> drive_;   // (kDrivenSteps, padded)
  std::vector<T> driven_;  // (kDrivenSteps, n_driving)
  std::vector<T> noise_;   // (size)
};

echo_status CheckMatrix(const echo_reservoir_settings& settings,
                        const echo_reservoir_weights& weights) {
  const uint64_t* starts = weights.starts;
  // A row has at most all columns, so no sum can overflow before it is found out.
  for (size_t row = 0; row < settings.size; ++row) {
    if ((row == 0 && starts[0] != 0) || starts[row + 1] < starts[row] ||
        starts[row + 1] - starts[row] > settings.size) {
      return Fail(ECHO_ERROR_ARGUMENT,
                  "the starts of row %zu are %llu and %llu; they must rise from 0 by at most %u.",
                  row, static_cast<unsigned long long>(starts[row]),
                  static_cast<unsigned long long>(starts[row + 1]), settings.size);
    }
    for (uint64_t k = starts[row]; k < starts[row + 1]; ++k) {
      const uint32_t column = weights.columns[k];
      if (column >= settings.size || (k > starts[row] && column <= weights.columns[k - 1])) {
        return Fail(ECHO_ERROR_ARGUMENT,
                    "column %u in row %zu must be below %u and above the one before.", column, row,
                    settings.size);
      }
    }
  }
  if (starts[settings.size] > kMostWeights) {
    return Fail(ECHO_ERROR_ARGUMENT, "there are %llu weights; the most is %llu.",
                static_cast<unsigned long long>(starts[settings.size]),
                static_cast<unsigned long long>(kMostWeights));
  }
  return ECHO_OK;
}

}  // namespace

echo_status Reservoir::Create(const echo_reservoir_settings& settings,
                              const echo_reservoir_weights& weights,
                              std::unique_ptr<Reservoir>* made) {
  if (settings.size == 0 || settings.size > 65536) {
    return Fail(ECHO_ERROR_ARGUMENT, "size is %u; it must be from 1 to 65536.", settings.size);
  }
  if (settings.activation < ECHO_TANH || settings.activation > ECHO_SOFTPLUS) {
    return Fail(ECHO_ERROR_ARGUMENT, "activation is %d; it must be from 0 to 4.",
                settings.activation);
  }
  if (settings.n_inputs > 65536 || settings.n_feedback > 65536) {
    return Fail(ECHO_ERROR_ARGUMENT, "n_inputs is %u and n_feedback %u; each may be 65536.",
                settings.n_inputs, settings.n_feedback);
  }
  if (settings.element_bytes != 4 && settings.element_bytes != 8) {
    return Fail(ECHO_ERROR_ARGUMENT, "element_bytes is %d; it must be 4 or 8.",
                settings.element_bytes);
  }
  if (!(settings.noise >= 0.0) || std::isinf(settings.noise)) {
    return Fail(ECHO_ERROR_ARGUMENT, "noise is %g; it must be finite and at least 0.",
                settings.noise);
  }
  const echo_status status = CheckMatrix(settings, weights);
  if (status != ECHO_OK) return status;
  // Vectors cannot fail, so what they will take is asked for once before.
  const uint64_t numbers =
      6 * weights.starts[settings.size] +
      uint64_t{settings.size} * (2 * (settings.n_inputs + uint64_t{settings.n_feedback}) + 64);
  const uint64_t bytes = numbers * static_cast<uint64_t>(settings.element_bytes);
  void* probe =
      bytes > SIZE_MAX ? nullptr : ::operator new(static_cast<size_t>(bytes), std::nothrow);
  if (probe == nullptr) {
    return Fail(ECHO_ERROR_MEMORY, "There is no memory left for a reservoir of %llu weights.",
                static_cast<unsigned long long>(weights.starts[settings.size]));
  }
  ::operator delete(probe);
  if (settings.element_bytes == 4) {
    *made = std::make_unique<TypedReservoir<float>>(settings, weights);
  } else {
    *made = std::make_unique<TypedReservoir<double>>(settings, weights);
  }
  return ECHO_OK;
}

}  // namespace echo::esn
