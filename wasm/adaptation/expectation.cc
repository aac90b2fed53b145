#include "adaptation/expectation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "ops/expectation.h"
#include "status.h"

namespace echo::adaptation {
namespace {

constexpr double kTiny = 1e-30;
constexpr double kUnlikely = 1e-6;  // so that the logarithm of 0 is a number

// Numbers that say how sure an expert is.
void Say(double* signs, double first, double second, double third, double sure) {
  signs[0] = 1.0;
  signs[1] = first;
  signs[2] = second;
  signs[3] = third;
  signs[4] = sure;
}

// The model's probabilities, and those of the readout in the next row.
void Correct(echo_expectation* e) {
  const size_t n = static_cast<size_t>(e->n_slots);
  double* model = e->experts;
  double* moved = model + n;
  double of_model = 0.0;
  double of_moved = 0.0;
  for (size_t j = 0; j < n; ++j) {
    model[j] = moved[j] = 0.0;
    if (e->tokens[j] < 0) continue;
    model[j] = std::exp(static_cast<double>(e->logits[e->tokens[j]]) - e->log_sum);
    moved[j] = model[j] * std::exp(std::clamp(e->corrections[j], -e->most, e->most));
    of_model += model[j];
    of_moved += moved[j];
  }
  const double scale = 1.0 / std::max({1.0 - of_model + of_moved, of_moved, kTiny});
  for (size_t j = 0; j < n; ++j) moved[j] *= scale;
  e->rests[0] = 1.0;
  e->rests[1] = scale;
}

// What followed contexts like this one: the distribution of expert 2 + i.
void Remember(echo_expectation* e, size_t i, float top, double sure) {
  const size_t n = static_cast<size_t>(e->n_slots);
  const size_t n_contexts = static_cast<size_t>(e->n_contexts);
  const float* alike = e->work;
  float* weights = e->work + n_contexts;
  double* found = e->experts + (2 + i) * n;
  ops::Exponentials(alike, n_contexts, static_cast<float>(e->resolutions[i]), top, weights);
  std::fill_n(found, n, 0.0);
  double total = 0.0;
  for (size_t s = 0; s < n_contexts; ++s) {
    const double weight = static_cast<double>(weights[s]);
    found[e->followers[s]] += weight;
    total += weight;
  }
  for (size_t j = 0; j < n; ++j) found[j] /= total;
  const size_t likeliest = static_cast<size_t>(std::max_element(found, found + n) - found);
  Say(e->signs + (1 + i) * ECHO_SIGNS,
      e->resolutions[i] * (static_cast<double>(top) - 1.0) + std::log(total),
      std::log(found[likeliest]), std::log(e->experts[likeliest] + kUnlikely), sure);
  e->rests[2 + i] = 0.0;
}

// The softmax of the experts' scores; that of the model is 0.
void Share(echo_expectation* e) {
  double scores[ECHO_EXPERTS] = {};
  for (size_t i = 1; i < ECHO_EXPERTS; ++i) {
    for (size_t k = 0; k < ECHO_SIGNS; ++k) {
      const size_t at = (i - 1) * ECHO_SIGNS + k;
      scores[i] += e->signs[at] * e->weights[at];
    }
  }
  const double most = *std::max_element(scores, scores + ECHO_EXPERTS);
  double total = 0.0;
  for (size_t i = 0; i < ECHO_EXPERTS; ++i) {
    e->shares[i] = std::exp(scores[i] - most);
    total += e->shares[i];
  }
  for (size_t i = 0; i < ECHO_EXPERTS; ++i) e->shares[i] /= total;
}

void Mix(echo_expectation* e) {
  const size_t n = static_cast<size_t>(e->n_slots);
  double weights[ECHO_EXPERTS];
  e->rest = 0.0;
  for (size_t i = 0; i < ECHO_EXPERTS; ++i) {
    weights[i] = (1.0 - e->alone) * e->shares[i] + (i == 0 ? e->alone : 0.0);
    e->rest += weights[i] * e->rests[i];
  }
  for (size_t j = 0; j < n; ++j) {
    // What is forbidden stays so, and is no loss for the others: logits need no sum.
    const bool forbidden = e->experts[j] == 0.0;
    e->mixed[j] = 0.0;
    for (size_t i = 0; i < ECHO_EXPERTS; ++i) {
      double* expert = e->experts + i * n;
      if (forbidden) expert[j] = 0.0;
      e->mixed[j] += weights[i] * expert[j];
    }
  }
}

echo_status Check(const echo_expectation& e) {
  for (uint64_t j = 0; j < e.n_slots; ++j) {
    if (e.tokens[j] < -1 || e.tokens[j] >= static_cast<int64_t>(e.n_vocab)) {
      return Fail(ECHO_ERROR_ARGUMENT,
                  "tokens[%llu] is %lld; it must be -1 or below n_vocab, %llu.",
                  static_cast<unsigned long long>(j), static_cast<long long>(e.tokens[j]),
                  static_cast<unsigned long long>(e.n_vocab));
    }
  }
  for (uint64_t s = 0; s < e.n_contexts; ++s) {
    if (e.followers[s] < 0 || e.followers[s] >= static_cast<int64_t>(e.n_slots)) {
      return Fail(ECHO_ERROR_ARGUMENT,
                  "followers[%llu] is %lld; it must be at least 0 and below n_slots, %llu.",
                  static_cast<unsigned long long>(s), static_cast<long long>(e.followers[s]),
                  static_cast<unsigned long long>(e.n_slots));
    }
  }
  return ECHO_OK;
}

}  // namespace

echo_status Expect(echo_expectation* e) {
  const echo_status status = Check(*e);
  if (status != ECHO_OK) return status;
  const size_t n_vocab = static_cast<size_t>(e->n_vocab);
  const size_t n_contexts = static_cast<size_t>(e->n_contexts);
  const float most = ops::Largest(e->logits, n_vocab);
  if (!std::isfinite(most)) {
    e->log_sum = std::numeric_limits<double>::quiet_NaN();
    return ECHO_OK;
  }
  const double largest = static_cast<double>(most);
  e->log_sum = largest + std::log(ops::SumExponentials(e->logits, n_vocab, most));
  const double sure = largest - e->log_sum;
  Correct(e);
  Say(e->signs, std::log1p(e->count), 0.0, 0.0, sure);
  ops::Products(e->contexts, n_contexts, static_cast<size_t>(e->width), e->vector, e->work);
  const float top = ops::Largest(e->work, n_contexts);
  for (size_t i = 0; i < 2; ++i) Remember(e, i, top, sure);
  Share(e);
  Mix(e);
  return ECHO_OK;
}

}  // namespace echo::adaptation
